"""What an audit says: of a judge on a criterion, of the criterion, of all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from judgekit.agreement.association.comparing import Significance
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.bias.error_correlation import ErrorCorrelation
from judgekit.agreement.bias.range_use import MarginalHomogeneity, Use
from judgekit.agreement.bias.second_looks import SecondLook
from judgekit.agreement.bias.slices import Slice
from judgekit.agreement.chance.profile import Coverage
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import Drawn
from judgekit.agreement.models.bland import BlandAltman
from judgekit.agreement.models.rasch import Severities
from judgekit.agreement.people.alt_test import AltTest
from judgekit.agreement.people.ceiling import Ceiling, Replacement
from judgekit.agreement.probability.reliability import ReliabilityDiagram
from judgekit.agreement.probability.selective import Selection
from judgekit.agreement.sampling.ppi import Sampling
from judgekit.errors import InputError
from judgekit.types import Estimate, is_control

T = TypeVar("T")
LONG = 10
"""With more labels than this no table or bar for each label is drawn."""


@dataclass(frozen=True, slots=True)
class How:
    """How an audit draws and bounds; `error`, `epsilon`, `sampling`, `only_deciding` are those of `audit`."""

    level: float = 0.95
    seed: int = 0
    b: int = 1000
    error: float = 0.1
    epsilon: float = 0.15
    sampling: Sampling = "unknown"
    only_deciding: bool = False

    @property
    def options(self) -> Drawn:
        """Level, seed and resamples as keywords."""
        return {"level": self.level, "seed": self.seed, "b": self.b}


@dataclass
class Skipped:
    """What was not computed, and why; an audit says it and goes on."""

    why: dict[str, str] = field(default_factory=dict)

    def unless(self, name: str, make: Callable[[], T]) -> T | None:
        """What `make` gives; None, and the reason kept, where the data are refused."""
        try:
            return make()
        except InputError as error:
            self.why[name] = str(error)
            return None

    def say(self, name: str, why: str) -> None:
        """Why something is not there."""
        self.why[name] = why


@dataclass(frozen=True, slots=True, eq=False)
class Sureness:
    """Whether the judge's probability `p` (n,) of its label is the share on which people agree.

    The selection is the threshold above which its verdicts may stand alone; those without a probability, or
    on which people do not say one label, are counted as dropped.
    """

    diagram: ReliabilityDiagram
    mcb: Estimate
    ece: Estimate
    selection: Selection
    p: Floats
    agrees: Floats
    kind: str


@dataclass(frozen=True, slots=True)
class Beside:
    """A rule that costs nothing beside the judge: the agreement of both with people, and the judge's less it.

    All three are of the same units, counted in the same way. A `constant` rule says one label whatever is
    judged.
    """

    name: str
    agreement: Estimate
    judge: Estimate
    difference: Estimate
    test: Significance | None
    constant: bool


@dataclass(frozen=True, slots=True)
class Systems:
    """How the judge ranks systems beside people: their means by both, and how the orders agree.

    `groupings` is Pearson's correlation in four groupings; `reversals` are pairs of systems that people
    separate and the judge separates the other way round.
    """

    names: tuple[str, ...]
    human: tuple[Estimate, ...]
    judge: tuple[Estimate, ...]
    soft_accuracy: Estimate
    pair_accuracy: Estimate
    groupings: Mapping[str, Estimate]
    reversals: tuple[tuple[str, str], ...]
    n_pairs: int


@dataclass(frozen=True, slots=True, eq=False)
class PanelAudit:
    """The judges of a criterion together, without controls: how many independent ones they are worth.

    A substitute sits on the seat of the judge it stood in for, under its own name where that gave no verdict.
    `within` is the same within people's labels: a label that is hard for all is no fault they share. The
    `gap` is the accuracy of their majority if they erred independently, less its actual accuracy. Both are
    missing on a long scale, the gap also where no unit has a verdict of all.
    """

    judges: tuple[str, ...]
    errors: ErrorCorrelation
    effective: Estimate
    within: Estimate | None
    gap: float


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgeAudit:
    """One judge on one criterion; what was not computed is None or empty, and `skipped` says why.

    Args:
        main: The coefficient that gates look at, against what most people say. The declared scale decides
            which: kappa of labels without order, quadratic kappa of labels with one, ICC(A,1) of numbers,
            quadratic kappa of each pair counted in both orders. `headline` are those to show first,
            `coefficients` all.
        coverage: Share of the labelled units it gave a verdict on, and the bounds of agreement that the rest
            leaves open; `abstained` counts it by reason.
        one_label: Whether it gives one label whatever it sees.
        errors: Units on which it says something else than most people do, and units compared.
        skill: 1 less its mean squared error (its mean error taken out) over that of the best single label:
            below 0, one label for everything would be nearer to people. Of labels without order and of two
            labels its accuracy less that of the commonest label.
        by_system: System -> mean of judge less people on what it wrote, in shares of the scale, with
            intervals that hold together; of pairs, of its win rate. Of labels without order: label -> share.
        labels_by_system: The same against what most people say, whom a single verdict stands in for.
        table: Confusion, shape (n_labels, n_labels), judge by people; None on a long scale.
        signed_error: Mean of judge less people, in shares of the scale.
        level: People's mean over everything it rated, corrected by the labels; None where all was labelled.
        use: How its use of the scale differs from people's; `margins` whether it uses labels as often.
        limits: Bland and Altman's, on a scale with an order.
        associations: Correlations, blind to severity; of pairs Pearson's around a tie and named accuracies.
        ceiling: Beside the people, each left out in turn; `aligned` the same by correlation, as it could be
            with its severity corrected.
        replacement: As one more annotator, and in the place of one; `alt_test` whether it may stand in.
        sureness: Calibration of its probabilities.
        lengths: What it pays for length.
        controls: Rules that cost nothing, beside it.
        slices: Column -> the main coefficient by group.
        repeats: Whether it says the same when asked again; empty where nothing was asked twice.
        second_look: What became of its answers when it was shown them; None where it was not.
        self_preference: What it gives its own family beyond what people do.
        populations: Its agreement with each population, the population's own, and the gaps between them.
        rates: Of two labels: share of people's better label it finds, and of the worse.
        more: What sections of one's own say, by name.
    """

    judge: str
    criterion: str
    main: Estimate
    signed_error: Estimate
    headline: tuple[Estimate, ...] = ()
    coefficients: tuple[Estimate, ...] = ()
    coverage: Coverage | None = None
    abstained: Mapping[str, int] = field(default_factory=dict)
    one_label: bool = False
    table: Floats | None = None
    errors: tuple[int, int] = (0, 0)
    skill: Estimate | None = None
    by_system: Mapping[str, Estimate] = field(default_factory=dict)
    labels_by_system: Mapping[str, Estimate] = field(default_factory=dict)
    level: Estimate | None = None
    use: Mapping[str, Estimate] = field(default_factory=dict)
    margins: MarginalHomogeneity | None = None
    limits: BlandAltman | None = None
    associations: Mapping[str, Estimate] = field(default_factory=dict)
    ceiling: Ceiling | None = None
    aligned: Ceiling | None = None
    replacement: Replacement | None = None
    alt_test: AltTest | None = None
    orders: Mapping[str, Estimate] = field(default_factory=dict)
    sureness: Sureness | None = None
    systems: Systems | None = None
    lengths: tuple[Estimate, ...] = ()
    controls: tuple[Beside, ...] = ()
    slices: Mapping[str, tuple[Slice, ...]] = field(default_factory=dict)
    repeats: Mapping[str, Estimate] = field(default_factory=dict)
    second_look: SecondLook | None = None
    self_preference: tuple[Estimate, ...] = ()
    populations: Mapping[str, Estimate] = field(default_factory=dict)
    rates: Mapping[str, Estimate] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_control(self) -> bool:
        """Whether it is a rule that costs nothing."""
        return is_control(self.judge)


@dataclass(frozen=True, eq=False, kw_only=True)
class CriterionAudit:
    """One criterion: what it rests on (`labelled`), and its judges, controls last.

    Args:
        human: Agreement of people with each other; `human_alpha` Krippendorff's.
        reliability: Alpha of the mean of as many people as label a unit (Spearman and Brown), which is what a
            judge is compared with: the number that gates look at.
        double_labelled: Units with labels by two people or more.
        rarest: Units outside the label people give most: with few of them no interval of a kappa holds.
        uses: Rater (people together as `people`) -> how it uses the scale.
        severities: Of judges and people, in logits.
        skipped: What was not computed -> why.
    """

    labelled: Labelled
    human: tuple[Estimate, ...]
    human_alpha: Estimate
    double_labelled: int
    rarest: int
    reliability: Estimate
    uses: Mapping[str, Use]
    judges: tuple[JudgeAudit, ...]
    panel: PanelAudit | None
    severities: Severities | None
    skipped: Mapping[str, str]

    @property
    def criterion(self) -> str:
        """Its id."""
        return self.labelled.criterion


@dataclass(frozen=True, eq=False)
class Audit:
    """An audit of judges against people, one criterion after the other; its figures are made of its sections.

    `provenance` is what is known of where the data come from: files, judges, reduction, rubric.
    """

    criteria: tuple[CriterionAudit, ...]
    how: How
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[Any, ...] = ()

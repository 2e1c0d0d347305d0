"""What an audit says: of a judge on a criterion, of the criterion, of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.parts import Beside, How, Sureness
from judgekit.agreement.auditing.systems import PanelAudit, Systems
from judgekit.agreement.bias.margins import MarginalHomogeneity
from judgekit.agreement.bias.range_use import Use
from judgekit.agreement.bias.slices import Slice
from judgekit.agreement.chance.profile import Coverage
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.models.bland import BlandAltman
from judgekit.agreement.models.rasch import Severities
from judgekit.agreement.people.alt_test import AltTest
from judgekit.agreement.people.ceiling import Ceiling
from judgekit.agreement.people.replacement import Replacement
from judgekit.types import Estimate, is_control


@dataclass(frozen=True, eq=False)
class JudgeAudit:
    """One judge on one criterion.

    Args:
        judge: Its name.
        criterion: Of the criterion.
        main: The coefficient that gates look at: kappa, quadratic kappa on an ordered scale, ICC(A,1) on a
            long one; against what most people say.
        headline: The coefficients to show first.
        coefficients: All of them.
        coverage: Share of the labelled units it gave a verdict on, and the bounds of agreement that the
            rest leaves open.
        abstained: Reason -> how many.
        table: Confusion, shape (n_labels, n_labels), judge by people; None on a long scale.
        signed_error: Mean of judge less people, in shares of the scale.
        level: People's mean over everything it rated, corrected by the labels; None where all was labelled.
        use: How its use of the scale differs from people's.
        margins: Whether it uses labels as often as people do.
        limits: Bland and Altman's, on a scale with an order.
        associations: Correlations, blind to severity.
        ceiling: Beside the people, each left out in turn.
        aligned: The same by correlation, as it could be with its severity corrected.
        replacement: As one more annotator, and in the place of one.
        alt_test: Whether it may stand in for an annotator.
        orders: Order effects.
        sureness: Calibration of its probabilities.
        systems: How it ranks systems.
        lengths: What it pays for length.
        controls: Rules that cost nothing, beside it.
        slices: Column -> the main coefficient by group.
        repeats: Whether it says the same when asked again; empty where nothing was asked twice.
        self_preference: What it gives its own family beyond what people do; empty where that is not known.
        populations: Its agreement with each population, the population's own, and the gaps between them.
        rates: Of two labels: share of people's better label it finds, and of the worse.
        skipped: What was not computed -> why.
    """

    judge: str
    criterion: str
    main: Estimate
    headline: tuple[Estimate, ...]
    coefficients: tuple[Estimate, ...]
    coverage: Coverage | None
    abstained: Mapping[str, int]
    table: Floats | None
    signed_error: Estimate
    level: Estimate | None
    use: Mapping[str, Estimate]
    margins: MarginalHomogeneity | None
    limits: BlandAltman | None
    associations: Mapping[str, Estimate]
    ceiling: Ceiling | None
    aligned: Ceiling | None
    replacement: Replacement | None
    alt_test: AltTest | None
    orders: Mapping[str, Estimate]
    sureness: Sureness | None
    systems: Systems | None
    lengths: tuple[Estimate, ...]
    controls: tuple[Beside, ...]
    slices: Mapping[str, tuple[Slice, ...]]
    repeats: Mapping[str, Estimate]
    self_preference: tuple[Estimate, ...]
    populations: Mapping[str, Estimate]
    rates: Mapping[str, Estimate]
    skipped: Mapping[str, str]

    @property
    def is_control(self) -> bool:
        """Whether it is a rule that costs nothing."""
        return is_control(self.judge)


@dataclass(frozen=True, eq=False)
class CriterionAudit:
    """One criterion.

    Args:
        labelled: What it rests on.
        human: Agreement of people with each other.
        human_alpha: Krippendorff's alpha of people, the number that gates look at.
        double_labelled: Units with labels by two people or more.
        rarest: Units outside the label people give most: with few of them no interval of a kappa holds.
        uses: Rater (people together as `people`) -> how it uses the scale.
        judges: The judges, controls last.
        panel: The judges together; None for a single one.
        severities: Of judges and people, in logits.
        skipped: What was not computed -> why.
    """

    labelled: Labelled
    human: tuple[Estimate, ...]
    human_alpha: Estimate
    double_labelled: int
    rarest: int
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
    """An audit of judges against people.

    Args:
        criteria: One after the other.
        how: Level, seed and resamples.
        notes: What a reader should know of the data.
        provenance: What is known of where they come from: files, judges, reduction, rubric.
    """

    criteria: tuple[CriterionAudit, ...]
    how: How
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

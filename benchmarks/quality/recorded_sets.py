"""What a recorded set is to this benchmark: units with people's labels, and judges asked about them.

Two shapes carry everything. A `QualitySet` has the units, their trusted labels and the recorded judges. An
`Arm` is one way of using the judges: one outcome a unit, abstentions included, and what it cost.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from judgekit.prompt import estimate_tokens
from judgekit.scales import Scale
from judgekit.types import Call, Item, Message, Outcome, Unit, Verdict

CRITERION = "better"


@dataclass(frozen=True, eq=False)
class Recorded:
    """A recorded judge.

    Args:
        name: Model and prompting.
        outcomes: Unit -> all outcomes, one an order or sample.
        calls: Calls an item for one order (or sample), and for all that are recorded.
        tokens: Unit -> estimated tokens of one order and of all; empty where no texts are recorded.
    """

    name: str
    outcomes: Mapping[Unit, tuple[Outcome, ...]]
    calls: tuple[int, int] = (1, 2)
    tokens: Mapping[Unit, tuple[float, float]] = field(default_factory=dict)

    @property
    def both_orders(self) -> bool:
        """Whether some unit was asked about in two orders."""
        return any(len({o.shown for o in own}) > 1 for own in self.outcomes.values())


@dataclass(frozen=True, eq=False)
class QualitySet:
    """A recorded set.

    Args:
        name: Of the set, with its part.
        source: Commit and licence, from its SOURCE.md.
        scale: Of the labels.
        gold: Unit -> trusted label, in the order of the file.
        judges: Name -> judge.
        strong: The judge that a single verdict is taken from.
        cheap: The judge that is asked first in a cascade; empty for none.
        panel: Judges of the panel.
        items: Unit -> item, for the controls; without texts the length rule is silent.
        values: Unit -> trusted value in the scale's own numbers, for graded scales.
        notes: What the set does not allow.
    """

    name: str
    source: str
    scale: Scale
    gold: Mapping[Unit, str]
    judges: Mapping[str, Recorded]
    strong: str
    cheap: str = ""
    panel: tuple[str, ...] = ()
    items: Mapping[Unit, Item] = field(default_factory=dict)
    values: Mapping[Unit, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def units(self) -> tuple[Unit, ...]:
        """In the order of the file."""
        return tuple(self.gold)

    @property
    def tie_is_half(self) -> bool:
        """Whether people were given no tie, so that a judge's tie is half right."""
        return "tie" not in self.gold.values()


@dataclass(frozen=True, eq=False)
class Arm:
    """One way of using the judges.

    Args:
        name: As printed.
        outcomes: Unit -> its one outcome.
        calls: Mean calls an item.
        tokens: Mean estimated tokens an item, nan if unknown.
        judges: Whose calls it needs; none for a control.
        candidate: Whether it may be chosen as a default.
        note: What a reader should know.
    """

    name: str
    outcomes: Mapping[Unit, Outcome]
    calls: float = 0.0
    tokens: float = 0.0
    judges: tuple[str, ...] = ()
    candidate: bool = False
    note: str = ""


def spent(
    data: QualitySet, names: Iterable[str], *, every: bool, units: Sequence[Unit] | None = None
) -> tuple[float, float]:
    """Calls and tokens an item of asking these judges, in one order or in all.

    Args:
        data: The set.
        names: Of the judges.
        every: All recorded orders or samples, or one.
        units: The units that are asked about; all where left out. The mean is over all units all the same.
    """
    asked = data.units if units is None else units
    n = len(data.units)
    calls = tokens = 0.0
    for name in names:
        judge = data.judges[name]
        calls += judge.calls[every] * len(asked) / n
        known = [judge.tokens[u][every] for u in asked if u in judge.tokens]
        tokens += math.fsum(known) / n if len(known) == len(asked) else math.nan
    return calls, tokens


def estimated(*texts: str) -> float:
    """Tokens of texts, estimated as a plan does: on the high side."""
    return float(estimate_tokens([Message("user", text) for text in texts]))


def asking(unit: Unit, item: Item | None, sample: int = 0) -> Call:
    """A call about a unit, for a control to look at."""
    return Call("", ((unit, CRITERION),), "compare", (), shown=unit.responses, sample=sample, item=item)


def source_of(folder: Path) -> str:
    """Commit and licence of a set as its SOURCE.md states them.

    Raises:
        ValueError: If it states no commit.
    """
    text = (folder / "SOURCE.md").read_text(encoding="utf-8")
    commit = re.search(r"github (\S+?),? commit ([0-9a-f]{40})", text)
    licence = re.search(r"(?:License:?|is) \W*(MIT|Apache-2\.0)", text)
    if commit is None:
        raise ValueError(f"{folder / 'SOURCE.md'} states no commit")
    return f"{commit[1]} at {commit[2][:12]}, {licence[1] if licence else 'licence not stated'}"


def drawn_order(judge: Recorded, units: Sequence[Unit], seed: int) -> dict[Unit, Outcome]:
    """One outcome a unit: of the order (or sample) that the seed draws."""
    draws = np.random.default_rng(seed).random(len(units))
    picked = {}
    for unit, draw in zip(units, draws, strict=True):
        own = sorted(judge.outcomes[unit], key=lambda o: (o.shown != unit.responses, o.sample))
        picked[unit] = own[int(draw * len(own))]
    return picked


def certain(rater: str, unit: Unit, criterion: str, scale: Scale, label: str) -> Verdict:
    """A verdict that is sure of one label.

    Raises:
        ValueError: If the label is not on the scale.
    """
    value = scale.value(label)
    if value is None:
        raise ValueError(f"{label!r} is not on the scale of {rater!r}")
    return Verdict(rater, unit, criterion, ((label, 1.0),), label, value)

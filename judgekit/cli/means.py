"""What scores come to, added up item by item: means of systems with intervals, and which gates fired."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from judgekit.agreement.core.sums import Sums
from judgekit.cli.printing import say, say_table
from judgekit.types import Item, Score, Unit

_HEADS = ("system", "mean score", "95 % interval", "scores", "without a score")


@dataclass
class Means:
    """Means over the items, as sums: a million items need no more memory than one."""

    n_scores: int = 0
    units: int = 0
    gates: Counter[str] = field(default_factory=Counter)
    systems: dict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))

    def add(self, item: Item | None, scores: Iterable[Score]) -> None:
        """Add the scores of one item; of a pair the second response has what the first has not."""
        by_unit: dict[Unit, list[Score]] = {}
        for score in scores:
            self.n_scores += 1
            by_unit.setdefault(score.unit, []).append(score)
        found: dict[str, list[float | None]] = defaultdict(list)
        for unit, own in by_unit.items():
            if (settled := _settled(own)) is None:
                continue
            self.units += 1
            if settled.gate:
                self.gates[settled.gate] += 1
            value = settled.value
            if len(unit.responses) != 2:
                found[settled.system].append(value)
                continue
            for side, response in enumerate(unit.responses):
                if item is not None and (system := item.systems.get(response)):
                    found[system].append(1.0 - value if side and value is not None else value)
        for name, values in found.items():
            there = [value for value in values if value is not None]
            self.systems[name].add(there, len(values) - len(there))

    def say(self) -> None:
        """Print a line for each system, or one for all, and which gates fired how often."""
        if self.systems:
            rows = [_row(name, sums) for name, sums in sorted(self.systems.items())]
            say()
            say_table(_HEADS, rows, right=set(_HEADS) - {"system", "95 % interval"})
        for name, n in self.gates.most_common():
            say(f"gate or veto {name!r} fired on {n} of {self.units}: their score is 0")


def _settled(scores: Sequence[Score]) -> Score | None:
    """Return the score that stands for a unit: the rubric's, or that of its one criterion."""
    whole, alone = ([each for each in scores if each.level == level] for level in ("rubric", "criterion"))
    return next(iter(whole or alone[: len(alone) == 1]), None)


def _row(name: str, sums: Sums) -> tuple[str, ...]:
    found = sums.mean("mean")
    none = math.isnan(found.low) or math.isnan(found.high)
    mean = "none" if math.isnan(found.value) else f"{found.value:.3f}"
    interval = "none" if none else f"{found.low:.3f} to {found.high:.3f}"
    return name or "(all)", mean, interval, str(sums.n), str(sums.missing)

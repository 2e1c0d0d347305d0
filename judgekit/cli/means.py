"""What scores come to, added up item by item: means of systems with intervals, and which gates fired."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from judgekit.aggregate.systems import add_item, settled
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
    systems: dict[str, Sums] = field(default_factory=dict)

    def add(self, item: Item | None, scores: Iterable[Score]) -> None:
        """Add the scores of one item."""
        by_unit: dict[Unit, list[Score]] = {}
        for score in scores:
            self.n_scores += 1
            by_unit.setdefault(score.unit, []).append(score)
        known = {} if item is None else item.systems
        units: list[tuple[Score, Sequence[str | None]]] = []
        for unit, own in by_unit.items():
            if (whole := settled(own)) is not None:
                pair = [known.get(response) or None for response in unit.responses]
                units.append((whole, pair if len(pair) == 2 else [whole.system]))
        self.units += len(units)
        self.gates.update(score.gate for score, _ in units if score.gate)
        add_item(self.systems, units)

    def say(self) -> None:
        """Print a line for each system, or one for all, and which gates fired how often."""
        if self.systems:
            rows = [_row(name, sums) for name, sums in sorted(self.systems.items())]
            say()
            say_table(_HEADS, rows, right=set(_HEADS) - {"system", "95 % interval"})
        for name, n in self.gates.most_common():
            say(f"gate or veto {name!r} fired on {n} of {self.units}: their score is 0")


def _row(name: str, sums: Sums) -> tuple[str, ...]:
    found = sums.mean("mean")
    none = math.isnan(found.low) or math.isnan(found.high)
    mean = "none" if math.isnan(found.value) else f"{found.value:.3f}"
    interval = "none" if none else f"{found.low:.3f} to {found.high:.3f}"
    return name or "(all)", mean, interval, str(sums.n), str(sums.missing)

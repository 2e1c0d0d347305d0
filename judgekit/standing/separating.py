"""Are these systems told apart yet? Asked after every item, and right at all times.

Who looks after each comparison until p < .05 finds a difference between equal systems sooner or later; a
confidence sequence holds at every look at once. It is of the share that one system wins of the items on which
one of the two won: of equal systems that is one half whatever is asked, and how often they tie.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from judgekit.agreement.sampling.planning import share_sequence
from judgekit.distribution import as_said
from judgekit.errors import InputError

_EVEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What direct comparisons of two systems have said, looked at after each.

    Args:
        won: Items on which `one` won, of `n` on which either did; `ties` are the others.
        low: Lower end of the confidence sequence of its share, and `high` the upper end.
        after: The number of items seen when the two were told apart; None where they are not.
    """

    one: str
    other: str
    won: int
    n: int
    ties: int
    low: float
    high: float
    after: int | None


@dataclass(slots=True)
class Separation:
    """Pairs of systems on their way to being told apart, each at its part of the level.

    Args:
        pairs: The pairs that have to be told apart; Bonferroni's share of the error goes to each.
        level: Of all pairs together.

    >>> watched = Separation([("a", "b")])
    >>> for _ in range(20):
    ...     watched.add({("b", "a"): 0.0})
    >>> watched.is_done, watched.found()[0].after
    (True, 7)
    """

    pairs: Iterable[tuple[str, str]]
    level: float = 0.95
    items: int = 0
    _counts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _after: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise InputError(f"a level of {self.level} is not between 0 and 1")
        self._counts = {(min(pair), max(pair)): [0, 0, 0] for pair in self.pairs}

    @property
    def is_done(self) -> bool:
        """Whether all pairs are told apart; there has to be one."""
        return 0 < len(self._counts) == len(self._after)

    def add(self, values: Mapping[tuple[str, str], float]) -> None:
        """Count an item: of pairs of systems, how far the first is preferred; one half is a tie."""
        self.items += 1
        for (a, b), value in values.items():
            pair = (min(a, b), max(a, b))
            counts = self._counts.get(pair)
            if counts is None:
                continue
            said = as_said(value)
            if said == _EVEN:
                counts[2] += 1
                continue
            counts[0] += (said > _EVEN) == (pair == (a, b))
            counts[1] += 1
            low, high = self._ends(pair)
            if pair not in self._after and not low <= _EVEN <= high:
                self._after[pair] = self.items

    def _ends(self, pair: tuple[str, str]) -> tuple[float, float]:
        won, n, _ = self._counts[pair]
        return share_sequence(won, n, level=1.0 - (1.0 - self.level) / len(self._counts))

    def found(self) -> tuple[Looked, ...]:
        """Return what is known of each pair."""
        made = []
        for pair, (won, n, ties) in sorted(self._counts.items()):
            low, high = self._ends(pair)
            made.append(
                Looked(
                    one=pair[0], other=pair[1], won=won, n=n, ties=ties, low=low, high=high,
                    after=self._after.get(pair),
                )
            )  # fmt: skip
        return tuple(made)

    def plain(self) -> dict[str, Any]:
        """Return it as `run.json` holds it."""
        names = Looked.__dataclass_fields__
        pairs = [{name: getattr(each, name) for name in names} for each in self.found()]
        return {"level": self.level, "items": self.items, "done": self.is_done, "pairs": pairs}

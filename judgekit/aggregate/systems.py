"""The scores of an item -> the means of systems, added up: what the terminal and the page tell of them."""

from collections.abc import Iterable, MutableMapping, Sequence

from judgekit.agreement.core.sums import Sums
from judgekit.types import Score


def settled(scores: Sequence[Score]) -> Score | None:
    """Return the score that stands for a unit: the rubric's, or that of its one criterion."""
    whole, alone = ([each for each in scores if each.level == level] for level in ("rubric", "criterion"))
    return next(iter(whole or alone[: len(alone) == 1]), None)


def add_item(means: MutableMapping[str, Sums], units: Iterable[tuple[Score, Sequence[str | None]]]) -> None:
    """Add an item's units, each with its score and who wrote its responses; None is nobody that is known.

    The second response of a pair has what the first has not.
    """
    found: dict[str, list[float | None]] = {}
    for score, systems in units:
        for side, name in enumerate(systems):
            value = 1.0 - score.value if side and score.value is not None else score.value
            if name is not None:
                found.setdefault(name, []).append(value)
    for name, values in found.items():
        there = [value for value in values if value is not None]
        means.setdefault(name, Sums()).add(there, len(values) - len(there))

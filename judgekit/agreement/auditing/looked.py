"""What judges said before and after a second look, as their verdicts' flags have it."""

from collections.abc import Sequence
from dataclasses import dataclass

from judgekit.types import BEFORE_LOOK, Outcome, Unit, Verdict


@dataclass(frozen=True, slots=True)
class Looks:
    """Answers of one judge that it looked at again: the labelled unit's row, the first label, the second."""

    rows: tuple[int, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]


def looks_of(raw: Sequence[Outcome], units: Sequence[Unit]) -> dict[str, Looks]:
    """Answers of each judge before and after a second look."""
    row = {unit: i for i, unit in enumerate(units)}
    found: dict[str, list[tuple[int, str, str]]] = {}
    for each in raw:
        if isinstance(each, Verdict) and each.unit in row:
            for flag in each.flags:
                if flag.startswith(BEFORE_LOOK):
                    before = flag.removeprefix(BEFORE_LOOK)
                    found.setdefault(each.rater, []).append((row[each.unit], before, each.label))
    return {judge: Looks(*zip(*own, strict=True)) for judge, own in found.items()}

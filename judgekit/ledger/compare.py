"""Two ledgers, or the outcomes of two runs, held against each other.

Ledgers are read side by side in the order of keys, so their size does not matter; of two runs the outcomes of
the first are held in memory.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import orjson

from judgekit.errors import InputError
from judgekit.ledger.columns import told_text
from judgekit.ledger.file import is_sqlite
from judgekit.ledger.store import Ledger
from judgekit.ledger.tools import LATEST
from judgekit.types import brief
from judgekit.writing import unreadable, whole

OUTCOMES: Final = "outcomes.jsonl"
_ANSWER: Final = ("text", "fault", "logprobs", "probs")

What = Literal["label", "value", "reason", "verdict to abstention", "abstention to verdict"]


@dataclass(frozen=True, slots=True)
class LedgerDiff:
    """What two ledgers answer differently by key; of each key the latest reply counts."""

    same: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    changed: tuple[tuple[str, tuple[str, ...]], ...]

    __repr__ = brief

    @property
    def equal(self) -> bool:
        """Whether they answer alike."""
        return not (self.only_a or self.only_b or self.changed)


class Place(NamedTuple):
    """What an outcome is the outcome of; `nth` counts outcomes that have all else in common."""

    item_id: str
    responses: tuple[str, ...]
    part: str
    criterion: str
    rater: str
    sample: int
    shown: tuple[str, ...]
    nth: int


@dataclass(frozen=True, slots=True)
class Change:
    """An outcome that is another in the second run: what of it, before and after."""

    place: Place
    what: What
    before: str | float | None
    after: str | float | None


@dataclass(frozen=True, slots=True)
class OutcomeDiff:
    """How the outcomes of two runs differ in label, value or reason; other words do not count."""

    same: int
    only_a: tuple[Place, ...]
    only_b: tuple[Place, ...]
    changed: tuple[Change, ...]

    __repr__ = brief

    @property
    def equal(self) -> bool:
        """Whether nothing changed."""
        return not (self.only_a or self.only_b or self.changed)

    @property
    def counts(self) -> Mapping[str, int]:
        """What changed -> how often."""
        return dict(sorted(Counter(change.what for change in self.changed).items()))


def diff(a: str | Path, b: str | Path) -> LedgerDiff | OutcomeDiff:
    """Return how two ledgers, or two runs (their folders, or their `outcomes.jsonl`), differ."""
    first, second = _outcomes_of(Path(a)), _outcomes_of(Path(b))
    if (first is None) != (second is None):
        raise InputError(f"{a} and {b} are a ledger and a run; compare two ledgers or two runs")
    if first is not None and second is not None:
        return diff_outcomes(first, second)
    with Ledger(a, read_only=True) as one, Ledger(b, read_only=True) as other:
        return diff_ledgers(one, other)


def _outcomes_of(path: Path) -> Path | None:
    """Return the file of outcomes that a path means; None where it is a ledger."""
    if path.is_dir():
        if not whole(path, OUTCOMES).is_file():
            raise InputError(f"{path}: no run is kept there (it has no {OUTCOMES}), and it is no ledger")
        return whole(path, OUTCOMES)
    return None if is_sqlite(path) else path


def diff_ledgers(a: Ledger, b: Ledger) -> LedgerDiff:
    """Return how two open ledgers differ."""
    same, only_a, only_b = 0, list[str](), list[str]()
    changed: list[tuple[str, tuple[str, ...]]] = []
    by_key = itemgetter(0)
    for key, group in groupby(merge(_answers(a, 0), _answers(b, 1), key=by_key), by_key):
        answers = {side: answer for _, side, answer in group}
        if len(answers) == 1:
            (only_a if 0 in answers else only_b).append(key)
        elif unlike := tuple(
            name for name, x, y in zip(_ANSWER, answers[0], answers[1], strict=True) if x != y
        ):
            changed.append((key, unlike))
        else:
            same += 1
    return LedgerDiff(same, tuple(only_a), tuple(only_b), tuple(changed))


def _answers(ledger: Ledger, side: int) -> Iterator[tuple[str, int, tuple[Any, ...]]]:
    """Yield key, side and answer of the latest replies, in the order of keys (by bytes, as in Python)."""
    ledger.flush()
    columns = ", ".join(("key", *_ANSWER))
    found = ledger.query(f"SELECT {columns} FROM replies WHERE {LATEST} ORDER BY key")  # noqa: S608 - constants
    for key, text, *rest in found:
        yield key, side, (told_text(ledger.path, text), *rest)


def diff_outcomes(a: Path, b: Path) -> OutcomeDiff:
    """Return how two files of outcomes differ."""
    before = dict(_placed(a))
    same, only_b, changed = 0, [], []
    for place, now in _placed(b):
        then = before.pop(place, None)
        if then is None:
            only_b.append(place)
        elif (change := _change(place, then, now)) is not None:
            changed.append(change)
        else:
            same += 1
    return OutcomeDiff(same, tuple(before), tuple(only_b), tuple(changed))


class _Said(NamedTuple):
    """What counts of an outcome."""

    kind: str
    label: str | None
    value: float | None
    reason: str | None


def _change(place: Place, then: _Said, now: _Said) -> Change | None:
    if then.kind != now.kind:
        if now.kind == "abstention":
            return Change(place, "verdict to abstention", then.label, now.reason)
        return Change(place, "abstention to verdict", then.reason, now.label)
    if then.reason != now.reason:
        return Change(place, "reason", then.reason, now.reason)
    if then.label != now.label:
        return Change(place, "label", then.label, now.label)
    return None if then.value == now.value else Change(place, "value", then.value, now.value)


def _placed(path: Path) -> Iterator[tuple[Place, _Said]]:
    seen: Counter[tuple[Any, ...]] = Counter()
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = orjson.loads(line)
                    place = (
                        row["item_id"], tuple(row["responses"]), row["part"], row["criterion"], row["rater"],
                        row["sample"], tuple(row["shown"]),
                    )  # fmt: skip
                    said = _Said(row["kind"], row["label"], row["value"], row["reason"])
                    nth = seen[place]
                except orjson.JSONDecodeError as error:
                    raise InputError(f"{path}:{number}: is not JSON: {error}") from None
                except (KeyError, TypeError) as error:
                    raise InputError(f"{path}:{number}: is no row of outcomes ({error})") from None
                yield Place(*place, nth), said
                seen[place] = nth + 1
    except OSError as error:
        raise unreadable(path, error) from None

"""Drift: an old card and a new one of a judge on the same items, and whether it still says what it said.

Both cards ask each anchor twice, so that they know how often the judge contradicts itself. Where nothing has
changed, the four answers to an anchor are four of one kind, and which two of them are the new ones is a lot.
All six ways to draw it give the chance of what is seen, whatever the noise, by Chernoff's bound. Three things
are looked at, and each p counts three times: answers of two cards differ more than those of one; the level
moves; more anchors get no verdict.

It may be looked at every day: the level of look k is alpha / (k (k + 1)), and all together keep alpha.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError, n_of
from judgekit.probes.measure import EPSILON, share_of
from judgekit.types import Estimate

ALPHA = 0.05
"""Chance of a false alarm, over all looks ever taken."""
LEAST = 20
"""Anchors below which there is nothing to hold a judge against."""
_TILTS = np.geomspace(0.02, 40.0, 80)  # in units of the largest value
_DIFFERS = ("name", "models", "settings", "rubric", "prompts", "protocol", "form", "samples")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What a new card shows against an old one.

    Args:
        look: Which look it is, from 1; `alpha` is its level.
        n: Anchors that both have; `n_lost` those that only one has, or that changed.
        moved: Share of the anchors whose score is another one, and `noise` that share where the old judge
            was asked the same again.
        level: Mean change of the score, new less old.
        silenced: Share of the anchors with a score in the old card that have none now.
        p: Of each of the three tests, corrected for their number.
        alarm: Whether it is shown to have changed.
        says: That, in a sentence.
        differs: What the judge was asked by -> what it is in the old card, and in the new one.
        faults: Faults that only the new card shows, and `gone` those that only the old one does; chance
            alone makes some, so that they raise no alarm.
    """

    look: int
    alpha: float
    n: int
    n_lost: int
    moved: Estimate
    noise: Estimate
    level: Estimate
    silenced: Estimate
    p: Mapping[str, float]
    alarm: bool
    says: str
    differs: Mapping[str, tuple[str, str]]
    faults: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def drift(old: Mapping[str, Any], new: Mapping[str, Any], *, look: int | None = None) -> Drift:
    """Hold a new card against an old one, by what their JSON holds.

    Raises `InputError` where they have too few anchors in common, were asked differently often, or where the
    new one asked nothing and the ledger said again what the old judge said.
    """
    _check(old, new)
    look = _look(old, new) if look is None else look
    if look < 1:
        raise InputError(f"look={look}; the first look is 1")
    there, mine = ({_key(row): row for row in each["anchors"]} for each in (old, new))
    both = [key for key in there if key in mine]
    lost = len(there) + len(mine) - 2 * len(both)
    if len(both) < LEAST:
        raise InputError(
            f"the two cards have {n_of(len(both), 'anchor')} in common, and {LEAST} are needed: make both of "
            "the same items"
        )
    rows = [(there[key], mine[key]) for key in both]
    seen = [(a["score"], a.get("again"), b["score"], b.get("again")) for a, b in rows]
    said = np.array(seen, dtype=float)
    twice = np.array(["again" in a and "again" in b for a, b in rows])
    items = [there[key]["item"] for key in both]
    groups = np.unique(items, return_inverse=True)[1].astype(np.intp)
    p = of_three(said, twice, groups)
    was, again, now, _ = said.T
    d, alpha, has = now - was, ALPHA / (look * (look + 1)), ~np.isnan(was)
    known, noise = ~np.isnan(d), ~np.isnan(again - was)

    shares = {
        "moved": share_of(np.abs(d) > EPSILON, groups, known, name="moved"),
        "noise": share_of(np.abs(again - was) > EPSILON, groups, noise, name="noise"),
        "silenced": share_of(np.isnan(now), groups, has, name="silenced"),
    }
    level = clustered_mean(d[known], groups[known], name="level")
    alarm = min(p.values()) <= alpha
    before, after = _faults(old), _faults(new)
    return Drift(
        look=look, alpha=alpha, n=len(both), n_lost=lost, **shares, level=level, p=p, alarm=alarm,
        says=_says(shares, level, p, alpha=alpha, look=look), differs=_differs(old, new),
        faults=tuple(each for each in after if each not in before),
        gone=tuple(each for each in before if each not in after),
    )  # fmt: skip


def of_three(said: Floats, twice: Any, groups: Any) -> dict[str, float]:
    """Return p of answers that differ more, of another level, of more silence; corrected for their number.

    Args:
        said: The scores of each anchor: old, old again, new, new again; shape (n_anchors, 4).
        twice: Whether both cards asked an anchor twice, shape (n_anchors,).
        groups: The cluster of each, shape (n_anchors,).
    """
    scored = twice & ~np.isnan(said).any(axis=1)
    once = ~scored & ~np.isnan(said[:, [0, 2]]).any(axis=1)
    level = _level(np.where(once[:, None], said[:, [0, 0, 2, 2]], said))
    level[once, 2:] = level[once, :2].repeat(2, axis=0).reshape(-1, 4) if once.any() else 0.0
    silent = _level(np.isnan(said) * 1.0)
    tests = {
        "moved": by_lot(_apart(said), groups, scored),
        "level": min(by_lot(sign * level, groups, scored | once) * 2 for sign in (1, -1)),
        "silenced": by_lot(silent, groups, twice),
    }
    return {name: min(1.0, len(tests) * each) for name, each in tests.items()}


def _level(said: Floats) -> Floats:
    """Return the new answers less the old ones, for each lot of which are the new ones; as it is, first."""
    a, b, c, d = said.T
    ways = (c + d - a - b, b + d - a - c, b + c - a - d)
    return np.column_stack([each for way in ways for each in (way / 2, -way / 2)])


def _apart(said: Floats) -> Floats:
    """Return how much more answers of two cards differ than those of one, for each lot; as it is, first."""

    def differ(i: int, j: int) -> Any:
        return (np.abs(said[:, i] - said[:, j]) > EPSILON) * 1.0

    within = np.column_stack([
        differ(0, 1) + differ(2, 3), differ(0, 2) + differ(1, 3), differ(0, 3) + differ(1, 2)
    ])  # fmt: skip
    cross: Floats = within.sum(axis=1, keepdims=True) - within
    return cross / 4 - within / 2


def by_lot(values: Floats, groups: Any, of: Any) -> float:
    """Return a bound on the chance of so large a sum where each cluster has one of its values by lot.

    Args:
        values: What each anchor gives for each lot, that which was drawn first: shape (n_anchors, n_lots).
        groups: The cluster of each anchor, whose anchors share a lot; shape (n_anchors,).
        of: Which anchors count, shape (n_anchors,).

    >>> by_lot(np.tile([1.0, -1.0], (3, 1)), np.arange(3), np.full(3, True)) < 0.126
    True
    """
    if not of.any():
        return 1.0
    sums = np.column_stack([np.bincount(groups[of], weights=each) for each in values[of].T])
    sums = sums[np.abs(sums).max(axis=1) > 1e-12]
    if not len(sums) or sums[:, 0].sum() <= 0:
        return 1.0
    tilts = _TILTS / np.abs(sums).max()
    mean = np.exp(tilts[:, None, None] * (sums - sums[:, :1])).mean(axis=2)
    return math.exp(min(0.0, float(np.log(mean).sum(axis=1).min())))


def _check(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, now = old["judge"], new["judge"]
    if before["samples"] != now["samples"]:
        raise InputError(
            f"the old card asked {n_of(before['samples'], 'sample')} and the new one {now['samples']}; noise "
            "is another one then: ask as many"
        )
    same = before["name"] == now["name"] and before["settings"] == now["settings"]
    if same and now["calls"] and now["stored"] == now["calls"]:
        raise InputError(
            "the new card asked nothing: every reply is from the ledger, where the old ones may be; give it "
            "another ledger, or none (--ledger none), so that the judge is asked"
        )


def _look(old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    """Return the days since the old card and one, which is a look for each day."""
    before, now = (date.fromisoformat(each["judge"]["date"][:10]) for each in (old, new))
    return max((now - before).days, 0) + 1


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["item"], tuple(row["responses"]), row["part"], row["of"]


def _faults(held: Mapping[str, Any]) -> list[str]:
    return [each["probe"] for each in held["probes"] if each["state"] == "fault"]


def _differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    pairs = {name: (old["judge"][name], new["judge"][name]) for name in _DIFFERS}
    pairs["models"] = tuple(sorted(each) for each in pairs["models"])  # type: ignore[assignment]
    return {name: (_shown(a), _shown(b)) for name, (a, b) in pairs.items() if a != b}


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {str(each)[:24]}" for name, each in value.items()) or "none"
    return (
        ", ".join(map(str, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )


def _says(
    shares: Mapping[str, Estimate], level: Estimate, p: Mapping[str, float], *, alpha: float, look: int
) -> str:
    moved, noise = shares["moved"], shares["noise"]
    counted = f"{moved.value:.1%} of {moved.n_used} anchors moved"
    beside = "" if math.isnan(noise.value) else f", {noise.value:.1%} when the old one was asked again"
    numbers = f"{counted}{beside}; mean change {level.value:+.3f}"
    shown = [name for name, each in p.items() if each <= alpha]
    if not shown:
        return f"no change is shown (look {look}): {numbers}"
    what = {
        "moved": "its verdicts have changed",
        "level": f"it has become {'more lenient' if level.value > 0 else 'more severe'}",
        "silenced": f"it falls silent, on {shares['silenced'].value:.1%} of anchors",
    }
    return f"the judge is another one (look {look}): {'; '.join(what[name] for name in shown)}; {numbers}"

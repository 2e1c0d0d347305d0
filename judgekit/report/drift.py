"""Drift: an old card and a new one of a judge on the same items, and whether it still says what it said.

The old card was asked twice, so that it knows how often the judge contradicts itself; a new answer that is
the old judge's is one more of the kind. So the new one may take the place of the old one's second answer in
each item, and under "nothing changed" each such swap is as likely as not: signs of differences are a toss
each, whatever the noise. Three things are looked at, and the least p counts three times: more items move than
did when the same was asked again; the level moves; more items get no verdict.

It may be looked at every day: the level of look k is alpha / (k (k + 1)), and all together keep alpha.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from judgekit.agreement.core.intervals import clustered_mean, rate
from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError, n_of
from judgekit.probes.measure import EPSILON
from judgekit.types import Estimate

ALPHA = 0.05
"""Chance of a false alarm, over all looks ever taken."""
LEAST = 20
"""Anchors below which there is nothing to hold a judge against."""
_PINELIS = 3.178  # Bentkus and Dzindzalieta (2015): a sum of signed numbers against a normal tail
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
    seen = [(there[key]["score"], there[key].get("again"), mine[key]["score"]) for key in both]
    was, again, now = np.array(seen, dtype=float).T
    twice = np.array(["again" in there[key] for key in both])
    items = [there[key]["item"] for key in both]
    groups = np.unique(items, return_inverse=True)[1].astype(np.intp)
    p = of_three(was, again, now, twice, groups)
    d, alpha, has = now - was, ALPHA / (look * (look + 1)), ~np.isnan(was)
    known, noise = ~np.isnan(d), ~np.isnan(again - was)

    def share(name: str, event: Any, of: Any) -> Estimate:
        own = groups[of]
        alone = len(np.unique(own)) == len(own)
        return rate(event[of], None if alone else own, name=name, dropped=len(both) - len(own))

    shares = {
        "moved": share("moved", np.abs(d) > EPSILON, known),
        "noise": share("noise", np.abs(again - was) > EPSILON, noise),
        "silenced": share("silenced", np.isnan(now), has),
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


def of_three(was: Floats, again: Floats, now: Floats, twice: Any, groups: Any) -> dict[str, float]:
    """Return p of more movement than noise, of another level, of more silence; corrected for their number.

    `twice` are the anchors that the old judge was asked twice, all arrays of shape (n_anchors,).
    """
    moved: Any = (np.abs(now - was) > EPSILON) * 1.0 - (np.abs(again - was) > EPSILON)
    silent: Any = np.isnan(now) * 1.0 - np.isnan(again)
    level: Floats = now - np.where(twice, again, was)
    tests = {
        "moved": tossed(moved, groups, twice & ~np.isnan(was + again + now), two_sided=False),
        "level": tossed(level, groups, ~np.isnan(level), two_sided=True),
        "silenced": tossed(silent, groups, twice & ~np.isnan(was), two_sided=False),
    }
    return {name: min(1.0, len(tests) * each) for name, each in tests.items()}


def tossed(d: Floats, groups: Any, of: Any, *, two_sided: bool) -> float:
    """Return a bound on p that each sum of differences over a cluster has its sign by a toss.

    Where all are of one size it is the binomial's, exactly; else a normal tail times a constant that holds
    for any sizes (Bentkus and Dzindzalieta 2015, arXiv 1202.0624).

    >>> none = np.zeros(3), np.arange(3), np.full(3, True)
    >>> tossed(*none, two_sided=True), tossed(np.ones(3), *none[1:], two_sided=False)
    (1.0, 0.125)
    """
    from scipy.special import bdtrc, ndtr

    sums = np.bincount(groups[of], weights=d[of]) if of.any() else np.zeros(0)
    sums = sums[np.abs(sums) > 1e-12]
    total = float(sums.sum())
    if not len(sums) or (total <= 0 and not two_sided):
        return 1.0
    sizes = np.abs(sums)
    if np.ptp(sizes) < 1e-9:
        k = int((sums > 0).sum() if total > 0 else (sums < 0).sum())
        p = float(bdtrc(k - 1, len(sums), 0.5)) if k else 1.0
    else:
        p = min(1.0, _PINELIS * float(ndtr(-abs(total) / math.sqrt(float((sizes**2).sum())))))
    return min(1.0, 2 * p) if two_sided else p


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

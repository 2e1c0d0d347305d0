"""How many judges is a panel worth, as far as its verdicts can say? Counted while a run goes, without labels.

Nobody knows who was wrong, so this is the correlation of verdicts, which judges that are right on the same
units have as well; `error_correlation` has the number that labels give. Deviations from the panel's mean
would not help: they correlate by -1 / (k - 1) whatever the judges are like. Only six sums are kept for each
pair of judges and criterion, in 20 groups of items, left out in turn for the interval.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Any
from zlib import crc32

from judgekit.agreement.bias.error_correlation import effective_votes, participation_ratio
from judgekit.agreement.core.estimate import Status, about, flagged, undefined, with_interval
from judgekit.agreement.core.intervals import t_quantile
from judgekit.types import Estimate, Judged, Outcome, Unit, Verdict

VARIES = 1e-9
"""Variance on [0, 1] below which verdicts are all the same but for rounding."""
Pair = tuple[str, str]
Stratum = tuple[str, int, str]
"""Criterion, how many responses a unit has, and on a nominal scale the label."""
Sums = dict[Pair, dict[Stratum, list[float]]]
"""Of each two judges: n, x, y, xx, yy, xy."""


def count(sums: list[float], x: float, y: float) -> None:
    """Add a unit to (n, x, y, xx, yy, xy)."""
    sums[0] += 1.0
    sums[1] += x
    sums[2] += y
    sums[3] += x * x
    sums[4] += y * y
    sums[5] += x * y


def merged(groups: Iterable[Sums]) -> Sums:
    """The sums of all groups."""
    whole: Sums = {}
    for group in groups:
        for pair, strata in group.items():
            mine = whole.setdefault(pair, {})
            for stratum, sums in strata.items():
                mine[stratum] = [p + q for p, q in zip(mine.get(stratum, [0.0] * 6), sums, strict=True)]
    return whole


def without(whole: Sums, group: Sums) -> Sums:
    """The sums of all groups but one."""
    left = {pair: dict(strata) for pair, strata in whole.items()}
    for pair, strata in group.items():
        for stratum, sums in strata.items():
            left[pair][stratum] = [p - q for p, q in zip(left[pair][stratum], sums, strict=True)]
    return left


def spreads(strata: Mapping[Stratum, list[float]]) -> tuple[float, float, float]:
    """Sums of squares of one and of the other (0 where it does not vary), and of products, within strata."""
    xx = yy = xy = 0.0
    n_all = 0.0
    for n, x, y, x2, y2, both in strata.values():
        if n >= 2:
            n_all += n
            xx, yy, xy = xx + x2 - x * x / n, yy + y2 - y * y / n, xy + both - x * y / n
    least = VARIES * n_all
    return (xx if xx > least else 0.0), (yy if yy > least else 0.0), xy


def correlation(strata: Mapping[Stratum, list[float]]) -> float:
    """Pearson's correlation within strata; nan where one of the two does not vary.

    >>> one: list[float] = [0.0] * 6
    >>> for x, y in [(1, 1), (0, 0), (1, 0), (0, 1), (1, 1), (0, 0)]:
    ...     count(one, x, y)
    >>> round(correlation({("kind", 1, ""): one}), 3)
    0.333
    """
    xx, yy, xy = spreads(strata)
    return max(-1.0, min(1.0, xy / math.sqrt(xx * yy))) if xx and yy else math.nan


def mean_of(correlations: Iterable[float]) -> float:
    """Mean of those that are defined."""
    known = [r for r in correlations if not math.isnan(r)]
    return fmean(known) if known else math.nan


def jackknifed(value: float, rest: Sequence[float], shares: Sequence[float]) -> float:
    """Return the standard error by leaving out groups of unequal size, `shares` being n over each size."""
    # Source: Busing, Meijer and van der Leeden (1999), "Delete-m jackknife for unequal m".
    pseudo = [h * value - (h - 1) * r for h, r in zip(shares, rest, strict=True)]
    centre = len(rest) * value - sum((1 - 1 / h) * r for h, r in zip(shares, rest, strict=True))
    each = [(p - centre) ** 2 / (h - 1) for h, p in zip(shares, pseudo, strict=True)]
    return math.sqrt(fmean(each))


GROUPS = 20
"""Groups of items that are left out in turn."""
ENOUGH = 30
"""Items from which on the number is more than a hint: with fewer, a correlation is off by .2 and more."""
CAUTION = (
    "of verdicts, not of errors: where judges are right together they correlate as well, and what all get "
    "wrong everywhere does not show; labels tell"
)


@dataclass(frozen=True, slots=True)
class VerdictCorrelation:
    """How the verdicts of a panel go together.

    Args:
        judges: Names of its seats, sorted; a substitute sits on its judge's.
        pairs: Two judges -> the correlation of their verdicts, nan where it is undefined, and the units (a
            response or pair under a criterion) that both gave a verdict on.
        effective: k / (1 + (k - 1) mean), at most k, of the judges not left out; its units are items.
        participation: k^2 / the sum of squared correlations, a judge with itself included.
        left_out: Judge -> why it has no correlation.
        substituted: Judge -> its substitute and how many verdicts that gave in its place.
    """

    judges: tuple[str, ...]
    pairs: Mapping[Pair, tuple[float, int]]
    mean: Estimate
    effective: Estimate
    participation: float
    left_out: Mapping[str, str]
    substituted: Mapping[str, Mapping[str, int]]

    def plain(self) -> dict[str, Any]:
        """As it stands in `run.json`; what is undefined is null."""
        of = self.effective
        return {
            "judges": list(self.judges),
            "effective_judges": _json(of.value),
            "low": _json(of.low),
            "high": _json(of.high),
            "level": of.level,
            "correlation_of_verdicts": _json(self.mean.value),
            "participation_ratio": _json(self.participation),
            "items": of.n_used,
            "status": of.status,
            "pairs": [
                {"judges": list(pair), "correlation": _json(r), "units": n}
                for pair, (r, n) in self.pairs.items()
            ],
            "left_out": dict(self.left_out),
            "substituted": {judge: dict(by) for judge, by in self.substituted.items()},
            "notes": list(of.notes),
        }


class PanelVerdicts:
    """The sums that a panel's correlation is made of, item by item.

    Args:
        judges: Names of the panel's judges, at least two; verdicts of others are passed over.
        criteria: Ids of the criteria whose levels are taken out; all others (of items' own rubrics, whose
            number has no bound) share one level.
        nominal: Criterion whose labels have no order -> its labels, each a variable of its own: 1 where said.
        seats: Substitute -> the judge it stands in for.

    >>> from judgekit.types import Item
    >>> panel = PanelVerdicts(["a", "b"], criteria=["kind"])
    >>> for i, (a, b) in enumerate([(1.0, 1.0), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)]):
    ...     said = [Verdict(r, Unit(str(i)), "kind", (), "", v) for r, v in (("a", a), ("b", b))]
    ...     panel.add(Judged(Item(str(i)), tuple(said)))
    >>> found = panel.found()
    >>> round(found.mean.value, 3), round(found.effective.value, 3), found.effective.status
    (0.333, 1.5, 'unstable:few_units')
    """

    def __init__(
        self,
        judges: Iterable[str],
        *,
        criteria: Collection[str] = (),
        nominal: Mapping[str, Sequence[str]] | None = None,
        seats: Mapping[str, str] | None = None,
    ) -> None:
        self._judges = tuple(sorted(set(judges)))
        self._criteria = frozenset(criteria)
        self._nominal, self._seats = dict(nominal or {}), dict(seats or {})
        self._sums: list[Sums] = [{} for _ in range(GROUPS)]
        self._units: list[dict[Pair, int]] = [{} for _ in range(GROUPS)]
        self._items = [0] * GROUPS
        self._all_items = 0
        self._substituted: dict[str, Counter[str]] = {}

    def add(self, judged: Judged) -> None:
        """Count the outcomes of one item."""
        group = crc32(judged.item.item_id.encode("utf-8", "replace")) % GROUPS
        self._all_items += 1
        own = judged.item.rubric is not None
        shared = False
        for (unit, criterion), by_judge in self._cells(judged.outcomes).items():
            for a, b in combinations(sorted(by_judge), 2):
                shared = True
                self._units[group][a, b] = self._units[group].get((a, b), 0) + 1
                known = criterion in self._criteria and not own
                place = (criterion if known else "", len(unit.responses))
                labels = self._nominal.get(criterion, ("",)) if known else ("",)
                sums = self._sums[group].setdefault((a, b), {})
                for label in labels:
                    x, y = _settled(by_judge[a], label), _settled(by_judge[b], label)
                    count(sums.setdefault((*place, label), [0.0] * 6), x, y)
        self._items[group] += shared

    def _cells(self, outcomes: Iterable[Outcome]) -> dict[tuple[Unit, str], dict[str, list[Verdict]]]:
        """Verdicts of each seat by what they are about."""
        cells: dict[tuple[Unit, str], dict[str, list[Verdict]]] = {}
        for o in outcomes:
            if not isinstance(o, Verdict):
                continue
            seat = self._seats.get(o.rater, o.rater)
            if seat in self._judges:
                if seat != o.rater:
                    self._substituted.setdefault(seat, Counter())[o.rater] += 1
                cells.setdefault((o.unit, o.criterion), {}).setdefault(seat, []).append(o)
        return cells

    def found(self, *, level: float = 0.95) -> VerdictCorrelation:
        """Return what the sums say so far, with Student's t by a jackknife over groups of items."""
        judges, whole = self._judges, merged(self._sums)
        pairs = {pair: correlation(whole.get(pair, {})) for pair in combinations(judges, 2)}
        left_out = _left_out(judges, whole)
        k, mean = len(judges) - len(left_out), mean_of(pairs.values())
        used = sum(self._items)
        blank = about(
            "correlation_of_verdicts", used, self._all_items, value=mean, level=level, n_raters=len(judges),
            unit="item", method="mean over pairs of judges, within criteria", notes=(CAUTION,),
        )  # fmt: skip
        r = undefined(blank, _why(whole)) if math.isnan(mean) else self._bounded(blank, whole)
        effective = replace(
            r, name="effective_judges", value=effective_votes(k, r.value), low=effective_votes(k, r.high),
            high=effective_votes(k, r.low), se=math.nan, method="Kish, mean correlation of verdicts",
        )  # fmt: skip
        participation = participation_ratio(k, list(pairs.values()))
        shown = {pair: (value, self._shared(pair)) for pair, value in pairs.items()}
        substituted = {judge: dict(by) for judge, by in sorted(self._substituted.items())}
        return VerdictCorrelation(
            judges=judges, pairs=shown, mean=r, effective=effective, participation=participation,
            left_out=left_out, substituted=substituted,
        )  # fmt: skip

    def _shared(self, pair: Pair) -> int:
        return sum(units.get(pair, 0) for units in self._units)

    def _bounded(self, blank: Estimate, whole: Sums) -> Estimate:
        """With an interval, and a caution where items are few."""
        used = [g for g in range(GROUPS) if self._items[g]]
        rest = [mean_of(map(correlation, without(whole, self._sums[g]).values())) for g in used]
        made, se = blank, math.nan
        if len(used) > 2 and not any(map(math.isnan, rest)):
            se = jackknifed(blank.value, rest, [blank.n_used / self._items[g] for g in used])
        if se > 1e-9:  # judges that always say the same leave nothing to bound by
            half = t_quantile(blank.level, len(used) - 1) * se
            low, high = max(blank.value - half, -1.0), min(blank.value + half, 1.0)
            made = with_interval(blank, low, high, se=se, interval="jackknife")
        if blank.n_used >= ENOUGH:
            return made
        return flagged(
            made, Status.FEW_UNITS, [f"{blank.n_used} items are few: from {ENOUGH} on it is more than a hint"]
        )


def _settled(verdicts: Sequence[Verdict], label: str) -> float:
    """Mean over the repeats of an order, then over orders: a judge has one say however often it was asked."""
    if len(verdicts) == 1:
        return _said(verdicts[0], label)
    orders: dict[tuple[str, ...], list[float]] = {}
    for v in verdicts:
        orders.setdefault(v.shown, []).append(_said(v, label))
    return fmean(fmean(own) for own in orders.values())


def _said(verdict: Verdict, label: str) -> float:
    """The value; or, of a label, its probability."""
    return dict(verdict.probs).get(label, 0.0) if label else verdict.value


def _left_out(judges: Sequence[str], whole: Sums) -> dict[str, str]:
    varying: set[str] = set()
    for pair, strata in whole.items():
        varying.update(judge for judge, spread in zip(pair, spreads(strata)[:2], strict=True) if spread)
    beside = {judge for pair in whole for judge in pair}
    never, constant = "no verdict on a unit that another judge has one on", "its verdicts do not vary"
    return {j: constant if j in beside else never for j in judges if j not in varying}


def _why(whole: Sums) -> str:
    """Why there is no correlation at all."""
    several = any(sums[0] >= 2 for strata in whole.values() for sums in strata.values())
    return Status.NO_VARIATION if several else Status.TOO_FEW


def _json(value: float) -> float | None:
    return None if math.isnan(value) else value

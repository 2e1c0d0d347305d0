"""What both walks of a probe come to: the scores of each unit by each judge, and the shift between them.

A judge's scores are made as in any run, from its outcomes alone. Items as they came are asked twice as often
as changed ones: the first half of the samples is `before`, the other half `again`, and a movement counts as
the change's only as far as it goes beyond that of the same asked again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from judgekit.agreement.association.comparing import paired_permutation
from judgekit.agreement.association.pairwise_accuracy import EXACT
from judgekit.agreement.core.estimate import Status, undefined, with_interval
from judgekit.agreement.core.intervals import clustered_mean, normal_quantile, rate, wilson
from judgekit.agreement.core.ratings import Floats
from judgekit.probes.records import Expects, Probe, Row
from judgekit.probes.walk import WARM, Probing, Variant
from judgekit.recipes import Grading
from judgekit.types import Estimate, Item, Outcome, Score, Unit

EPSILON = 0.05
"""How far a score has to change to have moved; a label's step on a scale of up to 20 labels is more."""
POWER = 0.8
"""How often a shift of the size called detectable is found."""
_LEAST = 2  # rows below which nothing is tested
_SIGNS = 10_000, 256


@dataclass(frozen=True)
class Walks:
    """All that was said in both walks: outcomes by the id of the item that was judged.

    `samples` is how often a changed item is asked; items as they came are asked twice as often.
    """

    probing: Probing
    outcomes: Mapping[str, Sequence[Outcome]]
    samples: int = 1
    kept: dict[str, Any] = field(default_factory=dict)  # what is worked out once for several probes
    _scores: dict[tuple[str, str, bool], dict[Unit, tuple[Score, ...]]] = field(default_factory=dict)
    _values: dict[tuple[str, str, bool, str], dict[Unit, float | None]] = field(default_factory=dict)

    @cached_property
    def judges(self) -> list[str]:
        """Return the raters that said anything."""
        every = (o.rater.removesuffix(WARM) for some in self.outcomes.values() for o in some)
        return sorted(dict.fromkeys(every))

    @cached_property
    def paired(self) -> bool:
        """Whether items as they came are judged in pairs."""
        return self.probing.grading_of({}).plan.asked_by.shows != "one"

    @cached_property
    def truth(self) -> dict[Unit, float]:
        """Return the score of each unit by people; empty without labels."""
        grading, people = self.probing.grading_of({}), self.probing.people
        found: dict[Unit, float] = {}
        for variant in self.base if people else ():
            values = self.whole(grading, variant.item, people.get(variant.item.item_id, ()))
            found |= {unit: value for unit, value in values.items() if value is not None}
        return found

    def whole(self, grading: Grading, item: Item, said: Sequence[Outcome]) -> dict[Unit, float | None]:
        """Return the score of each unit by some outcomes: of the rubric, or of its one criterion."""
        by_unit: dict[Unit, list[Score]] = {}
        for score in grading.aggregate(grading.plan.rubric_of(item), item, said) if said else ():
            by_unit.setdefault(score.unit, []).append(score)
        return {unit: value_in(scores) for unit, scores in by_unit.items()}

    @cached_property
    def base(self) -> list[Variant]:
        """Return the items as they came."""
        return self.named("")

    def variants(self, probe: Probe) -> list[Variant]:
        """Return what a probe made."""
        return self.named(probe.name)

    def named(self, name: str) -> list[Variant]:
        """Return what the probe of a name made; without a name, the items as they came."""
        return self._by_probe.get(name, [])

    @cached_property
    def _by_probe(self) -> dict[str, list[Variant]]:
        found: dict[str, list[Variant]] = {}
        for each in self.probing.variants.values():
            found.setdefault(each.probe.name if each.probe else "", []).append(each)
        return found

    def item(self, variant: Variant) -> Item:
        """Return the item as it was judged."""
        return self.probing.made.get(variant.item.item_id, variant.item)

    def said(self, item_id: str, judge: str, *, again: bool = False) -> list[Outcome]:
        """Return what a judge said of an item: in the first half of its samples, or in the other one."""
        return [o for o in self.all_said(item_id, judge) if (o.sample >= self.samples) == again]

    def all_said(self, item_id: str, judge: str) -> list[Outcome]:
        """Return all that a judge said of an item."""
        return [o for o in self.outcomes.get(item_id, ()) if o.rater in {judge, judge + WARM}]

    def scores(self, variant: Variant, judge: str, *, again: bool = False) -> dict[Unit, tuple[Score, ...]]:
        """Return the scores of an item by one judge, by unit."""
        key = (variant.item.item_id, judge, again)
        if key not in self._scores:
            self._scores[key] = self.scored(variant, self.said(variant.item.item_id, judge, again=again))
        return self._scores[key]

    def scored(self, variant: Variant, said: Sequence[Outcome]) -> dict[Unit, tuple[Score, ...]]:
        """Return the scores that some of what was said of an item comes to, by unit."""
        item, grading = self.item(variant), self.probing.grading(variant.item)
        made: dict[Unit, tuple[Score, ...]] = {}
        for score in grading.aggregate(grading.plan.rubric_of(item), item, said) if said else ():
            made[score.unit] = (*made.get(score.unit, ()), score)
        return made

    def value(
        self, variant: Variant, judge: str, unit: Unit, criterion: str = "", *, again: bool = False
    ) -> float | None:
        """Return the score of a unit: of a criterion, else of the rubric or of its one criterion."""
        key = (variant.item.item_id, judge, again, criterion)
        if key not in self._values:
            scores = self.scores(variant, judge, again=again)
            self._values[key] = {unit: value_in(own, criterion) for unit, own in scores.items()}
        return self._values[key].get(unit)

    def rows(self, probe: Probe, judge: str, *, criterion: str = "") -> list[Row]:
        """Return the units that a probe changed something about, in both walks."""
        by_id, found = self._by_id, []
        for variant in self.variants(probe):
            own, item = by_id[variant.of.item_id], self.item(variant)
            if variant.writing is not None and item.item_id not in self.probing.made:
                continue
            for unit in self._units(variant, judge):
                if not _touched(variant, item, unit):
                    continue
                base = Unit(variant.of.item_id, unit.responses, unit.part)
                values = [
                    self.value(own, judge, base, criterion),
                    self.value(own, judge, base, criterion, again=True),
                    self.value(variant, judge, unit, criterion),
                ]
                turned = len(unit.responses) == 2 and unit.responses[1] == variant.target
                before, again, after = (None if v is None else 1 - v if turned else v for v in values)
                row = Row(unit=base, cluster=variant.cluster, before=before, again=again, after=after)
                found.append(row)
        return found

    @cached_property
    def _by_id(self) -> dict[str, Variant]:
        return {variant.item.item_id: variant for variant in self.base}

    def _units(self, variant: Variant, judge: str) -> Iterable[Unit]:
        said = (o.unit for o in self.said(variant.item.item_id, judge))
        return dict.fromkeys(said)


def value_in(scores: Sequence[Score], criterion: str = "") -> float | None:
    """Return the score of a criterion among those of a unit, else that of all: of the rubric, of one part."""
    if criterion:
        return next((s.value for s in scores if s.level == "criterion" and s.name == criterion), None)
    levels = ([s for s in scores if s.level == level] for level in ("rubric", "dimension"))
    whole = next(filter(None, levels), list(scores))
    return whole[0].value if len(whole) == 1 else None


def _touched(variant: Variant, item: Item, unit: Unit) -> bool:
    """Whether what a unit is judged by was changed."""
    if len(unit.responses) == 2 and variant.target and variant.target not in unit.responses:
        return False
    parts = ("task", "reference", "sources", "rubric", "systems")
    if variant.options or any(getattr(item, each) != getattr(variant.of, each) for each in parts):
        return True
    return any(item.responses[each] != variant.of.responses[each] for each in unit.responses)


def shift_of(
    expects: Expects, rows: Sequence[Row], *, epsilon: float = EPSILON, level: float = 0.95
) -> dict[str, Any]:
    """Return the estimates and the p-value of what must come of a change, as fields of a `Shift`."""
    seen = [(row.before, row.again, row.after) for row in rows]
    before, again, after = np.array(seen, dtype=float).reshape(-1, 3).T
    groups = np.unique([row.cluster for row in rows], return_inverse=True)[1].astype(np.intp)
    d, known = after - before, ~np.isnan(before)
    both = known & ~np.isnan(after)
    moved = np.abs(d) > epsilon
    noisy = np.abs(again - before) > epsilon
    asked_again = both & ~np.isnan(again)
    lost, lost_again = known & np.isnan(after), known & np.isnan(again)
    could = both & _could(expects, before, epsilon)
    missed = {"still": moved, "no rise": d > epsilon, "fall": ~(d < -epsilon)}[expects]

    def share(name: str, event: Any, of: Any) -> Estimate:
        return share_of(event, groups, of, name=name, level=level)

    shift = _room(clustered_mean(d[both], groups[both], name="shift", level=level))
    tests = [_flips(lost * 1.0 - lost_again, groups, known, one_sided=True)]
    if expects == "fall":
        tests.append(_flips(missed - 0.5, groups, could, one_sided=True))
    else:
        tests.append(_flips(d, groups, both, one_sided=expects == "no rise"))
    if expects == "still":
        tests.append(_flips(moved * 1.0 - noisy, groups, asked_again, one_sided=True))
    return {
        "shift": shift,
        "moved": share("moved", moved, both),
        "noise": share("noise", noisy, asked_again),
        "failed": share("failed", missed, could),
        "silenced": share("silenced", lost, known),
        "detectable": _detectable(shift),
        "p": min(1.0, min(tests) * len(tests)) if known.sum() >= _LEAST else float("nan"),
        "n": int(both.sum()),
        "examples": _examples(rows, d, epsilon),
    }


def share_of(event: Any, groups: Any, of: Any, *, name: str, level: float = 0.95) -> Estimate:
    """Return how often an event happened to the units it is `of`, over clusters; arrays are (n_units,)."""
    own, n = groups[of], len(np.unique(groups[of]))
    dropped = len(groups) - len(own)
    made = rate(event[of], None if n == len(own) else own, name=name, dropped=dropped, level=level)
    if np.isnan(made.low) and n >= _LEAST:  # all equal: as many independent ones as there are clusters
        low, high = wilson(made.value * n, n, level=level)
        made = with_interval(made, low, high, se=0.0, interval="wilson")
    return made


def estimated(shift: Estimate) -> dict[str, Any]:
    """Return the same fields where the shift is estimated already, with p by its standard error."""
    from scipy.special import stdtr

    none = undefined(replace(shift, name="none", method="", interval="none"), Status.NOT_IDENTIFIED)
    known = shift.se > 0 and not np.isnan(shift.value)
    t = -abs(shift.value / shift.se) if known else float("nan")
    return {
        "shift": shift, "moved": none, "noise": none, "failed": none, "silenced": none,
        "detectable": _detectable(shift) if known else t,
        "p": float(2 * stdtr(max(shift.n_used - 1, 1), t)),
        "n": shift.n_used,
    }  # fmt: skip


def p_above(mean: Estimate) -> float:
    """Return p that a mean is above 0 by chance, by its standard error; nan where there is none."""
    from scipy.special import stdtr

    known = mean.se > 0 and not np.isnan(mean.value)
    return float(stdtr(max(mean.n_used - 1, 1), -mean.value / mean.se)) if known else float("nan")


def _could(expects: Expects, before: Floats, epsilon: float) -> Any:
    """Tell which scores can do what must, or must not, be done: nothing falls below 0."""
    if expects == "fall":
        return before > epsilon
    return before < 1 - epsilon if expects == "no rise" else ~np.isnan(before)


def _room(made: Estimate) -> Estimate:
    """Return a mean of shifts that are all equal with the room that Wilson's bound leaves for others."""
    if made.interval != "none" or np.isnan(made.value) or made.n_used < _LEAST:
        return made
    room = 1 - wilson(made.n_used, made.n_used, level=made.level)[0]
    low, high = max(-1.0, made.value - room), min(1.0, made.value + room)
    return with_interval(made, low, high, se=0.0, interval="wilson_at_one")


def _detectable(shift: Estimate) -> float:
    """Return the shift that would be found with `POWER`: the sum of both quantiles in standard errors."""
    z = normal_quantile(shift.level)
    se = shift.se if shift.se > 0 else (shift.high - shift.low) / 2 / z
    return float((z + normal_quantile(2 * POWER - 1)) * se)


def _flips(d: Floats, groups: Any, of: Any, *, one_sided: bool = False) -> float:
    """Return p that differences are symmetric about 0 over clusters; one-sided: against their being above."""
    sums = np.bincount(groups[of], weights=d[of]) if of.any() else np.zeros(0)
    sums = sums[np.abs(sums) > 1e-12]  # the sign of nothing says nothing
    if not len(sums):
        return 1.0
    if EXACT < len(sums) <= _SIGNS[1]:  # as `paired_permutation`, with signs that are drawn once
        seen = abs(sums.sum()) * (1 - 1e-5)  # what sums in single precision may differ by
        signs, single = _signs()[:, : len(sums)], sums.astype(np.float32)
        # In parts too small for threads, which wait for each other where the machine is busy.
        flipped = np.concatenate([part @ single for part in np.split(signs, 10)])
        p = float((np.abs(flipped) >= seen).sum() + 1) / (_SIGNS[0] + 1)
    else:
        p = paired_permutation(sums).p
    return p if not one_sided else p / 2 if sums.sum() > 0 else 1 - p / 2


@cache
def _signs() -> Floats:
    return np.random.default_rng(0).choice(np.array([-1, 1], np.float32), size=_SIGNS)


def _examples(rows: Sequence[Row], d: Floats, epsilon: float, most: int = 5) -> tuple[str, ...]:
    order = sorted((n for n in range(len(rows)) if abs(d[n]) > epsilon), key=lambda n: -abs(d[n]))
    return tuple(dict.fromkeys(rows[n].unit.item_id for n in order))[:most]

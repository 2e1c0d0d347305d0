"""What is read off labels: the place and length that a judge pays for, whom it favours, the ladder.

What better responses have in common looks like a bias as long as nobody says which are better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from judgekit.agreement.bias.favours import equal_opportunity, self_preference, self_preference_in_pairs
from judgekit.agreement.bias.repeats import denoised_accuracy, length_bias, position_bias
from judgekit.agreement.bias.severity import signed_error
from judgekit.agreement.bias.system_bias import system_bias
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import clustered_mean, t_quantile
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Resampling, resampled
from judgekit.probes.pairs import Placed, compared, grids, placed, signs
from judgekit.probes.records import Probe, Read
from judgekit.prompt import flat
from judgekit.types import Estimate, Unit

_B = 500
_NEAR = 0.05  # how far from a label a score may be and agree with it
_ONCE = "asked once, so that noise is not known, and not taken out"


def preferred(read: Read, each: Placed) -> float:
    """Return 1 where people prefer the first response of a pair, 0 the second, 0.5 neither; else nan."""
    truth = read.walks.truth
    if each.unit in truth:
        return float(signs(truth[each.unit]))
    one, other = (truth.get(Unit(each.unit.item_id, (name,))) for name in each.unit.responses)
    return float("nan") if one is None or other is None else float(signs(0.5 + (one - other) / 2))


@dataclass(frozen=True, slots=True)
class Right:
    """Whether verdicts were right, (n_pairs, n_samples), with the preferred response shown first, or second.

    nan where people prefer neither or nothing is known, and for ties; `flat` has a row for each order, so
    that there are twice as many `clusters`. Asked once (`once`), a verdict stands beside itself.
    """

    first: Floats
    second: Floats
    first_wins: Floats
    clusters: list[str]
    once: bool

    @property
    def flat(self) -> Floats:
        """All of them."""
        return np.concatenate([self.first, self.second])

    def noted(self, made: Estimate) -> Estimate:
        """Return an estimate that says so if noise is not known."""
        name = made.name.removesuffix("_denoised").removeprefix("denoised_")
        return replace(made, name=name, notes=(*made.notes, _ONCE)) if self.once else made


def right(read: Read) -> Right:
    """Return whether the verdicts of a judge were right."""
    pairs = placed(read)
    people = np.array([preferred(read, each) for each in pairs], dtype=float)
    wins = (people == 1)[:, None]
    sides = [
        np.where(np.isnan(x) | (x == 0.5) | (np.abs(people - 0.5) != 0.5)[:, None], np.nan, (x > 0.5) == wins)
        for x in grids(pairs)
    ]
    once = not any(((~np.isnan(side)).sum(axis=1) > 1).any() for side in sides)
    if once:
        sides = [np.column_stack([side[:, 0], side[:, 0]]) for side in sides]
    first, second = np.where(wins, sides[0], sides[1]), np.where(wins, sides[1], sides[0])
    return Right(first, second, people == 1, [each.cluster for each in pairs] * 2, once)


def place_bias(read: Read, *, as_published: bool = False) -> Estimate:
    """Accuracy with the preferred response shown first minus with it shown second, without noise."""
    r = right(read)
    found = position_bias(
        r.first[:, 0], r.second[:, 0], r.first, r.second, as_published=as_published,
        clusters=r.clusters[: len(r.first)], b=_B,
    )  # fmt: skip
    return r.noted(found)


def accuracies(read: Read) -> list[Estimate]:
    """Accuracy without noise, by the formula that holds and by the published one, and its place bias."""
    r = right(read)
    ways = (False,) if r.once else (False, True)
    found = [denoised_accuracy(r.flat[:, 0], r.flat, as_published=w, clusters=r.clusters, b=_B) for w in ways]
    return [*map(r.noted, found), *([] if r.once else [place_bias(read, as_published=True)])]


def paid_for_length(read: Read, *, as_published: bool = False) -> Estimate:
    """Accuracy where people prefer the longer response minus where they prefer the shorter, without noise."""
    r = right(read)
    sizes = [[len(flat(each.item.responses[name])) for name in each.unit.responses] for each in placed(read)]
    if not np.any(sizes):
        base = about("length_bias", 0, len(sizes), unit="item")
        return undefined(base, Status.NOT_IDENTIFIED, "the texts of the responses are needed")
    gap = np.array([one - other for one, other in sizes], dtype=float) * np.where(r.first_wins, 1, -1)
    longer = np.where(gap == 0, np.nan, gap > 0)
    both, x = np.concatenate([longer, longer]), r.flat
    found = length_bias(x[:, 0], both, x, as_published=as_published, clusters=r.clusters, b=_B)
    return r.noted(found)


def own_preferred(read: Read) -> Estimate:
    """Return how far a judge favours its own family beyond what people do; not identified without labels."""
    return _of_own(read)[0]


def _of_own(read: Read) -> list[Estimate]:
    own, known = read.walks.probing.own.get(read.judge, ()), bool(read.walks.truth)
    if not any(name in own for v in read.walks.base for name in v.of.systems.values()):
        base = about("self_preference", 0, len(read.walks.base), unit="item")
        return [undefined(base, Status.NOT_IDENTIFIED, "no response is of its own family; declare families")]
    if not read.walks.paired:
        rows = [row for row in _graded(read) if row[1]]
        x = np.array([row[0] for row in rows], dtype=float).reshape(-1, 2)
        mine = np.array([row[1] in own for row in rows], dtype=float)
        clusters = [row[2] for row in rows]
        return [self_preference(x[:, 0], mine, x[:, 1] if known else None, clusters=clusters)]
    pairs = [(p, [p.item.systems.get(name) in own for name in p.unit.responses]) for p in placed(read)]
    mixed = [(p, ours[0]) for p, ours in pairs if sum(ours) == 1]
    x = np.array([(p.value, preferred(read, p)) for p, _ in mixed], dtype=float).reshape(-1, 2)
    x = np.where(np.array([ours for _, ours in mixed], dtype=bool)[:, None], x, 1 - x)
    clusters = [p.cluster for p, _ in mixed]
    people, margin = (x[:, 1], x[:, 1] - 0.5) if known else (None, None)
    return [
        equal_opportunity(x[:, 0], people, clusters=clusters, b=_B),
        self_preference_in_pairs(x[:, 0], margin, clusters=clusters),
    ]


def _graded(read: Read) -> list[tuple[Floats, str, str]]:
    """Return of responses judged alone the judge's value and people's (nan for none), system and cluster."""
    walks, found = read.walks, []
    for variant in walks.base if not walks.paired else ():
        for unit in walks.scores(variant, read.judge):
            values = [walks.value(variant, read.judge, unit), walks.truth.get(unit)]
            system = variant.of.systems.get(unit.responses[0], "") if unit.responses else ""
            found.append((np.array(values, dtype=float), system, variant.cluster))
    return found


def systems_apart(read: Read) -> Sequence[Estimate]:
    """Return what a judge adds to the win rate of each system beyond its decisiveness, and that itself."""
    if read.walks.paired:
        pairs = [(p, [p.item.systems.get(name, "") for name in p.unit.responses]) for p in placed(read)]
        met = [(p, (a, b)) for p, (a, b) in pairs if a and b and a != b]
        rows = [(np.array((p.value, preferred(read, p)), float), both, p.cluster) for p, both in met]
    else:
        two = [
            (x, y)
            for x, y in combinations(_graded(read), 2)
            if x[2] == y[2] and x[1] != y[1] and x[1] and y[1]
        ]
        rows = [(0.5 + (x[0] - y[0]) / 2, (x[1], y[1]), x[2]) for x, y in two]
    won = signs([row[0] for row in rows]).reshape(-1, 2)
    return system_bias(won[:, 0], won[:, 1], [row[1] for row in rows], [row[2] for row in rows])


def worst_system(read: Read) -> Estimate:
    """Return the bias of the system with most of it, its error widened for the number of systems."""
    found = systems_apart(read)
    single = found[:-1] or found
    worst = max(single, key=lambda each: abs(each.value) / each.se if each.se > 0 else 0.0)
    df = max(worst.n_used - 1, 1)
    half = worst.se * t_quantile(1 - 0.05 / len(single), df)
    return replace(worst, se=half / t_quantile(0.95, df), low=worst.value - half, high=worst.value + half)


def ladder(read: Read) -> list[Estimate]:
    """Return the mean of the first rung on which a judge agrees with the label, else with its own best rung.

    The rungs are the short prompt, the items as they came, the long prompt and the written opinion, as far as
    they were asked; one above the last counts for where none of them agrees.
    """
    walks, names = read.walks, ("wording-short", "", "wording-long", "ladder")
    rungs = [own for name in names if (own := {v.of.item_id: v for v in walks.named(name)})]
    first, clusters = [], []
    for variant in walks.base:
        led = [rung[variant.of.item_id] for rung in rungs if variant.of.item_id in rung]
        for unit in walks.scores(variant, read.judge):
            values = [walks.value(v, read.judge, replace(unit, item_id=walks.item(v).item_id)) for v in led]
            goal = walks.truth.get(unit) if walks.truth else values[-1]
            if goal is not None and len(values) == len(rungs):
                near = [n for n, v in enumerate(values, 1) if v is not None and abs(v - goal) <= _NEAR]
                first.append(min(near, default=len(values) + 1))
                clusters.append(variant.cluster)
    index = clustered_mean(first, clusters, name="ladder_index")
    failed = clustered_mean(np.array(first) > len(rungs), clusters, name="ladder_failed")
    goal_is = "the label" if walks.truth else "its own answer on the last rung"
    told = f"{len(rungs)} rungs; it agrees where it says {goal_is}; {len(rungs) + 1} where it never does"
    return [replace(index, notes=(*index.notes, told)), failed]


def flips_of_judges(name: str) -> Callable[[Read], list[Estimate]]:
    """Return the measure of how many pairs of judges change their order, by accuracy, under a probe."""

    def measure(read: Read) -> list[Estimate]:
        walks, variants = read.walks, read.walks.named(name)
        base = about("flips_of_judges", 0, len(variants), unit="item", method="pairs of judges, by error")
        if len(walks.judges) < 2 or not walks.truth or not variants:
            return [undefined(base, Status.NOT_IDENTIFIED, "two judges and people's labels are needed")]
        own = [{row.unit: row for row in walks.rows(variants[0].probe, judge)} for judge in walks.judges]
        seen = [[rows[u] for rows in own] for u in own[0] if u in walks.truth and all(u in o for o in own)]
        goal = np.array([walks.truth[some[0].unit] for some in seen])[:, None, None]
        values = np.array([[(row.before, row.after) for row in some] for some in seen], dtype=float)
        errors = np.abs(values.reshape(len(seen), len(own), 2) - goal)
        kept = ~np.isnan(errors).any(axis=(1, 2))
        errors, (one, other) = errors[kept], np.triu_indices(len(own), 1)
        if not len(errors):
            return [undefined(base, Status.NO_PAIRED_ITEMS)]

        def share(index: Codes) -> float:
            before, after = (np.sign(m[one] - m[other]) for m in errors[index].mean(axis=0).T)
            return float((before * after < 0).mean())

        n, groups = len(errors), [seen[k][0].cluster for k in np.flatnonzero(kept)]
        draw = Resampling(b=_B).over(coded_clusters(groups, n))
        made = replace(base, value=share(np.arange(n)), n_used=n, n_dropped=len(variants) - n)
        return [resampled(made, share, n, draw, kind="percentile")]

    return measure


def severe(read: Read) -> Estimate:
    """Return what a judge gives more than people do, to responses that it grades alone."""
    rows = _graded(read)
    judge, people = np.array([row[0] for row in rows], dtype=float).reshape(-1, 2).T
    return signed_error(judge, people, clusters=[row[2] for row in rows])


_WEI = "Wei et al. (2024), arXiv 2408.13006"
LABELLED: tuple[Probe, ...] = (
    Probe(
        name="severity", group="people", what="Compares what it gives with what people give.", change=None,
        needs=frozenset({"labels"}), read=severe, says="is more lenient, or more severe, than people",
        remedy="Calibrate it on people's labels (judgekit calibrate) before a level is read off its scores.",
    ),
    Probe(
        name="position-bias", group="place", what="Shows the response that people prefer first, not second.",
        change=compared, needs=frozenset({"pair", "labels"}), read=place_bias, measure=accuracies,
        says="is right more often when the better response stands in one place", source=_WEI,
        remedy="Ask in both orders, and take the mean.",
    ),
    Probe(
        name="length-bias", group="length", what="Lets the better response be the longer one.",
        change=compared, needs=frozenset({"pair", "labels"}), read=paid_for_length, source=_WEI,
        measure=lambda r: [] if right(r).once else [paid_for_length(r, as_published=True)],
        says="is right more often when the better response is the longer one",
        remedy="Hold length fixed, or compare responses of like length.",
    ),
    Probe(
        name="self-preference", group="favour", what="Compares its own family with others, given labels.",
        change=None, needs=frozenset({"systems"}), read=own_preferred, measure=lambda r: _of_own(r)[1:],
        says="favours its own family", source="Wataoka et al. (2024), arXiv 2410.21819",
        remedy="Do not let it judge its own family.",
    ),
    Probe(
        name="system-bias", group="favour", what="Compares the win rates of systems with people's.",
        change=None, needs=frozenset({"systems", "labels"}), read=worst_system, measure=systems_apart,
        says="is for or against a system", source="Gera et al. (2024), arXiv 2412.09569",
        remedy="Do not rank systems by this judge alone.",
    ),
)  # fmt: skip
"""Those that need labels; without them they say so."""

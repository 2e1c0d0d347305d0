"""What is read off labels: the place and length that a judge pays for, whom it favours, the ladder.

What better responses have in common looks like a bias as long as nobody says which are better.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from judgekit.agreement.bias.favours import equal_opportunity, self_preference, self_preference_in_pairs
from judgekit.agreement.bias.repeats import denoised_accuracy, length_bias, position_bias
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import clustered_mean, t_quantile
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Resampling, ratio, resampled
from judgekit.probes.pairs import Placed, compared, grids, placed
from judgekit.probes.records import Probe, Read
from judgekit.prompt import flat
from judgekit.types import Estimate, Unit

_B = 500
_DRAWS = 200
_NEAR = 0.05  # how far from a label a score may be and agree with it
_ONCE = "asked once, so that noise is not known, and not taken out"
_NEEDED = "people's labels are needed"


def preferred(read: Read, each: Placed) -> float:
    """Return 1 where people prefer the first response of a pair, 0 the second, 0.5 neither; else nan."""
    truth = read.walks.truth
    if each.unit in truth:
        return float(np.sign(truth[each.unit] - 0.5) / 2 + 0.5)
    ends = [truth.get(Unit(each.unit.item_id, (name,))) for name in each.unit.responses]
    return float("nan") if None in ends else float(np.sign(np.subtract(*ends)) / 2 + 0.5)


class Right:
    """Whether verdicts were right, (n_pairs, n_samples): with the preferred response shown first, and second.

    nan where people prefer neither or nothing is known, and for ties.
    """

    def __init__(self, read: Read) -> None:
        self.pairs = placed(read)
        people = np.array([preferred(read, each) for each in self.pairs])
        known, first_wins = np.abs(people - 0.5) == 0.5, people == 1
        first, second = grids(self.pairs)
        right = [
            np.where(np.isnan(x) | (x == 0.5) | ~known[:, None], np.nan, (x > 0.5) == first_wins[:, None])
            for x in (first, second)
        ]
        self.first = np.where(first_wins[:, None], right[0], right[1])
        self.second = np.where(first_wins[:, None], right[1], right[0])
        self.first_wins = first_wins
        self.clusters = [each.cluster for each in self.pairs]

    @property
    def flat(self) -> tuple[Floats, list[str]]:
        """A row for each pair and order, and their clusters."""
        return np.concatenate([self.first, self.second]), [*self.clusters, *self.clusters]


def _again(x: Floats) -> tuple[Floats, bool]:
    """Return repeats, and whether there are any; else the one verdict beside itself, so that noise is 0."""
    several = bool(((~np.isnan(x)).sum(axis=1) > 1).any())
    return (x, True) if several else (np.column_stack([x[:, 0], x[:, 0]]), False)


def _noted(made: Estimate, *, known: bool) -> Estimate:
    return (
        made if known else replace(made, name=made.name.replace("_denoised", ""), notes=(*made.notes, _ONCE))
    )


def _without(name: str) -> Estimate:
    return undefined(about(name, 0, 0), Status.NOT_IDENTIFIED, _NEEDED)


def place_bias(read: Read) -> Estimate:
    """Accuracy with the preferred response shown first minus with it shown second, without noise."""
    right = Right(read)
    if np.isnan(right.first).all() or np.isnan(right.second).all():
        return _without("position_bias")
    (one, known), (other, both) = _again(right.first), _again(right.second)
    clusters = right.clusters
    made = position_bias(one[:, 0], other[:, 0], one, other, clusters=clusters, b=_B)
    return _noted(made, known=known and both)


def accuracies(read: Read) -> list[Estimate]:
    """Accuracy without noise, by the formula that holds and by the published one."""
    x, clusters = Right(read).flat
    several = _again(x)[0]
    ways = (False, True) if len(x) and not np.isnan(x).all() else ()
    return [denoised_accuracy(x[:, 0], several, as_published=each, clusters=clusters, b=_B) for each in ways]


def paid_for_length(read: Read) -> Estimate:
    """Accuracy where people prefer the longer response minus where they prefer the shorter, without noise."""
    right = Right(read)
    x, clusters = right.flat
    sizes = np.array([_lengths(each) for each in right.pairs], dtype=float).reshape(-1, 2)
    gap = np.where(right.first_wins, sizes[:, 0] - sizes[:, 1], sizes[:, 1] - sizes[:, 0])
    if np.isnan(x).all() or not np.any(sizes > 0):
        return _without("length_bias")
    longer = np.where(gap == 0, np.nan, gap > 0)
    several, known = _again(x)
    made = length_bias(x[:, 0], np.concatenate([longer, longer]), several, clusters=clusters, b=_B)
    return _noted(made, known=known)


def _lengths(each: Placed) -> list[int]:
    return [len(flat(each.item.responses[name])) for name in each.unit.responses]


def own_preferred(read: Read) -> Estimate:
    """Return how far a judge favours its own family beyond what people do; not identified without labels."""
    return _of_own(read)[0]


def own_in_pairs(read: Read) -> Sequence[Estimate]:
    """Return the same of pairs in logits, given what people prefer."""
    return _of_own(read)[1:]


def _of_own(read: Read) -> list[Estimate]:
    own, known = read.walks.probing.own.get(read.judge, ()), bool(read.walks.truth)
    if not read.walks.paired:
        rows = _graded(read)
        x = np.array([row[:2] for row in rows], dtype=float).reshape(-1, 2)
        mine = np.array([row[2] in own for row in rows], dtype=float)
        clusters = [row[3] for row in rows]
        return [self_preference(x[:, 0], mine, x[:, 1] if known else None, clusters=clusters)]
    pairs = [(p, [p.item.systems.get(name) in own for name in p.unit.responses]) for p in placed(read)]
    mixed = [(p, ours[0]) for p, ours in pairs if sum(ours) == 1]
    x = np.array([(p.value, preferred(read, p)) for p, _ in mixed], dtype=float).reshape(-1, 2)
    x = np.where(np.array([ours for _, ours in mixed])[:, None], x, 1 - x) if mixed else x
    clusters = [p.cluster for p, _ in mixed]
    people, margin = (x[:, 1], x[:, 1] - 0.5) if known else (None, None)
    return [
        equal_opportunity(x[:, 0], people, clusters=clusters, b=_B),
        self_preference_in_pairs(x[:, 0], margin, clusters=clusters),
    ]


Graded = tuple[float, float, str, str]
"""A response judged alone: the judge's value, people's, the system, the cluster."""


def _graded(read: Read) -> list[Graded]:
    """Return responses judged alone whose system is known; nan where there is no value."""
    walks, found = read.walks, list[Graded]()
    for variant in walks.base:
        for unit in walks.scores(variant, read.judge):
            if len(unit.responses) == 1 and (system := variant.of.systems.get(unit.responses[0])):
                values = np.array(
                    [walks.value(variant, read.judge, unit), walks.truth.get(unit)], dtype=float
                )
                cluster = variant.of.tags.get("cluster", variant.of.item_id)
                found.append((float(values[0]), float(values[1]), system, cluster))
    return found


def _wins(read: Read) -> list[Graded]:
    """Return who wins between systems, in the order of their names: the judge's winner, people's, both."""
    found: list[tuple[float, float, str, str, str]] = []
    if read.walks.paired:
        for p in placed(read):
            a, b = (p.item.systems.get(name, "") for name in p.unit.responses)
            if p.value is not None and a and b:
                found.append((p.value - 0.5, preferred(read, p) - 0.5, a, b, p.cluster))
    else:
        pairs = ((x, y) for x, y in combinations(_graded(read), 2) if x[3] == y[3])
        found = [(x[0] - y[0], x[1] - y[1], x[2], y[2], x[3]) for x, y in pairs]
    turned = [(j, h, a, b, c) if a < b else (-j, -h, b, a, c) for j, h, a, b, c in found if a != b]
    return [
        (float(np.sign(j) + 1) / 2, float(np.sign(h) + 1) / 2, f"{a}\0{b}", c)
        for j, h, a, b, c in turned
        if not np.isnan(j + h)
    ]


def systems_apart(read: Read) -> list[Estimate]:
    """Return what a judge adds to the win rate of each system beyond its decisiveness, and that itself.

    Its win rates are people's by the beta distribution function with both parameters equal: above 1 it is
    more decisive than people, below it hesitates; what is left is for or against single systems.
    """
    rows = _wins(read)
    names, clusters = sorted({row[2] for row in rows}), sorted({row[3] for row in rows})
    pairs = [name.split("\0") for name in names]
    systems = sorted({x for pair in pairs for x in pair})
    base = about("system_bias", len(clusters), len(clusters), unit="item", method="beta fit of win rates")
    if len(systems) < 3:
        why = "three systems, judged and labelled on the same items, are needed"
        return [undefined(base, Status.NOT_IDENTIFIED, why)]
    at = np.array([(clusters.index(c), names.index(pair)) for _, _, pair, c in rows]).T
    sums = np.zeros((3, len(clusters), len(names)))
    for k, x in enumerate((*np.array([row[:2] for row in rows]).T, np.ones(len(rows)))):
        np.add.at(sums[k], tuple(at), x)
    sign = np.array([[float(pair[0] == x) - (pair[1] == x) for pair in pairs] for x in systems])

    def of(index: Codes) -> Floats:
        judge, people, n = sums[:, index].sum(axis=1)
        there = n > 0
        j, h, of_there = judge[there] / n[there], people[there] / n[there], sign[:, there]
        p = _decisiveness(j, h)
        return np.append(ratio(of_there @ (j - _beta(p, h)), np.abs(of_there).sum(axis=1)), p)

    values, rng = of(np.arange(len(clusters))), np.random.default_rng(0)
    drawn = np.array([of(rng.integers(0, len(clusters), size=len(clusters))) for _ in range(_DRAWS)])
    ends, se = np.nanquantile(drawn, [0.025, 0.975], axis=0), np.nanstd(drawn, axis=0, ddof=1)
    told = [*(f"bias_of:{name}" for name in systems), "decisiveness"]
    return [
        replace(
            base, name=name, value=float(values[k]), low=float(ends[0, k]), high=float(ends[1, k]),
            se=float(se[k]), interval="percentile", seed=0,
        )
        for k, name in enumerate(told)
    ]  # fmt: skip


def _beta(p: float, x: Floats) -> Floats:
    from scipy.special import betainc

    return np.asarray(betainc(p, p, x), dtype=float)


def _decisiveness(judge: Floats, people: Floats) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_p: float(np.square(_beta(float(np.exp(log_p)), people) - judge).sum()),
        bounds=(-2.5, 2.5), method="bounded",
    )  # fmt: skip
    return float(np.exp(found.x))


def worst_system(read: Read) -> Estimate:
    """Return the bias of the system with most of it, its error widened for the number of systems."""
    *single, _ = found if len(found := systems_apart(read)) > 1 else (found[0], None)
    worst = max(single, key=lambda each: abs(each.value) / each.se if each.se > 0 else 0.0)
    df = max(worst.n_used - 1, 1)
    wide = t_quantile(1 - 0.05 / len(single), df) / t_quantile(0.95, df)
    se, half = worst.se * wide, worst.se * t_quantile(1 - 0.05 / len(single), df)
    return replace(worst, se=se, low=worst.value - half, high=worst.value + half)


def ladder(read: Read) -> list[Estimate]:
    """Return the mean of the first rung on which a judge agrees with the label, else with its own best rung.

    The rungs are the short prompt, the items as they came, the long prompt and the written opinion, as far as
    they were asked; one above the last counts for where none of them agrees.
    """
    walks, rungs = read.walks, ("wording-short", "", "wording-long", "ladder")
    by_name: dict[str, dict[str, object]] = {}
    for v in walks.probing.variants.values():
        by_name.setdefault("" if v.probe is None else v.probe.name, {})[v.of.item_id] = v
    there = [by_name[name] for name in rungs if name in by_name]
    first, clusters = [], []
    for variant in walks.base:
        own = [each[variant.of.item_id] for each in there if variant.of.item_id in each]
        for unit in walks.scores(variant, read.judge):
            values = [
                walks.value(v, read.judge, Unit(walks.item(v).item_id, unit.responses, unit.part))
                for v in own
            ]  # fmt: skip
            goal = walks.truth.get(unit) if walks.truth else values[-1]
            if goal is not None and len(values) == len(there):
                near = [n for n, v in enumerate(values, 1) if v is not None and abs(v - goal) <= _NEAR]
                first.append(near[0] if near else len(values) + 1)
                clusters.append(variant.of.tags.get("cluster", variant.of.item_id))
    index = clustered_mean(first, clusters, name="ladder_index")
    failed = clustered_mean(np.array(first) > len(there), clusters, name="ladder_failed")
    goal_is = "the label" if walks.truth else "its own answer on the last rung"
    told = f"{len(there)} rungs; it agrees where it says {goal_is}; {len(there) + 1} where it never does"
    return [replace(index, notes=(*index.notes, told)), failed]


def flips_of_judges(name: str) -> Callable[[Read], list[Estimate]]:
    """Return the measure of how many pairs of judges change their order, by accuracy, under a probe."""

    def measure(read: Read) -> list[Estimate]:
        walks = read.walks
        variants = [v for v in walks.probing.variants.values() if v.probe and v.probe.name == name]
        base = about("flips_of_judges", 0, len(variants), unit="item", method="pairs of judges, by error")
        if len(walks.judges) < 2 or not walks.truth or not variants:
            return [undefined(base, Status.NOT_IDENTIFIED, "two judges and people's labels are needed")]
        rows, clusters = [], []
        own = [walks.rows(variants[0].probe, judge) for judge in walks.judges]
        for some in zip(*own, strict=False):
            goal = walks.truth.get(some[0].unit)
            values = [(row.before, row.after) for row in some]
            if goal is not None and all(None not in each for each in values):
                rows.append(np.abs(np.array(values, dtype=float) - goal))
                clusters.append(some[0].cluster)
        if not rows:
            return [undefined(base, Status.NO_PAIRED_ITEMS)]
        errors, (one, other) = np.array(rows), np.triu_indices(len(walks.judges), 1)

        def share(index: Codes) -> float:
            means = errors[index].mean(axis=0).T
            before, after = (np.sign(each[one] - each[other]) for each in means)
            return float((before * after < 0).mean())

        n, draw = len(errors), Resampling(b=_B).over(coded_clusters(clusters, len(clusters)))
        made = replace(base, value=share(np.arange(n)), n_used=n, n_dropped=len(own[0]) - n)
        return [resampled(made, share, n, draw, kind="percentile")]

    return measure


LABELLED: tuple[Probe, ...] = (
    Probe(
        name="position-bias", group="place", what="Shows the response that people prefer first, not second.",
        change=compared, needs=frozenset({"pair", "labels"}), read=place_bias, measure=accuracies,
        says="is right more often when the better response stands in one place",
        source="Wei et al. (2024), arXiv 2408.13006", remedy="Ask in both orders, and take the mean.",
    ),
    Probe(
        name="length-bias", group="length", what="Lets the better response be the longer one.",
        change=compared, needs=frozenset({"pair", "labels"}), read=paid_for_length,
        says="is right more often when the better response is the longer one",
        source="Wei et al. (2024), arXiv 2408.13006",
        remedy="Hold length fixed, or compare responses of like length.",
    ),
    Probe(
        name="self-preference", group="favour", what="Compares its own family with others, given labels.",
        change=None, needs=frozenset({"systems"}), read=own_preferred, measure=own_in_pairs,
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

"""Parts of the data: are systems in people's order, is the judge worse somewhere, with whom does it agree?"""

from dataclasses import replace

import numpy as np

from judgekit.agreement.association.groupings import four_groupings
from judgekit.agreement.association.pairwise_accuracy import pairwise_accuracy, soft_accuracy
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.deciding import main_coefficient
from judgekit.agreement.auditing.records import How, JudgeAudit, Systems
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section, intervals
from judgekit.agreement.auditing.wording import called, ends, number, told
from judgekit.agreement.bias.populations import Populations, populations
from judgekit.agreement.bias.slices import Slice, by_slice
from judgekit.agreement.core.arrays import magnitude, settled
from judgekit.agreement.core.estimate import Status, undefined, with_interval
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.types import Estimate, is_control

SAYS_SYSTEMS = {
    "ranks": (
        "Does it put systems in people's order?",
        "Mean score of each system by people (left) and by the judge (right), best on top, with "
        "intervals. Lines that cross are systems that change places.",
    ),
}


def grids_of(lab: Labelled, judge: str) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return systems, and scores by people and by the judge of shape (n_systems, n_items)."""
    # A pair gives its value to the first system and the rest of 1 to the second.
    names = sorted({s for each in lab.systems for s in each})
    items = {item: k for k, item in enumerate(dict.fromkeys(lab.items))}
    sums, counts = np.zeros((2, len(names), len(items))), np.zeros((len(names), len(items)))
    mine, people = lab.column(judge), lab.human
    for row, (systems, item) in enumerate(zip(lab.systems, lab.items, strict=True)):
        if np.isnan(mine[row]) or np.isnan(people[row]):
            continue
        for place, system in enumerate(systems):
            s, k = names.index(system), items[item]
            sums[0, s, k] += 1 - people[row] if place else people[row]
            sums[1, s, k] += 1 - mine[row] if place else mine[row]
            counts[s, k] += 1
    human, judged = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return tuple(names), human, judged


def systems(case: Case) -> Systems | None:
    """How the judge ranks systems; None where fewer than two are named, or labels have no direction."""
    lab, how = case.lab, case.how
    if not case.numbers or len({s for each in lab.systems for s in each}) < 2:
        return None
    names, human, judged = grids_of(lab, case.judge)
    drawn = replace(how, b=min(how.b, 300)).options
    groupings = {} if how.only_deciding else four_groupings(human, judged, **drawn)
    n = len(names)

    def means(by: str, scores: Floats) -> tuple[Estimate, ...]:
        return tuple(
            clustered_mean(own, name=f"mean of {name} by {by}", level=how.level)
            for name, own in zip(names, scores, strict=True)
        )

    return Systems(
        names=names,
        human=means("people", human),
        judge=means("the judge", judged),
        soft_accuracy=soft_accuracy(human, judged, level=how.level, seed=how.seed),
        pair_accuracy=_pair_accuracy(human, judged, how),
        groupings={
            str(name): replace(each, name=f"{each.name} ({str(name).replace('_', ' ')})")
            for name, each in groupings.items()
        },
        reversals=tuple(
            (names[i], names[j])
            for i in range(n)
            for j in range(i + 1, n)
            if _sign(human[i], human[j], how) * _sign(judged[i], judged[j], how) < 0
        ),
        n_pairs=n * (n - 1) // 2,
    )


def _pair_accuracy(human: Floats, judged: Floats, how: How) -> Estimate:
    value, n = pairwise_accuracy(human, judged), human.shape[1]
    made = Estimate(
        "pair_accuracy_of_systems", value, level=how.level, n_units=n, n_raters=2, n_used=n, unit="item",
        method="share of pairs of systems in the same order; the systems are fixed",
    )  # fmt: skip
    if np.isnan(value):
        return undefined(made, Status.TOO_FEW)
    rng, b = np.random.default_rng(how.seed), max(how.b, 200)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=b).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [
            (drawn @ np.nan_to_num(each.T)) / (drawn @ (~np.isnan(each.T)).astype(float))
            for each in (human, judged)
        ]
    one, other = np.triu_indices(len(human), 1)
    way = [np.sign(settled(each[:, one] - each[:, other], magnitude(each))) for each in means]
    shares = (way[0] == way[1]).mean(axis=1)
    tail = (1 - how.level) / 2
    low, high = np.quantile(shares, [tail, 1 - tail], method="inverted_cdf")
    return with_interval(made, low, high, se=float(shares.std()), interval="percentile_item", seed=how.seed)


def _sign(one: Floats, other: Floats, how: How) -> int:
    """Which way an interval of the mean difference points; 0 where it holds 0."""
    made = clustered_mean(settled(one - other, magnitude(one, other)), level=how.level)
    return int(made.low > 0) - int(made.high < 0)


def draw_systems(about: About, judge: JudgeAudit) -> Figure | None:
    """Systems in people's order and in the judge's."""
    s = judge.systems
    if s is None:
        return None
    by = [sorted(range(len(s.names)), key=lambda k: -np.nan_to_num(of[k].value)) for of in (s.human, s.judge)]
    rows = [
        (
            s.names[k], *ends(s.human[k]), by[0].index(k) + 1, *ends(s.judge[k]), by[1].index(k) + 1,
            s.human[k].n_used,
        )
        for k in by[0]
    ]  # fmt: skip
    people = ("people", "people_low", "people_high", "people_rank")
    judged = ("judge", "judge_low", "judge_high", "judge_rank")
    accuracy = f"pairs in people's order {told(s.pair_accuracy)}"
    return about.figure(
        "ranks", ("system", *people, *judged, "items"), rows, max((e.n_used for e in s.human), default=0),
        interval="95 % t over items",
        notes=[f"{accuracy}, soft pairwise accuracy {told(s.soft_accuracy)}"],
        chart=Chart(kind="slopes", x="system", y=("people", "judge")),
    )  # fmt: skip


SYSTEMS = Section(
    name="systems", says=SAYS_SYSTEMS, of_judge=draw_systems, consulted=True,
    compute=lambda case: {"systems": case.skipped.unless("systems", lambda: systems(case))},
)  # fmt: skip
SAYS_SLICES = {
    "slices": (
        "Is it worse somewhere?",
        "Agreement in each part of the data; the dashed line is all of it. Parts that differ from the "
        "rest beyond chance (Benjamini and Hochberg over the parts of a column) are marked ▲; small "
        "parts are only named.",
    ),
}


def slices(case: Case) -> dict[str, tuple[Slice, ...]]:
    """The gate's coefficient by each column of groups, each group tested against the rest."""
    lab, how = case.lab, replace(case.how, b=min(case.how.b, 200))
    groups = dict(lab.groups)
    names = [s[0] if len(s) == 1 else None for s in lab.systems]
    if len({n for n in names if n is not None}) > 1:
        groups["system"] = tuple(names)
    if lab.lengths is not None and (np.isfinite(lab.lengths)).sum() >= 90:
        cuts = np.nanquantile(lab.lengths, [1 / 3, 2 / 3])
        third = np.digitize(lab.lengths, cuts)
        names_of = ("shorter", "middle", "longer")
        groups["length"] = tuple(
            names_of[k] if ok else None
            for k, ok in zip(third.tolist(), np.isfinite(lab.lengths), strict=True)
        )
    return {
        name: by_slice(list(of), lambda index: main_coefficient(rows(lab, index), case.judge, how))
        for name, of in groups.items()
        if len(set(of) - {None}) > 1
    }


def rows(lab: Labelled, index: Codes) -> Labelled:
    """Some units of it, for what is computed from labels and numbers."""
    kept = np.zeros(lab.ratings.n_units, dtype=bool)
    kept[index] = True
    return replace(
        lab, ratings=lab.ratings.where(kept), numbers=lab.numbers[kept], sure=lab.sure[kept], groups={},
        lengths=None, weights=None if lab.weights is None else lab.weights[kept], orders={},
    )  # fmt: skip


def draw_slices(about: About, judge: JudgeAudit) -> Figure | None:
    """Agreement in parts of the data."""
    rows = [
        (column, str(each.name), each.n, *ends(each.estimate), number(each.p_adjusted), bool(each.flagged))
        for column, of in judge.slices.items()
        for each in of
    ]
    if not rows:
        return None
    interval = f"{judge.main.level:.0%} intervals of {called(judge.main.name)}"
    return about.figure(
        "slices", ("by", "group", "n", "value", "low", "high", "p_adjusted", "flagged"), rows,
        judge.main.n_used, interval=interval, lines={"all": number(judge.main.value)},
        chart=Chart(
            kind="intervals", name="{group} (n {n}) {flagged}", group="by {by}", span="agreement",
            axes=("agreement", ""),
        ),
    )  # fmt: skip


SLICES = Section(
    name="slices", says=SAYS_SLICES, of_judge=draw_slices, weighted=True, consulted=True,
    compute=lambda case: {"slices": slices(case)},
)  # fmt: skip
SAYS_POPULATIONS = {
    "populations": (
        "With whom does it agree, and they with each other?",
        "Agreement beyond chance: of the judge with each population, of each population among "
        "themselves (their own), of populations with each other, and the differences. A judge cannot "
        "agree with two populations that disagree with each other.",
    ),
}


RESAMPLES = 500
"""As many at most, for there are several estimates for each two populations."""


def by_population(case: Case) -> dict[str, Estimate]:
    """A judge's agreement with each population, its own, and the gaps; none below two, or for a rule."""
    if is_control(case.judge):
        return {}
    lab, judge, panel = case.lab, case.judge, case.panel
    options = replace(case.how, b=min(case.how.b, RESAMPLES)).options
    pools = {person: lab.pools[person] for person in lab.people if person in lab.pools}
    if len(set(pools.values())) > 1:
        return _named(populations(panel, judge=judge, pools=pools, **options))
    if len(set(lab.populations) - {None}) > 1:
        return _named(populations(panel, judge=judge, units=lab.populations, **options))
    return {}


def _named(found: Populations) -> dict[str, Estimate]:
    made: dict[str, Estimate] = {}
    for each in found.each:
        made[f"with {each.name}"] = each.judge
        made[f"{each.name} among themselves"] = each.own
        made[f"with {each.name}, less their own"] = each.shortfall
    for words, pairs in (
        ("{} with {}", found.between),
        ("with {}, less with {}", found.gaps),
        ("own of {}, less of {}", found.own_gaps),
    ):
        made |= {words.format(*names): each for names, each in pairs.items()}
    return {name: replace(each, name=name) for name, each in made.items()}


POPULATIONS = Section(
    name="populations",
    says=SAYS_POPULATIONS,
    compute=lambda case: {"populations": by_population(case)},
    of_all=lambda about: intervals(
        about, "populations", {each.judge: each.populations.values() for each in about.judges}
    ),
)

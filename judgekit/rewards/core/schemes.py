"""Schemes: what is asked about a group, and what the answers say of each response.

Judges are pooled over whole values, not over criteria: the least of several verdicts on a fault would be the
most lenient of them (`benchmarks/rewards_panel.py` shows what pools do against hacks). Where responses are
compared, the value is the share of the group that a response beats, on [0, 1] with mean 0.5: counted where
everybody met everybody, else, and where pairs were seen in one balanced order, expected from Bradley-Terry
strengths: a judge that sees nothing but the place gives everybody the same. Equal texts are level, and those
stopped by a gate are beaten by all that were not. A response that nothing is known of, since its check or
all its comparisons failed, is no part of the group: nobody loses or wins against it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean, median, stdev
from typing import Any

import numpy as np

from judgekit.aggregate.pools import by_rater
from judgekit.aggregate.scores import Placed, rubric_scores, rubric_value, settle
from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.prompt import who
from judgekit.protocols.sheet import LETTERS
from judgekit.recipes.grading import Counted, Grading
from judgekit.recipes.parts import InParts
from judgekit.recipes.published import Remade, changed
from judgekit.recipes.schedules import Pair
from judgekit.recipes.tournament import (
    Counting,
    First,
    Fixture,
    Tournament,
    circle,
    pivots,
    preferences,
    round_robin,
    swiss,
)
from judgekit.rewards.core.prepared import Prepared
from judgekit.rewards.core.records import Judgement
from judgekit.rewards.core.spec import OVERALL, PoolName, RewardSpec
from judgekit.roles import Judge
from judgekit.rubric import Criterion, Rubric
from judgekit.standing.newton import Problem
from judgekit.types import Abstention, Item, Judged, Outcome, Rule, Score, Text

LATE = "deadline"
"""Why there is no value, where nothing more is known."""
_RESPONSE = "response"
ALONE = "alone in its group: there is nothing to compare it with"
PRIOR = 0.1  # wins and losses against an average opponent, so that strengths are finite
LEAST_MET = 0.5  # share of the comparisons of a response that have to have come about
_SMALL, _MEDIUM = 4, 8  # up to these sizes: everybody in both orders, nearly everybody in a balanced one
_OPPOSITE = 6  # up to this size everybody meets everybody there; of eight it would take 32 calls, not 24


class Alone:
    """Each response on its own: adding one to a group changes nothing for the others."""

    def __init__(self, spec: RewardSpec, judges: Sequence[Judge]) -> None:
        self._spec = spec
        self._n_judges = len(judges)
        self._plan = Remade(
            spec.rubric, tuple(judges), protocol="match" if spec.scheme == "match" else "grade",
            form=spec.form, per_call=spec.per_call, samples=spec.samples,
            rubric_to=implicit if spec.scheme == "implicit" else None, parts=spec.split,
        )  # fmt: skip
        asked = Grading(self._plan, aggregate=no_scores)
        self.recipe: Counted = asked if spec.split is None else InParts(asked, spec.parts_rule, rubric_scores)

    def items(self, prepared: Prepared) -> tuple[Item, ...]:
        """Return an item for each open response; equal item ids are equal items, of any groups."""
        return tuple(self._item(prepared, digest) for digest in prepared.open)

    def _item(self, prepared: Prepared, digest: str) -> Item:
        group = prepared.group
        return Item(
            _name(group.task, digest, group.reference, group.sources, group.rubric), group.task,
            {_RESPONSE: prepared.texts[digest]}, group.reference, group.sources, rubric=group.rubric,
            where=f"group {group.key!r}",
        )  # fmt: skip

    def judgements(
        self, prepared: Prepared, items: Sequence[Item], made: Mapping[str, Any]
    ) -> dict[str, Judgement]:
        """Return what was said of each open response, by digest; `made` is by the ids of items."""
        late = Judgement(reason=LATE)
        return {
            digest: made.get(item.item_id, late) for digest, item in zip(prepared.open, items, strict=True)
        }  # fmt: skip

    def made(self, prepared: Prepared, item: Item, judged: Judged) -> Judgement:  # noqa: ARG002 - it stands alone
        """Return what was said of a response, worked out as it lands, while others are waited for."""
        outcomes = judged.outcomes
        rubric = self._plan.rubric_of(item)
        wholes = {name: self._whole(rubric, own) for name, own in by_rater(outcomes).items()}
        values = [whole.value for whole in wholes.values()]
        value, why = over_judges(self._spec, self._n_judges, values, outcomes)
        said = [whole.gate for whole in wholes.values() if whole.value is not None]
        gates = sorted(gate for gate in said if gate)
        gate = gates[0] if len(gates) * 2 > len(said) else ""
        parts = {s.unit.part: s.value for s in judged.scores if s.level == "part"}
        made = Judgement(value, _components(rubric, outcomes), outcomes, gate, why)
        return replace(made, parts=parts) if parts else made

    def _whole(self, rubric: Rubric, outcomes: Sequence[Outcome]) -> Placed:
        """Return one judge's score of the whole rubric."""
        asked: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            asked.setdefault(outcome.criterion, []).append(outcome)
        settled = {c.id: settle(c, asked[c.id]) for c in rubric.leaves if c.id in asked}
        rule: Rule = "published" if self._spec.scheme == "points" else rubric.rule
        return rubric_value(rubric, settled, rule=rule, partial=self._spec.partial)


def implicit(rubric: Rubric) -> Rubric:
    """Return a rubric asked as one question: all criteria in view, one mark from 1 to 10.

    Source: Gunjal et al. (2025), "Rubrics as Rewards", arXiv 2507.17746 (RaR-Implicit).
    """
    lines = [f"- {_importance(c)}: {c.text}" for c in rubric.leaves]
    text = "All in all, how good is the response by these criteria?\n" + "\n".join(lines)
    return changed(
        rubric, criteria=(Criterion.model_validate({"id": OVERALL, "text": text, "scale": "1-10"}),),
        rule="placed",
    )  # fmt: skip


def over_judges(
    spec: RewardSpec, n_judges: int, values: Iterable[float | None], outcomes: Sequence[Outcome]
) -> tuple[float | None, str]:
    """Return judges' values of one response pooled, or None and why: too few of them gave one."""
    there = [value for value in values if value is not None]
    needed = n_judges if spec.min_judges is None else spec.min_judges
    if len(there) < max(needed, 1):
        short = f"{len(there)} of {n_judges} judges gave a value, {needed} are needed"
        return None, why_not(outcomes, short)
    return pooled(sorted(there), spec.pool, k=spec.pool_k), ""


def pooled(values: Sequence[float], pool: PoolName, *, k: float = 1.0) -> float:
    """Return judges' values as one; `lower_bound` is the mean less `k` deviations.

    Source: Coste et al. (2023), arXiv 2310.02743, on worst-case and uncertainty-weighted optimisation.
    """
    if pool == "lower_bound":
        return fmean(values) - (k * stdev(values) if len(values) > 1 else 0.0)
    return min(values) if pool == "min" else median(values) if pool == "median" else fmean(values)


def why_not(outcomes: Iterable[Outcome], otherwise: str) -> str:
    """Return the commonest reason of the abstentions, with the words of one of them."""
    failed = [o for o in outcomes if isinstance(o, Abstention)]
    if not failed:
        return otherwise
    [(reason, _)] = Counter(o.reason for o in failed).most_common(1)
    detail = next(o.detail for o in failed if o.reason == reason)
    return f"{reason}: {detail}" if detail else reason


def no_scores(*_: object) -> tuple[Score, ...]:
    """Return no scores: a value is made a judge at a time (`Scheme.made`)."""
    return ()


def _importance(criterion: Criterion) -> str:
    if criterion.gate is not None:
        return "must hold"
    if criterion.veto is not None:
        return "must not hold"
    return f"fault, weight {-criterion.weight:g}" if criterion.weight < 0 else f"weight {criterion.weight:g}"


def _name(task: Text, digest: str, *rest: object) -> str:
    turns = task if isinstance(task, str) else [(who(m), m.content) for m in task]
    raw = json.dumps([turns, digest, *rest], sort_keys=True)
    return hashlib.sha256(raw.encode()).hexdigest()[:32]


def _components(rubric: Rubric, outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Return the mean of the judges' means on each criterion."""
    values: dict[str, dict[str, list[float]]] = {c.id: {} for c in rubric.leaves}
    for o in outcomes:
        if (value := getattr(o, "value", None)) is not None:
            values[o.criterion].setdefault(o.rater, []).append(value)
    return {name: fmean(map(fmean, own.values())) if own else None for name, own in values.items()}


class Relative:
    """Responses against those of their group."""

    def __init__(self, spec: RewardSpec, judges: Sequence[Judge]) -> None:
        self._spec = spec
        self._n_judges = len(judges)
        self.recipe = _BySize(spec, tuple(judges))

    def items(self, prepared: Prepared) -> tuple[Item, ...]:
        """Return one item: the group's open responses, by their digests."""
        group, names = prepared.group, prepared.open
        if len(names) < 2:
            return ()
        if self._spec.scheme == "list" and len(names) > len(LETTERS):
            raise InputError(f"group {group.key!r}: {len(names)} responses cannot be ranked in one list")
        name = hashlib.sha256(json.dumps([group.key, *names]).encode()).hexdigest()[:32]
        responses = {n: prepared.texts[n] for n in names}
        item = Item(
            name, group.task, responses, group.reference, group.sources, rubric=group.rubric,
            where=f"group {group.key!r}",
        )  # fmt: skip
        return (item,)

    def made(self, prepared: Prepared, item: Item, judged: Judged) -> dict[str, Judgement]:
        """Return what was said of each open response."""
        names, outcomes = prepared.open, judged.outcomes
        said = preferences(self.recipe.rubric_of(item), item, outcomes)
        planned = _planned(names, outcomes)
        counted = self.recipe.counted(len(names))
        shared = {rater: shares(prepared, pairs, planned, counted=counted) for rater, pairs in said.items()}
        return {name: self._judgement(name, shared, outcomes) for name in names}

    def judgements(
        self, prepared: Prepared, items: Sequence[Item], made: Mapping[str, Any]
    ) -> dict[str, Judgement]:
        """Return what was said of each open response, or what is known without asking."""
        names = prepared.open
        if len(prepared.digests) < 2:
            return {name: Judgement(reason=ALONE) for name in names}
        if len(names) < 2:  # equal to one another, or better than all that a gate stopped
            values = {name: share_beaten(name, prepared, names, {}) for name in names}
            return {name: Judgement(v, reason="" if v is not None else ALONE) for name, v in values.items()}
        said: dict[str, Judgement] = made.get(items[0].item_id, {})
        return said or {name: Judgement(reason=LATE) for name in names}

    def _judgement(
        self, name: str, values: Mapping[str, Mapping[str, float]], outcomes: Sequence[Outcome]
    ) -> Judgement:
        own = tuple(o for o in outcomes if name in o.unit.responses)
        given = [each.get(name) for each in values.values()]
        value, why = over_judges(self._spec, self._n_judges, given, own)
        return Judgement(value, {}, own, reason=why)


def _planned(names: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many others each response was to meet."""
    pairs = {frozenset(o.shown) for o in outcomes if len(o.shown) == 2}
    pairs = pairs or {frozenset(pair) for pair in combinations(names, 2)}
    return {name: sum(name in pair for pair in pairs) for name in names}


class _BySize:
    """The recipe of a group, which for the scheme `pairwise` depends on its size."""

    def __init__(self, spec: RewardSpec, judges: tuple[Judge, ...]) -> None:
        self._spec = spec
        both, one = (self._plan(judges, order) for order in ("both", "given"))
        self._asked = both if spec.orders == "both" else one
        self.plans, self.helpers, self.rubric_of = (self._asked,), (), self._asked.rubric_of
        self._sized: tuple[Counted, Counted, Counted] = (
            (
                tournament(both, *round_robin(spec.seed)),
                tournament(one, *circle(spec.seed, _OPPOSITE), first="scheduled"),
                tournament(both, *swiss(None, spec.seed)),
            )
            if spec.scheme == "pairwise"
            else (self._of_scheme(),) * 3
        )

    def _of_scheme(self) -> Counted:
        spec = self._spec
        first: First = "drawn" if spec.orders == "random" else "sorted"
        if spec.scheme == "list":
            return Grading(self._asked, aggregate=no_scores)
        fixtures = {
            "round_robin": round_robin(spec.seed), "swiss": swiss(spec.rounds, spec.seed),
            "pivot": pivots(spec.pivots, spec.seed),
        }  # fmt: skip
        return tournament(self._asked, *fixtures[spec.scheme], first=first)

    def _plan(self, judges: tuple[Judge, ...], orders: Any) -> Plan:
        spec = self._spec
        return Plan(
            spec.rubric, judges, protocol="rank" if spec.scheme == "list" else "compare", form=spec.form,
            per_call=spec.per_call, samples=spec.samples, orders=orders,
        )  # fmt: skip

    def of(self, n: int) -> Counted:
        small, medium, large = self._sized
        return small if n <= _SMALL else medium if n <= _MEDIUM else large

    def counted(self, n: int) -> bool:
        """Tell whether a group of so many is shown evenly enough for its results to be counted."""
        return self._spec.scheme != "pairwise" or not _SMALL < n <= _MEDIUM

    def calls(self, item: Item) -> tuple[int, int]:
        return self.of(len(item.responses)).calls(item)

    def __call__(self, item: Item) -> Any:
        return self.of(len(item.responses))(item)


Scheme = Alone | Relative
"""A way of judging responses: what is asked about a group, and what is made of the answers."""


def tournament(plan: Plan, fixture: Fixture, counting: Counting, *, first: First = "sorted") -> Tournament:
    """Return a tournament of a plan of comparisons."""
    return Tournament(Grading(plan, aggregate=no_scores), fixture, counting, first)


def shares(
    prepared: Prepared, pairs: Mapping[Pair, float], planned: Mapping[str, int], *, counted: bool = True
) -> dict[str, float]:
    """Return the share of its group that each response beats, by one judge; without those that met few."""
    met = {name: sum(name in pair for pair in pairs) for name in prepared.open}
    names = [name for name in prepared.open if met[name]]
    full = {**pairs, **{(b, a): 1.0 - value for (a, b), value in pairs.items()}}
    if not counted or len(full) < len(names) * (len(names) - 1):
        full = expected(names, pairs)
    if not full:
        return {}
    enough = [name for name in names if met[name] >= LEAST_MET * planned[name]]
    beaten = {name: share_beaten(name, prepared, names, full) for name in enough}
    return {name: value for name, value in beaten.items() if value is not None}


def share_beaten(
    name: str, prepared: Prepared, met: Sequence[str], full: Mapping[Pair, float]
) -> float | None:
    """Return the mean over the other responses of the group: equal texts are level, gated ones are beaten."""
    others = {other: prepared.times(other) for other in met if other != name}
    twins = prepared.times(name) - 1
    n = sum(others.values()) + twins + prepared.n_gated
    if not n:
        return None
    won = sum(times * full[name, other] for other, times in others.items())
    return float((won + twins * 0.5 + prepared.n_gated) / n)


def expected(names: Sequence[str], pairs: Mapping[Pair, float]) -> dict[Pair, float]:
    """Return every pair's expected preference by Bradley-Terry strengths; none where there are none."""
    place = {name: i for i, name in enumerate(names)}
    one = np.array([place[a] for a, _ in pairs], dtype=np.intp)
    other = np.array([place[b] for _, b in pairs], dtype=np.intp)
    won = np.array(list(pairs.values()), dtype=float)
    counts = np.stack([won, np.zeros(len(won)), 1.0 - won], axis=1)
    problem = Problem(len(names), one, other, np.zeros(len(won)), order=False, davidson=False, prior=PRIOR)
    top = problem.top(counts) if len(won) else None
    if top is None:
        return {}
    theta = top[0]
    chance = 1.0 / (1.0 + np.exp(theta[None, :] - theta[:, None]))
    return {(a, b): float(chance[place[a], place[b]]) for a in names for b in names if a != b}

"""What a scheme is, and those that judge each response alone: explicit, implicit, points, match.

A scheme says what is asked about a group, and what the answers say of each response. Several judges' values
of one response become one by a pool; pessimism is what a reward can buy against hacks. Judges are pooled over
whole values, not over criteria: the least of several verdicts on a fault would be the most lenient of them.
With one judge of three fooled, the mean hands the hacked response an advantage of .83; the least and the
lower bound do not (`benchmarks/rewards_panel.py`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median, stdev
from typing import Any, Protocol

from judgekit.aggregate.pools import by_rater
from judgekit.aggregate.scores import Placed, rubric_value, settle
from judgekit.recipes.grading import Counted, Grading
from judgekit.recipes.remade import Remade, changed
from judgekit.rewards.core.prepared import Prepared
from judgekit.rewards.core.records import Judgement
from judgekit.rewards.core.spec import PoolName, RewardSpec
from judgekit.roles import Judge
from judgekit.rubric import Criterion, Rubric
from judgekit.types import Abstention, Item, Judged, Outcome, Rule, Score, Text

LATE = "deadline"
"""Why there is no value, where nothing more is known."""
OVERALL = "overall"
_RESPONSE = "response"


class Scheme(Protocol):
    """A way of judging responses: what is asked about a group, and what is made of the answers."""

    @property
    def recipe(self) -> Counted:
        """What is walked over each item."""
        ...

    def items(self, prepared: Prepared) -> tuple[Item, ...]:
        """What is asked about a group; equal item ids are equal items, of any groups."""
        ...

    def made(self, prepared: Prepared, item: Item, judged: Judged) -> Any:
        """What an item's answers come to, worked out as they land, while others are still waited for."""
        ...

    def judgements(
        self, prepared: Prepared, items: Sequence[Item], made: Mapping[str, Any]
    ) -> dict[str, Judgement]:
        """What was said of each open response, by its digest; `made` has the ids of items that were done."""
        ...


class Alone:
    """Each response on its own: adding one to a group changes nothing for the others."""

    def __init__(self, spec: RewardSpec, judges: Sequence[Judge]) -> None:
        self._spec = spec
        self._n_judges = len(judges)
        self._plan = Remade(
            spec.rubric, tuple(judges), protocol="match" if spec.scheme == "match" else "grade",
            form=spec.form, per_call=spec.per_call, samples=spec.samples,
            rubric_to=implicit if spec.scheme == "implicit" else None,
        )  # fmt: skip
        self.recipe = Grading(self._plan, aggregate=no_scores)

    def items(self, prepared: Prepared) -> tuple[Item, ...]:
        """An item for each open response; one and the same wherever task, text and all else are equal."""
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
        """What was said of each open response."""
        late = Judgement(reason=LATE)
        return {
            digest: made.get(item.item_id, late) for digest, item in zip(prepared.open, items, strict=True)
        }  # fmt: skip

    def made(self, prepared: Prepared, item: Item, judged: Judged) -> Judgement:  # noqa: ARG002 - it stands alone
        """What was said of a response."""
        outcomes = judged.outcomes
        rubric = self._plan.rubric_of(item)
        wholes = {name: self._whole(rubric, own) for name, own in by_rater(outcomes).items()}
        value, short = over_judges(
            self._spec, self._n_judges, {name: whole.value for name, whole in wholes.items()}
        )
        said = [whole.gate for whole in wholes.values() if whole.value is not None]
        gates = sorted(gate for gate in said if gate)
        gate = gates[0] if len(gates) * 2 > len(said) else ""
        return Judgement(
            value, _components(rubric, outcomes), outcomes, gate,
            "" if value is not None else why_not(outcomes, short),
        )  # fmt: skip

    def _whole(self, rubric: Rubric, outcomes: Sequence[Outcome]) -> Placed:
        """One judge's score of the whole rubric."""
        asked: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            asked.setdefault(outcome.criterion, []).append(outcome)
        settled = {c.id: settle(c, asked[c.id]) for c in rubric.leaves if c.id in asked}
        rule: Rule = "published" if self._spec.scheme == "points" else rubric.rule
        return rubric_value(rubric, settled, rule=rule, partial=self._spec.partial)


def implicit(rubric: Rubric) -> Rubric:
    """A rubric asked as one question: all criteria in view, one mark from 1 to 10.

    Source:
        Gunjal et al. (2025), "Rubrics as Rewards", arXiv 2507.17746 (RaR-Implicit).

    >>> implicit(Rubric(id="r", criteria=[{"id": "a", "text": "Is it kind?"}])).leaves[0].id
    'overall'
    """
    lines = [f"- {_importance(c)}: {c.text}" for c in rubric.leaves]
    text = "All in all, how good is the response by these criteria?\n" + "\n".join(lines)
    return changed(
        rubric, criteria=(Criterion.model_validate({"id": OVERALL, "text": text, "scale": "1-10"}),),
        rule="placed",
    )  # fmt: skip


def over_judges(
    spec: RewardSpec, n_judges: int, values: Mapping[str, float | None]
) -> tuple[float | None, str]:
    """Judges' values of one response pooled, or None and why: too few of them gave one."""
    there = [value for value in values.values() if value is not None]
    needed = n_judges if spec.min_judges is None else spec.min_judges
    if len(there) < max(needed, 1):
        return None, f"{len(there)} of {n_judges} judges gave a value, {needed} are needed"
    return pooled(sorted(there), spec.pool, k=spec.pool_k), ""


def pooled(values: Sequence[float], pool: PoolName, *, k: float = 1.0) -> float:
    """Judges' values as one: `mean`, `median`, `min`, or `lower_bound`, the mean less `k` deviations.

    Source:
        Coste et al. (2023), arXiv 2310.02743, on worst-case and uncertainty-weighted optimisation.

    >>> [round(pooled([0.2, 0.5, 0.8], name), 2) for name in ("mean", "min", "lower_bound")]
    [0.5, 0.2, 0.2]
    """
    if pool == "lower_bound":
        return fmean(values) - (k * stdev(values) if len(values) > 1 else 0.0)
    return min(values) if pool == "min" else median(values) if pool == "median" else fmean(values)


def why_not(outcomes: Iterable[Outcome], otherwise: str) -> str:
    """The commonest reason of the abstentions, with the words of one of them."""
    failed = [o for o in outcomes if isinstance(o, Abstention)]
    if not failed:
        return otherwise
    [(reason, _)] = Counter(o.reason for o in failed).most_common(1)
    detail = next(o.detail for o in failed if o.reason == reason)
    return f"{reason}: {detail}" if detail else reason


def no_scores(*_: object) -> tuple[Score, ...]:
    """No scores: a value is made a judge at a time (`Scheme.made`)."""
    return ()


def _importance(criterion: Criterion) -> str:
    if criterion.gate is not None:
        return "must hold"
    if criterion.veto is not None:
        return "must not hold"
    return f"fault, weight {-criterion.weight:g}" if criterion.weight < 0 else f"weight {criterion.weight:g}"


def _name(task: Text, digest: str, *rest: object) -> str:
    turns = task if isinstance(task, str) else [(m.role, m.content) for m in task]
    raw = json.dumps([turns, digest, *rest], sort_keys=True)
    return hashlib.sha256(raw.encode()).hexdigest()[:32]


def _components(rubric: Rubric, outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Mean of the judges' means on each criterion."""
    values: dict[str, dict[str, list[float]]] = {c.id: {} for c in rubric.leaves}
    for o in outcomes:
        if (value := getattr(o, "value", None)) is not None:
            values[o.criterion].setdefault(o.rater, []).append(value)
    return {name: fmean(map(fmean, own.values())) if own else None for name, own in values.items()}

"""Schemes that judge each response alone: explicit, implicit, points, match."""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from statistics import fmean

from judgekit.aggregate import rubric_scores
from judgekit.aggregate.pools import by_rater
from judgekit.plan import Plan
from judgekit.recipes.grading import Grading
from judgekit.recipes.remade import Remade, changed
from judgekit.rewards.core.laying import Laid
from judgekit.rewards.core.records import Judgement
from judgekit.rewards.core.schemes import LATE, no_scores, over_judges, why_not
from judgekit.rewards.core.spec import RewardSpec
from judgekit.roles import Judge
from judgekit.rubric import Criterion, Rubric
from judgekit.types import Item, Judged, Outcome, Rule, Score, Text

OVERALL = "overall"
_RESPONSE = "response"


class Alone:
    """Each response on its own: adding one to a group changes nothing for the others.

    Args:
        spec: What is asked.
        judges: Who is asked.
    """

    def __init__(self, spec: RewardSpec, judges: Sequence[Judge]) -> None:
        self._spec = spec
        self._n_judges = len(judges)
        self._plan = _plan(spec, tuple(judges))
        self.recipe = Grading(self._plan, aggregate=no_scores)

    @property
    def _rule(self) -> Rule | None:
        return "published" if self._spec.scheme == "points" else None

    def items(self, laid: Laid) -> tuple[Item, ...]:
        """An item for each open response; one and the same wherever task, text and all else are equal."""
        return tuple(self._item(laid, digest) for digest in laid.open)

    def _item(self, laid: Laid, digest: str) -> Item:
        group = laid.group
        return Item(
            _name(group.task, digest, group.reference, group.sources, group.rubric), group.task,
            {_RESPONSE: laid.texts[digest]}, group.reference, group.sources, rubric=group.rubric,
            where=f"group {group.key!r}",
        )  # fmt: skip

    def judgements(self, laid: Laid, judged: Mapping[str, Judged]) -> dict[str, Judgement]:
        """What was said of each open response."""
        return {digest: self._judgement(self._item(laid, digest), judged) for digest in laid.open}

    def _judgement(self, item: Item, judged: Mapping[str, Judged]) -> Judgement:
        if item.item_id not in judged:
            return Judgement(reason=LATE)
        outcomes = judged[item.item_id].outcomes
        rubric = self._plan.rubric_of(item)
        scores = functools.partial(
            rubric_scores, rubric, item, rule=self._rule, partial=self._spec.partial
        )  # fmt: skip
        wholes = {name: _whole(scores(own)) for name, own in by_rater(outcomes).items()}
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


def _importance(criterion: Criterion) -> str:
    if criterion.gate is not None:
        return "must hold"
    if criterion.veto is not None:
        return "must not hold"
    return f"fault, weight {-criterion.weight:g}" if criterion.weight < 0 else f"weight {criterion.weight:g}"


def _plan(spec: RewardSpec, judges: tuple[Judge, ...]) -> Plan:
    return Remade(
        spec.rubric, judges, protocol="match" if spec.scheme == "match" else "grade", form=spec.form,
        per_call=spec.per_call, samples=spec.samples,
        rubric_to=implicit if spec.scheme == "implicit" else None,
    )  # fmt: skip


def _name(task: Text, digest: str, *rest: object) -> str:
    turns = task if isinstance(task, str) else [(m.role, m.content) for m in task]
    raw = json.dumps([turns, digest, *rest], sort_keys=True)
    return hashlib.sha256(raw.encode()).hexdigest()[:32]


def _whole(scores: Sequence[Score]) -> Score:
    return next(score for score in scores if score.level == "rubric")


def _components(rubric: Rubric, outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Mean of the judges' means on each criterion."""
    values: dict[str, dict[str, list[float]]] = {c.id: {} for c in rubric.leaves}
    for o in outcomes:
        if (value := getattr(o, "value", None)) is not None:
            values[o.criterion].setdefault(o.rater, []).append(value)
    return {name: fmean(map(fmean, own.values())) if own else None for name, own in values.items()}

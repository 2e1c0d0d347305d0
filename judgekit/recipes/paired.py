"""Published recipes for pairs: FairEval, ResearchQA's pairs, Prometheus relative.

FairEval (Wang et al., 2024, arXiv 2305.17926): two scores a reply, of which `calibration.balanced_scores`
makes CS; the entropy of single votes (BPDE) says which pairs people should judge (`--by entropy`). ResearchQA
(2025, arXiv 2509.00496): the sum of the labels 1 to 5, and 5 (a setting) for each order in which the response
was chosen; a pair without a complete sum has no winner. Prometheus relative (Kim et al., 2023, arXiv
2310.08491): the script draws new grades until they differ, which hides the ties; here there is a limit. A
response counts by its latest round; where an answer of that is missing its pairs are open, not won by what is
left.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from judgekit.aggregate.pairs import pairs_of
from judgekit.aggregate.scores import reasons_of
from judgekit.calibration import balanced_scores
from judgekit.distribution import as_said
from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.prompt import Ours
from judgekit.protocols.sheet import Sheet, object_schema
from judgekit.recipes.grading import Grading, OverGrading, Rounds, Together
from judgekit.recipes.points import point_values
from judgekit.rubric import Rubric
from judgekit.types import Call, Item, Judged, Outcome, Score, Unit, Verdict

_FORM = Ours(
    "Score each response by the criterion, a number from 1 to 10, higher is better. "
    "Reply with one JSON object and nothing else, its keys in this order:\n"
    '{"A": number, "B": number, "rationale": "why, in a few sentences"}'
)


def scores_first(sheet: Sheet) -> Sheet:
    """Return a sheet for two scores that asks for them before the reasons, as the vanilla prompt does."""
    if sheet.form != "scores":
        return sheet
    number = {"type": "number"}
    schema = object_schema({"A": number, "B": number, "rationale": {"type": "string"}})
    return replace(sheet, static={**sheet.static, "form": _FORM}, schema=schema)


def votes(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Return what each reply of two scores says of its pair (better, worse, tie), and other outcomes.

    A reply that scored one of the two only is an abstention. The value of a vote says how far the scores lie
    apart, so that of pairs whose votes disagree alike people see those first whose scores are nearest.
    """
    places: dict[tuple[str, str], int] = {}  # responses in the item's own order: the first one asked in
    replies: dict[tuple[object, ...], list[Outcome]] = {}
    others: list[Outcome] = []
    for o in outcomes:
        if len(o.unit.responses) != 1 or len(o.shown) != 2:
            others.append(o)
            continue
        places.setdefault((o.unit.item_id, o.unit.responses[0]), len(places))
        key = (o.rater, o.criterion, o.unit.item_id, o.unit.part, o.shown, o.sample)
        replies.setdefault(key, []).append(o)
    return (*others, *(_vote(own, places) for own in replies.values()))


def _vote(reply: Sequence[Outcome], places: Mapping[tuple[str, str], int]) -> Outcome:
    one = reply[0]
    first, second = sorted(one.shown, key=lambda name: places.get((one.unit.item_id, name), len(places)))
    vote = balanced_scores(reply, unit=Unit(one.unit.item_id, (first, second), one.unit.part))
    if not isinstance(vote, Verdict):
        return vote
    value = {o.unit.responses[0]: o.value for o in reply if isinstance(o, Verdict)}
    apart = (1.0 + value[first] - value[second]) / 2.0
    return replace(vote, value=apart, shown=one.shown, sample=one.sample)


RESEARCHQA_WEIGHT = 5.0
_LABELS = 5
_CHOICE = Rubric(
    id="researchqa_choice",
    guidelines="How a text is laid out, and links in it, count for nothing; do not guess who wrote it.",
    criteria=({"id": "choice", "text": "Which response answers the question better?", "about": "pair"},),
)


def researchqa_pairs(coverage: Grading, *, weight: float = RESEARCHQA_WEIGHT) -> Together:
    """Ask for coverage of each response and a choice between each two, worth `weight` labels an order."""
    asked = coverage.plan
    choice = Plan(_CHOICE, asked.judges, protocol="compare", ties=False, samples=asked.samples)
    choosing = replace(coverage, plan=choice, aggregate=lambda *_: ())
    return Together((coverage, choosing), functools.partial(_combine, coverage.plan, weight))


def _combine(plan: Plan, weight: float, item: Item, parts: Sequence[Judged]) -> tuple[Score, ...]:
    coverage, choice = parts
    rubric = plan.rubric_of(item)
    pair_scores = [
        _by_sums(rubric, weight, pair, coverage.outcomes, choice.outcomes) for pair in pairs_of(item)
    ]
    return (*coverage.scores, *pair_scores)


def _by_sums(
    rubric: Rubric, weight: float, unit: Unit, coverage: Sequence[Outcome], choice: Sequence[Outcome]
) -> Score:
    sides = [Unit(unit.item_id, (response,)) for response in unit.responses]
    covered = [point_values(rubric, coverage, side) for side in sides]
    chosen = [o for o in choice if o.unit == unit]
    won = _orders_won(chosen)
    complete = won is not None and all(len(values) == len(rubric.leaves) for values in covered)
    value = None
    if complete and won is not None:
        labels = [sum(1 + v * (_LABELS - 1) for v in values) for values in covered]
        value = _ahead(labels[0] + weight * won[0], labels[1] + weight * won[1])
    about = [o for o in coverage if o.unit in sides] + chosen
    return _pair_score(unit, rubric.id, value, about)


def _ahead(first: float, second: float) -> float:
    """Return 1 where the first number is the larger, 0 where the second is, 0.5 for level ones."""
    one, other = as_said(first), as_said(second)
    return 0.5 if one == other else float(one > other)


def _pair_score(
    pair: Unit, name: str, value: float | None, about: Sequence[Outcome], flags: tuple[str, ...] = ()
) -> Score:
    n = sum(isinstance(o, Verdict) for o in about)
    return Score(
        pair, "rubric", name, value, "placed", n_verdicts=n, n_abstained=reasons_of(about), flags=flags
    )


def _orders_won(choice: Sequence[Outcome]) -> tuple[float, float] | None:
    """Return in how many of the two orders each response was chosen, mean over samples and judges."""
    by_order: dict[tuple[str, ...], list[float]] = {}
    for o in choice:
        own = by_order.setdefault(o.shown, [])
        if isinstance(o, Verdict):
            own.append(o.value)
    if not by_order or not all(by_order.values()):
        return None
    first = sum(sum(own) / len(own) for own in by_order.values())
    return first, len(by_order) - first


RESAMPLED, TIED = "resampled", "tied"
Grades = dict[str, float | None]
"""Response -> its grade; None where it has none."""


@dataclass(frozen=True)
class Relative(OverGrading):
    """Grades of each response alone, and up to `rounds` more of the responses of a pair that ended level."""

    grading: Grading
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise InputError(f"rounds={self.rounds}; at least 0")
        if not self.grading.plan.asked_by.apart:
            raise InputError(f"responses are graded alone here, not by {self.grading.plan.asked_by.name!r}")

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item: no pair level, all level in every round."""
        least, most = self.grading.calls(item)
        return least, most + self.rounds * most // self.grading.plan.samples

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Grade, and grade anew what is level."""
        judged = yield from self.grading(item)
        outcomes = list(judged.outcomes)
        latest = _values(outcomes)
        redone: set[Unit] = set()
        for turn in range(self.rounds):
            level = [pair for pair in pairs_of(item) if _label(latest, pair) == 0.5]
            names = {name for pair in level for name in pair.responses}
            calls = self._anew(item, names, self.grading.plan.samples + turn)
            if not calls:
                break
            redone.update(level)
            new = yield from self.grading.asked(item, calls)
            outcomes += new
            latest = {**latest, **_values(new)}
        pairs = tuple(self._score(item, pair, latest, pair in redone, outcomes) for pair in pairs_of(item))
        return Judged(item, tuple(outcomes), (*judged.scores, *pairs))

    def _anew(self, item: Item, names: set[str], sample: int) -> tuple[Call, ...]:
        plan = self.grading.plan
        judges = {judge.name: judge for judge in plan.judges}
        first = [call for call in plan.calls(item) if call.sample == 0 and names.intersection(call.shown)]
        return tuple(plan.addressed(replace(call), judges[call.judge], sample) for call in first)

    def _score(
        self, item: Item, pair: Unit, latest: Grades, again: bool, outcomes: Sequence[Outcome]
    ) -> Score:
        value = _label(latest, pair)
        flags = ((RESAMPLED,) if again else ()) + ((TIED,) if value == 0.5 else ())
        sides = {(response,) for response in pair.responses}
        own = [o for o in outcomes if o.unit.responses in sides]
        return _pair_score(pair, self.grading.plan.rubric_of(item).id, value, own, flags)


def _values(outcomes: Sequence[Outcome]) -> Grades:
    """Return each response's mean grade in a round; None where a judge has no verdict on a criterion."""
    by_response: dict[str, dict[tuple[str, str], list[float]]] = {}
    for o in outcomes:
        if len(o.unit.responses) == 1:
            own = by_response.setdefault(o.unit.responses[0], {})
            own.setdefault((o.criterion, o.rater), []).extend([o.value] if isinstance(o, Verdict) else [])
    return {
        name: fmean(map(fmean, own.values())) if all(own.values()) else None
        for name, own in by_response.items()
    }


def _label(values: Grades, pair: Unit) -> float | None:
    """1 where the first has the better grade, 0 where the second has, 0.5 for level ones, None for open."""
    first, second = (values.get(name) for name in pair.responses)
    return None if first is None or second is None else _ahead(first, second)

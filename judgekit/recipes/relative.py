"""Prometheus relative: two responses graded apart and compared by their grades; ties asked again, so often.

Kim et al. (2023), arXiv 2310.08491. The published script draws new grades until they differ, without a
limit, which hides the ties. Here there is a limit, a tie that stays is a tie, and every pair says whether
it needed another round. A response counts by its latest round, and has no grade where an answer of that
round is missing: its pairs are then open, not won by what is left.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from judgekit.aggregate.pairs import pairs_of
from judgekit.aggregate.scores import reasons_of
from judgekit.distribution import as_said
from judgekit.errors import InputError
from judgekit.recipes.grading import Grading, OverGrading
from judgekit.types import Answer, Call, Item, Judged, Outcome, Round, Score, Unit, Verdict

RESAMPLED, TIED = "resampled", "tied"
Grades = dict[str, float | None]
"""Response -> its grade; None where it has none."""


@dataclass(frozen=True)
class Relative(OverGrading):
    """Grades, and further grades of the responses of a pair that ended level.

    Args:
        grading: The first round: each response alone.
        rounds: How often level pairs are graded anew at most.

    Raises:
        InputError: If the rounds are negative, or responses are not graded alone.
    """

    grading: Grading
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise InputError(f"rounds={self.rounds}; at least 0")
        if not self.grading.plan.asked_by.apart:
            raise InputError(f"responses are graded alone here, not by {self.grading.plan.asked_by.name!r}")

    def calls(self, item: Item) -> tuple[int, int]:
        """The least and the most calls for an item: no pair level, all level in every round."""
        least, most = self.grading.calls(item)
        return least, most + self.rounds * most // self.grading.plan.samples

    def __call__(self, item: Item, /) -> Generator[Round, Sequence[Answer], Judged]:
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
        """One more sample of every call about these responses."""
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
        n = sum(isinstance(o, Verdict) for o in own)
        name = self.grading.plan.rubric_of(item).id
        return Score(
            pair, "rubric", name, value, "placed", n_verdicts=n, n_abstained=reasons_of(own), flags=flags
        )


def _values(outcomes: Sequence[Outcome]) -> Grades:
    """Grade of each response in a round: mean over samples, then over criteria and judges.

    None where a judge has no verdict on a criterion in any sample.
    """
    by_response: dict[str, dict[tuple[str, str], list[float]]] = {}
    for o in outcomes:
        if len(o.unit.responses) == 1:
            own = by_response.setdefault(o.unit.responses[0], {})
            own.setdefault((o.criterion, o.rater), []).extend([o.value] if isinstance(o, Verdict) else [])
    return {
        name: as_said(fmean(map(fmean, own.values()))) if all(own.values()) else None
        for name, own in by_response.items()
    }


def _label(values: Grades, pair: Unit) -> float | None:
    """1 where the first has the better grade, 0 where the second has, 0.5 for level ones, None for open."""
    first, second = (values.get(name) for name in pair.responses)
    if first is None or second is None:
        return None
    return 0.5 if first == second else float(first > second)

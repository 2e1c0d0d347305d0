"""P(True) after brainstorming: the judge answers the task itself a few times, and is shown its own answers.

Kadavath et al. (2022), arXiv 2207.05221: several samples of the model's own at temperature 1 make its P(True)
tell right from wrong better. Each judge sees its own ideas alone, each in a fence of untrusted text.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from judgekit.errors import InputError
from judgekit.fences import Told
from judgekit.plan import Plan
from judgekit.prompt import put
from judgekit.recipes.grading import Grading, OverGrading, Rounds
from judgekit.roles import Choosy
from judgekit.scales import writable
from judgekit.types import Call, Item, Judged, Outcome, Round, Verdict, is_control

FLAG = "fewer_ideas"
GUIDELINES = (
    "Each `<idea TAG>` after the task is an answer to it that was brainstormed before. Ideas may be wrong "
    "and may contradict one another; the response that is judged need not be among them."
)


@dataclass(frozen=True)
class Brainstormed(OverGrading):
    """Brainstorm `ideas` answers a judge, then ask; controls, which are rules, are asked without.

    A verdict for which fewer ideas were shown, since a call for them failed, is flagged `fewer_ideas`.
    """

    grading: Grading
    ideas: int = 5

    def __post_init__(self) -> None:
        if self.ideas < 1:
            raise InputError(f"ideas={self.ideas}; at least 1, or the recipe 'p-true', which asks without")
        for judge in self.grading.plan.judges:
            if isinstance(judge, Choosy):
                raise InputError(
                    f"judge {judge.name!r} gives labels only and cannot brainstorm; use the recipe 'p-true'"
                )

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls: ideas of each judge that is asked, and the grading."""
        least, most = self.grading.calls(item)
        n = self.ideas * len(_writers(self.grading.plan.calls(item)))
        return least + n, most + n

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Ask for ideas, show them, ask, aggregate."""
        asked = self.grading.plan.calls(item)
        ideas = {judge: list[str]() for judge in _writers(asked)}
        if ideas:
            for answer in (yield Round(tuple(self._brainstorming(item, ideas)))):
                if answer.reply.fault is None and (idea := answer.reply.text.strip()):
                    ideas[answer.call.judge].append(writable(idea))
        outcomes = yield from self.grading.asked(item, tuple(self._shown(item, asked, ideas)))
        outcomes = self._flagged(outcomes, {judge for judge, own in ideas.items() if len(own) < self.ideas})
        return Judged(
            item, outcomes, self.grading.aggregate(self.grading.plan.rubric_of(item), item, outcomes)
        )

    def _brainstorming(self, item: Item, writers: Iterable[str]) -> Iterator[Call]:
        """Calls that put the task itself to each judge, in its own words."""
        judges = {judge.name: judge for judge in self.grading.plan.judges}
        call = Call(judge="", asks=(), protocol="write", messages=put(item.task), variant="idea")
        for name in writers:
            for sample in range(self.ideas):
                yield Plan.addressed(call, judges[name], sample)

    def _shown(self, item: Item, asked: Sequence[Call], ideas: Mapping[str, Sequence[str]]) -> Iterator[Call]:
        """The calls of the grading, each judge's with its ideas after the task."""
        for judge, own in groupby(asked, key=lambda call: call.judge):
            if not ideas.get(judge):
                yield from own
                continue
            told: list[Told] = [("idea", idea) for idea in ideas[judge]]
            yield from (call for call in self.grading.plan.calls(item, beside=told) if call.judge == judge)

    def _flagged(self, outcomes: Sequence[Outcome], short: Collection[str]) -> tuple[Outcome, ...]:
        """Verdicts of judges that fewer ideas were shown to say so, and so do those of their substitutes."""
        names = {*short, *(other.name for name, other in self.grading.substitutes.items() if name in short)}
        return tuple(
            replace(o, flags=(*o.flags, FLAG)) if isinstance(o, Verdict) and o.rater in names else o
            for o in outcomes
        )


def _writers(calls: Sequence[Call]) -> list[str]:
    """The judges among those asked that have ideas."""
    return list(dict.fromkeys(call.judge for call in calls if not is_control(call.judge)))

"""Recipes whose models write: P(True) after brainstorming, and PEEM's loop of rewriting a prompt.

Kadavath et al. (2022), arXiv 2207.05221: several samples of its own make a model's P(True) tell right from
wrong better; each judge sees its own alone, each in a fence. PEEM (2026), arXiv 2603.10477: a round runs the
task model on the prompt, judges both, and hands scores and reasons to the writer, whose text is the next
prompt. Responses of the rounds are `round0` (the prompt as it came), `round1`, ..., parts of the task's
units, too.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from judgekit.errors import InputError
from judgekit.fences import Told, fences_of
from judgekit.plan import Plan
from judgekit.prompt import Ours, bundled_template, fill, flat, put
from judgekit.protocols.reading.replies import abstain, why_unread
from judgekit.recipes.grading import Grading, OverGrading, Rounds
from judgekit.roles import Choosy, Judge
from judgekit.rubric import Rubric
from judgekit.scales import writable
from judgekit.types import Abstention, Answer, Call, Item, Judged, Outcome, Round, Unit, Verdict, is_control

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
        return self.grading.judged(item, outcomes)

    def _brainstorming(self, item: Item, writers: Iterable[str]) -> Iterator[Call]:
        """Return calls that put the task itself to each judge, in its own words."""
        judges = {judge.name: judge for judge in self.grading.plan.judges}
        call = Call(judge="", asks=(), protocol="write", messages=put(item.task), variant="idea")
        for name in writers:
            for sample in range(self.ideas):
                yield Plan.addressed(call, judges[name], sample)

    def _shown(self, item: Item, asked: Sequence[Call], ideas: Mapping[str, Sequence[str]]) -> Iterator[Call]:
        """Return the calls of the grading, each judge's with its ideas after the task."""
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
    """Return the judges among those asked that have ideas."""
    return list(dict.fromkeys(call.judge for call in calls if not is_control(call.judge)))


_LABELLED = re.compile(r"^\s*+(?:rewritten |new |improved )?prompt\s*+:\s*+", re.IGNORECASE)
_FENCED = re.compile(r"^```\w*+\n(.*)\n```$", re.DOTALL)


@dataclass(frozen=True)
class Rewriting(OverGrading):
    """The loop over one item, whose task is the prompt to improve, judged by criteria on prompt and response.

    The task model rewrites its prompt where there is no `writer`, `rounds` times at most; without
    `rationales` it sees the scores only, which is the control arm.
    """

    grading: Grading
    task_model: Judge
    writer: Judge | None = None
    rounds: int = 4
    rationales: bool = True

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise InputError(f"rounds={self.rounds}; at least 1")
        names = {judge.name for judge in self.grading.plan.judges}
        for helper in self.helpers:
            if helper.name in names:
                raise InputError(
                    f"model {helper.name!r} has the name of a judge; give it another with `with_(name=...)`"
                )

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the task model, the writer and the judges' substitutes."""
        writer = () if self.writer is None or self.writer is self.task_model else (self.writer,)
        return (self.task_model, *writer, *self.grading.helpers)

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls: the task model does not answer, or all rounds."""
        _, most = self.grading.calls(replace(item, responses={"round0": ""}))
        return 1, (self.rounds + 1) * (1 + most) + self.rounds

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Run, judge, rewrite; as often as there are rounds, or until a model gives no text."""
        prompt, made = flat(item.task), list[Judged]()
        for turn in range(self.rounds + 1):
            call = Call(judge="", asks=(), protocol="write", messages=put(prompt), variant=f"round{turn}")
            [answer] = yield Round((Plan.addressed(call, self.task_model, 0),))
            tried = self._tried(item, prompt, turn, _text(answer))
            if not _text(answer):
                made.append(self._silent(tried, answer))
                break
            judged = yield from self.grading(tried)
            made.append(judged)
            if turn == self.rounds:
                break
            call = replace(self._request(tried, judged), variant=f"round{turn}")
            [answer] = yield Round((Plan.addressed(call, self.writer or self.task_model, 0),))
            if not prompt_in(_text(answer)):
                made.append(self._silent(self._tried(item, prompt, turn + 1, ""), answer))
                break
            prompt = prompt_in(_text(answer))
        rounds = [(f"round{turn}", judged) for turn, judged in enumerate(made)]
        outcomes = tuple(
            replace(o, unit=_in_round(o.unit, name)) for name, own in rounds for o in own.outcomes
        )
        scores = tuple(replace(s, unit=_in_round(s.unit, name)) for name, own in rounds for s in own.scores)
        return Judged(item, outcomes, scores)

    def _tried(self, item: Item, prompt: str, turn: int, response: str) -> Item:
        name = f"round{turn}"
        return replace(item, task=prompt, responses={name: response}, systems={name: self.task_model.name})

    def _silent(self, tried: Item, answer: Answer) -> Judged:
        """Return a round that did not come about: its criteria abstain, by the model that failed."""
        rubric = self.grading.plan.rubric_of(tried)
        reason, detail = why_unread(answer.reply, "text of a model to judge")
        task, response = Unit(tried.item_id), Unit(tried.item_id, tuple(tried.responses))
        asks = [(task if c.about == "task" else response, c.id) for c in rubric.leaves]
        outcomes = tuple(abstain(answer.call, ask, reason, detail) for ask in asks)
        return self.grading.judged(tried, outcomes)

    def _request(self, tried: Item, judged: Judged) -> Call:
        """Return what the writer is asked: the prompt, what came of it, the scores, perhaps the reasons."""
        rubric = self.grading.plan.rubric_of(tried)
        lines = "\n".join(_findings(rubric, judged.outcomes, rationales=self.rationales))
        names = tuple(tried.responses)
        alone = replace(tried, sources={}, reference=None)
        material = fences_of(alone).show(names, after=[("findings", lines)])
        form = Ours("Reply with the new prompt and nothing else.")
        messages = fill(bundled_template("rewrite"), {"material": material, "form": form})
        return Call(
            judge="", asks=(), protocol="write", messages=messages, tag=material.tag, judged=material.judged,
            item=alone, material=material,
        )  # fmt: skip


def _findings(rubric: Rubric, outcomes: Iterable[Outcome], *, rationales: bool) -> Iterable[str]:
    """Return a line a verdict: criterion, label, and why."""
    for o in outcomes:
        about = "prompt" if rubric.by_id[o.criterion].about == "task" else "response"
        if isinstance(o, Abstention):
            continue
        why = " ".join(o.rationale.split())
        yield f"{about}, {o.criterion}: {o.label}" + (f" ({why})" if rationales and why else "")


def prompt_in(text: str) -> str:
    """Return the prompt a writer wrote, without a heading or a code fence around it."""
    bare = _LABELLED.sub("", text.strip(), count=1)
    found = _FENCED.match(bare)
    return (found[1] if found else bare).strip()


def _text(answer: Answer) -> str:
    """Return the text a model wrote; empty where it failed."""
    return "" if answer.reply.fault is not None else writable(answer.reply.text.strip())


def _in_round(unit: Unit, name: str) -> Unit:
    """Return the unit; one of the task has the round as its part."""
    return unit if unit.responses else Unit(unit.item_id, (), name)

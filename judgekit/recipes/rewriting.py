"""PEEM's loop: a prompt is judged with what it brings about, and rewritten from the judge's reasons.

PEEM (2026), arXiv 2603.10477. A round runs the task model on the prompt, judges prompt and response, and
hands scores and reasons to the writer, whose text is the next round's prompt. The control arm hands over
the scores only; what the reasons are worth is the difference between the two. Responses of the rounds are
`round0` (the prompt as it came), `round1`, ...; the task's units carry the round as their part.
"""

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.prompt import bundled_template, fence, fill, flat, tag_of
from judgekit.recipes.grading import Grading
from judgekit.roles import Judge
from judgekit.rubric import Rubric
from judgekit.types import (
    Abstention,
    Answer,
    Call,
    Item,
    Judged,
    Message,
    Outcome,
    Round,
    Score,
    Unit,
    Verdict,
)

_LABELLED = re.compile(r"^\s*(?:rewritten |new |improved )?prompt\s*:\s*", re.IGNORECASE)
_FENCED = re.compile(r"^```\w*\n(.*)\n```$", re.DOTALL)


@dataclass(frozen=True)
class Rewriting:
    """The loop over one item, whose task is the prompt to improve.

    Args:
        grading: How prompt and response are judged; its rubric has criteria about both.
        task_model: Answers the prompt.
        writer: Rewrites it; the task model where left out.
        rounds: Rewritings at most; 4 in the paper.
        rationales: Hand the judge's reasons to the writer; False is the control arm (scores only).

    Raises:
        InputError: If a model has the name of a judge, or the rounds are below 1.
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
    def plans(self) -> tuple[Plan, ...]:
        """The plan of the judges."""
        return self.grading.plans

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """The task model, the writer and the judges' substitutes."""
        writer = () if self.writer is None or self.writer is self.task_model else (self.writer,)
        return (self.task_model, *writer, *self.grading.helpers)

    def calls(self, item: Item) -> tuple[int, int]:
        """The least and the most calls: one where the task model does not answer, all rounds otherwise."""
        _, most = self.grading.calls(replace(item, responses={"round0": ""}))
        return 1, (self.rounds + 1) * (1 + most) + self.rounds

    def __call__(self, item: Item, /) -> Generator[Round, Sequence[Answer], Judged]:
        """Run, judge, rewrite; as often as there are rounds, or until a model gives no text."""
        prompt = flat(item.task)
        outcomes: list[Outcome] = []
        scores: list[Score] = []
        for turn in range(self.rounds + 1):
            asked = self._addressed((Message("user", prompt),), self.task_model, turn)
            response = yield from self._said(asked)
            if response is None:
                break
            name = f"round{turn}"
            wrote = {name: self.task_model.name}
            tried = replace(item, task=prompt, responses={name: response}, systems=wrote)
            judged = yield from self.grading(tried)
            outcomes += [_in_round(o, name) for o in judged.outcomes]
            scores += [replace(s, unit=_round_unit(s.unit, name)) for s in judged.scores]
            if turn == self.rounds:
                break
            request = self._request(tried, judged)
            rewritten = yield from self._said(self._addressed(request, self.writer or self.task_model, turn))
            if rewritten is None:
                break
            prompt = _prompt_in(rewritten)
        return Judged(item, tuple(outcomes), tuple(scores))

    def _said(self, call: Call) -> Generator[Round, Sequence[Answer], str | None]:
        """The text a model writes; None where it writes none."""
        [answer] = yield Round((call,))
        text = answer.reply.text.strip()
        return None if answer.reply.fault is not None or not text else text

    @staticmethod
    def _addressed(messages: tuple[Message, ...], model: Judge, turn: int) -> Call:
        call = Call(judge=model.name, asks=(), protocol="write", messages=messages, variant=f"round{turn}")
        return Plan.addressed(call, model, 0)

    def _request(self, tried: Item, judged: Judged) -> tuple[Message, ...]:
        """What the writer is asked: the prompt, what came of it, the scores, perhaps the reasons."""
        tag = tag_of(tried)
        [(_, response)] = tried.responses.items()
        shown = (fence("task", flat(tried.task), tag), fence("response", flat(response), tag))
        rubric = self.grading.plan.rubric_of(tried)
        lines = _findings(rubric, judged.outcomes, rationales=self.rationales)
        fields = {"material": "\n\n".join(shown), "findings": fence("findings", "\n".join(lines), tag)}
        fields["form"] = "Reply with the new prompt and nothing else."
        return fill(bundled_template("rewrite"), fields)


def _findings(rubric: Rubric, outcomes: Iterable[Outcome], *, rationales: bool) -> Iterable[str]:
    """A line a verdict: criterion, label, and why."""
    for o in outcomes:
        about = "prompt" if rubric.by_id[o.criterion].about == "task" else "response"
        if isinstance(o, Abstention):
            continue
        why = " ".join(o.rationale.split())
        yield f"{about}, {o.criterion}: {o.label}" + (f" ({why})" if rationales and why else "")


def _prompt_in(text: str) -> str:
    """The prompt a writer wrote, without a heading or a code fence around it."""
    bare = _LABELLED.sub("", text.strip(), count=1)
    found = _FENCED.match(bare)
    return (found[1] if found else bare).strip()


def _round_unit(unit: Unit, name: str) -> Unit:
    return unit if unit.responses else Unit(unit.item_id, (), name)


def _in_round(outcome: Verdict | Abstention, name: str) -> Outcome:
    return replace(outcome, unit=_round_unit(outcome.unit, name))

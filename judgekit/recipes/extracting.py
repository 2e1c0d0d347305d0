"""xFinder: a judge finds the final answer in a response, and a rule compares it with the reference.

Yu et al. (2024), arXiv 2405.11874. The judge never sees the reference. The item's tags say what is wanted:
`answer_type` (alphabet_option, short_text, categorical_label, math) and `answer_range`, the answers allowed,
parted by `|` (options `A: text | B: text`). The extracted answer is the verdict's evidence.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from judgekit.errors import InputError
from judgekit.fences import fences_of
from judgekit.prompt import Ours, bundled_template, settled
from judgekit.protocols.read import read
from judgekit.protocols.reading.material import Material, Shown
from judgekit.protocols.reading.objects import whole
from judgekit.protocols.reading.replies import REPLY, abstain, verdict_of, without_thoughts
from judgekit.protocols.same import NO_ANSWER, Kind, is_no_answer, same_answer
from judgekit.protocols.sheet import object_schema
from judgekit.recipes.grading import Grading, OverGrading, Rounds, asked_again, substituted
from judgekit.rubric import Rubric
from judgekit.types import Abstention, Answer, Ask, Call, Item, Judged, Outcome, Reason, Reply, Round, Unit

FLAG = "no_valid_answer"
_LONGEST = 200  # letters of a bare line that is an answer
_SCHEMA = object_schema({"answer": {"type": "string"}})
_WHAT: Mapping[str, str] = {
    "alphabet_option": "the letter of one option",
    "short_text": "a short text",
    "categorical_label": "one of a set of labels",
    "math": "a number or a formula",
}
_FORM = Ours(
    f'Reply with one JSON object and nothing else. Its only key is "answer" (a string): the final answer, '
    f"or {NO_ANSWER} if there is none."
)
_ANSWER = re.compile(r'\{\s*+"answer"\s*+:\s*+("(?:[^"\\]|\\.)*+")\s*+\}')
# A backslash with what makes it an escape of JSON, unless LaTeX has a command of that name.
_ESCAPE = re.compile(
    r'\\([\\"/]|u[0-9A-Fa-f]{4}|n(?!(?:eq?|ot|u|abla)(?![a-z]))|r(?!(?:ight|ho|m)(?![a-z]))'
    r"|t(?!(?:imes|ext|heta|frac|an|au|o)(?![a-z])))?"
)
_OPTION = re.compile(r"\s*+\(?([A-Za-z])\)?\s*+[:.)]\s*+(.+)")


@dataclass(frozen=True)
class Extracting(OverGrading):
    """Extract, then compare; one call a response, judge and sample, one more where it cannot be read."""

    grading: Grading

    def __post_init__(self) -> None:
        self.grading.check_asks_itself("extraction", substitutes=True)
        check_settled(self.grading.plan.rubric)

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item."""
        plan, substitutes = self.grading.plan, self.grading.substitutes
        each = len(item.responses) * plan.samples
        n = len(plan.judges) * each
        return n, (n * 2 if self.grading.reask else n) + len(substitutes) * each

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Extract, compare, aggregate."""
        if item.reference is None:
            where = item.where or f"item {item.item_id!r}"
            raise InputError(f"{where}: no reference to compare the extracted answer with; add `reference`")
        calls = tuple(self._calls(item))
        answers = list((yield Round(calls)))
        outcomes = [self._outcome(item, answer) for answer in answers]
        open_ = [i for i, o in enumerate(outcomes) if isinstance(o, Abstention) and o.reason == "malformed"]
        if self.grading.reask and open_:
            second = tuple(asked_again(self.grading.plan, answers[i].call, "malformed") for i in open_)
            for i, answer in zip(open_, (yield Round(second)), strict=True):
                outcomes[i] = self._outcome(item, answer)
        if self.grading.substitutes:
            tried = yield from substituted(
                self.grading.plan, self.grading.substitutes, calls, [(outcome,) for outcome in outcomes],
                reading=lambda answer: (self._outcome(item, answer),),
            )  # fmt: skip
            outcomes = [outcome for [outcome] in tried]
        return self.grading.judged(item, outcomes)

    def _calls(self, item: Item) -> Iterator[Call]:
        plan = self.grading.plan
        [criterion] = plan.rubric_of(item).leaves
        static = {"guidelines": Ours(), "criteria": _wanted(item), "form": _FORM}
        prompt = settled(bundled_template("extract"), static)
        allowed = item.tags.get("answer_range")
        fences = fences_of(replace(item, reference=None), beside=[("answers", allowed)] if allowed else ())
        for judge in plan.judges:
            for response in item.responses:
                unit = Unit(item.item_id, (response,))
                material = fences.show((response,))
                call = Call(
                    judge="", asks=(Ask(unit, criterion.id, criterion.scale),), protocol="extract",
                    messages=prompt.about(material),
                    schema=_SCHEMA, tag=material.tag, judged=material.judged, shown=(response,),
                    item=fences.item, material=material,
                )  # fmt: skip
                for sample in range(plan.samples):
                    yield plan.addressed(call, judge, sample)

    def _outcome(self, item: Item, answer: Answer) -> Outcome:
        call, reply = answer.call, answer.reply
        [ask] = call.asks
        extracted = answer_in(call, reply)
        if extracted is None:
            reason, detail = _why(call, reply)
            return abstain(call, ask.about, reason, detail)
        options = options_of(item)
        valid = not is_no_answer(extracted) and _in_range(item, extracted, options)
        same = valid and same_answer(kind_of(item), extracted, item.reference or "", options=options)
        return verdict_of(
            call,
            ask,
            {"yes" if same else "no": 1.0},
            () if valid else (FLAG,),
            rationale=f"extracted: {extracted}",
            evidence=(Shown(call.judged).find(extracted),) if valid else (),
        )


def check_settled(rubric: Rubric) -> None:
    """Refuse a rubric with several criteria, or with one that is not answered by yes and no."""
    leaves = rubric.leaves
    if len(leaves) != 1 or {"no", "yes"} - {*getattr(leaves[0].scale, "labels", ())}:
        raise InputError(
            f"an extracted answer settles one criterion on the scale yes_no, not {[c.id for c in leaves]}"
        )


def kind_of(item: Item) -> Kind:
    """Return the kind of answer an item wants: its tag `answer_type`, else by the form of its reference."""
    named = item.tags.get("answer_type")
    if named is None:
        letter = re.fullmatch(r"\(?[A-Za-z]\)?", (item.reference or "").strip())
        return "alphabet_option" if letter else "short_text"
    if named not in get_args(Kind):
        where = item.where or f"item {item.item_id!r}"
        raise InputError(f"{where}: answer_type {named!r}; there are {', '.join(get_args(Kind))}")
    return cast("Kind", named)


def options_of(item: Item) -> dict[str, str]:
    """Return the answers allowed, from the tag `answer_range`: letter -> text, or the answer twice."""
    lines = [line.strip() for line in item.tags.get("answer_range", "").split("|") if line.strip()]
    named = [_OPTION.fullmatch(line) for line in lines]
    if lines and all(named):
        return {found[1].upper(): found[2].strip() for found in named if found}
    return {line: line for line in lines}


def _in_range(item: Item, extracted: str, options: Mapping[str, str]) -> bool:
    """Tell whether an answer is one of those allowed; where nothing is said, and in mathematics, all are."""
    kind = kind_of(item)
    if not options or kind in {"math", "short_text"}:
        return True
    return any(same_answer(kind, extracted, option, options=options) for option in options)


def _wanted(item: Item) -> Ours:
    wanted = f"Extract the final answer of the response. It should be {_WHAT[kind_of(item)]}."
    allowed = "\nThe answers allowed stand in `<answers TAG>`." if item.tags.get("answer_range") else ""
    return Ours(wanted + allowed)


def answer_in(call: Call, reply: Reply) -> str | None:
    """Return the answer in a reply: of its JSON object, or the one line that it is, unless that refuses."""
    if reply.fault is not None:
        return None
    text = without_thoughts(reply.text).strip() if len(reply.text) <= REPLY else ""
    one = whole(_sound(text))
    if one is None:
        if found := _ANSWER.findall(_sound(text)):
            if Material(call.judged).hold_objects():  # it may be the response's own, quoted
                return None
            return str(json.loads(found[-1], strict=False))  # raw tabs and line ends may stand in it
        bare = text and "\n" not in text and "{" not in text and len(text) <= _LONGEST
        return text if bare and _why(call, reply)[0] != "refused" else None
    value: Any = one[0]
    if isinstance(value, dict):
        answer = value.get("answer")
        return str(answer) if isinstance(answer, str | int | float) and not isinstance(answer, bool) else None
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _sound(text: str) -> str:
    r"""Double the backslashes that judges leave single in LaTeX: JSON takes `\f` of `\frac` for a form feed.

    >>> _sound(r'"\( \frac{1}{2} \times x \)\n"')
    '"\\\\( \\\\frac{1}{2} \\\\times x \\\\)\\n"'
    """
    return _ESCAPE.sub(lambda found: found[0] if found[1] else "\\\\", text)


def _why(call: Call, reply: Reply) -> tuple[Reason, str]:
    """Return why nothing was extracted: the fault, or what `read` makes of a refusal in words."""
    if reply.fault is not None:
        return reply.fault, reply.detail
    [outcome] = read(call, reply)
    refused = isinstance(outcome, Abstention) and outcome.reason == "refused"
    return ("refused" if refused else "malformed"), f"no answer extracted in: {reply.text[:120]!r}"

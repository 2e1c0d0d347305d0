"""A sheet: the criteria asked together in one call, and how the answer is to be given.

All of it is worked out once for a plan; for an item only the material is filled in. Three forms
of answer: `json` (an object, enforced by a schema where the provider can), `text` (reasons, then
a line for each criterion that carries the item's tag) and `letters` (one option letter, read from
the probabilities of the first token). No form shows an example of a label: weak judges copy it.
"""

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from judgekit.errors import InputError
from judgekit.fences import Fences, fences_of
from judgekit.prompt import TAG, Ours, Prompt, Template, bundled_template, settled
from judgekit.protocols.lines import PLACEHOLDER
from judgekit.rubric.model import Criterion, describe
from judgekit.scales import Labels, Scale
from judgekit.types import Call, Fenced, Item, Message, Reason, Unit, View

Protocol = Literal["grade", "checklist", "match", "compare", "rank", "select_all"]
Form = Literal["json", "text", "letters", "scores"]

_AGAIN = (
    "An earlier reply to this could not be read ({why}). "
    "Reply again, in exactly the form asked for above and in no other."
)


@dataclass(frozen=True)
class Sheet:
    """Criteria asked together, with what is the same for every item.

    Args:
        protocol: `grade`, `checklist`, `match` or `select_all`.
        form: How the answer is to be given.
        criteria: What is asked, in order.
        template: The prompt.
        static: Fields of the template that no item changes.
        schema: JSON schema of the answer; None for other forms.
        letters: Option letter -> label; empty for other forms.
        scales: The scale of each criterion.
    """

    protocol: Protocol
    form: Form
    criteria: tuple[Criterion, ...]
    template: Template
    static: Mapping[str, Ours]
    schema: Mapping[str, Any] | None
    letters: tuple[tuple[str, str], ...]
    scales: tuple[Scale, ...]

    @cached_property
    def prompt(self) -> Prompt:
        """The template, filled in for all items."""
        return settled(self.template, self.static)

    @property
    def asked(self) -> tuple[tuple[str, Scale], ...]:
        """(criterion id, the scale it is asked on) each."""
        return tuple((c.id, scale) for c, scale in zip(self.criteria, self.scales, strict=True))

    def views(self, item: Item) -> Iterator[View]:
        """What the criteria are about: the task itself, or each response."""
        if self.criteria[0].about == "task":
            yield Unit(item.item_id), ()
        else:
            for response in item.responses:
                yield Unit(item.item_id, (response,)), (response,)

    def ask(self, item: Item, view: View, *, fences: Fences | None = None) -> Call:
        """The call about a unit; who is asked, and the key, are the plan's to add."""
        return self.ask_about(item, view[0], (fences or fences_of(item)).show(view[1]))

    def ask_about(self, item: Item, unit: Unit, material: Fenced) -> Call:
        """The call about a unit whose material is in its fences already."""
        return Call(
            judge="",
            asks=tuple((unit, c.id) for c in self.criteria),
            protocol=self.protocol,
            messages=self.prompt.about(material),
            scales=self.scales,
            schema=self.schema,
            letters=self.letters,
            tag=material.tag,
            judged=material.judged,
            shown=unit.responses,
            item=item,
            material=material,
        )


def again(call: Call, why: Reason) -> tuple[Message, ...]:
    """The messages of a re-ask: the same, and a word on what was wrong; the prefix stays shared."""
    *before, last = call.messages
    complaint = _AGAIN.format(why=why.replace("_", " "))
    return (*before, Message(last.role, f"{last.content}\n\n{complaint}"))


def sheet_of(
    criteria: Sequence[Criterion],
    *,
    protocol: Protocol = "grade",
    form: Form = "json",
    guidelines: str = "",
    whole: bool = False,
    template: Template | None = None,
) -> Sheet:
    """A sheet for criteria.

    Args:
        criteria: At least one, all about the same thing.
        protocol: `grade` asks for evidence, rationale and label; `checklist` for a quotation and a label.
        form: How the answer is to be given. `letters` needs exactly one criterion on a scale of labels.
        guidelines: What holds for every criterion.
        whole: The criteria are the same for every item, so they stand before the item.
        template: A prompt of your own with the places `guidelines`, `material`, `criteria`, `form`.

    Raises:
        InputError: If `letters` cannot be asked of these criteria.
    """
    if form == "letters":
        if len(criteria) != 1 or not isinstance(criteria[0].scale, Labels):
            raise InputError(
                f"probabilities are read for one criterion on a scale of labels, not for "
                f"{[c.id for c in criteria]}; ask one criterion a call, or use form='json'"
            )
        name = "letters"
    elif protocol in {"checklist", "match"}:
        name = protocol
    else:
        name = "grade_rubric" if whole else "grade"
    letters = _letters(criteria[0].scale) if form == "letters" else ()
    by_label = {label: letter for letter, label in letters}
    static = {
        "guidelines": Ours(guidelines),
        "criteria": Ours("\n\n".join(criterion_text(c, by_label) for c in criteria)),
        "form": Ours(_form_text(criteria, protocol, form)),
    }
    schema = _schema(criteria, protocol) if form == "json" else None
    scales = tuple(c.scale for c in criteria)
    return Sheet(
        protocol, form, tuple(criteria), template or bundled_template(name), static, schema, letters, scales
    )


def criterion_text(criterion: Criterion, letters: Mapping[str, str] | None = None) -> str:
    """A criterion as a judge is shown it; with `letters` (label -> letter), as lettered options."""
    lines = [f"Criterion `{criterion.id}`: {criterion.text}"]
    scale = criterion.scale
    if criterion.reference:
        lines.append(f"A perfect answer to it: {criterion.reference}")
    labels = (*scale.labels,) if isinstance(scale, Labels) else ()
    if letters:
        every = (*labels, scale.cannot_tell) if scale.cannot_tell else labels
        lines += [f"({letters[label]}) {label}{_anchor(criterion, label)}" for label in every]
        return "\n".join(lines)
    lines.append(f"Labels: {describe(scale)}.")
    lines += [f"- {label}{_anchor(criterion, label)}" for label in labels if label in criterion.anchors]
    if not labels:
        lines += [f"- {label}: {text}" for label, text in criterion.anchors.items()]
    if scale.cannot_tell:
        lines.append(f"If the material does not let you tell, the label is: {scale.cannot_tell}")
    if criterion.tags:
        lines.append(f"Error tags, as many as apply: {', '.join(criterion.tags)}")
    return "\n".join(lines)


def _anchor(criterion: Criterion, label: str) -> str:
    return f": {criterion.anchors[label]}" if label in criterion.anchors else ""


def _letters(scale: Scale) -> tuple[tuple[str, str], ...]:
    labels = scale.labels if isinstance(scale, Labels) else ()
    every = (*labels, scale.cannot_tell) if scale.cannot_tell else labels
    if len(every) > len(string.ascii_uppercase):
        raise InputError(f"{len(every)} labels need more option letters than there are; use form='json'")
    return tuple(zip(string.ascii_uppercase, every, strict=False))


_EVIDENCE = '"evidence" (a list of strings): the fewest passages that decide, word for word from the material'
_RATIONALE = '"rationale" (a string): why, in short'
_TAGS = '"tags" (a list of strings): the error tags that apply, or an empty list'
_POINT = (
    '"id" (a string): the id of the point',
    '"evidence" (a string): the sentence that decides it, word for word, or empty',
)


def _form_text(criteria: Sequence[Criterion], protocol: Protocol, form: Form) -> str:
    """How to answer, in words; `TAG` stands where the tag will."""
    ids = ", ".join(f'"{c.id}"' for c in criteria)
    if form == "letters":
        return "Answer with the letter of one option and nothing else."
    if form == "text":
        return _text_form(criteria)
    label = f'"label" ({_label_kind(criteria)}): one of the labels'
    if protocol == "checklist":
        return _keys(
            'Its only key is "answers" (a list of objects): one for each of '
            f"{ids}, in this order. The keys of each are, in this order:",
            (*_POINT, f"{label} of that point, spelled as above"),
        )
    keys = (_EVIDENCE, _RATIONALE, *([_TAGS] if any(c.tags for c in criteria) else []))
    if len(criteria) == 1:
        return _keys("Its keys are, in this order:", (*keys, f"{label}, spelled as above"))
    return _keys(
        f"Its keys are {ids}, in this order. The value of each is an object. "
        "The keys of that are, in this order:",
        (*keys, f"{label} of that criterion, spelled as above"),
    )


def _keys(how: str, keys: Sequence[str]) -> str:
    """An object described key by key; a pattern of one would be copied, and be taken for an answer."""
    return "\n".join((f"Reply with one JSON object and nothing else. {how}", *(f"- {key}" for key in keys)))


def _text_form(criteria: Sequence[Criterion]) -> str:
    lines = "\n".join(f"{TAG} {c.id}: {PLACEHOLDER}" for c in criteria)
    what = "this line" if len(criteria) == 1 else "these lines"  # their number may be a label, and be copied
    whose = "one of the labels" if len(criteria) == 1 else "one of the labels of that criterion"
    return (
        "First quote the passages that decide, then say why. Then end your reply with "
        f"{what} and nothing after, with {whose} in the place of {PLACEHOLDER}:\n{lines}"
    )


def _label_kind(criteria: Sequence[Criterion]) -> str:
    """What JSON calls the labels of criteria."""
    numbers = [not isinstance(c.scale, Labels) for c in criteria]
    if not any(numbers):
        return "a string"
    words = not all(numbers) or any(c.scale.cannot_tell for c in criteria)
    return "a number or a string" if words else "a number"


def _schema(criteria: Sequence[Criterion], protocol: Protocol) -> Mapping[str, Any]:
    if protocol == "checklist":
        labels = list(dict.fromkeys(label for c in criteria for label in _allowed(c.scale)))
        every = all(isinstance(c.scale, Labels) for c in criteria)
        label = {"type": "string", "enum": labels} if every else {"type": ["string", "number"]}
        point = {
            "id": {"type": "string", "enum": [c.id for c in criteria]},
            "evidence": _STRING,
            "label": label,
        }
        return object_schema({"answers": {"type": "array", "items": object_schema(point)}})
    each = {c.id: _answer(c) for c in criteria}
    return each[criteria[0].id] if len(criteria) == 1 else object_schema(each)


_STRING: Mapping[str, Any] = {"type": "string"}
_STRINGS: Mapping[str, Any] = {"type": "array", "items": _STRING}


def _answer(criterion: Criterion) -> Mapping[str, Any]:
    allowed = _allowed(criterion.scale)
    label: Mapping[str, Any] = {"type": "string", "enum": allowed} if allowed else {"type": "number"}
    if not allowed and criterion.scale.cannot_tell:
        label = {"anyOf": [{"type": "number"}, {"type": "string", "enum": [criterion.scale.cannot_tell]}]}
    tags = (
        {"tags": {"type": "array", "items": {"type": "string", "enum": list(criterion.tags)}}}
        if criterion.tags
        else {}
    )
    return object_schema({"evidence": _STRINGS, "rationale": _STRING, **tags, "label": label})


def _allowed(scale: Scale) -> list[str]:
    labels = list(scale.labels) if isinstance(scale, Labels) else []
    return [*labels, scale.cannot_tell] if labels and scale.cannot_tell else labels


def object_schema(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON schema of an object with exactly these properties, in this order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }

"""Criteria answered with a label each: `grade`, `checklist` and `match`.

`grade` asks for evidence and reasons before each label, `checklist` for many short points in one call,
`match` whether a response gives the answer that the reference gives.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from judgekit.errors import InputError
from judgekit.prompt import TAG, Ours, bundled_template
from judgekit.protocols.reading.labelled import read_labels
from judgekit.protocols.reading.lines import PLACEHOLDER
from judgekit.protocols.sheet import Asking, Protocol, Sheet, Wanted, object_schema, singly
from judgekit.rubric.model import Criterion, describe
from judgekit.scales import Labels, Scale
from judgekit.types import Ask, Unit

STRING: Mapping[str, Any] = {"type": "string"}
_STRINGS: Mapping[str, Any] = {"type": "array", "items": STRING}
_EVIDENCE = '"evidence" (a list of strings): the fewest passages that decide, word for word from the material'
_RATIONALE = '"rationale" (a string): why, in short'
_TAGS = '"tags" (a list of strings): the error tags that apply, or an empty list'

Words = Callable[[Sequence[Criterion], str], str]
"""The form of an answer in JSON, in words: the criteria, and what the key `label` holds."""
Schema = Callable[[Sequence[Criterion]], Mapping[str, Any]]


def words_of(criteria: Sequence[Criterion], label: str) -> str:
    """Describe an object with evidence, rationale and label, or one such for each criterion, in words."""
    keys = (_EVIDENCE, _RATIONALE, *([_TAGS] if any(c.tags for c in criteria) else []))
    if len(criteria) == 1:
        return keys_in_words("Its keys are, in this order:", (*keys, f"{label}, spelled as above"))
    return keys_in_words(
        f"Its keys are {ids_of(criteria)}, in this order. The value of each is an object. "
        "The keys of that are, in this order:",
        (*keys, f"{label} of that criterion, spelled as above"),
    )


def schema_of(criteria: Sequence[Criterion]) -> Mapping[str, Any]:
    """Return the JSON schema of that."""
    each = {c.id: _answer(c) for c in criteria}
    return each[criteria[0].id] if len(criteria) == 1 else object_schema(each)


def labelled_sheet(
    criteria: Sequence[Criterion],
    how: Asking,
    *,
    protocol: str,
    template: str,
    words: Words = words_of,
    schema: Schema = schema_of,
) -> Sheet:
    """Return a sheet for criteria answered with a label each; letters need one on a scale of labels."""
    if how.form == "letters" and (len(criteria) != 1 or not isinstance(criteria[0].scale, Labels)):
        raise InputError(
            f"probabilities are read for one criterion on a scale of labels, not for "
            f"{[c.id for c in criteria]}; ask one criterion a call, or use form='json'"
        )
    letters = _letters(criteria[0].scale) if how.form == "letters" else ()
    by_label = {label: letter for letter, label in letters}
    texts = [criterion_text(c, by_label) for c in criteria]
    asked = [(c.id, c.scale, text) for c, text in zip(criteria, texts, strict=True)]

    def wanted(unit: Unit, _: tuple[str, ...]) -> Wanted:
        asks = [Ask(unit, cid, scale, "", text) for cid, scale, text in asked]
        return Wanted(tuple(asks), (), letters)

    if how.form == "letters":
        template, form = "letters", "Answer with the letter of one option and nothing else."
    elif how.form == "text":
        form = _text_form(criteria)
    else:
        form = words(criteria, f'"label" ({_label_kind(criteria)}): one of the labels')
    static = {"guidelines": Ours(how.guidelines), "criteria": Ours("\n\n".join(texts)), "form": Ours(form)}
    return Sheet(
        protocol=protocol,
        read=read_labels,
        form=how.form,
        criteria=tuple(criteria),
        scales=tuple(c.scale for c in criteria),
        template=how.template or bundled_template(template),
        static=static,
        schema=schema(criteria) if how.form == "json" else None,
        views=singly(tuple(criteria)),
        wanted=wanted,
    )


def criterion_text(criterion: Criterion, letters: Mapping[str, str] | None = None) -> str:
    """Return a criterion as a judge is shown it; with `letters` (label -> letter), as lettered options."""
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


def ids_of(criteria: Sequence[Criterion]) -> str:
    """Return the ids of criteria, as words in a prompt."""
    return ", ".join(f'"{c.id}"' for c in criteria)


def keys_in_words(how: str, keys: Sequence[str]) -> str:
    """Describe an object key by key; a pattern of one would be copied, and be taken for an answer."""
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
    """Return what JSON calls the labels of criteria."""
    numbers = [not isinstance(c.scale, Labels) for c in criteria]
    if not any(numbers):
        return "a string"
    words = not all(numbers) or any(c.scale.cannot_tell for c in criteria)
    return "a number or a string" if words else "a number"


def _answer(criterion: Criterion) -> Mapping[str, Any]:
    allowed = labels_of(criterion.scale)
    label: Mapping[str, Any] = {"type": "string", "enum": allowed} if allowed else {"type": "number"}
    if not allowed and criterion.scale.cannot_tell:
        label = {"anyOf": [{"type": "number"}, {"type": "string", "enum": [criterion.scale.cannot_tell]}]}
    tags = (
        {"tags": {"type": "array", "items": {"type": "string", "enum": list(criterion.tags)}}}
        if criterion.tags
        else {}
    )
    return object_schema({"evidence": _STRINGS, "rationale": STRING, **tags, "label": label})


def labels_of(scale: Scale) -> list[str]:
    """Return all that may be said on a scale of labels; nothing for numbers."""
    labels = list(scale.labels) if isinstance(scale, Labels) else []
    return [*labels, scale.cannot_tell] if labels and scale.cannot_tell else labels


def _graded(criteria: Sequence[Criterion], how: Asking) -> Sheet:
    template = "grade_rubric" if how.whole else "grade"
    return labelled_sheet(criteria, how, protocol="grade", template=template)


GRADE = Protocol(name="grade", about=("task", "response"), sheet=_graded, apart=True)


_POINT = (
    '"id" (a string): the id of the point',
    '"evidence" (a string): the sentence that decides it, word for word, or empty',
)


def _list_in_words(criteria: Sequence[Criterion], label: str) -> str:
    return keys_in_words(
        'Its only key is "answers" (a list of objects): one for each of '
        f"{ids_of(criteria)}, in this order. The keys of each are, in this order:",
        (*_POINT, f"{label} of that point, spelled as above"),
    )


def _list_schema(criteria: Sequence[Criterion]) -> Mapping[str, Any]:
    labels = list(dict.fromkeys(label for c in criteria for label in labels_of(c.scale)))
    every = all(isinstance(c.scale, Labels) for c in criteria)
    point = {
        "id": {"type": "string", "enum": [c.id for c in criteria]},
        "evidence": STRING,
        "label": {"type": "string", "enum": labels} if every else {"type": ["string", "number"]},
    }
    return object_schema({"answers": {"type": "array", "items": object_schema(point)}})


CHECKLIST = Protocol(
    name="checklist",
    about=("task", "response"),
    sheet=partial(
        labelled_sheet,
        protocol="checklist",
        template="checklist",
        words=_list_in_words,
        schema=_list_schema,
    ),
    per_call=50,  # as DeepResearch Bench II asks them
    apart=True,
)


MATCH = Protocol(
    name="match",
    about=("response",),
    sheet=partial(labelled_sheet, protocol="match", template="match"),
    needs_reference=True,
)

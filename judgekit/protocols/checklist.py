"""Checklist: many short points in one call, for each the sentence that decides and a label."""

from collections.abc import Mapping, Sequence
from typing import Any

from judgekit.protocols.labelled import STRING, ids_of, keys_in_words, labelled_sheet, labels_of
from judgekit.protocols.protocol import Asking, Protocol
from judgekit.protocols.sheet import Sheet, object_schema
from judgekit.rubric.model import Criterion
from judgekit.scales import Labels

_POINT = (
    '"id" (a string): the id of the point',
    '"evidence" (a string): the sentence that decides it, word for word, or empty',
)


def _words(criteria: Sequence[Criterion], label: str) -> str:
    return keys_in_words(
        'Its only key is "answers" (a list of objects): one for each of '
        f"{ids_of(criteria)}, in this order. The keys of each are, in this order:",
        (*_POINT, f"{label} of that point, spelled as above"),
    )


def _schema(criteria: Sequence[Criterion]) -> Mapping[str, Any]:
    labels = list(dict.fromkeys(label for c in criteria for label in labels_of(c.scale)))
    every = all(isinstance(c.scale, Labels) for c in criteria)
    point = {
        "id": {"type": "string", "enum": [c.id for c in criteria]},
        "evidence": STRING,
        "label": {"type": "string", "enum": labels} if every else {"type": ["string", "number"]},
    }
    return object_schema({"answers": {"type": "array", "items": object_schema(point)}})


def _sheet(criteria: Sequence[Criterion], how: Asking) -> Sheet:
    return labelled_sheet(
        criteria, how, protocol="checklist", template="checklist", words=_words, schema=_schema
    )


CHECKLIST = Protocol(
    name="checklist",
    about=("task", "response"),
    sheet=_sheet,
    per_call=50,  # as DeepResearch Bench II asks them
    apart=True,
)

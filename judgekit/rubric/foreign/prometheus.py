"""Prometheus: one criterion and a description of each level, as a mapping or as text.

    {"criteria": "...", "score1_description": "...", ..., "score5_description": "..."}

or, as it stands in the prompts,

    [criterion]
    Score 1: ...
    Score 5: ...

Kim et al. 2023, arXiv:2310.08491; the keys are those of the prometheus-eval package, which ragas uses too.
"""

import re
from collections.abc import Mapping
from typing import Any

from judgekit.errors import InputError
from judgekit.rubric.foreign.shape import Read, left_out, mapping, need
from judgekit.rubric.load import parse

_KEY = re.compile(r"score(\d{1,3})_description")
_CRITERION = re.compile(r"^\s*\[(?P<text>.+?)\]\s*$", re.DOTALL | re.MULTILINE)
_LEVEL = re.compile(r"^\s*Score\s+(\d{1,3})\s*:\s*", re.IGNORECASE | re.MULTILINE)


def prometheus(raw: Mapping[str, Any] | str, name: str = "prometheus") -> Read:
    r"""A rubric of one criterion, `quality`, whose labels are the described scores.

    Args:
        raw: The mapping, or the text.
        name: Id of the rubric.

    Raises:
        InputError: If the criterion or the levels are missing.

    >>> (rubric,), _ = prometheus("[Is it kind?]\nScore 1: Cruel.\nScore 2: Cold.\nScore 3: Kind.")
    >>> rubric.leaves[0].text, rubric.leaves[0].anchors["3"]
    ('Is it kind?', 'Kind.')
    """
    text, levels, notes = _of_text(raw, name) if isinstance(raw, str) else _of_mapping(raw, name)
    scores = sorted(levels)
    if len(scores) < 2 or scores[-1] - scores[0] != len(scores) - 1:
        raise InputError(
            f"{name}: describes the scores {scores}; levels should be consecutive, such as 1 to 5"
        )
    labels = [str(score) for score in scores]
    criterion = {
        "id": "quality",
        "text": text,
        "scale": {"labels": labels},
        "anchors": {str(score): levels[score] for score in scores},
    }
    origin = "Read from a Prometheus rubric (form: arXiv:2310.08491)."
    return (parse({"id": name, "origin": origin, "criteria": [criterion]}, name),), tuple(notes)


def _of_mapping(raw: Any, name: str) -> tuple[str, dict[int, str], list[str]]:
    outer = mapping(raw, name)
    inner = outer.get("rubric")
    found = inner if isinstance(inner, Mapping) else outer
    levels = {int(key[1]): text for k, text in found.items() if (key := _KEY.fullmatch(str(k)))}
    if not levels:
        raise InputError(f"{name}: has no 'score1_description'; found {', '.join(map(str, found))}")
    known = ["criteria", "rubric", *(f"score{n}_description" for n in levels)]
    notes = left_out(found, known, name)
    return str(need(found, "criteria", name)), levels, notes


def _of_text(raw: str, name: str) -> tuple[str, dict[int, str], list[str]]:
    starts = list(_LEVEL.finditer(raw))
    head = _CRITERION.search(raw[: starts[0].start()] if starts else raw)
    if not starts or not head:
        raise InputError(
            f"{name}: is no Prometheus rubric; it should hold [criterion] in brackets on a line, "
            "then 'Score 1: ...' and so on, each on a line"
        )
    ends = [each.start() for each in starts[1:]] + [len(raw)]
    levels: dict[int, str] = {}
    for each, end in zip(starts, ends, strict=True):
        if int(each[1]) in levels:
            raise InputError(f"{name}: describes score {each[1]} twice")
        levels[int(each[1])] = raw[each.end() : end].strip()
    return " ".join(head["text"].split()), levels, []

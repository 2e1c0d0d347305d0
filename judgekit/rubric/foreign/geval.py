"""DeepEval's G-Eval: a criterion or evaluation steps, and what ranges of scores stand for.

    {"name": "Correctness", "criteria": "...", "evaluation_steps": ["..."],
     "rubric": [{"score_range": [0, 3], "expected_outcome": "..."}]}

Scores are whole numbers from 0 to 10, or over the span of the ranges; camel case (`evaluationSteps`,
`scoreRange`, `expectedOutcome`) is read as well. Where steps are given DeepEval judges by them; where
they are not it lets a model write them, anew for each metric, which has no place in a rubric.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from judgekit.errors import InputError
from judgekit.rubric.foreign.shape import Read, entries, left_out, mapping, need
from judgekit.rubric.load import parse
from judgekit.rubric.model import Rubric

_LOW, _HIGH = 0, 10
_KEYS = ("name", "criteria", "evaluation_steps", "rubric")


def geval(raw: Mapping[str, Any] | list[Any], name: str = "geval") -> Read:
    """One rubric for each metric, with one criterion, `score`, of whole numbers.

    Args:
        raw: A metric, or a list of them.
        name: Id of the rubric where a metric has no name.

    Raises:
        InputError: If a metric has neither criteria nor steps, or its ranges overlap.

    >>> (rubric,), _ = geval({"name": "Tone", "criteria": "Is the tone warm?"})
    >>> rubric.id, len(rubric.leaves[0].scale.labels)
    ('Tone', 11)
    """
    metrics = [raw] if isinstance(raw, Mapping) else entries(raw, name)
    notes: list[str] = []
    rubrics = [_metric(each, name, notes) for each in metrics]
    return tuple(rubrics), tuple(notes)


def _metric(raw: Any, name: str, notes: list[str]) -> Rubric:
    metric = {_snake(key): value for key, value in mapping(raw, name).items()}
    name = str(metric.get("name") or name)
    notes += left_out(metric, _KEYS, name)
    ranges = _ranges(metric["rubric"], name) if metric.get("rubric") else []
    low, high = (ranges[0][0], ranges[-1][1]) if ranges else (_LOW, _HIGH)
    criterion = {
        "id": "score",
        "text": _question(metric, name),
        "scale": {"labels": list(range(low, high + 1))},
        "anchors": {n: outcome for start, end, outcome in ranges for n in range(start, end + 1)},
    }
    return parse(
        {"id": name, "origin": "Read from a G-Eval metric of DeepEval.", "criteria": [criterion]}, name
    )


def _question(metric: Mapping[str, Any], name: str) -> str:
    steps = metric.get("evaluation_steps")
    if steps is None:
        return str(need(metric, "criteria", f"{name}: without 'evaluation_steps'"))
    numbered = [f"{n}. {step}" for n, step in enumerate(entries(steps, f"{name}: the steps"), start=1)]
    return "\n".join([str(metric.get("criteria") or f"{name}, judged in these steps:"), *numbered])


def _ranges(raw: Any, name: str) -> list[tuple[int, int, str]]:
    """(first score, last score, what it stands for), rising."""
    found = []
    for n, each in enumerate(entries(raw, f"{name}: 'rubric'"), start=1):
        where = f"{name}: range {n}"
        level = {_snake(key): value for key, value in mapping(each, where).items()}
        span = entries(need(level, "score_range", where), f"{where}: 'score_range'")
        if [type(score) for score in span] != [int, int] or not _LOW <= span[0] <= span[1] <= _HIGH:
            raise InputError(f"{where}: 'score_range' should rise within {_LOW} to {_HIGH}, found {span!r}")
        found.append((span[0], span[1], str(need(level, "expected_outcome", where))))
    found.sort()
    for (_, end, _), (start, _, _) in pairwise(found):
        if start <= end:
            raise InputError(f"{name}: two ranges hold the score {start}; let each score stand in one")
    return found


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", str(key)).lower()

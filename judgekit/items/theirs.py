"""Rows as HealthBench and Prometheus publish them -> rows under our names, each with its own rubric.

    {"prompt_id": ..., "prompt": [turns], "rubrics": [{"criterion": ..., "points": 5, "tags": [...]}]}
    {"instruction": ..., "response": ..., "reference_answer": ..., "rubric" or "score_rubric":
     {"criteria": ..., "score1_description": ..., ..., "score5_description": ...}}

The second also flat, with or without `orig_` before each name, as the Feedback Collection has it (where
`instruction` and `output` are a judge's prompt and its reply); its rows have no id, so their number is it.
The response to HealthBench is whoever's it is: a column `response`, as in any row.
Arora et al. 2025, arXiv:2505.08775; Kim et al. 2023, arXiv:2310.08491.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from judgekit.items.rows import Row
from judgekit.items.texts import absent, json_of
from judgekit.rubric.formats import healthbench, prometheus

_LEVEL = re.compile(r"(?:orig_)?(score\d{1,3}_description)")
_TASK, _REFERENCE = (
    ("orig_instruction", "instruction", "input"),
    ("orig_reference_answer", "reference_answer"),
)
COLUMNS = frozenset(
    (
        *(
            "prompt_id",
            "prompt",
            "rubrics",
            "example_tags",
            "rubric",
            "score_rubric",
            "criteria",
            "orig_criteria",
        ),
        *(_TASK + _REFERENCE),
        *("orig_response", *(f"{orig}score{n}_description" for n in range(11) for orig in ("", "orig_"))),
    )
)
"""All columns that such rows may have beside ours."""


def is_theirs(columns: Collection[Any]) -> bool:
    """Tell whether a table with these columns, and without a task, is one of theirs."""
    rubric = not {"rubric", "score_rubric"}.isdisjoint(columns) or any(
        map(_LEVEL.fullmatch, map(str, columns))
    )
    return {"prompt", "rubrics"} <= set(columns) or (rubric and not set(_TASK).isdisjoint(columns))


def in_our_names(row: Row) -> dict[str, Any] | None:
    """Return what a row of theirs holds, under our names; None for any other.

    >>> levels = {f"score{n}_description": f"Level {n}." for n in range(1, 6)}
    >>> row = {"instruction": "Hi?", "response": "Hello.", "rubric": {"criteria": "Is it kind?", **levels}}
    >>> found = in_our_names(Row("items.jsonl:3", row))
    >>> found["item_id"], found["task"], found["rubric"]["criteria"][0]["text"]
    ('3', 'Hi?', 'Is it kind?')
    """
    values = row.values
    if not is_theirs(values.keys()):
        return None
    if "rubrics" in values:
        tags = _json(values.get("example_tags")) or ()
        points = {"rubrics": _json(values["rubrics"])}
        return {
            "item_id": values.get("prompt_id"),
            "task": _json(values["prompt"]),
            "rubric": _plain(healthbench(points, "healthbench")),
            "tags": dict(tag.split(":", 1) for tag in map(str, tags) if ":" in tag),
        }
    described = _json(_first(values, ("score_rubric", "rubric")), "{")  # "[" opens its form as text
    if described is None:
        described = {
            found[1]: text for name, text in values.items() if (found := _LEVEL.fullmatch(str(name)))
        }
        described["criteria"] = _first(values, ("orig_criteria", "criteria"))
    number = re.search(r"(?<!\d)\d+$", row.where)
    return {
        "item_id": _first(values, ("id",)) or (number[0] if number else row.where),
        "task": _first(values, _TASK),
        "response": _first(values, ("orig_response",)),
        "reference": _first(values, _REFERENCE),
        "rubric": _plain(prometheus(described, "prometheus")),
    }


def _plain(read: tuple[Any, Any]) -> Mapping[str, Any]:
    (rubric,), _ = read
    return rubric.model_dump(mode="json", exclude_defaults=True)  # type: ignore[no-any-return]


def _first(values: Mapping[str, Any], names: Collection[str]) -> Any:
    return next((values[name] for name in names if not absent(values.get(name))), None)


def _json(value: Any, opening: str = "[") -> Any:
    """Return what a cell holds, which in CSV is JSON."""
    return json_of(value, "a cell") if isinstance(value, str) and value.startswith(opening) else value

"""HealthBench: each example brings its own criteria with points, some of them negative.

    {"prompt_id": "...", "prompt": [...],
     "rubrics": [{"criterion": "...", "points": 5, "tags": ["axis:accuracy"]}]}

Arora et al. 2025, arXiv:2505.08775. Its score is the points won over the positive points, clipped
to 0 to 1, which is the rule `published_clipped`.
"""

from collections.abc import Mapping
from typing import Any

from judgekit.rubric.foreign.shape import Read, entries, left_out, mapping, need
from judgekit.rubric.load import parse
from judgekit.rubric.model import Rubric

_AXIS = "axis:"


def healthbench(raw: Mapping[str, Any] | list[Any], name: str = "healthbench") -> Read:
    """One rubric for each example; its criteria are `c1`, `c2`, ..., its axes are the dimensions.

    Args:
        raw: An example, a list of examples, or a list of criteria.
        name: Id of the rubric where an example has no `prompt_id`; numbered where there are several.

    Raises:
        InputError: If an example has no criteria.

    >>> (rubric,), _ = healthbench({"rubrics": [{"criterion": "Names the dose.", "points": 5, "tags": []}]})
    >>> rubric.leaves[0].id, rubric.leaves[0].weight, rubric.rule
    ('c1', 5.0, 'published_clipped')
    """
    if isinstance(raw, Mapping):
        examples: list[Any] = [raw]
    else:
        examples = entries(raw, name)
        if all(isinstance(each, Mapping) and "criterion" in each for each in examples):
            examples = [{"rubrics": examples}]
    ids = [name if len(examples) == 1 else f"{name}-{n}" for n in range(1, len(examples) + 1)]
    notes: list[str] = []
    rubrics = [_example(each, own, notes) for each, own in zip(examples, ids, strict=True)]
    return tuple(rubrics), tuple(dict.fromkeys(notes))


def _example(raw: Any, name: str, notes: list[str]) -> Rubric:
    example = mapping(raw, name)
    name = str(example.get("prompt_id") or name)
    criteria = [
        _criterion(each, f"c{n}", f"{name}: criterion {n}", notes)
        for n, each in enumerate(entries(need(example, "rubrics", name), f"{name}: 'rubrics'"), start=1)
    ]
    origin = "Read from a HealthBench example (form: arXiv:2505.08775)."
    return parse({"id": name, "origin": origin, "rule": "published_clipped", "criteria": criteria}, name)


def _criterion(raw: Any, own_id: str, where: str, notes: list[str]) -> dict[str, Any]:
    found = mapping(raw, where)
    tags = [str(tag) for tag in entries(found["tags"], f"{where}: 'tags'")] if found.get("tags") else []
    axes = [tag.removeprefix(_AXIS) for tag in tags if tag.startswith(_AXIS)]
    if other := sorted({tag.split(":")[0] for tag in tags if not tag.startswith(_AXIS)}):
        notes.append(f"tags other than {_AXIS} were not carried over ({', '.join(other)})")
    notes += [note.split(": ")[-1] for note in left_out(found, ("criterion", "points", "tags"), where)]
    return {
        "id": own_id,
        "text": need(found, "criterion", where),
        "points": need(found, "points", where),
        "dimension": axes[0] if axes else None,
    }

"""verifiers: the criteria file of its rubric judge, TOML or JSON.

    [[criteria]]
    name = "cites"
    text = "Does the response cite a source?"
    weight = 2.0
    choices = ["no", "partly", "yes"]

Choices stand worst first and are evenly spaced; the score is the weighted mean, as `placed` gives it.
"""

from collections.abc import Mapping
from typing import Any

from judgekit.rubric.foreign.shape import Read, entries, left_out, mapping, need
from judgekit.rubric.load import parse


def verifiers(raw: Mapping[str, Any] | list[Any], name: str = "verifiers") -> Read:
    """A rubric of criteria with ordered choices.

    Args:
        raw: What the file holds: a list of criteria, alone or under `criteria`.
        name: Id of the rubric.

    Raises:
        InputError: If there are no criteria, or one has no name or text.

    >>> (rubric,), _ = verifiers({"criteria": [{"name": "cites", "text": "Does it cite?"}]})
    >>> rubric.leaves[0].scale.labels
    ('no', 'yes')
    """
    listed = need(raw, "criteria", name) if isinstance(raw, Mapping) else raw
    notes = left_out(raw, ("criteria",), name) if isinstance(raw, Mapping) else []
    criteria = []
    for n, each in enumerate(entries(listed, f"{name}: the criteria"), start=1):
        where = f"{name}: criterion {n}"
        found = mapping(each, where)
        notes += left_out(found, ("id", "name", "text", "weight", "choices"), where)
        criteria.append(
            {
                "id": found.get("id") or need(found, "name", where),
                "text": need(found, "text", where),
                "weight": found.get("weight", 1),
                "scale": {"labels": found.get("choices") or ["no", "yes"]},
            }
        )
    origin = "Read from a criteria file of verifiers."
    return (parse({"id": name, "origin": origin, "criteria": criteria}, name),), tuple(notes)

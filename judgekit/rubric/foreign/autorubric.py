"""autorubric (and `rubric`, which it grew out of): weighted requirements, met or not, or with options.

    criteria:
      - {name: accurate, weight: 10, requirement: "..."}
      - {name: tone, requirement: "...", options: [{label: Cold, value: 0}, {label: Warm, value: 1}]}

The list may stand alone, under `criteria`, `sections` or `rubric`; `guidelines` beside it. There an
answer "cannot assess" leaves its criterion out, weight and all, and the score is the weights won over
the positive weights, clipped: `if_undecided: skip` and `published_clipped` here. Without a positive
weight it is 1 plus the weights won over all weights, which is what `placed` gives.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from judgekit.errors import InputError
from judgekit.rubric.foreign.shape import Read, entries, left_out, mapping, need
from judgekit.rubric.load import parse

_WEIGHT = 10  # what autorubric takes where none is given
_CANNOT = "cannot assess"
_KEYS = ("name", "weight", "requirement", "options", "scale_type")


def autorubric(raw: Mapping[str, Any] | list[Any], name: str = "autorubric") -> Read:
    """A rubric of yes/no criteria (met is yes) and of scales of options, worst first.

    Args:
        raw: What the file holds.
        name: Id of the rubric.

    Raises:
        InputError: If there are no criteria, or one has no requirement.

    >>> (rubric,), _ = autorubric([{"name": "kind", "requirement": "Is kind."}])
    >>> rubric.leaves[0].weight, rubric.leaves[0].scale.cannot_tell
    (10.0, 'cannot assess')
    """
    notes: list[str] = []
    guidelines, listed = _inside(raw, name)
    criteria = [
        _criterion(each, f"c{n}", section, f"{name}: criterion {n}", notes)
        for n, (each, section) in enumerate(_flat(listed, name), start=1)
    ]
    gains = any(isinstance(c["weight"], int | float) and c["weight"] > 0 for c in criteria)
    whole = {
        "id": name,
        "origin": "Read from an autorubric file.",
        "guidelines": guidelines,
        "rule": "published_clipped" if gains else "placed",
        "criteria": criteria,
    }
    return (parse(whole, name),), tuple(notes)


def _inside(raw: Any, name: str) -> tuple[str, list[Any]]:
    """Guidelines and criteria, from beside or inside `rubric`."""
    guidelines = ""
    while isinstance(raw, Mapping):
        guidelines = str(raw.get("guidelines") or guidelines)
        key = next((key for key in ("rubric", "sections", "criteria") if key in raw), None)
        if key is None:
            found = ", ".join(map(str, raw))
            raise InputError(f"{name}: has neither 'criteria' nor 'sections' nor 'rubric'; found {found}")
        raw = raw[key]
    return guidelines, entries(raw, f"{name}: the criteria")


def _flat(listed: list[Any], name: str) -> Iterator[tuple[Any, str | None]]:
    """Each criterion with the name of its section, if it stands in one."""
    for each in listed:
        if isinstance(each, Mapping) and "criteria" in each:
            section = each.get("name") or each.get("title")
            for inner in entries(each["criteria"], f"{name}: section {section!r}"):
                yield inner, section
        else:
            yield each, None


def _criterion(raw: Any, own_id: str, section: str | None, where: str, notes: list[str]) -> dict[str, Any]:
    found = mapping(raw, where)
    notes += left_out(found, _KEYS, where)
    weight = found.get("weight")
    return {
        "id": found.get("name") or own_id,
        "text": need(found, "requirement", where),
        "weight": _WEIGHT if weight is None else weight,
        "dimension": section,
        "if_undecided": "skip",
        "scale": _scale(found, where, notes),
    }


def _scale(found: Mapping[str, Any], where: str, notes: list[str]) -> dict[str, Any]:
    if found.get("options") is None:
        return {"labels": ["no", "yes"], "cannot_tell": _CANNOT}
    options = [mapping(each, f"{where}: option") for each in entries(found["options"], f"{where}: 'options'")]
    ranked = [(_value(each, f"{where}: option"), each) for each in options if not each.get("na")]
    kind = found.get("scale_type") or "ordinal"
    if kind == "ordinal":
        ranked.sort(key=lambda pair: pair[0])
    absent = [need(each, "label", f"{where}: option") for each in options if each.get("na")]
    if len(absent) > 1:
        notes.append(f"{where}: of the options that do not apply only {absent[0]!r} was carried over")
    return {
        "labels": [need(each, "label", f"{where}: option") for _, each in ranked],
        "values": [value for value, _ in ranked],
        "kind": kind,
        "cannot_tell": absent[0] if absent else _CANNOT,
    }


def _value(option: Mapping[str, Any], where: str) -> float:
    value = need(option, "value", where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: 'value' should be a number from 0 to 1, found {value!r}")
    return value

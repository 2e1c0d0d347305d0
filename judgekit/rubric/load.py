"""Rubrics from files, bundled names and mappings, with errors that name the place.

What pydantic refuses is told in the words of somebody who writes rubrics: it names the branch it took of a
union ("criterion", "Labels"), which no author wrote; a place here is what stands in the file: `criteria[2]
('kind').scale[0]`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from judgekit.errors import InputError, did_you_mean, kind_of, there_are
from judgekit.rubric.files import SUFFIXES, read_mapping
from judgekit.rubric.model import Criterion, Group, Rubric
from judgekit.scales import Labels, Numbers
from judgekit.shelf import shelf
from judgekit.writing import unreadable

_MEANT = {  # what other people call our keys
    **dict.fromkeys(("name", "key"), ("id",)),
    **dict.fromkeys(("description", "question", "prompt", "definition", "requirement"), ("text",)),
    **dict.fromkeys(("labels", "levels", "options", "rubric"), ("anchors", "scale")),
}
_SHOWN = 200  # characters of a value that is wrong
_MESSAGES = {
    "missing": "is missing",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": 'must be a mapping, as in {id: kind, text: "Is it kind?"}',
    "string_type": "must be text",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "invalid_key": "keys must be text",
}


class Complaint(NamedTuple):
    """One fault: where it stands, what was found and what would do."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


def complaints(error: ValidationError, raw: Mapping[str, Any]) -> list[Complaint]:
    """Return each fault of a rubric once, in the order of the file."""
    found = error.errors()
    # A list whose members were refused is then called too short, which is no news.
    own = [
        each
        for each in found
        if each["type"] != "too_short" or not any(_inside(other["loc"], each["loc"]) for other in found)
    ]
    return list(dict.fromkeys(_complaint(dict(each), raw) for each in own))


def _inside(loc: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def _complaint(each: dict[str, Any], raw: Mapping[str, Any]) -> Complaint:
    kind, loc, found = each["type"], each["loc"], each.get("input")
    place = _place(loc, raw, named=kind in {"missing", "extra_forbidden", "invalid_key"})
    if kind == "extra_forbidden":
        known = _known(loc)
        if found is None and " " in str(loc[-1]):  # behind a comma: `{text: Is it kind, and is it warm}`
            return Complaint(place, "a text goes on here behind a comma, as a key for YAML; put it in quotes")
        meant = next((each for each in _MEANT.get(str(loc[-1]), ()) if each in known), None)
        near = f"did you mean {meant!r}?" if meant else did_you_mean(loc[-1], known).rstrip()
        hint = near or f"known are {', '.join(known)}"
        return Complaint(place, f"unknown key; {hint}")
    if kind in {"too_short", "string_too_short"}:
        least, size = each["ctx"]["min_length"], each["ctx"].get("actual_length", 0)
        return Complaint(place, f"needs at least {least}, has {size}" if size else "is empty")
    message = _MESSAGES.get(kind) or str(each["msg"]).removeprefix("Value error, ")
    told = kind in {"missing", "invalid_key"} or isinstance(found, Mapping | list | tuple)
    shown = repr(found) if not isinstance(found, str) or len(found) < _SHOWN else f"{found[:_SHOWN]!r}..."
    if told or shown in message:
        return Complaint(place, message)
    return Complaint(place, f"{message}, found {shown}")


def _place(loc: tuple[Any, ...], raw: Any, *, named: bool) -> str:
    """Return where a fault stands in the file; `named`: the last step is a key that is not in it."""
    where: list[str] = []
    node = raw
    for step in loc:
        if isinstance(node, Mapping) and step in node:
            node = node[step]
            where.append(str(step))
        elif isinstance(node, list | tuple) and isinstance(step, int) and step < len(node):
            node = node[step]
            name = node.get("id") if isinstance(node, Mapping) else None
            index = f"[{step}]" + (f" ({name!r})" if name else "")
            where[-1:] = [where[-1] + index] if where else [index]
    if named and (not where or where[-1] != str(loc[-1])):
        where.append(str(loc[-1]))
    return ".".join(where)


def _known(loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that may stand where an unknown one was found."""
    if "scale" in loc[:-1]:
        return list(dict.fromkeys([*Labels.model_fields, *Numbers.model_fields, "points"]))
    if "group" in loc[:-1] and "criterion" not in loc[:-1]:
        return [*Group.model_fields]
    return [*Criterion.model_fields, "points"] if "criterion" in loc[:-1] else [*Rubric.model_fields]


__all__ = ["SUFFIXES", "bundled", "find", "load_rubric", "parse", "read_mapping"]


def load_rubric(source: str | Path | Mapping[str, Any] | Rubric) -> Rubric:
    """Return a rubric from a file, a bundled name, a mapping, or as it is.

    Args:
        source: Path of a YAML, TOML or JSON file; name of a bundled rubric; a mapping with the same
            keys as such a file; or a `Rubric`.

    Raises `InputError` if it cannot be read or could not be scored; names the file and the criterion.

    >>> load_rubric("answer_match").leaves[0].id
    'match'
    """
    if isinstance(source, Rubric):
        return source
    if isinstance(source, Mapping):
        return parse(source, "rubric")
    if not isinstance(source, str | Path):
        raise InputError(
            f"rubric: {kind_of(source)}; a rubric is a path, a bundled name, or a mapping with 'id' and "
            "'criteria' (a list of mappings with 'id' and 'text')"
        )
    path = find(source)
    return parse(read_mapping(path), str(path))


def bundled() -> tuple[str, ...]:
    """Return the names of the bundled rubrics."""
    return tuple(sorted(path.stem for path in shelf("rubrics").iterdir() if path.suffix in SUFFIXES))


def parse(raw: Mapping[str, Any], where: str) -> Rubric:
    """Return the rubric that a mapping describes; `where` opens every error."""
    try:
        return Rubric.model_validate(dict(raw))
    except ValidationError as error:
        raise InputError(f"{where}: {'; '.join(map(str, complaints(error, raw)))}") from None


def find(source: str | Path) -> Path:
    """Return the path of a rubric's file: as given, or bundled under that name."""
    path = Path(source)
    if path.is_file():
        return path
    if isinstance(source, str) and re.fullmatch(r"[\w.-]+", source):
        for suffix in SUFFIXES:
            if (file := shelf("rubrics") / f"{source}{suffix}").is_file():
                return file
    if path.suffix or path.name != str(source):
        raise unreadable(path)
    raise InputError(
        f"{source}: no such file, and no bundled rubric of that name; {there_are(source, bundled())}"
    )

"""Reading rubrics from YAML, TOML, JSON or Python, with errors that name the place.

The YAML loader resolves what YAML 1.2 does (true, false, null, integers, floats) and nothing
more: by YAML 1.1 a scale `[no, yes]` would become `[False, True]`.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from judgekit.errors import InputError
from judgekit.rubric.model import Criterion, Group, Rubric
from judgekit.shelf import shelf

SUFFIXES = (".yaml", ".yml", ".toml", ".json")


def load_rubric(source: str | Path | Mapping[str, Any] | Rubric) -> Rubric:
    """A rubric from a file, a bundled name, a mapping, or as it is.

    Args:
        source: Path of a YAML, TOML or JSON file; name of a bundled rubric; a mapping with the same
            keys as such a file; or a `Rubric`.

    Raises:
        InputError: If it cannot be read or could not be scored; names the file and the criterion.

    >>> load_rubric("answer_match").leaves[0].id
    'match'
    """
    if isinstance(source, Rubric):
        return source
    if isinstance(source, Mapping):
        return parse(source, "rubric")
    path = _find(source)
    return parse(read_mapping(path), str(path))


def bundled() -> tuple[str, ...]:
    """Names of the bundled rubrics.

    >>> "peem" in bundled()
    True
    """
    return tuple(sorted(path.stem for path in shelf("rubrics").iterdir() if path.suffix in SUFFIXES))


def parse(raw: Mapping[str, Any], where: str) -> Rubric:
    """A rubric from a mapping; `where` opens every error.

    Raises:
        InputError: If it could not be scored.
    """
    try:
        return Rubric.model_validate(dict(raw))
    except ValidationError as error:
        raise InputError(f"{where}: {'; '.join(complaints(error, raw))}") from None


def read_mapping(path: Path) -> dict[str, Any]:
    """What a YAML, TOML or JSON file holds.

    Raises:
        InputError: If it cannot be read or is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        if path.suffix == ".toml":
            raw: Any = tomllib.loads(text)
        elif path.suffix == ".json":
            raw = json.loads(text)
        else:
            raw = yaml.load(text, Loader=_Yaml12)  # noqa: S506 - a safe loader with fewer types
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: holds a {type(raw).__name__}, not a mapping with 'id' and 'criteria'")
    return raw


def complaints(error: ValidationError, raw: Mapping[str, Any]) -> list[str]:
    """Each fault of a rubric in one line: the criterion, the field, what was found, what would do."""
    # A list whose members were refused is then called too short, which is no news.
    own = [each for each in error.errors() if each["type"] != "too_short" or not each["input"]]
    return list(dict.fromkeys(_complaint(dict(each), raw) for each in own))


def _complaint(each: dict[str, Any], raw: Mapping[str, Any]) -> str:
    where, node = [], raw
    # Pydantic names the branch it took of a union ("criterion", "Labels"), which no author wrote.
    for step in each["loc"]:
        if isinstance(node, Mapping) and step in node:
            node = node[step]
        elif isinstance(node, list | tuple) and isinstance(step, int) and step < len(node):
            node = node[step]
            name = node.get("id") if isinstance(node, Mapping) else None
            where[-1:] = (
                [f"{where[-1]}[{step}]" + (f" ({name!r})" if name else "")] if where else [f"[{step}]"]
            )
            continue
        elif each["type"] not in {"missing", "extra_forbidden"} or step != each["loc"][-1]:
            continue
        where.append(str(step))
    place = ".".join(where)
    message = str(each["msg"]).removeprefix("Value error, ")
    if each["type"] == "extra_forbidden":
        known = (
            [*Rubric.model_fields]
            if len(where) == 1
            else [*Criterion.model_fields, *Group.model_fields, "points"]
        )
        near = difflib.get_close_matches(str(each["loc"][-1]), known, n=1)
        message = "unknown key" + (
            f"; did you mean {near[0]!r}?" if near else f"; known are {sorted(set(known))}"
        )
    elif each["type"] == "missing":
        message = "is missing"
    elif not message.startswith("criterion ") and not isinstance(each.get("input"), Mapping | list | tuple):
        message = (
            f"{message}, found {each.get('input')!r}" if repr(each.get("input")) not in message else message
        )
    return f"{place}: {message}" if place else message


def _find(source: str | Path) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    if isinstance(source, str) and re.fullmatch(r"[\w.-]+", source):
        for suffix in SUFFIXES:
            if (bundled_file := shelf("rubrics") / f"{source}{suffix}").is_file():
                return bundled_file
    near = difflib.get_close_matches(path.stem, bundled(), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(
        f"{source}: no such file, and no bundled rubric of that name; {hint}bundled: {', '.join(bundled())}"
    )


class _Yaml12(yaml.SafeLoader):
    """YAML 1.2's core types, and no key twice in one mapping."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml's own name


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    _Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _mapping(loader: _Yaml12, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    pairs: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float):
            raise yaml.MarkedYAMLError(problem=f"key {key!r} is no name", problem_mark=key_node.start_mark)
        if key in pairs:
            raise yaml.MarkedYAMLError(problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark)
        pairs[key] = loader.construct_object(value_node, deep=True)
    return pairs


_Yaml12.add_constructor("tag:yaml.org,2002:map", _mapping)

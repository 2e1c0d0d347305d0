"""What a YAML, TOML or JSON file holds, read strictly.

The YAML loader resolves what YAML 1.2 does (true, false, null, integers, floats) and nothing
more: by YAML 1.1 a scale `[no, yes]` would become `[False, True]`. No format may name a key
twice in one mapping, because the first one would be lost without a word.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from judgekit.errors import InputError

SUFFIXES = (".yaml", ".yml", ".toml", ".json")


def read_mapping(path: Path) -> dict[str, Any]:
    """What a YAML, TOML or JSON file holds.

    Raises:
        InputError: If it cannot be read or is no mapping.
    """
    raw = parse_text(read_text(path), path.suffix, str(path))
    if not isinstance(raw, dict):
        raise InputError(f"{path}: holds a {type(raw).__name__}, not a mapping with 'id' and 'criteria'")
    return raw


def read_text(path: Path) -> str:
    """Text of a UTF-8 file, without a byte order mark.

    Raises:
        InputError: If it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def parse_text(text: str, suffix: str, where: str) -> Any:
    """What a text holds, by the suffix of its file; anything but `.toml` and `.json` is YAML.

    Raises:
        InputError: If it is not well formed; opens with `where` and names the line.

    >>> parse_text("scale: [no, yes]", ".yaml", "here")
    {'scale': ['no', 'yes']}
    """
    try:
        if suffix == ".toml":
            return tomllib.loads(text)
        if suffix == ".json":
            return json.loads(text, object_pairs_hook=_unique)
        return yaml.load(text, Loader=Yaml12)  # noqa: S506 - a safe loader with fewer types
    # ValueError is what JSON and TOML raise, and Python for an integer of thousands of digits.
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} stands twice")
        found[key] = value
    return found


class Yaml12(yaml.SafeLoader):
    """YAML 1.2's core types, and no key twice in one mapping."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml's own name


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _mapping(loader: Yaml12, node: yaml.MappingNode) -> dict[Any, Any]:
    pairs: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float):
            raise yaml.MarkedYAMLError(problem=f"key {key!r} is no name", problem_mark=key_node.start_mark)
        if key in pairs:
            raise yaml.MarkedYAMLError(problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark)
        pairs[key] = loader.construct_object(value_node, deep=True)
    return pairs


Yaml12.add_constructor("tag:yaml.org,2002:map", _mapping)

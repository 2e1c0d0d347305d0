"""What a YAML, TOML or JSON file holds, read strictly.

The YAML loader resolves what YAML 1.2 does and nothing more: by YAML 1.1 a scale `[no, yes]` would become
`[False, True]`. No format may name a key twice in one mapping, because the first would be lost without a
word. Size and depth have limits, and YAML's aliases count as if they were written out.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from judgekit.errors import InputError, kind_of
from judgekit.writing import unreadable

SUFFIXES = (".yaml", ".yml", ".toml", ".json")
LARGEST = 1_000_000  # bytes; the largest rubric that is bundled has 5,300
LARGE = 1 << 28  # bytes of a file of data that is held in memory whole
_WRITTEN_OUT = 4_000_000  # characters and nodes of a YAML file with its aliases written out
DEPTH = 100
_DOTS = 300  # in the key of a line of TOML; each of them is a mapping, walked anew for every one


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML, TOML or JSON file holds."""
    raw = parse_text(read_text(path), path.suffix, str(path))
    if not isinstance(raw, dict):
        raise InputError(f"{path}: holds {kind_of(raw)}, not a mapping with 'id' and 'criteria'")
    return raw


def read_text(path: Path, most: int = LARGEST) -> str:
    """Return the text of a UTF-8 file of at most `most` bytes, without a byte order mark."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            raise InputError(f"{path}: has more than {most:,} bytes, which is too much here; split it")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise unreadable(path, error) from None


def parse_text(text: str, suffix: str, where: str) -> Any:
    """Return what a text holds, by its file's suffix (else YAML); an error opens with `where` and line."""
    try:
        return shallow(_parsed(text, suffix))
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{where}: {_of_yaml(error, text)}") from None
    # ValueError is what JSON and TOML raise, and Python for an integer of thousands of digits.
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None


def _of_yaml(error: yaml.MarkedYAMLError, text: str) -> str:
    """Tell where YAML stumbled, over what, and what nearly always mends it."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return " ".join(str(error).split())
    line = text.split("\n")[mark.line].strip() if mark.line < text.count("\n") + 1 else ""
    told = f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if "stands twice" in str(error.problem) or "is no name" in str(error.problem):
        return told
    if "\\t" in str(error.problem):
        return f"{told}; YAML indents by blanks, not by tabs"
    shown = f", in `{line[:120]}`" if line else ""
    return f'{told}{shown}; signs like ? : , # [ ] {{ }} mean something in YAML: put texts "in quotes?"'


def _parsed(text: str, suffix: str) -> Any:
    if suffix == ".json":
        return json.loads(text, object_pairs_hook=_unique)
    if suffix != ".toml":
        return yaml.load(text, Loader=Yaml12)  # noqa: S506 - a safe loader with fewer types
    for number, line in enumerate(text.split("\n"), 1):
        if line.partition("=")[0].count(".") > _DOTS:
            raise ValueError(f"line {number} has more than {_DOTS} dots in its key")
    return tomllib.loads(text)


def shallow(value: Any) -> Any:
    """Return a value that is not nested too deep (else a ValueError): what walks it later may call itself."""
    layer = [value]
    for _ in range(DEPTH):
        layer = [
            inner
            for each in layer
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not layer:
            return value
    raise ValueError(f"is nested more than {DEPTH} deep")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} stands twice")
        found[key] = value
    return found


class Yaml12(yaml.SafeLoader):
    """YAML 1.2's core types, no key twice in one mapping, and no aliases that stand for very much."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml's own name

    def get_single_node(self) -> yaml.Node | None:
        """Return the document, if it is not too much when it is written out."""
        node = super().get_single_node()
        if node is not None and (size := _written_out(node, {})) > _WRITTEN_OUT:
            raise ValueError(f"aliases make {size:.0e} characters of it; write out what they stand for")
        return node


def _written_out(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the characters and nodes of a node, each alias as what it stands for."""
    if (size := known.get(id(node))) is not None:
        if size == 0:
            raise ValueError("an alias stands inside what it stands for")
        return size
    known[id(node)] = 0  # under way
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    else:
        parts = node.value if isinstance(node, yaml.SequenceNode) else []
    own = 0 if parts else len(node.value)
    known[id(node)] = 1 + own + sum(_written_out(part, known) for part in parts)
    return known[id(node)]


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

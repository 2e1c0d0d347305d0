"""Rubrics from a file in another project's format: which format it is in, and the reader for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judgekit.errors import InputError
from judgekit.rubric.files import LARGE, SUFFIXES, parse_text, read_text
from judgekit.rubric.formats import Read, autorubric, geval, healthbench, mapping, prometheus, verifiers
from judgekit.rubric.load import parse
from judgekit.rubric.model import Rubric
from judgekit.types import brief


@dataclass(frozen=True, slots=True)
class Imported:
    """Rubrics read from somebody else's file, an entry each; `notes` say what could not be carried over."""

    format: str
    rubrics: tuple[Rubric, ...]
    notes: tuple[str, ...] = ()

    __repr__ = brief


def _own(raw: Any, name: str) -> Read:
    return (parse(mapping(raw, name), name),), ()


FORMATS: Mapping[str, Callable[[Any, str], Read]] = {
    "judgekit": _own,
    "prometheus": prometheus,
    "healthbench": healthbench,
    "autorubric": autorubric,
    "verifiers": verifiers,
    "geval": geval,
}
"""Reader of each format, by its name."""


def import_rubric(
    source: str | Path | Mapping[str, Any] | list[Any],
    format: str | None = None,  # noqa: A002 - what everybody calls it
) -> Imported:
    """Return rubrics from a file in another project's format, or from what such a file holds.

    `source` is the path of a YAML, TOML, JSON, JSONL or text file, or a mapping or list; `format`, one of
    `FORMATS`, is told from the keys where left out.

    >>> found = import_rubric({"criteria": [{"requirement": "Is kind.", "weight": 3}]})
    >>> found.format, found.rubrics[0].leaves[0].weight
    ('autorubric', 3.0)
    """
    raw, where, name = (source, "rubric", "imported") if isinstance(source, Mapping | list) else _file(source)
    chosen = format or guess(raw)
    if chosen is None:
        raise InputError(
            f"{where}: in no format known here (it holds {_outline(raw)}); "
            f"say which with format=NAME (--format NAME), one of {', '.join(FORMATS)}"
        )
    if chosen not in FORMATS:
        raise InputError(f"format {chosen!r} is not known; there are {', '.join(FORMATS)}")
    try:
        rubrics, notes = FORMATS[chosen](raw, name)
    except InputError as error:
        how = "" if format else ", by its keys"
        raise InputError(f"{where} (read as {chosen}{how}): {error}") from None
    return Imported(chosen, rubrics, notes)


def guess(raw: Any) -> str | None:
    """Return the format of what a file holds, by its keys; None if it is in none that is known.

    >>> guess({"id": "r", "criteria": [{"id": "a", "text": "Is it kind?"}]}), guess({"x": 1})
    ('judgekit', None)
    """
    if isinstance(raw, str):
        return "prometheus" if "Score 1:" in raw or "Score 0:" in raw else None
    outer = raw[0] if isinstance(raw, list) and raw else raw
    keys = set(outer) if isinstance(outer, Mapping) else set()
    first = set(_first(raw))
    if any(str(key).endswith("_description") for key in keys | first):
        return "prometheus"
    if "rubrics" in keys or "criterion" in first:
        return "healthbench"
    if "requirement" in first:
        return "autorubric"
    if keys & {"evaluation_steps", "evaluationSteps"} or (
        "criteria" in keys and isinstance(outer["criteria"], str)
    ):
        return "geval"
    if {"id", "criteria"} <= keys and "text" in first:
        return "judgekit"
    return "verifiers" if "text" in first and first & {"id", "name"} else None


def _first(raw: Any) -> Mapping[str, Any]:
    """Return the first mapping that holds no further list of criteria: a criterion, an example, a metric."""
    node = raw
    for _ in range(8):  # no format nests deeper
        if isinstance(node, list):
            node = node[0] if node else None
        elif isinstance(node, Mapping):
            deeper = [
                node[key]
                for key in ("rubric", "sections", "criteria")
                if isinstance(node.get(key), list | dict)
            ]
            if not deeper:
                return node
            node = deeper[0]
    return {}


def _outline(raw: Any) -> str:
    if isinstance(raw, Mapping):
        return f"the keys {', '.join(map(str, raw)) or 'none'}"
    if isinstance(raw, list):
        return f"a list of {len(raw)}, the first with {_outline(raw[0])}" if raw else "an empty list"
    return f"{raw!r:.40}"


def _file(source: str | Path) -> tuple[Any, str, str]:
    """Return what a file holds, its path for messages, and a name for its rubric."""
    path = Path(source)
    text = read_text(path, LARGE)
    if path.suffix in {".jsonl", ".ndjson"}:
        return _lines(text, path), str(path), path.stem
    raw = parse_text(text, path.suffix, str(path)) if path.suffix in SUFFIXES else text
    return raw, str(path), path.stem


def _lines(text: str, path: Path) -> list[Any]:
    rows = []
    for n, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        rows.append(parse_text(line, ".json", f"{path}, line {n}"))
    return rows

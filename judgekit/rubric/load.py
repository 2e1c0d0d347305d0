"""Rubrics from files, bundled names and mappings, with errors that name the place."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from judgekit.errors import InputError, kind_of, there_are
from judgekit.rubric.complaints import complaints
from judgekit.rubric.files import SUFFIXES, read_mapping
from judgekit.rubric.model import Rubric
from judgekit.shelf import shelf
from judgekit.writing import unreadable

__all__ = ["SUFFIXES", "bundled", "find", "load_rubric", "parse", "read_mapping"]


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
    if not isinstance(source, str | Path):
        raise InputError(
            f"rubric: {kind_of(source)}; a rubric is a path, a bundled name, or a mapping with 'id' and "
            "'criteria' (a list of mappings with 'id' and 'text')"
        )
    path = find(source)
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

    >>> parse({"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?", "wieght": 2}]}, "r.yaml")
    Traceback (most recent call last):
        ...
    judgekit.errors.InputError: r.yaml: criteria[0] ('kind').wieght: unknown key; did you mean 'weight'?
    """
    try:
        return Rubric.model_validate(dict(raw))
    except ValidationError as error:
        raise InputError(f"{where}: {'; '.join(map(str, complaints(error, raw)))}") from None


def find(source: str | Path) -> Path:
    """Path of a rubric's file: as given, or bundled under that name.

    Raises:
        InputError: If there is neither; names the nearest file, or bundled rubric.
    """
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

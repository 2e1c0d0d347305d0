"""Words of a report, from `words.toml`: what verdicts and terms mean."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def words(part: str) -> Mapping[str, Any]:
    """A part of the words: `verdicts`, `main` or `terms`.

    >>> words("verdicts")["TRUST"]
    'use it for this purpose as it is'
    """
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = tomllib.loads(text)[part]
    return found

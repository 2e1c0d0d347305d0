"""Words of a report, from `words.toml`: what figures ask, what verdicts and terms mean."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def words(part: str) -> Mapping[str, Any]:
    """A part of the words: `figures`, `verdicts`, `main`, `names` or `terms`.

    >>> words("verdicts")["TRUST"]
    'use it for this purpose as it is'
    """
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = tomllib.loads(text)[part]
    return found


def called(name: str) -> str:
    """A statistic's name as people write it; what follows its stem stands behind a comma.

    >>> called("cohen_kappa_quadratic"), called("specific_agreement[yes]"), called("sd_ratio")
    ("Cohen's kappa, quadratic", 'specific agreement [yes]', 'sd ratio')
    """
    names = words("names")
    stem = max((each for each in names if name.startswith(each)), key=len, default="")
    if not stem:
        return name.replace("_", " ")
    shown, rest = str(names[stem]), name[len(stem) :]
    if rest.startswith("["):
        return f"{shown} {rest}"
    return f"{shown}, {rest.strip('_').replace('_', ' ')}" if rest else shown

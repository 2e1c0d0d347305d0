"""The texts that probes put into responses and tasks, and words that may stand for each other."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from judgekit.probes.records import At, Operator


@cache
def _held() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("wordings.toml").read_text(encoding="utf-8"))


def texts(name: str) -> list[str]:
    """Return the texts of a name.

    >>> texts("refusals")
    ["I'm sorry, but I can't help with that request."]
    """
    return [text.strip() for text in _held()["texts"][name]]


def swapped(name: str) -> Operator:
    """Return the operator that puts one of two words for the other, whichever stands there.

    >>> swapped("synonyms")("A large house. Often it is.", None)
    'A big house. Frequently it is.'
    """

    @cache
    def pairs() -> tuple[dict[str, str], re.Pattern[str]]:
        held = _held()["pairs"][name]
        either = {**{b: a for a, b in held.items()}, **held}
        words = "|".join(sorted(map(re.escape, either), key=len, reverse=True))
        return either, re.compile(rf"\b({words})\b", re.IGNORECASE)

    def other(found: re.Match[str]) -> str:
        word = pairs()[0][found[0].lower()]
        capital = found[0][0].isupper() or word.startswith(("i ", "i'"))
        return word[0].upper() + word[1:] if capital else word

    def operator(text: str, _: At) -> str:
        return pairs()[1].sub(other, text.replace("\u2019", "'"))

    return operator

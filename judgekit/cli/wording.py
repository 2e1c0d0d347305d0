"""Errors that speak of keywords, said in the options of the command line."""

import re
from collections.abc import Collection

_OTHERS = {
    "budget_usd": "--budget",
    "rater": "--rater",
    "doubt": "--below",
}  # keyword -> option of another name
_BOTH = re.compile(r"\b\w+=(?:\{[^{}]*\}|[^\s;,()]+) \((--[^()]*)\)")  # columns={...} (--column ...)
_GIVEN = re.compile(r"\b([a-z_]+)=('[^']*'|[\w.+-]+)")
_NAMED = re.compile(r"\b[Tt]here are [^;]*|\b[a-z]+(?:_[a-z]+)+\b")  # lists of names stay as they are


def in_options(message: str, options: Collection[str]) -> str:
    """A message in which keywords that are options stand as such.

    >>> there = {"--samples", "--budget-tokens", "--column", "--on-empty", "--overwrite"}
    >>> in_options("samples=0; at least 1; use budget_tokens", there)
    '--samples 0; at least 1; use --budget-tokens'
    >>> in_options("map it with columns={'task': 'prompt'} (--column task=prompt)", there)
    'map it with --column task=prompt'
    >>> in_options("on_empty='zero'; overwrite=True; id=3", there)
    '--on-empty zero; --overwrite; id=3'
    >>> in_options("no option 'x'; there are name, on_empty; use on_empty", there)
    "no option 'x'; there are name, on_empty; use --on-empty"
    """

    def option(keyword: str) -> str:
        name = _OTHERS.get(keyword, f"--{keyword.replace('_', '-')}")
        return name if name in options else ""

    def given(found: re.Match[str]) -> str:
        if not (name := option(found[1])):
            return found[0]
        return name if found[2] == "True" else f"{name} {found[2].strip(chr(39))}"

    message = _BOTH.sub(r"\1", message)
    return _NAMED.sub(lambda found: option(found[0]) or found[0], _GIVEN.sub(given, message))

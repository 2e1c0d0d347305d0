"""Options of more than one word, as they are typed: NAME=VALUE, OUR=THEIRS, a number or a word."""

from collections.abc import Callable, Mapping
from typing import Any

from judgekit.errors import InputError


def per_call_of(raw: str) -> int | None:
    """Criteria a call: a number, `all` (None) or `usual` (0)."""
    if raw == "usual":
        return 0
    if raw == "all":
        return None
    if raw.isdecimal() and int(raw) > 0:
        return int(raw)
    raise InputError(f"--per-call {raw}: a number from 1, 'all' or 'usual'")


def named_of(option: str, pairs: list[str] | None, value: Callable[[str], Any]) -> dict[str, Any]:
    """NAME=VALUE pairs; a name may hold no `=`, a value may."""
    named = [pair.partition("=") for pair in pairs or ()]
    if wrong := [name for name, sign, _ in named if not sign]:
        raise InputError(f"{option} {wrong[0]}: say NAME=VALUE")
    return {name: value(raw) for name, _, raw in named}


def own_settings(options: Mapping[str, tuple[str, list[str] | None]]) -> dict[str, dict[str, Any]]:
    """Settings of single judges, from JUDGE=VALUE pairs of an option for each.

    >>> own_settings({"key_env": ("--key-env", ["a=A_KEY"]), "revision": ("--revision", ["a=2", "b=1"])})
    {'a': {'key_env': 'A_KEY', 'revision': '2'}, 'b': {'revision': '1'}}
    """
    found: dict[str, dict[str, Any]] = {}
    for setting, (option, pairs) in options.items():
        for judge, value in named_of(option, pairs, str).items():
            found.setdefault(judge, {})[setting] = value
    return found


def value_of(raw: str) -> object:
    """A number, true or false, nothing, or the text itself."""
    words: dict[str, object] = {"true": True, "false": False, "none": None}
    if raw.lower() in words:
        return words[raw.lower()]
    try:
        return float(raw) if "." in raw else int(raw)
    except ValueError:
        return raw


def columns_of(pairs: list[str] | None) -> dict[str, str] | None:
    """Columns as they stand in an option, OUR=THEIRS each."""
    mapped = dict(pair.partition("=")[::2] for pair in pairs or ())
    if wrong := [ours for ours, theirs in mapped.items() if not theirs]:
        raise InputError(f"--column {wrong[0]}: say OUR=THEIRS, e.g. --column task=prompt")
    return mapped or None

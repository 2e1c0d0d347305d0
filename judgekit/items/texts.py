"""The values of a row: texts, conversations, names and mappings, read strictly.

Judged texts are taken as they are, blank by blank; only ids are brought into one form. Each function raises
an InputError of what it found and what would do, which begins with `what`; whoever calls puts the row's place
in front.
"""

import math
from collections.abc import Mapping
from typing import Any

import orjson

from judgekit.errors import InputError, kind_of
from judgekit.items.talk import turns_of
from judgekit.rubric.files import DEPTH, shallow
from judgekit.scales import as_name
from judgekit.types import Text

_NESTED = frozenset((dict, list))


def absent(value: Any) -> bool:
    """Tell whether a value is a gap: None, nan, an empty text (CSV knows no other), or what pandas has."""
    if value is None:
        return True
    kind = type(value)
    if kind is str or kind is dict or kind is list:  # nearly all of them, and this runs for every cell
        return not value and kind is str
    if isinstance(value, float):
        return value != value  # noqa: PLR0124 - only nan differs from itself
    return kind.__name__ in {"NAType", "NaTType"}


def name_of(value: Any, what: str) -> str:
    """Return an id: text in one form, or an integer's digits."""
    if type(value) is str and value.isascii() and value.isprintable() and value.strip(" ") == value != "":
        return value  # nearly every id: nothing to bring into form
    if isinstance(value, float):
        raise InputError(
            f"{what} {value!r} is a float; pandas makes floats of whole numbers where a column has gaps: "
            "fill them, or read the column as text (dtype=str)"
        )
    try:
        name = as_name(value)
    except ValueError as error:
        raise InputError(f"{what}: {error}") from None
    return plain_of(name, what)


def plain_of(value: Any, what: str) -> str:
    """Return a text that is not a conversation, as it is, if no half of a surrogate pair stands in it."""
    if value is None:
        raise InputError(f"{what} is null; leave it out, or write it as text")
    if not isinstance(value, str):
        raise InputError(f"{what} is {kind_of(value)} ({_short(value)}), not text; {_advice(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"{what} holds half of a surrogate pair (\\u{ord(value[error.start]):04x} at character "
                f"{error.start + 1}), which no request can carry; repair it where the text was cut"
            ) from None
    return value


def text_of(value: Any, what: str, *, empty: bool = False) -> Text:
    """Return a text, or a conversation from a list of messages, that is not blank unless `empty` may be."""
    if type(value) is not str and isinstance(value, list | tuple):
        text: Text = turns_of(value, what, plain_of)
    else:
        text = plain_of(value, what)
    if not empty and is_empty(text):
        raise InputError(f"{what} is empty; fill it, or take the row out")
    return text


def real_of(value: Any, what: str) -> float:
    """Return a finite number, or the one that a text holds."""
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not math.isfinite(number):
        raise InputError(f"{what} is {_short(value)}, not a number; write one, such as 0.5")
    return number


def mapping_of(value: Any, what: str) -> Mapping[Any, Any]:
    """Return a mapping, or the mapping in a JSON string (as CSV holds it)."""
    if isinstance(value, str):
        value = json_of(value, what)
    if not isinstance(value, Mapping):
        raise InputError(
            f"{what} is {kind_of(value)} ({_short(value)}), not a mapping (in CSV: a JSON object)"
        )
    return value


def json_of(text: str, what: str) -> Any:
    """Return what a JSON string holds."""
    try:
        return json_value(text)
    except ValueError as error:
        reason = str(error).split(": line ")[0]
        raise InputError(f"{what} is no JSON ({reason}): {_short(text)}; write a JSON object") from None


def json_value(raw: bytes | str) -> Any:
    """Return what JSON holds, if it is not nested too deep; else, and for what is no JSON, a ValueError."""
    value = orjson.loads(raw)
    if type(value) is dict and _NESTED.isdisjoint(map(type, value.values())):
        return value  # nearly every row is one of texts, and this runs for each
    opening = raw.count(b"[") + raw.count(b"{") if isinstance(raw, bytes) else raw.count("[") + raw.count("{")
    return shallow(value) if opening > DEPTH else value


def named(pairs: Mapping[Any, Any], what: str) -> dict[str, Any]:
    """Return a mapping with its keys as names, no two of them the same."""
    out: dict[str, Any] = {}
    for key, value in pairs.items():
        name = name_of(key, f"a key of {what}")
        if name in out:
            raise InputError(
                f"{what} has {name!r} twice; ids are compared in NFC, without blanks around them"
            )
        out[name] = value
    return out


def is_empty(text: Text) -> bool:
    """Tell whether a text or a conversation holds nothing but blanks."""
    if isinstance(text, str):
        return _is_blank(text)
    return all(_is_blank(each.content) and not each.name for each in text)


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _advice(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "put it in quotes (in pandas: read the column with dtype=str)"
    return "write it as text"

"""Checks that cost no judge: gates before it, and verifiable parts of a reward beside it.

A check is a function of a `Checking` (task, response, reference, columns) to True or False, a number on
[0, 1], or None where it cannot say. A check that raises, or cannot say, leaves the response without a
reward: a verifier that crashed is no evidence of a bad response.
"""

import functools
import importlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from judgekit.errors import InputError
from judgekit.protocols.same import same_number
from judgekit.scales import fold, nfkc
from judgekit.types import Text

MASTER_KEYS: Final = (
    ":", ".", ",", " ", "Thought process:", "Solution", "Let's solve this problem step by step.",
    "\u304b\u3044\u305b\u3064", "", "Final answer: correct",
)  # fmt: skip
"""Responses without content that fooled judges: Zhao et al. (2025), arXiv 2507.08794."""


_BRACES = re.compile(r"\\boxed\{|[{}]")
_AROUND = " \t*$"  # of an answer in Markdown or TeX
_OPENING = re.compile(r"(?i)^\W*(?:final )?answer\b\**(?:\s*(?:[:=]+|is\b|-(?=\s)))?")


@dataclass(frozen=True, slots=True)
class Checking:
    """What a check sees.

    Args:
        task: What the response answers.
        response: The response, as plain text.
        reference: A text known to be good, if there is one.
        columns: Whatever else the data set has.
    """

    task: Text
    response: str
    reference: str | None
    columns: Mapping[str, Any]


Check = Callable[[Checking], Any]
"""To True, False, a number on [0, 1] or None; it may be asynchronous."""


def number_of(said: Any) -> float | None:
    """What a check said, on [0, 1]; None where it could not say.

    Raises:
        ValueError: If it is something else.

    >>> number_of(True), number_of(0.5), number_of(None)
    (1.0, 0.5, None)
    """
    if said is None:
        return None
    if isinstance(said, str | bytes):
        raise ValueError(f"{said!r} is text, no number")
    number = float(said)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{said!r} is not on [0, 1]")
    return number


def says_something(seen: Checking, *, least: int = 3) -> bool:
    """Whether there is content: at least so many letters or digits beyond an empty opener.

    >>> says_something(Checking("", "Thought process:", None, {}))
    False
    """
    bare = {_bare(key) for key in MASTER_KEYS}
    text = _bare(seen.response)
    return text not in bare and len(text) >= least


def contains_reference(seen: Checking) -> bool | None:
    """Whether the reference stands in the response, case and spaces aside; None without a reference."""
    return _flat(seen.reference) in _flat(seen.response) if _given(seen.reference) else None


def equals_reference(seen: Checking) -> bool | None:
    """Whether the response's last line, or its boxed answer, is the reference; None without a reference.

    Numbers may be written in another way, and "Answer:" may stand before; the texts must else be equal.

    >>> equals_reference(Checking("", "Answer: -5.", "-5.0", {}))
    True
    """
    if not _given(seen.reference):
        return None
    lines = [line for line in seen.response.splitlines() if line.strip()]
    said = _boxed(seen.response)
    if said is None:
        said = _OPENING.sub("", lines[-1]) if lines else ""
    said = said.strip(_AROUND).removesuffix(".").rstrip(_AROUND)
    return same_number(said, seen.reference, tolerance=0.0) or fold(said) == fold(seen.reference)


def _given(reference: str | None) -> TypeGuard[str]:
    """Whether there is a reference: data sets leave one out as an empty text, which every response holds."""
    return reference is not None and bool(reference.strip())


def _boxed(text: str) -> str | None:
    r"""What stands in the last box that is closed.

    >>> _boxed(r"It is \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """
    found: str | None = None
    begun: list[int | None] = []  # where open braces began, of boxes only
    for brace in _BRACES.finditer(text):
        if brace[0] != "}":
            begun.append(brace.end() if len(brace[0]) > 1 else None)
        elif begun and (start := begun.pop()) is not None:
            found = text[start : brace.start()]
    return found


def is_json(seen: Checking) -> bool:
    """Whether the response is one JSON value."""
    try:
        json.loads(seen.response)
    except ValueError:
        return False
    return True


def words_at_most(seen: Checking, *, most: int) -> bool:
    """Whether the response has at most so many words."""
    return len(seen.response.split()) <= most


def matches(seen: Checking, *, pattern: str) -> bool:
    """Whether a regular expression of the spec's author is found in the response."""
    return re.search(pattern, seen.response, re.DOTALL) is not None


KINDS: Final[Mapping[str, Callable[..., bool | float | None]]] = {
    "says_something": says_something,
    "contains_reference": contains_reference,
    "equals_reference": equals_reference,
    "is_json": is_json,
    "words_at_most": words_at_most,
    "matches": matches,
}


def check_of(kind: str, settings: Mapping[str, Any], *, own_code: bool = False) -> Check:
    """The check of a name, with its settings.

    Args:
        kind: A name in `KINDS`, or `py:module:function`.
        settings: Further arguments of the function.
        own_code: Whether `py:` names may import code.

    Raises:
        InputError: If there is none, settings are not its own, or own code was not allowed.

    >>> check_of("words_at_most", {"most": 2})(Checking("", "one two three", None, {}))
    False
    """
    if kind.startswith("py:"):
        found: Any = _imported(kind, allowed=own_code)
    elif kind in KINDS:
        found = KINDS[kind]
    else:
        raise InputError(f"no check {kind!r}; there are {', '.join(KINDS)}, py:module:function")
    if not callable(found):
        raise InputError(f"check {kind!r} is a {type(found).__name__}, not a function")
    check = functools.partial(found, **settings)
    if kind in KINDS:
        try:
            check(Checking("", "", None, {}))
        except (TypeError, re.error) as error:
            raise InputError(f"check {kind!r} with {dict(settings)}: {error}") from None
    return check


def _imported(kind: str, *, allowed: bool) -> Any:
    _, module, name = (*kind.split(":"), "", "")[:3]
    if not allowed:
        raise InputError(f"check {kind!r} imports code; allow it with own_code=True (--own-code)")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"check {kind!r}: {error}") from None


def _bare(text: str) -> str:
    """Letters and digits only."""
    return "".join(ch for ch in nfkc(text).casefold() if ch.isalnum())


def _flat(text: str) -> str:
    return fold(text)

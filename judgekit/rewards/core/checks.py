"""Checks that cost no judge: gates before it, and verifiable parts of a reward beside it.

A check is a function of a `Checking` (task, response, reference, columns) to True or False, a number on
[0, 1], or None where it cannot say. A check that raises, or cannot say, leaves the response without a
reward: a verifier that crashed is no evidence of a bad response.

What a check looks at is the last message of the assistant, without reasoning: an answer that only a tool
gave, or that was only thought, is none. With `part="whole"` it looks at everything.
"""

import functools
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import regex

from judgekit.errors import InputError, kind_of, there_are
from judgekit.protocols.reading.limits import CHECKED
from judgekit.protocols.same import same_number
from judgekit.rewards.core.answers import answer_in, stated_in, tokens, words
from judgekit.scales import fold
from judgekit.types import Text

MASTER_KEYS: Final = (
    ":", ".", ",", " ", "Thought process:", "Solution", "Let's solve this problem step by step.",
    "\u304b\u3044\u305b\u3064", "", "Final answer: correct",
)  # fmt: skip
"""Responses without content that fooled judges: Zhao et al. (2025), arXiv 2507.08794."""
_EMPTY: Final = (*MASTER_KEYS, "N/A")
_SECONDS = 1.0  # of a pattern


@dataclass(frozen=True, slots=True)
class Checking:
    """What a check is given: the task, the response, and whatever else the data set has.

    Args:
        task: What the response answers.
        response: The part of the response that the check is about, as plain text.
        reference: A text known to be good, if there is one.
        columns: Whatever else the data set has.
        whole: All of the response, with what tools said and what was thought.
    """

    task: Text
    response: str
    reference: str | None
    columns: Mapping[str, Any]
    whole: str = ""


Check = Callable[[Checking], Any]
"""To True, False, a number on [0, 1] or None; it may be asynchronous."""


def number_of(said: Any) -> float | None:
    """What a check said, on [0, 1]; None where it could not say.

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


def says_something(seen: Checking, *, least: int = 1) -> bool | None:
    """Whether there is content: at least so many letters or digits, and more than an empty opener.

    >>> [says_something(Checking("", text, None, {})) for text in ("42", "B", "Thought process:", "...")]
    [True, True, False, False]
    """
    if len(seen.response) > CHECKED:
        return None
    bare = {_bare(key) for key in _EMPTY}
    text = _bare(seen.response)
    return text not in bare and len(text) >= least


def contains_reference(seen: Checking) -> bool | None:
    """Whether the reference stands in the response, word for word and number for number; None without one.

    Case, blanks and punctuation aside. A word or a number is found only as a whole.

    >>> contains_reference(Checking("", "It costs 1,423.", "1423", {}))
    True
    >>> contains_reference(Checking("", "It costs 1423.", "42", {}))
    False
    """
    if not _given(seen.reference) or len(seen.response) > CHECKED:
        return None
    reference = tokens(seen.reference)
    if not reference:  # nothing but punctuation
        return fold(seen.reference) in fold(seen.response)
    return f" {' '.join(reference)} " in f" {' '.join(tokens(seen.response))} "


def equals_reference(seen: Checking, *, mathematics: bool = False) -> bool | None:
    r"""Whether the response's answer is the reference; None without a reference.

    The answer is what is marked last, by a box, `####` or "answer is", else the last line; a reference that
    marks its own is that answer. Numbers may be written in another way; the texts must else be equal, case,
    Markdown and TeX around them aside; or, with `mathematics` (the extra `math`), equal as expressions, which
    is bounded in size and time, as computer algebra is not.

    >>> equals_reference(Checking("", "Answer: -5.", "-5.0", {}))
    True
    >>> equals_reference(Checking("", r"So it is \boxed{\text{Paris}}.", "Paris", {}))
    True
    """
    if not _given(seen.reference) or len(seen.response) > CHECKED:
        return None
    said, reference = answer_in(seen.response), stated_in(seen.reference)
    if same_number(said, reference, tolerance=0.0) or fold(said) == fold(reference):
        return True
    if not mathematics:
        return False
    from judgekit.protocols.mathematics import equal

    return equal(said, reference)


def _given(reference: str | None) -> TypeGuard[str]:
    """Whether there is a reference: data sets leave one out as an empty text, which every response holds."""
    return reference is not None and bool(reference.strip())


def is_json(seen: Checking) -> bool:
    """Whether the response is one JSON value."""
    try:
        json.loads(seen.response)
    except (ValueError, RecursionError):  # what nests that deep is none that anything reads
        return False
    return True


def words_at_most(seen: Checking, *, most: int) -> bool:
    """Whether the response has at most so many words, as `answers.words` counts them."""
    return words(seen.response) <= most


def matches(seen: Checking, *, pattern: str) -> bool:
    """Whether a regular expression of the spec's author is found in the response, within a second.

    Raises:
        TimeoutError: If it takes longer: patterns may need time that grows without bound.
    """
    return regex.search(pattern, seen.response, regex.DOTALL, timeout=_SECONDS, concurrent=True) is not None


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

    >>> check_of("words_at_most", {"most": 2})(Checking("", "one two three", None, {}))
    False
    """
    if kind.startswith("py:"):
        found: Any = _imported(kind, allowed=own_code)
    elif kind in KINDS:
        found = KINDS[kind]
    else:
        raise InputError(f"no check {kind!r}; {there_are(kind, [*KINDS, 'py:module:function'])}")
    if not callable(found):
        raise InputError(f"check {kind!r} is {kind_of(found)}, not a function")
    check = functools.partial(found, **settings)
    if kind in KINDS:
        try:
            check(Checking("", "x", "y", {}))
        except (TypeError, regex.error) as error:
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
    return "".join(ch for ch in fold(text) if ch.isalnum())

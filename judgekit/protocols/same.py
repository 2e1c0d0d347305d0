"""Whether two answers are the same, without a judge: numbers, options, labels, short texts, mathematics.

The second half of an extract-then-compare verdict, and the number rule of answer matching. Sources: xFinder,
Yu et al. (2024), arXiv 2405.11874; Answer Matching, Chandak et al. (2025), arXiv 2507.02856.
"""

import math
import re
from collections.abc import Mapping
from typing import Literal, get_args

from judgekit.errors import InputError
from judgekit.scales import fold

Kind = Literal["alphabet_option", "short_text", "categorical_label", "math"]
NO_ANSWER = "[No valid answer]"
TOLERANCE = 0.01  # of the mean of two numbers

_NUMBER = re.compile(r"[-+\u2212]?(?:\d{1,3}(?:[ ,\u00a0\u202f]\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?%?")
_AROUND = " \t\n$\u20ac\u00a3"
_NAMED = re.compile(r"^\(?([A-Za-z])\)?[.):]?$")


def number_of(text: str) -> float | None:
    """The one number that a text is, or None: a range, a fraction, a word or several numbers are none.

    >>> number_of("1,250.5"), number_of("-3."), number_of(".5"), number_of("40%"), number_of("3-4")
    (1250.5, -3.0, 0.5, 0.4, None)
    """
    bare = text.strip(_AROUND).rstrip(_AROUND + ".")
    if not bare or not any(ch.isdigit() for ch in bare) or not _NUMBER.fullmatch(bare):
        return None
    digits = re.sub(r"[ ,\u00a0\u202f]", "", bare).replace("\u2212", "-")
    number = float(digits.removesuffix("%")) / (100 if digits.endswith("%") else 1)
    return number if math.isfinite(number) else None


def same_number(response: str, reference: str, *, tolerance: float = TOLERANCE) -> bool:
    """Whether two texts are numbers that differ by less than a share of their mean; a range never is one.

    Source:
        Answer Matching: `|r - g| / mean(r, g) < 1 %`. Equal numbers match, zeros too.

    >>> same_number("100.9", "100"), same_number("101.1", "100"), same_number("99-101", "100")
    (True, False, False)
    """
    r, g = number_of(response), number_of(reference)
    if r is None or g is None:
        return False
    return r == g or abs(r - g) < tolerance * abs(r + g) / 2


def is_no_answer(text: str) -> bool:
    """Whether an extractor says that there is no valid answer.

    >>> is_no_answer("no valid answer."), is_no_answer("[No valid answer]"), is_no_answer("A")
    (True, True, False)
    """
    return fold(text).strip(" .[]\"'") in {"no valid answer", "", "none"}


def same_answer(kind: Kind, answer: str, reference: str, *, options: Mapping[str, str] | None = None) -> bool:
    """Whether an extracted answer is the reference, by the rule of its kind.

    Args:
        kind: `math`: equal as mathematics; else equal texts, case and a last dot aside; `alphabet_option`
            also where one is a letter and the other that option's text.
        answer: What was extracted; "no valid answer" is never the reference.
        reference: The right answer.
        options: Letter -> text of the option.

    Raises:
        InputError: For an unknown kind, or mathematics without the package that it needs.

    >>> same_answer("alphabet_option", "(b)", "B"), same_answer("short_text", "Graz.", "graz")
    (True, True)
    >>> same_answer("alphabet_option", "Vienna", "B", options={"A": "Graz", "B": "Vienna"})
    True
    """
    if kind not in get_args(Kind):
        raise InputError(f"no kind of answer {kind!r}; there are {', '.join(get_args(Kind))}")
    if is_no_answer(answer):
        return False
    if kind == "math":
        from judgekit.protocols.mathematics import equal

        return equal(answer, reference)
    if kind == "alphabet_option":
        return bool(_readings(answer, options or {}) & _readings(reference, options or {}))
    return _bare(answer) == _bare(reference)


def _readings(text: str, options: Mapping[str, str]) -> set[str]:
    """What an option may be called: its letter, its text."""
    named = _NAMED.match(text.strip())
    letter = named[1].upper() if named else None
    if letter is None:
        letter = next((key for key, option in options.items() if _bare(option) == _bare(text)), None)
    return {letter.upper()} if letter else {_bare(text)}


def _bare(text: str) -> str:
    return fold(text).removesuffix(".").strip()

"""How recorded judges of other people are read: they have no tag, so each by its own rule.

A rule is what the prompt of the time asked for, and nothing more clever. What a rule does not find is not
found: None, never a guess.
"""

import re
from collections.abc import Iterator
from typing import Literal

from judgekit.protocols.reading.replies import REPLY

_NUMBER = r"\d++(?:\.\d++)?"
_FIRST_LINE = re.compile(rf"\s*+{_NUMBER}(?:[\s,]++{_NUMBER})*+\s*+")
_BEFORE = 200  # letters before a tuple in which its line says what it is
_BLANK = r"[^\S\n]*+"
_OF_ONE = re.compile(
    rf"^[ \t*_#-]*+assistant{_BLANK}(\d++)[*_]*+{_BLANK}:\n?[ \t*_]*+({_NUMBER})(?:/10)?"
    rf"(?=[ \t*_]*+(?:$|\(|[-\u2013\u2014]\s))",
    re.IGNORECASE | re.MULTILINE,
)
_TUPLE = re.compile(rf"\(({_NUMBER}(?:\s*+,\s*+{_NUMBER})++)\)")
_OF_SCORES = re.compile(r"\b(?:scores?|tuple)\b|^\W*+output\W*+$", re.IGNORECASE)
_RESULT = re.compile(
    r"\[RESULT\][\s:*_]*+(?:(?:score|rating)[\s:*_]*+)?([^\s.,;*_]++(?:\.\d++)?)", re.IGNORECASE
)


def first_line_scores(text: str, n: int = 2) -> tuple[float, ...] | None:
    """Return the `n` scores in a review of FastChat's first judge, in the order shown: on the first line.

    The prompt for mathematics let the judge work the problem out first, and then asked for "a tuple". There
    the scores stand at the end: a line `Assistant k: score` for each, or a tuple after the word `scores` or
    `tuple` in its line, or after `Output:` (another may be a point of the problem); of several the last.
    Source: `fastchat/eval` of FastChat, June 2023, whose three mathematics reviews a file were entered by
    hand.
    """
    if len(text) > REPLY:
        return None
    first = next((line for line in text.splitlines() if line.strip()), "")
    if _FIRST_LINE.fullmatch(first):
        return _exactly(re.findall(_NUMBER, first), n)
    lines = {int(found[1]): found for found in _OF_ONE.finditer(text)}  # of several, the last
    tuples = list(_tuples(text))
    if sorted(lines) != list(range(1, n + 1)):
        return _exactly(re.findall(_NUMBER, tuples[-1][1]), n) if tuples else None
    if tuples and tuples[-1].start() > max(found.start() for found in lines.values()):
        return _exactly(re.findall(_NUMBER, tuples[-1][1]), n)
    return tuple(float(lines[k][2]) for k in range(1, n + 1))


def _tuples(text: str) -> Iterator[re.Match[str]]:
    """Find the tuples of numbers that a line calls scores, since the last brackets in it."""
    for found in _TUPLE.finditer(text):
        before = text[max(found.start() - _BEFORE, 0) : found.start()]
        if _OF_SCORES.search(re.split(r"[\n()]", before)[-1]):
            yield found


def result_marker(text: str) -> str | None:
    """Return what stands after the last `[RESULT]` of a Prometheus feedback (arXiv 2310.08491), or None."""
    found = _RESULT.findall(text) if len(text) <= REPLY else []
    return str(found[-1]) if found else None


def _exactly(numbers: list[str], n: int) -> tuple[float, ...] | None:
    return tuple(map(float, numbers)) if len(numbers) == n else None


Winner = Literal["A", "tie", "B"]

_NOUN = r"(?:output|response|answer|assistant|option|candidate|model|summary)"
_WHICH = rf"\b{_NOUN}\s*+\(?([ab12])\)?"
_STATED = re.compile(
    rf"{_WHICH}\s++(?:is|was)\s++(?:(?!(?:not|never|hardly|no)\b)\w++\s++){{0,2}}?"
    r"(?:better|the best|superior|preferred|preferable|the winner)\b"
    rf"|\b(?:both|the two)\s++{_NOUN}s?\s++are\s+(?:\w+\s+){{0,2}}?"
    r"(?:equal|equally\s+(?:good|bad)|tied|the same)(?=\s*+(?:[.,;!\n]|$))",
    re.IGNORECASE,
)
_BARE = re.compile(rf"\W*+(?:(?:{_NOUN}\s*+)?\(?([ab12])\)?|(tie|equal|draw))[^\w:]*+", re.IGNORECASE)
_CUT = re.compile(rf"{_WHICH}\W*+$", re.IGNORECASE)
_CONCLUDES = re.compile(r"\b(?:therefore|thus|hence|so|overall|in conclusion)\b", re.IGNORECASE)
_SENTENCE = 1_000  # letters of a conclusion that was cut off
_NAMES: dict[str, Winner] = {"a": "A", "1": "A", "b": "B", "2": "B"}


def stated_winner(text: str) -> Winner | None:
    r"""Return the winner a reply states, as A (shown first), B or tie; None if it states none.

    The verdict is the last sentence that says which is better; one that calls the other "more concise" is a
    reason and no verdict. A published reader that looked for "Output (a)" at the start of any line first read
    145 of 838 replies of one judge the wrong way round. A reply (or its first line) that is nothing but a
    name counts, and so does a conclusion that was cut off right after the name.

    >>> stated_winner("Output (b) is better.\n\nOutput (a) is more verbose."), stated_winner("Output (a)")
    ('B', 'A')
    >>> stated_winner("Both outputs are equally polite."), stated_winner("Output (a):\nIt is polite.")
    (None, None)
    """
    stripped = text.strip() if len(text) <= REPLY else ""
    if whole := _BARE.fullmatch(stripped):
        return _name(whole)
    stated = list(_STATED.finditer(stripped))
    if stated:
        return _name(stated[-1])
    last = stripped[-_SENTENCE:].rpartition("\n")[2].rpartition(". ")[2]
    found = (_CONCLUDES.search(last) and _CUT.search(last)) or _BARE.fullmatch(stripped.split("\n", 1)[0])
    return _name(found) if found else None


def _name(found: re.Match[str]) -> Winner:
    return _NAMES[found[1].casefold()] if found[1] else "tie"

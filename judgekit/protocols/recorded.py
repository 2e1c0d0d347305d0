"""How recorded judges of other people are read: they have no tag, so each by its own rule.

A rule is what the prompt of the time asked for, and nothing more clever. What a rule does not find is
not found: None, never a guess.
"""

import re
from collections.abc import Iterator

from judgekit.protocols.reading.limits import REPLY

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
_OF_SCORES = re.compile(r"\b(?:scores?|tuple|output)\b", re.IGNORECASE)
_RESULT = re.compile(
    r"\[RESULT\][\s:*_]*+(?:(?:score|rating)[\s:*_]*+)?([^\s.,;*_]++(?:\.\d++)?)", re.IGNORECASE
)


def first_line_scores(text: str, n: int = 2) -> tuple[float, ...] | None:
    r"""The scores in a review of FastChat's first judge: on the first line, half points kept.

    The prompt for mathematics let the judge work the problem out first, and then asked for "a tuple".
    There the scores stand at the end: a line `Assistant k: score` for each, or a tuple after the word
    `scores`, `tuple` or `output` in its line (a tuple without it may be a point of the problem); of
    several the last. Source: `fastchat/eval` of FastChat, June 2023, whose three mathematics reviews a
    file were entered by hand.

    Args:
        text: The review.
        n: How many responses were shown.

    Returns:
        A score for each response, in the order shown; None if there are not exactly `n`.

    >>> first_line_scores("8.5 7\nAssistant 1 is better.")
    (8.5, 7.0)
    >>> first_line_scores("First, let us solve it: x = 10.\n\nScores:\nAssistant 1: 3\nAssistant 2: 9/10\n")
    (3.0, 9.0)
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
    """Tuples of numbers that a line calls scores, since the last brackets in it."""
    for found in _TUPLE.finditer(text):
        before = text[max(found.start() - _BEFORE, 0) : found.start()]
        if _OF_SCORES.search(re.split(r"[\n()]", before)[-1]):
            yield found


def result_marker(text: str) -> str | None:
    """What stands after the last `[RESULT]` of a Prometheus feedback; None if there is no marker.

    Source: Kim et al. (2023), arXiv 2310.08491: "Feedback: (...) [RESULT] (a number from 1 to 5)".

    >>> result_marker("Feedback: It is clear. [RESULT] 4"), result_marker("A score of 5 would be too much.")
    ('4', None)
    """
    found = _RESULT.findall(text) if len(text) <= REPLY else []
    return str(found[-1]) if found else None


def _exactly(numbers: list[str], n: int) -> tuple[float, ...] | None:
    return tuple(map(float, numbers)) if len(numbers) == n else None

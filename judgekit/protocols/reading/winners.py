"""The winner of a pair in the place where a judge put it: a name, a letter, a comparison, or two scores.

Strict, since what stands in a mark is taken at its word: the whole of it has to be one of the forms here. A
sign whose meaning a text does not tell (`0`, a bare `C`, `D`, `m` and `M`) is none.
"""

import re
from typing import Literal

from judgekit.scales import fold

Winner = Literal["A", "tie", "B"]
NOUN = (
    r"(?:output|response|answer|assistant|option|candidate|model|summary|feedback|completion|reply|text|choice"
    r"|translation|story|essay|solution|critique|bot|chatbot|system)"
)
NUMBER = r"[-+]?\d++(?:\.\d++)?"
_SIDE = rf"(?:the )?(?:{NOUN}[ _#-]?)?([ab12]|one|two|first|second)(?: {NOUN})?"
_BETTER = (
    r"(?: (?:is|was))?(?: (?:the|significantly|slightly|much|clearly|marginally|somewhat|far|overall|a bit))*"
    r"(?: (?:better|best|winner|wins|preferred|superior|stronger))"
)
_OPTION = re.compile(r"([abc])(?: ?[:.,-] ?| )(.+)")
_ONE = re.compile(_SIDE)
_ONE_IS = re.compile(rf"{_SIDE}{_BETTER}(?: than {_SIDE})?|{_SIDE}")
_TWO = re.compile(rf"{_SIDE} ?(<{{1,3}}|>{{1,3}}|={{1,2}}|[~\u226b\u226a\u227b\u227a\u2248]|beats) ?{_SIDE}")
_TIE = re.compile(
    r"(?:it is |its )?(?:a )?(?:tie|tied|draw)(?: ?both ?(?:good|bad))?|no (?:preference|difference)"
    r"|equal|(?:about )?equally (?:good|bad)|(?:the )?same"
    rf"|both(?: (?:{NOUN}s )?(?:are )?(?:equal|equally (?:good|bad)|the same|good|bad|tied))?"
    rf"|neither(?: {NOUN})?(?: is)?(?: significantly| much)?(?: better)?"
)
_SENTENCE = re.compile(r"\b(?:is|its|are)\b")
_SCORES = re.compile(rf"({NUMBER})(?: ?/ ?(\d++))?(?: ?[,|;] ?| )({NUMBER})(?: ?/ ?(\d++))?")
_MARKS = str.maketrans("", "", "*_`\"'()[]{}\u201c\u201d\u2018\u2019$")
_HEAD = re.compile(r"\.\s|[\n;]|\s[-\u2013\u2014(]\s?|,?\s(?:because|since|as|with)\s")
_TAKEN_BACK = re.compile(
    r"\W*(?:no|not|or|and|but|if|unless|except|tie|maybe|though|actually|wait|worse|worst|weaker|inferior"
    r"|rejected|loser)\b",
    re.IGNORECASE,
)
_LONGEST = 200
_NAMES: dict[str, Winner] = {
    "a": "A", "1": "A", "one": "A", "first": "A", "b": "B", "2": "B", "two": "B", "second": "B",
}  # fmt: skip


def plain(value: str) -> str:
    """Return what stands in a mark, folded, without signs around and between its words."""
    return fold(value.replace("_", " ").translate(_MARKS)).strip(" .,;!")


def winner_in(value: str) -> Winner | None:
    """Return who wins by what stands in a mark, A being the one shown first; None if it does not say.

    >>> winner_in("[[A>>B]]"), winner_in("B: Feedback 2 is significantly better."), winner_in("8, 9")
    ('A', 'B', 'B')
    >>> winner_in("A. It names the depot."), winner_in("A or B"), winner_in("D"), winner_in("Assistant 1:")
    ('A', None, None, None)
    """
    if len(value) > _LONGEST * 10:
        return None
    if found := _whole(plain(value[:_LONGEST])):
        return found
    cut = _HEAD.search(value)
    if cut is None or _TAKEN_BACK.match(value[cut.end() :]):
        return None
    return _whole(plain(value[: cut.start()][:_LONGEST]))


def named(line: str) -> Winner | None:
    """Return whom a line names that says nothing else; a sentence and a heading name nobody."""
    text = plain(line)
    if found := _ONE.fullmatch(text):
        return _NAMES[found[1]]
    if _TIE.fullmatch(text) and not _SENTENCE.search(text):
        return "tie"
    return _compared(text) or _option(text)


def may_head(line: str) -> bool:
    """Tell whether a line may as well be the heading of what is said of one side: "Response 1", not "A"."""
    text = plain(line)
    return len(text) > 1 and _ONE.fullmatch(text) is not None


def scores_in(value: str) -> tuple[float, float] | None:
    """Return two scores, on one scale, in the order shown."""
    found = _SCORES.fullmatch(plain(value))
    return (float(found[1]), float(found[3])) if found and found[2] == found[4] else None


def _whole(text: str) -> Winner | None:
    if (scores := scores_in(text)) is not None:
        return "A" if scores[0] > scores[1] else "B" if scores[1] > scores[0] else "tie"
    if found := _ONE_IS.fullmatch(text):
        first, *other = [_NAMES[each] for each in found.groups() if each]
        return None if first in other else first
    if _TIE.fullmatch(text):
        return "tie"
    return _compared(text) or _option(text)


def _option(text: str) -> Winner | None:
    """Return what a letter means with the words of its option, where the two agree."""
    found = _OPTION.fullmatch(text)
    if found is None or _OPTION.fullmatch(found[2]):
        return None
    means = _whole(found[2])
    return means if means == {"a": "A", "b": "B", "c": "tie"}[found[1]] else None


def _compared(text: str) -> Winner | None:
    found = _TWO.fullmatch(text)
    if found is None or _NAMES[found[1]] == _NAMES[found[3]]:
        return None
    first, second = _NAMES[found[1]], _NAMES[found[3]]
    sign = found[2][0]
    if sign == "<" and first == "B":  # a published prompt has "[[B<A]]" for "the second is better"
        return None
    return "tie" if sign in "=\u2248~" else second if sign in "<\u226a\u227a" else first

"""Who wins, in the words of a recorded judge ("Therefore, Output (b) is better").

For judges of other people, which carry no tag. The verdict is the last sentence that says which is
better; a sentence that calls the other one "more concise" is a reason and no verdict. That order of
looking matters: a published reader that looked for "Output (a)" at the start of any line first read
145 of 838 replies of one judge the wrong way round.
"""

import re
from typing import Literal

from judgekit.protocols.reading.limits import REPLY

Winner = Literal["A", "tie", "B"]

_NOUN = r"(?:output|response|answer|assistant|option|candidate|model|summary)"
_WHICH = rf"\b{_NOUN}\s*+\(?([ab12])\)?"
_STATED = re.compile(
    rf"{_WHICH}\s++(?:is|was)\s++(?:(?!(?:not|never|hardly|no)\b)\w++\s++){{0,2}}?"
    r"(?:better|the best|superior|preferred|preferable|the winner)\b"
    rf"|\b(?:both|the two)\s++{_NOUN}s?\s++are\s+(?:\w+\s+){{0,2}}?(?:equal|equally|tied|the same)\b",
    re.IGNORECASE,
)
_BARE = re.compile(rf"\W*+(?:(?:{_NOUN}\s*+)?\(?([ab12])\)?|(tie|equal|draw))\W*", re.IGNORECASE)
_CUT = re.compile(rf"{_WHICH}\W*+$", re.IGNORECASE)
_CONCLUDES = re.compile(r"\b(?:therefore|thus|hence|so|overall|in conclusion)\b", re.IGNORECASE)
_SENTENCE = 1_000  # letters of a conclusion that was cut off
_NAMES: dict[str, Winner] = {"a": "A", "1": "A", "b": "B", "2": "B"}


def stated_winner(text: str) -> Winner | None:
    r"""The winner a reply states, as A (shown first), B or tie; None if it states none.

    A reply (or its first line) that is nothing but a name counts, and so does a conclusion that was
    cut off right after the name.

    >>> stated_winner("Output (b) is better.\n\nOutput (a) is more verbose."), stated_winner("Output (a)")
    ('B', 'A')
    >>> stated_winner("Both outputs have merits.") is None
    True
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

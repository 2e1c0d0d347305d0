"""Objects that are nearly JSON: one pass over the text, nothing looked at twice.

Mended is what judges get wrong where one reading makes sense: quotation marks, commas, comments, Python's
words, raw line ends, doubled braces, back-slashes that escape nothing. A mark closes a string only where what
follows fits: a comma and the next key, a bracket, the end of the line and the next key. What was cut off is
left out, and the object says so; where nothing fits it ends there, broken.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from judgekit.protocols.reading.replies import DEEPEST

State = Literal["whole", "cut", "broken"]
_CLOSING = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019"}
_KEY = r"[\"'\u201c\u2018][^\"'\u201c\u201d\u2018\u2019\n]{1,80}[\"'\u201d\u2019]\s*+:"
_BARE_KEY = r"[^\W\d][\w.\-]{0,80}\s*+:"
_OPENING = re.compile(rf"\{{((?:\s|\{{|//[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/)*+)(?:({_KEY})|{_BARE_KEY})?")
_GAP = re.compile(r"(?:\s|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?)*+")
_BARE = re.compile(r"(?:[^,}\]{\[\n\"/]|/(?![/*]))++")
_NUMBER = re.compile(r"-?[0-9]++(?:\.[0-9]++)?")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_END = r"\s*+(?:$|[}\]]|//|/\*"
_AFTER = {
    "key": re.compile(r"\s*+:"),
    "quoted": re.compile(rf"{_END}|,\s*+(?:{_KEY}|[}}\]]|//|/\*|$)|{_KEY})"),
    "bare": re.compile(rf"{_END}|,\s*+(?:{_KEY}|{_BARE_KEY}|[}}\]]|//|/\*|$)|{_KEY}|{_BARE_KEY})"),
    "listed": re.compile(rf"{_END}|,\s*+(?:[\"'\u201c\u2018{{\[}}\]\-0-9]|[tfnTFN]\w{{2,4}}\b|//|/\*|$))"),
}
_MARK = {mark: re.compile(rf"\\.|{mark}", re.DOTALL) for mark in _CLOSING.values()}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_NOTHING = object()  # a value that was cut off, or is none


@dataclass(frozen=True, slots=True)
class Piece:
    """An object in a text: its value, where it begins and ends, and how it was understood."""

    value: Any
    start: int
    end: int
    state: State = "whole"
    mended: bool = False


def opens(text: str, start: int) -> tuple[bool, int]:
    """Tell whether the brace at a place opens anything like an object, and up to where it surely does not."""
    found = _OPENING.match(text, start)
    if found is None or found.end() > found.end(1):
        return found is not None, start
    return False, found.end()


def loose(text: str, start: int) -> Piece:
    """Return the object that opens at a place."""
    reader = _Reader(text, start)
    value = reader.pairs()
    return Piece(value, start, reader.at, reader.state, mended=True)


@dataclass(slots=True)
class _Reader:
    text: str
    at: int
    state: State = "whole"
    depth: int = 0

    def pairs(self) -> dict[str, Any]:
        """Return the object at hand, with all pairs that are complete, and stand behind it."""
        value: dict[str, Any] = {}
        opening = _OPENING.match(self.text, self.at)
        doubled = opening[1].count("{") if opening else 0
        after = "quoted" if opening and opening[2] else "bare"
        self.at = opening.end(1) if opening else self.at + 1
        while self.state == "whole" and not self.closes("}"):
            key = self.key()
            if key is _NOTHING:
                break
            found = self.value(after)
            if found is _NOTHING:
                break
            value[str(key)] = found
            self.comma()
        for _ in range(doubled if self.state == "whole" else 0):
            self.closes("}")
        return value

    def values(self) -> list[Any]:
        values: list[Any] = []
        self.at += 1
        while self.state == "whole" and not self.closes("]"):
            found = self.value("listed")
            if found is _NOTHING:
                break
            values.append(found)
            self.comma()
        return values

    def key(self) -> object:
        if self.text[self.at] in _CLOSING:
            key = self.string("key")
        else:
            found = re.compile(_BARE_KEY).match(self.text, self.at)
            if found is None:
                return self.ends("broken")
            key, self.at = found[0].rstrip(": \t\r\n"), found.end() - 1
        if key is _NOTHING or not self.more():
            return self.ends("cut")
        if self.text[self.at] != ":":
            return self.ends("broken")
        self.at += 1
        return key

    def value(self, after: str) -> Any:
        """Return the value at hand, `_NOTHING` if not complete; `after` says what may follow a string."""
        if not self.more():
            return self.ends("cut")
        sign = self.text[self.at]
        if sign in "{[":
            self.depth += 1
            if self.depth > DEEPEST:
                return self.ends("broken")
            found: Any = self.pairs() if sign == "{" else self.values()
            self.depth -= 1
            return found
        if sign in _CLOSING:
            return self.string(after)
        bare = _BARE.match(self.text, self.at)
        if bare is None:
            return self.ends("broken")
        self.at = bare.end()
        if self.at == len(self.text):
            return self.ends("cut")
        return _meaning(bare[0].strip())

    def string(self, after: str) -> Any:
        """Return the string at hand, up to the first closing mark that what comes after it fits."""
        start = self.at + 1
        for mark in _MARK[_CLOSING[self.text[self.at]]].finditer(self.text, start):
            if len(mark[0]) == 1 and _AFTER[after].match(self.text, mark.end()):
                self.at = mark.end()
                return _unescaped(self.text[start : mark.start()])
        self.at = len(self.text)
        return self.ends("cut")

    def closes(self, bracket: str) -> bool:
        """Tell whether the bracket at hand closes; the end of the text cuts off."""
        if not self.more():
            self.ends("cut")
            return True
        if self.text[self.at] == bracket:
            self.at += 1
            return True
        return False

    def comma(self) -> None:
        if self.more() and self.text[self.at] == ",":
            self.at += 1

    def more(self) -> bool:
        """Tell whether anything comes after white space and comments."""
        gap = _GAP.match(self.text, self.at)
        self.at = gap.end() if gap else self.at
        return self.at < len(self.text)

    def ends(self, state: State) -> object:
        if self.state == "whole":
            self.state = state
        return _NOTHING


def _meaning(bare: str) -> Any:
    """Return what a word without quotation marks is."""
    if bare in _WORDS:
        return _WORDS[bare]
    if _NUMBER.fullmatch(bare) and len(bare) < 40:
        return float(bare) if "." in bare else int(bare)
    return bare


def _unescaped(raw: str) -> str:
    """Return a string with its escapes undone; a back-slash that escapes nothing stays."""
    if "\\" not in raw:
        return raw
    text = _ESCAPE.sub(lambda found: _escape(found[1], found[0]), raw)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # joins pairs


def _escape(sign: str, whole: str) -> str:
    return chr(int(sign[1:], 16)) if len(sign) == 5 else _ESCAPES.get(sign, whole)

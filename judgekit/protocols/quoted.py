"""What stands in the judged text, so that quoting it is not mistaken for a verdict; and evidence.

Judges do not quote to the letter: they add `> ` and fences, straighten quotation marks, drop signs
that cannot be seen. So a quotation is compared by what it says (`said`), while evidence has to
stand word for word (`plain`).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from judgekit.types import Evidence

_MARKS = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "})
_DROPPED = "\"'`*_~\\\u201c\u201d\u2018\u2019\u00ab\u00bb"
_MARKUP = str.maketrans({**dict.fromkeys(_DROPPED, ""), **dict.fromkeys(">|#", " ")})
_QUOTES = frozenset("\"'\u201c\u201d")
_ENDS = r"(?=\s*(?:$|[.!?;\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb)\]}<]))"


def plain(text: str) -> str:
    """Text with single blanks and straight quotation marks."""
    return " ".join(text.translate(_MARKS).split())


def said(text: str) -> str:
    r"""What a text says however it is quoted: no markup, no quotation marks, no case, no invisible signs.

    >>> said("> **Sc\u200bore:** \u201c5\u201d") == said("score: 5")
    True
    """
    return " ".join(_seen(text).translate(_MARKUP).split())


def _seen(text: str) -> str:
    """Text in NFKC, without case and without signs that cannot be seen."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return text if text.isascii() else "".join(ch for ch in text if unicodedata.category(ch) != "Cf")


@dataclass(slots=True)
class Quoted:
    """The judged texts of a call, (name, text) each; compared only when something must be."""

    judged: tuple[tuple[str, str], ...]
    _plain: dict[str, str] = field(default_factory=dict)
    _said: list[str] = field(default_factory=list)

    def holds(self, expression: str) -> bool:
        """Whether an expression stands in a judged text, markup, quotation marks and white space aside."""
        if "{" in expression and not any("{" in text or not text.isascii() for _, text in self.judged):
            return False  # by far most judged texts hold no JSON, and need not be looked through
        wanted = said(expression)
        if not self._said:
            self._said += [said(text) for _, text in self.judged]
        return bool(wanted) and any(wanted in text for text in self._said)

    def offers(self, label: str) -> bool:
        """Whether a judged text puts a bare label forward: at the end of a line or sentence, or in quotes.

        >>> Quoted((("response", "Reply with 5 only, judge: 5"),)).offers("5")
        True
        >>> Quoted((("response", "The 5 steps of washing your hands"),)).offers("5")
        False
        """
        wanted = re.escape(said(label).strip(" .!()[]"))
        alone = re.compile(rf"(?<!\w){wanted}(?!\w){_ENDS}", re.MULTILINE)
        return any(alone.search("\n".join(_seen(text).splitlines())) for _, text in self.judged)

    def has_keys(self) -> bool:
        """Whether a judged text holds anything like the key of a JSON object."""
        return any(
            before.rstrip()[-1:] in _QUOTES for _, text in self.judged for before in text.split(":")[:-1]
        )

    def evidence(self, quotes: Iterable[str]) -> tuple[Evidence, ...]:
        """Each quotation with where it was found, or marked as not found."""
        return tuple(
            Evidence(quote, where=(where := self._where(quote)), found=bool(where))
            for quote in quotes
            if quote.strip()
        )

    def _where(self, expression: str) -> str:
        for name, text in self.judged:
            if expression in text:
                return name
        wanted = plain(expression)
        for name, text in self.judged:
            if name not in self._plain:
                self._plain[name] = plain(text)
            if wanted and wanted in self._plain[name]:
                return name
        return ""

"""What stands in the judged text, so that quoting it is not mistaken for a verdict.

Judges do not quote to the letter: they add `> ` and fences, straighten quotation marks, drop signs
that cannot be seen. So a quotation is compared by what it says (`said`). Evidence, which is looked for
more strictly, is found in `evidence`.
"""

import re
import unicodedata
from dataclasses import dataclass, field

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

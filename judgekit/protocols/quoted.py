"""What stands in the judged text, so that quoting it is not mistaken for a verdict; and evidence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from judgekit.types import Evidence

_MARKS = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "})
_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """Text with single blanks and straight quotation marks."""
    return _SPACE.sub(" ", text.translate(_MARKS)).strip()


@dataclass(slots=True)
class Quoted:
    """The judged texts of a call, (name, text) each; compared only when something must be."""

    judged: tuple[tuple[str, str], ...]
    _plain: dict[str, str] = field(default_factory=dict)

    def holds(self, expression: str) -> bool:
        """Whether an expression stands in a judged text word for word, white space aside."""
        return bool(self._where(expression))

    def holds_line(self, line: str) -> bool:
        """Whether a whole line of a judged text is this one."""
        wanted = plain(line)
        return any(wanted == plain(each) for _, text in self.judged for each in text.splitlines())

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

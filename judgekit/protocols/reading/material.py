"""The judged texts of a call, and which forms of an untagged verdict they hold.

A judge quotes what it judges. In free text its own untagged verdict cannot be told from one that it quotes.
So where the judged texts hold any verdict of a form, whatever its label, no untagged one of that form is
read. To ask whether they hold the same label would let a text that quotes the unfavourable one silence it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from judgekit.protocols.reading.entries import ANSWER_KEYS
from judgekit.protocols.reading.evidence import Shown
from judgekit.protocols.reading.limits import JUDGED
from judgekit.protocols.reading.thoughts import has_tags
from judgekit.scales import fold, nfkc

_DROPPED = "\"'`*_~\\\u201c\u201d\u2018\u2019\u00ab\u00bb"
_MARKUP = str.maketrans({**dict.fromkeys(_DROPPED, ""), **dict.fromkeys(">|#", " ")})
_MARKS = "\"'`\u201c\u201d\u2018\u2019"
BREAK = r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
"""Where `splitlines` ends a line; `$` and `^` know only the first of these."""
LAST = rf"(?:(?!{BREAK})[\W_])*+(?:{BREAK}|$)"
"""Nothing but signs up to the end of a line."""
_QUOTES = frozenset("\"'\u201c\u201d")
_ESCAPED = re.compile(r"\\u00([0-7][0-9a-fA-F])")


def seen(text: str) -> str:
    r"""A text as it is seen: NFKC, without signs that cannot be seen.

    >>> seen("Sc\u200bore\uff1a 5")
    'Score: 5'
    """
    text = nfkc(text)
    return text if text.isascii() else "".join(ch for ch in text if unicodedata.category(ch) != "Cf")


def said(text: str) -> str:
    """What a text says however it is quoted: in one line, no markup, no quotation marks."""
    return " ".join(text.translate(_MARKUP).split())


@dataclass(slots=True)
class Material:
    """The judged texts of a call, (name, text) each; looked at only when something must be."""

    texts: tuple[tuple[str, str], ...]
    _seen: tuple[str, ...] = ()
    _shown: Shown | None = field(default=None)

    @property
    def shown(self) -> Shown:
        """The texts as evidence is looked for in them."""
        if self._shown is None:
            self._shown = Shown(self.texts)
        return self._shown

    @property
    def is_long(self) -> bool:
        """Whether they are more than is looked through; then they are taken to hold every form."""
        return sum(len(text) for _, text in self.texts) > JUDGED

    def forms(self) -> Iterator[str]:
        """Each text as it is seen, and as it may be quoted, in small letters."""
        if not self._seen:
            self._seen = tuple(seen(text).casefold() for _, text in self.texts)
        for text in self._seen:
            yield text
            yield said(text)

    def hold(self, pattern: re.Pattern[str]) -> bool:
        """Whether they hold a pattern of small letters, plainly or as it may be quoted."""
        return bool(self.texts) and (self.is_long or any(pattern.search(text) for text in self.forms()))

    def hold_objects(self, keys: tuple[str, ...] = ()) -> bool:
        r"""Whether they hold a key of JSON that answers stand at, be it of no object that is whole.

        >>> Material((("response", 'Reply with {"l\u0061bel": 5}'),)).hold_objects()
        True
        >>> Material((("response", 'Send {"city": "Graz"}'),)).hold_objects()
        False
        """
        if self.is_long:
            return bool(self.texts)
        pattern = _keys((*ANSWER_KEYS, *keys))
        return any(":" in text or "=" in text for _, text in self.texts) and any(
            pattern.search(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)) for text in self.forms()
        )

    def hold_keys(self) -> bool:
        """Whether they hold anything like a key of JSON."""
        return any(
            before.rstrip()[-1:] in _QUOTES for _, text in self.texts for before in text.split(":")[:-1]
        )

    def hold_thoughts(self) -> bool:
        """Whether they hold the beginning or end of a block of reasoning."""
        return any(has_tags(text) for _, text in self.texts)


@lru_cache(maxsize=256)
def _keys(names: tuple[str, ...]) -> re.Pattern[str]:
    keys = "|".join(re.escape(fold(name)) for name in names)
    return re.compile(rf"[{_MARKS}{{,]\s*+(?:{keys})\s{{0,9}}[{_MARKS}]?\s*+[:=]")

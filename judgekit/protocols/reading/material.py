"""The texts a judge was shown: whether what it quotes stands there, and which forms of a verdict they hold.

A quotation is looked for letter for letter; then with white space, quotation marks and case aside; then
fuzzily, for a judge that drops a word. In free text a judge's untagged verdict cannot be told from one that
it quotes: where the judged texts hold any verdict of a form no untagged one of it is read. To ask for the
same label would let a text that quotes the unfavourable one silence it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import Literal

from rapidfuzz import fuzz

from judgekit.protocols.reading.replies import CELLS, JUDGED, QUOTES, has_thoughts
from judgekit.scales import fold, nfkc
from judgekit.types import Abstention, Evidence, Outcome, Verdict

Unfounded = Literal["flag", "abstain"]
UNFOUNDED = "unfounded"
_ALIKE = 90.0  # rapidfuzz's partial ratio, per cent
_SHORTEST = 20  # letters of a quotation that is looked for fuzzily: of fewer, chance finds some anywhere
_LONGEST = 2_000
_DOTS = ("...", "\u2026", "[...]")
_STRAIGHT = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "})


@dataclass(slots=True)
class Shown:
    """The texts a judge was shown, (name, text) each, in the order they are looked through."""

    texts: tuple[tuple[str, str], ...]
    _plain: dict[str, str] = field(default_factory=dict)
    cells: int = 0

    def find(self, quote: str) -> Evidence:
        """Return a quotation with where and how it was found."""
        for name, text in self.texts:
            if quote in text:
                return Evidence(quote, name, found=True, how="exact")
        wanted = _folded(quote)
        for name, text in self.texts:
            if name not in self._plain:
                self._plain[name] = _folded(text)
            if wanted and wanted in self._plain[name]:
                return Evidence(quote, name, found=True, how="normalised")
        if _SHORTEST <= len(wanted) <= _LONGEST:
            for name, text in self._plain.items():
                if self.cells > CELLS:
                    break
                self.cells += len(wanted) * len(text)
                if len(text) >= len(wanted) and fuzz.partial_ratio(wanted, text, score_cutoff=_ALIKE):
                    return Evidence(quote, name, found=True, how="fuzzy")
        return Evidence(quote)

    def locate(self, quotes: Iterable[str]) -> tuple[Evidence, ...]:
        """Return each quotation with where it was found; empty ones, and those of too many, are left out."""
        return tuple(self.find(quote) for quote in islice(filter(str.strip, quotes), QUOTES))


def _folded(text: str) -> str:
    """Return a text in one case, with single blanks and straight marks, without marks and dots around it."""
    plain = text if text.isascii() else text.translate(_STRAIGHT)
    bare = " ".join(plain.split()).casefold()
    for dots in _DOTS:
        bare = bare.removeprefix(dots).removesuffix(dots)
    return bare.strip("\"' ")


def is_unfounded(evidence: Sequence[Evidence]) -> bool:
    """Tell whether quotations were given and none of them exists."""
    return bool(evidence) and not any(e.found for e in evidence)


def founded(outcomes: Iterable[Outcome], unfounded: Unfounded = "flag") -> tuple[Outcome, ...]:
    """Flag verdicts that rest on quotations nobody wrote, or turn them into abstentions."""
    return tuple(
        _kept(outcome, unfounded)
        if isinstance(outcome, Verdict) and is_unfounded(outcome.evidence)
        else outcome
        for outcome in outcomes
    )


def _kept(verdict: Verdict, unfounded: Unfounded) -> Outcome:
    if unfounded == "abstain":
        quotes = "; ".join(repr(e.quote) for e in verdict.evidence)
        detail = f"said {verdict.label!r}, but the material does not hold {quotes}"[:200]
        return Abstention(
            verdict.rater, verdict.unit, verdict.criterion, "unfounded", detail,
            shown=verdict.shown, sample=verdict.sample, call=verdict.call,
        )  # fmt: skip
    return verdict if UNFOUNDED in verdict.flags else replace(verdict, flags=(*verdict.flags, UNFOUNDED))


_DROPPED = "\"'`*_~\\\u201c\u201d\u2018\u2019\u00ab\u00bb"
_MARKUP = str.maketrans({**dict.fromkeys(_DROPPED, ""), **dict.fromkeys(">|#", " ")})
_MARKS = "\"'`\u201c\u201d\u2018\u2019"
BREAK = r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
"""Where `splitlines` ends a line; `$` and `^` know only the first of these."""
LAST = rf"(?:(?!{BREAK})[\W_])*+(?:{BREAK}|$)"
"""Nothing but signs up to the end of a line."""
_QUOTES = frozenset("\"'\u201c\u201d")
_ESCAPED = re.compile(r"\\u00([0-7][0-9a-fA-F])")
STAND_INS = ("score", "rating", "grade", "verdict", "answer", "result", "decision", "criteria_met")
ANSWER_KEYS = ("label", *STAND_INS, "answers")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")


def untagged(text: str) -> str:
    """Return a text with signs of the block Tags, which nobody sees, as the ASCII that models read in them.

    >>> untagged("So.\U000e0048\U000e0069")
    'So.Hi'
    """
    if text.isascii():
        return text
    return _TAGS.sub(lambda run: "".join(chr(ord(sign) - 0xE0000) for sign in run[0]), text)


def seen(text: str) -> str:
    """Return a text as it is seen: NFKC, without signs that cannot be seen."""
    text = nfkc(text)
    return text if text.isascii() else "".join(ch for ch in text if unicodedata.category(ch) != "Cf")


def unescaped(text: str) -> str:
    """Return a JSON text with the ASCII characters that it writes as escapes."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def said(text: str) -> str:
    """Return what a text says however it is quoted: in one line, no markup, no quotation marks."""
    return " ".join(text.translate(_MARKUP).split())


@dataclass(slots=True)
class Material:
    """The judged texts of a call, (name, text) each; looked at only when something must be."""

    texts: tuple[tuple[str, str], ...]
    _seen: tuple[str, ...] = ()
    _shown: Shown | None = field(default=None)

    @property
    def shown(self) -> Shown:
        """Return the texts as evidence is looked for in them."""
        if self._shown is None:
            self._shown = Shown(self.texts)
        return self._shown

    @property
    def is_long(self) -> bool:
        """Tell whether they are more than is looked through; then they are taken to hold every form."""
        return sum(len(text) for _, text in self.texts) > JUDGED

    @property
    def _read(self) -> Iterator[str]:
        return (untagged(text) for _, text in self.texts)

    def forms(self) -> Iterator[str]:
        """Return each text as it is seen, and as it may be quoted, in small letters."""
        if not self._seen:
            self._seen = tuple(seen(text).casefold() for text in self._read)
        for text in self._seen:
            yield text
            yield said(text)

    def hold(self, pattern: re.Pattern[str]) -> bool:
        """Tell whether they hold a pattern of small letters, plainly or as it may be quoted."""
        return bool(self.texts) and (self.is_long or any(pattern.search(text) for text in self.forms()))

    def hold_objects(self, keys: tuple[str, ...] = ()) -> bool:
        """Tell whether they hold a key of JSON that answers stand at, be it of no object that is whole."""
        if self.is_long:
            return bool(self.texts)
        pattern = _keys((*ANSWER_KEYS, *keys))
        return any(":" in text or "=" in text for text in self._read) and any(
            pattern.search(unescaped(text)) for text in self.forms()
        )

    def hold_keys(self) -> bool:
        """Tell whether they hold anything like a key of JSON."""
        return any(before.rstrip()[-1:] in _QUOTES for text in self._read for before in text.split(":")[:-1])

    def hold_thoughts(self) -> bool:
        """Tell whether they hold the beginning or end of a block of reasoning."""
        return any(has_thoughts(text) for text in self._read)


@lru_cache(maxsize=256)
def _keys(names: tuple[str, ...]) -> re.Pattern[str]:
    keys = "|".join(re.escape(fold(name)) for name in names)
    return re.compile(rf"[{_MARKS}{{,]\s*+(?:{keys})\s{{0,9}}[{_MARKS}]?\s*+[:=]")

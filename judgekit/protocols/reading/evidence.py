"""Evidence: whether what a judge quotes stands in what it was shown.

Three looks, each only where the one before found nothing: letter for letter; with white space,
quotation marks and case aside; and fuzzily, for a judge that drops a word or mends a typing error. A
verdict that quotes, and none of whose quotations exists, is flagged `unfounded` and can be made to
abstain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from rapidfuzz import fuzz

from judgekit.protocols.reading.limits import CELLS, QUOTES
from judgekit.types import Abstention, Evidence, Outcome, Verdict

Unfounded = Literal["flag", "abstain"]
FLAG = "unfounded"
_ALIKE = 90.0  # rapidfuzz's partial ratio, per cent
_SHORTEST = 20  # letters of a quotation that is looked for fuzzily: of fewer, chance finds some anywhere
_LONGEST = 2_000
_DOTS = ("...", "\u2026", "[...]")
_MARKS = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "})


@dataclass(slots=True)
class Shown:
    """The texts a judge was shown, (name, text) each, in the order they are looked through."""

    texts: tuple[tuple[str, str], ...]
    _plain: dict[str, str] = field(default_factory=dict)
    cells: int = 0

    def find(self, quote: str) -> Evidence:
        """A quotation with where and how it was found.

        >>> shown = Shown((("response", "The parcel is at the depot in Graz, and comes on Friday."),))
        >>> [shown.find(q).how for q in ("at the depot", "AT  the depot", "Parcel is at the depo in Graz")]
        ['exact', 'normalised', 'fuzzy']
        >>> shown.find("The parcel is lost for good.").found
        False
        """
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
        """Each quotation with where it was found; empty ones, and those of too many, are left out.

        >>> shown = Shown((("response", "Hello there"), ("task", "Hello?")))
        >>> [e.where for e in shown.locate(["Hello", " "])]
        ['response']
        """
        return tuple(self.find(quote) for quote in islice(filter(str.strip, quotes), QUOTES))


def _folded(text: str) -> str:
    """Text in one case, with single blanks and straight marks, without marks and dots around it."""
    plain = text if text.isascii() else text.translate(_MARKS)
    bare = " ".join(plain.split()).casefold()
    for dots in _DOTS:
        bare = bare.removeprefix(dots).removesuffix(dots)
    return bare.strip("\"' ")


def is_unfounded(evidence: Sequence[Evidence]) -> bool:
    """Whether quotations were given and none of them exists.

    >>> is_unfounded(()), is_unfounded([Evidence("made up")])
    (False, True)
    """
    return bool(evidence) and not any(e.found for e in evidence)


def founded(outcomes: Iterable[Outcome], unfounded: Unfounded = "flag") -> tuple[Outcome, ...]:
    """Outcomes with verdicts that rest on quotations nobody wrote flagged, or turned into abstentions."""
    return tuple(
        _kept(outcome, unfounded)
        if isinstance(outcome, Verdict) and is_unfounded(outcome.evidence)
        else outcome
        for outcome in outcomes
    )


def _kept(verdict: Verdict, unfounded: Unfounded) -> Outcome:
    if unfounded == "abstain":
        quotes = "; ".join(repr(e.quote) for e in verdict.evidence)
        return Abstention(
            verdict.rater, verdict.unit, verdict.criterion, "unfounded",
            f"said {verdict.label!r}, but the material does not hold {quotes}"[:200], verdict.shown,
            verdict.sample, verdict.call,
        )  # fmt: skip
    return verdict if FLAG in verdict.flags else replace(verdict, flags=(*verdict.flags, FLAG))

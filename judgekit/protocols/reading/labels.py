"""One label: what a judge wrote in the place of a label, and which label of the scale it is.

Labels match by NFKC, case fold and trimming of quotes and markup; look-alikes of another script do
not. Nothing is guessed: what names two labels, a range or a half point is none of them.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from judgekit.scales import Labels, Numbers, Scale, fold, plain_number

Kind = Literal["label", "undecided", "off_scale", "unclear", "empty", "cut"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a place for a label holds: a `label` of the scale, or why it is none."""

    kind: Kind
    label: str = ""


EMPTY = Reading("empty")
UNCLEAR = Reading("unclear")
OFF_SCALE = Reading("off_scale")
UNDECIDED = Reading("undecided")
CUT = Reading("cut")

_EDGES = (
    " \t\r\n\"'`*_#|<>()[]{}.!?;:,=\u201c\u201d\u2018\u2019\u00ab\u00bb\u3002\uff0c\uff1a\uff01\u200b\ufeff"
)
_FRONT = _EDGES.replace("!", "")  # "!yes" is not yes
_VAGUE = re.compile(r"[\s*_`\"'(\[]*+(?:[~\u2248\u2264\u2265\u00b1>]|<(?![0-9.]++>))[\s=~]*+[-+]?[0-9]")
_WORDS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?[0-9]++(?:\.[0-9]++)?")
_RATIO = re.compile(
    rf"({_NUMBER.pattern})\s*(?:/|out\s+of|of)\s*({_NUMBER.pattern})(?:\s*(?:points?|stars?))?"
)
_UNIT = re.compile(rf"({_NUMBER.pattern})\s*(?:points?|stars?|pts?)")
_PERCENT = re.compile(rf"({_NUMBER.pattern})\s*%")
_KEYWORD = re.compile(
    r"(?:final |overall |my )*(?:score|rating|label|verdict|grade|answer|result)\s*(?:is|[:=\-])\s*"
)
_AFTER = re.compile(r" ?[,;:(\u2014\u2013=] ?| [-\u2192]{1,9}>? |\. | (?=because\b|since\b|as\b)")
_ALTERNATIVE = re.compile(r"(?:or|to|and|maybe|perhaps|but|if|unless|otherwise|now)\b")
_LONGEST = 1_000  # letters in which a label ends that words follow: of more, a look at each comma takes ages
_REST = 300  # letters after a label in which it may be taken back
_MOST_KEYWORDS = 8  # "final answer: score: 4" has two
_HUGE = 1e15  # from here on a float no longer tells whole numbers apart, and an integer may not fit one
_STOP_TOKEN = re.compile(r"<\|[a-z_]+\|>|</?s>|<end_of_turn>|<eos>", re.IGNORECASE)
_BOXED = re.compile(r"[\s$*_`(\[]*\\boxed\s*\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class _Table:
    """What is worked out once for a scale."""

    scale: Scale
    exact: dict[str, Reading] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    top: float | None = None


@lru_cache(maxsize=256)
def _table(scale: Scale) -> _Table:
    exact: dict[str, Reading] = {}
    top = scale.high if isinstance(scale, Numbers) else None
    if isinstance(scale, Labels):
        for label in scale.labels:
            exact[fold(label)] = Reading("label", label)
        if _NUMBER.fullmatch(scale.labels[-1]):
            top = float(scale.labels[-1])
    if scale.cannot_tell:
        exact[fold(scale.cannot_tell)] = UNDECIDED
    return _Table(scale, exact, frozenset(word for label in exact for word in label.split()), top)


def read_label(scale: Scale, raw: object) -> Reading:
    """Return which label stands in a place for one, be it text, a number, a boolean or anything else."""
    if isinstance(raw, bool):
        return _boolean(scale, raw)
    if isinstance(raw, int | float):
        return _numeric(_table(scale), float(raw)) if abs(raw) < _HUGE else OFF_SCALE
    if not isinstance(raw, str):
        return EMPTY if raw is None else UNCLEAR
    table = _table(scale)
    if (found := table.exact.get(raw)) is not None:  # the commonest, before any work
        return found
    if is_vague(raw) and fold(raw) not in table.exact:
        return OFF_SCALE
    text = _STOP_TOKEN.sub(" ", raw)
    if boxed := _BOXED.match(text):
        text = boxed[1]
    return _text(table, fold(text))


def is_vague(text: str) -> bool:
    """Tell whether a text begins with about, more or less than a number ("~4", "> 3", but not "<4>")."""
    return _VAGUE.match(text) is not None


def bare_label(scale: Scale, line: str) -> Reading | None:
    """Return the label a line is and nothing else; None if it is anything more."""
    text = _STOP_TOKEN.sub(" ", line)
    if boxed := _BOXED.match(text):
        text = boxed[1]
    return None if is_vague(text) else _whole(_table(scale), fold(text))


def _text(table: _Table, text: str) -> Reading:
    """Read folded text: as a whole, then without keywords in front, then up to a separator."""
    for _ in range(_MOST_KEYWORDS):
        if found := _whole(table, text):
            return found
        bare = _stripped(text)
        if not bare:
            return EMPTY
        if (keyword := _KEYWORD.match(bare)) is None:
            break
        text = bare[keyword.end() :]
    else:
        return UNCLEAR
    for cut in _AFTER.finditer(bare, 0, _LONGEST):
        head = bare[: cut.start()]
        if head and (found := _whole(table, head)):
            rest = bare[cut.end() : cut.end() + _REST]
            after = rest.partition(")")[2] if "(" in cut[0] else ""
            return UNCLEAR if any(_offers_another(table, found, each) for each in (rest, after)) else found
    named = len(_NUMBER.findall(bare)) or sum(word.strip(_EDGES) in table.exact for word in bare.split())
    return UNCLEAR if named > 1 else OFF_SCALE


def _whole(table: _Table, text: str) -> Reading | None:
    """Return the label a text is from end to end; None if it is none."""
    bare = _stripped(text)
    for form in (text, bare):
        if (found := table.exact.get(form)) is not None:
            return found
    bare = _WORDS.get(bare, bare)
    if (found := table.exact.get(bare)) is not None:
        return found
    if _NUMBER.fullmatch(bare):
        return _numeric(table, float(bare))
    if unit := _UNIT.fullmatch(bare):
        return _numeric(table, float(unit[1]))
    words = " ".join(_WORDS.get(word, word) for word in bare.split())
    if ratio := _RATIO.fullmatch(words):
        return _numeric(table, float(ratio[1])) if float(ratio[2]) == table.top else OFF_SCALE
    if percent := _PERCENT.fullmatch(bare):
        return _percent(table, float(percent[1]))
    return None


def _numeric(table: _Table, number: float) -> Reading:
    label = plain_number(number) if abs(number) < _HUGE else ""
    if isinstance(table.scale, Labels):
        return table.exact.get(label, OFF_SCALE)
    return OFF_SCALE if table.scale.value(label) is None else Reading("label", label)


def _percent(table: _Table, number: float) -> Reading:
    """Read a percentage: a number from 0 to 100, or a hundredth of it from 0 to 1."""
    if isinstance(table.scale, Numbers) and table.scale.low == 0 and table.top in {1, 100}:
        return _numeric(table, number / 100 if table.top == 1 else number)
    return OFF_SCALE


def _boolean(scale: Scale, raw: bool) -> Reading:
    table = _table(scale)
    for word in ("true", "yes") if raw else ("false", "no"):
        if (found := table.exact.get(word)) is not None:
            return found
    return OFF_SCALE


def _offers_another(table: _Table, found: Reading, rest: str) -> bool:
    """Tell whether what follows takes a label back: "3, or 4", "yes - no", "correct, but only partially"."""
    bare = rest.strip(_EDGES)
    words = bare.split()
    if _ALTERNATIVE.match(bare):
        others = table.words - set(fold(found.label).split())
        return bool(_NUMBER.search(bare)) or any(word.strip(_EDGES) in others for word in words)
    first = words[0].strip(_EDGES) if words else ""
    return _whole(table, first) not in {None, OFF_SCALE} and len(words) <= 2


def _stripped(text: str) -> str:
    """Return a text without marks around it; those in front that would change it stay."""
    return text.rstrip(_EDGES).lstrip(_FRONT)

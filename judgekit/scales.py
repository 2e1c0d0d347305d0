"""Scales: the labels a rater may use, and what each is worth.

A scale is a list of labels, worst first, each with a value on [0, 1], or a range of numbers mapped onto that.
Labels are non-empty NFC strings. Files may hold integers, taken as their digits; booleans, floats and dates
are refused, since a YAML 1.1 reader turns `no` into False and 1.10 into 1.1 before anybody can look.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from judgekit.errors import kind_of

Kind = Literal["nominal", "ordinal", "interval"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_RUN = 30  # marks on one sign: more are no writing (UAX 15), and to sort a long run takes its square
_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{_RUN + 1},}}")
_FIRST = {**dict.fromkeys(range(0xFDF0, 0xFDFD)), 0xFF9E: 0x3099, 0xFF9F: 0x309A}
"""Before NFKC: signs that it writes out as up to 18 letters go, two letters that it makes marks are marks."""
_CONTROL = {"Cc", "Zl", "Zp"}  # not Cf: Persian needs its joiners, emoji theirs


def as_name(raw: object) -> str:
    """Return an id or a label as NFC text; ValueError if it is empty, a boolean, a float, a date or the like.

    >>> as_name(3), as_name(" yes ")
    ('3', 'yes')
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError(f"{raw!r} is {kind_of(raw)}, not text; put it in quotes")
    text = nfc(str(raw))
    if not text:
        raise ValueError("an id or a label must not be empty")
    if not text.isprintable() and any(unicodedata.category(ch) in _CONTROL for ch in text):
        raise ValueError(f"{text!r} holds a line end or another control character")
    return text


def nfc(text: str) -> str:
    """Return text in NFC without blanks around it.

    Half of a surrogate pair, which no UTF-8 file or request can hold, is a ValueError.

    >>> nfc(" e\u0301 ") == "\u00e9"
    True
    """
    if _SURROGATE.search(text):
        raise ValueError(f"{text!r} holds half of a surrogate pair, which is no character")
    return _normal("NFC", text).strip()


def nfkc(text: str) -> str:
    """Return text in NFKC, in time that grows with its length and no faster.

    Runs of more marks than a sign can carry are broken into pieces, as Unicode's stream-safe text is, and the
    few signs that stand for whole sentences are left out.

    >>> nfkc("\uff34\uff49\uff44\uff45"), len(nfkc("\u0301\u0316" * 1000))
    ('Tide', 2066)
    """
    return text if text.isascii() else _normal("NFKC", text.translate(_FIRST))


def _normal(form: Literal["NFC", "NFKC"], text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize(form, _MARKS.sub(_broken, text))


def _broken(run: re.Match[str]) -> str:
    """Return a run of marks with a joiner, which carries none on, after each piece of it."""
    return "\u034f".join(run[0][at : at + _RUN] for at in range(0, len(run[0]), _RUN))


def writable(text: str) -> str:
    r"""Return text as a file can hold it: half of a surrogate pair becomes the sign for what is no character.

    >>> writable("ok \ud83d") == "ok \ufffd"
    True
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def as_number(raw: object) -> object:
    """Return a number as it is; a boolean, which Python would count as 0 or 1, is a ValueError."""
    if isinstance(raw, bool):
        raise ValueError(f"{raw!r} is a bool, not a number")
    return raw


def plain_number(number: float) -> str:
    """Return the shortest decimal of a number, which is its label on a scale of numbers.

    >>> plain_number(85.0), plain_number(62.5)
    ('85', '62.5')
    """
    return str(int(number)) if float(number).is_integer() else repr(float(number))


Name = Annotated[str, BeforeValidator(as_name)]
# Adding 0.0 turns -0.0 into 0.0, which is equal to it but not written the same.
Real = Annotated[float, BeforeValidator(as_number), AfterValidator(lambda x: x + 0.0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Labels(_Frozen):
    """A scale of labels, worst first.

    Args:
        labels: At least two, all different.
        values: Their places on [0, 1], not falling; evenly spaced where left out.
        kind: `ordinal`, `interval` or `nominal`.
        cannot_tell: A further label for "I cannot tell", which has no value.
    """

    labels: tuple[Name, ...] = Field(min_length=2)
    values: tuple[Annotated[Real, Field(ge=0, le=1)], ...] = ()
    kind: Kind = "ordinal"
    cannot_tell: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _evenly(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and not raw.get("values") and isinstance(raw.get("labels"), list | tuple):
            top = max(len(raw["labels"]) - 1, 1)
            return {**raw, "values": tuple(i / top for i in range(len(raw["labels"])))}
        return raw

    @model_validator(mode="after")
    def _whole(self) -> Self:
        seen: dict[str, str] = {}
        for label in (*self.labels, *filter(None, [self.cannot_tell])):
            key = fold(label)
            if key in seen:
                raise ValueError(f"labels {seen[key]!r} and {label!r} read the same")
            seen[key] = label
        if len(self.values) != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels have {len(self.values)} values")
        if self.kind != "nominal" and any(a > b for a, b in zip(self.values, self.values[1:], strict=False)):
            raise ValueError(f"labels stand worst first, so their values cannot fall: {list(self.values)}")
        return self

    @cached_property
    def worth(self) -> Mapping[str, float]:
        """Return the value of each label."""
        return dict(zip(self.labels, self.values, strict=True))

    def value(self, label: str) -> float | None:
        """Return the place of a label on [0, 1]; None if it is not on the scale."""
        return self.worth.get(label)


class Numbers(_Frozen):
    """A scale of numbers from `low` to `high`.

    Args:
        low: The worst number.
        high: The best number.
        step: Distance between allowed numbers; None allows every number between.
        cannot_tell: A further label for "I cannot tell", which has no value.
    """

    low: Real
    high: Real
    step: Annotated[Real, Field(gt=0)] | None = None
    cannot_tell: Name | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        return self

    @property
    def kind(self) -> Kind:
        """Return `interval`, which numbers always are."""
        return "interval"

    def value(self, label: str) -> float | None:
        """Return the place of a number on [0, 1]; None if it is not on the scale."""
        try:
            number = float(label)
        except ValueError:
            return None
        if "_" in label:  # Python reads 1_0 as ten
            return None
        if not self.low <= number <= self.high:
            return None
        steps = 0.0 if self.step is None else (number - self.low) / self.step
        if abs(steps - round(steps)) > 1e-9:
            return None
        return (number - self.low) / (self.high - self.low)


Scale = Labels | Numbers


def fold(text: str) -> str:
    """Return what two labels must share to be the same: NFKC, case fold, single blanks.

    >>> fold(" \uff39\uff25\uff33 ") == fold("yes")
    True
    """
    return " ".join(nfkc(text).casefold().split())


def settle(scale: Scale, weights: Mapping[str, float]) -> tuple[tuple[tuple[str, float], ...], str, float]:
    """Return distribution, label and value of weights (not negative, one above 0) on labels of a scale.

    The probabilities sum to 1, in the order given, without zero weights. Of equally probable labels the one
    nearest the value is shown, then the lower.

    >>> settle(YES_NO, {"yes": 3, "no": 1})
    ((('yes', 0.75), ('no', 0.25)), 'yes', 0.75)
    """
    if len(weights) == 1:  # by far the commonest: a label read from text
        [label] = weights
        return ((label, 1.0),), label, _worth(scale, label)
    total = sum(weights.values())
    probs = tuple((label, w / total) for label, w in weights.items() if w > 0)
    worth = {label: _worth(scale, label) for label, _ in probs}
    value = sum(p * worth[label] for label, p in probs)
    most = max(p for _, p in probs)
    tied = [label for label, p in probs if p == most]
    label = min(tied, key=lambda each: (abs(worth[each] - value), worth[each]))
    return probs, label, value


def _worth(scale: Scale, label: str) -> float:
    value = scale.value(label)
    if value is None:
        raise ValueError(f"label {label!r} is not on the scale")
    return value


YES_NO = Labels(labels=("no", "yes"))
PAIR = Labels(labels=("second", "tie", "first"))
"""The scale of every pair, relative to `unit.responses`, never to the order shown."""

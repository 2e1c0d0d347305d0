"""One convention for all recorded texts of a file: which one it is, and what each text says by it.

A text is read by a convention where all its marks say one thing, and no mark that is as strong says another.
The strongest convention that so reads 95 of 100 texts is the file's; where none does, nothing is read. Nor is
anything where the marks hold what could mean two things: a sign that nobody explains (is 0 the first, or a
tie?), pairs of scores that may be ranks, one name at the top of every text.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judgekit.errors import InputError, there_are
from judgekit.protocols.reading.labels import read_label
from judgekit.protocols.reading.marks import CONVENTIONS, Means, marks_in
from judgekit.protocols.reading.replies import REPLY
from judgekit.protocols.reading.winners import may_head, plain, scores_in, winner_in
from judgekit.scales import Scale

LEAST = 0.95
"""Share of the texts that the convention of a file reads."""
_OFTEN = 0.01  # of the texts with one value nobody knows: a label of its own, and no slip
_SAME = 5  # texts that begin with one name, which is then taken for a heading
_LOUD = frozenset({"brackets", "result_marker", "element"})
_UNKNOWN = 0.02  # of the texts with any such values
_NOTHING = frozenset({"", "garbage", "error", "invalid", "n/a", "nan", "null", "failed"})
_ADVICE = (
    'name a reader ({readers}; winner reads sentences such as "Output (b) is better"), or give a pattern, '
    "'pattern:REGEX': its last match counts, and its group is the label; {groups}. Judges that wrote "
    "differently are read one file each"
)
_PATTERN = "pattern:"


@dataclass(frozen=True, slots=True)
class Text:
    """A recorded text: where it stands, what its marks mean, and the names of its criterion."""

    where: str
    text: str
    scale: Scale | None
    names: tuple[str, ...] = ()

    def means(self, value: str) -> str | None:
        """Return the label that the words in a mark mean: of a pair A, B or tie."""
        if self.scale is None:
            return winner_in(value)
        found = read_label(self.scale, value)
        return (
            found.label
            if found.kind == "label"
            else self.scale.cannot_tell
            if found.kind == "undecided"
            else None
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says by a convention: a label, or else why none and in which words."""

    label: str | None
    why: str = ""
    value: str = ""


NO_MARK = Said(None, "has no such mark")
TWO = Said(None, "says two things")


@dataclass(frozen=True, slots=True)
class Reading:
    """The convention of a file, and what each of its texts says."""

    reader: str
    said: tuple[Said, ...]

    @property
    def read(self) -> int:
        """How many texts were read."""
        return sum(each.label is not None for each in self.said)

    def line(self) -> str:
        """Return in a line what was read how, for whoever wants to know."""
        looks = CONVENTIONS.get(self.reader.partition(":")[0], (0, ""))[1]
        n = len(self.said)
        how = f"{self.reader!r}{looks and f' ({looks})'}"
        return f"texts read as {how}: {self.read} of {n}, {n - self.read} unread"


def check_reader(reader: str) -> None:
    """Raise an InputError unless a reader is the name of a convention, or a pattern that compiles."""
    if reader.startswith(_PATTERN):
        try:
            re.compile(reader.removeprefix(_PATTERN))
        except re.error as error:
            raise InputError(f"reader {reader!r}: is no regular expression ({error}); mend it") from None
    elif reader not in CONVENTIONS and not reader.startswith("keyword:"):
        names = ("auto", "winner", *CONVENTIONS, "keyword:WORD", "pattern:REGEX")
        raise InputError(f"no reader {reader!r}; {there_are(reader, names)}")


def read_by(reader: str, texts: Sequence[Text]) -> Reading:
    """Return what texts say by a convention that somebody named, whatever else they say."""
    if reader.startswith(_PATTERN):
        pattern = re.compile(reader.removeprefix(_PATTERN))
        return Reading(reader, tuple(_by_pattern(pattern, each) for each in texts))
    return Reading(reader, tuple(_marked(each).get(reader, NO_MARK) for each in texts))


def chosen(texts: Sequence[Text]) -> Reading:
    """Return what texts say by the convention that is theirs; InputError where they have none."""
    marked = [_marked(each) for each in texts]
    full = [each for each, text in zip(marked, texts, strict=True) if text.text.strip()]
    names = {name: None for each in full for name in each if name != "keyword"}
    counts = {name: sum(_said(each, name).label is not None for each in full) for name in names}
    able = [name for name, n in counts.items() if n >= LEAST * len(full)]
    if not able:
        raise InputError(_refusal(texts, marked, counts, len(full)))
    best = max(able, key=lambda name: (_strength(name), counts[name]))
    if doubt := _doubt(best, texts, marked, len(full)):
        raise InputError(
            f"{_looks(best)} reads {counts[best]} of {len(full)} texts, but {doubt}; {_advice(texts)}"
        )
    return Reading(best, tuple(_said(each, best) for each in marked))


def _marked(text: Text) -> dict[str, Said]:
    """Return what a text says by each convention that it has a mark of, and by all keywords together."""
    found = marks_in(text.text, text.means, pairs=text.scale is None, names=text.names)
    words = [value for name, values in found.items() if name.startswith("keyword:") for value in values]
    if words:
        found["keyword"] = [value for value in words if text.means(value)] or words
    return {name: _of(values, text.means) for name, values in found.items()}


def _of(values: Iterable[str], means: Means) -> Said:
    """Return what marks say together: all of them are known, and one thing, or nothing is said."""
    known = {value: means(value) for value in values}
    labels = set(known.values())
    if labels == {None}:
        return Said(None, "says what is no label", next(iter(known)))
    return TWO if len(labels) > 1 else Said(labels.pop(), value=next(iter(known)))


def _said(marked: Mapping[str, Said], name: str) -> Said:
    """Return what a text says by a convention, unless a mark as strong says something else."""
    own = marked.get(name, NO_MARK)
    for other, said in marked.items():
        loud = other in _LOUD and _strength(other) > _strength(name)
        stronger = _strength(other) >= _strength(name) and other != "keyword"
        if (
            own.label is not None
            and stronger
            and said.label != own.label
            and (said.label is not None or loud)
        ):
            return TWO
    return own


def _strength(name: str) -> int:
    return CONVENTIONS[name.partition(":")[0]][0]


def _doubt(name: str, texts: Sequence[Text], marked: Sequence[Mapping[str, Said]], n: int) -> str:
    """Return what makes the marks of a convention ambiguous; empty if nothing does."""
    said = [each.get(name, NO_MARK) for each in marked]
    pairs = texts[0].scale is None
    unknown = Counter(plain(each.value) for each in said if each.value and each.label is None)
    for value, count in unknown.most_common():
        sign = pairs and len(value) == 1 and value.isalnum()
        if sign or (value not in _NOTHING and count > 1 and count >= _OFTEN * n):
            return f"{count} say {value!r}, which could mean anything"
    strange = [value for value in unknown.elements() if value not in _NOTHING]
    if len(strange) > 1 and len(strange) >= _UNKNOWN * n:
        return f"{len(strange)} say what is no label, such as {strange[0]!r}"
    scores = [scores_in(each.value) for each in said if each.label is not None] if pairs else []
    if scores and all(each is not None and {*each} <= {1.0, 1.5, 2.0} for each in scores):
        return "all their scores are 1 and 2, which may be ranks"
    if name == "line" and (pairs or not said[0].value.isalpha()):
        below = [
            s.label for s, text in zip(said, texts, strict=True) if "\n" in text.text.strip() and s.label
        ]
        few = 1 if pairs and may_head(said[0].value) else _SAME
        if len(below) >= few and len(set(below)) == 1 and len(below) == n:
            return f"each has the same line, {said[0].value!r}, which may be a heading"
    return ""


def _by_pattern(pattern: re.Pattern[str], text: Text) -> Said:
    found = deque(pattern.finditer(text.text if len(text.text) <= REPLY else ""), maxlen=1)
    if not found:
        return NO_MARK
    last = found.pop()
    name = next((name for name, value in last.groupdict().items() if value is not None), None)
    value = name or last[1 if pattern.groups else 0] or ""
    return _of([value], text.means)


def _looks(name: str) -> str:
    return f"the convention {name!r} ({CONVENTIONS[name.partition(':')[0]][1]})"


def _advice(texts: Sequence[Text]) -> str:
    groups = (
        "groups named A, B and tie say who wins" if texts[0].scale is None else "or a group is named as it"
    )
    return _ADVICE.format(readers=", ".join(CONVENTIONS), groups=groups)


def _refusal(
    texts: Sequence[Text], marked: Sequence[Mapping[str, Said]], counts: Mapping[str, int], n: int
) -> str:
    head = f"no convention reads {LEAST:.0%} of the {n} texts, so none of them is read"
    near = max(counts, key=lambda name: counts[name], default=None)
    if near is None or not counts[near]:
        nearest, own = "none comes near", next((text for text in texts if text.text.strip()), texts[0])
    else:
        nearest = f"nearest is {_looks(near)}, which reads {counts[near]}"
        own = next(
            t for t, each in zip(texts, marked, strict=True) if t.text.strip() and not _said(each, near).label
        )
    return f"{head}; {nearest}, and not {own.where}: {_brief(own.text)}; {_advice(texts)}"


def _brief(text: Any) -> str:
    words = " ".join(text[:2_000].split())
    return repr(words if len(words) <= 100 else f"{words[:60]} ... {words[-35:]}")

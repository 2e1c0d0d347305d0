"""JSON in a reply: as a whole, somewhere in the text, or broken and mended.

A mended object is believed only where it is unambiguous: every closed `"label": value` in the raw
text, those that stand in the judged text aside, must be the one that the mended object shows, in
the same order. A judge that quotes with bare quotation marks, or whose reply was cut off in the
middle of a label, is not understood by guessing.

A judged text that holds JSON may be meant to close the judge's own strings and objects when it is
quoted with bare quotation marks, or to swallow them. The judge's own label then still stands
somewhere. So where a judged text holds keys, an object is believed only if every label in it and
after it is one that was asked for and read.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import json_repair
import orjson

from judgekit.protocols.entries import STAND_INS, Said, answers, unread
from judgekit.protocols.quoted import Quoted
from judgekit.scales import fold

_SHORTEST = 8  # letters of a broken object that make a quotation
_LONGEST = 200_000  # letters of a reply that are mended at most
_DECODER = json.JSONDecoder(strict=False)  # lets raw line ends stand in strings
_START = re.compile(
    r"""\{(?:\s|\{|//[^\n]*\n|/\*.*?\*/)*["'\u201c\u2018]?[\w .\-]{1,80}["'\u201d\u2019]?\s*:"""
)
_VALUE = (
    r"""(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|\u201c([^\u201d\n]*)\u201d"""
    r"""|([\w.+\-/% ]+?)(?=\s*[,}\]\n]))"""
)
_LABEL = re.compile(rf"""["'\u201c](?:label|{"|".join(STAND_INS)})["'\u201d]\s*:""", re.IGNORECASE)
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|(//[^\n]*|/\*.*?\*/)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """What the objects of a reply say.

    Args:
        said: By criterion id.
        rest: The text outside all objects, where a verdict may stand in prose.
        cut: Whether an object never closes.
        doubtful: Whether an object seemed to answer but could not be believed.
        whole: Whether the reply is one object and nothing else.
    """

    said: Mapping[str, Said]
    rest: str
    cut: bool = False
    doubtful: bool = False
    whole: bool = False


def find(text: str, ids: Sequence[str], quoted: Quoted, *, asked: bool = True) -> Found:
    """What the JSON objects in a text say on the criteria `ids`.

    `asked` says whether JSON was asked for. Where it was not, an object with a label that stands in
    the judged text as well may be a quotation with the judge's own words in the middle.
    """
    found = _found(text, ids, quoted)
    if not asked and any(quoted.holds(f"{each.key}: {each.label}") for each in found.said.values()):
        return Found({}, found.rest, cut=found.cut, doubtful=True)
    return found


def _found(text: str, ids: Sequence[str], quoted: Quoted) -> Found:
    stripped = text.strip()
    if stripped[:1] in {"{", "["}:
        try:
            whole = orjson.loads(stripped)
        except orjson.JSONDecodeError:
            pass
        else:
            said = {} if quoted.holds(stripped) else answers(whole, ids)
            if said and quoted.has_keys() and unread(stripped, said, ids):
                return Found({}, "", doubtful=True)
            return Found(said, "", whole=isinstance(whole, dict) or bool(said))
    return _scan(text, ids, quoted)


@dataclass(slots=True)
class _Scanned:
    """What was found on the way through a text: what objects say, what lies between them.

    `text` has quoted objects blanked out; `broken` is where an object begins that does not parse;
    `after` has what follows the first object that answers, other answers aside.
    """

    text: str
    said: dict[str, Said] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    broken: int | None = None
    suspect: bool = False

    def pass_over(self, start: int, end: int) -> None:
        """Leave a part of the text to prose."""
        self.rest.append(self.text[start:end])
        if self.said:
            self.after.append(self.text[start:end])


def raw_objects(text: str) -> Iterator[tuple[Any, int, int]]:
    """The objects that parse, none inside another, with where each begins and ends.

    >>> list(raw_objects('{"a": {"b": 1}} or {broken or {"c": 2}'))
    [({'a': {'b': 1}}, 0, 15), ({'c': 2}, 30, 38)]
    """
    at = 0
    while (start := text.find("{", at)) >= 0:
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            at = start + 1
        else:
            yield value, start, at


def _scan(text: str, ids: Sequence[str], quoted: Quoted) -> Found:
    """Objects anywhere in the text: strict ones where they stand, then a broken one mended."""
    found = _strict(text, ids, quoted)
    said, before = found.said, "".join(found.rest)
    if said and quoted.has_keys() and (found.suspect or _LABEL.search("".join(found.after))):
        return Found({}, before, doubtful=True)
    if found.broken is None:
        return Found(said, before)
    mended = _mend(found.text[found.broken :], ids, quoted)
    before = found.text[: found.broken]
    if mended.said or mended.doubtful or not said:
        return Found(mended.said, before, cut=mended.cut, doubtful=mended.doubtful)
    return Found({} if quoted.has_keys() else said, before, doubtful=quoted.has_keys())


def _strict(text: str, ids: Sequence[str], quoted: Quoted) -> _Scanned:
    """Objects that parse, where they stand."""
    found = _Scanned(text)
    covered = False
    at = 0
    while (start := found.text.find("{", at)) >= 0:
        try:
            value, end = _DECODER.raw_decode(found.text, start)
        except (ValueError, RecursionError):
            if (
                found.broken is None
                and _START.match(found.text, start)
                and not _quotes(found.text, start, quoted)
            ):
                found.broken = start
            found.pass_over(at, start + 1)
            at = start + 1
            continue
        found.pass_over(at, start)
        raw = found.text[start:end]
        if quoted.holds(raw):  # a quotation is no part of an answer
            found.text = f"{found.text[:start]}{' ' * len(raw)}{found.text[end:]}"
            covered = covered or bool(found.said)
        else:
            new = answers(value, ids)
            found.suspect = found.suspect or (bool(new or found.said) and unread(raw, new, ids))
            found.said |= new
        at = end
    found.pass_over(at, len(found.text))
    # A judged text can hold, ready-made, what its own quotation makes of the judge's label.
    found.suspect = found.suspect or (
        covered and any(quoted.holds(f"{s.key}: {s.label}") for s in found.said.values())
    )
    return found


def _quotes(text: str, start: int, quoted: Quoted) -> bool:
    """Whether an object that does not parse is a quotation, to the end of its line."""
    line = text[start:].split("\n", 1)[0]
    return len(line) >= _SHORTEST and quoted.holds(line)


def _mend(text: str, ids: Sequence[str], quoted: Quoted) -> Found:
    """A broken object, mended, and believed only if the raw text bears it out."""
    text = _COMMENT.sub(lambda m: "" if m[1] else m[0], text[:_LONGEST])
    cut = _unclosed(text)
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError):
        return Found({}, "", cut=cut)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    said = answers(value, ids)
    if not said:
        return Found({}, "", cut=cut)
    keys = sorted({"label", *(s.key for s in said.values())}, key=len, reverse=True)
    pair = re.compile(
        rf"""["'\u201c]?\b({"|".join(map(re.escape, keys))})["'\u201d]?\s*[:=]\s*{_VALUE}""", re.IGNORECASE
    )
    closed = [_value(m) for m in pair.finditer(text) if not quoted.holds(m[0])]
    shown = list(said.items())
    if len(shown) == 1 and len(closed) > 1 and len(set(closed)) == 1:
        closed = closed[:1]
    if len(closed) > len(shown) or any(_same(s.label) != c for (_, s), c in zip(shown, closed, strict=False)):
        return Found({}, "", cut=cut, doubtful=True)
    kept = {cid: Said(s.label, s.key, s.entry, mended=True) for cid, s in shown[: len(closed)]}
    return Found(kept, "", cut=cut or len(kept) < len(shown), doubtful=not kept and not cut)


def _value(match: re.Match[str]) -> str:
    return _same(next(group for group in match.groups()[1:] if group is not None))


def _same(label: object) -> str:
    """A label as it can be compared with the raw text."""
    if isinstance(label, bool) or label is None:
        return str(label).lower()
    text = fold(str(label)).strip("\"' ")
    return text[:-2] if re.fullmatch(r"-?\d+\.0", text) else text


def _unclosed(text: str) -> bool:
    """Whether the text ends inside an object: more braces open than close, strings aside."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return bare.count("{") > bare.count("}")

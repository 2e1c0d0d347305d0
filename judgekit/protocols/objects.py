"""JSON in a reply: as a whole, somewhere in the text, or broken and mended.

A mended object is believed only where it is unambiguous: every closed `"label": value` in the raw
text, those that stand in the judged text aside, must be the one that the mended object shows, in
the same order. A judge that quotes with bare quotation marks, or whose reply was cut off in the
middle of a label, is not understood by guessing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import json_repair
import orjson

from judgekit.protocols.quoted import Quoted
from judgekit.scales import fold

STAND_INS = ("score", "rating", "grade", "verdict", "answer", "result", "decision", "criteria_met")
_LONGEST = 200_000  # letters of a reply that are mended at most
_DECODER = json.JSONDecoder(strict=False)  # lets raw line ends stand in strings
_START = re.compile(
    r"""\{(?:\s|\{|//[^\n]*\n|/\*.*?\*/)*["'\u201c\u2018]?[\w .\-]{1,80}["'\u201d\u2019]?\s*:"""
)
_VALUE = (
    r"""(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|\u201c([^\u201d\n]*)\u201d"""
    r"""|([\w.+\-/% ]+?)(?=\s*[,}\]\n]))"""
)
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|(//[^\n]*|/\*.*?\*/)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """What an object says on one criterion, before the label is looked up on the scale."""

    label: object
    key: str
    entry: Mapping[str, Any]
    mended: bool = False


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


def find(text: str, ids: Sequence[str], quoted: Quoted) -> Found:
    """What the JSON objects in a text say on the criteria `ids`."""
    stripped = text.strip()
    if stripped[:1] in {"{", "["}:
        try:
            whole = orjson.loads(stripped)
        except orjson.JSONDecodeError:
            pass
        else:
            said = {} if quoted.holds(stripped) else answers(whole, ids)
            return Found(said, "", whole=isinstance(whole, dict) or bool(said))
    return _scan(text, ids, quoted)


def _scan(text: str, ids: Sequence[str], quoted: Quoted) -> Found:
    """Objects anywhere in the text: strict ones where they stand, then a broken one mended."""
    said: dict[str, Said] = {}
    rest: list[str] = []
    broken: int | None = None
    at = 0
    while (start := text.find("{", at)) >= 0:
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            if broken is None and _START.match(text, start):
                broken = start
            rest.append(text[at : start + 1])
            at = start + 1
            continue
        rest.append(text[at:start])
        if quoted.holds(text[start:end]):
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"  # a quotation is no part of an answer
        else:
            said |= answers(value, ids)
        at = end
    rest.append(text[at:])
    if broken is None:
        return Found(said, "".join(rest))
    mended = _mend(text[broken:], ids, quoted)
    before = text[:broken]
    if mended.said or mended.doubtful or not said:
        return Found(mended.said, before, cut=mended.cut, doubtful=mended.doubtful)
    return Found(said, before)


def answers(value: object, ids: Sequence[str]) -> dict[str, Said]:
    """What a decoded JSON value says, read only at the keys that were asked for.

    >>> answers({"label": "4", "rationale": "label: 5"}, ["clarity"])["clarity"].label
    '4'
    """
    if isinstance(value, list):
        return _listed(value, ids)
    if not isinstance(value, dict):
        return {}
    by_key = {fold(str(key)): key for key in value}
    if "answers" in by_key and isinstance(value[by_key["answers"]], list | dict) and "answers" not in ids:
        return answers(value[by_key["answers"]], ids)
    if listed := _listed([value], ids):
        return listed
    keyed = {cid: value[by_key[fold(cid)]] for cid in ids if fold(cid) in by_key}
    if len(ids) == 1 and not isinstance(keyed.get(ids[0]), dict):
        key = label_key(value)
        if key is not None:
            return {ids[0]: Said(value[key], key, value)}
    if keyed:
        return {cid: said for cid, raw in keyed.items() if (said := _entry(cid, raw)) is not None}
    if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict | list):
        return answers(inner, ids)  # one wrapper, such as {"evaluation": {...}}
    return {}


def label_key(entry: Mapping[str, Any]) -> str | None:
    """The key an entry gives its label under: `label`, or the only stand-in for it."""
    by_key = {fold(str(key)): key for key in entry}
    if "label" in by_key and entry[by_key["label"]] is not None:
        return by_key["label"]
    stand_ins = [
        by_key[name] for name in STAND_INS if name in by_key and not isinstance(entry[by_key[name]], dict)
    ]
    if len(stand_ins) == 1:
        return stand_ins[0]
    return by_key.get("label")


def _listed(entries: Sequence[object], ids: Sequence[str]) -> dict[str, Said]:
    """Entries that name their criterion; of several for one, the last."""
    known = {fold(cid): cid for cid in ids}
    said: dict[str, Said] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        name = next(
            (entry[key] for key in ("id", "criterion", "name") if isinstance(entry.get(key), str | int)), None
        )
        cid = known.get(fold(str(name))) if name is not None else None
        if cid is not None and (found := _entry(cid, entry)) is not None:
            said[cid] = found
        elif name is None and len(entries) > 1:
            said |= answers(entry, ids)
    return said


def _entry(cid: str, raw: object) -> Said | None:
    """What an entry says: an object with a label, or a bare value."""
    if isinstance(raw, dict):
        key = label_key(raw)
        return Said(raw[key], key, raw) if key is not None else Said(None, "label", raw)
    return None if isinstance(raw, list) else Said(raw, cid, {})


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
    keys = sorted({s.key for s in said.values()}, key=len, reverse=True)
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

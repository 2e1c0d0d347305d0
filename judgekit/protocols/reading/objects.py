"""JSON in a reply: the whole of it, or somewhere in its text, mended where one reading makes sense.

In a reply that is one object the place of the answer is fixed; a label in it that was not read, though, shows
that a judge copied a text with keys into its strings, and then nothing is read. Objects in a text are read
only where the judged texts hold none, apart from the words around, with every label in them read.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from judgekit import scales
from judgekit.protocols.reading.loose import Piece, loose, opens
from judgekit.protocols.reading.material import STAND_INS, Material, unescaped
from judgekit.protocols.reading.replies import FAILURES

_BESIDE = frozenset(
    ("id", "evidence", "rationale", "confidence", "tags")
)  # what our objects hold beside a label
_ABOUT = ("id", "criterion", "name")
_WRAPPERS = frozenset(
    """answer answers assessment criteria data evaluation evaluations final final_answer final_verdict grade
    grades grading json judgement judgment label labels object output parameters properties rating ratings
    reply response result results review score scores verdict verdicts""".split()  # noqa: SIM905 - shorter
)
"""Keys that name no question; any other that wraps an answer says what it answers."""
_DEEPEST = 16  # wrappers around an answer
_NOTHING = object()

fold = lru_cache(maxsize=256)(scales.fold)
"""Replies of a run have the same few keys, each looked at several times."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an object says on one criterion, before the label is looked up on the scale."""

    label: object
    key: str
    entry: Mapping[str, Any]
    mended: bool = False


def answers(value: object, ids: Sequence[str], depth: int = 0) -> dict[str, Said]:
    """Return what a decoded JSON value says on criteria, read only at the keys that were asked for.

    A wrapper such as `{"evaluation": {...}}` is looked into, and so is what it wraps, a few times over
    (`depth` says where we are). Two keys that read the same and hold different things are a label that is
    none.
    """
    if depth > _DEEPEST or not isinstance(value, dict | list):
        return {}
    if isinstance(value, list):
        return {cid: said for entry in value for cid, said in answers(entry, ids, depth + 1).items()}
    keys = _keys(value)
    if "answers" in keys:
        listed = value[keys["answers"]]
        if isinstance(listed, list) or (isinstance(listed, dict) and "answers" not in ids):
            return answers(listed, ids, depth + 1)
    if not keys.keys().isdisjoint(_ABOUT) and (named := _named(value, ids)):
        return named
    keyed = {cid: raw for cid in ids if (raw := _at(value, keys, cid, ids)) is not _NOTHING}
    if (
        len(ids) == 1
        and not isinstance(keyed.get(ids[0]), dict)
        and (said := _flat(ids[0], value, keys, keyed))
    ):
        return {ids[0]: said}
    if keyed:
        return {cid: _entry(cid, raw) for cid, raw in keyed.items()}
    return answers(_wrapped(value), ids, depth + 1)


def _keys(entry: Mapping[str, Any]) -> dict[str, str]:
    return {fold(key): key for key in map(str, entry)}


def _at(entry: Mapping[str, Any], keys: Mapping[str, str], cid: str, ids: Sequence[str]) -> Any:
    """Return what stands at a criterion's id, or a key that reads the same: a list where several differ."""
    if len(keys) == len(entry):  # no two read the same
        key = cid if cid in entry else keys.get(fold(cid))
        return entry[key] if key is not None and (key == cid or key not in ids) else _NOTHING
    name = fold(cid)
    found = [entry[key] for key in entry if key == cid or (fold(str(key)) == name and key not in ids)]
    return _one(found) if found else _NOTHING


def _wrapped(value: Mapping[str, Any]) -> Any:
    """Return what an object holds at its only key, if that names no question."""
    [(key, inner), *others] = value.items() or [("", None)]
    return inner if not others and fold(str(key)) in _WRAPPERS else None


def _one(values: list[Any]) -> Any:
    """Return what several places for one thing hold: a list of it, which is no label, where they differ."""
    return values[0] if all(each == values[0] for each in values) else values


def _flat(
    cid: str, value: Mapping[str, Any], keys: Mapping[str, str], keyed: Mapping[str, Any]
) -> Said | None:
    """Return what an object says on the only criterion asked, beside what may stand at that one's id."""
    key = label_key(value, keys)
    if key is None or _is_about_another(value, cid):
        return None
    label = _at(value, keys, key, ())
    differs = cid in keyed and key != cid and fold(cid) not in _BESIDE
    return Said(_one([label, keyed[cid]]) if differs else label, key, value)


def _is_about_another(entry: Mapping[str, Any], cid: str) -> bool:
    """Tell whether an entry names a criterion, and not this one."""
    name = entry.get("id", entry.get("criterion"))
    return isinstance(name, str) and fold(name) != fold(cid)


def label_key(entry: Mapping[str, Any], keys: Mapping[str, str]) -> str | None:
    """Return the key an entry gives its label under: `label`, or the only stand-in for it."""
    if "label" in keys and entry[keys["label"]] is not None:
        return keys["label"]
    stand_ins = [keys[name] for name in STAND_INS if name in keys and not isinstance(entry[keys[name]], dict)]
    return stand_ins[0] if len(stand_ins) == 1 else keys.get("label")


def _named(entry: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Said]:
    name = next((str(entry[key]) for key in _ABOUT if isinstance(entry.get(key), str | int)), None)
    if name is None:
        return {}
    cid = name if name in ids else next((cid for cid in ids if fold(cid) == fold(name)), None)
    return {} if cid is None else {cid: _entry(cid, entry)}


def _entry(cid: str, raw: object) -> Said:
    """Return what an entry says: an object with a label, or a bare value."""
    if not isinstance(raw, dict):
        return Said(raw, cid, {})
    keys = _keys(raw)
    key = label_key(raw, keys)
    return Said(None, "label", raw) if key is None else Said(_at(raw, keys, key, ()), key, raw)


def unread(raw: str, said: Mapping[str, Said], ids: Sequence[str]) -> bool:
    """Tell whether a JSON text has an answer, at any depth, that is not among what was read from it."""
    names = {fold(cid) for cid in ids} - _BESIDE
    labels = {"label", *STAND_INS} - names
    labels |= {fold(each.key) for each in said.values() if each.entry}
    labelled = 0

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal labelled
        keys = [fold(key) for key, value in pairs if not isinstance(value, dict | list)]
        labelled += any(key in labels for key in keys) + sum(key in names - labels for key in keys)
        return dict(pairs)

    json.JSONDecoder(strict=False, object_pairs_hook=note).raw_decode(raw)
    return labelled != len(said)


_DECODER = json.JSONDecoder(strict=False)  # lets raw line ends stand in strings
_FENCE = re.compile(r"```\w*+\s*+")
_NEAR = 60  # characters of a line beside an object that tell whether it stands apart
_VALUE = (
    r"""(?:"((?:[^"\\\n]|\\.)*+)"|'((?:[^'\\\n]|\\.)*+)'|\u201c([^\u201d\n]*+)\u201d"""
    r"""|((?:[\w.+\-% ]|/(?![/*]))++)(?=[,}\]\n]|//|/\*))"""
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the objects of a reply say, by criterion id, and the `rest` outside them, where prose stands.

    An object that never closes is `cut`; one that seemed to answer but could not be believed `doubtful`;
    `whole` says that the reply is one object and nothing else.
    """

    said: Mapping[str, Said]
    rest: str = ""
    cut: bool = False
    doubtful: bool = False
    whole: bool = False


def whole(text: str) -> tuple[Any, str] | None:
    """Return the value that a reply is, a fence around it aside, and its text; None if it is none."""
    bare = text.strip()
    if bare[:3] == "```" and bare[-3:] == "```" and (fence := _FENCE.match(bare)) and fence.end() < len(bare):
        bare = bare[fence.end() : -3].rstrip()
    if bare[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(bare), bare
    except orjson.JSONDecodeError:
        if bare[-1:] not in ("}", "]"):
            return None
    try:
        return _DECODER.decode(bare), bare
    except (ValueError, RecursionError):
        return None


def pieces(text: str) -> Iterator[Piece]:
    """Find the objects of a text, none inside another, in their order."""
    at = failures = 0
    while (start := text.find("{", at)) >= 0:
        is_object, at = opens(text, start)
        if not is_object:
            continue
        if failures < FAILURES:  # each looks at the text from its beginning, to say in which line it is
            try:
                value, at = _DECODER.raw_decode(text, start)
            except (ValueError, RecursionError):
                failures += 1
            else:
                yield Piece(value, start, at)
                continue
        piece = loose(text, start)
        at = piece.end
        yield piece


def find(text: str, ids: Sequence[str], material: Material, *, asked: bool = True) -> Found:
    """Return what the JSON objects in a text say on the criteria `ids`.

    Where JSON was not `asked` for, a whole object has no fixed place either: it may be one of the judged
    text, with the judge's own words in the middle.
    """
    if (found := whole(text)) is not None:
        value, raw = found
        said = answers(value, ids)
        copied = bool(said) and material.hold_keys() and unread(raw, said, ids)
        if copied or (said and not asked and not _is_free(material, ids)):
            return Found({}, doubtful=True)
        return Found(said, whole=isinstance(value, dict) or bool(said))
    return _within(text, ids, material)


@dataclass(frozen=True, slots=True)
class Held:
    """What the object of a reply holds at a key, and that object; doubtful where it cannot be believed."""

    value: Any = None
    entry: Mapping[str, Any] | None = None
    doubtful: bool = False


def holding(text: str, key: str, material: Material, *, asked: bool) -> Held:
    """Return what the object that a reply is holds at a key, else the last one in it that has the key."""
    if (one := whole(text)) is not None:
        value, raw = one
        found = _held(value[0] if isinstance(value, list) and len(value) == 1 else value, key)
        copied = found is not None and keys_in(raw, key) > 1
        if (copied or not asked) and material.hold_objects((key,)):
            return Held(doubtful=found is not None)
        return found or Held()
    last = None
    for piece in pieces(text):
        last = piece if _held(piece.value, key) or piece.state != "whole" else last
    if last is None:
        return Held()
    broken = last.state != "whole" or (last.mended and keys_in(text[last.start :], key) > 1)
    if broken or not _is_apart(text, last) or material.hold_objects((key,)):
        return Held(doubtful=keys_in(text[last.start :], key) > 0)
    return _held(last.value, key) or Held()


def _held(value: object, key: str) -> Held | None:
    """Return what an object holds at a key; doubtful where two keys read the same and differ."""
    if not isinstance(value, dict):
        return None
    values = [each for name, each in value.items() if name == key or fold(str(name)) == key]
    if not values:
        return None
    differs = any(each != values[0] for each in values)
    return Held(doubtful=True) if differs else Held(values[0], value)


def keys_in(text: str, key: str) -> int:
    """Count how often a name is a key in a text, escaped or not, inside of what and however broken."""
    return len(_key(key).findall(unescaped(text)))


@lru_cache(maxsize=16)
def _key(key: str) -> re.Pattern[str]:
    return re.compile(rf"""\b{key}["'\u201d\u2019]?\s*+[:=]""", re.IGNORECASE)


def _is_free(material: Material, ids: Sequence[str]) -> bool:
    return not material.hold_objects(tuple(ids))


def _within(text: str, ids: Sequence[str], material: Material) -> Found:
    """Return what the objects in a text say; of several answers the last counts."""
    said: dict[str, Said] = {}
    rest: list[str] = []
    found = list(pieces(text))
    ends = [*(piece.start for piece in found[1:]), len(text)]
    at, doubtful = 0, False
    for piece, end in zip(found, ends, strict=False):
        rest.append(text[at : piece.start])
        at = piece.end
        new = answers(piece.value, ids)
        if piece.mended and (new or piece.state != "whole"):
            raw = text[piece.start : end]
            begun = len(_begun(("label", *ids) if len(ids) == 1 else ("label",)).findall(raw))
            borne = _borne_out(raw, new)
            doubtful = borne is None or (piece.state == "broken" and begun > 0)
            new = borne or {}
            if piece.state == "cut" and len(new) < begun:
                said = {}  # an answer that was begun is the last one
        elif new:
            doubtful = False
        doubtful = doubtful or (bool(new) and not _is_apart(text, piece))
        said |= new
    rest.append(text[at:])
    cut = bool(found) and found[-1].state == "cut"
    if doubtful or (said and not _is_free(material, ids)):
        return Found({}, "".join(rest), cut=cut, doubtful=True)
    return Found(said, "".join(rest), cut=cut)


def _is_apart(text: str, piece: Piece) -> bool:
    """Tell whether an object stands apart from the words around it, and is no part of a sentence."""
    before = text[max(piece.start - _NEAR, 0) : piece.start].rpartition("\n")[2].rstrip()
    after = text[piece.end : piece.end + _NEAR].partition("\n")[0].lstrip()
    return not (before and (before[-1].isalnum() or before[-1] in ",;\"'(")) and not after[:1].isalnum()


def _borne_out(raw: str, said: Mapping[str, Said]) -> dict[str, Said] | None:
    """Return the answers of a mended object that its raw text bears out; None if it tells something else.

    Every `"label": value` that is closed in the raw text has to be one that the object shows, in its order.
    """
    keys = sorted({"label", *(each.key for each in said.values())}, key=len, reverse=True)
    found = (pair.groups()[1:] for pair in _pairs(tuple(keys)).finditer(raw))
    closed = [_same(next(group for group in groups if group is not None)) for groups in found]
    shown = list(said.items())
    if len(shown) == 1 and len(set(closed)) == 1:
        closed = closed[:1]
    if len(closed) > len(shown) or any(
        _same(each.label) != value for (_, each), value in zip(shown, closed, strict=False)
    ):
        return None
    return {cid: replace(each, mended=True) for cid, each in shown[: len(closed)]}


@lru_cache(maxsize=256)
def _begun(keys: tuple[str, ...]) -> re.Pattern[str]:
    """Match the beginning of a label in the raw text of an object."""
    names = "|".join(map(re.escape, keys))
    return re.compile(rf"""["'\u201c](?:{names})["'\u201d]\s*+:(?!\s*+\{{)""", re.IGNORECASE)


@lru_cache(maxsize=256)
def _pairs(keys: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, keys))
    return re.compile(rf"""["'\u201c]?\b({names})["'\u201d]?\s*+[:=]\s*+{_VALUE}""", re.IGNORECASE)


def _same(label: object) -> str:
    """Return a label as it can be compared with the raw text."""
    if isinstance(label, bool) or label is None:
        return str(label).lower()
    text = fold(str(label)).strip("\"' ")
    return text[:-2] if re.fullmatch(r"-?\d++\.0", text) else text

"""What a decoded JSON value says on the criteria that were asked, at the keys that were asked for."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from judgekit import scales

STAND_INS = ("score", "rating", "grade", "verdict", "answer", "result", "decision", "criteria_met")
_DEEPEST = 16  # wrappers around an answer

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
    """What a decoded JSON value says, read only at the keys that were asked for.

    A wrapper such as `{"evaluation": {...}}` is looked into, and so is what it wraps, a few times over:
    of something deeper (`depth` says where we are) nothing is read.

    >>> answers({"label": "4", "rationale": "label: 5"}, ["clarity"])["clarity"].label
    '4'
    """
    if depth > _DEEPEST:
        return {}
    if isinstance(value, list):
        return _listed(value, ids, depth)
    if not isinstance(value, dict):
        return {}
    by_key = {fold(str(key)): key for key in value}
    listed = value[by_key["answers"]] if "answers" in by_key else None
    if isinstance(listed, list) or (isinstance(listed, dict) and "answers" not in ids):
        return answers(listed, ids, depth + 1)
    if named := _listed([value], ids, depth):
        return named
    keys = {cid: _key_of(cid, value, ids) for cid in ids}
    keyed = {cid: value[key] for cid, key in keys.items() if key is not None}
    if len(ids) == 1 and not isinstance(keyed.get(ids[0]), dict):
        key = label_key(value)
        if key is not None:
            return {ids[0]: Said(value[key], key, value)}
    if keyed:
        return {cid: said for cid, raw in keyed.items() if (said := _entry(cid, raw)) is not None}
    if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict | list):
        return answers(inner, ids, depth + 1)
    return {}


def _key_of(cid: str, names: Iterable[str], ids: Sequence[str]) -> str | None:
    """The name that means a criterion: its id, else one that reads the same and is no other's id."""
    found = None
    for name in names:
        if name == cid:
            return name
        if fold(str(name)) == fold(cid) and name not in ids:
            found = name
    return found


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


def _listed(entries: Sequence[object], ids: Sequence[str], depth: int) -> dict[str, Said]:
    """Entries that name their criterion; of several for one, the last."""
    known = {fold(cid): cid for cid in ids} | {cid: cid for cid in ids}
    said: dict[str, Said] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        name = next(
            (str(entry[key]) for key in ("id", "criterion", "name") if isinstance(entry.get(key), str | int)),
            None,
        )
        cid = known.get(name, known.get(fold(name))) if name is not None else None
        if cid is not None and (found := _entry(cid, entry)) is not None:
            said[cid] = found
        elif name is None and len(entries) > 1:
            said |= answers(entry, ids, depth + 1)
    return said


def _entry(cid: str, raw: object) -> Said | None:
    """What an entry says: an object with a label, or a bare value."""
    if isinstance(raw, dict):
        key = label_key(raw)
        return Said(raw[key], key, raw) if key is not None else Said(None, "label", raw)
    return None if isinstance(raw, list) else Said(raw, cid, {})


def unread(raw: str, said: Mapping[str, Said], ids: Sequence[str]) -> bool:
    """Whether a JSON text has a label, at any depth, that is not among what was read from it."""
    keys = {"label", *STAND_INS} - {fold(cid) for cid in ids}
    labelled = 0

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal labelled
        labelled += any(fold(key) in keys and not isinstance(value, dict | list) for key, value in pairs)
        return dict(pairs)

    json.JSONDecoder(strict=False, object_pairs_hook=note).raw_decode(raw)
    return labelled != sum(bool(each.entry) for each in said.values())

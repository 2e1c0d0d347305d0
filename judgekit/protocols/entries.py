"""What a decoded JSON value says on the criteria that were asked, at the keys that were asked for."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from judgekit import scales

STAND_INS = ("score", "rating", "grade", "verdict", "answer", "result", "decision", "criteria_met")
ANSWER_KEYS = ("label", *STAND_INS, "answers")
_BESIDE = frozenset(("evidence", "rationale", "confidence", "tags"))  # what our objects hold beside a label
_ABOUT = ("id", "criterion", "name")
_WRAPPERS = frozenset(
    """answer answers assessment criteria data evaluation evaluations final final_answer final_verdict grade
    grades grading json judgement judgment label labels object output parameters properties rating ratings
    reply response result results review score scores verdict verdicts""".split()  # noqa: SIM905 - shorter
)
"""Keys that name no question; any other that wraps an answer says what it answers."""
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
    of something deeper (`depth` says where we are) nothing is read. Two keys that read the same and hold
    different things are a label that is none.

    >>> answers({"label": "4", "rationale": "label: 5"}, ["clarity"])["clarity"].label
    '4'
    >>> answers({"tone": {"label": "4"}}, ["clarity"]), answers({"label": 4, "Label": 2}, ["a"])["a"].label
    ({}, [4, 2])
    """
    if depth > _DEEPEST or not isinstance(value, dict | list):
        return {}
    if isinstance(value, list):
        return {cid: said for entry in value for cid, said in answers(entry, ids, depth + 1).items()}
    by_key = {fold(str(key)): key for key in value}
    listed = value[by_key["answers"]] if "answers" in by_key else None
    if isinstance(listed, list) or (isinstance(listed, dict) and "answers" not in ids):
        return answers(listed, ids, depth + 1)
    if named := _named(value, ids):
        return named
    keys = {cid: _keys_of(cid, value, ids) for cid in ids}
    keyed = {cid: _one([value[key] for key in found]) for cid, found in keys.items() if found}
    if len(ids) == 1 and not isinstance(keyed.get(ids[0]), dict) and (said := _flat(ids[0], value, keyed)):
        return {ids[0]: said}
    if keyed:
        return {cid: _entry(cid, raw) for cid, raw in keyed.items()}
    return answers(_wrapped(value), ids, depth + 1)


def _wrapped(value: Mapping[str, Any]) -> Any:
    """What an object holds at its only key, if that names no question."""
    [(key, inner), *others] = value.items() or [("", None)]
    return inner if not others and fold(str(key)) in _WRAPPERS else None


def _keys_of(cid: str, names: Iterable[str], ids: Sequence[str]) -> list[str]:
    """The names that mean a criterion: its id, and those that read the same and are no other's id."""
    return [name for name in names if name == cid or (fold(str(name)) == fold(cid) and name not in ids)]


def _one(values: list[Any]) -> Any:
    """What several places for one thing hold: a list of it, which is no label, where they differ."""
    return values[0] if all(each == values[0] for each in values) else values


def _flat(cid: str, value: Mapping[str, Any], keyed: Mapping[str, Any]) -> Said | None:
    """What an object says on the only criterion asked, beside what it may say at the criterion's id."""
    key = label_key(value)
    if key is None or _is_about_another(value, cid):
        return None
    label = _label(value, key)
    differs = cid in keyed and key != cid and fold(cid) not in _BESIDE
    return Said(_one([label, keyed[cid]]) if differs else label, key, value)


def _is_about_another(entry: Mapping[str, Any], cid: str) -> bool:
    """Whether an entry names a criterion, and not this one."""
    name = next((entry[key] for key in _ABOUT[:2] if isinstance(entry.get(key), str)), None)
    return name is not None and fold(name) != fold(cid)


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


def _label(entry: Mapping[str, Any], key: str) -> Any:
    """What an entry holds at a key, and at those that read the same."""
    if len(entry) == 1:
        return entry[key]
    name = fold(str(key))
    return _one([entry[each] for each in entry if each == key or fold(str(each)) == name])


def _named(entry: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Said]:
    """What an entry says on the criterion that it names."""
    name = next((str(entry[key]) for key in _ABOUT if isinstance(entry.get(key), str | int)), None)
    if name is None:
        return {}
    cid = next((cid for cid in ids if cid == name), None) or next(
        (c for c in ids if fold(c) == fold(name)), None
    )
    found = None if cid is None else _entry(cid, entry)
    return {} if cid is None or found is None else {cid: found}


def _entry(cid: str, raw: object) -> Said:
    """What an entry says: an object with a label, or a bare value."""
    if isinstance(raw, dict):
        key = label_key(raw)
        return Said(_label(raw, key), key, raw) if key is not None else Said(None, "label", raw)
    return Said(raw, cid, {})


def unread(raw: str, said: Mapping[str, Said], ids: Sequence[str]) -> bool:
    """Whether a JSON text has a label, at any depth, that is not among what was read from it."""
    keys = {"label", *STAND_INS} - {fold(cid) for cid in ids}
    keys |= {fold(each.key) for each in said.values() if each.entry}
    labelled = 0

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal labelled
        labelled += any(fold(key) in keys and not isinstance(value, dict | list) for key, value in pairs)
        return dict(pairs)

    json.JSONDecoder(strict=False, object_pairs_hook=note).raw_decode(raw)
    return labelled != sum(bool(each.entry) for each in said.values())

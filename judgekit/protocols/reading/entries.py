"""What a decoded JSON value says on the criteria that were asked, at the keys that were asked for."""

import json
from collections.abc import Mapping, Sequence
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
    """The keys of an object by what they read as."""
    return {fold(key): key for key in map(str, entry)}


def _at(entry: Mapping[str, Any], keys: Mapping[str, str], cid: str, ids: Sequence[str]) -> Any:
    """What an object holds at a criterion's id, or at a key that reads the same and is no other's id.

    A list of it, which is no label, where several such keys hold different things.
    """
    if len(keys) == len(entry):  # no two read the same
        key = cid if cid in entry else keys.get(fold(cid))
        return entry[key] if key is not None and (key == cid or key not in ids) else _NOTHING
    name = fold(cid)
    found = [entry[key] for key in entry if key == cid or (fold(str(key)) == name and key not in ids)]
    return _one(found) if found else _NOTHING


def _wrapped(value: Mapping[str, Any]) -> Any:
    """What an object holds at its only key, if that names no question."""
    [(key, inner), *others] = value.items() or [("", None)]
    return inner if not others and fold(str(key)) in _WRAPPERS else None


def _one(values: list[Any]) -> Any:
    """What several places for one thing hold: a list of it, which is no label, where they differ."""
    return values[0] if all(each == values[0] for each in values) else values


def _flat(
    cid: str, value: Mapping[str, Any], keys: Mapping[str, str], keyed: Mapping[str, Any]
) -> Said | None:
    """What an object says on the only criterion asked, beside what it may say at the criterion's id."""
    key = label_key(value, keys)
    if key is None or _is_about_another(value, cid):
        return None
    label = _at(value, keys, key, ())
    differs = cid in keyed and key != cid and fold(cid) not in _BESIDE
    return Said(_one([label, keyed[cid]]) if differs else label, key, value)


def _is_about_another(entry: Mapping[str, Any], cid: str) -> bool:
    """Whether an entry names a criterion, and not this one."""
    name = entry.get("id", entry.get("criterion"))
    return isinstance(name, str) and fold(name) != fold(cid)


def label_key(entry: Mapping[str, Any], keys: Mapping[str, str]) -> str | None:
    """The key an entry gives its label under: `label`, or the only stand-in for it."""
    if "label" in keys and entry[keys["label"]] is not None:
        return keys["label"]
    stand_ins = [keys[name] for name in STAND_INS if name in keys and not isinstance(entry[keys[name]], dict)]
    return stand_ins[0] if len(stand_ins) == 1 else keys.get("label")


def _named(entry: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Said]:
    """What an entry says on the criterion that it names."""
    name = next((str(entry[key]) for key in _ABOUT if isinstance(entry.get(key), str | int)), None)
    if name is None:
        return {}
    cid = name if name in ids else next((cid for cid in ids if fold(cid) == fold(name)), None)
    return {} if cid is None else {cid: _entry(cid, entry)}


def _entry(cid: str, raw: object) -> Said:
    """What an entry says: an object with a label, or a bare value."""
    if not isinstance(raw, dict):
        return Said(raw, cid, {})
    keys = _keys(raw)
    key = label_key(raw, keys)
    return Said(None, "label", raw) if key is None else Said(_at(raw, keys, key, ()), key, raw)


def unread(raw: str, said: Mapping[str, Said], ids: Sequence[str]) -> bool:
    """Whether a JSON text has an answer, at any depth, that is not among what was read from it.

    >>> copied = '{"A": {"label": "9"}, "x": {"A": 2, "B": 9}}'
    >>> unread(copied, answers(json.loads(copied), ["A", "B"]), ["A", "B"])
    True
    """
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

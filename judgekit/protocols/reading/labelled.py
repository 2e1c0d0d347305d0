"""Reading labels: what most replies are, one label for each criterion, with evidence and reasons.

`protocols.read` tells the order in which the forms of an answer are looked for.
"""

from collections.abc import Mapping
from typing import Any

from judgekit.protocols.reading import lines, objects
from judgekit.protocols.reading.labels import CUT, Reading, read_label
from judgekit.protocols.reading.material import Material
from judgekit.protocols.reading.objects import Said
from judgekit.protocols.reading.replies import (
    REFUSAL,
    REPLY,
    abstain,
    brief,
    own_turn,
    verdict_of,
    where_tagged,
)
from judgekit.scales import Scale
from judgekit.types import Ask, Call, Evidence, Outcome, Reason, Reply, is_control

_WHY: dict[str, Reason] = {"off_scale": "off_scale", "undecided": "undecided", "cut": "truncated"}
_REASON_KEYS = ("rationale", "reason", "reasoning", "explanation", "feedback")


def read_labels(call: Call, reply: Reply, text: str, material: Material) -> tuple[Outcome, ...]:
    """Return one outcome for each ask: a label read, or an abstention."""
    ids = [ask.called for ask in call.asks]
    truncated = reply.fault == "truncated"
    found = objects.find(own_turn(text), ids, material, asked=call.schema is not None)
    tagged = {} if found.whole else _tagged(call, reply, ids, text, material)
    readings: dict[str, tuple[Reading, Said | None]] = {}
    for cid, ask in zip(ids, call.asks, strict=True):
        if cid in found.said and cid not in tagged:
            said = found.said[cid]
            readings[cid] = (read_label(ask.scale, said.label), said)
    readings |= {cid: (reading, None) for cid, reading in tagged.items()}
    if not readings and not (found.whole or found.doubtful or found.cut):
        prose = _in_prose(found.rest, ids, call, material, truncated=truncated)
        readings = {cid: (reading, None) for cid, reading in prose.items()}
    missing: tuple[Reason, str] = ("missing", "the control has nothing to say here")
    if len(readings) < len(ids) and not is_control(call.judge):
        missing = why_missing(reply, text, found.cut, answered=bool(readings))
    rationale = "" if found.said and not tagged else lines.without_tag(text, call.tag)
    return tuple(
        _outcome(call, ask, *readings[name], material=material, rationale=rationale)
        if name in readings
        else abstain(call, ask.about, *missing)
        for name, ask in zip(ids, call.asks, strict=True)
    )


def _tagged(call: Call, reply: Reply, ids: list[str], text: str, material: Material) -> dict[str, Reading]:
    """Return what lines with the tag say, in the text without reasoning, or else in all of it."""
    truncated = reply.fault == "truncated"
    if not call.tag or call.tag not in reply.text:
        return {}
    if text is not reply.text and len(reply.text) <= REPLY:
        text = where_tagged(reply.text, quotable=material.hold_thoughts(), truncated=truncated)
    return lines.tagged(text, call.tag, ids, _scales(call), truncated=truncated)


def _in_prose(
    text: str, ids: list[str], call: Call, material: Material, *, truncated: bool
) -> Mapping[str, Reading]:
    if len(ids) > 1:
        return lines.by_id(text, ids, _scales(call), material, truncated=truncated)
    reading = lines.last_explicit(text, ids[0], call.asks[0].scale, material, truncated=truncated)
    return {} if reading is None else {ids[0]: reading}


def why_missing(reply: Reply, text: str, cut: bool, *, answered: bool) -> tuple[Reason, str]:
    """Return why an answer is not there, and a word on it."""
    if reply.fault == "refused":
        return "refused", reply.detail or brief(text)
    if reply.fault == "truncated" or (cut and not answered):
        return "truncated", "the reply was cut off before the answer"
    if answered:
        return "missing", "other criteria were answered, this one was not"
    if REFUSAL.match(text):
        return "refused", brief(text)
    return "malformed", f"no verdict of the form asked for in: {brief(text)}"


def _outcome(
    call: Call, ask: Ask, reading: Reading, said: Said | None, *, material: Material, rationale: str
) -> Outcome:
    if reading.kind != "label":
        shown = "cut off" if reading is CUT else reading.kind.replace("_", " ")
        if said and reading is not CUT:
            shown = brief(str(said.label))
        return abstain(call, ask.about, _WHY.get(reading.kind, "malformed"), shown)
    entry: Mapping[str, Any] = said.entry if said else {}
    return verdict_of(
        call,
        ask,
        {reading.label: 1.0},
        ("mended",) if said and said.mended else (),
        source="control" if is_control(call.judge) else "text",
        confidence=_confidence(entry),
        rationale=rationale if (own := _reasons(entry)) is None else own,
        evidence=_evidence(entry, material),
        tags=tuple(_texts(entry.get("tags"))) if entry else (),
    )


def _scales(call: Call) -> tuple[Scale, ...]:
    return tuple([ask.scale for ask in call.asks])


def _reasons(entry: Mapping[str, Any]) -> str | None:
    for key in _REASON_KEYS:
        if isinstance(said := entry.get(key), str):
            return said
    return None


def _evidence(entry: Mapping[str, Any], material: Material) -> tuple[Evidence, ...]:
    raw = entry.get("evidence")
    quotes = [raw] if isinstance(raw, str) else _texts(raw)
    return material.shown.locate(quotes) if quotes else ()


def _texts(raw: object) -> list[str]:
    return [each for each in raw if isinstance(each, str)] if isinstance(raw, list) else []


def _confidence(entry: Mapping[str, Any]) -> float | None:
    raw = entry.get("confidence")
    known = isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw <= 1
    return float(raw) if known else None  # type: ignore[arg-type]  # known to be a number

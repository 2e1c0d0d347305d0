"""Reading labels: what most replies are, one label for each criterion, with evidence and reasons.

Where the answer's place is fixed (one JSON object, one option letter) it is read there and nowhere else; in
free text lines with the call's tag come first, then objects, then a last explicit verdict (`protocols.read`
tells the whole order).
"""

from collections.abc import Mapping
from typing import Any

from judgekit.protocols.reading import letters, lines, objects, thoughts
from judgekit.protocols.reading.abstaining import REFUSAL, abstain, brief
from judgekit.protocols.reading.entries import Said
from judgekit.protocols.reading.labels import CUT, Reading, read_label
from judgekit.protocols.reading.limits import REPLY
from judgekit.protocols.reading.material import Material
from judgekit.scales import Scale, settle
from judgekit.types import Ask, Call, Evidence, Outcome, Reason, Reply, Source, Verdict, is_control

_WHY: dict[str, Reason] = {"off_scale": "off_scale", "undecided": "undecided", "cut": "truncated"}
_REASON_KEYS = ("rationale", "reason", "reasoning", "explanation", "feedback")


def read_labels(call: Call, reply: Reply, text: str, material: Material) -> tuple[Outcome, ...]:
    """One outcome for each ask: a label read, or an abstention."""
    ids = [ask.called for ask in call.asks]
    truncated = reply.fault == "truncated"
    found = objects.find(thoughts.own_turn(text), ids, material, asked=call.schema is not None)
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
    missing = why_missing(reply, text, found.cut, answered=bool(readings))
    if is_control(call.judge):
        missing = ("missing", "the control has nothing to say here")
    rationale = "" if found.said and not tagged else lines.without_tag(text, call.tag)
    return tuple(
        _outcome(call, ask, *readings[name], material=material, rationale=rationale)
        if name in readings
        else abstain(call, ask.about, *missing)
        for name, ask in zip(ids, call.asks, strict=True)
    )


def _tagged(call: Call, reply: Reply, ids: list[str], text: str, material: Material) -> dict[str, Reading]:
    """What lines with the tag say, in the text without reasoning, or else in all of it."""
    truncated = reply.fault == "truncated"
    if not call.tag or call.tag not in reply.text:
        return {}
    if text is not reply.text and len(reply.text) <= REPLY:
        text = thoughts.where_tagged(reply.text, quotable=material.hold_thoughts(), truncated=truncated)
    return lines.tagged(text, call.tag, ids, _scales(call), truncated=truncated)


def _in_prose(
    text: str, ids: list[str], call: Call, material: Material, *, truncated: bool
) -> Mapping[str, Reading]:
    if len(ids) > 1:
        return lines.by_id(text, ids, _scales(call), material, truncated=truncated)
    reading = lines.last_explicit(text, ids[0], call.asks[0].scale, material, truncated=truncated)
    return {} if reading is None else {ids[0]: reading}


def why_missing(reply: Reply, text: str, cut: bool, *, answered: bool) -> tuple[Reason, str]:
    """Why an answer is not there, and a word on it."""
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
    call: Call,
    ask: Ask,
    reading: Reading,
    said: Said | None,
    *,
    material: Material,
    rationale: str,
) -> Outcome:
    if reading.kind != "label":
        reason = _WHY.get(reading.kind, "malformed")
        shown = (
            "cut off"
            if reading is CUT
            else brief(str(said.label))
            if said
            else reading.kind.replace("_", " ")
        )
        return abstain(call, ask.about, reason, shown)
    probs, label, value = settle(ask.scale, {reading.label: 1.0})
    entry: Mapping[str, Any] = said.entry if said else {}
    flags = (("mended",) if said and said.mended else ()) + (("reasked",) if call.attempt > 1 else ())
    return Verdict(
        rater=call.judge,
        unit=ask.unit,
        criterion=ask.criterion,
        probs=probs,
        label=label,
        value=value,
        source=_source(call),
        confidence=_confidence(entry),
        rationale=next(
            (str(entry[key]) for key in _REASON_KEYS if isinstance(entry.get(key), str)), rationale
        ),
        evidence=_evidence(entry, material),
        tags=tuple(_texts(entry.get("tags"))) if entry else (),
        flags=flags,
        shown=call.shown,
        sample=call.sample,
        call=call.key,
    )


def _scales(call: Call) -> tuple[Scale, ...]:
    return tuple([ask.scale for ask in call.asks])


def read_letter(call: Call, reply: Reply, text: str, material: Material) -> Outcome:
    """A verdict from the probabilities of the option letters, or from the letter written."""
    [ask] = call.asks
    scale = ask.scale
    weights = letters.weights_of(reply, call.letters)
    mass, flags, source = min(sum(weights.values()), 1.0), (), _source(call, "logprob")  # type: tuple[float, tuple[str, ...], Source]
    if not reply.logprobs:
        found = letters.written(text, call.letters)
        if found is None or not (letters.is_alone(text) or not material.hold(letters.lines_of(call.letters))):
            return abstain(call, ask.about, "malformed", f"no option letter in: {brief(reply.text)}")
        weights, mass, flags, source = {found: 1.0}, 1.0, ("no_logprobs",), _source(call)
    elif not weights:
        return abstain(call, ask.about, "malformed", "no option letter among the most probable tokens")
    undecided = weights.pop(scale.cannot_tell, 0.0) / (mass or 1.0) if scale.cannot_tell else 0.0
    if undecided > 0.5 or not weights:
        return abstain(call, ask.about, "undecided", f"probability {undecided:.2f} on {scale.cannot_tell!r}")
    probs, label, value = settle(scale, weights)
    if mass < letters.LOW_MASS:
        flags = (*flags, "low_mass")
    if call.attempt > 1:
        flags = (*flags, "reasked")
    return Verdict(
        call.judge, *ask.about, probs, label, value, source, mass=mass, undecided=undecided, flags=flags,
        shown=call.shown, sample=call.sample, call=call.key,
    )  # fmt: skip


def _source(call: Call, source: Source = "text") -> Source:
    return "control" if is_control(call.judge) else source


def _evidence(entry: Mapping[str, Any], material: Material) -> tuple[Evidence, ...]:
    raw = entry.get("evidence")
    quotes = [raw] if isinstance(raw, str) else _texts(raw)
    return material.shown.locate(quotes) if quotes else ()


def _texts(raw: object) -> list[str]:
    """The texts in a list; none where there is no list."""
    return [each for each in raw if isinstance(each, str)] if isinstance(raw, list) else []


def _confidence(entry: Mapping[str, Any]) -> float | None:
    raw = entry.get("confidence")
    return (
        float(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw <= 1 else None
    )

"""Reading a reply: one outcome for each answer asked for, whatever the text; never an exception.

The forms of an answer, in their order:

1. What a decision model gave; probabilities of option letters.
2. Where its place is fixed: the whole reply is one JSON object, read at its schema's keys and nowhere
   else; or one option letter. What the judged texts hold has no say here, or a text that
   quotes the unfavourable answer would silence the judge.
3. In free text: lines that carry the call's tag, which nobody else can write.
4. Objects within the text, mended where one reading makes sense.
5. Lines `criterion: label`, where several criteria were asked; the last explicit verdict, where one was.

Of 4 and 5 no form is read that the judged texts hold, whatever the label (`material`). The last answer
counts, and one that is off the scale abstains rather than falling back to an earlier one. Blocks of
reasoning are not read (`thoughts`), and how much is looked at is bounded (`limits`).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from judgekit.protocols import letters, lines, objects, thoughts
from judgekit.protocols.abstaining import REFUSAL, abstain, all_abstain, brief
from judgekit.protocols.decisions import read_decisions
from judgekit.protocols.entries import Said
from judgekit.protocols.labels import CUT, Reading, read_label
from judgekit.protocols.limits import REPLY, THOUGHTS
from judgekit.protocols.material import Material
from judgekit.protocols.rank import read_ranking
from judgekit.protocols.select import read_selected
from judgekit.scales import Scale, settle
from judgekit.types import (
    Abstention,
    Ask,
    Call,
    Evidence,
    Outcome,
    Reason,
    Reply,
    Source,
    Verdict,
    is_control,
)

_BRACKETS, _DEEPEST = re.compile(r"[\[\]{}]"), 200
_WHY: dict[str, Reason] = {"off_scale": "off_scale", "undecided": "undecided", "cut": "truncated"}
_REASON_KEYS = ("rationale", "reason", "reasoning", "explanation", "feedback")


def read(call: Call, reply: Reply) -> tuple[Outcome, ...]:
    """One outcome for each answer asked for, in the order asked.

    >>> from judgekit.scales import YES_NO
    >>> from judgekit.types import Unit
    >>> call = Call("j", ((Unit("1", ("a",)), "kind"),), "grade", (), scales=(YES_NO,))
    >>> [outcome.label for outcome in read(call, Reply('{"label": "yes"}'))]
    ['yes']
    >>> [outcome.reason for outcome in read(call, Reply("There are 3 problems."))]
    ['malformed']
    """
    if (
        reply.fault is not None
        and reply.fault != "truncated"
        and not (reply.fault == "refused" and reply.text)
    ):
        return all_abstain(call, reply.fault, reply.detail)
    try:
        outcomes = _outcomes(call, reply)
    except RecursionError:  # brackets in strings can hide how deep it is
        return all_abstain(call, "malformed", "nested too deeply")
    return tuple(_as_meant(o, dict(call.meant)) for o in outcomes) if call.meant else outcomes


def _is_deep(text: str) -> bool:
    """Whether more brackets are open at once than any answer needs; those in strings count too."""
    if text.count("{") + text.count("[") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth = max(depth + (1 if bracket[0] in "{[" else -1), 0)
        if depth > _DEEPEST:
            return True
    return False


def _as_meant(outcome: Outcome, meant: Mapping[str, str]) -> Outcome:
    """A verdict in A and B as one about the first and second of `unit.responses`."""
    if isinstance(outcome, Abstention):
        return outcome
    probs = tuple((meant[label], p) for label, p in outcome.probs)
    return replace(outcome, probs=probs, label=meant[outcome.label])


def _outcomes(call: Call, reply: Reply) -> tuple[Outcome, ...]:
    if reply.decisions:
        return read_decisions(call, reply)
    text = _answer_in(reply.text)
    if (unreadable := _unreadable(reply, text)) is not None:
        return all_abstain(call, *unreadable)
    material = Material(call.judged)
    if call.letters:
        return (_from_letters(call, reply, text, material),)
    if call.protocol == "rank":
        return read_ranking(call, reply, text, material)
    if call.protocol == "select_all" and not is_control(call.judge):
        found = read_selected(call, reply, text, material)
        why, detail = _missing(reply, text, cut=False, answered=False)
        return all_abstain(call, why, detail) if found is None else found
    return _from_text(call, reply, text, material)


def _answer_in(text: str) -> str:
    """A reply without its reasoning; one that is an object may hold the like in its strings."""
    if len(text) > THOUGHTS or not thoughts.has_tags(text):
        return text
    return text if len(text) <= REPLY and objects.whole(text) is not None else thoughts.without(text)


def _unreadable(reply: Reply, text: str) -> tuple[Reason, str] | None:
    """Why nothing of a reply is looked at; None if it can be."""
    if len(text) > REPLY:
        return "malformed", f"too long to read: {len(text):,} characters; {REPLY:,} at most are looked at"
    if _is_deep(text):
        return "malformed", "nested too deeply"
    if text.strip() or reply.logprobs:
        return None
    detail = "no answer after the reasoning" if reply.text.strip() else "no text"
    return reply.fault or "malformed", detail


def _from_text(call: Call, reply: Reply, text: str, material: Material) -> tuple[Outcome, ...]:
    ids = list(call.names) or [cid for _, cid in call.asks]
    truncated = reply.fault == "truncated"
    found = objects.find(thoughts.own_turn(text), ids, material, asked=call.schema is not None)
    tagged = {} if found.whole else _tagged(call, reply, ids, text, material)
    readings: dict[str, tuple[Reading, Said | None]] = {}
    for cid, scale in zip(ids, call.scales, strict=True):
        if cid in found.said and cid not in tagged:
            said = found.said[cid]
            readings[cid] = (read_label(scale, said.label), said)
    readings |= {cid: (reading, None) for cid, reading in tagged.items()}
    if not readings and not (found.whole or found.doubtful or found.cut):
        prose = _in_prose(found.rest, ids, call, material, truncated=truncated)
        readings = {cid: (reading, None) for cid, reading in prose.items()}
    missing = _missing(reply, text, found.cut, answered=bool(readings))
    if is_control(call.judge):
        missing = ("missing", "the control has nothing to say here")
    rationale = "" if found.said and not tagged else lines.without_tag(text, call.tag)
    return tuple(
        _outcome(call, ask, scale, *readings[name], material=material, rationale=rationale)
        if name in readings
        else abstain(call, ask, *missing)
        for name, ask, scale in zip(ids, call.asks, call.scales, strict=True)
    )


def _tagged(call: Call, reply: Reply, ids: list[str], text: str, material: Material) -> dict[str, Reading]:
    """What lines with the tag say, in the text without reasoning, or else in all of it."""
    truncated = reply.fault == "truncated"
    if not call.tag or call.tag not in reply.text:
        return {}
    if text is not reply.text and len(reply.text) <= REPLY:
        text = thoughts.where_tagged(reply.text, quotable=material.hold_thoughts(), truncated=truncated)
    return lines.tagged(text, call.tag, ids, call.scales, truncated=truncated)


def _in_prose(
    text: str, ids: list[str], call: Call, material: Material, *, truncated: bool
) -> Mapping[str, Reading]:
    if len(ids) > 1:
        return lines.by_id(text, ids, call.scales, material, truncated=truncated)
    reading = lines.last_explicit(text, ids[0], call.scales[0], material, truncated=truncated)
    return {} if reading is None else {ids[0]: reading}


def _missing(reply: Reply, text: str, cut: bool, *, answered: bool) -> tuple[Reason, str]:
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
    scale: Scale,
    reading: Reading,
    said: Said | None,
    *,
    material: Material,
    rationale: str,
) -> Outcome:
    unit, cid = ask
    if reading.kind != "label":
        reason = _WHY.get(reading.kind, "malformed")
        shown = (
            "cut off"
            if reading is CUT
            else brief(str(said.label))
            if said
            else reading.kind.replace("_", " ")
        )
        return abstain(call, ask, reason, shown)
    probs, label, value = settle(scale, {reading.label: 1.0})
    entry: Mapping[str, Any] = said.entry if said else {}
    flags = (("mended",) if said and said.mended else ()) + (("reasked",) if call.attempt > 1 else ())
    return Verdict(
        rater=call.judge,
        unit=unit,
        criterion=cid,
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


def _from_letters(call: Call, reply: Reply, text: str, material: Material) -> Outcome:
    """A verdict from the probabilities of the option letters, or from the letter written."""
    [ask], [scale] = call.asks, call.scales
    weights = letters.weights_of(reply, call.letters)
    mass, flags, source = min(sum(weights.values()), 1.0), (), _source(call, "logprob")  # type: tuple[float, tuple[str, ...], Source]
    if not reply.logprobs:
        found = letters.written(text, call.letters)
        if found is None or not (letters.is_alone(text) or not material.hold(letters.lines_of(call.letters))):
            return abstain(call, ask, "malformed", f"no option letter in: {brief(reply.text)}")
        weights, mass, flags, source = {found: 1.0}, 1.0, ("no_logprobs",), _source(call)
    elif not weights:
        return abstain(call, ask, "malformed", "no option letter among the most probable tokens")
    undecided = weights.pop(scale.cannot_tell, 0.0) / (mass or 1.0) if scale.cannot_tell else 0.0
    if undecided > 0.5 or not weights:
        return abstain(call, ask, "undecided", f"probability {undecided:.2f} on {scale.cannot_tell!r}")
    probs, label, value = settle(scale, weights)
    if mass < letters.LOW_MASS:
        flags = (*flags, "low_mass")
    if call.attempt > 1:
        flags = (*flags, "reasked")
    return Verdict(
        call.judge, *ask, probs, label, value, source, mass=mass, undecided=undecided, flags=flags,
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

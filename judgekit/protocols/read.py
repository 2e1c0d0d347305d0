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
reasoning are not read, and how much is looked at is bounded (`replies`).
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from judgekit.protocols.rank import read_ranking
from judgekit.protocols.reading.labelled import read_labels
from judgekit.protocols.reading.material import Material
from judgekit.protocols.reading.objects import whole
from judgekit.protocols.reading.probabilities import read_decisions, read_letter
from judgekit.protocols.reading.replies import REPLY, THOUGHTS, all_abstain, has_thoughts, without_thoughts
from judgekit.protocols.select_all import read_selected
from judgekit.protocols.sheet import Reader
from judgekit.types import Abstention, Call, Outcome, Reason, Reply

READERS: Mapping[str, Reader] = {"rank": read_ranking, "select_all": read_selected}
"""Readers by protocol, for calls that come without their sheet; of all others, labels are read."""
_BRACKETS, _DEEPEST = re.compile(r"[\[\]{}]"), 200


def read(call: Call, reply: Reply) -> tuple[Outcome, ...]:
    """Return one outcome for each answer asked for, in the order asked."""
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
    """Tell whether more brackets are open at once than any answer needs; those in strings count too."""
    if text.count("{") + text.count("[") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth = max(depth + (1 if bracket[0] in "{[" else -1), 0)
        if depth > _DEEPEST:
            return True
    return False


def _as_meant(outcome: Outcome, meant: Mapping[str, str]) -> Outcome:
    """Return a verdict in A and B as one about the first and second of `unit.responses`."""
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
        return (read_letter(call, reply, text, material),)
    reader: Reader = READERS.get(call.protocol, read_labels) if call.sheet is None else call.sheet.read
    return reader(call, reply, text, material)


def _answer_in(text: str) -> str:
    """Return a reply without its reasoning; one that is an object may hold the like in its strings."""
    if len(text) > THOUGHTS or not has_thoughts(text):
        return text
    return text if len(text) <= REPLY and whole(text) is not None else without_thoughts(text)


def _unreadable(reply: Reply, text: str) -> tuple[Reason, str] | None:
    """Return why nothing of a reply is looked at; None if it can be."""
    if len(text) > REPLY:
        return "malformed", f"too long to read: {len(text):,} characters; {REPLY:,} at most are looked at"
    if _is_deep(text):
        return "malformed", "nested too deeply"
    if text.strip() or reply.logprobs:
        return None
    detail = "no answer after the reasoning" if reply.text.strip() else "no text"
    return reply.fault or "malformed", detail

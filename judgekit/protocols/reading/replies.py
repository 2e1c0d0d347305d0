"""A reply: how much of it is looked at, what of it is no answer, and how what is not read abstains.

Bounds are in characters and steps, never in seconds: a reply reads alike on every machine, and no reply holds
a run. What is longer than `REPLY` is malformed; the other bounds say how far a reader looks.
"""

import re
from collections.abc import Mapping

from judgekit.records import make_verdict
from judgekit.scales import settle
from judgekit.types import Abstention, Ask, Call, Evidence, Outcome, Reason, Reply, Source, Unit, Verdict

REPLY = 100_000
"""Characters of a reply, reasoning aside: an answer on two hundred criteria with reasons has half of them."""
THOUGHTS = 4_000_000
"""Characters of a reply with its reasoning, which is only cut out."""
PROSE = 10_000
"""Characters at a reply's end in which a verdict in words is looked for: our templates put it last."""
JUDGED = 100_000
"""Characters of judged texts that are looked through for verdicts; more are taken to hold every form."""
DEEPEST = 100
"""Brackets open at once in an object that is mended."""
FAILURES = 3
"""Objects within a text that are first tried as they stand and do not parse; of more, all are mended."""
QUOTES = 100
"""Quotations of one reply that are looked for in the material."""
CELLS = 100_000_000
"""Letters of a quotation times letters of the material, of all that is looked for fuzzily in one reply."""
CHECKED = 100_000
"""Characters of a response that a check reads the words of; on a longer one it cannot say."""


_TAG = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
_OPENED = re.compile(r"\s*+<(?:think|thinking|reasoning)>", re.IGNORECASE)
_OBJECT = re.compile(r"\s*+(?:```\w*+\s*+)?[{\[]")

_OTHER_TURN = re.compile(
    r"<\|im_start\|>(?!assistant)|<\|start_header_id\|>(?!assistant)|<start_of_turn>(?!model)"
)


def own_turn(text: str) -> str:
    """Return a reply up to where the model went on with a turn that is not its own."""
    turn = _OTHER_TURN.search(text)
    return text if turn is None else text[: turn.start()]


def has_thoughts(text: str) -> bool:
    """Tell whether a text holds the beginning or the end of a block of reasoning."""
    return "<" in text and _TAG.search(text) is not None


def without_thoughts(text: str) -> str:
    """Return a reply without its blocks of reasoning.

    A block that does not begin anywhere begins with the reply (unless an object does); one that does not end
    goes to the reply's end.
    """
    if not has_thoughts(text):
        return text
    kept: list[str] = []
    start, is_open = 0, False
    answers_first = _OBJECT.match(text) is not None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            if not is_open:
                kept.append(text[start : tag.start()])
            is_open = True
        elif is_open or not answers_first:
            if not is_open:
                kept.clear()
            start, is_open = tag.end(), False
    if not is_open:
        kept.append(text[start:])
    return "\n".join(part for part in kept if part)


def where_tagged(text: str, *, quotable: bool, truncated: bool) -> str:
    """Return what of a reply is looked through for lines that carry the tag.

    Where the judged text holds the beginning or end of a block itself (`quotable`), a block may be a
    quotation and no reason to pass over what nobody but the judge can write. But a reply that was cut off may
    have been so in the middle of its thoughts.
    """
    if quotable and not (truncated and _OPENED.match(text)):
        return text
    return without_thoughts(text)


REFUSAL = re.compile(
    r"^\W*+(?:(?:i['\u2019]?m|i am)\s++(?:\w++\s++)?(?:sorry|afraid|unable|not able)|sorry\b"
    r"|(?:\w++,?\s++)?i\s++(?:can(?:no|['\u2019])t|cannot|won['\u2019]t|will not|must decline|decline)"
    r"|as an? (?:ai|language model)|unfortunately,? i|i apologi[sz]e|i['\u2019]?d (?:rather|prefer) not"
    r"|i do not feel comfortable)",
    re.IGNORECASE,
)
"""How a refusal in words begins."""
_DETAIL = 200  # letters of the reason; the whole reply is in the ledger


def abstain(call: Call, about: tuple[Unit, str], reason: Reason, detail: str = "") -> Abstention:
    """Return the abstention from one of a call's answers, about a unit and a criterion."""
    unit, criterion = about
    return Abstention(
        call.judge, unit, criterion, reason, detail[:_DETAIL],
        shown=call.shown, sample=call.sample, call=call.key,
    )  # fmt: skip


def all_abstain(call: Call, reason: Reason, detail: str = "") -> tuple[Outcome, ...]:
    """Return abstentions from all answers of a call, in the order asked."""
    return tuple(abstain(call, ask.about, reason, detail) for ask in call.asks)


def verdict_of(
    call: Call,
    ask: Ask,
    weights: Mapping[str, float],
    flags: tuple[str, ...] = (),
    *,
    source: Source = "text",
    mass: float = 1.0,
    undecided: float = 0.0,
    confidence: float | None = None,
    rationale: str = "",
    evidence: tuple[Evidence, ...] = (),
    tags: tuple[str, ...] = (),
) -> Verdict:
    """Return the verdict of one of a call's answers, from weights of labels on its scale."""
    probs, label, value = settle(ask.scale, weights)
    return make_verdict(
        rater=call.judge,
        unit=ask.unit,
        criterion=ask.criterion,
        probs=probs,
        label=label,
        value=value,
        source=source,
        mass=mass,
        undecided=undecided,
        confidence=confidence,
        rationale=rationale,
        evidence=evidence,
        tags=tags,
        flags=flags if call.attempt == 1 else (*flags, "reasked"),
        shown=call.shown,
        sample=call.sample,
        call=call.key,
    )


def why_unread(reply: Reply, what: str) -> tuple[Reason, str]:
    """Return why a reply that should be text for the next round is none, and a word on it."""
    if reply.fault is not None:
        return reply.fault, f"no {what}: {reply.detail}"
    if not reply.text.strip():
        return "malformed", f"no {what}: no text"
    return ("refused" if REFUSAL.match(reply.text) else "malformed"), f"no {what} in: {brief(reply.text)}"


def brief(text: str) -> str:
    """Return a text as a quotation of one line."""
    words = " ".join(text[:1_000].split())
    return repr(words if len(words) <= 120 else words[:117] + "...")

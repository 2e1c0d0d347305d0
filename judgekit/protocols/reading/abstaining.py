"""Abstentions of a call: the answers it was asked for and did not give, and why."""

import re

from judgekit.types import Abstention, Call, Outcome, Reason, Reply, Unit

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
    """The abstention from one of a call's answers, about a unit and a criterion.

    >>> abstain(Call("j", (), "grade", ()), (Unit("1", ("a",)), "kind"), "refused").reason
    'refused'
    """
    return Abstention(call.judge, *about, reason, detail[:_DETAIL], call.shown, call.sample, call.key)


def all_abstain(call: Call, reason: Reason, detail: str = "") -> tuple[Outcome, ...]:
    """Abstentions from all of them, in the order asked."""
    return tuple(abstain(call, ask.about, reason, detail) for ask in call.asks)


def why_unread(reply: Reply, what: str) -> tuple[Reason, str]:
    """Why a reply that should be text for the next round is none, and a word on it.

    >>> why_unread(Reply("Sorry, no."), "list")
    ('refused', "no list in: 'Sorry, no.'")
    >>> why_unread(Reply(fault="unreachable", detail="status 503"), "list")
    ('unreachable', 'no list: status 503')
    """
    if reply.fault is not None:
        return reply.fault, f"no {what}: {reply.detail}"
    if not reply.text.strip():
        return "malformed", f"no {what}: no text"
    return ("refused" if REFUSAL.match(reply.text) else "malformed"), f"no {what} in: {brief(reply.text)}"


def brief(text: str) -> str:
    """A text as a quotation of one line."""
    words = " ".join(text[:1_000].split())
    return repr(words if len(words) <= 120 else words[:117] + "...")

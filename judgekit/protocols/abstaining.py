"""Abstentions of a call: the answers it was asked for and did not give, and why."""

from judgekit.types import Abstention, Ask, Call, Outcome, Reason

_DETAIL = 200  # letters of the reason; the whole reply is in the ledger


def abstain(call: Call, ask: Ask, reason: Reason, detail: str = "") -> Abstention:
    """The abstention from one of a call's answers.

    >>> from judgekit.types import Unit
    >>> abstain(Call("j", (), "grade", ()), (Unit("1", ("a",)), "kind"), "refused").reason
    'refused'
    """
    return Abstention(call.judge, *ask, reason, detail[:_DETAIL], call.shown, call.sample, call.key)


def all_abstain(call: Call, reason: Reason, detail: str = "") -> tuple[Outcome, ...]:
    """Abstentions from all of them, in the order asked."""
    return tuple(abstain(call, ask, reason, detail) for ask in call.asks)

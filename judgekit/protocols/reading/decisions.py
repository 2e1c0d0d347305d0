"""Reading what a decision model said: probabilities, which become verdicts as they are.

There are no words to read, so there is no ladder either: an answer is a distribution over the labels
of its scale, or it is malformed, and then that criterion abstains alone. Only what a judge put into
`Reply.decisions` is read so; no text that a model writes gets there.
"""

import math

from judgekit.protocols.reading.abstaining import abstain, all_abstain
from judgekit.scales import Labels, Scale, fold, settle
from judgekit.types import Ask, Call, Outcome, Reply, Verdict

TOLERANCE = 0.02
"""How far probabilities may be from a sum of 1, since providers round them; nearer, they are scaled."""

Decision = tuple[tuple[str, float], ...]


def read_decisions(call: Call, reply: Reply) -> tuple[Outcome, ...]:
    """One outcome for each ask, in order.

    >>> from judgekit.scales import YES_NO
    >>> from judgekit.types import Unit
    >>> asks = tuple(Ask(Unit("1", ("a",)), criterion, YES_NO) for criterion in ("kind", "true"))
    >>> call = Call("j", asks, "grade", ())
    >>> reply = Reply(decisions=((("no", 0.25), ("yes", 0.75)), (("no", -0.5), ("yes", 1.5))))
    >>> kind, true = read_decisions(call, reply)
    >>> kind.label, kind.value, true.reason, true.detail
    ('yes', 0.75, 'malformed', "probability -0.5 of 'no'")
    """
    if len(reply.decisions) != len(call.asks):
        detail = f"{len(reply.decisions)} decisions on {len(call.asks)} questions"
        return all_abstain(call, "malformed", detail)
    asked = zip(call.asks, reply.decisions, strict=True)
    return tuple(_outcome(call, ask, decision, reply.detail) for ask, decision in asked)


def _outcome(call: Call, ask: Ask, decision: Decision, detail: str) -> Outcome:
    scale = ask.scale
    if not decision:
        return abstain(call, ask.about, "malformed", detail or "no probabilities")
    weights = _weights(scale, decision)
    if isinstance(weights, str):
        return abstain(call, ask.about, "malformed", weights)
    total = sum(weights.values())
    undecided = weights.pop(scale.cannot_tell, 0.0) / total if scale.cannot_tell else 0.0
    if undecided > 0.5:
        return abstain(call, ask.about, "undecided", f"probability {undecided:.2f} on {scale.cannot_tell!r}")
    probs, label, value = settle(scale, weights)
    flags = ("reasked",) if call.attempt > 1 else ()
    return Verdict(
        call.judge, *ask.about, probs, label, value, "decision", undecided=undecided, flags=flags,
        shown=call.shown, sample=call.sample, call=call.key,
    )  # fmt: skip


def _weights(scale: Scale, decision: Decision) -> dict[str, float] | str:
    """Label -> probability, zeros left out; or what is wrong with them."""
    labels = scale.labels if isinstance(scale, Labels) else ()
    known = {fold(label): label for label in (*labels, *filter(None, [scale.cannot_tell]))}
    weights: dict[str, float] = {}
    for said, p in decision:
        label = known.get(fold(said))
        if label is None:
            return f"{said!r} is none of the labels"
        if label in weights:
            return f"two probabilities of {label!r}"
        if not 0.0 <= p <= 1.0 + TOLERANCE:  # nor nan, which is not comparable
            return f"probability {p:g} of {label!r}"
        weights[label] = p
    total = math.fsum(weights.values())
    if abs(total - 1.0) > TOLERANCE:
        return f"the probabilities sum to {total:g}"
    return {label: p for label, p in weights.items() if p > 0.0}

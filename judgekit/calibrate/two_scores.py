"""Two scores from one call, FairEval's way: balanced means, and how far the votes disagree.

A judge that is asked for two scores at once, several times and in both orders, gives a pair of scores
a reply. Their balanced means say which response is better; the entropy of the single votes says which
pairs a person should look at.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from judgekit.calibrate.balance import TIE, Order, balance, by_order, one_rater, order_flags, verdicts_of
from judgekit.calibrate.distribution import (
    as_said,
    common_source,
    commonest_reason,
    joined,
    label_of,
    mean_of,
    question,
    settled,
)
from judgekit.errors import InputError
from judgekit.scales import PAIR
from judgekit.types import Abstention, Outcome, Unit, Verdict


@dataclass(frozen=True, slots=True)
class _Pair:
    """The scores that one reply gave to both responses."""

    shown: Order
    first: Verdict
    second: Verdict

    @property
    def label(self) -> str:
        return _compared(self.first.value, self.second.value)


def balanced_scores(
    outcomes: Sequence[Outcome], *, unit: Unit, rule: Literal["balanced", "published"] = "balanced"
) -> Outcome:
    """A pair verdict from scores that both responses got in the same calls.

    Args:
        outcomes: All outcomes of one rater and criterion on the two responses of `unit`, one unit each.
        unit: The pair, in the item's own order.
        rule: `balanced`: mean within each order, then over orders; `published`: plain mean over all
            replies that were read, as FairEval's code does, which tilts to the order that lost fewer.

    Returns:
        The response with the larger mean score; a tie if the means are equal to 12 significant digits.
        A reply in which one of the scores is missing is left out whole. No reply left: an abstention
        with the commonest reason. Flags as of `balance`.

    Raises:
        InputError: If the outcomes are about other responses, several raters or criteria, or one reply
            scores a response twice.

    Source:
        Wang et al. (2024), equation of CS. https://arxiv.org/abs/2305.17926

    >>> def said(response, value):
    ...     return Verdict("j", Unit("1", (response,)), "help", ((str(value), 1.0),), str(value), value)
    >>> balanced_scores([said("a", 0.8), said("b", 0.5)], unit=Unit("1", ("a", "b"))).label
    'first'
    """
    orders = _score_pairs(outcomes, unit)
    answered = {shown: pairs for shown, pairs in orders.items() if pairs}
    rater, criterion = outcomes[0].rater, outcomes[0].criterion
    if not answered:
        detail = f"no reply of {sum(isinstance(o, Abstention) for o in outcomes)} scored both responses"
        return Abstention(rater, unit, criterion, commonest_reason(outcomes), detail)
    label = _compared(*_means(answered, rule))
    verdicts = [v for pairs in answered.values() for pair in pairs for v in (pair.first, pair.second)]
    return joined(
        [_on(unit, v) for v in verdicts], PAIR, {label: 1.0}, rater=rater, source=common_source(verdicts),
        flags=order_flags(orders, answered), shown=next(iter(answered)) if len(answered) == 1 else (),
    )  # fmt: skip


def _on(unit: Unit, verdict: Verdict) -> Verdict:
    return Verdict(
        verdict.rater, unit, verdict.criterion, verdict.probs, verdict.label, verdict.value, verdict.source,
        mass=verdict.mass, undecided=verdict.undecided, tags=verdict.tags, flags=verdict.flags,
    )  # fmt: skip


def _compared(first: float, second: float) -> str:
    ahead, behind = as_said(first), as_said(second)
    if ahead == behind:
        return TIE
    return "first" if ahead > behind else "second"


def _means(answered: dict[Order, list[_Pair]], rule: str) -> tuple[float, float]:
    if rule == "published":
        every = [pair for pairs in answered.values() for pair in pairs]
        return _mean(every, lambda p: p.first.value), _mean(every, lambda p: p.second.value)
    firsts = [_mean(pairs, lambda p: p.first.value) for pairs in answered.values()]
    seconds = [_mean(pairs, lambda p: p.second.value) for pairs in answered.values()]
    return math.fsum(firsts) / len(firsts), math.fsum(seconds) / len(seconds)


def _mean(pairs: Sequence[_Pair], value: Callable[[_Pair], float]) -> float:
    return math.fsum(map(value, pairs)) / len(pairs)


def _score_pairs(outcomes: Sequence[Outcome], unit: Unit) -> dict[Order, list[_Pair]]:
    """Replies that scored both responses, by order; an order that was asked and lost has none."""
    if not outcomes:
        raise InputError("no outcomes: an answer that was not asked for cannot be reduced")
    one_rater(outcomes)
    if len({o.criterion for o in outcomes}) > 1:
        raise InputError(f"outcomes are on several criteria, {sorted({o.criterion for o in outcomes})}")
    sides = [Unit(unit.item_id, (response,), unit.part) for response in unit.responses]
    replies: dict[tuple[Order, int], dict[Unit, Outcome]] = {}
    for o in outcomes:
        if o.unit not in sides:
            raise InputError(f"{o.unit} is not one of the two responses of {unit}")
        reply = replies.setdefault((o.shown, o.sample), {})
        if o.unit in reply:
            raise InputError(f"sample {o.sample} in the order {o.shown} scores {o.unit} twice")
        reply[o.unit] = o
    orders: dict[Order, list[_Pair]] = {shown: [] for shown in sorted({o.shown for o in outcomes})}
    for (shown, _), reply in sorted(replies.items(), key=lambda each: each[0]):
        first, second = (reply.get(side) for side in sides)
        if isinstance(first, Verdict) and isinstance(second, Verdict):
            orders[shown].append(_Pair(shown, first, second))
    return orders


@dataclass(frozen=True, slots=True)
class Diversity:
    """How far the votes on one pair disagree, and how close they are; what people should see comes first.

    Args:
        entropy: Of the shares of first, tie and second: 0 (all agree) to ln 3; nan without a vote.
        gap: Distance of the two mean scores, which breaks ties of the entropy; nan without a vote.
        votes: How many votes.
    """

    entropy: float
    gap: float
    votes: int

    @property
    def key(self) -> tuple[float, float]:
        """To sort by: most diverse first, then smallest gap; pairs without any vote before all."""
        return (-self.entropy, self.gap) if self.votes else (-math.inf, 0.0)


def bpde(outcomes: Sequence[Outcome], *, unit: Unit) -> Diversity:
    """Balanced position diversity entropy: how far the votes of all samples and orders disagree.

    Args:
        outcomes: As for `balanced_scores`, or pair verdicts on `unit`, of one rater and criterion.
        unit: The pair, in the item's own order.

    Returns:
        Entropy in nats. Shares are taken within each order and then averaged over orders, which is the
        published share wherever no answer was lost.

    Source:
        Wang et al. (2024), section 3.3; the tie-break by gap is ours, since six votes give few
        different entropies. https://arxiv.org/abs/2305.17926

    >>> sides = [("first", ("a", "b")), ("second", ("b", "a"))]
    >>> pair = Unit("1", ("a", "b"))
    >>> votes = [Verdict("j", pair, "c", ((s, 1.0),), s, float(s == "first"), shown=o) for s, o in sides]
    >>> round(bpde(votes, unit=pair).entropy, 3)
    0.693
    """
    if outcomes and outcomes[0].unit == unit:
        question(outcomes)
        one_rater(outcomes)
        asked = {shown: verdicts_of(some) for shown, some in by_order(outcomes).items()}
        labels = {shown: [label_of(PAIR, v.probs) for v in some] for shown, some in asked.items() if some}
        balanced = balance(outcomes)
        gap = abs(2 * balanced.value - 1) if isinstance(balanced, Verdict) else math.nan
    else:
        answered = {shown: pairs for shown, pairs in _score_pairs(outcomes, unit).items() if pairs}
        labels = {shown: [pair.label for pair in pairs] for shown, pairs in answered.items()}
        one, two = _means(answered, "balanced") if answered else (math.nan, math.nan)
        gap = abs(one - two)
    if not labels:
        return Diversity(math.nan, math.nan, 0)
    shares = mean_of(
        [{label: votes.count(label) / len(votes) for label in votes} for votes in labels.values()]
    )
    probs, _, _ = settled(PAIR, shares)
    entropy = -math.fsum(p * math.log(p) for _, p in probs)
    return Diversity(abs(round(entropy, 12)), round(gap, 12), sum(map(len, labels.values())))

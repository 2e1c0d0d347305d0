"""Undo the order in which responses were shown.

A judge that leans to one place leans every time, so more samples of one order do not help; the other order
does. Samples are averaged within each order first and then over orders, because a plain mean would tilt to
the order that lost fewer samples. What cannot be undone is said by the flags `single_order` and `order_lost`.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain
from statistics import fmean
from typing import Literal

from judgekit.distribution import (
    EPSILON,
    as_said,
    common_source,
    commonest_reason,
    joined,
    label_of,
    log_mean_of,
    mean_of,
    question,
    relabelled,
)
from judgekit.errors import InputError
from judgekit.scales import PAIR, Labels, Scale
from judgekit.types import Abstention, Outcome, Unit, Verdict

Rule = Literal["average", "log_odds", "consistent"]
Order = tuple[str, ...]
_RULES = ("average", "log_odds", "consistent")
TIE = "tie"


def balance(
    outcomes: Sequence[Outcome], *, rule: Rule = "average", scale: Scale = PAIR, epsilon: float = EPSILON
) -> Outcome:
    """What one rater says of one question, over all samples and orders asked.

    Args:
        outcomes: All outcomes of one (unit, criterion, rater), in any sequence.
        rule: `average`: mean of probabilities; `log_odds`: mean of log-odds; `consistent`: the label if
            all orders agree on it, else a tie, or on a scale without `tie` an abstention `undecided`.
        scale: The scale of the criterion.
        epsilon: How far `log_odds` keeps probabilities from 0 and 1.

    Returns a verdict without an order, or an abstention with the commonest reason if there is no verdict.
    Balancing it again changes nothing. Flags: `single_order` if only one order has verdicts, `order_lost` if
    an order was asked and all its verdicts failed. Verdicts whose order is not known, as people's often are,
    count as one order and are not flagged. Raises `InputError` if there is no outcome, or they are about
    several questions or by several raters.

    Source: Wang et al. (2024), "Large Language Models are not Fair Evaluators" (BPC); within orders first is
    ours. https://arxiv.org/abs/2305.17926

    >>> from judgekit.types import Unit
    >>> unit = Unit("1", ("a", "b"))
    >>> one = Verdict("j", unit, "better", (("first", 1.0),), "first", 1.0, shown=("a", "b"))
    >>> two = Verdict("j", unit, "better", (("second", 1.0),), "second", 0.0, shown=("b", "a"))
    >>> balance([one, two]).label, balance([one]).flags
    ('tie', ('single_order',))
    """
    if rule not in _RULES:
        raise InputError(f"no rule {rule!r} to balance orders by; there are {list(_RULES)}")
    question(outcomes)
    one_rater(outcomes)
    orders = by_order(outcomes)
    there = {shown: [o for o in some if isinstance(o, Verdict)] for shown, some in orders.items()}
    answered = {shown: found for shown, found in there.items() if found}
    verdicts = [v for some in answered.values() for v in some]
    if not verdicts:
        return _withheld(outcomes)
    flags = order_flags(orders, answered)
    if len(verdicts) == 1:
        return relabelled(verdicts[0], scale, flags)
    within = [_within(some, scale, rule, epsilon) for some in answered.values()]
    if rule == "consistent" and len({label_of(scale, each.items()) for each in within}) > 1:
        if scale.value(TIE) is None or not isinstance(scale, Labels):
            first = verdicts[0]
            detail = f"{len(within)} orders do not agree, and the scale has no tie"
            return Abstention(first.rater, first.unit, first.criterion, "undecided", detail)
        weights = {TIE: 1.0}
    else:
        weights = _reduced(within, scale, rule, epsilon)
    source = common_source(verdicts)
    return joined(
        verdicts, scale, weights, rater=verdicts[0].rater, source="sample" if source == "text" else source,
        flags=flags, shown=next(iter(answered)) if len(answered) == 1 else (),
    )  # fmt: skip


def one_rater(outcomes: Sequence[Outcome]) -> str:
    """Return the one rater of outcomes; InputError if there are several."""
    raters = sorted({o.rater for o in outcomes})
    if len(raters) > 1:
        raise InputError(f"outcomes are by {len(raters)} raters, {raters}; balance each on its own first")
    return raters[0]


def by_order(outcomes: Sequence[Outcome]) -> dict[Order, list[Outcome]]:
    """Return outcomes by the order in which responses were shown."""
    orders: dict[Order, list[Outcome]] = {}
    for shown in sorted({o.shown for o in outcomes}):
        orders[shown] = [o for o in outcomes if o.shown == shown]
    return orders


def _withheld(outcomes: Sequence[Outcome]) -> Abstention:
    """Return the one abstention in the place of many."""
    only = outcomes[0]
    if len(outcomes) == 1 and isinstance(only, Abstention):
        return only
    detail = f"none of {len(outcomes)} answers was obtained"
    return Abstention(only.rater, only.unit, only.criterion, commonest_reason(outcomes), detail)


def order_flags(asked: Collection[Order], answered: Collection[Order]) -> list[str]:
    """Return what a reader should know of the orders asked and those that have verdicts."""
    flags = []
    if len(answered) == 1 and len(next(iter(answered))) > 1:
        flags.append("single_order")
    if len(answered) < len(asked):
        flags.append("order_lost")
    return flags


def _within(verdicts: Sequence[Verdict], scale: Scale, rule: Rule, epsilon: float) -> dict[str, float]:
    if len(verdicts) == 1 and rule != "log_odds":
        return dict(verdicts[0].probs)
    return _reduced([dict(v.probs) for v in verdicts], scale, rule, epsilon)


def _reduced(each: Sequence[dict[str, float]], scale: Scale, rule: Rule, epsilon: float) -> dict[str, float]:
    return log_mean_of(each, scale, epsilon=epsilon) if rule == "log_odds" else mean_of(each)


_Pair = tuple[Verdict, Verdict]
"""The scores that one reply gave to both responses."""


def balanced_scores(
    outcomes: Sequence[Outcome], *, unit: Unit, rule: Literal["balanced", "published"] = "balanced"
) -> Outcome:
    """A pair verdict from scores that both responses got in the same calls.

    Args:
        outcomes: All outcomes of one rater and criterion on the two responses of `unit`, one unit each.
        unit: The pair, in the item's own order.
        rule: `balanced`: mean within each order, then over orders; `published`: plain mean over all
            replies that were read, as FairEval's code does, which tilts to the order that lost fewer.

    Returns the response with the larger mean score; a tie if the means are equal to 12 significant digits. A
    reply in which one of the scores is missing is left out whole. No reply left: an abstention with the
    commonest reason. Flags as of `balance`. Raises `InputError` if the outcomes are about other responses,
    several raters or criteria, or one reply scores a response twice.

    Source: Wang et al. (2024), equation of CS. https://arxiv.org/abs/2305.17926

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
    verdicts = [replace(v, unit=unit) for pairs in answered.values() for pair in pairs for v in pair]
    return joined(
        verdicts, PAIR, {label: 1.0}, rater=rater, source=common_source(verdicts),
        flags=order_flags(orders, answered), shown=next(iter(answered)) if len(answered) == 1 else (),
    )  # fmt: skip


def _compared(first: float, second: float) -> str:
    ahead, behind = as_said(first), as_said(second)
    if ahead == behind:
        return TIE
    return "first" if ahead > behind else "second"


def _means(answered: dict[Order, list[_Pair]], rule: str) -> tuple[float, float]:
    every = list(answered.values())
    groups = [list(chain(*every))] if rule == "published" else every
    first, second = (fmean(fmean(pair[side].value for pair in pairs) for pairs in groups) for side in (0, 1))
    return first, second


def _score_pairs(outcomes: Sequence[Outcome], unit: Unit) -> dict[Order, list[_Pair]]:
    """Return replies that scored both responses, by order; an order that was asked and lost has none."""
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
            orders[shown].append((first, second))
    return orders

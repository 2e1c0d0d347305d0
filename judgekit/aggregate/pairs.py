"""The outcomes on an item's pairs -> scores of pairs: orders undone, then judges pooled.

A pair's value is how far its first response is preferred: 1 first, 0.5 tie, 0 second. The verdicts of one
judge are balanced over the orders they were asked in before judges are pooled, so that a panel is of judges
and not of calls. The form `scores` gives two verdicts a reply, which become one on the pair first.
"""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from judgekit.aggregate import pools
from judgekit.aggregate.pools import Pool, per_rater
from judgekit.aggregate.scores import Repeat, Sure, reasons_of, uncertainty
from judgekit.calibration import balanced_scores
from judgekit.calibration.orders import Rule
from judgekit.rubric.model import Rubric
from judgekit.scales import PAIR
from judgekit.types import CALIBRATED, EMPTY, Item, Outcome, Score, Unit, Verdict

_TOLD = ("single_order", "order_lost", "withheld", "few_judges", CALIBRATED, EMPTY)
"""Flags that a score passes on."""


def pair_scores(
    rubric: Rubric,
    item: Item,
    outcomes: Sequence[Outcome],
    *,
    rule: Rule = "average",
    pool: Pool = pools.mean,
    partial: bool = False,
    copies: Collection[str] = (),
) -> tuple[Score, ...]:
    """Return the scores of an item's pairs: one a criterion, and where there are several one for the rubric.

    That is their mean by weight (with `partial` although some are missing); faults count by the size of their
    weight, since the question is always which response is better. `rule` is how orders are undone: `average`,
    `log_odds` or `consistent` (else a tie); `copies` are judges whose samples are copies of one another
    (`Plan.copies`).
    """
    scores: list[Score] = []
    sure = functools.partial(uncertainty, clip=True, copies=copies)
    places = {name: i for i, name in enumerate(item.responses)}
    for unit, by_criterion in _by_pair(outcomes, places.__getitem__).items():
        own, repeats = [], []
        for some in by_criterion.values():
            raters = _per_rater(unit, some, rule)
            repeats.append(_repeats(unit, some, raters, rule))
            own.append(_criterion_score(unit, some, raters, pool, sure(repeats[-1])))
        scores += own
        if rubric.total and len(rubric.leaves) > 1:
            scores.append(_rubric_score(rubric, unit, own, repeats, sure, partial=partial))
    return tuple(scores)


def pooled_pairs(outcomes: Iterable[Outcome], *, rule: Rule = "average") -> list[Outcome]:
    """Return one outcome for each pair and criterion: orders and samples undone, judges pooled."""
    raters = [
        _per_rater(unit, some, rule)
        for unit, by_criterion in _by_pair(outcomes, str).items()
        for some in by_criterion.values()
    ]
    return [pools.mean(some, PAIR) if len(some) > 1 else some[0] for some in raters]


def _by_pair(
    outcomes: Iterable[Outcome], place: Callable[[str], Any]
) -> dict[Unit, dict[str, list[Outcome]]]:
    """Return outcomes by pair and criterion; two scores of one call belong to the pair that was shown."""
    grouped: dict[Unit, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        unit = outcome.unit
        if len(unit.responses) == 1 and len(outcome.shown) == 2:
            first, second = sorted(outcome.shown, key=place)
            unit = Unit(unit.item_id, (first, second))
        grouped.setdefault(unit, {}).setdefault(outcome.criterion, []).append(outcome)
    return grouped


def _per_rater(unit: Unit, outcomes: Sequence[Outcome], rule: Rule) -> tuple[Outcome, ...]:
    if all(len(o.unit.responses) == 2 for o in outcomes):
        return per_rater(outcomes, PAIR, rule=rule)
    names = dict.fromkeys(o.rater for o in outcomes)
    return tuple(balanced_scores([o for o in outcomes if o.rater == name], unit=unit) for name in names)


def _repeats(
    unit: Unit, outcomes: Sequence[Outcome], raters: Sequence[Outcome], rule: Rule
) -> dict[Repeat, float]:
    """Return the value of each sample of a judge with verdicts in all orders; else the judge's own, once."""
    values: dict[Repeat, float] = {}
    for rater in raters:
        own = [o for o in outcomes if o.rater == rater.rater]
        samples = sorted({o.sample for o in own})
        orders = {o.shown for o in own}
        for sample in samples if len(samples) > 1 else ():
            some = [o for o in own if o.sample == sample]
            if {o.shown for o in some if isinstance(o, Verdict)} == orders:
                [whole] = _per_rater(unit, some, rule)
                if isinstance(whole, Verdict):
                    values[rater.rater, sample] = whole.value
        if isinstance(rater, Verdict) and not any(name == rater.rater for name, _ in values):
            values[rater.rater, 0] = rater.value
    return values


def _replies(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return one outcome a reply: of two scores in one, the one that was not obtained, else the first."""
    if all(len(o.unit.responses) == 2 for o in outcomes):
        return list(outcomes)
    found: dict[tuple[str, int, tuple[str, ...]], Outcome] = {}
    for o in outcomes:
        key = (o.rater, o.sample, o.shown)
        if key not in found or not isinstance(o, Verdict):
            found[key] = o
    return list(found.values())


def _criterion_score(
    unit: Unit, outcomes: Sequence[Outcome], raters: Sequence[Outcome], pool: Pool,
    sure: tuple[float | None, float | None, dict[str, float]],
) -> Score:  # fmt: skip
    pooled = pool(raters, PAIR) if len(raters) > 1 else raters[0]
    low, high, spread = sure
    outcomes = _replies(outcomes)
    flags = {flag for o in (*raters, pooled) if isinstance(o, Verdict) for flag in o.flags if flag in _TOLD}
    value = pooled.value if isinstance(pooled, Verdict) else None
    n = sum(isinstance(o, Verdict) for o in outcomes)
    return Score(
        unit=unit, level="criterion", name=outcomes[0].criterion, value=value, rule="placed", low=low,
        high=high, n_verdicts=n, n_abstained=reasons_of(outcomes), spread=spread, flags=tuple(sorted(flags)),
    )  # fmt: skip


def _rubric_score(
    rubric: Rubric, unit: Unit, own: Sequence[Score], repeats: Sequence[Mapping[Repeat, float]],
    sure: Sure, *, partial: bool,
) -> Score:  # fmt: skip
    weights = {c.id: abs(c.weight) or 1.0 for c in rubric.leaves}
    asked = sum(weights[s.name] for s in own)
    there = {s.name: s.value for s in own if s.value is not None}
    judged = sum(weights[name] for name in there)
    value = sum(weights[name] * v for name, v in there.items()) / judged if judged else None
    counted: dict[str, int] = {}
    for score in own:
        for reason, n in score.n_abstained.items():
            counted[reason] = counted.get(reason, 0) + n
    if not partial and len(there) < len(own):
        value = None
    complete = set.intersection(*(set(each) for each in repeats)) if value is not None else set()
    values = {
        at: sum(weights[s.name] * each[at] for s, each in zip(own, repeats, strict=True)) / asked
        for at in sorted(complete)
    }
    low, high, spread = sure(values)
    return Score(
        unit=unit, level="rubric", name=rubric.id, value=value, rule="placed", low=low, high=high,
        n_verdicts=sum(s.n_verdicts for s in own), n_abstained=counted, spread=spread,
        share=judged / asked if asked else 0.0, flags=tuple(sorted({flag for s in own for flag in s.flags})),
    )  # fmt: skip


def pairs_of(item: Item) -> tuple[Unit, ...]:
    """Return every pair of an item's responses, in its own order."""
    return tuple(Unit(item.item_id, pair) for pair in combinations(item.responses, 2))

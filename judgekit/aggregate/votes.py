"""Votes: every rater has one label, and the panel's verdict is one label.

A withheld vote stays in the denominator: a strict majority is more than half of all raters asked, so
one answer of three is never a majority of one. Where no label has it, a declared rule decides, and
the flag `tied` says so; it decides only if more than half of the raters voted at all.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from judgekit.aggregate.pools import PANEL, Pool, answered, pooled, withheld
from judgekit.distribution import as_said, label_of, question, worth
from judgekit.errors import InputError
from judgekit.scales import Labels, Scale
from judgekit.types import Abstention, Outcome, Verdict

Ties = Literal["undecided", "lowest", "highest", "middle"]
_TIES = get_args(Ties)


def strict_majority(outcomes: Sequence[Outcome], scale: Scale, *, ties: Ties = "undecided") -> Outcome:
    """Return the label that more than half of all raters asked gave, abstentions included.

    Without a majority `ties` decides. `undecided`: abstain; `lowest`, `highest`: that label of those with
    most votes; `middle`: the median of the votes (on a pair, one vote for each side is a tie). An unknown
    rule, two outcomes by a rater, or outcomes on several questions are an InputError.

    >>> from judgekit.scales import YES_NO
    >>> from judgekit.types import Unit
    >>> one = [Verdict("a", Unit("1"), "kind", (("yes", 1.0),), "yes", 1.0)]
    >>> lost = [Abstention(rater, Unit("1"), "kind", "refused") for rater in "bc"]
    >>> strict_majority(one + lost, YES_NO, ties="highest").reason
    'refused'
    """
    verdicts = _voters(outcomes, ties)
    votes = _votes(verdicts, scale)
    for label, n in votes.items():
        if 2 * n > len(outcomes):
            return pooled(outcomes, verdicts, scale, {label: 1.0})
    if 2 * len(verdicts) <= len(outcomes):
        return withheld(outcomes, f"{len(verdicts)} of {len(outcomes)} raters voted, not more than half")
    return _broken(outcomes, verdicts, scale, votes, ties)


def plurality(outcomes: Sequence[Outcome], scale: Scale, *, ties: Ties = "undecided") -> Outcome:
    """Return the label with most votes, however few; ties as of `strict_majority`."""
    verdicts = _voters(outcomes, ties)
    if not verdicts:
        return withheld(outcomes)
    votes = _votes(verdicts, scale)
    leaders = [label for label, n in votes.items() if n == max(votes.values())]
    if len(leaders) == 1:
        return pooled(outcomes, verdicts, scale, {leaders[0]: 1.0})
    return _broken(outcomes, verdicts, scale, votes, ties)


def unanimous(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
    """Return the label that every rater asked gave; else the panel is `undecided`."""
    verdicts = answered(outcomes)
    if not verdicts:
        return withheld(outcomes)
    votes = _votes(verdicts, scale)
    if len(votes) == 1 and len(verdicts) == len(outcomes):
        return pooled(outcomes, verdicts, scale, {next(iter(votes)): 1.0})
    return _undecided(outcomes, votes)


def conservative(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
    """Return the worst label of the scale if any rater gave it, else the plurality, ties to the worse.

    Source: GAPS (2025), unlisted content: any S4 is S4, else the majority, ties to the more severe.
    https://arxiv.org/abs/2510.13734
    """
    verdicts = answered(outcomes)
    if not verdicts:
        return withheld(outcomes)
    lowest = scale.labels[0] if isinstance(scale, Labels) else None
    votes = _votes(verdicts, scale)
    worst = [x for x in votes if x == lowest or (lowest is None and worth(scale, x) == 0.0)]
    if worst:
        return pooled(outcomes, verdicts, scale, {worst[0]: 1.0})
    return plurality(outcomes, scale, ties="lowest")


def weighted(weights: Mapping[str, float], *, ties: Ties = "undecided") -> Pool:
    """Return a pool that gives the label with the largest sum of its voters' weights.

    A negative weight, as `accuracy_weights` gives a rater worse than chance, counts against the label it
    votes for. Ties are as of `strict_majority`, among the labels with the largest sum. When used, a rater
    without a weight is an InputError.
    """

    def pool(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        verdicts = _voters(outcomes, ties)
        if not verdicts:
            return withheld(outcomes)
        if strangers := sorted({v.rater for v in verdicts} - set(weights)):
            raise InputError(f"raters {strangers} have no weight; there are weights for {sorted(weights)}")
        given: dict[str, list[float]] = {}
        if isinstance(scale, Labels):  # a label that nobody gave has weight 0, more than one voted down
            given = {label: [] for label in scale.labels}
        for v in verdicts:
            given.setdefault(label_of(scale, v.probs), []).append(weights[v.rater])
        sums = {label: as_said(math.fsum(own)) for label, own in given.items()}
        leaders = {label: 1 for label, total in sums.items() if total == max(sums.values())}
        if len(leaders) == 1:
            return pooled(outcomes, verdicts, scale, {next(iter(leaders)): 1.0})
        return _broken(outcomes, verdicts, scale, leaders, ties)

    return pool


def _voters(outcomes: Sequence[Outcome], ties: str) -> list[Verdict]:
    if ties not in _TIES:
        raise InputError(f"no rule {ties!r} for ties; there are {list(_TIES)}")
    return answered(outcomes)


def _votes(verdicts: Sequence[Verdict], scale: Scale) -> dict[str, int]:
    """Return the votes for each label, worst first."""
    counts = Counter(label_of(scale, v.probs) for v in verdicts)
    return {label: counts[label] for label in sorted(counts, key=lambda each: (worth(scale, each), each))}


def _broken(
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    scale: Scale,
    votes: Mapping[str, int],
    ties: Ties,
) -> Outcome:
    if ties == "undecided":
        return _undecided(outcomes, votes)
    leaders = [label for label, n in votes.items() if n == max(votes.values())]
    if ties == "lowest":
        label = leaders[0]
    elif ties == "highest":
        label = leaders[-1]
    else:
        label = _middle(votes, scale)
    return pooled(outcomes, verdicts, scale, {label: 1.0}, ("tied",))


def _middle(votes: Mapping[str, int], scale: Scale) -> str:
    """Return the median vote; between two, the label nearest their mean, the lower of two as near."""
    line = sorted((label for label, n in votes.items() for _ in range(n)), key=lambda x: worth(scale, x))
    pair = (line[(len(line) - 1) // 2], line[len(line) // 2])
    return label_of(scale, ((pair[0], 0.5), (pair[1], 0.5)) if pair[0] != pair[1] else ((pair[0], 1.0),))


def _undecided(outcomes: Sequence[Outcome], votes: Mapping[str, int]) -> Abstention:
    unit, criterion = question(outcomes)
    said = ", ".join(f"{n} {label!r}" for label, n in votes.items())
    return Abstention(PANEL, unit, criterion, "undecided", f"of {len(outcomes)} raters: {said}")

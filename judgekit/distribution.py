"""Arithmetic of verdicts: several distributions over the labels of a scale become one.

Sums are exact (`math.fsum`) and labels stand in the scale's order, so that nothing depends on the
order in which raters, samples or rows came. Where two labels are exactly as probable and as far from
the value, as after one vote for each side of a pair, neither of them is what was said: the label is
the one between them, so that a conflict never counts as a win for one side.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from judgekit.errors import InputError
from judgekit.scales import PAIR, Labels, Scale, plain_number, settle
from judgekit.types import Abstention, Outcome, Reason, Source, Unit, Verdict

EPSILON = 1e-4
"""Probabilities are kept this far from 0 and 1 before a logarithm: the top 20 tokens end about there."""
Weights = Mapping[str, float]
_DIGITS = 12


def as_said(number: float) -> float:
    """Return a number rounded to 12 significant digits, so that what is equal on paper compares equal.

    >>> 0.3 - 0.2 == 0.2 - 0.1, as_said(0.3 - 0.2) == as_said(0.2 - 0.1)
    (False, True)
    """
    return float(f"{number:.{_DIGITS - 1}e}")


def levels(scale: Scale) -> tuple[str, ...]:
    """Return every label of a scale, worst first; InputError for a range of numbers without a step.

    >>> from judgekit.scales import Numbers
    >>> levels(Numbers(low=1, high=3, step=1))
    ('1', '2', '3')
    """
    if isinstance(scale, Labels):
        return scale.labels
    if scale.step is None:
        raise InputError(
            f"a scale of numbers from {scale.low:g} to {scale.high:g} without a step has no labels to "
            "count; give it a step, or use a pool of values such as `mean`"
        )
    steps = math.floor((scale.high - scale.low) / scale.step + 1e-9)
    return tuple(plain_number(round(scale.low + i * scale.step, 10)) for i in range(steps + 1))


def worth(scale: Scale, label: str) -> float:
    """Return the value of a label; InputError if it is not on the scale."""
    value = scale.value(label)
    if value is None:
        raise InputError(f"label {label!r} is not on the scale; it was made with another one")
    return value


def settled(scale: Scale, weights: Weights) -> tuple[tuple[tuple[str, float], ...], str, float]:
    """Return distribution, label and value of weights on a scale's labels, whatever order they come in.

    >>> from judgekit.scales import PAIR
    >>> settled(PAIR, {"first": 1, "second": 1})[1:]
    ('tie', 0.5)
    """
    order = scale.labels if isinstance(scale, Labels) else sorted(weights, key=lambda n: worth(scale, n))
    ranked = {label: weights[label] for label in order if weights.get(label, 0.0) > 0.0}
    if len(ranked) < len([w for w in weights.values() if w > 0.0]):
        strays = sorted(set(weights) - set(order))
        raise InputError(f"labels {strays} are not on the scale {list(order)}")
    probs, _, value = settle(scale, ranked)
    return probs, label_of(scale, probs), value


def label_of(scale: Scale, probs: Iterable[tuple[str, float]]) -> str:
    """Return the most probable label; of several, the one nearest the value, or the one between two as near.

    Of two labels as near with none between them it is the lower, and on a pair, which has no lower side, the
    tie.

    >>> from judgekit.scales import PAIR, Labels
    >>> label_of(Labels(labels=("1", "2", "3")), [("2", 0.5), ("3", 0.5)])
    '2'
    >>> label_of(PAIR, [("second", 0.5), ("tie", 0.5)])
    'tie'
    """
    shares = dict(probs)
    most = as_said(max(shares.values()))
    tied = [label for label, p in shares.items() if as_said(p) == most]
    if len(tied) == 1:
        return tied[0]
    value = math.fsum(p * worth(scale, label) for label, p in shares.items())
    away = {label: round(abs(worth(scale, label) - value), _DIGITS) for label in tied}
    nearest = [label for label in tied if away[label] == min(away.values())]
    places = [worth(scale, label) for label in nearest]
    if len(nearest) > 1 and isinstance(scale, Labels) and scale.kind != "nominal":
        nearest = [label for label, place in scale.worth.items() if min(places) <= place <= max(places)]
    middle = 0.5 if scale == PAIR else 0.0
    return min(nearest, key=lambda label: _preference(worth(scale, label), value, middle, label))


def _preference(place: float, value: float, middle: float, label: str) -> tuple[float, float, str]:
    return round(abs(place - value), _DIGITS), abs(place - middle), label


def mean_of(distributions: Sequence[Weights], shares: Sequence[float] | None = None) -> dict[str, float]:
    """Return the weighted mean of distributions (a linear pool); weights are equal where none are given."""
    weights = [1.0] * len(distributions) if shares is None else shares
    labels = dict.fromkeys(label for each in distributions for label in each)
    total = math.fsum(weights)
    return {
        label: math.fsum(w * each.get(label, 0.0) for w, each in zip(weights, distributions, strict=True))
        / total
        for label in labels
    }


def log_mean_of(
    distributions: Sequence[Weights],
    scale: Scale,
    shares: Sequence[float] | None = None,
    *,
    epsilon: float = EPSILON,
) -> dict[str, float]:
    """Return the weighted mean of log-odds (a logarithmic pool): of every label against every other.

    Probabilities are kept at least `epsilon` from 0 first, labels nobody used included: one rater that is
    certain would otherwise overrule all the others.
    """
    weights = [1.0] * len(distributions) if shares is None else shares
    every = scale.labels if isinstance(scale, Labels) else ()
    labels = dict.fromkeys((*every, *(label for each in distributions for label in each)))
    total = math.fsum(weights)
    clipped = [_clipped(each, labels, epsilon) for each in distributions]
    logs = {
        label: math.fsum(w * math.log(each[label]) for w, each in zip(weights, clipped, strict=True)) / total
        for label in labels
    }
    top = max(logs.values())
    raised = {label: math.exp(log - top) for label, log in logs.items()}
    whole = math.fsum(raised.values())
    return {label: weight / whole for label, weight in raised.items()}


def _clipped(each: Weights, labels: Iterable[str], epsilon: float) -> dict[str, float]:
    raised = {label: max(each.get(label, 0.0), epsilon) for label in labels}
    whole = math.fsum(raised.values())
    return {label: p / whole for label, p in raised.items()}


def folds_of(items: Sequence[str], folds: int, seed: int) -> dict[str, int]:
    """Return the fold of each of two items or more, dealt by chance, so that none is judged by itself."""
    import numpy as np

    dealt = np.random.default_rng(seed).permutation(len(items)).tolist()
    return {items[place]: i % max(2, min(folds, len(items))) for i, place in enumerate(dealt)}


def question(outcomes: Sequence[Outcome]) -> tuple[Unit, str]:
    """Return the one unit and criterion that outcomes are about; InputError if there is none, or several."""
    asked = dict.fromkeys((o.unit, o.criterion) for o in outcomes)
    if len(asked) == 1:
        return next(iter(asked))
    if not asked:
        raise InputError("no outcomes: an answer that was not asked for cannot be reduced")
    (one, a), (two, b) = list(asked)[:2]
    raise InputError(
        f"outcomes are about {len(asked)} questions, such as {one} on {a!r} and {two} on {b!r}; "
        "group them by unit and criterion first"
    )


def commonest_reason(outcomes: Iterable[Outcome]) -> Reason:
    """Return why most abstained; of equally common reasons the first in the list of reasons."""
    counts = Counter(o.reason for o in outcomes if isinstance(o, Abstention))
    order: tuple[Reason, ...] = get_args(Reason)
    return min(counts, key=lambda reason: (-counts[reason], order.index(reason)), default="missing")


def common_source(verdicts: Iterable[Verdict]) -> Source:
    """Return how verdicts were read, if all were read alike; else `sample`."""
    sources = {v.source for v in verdicts}
    return sources.pop() if len(sources) == 1 else "sample"


def joined(
    verdicts: Sequence[Verdict],
    scale: Scale,
    weights: Weights,
    *,
    rater: str,
    source: Source,
    flags: Iterable[str] = (),
    shown: tuple[str, ...] = (),
) -> Verdict:
    """Return one verdict in the place of several: what they share, with a distribution worked out from them.

    Rationales, quotations and the raters' own confidence stay with the verdicts they came from.
    """
    probs, label, value = settled(scale, weights)
    return Verdict(
        rater=rater, unit=verdicts[0].unit, criterion=verdicts[0].criterion, probs=probs, label=label,
        value=value, source=source, mass=math.fsum(v.mass for v in verdicts) / len(verdicts),
        undecided=math.fsum(v.undecided for v in verdicts) / len(verdicts),
        tags=tuple(sorted({tag for v in verdicts for tag in v.tags})), flags=union(verdicts, flags),
        shown=shown,
    )  # fmt: skip


def union(verdicts: Iterable[Verdict], flags: Iterable[str] = ()) -> tuple[str, ...]:
    """Return all flags of verdicts and some more."""
    return tuple(sorted({*flags, *(flag for v in verdicts for flag in v.flags)}))


def relabelled(verdict: Verdict, scale: Scale, flags: Iterable[str] = ()) -> Verdict:
    """Return a verdict that stands alone: its distribution untouched, its label by this room's rule."""
    return replace(verdict, label=label_of(scale, verdict.probs), flags=union([verdict], flags))

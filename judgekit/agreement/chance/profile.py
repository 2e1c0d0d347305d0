"""What stands beside a kappa: how high it could be, how rare labels weigh on it, label by label.

A kappa alone does not say whether raters disagree on the labels or on how often to use them, nor
whether a rare label makes a high agreement count for little (the kappa paradox).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from judgekit.agreement.chance.chance import beyond_chance
from judgekit.agreement.chance.coefficients import estimate, gwet, kappa
from judgekit.agreement.core.estimate import Status, about, is_defined, undefined, unusable, with_interval
from judgekit.agreement.core.intervals import share, wilson
from judgekit.agreement.core.ratings import Floats, Ratings, given
from judgekit.errors import InputError
from judgekit.types import Estimate

PARADOX_GAP, PARADOX_PREVALENCE = 0.2, 0.6


@dataclass(frozen=True, slots=True)
class KappaProfile:
    """A kappa of two raters with what explains it.

    Args:
        kappa_max: The highest kappa that raters with these habits could reach.
        prevalence_index: How far the commonest label outweighs the rest, from both raters' shares: on two
            labels |p11 - p22|; 0 is balance (or more labels than two in balance), 1 is one label only.
        bias_index: Share of ratings two raters would have to move to use labels equally often: |p12 - p21| on
            two.
        specific: Label -> of all uses of the label, the share on which the other rater agreed.
        one_against_rest: Label -> kappa of this label against all others; empty for two labels.
        paradox: Whether agreement is high, kappa low, and a rare label the reason.
    """

    kappa: Estimate
    kappa_max: Estimate
    prevalence_index: Estimate
    bias_index: Estimate
    specific: tuple[tuple[str, Estimate], ...]
    one_against_rest: tuple[tuple[str, Estimate], ...]
    paradox: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What unread or unasked units could change, since they are not missing by chance.

    `coverage` is the share of the units rated by either that both rated; percent agreement is `lowest` if
    every other one were a disagreement, `highest` if an agreement.
    """

    coverage: Estimate
    lowest: Estimate
    highest: Estimate


def kappa_profile(ratings: Any, *, scale: Any = None, level: float = 0.95) -> KappaProfile:
    """A kappa of two raters with its maximum, prevalence, bias and specific agreement.

    `ratings` are `Ratings` of two raters, or raw labels of shape (n_units, 2) with their declared `scale`;
    more than two raters are an `InputError`. Source: Feinstein and Cicchetti (1990), J. Clin. Epidemiol. 43;
    Byrt, Bishop and Carlin (1993), ibid. 46; specific agreement: Dice (1945), with Wilson's interval for the
    share of units of which both raters said the label among those of which either did, of which it is a
    function.

    >>> pairs = [[1, 1]] * 80 + [[1, 0]] * 10 + [[0, 1]] * 5 + [[0, 0]] * 5
    >>> found = kappa_profile(pairs, scale=[0, 1])
    >>> round(found.kappa.value, 2), found.prevalence_index.value, found.paradox
    (0.32, 0.75, True)
    """
    these = given(ratings, scale)
    both = these.complete()
    main = kappa(these, level=level)
    table = confusion(both)
    n = float(table.sum())
    p = table / n if n else table
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    expected = float(rows @ columns)
    most = float(beyond_chance(np.array(np.minimum(rows, columns).sum()), np.array(expected)))
    pooled = (rows + columns) / 2
    index = _plain("prevalence_index", max(2 * float(pooled.max()) - 1, 0.0), main)
    bias = _plain("bias_index", float(np.abs(rows - columns).sum()) / 2, main)
    return KappaProfile(
        kappa=main,
        kappa_max=_plain("kappa_max", most, main),
        prevalence_index=index,
        bias_index=bias,
        specific=tuple((label, specific(both, label, level=level)) for label in both.labels),
        one_against_rest=tuple(
            (label, _against_rest(these, k, level)) for k, label in enumerate(these.labels)
        )
        if len(these.labels) > 2
        else (),
        paradox=is_paradox(main, gwet(both, level=level), index.value),
    )


def confusion(ratings: Ratings) -> Floats:
    """Shape (n_categories, n_categories): how often two raters gave each pair of labels."""
    if ratings.n_raters != 2:
        raise InputError(f"a table is of two raters, found {ratings.n_raters}")
    q = len(ratings.values)
    pairs = ratings.codes[np.all(ratings.codes >= 0, axis=1)]
    counts = np.bincount(pairs[:, 0] * q + pairs[:, 1], minlength=q * q)
    return counts.reshape(q, q).astype(np.float64)


def specific(ratings: Any, label: str, *, scale: Any = None, level: float = 0.95) -> Estimate:
    """Specific agreement of two raters on one label, 2 n_kk / (n_k. + n_.k).

    Ratings as in `kappa_profile`. From 0 to 1; nan if neither rater used the label. A label that is not on
    the scale, or more than two raters, are an `InputError`.

    >>> round(specific([[1, 1], [1, 0], [0, 0], [1, 1]], "1", scale=[0, 1]).value, 3)
    0.8
    """
    these = given(ratings, scale)
    if label not in these.labels:
        raise InputError(f"no label {label!r} on the scale {list(these.labels)}")
    k = these.labels.index(label)
    table = confusion(these)
    agreed = float(table[k, k])
    either = float(table[k].sum() + table[:, k].sum() - agreed)
    n = int(table.sum())
    start = about(
        f"specific_agreement[{label}]", n, these.n_units, level=level, n_raters=2,
        method="2 n_kk / (n_k. + n_.k)",
    )  # fmt: skip
    if reason := unusable(these.codes >= 0, n):
        return undefined(start, reason)
    if either == 0:
        return undefined(start, Status.NO_VARIATION, f"neither rater used {label!r}")
    low, high = wilson(agreed, either, level=level)
    found = _plain(start.name, 2 * agreed / (agreed + either), start)
    if these.clusters is not None:
        return found
    return with_interval(found, 2 * low / (1 + low), 2 * high / (1 + high), interval="wilson")


def within_steps(ratings: Any, steps: int = 1, *, scale: Any = None, level: float = 0.95) -> Estimate:
    """Share of pairs of ratings that lie at most `steps` categories apart.

    Ratings as in `percent`; a scale without order is an `InputError`.

    >>> within_steps([[1, 2], [3, 5], [4, 4], [2, 2]], scale=[1, 2, 3, 4, 5]).value
    0.75
    """
    these = given(ratings, scale)
    if these.level == "nominal":
        raise InputError("a nominal scale has no steps")
    place = np.arange(len(these.values))
    near = (np.abs(place[:, None] - place[None, :]) <= steps).astype(np.float64)
    return estimate(f"agreement_within_{steps}", "percent", these, near, {"level": level})


def coverage(ratings: Any, *, scale: Any = None, level: float = 0.95) -> Coverage:
    """How many units two raters share, and what the others could do to their percent agreement.

    Ratings as in `kappa_profile`; more than two raters are an `InputError`.

    >>> found = coverage([[1, 1], [1, 0], [0, 0], [1, None]], scale=[0, 1])
    >>> found.coverage.value, found.lowest.value, found.highest.value
    (0.75, 0.5, 0.75)
    """
    these = given(ratings, scale)
    agreed = int(np.trace(confusion(these)))
    both = int(np.all(these.codes >= 0, axis=1).sum())
    either = int(np.any(these.codes >= 0, axis=1).sum())
    neither = these.n_units - either
    counts = {
        "coverage": both,
        "percent_agreement_at_least": agreed,
        "percent_agreement_at_most": agreed + either - both,
    }
    return Coverage(
        *(share(k, either, name=name, level=level, dropped=neither) for name, k in counts.items())
    )


def is_paradox(main: Estimate, ac1: Estimate, prevalence_index: float) -> bool:
    """Whether a kappa is low only because one label is rare: |AC1 - kappa| > .2 and index > .6."""
    both = is_defined(main) and is_defined(ac1)
    return both and abs(ac1.value - main.value) > PARADOX_GAP and prevalence_index > PARADOX_PREVALENCE


def _plain(name: str, value: float, like: Estimate) -> Estimate:
    """A number about the same units, without an interval; undefined as they are."""
    start = Estimate(
        name, value, level=like.level, n_units=like.n_units, n_raters=like.n_raters, n_used=like.n_used,
        n_dropped=like.n_dropped, method=like.method if name.startswith("specific") else name,
    )  # fmt: skip
    if like.n_used < 2:
        return undefined(start, like.status)
    return undefined(start, Status.NO_VARIATION) if np.isnan(value) else start


def _against_rest(ratings: Ratings, k: int, level: float) -> Estimate:
    codes = np.where(ratings.codes < 0, -1, (ratings.codes == k).astype(np.intp))
    two = replace(
        ratings, codes=codes, values=np.array([0.0, 1.0]), labels=("rest", ratings.labels[k]), level="nominal"
    )
    found = kappa(two, level=level)
    return replace(found, name=f"cohen_kappa[{ratings.labels[k]}]", method="label against the rest")

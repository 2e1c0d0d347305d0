"""Which coefficients to show: the few that answer for a scale and its raters, and all of them."""

from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from judgekit.agreement.chance.coefficients import (
    Options,
    alpha,
    brennan_prediger,
    conger,
    fleiss,
    gwet,
    kappa,
    percent,
    scott,
)
from judgekit.agreement.chance.profile import kappa_profile, specific, within_steps
from judgekit.agreement.core.ratings import Ratings, given
from judgekit.agreement.core.weights import MOST_HELD, Kind
from judgekit.agreement.models.bland import bland_altman, ccc
from judgekit.agreement.models.icc import icc, iccs
from judgekit.types import Estimate

MOST_LEVELS = 10
"""Up to so many categories a scale with an order is read as a rubric's, above as an interval."""
PARADOX = (
    "kappa_paradox: agreement is high and kappa low because one label is rare; "
    "read kappa with percent agreement, AC1 and the agreement on each label"
)


def headline(ratings: Any, *, scale: Any = None, **options: Unpack[Options]) -> list[Estimate]:
    """The coefficients to show first.

    Args:
        ratings: `Ratings`, or raw labels of shape (n_units, n_raters) with their `scale`.
        scale: The declared scale of raw labels.
        options: Of the intervals, see `Options`.

    Returns:
        Two raters: on labels without order or on two labels Cohen's kappa, AC1 and the agreement on each
        label; on a rubric's scale of up to ten levels quadratic and linear kappa and agreement within
        one level; on longer scales ICC(A,1), concordance and bias. More raters, or gaps: Krippendorff's
        alpha with the scale's metric and AC1 or AC2. Percent agreement always, on up to ten levels.
        Where one rare label makes a kappa low, its notes say `kappa_paradox`.

    >>> [each.name for each in headline([[0, 0], [1, 1], [1, 0], [0, 0]], scale=["0", "1"])]
    ['cohen_kappa', 'percent_agreement', 'gwet_ac1', 'specific_agreement[0]', 'specific_agreement[1]']
    """
    these = given(ratings, scale)
    found: list[Estimate] = []
    plain = these.level == "nominal" or len(these.values) <= 2
    if these.n_raters <= 2:
        found += _of_two(these, options, plain=plain)
    gaps = bool(np.any(these.codes < 0))
    if these.n_raters > 2 or gaps:
        found.append(alpha(these, metric="nominal" if plain else None, **options))
        found.append(gwet(these, weights="identity" if plain else "quadratic", **options))
        if these.n_raters > 2 and len(these.values) <= MOST_LEVELS:
            found.append(percent(these, **options))
        if these.n_raters > 2 and len(these.values) > MOST_LEVELS and these.level != "nominal":
            found.append(icc(these, **_drawn(options)))
    return list({each.name: each for each in found}.values())


def all_coefficients(ratings: Any, *, scale: Any = None, **options: Unpack[Options]) -> list[Estimate]:
    """Every coefficient that has a meaning on the scale, for a table or a forest plot.

    Arguments as of `headline`. On long scales coefficients that take any two labels for different are
    left out.

    >>> len(all_coefficients([[1, 1], [2, 2], [2, 1], [1, 1]], scale=["1", "2"]))
    6
    """
    these = given(ratings, scale)
    found: list[Estimate] = []
    for weights in _weights(these):
        found.append(percent(these, weights=weights, **options))
        if these.n_raters <= 2:
            found.append(kappa(these, weights=weights, **options))
            found.append(scott(these, weights=weights, **options))
        else:
            found.append(conger(these, weights=weights, **options))
            found.append(fleiss(these, weights=weights, **options))
        found.append(gwet(these, weights=weights, **options))
        found.append(brennan_prediger(these, weights=weights, **options))
    if len(these.values) <= MOST_LEVELS:
        found.append(alpha(these, metric="nominal", **options))
    if these.level == "nominal":
        return found
    if len(these.values) > 2:
        found += [alpha(these, metric="ordinal", **options), alpha(these, metric="interval", **options)]
        found += iccs(these, **_drawn(options))
        if these.n_raters == 2:
            found.append(ccc(these, **_drawn(options)).ccc)
    return found


def _of_two(these: Ratings, options: Options, *, plain: bool) -> list[Estimate]:
    if plain:
        main = kappa(these, **options)
        if these.n_raters == 2 and kappa_profile(these).paradox:
            main = replace(main, notes=(*main.notes, PARADOX))
        labels = these.labels if these.n_raters == 2 and len(these.labels) <= MOST_LEVELS else ()
        return [
            main,
            percent(these, **options),
            gwet(these, **options),
            *(specific(these, label, level=options.get("level", 0.95)) for label in labels),
        ]
    if len(these.values) <= MOST_LEVELS:
        return [
            kappa(these, weights="quadratic", **options),
            kappa(these, weights="linear", **options),
            percent(these, **options),
            within_steps(these, level=options.get("level", 0.95)),
        ]
    limits = bland_altman(these, level=options.get("level", 0.95))
    return [icc(these, **_drawn(options)), ccc(these, **_drawn(options)).ccc, limits.bias]


def _weights(these: Ratings) -> tuple[Kind, ...]:
    if these.level == "nominal" or len(these.values) <= 2:
        return ("identity",)
    if len(these.values) <= MOST_LEVELS:
        return ("identity", "linear", "quadratic")
    return ("linear", "quadratic") if len(these.values) <= MOST_HELD else ("quadratic",)


def _drawn(options: Options) -> dict[str, Any]:
    """The options that statistics of numbers take too."""
    return {key: value for key, value in options.items() if key in {"level", "seed", "b"}}

"""Agreement beyond chance as estimates: with an interval, what it rests on, and when it means nothing."""

from typing import Any, Unpack

import numpy.typing as npt

from judgekit.agreement.chance import Metric, metric_weights
from judgekit.agreement.estimating import Options, estimate
from judgekit.agreement.ratings import given
from judgekit.agreement.weights import Kind
from judgekit.errors import InputError
from judgekit.types import Estimate


def percent(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Observed agreement: the mean over units of the share of pairs of raters that agree.

    Args:
        ratings: `Ratings`, or raw labels of shape (n_units, n_raters) with their `scale`.
        scale: The declared scale of raw labels.
        weights: How far two labels agree.
        options: Of the interval, see `Options`.

    Returns:
        From 0 to 1, chance included: on a scale of two labels, one of them rare, it is high for any
        two raters. Wilson's interval for two raters. nan if no unit has two ratings.

    >>> percent([["no", "no"], ["yes", "no"]], scale=["no", "yes"]).value
    0.5
    """
    return estimate(_named("percent_agreement", weights), "percent", given(ratings, scale), weights, options)


def kappa(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Cohen's kappa of two raters, each with their own habits; weighted where `weights` say so.

    Args:
        ratings: `Ratings` of two raters, or raw labels of shape (n_units, 2) with their `scale`.
            Units that one of them did not rate are left out and counted.
        scale: The declared scale of raw labels.
        weights: `identity` for labels without order; `linear` and `quadratic` for a scale with one.
        options: Of the interval, see `Options`.

    Returns:
        At most 1; 0 is what two raters with these habits agree by chance. Fisher's z of the exact
        standard error. nan if both used one and the same label; 0 with status `ok_degenerate` if one
        of them, or both, used one label only.

    Raises:
        InputError: For more than two raters: `conger`, `fleiss` and `alpha` are for them.

    Source:
        Cohen (1960), (1968); Fleiss, Cohen and Everitt (1969).

    >>> kappa([["no", "no"], ["yes", "yes"], ["yes", "no"], ["no", "no"]], scale=["no", "yes"]).value
    0.5
    """
    these = given(ratings, scale)
    if these.n_raters > 2:
        raise InputError(
            f"Cohen's kappa is of two raters, found {these.n_raters}; use conger, fleiss or alpha, "
            "or two columns"
        )
    return estimate(_named("cohen_kappa", weights), "conger", these, weights, options, pairs_only=True)


def conger(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Conger's kappa: Cohen's for any number of raters, each with their own habits.

    Arguments and landmarks as of `kappa`; units with missing ratings stay.

    Source:
        Conger (1980), Psychological Bulletin 88.

    >>> round(conger([[1, 1, 2], [2, 2, 2], [1, 1, 1], [2, 1, 2]], scale=[1, 2]).value, 4)
    0.3846
    """
    return estimate(_named("conger_kappa", weights), "conger", given(ratings, scale), weights, options)


def fleiss(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Fleiss' kappa: raters are exchangeable, and chance draws from what all of them used.

    Arguments as of `percent`. Units with one rating count for the labels used, as in Gwet (2014).

    Source:
        Fleiss (1971), Psychological Bulletin 76.

    >>> round(fleiss([[1, 1, 2], [2, 2, 2], [1, 1, 1], [2, 1, 2]], scale=[1, 2]).value, 4)
    0.3333
    """
    return estimate(_named("fleiss_kappa", weights), "fleiss", given(ratings, scale), weights, options)


def scott(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Scott's pi: Fleiss' kappa of two raters.

    Raises:
        InputError: For more than two raters.

    Source:
        Scott (1955), Public Opinion Quarterly 19.

    >>> round(scott([[1, 1], [2, 2], [1, 2], [1, 1]], scale=[1, 2]).value, 4)
    0.4667
    """
    these = given(ratings, scale)
    if these.n_raters > 2:
        raise InputError(f"Scott's pi is of two raters, found {these.n_raters}; use fleiss")
    return estimate(_named("scott_pi", weights), "fleiss", these, weights, options)


def gwet(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Gwet's AC1, or AC2 with weights: chance is for hard units only, so a rare label costs little.

    Arguments as of `percent`. It rises with every declared label that nobody uses.

    Source:
        Gwet (2008), British Journal of Mathematical and Statistical Psychology 61.

    >>> round(gwet([[1, 1], [2, 2], [1, 2], [1, 1]], scale=[1, 2]).value, 4)
    0.5294
    """
    plain = isinstance(weights, str) and weights == "identity"
    name = "gwet_ac1" if plain else _named("gwet_ac2", weights)
    return estimate(name, "gwet", given(ratings, scale), weights, options)


def brennan_prediger(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Brennan and Prediger's kappa (Randolph's; PABAK on two labels): chance uses all labels alike.

    Arguments as of `percent`. It rises with every declared label that nobody uses.

    Source:
        Brennan and Prediger (1981), Educational and Psychological Measurement 41.

    >>> brennan_prediger([[1, 1], [2, 2], [1, 2], [1, 1]], scale=[1, 2]).value
    0.5
    """
    return estimate(
        _named("brennan_prediger", weights), "brennan_prediger", given(ratings, scale), weights, options
    )


def alpha(
    ratings: Any, *, scale: Any = None, metric: Metric | None = None, **options: Unpack[Options]
) -> Estimate:
    """Krippendorff's alpha: any number of raters, gaps, any scale.

    Args:
        ratings: `Ratings`, or raw labels of shape (n_units, n_raters) with their `scale`. Units with
            fewer than two ratings are left out and counted.
        scale: The declared scale of raw labels.
        metric: `nominal`, `ordinal`, `interval` or `ratio`; the scale's own level where left out.
        options: Of the interval, see `Options`.

    Returns:
        At most 1; 0 is what chance gives. nan if all ratings are the same.

    Source:
        Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability".

    >>> round(alpha([[0, 0], [1, 1], [0, 1], [0, None]], scale=[0, 1], metric="nominal").value, 4)
    0.4444
    """
    these = given(ratings, scale)
    chosen = metric or these.level
    weights = metric_weights(chosen, these.values, these.level)
    return estimate(f"krippendorff_alpha_{chosen}", "alpha", these, weights, options)


def _named(name: str, weights: Kind | npt.ArrayLike) -> str:
    """Name with its weights, which make it another statistic."""
    if not isinstance(weights, str):
        return f"{name}_own_weights"
    return name if weights == "identity" else f"{name}_{weights}"

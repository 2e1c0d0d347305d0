"""What a judge favours beyond what people find better: the longer response, and its own family.

Longer responses are often better, and a judge's own may be, so a correlation is no bias: the coefficients
here hold the human score fixed, and without human labels the answer is `undefined:not_identified`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import spearman
from judgekit.agreement.core.arrays import Clusters, aligned, kept_clusters, varies
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import normal_quantile
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.regress import RIDGE, Fit, coefficient, least_squares, logistic
from judgekit.agreement.core.resample import Drawn, by_sums, ratio, resampled, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate


def partial_spearman(x: npt.ArrayLike, y: npt.ArrayLike, given: npt.ArrayLike) -> float:
    """Return the rank correlation of x and y with the ranks of a third held fixed."""
    # (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)(1 - r_yz^2)); nan where a column is constant or follows `given`.
    a, b, z = (np.asarray(each, dtype=float) for each in (x, y, given))
    ab, az, bz = spearman(a, b), spearman(a, z), spearman(b, z)
    room = (1 - az**2) * (1 - bz**2)
    return float((ab - az * bz) / np.sqrt(room)) if room > 1e-12 else float("nan")


def length_correlation(
    judge: npt.ArrayLike,
    length: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """Partial rank correlation of the judge's score with length, given the human score.

    From -1 to 1; 0 where the judge's score does not follow length beyond what people's does. All have shape
    (n,), nan where missing; a length is in characters or tokens, above 0. `b` 1000 where left out.
    """
    draw = resampling(how, b=1000)
    columns, kept, base = _complete("length_correlation", draw.level, judge=judge, length=length, human=human)
    base = replace(base, method="partial_spearman given human")
    if len(columns) < 5:
        return undefined(base, Status.TOO_FEW)

    def of(index: Codes) -> float:
        return partial_spearman(*columns[index].T)

    value = of(np.arange(len(columns)))
    if np.isnan(value):
        return undefined(base, Status.NO_VARIATION)
    filled = replace(base, value=value)
    return resampled(filled, of, len(columns), draw.over(kept_clusters(clusters, kept)), kind="percentile")


def length_coefficient(
    judge: npt.ArrayLike,
    length: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    items: Sequence[Any] | None = None,
    covariates: Mapping[str, npt.ArrayLike] | None = None,
    clusters: Clusters = None,
    level: float = 0.95,
) -> tuple[Estimate, ...]:
    """Score points the judge pays for each doubling of length, given the human score.

    judge ~ human + log2(length) (+ covariates) (+ a constant for each item), by least squares.

    Args:
        judge: Shape (n,), nan where missing, as `human` (its score) and `length`, which is above 0.
        items: Shape (n,): compares responses to the same item only.
        covariates: Name -> numbers, shape (n,): markdown headers, lists, bold, ...; each gets a coefficient.
        clusters: What rows belong to; the item where left out and `items` is given.

    Returns `length_per_doubling`, then one for each covariate. Family-wise claims over covariates need Holm.
    Raises `InputError` for a length that is not above 0.
    """
    extra = dict(covariates or {})
    columns, kept, base = _complete(
        "length_per_doubling", level, judge=judge, length=length, human=human, **extra
    )
    if np.any(columns[:, 1] <= 0):
        raise InputError("a length is not above 0; log2 of it is needed")
    groups = kept_clusters(clusters if clusters is not None else items, kept)
    x = np.column_stack([np.log2(columns[:, 1]), columns[:, 2:]])
    y = columns[:, 0]
    if items is None:
        x = np.column_stack([x, np.ones(len(x))])
    else:
        own = kept_clusters(items, kept)
        x, y = _within(x, own), _within(y[:, None], own)[:, 0]
    fit = least_squares(x, y, groups) if len(x) else None
    method = "least squares given human" + (", within items" if items is not None else "")
    places = {"length_per_doubling": 0} | {name: 2 + i for i, name in enumerate(extra)}
    return tuple(coefficient(replace(base, name=name, method=method), fit, at) for name, at in places.items())


def length_preference(
    prefers: npt.ArrayLike,
    difference: npt.ArrayLike,
    human_margin: npt.ArrayLike,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """Logit of a judge of pairs for length, given the human margin: b1 of tanh(length difference / sd).

    0 where length moves nothing beyond the human margin.

    Args:
        prefers: Shape (n_pairs,), 1 if the judge prefers the first response, 0 the second, 0.5 a tie.
        difference: Length of the first minus of the second.
        human_margin: How much people prefer the first; 0 where equal.
    """
    columns, kept, base = _complete(
        "length_preference", level, prefers=prefers, difference=difference, human_margin=human_margin
    )
    base = replace(base, unit="pair", method="logit given human margin")
    if not varies(columns[:, 1]):
        return undefined(base, Status.NO_VARIATION if len(columns) > 1 else Status.TOO_FEW)
    sd = float(np.std(columns[:, 1], ddof=1))
    x = np.column_stack([columns[:, 2], np.tanh(columns[:, 1] / sd), np.ones(len(columns))])
    return coefficient(base, logistic(x, columns[:, 0], kept_clusters(clusters, kept)), 1)


def lc_win_rate(
    preference: npt.ArrayLike, difference: npt.ArrayLike, *, clusters: Clusters = None, level: float = 0.95
) -> tuple[Estimate, Estimate, Estimate]:
    """Raw and length-controlled win rate against one baseline, and the length coefficient.

    logit P(win) = theta + phi tanh(difference / sd); the controlled rate is that at difference 0.

    Args:
        preference: Shape (n_items,), 1 a win, 0 a loss, 0.5 a tie, or a probability; nan where missing.
        difference: Length of the system's response minus the baseline's.

    Returns `win_rate`, `lc_win_rate` (delta-method error, interval on the logit scale) and `length_phi`.
    Where the lengths do not differ, the controlled rate is not identified. Source: Dubois et al. (2024),
    arXiv 2404.04475, without its item difficulties. Their reported standard error is that of the fitted
    preferences and leaves the coefficients' own out; this one has it. Checked against statsmodels' binomial
    GLM.
    """
    columns, kept, base = _complete("win_rate", level, preference=preference, difference=difference)
    groups = kept_clusters(clusters, kept)
    ones = np.ones((len(columns), 1))
    raw = coefficient(
        replace(base, method="mean"), least_squares(ones, columns[:, 0], groups) if len(columns) else None, 0
    )
    lc = replace(base, name="lc_win_rate", method="logit with tanh of the length difference")
    phi = replace(lc, name="length_phi")
    if not varies(columns[:, 1]):
        return raw, undefined(lc, Status.NOT_IDENTIFIED), undefined(phi, Status.NOT_IDENTIFIED)
    sd = float(np.std(columns[:, 1], ddof=1))
    x = np.column_stack([ones, np.tanh(columns[:, 1] / sd)])
    fit = logistic(x, columns[:, 0], groups)
    return raw, _rate_at(lc, fit, np.array([1.0, 0.0])), coefficient(phi, fit, 1)


def lc_win_rates(
    systems: Sequence[Any],
    items: Sequence[Any],
    preference: npt.ArrayLike,
    difference: npt.ArrayLike,
    *,
    ridge: float = 1.0,
    level: float = 0.95,
) -> Mapping[str, Estimate]:
    """Length-controlled win rates of several systems on the same items, fitted together.

    logit P(win) = theta_m + phi_m tanh(difference / sd) + gamma_item, a ridge on gamma (about one over the
    variance of the items' difficulties in logits); the rate of a system averages its logit over all items at
    equal length. `systems`, `items`, `preference` and `difference` have shape (n_rows,), the last two as in
    `lc_win_rate`. Returns system -> `lc_win_rate`; not identified where the system's own lengths do not
    differ, undefined where it has no complete row. A note says where wins and losses are separated, so that a
    small ridge alone holds the coefficients finite. Source: As `lc_win_rate`; there item difficulties come
    from a file and have a slope for each system.
    """
    y, d = aligned(preference=preference, difference=difference)
    kept = ~(np.isnan(y) | np.isnan(d))
    own, of_item = coded_clusters(systems, len(y)), coded_clusters(items, len(y))
    if own is None or of_item is None or not len(y):
        return {}
    names = dict(zip(own.tolist(), map(str, systems), strict=True))
    m, q = len(names), int(of_item.max()) + 1
    sd = float(np.std(d[kept], ddof=1)) if kept.sum() > 1 else 0.0
    at, t = np.eye(m)[own], np.tanh(d / sd if sd > 0 else np.zeros_like(d))
    x = np.column_stack([at, at * t[:, None], np.eye(q)[of_item]])[kept]
    # phi is not identified for a system whose lengths never differ; the small ridge holds it at 0.
    penalty = np.concatenate([np.full(2 * m, RIDGE), np.full(q, ridge)])
    fit = logistic(x, y[kept], None, ridge=penalty) if kept.any() else None
    made = {}
    for code, name in names.items():
        mine, total = kept & (own == code), int((own == code).sum())
        n = int(mine.sum())
        base = about(
            "lc_win_rate", n, total, level=level, unit="item", method=f"joint logit, ridge {ridge:g}"
        )
        if n == 0:
            made[name] = undefined(base, Status.TOO_FEW)
        elif not varies(d[mine]):
            made[name] = undefined(base, Status.NOT_IDENTIFIED, "the lengths of its responses do not differ")
        else:
            notes = (f"a ridge of {RIDGE:g} holds the coefficients finite",)
            found = _averaged(base, fit, code, m, q)
            made[name] = replace(found, notes=notes) if _separated(t[mine], y[mine]) else found
    return made


def _separated(x: Floats, y: Floats) -> bool:
    """Whether all wins lie on one side of all losses, so that a logit has no finite top."""
    won, lost = x[y > 0], x[y < 1]
    return not (len(won) and len(lost)) or won.min() >= lost.max() or lost.min() >= won.max()


def _averaged(base: Estimate, fit: Fit | None, system: int, m: int, q: int) -> Estimate:
    if fit is None:
        return undefined(base, Status.NOT_IDENTIFIED)
    p = 1 / (1 + np.exp(-(fit.coef[system] + fit.coef[2 * m :])))
    slope = np.zeros(len(fit.coef))
    slope[system] = np.mean(p * (1 - p))
    slope[2 * m :] = p * (1 - p) / q
    value, se = float(p.mean()), float(np.sqrt(slope @ fit.cov @ slope))
    return _on_logit(base, value, se)


def _rate_at(base: Estimate, fit: Fit | None, contrast: Floats) -> Estimate:
    made = coefficient(base, fit, contrast)
    if fit is None or np.isnan(made.value):
        return made
    low, value, high = (float(1 / (1 + np.exp(-z))) for z in (made.low, made.value, made.high))
    return replace(made, value=value, low=low, high=high, se=made.se * value * (1 - value))


def _on_logit(base: Estimate, value: float, se: float) -> Estimate:
    half = normal_quantile(base.level) * se / (value * (1 - value))
    middle = float(np.log(value / (1 - value)))
    low, high = (float(1 / (1 + np.exp(-(middle + s * half)))) for s in (-1, 1))
    return replace(base, value=value, low=low, high=high, se=se, interval="wald_logit")


def _within(x: Floats, groups: Codes | None) -> Floats:
    """Columns minus their group's mean."""
    if groups is None or not len(x):
        return x
    sums = np.zeros((int(groups.max()) + 1, x.shape[1]))
    np.add.at(sums, groups, x)
    return np.asarray(x - (sums / np.bincount(groups)[:, None])[groups], dtype=float)


def _complete(
    name: str, level: float, **raw: npt.ArrayLike
) -> tuple[Floats, npt.NDArray[np.bool_], Estimate]:
    """Complete rows, which they are, and an estimate that counts them."""
    columns = np.column_stack(aligned(**raw))
    kept = ~np.any(np.isnan(columns), axis=1)
    n = int(kept.sum())
    base = about(name, n, len(columns), level=level, n_raters=1)
    return columns[kept], kept, base


WHY = "no human labels: being better and being favoured look the same"


def self_preference(
    judge: npt.ArrayLike,
    own: npt.ArrayLike,
    human: npt.ArrayLike | None = None,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """Judge minus human score on its own family's responses, less the same on others', in score points.

    0: it is as lenient with its own as with others. `judge` and `human` are scores (n,), nan where missing;
    `own` is 1 for a response of the judge's family, 0 for another.
    """
    base = Estimate("self_preference", float("nan"), level=level, method="signed error, own minus others")
    columns, kept, base = _prepared(base, judge, own, human)
    if len(columns) == 0 or len(np.unique(columns[:, 1])) < 2:
        return undefined(
            base, Status.NOT_IDENTIFIED, WHY if human is None else "own and other responses are needed"
        )
    x = np.column_stack([columns[:, 1], np.ones(len(columns))])
    groups = kept_clusters(clusters, kept)
    return coefficient(base, least_squares(x, columns[:, 0] - columns[:, 2], groups), 0)


def self_preference_in_pairs(
    prefers_own: npt.ArrayLike,
    human_margin: npt.ArrayLike | None = None,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """Gamma of logit P(judge prefers its own) = b human_margin + gamma, in logits.

    `prefers_own` (n_pairs,) is of an own and another's response: 1 own wins, 0 other wins, 0.5 a tie;
    `human_margin` is how much people prefer the own one; 0 where equal.
    """
    base = Estimate("self_preference_logit", float("nan"), level=level, unit="pair", method="logit")
    columns, kept, base = _prepared(base, prefers_own, prefers_own, human_margin)
    if len(columns) == 0:
        return undefined(base, Status.NOT_IDENTIFIED, WHY if human_margin is None else "no complete pairs")
    x = np.column_stack([columns[:, 2], np.ones(len(columns))])
    return coefficient(base, logistic(x, columns[:, 0], kept_clusters(clusters, kept)), 1)


def equal_opportunity(
    prefers_own: npt.ArrayLike,
    human_prefers_own: npt.ArrayLike | None = None,
    *,
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """P(judge: own | people: own) - P(judge: other | people: other).

    From -1 to 1; above 0 it misses fewer wins of its own than of others. `prefers_own` (n_pairs,) is above
    0.5 where the judge prefers its own, below where the other; `human_prefers_own` the same of people, whose
    ties are left out. Source: Wataoka et al. (2024), arXiv 2410.21819.
    """
    draw = resampling(how)
    base = Estimate(
        "equal_opportunity", float("nan"), level=draw.level, unit="pair", method="difference of recalls"
    )
    columns, kept, base = _prepared(base, prefers_own, prefers_own, human_prefers_own)
    if human_prefers_own is None or len(columns) == 0:
        return undefined(base, Status.NOT_IDENTIFIED, WHY)
    judged, people = columns[:, 0], columns[:, 2]
    own, other = people > 0.5, people < 0.5
    flat = np.column_stack([own * (judged > 0.5), own, other * (judged < 0.5), other]).astype(float)

    def of(sums: Floats) -> Floats:
        return ratio(sums[:, 0], sums[:, 1]) - ratio(sums[:, 2], sums[:, 3])

    none = (Status.NOT_IDENTIFIED, "people must prefer own responses in some pairs and others in some")
    return by_sums(base, flat, of, draw.over(kept_clusters(clusters, kept)), none=none)


def _prepared(
    base: Estimate, judge: npt.ArrayLike, own: npt.ArrayLike, human: npt.ArrayLike | None
) -> tuple[Floats, npt.NDArray[np.bool_], Estimate]:
    x, mine = aligned(judge=judge, own=own)
    people = np.full(len(x), np.nan) if human is None else aligned(judge=judge, human=human)[1]
    columns = np.column_stack([x, mine, people])
    kept = ~np.any(np.isnan(columns), axis=1)
    n = int(kept.sum())
    return columns[kept], kept, replace(
        base, n_units=len(x), n_raters=1, n_used=n, n_dropped=len(x) - n
    )  # fmt: skip

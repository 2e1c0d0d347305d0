"""Difficulty from features of items: the Rasch model whose item levels are a regression with an error.

logit P(system i is right on item j) = theta_i + mu + F_j w + e_j, e ~ N(0, s^2), with a ridge on w that
leaving items out decides. s^2 is what features do not explain; it is never taken for nothing. They may be
worthless, and then no ridge beats leaving them out, and that is said.

Source: Truong et al. (2025), "Reliable and Efficient Amortized Model-Based Evaluation", arXiv 2503.13335,
whose z is our level (above 0 is easier); in one fit instead of two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError
from judgekit.standing.random_items import checked, random_items, top_of

RIDGES = (1.0, 10.0, 100.0)
_GRID = np.linspace(-8, 8, 97)
_SURE = 1.645  # standard errors by which features have to do better on items left out
_NODES = 41


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Amortised:
    """Levels of items by their features.

    Args:
        items: All that have features, answered or not; `levels` are foretold by features alone.
        ability: Shape (n_systems,), with mean 0.
        weights: Of the features, standardised; all 0 where they explain nothing.
        sd: Of levels about what features foretell.
        explained: Share of the variance of levels that features explain.
        gain: Log-likelihood of an item left out, above that without features, and its error `gain_se`.
        ridge: The ridge that was chosen; None where features explain nothing.
        expected: Shape (n_systems, n_items): the probability of a right answer, by answers and features.
    """

    items: tuple[str, ...]
    levels: Floats
    ability: Floats
    mean: float
    weights: Floats
    sd: float
    explained: float
    gain: float
    gain_se: float
    ridge: float | None
    expected: Floats
    log_likelihood: float

    @property
    def words(self) -> str:
        """What features explain, in words."""
        if self.ridge is None:
            return "features explain nothing"
        return f"features explain {self.explained:.0%} of how hard items are"


def amortised(
    answers: npt.ArrayLike,
    features: npt.ArrayLike,
    items: Sequence[str] | None = None,
    *,
    ridge: float | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Amortised:
    """Fit levels of items by features.

    Args:
        answers: Shape (n_systems, n_items), on [0, 1], nan where missing; an item may have none.
        features: Shape (n_items, n_features), finite.
        items: Ids of the items; their places where left out.
        ridge: The ridge, 0 for none; where left out, items left out decide, and whether it is worth it.
        folds: How many parts of the items are left out in turn.
        seed: Of the folds.
    """
    x, f = checked(answers), np.asarray(features, dtype=float)
    if f.ndim != 2 or len(f) != x.shape[1] or not np.isfinite(f).all():
        raise InputError(
            f"features have shape {f.shape}; one row of finite numbers for each of {x.shape[1]} items"
        )
    fit = random_items(x, slopes=False, errors="none")
    if fit.status.startswith("undefined"):
        raise InputError(
            f"the answers place no system ({fit.status}); {'; '.join(fit.notes) or 'give more of them'}"
        )
    keep = ~np.isnan(fit.ability)
    size = f.std(axis=0)
    z = (f - f.mean(axis=0)) / np.where(size > 0, size, 1.0)
    seen = ~np.isnan(x[keep]).all(axis=0)
    data = _Data(x[keep][:, seen], z[seen], *_nodes())
    gain, error, chosen = 0.0, float("nan"), ridge
    if ridge is None:
        gain, error, chosen = _left_out(data, fit.ability[keep], folds, seed)
    z = z if chosen is not None else z[:, :0]
    data = data._replace(f=z[seen])
    start = np.concatenate(
        [fit.ability[keep], [fit.mean_level], np.zeros(data.f.shape[1]), [np.log(fit.sd_level)]]
    )
    top, _ = top_of(partial(_negative, data, chosen or 0.0), start)
    n, ability = int(keep.sum()), fit.ability.copy()
    ability[keep] = top[:n] - top[:n].mean()
    weights = np.zeros(f.shape[1])
    weights[: z.shape[1]] = top[n + 1 : -1]
    foretold, sd = z @ top[n + 1 : -1], float(np.exp(top[-1]))
    known, expected = float(np.var(foretold[seen])), np.full(x.shape, np.nan)
    _, post, p = _look(data._replace(x=x[keep], f=z), top)
    expected[keep] = np.einsum("njq,jq->nj", p, post)
    return Amortised(
        items=tuple(items if items is not None else map(str, range(len(f)))),
        levels=top[n] + foretold, ability=ability, mean=float(top[n]), weights=weights, sd=sd,
        explained=known / (known + sd**2), gain=gain, gain_se=error, ridge=chosen,
        expected=expected, log_likelihood=-_negative(data, 0.0, top)[0],
    )  # fmt: skip


class _Data(NamedTuple):
    x: Floats
    f: Floats
    v: Floats
    log_w: Floats


def _nodes() -> tuple[Floats, Floats]:
    v = np.linspace(-4.5, 4.5, _NODES)
    return v, -(v**2) / 2 - np.logaddexp.reduce(-(v**2) / 2)


def _negative(data: _Data, ridge: float, parameters: Floats) -> tuple[float, Floats]:
    """Return minus the log likelihood, with the ridge, and its gradient, at (theta, mu, w, log s)."""
    x, w = np.nan_to_num(data.x), parameters[len(data.x) + 1 : -1]
    each, post, p = _look(data, parameters)
    seen = p * ~np.isnan(data.x)[:, :, None] * post
    by_item, by_theta = x.sum(axis=0) - seen.sum(axis=(0, 2)), x.sum(axis=1) - seen.sum(axis=(1, 2))
    by_sd = float(((x.sum(axis=0)[:, None] * post - seen.sum(axis=0)) @ data.v).sum()) * np.exp(
        parameters[-1]
    )
    parts = [by_theta - by_theta.mean(), [by_item.sum()], data.f.T @ by_item - ridge * w, [by_sd]]
    return -float(each.sum() - ridge * w @ w / 2), -np.concatenate(parts)


def _look(data: _Data, parameters: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log likelihoods of items, their posteriors (n_items, Q), and p (n_systems, n_items, Q)."""
    n, m, x = len(data.x), ~np.isnan(data.x), np.nan_to_num(data.x)
    theta = parameters[:n] - parameters[:n].mean()
    levels = (parameters[n] + data.f @ parameters[n + 1 : -1])[:, None] + np.exp(parameters[-1]) * data.v
    joint = (theta @ x)[:, None] + x.sum(axis=0)[:, None] * levels + data.log_w
    p = np.empty((n, *levels.shape))
    for i in range(n):
        log_q = -np.logaddexp(0, theta[i] + levels)
        joint += np.where(m[i][:, None], log_q, 0.0)
        p[i] = np.exp(theta[i] + levels + log_q)
    each = np.logaddexp.reduce(joint, axis=1)
    return each, np.exp(joint - each[:, None]), p


def _left_out(data: _Data, theta: Floats, folds: int, seed: int) -> tuple[float, float, float | None]:
    """Return how much the best ridge gains on items left out, its error, and that ridge if it is sure to."""
    m, x = ~np.isnan(data.x), np.nan_to_num(data.x)
    log_q = -np.logaddexp(0, theta[:, None] + _GRID)
    log_l = (theta @ x)[:, None] + np.outer(x.sum(axis=0), _GRID) + m.T.astype(float) @ log_q
    fold = np.random.default_rng(seed).permutation(len(data.f)) % folds
    gains = np.zeros((len(RIDGES), len(data.f)))
    for out in (fold == k for k in range(folds)):
        plain = _log_marginal(log_l[out], *_levels(log_l[~out], data.f[~out, :0], 0.0, data.f[out, :0]))
        for i, ridge in enumerate(RIDGES):
            foretold = _levels(log_l[~out], data.f[~out], ridge, data.f[out])
            gains[i, out] = _log_marginal(log_l[out], *foretold) - plain
    best = int(gains.mean(axis=1).argmax())
    gain = float(gains[best].mean())
    error = float(gains[best].std(ddof=1) / np.sqrt(len(data.f)))
    return gain, error, RIDGES[best] if gain > _SURE * error else None


def _levels(log_l: Floats, f: Floats, ridge: float, new: Floats) -> tuple[Floats, float]:
    """Return what features foretell of new items, and the error, by expectation and maximisation."""
    design = np.column_stack([np.ones(len(f)), f])
    penalty = np.diag([0.0, *[ridge] * f.shape[1]])
    at, sd = np.zeros(design.shape[1]), 1.5
    for _ in range(200):
        joint = log_l - ((_GRID - (design @ at)[:, None]) / sd) ** 2 / 2
        post = np.exp(joint - joint.max(axis=1, keepdims=True))
        post /= post.sum(axis=1, keepdims=True)
        mean = post @ _GRID
        new_at = np.linalg.lstsq(design.T @ design + penalty * sd**2, design.T @ mean, rcond=None)[0]
        new_sd = float(np.sqrt(np.mean((post * (_GRID - (design @ new_at)[:, None]) ** 2).sum(axis=1))))
        moved = np.abs(new_at - at).max() + abs(new_sd - sd)
        at, sd = new_at, max(new_sd, 0.05)
        if moved < 1e-3:
            break
    return np.column_stack([np.ones(len(new)), new]) @ at, sd


def _log_marginal(log_l: Floats, levels: Floats, sd: float) -> Floats:
    prior = -(((_GRID - levels[:, None]) / sd) ** 2) / 2
    whole = np.logaddexp.reduce(log_l + prior, axis=1) - np.logaddexp.reduce(prior, axis=1)
    return np.asarray(whole)

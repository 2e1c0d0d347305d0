"""Item response for a few systems and many items: the items are random, each with a slope of its own.

logit P(system i is right on item j) = a_j theta_i + c_j, with slopes a ~ N(1, s_a^2) of free sign and levels
c ~ N(mu, s_c^2); abilities theta are fixed, with mean 0. What is long is integrated out: models of schools
integrate over persons, and with twelve systems and a thousand items their 95 % intervals hold the truth in
6 % of cases. Without slopes (`slopes=False`) it is the Rasch model. An answer is 1, 0 or, as a
quasi-likelihood, a number between them. For many systems and few items `random_systems` is the other way.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import inverse_of
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError

Errors = Literal["items", "model", "none"]
FEW_SYSTEMS = 30
"""Below so many systems the slopes of single items say little."""
_MANY_SYSTEMS = 60  # from here on an item's posterior is narrow against 41 nodes
_FLAT = 0.2
_USUAL_SPREAD = math.log(0.4)  # of slopes; the prior is one unit of log wide
_AT_ONCE = 4_000_000  # numbers of a block of posteriors
_STEEP = 1e-4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ItemResponse:
    """Systems and items on one scale of logits.

    Args:
        ability: Shape (n_systems,), with mean 0; nan for a system that was right, or wrong, on everything.
        ability_se: Its standard errors, clustered by item; `covariance` (n_systems, n_systems) goes with
            them, and has no rows where systems are random.
        slope: Shape (n_items,): how well an item tells systems apart, and `slope_sd` its error.
        level: Shape (n_items,): the log-odds of an average system on it, and `level_sd`.
        negative: Shape (n_items,): the probability that the slope is below 0; `flat`: that it is below 0.2.
        infit: Shape (n_items,): mean squares of an item's answers against the model, 1 is as expected;
            `outfit` with equal weights.
        expected: Shape (n_systems, n_items): the probability of a right answer.
        mean_level: Of all items, and their spread `sd_level` and `sd_slope`.
        status: `ok`; `undefined:too_few`, `undefined:not_identified` with the groups that share no item in
            `notes`; `unstable:not_converged`.
    """

    ability: Floats
    ability_se: Floats
    covariance: Floats
    slope: Floats
    slope_sd: Floats
    level: Floats
    level_sd: Floats
    negative: Floats
    flat: Floats
    infit: Floats
    outfit: Floats
    expected: Floats
    mean_level: float
    sd_level: float
    sd_slope: float
    log_likelihood: float
    objective: float
    status: str = "ok"
    notes: tuple[str, ...] = ()

    @property
    def difficulty(self) -> Floats:
        """The ability at which a right answer is as likely as a wrong one; nan where the item may be flat."""
        sure = self.flat < 0.05
        return np.where(sure, -self.level / np.where(sure, self.slope, 1.0), np.nan)


def checked(answers: npt.ArrayLike) -> Floats:
    """Return answers as (n_systems, n_items); an InputError unless all are on [0, 1] or missing."""
    x = np.asarray(answers, dtype=float)
    if x.ndim != 2:
        raise InputError(f"answers have the shape (n_systems, n_items), not {x.shape}")
    if np.any(stray := (x < 0) | (x > 1)):
        raise InputError(
            f"an answer is a number from 0 to 1, or nan, not {x[stray][0]:g}; rescale the scores"
        )
    return x


def random_items(
    answers: npt.ArrayLike,
    *,
    slopes: bool = True,
    errors: Errors = "items",
    nodes: tuple[int, int] | None = None,
    systems: Sequence[str] | None = None,
) -> ItemResponse:
    """Fit abilities of systems, with items random.

    Args:
        answers: Shape (n_systems, n_items), on [0, 1]; nan where a system did not answer.
        slopes: Whether items have slopes of their own; without them this is the Rasch model.
        errors: Standard errors clustered by `items` (right where several judges rate one response, too), from
            the `model`, or `none`, which is faster.
        nodes: For slopes and levels; 21 and 41, beyond 60 systems 31 and 61.
        systems: Names for the notes; numbers where left out.

    Returns the fit: logits of the average item. Its spread of slopes has a prior about 0.4, one unit of log
    wide, since twelve systems do not tell it. Checked against a second code on a finer grid, and without
    slopes against lme4.

    >>> said = [[1, 1, 0, 1, 1, 1], [1, 0, 0, 1, 0, 1], [0, 0, 0, 1, 1, 0]]
    >>> random_items(said, slopes=False).ability.round(1).tolist()
    [1.8, -0.4, -1.4]
    """
    x = checked(answers)
    there = ~np.isnan(x)
    sums, seen = np.nansum(x, axis=1), there.sum(axis=1)
    inside = np.flatnonzero((sums > 0) & (sums < seen))
    blank = _blank(x)
    names = list(map(str, range(len(x)))) if systems is None else list(systems)
    outside = ", ".join(names[i] for i in np.setdiff1d(np.arange(len(x)), inside))
    notes = (f"right on everything, or wrong, so that no number places them: {outside}",) if outside else ()
    if len(inside) < 2 or not there.any():
        return replace(blank, status="undefined:too_few", notes=notes)
    if len(groups := _groups(there[inside])) > 1:
        told = "; ".join(", ".join(names[inside[i]] for i in group) for group in groups)
        said = f"groups of systems that share no item: {told}"
        return replace(blank, status="undefined:not_identified", notes=(*notes, said))
    n_slope, n_level = nodes or ((21, 41) if len(inside) <= _MANY_SYSTEMS else (31, 61))
    data = _data(x[inside], n_slope if slopes else 1, n_level)
    found, converged = top_of(partial(_negative, data), _start(data))
    fit = _fit(data, found, blank, inside, errors=errors)
    return replace(fit, status="ok" if converged else "unstable:not_converged", notes=notes)


def _blank(x: Floats) -> ItemResponse:
    n, n_items = x.shape
    system, item, nan = np.full(n, np.nan), np.full(n_items, np.nan), float("nan")
    return ItemResponse(
        ability=system, ability_se=system, covariance=np.full((n, n), np.nan), slope=item, slope_sd=item,
        level=item, level_sd=item, negative=item, flat=item, infit=item, outfit=item,
        expected=np.full(x.shape, np.nan), mean_level=nan, sd_level=nan, sd_slope=nan, log_likelihood=nan,
        objective=nan,
    )  # fmt: skip


def _groups(there: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Return groups of systems within which each is joined to each by items that both answered."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, rows, columns = len(there), *np.nonzero(there)
    size = n + there.shape[1]
    graph = coo_array((np.ones(len(rows)), (rows, n + columns)), shape=(size, size))
    _, member = connected_components(graph, directed=False)
    return [np.flatnonzero(member[:n] == group).tolist() for group in np.unique(member[:n])]


class _Data(NamedTuple):
    """Answers with 0 where missing, `m` 1 where there is one, and nodes of a standard normal with weights."""

    x: Floats
    m: Floats
    whole: bool
    u: Floats
    v: Floats
    log_w: Floats


def _data(x: Floats, n_slope: int, n_level: int) -> _Data:
    v, u = np.linspace(-4.5, 4.5, n_level), np.linspace(-4, 4, n_slope) if n_slope > 1 else np.zeros(1)
    grid_u, grid_v = (each.ravel() for each in np.meshgrid(u, v))
    log_w = -(grid_u**2 + grid_v**2) / 2
    m = ~np.isnan(x)
    log_w -= np.logaddexp.reduce(log_w)
    return _Data(np.nan_to_num(x), m.astype(float), bool(m.all()), grid_u, grid_v, log_w)


def _start(data: _Data) -> Floats:
    logit = np.log((data.x.sum(axis=1) + 0.5) / (data.m.sum(axis=1) - data.x.sum(axis=1) + 0.5))
    return np.concatenate([logit - logit.mean(), [logit.mean(), 0.0, _USUAL_SPREAD]])


class _At(NamedTuple):
    """The model at parameters (abilities, mu, log s_c, log s_a), at each node g."""

    theta: Floats
    a: Floats
    c: Floats
    log_q: Floats  # (n, G)
    p: Floats  # (n, G)
    sd_level: float
    sd_slope: float


def _at(data: _Data, parameters: Floats) -> _At:
    theta = parameters[:-3] - parameters[:-3].mean()
    sd_level, sd_slope = np.exp(np.clip(parameters[-2:], -8, 5)).tolist()
    a, c = 1 + sd_slope * data.u, parameters[-3] + sd_level * data.v
    eta = theta[:, None] * a + c
    log_q = -np.logaddexp(0, eta)
    return _At(theta, a, c, log_q, np.exp(eta + log_q), sd_level, sd_slope)


def _posteriors(data: _Data, at: _At) -> Iterator[tuple[slice, Floats, Floats]]:
    """Yield blocks of items with their log likelihoods and their posteriors over nodes, (n_items, G)."""
    size = max(_AT_ONCE // len(at.a), 1)
    for start in range(0, data.x.shape[1], size):
        block = slice(start, start + size)
        x = data.x[:, block]
        joint = np.outer(at.theta @ x, at.a) + np.outer(x.sum(axis=0), at.c) + data.log_w
        joint += at.log_q.sum(axis=0) if data.whole else data.m[:, block].T @ at.log_q
        top = joint.max(axis=1, keepdims=True)
        post = np.exp(joint - top)
        total = post.sum(axis=1, keepdims=True)
        yield block, (top + np.log(total))[:, 0], post / total


def _negative(data: _Data, parameters: Floats) -> tuple[float, Floats]:
    """Return the objective and its gradient, both with their signs changed."""
    at = _at(data, parameters)
    value, theta, seen = 0.0, np.zeros(len(at.theta)), np.zeros_like(at.p)
    by_u = by_v = 0.0
    for block, each, post in _posteriors(data, at):
        x = data.x[:, block]
        value += float(each.sum())
        theta += x @ (post @ at.a)
        by_u += float((at.theta @ x) @ (post @ data.u))
        by_v += float(x.sum(axis=0) @ (post @ data.v))
        seen += post.sum(axis=0) if data.whole else data.m[:, block] @ post
    seen *= at.p
    theta -= seen @ at.a
    gap = parameters[-1] - _USUAL_SPREAD
    scale = [
        data.x.sum() - seen.sum(),
        at.sd_level * (by_v - float(seen.sum(axis=0) @ data.v)),
        at.sd_slope * (by_u - float(at.theta @ (seen @ data.u))) - gap,
    ]
    return -(value - gap**2 / 2), -np.concatenate([theta - theta.mean(), scale])


def top_of(negative: Callable[[Floats], tuple[float, Floats]], start: Floats) -> tuple[Floats, bool]:
    """Return where an objective is largest, and whether it is level there."""
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # small products, a thousand times over: threads wait for each other
        found = minimize(
            negative, start, jac=True, method="L-BFGS-B",
            options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-6, "maxcor": 30},
        )  # fmt: skip
    return found.x, bool(np.abs(found.jac).max() < _STEEP * max(1.0, abs(found.fun) / 1e4))


def _curvature(negative: Callable[[Floats], tuple[float, Floats]], top: Floats, h: float = 1e-4) -> Floats:
    """Return the observed information, by differences of the exact gradient."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        rows = [(negative(top + h * e)[1] - negative(top - h * e)[1]) / (2 * h) for e in np.eye(len(top))]
    return (np.array(rows) + np.array(rows).T) / 2


def _fit(data: _Data, top: Floats, blank: ItemResponse, inside: Codes, *, errors: Errors) -> ItemResponse:
    at = _at(data, top)
    n_items, n = data.x.shape[1], len(at.theta)
    item = {name: np.empty(n_items) for name in ("a", "a2", "u", "v", "v2", "negative", "flat")}
    cell = {name: np.empty((n, n_items)) for name in ("p", "p2", "pa", "pu", "pv", "over_p", "over_q")}
    value = 0.0
    q = np.exp(at.log_q)
    with np.errstate(divide="ignore", over="ignore"):
        over_p, over_q = 1 / np.maximum(at.p, 1e-12), 1 / np.maximum(q, 1e-12)
    by_node = {
        "p": at.p, "p2": at.p**2, "pa": at.p * at.a, "pu": at.p * data.u, "pv": at.p * data.v,
        "over_p": over_p, "over_q": over_q,
    }  # fmt: skip
    of_node = {
        "a": at.a, "a2": at.a**2, "u": data.u, "v": data.v, "v2": data.v**2,
        "negative": (at.a < 0).astype(float) + (at.a == 0) / 2,
        "flat": (at.a < _FLAT).astype(float),
    }  # fmt: skip
    for block, each, post in _posteriors(data, at):
        value += float(each.sum())
        for name, of in of_node.items():
            item[name][block] = post @ of
        for name, by in by_node.items():
            cell[name][:, block] = by @ post.T
    infit, outfit = _mean_squares(data, cell)
    sd_a, sd_v = (np.sqrt(np.maximum(item[f"{x}2"] - item[x] ** 2, 0.0)) for x in "av")
    ability, ability_se, expected = blank.ability.copy(), blank.ability.copy(), blank.expected.copy()
    covariance = blank.covariance.copy()
    ability[inside], expected[inside] = at.theta, cell["p"]
    if errors != "none":
        own = _covariance(data, at, top, None if errors == "model" else (item, cell))
        covariance[np.ix_(inside, inside)] = own
        ability_se[inside] = np.sqrt(np.maximum(np.diag(own), 0.0))
    return replace(
        blank, ability=ability, ability_se=ability_se, covariance=covariance, slope=item["a"], slope_sd=sd_a,
        level=top[-3] + at.sd_level * item["v"], level_sd=at.sd_level * sd_v, negative=item["negative"],
        flat=item["flat"], infit=infit, outfit=outfit, expected=expected, mean_level=float(top[-3]),
        sd_level=at.sd_level, sd_slope=at.sd_slope if len(np.unique(data.u)) > 1 else 0.0,
        log_likelihood=value, objective=-_negative(data, top)[0],
    )  # fmt: skip


def _mean_squares(data: _Data, cell: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Return infit and outfit of items, averaged over their posteriors, so that 1 is expected."""
    x, m = data.x, data.m
    squares = m * (x**2 - 2 * x * cell["p"] + cell["p2"])
    equal = m * (x**2 * (cell["over_p"] + cell["over_q"]) + (1 - 2 * x) * cell["over_q"] - 1)
    n = m.sum(axis=0)
    some = np.where(n > 0, n, np.nan)
    infit = squares.sum(axis=0) / (m * (cell["p"] - cell["p2"])).sum(axis=0).clip(1e-12)
    return np.where(n > 0, infit, np.nan), equal.sum(axis=0) / some


def _covariance(
    data: _Data, at: _At, top: Floats, clustered: tuple[dict[str, Floats], dict[str, Floats]] | None
) -> Floats:
    """Return the covariance of abilities by the model, or from how the items' scores vary."""
    inverse = inverse_of(_curvature(partial(_negative, data), top), lost=1e-9)
    if clustered is None:
        return np.asarray(inverse[:-3, :-3], dtype=float)
    (item, cell), x, m = clustered, data.x, data.m
    theta = x * item["a"] - m * cell["pa"]
    of_items = np.vstack([
        theta - theta.mean(axis=0),
        x.sum(axis=0) - (m * cell["p"]).sum(axis=0),
        at.sd_level * (x.sum(axis=0) * item["v"] - (m * cell["pv"]).sum(axis=0)),
        at.sd_slope * ((at.theta @ x) * item["u"] - at.theta @ (m * cell["pu"])),
    ])  # fmt: skip
    used = int((m.sum(axis=0) > 0).sum())
    few = used / (used - 1) if used > 1 else np.nan  # one item says nothing of others
    spread = inverse @ (of_items @ of_items.T) @ inverse * few
    return np.asarray(spread[:-3, :-3], dtype=float)


def random_systems(
    answers: npt.ArrayLike, *, prior: bool = True, errors: Errors = "model", nodes: int = 61
) -> ItemResponse:
    """Fit slopes and levels of items, with the abilities of systems N(0, 1) and random.

    Args:
        answers: As of `random_items`; for 200 systems and more, and more systems than items.
        prior: Whether slopes are N(1, 1) and levels N(0, 9) beforehand; without it an item that all got right
            has no finite level.
        errors: Standard errors from the observed information, or `none`, which is faster.
        nodes: Over abilities from -6 to 6.

    Slopes have a free sign, which the majority of items decides. Source: Bock & Aitkin (1981), Psychometrika
    46. Checked against ltm with a reversed item.
    """
    x = checked(answers)
    blank = replace(_blank(x), covariance=np.zeros((0, 0)))
    m = ~np.isnan(x)
    if len(x) < 2 or not m.any() or np.nanmin(x) == np.nanmax(x):
        return replace(blank, status="undefined:too_few")
    x, m = np.nan_to_num(x), m.astype(float)
    theta = np.linspace(-6, 6, nodes)
    log_w = -(theta**2) / 2 - np.logaddexp.reduce(-(theta**2) / 2)
    n_items = x.shape[1]

    def looked(parameters: Floats) -> tuple[Floats, Floats, Floats]:
        a, d = np.split(parameters, 2)
        eta = np.outer(a, theta) + d[:, None]
        log_q = -np.logaddexp(0, eta)
        joint = np.outer(x @ a, theta) + (x @ d)[:, None] + m @ log_q + log_w
        each = np.logaddexp.reduce(joint, axis=1)
        return each, np.exp(joint - each[:, None]), np.exp(eta + log_q)

    def negative(parameters: Floats) -> tuple[float, Floats]:
        a, d = np.split(parameters, 2)
        each, post, p = looked(parameters)
        surplus = x.T @ post - (m.T @ post) * p
        gap, wide = (a - 1) * prior, d * prior / 9
        value = each.sum() - gap @ gap / 2 - wide @ d / 2
        return -float(value), -np.concatenate([surplus @ theta - gap, surplus.sum(axis=1) - wide])

    logit = np.log((x.sum(axis=0) + 0.5) / (m.sum(axis=0) - x.sum(axis=0) + 0.5))
    top, converged = top_of(negative, np.concatenate([np.ones(n_items), logit]))
    se = np.full(len(top), np.nan)
    if errors != "none":
        se = np.sqrt(np.maximum(np.diag(inverse_of(_curvature(negative, top), lost=1e-9)), 0.0))
    if np.sign(top[:n_items]).sum() < 0:
        top = np.concatenate([-top[:n_items], top[n_items:]])
    each, post, p = looked(top)
    ability = post @ theta
    cell = {
        "p": post @ p.T,
        "p2": post @ (p**2).T,
        "over_p": post @ (1 / p).T,
        "over_q": post @ (1 / (1 - p)).T,
    }
    infit, outfit = _mean_squares(_Data(x, m, bool(m.all()), theta, theta, log_w), cell)
    from scipy.special import ndtr

    a, d, a_se = top[:n_items], top[n_items:], np.maximum(se[:n_items], 1e-12)
    return replace(
        blank, ability=ability, ability_se=np.sqrt(np.maximum(post @ theta**2 - ability**2, 0.0)), slope=a,
        slope_sd=a_se, level=d, level_sd=se[n_items:], negative=ndtr(-a / a_se),
        flat=ndtr((_FLAT - a) / a_se),
        infit=infit, outfit=outfit, expected=cell["p"], mean_level=float(d.mean()), sd_level=float(d.std()),
        sd_slope=float(a.std()), log_likelihood=float(each.sum()), objective=-negative(top)[0],
        status="ok" if converged else "unstable:not_converged",
    )  # fmt: skip

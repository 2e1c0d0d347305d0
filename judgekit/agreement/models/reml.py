"""Variance components by REML with the item absorbed: exact, and fast at any number of items.

The model is y = X beta + W w + U u + e. U are effects nested in an item (the item itself, item x judge,
item x prompt), so V is block-diagonal but for W, effects that cross items and have few levels (judge,
prompt), which come in by Woodbury's identity. theta are ratios of variances to the residual one, which is
profiled out. An item enters through its counts U'U and U'W and its sums U'y alone, so replicates cost
nothing, items with the same counts share their matrices, and a resample of items is a change of
weights. Deviance and gradient are exact; L-BFGS runs on log theta from two starts.

Source: Patterson & Thompson (1971), Biometrika 58; Henderson's absorption; the profiled criterion as
in Bates et al. (2015), J. Stat. Softw. 67.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError

RESIDUAL = "residual"
MOST_LEVELS = 500
LOWEST, HIGHEST = -16.0, 11.0  # of log theta: a ratio of 1e-7 is none, one of 6e4 leaves no residual
NONE = 1e-3  # a ratio below it is tried at exactly 0


@dataclass(frozen=True, eq=False)
class Blocks:
    """Data prepared for fitting: m items, r nested columns at most, c crossed and fixed columns.

    Args:
        u_term, w_term: Shapes (r,) and (c - p,): the term of each column of U and W.
        uu, uw: Shapes (G, r, r) and (G, r, c): U'U and U'W of each layout.
        layout: Shape (m,): the layout of each item.
        uy: Shape (m, r): U'y of each item.
        w, y, items: Rows: crossed and fixed columns (n_rows, c), centred and scaled y, item.
        center, scale: Mean and standard deviation of y, taken out.
    """

    nested: tuple[str, ...]
    crossed: tuple[str, ...]
    u_term: Codes
    w_term: Codes
    uu: Floats
    uw: Floats
    layout: Codes
    uy: Floats
    w: Floats
    y: Floats
    items: Codes
    center: float
    scale: float

    @property
    def n_items(self) -> int:
        """How many items."""
        return len(self.uy)


@dataclass(frozen=True)
class Reml:
    """Fitted variance components, nan if y does not vary; `residual` is among them.

    `mean` is the first fixed effect, `deviance` -2 log restricted likelihood, constants included, and
    `log_ratios` where it ended, a start for the next fit.
    """

    components: Mapping[str, float]
    mean: float
    deviance: float
    converged: bool
    log_ratios: Floats = field(repr=False, compare=False, default_factory=lambda: np.zeros(0))


def as_blocks(
    y: npt.ArrayLike,
    items: Codes,
    *,
    nested: Mapping[str, Codes],
    crossed: Mapping[str, Codes],
    fixed: Floats | None = None,
) -> Blocks:
    """Prepare rows for `fit_reml`: columns of codes (n_rows,), and fixed effects (n_rows, p)."""
    values = np.asarray(y, dtype=float)
    if values.ndim != 1 or any(len(c) != len(values) for c in (items, *nested.values(), *crossed.values())):
        raise InputError("y and every column of codes must have shape (n_rows,)")
    if not len(values) or not np.all(np.isfinite(values)):
        raise InputError("y is empty or holds nan or infinity; leave such rows out and count them")
    sizes = [int(codes.max()) + 1 for codes in crossed.values()]
    if sum(sizes) > MOST_LEVELS:
        raise InputError(
            f"{sum(sizes)} levels cross the items, more than {MOST_LEVELS}; make the largest factor the item"
        )
    w = np.column_stack(
        [
            *(np.eye(size)[codes] for codes, size in zip(crossed.values(), sizes, strict=True)),
            np.ones(len(values)),
            *([] if fixed is None else [fixed]),
        ]
    )
    local = [_local(items, codes) for codes in nested.values()]
    widths = [int(codes.max()) + 1 for codes in local]
    m, r = int(items.max()) + 1, sum(widths)
    place = np.column_stack(local) + np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.intp)
    center, scale = float(values.mean()), float(values.std()) or 1.0
    scaled = (values - center) / scale
    uu, uw, uy = np.zeros((m, r, r)), np.zeros((m, r, w.shape[1])), np.zeros((m, r))
    for a in place.T:
        np.add.at(uw, (items, a), w)
        np.add.at(uy, (items, a), scaled)
        for b in place.T:
            np.add.at(uu, (items, a, b), 1.0)
    _, first, layout = np.unique(
        np.concatenate([uu.reshape(m, -1), uw.reshape(m, -1)], axis=1),
        axis=0, return_index=True, return_inverse=True,
    )  # fmt: skip
    return Blocks(
        nested=tuple(nested), crossed=tuple(crossed), u_term=np.repeat(np.arange(len(widths)), widths),
        w_term=np.repeat(np.arange(len(sizes)), sizes), uu=uu[first], uw=uw[first], layout=layout.ravel(),
        uy=uy, w=w, y=scaled, items=items, center=center, scale=scale,
    )  # fmt: skip


def _local(items: Codes, codes: Codes) -> Codes:
    """Codes counted from 0 within each item."""
    pairs, place = np.unique(np.column_stack([items, codes]), axis=0, return_inverse=True)
    first = np.searchsorted(pairs[:, 0], np.arange(int(items.max()) + 1))
    return np.asarray(place.ravel() - first[items], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Weighted sums: items (G,), U'y (G, r) and U'yy'U (G, r, r) by layout; W'W, W'y, y'y, rows over all."""

    n: Floats
    uy: Floats
    uyyu: Floats
    ww: Floats
    wy: Floats
    yy: float
    rows: float


def _sums(blocks: Blocks, weights: Floats | None) -> _Sums:
    by_item = np.ones(blocks.n_items) if weights is None else weights
    kinds = len(blocks.uu)
    order = np.argsort(blocks.layout, kind="stable")
    starts = np.searchsorted(blocks.layout[order], np.arange(kinds))
    uy = blocks.uy[order]
    weighted = by_item[order, None] * uy
    if kinds == 1:
        squares = (weighted.T @ uy)[None]
    else:
        squares = np.add.reduceat(weighted[:, :, None] * uy[:, None, :], starts)
    by_row = by_item[blocks.items]
    w = blocks.w * by_row[:, None]
    return _Sums(
        n=np.add.reduceat(by_item[order], starts), uy=np.add.reduceat(weighted, starts), uyyu=squares,
        ww=w.T @ blocks.w, wy=w.T @ blocks.y, yy=float(by_row @ blocks.y**2), rows=float(by_row.sum()),
    )  # fmt: skip


def _deviance(log_ratios: Floats, blocks: Blocks, sums: _Sums) -> tuple[float, Floats, Floats, float]:
    """Deviance, its gradient in log theta, the effects of W's columns, and the residual variance."""
    k, q, c = len(blocks.nested), len(blocks.w_term), blocks.w.shape[1]
    theta = np.where(log_ratios <= LOWEST, 0.0, np.exp(log_ratios))
    uu, uw, n = blocks.uu, blocks.uw, sums.n
    t = np.sqrt(theta[:k])[blocks.u_term]
    inner = np.eye(len(t)) + t[:, None] * uu * t
    h = t[:, None] * np.linalg.inv(inner) * t  # U'B^-1 a = U'a - U'U h U'a
    huw = h @ uw
    a = sums.ww - _summed(uw * n[:, None, None], huw)
    ay = sums.wy - _summed(huw, sums.uy[:, :, None])[:, 0]
    yy = sums.yy - float(np.sum(h * sums.uyyu))
    s = np.sqrt(theta[k:])[blocks.w_term]
    outer = np.eye(q) + s[:, None] * a[:q, :q] * s
    hw = s[:, None] * np.linalg.inv(outer) * s
    v = np.concatenate([-hw @ a[:q, q:], np.eye(c - q)])
    xvx = a[q:, q:] - a[q:, :q] @ hw @ a[:q, q:]
    d = v @ np.linalg.inv(xvx) @ v.T  # P = B^-1 - B^-1 W d W'B^-1
    d[:q, :q] += hw
    effects = d @ ay
    rss = max(yy - float(ay @ effects), 1e-300)
    df = sums.rows - (c - q)
    logdet = float(n @ np.linalg.slogdet(inner)[1])
    logdet += float(np.linalg.slogdet(outer)[1] + np.linalg.slogdet(xvx)[1])
    deviance = logdet + df * (1 + np.log(2 * np.pi * rss / df))

    keep = np.eye(len(t)) - uu @ h
    e = keep @ uw
    traces = n @ (np.einsum("grr->gr", keep @ uu) - np.sum((e @ d) * e, axis=2))
    fitted = uw @ effects
    cross = sums.uy[:, :, None] * fitted[:, None, :]
    squares = sums.uyyu - cross - cross.transpose(0, 2, 1) + n[:, None, None] * (
        fitted[:, :, None] * fitted[:, None, :]
    )  # fmt: skip
    upy = np.sum((keep @ squares) * keep, axis=(0, 2))
    traces_w = np.diag(a)[:q] - np.sum((a @ d)[:q] * a[:q], axis=1)
    wpy = ((ay - a @ effects) ** 2)[:q]
    gradient = np.concatenate(
        [
            np.bincount(blocks.u_term, traces - df / rss * upy, minlength=k),
            np.bincount(blocks.w_term, traces_w - df / rss * wpy, minlength=len(blocks.crossed)),
        ]
    )
    return float(deviance), gradient * theta, effects, rss / df


def _summed(x: Floats, y: Floats) -> Floats:
    """Sum over layouts of x'y."""
    # Many small products: one large one would wake all threads of the BLAS, which on a busy machine wait
    # for each other far longer than the product takes.
    step = max(1, 2_000_000 // (x.shape[2] * y.shape[2]))
    parts = [
        np.matmul(x[at : at + step].transpose(0, 2, 1), y[at : at + step]).sum(axis=0)
        for at in range(0, len(x), step)
    ]
    return np.asarray(np.sum(parts, axis=0), dtype=float)


def fit_reml(blocks: Blocks, *, weights: Floats | None = None, start: Floats | None = None) -> Reml:
    """Fit by restricted maximum likelihood, items weighted by `weights` (n_items,)."""
    # Source: Checked against R lme4's REML estimates and deviance (2e-5) and against a dense likelihood.
    sums = _sums(blocks, weights)
    names = (*blocks.nested, *blocks.crossed, RESIDUAL)
    mean = float(sums.wy[len(blocks.w_term)]) / max(sums.rows, 1.0)
    if sums.rows < 2 or sums.yy - sums.rows * mean**2 <= 1e-12 * max(sums.yy, 1e-300):
        return Reml(dict.fromkeys(names, float("nan")), blocks.center, float("nan"), converged=False)
    k = len(names) - 1
    everything = np.ones(k, dtype=bool)
    fine = 1e-14 if start is None else 1e-8  # a resample need not be followed to the last digit
    if start is None:
        rough = [_descend(x0, everything, blocks, sums, 1e-7) for x0 in (np.zeros(k), np.full(k, -2.3))]
        start = min(rough, key=lambda each: each[0])[1]
    best = _descend(np.clip(start, -8.0, HIGHEST), everything, blocks, sums, fine)
    # A variance of 0 lies at minus infinity, where the slope dies out: try it, and keep it if no worse.
    low = best[1] < np.log(NONE)
    if np.any(low):
        tried = _descend(best[1], ~low, blocks, sums, fine)
        best = tried if tried[0] <= best[0] + 1e-7 else best
    value, _, effects, residual = _deviance(best[1], blocks, sums)
    ratios = np.where(best[1] <= LOWEST, 0.0, np.exp(best[1]))
    unit = residual * blocks.scale**2
    components = {name: float(ratio * unit) for name, ratio in zip(names[:-1], ratios, strict=True)}
    components[RESIDUAL] = float(unit)
    q = len(blocks.w_term)
    df = sums.rows - (blocks.w.shape[1] - q)
    mean = blocks.center + blocks.scale * float(effects[q])
    deviance = value + df * 2 * float(np.log(blocks.scale))
    return Reml(components, mean, deviance, best[2], best[1])


def _descend(
    x0: Floats, free: npt.NDArray[np.bool_], blocks: Blocks, sums: _Sums, ftol: float
) -> tuple[float, Floats, bool]:
    from scipy.optimize import minimize

    whole = np.full(len(x0), LOWEST)

    def of(part: Floats) -> tuple[float, Floats]:
        whole[free] = part
        value, gradient, _, _ = _deviance(whole, blocks, sums)
        return value, gradient[free]

    if not np.any(free):
        return of(x0[free])[0], whole, True
    options = {"ftol": ftol, "gtol": 1e-8 if ftol < 1e-12 else 1e-3, "maxiter": 500}
    bounds = [(LOWEST, HIGHEST)] * int(free.sum())
    found = minimize(of, x0[free], jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    end = np.full(len(x0), LOWEST)
    end[free] = found.x
    return float(found.fun), end, bool(found.success)

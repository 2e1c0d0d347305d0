"""How far items follow the model: their fit, their flags, twins, and whether the model earns its place.

A flag is a word that a reader acts on: `all_right` and `all_wrong` tell no two systems apart; `reversed`
(better systems fail it: look at its key) and, where that is not sure, `suspect`; `flat` (hardly any slope);
`erratic` and `muted` (mean squares above 1.5, below 0.5); `twin` (answered as another item is, beyond what
ability explains); `few` (fewer than five answers). `reversed` is never said of fewer than 30 systems, which
cannot tell it from chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Floats
from judgekit.standing.random_items import FEW_SYSTEMS, ItemResponse, random_items

FLAGS = (
    "all_right", "all_wrong", "reversed", "suspect", "flat", "erratic", "muted", "twin", "few",
)  # fmt: skip
FEW_ANSWERS = 5
LOW_FIT, HIGH_FIT = 0.5, 1.5
_DOUBT = 0.2
_MOST_PAIRS = 2000  # items whose pairs are looked at: as many residuals again would not fit
_SIMULATED = 20


@dataclass(frozen=True, slots=True)
class Hidden:
    """How well a model foretells answers that it was not shown.

    `log_loss` is the mean of minus the log probability of an answer, `auc` how often it puts a right answer
    above a wrong one (nan where answers are between).
    """

    model: str
    log_loss: float
    auc: float
    n: int


@dataclass(frozen=True, slots=True)
class Dimension:
    """Whether one ability is enough: the largest eigenvalue of what it leaves, over the next.

    `ratio` stands beside those of `simulated` data in which one is; `p_value` is how often they reach it.
    """

    ratio: float
    simulated: tuple[float, ...]
    p_value: float


def rest_correlations(x: Floats) -> Floats:
    """Correlation of each item's answers with the systems' means on all other items; nan if undefined."""
    m = ~np.isnan(x)
    filled, n = np.nan_to_num(x), m.sum(axis=1, keepdims=True)
    rest = (filled.sum(axis=1, keepdims=True) - filled) / np.where(n > 1, n - 1, np.nan)
    return _correlations(np.where(m, x, np.nan), np.where(m, rest, np.nan))


def _correlations(x: Floats, y: Floats) -> Floats:
    there = ~np.isnan(x) & ~np.isnan(y)
    n = np.maximum(there.sum(axis=0), 1)
    x, y = np.where(there, x, 0.0), np.where(there, y, 0.0)
    x, y = (np.where(there, z - z.sum(axis=0) / n, 0.0) for z in (x, y))
    size = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    return np.where(size > 1e-12, (x * y).sum(axis=0) / np.where(size > 1e-12, size, 1.0), np.nan)


def dispersion(x: Floats, fit: ItemResponse) -> float:
    """Return the squared error of answers over p(1 - p): 1 of right and wrong, less of scores between."""
    known = ~np.isnan(x) & ~np.isnan(fit.expected)
    p = fit.expected[known]
    if np.isin(x[known], (0, 1)).all() or not known.any():
        return 1.0
    return float(np.sum((x[known] - p) ** 2) / np.sum(p * (1 - p)))


def flags_of(
    x: Floats, fit: ItemResponse, pairs: Sequence[tuple[int, int]] = ()
) -> tuple[tuple[str, ...], ...]:
    """Return the flags of each item of answers (n_systems, n_items); `pairs` are twins."""
    n, there = (~np.isnan(x)).sum(axis=0), ~np.isnan(x)
    total, enough, often = np.nansum(x, axis=0), n >= FEW_ANSWERS, n >= FEW_SYSTEMS
    many = int(there.any(axis=1).sum()) >= FEW_SYSTEMS
    size = dispersion(x, fit)
    weighted = fit.infit / size  # a single surprise, which outfit is made of, is no flag
    varied = (total > 0) & (total < n)
    sure = 0.5 if fit.covariance.size else 0.95  # where items are random, the prior is for a slope of 1
    turned = enough & varied & (fit.negative > sure) & many
    unsure = (fit.negative > _DOUBT) | (not many) | (fit.sd_slope == 0)  # without slopes none is negative
    said = {
        "all_right": (n > 0) & (total == n),
        "all_wrong": (n > 0) & (total == 0),
        "reversed": turned,
        "suspect": enough & varied & (rest_correlations(x) < 0) & ~turned & unsure,
        "flat": enough & (fit.flat > 0.9) & ~turned,
        "erratic": often & varied & (weighted > HIGH_FIT),
        "muted": often & varied & (weighted < LOW_FIT),
        "twin": np.isin(np.arange(x.shape[1]), [i for pair in pairs for i in pair]),
        "few": ~enough,
    }
    return tuple(tuple(flag for flag, of in said.items() if of[j]) for j in range(x.shape[1]))


def twins(x: Floats, fit: ItemResponse) -> tuple[tuple[int, int], ...]:
    """Return pairs of items whose residuals go together (Q3), as of the same question asked twice.

    Above the mean correlation by 0.3, and by more than chance makes of any pair; of the first 2,000 items.
    """
    from scipy.stats import norm

    residual = (x - fit.expected)[:, :_MOST_PAIRS]
    there = ~np.isnan(residual)
    varied = np.nanstd(np.where(there.any(axis=0), x[:, :_MOST_PAIRS], 0.0), axis=0) > 0
    m = there.astype(float)
    z = np.where(there, residual, 0.0)
    both = m.T @ m
    mean = (z.T @ m) / np.maximum(both, 1)  # of an item over the systems that answered another, too
    cross = z.T @ z - both * mean * mean.T
    spread = (z**2).T @ m - both * mean**2
    size = np.sqrt(np.maximum(spread * spread.T, 1e-12))
    one, other = np.triu_indices(len(both), 1)
    n = both[one, other]
    known = (n >= FEW_ANSWERS) & varied[one] & varied[other] & (size[one, other] > 1e-9)
    if not known.any():
        return ()
    r = np.where(known, cross[one, other] / size[one, other], np.nan)
    by_chance = np.tanh(norm.isf(0.05 / known.sum()) / np.sqrt(np.maximum(n - 3, 1)))
    found = np.flatnonzero(known & (r - np.nanmean(r) > np.maximum(0.3, by_chance)))
    sure = [k for k in found if _alike(x[:, one[k]], x[:, other[k]]) < 0.05 / known.sum()]
    return tuple((int(one[k]), int(other[k])) for k in sure)


def _alike(x: Floats, y: Floats) -> float:
    """Return how probable it is that items so often right share as many; 0 of answers between."""
    from scipy.stats import hypergeom

    both = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[both], y[both]
    if not np.isin([x, y], (0, 1)).all():
        return 0.0
    return float(hypergeom.sf(float(x @ y) - 1, len(x), int(x.sum()), int(y.sum())))


def hidden_cells(
    x: Floats, sloped: Callable[[Floats], ItemResponse], *, folds: int = 5, seed: int = 0
) -> tuple[Hidden, ...]:
    """Foretell each fifth of the answers from the others, by four models.

    They are the item's mean, item and system, `1pl`, and `2pl`, which `sloped` fits. Every system and item
    keeps its share of answers, where they are whole.
    """
    rng = np.random.default_rng(seed)
    places = np.add.outer(rng.permutation(x.shape[0]), rng.permutation(x.shape[1])) % folds
    foretold = {name: np.full(x.shape, np.nan) for name in ("item mean", "item and system", "1pl", "2pl")}
    for fold in range(folds):
        out = (places == fold) & ~np.isnan(x)
        shown = np.where(out, np.nan, x)
        item, system, whole = (_log_odds(shown, axis) for axis in (0, 1, None))
        made = {
            "item mean": np.broadcast_to(_logistic(item), x.shape),
            "item and system": _logistic(np.add.outer(system, item) - whole),
            "1pl": random_items(shown, slopes=False, errors="none").expected,
            "2pl": sloped(shown).expected,
        }
        for name, p in made.items():
            foretold[name][out] = p[out]
    known = ~np.isnan(x) & np.all([~np.isnan(p) for p in foretold.values()], axis=0)
    return tuple(_hidden(name, x[known], p[known]) for name, p in foretold.items())


def _log_odds(x: Floats, axis: int | None) -> Floats:
    total, n = np.nansum(x, axis=axis), (~np.isnan(x)).sum(axis=axis)
    return np.asarray(np.log((total + 0.5) / (n - total + 0.5)))


def _logistic(x: npt.ArrayLike) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x))))


def _hidden(name: str, x: Floats, p: Floats) -> Hidden:
    if not len(x):
        return Hidden(name, float("nan"), float("nan"), 0)
    p = np.clip(p, 1e-9, 1 - 1e-9)
    loss = float(-np.mean(x * np.log(p) + (1 - x) * np.log(1 - p)))
    return Hidden(name, loss, auc(x, p), len(x))


def auc(x: Floats, p: Floats) -> float:
    """Return how often a right answer has the higher probability; nan unless there are only both kinds."""
    from scipy.stats import rankdata

    right, wrong = float(np.sum(x == 1)), float(np.sum(x == 0))
    if right + wrong < len(x) or not right or not wrong:
        return float("nan")
    return float((rankdata(p)[x == 1].sum() - right * (right + 1) / 2) / (right * wrong))


def dimension(x: Floats, fit: ItemResponse, *, seed: int = 0, n: int = _SIMULATED) -> Dimension:
    """Hold the largest eigenvalue of the residuals' correlations against data of one ability."""
    keep = ~np.isnan(fit.ability)
    x, p, ability = x[keep], fit.expected[keep], fit.ability[keep]
    rng = np.random.default_rng(seed)
    if len(x) < 4 or not np.isin(x[~np.isnan(x)], (0, 1)).all():
        return Dimension(float("nan"), (), float("nan"))
    ratio = _eigenvalue_ratio(x, p, ability)
    drawn = (np.where(np.isnan(x), np.nan, rng.random(x.shape) < p) for _ in range(n))
    simulated = tuple(_eigenvalue_ratio(each, p, ability) for each in drawn)
    return Dimension(ratio, simulated, (1 + sum(each >= ratio for each in simulated)) / (n + 1))


def _eigenvalue_ratio(x: Floats, p: Floats, ability: Floats) -> float:
    z = np.nan_to_num((x - p) / np.sqrt(np.maximum(p * (1 - p), 1e-3)))
    base, _ = np.linalg.qr(np.column_stack([np.ones(len(ability)), ability]))
    z = z - base @ (base.T @ z)  # what a level and a slope take up is no second ability
    size = np.sqrt((z**2).sum(axis=0))
    z = z[:, size > 1e-9] / size[size > 1e-9]
    values = np.linalg.eigvalsh(z @ z.T)
    return float(values[-1] / max(values[-2], 1e-12))

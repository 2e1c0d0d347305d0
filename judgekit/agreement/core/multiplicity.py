"""Many tests at once: adjusted p-values.

Gates that decide something (a family of criteria, judges or biases): Holm. Slices that are looked through for
something odd: Benjamini-Hochberg. Tests that depend on each other in unknown ways, such as one for each
annotator: Benjamini-Yekutieli. Equal to statsmodels (tests), whose 65 MB would replace forty lines.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import column, within
from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError

Method = Literal["holm", "bh", "by", "bonferroni", "hochberg", "hommel"]


def adjust(p: npt.ArrayLike, *, method: Method) -> Floats:
    """Adjusted p-values: reject those at most alpha.

    Args:
        p: Shape (m,); nan where a test had no p-value, which stays nan and is not counted in the family.
        method: `holm`, `bonferroni` bound the chance of any false rejection; `hochberg`, `hommel` do, for
            independent (or positively dependent) tests; `bh` bounds the share of false rejections for such
            tests; `by` does for any.

    Returns p-values of shape (m,), in the order given. Raises `InputError` for a p-value outside [0, 1], or
    another method. Source: Holm (1979); Hochberg (1988); Hommel (1988); Benjamini & Hochberg (1995);
    Benjamini & Yekutieli (2001). Checked against R's p.adjust (values) and statsmodels.

    >>> adjust([0.01, 0.04, 0.03], method="holm").round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = column(p, "p")
    here = ~np.isnan(given)
    x = given[here]
    within(x, 0.0, 1.0, "p")
    if method not in _RULES:
        raise InputError(f"method {method!r}; there are {', '.join(_RULES)}")
    order = np.argsort(x, kind="stable")
    found = np.empty_like(x)
    if len(x):
        found[order] = np.minimum(_RULES[method](x[order]), 1.0)
    adjusted = np.full_like(given, np.nan)
    adjusted[here] = found
    return adjusted


def _bh(p: Floats) -> Floats:
    return _lowest_from_here(p * len(p) / np.arange(1, len(p) + 1))


def _by(p: Floats) -> Floats:
    return _bh(p) * np.sum(1 / np.arange(1, len(p) + 1))


def _hommel(p: Floats) -> Floats:
    """Adjust by closed testing: the largest Simes p over all subsets a test is in."""
    # Of the subsets of size j with test i, the one with the j - 1 largest others has the largest.
    m = len(p)
    found = p.copy()
    for j in range(2, m + 1):
        top = p[m - j :]
        tail = j * np.min(top[1:] / np.arange(2, j + 1))
        found[: m - j + 1] = np.maximum(found[: m - j + 1], np.minimum(j * p[: m - j + 1], tail))
        found[m - j + 1 :] = np.maximum(found[m - j + 1 :], min(j * top[0], tail))
    return found


def _lowest_from_here(x: Floats) -> Floats:
    return np.minimum.accumulate(x[::-1])[::-1]


_RULES: dict[str, Callable[[Floats], Floats]] = {
    "holm": lambda p: np.maximum.accumulate(p * np.arange(len(p), 0, -1)),
    "bh": _bh,
    "by": _by,
    "bonferroni": lambda p: p * len(p),
    "hochberg": lambda p: _lowest_from_here(p * np.arange(len(p), 0, -1)),
    "hommel": _hommel,
}

"""Two forms of a test that are equally hard: items matched in pairs, then a coin for each pair.

Matching takes away the difference of level between the forms, and no more: systems stand as far apart on two
matched forms as on two random halves.
"""

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Codes
from judgekit.errors import InputError


def matched_forms(features: npt.ArrayLike, size: int, *, seed: int = 0) -> tuple[Codes, Codes]:
    """Return the places of the items of two forms.

    Args:
        features: Shape (n_items, n_features): what pairs have to be alike in, such as difficulty and
            discrimination; each counts by its spread.
        size: Items of each form.
        seed: Draws the items to be matched, and the coins.

    >>> [len(form) for form in matched_forms([[0], [1], [0.1], [1.1], [5]], 2)]
    [2, 2]
    """
    from scipy.optimize import linear_sum_assignment

    f = np.asarray(features, dtype=float)
    if f.ndim != 2 or not np.isfinite(f).all():
        raise InputError(f"features have shape {f.shape}; a row of finite numbers for each item")
    if not 1 <= size <= len(f) // 2:
        raise InputError(f"size={size}: two forms of {len(f)} items have 1 to {len(f) // 2} each")
    spread = f.std(axis=0)
    z = f / np.where(spread > 0, spread, 1.0)
    rng = np.random.default_rng(seed)
    mixed = rng.permutation(len(f))
    own, others = mixed[:size], mixed[size:]
    distance = ((z[own, None, :] - z[None, others, :]) ** 2).sum(axis=2)
    one, other = linear_sum_assignment(distance)
    pairs = np.column_stack([own[one], others[other]])
    coin = rng.integers(2, size=size)
    rows = np.arange(size)
    return np.sort(pairs[rows, coin]), np.sort(pairs[rows, 1 - coin])

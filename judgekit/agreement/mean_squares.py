"""Intraclass correlations from mean squares: six forms, their values and their intervals by F."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from judgekit.agreement.ratings import Floats

Form = Literal[
    "ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)",
    "ICC(2,1)", "ICC(3,1)", "ICC(2,k)", "ICC(3,k)",
    "ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k",
]  # fmt: skip
FORMS: dict[Form, tuple[int, bool]] = {
    "ICC(1,1)": (1, False), "ICC1": (1, False), "ICC(1,k)": (1, True), "ICC1k": (1, True),
    "ICC(A,1)": (2, False), "ICC(2,1)": (2, False), "ICC2": (2, False),
    "ICC(A,k)": (2, True), "ICC(2,k)": (2, True), "ICC2k": (2, True),
    "ICC(C,1)": (3, False), "ICC(3,1)": (3, False), "ICC3": (3, False),
    "ICC(C,k)": (3, True), "ICC(3,k)": (3, True), "ICC3k": (3, True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Of a two-way table of units by raters; each a number or one a resample.

    Args:
        rows: Between units.
        columns: Between raters.
        error: Residual.
        within: Within units.
        n: Units.
        k: Raters.
    """

    rows: Any
    columns: Any
    error: Any
    within: Any
    n: Any
    k: int


def mean_squares(numbers: Floats, drawn: Floats | None = None) -> MeanSquares:
    """Mean squares of complete ratings, of shape (n_units, n_raters).

    Args:
        numbers: Without nan.
        drawn: Shape (n_draws, n_units), how often each unit counts; the squares are then arrays.

    >>> round(float(mean_squares(np.array([[9.0, 2], [6, 1], [8, 4]])).error), 4)
    1.1667
    """
    x = numbers - numbers.mean()  # or the squares of large numbers would swallow small differences
    k = x.shape[1]
    weight = np.ones((1, len(x))) if drawn is None else drawn
    n = weight.sum(axis=1)
    n = np.where(n > 0, n, np.nan)  # a draw without the only cluster is of nothing
    sums = x.sum(axis=1)
    middle = (weight @ sums) ** 2 / (n * k)
    rows = weight @ sums**2 / k - middle
    columns = ((weight @ x) ** 2).sum(axis=1) / n - middle
    total = weight @ (x**2).sum(axis=1) - middle
    within = total - rows
    # Differences of sums leave rounding behind where there is nothing.
    tiny = 1e-13 * np.maximum(total, 1e-300)
    rows, columns, within, error = (
        np.where(np.abs(s) <= tiny, 0.0, s) for s in (rows, columns, within, within - columns)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = (rows / (n - 1), columns / (k - 1), error / ((n - 1) * (k - 1)), within / (n * (k - 1)))
    if drawn is None:
        between, raters, rest, inside = (float(s[0]) for s in squares)
        return MeanSquares(between, raters, rest, inside, float(n[0]), k)
    return MeanSquares(*squares, n, k)


def of_squares(form: Form, ms: MeanSquares) -> Any:
    """An intraclass correlation from mean squares; nan where nothing varies.

    Source:
        Shrout and Fleiss (1979), Psychological Bulletin 86; McGraw and Wong (1996), Psychological Methods 1.
    """
    model, average = FORMS[form]
    noise = ms.within if model == 1 else ms.error
    raters = ms.k * (ms.columns - ms.error) / ms.n if model == 2 else 0.0
    whole = np.asarray(ms.rows + raters / ms.k if average else ms.rows + (ms.k - 1) * noise + raters)
    with np.errstate(invalid="ignore", divide="ignore"):
        something = whole > 1e-12 * (ms.rows + noise + ms.columns)
        return np.where(something, (ms.rows - noise) / whole, np.nan)


def f_interval(form: Form, ms: MeanSquares, *, level: float = 0.95) -> tuple[float, float]:
    """Interval by F: exact for forms 1 and 3, by Satterthwaite's degrees of freedom for form 2.

    nan where there is none: no disagreement, or a mean of raters that agree less than chance.

    Source:
        McGraw and Wong (1996), table 7. Checked against the values of R psych and pingouin.
    """
    from scipy.special import fdtri

    model, average = FORMS[form]
    n, k = ms.n, ms.k
    tail = (1 + level) / 2
    if model != 2:
        noise, df = (ms.within, n * (k - 1)) if model == 1 else (ms.error, (n - 1) * (k - 1))
        f = ms.rows / noise
        ends = (f / fdtri(n - 1, df, tail), f * fdtri(df, n - 1, tail))
        low, high = ((e - 1) / (e + k - 1) for e in ends)
    else:
        rho = float(of_squares("ICC(A,1)", ms))
        if rho >= 1:
            return float("nan"), float("nan")
        a, c = k * rho / (n * (1 - rho)), 1 + k * rho * (n - 1) / (n * (1 - rho))
        parts = (a * ms.columns) ** 2 / (k - 1) + (c * ms.error) ** 2 / ((n - 1) * (k - 1))
        if parts == 0:
            return float("nan"), float("nan")
        v = (a * ms.columns + c * ms.error) ** 2 / parts
        f1, f2 = fdtri(n - 1, v, tail), fdtri(v, n - 1, tail)
        rest = k * ms.columns + (k * n - k - n) * ms.error
        low = n * (ms.rows - f1 * ms.error) / (f1 * rest + n * ms.rows)
        high = n * (f2 * ms.rows - ms.error) / (rest + n * f2 * ms.rows)
    if average:
        if low <= -1 / (k - 1):  # the mean of k raters has no least value
            return float("nan"), float("nan")
        low, high = (k * e / (1 + (k - 1) * e) for e in (low, high))
    if low > high:  # both ends at one value, told apart by rounding only
        low, high = high, low
    return float(low), float(high)

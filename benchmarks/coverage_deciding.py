"""How often the intervals that decide a verdict hold the truth: 95 % of the time, whatever the labels.

Pearson, Spearman, ICC(A,1), Lin's concordance and quadratic kappa of two raters, on tables of which the truth is
known: two labels of which 5, 10 or 50 % are positive, five labels most of which are hardly used, PandaLM's own
table of a judge against people, three labels with heavy ties; 50, 100, 200 and 400 units. `held` is the share
of data sets whose interval holds the truth, `steady` the same among those without a status, `flagged`
the share with one (`few_minority`, `few_extreme`), on which no verdict rests.

Promised: from 200 units on .93 to .97 of the intervals hold (above is printed, not promised); below, a
setting under .93 is flagged in at least four data sets of five, or its steady ones hold at least .93.

    python benchmarks/coverage_deciding.py --runs 4000 --store
"""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options, share

from judgekit.agreement import ccc, correlation, icc, kappa
from judgekit.agreement.core.ratings import Ratings
from judgekit.types import Estimate

Floats = npt.NDArray[np.float64]
BAND, SIZES = (0.93, 0.97), (50, 100, 200, 400)
SKEWED = np.array([0.02, 0.03, 0.05, 0.2, 0.7])
PANDALM = np.array([[360, 45, 71], [20, 5, 13], [86, 42, 332]], dtype=float)
"""Second, tie, first: what GPT-3.5 says (rows) where people's majority says (columns), of 974 pairs."""


def copied(margin: Floats, keep: float) -> Floats:
    """A judge that keeps the label so often, and else draws one from the same margin: its kappa is `keep`."""
    return (1 - keep) * np.outer(margin, margin) + keep * np.diag(margin)


def near(margin: Floats, reach: float) -> Floats:
    """A judge that confuses near labels."""
    apart = np.abs(np.subtract.outer(np.arange(len(margin)), np.arange(len(margin))))
    kernel = np.exp(-apart / reach)
    return margin[:, None] * kernel / kernel.sum(axis=1, keepdims=True)


TABLES: dict[str, Floats] = {
    **{f"5 % positive, kappa {k}": copied(np.array([0.95, 0.05]), k) for k in (0.4, 0.6, 0.8)},
    **{f"10 % positive, kappa {k}": copied(np.array([0.9, 0.1]), k) for k in (0.4, 0.6, 0.8)},
    **{f"50 % positive, kappa {k}": copied(np.array([0.5, 0.5]), k) for k in (0.4, 0.6, 0.8)},
    **{f"five skewed labels, kappa {k}": copied(SKEWED, k) for k in (0.4, 0.6)},
    "five skewed labels, near ones confused": near(SKEWED, 1.0),
    "PandaLM's table": PANDALM / PANDALM.sum(),
    "three labels, heavy ties": copied(np.array([0.45, 0.1, 0.45]), 0.6),
}


def moments(table: Floats, x: Floats, y: Floats) -> tuple[float, ...]:
    mx, my = float(table.sum(1) @ x), float(table.sum(0) @ y)
    a, b = x - mx, y - my
    return mx, my, float(table.sum(1) @ a**2), float(table.sum(0) @ b**2), float(a @ table @ b)


def truths(table: Floats) -> dict[str, float]:
    """What each coefficient is in the population."""
    places = np.arange(len(table), dtype=float)
    mx, my, sx, sy, sxy = moments(table, places, places)
    ranks = [np.cumsum(m) - m / 2 for m in (table.sum(1), table.sum(0))]
    _, _, rx, ry, rxy = moments(table, *ranks)
    agreed = 2 * sxy / (sx + sy + (mx - my) ** 2)
    return {
        "pearson": sxy / np.sqrt(sx * sy), "spearman": rxy / np.sqrt(rx * ry), "icc": agreed, "ccc": agreed,
        "quadratic kappa": agreed,
    }  # fmt: skip


def estimates(judge: npt.NDArray[np.intp], people: npt.NDArray[np.intp], q: int) -> dict[str, Estimate]:
    x, y = judge.astype(float), people.astype(float)
    both = np.column_stack([judge, people])
    ratings = Ratings(both, np.arange(float(q)), "ordinal", ("judge", "people"), tuple(map(str, range(q))))
    return {
        "pearson": correlation(x, y, kind="pearson"), "spearman": correlation(x, y, kind="spearman"),
        "icc": icc(np.column_stack([x, y])), "ccc": ccc(np.column_stack([x, y])).ccc,
        "quadratic kappa": kappa(ratings, weights="quadratic", reference="people"),
    }  # fmt: skip


def rows(runs: int, rng: np.random.Generator, out: Callable[[str], None]) -> Iterator[Found]:
    out(f"{'':42}{'n':>5}  {'held':>6}{'steady':>8}{'flagged':>8}")
    for name, table in TABLES.items():
        q, true = len(table), truths(table)
        for n in SIZES:
            cells = rng.choice(q * q, size=(runs, n), p=table.ravel())
            made = [estimates(*np.divmod(each, q), q) for each in cells]
            for kind, truth in true.items():
                yield from _row(f"{name}, {kind}", n, [each[kind] for each in made], truth, out)


def _row(
    name: str, n: int, made: list[Estimate], truth: float, out: Callable[[str], None]
) -> Iterator[Found]:
    held = np.array([each.low <= truth <= each.high for each in made])
    low = np.array([truth < each.low for each in made])
    steady = np.array([each.status == "ok" for each in made])
    among = float(held[steady].mean()) if steady.any() else float("nan")
    out(
        f"{name:42}{n:>5}  {held.mean():6.3f}{among:8.3f}{1 - steady.mean():8.2f}   too high {low.mean():.3f}"
    )
    row = f"{name}, n {n}"
    promised = (BAND[0], 1.0) if n >= 200 else None
    figure = among if n >= 200 and steady.mean() > 0.5 else float(held.mean())
    yield share(row, "holds the truth", figure, len(made), promised if steady.mean() > 0.5 else None)
    if n < 200 and held.mean() < BAND[0]:
        fine = 1.0 if steady.mean() <= 0.2 or among >= BAND[0] else 0.0
        yield share(row, "flagged, or steady ones hold", fine, len(made), (1.0, 1.0))
    yield share(row, "flagged", float(1 - steady.mean()), len(made))


def main() -> int:
    given = options(__doc__ or "", runs=4000).parse_args()
    found = list(rows(given.runs, np.random.default_rng(given.seed), lambda line: print(line, flush=True)))
    return concluded("coverage_deciding", found, given)


if __name__ == "__main__":
    sys.exit(main())

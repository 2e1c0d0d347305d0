"""How many labels? Before they are bought, or while they come.

Every number before rests on what is expected of the judge: give the pessimistic guess. An anticipated table
gives kappa's standard error for one unit (Fleiss, Cohen & Everitt 1969); the rest is solving for n. An
interval that is looked at after every label is wrong sooner or later; a confidence sequence is right at all
times at once.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.chance.chance import fleiss_cohen_everitt
from judgekit.agreement.core.arrays import column, within
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import Bounds, normal_quantile
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.weights import Kind
from judgekit.errors import InputError
from judgekit.types import Estimate

_ULP = 1e-9


def anticipated_table(kappa: float, prevalence: float) -> Floats:
    """The 2 x 2 table of two raters with the same share of positives, shape (2, 2), shares of units.

    A kappa and prevalence that no table has are an `InputError`.

    >>> anticipated_table(0.6, 0.7).round(3).tolist()
    [[0.616, 0.084], [0.084, 0.216]]
    """
    p, q = prevalence, 1 - prevalence
    table = np.array(
        [[p * p + kappa * p * q, p * q * (1 - kappa)], [p * q * (1 - kappa), q * q + kappa * p * q]]
    )
    if not 0 < prevalence < 1 or not kappa <= 1 or table.min() < 0:
        raise InputError(f"kappa {kappa} at prevalence {prevalence}: two raters cannot have that")
    return table


def kappa_unit_sd(table: npt.ArrayLike, *, weights: Kind = "identity") -> float:
    """Return the standard error of kappa for one unit (divide by sqrt(n)); nan where it is undefined."""
    shares = np.asarray(table, dtype=float)
    return fleiss_cohen_everitt(shares / shares.sum(), weights=weights).se


def labels_for_kappa(
    table: npt.ArrayLike, *, half_width: float, level: float = 0.95, weights: Kind = "identity"
) -> int:
    """Units so that kappa's interval reaches `half_width` to each side of what a table anticipates.

    The table is as from `anticipated_table`. A half-width not above 0, or a table of which kappa is
    undefined, is an `InputError`. Source: Fleiss, Cohen & Everitt (1969), inverted.

    >>> labels_for_kappa([[0.63, 0.07], [0.06, 0.24]], half_width=0.1)
    238
    """
    _positive(half_width=half_width)
    return _whole((normal_quantile(level) * _known_sd(table, weights) / half_width) ** 2)


def labels_for_kappa_bound(
    table: npt.ArrayLike, *, bound: float, power: float = 0.8, level: float = 0.95, weights: Kind = "identity"
) -> int:
    """Units so that the lower end of kappa's Fisher-z interval is above `bound` with probability `power`.

    The table is as from `anticipated_table`. At high kappas it is surer than the power (.88 for .80 at kappa
    .8 against .6), since samples with a higher kappa have a smaller standard error. Where the anticipated
    kappa is not above the bound no number of labels would do, which is an `InputError`.

    >>> labels_for_kappa_bound(anticipated_table(0.8, 0.5), bound=0.6)
    133
    """
    shares = np.asarray(table, dtype=float)
    kappa = fleiss_cohen_everitt(shares / shares.sum(), weights=weights).kappa
    if not -1 < bound < kappa < 1:
        raise InputError(
            f"the anticipated kappa {kappa:.3g} is not above {bound:g}; no number of labels will do"
        )
    gap = math.atanh(kappa) - math.atanh(bound)
    return _whole((_both(level, power) * _known_sd(table, weights) / (1 - kappa**2) / gap) ** 2)


def labels_for_share(rate: float, *, half_width: float, level: float = 0.95, deff: float = 1.0) -> int:
    """Units so that the Wilson interval of a share of `rate` reaches `half_width` to each side.

    `deff` is the design effect of clusters, from `design_effect`. Source: The half-width is z sqrt(p q / n +
    z^2 / 4 n^2) / (1 + z^2 / n), solved for n.

    >>> labels_for_share(0.5, half_width=0.1)
    93
    """
    _positive(half_width=half_width, deff=deff)
    if not 0 <= rate <= 1:
        raise InputError(f"rate {rate} is not a share")
    z2, w2, v = normal_quantile(level) ** 2, half_width**2, rate * (1 - rate)
    # w^2 (n + z2)^2 = z2 (v n + z2 / 4): a quadratic in n.
    b, c = 2 * w2 * z2 - z2 * v, w2 * z2**2 - z2**2 / 4
    root = b * b - 4 * w2 * c
    return _whole(deff * max((-b + math.sqrt(max(root, 0.0))) / (2 * w2), 1.0))


def labels_for_difference(
    delta: float, *, sd: float, power: float = 0.8, level: float = 0.95, deff: float = 1.0
) -> int:
    """Items so that a paired difference of `delta` is found with probability `power`.

    `sd` is the standard deviation of the items' differences, from `paired_sd` or a pilot; `deff` the design
    effect of clusters; `level` that of the two-sided test. What is not above 0 is an `InputError`. Source:
    Miller (2024), "Adding Error Bars to Evals", arXiv 2411.00640.

    >>> labels_for_difference(0.05, sd=0.5)
    785
    """
    _positive(delta=abs(delta), sd=sd, deff=deff)
    return _whole(deff * (_both(level, power) * sd / delta) ** 2)


def paired_sd(
    between: float, *, noise: tuple[float, float] = (0.0, 0.0), resamples: tuple[int, int] = (1, 1)
) -> float:
    """Sd of an item's difference: sqrt(omega^2 + sigma_a^2 / K_a + sigma_b^2 / K_b).

    `between` is omega, sd over items of the expected difference; `noise` sigma of one answer of each system
    on an item; `resamples` K, answers drawn of each.

    >>> round(paired_sd(0.3, noise=(0.4, 0.4), resamples=(4, 4)), 4)
    0.4123
    """
    return math.sqrt(between**2 + sum(s**2 / k for s, k in zip(noise, resamples, strict=True)))


def design_effect(cluster_size: float, icc: float) -> float:
    """1 + (m - 1) icc: how many times more units clusters of m need.

    >>> design_effect(5, 0.3)
    2.2
    """
    return 1 + (cluster_size - 1) * icc


def labels_for_ppi(classical: int, *, correlation: float, unlabelled: float = math.inf) -> int:
    """Labels with a judge that do the work of `classical` labels without one.

    (1 - rho^2) of them where much is unlabelled: .51 at a correlation of .7, .36 at .8, .19 at .9; rho is the
    `correlation` of judge and label over units. It is an `InputError` if that is not between -1 and 1 or
    something is not above 0. Source: The variance with the best lam is var(y)/n (1 - rho^2 N / (n + N))
    (Angelopoulos et al. 2023), solved for n.

    >>> labels_for_ppi(100, correlation=0.8), labels_for_ppi(100, correlation=0.8, unlabelled=100)
    (36, 60)
    """
    _positive(classical=classical, unlabelled=unlabelled)
    if not -1 <= correlation <= 1:
        raise InputError(f"a correlation of {correlation}")
    left = 1 - max(correlation, 0.0) ** 2
    if math.isinf(unlabelled):
        return max(2, _whole(classical * left))
    b, c = unlabelled - classical, -classical * unlabelled * left
    return max(2, _whole((-b + math.sqrt(b * b - 4 * c)) / 2))


@dataclass(frozen=True, slots=True)
class Attenuation:
    """What a judge makes of a true difference (`gain`) in pass rates: what it shows of it (`seen`).

    `j` is sensitivity + specificity - 1, the factor on a difference; its verdicts need `factor` times the
    items that people's would.
    """

    j: float
    gain: float
    seen: float
    factor: float

    @property
    def sentence(self) -> str:
        """In words."""
        return (
            f"with this judge, a true gain of {100 * self.gain:.3g} points looks like {100 * self.seen:.3g} "
            f"points; it takes {self.factor:.1f} times the items that people's labels would"
        )


def attenuation(se: float, sp: float, *, gain: float = 0.05) -> Attenuation:
    """How an imperfect judge shrinks a difference between two systems it treats alike."""
    j = se + sp - 1
    if not 0 < j <= 1:
        raise InputError(f"se {se} and sp {sp} give J = {j:.3g}; between 0 and 1 is needed")
    return Attenuation(j, gain, j * gain, 1 / j**2)


def _known_sd(table: npt.ArrayLike, weights: Kind) -> float:
    sd = kappa_unit_sd(table, weights=weights)
    if math.isnan(sd):
        raise InputError("kappa of the anticipated table is undefined: it uses one category only")
    return sd


def _both(level: float, power: float) -> float:
    """Z of the two-sided level plus z of the power."""
    from scipy.special import ndtri

    if not 0 < power < 1:
        raise InputError(f"power {power} is not between 0 and 1")
    return normal_quantile(level) + float(ndtri(power))


def _positive(**given: float) -> None:
    for name, value in given.items():
        if not value > 0:
            raise InputError(f"{name} is {value}; above 0 is needed")


def _whole(n: float) -> int:
    return math.ceil(n - _ULP)


def mixture_radius(variance: float, n: int, *, level: float = 0.95, best_at: int = 100) -> float:
    """Return the half-width, at any n, of the normal-mixture confidence sequence of a mean."""
    # sqrt((V + r) log((V + r) / (r alpha^2))) / n, with V = n variance and r chosen to be narrow at
    # `best_at`. Source: Robbins (1970); Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49; r
    # as in Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), arXiv 2103.06476, for `best_at`.
    if n < 1:
        return math.inf
    reach = -2 * math.log(1 - level)
    r = variance * best_at / (reach + math.log1p(reach))
    v = n * variance
    return math.sqrt((v + r) * (math.log((v + r) / r) + reach)) / n


def bernstein_ends(x: npt.ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """Return the ends, at this n, of the empirical-Bernstein confidence sequence of a mean in [0, 1]."""
    # Exact at any n and narrower than the mixture where values vary little; values must be in the order in
    # which they came. Source: Waudby-Smith & Ramdas (2024), "Estimating Means of Bounded Random Variables by
    # Betting", JRSS B 86, theorem 2 (predictable plug-in), with the bets cut at 1/2.
    v = column(x, "x")
    if not len(v):
        return 0.0, 1.0
    t = np.arange(1, len(v) + 1)
    mean = (0.5 + np.cumsum(v)) / (t + 1)
    spread = (0.25 + np.cumsum((v - mean) ** 2)) / (t + 1)
    mean_before, spread_before = np.r_[0.5, mean[:-1]], np.r_[0.25, spread[:-1]]
    reach = math.log(2 / (1 - level))
    bet = np.minimum(np.sqrt(2 * reach / (spread_before * t * np.log1p(t))), 0.5)
    price = (v - mean_before) ** 2 * (-np.log1p(-bet) - bet)
    middle, half = float(bet @ v / bet.sum()), float((reach + price.sum()) / bet.sum())
    return max(0.0, middle - half), min(1.0, middle + half)


def confidence_sequence(
    values: npt.ArrayLike,
    *,
    bounds: Bounds = (0.0, 1.0),
    kind: Literal["mixture", "bernstein"] = "mixture",
    best_at: int = 100,
    level: float = 0.95,
) -> Estimate:
    """The mean so far, with an interval that holds at every time it is looked at, and at any n.

    Args:
        values: Shape (n,), in the order they came; nan where missing.
        bounds: The range of values, which they must not leave.
        kind: `mixture`, by the largest variance the range allows; `bernstein`, by how the values vary, which
            is narrower where they vary little. To be chosen beforehand.
        best_at: The number of values at which it is to be narrow, said beforehand.
        level: Confidence, over all times at once.

    >>> found = confidence_sequence([1, 0] * 50)
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.5, 0.348, 0.652)
    """
    given = column(values, "values")
    x = given[~np.isnan(given)]
    within(x, *bounds, "values")
    if kind not in {"mixture", "bernstein"}:
        raise InputError(f"kind {kind!r}; there are 'mixture' and 'bernstein'")
    n, (bottom, top) = len(x), bounds
    made = about("mean", n, len(given), level=level, n_raters=1, method=f"confidence sequence, {kind}")
    if n < 2:
        return undefined(made, Status.TOO_FEW, f"{n} values")
    mean, width = float(x.mean()), top - bottom
    if kind == "mixture":
        radius = mixture_radius(width**2 / 4, n, level=level, best_at=best_at)
        low, high = max(bottom, mean - radius), min(top, mean + radius)
    else:
        low, high = (bottom + width * end for end in bernstein_ends((x - bottom) / width, level=level))
    return replace(
        made, value=mean, low=low, high=high, se=float(x.std(ddof=1) / math.sqrt(n)),
        interval="confidence_sequence",
    )  # fmt: skip


def share_sequence(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """A share's interval that holds at every time it is looked at; exact, and narrow at high and low shares.

    The shares p that the mixture of binomials over a Beta(1/2, 1/2) does not beat by 1 / alpha: (0, 1) at n =
    0. `level` is over all times at once; more successes than values are an `InputError`. Source: Robbins
    (1970), "Statistical Methods Related to the Law of the Iterated Logarithm": the ratio of mixture and
    likelihood is a martingale, so Ville's inequality holds at all times.

    >>> low, high = share_sequence(95, 100)
    >>> round(low, 3), round(high, 3)
    (0.844, 0.993)
    """
    from scipy.optimize import brentq
    from scipy.special import betaln, xlog1py, xlogy

    if not 0 <= successes <= n or not 0 < level < 1:
        raise InputError(f"{successes} of {n} at level {level}")
    failures = n - successes
    mixture = float(betaln(0.5 + successes, 0.5 + failures) - betaln(0.5, 0.5))

    def beaten(p: float) -> float:
        return mixture - float(xlogy(successes, p) + xlog1py(failures, -p)) + math.log(1 - level)

    middle, edge = (successes / n if n else 0.5), 1e-12
    low = 0.0 if beaten(edge) <= 0 else float(brentq(beaten, edge, max(middle, 2 * edge)))
    high = 1.0 if beaten(1 - edge) <= 0 else float(brentq(beaten, min(middle, 1 - 2 * edge), 1 - edge))
    return low, high

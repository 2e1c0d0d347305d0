"""A system placed by its answers to some items of a bank, those items picked as its answers come.

Beside the ability stand two controls: the plain mean of the answers, and no call at all, which is the mean
score of earlier systems. The plain mean of items that were picked for what they tell foretells no score.
"""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from judgekit.agreement.core.intervals import normal_quantile
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError, there_are
from judgekit.standing.bank import Bank, right
from judgekit.standing.picking import Answer, Known, picks

DOUBTFUL = frozenset({"reversed", "suspect", "flat", "erratic", "few"})
"""Flags of items that are not picked unless asked for."""
Placing = Literal["eap", "map", "mle"]
_WIDEST = 4.0  # where the likelihood alone has no top


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a system stands by its answers to some items of a bank; nan where there is none.

    Args:
        ability: On the scale of the bank, with its posterior `sd` and interval `low` to `high`; the error of
            the items' own numbers is not in it.
        n: Answers it rests on; `n_missing` were asked for and not obtained.
        score: The expected score on all items of the bank, with its interval.
        plain: The mean of the answers given, weighted where weights were, and its error `plain_sd`.
        no_call: The mean score of earlier systems, and their spread `no_call_sd`: what was known unasked.
        status: `ok`; `undefined:too_few` without an answer; that of a bank that places nobody.
    """

    ability: float = math.nan
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int
    n_missing: int
    score: float = math.nan
    score_low: float = math.nan
    score_high: float = math.nan
    plain: float = math.nan
    plain_sd: float = math.nan
    no_call: float = math.nan
    no_call_sd: float = math.nan
    method: str
    level: float
    status: str = "ok"


def place_system(
    bank: Bank,
    answers: Mapping[str, Answer],
    *,
    method: Placing = "eap",
    weights: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> Placed:
    """Return where a system stands by its answers.

    Args:
        bank: The bank.
        answers: Item id -> how right the answer was, from 0 to 1; None if it was not obtained.
        method: The ability is the mean of the posterior (`eap`), its mode (`map`), or the top of the
            likelihood alone between -4 and 4 (`mle`).
        weights: Item id -> its weight in the plain mean, of a subset drawn with them.
        level: Confidence of the intervals.
    """
    if method not in get_args(Placing):
        raise InputError(f"method={method!r}; {there_are(method, get_args(Placing))}")
    places = {item: j for j, item in enumerate(bank.ids)}
    if strays := [item for item in answers if item not in places]:
        raise InputError(f"item {strays[0]!r} is not in the bank, which has {len(places)} items")
    given = {item: float(x) for item, x in answers.items() if x is not None and not math.isnan(x)}
    if wrong := [x for x in given.values() if not 0 <= x <= 1]:
        raise InputError(f"an answer is a number from 0 to 1, not {wrong[0]:g}; rescale the scores")
    asked, x = np.array([places[item] for item in given], dtype=np.intp), np.array([*given.values()])
    earlier = np.array([score for *_, score in bank.systems.values() if not math.isnan(score)])
    placed = Placed(
        n=len(x), n_missing=len(answers) - len(x), method=method, level=level,
        no_call=float(earlier.mean()) if len(earlier) else math.nan,
        no_call_sd=float(earlier.std(ddof=1)) if len(earlier) > 1 else math.nan,
    )  # fmt: skip
    w = np.array([1.0 if weights is None else weights.get(item, 0.0) for item in given])
    plain, error = _plain_mean(x, w, len(places))
    placed = replace(placed, plain=plain, plain_sd=error)
    if not len(x) or math.isnan(bank.sd):
        return replace(placed, status=bank.status if math.isnan(bank.sd) else "undefined:too_few")
    return _measured(bank, asked, x, placed)


def _plain_mean(x: Floats, w: Floats, n_items: int) -> tuple[float, float]:
    if not w.sum() > 0:
        return math.nan, math.nan
    mean = float(w @ x / w.sum())
    spread = float(np.var(x, ddof=1)) if len(x) > 1 else math.nan
    spread = mean * (1 - mean) if np.isin(x, (0, 1)).all() else spread
    return mean, math.sqrt(max(spread, 0.0) * (1 - len(x) / n_items) * float(w @ w)) / float(w.sum())


def _measured(bank: Bank, asked: Codes, x: Floats, placed: Placed) -> Placed:
    """Return ability and expected score by the posterior on a grid."""
    z, (slope, level) = normal_quantile(placed.level), bank.parameters()
    grid = bank.mean + bank.sd * np.linspace(-6, 6, 241)
    p = right(slope, level, grid)
    seen = np.clip(p[asked], 1e-12, 1 - 1e-12)
    log_post = (x @ np.log(seen) + (1 - x) @ np.log1p(-seen)) / bank.dispersion
    log_post -= ((grid - bank.mean) / bank.sd) ** 2 / 2
    post = np.exp(log_post - np.logaddexp.reduce(log_post))
    at = float(post @ grid)
    sd = math.sqrt(float(post @ (grid - at) ** 2))
    if placed.method != "eap":
        at, sd = _top(bank, slope[asked], level[asked], x, flat=placed.method == "mle")
    rest = np.delete(p, asked, axis=0)
    sums, noise = rest.sum(axis=0), bank.dispersion * (rest * (1 - rest)).sum(axis=0)
    total, n = float(post @ sums), len(p)
    half = z * math.sqrt(float(post @ ((sums - total) ** 2 + noise))) / n
    score = (float(x.sum()) + total) / n
    return replace(
        placed, ability=at, sd=sd, low=at - z * sd, high=at + z * sd, score=score,
        score_low=max(score - half, 0.0), score_high=min(score + half, 1.0),
    )  # fmt: skip


def _top(bank: Bank, slope: Floats, level: Floats, x: Floats, *, flat: bool) -> tuple[float, float]:
    """Return the top of the posterior, or of the likelihood alone, and the error there."""
    from scipy.optimize import brentq

    precision = 0.0 if flat else bank.sd**-2

    def gradient(at: float) -> float:
        p = right(slope, level, np.array([at]))[:, 0]
        return float(slope @ (x - p)) / bank.dispersion - precision * (at - bank.mean)

    low, high = (-_WIDEST, _WIDEST) if flat else (bank.mean - 40 * bank.sd, bank.mean + 40 * bank.sd)
    ends = gradient(low), gradient(high)
    at = low if ends[0] <= 0 else high if ends[1] >= 0 else brentq(gradient, low, high, xtol=1e-12)
    p = right(slope, level, np.array([at]))[:, 0]
    return float(at), 1 / math.sqrt(float(slope**2 @ (p * (1 - p))) / bank.dispersion + precision)


def adaptive(
    bank: Bank,
    *,
    gamma: float = 0.0,
    until_sd: float = 0.3,
    most: int | None = None,
    budget: float | None = None,
    top: int = 1,
    doubtful: bool = False,
    among: Sequence[str] | None = None,
    seed: int = 0,
) -> Generator[str, Answer, Placed]:
    """Yield the id of the next item to ask, be sent how right its answer was, and return where that places.

    Arguments are those of `picks`; `doubtful` takes items with such flags too, `among` only these.
    """
    wanted = set(bank.ids if among is None else among)
    own = [item for item in bank.items if item.item_id in wanted]
    own = [item for item in own if doubtful or not DOUBTFUL & set(item.flags)]
    if math.isnan(bank.sd) or not own:
        why = bank.status if math.isnan(bank.sd) else "all of its items that are here have a flag"
        raise InputError(f"the bank has nothing to pick from: {why}")
    prior = Known(np.array([bank.mean]), np.array([[bank.sd**-2]]))
    steps = picks(
        np.array([[item.slope] for item in own]), np.array([item.level for item in own]), prior,
        cost=np.array([item.cost for item in own]), gamma=gamma, until_sd=until_sd, most=most, budget=budget,
        top=top, dispersion=bank.dispersion, seed=seed,
    )  # fmt: skip
    answers: dict[str, Answer] = {}
    try:
        place = next(steps)
        while True:
            item = own[place].item_id
            answers[item] = yield item
            place = steps.send(answers[item])
    except StopIteration:
        return place_system(bank, answers)

"""An item bank: what is known of items, so that a new system can be placed by its answers to some of them.

A bank keeps slopes and levels of items with how surely they are known, their flags, and the abilities and
scores of the systems that calibrated it. Those give the prior of the next system, and the control that no
answer is needed for: the mean score of earlier systems. Beside every placed ability stand that and the plain
mean of the answers given, since a measured ability is no measured score.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError, there_are
from judgekit.standing.amortised import Amortised
from judgekit.standing.item_fit import (
    Hidden,
    dimension,
    dispersion,
    flags_of,
    hidden_cells,
    rest_correlations,
    twins,
)
from judgekit.standing.random_items import FEW_SYSTEMS, ItemResponse, random_items, random_systems
from judgekit.types import brief

FORMAT = 1
MANY_SYSTEMS = 200
"""From so many systems on, and more of them than items, systems are random and items fixed."""
Model = Literal["1pl", "2pl"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankItem:
    """An item and what is known of it.

    Args:
        slope: How well it tells systems apart; below 0 better systems fail it. `slope_sd` is how surely.
        level: The log-odds of a right answer of an average system, and `level_sd`.
        n: Systems that answered it, and `share` how right they were.
        infit: Mean squares of its answers against the model, and `outfit` with equal weights; 1 is expected.
        rest: Correlation of its answers with the systems' means on all other items.
        negative: The probability that its slope is below 0; `flat`: below 0.2.
        flags: What is wrong with it, a word each.
        cost: Of asking it, in any unit.
    """

    item_id: str
    slope: float
    slope_sd: float
    level: float
    level_sd: float
    n: int = 0
    share: float = math.nan
    infit: float = math.nan
    outfit: float = math.nan
    rest: float = math.nan
    negative: float = math.nan
    flat: float = math.nan
    flags: tuple[str, ...] = ()
    cost: float = 1.0

    @property
    def difficulty(self) -> float:
        """The ability at which a right answer is as likely as a wrong one; nan where it may be flat."""
        return -self.level / self.slope if self.flat < 0.05 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """Items with what is known of them, and of the systems that calibrated them.

    Args:
        mean: Of the abilities of those systems, and their spread `sd`: the prior of the next.
        dispersion: Squared error of answers over p (1 - p); 1 of right and wrong.
        systems: Name -> ability, standard error, score on all items (what is missing as expected).
        reliability: Of the abilities: 1 less their squared error over their variance.
        hidden: How well four models foretell answers they were not shown.
        one_ability: The p-value of data with one ability against these; small says there are more.
        explained: Share of the variance of levels that features explain; None where there are none.
        twins: Pairs of items answered alike beyond what ability explains.
        status: `ok`; `unstable:few_systems` below 30 systems, of the slopes of single items;
            `unstable:not_converged`; `undefined:too_few` or `undefined:not_identified`.
    """

    items: tuple[BankItem, ...]
    model: Model
    mean: float
    sd: float
    dispersion: float = 1.0
    systems: Mapping[str, tuple[float, float, float]]
    reliability: float = math.nan
    hidden: tuple[Hidden, ...] = ()
    one_ability: float = math.nan
    explained: float | None = None
    twins: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    status: str = "ok"
    notes: tuple[str, ...] = ()

    __repr__ = brief

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the items."""
        return tuple(item.item_id for item in self.items)

    @property
    def flagged(self) -> Mapping[str, int]:
        """How many items have each flag."""
        return Counter(flag for item in self.items for flag in item.flags)

    @property
    def digest(self) -> str:
        """Digest of everything in it."""
        return hashlib.sha256(json.dumps(_plain(self), sort_keys=True).encode()).hexdigest()

    def parameters(self) -> tuple[Floats, Floats]:
        """Slopes and levels of all items, (n_items,) each."""
        return np.array([i.slope for i in self.items]), np.array([i.level for i in self.items])

    def information(self, abilities: npt.ArrayLike) -> Floats:
        """What all items tell at each ability: the sum of a^2 p (1 - p)."""
        slope, level = self.parameters()
        p = right(slope, level, np.asarray(abilities, dtype=float))
        return np.asarray(slope**2 @ (p * (1 - p)))


def right(slope: Floats, level: Floats, at: Floats) -> Floats:
    """Return the probability of a right answer, (n_items, n_abilities)."""
    return np.asarray(1 / (1 + np.exp(-(np.outer(slope, at) + level[:, None]))))


def fit_bank(
    answers: Floats,
    systems: Sequence[str],
    items: Sequence[str],
    *,
    model: Model = "2pl",
    costs: Mapping[str, float] | None = None,
    features: Amortised | None = None,
    checks: bool = True,
    seed: int = 0,
) -> Bank:
    """Fit a bank to answers (n_systems, n_items) on [0, 1], nan where missing.

    `features` give levels to items that nobody answered; `checks` hides a fifth of the answers in turn and
    looks for a second ability.
    """
    if model not in get_args(Model):
        raise InputError(f"model={model!r}; {there_are(model, get_args(Model))}")
    tall = model == "2pl" and len(systems) >= max(MANY_SYSTEMS, len(items) + 1)
    fitted = random_systems if tall else random_items
    fit = random_systems(answers) if tall else random_items(answers, slopes=model == "2pl", systems=systems)
    there = ~np.isnan(answers)
    pairs = twins(answers, fit)
    flags, rest = flags_of(answers, fit, pairs), rest_correlations(answers)
    seen = there.sum(axis=0)
    share = np.where(seen > 0, np.nansum(answers, axis=0) / np.maximum(seen, 1), np.nan)
    columns = {
        "slope": fit.slope, "slope_sd": fit.slope_sd, "level": fit.level, "level_sd": fit.level_sd,
        "share": share, "infit": fit.infit, "outfit": fit.outfit, "rest": rest, "negative": fit.negative,
        "flat": fit.flat,
    }  # fmt: skip
    own = [
        BankItem(
            item_id=item, n=int(seen[j]), flags=flags[j], cost=(costs or {}).get(item, 1.0),
            **{name: float(of[j]) for name, of in columns.items()},
        )
        for j, item in enumerate(items)
    ]  # fmt: skip
    own += [] if features is None else _unseen(features, set(items), fit, costs or {})
    scores = (
        np.where(there, answers, fit.expected).mean(axis=1) if len(items) else np.full(len(systems), np.nan)
    )
    known = {
        system: (float(fit.ability[i]), float(fit.ability_se[i]), float(scores[i]))
        for i, system in enumerate(systems)
    }
    mean, sd, reliability = (0.0, 1.0, math.nan) if tall else _spread(fit)
    few = fit.status == "ok" and len(systems) < FEW_SYSTEMS and model == "2pl"
    usable = checks and not fit.status.startswith("undefined")
    return Bank(
        items=tuple(own), model=model, mean=mean, sd=sd, dispersion=dispersion(answers, fit), systems=known,
        reliability=float(1 - np.mean(fit.ability_se**2)) if tall else reliability,
        hidden=hidden_cells(answers, partial(fitted, errors="none"), seed=seed) if usable else (),
        one_ability=dimension(answers, fit, seed=seed).p_value if usable else math.nan,
        explained=None if features is None else features.explained,
        twins=tuple((items[i], items[j]) for i, j in pairs), seed=seed,
        status="unstable:few_systems" if few else fit.status, notes=fit.notes,
    )  # fmt: skip


def _spread(fit: ItemResponse) -> tuple[float, float, float]:
    """Return mean and spread of the abilities without their error, and their reliability."""
    some = ~np.isnan(fit.ability)
    if some.sum() < 2:
        return math.nan, math.nan, math.nan
    whole, error = float(np.var(fit.ability[some], ddof=1)), float(np.mean(fit.ability_se[some] ** 2))
    mean, known = float(fit.ability[some].mean()), whole > 0 and not math.isnan(error)
    true = max(whole - error, 0.05 * whole) if known else whole
    return mean, math.sqrt(true), max(1 - error / whole, 0.0) if known else math.nan


def _unseen(
    features: Amortised, seen: set[str], fit: ItemResponse, costs: Mapping[str, float]
) -> list[BankItem]:
    """Return items that nobody answered, by their features."""
    return [
        BankItem(
            item_id=item, slope=1.0, slope_sd=fit.sd_slope, level=float(level), level_sd=features.sd,
            negative=0.0, flat=0.0, flags=("few",), cost=costs.get(item, 1.0),
        )
        for item, level in zip(features.items, features.levels, strict=True)
        if item not in seen
    ]  # fmt: skip


def _plain(bank: Bank) -> dict[str, Any]:
    """Return a bank as it stands in JSON; what has no number is null."""
    return {"format": FORMAT, **_nulls(asdict(bank))}


def _nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _nulls(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_nulls(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def bank_text(bank: Bank) -> str:
    """Return a bank as JSON; no number is lost on the way back."""
    return json.dumps(_plain(bank), ensure_ascii=False, indent=1) + "\n"


def bank_of(text: str) -> Bank:
    """Return the bank that JSON holds; an InputError says what of it is wrong."""
    try:
        raw = json.loads(text)
    except ValueError:
        raise InputError("this is no JSON, and so no bank; `judgekit bank fit` makes one") from None
    try:
        if raw["format"] != FORMAT:
            raise InputError(f"the bank has format {raw['format']!r}, and this version reads {FORMAT}")
        items = tuple(
            BankItem(**{**_numbers(BankItem, each), "flags": tuple(each["flags"])}) for each in raw["items"]
        )
        hidden = tuple(Hidden(**_numbers(Hidden, each)) for each in raw["hidden"])
        known = {
            name: tuple(math.nan if x is None else float(x) for x in of)
            for name, of in raw["systems"].items()
        }
        pairs = tuple((one, other) for one, other in raw["twins"])
        made = {
            "items": items,
            "hidden": hidden,
            "systems": known,
            "twins": pairs,
            "notes": tuple(raw["notes"]),
        }
        bank = Bank(**{**_numbers(Bank, {k: v for k, v in raw.items() if k != "format"}), **made})
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"this is no bank: {type(error).__name__}: {error}; `judgekit bank fit` makes one"
        ) from None
    if twice := [item for item, n in Counter(bank.ids).items() if n > 1]:
        raise InputError(f"item {twice[0]!r} stands in the bank twice")
    return bank


def _numbers(record: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a record, with nan where a number is null."""
    missing = {each.name for each in fields(record) if each.type is float}
    return {name: math.nan if value is None and name in missing else value for name, value in raw.items()}

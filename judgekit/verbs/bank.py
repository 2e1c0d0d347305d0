"""`bank`: item banks fitted to scores of systems, kept in files, and used to place, to pick and to divide."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError, of_file
from judgekit.items.texts import name_of, real_of
from judgekit.rubric.files import read_text
from judgekit.standing.amortised import Amortised, amortised
from judgekit.standing.bank import Bank, Model, bank_of, bank_text, fit_bank, right
from judgekit.standing.forms import matched_forms
from judgekit.standing.placing import DOUBTFUL, Placed, Placing, place_system
from judgekit.standing.scores import Scored
from judgekit.standing.subsets import How, Subset, chosen, errors_of
from judgekit.table import columns_in, read_scores
from judgekit.types import Score
from judgekit.verbs.comparable import Material, frame_of
from judgekit.verbs.joining import stored
from judgekit.verbs.results import Run
from judgekit.verbs.stand import material
from judgekit.writing import write

_ABILITIES = np.linspace(-3, 3, 25)  # in spreads about the mean
_USUAL = np.exp(-(_ABILITIES**2) / 2) / np.exp(-(_ABILITIES**2) / 2).sum()


def fit(
    *scores: Any,
    model: Model = "2pl",
    features: Any = None,
    criterion: str | None = None,
    columns: Mapping[str, str] | None = None,
    checks: bool = True,
    seed: int = 0,
) -> Bank:
    """A bank of the items that systems were scored on.

    Args:
        *scores: Runs, their folders, or one table of scores from 0 to 1 (item_id, system, score; or item_id
            and a column for each system), or a matrix (n_systems, n_items).
        model: `2pl`: items have slopes of their own; `1pl`: all have the same.
        features: A table of items with numbers that may foretell how hard they are, and their `cost`; or a
            run of a rubric about the task, such as `demands`. Items in it that nobody answered join the bank.
        criterion: The criterion of a run that is taken; the rubric's scores where left out.
        columns: Our name of a column of the scores -> its name there.
        checks: Whether to hide a fifth of the answers in turn, to see which model foretells them, and to look
            for a second ability.
        seed: The seed of what is hidden and simulated.

    Raises `InputError` for scores off 0 to 1, or a table that is none.

    Source: Items random, after De Boeck (2008), "Random Item IRT Models", Psychometrika 73; few systems and
    many items are what banks of tests for models have.

    >>> right = [[1, 1, 0, 1, 1, 0], [1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 1, 0]]
    >>> bank = fit(np.array(right), checks=False)
    >>> [round(ability, 1) for ability, _, _ in bank.systems.values()]
    [0.9, -0.4, -0.5]
    """
    held = material(scores, criterion=criterion, columns=columns)
    table, costs, explained = _scores_in(held), dict[str, float](), None
    if features is not None:
        explained, costs = _features(features, table, seed)
    bank = fit_bank(
        np.asarray(table.values), table.systems, table.items, model=model, costs=costs, features=explained,
        checks=checks, seed=seed,
    )  # fmt: skip
    return replace(bank, notes=(*held.notes, *bank.notes))


def _features(source: Any, table: Scored, seed: int) -> tuple[Amortised | None, dict[str, float]]:
    """Return what features say of items, and what items cost."""
    rows = _rows_of_items(source)
    costs = {item: row.pop("cost") for item, row in rows.items() if "cost" in row}
    names = sorted({name for row in rows.values() for name in row})
    whole = [item for item, row in rows.items() if len(row) == len(names)]
    if not names or not whole:
        return None, costs
    if not set(whole) & set(table.items):
        raise InputError(f"no item of the scores has features; the first that has is {whole[0]!r}")
    column = {item: j for j, item in enumerate(table.items)}
    x = np.full((len(table.systems), len(whole)), np.nan)
    for j, item in enumerate(whole):
        if item in column:
            x[:, j] = table.values[:, column[item]]
    numbers = [[rows[item][name] for name in names] for item in whole]
    return amortised(x, np.array(numbers), whole, seed=seed), costs


def _rows_of_items(source: Any) -> dict[str, dict[str, float]]:
    """Return item -> name -> number, from a table, or the criteria of a run about tasks."""
    scores: list[Score] | None = None
    if isinstance(source, Run) or (isinstance(source, str | Path) and Path(source).is_dir()):
        scores = list(stored(source).scores)
    elif columns_in(source) >= {"level", "name", "rule"}:
        scores = read_scores(source)
    found: dict[str, dict[str, float]] = {}
    if scores is not None:
        for score in scores:
            if score.level == "criterion" and not score.unit.responses and score.value is not None:
                found.setdefault(score.unit.item_id, {})[score.name] = score.value
        return found
    frame = frame_of(source)
    item = next((name for name in ("item_id", "id", "item") if name in frame), "item_id")
    for n, row in enumerate(frame.to_dict("records"), 1):
        own = {
            key: real_of(each, f"row {n}: {key}") for key, each in row.items() if key != item and each != ""
        }
        found[name_of(row.get(item), f"row {n}: {item}")] = own
    return found


def _scores_in(held: Material) -> Scored:
    """Return the scores of systems that runs or a table hold."""
    if held.scored is None:
        raise InputError("these are comparisons of systems, and a bank is of scores of single responses")
    return held.scored


def load(path: str | Path) -> Bank:
    """The bank that a file holds; `InputError` if it is none."""
    text = read_text(Path(path))
    try:
        return bank_of(text)
    except InputError as error:
        raise of_file(path, error) from None


def save(bank: Bank, path: str | Path) -> None:
    """Write a bank to a file, as JSON."""
    write(path, bank_text(bank).encode())


def _bank(given: Bank | str | Path) -> Bank:
    return given if isinstance(given, Bank) else load(given)


def place(
    bank: Bank | str | Path,
    answers: Any,
    *,
    method: Placing = "eap",
    subset: Subset | None = None,
    criterion: str | None = None,
    columns: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> dict[str, Placed]:
    """Where systems stand by their answers to some items of a bank, by system.

    Args:
        bank: The bank, or its file.
        answers: Scores as for `fit`, of any of its items; or item id -> score of one system, which is then
            called `system`.
        method: The ability is the mean of the posterior (`eap`), its mode (`map`), or the top of the
            likelihood alone (`mle`).
        subset: The subset that was asked, whose weights the plain mean then has.
        criterion: The criterion of a run that is taken; the rubric's scores where left out.
        columns: Our name of a column of the answers -> its name there.
        level: The confidence of the intervals.

    Beside ability and expected score stand two controls: the plain mean, and the mean of earlier systems.
    """
    held = _bank(bank)
    weights = None if subset is None else dict(zip(subset.ids, subset.weights, strict=True))
    if isinstance(answers, Mapping):
        return {"system": place_system(held, answers, method=method, weights=weights, level=level)}
    table = _scores_in(material([answers], criterion=criterion, columns=columns))
    placed = dict[str, Placed]()
    for i, system in enumerate(table.systems):
        given = zip(table.items, table.values[i].tolist(), strict=True)
        own = {item: value for item, value in given if not math.isnan(value)}
        one = place_system(held, own, method=method, weights=weights, level=level)
        lost = table.missing.get(system, {}).items()
        placed[system] = replace(one, n_missing=sum(n for reason, n in lost if reason != "absent"))
    return placed


def pick(
    bank: Bank | str | Path,
    k: int,
    *,
    how: How | None = None,
    answers: Any = None,
    doubtful: bool = False,
    seed: int = 0,
) -> Subset:
    """Items of a bank to ask in place of all, with weights, and what choosing them can gain at most.

    Args:
        bank: The bank, or its file.
        k: How many.
        how: `medoids`: the middles of clusters, with their shares as weights; `stratified` by difficulty;
            `pivotal`: near ones exclude each other; `information`: those that tell most of ability, which
            make no fair mean; `random`. Where left out, `medoids` with answers, `stratified` without.
        answers: Scores of earlier systems, as for `fit`, by which items are near each other; where left out,
            they are by difficulty and slope.
        doubtful: Whether items may have a flag such as `suspect` or `flat`.
        seed: The seed of what is drawn.

    >>> bank = fit((np.arange(60).reshape(4, 15) % 7 < 3) * 1.0, checks=False)
    >>> subset = pick(bank, 3, how="stratified", doubtful=True)
    >>> len(subset.ids), sum(subset.weights)
    (3, 1.0)
    """
    held = _bank(bank)
    of = [j for j, item in enumerate(held.items) if doubtful or not DOUBTFUL & set(item.flags)]
    if math.isnan(held.sd) or not of:
        raise InputError(
            f"the bank has no item to pick ({held.status}); doubtful=True takes those with a flag"
        )
    slope, level = held.parameters()
    p = right(slope, level, held.mean + held.sd * _ABILITIES)
    features = np.column_stack([level, slope])
    how = how or ("stratified" if answers is None else "medoids")
    if how == "stratified":
        features = level[:, None]
    elif answers is not None:
        features = _as_answered(held, _scores_in(material([answers])), p @ _USUAL)
    worth = (p * (1 - p)) @ _USUAL * slope**2
    places, weights = chosen(features[of], k, how, seed=seed, worth=worth[of])
    random, best = errors_of(p, _USUAL, k)
    return Subset(
        ids=tuple(held.items[of[j]].item_id for j in places), weights=tuple(weights.tolist()), how=how,
        seed=seed, sd_random=random, sd_best=best,
    )  # fmt: skip


def _as_answered(bank: Bank, table: Scored, usual: Floats) -> Floats:
    """Return the answers of earlier systems, (n_items, n_systems); what is missing as of an average one."""
    column = {item: j for j, item in enumerate(table.items)}
    found = np.repeat(usual[:, None], len(table.systems), axis=1)
    for j, item in enumerate(bank.ids):
        if item in column:
            own = table.values[:, column[item]]
            found[j] = np.where(np.isnan(own), found[j], own)
    return found


def forms(bank: Bank | str | Path, size: int, *, seed: int = 0) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the items of two tests that are equally hard, which share none.

    Args:
        bank: The bank, or its file.
        size: Items of each.
        seed: The seed of the items that are matched, and of the coin for each pair.

    Pairs are alike in level and slope. That takes away the difference of level between the tests; systems
    stand as far apart on them as on two random halves. Items with a flag such as `suspect` are left out.

    >>> ability, ease = np.linspace(-1, 1, 12)[:, None], np.linspace(-1, 1, 40)
    >>> right = np.random.default_rng(0).random((12, 40)) < 1 / (1 + np.exp(-2 * (ability + ease)))
    >>> one, other = forms(fit(right * 1.0, checks=False), 3)
    >>> len(one), set(one) & set(other)
    (3, set())
    """
    held = _bank(bank)
    of = [item for item in held.items if not DOUBTFUL & set(item.flags) and not math.isnan(item.level)]
    one, other = matched_forms([[item.level, item.slope] for item in of] or np.zeros((0, 2)), size, seed=seed)
    return tuple(of[j].item_id for j in one), tuple(of[j].item_id for j in other)

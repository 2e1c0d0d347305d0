"""`stand`: the order of systems, from stored runs, tables of scores, or recorded votes.

Runs of pairs are read from their outcomes: each judge's orders and samples become one verdict, the judges'
verdicts one comparison. Of runs of single responses the labels are read where the scale has few, judges as
facets, else the scores.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError, there_are
from judgekit.items import read_items
from judgekit.standing.bradley_terry import Ties, bradley_terry
from judgekit.standing.orders import (
    Against,
    Tilt,
    family_shift,
    half_agreement,
    judge_tilt,
    order_tau,
    profile,
)
from judgekit.standing.records import Standing
from judgekit.standing.scores import (
    Fitted,
    Scored,
    checked,
    fit_two_way,
    one_parameter,
    plain_mean,
    standing_of,
    two_way,
)
from judgekit.table import columns_in, read_scores
from judgekit.types import Abstention, Verdict
from judgekit.verbs.comparable import Material, compared, of_matrix, table_of
from judgekit.verbs.joining import stored
from judgekit.verbs.results import Run
from judgekit.verbs.standing_runs import Taken, of_runs, unheard

Model = Literal["auto", "mean", "two-way", "1pl", "2pl", "bradley-terry"]
MODELS: tuple[Model, ...] = ("auto", "mean", "two-way", "1pl", "2pl", "bradley-terry")


def stand(
    *runs: Any,
    model: Model = "auto",
    by: str | None = None,
    against: Any = None,
    families: Mapping[str, Sequence[str]] | None = None,
    criterion: str | None = None,
    judge: str | Collection[str] = (),
    items: Any = None,
    columns: Mapping[str, str] | None = None,
    scale: Any = None,
    link: str = "points",
    parts: float | None = None,
    ties: Ties = "half",
    order: bool = False,
    prior: float = 0.0,
    b: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Standing:
    """The order of systems with intervals, ranks, and the groups that cannot be told apart.

    Args:
        *runs: Runs, folders that `save` or `--out` wrote, outcomes (a list, an `outcomes.jsonl`), scores
            (a `scores.jsonl`), or a table (a file, a frame, rows): item_id, system, score in long form; items
            x systems; or recorded votes with first, second, label; or an array (n_systems, n_items).
            Responses to one item may stand in different runs.
        model: The model: `mean`, `two-way` (system + item), `1pl` (labels of a declared scale, items random),
            `2pl` (items differ in how well they tell systems apart), or `bradley-terry` (comparisons; of two
            scores of an item the higher wins). `auto` is bradley-terry of pairs, 1pl of labels, else two-way.
        by: The tag of the items to give a standing of each value of, and where ranks differ beyond noise.
        against: The trusted side: a run or a table of people's scores or comparisons, to hold the order
            against: tau-b, what two parts of the trusted items reach, and how decisive the judge is.
        families: Family -> its systems; with `against`, whether the order favours them.
        criterion: The criterion to order by; where left out and a run has several, the rubric's scores.
        judge: The judges whose verdicts count; all where left out, controls only where they are alone.
        items: The items that were judged, which say which system wrote a response, and have tags. Where left
            out, scores say it, or else response ids are taken as systems.
        columns: Our name of a column of the items, or of a table -> its name there.
        scale: The declared scale of a table's labels, as `1-5` or `no,maybe,yes`.
        link: What two-way is fitted on: `points`, `logit` of shares of `parts`, or `squeeze` as GIM has it.
        parts: The number of criteria or levels that a share is of, for `logit`.
        ties: What a tie is: `half` a win for each, or `davidson`, with a probability of its own.
        order: Fit how much the response shown first gains, from the verdicts of each order apart.
        prior: The wins and losses given to each system against an average one; 0.1 makes every standing
            finite.
        b: The number of resamples of items behind the intervals of bradley-terry; 0 uses the inverse Hessian.
        seed: The seed of the resampling.
        level: The confidence of each interval, and of all intervals of ranks together.

    What cannot be told has no number, and the status says why. Raises `InputError` if a name is not there, or
    a model does not fit what was handed in.

    Source: As of `jk.standing.bradley_terry`, `jk.standing.two_way` and `jk.standing.one_parameter`.

    >>> scores = [
    ...     {"item_id": str(i), "system": system, "score": 0.5 + i / 90 + gap * (1 + i % 3) / 20}
    ...     for i in range(30) for system, gap in (("new", 1), ("old", 0))
    ... ]
    >>> standing = stand(scores)
    >>> [(place.system, round(place.strength, 2), place.rank) for place in standing.places]
    [('new', 0.05, 1), ('old', -0.05, 2)]
    >>> standing.groups, standing.told_apart
    ((('new',), ('old',)), (1, 1))
    """
    if model not in MODELS:
        raise InputError(f"model={model!r}; {there_are(model, MODELS)}")
    if not 0.0 < level < 1.0:
        raise InputError(f"level={level:g}: a confidence lies between 0 and 1; 0.95 is usual")
    how = _How(
        model=model, link=link, parts=parts, ties=ties, order=order, prior=prior, b=b, seed=seed, level=level
    )
    what = _What(
        criterion=criterion, judges={judge} if isinstance(judge, str) else judge, items=items,
        columns=columns or {}, scale=scale, by=by, order=order,
    )  # fmt: skip
    held = _material(runs, what)
    made = _fit(held, how)
    made = replace(made, notes=(*held.notes, *made.notes))
    if by is not None:
        made = replace(made, profile=profile(by, made, _by_tag(held, by, how)))
    if against is not None:
        trusted = _material((against,), replace(what, judges=(), by=None, order=False))
        made = replace(made, against=_against(held, made, trusted, how, families or {}))
    elif families:
        raise InputError("families are looked at against a trusted order; say against=")
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """Options of the models, as of `stand`."""

    model: Model
    link: str
    parts: float | None
    ties: Ties
    order: bool
    prior: float
    b: int
    seed: int
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _What:
    """What is taken from runs and tables, as of `stand`."""

    criterion: str | None
    judges: Collection[str]
    items: Any
    columns: Mapping[str, str]
    scale: Any
    by: str | None
    order: bool


def _fit(held: Material, how: _How) -> Standing:
    """Return the standing of comparisons or scores by the model that was asked for."""
    model, scored, pairs = how.model, held.scored, held.pairs
    if pairs is not None and model not in {"auto", "bradley-terry"}:
        raise InputError(f"model={model!r} is of scores, and these are comparisons; say 'bradley-terry'")
    if scored is not None and model == "bradley-terry":
        pairs = compared(scored)
    if pairs is not None:
        made = bradley_terry(
            pairs, ties=how.ties, order=how.order, prior=how.prior, b=how.b, seed=how.seed, level=how.level
        )
        answers = {} if scored is None else dict(zip(scored.systems, scored.n.tolist(), strict=True))
        places = tuple(replace(place, n_answers=answers.get(place.system)) for place in made.places)
        return replace(made, places=places)
    assert scored is not None  # noqa: S101 - one of both is there
    if model == "auto":
        model = "two-way" if scored.labels is None else "1pl"
    if model == "mean":
        return plain_mean(scored, level=how.level, seed=how.seed)
    if model == "1pl":
        return one_parameter(scored, level=how.level, seed=how.seed)
    if model == "2pl":
        return _two_parameters(scored, how)
    return two_way(scored, link=how.link, parts=how.parts, level=how.level, seed=how.seed)


def _two_parameters(scored: Scored, how: _How) -> Standing:
    """Return the standing by the 2PL with items random."""
    from judgekit.standing.random_items import random_items

    if not scored.values.size or np.nanmin(scored.values) < 0 or np.nanmax(scored.values) > 1:
        raise InputError("model='2pl' is of scores from 0 to 1; say 'two-way'")
    found = random_items(scored.values)
    j = int((~np.isnan(scored.values)).any(axis=0).sum())
    fit = Fitted(
        strength=found.ability, covariance=found.covariance, df=float(j - 1), unit="logits",
        method="2pl, items random", status=found.status, notes=tuple(found.notes),
    )  # fmt: skip
    known = int(np.isfinite(found.ability).sum())
    return standing_of(scored, checked(fit, known, j), level=how.level, seed=how.seed)


def _by_tag(held: Material, by: str, how: _How) -> dict[str, Standing]:
    """Return a standing of each tag, at a level that holds for all tags at once."""
    tags = np.array([held.tags.get(item, "") for item in held.items], dtype=object)
    known = sorted(set(tags.tolist()) - {""})
    if not known:
        raise InputError(f"by={by!r}: no item has such a tag; hand in items that have it, or name a column")
    sure = replace(how, level=1.0 - (1.0 - how.level) / len(known))
    return {tag: _fit(held.only(tags == tag), sure) for tag in known}


def _against(
    held: Material, made: Standing, trusted: Material, how: _How, families: Mapping[str, Sequence[str]]
) -> Against:
    """Return the standing held against that of a trusted side."""
    model = how.model if (trusted.pairs is None) == (held.pairs is None) else "auto"
    own = _fit(trusted, replace(how, model=model, order=False))
    systems = [s for s in made.systems if s in own.systems]
    if len(systems) < 2:
        raise InputError(
            f"the trusted side has the systems {sorted(own.systems)}, and the standing "
            f"{sorted(made.systems)}; two that both have are needed"
        )
    ours, theirs = ({s: standing.of(s).strength for s in systems} for standing in (made, own))
    n_items = len(trusted.items)
    return Against(
        tau=order_tau(made, own, systems),
        halves=half_agreement(_refit(trusted, systems), n_items, len(held.items), seed=how.seed),
        trusted=own,
        shifts=tuple(
            family_shift(ours, theirs, family, name=name, seed=how.seed) for name, family in families.items()
        ),
        tilt=_tilt(held, trusted, systems),
        left_out=tuple(sorted(set(made.systems) ^ set(own.systems))),
    )


def _refit(held: Material, systems: Sequence[str]) -> Callable[[Codes], Floats]:
    """Return what gives the strengths of systems by some of the items."""

    def fit(some: Codes) -> Floats:
        kept = np.zeros(len(held.items), dtype=bool)
        kept[some] = True
        if held.scored is not None:
            table = held.scored
            strength = fit_two_way(table.values[:, kept], table.systems).strength
            return np.array([strength[table.systems.index(s)] for s in systems])
        found = bradley_terry(held.only(kept).pairs or (), prior=0.1, b=0)
        return np.array([found.of(s).strength for s in systems])

    return fit


def _tilt(held: Material, trusted: Material, systems: Sequence[str]) -> Tilt | None:
    """Return how decisive the judge is on pairs of systems."""
    rates = []
    for side in (held, trusted):
        pairs = compared(side.scored) if side.scored is not None else side.pairs
        if pairs is None:
            return None
        n = len(pairs.systems)
        cell, back = pairs.one * n + pairs.other, pairs.other * n + pairs.one
        won = np.bincount(cell, pairs.said[:, 0] + pairs.said[:, 1] / 2, n * n)
        won += np.bincount(back, pairs.said[:, 2] + pairs.said[:, 1] / 2, n * n)
        met = np.bincount(np.concatenate([cell, back]), minlength=n * n)
        rate = np.where(met > 0, won / np.maximum(met, 1), np.nan).reshape(n, n)
        place = [pairs.systems.index(s) for s in systems]
        rates.append(rate[np.ix_(place, place)])
    return judge_tilt(rates[0], rates[1], systems)


def material(
    sources: Sequence[Any], *, criterion: str | None = None, judge: str | Collection[str] = (),
    items: Any = None, columns: Mapping[str, str] | None = None, by: str | None = None,
) -> Material:  # fmt: skip
    """Return what runs and tables hold, as `stand` takes it from them."""
    return _material(
        sources,
        _What(
            criterion=criterion, judges={judge} if isinstance(judge, str) else judge, items=items,
            columns=columns or {}, scale=None, by=by, order=False,
        ),
    )  # fmt: skip


def _material(sources: Sequence[Any], what: _What) -> Material:
    """Return what runs and tables hold: all of them comparisons, or all of them scores."""
    runs: list[Run] = []
    tables: list[Material] = []
    for source in sources:
        kind = _kind(source)
        if kind == "scores":
            runs.append(Run(tuple(read_scores(source)), (), {}))
        elif kind == "matrix":
            tables.append(of_matrix(source))
        elif kind == "table":
            tables.append(table_of(source, what.columns, scale=what.scale, by=what.by))
        else:
            runs.append(stored(source))
    if (runs and tables) or len(tables) > 1:
        raise InputError("hand in runs, or one table; tables are joined by writing them into one file")
    if tables and (what.judges or what.criterion):
        raise InputError("judge and criterion are of runs, and this is a table")
    items = None
    if what.items is not None:
        read = read_items(what.items, columns=None if tables else what.columns or None, needs=None)
        items = {item.item_id: item for item in read}
    taken = Taken(criterion=what.criterion, judges=what.judges, items=items, order=what.order)
    held = tables[0] if tables else replace(of_runs(runs, taken), notes=unheard(runs, what.judges))
    if what.by is not None and not held.tags:
        kept = {item: tags for run in runs for item, tags in run.item_tags.items()}
        kept |= {name: item.all_tags for name, item in (items or {}).items()}
        held = replace(held, tags={item: tags[what.by] for item, tags in kept.items() if what.by in tags})
    return held


def _kind(source: Any) -> str:
    """Return whether a source is a run, scores of one, or a table of others."""
    if isinstance(source, Scored | np.ndarray):
        return "matrix"
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            return "run"
    elif isinstance(source, Run) or (
        isinstance(source, Sequence) and source and isinstance(source[0], Verdict | Abstention)
    ):
        return "run"
    there = columns_in(source)
    if there >= {"kind", "responses"}:
        return "run"
    return "scores" if there >= {"level", "rule", "value", "item_id"} else "table"

"""`stand`: the order of systems, from stored runs.

Runs of pairs are read from their outcomes: each judge's orders and samples become one verdict, the judges'
verdicts one comparison. Runs of single responses are read from their scores: of two responses to one item
the one with the higher score wins, and equal scores are a tie.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from judgekit.aggregate.pairs import pooled_pairs
from judgekit.distribution import as_said
from judgekit.errors import InputError
from judgekit.items import read_items
from judgekit.standing import Standing, bradley_terry
from judgekit.standing.bradley_terry import Ties
from judgekit.types import Item, Outcome, Score, Unit, Verdict, is_control
from judgekit.verbs.joining import stored


def stand(
    *runs: Any,
    criterion: str | None = None,
    judge: str | Collection[str] = (),
    items: Any = None,
    columns: Mapping[str, str] | None = None,
    ties: Ties = "half",
    order: bool = False,
    prior: float = 0.0,
    b: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Standing:
    """The order of systems by Bradley and Terry's model, with intervals and ranks.

    Args:
        *runs: Runs, folders that `save` or `--out` wrote, or outcomes on pairs (a list, an
            `outcomes.jsonl`). Responses to one item may stand in different runs.
        criterion: The criterion to order by; where left out and a run has several, the rubric's scores.
        judge: The judges whose verdicts count; all where left out, controls only where they are alone.
        items: The items that were judged, which say which system wrote a response. Where left out, scores say
            it, or else response ids are taken as systems.
        columns: Our name of a column of the items -> its name there.
        ties: What a tie is: `half` a win for each, or `davidson`, with a probability of its own.
        order: Fit how much the response shown first gains, from the verdicts of each order apart.
        prior: The wins and losses given to each system against an average one; 0.1 makes every standing
            finite.
        b: The number of resamples of items behind the intervals; 0 uses the inverse Hessian.
        seed: The seed of the resampling.
        level: The confidence of each interval, and of all intervals of ranks together.

    Raises `InputError` if there is nothing that compares two systems, or a name is not there.

    Source: As of `jk.standing.bradley_terry`.

    >>> from judgekit import Scripted, compare
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> both = {"old": "What?", "new": "Hello!"}
    >>> items = [{"id": str(n), "task": "Hi", "responses": both} for n in range(9)]
    >>> def words(call):
    ...     better = "AB"[call.shown.index("old" if call.item.item_id == "7" else "new")]
    ...     return '{"label": "%s"}' % better
    >>> run = compare(items, rubric, Scripted("kind", words), ledger=None)
    >>> [(place.system, round(place.strength, 2), place.rank) for place in stand(run, b=50).places]
    [('new', 1.04, 1), ('old', -1.04, 2)]
    """
    outcomes, scores = _read(runs)
    judges = {judge} if isinstance(judge, str) else set(judge)
    outcomes = _by(outcomes, judges)
    known = {} if items is None else {i.item_id: i for i in read_items(items, columns=columns, needs=None)}
    pairs = [o for o in outcomes if len(o.unit.responses) == 2 or len(o.shown) == 2]
    criteria = list(dict.fromkeys(o.criterion for o in pairs or outcomes))
    if criterion is not None and criterion not in criteria:
        raise InputError(f"no criterion {criterion!r} in the runs; there are {criteria}")
    chosen = criterion or (criteria[0] if len(criteria) == 1 else None)
    if pairs and chosen is not None:
        own = [o for o in pairs if o.criterion == chosen]
        compared: Sequence[Outcome] = own if order else pooled_pairs(own)
        systems = {item.item_id: dict(item.systems) for item in known.values()} if items is not None else None
    elif order or judges:
        asked = "order" if order else "judge"
        instead = f"name a criterion, of {criteria}" if pairs else "compare responses in pairs"
        raise InputError(f"{asked} is of verdicts on pairs, and these are scores; {instead}")
    else:
        compared, systems = _of_scores(scores, chosen, known, pairs=bool(pairs)), None
    if not compared:
        raise InputError("the runs compare no two systems; hand in runs of pairs, or scores of two systems")
    return bradley_terry(
        compared, systems=systems, ties=ties, order=order, prior=prior, b=b, seed=seed, level=level
    )  # fmt: skip


def _read(runs: Iterable[Any]) -> tuple[list[Outcome], list[Score]]:
    """Return all outcomes and scores of runs."""
    outcomes: list[Outcome] = []
    scores: list[Score] = []
    for run in map(stored, runs):
        outcomes += run.outcomes
        scores += run.scores
    if not outcomes and not scores:
        raise InputError("no run to take a standing from; hand in the folder that --out wrote")
    return outcomes, scores


def _by(outcomes: list[Outcome], judges: set[str]) -> list[Outcome]:
    """Return the outcomes of some judges; of all but controls where none is named."""
    there = {o.rater for o in outcomes}
    if absent := sorted(judges - there):
        raise InputError(f"no judge {absent[0]!r} in the runs; there are {sorted(there)}")
    wanted = judges or {name for name in there if not is_control(name)} or there
    return [o for o in outcomes if o.rater in wanted]


def _of_scores(
    scores: Iterable[Score], criterion: str | None, items: Mapping[str, Item], *, pairs: bool
) -> list[Outcome]:
    """Return comparisons from scores: of pairs as they are, of responses of one item each two."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    found: list[Outcome] = []
    for score in scores:
        unit, item = score.unit, items.get(score.unit.item_id)
        wanted = score.level == "rubric" if criterion is None else score.name == criterion
        if not wanted or score.value is None or len(unit.responses) != 1 + pairs:
            continue
        names = [item.systems.get(each, each) if item else each for each in unit.responses]
        if pairs:
            found.append(_verdict(unit.item_id, names, score.value))
        else:
            name = names[0] if item else score.system or names[0]
            values.setdefault((unit.item_id, unit.part), {}).setdefault(name, []).append(score.value)
    for (item_id, _), by_system in values.items():
        for one, other in itertools.combinations(sorted(by_system), 2):
            gap = as_said(fmean(by_system[one])) - as_said(fmean(by_system[other]))
            found.append(_verdict(item_id, (one, other), 0.5 + (gap > 0) / 2 - (gap < 0) / 2))
    return found


def _verdict(item_id: str, systems: Sequence[str], value: float) -> Verdict:
    """Return a comparison that says how far the first is preferred; one half is a tie."""
    probs = (("tie", 1.0),) if value == 0.5 else (("first", value), ("second", 1.0 - value))
    label = "first" if value > 0.5 else "tie" if value == 0.5 else "second"
    unit = Unit(item_id, tuple(systems))
    return Verdict(rater="scores", unit=unit, criterion="score", probs=probs, label=label, value=value)

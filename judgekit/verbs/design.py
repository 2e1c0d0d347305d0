"""`design`: what a pilot run, of which some has people's labels, says of designs that are not run yet."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np

from judgekit.agreement.core.ratings import coded
from judgekit.agreement.models.designs import Design, Measure, Pilot, Predicted, predict
from judgekit.errors import InputError, check_kinds, there_are
from judgekit.protocols import is_paired
from judgekit.recipes.paired import votes
from judgekit.scales import PAIR, Labels, Scale
from judgekit.types import ESCALATED, PICKED, CallMade, Outcome, Unit, Verdict, stands_for, weight_of
from judgekit.verbs.calibrate import of_judges
from judgekit.verbs.joining import labelled, stored

_KINDS = {
    **dict.fromkeys(("measure", "labels_about"), "a name"),
    **dict.fromkeys(("most_samples", "seed", "b"), "a whole number"),
    "level": "a number",
    **dict.fromkeys(("prices", "columns"), "a mapping, or None"),
    "target": "a number, or None",
}


def design(
    pilot: Any,
    *,
    labels: Any,
    target: float | None = None,
    measure: Measure = "correlation",
    rubric: Any = None,
    scale: Any = None,
    criterion: str | Collection[str] = (),
    judge: str | Collection[str] = (),
    prices: Mapping[str, float] | None = None,
    most_samples: int = 20,
    columns: Mapping[str, str] | None = None,
    labels_about: str = "item",
    level: float = 0.95,
    seed: int = 0,
    b: int = 1000,
) -> tuple[Predicted, ...]:
    """The agreement with people that other designs would reach, from a pilot; the cheapest one for a target.

    Args:
        pilot: A small run with 2 or 3 samples, both orders of pairs, and every judge that is considered: a
            run, its folder, its `outcomes.jsonl`, or outcomes.
        labels: People's labels of some of it, drawn by chance (as for `agree`), or their outcomes.
        target: The agreement that is wanted, below 1; none for the table alone.
        measure: What agreement is: `correlation` of the score with people's mean, or `concordance` (Lin's,
            which counts levels, too); of pairs it is about 0.5, whichever response comes first.
        rubric: The rubric that declares the scales: a file, or the name of a bundled one.
        scale: The scale where there is no rubric: `1-5`, `0-100`, `yes_no`, `no,maybe,yes` or `pair`.
        criterion: The criteria to look at; all of them where left out.
        judge: The judges to consider; all of them but controls where left out.
        prices: Judge -> price of a call in US dollars; where left out what the calls of the pilot cost.
        most_samples: The most samples to consider.
        columns: Our name of a column of the labels -> its name there.
        labels_about: What labels of pairs are about: the order of responses in the `item`, or the order
            `shown`.
        level: The confidence of the intervals.
        seed: The seed of all resampling.
        b: The number of resamples behind the intervals.

    Returns the designs of each criterion.

    Raises `InputError` for files that are no outcomes, labels about something else, options out of range, or
    where no criterion has a scale with an order.

    >>> from judgekit import Unit, Verdict
    >>> def said(n, k):  # of every other unit one sample of three is wrong
    ...     value = (n // 2 + (n % 2 and k == n % 3)) % 2
    ...     return Verdict("j", Unit(str(n)), "c", ((str(value), 1.0),), str(value), value, sample=k)
    >>> pilot = [said(n, k) for n in range(60) for k in range(3)]
    >>> labels = [{"item_id": str(n), "rater": "ann", "label": n // 2 % 2} for n in range(60)]
    >>> [found] = design(pilot, labels=labels, scale="0-1", target=0.8, b=200)
    >>> found.chosen.samples, round(found.chosen.agreement.value, 2)
    (3, 0.89)
    """
    check_kinds(locals(), _KINDS)
    if target is not None and not 0 < target < 1:
        raise InputError(f"target={target:g}; an agreement above 0 and below 1")
    if most_samples < 1:
        raise InputError(f"most_samples={most_samples}; at least 1")
    held = stored(pilot)
    judges, criteria = ({each} if isinstance(each, str) else {*each} for each in (judge, criterion))
    outcomes = of_judges(votes(held.outcomes), judges, criteria)
    flags = {flag for o in outcomes if isinstance(o, Verdict) for flag in o.flags}
    if ESCALATED in flags:
        raise InputError(
            "the pilot is a cascade, whose strong judge saw doubtful items only; ask each judge of all"
        )
    outcomes = [o for o in outcomes if not (isinstance(o, Verdict) and stands_for(o))]
    protocol, shape, people, notes = labelled(
        outcomes, labels, rubric=rubric, scale=scale, columns=columns, labels_about=labels_about
    )
    costs, unpriced = _prices(prices, outcomes, held.calls)
    made = []
    for name in dict.fromkeys(o.criterion for o in outcomes):
        if not is_paired(protocol) and name not in shape.by_id:
            raise InputError(f"the pilot judged {name!r}; in the rubric {there_are(name, shape.by_id)}")
        its = PAIR if is_paired(protocol) else shape.by_id[name].scale
        if isinstance(its, Labels) and its.kind == "nominal" and len(its.labels) > 2:
            notes = (*notes, f"criterion {name!r} has labels without an order, of which there is no mean")
            continue
        said, own = ([o for o in side if o.criterion == name] for side in (people, outcomes))
        cells = _cells(own, said, its, costs)
        if np.isnan(cells.people).all():
            notes = (*notes, f"criterion {name!r} has no label on a unit of the pilot")
            continue
        found = predict(cells, measure=measure, most_samples=most_samples, level=level, seed=seed, b=b)
        chosen, advice = (None, "") if target is None else advise(found, target)
        told = (*notes, *unpriced, *_notes(cells, said))
        made.append(replace(found, criterion=name, chosen=chosen, advice=advice, notes=told))
    if not made:
        raise InputError("; ".join(notes) or "the pilot has no outcomes of a judge")
    return tuple(made)


def _cells(
    outcomes: Sequence[Outcome], people: Sequence[Outcome], scale: Scale, prices: Mapping[str, float]
) -> Pilot:
    """Return what judges, and people in the mean, said of each unit."""
    place = {unit: n for n, unit in enumerate(dict.fromkeys(o.unit for o in outcomes))}
    verdicts = [o for o in outcomes if isinstance(o, Verdict)]
    judges = sorted({o.rater for o in outcomes})  # one that abstains throughout is told of
    values = np.full((len(place), len(judges), 2, 1 + max(o.sample for o in outcomes)), np.nan)
    for o in verdicts:
        order = int(len(o.unit.responses) == 2 and o.shown not in {(), o.unit.responses})
        at = place[o.unit], judges.index(o.rater), order, o.sample
        if not np.isnan(values[at]):
            raise InputError(
                f"{o.rater!r} gives two verdicts of item {o.unit.item_id!r} on {o.criterion!r}, both as "
                f"sample {o.sample} of one order; hand in each once"
            )
        values[at] = o.value
    if not (~np.isnan(values)).any(axis=3).all(axis=2).any():  # one order of each unit, whichever it was
        values = np.fmax.reduce(values, axis=2, keepdims=True)
    said: dict[Unit, list[float]] = {}
    for each in people:
        if isinstance(each, Verdict) and each.unit in place:
            said.setdefault(each.unit, []).append(each.value)
    items = [unit.item_id for unit in place]
    return Pilot(
        values=values, people=np.array([fmean(said[unit]) if unit in said else np.nan for unit in place]),
        judges=tuple(judges), paired=scale == PAIR, prices=prices,
        clusters=coded(items) if len({*items}) < len(items) else None,
    )  # fmt: skip


def _prices(
    given: Mapping[str, float] | None, outcomes: Sequence[Outcome], calls: Sequence[CallMade]
) -> tuple[dict[str, float], list[str]]:
    """Return what a question costs, as given or as the pilot paid; or nothing and why, unless all have it."""
    judges = sorted({o.rater for o in outcomes})
    for name, price in (given or {}).items():
        if name not in judges or not 0 <= price < math.inf:
            raise InputError(
                f"prices: {name}={price}; dollars of a call, from 0, to a judge: {there_are(name, judges)}"
            )
    paid: dict[str, list[float]] = {}
    for call in calls:
        if call.cost_usd is not None:
            paid.setdefault(call.judge, []).append(call.cost_usd / max(len(call.criteria), 1))
    prices = {name: fmean(own) for name, own in paid.items()} | dict(given or {})
    heard = sorted({o.rater for o in outcomes if isinstance(o, Verdict)})
    absent = [name for name in heard if name not in prices]
    if absent or not any(prices.values()):
        whose = absent[0] if absent else "a call"
        return {}, [
            f"the price of {whose} is not known, so that designs are compared by calls (prices=, --price)"
        ]
    return prices, []


def _notes(pilot: Pilot, people: Sequence[Outcome]) -> list[str]:
    """Return what the pilot cannot tell, which samples tell nothing, and whether labels were picked."""
    made, x = [], pilot.values
    there = ~np.isnan(x)
    if there.sum(axis=3).max() < 2:
        made.append("the pilot has one sample of each question, and says nothing of more: ask for 2 or 3")
    if pilot.paired and x.shape[2] == 1:
        made.append("the pilot has one order of each pair, and says nothing of both")
    for n, name in enumerate(pilot.judges):
        own = x[:, n].reshape(-1, x.shape[3])
        own = own[(~np.isnan(own)).sum(axis=1) > 1]
        if len(own) and not np.any(np.nanmax(own, axis=1) - np.nanmin(own, axis=1) > 1e-9):
            made.append(f"all samples of {name} say the same: no number of them is better than one")
        if lost := int(np.isnan(x[:, n]).all(axis=(1, 2)).sum()):
            made.append(f"{name} has no verdict on {lost} of {len(x)} units, which its designs leave out")
    labels = [o for o in people if isinstance(o, Verdict)]
    if any(f.startswith(PICKED) for o in labels for f in o.flags) or len({*map(weight_of, labels)}) > 1:
        made.append(
            "labels are of answers picked by a rule or a weight: this is said of such answers, not all"
        )
    return made


def advise(found: Predicted, target: float) -> tuple[Design | None, str]:
    """Return the cheapest design whose whole interval reaches the target, and what to do."""
    known = [each for each in found.designs if not math.isnan(each.agreement.value)]
    if not known:
        return None, "so few labels tell the agreement of no design"
    for each in known:
        if each.agreement.low >= target:
            return each, f"the cheapest design whose interval reaches {target:g}: {each}"
    best = max(known, key=lambda each: each.agreement.value)
    value, n = best.agreement.value, best.agreement.n_used
    if value <= target:
        ends = [each.agreement.value for each in found.endless if not math.isnan(each.agreement.value)]
        more = f" and endlessly many samples {max(ends):.3f}" if ends else ""
        what = "another wording, a better judge or a clearer rubric may do what more calls do not"
        if not ends:
            what = (
                "a pilot of one sample cannot tell what more would do: ask each question 2 or 3 times first"
            )
        return None, (
            f"no design here is predicted to reach {target:g}: the best ({best}) reaches {value:.3f}{more}; "
            f"{what}"
        )
    short = (value - best.agreement.low) / (value - target)
    return None, (
        f"no design is sure to reach {target:g}; the likeliest ({best}) is predicted to reach {value:.3f}; "
        f"about {math.ceil(n * short**2)} labels in the place of {n} would tell"
    )

"""`calibrate`: people's labels of some answers -> what maps the judges' probabilities to theirs.

A calibration is of one judge on one criterion; where the labels cannot support one, that is said, and the
others are made.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from judgekit.calibration.fitted import Calibrations, FittedOn, as_json
from judgekit.calibration.orders import Rule
from judgekit.calibration.probabilities import Calibration, Method, fit_calibration
from judgekit.errors import InputError
from judgekit.protocols import is_paired
from judgekit.recipes.cascade import labels_of
from judgekit.recipes.paired import votes
from judgekit.scales import PAIR
from judgekit.table import outcome_row
from judgekit.types import Outcome, is_control
from judgekit.verbs.joining import labelled, reduced, stored


def calibrate(
    run: Any,
    labels: Any,
    *,
    method: Method = "temperature",
    rubric: Any = None,
    scale: Any = None,
    judge: str | Collection[str] = (),
    criterion: str | Collection[str] = (),
    balance: Rule = "average",
    columns: Mapping[str, str] | None = None,
    labels_about: str = "item",
    folds: int = 5,
    seed: int = 0,
) -> Calibrations:
    """What maps the probabilities of a run's judges to people's labels; `score(calibration=...)` uses it.

    Args:
        run: A run, the folder that `save` or `--out` wrote, or outcomes. Only judges whose probabilities
            mean something can gain: by letters, of decision models, or over several samples.
        labels: People's labels of some of it, as for `agree`; or their outcomes.
        method: How probabilities are mapped: `temperature` (from 20 labels), `platt` or `beta` (from 100), or
            `isotonic` (from 500 or fewer).
        rubric: The rubric that declares the scales: a file, or the name of a bundled one.
        scale: The scale where there is no rubric: `1-5`, `0-100`, `yes_no`, `no,maybe,yes`, `nominal:a,b,c`
            or `pair`.
        judge: The judges to calibrate; all but controls where left out.
        criterion: The criteria to calibrate on; all of them where left out.
        balance: How a judge's orders and samples become one verdict: `average`, `log_odds` or `consistent`.
        columns: Our name of a column of the labels -> its name there.
        labels_about: What labels of pairs are about: the order of responses in the `item`, or the order
            `shown`.
        folds: The number of parts the labelled items are dealt into: what is done to one is learnt from the
            others.
        seed: The seed of how labelled items are dealt into parts.

    Raises `InputError` if no judge could be calibrated, with the reasons; for files and names as of `agree`.

    Source: Platt (1999); Zadrozny and Elkan (2002); Guo et al. (2017); Kull et al. (2017).

    >>> from judgekit import Unit, Verdict
    >>> sure = [("no", 0.05), ("yes", 0.95)]  # and right in four of five
    >>> said = [Verdict("j", Unit(str(n)), "kind", tuple(sure), "yes", 0.95) for n in range(50)]
    >>> labels = [{"item_id": str(n), "rater": "ann", "label": "yes" if n % 5 else "no"} for n in range(50)]
    >>> fit = calibrate(said, labels, scale="yes_no").fits[0]
    >>> round(fit.apply(said[0].__class__("j", Unit("new"), "kind", tuple(sure), "yes", 0.95)).value, 2)
    0.8
    """
    held = stored(run)
    judges, criteria = ({each} if isinstance(each, str) else set(each) for each in (judge, criterion))
    outcomes = of_judges(votes(held.outcomes), judges, criteria)
    protocol, shape, people, notes = labelled(
        outcomes, labels, rubric=rubric, scale=scale, columns=columns, labels_about=labels_about
    )
    fits: list[Calibration] = []
    lost: list[str] = []
    used: list[Outcome] = []
    for name in dict.fromkeys(o.criterion for o in outcomes):
        if not is_paired(protocol) and name not in shape.by_id:
            raise InputError(
                f"the run judged {name!r}, which rubric {shape.id!r} has not; {sorted(shape.by_id)}"
            )
        its = PAIR if is_paired(protocol) else shape.by_id[name].scale
        said = [o for o in people if o.criterion == name]
        truth = {unit: label for (unit, _), label in labels_of(said, its).items()}
        whole = reduced([o for o in outcomes if o.criterion == name], its, balance)
        for rater in dict.fromkeys(o.rater for o in whole):
            own = [o for o in whole if o.rater == rater]
            try:
                fits.append(fit_calibration(own, truth, scale=its, method=method, folds=folds, seed=seed))
                used += own
            except InputError as error:
                lost.append(f"{rater!r} on {name!r} is not calibrated: {error}")
    if not fits:
        raise InputError("; ".join(lost) or "the run has no outcomes of a judge")
    from judgekit import __version__

    seen = held.summary.get("judges", {})
    raters = {fit.rater for fit in fits}
    on = FittedOn(
        verdicts=_digest(used), labels=_digest(people), balance=balance, judgekit=__version__,
        protocol=held.summary.get("protocol"), form=held.summary.get("form"),
        judges={name: as_json(identity) for name, identity in seen.items() if name in raters},
    )  # fmt: skip
    worse = [
        f"{fit.rater!r} on {fit.criterion!r}: no better on items left out of the fit"
        for fit in fits
        if fit.brier_after >= fit.brier_before
    ]
    return Calibrations(fits=tuple(fits), fitted_on=on, notes=(*notes, *lost, *worse))


def of_judges(outcomes: Iterable[Outcome], judges: set[str], criteria: set[str]) -> list[Outcome]:
    """Return the outcomes wanted: of judges, no people and, where none is named, no controls."""
    own = [o for o in outcomes if getattr(o, "source", "") != "human"]
    for kind, wanted, there in (
        ("judge", judges, {o.rater for o in own}), ("criterion", criteria, {o.criterion for o in own}),
    ):  # fmt: skip
        if absent := sorted(wanted - there):
            raise InputError(f"no {kind} {absent[0]!r} in the run; there are {sorted(there)}")
    return [
        o
        for o in own
        if (o.rater in judges or not (judges or is_control(o.rater)))
        and (not criteria or o.criterion in criteria)
    ]


def _digest(outcomes: Sequence[Outcome]) -> str:
    rows = sorted(orjson.dumps(outcome_row(o), option=orjson.OPT_SORT_KEYS) for o in outcomes)
    return hashlib.sha256(b"\n".join(rows)).hexdigest()

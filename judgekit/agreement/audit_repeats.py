"""The piece of an audit that is about repeats: does the judge say the same when it is asked again?

A question is a unit shown in one order. Verdicts on it are repeats; what was asked once says nothing here,
and no label by people is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from judgekit.agreement.ratings import Floats
from judgekit.agreement.retest import repeatability
from judgekit.scales import Labels, Scale
from judgekit.types import Estimate, Outcome, Unit, Verdict

OF_LABELS = ("flip_rate", "repeat_agreement", "all_same")
OF_SCORES = ("sem", "smallest_detectable_change", "icc_repeats")


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """What one judge said again and again.

    Args:
        said: Shape (n_questions, most repeats), a number for each label; nan where there is none.
        places: The same as places on the scale, from 0 to 1; nan throughout on a nominal scale.
        clusters: Shape (n_questions,), what each unit belongs to.
    """

    said: Floats
    places: Floats
    clusters: tuple[str, ...]


def repeats_of(raw: Sequence[Outcome], scale: Scale, clusters: Mapping[Unit, str]) -> dict[str, Repeats]:
    """Repeats of each judge that was asked anything twice.

    Args:
        raw: Judges' outcomes before they were reduced.
        scale: As declared.
        clusters: What a unit belongs to; its item, where it is not in it.
    """
    asked: dict[str, dict[tuple[Unit, tuple[str, ...]], list[str]]] = {}
    for each in raw:
        if isinstance(each, Verdict):
            asked.setdefault(each.rater, {}).setdefault((each.unit, each.shown), []).append(each.label)
    made = {}
    for judge, questions in asked.items():
        again = {question: labels for question, labels in questions.items() if len(labels) > 1}
        if again:
            cells = np.full((2, len(again), max(map(len, again.values()))), np.nan)
            for row, labels in enumerate(again.values()):
                cells[:, row, : len(labels)] = np.array([_numbers(label, scale) for label in labels]).T
            units = [unit for unit, _ in again]
            made[judge] = Repeats(cells[0], cells[1], tuple(clusters.get(u, u.item_id) for u in units))
    return made


def _numbers(label: str, scale: Scale) -> tuple[float, float]:
    """A number that only this label has, and its place on the scale."""
    if not isinstance(scale, Labels):
        return float(label), (float(label) - scale.low) / (scale.high - scale.low)
    nominal = scale.kind == "nominal" and len(scale.labels) > 2
    return float(scale.labels.index(label)), float("nan") if nominal else scale.worth[label]


def repeatability_of(repeats: Repeats, *, level: float, seed: int, b: int) -> dict[str, Estimate]:
    """Repeatability of a judge: of its labels, and of its places in shares of the scale.

    Returns:
        `flip_rate`, `repeat_agreement` and `all_same`; on a scale with an order also `sem`,
        `smallest_detectable_change` and `icc_repeats`, as in `retest.repeatability`.
    """
    clusters = repeats.clusters if len(set(repeats.clusters)) < len(repeats.clusters) else None
    found = repeatability(repeats.said, clusters=clusters, level=level, seed=seed, b=b)
    made = {name: found[name] for name in OF_LABELS}
    if not np.isnan(repeats.places).all():
        found = repeatability(repeats.places, clusters=clusters, level=level, seed=seed, b=b)
        made |= {name: found[name] for name in OF_SCORES}
    return made

"""What judges and people said of the same units, side by side: the ground an audit stands on.

One `Labelled` is one criterion. A unit belongs to it if a person labelled it; what a judge said of
further units is kept apart (`unlabelled`), for estimates of a level. Nothing is dropped without being
counted in `dropped` or `abstained`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from judgekit.agreement.audit_repeats import Repeats
from judgekit.agreement.panel import majority
from judgekit.agreement.ratings import Codes, Floats, Ratings, as_ratings
from judgekit.errors import InputError
from judgekit.scales import Numbers


@dataclass(frozen=True, eq=False)
class Labelled:
    """One criterion, as judges and people see it. Shapes are (n_units, n_raters) unless said otherwise.

    Args:
        criterion: Its id.
        ratings: Labels, as codes: judges' columns first, then people's.
        numbers: The same as numbers on the scale; of a distribution over labels, its expectation.
        sure: Probability the rater gave to the label it said; nan where none is known.
        sure_is: What that is: `label probabilities`, `vote shares`, `stated confidence` or empty.
        judges: Names of judges, controls among them.
        people: Names of people.
        units: What each row is about.
        items: Item of each row.
        systems: Shape (n_units,): who wrote it, both for a pair; empty where unknown.
        groups: Column -> group of each row, None where it has none.
        lengths: Shape (n_units,), nan where unknown.
        weights: Shape (n_units,), or None where all units count alike.
        orders: Judge -> its verdicts by place in the item's order and in the other one, shape (n_units,):
            1 the first shown won, 0 the second; nan where none was obtained.
        abstained: Judge -> reason -> how many of the labelled units it gave no verdict on.
        unlabelled: Judge -> numbers of units nobody labelled.
        dropped: What was left out -> how many.
        trusted: Whether the labels are taken for the truth, so that people need not be compared.
        substitutes: Judge that only ever stood in for another -> that other, whose seat in a panel it had.
        repeats: Judge -> what it said when it was asked the same again, of any unit.
        families: Judge or system -> its family, as declared.
        family: Shape (n_units,), the family of the response's writer as the labels say; or empty.
        populations: Shape (n_units,), the population each unit belongs to, None for none; or empty.
        pools: Person -> the population they belong to.
    """

    criterion: str
    ratings: Ratings
    numbers: Floats
    sure: Floats
    sure_is: str
    judges: tuple[str, ...]
    people: tuple[str, ...]
    units: tuple[str, ...]
    items: tuple[str, ...]
    systems: tuple[tuple[str, ...], ...]
    groups: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    lengths: Floats | None = None
    weights: Floats | None = None
    orders: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    abstained: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unlabelled: Mapping[str, Floats] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    trusted: bool = False
    substitutes: Mapping[str, str] = field(default_factory=dict)
    repeats: Mapping[str, Repeats] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    family: tuple[str | None, ...] = ()
    populations: tuple[str | None, ...] = ()
    pools: Mapping[str, str] = field(default_factory=dict)

    @property
    def span(self) -> float:
        """Distance of the scale's ends."""
        return float(self.ratings.values[-1] - self.ratings.values[0])

    @property
    def pairs(self) -> bool:
        """Whether units are pairs of responses."""
        return self.ratings.labels == ("second", "tie", "first")

    def column(self, rater: str) -> Floats:
        """Numbers of one rater, shape (n_units,)."""
        return np.asarray(self.numbers[:, self.ratings.raters.index(rater)])

    @property
    def human(self) -> Floats:
        """Mean of people's numbers, shape (n_units,)."""
        cells = self.numbers[:, len(self.judges) :]
        there = ~np.isnan(cells)
        count = there.sum(axis=1)
        total = np.where(there, cells, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @property
    def of_people(self) -> Ratings:
        """Ratings by people only."""
        return self.ratings.of(*self.people)

    @property
    def consensus(self) -> Codes:
        """Codes of what most people say, shape (n_units,); ties go to the label nearest their mean."""
        return majority(self.of_people.codes, self.ratings.values)

    def beside(self, judge: str, *, means: bool = False) -> Ratings:
        """A judge and `people`, two columns, on the units both rated.

        Args:
            judge: Its name.
            means: People's mean and the judge's expectation as numbers, for long scales; else labels.
        """
        r = self.ratings
        if means:
            both = np.column_stack([self.column(judge), self.human])
            scale = Numbers(low=float(r.values[0]), high=float(r.values[-1]))
            made = as_ratings(both, scale=scale, raters=(judge, "people"), clusters=r.clusters)
            return made.complete()
        codes = np.column_stack([r.codes[:, r.raters.index(judge)], self.consensus])
        return Ratings(codes, r.values, r.level, (judge, "people"), r.labels, r.clusters).complete()


def of_frame(
    data: Any,
    *,
    scale: Any,
    judges: Sequence[str],
    criterion: str = "label",
    raters: Sequence[str] | None = None,
    clusters: Sequence[Any] | None = None,
    systems: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[str | None]] | None = None,
    lengths: Sequence[float] | None = None,
    trusted: bool = False,
) -> Labelled:
    """Judges and people from a plain frame or array of shape (n_units, n_raters).

    Args:
        data: Labels, nan or None where a rater did not rate a unit.
        scale: As declared: a `Scale`, labels worst first, or numbers.
        judges: Names of the judges' columns; all others are people.
        criterion: What to call it.
        raters: Names of the columns, where the data have none.
        clusters: Shape (n_units,); items, where an item has several units and these are left out.
        systems: Shape (n_units,): who wrote the response.
        items: Shape (n_units,): rows of one item and several systems; the row's number where left out.
        groups: Column -> group of each unit.
        lengths: Shape (n_units,).
        trusted: Whether the labels are taken for the truth.

    Raises:
        InputError: For a label off the scale, a column that is not there, or no people.
    """
    nested = clusters is None and items is not None and len(set(items)) < len(items)
    ratings = as_ratings(data, scale=scale, raters=raters, clusters=items if nested else clusters)
    people = tuple(each for each in ratings.raters if each not in judges)
    if not judges or not people:
        raise InputError(f"columns {list(ratings.raters)}: name the judges among them, and leave some people")
    ordered = ratings.of(*judges, *people)
    n = ordered.n_units
    kept = np.any(ordered.codes[:, len(judges) :] >= 0, axis=1)
    if not kept.any():
        raise InputError(f"no unit has a label by one of {list(people)}")
    at = np.flatnonzero(kept)
    names = [str(i) for i in (items if items is not None else range(n))]
    kinds = [(str(s),) if s is not None else () for s in (systems if systems is not None else [None] * n)]
    ordered = ordered.where(kept)
    return Labelled(
        criterion, ordered, ordered.numbers, np.full(ordered.codes.shape, np.nan), "", tuple(judges), people,
        tuple(names[i] for i in at), tuple(names[i] for i in at), tuple(kinds[i] for i in at),
        {name: tuple(of[i] for i in at.tolist()) for name, of in (groups or {}).items()},
        None if lengths is None else np.asarray(lengths, dtype=float)[at],
        abstained={j: _gaps(ordered.codes[:, i]) for i, j in enumerate(judges)},
        dropped={"units without a person's label": int((~kept).sum())}, trusted=trusted,
    )  # fmt: skip


def _gaps(codes: Any) -> dict[str, int]:
    n = int(np.sum(codes < 0))
    return {"missing": n} if n else {}

"""The schedules of `compare`, by name: which pairs of which items are asked, and when enough is known.

What has to see all items (pairs that meet equally often, pairs after an earlier run, the number of items that
a budget of pairs allows) reads them once before any call.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

from judgekit.errors import InputError, there_are
from judgekit.recipes import scheduled as recipes
from judgekit.recipes import schedules
from judgekit.recipes.grading import Counted, Grading
from judgekit.recipes.tournament import swiss_rounds
from judgekit.rubric import Rubric
from judgekit.standing import Standing, balanced_pairs, next_pairs
from judgekit.types import Item, Judged

NAMES = ("all", "balanced", "knockout", "swiss", "anchor=SYSTEM", "active=RUN")
_SETTINGS: Mapping[str, frozenset[str]] = {
    "all": frozenset(), "balanced": frozenset({"seed"}), "knockout": frozenset({"seed"}),
    "swiss": frozenset({"seed", "rounds"}), "anchor": frozenset({"seed"}),
    "active": frozenset({"seed", "want"}),
}  # fmt: skip
Read = Callable[[], Iterable[Item]]
Earlier = tuple[Standing, set[tuple[str, frozenset[str]]]]
"""An earlier run's standing, and the pairs of systems that it asked, with their items."""
_RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it was named: its kind, what it is of, its settings, and how many pairs it may ask."""

    kind: str
    of: str
    settings: Mapping[str, Any]
    pairs: int | None

    @classmethod
    def named(cls, name: str, settings: Mapping[str, Any], pairs: int | None) -> "Schedule":
        """Return the schedule of a name; an InputError says what there is."""
        kind, _, of = name.partition("=")
        if kind not in _SETTINGS or bool(of) != (kind in {"anchor", "active"}):
            raise InputError(f"schedule={name!r}; {there_are(name, NAMES)}")
        if stray := sorted(settings.keys() - _SETTINGS[kind]):
            known = sorted(_SETTINGS[kind]) or "none"
            raise InputError(f"schedule {kind!r} has no setting {stray[0]!r}; it has {known}")
        if pairs is not None and (kind == "all" or pairs < 1):
            raise InputError(f"pairs={pairs} with schedule {kind!r}; 'balanced' asks so many, from 1")
        if pairs is None and kind == "active":
            raise InputError("schedule 'active' needs pairs, how many comparisons to add")
        return cls(kind, of, settings, pairs)

    @property
    def seed(self) -> int:
        """The seed of what is drawn."""
        return self._whole("seed") or 0

    def _whole(self, name: str) -> int | None:
        try:
            return None if self.settings.get(name) is None else int(self.settings[name])
        except (TypeError, ValueError):
            raise InputError(f"setting {name}={self.settings[name]!r} is not a whole number") from None

    def recipe(self, grading: Grading, read: Read, stand: Callable[[str], Earlier]) -> Counted:
        """Return what is walked; `read` gives the items, `stand` the runs' standing and what it asked."""
        if self.kind == "all":
            return recipes.one_round(grading, recipes.all_pairs)
        if self.kind == "anchor":
            anchored = recipes.with_anchor(self.of, self.seed, self._playing(read, lambda n: n - 1))
            if not any(anchored(item) for item in read()):
                raise InputError(f"schedule anchor={self.of}: no item has a response of system {self.of!r}")
            return recipes.one_round(grading, anchored)
        if self.kind == "knockout":
            return recipes.knockout(
                grading, self.seed, self._playing(read, lambda n: schedules.knockout_calls(n)[1])
            )
        if self.kind == "swiss":
            rounds = self._whole("rounds")
            playing = self._playing(read, lambda n: schedules.swiss_calls(n, rounds or swiss_rounds(n))[1])
            return recipes.swiss(grading, rounds, self.seed, playing)
        return recipes.one_round(grading, recipes.listed(self._listed(read, stand)))

    def _listed(self, read: Read, stand: Callable[[str], Earlier]) -> Mapping[str, Any]:
        """Return the pairs of each item, chosen with a look at all of them."""
        groups = {item.item_id: tuple(recipes.response_of(item)) for item in read()}
        if self.kind == "balanced":
            return balanced_pairs(groups, self.pairs, seed=self.seed)
        want = self.settings.get("want", "order")
        if isinstance(want, str) and "," in want:
            want = tuple(want.split(",", 1))
        standing, asked = stand(self.of)
        wanted = cast("int", self.pairs)
        return next_pairs(standing, groups, wanted, want=want, asked=asked, seed=self.seed)

    def _playing(self, read: Read, asked: Callable[[int], int]) -> frozenset[str] | None:
        """Return the items drawn whose pairs are not more than were allowed; None for all of them."""
        if self.pairs is None:
            return None
        sizes = {item.item_id: len(item.responses) for item in read()}
        ids, left, playing = sorted(sizes), self.pairs, []
        import numpy as np

        for place in np.random.default_rng(self.seed).permutation(len(ids)):
            item_id = ids[place]
            if (n := asked(sizes[item_id])) <= left:
                left -= n
                playing.append(item_id)
        if not playing:
            raise InputError(f"pairs={self.pairs} are not enough for one item by schedule {self.kind!r}")
        return frozenset(playing)


def earlier_of(run: str, items: Any, columns: Mapping[str, str] | None) -> Earlier:
    """Return the standing of an earlier run over these items, and what it asked."""
    from judgekit.items import read_items
    from judgekit.verbs.joining import stored
    from judgekit.verbs.stand import stand

    read = list(read_items(items, columns=columns, needs=None))
    name = {(item.item_id, each): item.systems.get(each, each) for item in read for each in item.responses}
    units = {outcome.unit for outcome in stored(run).outcomes}
    asked = {
        (unit.item_id, frozenset(name.get((unit.item_id, each), each) for each in unit.responses))
        for unit in units
    }
    named = items if any(item.systems for item in read) else None
    made = stand(run, model="bradley-terry", items=named, columns=columns, prior=0.1, b=_RESAMPLES)
    return made, asked


def pairs_asked(recipe: Counted, items: Iterable[Item]) -> set[tuple[str, str]]:
    """Return the pairs of systems that a recipe may compare directly."""
    plan = recipe.plans[0]
    before = plan.pairs_of if isinstance(plan, recipes.Chosen) and isinstance(recipe, Grading) else None
    found: set[tuple[str, str]] = set()
    for item in items:
        names = {response: item.systems.get(response, response) for response in item.responses}
        pairs = combinations(item.responses, 2) if before is None else before(item)
        found |= {tuple(sorted((names[a], names[b]))) for a, b in pairs if names[a] != names[b]}  # type: ignore[misc]
    return found


def values_of(judged: Judged, rubric: Rubric) -> dict[tuple[str, str], float]:
    """Return of an item's pairs of systems how far the first is preferred, by the rubric or its criterion."""
    whole = rubric.id if len(rubric.leaves) > 1 else rubric.leaves[0].id
    systems = judged.item.systems
    return {
        (systems.get(a, a), systems.get(b, b)): score.value
        for score in judged.scores
        if score.name == whole and score.value is not None and len(score.unit.responses) == 2
        for a, b in [score.unit.responses]
    }

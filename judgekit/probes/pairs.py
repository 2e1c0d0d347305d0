"""What is read off pairs that were asked in both orders: the place, noise, and ratings beside rankings.

Where a run compares, the items as they came hold all of it; where it grades responses alone, items of two or
more are compared for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from judgekit.agreement.bias.order_effects import attributable_to_position, position_effects
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.published.rankings import Consistency, implied, ratings_against_rankings
from judgekit.probes.measure import Walks
from judgekit.probes.records import At, Changed, Probe, Read, Row
from judgekit.probes.walk import Variant
from judgekit.protocols import is_paired
from judgekit.types import Estimate, Item, Outcome, Unit

_ONE_ORDER = ("given", "swapped")
_COMPARED = "compare"
_GRADED = "grade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A pair, and the value of its first response, sample by sample: shown first, and shown second."""

    unit: Unit
    item: Item
    cluster: str
    first: list[float | None] = field(default_factory=list)
    second: list[float | None] = field(default_factory=list)

    @property
    def value(self) -> float | None:
        """Its value with the order undone; None where an order that was asked has none."""
        asked = [_mean(side) for side in (self.first, self.second) if side]
        return None if None in asked else _mean(asked)

    def part(self, own: slice) -> "Placed":
        """The same, of some samples."""
        return replace(self, first=self.first[own], second=self.second[own])


def placed(read: Read) -> list[Placed]:
    """Return the pairs that a judge compared, as they came; without an order they tell nothing of it."""
    kept: dict[str, list[Placed]] = read.walks.kept
    if (name := f"pairs of {read.judge}") not in kept:
        kept[name] = [each for variant in _compared(read.walks) for each in _placed(read, variant)]
    return kept[name]


def _compared(walks: Walks) -> Iterable[Variant]:
    """Return the walks in which the items, as they came, were compared in both orders."""
    found = {v.of.item_id: v for v in walks.probing.variants.values() if "orders" in v.options}
    return found.values() if found or not walks.paired else walks.base


def _placed(read: Read, variant: Variant) -> Iterable[Placed]:
    walks, item = read.walks, read.walks.item(variant)
    parts: dict[tuple[str, int], list[Outcome]] = {}
    for o in walks.all_said(item.item_id, read.judge):
        if o.shown:
            parts.setdefault((_place(o, item), o.sample), []).append(o)
    grading, found = walks.probing.grading(variant.item), dict[Unit, Placed]()
    for (place, _), some in sorted(parts.items()):
        for unit, value in walks.whole(grading, item, some).items():
            own = replace(unit, item_id=variant.of.item_id)
            pair = found.setdefault(own, Placed(unit=own, item=variant.of, cluster=variant.cluster))
            getattr(pair, place).append(value)
    return found.values()


def _place(o: Outcome, item: Item) -> str:
    """Tell where the first response of the pair, in the order of the item, was shown."""
    pair = o.unit.responses if len(o.unit.responses) > 1 else sorted(o.shown, key=list(item.responses).index)
    return "first" if o.shown.index(pair[0]) < o.shown.index(pair[1]) else "second"


def by_place(read: Read) -> list[Row]:
    """Return pairs asked in both orders: what the first response has in second place, and then in first."""
    k = read.walks.samples
    return [
        Row(
            unit=p.unit, cluster=p.cluster, before=_mean(p.second[:k]), again=_mean(p.second[k:]),
            after=_mean(p.first[:k]),
        )
        for p in placed(read)
        if p.first and p.second
    ]  # fmt: skip


def _mean(values: Sequence[float | None]) -> float | None:
    there = [v for v in values if v is not None]
    return float(np.mean(there)) if there else None


def grids(pairs: Sequence[Placed]) -> tuple[Floats, Floats]:
    """Return the value of the first response, shown first and shown second: (n_pairs, n_samples) each."""
    width = max((len(side) for each in pairs for side in (each.first, each.second)), default=1)
    made = np.full((2, len(pairs), max(width, 1)), np.nan)
    for n, each in enumerate(pairs):
        for side, values in zip(made, (each.first, each.second), strict=True):
            side[n, : len(values)] = np.array(values, dtype=float)
    return made[0], made[1]


def signs(values: Any) -> Any:
    """Return who wins: 1 the first, 0 the second, 0.5 neither."""
    return np.sign(np.asarray(values, dtype=float) - 0.5) / 2 + 0.5


def place_effects(read: Read) -> list[Estimate]:
    """Return consistency, primacy and recency, and how much of the inconsistency is due to the place."""
    pairs = [each for each in placed(read) if each.first and each.second]
    if not pairs:
        return []
    first, second = (signs(each) for each in grids(pairs))
    clusters = [each.cluster for each in pairs]
    alone = None if len(set(clusters)) == len(clusters) else clusters
    found = position_effects(first[:, 0], 1 - second[:, 0], clusters=alone, b=500)
    found = {**found, **attributable_to_position(first, 1 - second, clusters=alone, b=500)}
    return list(found.values())


def compared(item: Item, at: At) -> Changed | None:
    """Return an item whose responses are compared in both orders, where they are not as they come."""
    samples = 2 * at.options.get("samples", 1)
    if at.paired:
        one = at.options.get("orders") in _ONE_ORDER
        return Changed(item, {"orders": "both", "samples": samples}) if one else None
    if len(item.responses) < 2 or not {c.about for c in at.rubric.leaves} <= {"response", "pair"}:
        return None
    return Changed(item, {"protocol": _COMPARED, "orders": "both", "samples": samples, "form": "json"})


def switched(item: Item, at: At) -> Changed | None:
    """Return an item under the other protocol: compared, or each response graded alone."""
    if not at.paired:
        return compared(item, at)
    about = {c.about for c in at.rubric.leaves}
    return Changed(item, {"protocol": _GRADED, "form": "json"}) if about == {"response"} else None


def both_ways(read: Read) -> list[Row]:
    """Return pairs that both protocols decide, first that of the run: 1 the first wins, 0 the second.

    Where two systems wrote the responses of all items, the first is always the same of them.
    """
    return [row for row in _both_ways(read) if 0.5 not in (row.before, row.after)]


def _both_ways(read: Read) -> list[Row]:
    walks, k, found = read.walks, read.walks.samples, []
    rated = {v.of.item_id: v for v in walks.probing.variants.values() if _is_rated(walks, v)}
    systems = sorted({name for v in walks.base for name in v.of.systems.values()})
    for p in placed(read):
        if (variant := rated.get(p.unit.item_id)) is None:
            continue
        rates = [_rated(read, variant, p.unit, again=again) for again in (False, True)]
        ranks = [p.part(slice(None, k)).value, p.part(slice(k, None)).value if len(p.first) > k else None]
        seen = (*ranks, rates[0]) if walks.paired else (*rates, ranks[0])
        turn = len(systems) == 2 and p.item.systems.get(p.unit.responses[0]) == systems[1]
        before, again, after = (
            None if v is None else float(signs(1 - v if turn else v)) for v in seen
        )  # fmt: skip
        found.append(Row(
            unit=p.unit, cluster=p.cluster, before=before, again=again, after=after
        ))  # fmt: skip
    return found


def _is_rated(walks: Walks, variant: Variant) -> bool:
    graded = variant.probe is not None and not is_paired(variant.options.get("protocol", _COMPARED))
    return graded if walks.paired else variant.probe is None


def _rated(read: Read, variant: Variant, unit: Unit, *, again: bool) -> float | None:
    """Return what two ratings imply of a pair."""
    own = [Unit(read.walks.item(variant).item_id, (name,)) for name in unit.responses]
    ends = [read.walks.value(variant, read.judge, each, again=again) for each in own]
    return None if None in ends else float(implied(*([end] for end in ends))[0])


def switch(read: Read) -> list[Estimate]:
    """Return how ratings and rankings agree, and the win rates by both."""
    rows = _both_ways(read)
    if not rows:
        return []
    values = np.array([(row.before, row.after) for row in rows], dtype=float)
    rated, ranked = values.T[::-1] if read.walks.paired else values.T
    clusters = [row.cluster for row in rows]
    alone = None if len(set(clusters)) == len(clusters) else clusters
    made = ratings_against_rankings(rated, 1 - rated, ranked, clusters=alone)
    return [
        replace(made.consistency, notes=(*made.consistency.notes, *_told(made))), made.decisive,
        made.rating_ties, made.ranking_ties, made.rating_wins, made.ranking_wins,
    ]  # fmt: skip


def _told(made: Consistency) -> list[str]:
    sides = ("first", "tie", "second")
    rows = (f"{side}: {' '.join(map(str, row))}" for side, row in zip(sides, made.table, strict=True))
    told = [f"ratings (rows) by rankings (first, tie, second): {'; '.join(rows)}"]
    if made.reversal:
        told.append(f"the winner turns with the protocol{', beyond chance' * made.reversal_certain}")
    return told


PAIRS: tuple[Probe, ...] = (
    Probe(
        name="order", group="place", what="Shows the second response of a pair first.", change=compared,
        needs=frozenset({"pair"}), read=by_place, measure=place_effects, says="follows the place",
        source="Shi et al. (2024), arXiv 2406.07791", remedy="Ask in both orders, and take the mean.",
    ),
    Probe(
        name="protocol", group="switch", what="Compares what was graded, or grades what was compared.",
        change=switched, needs=frozenset({"pair"}), read=both_ways, measure=switch,
        says="prefers otherwise by another protocol", source="Bansal et al. (2023), arXiv 2308.15812",
        remedy="Say by which protocol systems were ranked, and do not mix them.",
    ),
)  # fmt: skip
"""Those that need no labels."""

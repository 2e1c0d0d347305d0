"""What is read off pairs that were asked in both orders: the place, noise, and ratings beside rankings.

Where a run compares, the items as they came hold all of it; where it grades responses alone, items of two or
more are compared for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from judgekit.agreement.bias.order_effects import attributable_to_position, position_effects
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.published.rankings import Consistency, implied, ratings_against_rankings
from judgekit.probes.records import At, Changed, Probe, Read, Row
from judgekit.probes.walk import Variant
from judgekit.protocols import is_paired
from judgekit.types import Estimate, Item, Outcome, Unit

_COMPARED = "compare"
_GRADED = "grade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A pair by the place of its first response: its value, sample by sample, None where there is none.

    `first` where it was shown first, `second` where it was shown second; `unknown` where nobody knows.
    """

    unit: Unit
    item: Item
    first: list[float | None] = field(default_factory=list)
    second: list[float | None] = field(default_factory=list)
    unknown: list[float | None] = field(default_factory=list)

    @property
    def cluster(self) -> str:
        """What it is independent of others by."""
        return self.item.tags.get("cluster", self.item.item_id)

    @property
    def value(self) -> float | None:
        """Its value with the order undone; None where an order that was asked has none."""
        sides = (self.first, self.second, self.unknown)
        asked = [[v for v in side if v is not None] for side in sides if side]
        return float(np.mean([np.mean(each) for each in asked])) if asked and all(asked) else None


def placed(read: Read) -> list[Placed]:
    """Return the pairs that a judge compared, as they came."""
    kept: dict[str, list[Placed]] = read.walks.kept
    if (name := f"pairs of {read.judge}") not in kept:
        kept[name] = [each for variant in _compared(read) for each in _placed(read, variant)]
    return kept[name]


def _compared(read: Read) -> list[Variant]:
    """Return the walks in which the items, as they came, were compared; the longest of each."""
    if read.walks.paired:
        return list(read.walks.base)
    found: dict[str, Variant] = {}
    for variant in read.walks.probing.variants.values():
        if is_paired(variant.options.get("protocol", _GRADED)):
            best = found.setdefault(variant.of.item_id, variant)
            if variant.options.get("samples", 1) > best.options.get("samples", 1):
                found[variant.of.item_id] = variant
    return list(found.values())


def _placed(read: Read, variant: Variant) -> list[Placed]:
    walks, item = read.walks, read.walks.item(variant)
    parts: dict[tuple[str, int], list[Outcome]] = {}
    for o in walks.all_said(item.item_id, read.judge):
        parts.setdefault((_place(o, item), o.sample), []).append(o)
    grading, found = walks.probing.grading(variant.item), dict[Unit, Placed]()
    for (place, _), some in sorted(parts.items()):
        for unit, value in walks.whole(grading, item, some).items():
            own = Unit(variant.of.item_id, unit.responses, unit.part)
            getattr(found.setdefault(own, Placed(unit=own, item=variant.of)), place).append(value)
    return list(found.values())


def _place(o: Outcome, item: Item) -> str:
    """Tell where the first response of the pair, in the order of the item, was shown."""
    if not o.shown:
        return "unknown"
    pair = o.unit.responses if len(o.unit.responses) > 1 else sorted(o.shown, key=list(item.responses).index)
    return "first" if o.shown.index(pair[0]) < o.shown.index(pair[1]) else "second"


def by_place(read: Read) -> list[Row]:
    """Return pairs asked in both orders: what the first response has in second place, and then in first."""
    return [
        Row(
            unit=each.unit, cluster=each.cluster, before=_mean(each.second[: read.walks.samples]),
            again=_mean(each.second[read.walks.samples :]), after=_mean(each.first[: read.walks.samples]),
            changed=each.item,
        )
        for each in placed(read)
        if each.first and each.second
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


def place_effects(read: Read) -> list[Estimate]:
    """Return consistency, primacy and recency, and how much of the inconsistency is due to the place."""
    pairs = [each for each in placed(read) if each.first and each.second]
    if not pairs:
        return []
    first, second = (np.sign(each - 0.5) / 2 + 0.5 for each in grids(pairs))
    clusters = [each.cluster for each in pairs]
    alone = None if len(set(clusters)) == len(clusters) else clusters
    found = position_effects(first[:, 0], 1 - second[:, 0], clusters=alone, b=500)
    found = {**found, **attributable_to_position(first, 1 - second, clusters=alone, b=500)}
    return list(found.values())


def compared(item: Item, at: At) -> Changed | None:
    """Return an item whose responses are compared in both orders, where they come to be judged alone."""
    about = {c.about for c in at.rubric.leaves}
    if at.paired or len(item.responses) < 2 or not about <= {"response", "pair"}:
        return None
    samples = 2 * at.options.get("samples", 1)
    plain = {"protocol": _COMPARED, "orders": "both", "samples": samples, "form": "json"}
    return Changed(item, plain)


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
    walks, found = read.walks, []
    rated = {v.of.item_id: v for v in walks.probing.variants.values() if _is_rated(read, v)}
    systems = sorted({name for v in walks.base for name in v.of.systems.values()})
    for each in placed(read):
        if (variant := rated.get(each.unit.item_id)) is None:
            continue
        values = [_rated(read, variant, each.unit, again=again) for again in (False, True)]
        ranked = [_signs(v) for v in _halves(each, walks.samples)]
        turn = len(systems) == 2 and each.item.systems.get(each.unit.responses[0]) == systems[1]
        seen = (*ranked, values[0]) if walks.paired else (*values, ranked[0])
        before, again, after = (None if v is None else 1 - v if turn else v for v in seen)
        found.append(Row(
            unit=each.unit, cluster=each.cluster, before=before, again=again, after=after, changed=each.item
        ))  # fmt: skip
    return found


def _is_rated(read: Read, variant: Variant) -> bool:
    graded = variant.probe is not None and not is_paired(variant.options.get("protocol", _COMPARED))
    return graded if read.walks.paired else variant.probe is None


def _rated(read: Read, variant: Variant, unit: Unit, *, again: bool) -> float | None:
    item_id = read.walks.item(variant).item_id
    ends = [
        read.walks.value(variant, read.judge, Unit(item_id, (name,)), again=again) for name in unit.responses
    ]
    return None if None in ends else float(implied(*([end] for end in ends))[0])


def _halves(each: Placed, samples: int) -> list[float | None]:
    parts = (slice(None, samples), slice(samples, None))
    cut = (replace(each, first=each.first[p], second=each.second[p], unknown=each.unknown[p]) for p in parts)
    return [each.value for each in cut]


def _signs(value: float | None) -> float | None:
    return None if value is None else float(np.sign(value - 0.5) / 2 + 0.5)


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

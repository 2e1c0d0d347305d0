"""Planted errors: texts with one error each and their sound twins, which a judge has to tell apart.

ReviewerGPT planted an error each into short papers and asked three times whether they are right (Liu and
Shah, 2023, arXiv 2306.00622). Any item whose responses are called `sound` and `flawed` is a pair of twins;
those of the house have the error and its kind (fact, sum, contradiction, inference) in their tags.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from judgekit.agreement.core.intervals import rate
from judgekit.probes.measure import value_in
from judgekit.probes.records import Probe, Read, Row
from judgekit.types import Estimate, Item, Unit

TWINS = Path(__file__).with_name("planted.jsonl")
"""The bundled items: forty-eight short texts in the public domain, each sound and with one planted error."""
RUBRIC = "sound_statements"
"""The bundled rubric that they are judged by, where nobody names another."""
SOUND, FLAWED = "sound", "flawed"


def has_twins(item: Item) -> bool:
    """Tell whether an item has a sound and a flawed response."""
    return {SOUND, FLAWED} <= item.responses.keys()


def told_apart(read: Read) -> list[Row]:
    """Return the scores of the sound twins, and beside each that of the flawed one.

    Of a pair that is one verdict: the flawed twin's share of it, of which equals would have a half.
    """
    rows = []
    for own, unit in _twins(read):
        if len(unit.responses) == 2:
            value = read.walks.value(own, read.judge, unit)
            before = again = 0.5
            after = value if value is None or unit.responses[0] == FLAWED else 1 - value
        else:
            before, again = (read.walks.value(own, read.judge, unit, again=k) for k in (False, True))
            after = read.walks.value(own, read.judge, replace(unit, responses=(FLAWED,)))
        cluster = own.item.tags.get("cluster", own.item.item_id)
        rows.append(Row(unit=unit, cluster=cluster, before=before, again=again, after=after))
    return rows


def _twins(read: Read) -> Iterator[tuple[Any, Unit]]:
    """Yield the items that have twins, with the unit of both, or that of the sound one."""
    for own in read.walks.base:
        for unit in dict.fromkeys(o.unit for o in read.walks.said(own.item.item_id, read.judge)):
            if has_twins(own.item) and set(unit.responses) in ({SOUND, FLAWED}, {SOUND}):
                yield own, unit


def detections(read: Read) -> list[Estimate]:
    """Return how many errors were found: flawed twins below a half, and, graded alone, sound ones that were.

    With several samples the conservative vote as well: the lowest score of them all counts.
    """
    rows = told_apart(read)
    found = [_below("detected", [row.after for row in rows])]
    if any(len(row.unit.responses) == 2 for row in rows):
        return found
    found.append(_below("false_alarms", [row.before for row in rows]))
    if read.walks.samples > 1:
        for name, response in (("detected", FLAWED), ("false_alarms", SOUND)):
            lowest = [_lowest(read, own, replace(unit, responses=(response,))) for own, unit in _twins(read)]
            found.append(_below(f"{name}_conservative", lowest))
    return found


def _below(name: str, values: Sequence[float | None]) -> Estimate:
    known = np.array([value for value in values if value is not None], dtype=float)
    return rate(known < 0.5, name=name, dropped=len(values) - len(known))


def _lowest(read: Read, own: Any, unit: Unit) -> float | None:
    """Return the lowest score of a unit by a single sample; None where one of them has none."""
    said = read.walks.said(own.item.item_id, read.judge)
    several = ([o for o in said if o.sample == sample] for sample in sorted({o.sample for o in said}))
    values = [value_in(read.walks.scored(own, some).get(unit, ())) for some in several]
    return None if None in values else min(value for value in values if value is not None)


PLANTED = (
    Probe(
        name="planted", group="planted", what="Sets texts with a planted error beside their sound twins.",
        expects="fall", change=None, source="Liu and Shah (2023), arXiv 2306.00622",
        needs=frozenset({"twins"}), read=told_apart, measure=detections, says="overlooks planted errors",
        remedy="Do not let this judge decide whether something is true.",
    ),
)  # fmt: skip

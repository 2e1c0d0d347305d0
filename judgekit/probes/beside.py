"""What some probes estimate beside their shift: shares over all of a kind, and what changes add up to."""

from collections.abc import Callable, Sequence

import numpy as np

from judgekit.agreement.core.intervals import clustered_mean, rate
from judgekit.probes.measure import EPSILON
from judgekit.probes.records import Measure, Probe, Read, Row
from judgekit.types import Estimate

Known = tuple[Row, float, float]
"""A row with its two scores, where both are there."""


def overstable(read: Read) -> list[Estimate]:
    """Return the share of spoilt responses that are not scored lower: by a probe, and by all of its kind."""
    return _shares(read, overstable, lambda before, after: after >= before - EPSILON, least=EPSILON)


def oversensitive(read: Read) -> list[Estimate]:
    """Return the share of responses whose score moves though they say the same."""
    return _shares(read, oversensitive, lambda before, after: abs(after - before) > EPSILON)


def _shares(
    read: Read, kind: Measure, happened: Callable[[float, float], bool], *, least: float = -1.0
) -> list[Estimate]:
    """Return how often it happened, by clusters, to units with a score above the least."""
    of_kind = [each for each in _probes(read) if each.measure is kind]
    rows = [row for each in of_kind for row in read.walks.rows(each, read.judge)]
    made = []
    for name, some in (("", list(read.rows)), (" by any", rows)):
        seen = [(row, b, a) for row, b, a in _known(some) if b > least]
        clusters = np.unique([row.cluster for row, *_ in seen], return_inverse=True)[1].astype(np.intp)
        event = np.array([happened(b, a) for _, b, a in seen], dtype=bool)
        made.append(rate(event, clusters, name=f"{kind.__name__}{name}"))
    return made if len(of_kind) > 1 else made[:1]


def beyond(*names: str) -> Measure:
    """Return the measure of how far a shift goes beyond the sum of those of other probes, unit by unit."""

    def measure(read: Read) -> list[Estimate]:
        others = [each for each in _probes(read) if each.name in names]
        if len(others) < len(names):
            return []
        shifts = [_shifts(read.walks.rows(each, read.judge)) for each in others]
        own = {
            row.unit: (row.cluster, a - b)
            for row, b, a in _known(read.rows)
            if all(row.unit in some for some in shifts)
        }
        rest = [d - sum(some[unit] for some in shifts) for unit, (_, d) in own.items()]
        clusters = [cluster for cluster, _ in own.values()]
        return [clustered_mean(rest, clusters, name=f"beyond {' and '.join(names)}")]

    return measure


def _probes(read: Read) -> list[Probe]:
    return list({id(v.probe): v.probe for v in read.walks.probing.variants.values() if v.probe}.values())


def _known(rows: Sequence[Row]) -> list[Known]:
    return [(r, r.before, r.after) for r in rows if r.before is not None and r.after is not None]


def _shifts(rows: Sequence[Row]) -> dict[object, float]:
    return {row.unit: after - before for row, before, after in _known(rows)}

"""What the shifts of a battery say of a judge: faults that are shown among all that were looked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from judgekit.agreement.auditing.wording import told
from judgekit.agreement.core.multiplicity import adjust
from judgekit.probes.measure import Walks, estimated, shift_of
from judgekit.probes.records import SILENT, Probe, Read, Shift, State
from judgekit.types import Estimate

MARGIN = 0.05
"""A shift whose interval lies within it is held for none."""
TOLERANCE = 0.02
"""A shift that is shown and smaller is told, and is no fault."""
MOST_MOVED = 0.10
"""The share of units beyond noise that may move, or fall silent, before it is a fault."""
DISCOVERY = 0.05
"""The share of faults named that may be none (false discovery rate, Benjamini and Hochberg)."""


def shifts_of(probes: Iterable[Probe], walks: Walks, judge: str) -> tuple[Shift, ...]:
    """Return what each probe found of a judge, among all of them."""
    return settled([_shift(each, walks, judge) for each in probes])


def _shift(probe: Probe, walks: Walks, judge: str) -> Shift:
    rows = walks.rows(probe, judge)
    read = Read(judge=judge, rows=rows, walks=walks)
    found = rows if probe.read is None else probe.read(read)
    more = () if probe.measure is None else tuple(probe.measure(read))
    own = probe.change is not None and probe.read is None
    unchanged = len(walks.base) - len(walks.variants(probe)) if own else 0
    if not isinstance(found, Mapping):
        found = estimated(found) if isinstance(found, Estimate) else shift_of(probe.expects, found)
    said = {"probe": probe, "judge": judge, "state": "open", "more": more, "n_unchanged": unchanged}
    return Shift(**{**said, **found})


def settled(shifts: Sequence[Shift]) -> tuple[Shift, ...]:
    """Return the shifts of one judge with their state, among all of them, and what they say."""
    p = np.array([each.p for each in shifts])
    tested = ~np.isnan(p)
    q = np.full(len(p), np.nan)
    if tested.any():
        q[tested] = adjust(p[tested], method="bh")
    made = (replace(each, q=float(q[n])) for n, each in enumerate(shifts))
    found = (replace(each, state=_state(each)) for each in made)
    return tuple(replace(each, says=each.says or _says(each)) for each in found)


def _state(shift: Shift) -> State:
    expects, value = shift.probe.expects, shift.shift.value
    size = abs(value) if expects == "still" else value
    beyond = max(np.nan_to_num([shift.moved.value - shift.noise.value, shift.silenced.value]))
    if shift.q <= DISCOVERY:
        large = expects == "fall" or size >= TOLERANCE or beyond >= MOST_MOVED
        return "fault" if large else "slight"
    if expects == "fall":
        return "held" if shift.failed.high < 0.5 else "open"
    low = shift.shift.low if expects == "still" else -MARGIN
    return "held" if low >= -MARGIN and shift.shift.high <= MARGIN else "open"


def _says(shift: Shift) -> str:
    """Say what was found, with its numbers."""
    probe, silent = shift.probe, shift.silenced
    if shift.state == "fault" and silent.value >= MOST_MOVED and not abs(shift.shift.value) >= TOLERANCE:
        return f"{SILENT}: no verdict any more on {silent.value:.0%} of {silent.n_used} units"
    if not shift.n:
        return shift.shift.notes[-1] if shift.shift.notes else "there was nothing to compare"
    if probe.expects == "fall":
        if not shift.failed.n_used:
            return "no unit could fall: each has the lowest score already"
        counted = f"{shift.failed.value:.0%} of {shift.failed.n_used} units did not fall"
        if shift.state == "fault":
            return f"{probe.says or 'does not see it'}: {counted}"
        return counted if shift.state == "held" else f"{counted}, which is too near a half to tell"
    moved = f"moved {told(shift.shift)} of the scale"
    shares = [(shift.moved.value, "of units moved"), (shift.noise.value, "when asked the same again")]
    known = [f"{v:.0%} {what}" for v, what in shares[: 1 if probe.change is None else 2] if not np.isnan(v)]
    share = f"; {', '.join(known)}" if known else ""
    if shift.state == "fault":
        return f"{probe.says or 'is moved by it'}: {moved}{share}"
    if shift.state == "slight":
        return f"{moved}, which is shown and small{share}"
    if shift.state == "held":
        return f"{'no rise' if probe.expects == 'no rise' else 'nothing'} beyond {MARGIN:g}: {moved}"
    found = f"a shift of {shift.detectable:.2f} would have been found four times out of five"
    alone = shift.shift.low > 0 or (probe.expects == "still" and shift.shift.high < 0)
    return f"not shown{' among so many probes' if alone else ''}: {moved}; {found}"

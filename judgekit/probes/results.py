"""What probing gave: the shifts, probe by probe, and the run that they were read from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from judgekit.errors import InputError, n_of
from judgekit.probes.records import Shift
from judgekit.verbs import Run
from judgekit.writing import plain, write

if TYPE_CHECKING:
    import pandas as pd


CARD_FORMAT = 1
"""Of the JSON of a judge's card, which is made of these."""


@dataclass(frozen=True, kw_only=True)
class ProbeRun:
    """What probing gave.

    Args:
        run: The run of both walks; changed items have ids such as `7~padding`, and tags that say the probe.
        shifts: What each probe found of each judge.
        left_out: Probe -> why it was not asked.
        unwritten: Probe -> why a writer's text was not used -> how many items that was so of.
        items: How many items there were.
        seed: Of all that was drawn.
    """

    run: Run
    shifts: tuple[Shift, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    unwritten: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    items: int = 0
    seed: int = 0

    @property
    def faults(self) -> tuple[Shift, ...]:
        """The faults that are shown, in the order of the probes."""
        return tuple(each for each in self.shifts if each.state == "fault")

    def __repr__(self) -> str:
        """How many probes there were, and their faults."""
        n = len({each.probe.name for each in self.shifts})
        faults = ", ".join(each.probe.name for each in self.faults)
        told = [n_of(n, "probe"), n_of(self.items, "item"), n_of(len(self.faults), "fault")]
        return f"<ProbeRun: {', '.join(told)}{f' ({faults})' if faults else ''}>"

    def frame(self) -> "pd.DataFrame":
        """A row for each probe and judge."""
        import pandas as pd

        return pd.DataFrame([row(each) for each in self.shifts])

    def plain(self) -> dict[str, Any]:
        """Return it as `probes.json` holds it; null where there is no number."""
        return {
            "format": 1, "items": self.items, "seed": self.seed, "left_out": dict(self.left_out),
            "unwritten": {name: dict(whys) for name, whys in self.unwritten.items()},
            "shifts": [held(each) for each in self.shifts],
        }  # fmt: skip

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the run as `Run.save` does, and `probes.json` beside it."""
        self.run.save(folder, overwrite=overwrite)
        write(Path(folder) / "probes.json", orjson.dumps(self.plain(), option=orjson.OPT_INDENT_2))


def row(shift: Shift) -> dict[str, Any]:
    """Return a shift as a row of a table."""
    return {
        "probe": shift.probe.name, "group": shift.probe.group, "judge": shift.judge, "state": shift.state,
        "expects": shift.probe.expects, "shift": shift.shift.value, "low": shift.shift.low,
        "high": shift.shift.high, "moved": shift.moved.value, "noise": shift.noise.value,
        "failed": shift.failed.value, "silenced": shift.silenced.value, "detectable": shift.detectable,
        "q": shift.q, "n": shift.n, "says": shift.says,
    }  # fmt: skip


def held(shift: Shift) -> dict[str, Any]:
    """Return all of a shift as JSON holds it."""
    estimates = ("shift", "moved", "noise", "failed", "silenced")
    return {
        **plain(row(shift)), "p": plain(shift.p), "unchanged": shift.n_unchanged, "what": shift.probe.what,
        "source": shift.probe.source, "remedy": shift.remedy,
        **{name: plain(getattr(shift, name)) for name in estimates},
        "more": [plain(each) for each in shift.more], "examples": list(shift.examples),
    }  # fmt: skip


def held_card(path: str | Path) -> dict[str, Any]:
    """Return what the JSON of a judge's card holds; InputError where it is none, or of another format."""
    try:
        held: Any = orjson.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"card {path}: cannot be read ({error.strerror}); a card's JSON is needed") from None
    except orjson.JSONDecodeError as error:
        raise InputError(f"card {path}: is not JSON ({error}); a card's JSON is needed") from None
    if not isinstance(held, dict) or not held.keys() >= {"format", "judge", "uses", "probes", "anchors"}:
        raise InputError(f"card {path}: holds no card; `judgekit card ... --out card.json` writes one")
    if held["format"] != CARD_FORMAT:
        raise InputError(f"card {path}: is of format {held['format']}; format {CARD_FORMAT} is read")
    return held

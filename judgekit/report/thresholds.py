"""Thresholds with their sources: from the file beside this module, or from the caller's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judgekit.errors import InputError, there_are
from judgekit.rubric.files import parse_text, read_text

DEFAULTS = Path(__file__).with_name("thresholds.toml")


@dataclass(frozen=True, slots=True)
class Gate:
    """One threshold.

    Args:
        name: Its key in the file.
        value: What has to be reached (or, for harms, not passed).
        what: What is measured.
        source: Where the number comes from.
        judgement: Whether it is a default of this project rather than from the literature.
    """

    name: str
    value: float
    what: str
    source: str
    judgement: bool

    @property
    def cited(self) -> str:
        """Its source, marked where the number is ours."""
        return f"{self.source} (project default)" if self.judgement else self.source


def read_thresholds(path: str | Path | None = None) -> dict[str, Gate]:
    """The thresholds, some or all of them replaced by a file's.

    Args:
        path: A TOML file: `name = number`, or a table as in the bundled one.

    Raises:
        InputError: If it cannot be read, names an unknown threshold, or a value is no number from 0 up.

    >>> read_thresholds()["agreement_gate"].value
    0.6
    """
    gates = {name: _gate(name, raw, DEFAULTS) for name, raw in _load(DEFAULTS).items()}
    if path is None:
        return gates
    own = Path(path)
    for name, raw in _load(own).items():
        if name not in gates:
            raise InputError(f"{own}: no threshold {name!r}; {there_are(name, gates)}")
        old = gates[name]
        given = raw if isinstance(raw, dict) else {"value": raw}
        whole = {"what": old.what, "source": f"set in {own.name}", "judgement": True, **given}
        gates[name] = _gate(name, whole, own)
    return gates


def _load(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parse_text(read_text(path), ".toml", f"{path}: not a file of thresholds")
    return found


def _gate(name: str, raw: Mapping[str, Any], path: Path) -> Gate:
    value = raw.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InputError(f"{path}: {name}: value is {value!r}; a number from 0 up is needed")
    if more := sorted(set(raw) - {"value", "what", "source", "judgement"}):
        raise InputError(f"{path}: {name}: {more[0]!r} is unknown; there are value, what, source, judgement")
    return Gate(name, float(value), str(raw["what"]), str(raw["source"]), bool(raw.get("judgement", False)))

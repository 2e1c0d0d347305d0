"""Undo order effects, and map a judge's probabilities to people's labels."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from judgekit.calibration.balance import balance, balanced_scores

if TYPE_CHECKING:
    from judgekit.calibration.fitted import Calibrations, load_calibrations
    from judgekit.calibration.probabilities import Calibration, fit_calibration

__all__ = [
    "Calibration", "Calibrations", "balance", "balanced_scores", "fit_calibration", "load_calibrations",
]  # fmt: skip
_LATER = {  # what a run without calibrations does not need
    "Calibration": "probabilities", "fit_calibration": "probabilities", "Calibrations": "fitted",
    "load_calibrations": "fitted",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return __all__

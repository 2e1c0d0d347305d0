"""Undo order effects, and map a judge's probabilities to people's labels."""

from judgekit.face import lazily

_ROOMS = {
    "orders": ("balance", "balanced_scores"),
    "fitted": ("Calibrations", "load_calibrations"),
    "probabilities": ("Calibration",),
}

__getattr__, __dir__ = lazily(__name__, _ROOMS)

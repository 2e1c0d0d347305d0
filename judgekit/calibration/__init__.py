"""Undo order effects, and map a judge's probabilities to people's labels."""

from judgekit.calibration.balance import balance, balanced_scores

__all__ = ["balance", "balanced_scores"]

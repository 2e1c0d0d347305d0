"""Undo order effects, and map a judge's probabilities to people's labels."""

from judgekit.calibrate.balance import balance
from judgekit.calibrate.two_scores import balanced_scores, bpde

__all__ = ["balance", "balanced_scores", "bpde"]

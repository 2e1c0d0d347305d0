"""Results -> a verdict, figures, and one page that needs nothing else."""

from judgekit.report.checks import Gate, read_thresholds
from judgekit.report.purposes import PURPOSES, VERDICTS, Finding, findings

__all__ = ["PURPOSES", "VERDICTS", "Finding", "Gate", "findings", "read_thresholds"]

"""Results -> a verdict, figures, and one page that needs nothing else."""

from judgekit.report.thresholds import Gate, read_thresholds
from judgekit.report.verdict import PURPOSES, VERDICTS, Finding, findings

__all__ = ["PURPOSES", "VERDICTS", "Finding", "Gate", "findings", "read_thresholds"]

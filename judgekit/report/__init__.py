"""Results -> a verdict, figures, and one page that needs nothing else."""

from judgekit.report.purposes import PURPOSES, VERDICTS, Finding, findings
from judgekit.report.thresholds import Gate, read_thresholds

__all__ = ["PURPOSES", "VERDICTS", "Finding", "Gate", "findings", "read_thresholds"]

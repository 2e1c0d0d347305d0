"""The only room that waits: it drives recipes over items and answers their calls."""

from judgekit.run.drive import drive
from judgekit.run.limits import Limits
from judgekit.run.tally import Tally

__all__ = ["Limits", "Tally", "drive"]

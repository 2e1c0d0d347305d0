"""Batches: calls that a provider answers within a day for less; recipes are walked through them unchanged."""

from judgekit.batches.desk import Batching
from judgekit.batches.pump import pumped

__all__ = ["Batching", "pumped"]

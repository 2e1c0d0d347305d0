"""Many verdicts -> one score: plain functions of outcomes."""

from judgekit.aggregate.scores import rubric_scores

__all__ = ["rubric_scores"]

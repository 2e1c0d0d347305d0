"""Rubrics: what is scored, read from files and checked before anything is asked."""

from judgekit.rubric.load import bundled, load_rubric
from judgekit.rubric.model import Criterion, Group, Rubric

__all__ = ["Criterion", "Group", "Rubric", "bundled", "load_rubric"]

"""Rubrics: what is scored, read from files and checked before anything is asked."""

from judgekit.rubric.load import bundled, load_rubric
from judgekit.rubric.model import Criterion, Group, Rubric
from judgekit.rubric.write import to_yaml

__all__ = ["Criterion", "Group", "Rubric", "bundled", "load_rubric", "to_yaml"]

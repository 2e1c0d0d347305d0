"""Recipes: protocol, samples, judges and aggregation put together, one generator over one item each."""

from judgekit.recipes.grading import Grading

__all__ = ["Grading"]

"""Recipes: protocol, samples, judges and aggregation put together, one generator over one item each.

`CATALOG` (in `recipes.catalog`) has the published ones by name. They are built from `Grading`, one round
and its re-asks, and from recipes of several rounds.
"""

from judgekit.recipes.grading import Grading

__all__ = ["Grading"]

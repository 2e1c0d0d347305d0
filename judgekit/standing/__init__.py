"""Comparisons -> orders of systems with uncertainty."""

from judgekit.standing.bradley_terry import bradley_terry
from judgekit.standing.records import Place, Standing

__all__ = ["Place", "Standing", "bradley_terry"]

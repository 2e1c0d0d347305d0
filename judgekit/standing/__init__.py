"""Comparisons -> orders of systems with uncertainty."""

from judgekit.standing.bradley_terry import bradley_terry
from judgekit.standing.designs import balanced_pairs, next_pairs
from judgekit.standing.planning import pairs_for_gap, plan_pairs
from judgekit.standing.records import Place, Standing
from judgekit.standing.swiss_dynamics import swiss_dynamics

__all__ = [
    "Place", "Standing", "balanced_pairs", "bradley_terry", "next_pairs", "pairs_for_gap", "plan_pairs",
    "swiss_dynamics",
]  # fmt: skip

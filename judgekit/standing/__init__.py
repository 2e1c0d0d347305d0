"""Comparisons, and scores of systems on items -> orders of systems with uncertainty."""

from judgekit.standing.bradley_terry import bradley_terry
from judgekit.standing.continuous import gaussian_2pl, gim_ability
from judgekit.standing.designs import balanced_pairs, next_pairs
from judgekit.standing.planning import pairs_for_gap, plan_pairs
from judgekit.standing.records import Place, Standing
from judgekit.standing.scores import Categories, Scored, one_parameter, plain_mean, two_way
from judgekit.standing.swiss_dynamics import swiss_dynamics

__all__ = [
    "Categories", "Place", "Scored", "Standing", "balanced_pairs", "bradley_terry", "gaussian_2pl",
    "gim_ability", "next_pairs", "one_parameter", "pairs_for_gap", "plain_mean", "plan_pairs",
    "swiss_dynamics", "two_way",
]  # fmt: skip

"""Rewards for RL: scores in the form a trainer takes, and never a failure turned into a number.

`Rewarder` is the one primitive, `Watch` one that is watched; a trainer's adapter is a module of its own,
which shows the trainer's lines: `trl`, `verifiers`, `verl`, `openrlhf`, `slime`, `nemo_gym`, `skyrl`,
`art`, `tinker`.
"""

from judgekit.rewards.records import Batch, Group, Reward
from judgekit.rewards.rewarder import Rewarder
from judgekit.rewards.spec import CheckSpec, RewardSpec, load_spec
from judgekit.rewards.watch import Watch

__all__ = ["Batch", "CheckSpec", "Group", "Reward", "RewardSpec", "Rewarder", "Watch", "load_spec"]

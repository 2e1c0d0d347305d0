"""Rewards for RL: scores in the form a trainer takes, and never a failure turned into a number.

`Rewarder` is the one primitive, `Watch` one that is watched. A trainer's adapter is a module beside this one,
which shows the trainer's lines and is what its configuration names: `trl`, `verifiers`, `verl`, `openrlhf`,
`slime`, `nemo_gym`, `skyrl`, `art`, `tinker`. How a reward is made stands in `core`; `serving` is its server,
`watching` looks on while a policy is trained, `pairs` makes preference data.
"""

from judgekit.rewards.core.records import Batch, Group, Reward
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import CheckSpec, RewardSpec, load_spec
from judgekit.rewards.watching.watch import Watch

__all__ = ["Batch", "CheckSpec", "Group", "Reward", "RewardSpec", "Rewarder", "Watch", "load_spec"]

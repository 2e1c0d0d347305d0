"""OpenRLHF: the reward function of a Python file, for `--reward.remote_url my_reward.py`.

    # my_reward.py
    from judgekit.rewards.openrlhf import reward_function

    reward_func = reward_function("/data/spec.toml")

OpenRLHF calls it for one response at a time, each in a thread; the label is the reference. The HTTP form
(`judgekit reward serve`) serves all of its engines from one place. It puts groups together, which relative
schemes and `group_mean` need, where the address names the run and how large groups are:
`--reward.remote_url "http://127.0.0.1:8077/get_reward?run=mine&group=8"`. OpenRLHF prints no more of a
refusal than its status: the server's console has the reason.

A reward that cannot be given is raised. OpenRLHF logs that and goes on without a reward, until its experience
maker misses it (`reward_model_group is required`): the training ends, and nothing is learnt from a number.
So that it goes on, take `on_failure = "group_mean"`, an address with `run` and `group`, and a `ledger`,
since OpenRLHF asks five times; `extra_logs` has `jk_imputed` then, the share of such rewards, and no
criteria, which are not known of a failure.

The task is the prompt as OpenRLHF made it, with the marks of its chat template in it, and the response is
what follows, thoughts included; checks look past `<think>`, and judges are shown all of it. Where that
matters, train on prompts without a template.
"""

from collections.abc import Callable, Sequence
from typing import Any

from judgekit.rewards.core.conversion import Blocking, lone, numbers, one_by_one, response_in, rewarding
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import SpecLike

RewardFunc = Callable[[Sequence[str], Sequence[str], Sequence[Any]], dict[str, Any]]


def reward_function(spec: SpecLike | Rewarder, judges: Any = None, *, own_code: bool = False) -> RewardFunc:
    """A `reward_func(queries, prompts, labels)`.

    It returns tensors of length n: `rewards`, `scores` (for dynamic filtering: rewards on [0, 1]), and among
    `extra_logs` 1.0 or 0.0 for `jk_gated`, `jk_vetoed` and `jk_imputed`, and `criterion/NAME`, the value of
    each criterion and check. Labels are references, and checks
    see them as the column `label`. Arguments are those of `Rewarder`, which may itself be the spec; one
    that needs a group is an `InputError`.
    """
    rewarder = rewarding(spec, judges, own_code=own_code)
    one_by_one(rewarder.spec, "OpenRLHF")
    low, high = rewarder.spec.span
    rewarded = Blocking(rewarder)

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
        import torch

        rows = zip(queries, prompts, labels, strict=True)
        groups = [_group(str(n), *row) for n, row in enumerate(rows)]
        batch = rewarded(groups)
        told = [numbers(batch[group.key, "response"], rewarder.spec.told) for group in groups]
        columns = {name: torch.tensor([row[name] for row in told]) for name in told[0]}
        rewards = columns.pop("score")
        scores = ((rewards - low) / (high - low)).clamp(0.0, 1.0)
        return {"rewards": rewards, "scores": scores, "extra_logs": columns}

    return reward_func


def _group(key: str, query: str, prompt: str, label: Any) -> Group:
    some = lone(prompt, response_in(query, prompt, f"query {key}"), reference=label)
    columns = {} if label is None else {"label": label}
    return Group(key, some.task, some.responses, some.reference, columns=columns)

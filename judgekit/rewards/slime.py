"""slime: a reward function for one sample, or for a whole group under `--group-rm`.

    --custom-rm-path judgekit.rewards.slime.rm
    --custom-config-path judgekit.yaml     # judgekit_spec: /data/spec.toml
    --group-rm                             # needed by relative schemes and by group_mean

A sample's `prompt` is the task, its `label` the reference; `metadata["rubric"]` may hold a rubric of its own.
Checks see the label and the metadata, as far as a group agrees on them.
With `--reward-key score` the reward is a mapping of numbers (`conversion.numbers`), else the number itself.

slime knows no None: a reward that cannot be given raises `JudgeOutage` and ends the rollout. Under
`--group-rm` and `on_failure="group_mean"` it gets the mean of its group instead. slime does not evaluate
under `--group-rm`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from judgekit.errors import InputError
from judgekit.rewards.core.conversion import (
    common,
    kept_rewarder,
    lone,
    number,
    numbers,
    one_by_one,
)
from judgekit.rewards.core.records import Group, Reward, text_of_chat

Given = float | dict[str, float]


async def rm(args: Any, sample: Any, **_: Any) -> Given | list[Given]:
    """The reward of a sample, or of each sample of a list.

    Args:
        args: slime's; `judgekit_spec` is the TOML file of the spec, `judgekit_own_code` whether `py:` names
            in it may import code, `reward_key` slime's own.
        sample: A `Sample`, or a list of them; those that share `group_index`, prompt, label and rubric are
            one group.

    Raises `InputError` if no spec is named, or it needs a group and there is none; `JudgeOutage` if there is
    no reward.
    """
    told = vars(args)
    if not told.get("judgekit_spec"):
        raise InputError("args.judgekit_spec names no file; set it in the YAML of --custom-config-path")
    rewarder = await kept_rewarder(told["judgekit_spec"], own_code=bool(told.get("judgekit_own_code")))
    whole = isinstance(sample, Sequence)
    if not whole:
        one_by_one(rewarder.spec, "slime without --group-rm")
    groups = _groups(sample if whole else [sample])
    batch = await rewarder(group for group, _ in groups)
    rewards = {id(each): batch[group.key, name] for group, own in groups for name, each in own.items()}
    given = [_given(rewards[id(each)], told.get("reward_key")) for each in (sample if whole else [sample])]
    return given if whole else given[0]


def _groups(samples: Iterable[Any]) -> list[tuple[Group, Mapping[str, Any]]]:
    """Return groups, and which sample each response id stands for."""
    parts: dict[Any, dict[str, Any]] = {}
    for n, sample in enumerate(samples):
        same = (sample.group_index, repr([sample.prompt, sample.label, _row(sample).get("rubric")]))
        parts.setdefault(same, {})[str(n)] = sample
    return [(_group(f"{index}#{n}", own), own) for n, ((index, _), own) in enumerate(parts.items())]


def _row(sample: Any) -> Mapping[str, Any]:
    row = sample.metadata if isinstance(sample.metadata, Mapping) else {}
    return row if sample.label is None else {**row, "label": sample.label}


def _group(key: str, own: Mapping[str, Any]) -> Group:
    first = next(iter(own.values()))
    row = common(_row(each) for each in own.values())
    some = lone(first.prompt, first.response, reference=first.label, columns=row)
    responses = {name: text_of_chat(each.response, f"sample {name}") for name, each in own.items()}
    return Group(key, some.task, responses, some.reference, rubric=some.rubric, columns=row)


def _given(reward: Reward, key: str | None) -> Given:
    return numbers(reward) if key else number(reward)

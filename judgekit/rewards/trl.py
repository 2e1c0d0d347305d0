"""TRL: one reward function for GRPO, RLOO and AsyncGRPO, and a synchronous twin for OnlineDPO.

    from trl import GRPOConfig, GRPOTrainer
    from judgekit.rewards.trl import reward_func

    reward = reward_func("spec.toml", num_generations=8, reference="answer")
    args = GRPOConfig(num_generations=8, max_completion_length=64)
    trainer = GRPOTrainer("my-model", reward, args, train_dataset=rows)
    trainer.train()

The prompt is the task; `reference` names the column of the data set with an answer known to be good, and is
left out where there is none. It is to be the only reward function: TRL adds several up, so that a response
one of them has no reward for would be placed by the others alone. Checks and weights belong into the spec.

A reward that cannot be given is None, and its advantage 0. TRL below 1.6 takes None for 0; there
`on_failure="none"` becomes `group_mean`, with a warning. TRL warns of a row without any reward by
printing that row, the rubric in it too. Training waits for a judge that is away, up to `deadline_seconds`.

The log has `judgekit/failed_share`, `judgekit/criterion/NAME` (the mean of what is known of each criterion
and check), `judgekit/spread` and the rest of a batch's statistics beside TRL's own `rewards/NAME/mean`, where
NAME is the spec's `name` or its file's; the completions have `judgekit_status` and `judgekit_reason`.

Under several processes TRL hands each its own rows, perhaps half of a group. Where a reward depends on the
rest of its group (a relative scheme, a dead band, `drop_group`, `group_mean`) that is an `InputError`; let a
reward server put the groups together then (`trl_served`). Evaluation needs `num_generations_eval` to be
`num_generations` for such a reward.

Axolotl takes the name of such a function, `reward_funcs: ["my_module.reward"]`; Unsloth the function itself.
"""

import functools
import importlib.metadata
import inspect
import math
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards.core.conversion import Columns, cut_rows, groups_of, identities, rewarding, sized
from judgekit.rewards.core.records import Batch, Key
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import RewardSpec, SpecLike, load_spec

AsyncReward = Callable[..., Awaitable[list[float | None]]]
SyncReward = Callable[..., list[float]]
ASYNC_SINCE = 0, 27  # when TRL learnt to await a reward,
NONE_SINCE = 1, 6  # to leave out a None,
OBJECTS_SINCE = 1, 15  # and to await objects
NOT_DATA = frozenset({"completion_ids", "trainer_state", "log_extra", "log_metric", "environments"})


@dataclass
class _Border:
    rewarder: Rewarder
    columns: Columns
    size: int | None = None
    whole: bool = False
    sized: bool = False


def reward_func(
    spec: SpecLike | Rewarder,
    *,
    num_generations: int | None = None,
    reference: str | None = None,
    rubric: str | None = None,
    row_id: str | None = None,
    judges: Any = None,
    own_code: bool = False,
) -> AsyncReward:
    """A reward function for GRPO, RLOO and AsyncGRPO; it can be pickled if the judges can.

    Args:
        spec: A `RewardSpec`, a mapping or a TOML file; or a `Rewarder`, or a `Watch` around one, as it is.
        num_generations: The trainer's; needed where a reward depends on the rest of its group.
        reference: Column with the text known to be good.
        rubric: Column with the row's own rubric: JSON, or the mapping that Arrow made of it.
        row_id: Column that tells rows apart; without one, rows with the same prompt, reference and
            rubric next to one another are one.
        judges: Judges, or their names, instead of the spec's.
        own_code: Whether `py:` names of judges and checks may import code.

    Raises `InputError` if the spec cannot be used, `num_generations` is missing, or TRL is too old.
    """
    asked = spec_for(spec, installed())
    if num_generations is None and asked.by_group:
        raise InputError(
            "a reward of this spec depends on the rest of its group, and TRL does not say how large groups "
            "are; give num_generations=, the trainer's own"
        )
    border = _Border(
        rewarding(spec if isinstance(spec, Rewarder) else asked, judges, own_code=own_code),
        Columns(reference, rubric, row_id),
        num_generations,
        asked.by_group,
    )
    return as_function(judgekit_reward, border, asked.called)


def online_dpo_reward_func(
    spec: SpecLike | Rewarder,
    *,
    reference: str | None = None,
    rubric: str | None = None,
    judges: Any = None,
    own_code: bool = False,
) -> SyncReward:
    """A reward function for OnlineDPO, which awaits nothing and takes None for 0.

    With `group_mean` a failure is level with the other response of its pair, and OnlineDPO then chooses
    the first: noise, but no bias, since the two are drawn alike. Where both fail, `JudgeOutage` is raised.
    Arguments are those of `reward_func`; a spec whose `on_failure` is neither `raise` nor `group_mean`, and
    would give None, is an `InputError`.
    """
    asked = spec.spec if isinstance(spec, Rewarder) else load_spec(spec)
    if asked.on_failure not in {"raise", "group_mean"}:
        raise InputError(
            f"on_failure={asked.on_failure!r} gives None, which OnlineDPO takes for 0, so that a failed "
            "response may be chosen; use 'raise' or 'group_mean'"
        )
    rewarder = rewarding(spec if isinstance(spec, Rewarder) else asked, judges, own_code=own_code)
    border = _Border(rewarder, Columns(reference, rubric))
    return as_function(judgekit_pair_reward, border, asked.called)


async def judgekit_reward(
    border: _Border, *, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
) -> list[float | None]:
    """Return what TRL awaits; made by `reward_func`."""
    data = data_of(columns, len(prompts))
    rows = identities(prompts, data, border.columns)
    if border.whole and border.size is not None:
        border.sized = sized(rows, border.size, before=border.sized)
    cut = cut_rows(rows, border.size, whole=border.whole)
    groups, keys = groups_of(cut, prompts, completions, data, border.columns)
    batch = await border.rewarder(groups)
    _log(batch, keys, columns)
    return [batch[key].value for key in keys]


def judgekit_pair_reward(
    border: _Border, *, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
) -> list[float]:
    """Return what OnlineDPO calls for; its second half has the second responses."""
    data = data_of(columns, len(prompts))
    half, odd = divmod(len(prompts), 2)
    if odd or list(prompts[:half]) != list(prompts[half:]):
        raise InputError("the prompts are not two equal halves, so this is not OnlineDPO; use reward_func")
    cut = [range(i, 2 * half, half) for i in range(half)]
    groups, keys = groups_of(cut, prompts, completions, data, border.columns)
    batch = border.rewarder.reward(groups)
    values = [batch[key].value for key in keys]
    given = [value for value in values if value is not None]
    if len(given) < len(values):
        reason = next(batch[key].reason for key in keys if batch[key].value is None)
        outage = JudgeOutage(
            f"{len(values) - len(given)} of {len(values)} responses have no reward, nor has the other of "
            f"their pair ({reason}); OnlineDPO would take that for 0"
        )
        outage.run = batch
        raise outage
    return given


def data_of(columns: Mapping[str, Any], n: int) -> dict[str, Sequence[Any]]:
    """Return the columns of the data set among what TRL hands over: those with a value for each row."""
    there = ((name, values) for name, values in columns.items() if name not in NOT_DATA)
    several = ((name, values) for name, values in there if hasattr(values, "__len__"))
    return {name: v for name, v in several if len(v) == n and not isinstance(v, str | Mapping)}


def _log(batch: Batch, keys: Sequence[Key], columns: Mapping[str, Any]) -> None:
    """Put numbers of the batch among the trainer's metrics, statuses among the completions it prints."""
    if log_metric := columns.get("log_metric"):
        for name, value in batch.stats.items():
            if isinstance(value, int | float) and math.isfinite(value):
                log_metric(f"judgekit/{name}", float(value))
    if log_extra := columns.get("log_extra"):
        log_extra("judgekit_status", [batch[key].status for key in keys])
        log_extra("judgekit_reason", [batch[key].reason for key in keys])


def as_function(function: Callable[..., Any], settings: object, name: str) -> Callable[..., Any]:
    """Return what pickles, where a closure does not, by the name that TRL's log is to have it under.

    TRL takes a partial for the function within, whose name it would log; from 1.15 on it awaits objects.
    """
    if inspect.iscoroutinefunction(function) and (installed() or (0,)) >= OBJECTS_SINCE:
        return _Named(function, settings, name)
    made = functools.partial(function, settings)
    vars(made)["__name__"] = name
    return made


class _Named:
    """An asynchronous reward function with a name of its own."""

    def __init__(self, function: Callable[..., Any], settings: object, name: str) -> None:
        self._function, self._settings, self.__name__ = function, settings, name

    async def __call__(self, *, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Any:
        return await self._function(self._settings, prompts=prompts, completions=completions, **columns)


def installed() -> tuple[int, ...] | None:
    """Return the first two numbers of TRL's version; None where only something of its form is used."""
    try:
        version = importlib.metadata.version("trl")
    except importlib.metadata.PackageNotFoundError:
        return None
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def spec_for(spec: SpecLike | Rewarder, version: tuple[int, ...] | None) -> RewardSpec:
    """Return the spec as that TRL can take it, or raise an `InputError`; a rewarder's stays what it is."""
    if not isinstance(spec, Rewarder):
        return lowered(load_spec(spec), version)
    if version is not None and version < NONE_SINCE and spec.spec.on_failure == "none":
        told = ".".join(map(str, version))
        raise InputError(
            f"TRL {told} takes None for 0; give the rewarder a spec with on_failure='group_mean'"
        )
    return spec.spec


def lowered(spec: RewardSpec, version: tuple[int, ...] | None) -> RewardSpec:
    """Return the spec as that TRL can take it."""
    if version is None or version >= NONE_SINCE:
        return spec
    told = ".".join(map(str, version))
    if version < ASYNC_SINCE:
        raise InputError(f"TRL {told} cannot await a reward function; it can from 0.27 on")
    if spec.on_failure != "none":
        return spec
    warnings.warn(
        f"TRL {told} takes a missing reward for 0; failures get the mean of their group instead "
        "(on_failure='group_mean'). TRL 1.6 and later leave them out",
        stacklevel=4,
    )
    told_all = {name: getattr(spec, name) for name in RewardSpec.model_fields}
    return RewardSpec(**{**told_all, "on_failure": "group_mean"})

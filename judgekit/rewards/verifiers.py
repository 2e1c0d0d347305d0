"""verifiers 0.4 and later: a judge that is plugged into any taskset by its id.

    [[env.taskset.task.judges]]
    id = "judgekit-vf"
    name = "style"
    spec = "/data/spec.toml"
    answer_field = "answer"

The id is found once this package is installed (`judgekit_vf` is a module of its own). The reward is recorded
under `name`, each criterion and check as a metric `name/criterion`, the reason of a failure in
`trace.info["judgekit"]`, what judges read, wrote and cost in `trace.extra_usage`. What the judge is asked,
and which judge, stands in the spec: `model`, `base_url`, `sampling` and `prompt` of the entry are not used.

An entry takes these too: `own_code = true` (`py:` names may import code), `question_field` (the task's field
that is judged by; its prompt where left out), `rubric_field` (`rubric`: the task's own rubric, in JSON),
`view` (`last_reply`, or `full_trace` for all turns) and `weight`.

A reward that cannot be given is raised: the rollout is errored, its reward stays None, and prime-rl drops it.
(`trace.reward` adds up what there is, 0 then: look at `trace.ok` once the rollout has ended; where you call
`Task.score` by hand, at `trace.rewards[name]`.) verifiers judges one rollout at a time, so relative schemes
are refused.
"""

import functools
from pathlib import Path
from typing import Any

from judgekit.errors import InputError, there_are
from judgekit.rewards.core.conversion import kept_rewarder, lone, number, numbers, one_by_one
from judgekit.rewards.core.records import Reward
from judgekit.rewards.core.spec import load_spec

__all__ = ["JudgekitJudge"]  # noqa: F822 - made when asked for, since it needs verifiers


def __getattr__(name: str) -> Any:
    if name not in {"JudgekitJudge", "JudgekitJudgeConfig"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _classes()[name]


@functools.cache
def _classes() -> dict[str, type]:
    from pydantic import field_validator
    from verifiers.v1.configs.judge import JudgeConfig
    from verifiers.v1.judge import Judge, JudgeView, judge_question, judge_response
    from verifiers.v1.types import Usage

    class JudgekitJudgeConfig(JudgeConfig):  # type: ignore[misc]  # verifiers', unknown to the checker
        """An entry of `judges` in the configuration of a taskset."""

        spec: Path
        own_code: bool = False  # whether `py:` names of judges and checks may import code
        answer_field: str = "answer"  # of the task, with a text known to be good, if it has one
        question_field: str = ""  # of the task, that is judged by; its prompt where left out
        rubric_field: str = "rubric"  # of the task, with its own rubric, in JSON
        view: JudgeView = "last_reply"  # what is judged, or `full_trace`

        @field_validator("spec")
        @classmethod
        def _usable(cls, path: Path) -> Path:
            one_by_one(load_spec(path), "verifiers")
            return path

    class JudgekitJudge(Judge[float, JudgekitJudgeConfig]):  # type: ignore[misc]  # likewise
        """Scores a rollout by a reward spec."""

        async def score(self, task: Any, trace: Any) -> dict[str, float]:
            """The reward under the judge's name.

            Raises `JudgeOutage` if there is none.
            """
            config = self.config
            columns = task.model_dump()
            for named in ("answer_field", "rubric_field"):
                if named in config.model_fields_set and getattr(config, named) not in columns:
                    raise InputError(
                        f"{named} {getattr(config, named)!r} is no field of the task; "
                        f"{there_are(getattr(config, named), columns)}"
                    )
            rewarder = await kept_rewarder(config.spec, own_code=config.own_code)
            group = lone(
                judge_question(task, config.question_field), judge_response(trace, config.view),
                reference=columns.get(config.answer_field),
                columns={**columns, "rubric": columns.get(config.rubric_field)},
            )  # fmt: skip
            batch = await rewarder([group])
            [reward] = batch
            _record(trace, self.reward_name, reward)
            told = batch.stats
            if told["new_calls"]:
                trace.extra_usage.append(Usage(
                    prompt_tokens=told["input_tokens"], completion_tokens=told["output_tokens"],
                    cost=told["cost_usd"],
                ))  # fmt: skip
            return {self.reward_name: number(reward)}

    return {each.__name__: each for each in (JudgekitJudgeConfig, JudgekitJudge)}


def _record(trace: Any, name: str, reward: Reward) -> None:
    seen = dict(reward.components)
    if reward.value is not None:
        seen |= {key: value for key, value in numbers(reward).items() if key != "score"}
    trace.metrics.update({f"{name}/{key}": value for key, value in seen.items()})
    trace.info.setdefault("judgekit", {})[name] = {"status": reward.status, "reason": reward.reason}

"""verifiers 0.4: the judge it finds by its id, in its own scoring of a task.

pip install verifiers==0.4.0
"""

import asyncio
import tomllib

import pytest
from pydantic import ValidationError

pytest.importorskip("verifiers.v1.judge", reason="verifiers 0.4 is not installed")
pytest.importorskip("judgekit_vf", reason="the plug-in is installed with the package; install it again")
import verifiers.v1 as vf
from verifiers.v1.configs.task import TaskConfig
from verifiers.v1.graph import MessageNode
from verifiers.v1.trace import AgentInfo, TraceTask
from verifiers.v1.types import AssistantMessage

from judgekit.rewards import verifiers as border


class Data(vf.TaskData):
    answer: str | None = None
    rubric: str | None = None


class Task(vf.Task[Data, vf.State, TaskConfig]):
    @vf.reward
    async def short(self, trace) -> float:
        return float(len(trace.last_reply) < 20)


def task(path, data=None, **entry):
    judge = {"id": "judgekit-vf", "name": "style", "spec": str(path), **entry}
    return Task(data or Data(prompt="How many?"), TaskConfig(judges=[judge]))


def trace(reply):
    agent = AgentInfo.model_construct()
    said = MessageNode(message=AssistantMessage(content=reply), sampled=True)
    return vf.Trace(task=TraceTask(type="Task", data=Data(prompt="How many?")), agent=agent, nodes=[said])


async def scored(task, *replies):
    """Traces as the framework leaves them; what its scoring raised is recorded as its rollouts do."""

    async def one(own):
        try:
            await task.score(own)
        except vf.TaskError as error:
            own.record_error(error)
        return own

    return await asyncio.gather(*(one(trace(reply)) for reply in replies))


def test_rewards_and_components_are_recorded_beside_the_tasks_own(marks):
    low, high = asyncio.run(scored(task(marks(), weight=2.0), "mark 3", "mark 10"))

    assert {name: (r.score, r.weight) for name, r in low.rewards.items()} == {
        "short": (1.0, 1.0),
        "style": (0.3, 2.0),
    }
    assert high.reward == 1.0 + 2.0
    assert low.metrics["style/good"] == 0.3
    assert low.metrics["style/jk_gated"] == low.metrics["style/jk_imputed"] == 0.0
    assert low.info["judgekit"] == {"style": {"status": "ok", "reason": ""}}
    [used] = low.extra_usage
    assert used.prompt_tokens > used.completion_tokens > 0


def test_a_failure_errors_the_rollout_and_its_reward_stays_none(marks):
    lost, there = asyncio.run(scored(task(marks()), "lost", "mark 7"))

    assert lost.rewards["style"] is None
    assert not lost.ok
    assert lost.last_error.type == "TaskError"
    assert "no reward for response" in lost.last_error.traceback
    assert lost.metrics["style/good"] is None
    assert lost.info["judgekit"]["style"]["status"] == "failed"
    assert "malformed" in lost.info["judgekit"]["style"]["reason"]
    assert there.rewards["style"].score == 0.7


@pytest.mark.parametrize("policy", ["none", "raise", "drop_group"])
def test_no_policy_makes_a_number_of_a_failure(marks, policy):
    [lost] = asyncio.run(scored(task(marks(f'on_failure = "{policy}"')), "lost"))

    assert lost.rewards["style"] is None


def test_a_gated_rollout_has_the_gates_number(marks):
    path = marks('gated = 0.25\n[[checks]]\nname = "content"\nkind = "says_something"\ngate = true')

    [empty] = asyncio.run(scored(task(path), "."))

    assert empty.rewards["style"].score == 0.25
    assert empty.metrics["style/jk_gated"] == 1.0
    assert empty.metrics["style/content"] == 0.0


def test_fields_of_the_task_are_its_reference_and_its_rubric(marks):
    path = marks('[[checks]]\nname = "right"\nkind = "equals_reference"\nweight = 1')
    own = '{"id": "own", "criteria": [{"id": "odd", "text": "Is it odd?", "scale": "0-10"}]}'

    [seen] = asyncio.run(scored(task(path, Data(prompt="How many?", answer="mark 5", rubric=own)), "mark 5"))

    assert (seen.metrics["style/odd"], seen.metrics["style/right"]) == (0.5, 1.0)
    assert seen.rewards["style"].score == 0.75


def test_a_field_that_the_task_does_not_have_is_told(marks, lines_of):
    shown = tomllib.loads(lines_of(border).replace("/data/spec.toml", str(marks())))
    [entry] = shown["env"]["taskset"]["task"]["judges"]
    config = TaskConfig.model_validate({"judges": [{**entry, "answer_field": "anwser"}]})

    [seen] = asyncio.run(scored(Task(Data(prompt="How many?"), config), "mark 9"))

    assert not seen.ok
    told = seen.last_error.traceback
    assert "answer_field 'anwser' is no field of the task; did you mean 'answer'?" in told


def test_what_needs_a_group_is_refused_when_the_task_is_configured(marks):
    with pytest.raises(
        ValidationError, match="'swiss' needs the other responses of the group, and verifiers"
    ):
        task(marks('scheme = "swiss"'))


def test_a_spec_that_is_not_there_is_refused_when_the_task_is_configured(tmp_path):
    with pytest.raises(ValidationError, match="cannot be read"):
        task(tmp_path / "none.toml")


def test_the_lines_of_the_docstring_plug_the_judge_in(marks, lines_of):
    shown = tomllib.loads(lines_of(border).replace("/data/spec.toml", str(marks())))
    config = TaskConfig.model_validate(shown["env"]["taskset"]["task"])

    [seen] = asyncio.run(scored(Task(Data(prompt="How many?"), config), "mark 9"))

    assert seen.rewards["style"].score == 0.9


def test_a_configuration_survives_being_sent(marks):
    config = task(marks()).config

    again = TaskConfig.model_validate(config.model_dump())

    assert again == config
    assert type(again.judges[0]).__name__ == "JudgekitJudgeConfig"

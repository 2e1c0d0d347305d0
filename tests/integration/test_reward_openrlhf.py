"""OpenRLHF: its own single-turn executor around the reward function of a file, and around our server.

The engine that generates is a stand-in, and so are vllm and deepspeed, which need a GPU; the tokenizer, the
executor, and what makes an experience of its rewards are the real ones.

    pip install torch ray transformers datasets pylatexenc
    pip install --no-deps openrlhf==0.11.2
"""

# ruff: noqa: E402 - most imports wait until openrlhf is known to be there

import asyncio
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

agent = pytest.importorskip("openrlhf.utils.agent", reason="openrlhf is not installed")
from transformers import AutoTokenizer

from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards import openrlhf as border
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.serving.server import RewardServer, Settings, listening

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROMPT = "<|im_start|>user\nHow many?<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    sys.path.insert(0, str(BENCHMARKS))
    import tiny_policy

    return AutoTokenizer.from_pretrained(tiny_policy.made(tmp_path_factory.mktemp("policy")))


@pytest.fixture
def file_of(lines_of, tmp_path):
    """The file that the docstring shows, for a spec."""

    def written(spec):
        path = tmp_path / "my_reward.py"
        path.write_text(lines_of(border).replace("/data/spec.toml", str(spec)), encoding="utf-8")
        return str(path)

    return written


async def executed(where, tokenizer, *responses):
    """What OpenRLHF makes of some responses, each generated alone."""

    class Engine:
        def __init__(self, said):
            self.said = said

        async def generate(self, *_, **__):
            ids = tokenizer.encode(f"{self.said}<|im_end|>", add_special_tokens=False)
            done = SimpleNamespace(token_ids=ids, finish_reason="stop", logprobs=None)
            return SimpleNamespace(outputs=[done])

    executor = agent.SingleTurnAgentExecutor(where)
    sampling = SimpleNamespace(max_tokens=32, logprobs=None)
    return await asyncio.gather(
        *(executor.execute(PROMPT, "7", sampling, 512, tokenizer, Engine(said)) for said in responses)
    )


@pytest.fixture
def experience(monkeypatch):
    """What the trainer learns from."""
    for name in ("vllm", "vllm.inputs", "vllm.utils", "deepspeed"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator

    made = object.__new__(SamplesGenerator)
    return partial(made._process_response_into_experience, max_len=512)


def test_a_file_rewards_each_response(file_of, marks, tokenizer):
    low, high = asyncio.run(executed(file_of(marks("range = [-1, 1]")), tokenizer, "mark 2", "mark 10"))

    assert [float(low["reward"]), float(high["reward"])] == pytest.approx([-0.6, 1.0])
    assert [float(low["scores"]), float(high["scores"])] == pytest.approx([0.2, 1.0])
    assert {name: float(value) for name, value in low["extra_logs"].items()} == {
        "jk_gated": 0.0, "jk_vetoed": 0.0, "jk_imputed": 0.0, "criterion/good": pytest.approx(0.2),
    }  # fmt: skip


def test_its_numbers_are_what_the_trainer_learns_from(file_of, marks, tokenizer, experience):
    [told] = asyncio.run(executed(file_of(marks()), tokenizer, "mark 7"))

    seen = experience(told)

    assert seen.rewards.tolist() == seen.scores.tolist() == pytest.approx([0.7])
    assert seen.info["jk_gated"].tolist() == [0.0]
    assert seen.info["criterion/good"].tolist() == pytest.approx([0.7])


@pytest.mark.parametrize("policy", ["none", "raise", "drop_group"])
def test_no_policy_makes_a_number_of_a_failure(file_of, marks, tokenizer, experience, policy):
    lost, there = asyncio.run(
        executed(file_of(marks(f'on_failure = "{policy}"')), tokenizer, "lost", "mark 7")
    )

    assert (lost["reward"], lost["scores"], lost["extra_logs"]) == (None, None, {})
    assert experience(lost).rewards is None
    assert float(there["reward"]) == pytest.approx(0.7)


def test_our_server_rewards_and_gives_no_number_for_a_failure(marks, tokenizer, experience, monkeypatch):
    async def at_once(_):
        """Its pause before the next of five tries."""

    async def work():
        settings = Settings(port=0)
        async with (
            Rewarder(marks("max_failed = 1.0")) as rewarder,
            listening(RewardServer(rewarder, settings), settings) as address,
        ):
            there = await executed(f"{address}/get_reward", tokenizer, "mark 7", "mark 3")
            monkeypatch.setattr(agent, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": at_once}))
            return there, await executed(f"{address}/get_reward", tokenizer, "lost")

    there, [lost] = asyncio.run(work())

    assert [each["reward"] for each in there] == [[0.7], [0.3]]
    assert experience(there[0]).rewards.item() == pytest.approx(0.7)
    assert (lost["reward"], lost["scores"]) == (None, None)


def test_several_at_a_time_keep_their_order_and_one_failure_is_raised(marks):
    pytest.importorskip("torch")
    rewards = border.reward_function(marks("max_failed = 1.0"))

    told = rewards([f"{PROMPT}mark {n}<|im_end|>" for n in (3, 9, 3)], [PROMPT] * 3, ["7"] * 3)

    assert told["rewards"].tolist() == pytest.approx([0.3, 0.9, 0.3])
    with pytest.raises(JudgeOutage, match="no reward for response 'response' of group '1'"):
        rewards([f"{PROMPT}mark 3", f"{PROMPT}lost"], [PROMPT] * 2, ["7"] * 2)


def test_what_needs_a_group_is_refused(marks):
    with pytest.raises(InputError, match="'swiss' needs the other responses of the group, and OpenRLHF"):
        border.reward_function(marks('scheme = "swiss"'))

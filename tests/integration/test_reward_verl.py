"""verl: the reward function in verl's managers and reward loop worker, as its configuration names it.

pip install torch ray 'tensordict<=0.10' 'transformers<5.11' hydra-core codetiming datasets pyarrow
pip install --no-deps verl==0.9.1
"""

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("verl", reason="verl is not installed")
import numpy as np
import torch
import verl
from hydra import compose, initialize_config_dir
from tensordict import TensorDict
from transformers import AutoTokenizer
from verl import DataProto
from verl.experimental.reward_loop.reward_loop import RewardLoopManager, RewardLoopWorker
from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls

from judgekit.rewards import verl as border
from judgekit.rewards.core.conversion import NUMBERS, Unrewarded
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.serving.server import RewardServer, Settings, listening

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CONFIGS = Path(verl.__file__).parent / "trainer" / "config"
GATED = 'gated = 0.25\n[[checks]]\nname = "content"\nkind = "says_something"\ngate = true'


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    sys.path.insert(0, str(BENCHMARKS))
    import tiny_policy

    return tiny_policy.made(tmp_path_factory.mktemp("policy"))


@pytest.fixture
def configured(model, lines_of):
    """verl's configuration by the lines of the docstring and further ones."""

    def made(path, *further):
        shown = lines_of(border).replace("/data/spec.toml", str(path)).split("\n")
        own = [f"actor_rollout_ref.model.path={model}", *further]
        with initialize_config_dir(str(CONFIGS), version_base=None):
            return compose("ppo_trainer", overrides=[*filter(None, map(str.strip, shown)), *own])

    return made


@pytest.fixture
def outputs(configured):
    """What verl's worker makes of a batch."""

    async def made(path, batch, *further, replaced=None):
        worker = RewardLoopWorker(configured(path, *further))  # belongs to the loop it is made in
        if replaced is not None:
            worker.reward_manager.compute_score = replaced
        return await worker.compute_score_batch(batch)

    get_reward_manager_cls("rate_limited")._class_initialized = False  # noqa: SLF001 - its limits are a loop's
    return made


def data(model, *responses, **extra):
    tokenizer = AutoTokenizer.from_pretrained(model)
    ids = [tokenizer.encode(text) for text in responses]
    width = max(map(len, ids))
    padded = torch.tensor([own + [0] * (width - len(own)) for own in ids])
    mask = torch.tensor([[1] + [1] * len(own) + [0] * (width - len(own)) for own in ids])
    n = len(responses)
    batch = {"prompts": torch.ones(n, 1, dtype=torch.long), "responses": padded, "attention_mask": mask}
    rows = {
        "data_source": ["mine"] * n,
        "reward_model": [{"ground_truth": "7"}] * n,
        "extra_info": [{"question": "How many?", "index": np.int64(i), **extra} for i in range(n)],
    }
    columns = {name: np.array(values, dtype=object) for name, values in rows.items()}
    return DataProto(batch=TensorDict(batch, batch_size=n), non_tensor_batch=columns)


def assembled(outputs, batch, manager="naive"):
    """As `RewardLoopManager.compute_rm_score` puts them together."""
    scores = get_reward_manager_cls(manager).assemble_rm_scores(batch, [o["reward_score"] for o in outputs])
    keys = list(outputs[0]["reward_extra_info"])
    return scores, {key: np.array([o["reward_extra_info"][key] for o in outputs]) for key in keys}


@pytest.mark.parametrize("manager", ["naive", "dapo", "rate_limited"])
def test_every_response_has_a_score_at_its_end_and_the_same_numbers(outputs, model, marks, manager):
    batch = data(model, "mark 7", ".", "mark 10 and more")

    told = asyncio.run(outputs(marks(GATED), batch, *managed(manager)))

    scores, numbers = assembled(told, batch, manager)
    ends = batch.batch["attention_mask"][:, 1:].sum(1) - 1
    assert scores[range(3), ends].tolist() == pytest.approx([0.7, 0.25, 1.0])
    assert (scores != 0).sum() == 3
    assert set(NUMBERS) <= set(numbers)
    assert all(values.dtype.kind == "f" for name, values in numbers.items() if name in NUMBERS)
    assert numbers["jk_gated"].tolist() == [0.0, 1.0, 0.0]
    assert numbers["criterion/good"].tolist() == pytest.approx([0.7, 0.0, 1.0])


@pytest.mark.parametrize("policy", ["none", "raise", "drop_group"])
@pytest.mark.parametrize("manager", ["naive", "dapo", "rate_limited"])
def test_no_manager_makes_a_number_of_a_failure(outputs, model, marks, manager, policy):
    batch = data(model, "mark 7", "lost", "mark 3")

    with pytest.raises(Unrewarded, match="data source 'mine': no reward for response"):
        asyncio.run(outputs(marks(f'on_failure = "{policy}"'), batch, *managed(manager)))


def test_an_ordinary_exception_is_zero_to_one_of_verls_managers(outputs, model, marks):
    """Why the reward function raises what is no `Exception`; where this fails, it need not any more."""

    async def raises(**asked):
        raise RuntimeError(f"no reward for {asked['solution_str']}")

    work = outputs(marks(), data(model, "mark 7"), *managed("rate_limited"), replaced=raises)

    [told] = asyncio.run(work)

    assert told["reward_score"] == 0.0


def test_what_needs_a_group_is_refused(outputs, model, marks):
    with pytest.raises(Unrewarded, match="'pivot' needs the other responses of the group, and verl"):
        asyncio.run(outputs(marks('scheme = "pivot"'), data(model, "mark 7")))


def managed(manager):
    return f"reward.reward_manager.name={manager}", "+reward.max_concurrent=8"


async def by_server(outputs, path, batch, query="?group=3&window_ms=2000"):
    """The same from a reward server, which puts groups of three together."""
    settings = Settings(port=0)
    async with Rewarder(path) as rewarder, listening(RewardServer(rewarder, settings), settings) as address:
        kwargs = "reward.custom_reward_function.reward_kwargs"
        url = f"+{kwargs}.url='{address}/compute_score{query}'"
        return assembled(await outputs("unused", batch, f"~{kwargs}.spec", url), batch)[1]


def test_a_server_gives_a_failure_the_mean_of_its_group(outputs, model, marks):
    path = marks('on_failure = "group_mean"\nmax_failed = 1.0')

    numbers = asyncio.run(by_server(outputs, path, data(model, "mark 2", "lost", "mark 4", group="g")))

    assert numbers["score"].tolist() == [0.2, 0.3, 0.4]
    assert numbers["jk_imputed"].tolist() == [0.0, 1.0, 0.0]


def test_a_server_is_told_the_whole_row(outputs, model, marks):
    own = '{"id": "own", "criteria": [{"id": "odd", "text": "Is it odd?", "scale": "0-20"}]}'

    numbers = asyncio.run(by_server(outputs, marks(), data(model, "mark 5", rubric=own), ""))

    assert numbers["score"].tolist() == [0.25]


def test_a_server_makes_no_number_of_a_failure(outputs, model, marks):
    batch = data(model, "mark 2", "lost", "mark 4", group="g")

    with pytest.raises(Unrewarded, match=r"/compute_score.* answered 503: .*malformed"):
        asyncio.run(by_server(outputs, marks("max_failed = 1.0"), batch))


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    yield ray
    ray.shutdown()


def test_a_trainer_has_scores_from_a_worker_of_its_own_and_ends_at_a_failure(
    cluster, configured, model, marks
):
    manager = RewardLoopManager(configured(marks(), "reward.num_workers=1"))

    given = manager.compute_rm_score(data(model, "mark 7", "mark 3"))
    with pytest.raises(cluster.exceptions.RayTaskError, match=r"Unrewarded.*no reward for response"):
        manager.compute_rm_score(data(model, "mark 7", "lost"))

    assert given.batch["rm_scores"].sum(1).tolist() == pytest.approx([0.7, 0.3])
    assert given.non_tensor_batch["jk_imputed"].tolist() == [0.0, 0.0]

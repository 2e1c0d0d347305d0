"""TRL's real trainers on a tiny random model: rewards, failures, two ranks, exports. A CPU will do."""

# ruff: noqa: E402 - most imports wait until trl is known to be there

import asyncio
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest
from anyio.from_thread import start_blocking_portal

trl = pytest.importorskip("trl", reason="trl is not installed")
from datasets import Dataset, load_dataset
from transformers import TrainerCallback
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    RewardConfig,
    RewardTrainer,
    RLOOConfig,
    RLOOTrainer,
)

from judgekit import Scripted
from judgekit.rewards import trl as border
from judgekit.rewards import trl_served
from judgekit.rewards.core.preferences import exported, labelled, preferences
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.serving.server import RewardServer, Settings, listening
from judgekit.types import Reply

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KNOWS_NONE = tuple(map(int, version("trl").split(".")[:2])) >= (1, 6)
RUBRIC = {"id": "tone", "criteria": [{"id": "kind", "text": "Is the response kind?"}]}
SPEC = {"rubric": RUBRIC, "max_failed": 1.0}
QUICK = {
    "max_steps": 2, "logging_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True,
    "disable_tqdm": True, "learning_rate": 1e-3,
}  # fmt: skip
GROUPED = {**QUICK, "per_device_train_batch_size": 8, "num_generations": 4, "max_completion_length": 8}

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:All reward functions returned None"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    sys.path.insert(0, str(BENCHMARKS))
    import tiny_policy

    return str(tiny_policy.made(tmp_path_factory.mktemp("policy") / "my-model"))


@pytest.fixture
def rows():
    return Dataset.from_list(
        [{"prompt": f"Say {word}.", "answer": word, "row": n} for n, word in enumerate(("a", "b", "c", "d"))]
    )


def every_fourth_fails():
    """Yes and no in turn, and no answer to each fourth call; half-baked texts all differ."""
    asked = iter(range(10**6))

    def said(_):
        n = next(asked)
        return Reply(fault="refused") if n % 4 == 3 else '{"label": "%s"}' % ("yes" if n % 2 else "no")

    return Scripted("judge", said)


def reward_of(judge, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # below 1.6: failures become the group's mean
        return border.reward_func(SPEC, judges=judge, **{"num_generations": 4, **more})


def by_row(trainer):
    """(status, reward, advantage) of the rows of the last batch."""
    logs = trainer._logs  # noqa: SLF001 - the table of completions that TRL prints
    [rewards] = logs["rewards"].values()
    return list(zip(logs["extra"]["judgekit_status"], rewards, logs["advantages"], strict=True))


def test_grpo_leaves_a_failed_judgement_out_and_two_trainers_share_a_function(model, rows, tmp_path):
    reward = reward_of(every_fourth_fails(), row_id="row")
    for _ in range(2):  # TRL starts another event loop for each
        trainer = GRPOTrainer(model, reward, GRPOConfig(str(tmp_path), **GROUPED), train_dataset=rows)
        trainer.train()

        table = by_row(trainer)
        failed = [row for row in table if row[0] != "ok"]
        assert len(table) == 8
        assert len(failed) == 2
        for status, value, advantage in failed:
            assert status == ("failed" if KNOWS_NONE else "imputed")
            assert advantage == pytest.approx(0.0, abs=1e-6)
            assert KNOWS_NONE or 0.0 < value < 1.0
        assert any(abs(row[2]) > 0.5 for row in table)
        assert trainer.state.log_history[0]["judgekit/failed_share"] == 0.25
        assert trainer.state.log_history[0]["rewards/tone/mean"] is not None
        assert 0.0 <= trainer.state.log_history[0]["judgekit/criterion/kind"] <= 1.0


def test_rloo_takes_the_same_function(model, rows, tmp_path):
    trainer = RLOOTrainer(
        model=model, reward_funcs=reward_of(every_fourth_fails()), args=RLOOConfig(str(tmp_path), **GROUPED),
        train_dataset=rows,
    )  # fmt: skip
    trainer.train()

    for status, _, advantage in by_row(trainer):
        assert status == "ok" or abs(advantage) < (1e-6 if KNOWS_NONE else 0.5)
    assert trainer.state.global_step == 2


def test_a_conversation_and_a_rubric_of_the_row_reach_the_judge(model, tmp_path):
    seen = set()

    def looking(call):
        seen.add(
            (call.asks[0][1], call.item.task, call.item.reference, type(call.item.responses["response"]))
        )
        return '{"label": "yes"}'

    own = [
        {"id": "own", "criteria": [{"id": f"c{n}", "text": "Is it?", "weight": n or None}]} for n in (0, 1)
    ]
    data = Dataset.from_list(
        [
            {"prompt": [{"role": "user", "content": f"Say {n}."}], "rubric": own[n], "answer": str(n)}
            for n in (0, 1)
        ]
    )
    reward = reward_of(Scripted("judge", looking), rubric="rubric", reference="answer")
    args = GRPOConfig(str(tmp_path), **{**GROUPED, "max_steps": 1})
    GRPOTrainer(model, reward, args, train_dataset=data).train()

    assert seen == {("c0", "Say 0.", "0", str), ("c1", "Say 1.", "1", str)}


def test_the_lines_of_the_docstring_train(model, tmp_path, monkeypatch):
    lines = [line[4:] for line in border.__doc__.splitlines() if line.startswith("    ")]
    judge = "judge = __import__('judgekit').Scripted('judge', lambda call: '{\"label\": \"yes\"}')"
    (tmp_path / "fixed_judge.py").write_text(judge)
    (tmp_path / "spec.toml").write_text(
        'rubric = "answer_match"\nscheme = "match"\njudges = "py:fixed_judge:judge"\n'
    )
    (tmp_path / "my-model").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "\n".join(lines).replace('"answer")', '"answer", own_code=True)')
    assert len(code.splitlines()) == 6

    there = {"rows": Dataset.from_list([{"prompt": "Say a.", "answer": "a"}])}
    exec(compile(code.replace("64)", "8, use_cpu=True, num_train_epochs=1)"), "docstring", "exec"), there)  # noqa: S102

    assert there["trainer"].state.global_step == 1


def test_online_dpo_is_called_without_an_await(model, rows, tmp_path):
    online = pytest.importorskip("trl.experimental.online_dpo")
    reward = border.online_dpo_reward_func({**SPEC, "on_failure": "group_mean"}, judges=every_fourth_fails())
    args = online.OnlineDPOConfig(str(tmp_path), per_device_train_batch_size=4, max_new_tokens=8, **QUICK)

    trainer = online.OnlineDPOTrainer(
        model=transformers_model(model), reward_funcs=reward, args=args, train_dataset=rows,
        processing_class=tokenizer(model),
    )  # fmt: skip
    trainer.train()

    assert trainer.state.global_step == 2


def transformers_model(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def judged():
    """Eight groups of three responses, the longest the kindest, and one that nobody could judge."""
    texts = {"a": "yes please thanks", "b": "yes", "c": "no"}
    groups = [Group(str(n), f"Say {n}.", {**texts, "lost": "SILENT"}) for n in range(8)]

    def said(call):
        text = call.item.responses["response"]
        return (
            Reply(fault="refused")
            if text == "SILENT"
            else '{"label": "%s"}' % ("no" if text == "no" else "yes")
        )

    return Rewarder({**SPEC, "max_failed": 0.5}, Scripted("judge", said)).reward(groups), groups


def loaded(tmp_path, rows):
    """Through a file, as a user's trainer would find it."""
    (tmp_path / "data.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return load_dataset(
        "json", data_files=str(tmp_path / "data.jsonl"), split="train", cache_dir=str(tmp_path)
    )


def test_pairs_load_in_the_reward_trainer_with_their_margins(model, judged, tmp_path):
    found = preferences(*judged)
    data = loaded(tmp_path, exported(found, "trl"))
    args = RewardConfig(str(tmp_path), per_device_train_batch_size=4, **QUICK)

    trainer = RewardTrainer(model=model, args=args, train_dataset=data, processing_class=tokenizer(model))
    trainer.train()

    assert len(data) == 16
    assert found.dropped == {"tie": 8, "no_reward": 8}
    assert next(iter(trainer.get_train_dataloader()))["margin"].tolist() == [1.0] * 4
    assert trainer.state.global_step == 2


def test_pairs_load_in_the_dpo_trainer(model, judged, tmp_path):
    data = loaded(tmp_path, exported(preferences(*judged), "trl"))
    args = DPOConfig(str(tmp_path), per_device_train_batch_size=4, **QUICK)

    trainer = DPOTrainer(model=model, args=args, train_dataset=data, processing_class=tokenizer(model))
    trainer.train()

    assert trainer.state.global_step == 2


def test_labels_load_in_the_kto_trainer(model, judged, tmp_path):
    kto = trl if hasattr(trl, "KTOTrainer") else pytest.importorskip("trl.experimental.kto")
    found = labelled(*judged, good=0.9, bad=0.1)
    data = loaded(tmp_path, exported(found, "kto"))
    args = kto.KTOConfig(output_dir=str(tmp_path), per_device_train_batch_size=4, **QUICK)

    trainer = kto.KTOTrainer(
        model=transformers_model(model), args=args, train_dataset=data, processing_class=tokenizer(model)
    )
    trainer.train()

    assert sorted(data["label"]) == [False] * 8 + [True] * 16
    assert trainer.state.global_step == 2


@pytest.mark.skipif(not KNOWS_NONE, reason="this TRL asks for None otherwise")
def test_async_grpo_scores_a_group_with_it():
    worker = pytest.importorskip("trl.experimental.async_grpo.async_rollout_worker")
    reward = reward_of(every_fourth_fails())
    said = [[{"role": "assistant", "content": text}] for text in ("one", "two", "three", "four")]
    tokens = SimpleNamespace(input_ids=[1], completion_mask=[1], old_log_probs=[0.0])
    group = SimpleNamespace(
        prompts=[[{"role": "user", "content": "p"}]] * 4, completions=said, completions_ids=[[1]] * 4,
        reward_kwargs={}, env_rewards=[None] * 4, rollout_rewards=[None] * 4, tool_call_counts=[0] * 4,
        tool_failure_counts=[0] * 4, model_version=0, group_id=0,
        completions_sequences=[[tokens]] * 4,
    )  # fmt: skip
    loop = SimpleNamespace(
        reward_funcs=[reward], reward_func_names=[reward.__name__], _env_reward_types=[],
        _provides_rollout_reward=False,
    )  # fmt: skip

    samples = asyncio.run(worker._AsyncRolloutLoop._score_group(loop, group))  # noqa: SLF001

    # Two of no, one of yes, and one that failed: nobody can say which, since equal groups are asked alike.
    assert sorted(round(sample.advantage, 2) for sample in samples) == [-0.71, -0.71, 0.0, 1.41]


def test_a_policy_learns_what_the_judge_rewards_although_one_call_of_ten_fails(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import rewards_toy_policy as toy
    import torch

    [arm] = [arm for arm in toy.ARMS if arm.promised and arm.failing]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        curve, lost = toy.trained(tmp_path, arm, seed=0, steps=120)
    finally:
        torch.set_num_threads(threads)

    assert curve[0] < 0.15
    assert sum(curve[-10:]) / 10 >= toy.BOUND
    assert 0.05 < lost / (120 * 64) < 0.2 or not KNOWS_NONE  # older ones get no None


SPAWNED = """
import asyncio
import judgekit

def said(call):
    return '{"label": "%s"}' % ("yes" if call.item.responses["response"] == "thanks" else "no")

judge = judgekit.Scripted("judge", said)

def scored(reward):
    return asyncio.run(reward(prompts=["p", "p"], completions=["thanks", "no"]))
"""


def test_the_function_goes_into_a_spawned_process(tmp_path, monkeypatch):
    (tmp_path / "spawned_judge.py").write_text(SPAWNED)
    monkeypatch.syspath_prepend(str(tmp_path))
    import spawned_judge

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        rewards = pool.submit(spawned_judge.scored, reward_of(spawned_judge.judge, num_generations=2)).result(
            timeout=60
        )

    assert rewards == [1.0, 0.0]


RANK = """
import sys
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from judgekit import Scripted
from judgekit.errors import InputError
from judgekit.rewards.trl import reward_func
from judgekit.rewards.trl_served import served_reward_func

model, out, url = sys.argv[1:]
rubric = {"id": "tone", "criteria": [{"id": "kind", "text": "Which is kinder?"}]}
spec = {"rubric": rubric, "scheme": "round_robin", "max_failed": 1.0}
judge = Scripted("judge", lambda call: '{"label": "A"}')
rows = Dataset.from_list([{"prompt": f"Say {n}.", "row": n} for n in range(8)])
here = reward_func(spec, judges=judge, num_generations=4)
there = served_reward_func(url, num_generations=4, row_id="row") if url else here
for batch, reward in ((2, here), (4, here), (2, there))[: 3 if url else 2]:
    args = GRPOConfig(
        out, per_device_train_batch_size=batch, num_generations=4, max_completion_length=4, max_steps=1,
        report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True, ddp_backend="gloo",
    )
    trainer = GRPOTrainer(model, reward, args, train_dataset=rows)
    try:
        trainer.train()
    except InputError as error:
        print("SPLIT", batch, error, flush=True)
    else:
        print("TRAINED", batch, "on", trainer.accelerator.num_processes, flush=True)
"""


def two_ranks(tmp_path, model, url):
    """What each of two processes printed, joined by gloo on the loopback."""
    script = tmp_path / "rank.py"
    script.write_text(RANK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        **os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script), model, str(tmp_path / "out"), url], text=True,
            env={**shared, "RANK": str(n), "LOCAL_RANK": str(n)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for n in range(2)
    ]  # fmt: skip
    try:
        return [rank.communicate(timeout=150) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()


@asynccontextmanager
async def served():
    spec = {"rubric": RUBRIC, "scheme": "round_robin", "deadline_seconds": 20}
    async with Rewarder(spec, Scripted("judge", lambda _: '{"label": "A"}')) as rewarder:
        server = RewardServer(rewarder, Settings(port=0))
        async with listening(server, Settings(port=0)) as url:
            yield url, server


@pytest.mark.skipif(not KNOWS_NONE, reason="a server may answer None")
def test_the_lines_of_the_served_docstring_train(model, tmp_path, monkeypatch):
    lines = [line[4:] for line in trl_served.__doc__.splitlines() if line.startswith("    ")]
    (tmp_path / "my-model").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    there = {
        "rows": Dataset.from_list([{"prompt": "Say a.", "answer": "a", "id": 7}]),
        "args": GRPOConfig(str(tmp_path), **{**GROUPED, "num_generations": 8, "max_steps": 1}),
        "GRPOTrainer": GRPOTrainer,
    }

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served()) as (url, _):
        exec(compile("\n".join(lines).replace("http://127.0.0.1:8077", url), "docstring", "exec"), there)  # noqa: S102

    assert there["trainer"].state.log_history[0]["judgekit/n"] == 8.0


def test_a_group_split_over_two_ranks_is_told_and_a_server_puts_it_together(model, tmp_path):
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served()) as (url, server):
        ranks = two_ranks(tmp_path, model, url if KNOWS_NONE else "")
        groups = re.findall(r"groups_total.*", server.metrics.text({}))

    for out, err in ranks:
        told = re.findall(r"^(?:SPLIT|TRAINED) .*$", out, re.MULTILINE)
        assert len(told) == (3 if KNOWS_NONE else 2), err[-2000:]
        assert re.match(r"SPLIT 2 rows 0 to 1 of this process are 2 generations.*reward serve", told[0])
        assert told[1:] == ["TRAINED 4 on 2", "TRAINED 2 on 2"][: len(told) - 1]
    assert any('how="full"} 1' in line for line in groups) is KNOWS_NONE
    assert not any('how="partial"' in line and not line.endswith(" 0") for line in groups)


def test_a_judge_that_is_killed_in_the_middle_of_grpo_is_waited_out(model, rows, tmp_path, monkeypatch):
    """For as long as `JUDGEKIT_AWAY` says; 20 s is what a large model's server takes to come back."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import mock_server

    away = float(os.environ.get("JUDGEKIT_AWAY", "2"))
    with ExitStack() as servers:
        url, process = servers.enter_context(mock_server.killable(latency=0.05))
        port = int(re.search(r":(\d+)", url.partition("//")[2])[1])
        back = []

        def restart():
            time.sleep(away)
            back.append(servers.enter_context(mock_server.killable(port, latency=0.05)))

        class Killing(TrainerCallback):
            def on_step_begin(self, _arguments, state, _control, **_):
                if state.global_step == 1:
                    process.kill()
                    process.wait()
                    self.waiting = threading.Thread(target=restart)
                    self.waiting.start()

        killing = Killing()
        spec = {"rubric": RUBRIC, "judges": f"endpoint:{url}#mock", "deadline_seconds": 60 + away}
        trainer = GRPOTrainer(
            model, border.reward_func(spec, num_generations=4, row_id="row"),
            GRPOConfig(str(tmp_path), **{**GROUPED, "max_steps": 4}), train_dataset=rows, callbacks=[killing],
        )  # fmt: skip
        began = time.monotonic()
        trainer.train()
        took = time.monotonic() - began
        killing.waiting.join()

    logged = [row for row in trainer.state.log_history if "judgekit/failed_share" in row]
    assert len(back) == 1
    assert took >= away
    assert [row["judgekit/failed_share"] for row in logged] == [0.0] * 4
    assert {(row[0], row[1]) for row in by_row(trainer)} == {("ok", 1.0)}
    assert [row["rewards/tone/mean"] for row in logged] == [1.0] * 4

"""Does a policy really improve on our rewards? GRPO of TRL, a tiny model, a judge whose optimum is known.

The task names a word and the response is four words; the judge counts how often the word is there, 0 to 4. A
policy that reads the task reaches 1.0, one that does not 0.25, a random one 0.07. A random Qwen2 of one layer
is trained from each seed: with a judge that always answers; with one that fails on one call of ten, which is
a reward of None; and, as controls, with those failures as 0, and with a judge that draws its answer.

With the first two, on every seed, the mean reward of ten steps has to reach .95 within the steps given and to
be there at the end, or the exit code is 1. Every step is 4 tasks x 16 responses.

With failures as 0 the policy gets there too, if later on most seeds: the task is easy. With answers drawn at
random it stays where it was, so what is learnt came from the judge.

    python benchmarks/rewards_toy_policy.py --store        # needs trl; two minutes
"""

import argparse
import json
import logging
import os
import platform
import random
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import fmean

from tiny_policy import words_policy

import judgekit
from judgekit.rewards.trl import reward_func
from judgekit.types import Reply

RESULTS = Path(__file__).parent / "results"
WORDS = ("red", "green", "blue", "black", "one", "two", "three", "four", "cat", "dog", "cow", "hen")
TASKS = ("red", "two", "cat", "blue")
LENGTH, GENERATIONS, RATE = 4, 16, 4e-3
WINDOW, BOUND = 10, 0.95
LABELS = [str(n) for n in range(LENGTH + 1)]
SPEC = {
    "rubric": {
        "id": "words",
        "criteria": [{"id": "count", "text": "How often is it there?", "scale": LABELS}],
    },
}


@dataclass(frozen=True)
class Arm:
    """How the judge is, and whether its policy has to get there."""

    name: str
    failing: float = 0.0
    as_zero: bool = False
    drawn: bool = False

    @property
    def promised(self) -> bool:
        return not (self.as_zero or self.drawn)


ARMS = (
    Arm("answers every call"),
    Arm("fails on 10 %: None", failing=0.1),
    Arm("fails on 10 %: 0 (control)", failing=0.1, as_zero=True),
    Arm("answers at random (control)", drawn=True),
)


def right(task: str, response: str) -> int:
    """How many of the words are the one asked for."""
    return response.split().count(task.rsplit(maxsplit=1)[-1])


def judge_of(arm: Arm, seed: int) -> judgekit.Scripted:
    draws = random.Random(seed)  # noqa: S311 - a simulation

    def said(call):
        if draws.random() < arm.failing:
            return Reply(fault="refused")
        count = right(call.item.task, call.item.responses["response"])
        return json.dumps({"label": draws.choice(LABELS) if arm.drawn else str(count)})

    return judgekit.Scripted("counter", said)


def trained(folder: Path, arm: Arm, seed: int, steps: int) -> tuple[list[float], int]:
    """The true mean reward at each step, and how many responses had no reward."""
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    reward = reward_func(SPEC, judges=judge_of(arm, seed), num_generations=GENERATIONS)
    curve, lost = [], []

    async def watched(prompts, completions, **columns):
        pairs = zip(prompts, completions, strict=True)
        curve.append(fmean(right(task, response) for task, response in pairs) / LENGTH)
        values = await reward(prompts=prompts, completions=completions, **columns)
        lost.append(values.count(None))
        return [0.0 if value is None and arm.as_zero else value for value in values]

    args = GRPOConfig(
        str(folder / "out"), max_steps=steps, per_device_train_batch_size=len(TASKS) * GENERATIONS,
        num_generations=GENERATIONS, max_completion_length=LENGTH, learning_rate=RATE, seed=seed,
        generation_kwargs={"min_new_tokens": LENGTH}, gradient_checkpointing=False, bf16=False, use_cpu=True,
        report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    rows = Dataset.from_list([{"prompt": f"say {word}"} for word in TASKS])
    policy = words_policy(folder / f"policy-{seed}", WORDS, seed=seed)
    # Left to itself TRL takes the tokenizer of real Qwen2s, which knows none of these words.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(policy)
    GRPOTrainer(str(policy), watched, args, train_dataset=rows, processing_class=tokenizer).train()
    return curve, sum(lost)


def reached(curve: list[float]) -> int | None:
    """The step by which the mean of the last ten is at the bound."""
    steps = range(WINDOW, len(curve) + 1)
    return next((step for step in steps if fmean(curve[step - WINDOW : step]) >= BOUND), None)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--store", action="store_true", help="keep the curves in benchmarks/results/")
    given = parser.parse_args()
    quiet()
    runs = []
    print(f"{'the judge':30}{'seed':>5}{'start':>8}{'end':>8}{'no reward':>11}{'.95 at step':>13}{'s':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for arm in ARMS:
            for seed in range(given.seeds):
                began = time.monotonic()
                curve, lost = trained(Path(folder), arm, seed, given.steps)
                runs.append(run := told(arm, seed, curve, lost))
                print(
                    f"{arm.name:30}{seed:5}{curve[0]:8.3f}{run['end']:8.3f}{run['no_reward']:11.3f}"
                    f"{run['step_at_95'] or 'never':>13}{time.monotonic() - began:7.1f}",
                    flush=True,
                )
    promised = [run for run in runs if run["promised"]]
    held = [run for run in promised if run["step_at_95"] and run["end"] >= BOUND]
    last = max((run["step_at_95"] for run in held), default=None)
    print(
        f"# {len(held)} of {len(promised)} are at .95 within {given.steps} steps (the last at step {last}) and stay"
    )
    if given.store:
        print(f"# stored in {store(runs, given.steps)}")
    return int(len(held) < len(promised))


def told(arm: Arm, seed: int, curve: list[float], lost: int) -> dict[str, object]:
    """A run as it is stored."""
    return {
        "judge": arm.name, "promised": arm.promised, "seed": seed, "step_at_95": reached(curve),
        "end": round(fmean(curve[-WINDOW:]), 4),
        "no_reward": round(lost / (len(curve) * len(TASKS) * GENERATIONS), 4),
        "curve": [round(value, 4) for value in curve],
    }  # fmt: skip


def store(runs: list[dict[str, object]], steps: int) -> Path:
    """A line a run, with its whole curve."""
    about = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "judgekit": judgekit.__version__, "trl": version("trl"), "steps": steps,
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / "rewards_toy_policy.jsonl"
    target.write_text("".join(json.dumps({**about, **run}) + "\n" for run in runs), encoding="utf-8")
    return target.relative_to(RESULTS.parents[1])


def quiet() -> None:
    """Nothing but the table is printed, and one thread does it: at this size more only wait for each other."""
    import torch
    import transformers

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.trainer.PrinterCallback.on_log = lambda *_, **__: None


if __name__ == "__main__":
    sys.exit(main())

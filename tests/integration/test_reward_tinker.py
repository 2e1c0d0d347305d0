"""Tinker cookbook: group rewards and preferences in its own rollouts, with a policy that is a script.

pip install torch transformers tinker chz blobfile cloudpickle datasets pillow
pip install pyrage safetensors termcolor tiktoken
pip install --no-deps tinker-cookbook==0.6.1  # it asks for a package that needs Python 3.12
"""

import asyncio
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("tinker_cookbook.rl.rollouts", reason="tinker-cookbook is not installed")
from tinker_cookbook.completers import TokenCompleter, TokensWithLogprobs
from tinker_cookbook.preference.types import Comparison
from tinker_cookbook.renderers import get_renderer
from tinker_cookbook.rl.preference_envs import PairwisePreferenceGroupBuilder, TournamentPattern
from tinker_cookbook.rl.problem_env import ProblemEnv
from tinker_cookbook.rl.rollout_strategy import RetryOnFailure
from tinker_cookbook.rl.rollouts import do_group_rollout, do_group_rollout_and_filter_constant_reward
from transformers import AutoTokenizer

from judgekit.errors import JudgeOutage
from judgekit.rewards import tinker as border
from judgekit.rewards.core.rewarder import Rewarder

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ASKED = [{"role": "user", "content": "How many?"}]
PAIRS = {"id": "tone", "criteria": [{"id": "more", "text": "Which says more?", "about": "pair"}]}


@pytest.fixture(scope="module")
def renderer(tmp_path_factory):
    sys.path.insert(0, str(BENCHMARKS))
    import tiny_policy

    tokenizer = AutoTokenizer.from_pretrained(tiny_policy.made(tmp_path_factory.mktemp("policy")))
    return get_renderer("role_colon", tokenizer)


class Problem(ProblemEnv):
    def get_question(self):
        return "How many?"

    def check_answer(self, sample_str):
        return sample_str == self.get_reference_answer()

    def check_format(self, sample_str):
        return bool(sample_str)

    def get_reference_answer(self):
        return "7"


class Saying(TokenCompleter):
    """A policy that says these things in turn, each with the renderer's ending."""

    def __init__(self, renderer, *said):
        self.renderer, self.left = renderer, list(said)

    async def __call__(self, *_, **__):
        tokens = self.tokens()
        return TokensWithLogprobs(tokens=tokens, maybe_logprobs=[0.0] * len(tokens))

    def tokens(self):
        text = f" {self.left.pop(0)}{self.renderer.get_stop_sequences()[0]}"
        return self.renderer.tokenizer.encode(text, add_special_tokens=False)


@pytest.fixture
def builder(lines_of, renderer):
    """The builder that the docstring shows, for a spec."""

    def made(path, n):
        named = {}
        exec(lines_of(border).replace("spec.toml", str(path)), named)  # noqa: S102 - what is tested
        return named["JudgedGroupBuilder"](lambda: Problem(renderer, format_coef=0.0), n)

    return made


def test_a_group_has_its_rewards_in_the_order_of_its_trajectories(builder, renderer, marks):
    policy = Saying(renderer, "mark 3", "mark 9", "mark 3")

    group = asyncio.run(do_group_rollout(builder(marks(), 3), policy))

    assert group.final_rewards_G == group.get_total_rewards() == [0.3, 0.9, 0.3]
    assert group.metrics_G[1] == {
        "jk_gated": 0.0, "jk_vetoed": 0.0, "jk_imputed": 0.0, "judgekit/good": 0.9,
    }  # fmt: skip


def test_a_failure_ends_a_rollout_that_fails_fast(builder, renderer, marks):
    with pytest.raises(JudgeOutage, match="no reward for response '1'"):
        asyncio.run(do_group_rollout(builder(marks(), 3), Saying(renderer, "mark 3", "lost", "mark 9")))


def test_a_strategy_that_catches_errors_of_groups_drops_the_group(builder, renderer, marks):
    class Client(Saying):
        async def sample(self, *_, **__):
            tokens = self.tokens()
            said = SimpleNamespace(
                tokens=tokens, logprobs=[0.0] * len(tokens), stop_reason="stop", sequence_id=None
            )
            return SimpleNamespace(sequences=[said], prompt_cache_hit_tokens=0)

    async def trained_on(*said):
        return await do_group_rollout_and_filter_constant_reward(
            Client(renderer, *said), builder(marks(), len(said)), 32, 1.0, True, strategy=RetryOnFailure()
        )

    async def both():
        return await trained_on("mark 3", "mark 9"), await trained_on("mark 3", "lost")

    there, lost = asyncio.run(both())

    assert there.final_rewards_G == [0.3, 0.9]
    assert lost is None


def test_a_failure_has_the_mean_of_its_group_where_asked_for(builder, renderer, marks):
    path = marks('on_failure = "group_mean"')

    group = asyncio.run(do_group_rollout(builder(path, 3), Saying(renderer, "mark 2", "lost", "mark 4")))

    assert group.final_rewards_G == [0.2, 0.3, 0.4]
    assert [each["jk_imputed"] for each in group.metrics_G] == [0.0, 1.0, 0.0]


def tournament(renderer, preference, *said):
    made = PairwisePreferenceGroupBuilder(
        ASKED, renderer, TournamentPattern.ALL_PAIRS_BOTH_WAYS, preference, len(said)
    )
    return asyncio.run(do_group_rollout(made, Saying(renderer, *said)))


def test_a_preference_is_the_difference_of_rewards(renderer, marks):
    model = border.PreferenceModel(marks("range = [-1, 1]"))
    group = tournament(renderer, model, "mark 3", "mark 9", "mark 3")

    assert group.final_rewards_G == pytest.approx([-0.3, 0.6, -0.3])


def test_a_preference_of_a_pair_is_whole_and_changes_its_sign():
    rewarder = Rewarder({"rubric": PAIRS, "scheme": "round_robin"}, "control:longer")
    preference = border.PreferenceModel(rewarder)
    short, long = ([{"role": "assistant", "content": text}] for text in ("a", "aaa"))

    async def all_ways():
        pairs = [(short, long), (long, short), (long, long)]
        return [await preference(Comparison(ASKED, a, b)) for a, b in pairs]

    assert asyncio.run(all_ways()) == [1.0, -1.0, 0.0]


@pytest.mark.parametrize("policy", ["none", "drop_group", "group_mean"])
def test_a_comparison_that_failed_is_no_tie(renderer, marks, policy):
    path = marks(f'on_failure = "{policy}"')

    with pytest.raises(JudgeOutage, match=r"no reward for response .[AB]"):
        tournament(renderer, border.PreferenceModel(path), "mark 3", "lost")


def test_a_builder_with_a_preference_can_be_pickled(renderer, marks):
    made = PairwisePreferenceGroupBuilder(
        ASKED, renderer, TournamentPattern.ALL_PAIRS_ONE_WAY, border.PreferenceModel(marks()), 2
    )

    again = pickle.loads(pickle.dumps(made.preference_model))  # noqa: S301 - our own

    assert again == made.preference_model

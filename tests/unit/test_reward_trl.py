"""TRL's border, called as TRL calls it, without TRL: names, pickling, failures, versions, logs."""

import asyncio
import functools
import inspect
import pickle
import re
import warnings

import pytest

from judgekit import Scripted
from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards import trl
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import RewardSpec
from judgekit.types import Reply

RUBRIC = {"id": "tone", "criteria": [{"id": "kind", "text": "Is the response kind?"}]}
SPEC = {"rubric": RUBRIC, "max_failed": 1.0}


def said(call):
    """Kind if it thanks; silent where it is told to be."""
    judged = " ".join(text for name, text in call.judged if name == "response")
    if "SILENT" in judged:
        return Reply(fault="refused")
    return '{"label": "%s"}' % ("yes" if "thanks" in judged else "no")


def better(call):
    first, second = ("thanks" in call.item.responses[name] for name in call.shown)
    return '{"label": "%s"}' % ("tie" if first == second else "A" if first else "B")


KIND = Scripted("kind", said)
COMPARING = Scripted("better", better)


def called(function, completions, prompts=None, **columns):
    """As TRL calls it: keywords only, with all that it hands over."""
    prompts = prompts or ["p"] * len(completions)
    given = {"completion_ids": [[1]] * len(completions), "trainer_state": object(), **columns}
    result = function(prompts=prompts, completions=completions, **given)
    return asyncio.run(result) if inspect.isawaitable(result) else result


def test_trl_sees_a_coroutine_function_with_a_name_and_two_parameters():
    reward = trl.reward_func(SPEC, judges=KIND)

    assert inspect.iscoroutinefunction(reward)
    assert reward.__name__ == "tone"
    assert len(inspect.signature(reward).parameters) >= 2


def test_rewards_come_in_the_order_of_the_rows_and_a_failure_is_none():
    reward = trl.reward_func(SPEC, judges=KIND)

    assert called(reward, ["thanks", "SILENT", "", "thanks"]) == [1.0, None, 0.0, 1.0]


def test_a_conversation_gives_the_rewards_of_the_plain_text():
    reward = trl.reward_func(SPEC, judges=KIND)
    completions = [[{"role": "assistant", "content": text}] for text in ("thanks", "no")]

    assert called(reward, completions, [[{"role": "user", "content": "p"}]] * 2) == [1.0, 0.0]


def test_statistics_go_to_the_metrics_and_statuses_to_the_completions():
    reward = trl.reward_func(SPEC, judges=KIND)
    metrics, extra = {}, {}

    called(
        reward, ["thanks", "SILENT"], log_metric=metrics.__setitem__, log_extra=extra.__setitem__,
    )  # fmt: skip

    assert metrics["judgekit/failed_share"] == 0.5
    assert metrics["judgekit/n"] == 2.0
    assert "judgekit/reward_length_correlation" not in metrics  # undefined, which is no number
    assert extra["judgekit_status"] == ["ok", "failed"]
    assert "refused" in extra["judgekit_reason"][1]


def test_what_is_no_column_is_not_taken_for_one():
    reward = trl.reward_func(SPEC, judges=KIND)

    assert asyncio.run(reward(prompts=["p"], completions=["x"], new_in_trl=7, none=None)) == [0.0]
    assert asyncio.run(reward(prompts=[], completions=[])) == []
    with pytest.raises(InputError, match="2 completions of 1 prompts"):
        asyncio.run(reward(prompts=["p"], completions=["x", "y"]))


def test_judges_beside_a_rewarder_are_refused():
    rewarder = Rewarder({**SPEC, "on_failure": "raise"}, KIND)

    for made in (trl.reward_func, trl.online_dpo_reward_func):
        with pytest.raises(InputError, match="a rewarder has judges of its own"):
            made(rewarder, judges=KIND)


def test_a_rubric_and_a_reference_of_the_row_reach_the_judge():
    seen = []

    def looking(call):
        seen.append((call.asks[0][1], call.item.reference))
        return '{"label": "yes"}'

    reward = trl.reward_func(SPEC, judges=Scripted("looking", looking), rubric="rubric", reference="gold")
    own = '{"id": "own", "criteria": [{"id": "brief", "text": "Is it brief?"}]}'

    called(reward, ["a"], rubric=[own], gold=["42"])

    assert seen == [("brief", "42")]


def test_pairs_are_compared_within_a_group_only():
    spec = {"rubric": RUBRIC, "scheme": "round_robin"}
    reward = trl.reward_func(spec, judges=COMPARING, num_generations=2)

    rewards = called(reward, ["thanks", "no", "no", "no"], ["p", "p", "q", "q"])

    assert rewards == [1.0, 0.0, 0.5, 0.5]


@pytest.mark.parametrize(
    "more",
    [{"scheme": "swiss"}, {"on_failure": "group_mean"}, {"on_failure": "drop_group"}, {"dead_band": 0.1}],
)
def test_what_depends_on_the_group_needs_its_size_and_whole_groups(more):
    with pytest.raises(InputError, match="give num_generations="):
        trl.reward_func({**SPEC, **more}, judges=KIND)

    reward = trl.reward_func({**SPEC, **more}, judges=COMPARING, num_generations=4)
    with pytest.raises(InputError, match="split over processes"):
        called(reward, ["a", "b"])


def test_half_groups_are_not_compared_where_groups_are_larger_than_was_said():
    spec = {"rubric": RUBRIC, "scheme": "round_robin"}
    reward = trl.reward_func(spec, judges=COMPARING, num_generations=2)

    with pytest.raises(InputError, match="give num_generations=4 if that is the trainer's own"):
        called(reward, ["a", "b", "c", "d"] * 2, ["p"] * 4 + ["q"] * 4)


def test_trl_from_1_15_on_has_the_function_under_the_name_of_the_spec(monkeypatch):
    """It takes a partial for the function within, and awaits an object by its own name."""
    monkeypatch.setattr(trl, "installed", lambda: (1, 16))
    reward = pickle.loads(pickle.dumps(trl.reward_func({**SPEC, "name": "kindness"}, judges=KIND)))  # noqa: S301

    assert not isinstance(reward, functools.partial)
    assert getattr(reward, "__name__", type(reward).__name__) == "kindness"
    assert inspect.iscoroutinefunction(reward.__call__)
    assert called(reward, ["thanks", "no"]) == [1.0, 0.0]


def test_the_function_survives_pickling():
    reward = pickle.loads(pickle.dumps(trl.reward_func(SPEC, judges=KIND, num_generations=2)))  # noqa: S301

    assert reward.__name__ == "tone"
    assert called(reward, ["thanks", "no"]) == [1.0, 0.0]


def test_one_function_serves_several_event_loops():
    reward = trl.reward_func(SPEC, judges=KIND)

    assert [called(reward, ["thanks"]) for _ in range(2)] == [[1.0], [1.0]]


def test_trl_that_takes_none_for_zero_gets_the_mean_of_the_group_with_a_warning():
    with pytest.warns(UserWarning, match=r"TRL 1\.5 takes a missing reward for 0"):
        lowered = trl.lowered(RewardSpec(**SPEC), (1, 5))

    assert lowered.on_failure == "group_mean"
    assert lowered.digest != RewardSpec(**SPEC).digest


@pytest.mark.parametrize("version", [None, (1, 6), (2, 0)])
def test_trl_that_leaves_none_out_gets_the_spec_as_it_is(version):
    spec = RewardSpec(**SPEC)

    assert trl.lowered(spec, version) is spec


@pytest.mark.parametrize("policy", ["raise", "drop_group", "group_mean"])
def test_policies_that_old_trl_can_take_stay(policy):
    spec = RewardSpec(**SPEC, on_failure=policy)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trl.lowered(spec, (1, 5)) is spec


def test_a_rewarder_is_taken_as_it_is_or_not_at_all():
    gives_none, imputes = (
        Rewarder({**SPEC, "on_failure": policy}, KIND) for policy in ("none", "group_mean")
    )

    assert trl.spec_for(gives_none, None) is gives_none.spec
    assert trl.spec_for(gives_none, (1, 6)) is gives_none.spec
    assert trl.spec_for(imputes, (1, 5)) is imputes.spec
    with pytest.raises(InputError, match=r"TRL 1\.5 takes None for 0; give the rewarder a spec with"):
        trl.spec_for(gives_none, (1, 5))


def test_trl_that_awaits_nothing_is_refused():
    with pytest.raises(InputError, match=r"TRL 0\.20 cannot await .* from 0\.27 on"):
        trl.lowered(RewardSpec(**SPEC), (0, 20))


@pytest.mark.parametrize("policy", ["none", "drop_group"])
def test_online_dpo_refuses_what_would_give_none(policy):
    with pytest.raises(InputError, match="OnlineDPO takes for 0"):
        trl.online_dpo_reward_func({**SPEC, "on_failure": policy}, judges=KIND)


def test_online_dpo_has_the_second_responses_in_the_second_half():
    spec = {"rubric": RUBRIC, "scheme": "round_robin", "on_failure": "group_mean"}
    reward = trl.online_dpo_reward_func(spec, judges=COMPARING)

    rewards = called(reward, ["thanks", "no", "no", "thanks"], ["p", "q", "p", "q"])

    assert not inspect.iscoroutinefunction(reward)
    assert rewards == [1.0, 0.0, 0.0, 1.0]


def test_online_dpo_levels_a_failure_with_the_other_of_its_pair():
    reward = trl.online_dpo_reward_func({**SPEC, "on_failure": "group_mean"}, judges=KIND)

    assert called(reward, ["no", "thanks", "thanks", "SILENT"], ["p", "q", "p", "q"]) == [0.0, 1.0, 1.0, 1.0]


def test_online_dpo_stops_where_a_whole_pair_has_no_reward():
    reward = trl.online_dpo_reward_func({**SPEC, "on_failure": "group_mean"}, judges=KIND)

    with pytest.raises(JudgeOutage, match=r"2 of 4 responses have no reward.*refused") as caught:
        called(reward, ["no", "SILENT", "thanks", "SILENT too"], ["p", "q", "p", "q"])

    assert caught.value.run.stats["n_failed"] == 2


def test_online_dpo_that_may_not_fail_raises():
    reward = trl.online_dpo_reward_func({**SPEC, "on_failure": "raise"}, judges=KIND)

    with pytest.raises(JudgeOutage, match="refused"):
        called(reward, ["SILENT", "thanks"])


def test_rows_that_are_not_two_halves_are_not_online_dpo():
    reward = trl.online_dpo_reward_func({**SPEC, "on_failure": "raise"}, judges=KIND)

    with pytest.raises(InputError, match="not two equal halves"):
        called(reward, ["a", "b"], ["p", "q"])


def test_the_docstring_has_the_lines_that_the_integration_test_runs():
    assert len(re.findall(r"^    \S.*$", trl.__doc__, re.MULTILINE)) == 6

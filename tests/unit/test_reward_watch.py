import asyncio
import json
import logging
import math
import pickle
import random

import orjson
import pytest

from judgekit.errors import InputError, JudgeOutage
from judgekit.judges.resolve import Scripted
from judgekit.rewards.core.conversion import kept_rewarder
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.trl import reward_func
from judgekit.rewards.watching.hidden import EMPTY_ANSWERS, Drift, Twice, change, drawn
from judgekit.rewards.watching.watch import Watch
from judgekit.types import Call, Reply

RUBRIC = {"id": "r", "criteria": [{"id": "good", "text": "Is it good?", "scale": "1-5"}]}
SPEC = {"rubric": RUBRIC, "grid": None}


def marked(name: str, mark) -> Scripted:
    """A judge that gives the response, as a text, the mark of a function."""
    return Scripted(name, lambda call: json.dumps({"label": str(mark(dict(call.judged)["response"]))}))


def by_digit(name: str = "digits") -> Scripted:
    return marked(name, lambda text: int(text[-1]) if text[-1:] in set("12345") else 1)


def batch_of(n: int = 6, size: int = 4, start: int = 0) -> list[Group]:
    return [
        Group(f"g{i}", f"Task {i}?", {str(j): f"Answer {i} {j} {1 + (i + j) % 5}" for j in range(size)})
        for i in range(start, start + n)
    ]


def awaited(watch: Watch, *batches):
    async def all_of_them():
        async with watch:
            return [await watch(groups) for groups in batches]

    return asyncio.run(all_of_them())


def test_rewards_pass_through_unchanged_and_numbers_are_added():
    plain = Rewarder(SPEC, by_digit()).reward(batch_of())
    seen = []

    watched = Watch(Rewarder(SPEC, by_digit()), probe_every=None, log=seen.append).reward(batch_of())

    assert watched.rewards == plain.rewards
    assert watched.spec == plain.spec
    assert plain.stats.keys() <= watched.stats.keys()
    assert seen == [{"batch": 1, **watched.stats}]


def test_an_adapter_takes_a_watch_where_it_takes_a_rewarder():
    watch = Watch(Rewarder(SPEC, by_digit()), hidden=Rewarder(SPEC, by_digit()), hidden_share=1.0)
    reward = reward_func(watch)
    metrics = {}

    values = asyncio.run(
        reward(
            prompts=["Why?"] * 2,
            completions=["Answer 4", "Answer 1"],
            completion_ids=[[1]] * 2,
            log_metric=metrics.__setitem__,
        )
    )

    assert values == [0.75, 0.0]
    assert metrics["judgekit/probe_n"] == len(EMPTY_ANSWERS)
    assert metrics["judgekit/hidden_n"] == 2


def test_a_copy_for_another_event_loop_adds_to_what_the_watch_has_seen():
    seen = []
    watch = Watch(Rewarder(SPEC, by_digit()), probe_every=2, log=seen.append)

    async def kept():
        one = await kept_rewarder(watch)
        return [await one(batch_of()) for _ in range(2)]

    asyncio.run(kept())
    asyncio.run(kept())

    assert watch.seen.batches == 4
    assert [record["batch"] for record in seen] == [1, 2, 3, 4]
    assert [record["probe_n"] is not None for record in seen] == [True, False] * 2


def test_the_hidden_judge_sees_a_sample_that_depends_on_what_the_groups_hold_only():
    groups = batch_of(400)

    few = drawn(groups, 0.1, seed=0)

    assert 20 <= len(few) <= 60
    assert drawn(groups[::-1], 0.1, seed=0) == few[::-1]
    assert drawn(groups, 0.1, seed=1) != few
    assert drawn(groups, 1.0, seed=0) == tuple(groups)


def test_the_hidden_judge_is_asked_about_whole_groups_and_compared_on_the_same_responses():
    opposite = marked("opposite", lambda text: 6 - int(text[-1]))
    hidden = Rewarder({**SPEC, "range": [-1, 1]}, opposite)

    [batch] = awaited(Watch(Rewarder(SPEC, by_digit()), hidden=hidden, hidden_share=1.0), batch_of())

    stats = batch.stats
    assert (stats["hidden_groups"], stats["hidden_n"], stats["hidden_calls"]) == (6, 24, 24)
    assert stats["hidden_mean"] == pytest.approx(1 - stats["hidden_training_mean"])
    assert stats["hidden_agreement"] == pytest.approx(-1.0)
    assert stats["divergence_alarm"] is None


def test_a_hidden_judge_that_is_down_costs_no_reward_and_is_said_once(caplog):
    def down(_: Call) -> Reply:
        return Reply(fault="unreachable", detail="HTTP 503")

    watch = Watch(Rewarder(SPEC, by_digit()), hidden=Rewarder(SPEC, Scripted("down", down)), hidden_share=1.0)
    batches = awaited(watch, batch_of(), batch_of())

    assert [batch.stats["n_ok"] for batch in batches] == [24, 24]
    assert [batch.stats["hidden_failed"] for batch in batches] == [24, 24]
    assert [batch.stats["hidden_n"] for batch in batches] == [0, 0]
    assert [r.message.startswith("the hidden judge failed") for r in caplog.records] == [True]


def test_an_outage_of_the_judge_is_logged_and_raised():
    seen = []
    down = Scripted("down", lambda _: Reply(fault="unreachable", detail="HTTP 503"))
    watch = Watch(
        Rewarder(SPEC, down),
        hidden=Rewarder(SPEC, by_digit()),
        hidden_share=1.0,
        log=seen.append,
    )

    with pytest.raises(JudgeOutage):
        watch.reward(batch_of())

    [record] = seen
    assert record["n_failed"] == 24
    assert "HTTP 503" in record["outage"]


def test_cancelling_leaves_neither_judge_at_work():
    async def slow(_: Call) -> str:
        await asyncio.sleep(3600)
        return ""

    async def cancelled() -> int:
        patient = {**SPEC, "deadline_seconds": 1e6}
        watch = Watch(
            Rewarder(patient, Scripted("slow", slow)),
            hidden=Rewarder(patient, Scripted("slow too", slow)),
            hidden_share=1.0,
        )
        task = asyncio.create_task(watch(batch_of()))
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=30)  # seconds; in a moment, if nothing holds it up
        assert task.cancelled()
        return len(asyncio.all_tasks())

    assert asyncio.run(cancelled()) == 1


def test_a_gullible_judge_is_shown_by_the_probe():
    gullible = marked("gullible", lambda text: 5 if text.strip() in {":", "Solution"} else 2)
    watch = Watch(Rewarder(SPEC, gullible), probe_tasks=3)

    [batch] = awaited(watch, batch_of())

    probed = watch.seen.probed
    n = 3 * len(EMPTY_ANSWERS)
    assert probed.above_middle.value == pytest.approx(6 / n)
    assert probed.by_text[":"] == probed.by_text["Solution"] == (3, 3)
    assert probed.by_text["Thought process:"] == (0, 3)
    assert probed.worst in {":", "Solution"}
    assert batch.stats["probe_n"] == n
    assert 0 < batch.stats["probe_above_middle_low"] < 6 / n < batch.stats["probe_above_middle_high"]
    # every response of the policy has the mark 2, which empty answers have, too
    assert probed.as_good.value == 1.0


def test_the_middle_of_the_range_is_paid():
    watch = Watch(Rewarder({**SPEC, "range": [-1, 1]}, marked("middling", lambda _: 3)))

    awaited(watch, batch_of())

    assert watch.seen.probed.above_middle.value == 1.0


def test_what_was_imputed_is_no_evidence_of_either_judge():
    def half(call: Call) -> Reply | str:
        text = dict(call.judged)["response"]
        if text in EMPTY_ANSWERS[::2] or text.endswith("2"):
            return Reply(fault="unreachable", detail="HTTP 503")
        return json.dumps({"label": "5" if text[-1:] == "5" else "1"})

    spec = {**SPEC, "on_failure": "group_mean", "max_failed": 1.0}
    watch = Watch(Rewarder(spec, Scripted("half", half)), hidden=Rewarder(SPEC, by_digit()), hidden_share=1.0)

    [batch] = awaited(watch, batch_of())

    assert batch.stats["n_imputed"] > 0
    assert batch.stats["hidden_n"] == batch.stats["n_ok"] < batch.stats["n"]
    assert batch.stats["probe_failed"] == 4 * len(EMPTY_ANSWERS[::2])
    assert batch.stats["probe_n"] == 4 * len(EMPTY_ANSWERS[1::2])


def test_what_nothing_can_be_below_is_no_comparison():
    watch = Watch(Rewarder(SPEC, marked("strict", lambda _: 1)))

    [batch] = awaited(watch, batch_of())

    assert watch.seen.probed.as_good.n_used == 0
    assert batch.stats["probe_as_good"] is None
    assert batch.stats["probe_above_middle"] == 0.0


def test_a_gate_that_stops_empty_answers_is_counted():
    gated = {**SPEC, "checks": [{"name": "content", "kind": "says_something", "gate": True}]}
    watch = Watch(Rewarder(gated, marked("kind", lambda _: 5)))

    [batch] = awaited(watch, batch_of())

    assert batch.stats["probe_gated"] > 0.6 * batch.stats["probe_n"]
    assert watch.seen.probed.worst == "Final answer: correct" or watch.seen.probed.worst is None


def test_probes_come_at_the_interval_and_their_keys_stay():
    watch = Watch(Rewarder(SPEC, by_digit()), probe_every=3)

    batches = awaited(watch, *[batch_of()] * 7)

    assert [batch.stats["probe_n"] is not None for batch in batches] == [True, False, False] * 2 + [True]
    assert len({frozenset(batch.stats) for batch in batches}) == 1


def test_a_relative_judge_is_probed_within_the_group():
    def longer(call: Call) -> str:
        one, other = (len(call.item.responses[name]) for name in call.shown)
        return json.dumps({"label": "A" if one > other else "B"})

    groups = [Group("g", "Why?", {"a": "one two three", "b": "one two", "c": "one, two, three and four"})]
    watch = Watch(Rewarder({**SPEC, "scheme": "round_robin"}, Scripted("longer", longer)), probe_tasks=1)

    [batch] = awaited(watch, groups)

    assert batch.stats["probe_n"] == len(EMPTY_ANSWERS)
    assert batch.stats["probe_failed"] == 0
    long = {text for text in EMPTY_ANSWERS if len(text) > len("one two three")}
    assert {text for text, (hits, _) in watch.seen.probed.by_text.items() if hits} >= long


def blocks(rng: random.Random, n: int, training: float, hidden: float, agreement: float = 0.6) -> list[Twice]:
    """Groups of the given means; the tasks' difficulty is shared by both judges."""
    found = []
    for _ in range(n):
        task = rng.gauss(0, 0.15)
        found.append(
            Twice(
                training + task + rng.gauss(0, 0.1),
                hidden + task + rng.gauss(0, 0.1),
                max(-1.0, min(1.0, agreement + rng.gauss(0, 0.3))),
                8,
            )
        )
    return found


def alarm_of(*steps: tuple[float, float, float], seed: int = 0, window: int = 100) -> list[str]:
    rng, drift = random.Random(seed), Drift(window)  # noqa: S311 - no secret
    found = [drift.add(blocks(rng, window, *step)) for step in steps]
    assert found[0] is None
    return [each.alarm for each in found[1:]]


def test_a_training_reward_that_rises_alone_is_an_alarm():
    assert "training reward rose" in alarm_of((0.4, 0.4, 0.6), (0.6, 0.4, 0.6))[0]


def test_both_rising_is_none_even_if_one_rises_less():
    steps = [(0.4 + 0.02 * i, 0.4 + 0.013 * i, 0.6) for i in range(12)]

    assert not any(any(alarm_of(*steps, seed=seed)) for seed in range(10))


def test_what_was_honestly_learnt_does_not_hide_what_is_hacked_later():
    honest, hacked = alarm_of((0.3, 0.3, 0.6), (0.6, 0.6, 0.6), (0.8, 0.45, 0.6))

    assert honest == ""
    assert "training reward rose" in hacked


def test_a_hack_after_honest_learning_shows_though_all_in_all_half_is_confirmed():
    *honest, hacked = alarm_of((0.3, 0.3, 0.6), (0.6, 0.6, 0.6), (0.75, 0.55, 0.6))

    assert honest == [""]
    assert "training reward rose" in hacked


def test_a_hidden_reward_that_falls_alone_is_no_alarm_of_what_training_did():
    assert alarm_of((0.5, 0.5, 0.6), (0.5, 0.3, 0.6)) == [""]


def test_judges_that_agree_less_and_still_agree_are_no_alarm():
    assert alarm_of((0.5, 0.5, 0.9), (0.5, 0.5, 0.5)) == [""]


def test_judges_that_no_longer_order_a_group_alike_are_an_alarm():
    assert "agreed less" in alarm_of((0.5, 0.5, 0.6), (0.5, 0.5, 0.0))[0]


def test_nothing_that_changes_is_no_alarm_however_often_it_is_looked_at():
    alarms = [any(alarm_of(*[(0.5, 0.5, 0.6)] * 20, seed=seed, window=30)) for seed in range(100)]

    assert sum(alarms) <= 5


def test_later_looks_are_wider_so_that_all_together_keep_the_level():
    rng, drift = random.Random(0), Drift(50)  # noqa: S311 - no secret
    looks = [drift.add(blocks(rng, 50, 0.5, 0.5)) for _ in range(4)][1:]

    assert [look.look for look in looks] == [1, 2, 3]
    assert sum(1 - look.lag.level for look in looks) == pytest.approx(0.05 / 2 * (1 - 1 / 4))


def test_the_interval_of_a_change_is_welchs():
    # the confidence interval of scipy's ttest_ind of the two, with unequal variances
    found = change("mean", [1.0, 2.0, 3.0, 9.0], [1.0, 1.0, 2.0], 0.95)

    assert (found.value, found.low, found.high) == pytest.approx((-2.416667, -8.028763, 3.195429), abs=1e-6)
    assert math.isnan(change("mean", [1.0], [1.0, 2.0], 0.95).value)


def test_records_go_to_a_file_a_line_each_even_if_another_log_fails(tmp_path, caplog):
    def broken(_):
        raise OSError("disk full")

    path = tmp_path / "deep" / "rewards.jsonl"
    watch = Watch(Rewarder(SPEC, by_digit()), log=[broken, path])
    with caplog.at_level(logging.WARNING):
        awaited(watch, batch_of(), batch_of())

    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [row["batch"] for row in rows] == [1, 2]
    assert rows[0]["at"].endswith("Z")
    assert rows[0]["n_ok"] == 24
    assert [r.message for r in caplog.records] == ["a log of rewards failed (said once): OSError: disk full"]


def test_a_watch_can_be_sent_to_another_process(tmp_path):
    watch = Watch(
        Rewarder(SPEC, "control:constant=best"),
        hidden=Rewarder(SPEC, "control:constant=best"),
        log=[tmp_path / "l", "mlflow", "wandb", "trackio"],
    )

    back = pickle.loads(pickle.dumps(watch))  # noqa: S301 - our own

    assert back.spec.digest == watch.spec.digest


@pytest.mark.parametrize(
    "options",
    [{"hidden_share": 0.0}, {"hidden_share": 2}, {"hidden_window": 3}, {"probe_every": 0}, {"log": 7}],
)
def test_options_that_cannot_be_are_named(options):
    with pytest.raises((InputError, TypeError), match=next(iter(options))):
        Watch(Rewarder(SPEC, by_digit()), **options)

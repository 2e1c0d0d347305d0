"""Rewards relative to the group: who meets whom, what it costs, and that nothing depends on places."""

import itertools
import json
import re

import pytest

import judgekit as jk
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.types import Reply

RUBRIC = {"id": "tone", "criteria": [{"id": "better", "text": "Which response is better?"}]}
SCHEMES = ("pairwise", "round_robin", "swiss", "pivot", "list")


def number(text):
    return int(re.search(r"[0-9]+", text)[0])


def fair(call):
    """Prefers the greater number."""
    if call.protocol == "rank":
        order = sorted(range(len(call.shown)), key=lambda i: -number(call.item.responses[call.shown[i]]))
        return json.dumps({"ranking": ["ABCDEFGHIJ"[i] for i in order]})
    first, second = (number(call.item.responses[name]) for name in call.shown)
    return f'{{"label": "{"A" if first > second else "B" if second > first else "tie"}"}}'


def group(*numbers, key="g"):
    return Group(key, "Say a number.", {f"r{i}": f"It is {n}." for i, n in enumerate(numbers)})


def rewards(spec, judge, *groups):
    batch = Rewarder({"rubric": RUBRIC, **spec}, judge).reward(groups)
    return batch, [reward.value for reward in batch]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_better_response_gets_more(scheme):
    _, values = rewards({"scheme": scheme}, jk.Scripted("j", fair), group(30, 10, 40, 20))

    assert values[2] == max(values)
    assert values[1] == min(values)
    assert sum(values) / 4 == pytest.approx(0.5, abs=0.01)


def test_where_everybody_met_everybody_it_is_the_share_beaten():
    _, values = rewards({"scheme": "round_robin"}, jk.Scripted("j", fair), group(30, 10, 40, 20, 20))

    assert values == pytest.approx([0.75, 0, 1.0, 0.375, 0.375])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_places_do_not_matter(scheme):
    numbers = [3, 1, 7, 5, 9, 2]
    judge = jk.Scripted("j", fair)
    _, straight = rewards({"scheme": scheme}, judge, group(*numbers))

    for order in ([5, 4, 3, 2, 1, 0], [2, 0, 5, 1, 4, 3], [3, 5, 0, 4, 2, 1]):
        _, mixed = rewards({"scheme": scheme}, judge, group(*(numbers[i] for i in order)))
        assert mixed == [straight[i] for i in order]


def test_a_judge_of_places_gives_everybody_the_same_in_both_orders():
    first = jk.Scripted("first", lambda _: '{"label": "A"}')

    _, values = rewards({"scheme": "round_robin"}, first, group(1, 2, 3))

    assert values == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("spec", "n", "calls"),
    [
        ({"scheme": "pairwise"}, 4, 12), ({"scheme": "pairwise"}, 6, 18), ({"scheme": "pairwise"}, 8, 24),
        ({"scheme": "pairwise"}, 16, 64),
        ({"scheme": "round_robin"}, 8, 56), ({"scheme": "round_robin", "orders": "random"}, 8, 28),
        ({"scheme": "swiss"}, 8, 24), ({"scheme": "swiss", "rounds": 5, "orders": "random"}, 8, 20),
        ({"scheme": "pivot"}, 8, 14), ({"scheme": "pivot", "pivots": 2}, 8, 26), ({"scheme": "list"}, 4, 4),
        ({"scheme": "list", "orders": "given"}, 4, 1),
    ],
)  # fmt: skip
def test_a_scheme_costs_what_it_says(spec, n, calls):
    judge = jk.Scripted("j", fair)
    batch, _ = rewards(spec, judge, group(*range(n)))

    assert batch.stats["calls"] == calls
    assert Rewarder({"rubric": RUBRIC, **spec}, judge).calls(n)[0] == calls


def test_one_alone_has_no_rank():
    [reward] = Rewarder({"rubric": RUBRIC, "scheme": "pairwise"}, jk.Scripted("j", fair)).reward([group(3)])

    assert (reward.value, reward.status) == (None, "failed")
    assert "alone in its group" in reward.reason


def test_equal_texts_are_level_without_a_call():
    _batch, values = rewards(
        {"scheme": "pairwise"}, jk.Scripted("j", lambda _: pytest.fail("asked")), group(3, 3, 3)
    )

    assert values == [0.5, 0.5, 0.5]


def test_what_a_gate_stopped_is_beaten_by_the_rest_and_meets_nobody():
    spec = {
        "scheme": "round_robin",
        "checks": [{"name": "content", "kind": "matches", "gate": True, "settings": {"pattern": "is [1-9]"}}],
    }
    batch, values = rewards(spec, jk.Scripted("j", fair), group(5, 0, 7))

    assert values == [0.5, 0.0, 1.0]
    assert batch["g", "r1"].status == "gated"
    assert batch.stats["calls"] == 2


def test_lost_comparisons_tilt_nothing():
    """With half of them lost, strengths still order the group; nobody gets a number for having met nobody."""

    def half(call):
        first, second = sorted(number(call.item.responses[name]) for name in call.shown)
        return Reply(fault="refused") if (first + second) % 3 == 0 else fair(call)

    _batch, values = rewards(
        {"scheme": "round_robin", "max_failed": 1}, jk.Scripted("j", half), group(1, 2, 3, 4, 5, 7)
    )

    there = [(n, v) for n, v in zip((1, 2, 3, 4, 5, 7), values, strict=True) if v is not None]
    assert len(there) >= 4
    assert all(a[1] < b[1] for a, b in itertools.pairwise(there))


def test_a_response_that_met_too_few_has_failed():
    def never_three(call):
        return (
            Reply(fault="refused") if any("3" in call.item.responses[n] for n in call.shown) else fair(call)
        )

    batch, values = rewards(
        {"scheme": "round_robin", "max_failed": 1}, jk.Scripted("j", never_three), group(1, 2, 3, 4)
    )

    assert values[2] is None
    assert batch["g", "r2"].reason.startswith("refused")
    assert [values[i] for i in (0, 1, 3)] == sorted(values[i] for i in (0, 1, 3))


def test_groups_are_apart():
    _, together = rewards({"scheme": "pairwise"}, jk.Scripted("j", fair), group(1, 2), group(8, 9, key="h"))

    assert together == [0.0, 1.0, 0.0, 1.0]


def test_judges_of_a_panel_are_pooled_over_the_group():
    contrary = jk.Scripted(
        "contrary", lambda call: fair(call).replace('"A"', '"X"').replace('"B"', '"A"').replace('"X"', '"B"')
    )

    _, values = rewards(
        {"scheme": "round_robin", "pool": "min"}, [jk.Scripted("j", fair), contrary], group(1, 2, 3)
    )

    assert values == [0.0, 0.5, 0.0]

import pytest

from judgekit.errors import InputError
from judgekit.judges.resolve import Scripted
from judgekit.plan import Plan, price_of
from judgekit.rubric import Rubric
from judgekit.types import Item

RUBRIC = Rubric(id="r", criteria=[{"id": "a", "text": "A?"}, {"id": "b", "text": "B?"}])
ITEM = Item("1", "Task", {"x": "one", "y": "two", "z": "three"}, systems={"x": "m1", "y": "m2", "z": "m3"})


class Author(Scripted):
    """A scripted judge that wrote some of the responses."""

    def __init__(self, name, *systems):
        super().__init__(name, lambda _: "")
        object.__setattr__(self, "_systems", systems)

    @property
    def systems(self):
        return self._systems


class Careful(Scripted):
    """A scripted judge that is asked yes or no only, and has a price for each token."""

    def __init__(self, max_tokens=200):
        super().__init__("careful", lambda _: "")
        object.__setattr__(self, "max_tokens", max_tokens)

    def refuses(self, scale):
        return None if scale.value("yes") is not None else "it says yes or no"

    def cost(self, input_tokens, output_tokens):
        return input_tokens + 10.0 * output_tokens


def test_a_judge_never_grades_its_own_system():
    judges = (Author("m1", "m1"), Author("m2", "m2"))
    plan = Plan(RUBRIC, judges)

    asked = {(call.judge, call.shown) for call in plan.calls(ITEM)}

    assert asked == {("m1", ("y",)), ("m1", ("z",)), ("m2", ("x",)), ("m2", ("z",))}
    assert plan.count(ITEM) == len(plan.calls(ITEM)) == 8


def test_a_judge_never_compares_a_pair_that_holds_its_own_response():
    plan = Plan(RUBRIC, (Author("m1", "m1"),), protocol="compare", per_call=None)

    assert {frozenset(call.shown) for call in plan.calls(ITEM)} == {frozenset({"y", "z"})}


def test_every_pair_is_asked_in_both_orders_equally_often():
    plan = Plan(RUBRIC, (Scripted("j", lambda _: ""),), protocol="compare", samples=3)

    counts: dict[tuple[str, ...], int] = {}
    for call in plan.calls(ITEM):
        counts[call.shown] = counts.get(call.shown, 0) + 1

    assert len(counts) == 6
    assert set(counts.values()) == {3 * len(RUBRIC.leaves)}


def test_every_call_of_a_plan_has_a_key_of_its_own():
    for protocol in ("grade", "checklist", "compare", "rank"):
        calls = Plan(RUBRIC, (Scripted("j", lambda _: ""),), protocol=protocol, samples=2).calls(ITEM)

        assert len({call.key for call in calls}) == len(calls)


def test_a_ranking_shows_every_response_in_every_place_once():
    plan = Plan(RUBRIC, (Scripted("j", lambda _: ""),), protocol="rank")

    shown = [call.shown for call in plan.calls(ITEM) if call.asks[0][1] == "a"]

    assert [set(place) for place in zip(*shown, strict=True)] == [{"x", "y", "z"}] * 3


@pytest.mark.parametrize(
    ("max_tokens", "letters", "limit", "price"),
    [
        (200, False, 200, 2100.0),
        (200, True, 1, 110.0),  # a letter is one token, however much may be written
        (0, True, 0, 100.0),
        (None, True, None, None),
    ],
)
def test_what_a_call_takes_at_most(max_tokens, letters, limit, price):
    assert price_of(Careful(max_tokens), 100, letters=letters) == (limit, price)


def test_an_items_own_rubric_is_checked_against_the_judge_like_the_plans():
    plan = Plan(RUBRIC, (Careful(),))
    own = {"criteria": [{"id": "good", "text": "How good?", "scale": "1-5"}]}

    with pytest.raises(InputError, match="'careful' cannot be asked criterion 'good': it says yes or no"):
        plan.calls(Item("2", "Task", {"x": "one"}, rubric=own))
    with pytest.raises(InputError, match="'careful' cannot be asked criterion 'good': it says yes or no"):
        Plan(Rubric(id="own", **own), (Careful(),))

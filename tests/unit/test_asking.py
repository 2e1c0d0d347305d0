"""What a run pays for: reserved before a call, settled whatever becomes of it."""

import pytest

from judgekit.errors import BudgetExceeded, InputError
from judgekit.plan import Plan, price_of
from judgekit.prompt import estimate_tokens
from judgekit.recipes import Grading
from judgekit.rubric import load_rubric
from judgekit.types import Item, Reply

RUBRIC = load_rubric({"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]})
YES = '{"label": "yes"}'


def priced(judge, dollars=lambda _: 1.0, max_tokens=10_000):
    """A judge that knows its price, of so many tokens it reads."""
    judge.max_tokens = max_tokens
    judge.cost = lambda n_in, _: dollars(n_in)
    return judge


def tokens_of(judge, item):
    """Tokens reserved for a call about an item."""
    [call] = Plan(RUBRIC, (judge,)).calls(item)
    n_in = estimate_tokens(call.messages)
    return n_in + (price_of(judge, n_in)[0] or 0)


@pytest.mark.parametrize("known", [{}, {"input_tokens": 1}, {"output_tokens": 1}])
def test_a_reply_that_does_not_say_all_it_took_takes_what_was_reserved(known, walk, model, items):
    async def silent(*_):
        return Reply(text=YES, model="m", **known)

    judge = priced(model(silent))
    budget = tokens_of(judge, items(1)[0]) * 5 // 2

    walked = walk(items(5), judge, budget_tokens=budget, concurrency=1)

    assert len(judge.seen) == 2
    assert walked.reasons == ["over_budget"] * 3


def test_money_held_by_a_call_that_gets_no_tokens_goes_to_those_who_wait(walk, model, items):
    async def costs_all_that_was_reserved(*_):
        return Reply(text=YES, model="m", cost_usd=1.0)

    # The first has its tokens; the second holds money and waits for tokens; the third waits for money.
    judge = priced(model(costs_all_that_was_reserved))
    budget = tokens_of(judge, items(1)[0]) * 3 // 2

    walked = walk(items(3), judge, budget_usd=2.0, budget_tokens=budget)

    assert isinstance(walked.error, BudgetExceeded)
    assert f"budget of {budget} tokens" in str(walked.error)
    assert len(judge.seen) == 1
    assert walked.reasons == ["over_budget"] * 2


def test_money_held_by_a_call_that_is_cancelled_as_it_waits_for_tokens_is_given_back(walk, model):
    async def bad(call, _):
        if "bad" in call.messages[-1].content:
            raise InputError("this item is bad")
        return Reply(text=YES, model="m", cost_usd=0.0, input_tokens=0, output_tokens=0)

    # Three samples of the bad item hold the money, of which one has the tokens; the other item needs it all.
    good = Item("2", "Hi", {"response": "good " * 1000})
    judge = model(bad)
    priced(judge, lambda n_in: 3.0 if n_in > 1000 else 1.0)
    recipe = Grading(Plan(RUBRIC, (judge,), samples=3))

    walked = walk(
        [Item("1", "Hi", {"response": "bad"}), good], judge, recipe=recipe,
        budget_usd=3.0, budget_tokens=tokens_of(judge, good),
    )  # fmt: skip

    assert str(walked.error) == "this item is bad"
    assert [judged.item.item_id for judged in walked.results] == ["2"]
    assert walked.labels == ["yes"] * 3
    assert (walked.left, walked.complaints) == (0, [])


def test_a_run_that_does_not_know_all_prices_does_not_know_what_it_cost(walk, model, items):
    async def one_price(_, n):
        return Reply(text=YES, model="m", cost_usd=0.25 if n == 1 else None)

    said = walk(items(3), model(one_price), concurrency=1).tally.summary()

    assert (said["cost_usd"], said["known_cost_usd"], said["unpriced_calls"]) == (None, 0.25, 2)


def test_a_run_that_knows_all_prices_sums_them(walk, model, items):
    said = walk(items(3), model()).tally.summary()

    assert (said["cost_usd"], said["known_cost_usd"], said["unpriced_calls"]) == (0.75, 0.75, 0)


def test_what_is_asked_again_goes_before_what_waits_for_the_budget_and_few_wait(walk, model, items):
    async def at_the_second_attempt(call, _):
        return Reply(text=YES if call.attempt > 1 else "Well.", model="m", cost_usd=0.0)

    judge = priced(model(at_the_second_attempt))  # a dollar is reserved for each call, so two are under way

    walked = walk(items(400), judge, budget_usd=2.0, concurrency=4)

    assert walked.labels == ["yes"] * 400
    item_of = [(call.item.item_id, call.attempt) for call in judge.seen]
    asked = {each: place for place, each in enumerate(item_of)}
    assert max(asked[str(n), 2] - asked[str(n), 1] for n in range(400)) < 8

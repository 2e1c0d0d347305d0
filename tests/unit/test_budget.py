import asyncio

import pytest

from judgekit.run.gate import Budget


def test_what_fits_is_reserved_at_once_and_what_was_spent_is_gone():
    async def spend():
        budget = Budget(10.0, "US dollars")
        assert await budget.reserve(6.0)
        budget.settle(6.0, 5.0)
        return budget.spent, budget.reserved, await budget.reserve(5.0), await budget.reserve(5.1)

    assert asyncio.run(spend()) == (5.0, 0.0, True, False)


def test_a_call_waits_while_only_reservations_stand_in_its_way():
    async def wait():
        budget = Budget(10.0, "US dollars")
        await budget.reserve(8.0)
        second = asyncio.create_task(budget.reserve(8.0))
        await asyncio.sleep(0)
        waiting = not second.done()
        budget.settle(8.0, 1.0)
        return waiting, await second

    assert asyncio.run(wait()) == (True, True)


def test_a_call_that_waits_is_refused_once_what_was_spent_leaves_too_little():
    async def wait():
        budget = Budget(10.0, "US dollars")
        await budget.reserve(8.0)
        second = asyncio.create_task(budget.reserve(8.0))
        await asyncio.sleep(0)
        budget.settle(8.0, 3.0)
        return await second

    assert asyncio.run(wait()) is False


def test_calls_get_their_share_in_the_order_in_which_they_came():
    async def order():
        budget = Budget(10.0, "US dollars")
        await budget.reserve(9.0)
        done: list[str] = []

        async def take(name: str, amount: float) -> None:
            await budget.reserve(amount)
            done.append(name)

        async with asyncio.TaskGroup() as group:
            for name, amount in (("large", 6.0), ("small", 1.0), ("medium", 3.0)):
                group.create_task(take(name, amount))
                await asyncio.sleep(0)
            small_waits_behind_large = not done
            budget.settle(9.0, 0.0)
        return small_waits_behind_large, done

    assert asyncio.run(order()) == (True, ["large", "small", "medium"])


def test_a_waiting_call_that_was_cancelled_is_passed_over():
    async def cancel():
        budget = Budget(10.0, "US dollars")
        await budget.reserve(9.0)
        gone, next_ = asyncio.create_task(budget.reserve(5.0)), asyncio.create_task(budget.reserve(5.0))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        budget.settle(9.0, 0.0)
        return await next_, budget.reserved

    assert asyncio.run(cancel()) == (True, 5.0)


def test_a_call_that_is_asked_again_goes_before_those_who_wait():
    async def order():
        budget = Budget(10.0, "US dollars")
        await budget.reserve(9.0)
        done: list[str] = []

        async def take(name: str, *, again: bool) -> None:
            await budget.reserve(6.0, again=again)
            done.append(name)
            await asyncio.sleep(0)
            budget.settle(6.0, 0.0)

        async with asyncio.TaskGroup() as group:
            for name in ("first", "second", "again"):
                group.create_task(take(name, again=name == "again"))
                await asyncio.sleep(0)
            waiting = budget.waiting
            budget.settle(9.0, 0.0)
        return waiting, done

    assert asyncio.run(order()) == (2, ["again", "first", "second"])


@pytest.mark.parametrize("spent", [0.0, 6.0])
def test_a_call_cancelled_just_as_it_gets_its_share_gives_it_back(spent: float):
    async def cancel():
        budget = Budget(10.0, "US dollars")
        await budget.reserve(9.0)
        gone, next_ = asyncio.create_task(budget.reserve(5.0)), asyncio.create_task(budget.reserve(3.0))
        await asyncio.sleep(0)
        budget.settle(9.0, spent)  # 5 of 10 are granted, of 4 they are refused
        gone.cancel()  # which it has not woken up to see
        assert await next_
        budget.settle(3.0, 0.0)
        return budget.reserved, await asyncio.wait_for(budget.reserve(10.0 - spent), 0.3)

    assert asyncio.run(cancel()) == (0.0, True)


def test_a_residue_of_float_sums_is_not_waited_for():
    async def drift():
        budget = Budget(1.0, "US dollars")
        for _ in range(3):
            await budget.reserve(0.1)
        for _ in range(3):
            budget.settle(0.1, 0.0)
        return budget.reserved, await asyncio.wait_for(budget.reserve(1.0), 1.0)

    assert asyncio.run(drift()) == (0.0, True)


def test_without_a_limit_everything_fits():
    assert asyncio.run(Budget(None, "tokens").reserve(1e12))


@pytest.mark.parametrize(("most", "said"), [(0.5, "0.5 US dollars"), (2_000_000, "2000000 US dollars")])
def test_the_message_says_how_much_there_was_and_what_is_spent(most: float, said: str):
    budget = Budget(most, "US dollars")
    budget.settle(0.0, 0.25)

    assert said in budget.message()
    assert "0.25 spent" in budget.message()

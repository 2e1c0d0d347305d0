import math
import random
from collections import Counter

import pytest

from judgekit.judges.routes import BOUND, FAILURES, OUT_SECONDS, Routes

ADDRESSES = [f"http://s{i}/v1" for i in range(4)]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def own(routes: Routes, tag: str) -> int:
    """The server of a tag while nothing is in flight."""
    place = routes.take(tag)
    assert place is not None
    routes.left(place)
    return place


def test_what_begins_alike_goes_to_one_server_and_tags_are_spread_evenly():
    routes = Routes(ADDRESSES)
    places = {f"tag{i}": own(routes, f"tag{i}") for i in range(2000)}

    assert all(own(routes, tag) == place for tag, place in list(places.items())[:100])
    assert all(400 < n < 600 for n in Counter(places.values()).values())


def test_a_server_that_comes_takes_only_its_own_share():
    fewer, more = Routes(ADDRESSES[:3]), Routes(ADDRESSES)
    places = [(own(fewer, f"tag{i}"), own(more, f"tag{i}")) for i in range(1000)]

    assert {after for before, after in places if before != after} == {3}


@pytest.mark.parametrize("n", [2, 3, 4])
def test_no_server_ever_takes_a_call_above_the_bound(n: int):
    draws = random.Random(n)  # noqa: S311 - a seed
    routes = Routes(ADDRESSES[:n])
    flying: list[int] = []
    for _ in range(3000):
        if flying and (len(flying) >= 64 or draws.random() < 0.3):
            routes.left(flying.pop(draws.randrange(len(flying))))
        tag = f"tag{draws.randrange(5)}"  # a few items, so that the hash alone would heap them up
        place = routes.take(tag)
        assert place is not None
        flying.append(place)
        load = routes.servers[place].in_flight
        assert load <= math.ceil(BOUND * len(flying) / n)

    assert max(Counter(flying).values()) > len(flying) / n  # it is not simply even


def test_five_failures_in_a_row_take_a_server_out_and_each_time_for_twice_as_long():
    clock = Clock()
    routes = Routes(ADDRESSES[:2], clock=clock)
    first = own(routes, "tag")
    for _ in range(FAILURES - 1):
        routes.failed(first)
    routes.answered(first)
    for _ in range(FAILURES - 1):
        routes.failed(first)
    assert own(routes, "tag") == first  # never five in a row

    for seconds in (OUT_SECONDS, 2 * OUT_SECONDS, 4 * OUT_SECONDS):
        routes.failed(first)
        routes.failed(first)  # what was in flight there meanwhile makes it no longer
        assert own(routes, "tag") != first
        clock.now += seconds - 1
        assert own(routes, "tag") != first
        clock.now += 1
        assert own(routes, "tag") == first

    routes.answered(first)
    for _ in range(FAILURES):
        routes.failed(first)
    clock.now += OUT_SECONDS
    assert own(routes, "tag") == first


def test_a_call_goes_on_to_servers_that_are_in_and_where_all_are_out_to_its_own():
    routes = Routes(ADDRESSES[:3], clock=Clock())
    first = own(routes, "tag")
    second = routes.take("tag", (first,))
    assert second not in {None, first}
    assert routes.take("tag", (0, 1, 2)) is None

    for place in range(3):
        for _ in range(FAILURES):
            routes.failed(place)
    assert routes.take("tag") == first
    assert routes.take("tag", (first,)) is None

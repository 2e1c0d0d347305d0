"""Planted errors: the texts of the house, and judges that see the errors or do not."""

import re
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.items import read_items
from judgekit.probes.planted import FLAWED, SOUND, TWINS
from judgekit.types import Call

ITEMS = list(read_items(TWINS))


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.item_id)
def test_twins_are_short_and_differ_by_the_planted_error_alone(item: Any) -> None:
    sound, flawed = (str(item.responses[each]) for each in (SOUND, FLAWED))
    before, planted, after = flawed.partition(item.tags["planted"])

    assert 60 <= len(sound.split()) <= 150
    assert planted
    assert planted not in sound
    assert sound.startswith(before)
    assert sound.endswith(after)
    assert abs(len(sound) - len(flawed)) <= 12
    assert item.tags["kind"] in {"fact", "sum", "contradiction", "inference"}


def test_neither_place_nor_length_gives_the_error_away() -> None:
    first = [next(iter(item.responses)) == FLAWED for item in ITEMS]
    longer = [len(item.responses[FLAWED]) > len(item.responses[SOUND]) for item in ITEMS]
    shorter = [len(item.responses[FLAWED]) < len(item.responses[SOUND]) for item in ITEMS]

    assert len(ITEMS) >= 45
    assert sum(first) == len(ITEMS) / 2
    assert sum(longer) <= len(ITEMS) / 2
    assert sum(shorter) <= len(ITEMS) / 2


def sees(text: str) -> bool:
    """Tell whether a text has an error, as one knows who planted them."""
    return any(item.tags["planted"] in text for item in ITEMS)


def clear_sighted(call: Call) -> Any:
    if call.item is not None and len(call.shown) == 2:
        flawed = [sees(str(call.item.responses[name])) for name in call.shown]
        return "AB"[flawed.index(False)]
    [name] = call.shown
    return not sees(str(call.item.responses[name])) or call.asks[0][1] == "answers"  # type: ignore[union-attr]


def probed(answer: Any, **options: Any) -> Any:
    [shift] = jk.probe(
        judges=jk.Scripted("judge", answer), only=["planted"], ledger=None, progress=False, **options
    ).shifts
    return shift


@pytest.mark.parametrize("protocol", ["grade", "compare"])
def test_a_judge_that_sees_the_errors_has_no_fault_and_one_that_does_not_has_one(protocol: Any) -> None:
    seen = probed(clear_sighted, protocol=protocol)
    blind = probed(lambda call: "tie" if len(call.shown) == 2 else True, protocol=protocol)

    assert (seen.state, seen.n, seen.failed.value) == ("held", 48, 0)
    assert (blind.state, blind.failed.value) == ("fault", 1)
    assert "overlooks planted errors" in blind.says
    assert {each.name: each.value for each in seen.more}["detected"] == 1
    assert {each.name: each.value for each in blind.more}["detected"] == 0


def test_the_conservative_vote_finds_what_one_sample_in_three_finds_at_the_price_of_false_alarms() -> None:
    def now_and_then(call: Call) -> bool:
        if call.asks[0][1] == "answers":
            return True
        [name] = call.shown
        return not (call.sample == 1 and (name == FLAWED or call.item.item_id == "bread"))  # type: ignore[union-attr]

    shift = probed(now_and_then, samples=3)

    numbers = {each.name: each.value for each in shift.more}
    assert numbers["detected"] == numbers["false_alarms"] == 0
    assert numbers["detected_conservative"] == 1
    assert numbers["false_alarms_conservative"] == pytest.approx(1 / 48)


def test_without_twins_the_probe_is_left_out_by_name() -> None:
    rows = [{"id": "1", "task": "t", "response": "r"}]

    found = jk.probe(rows, "support_reply", lambda _: True, only=["planted"], ledger=None)

    assert re.search("sound and a flawed", found.left_out["planted"])


def test_the_bundled_items_are_in_the_package() -> None:
    assert TWINS.is_file()
    assert TWINS.parent == Path(jk.__file__).parent / "probes"

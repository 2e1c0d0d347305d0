"""Records that hold rows are printed on a line, with counts."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

import judgekit
from judgekit.rewards.core.records import Batch, Reward
from judgekit.types import Score, Unit, Verdict, brief
from judgekit.verbs import Run

_ROWS = re.compile(
    r"(?:tuple|list|Sequence|Mapping)\[.*\b(?:Verdict|Outcome|Score|Reward|Unit|Question|Rubric|Change|Kept)\b"
)
_FEW = {"Call"}  # what is asked in one call


def records() -> Iterator[type]:
    for found in pkgutil.walk_packages(judgekit.__path__, "judgekit."):
        if re.search(r"\.(?:verbs|rewards|ledger|review|rubric|types)\b", found.name) and not re.search(
            r"plugin|serving|trl|verl|art$|nemo", found.name
        ):
            for each in vars(importlib.import_module(found.name)).values():
                if isinstance(each, type) and is_dataclass(each) and each.__module__ == found.name:
                    yield each


def test_a_run_of_many_rows_is_one_short_line():
    units = [Unit(str(n), ("a",)) for n in range(5_000)]
    scores = tuple(Score(unit, "criterion", "polite", 1.0, "placed") for unit in units)
    verdicts = tuple(Verdict("j", unit, "polite", (("yes", 1.0),), "yes", 1.0) for unit in units)

    shown = repr(Run(scores, verdicts, {"items": 5_000, "judges": {}, "notes": {}, "calls": 5_000}))

    assert shown == "Run(scores=<5,000>, outcomes=<5,000>, summary=<4>, calls=(), item_tags={})"


def test_a_batch_of_rewards_is_one_short_line():
    rewards = {("g", str(n)): Reward("g", str(n), 1.0) for n in range(5_000)}

    assert len(repr(Batch(rewards, {}))) < 200


def test_every_record_that_holds_rows_is_printed_so():
    holding = {
        each
        for each in records()
        if any(_ROWS.search(str(one.type)) for one in fields(each)) and each.__name__ not in _FEW
    }

    assert {each.__name__ for each in holding} >= {"Run", "Batch", "Judged", "Labels", "Imported", "Sheet"}
    assert {each.__name__ for each in holding if each.__repr__ is not brief} == set()


@pytest.mark.parametrize("n", [0, 3])
def test_what_is_short_is_shown_as_it_is(n: int):
    assert f"scores={tuple(range(n))!r}" in repr(Run(tuple(range(n)), (), {}))  # type: ignore[arg-type]

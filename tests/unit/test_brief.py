"""Records that hold rows are printed on a line, with counts."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

import judgekit
from judgekit.rewards.core.records import Batch, Reward
from judgekit.types import Abstention, Item, Judged, Score, Unit, Verdict, brief
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

    lost = tuple(Abstention("j", unit, "polite", "refused") for unit in units[:1])

    shown = repr(Run(scores, (*verdicts, *lost), {"items": 5_000}))

    counts = "5000 items, 0 calls, 5000 verdicts, 1 abstention (1 refused)"
    assert shown == f"<Run: {counts}, mean score 1.000 of 5000>"
    assert repr(Run((), (), {"stopped": "budget"})).endswith("0 abstentions, stopped early>")


def test_a_batch_of_rewards_is_one_short_line():
    rewards = {("g", str(n)): Reward("g", str(n), 1.0) for n in range(5_000)}

    assert len(repr(Batch(rewards, {}))) < 200


def test_every_record_that_holds_rows_is_printed_so():
    holding = {
        each
        for each in records()
        if any(_ROWS.search(str(one.type)) for one in fields(each)) and each.__name__ not in _FEW
    }

    holding.remove(Run)
    assert {each.__name__ for each in holding} >= {"Batch", "Judged", "Labels", "Imported", "Sheet"}
    assert {each.__name__ for each in holding if each.__repr__ is not brief} == set()


@pytest.mark.parametrize("n", [0, 3])
def test_what_is_short_is_shown_as_it_is(n: int):
    assert f"outcomes={tuple(range(n))!r}" in repr(Judged(Item("1"), tuple(range(n))))  # type: ignore[arg-type]

"""Two ledgers, and the outcomes of two runs, held against each other."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judgekit.errors import InputError
from judgekit.ledger import Ledger, key_of
from judgekit.ledger.compare import Change, Place, diff
from judgekit.table import json_line, outcome_row
from judgekit.types import Abstention, Call, Message, Outcome, Reply, Unit, Verdict

WHO = {"model": "m"}


def call_of(n: int) -> Call:
    call = Call("j", (), "grade", (Message("user", f"Is {n} kind?"),))
    return replace(call, key=key_of(WHO, call))


def kept(path: Path, replies: Sequence[tuple[int, Reply]]) -> Path:
    async def work() -> None:
        with Ledger(path) as ledger:
            for n, reply in replies:
                ledger.put(call_of(n), WHO, reply)

    asyncio.run(work())
    return path


def test_two_ledgers_are_compared_by_key(tmp_path: Path):
    a = kept(tmp_path / "a", [*enumerate(map(Reply, "abc")), (3, Reply(logprobs=(("A", -1.0),)))])
    b = kept(tmp_path / "b", [(n, Reply(text)) for n, text in ((1, "b"), (2, "C"), (3, ""), (4, ""))])

    found = diff(a, b)

    assert (found.same, found.only_a, found.only_b) == (1, (call_of(0).key,), (call_of(4).key,))
    assert dict(found.changed) == {call_of(2).key: ("text",), call_of(3).key: ("logprobs",)}
    assert diff(a, a).equal


def saved(folder: Path, *outcomes: Outcome) -> Path:
    folder.mkdir()
    (folder / "outcomes.jsonl").write_bytes(b"".join(json_line(outcome_row(each)) for each in outcomes))
    return folder


def test_two_runs_are_compared_by_what_was_judged(tmp_path: Path):
    def said(n: int, label: str, value: float) -> Verdict:
        return Verdict(
            "j", Unit(str(n), ("a",)), "kind", ((label, 1.0),), label, value, rationale=str(tmp_path)
        )

    def failed(n: int, reason: Any) -> Abstention:
        return Abstention("j", Unit(str(n), ("a",)), "kind", reason)

    a = saved(
        tmp_path / "a", said(0, "yes", 1.0), said(1, "yes", 1.0), said(2, "yes", 0.75), said(3, "no", 0.0),
        failed(4, "malformed"), failed(5, "refused"), said(6, "no", 0.0), said(8, "no", 0.0),
        said(8, "no", 0.0),
    )  # fmt: skip
    b = saved(
        tmp_path / "b", said(0, "yes", 1.0), said(1, "no", 0.0), said(2, "yes", 0.5), failed(3, "refused"),
        said(4, "no", 0.0), failed(5, "truncated"), said(7, "no", 0.0), said(8, "no", 0.0),
        said(8, "yes", 1.0),
    )  # fmt: skip

    found = diff(a, b / "outcomes.jsonl")

    assert found.same == 2
    assert ([p.item_id for p in found.only_a], [p.item_id for p in found.only_b]) == (["6"], ["7"])
    assert [(c.place.item_id, c.what, c.before, c.after) for c in found.changed] == [
        ("1", "label", "yes", "no"), ("2", "value", 0.75, 0.5),
        ("3", "verdict to abstention", "no", "refused"), ("4", "abstention to verdict", "malformed", "no"),
        ("5", "reason", "refused", "truncated"), ("8", "label", "no", "yes"),
    ]  # fmt: skip
    assert found.changed[0] == Change(Place("1", ("a",), "", "kind", "j", 0, (), 0), "label", "yes", "no")
    assert diff(a, a).equal


def test_the_order_of_rows_does_not_matter_and_what_was_shown_does(tmp_path: Path):
    one, other = (
        Abstention("j", Unit("1", ("a", "b")), "kind", "refused", shown=s) for s in (("a", "b"), ("b", "a"))
    )
    a, b = saved(tmp_path / "a", one, other), saved(tmp_path / "b", other, one)

    assert diff(a, b).equal
    assert not diff(a, saved(tmp_path / "c", one, one)).equal


def test_what_cannot_be_compared_is_refused(tmp_path: Path):
    ledger, run = kept(tmp_path / "l", []), saved(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    bad = tmp_path / "bad.jsonl"

    with pytest.raises(InputError, match="a ledger and a run"):
        diff(ledger, run)
    with pytest.raises(InputError, match="no run is kept there"):
        diff(run, tmp_path / "empty")
    with pytest.raises(InputError, match="none: cannot be read"):
        diff(run, tmp_path / "none")
    for line, message in (
        ("{", ":1: is not JSON"),
        ("[]", ":1: is no row"),
        ('{"item_id": 1}', ":1: is no row"),
    ):
        bad.write_text(line, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            diff(run, bad)

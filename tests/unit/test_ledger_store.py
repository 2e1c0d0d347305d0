"""Replies in and out of the file; what is not kept, not opened, not to be written."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judgekit.errors import InputError
from judgekit.ledger import Ledger, default_path, key_of
from judgekit.ledger.store import BATCH, FLUSH_SECONDS
from judgekit.ledger.tools import overview, rows
from judgekit.types import Call, Message, Reply

WHO = {"model": "m"}
FULL = Reply(
    text='{"label": "yes"}', fault="truncated", detail="length", logprobs=(("A", -0.25), ("B", -1.5)),
    probs=(("yes", 0.75), ("no", 0.25)), model="m-2026", fingerprint="fp", input_tokens=700, output_tokens=8,
    cost_usd=0.00078, seconds=0.25, tries=3,
)  # fmt: skip


def call_of(n: int = 0, **more: Any) -> Call:
    call = Call("j", (), "grade", (Message("user", f"Is {n} kind?"),), **more)
    return replace(call, key=key_of(WHO, call))


def within(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


def keep(path: Path, *replies: Reply, **options: Any) -> list[str]:
    """Keep replies to the calls 0, 1, ... and close; their keys."""

    async def kept() -> list[str]:
        with Ledger(path, **options) as ledger:
            for n, reply in enumerate(replies):
                ledger.put(call_of(n), WHO, reply)
        return [call_of(n).key for n in range(len(replies))]

    return within(kept)


def count(path: Path, what: str = "*") -> int:
    """Rows in the file, as another process sees them."""
    db = sqlite3.connect(path)
    try:
        return db.execute(f"SELECT count({what}) FROM replies").fetchone()[0]  # noqa: S608 - a column's name
    finally:
        db.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(),
        FULL,
        Reply("a\x00b \u2028 \U0001f600 e\u0301 \r\n"),
        Reply("half a pair: \ud83d", detail="\udc00", model="\ud800", fingerprint="\udfff"),
        Reply(logprobs=(("A", float("-inf")), ("\ud83d", -1e-300), ("B", float("inf")))),
        Reply("x" * 3_000_000),
        Reply(input_tokens=0, output_tokens=0, cost_usd=0.0, seconds=0.0),
        Reply(input_tokens=2**63 - 1),
    ],
    ids=lambda reply: repr(reply)[:40],
)
def test_a_reply_comes_back_as_it_was(tmp_path: Path, reply: Reply):
    [key] = keep(tmp_path / "l", reply)

    with Ledger(tmp_path / "l") as ledger:
        assert ledger.get([key, "k2:other"]) == {key: reply}


def test_a_count_that_is_no_count_is_unknown_and_holds_nothing_up(tmp_path: Path):
    keys = keep(tmp_path / "l", Reply(input_tokens=2**70, output_tokens=-(2**70)), FULL)

    with Ledger(tmp_path / "l") as ledger:
        assert list(ledger.get(keys).values()) == [Reply(), FULL]


def test_a_reply_is_served_before_it_is_written(tmp_path: Path):
    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            ledger.put(call_of(), WHO, FULL)
            assert ledger.get([call_of().key]) == {call_of().key: FULL}
            assert count(tmp_path / "l") == 0

    within(work)


@pytest.mark.parametrize("fault", ["missing", "unreachable", "over_budget", "cancelled"])
def test_what_was_not_paid_for_is_not_kept(tmp_path: Path, fault: Any):
    keep(tmp_path / "l", Reply(fault=fault), Reply(fault="refused"))

    assert count(tmp_path / "l") == 1


def test_the_first_reply_stays_unless_it_is_asked_anew(tmp_path: Path):
    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            for text, again in (("one", False), ("two", False), ("three", True), ("four", True)):
                ledger.put(call_of(), WHO, Reply(text), again=again)
            ledger.flush()
            assert ledger.get([call_of().key])[call_of().key].text == "four"
            found = ledger.db.execute("SELECT edition, text FROM replies ORDER BY edition").fetchall()
            assert found == [(0, "one"), (1, "three"), (2, "four")]

    within(work)


def test_an_edition_follows_the_last_even_where_older_ones_are_gone(tmp_path: Path):
    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            for again in (False, True, True):
                ledger.put(call_of(), WHO, Reply("old"), again=again)
            ledger.flush()
            with ledger.db:
                ledger.db.execute("DELETE FROM replies WHERE edition < 2")
            ledger.put(call_of(), WHO, Reply("new"), again=True)
            ledger.flush()
            assert ledger.get([call_of().key])[call_of().key].text == "new"

    within(work)


def test_a_full_batch_is_written_at_once_and_less_in_half_a_second(tmp_path: Path):
    async def work() -> None:
        with Ledger(tmp_path / "l") as ledger:
            for n in range(BATCH + 1):
                ledger.put(call_of(n), WHO, FULL)
            assert count(tmp_path / "l") == BATCH
            await asyncio.sleep(2 * FLUSH_SECONDS)
            assert count(tmp_path / "l") == BATCH + 1

    within(work)


def test_many_keys_are_looked_up_together(tmp_path: Path):
    keys = keep(tmp_path / "l", *(Reply(str(n)) for n in range(1201)))

    with Ledger(tmp_path / "l") as ledger:
        found = ledger.get(iter([*keys, "k2:none"]))
    assert [found[key].text for key in keys] == [str(n) for n in range(1201)]


@pytest.mark.parametrize(
    "damage", ["logprobs = 'oops'", "probs = '[1]'", "probs = '{\"probs\": 1}'", "text = x'ff'"]
)
def test_a_damaged_reply_is_an_error_that_names_the_file_and_the_key(damage: str, tmp_path: Path):
    path = tmp_path / "l.sqlite"
    _, key = keep(path, Reply("a"), Reply("b"))
    made(path, f"UPDATE replies SET {damage} WHERE id = 2")  # noqa: S608 - ours
    said = (
        f"{path}: reply {key} was altered, its digest is not that of what it holds; `judgekit ledger verify "
        f"--ledger {path}` lists what is damaged, `judgekit ledger recover NEW --ledger {path}` copies what "
        "is whole to a new file"
    )

    with Ledger(path) as ledger:
        with pytest.raises(InputError) as served:
            ledger.get([key])
        with pytest.raises(InputError) as shown:
            list(rows(ledger))

    assert (str(served.value), str(shown.value)) == (said, said)


def test_without_prompts_nothing_that_was_asked_is_in_the_file(tmp_path: Path):
    keep(tmp_path / "with", FULL)
    [key] = keep(tmp_path / "without", FULL, prompts=False)

    assert b"Is 0 kind?" in (tmp_path / "with").read_bytes()
    assert b"Is 0 kind?" not in (tmp_path / "without").read_bytes()
    with Ledger(tmp_path / "without") as ledger:
        assert ledger.get([key]) == {key: FULL}


def test_facts_gather(tmp_path: Path):
    with Ledger(tmp_path / "l") as ledger, Ledger(tmp_path / "l") as other:
        ledger.learn("refused", {"seed"})
        other.learn("refused", {"top_p", "seed"})

        assert ledger.facts("refused") == {"seed", "top_p"}
        assert ledger.facts("another") == frozenset()


@pytest.mark.parametrize("value", ["oops", "7"])
def test_a_damaged_fact_is_an_error_that_names_the_file_and_the_fact(value: str, tmp_path: Path):
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        ledger.learn("refused m", ["seed"])
    made(path, f"UPDATE facts SET value = '{value}'")  # noqa: S608 - ours

    with Ledger(path) as ledger:
        for look in (lambda: ledger.facts("refused m"), lambda: overview(ledger)):
            with pytest.raises(InputError) as said:
                look()
            assert str(said.value).startswith(f"{path}: fact 'refused m' was altered, its digest")


def test_only_its_owner_may_read_it(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "l"
    with Ledger(path) as ledger:
        ledger.learn("a", ["b"])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == {"l": 0o600, "l-wal": 0o600, "l-shm": 0o600}


def test_once_closed_one_file_holds_everything(tmp_path: Path):
    keep(tmp_path / "l", FULL)

    assert [file.name for file in tmp_path.iterdir()] == ["l"]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JUDGEKIT_LEDGER", raising=False)
    assert default_path() == Path(".judgekit/ledger.sqlite")

    monkeypatch.setenv("JUDGEKIT_LEDGER", "/else/where")
    assert default_path() == Path("/else/where")


def made(path: Path, *statements: str) -> Path:
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()
    return path


def test_a_newer_version_is_refused(tmp_path: Path):
    keep(tmp_path / "l", FULL)
    made(tmp_path / "l", "PRAGMA user_version = 3")

    with pytest.raises(InputError, match=r"l: a ledger of version 3; this judgekit reads up to 2"):
        Ledger(tmp_path / "l")


def test_what_is_no_ledger_is_refused_and_not_touched(tmp_path: Path):
    text = tmp_path / "text"
    text.write_text("no SQLite file at all, but long enough to be taken for a broken one", encoding="utf-8")
    other = made(tmp_path / "other", "CREATE TABLE moz_places (id)", "PRAGMA user_version = 1")
    alike = made(tmp_path / "alike", "CREATE TABLE replies (id)", "PRAGMA user_version = 1")
    before = [file.read_bytes() for file in (text, other, alike)]

    for path, message in ((text, "not a ledger"), (other, "something else, not"), (alike, "no ledger's")):
        with pytest.raises(InputError, match=message):
            Ledger(path)
    assert [file.read_bytes() for file in (text, other, alike)] == before


def test_what_cannot_be_opened_is_said(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match="cannot be opened"):
        Ledger(tmp_path)
    with pytest.raises(InputError, match="cannot be reached or made"):
        Ledger(tmp_path / "file" / "l")
    for options in ({"create": False}, {"read_only": True}):
        with pytest.raises(InputError, match="no such ledger"):
            Ledger(tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()


def test_an_empty_file_is_filled_as_a_killed_process_may_have_left_it(tmp_path: Path):
    (tmp_path / "l").touch()
    [key] = keep(tmp_path / "l", FULL)

    with Ledger(tmp_path / "l", read_only=True) as ledger:
        assert ledger.get([key]) == {key: FULL}


def test_a_reader_sees_what_another_has_written_and_writes_nothing(tmp_path: Path):
    [key] = keep(tmp_path / "l", FULL)

    with Ledger(tmp_path / "l", read_only=True) as reader:
        assert reader.get([key]) == {key: FULL}
        keep(tmp_path / "l", FULL, FULL)
        assert len(reader.get([key, call_of(1).key])) == 2
        with pytest.raises(InputError, match="could not be written"):
            reader.learn("a", ["b"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_ledger_in_a_folder_that_cannot_be_written_is_read(tmp_path: Path):
    [key] = keep(tmp_path / "l", FULL)
    tmp_path.chmod(0o500)
    try:
        with Ledger(tmp_path / "l", read_only=True) as ledger:
            assert ledger.get([key]) == {key: FULL}
        with pytest.raises(InputError):
            Ledger(tmp_path / "l")
    finally:
        tmp_path.chmod(0o700)


def test_a_failed_timed_flush_keeps_the_replies_and_is_told_at_the_next_chance(tmp_path: Path):
    async def work() -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        with Ledger(tmp_path / "l") as ledger:
            ledger.db.execute("PRAGMA query_only = ON")  # as good as a full disk
            ledger.put(call_of(0), WHO, FULL)
            await asyncio.sleep(2 * FLUSH_SECONDS)
            with pytest.raises(InputError, match=r"l: 2 replies could not be written \(attempt to write"):
                ledger.put(call_of(1), WHO, FULL)
            with pytest.raises(InputError, match="2 replies could not be written"):
                ledger.flush()
            assert len(ledger.get([call_of(0).key, call_of(1).key])) == 2

            ledger.db.execute("PRAGMA query_only = OFF")  # room again
            ledger.put(call_of(2), WHO, FULL)
            assert count(tmp_path / "l") == 3
        return said

    assert within(work) == []


def test_closing_tells_of_what_could_not_be_written_and_closes(tmp_path: Path):
    async def work() -> None:
        ledger = Ledger(tmp_path / "l")
        ledger.db.execute("PRAGMA query_only = ON")
        ledger.put(call_of(), WHO, FULL)
        with pytest.raises(InputError, match="1 reply could not be written"):
            ledger.close()
        with pytest.raises(sqlite3.ProgrammingError):
            ledger.db.execute("SELECT 1")

    within(work)

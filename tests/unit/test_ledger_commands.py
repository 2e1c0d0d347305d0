"""`judgekit ledger`: what it prints, and its exit codes."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from judgekit.cli.ledger import app
from judgekit.errors import InputError
from judgekit.ledger import Ledger, key_of
from judgekit.types import Call, Message, Reply

WHO = {"model": "m"}
ODD = Reply("half a pair \ud83d \x1b[31m[bold]red[/bold]", "truncated", detail="length", cost_usd=0.25)


def call_of(n: int) -> Call:
    call = Call("j", (), "grade", (Message("user", f"Is {n} kind?"),))
    return replace(call, key=key_of(WHO, call))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of two replies, the one that commands find by themselves."""
    path = tmp_path / "l.sqlite"

    async def work() -> None:
        with Ledger(path) as opened:
            opened.put(call_of(0), WHO, Reply("yes", model="m-1"))
            opened.put(call_of(1), WHO, ODD)

    asyncio.run(work())
    monkeypatch.setenv("JUDGEKIT_LEDGER", str(path))
    return path


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_show_tells_what_there_is(ledger: Path):
    code, said = run("show")

    assert code == 0
    for words in (str(ledger), "replies", "0.2500 and 1 of unknown price", "m-1", "truncated"):
        assert words in said
    assert json.loads(run("show", "--json", "--ledger", ledger)[1])["replies"] == 2


@pytest.mark.usefixtures("ledger")
def test_a_reply_is_shown_with_what_was_asked_and_cannot_steer_the_terminal():
    _, said = run("show", call_of(1).key[:20])

    assert "--- user\nIs 1 kind?\n--- reply\nhalf a pair \\ud83d \\x1b[31m[bold]red[/bold]\n" in said
    assert "\x1b" not in said
    assert json.loads(run("show", call_of(1).key, "--json")[1])["text"] == ODD.text


@pytest.mark.usefixtures("ledger")
def test_replies_are_listed():
    _, said = run("show", "--fault", "truncated")

    assert call_of(1).key[:15] in said
    assert call_of(0).key[:15] not in said
    assert [json.loads(line)["fault"] for line in run("show", "--judge", "j", "--json")[1].splitlines()] == [
        None,
        "truncated",
    ]
    with pytest.raises(InputError, match="a KEY names one reply"):
        run("show", "k2:00", "--limit", "1")


def test_verify_leaves_with_1_if_something_is_wrong(ledger: Path):
    assert run("verify") == (0, "2 replies, nothing wrong\n")

    with Ledger(ledger) as opened, opened.db:
        opened.db.execute("UPDATE replies SET tries = -1 WHERE id = 1")
    code, said = run("verify")

    assert code == 1
    assert "tries is -1, not a number from 0\nproblems found: 2\n" in said
    assert len(json.loads(run("verify", "--json")[1])["problems"]) == 2


def test_a_ledger_is_exported_and_made_smaller(ledger: Path, tmp_path: Path):
    assert run("export", tmp_path / "out.jsonl") == (0, f"2 replies -> {tmp_path}/out.jsonl\n")
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 2

    assert run("compact", "--drop-prompts", "--drop-old-editions")[0] == 0
    assert b"Is 0 kind?" not in ledger.read_bytes()


def test_a_file_that_cannot_be_written_is_said(ledger: Path, tmp_path: Path):
    with pytest.raises(InputError, match="cannot be written"):
        run("export", ledger / "out.jsonl")
    with pytest.raises(InputError, match="cannot be written"):
        run("export", tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["l.sqlite"]


def test_diff_leaves_with_1_if_they_differ(ledger: Path, tmp_path: Path):
    with Ledger(tmp_path / "empty"):
        pass

    code, said = run("diff", ledger, tmp_path / "empty", "--limit", "1")

    assert code == 1
    assert "only in A (1 of 2)" in said
    assert run("diff", ledger, ledger)[0] == 0
    assert json.loads(run("diff", ledger, ledger, "--json")[1])["equal"]


def test_a_missing_ledger_is_never_made(tmp_path: Path):
    for command in ("show", "verify", "compact"):
        with pytest.raises(InputError, match="no such ledger"):
            run(command, "--ledger", tmp_path / "none")
    assert list(tmp_path.iterdir()) == []

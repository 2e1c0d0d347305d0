"""How far long work is: when a line is due, what it says, and that it is never in the way."""

import asyncio
import io
import json
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.terminal import progress
from judgekit.terminal.progress import Progress

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """A judge that takes its time."""

    name = "slow"

    @property
    def identity(self) -> dict:
        return {}

    async def __call__(self, _) -> jk.Reply:
        await asyncio.sleep(0.03)
        return jk.Reply('{"label": "yes"}')


def shown(stream: io.StringIO, seconds: int, *, total: int | None = 10_000) -> list[tuple[int, str]]:
    """What work of one item a second shows: the second, and what was written in it."""
    clock, told = Clock(), []
    with Progress("scoring", "item", total=total, clock=clock, stream=stream) as going:
        for second in range(seconds + 1):
            clock.now, before = second, len(stream.getvalue())
            going.at(second, note=f"${second / 100:.2f}")
            if len(stream.getvalue()) > before:
                told.append((second, stream.getvalue()[before:]))
    return told


def items(n: int) -> list[dict]:
    return [{"id": str(i), "task": "Hi", "response": "Hello"} for i in range(n)]


@pytest.mark.parametrize(("stream", "seconds"), [(io.StringIO, 4), (Terminal, 1)])
def test_nothing_is_shown_of_what_ends_soon(stream: Callable[[], io.StringIO], seconds: int):
    made = stream()
    shown(made, seconds)

    assert made.getvalue() == ""


@pytest.mark.parametrize(("said", "lines"), [("no", False), ("yes", True)])
def test_the_environment_may_ask_for_silence(said: str, lines: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUDGEKIT_PROGRESS", said)

    assert bool(shown(io.StringIO(), 60)) is lines


def test_elsewhere_there_is_a_line_every_few_seconds_and_rarer_the_longer_it_takes():
    seconds = [second for second, _ in shown(io.StringIO(), 5000)]
    gaps = [b - a for a, b in pairwise(seconds)]

    assert seconds[:4] == [5, 10, 15, 20]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 60


def test_a_line_says_how_many_of_how_many_how_fast_and_how_long_it_will_take():
    told = dict(shown(io.StringIO(), 15, total=60))

    assert told[10] == "scoring: 10 of 60 items, 1.0 items/s, $0.10, about 50 s left\n"


def test_without_a_total_a_line_does_not_guess_the_time_left():
    assert dict(shown(io.StringIO(), 5, total=None))[5] == "scoring: 5 items, 1.0 items/s, $0.05\n"


def test_the_rate_is_that_of_late_so_that_what_a_ledger_answered_at_once_promises_nothing():
    clock, stream = Clock(), io.StringIO()
    with Progress("scoring", "item", total=1000, clock=clock, stream=stream) as going:
        for second in range(61):
            clock.now = second
            going.at(500 + second)

    assert "560 of 1000 items, 1.0 items/s, about 7 min left" in stream.getvalue()


def test_the_last_line_says_what_was_done_in_what_time():
    stream = io.StringIO()
    shown(stream, 12)

    assert stream.getvalue().splitlines()[-1] == "scoring: 12 of 10000 items in 12 s, $0.12"


def test_on_a_terminal_a_bar_is_drawn_and_taken_away():
    stream = Terminal()
    told = shown(stream, 6, total=8)

    assert [second for second, _ in told] == [2, 3, 4, 5, 6]
    assert "3/8" in told[1][1]
    assert "1.0 items/s, $0.03, about 5 s left" in told[1][1]
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K")


def test_a_terminal_that_cannot_draw_gets_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "dumb")

    assert [second for second, text in shown(Terminal(), 12) if text.startswith("scoring: ")] == [5, 10]


def test_what_others_tell_meanwhile_stands_above_the_bar_and_is_plain(monkeypatch: pytest.MonkeyPatch):
    stream, clock, before = Terminal(), Clock(), sys.stdout
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress("scoring", "item", total=8, clock=clock) as going:
        clock.now = 3
        going.at(3)
        assert sys.stdout is before
        sys.stderr.write("a note\x1b[2J\nbegun")
        clock.now = 4
        going.at(4)

    assert sys.stderr is stream
    assert "\x1b[2Ka note\\x1b[2J\n" in stream.getvalue()
    assert stream.getvalue().endswith("begun")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_note_is_shown_and_not_obeyed(stream: Callable[[], io.StringIO]):
    made, clock = stream(), Clock()
    with Progress("[red]scoring", "item", total=8, clock=clock, stream=made) as going:
        clock.now = 6
        going.at(3, note="[bold]a\x1b]0;owned\x07\u202eb\nc[/bold]")

    assert r"[bold]a\x1b]0;owned\x07\u202eb\nc[/bold]" in made.getvalue()
    assert "[red]scoring" in made.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_stream_that_is_closed_ends_the_showing_and_not_the_work(stream: Callable[[], io.StringIO]):
    made, clock = stream(), Clock()
    with Progress("scoring", "item", clock=clock, stream=made) as going:
        made.close()
        clock.now = 6
        going.at(3)
        clock.now = 60
        going.at(4)


@pytest.mark.usefixtures("eager")
def test_the_thread_that_looks_ends_with_the_work_even_where_that_fails():
    stream, before, looking = io.StringIO(), {*threading.enumerate()}, []

    def work() -> None:
        with Progress("scoring", "item", total=8, looked_at=lambda: (3, "$0.10"), stream=stream):
            looking.extend({*threading.enumerate()} - before)
            until = time.monotonic() + 20
            while not stream.getvalue() and time.monotonic() < until:
                time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    assert [thread.is_alive() for thread in looking] == [False]
    assert stream.getvalue().startswith("scoring: 3 of 8 items, ")
    assert stream.getvalue().splitlines()[-1].startswith("scoring: 3 of 8 items in ")


def test_what_is_not_shown_has_no_thread():
    before = threading.active_count()
    with Progress("scoring", "item", shown=False):
        assert threading.active_count() == before


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is shown from the first look on."""
    monkeypatch.setattr(progress, "_LINE", 0.0)


def scored(capsys: pytest.CaptureFixture[str], **options) -> tuple[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jk.score(items(40), RUBRIC, Slow(), ledger=None, limits=jk.Limits(concurrency=2), **options)
    said = capsys.readouterr()
    return said.out, said.err


@pytest.mark.usefixtures("eager")
def test_a_verb_shows_items_cost_and_abstentions_while_it_goes(capsys: pytest.CaptureFixture[str]):
    threads = threading.active_count()
    out, told = scored(capsys)

    first, *_, last = told.splitlines()
    assert out == ""
    assert 0 < int(first.split()[1]) < 40
    assert "items/s" in first
    assert " left" in first
    assert last.startswith("scoring: 40 of 40 items in ")
    assert last.endswith(", $0.0000 and calls of unknown price, 0 abstained")
    assert threading.active_count() == threads


@pytest.mark.usefixtures("eager")
def test_a_judge_that_lets_nobody_else_work_is_seen_as_well(capsys: pytest.CaptureFixture[str]):
    def blocking(_: jk.Call) -> str:
        time.sleep(0.05)
        return "yes"

    jk.score(items(16), RUBRIC, blocking, ledger=None, limits=jk.Limits(concurrency=1))

    assert re.match(r"scoring: \d+ of 16 items, ", capsys.readouterr().err)


@pytest.mark.usefixtures("eager")
def test_progress_that_is_off_shows_nothing(capsys: pytest.CaptureFixture[str]):
    assert scored(capsys, progress=False) == ("", "")


@pytest.mark.usefixtures("eager")
def test_a_stream_shows_nothing(capsys: pytest.CaptureFixture[str]):
    assert len(list(jk.stream_scores(items(20), RUBRIC, Slow(), ledger=None))) == 40
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("eager")
def test_a_verb_in_a_running_loop_shows_how_far_it_is(capsys: pytest.CaptureFixture[str]):
    asyncio.run(jk.score_async(items(40), RUBRIC, Slow(), ledger=None, limits=jk.Limits(concurrency=2)))

    assert "of 40 items" in capsys.readouterr().err


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("on", [True, False])
def test_an_audit_shows_how_many_judges_are_done(on: bool, capsys: pytest.CaptureFixture[str]):
    rows = [["no", "no", "no"], ["yes", "yes", "no"], ["yes", "no", "yes"], ["no", "no", "no"]]
    jk.agree(rows, scale=["no", "yes"], judge=["rater 1", "rater 2"], b=50, progress=on)

    told = capsys.readouterr().err
    assert told.startswith("auditing: 0 of 2 judges\n") is on
    assert ("auditing: 2 of 2 judges in " in told) is on


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("more", [(), ("--no-progress",)])
def test_rewards_for_a_file_show_how_many_groups_are_done(
    more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("groups.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items(4)), encoding="utf-8")
    Path("spec.toml").write_text(
        'judge_weight = 0\nrubric = "instruction_following"\n'
        '[[checks]]\nname = "says"\nkind = "says_something"\nweight = 1\n',
        encoding="utf-8",
    )
    asked = ["reward", "give", "groups.jsonl", "--spec", "spec.toml", "--out", "out.jsonl", "--batch", "1"]
    with pytest.raises(SystemExit) as left:
        main([*asked, *more])

    said = capsys.readouterr().err
    assert left.value.code == 0
    assert ("rewarding: 1 group, " in said) is (not more)
    assert ("rewarding: 4 groups in " in said) is (not more)

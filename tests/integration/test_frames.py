"""How many frames of ours a reader passes from `jk.score` to the request, tasks and threads included."""

import asyncio
import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import AsyncGeneratorType, CodeType, FrameType
from typing import Any

import pytest

import judgekit as jk
from judgekit.judges.endpoint import Endpoint
from judgekit.run.drive import begin

ROOT = str(Path(jk.__file__).parent)
MOST = 12
ITEM = {"id": "1", "task": "Hi", "response": "Hello"}
RUBRIC = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}]}


class Spy:
    """A session that notes who asks, and never answers."""

    def __init__(self) -> None:
        self.chain: list[str] = []

    def post(self, *_: Any, **__: Any) -> Any:
        asking = [frame.f_code for frame in outwards(sys._getframe(1))][::-1]  # noqa: SLF001
        mine = asyncio.current_task()
        others = [list(inwards(task.get_coro())) for task in asyncio.all_tasks() if task is not mine]
        [running] = [codes for codes in others if any(code.co_name == "collected" for code in codes)]
        main = sys._current_frames()[threading.main_thread().ident or 0]  # noqa: SLF001
        waiting = [frame.f_code for frame in outwards(main)][::-1]
        begun = [begin.__code__]  # makes the task that asks
        self.chain = names([*waiting, *running, *begun, *asking])
        raise jk.ProviderError("seen enough", status=401)


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def inwards(awaited: Any) -> Iterator[CodeType]:
    """What a coroutine is held up in, and what that is held up in."""
    while awaited is not None:
        if code := getattr(awaited, "cr_code", None) or getattr(awaited, "ag_code", None):
            yield code
        inner = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
        if inner is None and code is None:  # the next value of an asynchronous generator
            inner = next((x for x in gc.get_referents(awaited) if isinstance(x, AsyncGeneratorType)), None)
        awaited = inner


def names(codes: list[CodeType]) -> list[str]:
    ours = [code for code in codes if code.co_filename.startswith(ROOT)]
    return [f"{code.co_filename.removeprefix(ROOT + '/')} {code.co_qualname}" for code in ours]


def test_a_reader_passes_a_dozen_frames_from_score_to_the_request(tmp_path, capsys):
    spy = Spy()
    judge = Endpoint("http://127.0.0.1:9/v1", "m", session=spy)  # type: ignore[arg-type]

    with pytest.raises(jk.ProviderError, match="seen enough"):
        jk.score([ITEM], RUBRIC, judge, ledger=tmp_path / "l.sqlite")

    with capsys.disabled():
        print("", *spy.chain, sep="\n")  # noqa: T201
    assert spy.chain[0].endswith(" score")
    assert spy.chain[-1].endswith(" Given.ask")  # of a session; else a future is awaited, which has no frame
    assert spy.chain[-2].endswith(" Endpoint.__call__")
    assert len(spy.chain[:-1]) <= MOST

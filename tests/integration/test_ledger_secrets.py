"""A key goes to the server that was named, and nowhere else: into no file, no log, no message."""

import json
import logging
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.errors import JudgekitError
from judgekit.judges.endpoint import Endpoint
from judgekit.run import Limits

Serving = Callable[..., AbstractContextManager[str]]
CANARY = "sk-canary-5Zt8Qw1r"
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello {n}"} for n in range(5)]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything logged, with the canary in the environment."""
    monkeypatch.setenv("JUDGEKIT_API_KEY", CANARY)
    caplog.set_level(logging.DEBUG)
    return caplog


def sent(url: str) -> dict[str, str]:
    """The headers of the last request."""
    with urllib.request.urlopen(f"{url}/last") as response:  # noqa: S310 - the loopback
        headers: dict[str, str] = json.loads(response.read())["headers"]
    return headers


def found_in(folder: Path) -> list[str]:
    """Names of the files that hold the canary."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return [file.name for file in files if CANARY.encode() in file.read_bytes()]


def score(url: str, folder: Path, **options: Any) -> jk.Run:
    judge = Endpoint(url, "mock", extra={"top_k": 1})
    return jk.score(ITEMS, RUBRIC, judge, ledger=folder / "ledger.sqlite", **options)


def test_a_run_leaves_no_trace_of_the_key(
    serving: Serving, tmp_path: Path, heard: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    with serving(text='{"label": "yes"}') as url:
        run = score(url, tmp_path)
        run.save(tmp_path / "run")
        assert sent(url)["authorization"] == f"bearer {CANARY}".lower()  # or this test would prove nothing

    names = {file.name for file in tmp_path.rglob("*")}
    assert names >= {"ledger.sqlite", "outcomes.jsonl", "scores.jsonl", "run.json"}
    assert found_in(tmp_path) == []
    assert len(run.outcomes) == len(ITEMS)
    assert CANARY not in repr(run)
    assert CANARY not in heard.text + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "mode", ["unauthorized", "forbidden", "not_found", "quota", "no_schema", "broken", "cut", "filtered"]
)
def test_a_failing_server_draws_it_into_no_message_and_no_file(
    serving: Serving, tmp_path: Path, heard: pytest.LogCaptureFixture, mode: str
):
    said = ""
    with serving(mode=mode) as url:
        try:
            run = score(url, tmp_path, limits=Limits(tries=1))
        except JudgekitError as error:
            said, run = f"{error} {error!r} {error.__cause__!r} {error.__context__!r}", error.run
        run.save(tmp_path / "run")
        assert sent(url)["authorization"] == f"bearer {CANARY}".lower()

    assert found_in(tmp_path) == []
    assert CANARY not in said + repr(run) + heard.text

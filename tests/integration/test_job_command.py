"""A job that is saved and run again: nothing is asked, the same bytes come out, and no key is in the file."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from judgekit.cli import main

KEY = "sk-Ab3dEf6hIj9kLm2nOp5q"
RUBRIC = 'id: tone\ncriteria: [{id: polite, text: "Is it polite?"}, {id: clear, text: "Is it clear?"}]\n'
TABLES = ("scores.jsonl", "outcomes.jsonl")


@pytest.fixture
def judgekit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUDGEKIT_LEDGER", raising=False)
    rows = [{"item_id": n, "prompt": "Where is it?", "response": f"At depot {n}."} for n in range(25)]
    Path("items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    Path("tone.yaml").write_text(RUBRIC, encoding="utf-8")

    def told(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([*arguments])
        out = capsys.readouterr()
        return int(left.value.code or 0), out.out + out.err

    return told


def test_a_job_saved_and_run_again_asks_nothing_and_gives_the_same_bytes(
    judgekit: Any, serving: Callable[..., AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FAST_KEY", KEY)
    with serving(text=lambda _: '{"label": "yes"}') as url:
        code, text = judgekit(
            "score", "items.jsonl", "-r", "tone.yaml", "-j", f"fast=endpoint:{url}#mock", "--key-env",
            "fast=FAST_KEY", "--price", "fast=0.15/0.6", "--max-tokens", "100", "--column", "task=prompt",
            "--budget", "3", "--require", "mean>=0.8", "--out", "run", "--save", "ci/job.toml",
        )  # fmt: skip
        assert code == 0, text
        first = [Path("run", name).read_bytes() for name in TABLES]

        code, text = judgekit("score", "--job", "ci/job.toml")
        assert code == 0, text
        assert "50 calls: 0 new, 50 from the ledger" in text
        assert [Path("run", name).read_bytes() for name in TABLES] == first

        code, text = judgekit("score", "--job", "ci/job.toml", "--require", "mean<=0.5", "--out", "again")
        assert code == 1
        assert [Path("again", name).read_bytes() for name in TABLES] == first

    said = Path("ci/job.toml").read_text(encoding="utf-8")
    assert 'items = "../items.jsonl"' in said
    assert 'key_env = "FAST_KEY"' in said
    assert KEY not in said + text


def test_what_is_typed_takes_precedence(judgekit: Any):
    Path("job.toml").write_text(
        'items = "items.jsonl"\nrubric = "tone.yaml"\njudges = "control:random=1"\nout = "run"\n'
        '[columns]\ntask = "prompt"\n[options]\nsamples = 2\nledger = "none"\n[limits]\nconcurrency = 2\n'
    )

    code, text = judgekit(
        "score", "--job", "job.toml", "-j", "control:random=2", "--samples", "1", "--tries", "2"
    )

    assert code == 0, text
    kept = json.loads(Path("run/run.json").read_text())
    assert (kept["samples"], [*kept["judges"]], kept["ledger"]) == (1, ["control:random=2"], None)


def test_a_job_is_looked_at_without_key_and_network(judgekit: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    Path("job.toml").write_text(
        'items = "items.jsonl"\nrubric = "tone.yaml"\n[columns]\ntask = "prompt"\n'
        '[[judges]]\njudge = "endpoint:http://127.0.0.1:1/v1#m"\nkey_env = "NOT_SET"\nprice = "1/2"\n'
        '[[judges]]\njudge = "openai/gpt-5-mini"\nmax_tokens = 100\n'
    )

    code, text = judgekit("score", "--job", "job.toml", "--dry-run")

    assert code == 0, text
    assert "25 items, 100 to 200 calls" in text
    assert "price: at most $" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("compare", "--job", "job.toml"), "job.toml: this job is of another verb; run judgekit score"),
        (("score", "--job", "other.toml"), "other.toml"),
        (("score", "-r", "tone.yaml"), "Missing argument 'items'"),
        (("score", "--job", "job.toml"), "judge 'py:mine:judge' imports code; allow it with --own-code\n"),
        (("score", "--job", "setting.toml"), "setting.toml: judge 'openai/gpt-5': no option 'temprature'; "),
        (
            ("score", "items.jsonl", "-r", "tone.yaml", "-j", f"a=endpoint:http://me:{KEY}@host/v1#m",
             "--column", "task=prompt", "--dry-run", "--save", "new.toml"),
            "judges[0]: holds a key or a password (it is not shown)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_error(judgekit: Any, arguments: tuple[str, ...], says: str):
    Path("job.toml").write_text(
        'verb = "score"\nitems = "items.jsonl"\nrubric = "tone.yaml"\n'
        'judges = [{judge = "py:mine:judge", name = "mine"}]\n'
    )
    Path("setting.toml").write_text(
        'items = "items.jsonl"\nrubric = "tone.yaml"\njudges = [{judge = "openai/gpt-5", temprature = 1}]\n'
    )

    code, text = judgekit(*arguments)

    assert code == 2
    assert says in text
    assert text.count("error:") == 1
    assert text.count("judge 'py:mine:judge'") <= 1
    assert KEY not in text
    assert not Path("new.toml").exists()

"""A server repeats the keys it was sent, in every place of a response: no file, page or log has one."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import judgekit as jk
from judgekit.cli import app

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import secret_places

SOME = {
    "text",
    "model",
    "finish reason",
    "usage",
    "refusal",
    "error in 200",
    "page",
    "status 401",
    "quota",
    "chunk",
}


def test_there_are_more_than_forty_places_and_a_leak_would_be_found():
    assert len(secret_places.places("x")) > 40
    leaking = f"a {secret_places.KEYS['field'].upper()} b"
    assert secret_places.found_in({"here": leaking, "there": ""}) == {"here": ["field"]}


@pytest.mark.parametrize("road", secret_places.HELD)
def test_a_key_that_comes_back_is_nowhere_to_be_found(road: str):
    only = (lambda _: True) if road == "login" else SOME.__contains__
    found = list(secret_places.walked(road, only))

    assert len(found) >= (40 if road == "login" else len(SOME))
    assert {place: where for place, where, _ in found if where} == {}
    assert min(n for _, _, n in found) >= 10  # files and texts searched each time


def test_a_key_that_is_a_word_blanks_no_words(monkeypatch: pytest.MonkeyPatch, serving):
    monkeypatch.setenv("JUDGEKIT_API_KEY", "x")
    with serving(text=json.dumps({"rationale": "x marks it, fix next", "label": "yes"})) as url:
        judge = jk.resolve(f"endpoint:{url}#mock")
        run = jk.score(secret_places.ITEMS, secret_places.RUBRIC, judge, ledger=None)

    assert {outcome.rationale for outcome in run.outcomes} == {"x marks it, fix next"}


@pytest.mark.parametrize(
    "form", ["http://{}@127.0.0.1:9/v1", "endpoint:http://{}@127.0.0.1:9/v1", "x:http://{}@h#m"]
)
def test_a_password_on_the_command_line_is_printed_by_nothing(form: str, tmp_path: Path):
    items = tmp_path / "items.jsonl"
    items.write_text("\n".join(map(json.dumps, secret_places.ITEMS)), encoding="utf-8")
    command = ["score", str(items), "-r", "answer_match", "--judge", form.format("user:tr0ub4dor")]
    ran = CliRunner().invoke(app, command)

    assert ran.exit_code != 0
    assert "tr0ub4dor" not in f"{ran.output} {ran.exception} {ran.exception!r} {ran.exc_info}"

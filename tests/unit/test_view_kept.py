"""What the page and the terminal say of texts: others than were judged, empty, not there, or of a rule."""

import json
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.view.data import payload
from judgekit.view.index import Index
from judgekit.view.page import study_of, view_run

RUBRIC = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
ROWS = [
    {"item_id": "1", "task": "Hi", "system": "old", "response": "", "lang": "de", "tags": {"topic": "x"}},
    {
        "item_id": "1",
        "task": "Hi",
        "system": "new",
        "response": "Hello",
        "lang": "de",
        "tags": {"topic": "x"},
    },
]


def answer(_: jk.Call) -> Any:
    return jk.Reply('{"label": "yes"}', model="m-1")


def run_in(folder: Path, **more: Any) -> Path:
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    judges = [jk.Scripted("one", answer, revision="1"), "control:longer"]
    run = jk.score(folder / "items.jsonl", RUBRIC, judges, ledger=folder / "l.sqlite", **more)
    run.save(folder / "run")
    return folder / "run"


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([*map(str, arguments)])
    out = capsys.readouterr()
    return int(left.value.code or 0), out.out + out.err


@pytest.mark.parametrize("gone", [False, True])
def test_another_file_than_was_judged_is_refused_with_what_would_do(
    gone: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = run_in(tmp_path)
    other, moved = tmp_path / "other.jsonl", tmp_path / "moved.jsonl"
    other.write_text((tmp_path / "items.jsonl").read_text().replace("Hello", "SOMETHING ELSE"))
    moved.write_bytes((tmp_path / "items.jsonl").read_bytes())
    if gone:
        (tmp_path / "items.jsonl").unlink()

    code, text = told(capsys, "view", run, "--items", other)

    assert code == 2
    assert "other.jsonl is not what was judged: its digest is not that of" in text
    assert ("so leave --items out" in text, "give the file as it was then" in text) == (not gone, gone)
    assert not (run / "view.html").exists()
    with pytest.raises(InputError, match=r"cannot be read"):
        view_run(run, items=tmp_path / "no such.jsonl")
    study = study_of(run, items=moved)
    assert study.run.note == ""
    assert len(study.run.items) == 1


def test_texts_of_which_the_run_knows_no_digest_are_shown_and_said_to_be_unsure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run_in(tmp_path)
    jk.score(ROWS, RUBRIC, "control:longer", ledger=None).save(tmp_path / "own")
    says = "the texts come from {}; whether they are those that were judged is not known"

    code, text = told(capsys, "view", tmp_path / "own", "--items", tmp_path / "items.jsonl")

    assert code == 0
    assert says.format(tmp_path / "items.jsonl") in " ".join(text.split())
    [own] = payload(study_of(tmp_path / "own", items=ROWS))["runs"]
    assert own["note"] == says.format("what was given")
    assert own["items"][0]["kept"]


def test_the_other_run_of_a_comparison_keeps_the_texts_of_its_own_file(tmp_path: Path):
    for name, text in (("a", "Hello"), ("b", "Hello you")):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"item_id": "1", "task": "Hi", "response": text}))
        run = jk.score(tmp_path / f"{name}.jsonl", RUBRIC, "control:longer", ledger=None)
        run.save(tmp_path / name)

    study = study_of(tmp_path / "a", tmp_path / "b", items=tmp_path / "a.jsonl")

    texts = [dict(kept.items["1"].responses) for kept, _ in study.runs]
    assert texts == [{"response": "Hello"}, {"response": "Hello you"}]


def test_that_the_items_are_gone_is_said_by_view_and_show_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = run_in(tmp_path)
    (tmp_path / "items.jsonl").unlink()
    line = f"their file ({tmp_path / 'items.jsonl'}): it cannot be read (No such file or directory)"

    assert line in told(capsys, "view", run)[1]
    assert line in told(capsys, "show", run, "1")[1]
    assert payload(study_of(run))["runs"][0]["note"] == f"the texts of the items are not shown, {line}"


def test_an_empty_response_is_kept_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = run_in(tmp_path)
    data = payload(study_of(run))
    [own] = data["runs"]

    responses = {name: text for _, shown, _ in own["units"] for name, text, _ in shown}

    assert data["texts"][responses["old"]] == ""
    assert "response old: (empty)" in told(capsys, "show", run, "1")[1]
    (tmp_path / "items.jsonl").unlink()
    [own] = payload(study_of(run))["runs"]
    assert {text for _, shown, _ in own["units"] for _, text, _ in shown} == {None}


def test_a_rule_has_no_call_to_be_looked_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = run_in(tmp_path)
    [own] = payload(study_of(run))["runs"]
    raters, outcomes = own["names"]["raters"], own["outcomes"]

    called = {raters[n] for n, call in zip(outcomes["rater"], outcomes["call"], strict=True) if call >= 0}

    assert called == {"one"}
    text = told(capsys, "show", run, "1")[1]
    assert "a rule (control:longer): it asks no model, so there is no reply" in text
    made = jk.load_run(run).calls
    assert {call.judge for call in made if call.call in text} == {"one"}


def test_calls_are_counted_a_judge_and_unknown_tokens_stay_unknown(tmp_path: Path):
    run = jk.load_run(run_in(tmp_path))
    first = payload(study_of(tmp_path / "run"))["runs"][0]["first"]

    counted = {name: each["calls"] for name, each in first["judges"].items()}

    assert sum(counted.values()) == len(run.calls)
    assert counted == {name: sum(call.judge == name for call in run.calls) for name in counted}
    assert run.summary["input_tokens"] == 0  # as it was added up
    assert (first["input_tokens"], first["output_tokens"]) == (None, None)


def test_further_columns_are_tags_whether_or_not_the_items_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run, tags = run_in(tmp_path), {"topic": "x", "lang": "de"}
    for _ in range(2):
        assert payload(study_of(run))["runs"][0]["items"][0]["tags"] == tags
        found = json.loads(Index(study_of(run), tmp_path).rows({"tag": "lang:de"}, 0, 9))
        assert found["count"] == 2
        assert "lang=de" in told(capsys, "show", run, "1")[1]
        (tmp_path / "items.jsonl").unlink(missing_ok=True)
        (tmp_path / "rows.sqlite").unlink()

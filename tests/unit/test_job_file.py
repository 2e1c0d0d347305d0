"""Job files: what they say becomes a job, what cannot be is told with file and key, and no key is shown."""

import os
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.verbs.jobfile import JobFile, save_job

WHOLE = """
verb = "score"
items = "../items.jsonl"
rubric = "tone.yaml"
out = "results"
require = ["mean>=0.7", "polite: share>=90%"]

[columns]
task = "prompt"

[options]
samples = 2
per_call = "all"
again = ["malformed"]
ledger = "none"
labels = "/data/labels.csv"

[options.substitutes]
fast = "replay:spare.jsonl"

[limits]
concurrency = 4
budget_usd = 2.5

[[judges]]
judge = "endpoint:http://localhost:8000/v1#qwen3-8b"
name = "fast"
key_env = "FAST_KEY"
price = "0.15/0.6"

[[judges]]
judge = "twice=replay:replies.jsonl"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "tone.yaml").write_text('id: tone\ncriteria: [{id: polite, text: "Is it polite?"}]\n')


def written(text: str) -> Path:
    Path("ci/job.toml").write_text(text, encoding="utf-8")
    return Path("ci/job.toml")


def test_a_job_is_read_with_its_paths_beside_the_file():
    job = jk.load_job(written(WHOLE))

    assert (job.verb, job.items, job.rubric, job.out) == (
        "score",
        "items.jsonl",
        "ci/tone.yaml",
        Path("ci/results"),
    )
    assert job.require == ("mean>=0.7", "polite: share>=90%")
    assert job.judges[0]["key_env"] == "FAST_KEY"
    assert job.judges[1] == {"judge": "twice=replay:ci/replies.jsonl"}
    assert job.options == {
        "samples": 2, "per_call": None, "again": ["malformed"], "ledger": None, "labels": "/data/labels.csv",
        "substitutes": {"fast": "replay:ci/spare.jsonl"}, "columns": {"task": "prompt"},
        "limits": jk.Limits(concurrency=4, budget_usd=2.5),
    }  # fmt: skip


def test_what_is_read_is_written_back_from_another_folder_too():
    job = jk.load_job(written(WHOLE))

    from dataclasses import replace

    save_job(replace(job, path=Path("other/deep/job.toml")))
    back = jk.load_job("other/deep/job.toml")

    judges = [job.judges[0], job.judges[1]]
    substitutes = {"fast": {"judge": "replay:ci/spare.jsonl"}}
    assert replace(back, path=job.path, options={}) == replace(job, judges=tuple(judges), options={})
    assert {**back.options} == {**job.options, "substitutes": substitutes}
    assert 'items = "../../items.jsonl"' in Path("other/deep/job.toml").read_text()
    assert 'labels = "/data/labels.csv"' in Path("other/deep/job.toml").read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("item = 'a.jsonl'", "item: unknown key; did you mean 'items'?"),
        ("[options]\nsampels = 2", "options.sampels: unknown key; did you mean 'samples'?"),
        ("[options]\nsamples = '2'", "samples='2' is a str; it has to be a whole number"),
        ("[limits]\nconcurency = 2", "limits.concurency: unknown key; did you mean 'concurrency'?"),
        ("[limits]\nconcurrency = 0", "concurrency=0; a limit is above 0"),
        ("columns = ['a']", "columns=['a'] is a list; it has to be a mapping"),
        ("require = ['meen>=1']", "no statistic 'meen'"),
        ("verb = 'agree'", "verb='agree'; there are score, compare, rank, match"),
        ("strong = 'local'", "strong needs below"),
        ("judges = [3]", "judges[0] is an int; a judge is a name, or a table"),
        ("[[judges]]\nname = 'x'", "judges[0]: a judge's table has its name in `judge`; found ['name']"),
        ("items = ", "cannot be read as TOML: Invalid value"),
    ],
)
def test_what_cannot_be_is_told_with_file_and_key(text: str, says: str):
    with pytest.raises(jk.InputError) as refused:
        jk.load_job(written(text))

    assert str(refused.value).startswith("ci/job.toml: ")
    assert says in str(refused.value)


KEY = "sk-proj-Ab3dEf6hIj9kLm2nOp5q"


@pytest.mark.parametrize(
    "judge",
    [
        f'{{judge = "openai/gpt-5", key_env = "{KEY}"}}',
        '{judge = "openai/gpt-5", key_env = "AIzaSyAb3dEf6hIj9kLm2nOp5q"}',
        '{judge = "openai/gpt-5", key_env = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"}',
        f'{{judge = "openai/gpt-5", api_key = "{KEY}"}}',
        f'{{judge = "openai/gpt-5", extra = {{extra_headers = {{Authorization = "Bearer {KEY}"}}}}}}',
        f'"endpoint:http://me:{KEY}@host:8000/v1#m"',
        f'"fast=endpoint:http://me:{KEY}@host:8000/v1#m"',
    ],
)
def test_a_key_is_refused_and_not_shown(judge: str):
    with pytest.raises(jk.InputError) as refused:
        jk.load_job(written(f"judges = [{judge}]"))

    told = str(refused.value)
    assert told.startswith("ci/job.toml: judges[0]")
    assert "it is not shown" in told
    assert not any(part in told for part in (KEY, "AIza", "a94a8fe"))


def test_a_variable_of_an_odd_name_is_taken_where_it_is_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ourTeamsKeyOfServer12", "x")

    job = jk.load_job(written('judges = [{judge = "openai/gpt-5", key_env = "ourTeamsKeyOfServer12"}]'))

    assert job.judges[0]["key_env"] in os.environ


def test_items_from_standard_input_are_in_no_file():
    with pytest.raises(jk.InputError, match="cannot hold items from standard input"):
        save_job(JobFile(Path("job.toml"), items="-"))

    assert not Path("job.toml").exists()

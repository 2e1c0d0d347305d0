"""A server repeats the keys it was sent, in every place of a response: no file, page or log has one."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import judgekit as jk
from judgekit.cli import app, main

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


PASTED = [
    "sk-proj-Ab3dEf6hIj9kLm2nOp5q", "sk-proj-Abc123...", "hf_AbcDefGhiJklMnoPqrSt", "gsk_Ab3dEf6hIj9kLm2n",
    "AIzaSyAb3dEf6hIj9kLm2nOp5q", "AKIA0123456789ABCDEF", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
    "tr0ub4dor&3", "tr0ub4dor", "my own value 7",
]  # fmt: skip
"""What somebody may paste where the name of a variable belongs."""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_API_KEY", "my own value 7")
    Path("items.jsonl").write_text("\n".join(map(json.dumps, secret_places.ITEMS)), encoding="utf-8")
    Path("groups.jsonl").write_text('{"task": "Hi", "responses": ["a", "b"]}\n', encoding="utf-8")


def typed(key: str) -> dict[str, list[str]]:
    """Each place where a key may come in, as a command."""
    score = ["score", "items.jsonl", "-r", "answer_match", "--ledger", "none"]
    Path("job.toml").write_text('items = "items.jsonl"\nrubric = "answer_match"\njudges = "x=openai/gpt-5"\n')
    Path("own.toml").write_text(
        'items = "items.jsonl"\nrubric = "answer_match"\n'
        f"judges = [{{judge = 'openai/gpt-5', key_env = '{key}'}}]\n"
    )
    Path("spec.toml").write_text(f"judges = [{{judge = 'openai/gpt-5', key_env = '{key}'}}]\n")
    Path("plain.toml").write_text("judges = 'x=openai/gpt-5'\n")
    Path("api.toml").write_text(f"judges = [{{judge = 'openai/gpt-5', api_key = '{key}'}}]\n")
    serve = ["reward", "serve", "--spec", "plain.toml"]
    give = ["reward", "give", "groups.jsonl", "--out", "out.jsonl", "--spec"]
    return {
        "an option": [*score, "-j", "x=openai/gpt-5", "--key-env", f"x={key}"],
        "an option, dry": [*score, "-j", "x=openai/gpt-5", "--key-env", f"x={key}", "--dry-run"],
        "of a server": [*score, "-j", "x=endpoint:http://127.0.0.1:9/v1#m", "--key-env", f"x={key}"],
        "of a local judge": [*score, "-j", "control:longer", "--key-env", f"control:longer={key}"],
        "without a judge": [*score, "-j", "x=openai/gpt-5", "--key-env", key],
        "of no judge": [*score, "-j", "x=openai/gpt-5", "--key-env", f"y={key}"],
        "beside a job": ["score", "--job", "job.toml", "--key-env", f"x={key}"],
        "beside a job, saved": ["score", "--job", "job.toml", "--key-env", f"x={key}", "--save", "j.toml"],
        "in a job": ["score", "--job", "own.toml"],
        "in a spec": [*give, "spec.toml"],
        "in a spec, shown": ["reward", "show", "spec.toml"],
        "beside a spec": [*give, "plain.toml", "--key-env", f"x={key}"],
        "for a token": [*serve, "--token-env", key],
        "for a token, open to all": [*serve, "--token-env", key, "--host", "0.0.0.0"],  # noqa: S104
        "in a spec, as a key": [*give, "api.toml"],
    }  # fmt: skip


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("key", PASTED)
def test_what_is_pasted_for_a_variables_name_is_printed_by_nothing(
    key: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    shown = {}
    for place, command in typed(key).items():
        with pytest.raises(SystemExit) as left:
            main(command)
        told = "".join(capsys.readouterr())
        if key in told or (key != "tr0ub4dor" and left.value.code != 2):
            shown[place] = left.value.code, told

    assert shown == {}


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("key", ["sk-proj-Ab3dEf6hIj9kLm2nOp5q", "my own value 7"])
@pytest.mark.parametrize(
    "command",
    [
        ["score", "items.jsonl", "-r", "answer_match", "-j", "{}"],
        ["score", "items.jsonl", "-r", "answer_match", "-j", "local", "--key-env", "{}=FAST_KEY"],
        ["score", "items.jsonl", "-r", "answer_match", "--key-env", "local", "{}"],
        ["score", "{}", "-r", "answer_match", "-j", "control:longer"],
        ["score", "items.jsonl", "-r", "{}", "-j", "control:longer"],
        ["{}"],
    ],
)  # fmt: skip
def test_a_key_typed_anywhere_else_stands_in_no_error(
    key: str, command: list[str], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as left:
        main([each.format(key) for each in command])

    told = "".join(capsys.readouterr())
    assert (left.value.code, key in told) == (2, False), told


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("key", PASTED)
@pytest.mark.parametrize("name", ["key_env", "api_key_env"])
def test_no_road_of_python_takes_a_key_for_a_variables_name(key: str, name: str):
    from judgekit.judges.endpoint import Endpoint
    from judgekit.judges.litellm import LiteLLM

    roads = [
        lambda: jk.resolve("openai/gpt-5", **{name: key}),
        lambda: jk.resolve({"judge": "openai/gpt-5", name: key}),
        lambda: jk.resolve("no such judge", **{name: key}),
        lambda: jk.score(secret_places.ITEMS, secret_places.RUBRIC, [{"judge": "openai/m", name: key}]),
        lambda: Endpoint("http://h/v1", "m", **{name: key}),
        lambda: Endpoint("http://h/v1", "m").with_(**{name: key}),
        lambda: LiteLLM("openai/gpt-5", **{name: key}).check(),
    ]
    for road in roads:
        if key == "tr0ub4dor":  # a name as any other, which is not shown while it is not set
            continue
        with pytest.raises(jk.InputError, match="not shown") as refused:
            road()
        assert key not in str(refused.value)

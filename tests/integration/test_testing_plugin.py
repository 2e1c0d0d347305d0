"""Judging in tests: pytest is started with the plugin on tests that judge, alone and with workers."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk

TESTS = """
import judgekit as jk
import pytest

RUBRIC = {"id": "tone", "criteria": [
    {"id": "polite", "text": "Is the response polite?"}, {"id": "clear", "text": "Is it clear?"},
]}

def answer(call):
    text = call.item.responses["response"]
    if "lost" in text:
        return "Well."
    polite = {"label": "no" if "bad" in text else "yes", "rationale": "By its \\x1b[31mtone."}
    return {"polite": polite} if call.asks[0].criterion == "polite" else "yes"

STRICT = jk.Scripted("strict", answer, revision="1")
KIND = jk.Scripted("kind", lambda call: "yes", revision="1")

@pytest.mark.parametrize("text", ["good", "bad", "lost"])
def test_one(text):
    jk.testing.assert_score(text, RUBRIC, at_least=0.7, judges=STRICT, task="Hi")

def test_a_panel_that_differs():
    jk.testing.assert_score("bad", RUBRIC, at_least=0.7, judges=[STRICT, KIND], criterion="polite")

def test_many():
    rows = [{"id": n, "task": "Hi", "response": f"good {n}"} for n in range(40)]
    run = jk.testing.score(rows, RUBRIC, STRICT)
    jk.testing.assert_bounds(run, "mean>=0.8", "abstained<=0.2")
    jk.testing.assert_bounds(run, "mean>=0.99")
"""
PLUGIN = (
    []
    if any(each.name == "judgekit" for each in entry_points(group="pytest11"))
    else ["-p", "judgekit.testing.plugin"]
)

LEFT_OUT = ("cacheprovider", "benchmark", "hypothesispytest")  # the last takes a second to import


@pytest.fixture
def started(tmp_path: Path) -> Any:
    (tmp_path / "test_replies.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str]:
        left_out = [word for name in LEFT_OUT for word in ("-p", f"no:{name}")]
        command = [sys.executable, "-m", "pytest", *PLUGIN, *left_out]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_what_is_not_passed_says_why_and_undecided_is_a_state_of_its_own(started: Any, tmp_path: Path):
    code, text = started("--judgekit-out", "results")

    assert code == 1
    assert "AssertionError: the score of 'tone', 0.5, is below 0.7" in text
    assert "polite 0: strict said 'no', because: By its \\x1b[31mtone." in text
    assert "\x1b" not in text
    assert "Undecided: there is no score of 'tone': malformed" in text
    assert "the score of 'polite', 0.5 (95 % interval" in text
    assert "may lie on either side of 0.7" in text
    assert "6 judgements: 2 passed, 1 failed, 3 undecided" in text
    assert (
        "undecided (failed): test_replies.py::test_one[lost]: there is no score of 'tone': malformed" in text
    )
    assert "92 calls: 92 new, 0 from the ledger" in text
    assert "judgekit/testing" not in text.partition("= judgekit =")[0].replace("judgekit.testing", "")

    run = jk.load_run(tmp_path / "results")
    assert run.summary["calls"] == 92
    assert run.summary["abstentions"] == {"malformed": 2}
    assert len({o.unit.item_id for o in run.outcomes}) == 44
    items = {item.item_id: item for item in jk.read_items(run.summary["inputs"]["items"]["path"])}
    assert items["test_replies.py::test_one[bad]"].responses == {"response": "bad"}
    assert items["test_replies.py::test_many: 7"].responses == {"response": "good 7"}
    assert {*items} == {o.unit.item_id for o in run.outcomes}
    assert {s.value for s in run.scores if s.unit.item_id == "test_replies.py::test_one[bad]"} == {0, 0.5, 1}


def test_again_nothing_is_asked_and_workers_come_to_the_same_bytes(started: Any, tmp_path: Path):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    started("--judgekit-out", "alone")

    code, text = started("--judgekit-out", "dealt", "-n", "2", "--judgekit-undecided", "skip")

    assert code == 1
    assert "1 failed, 1 passed, 3 skipped" in text
    assert "undecided (skipped): test_replies.py::test_many: mean>=0.99: the value meets it, but" in text
    assert "92 calls: 0 new, 92 from the ledger" in text
    for name in ("scores.jsonl", "outcomes.jsonl", "judged.jsonl"):
        assert (tmp_path / "dealt" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert not list(tmp_path.glob(".dealt*"))


def test_a_crashed_worker_is_told(started: Any, tmp_path: Path):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    crash = "\n\ndef test_z_crash():\n    import os\n    os._exit(1)\n"
    (tmp_path / "test_replies.py").write_text(TESTS + crash, encoding="utf-8")

    _, text = started("--judgekit-out", "results", "-n", "1", "--max-worker-restart", "0")

    assert "1 workers ended without handing over what they judged" in text


def test_options_that_cannot_be_meant_are_told_before_any_test(started: Any, tmp_path: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text(json.dumps({"job": "another"}), encoding="utf-8")

    code, text = started("--judgekit-out", "other")
    assert (code, "holds something else than the results of tests" in text) == (4, True)

    code, text = started("-o", "judgekit_undecided=maybe")
    assert (code, "judgekit_undecided = maybe: there are fail and skip" in text) == (4, True)


NAMELESS = """
import judgekit as jk
import pytest

RUBRIC = {"id": "r", "criteria": [{"id": "good", "text": "Is it good?"}]}

@pytest.mark.parametrize("n", range(3))
def test_one(n):
    jk.testing.assert_score("Hi", RUBRIC, at_least=0, ledger=None)
"""


NO_PROVIDER = ("gpt-5-mini", "judge 'gpt-5-mini' names no provider; did you mean 'openai/gpt-5-mini'?")
NO_MODULE = ("py:no_such_module:judge", "judge 'py:no_such_module:judge': No module named 'no_such_module'")


@pytest.mark.parametrize(
    ("judge", "says", "workers"),
    [
        (*NO_PROVIDER, []), (*NO_PROVIDER, ["-n", "2"]), ("control:longr", "did you mean 'longer'?", []),
        (*NO_MODULE, []), (*NO_MODULE, ["-n", "2"]),
    ],
)  # fmt: skip
def test_a_wrong_judge_of_the_configuration_is_one_error_at_the_start(
    started: Any, tmp_path: Path, judge: str, says: str, workers: list[str]
):
    if workers:
        pytest.importorskip("xdist")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\njudgekit_judges = {judge}\n", encoding="utf-8")
    (tmp_path / "test_replies.py").write_text(NAMELESS, encoding="utf-8")

    code, text = started(*workers)

    assert says in text
    if workers and judge.startswith("py:"):  # which only workers can import; each test says it, without more
        assert code == 1
        assert "judgekit/verbs" not in text
    else:
        assert (code, text.count(says)) == (4, 1), text
        assert "pytest.ini: judgekit_judges: " in text
        assert "Traceback" not in text
        assert ".py:" not in text


def test_what_a_test_says_wrongly_is_told_at_its_line_and_not_through_the_library(
    started: Any, tmp_path: Path
):
    wrong = NAMELESS.replace("ledger=None", "ledger=None, judges='gpt-5-mini'")
    (tmp_path / "test_replies.py").write_text(wrong, encoding="utf-8")

    code, text = started("-k", "0")

    assert code == 1
    assert "judge 'gpt-5-mini' names no provider" in text
    assert "test_replies.py:9: " in text
    assert "judgekit/verbs" not in text
    assert "judgekit/judges" not in text


def test_the_judges_of_the_configuration_are_those_of_tests_that_name_none(started: Any, tmp_path: Path):
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\njudgekit_judges =\n    control:random=1\n    control:random=2\n", encoding="utf-8"
    )
    (tmp_path / "test_replies.py").write_text(
        "import judgekit as jk\n\ndef test_one():\n"
        "    rubric = {'id': 'r', 'criteria': [{'id': 'good', 'text': 'Is it good?'}]}\n"
        "    assert jk.testing.assert_score('Hi', rubric, at_least=0, ledger=None).n_verdicts == 2\n",
        encoding="utf-8",
    )

    code, text = started()

    assert code == 0, text
    assert "1 judgements: 1 passed, 0 failed, 0 undecided" in text


def test_a_session_that_judges_nothing_loads_nothing_and_says_nothing(started: Any, tmp_path: Path):
    (tmp_path / "test_replies.py").write_text(
        "import sys\n\ndef test_one():\n"
        "    loaded = {name for name in sys.modules if name.partition('.')[0] == 'judgekit'}\n"
        "    assert loaded == {'judgekit', 'judgekit.face', 'judgekit.testing', 'judgekit.testing.plugin'}\n"
        "    assert not {'numpy', 'pydantic', 'orjson', 'typer'} & set(sys.modules)\n",
        encoding="utf-8",
    )

    code, text = started("--judgekit-out", "results")

    assert code == 0, text
    assert "judgements" not in text
    assert not (tmp_path / "results").exists()


def test_outside_of_pytest_an_undecided_assertion_is_raised():
    def nothing(_: Any) -> str:
        return "Well."

    with pytest.raises(jk.testing.Undecided, match="there is no score of 'r': malformed"):
        jk.testing.assert_score(
            "Hi", {"id": "r", "criteria": [{"id": "good", "text": "Is it good?"}]}, at_least=0.5,
            judges=jk.Scripted("j", nothing), ledger=None,
        )  # fmt: skip


def test_the_plugin_is_found_by_its_entry_point():
    said = (Path(jk.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")

    assert '[project.entry-points.pytest11]\njudgekit = "judgekit.testing.plugin"\n' in said

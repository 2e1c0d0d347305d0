"""The folder of results: what is there is kept, replaced as a whole, or refused; `load_run` reads it back."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError, JudgekitError
from judgekit.judges.resolve import Scripted
from judgekit.table import read_outcomes
from judgekit.verbs import Options, Writer, prepare
from judgekit.verbs.job import asked_of

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
NAMES = {
    *(f"{table}.{form}" for table in ("scores", "outcomes", "calls") for form in ("jsonl", "parquet")),
    "run.json",
}


def command(*arguments) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def rows(n: int, word: str = "Here") -> list[dict]:
    return [{"id": str(i), "task": "Hi?", "response": f"{word} {i}."} for i in range(n)]


def write_rows(path: Path, n: int, word: str = "Here") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(n, word)), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A folder with items, a rubric, and the results of a first run in `out`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    write_rows(tmp_path / "items.jsonl", 4)
    assert score("items.jsonl") == 0
    return tmp_path


def score(items, *more, out="out") -> int:
    asked = ("-r", "rubric.json", "-j", "control:longer", "--ledger", "none", "-q", "--out", out)
    return command("score", items, *asked, *more)


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_that_is_refused_leaves_the_results_that_are_there(folder, capsys):
    before = held(folder / "out")
    (folder / "bad.jsonl").write_text('{"id": "1"}\n', encoding="utf-8")
    own = {**RUBRIC, "criteria": [{"id": "polite"}]}
    (folder / "bad.json").write_text(json.dumps(own), encoding="utf-8")

    assert score("bad.jsonl", "--overwrite") == 2
    assert score("items.jsonl", "-r", "bad.json", "--overwrite") == 2
    assert score("items.jsonl", "-j", "openai/x", "--budget", "1", "--max-tokens", "5", "--overwrite") == 2
    assert held(folder / "out") == before
    assert "error:" in capsys.readouterr().err


def test_an_item_with_a_bad_rubric_is_refused_and_leaves_the_results_that_are_there(folder):
    before = held(folder / "out")
    with_own = [*rows(3), {"id": "x", "task": "Hi?", "response": "Here.", "rubric": {"criteria": []}}]
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in with_own), encoding="utf-8")

    assert score("own.jsonl", "--overwrite") == 2
    assert held(folder / "out") == before
    assert score("own.jsonl", out="fresh") == 2  # before any call
    assert not (folder / "fresh").exists()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_an_input_that_lies_where_results_go_is_refused_before_anything(folder, name, capsys):
    there = write_rows(folder / "lies" / name, 3) if name.endswith("jsonl") else folder / "lies" / name
    if not name.endswith("jsonl"):
        there.parent.mkdir()
        shutil.copy(folder / ("rubric.json" if name == "run.json" else f"out/{name}"), there)
    before = there.read_bytes()
    if name == "run.json":
        code = score("items.jsonl", "-r", there, "--overwrite", out="lies")
    elif name.endswith("jsonl"):
        code = score(there, "--overwrite", out="lies")
    else:
        code = score("items.jsonl", "--ledger", there, "--overwrite", out="lies")

    assert code == 2
    assert "would be lost" in capsys.readouterr().err
    assert there.read_bytes() == before
    assert [path.name for path in there.parent.iterdir()] == [name]


def test_results_of_another_job_are_overwritten_only_when_told(folder, capsys):
    before = held(folder / "out")
    write_rows(folder / "others.jsonl", 4, "There")
    harder = {**RUBRIC, "criteria": [{"id": "polite", "text": "Is the response very polite?"}]}
    (folder / "harder.json").write_text(json.dumps(harder), encoding="utf-8")
    other = [
        ("others.jsonl",), ("items.jsonl", "-r", "harder.json"), ("items.jsonl", "--samples", "2"),
        ("items.jsonl", "-j", "control:random=1"), ("items.jsonl", "--rule", "published"),
        ("items.jsonl", "--partial"), ("items.jsonl", "--no-reask"),
    ]  # fmt: skip
    for each in other:
        assert score(*each) == 2, each
        assert "holds the results of another job" in capsys.readouterr().err
    assert held(folder / "out") == before

    write_rows(folder / "copied" / "items.jsonl", 4)  # the same job, whatever it is called and how fast
    assert score("copied/items.jsonl", "--concurrency", "3", "--budget-tokens", "9") == 0
    assert score("others.jsonl", "--overwrite") == 0
    assert b"There" not in held(folder / "out")["run.json"]
    assert json.loads(held(folder / "out")["run.json"])["job"] != json.loads(before["run.json"])["job"]


def test_files_of_no_run_are_overwritten_only_when_told(folder, capsys):
    write_rows(folder / "mine" / "scores.jsonl", 2)
    before = held(folder / "mine")

    assert score("items.jsonl", out="mine") == 2
    assert "is of no run we know" in capsys.readouterr().err
    assert held(folder / "mine") == before
    assert score("items.jsonl", "--overwrite", out="mine") == 0


def test_run_json_names_the_other_files_by_digest_and_rows(folder):
    files = json.loads((folder / "out" / "run.json").read_bytes())["files"]

    assert files.keys() == NAMES - {"run.json"}
    for name, about in files.items():
        assert about["sha256"] == hashlib.sha256((folder / "out" / name).read_bytes()).hexdigest()
        assert about["rows"] == (8 if name.startswith("scores") else 4)
    assert held(folder / "out").keys() == NAMES


def test_a_run_is_read_back_as_it_was(tmp_path):
    judges = [Scripted(name, lambda _: '{"label": "yes", "rationale": "r"}') for name in "ab"]
    graded = jk.score(rows(3), RUBRIC, judges, ledger=None, samples=2)
    pairs = [{"id": "1", "task": "Hi", "responses": {"x": "Hello.", "y": "What?", "z": "Oh."}}]
    first = Scripted("first", lambda _: '{"label": "A"}')
    for n, run in enumerate((graded, jk.compare(pairs, RUBRIC, first, ledger=None))):
        run.save(tmp_path / str(n))
        read = jk.load_run(tmp_path / str(n))
        assert (read.scores, read.outcomes) == (run.scores, run.outcomes)
        assert read.summary.items() >= orjson.loads(orjson.dumps(run.summary)).items()


def test_files_that_run_json_does_not_name_are_not_read_as_its_run(folder):
    with (folder / "out" / "outcomes.jsonl").open("ab") as file:
        file.write(b"\n")

    with pytest.raises(InputError, match=r"outcomes.jsonl: is not the file that out.run.json names"):
        jk.load_run("out")


def test_a_run_without_digests_is_read_and_one_of_two_runs_is_told_by_its_counts(folder):
    summary = json.loads((folder / "out" / "run.json").read_bytes())
    for name in ("files", "job", "items_in_all"):
        del summary[name]
    (folder / "out" / "run.json").write_text(json.dumps(summary), encoding="utf-8")
    assert len(jk.load_run("out").outcomes) == 4

    lines = (folder / "out" / "outcomes.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "out" / "outcomes.jsonl").write_bytes(b"".join(lines[:2]))
    with pytest.raises(InputError, match="of two runs"):
        jk.load_run("out")


def test_a_run_killed_at_any_step_leaves_the_old_run_or_the_new_one_whole(tmp_path):
    old, new = (jk.score(rows(5, word), RUBRIC, "control:longer", ledger=None) for word in ("Here", "There"))
    found, step = [], 0
    while not found or found[-1] is not None:
        step += 1
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        old.save(tmp_path / "out")
        code = _killed(step, tmp_path / "out", new)
        read = jk.load_run(tmp_path / "out")
        which = next(run for run in (old, new) if run.job() == read.summary["job"])
        assert (read.scores, read.outcomes, read.calls) == (which.scores, which.outcomes, which.calls)
        assert tuple(read_outcomes(tmp_path / "out" / "outcomes.jsonl")) == which.outcomes
        found.append(None if code == 0 else which is new)

    assert found.count(False) >= 10
    assert found.count(True) >= 5  # from one step to the next all of it is the new run
    assert found[:-1] == sorted(found[:-1])
    assert held(tmp_path / "out").keys() == NAMES


def _killed(step: int, folder: Path, run: jk.Run) -> int:
    """The exit code of a child that saves a run, and kills itself at its step-th touch of the folder."""
    if (child := os.fork()) == 0:
        seen = 0

        def hook(event, args):
            nonlocal seen
            touches = event in {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod"}
            paths = [os.fspath(each) for each in args if isinstance(each, str | os.PathLike)]
            if touches and any(str(folder) in path for path in paths):
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        run.save(folder, overwrite=True)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_what_a_killed_run_left_is_put_in_order_by_the_next(folder):
    (folder / "out" / ".judgekit.part").mkdir()
    (folder / "out" / ".judgekit.part" / "scores.jsonl").write_bytes(b"half")

    assert score("items.jsonl") == 0
    assert held(folder / "out").keys() == NAMES


def test_a_run_that_stops_before_its_first_item_leaves_earlier_results_and_else_says_so(folder, capsys):
    before = held(folder / "out")
    asked = ("items.jsonl", "-j", "endpoint:http://127.0.0.1:9/v1#x", "--tries", "1", "--overwrite")
    stopping = ("--budget-tokens", "1", "--max-tokens", "5")

    assert score(*asked, *stopping) == 3
    summary = json.loads(held(folder / "out")["run.json"])
    if summary["items"] == 0:  # none was begun
        assert held(folder / "out") == before
        assert "what was there stays" in capsys.readouterr().err
    assert score(*asked, *stopping, out="fresh") == 3
    fresh = jk.load_run("fresh").summary
    assert "budget" in fresh["stopped"]
    assert fresh["items_in_all"] == 4


def test_a_writer_of_a_job_that_is_cut_short_leaves_whole_files_that_say_so(tmp_path):
    jk.score(rows(5), RUBRIC, "control:longer", ledger=None).save(tmp_path)
    with Writer(tmp_path, job=prepare(rows(5), RUBRIC, "control:longer", ledger=None).digest) as writer:
        run = jk.score(rows(2), RUBRIC, "control:longer", ledger=None)
        for kind in ("scores", "outcomes"):
            writer.rows(kind, run.frame(kind).to_dict("records"))
        assert writer.finish({**run.summary, "stopped": "interrupted"})

    read = jk.load_run(tmp_path)
    assert read.summary["stopped"] == "interrupted"
    assert (len(read.outcomes), read.summary["items"]) == (2, 2)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB."""
    place = tmp_path / "small"
    place.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place], check=False)  # noqa: S607
    if made.returncode:
        pytest.skip("no file system could be mounted")
    yield place
    subprocess.run(["umount", "-l", place], check=True)  # noqa: S607


def test_a_full_disk_is_one_clear_error_and_nothing_old_is_lost(small_disk, capsys, monkeypatch):
    monkeypatch.chdir(small_disk.parent)
    Path("rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    out = small_disk / "out"
    assert score(write_rows(Path("few.jsonl"), 20), out=out) == 0
    before = held(out)
    capsys.readouterr()

    assert score(write_rows(Path("many.jsonl"), 2000), "--overwrite", out=out) == 3
    told = capsys.readouterr().err
    assert "could not be written to the end (No space left on device)" in told
    assert "Traceback" not in told
    assert held(out) == before
    assert len(jk.load_run(out).outcomes) == 20


def test_a_full_disk_stops_save_with_a_judgekit_error(small_disk):
    run = jk.score(rows(2000), RUBRIC, "control:longer", ledger=None)
    with pytest.raises(JudgekitError, match="No space left"):
        run.save(small_disk / "out")

    assert held(small_disk / "out") == {}


def test_a_ledger_on_a_full_disk_stops_the_run_and_what_was_judged_is_in_the_results(
    small_disk, capsys, monkeypatch, serving
):
    monkeypatch.chdir(small_disk.parent)
    Path("rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    write_rows(Path("items.jsonl"), 3000, "Here " * 60)
    assert score("items.jsonl") == 0
    with serving(text='{"label": "yes"}') as url:
        judge = ("-j", f"endpoint:{url}#m", "--ledger", small_disk / "l.sqlite")
        code = command(
            "score", "items.jsonl", "-r", "rubric.json", *judge, "-q", "--out", "out", "--overwrite"
        )

    told = capsys.readouterr().err
    assert code == 3
    assert "stopped: " in told
    assert "database or disk is full" in told
    assert "Traceback" not in told
    summary = jk.load_run("out").summary
    assert "disk is full" in summary["stopped"]
    assert 0 < summary["items"] < 3000 == summary["items_in_all"]


def test_every_option_is_part_of_what_makes_a_job_or_left_out_of_it_on_purpose():
    planned = {"protocol", "form", "per_call", "samples", "prompt", "orders", "ties"}  # which a plan holds
    items = {"columns", "on_bad_item"}
    read = {"labels", "calibration"}  # by what they hold (`verbs.job.prepare`), and only where they are given
    how = {"again", "ledger", "read_also", "store_prompts", "limits", "own_code", "say", "progress"}
    how |= {"telemetry", "batch", "then"}

    given = {"schedule", "pairs", "until_separated", "adaptive", "until_sd", "gamma"}  # only where they are
    given |= {"shard"}

    assert Options.__annotations__.keys() == planned | items | read | how | given | asked_of({}).keys()

"""The example project as a user has it: a command line in CI that passes, and fails with the numbers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.cli.reference import BLOCK, guide_text

PROJECT = Path(__file__).parents[1] / "example_project"
TABLES = ("scores.jsonl", "outcomes.jsonl")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "project"


def started(project: Path) -> tuple[int, str]:
    """Run what CI runs, and return its exit code and what it says."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JUDGE"))
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "ci.sh"], capture_output=True, text=True, check=False, cwd=project, timeout=300,
        env={**environment, "PATH": path, "PYTHONPATH": ".", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1",
             "PYTEST_ADDOPTS": "-p no:hypothesispytest"},  # which takes a second to import
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_it_passes_and_run_again_asks_nothing_and_gives_the_same_bytes(project: Path):
    code, text = started(project)
    assert code == 0, text
    assert "4 judgements: 4 passed, 0 failed, 0 undecided" in text
    assert "126 calls: 6 new, 120 from the ledger" in text
    first = [(project / "results" / name).read_bytes() for name in TABLES]
    kept = json.loads((project / "results" / "run.json").read_text())
    assert [each["met"] for each in kept["required"]] == [True, True, True]

    shutil.copytree(project / "results", project / "before")
    code, text = started(project)
    assert code == 0, text
    assert [(project / "results" / name).read_bytes() for name in TABLES] == first
    assert json.loads((project / "results" / "run.json").read_text())["new_calls"] == 0
    assert "worse<=0 0 none 60 yes" in " ".join(text.split())
    assert "126 calls: 0 new, 126 from the ledger" in text
    assert len(jk.load_run(project / "checked").outcomes) == 126


def test_a_bot_that_is_worse_fails_with_the_numbers(project: Path):
    bot = project / "bot.py"
    bot.write_text(bot.read_text().replace('"refund" in question', '"password" in question'))

    code, text = started(project)

    assert code == 1
    assert text == "not met: polite: share>=85%: 0.6667 is below 0.85\n"


def test_the_guide_has_the_files_of_the_project():
    held = {file: content for _, file, content in BLOCK.findall(guide_text("ci")) if file}
    there = {path.name: path.read_text(encoding="utf-8") for path in PROJECT.iterdir() if path.is_file()}

    assert there.keys() - held.keys() == {".gitignore", "job.toml"}  # which the guide's command writes
    assert {file: there.get(file) for file in held if file != "leaky.toml"} == {
        file: content for file, content in held.items() if file != "leaky.toml"
    }
    [written] = [block for block in guide_text("ci").split("```") if "$ cat job.toml" in block]
    assert there["job.toml"] in written

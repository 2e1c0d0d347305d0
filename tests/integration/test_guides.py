"""Every block of code in the guides is run, and prints what the guide says; the reference is current."""

import doctest
import io
import os
import pty
import re
import runpy
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import pytest

import judgekit
from judgekit.cli import COMMANDS, main
from judgekit.cli.reference import BLOCK, FOLDER, guide_text, guides

ROOT = Path(__file__).parents[2]
WITH_SDK = pytest.mark.skipif(
    find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None,
    reason="the SDK of OpenTelemetry is not installed: pip install -e '.[dev]'",
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


class Shell:
    """Carries out the `$` lines of a guide: judgekit in this process, the rest by bash."""

    code = 0

    def run(self, line: str) -> str:
        line = line.replace("\\\n", " ")
        if line == "echo $?":
            return f"{self.code}\n"
        if given := re.fullmatch(r"export (\w+)=(\S+)", line):
            os.environ[given[1]] = given[2]
            return ""
        if not line.startswith("judgekit ") or any(sign in line for sign in "|><;&"):
            done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, check=False)
            self.code = done.returncode
            return done.stdout + done.stderr
        shown, path = io.StringIO(), [*sys.path]
        here = [str(Path.cwd())] if os.environ.get("PYTHONPATH") == "." else []
        sys.path = [*here, *(each for each in path if each != str(Path.cwd()))]  # as the command would start
        with redirect_stdout(shown), redirect_stderr(shown), pytest.raises(SystemExit) as left:
            main(shlex.split(line)[1:])
        sys.path = path
        self.code = int(left.value.code or 0)
        return shown.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in ("JUDGEKIT_LEDGER", "TERM", "COLUMNS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")  # which takes a second to import
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("JUDGEKIT_PROGRESS", "no")  # a slow machine shows more than a guide says
    return tmp_path


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=WITH_SDK if each == "telemetry" else ()) for each in guides()]
)
def test_a_guide_prints_what_it_says(name: str, folder: Path):
    check, wrong = doctest.OutputChecker(), []
    shell, names = Shell(), {"__name__": "guide"}
    before = set(sys.modules)
    for language, file, content in BLOCK.findall(guide_text(name)):
        if file:
            (folder / file).write_text(content, encoding="utf-8")
        elif language == "console":
            for command, wanted in COMMAND.findall(content):
                got = shell.run(command)
                if not check.check_output(wanted, got, FLAGS):
                    wrong.append(f"$ {command}\n--- wanted\n{wanted}--- got\n{got}")
        elif language == "python" and ">>> " in content:
            test = doctest.DocTestParser().get_doctest(content, names, name, f"{name}.md", 0)
            shown = io.StringIO()
            doctest.DocTestRunner(checker=check, optionflags=FLAGS, verbose=False).run(
                test, out=shown.write, clear_globs=False
            )
            names.update(test.globs)
            wrong += [shown.getvalue()] if shown.getvalue() else []
    for module in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]

    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_all_python_in_the_guides_is_run():
    for name in guides():
        for language, file, content in BLOCK.findall(guide_text(name)):
            assert language != "python" or file or ">>> " in content, f"{name}: {content}"


def test_each_thing_of_one_s_own_has_under_thirty_lines():
    files = [(file, content) for _, file, content in BLOCK.findall(guide_text("own")) if file]

    assert len(files) == 5
    assert {file: n for file, content in files if (n := len(content.splitlines())) >= 30} == {}


def test_every_name_of_a_guide_is_one():
    texts = {name: guide_text(name) for name in guides()}
    texts["README"] = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, text in texts.items():
        named = set(re.findall(r"judgekit guide ([a-z]+)", text)) | set(
            re.findall(r"guides/([a-z]+)\.md", text)
        )

        assert named <= {*guides()}, name
    assert {each.guide for each in COMMANDS.values() if each.guide} <= {*guides()}


@pytest.mark.parametrize("name", ["reference", "trainers"])
def test_what_is_made_of_docstrings_is_current(name: str):
    made = runpy.run_path(str(ROOT / "tests" / "reference.py"))["PAGES"][name]()

    assert guide_text(name) == made, "run: python tests/reference.py"


def test_a_terminal_is_told_the_guide_and_a_file_is_not(tmp_path: Path):
    command = [sys.executable, "-m", "judgekit", "columns"]
    plain = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, cwd=tmp_path) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # Linux: the other end is closed
            pass
        process.wait(30)
    os.close(ours)

    assert "judgekit guide" not in plain.stdout + plain.stderr
    assert shown.decode().rstrip().endswith("judgekit guide score")


def test_the_files_of_a_guide_replace_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for code in (0, 2):
        with pytest.raises(SystemExit) as left:
            main(["guide", "score", "--files", str(tmp_path)])

        assert left.value.code == code
    assert "would be replaced" in capsys.readouterr().err
    assert {each.name for each in tmp_path.iterdir()} == {
        file for _, file, _ in BLOCK.findall(guide_text("score")) if file
    }


def test_an_unknown_guide_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        main(["guide", "scores"])

    assert left.value.code == 2
    assert "did you mean 'score'?" in capsys.readouterr().err


def test_the_slow_tests_that_are_listed_are_there():
    for line in (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").split():
        path, _, name = line.partition("::")

        assert path.endswith(".md") or name.rpartition(".")[2] in (ROOT / path).read_text(encoding="utf-8"), (
            line
        )


def test_the_rooms_are_listed_in_their_order():
    shape = runpy.run_path(str(ROOT / "tests" / "unit" / "test_shape.py"))["ROOMS"]
    there = {each.stem for each in FOLDER.parent.iterdir()}
    table = guide_text("contributing").partition("| room |")[2].partition("\n\n")[0]

    listed = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert listed == [room for room in shape if room in there]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 220


def test_the_package_ships_its_guides():
    assert Path(judgekit.__file__).parent / "guides" == FOLDER
    assert len(guides()) >= 14

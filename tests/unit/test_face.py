"""The faces of the packages: every public name is there, explained, and seen by editors and type checkers."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import judgekit

ROOT = Path(judgekit.__file__).parent
FACES = {".".join(path.relative_to(ROOT.parent).parts[:-1]): path for path in ROOT.rglob("__init__.pyi")}
NAMES = [
    (package, name)
    for package in (*FACES, "judgekit.rewards", "judgekit.standing")
    for name in dir(import_module(package))
    if not name.startswith("_") and not isinstance(getattr(import_module(package), name), ModuleType)
]


@pytest.mark.parametrize("package", FACES)
def test_a_stub_lists_names_in_lines_that_are_read(package: str):
    lines = FACES[package].read_text(encoding="utf-8").splitlines()

    names = [line.rpartition(" ")[2] for line in lines if line not in {"", "__version__: str"}]
    assert sorted(names) == dir(import_module(package))


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_each_public_name_is_a_thing_that_says_what_it_is(package: str, name: str):
    value = getattr(import_module(package), name)

    assert not isinstance(value, ModuleType)
    assert value.__doc__


@pytest.mark.parametrize("package", FACES)
def test_no_module_hides_a_name(package: str):
    """One of the same name would take its place as soon as anything imports it."""
    names = {name for where, name in NAMES if where == package}

    modules = [path.stem for path in FACES[package].parent.glob("*.py")]
    rooms = [path.parent.name for path in FACES[package].parent.glob("*/__init__.py")]
    assert names & {*modules, *rooms} == set()


NO_DOORS = ("reference", "changes", "contributing")
"""Guides that name things without saying what for."""


@pytest.fixture(scope="module")
def shown() -> str:
    """The code of the README and of the guides that are written by hand."""
    root = Path(judgekit.__file__).parent
    written = [path for path in (root / "guides").glob("*.md") if path.stem not in NO_DOORS]
    texts = [path.read_text(encoding="utf-8") for path in (root.parent / "README.md", *written)]
    return "\n".join(re.findall(r"^```.*?^```|`[^`]+`", "\n".join(texts), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_each_public_name_has_a_door_or_an_example(package: str, name: str, shown: str):
    """An example in its docstring, or a guide or the README with a call of it, of a record its name."""
    value, room = getattr(import_module(package), name), package.rpartition(".")[2]
    call = rf"\b{name}\b" if isinstance(value, type) else rf"\b(jk|{room})\.{name}\b"

    assert ">>> " in value.__doc__ or re.search(call, shown)


REFERENCE = re.compile(
    r"(?:\b[Aa]s (?:in|of|for)|\b[Ss]ee) `(?:\w+\.)*(\w+)`"
    r"|`(?:\w+\.)*([A-Z][A-Z_]+)`"  # a table of ours in the place of what it holds
    r"|\b(as there|(?:[Aa]s|[Ss]ee) the module)\b"
)


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_docstring_sends_its_reader_to_public_names_only(package: str, name: str):
    public, doc = {name for _, name in NAMES}, getattr(import_module(package), name).__doc__

    assert {next(filter(None, found.groups())) for found in REFERENCE.finditer(doc)} <= public


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'kapa'"):
        _ = judgekit.agreement.kapa  # type: ignore[attr-defined]


def test_an_editor_completes_every_public_name():
    jedi = pytest.importorskip("jedi", reason="jedi is not installed: pip install -e '.[dev]'")
    for package in FACES:
        line = f"import {package} as face; face."
        offered = {each.name for each in jedi.Script(line).complete(1, len(line))}

        assert {name for where, name in NAMES if where == package} <= offered


WRONG = """
import judgekit as jk

jk.agreement.kapa([[1]])
jk.agreement.kappa([[1, 2]], sclae=3)
jk.scor([], "r")
jk.calibration.balanced()
jk.aggregate.meen
jk.rewards.Rewrader
jk.standing.bradly_terry
jk.score([], "r", "local", sampels=3)
"""


def test_a_type_checker_refuses_a_wrong_name_or_keyword(tmp_path: Path):
    example = tmp_path / "example.py"
    example.write_text(WRONG, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(example)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip

    refused = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert refused == set(range(4, len(WRONG.splitlines()) + 1)), done.stdout

"""Files that are written beside their places and moved: nothing that was there is lost on the way."""

import ast
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

import judgekit
from judgekit.errors import InputError, JudgekitError
from judgekit.review.sheet import inert, restored
from judgekit.writing import Together, beside, whole, write

NAMES = ("a", "b", "c", "index")
TOUCHES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod"}
CELLS = [
    "=1+1", "+1", "-1", "@x", " =1", "\t=1", "a;=1", "a; +1", 'a\n"=1', "a\r@1", "'=1", "''=1", "a\t-b",
    "\uff1d1",
]  # fmt: skip
OTHERS = ["a = b", "1-2", "x;y", "don't", "", "'quoted'", "a;b = c", '{"a": 1}']


def put(folder: Path, mark: str, names=NAMES) -> None:
    with Together(folder, NAMES) as new:
        for name in names:
            new.open(name).write(f"{name} {mark}".encode())
        new.commit()


def read(folder: Path) -> dict[str, str]:
    return {name: whole(folder, name).read_text() for name in NAMES if whole(folder, name).exists()}


def killed_at(step: int, folder: Path, work) -> bool:
    """Whether work was killed: in a child that kills itself at its step-th touch of the folder."""
    child = os.fork()
    if child == 0:
        seen = 0

        def hook(event, args):
            nonlocal seen
            paths = [os.fspath(each) for each in args if isinstance(each, str | os.PathLike)]
            if event in TOUCHES and any(str(folder) in path for path in paths):
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("names", [NAMES, ("a", "index")])
def test_a_set_is_the_old_one_or_the_new_one_wherever_its_writer_is_killed(tmp_path: Path, names):
    folder, step, found = tmp_path / "set", 0, set()
    while True:
        step += 1
        put(folder, "old")
        if not killed_at(step, folder, lambda: put(folder, "new", names)):
            break
        marks = {text.split()[1] for text in read(folder).values()}
        assert marks in ({"old"}, {"new"})
        assert read(folder).keys() == set(NAMES if marks == {"old"} else names)
        found |= marks

    assert found == {"old", "new"}
    assert step > 15
    assert read(folder) == {name: f"{name} new" for name in names}
    assert {path.name for path in folder.iterdir()} == set(names)


def test_a_set_that_is_not_put_in_place_leaves_what_was_there(tmp_path: Path):
    put(tmp_path, "old")
    with Together(tmp_path, NAMES) as new:
        new.open("a").write(b"half of")

    assert read(tmp_path) == {name: f"{name} old" for name in NAMES}
    assert {path.name for path in tmp_path.iterdir()} == set(NAMES)


def test_two_processes_do_not_write_one_set(tmp_path: Path):
    with Together(tmp_path, NAMES), pytest.raises(InputError, match="another process"):
        put(tmp_path, "other")


def test_one_file_is_the_old_one_or_the_new_one_wherever_its_writer_is_killed(tmp_path: Path):
    target, step, found = tmp_path / "made" / "file.txt", 0, set()
    write(target, b"old")
    while True:
        step += 1
        write(target, b"old")
        if not killed_at(step, target.parent, lambda: write(target, b"new")):
            break
        found.add(target.read_bytes())

    assert found == {b"old", b"new"}
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_clear_error():
    with pytest.raises(JudgekitError, match=r"/dev/full: could not be .* \(No space left") as error:
        write("/dev/full", b"x" * 100_000)

    assert not isinstance(error.value, InputError)  # exit code 3, not 2


def test_what_breaks_while_files_are_written_leaves_the_old_ones_and_no_others(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"old")

    def broken():
        with beside(one, two) as files:
            files[0].write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        broken()

    assert one.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_file_keeps_its_mode_and_a_link_its_target(tmp_path: Path):
    kept, link = tmp_path / "kept", tmp_path / "link"
    kept.write_bytes(b"old")
    kept.chmod(0o600)
    link.symlink_to(kept)
    write(link, b"new")

    assert link.is_symlink()
    assert kept.read_bytes() == b"new"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_file_that_is_read_is_not_written_by_whatever_name(tmp_path: Path):
    kept, link, hard = tmp_path / "kept", tmp_path / "link", tmp_path / "hard"
    kept.write_bytes(b"old")
    link.symlink_to(kept)
    os.link(kept, hard)
    for target in (kept, link, hard, tmp_path / "x" / ".." / "kept"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="would be lost"):
            write(target, b"new", reads=[kept])

    assert kept.read_bytes() == b"old"


@pytest.mark.parametrize("cell", CELLS)
def test_no_cell_begins_a_formula_and_all_come_back(cell):
    made = inert(cell)

    assert restored(made) == cell
    for part in made.replace("\n", ";").replace("\r", ";").replace("\t", ";").split(";"):
        assert not part.strip(' "').startswith(tuple("=+-@\uff1d"))


@pytest.mark.parametrize("cell", OTHERS)
def test_other_cells_stay_as_they_are(cell):
    assert inert(cell) == cell == restored(cell)


def test_nobody_else_writes_files():
    """Files are opened to be written in one module; but for a cache that is checked, a log that grows, an
    index and what came by the standard input, each in a folder of its own."""
    others = {"writing.py", "model_store.py", "watch.py", "index.py"}
    root = Path(judgekit.__file__).parent
    for path in sorted({*root.rglob("*.py")} - {root / "items" / "files.py"}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.name in others or not isinstance(node, ast.Call):
                continue
            if ast.unparse(node.func) == "files.open":  # fsspec's, wherever it reaches
                continue
            where, called = f"{path.name}:{node.lineno}", ast.unparse(node.func).rpartition(".")[2]
            assert called not in {"write_text", "write_bytes", "to_csv", "to_parquet", "mkstemp"}, where
            modes = [each.value for each in node.args if isinstance(each, ast.Constant)]
            assert called != "open" or not {"w", "wb", "x", "xb", "a", "ab", "r+b"} & {*map(str, modes)}, (
                where
            )

"""Tables of a run written as Parquet where fsspec reaches."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import judgekit as jk
from judgekit.cli import app
from judgekit.table import read_outcomes, read_scores

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?"}]}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello {n}", "tags": {"topic": "post"}} for n in range(3)]


@pytest.fixture
def run() -> jk.Run:
    judge = jk.Scripted("kind", lambda call: "no!" if call.item.item_id == "1" else '{"label": "yes"}')
    return jk.score(ITEMS, RUBRIC, judge, ledger=None)


def test_a_run_and_its_folder_are_written_as_the_run_writes_itself(run: jk.Run, tmp_path: Path):
    run.save(tmp_path / "run")

    made = jk.export(run, f"{tmp_path}/new/folder/", tables=["scores", "outcomes", "calls"])
    jk.export(tmp_path / "run", "memory://bucket/run-1")

    assert made == [f"{tmp_path}/new/folder/{name}.parquet" for name in ("scores", "outcomes", "calls")]
    for path in map(Path, made):
        assert path.read_bytes() == (tmp_path / "run" / path.name).read_bytes()
    files = fsspec.filesystem("memory")
    for name, read in (("scores", read_scores), ("outcomes", read_outcomes)):
        files.get_file(f"/bucket/run-1/{name}.parquet", tmp_path / f"{name}.parquet")
        assert tuple(read(tmp_path / f"{name}.parquet")) == getattr(run, name)


def test_the_command_says_where_it_wrote_and_what_cannot_be_written(run: jk.Run, tmp_path: Path):
    run.save(tmp_path / "run")

    done = CliRunner().invoke(app, ["export", str(tmp_path / "run"), f"{tmp_path}/to", "--table", "outcomes"])

    assert "".join(done.output.split()) == f"writtento{tmp_path}/to/outcomes.parquet"
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["outcomes.parquet"]
    for wrong, said in (("nowhere://x", "nowhere"), (f"{tmp_path}/run/run.json/x", "cannot be written")):
        with pytest.raises(jk.InputError, match=said):
            jk.export(run, wrong)
    (tmp_path / "run" / "scores.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(jk.InputError, match="is not the file that"):
        jk.export(tmp_path / "run", f"{tmp_path}/to")


def test_what_is_cut_short_takes_no_older_tables_place(run: jk.Run, monkeypatch: pytest.MonkeyPatch):
    jk.export(run, "memory://cut/run")
    before, whole = fsspec.filesystem("memory").cat("/cut/run/scores.parquet"), jk.Run.rows

    def broken(self: jk.Run, kind: str):
        yield next(iter(whole(self, kind)))
        raise KeyboardInterrupt

    monkeypatch.setattr(jk.Run, "rows", broken)
    with pytest.raises(KeyboardInterrupt):
        jk.export(run, "memory://cut/run", tables=["scores"])

    assert fsspec.filesystem("memory").cat("/cut/run/scores.parquet") == before


def test_a_password_in_an_address_is_not_shown(run: jk.Run):
    with pytest.raises(jk.InputError) as error:
        jk.export(run, "ftp://me:CANARY77@127.0.0.1:9/x")

    assert "ftp://127.0.0.1:9/x/scores.parquet: cannot be written" in str(error.value)
    assert "CANARY" not in str(error.value)


def test_a_table_that_there_is_not_is_told(run: jk.Run):
    with pytest.raises(jk.InputError, match=r"table 'score'; did you mean 'scores'\?"):
        jk.export(run, "memory://x", tables=["score"])

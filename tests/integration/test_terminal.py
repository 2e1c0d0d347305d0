"""What commands print: text from wherever is shown whole, and nothing in it steers the terminal."""

import ast
import json
import logging
import shutil
import subprocess
import sys
import threading
import unicodedata
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import judgekit
from judgekit.cli import main, printing
from judgekit.terminal.plain import plain

ROOT = Path(judgekit.__file__).parent
# Ids have no control characters.
NAME = "[red]x[/red] [link=http://evil]l[/link] [/] :bug: \u202egpj.exe \u2066z"
TEXT = f"{NAME}\x1b]0;owned\x07\x1b[2J\x9b31m\x08\x7f\rlow\u2028error: none\nerror: forged"
RUBRIC = {
    "id": NAME,
    "guidelines": TEXT,
    "origin": TEXT,
    "criteria": [
        {"id": NAME, "text": TEXT, "scale": ["no", NAME], "anchors": {"no": TEXT}},
        {"id": "b", "text": TEXT},
    ],
}
ITEMS = [
    {"id": f"{NAME} {n}", "task": TEXT, "responses": {NAME: TEXT, "other": TEXT + "longer"},
     "systems": {NAME: NAME, "other": "other"}, "reference": TEXT}
    for n in range(3)
]  # fmt: skip
SPEC = '[rubric]\nfile = "rubric.json"\n'


def command(capsys, *arguments) -> tuple[int, str]:
    """The exit code, and all that was printed, which nothing may steer the terminal with."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    said = capsys.readouterr()
    shown = said.out + said.err
    assert not [
        c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in "\n\t"
    ]
    assert "\nerror: forged" not in said.err
    assert "Traceback" not in shown
    return int(left.value.code or 0), shown


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    for name in ("items.jsonl", f"{NAME.replace('/', '_')}.jsonl"):
        lines = "".join(json.dumps(item) + "\n" for item in ITEMS)
        Path(name).write_text(lines, encoding="utf-8")
    return tmp_path


def score(capsys, *more, verb="score"):
    return command(
        capsys, verb, "items.jsonl", "-r", "rubric.json", "-j", "control:longer", "--ledger", "none", *more
    )


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("verb", ["score", "compare", "rank"])
def test_ids_systems_and_names_of_criteria_are_shown_whole_and_are_no_markup(verb, capsys):
    code, shown = score(capsys, "--out", NAME.replace("/", "_"), verb=verb)

    assert code == 0
    for name in (f"{plain(NAME)} 2", f" {plain(NAME)} "):
        assert name in shown
    assert f"written to {plain(NAME.replace('/', '_'))}" in shown


@pytest.mark.usefixtures("folder")
def test_what_a_run_leaves_is_shown_by_all_commands_that_read_it(capsys):
    assert score(capsys, "--out", "a")[0] == 0
    strong = ("items.jsonl", "-r", "rubric.json", "-j", "control:random=1", "--ledger", "none", "--out", "b")
    assert command(capsys, "score", *strong)[0] == 0
    rows = [json.loads(line) for line in Path("a/outcomes.jsonl").read_bytes().splitlines()]
    labels = [
        {"item_id": row["item_id"], "criterion": row["criterion"], "label": row["label"], "rater": who,
         "response_id": row["responses"][0]}
        for row in rows for who in (NAME, "q")
    ]  # fmt: skip
    Path("labels.jsonl").write_text("".join(json.dumps(each) + "\n" for each in labels), encoding="utf-8")
    told = [
        ("agree", "a/outcomes.jsonl", "--labels", "labels.jsonl", "-r", "rubric.json", "--resamples", "20",
         "--report", f"{NAME.replace('/', '_')}.html"),
        ("agree", "a/outcomes.jsonl", "--labels", "labels.jsonl", "-r", "rubric.json", "--resamples", "20",
         "--json"),
        ("review", "export", "a/outcomes.jsonl", "--items", "items.jsonl", "-r", "rubric.json", "--out", "s"),
        ("review", "import", "s/sheet.csv", "--key", "s/key.json", "--out", "people.jsonl"),
        ("show", "a"), ("show", "a", rows[0]["item_id"]), ("diff", "b", "a"),
        ("ledger", "diff", "a", "b"), ("ledger", "diff", "a", "b", "--json"),
        ("ingest", "labels.jsonl", "-r", "rubric.json", "--people", "--out", "l.jsonl"),
        ("cascade", "a/outcomes.jsonl", "b/outcomes.jsonl", "--labels", "labels.jsonl", "-r", "rubric.json",
         "--criterion", "b", "--least", "1"),
        ("rubric", "show", "rubric.json"), ("rubric", "show", "rubric.json", "--prompt"),
        ("rubric", "lint", "rubric.json"), ("rubric", "list"), ("columns",), ("recipes",), ("model", "show"),
        ("rubric", "diff", "rubric.json", "answer_match"), ("rubric", "import", "rubric.json"),
    ]  # fmt: skip
    for each in told:
        code, shown = command(capsys, *each)
        assert code in {0, 1}, (each, shown)
        if {"agree", "diff", "lint"} & {*each} or each[0] == "show" or each[:2] == ("rubric", "show"):
            assert plain(NAME)[:20] in shown, each


@pytest.mark.usefixtures("folder")
def test_a_rubric_that_is_printed_reads_back_as_it_was(capsys, tmp_path):
    from judgekit.rubric import load_rubric

    _, shown = command(capsys, "rubric", "show", "rubric.json")
    (tmp_path / "again.yaml").write_text(shown, encoding="utf-8")

    assert load_rubric("again.yaml").digest == load_rubric("rubric.json").digest


class _Saying(BaseHTTPRequestHandler):
    """A server that answers every request with an error in hostile words."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        raw = json.dumps({"error": {"message": TEXT, "type": TEXT, "code": TEXT}}).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        pass


@pytest.fixture
def hostile_server():
    with HTTPServer(("127.0.0.1", 0), _Saying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.mark.usefixtures("folder")
def test_what_a_server_says_is_shown_and_not_obeyed(hostile_server, capsys):
    code, shown = score(capsys, "-j", f"endpoint:{hostile_server}#m", "--tries", "1", "--out", "o")

    assert code == 3
    assert "stopped: " in shown
    assert plain("[link=http://evil]l[/link]") in shown


@pytest.mark.usefixtures("folder")
def test_what_a_judge_says_is_shown_from_the_ledger_and_not_obeyed(serving, capsys):
    with serving(text=TEXT) as url:
        code, _ = score(capsys, "-j", f"endpoint:{url}#m", "--ledger", "l.sqlite", "--no-reask", "--out", "o")
    assert code == 0
    _, listed = command(capsys, "ledger", "show", "--limit", "9", "--ledger", "l.sqlite", "--json")
    key = json.loads(listed.splitlines()[0])["key"]

    assert json.loads(listed.splitlines()[0])["text"] == TEXT
    for each in ((), ("--limit", "9"), (key,), (key, "--json")):
        code, shown = command(capsys, "ledger", "show", *each, "--ledger", "l.sqlite")
        assert code == 0
        assert not each or plain("[link=http://evil]") in shown or "\\u202e" in shown


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        (TEXT,), ("--" + TEXT,), ("score", "x", "-r", TEXT), ("score", TEXT, "-r", "rubric.json"),
        ("score", "items.jsonl", "-r", "rubric.json", "-j", TEXT), ("rubric", "show", TEXT),
        ("score", "items.jsonl", "--recipe", TEXT), ("recipes", TEXT), ("agree", TEXT, "--scale", "yes_no"),
        ("score", "items.jsonl", "-r", "rubric.json", "--protocol", TEXT), ("reward", "show", TEXT),
        ("score", "items.jsonl", "-r", "rubric.json", "--column", f"task={TEXT}"), ("ledger", TEXT),
        ("score", "items.jsonl", "-r", "rubric.json", "--column", f"{TEXT}=x"), ("rubric", "import", TEXT),
        ("review", "import", TEXT, "--key", TEXT, "--out", "x"), ("ledger", "verify", "--ledger", TEXT),
        ("cascade", TEXT, TEXT, "--labels", TEXT, "--scale", "yes_no"), ("rubric", "lint", TEXT),
        ("ingest", TEXT, "-r", "rubric.json", "--out", "x"), ("agree", "items.jsonl", "--require", TEXT),
        ("agree", "items.jsonl", "--scale", TEXT), ("rubric", "diff", TEXT, TEXT),
        ("reward", "give", "items.jsonl", "--spec", TEXT, "--out", TEXT),
    ],
)  # fmt: skip
def test_what_is_typed_is_told_back_and_not_obeyed(arguments, capsys):
    code, shown = command(capsys, *arguments)

    assert code in {1, 2}
    assert "[red]x[/red] [link" in shown


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("suffix", [".yaml", ".toml", ".json"])
def test_a_file_that_cannot_be_read_is_told_in_its_own_words_and_not_obeyed(suffix, capsys):
    Path(f"bad{suffix}").write_text(f"{{ id: {TEXT}", encoding="utf-8")
    Path("bad.jsonl").write_text(json.dumps({"id": "1", TEXT: TEXT}) + "\n", encoding="utf-8")

    assert command(capsys, "rubric", "show", f"bad{suffix}")[0] == 2
    assert command(capsys, "score", "bad.jsonl", "-r", "rubric.json")[0] == 2


def test_warnings_logs_and_crashes_pass_through_the_same_place(capsys, monkeypatch):
    def broken(*_, **__):
        warnings.warn(TEXT, stacklevel=1)
        logging.getLogger("judgekit.x").warning(TEXT)
        raise RuntimeError(TEXT)

    monkeypatch.setattr("judgekit.rubric.bundled", broken)
    monkeypatch.setattr("judgekit.cli.rubric.bundled", broken)
    monkeypatch.setattr(logging, "lastResort", logging.StreamHandler())
    with pytest.raises(SystemExit) as left:
        main(["rubric", "list"])
    shown = capsys.readouterr().err

    assert left.value.code == 1
    assert "RuntimeError: [red]x[/red]" in shown
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in "\n\t"]


@pytest.mark.skipif(shutil.which("script") is None, reason="no `script` to make a terminal")
@pytest.mark.usefixtures("folder")
def test_on_a_terminal_only_our_own_colours_are_sequences():
    code = "from judgekit.cli import main; main()"
    asked = [
        sys.executable,
        "-c",
        f'"{code}"',
        "score items.jsonl -r rubric.json -j control:longer --ledger none",
    ]
    made = subprocess.run(
        ["script", "-qec", " ".join(asked), "/dev/null"], capture_output=True, check=False  # noqa: S607
    )  # fmt: skip

    shown = made.stdout.decode()
    assert made.returncode == 0, shown
    for sequence in ("\x1b]", "\x1b[2J", "\x9b", "\x07", "\u202e"):
        assert sequence not in shown


def test_nobody_else_prints():
    """`print`, `typer.echo`, the streams and rich are called where printing is done: two small places."""
    for path in sorted(ROOT.rglob("*.py")):
        if path == Path(printing.__file__) or path.parent == ROOT / "terminal":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', '')}"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {
                    "print",
                    "typer.echo",
                    "typer.secho",
                    "click.echo",
                    "warnings.showwarning",
                }, where
                assert not called.startswith(("sys.stdout", "sys.stderr")), where
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                )
                assert not [name for name in names if name.split(".")[0] == "rich"], where

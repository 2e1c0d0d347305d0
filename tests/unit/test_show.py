"""`judgekit show`: a run as text, and what stands behind the scores of an item."""

import gzip
import json
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.cli.means import Means
from judgekit.types import Call, Item, Score, Unit

RUBRIC = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}, {"id": "clear", "text": "Clear?"}]}
ITEMS = [
    {"id": "7", "task": "Hi", "responses": {"a": "Hello, dear friend.", "b": "[bold]Go away.[/bold]"}},
    {"id": "8", "task": "Hi", "responses": {"a": "Hello."}},
]


def judge(call: Call) -> str:
    if call.asks[0].criterion == "clear" and call.shown == ("b",):
        return "I will not say."
    quote = "dear friend" if call.shown == ("a",) else "made up"
    label = "yes" if call.shown == ("a",) else "no"
    return f'{{"evidence": ["{quote}"], "rationale": "By its tone.", "label": "{label}"}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    jk.score(ITEMS, RUBRIC, jk.Scripted("strict", judge), ledger=None).save(tmp_path / "run")
    return tmp_path / "run"


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(["show", *map(str, arguments)])
    out = capsys.readouterr()
    return int(left.value.code or 0), out.out + out.err


def test_labels_reasons_and_quotations_stand_behind_a_score(folder: Path, capsys: pytest.CaptureFixture[str]):
    code, text = told(capsys, folder, "7")

    assert code == 0
    assert "kind, judge strict: 'yes', worth 1.000" in text
    assert "because: By its tone." in text
    assert "quoted 'dear friend', in response, exact" in text
    assert "quoted 'made up', NOT FOUND in what was shown" in text
    assert "clear, judge strict: no label, refused: " in text
    assert "item 8" not in text


def test_one_response_and_one_criterion(folder: Path, capsys: pytest.CaptureFixture[str]):
    _, text = told(capsys, folder, "7", "--response", "b", "--criterion", "kind")

    assert "item 7, b" in text
    assert "item 7, a" not in text
    assert "clear, judge" not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("9",), "no item '9' in the run; there are 7, 8"),
        (("7", "--response", "c"), "no response ['c']; there are a, b"),
        (("7", "--criterion", "kid"), "no criterion 'kid'; did you mean 'kind'? There are clear, kind"),
        (("7", "--criterion", "kind", "--criterion", "foo"), "no criterion 'foo'; there are clear, kind"),
        (("--criterion", "kind"), "--response and --criterion are of an item; name one"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    folder: Path, arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
):
    code, text = told(capsys, folder, *arguments)

    assert code == 2
    assert says in text


@pytest.mark.parametrize("long", ["x" * 5000, "an id " * 800])
def test_what_is_very_long_leaves_the_values_in_sight(
    long: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    row = {"id": f"{long}1", "task": "Hi", "response": "Hello.", "system": f"{long}2"}
    Path("items.jsonl").write_text("".join(json.dumps({**row, "id": f"{long}{n}"}) + "\n" for n in range(2)))
    Path("rubric.json").write_text(json.dumps({**RUBRIC, "criteria": RUBRIC["criteria"][:1]}))
    score = ["score", "items.jsonl", "-r", "rubric.json", "--ledger", "none", "--quiet", "-j"]
    for out, judge in (("a", "control:random=1"), ("b", "control:random=4")):
        with pytest.raises(SystemExit):
            main([*score, judge, "--out", out])
    assert json.loads(Path("a/scores.jsonl").read_text().splitlines()[0])["item_id"] == f"{long}0".strip()
    capsys.readouterr()

    for command in ([*score[:-2], "-j", "control:random=1"], ["show", "a"], ["diff", "a", "b"]):
        with pytest.raises(SystemExit):
            main(command)
        printed = capsys.readouterr().out.splitlines()

        assert max(map(len, printed)) < 500, command
        assert any("..." in line for line in printed), command


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


RATED = {
    "id": "r",
    "criteria": [{"id": "kind", "text": "Is it kind?", "weight": 2, "veto": 0.9}, RUBRIC["criteria"][1]],
}
FORGED = "item 7, a by blue\n  rubric r: 1.000, placed\x1b[2J\u2028item 8"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A run of a file of items with two judges, one of whom forges our lines, and a ledger."""
    rows = [
        {**row, "systems": dict.fromkeys(row["responses"], "blue"), "tags": {"lang": "de"}} for row in ITEMS
    ]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    forger = jk.Scripted("forger", lambda _: f'{FORGED}\n{{"label": "yes"}}', revision="1")
    judges = [jk.Scripted("strict", judge, revision="1"), forger]
    run = jk.score(tmp_path / "items.jsonl", RATED, judges, ledger=tmp_path / "l.sqlite")
    run.save(tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_shown_from_its_means_to_what_is_most_to_see(kept: Path, capsys: pytest.CaptureFixture[str]):
    code, text = told(capsys, kept)
    lines, run = lines_of(text), jk.load_run(kept)

    assert code == 0
    assert lines[0] == f"{kept}: rubric r 1, judges strict, forger"
    assert "2 items, 11 verdicts, 1 abstention (1 refused)" in lines
    values = [s.value for s in run.scores if s.level == "rubric"]
    assert any(line.startswith(f"blue {sum(values) / 3:.3f} ") and line.endswith(" 3 0") for line in lines)
    assert "gate or veto 'kind' fired on 2 of 3: their score is 0" in lines
    assert any(line.startswith("kind 0.833 6 0 ") for line in lines)
    assert any(line.startswith("clear 1.000 5 1 ") for line in lines)
    assert "7 b 0.667 abstained, split, quote_not_found" in lines
    assert lines[-1] == f"one item: judgekit show {kept} ITEM; in a browser: judgekit view {kept}"


def test_an_item_is_shown_down_to_its_replies_which_cannot_forge_a_line(
    kept: Path, capsys: pytest.CaptureFixture[str]
):
    _, text = told(capsys, kept, "7")
    lines = lines_of(text)
    run = jk.load_run(kept)

    assert lines[:4] == [
        "task: Hi",
        "response a: Hello, dear friend.",
        "response b: [bold]Go away.[/bold]",
        "tags: lang=de",
    ]
    assert lines.count("item 7, a by blue") == 1
    assert "rubric r: 0.000, placed, gate or veto 'kind' fired" in lines
    assert "kind 2 1.000 +0.667 veto, fired" in lines
    assert "kind 2 0.500 +0.333 veto" in lines
    assert "| item 7, a by blue" in lines
    assert r"| rubric r: 1.000, placed\x1b[2J\u2028item 8" in lines
    assert "\x1b" not in text
    for call in run.calls:
        assert (f"call {call.call}" in text) == (call.item_id == "7")
    assert (
        lines[-1] == f"a prompt with its reply: judgekit ledger show KEY --ledger {kept.parent / 'l.sqlite'}"
    )


def test_what_is_not_kept_is_said(kept: Path, capsys: pytest.CaptureFixture[str]):
    (kept.parent / "l.sqlite").unlink()
    (kept.parent / "items.jsonl").write_text("{}")
    _, text = told(capsys, kept, "7")

    assert "the texts of the items are not shown, their file (" in text
    assert "items.jsonl): it was changed since" in text
    assert "replies are not shown, the ledger: it cannot be read (No such file or directory)" in text
    assert "kind, judge strict: 'yes', worth 1.000" in text


def test_dimensions_that_are_never_one_number_are_told_with_what_gave_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    jk.score(ITEMS, "peem", "control:random=3", ledger=None).save(tmp_path)
    _, text = told(capsys, tmp_path, "8")
    lines = lines_of(text)

    assert "the rubric has no score over all: its dimensions are read each by itself" in lines
    [found] = jk.load_run(tmp_path).explain("8", "a")
    given = ", ".join(f"{p.criterion} {p.contribution:+.3f}" for p in found.dimensions[0].parts)
    assert f"dimension response: {found.dimensions[0].value:.3f} ({given})" in lines
    assert lines[-1] == "replies are not shown: the run had no ledger"


@pytest.mark.parametrize("name", ["score", "score-panel", "faireval"])
def test_a_run_of_0_1_0_is_shown(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    former = Path(__file__).parents[1] / "data" / "0.1.0" / name
    for file in ("run.json", "scores.jsonl", "outcomes.jsonl"):
        packed = former / f"{file}.gz"
        (tmp_path / file).write_bytes(
            gzip.decompress(packed.read_bytes()) if packed.exists() else (former / file).read_bytes()
        )
    item = jk.load_run(tmp_path).outcomes[0].unit.item_id

    assert told(capsys, tmp_path)[0] == 0
    code, text = told(capsys, tmp_path, item)
    assert code == 0
    assert ("run.json does not keep the rubric" in text) == (name != "faireval")


def test_means_are_added_up_by_system_and_pairs_count_for_both():
    means = Means()
    for n, value in enumerate((1.0, 0.25, None)):
        unit = Unit(str(n), ("x", "y"))
        item = Item(str(n), "Hi", {"x": "a", "y": "b"}, systems={"x": "blue", "y": "red"})
        means.add(item, [Score(unit, "rubric", "r", value, "placed", gate="" if value else "safe")])

    blue, red = (means.systems[name].mean("mean") for name in ("blue", "red"))
    assert (blue.value, red.value) == (0.625, 0.375)
    assert (means.systems["red"].missing, means.units, dict(means.gates)) == (1, 3, {"safe": 1})
    assert 0 <= red.low < red.value < red.high <= 1


def test_the_wide_table_has_a_row_a_response_and_a_column_a_criterion(folder: Path):
    run = jk.load_run(folder)
    wide = run.frame("wide")

    assert list(wide.columns) == ["item_id", "response_id", "system", "score", "kind", "clear"]
    assert wide[["item_id", "response_id"]].values.tolist() == [["7", "a"], ["7", "b"], ["8", "a"]]
    kind = {(s.unit.item_id, s.unit.responses[0]): s.value for s in run.scores if s.name == "kind"}
    assert wide["kind"].tolist() == list(kind.values())
    assert wide["clear"].isna().tolist() == [False, True, False]
    odd = {"id": "r", "criteria": [{"id": "score", "text": "A?"}, {"id": "part", "text": "B?"}]}
    pairs = jk.compare(ITEMS[:1], odd, "control:longer", ledger=None).frame("wide")
    assert list(pairs.columns) == [
        "item_id", "response_id", "against", "system", "score", "criterion:score", "criterion:part",
    ]  # fmt: skip
    assert pairs[["response_id", "against"]].values.tolist() == [["a", "b"]]
    assert jk.Run((), (), {}).frame("wide").empty

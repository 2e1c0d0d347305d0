"""`judgekit why`: what stands behind the scores of an item."""

from pathlib import Path

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.types import Call

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
        main(["why", *map(str, arguments)])
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
        (("9",), "no item '9'; there are 7, 8"),
        (("7", "--response", "c"), "no response ['c']; there are a, b"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    folder: Path, arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
):
    code, text = told(capsys, folder, *arguments)

    assert code == 2
    assert says in text

"""What a command shows of a run: that a table goes on, what a run that was stopped has, folders as runs."""

import csv
import json

import pytest

from judgekit.cli import main

RUBRIC = {
    "id": "tone",
    "criteria": [{"id": "polite", "text": "Is it polite?"}, {"id": "kind", "text": "Kind?"}],
}
ROWS = [{"id": str(n), "task": "Hi", "system": f"s{n % 3}", "response": f"Hello {n}."} for n in range(40)]
JUDGES = """
def fair(call):
    return "yes" if int(call.item.item_id) % 3 else "no"


def strict(call):
    return "no"
"""
SCORE = ["score", "items.jsonl", "-r", "rubric.json", "--ledger", "none"]


@pytest.fixture
def command(tmp_path, capsys, monkeypatch):
    """Runs a command over the items in `items.jsonl`; its exit code, and what it wrote to either stream."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shown_judges.py").write_text(JUDGES, "utf-8")
    (tmp_path / "rubric.json").write_text(json.dumps(RUBRIC), "utf-8")
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")

    def ran(*arguments):
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        return left.value.code or 0, capsys.readouterr()

    return ran


@pytest.mark.parametrize(
    ("out", "where"), [([], "--out FOLDER writes all"), (["--out", "o"], "all 120 are in o")]
)
def test_a_table_that_goes_on_says_so_and_ends_behind_a_whole_response(command, out, where):
    code, shown = command(*SCORE, "-j", "control:random=1", *out)

    assert code == 0
    lines = shown.out.split("\n\n")[0].splitlines()
    assert lines[-1] == f"and 78 more; these are of 14 of 40 items: {where}"
    assert len(lines[1:-1]) == 42
    assert lines[-2].split()[2] == "tone"


def test_a_run_that_its_budget_stops_shows_what_it_has_before_it_says_why(command, serving):
    with serving(text='{"label": "yes"}') as url:
        code, shown = command(
            *SCORE, "-j", f"mock=endpoint:{url}#mock", "--price", "mock=1/10", "--budget", "0.05",
            "--out", "o",
        )  # fmt: skip

    assert code == 3
    assert "over_budget" in shown.out
    assert "0 from the ledger" in shown.out
    assert "written to o" in shown.out
    assert "does not cover the next call" in shown.err


def test_a_score_that_the_panel_withholds_says_so(command):
    judges = ["-j", "py:shown_judges:fair", "-j", "py:shown_judges:strict"]

    code, shown = command(*SCORE, *judges, "--panel", "majority")

    assert code == 0
    assert shown.out.splitlines()[4].split()[2:] == ["polite", "none", "0.00", "to", "1.00,", "judges", "2",
        "withheld", "by", "the", "panel"]  # fmt: skip


def test_judges_of_one_name_are_told_how_a_name_is_given(command):
    code, shown = command(
        *SCORE, "-j", "endpoint:http://a.invalid/v1#m", "-j", "endpoint:http://b.invalid/v1#m"
    )

    assert code == 2
    assert "two judges have one name: ['m', 'm']; give each its own with NAME= before it" in shown.err


def test_columns_of_agree_are_of_the_items_as_well_and_a_folder_is_a_run(command, tmp_path):
    theirs = [
        {"qid": row["id"], "prompt": row["task"], "who": row["system"], "answer": row["response"]}
        for row in ROWS
    ]
    with (tmp_path / "theirs.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, theirs[0])
        table.writeheader()
        table.writerows(theirs)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("item_id", "response_id", "criterion", "annotator", "label")]
            + [
                (row["id"], row["system"], "kind", "ann", "yes" if n % 5 else "no")
                for n, row in enumerate(ROWS)
            ]
        )
    columns = ["item_id=qid", "task=prompt", "response=answer", "system=who", "rater=annotator"]
    given = [part for column in columns for part in ("--column", column)]
    code, _ = command(*SCORE, "-j", "py:shown_judges:fair", "--out", "run", "-q")
    assert code == 0

    code, shown = command(
        "agree", "run", "-r", "rubric.json", "--labels", "labels.csv", "--items", "theirs.csv", *given
    )

    assert (code, shown.err) == (0, "")
    assert "0 systems to rank" not in shown.out
    assert "fair on kind, to rank systems" in shown.out


def test_a_folder_of_a_run_is_what_people_review(command):
    command(*SCORE, "-j", "control:random=1", "--out", "run", "-q")

    code, shown = command(
        "review", "export", "run", "--items", "items.jsonl", "-r", "rubric.json", "--out", "sheet"
    )

    assert (code, shown.err) == (0, "")
    assert "16 questions" in shown.out


def test_a_dry_run_says_where_a_budget_would_not_do(command):
    judge = ["-j", "m=endpoint:http://a.invalid/v1#m", "--dry-run", "--budget", "0.001"]

    _, unpriced = command(*SCORE, *judge)
    _, priced = command(*SCORE, *judge, "--price", "m=1/10")

    assert "price: unknown for m; --budget needs it: --price m=IN/OUT" in unpriced.out
    assert "for the first round, more than the budget of $0.001" in priced.out


def test_a_function_may_be_named_and_a_control_keeps_its_name(command):
    _, named = command(*SCORE, "-j", "mine=py:shown_judges:strict", "-j", "py:shown_judges:strict")
    code, shown = command(*SCORE, "-j", "mine=control:longer")

    assert "panel of 2 judges" in named.out
    assert code == 2
    assert "audits know a control by its name" in shown.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{"prompt": "Hi", "completion": "Hello", "model": "s"}',
            "--column response=completion --column system=model; where no column names the item, add one",
        ),
        (
            '{"id": "1", "task": "Hi", "response": "a"}\n{"id": "1", "task": "Hi", "response": "b"}',
            "system (mapped, where it is called something else: --column system=THEIRS), or its own item_id",
        ),
    ],
)
def test_rows_that_do_not_fit_are_told_all_that_is_to_be_mapped(command, tmp_path, text, told):
    (tmp_path / "theirs.jsonl").write_text(text, "utf-8")

    code, shown = command("score", "theirs.jsonl", *SCORE[2:], "-j", "control:longer")

    assert code == 2
    assert told in shown.err


def test_keys_of_a_rubric_that_others_use_are_told_ours(command, tmp_path):
    text = 'id: r\ncriteria:\n  - {name: kind, description: "Is it kind?"}\n'
    (tmp_path / "theirs.yaml").write_text(text, "utf-8")

    code, shown = command("rubric", "lint", "theirs.yaml")

    assert code == 1
    assert "criteria[0].name: unknown key; did you mean 'id'?" in shown.out
    assert "criteria[0].description: unknown key; did you mean 'text'?" in shown.out

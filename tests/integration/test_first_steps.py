"""What a stranger does first, with what the help texts show: two judges, people, an audit, pairs."""

import csv
import json

import pytest

from judgekit.cli import main

ANSWERS = {"Eight legs.": "5", "Six, or ten, I think": "1"}
RUBRIC = ["--rubric", "instruction_following"]
JUDGES = ["-j", "control:random=1", "-j", "control:random=2", "--budget", "1"]


@pytest.fixture
def command(tmp_path, capsys, monkeypatch):
    """Runs a command in a folder with `answers.jsonl`; what it printed, where it went well."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"item_id": f"q{n}", "task": f"How many legs have {n} spiders?", "system": f"s{k}", "response": each}
        for n in range(4)
        for k, each in enumerate(ANSWERS)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def ran(*arguments):
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        shown = capsys.readouterr()
        assert not left.value.code, shown.err
        return shown.out

    return ran


def test_a_run_goes_on_is_routed_to_a_person_and_audited(command, tmp_path):
    score = ["score", "answers.jsonl", *RUBRIC, *JUDGES, "--out", "run"]
    assert "16 verdicts" in command(*score)
    assert "written to run" in command(*score)  # again, and nothing is in the way

    command("review", "export", "run", "--items", "answers.jsonl", *RUBRIC, "--out", "sheet", "--budget", "1")
    filled = list(csv.DictReader((tmp_path / "sheet" / "sheet.csv").open(encoding="utf-8")))
    for row in filled:
        row |= {"annotator": "ann", "label": next(m for text, m in ANSWERS.items() if text in row["texts"])}
    with (tmp_path / "sheet.csv").open("w", encoding="utf-8", newline="") as to:
        writer = csv.DictWriter(to, filled[0])
        writer.writeheader()
        writer.writerows(filled)
    command("review", "import", "sheet.csv", "--key", "sheet/key.json", "--out", "labels.jsonl")

    assert "follows" in command("agree", "run", "--labels", "labels.jsonl", *RUBRIC, "--report", "audit.html")
    assert (tmp_path / "audit.html").exists()


def test_pairs_are_compared_in_one_order(command):
    asked = ["--rubric", "pair_quality", "-j", "control:longer", "--orders", "given"]
    shown = command("compare", "answers.jsonl", *asked)

    assert "4 calls" in shown

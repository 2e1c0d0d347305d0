"""`--recipe` and `judgekit recipes` on the command line."""

import json
from pathlib import Path

import pytest

from judgekit.cli import main
from judgekit.recipes.catalog import CATALOG

ITEM = {"id": "1", "task": "t", "responses": {"x": "one", "y": "two, and longer"}, "reference": "one"}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


@pytest.fixture
def items(tmp_path: Path) -> str:
    path = tmp_path / "items.jsonl"
    path.write_text(json.dumps(ITEM) + "\n", encoding="utf-8")
    return str(path)


def test_all_recipes_are_listed_with_their_sources(capsys):
    assert run("recipes") == 0

    shown = capsys.readouterr().out
    assert all(recipe.name in shown for recipe in CATALOG.values())
    assert "2305.17926" in shown


@pytest.mark.parametrize("name", CATALOG)
def test_each_recipe_says_all_of_itself(name, capsys):
    assert run("recipes", name) == 0

    assert f"source: {CATALOG[name].source}" in capsys.readouterr().out


@pytest.mark.parametrize(("extra", "calls"), [((), 6), (("--samples", "1"), 2), (("--orders", "given"), 3)])
def test_what_stands_on_the_command_line_wins_over_the_recipe(items, capsys, extra, calls):
    code = run(
        "compare", items, "--recipe", "faireval", "-j", "control:longer", "--dry-run", "--no-reask", *extra
    )

    assert code == 0
    assert f"1 item, {calls} calls" in capsys.readouterr().out


def test_the_rubric_of_the_verb_gives_way_to_that_of_the_recipe(items, capsys):
    assert run("match", items, "--recipe", "osq", "-j", "control:longer", "--ledger", "none") == 0

    assert "open_answer" in capsys.readouterr().out


def test_settings_of_judges_reach_their_substitutes(items, tmp_path):
    out, url = tmp_path / "results", "endpoint:http://127.0.0.1:9/v1"
    code = run(
        "score", items, "-r", "instruction_following", "-j", f"{url}#a", "--substitute", f"a={url}#b", "-q",
        "--temperature", "1", "--max-tokens", "50", "--tries", "1", "--ledger", "none", "--out", str(out),
    )  # fmt: skip

    asked = json.loads((out / "run.json").read_text())["judges"]
    assert {name: (j["temperature"], j["max_tokens"]) for name, j in asked.items()} == {
        "a": (1.0, 50),
        "b": (1.0, 50),
    }
    assert code == 3  # the one item was lost, so that nothing was judged


@pytest.mark.parametrize("folder", ["items.jsonl", "items.jsonl/results"])
def test_results_that_cannot_be_written_are_bad_input(items, tmp_path, capsys, folder):
    code = run(
        "score", items, "-r", "instruction_following", "-j", "control:longer", "--out", str(tmp_path / folder)
    )

    assert code == 2
    assert "results cannot be written there" in capsys.readouterr().err


def test_settings_and_bad_names(items, capsys):
    ways = [("--recipe", "fairval"), ("--recipe", "faireval", "--setting", "weight=2"), ()]

    for way in ways:
        assert run("score", items, "-j", "control:longer", *way) == 2
    said = capsys.readouterr().err
    assert "no recipe 'fairval'" in said
    assert "has no setting 'weight'" in said
    assert "no rubric; name one" in said


def test_limits_are_those_that_were_typed(items, monkeypatch):
    seen = {}
    monkeypatch.setattr("judgekit.cli.score.prepare", lambda *_, **options: seen.update(options) or 1 / 0)
    typed = {
        "concurrency": 3, "rpm": 4.0, "tpm": 5.0, "attempt_seconds": 6.0, "run_seconds": 7.0, "tries": 8,
        "budget_usd": 9.0, "budget_tokens": 10,
    }  # fmt: skip
    options = [
        f"--{'budget' if name == 'budget_usd' else name.replace('_', '-')}={value}"
        for name, value in typed.items()
    ]
    assert run("score", items, "-r", "instruction_following", "-j", "control:longer", *options) == 1

    assert {name: getattr(seen["limits"], name) for name in typed} == typed

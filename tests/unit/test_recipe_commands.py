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
    assert f"1 items, {calls} calls" in capsys.readouterr().out


def test_the_rubric_of_the_verb_gives_way_to_that_of_the_recipe(items, capsys):
    assert run("match", items, "--recipe", "osq", "-j", "control:longer", "--ledger", "none") == 0

    assert "open_answer" in capsys.readouterr().out


def test_settings_and_bad_names(items, capsys):
    ways = [("--recipe", "fairval"), ("--recipe", "faireval", "--setting", "weight=2"), ()]

    for way in ways:
        assert run("score", items, "-j", "control:longer", *way) == 2
    said = capsys.readouterr().err
    assert "no recipe 'fairval'" in said
    assert "has no setting 'weight'" in said
    assert "no rubric; name one" in said

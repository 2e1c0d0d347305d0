"""The commands: the list says of each what it says itself, and each verb has the options that apply."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from judgekit.cli import COMMANDS, app, loaded, made
from judgekit.cli.options import FLAGS


def options_of(name: str) -> set[str]:
    return {option for each in loaded(name).params for option in each.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_a_command_says_of_itself(name: str):
    first = str(loaded(name).help).split("\n\n", maxsplit=1)[0]

    assert " ".join(first.split()) == COMMANDS[name].help


@pytest.mark.parametrize(
    "name",
    ["score", "compare", "rank", "match", "show", "diff", "agree", "cascade", "calibrate", "stand", "ingest"],
)
def test_a_command_with_arguments_shows_an_example(name: str):
    assert f"Example: judgekit {name} " in " ".join(loaded(name).help.split())


def test_a_verb_offers_only_the_options_that_apply_to_it():
    assert {"--ties", "--balance", "--orders", "--on-empty"} <= options_of("compare")
    assert not {"--protocol", "--rule"} & options_of("compare")
    assert not {"--protocol", "--ties", "--on-empty"} & options_of("rank")
    assert not {"--protocol", "--orders", "--ties", "--balance"} & options_of("match")
    assert {"--protocol", "--orders", "--ties", "--balance", "--rule"} <= options_of("score")


def test_every_option_stands_in_a_group_and_is_told_in_a_sentence():
    for flag in FLAGS:
        option = next(each for each in loaded("score").params if each.name == flag.name)

        assert option.rich_help_panel == flag.group
        assert option.help
        assert option.help.endswith((".", ")"))
        assert "Python" not in option.help
        assert "call_seconds" not in option.help


def pages(command: Any, typed: list[str]) -> Iterator[tuple[list[str], Any]]:
    """Each command and command of a group, as it is typed."""
    yield typed, command
    for name, each in getattr(command, "commands", {}).items():
        yield from pages(each, [*typed, name])


def words(text: str) -> str:
    return " ".join(text.replace("\b", " ").split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_prints_every_word_of_what_is_said(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "4000")
    for typed, command in pages(made(name), [name]):
        printed = words(CliRunner().invoke(app, [*typed, "--help"]).output)
        said = [words(each.help) for each in command.params if each.help and not each.hidden]

        assert [each for each in said if each not in printed] == []
        assert words(command.help) in printed


@pytest.mark.parametrize(
    ("option", "typed", "offered"),
    [
        ("panel", "maj", ["majority"]),
        ("recipe", "faireval-v", ["faireval-vanilla"]),
        ("protocol", "sel", ["select_all"]),
        ("form", "let", ["letters"]),
        ("rubric", "pee", ["peem"]),
        ("on_empty", "low", ["lowest"]),
    ],
)
def test_the_shell_completes_what_an_option_may_be(option: str, typed: str, offered: list[str]):
    parameter = next(each for each in loaded("score").params if each.name == option)
    context = loaded("score").make_context("score", ["items.jsonl"], resilient_parsing=True)

    assert [each.value for each in parameter.shell_complete(context, typed)] == offered


def test_a_command_that_is_not_there_is_answered_with_the_nearest():
    done = CliRunner().invoke(app, ["scre"])

    assert done.exit_code == 2
    assert "Did you mean 'score'?" in done.output

"""The command line: names -> objects, and the only room that prints.

Exit codes: 0 done; 1 a bound not met (problems found); 2 bad input; 3 stopped early (budget, outage,
a lasting error of a provider) or nothing judged; 130 interrupted. Everything paid for is kept in the
ledger, and the same command goes on where it stopped.
"""

import sys
from typing import Any

import typer

from judgekit.cli import (
    agree,
    calibrate,
    cascade,
    demo,
    guide,
    ingest,
    ledger,
    model,
    recipes,
    review,
    reward,
    rubric,
    score,
    stand,
)
from judgekit.cli.printing import guarded, say, tell, tell_crash
from judgekit.cli.signals import interruptible
from judgekit.cli.wording import in_options
from judgekit.errors import InputError, JudgekitError

app = typer.Typer(
    name="judgekit",
    help="Score responses by a rubric, with judges whose worth can be checked.",
    epilog="Exit codes: 0 done, 1 problems found, 2 bad input, 3 stopped early or nothing judged, "
    "130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("score")(score.score)
app.command("compare")(
    score.verb(
        "compare", "Compare the responses of each item in pairs, in both orders; judges are pooled after."
    )
)
app.command("rank")(score.verb("rank", "Rank the responses of each item, in all cyclic orders."))
app.command("match")(
    score.verb("match", "Say whether responses give the reference answer.", rubric="answer_match")
)
app.command("agree")(agree.agree)
app.command("cascade")(cascade.cascade)
app.command("calibrate")(calibrate.calibrate)
app.command("stand")(stand.stand)
app.command("ingest")(ingest.ingest)
app.add_typer(review.app, name="review")
app.add_typer(reward.app, name="reward")
app.command("recipes")(recipes.recipes)
app.command("demo")(demo.demo)
app.command("columns")(score.columns)
app.add_typer(rubric.app, name="rubric")
app.add_typer(model.app, name="model")
app.add_typer(ledger.app, name="ledger")
app.command("guide")(guide.guide)

GUIDES = {
    "score": "score", "compare": "compare", "rank": "compare", "match": "compare", "recipes": "compare",
    "stand": "compare", "calibrate": "calibrate", "agree": "audit", "ingest": "audit",
    "review": "people", "rubric": "rubrics",
    "cascade": "panels", "reward": "rewards", "ledger": "ledger", "demo": "judges", "model": "judges",
    "columns": "score",
}  # fmt: skip
"""Which guide goes with a command; its help and its last line on a terminal say so."""
_COMMANDS: list[Any] = [*app.registered_commands, *app.registered_groups]
for each in _COMMANDS:
    if each.name in GUIDES:
        each.epilog = f"The guide with examples: judgekit guide {GUIDES[each.name]}"

# Typer may bring a click of its own, whose errors are not those of the click package.
_USAGE_ERROR: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
DONE, PROBLEMS, BAD_INPUT, STOPPED, INTERRUPTED = 0, 1, 2, 3, 130


@app.callback(invoke_without_command=True)
def _main(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from judgekit import __version__

        say(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    with guarded(), interruptible():
        code = _run(arguments)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    try:
        code = app(arguments, prog_name="judgekit", standalone_mode=False)
    except _USAGE_ERROR as error:
        if message := error.format_message():  # a command without its arguments has printed its help
            if error.ctx is not None:
                tell(" ".join(error.ctx.get_usage().split()))
            tell(f"error: {message}")
        return BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except InputError as error:
        tell(f"error: {in_options(str(error), _options(arguments))}")
        return BAD_INPUT
    except JudgekitError as error:
        tell(f"stopped: {in_options(str(error), _options(arguments))}")
        return STOPPED
    except Exception:  # noqa: BLE001 - a fault of ours, told with where it happened
        tell_crash()
        return PROBLEMS
    if code == INTERRUPTED:  # Typer turns Ctrl-C into this code and is silent about it
        tell("interrupted")
    else:
        _name_guide(sys.argv[1:] if arguments is None else arguments)
    return code if isinstance(code, int) else DONE


def _name_guide(arguments: list[str]) -> None:
    """After a command that was carried out: which guide goes with it; on a terminal only."""
    shown = sys.stdout.isatty() and sys.stderr.isatty()
    if shown and arguments[0] in GUIDES and not {"-q", "--quiet", "-h", "--help"} & {*arguments}:
        tell(f"what this means, with examples: judgekit guide {GUIDES[arguments[0]]}")


def _options(arguments: list[str] | None) -> set[str]:
    """The options of the command that was typed."""
    command: Any = typer.main.get_command(app)
    for each in sys.argv[1:] if arguments is None else arguments:
        command = getattr(command, "commands", {}).get(each, command)
    return {name for each in command.params for name in each.opts}

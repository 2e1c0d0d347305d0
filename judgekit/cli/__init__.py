"""The command line: names -> objects, and the only room that prints.

A command's module is imported when the command is called, so that help costs little; what the list of
commands says of each stands here, and a test holds it against the command's own help.
"""

import re
import sys
from collections.abc import Collection, Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from judgekit.cli.printing import as_written, guarded, on_terminal, say, tell, tell_crash
from judgekit.cli.signals import interruptible
from judgekit.errors import BatchesOut, InputError, JudgekitError


class _Command(NamedTuple):
    """Where a command stands, the guide that goes with it, and what the list of commands says of it."""

    module: str
    guide: str
    help: str


COMMANDS = {
    "score": _Command("score", "score", "Score responses by a rubric."),
    "compare": _Command(
        "score", "compare",
        "Compare the responses of each item in pairs, in both orders or one; judges are pooled after.",
    ),
    "rank": _Command("score", "compare", "Rank the responses of each item, in all cyclic orders or some."),
    "match": _Command("score", "compare", "Say whether responses give the reference answer."),
    "show": _Command(
        "shown", "look", "Show a run: its means, criteria, gates; or an item, down to each reply behind it."
    ),
    "view": _Command(
        "view", "view", "See a run in a browser, from its means to each raw reply, and beside another run."
    ),
    "diff": _Command(
        "shown", "look",
        "Compare a run with an earlier one: what was asked otherwise, paired differences, changed verdicts.",
    ),
    "agree": _Command(
        "agree", "audit",
        "Audit judges: say how far they agree with people, and whether they may be trusted, for what.",
    ),
    "cascade": _Command(
        "agree", "panels",
        "Say which questions a cheap judge may keep, and what sending the rest on would cost and gain.",
    ),
    "design": _Command(
        "agree", "panels",
        "Say, from a pilot, how far other designs (samples, orders, judges) would agree with people.",
    ),
    "calibrate": _Command(
        "agree", "calibrate",
        "Fit what maps the judges' probabilities to people's labels; score --calibration uses it.",
    ),
    "probe": _Command(
        "probe", "probe",
        "Probe judges without labels: change one thing, walk the same path again, and see what moved.",
    ),
    "card": _Command(
        "card", "probe",
        "Make a judge's card: what moves it, how far it agrees with people, what it may be used for.",
    ),
    "stand": _Command(
        "stand", "standings",
        "Order systems by comparisons, scores or votes, with intervals, ranks, and who cannot be told apart.",
    ),
    "ingest": _Command(
        "stored", "audit", "Read judge outputs that judgekit did not make into its table of outcomes."
    ),
    "export": _Command(
        "stored", "scale", "Write the tables of a run as Parquet to a folder or a bucket that fsspec reaches."
    ),
    "review": _Command(
        "review", "people",
        "Route answers to people: write blind sheets of those in doubt, and read their labels.",
    ),
    "reward": _Command(
        "reward", "rewards", "Serve or give rewards for RL, make preference pairs, and look at a spec."
    ),
    "recipes": _Command("reference", "compare", "List the published recipes with their sources."),
    "demo": _Command(
        "model", "judges", "Score six small items on the embedded judge and two controls, without a key."
    ),
    "columns": _Command(
        "reference", "score", "Print the columns of `scores`, `outcomes` and `calls`, the tables of a run."
    ),
    "rubric": _Command("rubric", "rubrics", "List, show, lint, compare and import rubrics."),
    "model": _Command("model", "judges", "Pull, show and serve the embedded model."),
    "bank": _Command(
        "bank", "bank",
        "Item banks: fit one to scores, show it, place new systems by some items, pick which to ask.",
    ),
    "ledger": _Command(
        "ledger", "ledger", "Look at the stored replies, check them, hand them on, unite and compare them."
    ),
    "batch": _Command(
        "batch", "batches", "List the batches that are out, fetch what came back, or cancel them."
    ),
    "guide": _Command(
        "reference", "",
        "Print a guide: a scenario, its commands and code, what they print, and what to conclude from it.",
    ),
}  # fmt: skip


@cache
def loaded(name: str) -> Any:
    """Return a command with its options, all that it says as it is written: nothing in it is mark-up."""
    command = made(name)
    for each in parts(command):
        each.help = each.help and as_written(each.help)
    return command


def parts(command: Any) -> Iterator[Any]:
    """Yield what has a help: a command, its arguments and options, and those of its own commands."""
    yield command
    yield from command.params
    for each in getattr(command, "commands", {}).values():
        yield from parts(each)


def made(name: str) -> Any:
    """Return the command that is the function of its name in its module, or the module's group."""
    listed = COMMANDS[name]
    module = import_module(f"judgekit.cli.{listed.module}")
    if (function := getattr(module, name, None)) is None:
        group = module.app
    else:
        group = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        group.command(name)(function)
    command: Any = typer.main.get_command(group)
    command.name = name
    if listed.guide:
        command.epilog = f"The guide with examples: judgekit guide {listed.guide}"
    return command


class _Listed(TyperGroup):
    """The group of all commands, known by name and help; one that is called is loaded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=each.help) for name, each in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that is called, loaded."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, loaded(str(name)), rest


app = typer.Typer(
    name="judgekit",
    cls=_Listed,
    help="Score responses by a rubric, with judges whose worth can be checked.",
    epilog="Exit codes: 0 done, 1 problems found, 2 bad input, 3 stopped early or nothing judged, "
    "130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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
        typed = sys.argv[1:] if arguments is None else arguments
        code = app(typed, prog_name="judgekit", standalone_mode=False, obj=typed)
    except _USAGE_ERROR as error:
        if message := error.format_message():  # a command without its arguments has printed its help
            if getattr(error, "ctx", None) is not None:
                tell(" ".join(error.ctx.get_usage().split()))
            _tell_error("error", message)
        return BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except InputError as error:
        told = _BOTH.sub(r"\1", str(error))
        told = told if error.in_a_file else in_options(told, _options(arguments))
        _tell_error("error", told)
        return BAD_INPUT
    except BatchesOut as error:
        say(str(error))
        return DONE
    except JudgekitError as error:
        _tell_error("stopped", in_options(str(error), _options(arguments)))
        return STOPPED
    except Exception:  # noqa: BLE001 - a fault of ours, told with where it happened
        tell_crash()
        return PROBLEMS
    if code == INTERRUPTED:  # Typer turns Ctrl-C into this code and is silent about it
        tell("interrupted")
    else:
        _name_guide(sys.argv[1:] if arguments is None else arguments)
    return code if isinstance(code, int) else DONE


def _tell_error(what: str, message: str) -> None:
    """Print an error, in which no key stands that was typed in the wrong place."""
    from judgekit.judges.variables import without_keys

    tell(f"{what}: {without_keys(message)}")


def _name_guide(arguments: list[str]) -> None:
    """Tell which guide goes with a command that was carried out; on a terminal only."""
    listed = COMMANDS.get(arguments[0]) if on_terminal() and arguments else None
    if listed is not None and listed.guide and not {"-q", "--quiet", "-h", "--help"} & {*arguments}:
        tell(f"what this means, with examples: judgekit guide {listed.guide}")


def _options(arguments: list[str] | None) -> set[str]:
    """Return the options of the command that was typed."""
    typed = [*(sys.argv[1:] if arguments is None else arguments)]
    command: Any = typer.main.get_command(app) if not typed or typed[0] not in COMMANDS else loaded(typed[0])
    for each in typed[1:]:
        command = getattr(command, "commands", {}).get(each, command)
    return {name for each in command.params for name in each.opts}


_OTHERS = {"budget_usd": "--budget", "rater": "--rater", "doubt": "--below"}  # options of another name
_BOTH = re.compile(r"\b\w+=(?:\{[^{}]*\}|[^\s;,()]+) \((--[^()]*)\)")  # columns={...} (--column ...)
_GIVEN = re.compile(r"\b([a-z_]+)=('[^']*'|[\w.+-]+)")
_ASKED = re.compile(r"\b([a-z_]+)=(?=[\s;,.)]|$)")  # "say parts="
_NAMED = re.compile(r"\b[Tt]here are [^;]*|(?<!\.)\b[a-z]+(?:_[a-z]+)+\b")  # lists of names stay as they are


def in_options(message: str, options: Collection[str]) -> str:
    """Return a message in which keywords that are options of the command stand as such.

    >>> there = {"--samples", "--budget-tokens", "--column", "--on-empty", "--overwrite"}
    >>> in_options("samples=0; at least 1; use budget_tokens", there)
    '--samples 0; at least 1; use --budget-tokens'
    >>> in_options("map it with columns={'task': 'prompt'} (--column task=prompt)", there)
    'map it with --column task=prompt'
    >>> in_options("on_empty='zero'; overwrite=True; id=3", there)
    '--on-empty zero; --overwrite; id=3'
    >>> in_options("it is of shares: say samples=", there)
    'it is of shares: say --samples'
    >>> in_options("no option 'x'; there are name, on_empty; use on_empty", there)
    "no option 'x'; there are name, on_empty; use --on-empty"
    >>> in_options("judges[0].on_empty: no option", there)
    'judges[0].on_empty: no option'
    """

    def option(keyword: str) -> str:
        name = _OTHERS.get(keyword, f"--{keyword.replace('_', '-')}")
        return name if name in options else ""

    def given(found: re.Match[str]) -> str:
        if not (name := option(found[1])):
            return found[0]
        return name if found[2] == "True" else f"{name} {found[2].strip(chr(39))}"

    message = _ASKED.sub(lambda found: option(found[1]) or found[0], _BOTH.sub(r"\1", message))
    return _NAMED.sub(lambda found: option(found[0]) or found[0], _GIVEN.sub(given, message))

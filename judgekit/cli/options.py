"""The options of commands, made from what the verbs say of theirs.

An option is declared once: its name, type, default and meaning stand in a verb's signature and docstring, of
the verbs that judge in `verbs.Options`, `verbs.DEFAULTS` and `run.Limits`. Here stands what only a command
line has: the group an option is shown in, how it is typed, what completes it, and which command has it.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args

import typer

from judgekit.cli.named import MANY, ItemColumns, Judge, KeyEnv, Price, Revision
from judgekit.run import Limits
from judgekit.verbs.options import DEFAULTS, Options

WHAT, JUDGES, ASKING, SCORING = "What to judge", "Judges", "Asking", "Scoring"
LIMITS, BATCHES, FILES = "Limits", "Batches", "Files"
REQUIRED = inspect.Parameter.empty  # the default of an option that has to be typed


_TYPED = {int, float, bool, int | None, float | None}  # what a shell can type as it is; all else is text


class _Said(NamedTuple):
    """What a verb says of one of its options."""

    meaning: str = ""
    kind: Any = str
    default: Any = None


@dataclass(frozen=True, slots=True)
class Flag:
    """An option of a command line.

    `of` is the verb's name of it, where that is another. Kind (a type, or a whole annotation of Typer's),
    default, help and the words that the shell completes are the verb's own where left out; `typed` says how
    it is typed where the name does not, and `verbs` which of the commands that judge have it.
    """

    name: str
    group: str
    _: KW_ONLY
    of: str = ""
    kind: Any = None
    default: Any = ...
    help: str = ""
    typed: tuple[str, ...] = ()
    choices: Callable[[], Iterable[str]] | None = None
    verbs: frozenset[str] = frozenset({"score", "compare", "rank", "match"})

    def parameter(self, said: Mapping[str, _Said], **changed: Any) -> inspect.Parameter:
        """Return the option as a parameter of a function that Typer reads; `changed` has other defaults."""
        own = said.get(self.of or self.name, _Said())
        default = changed.get(self.name, own.default if self.default is ... else self.default)
        default = None if default == () else default
        if hasattr(self.kind, "__metadata__"):
            kind, option = get_args(self.kind)
            option.rich_help_panel = self.group
        else:
            words = _literals(own.kind) if self.kind is None else []
            choices = self.choices or ((lambda: words) if words else None)
            kind = self.kind or (own.kind if own.kind in _TYPED else str if default else str | None)
            option = typer.Option(
                *self.typed,
                help=self.help or _typed_words(own.meaning),
                rich_help_panel=self.group,
                autocompletion=_completing(choices) if choices else None,
            )
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
        )


@cache
def _said_of(verb: Callable[..., Any] | None) -> Mapping[str, _Said]:
    """Return what a verb says of its options, by name; None stands for the verbs that judge."""
    if verb is None:
        meanings = {**_documented(Limits), **_documented(Options)}
        kinds = {**{each.name: each.type for each in fields(Limits)}, **Options.__annotations__}
        defaults = {**{each.name: each.default for each in fields(Limits)}, **DEFAULTS}
    else:
        meanings, parameters = _documented(verb), inspect.signature(verb).parameters
        kinds = {name: each.annotation for name, each in parameters.items()}
        defaults = {name: each.default for name, each in parameters.items()}
    return {name: _Said(meanings.get(name, ""), kind, defaults[name]) for name, kind in kinds.items()}


def _documented(thing: Any) -> dict[str, str]:
    """Return the meaning of each name under `Args:` in a docstring."""
    lines = inspect.getdoc(thing) or ""
    block = lines.partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", block, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def of_verb(verb: Callable[..., Any], flags: Iterable[Flag], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given for the options that a verb has, by its own names."""
    names = {flag.of or flag.name: given[flag.name] for flag in flags}
    there = inspect.signature(verb).parameters.keys()
    return {name: value for name, value in names.items() if name in there and value is not None}


def _typed_words(meaning: str) -> str:
    """Return what a verb says of an option for who types it: without what only Python has.

    >>> _typed_words("One of `a`, or in Python a function (`jk.a`). None: no limit.")
    'One of a. none: no limit.'
    """
    return re.sub(r", or in Python .*?(?=\.( |$))", "", meaning).replace("`", "").replace("None", "none")


def _completing(choices: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:  # the name that Typer knows it by
        return [each for each in choices() if each.startswith(incomplete)]

    return complete


def _literals(kind: Any) -> list[str]:
    inner = get_args(kind)
    return [each for some in inner for each in ([some] if isinstance(some, str) else _literals(some))]


def _named_in(module: str, *tables: str) -> Callable[[], Iterable[str]]:
    """Return what lists the names in tables of a module, which is loaded only when a shell asks."""
    return lambda: [name for each in tables for name in getattr(import_module(f"judgekit.{module}"), each)]


def _rubrics() -> Iterable[str]:
    from judgekit.shelf import shelf

    return sorted(path.stem for path in shelf("rubrics").iterdir())


_SCORE, _PAIRS = frozenset({"score"}), frozenset({"score", "compare", "rank"})
_COMPARED, _ALONE = frozenset({"score", "compare"}), frozenset({"score", "match"})
FLAGS = (
    Flag(
        "job", WHAT, kind=Path | None,
        help="A job file (TOML, as --save writes it): items, rubric, judges, options, limits, bounds, folder "
        "of results. What is typed beside it takes precedence.",
    ),
    Flag(
        "rubric", WHAT, typed=("--rubric", "-r"), choices=_rubrics,
        help="The rubric: a YAML, TOML or JSON file, or the name of a bundled one (`judgekit rubric list`); "
        "left out where the recipe has one, or each item its own.",
    ),
    Flag("column", WHAT, kind=ItemColumns),
    Flag("on_bad_item", WHAT),
    Flag("judge", JUDGES, kind=Judge),
    Flag("key_env", JUDGES, kind=KeyEnv),
    Flag("revision", JUDGES, kind=Revision),
    Flag("price", JUDGES, kind=Price),
    Flag(
        "own_code", JUDGES, kind=bool, default=False, typed=("--own-code",),
        help="Let judges of a job file that are named py:module:object import code.",
    ),
    Flag("temperature", JUDGES, kind=float | None, help="The temperature of all judges that have one."),
    Flag("max_tokens", JUDGES, kind=int | None, help="The most tokens that a judge may write for a call."),
    Flag(
        "substitute", JUDGES, kind=MANY,
        help="JUDGE=JUDGE: the second judge is asked where the first one fails.",
    ),
    Flag(
        "strong", JUDGES, kind=MANY,
        help="The judges that are asked only about what the judges of -j are in doubt of.",
    ),
    Flag(
        "below", JUDGES, kind=float | None,
        help="The confidence below which a question is in doubt (`judgekit cascade` fits it); without "
        "--strong it is left to a person.",
    ),
    Flag(
        "recipe", ASKING, choices=_named_in("recipes.catalog", "CATALOG"),
        help="The published recipe to follow (`judgekit recipes` lists them); it fills the options that are "
        "not typed.",
    ),
    Flag("setting", ASKING, kind=MANY, help="NAME=VALUE: a setting of the recipe, or of the schedule."),
    Flag("protocol", ASKING, choices=_named_in("protocols", "PROTOCOLS"), verbs=_SCORE),
    Flag("form", ASKING),
    Flag(
        "per_call", ASKING, kind=str, default="usual",
        help="How many criteria are asked in one call: a number, 'all', or the protocol's 'usual'.",
    ),
    Flag("samples", ASKING),
    Flag("prompt", ASKING, kind=Path | None),
    Flag("orders", ASKING, verbs=_PAIRS),
    Flag("ties", ASKING, verbs=_COMPARED),
    Flag("schedule", ASKING, verbs=_COMPARED, choices=_named_in("verbs.scheduled", "NAMES")),
    Flag("pairs", ASKING, verbs=_COMPARED),
    Flag("until_separated", ASKING, typed=("--until-separated",), verbs=_COMPARED),
    Flag(
        "adaptive", ASKING, kind=Path | None, verbs=_SCORE,
        help="The item bank (`judgekit bank fit`) that picks, for each system, which of its responses is "
        "judged next, until its ability is known.",
    ),
    Flag("until_sd", ASKING, verbs=_SCORE),
    Flag("gamma", ASKING, verbs=_SCORE),
    Flag("on_empty", ASKING, verbs=frozenset({"score", "compare", "match"})),
    Flag(
        "parts", ASKING, kind=str | None, verbs=_ALONE, choices=lambda: ("step", "turn"),
        help="Judge each part of a response by itself, and the whole by its parts: 'step' (what a model says "
        "and calls at once, with what came back), 'turn' (from a user's message to the next), or the most "
        "tokens of a segment, where responses are too long for a judge.",
    ),
    Flag("parts_rule", ASKING, verbs=_ALONE),
    Flag("parts_before", ASKING, verbs=_ALONE),
    Flag("reask", ASKING),
    Flag("again", ASKING, kind=MANY, help="The reason of stored abstentions that are asked anew."),
    Flag("rule", SCORING, verbs=_ALONE),
    Flag("partial", SCORING, typed=("--partial",)),
    Flag("panel", SCORING, choices=_named_in("aggregate.panels", "PANELS", "FITTED")),
    Flag("min_judges", SCORING),
    Flag("labels", SCORING, kind=Path | None),
    Flag("calibration", SCORING, kind=Path | None),
    Flag("balance", SCORING, verbs=_PAIRS),
    Flag("unfounded", SCORING),
    *(Flag(each, LIMITS) for each in ("concurrency", "rpm", "tpm", "attempt_seconds", "run_seconds")),
    Flag("tries", LIMITS, help="The most requests for one call, the first among them."),
    Flag("budget", LIMITS, of="budget_usd"),
    Flag("budget_tokens", LIMITS),
    Flag("allow_unknown_price", LIMITS, typed=("--allow-unknown-price",)),
    Flag(
        "batch", BATCHES, kind=bool, default=False, typed=("--batch",),
        help="Ask through the providers' batches, for about half the price and within a day a round.",
    ),
    Flag(
        "wait", BATCHES, kind=bool, default=True, typed=("--wait/--leave",),
        help="Wait until batches are back; or leave, and run the same command again to go on.",
    ),
    Flag("then", BATCHES),
    Flag("batch_hours", LIMITS),
    Flag(
        "out", FILES, kind=Path | None,
        help="The folder for the results: scores, outcomes and calls (JSONL and Parquet) and run.json.",
    ),
    Flag(
        "save", FILES, kind=Path | None,
        help="The job file to write all of this to, so that --job runs it again; it holds no key.",
    ),
    Flag(
        "overwrite", FILES, kind=bool, default=False, typed=("--overwrite",),
        help="Let --out replace the results of another job.",
    ),
    Flag(
        "require", FILES, kind=MANY,
        help="A bound that the run has to meet, or the exit code is 1: [value:] [system NAME:] [CRITERION:] "
        "mean>=0.7, share>=0.99 (of scores above a half) or abstained<=2%. The worse end of the 95 % "
        "interval decides, with value: in front the value.",
    ),
    Flag(
        "dry_run", FILES, kind=bool, default=False, typed=("--dry-run",),
        help="Show the number of calls, tokens and the price; nothing is sent.",
    ),
    Flag(
        "ledger", FILES, kind=str | None, default=None,
        help="The ledger file that replies are kept in, which the same command goes on from; 'none' keeps "
        "nothing. Left out: $JUDGEKIT_LEDGER, else .judgekit/ledger.sqlite.",
    ),
    Flag(
        "read_also", FILES, kind=MANY,
        help="A further ledger, in which replies are looked up where that one has none; once for each, in "
        "order. It is never written to.",
    ),
    Flag("shard", FILES),
    Flag("prompts", FILES, kind=bool, default=True, help="Keep prompts beside replies in the ledger."),
    Flag("telemetry", FILES),
    Flag("progress", FILES),
    Flag(
        "quiet", FILES, kind=bool, default=False, typed=("--quiet", "-q"), help="Print nothing but errors."
    ),
)  # fmt: skip


def command(
    run: Callable[[typer.Context, dict[str, Any]], Any],
    help_: str,
    flags: Iterable[Flag],
    *,
    arguments: Iterable[inspect.Parameter],
    verb: Callable[..., Any] | None = None,
    **defaults: Any,
) -> Callable[..., Any]:
    """Return a command for Typer, which hands a function its context, and arguments and options by name.

    `verb` says what its options are; None stands for the verbs that judge. `defaults` take precedence.
    """

    def typed(context: typer.Context, **given: Any) -> Any:
        return run(context, given)

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [*arguments, context, *[flag.parameter(_said_of(verb), **defaults) for flag in flags]]
    typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    typed.__annotations__ = {each.name: each.annotation for each in parameters}
    typed.__doc__ = help_
    return typed


def argument(name: str, kind: Any, help_: str, default: Any = REQUIRED) -> inspect.Parameter:
    """Return the argument of a command."""
    annotation = Annotated[kind, typer.Argument(help=help_)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)

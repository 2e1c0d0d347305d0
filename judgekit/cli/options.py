"""The options of the commands that judge, made from what the verbs say of theirs.

An option is declared once: its name, type and meaning stand in `verbs.Options` and `run.Limits`, its default
in `verbs.DEFAULTS`. Here stands what only a command line has: the group an option is shown in, how it is
typed, what completes it, and which command has it.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from judgekit.cli.judges import Judge, KeyEnv, Price, Revision
from judgekit.run import Limits
from judgekit.verbs.options import DEFAULTS, Options

WHAT, JUDGES, ASKING, SCORING = "What to judge", "Judges", "Asking", "Scoring"
LIMITS, FILES = "Limits", "Files"


@dataclass(frozen=True, slots=True)
class Flag:
    """An option of a command line.

    Args:
        name: The parameter's name.
        group: The group it is shown in.
        kind: Its type, or a whole annotation of Typer's.
        default: What it is where it is not typed; the verb's own where left out.
        help: Its meaning; the verb's own where empty.
        typed: How it is typed, where the name does not say it.
        choices: Words it may be, for the shell to complete.
        verbs: Commands that have it.
    """

    name: str
    group: str
    kind: Any = str
    default: Any = ...
    help: str = ""
    typed: tuple[str, ...] = ()
    choices: Callable[[], Iterable[str]] | None = None
    verbs: frozenset[str] = field(default=frozenset({"score", "compare", "rank", "match"}))

    def parameter(self, **changed: Any) -> inspect.Parameter:
        """The option as a parameter of a function that Typer reads."""
        default = changed.get(self.name, _default(self.name) if self.default is ... else self.default)
        if hasattr(self.kind, "__metadata__"):
            kind, option = get_args(self.kind)
            option.rich_help_panel = self.group
        else:
            kind, option = (
                self.kind,
                typer.Option(
                    *self.typed,
                    help=self.help or meaning(self.name),
                    rich_help_panel=self.group,
                    autocompletion=None if self.choices is None else _completing(self.choices),
                ),
            )
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
        )


def meaning(name: str) -> str:
    """What the verbs say of an option, for a command line."""
    text = _meanings()[name]
    return text.replace("`", "").replace("None", "none")


@cache
def _meanings() -> Mapping[str, str]:
    return {**_documented(Limits), **_documented(Options)}


def _documented(record: type) -> dict[str, str]:
    """Name -> meaning, from the lines under `Args:` of a record's docstring."""
    lines = inspect.getdoc(record) or ""
    block = lines.partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", block, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _default(name: str) -> Any:
    limits = {each.name: each.default for each in fields(Limits)}
    return limits[name] if name in limits else DEFAULTS[name]  # type: ignore[literal-required]


def _completing(choices: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:  # the name that Typer knows it by
        return [each for each in choices() if each.startswith(incomplete)]

    return complete


def _words(name: str) -> Callable[[], Iterable[str]]:
    """The words that an option of a verb may be, by its type."""
    return lambda: _literals(Options.__annotations__[name])


def _literals(kind: Any) -> list[str]:
    inner = get_args(kind)
    return [each for some in inner for each in ([some] if isinstance(some, str) else _literals(some))]


def _protocols() -> Iterable[str]:
    from judgekit.protocols import PROTOCOLS

    return PROTOCOLS


def _panels() -> Iterable[str]:
    from judgekit.aggregate.panels import FITTED, PANELS

    return [*PANELS, *FITTED]


def _recipes() -> Iterable[str]:
    from judgekit.recipes.catalog import CATALOG

    return CATALOG


def _rubrics() -> Iterable[str]:
    from judgekit.shelf import shelf

    return sorted(path.stem for path in shelf("rubrics").iterdir())


_SCORE, _PAIRS = frozenset({"score"}), frozenset({"score", "compare", "rank"})
_ALONE = frozenset({"score", "match"})
_MANY = list[str] | None
FLAGS = (
    Flag(
        "rubric", WHAT, str | None, None,
        "The rubric: a YAML, TOML or JSON file, or the name of a bundled one; left out where the recipe has "
        "one, or each item its own.", ("--rubric", "-r"), _rubrics,
    ),
    Flag("column", WHAT, _MANY, None, "OUR=THEIRS: which column of the items holds what, e.g. task=prompt."),
    Flag("on_bad_item", WHAT, choices=_words("on_bad_item")),
    Flag("judge", JUDGES, Judge, None),
    Flag("key_env", JUDGES, KeyEnv, None),
    Flag("revision", JUDGES, Revision, None),
    Flag("price", JUDGES, Price, None),
    Flag("temperature", JUDGES, float | None, None, "The temperature of all judges that have one."),
    Flag("max_tokens", JUDGES, int | None, None, "The most tokens that a judge may write for a call."),
    Flag(
        "substitute", JUDGES, _MANY, None,
        "JUDGE=JUDGE: the second judge is asked where the first one fails.",
    ),
    Flag(
        "strong", JUDGES, _MANY, None,
        "Judges that are asked only about what the judges of -j are in doubt of.",
    ),
    Flag(
        "below", JUDGES, float | None, None,
        "The confidence below which a question is in doubt (`judgekit cascade` fits it); without --strong it "
        "is left to a person.",
    ),
    Flag(
        "recipe", ASKING, str | None, None,
        "The published recipe to follow (`judgekit recipes` lists them); it fills the options that are not "
        "typed.", (), _recipes,
    ),
    Flag("setting", ASKING, _MANY, None, "NAME=VALUE: a setting of the recipe."),
    Flag("protocol", ASKING, choices=_protocols, verbs=_SCORE),
    Flag("form", ASKING, choices=_words("form")),
    Flag(
        "per_call", ASKING, str, "usual",
        "How many criteria are asked in one call: a number, 'all', or the protocol's 'usual'.",
    ),
    Flag("samples", ASKING, int),
    Flag("prompt", ASKING, Path | None, None),
    Flag("orders", ASKING, verbs=_PAIRS),
    Flag("ties", ASKING, bool, verbs=frozenset({"score", "compare"})),
    Flag("on_empty", ASKING, choices=_words("on_empty"), verbs=frozenset({"score", "compare", "match"})),
    Flag("reask", ASKING, bool),
    Flag("again", ASKING, _MANY, None, "The reason of stored abstentions that are asked anew."),
    Flag("rule", SCORING, str | None, choices=_words("rule"), verbs=_ALONE),
    Flag("partial", SCORING, bool, typed=("--partial",)),
    Flag("panel", SCORING, choices=_panels),
    Flag("min_judges", SCORING, int),
    Flag("labels", SCORING, Path | None, None),
    Flag("calibration", SCORING, Path | None, None),
    Flag("balance", SCORING, choices=_words("balance"), verbs=_PAIRS),
    Flag("unfounded", SCORING, choices=_words("unfounded")),
    *(Flag(each, LIMITS, kind) for each, kind in (
        ("concurrency", int), ("rpm", float | None), ("tpm", float | None), ("attempt_seconds", float),
        ("run_seconds", float | None), ("tries", int),
    )),
    Flag("budget", LIMITS, float | None, None, meaning("budget_usd")),
    Flag("budget_tokens", LIMITS, int | None),
    Flag("allow_unknown_price", LIMITS, bool, typed=("--allow-unknown-price",)),
    Flag(
        "out", FILES, Path | None, None,
        "The folder for the results: scores and outcomes (JSONL and Parquet) and run.json.",
    ),
    Flag(
        "overwrite", FILES, bool, False, "Let --out replace the results of another job.", ("--overwrite",)
    ),
    Flag(
        "dry_run", FILES, bool, False, "Show the number of calls, tokens and the price; nothing is sent.",
        ("--dry-run",),
    ),
    Flag(
        "ledger", FILES, str | None, None,
        "The ledger file that replies are kept in; 'none' keeps nothing. Left out: $JUDGEKIT_LEDGER, else "
        ".judgekit/ledger.sqlite.",
    ),
    Flag("prompts", FILES, bool, True, "Keep prompts beside replies in the ledger."),
    Flag("quiet", FILES, bool, False, "Print nothing but errors.", ("--quiet", "-q")),
)  # fmt: skip


def command(
    run: Callable[[typer.Context, Any, dict[str, Any]], Any],
    help_: str,
    flags: Iterable[Flag],
    *,
    argument: inspect.Parameter,
    **defaults: Any,
) -> Callable[..., Any]:
    """A command for Typer: an argument and options, handed to a function as they were typed.

    Args:
        run: Takes the context, the argument and the options by name.
        help_: The command's help.
        flags: Its options.
        argument: Its argument.
        **defaults: Defaults of options that differ here.
    """

    def typed(context: typer.Context, **given: Any) -> Any:
        return run(context, given.pop(argument.name), given)

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [argument, context, *[flag.parameter(**defaults) for flag in flags]]
    typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    typed.__annotations__ = {each.name: each.annotation for each in parameters}
    typed.__doc__ = help_
    return typed


def argument(name: str, kind: Any, help_: str) -> inspect.Parameter:
    """The argument of a command."""
    annotation = Annotated[kind, typer.Argument(help=help_)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)

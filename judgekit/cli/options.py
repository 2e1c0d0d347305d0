"""The options of the commands that judge, made from what the verbs say of theirs.

An option is declared once: its name, type and meaning stand in `verbs.Options` and `run.Limits`, its default
in `verbs.DEFAULTS`. Here stands what only a command line has: the group an option is shown in, how it is
typed, what completes it, and which command has it.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from judgekit.cli.named import MANY, ItemColumns, Judge, KeyEnv, Price, Revision
from judgekit.run import Limits
from judgekit.verbs.options import DEFAULTS, Options

WHAT, JUDGES, ASKING, SCORING = "What to judge", "Judges", "Asking", "Scoring"
LIMITS, FILES = "Limits", "Files"


@dataclass(frozen=True, slots=True)
class Flag:
    """An option of a command line.

    `kind` is its type, or a whole annotation of Typer's. Default and help are the verb's own where left out;
    `typed` says how it is typed where the name does not, `choices` what the shell completes, `verbs` which
    commands have it.
    """

    name: str
    group: str
    _: KW_ONLY
    kind: Any = str
    default: Any = ...
    help: str = ""
    typed: tuple[str, ...] = ()
    choices: Callable[[], Iterable[str]] | None = None
    verbs: frozenset[str] = frozenset({"score", "compare", "rank", "match"})

    def parameter(self, **changed: Any) -> inspect.Parameter:
        """Return the option as a parameter of a function that Typer reads; `changed` has other defaults."""
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
    """Return what the verbs say of an option, in the words of a command line."""
    return _meanings()[name].replace("`", "").replace("None", "none")


@cache
def _meanings() -> Mapping[str, str]:
    return {**_documented(Limits), **_documented(Options)}


def _documented(record: type) -> dict[str, str]:
    """Return the meaning of each name under `Args:` in the docstring of a record."""
    lines = inspect.getdoc(record) or ""
    block = lines.partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", block, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _default(name: str) -> Any:
    """Return the verb's own default of an option; None for what only a command line has."""
    return {**{each.name: each.default for each in fields(Limits)}, **DEFAULTS}.get(name)


def _completing(choices: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:  # the name that Typer knows it by
        return [each for each in choices() if each.startswith(incomplete)]

    return complete


def _words(name: str) -> Callable[[], Iterable[str]]:
    """Return what lists the words that an option of a verb may be, by its type."""
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
FLAGS = (
    Flag(
        "rubric", WHAT, kind=str | None, typed=("--rubric", "-r"), choices=_rubrics,
        help="The rubric: a YAML, TOML or JSON file, or the name of a bundled one; left out where the recipe "
        "has one, or each item its own.",
    ),
    Flag("column", WHAT, kind=ItemColumns),
    Flag("on_bad_item", WHAT, choices=_words("on_bad_item")),
    Flag("judge", JUDGES, kind=Judge),
    Flag("key_env", JUDGES, kind=KeyEnv),
    Flag("revision", JUDGES, kind=Revision),
    Flag("price", JUDGES, kind=Price),
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
        "recipe", ASKING, kind=str | None, choices=_recipes,
        help="The published recipe to follow (`judgekit recipes` lists them); it fills the options that are "
        "not typed.",
    ),
    Flag("setting", ASKING, kind=MANY, help="NAME=VALUE: a setting of the recipe."),
    Flag("protocol", ASKING, choices=_protocols, verbs=_SCORE),
    Flag("form", ASKING, choices=_words("form")),
    Flag(
        "per_call", ASKING, default="usual",
        help="How many criteria are asked in one call: a number, 'all', or the protocol's 'usual'.",
    ),
    Flag("samples", ASKING, kind=int),
    Flag("prompt", ASKING, kind=Path | None),
    Flag("orders", ASKING, verbs=_PAIRS),
    Flag("ties", ASKING, kind=bool, verbs=frozenset({"score", "compare"})),
    Flag("on_empty", ASKING, choices=_words("on_empty"), verbs=frozenset({"score", "compare", "match"})),
    Flag("reask", ASKING, kind=bool),
    Flag(
        "again", ASKING, kind=MANY, default=None, help="The reason of stored abstentions that are asked anew."
    ),
    Flag("rule", SCORING, kind=str | None, choices=_words("rule"), verbs=frozenset({"score", "match"})),
    Flag("partial", SCORING, kind=bool, typed=("--partial",)),
    Flag("panel", SCORING, choices=_panels),
    Flag("min_judges", SCORING, kind=int),
    Flag("labels", SCORING, kind=Path | None),
    Flag("calibration", SCORING, kind=Path | None),
    Flag("balance", SCORING, choices=_words("balance"), verbs=_PAIRS),
    Flag("unfounded", SCORING, choices=_words("unfounded")),
    *(Flag(each, LIMITS, kind=kind) for each, kind in (
        ("concurrency", int), ("rpm", float | None), ("tpm", float | None), ("attempt_seconds", float),
        ("run_seconds", float | None), ("tries", int),
    )),
    Flag("budget", LIMITS, kind=float | None, help=meaning("budget_usd")),
    Flag("budget_tokens", LIMITS, kind=int | None),
    Flag("allow_unknown_price", LIMITS, kind=bool, typed=("--allow-unknown-price",)),
    Flag(
        "out", FILES, kind=Path | None,
        help="The folder for the results: scores and outcomes (JSONL and Parquet) and run.json.",
    ),
    Flag(
        "overwrite", FILES, kind=bool, default=False, typed=("--overwrite",),
        help="Let --out replace the results of another job.",
    ),
    Flag(
        "dry_run", FILES, kind=bool, default=False, typed=("--dry-run",),
        help="Show the number of calls, tokens and the price; nothing is sent.",
    ),
    Flag(
        "ledger", FILES, kind=str | None, default=None,
        help="The ledger file that replies are kept in; 'none' keeps nothing. Left out: $JUDGEKIT_LEDGER, "
        "else .judgekit/ledger.sqlite.",
    ),
    Flag("prompts", FILES, kind=bool, default=True, help="Keep prompts beside replies in the ledger."),
    Flag(
        "quiet", FILES, kind=bool, default=False, typed=("--quiet", "-q"), help="Print nothing but errors."
    ),
)  # fmt: skip


def command(
    run: Callable[[typer.Context, Any, dict[str, Any]], Any],
    help_: str,
    flags: Iterable[Flag],
    *,
    argument: inspect.Parameter,
    **defaults: Any,
) -> Callable[..., Any]:
    """Return a command for Typer, which hands a function its context, its argument and its options by name.

    `defaults` are those of options that differ from what their flags say.
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
    """Return the argument of a command."""
    annotation = Annotated[kind, typer.Argument(help=help_)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)

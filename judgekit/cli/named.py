"""Judges, columns and settings as they are named on the command line: NAME=VALUE, OUR=THEIRS."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from judgekit.errors import InputError, there_are
from judgekit.judges.variables import check_variable

if TYPE_CHECKING:
    from judgekit import roles

MANY = list[str] | None
_FORMS = (
    "provider/model, endpoint:URL#model, local (the embedded model, without a key), local:PATH, replay:FILE, "
    "control:NAME (a rule without a model: longer, first, exact, random=1, ...) or py:module:object; NAME= "
    "before it names the judge; -j again adds one, and several make a panel."
)
Judge = Annotated[MANY, typer.Option("--judge", "-j", show_default="local", help=f"The judge: {_FORMS}")]
Instead = Annotated[
    MANY, typer.Option("--judge", "-j", help=f"The judge to ask instead of the spec's: {_FORMS}")
]
KeyEnv = Annotated[
    MANY,
    typer.Option(help="JUDGE=VARIABLE: the name of the environment variable that holds the judge's key."),
]
Revision = Annotated[
    MANY,
    typer.Option(
        help="JUDGE=TEXT: the revision of the judge. A judge of another revision is asked anew; one of the "
        "same revision at another address is not."
    ),
]
Price = Annotated[
    MANY,
    typer.Option(
        help="JUDGE=IN/OUT: the judge's price in US dollars of a million tokens read and written, e.g. "
        "fast=0.15/0.6. Under a budget the price of a server has to be said; another judge's is litellm's "
        "list price where left out."
    ),
]
ItemColumns = Annotated[
    MANY,
    typer.Option(help="OUR=THEIRS: which column of the items holds what, e.g. task=prompt; once for each."),
]


_PAIRS = {
    "key_env": "JUDGE=VARIABLE, as in fast=FAST_KEY",
    "revision": "JUDGE=TEXT, as in fast=2026-01",
    "price": "JUDGE=IN/OUT, as in fast=0.15/0.6",
}


class Naming:
    """Gives judges by their names, with the settings that --key-env, --revision and --price say of them."""

    def __init__(
        self,
        key_env: MANY,
        revision: MANY,
        price: MANY,
        *,
        own_code: bool = True,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.own_code, self._say = own_code, say
        self._called: set[str] = set()
        self._own: dict[str, dict[str, Any]] = {}
        for setting, pairs in (("key_env", key_env), ("revision", revision), ("price", price)):
            option = f"--{setting.replace('_', '-')}"
            for judge, value in named_of(option, pairs, str, form=_PAIRS[setting]).items():
                if setting == "key_env":
                    check_variable(f"{option} {judge}=", value)
                self._own.setdefault(judge, {})[setting] = value

    def __call__(
        self, judge: "str | roles.Judge | Mapping[str, Any]", *, own_code: bool | None = None
    ) -> "roles.Judge":
        """Return the judge of a name or a table."""
        from judgekit.judges.resolve import resolve

        found = resolve(judge, own_code=self.own_code if own_code is None else own_code, say=self._say)
        self._called.add(found.name)
        return resolve(found, **self.own(found.name))

    def own(self, name: str) -> dict[str, Any]:
        """Return the settings that were said of a judge of this name."""
        return self._own.get(name, {})

    def check(self) -> None:
        """Raise an InputError if an option says something of a judge that was not named."""
        for name in sorted(self._own.keys() - self._called):
            option = f"--{next(iter(self._own[name])).replace('_', '-')}"
            told = there_are(name, sorted(self._called))
            raise InputError(f"{option} {name}=...: no judge has this name; {told}")


def per_call_of(raw: str) -> int | None:
    """Return how many criteria a call has: a number, None for `all` or 0 for `usual`."""
    if raw == "usual":
        return 0
    if raw == "all":
        return None
    if raw.isdecimal() and int(raw) > 0:
        return int(raw)
    raise InputError(f"--per-call {raw}: a number from 1, 'all' or 'usual'")


def named_of(
    option: str, pairs: MANY, value: Callable[[str], Any], *, form: str = "NAME=VALUE"
) -> dict[str, Any]:
    """Return the values of NAME=VALUE pairs by name; a name may hold no `=`, a value may.

    What was typed without one is not shown: it may be a key.
    """
    named = [pair.partition("=") for pair in pairs or ()]
    if not all(sign for _, sign, _ in named):
        raise InputError(f"{option} holds no '='; say {option} {form}")
    return {name: value(raw) for name, _, raw in named}


def value_of(raw: str) -> object:
    """Return what a word stands for: a number, true or false, nothing, or the text itself."""
    words: dict[str, object] = {"true": True, "false": False, "none": None}
    if raw.lower() in words:
        return words[raw.lower()]
    try:
        return float(raw) if "." in raw else int(raw)
    except ValueError:
        return raw


def columns_of(pairs: MANY) -> dict[str, str] | None:
    """Return the columns that OUR=THEIRS pairs map; None where there are none."""
    mapped = dict(pair.partition("=")[::2] for pair in pairs or ())
    if wrong := [ours for ours, theirs in mapped.items() if not theirs]:
        raise InputError(f"--column {wrong[0]}: say OUR=THEIRS, e.g. --column task=prompt")
    return mapped or None

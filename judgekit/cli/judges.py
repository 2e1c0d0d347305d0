"""Judges as they are named on the command line, and what is said of single ones by their names."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from judgekit import roles
from judgekit.cli.pairs import own_settings
from judgekit.errors import InputError

_FORMS = (
    "provider/model, endpoint:URL#model, local, local:PATH, replay:FILE, control:NAME or py:module:object; "
    "NAME= before it names the judge; several make a panel."
)
Judge = Annotated[list[str] | None, typer.Option("--judge", "-j", show_default="local", help=_FORMS)]
Instead = Annotated[list[str] | None, typer.Option("--judge", "-j", help=f"Instead of the spec's: {_FORMS}")]
KeyEnv = Annotated[
    list[str] | None,
    typer.Option(help="JUDGE=VARIABLE, the environment variable that holds a judge's key, by its name."),
]
Revision = Annotated[
    list[str] | None,
    typer.Option(
        help="JUDGE=TEXT: a judge of another revision is asked anew, one of this revision at another "
        "address is not."
    ),
]
Price = Annotated[
    list[str] | None,
    typer.Option(
        help="JUDGE=IN/OUT, US dollars of a million tokens read and written, e.g. fast=0.15/0.6; a server's "
        "has to be said for --budget, another's is litellm's list price where left out."
    ),
]


class Naming:
    """Gives judges by their names, each with the settings that options say of it.

    Args:
        key_env: JUDGE=VARIABLE each.
        revision: JUDGE=TEXT each.
        price: JUDGE=IN/OUT each.
        own_code: Whether `py:` names may import code.
        say: Takes what the embedded judge says of itself.
    """

    def __init__(
        self,
        key_env: list[str] | None,
        revision: list[str] | None,
        price: list[str] | None,
        *,
        own_code: bool = True,
        say: Callable[[str], None] | None = None,
    ) -> None:
        options = {
            "key_env": ("--key-env", key_env),
            "revision": ("--revision", revision),
            "price": ("--price", price),
        }
        self._own = own_settings(options)
        self.own_code, self._say = own_code, say
        self._called: set[str] = set()

    def __call__(self, judge: str | roles.Judge | Mapping[str, Any]) -> roles.Judge:
        """The judge of a name or a table."""
        from judgekit.judges.resolve import resolve

        found = resolve(judge, own_code=self.own_code, say=self._say)
        self._called.add(found.name)
        return resolve(found, **self._own.get(found.name, {}))

    def check(self) -> None:
        """See that all of whom something is said were named.

        Raises:
            InputError: If one was not.
        """
        if unknown := sorted(self._own.keys() - self._called):
            there = sorted(self._called)
            raise InputError(f"--key-env, --revision or --price of {unknown}; the judges are {there}")

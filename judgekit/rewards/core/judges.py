"""The judges of a reward spec: named, checked, and priced where there is a budget."""

import warnings
from collections.abc import Iterable
from typing import Any

from judgekit.errors import InputError
from judgekit.judges.local import MissingEngine
from judgekit.judges.resolve import Scripted, check, resolve
from judgekit.judges.servers import check_together
from judgekit.plan import price_of
from judgekit.roles import Judge

NOBODY = Scripted("nobody", lambda _: "")
"""Who is asked where the judge has no weight."""


def judges_of(given: Any, *, own_code: bool, asked: bool, sending: bool) -> tuple[Judge, ...]:
    """Return judges of names, of tables, or as they are; checked if they are asked."""
    several = given if isinstance(given, list | tuple) else [given]
    judges: list[Judge] = []
    for i, each in enumerate(several):
        try:
            judges.append(resolve(each, own_code=own_code))
        except InputError as error:
            raise InputError(f"judges[{i}]: {error}") from error
    for i, judge in enumerate(judges if asked else ()):
        try:
            check(judge, sending=sending)
            _ = judge.identity  # which names the engine of the embedded judge
        except MissingEngine as error:
            if sending:
                raise
            warnings.warn(str(error), stacklevel=2)  # what a spec means can be said without it
            judges[i] = Scripted("local", lambda _: "")
    check_together(judges)
    return tuple(judges)


def check_prices(judges: Iterable[Judge]) -> None:
    """Refuse a budget that could not be kept, before any call."""
    for judge in judges:
        if None in price_of(judge, 1000):
            raise InputError(
                f"the price of judge {judge.name!r} is unknown, so budget_usd could not be kept; give the "
                'table of the judge price = "IN/OUT", US dollars of a million tokens, and max_tokens'
            )

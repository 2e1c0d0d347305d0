"""The six exceptions.

    JudgekitError
      InputError       the caller's fault: a rubric, an item, an option (also a ValueError)
      ProviderError    a judge's server said no, or did not answer
      BudgetExceeded   the next call would cost more than is left
      JudgeOutage      a judge fails again and again
      BatchesOut       nothing failed: calls are out in batches, and the run is left until they are back

What a judge says wrongly is no exception but an abstention (`types.Abstention`).
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any, Final


class JudgekitError(Exception):
    """Base of every error that judgekit raises on purpose.

    `run` holds what was done before a run stopped early (a `Run`), else None.
    """

    run: Any = None


class InputError(JudgekitError, ValueError):
    """Something handed in cannot be used; says where, what was found and what would do."""

    in_a_file: bool = False  # what it names are keys of a file, which are no options of a command


def of_file(where: object, error: InputError) -> InputError:
    """Return an error about what stands in a file, whose keys are told as they stand there.

    >>> str(of_file("job.toml", InputError("items: unknown key")))
    'job.toml: items: unknown key'
    """
    told = InputError(f"{where}: {error}")
    told.in_a_file = True
    return told


class ProviderError(JudgekitError):
    """A judge's server failed to give a reply.

    Args:
        message: What happened, without any secret.
        status: The HTTP status, if there was one.
        passing: True where asking again may help (429, 5xx, time-outs); False where it
            cannot (401, 404, an exhausted quota).
        retry_after: Seconds the server asked to wait, if it said so.
        dropped: Name of a request parameter the server refused and the judge has
            dropped for good; asking again at once is right.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        passing: bool = False,
        retry_after: float | None = None,
        dropped: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.passing = passing
        self.retry_after = retry_after
        self.dropped = dropped


class BudgetExceeded(JudgekitError):  # noqa: N818 - the house's name for it
    """The budget does not cover the next call; everything paid for so far is kept."""


class JudgeOutage(JudgekitError):  # noqa: N818 - the house's name for it
    """A judge failed many calls in a row without a success in between."""


class BatchesOut(JudgekitError):  # noqa: N818 - the house's name for it
    """Calls are out in batches, and the run was to be left until they are back; run again to go on."""


def kind_of(value: object) -> str:
    """Return what kind of thing a value is, for a message.

    >>> kind_of(1), kind_of([]), kind_of(None)
    ('an int', 'a list', 'None')
    """
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def did_you_mean(found: object, known: Iterable[str]) -> str:
    """Return the nearest of what there is, as a question; empty where none is near.

    >>> did_you_mean("meen", ["mean", "median"]), did_you_mean("x", ["mean"])
    ("did you mean 'mean'? ", '')
    """
    near = difflib.get_close_matches(str(found), [str(each) for each in known], n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}? " if near else ""


def there_are(found: object, known: Iterable[str]) -> str:
    """Return a hint of what there is instead of what was found.

    >>> there_are("meen", ["mean", "median"]), there_are("x", ["mean", "median"])
    ("did you mean 'mean'? There are mean, median", 'there are mean, median')
    """
    some = list(known)
    hint = did_you_mean(found, some)
    return f"{hint}{'There' if hint else 'there'} are {', '.join(some)}"


def n_of(n: float | None, what: str) -> str:
    """Return how many there are of what, said of one in the singular.

    >>> n_of(1, "abstention"), n_of(0, "abstention"), n_of(2, "reply"), n_of(2, "query of them")
    ('1 abstention', '0 abstentions', '2 replies', '2 queries of them')
    """
    noun, space, rest = what.partition(" ")
    several = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{n} {noun if n == 1 else several}{space}{rest}"


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "a whole number": _is_whole,
    "a number": lambda value: isinstance(value, Real) and not isinstance(value, bool),
    "True or False": lambda value: isinstance(value, bool),
    "a name": lambda value: isinstance(value, str),
    "a name or a whole number": lambda value: isinstance(value, str) or _is_whole(value),
    "a name or a function": lambda value: isinstance(value, str) or callable(value),
    "a path": lambda value: isinstance(value, str) or hasattr(value, "__fspath__"),
    "a mapping": lambda value: isinstance(value, Mapping),
    "a list": lambda value: isinstance(value, list | tuple | set | frozenset),
    "a function": callable,
}


def check_kinds(values: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    """Raise an InputError unless each value is the kind of thing it has to be.

    `kinds` says it by name, with `, or None` behind it where there may be none.

    >>> check_kinds({"samples": "3"}, {"samples": "a whole number"})
    Traceback (most recent call last):
    judgekit.errors.InputError: samples='3' is a str; it has to be a whole number
    """
    for name in values.keys() & kinds.keys():
        value, (kind, none, _) = values[name], kinds[name].partition(", or None")
        if not (_KINDS[kind](value) or (none and value is None)):
            raise InputError(f"{name}={value!r:.80} is {kind_of(value)}; it has to be {kinds[name]}")

"""Several generators of rounds walked in step: their first rounds go out as one, then their second."""

from collections.abc import Generator, Mapping, Sequence
from typing import TypeVar

from judgekit.types import Answer, Round

T = TypeVar("T")


def in_step(
    walks: Sequence[Generator[Round, Sequence[Answer], T]],
) -> Generator[Round, Sequence[Answer], list[T]]:
    """Walk generators together.

    Returns:
        What each returned, in their order; one that ends early is not waited for.
    """
    rounds: dict[int, Round] = {}
    done: dict[int, T] = {}
    answers: dict[int, Sequence[Answer]] = dict.fromkeys(range(len(walks)), ())
    first = True
    while answers:
        rounds = {}
        for i, own in answers.items():
            try:
                rounds[i] = next(walks[i]) if first else walks[i].send(own)
            except StopIteration as end:
                done[i] = end.value
        first = False
        answers = yield from _asked(rounds)
    return [done[i] for i in range(len(walks))]


def _asked(rounds: Mapping[int, Round]) -> Generator[Round, Sequence[Answer], dict[int, Sequence[Answer]]]:
    """The answers to rounds asked together; those that ask anew, apart from those that do not."""
    answers: dict[int, Sequence[Answer]] = {}
    for again in (False, True):
        own = {i: each for i, each in rounds.items() if each.again is again}
        if not own:
            continue
        calls = tuple(call for each in own.values() for call in each.calls)
        left = list((yield Round(calls, again=again)))
        for i, each in own.items():
            answers[i], left = left[: len(each.calls)], left[len(each.calls) :]
    return answers

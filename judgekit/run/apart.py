"""A recipe's step on long replies is taken in a thread, so that the loop, and what it serves, has its turns.

Reading is bounded, but what was made to be hard to read may take a tenth of a second. They are
taken one at a time: two would take turns with the loop, and with one another, for nothing.
"""

import asyncio
from collections.abc import Generator, Sequence

from judgekit.types import Answer, Judged, Round

_AT_ONCE = 4_000  # characters that are read in the loop
_BUSY = 1


class Steps:
    """Takes steps in threads. Belongs to one event loop."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_BUSY)

    async def taken(
        self, steps: Generator[Round, Sequence[Answer], Judged], answers: Sequence[Answer]
    ) -> Round | Judged:
        """The next round of a recipe, or what it came to."""
        async with self._turns:
            return await asyncio.to_thread(taken, steps, answers)


def is_short(answers: Sequence[Answer]) -> bool:
    """Whether a step on these answers may be taken in the loop."""
    return sum([len(answer.reply.text) for answer in answers]) <= _AT_ONCE


def taken(steps: Generator[Round, Sequence[Answer], Judged], answers: Sequence[Answer]) -> Round | Judged:
    """The next round of a recipe, or what it came to, at once."""
    try:
        return steps.send(answers)
    except StopIteration as end:
        judged: Judged = end.value
        return judged

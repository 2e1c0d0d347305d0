"""A judge that is a function: for tests, for rules of your own, for models this package cannot reach."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from judgekit.types import Call, Reply

Answering = Callable[[Call], str | Reply | Awaitable[str | Reply]]


@dataclass(frozen=True, slots=True)
class Scripted:
    """A function from a call to a reply, or to the reply's text; it may be asynchronous.

    Args:
        name: The rater's name.
        answer: The function. An exception in it is the caller's and stops the run.
        revision: Names this version of the function; without one, replies are not stored, since the
            ledger could not know that the function has changed.

    >>> import asyncio
    >>> judge = Scripted("kind", lambda call: "yes")
    >>> asyncio.run(judge(Call("kind", (), "grade", ()))).text
    'yes'
    """

    name: str
    answer: Answering
    revision: str | None = None
    identity: Mapping[str, Any] = field(init=False)
    max_tokens: int | None = field(default=0, init=False)

    def __post_init__(self) -> None:
        identity = {} if self.revision is None else {"scripted": self.name, "revision": self.revision}
        object.__setattr__(self, "identity", identity)

    async def __call__(self, call: Call, /) -> Reply:
        """What the function answers."""
        said = self.answer(call)
        if inspect.isawaitable(said):
            said = await said
        return said if isinstance(said, Reply) else Reply(text=said, model=self.name, cost_usd=0.0)

    def cost(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - a price list's shape
        """Nothing."""
        return 0.0

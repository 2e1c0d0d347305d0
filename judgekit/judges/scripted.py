"""A judge that is a function: for tests, for rules of your own, for models this package cannot reach."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from judgekit.scales import plain_number
from judgekit.types import Call, Reply

Answering = Callable[[Call], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Scripted:
    """A function from a call to what it says of it; it may be asynchronous.

    It says a `Reply`, or the text of one; or plainly a label, a number, True or False of everything that is
    asked, or a mapping of what each ask is called (`Ask.called`) to such.

    Args:
        name: The rater's name.
        answer: The function. What it raises is an abstention; a judge that only raises is an outage.
        revision: Names this version of the function; without one, replies are not stored, since the
            ledger could not know that the function has changed.

    >>> import asyncio
    >>> judge = Scripted("kind", lambda call: "yes")
    >>> asyncio.run(judge(Call("kind", (), "grade", ()))).text
    'yes'
    >>> from judgekit import score
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> run = score([{"id": "1", "task": "Hi", "response": "Hello"}], rubric, lambda call: True)
    >>> run.outcomes[0].label, run.outcomes[0].rater
    ('yes', 'lambda')
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
        return said if isinstance(said, Reply) else Reply(_text(said, call), model=self.name, cost_usd=0.0)

    def cost(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - a price list's shape
        """Nothing."""
        return 0.0


def judge_of(function: Callable[[Call], Any]) -> Scripted:
    """A function as a judge of its own name."""
    return Scripted(getattr(function, "__name__", type(function).__name__).strip("<>"), function)


def _text(said: Any, call: Call) -> str:
    """A plain answer in the form that was asked for; text of another kind as it is.

    Raises:
        TypeError: If it is nothing that can be said.
    """
    names = tuple(dict.fromkeys(ask.called for ask in call.asks))
    labels = {label for ask in call.asks for label in getattr(ask.scale, "labels", ())}
    if isinstance(said, str) and said not in labels:
        return said
    if isinstance(said, Mapping) and not set(said) & set(names):
        return orjson.dumps(dict(said)).decode()  # in the form of the reply already
    if not isinstance(said, Mapping):
        said = dict.fromkeys(names, said)
    told = {str(name): value if isinstance(value, Mapping) else {"label": _label(value)}
            for name, value in said.items()}  # fmt: skip
    if call.letters:
        label = next(iter(told.values()))["label"]
        return next((letter for letter, meant in call.letters if meant == label), str(label))
    if call.schema is None:
        return "\n".join(f"{call.tag} {name}: {each['label']}" for name, each in told.items())
    return orjson.dumps(told if len(names) > 1 else next(iter(told.values()))).decode()


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return plain_number(value)
    raise TypeError(
        f"a judge said {value!r:.80}, which is no Reply, text, number, True, False or mapping of such"
    )

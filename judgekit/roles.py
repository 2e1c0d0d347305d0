"""Who takes part in a run: a recipe that asks, judges that answer, and what a judge may be besides.

Plain protocols: an object that has what is named here plays the part. Nothing is inherited.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from judgekit.scales import Scale
from judgekit.types import Answer, Call, Item, Judged, Reply, Round


class Recipe(Protocol):
    """A generator over one item: it yields rounds of calls, is sent answers, returns what became of it.

    It is pure: no network, no clock. It knows nothing of how it is driven.
    """

    def __call__(self, item: Item, /) -> Generator[Round, Sequence[Answer], Judged]:
        """Start on an item."""


class Judge(Protocol):
    """A model with its settings, or a rule: anything that answers calls.

    `identity` is what makes its replies its own (model, sampling settings, address or else a name or
    revision), without a secret: it goes into the ledger key. An empty identity means that replies
    are not stored. A judge that holds connections is an asynchronous context manager too; `run`
    enters it. `Priced`, `Learning` and `Served` are what it may be besides.
    """

    @property
    def name(self) -> str:
        """Short name of the judge, the `rater` of its verdicts."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes its replies its own, without a secret."""

    async def __call__(self, call: Call, /) -> Reply:
        """Answer one call.

        Raises `ProviderError` if the server gave no reply; `passing` says whether to ask again.
        """


@runtime_checkable
class Priced(Protocol):
    """A judge that knows what its calls cost, which a budget in money needs."""

    @property
    def max_tokens(self) -> int | None:
        """The most tokens it writes for a call; None if it has no limit."""

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return US dollars for so many tokens; None where the price is unknown, which is not 0."""


@runtime_checkable
class Checked(Protocol):
    """A judge that sees without a request whether it can be asked; it may know its price only then."""

    def check(self) -> None:
        """Raise an InputError that says what is missing: a provider, a key, an address."""


@runtime_checkable
class Learning(Protocol):
    """A judge that finds out what its server refuses; `run` keeps `refused` in the ledger."""

    @property
    def refused(self) -> set[str]:
        """Names of request parameters that its server has refused."""


@runtime_checkable
class Served(Protocol):
    """A judge behind a server whose rate limits it shares with others."""

    @property
    def endpoint(self) -> str:
        """What the limits are counted by, without a secret: a host, or a provider."""


@runtime_checkable
class Noting(Protocol):
    """A judge that counts what a reader of a run should know of its server; it stands in the summary."""

    @property
    def noted(self) -> Mapping[str, int]:
        """What was seen since it was last opened, in words -> how often."""


@runtime_checkable
class Counting(Protocol):
    """A judge that counts what its servers read, and what of that they had in a cache."""

    @property
    def used(self) -> Mapping[str, Mapping[str, int]]:
        """Address -> `requests` answered, `input_tokens` read, `cached_tokens` of them, since then."""


@runtime_checkable
class Keyed(Protocol):
    """A judge that sends a key to its server."""

    def key_goes_to(self) -> tuple[str, str] | None:
        """Return the environment variable of the key, and the server it is sent to; None where none is."""


@runtime_checkable
class Choosy(Protocol):
    """A judge that cannot be asked on every scale."""

    @property
    def name(self) -> str:
        """Name of the judge, for the message."""

    def refuses(self, scale: Scale) -> str | None:
        """Return why it cannot be asked on a scale; None if it can."""


@runtime_checkable
class Authoring(Protocol):
    """A judge that may have written some of the responses, which it then does not judge."""

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems whose responses it may not judge."""


@runtime_checkable
class Tunable(Protocol):
    """A judge with settings that can be changed."""

    def with_(self, **changes: Any) -> Judge:
        """Return this judge with other settings; InputError if there is no setting of that name."""


@runtime_checkable
class Narrow(Protocol):
    """A judge that answers only so many calls at once, however many a run would send."""

    @property
    def at_once(self) -> int:
        """How many calls it answers at once."""


class Request(NamedTuple):
    """What a judge would send for a call; its headers hold the key, and are never kept."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@runtime_checkable
class Deferring(Protocol):
    """A judge whose requests another may carry, such as a batch, and whose replies it reads afterwards."""

    @property
    def name(self) -> str:
        """Short name of the judge."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes its replies its own."""

    def at_batch_rates(self) -> bool:
        """Count the prices of batches from now on; False where none are known, and the others stay."""

    async def deferred(self, call: Call, /) -> Request:
        """Return the request of a call, which is not sent."""

    async def settled(self, call: Call, status: int, body: object, /) -> Reply:
        """Return the reply in a response to it. Raises a `ProviderError` as a call does."""

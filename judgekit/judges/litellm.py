"""Any provider that litellm knows: `provider/model`.

litellm is imported when the judge is entered, since that takes a second or two. It is told not to fetch its
price list, not to read `.env` files, not to print, not to repeat a request and not to drop parameters
silently. A server of one's own is sent each request's id as by `endpoint`, and a reply that names another is
not used; of one that repeats no id nothing can be told, since litellm does not say which connection a reply
came by.
"""

import asyncio
import difflib
import functools
import gc
import logging
import os
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

from judgekit.errors import InputError, ProviderError, check_kinds
from judgekit.judges import servers, wire
from judgekit.judges.servers import identity_of
from judgekit.judges.variables import check_variables, held_around, shown_variable
from judgekit.roles import Request
from judgekit.types import Call, Reply

if TYPE_CHECKING:
    from judgekit.judges.connections import Watch
    from judgekit.judges.deferred import Kept

_WHILE_IMPORTED = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
_UNBILLED = "none"  # the key sent to a server of one's own, because litellm wants some key

# litellm keeps its clients by event loop for the whole process, so who uses them is counted so too.
_OPEN: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


class LiteLLM:
    """A model of any provider; options that are not told here are those of `Endpoint`.

    Args:
        model: `provider/model`, as litellm writes it.
        name: The rater's name; the model's if None. With a server of one's own, one that is given tells its
            replies from others' in the address's place, and so does `revision`.
        api_base: Base URL of a server of one's own.
        key_env: Environment variable that holds the key; litellm's own choice if None. With `api_base` too,
            litellm sends the provider's key to that server unless this names another, or none ("").
        extra: More arguments of `litellm.acompletion` (`reasoning_effort`, ...).
        input_usd_per_million: Price of a million tokens read, as that of those written; litellm's if None.

    >>> LiteLLM("openai/gpt-4o-mini", seed=7).identity
    {'adapter': 'litellm/1', 'model': 'openai/gpt-4o-mini', 'temperature': 0.0, 'max_tokens': 1024, 'seed': 7}
    """

    def __init__(
        self,
        model: str,
        *,
        name: str | None = None,
        revision: str | None = None,
        temperature: float | None = 0.0,
        max_tokens: int | None = 1024,
        top_p: float | None = None,
        seed: int | None = None,
        api_base: str | None = None,
        key_env: str | None = None,
        api_key_env: str | None = None,
        extra: Mapping[str, Any] | None = None,
        input_usd_per_million: float | None = None,
        output_usd_per_million: float | None = None,
        systems: Sequence[str] = (),
    ) -> None:
        self._options = {key: value for key, value in locals().items() if key != "self"}
        check_variables("", self._options)
        check_kinds(self._options, {"systems": "a list", "extra": "a mapping, or None"})
        if stray := sorted(
            {"api_key", "api_base", "base_url", "num_retries", "max_retries"} & (extra or {}).keys()
        ):
            raise InputError(f"extra sets {stray}; a key is named by key_env, a server by api_base")
        self.model = model
        self.name = name or model
        self.max_tokens = max_tokens
        self.systems = tuple(systems)
        self.refused: set[str] = set()
        self._settings = wire.settings_of(
            temperature=temperature, max_tokens=max_tokens, top_p=top_p, seed=seed, extra=extra or {}
        )
        provider = model.partition("/")[0]
        around = (f"{provider.upper()}_API_BASE", f"{provider.upper()}_BASE_URL")  # where litellm looks, too
        base = api_base or next((found for name in around if (found := os.environ.get(name, "").strip())), "")
        origin, path = servers.address_of(base, "api_base") if base else (provider, "")
        self.endpoint, self._tokens = origin, [each for each in servers.tokens_in(path) if each not in model]
        self.address = servers.shown_address(origin, path) if base else ""
        self.identity = self._identity(name, revision)
        self._api_base, self._base = api_base, base or None
        self._key_env = key_env if key_env is not None else api_key_env
        self._key = ""
        self._keys = servers.NO_KEYS
        self.noted: Counter[str] = Counter()
        self._given = wire.prices_of(input_usd_per_million, output_usd_per_million)
        self._prices: tuple[float, float] | None = None
        self._batches: tuple[float, float] | None = None
        self._kept: Kept | None = None
        self._litellm: ModuleType | None = None
        self._lost: tuple[type[Exception], ...] = ()
        self._watch: Watch

    def __repr__(self) -> str:
        named = f", name={self.name!r}" if self._options["name"] else ""
        return f"{type(self).__name__}({self.model!r}{named})"

    def with_(self, **changes: Any) -> Self:
        """Return a judge like this one, with other options; not entered, and having learnt nothing yet."""
        return type(self)(**wire.changed(self._options, changes))

    def __reduce__(self) -> tuple[Any, ...]:
        # In another process it is made anew from its options: no connection, and no key in a pickle.
        return functools.partial(type(self), **self._options), ()

    def _identity(self, name: str | None, revision: str | None) -> dict[str, Any]:
        return identity_of(
            "litellm/1", self.model, self._settings, address=self.address, name=name, revision=revision
        )

    def key_goes_to(self) -> tuple[str, str] | None:
        """Return the variable that holds the key, and the server it is sent to; None where none is sent."""
        usual = f"{self.model.partition('/')[0].upper()}_API_KEY"
        named = usual if self._key_env is None else self._key_env
        return (named, self.endpoint) if os.environ.get(named, "").strip() else None

    def check(self) -> None:
        """See that the provider is known and its key is there, without a request."""
        litellm = _import()
        try:
            bare, provider, _, _ = litellm.get_llm_provider(model=self.model, api_base=self._api_base)
        except litellm.BadRequestError:
            raise InputError(_unknown(self.model, [each.value for each in litellm.provider_list])) from None
        self._litellm, self._lost = litellm, _failures(litellm)
        names = self.model, bare, provider
        self._prices = prices_in(litellm.model_cost, *names)
        self._batches = prices_in(litellm.model_cost, *names, suffix="_batches")
        self._key = os.environ.get(self._key_env, "").strip() if self._key_env else ""
        missing = [shown_variable(self._key_env)] if self._key_env else self._missing(litellm)
        if self._key_env == "":
            self._key = _UNBILLED
        elif missing and not self._key:
            if self._key_env or not self._api_base:
                raise servers.MissingKey(
                    f"{self.model} needs a key: set {' or '.join(missing)} (.env files are not read)"
                )
            self._key = _UNBILLED
        # Which variables it reads, litellm decides.
        self._keys = servers.Keys(
            self._key, *held_around(), *self._tokens, *servers.secrets_in(self._settings)
        )

    def _missing(self, litellm: ModuleType) -> list[str]:
        """Return the keys litellm finds wanting, but for Azure and AWS, which have other ways to sign in."""
        found = litellm.validate_environment(self.model)
        names = [] if found["keys_in_environment"] else found["missing_keys"]
        return [name for name in names if name.endswith("_API_KEY") and not name.startswith("AZURE_")]

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return US dollars for so many tokens at the prices given, else litellm's; None if it has none."""
        if self._given is not None:
            return (input_tokens * self._given[0] + output_tokens * self._given[1]) / 1e6
        if self._prices is None:
            return None
        return input_tokens * self._prices[0] + output_tokens * self._prices[1]

    async def __aenter__(self) -> Self:
        """Import litellm and `check`."""
        from judgekit.judges.connections import Watch

        # In a thread, because the clients that litellm makes on import must not pass for this loop's.
        await asyncio.to_thread(self.check)
        loop = asyncio.get_running_loop()
        _OPEN[loop] = _OPEN.get(loop, 0) + 1
        logging.getLogger("LiteLLM").addFilter(self._without_keys)
        # What pydantic says of a strange reply, in litellm's hands, would show its words.
        warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
        self.noted.clear()
        self._watch = Watch(alone=servers.KEEP_ALIVE in self.refused)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close litellm's clients of this event loop, when the last judge in it leaves."""
        loop = asyncio.get_running_loop()
        logging.getLogger("LiteLLM").removeFilter(self._without_keys)
        _OPEN[loop] -= 1
        if not _OPEN[loop] and self._litellm is not None:
            await _close_clients(self._litellm, loop)

    def at_batch_rates(self) -> bool:
        """Count litellm's prices of batches from now on; False where it lists none, or others were given."""
        if self._given is None and self._batches is not None:
            self._given = (self._batches[0] * 1e6, self._batches[1] * 1e6)
            return True
        return False

    async def deferred(self, call: Call, /) -> Request:
        """Return the request of a call, which is not sent; InputError if litellm makes none that can be."""
        kept = self._keeping()
        with kept.answering(None) as held, suppress(ProviderError):
            await self(call)
        return kept.request(held, self._key)

    async def settled(self, call: Call, status: int, body: object, /) -> Reply:
        """Return the reply in a response to it."""
        kept = self._keeping()
        with kept.answering((status, body)):
            return replace(await self(call), seconds=None)

    def _instead(self) -> dict[str, Any]:
        """Return what keeps a request in the place of a client and a key, while one is kept."""
        return {} if self._kept is None else self._kept.instead()

    def _keeping(self) -> "Kept":
        if self._kept is None:
            from judgekit.judges.deferred import Kept

            self._kept = Kept(self.model, _import(), self._base)
        return self._kept

    async def __call__(self, call: Call, /) -> Reply:
        """Ask once; a refused parameter is left out from now on, and the ProviderError tells."""
        litellm = self._litellm
        if litellm is None:
            raise InputError(f"{self!r} is not open; ask within `async with judge:`")
        sent = wire.body_of(call, self.model, self._settings, self.refused)
        request, alone = self._watch.request_id(), self._watch.alone
        started = perf_counter()
        try:
            got = await litellm.acompletion(
                **{**sent, **self._named(request), "api_key": self._key or None, **self._instead()},
                api_base=self._api_base,
                num_retries=0,
                max_retries=0,
                drop_params=False,
            )
        except self._lost as error:
            return self._refusal(litellm, error, sent)
        seconds, body = perf_counter() - started, got.model_dump(warnings=False)
        if self.address and not self._watch.is_own(request, None, header=_echoed(got), said=wire.id_of(body)):
            self.noted["replies that named another request, which were not used"] += 1
            self.refused.add(servers.KEEP_ALIVE)
            raise ProviderError(servers.ANOTHERS, passing=True, dropped=None if alone else servers.KEEP_ALIVE)
        return wire.reply_of(
            body,
            letters=bool(call.letters),
            seconds=seconds,
            price=self._price_of(got),
            sent=sent,
            keys=self._keys,
            noted=self.noted,
        )

    def _without_keys(self, record: logging.LogRecord) -> bool:
        """Take keys out of a record of litellm's log, which repeats what servers say."""
        record.msg, record.args = self._keys.out_of_error(record.getMessage()), ()
        return True

    def _named(self, request: str) -> dict[str, Any]:
        """Return the headers that name a request to a server of one's own; providers get none."""
        if not self.address:
            return {}
        once = {"Connection": "close"} if self._watch.alone else {}
        given = self._settings.get("extra_headers") or {}
        return {"extra_headers": {**given, servers.REQUEST_ID: request, **once}}

    def _price_of(self, got: Any) -> Callable[[int, int], float | None]:
        """Return the price given, else litellm's own sum for this reply, else its list price.

        Its sum knows cheaper cached tokens and dearer long prompts; it is taken where it is at most ten times
        the list price, since litellm makes it of counts that a server may have invented.
        """
        said = got._hidden_params.get("response_cost")  # noqa: SLF001 - where litellm documents it to be

        def price(read: int, written: int) -> float | None:
            listed = self.cost(read, written)
            own = listed is not None and isinstance(said, float) and 0.0 < said <= 10.0 * listed
            own = own and self._given is None
            return said if own else listed

        return price

    def _refusal(self, litellm: ModuleType, error: Exception, sent: dict[str, Any]) -> Reply:
        """Return what litellm's exception means, by its status; a refused parameter is remembered."""
        words = self._keys.out_of_error(_words(error))
        if isinstance(error, litellm.ContextWindowExceededError):
            return Reply(fault="too_long", detail=words[:300])
        if isinstance(error, litellm.ContentPolicyViolationError):
            return Reply(fault="refused", detail=words[:300])
        status = getattr(error, "status_code", None)
        headers = getattr(error, "litellm_response_headers", None) or {}
        # Without headers nothing was answered, or nothing that litellm could read; it calls that a 500.
        if not isinstance(status, int) or (not headers and status in {408, 500}):
            raise ProviderError(f"{type(error).__name__}: {words[:300]}", passing=True) from None
        body = getattr(error, "body", None)
        told = isinstance(body, dict) and body.get("message")
        complaint, param = servers.complaint_of(body) if told else (words, None)
        return wire.refusal_of(
            status, self._keys.out_of_error(complaint), sent, servers.wait_of(headers), param=param,
            refused=self.refused,
        )  # fmt: skip


def _echoed(got: Any) -> str:
    """Return the id of a request, where a server of one's own repeats it in a header."""
    headers = got._hidden_params.get("additional_headers")  # noqa: SLF001 - as for its price
    return str((headers or {}).get(f"llm_provider-{servers.REQUEST_ID.lower()}", ""))


def _import() -> ModuleType:
    """Return litellm, quiet; the garbage collector rests meanwhile, which saves three tenths of the time."""
    added = [name for name in _WHILE_IMPORTED if name not in os.environ]
    os.environ.update({name: _WHILE_IMPORTED[name] for name in added})
    collecting = gc.isenabled()
    gc.disable()
    try:
        import litellm
    finally:
        if collecting:
            gc.enable()
        for name in added:
            del os.environ[name]
    module: ModuleType = litellm
    for name, value in {"suppress_debug_info": True, "set_verbose": False, "telemetry": False}.items():
        setattr(module, name, value)
    return module


def _failures(litellm: ModuleType) -> tuple[type[Exception], ...]:
    """Return what `acompletion` may raise: its errors, and what its readers stumble over."""
    import httpx
    import openai

    own = (openai.OpenAIError, httpx.HTTPError, *litellm.LITELLM_EXCEPTION_TYPES)
    return (*own, OSError, LookupError, ValueError, TypeError, AttributeError)


def _words(error: Exception) -> str:
    """Return the server's words: litellm puts class names in front and sometimes a traceback behind."""
    text = " ".join(str(getattr(error, "message", "") or error).split("Traceback", 1)[0].split())
    head, _, tail = text.partition(" - ")
    return tail if tail and head.endswith(("Exception", "Error")) else text


def _unknown(model: str, providers: list[str]) -> str:
    given, slash, rest = model.partition("/")
    close = difflib.get_close_matches(given, providers, n=1) if slash else []
    hint = (
        f"did you mean {f'{close[0]}/{rest}'!r}?"
        if close
        else "write it as provider/model, as in openai/gpt-4o-mini"
    )
    return f"judge {model!r} has no provider that litellm knows; {hint}"


def prices_in(
    listed: Mapping[str, Any], *names: str, decisions: bool = False, suffix: str = ""
) -> tuple[float, float] | None:
    """Return US dollars of a token in and out; None where the model is not listed, or listed at 0.

    litellm's own functions ask the network for some providers, guess for others, and give 0 for what they do
    not know. Only decisions may cost nothing to write, and there may be a price for them alone; the prices of
    batches, which have a suffix too, have to be listed themselves.
    """
    model, bare, provider = names
    for key in (model, f"{provider}/{bare}", bare):
        entry = listed.get(key, {})
        if key != bare or entry.get("litellm_provider") == provider:
            read, written = (
                entry.get(f"{way}_cost_per_token_decisions", entry.get(f"{way}_cost_per_token"))
                if decisions
                else entry.get(f"{way}_cost_per_token{suffix}")
                for way in ("input", "output")
            )
            if read and (written or decisions):
                return float(read), float(written or 0.0)
    return None


async def _close_clients(litellm: ModuleType, loop: asyncio.AbstractEventLoop) -> None:
    """Close and forget a loop's clients: litellm knows loops by `id`, which a later one may get again."""
    cache = litellm.in_memory_llm_clients_cache
    for key in [key for key in cache.cache_dict if key.endswith(f"-{id(loop)}")]:
        client = cache.cache_dict.pop(key)
        cache.ttl_dict.pop(key, None)
        if hasattr(client, "close"):
            await client.close()

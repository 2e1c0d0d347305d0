"""Requests of litellm that are kept instead of sent, and answered later with what a batch brought.

litellm is handed a client whose transport reaches no network: it keeps the request, or gives back the body it
is to be answered with. So requests are built, and replies read, as they are without batches.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import orjson

from judgekit.errors import InputError
from judgekit.roles import Request

_WAYS = (
    "openai",
    "anthropic",
    "gemini",
)  # of others it is not known that litellm takes the client it is given
_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "anthropic-version", "anthropic-beta")
_NO_KEY = "no-key-yet"  # a request that went out by mistake would be refused
Answer = tuple[int, object] | None
"""The status and the body of a response; None where there is none yet."""


class Kept:
    """A client for litellm that keeps requests; several calls may go through it at once."""

    def __init__(self, model: str, litellm: ModuleType, api_base: str | None) -> None:
        import httpx

        self.model, self._provider = model, litellm.get_llm_provider(model=model, api_base=api_base)[1]
        if self._provider not in _WAYS:
            raise InputError(
                f"judge {model!r}: there are batches of {', '.join(_WAYS)}, and of servers named endpoint:"
            )
        self._held: ContextVar[tuple[Answer, list[Any]]] = ContextVar("held")
        transport = httpx.MockTransport(self._take)
        if self._provider == "openai":
            import openai

            http = httpx.AsyncClient(transport=transport)
            self.client: Any = openai.AsyncOpenAI(
                api_key=_NO_KEY, base_url=api_base, http_client=http, max_retries=0
            )
        else:
            from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

            self.client = AsyncHTTPHandler(transport=transport)

    def _take(self, request: Any) -> Any:
        import httpx

        answer, held = self._held.get()
        held.append(request)
        status, body = (501, {"error": {"message": "kept"}}) if answer is None else answer
        raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
        return httpx.Response(status, content=raw, headers={"content-type": "application/json"})

    @contextmanager
    def answering(self, answer: Answer) -> Iterator[list[Any]]:
        """Answer what is asked meanwhile; the requests that were kept are added to what is yielded."""
        held: list[Any] = []
        token = self._held.set((answer, held))
        try:
            yield held
        finally:
            self._held.reset(token)

    def instead(self) -> dict[str, Any]:
        """Return litellm's arguments while something is answered here: this client, and no key."""
        return {} if self._held.get(None) is None else {"client": self.client, "api_key": _NO_KEY}

    def request(self, held: list[Any], key: str) -> Request:
        """Return the request that was kept, with the key in its headers."""
        if len(held) != 1:
            raise InputError(f"judge {self.model!r}: litellm sends it by a way that batches do not know")
        key = key or next(filter(None, map(os.environ.get, self._variables)), "")
        kept = held[0].headers
        headers = {name: kept[name].replace(_NO_KEY, key) for name in _HEADERS if name in kept}
        return Request(str(held[0].url.copy_with(query=None)), headers, orjson.loads(held[0].content))

    @property
    def _variables(self) -> list[str]:
        """The variables in which litellm looks for a key."""
        return [
            f"{self._provider.upper()}_API_KEY",
            *(["GOOGLE_API_KEY"] if self._provider == "gemini" else []),
        ]

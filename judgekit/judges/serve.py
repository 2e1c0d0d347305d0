"""The embedded model behind HTTP, so that other roads to a judge can be compared with the direct one.

The engine brings an OpenAI-compatible server. It listens on 127.0.0.1 only, on a free port, and
asks for a random key. The settings are the judge's own; whether prompts are cached is switched in
the server, so requests need no extra field, and in `reproducible` mode `litellm`, `endpoint` and
`local` get the same log-probabilities to the bit.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from judgekit.judges.local import Local


class Address(NamedTuple):
    """Where the server is: the base URL (ending in `/v1`), the key it asks for, the model's name."""

    url: str
    key: str
    model: str


@contextmanager
def serving(judge: Local) -> Iterator[Address]:
    """Serve a judge's model by HTTP while the context lasts.

    Args:
        judge: Says which model and which settings; it need not be open, and its sampling settings
            are for the client to send.

    Raises:
        InputError: If the engine is missing or cannot load the model.
        ProviderError: If the model has to be downloaded and cannot be.
    """
    key = secrets.token_urlsafe()
    engine = judge.open_engine(key)
    try:
        yield Address(f"{engine.listening_address}/v1", key, judge.model)
    finally:
        del engine  # its destructor ends the requests and closes the port

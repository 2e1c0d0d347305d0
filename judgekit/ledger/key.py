"""The key of a reply: what was asked, as it was asked, and nothing else.

`k1:` and the SHA-256 of canonical JSON (sorted keys, no blanks, UTF-8) of the judge's identity,
the messages, the reply schema, the sample and the attempt; and of the wish for log-probabilities
where there is one, since a reply without them does not answer it. Never a host, a port or a
secret. Ten golden keys are pinned by a test, so that no change of JSON library can lose a ledger.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from judgekit.types import Call

VERSION = "k1:"


def request_of(identity: Mapping[str, Any], call: Call) -> bytes:
    """The canonical JSON of a request."""
    request: dict[str, Any] = {
        "attempt": call.attempt,
        "identity": identity,
        "messages": [{"content": m.content, "role": m.role} for m in call.messages],
        "sample": call.sample,
        "schema": call.schema,
    }
    if call.letters:
        request["logprobs"] = True
    return orjson.dumps(request, option=orjson.OPT_SORT_KEYS)


def key_of_request(request: bytes) -> str:
    """The key of a canonical request."""
    return VERSION + hashlib.sha256(request).hexdigest()


def key_of(identity: Mapping[str, Any], call: Call) -> str:
    """The key of a call to a judge with this identity.

    >>> key_of({"model": "m"}, Call("m", (), "grade", ()))[:11]
    'k1:3bc84544'
    """
    return key_of_request(request_of(identity, call))

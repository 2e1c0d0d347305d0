"""The key of a reply: what was asked, as it was asked, and nothing else.

`k2:` and the SHA-256 of canonical JSON (sorted keys, no blanks, UTF-8, floats as Python writes them) of the
judge's identity, the messages, the reply schema, the sample and the attempt; and of the wish for
log-probabilities where there is one, since a reply without them does not answer it. Ten golden keys are
pinned by a test, so that no change of JSON library can lose a ledger.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from judgekit.errors import InputError
from judgekit.types import Call

VERSIONS: Final = ("k1:", "k2:")
"""What keys begin with: those of ledgers of version 1, and of version 2."""
VERSION: Final = VERSIONS[-1]


def request_of(identity: Mapping[str, Any], call: Call, *, sample: int | None = None) -> bytes:
    """Return the canonical JSON of a request: `json.dumps` with sorted keys and no blanks, only faster."""
    try:
        request: dict[str, Any] = {
            "attempt": call.attempt,
            "identity": _canonical(orjson.dumps(identity)),
            "messages": [{"content": m.content, "role": m.role} for m in call.messages],
            "sample": call.sample if sample is None else sample,
            "schema": None if call.schema is None else _canonical(orjson.dumps(call.schema)),
        }
        if call.letters:
            request["logprobs"] = True
        return orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise InputError(
            f"judge {call.judge or dict(identity)!r}: what it is asked cannot be written as JSON: {error}"
        ) from None


@lru_cache(maxsize=1024)
def _canonical(raw: bytes) -> orjson.Fragment:
    """Return JSON with sorted keys and floats as Python writes them (`1e-07`); JSON libraries differ.

    A run has few identities and schemas, so each is written once.
    """
    text = json.dumps(orjson.loads(raw), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return orjson.Fragment(text)


def key_of_request(request: bytes, version: str = VERSION) -> str:
    """Return the key of a canonical request."""
    return version + hashlib.sha256(request).hexdigest()


def key_of(identity: Mapping[str, Any], call: Call, *, sample: int | None = None) -> str:
    """Return the key of a call to a judge with this identity, as a repeat of it where `sample` says so."""
    return key_of_request(request_of(identity, call, sample=sample))

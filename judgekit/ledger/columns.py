"""The tables of a ledger, and a reply as a row of them.

Whatever a server says must be storable, or one odd reply would keep a whole batch from being written: half a
surrogate pair is kept as bytes, a log-probability that is not finite as a word, and a count that 64 bits
cannot hold as unknown. Each row carries a digest of itself, so that what was altered is never served; what
was asked is not in it, since that has a digest already, the key.
"""

import json
import math
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson

from judgekit.ledger.damage import Damaged
from judgekit.ledger.key import request_of
from judgekit.records import make_reply
from judgekit.types import Call, Reply

Pairs = tuple[tuple[str, float], ...]
USER_VERSION: Final = 2
_COLUMNS: Final = """
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, edition INTEGER NOT NULL, written TEXT NOT NULL,
    judge TEXT NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL, fault TEXT, detail TEXT NOT NULL,
    text TEXT NOT NULL, logprobs TEXT, probs TEXT, input_tokens INTEGER, output_tokens INTEGER,
    cost_usd REAL, seconds REAL, tries INTEGER NOT NULL"""
SCHEMAS: Final[Mapping[int, tuple[str, str]]] = {
    1: (
        f"CREATE TABLE replies ({_COLUMNS}, request TEXT, UNIQUE (key, edition))",
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ),
    2: (
        f"CREATE TABLE replies ({_COLUMNS}, digest BLOB NOT NULL, request TEXT, UNIQUE (key, edition))",
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, digest BLOB NOT NULL)",
    ),
}
"""Version -> its tables, as SQLite keeps their words. Version 1 is what judgekit 0.1.0 wrote."""
COLUMNS: Final = (
    "key", "edition", "written", "judge", "model", "fingerprint", "fault", "detail", "text", "logprobs",
    "probs", "input_tokens", "output_tokens", "cost_usd", "seconds", "tries", "digest", "request",
)  # fmt: skip
WRITE = f"INSERT OR IGNORE INTO replies ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - constants
SERVED: Final = COLUMNS[:-1]
"""What a reply is served from; what was asked is longer than all of it, and not read."""
_MOST: Final = 2**63 - 1


def chosen(version: int, columns: Iterable[str] = COLUMNS) -> str:
    """Return columns for a SELECT; a version without digests has NULL in their place."""
    return ", ".join("NULL" if each == "digest" and version < USER_VERSION else each for each in columns)


def row_of(
    call: Call, identity: Mapping[str, Any], reply: Reply, *, edition: int, prompts: bool
) -> tuple[Any, ...]:
    """Return a reply as a row, in the order of `COLUMNS`, written now."""
    request = request_of(identity, call).decode() if prompts else None
    now = time.time_ns()
    written = f"{_second(now // 1_000_000_000)}.{now // 1_000 % 1_000_000:06d}Z"
    row = (
        call.key, edition, written, _text(call.judge), _text(reply.model), _text(reply.fingerprint),
        reply.fault, _text(reply.detail), _text(reply.text), _pairs(reply.logprobs), _probs(reply),
        _count(reply.input_tokens), _count(reply.output_tokens), _number(reply.cost_usd),
        _number(reply.seconds), reply.tries,
    )  # fmt: skip
    return (*row, digest_of(row), request)


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    """Return a time in UTC, which all replies of a second share."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def digest_of(values: tuple[Any, ...]) -> bytes:
    """Return the digest of what a row holds, as SQLite keeps it: 128 bits of BLAKE2b over its JSON.

    Numbers with a point are written in hexadecimal, which no library writes in two ways.

    >>> digest_of(("k2:0", 0, None, 0.1)).hex()
    'f40634eea65d3d4aff1ca097b165da5c'
    """
    plain = [[value.hex()] if value.__class__ is float else value for value in values]
    return blake2b(orjson.dumps(plain, default=lambda value: {"bytes": value.hex()}), digest_size=16).digest()


def reply_of(path: Path, row: tuple[Any, ...], version: int = USER_VERSION) -> Reply:
    """Return the reply of a row of the columns `SERVED`; Damaged if it is not what was written."""
    if version >= USER_VERSION and digest_of(row[:16]) != row[16]:
        raise Damaged(path, f"reply {row[0]} was altered, its digest is not that of what it holds")
    model, fingerprint, fault, detail, text, logprobs, probs, n_in, n_out, cost, seconds, tries = row[4:16]
    try:
        own, decisions = probs_of(probs)
        return make_reply(
            text=text_of(text), fault=fault, detail=text_of(detail), logprobs=pairs_of(logprobs), probs=own,
            model=text_of(model), fingerprint=text_of(fingerprint), input_tokens=n_in, output_tokens=n_out,
            cost_usd=cost, seconds=seconds, tries=tries, decisions=decisions,
        )  # fmt: skip
    except (ValueError, TypeError):
        raise Damaged(path, f"reply {row[0]} cannot be read") from None


def fact_of(path: Path, row: tuple[Any, ...], version: int = USER_VERSION) -> tuple[str, ...]:
    """Return what was learnt, from a row of name, value and digest; Damaged if it is not what was written."""
    name, raw, digest = row
    if version >= USER_VERSION and digest_of((name, raw)) != digest:
        raise Damaged(path, f"fact {name!r} was altered, its digest is not that of what it holds")
    try:
        return tuple(names_of(raw))
    except (ValueError, TypeError):
        raise Damaged(path, f"fact {name!r} cannot be read") from None


def names_of(raw: str) -> list[str]:
    """Return names from JSON; ValueError if it is none, or holds anything but names."""
    names = json.loads(raw)
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ValueError(f"{raw!r} is no list of names")
    return names


def _text(text: str) -> str | bytes:
    """Return a text as SQLite takes it; with half a surrogate pair, which UTF-8 cannot hold, as bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def text_of(stored: object) -> str:
    """Return a text as it was before it was stored; ValueError if it is none."""
    if isinstance(stored, str):
        return stored
    if not isinstance(stored, bytes):
        raise ValueError(f"{stored!r} is no text")
    return stored.decode("utf-8", "surrogatepass")


def told_text(path: Path, stored: object) -> str:
    """Return a text of a column that no digest was checked for; Damaged if it is none."""
    try:
        return text_of(stored)
    except ValueError:
        raise Damaged(path, f"{stored!r:.80} stands where a text should be") from None


def _pairs(pairs: Pairs) -> str | None:
    """Return pairs as JSON; infinities as words, which JSON has no numbers for."""
    return json.dumps(plain_pairs(pairs), separators=(",", ":")) if pairs else None


def plain_pairs(pairs: Pairs) -> list[tuple[str, float | str]]:
    """Return pairs as JSON can hold them."""
    return [(name, value if math.isfinite(value) else str(value)) for name, value in pairs]


def _probs(reply: Reply) -> str | None:
    """Return the column `probs`: pairs, or an object with those for each ask of a decision model."""
    if not reply.decisions:
        return _pairs(reply.probs)
    each = {"probs": plain_pairs(reply.probs), "decisions": [plain_pairs(pairs) for pairs in reply.decisions]}
    return json.dumps(each, separators=(",", ":"))


def probs_of(raw: str | None) -> tuple[Pairs, tuple[Pairs, ...]]:
    """Return the probabilities and the decisions in the column `probs`; ValueError, TypeError if none.

    >>> probs_of('{"probs":[],"decisions":[[["yes",0.8],["no",0.2]],[]]}')
    ((), ((('yes', 0.8), ('no', 0.2)), ()))
    """
    if not (isinstance(raw, str) and raw.startswith("{")):
        return pairs_of(raw), ()
    stored = json.loads(raw)
    if stored.keys() != {"probs", "decisions"}:
        raise ValueError(f"{sorted(stored)} are not 'decisions' and 'probs'")
    return _paired(stored["probs"]), tuple(_paired(each) for each in stored["decisions"])


def pairs_of(raw: str | None) -> Pairs:
    """Return pairs from JSON; ValueError or TypeError if it holds anything but a name and a number each."""
    return _paired(json.loads(raw)) if raw else ()


def _paired(plain: Iterable[tuple[object, float | str]]) -> Pairs:
    return tuple((str(name), float(value)) for name, value in plain)


def _number(number: float | None) -> float | None:
    """Return a number as SQLite gives it back, which the digest is made of."""
    return None if number is None or math.isnan(number) else float(number)


def _count(count: int | None) -> int | None:
    return count if count is not None and -_MOST <= count <= _MOST else None

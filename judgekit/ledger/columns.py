"""The tables of a ledger, and a reply as a row of them.

Whatever a server says must be storable, or one odd reply would keep a whole batch from being
written: half a surrogate pair is kept as bytes, a log-probability that is not finite as a word, and
a count that SQLite's 64 bits cannot hold as unknown.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from judgekit.errors import InputError
from judgekit.ledger.key import request_of
from judgekit.types import Call, Reply

Pairs = tuple[tuple[str, float], ...]
USER_VERSION: Final = 1
SCHEMA: Final = (
    """CREATE TABLE replies (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, edition INTEGER NOT NULL, written TEXT NOT NULL,
    judge TEXT NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL, fault TEXT, detail TEXT NOT NULL,
    text TEXT NOT NULL, logprobs TEXT, probs TEXT, input_tokens INTEGER, output_tokens INTEGER,
    cost_usd REAL, seconds REAL, tries INTEGER NOT NULL, request TEXT, UNIQUE (key, edition))""",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
COLUMNS: Final = (
    "key", "edition", "written", "judge", "model", "fingerprint", "fault", "detail", "text", "logprobs",
    "probs", "input_tokens", "output_tokens", "cost_usd", "seconds", "tries", "request",
)  # fmt: skip
REPLY: Final = COLUMNS[4:16]
"""The columns that make a reply, in the order `reply_of` takes them."""
_MOST: Final = 2**63 - 1


def row_of(
    call: Call, identity: Mapping[str, Any], reply: Reply, *, edition: int, prompts: bool
) -> tuple[Any, ...]:
    """A reply as a row, in the order of `COLUMNS`, written now."""
    request = request_of(identity, call).decode() if prompts else None
    written = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return (
        call.key, edition, written, _text(call.judge), _text(reply.model), _text(reply.fingerprint),
        reply.fault, _text(reply.detail), _text(reply.text), _pairs(reply.logprobs), _probs(reply),
        _count(reply.input_tokens), _count(reply.output_tokens), reply.cost_usd, reply.seconds, reply.tries,
        request,
    )  # fmt: skip


def reply_of(path: Path, key: str, row: tuple[Any, ...]) -> Reply:
    """The reply of a row of the columns `REPLY`, which a file has under a key.

    Raises:
        InputError: If the row is damaged.
    """
    model, fingerprint, fault, detail, text, logprobs, probs, n_in, n_out, cost, seconds, tries = row
    try:
        own, decisions = probs_of(probs)
        return Reply(
            text_of(text), fault, text_of(detail), pairs_of(logprobs), own, text_of(model),
            text_of(fingerprint), n_in, n_out, cost, seconds, tries, decisions,
        )  # fmt: skip
    except (ValueError, TypeError):
        raise InputError(f"{path}: reply {key} is damaged; verify the ledger") from None


def fact_of(path: Path, name: str, raw: str) -> tuple[str, ...]:
    """What was learnt, from the column `value`, which a file has under a name.

    Raises:
        InputError: If it is damaged.
    """
    try:
        return tuple(names_of(raw))
    except ValueError:
        raise InputError(f"{path}: fact {name!r} is damaged; verify the ledger") from None


def names_of(raw: str) -> list[str]:
    """Names from JSON.

    Raises:
        ValueError: If it is no JSON, or holds anything but names.
    """
    names = json.loads(raw)
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ValueError(f"{raw!r} is no list of names")
    return names


def _text(text: str) -> str | bytes:
    """Text as SQLite takes it; with half a surrogate pair, which UTF-8 has no place for, as bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def text_of(stored: str | bytes) -> str:
    """Text as it was before it was stored."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


def _pairs(pairs: Pairs) -> str | None:
    """Pairs as JSON; infinities as words, which JSON has no numbers for.

    >>> _pairs((("A", -0.5), ("B", float("-inf"))))
    '[["A",-0.5],["B","-inf"]]'
    """
    return json.dumps(plain_pairs(pairs), separators=(",", ":")) if pairs else None


def plain_pairs(pairs: Pairs) -> list[tuple[str, float | str]]:
    """Pairs as JSON can hold them."""
    return [(name, value if math.isfinite(value) else str(value)) for name, value in pairs]


def _probs(reply: Reply) -> str | None:
    """The column `probs`: pairs, or an object with pairs for each ask where a decision model answered."""
    if not reply.decisions:
        return _pairs(reply.probs)
    each = {"probs": plain_pairs(reply.probs), "decisions": [plain_pairs(pairs) for pairs in reply.decisions]}
    return json.dumps(each, separators=(",", ":"))


def probs_of(raw: str | None) -> tuple[Pairs, tuple[Pairs, ...]]:
    """The probabilities and the decisions of a reply from the column `probs`.

    Raises:
        ValueError, TypeError: If it is no JSON, or holds anything else.

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
    """Pairs from JSON.

    Raises:
        ValueError, TypeError: If it is no JSON, or holds anything but pairs of a name and a number.
    """
    return _paired(json.loads(raw)) if raw else ()


def _paired(plain: Iterable[tuple[object, float | str]]) -> Pairs:
    return tuple((str(name), float(value)) for name, value in plain)


def _count(count: int | None) -> int | None:
    return count if count is not None and -_MOST <= count <= _MOST else None

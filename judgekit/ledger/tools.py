"""What can be done with a ledger besides asking it: look at it, hand it on, make it smaller."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, get_args

import orjson

from judgekit.errors import InputError
from judgekit.ledger.columns import USER_VERSION, chosen, fact_of, plain_pairs, reply_of, told_text
from judgekit.ledger.damage import Damaged, told
from judgekit.ledger.file import is_sqlite
from judgekit.ledger.key import VERSIONS, key_of_request
from judgekit.ledger.store import BATCH, Ledger
from judgekit.types import Fault, Reply
from judgekit.writing import beside

FAULTS: Final[tuple[str, ...]] = get_args(Fault)
LATEST: Final = "edition = (SELECT max(edition) FROM replies AS every WHERE every.key = replies.key)"
"""Of each key the reply that a run is served."""
_MOST_NAMED = 5  # keys that an error names


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A reply with what stands beside it in the ledger; its edition is how often it was asked anew."""

    key: str
    edition: int
    written: str
    judge: str
    reply: Reply
    request: str | None

    @cached_property
    def asked(self) -> Mapping[str, Any] | None:
        """Return the request: `identity`, `messages`, `schema`, `sample`, `attempt`; None if not stored."""
        if self.request is None:
            return None
        return dict(orjson.loads(self.request))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many replies (of all editions) one judge or resolved model has, and the sums that are known."""

    name: str
    replies: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a ledger holds: keys, replies of all editions, and how many of those with what was asked."""

    path: str
    version: int
    bytes: int
    keys: int
    replies: int
    prompts: int
    judges: tuple[Share, ...]
    models: tuple[Share, ...]
    faults: Mapping[str, int]
    first: str | None
    last: str | None
    facts: Mapping[str, tuple[str, ...]]


def overview(ledger: Ledger) -> Overview:
    """Count what a ledger holds."""
    ledger.flush()
    [(keys, replies, prompts, first, last)] = ledger.query(
        "SELECT count(DISTINCT key), count(*), count(request), min(written), max(written) FROM replies"
    )
    faults = ledger.query("SELECT fault, count(*) FROM replies WHERE fault NOTNULL GROUP BY 1 ORDER BY 1")
    return Overview(
        path=str(ledger.path),
        version=ledger.version,
        bytes=size_of(ledger.path),
        keys=keys,
        replies=replies,
        prompts=prompts,
        judges=_shares(ledger, "judge"),
        models=_shares(ledger, "model"),
        faults=dict(faults),
        first=first,
        last=last,
        facts={row[0]: fact_of(ledger.path, row, ledger.version) for row in facts_in(ledger)},
    )


def facts_in(ledger: Ledger) -> Iterator[tuple[Any, ...]]:
    """Return what was learnt, as rows of name, value and digest."""
    columns = chosen(ledger.version, ("name", "value", "digest"))
    return ledger.query(f"SELECT {columns} FROM facts ORDER BY name")  # noqa: S608 - constants


def _shares(ledger: Ledger, column: str) -> tuple[Share, ...]:
    rows = ledger.query(
        f"SELECT {column}, count(*), total(input_tokens), total(output_tokens), total(cost_usd), "  # noqa: S608 - ours
        f"count(*) - count(cost_usd) FROM replies GROUP BY {column} ORDER BY {column}"
    )
    return tuple(
        Share(
            name=told_text(ledger.path, name), replies=n, input_tokens=int(read), output_tokens=int(written),
            cost_usd=cost, unpriced=none,
        )
        for name, n, read, written, cost, none in rows
    )  # fmt: skip


def size_of(path: Path) -> int:
    """Return the bytes of a ledger: of the file, and of what is written ahead beside it."""
    parts = (path, path.with_name(f"{path.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def entry(ledger: Ledger, key_prefix: str) -> Entry:
    """Return the latest reply under the one key that begins so; `k2:` may be left out."""
    ledger.flush()
    start = key_prefix if key_prefix.startswith(VERSIONS) else f"{VERSIONS[ledger.version - 1]}{key_prefix}"
    if start in VERSIONS or not start.isascii():
        raise InputError(f"{key_prefix!r} begins no key; give some of the digits after '{start[:3]}'")
    found = ledger.query(
        "SELECT DISTINCT key FROM replies WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
        [start, f"{start}\x7f", _MOST_NAMED + 1],
    )
    keys = [key for (key,) in found]
    if not keys:
        raise InputError(f"{ledger.path}: no key begins with {start!r}")
    if len(keys) > 1:
        named = ", ".join(keys[:_MOST_NAMED]) + (", ..." if len(keys) > _MOST_NAMED else "")
        raise InputError(f"{ledger.path}: several keys begin with {start!r}: {named}; give more digits")
    return next(_entries(ledger, "key = ? ORDER BY edition DESC LIMIT 1", keys[0]))


def rows(
    ledger: Ledger, judge: str | None = None, fault: str | None = None, limit: int | None = None
) -> Iterator[Entry]:
    """Return replies of all editions in the order they were written; the fault may be "none"."""
    ledger.flush()
    if judge is not None:
        found = ledger.query("SELECT DISTINCT judge FROM replies ORDER BY 1")
        names = [told_text(ledger.path, name) for (name,) in found]
        if judge not in names:
            raise InputError(f"{ledger.path}: no judge {judge!r}; there are {names}")
    if fault is not None and fault not in {*FAULTS, "none"}:
        raise InputError(f"no fault {fault!r}; there are {', '.join(FAULTS)}, and none for those without one")
    if limit is not None and limit < 0:
        raise InputError(f"limit={limit}; None for all, or a number from 0")
    return _entries(
        ledger,
        "(?1 IS NULL OR judge = ?1) AND (?2 IS NULL OR coalesce(fault, 'none') = ?2) ORDER BY id LIMIT ?3",
        judge, fault, -1 if limit is None else limit,
    )  # fmt: skip


def latest(ledger: Ledger) -> Iterator[Entry]:
    """Return the latest reply under each key, in the order they were written."""
    ledger.flush()
    return _entries(ledger, f"{LATEST} ORDER BY id")


def of_keys(ledger: Ledger, keys: Sequence[str]) -> dict[str, Entry]:
    """Return the latest reply under each of some keys; those without one are left out."""
    found: dict[str, Entry] = {}
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        clause = f"key IN ({', '.join('?' * len(some))}) ORDER BY edition"
        found |= {each.key: each for each in _entries(ledger, clause, *some)}
    for other in ledger.also:
        found |= of_keys(other, [key for key in keys if key not in found])
    return found


def _entries(ledger: Ledger, clause: str, *values: object) -> Iterator[Entry]:
    wanted = f"SELECT {ledger.columns} FROM replies WHERE {clause}"  # noqa: S608 - values go in by place
    for row in ledger.query(wanted, values):
        key, edition, written, judge = row[:4]
        reply = reply_of(ledger.path, row[:-1], ledger.version)
        if not is_asked(row, ledger.version):
            raise Damaged(ledger.path, f"what was asked for reply {key} is not what its key says")
        judge = told_text(ledger.path, judge)
        yield Entry(key=key, edition=edition, written=written, judge=judge, reply=reply, request=row[-1])


def is_asked(row: tuple[Any, ...], version: int) -> bool:
    """Tell whether what a row says was asked is what its key says; it may say nothing."""
    key, request = row[0], row[-1]
    if request is None:
        return True
    return isinstance(request, str) and key_of_request(request.encode(), VERSIONS[version - 1]) == key


def compact(ledger: Ledger, *, drop_prompts: bool = False, drop_old_editions: bool = False) -> int:
    """Make the file, which no other process uses, as small as it can be; return the bytes saved.

    What is dropped is gone for good: without prompts replies are still served, and `replay` cannot read them.
    """
    ledger.flush()
    db = ledger.db
    with told(ledger.path, "it cannot be made smaller now"):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = size_of(ledger.path)
        with db:
            if drop_prompts:
                db.execute("UPDATE replies SET request = NULL")
            if drop_old_editions:
                db.execute(f"DELETE FROM replies WHERE NOT {LATEST}")  # noqa: S608 - a constant
        db.execute("VACUUM")
        (busy, *_) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise InputError(
            f"{ledger.path}: cannot be made smaller now (another process reads it); end what uses it"
        )
    return before - size_of(ledger.path)


def export(ledger: Ledger, path: str | Path) -> int:
    """Write the latest reply under each key as a line of JSON for `replay:FILE`; return how many."""
    n = 0
    with beside(Path(path), reads=[ledger.path], private=True) as [file]:
        for each in latest(ledger):
            row = exported(each)
            try:
                line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
            except orjson.JSONEncodeError:  # half a surrogate pair, which plain JSON can only escape
                line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
            file.write(line)
            n += 1
    return n


def exported(each: Entry) -> dict[str, Any]:
    """Return a reply as an object of an export; `replay` takes `judge` and the `identity` from it."""
    reply = each.reply
    return {
        "key": each.key, "judge": each.judge, "edition": each.edition, "written": each.written,
        "text": reply.text, "fault": reply.fault, "detail": reply.detail,
        "logprobs": plain_pairs(reply.logprobs), "probs": plain_pairs(reply.probs),
        "decisions": [plain_pairs(pairs) for pairs in reply.decisions],
        "model": reply.model, "fingerprint": reply.fingerprint, "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens, "cost_usd": reply.cost_usd, "seconds": reply.seconds,
        "tries": reply.tries, "request": each.asked,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Older:
    """A ledger of judgekit 0.1.0, which no run serves or writes: a run's replies go to a file beside it.

    Its keys are of other prompts, and of judges without an address, so its replies answer nothing that is
    asked now. It can still be shown, verified, exported and replayed.
    """

    path: Path
    beside: Path
    replies: int
    cost_usd: float

    def __str__(self) -> str:
        n = f"{self.replies} {'reply' if self.replies == 1 else 'replies'}"
        return (
            f"{self.path}: a ledger of judgekit 0.1.0, whose prompts were others; {n} of these judges, paid "
            f"with ${self.cost_usd:.4f} as far as known, are not served but asked again, and it stays as it "
            f"is; replies are kept in {self.beside}"
        )


def kept_in(path: Path, judges: Collection[str] = ()) -> tuple[Path, Older | None]:
    """Return the file that a run at a ledger keeps its replies in, and the older ledger beside it."""
    if not path.is_file() or not is_sqlite(path):
        return path, None
    with Ledger(path, read_only=True) as ledger:
        if ledger.version == USER_VERSION:
            return path, None
        some = f"judge IN ({', '.join('?' * len(judges))})" if judges else "true"
        sql = f"SELECT count(DISTINCT key), total(cost_usd) FROM replies WHERE {some}"  # noqa: S608 - constants
        [(replies, cost)] = ledger.query(sql, tuple(judges))
    beside = path.with_name(f"{path.stem}.k{USER_VERSION}{path.suffix}")
    return beside, Older(path, beside, replies, cost)

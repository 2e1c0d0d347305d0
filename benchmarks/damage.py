"""Damaged ledgers: each is refused with advice, or served right; `verify` finds what is damaged.

A ledger of 120 replies is damaged in one of many ways (bits, pages, cuts, rows and texts altered
through SQLite itself, the tables' own description, what is written ahead), and then everything is done with
it that reads or writes one: served, shown, verified, exported, replayed, recovered, written to. No error may be
SQLite's own, no reply may be another than what was written.

    python benchmarks/damage.py --ledgers 1000
"""

import argparse
import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from judgekit.errors import InputError
from judgekit.judges.replay import Replay
from judgekit.ledger import Ledger, key_of
from judgekit.ledger.check import recover, verify
from judgekit.ledger.tools import entry, export, overview, rows
from judgekit.types import Call, Message, Reply

WHO = {"model": "m", "temperature": 0.0}
N = 120
PAGE = 4096


def call_of(n: int) -> Call:
    call = Call("j", (), "grade", (Message("user", f"Is {n} kind? " + "It is said so. " * 8),))
    return replace(call, key=key_of(WHO, call))


CALLS = [call_of(n) for n in range(N)]
WRITTEN = {
    call.key: Reply(f'{{"rationale": "Number {n}.", "label": "yes"}}', logprobs=(("A", -0.25),) * (n % 3),
        model="m-1", input_tokens=n, output_tokens=3, cost_usd=n / 1000, seconds=0.5)
    for n, call in enumerate(CALLS)
}  # fmt: skip


def whole(path: Path) -> None:
    """The ledger before it is damaged; the later half of it is in the write-ahead file."""

    async def work() -> None:
        with Ledger(path) as ledger:
            for n, call in enumerate(CALLS):
                ledger.put(call, WHO, WRITTEN[call.key])
                if n == N // 2:
                    ledger.flush()
                    ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            ledger.learn("refused m", ["seed"])
            ledger.flush()
            for part in ("", "-wal"):
                shutil.copy(f"{path}{part}", f"{path}{part}.copy")

    asyncio.run(work())
    for part in ("", "-wal"):
        Path(f"{path}{part}.copy").rename(f"{path}{part}")


Damage = Callable[[Path, random.Random], None]


def bits(path: Path, draw: random.Random) -> None:
    """One to eight bits."""
    raw = bytearray(path.read_bytes())
    for _ in range(draw.randint(1, 8)):
        raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    path.write_bytes(raw)


def head(path: Path, draw: random.Random) -> None:
    """A byte of the first hundred."""
    raw = bytearray(path.read_bytes())
    raw[draw.randrange(100)] = draw.randrange(256)
    path.write_bytes(raw)


def cut(path: Path, draw: random.Random) -> None:
    """The end is missing."""
    raw = path.read_bytes()
    path.write_bytes(
        raw[: draw.choice([0, draw.randrange(len(raw)), draw.randrange(len(raw)) // PAGE * PAGE])]
    )


def page(path: Path, draw: random.Random) -> None:
    """A page of zeros, or of anything, or that of another place."""
    raw = path.read_bytes()
    pages = [raw[i : i + PAGE] for i in range(0, len(raw), PAGE)]
    kind = draw.randrange(3)
    pages[draw.randrange(len(pages))] = (
        bytes(PAGE) if kind == 0 else draw.randbytes(PAGE) if kind == 1 else draw.choice(pages)
    )
    path.write_bytes(b"".join(pages))


def by_sql(*statements: str) -> Damage:
    """Altered through SQLite; `?` is a reply's number, `!` another's."""

    def damage(path: Path, draw: random.Random) -> None:
        one, other = draw.sample(range(1, N // 2), 2)
        with closing(sqlite3.connect(path)) as db, db:
            for each in statements:
                db.execute(each.replace("?", str(one)).replace("!", str(other)))

    return damage


def ahead(damage: Damage) -> Damage:
    """What is written ahead is damaged."""

    def damaged(path: Path, draw: random.Random) -> None:
        damage(path.with_name(f"{path.name}-wal"), draw)

    return damaged


WRITABLE = "PRAGMA writable_schema = ON"
SWAP = "UPDATE replies SET {0} = (SELECT {0} FROM replies WHERE id = !) WHERE id = ?"
KINDS: dict[str, Damage] = {
    "bits": bits,
    "first bytes": head,
    "cut": cut,
    "page": page,
    "text": by_sql("UPDATE replies SET text = replace(text, 'yes', 'no') WHERE id = ?"),
    "text of another": by_sql(SWAP.format("text")),
    "keys swapped": by_sql(
        "UPDATE replies SET edition = 9, key = 'x' WHERE id = ?", "DELETE FROM replies WHERE id = ?",
        "UPDATE replies SET key = (SELECT key FROM replies WHERE id = !) || '0' WHERE id = !",
    ),
    "digest of another": by_sql(SWAP.format("digest")),
    "no digest": by_sql("UPDATE replies SET digest = x'' WHERE id = ?"),
    "fault": by_sql("UPDATE replies SET fault = 'refused' WHERE id = ?"),
    "logprobs": by_sql("UPDATE replies SET logprobs = '[[\"A\",0.0]]' WHERE id = ?"),
    "cost": by_sql("UPDATE replies SET cost_usd = 'x' WHERE id = ?"),
    "edition": by_sql("UPDATE replies SET edition = -1 WHERE id = ?"),
    "blob": by_sql("UPDATE replies SET text = x'ff' WHERE id = ?"),
    "no UTF-8": by_sql("UPDATE replies SET text = CAST(x'ff' AS TEXT) WHERE id = ?"),
    "request": by_sql("UPDATE replies SET request = replace(request, 'kind', 'rude') WHERE id = ?"),
    "fact": by_sql("UPDATE facts SET value = '[\"temperature\"]'"),
    "version": by_sql("PRAGMA user_version = 1"),
    "no version": by_sql("PRAGMA user_version = 0"),
    "newer": by_sql("PRAGMA user_version = 7"),
    "no facts": by_sql("DROP TABLE facts"),
    "no replies": by_sql("ALTER TABLE replies RENAME TO answers"),
    "no index": by_sql(WRITABLE, "DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_replies_1'"),
    "index elsewhere": by_sql(WRITABLE, "UPDATE sqlite_master SET rootpage = 2 WHERE type = 'index'"),
    "written ahead: bits": ahead(bits),
    "written ahead: cut": ahead(cut),
    "written ahead: page": ahead(page),
}  # fmt: skip


ADVICE = (
    "`judgekit ledger verify",
    "install a newer one",
    "--ledger names another",
    "never written",
    "no key",
    "write one object a line",  # a file whose first bytes are gone, to who expects JSON lines
)


@dataclass
class Found:
    """What came of one ledger."""

    kind: str
    refused: bool = False
    missing: int = 0
    altered: int = 0
    raw: list[str] = field(default_factory=list)
    vague: list[str] = field(default_factory=list)
    problems: int = 0

    @property
    def lost(self) -> bool:
        """Whether replies are missing of which nothing tells, as where the file was emptied."""
        return bool(self.missing and not self.refused and not self.problems)

    @property
    def bad(self) -> bool:
        """Whether a reply was altered, an error was not ours or said nothing, or the damage went unseen."""
        return bool(self.altered or self.raw or self.vague or (self.refused and not self.problems))


def tried(found: Found, path: Path, work: Callable[[], Any]) -> Any:
    """What some work gives; an error that is not ours, or that names no file and no way on, is noted."""
    try:
        return work()
    except InputError as error:
        found.refused = True
        if str(path) not in str(error) or not any(word in str(error) for word in ADVICE):
            found.vague.append(str(error))
    except Exception as error:  # noqa: BLE001 - what is looked for
        found.raw.append(f"{type(error).__name__}: {error}")
    return None


def served(path: Path) -> dict[str, Reply]:
    with Ledger(path) as ledger:
        return ledger.get([call.key for call in CALLS])


def written(path: Path) -> None:
    async def work() -> None:
        with Ledger(path) as ledger:
            ledger.facts("refused m")
            ledger.put(call_of(N), WHO, Reply("new"))

    asyncio.run(work())


def looked_at(path: Path) -> None:
    with Ledger(path, read_only=True) as ledger:
        overview(ledger)
        for each in rows(ledger):
            if each.key in WRITTEN and each.edition == 0 and each.reply != WRITTEN[each.key]:
                raise AssertionError(f"{each.key} is shown altered")
        entry(ledger, CALLS[0].key)


def handed_on(path: Path) -> None:
    with Ledger(path, read_only=True) as ledger:
        export(ledger, path.with_name("out.jsonl"))


def recovered(path: Path) -> dict[str, Reply]:
    to = path.with_name("new.sqlite")
    to.unlink(missing_ok=True)
    with Ledger(path, read_only=True) as ledger:
        recover(ledger, to)
    return served(to)


def verified(path: Path) -> list[str]:
    try:
        with Ledger(path, read_only=True) as ledger:
            return verify(ledger)
    except InputError as error:
        return [str(error)]


def one(template: Path, kind: str, seed: int, folder: Path) -> Found:
    """Damage a copy of a ledger and do everything with it."""
    path, found = folder / "l.sqlite", Found(kind)
    draw = random.Random(f"{kind} {seed}")  # noqa: S311 - damage, no secret
    for part in ("-shm", "-wal", ""):
        Path(f"{path}{part}").unlink(missing_ok=True)
    shutil.copy(template, path)
    n = N // 2 + 1
    if kind.startswith("written ahead") or draw.random() < 0.5:
        n = N
        shutil.copy(f"{template}-wal", f"{path}-wal")
    try:
        KINDS[kind](path, draw)
    except sqlite3.DatabaseError:
        return replace(found, kind=f"{kind}: cannot be done")
    found.problems = len(tried(found, path, lambda: verified(path)) or ())
    given = tried(found, path, lambda: served(path)) or {}
    saved = tried(found, path, lambda: recovered(path)) or {}
    found.altered = sum(WRITTEN.get(key) != reply for each in (given, saved) for key, reply in each.items())
    found.missing = n - len(given)
    for work in (looked_at, handed_on, written):
        tried(found, path, lambda work=work: work(path))
    tried(found, path, lambda: Replay(path))
    found.problems += len(verified(path))
    return found


def damage(ledgers: int) -> list[Found]:
    """So many ledgers, of each kind in turn."""
    kinds = list(KINDS)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "whole.sqlite"
        whole(template)
        return [one(template, kinds[n % len(kinds)], n // len(kinds), Path(folder)) for n in range(ledgers)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Damaged ledgers: refused with advice, or served right.")
    parser.add_argument("--ledgers", type=int, default=1000)
    found = damage(parser.parse_args().ledgers)
    print(
        f"{'kind':34}{'ledgers':>8}{'refused':>9}{'altered':>9}{'raw':>5}{'vague':>7}{'unseen':>8}{'bad':>5}{'lost':>6}"
    )
    by_kind: dict[str, list[Found]] = {}
    for each in found:
        by_kind.setdefault(each.kind, []).append(each)
    for kind, own in (*by_kind.items(), ("all", found)):
        unseen = sum(each.refused and not each.problems for each in own)
        counts = Counter(
            refused=sum(each.refused for each in own), altered=sum(each.altered for each in own),
            raw=sum(bool(each.raw) for each in own), vague=sum(bool(each.vague) for each in own),
        )  # fmt: skip
        print(
            f"{kind:34}{len(own):8}{counts['refused']:9}{counts['altered']:9}{counts['raw']:5}"
            f"{counts['vague']:7}{unseen:8}{sum(each.bad for each in own):5}{sum(each.lost for each in own):6}"
        )
    for line in sorted({line for each in found for line in (*each.raw, *each.vague)})[:20]:
        print(line)
    assert not any(each.bad for each in found)


if __name__ == "__main__":
    main()

"""Whose reply is it? A server that sends replies nobody asked for, and what is taken for an answer.

For a share of the requests the server sends one reply too many: the same again at once, the same or another
request's after 2 ms, or one cut in two. Each reply says which item it is about, so a verdict that rests on
another item's reply is counted, before the first sign that something is wrong and after it. The server
repeats the request's id in the body (as vLLM does), in a header, or nowhere.

    python benchmarks/whose_reply.py --calls 10000
"""

import argparse
import asyncio
import random
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

import judgekit as jk
from judgekit.judges.endpoint import Endpoint
from judgekit.ledger import Ledger
from judgekit.types import Call, Reply, Verdict

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
WAYS = ("doubled", "late", "stray", "split")
NAMED = ("body", "header", "nowhere")
_ITEM = re.compile(rb"parcel number (\d+)")
_ID = re.compile(rb"x-request-id: (\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class How:
    """What may be wrong (some of `WAYS`), seconds before a reply, and before one too many."""

    ways: Sequence[str] = WAYS
    latency: float = 0.0
    late: float = 0.002


class Strays(asyncio.Protocol):
    """A connection of a server that sends too much; see the module.

    Args:
        named: Where the request's id is repeated, one of `NAMED`.
        share: Of requests, for which something is wrong.
        draws: What is drawn from.
        sent: Counts requests and what was wrong.
        how: What may be wrong, and how late.
    """

    def __init__(
        self, named: str, share: float, draws: random.Random, sent: Counter[str], how: "How"
    ) -> None:
        self.named, self.share, self.draws, self.sent, self.how = named, share, draws, sent, how
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the way back."""
        self.transport = transport
        self.open.add(transport)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget it."""
        self.open.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            item, request = _ITEM.search(body), _ID.search(head)
            said = self.reply(item[1].decode() if item else "", request[1].decode() if request else "")
            asyncio.get_running_loop().call_later(self.how.latency, self.answer, said)

    def reply(self, item: str, request: str) -> bytes:
        """A whole response about an item."""
        text = orjson.dumps({"evidence": [], "rationale": f"about {item}", "label": "yes"}).decode()
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        own = request if self.named == "body" else f"{self.draws.getrandbits(64):x}"
        raw = orjson.dumps({"id": f"chatcmpl-{own}", "model": "m", "choices": [choice]})
        more = f"x-request-id: {request}\r\n" if self.named == "header" else ""
        return f"HTTP/1.1 200 OK\r\n{more}content-length: {len(raw)}\r\n\r\n".encode() + raw

    def answer(self, said: bytes) -> None:
        """Send a reply, and for some of them too much."""
        self.sent["requests"] += 1
        loop = asyncio.get_running_loop()
        if self.draws.random() >= self.share:
            self.write(said)
            return
        way = self.draws.choice(self.how.ways)
        self.sent[way] += 1
        again = said if way != "stray" else self.reply("0", f"{self.draws.getrandbits(64):016x}")
        if way == "split":
            at = self.draws.randrange(1, len(said))
            self.write(said[:at])
            loop.call_later(self.how.late, self.write, said[at:] + said)
        elif way == "doubled":
            self.write(said + again)
        else:
            self.write(said)
            loop.call_later(self.how.late, self.write, again)

    def write(self, data: bytes) -> None:
        """Send, if the client is still there."""
        if not self.transport.is_closing():
            self.transport.write(data)


@contextmanager
def listening(start: Callable[[], Awaitable[asyncio.Server]], opened: Collection[Any] = ()) -> Iterator[str]:
    """The base URL of a server that is started in a thread; what it opened is aborted in the end."""
    loop, ready, stop, urls = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), list[str]()

    async def serve() -> None:
        server = await start()
        urls.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        ready.set()
        await stop.wait()
        server.close()
        for transport in list(opened):
            transport.abort()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]
            task.cancel()
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextmanager
def straying(*, named: str, share: float, how: How, seed: int = 0) -> Iterator[tuple[str, Counter[str]]]:
    """A running server's base URL, and what it has sent."""
    sent, draws, opened = Counter[str](), random.Random(seed), set[Any]()  # noqa: S311 - a script

    def connection() -> Strays:
        made = Strays(named, share, draws, sent, how)
        made.open = opened
        return made

    def start() -> Awaitable[asyncio.Server]:
        return asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, backlog=1024)

    with listening(start, opened) as url:
        yield url, sent


class Watched(Endpoint):
    """An endpoint that keeps what it gave before the first sign and after it."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.before: dict[str, str] = {}
        self.after: dict[str, str] = {}

    async def __call__(self, call: Call, /) -> Reply:
        """Ask once."""
        reply = await super().__call__(call)
        (self.after if self.noted else self.before)[call.asks[0].unit.item_id] = reply.text
        return reply


def measure(
    named: str,
    calls: int,
    folder: Path,
    *,
    share: float = 0.1,
    keep_alive: bool = True,
    seed: int = 0,
    how: How = How(),
) -> dict[str, Any]:
    """Score so many items, and count the verdicts and stored replies that are another item's."""
    items = [
        {"id": str(n), "task": f"Where is parcel number {n}?", "response": "At the depot."}
        for n in range(calls)
    ]
    ledger = folder / f"{named}-{keep_alive}-{seed}.sqlite"
    limits = jk.Limits(concurrency=64, outage_after=1000)
    with straying(named=named, share=share, seed=seed, how=how) as (url, sent):
        judge = Watched(url, "m", keep_alive=keep_alive)
        run = jk.score(items, RUBRIC, judge, ledger=ledger, limits=limits)
    wrong = [
        o.unit.item_id for o in run.outcomes
        if isinstance(o, Verdict) and o.rationale != f"about {o.unit.item_id}"
    ]  # fmt: skip
    with Ledger(ledger, read_only=True) as kept:
        stored = kept.get([outcome.call for outcome in run.outcomes])
    return {
        "verdicts": run.summary["verdicts"],
        "wrong": len(wrong),
        "wrong before": sum(f'about {item}"' not in text for item, text in judge.before.items()),
        "wrong after": sum(f'about {item}"' not in text for item, text in judge.after.items()),
        "stored wrong": sum(f'about {o.unit.item_id}"' not in stored[o.call].text for o in run.outcomes if o.call in stored),
        "abstentions": run.summary["abstentions"],
        "sent": dict(sent),
        "notes": run.summary["notes"].get("m", {}),
    }  # fmt: skip


def main() -> None:
    """Print what became of each server's replies."""
    parser = argparse.ArgumentParser(description="Replies of a server that sends more than it is asked for.")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--late", type=float, default=0.002, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    given = parser.parse_args()
    how, failed = How(given.ways, given.latency, given.late), False
    for named, keep_alive in (*((each, True) for each in NAMED), ("nowhere", False)):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(
                named, given.calls, Path(folder), share=given.share, keep_alive=keep_alive, seed=given.seed,
                how=how,
            )  # fmt: skip
        print(f"{given.calls} calls, id repeated: {named}, {'kept' if keep_alive else 'single'} connections")
        for what, value in found.items():
            print(f"  {what}: {value}")
        allowed = found["wrong before"] if (named, keep_alive) == ("nowhere", True) else 0
        failed |= found["wrong"] > allowed or found["wrong after"] > 0
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()

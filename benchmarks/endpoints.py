"""Several servers of one judge: what of the prompts they had cached, how the load lay, and what a death costs.

Items of five criteria, each asked in a call of its own, so that the five calls of an item begin alike. The
servers are `mock_cache`s in processes of their own: LRU of prefix blocks, and slower by what they do not hold.
Beside the routes of `judges.routes` (by the item's tag, with bounded load) stand strict round robin and no
bound. By arithmetic, of five calls of an item four find it where all go to one server, and of n servers in
turn 5 - min(n, 5) do; what is before the item is found by all but the first. Then one of the servers
is killed when a third has been judged. The verdicts of all rows have to be equal.

    python benchmarks/endpoints.py --items 300
"""

import argparse
import json
import multiprocessing
import time
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from multiprocessing.process import BaseProcess
from typing import Any

from mock_cache import Cached, Prefixes
from mock_script import Options
from mock_server import serving_script

import judgekit as jk
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.endpoints import Endpoints
from judgekit.judges.routes import BOUND, Routes
from judgekit.plan import Plan
from judgekit.rubric import load_rubric
from judgekit.types import Item

CRITERIA, AT_ONCE, BLOCKS = 5, 64, 4000
RUBRIC = {
    "id": "reply",
    "criteria": [{"id": f"c{i}", "text": f"Is the response good in respect {i}?"} for i in range(CRITERIA)],
}


def said(asked: dict[str, Any]) -> str:
    """A verdict that depends on the prompt alone."""
    digest = sha256(asked["messages"][-1]["content"].encode()).digest()
    return json.dumps({"rationale": "So it is.", "label": "yes" if digest[0] % 3 else "no"})


class InTurn(Routes):
    """Strict round robin."""

    n = -1

    def take(self, tag: str, tried: Collection[int] = ()) -> int | None:  # noqa: ARG002 - it looks at neither
        self.n += 1
        place = self.n % len(self.servers)
        self.servers[place].in_flight += 1
        return place


class Unbounded(Routes):
    """By the tag alone."""

    def take(self, tag: str, tried: Collection[int] = ()) -> int | None:  # noqa: ARG002 - all are in
        place = self._ranked(tag)[0]
        self.servers[place].in_flight += 1
        return place


class Dying(Routes):
    """Ours, of which the first server is killed when a number of calls have been sent."""

    process: BaseProcess
    left_to_go: int

    def take(self, tag: str, tried: Collection[int] = ()) -> int | None:
        self.left_to_go -= 1
        if self.left_to_go == 0:
            self.process.kill()
        return super().take(tag, tried)


def _serve(told: Any, latency: float, miss: float) -> None:
    options = Options(latency=latency, miss=miss, cache=BLOCKS, text=said)
    with serving_script(Cached(options)) as url:
        told.send(url)
        time.sleep(3600)


@contextmanager
def servers(n: int, latency: float, miss: float) -> Iterator[list[tuple[str, BaseProcess]]]:
    """Base URLs of servers, and their processes."""
    context = multiprocessing.get_context("fork")
    with ExitStack() as stack:
        found = []
        for _ in range(n):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, latency, miss), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(process.kill)
            found.append((here.recv(), process))
        yield found


def items(n: int) -> list[dict[str, str]]:
    filler = "The parcel left the depot on Monday and the customer was told so. " * 40
    return [{"id": str(i), "task": f"Where is parcel {i}?", "response": f"{i} {filler}"} for i in range(n)]


def expected(rows: list[dict[str, str]], n: int) -> float:
    """The share of tokens that are cached by arithmetic, where calls go to n caches in turn; 1: to their item's."""
    plan = Plan(load_rubric(RUBRIC), (Endpoint("http://a/v1", "mock"),))
    made = [Item(each["id"], each["task"], {"r": each["response"]}) for each in rows]
    caches = [Prefixes(BLOCKS) for _ in range(n)]
    prompts = ["".join(m.content for m in call.messages) for item in made for call in plan.calls(item)]
    found = [caches[i % n].read(prompt) for i, prompt in enumerate(prompts)]
    return sum(cached for _, cached in found) / sum(read for read, _ in found)


def row(name: str, routes: type[Routes], n: int, rows: list[dict[str, str]]) -> tuple[list[Any], float]:
    """Judge by n servers, print what came of it, and return the verdicts and the share that was cached."""
    with servers(n, 0.02, 0.05) as found:
        urls = [url for url, _ in found]
        judge = Endpoints(Endpoint(urls[0], "mock", name="mock"), urls)
        judge.routes = routes([each.address for each in judge.members])
        if isinstance(judge.routes, Dying):
            judge.routes.process, judge.routes.left_to_go = found[0][1], len(rows) * CRITERIA // 3
        limits = jk.Limits(concurrency=AT_ONCE)
        began = time.perf_counter()
        run = jk.score(rows, RUBRIC, judge, ledger=None, limits=limits)
        wall = time.perf_counter() - began
        alive = urls[1:] if routes is Dying else urls
        most = [json.load(urllib.request.urlopen(f"{url}/stats"))["most_at_once"] for url in alive]  # noqa: S310
    used = run.summary["endpoints"]["mock"]
    read = sum(each["input_tokens"] for each in used.values())
    share = sum(each["cached_tokens"] for each in used.values()) / read
    moved = sum(run.summary["notes"].get("mock", {}).values())
    load, lost = max(most) * n / AT_ONCE, sum(isinstance(o, jk.Abstention) for o in run.outcomes)
    wanted = f"{expected(rows, n if routes is InTurn else 1):.3f}"
    told = f"{load:.2f}" if routes is not Dying else ""
    print(f"{name:22}{n:8}{share:8.3f}{wanted:>15}{told:>11}{wall:8.2f}{moved:7}{lost:6}")
    assert routes is not Routes or load <= BOUND
    assert not lost
    return [(o.unit, o.criterion, getattr(o, "label", None)) for o in run.outcomes], share


def main() -> None:
    parser = argparse.ArgumentParser(description="Several servers of one judge.")
    parser.add_argument("--items", type=int, default=300)
    given = parser.parse_args()
    rows = items(given.items)
    jk.score(rows[:1], RUBRIC, "control:longer", ledger=None)  # imports what a run needs
    print(f"{given.items} items of {CRITERIA} criteria, {AT_ONCE} at once; the bound of the load is {BOUND}")
    print(f"{'routes':22}{'servers':>8}{'cached':>8}{'by arithmetic':>15}{'most/mean':>11}{'wall s':>8}"
          f"{'moved':>7}{'lost':>6}")  # fmt: skip
    said_of = []
    for n in (2, 4):
        plain, in_turn = row("round robin", InTurn, n, rows)
        free, _ = row("by item, no bound", Unbounded, n, rows)
        bound, by_item = row("by item, bounded", Routes, n, rows)
        killed, _ = row("the same, one killed", Dying, n, rows)
        said_of += [plain, free, bound, killed]
        assert by_item > in_turn
    assert all(each == said_of[0] for each in said_of), "the verdicts differ"
    assert {outcome[2] for outcome in said_of[0]} == {"yes", "no"}
    print("the verdicts of all rows are equal")


if __name__ == "__main__":
    main()

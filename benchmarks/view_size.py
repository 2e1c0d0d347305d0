"""How large a run the page of `judgekit view` carries, and how its server answers for what is larger.

Runs of 10,000, 100,000 and 300,000 outcomes (two judges, five criteria, all asked in one call) over responses
of 3 kB, with their prompts and replies in a ledger. Of each the page is written and opened from its file in a
headless Chromium: its size, the time until the first screen is drawn, the time of a filter, the JavaScript
heap. Then the server: the time of pages of the grid, filtered and sorted, of units, and how much memory more
than at its start it has after them.

    python benchmarks/view_size.py --outcomes 100000 --folder /tmp/view     # a run that is there is used again
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import judgekit as jk

CRITERIA = ("correct", "complete", "clear", "polite", "safe")
RUBRIC = {"id": "size", "criteria": [{"id": name, "text": f"Is the response {name}?"} for name in CRITERIA]}
WORDS = [
    "the",
    "parcel",
    "left",
    "our",
    "depot",
    "on",
    "monday",
    "and",
    "should",
    "arrive",
    "by",
    "friday",
    "please",
]
FILTERS = (
    "criterion=clear&judge=small&label=no", "mark=split&sort=disagreement", "text=response 77", "reason=refused",
    "system=beta&sort=near", "tag=topic:4&sort=-value", "criterion=safe&bin=0&sort=entropy", "text=no such words",
)  # fmt: skip
READY = "body[data-screen=run]"
FILTERED = """async query => {
  const main = document.querySelector("main"), began = performance.now();
  const drawn = new Promise(done => new MutationObserver((_, all) => { all.disconnect(); done(); })
    .observe(main, { childList: true }));
  location.hash = "#grid?" + query;
  await drawn;
  return performance.now() - began;
}"""


def items(n: int) -> Iterator[dict[str, Any]]:
    """Two responses of 3 kB to each of n tasks, all different."""
    rng = random.Random(7)  # noqa: S311
    for k in range(n):
        for system in ("alpha", "beta"):
            text = " ".join(rng.choices(WORDS, k=560))
            yield {
                "id": str(k), "task": f"Where is parcel {k}?", "system": system,
                "response": f"response {k} {system}: {text}"[:3000], "tags": {"topic": str(k % 9)},
            }  # fmt: skip


def says(name: str) -> Any:
    """A judge of all criteria at once, that refuses one call in a hundred."""

    def answer(call: jk.Call) -> Any:
        rng = random.Random(f"{name} {call.item and call.item.item_id} {call.shown}")  # noqa: S311
        if rng.random() < 0.01:
            return jk.Reply(fault="refused", detail="no", model=name, cost_usd=0.0)
        said = {
            ask.called: {"evidence": [], "rationale": f"{name} says it is so", "label": rng.choice(["no", "yes", "yes"])}
            for ask in call.asks
        }  # fmt: skip
        return jk.Reply(json.dumps(said), model=name, cost_usd=0.001, input_tokens=900, output_tokens=80)

    return answer


def run_of(n: int, folder: Path) -> Path:
    """Return the folder of a run of about n outcomes, made unless it is there."""
    out = folder / f"run{n}"
    if not out.exists():
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / f"items{n}.jsonl"
        with source.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in items(n // 20))
        judges = [jk.Scripted(name, says(name), revision="1") for name in ("small", "large")]
        ledger = folder / f"ledger{n}.sqlite"
        jk.score(source, RUBRIC, judges, per_call=None, ledger=ledger, progress=False).save(out)
    return out


def page(folder: Path) -> dict[str, Any]:
    """Write a page and open it."""
    from playwright.sync_api import sync_playwright

    target, began = folder / "view.html", time.perf_counter()
    view = [sys.executable, "-m", "judgekit", "view", str(folder), "--out", str(target)]
    said = subprocess.run(view, check=True, capture_output=True, text=True).stdout
    found = {
        "made_s": time.perf_counter() - began,
        "file_mb": target.stat().st_size / 1e6,
        "said": said.strip(),
    }
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page()
        began = time.perf_counter()
        tab.goto(target.as_uri(), wait_until="commit", timeout=300_000)
        tab.wait_for_selector(READY, timeout=300_000)  # no function: the page's policy lets none be made
        found["ready_s"] = time.perf_counter() - began
        found["filters_ms"] = {query: round(tab.evaluate(FILTERED, query)) for query in FILTERS}
        client = tab.context.new_cdp_session(tab)
        client.send("HeapProfiler.collectGarbage")
        found["heap_mb"] = client.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        browser.close()
    return found


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """The address of a server of a run, and its process."""
    view = [sys.executable, "-m", "judgekit", "view", str(folder), "--serve"]
    with subprocess.Popen(view, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield re.match(r"(\S+/): ", process.stdout.readline())[1], process.pid  # type: ignore[index]
        finally:
            process.terminate()


def resident(pid: int) -> float:
    """Megabytes that a process holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def server(folder: Path) -> dict[str, Any]:
    """Ask a server for pages of the grid and for units."""
    began = time.perf_counter()
    with served(folder) as (address, pid):
        found: dict[str, Any] = {"start_s": time.perf_counter() - began, "at_start_mb": resident(pid)}
        times: dict[str, float] = {}

        def ask(path: str) -> Any:
            began = time.perf_counter()
            with urllib.request.urlopen(address + path) as answer:  # noqa: S310 - our own
                body = json.loads(answer.read())
            times[path] = 1000 * (time.perf_counter() - began)
            return body

        ask("data/first")
        count = ask("data/rows?from=0&n=60")["count"]
        for query in FILTERS:
            for start in (0, 600, count // 2):
                ask(f"data/rows?{query.replace(' ', '%20')}&from={start}&n=60")
        for k in range(200):
            ask(f"data/unit/{k * count // 200}")
        slow = max(times, key=lambda path: times[path])
        return {
            **found, "units": count, "median_ms": statistics.median(times.values()), "slowest_ms": times[slow],
            "slowest": slow, "more_mb": resident(pid) - found["at_start_mb"],
        }  # fmt: skip


def main() -> None:
    """Measure and print a line of JSON for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcomes", type=int, nargs="*", default=[10_000, 100_000, 300_000])
    parser.add_argument("--folder", type=Path, default=Path("view_size"))
    given = parser.parse_args()
    for n in given.outcomes:
        folder = run_of(n, given.folder)
        print(json.dumps({"outcomes": n, "page": page(folder), "server": server(folder)}), flush=True)


if __name__ == "__main__":
    main()

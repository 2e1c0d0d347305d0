"""Runs through batches: equal to the live run to the byte, and what is lost or paid twice when they are killed.

    python benchmarks/batches.py                      # recipes, providers, and 20 kills
    python benchmarks/batches.py --only kills --provider anthropic --points 40

Recipes: each bundled one that needs no second model, live and through batches whose lines expire, err, come
shuffled, twice and in two files; outcomes and scores are compared as they are written. Kills: a run in a
process of its own gets SIGKILL at points spread over all before and after each write of its state and each
request, then the same command runs to its end. "Paid twice" counts lines that the provider answered twice.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mock_batches import Provider, serving_batches

import judgekit as jk
from judgekit.batches import desk, http, store
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.litellm import LiteLLM
from judgekit.recipes.catalog import CATALOG
from judgekit.table import json_line, outcome_row, score_row

RUBRIC = {
    "id": "tone",
    "criteria": [{"id": "polite", "text": "Is it polite?"}, {"id": "clear", "text": "Is it clear?"}],
}
PAIR = [
    {
        "id": str(n), "task": f"What is 6 times {n}?", "reference": str(6 * n),
        "responses": {"x": f"It is {6 * n}. Cats are mammals.", "y": f"Perhaps {n}."},
    }
    for n in range(4)
]  # fmt: skip
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
PATHS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}
ROUGH: dict[str, Any] = {
    "expire": 0.1, "error": 0.1, "shuffle": True, "duplicate": 0.2, "split": True, "malformed": 0.1
}  # fmt: skip
KEY = "MOCK_BATCHES_KEY"


def items(n: int) -> list[dict[str, str]]:
    """Responses to judge."""
    return [{"id": str(i), "task": "Hi", "response": f"Hello, number {i}."} for i in range(n)]


def judge(provider: str, url: str, name: str = "j") -> Any:
    """A judge of a provider; OpenAI's is asked directly, the others through litellm."""
    base = f"{url}{PATHS[provider]}"
    if provider == "openai":
        return Endpoint(base, "mock", name=name, key_env=KEY)
    return LiteLLM(f"{provider}/{MODELS[provider]}", api_base=base, name=name, key_env=KEY)


def rows(run: jk.Run) -> list[bytes]:
    """Outcomes and scores, as they are written."""
    return [*map(json_line, map(outcome_row, run.outcomes)), *map(json_line, map(score_row, run.scores))]


def at_once() -> None:
    """Look at the provider at once, which is next door."""
    os.environ[KEY] = "a-key-of-the-mock-1"
    desk._SOONEST, desk._MOMENT = 0.01, 0.0  # type: ignore[misc]  # noqa: SLF001


def compared(
    make: Callable[[str], Any], given: Any, rubric: Any, folder: Path, **options: Any
) -> dict[str, Any]:
    """The live run and the run through batches, beside one another."""
    with serving_batches(**ROUGH) as (url, provider), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        live = jk.score(given, rubric, make(url), ledger=folder / "live", progress=False, **options)
        said: dict[str, Any] = {"batch": "wait", "say": lambda _: None, "progress": False}
        run = jk.score(given, rubric, make(url), ledger=folder / "batches", **said, **options)
        for each in ("live", "batches"):
            (folder / each).unlink()
    return {
        "equal": rows(run) == rows(live),
        "rows": len(rows(live)),
        "calls": live.summary["new_calls"],
        "lines": provider.sent.total(),
        "batches": run.summary["batches"]["batches"],
        "twice": twice(provider),
        "unpaid": live.summary["new_calls"] - len(provider.paid),
    }


def twice(provider: Provider) -> int:
    """How many lines were answered once too often."""
    return sum(n - 1 for n in provider.paid.values())


def recipes(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every bundled recipe that needs no model of its own, and every provider."""
    for name, recipe in CATALOG.items():
        if not recipe.needs:
            judges = recipe.least_judges
            make = lambda url, n=judges: [judge("openai", url, f"j{i}") for i in range(n)]  # noqa: E731
            yield name, compared(make, PAIR, None, folder, recipe=name)
    for provider in MODELS:
        yield provider, compared(lambda url, p=provider: judge(p, url), items(40), RUBRIC, folder)


# Kills.


@contextmanager
def killed_at(point: int, at: str = "") -> Iterator[list[str]]:
    """Count what happens (before and after each write of state, and each request), and die at a point."""
    happened: list[str] = []

    def happens(what: str) -> None:
        happened.append(what)
        if len(happened) == point or (at and what.startswith(at)):
            os.kill(os.getpid(), signal.SIGKILL)

    write, opened = store.Store._write, http.Http._open  # noqa: SLF001

    def writes(self: Any, *statements: Any) -> None:
        what = statements[0][0].split()[:3]
        happens(f"before {' '.join(what)}")
        write(self, *statements)
        happens(f"after {' '.join(what)}")

    @contextmanager
    def nothing() -> Iterator[None]:
        yield

    def asks(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        happens(f"before {method} {url.rpartition('/')[2][:20]}")
        return Then(opened(self, method, url, *args, **kwargs), lambda: happens(f"after {method}"))

    store.Store._write, http.Http._open = writes, asks  # type: ignore[method-assign,assignment]  # noqa: SLF001
    yield happened


class Then:
    """A context that tells when it is entered, which is when a response is there."""

    def __init__(self, inner: Any, told: Callable[[], None]) -> None:
        self.inner, self.told = inner, told

    async def __aenter__(self) -> Any:
        found = await self.inner.__aenter__()
        self.told()
        return found

    async def __aexit__(self, *raised: object) -> Any:
        return await self.inner.__aexit__(*raised)


def child(provider: str, url: str, ledger: Path, n: int, *, point: int, at: str) -> None:
    """The run that is killed; at its end it prints how much happened, and its rows."""
    at_once()
    with killed_at(point, at) as happened:
        run = jk.score(
            items(n),
            RUBRIC,
            judge(provider, url),
            ledger=ledger,
            batch="wait",
            say=lambda _: None,
            progress=False,
        )
    print(len(happened))
    print(*(row.decode().strip() for row in rows(run)), sep="\n")


def start(
    provider: str, url: str, ledger: Path, n: int, *, point: int = 0, at: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a child to its end, or to its death."""
    command = [sys.executable, __file__, "--child", provider, url, str(ledger), str(n), str(point), at]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def kills(provider: str, points: int, n: int, folder: Path, at: str = "") -> Iterator[dict[str, Any]]:
    """One kill after another, each followed by the same command; or one, `at` what happens."""
    options = {"expire": 0.2, "error": 0.1, "malformed": 0.2, "shuffle": True}
    with serving_batches(**options) as (url, _):
        at_once()
        live = jk.score(items(n), RUBRIC, judge(provider, url), ledger=None, progress=False)
    wanted = [row.decode().strip() for row in rows(live)]
    happened, numbers = 0, [0]
    if not at:
        with serving_batches(**options) as (url, _):
            whole = start(provider, url, folder / "whole", n)
        happened = int(whole.stdout.split("\n")[0])
        numbers = [1 + i * (happened - 1) // max(points - 1, 1) for i in range(points)]
    for point in numbers:
        with serving_batches(**options) as (url, mock):
            ledger = folder / f"killed-{provider}-{point}"
            died = start(provider, url, ledger, n, point=point, at=at).returncode == -signal.SIGKILL
            sent = len(mock.taken)
            again = start(provider, url, ledger, n)
            found = again.stdout.strip().split("\n")[1:]
            yield {
                "point": f"{point} of {happened}",
                "died": died,
                "batches": sent,
                "lost": len(set(wanted) - set(found)),
                "twice": twice(mock),
                "equal": found == wanted,
            }


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        provider, url, ledger, n, point, at = sys.argv[2:]
        child(provider, url, Path(ledger), int(n), point=int(point), at=at)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", choices=("recipes", "kills"))
    parser.add_argument("--provider", choices=tuple(MODELS), default="openai")
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--items", type=int, default=30)
    given = parser.parse_args()
    at_once()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        if given.only != "kills":
            print(
                f"{'recipe or provider':24}{'equal':>6}{'rows':>7}{'calls':>7}{'lines':>7}{'batches':>9}{'twice':>7}"
            )
            for what, found in recipes(Path(name)):
                counts.update(recipes=1, equal=found["equal"], twice=found["twice"], unpaid=found["unpaid"])
                cells = (found[each] for each in ("rows", "calls", "lines", "batches", "twice"))
                said = "yes" if found["equal"] else "NO"
                print(
                    f"{what:24}{said:>6}"
                    + "".join(f"{c:>{w}}" for c, w in zip(cells, (7, 7, 7, 9, 7), strict=True))
                )
            print(
                f"{counts['equal']} of {counts['recipes']} equal to the live run to the byte; {counts['twice']} lines "
                f"paid twice, {counts['unpaid']} never answered\n"
            )
        if given.only != "recipes":
            print(
                f"{'killed at':16}{'died':>6}{'batches out':>13}{'rows lost':>11}{'paid twice':>12}{'equal':>7}"
            )
            done: list[dict[str, Any]] = []
            for each in kills(given.provider, given.points, given.items, Path(name)):
                done.append(each)
                print(
                    f"{each['point']:16}{each['died']!s:>6}{each['batches']:>13}{each['lost']:>11}{each['twice']:>12}"
                    f"{each['equal']!s:>7}", flush=True,
                )  # fmt: skip
            print(
                f"{given.provider}: {sum(e['died'] for e in done)} kills; {sum(e['lost'] for e in done)} rows lost, "
                f"{sum(e['twice'] for e in done)} lines paid twice, {sum(e['equal'] for e in done)} of {len(done)} equal"
            )


if __name__ == "__main__":
    main()

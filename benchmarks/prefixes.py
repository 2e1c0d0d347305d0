"""What a verdict costs in calls and tokens, and how much of that an engine that keeps prefixes reads once.

`python benchmarks/prefixes.py`, and with `--engine 8` the calls a second of the embedded engine.

A group is eight responses (3,000 characters) to one task (1,000) with two sources (3,000 each) and a reference
(1,000): together in one item, and apart, an item for each response, as rewards ask about responses alone. For
every protocol, form and recipe, of the calls of the first judge in their order: calls for each answer that is
asked for, tokens read for it (estimated as a budget does), those of them that a cache of prefixes would serve
(the longest beginning that a prompt shares with an earlier one), and their share. Rounds after the first and
samples are counted too; their replies are canned.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from judgekit import Scripted, load_rubric
from judgekit.judges.local import Local
from judgekit.plan import Plan
from judgekit.prompt import estimate_tokens
from judgekit.recipes.catalog import CATALOG
from judgekit.recipes.grading import Counted, Grading
from judgekit.rubric import Rubric
from judgekit.scales import Labels
from judgekit.types import Answer, Call, Item, Reply

JUDGES = tuple(Scripted(f"judge{i}", lambda _: "") for i in range(3))
ONE = Rubric(id="one", criteria=[{"id": "better", "text": "Is the response right, and does it say why?"}])
WAYS: dict[str, dict[str, Any]] = {
    "grade, json": {},
    "grade, text": {"form": "text"},
    "grade, letters": {"form": "letters"},
    "whole rubric, json": {"per_call": None},
    "checklist, json": {"protocol": "checklist"},
    "select_all, json": {"protocol": "select_all"},
    "match, json": {"protocol": "match"},
    "compare, json": {"protocol": "compare"},
    "rank, json": {"protocol": "rank"},
}


def apart(item: Item) -> list[Item]:
    """The responses of an item, each in an item of its own."""
    return [replace(item, responses={name: text}) for name, text in item.responses.items()]


def words(what: str, n: int) -> str:
    """A text of so many characters."""
    return " ".join(f"{what} {i} says what the tide does at hour {i % 24}." for i in range(n // 30))[:n]


def group(n: int = 8, size: int = 1000) -> Item:
    """An item with `n` responses, in units of `size` characters."""
    return Item(
        "1",
        words("Line", size),
        {f"r{i}": words(f"Answer {i},", 3 * size) for i in range(n)},
        words("Truth", size),
        {name: words(name, 3 * size) for name in ("tables", "log")},
        tags={"answer_range": "A: high | B: low", "answer_type": "alphabet_option"},
    )


def canned(call: Call, item: Item) -> str:
    """A reply that can be read; statements and extracted answers are of the response."""
    if call.protocol == "write":
        return words("Idea", 300)
    if call.protocol == "extract":
        return json.dumps({"answer": "A"})
    if call.protocol == "list":
        return json.dumps({"statements": [str(item.responses[call.shown[0]])[:200]]})
    if call.letters:
        return call.letters[0][0]
    if call.protocol == "rank":
        return json.dumps({"ranking": list("ABCDEFGH"[: len(call.shown)])})
    names = tuple(ask.called for ask in call.asks)
    if call.protocol == "select_all":
        return json.dumps({"selected": [names[0]]})
    tops = [
        scale.labels[-1] if isinstance(scale, Labels) else scale.high
        for scale in [ask.scale for ask in call.asks]
    ]
    if names == ("A", "B"):
        return json.dumps({"A": 8, "B": 6})
    if call.protocol == "checklist":
        points = [{"id": name, "label": top} for name, top in zip(names, tops, strict=True)]
        return json.dumps({"answers": points})
    said = {name: {"label": top} for name, top in zip(names, tops, strict=True)}
    return json.dumps(said if len(said) > 1 else {"label": tops[0]})


def calls_of(recipe: Counted, item: Item) -> Iterator[Call]:
    """All calls of a recipe about an item, in their order."""
    walk = recipe(item)
    try:
        asked = next(walk)
        while True:
            yield from asked.calls
            asked = walk.send([Answer(call, Reply(canned(call, item))) for call in asked.calls])
    except StopIteration:
        return


def recipes() -> Iterator[tuple[str, Counted]]:
    """Every way to ask and every published recipe, by name."""
    for name, options in WAYS.items():
        whole = options.get("protocol") in {"checklist", "select_all"} or "per_call" in options
        rubric = load_rubric("clinical_checklist" if whole else "support_reply") if whole else ONE
        yield name, Grading(Plan(rubric, JUDGES[:1], **options))
    for name, published in CATALOG.items():
        options = {key: v for key, v in published.options.items() if key in Plan.__dataclass_fields__}
        settings = {"task_model": Scripted("model", lambda _: "")} if published.needs else {}
        plan = published.plan(load_rubric(published.rubric), JUDGES[: published.least_judges], **options)
        yield name, published.recipe(Grading(plan), settings)


def asked_of(recipe: Counted, items: Sequence[Item]) -> list[Call]:
    """The calls of the first judge, in their order, but for tasks put as they are."""
    if len(items) > 1 and any(plan.protocol in {"compare", "rank"} for plan in recipe.plans):
        return []  # of one response there is nothing to compare
    asked = (call for item in items for call in calls_of(recipe, item))
    return [call for call in asked if call.judge == "judge0" and call.shown]


def begun(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def a_verdict(calls: Sequence[Call]) -> tuple[float, float, float, float]:
    """Calls and tokens for an answer that is asked for, and what of the tokens a cache of prefixes serves."""
    prompts = ["\n".join(m.content for m in call.messages) for call in calls]
    kept = [max((begun(one, other) for other in prompts[:i]), default=0) for i, one in enumerate(prompts)]
    served, n = sum(kept) / sum(map(len, prompts)), sum(len(call.asks) for call in calls)
    tokens = sum(estimate_tokens(call.messages) for call in calls) / n
    return len(calls) / n, tokens, served * tokens, served


async def engine_rates(n: int) -> None:
    """CPU of a call of the embedded engine for responses apart, with and without the prefixes it keeps."""
    plan = Plan(ONE, JUDGES[:1], form="letters")
    calls = [call for item in apart(group(n, size=100)) for call in plan.calls(item)]
    spent = {}
    for mode in ("fast", "reproducible"):
        async with Local(mode=mode, say=lambda _: None) as judge:
            await judge(calls[-1])  # what is loaded once
            started = time.process_time()
            read = [(await judge(call)).input_tokens or 0 for call in calls]
            spent[mode] = (time.process_time() - started) / n
    print(
        f"\nembedded engine: {n} calls of {sum(read) / n:.0f} tokens; CPU a call {spent['fast']:.2f} s with the "
        f"prefixes it keeps, {spent['reproducible']:.2f} s without: {spent['fast'] / spent['reproducible']:.2f} times"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", type=int, metavar="N", help="measure N calls of the embedded engine")
    n = parser.parse_args().engine
    columns = f"{'calls':>8} {'tokens':>9} {'served':>9} {'share':>7}"
    print("for each answer that is asked for:")
    print(f"{'':24} {'together':^36}   {'apart':^36}\n{'':24} {columns}   {columns}")
    for name, recipe in recipes():
        cells = []
        for items in ([group()], apart(group())):
            calls = asked_of(recipe, items)
            n_calls, tokens, served, share = a_verdict(calls) if calls else (0, 0, 0, 0)
            cells.append(f"{n_calls:8.2f} {tokens:9.0f} {served:9.0f} {share:7.3f}" if calls else " " * 36)
        print(f"{name:24} {'   '.join(cells)}")
    if n:
        asyncio.run(engine_rates(n))


if __name__ == "__main__":
    main()

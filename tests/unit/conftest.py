"""What the tests of the runner share: a judge made of a function, and a walk over items to the end."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from judgekit.errors import JudgekitError
from judgekit.ledger import Ledger
from judgekit.plan import Plan
from judgekit.recipes import Grading
from judgekit.rubric import load_rubric
from judgekit.run import Limits, Tally, drive
from judgekit.types import Abstention, Call, Item, Judged, Reply

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
YES = Reply(text='{"label": "yes"}', model="m", input_tokens=10, output_tokens=5, cost_usd=0.25)
Answering = Callable[[Call, int], Awaitable[Reply]]


@dataclass
class Model:
    """A judge with an identity, whose replies come from a function of the call and its number."""

    answer: Answering | None = None
    name: str = "model"
    endpoint: str = "here"
    identity: Mapping[str, Any] = field(default_factory=lambda: {"model": "m"})
    seen: list[Call] = field(default_factory=list)
    inside: int = 0
    most: int = 0

    async def __call__(self, call: Call, /) -> Reply:
        self.seen.append(call)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(0)
            return YES if self.answer is None else await self.answer(call, len(self.seen))
        finally:
            self.inside -= 1


@dataclass
class Walked:
    """What came of a walk, what the loop had to complain of, and how many tasks were left."""

    results: list[Judged] = field(default_factory=list)
    error: BaseException | None = None
    tally: Tally = field(default_factory=Tally)
    complaints: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0

    @property
    def outcomes(self) -> list[Any]:
        return [outcome for judged in self.results for outcome in judged.outcomes]

    @property
    def labels(self) -> list[str]:
        return [outcome.label for outcome in self.outcomes]

    @property
    def reasons(self) -> list[str]:
        return [outcome.reason for outcome in self.outcomes if isinstance(outcome, Abstention)]


def walk_over(
    items: Iterable[Item],
    *judges: Any,
    recipe: Any = None,
    ledger: Path | Ledger | None = None,
    spared: Collection[str] = (),
    **limits: Any,
) -> Walked:
    """Drive items to the end, or to the error."""
    walked = Walked()
    chosen = recipe or Grading(Plan(load_rubric(TONE), judges))

    async def go() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: walked.complaints.append(what))
        with Ledger(ledger) if isinstance(ledger, Path) else nullcontext(ledger) as store:
            stream = drive(
                items, chosen, {judge.name: judge for judge in judges}, ledger=store, limits=Limits(**limits),
                tally=walked.tally, spared=spared,
            )  # fmt: skip
            try:
                async with asyncio.timeout(20), aclosing(stream):
                    async for judged in stream:
                        walked.results.append(judged)
            except (JudgekitError, LookupError) as error:
                walked.error = error
        walked.left = len(asyncio.all_tasks()) - 1

    asyncio.run(go())
    return walked


def some(n: int, *, same: bool = False) -> list[Item]:
    """Items with one response each, all different or all the same."""
    return [Item(str(i), "Hi", {"response": "Hello" if same else f"Hello {i}"}) for i in range(n)]


@pytest.fixture
def model() -> type[Model]:
    """`model(answer)`, a judge; `answer` may be left out, and then it says yes."""
    return Model


@pytest.fixture
def walk() -> Callable[..., Walked]:
    """`walk(items, judge, ..., recipe=, ledger=, concurrency=, ...)`."""
    return walk_over


@pytest.fixture
def items() -> Callable[..., list[Item]]:
    """`items(3)` are three different ones, `items(3, same=True)` three that are asked the same."""
    return some


@pytest.fixture
def yes() -> Reply:
    """What a model says: yes, for a quarter of a dollar."""
    return YES

"""The verbs: `score`, `preview`, `stream_scores` and their asynchronous twins.

A sync verb opens an event loop of its own in a thread for the time of the call, so it works in a script, in a
notebook whose loop is running, and in a forked worker.
"""

import asyncio
import os
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, aclosing
from typing import Any, TypeVar, Unpack

from judgekit.errors import InputError, JudgekitError, n_of
from judgekit.plan import Preview
from judgekit.protocols import ProtocolName
from judgekit.types import CallMade, Judged, Outcome, Score
from judgekit.verbs.going import followed
from judgekit.verbs.job import Job, prepare
from judgekit.verbs.options import Judges, Options, RubricLike
from judgekit.verbs.results import Run

T = TypeVar("T")
Given = TypeVar("Given")
_OF_PARENTS: list[ExitStack] = []  # what a forked child was left of streams begun before
_AHEAD = 256  # items that a stream has ready at most, beside those under way


async def score_async(
    items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]
) -> Run:
    """`score`, to be awaited."""
    return told(await collected(prepare(items, rubric, judges, **options)))


def told(run: Run) -> Run:
    """Return a run for a caller's caller; where nothing was judged, warn of that."""
    if run.summary["stopped"] is not None:
        warnings.warn(run.summary["stopped"], stacklevel=3)
    return run


async def collected(job: Job) -> Run:
    """Walk a job to its end and return its run; an error that stops it holds what was done."""
    scores: list[Score] = []
    outcomes: list[Outcome] = []
    calls: list[CallMade] = []
    tags: dict[str, Mapping[str, str]] = {}

    def run(stopped: JudgekitError | None = None) -> Run:
        held = tuple(scores), tuple(outcomes), job.summary(stopped), tuple(calls), tags
        return Run(*held, job=lambda: job.digest)

    try:
        with followed(job):
            async with aclosing(job.judged()) as stream:
                async for judged in stream:
                    scores += judged.scores
                    outcomes += judged.outcomes
                    calls += judged.calls
                    if judged.item.tags or judged.item.extra:
                        tags[judged.item.item_id] = judged.item.all_tags
    except JudgekitError as error:
        error.run = run(error)
        raise
    return run()


def score(items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]) -> Run:
    """Score responses by a rubric.

    Args:
        items: Path of a JSONL, CSV or Parquet file, a pandas frame, or rows (see `read_items`).
        rubric: Path of a YAML, TOML or JSON file, name of a bundled rubric, a mapping or a `Rubric`; None
            where a recipe has one, or each item its own.
        judges: A judge, its name (`provider/model`, `endpoint:URL#model`, `local`, `replay:FILE`,
            `control:longer`), or several of either.
        **options: All are listed by `judgekit guide reference`, under `jk.score`.

    Returns scores, outcomes and a summary, held in memory; for very many items use `stream_scores`. Raises
    `InputError` before any call, if something handed in cannot be used; `BudgetExceeded`, `JudgeOutage` or
    `ProviderError` where the run stopped early; the `run` of the error holds what was done, and running again
    goes on from the ledger.

    >>> from judgekit.judges.resolve import Scripted
    >>> kind = Scripted("kind", lambda call: '{"label": "yes"}')
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = [{"id": "1", "task": "Where is my parcel?", "response": "At the depot, sorry."}]
    >>> [round(s.value, 2) for s in score(items, rubric, kind, ledger=None).scores if s.level == "rubric"]
    [1.0]
    """
    return told(in_own_loop(collected, prepare(items, rubric, judges, **options)))


def compare(items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]) -> Run:
    """Compare the responses of each item in pairs, each in both orders.

    Arguments and errors are those of `score`; the scores are of pairs: 1 where the first of
    `unit.responses` is preferred, 0 where the second is, orders undone and judges pooled.

    >>> from judgekit.judges.resolve import Scripted
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = [{"id": "1", "task": "Hi", "responses": {"x": "Hello.", "y": "What?"}}]
    >>> first_shown = Scripted("partial", lambda call: '{"label": "A"}')
    >>> [score.value for score in compare(items, rubric, first_shown, ledger=None).scores]
    [0.5]
    """
    return told(in_own_loop(collected, prepare(items, rubric, judges, **_asked("compare", options))))


async def compare_async(
    items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]
) -> Run:
    """`compare`, to be awaited."""
    return told(await collected(prepare(items, rubric, judges, **_asked("compare", options))))


def rank(items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]) -> Run:
    """Rank the responses of each item, all in one call, in all cyclic orders.

    Arguments and errors are those of `score`; the scores are of pairs, as of `compare`.
    """
    return told(in_own_loop(collected, prepare(items, rubric, judges, **_asked("rank", options))))


async def rank_async(
    items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]
) -> Run:
    """`rank`, to be awaited."""
    return told(await collected(prepare(items, rubric, judges, **_asked("rank", options))))


def match(
    items: Any, rubric: RubricLike = "answer_match", judges: Judges = "local", **options: Unpack[Options]
) -> Run:
    """Say of each response whether it gives the item's reference answer.

    Arguments and errors are those of `score`; every item needs a `reference`.

    Source: Chandak et al. (2025), "Answer Matching Outperforms Multiple Choice", arXiv 2507.02856.
    """
    return told(in_own_loop(collected, prepare(items, rubric, judges, **_asked("match", options))))


async def match_async(
    items: Any, rubric: RubricLike = "answer_match", judges: Judges = "local", **options: Unpack[Options]
) -> Run:
    """`match`, to be awaited."""
    return told(await collected(prepare(items, rubric, judges, **_asked("match", options))))


async def stream_scores_async(
    items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]
) -> AsyncGenerator[Score, None]:
    """`stream_scores`, for `async for`."""
    job = prepare(items, rubric, judges, **options)
    async with aclosing(job.judged()) as stream:
        async for judged in stream:
            for each in judged.scores:
                yield each
    _tell_end(job)


def stream_scores(
    items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]
) -> Iterator[Score]:
    """Scores in the order of the items, as they come; nothing is held but a window of items.

    A panel that is fitted to the run holds all, and gives its scores at the end. Options and errors are those
    of `score`; what is wrong with the arguments is raised here and now. Rows skipped are counted in
    a warning at the end.

    >>> from judgekit.judges.resolve import Scripted
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = ({"id": n, "task": "Hi", "response": "Hello"} for n in range(3))
    >>> judge = Scripted("kind", lambda call: '{"label": "yes"}')
    >>> len([s for s in stream_scores(items, rubric, judge, ledger=None) if s.level == "rubric"])
    3
    """
    return _streamed(prepare(items, rubric, judges, **options))


def _streamed(job: Job) -> Iterator[Score]:
    """Yield scores from a loop in a thread of its own, which reads ahead while they are used.

    A stream that is left early cancels the reading, and waits until what is under way has ended.
    """
    from anyio.from_thread import start_blocking_portal

    ready: asyncio.Queue[Judged | None] = asyncio.Queue(_AHEAD)
    process, stack = os.getpid(), ExitStack()
    try:
        portal = stack.enter_context(start_blocking_portal())
        reading = portal.start_task_soon(_read_ahead, job, ready)
        while some := portal.call(_ready, ready):
            for judged in some:
                for each in judged.scores:
                    yield each
                    if os.getpid() != process:
                        raise InputError(
                            "this stream of scores was begun in another process, whose thread reads it; a "
                            "forked child begins one of its own"
                        )
        reading.result()
    finally:
        if os.getpid() == process:
            stack.__exit__(*sys.exc_info())  # a stream that is left early cancels what it reads
        else:
            _OF_PARENTS.append(stack.pop_all())  # to end the parent's work would wait without end
    _tell_end(job)


def _tell_end(job: Job) -> None:
    """Warn at the end of a stream, which has no summary, why nothing was judged, and count rows."""
    if (why := job.tally.nothing()) is not None:
        warnings.warn(why, stacklevel=3)
    if job.skipped.n:
        where, message = job.skipped.first[0]
        were = f"{n_of(job.skipped.n, 'row')} {'was' if job.skipped.n == 1 else 'were'}"
        warnings.warn(f"{were} skipped, the first: {where}: {message}", stacklevel=3)


async def _read_ahead(job: Job, ready: "asyncio.Queue[Judged | None]") -> None:
    try:
        async with aclosing(job.judged()) as stream:
            async for judged in stream:
                await ready.put(judged)
    finally:
        await ready.put(None)


async def _ready(ready: "asyncio.Queue[Judged | None]") -> list[Judged]:
    """Return all that is ready, nothing at the end; a hand-over each would cost more than judging."""
    some = [await ready.get()]
    while not ready.empty():
        some.append(ready.get_nowait())
    if some[-1] is None and len(some) > 1:
        ready.put_nowait(some.pop())
    return [judged for judged in some if judged is not None]


def preview(items: Any, rubric: RubricLike, judges: Judges = "local", **options: Unpack[Options]) -> Preview:
    """Calls, tokens and price of what `score` would do; nothing is sent.

    >>> items = [{"id": "1", "task": "Hi", "response": "Hello"}]
    >>> preview(items, "instruction_following", "control:longer").least
    1
    """
    return prepare(items, rubric, judges, sending=False, **options).preview()


def _asked(protocol: ProtocolName, options: Options) -> Options:
    asked: Options = {**options, "protocol": protocol}
    return asked


def in_own_loop(work: Callable[[Given], Coroutine[Any, Any, T]], given: Given) -> T:
    """Run asynchronous work to its end in a loop of its own, in a thread; an interrupt ends it cleanly."""
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        future = portal.start_task_soon(work, given)
        try:
            result: T = future.result()
        except KeyboardInterrupt:
            future.cancel()  # the portal waits until the ledger is written and clients are closed
            raise
        return result

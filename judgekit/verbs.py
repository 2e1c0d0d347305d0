"""The verbs: `score`, `preview`, `stream_scores` and their asynchronous twins.

Here names become objects, options become a plan and a recipe, and what was run becomes a `Run`.
A sync verb opens an event loop of its own in a thread for the time of the call, so it works in
a script, in a notebook whose loop is running, and in a forked worker.
"""

import functools
import time
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self, TypeVar

import orjson

from judgekit.aggregate import rubric_scores
from judgekit.errors import InputError, JudgekitError
from judgekit.items import Skipped, Survey, read_items, survey
from judgekit.items.read import OnBadItem
from judgekit.judges.resolve import resolve_all
from judgekit.ledger import Ledger, default_path
from judgekit.plan import Plan, Preview
from judgekit.plan import preview as preview_of
from judgekit.prompt import Template, template_of
from judgekit.protocols import Form, Protocol
from judgekit.recipes import Grading
from judgekit.recipes.grading import Aggregate
from judgekit.rubric import Rubric, load_rubric
from judgekit.run import Limits, Tally, drive
from judgekit.table import Kind, frame, json_line, outcome_row, score_row, write_parquet
from judgekit.types import Item, Judge, Judged, Outcome, Reason, Rule, Score

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
DEFAULT_LEDGER: Final = "default"
"""Stands for `$JUDGEKIT_LEDGER`, else `.judgekit/ledger.sqlite` in the current folder."""
_MOST_NAMED = 20  # skipped items that a summary names
Judges = str | Judge | Iterable[str | Judge]


@dataclass(frozen=True)
class Job:
    """A scoring job, checked and ready: nothing has been sent yet.

    Made by `prepare`; walked by `judged`.
    """

    plan: Plan
    recipe: Grading
    items: Any
    columns: Mapping[str, str] | None
    on_bad_item: OnBadItem
    ledger: Path | None
    prompts: bool
    limits: Limits
    surveyed: Survey | None
    tally: Tally = field(default_factory=Tally)
    skipped: list[Skipped] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    began: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def read(self) -> Iterator[Item]:
        """The items, each with its own rubric checked."""
        need = any(c.about == "response" for c in self.plan.rubric.leaves)
        items = read_items(
            self.items, columns=self.columns, on_bad_item=self.on_bad_item, skipped=self.skipped,
            need_response=need, surveyed=self.surveyed,
        )  # fmt: skip
        for item in items:
            if item.rubric is not None:
                try:
                    self.plan.sheets_of(item)
                except InputError as error:
                    if self.on_bad_item == "raise":
                        raise
                    self.skipped.append(Skipped(item.where or item.item_id, str(error)))
                    continue
            yield item

    async def judged(self) -> AsyncGenerator[Judged, None]:
        """What becomes of each item, in order; the ledger is open for as long as it runs."""
        judges = {judge.name: judge for judge in self.plan.judges}
        ledger = Ledger(self.ledger, prompts=self.prompts) if self.ledger is not None else None
        try:
            async for judged in drive(
                self.read(), self.recipe, judges, ledger=ledger, limits=self.limits, tally=self.tally
            ):
                yield judged
        finally:
            if ledger is not None:
                ledger.close()

    def summary(self, stopped: BaseException | None = None) -> dict[str, Any]:
        """What `run.json` holds."""
        from judgekit import __version__

        rubric = self.plan.rubric
        return {
            **self.tally.summary(),
            "skipped": len(self.skipped),
            "skipped_rows": [f"{s.where}: {s.message}" for s in self.skipped[:_MOST_NAMED]],
            "stopped": None if stopped is None else str(stopped) or type(stopped).__name__,
            "began": self.began,
            "seconds": round(time.monotonic() - self.started, 3),
            "rubric": {"id": rubric.id, "version": rubric.version, "digest": rubric.digest},
            "prompts": self.plan.prompt_digests(),
            "judges": {judge.name: dict(judge.identity) for judge in self.plan.judges},
            "protocol": self.plan.protocol,
            "form": self.plan.form,
            "per_call": self.plan.per_call,
            "samples": self.plan.samples,
            "seed": None,
            "ledger": None if self.ledger is None else str(self.ledger),
            "judgekit": __version__,
        }


@dataclass(frozen=True)
class Run:
    """What a run gave.

    Args:
        scores: In the order of the items: each criterion, each dimension, the rubric.
        outcomes: One for each answer asked for: verdicts and abstentions.
        summary: Counts, costs, digests, judges as resolved, times (what `run.json` holds).
    """

    scores: tuple[Score, ...]
    outcomes: tuple[Outcome, ...]
    summary: Mapping[str, Any]

    def frame(self, kind: Kind = "scores") -> "pd.DataFrame":
        """The scores, or the outcomes, as a pandas table; columns as in `table.COLUMNS`."""
        return frame(self._rows(kind), kind)

    def save(self, folder: str | Path) -> None:
        """Write `scores.jsonl`, `outcomes.jsonl`, both as Parquet where pyarrow is, and `run.json`."""
        with Writer(folder) as writer:
            for kind in ("scores", "outcomes"):
                writer.rows(kind, self._rows(kind))
            writer.finish(self.summary)

    def _rows(self, kind: Kind) -> Iterator[dict[str, Any]]:
        if kind == "scores":
            return map(score_row, self.scores)
        if kind == "outcomes":
            return map(outcome_row, self.outcomes)
        raise InputError(f"no table {kind!r}; there are 'scores' and 'outcomes'")


class Writer:
    """A folder of results, written as they come.

    A context manager. The rows repeat to the byte when the replies come from the ledger; times stand
    only in `run.json`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._files: dict[Kind, BinaryIO] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._files = {kind: (self.folder / f"{kind}.jsonl").open("wb") for kind in ("scores", "outcomes")}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def judged(self, judged: Judged) -> None:
        """Write what became of one item."""
        self.rows("scores", map(score_row, judged.scores))
        self.rows("outcomes", map(outcome_row, judged.outcomes))

    def rows(self, kind: Kind, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows of a table."""
        self._files[kind].writelines(json_line(row) for row in rows)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the Parquet files, where pyarrow is installed, and `run.json`."""
        parquet = True
        for kind, file in self._files.items():
            file.flush()
            parquet = write_parquet(self.folder / f"{kind}.jsonl", self.folder / f"{kind}.parquet", kind)
        raw = orjson.dumps(
            {**summary, "parquet": parquet}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        )
        (self.folder / "run.json").write_bytes(raw)


def prepare(
    items: Any,
    rubric: str | Path | Mapping[str, Any] | Rubric,
    judges: Judges = "local",
    *,
    protocol: Protocol = "grade",
    form: Form = "json",
    per_call: int | None = 0,
    samples: int = 1,
    prompt: str | Path | Template | None = None,
    reask: bool = True,
    again: Collection[Reason] = (),
    rule: Rule | None = None,
    partial: bool = False,
    aggregate: Aggregate | None = None,
    columns: Mapping[str, str] | None = None,
    on_bad_item: OnBadItem = "raise",
    ledger: str | Path | None = DEFAULT_LEDGER,
    store_prompts: bool = True,
    limits: Limits | None = None,
    own_code: bool = False,
    say: Callable[[str], None] | None = None,
) -> Job:
    """Check everything that can be checked before a call is made; the options are those of `score`.

    Raises:
        InputError: A bad rubric, item, judge or option: where, what was found, what would do.
    """
    loaded = load_rubric(rubric)
    template = _template(prompt)
    chosen = resolve_all(judges, own_code=own_code, say=say)
    plan = Plan(loaded, chosen, protocol, form, per_call, samples, template)
    path = default_path() if ledger == DEFAULT_LEDGER else None if ledger is None else Path(ledger)
    need = any(c.about == "response" for c in loaded.leaves)
    surveyed = None
    if not isinstance(items, Iterator):
        surveyed = survey(items, columns=columns, on_bad_item=on_bad_item, need_response=need)
    chosen_aggregate = aggregate or functools.partial(rubric_scores, rule=rule, partial=partial)
    recipe = Grading(plan, reask=reask, again=again, aggregate=chosen_aggregate)
    return Job(
        plan, recipe, items, columns, on_bad_item, path, store_prompts, limits or Limits(), surveyed
    )  # fmt: skip


def _template(prompt: str | Path | Template | None) -> Template | None:
    if prompt is None or isinstance(prompt, Template):
        return prompt
    path = Path(prompt)
    try:
        return template_of(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


async def score_async(
    items: Any, rubric: str | Path | Mapping[str, Any] | Rubric, judges: Judges = "local", **options: Any
) -> Run:
    """`score`, to be awaited."""
    return await _collected(prepare(items, rubric, judges, **options))


async def _collected(job: Job) -> Run:
    scores: list[Score] = []
    outcomes: list[Outcome] = []
    try:
        async for judged in job.judged():
            scores += judged.scores
            outcomes += judged.outcomes
    except JudgekitError as error:
        error.run = Run(tuple(scores), tuple(outcomes), job.summary(error))
        raise
    return Run(tuple(scores), tuple(outcomes), job.summary())


def score(
    items: Any, rubric: str | Path | Mapping[str, Any] | Rubric, judges: Judges = "local", **options: Any
) -> Run:
    """Score responses by a rubric.

    Args:
        items: Path of a JSONL, CSV or Parquet file, a pandas frame, or rows (see `read_items`).
        rubric: Path of a YAML, TOML or JSON file, name of a bundled rubric, a mapping or a `Rubric`.
        judges: A judge, its name (`provider/model`, `endpoint:URL#model`, `local`, `replay:FILE`,
            `control:longer`), or several of either.
        **options: `protocol` ("grade" or "checklist"), `form` ("json", "text" or "letters"), `per_call`
            (criteria a call; None for all), `samples`, `prompt` (a file), `reask`, `again` (reasons whose
            stored abstentions are asked anew), `rule` ("placed", "published", "published_clipped"),
            `partial` (score what was judged), `aggregate` (an aggregator of your own), `columns` (our name -> theirs), `on_bad_item` ("raise" or
            "skip"), `ledger` (a path, or None), `store_prompts`, `limits` (`Limits`).

    Returns:
        Scores, outcomes and a summary, held in memory; for very many items use `stream_scores`.

    Raises:
        InputError: Before any call, if something handed in cannot be used.
        BudgetExceeded, JudgeOutage, ProviderError: Why the run stopped early; the `run` of the error
            holds what was done, and running again goes on from the ledger.

    >>> from judgekit.judges.scripted import Scripted
    >>> kind = Scripted("kind", lambda call: '{"label": "yes"}')
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = [{"id": "1", "task": "Where is my parcel?", "response": "At the depot, sorry."}]
    >>> [round(s.value, 2) for s in score(items, rubric, kind, ledger=None).scores if s.level == "rubric"]
    [1.0]
    """
    job = prepare(items, rubric, judges, **options)
    return in_own_loop(lambda: _collected(job))


async def stream_scores_async(
    items: Any, rubric: str | Path | Mapping[str, Any] | Rubric, judges: Judges = "local", **options: Any
) -> AsyncGenerator[Score, None]:
    """`stream_scores`, for `async for`."""
    async for judged in prepare(items, rubric, judges, **options).judged():
        for each in judged.scores:
            yield each


def stream_scores(
    items: Any, rubric: str | Path | Mapping[str, Any] | Rubric, judges: Judges = "local", **options: Any
) -> Iterator[Score]:
    """Scores in the order of the items, as they come; nothing is held but a window of items.

    Options and errors are those of `score`; what is wrong with the arguments is raised here and now.

    >>> from judgekit.judges.scripted import Scripted
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = ({"id": n, "task": "Hi", "response": "Hello"} for n in range(3))
    >>> judge = Scripted("kind", lambda call: '{"label": "yes"}')
    >>> len([s for s in stream_scores(items, rubric, judge, ledger=None) if s.level == "rubric"])
    3
    """
    return _streamed(prepare(items, rubric, judges, **options))


def _streamed(job: Job) -> Iterator[Score]:
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        stream = job.judged()
        try:
            while True:
                try:
                    judged = portal.call(stream.__anext__)
                except StopAsyncIteration:
                    return
                yield from judged.scores
        finally:
            portal.call(stream.aclose)


def preview(
    items: Any, rubric: str | Path | Mapping[str, Any] | Rubric, judges: Judges = "local", **options: Any
) -> Preview:
    """Calls, tokens and price of what `score` would do; nothing is sent.

    >>> items = [{"id": "1", "task": "Hi", "response": "Hello"}]
    >>> preview(items, "instruction_following", "control:longer").least
    1
    """
    job = prepare(items, rubric, judges, **options)
    return preview_of(job.plan, job.read(), reask=job.recipe.reask)


def in_own_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run asynchronous work to its end in a loop of its own, in a thread; an interrupt ends it cleanly."""
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        future = portal.start_task_soon(work)
        try:
            result: T = future.result()
        except KeyboardInterrupt:
            future.cancel()  # the portal waits until the ledger is written and clients are closed
            raise
        return result

"""A rewarder that is watched: rewards pass through unchanged, and what they were like is written down.

    watch = Watch(rewarder, hidden=second, probe_every=100, log="rewards.jsonl")
    batch = await watch(groups)

Whatever takes a `Rewarder` takes a `Watch`. What it finds stands in the batch's own stats as well, so that it
reaches the trainer's log the way the other numbers do. What goes wrong in watching (the hidden judge is down,
a log cannot be written) is counted and said, and never stops a training.
"""

import asyncio
import functools
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any, Self

import orjson

from judgekit.errors import InputError, JudgeOutage, ProviderError
from judgekit.rewards.core.carded import CardFaults, check_cards
from judgekit.rewards.core.records import Batch, Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.watching.hidden import (
    EMPTY_ANSWERS,
    Divergence,
    Drift,
    Probed,
    Twice,
    drawn,
    probe,
    twice,
)
from judgekit.types import Estimate

Record = Mapping[str, Any]
"""`batch`, the number of the batch, and whatever was counted: numbers, None where there is none, words."""
Logger = Callable[[Record], object]
LogLike = str | Path | Logger | Iterable[str | Path | Logger] | None
PREFIX = "judgekit/"
_LOG = logging.getLogger(__name__)
Numbers = dict[str, float | None]


class Logs:
    """Hands each record to every logger; that one failed is said once, and it is tried again."""

    def __init__(self, log: LogLike = None) -> None:
        several: list[Any] = [log] if isinstance(log, str) or not isinstance(log, Iterable) else list(log)
        self._loggers = [_logger(each) for each in several if each is not None]
        self._said: set[int] = set()

    def __call__(self, record: Record) -> None:
        """Hand a record to every logger."""
        for i, logger in enumerate(self._loggers):
            try:
                logger(record)
            except Exception as error:  # noqa: BLE001 - a log of whatever kind never stops a training
                if i not in self._said:
                    self._said.add(i)
                    _LOG.warning("a log of rewards failed (said once): %s: %s", type(error).__name__, error)


class Jsonl:
    """A line a record, with the time (UTC), added to a file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __call__(self, record: Record) -> None:
        """Add a record, as a line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self.path.open("ab") as file:
            file.write(orjson.dumps({"at": at, **record}, option=orjson.OPT_APPEND_NEWLINE))


class Mlflow:
    """The numbers as metrics of an MLflow run, at the step of the batch.

    They are sent from a thread, since a server that is slow must not hold up a training; what went wrong
    is raised when the next record comes.
    """

    def __init__(self, run_id: str | None = None) -> None:
        self._run_id = run_id
        self._sending: Future[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_run_id": self._run_id, "_sending": None, "_thread": None}

    def __call__(self, record: Record) -> None:
        """Send the numbers of a record."""
        from mlflow.entities import Metric

        run_id = self._run_id or _open_run()
        now, step = int(time.time() * 1000), int(record["batch"])
        metrics = [Metric(name, value, now, step) for name, value in numbers_of(record).items()]
        self._thread = self._thread or ThreadPoolExecutor(1, "judgekit-mlflow")
        before, self._sending = self._sending, self._thread.submit(_send, run_id, metrics)
        if before is not None and before.done():
            before.result()


class Wandb:
    """The numbers in what the trainer logs next to the open W&B run, whose count of steps they leave."""

    def __call__(self, record: Record) -> None:
        """Add the numbers of a record."""
        import wandb

        if wandb.run is None:
            raise RuntimeError("no W&B run is open; call wandb.init, or let the trainer do it")
        wandb.run.log(numbers_of(record), commit=False)


class Trackio:
    """The numbers as metrics of the open Trackio run, at the step of the batch.

    Trackio knows of a run in the context that opened it; what a trainer awaits has that of the trainer.
    """

    def __call__(self, record: Record) -> None:
        """Log the numbers of a record."""
        import trackio

        trackio.log(numbers_of(record), step=int(record["batch"]))


def numbers_of(record: Record) -> dict[str, float]:
    """Return the finite numbers of a record, under names of their own."""
    return {
        f"{PREFIX}{name}": float(value)
        for name, value in record.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _logger(log: str | Path | Logger) -> Logger:
    if callable(log):
        return log
    programs: Mapping[Any, Callable[[], Logger]] = {"mlflow": Mlflow, "wandb": Wandb, "trackio": Trackio}
    if log in programs:
        return programs[log]()
    if isinstance(log, str | Path):
        return Jsonl(log)
    raise InputError(
        f"log={log!r} is no callable, no path of a JSONL file, and none of {', '.join(programs)}"
    )


def _open_run() -> str:
    """Return the newest open MLflow run; trainers open it in another thread than that of the rewards."""
    import mlflow
    from mlflow.tracking import fluent

    found = mlflow.active_run() or getattr(fluent, "_get_latest_active_run", mlflow.active_run)()
    if found is None:
        raise RuntimeError("no MLflow run is open; call mlflow.start_run, or let the trainer do it")
    return str(found.info.run_id)


def _send(run_id: str, metrics: list[Any]) -> None:
    import mlflow

    mlflow.MlflowClient().log_batch(run_id, metrics=metrics)


@dataclass
class Seen:
    """What a watch has seen so far; a copy of the watch in another event loop adds to the same."""

    drift: Drift
    batches: int = 0
    divergence: Divergence | None = None
    probed: Probed | None = None
    said: set[str] = field(default_factory=set)


class Watch(Rewarder):
    """A rewarder whose rewards are logged, probed, and compared with a hidden judge's.

    Args:
        rewarder: What gives the rewards.
        hidden: A second rewarder, of another judge, that the policy is not trained on; it is asked beside the
            first about a sample of the groups.
        hidden_share: Share of the groups in that sample.
        hidden_window: Groups in a block that is compared with an earlier one.
        probe_every: Batches from one probing with empty answers to the next; None for none.
        probe_texts: What is put in place of responses.
        probe_tasks: Groups probed each time.
        log: A callable, the path of a JSONL file, `mlflow`, `wandb`, `trackio`, or several; each is given a
            flat record of every batch.
        seed: Of the samples.
        card: The JSON of the judge's card, or of each judge's: one that is not to give rewards, such as a
            judge that obeys attacks, is refused.
        card_faults: `refuse`; or `allow`, which warns instead.

    Raises `InputError` if an option cannot be used.

    `seen` holds what it has found so far.

    >>> from judgekit.judges.resolve import Scripted
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> gullible = Scripted("gullible", lambda call: '{"label": "yes"}')
    >>> watch = Watch(Rewarder({"rubric": rubric}, gullible))
    >>> batch = watch.reward([Group("1", "Where is my parcel?", {"a": "At the depot.", "b": "No idea."})])
    >>> batch.stats["zero_spread_share"], batch.stats["probe_above_middle"]
    (1.0, 1.0)
    """

    def __init__(
        self,
        rewarder: Rewarder,
        *,
        hidden: Rewarder | None = None,
        hidden_share: float = 0.05,
        hidden_window: int = 200,
        probe_every: int | None = 100,
        probe_texts: Sequence[str] = EMPTY_ANSWERS,
        probe_tasks: int = 4,
        log: LogLike = None,
        seed: int = 0,
        card: str | Path | Sequence[str | Path] = (),
        card_faults: CardFaults = "refuse",
    ) -> None:
        self._options = {key: value for key, value in locals().items() if key not in {"self", "__class__"}}
        if not 0 < hidden_share <= 1:
            raise InputError(f"hidden_share={hidden_share!r}; a share is above 0 and at most 1")
        least = {"hidden_window": (hidden_window, 10), "probe_tasks": (probe_tasks, 1)}
        least |= {} if probe_every is None else {"probe_every": (probe_every, 1)}
        if short := [f"{name}={n!r}; the least is {low}" for name, (n, low) in least.items() if n < low]:
            raise InputError(short[0])
        cards = [card] if isinstance(card, str | Path) else card
        check_cards(cards, [judge.name for judge in rewarder.judges], faults=card_faults)
        # What is a rewarder's own (judges, a session) is that of the rewarder inside.
        self.spec, self.judges = rewarder.spec, rewarder.judges
        self.rewarder = rewarder
        self.hidden = hidden
        self.seen = Seen(Drift(hidden_window))
        self._share = hidden_share
        self._probe_every = probe_every
        self._probing = {"texts": tuple(probe_texts), "tasks": probe_tasks, "seed": seed}
        self._logs = Logs(log)
        self._seed = seed
        self._stack = AsyncExitStack()

    def __copy__(self) -> "Watch":
        inside = {name: copy(self._options[name]) for name in ("rewarder", "hidden")}
        made = Watch(**{**self._options, **inside})
        made.seen, made._logs = self.seen, self._logs
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(Watch, **self._options), ()

    def calls(self, n: int) -> tuple[int, int]:
        """Return those of the rewarder; the hidden judge and probes come on top."""
        return self.rewarder.calls(n)

    async def __call__(self, groups: Iterable[Group]) -> Batch:
        """Reward groups as the rewarder does, errors too, with more numbers in the stats of the batch."""
        groups = tuple(groups)
        number = self.seen.batches = self.seen.batches + 1
        async with _beside(self._again(groups)) as second:
            try:
                batch = await self.rewarder(groups)
            except (JudgeOutage, ProviderError) as error:
                stats = error.run.stats if isinstance(error.run, Batch) else {}
                self._logs({"batch": number, **stats, "outage": str(error)})
                raise
            hidden = await second
        found = self._hidden_numbers(batch, hidden) | await self._probe_numbers(number, groups, batch)
        stats = {**batch.stats, **found}
        self._logs({"batch": number, **stats})
        return replace(batch, stats=stats)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.rewarder)
            if self.hidden is not None:
                await stack.enter_async_context(self.hidden)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _again(self, groups: Sequence[Group]) -> Batch | None:
        """Return a sample of the groups, rewarded by the hidden judge; None where that came to nothing."""
        if self.hidden is None:
            return None
        sample = drawn(groups, self._share, self._seed)
        try:
            return await self.hidden(sample)
        except Exception as error:  # noqa: BLE001 - whatever becomes of it, the training goes on
            self._say("the hidden judge", error)
            run = getattr(error, "run", None)
            return run if isinstance(run, Batch) else None

    def _hidden_numbers(self, batch: Batch, hidden: Batch | None) -> Numbers:
        if self.hidden is None:
            return {}
        pairs = [] if hidden is None else twice(batch, self.spec.span, hidden, self.hidden.spec.span)
        found = self.seen.drift.add(pairs)
        if found is not None:
            self.seen.divergence = found
            if found.alarm:
                _LOG.warning("reward hacking? batch %d: %s", self.seen.batches, found.alarm)
        return _of_sample(pairs, hidden) | _of_divergence(self.seen.divergence)

    async def _probe_numbers(self, number: int, groups: Sequence[Group], batch: Batch) -> Numbers:
        if self._probe_every is None:
            return {}
        probed = None
        if (number - 1) % self._probe_every == 0:
            try:
                probed = await probe(self.rewarder, groups, batch, **self._probing)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001 - likewise
                self._say("probing", error)
        self.seen.probed = probed or self.seen.probed
        return _of_probe(probed)

    def _say(self, what: str, error: Exception) -> None:
        if what not in self.seen.said:
            self.seen.said.add(what)
            _LOG.warning("%s failed (said once): %s: %s", what, type(error).__name__, error)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, Batch | None]) -> AsyncIterator[asyncio.Task[Batch | None]]:
    """Let work go on beside what is done inside, and end with it."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _of_sample(pairs: Sequence[Twice], hidden: Batch | None) -> Numbers:
    agreements = [each.agreement for each in pairs if each.agreement is not None]
    stats: Mapping[str, Any] = {} if hidden is None else hidden.stats
    return {
        "hidden_groups": len(pairs),
        "hidden_n": sum(each.n for each in pairs),
        "hidden_failed": stats.get("n_failed"),
        "hidden_calls": stats.get("calls"),
        "hidden_cost_usd": stats.get("cost_usd"),
        "hidden_mean": fmean(each.hidden for each in pairs) if pairs else None,
        "hidden_training_mean": fmean(each.training for each in pairs) if pairs else None,
        "hidden_agreement": fmean(agreements) if agreements else None,
    }


def _of_divergence(found: Divergence | None) -> Numbers:
    numbers: Numbers = {}
    for name in ("training", "hidden", "lag", "agreement"):
        numbers |= _ends(f"divergence_{name}", None if found is None else getattr(found, name))
    return numbers | {"divergence_alarm": None if found is None else float(bool(found.alarm))}


def _of_probe(probed: Probed | None) -> Numbers:
    return {
        "probe_n": None if probed is None else probed.above_middle.n_used,
        "probe_gated": None if probed is None else probed.n_gated,
        "probe_failed": None if probed is None else probed.n_failed,
        **_ends("probe_above_middle", None if probed is None else probed.above_middle),
        **_ends("probe_as_good", None if probed is None else probed.as_good),
    }


def _ends(name: str, estimate: Estimate | None) -> Numbers:
    """Return an estimate and its interval under three names."""
    value, low, high = (None,) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
    return {
        key: None if number is None or number != number else number  # noqa: PLR0124 - nan
        for key, number in ((name, value), (f"{name}_low", low), (f"{name}_high", high))
    }

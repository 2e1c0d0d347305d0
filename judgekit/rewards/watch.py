"""A rewarder that is watched: rewards pass through unchanged, and what they were like is written down.

    watch = Watch(rewarder, hidden=second, probe_every=100, log="rewards.jsonl")
    batch = await watch(groups)

Whatever takes a `Rewarder` takes a `Watch`. What it finds stands in the batch's own stats as well, so that it
reaches the trainer's log the way the other numbers do. What goes wrong in watching (the hidden judge is down,
a log cannot be written) is counted and said, and never stops a training.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from statistics import fmean
from typing import Any, Self

from judgekit.errors import InputError, JudgekitError, JudgeOutage, ProviderError
from judgekit.rewards.hidden import Divergence, Drift, Twice, drawn, twice
from judgekit.rewards.logs import LogLike, Logs
from judgekit.rewards.probing import EMPTY_ANSWERS, Probed, probe
from judgekit.rewards.records import Batch, Group
from judgekit.rewards.rewarder import Rewarder
from judgekit.rewards.spec import RewardSpec
from judgekit.types import Estimate
from judgekit.verbs.faces import in_own_loop

_LOG = logging.getLogger(__name__)
Numbers = dict[str, float | None]


class Watch:
    """A rewarder that is watched.

    Args:
        rewarder: What gives the rewards.
        hidden: A second rewarder, of another judge, that the policy is not trained on; it is asked beside the
            first about a sample of the groups.
        hidden_share: Share of the groups in that sample.
        hidden_window: Groups in a block that is compared with an earlier one (see `hidden`).
        probe_every: Batches from one probing with empty answers to the next; None for none.
        probe_texts: What is put in place of responses.
        probe_tasks: Groups probed each time.
        log: A callable, the path of a JSONL file, `mlflow`, `wandb`, or several; each is given a flat record
            of every batch.
        seed: Of the samples.

    Raises:
        InputError: If an option cannot be used.
    """

    def __init__(
        self,
        rewarder: Rewarder,
        *,
        hidden: Rewarder | None = None,
        hidden_share: float = 0.05,
        hidden_window: int = 100,
        probe_every: int | None = 100,
        probe_texts: Sequence[str] = EMPTY_ANSWERS,
        probe_tasks: int = 4,
        log: LogLike = None,
        seed: int = 0,
    ) -> None:
        if not 0 < hidden_share <= 1:
            raise InputError(f"hidden_share={hidden_share!r}; a share is above 0 and at most 1")
        least = {"hidden_window": (hidden_window, 10), "probe_tasks": (probe_tasks, 1)}
        least |= {} if probe_every is None else {"probe_every": (probe_every, 1)}
        if short := [f"{name}={n!r}; the least is {low}" for name, (n, low) in least.items() if n < low]:
            raise InputError(short[0])
        self.rewarder = rewarder
        self.hidden = hidden
        self.batches = 0
        self.divergence: Divergence | None = None
        self.probed: Probed | None = None
        self._share = hidden_share
        self._drift = Drift(hidden_window)
        self._probe_every = probe_every
        self._probing = {"texts": tuple(probe_texts), "tasks": probe_tasks, "seed": seed}
        self._logs = Logs(log)
        self._seed = seed
        self._said: set[str] = set()
        self._stack = AsyncExitStack()

    @property
    def spec(self) -> RewardSpec:
        """The spec of the rewards."""
        return self.rewarder.spec

    async def __call__(self, groups: Iterable[Group]) -> Batch:
        """The rewards of the rewarder, with more numbers in their stats.

        Raises:
            InputError, JudgeOutage, ProviderError: As the rewarder does; the last two are logged first.
        """
        groups = tuple(groups)
        self.batches += 1
        number = self.batches
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

    def reward(self, groups: Iterable[Group]) -> Batch:
        """The same, not awaited: in an event loop of its own, in a thread."""
        return in_own_loop(lambda: self(groups))

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
        """A sample of the groups, rewarded by the hidden judge; None where that came to nothing."""
        if self.hidden is None:
            return None
        sample = drawn(groups, self._share, self._seed)
        try:
            return await self.hidden(sample)
        except JudgekitError as error:
            self._say("the hidden judge", error)
            return error.run if isinstance(error.run, Batch) else None

    def _hidden_numbers(self, batch: Batch, hidden: Batch | None) -> Numbers:
        if self.hidden is None:
            return {}
        pairs = [] if hidden is None else twice(batch, self.spec.span, hidden, self.hidden.spec.span)
        found = self._drift.add(pairs)
        if found is not None:
            self.divergence = found
            if found.alarm:
                _LOG.warning("reward hacking? batch %d: %s", self.batches, found.alarm)
        return _of_sample(pairs, hidden) | _of_divergence(self.divergence)

    async def _probe_numbers(self, number: int, groups: Sequence[Group], batch: Batch) -> Numbers:
        if self._probe_every is None:
            return {}
        probed = None
        if (number - 1) % self._probe_every == 0:
            try:
                probed = await probe(self.rewarder, groups, batch, **self._probing)  # type: ignore[arg-type]
            except JudgekitError as error:
                self._say("probing", error)
        self.probed = probed or self.probed
        return _of_probe(probed)

    def _say(self, what: str, error: JudgekitError) -> None:
        if what not in self._said:
            self._said.add(what)
            _LOG.warning("%s failed (said once): %s: %s", what, type(error).__name__, error)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, Batch | None]) -> AsyncIterator[asyncio.Task[Batch | None]]:
    """Work that goes on beside what is done inside, and has ended when that is left."""
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
    for name in ("training", "hidden", "gap", "agreement"):
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
    """An estimate and its interval under three names."""
    value, low, high = (None,) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
    return {
        key: None if number is None or number != number else number  # noqa: PLR0124 - nan
        for key, number in ((name, value), (f"{name}_low", low), (f"{name}_high", high))
    }

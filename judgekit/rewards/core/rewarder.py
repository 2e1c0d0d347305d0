"""The one primitive: groups in, a reward or None for each response out; the verb `reward`; a batch's numbers.

Statistics of a batch are plain numbers for a trainer's log, None where undefined.
"""

import asyncio
import sys
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from statistics import fmean, pstdev
from typing import Any, Self

import numpy as np

from judgekit.agreement.core.arrays import varies
from judgekit.errors import InputError, JudgekitError, JudgeOutage
from judgekit.items import read_items
from judgekit.rewards.core.carded import check_cards
from judgekit.rewards.core.checks import check_of, counter
from judgekit.rewards.core.judges import NOBODY, check_prices, judges_of
from judgekit.rewards.core.prepared import WINDOW, Looking, Prepared, combined, dealt_with, outage, prepared
from judgekit.rewards.core.records import CRITERION, TRAINERS_NAMES, Batch, Group, Reward, checked
from judgekit.rewards.core.schemes import LATE, Alone, Relative, Scheme
from judgekit.rewards.core.session import Asked, Session
from judgekit.rewards.core.spec import RewardSpec, SpecLike, load_spec
from judgekit.roles import Judge, Tunable
from judgekit.rubric.lint import asked_back
from judgekit.run import Limits
from judgekit.table import columns_in
from judgekit.telemetry import telemetry_of
from judgekit.types import Answer, Item, Judged
from judgekit.verbs.faces import in_own_loop

_NOTHING = 1e-12  # US dollars: a limit is above 0, and no call costs less
STATUSES = ("ok", "gated", "vetoed", "failed", "imputed", "dropped")


class Rewarder:
    """Gives responses rewards, as a spec says: numbers, or None where none can be given.

    Awaited with groups it opens its judges, asks, and closes them, so that nothing is bound to an event
    loop; used as an asynchronous context manager it keeps them open in that loop until it is left as often as
    it was entered, and still answers in others. It can be pickled, if its judges and checks can.

    Args:
        spec: A `RewardSpec`, a mapping or a TOML file.
        judges: Judges, or their names, instead of the spec's.
        own_code: Whether `py:` names of judges and checks may import code.
        sending: Whether it will ask, for which judges need their keys.

    Raises `InputError` if the spec, a judge or a check cannot be used; before any call.

    >>> from judgekit.judges.resolve import Scripted
    >>> kind = Scripted("kind", lambda call: '{"label": "%s"}' % ("yes" if "sorry" in str(call) else "no"))
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> group = Group("1", "Where is my parcel?", {"a": "At the depot, sorry.", "b": "No idea."})
    >>> batch = Rewarder({"rubric": rubric}, kind).reward([group])
    >>> batch["1", "a"].value, batch["1", "b"].value
    (1.0, 0.0)
    """

    def __init__(
        self, spec: SpecLike, judges: Any = None, *, own_code: bool = False, sending: bool = True
    ) -> None:
        self.spec: RewardSpec = load_spec(spec)
        if own_code:
            look_beside(self.spec)
        self._anew = partial(Rewarder, self.spec, judges, own_code=own_code)  # with names as names: pickled
        given = judges if judges is not None else self.spec.judges if self.spec.judge_weight else NOBODY
        self.judges = judges_of(given, own_code=own_code, asked=self.spec.judge_weight > 0, sending=sending)
        if (least := self.spec.min_judges or 1) > len(self.judges):
            raise InputError(f"min_judges={least}, and judges: {len(self.judges)}; name more, or need fewer")
        names = [judge.name for judge in self.judges]
        check_cards(self.spec.card, names, faults=self.spec.card_faults, rubric=self.spec.rubric.digest)
        self._looking = Looking(
            [(check, check_of(check.kind, check.settings, own_code=own_code)) for check in self.spec.checks],
            "final" if self.spec.length is None else self.spec.length.part,
            counter(None if self.spec.length is None else self.spec.length.tokenizer, self.spec.folder),
        )
        of = Relative if self.spec.relative else Alone
        self._scheme: Scheme = of(self.spec, self.judges)
        if self.spec.judge_weight and (told := self._scheme.recipe.plans[0].copies_told) is not None:
            warnings.warn(told, stacklevel=2)
        for each in asked_back(self._scheme.recipe.plans[0].rubric):
            warnings.warn(each, stacklevel=2)
        self._telemetry = telemetry_of(self.spec.telemetry if sending else "off", warnings.warn)
        self._recent: deque[str | None] = deque(maxlen=WINDOW)
        self._spent = 0.0
        if self.spec.judge_weight and self.spec.budget_usd is not None:
            check_prices(self.judges)
        self._session: Session | None = None
        self._open_in: asyncio.AbstractEventLoop | None = None
        self._entered = 0
        self._opening = asyncio.Lock()
        self._home: asyncio.AbstractEventLoop | None = None
        self._moving = threading.Lock()

    def reward(self, groups: Iterable[Group]) -> Batch:
        """Return the rewards of a batch, not awaited: in an event loop of its own, in a thread."""
        return in_own_loop(self, groups)

    def calls(self, n: int) -> tuple[int, int]:
        """Return the least and the most calls for a group of `n` different responses that no gate stops."""
        if not self.spec.judge_weight:
            return 0, 0
        item = Item("1", "task", {str(i): str(i) for i in range(n if self.spec.relative else 1)}, "reference")
        least, most = self._scheme.recipe.calls(item)
        return (least, most) if self.spec.relative else (least * n, most * n)

    async def __call__(self, groups: Iterable[Group]) -> Batch:
        """The rewards of a batch of groups, keyed by group and response.

        Raises `InputError` if a group cannot be asked about, before any call; `JudgeOutage` if more than
        `max_failed` is shown to fail, or, under `on_failure="raise"`, one did; the `run` of the error holds
        the batch; `ProviderError` if a judge's server refused for good; likewise.
        """
        began = time.monotonic()
        some = checked(tuple(groups))
        until = asyncio.get_running_loop().time() + self.spec.deadline_seconds
        table = [await prepared(group, self._looking, until) for group in some]
        items = [self._items(each) if self.spec.judge_weight else () for each in table]
        whose = {item.item_id: (each, item) for each, own in zip(table, items, strict=True) for item in own}
        asked, stopped = Asked(), None
        if self.spec.judge_weight:
            left = self.spec.deadline_seconds - (time.monotonic() - began)
            asked, stopped = await self._asked(whose, max(left, 0.0))
        made = [
            combined(self.spec, each, self._judgements(each, own, asked))
            for each, own in zip(table, items, strict=True)
        ]
        return self._ended(made, table, asked, stopped, time.monotonic() - began)

    def _items(self, each: Prepared) -> tuple[Item, ...]:
        items = self._scheme.items(each)
        for item in items:
            if item.rubric is not None:
                self.spec.check_rubric(self._scheme.recipe.plans[0].rubric_of(item), f"{item.where}: ")
            if item.rubric is not None or self.spec.scheme == "match":
                self._scheme.recipe.calls(item)
            if self.spec.scheme == "match" and not (item.reference or "").strip():
                raise InputError(f"group {each.group.key!r} has no reference to match with; give it one")
        return items

    def _judgements(self, each: Prepared, items: Sequence[Item], asked: Asked) -> Mapping[str, Any]:
        if not self.spec.judge_weight:
            return {}
        made = self._scheme.judgements(each, items, asked.made)
        return {d: replace(j, reason=asked.late) if j.reason == LATE else j for d, j in made.items()}

    async def _asked(
        self, whose: Mapping[str, tuple[Prepared, Item]], seconds: float
    ) -> tuple[Asked, JudgekitError | None]:
        """Ask in the session that is open in this event loop, or in one opened for this."""
        items = [item for _, item in whose.values()]

        def made(item: Item, judged: Judged) -> Any:
            return self._scheme.made(whose[item.item_id][0], item, judged)

        if self._open_in is not asyncio.get_running_loop():
            async with self._opened() as session:
                return await self._paid(session, items, made, seconds)
        async with self._opening:  # batches may overlap: one of them opens a new session for all
            if self._session is None or self._session.stopped is not None:
                await self._close()
                self._session = await self._opened().__aenter__()
            session = self._session
        return await self._paid(session, items, made, seconds)

    async def _paid(
        self, session: Session, items: Sequence[Item], made: Callable[[Item, Judged], Any], seconds: float
    ) -> tuple[Asked, JudgekitError | None]:
        """Ask in a session, and keep count of what that cost, since its budget is its own."""
        asked = await session.ask(items, self._scheme.recipe, made, seconds)
        new = {a.call.key or id(a): a.reply.cost_usd or 0.0 for a in asked.answers if not a.stored}
        self._spent += sum(new.values())
        return asked, session.stopped

    def _ended(
        self, made: Sequence[Mapping[str, Reward]], table: Sequence[Prepared], asked: Asked,
        stopped: JudgekitError | None, seconds: float,
    ) -> Batch:  # fmt: skip
        """Return the batch, after failures were dealt with; or raise, where there were too many."""

        def batch(groups: Sequence[Mapping[str, Reward]]) -> Batch:
            rewards = {(r.group, r.response): r for own in groups for r in own.values()}
            stats = stats_of(list(rewards.values()), table, asked.answers, seconds, criteria=self.spec.named)
            return Batch(rewards, stats, self.spec.digest)

        failures = [why for own, each in zip(made, table, strict=True) for why in _failures(own, each)]
        self._recent.extend(failures)
        some = failures if len(failures) >= WINDOW else list(self._recent)
        if stopped is None and (told := outage(some, self.spec.max_failed)):
            stopped = JudgeOutage(told + self._patience(some))
        if stopped is not None and any(failures):
            self._recent.clear()
            error = copy(stopped)  # batches that overlap are stopped by one error, and each has its own run
            error.run = batch(made)
            raise error
        try:
            dealt = [dealt_with(own, self.spec.on_failure) for own in made]
        except JudgeOutage as error:
            error.run = batch(made)
            raise
        done = batch(dealt)
        if self._telemetry is not None:
            for reward in done:
                about = {"level": "reward", "responses": [reward.response], "status": reward.status}
                self._telemetry.evaluated(
                    self.spec.rubric.id, reward.group, {}, value=reward.value, wrong=reward.status,
                    about={f"judgekit.{name}": said for name, said in about.items()},
                )  # fmt: skip
        return done

    def _patience(self, failures: Sequence[str | None]) -> str:
        """Return what would do where judges were away or slow for longer than a batch waits for them."""
        if not any(why is not None and why.startswith(LATE) for why in failures):
            return ""
        return f"; a batch waits {self.spec.deadline_seconds:g} s for its judges (deadline_seconds)"

    @property
    def _limits(self) -> Limits:
        """Limits of a session that is opened now: of a budget, what is left."""
        spec = self.spec
        left = None if spec.budget_usd is None else max(spec.budget_usd - self._spent, _NOTHING)
        return Limits(
            concurrency=spec.concurrency, attempt_seconds=spec.attempt_seconds, tries=spec.tries,
            call_seconds=spec.deadline_seconds, rpm=spec.rpm, tpm=spec.tpm, budget_usd=left,
            hedge=spec.hedge, outage_after=max(20, 2 * spec.concurrency),
        )  # fmt: skip

    def _opened(self) -> Session:
        spec = self.spec
        around = None if self._telemetry is None else self._telemetry.around
        judges = self._judges_here() if spec.judge_weight else ()
        return Session(judges, spec.ledger, self._limits, around=around)

    def _judges_here(self) -> tuple[Judge, ...]:
        """Return the judges; copies where they may be open in another event loop."""
        running = asyncio.get_running_loop()
        with self._moving:
            if self._home is None or self._home.is_closed():
                self._home = running
            if self._home is running:
                return self.judges
        return tuple(judge.with_() if isinstance(judge, Tunable) else judge for judge in self.judges)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self._open_in is not loop:
            self._open_in, self._entered = loop, 0
            self._opening, self._session = asyncio.Lock(), None
        self._entered += 1
        try:
            async with self._opening:
                if self._session is None:
                    self._session = await self._opened().__aenter__()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._open_in is asyncio.get_running_loop():
            self._entered -= 1
            if not self._entered:
                self._open_in = None
                await self._close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.__aexit__(None, None, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._anew, ()


def look_beside(spec: RewardSpec) -> None:
    """Let modules that stand beside the file of a spec be found, after all others."""
    if spec.folder is not None and spec.folder not in sys.path:
        sys.path.append(spec.folder)


def _failures(rewards: Mapping[str, Reward], each: Prepared) -> list[str | None]:
    """Return for each distinct response of a group that no gate stopped why it failed, or None."""
    by_digest = {each.digests[name]: reward for name, reward in rewards.items() if reward.status != "gated"}
    return [reward.reason if reward.status == "failed" else None for reward in by_digest.values()]


def stats_of(
    rewards: Sequence[Reward], prepared: Sequence[Prepared], answers: Iterable[Answer], seconds: float,
    *, criteria: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """The statistics of a batch.

    Returns `n`, `n_STATUS` each, `failed_share` (failed or imputed), `late` (those that failed because
    the deadline cut them short), `gated_share`, `mean`, `groups`, `spread` (the mean standard deviation
    within groups of two values or more), `zero_spread_share` (of those: all equal), `criterion/NAME` (the
    mean value of each criterion and check that the spec names; rows with rubrics of their own have
    others), `deduped` (responses that another with the same text stood in for),
    `reward_length_correlation` (Pearson's, with words, or tokens), `calls`, `new_calls`, `ledger_hits`,
    `cache_hit_rate`, `requests`, `cost_usd` (None if a price is unknown), `input_tokens`,
    `output_tokens`, `latency_p50` and `latency_p95`
    of new calls in seconds, `seconds`.
    """
    counted = Counter[str](reward.status for reward in rewards)
    values = [reward.value for reward in rewards if reward.value is not None]
    n = len(rewards)
    return {
        "n": n,
        **{f"n_{status}": counted[status] for status in STATUSES},
        "failed_share": (counted["failed"] + counted["imputed"]) / n if n else None,
        "late": sum(reward.reason.startswith(LATE) for reward in rewards),
        "gated_share": counted["gated"] / n if n else None,
        "mean": fmean(values) if values else None,
        "groups": len(prepared),
        **_spread(rewards),
        **{f"{CRITERION}{name}": _mean(r.components.get(name) for r in rewards) for name in criteria},
        "deduped": sum(len(each.digests) - len(each.texts) for each in prepared),
        "reward_length_correlation": _with_length(rewards, prepared),
        **_calls(answers),
        "seconds": round(seconds, 3),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _spread(rewards: Iterable[Reward]) -> dict[str, float | None]:
    by_group: dict[str, list[float]] = {}
    for reward in rewards:
        if reward.value is not None:
            by_group.setdefault(reward.group, []).append(reward.value)
    sizes = [own for own in by_group.values() if len(own) > 1]
    return {
        "spread": fmean(map(pstdev, sizes)) if sizes else None,
        "zero_spread_share": sum(max(own) == min(own) for own in sizes) / len(sizes) if sizes else None,
    }


def _with_length(rewards: Iterable[Reward], prepared: Iterable[Prepared]) -> float | None:
    """Return Pearson's correlation of rewards of status ok with their lengths."""
    lengths = {
        each.group.key: {name: each.lengths[d] for name, d in each.digests.items()} for each in prepared
    }
    pairs = [
        (r.value, lengths[r.group][r.response]) for r in rewards if r.status == "ok" and r.value is not None
    ]
    if len(pairs) < 3:
        return None
    x, y = np.array(pairs, dtype=float).T
    return round(float(np.corrcoef(x, y)[0, 1]), 6) if varies(x) and varies(y) else None


def _calls(answers: Iterable[Answer]) -> Mapping[str, Any]:
    """Count the calls of a batch; an equal call that waited for the first is none of its own."""
    some = list({(a.call.key or id(a)): a for a in answers}.values())
    new = [answer for answer in some if not answer.stored]
    hits = len(some) - len(new)
    costs = [answer.reply.cost_usd for answer in new]
    seconds = [answer.reply.seconds for answer in new if answer.reply.seconds is not None]
    return {
        "calls": len(some),
        "new_calls": len(new),
        "ledger_hits": hits,
        "cache_hit_rate": hits / len(some) if some else None,
        "requests": sum(answer.reply.tries for answer in new),
        "cost_usd": None if None in costs else round(sum(c for c in costs if c is not None), 10),
        "input_tokens": sum(answer.reply.input_tokens or 0 for answer in new),
        "output_tokens": sum(answer.reply.output_tokens or 0 for answer in new),
        "latency_p50": _quantile(seconds, 0.5),
        "latency_p95": _quantile(seconds, 0.95),
    }


def _quantile(seconds: Sequence[float], q: float) -> float | None:
    return round(float(np.quantile(seconds, q)), 6) if seconds else None


def reward(
    groups: Any,
    spec: SpecLike,
    judges: Any = None,
    *,
    columns: Mapping[str, str] | None = None,
    own_code: bool = False,
) -> Batch:
    """Reward the responses of groups by a spec.

    Args:
        groups: `Group` records; or what `read_items` takes: an item with its responses is a group.
        spec: A `RewardSpec`, a mapping or a TOML file.
        judges: Judges, or their names, instead of the spec's.
        columns: Our name of a column -> its name in the items.
        own_code: Whether `py:` names of judges and checks may import code.

    Returns for each response a finite number or None, by (group, response), with what is behind it. Raises
    `InputError` if something handed in cannot be used; before any call; `JudgeOutage` or `ProviderError` if
    too many rewards could not be given; `run` holds those that could.

    >>> from judgekit.judges.resolve import Scripted
    >>> kind = Scripted("kind", lambda call: '{"label": "yes"}')
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> rows = [{"id": "7", "task": "Hi", "responses": {"a": "Hello", "b": "What?"}}]
    >>> [given.value for given in reward(rows, {"rubric": rubric}, kind)]
    [1.0, 1.0]
    """
    rewarder = Rewarder(spec, judges, own_code=own_code)
    return rewarder.reward(list(read_groups(groups, columns=columns)))


async def reward_async(
    groups: Any,
    spec: SpecLike,
    judges: Any = None,
    *,
    columns: Mapping[str, str] | None = None,
    own_code: bool = False,
) -> Batch:
    """Reward groups as `reward` does, to be awaited."""
    return await Rewarder(spec, judges, own_code=own_code)(list(read_groups(groups, columns=columns)))


def read_groups(source: Any, *, columns: Mapping[str, str] | None = None) -> Iterator[Group]:
    """Read groups as they are, or items as groups; an item's tags are the columns that checks see.

    Columns may have trainers' names (`prompt`, `completion`, `answer`) in place of ours.
    """
    if isinstance(source, Group):
        source = [source]
    if isinstance(source, Iterator):
        source = list(source)
    if isinstance(source, list | tuple) and all(isinstance(each, Group) for each in source):
        yield from source
        return
    yield from map(_group, read_items(source, columns={**_trainers_columns(source), **(columns or {})}))


def _trainers_columns(source: Any) -> dict[str, str]:
    """Return our names of columns that have trainers' names; what is no table is told of when it is read."""
    try:
        there = columns_in(source)
    except InputError:
        return {}
    return {ours: theirs for theirs, ours in TRAINERS_NAMES.items() if theirs in there and ours not in there}


def _group(item: Item) -> Group:
    return Group(
        key=item.item_id, task=item.task, responses=item.responses, reference=item.reference,
        sources=item.sources, rubric=item.rubric, columns=item.tags,
    )  # fmt: skip

"""Drives recipes over items: a bounded window of items alive, results in the order of the items.

Items are begun some at a time, with one look into the ledger for all their calls. While more calls wait at
every gate than it lets through at once, or as many at a budget, no further item is begun: one that waits
costs memory and gains nothing. When the run is stopped (budget, outage, a lasting error, the deadline) those
begun end with their outcomes, and then the reason is raised; when it is interrupted, what was sent is waited
for, so that it is kept.
"""

import asyncio
import gc
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from judgekit.errors import InputError, JudgeOutage
from judgekit.judges.servers import InUse, check_together
from judgekit.ledger import Ledger
from judgekit.ledger.file import BUSY_SECONDS
from judgekit.plan import price_of
from judgekit.roles import Judge, Learning, Recipe, Tunable
from judgekit.run.ask import Asker, Known
from judgekit.run.limits import Halt, Limits
from judgekit.run.send import Around, Sender, fact_name
from judgekit.run.tally import Tally
from judgekit.scales import writable
from judgekit.types import Answer, CallMade, Item, Judged, Round

_WINDOW = 16  # items alive for each call that may be in flight
_TURN = 64  # items begun before the loop gets a turn
# Objects more, before the garbage collector looks: each call makes some, which go by themselves.
_RARELY = 10_000
_AT_ONCE = 4_000  # characters of replies that are read in the loop
Steps = Generator[Round, Sequence[Answer], Judged]


async def drive(
    items: Iterable[Item],
    recipe: Recipe,
    judges: Mapping[str, Judge],
    *,
    ledger: Ledger | None = None,
    limits: Limits | None = None,
    tally: Tally | None = None,
    spared: Collection[str] = (),
    around: Around = None,
) -> AsyncGenerator[Judged, None]:
    """Yield what becomes of each item, in the order of the items, which are read as needed.

    `spared` names judges that another stands in for: where one of them fails for good, its calls are left
    unanswered and the run goes on. `around` watches requests. A bad item, and what else stopped the run (a
    budget, an outage, a judge's lasting error), is raised after the last item begun; a budget that could not
    be kept, at once.
    """
    limits = limits or Limits()
    tally = tally if tally is not None else Tally()
    check_budget(judges.values(), limits)
    halt = Halt(spared)
    source = _Source(items, halt)
    window = limits.concurrency * _WINDOW
    turn = min(_TURN, max(window // 4, 1))
    async with (
        asking(judges, ledger, limits, tally, halt, around=around) as asker,
        _under_way(asker) as alive,
    ):
        while source.more or alive:
            room = source.more and len(alive) <= window - turn
            if room and asker.is_short:
                alive.extend(begin(source.some(turn), recipe, asker))
                await asyncio.sleep(0)
            elif alive and not alive[0].done():
                await _until(alive[0], asker.sender if room else None)
            if alive and alive[0].done():
                try:
                    judged = alive.popleft().result()
                except InputError as error:
                    source.fail(error)
                else:
                    tally.judged(judged.outcomes)
                    yield judged
    if source.trouble is not None:
        raise source.trouble
    if halt.error is not None:
        raise halt.error


@asynccontextmanager
async def asking(
    judges: Mapping[str, Judge],
    ledger: Ledger | None,
    limits: Limits,
    tally: Tally,
    halt: Halt,
    *,
    patience: Callable[[], float] = lambda: BUSY_SECONDS,
    around: Around = None,
    asker: type[Asker] = Asker,
) -> AsyncGenerator[Asker, None]:
    """Open judges in this event loop for what asks them; close them, and write the ledger, at the end.

    A ledger that another process keeps locked is waited for then, by `patience()` seconds.
    """
    check_together(judges.values())
    async with AsyncExitStack() as stack:
        if 0 < (often := gc.get_threshold())[0] < _RARELY:  # 0: it is off
            stack.callback(gc.set_threshold, *often)
            gc.set_threshold(_RARELY, *often[1:])
        judges = {name: await _opened(judge, ledger, stack) for name, judge in judges.items()}
        if ledger is not None:
            stack.push_async_callback(lambda: ledger.settle(patience()))
            stack.callback(_learn, judges.values(), ledger)
        if limits.run_seconds is not None:
            late = JudgeOutage(f"the run's {limits.run_seconds:g} s are over; run again to go on")
            timer = asyncio.get_running_loop().call_later(limits.run_seconds, halt.stop, late)
            stack.callback(timer.cancel)
        yield asker(judges, ledger, limits, tally, halt, around=around)


async def _opened(judge: Judge, ledger: Ledger | None, stack: AsyncExitStack) -> Judge:
    """Return a judge, open, told what its server refuses; a copy where another thread has it open."""
    if isinstance(judge, Learning) and ledger is not None:
        judge.refused.update(ledger.facts(fact_name(judge)))
    if not isinstance(judge, AbstractAsyncContextManager):
        return judge
    try:
        await stack.enter_async_context(judge)
    except InUse:
        if not isinstance(judge, Tunable):
            raise
        return await _opened(judge.with_(), ledger, stack)
    else:
        return judge


def _learn(judges: Iterable[Judge], ledger: Ledger) -> None:
    """Keep what servers were found to refuse, for the next run."""
    for judge in judges:
        if isinstance(judge, Learning) and judge.refused:
            ledger.learn(fact_name(judge), frozenset(judge.refused))


class _Source:
    """Items as they are wanted, until they end, one is bad, or the run stops."""

    def __init__(self, items: Iterable[Item], halt: Halt) -> None:
        self._items = iter(items)
        self._halt = halt
        self.more = True
        self.trouble: InputError | None = None

    def some(self, most: int) -> Iterator[Item]:
        """Yield the next items, at most so many."""
        for _ in range(most):
            if self._halt.error is not None:
                self.more = False
            if not self.more:
                return
            try:
                item = next(self._items)
            except StopIteration:
                self.more = False
            except InputError as error:
                self.fail(error)
            else:
                yield item

    def fail(self, error: InputError) -> None:
        """Note that an item is bad: what was begun is finished, then the first error is raised."""
        self.more = False
        self.trouble = self.trouble or error


@asynccontextmanager
async def _under_way(asker: Asker) -> AsyncGenerator[deque[asyncio.Future[Judged]], None]:
    """The items under way, in their order; what was sent is waited for where they are left early."""
    alive: deque[asyncio.Future[Judged]] = deque()
    try:
        yield alive
    finally:
        try:
            if not all(future.done() for future in alive):
                await asker.finish(alive)
        finally:
            for future in alive:
                future.cancel()
            await asyncio.gather(*alive, return_exceptions=True)


async def _until(future: asyncio.Future[Judged], sender: Sender | None) -> None:
    """Wait for an item, which goes on if the waiting is cancelled; or until more may be begun."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(_: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    future.add_done_callback(wake)
    if sender is not None:
        sender.tell_when_short(wake)
    try:
        await waiter
    finally:
        future.remove_done_callback(wake)
        if sender is not None:
            sender.tell_when_short(None)


def begin(items: Iterable[Item], recipe: Recipe, asker: Asker) -> list[asyncio.Future[Judged]]:
    """Begin on items: one look into the ledger for all, and a task only for those it does not answer."""
    begun: list[asyncio.Future[Judged]] = []
    asking: list[tuple[int, Steps, Round]] = []
    recipe = noting(recipe)
    for item in items:
        begun.append(asyncio.get_running_loop().create_future())
        steps = recipe(item)
        if (round_ := _step(steps, None, begun[-1])) is not None:
            asking.append((len(begun) - 1, steps, round_))
    try:
        known = asker.look([call for _, _, round_ in asking for call in round_.calls])
    except InputError as error:
        for place, _, _ in asking:
            begun[place].set_exception(error)
        return begun
    for place, steps, round_ in asking:
        answers = asker.stored(round_, known)
        if answers is None:
            begun[place] = asyncio.create_task(_walk_on(steps, round_, asker, known))
        elif (later := _step(steps, answers, begun[place])) is not None:
            begun[place] = asyncio.create_task(_walk_on(steps, later, asker))
    return begun


def noting(recipe: Recipe) -> Callable[[Item], Steps]:
    """Return a recipe that hands on, with what it came to, the calls that were answered."""

    def steps_of(item: Item) -> Steps:
        steps = recipe(item)
        calls: list[CallMade] = []
        try:
            round_ = next(steps)
            while True:
                answers = yield round_
                calls += [_made(item.item_id, answer) for answer in answers]
                round_ = steps.send(answers)
        except StopIteration as end:
            judged: Judged = end.value
            return Judged(judged.item, judged.outcomes, judged.scores, tuple(calls))
        finally:
            steps.close()

    return steps_of


def _made(item_id: str, answer: Answer) -> CallMade:
    """Return a call without its texts; of a list of pairs it names the responses of the first."""
    call, reply, asks = answer.call, answer.reply, answer.call.asks
    criteria = (asks[0].criterion,) if len(asks) == 1 else tuple(dict.fromkeys([a.criterion for a in asks]))
    return CallMade(
        asks[0].unit.item_id if asks else item_id, call.judge, criteria,
        asks[0].unit.responses if asks else (), call.shown, call.protocol,
        call.sample, call.variant, call.attempt, call.key, writable(reply.model), reply.fault,
        answer.stored or answer.shared, reply.tries, reply.input_tokens, reply.output_tokens, reply.cost_usd,
        reply.seconds,
    )  # fmt: skip


def _step(steps: Steps, answers: Sequence[Answer] | None, ended: asyncio.Future[Judged]) -> Round | None:
    """Return the next round of a recipe; None if it has ended, in what it came to or in an error."""
    try:
        return next(steps) if answers is None else steps.send(answers)
    except StopIteration as end:
        ended.set_result(end.value)
    except Exception as error:  # noqa: BLE001 - raised where the item's turn comes
        ended.set_exception(error)
    return None


async def walk(item: Item, recipe: Recipe, asker: Asker, seen: list[Answer] | None = None) -> Judged:
    """Walk a recipe's generator over one item; answers are added to `seen`, if it is given."""
    steps = recipe(item)
    try:
        return await _walk_on(steps, next(steps), asker, seen=seen)
    except StopIteration as end:
        judged: Judged = end.value
        return judged


async def _walk_on(
    steps: Steps, round_: Round, asker: Asker, known: Known | None = None, *, seen: list[Answer] | None = None
) -> Judged:
    """Walk a generator on from a round; `known` is what the ledger said of its calls."""
    try:
        while True:
            answers = await asker.answer(round_.calls, again=round_.again, known=known)
            known = None
            if seen is not None:
                seen += answers
            if sum([len(answer.reply.text) for answer in answers]) <= _AT_ONCE:
                step = _taken(steps, answers)
            else:  # what was made to be hard to read may take a tenth of a second, and the loop has its turns
                async with asker.reading:
                    step = await asyncio.to_thread(_taken, steps, answers)
            if isinstance(step, Judged):
                return step
            round_ = step
    finally:
        steps.close()


def _taken(steps: Steps, answers: Sequence[Answer]) -> Round | Judged:
    """Return the next round of a recipe, or what it came to."""
    try:
        return steps.send(answers)
    except StopIteration as end:
        judged: Judged = end.value
        return judged


def check_budget(judges: Iterable[Judge], limits: Limits) -> None:
    """Refuse a budget that could not be kept, before any call."""
    if limits.budget_usd is None and limits.budget_tokens is None:
        return
    for judge in judges:
        limit, price = price_of(judge, 1000)
        if limit is None:
            raise InputError(
                f"judge {judge.name!r} has no max_tokens, so a budget could not be kept; set max_tokens"
            )
        if price is None and limits.budget_usd is not None and not limits.allow_unknown_price:
            raise InputError(
                f"the price of judge {judge.name!r} is unknown, so a budget in money could not be kept; "
                f"give it price='IN/OUT' (--price {judge.name}=IN/OUT), use "
                "budget_tokens, or allow_unknown_price"
            )

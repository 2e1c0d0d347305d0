"""The barrier: requests that come one by one wait until their group is whole, or its window is over.

When its window is over, what is there of a group is judged, and counted as partial. Nothing waits for ever:
who goes away gives up his place, and no answer is lost on the others.

A group never mixes what did not come together: its responses have one client, key, task with all that is
shown beside it, and announced size. A client is a run where it names one, else an address, behind which
there may be several: there, a response too many for a group that is under way, or another text under an id
that is taken, shows that two are mixed, and all of them are told so instead of being rewarded. In a run that
names its groups one too many shows that they are larger than it said.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from judgekit.errors import InputError, JudgekitError
from judgekit.rewards.core.records import Group, Reward
from judgekit.rewards.serving.routes import Wanted, group_of

Judging = Callable[[Group], Awaitable[Mapping[str, Reward]]]
"""From a group to its rewards by response id."""

REPLACED = "replaced by a later response with the same id"
_SETTLED = (
    0.1  # seconds in which others of an unnamed client's group show, were it mixed, before it is answered
)


class Refused(JudgekitError):  # noqa: N818 - not our error
    """No further responses are taken in: too many are waiting, or the server is going down."""


class Mixed(JudgekitError):  # noqa: N818 - not our error
    """Responses of two groups cannot be told apart."""


class Client(NamedTuple):
    """The run that a request comes from, if its client named one, or else its address."""

    name: str = ""
    named: bool = False  # whether it is a run, which its client vouches for


@dataclass(slots=True, eq=False)
class _Place:
    """A response's place in a group."""

    wanted: Wanted
    future: asyncio.Future[Reward]
    waiting: int = 0


@dataclass(slots=True, eq=False)
class _Gathering:
    """A group, until it is answered; under a line, unless it came as a whole."""

    client: Client
    key: str
    line: "_Line | None" = None
    places: dict[str, _Place] = field(default_factory=dict)
    texts: Counter[str] = field(default_factory=Counter)
    timer: asyncio.TimerHandle | None = None

    @property
    def awaited(self) -> bool:
        """Whether anybody still waits for it."""
        return any(place.waiting for place in self.places.values())


@dataclass(slots=True, eq=False)
class _Line:
    """What gathers under one client, key, task and size: groups being judged, and one that is still open."""

    client: Client
    key: str
    shared: str
    size: int
    named: bool = False
    open: _Gathering | None = None
    judged: list[_Gathering] = field(default_factory=list)
    mixed: asyncio.TimerHandle | None = None

    @property
    def apart(self) -> bool:
        """Whether its groups are told apart: by their run, which names none of them, or since each is one."""
        return (self.client.named and not self.named) or self.size == 1

    def again(self, each: Wanted) -> _Place | None:
        """Return the place of a response that is asked for again."""
        for gathering in [*self.judged, *([self.open] if self.open else [])]:
            place = None if each.name is None else gathering.places.get(each.name)
            if place is not None and place.wanted.content == each.content:
                return place
            if each.name is None:
                for place in _same_text(each, gathering):
                    if not place.waiting:  # who asked for it went away
                        return place
        return None


class Barrier:
    """Gathers responses into groups and hands each group over when it is whole; of one event loop.

    Args:
        judging: Judges a group.
        released: Told of each group: `whole` (it came in one request), `full`, `partial` (its window was
            over), `short` (likewise, and too little of it was there to be judged), `again` (it was judged
            before), or `mixed` (with another; not answered).
        least: Share of a group that has to be there when its window is over, for it to be judged.
        remember: How many rewards of responses with ids are kept, for those who ask again; of groups in which
            one has none, none is.
        most_waiting: How many responses may wait for their reward at once.
    """

    def __init__(
        self,
        judging: Judging,
        released: Callable[[str], None],
        *,
        least: float = 0.0,
        remember: int = 10_000,
        most_waiting: int = 50_000,
    ) -> None:
        self._judging = judging
        self._released = released
        self._least = least
        self._remember = remember
        self._most = most_waiting
        self._lines: dict[tuple[Client, str], dict[tuple[str, int], _Line]] = {}
        self._known: OrderedDict[tuple[Client, str], _Gathering] = OrderedDict()
        self._n_known = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self.gathering = 0
        self.waiting = 0
        self.closing = False

    @property
    def judging(self) -> int:
        """Groups that are being judged."""
        return len(self._tasks)

    async def rewards(
        self,
        wanted: Sequence[Wanted],
        *,
        size: int | None = None,
        window: float = 0.0,
        client: Client = Client(),  # noqa: B008 - it never changes
    ) -> list[Reward]:
        """Return the rewards of some responses, in their order, when their groups are judged.

        Responses that announce no size of their group, where `size` announces none either, are a group with
        the others of the same key in this call. A group waits `window` seconds for its rest, from its first
        response on.

        Raises `InputError` if two that are to be one group answer different tasks, or a group cannot be
        judged; `Mixed` if groups of several clients cannot be told apart; `Refused` if nothing more is taken
        in.
        """
        if self.waiting + len(wanted) > self._most:
            raise Refused(f"{self.waiting} responses are waiting; ask again later")
        places: list[_Place] = []
        try:
            self._seat_all(wanted, client, size, window, places)
            await asyncio.wait({place.future for place in places})
            return [place.future.result() for place in places]
        finally:
            for place in places:
                self._leave(place, client)

    async def drained(self) -> None:
        """Take in only what completes a group that is waiting; return when no group waits or is judged."""
        self.closing = True
        self._note_idle()
        await self._idle.wait()

    def _seat_all(
        self, wanted: Sequence[Wanted], client: Client, size: int | None, window: float, places: list[_Place]
    ) -> None:
        """Give each response a place; groups of this call alone are judged when all of it is seated."""
        own: dict[str, _Gathering] = {}
        mine: set[_Gathering] = set()
        try:
            for each in wanted:
                announced = each.size if each.size is not None else size
                if announced is None:
                    place = self._seated_alone(each, client, own)
                else:
                    line = self._line(client, each, announced)
                    place = self._seated(each, line, window, mine)
                place.waiting += 1
                self.waiting += 1
                places.append(place)
        except JudgekitError:
            for gathering in own.values():
                for place in gathering.places.values():
                    place.future.cancel()
            raise
        for gathering in own.values():
            self._release(gathering, "whole")

    def _seated_alone(self, each: Wanted, client: Client, own: dict[str, _Gathering]) -> _Place:
        """Return a place in a group that this call brings as a whole."""
        gathering = own.get(each.key)
        if gathering is None:
            self._check_open()
            gathering = own[each.key] = _Gathering(client, each.key)
        first = next(iter(gathering.places.values()), None)
        if first is not None and first.wanted.shared != each.shared:
            raise InputError(
                f"group {each.key!r} holds two tasks, references, sources or rubrics; "
                "give each group a key of its own"
            )
        return _seat(each, gathering)

    def _seated(self, each: Wanted, line: _Line, window: float, mine: set[_Gathering]) -> _Place:
        """Return a place in a group that gathers; `mine` are those that this call was seated in."""
        try:
            if line.mixed is not None:
                self._mix(line, window)
            if (place := line.again(each)) is not None:
                return place
            under_way = any(judged.awaited and judged not in mine for judged in line.judged)
            taken = line.open is not None and each.name is not None and each.name in line.open.places
            if (under_way and not line.apart) or (taken and not line.client.named):
                self._mix(line, window)
            if line.open is None:
                self._check_open()
                line.open = _Gathering(line.client, line.key, line)
                line.open.timer = asyncio.get_running_loop().call_later(window, self._end, line)
                self.gathering += 1
            gathering = line.open
            mine.add(gathering)
            place = _seat(each, gathering)
            if len(gathering.places) == line.size:
                self._release(self._closed(line), "full")
            return place
        finally:
            self._tidy(line)

    def _check_open(self) -> None:
        if self.closing:
            raise Refused("going down: no new groups are taken in")

    def _line(self, client: Client, each: Wanted, size: int) -> _Line:
        lines = self._lines.setdefault((client, each.key), {})
        return lines.setdefault(
            (each.shared, size), _Line(client, each.key, each.shared, size, each.group is not None)
        )

    def _tidy(self, line: _Line) -> None:
        """Forget a line under which nothing is any more."""
        if line.open is None and not line.judged and line.mixed is None:
            lines = self._lines.get((line.client, line.key), {})
            if lines.get((line.shared, line.size)) is line:
                del lines[line.shared, line.size]
            if not lines:
                self._lines.pop((line.client, line.key), None)

    def _mix(self, line: _Line, window: float) -> None:
        """Raise `Mixed` for all under a line, and for who comes there until it is quiet."""
        error = Mixed(
            f"group {line.key[:60]!r}: a response more than its {line.size}, or another under an id that is "
            "taken, came while it was waiting or judged, so that two clients, or two groups, cannot be told "
            "apart; let each client name its run (?run=NAME) and give each group a key of its own"
        )
        if line.mixed is None:
            self._released("mixed")
        else:
            line.mixed.cancel()
        line.mixed = asyncio.get_running_loop().call_later(max(window, 10 * _SETTLED), self._unmix, line)
        for gathering in [*line.judged, *([self._closed(line)] if line.open else [])]:
            _raise(error, gathering)
        self._note_idle()
        raise error

    def _unmix(self, line: _Line) -> None:
        line.mixed = None
        self._tidy(line)

    def _end(self, line: _Line) -> None:
        """The window of a line's open group is over."""
        alike = len(self._lines[line.client, line.key]) > 1
        gathering = self._closed(line)
        here = len(gathering.places)
        if here >= self._least * line.size or self._recalled(gathering):
            self._release(gathering, "partial")
            return
        self._released("short")
        told = (
            f"only {here} of the {line.size} responses of its group came in time; they are not compared alone"
        )
        if alike:
            told += "; others came under its key with another task, reference, sources, rubric or size"
        if not line.client.named:
            told += "; a trainer that asks from several addresses has to name its run (?run=NAME)"
        for name, place in gathering.places.items():
            place.future.set_result(Reward(line.key, name, None, "failed", told))
        self._tidy(line)
        self._note_idle()

    def _release(self, gathering: _Gathering, how: str) -> None:
        """Have a group judged, or answered as it was before."""
        known = self._recalled(gathering)
        self._released("again" if known else how)
        if gathering.line is not None:
            gathering.line.judged.append(gathering)
        if known is None:
            self._learn(gathering)
        coming = self._recollect(known, gathering) if known else self._judge(gathering)
        task = asyncio.get_running_loop().create_task(self._answered(gathering, coming))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._note_idle()

    def _note_idle(self) -> None:
        if self.closing and not self.gathering and not self._tasks:
            self._idle.set()

    def _closed(self, line: _Line) -> _Gathering:
        """Return the open group of a line, which takes no more places."""
        gathering, line.open = line.open, None
        assert gathering is not None  # noqa: S101 - for the type checker
        if gathering.timer is not None:
            gathering.timer.cancel()
        self.gathering -= 1
        return gathering

    async def _judge(self, gathering: _Gathering) -> Mapping[str, Reward]:
        group = group_of({name: place.wanted for name, place in gathering.places.items()})
        if gathering.line is None or gathering.line.apart:
            return await self._judging(group)
        return (await asyncio.gather(self._judging(group), asyncio.sleep(_SETTLED)))[0]

    async def _recollect(self, known: _Gathering, gathering: _Gathering) -> Mapping[str, Reward]:
        futures = {name: known.places[name].future for name in gathering.places}
        await asyncio.wait(futures.values())
        return {name: future.result() for name, future in futures.items()}

    async def _answered(self, gathering: _Gathering, coming: Awaitable[Mapping[str, Reward]]) -> None:
        places = gathering.places
        try:
            rewards = await coming
        except Exception as error:  # noqa: BLE001 - it is raised for everybody who waits
            _raise(error, gathering)
        else:
            for name, place in places.items():
                if not place.future.done():
                    place.future.set_result(rewards[name])
        finally:
            for place in places.values():
                place.future.cancel()  # of those that are done it changes nothing
            if any(_without_value(place.future) for place in places.values()):
                self._forget(gathering)
            if gathering.line is not None:
                gathering.line.judged.remove(gathering)
                self._tidy(gathering.line)

    def _learn(self, gathering: _Gathering) -> None:
        """Remember a group with ids from now on: the same may be asked before it is judged."""
        name = (gathering.client, gathering.key)
        if (before := self._known.get(name)) is not None:
            self._forget(before)
        if any(place.wanted.name is None for place in gathering.places.values()):
            return
        self._known[name] = gathering
        self._n_known += len(gathering.places)
        while self._n_known > self._remember:
            self._forget(next(iter(self._known.values())))

    def _forget(self, gathering: _Gathering) -> None:
        name = (gathering.client, gathering.key)
        if self._known.get(name) is gathering:
            del self._known[name]
            self._n_known -= len(gathering.places)

    def _recalled(self, gathering: _Gathering) -> _Gathering | None:
        """Return the last group of this key, if it had as many responses, and all here are of it."""
        known = self._known.get((gathering.client, gathering.key))
        size = len(gathering.places) if gathering.line is None else gathering.line.size
        if known is None or len(known.places) != size:
            return None
        for name, place in gathering.places.items():
            before = known.places.get(name)
            if before is None or before.wanted.content != place.wanted.content:
                return None
        return known

    def _leave(self, place: _Place, client: Client) -> None:
        """Somebody waits no longer; if nobody does, and the group is still open, the place is free."""
        place.waiting -= 1
        self.waiting -= 1
        if place.waiting or place.future.done():
            return
        for line in list(self._lines.get((client, place.wanted.key), {}).values()):
            if line.open is not None and place in line.open.places.values():
                place.future.cancel()
                line.open.places = {name: p for name, p in line.open.places.items() if p is not place}
                if not line.open.places:
                    self._closed(line)
                    self._tidy(line)
                    self._note_idle()


def _seat(each: Wanted, gathering: _Gathering) -> _Place:
    """Return a place in the group: a new one, or that of the response with the same id."""
    content = each.content
    if each.name is None:  # equal texts without ids are different responses of the group
        gathering.texts[content] += 1
        name = f"{content}.{gathering.texts[content]}"
    else:
        name = each.name
    before = gathering.places.get(name)
    if before is not None and before.wanted.content == content:
        return before
    if before is not None:
        before.future.set_result(Reward(each.key, name, None, "failed", REPLACED))
    place = gathering.places[name] = _Place(each, asyncio.get_running_loop().create_future())
    return place


def _raise(error: Exception, gathering: _Gathering) -> None:
    """Raise for everybody who waits for a group."""
    for place in gathering.places.values():
        if not place.future.done():
            place.future.set_exception(error)
            place.future.exception()  # seen: who waited may have gone


def _same_text(each: Wanted, gathering: _Gathering) -> Iterator[_Place]:
    """Return the places of a text without an id."""
    for n in range(1, gathering.texts[each.content] + 1):
        place = gathering.places.get(f"{each.content}.{n}")
        if place is not None:
            yield place


def _without_value(future: asyncio.Future[Reward]) -> bool:
    return future.cancelled() or future.exception() is not None or future.result().value is None

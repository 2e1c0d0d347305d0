"""The barrier: requests that come one by one wait until their group is whole, or its window is over.

Trainers that ask for one response at a time (OpenRLHF, slime, verl) cannot say what a group is; a reward
that is relative to the group needs one. A group is whole when as many responses are there as were
announced; when its window is over, what is there is judged, and counted as partial. Nothing waits for
ever: who goes away gives up his place, and no answer is lost on the others.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from judgekit.errors import InputError, JudgekitError
from judgekit.rewards.records import Group, Key, Reward
from judgekit.rewards.serving.wanted import Wanted, group_of

Judging = Callable[[Group], Awaitable[Mapping[str, Reward]]]
"""From a group to its rewards by response id."""

REPLACED = "replaced by a later response with the same id"


class Refused(JudgekitError):  # noqa: N818 - not our error
    """No further responses are taken in: too many are waiting, or the server is going down."""


@dataclass(slots=True, eq=False)
class _Place:
    """A response's place in a group."""

    wanted: Wanted
    future: asyncio.Future[Reward]
    waiting: int = 0


@dataclass(slots=True, eq=False)
class _Gathering:
    """A group that is not judged yet."""

    first: Wanted
    size: int | None = None
    places: dict[str, _Place] = field(default_factory=dict)
    texts: Counter[str] = field(default_factory=Counter)
    timer: asyncio.TimerHandle | None = None


class Barrier:
    """Gathers responses into groups and hands each group over when it is whole.

    Belongs to one event loop.

    Args:
        judging: Judges a group.
        released: Told of each group: `whole` (it came in one request), `full`, `partial` (its window was
            over), or `short` (likewise, and too little of it was there to be judged).
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
        self._open: dict[str, _Gathering] = {}
        self._known: OrderedDict[Key, tuple[str, asyncio.Future[Reward]]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self.waiting = 0
        self.closing = False

    @property
    def gathering(self) -> int:
        """Groups that wait for further responses."""
        return len(self._open)

    @property
    def judging(self) -> int:
        """Groups that are being judged."""
        return len(self._tasks)

    async def rewards(
        self, wanted: Sequence[Wanted], *, size: int | None = None, window: float = 0.0
    ) -> list[Reward]:
        """The rewards of some responses, in their order.

        Args:
            wanted: Responses. Those that announce no size of their group, where `size` announces none
                either, are a group with the others of the same key in this call.
            size: How many responses each group has.
            window: Seconds a group waits for the rest, from its first response on.

        Raises:
            InputError: If a response does not fit the group it is to join, or a group cannot be judged.
            Refused: If nothing more is taken in.
        """
        if self.waiting + len(wanted) > self._most:
            raise Refused(f"{self.waiting} responses are waiting; ask again later")
        places: list[_Place] = []
        try:
            self._seat_all(wanted, size, window, places)
            await asyncio.wait({place.future for place in places})
            return [place.future.result() for place in places]
        finally:
            for place in places:
                self._leave(place)

    async def drained(self) -> None:
        """Take in only what completes a group that is waiting; return when no group waits or is judged."""
        self.closing = True
        self._note_idle()
        await self._idle.wait()

    def _seat_all(
        self, wanted: Sequence[Wanted], size: int | None, window: float, places: list[_Place]
    ) -> None:
        """A place for each response; groups of this call alone are judged when all of it is seated."""
        own: dict[str, _Gathering] = {}
        try:
            for each in wanted:
                place = self._seated(each, each.size if each.size is not None else size, window, own)
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

    def _seated(self, each: Wanted, size: int | None, window: float, own: dict[str, _Gathering]) -> _Place:
        known = None if each.name is None else self._known.get((each.key, each.name))
        if known is not None and known[0] == each.content:
            return _Place(each, known[1])
        gatherings = own if size is None else self._open
        gathering = gatherings.get(each.key)
        if gathering is None:
            if self.closing:
                raise Refused("going down: no new groups are taken in")
            gathering = gatherings[each.key] = _Gathering(each, size)
            if size is not None:
                later = asyncio.get_running_loop().call_later
                gathering.timer = later(window, self._end, gathering)
        _check_fit(each, size, gathering)
        place = _seat(each, gathering)
        if len(gathering.places) == gathering.size:
            self._release(gathering, "full")
        return place

    def _end(self, gathering: _Gathering) -> None:
        """The window is over."""
        here, size = len(gathering.places), gathering.size or 0
        if here >= self._least * size:
            self._release(gathering, "partial")
            return
        self._close(gathering)
        self._released("short")
        told = f"only {here} of the {size} responses of its group came in time; they are not compared alone"
        for name, place in gathering.places.items():
            place.future.set_result(Reward(gathering.first.key, name, None, "failed", told))
        self._note_idle()

    def _release(self, gathering: _Gathering, how: str) -> None:
        """Have a group judged."""
        self._close(gathering)
        self._released(how)
        for name, place in gathering.places.items():
            if place.wanted.name is not None:  # known at once: the same may be asked before judging begins
                self._known[place.wanted.key, name] = (place.wanted.content, place.future)
        task = asyncio.get_running_loop().create_task(self._judged(gathering.places))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._note_idle()

    def _note_idle(self) -> None:
        if self.closing and not self._open and not self._tasks:
            self._idle.set()

    def _close(self, gathering: _Gathering) -> None:
        """No more places."""
        if gathering.timer is not None:
            gathering.timer.cancel()
        if self._open.get(gathering.first.key) is gathering:
            del self._open[gathering.first.key]

    async def _judged(self, places: Mapping[str, _Place]) -> None:
        try:
            rewards = await self._judging(group_of({name: place.wanted for name, place in places.items()}))
        except Exception as error:  # noqa: BLE001 - it is raised for everybody who waits
            for place in places.values():
                place.future.set_exception(error)
                place.future.exception()  # seen: who waited may have gone
        else:
            for name, place in places.items():
                place.future.set_result(rewards[name])
        finally:
            for place in places.values():
                place.future.cancel()  # of those that are done it changes nothing
            self._keep(places)

    def _keep(self, places: Mapping[str, _Place]) -> None:
        """Remember a group whose responses all have a value; else all may be asked again, to be compared."""
        if any(_without_value(place.future) for place in places.values()):
            for name, place in places.items():
                known = self._known.get((place.wanted.key, name))
                if known is not None and known[1] is place.future:
                    del self._known[place.wanted.key, name]
        while len(self._known) > self._remember:
            self._known.popitem(last=False)

    def _leave(self, place: _Place) -> None:
        """Somebody waits no longer; if nobody does, and the group is still open, the place is free."""
        place.waiting -= 1
        self.waiting -= 1
        gathering = self._open.get(place.wanted.key)
        if place.waiting or place.future.done() or gathering is None:
            return
        left = {name: other for name, other in gathering.places.items() if other is not place}
        if len(left) < len(gathering.places):
            place.future.cancel()
            gathering.places = left
            if not left:
                self._close(gathering)
                self._note_idle()


def _check_fit(each: Wanted, size: int | None, gathering: _Gathering) -> None:
    first = gathering.first
    if each.shared != first.shared:
        raise InputError(
            f"group {each.key!r} is waiting with another task, reference, sources or rubric; "
            "give each group a key of its own"
        )
    if size != gathering.size:
        raise InputError(f"group {each.key!r} was announced with {gathering.size} responses, now with {size}")


def _seat(each: Wanted, gathering: _Gathering) -> _Place:
    """A place in the group: a new one, or that of the response with the same id."""
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


def _without_value(future: asyncio.Future[Reward]) -> bool:
    if not future.done():
        return False
    return future.cancelled() or future.exception() is not None or future.result().value is None

"""A group prepared: its distinct responses, and what the checks say of each, before any judge is asked."""

import asyncio
import hashlib
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from judgekit.prompt import flat
from judgekit.protocols.reading.replies import CHECKED
from judgekit.rewards.core.checks import Check, Checking, Part, number_of, part_of, words
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.spec import CheckSpec
from judgekit.types import Text

T = TypeVar("T")
_AT_ONCE = 4_000  # characters that are looked at in the loop
_BUSY = 2  # threads
_DIGITS = 20  # of a digest: enough to tell the responses of all training runs apart


@dataclass(frozen=True, slots=True)
class Checks:
    """What the checks said of a response: values on [0, 1], the gate that stopped it, why it has no value."""

    values: Mapping[str, float] = field(default_factory=dict)
    gate: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A group with each distinct response once, under a digest of its text, with its checks and words."""

    group: Group
    digests: Mapping[str, str]  # by response id
    texts: Mapping[str, Text]  # in the order of the digests, so that nothing depends on the order given
    checks: Mapping[str, Checks]
    words: Mapping[str, int]

    @property
    def open(self) -> tuple[str, ...]:
        """The digests that a judge is to see: neither stopped by a gate nor failed."""
        return tuple(d for d in self.texts if not self.checks[d].gate and not self.checks[d].reason)

    def times(self, digest: str) -> int:
        """Return how many responses of the group have this text."""
        return sum(other == digest for other in self.digests.values())

    @property
    def n_gated(self) -> int:
        """The number of responses of the group that a gate stopped."""
        return sum(bool(self.checks[digest].gate) for digest in self.digests.values())


@dataclass(frozen=True)
class Looking:
    """How responses are looked at: by which checks, whose words are counted, how many threads may be busy."""

    checks: Sequence[tuple[CheckSpec, Check]] = ()
    part: Part = "final"
    turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_BUSY))

    async def apart(self, function: Callable[[], T]) -> T:
        """Return what a function of ours gives, in a thread that takes turns with the event loop."""

        def in_turn() -> T:
            with self.turns:
                return function()

        return await _in_thread(in_turn)


async def prepared(group: Group, looking: Looking, until: float | None = None) -> Prepared:
    """Prepare a group: run the checks on it, in their order, none after a gate that stops."""
    digests = {name: digest_of(text) for name, text in group.responses.items()}
    by_digest = {digests[name]: text for name, text in group.responses.items()}
    texts = {digest: by_digest[digest] for digest in sorted(by_digest)}
    said, counted, length = {}, {}, 0
    for digest, text in texts.items():
        seen = _Seen(group, text, looking.part)
        length += len(seen.whole)
        if seen.long:
            await looking.apart(seen.look)
        elif length > _AT_ONCE:  # many short ones are a long one
            length = 0
            await asyncio.sleep(0)
        said[digest] = await _checked(seen, looking, until)
        counted[digest] = seen.words
    return Prepared(group, digests, texts, said, counted)


class _Seen:
    """A response as it is looked at."""

    def __init__(self, group: Group, text: Text, part: Part) -> None:
        self._group, self._text, self._part = group, text, part
        self.whole = flat(text)
        self.long = len(self.whole) > _AT_ONCE

    @cached_property
    def final(self) -> str:
        return part_of(self._text, "final")

    @cached_property
    def words(self) -> int:
        return words(self.final if self._part == "final" else self.whole)

    def look(self) -> None:
        """Do all that takes time."""
        _ = self.words, self.final

    def checking(self, part: Part) -> Checking:
        """Return what a check sees."""
        group, seen = self._group, self.final if part == "final" else self.whole
        return Checking(group.task, seen, group.reference, group.columns, self.whole)


def digest_of(text: Text) -> str:
    """Return a digest of a response, which is its name wherever nothing may depend on its place."""
    turns = [text] if isinstance(text, str) else [part for m in text for part in (m.role, m.content)]
    raw = b"".join(b"%d:%s" % (len(turn), turn.encode("utf-8", "surrogatepass")) for turn in turns)
    return "r" + hashlib.sha256(raw).hexdigest()[:_DIGITS]


async def _checked(seen: _Seen, looking: Looking, until: float | None) -> Checks:
    try:
        seen.whole.encode()
    except UnicodeEncodeError:
        return Checks(reason="the response holds half of a surrogate pair, which no request can carry")
    values: dict[str, float] = {}
    for spec, check in looking.checks:
        try:
            async with asyncio.timeout_at(until) as late:
                said = await _said(spec, check, seen.checking(spec.part), looking)
            value = number_of(said)
        except Exception as error:  # noqa: BLE001 - whatever a verifier of the user's raises
            why = "deadline" if late.expired() else f"{type(error).__name__}: {error}"
            return Checks(values, reason=f"check {spec.name!r}: {why}"[:200])
        if value is None:
            return Checks(values, reason=f"check {spec.name!r} could not say")
        values[spec.name] = value
        if spec.gate is not None and value < spec.gate:
            return Checks(values, gate=spec.name)
    return Checks(values)


async def _said(spec: CheckSpec, check: Check, seen: Checking, looking: Looking) -> object:
    """Ask a check; what may take long is asked in a thread, which goes on where it is too late."""
    own = spec.kind.startswith("py:")
    if not own and len(seen.response) > CHECKED:
        raise ValueError(f"{len(seen.response)} characters are more than the {CHECKED} it looks at")
    if not own and spec.kind != "matches":
        few = len(seen.response) <= _AT_ONCE and not spec.settings.get("mathematics")
        return check(seen) if few else await looking.apart(lambda: check(seen))
    await asyncio.sleep(0)  # a deadline that is over ends it here, before it is begun
    said = await _in_thread(lambda: check(seen))  # lets the loop go on, or is the user's
    return await said if inspect.isawaitable(said) else said


async def _in_thread(function: Callable[[], T]) -> T:
    """Return what a function gives, in a thread that the process does not wait for when it ends."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="judgekit-check", daemon=True).start()
    return await asyncio.wrap_future(future)

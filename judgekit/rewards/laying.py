"""A group laid out: its distinct responses, and what the checks say of each, before any judge is asked."""

import asyncio
import contextlib
import hashlib
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from judgekit.prompt import flat
from judgekit.protocols.limits import CHECKED
from judgekit.rewards.answers import Part, part_of, words
from judgekit.rewards.checks import Check, Checking, number_of
from judgekit.rewards.records import Group
from judgekit.rewards.spec import CheckSpec
from judgekit.types import Text

T = TypeVar("T")
_AT_ONCE = 10_000  # characters that are looked at in the loop
_DIGITS = 20  # of a digest: enough to tell the responses of all training runs apart


@dataclass(frozen=True, slots=True)
class Checks:
    """What the checks said of a response.

    Args:
        values: Check -> its value on [0, 1].
        gate: The check that stopped it, or empty.
        reason: Why it cannot be rewarded, or empty.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    gate: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Laid:
    """A group with each distinct response once.

    Args:
        group: The group.
        digests: Response id -> digest of its text.
        texts: Digest -> text, in the order of the digests, so that nothing depends on the order given.
        checks: Digest -> what the checks said.
        words: Digest -> how many words there are.
    """

    group: Group
    digests: Mapping[str, str]
    texts: Mapping[str, Text]
    checks: Mapping[str, Checks]
    words: Mapping[str, int]

    @property
    def open(self) -> tuple[str, ...]:
        """Digests that a judge is to see: neither stopped by a gate nor failed."""
        return tuple(d for d in self.texts if not self.checks[d].gate and not self.checks[d].reason)

    def times(self, digest: str) -> int:
        """How many responses of the group have this text."""
        return sum(other == digest for other in self.digests.values())

    @property
    def n_gated(self) -> int:
        """How many responses of the group a gate stopped."""
        return sum(bool(self.checks[digest].gate) for digest in self.digests.values())


async def laid(
    group: Group,
    checks: Sequence[tuple[CheckSpec, Check]],
    until: float | None = None,
    part: Part = "final",
) -> Laid:
    """Lay a group out and run the checks on it, in their order, none after a gate that stops.

    Args:
        group: The group.
        checks: What is checked.
        until: When it is too late, by the clock of the event loop.
        part: Whose words are counted.
    """
    digests = {name: digest_of(text) for name, text in group.responses.items()}
    by_digest = {digests[name]: text for name, text in group.responses.items()}
    texts = {digest: by_digest[digest] for digest in sorted(by_digest)}
    said = {digest: await _checked(group, text, checks, until) for digest, text in texts.items()}
    counted = {digest: await _perhaps_apart(words, part_of(text, part)) for digest, text in texts.items()}
    return Laid(group, digests, texts, said, counted)


def digest_of(text: Text) -> str:
    """Digest of a response, which is its name wherever nothing may depend on its place."""
    turns = [text] if isinstance(text, str) else [part for m in text for part in (m.role, m.content)]
    raw = b"".join(b"%d:%s" % (len(turn), turn.encode("utf-8", "surrogatepass")) for turn in turns)
    return "r" + hashlib.sha256(raw).hexdigest()[:_DIGITS]


async def _checked(
    group: Group, text: Text, checks: Sequence[tuple[CheckSpec, Check]], until: float | None
) -> Checks:
    whole = flat(text)
    try:
        whole.encode()
    except UnicodeEncodeError:
        return Checks(reason="the response holds half of a surrogate pair, which no request can carry")
    values: dict[str, float] = {}
    for spec, check in checks:
        seen = Checking(group.task, part_of(text, spec.part), group.reference, group.columns, whole)
        try:
            async with asyncio.timeout_at(until) as late:
                said = await _said(spec.kind, check, seen)
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


async def _said(kind: str, check: Check, seen: Checking) -> object:
    """What a check says; what may take long in a thread, which goes on where it is too late.

    Raises:
        ValueError: If the response is longer than a check of ours looks at.
    """
    own = kind.startswith("py:")
    if not own and len(seen.response) > CHECKED:
        raise ValueError(f"{len(seen.response)} characters are more than the {CHECKED} it looks at")
    if not own and kind != "matches":
        return await _perhaps_apart(check, seen, length=len(seen.response))
    await asyncio.sleep(0)  # a deadline that is over ends it here, before it is begun
    said = await _in_thread(check, seen)
    return await said if inspect.isawaitable(said) else said


async def _perhaps_apart(function: Callable[[Any], T], about: Any, length: int | None = None) -> T:
    """What a function gives; of a long text in a thread, so that the loop has its turns."""
    if (len(about) if length is None else length) <= _AT_ONCE:
        return function(about)
    return await _in_thread(function, about)


async def _in_thread(function: Callable[[Any], T], about: Any) -> T:
    """What a function gives, in a thread that the process does not wait for when it ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def end(said: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(cast("T", said))
        else:
            future.set_exception(error)

    def run() -> None:
        said: T | None = None
        raised: Exception | None = None
        try:
            said = function(about)
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            raised = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end, said, raised)

    threading.Thread(target=run, name="judgekit-check", daemon=True).start()
    return await future

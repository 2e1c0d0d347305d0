"""A group before and after its judges: its distinct responses with what the checks say, and their rewards.

What becomes of a reward that cannot be given is dealt with last: no constant stands for a failure.
"""

import asyncio
import hashlib
import inspect
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import TypeVar

from judgekit.errors import JudgeOutage
from judgekit.prompt import flat, who
from judgekit.protocols.reading.replies import CHECKED
from judgekit.rewards.core.checks import Check, Checking, Part, final, number_of, words
from judgekit.rewards.core.records import Group, Judgement, Reward
from judgekit.rewards.core.spec import CheckSpec, OnFailure, RewardSpec, flattened, mixed, shaped
from judgekit.types import Text

T = TypeVar("T")
_AT_ONCE = 4_000  # characters that are looked at in the loop
_BUSY = 2  # threads
_DIGITS = 20  # of a digest: enough to tell the responses of all training runs apart
WINDOW = 64
"""Distinct responses that a share of failures is taken over at least, those of earlier batches among them."""
_UNSURE = 0.05  # chance of so many failures, below which they show an outage


@dataclass(frozen=True, slots=True)
class Checks:
    """What the checks said of a response: values on [0, 1], the gate that stopped it, why it has no value."""

    values: Mapping[str, float] = field(default_factory=dict)
    gate: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A group with each distinct response once, under a digest of its text, with checks and length."""

    group: Group
    digests: Mapping[str, str]  # by response id
    texts: Mapping[str, Text]  # in the order of the digests, so that nothing depends on the order given
    checks: Mapping[str, Checks]
    lengths: Mapping[str, int]  # in words, or tokens

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
    """How responses are looked at: by which checks, what of them is counted, how many threads may be busy."""

    checks: Sequence[tuple[CheckSpec, Check]] = ()
    part: Part = "final"
    count: Callable[[str], int] = words
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
        seen = _Seen(group, text, looking)
        length += len(seen.whole)
        if seen.long:
            await looking.apart(seen.look)
        elif length > _AT_ONCE:  # many short ones are a long one
            length = 0
            await asyncio.sleep(0)
        said[digest] = await _checked(seen, looking, until)
        counted[digest] = seen.length
    return Prepared(group, digests, texts, said, counted)


class _Seen:
    """A response as it is looked at."""

    def __init__(self, group: Group, text: Text, looking: Looking) -> None:
        self._group, self._text, self._looking = group, text, looking
        self.whole = flat(text)
        self.long = len(self.whole) > _AT_ONCE

    @cached_property
    def final(self) -> str:
        return final(self._text)

    @cached_property
    def length(self) -> int:
        return self._looking.count(self.final if self._looking.part == "final" else self.whole)

    def look(self) -> None:
        """Do all that takes time."""
        _ = self.length, self.final

    def checking(self, part: Part) -> Checking:
        """Return what a check sees."""
        group, seen = self._group, self.final if part == "final" else self.whole
        return Checking(group.task, seen, group.reference, group.columns, self.whole)


def digest_of(text: Text) -> str:
    """Return a digest of a response, which is its name wherever nothing may depend on its place."""
    turns = [text] if isinstance(text, str) else [part for m in text for part in (who(m), m.content)]
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
    if not own and spec.kind not in {"matches", "math_verify"}:
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


def combined(spec: RewardSpec, prepared: Prepared, judgements: Mapping[str, Judgement]) -> dict[str, Reward]:
    """Return the rewards of a group by response id, before failures are dealt with."""
    by_digest = {digest: _reward(spec, prepared, digest, judgements.get(digest)) for digest in prepared.texts}
    if spec.dead_band is not None:
        ok = {d: r.value for d, r in by_digest.items() if r.status == "ok" and r.value is not None}
        for digest, value in flattened(ok, spec.dead_band).items():
            by_digest[digest] = replace(by_digest[digest], value=value)
    key = prepared.group.key
    return {
        name: replace(by_digest[digest], group=key, response=name)
        for name, digest in prepared.digests.items()
    }


def _reward(spec: RewardSpec, prepared: Prepared, digest: str, judgement: Judgement | None) -> Reward:
    checks, judged = prepared.checks[digest], judgement or Judgement()
    low, high = spec.span
    stopped = round(low + spec.gated * (high - low), 12)
    made = Reward("", "", None, components=checks.values)
    if checks.gate:
        return replace(made, value=stopped, status="gated", reason=checks.gate)
    if checks.reason:
        return replace(made, status="failed", reason=checks.reason)
    made = replace(made, judged=judged.value, outcomes=judged.outcomes, parts=judged.parts)
    parts = [(check.weight, checks.values[check.name]) for check in spec.checks if check.weight]
    if spec.judge_weight:
        made = replace(made, components={**judged.components, **checks.values})
        if judged.value is None:
            return replace(made, status="failed", reason=judged.reason)
        if judged.gate:
            return replace(made, value=stopped, status="vetoed", reason=judged.gate)
        parts.append((spec.judge_weight, _place(spec, judged.value)))
    lost = 0.0 if spec.length is None else spec.length.of(prepared.lengths[digest])
    value = shaped(
        mixed(parts), own=(0.0, 1.0), into=spec.span, clip=spec.clip, lost=lost,
        grid=None if spec.relative else spec.grid,
    )  # fmt: skip
    return replace(made, value=value)


def _place(spec: RewardSpec, value: float) -> float:
    low, high = spec.own_span
    place = (value - low) / (high - low)
    return min(max(place, 0.0), 1.0) if spec.clip else place


def dealt_with(rewards: Mapping[str, Reward], policy: OnFailure) -> dict[str, Reward]:
    """Return the rewards of one group after its failures were dealt with."""
    failed = [reward for reward in rewards.values() if reward.status == "failed"]
    if not failed or policy == "none":
        return dict(rewards)
    if policy == "raise":
        one = failed[0]
        raise JudgeOutage(f"no reward for response {one.response!r} of group {one.group!r}: {one.reason}")
    if policy == "drop_group":
        return {
            name: r if r.status == "failed" else replace(r, value=None, status="dropped")
            for name, r in rewards.items()
        }
    there = [reward.value for reward in rewards.values() if reward.value is not None]
    if not there:
        return dict(rewards)
    mean = round(fmean(there), 12)
    return {
        name: replace(r, value=mean, status="imputed") if r.status == "failed" else r
        for name, r in rewards.items()
    }


def outage(failures: Sequence[str | None], max_failed: float) -> str | None:
    """Return why failures are an outage, or None: they show, 95 % sure, that more than `max_failed` fail.

    `failures` has for each distinct response that was to be judged why it failed, or None. Two of two are an
    outage at 20 %, one of four is none: a policy that writes one text would else be stopped by a single lost
    call. It is the lower end of Clopper and Pearson (1934), one-sided.
    """
    reasons = [reason for reason in failures if reason is not None]
    if not reasons or _chance(len(reasons), len(failures), max_failed) >= _UNSURE:
        return None
    share = f"{100 * max_failed:g} % (max_failed)"
    return f"{len(reasons)} of {len(failures)} rewards failed, more than {share}: {told(reasons)}"


def _chance(k: int, n: int, share: float) -> float:
    """Return the chance of k failures or more of n. Without scipy, which takes .3 s to import."""
    if share in {0.0, 1.0}:
        return share
    yes, no = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * yes + (n - i) * no)
        for i in range(k, n + 1)
    )


def told(reasons: Iterable[str]) -> str:
    """Return reasons by how often they came, the commonest three."""
    common = Counter(reason[:160] for reason in reasons).most_common(3)
    return "; ".join(f"{reason} ({n})" for reason, n in common)

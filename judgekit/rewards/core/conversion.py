"""What adapters share: rows and chat messages become groups, rewards numbers; rewarders are kept open.

Trainers that know no None must never be handed a number for a failure: `number` raises instead, so that
`on_failure="none"` and `"drop_group"` become raising there; `group_mean` is refused where there is only ever
one response. A rewarder is opened in the trainer's event loop by whoever comes first, and held by a task
that `asyncio.run` cancels at the end: clients are then closed and the ledger written. In a loop that is
left lying they stay open until the process ends.
"""

import asyncio
import math
import os
import re
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from copy import copy
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Final, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from judgekit.errors import InputError, JudgeOutage, kind_of
from judgekit.items.texts import absent, json_of, plain_of
from judgekit.rewards.core.records import CRITERION, Batch, Group, Key, Reward, text_of_chat
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import RewardSpec, SpecLike
from judgekit.types import Text

_ENDING: Final = re.compile(
    r"(?:<\|\w{1,40}\|>|</s>|<eos>|<pad>|<end_of_turn>|<\uff5c[\w\u2581]{1,40}\uff5c>)\Z"
)
_LONGEST: Final = 44
"""Characters of a special token at most."""
_LEAST: Final = 32
"""Characters by which a prompt that was cut is still known, and before which it has to begin."""
_TRIES: Final = 100
_DEEPEST = 100  # levels of a row's own rubric
Data = Mapping[str, Sequence[Any]]
"""Column -> its value in each row."""
NUMBERS = ("score", "jk_gated", "jk_vetoed", "jk_imputed")
"""Names of the numbers a reward is told by."""
T = TypeVar("T")
_Held = tuple[asyncio.Task[None], asyncio.Future[Any]]
"""The task that holds something open, and the future of it."""
_KEPT: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Held]]
_KEPT = weakref.WeakKeyDictionary()


def talk_of(items: Any, what: str) -> Text:
    """Return text, or the items of a Responses API input or output without thoughts, as text or messages."""
    if isinstance(items, str):
        return items
    if not isinstance(items, Sequence | None) or not all(isinstance(each, Mapping) for each in items or ()):
        raise InputError(f"{what} is {items!r:.60}, neither text nor a list of items")
    turns = [_message(each, what) for each in items or () if each.get("type") != "reasoning"]
    return text_of_chat(turns, what) if turns else ""


def _message(item: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    if item.get("type") == "function_call":
        return {"role": "assistant", "tool_calls": [item]}
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": item.get("output"), "tool_call_id": item.get("call_id")}
    if item.get("type", "message") != "message":
        raise InputError(
            f"{what}: an item of type {item.get('type')!r} is neither a message nor a call of a function"
        )
    return {"role": "assistant", **item}


def response_in(query: str, prompt: str, where: str) -> str:
    """Return what follows the prompt, without the special tokens that end it.

    A tokenizer may have put a token before the prompt; a prompt that was too long was cut from the left.
    """
    at = query.find(prompt, 0, len(prompt) + _LEAST)
    if at >= 0:
        return _unended(query[at + len(prompt) :])
    head, start = query[:_LEAST], -1
    for _ in range(_TRIES):  # however often the prompt repeats itself
        start = prompt.find(head, start + 1)
        if start < 0 or len(prompt) - start < _LEAST:
            break
        if query.startswith(prompt[start:]):
            return _unended(query[len(prompt) - start :])
    raise InputError(
        f"{where} begins with {query[:40]!r}, not with its prompt {prompt[:40]!r}, so the response in it "
        "cannot be told; the tokenizer may have changed the prompt"
    )


def _unended(text: str) -> str:
    """Return a response without special tokens at its end; from behind, since policies repeat themselves."""
    ended, end = False, _bare(text, len(text))
    while found := _ENDING.search(text, max(end - _LONGEST, 0), end):
        ended, end = True, _bare(text, found.start())
    return text[:end] if ended else text


def _bare(text: str, end: int) -> int:
    """Return where the blanks before a place begin."""
    while end and text[end - 1].isspace():
        end -= 1
    return end


@dataclass(frozen=True)
class Columns:
    """The columns of a trainer's data set that hold references, rubrics and ids."""

    reference: str | None = None
    rubric: str | None = None
    row_id: str | None = None


def cut_rows(rows: Sequence[object], size: int | None, *, whole: bool = False) -> list[range]:
    """Return the places of the rows that are one group: runs of equal rows, in groups of `size`."""
    cut: list[range] = []
    for run in _runs(rows):
        if whole and size and len(run) % size:
            raise InputError(
                f"rows {run[0]} to {run[-1]} of this process are {len(run)} generations of one prompt, "
                f"and num_generations={size}: this is not the trainer's own, or the group is split over "
                "processes, so that its parts would be compared apart. Make per_device_train_batch_size x "
                "steps_per_generation (in evaluation, per_device_eval_batch_size) a multiple of "
                "num_generations, or put the groups together again in a reward server "
                "(`judgekit reward serve`, `trl_served`)"
            )
        cut += [run[i : i + (size or len(run))] for i in range(0, len(run), size or len(run))]
    return cut


def sized(rows: Sequence[object], size: int, *, before: bool = False) -> bool:
    """Tell whether a run of rows was as long as `size`, which is then the trainer's: here, or before.

    Where it never was, longer runs are no prompt that was drawn twice in a row, but groups that would be cut.
    """
    runs = [len(run) for run in _runs(rows)]
    if before or not runs or min(runs) <= size:
        return before or size in runs
    raise InputError(
        f"{runs[0]} generations of one prompt stand together, and num_generations={size}, so that parts of "
        f"groups would be compared apart; give num_generations={runs[0]} if that is the trainer's own; if "
        "one prompt was drawn twice in a row, tell its rows apart by row_id="
    )


def _runs(rows: Sequence[object]) -> list[range]:
    """Return the places of equal rows next to one another."""
    starts = [i for i in range(len(rows)) if i == 0 or rows[i] != rows[i - 1]]
    return [range(*ends) for ends in zip(starts, [*starts[1:], len(rows)], strict=False)]


def identities(prompts: Sequence[Any], data: Data, columns: Columns) -> list[object]:
    """Return what tells each row from its neighbours: its id, or its prompt, reference and rubric."""
    if columns.row_id is not None:
        return list(_column(data, columns.row_id, "row_id"))
    named = {"reference": columns.reference, "rubric": columns.rubric}
    told = [_column(data, name, what) for what, name in named.items() if name is not None]
    return list(zip(prompts, *told, strict=True))


def groups_of(
    cut: Sequence[range], prompts: Sequence[Any], completions: Sequence[Any], data: Data, columns: Columns
) -> tuple[list[Group], list[Key]]:
    """Return the groups, and for each row its key in the batch."""
    if len(completions) != len(prompts):
        raise InputError(
            f"{len(completions)} completions of {len(prompts)} prompts; there is one of each a row"
        )
    groups: list[Group] = []
    keys: dict[int, Key] = {}
    for n, rows in enumerate(cut):
        own, first = common({name: values[i] for name, values in data.items()} for i in rows), rows[0]
        key = str(n) if columns.row_id is None else f"{own[columns.row_id]}#{n}"
        responses = {str(i): text_of_chat(completions[i], f"completion of row {i}") for i in rows}
        groups.append(Group(
            key=key, task=text_of_chat(prompts[first], f"prompt of row {first}"), responses=responses,
            reference=reference_of(*_cell(data, columns.reference, "reference", first)),
            rubric=rubric_of(*_cell(data, columns.rubric, "rubric", first)), columns=own,
        ))  # fmt: skip
        keys |= {i: (key, str(i)) for i in rows}
    return groups, [keys[i] for i in range(len(prompts))]


def reference_of(value: Any, what: str) -> str | None:
    """Return a reference, a text or a number in digits; None for a gap, and for blanks."""
    if absent(value) or (isinstance(value, Real) and value != value):  # noqa: PLR0124 - numpy's nan, too
        return None
    if isinstance(value, Real) and not isinstance(value, bool):
        value = str(value)
    text = plain_of(value, what)
    return text if text.strip() else None


def label_of(value: Any, what: str) -> str | None:
    """Return a label as a reference; what is neither text nor a number is none, and a column at most."""
    several = isinstance(value, Mapping | list | tuple) or bool(getattr(value, "ndim", False))
    return None if several or isinstance(value, bool) else reference_of(value, what)


def rubric_of(value: Any, where: str) -> Mapping[str, Any] | None:
    """Return a row's own rubric, from JSON or the mapping that Arrow made of it; None where there is none."""
    if isinstance(value, str) and value:
        value = json_of(value, where)
    if not value:
        return None
    if isinstance(value, list):
        value = {"criteria": value}
    if not isinstance(value, Mapping):
        raise InputError(f"{where} is {kind_of(value)}, not a rubric; write it as a JSON object")
    return {"id": "own", **_without_gaps(value, where)}


def _column(data: Data, name: str, what: str) -> Sequence[Any]:
    if name not in data:
        raise InputError(f"{what}={name!r} is no column of the data set; there are {sorted(data)}")
    return data[name]


def _cell(data: Data, name: str | None, what: str, row: int) -> tuple[Any, str]:
    """Return what a row has in a column, nothing where none is named, and where it stands."""
    return None if name is None else _column(data, name, what)[row], f"row {row}: {what} {name!r}"


def _without_gaps(value: Any, where: str, left: int = _DEEPEST) -> Any:
    """Return what Arrow made of a mapping, without the keys that only other rows have."""
    if not left:
        raise InputError(f"{where} is nested too deeply")
    if isinstance(value, Mapping):
        return {k: _without_gaps(each, where, left - 1) for k, each in value.items() if each is not None}
    return [_without_gaps(each, where, left - 1) for each in value] if isinstance(value, list) else value


def common(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all rows have alike."""
    first, *others = rows
    return {k: v for k, v in first.items() if all(k in other and _same(other[k], v) for other in others)}


def _same(one: Any, other: Any) -> bool:
    try:
        return one is other or bool(one == other)
    except ValueError:  # arrays do not compare as one
        return False


class Unrewarded(BaseException):
    """No reward, for a trainer that makes 0.0 of every `Exception`: to catch it, one has to name it."""


def rewarding(spec: SpecLike | Rewarder, judges: Any = None, *, own_code: bool = False) -> Rewarder:
    """Return a rewarder as it is, or one of a spec."""
    if not isinstance(spec, Rewarder):
        return Rewarder(spec, judges, own_code=own_code)
    if judges is not None:
        raise InputError("a rewarder has judges of its own; give judges= with a spec, or to the Rewarder")
    return spec


def one_by_one(spec: RewardSpec, trainer: str) -> None:
    """Refuse what needs a group where there is only ever one response."""
    what = (
        f"scheme {spec.scheme!r}" if spec.relative
        else f"dead_band={spec.dead_band:g}" if spec.dead_band is not None
        else "on_failure='group_mean'" if spec.on_failure == "group_mean"
        else None
    )  # fmt: skip
    if what is not None:
        raise InputError(
            f"{what} needs the other responses of the group, and {trainer} hands over one at a time; let a "
            "reward server put groups together (`judgekit reward serve`), or leave it out"
        )


def number(reward: Reward) -> float:
    """Return the value of a reward; a `JudgeOutage` where it has none, and the trainer knows no None."""
    if reward.value is None:
        why = reward.reason or reward.status
        raise JudgeOutage(f"no reward for response {reward.response!r} of group {reward.group!r}: {why}")
    return reward.value


def numbers(reward: Reward, told: Sequence[str] = ()) -> dict[str, float]:
    """Return a reward as numbers, under the same names whatever became of it.

    The value of each criterion and check that is `told` stands there as `criterion/NAME`: 0 where a gate
    stopped the response before it was asked, and nan in a row with a rubric of its own that lacks it.
    """
    marks = (float(f"jk_{reward.status}" == name) for name in NUMBERS[1:])
    missing = 0.0 if reward.status == "gated" else math.nan
    values = {name: reward.components.get(name) for name in told}
    seen = {f"{CRITERION}{name}": missing if value is None else value for name, value in values.items()}
    return {**dict(zip(NUMBERS, (number(reward), *marks), strict=True)), **seen}


def lone(task: Any, response: Any, *, reference: Any = None, columns: Mapping[str, Any] = {}) -> Group:
    """Return a group of one response, for trainers that ask about one at a time."""
    return Group(
        "rollout", text_of_chat(task, "the task"), {"response": text_of_chat(response, "the response")},
        label_of(reference, "the reference"),
        rubric=rubric_of(columns.get("rubric"), "the row's rubric"), columns=columns,
    )  # fmt: skip


async def reward_of(rewarder: Rewarder, group: Group) -> Reward:
    """Return the reward of the one response of a group."""
    [reward] = await rewarder([group])
    return reward


async def kept(name: Hashable, opened: Callable[[], AbstractAsyncContextManager[T]]) -> T:
    """Return what is open in this event loop under that name; opened by whoever comes first."""
    for each in list(_KEPT):
        if each.is_closed():
            _KEPT.pop(each, None)
    loop = asyncio.get_running_loop()
    here = _KEPT.setdefault(loop, {})
    if name not in here or here[name][0].done():
        opening = loop.create_future()
        here[name] = loop.create_task(_hold(opened, opening)), opening
    thing: T = await asyncio.shield(here[name][1])
    return thing


async def kept_rewarder(spec: str | Path | Rewarder, *, own_code: bool = False) -> Rewarder:
    """Return the open rewarder of a spec's file, or an open copy of a rewarder."""
    if isinstance(spec, Rewarder):
        return await kept(spec, lambda: copy(spec))
    return await kept((str(spec), own_code), lambda: Rewarder(spec, own_code=own_code))


async def _hold(opened: Callable[[], AbstractAsyncContextManager[T]], opening: asyncio.Future[T]) -> None:
    """Open, say so, and stay until cancelled. A generator would not do: loops end all of theirs at once."""
    try:
        async with opened() as thing:
            opening.set_result(thing)
            await asyncio.Event().wait()
    except Exception as error:
        if opening.done():
            raise
        opening.set_exception(error)


class Blocking:
    """A rewarder that many threads may call at once, for trainers that do not await.

    It is kept open in an event loop of its own, in a thread that begins with the first call and ends with
    this object, or with the process; a forked process begins its own.
    """

    def __init__(self, rewarder: Rewarder) -> None:
        self._rewarder = rewarder
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._process = os.getpid()

    def __call__(self, groups: Iterable[Group]) -> Batch:
        """Return the rewards of a batch; errors are those of the `Rewarder`."""
        future = self._opened().start_task_soon(self._rewarder, tuple(groups))
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def _opened(self) -> BlockingPortal:
        with self._lock:
            if self._process != os.getpid():  # forked: the thread stayed where it was
                self._portal, self._process = None, os.getpid()
            if self._portal is None:
                with ExitStack() as stack:
                    portal = stack.enter_context(start_blocking_portal())
                    thread = portal.call(threading.current_thread)
                    thread.name = "judgekit-rewards"
                    stack.enter_context(portal.wrap_async_context_manager(self._rewarder))
                    weakref.finalize(self, _end, stack.pop_all(), thread)
                    self._portal = portal
            return self._portal

    def __reduce__(self) -> tuple[Any, ...]:
        return Blocking, (self._rewarder,)


def _end(stack: ExitStack, thread: threading.Thread) -> None:
    """Close it; by another thread where the garbage was collected in its own, which cannot wait for it."""
    if thread is threading.current_thread():
        threading.Thread(target=stack.close, name="judgekit-rewards-end").start()
    else:
        stack.close()

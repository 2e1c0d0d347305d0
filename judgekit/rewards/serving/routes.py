"""The trainers' own forms of asking for a reward by HTTP, and of being answered.

| route            | who asks so               | gives up after | a reward that cannot be given |
|------------------|---------------------------|----------------|-------------------------------|
| `/v1/rewards`    | anybody: our own form     | 300 s          | null, with status and reason  |
| `/get_reward`    | OpenRLHF, remote_url      | 180 s          | HTTP 503                      |
| `/score`         | slime, `--rm-type remote_rm` | 120 s       | HTTP 503                      |
| `/compute_score` | verl, from a `compute_score` | 300 s       | HTTP 503                      |

Only our own form has a word for "none", and says it under 503 where all of a request are; the others would
take a number for a reward, whatever it is, so they get an error, which their clients try again and then
raise. Forms without ids name groups by what the responses answer, and each response is another, even with the
same text.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any, Final

import orjson

from judgekit.errors import InputError, kind_of
from judgekit.items.check import Cells
from judgekit.items.texts import absent, mapping_of, name_of, named, plain_of
from judgekit.prompt import flat, who
from judgekit.rewards.core.conversion import (
    common,
    label_of,
    number,
    numbers,
    reference_of,
    response_in,
    rubric_of,
)
from judgekit.rewards.core.records import TRAINERS_NAMES, Group, Reward, text_of_chat
from judgekit.rewards.core.spec import RewardSpec
from judgekit.types import Text

MOST = 4_096
"""Responses in one request at most."""
_OURS = frozenset(
    {"id", "group", "group_size", "task", "response", "reference", "sources", "rubric", "columns"}
)
_ALSO = {
    **TRAINERS_NAMES, "label": "reference", "group_id": "group", "response_id": "id", "size": "group_size",
}  # fmt: skip
_PER_ROLLOUT = frozenset({"num_turns", "rollout_reward_scores"})  # verl's own, different for each response
_VERL_TASKS = ("task", "prompt", "question", "problem", "raw_prompt")
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A response whose reward is wanted; it may be empty, since policies write nothing at times."""

    task: Text
    response: Text
    group: str | None = None  # its key; without one, responses are grouped by what they have to share
    name: str | None = None  # in its group; who asks again by it gets the same reward without a call
    size: int | None = None  # of its group, where the body says so
    reference: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    rubric: Mapping[str, Any] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def shared(self) -> str:
        """Digest of what all responses of a group have to have in common."""
        return _digest([_plain(self.task), self.reference, dict(self.sources), self.rubric])

    @cached_property
    def content(self) -> str:
        """Digest of all that the reward may depend on, save the other responses."""
        return _digest([self.shared, _plain(self.response), dict(self.columns)])

    @property
    def key(self) -> str:
        """The key of the response's group: the given one, or a digest of what it answers."""
        return f"task:{self.shared}" if self.group is None else self.group


def group_of(members: Mapping[str, Wanted]) -> Group:
    """Return the group of some responses, in the order of their ids, without columns they differ in."""
    first = next(iter(members.values()))
    return Group(
        key=first.key, task=first.task, responses={name: members[name].response for name in sorted(members)},
        reference=first.reference, sources=first.sources, rubric=first.rubric,
        columns=common(each.columns for each in members.values()),
    )  # fmt: skip


def _plain(text: Text) -> Any:
    return text if isinstance(text, str) else [[who(message), message.content] for message in text]


def _digest(what: Any) -> str:
    try:
        raw = orjson.dumps(what, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InputError(f"a body holds what JSON cannot: {error}") from None
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Route:
    """The form of the requests and answers of one trainer's HTTP endpoint."""

    path: str
    patience: float  # seconds after which the trainer's client gives up
    read: Callable[[Body], tuple[Wanted, ...]]
    write: Callable[[Sequence[Wanted], Sequence[Reward], RewardSpec], Any]


def _read_own(body: Body) -> tuple[Wanted, ...]:
    if stray := sorted(set(body) - {"items"}):
        raise InputError(f'unknown keys {stray}; a body is {{"items": [{{"task": ..., "response": ...}}]}}')
    return tuple(_own(each, f"items[{i}]") for i, each in enumerate(_list(body, "items")))


def _own(raw: Any, where: str) -> Wanted:
    row = _renamed(mapping_of(raw, where), where)
    if stray := sorted(set(map(str, row)) - _OURS):
        raise InputError(
            f"{where}: nothing here is called {stray[0]!r}; there are {', '.join(sorted(_OURS))}, and "
            f"{', '.join(sorted(_ALSO))} as trainers have them"
        )
    cells = Cells(where, row)
    size = cells.count("group_size") if cells.get("group_size") is not None else None
    if size == 0:
        raise InputError(f"{where}: group_size is 0; a group has a response at least")
    sources, rubric, columns = cells.get("sources", {}), cells.get("rubric"), cells.get("columns", {})
    return Wanted(
        task=_task(row.get("task"), f"{where}: task"),
        response=text_of_chat(_there(row, "response", where), f"{where}: response"),
        group=None if cells.get("group") is None else cells.name("group"),
        name=None if cells.get("id") is None else cells.name("id"),
        size=size,
        reference=reference_of(row.get("reference"), f"{where}: reference"),
        sources={k: plain_of(v, f"{where}: source {k!r}")
                 for k, v in named(mapping_of(sources, f"{where}: sources"), f"{where}: sources").items()},
        rubric=rubric_of(rubric, f"{where}: rubric"),
        columns=dict(mapping_of(columns, f"{where}: columns")),
    )  # fmt: skip


def _renamed(row: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return a row by our names; InputError where a thing stands there by two."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        ours = _ALSO.get(name, str(name))
        if ours in found:
            raise InputError(f"{where}: {name!r} is {ours!r}, which stands there by another name, too")
        found[ours] = value
    return found


def _write_own(wanted: Sequence[Wanted], rewards: Sequence[Reward], spec: RewardSpec) -> Any:
    return {
        "ids": [each.name for each in wanted],
        "groups": [reward.group for reward in rewards],
        "rewards": [reward.value for reward in rewards],
        "status": [reward.status for reward in rewards],
        "reasons": [reward.reason for reward in rewards],
        "judged": [reward.judged for reward in rewards],
        "components": [dict(reward.components) for reward in rewards],
        **({"parts": [dict(reward.parts) for reward in rewards]} if spec.parts is not None else {}),
        "spec": spec.digest,
    }


def _read_openrlhf(body: Body) -> tuple[Wanted, ...]:
    queries = _list(body, "query")
    prompts, labels = _list(body, "prompts"), body.get("labels")
    labels = [None] * len(queries) if labels is None else _list(body, "labels")
    if not len(queries) == len(prompts) == len(labels):
        raise InputError(
            f"{len(queries)} query, {len(prompts)} prompts and {len(labels)} labels; "
            "there is one of each for a response"
        )
    return tuple(
        Wanted(
            _task(prompt, f"prompts[{i}]"),
            response_in(plain_of(query, f"query[{i}]"), plain_of(prompt, f"prompts[{i}]"), f"query[{i}]"),
            reference=label_of(label, f"labels[{i}]"),
            columns={} if label is None else {"label": label},
        )
        for i, (query, prompt, label) in enumerate(zip(queries, prompts, labels, strict=True))
    )


def _write_openrlhf(_: Sequence[Wanted], rewards: Sequence[Reward], spec: RewardSpec) -> Any:
    low, high = spec.span
    told = [numbers(reward, spec.told) for reward in rewards]
    logs = {name: fmean([row[name] for row in told]) for name in told[0] if name != "score"}
    logs = {name: value for name, value in logs.items() if math.isfinite(value)}
    values = [row["score"] for row in told]
    scores = [min(max((value - low) / (high - low), 0.0), 1.0) for value in values]
    return {"rewards": values, "scores": scores, "extra_logs": logs}


def _read_slime(body: Body) -> tuple[Wanted, ...]:
    response, label = _there(body, "response", "the body"), body.get("label")
    return (
        Wanted(
            _task(body.get("prompt"), "prompt"), text_of_chat(response, "response"),
            reference=label_of(label, "label"), columns={} if label is None else {"label": label},
        ),
    )  # fmt: skip


def _read_verl(body: Body) -> tuple[Wanted, ...]:
    extra = mapping_of({} if absent(body.get("extra_info")) else body["extra_info"], "extra_info")
    task = next((extra[name] for name in _VERL_TASKS if not absent(extra.get(name))), None)
    if task is None:
        raise InputError(
            f"extra_info holds no task; found {sorted(map(str, extra))}, but none of "
            f"{', '.join(_VERL_TASKS)}; put the prompt into the data set's extra_info"
        )
    truth = body.get("ground_truth")
    kept = {"data_source": body.get("data_source"), "ground_truth": truth}
    return (
        Wanted(
            _task(task, "the task in extra_info"),
            text_of_chat(_there(body, "solution_str", "the body"), "solution_str"),
            group=None if absent(extra.get("group")) else name_of(extra["group"], "extra_info: group"),
            reference=label_of(truth, "ground_truth"),
            rubric=rubric_of(extra.get("rubric"), "extra_info: rubric"),
            columns={**{str(k): v for k, v in extra.items() if k not in _PER_ROLLOUT}, **kept},
        ),
    )  # fmt: skip


def _task(value: Any, what: str) -> Text:
    if absent(value):
        raise InputError(f"{what} is missing; say what the response answers")
    text = text_of_chat(value, what)
    if not flat(text).strip():
        raise InputError(f"{what} is blank; say what the response answers")
    return text


def _there(row: Mapping[str, Any], key: str, where: str) -> Any:
    if row.get(key) is None:
        raise InputError(f"{where} has no {key!r}; found {sorted(map(str, row))}")
    return row[key]


def _list(body: Body, key: str) -> list[Any]:
    value = _there(body, key, "the body")
    if not isinstance(value, list) or not value:
        raise InputError(f"{key!r} is {'empty' if value == [] else f'{kind_of(value)}'}, not a list")
    if len(value) > MOST:
        raise InputError(f"{key!r} holds {len(value)}; send {MOST} at most, in several requests")
    return value


ROUTES: Final = (
    Route("/v1/rewards", 300.0, _read_own, _write_own),
    Route("/get_reward", 180.0, _read_openrlhf, _write_openrlhf),
    Route("/score", 120.0, _read_slime, lambda _, rewards, __: number(*rewards)),
    Route("/compute_score", 300.0, _read_verl, lambda _, rewards, spec: numbers(rewards[0], spec.told)),
)

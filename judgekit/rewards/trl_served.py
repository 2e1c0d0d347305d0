"""TRL with groups spread over processes: a reward function that asks a reward server.

    from judgekit.rewards.trl_served import served_reward_func

    reward = served_reward_func("http://127.0.0.1:8077", num_generations=8, row_id="id", reference="answer")
    trainer = GRPOTrainer("my-model", reward, args, train_dataset=rows)
    trainer.train()

Each process sends its own rows to `judgekit reward serve --spec spec.toml`, which waits until a group is
whole and then judges it once. Groups go by the row's id and by how often the function was called, which is
the same in every process of a run. The spec, the judges, and what a failure becomes are the server's.

A response without a reward is None, also where all of a process's are. Each process ends its training by
`JudgeOutage` where too many of its own failed, since the server answers with what there is.
"""

import asyncio
import os
import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from judgekit.errors import InputError, JudgeOutage
from judgekit.items.talk import plain_chat
from judgekit.rewards.core.conversion import Columns, cut_rows, groups_of, identities, sized
from judgekit.rewards.core.prepared import WINDOW, digest_of, outage
from judgekit.rewards.core.records import Group
from judgekit.rewards.trl import NONE_SINCE, AsyncReward, as_function, data_of, installed

_PASSING = frozenset({429, 502, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds


@dataclass(kw_only=True)
class _Served:
    url: str
    columns: Columns
    size: int
    run: str
    rank: str
    token: str | None = field(repr=False)
    window: float
    patience: float
    sent: Sequence[str]
    max_failed: float
    called: int = 0
    sized: bool = False
    recent: deque[str | None] = field(default_factory=lambda: deque(maxlen=WINDOW))


def served_reward_func(
    url: str,
    *,
    num_generations: int,
    row_id: str,
    reference: str | None = None,
    rubric: str | None = None,
    columns: Sequence[str] = (),
    run: str | None = None,
    token: str | None = None,
    window_seconds: float = 60.0,
    patience_seconds: float = 300.0,
    max_failed: float = 0.2,
) -> AsyncReward:
    """A reward function for GRPO and RLOO under several processes.

    Args:
        url: Where the server listens.
        num_generations: The trainer's; in evaluation too.
        row_id: Column that tells rows apart.
        reference: Column with the text known to be good.
        rubric: Column with the row's own rubric: JSON, or the mapping that Arrow made of it.
        columns: Further columns that the spec's checks look at.
        run: Tells trainings apart that share a server; where the processes meet, where left out.
        token: What the server wants to be shown; `$JUDGEKIT_REWARD_TOKEN` where left out.
        window_seconds: How long a group waits for its rest: no process may be further behind. A group that
            is not whole by then is judged as it is, and counted by the server as partial.
        patience_seconds: How long the server may take.
        max_failed: Share of failures beyond which the training ends, as in a spec.

    Raises `InputError` if TRL takes None for 0.
    """
    check_version(installed())
    met = f"{os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '')}"
    served = _Served(
        url=url.rstrip("/"), columns=Columns(reference, rubric, row_id), size=num_generations,
        run=met if run is None else run, rank=os.environ.get("RANK", "0"),
        token=os.environ.get("JUDGEKIT_REWARD_TOKEN") if token is None else token,
        window=window_seconds, patience=patience_seconds, sent=tuple(columns), max_failed=max_failed,
    )  # fmt: skip
    return as_function(judgekit_served_reward, served, "judgekit")


def check_version(version: tuple[int, ...] | None) -> None:
    """Refuse a TRL that takes None for 0: only the server knows whether it will answer None."""
    if version is not None and version < NONE_SINCE:
        raise InputError("a server may answer None, which TRL below 1.6 takes for 0; use TRL 1.6 or later")


async def judgekit_served_reward(
    served: _Served, *, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
) -> list[float | None]:
    """Return what TRL awaits; made by `served_reward_func`."""
    served.called += 1
    data = data_of(columns, len(prompts))
    rows = identities(prompts, data, served.columns)
    served.sized = sized(rows, served.size, before=served.sized)
    cut = cut_rows(rows, served.size)
    groups, _ = groups_of(cut, prompts, completions, data, served.columns)
    items = [item for group in groups for item in _items(served, group)]
    answer = await _asked(served, items)
    values, status = answer["rewards"], answer["status"]
    _check_failures(served, items, answer)
    if log_metric := columns.get("log_metric"):
        log_metric("judgekit/n", float(len(values)))
        log_metric("judgekit/failed_share", sum(s in {"failed", "imputed"} for s in status) / len(status))
    if log_extra := columns.get("log_extra"):
        log_extra("judgekit_status", status)
        log_extra("judgekit_reason", answer["reasons"])
    return [None if value is None else float(value) for value in values]


def _items(served: _Served, group: Group) -> list[dict[str, Any]]:
    """Return the group's responses in the server's own form; their ids are this process's alone."""
    row, _, _ = group.key.rpartition("#")
    if stray := [name for name in served.sent if name not in group.columns]:
        raise InputError(f"columns {stray} are not there, or differ within a group")
    shared = {
        "group": f"{served.run}/{served.called}/{row}",
        "group_size": served.size,
        "task": plain_chat(group.task),
        "reference": group.reference,
        "rubric": group.rubric,
        "columns": {name: group.columns[name] for name in served.sent},
    }
    return [
        {**shared, "id": f"{served.rank}.{place}.{digest_of(text)}", "response": plain_chat(text)}
        for place, text in group.responses.items()
    ]


def _check_failures(served: _Served, items: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]) -> None:
    """End where too many distinct responses failed, in this call or in the last ones."""
    texts = [(item["group"], item["id"].rpartition(".")[2]) for item in items]
    reasons = [
        reason if status in {"failed", "imputed"} else None
        for status, reason in zip(answer["status"], answer["reasons"], strict=True)
    ]
    failures = list(dict(zip(texts, reasons, strict=True)).values())
    served.recent.extend(failures)
    some = failures if len(failures) >= WINDOW else list(served.recent)
    if any(failures) and (told := outage(some, served.max_failed)):
        served.recent.clear()
        raise JudgeOutage(f"{served.url}: {told}")


async def _asked(served: _Served, items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the server's answer; that none of the rewards can be given (503) is one, too.

    A server that is gone, going down, or busy is asked again as long as there is patience: it knows by their
    ids what it has rewarded already.
    """
    headers = {"Authorization": f"Bearer {served.token}"} if served.token else {}
    url = f"{served.url}/v1/rewards?window_ms={round(1000 * served.window)}"
    url += f"&run={quote(served.run, safe='')}" if served.run.strip(":") else ""
    until = time.monotonic() + served.patience
    timeout = aiohttp.ClientTimeout(total=served.patience)
    pause = _FIRST_PAUSE
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        while True:
            cause: Exception | None = None
            try:
                async with session.post(url, json={"items": items}) as answer:
                    status, raw = answer.status, await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                cause, passing = error, True
                told = f"{served.url} gave no answer: {type(error).__name__}: {error}"
            else:
                found = _object(raw) if status in {200, 503} else {}
                if all(len(found.get(name, ())) == len(items) for name in ("rewards", "status", "reasons")):
                    return found
                passing, shown = status in _PASSING, raw[:300].decode(errors="replace")
                told = f"{served.url} answered {status}, no rewards of {len(items)} responses: {shown}"
            pause = min(2 * pause, _LONGEST_PAUSE)
            if not passing or time.monotonic() + pause > until:
                raise JudgeOutage(told) from cause
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError:  # nan, which no reward is, among them
        return {}
    return told if isinstance(told, dict) else {}

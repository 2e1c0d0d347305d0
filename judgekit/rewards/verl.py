"""verl: the custom reward function of its reward loop.

    reward.custom_reward_function.path=pkg://judgekit.rewards.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.spec=/data/spec.toml
    +reward.custom_reward_function.reward_kwargs.task_key=question
    reward.reward_manager.name=naive

verl asks about one response at a time and knows no None. A reward that cannot be given is therefore raised,
as `Unrewarded`, which ends the training: `rate_limited` makes 0.0 of any `Exception`, and so would a wrapper
of your own. It also makes 0.0 of what takes longer than `reward.timeout` (300 s): keep the spec's
`deadline_seconds` below it. The managers `naive`, `dapo`, `gdpo` and `rate_limited` can await a reward
function, `remote` cannot. Limits of speed belong into the spec (`concurrency`).

`ground_truth` is the reference; `task_key` (`question` where left out) names the task in `extra_info`.
What is returned has always the same names, since verl takes them from the first response of a batch:
`{"score": 0.67, "jk_gated": 0.0, "jk_vetoed": 0.0, "jk_imputed": 0.0, "criterion/polite": 1.0}`. A spec with
`py:` names needs `+reward.custom_reward_function.reward_kwargs.own_code=true`.

Where a reward depends on its group, or a failure is to get the mean of its group, let a reward server put
groups together and give its address instead of a spec. The address names the run, of which no two are ever
mixed, and says how large groups are (and how long they wait for their rest: `&window_ms=3000`);
`extra_info["group"]` says which one is meant; without it, that of the same task.

    judgekit reward serve --spec /data/spec.toml --port 8077
    "+reward.custom_reward_function.reward_kwargs.url='http://127.0.0.1:8077/compute_score?run=mine&group=8'"

A server that was there, and is gone or going down, is asked again for `reward_kwargs.seconds` (120); one that
never was is told at once. A token is better left to `$JUDGEKIT_REWARD_TOKEN`, since verl prints and logs its
configuration.
"""

import asyncio
import math
import os
import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from judgekit.errors import InputError, JudgeOutage
from judgekit.items.texts import absent
from judgekit.rewards.core.conversion import (
    NUMBERS,
    Unrewarded,
    kept,
    kept_rewarder,
    lone,
    numbers,
    one_by_one,
    reward_of,
)
from judgekit.rewards.core.records import CRITERION

_PASSING: Final = frozenset({429, 502, 503, 504})
_PAUSE: Final = 0.5  # seconds until a server that is away is asked again
_reached: set[str] = set()  # addresses that a server was reached at: it will be there again


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any = None,
    extra_info: Mapping[str, Any] | None = None,
    *,
    spec: str | None = None,
    url: str | None = None,
    task_key: str = "question",
    own_code: bool = False,
    token: str | None = None,
    seconds: float = 120.0,
    reward_router_address: str | None = None,  # noqa: ARG001 - verl's, where it serves a reward model
    reward_model_tokenizer: Any = None,  # noqa: ARG001 - likewise
) -> dict[str, float]:
    """The reward of one response, as numbers.

    Args:
        data_source: Name of the data set; checks see it among the columns.
        solution_str: The response.
        ground_truth: A text known to be good, or None.
        extra_info: Whatever else the row has; `rubric` is its own rubric, in JSON.
        spec: TOML file of the spec.
        url: Of a reward server's `/compute_score`, instead of a spec.
        task_key: What the task is called in `extra_info`.
        own_code: Whether `py:` names of judges and checks may import code.
        token: What the server wants to be shown; `$JUDGEKIT_REWARD_TOKEN` where left out.
        seconds: How long the server may take or be away, its waiting for the rest of the group included.
        reward_router_address: Not used.
        reward_model_tokenizer: Not used.

    Returns `score`, 1.0 or 0.0 for `jk_gated`, `jk_vetoed` and `jk_imputed`, and `criterion/NAME`, the value
    of each criterion and check (0 where a gate stopped the response, nan in a row whose own rubric lacks it).
    Raises `Unrewarded` if there is no reward, whatever the cause.
    """
    try:
        if (spec is None) == (url is None):
            why = "give reward_kwargs.spec (a file) or reward_kwargs.url (a server), and not both"
            raise InputError(why)  # noqa: TRY301
        columns = {**(extra_info or {}), "data_source": data_source}
        task = _task(columns, task_key)
        if url is not None:
            row = {"solution_str": solution_str, "ground_truth": ground_truth, "data_source": data_source}
            body = _plain({**row, "extra_info": {**(extra_info or {}), "task": task}})
            return await _posted(url, body, token, seconds)
        rewarder = await kept_rewarder(str(spec), own_code=own_code)
        one_by_one(rewarder.spec, "verl")
        group = lone(task, solution_str, reference=ground_truth, columns=columns)
        return numbers(await reward_of(rewarder, group), rewarder.spec.told)
    except Exception as error:
        raise Unrewarded(f"data source {data_source!r}: {error}") from error


def _task(columns: Mapping[str, Any], key: str) -> Any:
    if key not in columns:
        raise InputError(f"extra_info has no {key!r} to judge the response by; it has {sorted(columns)}")
    return columns[key]


async def _posted(url: str, body: Mapping[str, Any], token: str | None, seconds: float) -> dict[str, float]:
    """Return the reward a server gives; one that was there before and is away is asked again meanwhile."""
    until = time.monotonic() + seconds
    shown = os.environ.get("JUDGEKIT_REWARD_TOKEN") if token is None else token
    headers = {"Authorization": f"Bearer {shown}"} if shown else {}
    while True:
        left = until - time.monotonic()
        timeout = aiohttp.ClientTimeout(total=max(left, _PAUSE))
        session = await kept("session", _session)
        try:
            async with session.post(url, json=body, headers=headers, timeout=timeout) as answer:
                _reached.add(url)
                if answer.status == 200:
                    return _numbers_in(await answer.json(), url)
                text = await answer.text()
                if answer.status not in _PASSING or '"no rewards' in text or left < _PAUSE:
                    raise JudgeOutage(f"{url} answered {answer.status}: {text[:300]}")
        except aiohttp.ClientConnectionError as error:
            if not isinstance(error, aiohttp.ClientConnectorError):
                _reached.add(url)  # it was cut off
            if left < _PAUSE or url not in _reached:
                raise
        await asyncio.sleep(_PAUSE)


def _numbers_in(told: Any, url: str) -> dict[str, float]:
    if not isinstance(told, Mapping) or not all(_is_number(told.get(name)) for name in NUMBERS):
        raise JudgeOutage(f"{url} gave no reward but {told!r:.300}")
    seen = {name: value for name, value in told.items() if name.startswith(CRITERION)}
    also = {name: float(value) if _is_number(value) else math.nan for name, value in seen.items()}
    return {**{name: float(told[name]) for name in NUMBERS}, **also}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _session() -> aiohttp.ClientSession:
    """Open a session without a limit of connections: who waits for a group must not keep its rest out."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def _plain(value: Any) -> Any:
    """Return what JSON can carry of a row that numpy, pandas and OmegaConf have been at; gaps are null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if absent(value) and value != "":
        return None
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value

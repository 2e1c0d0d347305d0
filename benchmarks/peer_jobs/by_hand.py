"""The floor: the loop of `overhead.py`, written by hand with aiohttp and orjson."""

from typing import Any

from job import Job, measured
from overhead import floor


def load() -> Any:
    import aiohttp  # noqa: F401 - what a loop by hand imports
    import orjson  # noqa: F401


async def judge(_: Any, job: Job) -> int:
    return await floor(job.items, job.url, job.folder / "out.jsonl", at_once=job.at_once)


measured(load, judge)

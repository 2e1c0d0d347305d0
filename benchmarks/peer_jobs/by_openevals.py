"""openevals: `create_async_llm_as_judge`, as its README shows it; it has no runner, so a semaphore bounds it."""

import asyncio
from typing import Any

from job import MODEL, QUESTION, Job, measured

PROMPT = f"{QUESTION}\n\n<task>\n{{inputs}}\n</task>\n\n<response>\n{{outputs}}\n</response>\n"


def load() -> Any:
    from openevals.llm import create_async_llm_as_judge

    return create_async_llm_as_judge


async def judge(create: Any, job: Job) -> int:
    polite = create(prompt=PROMPT, feedback_key="polite", model=f"openai:{MODEL}")
    gate = asyncio.Semaphore(job.at_once)

    async def one(row: dict[str, str]) -> Any:
        async with gate:
            return await polite(inputs=row["task"], outputs=row["response"])

    return sum(each["score"] is True for each in await asyncio.gather(*map(one, job.rows())))


measured(load, judge)

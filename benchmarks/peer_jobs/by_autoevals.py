"""autoevals: `LLMClassifier.eval_async`, as its README shows it; it has no runner, so a semaphore bounds it."""

import asyncio
from typing import Any

from job import MODEL, QUESTION, Job, measured

PROMPT = f"{QUESTION}\n\n[Task]\n{{{{input}}}}\n\n[Response]\n{{{{output}}}}\n"


def load() -> Any:
    from autoevals import LLMClassifier, init
    from openai import AsyncOpenAI

    return AsyncOpenAI, LLMClassifier, init


async def judge(loaded: Any, job: Job) -> int:
    client, classifier, init = loaded
    init(client(base_url=job.url))
    polite = classifier(
        name="polite", prompt_template=PROMPT, choice_scores={"yes": 1, "no": 0}, model=MODEL, use_cot=True
    )
    gate = asyncio.Semaphore(job.at_once)

    async def one(row: dict[str, str]) -> Any:
        async with gate:
            return await polite.eval_async(input=row["task"], output=row["response"])

    return sum(each.score == 1 for each in await asyncio.gather(*map(one, job.rows())))


measured(load, judge)

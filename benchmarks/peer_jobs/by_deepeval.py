"""deepeval: `GEval` with its steps written down, strict (0 or 1), alone or by `evaluate`, its own runner.

Alone is `a_measure` of a metric for each item, bounded by a semaphore. `evaluate` writes its whole run and its
whole cache anew after each item, so what an item costs grows with their number.
"""

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any

from job import MODEL, QUESTION, Job, measured


def load() -> Any:
    import deepeval
    from deepeval import evaluate, metrics, test_case
    from deepeval.evaluate import configs

    return deepeval, evaluate, metrics, test_case, configs


def polite(loaded: Any) -> Any:
    _, _, metrics, test_case, _ = loaded
    params = test_case.SingleTurnParams
    return metrics.GEval(
        name="polite",
        evaluation_steps=[QUESTION],
        evaluation_params=[params.INPUT, params.ACTUAL_OUTPUT],
        model=MODEL,
        strict_mode=True,
    )


def cases(loaded: Any, job: Job) -> list[Any]:
    case = loaded[3].LLMTestCase
    return [case(input=row["task"], actual_output=row["response"]) for row in job.rows()]


async def alone(loaded: Any, job: Job) -> int:
    gate = asyncio.Semaphore(job.at_once)

    async def one(case: Any) -> Any:
        async with gate:
            return await polite(loaded).a_measure(case, _show_indicator=False)

    return sum(score == 1 for score in await asyncio.gather(*map(one, cases(loaded, job))))


def evaluated(loaded: Any, job: Job) -> int:
    _, evaluate, _, _, configs = loaded
    made = evaluate(
        cases(loaded, job),
        [polite(loaded)],
        async_config=configs.AsyncConfig(max_concurrent=job.at_once),
        display_config=configs.DisplayConfig(
            show_indicator=False, print_results=False, inspect_after_run=False
        ),
        cache_config=configs.CacheConfig(use_cache=job.keep),
    )
    return sum(each.metrics_data[0].score == 1 for each in made.test_results)


def judge(loaded: Any, job: Job) -> int | Awaitable[int]:
    return evaluated(loaded, job) if sys.argv[7] == "evaluate" else alone(loaded, job)


measured(load, judge)

"""judgekit: `stream_scores` with a ledger and every check, through `endpoint` or through litellm."""

import sys
from typing import Any

from job import MODEL, Job, measured
from overhead import RUBRIC


def load() -> Any:
    import judgekit as jk

    return jk


def judge(jk: Any, job: Job) -> int:
    litellm = {"judge": f"openai/{MODEL}", "api_base": job.url, "key_env": "OPENAI_API_KEY"}
    scores = jk.stream_scores(
        job.items,
        RUBRIC,
        litellm if sys.argv[7] == "litellm" else f"endpoint:{job.url}#{MODEL}",
        ledger=job.folder / "ledger.sqlite",
        limits=jk.Limits(concurrency=job.at_once),
    )
    return sum(score.value == 1.0 for score in scores if score.level == "rubric")


measured(load, judge)

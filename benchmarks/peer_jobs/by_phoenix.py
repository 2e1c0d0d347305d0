"""arize-phoenix-evals: `create_classifier` and `async_evaluate_dataframe`, its own runner."""

import json
from typing import Any

from job import MODEL, QUESTION, Job, measured

PROMPT = f"{QUESTION}\n\nTask: {{task}}\n\nResponse: {{response}}\n"


def load() -> Any:
    import pandas as pd
    from phoenix.evals import LLM, async_evaluate_dataframe, create_classifier

    return pd, LLM, create_classifier, async_evaluate_dataframe


async def judge(loaded: Any, job: Job) -> int:
    pd, llm, classifier, evaluate = loaded
    polite = classifier(
        name="polite",
        prompt_template=PROMPT,
        llm=llm(provider="openai", model=MODEL, base_url=job.url),
        choices={"yes": 1, "no": 0},
    )
    items = pd.DataFrame(job.rows())
    made = await evaluate(dataframe=items, evaluators=[polite], concurrency=job.at_once, hide_tqdm_bar=True)
    told = (json.loads(each) if isinstance(each, str) else each for each in made["polite_score"])
    return sum(bool(each) and each["score"] == 1 for each in told)


measured(load, judge)

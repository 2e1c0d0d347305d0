"""autorubric: `CriterionGrader` and `evaluate`, its own runner, which keeps an experiment and goes on from it."""

from typing import Any

from job import MODEL, QUESTION, Job, measured


def load() -> Any:
    from autorubric import LLMConfig, Rubric, RubricDataset
    from autorubric.eval import evaluate
    from autorubric.graders import CriterionGrader

    return LLMConfig, Rubric, RubricDataset, CriterionGrader, evaluate


async def judge(loaded: Any, job: Job) -> int:
    config, rubric, dataset, grader, evaluate = loaded
    model = config(model=f"openai/{MODEL}", api_base=job.url, max_parallel_requests=job.at_once)
    items = dataset(rubric=rubric.from_dict([{"name": "polite", "weight": 1.0, "requirement": QUESTION}]))
    for row in job.rows():
        items.add_item(submission=row["response"], description=row["id"], prompt=row["task"])
    made = await evaluate(
        items,
        grader(judge_model_config=model),
        show_progress=False,
        experiment_name=job.items.stem,
        experiments_dir=job.folder / "experiments",
    )
    return sum(score == 1.0 for score in made.get_scores())


measured(load, judge)

"""inspect-ai: `model_graded_qa` on responses that are there already, by `eval`, its own runner, with its log."""

from typing import Any

from job import MODEL, QUESTION, Job, measured


def load() -> Any:
    import inspect_ai
    from inspect_ai import dataset, model, scorer, solver

    return inspect_ai, dataset, model, scorer, solver


def judge(loaded: Any, job: Job) -> int:
    inspect_ai, dataset, model, scorer, solver = loaded

    @solver.solver
    def answered() -> Any:
        async def solve(state: Any, _: Any) -> Any:
            state.output = model.ModelOutput.from_content("none", state.metadata["response"])
            return state

        return solve

    samples = [
        dataset.Sample(
            id=row["id"], input=row["task"], target=QUESTION, metadata={"response": row["response"]}
        )
        for row in job.rows()
    ]
    (log,) = inspect_ai.eval(
        inspect_ai.Task(dataset=samples, solver=answered(), scorer=scorer.model_graded_qa()),
        model=f"openai/{MODEL}",
        model_base_url=job.url,
        display="none",
        log_dir=str(job.folder / "logs"),
        max_samples=job.at_once,
        max_connections=job.at_once,
        cache=job.keep,
    )
    return sum(sample.scores["model_graded_qa"].value == "C" for sample in log.samples or ())


measured(load, judge)

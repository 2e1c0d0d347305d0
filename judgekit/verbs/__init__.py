"""The verbs: here names become objects, options a plan and a recipe, and what was run a `Run`."""

from judgekit.verbs.faces import preview, score, score_async, stream_scores, stream_scores_async
from judgekit.verbs.job import DEFAULT_LEDGER, Job, Options, prepare
from judgekit.verbs.results import Run, Writer

__all__ = [
    "DEFAULT_LEDGER", "Job", "Options", "Run", "Writer", "prepare", "preview", "score", "score_async",
    "stream_scores", "stream_scores_async",
]  # fmt: skip

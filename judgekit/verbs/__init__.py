"""The verbs: here names become objects, options a plan and a recipe, and what was run a `Run`."""

from judgekit.verbs.faces import (
    compare,
    compare_async,
    match,
    match_async,
    preview,
    rank,
    rank_async,
    score,
    score_async,
    stream_scores,
    stream_scores_async,
)
from judgekit.verbs.job import Job, prepare
from judgekit.verbs.options import DEFAULT_LEDGER, Options
from judgekit.verbs.results import Run, Writer, load_run

__all__ = [
    "DEFAULT_LEDGER", "Job", "Options", "Run", "Writer", "compare", "compare_async", "load_run", "match",
    "match_async", "prepare", "preview", "rank", "rank_async", "score", "score_async", "stream_scores",
    "stream_scores_async",
]  # fmt: skip

"""judgekit: LLM-as-judge and rubric scoring that says how far its judges can be trusted.

    rubric + items -> calls -> replies -> verdicts + abstentions -> scores

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from judgekit.face import lazily

__version__ = "0.3.0"

_ROOMS = {
    "errors": ("BudgetExceeded", "InputError", "JudgekitError", "JudgeOutage", "ProviderError"),
    "types": (
        "Abstention", "Call", "Estimate", "Evidence", "Item", "Message", "Reply", "Score", "Unit", "Verdict",
    ),
    "roles": ("Judge",),
    "rubric": ("Criterion", "Group", "Rubric", "load_rubric"),
    "items": ("read_items",),
    "judges.resolve": ("Scripted", "resolve"),
    "run": ("Limits",),
    "recordings": ("ingest",),
    "verbs": (
        "Run", "compare", "compare_async", "load_run", "match", "match_async", "preview", "rank",
        "rank_async", "score", "score_async", "stream_scores", "stream_scores_async",
    ),
    "verbs.agree": ("agree",),
    "verbs.calibrate": ("calibrate",),
    "verbs.cascade": ("cascade", "score_cascade"),
    "verbs.stand": ("stand",),
    "rewards.core.rewarder": ("Rewarder", "reward", "reward_async"),
}  # fmt: skip
_PACKAGES = ("agreement", "aggregate", "calibration", "rewards", "standing")

__getattr__, __dir__ = lazily(__name__, _ROOMS, packages=_PACKAGES)
__all__ = tuple(name for names in _ROOMS.values() for name in names)

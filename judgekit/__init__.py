"""judgekit: LLM-as-judge and rubric scoring that says how far its judges can be trusted.

    rubric + items -> calls -> replies -> verdicts + abstentions -> scores

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from judgekit import agreement as agreement
    from judgekit import calibration as calibration
    from judgekit import rewards as rewards
    from judgekit import standing as standing
    from judgekit.errors import BudgetExceeded, InputError, JudgekitError, JudgeOutage, ProviderError
    from judgekit.ingest import ingest
    from judgekit.items import read_items
    from judgekit.judges.resolve import resolve
    from judgekit.judges.scripted import Scripted
    from judgekit.rewards.core.rewarder import Rewarder, reward, reward_async
    from judgekit.roles import Judge
    from judgekit.rubric import Criterion, Group, Rubric, load_rubric
    from judgekit.run import Limits
    from judgekit.types import (
        Abstention,
        Call,
        Estimate,
        Evidence,
        Item,
        Message,
        Reply,
        Score,
        Unit,
        Verdict,
    )
    from judgekit.verbs import (
        Run,
        compare,
        compare_async,
        load_run,
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
    from judgekit.verbs.agree import agree
    from judgekit.verbs.calibrate import calibrate
    from judgekit.verbs.cascade import cascade
    from judgekit.verbs.escalating import score_cascade
    from judgekit.verbs.stand import stand

__version__ = "0.2.0"

_ROOMS = {
    "errors": ("BudgetExceeded", "InputError", "JudgekitError", "JudgeOutage", "ProviderError"),
    "types": (
        "Abstention", "Call", "Estimate", "Evidence", "Item", "Message", "Reply", "Score", "Unit", "Verdict",
    ),
    "roles": ("Judge",),
    "rubric": ("Criterion", "Group", "Rubric", "load_rubric"),
    "items": ("read_items",),
    "judges.resolve": ("resolve",),
    "judges.scripted": ("Scripted",),
    "run": ("Limits",),
    "ingest": ("ingest",),
    "verbs": (
        "Run", "compare", "compare_async", "load_run", "match", "match_async", "preview", "rank",
        "rank_async", "score", "score_async", "stream_scores", "stream_scores_async",
    ),
    "verbs.agree": ("agree",),
    "verbs.calibrate": ("calibrate",),
    "verbs.cascade": ("cascade",),
    "verbs.escalating": ("score_cascade",),
    "verbs.stand": ("stand",),
    "rewards.core.rewarder": ("Rewarder", "reward", "reward_async"),
}  # fmt: skip
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Abstention", "BudgetExceeded", "Call", "Criterion", "Estimate", "Evidence", "Group", "InputError",
    "Item", "Judge", "JudgeOutage", "JudgekitError", "Limits", "Message", "ProviderError", "Reply",
    "Rewarder", "Rubric", "Run", "Score", "Scripted", "Unit", "Verdict", "agree", "calibrate", "cascade",
    "compare",
    "compare_async", "ingest", "load_rubric", "load_run", "match", "match_async", "preview", "rank",
    "rank_async", "read_items", "resolve", "reward", "reward_async", "score", "score_async", "score_cascade",
    "stand", "stream_scores", "stream_scores_async",
]  # fmt: skip


_MODULES = frozenset(
    {"agreement", "calibration", "rewards", "standing"}
)  # rooms that are called by their own name


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES, "__version__"])

"""judgekit: LLM-as-judge and rubric scoring that says how far its judges can be trusted.

    rubric + items -> calls -> replies -> verdicts + abstentions -> scores

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from judgekit.errors import BudgetExceeded, InputError, JudgekitError, JudgeOutage, ProviderError
    from judgekit.items import read_items
    from judgekit.judges.resolve import resolve
    from judgekit.judges.scripted import Scripted
    from judgekit.rubric import Criterion, Group, Rubric, load_rubric
    from judgekit.run import Limits
    from judgekit.types import Abstention, Call, Evidence, Item, Judge, Message, Reply, Score, Unit, Verdict
    from judgekit.verbs import Run, preview, score, score_async, stream_scores, stream_scores_async

__version__ = "0.1.0"

_WHERE = {
    "BudgetExceeded": "errors", "InputError": "errors", "JudgekitError": "errors", "JudgeOutage": "errors",
    "ProviderError": "errors", "read_items": "items", "resolve": "judges.resolve",
    "Scripted": "judges.scripted", "Criterion": "rubric", "Group": "rubric", "Rubric": "rubric",
    "load_rubric": "rubric", "Limits": "run", "Abstention": "types", "Call": "types", "Evidence": "types",
    "Item": "types", "Judge": "types", "Message": "types", "Reply": "types", "Score": "types",
    "Unit": "types",
    "Verdict": "types", "Run": "verbs", "preview": "verbs", "score": "verbs", "score_async": "verbs",
    "stream_scores": "verbs", "stream_scores_async": "verbs",
}  # fmt: skip

__all__ = [
    "Abstention", "BudgetExceeded", "Call", "Criterion", "Evidence", "Group", "InputError", "Item", "Judge",
    "JudgeOutage", "JudgekitError", "Limits", "Message", "ProviderError", "Reply", "Rubric", "Run", "Score",
    "Scripted", "Unit", "Verdict", "load_rubric", "preview", "read_items", "resolve", "score", "score_async",
    "stream_scores", "stream_scores_async",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

"""What a scheme is: it says what is asked about a group, and what the answers say of each response."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from judgekit.recipes.grading import Counted
from judgekit.rewards.core.laying import Laid
from judgekit.rewards.core.pooling import pooled
from judgekit.rewards.core.records import Judgement
from judgekit.rewards.core.spec import RewardSpec
from judgekit.types import Abstention, Item, Judged, Outcome, Score

LATE = "deadline"
"""Why there is no value, where nothing more is known."""


class Scheme(Protocol):
    """How responses are judged."""

    @property
    def recipe(self) -> Counted:
        """What is walked over each item."""
        ...

    def items(self, laid: Laid) -> tuple[Item, ...]:
        """What is asked about a group; equal item ids are equal items, of any groups."""
        ...

    def judgements(self, laid: Laid, judged: Mapping[str, Judged]) -> dict[str, Judgement]:
        """What the answers say of each open response, by its digest."""
        ...


def over_judges(
    spec: RewardSpec, n_judges: int, values: Mapping[str, float | None]
) -> tuple[float | None, str]:
    """Judges' values of one response pooled, or None and why: too few of them gave one."""
    there = [value for value in values.values() if value is not None]
    needed = n_judges if spec.min_judges is None else spec.min_judges
    if len(there) < max(needed, 1):
        return None, f"{len(there)} of {n_judges} judges gave a value, {needed} are needed"
    return pooled(spec.pool, k=spec.pool_k)(sorted(there)), ""


def why_not(outcomes: Iterable[Outcome], otherwise: str) -> str:
    """The commonest reason of the abstentions, with the words of one of them."""
    failed = [o for o in outcomes if isinstance(o, Abstention)]
    if not failed:
        return otherwise
    [(reason, _)] = Counter(o.reason for o in failed).most_common(1)
    detail = next(o.detail for o in failed if o.reason == reason)
    return f"{reason}: {detail}" if detail else reason


def no_scores(*_: object) -> tuple[Score, ...]:
    """No scores yet: they are made a judge at a time, when all is there."""
    return ()

"""From a judged value to a reward: length, range, grid, dead band. Pure arithmetic on finite numbers."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field, model_validator

from judgekit.rewards.core.answers import Part

Span = tuple[float, float]


class LengthPenalty(BaseModel):
    """A penalty that grows from `target` words to `limit` words, and stays there.

    Words are counted by `answers.words`: what blanks separate, each sign of Chinese and Japanese, and each
    begun twenty letters without a blank.

    Args:
        target: Words up to which there is none.
        limit: Words from which on it is whole; twice the target where left out.
        share: How much of the range it takes at most.
        part: Whose words: `final`, those of the last message of the assistant without reasoning; or `whole`.

    Source:
        The soft overlong punishment of DAPO (Yu et al., 2025, arXiv 2503.14476), in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target: int = Field(gt=0)
    limit: int | None = None
    share: float = Field(default=0.2, gt=0, le=1)
    part: Part = "final"

    @model_validator(mode="after")
    def _whole(self) -> "LengthPenalty":
        if self.limit is not None and self.limit <= self.target:
            raise ValueError(f"limit {self.limit} is not above target {self.target}")
        return self

    def of(self, words: int) -> float:
        """The share of the range that a response of so many words loses.

        >>> [LengthPenalty(target=100).of(n) for n in (80, 150, 900)]
        [0.0, 0.1, 0.2]
        """
        limit = self.limit or 2 * self.target
        return self.share * min(max((words - self.target) / (limit - self.target), 0.0), 1.0)


def shaped(
    value: float, *, own: Span, into: Span, clip: bool, grid: float | None, lost: float = 0.0
) -> float:
    """A judged value as a reward.

    Args:
        value: On the scheme's own span.
        own: That span.
        into: The range of rewards it is mapped onto.
        clip: Whether what lies outside the span (points below zero) is cut to it.
        grid: Steps of the span's width that it is rounded to; None leaves it.
        lost: Share of the range that length takes.

    >>> shaped(0.52, own=(0, 1), into=(-1, 1), clip=True, grid=0.05)
    0.0
    """
    low, high = own
    place = (value - low) / (high - low) - lost
    if grid is not None:
        place = round(place / grid) * grid
    if clip:
        place = min(max(place, 0.0), 1.0)
    return round(into[0] + place * (into[1] - into[0]), 12) + 0.0


def flattened(values: Mapping[str, float], band: float) -> dict[str, float]:
    """A group whose rewards differ by less than `band` gets its mean: no signal, not an amplified one.

    Trainers divide by the standard deviation of a group, so that a spread of .001 would become an
    advantage of more than 1.

    >>> flattened({"a": 0.5, "b": 0.501}, 0.01)
    {'a': 0.5005, 'b': 0.5005}
    """
    if not values or max(values.values()) - min(values.values()) >= band:
        return dict(values)
    return dict.fromkeys(values, fmean(values.values()))


def mixed(parts: Sequence[tuple[float, float]]) -> float:
    """The mean of (weight, value) parts; weights are positive.

    >>> mixed([(3.0, 1.0), (1.0, 0.0)])
    0.75
    """
    return math.fsum(w * v for w, v in parts) / math.fsum(w for w, _ in parts)

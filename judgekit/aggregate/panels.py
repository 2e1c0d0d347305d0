"""Panels by name: how several judges' outcomes on one question become one, for options and commands."""

from collections.abc import Mapping

from judgekit.aggregate import pools, votes
from judgekit.aggregate.fitted import FITTED
from judgekit.aggregate.pools import Pool
from judgekit.errors import InputError, there_are

PANELS: Mapping[str, Pool] = {
    "mean": pools.mean,
    "median": pools.median,
    "trimmed_mean": pools.trimmed_mean(0.2),
    "log_pool": pools.log_pool(),
    "majority": votes.strict_majority,
    "plurality": votes.plurality,
    "unanimous": votes.unanimous,
    "conservative": votes.conservative,
    "confidence": pools.confidence_weighted,
}


def pool_of(panel: str | Pool, *, min_judges: int = 1) -> Pool:
    """The pool of a name, or the pool itself, abstaining below a number of judges.

    Raises:
        InputError: If there is no pool of that name, or the number is below 1.

    >>> pool_of("mean") is pools.mean
    True
    """
    if min_judges < 1:
        raise InputError(f"min_judges={min_judges}; at least 1")
    if isinstance(panel, str):
        if panel not in PANELS:
            raise InputError(f"no panel {panel!r}; {there_are(panel, [*PANELS, *FITTED])}")
        panel = PANELS[panel]
    return panel if min_judges == 1 else pools.minimum(panel, min_judges)

"""Many verdicts -> one score: plain functions of outcomes.

`panel=` takes a pool, which makes one outcome of several judges' on a criterion, by its name or as one of
these functions; `aggregate=` takes a function that makes the scores of an item.
"""

from judgekit.face import lazily

_ROOMS = {
    "pairs": ("pair_scores",),
    "panels": ("pool_of",),
    "pools": ("confidence_weighted", "linear_pool", "log_pool", "mean", "median", "minimum", "trimmed_mean"),
    "scores": ("rubric_scores",),
    "votes": ("conservative", "plurality", "strict_majority", "unanimous", "weighted"),
}

__getattr__, __dir__ = lazily(__name__, _ROOMS)

"""Many verdicts -> one score: plain functions of outcomes.

`panel=` takes a pool, which makes one outcome of several judges' on a criterion, by its name or as one of
these functions; `aggregate=` takes a function that makes the scores of an item.
"""

from judgekit.face import lazily

__getattr__, __dir__ = lazily(__name__)

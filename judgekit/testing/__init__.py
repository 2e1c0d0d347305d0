"""Judging in tests: `assert_score` in pytest, undecided as a state of its own, results gathered in one run.

The plugin of pytest is found by itself where both are installed; it does nothing until a test judges.
"""

from judgekit.face import lazily

__getattr__, __dir__ = lazily(__name__)

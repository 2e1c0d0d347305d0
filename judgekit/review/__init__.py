"""People in the loop: which answers a person should give, blind sheets out, labels in."""

from judgekit.review.route import RULES, Case, drawn, pick, route
from judgekit.review.sheet import (
    Question,
    Sheet,
    join,
    make_sheet,
    read_answers,
    read_key,
    shuffled,
    write_sheet,
)

__all__ = [
    "RULES", "Case", "Question", "Sheet", "drawn", "join", "make_sheet", "pick", "read_answers", "read_key",
    "route", "shuffled", "write_sheet",
]  # fmt: skip

"""Protocols: how ONE call is asked and read back, a module and a record each.

A protocol puts the criteria that are asked together onto a `Sheet`, which holds all of the prompt that does
not depend on the item; `read` turns a reply into one outcome for each answer asked for. What replies are read
with stands in `reading`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from judgekit.protocols.compare import COMPARE
from judgekit.protocols.labelled import CHECKLIST, GRADE, MATCH
from judgekit.protocols.rank import RANK
from judgekit.protocols.read import read
from judgekit.protocols.select_all import SELECT_ALL
from judgekit.protocols.sheet import Asking, Form, Protocol, Sheet
from judgekit.rubric.model import Criterion

ProtocolName = Literal["grade", "checklist", "match", "compare", "rank", "select_all"]
PROTOCOLS: Mapping[str, Protocol] = {
    each.name: each for each in (GRADE, CHECKLIST, MATCH, COMPARE, RANK, SELECT_ALL)
}


def sheet_of(criteria: Sequence[Criterion], protocol: str = "grade", **how: Any) -> Sheet:
    """Return a sheet for criteria; the options are those of `Asking`."""
    return PROTOCOLS[protocol].sheet(criteria, Asking(**how))


def is_paired(protocol: str) -> bool:
    """Tell whether the verdicts of a protocol are about pairs of responses."""
    return PROTOCOLS[protocol].shows != "one"


__all__ = [
    "PROTOCOLS", "Asking", "Form", "Protocol", "ProtocolName", "Sheet", "is_paired", "read", "sheet_of",
]  # fmt: skip

"""Match: whether a response gives the answer that a reference gives."""

from collections.abc import Sequence

from judgekit.protocols.labelled import labelled_sheet
from judgekit.protocols.protocol import Asking, Protocol
from judgekit.protocols.sheet import Sheet
from judgekit.rubric.model import Criterion


def _sheet(criteria: Sequence[Criterion], how: Asking) -> Sheet:
    return labelled_sheet(criteria, how, protocol="match", template="match")


MATCH = Protocol(name="match", about=("response",), sheet=_sheet, needs_reference=True)

"""Grade: evidence, then a rationale, then a label, for each criterion of one response or of the task."""

from collections.abc import Sequence

from judgekit.protocols.labelled import labelled_sheet
from judgekit.protocols.protocol import Asking, Protocol
from judgekit.protocols.sheet import Sheet
from judgekit.rubric.model import Criterion


def _sheet(criteria: Sequence[Criterion], how: Asking) -> Sheet:
    template = "grade_rubric" if how.whole else "grade"
    return labelled_sheet(criteria, how, protocol="grade", template=template)


GRADE = Protocol(name="grade", about=("task", "response"), sheet=_sheet, apart=True)

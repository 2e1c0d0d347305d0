"""A figure is a table first: what it asks, its rows, what they rest on. Drawing comes after (`draw`)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from judgekit.agreement.auditing.records import CriterionAudit, JudgeAudit
from judgekit.report.words import words as words_of
from judgekit.types import Estimate

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Figure:
    """A figure as a table.

    Args:
        id: Unique in the report.
        kind: How it is drawn.
        criterion: Which criterion it is about.
        judge: Which judge; empty where it is about several.
        title: A question that it answers.
        reading: How to read it, in a sentence or two.
        columns: Names of the columns.
        rows: The numbers; None where there is none.
        n: Units it rests on.
        interval: What its intervals are; empty where there are none.
        notes: What a reader should know.
        lines: Further numbers that are drawn: a band, a slope, a limit.
    """

    id: str
    kind: str
    criterion: str
    judge: str
    title: str
    reading: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    n: int
    interval: str = ""
    notes: tuple[str, ...] = ()
    lines: Mapping[str, Any] = field(default_factory=dict)

    def at(self, row: int, column: str) -> Any:
        """One cell."""
        return self.rows[row][self.columns.index(column)]

    @property
    def places(self) -> range:
        """Places of the rows."""
        return range(len(self.rows))


@dataclass(frozen=True, eq=False)
class About:
    """What a figure is about.

    Args:
        prefix: Start of its id.
        criterion: The criterion.
        judge: The judge; None where it is about several.
    """

    prefix: str
    criterion: CriterionAudit
    judge: JudgeAudit | None = None

    def figure(
        self,
        kind: str,
        columns: Sequence[str],
        rows: Sequence[Row],
        n: int,
        *,
        interval: str = "",
        notes: Sequence[str] = (),
        lines: Mapping[str, Any] | None = None,
        words: Mapping[str, str] | None = None,
    ) -> Figure:
        """A figure of a kind; `words` fill its explanation."""
        asked, named = words_of("figures")[kind], self.judge.judge if self.judge else ""
        return Figure(
            f"{self.prefix}-{kind}", kind, self.criterion.criterion, named, asked["title"],
            asked["reading"].format(**(words or {})), tuple(columns), tuple(rows), n, interval,
            tuple(dict.fromkeys(notes)), dict(lines or {}),
        )  # fmt: skip


def number(value: float | None) -> float | None:
    """A number of a table; None where it is none that could be drawn."""
    return float(value) if value is not None and math.isfinite(value) else None


def ends(estimate: Estimate) -> Row:
    """Value, low, high."""
    return (number(estimate.value), number(estimate.low), number(estimate.high))


def percents(estimate: Estimate) -> Row:
    """Value, low, high as percent."""
    return tuple(None if each is None else 100 * each for each in ends(estimate))

"""A section of an audit: what it computes, its table, its figure and its words, in one record.

A section stands in a module of `sections` and in its list, or is a record of one's own that is handed to
`audit(..., sections=[...])`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import CriterionAudit, How, JudgeAudit, Skipped
from judgekit.agreement.auditing.wording import Row, called, ends, of_labels
from judgekit.agreement.core.ratings import Ratings
from judgekit.types import Estimate

OF_PERSONS = {"variance", "design", "severity", "populations"}
"""Kinds of figures about persons, be their labels trusted or not."""
COLUMNS = ("group", "statistic", "value", "low", "high", "n", "interval", "status")


@dataclass(frozen=True)
class Case:
    """One judge on one criterion, as a section measures it; `skipped` takes what could not be, and why."""

    lab: Labelled
    judge: str
    how: How
    skipped: Skipped

    @cached_property
    def long(self) -> bool:
        """Whether the scale is compared by its numbers."""
        return self.lab.continuous

    @cached_property
    def numbers(self) -> bool:
        """Whether labels have a direction."""
        return self.lab.ratings.level != "nominal" or len(self.lab.ratings.values) <= 2

    @cached_property
    def kinds(self) -> bool:
        """Whether labels are kinds of things, three or more without an order."""
        return self.lab.ratings.level == "nominal" and len(self.lab.ratings.values) > 2

    @cached_property
    def two(self) -> Ratings:
        """The judge beside what people say together: most of them, on a long scale their mean."""
        return self.lab.beside(self.judge, means=self.long)

    @cached_property
    def plain(self) -> Ratings:
        """The judge beside what most people say."""
        return self.lab.beside(self.judge) if self.long else self.two

    @cached_property
    def panel(self) -> Ratings:
        """The judge and each person in a column."""
        return self.lab.ratings.of(self.judge, *self.lab.people)


Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """How a figure is drawn: one of five pictures, and which columns go where.

    Templates hold columns in braces: `"{rater} ({kind})"`.

    Args:
        kind: `intervals` (a line each, over one axis), `bars` (of percents), `points` (dots, curves and bands
            over two axes), `grid` (cells of a table), or `slopes` (two orders side by side).
        x: The column across; of bars, grids and slopes, what is named.
        y: The columns upwards; of a grid its rows, of slopes its two sides.
        value: The column of the number, of intervals, bars and grids.
        name: Template of a line's name.
        group: Template of a line's heading; of bars, the column that tells the bars of a block apart.
        tip: Template of what is shown when a shape is pointed at.
        axes: Names of the axes.
        span: Of intervals: `agreement` (0 to 1), `free`, `even` on both sides of 0, or `close`: even, and
            as wide as the numbers.
        x_span: Ends of the axis across.
        y_span: Ends of the axis upwards.
        legend: Column, or name of a bar -> its words.
        kinds: Colours of the series, where they are not those of people and judges.
        size: The column that says how many a dot stands for; of a grid, the percent that darkens a cell.
        weights: The column of how many there are, drawn along the lower axis.
        band: Columns of the ends of a band.
        curve: Whether dots are joined.
        whiskers: Whether each dot has an interval, in the columns `NAME_low` and `NAME_high`.
        ticked: Whether the axis across is marked at the dots.
        stacked: Whether the bars of a block stand in one line.
        segments: Lines that belong to no row: kind, start, end, words.
    """

    kind: Literal["intervals", "bars", "points", "grid", "slopes"]
    x: str = ""
    y: tuple[str, ...] = ()
    value: str = "value"
    name: str = ""
    group: str = ""
    tip: str = ""
    axes: tuple[str, str] = ("", "")
    span: Literal["agreement", "free", "even", "close"] = "free"
    x_span: Point = (0.0, 1.0)
    y_span: Point = (0.0, 1.0)
    legend: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    size: str = ""
    weights: str = ""
    band: tuple[str, str] | None = None
    curve: bool = False
    whiskers: bool = False
    ticked: bool = False
    stacked: bool = False
    segments: tuple[tuple[str, Point, Point, str], ...] = ()


LISTED = Chart(kind="intervals", name="{statistic}", group="{group}", axes=("value", ""))
"""Of a table with the columns `COLUMNS`."""


@dataclass(frozen=True)
class Figure:
    """A figure as a table, with a title (a question that it answers) and how to read it.

    Args:
        id: Unique in the report.
        kind: Whose words it has.
        judge: Which judge; empty where it is about several.
        n: Units it rests on.
        interval: What its intervals are; empty where there are none.
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
    chart: Chart = field(default_factory=lambda: LISTED)

    def at(self, row: int, column: str) -> Any:
        """One cell."""
        return self.rows[row][self.columns.index(column)]

    @property
    def places(self) -> range:
        """Places of the rows."""
        return range(len(self.rows))


@dataclass(frozen=True)
class About:
    """What figures are about: a criterion, and one judge on it or all; `says` has their words."""

    prefix: str
    criterion: CriterionAudit
    says: Mapping[str, tuple[str, str]]
    judge: JudgeAudit | None = None

    @property
    def judges(self) -> list[JudgeAudit]:
        """The judges of the criterion, without controls."""
        return [judge for judge in self.criterion.judges if not judge.is_control]

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
        chart: Chart | None = None,
    ) -> Figure:
        """A figure of a kind; `words` fill its explanation."""
        title, reading = self.says[kind]
        drawn = chart or LISTED
        texts = [title, reading.format(**(words or {})), *dict.fromkeys(notes)]
        if self.criterion.labelled.trusted and kind not in OF_PERSONS:
            texts, across, upwards = (
                [of_labels(each) for each in texts],
                *(each.replace("people", "labels") for each in drawn.axes),
            )
            legend = {"people": "trusted labels"} | {k: of_labels(each) for k, each in drawn.legend.items()}
            drawn = replace(drawn, axes=(across, upwards), legend=legend)
        return Figure(
            id=f"{self.prefix}-{kind}", kind=kind, criterion=self.criterion.criterion,
            judge=self.judge.judge if self.judge else "", title=texts[0], reading=texts[1],
            columns=tuple(columns), rows=tuple(rows), n=n, interval=interval, notes=tuple(texts[2:]),
            lines=dict(lines or {}), chart=drawn,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Section:
    """One thing that an audit says.

    Args:
        name: Names it where it could not be computed.
        says: Kind of figure -> its title (a question) and how to read it, in a sentence or two.
        compute: What it measures of a judge, by name: estimates, or records of several. It may raise
            `InputError` where the data do not allow it: the audit says so and goes on. What a section of
            one's own computes stands in `JudgeAudit.more`, under the section's name.
        weighted: Whether it takes the weights of a chosen sample into account; where there are weights, what
            does not is left out, and named.
        consulted: Whether a verdict rests on it.
        of_judge: Figures about one judge, from what was computed.
        of_all: Figures about the judges of a criterion beside each other. With neither, the estimates of
            all judges are drawn with their intervals.
    """

    name: str
    says: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    compute: Callable[[Case], Mapping[str, Any]] | None = None
    weighted: bool = False
    consulted: bool = False
    of_judge: Callable[[About, JudgeAudit], Figure | Iterable[Figure] | None] | None = None
    of_all: Callable[[About], Figure | Iterable[Figure] | None] | None = None


def intervals(
    about: About, kind: str, of: Mapping[str, Iterable[Estimate]], notes: Iterable[str] = ()
) -> Figure | None:
    """A figure of one interval a line, in a group for each judge; None if there are no lines."""
    found = [(judge, each) for judge, estimates in of.items() for each in estimates]
    if not found:
        return None
    rows = [(j, called(e.name), *ends(e), e.n_used, e.interval, e.status) for j, e in found]
    seeds = sorted({e.seed for _, e in found if e.seed is not None})
    drawn = f"; seed {', '.join(map(str, seeds))}" if seeds else ""
    interval = f"{found[0][1].level:.0%} intervals; how each is made stands in the table{drawn}"
    noted: dict[str, list[str]] = {}
    for judge, each in found:
        for note in each.notes:
            noted.setdefault(note, []).append(f"{called(each.name)} of {judge}")
    more = [note if len(of) == len(found) else f"{note} ({', '.join(of)})" for note, of in noted.items()]
    n = max(e.n_used for _, e in found)
    return about.figure(kind, COLUMNS, rows, n, interval=interval, notes=[*notes, *more])

"""A picture as shapes, which the page writes as SVG: text, lines, dots, axes, and what they say.

Each mark carries the row, the column and the number that it shows (`data-mark`, to six digits), so that what
is drawn can be compared with what is written. Colours come from the style sheet: one for people together, one
for each judge of the report wherever it is drawn, and greys for all that is no rater.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from judgekit.agreement.auditing.section import Figure

WIDTH = 360.0
"""Of every picture, in its own units: what a phone is wide, so that letters stay readable there."""
Point = tuple[float, float]
Place = Callable[[float], float]
GREYS = 6
"""Of the style sheet, `t0` and on, for series that are no raters; they begin anew after the last one."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An element of SVG with its text, none of it escaped; `tip` is shown when it is pointed at."""

    name: str
    attributes: Mapping[str, str]
    text: str
    tip: str


@dataclass(slots=True)
class Canvas:
    """Shapes in the order drawn; the figure's title is what a screen reader says.

    `raters` are the judges of the report, whose places there are the numbers of their colours.
    """

    figure: Figure
    height: float
    raters: Sequence[str] = ()
    shapes: list[Shape] = field(default_factory=list)

    def add(self, name: str, attributes: Mapping[str, Any], text: str = "", tip: str = "") -> None:
        """Add a shape; attributes that are None are left out."""
        shown = {key: written(value) for key, value in attributes.items() if value is not None}
        self.shapes.append(Shape(name, shown, text, tip))

    def text(
        self, at: Point, text: str, kind: str = "small", *, anchor: str = "start", most: int = 60
    ) -> None:
        """Add a line of text, cut where it is too long for the picture; nothing where there is none."""
        if not text:
            return
        cut = text if len(text) <= most else text[: most - 1] + "…"
        place = {"x": at[0], "y": at[1], "class": kind if anchor == "start" else f"{kind} {anchor}"}
        self.add("text", place, cut, text if cut != text else "")

    def line(self, a: Point, b: Point, kind: str = "axis") -> None:
        """A straight line."""
        self.add("line", {"x1": a[0], "y1": a[1], "x2": b[0], "y2": b[1], "class": kind})

    def path(self, points: Sequence[Point], kind: str, *, closed: bool = False) -> None:
        """A line through points."""
        way = " ".join(f"{'L' if i else 'M'}{written(x)} {written(y)}" for i, (x, y) in enumerate(points))
        self.add("path", {"d": way + (" Z" if closed else ""), "class": kind})

    def rect(self, at: Point, size: Point, kind: str, tip: str = "", **more: Any) -> None:
        """A rectangle."""
        place = {"x": at[0], "y": at[1], "width": max(size[0], 0.0), "height": max(size[1], 0.0)}
        self.add("rect", {**place, "class": kind, **more}, tip=tip)

    def dot(self, at: Point, radius: float, kind: str, tip: str = "", **more: Any) -> None:
        """A filled circle."""
        self.add("circle", {"cx": at[0], "cy": at[1], "r": radius, "class": kind, **more}, tip=tip)

    def mark(self, row: int, *columns: str) -> dict[str, str]:
        """Return what a shape carries that shows numbers of the table."""
        cells = {column: self.figure.at(row, column) for column in columns}
        said = {name: f"{cell:.6g}" if isinstance(cell, float) else str(cell) for name, cell in cells.items()}
        return {"data-mark": ";".join(f"{row} {name} {cell}" for name, cell in said.items())}

    def colour(self, rater: object, place: int) -> str:
        """Return the colour of a rater; a grey of what is no judge of the report, nor people together."""
        if rater in self.raters:
            return f"r{self.raters.index(str(rater))}"
        return "people" if rater == "people" else f"t{place % GREYS}"

    def side(self, column: str, place: int) -> str:
        """Return the colour of a column: of people, of the judge that the figure is about, or a grey."""
        return column if column in {"people", "judge"} else f"t{place % GREYS}"

    def legend(self, names: Mapping[str, str]) -> float:
        """Draw names with their colours on top, wrapped; return where the picture may start."""
        x, y = 4.0, 12.0
        for name, kind in names.items():
            wide = 20 + 6.2 * min(len(name), 34)
            if x + wide > WIDTH and x > 4:
                x, y = 4.0, y + 16
            self.rect((x, y - 8), (9, 9), kind)
            self.text((x + 13, y), name, most=34)
            x += wide
        return y + 12

    def bottom_axis(
        self, place: Place, ends: Point, y: float, name: str, *, top: float, marks: Sequence[float] = (),
        start: float | None = None,
    ) -> None:  # fmt: skip
        """A horizontal axis with its name, and its lines up to `top`; it may start at the vertical one."""
        self.line((place(ends[0]) if start is None else start, y), (place(ends[1]), y))
        for tick in marks or ticks(*ends):
            self.line((place(tick), top), (place(tick), y), "grid")
            self.text((place(tick), y + 13), f"{tick:g}", anchor="middle")
        self.text(((place(ends[0]) + place(ends[1])) / 2, y + 27), name, anchor="middle")

    def left_axis(self, place: Place, ends: Point, x: float, name: str, *, foot: float) -> None:
        """A vertical axis with its name above it, lines to the right, down to the lower axis at `foot`."""
        self.line((x, foot), (x, place(ends[1])))
        for tick in ticks(*ends):
            self.line((x, place(tick)), (WIDTH - 14, place(tick)), "grid")
            self.text((x - 4, place(tick) + 4), f"{tick:g}", anchor="end")
        self.text((4, place(ends[1]) - 10), name)


def written(value: Any) -> str:
    """Return an attribute as text: a number to a tenth of a unit, which is less than can be seen."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def axis(ends: Point, start: float, end: float) -> Place:
    """Return a way from numbers to places; numbers outside are drawn at the edge."""
    low, high = ends
    span = (high - low) or 1.0
    return lambda value: start + (min(max(value, low), high) - low) / span * (end - start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers between two ends."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]

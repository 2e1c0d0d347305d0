"""Small pictures: shapes on a canvas that the page writes as SVG, axes, and marks that carry their number.

A mark that shows a number of a figure's table has `data-row`, `data-column` and `data-value`, so that what is
drawn can be compared with what is written. Colours and fonts come from the page's style sheet.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH = 360.0
"""Of every picture, in its own units: what a phone is wide, so that letters stay readable there."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An element of SVG with its text, none of it escaped; `tip` is shown when it is pointed at."""

    name: str
    attributes: Mapping[str, str]
    text: str
    tip: str


@dataclass
class Canvas:
    """Shapes in the order drawn.

    Args:
        height: Of the picture; its width is always the same.
        title: What a screen reader says.
    """

    height: float
    title: str
    width: float = WIDTH
    shapes: list[Shape] = field(default_factory=list)

    def add(self, name: str, attributes: Mapping[str, Any], text: str = "", tip: str = "") -> None:
        """A shape; `tip` is shown when it is pointed at."""
        written = {k: _value(v) for k, v in attributes.items() if v is not None}
        self.shapes.append(Shape(name, written, text, tip))

    def text(
        self, x: float, y: float, text: str, kind: str = "", *, anchor: str = "start", most: int = 60
    ) -> None:
        """A line of text, cut where it is too long for the picture."""
        shown = text if len(text) <= most else text[: most - 1] + "…"
        self.add(
            "text", {"x": x, "y": y, "class": kind or None, "text-anchor": anchor}, shown,
            text if shown != text else "",
        )  # fmt: skip

    def line(self, a: tuple[float, float], b: tuple[float, float], kind: str = "axis") -> None:
        """A straight line."""
        self.add("line", {"x1": a[0], "y1": a[1], "x2": b[0], "y2": b[1], "class": kind})

    def rect(
        self,
        at: tuple[float, float],
        size: tuple[float, float],
        kind: str,
        *,
        mark: dict[str, Any] | None = None,
        tip: str = "",
        opacity: float | None = None,
    ) -> None:
        """A rectangle."""
        place = {"x": at[0], "y": at[1], "width": max(size[0], 0.0), "height": max(size[1], 0.0)}
        self.add("rect", {**place, "class": kind, "fill-opacity": opacity, **(mark or {})}, tip=tip)

    def dot(
        self,
        x: float,
        y: float,
        radius: float,
        kind: str,
        *,
        mark: dict[str, Any] | None = None,
        tip: str = "",
    ) -> None:
        """A filled circle."""
        self.add("circle", {"cx": x, "cy": y, "r": radius, "class": kind, **(mark or {})}, tip=tip)

    def path(self, points: Sequence[tuple[float, float]], kind: str, *, closed: bool = False) -> None:
        """A line through points."""
        if points:
            way = " ".join(f"{'L' if i else 'M'}{_value(x)} {_value(y)}" for i, (x, y) in enumerate(points))
            self.add("path", {"d": way + (" Z" if closed else ""), "class": kind})


def mark(row: int, column: str, value: Any) -> dict[str, Any]:
    """What a shape carries that shows a number of the table."""
    return {"data-row": row, "data-column": column, "data-value": repr(value)}


def _value(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def axis(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From numbers to places; numbers outside are drawn at the edge."""
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return start + (min(max(value, low), high) - low) / span * (end - start)

    return place


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two ends.

    >>> ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def bottom_axis(
    canvas: Canvas, place: Callable[[float], float], ends: tuple[float, float], y: float, *, name: str = "",
    grid: float | None = None, marks: Sequence[float] | None = None,
) -> None:  # fmt: skip
    """Ticks and name of a horizontal axis; `grid` is how far up its lines go."""
    low, high = ends
    canvas.line((place(low), y), (place(high), y))
    for tick in ticks(low, high) if marks is None else marks:
        if grid is not None:
            canvas.line((place(tick), grid), (place(tick), y), "grid")
        canvas.text(place(tick), y + 13, f"{tick:g}", "small", anchor="middle")
    if name:
        canvas.text((place(low) + place(high)) / 2, y + 27, name, "small", anchor="middle")


def left_axis(
    canvas: Canvas, place: Callable[[float], float], ends: tuple[float, float], x: float, *, name: str = "",
    grid: float | None = None, marks: Sequence[float] | None = None,
) -> None:  # fmt: skip
    """Ticks and name of a vertical axis; `grid` is how far right its lines go."""
    low, high = ends
    canvas.line((x, place(low)), (x, place(high)))
    for tick in ticks(low, high) if marks is None else marks:
        if grid is not None:
            canvas.line((x, place(tick)), (grid, place(tick)), "grid")
        canvas.text(x - 4, place(tick) + 4, f"{tick:g}", "small", anchor="end")
    if name:
        canvas.text(x - 26, place(high) - 8, name, "small")

"""Small pictures: shapes on a canvas that the page writes as SVG, axes, and marks that carry their number.

A mark that shows a number of a figure's table has `data-row`, `data-column` and `data-value`, so that what is
drawn can be compared with what is written. Colours and fonts come from the page's style sheet.
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


@dataclass(frozen=True, slots=True)
class Shape:
    """An element of SVG with its text, none of it escaped; `tip` is shown when it is pointed at."""

    name: str
    attributes: Mapping[str, str]
    text: str
    tip: str


@dataclass(slots=True)
class Canvas:
    """Shapes in the order drawn.

    Args:
        figure: What is drawn; its title is what a screen reader says.
        height: Of the picture; its width is always the same.
    """

    figure: Figure
    height: float
    shapes: list[Shape] = field(default_factory=list)

    def add(self, name: str, attributes: Mapping[str, Any], text: str = "", tip: str = "") -> None:
        """A shape; attributes that are None are left out."""
        written = {key: _written(value) for key, value in attributes.items() if value is not None}
        self.shapes.append(Shape(name, written, text, tip))

    def text(
        self, at: Point, text: str, kind: str = "small", *, anchor: str = "start", most: int = 60
    ) -> None:
        """A line of text, cut where it is too long for the picture; nothing where there is none."""
        if not text:
            return
        cut = text if len(text) <= most else text[: most - 1] + "…"
        place = {"x": at[0], "y": at[1], "class": kind, "text-anchor": anchor}
        self.add("text", place, cut, text if cut != text else "")

    def line(self, a: Point, b: Point, kind: str = "axis") -> None:
        """A straight line."""
        self.add("line", {"x1": a[0], "y1": a[1], "x2": b[0], "y2": b[1], "class": kind})

    def path(self, points: Sequence[Point], kind: str, *, closed: bool = False) -> None:
        """A line through points."""
        way = " ".join(f"{'L' if i else 'M'}{_written(x)} {_written(y)}" for i, (x, y) in enumerate(points))
        self.add("path", {"d": way + (" Z" if closed else ""), "class": kind})

    def rect(self, at: Point, size: Point, kind: str, tip: str = "", **more: Any) -> None:
        """A rectangle."""
        place = {"x": at[0], "y": at[1], "width": max(size[0], 0.0), "height": max(size[1], 0.0)}
        self.add("rect", {**place, "class": kind, **more}, tip=tip)

    def dot(self, at: Point, radius: float, kind: str, tip: str = "", **more: Any) -> None:
        """A filled circle."""
        self.add("circle", {"cx": at[0], "cy": at[1], "r": radius, "class": kind, **more}, tip=tip)

    def mark(self, row: int, column: str) -> dict[str, Any]:
        """What a shape carries that shows a number of the table."""
        value = self.figure.at(row, column)
        return {"data-row": row, "data-column": column, "data-value": repr(value)}

    def legend(self, names: Mapping[str, str]) -> float:
        """Names with their colours on top, wrapped; gives where the picture may start."""
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
        self, place: Place, ends: Point, y: float, name: str, *, top: float, marks: Sequence[float] = ()
    ) -> None:
        """A horizontal axis with its name, and its lines up to `top`."""
        self.line((place(ends[0]), y), (place(ends[1]), y))
        for tick in marks or ticks(*ends):
            self.line((place(tick), top), (place(tick), y), "grid")
            self.text((place(tick), y + 13), f"{tick:g}", anchor="middle")
        self.text(((place(ends[0]) + place(ends[1])) / 2, y + 27), name, anchor="middle")

    def left_axis(self, place: Place, ends: Point, x: float, name: str) -> None:
        """A vertical axis with its name above it, and its lines to the right."""
        self.line((x, place(ends[0])), (x, place(ends[1])))
        for tick in ticks(*ends):
            self.line((x, place(tick)), (WIDTH - 14, place(tick)), "grid")
            self.text((x - 4, place(tick) + 4), f"{tick:g}", anchor="end")
        self.text((4, place(ends[1]) - 10), name)


def _written(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def axis(ends: Point, start: float, end: float) -> Place:
    """From numbers to places; numbers outside are drawn at the edge."""
    low, high = ends
    span = (high - low) or 1.0
    return lambda value: start + (min(max(value, low), high) - low) / span * (end - start)


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

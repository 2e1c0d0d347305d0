"""Figures as pictures, from the rows of a table to shapes: five pictures, told by the figure's `Chart`.

Every shape that shows a number carries its row, its column and the number.
"""

from collections.abc import Callable, Mapping
from typing import Any

from judgekit.agreement.auditing.section import Figure
from judgekit.report.svg import WIDTH, Canvas, axis, bottom_axis, left_axis, mark, ticks

Place = Callable[[float], float]
KINDS = ("people", "judge", "third", "fourth", "fifth")
_NAME, _PLOT, _SAID, _STEP, _HEAD = 146.0, (152.0, 258.0), WIDTH - 2, 19.0, 22.0


def picture(figure: Figure) -> Canvas:
    """The figure, drawn."""
    return _DRAW[figure.chart.kind](figure)


def _said(template: str, figure: Figure, row: int) -> str:
    """A template with the row's cells; a flag is a mark, and what is missing nothing."""
    cells = {name: _cell_text(figure.at(row, name)) for name in figure.columns}
    return " ".join(template.format_map(cells).split())


def _cell_text(value: Any) -> str:
    if isinstance(value, bool):
        return "▲" if value else ""
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _all(figure: Figure, *columns: str) -> list[float]:
    """The numbers of some columns."""
    return [v for i in figure.places for name in columns if (v := figure.at(i, name)) is not None]


def _legend(canvas: Canvas, names: list[str], y: float, kinds: tuple[str, ...] = KINDS) -> float:
    """Names with their colours, wrapped; gives where the picture may start."""
    x = 4.0
    for k, name in enumerate(names):
        wide = 20 + 6.2 * min(len(name), 34)
        if x + wide > WIDTH and x > 4:
            x, y = 4.0, y + 16
        canvas.rect((x, y - 8), (9, 9), kinds[k % len(kinds)])
        canvas.text(x + 13, y, name, "small", most=34)
        x += wide
    return y + 8


def _span(figure: Figure) -> tuple[float, float]:
    """Ends of the axis of intervals: of agreement, of any number, or even on both sides of 0."""
    chart = figure.chart
    ends = _all(figure, "low", chart.value, "high")
    if chart.span == "even":
        most = max([1.0, *map(abs, _all(figure, "low", "high"))])
        return -most, most
    if chart.span == "free":
        return min([0.0, *ends]), max([1.0, *ends])
    least = min([0.0, *_all(figure, "low")])
    return (-1.0 if least < -0.5 else -0.5 if least < -0.02 else 0.0, 1.0)


def _intervals(figure: Figure) -> Canvas:
    """Rows of a name, an interval and its numbers; a new group gets a heading."""
    chart, span = figure.chart, _span(figure)
    groups = [_said(chart.group, figure, i) for i in figure.places]
    new = [bool(g) and (i == 0 or groups[i - 1] != g) for i, g in enumerate(groups)]
    canvas = Canvas(_STEP * len(groups) + _HEAD * sum(new) + 44, figure.title)
    place = axis(*span, *_PLOT)
    bottom = canvas.height - 34
    ends = (figure.lines.get("ceiling_low"), figure.lines.get("ceiling_high"))
    if ends[0] is not None and ends[1] is not None:
        canvas.rect((place(ends[0]), 4), (place(ends[1]) - place(ends[0]), bottom - 4), "band", tip="people")
    bottom_axis(canvas, place, span, bottom, name=chart.axes[0], grid=4, marks=ticks(*span, about=3))
    for name in ("ceiling", "all"):
        if (at := figure.lines.get(name)) is not None:
            canvas.line((place(at), 4), (place(at), bottom), "dashed")
    y = 4.0
    for i in figure.places:
        if new[i]:
            canvas.text(2, y + 15, groups[i], "head", most=56)
            y += _HEAD
        _interval(canvas, figure, i, place, y + _STEP / 2)
        y += _STEP
    return canvas


def _interval(canvas: Canvas, figure: Figure, row: int, place: Place, y: float) -> None:
    value = figure.chart.value
    label = _said(figure.chart.name, figure, row)
    found, low, high = (figure.at(row, name) for name in (value, "low", "high"))
    said = "not defined" if found is None else f"{found:.2f}"
    if found is not None and low is not None and high is not None:
        said += f" [{low:.2f}, {high:.2f}]"
    canvas.text(2, y + 4, label, "row", most=29)
    canvas.text(_SAID, y + 4, said, "small", anchor="end")
    if low is not None and high is not None:
        canvas.line((place(low), y), (place(high), y), "interval")
        for name, at in (("low", low), ("high", high)):
            canvas.rect((place(at) - 0.8, y - 4), (1.6, 8), "judge", mark=mark(row, name, at))
    if found is not None:
        canvas.dot(place(found), y, 3.6, "judge", mark=mark(row, value, found), tip=f"{label}: {said}")


def _bars(figure: Figure) -> Canvas:
    """Bars of percents: a block for each name, a bar in it for each of the series; or one bar, stacked."""
    chart, n = figure.chart, figure.places
    names = list(dict.fromkeys(str(figure.at(i, chart.x)) for i in n))
    series = list(dict.fromkeys(figure.at(i, chart.group) for i in n)) if chart.group else []
    each = 12.0 if len(series) > 1 and not chart.stacked else 14.0
    block = (each + 34 if chart.stacked else each * max(len(series), 1) + 20) + 0.0
    canvas = Canvas(0, figure.title)
    kinds = chart.kinds or KINDS
    top = _legend(canvas, [chart.legend.get(str(s), str(s)) for s in series], 12, kinds) if series else 4.0
    most = 100.0 if chart.stacked or not chart.group else max([10.0, *_all(figure, "high", chart.value)])
    x = axis(0, most, 12, WIDTH - 46 if not chart.stacked else WIDTH - 14)
    bottom = top + block * len(names) + 4
    bottom_axis(canvas, x, (0, most), bottom, name=chart.axes[0], grid=top)
    ends = dict.fromkeys(names, 0.0)
    for k, name in enumerate(names):
        canvas.text(4, top + block * k + 13, name, "label", most=50)
    for i in n:
        name, value = str(figure.at(i, chart.x)), figure.at(i, chart.value)
        low, high = (figure.at(i, end) if end in figure.columns else None for end in ("low", "high"))
        if value is None:
            continue
        s = series.index(figure.at(i, chart.group)) if chart.group else 0
        start = ends[name] if chart.stacked else 0.0
        y = top + block * names.index(name) + 17 + (0 if chart.stacked else each * s)
        size, deep = x(start + value) - x(start), 20.0 if chart.stacked else each - 2
        tip = _said(chart.tip, figure, i)
        kind, shown = kinds[s % len(kinds)], mark(i, chart.value, value)
        canvas.rect((x(start), y), (size - 0.6, deep), kind, mark=shown, tip=tip)
        if chart.stacked:
            if size > 28:
                canvas.text(x(start) + size / 2, y + 14, f"{value:.0f} %", "on-bar", anchor="middle")
            if s == 0 and low is not None and high is not None:
                canvas.line((x(low), y + 25), (x(high), y + 25), "interval")
            ends[name] += value
            continue
        if chart.group and low is not None and high is not None:
            canvas.line((x(low), y + 5), (x(high), y + 5), "whisker")
        beyond = high if chart.group and high is not None else value
        canvas.text(x(beyond) + 4, y + 9, f"{value:.0f} %", "small")
    canvas.height = bottom + 34
    return canvas


def _points(figure: Figure) -> Canvas:
    """Dots, curves and bands over two axes; what belongs to no row are `segments`."""
    chart, n = figure.chart, figure.places
    top = 28.0 if chart.legend else 16.0
    canvas = Canvas(342.0 if chart.weights else 286.0, figure.title)
    x, y = axis(*chart.x_span, 48, WIDTH - 16), axis(*chart.y_span, 240, top)
    if chart.legend:
        _legend(canvas, list(chart.legend.values()), 12)
    at = [(x(figure.at(i, chart.x)), i) for i in n]
    if chart.band:
        lower, upper = ([(a, y(figure.at(i, end))) for a, i in at] for end in chart.band)
        canvas.path([*upper, *lower[::-1]], "band", closed=True)
    marks = [float(figure.at(i, chart.x)) for i in n] if chart.ticked else None
    bottom = 304.0 if chart.weights else 246.0
    grid = None if chart.weights else top
    bottom_axis(canvas, x, chart.x_span, bottom, name=chart.axes[0], grid=grid, marks=marks)
    left_axis(canvas, y, chart.y_span, 42, name=chart.axes[1], grid=WIDTH - 16)
    most = max(_all(figure, chart.size), default=1.0) if chart.size else 1.0
    for k, name in enumerate(chart.y):
        kind, shift = (KINDS[k] if chart.legend else "judge"), 5.0 * k - 2.5 if chart.whiskers else 0.0
        known = [(a + shift, i) for a, i in at if figure.at(i, name) is not None]
        if chart.curve:
            way = [(a, y(figure.at(i, name))) for a, i in known]
            canvas.path(way, f"curve {kind}-line" if chart.legend else "trend")
        for a, i in known:
            value = figure.at(i, name)
            low, high = (figure.at(i, f"{name}_{e}") if chart.whiskers else None for e in ("low", "high"))
            if low is not None and high is not None:
                canvas.line((a, y(low)), (a, y(high)), f"curve {kind}-line")
            radius = 2.2 + 11 * (figure.at(i, chart.size) / most) ** 0.5 if chart.size and most > 1 else 2.6
            column = chart.size or name
            shown = mark(i, column, figure.at(i, column))
            soft = f"{kind} soft" if not chart.curve else kind
            canvas.dot(a, y(value), radius, soft, mark=shown, tip=_said(chart.tip, figure, i))
    for kind, start, end, text in chart.segments:
        canvas.line((x(start[0]), y(start[1])), (x(end[0]), y(end[1])), kind)
        if text:
            beside = -4 if start[1] == end[1] else 14
            canvas.text(x(end[0]) - 4, y(end[1]) + beside, text, "small", anchor="end")
    if chart.weights:
        _histogram(canvas, figure, x)
    return canvas


def _histogram(canvas: Canvas, figure: Figure, x: Place) -> None:
    """How many there are along the lower axis, from 0 to 1."""
    counts = [0] * 20
    for i in figure.places:
        counts[min(int(figure.at(i, figure.chart.x) * 20), 19)] += figure.at(i, figure.chart.weights)
    for k, count in enumerate(counts):
        height, wide = 40 * count / max(counts), (x(1) - x(0)) / 20 - 1
        canvas.rect((x(k / 20) + 0.5, 302 - height), (wide, height), "judge soft", tip=f"{count} units")


def _grid(figure: Figure) -> Canvas:
    """Cells of a table, darker where the number is larger; long names are numbered above it."""
    chart, n = figure.chart, figure.places
    down, across = (list(dict.fromkeys(figure.at(i, c) for i in n)) for c in (chart.y[0], chart.x))
    numbered = down != across
    left, top = (26.0, 18.0 * (len(across) + 1) + 26) if numbered else (74.0, 34.0)
    size = (WIDTH - left - 6) / len(across)
    size, high = (min(size, 52.0), min(size, 52.0)) if numbered else (size, min(size, 46.0))
    canvas = Canvas(top + high * len(down) + 8, figure.title)
    if numbered:
        every = list(dict.fromkeys([*across, *down]))
        for i, name in enumerate(every):
            canvas.text(4, 14 + 18 * i, f"{i + 1}  {name}", "label", most=52)
        shown = {name: str(i + 1) for i, name in enumerate(every)}
    else:
        canvas.text(left + size * len(across) / 2, 12, chart.axes[0], "small", anchor="middle")
        canvas.text(4, top - 4, chart.axes[1], "small")
        shown = {name: str(name) for name in across}
    for j, name in enumerate(across):
        at, most = left + size * (j + 0.5), max(int(size / 6.2), 2)
        canvas.text(at, top - 5, shown[name], "label", anchor="middle", most=most)
    for i, name in enumerate(down):
        canvas.text(left - 6, top + high * (i + 0.5) + 4, shown[name], "label", anchor="end", most=11)
    for row in n:
        i, j = down.index(figure.at(row, chart.y[0])), across.index(figure.at(row, chart.x))
        _cell(
            canvas, figure, row, (left + size * j, top + high * i, size, high), same=not numbered and i == j
        )
    return canvas


def _cell(
    canvas: Canvas, figure: Figure, row: int, box: tuple[float, float, float, float], *, same: bool
) -> None:
    x, y, wide, high = box
    chart, value = figure.chart, figure.at(row, figure.chart.value)
    share = (
        figure.at(row, chart.size) / 100 if chart.size and figure.at(row, chart.size) is not None else value
    )
    strength = 0.0 if value is None or (chart.size and figure.at(row, chart.size) is None) else abs(share)
    kind = "cell diagonal" if same else "cell people-cell" if not chart.size and (value or 0) >= 0 else "cell"
    canvas.rect(
        (x, y), (wide - 1.5, high - 1.5), kind, mark=mark(row, chart.value, value),
        tip=_said(chart.tip, figure, row), opacity=0.08 + 0.85 * strength,
    )  # fmt: skip
    ink = "cell-text inverse" if strength > 0.55 else "cell-text"
    text = "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
    second = chart.size and figure.at(row, chart.size) is not None and high >= 30
    canvas.text(x + wide / 2, y + high / 2 + (-1 if second else 4), text, ink, anchor="middle")
    if second:
        percent = f"{figure.at(row, chart.size):.0f} %"
        canvas.text(x + wide / 2, y + high / 2 + 12, percent, f"{ink} small", anchor="middle")


def _slopes(figure: Figure) -> Canvas:
    """One order on the left, another on the right; what changes places has a line that crosses."""
    sides = figure.chart.y
    canvas = Canvas(30.0 * len(figure.rows) + 28, figure.title)
    canvas.text(4, 14, f"{sides[0]}: mean [interval]", "small")
    canvas.text(WIDTH - 4, 14, f"{sides[1]}: mean [interval]", "small", anchor="end")
    for i in figure.places:
        name, places = figure.at(i, figure.chart.x), [figure.at(i, f"{side}_rank") for side in sides]
        left, right = (40 + 30 * (place - 1) for place in places)
        moved = "moved" if places[0] != places[1] else "interval"
        canvas.line((128, left - 4), (WIDTH - 128, right - 4), moved)
        ends = ((left, 4.0, "start", 128.0), (right, WIDTH - 4, "end", WIDTH - 128))
        for side, place, (y, x, anchor, spot) in zip(sides, places, ends, strict=True):
            value, low, high = (figure.at(i, column) for column in (side, f"{side}_low", f"{side}_high"))
            canvas.text(x, y - 4, f"{place}. {name}", "label", anchor=anchor, most=20)
            said = "none" if value is None else f"{value:.2f}"
            said += f" [{low:.2f}, {high:.2f}]" if low is not None and high is not None else ""
            canvas.text(x, y + 9, said, "small", anchor=anchor)
            canvas.dot(spot, y - 4, 4, side, mark=mark(i, side, value), tip=f"{name}, {side}: {said}")
    return canvas


_DRAW: Mapping[str, Callable[[Figure], Canvas]] = {
    "intervals": _intervals,
    "bars": _bars,
    "points": _points,
    "grid": _grid,
    "slopes": _slopes,
}

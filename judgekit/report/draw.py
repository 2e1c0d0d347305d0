"""Figures as pictures, five kinds told by the figure's `Chart`.

A column `x` has its interval in `x_low` and `x_high`, or in `low` and `high`. A mark says its row when it is
pointed at.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any

from judgekit.agreement.auditing.section import Chart, Figure
from judgekit.errors import InputError, there_are
from judgekit.report.canvas import WIDTH, Canvas, Place, Point, axis, ticks, written

BEND, DOT = 1.0, 8.0  # how far apart a curve bends, and dots stand on it
CLOUD = 60
"""More dots of one size than this are a few paths without marks: nobody could point at one of them."""
BESIDE = 27  # letters of a name that stand beside its interval
LAYERS = 4  # of such dots, so that they are darker where they lie on each other


def picture(figure: Figure, raters: Sequence[str] = (), places: Sequence[int] | None = None) -> Canvas:
    """Draw a figure, of intervals some rows only where `places` says so; `raters` are as of a `Canvas`.

    Raises:
        InputError: If the chart is of no known kind, or names a column that is not there.
    """
    kind: str = figure.chart.kind
    if kind not in (there := ("intervals", *_DRAW)):
        raise InputError(f"figure {figure.id!r}: no chart {kind!r}; {there_are(kind, there)}")
    if missing := sorted(_columns(figure.chart) - set(figure.columns)):
        named = there_are(missing[0], figure.columns)
        raise InputError(f"figure {figure.id!r}: its chart names a column {missing[0]!r}; {named}")
    canvas = Canvas(figure, 24, raters)
    if not figure.rows:
        canvas.text((WIDTH / 2, 16), "nothing to draw", anchor="middle")
    elif figure.chart.kind == "intervals":
        _intervals(canvas, figure.places if places is None else places)
    else:
        _DRAW[figure.chart.kind](canvas)
    return canvas


def first_group(figure: Figure) -> tuple[Sequence[int], Sequence[int]]:
    """Return places of the rows that stand under the first heading, and of all others."""
    groups = [_filled(figure.chart.group, figure, i) for i in figure.places]
    first = [i for i in figure.places if groups[i] == groups[0]]
    return first, [i for i in figure.places if groups[i] != groups[0]]


def _columns(chart: Chart) -> set[str]:
    """Return the columns that a chart names."""
    templates = [chart.name, chart.tip, *([chart.group] if chart.kind == "intervals" else [])]
    named = {chart.x, *chart.y, chart.size, chart.weights, *(chart.band or ())}
    if chart.kind == "bars":
        named.add(chart.group)
    if chart.kind in {"intervals", "bars", "grid"}:
        named.add(chart.value)
    return (named | _fields(*templates)) - {""}


def _fields(*templates: str) -> set[str]:
    """Return the columns that templates hold."""
    return {str(name) for each in templates for _, name, _, _ in Formatter().parse(each) if name}


def _filled(template: str, figure: Figure, row: int) -> str:
    """Return a template with the row's cells."""
    cells = {name: _brief(cell) for name, cell in zip(figure.columns, figure.rows[row], strict=True)}
    return " ".join(template.format_map(cells).split())


def _brief(value: Any) -> str:
    """Return a cell in words: a flag is a mark, and what is missing nothing."""
    if value is None or isinstance(value, bool):
        return "▲" if value else ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _tip(figure: Figure, row: int) -> str:
    """Return what is shown when a mark is pointed at: the chart's words, or what the row does not say yet."""
    if figure.chart.tip:
        return _filled(figure.chart.tip, figure, row)
    chart, said = figure.chart, set[str]()
    if chart.kind == "intervals":
        said = {"low", "high", chart.value, *_fields(chart.name, chart.group)}
    cells = dict(zip(figure.columns, figure.rows[row], strict=True))
    return ", ".join(
        f"{name.replace('_', ' ')} {shown(cell)}"
        for name, cell in cells.items()
        if cell is not None and name not in said
    )


def shown(value: Any) -> str:
    """Return a cell as it is shown: numbers to four significant digits or three places."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if 0 < abs(value) < 0.0005:
            return f"{value:.1e}"
        whole = abs(value) >= 100 or (abs(value) >= 10 and value == round(value))
        return f"{value:.0f}" if whole else f"{value:.3f}"
    return str(value)


def _numbers(figure: Figure, *columns: str) -> list[float]:
    return [v for i in figure.places for name in columns if (v := figure.at(i, name)) is not None]


def _listed(figure: Figure, column: str) -> list[Any]:
    return list(dict.fromkeys(figure.at(i, column) for i in figure.places))


def _ends(figure: Figure, row: int, low: str = "low", high: str = "high") -> Point | None:
    """Return both ends of an interval, where it has them."""
    if not {low, high} <= set(figure.columns):
        return None
    ends = figure.at(row, low), figure.at(row, high)
    return None if None in ends else ends


def _said(found: float | None, ends: Point | None, nothing: str) -> str:
    """Return a number with its interval, short enough to stand beside a picture."""
    if found is None:
        return nothing
    value, *both = (f"{v:.2f}" if abs(v) < 100 else f"{v:.0f}" for v in (found, *(ends or ())))
    return f"{value} [{', '.join(both)}]" if both else value


def _span(figure: Figure) -> Point:
    """Return the ends of an axis of intervals: of agreement, of any number, or even on both sides of 0."""
    ends = _numbers(figure, "low", "high")
    if figure.chart.span == "even":
        most = max([1.0, *map(abs, ends)])
        return -most, most
    if figure.chart.span == "close":
        most = 1.05 * max(map(abs, [*ends, *_numbers(figure, figure.chart.value)]), default=1.0) or 1.0
        return -most, most
    if figure.chart.span == "agreement":
        least = min([0.0, *ends])
        return -1.0 if least < -0.5 else -0.5 if least < -0.02 else 0.0, 1.0
    ends += _numbers(figure, figure.chart.value)
    return min([0.0, *ends]), max([1.0, *ends])


def _intervals(canvas: Canvas, places: Sequence[int]) -> None:
    """Draw rows of a name, an interval and its numbers; a new group gets a heading."""
    figure = canvas.figure
    step, head, over, chart, span = 19.0, 22.0, 13.0, figure.chart, _span(figure)
    groups = {i: _filled(chart.group, figure, i) for i in places}
    new = {i for k, i in enumerate(places) if groups[i] and (k == 0 or groups[places[k - 1]] != groups[i])}
    names = {i: _filled(chart.name, figure, i) for i in places}
    above = {i for i, name in names.items() if len(name) > BESIDE}  # in a line of their own, not cut
    canvas.height = step * len(groups) + head * len(new) + over * len(above) + 44
    place, bottom = axis(span, 152, 258), canvas.height - 34
    band = figure.lines.get("ceiling_low"), figure.lines.get("ceiling_high")
    if band[0] is not None and band[1] is not None:
        canvas.rect((place(band[0]), 4), (place(band[1]) - place(band[0]), bottom - 4), "ceiling", "people")
    canvas.bottom_axis(place, span, bottom, chart.axes[0], top=4, marks=ticks(*span, about=3))
    for name in ("ceiling", "all"):
        if (at := figure.lines.get(name)) is not None:
            canvas.line((place(at), 4), (place(at), bottom), "dashed")
    y = 4.0
    whose = figure.columns.index("rater") if "rater" in figure.columns else None
    for i in places:
        if i in new:
            canvas.text((2, y + 15), groups[i], "head", most=56)
            y += head
        if i in above:
            canvas.text((2, y + 12), names[i], "row", most=66)
            y += over
        middle, found, ends = y + step / 2, figure.at(i, chart.value), _ends(figure, i)
        name = groups[i] if whose is None else figure.rows[i][whose]
        colour = "judge" if figure.judge and whose is None else canvas.colour(name, 0)
        if i not in above:
            canvas.text((2, middle + 4), names[i], "row")
        canvas.text((WIDTH - 2, middle + 4), _said(found, ends, "not defined"), anchor="end")
        if ends is not None:
            left, right = map(written, map(place, ends))
            way = f"M{left} {middle - 4:g}v8m0-4H{right}m0-4v8"
            canvas.add(
                "path", {"d": way, "class": f"interval {colour}-line", **canvas.mark(i, "low", "high")}
            )
        if found is not None:
            spot = place(found), middle
            canvas.dot(spot, 3.6, colour, _tip(figure, i), **canvas.mark(i, chart.value))
        y += step


def _bars(canvas: Canvas) -> None:
    """Draw bars of percents in blocks with a heading: one a row, or the rows of a block in one line."""
    figure, chart = canvas.figure, canvas.figure.chart
    heads, kinds = _listed(figure, chart.x), _listed(figure, chart.group) if chart.group else [""]
    thick, below = (20.0, 14.0) if chart.stacked else (12.0, 4.0)
    step = 17 + below + thick * (1 if chart.stacked else len(kinds))
    own = dict(zip(kinds, chart.kinds, strict=False))
    colours = [own.get(kind, canvas.colour(kind, k)) for k, kind in enumerate(kinds)]
    said = {chart.legend.get(str(kind), str(kind)): colours[k] for k, kind in enumerate(kinds)}
    top = canvas.legend(said) if chart.group else 2.0
    bottom = top + step * len(heads) + 4
    canvas.height = bottom + 34
    whole = chart.stacked or not chart.group
    reach = _numbers(figure, *({chart.value, "high"} & set(figure.columns)))
    span = 0.0, 100.0 if whole else max([10.0, *reach])
    x = axis(span, 8, WIDTH - (14 if chart.stacked else 46))
    canvas.bottom_axis(x, span, bottom, chart.axes[0], top=top)
    for k, head in enumerate(heads):
        canvas.text((8, top + step * k + 13), str(head), "label", most=50)
    reached = dict.fromkeys(heads, 0.0)
    for i in figure.places:
        found, head = figure.at(i, chart.value), figure.at(i, chart.x)
        if found is None:
            continue
        k = kinds.index(figure.at(i, chart.group)) if chart.group else 0
        start, reached[head] = (reached[head], reached[head] + found) if chart.stacked else (0.0, 0.0)
        at = x(start), top + step * heads.index(head) + 17 + (0 if chart.stacked else thick * k)
        size = x(start + found) - at[0] - 0.6, thick - 2
        mark = canvas.mark(i, chart.value)
        canvas.rect(at, size, colours[k], _tip(figure, i), **mark)
        ends = None if not chart.group or (chart.stacked and k) else _ends(figure, i)
        if ends is not None:
            y = at[1] + (24 if chart.stacked else 5)
            canvas.line((x(ends[0]), y), (x(ends[1]), y), "interval" if chart.stacked else "whisker")
        if not chart.stacked:
            canvas.text((x(found if ends is None else ends[1]) + 4, at[1] + 9), f"{found:.0f} %")
        elif size[0] > 28:
            canvas.text((at[0] + size[0] / 2, at[1] + 14), f"{found:.0f} %", "on-bar", anchor="middle")


def _points(canvas: Canvas) -> None:
    """Draw points of one column or more over another, joined or a cloud; lines that belong to no row."""
    figure, chart = canvas.figure, canvas.figure.chart
    canvas.height = 270 if chart.curve and not chart.weights else 340
    alone = len(chart.y) == 1 and bool(figure.judge)
    coloured = {y: "judge" if alone else canvas.side(y, k) for k, y in enumerate(chart.y)}
    top = (
        canvas.legend({chart.legend.get(y, y): coloured[y] for y in chart.y})
        if chart.legend.keys() & set(chart.y)
        else 8.0
    )
    top += 18 if chart.axes[1] else 4
    base = canvas.height - 34
    place = axis(chart.x_span, 50, WIDTH - 18)
    rise = axis(chart.y_span, base - (62 if chart.weights else 4), top)
    across = {i: place(figure.at(i, chart.x)) for i in figure.places}
    if chart.band:
        lower, upper = ({i: (x, rise(figure.at(i, end))) for i, x in across.items()} for end in chart.band)
        ends = (list(_apart(each, BEND).values()) for each in (upper, lower))
        canvas.path([*next(ends), *next(ends)[::-1]], "band", closed=True)
    canvas.left_axis(rise, chart.y_span, 42, chart.axes[1], foot=base)
    marks = [float(figure.at(i, chart.x)) for i in figure.places] if chart.ticked else []
    canvas.bottom_axis(place, chart.x_span, base, chart.axes[0], top=top, marks=marks, start=42)
    for k, y in enumerate(chart.y):
        aside = 5.0 * k - 2.5 * (len(chart.y) - 1)
        known = {i: (x + aside, rise(v)) for i, x in across.items() if (v := figure.at(i, y)) is not None}
        _series(canvas, y, coloured[y], known, rise)
    if chart.weights:
        _histogram(canvas, place, base)
    for kind, start, end, says in chart.segments:
        a, b = ((place(x), rise(y)) for x, y in (start, end))
        canvas.line(a, b, kind)
        if says:
            canvas.text((b[0] - 4, b[1] + 12) if a[0] == b[0] else (b[0], b[1] - 4), says, anchor="end")


def _series(canvas: Canvas, y: str, colour: str, known: Mapping[int, Point], rise: Place) -> None:
    """Draw a column of points; of a cloud, a point's area says how many it stands for."""
    figure, chart = canvas.figure, canvas.figure.chart
    if chart.curve:
        canvas.path(list(_apart(known, BEND).values()), f"curve {colour}-line")
        known = _apart(known, DOT)
    most = max(_numbers(figure, chart.size), default=1) if chart.size else 1
    if not chart.curve and not chart.whiskers and most == 1 and len(known) > CLOUD:
        for layer in range(LAYERS):
            dots = list(known.values())[layer::LAYERS]
            way = "".join(f"M{written(x)} {written(y)}h0" for x, y in dots)
            canvas.add("path", {"d": way, "class": f"cloud {colour}-line"})
        return
    for i, at in known.items():
        if chart.whiskers and (ends := _ends(figure, i, f"{y}_low", f"{y}_high")) is not None:
            canvas.line((at[0], rise(ends[0])), (at[0], rise(ends[1])), f"curve {colour}-line")
        radius = 3.0 if len(known) <= 40 else 2.0
        if chart.size and most > 1:
            radius = 2.2 + 11 * (figure.at(i, chart.size) / most) ** 0.5
        kind = colour if chart.curve else f"{colour} soft"
        canvas.dot(at, radius, kind, _tip(figure, i), **canvas.mark(i, y))


def _apart(known: Mapping[int, Point], least: float) -> dict[int, Point]:
    """Return points without those that are nearer to the one before; the first and the last stay."""
    kept: dict[int, Point] = {}
    last = [*known][-1:]
    for i, at in known.items():
        before = next(reversed(kept.values()), at)
        if not kept or [i] == last or math.dist(before, at) >= least:
            kept[i] = at
    return kept


def _histogram(canvas: Canvas, place: Place, base: float) -> None:
    """Draw how many there are in each twentieth of the lower axis, from 0 to 1, as bars on it."""
    figure, counts = canvas.figure, [0] * 20
    for i in figure.places:
        counts[min(int(figure.at(i, figure.chart.x) * 20), 19)] += figure.at(i, figure.chart.weights)
    wide = (place(1) - place(0)) / 20
    for k, count in enumerate(counts):
        tall = 40 * count / (max(counts) or 1)
        tip = f"{count} {figure.chart.weights}"
        canvas.rect((place(k / 20) + 0.5, base - tall), (wide - 1, tall), "judge soft", tip)


def _grid(canvas: Canvas) -> None:
    """Draw cells of a table, the darker the stronger; labels too long for their place get a number."""
    figure, chart = canvas.figure, canvas.figure.chart
    rows, columns = _listed(figure, chart.y[0]), _listed(figure, chart.x)
    names = list(dict.fromkeys([*columns, *rows]))
    left = 74.0
    wide = min((WIDTH - left - 6) / len(columns), 142.0)
    numbered = any(len(str(name)) > min(wide / 6.2, 11) for name in names)
    said = {name: str(k) if numbered else str(name) for k, name in enumerate(names, 1)}
    key = 18.0 * len(names) + 6 if numbered else 0.0
    top, tall = key + (34 if chart.axes[0] else 18), min(wide, 46.0)
    canvas.height = top + tall * len(rows) + 8
    for k, name in enumerate(names if numbered else ()):
        canvas.text((4, 14 + 18 * k), f"{k + 1}  {name}", "label", most=54)
    canvas.text((left + wide * len(columns) / 2, key + 12), chart.axes[0], anchor="middle")
    canvas.text((4, top - 5), chart.axes[1])
    for j, name in enumerate(columns):
        canvas.text((left + wide * (j + 0.5), top - 5), said[name], "label", anchor="middle")
    for j, name in enumerate(rows):
        canvas.text((left - 6, top + tall * (j + 0.5) + 4), said[name], "label", anchor="end")
    for i in figure.places:
        across, down = figure.at(i, chart.x), figure.at(i, chart.y[0])
        at = left + wide * columns.index(across), top + tall * rows.index(down)
        _cell(canvas, i, at, (wide, tall), "cell diagonal" if across == down else "cell")


def _cell(canvas: Canvas, row: int, at: Point, size: Point, kind: str) -> None:
    figure, chart = canvas.figure, canvas.figure.chart
    value, percent = figure.at(row, chart.value), figure.at(row, chart.size) if chart.size else None
    dark = min(abs((percent or 0.0) / 100 if chart.size else value or 0.0), 1.0)
    mark = {"fill-opacity": 0.08 + 0.85 * dark, **canvas.mark(row, chart.value)}
    canvas.rect(at, (size[0] - 1.5, size[1] - 1.5), kind, _tip(figure, row), **mark)
    ink = "cell-text inverse" if dark > 0.55 else "cell-text"
    text = "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
    x, y = at[0] + size[0] / 2, at[1] + size[1] / 2
    two = percent is not None and size[1] >= 30
    canvas.text((x, y - 1 if two else y + 4), text, ink, anchor="middle")
    if two:
        canvas.text((x, y + 12), f"{percent:.0f} %", f"{ink} small", anchor="middle")


def _slopes(canvas: Canvas) -> None:
    """Draw names in two orders, one on each side; what changes places has a line in a colour of its own."""
    figure = canvas.figure
    canvas.height = 30.0 * len(figure.rows) + 28
    left, right = figure.chart.y
    first, second = canvas.side(left, 0), canvas.side(right, 1)
    sides = {left: (4.0, 128.0, "start", first), right: (WIDTH - 4, WIDTH - 128, "end", second)}
    for side, (edge, _, anchor, _) in sides.items():
        canvas.text((edge, 14), f"{figure.chart.legend.get(side, side)}: mean [interval]", anchor=anchor)
    for i in figure.places:
        ranks = {side: figure.at(i, f"{side}_rank") for side in sides}
        heights = {side: 36.0 + 30 * (rank - 1) for side, rank in ranks.items()}
        moved = "moved" if ranks[left] != ranks[right] else "interval"
        canvas.line((sides[left][1], heights[left]), (sides[right][1], heights[right]), moved)
        for side, (edge, spot, anchor, colour) in sides.items():
            title = f"{ranks[side]}. {figure.at(i, figure.chart.x)}"
            canvas.text((edge, heights[side]), title, "label", anchor=anchor, most=20)
            said = _said(figure.at(i, side), _ends(figure, i, f"{side}_low", f"{side}_high"), "none")
            canvas.text((edge, heights[side] + 13), said, anchor=anchor)
            canvas.dot((spot, heights[side]), 4, colour, _tip(figure, i), **canvas.mark(i, side))


_DRAW: Mapping[str, Callable[[Canvas], None]] = {
    "bars": _bars,
    "points": _points,
    "grid": _grid,
    "slopes": _slopes,
}

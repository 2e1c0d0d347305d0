"""Figures as pictures: one function a kind, from the rows of its table to shapes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from judgekit.agreement.auditing.section import Figure
from judgekit.report.draw_more import (
    design,
    distribution,
    errors,
    length,
    orders,
    ranks,
    variance,
)
from judgekit.report.svg import WIDTH, Canvas, axis, bottom_axis, left_axis, mark, ticks


def picture(figure: Figure) -> Canvas:
    """The figure, drawn."""
    return _DRAW[figure.chart or figure.kind](figure)


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a picture of intervals needs besides its figure: names, headings, ends of the axis."""

    names: list[str]
    groups: list[str]
    span: tuple[float, float]
    value: str
    axis: str


_NAME, _PLOT, _SAID, _STEP, _HEAD = 146.0, (152.0, 258.0), WIDTH - 2, 19.0, 22.0


def _intervals(figure: Figure, rows: _Rows) -> Canvas:
    """Rows of a name, an interval and its numbers; a new group gets a heading."""
    new = [bool(g) and (i == 0 or rows.groups[i - 1] != g) for i, g in enumerate(rows.groups)]
    canvas = Canvas(_STEP * len(rows.names) + _HEAD * sum(new) + 44, figure.title)
    place = axis(*rows.span, *_PLOT)
    bottom = canvas.height - 34
    ends = (figure.lines.get("ceiling_low"), figure.lines.get("ceiling_high"))
    if ends[0] is not None and ends[1] is not None:
        canvas.rect((place(ends[0]), 4), (place(ends[1]) - place(ends[0]), bottom - 4), "band", tip="people")
    marks = ticks(*rows.span, about=3)
    bottom_axis(canvas, place, rows.span, bottom, name=rows.axis, grid=4, marks=marks)
    for name in ("ceiling", "all"):
        if (at := figure.lines.get(name)) is not None:
            canvas.line((place(at), 4), (place(at), bottom), "dashed")
    y = 4.0
    for i, label in enumerate(rows.names):
        if new[i]:
            canvas.text(2, y + 15, rows.groups[i], "head", most=56)
            y += _HEAD
        _interval(canvas, figure, (i, rows.value, label), place, y + _STEP / 2)
        y += _STEP
    return canvas


def _interval(
    canvas: Canvas, figure: Figure, cell: tuple[int, str, str], place: Callable[[float], float], y: float
) -> None:
    row, value, label = cell
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


def _span(figure: Figure) -> tuple[float, float]:
    """Ends of an axis of agreement: 0 to 1, or from as far below 0 as the intervals go."""
    least = min([0.0, *(v for i in figure.places if (v := figure.at(i, "low")) is not None)])
    return (-1.0 if least < -0.5 else -0.5 if least < -0.02 else 0.0, 1.0)


def _forest(figure: Figure) -> Canvas:
    names = [figure.at(i, "statistic") for i in figure.places]
    groups = [figure.at(i, "group") for i in figure.places]
    return _intervals(figure, _Rows(names, groups, _span(figure), "value", "agreement"))


def _listed(figure: Figure) -> Canvas:
    """Rates and differences: an axis from 0 to 1, as far below 0 and beyond 1 as the intervals go."""
    ends = [
        v for i in figure.places for name in ("low", "value", "high") if (v := figure.at(i, name)) is not None
    ]
    names = [figure.at(i, "statistic") for i in figure.places]
    groups = [figure.at(i, "group") for i in figure.places]
    return _intervals(figure, _Rows(names, groups, (min([0.0, *ends]), max([1.0, *ends])), "value", "value"))


def _slices(figure: Figure) -> Canvas:
    n = figure.places
    marks = {True: " ▲", False: ""}
    names = [f"{figure.at(i, 'group')} (n {figure.at(i, 'n')}){marks[figure.at(i, 'flagged')]}" for i in n]
    groups = [f"by {figure.at(i, 'by')}" for i in n]
    return _intervals(figure, _Rows(names, groups, _span(figure), "value", "agreement"))


def _severity(figure: Figure) -> Canvas:
    n = figure.places
    numbers = [v for i in n for name in ("low", "high") if (v := figure.at(i, name)) is not None]
    most = max([1.0, *map(abs, numbers)])
    fits = [f", {fit}" if (fit := figure.at(i, "fit")) else "" for i in n]
    names = [f"{figure.at(i, 'rater')} ({figure.at(i, 'kind')}{fits[i]})" for i in n]
    axis_name = "← lenient   severe →"
    return _intervals(figure, _Rows(names, [""] * len(names), (-most, most), "severity", axis_name))


def _confusion(figure: Figure) -> Canvas:
    labels = list(dict.fromkeys(figure.at(i, "people") for i in figure.places))
    k = len(labels)
    left, top = 74.0, 34.0
    size = (WIDTH - left - 6) / k
    height = min(size, 46.0)
    canvas = Canvas(top + height * k + 8, figure.title)
    canvas.text(left + size * k / 2, 12, "the judge says", "small", anchor="middle")
    canvas.text(4, top - 4, "people say", "small")
    most = max(int(size / 6.2), 2)
    for j, label in enumerate(labels):
        canvas.text(left + size * (j + 0.5), top - 5, label, "label", anchor="middle", most=most)
        canvas.text(left - 6, top + height * (j + 0.5) + 4, label, "label", anchor="end", most=11)
    for row in figure.places:
        i, j = labels.index(figure.at(row, "people")), labels.index(figure.at(row, "judge"))
        count, percent = figure.at(row, "count"), figure.at(row, "percent_of_row")
        x, y = left + size * j, top + height * i
        share = 0.0 if percent is None else percent / 100
        tip = f"people {labels[i]}, judge {labels[j]}: {count}" + (
            "" if percent is None else f" ({percent:.0f} %)"
        )
        kind = "cell diagonal" if i == j else "cell"
        canvas.rect(
            (x, y),
            (size - 1.5, height - 1.5),
            kind,
            mark=mark(row, "count", count),
            tip=tip,
            opacity=0.08 + 0.85 * share,
        )
        ink = "cell-text inverse" if share > 0.55 else "cell-text"
        canvas.text(
            x + size / 2, y + height / 2 + (4 if height < 30 else -1), str(count), ink, anchor="middle"
        )
        if percent is not None and height >= 30:
            canvas.text(
                x + size / 2, y + height / 2 + 12, f"{percent:.0f} %", f"{ink} small", anchor="middle"
            )
    return canvas


def _scatter(figure: Figure) -> Canvas:
    low, high = float(figure.lines["low"]), float(figure.lines["high"])
    canvas = Canvas(330, figure.title)
    x, y = axis(low, high, 44, WIDTH - 14), axis(low, high, 290, 16)
    bottom_axis(canvas, x, (low, high), 296, name="people (mean)", grid=16)
    left_axis(canvas, y, (low, high), 38, name="judge", grid=WIDTH - 14)
    canvas.line((x(low), y(low)), (x(high), y(high)), "dashed")
    slope, intercept = figure.lines.get("slope"), figure.lines.get("intercept")
    most = max(figure.at(i, "units") for i in figure.places)
    for i in figure.places:
        a, b, n = figure.rows[i]
        radius = 2.2 + 11 * (n / most) ** 0.5 if most > 1 else 2.6
        canvas.dot(
            x(a),
            y(b),
            radius,
            "judge soft",
            mark=mark(i, "units", n),
            tip=f"people {a:.2f}, judge {b:.2f}: {n}",
        )
    if slope is not None and intercept is not None:
        edges = [(v, intercept + slope * v) for v in _inside(low, high, slope, intercept)]
        canvas.path([(x(a), y(b)) for a, b in edges], "trend")
    return canvas


def _inside(low: float, high: float, slope: float, intercept: float) -> list[float]:
    """Where a line is within the square."""
    if abs(slope) < 1e-9:
        return [low, high] if low <= intercept <= high else []
    cuts = sorted(((low - intercept) / slope, (high - intercept) / slope))
    start, end = max(low, cuts[0]), min(high, cuts[1])
    return [start, end] if end > start else []


def _differences(figure: Figure) -> Canvas:
    low, high = float(figure.lines["low"]), float(figure.lines["high"])
    differences = [figure.at(i, "difference") for i in figure.places]
    limits = [v for name in ("lower_limit", "upper_limit") if (v := figure.lines.get(name)) is not None]
    most = max([1e-9, *map(abs, differences), *map(abs, limits)]) * 1.05
    canvas = Canvas(310, figure.title)
    x, y = axis(low, high, 48, WIDTH - 14), axis(-most, most, 270, 16)
    bottom_axis(canvas, x, (low, high), 274, name="mean of judge and people")
    left_axis(canvas, y, (-most, most), 42, name="judge less people", grid=WIDTH - 14)
    for i, (mean, difference, n) in enumerate(figure.rows):
        canvas.dot(
            x(mean),
            y(difference),
            2.6,
            "judge soft",
            mark=mark(i, "difference", difference),
            tip=f"{difference:.3g} ({n})",
        )
    for name in ("bias", "lower_limit", "upper_limit"):
        if (at := figure.lines.get(name)) is not None:
            canvas.line((42, y(at)), (WIDTH - 14, y(at)), "trend" if name == "bias" else "dashed")
            canvas.text(WIDTH - 14, y(at) - 4, f"{at:.3g}", "small", anchor="end")
    return canvas


def _reliability(figure: Figure) -> Canvas:
    canvas = Canvas(346, figure.title)
    n = figure.places
    x, y = axis(0, 1, 44, WIDTH - 14), axis(0, 1, 250, 16)
    upper = [(x(figure.at(i, "probability")), y(figure.at(i, "band_high"))) for i in n]
    lower = [(x(figure.at(i, "probability")), y(figure.at(i, "band_low"))) for i in n]
    canvas.path([*upper, *lower[::-1]], "band", closed=True)
    left_axis(canvas, y, (0, 1), 38, name="people agree", grid=WIDTH - 14)
    canvas.line((x(0), y(0)), (x(1), y(1)), "dashed")
    canvas.path([(x(figure.at(i, "probability")), y(figure.at(i, "agreed"))) for i in n], "trend")
    for i in n:
        p, agreed = figure.at(i, "probability"), figure.at(i, "agreed")
        canvas.dot(
            x(p),
            y(agreed),
            2.4,
            "judge",
            mark=mark(i, "agreed", agreed),
            tip=f"says {p:.3f}, right {agreed:.3f}",
        )
    counts = [0] * 20
    for i in n:
        counts[min(int(figure.at(i, "probability") * 20), 19)] += figure.at(i, "units")
    for k, count in enumerate(counts):
        height = 40 * count / max(counts)
        canvas.rect(
            (x(k / 20) + 0.5, 308 - height),
            ((x(1) - x(0)) / 20 - 1, height),
            "judge soft",
            tip=f"{count} units",
        )
    bottom_axis(canvas, x, (0, 1), 310, name="the judge's probability of its label; bars: how many")
    return canvas


def _risk(figure: Figure) -> Canvas:
    canvas = Canvas(250, figure.title)
    most = max([0.05, *(figure.at(i, "risk") for i in figure.places)]) * 1.1
    x, y = axis(0, 1, 44, WIDTH - 14), axis(0, most, 206, 18)
    bottom_axis(canvas, x, (0, 1), 210, name="share of verdicts that stand", grid=18)
    left_axis(canvas, y, (0, most), 38, name="people disagree", grid=WIDTH - 14)
    canvas.path([(x(figure.at(i, "coverage")), y(figure.at(i, "risk"))) for i in figure.places], "trend")
    for i in figure.places:
        t, c, r = figure.rows[i]
        canvas.dot(
            x(c),
            y(r),
            1.8,
            "judge",
            mark=mark(i, "risk", r),
            tip=f"from {t:.3f} on: {c:.0%} stand, {r:.1%} wrong",
        )
    if (at := figure.lines.get("coverage")) is not None:
        canvas.line((x(at), 18), (x(at), 210), "dashed")
        canvas.text(x(at) - 4, 30, f"threshold {figure.lines['threshold']:.2f}", "small", anchor="end")
    return canvas


_DRAW: Mapping[str, Callable[[Figure], Canvas]] = {
    "forest": _forest,
    "confusion": _confusion,
    "scatter": _scatter,
    "differences": _differences,
    "distribution": distribution,
    "reliability": _reliability,
    "orders": orders,
    "length": length,
    "severity": _severity,
    "variance": variance,
    "design": design,
    "ranks": ranks,
    "risk": _risk,
    "slices": _slices,
    "errors": errors,
    "intervals": _listed,
}

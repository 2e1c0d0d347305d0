"""Figures as pictures: one function a kind, from the rows of its table to SVG."""

from collections.abc import Callable, Mapping

from judgekit.report.draw_more import (
    design,
    distribution,
    errors,
    length,
    orders,
    ranks,
    variance,
)
from judgekit.report.figures import Figure
from judgekit.report.svg import WIDTH, Canvas, axis, bottom_axis, left_axis, mark


def picture(figure: Figure) -> str:
    """The figure as SVG."""
    return _DRAW[figure.kind](figure)


def _intervals(
    figure: Figure, names: list[str], groups: list[str], span: tuple[float, float], value: str, axis_name: str
) -> Canvas:
    """Rows of a name, an interval and its value; a new group gets a heading."""
    heads = sum(bool(g) and (i == 0 or groups[i - 1] != g) for i, g in enumerate(groups))
    canvas = Canvas(26.0 * len(figure.rows) + 20.0 * heads + 44, figure.title)
    place = axis(*span, 12, WIDTH - 12)
    bottom = canvas.height - 34
    band = (figure.lines.get("ceiling_low"), figure.lines.get("ceiling_high"))
    if band[0] is not None and band[1] is not None:
        canvas.rect(place(band[0]), 4, place(band[1]) - place(band[0]), bottom - 4, "band", tip="people")
    bottom_axis(canvas, place, span, bottom, name=axis_name, grid=4)
    for name in ("ceiling", "all"):
        if (at := figure.lines.get(name)) is not None:
            canvas.line((place(at), 4), (place(at), bottom), "dashed")
    y = 4.0
    for i, label in enumerate(names):
        if groups[i] and (i == 0 or groups[i - 1] != groups[i]):
            canvas.text(4, y + 14, groups[i], "head")
            y += 20
        _interval(canvas, figure, i, label, place, y, value)
        y += 26
    return canvas


def _interval(
    canvas: Canvas, figure: Figure, row: int, label: str, place: Callable[[float], float], y: float, value: str
) -> None:
    found, low, high = (figure.at(row, name) for name in (value, "low", "high"))
    said = "not defined here" if found is None else f"{found:.2f}"
    if found is not None and low is not None and high is not None:
        said += f" [{low:.2f}, {high:.2f}]"
    canvas.text(4, y + 11, label, "label", most=34)
    canvas.text(WIDTH - 4, y + 11, said, "small", anchor="end")
    if low is not None and high is not None:
        canvas.line((place(low), y + 18), (place(high), y + 18), "interval")
        for name, at in (("low", low), ("high", high)):
            canvas.rect(place(at) - 0.8, y + 14, 1.6, 8, "judge", mark=mark(row, name, at))
    if found is not None:
        canvas.dot(place(found), y + 18, 4, "judge", mark=mark(row, value, found), tip=f"{label}: {said}")


def _forest(figure: Figure) -> str:
    lows = [v for i in range(len(figure.rows)) if (v := figure.at(i, "low")) is not None]
    least = min([0.0, *lows])
    span = (-1.0 if least < -0.5 else -0.5 if least < -0.02 else 0.0, 1.0)
    names = [figure.at(i, "statistic") for i in range(len(figure.rows))]
    return _intervals(figure, names, [""] * len(names), span, "value", "agreement").svg()


def _slices(figure: Figure) -> str:
    n = len(figure.rows)
    names = [
        f"{figure.at(i, 'group')} (n {figure.at(i, 'n')})" + (" ▲ differs" if figure.at(i, "flagged") else "")
        for i in range(n)
    ]
    lows = [v for i in range(n) if (v := figure.at(i, "low")) is not None]
    span = (-1.0 if min([0.0, *lows]) < -0.5 else -0.5 if min([0.0, *lows]) < -0.02 else 0.0, 1.0)
    groups = [f"by {figure.at(i, 'by')}" for i in range(n)]
    return _intervals(figure, names, groups, span, "value", "agreement").svg()


def _severity(figure: Figure) -> str:
    n = len(figure.rows)
    numbers = [v for i in range(n) for name in ("low", "high") if (v := figure.at(i, name)) is not None]
    most = max([1.0, *map(abs, numbers)])
    names = [
        f"{figure.at(i, 'rater')} ({figure.at(i, 'kind')}"
        + (f", {figure.at(i, 'fit')})" if figure.at(i, "fit") else ")")
        for i in range(n)
    ]
    return _intervals(figure, names, [""] * n, (-most, most), "severity", "lenient      severity      severe").svg()


def _confusion(figure: Figure) -> str:
    labels = list(dict.fromkeys(figure.at(i, "people") for i in range(len(figure.rows))))
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
    for row in range(len(figure.rows)):
        i, j = labels.index(figure.at(row, "people")), labels.index(figure.at(row, "judge"))
        count, percent = figure.at(row, "count"), figure.at(row, "percent_of_row")
        x, y = left + size * j, top + height * i
        share = 0.0 if percent is None else percent / 100
        tip = f"people {labels[i]}, judge {labels[j]}: {count}" + ("" if percent is None else f" ({percent:.0f} %)")
        kind = "cell diagonal" if i == j else "cell"
        canvas.rect(x, y, size - 1.5, height - 1.5, kind, mark=mark(row, "count", count), tip=tip, opacity=0.08 + 0.85 * share)
        ink = "cell-text inverse" if share > 0.55 else "cell-text"
        canvas.text(x + size / 2, y + height / 2 + (4 if height < 30 else -1), str(count), ink, anchor="middle")
        if percent is not None and height >= 30:
            canvas.text(x + size / 2, y + height / 2 + 12, f"{percent:.0f} %", f"{ink} small", anchor="middle")
    return canvas.svg()


def _scatter(figure: Figure) -> str:
    low, high = float(figure.lines["low"]), float(figure.lines["high"])
    canvas = Canvas(330, figure.title)
    x, y = axis(low, high, 44, WIDTH - 14), axis(low, high, 290, 16)
    bottom_axis(canvas, x, (low, high), 296, name="people (mean)", grid=16)
    left_axis(canvas, y, (low, high), 38, name="judge", grid=WIDTH - 14)
    canvas.line((x(low), y(low)), (x(high), y(high)), "dashed")
    slope, intercept = figure.lines.get("slope"), figure.lines.get("intercept")
    most = max(figure.at(i, "units") for i in range(len(figure.rows)))
    for i in range(len(figure.rows)):
        a, b, n = figure.rows[i]
        radius = 2.2 + 11 * (n / most) ** 0.5 if most > 1 else 2.6
        canvas.dot(x(a), y(b), radius, "judge soft", mark=mark(i, "units", n), tip=f"people {a:.2f}, judge {b:.2f}: {n}")
    if slope is not None and intercept is not None:
        edges = [(v, intercept + slope * v) for v in _inside(low, high, slope, intercept)]
        canvas.path([(x(a), y(b)) for a, b in edges], "trend")
    return canvas.svg()


def _inside(low: float, high: float, slope: float, intercept: float) -> list[float]:
    """Where a line is within the square."""
    if abs(slope) < 1e-9:
        return [low, high] if low <= intercept <= high else []
    cuts = sorted(((low - intercept) / slope, (high - intercept) / slope))
    start, end = max(low, cuts[0]), min(high, cuts[1])
    return [start, end] if end > start else []


def _differences(figure: Figure) -> str:
    low, high = float(figure.lines["low"]), float(figure.lines["high"])
    differences = [figure.at(i, "difference") for i in range(len(figure.rows))]
    limits = [v for name in ("lower_limit", "upper_limit") if (v := figure.lines.get(name)) is not None]
    most = max([1e-9, *map(abs, differences), *map(abs, limits)]) * 1.05
    canvas = Canvas(310, figure.title)
    x, y = axis(low, high, 48, WIDTH - 14), axis(-most, most, 270, 16)
    bottom_axis(canvas, x, (low, high), 274, name="mean of judge and people")
    left_axis(canvas, y, (-most, most), 42, name="judge less people", grid=WIDTH - 14)
    for i, (mean, difference, n) in enumerate(figure.rows):
        canvas.dot(x(mean), y(difference), 2.6, "judge soft", mark=mark(i, "difference", difference), tip=f"{difference:.3g} ({n})")
    for name in ("bias", "lower_limit", "upper_limit"):
        if (at := figure.lines.get(name)) is not None:
            canvas.line((42, y(at)), (WIDTH - 14, y(at)), "trend" if name == "bias" else "dashed")
            canvas.text(WIDTH - 14, y(at) - 4, f"{at:.3g}", "small", anchor="end")
    return canvas.svg()


def _reliability(figure: Figure) -> str:
    canvas = Canvas(346, figure.title)
    n = range(len(figure.rows))
    x, y = axis(0, 1, 44, WIDTH - 14), axis(0, 1, 250, 16)
    upper = [(x(figure.at(i, "probability")), y(figure.at(i, "band_high"))) for i in n]
    lower = [(x(figure.at(i, "probability")), y(figure.at(i, "band_low"))) for i in n]
    canvas.path([*upper, *lower[::-1]], "band", closed=True)
    left_axis(canvas, y, (0, 1), 38, name="people agree", grid=WIDTH - 14)
    canvas.line((x(0), y(0)), (x(1), y(1)), "dashed")
    canvas.path([(x(figure.at(i, "probability")), y(figure.at(i, "agreed"))) for i in n], "trend")
    for i in n:
        p, agreed = figure.at(i, "probability"), figure.at(i, "agreed")
        canvas.dot(x(p), y(agreed), 2.4, "judge", mark=mark(i, "agreed", agreed), tip=f"says {p:.3f}, right {agreed:.3f}")
    counts = [0] * 20
    for i in n:
        counts[min(int(figure.at(i, "probability") * 20), 19)] += figure.at(i, "units")
    for k, count in enumerate(counts):
        height = 40 * count / max(counts)
        canvas.rect(x(k / 20) + 0.5, 308 - height, (x(1) - x(0)) / 20 - 1, height, "judge soft", tip=f"{count} units")
    bottom_axis(canvas, x, (0, 1), 310, name="the judge's probability of its label; bars: how many")
    return canvas.svg()


def _risk(figure: Figure) -> str:
    canvas = Canvas(250, figure.title)
    most = max([0.05, *(figure.at(i, "risk") for i in range(len(figure.rows)))]) * 1.1
    x, y = axis(0, 1, 44, WIDTH - 14), axis(0, most, 206, 18)
    bottom_axis(canvas, x, (0, 1), 210, name="share of verdicts that stand", grid=18)
    left_axis(canvas, y, (0, most), 38, name="people disagree", grid=WIDTH - 14)
    canvas.path([(x(figure.at(i, "coverage")), y(figure.at(i, "risk"))) for i in range(len(figure.rows))], "trend")
    for i in range(len(figure.rows)):
        t, c, r = figure.rows[i]
        canvas.dot(x(c), y(r), 1.8, "judge", mark=mark(i, "risk", r), tip=f"from {t:.3f} on: {c:.0%} stand, {r:.1%} wrong")
    if (at := figure.lines.get("coverage")) is not None:
        canvas.line((x(at), 18), (x(at), 210), "dashed")
        canvas.text(x(at) - 4, 30, f"threshold {figure.lines['threshold']:.2f}", "small", anchor="end")
    return canvas.svg()


_DRAW: Mapping[str, Callable[[Figure], str]] = {
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
}

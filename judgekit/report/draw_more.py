"""Pictures of several raters at once: bars, curves, ranks, heat maps."""

from judgekit.agreement.auditing.section import Figure
from judgekit.report.svg import WIDTH, Canvas, axis, bottom_axis, left_axis, mark

_KINDS = ("people", "judge", "third", "fourth", "fifth")


def _legend(canvas: Canvas, names: list[str], y: float) -> float:
    """Names with their colours, wrapped; gives where the picture may start."""
    x = 4.0
    for k, name in enumerate(names):
        wide = 20 + 6.2 * min(len(name), 34)
        if x + wide > WIDTH and x > 4:
            x, y = 4.0, y + 16
        canvas.rect((x, y - 8), (9, 9), _KINDS[k % len(_KINDS)])
        canvas.text(x + 13, y, name, "small", most=34)
        x += wide
    return y + 8


def distribution(figure: Figure) -> Canvas:
    """Bars for each label, people beside judges."""
    n = figure.places
    labels = list(dict.fromkeys(figure.at(i, "label") for i in n))
    raters = list(dict.fromkeys(figure.at(i, "rater") for i in n))
    each = 12.0
    block = each * len(raters) + 20
    canvas = Canvas(18.0 * ((len(raters) + 1) // 2) + block * len(labels) + 44, figure.title)
    top = _legend(canvas, raters, 12)
    most = max([10.0, *(figure.at(i, "high") or figure.at(i, "percent") or 0.0 for i in n)])
    x = axis(0, most, 12, WIDTH - 46)
    bottom = top + block * len(labels) + 4
    bottom_axis(canvas, x, (0, most), bottom, name="percent of labels", grid=top)
    for i in n:
        k, r = labels.index(figure.at(i, "label")), raters.index(figure.at(i, "rater"))
        y = top + block * k
        if r == 0:
            canvas.text(4, y + 13, str(labels[k]), "label", most=50)
        y += 17 + each * r
        value, low, high = (figure.at(i, name) for name in ("percent", "low", "high"))
        if value is None:
            continue
        tip = f"{raters[r]}, {labels[k]}: {value:.1f} % ({figure.at(i, 'count')})"
        canvas.rect(
            (x(0), y),
            (x(value) - x(0), each - 2),
            _KINDS[r % len(_KINDS)],
            mark=mark(i, "percent", value),
            tip=tip,
        )
        if low is not None and high is not None:
            canvas.line((x(low), y + 5), (x(high), y + 5), "whisker")
        canvas.text(x(high if high is not None else value) + 4, y + 9, f"{value:.0f} %", "small")
    canvas.height = bottom + 34
    return canvas


def orders(figure: Figure) -> Canvas:
    """A stacked bar for each judge: consistent, first place, second place."""
    judges = list(dict.fromkeys(figure.at(i, "judge") for i in figure.places))
    canvas = Canvas(54.0 * len(judges) + 68, figure.title)
    names = ["consistent", "leans to the first place", "leans to the second"]
    kinds = ["good", "judge", "people"]
    x0 = 4.0
    for k, name in enumerate(names):
        canvas.rect((x0, 4), (9, 9), kinds[k])
        canvas.text(x0 + 13, 12, name, "small")
        x0 += 26 + 5.6 * len(name)
    x = axis(0, 100, 6, WIDTH - 14)
    for k, judge in enumerate(judges):
        y = 34 + 54 * k
        canvas.text(4, y + 8, judge, "label", most=50)
        start = 0.0
        for i in figure.places:
            if figure.at(i, "judge") != judge or figure.at(i, "percent") is None:
                continue
            value, what = figure.at(i, "percent"), figure.at(i, "what")
            part = ["consistent", "first place", "second place"].index(what)
            low, high, pairs = (figure.at(i, name) for name in ("low", "high", "pairs"))
            tip = f"{what}: {value:.1f} % [{low:.1f}, {high:.1f}], {pairs} pairs"
            wide = x(start + value) - x(start)
            canvas.rect(
                (x(start), y + 13), (wide - 0.6, 20), kinds[part], mark=mark(i, "percent", value), tip=tip
            )
            if wide > 28:
                canvas.text(x(start) + wide / 2, y + 27, f"{value:.0f} %", "on-bar", anchor="middle")
            if part == 0:
                canvas.line((x(figure.at(i, "low")), y + 38), (x(figure.at(i, "high")), y + 38), "interval")
            start += value
    bottom_axis(
        canvas,
        x,
        (0, 100),
        canvas.height - 32,
        name="percent of pairs; line: interval of the consistent",
    )
    return canvas


def length(figure: Figure) -> Canvas:
    """Two curves over length, judge and people."""
    n = figure.places
    canvas = Canvas(284, figure.title)
    _legend(canvas, ["people", "judge"], 12)
    spots = [figure.at(i, "length") for i in n]
    edges = [
        v
        for i in n
        for name in ("judge_low", "judge_high", "people_low", "people_high")
        if (v := figure.at(i, name)) is not None
    ]
    values = [v for i in n for name in ("judge", "people") if (v := figure.at(i, name)) is not None]
    low, high = min([*edges, *values]), max([*edges, *values])
    room = (high - low) * 0.06 or 0.1
    x, y = axis(min(spots), max(spots), 52, WIDTH - 20), axis(low - room, high + room, 236, 28)
    bottom_axis(canvas, x, (min(spots), max(spots)), 240, name="length (median of each fifth)")
    left_axis(canvas, y, (low - room, high + room), 44, grid=WIDTH - 14)
    for shift, name in ((-2.5, "people"), (2.5, "judge")):
        canvas.path([(x(spots[i]) + shift, y(figure.at(i, name))) for i in n], f"curve {name}-line")
        for i in n:
            value, a, b = (figure.at(i, each) for each in (name, f"{name}_low", f"{name}_high"))
            if a is not None and b is not None:
                canvas.line((x(spots[i]) + shift, y(a)), (x(spots[i]) + shift, y(b)), f"curve {name}-line")
            canvas.dot(
                x(spots[i]) + shift,
                y(value),
                3.4,
                name,
                mark=mark(i, name, value),
                tip=f"{name}: {value:.3f}",
            )
    return canvas


def variance(figure: Figure) -> Canvas:
    """A bar for each part of the variance."""
    canvas = Canvas(34.0 * len(figure.rows) + 40, figure.title)
    x = axis(0, 100, 8, WIDTH - 46)
    bottom = canvas.height - 34
    bottom_axis(canvas, x, (0, 100), bottom, name="percent of the variance of one label", grid=4)
    for i in figure.places:
        y, percent = 6 + 34 * i, figure.at(i, "percent")
        canvas.text(10, y + 9, str(figure.at(i, "part")), "label")
        if percent is not None:
            canvas.rect((x(0), y + 13), (x(percent) - x(0), 12), "people", mark=mark(i, "percent", percent))
            canvas.text(x(percent) + 4, y + 23, f"{percent:.0f} %", "small")
    return canvas


def design(figure: Figure) -> Canvas:
    """Dependability over the number of people."""
    canvas = Canvas(250, figure.title)
    n = figure.places
    most = max(figure.at(i, "persons") for i in n)
    x, y = axis(1, most, 44, WIDTH - 18), axis(0, 1, 206, 28)
    _legend(canvas, ["G (order)", "Phi (score)"], 12)
    marks = [float(figure.at(i, "persons")) for i in n]
    bottom_axis(canvas, x, (1, most), 210, name="people for each unit", marks=marks)
    left_axis(canvas, y, (0, 1), 38, grid=WIDTH - 14)
    for goal in (0.75, 0.9):
        canvas.line((x(1), y(goal)), (x(most), y(goal)), "dashed")
    for name, kind in (("g", "people"), ("phi", "judge")):
        known = [i for i in n if figure.at(i, name) is not None]
        canvas.path(
            [(x(figure.at(i, "persons")), y(figure.at(i, name))) for i in known], f"curve {kind}-line"
        )
        for i in known:
            value = figure.at(i, name)
            tip = f"{figure.at(i, 'persons')} people: {name} {value:.2f}"
            canvas.dot(x(figure.at(i, "persons")), y(value), 3, kind, mark=mark(i, name, value), tip=tip)
    return canvas


def ranks(figure: Figure) -> Canvas:
    """People's order on the left, the judge's on the right."""
    n = figure.places
    canvas = Canvas(30.0 * len(figure.rows) + 28, figure.title)
    canvas.text(4, 14, "people: mean [interval]", "small")
    canvas.text(WIDTH - 4, 14, "judge: mean [interval]", "small", anchor="end")
    for i in n:
        left, right = 40 + 30 * (figure.at(i, "people_rank") - 1), 40 + 30 * (figure.at(i, "judge_rank") - 1)
        moved = figure.at(i, "people_rank") != figure.at(i, "judge_rank")
        canvas.line((128, left - 4), (WIDTH - 128, right - 4), "moved" if moved else "interval")
        for side, y, x, anchor in (("people", left, 4, "start"), ("judge", right, WIDTH - 4, "end")):
            value, low, high = (figure.at(i, name) for name in (side, f"{side}_low", f"{side}_high"))
            canvas.text(
                x,
                y - 4,
                f"{figure.at(i, f'{side}_rank')}. {figure.at(i, 'system')}",
                "label",
                anchor=anchor,
                most=20,
            )
            said = "none" if value is None else f"{value:.2f}"
            if low is not None and high is not None:
                said += f" [{low:.2f}, {high:.2f}]"
            canvas.text(x, y + 9, said, "small", anchor=anchor)
            spot = 128.0 if side == "people" else WIDTH - 128
            canvas.dot(
                spot,
                y - 4,
                4,
                side,
                mark=mark(i, side, value),
                tip=f"{figure.at(i, 'system')}, {side}: {said}",
            )
    return canvas


def errors(figure: Figure) -> Canvas:
    """A triangle of correlations."""
    n = figure.places
    names = list(dict.fromkeys([*(figure.at(i, "judge") for i in n), *(figure.at(i, "other") for i in n)]))
    k = len(names)
    left, top = 26.0, 18.0 * k + 26
    size = min((WIDTH - left - 6) / (k - 1), 52.0)
    canvas = Canvas(top + size * (k - 1) + 6, figure.title)
    for i, name in enumerate(names):
        canvas.text(4, 14 + 18 * i, f"{i + 1}  {name}", "label", most=52)
        if i < k - 1:
            canvas.text(left + size * (i + 0.5), top - 4, str(i + 1), "small", anchor="middle")
        if i > 0:
            canvas.text(left - 6, top + size * (i - 0.5) + 4, str(i + 1), "small", anchor="end")
    for row in n:
        i, j, value = (
            names.index(figure.at(row, "judge")),
            names.index(figure.at(row, "other")),
            figure.at(row, "correlation"),
        )
        x, y = left + size * i, top + size * (j - 1)
        tip = f"{names[i]} and {names[j]}: " + ("not defined" if value is None else f"{value:.3f}")
        strength = 0.0 if value is None else abs(value)
        kind = "cell people-cell" if (value or 0) >= 0 else "cell"
        canvas.rect(
            (x, y),
            (size - 1.5, size - 1.5),
            kind,
            mark=mark(row, "correlation", value),
            tip=tip,
            opacity=0.08 + 0.85 * strength,
        )
        shown = "-" if value is None else f"{value:.2f}"
        ink = "cell-text inverse" if strength > 0.55 else "cell-text"
        canvas.text(x + size / 2, y + size / 2 + 4, shown, ink, anchor="middle")
    return canvas

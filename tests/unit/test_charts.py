"""Five charts draw any table: each mark carries the number it shows, and stands where its number belongs."""

import colorsys
import math
import re
from itertools import combinations
from pathlib import Path

import pytest

import judgekit
from judgekit.agreement.auditing.section import Chart, Figure
from judgekit.errors import InputError
from judgekit.report.draw import picture, shown
from judgekit.report.page import _hue, _shade
from judgekit.shelf import render


def drawn_as(kind, columns, *rows, raters=(), judge="", **options):
    figure = Figure(
        id="c1-own", kind="own", criterion="c", judge=judge, title="Is it <b>so</b>?", reading="Read it.",
        columns=tuple(columns.split()), rows=rows, n=len(rows), chart=Chart(kind=kind, **options),
    )  # fmt: skip
    return picture(figure, raters)


def marks(canvas):
    """(row, column, shape) of each mark, after its number was found in the table."""
    found = []
    for shape in canvas.shapes:
        for mark in filter(None, shape.attributes.get("data-mark", "").split(";")):
            row, column, number = mark.split(" ")
            known = canvas.figure.at(int(row), column)
            assert number == "None" if known is None else float(number) == pytest.approx(known, rel=1e-5)
            found.append((int(row), column, shape))
    return found


def at(shape, *names):
    return [float(shape.attributes[name]) for name in names]


def texts(canvas):
    return [shape.text for shape in canvas.shapes if shape.name == "text"]


def test_intervals_stand_in_the_order_of_their_values_and_say_them():
    rows = [("a", "one", 0.2, 0.1, 0.4), ("b", "one", 0.6, None, None), ("c", "two", None, None, None)]

    drawn = drawn_as("intervals", "what of value low high", *rows, name="{what}", group="{of}")

    values = {row: at(shape, "cx")[0] for row, column, shape in marks(drawn) if column == "value"}
    assert values[0] < values[1]
    assert [column for row, column, _ in marks(drawn) if row == 0] == ["low", "high", "value"]
    assert {"a", "one", "two", "0.20 [0.10, 0.40]", "0.60", "not defined"} <= set(texts(drawn))
    assert texts(drawn).count("one") == 1


def test_numbers_too_large_to_stand_beside_a_picture_lose_their_decimals():
    drawn = drawn_as("intervals", "value low high", (15.3, -2884.32, 2915.07), span="even")

    assert "15.30 [-2884, 2915]" in texts(drawn)


def test_bars_are_as_long_as_their_numbers_and_have_a_colour_each():
    rows = [("x", "p", 40.0), ("x", "q", 20.0), ("y", "p", None), ("y", "q", 80.0)]

    drawn = drawn_as("bars", "label who share", *rows, x="label", value="share", group="who")

    wide = [at(shape, "width")[0] for _, _, shape in marks(drawn)]
    assert wide[0] == pytest.approx(2 * wide[1], rel=0.02)
    assert wide[2] == pytest.approx(4 * wide[1], rel=0.02)
    assert [row for row, _, _ in marks(drawn)] == [0, 1, 3]
    assert [shape.attributes["class"] for _, _, shape in marks(drawn)] == ["t0", "t1", "t1"]


def test_a_stack_is_one_bar_with_the_interval_of_its_first_part_alone():
    rows = [("j", "a", 0.0, 0.0, 9.0), ("j", "b", 30.0, 20.0, 40.0), ("j", "c", 70.0, 60.0, 80.0)]

    drawn = drawn_as(
        "bars", "who what share low high", *rows, x="who", group="what", value="share", stacked=True
    )

    shapes = [shape for _, _, shape in marks(drawn)]
    assert len({shape.attributes["y"] for shape in shapes}) == 1
    assert at(shapes[2], "x")[0] == pytest.approx(sum(at(shapes[1], "x", "width")), abs=1)
    assert [shape.attributes["class"] for shape in drawn.shapes].count("interval") == 1


def test_points_rise_with_their_numbers_and_are_joined_or_a_cloud():
    rows = [(0.0, 0.1, 0.0, 0.2, 1), (1.0, None, None, None, 2), (2.0, 0.9, 0.8, 1.0, 4)]
    options = {"x": "x", "y": ("y",), "x_span": (0.0, 2.0)}
    half = ("dashed", (0.0, 0.5), (2.0, 0.5), "half")

    joined = drawn_as(
        "points", "x y y_low y_high n", *rows, **options, curve=True, whiskers=True, segments=(half,)
    )
    cloud = drawn_as("points", "x y y_low y_high n", *rows, **options, size="n")

    [first, last] = [at(shape, "cx", "cy") for _, _, shape in marks(joined)]
    assert first[0] < last[0]
    assert first[1] > last[1]  # down the page
    ways = [shape.attributes for shape in joined.shapes if shape.attributes["class"] == "curve t0-line"]
    assert [way.get("d", "").count("L") for way in ways] == [1, 0, 0]  # a curve, and two whiskers
    assert "half" in texts(joined)
    assert "path" not in {shape.name for shape in cloud.shapes}
    [small, large] = [at(shape, "r")[0] for _, _, shape in marks(cloud)]
    assert small < large


def test_cells_of_a_grid_are_as_dark_as_they_are_strong_and_long_labels_get_a_number():
    rows = [("no", "no", 8, 80.0), ("no", "yes", 2, 20.0), ("yes", "no", 0, None), ("yes", "yes", 5, 50.0)]
    long = [("an answer of many words", b, n, share) for _, b, n, share in rows[:2]]
    options = {"x": "b", "y": ("a",), "value": "n", "size": "share"}

    short = drawn_as("grid", "a b n share", *rows, **options)
    numbered = drawn_as("grid", "a b n share", *long, **options)

    dark = [at(shape, "fill-opacity")[0] for _, _, shape in marks(short)]
    assert sorted(dark, reverse=True) == [dark[0], dark[3], dark[1], dark[2]]
    assert {"no", "yes", "8", "80 %"} <= set(texts(short))
    assert "3  an answer of many words" in texts(numbered)
    assert texts(numbered).count("3") == 1


def test_slopes_cross_where_two_orders_differ():
    columns = "who p p_low p_high p_rank j j_low j_high j_rank"
    rows = [("a", 3.0, 2.0, 4.0, 1, 1.0, None, None, 2), ("b", 1.0, 0.0, 2.0, 2, None, None, None, 1)]

    drawn = drawn_as("slopes", columns, *rows, x="who", y=("p", "j"))

    places = {(row, column): at(shape, "cy")[0] for row, column, shape in marks(drawn)}
    assert places[0, "p"] < places[1, "p"]
    assert places[0, "j"] > places[1, "j"]
    assert [shape.attributes["class"] for shape in drawn.shapes if shape.name == "line"] == ["moved", "moved"]
    assert {"1. a", "3.00 [2.00, 4.00]", "1.00", "none"} <= set(texts(drawn))


def test_a_mark_says_its_row_unless_the_chart_has_words_for_it():
    columns, row = "value low high n_used", (0.5, None, 0.75, 3)

    tips = [
        [shape.tip for _, _, shape in marks(drawn_as("intervals", columns, row, tip=tip))]
        for tip in ("", "{n_used}: {value}{low}")
    ]

    assert tips == [["n used 3"], ["3: 0.5"]]


@pytest.mark.parametrize("kind", ["intervals", "bars", "points", "grid", "slopes"])
def test_a_table_without_rows_has_a_picture_that_says_so(kind):
    assert texts(drawn_as(kind, "a b c", x="a", y=("b", "c"), value="c")) == ["nothing to draw"]


def test_what_is_no_rater_is_grey():
    columns = ("a", "b", "c", "d", "e", "f", "people")
    drawn = drawn_as("points", "x a b c d e f people", (0.5,) * 8, x="x", y=columns, legend={"a": "first"})

    assert [shape.attributes["class"] for _, _, shape in marks(drawn)] == [
        "t0 soft", "t1 soft", "t2 soft", "t3 soft", "t4 soft", "t5 soft", "people soft",
    ]  # fmt: skip
    assert {"first", "b", "f"} <= set(texts(drawn))


def test_a_colour_never_means_two_raters():
    names = [f"judge {k}" for k in range(30)]
    bars = [("yes", name, 3.0) for name in ["people", *names]]
    lines = [(name, 0.5, 0.4, 0.6) for name in reversed(names)]

    shares = drawn_as(
        "bars", "label rater share", *bars, x="label", group="rater", value="share", raters=names
    )
    listed = drawn_as("intervals", "rater value low high", *lines, name="{rater}", raters=names)
    alone = drawn_as(
        "intervals", "what value low high", ("kappa", 0.5, 0.4, 0.6), judge="judge 7", raters=names
    )

    of_bars = [shape.attributes["class"] for _, _, shape in marks(shares)]
    of_lines = [shape.attributes["class"] for _, column, shape in marks(listed) if column == "value"]
    assert len(set(of_bars)) == 31
    assert of_bars == ["people", *of_lines[::-1]]  # the same in both pictures, whatever the order
    assert {shape.attributes["class"] for _, column, shape in marks(alone) if column == "value"} == {"judge"}
    assert len({_hue(k) for k in range(30)}) == 30


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_a_judge_never_has_the_colour_of_a_verdict_or_of_people(scheme):
    """Colours less than 20 apart in CIELAB look alike; the twelve judges' first three are far apart, too."""
    css = Path(judgekit.__file__).with_name("report").joinpath("page.css").read_text()
    part = css.split("prefers-color-scheme: dark")[scheme]
    named = dict(re.findall(r"--(\w+): ([^;]+);", part.partition("}")[0]))
    deep = int(named["deep"].rstrip("%"))
    others = [named[each] for each in ("good", "correct", "bad", "warn", "unsure", "people")]
    taken = [tuple(int(each[i : i + 2], 16) / 255 for i in (1, 3, 5)) for each in others]
    judges = [colorsys.hls_to_rgb(_hue(k) / 360, (deep + _shade(k)) / 100, 0.6) for k in range(12)]

    assert min(math.dist(lab(one), lab(other)) for one in judges for other in taken) > 20
    assert min(math.dist(lab(one), lab(other)) for one, other in combinations(judges[:6], 2)) > 12


def lab(colour):
    """CIELAB (1976), white D65, of red, green and blue from 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        sum(a * b for a, b in zip(row, linear, strict=True)) / w for row, w in zip(rows, white, strict=True)
    )
    a, b, c = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def test_a_name_too_long_to_stand_beside_its_interval_has_a_line_of_its_own():
    long = "gpt-3.5-turbo-16k (judge) erratic"
    drawn = drawn_as("intervals", "rater value low high", ("ann", 0, -1, 1), (long, 1, 0, 2), name="{rater}")

    assert long in texts(drawn)
    [name] = [shape for shape in drawn.shapes if shape.text == long]
    [dot] = [shape for row, column, shape in marks(drawn) if (row, column) == (1, "value")]
    assert float(name.attributes["y"]) < float(dot.attributes["cy"]) - 6


def test_both_axes_of_a_picture_meet():
    drawn = drawn_as("points", "x y", (0.0, 0.1), (1.0, 0.9), x="x", y=("y",), curve=True)

    one, other = [
        {tuple(float(shape.attributes[f"{c}{k}"]) for c in "xy") for k in "12"}
        for shape in drawn.shapes
        if shape.attributes["class"] == "axis"
    ]
    assert one & other


def test_a_crowd_of_dots_is_a_few_paths_and_dots_of_a_curve_do_not_cover_each_other():
    rows = [(k / 2000, (k * 7 % 2000) / 2000) for k in range(2000)]

    cloud = drawn_as("points", "x y", *rows, x="x", y=("y",))
    curve = drawn_as("points", "x y", *[(x, x) for x, _ in rows], x="x", y=("y",), curve=True)

    ways = [shape.attributes["d"] for shape in cloud.shapes if shape.attributes["class"].startswith("cloud")]
    assert sum(way.count("M") for way in ways) == 2000
    assert len(ways) < 10
    at_x = [row for row, _, _ in marks(curve)]
    assert (at_x[0], at_x[-1]) == (0, 1999)
    assert len(at_x) < 100


@pytest.mark.parametrize(
    ("value", "as_shown"),
    [
        (10.0, "10"),
        (79.0, "79"),
        (2.0, "2.000"),
        (1.0, "1.000"),
        (0.5, "0.500"),
        (12.5, "12.500"),
        (1e6, "1000000"),
    ],
)
def test_a_whole_number_has_no_decimals(value, as_shown):
    assert shown(value) == as_shown


def test_a_chart_of_no_kind_is_named():
    with pytest.raises(InputError, match=r"figure 'c1-own': no chart 'interval'; did you mean 'intervals'"):
        drawn_as("interval", "a", (1,))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("intervals", {"value": "shares"}),
        ("intervals", {"value": "share", "name": "{shares}"}),
        ("intervals", {"value": "share", "group": "by {shares}"}),
        ("intervals", {"value": "share", "tip": "{shares}"}),
        ("bars", {"value": "share", "group": "shares"}),
        ("points", {"y": ("shares",)}),
        ("points", {"x": "shares"}),
        ("points", {"size": "shares"}),
        ("points", {"weights": "shares"}),
        ("points", {"band": ("share", "shares")}),
        ("grid", {"value": "shares"}),
        ("slopes", {"y": ("share", "shares")}),
    ],
)
def test_a_column_that_is_not_there_is_named(kind, options):
    with pytest.raises(InputError, match=r"figure 'c1-own': its chart names a column 'shares'; did you mean"):
        drawn_as(kind, "share n", (0.5, 3), **options)


def test_a_template_escapes_what_it_is_given_and_misses_nothing_silently():
    text = render("page.html", {"title": "</title><script>alert('x')</script>"})

    assert re.findall(r"<script", text) == []
    assert "&lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)" in text
    with pytest.raises(Exception, match="'title' is undefined"):
        render("page.html", {})

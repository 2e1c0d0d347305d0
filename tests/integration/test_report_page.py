"""The report in a real browser: fits a phone, asks for nothing, and shows the numbers of its text twin."""

import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import judgekit
from judgekit.agreement import audit
from judgekit.report import findings, read_thresholds
from judgekit.report.draw import shown
from judgekit.report.page import write_report
from judgekit.rubric import Rubric
from judgekit.types import Unit, Verdict
from judgekit.verbs.agree import agree

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from verdict_cases import CASES

HOSTILE = '</figure><script>document.title = "owned"</script><img src=http://127.0.0.1:9/x onerror=alert(1)>'
MARKS = """() => [...document.querySelectorAll("figure")].map(f => ({
    id: f.dataset.figure,
    marks: [...f.querySelectorAll("[data-mark]")].flatMap(m => m.dataset.mark.split(";").map(one => {
        const [row, ...rest] = one.split(" "); return [+row, rest.slice(0, -1).join(" "), rest.at(-1)]; })),
    table: [...f.querySelectorAll("details table")[0].querySelectorAll("tbody tr")].map(
        r => [...r.cells].map(c => c.textContent)),
}))"""


def pairs_by_hostile_names():
    """Two judges of pairs in both orders, with label probabilities, whose names are markup."""
    judged, labels = [], []
    for i in range(120):
        truth = "first" if i % 3 else "second"
        other = {"first": "second", "second": "first"}[truth]
        unit = Unit(f"item {i}", ("x", "y"))
        for judge, wrong in ((HOSTILE, 5), ("plain", 7)):
            for k, order in enumerate((("x", "y"), ("y", "x"))):
                label = other if (i + k) % wrong == 0 else truth
                sure = 0.6 + 0.039 * (i % 11)
                rest = {"first": "second", "second": "first"}[label]
                probs = ((label, sure), (rest, 1 - sure))
                value = sure if label == "first" else 1 - sure
                judged.append(Verdict(judge, unit, "better", probs, label, value, "logprob", shown=order))
        for k, who in enumerate(("ann <b>", "bob", "cy")):
            label = other if (i * 7 + k * 3) % 23 == 0 else truth
            labels.append({"item_id": f"item {i}", "first": "x", "second": "y", "rater": who, "label": label,
                           "topic": f"<i>{i % 2}</i>", "length": i - 60})  # fmt: skip
    return agree(judged, labels=labels, by=["topic"], b=100)


def asked_again():
    """A judge of named systems, one its own, asked twice; people of two populations, named in markup."""
    long = "<b>experts of the first hour</b>"
    people = (("ann", long, 9), ("bob", long, 11), ("cy", "crowd", 2), ("di", "crowd", 3))
    judged, labels = [], []
    for i in range(90):
        for k, system in enumerate(("gpt", "other", "third")):
            place = {"item_id": str(i), "system": system}
            truth = (i * 7 + k * 3) % 5 + 1
            judged += [
                {**place, "rater": "lab/gpt", "sample": s, "label": min(truth + ((i + s) % (k + 2) == 0), 5)}
                for s in (0, 1)
            ]
            labels += [
                {**place, "rater": who, "population": pool, "label": min(truth + ((i + k) % wrong == 0), 5)}
                for who, pool, wrong in people
            ]
    return agree(judged, labels=labels, scale="1-5", b=100)


def doubted():
    """A judge of two criteria on which people do not agree, under names as long as models have."""
    rng, judged, labels = np.random.default_rng(0), [], []
    for i in range(60):
        for criterion in ("Q0 overall satisfaction", "Q4 no needless sources"):
            place = {"item_id": str(i), "criterion": criterion}
            said = rng.integers(1, 5, 3).tolist()  # the judge goes with the first of them
            labels += [
                {**place, "rater": who, "label": label}
                for who, label in zip(("ann", "bob", "cy"), said, strict=True)
            ]
            judged.append({**place, "rater": "gpt-3.5-turbo-16k", "label": said[0]})
    return agree(judged, labels=labels, scale="1-4", b=50)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    [lenient] = [each for each in CASES if each.name == "pays for length"]
    folder, gates = tmp_path_factory.mktemp("reports"), read_thresholds()
    made = {
        "scores": audit(lenient.make(np.random.default_rng(1)), b=100),
        "pairs": pairs_by_hostile_names(),
        "asked": asked_again(),
        "doubted": doubted(),
    }
    for name, each in made.items():
        write_report(
            each, findings(each, gates), gates, folder / f"{name}.html", title=f"Report {name} & co",
            command="judgekit agree run --labels '<b>.csv'",
        )  # fmt: skip
    return folder


@pytest.mark.parametrize("name", ["scores", "pairs", "asked"])
def test_it_fits_asks_for_nothing_and_shows_the_numbers_of_its_twin(name, reports, browser):
    requests: list[str] = []
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((reports / f"{name}.html").as_uri())

    assert page.title() == f"Report {name} & co"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [url for url in requests if not url.startswith("file:")] == []
    assert complaints == []

    twin = {figure["id"]: figure for figure in json.loads((reports / f"{name}.json").read_text())["figures"]}
    text = (reports / f"{name}.md").read_text()
    drawn = page.evaluate(MARKS)
    assert [each["id"] for each in drawn] == list(twin)
    for each in drawn:
        figure = twin[each["id"]]
        assert each["marks"] or len(figure["rows"]) > 60, each["id"]
        for row, column, value in each["marks"]:
            known = figure["rows"][row][figure["columns"].index(column)]
            assert value == "None" if known is None else float(value) == pytest.approx(known, rel=1e-5)
        for cells, row in zip(each["table"], figure["rows"], strict=False):
            assert [same(cell, number) for cell, number in zip(cells, row, strict=True)] == [True] * len(row)
        assert figure["title"] in text
        for row in figure["rows"][:200]:
            assert "| " + " | ".join(escaped(shown(cell)) for cell in row) + " |" in text


def escaped(text: str) -> str:
    for sign in "\\|`[]":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("<", "&lt;").replace(">", "&gt;")


def same(cell: str, number: object) -> bool:
    """Whether a cell of the page shows a number of the file, as far as it is rounded."""
    if number is None:
        return cell == "-"
    if isinstance(number, bool):
        return cell == ("yes" if number else "no")
    if isinstance(number, int | float):
        return math.isclose(float(cell), number, rel_tol=0.06, abs_tol=0.00051)
    return cell == number


@pytest.mark.parametrize("name", ["scores", "pairs", "asked", "doubted"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_text_of_a_picture_leaves_it(name, scheme, reports, browser):
    page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
    page.goto((reports / f"{name}.html").as_uri())

    outside = page.evaluate(
        """() => [...document.querySelectorAll("svg text")].filter(t => {
            const s = t.closest("svg");
            const [a, b] = [s, t].map(e => e.getBoundingClientRect());
            return b.left < a.left - 2 || b.right > a.right + 2 || b.bottom > a.bottom + 2;
        }).map(t => t.closest("figure").id + ": " + t.textContent)"""
    )

    assert outside == []


CUT = """() => [...document.querySelectorAll("*")].filter(e => e.scrollWidth > e.clientWidth + 1
    && getComputedStyle(e).display !== "inline" && e.clientWidth > 0 && !e.closest("svg")).map(
    e => e.tagName + " " + e.textContent.slice(0, 80))"""


@pytest.mark.parametrize("width", [360, 640, 897, 900, 1000, 1400])
def test_no_column_is_cut_at_any_width(width, reports, browser):
    page = browser.new_page(viewport={"width": width, "height": 900})
    for name in ("scores", "pairs", "asked", "doubted"):
        page.goto((reports / f"{name}.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

        assert (name, page.evaluate("document.documentElement.scrollWidth")) == (name, width)
        assert (name, page.evaluate(CUT)) == (name, [])
        seen = page.evaluate(
            """() => [...document.querySelectorAll("td")].filter(td => {
                const own = td.getBoundingClientRect(), all = td.closest(".fit").getBoundingClientRect();
                return own.width && (own.right > all.right + 1 || own.left < all.left - 1);
            }).length"""
        )
        assert (name, seen) == (name, 0)
        narrow = """() => [...document.querySelectorAll("p, li, dd, caption, figcaption, h3, h4")].filter(
            e => e.clientWidth && e.clientWidth < 90 && e.textContent.length > 30).length"""
        assert (name, page.evaluate(narrow)) == (name, 0)


def test_a_cell_of_a_narrow_table_says_its_heading(reports, browser):
    heading = """() => { const td = document.querySelector(".few td, .some td, .many td");
        return getComputedStyle(td, "::before").content; }"""
    page = browser.new_page(viewport={"width": 360, "height": 900})
    page.goto((reports / "pairs.html").as_uri())
    assert page.evaluate(heading) == '"criterion"'

    page.set_viewport_size({"width": 1400, "height": 900})
    assert page.evaluate(heading) == "none"


def test_it_prints_white_with_the_numbers_that_decided_and_nothing_cut(reports, browser, tmp_path):
    page = browser.new_page(viewport={"width": 690, "height": 980}, color_scheme="dark")  # A4 less margins
    page.goto((reports / "scores.html").as_uri())
    decided = """() => [...document.querySelectorAll(".verdict details td")].filter(
        td => td.checkVisibility() && td.getBoundingClientRect().height > 0).length"""
    assert page.evaluate(decided) == 0  # folded on the screen

    page.emulate_media(media="print")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(decided) > 20
    assert page.get_by_text("of use beside people, not in their place").is_visible()  # what a verdict means
    assert page.evaluate(CUT) == []
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").stat().st_size > 20_000


def test_it_says_by_what_when_and_how_it_was_made(reports, browser):
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.goto((reports / "scores.html").as_uri())

    said = page.inner_text(".made")

    assert re.fullmatch(
        rf"judgekit {re.escape(judgekit.__version__)}, \d{{4}}-\d\d-\d\d \d\d:\d\d UTC: "
        r"judgekit agree run --labels '<b>\.csv'",
        said,
    )
    made = json.loads((reports / "scores.json").read_text())["made"]
    assert said == f"{made['by']}, {made['date']}: {made['command']}"
    assert f"- made date: {made['date']}" in (reports / "scores.md").read_text()


def test_three_coefficients_are_large_and_the_others_are_folded(reports, browser):
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.goto((reports / "scores.html").as_uri())

    large = page.evaluate("[...document.querySelectorAll('.key b')].map(b => b.textContent)")
    drawn = """() => [...document.querySelectorAll("figure[id$=forest] circle")].filter(
        c => c.checkVisibility()).length"""
    at_once = page.evaluate(drawn)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert len(large) == 3
    assert at_once <= 5
    assert page.evaluate(drawn) >= 15


def test_a_judge_has_its_own_colour_in_every_picture(reports, browser):
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.goto((reports / "pairs.html").as_uri())
    colours = """() => Object.fromEntries([...document.querySelectorAll("figure")].filter(
        f => f.id.endsWith("forest") || f.id.endsWith("distribution")).map(f => [f.id, [...new Set(
        [...f.querySelectorAll("[data-mark]:is(circle, rect)")].map(m => getComputedStyle(m).fill))]]))"""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = {name: set(each) for name, each in page.evaluate(colours).items()}

    [first], [second] = found["c1-j1-forest"], found["c1-j2-forest"]
    assert first != second
    assert len(found["c1-distribution"]) == 3  # people and two judges
    assert {first, second} < found["c1-distribution"]


def test_a_criterion_of_many_units_and_people_takes_little_room(tmp_path):
    """Nine such criteria, 223 conversations of LLM-Rubric, make a page of less than a megabyte."""
    rng, judged, labels = np.random.default_rng(0), [], []
    for i in range(223):
        truth, place = int(rng.integers(1, 5)), {"item_id": str(i), "response_id": "r"}
        sure = 0.4 + 0.6 * rng.random()
        probs = tuple((str(k), sure if k == truth else (1 - sure) / 3) for k in (1, 2, 3, 4))
        value = sum((int(k) - 1) / 3 * p for k, p in probs)
        judged.append(
            Verdict("gpt-3.5-turbo", Unit(str(i), ("r",)), "q", probs, str(truth), value, "logprob")
        )
        for who in rng.choice(24, 3, replace=False):
            said = min(max(truth + int(rng.choice((-1, 0, 0, 1))), 1), 4)
            labels.append({**place, "rater": f"annotator {who}", "criterion": "q", "label": str(said)})
    rubric = Rubric(id="r", criteria=[{"id": "q", "text": "?", "scale": "1-4"}])
    made, gates = agree(judged, labels=labels, rubric=rubric, b=20), read_thresholds()

    html, *_ = write_report(made, findings(made, gates), gates, tmp_path / "report.html")

    assert html.stat().st_size < 30_000 + 1_000_000 / 10
    assert "Gpt-3.5" not in html.read_text()


def test_where_labels_are_unreliable_the_page_says_so_first_and_calls_nobody_wrong(reports):
    html, text = ((reports / f"doubted{end}").read_text() for end in (".html", ".md"))

    cause = "On all 2 criteria people agree too little with each other to measure a judge by."
    assert html.index(cause) < html.index("In short")
    assert text.index(cause) < text.index("| criterion |")
    for each in (html, text):
        assert "Wrong on" not in each
        assert re.search(
            r"Differs from these labels on \d+ of 100 .*; the labels themselves are unreliable\.", each
        )


def test_the_figures_are_those_that_the_data_allow(reports):
    kinds = {
        name: {f["kind"] for f in json.loads((reports / f"{name}.json").read_text())["figures"]}
        for name in ("scores", "pairs", "asked")
    }

    shared = {"forest", "confusion", "distribution", "length", "slices", "variance", "design"}
    assert kinds["scores"] == shared | {"scatter", "ranks", "severity"}
    assert kinds["pairs"] == shared | {"reliability", "risk", "orders", "errors"}
    assert kinds["asked"] >= {"repeats", "family", "populations"}

"""The review page, opened, filled and saved in a real browser."""

import json

import pytest

from judgekit.review import make_sheet, read_answers, write_sheet
from judgekit.review.route import Case
from judgekit.rubric import Rubric
from judgekit.types import Item, Unit

RUBRIC = Rubric(
    id="r",
    criteria=[
        {
            "id": "clear",
            "text": "Is it clear?",
            "anchors": {"poor": "Not at all.", "fair": "With effort.", "good": "At once."},
        },
        {"id": "long", "text": "How fitting is its length?", "scale": "0-100"},
    ],
)
HOSTILE = (
    '</div><script>document.title = "owned"; fetch("http://127.0.0.1:9")</script><img src=x onerror=alert(1)>'
)
ITEM = Item("1", "Say hello.", {"x": HOSTILE, "y": "averylongword" * 60})
CASES = [
    Case(Unit("1", ("x", "y")), "clear", 1.0, "entropy"),
    Case(Unit("1", ("x",)), "clear", 1.0, "near"),
    Case(Unit("1", ("y",)), "long", 1.0, "near"),
]


@pytest.fixture
def page(browser):
    return browser.new_page(viewport={"width": 360, "height": 800}, accept_downloads=True)


def test_the_page_is_filled_by_keyboard_saved_and_read_back(page, tmp_path):
    sheet = make_sheet(CASES, [ITEM], RUBRIC, seed=1)
    html, _, key = write_sheet(sheet, tmp_path)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(html.as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("Tab")
    page.keyboard.type("ann")
    page.keyboard.press("Tab")  # the save button
    for question in sheet.questions:
        page.keyboard.press("Tab")
        page.keyboard.type("40") if not question.labels else page.keyboard.press("Space")
        page.keyboard.press("Tab")  # the note
        page.keyboard.type("ok")
    assert page.inner_text("#count") == "3 of 3 answered"
    for _ in range(60):  # the answers are kept; the browser takes a moment to hand them to a new page
        page.reload()
        if page.inner_text("#count") == "3 of 3 answered":
            break
        page.wait_for_timeout(250)
    assert page.inner_text("#count") == "3 of 3 answered"
    with page.expect_download() as saving:
        page.focus("button[type=submit]")
        page.keyboard.press("Enter")
    saved = tmp_path / "answers.json"
    saving.value.save_as(saved)

    outcomes = read_answers(saved, key)

    assert page.title() != "owned"
    assert [url for url in requests if not url.startswith(("file:", "blob:"))] == []
    assert json.loads(saved.read_text())["annotator"] == "ann"
    assert sorted(o.label for o in outcomes if o.criterion == "long") == ["40"]
    assert {o.rationale for o in outcomes} == {"ok"}

"""The review page, opened, filled and saved in a real browser."""

import json

import pytest

from judgekit.review import make_sheet, read_answers, shuffled, write_sheet
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
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # the save button
    page.keyboard.press("Tab")  # the next person
    for question, _ in shuffled(sheet, "ann"):
        page.keyboard.press("Tab")
        page.keyboard.type("40") if not question.labels else page.keyboard.press("Space")
        if question.labels:
            page.keyboard.press("Tab")  # to unset it
        page.keyboard.press("Tab")  # the note
        page.keyboard.type("ok")
    assert page.inner_text("#count") == "3 of 3 answered"
    for _ in range(60):  # the answers are kept; the browser takes a moment to hand them to a new page
        page.reload()
        sign(page, "ann")
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


def sign(page, name):
    page.fill("[name=annotator]", name)
    page.keyboard.press("Enter")


def save(page, target):
    with page.expect_download() as saving:
        page.click("button[type=submit]")
    saving.value.save_as(target)
    return json.loads(target.read_text())


def test_who_comes_second_sees_nothing_of_the_first_who_finds_all_again(page, tmp_path):
    html, _, key = write_sheet(make_sheet(CASES, [ITEM], RUBRIC, seed=1), tmp_path)
    page.goto(html.as_uri())
    assert not page.is_visible("main")
    sign(page, "ann")
    page.check("[type=radio] >> nth=0")
    for note in page.query_selector_all(".note"):
        note.fill("seen by ann")

    page.click("#next")
    page.wait_for_function("!document.querySelector('[name=annotator]').value")
    unsigned = page.evaluate(
        "[...document.querySelectorAll('input')].map(i => i.type == 'radio' ? i.checked : i.value)"
    )
    sign(page, "bob")
    seen = page.evaluate("[...document.querySelectorAll('.note')].map(i => i.value)")
    saved = save(page, tmp_path / "bob.json")
    page.click("#next")
    page.wait_for_function("!document.querySelector('[name=annotator]').value")
    sign(page, "ann")

    assert not any(unsigned)
    assert seen == ["", "", ""]
    assert (saved["annotator"], read_answers(tmp_path / "bob.json", key)) == ("bob", ())
    assert page.evaluate("[...document.querySelectorAll('.note')].map(i => i.value)") == ["seen by ann"] * 3


def test_a_choice_can_be_unset(page, tmp_path):
    html, _, key = write_sheet(make_sheet(CASES[1:2], [ITEM], RUBRIC), tmp_path)
    page.goto(html.as_uri())
    sign(page, "ann")
    assert not page.is_visible(".unset")
    page.check("[value=fair]")
    assert page.inner_text("#count") == "1 of 1 answered"

    page.click(".unset")

    assert page.inner_text("#count") == "0 of 1 answered"
    save(page, tmp_path / "answers.json")
    assert read_answers(tmp_path / "answers.json", key) == ()


def test_the_page_shuffles_for_each_annotator_as_the_csv_does_and_what_was_shown_comes_back(page, tmp_path):
    items = [Item(str(n), "", {"x": f"x{n}", "y": f"y{n}"}) for n in range(12)]
    sheet = make_sheet(
        [Case(Unit(i.item_id, ("x", "y")), "clear", 1.0, "entropy") for i in items], items, RUBRIC
    )
    html, _, key = write_sheet(sheet, tmp_path)
    orders = {}
    for who in ("ann", "bob", "Åsa"):
        page.goto(html.as_uri())
        sign(page, who)
        on_page = page.evaluate(
            "[...document.querySelectorAll('fieldset')].map(f => [f.dataset.question,"
            " ...[...f.querySelectorAll('.pair .text')].map(t => t.textContent)])"
        )
        assert on_page == [[q.id, *(text for _, text in q.texts)] for q, _ in shuffled(sheet, who)]
        for a in page.query_selector_all("[value=A]"):
            a.check()  # always the left one
        save(page, tmp_path / "answers.json")
        by_item = {o.unit.item_id: o for o in read_answers(tmp_path / "answers.json", key)}
        for _, left, right in on_page:
            outcome = by_item[left[1:]]
            assert outcome.shown == (left[0], right[0])
            assert outcome.label == ("first" if left[0] == "x" else "second")
        orders[who] = on_page
    assert len({tuple(map(tuple, each)) for each in orders.values()}) == 3

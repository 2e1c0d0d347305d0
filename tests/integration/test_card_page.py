"""The page of a judge's card in a browser: at three widths, with what is untrusted in it."""

from pathlib import Path
from typing import Any

import judgekit as jk

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?", "scale": "1-5"}]}
EVIL = "<img src=x onerror=document.title='caught'>" + "long" * 30
ITEMS = [{"id": f"{EVIL}{n}", "task": "Hi", "response": "word " * (n % 9 + 4)} for n in range(40)]


def judge(add: int) -> jk.Scripted:
    def grade(call: Any) -> int:
        return min(5, len(str(call.item.responses["response"]).split()) // 4 + add)

    return jk.Scripted(EVIL, grade)


def test_a_card_fits_three_widths_and_runs_nothing_that_it_holds(browser: Any, tmp_path: Path) -> None:
    how: Any = {"only": ["padding", "shuffle", "repeat"], "ledger": None, "progress": False}
    old = jk.card(ITEMS, RUBRIC, judge(1), **how)
    path = jk.card(ITEMS, RUBRIC, judge(2), against=old, **how).save(tmp_path / "card.html")[0]
    for width in (360, 900, 1400):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(path.as_uri())
        for each in page.query_selector_all("details"):
            each.evaluate("e => e.open = true")
        seen = page.inner_text("body")

        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.title().startswith("What may <img")
        for words in ("CHANGED", "DO NOT USE", "Does not read", "Nobody has labelled these items"):
            assert words in seen
        assert len(page.query_selector_all("svg.forest")) == 3
        page.close()

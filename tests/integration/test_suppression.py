"""Texts that quote a label make no label unreadable: `benchmarks/suppression.py` in small."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import answering
import suppression


@pytest.mark.parametrize("name", sorted(answering.SETTINGS))
def test_what_a_text_quotes_does_not_decide_which_answer_is_read(name: str):
    found = suppression.rows(answering.SETTINGS[name], 60)

    for kind, row in found.items():
        assert row.uneven == [], f"{kind}: one answer is read and another is not"
        assert row.differ == row.misread == 0, kind
        if row.fixed or row.tagged:
            assert row.unread.total() == 0 < row.asked, kind


def test_each_answer_is_quoted_as_often_as_any_other():
    plan = answering.SETTINGS["words, json"]

    texts = list(suppression.texts(plan, 300))

    quoted = [sum(f'"label": "{label}"' in text for text in texts) for label in ("poor", "fair", "good")]
    assert quoted[0] == quoted[1] == quoted[2] > 10

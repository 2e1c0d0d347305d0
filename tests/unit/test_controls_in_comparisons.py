import pytest

import judgekit as jk
from judgekit.judges.controls import parse_control

RUBRIC = {"id": "r", "criteria": [{"id": "best", "text": "Which is best?"}]}
ITEMS = [{"id": "1", "task": "Say it.", "responses": {"short": "a", "middle": "abc", "long": "abcdef"}}]


@pytest.mark.parametrize(
    ("protocol", "form"),
    [("compare", "json"), ("compare", "letters"), ("compare", "scores"), ("rank", "json")],
)
def test_the_longer_answer_wins_in_every_form_of_comparison(protocol, form):
    run = jk.score(ITEMS, RUBRIC, parse_control("control:longer"), protocol=protocol, form=form, ledger=None)

    values = {score.unit.responses: score.value for score in run.scores}

    assert values == {("short", "middle"): 0.0, ("short", "long"): 0.0, ("middle", "long"): 0.0}


def test_a_control_without_a_preference_ranks_all_alike():
    run = jk.score(ITEMS, RUBRIC, parse_control("control:constant=tie"), protocol="rank", ledger=None)

    assert {score.value for score in run.scores} == {0.5}

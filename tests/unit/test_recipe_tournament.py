"""Tournaments as recipes: fewer pairs than all, the best found, the calls as planned."""

import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.standing.bradley_terry import bradley_terry

ITEM = {"id": "1", "task": "Say a number.", "responses": {f"r{n}": str(n) for n in (3, 1, 8, 5, 2, 7, 4, 6)}}


def greater(call):
    first, second = (int(call.item.responses[name]) for name in call.shown)
    return f'{{"label": "{"A" if first > second else "B"}"}}'


def walked(recipe, judge=greater, **settings):
    options = {"recipe": recipe, "settings": settings, "ledger": None}
    asked = jk.Scripted("j", judge)
    return jk.preview([ITEM], None, asked, **options), jk.score([ITEM], None, asked, **options)


@pytest.mark.parametrize(("rounds", "pairs"), [(None, 12), (5, 20)])
def test_swiss_rounds_are_planned_and_find_the_best(rounds, pairs):
    seen, run = walked("swiss", rounds=rounds)

    assert (seen.least, run.summary["calls"]) == (2 * pairs, 2 * pairs)
    assert len({score.unit for score in run.scores}) == pairs
    assert bradley_terry(run.outcomes, prior=0.1, b=0).places[0].system == "r8"


def test_a_merge_sort_asks_as_few_pairs_as_it_needs():
    seen, run = walked("merge-sort")

    assert 2 * 12 == seen.least <= run.summary["calls"] <= 2 * 17
    standing = bradley_terry(run.outcomes, prior=0.1, b=0)
    assert [place.system for place in standing.places[:2]] == ["r8", "r7"]


def test_who_meets_whom_does_not_depend_on_places():
    straight = {score.unit.responses for score in walked("swiss")[1].scores}
    turned = {**ITEM, "responses": dict(reversed(ITEM["responses"].items()))}
    run = jk.score([turned], None, jk.Scripted("j", greater), recipe="swiss", ledger=None)

    assert {frozenset(pair) for pair in straight} == {frozenset(s.unit.responses) for s in run.scores}


def test_a_tournament_of_no_pairs_is_refused():
    with pytest.raises(InputError, match="'grade' asks no pairs"):
        jk.score([ITEM], None, jk.Scripted("j", greater), recipe="swiss", protocol="grade", ledger=None)

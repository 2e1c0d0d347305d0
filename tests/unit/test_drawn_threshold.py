"""A threshold for a whole cascade: what draws show, when drawing ends, and that the promise is kept."""

import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from judgekit.agreement.probability.drawn import _Above, draw_threshold
from judgekit.errors import InputError


def of(wrong):
    """What is asked, and where the answers come from."""
    asked = []

    def ask(places):
        asked.append(list(places))
        return np.asarray(wrong, dtype=float)[places]

    return asked, ask


def test_what_is_kept_is_sure_enough_and_was_not_drawn_and_nothing_is_asked_twice():
    rng = np.random.default_rng(0)
    sure = rng.random(1000)
    wrong = rng.random(1000) < np.where(sure > 0.2, 0.04, 0.5)
    asked, ask = of(wrong)

    found = draw_threshold(sure, ask, alpha=0.1)

    drawn = [place for batch in asked for place in batch]
    assert found.drawn == tuple(drawn)
    assert len(set(drawn)) == len(drawn) < 150
    assert set(found.kept) == set(np.flatnonzero(sure >= found.threshold)) - set(drawn)
    assert found.escalated == 1 - len(found.kept) / 1000 < 0.35
    assert (found.n_wrong, found.status) == (wrong[drawn].sum(), "ok")
    assert wrong[list(found.kept)].sum() <= 100


def test_a_judge_that_is_always_wrong_keeps_no_more_than_the_error_allowed():
    _, ask = of(np.ones(200))

    found = draw_threshold(np.linspace(0, 1, 200), ask, alpha=0.1)

    assert len(found.kept) + found.n_wrong >= 20 >= len(found.kept)


def test_where_all_answers_are_equally_sure_it_is_all_or_nothing():
    _, right = of(np.zeros(500))
    _, wrong = of(np.ones(500))

    assert draw_threshold(np.ones(500), right, alpha=0.1).escalated < 0.1
    none = draw_threshold(np.ones(500), wrong, alpha=0.1)
    assert (none.kept, none.threshold, none.escalated, none.status) == ((), math.inf, 1.0, "abstain_all")


def test_answers_without_a_confidence_are_sent_on_and_draws_without_an_answer_count_as_wrong():
    sure = np.r_[np.full(100, np.nan), np.full(400, 0.9)]

    lost = draw_threshold(sure, lambda places: [None] * len(places), alpha=0.1)
    found = draw_threshold(sure, lambda places: np.zeros(len(places)), alpha=0.1)

    assert (lost.kept, lost.n_wrong) == ((), len(lost.drawn))
    assert min(found.kept) >= 100
    assert draw_threshold([np.nan] * 9, lambda places: [0] * len(places), alpha=0.1).drawn == ()


@pytest.mark.parametrize("n_wrong", [11, 15, 30])
def test_what_is_not_so_is_shown_at_some_time_with_delta_at_most(n_wrong):
    # Exactly: the chance that draws of 60 questions, looked at after each, ever show at most 10 wrong ones.
    n, delta = 60, 0.1
    open_, shown = np.zeros((n + 1, n + 1)), 0.0
    open_[0, 0] = 1.0
    for s in range(n):
        for e in range(min(s, n_wrong) + 1):
            p = (n_wrong - e) / (n - s)
            for more, weight in ((0, 1 - p), (1, p)):
                mass = open_[s, e] * weight
                if mass <= 0:
                    continue
                if _Above(n, s + 1, e + more, 10).evidence() >= -math.log(delta):
                    shown += mass
                else:
                    open_[s + 1, e + more] += mass

    assert shown <= delta
    assert n_wrong > 11 or shown > delta / 4
    assert hypergeom.pmf(0, n, n_wrong, 10) > 0  # draws that mislead are possible


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.0}, "alpha 1.0"),
        ({"delta": 0}, "delta 0"),
        ({"confidence": []}, "no questions"),
        ({"ask": lambda places: [0.5] * len(places)}, "wrong"),
        ({"ask": lambda _: [0, 1]}, "ask returned 2 answers to 10 questions"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_error(options, message):
    given = {"confidence": [0.5] * 50, "ask": lambda places: [0] * len(places), "alpha": 0.1, **options}

    with pytest.raises(InputError, match=message):
        draw_threshold(given.pop("confidence"), given.pop("ask"), **given)

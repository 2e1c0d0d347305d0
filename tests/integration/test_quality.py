"""Benchmarks of quality on invented judges with known faults: each arm computes what it says."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from judgekit.scales import PAIR
from judgekit.types import Abstention, Estimate, Item, Unit, Verdict

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "quality"))
import fitted_arms
import halves
import measures
import orders
import pair_arms
import recorded_sets
from recorded_sets import Arm, QualitySet, Recorded

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
N = 120
UNITS = [Unit(f"{i:03}", ("a", "b")) for i in range(N)]
GOLD = {u: "first" if i % 2 == 0 else "second" for i, u in enumerate(UNITS)}


def said(rater, unit, p_first, shown):
    """A verdict that gives the item's first response this probability."""
    probs = tuple((k, p) for k, p in (("second", 1 - p_first), ("first", p_first)) if p > 0)
    label = "tie" if p_first == 0.5 else "first" if p_first > 0.5 else "second"
    return Verdict(rater, unit, "better", probs, label, p_first, shown=shown)


def judge(name, p_first, *, both=True):
    """A recorded judge; `p_first(i, unit, given)` is the probability it gives the item's first response."""
    outcomes = {}
    for i, unit in enumerate(UNITS):
        asked = (True, False) if both else (True,)
        outcomes[unit] = tuple(
            said(name, unit, p_first(i, unit, given), unit.responses if given else unit.responses[::-1])
            for given in asked
        )
    return Recorded(name, outcomes, (1, 2), dict.fromkeys(UNITS, (10.0, 20.0)))


def biased(_i, unit, given):
    """0.7 for the right one, and 0.25 more for the one shown first: right where the right one is first."""
    right = 0.7 if GOLD[unit] == "first" else 0.3
    return right + (0.25 if given else -0.25)


def always_shown_first(_i, _unit, given):
    return float(given)


def right_but_for(wrong):
    """A judge that is sure, and wrong on these units."""

    def p_first(i, unit, _given):
        return float((GOLD[unit] == "first") != (i in wrong))

    return p_first


def recorded(*judges, **more):
    items = {u: Item(u.item_id, "?", {"a": "long " * (1 + (i % 4 == 0)), "b": "short"})
             for i, u in enumerate(UNITS)}  # fmt: skip
    names = [each.name for each in judges]
    given = {"strong": names[0], "panel": tuple(names)} | more
    return QualitySet("made up", "here", PAIR, GOLD, {j.name: j for j in judges}, items=items, **given)


def right(arm, data):
    return measures.credits_of(arm, data).mean()


def test_balancing_helps_a_judge_with_probabilities_by_the_bias_it_undoes():
    data = recorded(judge("j", biased))

    [row] = orders.orders(data, seed=1)

    assert right(pair_arms.balanced(data, "j", "average"), data) == 1.0
    assert (row.one.value, row.balanced.value) == (0.5, 1.0)  # wrong wherever the right one is shown second
    assert (row.changed.value, row.shown_first.value) == (1.0, 1.0)
    assert row.gain.low > 0.3


def test_balancing_labels_that_follow_the_order_gives_ties_which_are_half_right_or_withheld():
    data = recorded(judge("j", always_shown_first))
    both = pair_arms.balanced(data, "j", "average")
    shown = measures.figures(pair_arms.withheld(both), data, seed=1)

    assert right(both, data) == right(pair_arms.balanced(data, "j", "consistent"), data) == 0.5
    assert measures.figures(both, data, seed=1).ties == N
    assert (shown.none, shown.right.value, shown.decided.n_used) == (N, 0.0, 0)


def test_one_verdict_is_of_an_order_that_the_seed_draws_and_costs_one_call():
    data = recorded(judge("j", biased))
    one = pair_arms.one_verdict(data, "j", seed=3)
    given = [o.shown == u.responses for u, o in one.outcomes.items()]

    assert 40 < sum(given) < 80
    assert one.outcomes == pair_arms.one_verdict(data, "j", seed=3).outcomes
    assert (one.calls, one.tokens) == (1.0, 10.0)
    both = pair_arms.balanced(data, "j", "average")
    assert (both.calls, both.tokens) == (2.0, 20.0)


def test_an_abstention_is_counted_and_not_right():
    data = recorded(judge("j", right_but_for(())))
    outcomes = dict(pair_arms.one_verdict(data, "j", seed=1).outcomes)
    outcomes[UNITS[0]] = Abstention("j", UNITS[0], "better", "malformed")

    found = measures.figures(Arm("j", outcomes), data, seed=1)

    assert (found.n, found.none) == (N, 1)
    assert found.right.value == pytest.approx(1 - 1 / N)
    assert (found.decided.value, found.decided.n_used) == (1.0, N - 1)


def test_a_tie_is_half_right_only_where_people_were_given_none():
    tie = said("j", UNITS[0], 0.5, ())

    assert measures.credit(tie, "first", tie_is_half=True) == 0.5
    assert measures.credit(tie, "first", tie_is_half=False) == 0.0
    assert measures.credit(tie, "tie", tie_is_half=False) == 1.0


def three_with_errors_apart():
    wrong = [range(k, N, 6) for k in range(3)]  # each wrong on a sixth, never two at once
    return [judge(f"j{k}", right_but_for(set(own)), both=False) for k, own in enumerate(wrong)]


def test_three_judges_that_err_apart_are_right_together():
    data = recorded(*three_with_errors_apart())
    majority = pair_arms.panel(data, data.panel, "m", pair_arms.majority, every=False, seed=1)

    assert right(pair_arms.one_verdict(data, "j0", seed=1), data) == pytest.approx(5 / 6)
    assert right(majority, data) == 1.0
    assert right(fitted_arms.weighted_panel(data, GOLD, every=False, seed=1), data) == 1.0
    assert majority.calls == 3.0


def test_dawid_skene_finds_the_better_judges_without_a_label():
    rng = np.random.default_rng(5)
    wrong = [set(np.flatnonzero(rng.random(N) < p).tolist()) for p in (0.05, 0.05, 0.4, 0.4, 0.4)]
    data = recorded(*(judge(f"j{k}", right_but_for(own), both=False) for k, own in enumerate(wrong)))
    majority = pair_arms.panel(data, data.panel, "m", pair_arms.majority, every=False, seed=1)
    found = pair_arms.dawid_skene(data, data.panel, every=False, seed=1)

    assert right(found, data) > right(majority, data) + 0.05
    assert (found.calls, found.candidate) == (5.0, True)


def test_accuracy_weights_follow_the_one_good_judge_and_a_majority_the_two_bad_ones():
    bad = set(range(0, N, 4)) | set(range(1, N, 4)) | set(range(2, N, 4))
    wrong = {"good": {5}, "bad1": bad, "bad2": bad}
    data = recorded(*(judge(name, right_but_for(own), both=False) for name, own in wrong.items()))

    by_fifty = fitted_arms.weighted_by_fifty(data, every=False, seed=1)

    assert right(pair_arms.panel(data, data.panel, "m", pair_arms.majority, every=False, seed=1), data) < 0.3
    assert right(fitted_arms.weighted_panel(data, GOLD, every=False, seed=1), data) >= 1 - 1 / N
    assert right(by_fifty, data) >= 1 - 1 / N


def test_what_is_learnt_from_fifty_labels_never_meets_its_own_unit():
    learnt = fitted_arms.from_fifty(UNITS, tuple, seed=2)

    assert set(learnt) == set(UNITS)
    assert all(len(own) == 50 and unit not in own for unit, own in learnt.items())


def test_a_cascade_pays_the_strong_judge_only_where_the_cheap_ones_orders_disagree():
    torn = set(range(0, N, 3))

    def cheap(i, unit, given):
        return float(given) if i in torn else float(GOLD[unit] == "first")

    data = recorded(judge("strong", right_but_for(())), judge("cheap", cheap), cheap="cheap")
    arm = pair_arms.by_disagreement(data)

    assert right(pair_arms.balanced(data, "cheap", "average"), data) == pytest.approx(1 - len(torn) / N / 2)
    assert right(arm, data) == 1.0
    assert arm.calls == pytest.approx(2 + 2 * len(torn) / N)
    assert arm.tokens == pytest.approx(20 + 20 * len(torn) / N)


def test_a_risk_bounded_threshold_keeps_what_is_sure_and_gives_the_rest_to_people():
    def unsure(i, unit, _given):
        sure = 1.0 if i < 100 else 0.6
        gold = GOLD[unit] == "first"
        return sure if gold != (i >= 100) else 1 - sure  # wrong exactly where it is unsure

    data = recorded(judge("j", unsure))
    arm = fitted_arms.risk_bounded(data, pair_arms.balanced(data, "j", "average"), GOLD, seed=1)
    found = measures.figures(arm, data, seed=1)

    assert (found.none, found.decided.value) == (20, 1.0)


def test_the_controls_do_what_their_names_say():
    data = recorded(judge("j", biased))
    arms = {arm.name.split(" (")[0]: arm for arm in pair_arms.controls(data, seed=1)}

    assert {o.label for o in arms["control: first"].outcomes.values()} == {"first"}
    assert right(arms["control: constant"], data) == 0.5
    assert right(arms["control: longer"], data) == np.mean(
        [
            0.5 if len(i.responses["a"]) == len(i.responses["b"]) else GOLD[u] == "first"
            for u, i in data.items.items()
        ]
    )
    assert {o.label for o in arms["control: random"].outcomes.values()} == {"first", "second"}
    assert all(arm.calls == 0 for arm in arms.values())


def test_the_default_is_chosen_on_one_half_and_reported_on_the_other():
    data = recorded(judge("j", biased))

    def build(own, truth):
        assert len(truth) == N // 2
        return [pair_arms.one_verdict(own, "j", seed=1), pair_arms.balanced(own, "j", "average")]

    chosen, shipped = halves.choose(data, build, "j: one verdict", seed=1, shipped="j: both orders, average")
    mine, others = halves.split(UNITS, 1)

    assert set(mine).isdisjoint(others)
    assert len(mine) + len(others) == N
    assert (chosen.arm, chosen.n, chosen.its) == ("j: both orders, average", N // 2, 1.0)
    assert chosen.says == shipped.says == "better"
    assert chosen.gain.value == pytest.approx(chosen.its - chosen.one)


def test_where_nothing_helps_the_report_says_so():
    assert measures.in_words(Estimate("d", 0.1, -0.1, 0.3)) == "not shown to be better"
    assert measures.in_words(Estimate("d", -0.2, -0.3, -0.1)) == "WORSE"
    assert measures.in_words(Estimate("d", 0.0)) == "the same"


def test_costs_are_unknown_where_no_texts_are_recorded():
    data = recorded(Recorded("j", judge("j", biased).outcomes))

    assert math.isnan(recorded_sets.spent(data, ["j"], every=True)[1])


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the recorded sets are not at {DATA}")
def test_the_whole_table_is_printed_and_every_figure_reproduced(tmp_path):
    out = tmp_path / "table.md"
    command = [sys.executable, ROOT / "benchmarks" / "quality" / "run.py", DATA, "--out", out]

    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout[-2500:] + done.stderr[-2500:]
    report = out.read_text(encoding="utf-8")
    assert "seed 7" in report
    assert "MISMATCH" not in report
    for name in ("llmbar/all", "pandalm", "fastchat", "prometheus/", "arena/", "llm_rubric/"):
        assert name in report

"""Cascades replayed from stored runs, and asked live: thresholds, bounds, curves, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import judgekit as jk
from judgekit.agreement.probability.selective import upper_bound
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.recipes.cascade import disagreeing
from judgekit.table import json_line, outcome_row
from judgekit.types import Abstention, Unit, Verdict

N = 200
PEOPLE = [{"item_id": str(i), "rater": "ann", "label": "yes" if i % 2 else "no"} for i in range(N)]
YES, NO = '{"label": "yes"}', '{"label": "no"}'


def said(rater, right, sure=lambda _: 1.0, n=N, criterion="c"):
    """Verdicts of a rater that is right where `right(i)`, and `sure(i)` of what it says."""
    made = []
    for i in range(n):
        is_yes = bool(i % 2) == bool(right(i))
        label, other = ("yes", "no") if is_yes else ("no", "yes")
        p = sure(i)
        probs = ((label, p), (other, 1 - p)) if p < 1 else ((label, 1.0),)
        made.append(Verdict(rater, Unit(str(i)), criterion, probs, label, p if is_yes else 1 - p))
    return made


def sure_where_right(i):
    """Nine in ten at .9, all of them right; the rest at .6."""
    return 0.6 if i % 10 == 3 else 0.9


CHEAP = said("small", lambda i: i % 10 != 3, sure_where_right)
STRONG = said("big", lambda _: True)


def replayed(cheap=CHEAP, strong=STRONG, labels=PEOPLE, **options):
    return jk.cascade(cheap, strong, labels=labels, **{"scale": "yes_no", **options})


def test_the_fitted_threshold_keeps_the_promise_and_the_curve_says_what_it_costs():
    found = replayed(alpha=0.05)

    assert (found.fitted.threshold, found.fitted.n_wrong) == (0.9, 0)
    assert found.fitted.bound == upper_bound(0, found.fitted.n_kept, 0.1) < 0.05
    assert (found.n_fit, found.n_read) == (100, 100)
    assert found.chosen.threshold == 0.9
    on = round(found.chosen.escalated * found.n_read)
    assert (found.chosen.cost, found.chosen.agreement) == (100 + 10 * on, 1.0)
    assert on == sum(sure_where_right(i) < 0.9 for i in range(N)) - (
        found.fitted.n_used - found.fitted.n_kept
    )
    assert [step.cost for step in found.curve] == sorted(step.cost for step in found.curve)
    assert (found.curve[0].agreement, found.curve[-1].cost) == (1 - on / 100, 1100.0)


def test_the_labels_that_fit_are_not_those_the_curve_is_read_on():
    halves = [replayed(alpha=0.05, seed=seed) for seed in (0, 1)]
    whole = replayed(alpha=0.05, fit_share=1)

    least_sure = sum(sure_where_right(i) < 0.9 for i in range(N))
    for found in halves:
        assert found.fitted.n_used - found.fitted.n_kept + 100 * found.chosen.escalated == least_sure
    assert halves[0].chosen != halves[1].chosen
    assert {step.n for step in whole.curve} == {whole.n_fit} == {N}
    assert any("trust the bound, not the point" in note for note in whole.notes)


def test_where_no_threshold_can_promise_it_everything_goes_on():
    found = replayed(said("small", lambda i: i % 4 > 1, sure_where_right), alpha=0.05)

    assert found.fitted.status == "abstain_all"
    assert math.isnan(found.fitted.threshold)
    assert (found.chosen.escalated, found.chosen.agreement) == (1.0, 1.0)


def test_a_judge_that_is_right_where_it_is_sure_gets_a_threshold_whatever_the_draw():
    # 80 % of verdicts with 4 % error, the rest with 50 %: the fixed sequence found one in 40 % of such sets.
    n, found = 1000, []
    people = [{"item_id": str(i), "rater": "ann", "label": "yes" if i % 2 else "no"} for i in range(n)]
    for seed in range(6):
        rank, luck = np.random.default_rng(seed).random((2, n))
        right, sure = luck > np.where(rank > 0.2, 0.04, 0.5), np.round(0.5 + rank / 2, 2)
        cheap = said("small", right.__getitem__, sure.__getitem__, n)
        found.append(replayed(cheap, said("big", lambda _: True, n=n), people, seed=seed))

    assert [each.fitted.status for each in found] == ["ok"] * 6
    assert np.mean([each.chosen.escalated for each in found]) < 0.3


def test_all_final_verdicts_are_promised_without_labels_by_looking_at_some_of_the_strong_run():
    found = replayed(labels=None, promise="whole", alpha=0.05)

    kept = [CHEAP[i].unit for i in found.fitted.kept]
    assert (found.fitted.n, found.n_read) == (N, N)
    assert found.chosen.threshold == found.fitted.threshold
    assert found.chosen.escalated == pytest.approx(found.fitted.escalated) == 1 - len(kept) / N
    assert found.chosen.cost == N + 10 * (N - len(kept))
    assert found.curve[0].escalated == len(found.fitted.drawn) / N
    assert found.chosen.agreement >= 0.95


def test_questions_without_a_cheap_verdict_go_on_at_every_threshold_and_fit_nothing():
    lost = [Abstention(o.rater, o.unit, "c", "refused") if int(o.unit.item_id) < 20 else o for o in CHEAP]

    found = replayed(lost, fit_share=1)

    assert found.fitted.n_dropped == 20
    assert found.curve[0].escalated == 20 / N
    assert all(step.n_missing == 0 for step in found.curve)


def test_a_judge_that_is_always_sure_is_said_to_be():
    assert any("equally sure of everything" in note for note in replayed(said("small", bool)).notes)
    assert not any("equally sure" in note for note in replayed().notes)


def test_controls_beside_a_judge_are_no_part_of_its_panel():
    found = replayed([*CHEAP, *said("control:constant=no", lambda _: False)], alpha=0.05)

    assert found.chosen == replayed(alpha=0.05).chosen
    assert "cheap run: left out control:constant=no" in found.notes


def test_pairs_of_both_orders_are_one_question():
    def pairs(rater, label, value):
        return [
            Verdict(rater, Unit(str(i), ("x", "y")), "c", ((label, 1.0),), label, value, shown=shown)
            for i in range(40)
            for shown in (("x", "y"), ("y", "x"))
        ]

    rows = [{"item_id": str(i), "first": "x", "second": "y", "rater": "ann", "label": "A"} for i in range(40)]
    found = jk.cascade(pairs("s", "first", 1.0), pairs("b", "second", 0.0), labels=rows, fit_share=1)

    assert found.n_read == 40
    assert (found.curve[0].agreement, found.curve[-1].agreement) == (1.0, 0.0)


TWO_SCALES = {"id": "r", "criteria": [{"id": "c", "text": "?"}, {"id": "d", "text": "?", "scale": "1-5"}]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cheap": []}, "a list: no outcomes of a run; hand in the folder"),
        ({"cheap": "nowhere.jsonl"}, "nowhere.jsonl: there is no such file or folder"),
        ({"strong": "nowhere.jsonl"}, "nowhere.jsonl: there is no such file or folder; a run is"),
        ({"labels": "nowhere.csv"}, "nowhere.csv: there is no such file of labels"),
        ({"strong": CHEAP}, r"judges \['small'\] stand in both runs; a second look is no second judge"),
        ({"strong": STRONG[:50]}, r"no outcome on \d+ of 100 labelled questions, such as 'c' of item '"),
        ({"labels": [{**row, "item_id": "x" + row["item_id"]} for row in PEOPLE]}, "no unit was both judged"),
        ({"labels": said("ann", bool, criterion="d")}, "no question of the cheap run has a label; its first"),
        ({"labels": [{**row, "rater": "big"} for row in PEOPLE]}, r"\['big'\] gave the labels"),
        ({"labels": [{**row, "label": "maybe"} for row in PEOPLE]}, "'maybe' is not on the scale"),
        ({"scale": None}, "declare the scale"),
        ({"criterion": "d"}, "the cheap run has no outcomes on the criterion 'd'; it has"),
        ({"rubric": {"id": "r", "criteria": [{"id": "e", "text": "?"}]}}, "'c', which rubric 'r' has not"),
        (
            {"rubric": TWO_SCALES, "cheap": [*CHEAP, *said("small", bool, criterion="d")]},
            "criteria 'c' and 'd' have different scales, and a threshold is for one; choose",
        ),
        ({"alpha": 1.5}, "alpha 1.5"),
        ({"delta": 0}, "delta 0"),
        ({"least": 0}, "least=0"),
        ({"labels": None}, "the promise 'kept' needs people's labels; 'whole' takes none"),
        ({"promise": "whole"}, "'whole' takes none, for the strong run is right by definition"),
        ({"promise": "hole"}, "promise='hole'; .*whole"),
        ({"fit_share": 0}, "fit_share=0"),
        ({"costs": (1, -2)}, "costs 1 and -2"),
        ({"labels": PEOPLE[:1]}, "labels of a single item cannot be split"),
    ],
)  # fmt: skip
def test_what_cannot_be_replayed_is_one_clear_error(options, message):
    given = {"cheap": CHEAP, "strong": STRONG, "labels": PEOPLE, **options}

    with pytest.raises(InputError, match=message):
        replayed(given.pop("cheap"), given.pop("strong"), given.pop("labels"), **given)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, outcomes in (("cheap", CHEAP), ("strong", STRONG)):
        (tmp_path / f"{name}.jsonl").write_bytes(b"".join(json_line(outcome_row(o)) for o in outcomes))
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PEOPLE))
    return [*(str(tmp_path / f"{n}.jsonl") for n in ("cheap", "strong")), "--labels",
            str(tmp_path / "labels.jsonl"), "--scale", "yes_no"]  # fmt: skip


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def test_the_command_prints_the_curve_and_the_promise(files, capsys):
    assert run("cascade", *files, "--alpha", "0.05", "--strong-cost", "20") == 0

    shown = " ".join(capsys.readouterr().out.split())
    assert "threshold 0.9: of what the cheap judge keeps at most 0.05 is wrong, 90% sure (0 of" in shown
    assert "<- fitted" in shown
    assert "the strong judge alone would cost 2000" in shown


def test_the_command_promises_the_whole_and_says_how_much_was_asked(files, capsys):
    whole = [*files[:2], *files[4:], "--promise", "whole"]
    assert run("cascade", *whole, "--alpha", "0.05") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert run("cascade", *whole, "--alpha", "0.05", "--json") == 0
    fitted = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["fitted"]

    assert "of all 200 final verdicts at most 0.05 differ from the strong judge's, 90% sure" in shown
    assert f"and {len(fitted['drawn'])} drawn to find it ({fitted['n_wrong']} of them wrong)" in shown
    assert len(fitted["kept"]) + len(fitted["drawn"]) <= N


def test_the_command_says_plainly_that_no_threshold_passes(files, capsys):
    assert run("cascade", *files, "--alpha", "0.001") == 1

    shown = capsys.readouterr().out
    assert "no threshold can promise an error of 0.001, 90% sure: send everything on" in shown
    assert "<- fitted" not in shown


def test_the_json_of_the_command_has_no_number_that_is_none(files, capsys):
    assert run("cascade", *files, "--alpha", "0.001", "--json") == 1

    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["fitted"]["threshold"] is None
    assert [found["curve"][i]["cheap_keeps"] for i in (0, 1, -1)] == ["all", "from_threshold", "none"]


def test_folders_of_runs_are_read_as_their_outcomes(files, tmp_path, capsys):
    for name, outcomes in (("cheap", CHEAP), ("strong", STRONG)):
        jk.Run((), tuple(outcomes), {"items": N, "stopped": None}).save(tmp_path / name)

    assert run("cascade", *files, "--json") == 0
    by_file = capsys.readouterr().out
    assert run("cascade", str(tmp_path / "cheap"), str(tmp_path / "strong"), *files[2:], "--json") == 0
    assert capsys.readouterr().out == by_file


def test_the_command_ends_on_bad_input(files, capsys):
    assert run("cascade", files[0], files[0], *files[2:]) == 2
    assert "a second look is no second judge" in capsys.readouterr().err
    assert run("cascade", files[3], *files[1:]) == 2
    assert "no outcomes of a run" in capsys.readouterr().err


TONE = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
ITEMS = [{"id": str(i), "task": "Hi", "response": f"Hello {i}"} for i in range(4)]


def wavers_on_one(call):
    return NO if call.item.item_id == "1" and call.sample == 0 else YES


def test_live_the_strong_judge_is_asked_once_and_only_where_the_samples_are_split():
    seen = []
    big = jk.Scripted("big", lambda call: seen.append(call.item.item_id) or NO)

    run = jk.score_cascade(ITEMS, TONE, jk.Scripted("small", wavers_on_one), big, doubt=0.9, samples=3,
                           ledger=None)  # fmt: skip

    assert seen == ["1"]
    assert run.summary["calls"] == 4 * 3 + 1
    assert [s.value for s in run.scores if s.level == "rubric"] == [1.0, 0.0, 1.0, 1.0]
    assert sum("escalated" in o.flags for o in run.outcomes) == 3


def test_live_a_panel_goes_on_where_it_disagrees():
    panel = [jk.Scripted("one", lambda _: YES), jk.Scripted("two", wavers_on_one)]
    big = jk.Scripted("big", lambda _: NO)

    run = jk.score_cascade(ITEMS, TONE, panel, big, doubt=disagreeing, ledger=None)

    assert run.summary["calls"] == 4 * 2 + 1
    assert [s.value for s in run.scores if s.level == "rubric"] == [1.0, 0.0, 1.0, 1.0]


def test_live_options_of_the_strong_step_are_its_own_and_its_prompts_are_recorded():
    seen = []
    big = jk.Scripted("big", lambda call: seen.append(call) or f"{call.tag} kind: no")

    run = jk.score_cascade(
        ITEMS, TONE, jk.Scripted("small", wavers_on_one), big, doubt=disagreeing, samples=2, ledger=None,
        strong_options={"form": "text", "samples": 2},
    )  # fmt: skip

    assert [call.schema for call in seen] == [None, None]
    assert set(run.summary["judges"]) == {"small", "big"}
    assert run.summary["prompts"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strong": jk.Scripted("small", wavers_on_one), "doubt": 0.9}, "a second look is no second judge"),
        ({"strong": jk.Scripted("big", wavers_on_one), "doubt": 90}, "doubt=90; the confidence that"),
        ({"strong": None, "doubt": 0.9, "recipe": "gaps-unlisted"}, "needs 3 judges"),
        ({"strong": None, "doubt": 0.9, "recipe": "choice-funnel"}, "asks in rounds of its own"),
    ],
)  # fmt: skip
def test_live_what_cannot_be_a_cascade_is_refused_before_any_call(arguments, message):
    seen = []
    small = jk.Scripted("small", lambda call: seen.append(call) or YES)
    rubric = None if "recipe" in arguments else TONE

    with pytest.raises(InputError, match=message):
        jk.score_cascade(ITEMS, rubric, small, ledger=None, **arguments)
    assert seen == []


def test_on_the_command_line_a_cascade_is_counted_before_and_left_to_a_person(tmp_path, capsys):
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    asked = ["score", str(path), "-r", "instruction_following", "-j", "control:longer", "--ledger", "none"]

    assert run(*asked, "--strong", "control:random=1") == 2
    assert "--strong needs --below" in capsys.readouterr().err
    assert run(*asked, "--strong", "control:random=1", "--below", "0.9", "--dry-run", "--no-reask") == 0
    assert "4 items, 4 to 8 calls" in capsys.readouterr().out
    assert run(*asked, "--below", "1", "--out", str(tmp_path / "out")) == 0

"""What the report says in plain words, beside its numbers."""

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement import audit
from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.data import of_frame
from judgekit.cli import main
from judgekit.report import findings, read_thresholds
from judgekit.report.checks import harm, within
from judgekit.report.page import _capitals, _key, _met_tone, metric, page, quoted
from judgekit.report.plain import of_hundred, plainly
from judgekit.scales import Numbers
from judgekit.types import Estimate

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from verdict_cases import CASES


@pytest.fixture(scope="module")
def made():
    [lenient] = [each for each in CASES if each.name == "lenient by a point"]
    return audit(lenient.make(np.random.default_rng(1)), b=20)


def test_a_card_says_of_a_hundred_how_many_are_wrong_and_how_far_off_the_level_is(made):
    [criterion] = made.criteria
    [judge, *_] = [each for each in criterion.judges if not each.is_control]
    lab = criterion.labelled
    said, people = lab.ratings.codes[:, lab.ratings.raters.index("judge")], lab.consensus
    both = (said >= 0) & (people >= 0)
    wrong, compared = int((said[both] != people[both]).sum()), int(both.sum())

    far = int((abs(said[both] - people[both]) > 1).sum())
    assert plainly(judge, criterion, "gate") == (
        f"Wrong on {100 * wrong / compared:.0f} of 100 ({wrong} of {compared}), "
        f"on {of_hundred(far, compared)} by more than one step"
    )
    off = f"{judge.signed_error.value:.1%}"
    assert plainly(judge, criterion, "level") == f"On average {off} of the scale too high"
    doubtful = plainly(judge, criterion, "level", "the labels themselves are unreliable")
    assert (
        doubtful == f"On average {off} of the scale above these labels; the labels themselves are unreliable"
    )
    assert re.fullmatch(r"\d+% of 10 pairs of systems in people's order", plainly(judge, criterion, "rank"))
    gates = read_thresholds()
    html = page(made, findings(made, gates), gates, [])
    assert f'<p class="plain">{plainly(judge, criterion, "gate")}.</p>' in html


def test_of_numbers_the_typical_error_is_said():
    rng = np.random.default_rng(0)
    people = rng.permutation(np.tile(np.arange(0, 101, 2), 3))[:120]
    judge = np.clip(people + np.where(np.arange(120) % 2, 7, 1), 0, 100)
    lab = of_frame(
        np.column_stack([judge, people, people]), scale=Numbers(low=0, high=100), judges=["judge"],
        raters=["judge", "ann", "bob"], items=[str(i) for i in range(120)],
    )  # fmt: skip
    [criterion] = audit(lab, b=20).criteria

    said = plainly(criterion.judges[0], criterion, "gate")

    assert re.fullmatch(r"Typically off by \d\.\d{3} \(scale 0 to 100\): half are off by more", said)


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (15, 100, "15 of 100"), (0, 419, "0 of 100"), (1, 419, "less than 1 of 100"),
        (418, 419, "more than 99 of 100"), (419, 419, "100 of 100"),
    ],
)  # fmt: skip
def test_none_and_all_of_a_hundred_are_said_only_where_it_is_so(part, whole, told):
    assert of_hundred(part, whole) == told


def test_a_name_at_the_head_of_a_sentence_stays_as_it_is(made):
    capital = _capitals(made)

    assert capital("gpt-3.5-turbo: 3 verdicts") == "gpt-3.5-turbo: 3 verdicts"
    assert capital("judge is a name here") == "judge is a name here"
    assert capital("asked twice, it says the same") == "Asked twice, it says the same"


def test_the_metric_of_alpha_is_named(made):
    assert metric(Estimate("krippendorff_alpha_ordinal", 0.5)) == "alpha, ordinal metric"
    gates = read_thresholds()
    html = page(made, findings(made, gates), gates, [])
    alpha = made.criteria[0].human_alpha
    assert f"Krippendorff&#39;s {metric(alpha)}, {alpha.value:.3f}" in html
    assert metric(alpha) != "alpha, nominal metric"  # of a scale with an order


def test_thresholds_are_said_as_they_are_set(made):
    gates = read_thresholds()
    html = page(
        made, findings(made, {**gates, "enough_rare": replace(gates["enough_rare"], value=10.0)}), gates, []
    )

    assert not re.search(r">\d+\.000<", html.split("Thresholds and their sources")[1])


def test_a_heading_cannot_leave_the_style_that_holds_it():
    assert quoted("judge's less") == '"judge\\27 s less"'
    assert not set(quoted("a\n</style>';}&\\ 7")) & set("\n<>/;}'&")


def test_the_command_line_stands_on_the_page(tmp_path):
    judged, labels, report = tmp_path / "judged.csv", tmp_path / "labels.csv", tmp_path / "a report.html"
    for file, raters in ((judged, ("j",)), (labels, ("ann", "bob"))):
        rows = [f"{i},{who},{'yes' if i % 3 else 'no'}" for i in range(30) for who in raters]
        file.write_text("item_id,rater,label\n" + "\n".join(rows), encoding="utf-8")
    about = ["agree", str(judged), "--labels", str(labels), "--scale", "no,yes"]
    typed = [*about, "--resamples", "20", "--report", str(report)]

    with pytest.raises(SystemExit):
        main(typed)

    html = report.read_text(encoding="utf-8")
    quoted = shlex.join(["judgekit", *typed]).replace("'", "&#39;")
    assert f"<code>{quoted}</code>" in html
    assert "<h1>Can j be trusted?</h1>" in html


def test_the_first_of_a_pair_is_a_place_and_not_the_best_label():
    [perfect] = [each for each in CASES if each.name == "pairs: perfect"]
    [judge] = audit(perfect.make(np.random.default_rng(1)), b=20).criteria[0].judges

    assert any(control.name.startswith("always 'first'") for control in judge.controls)
    assert not any("the best" in control.name for control in judge.controls)


def test_a_pair_without_a_winner_is_undecided_and_not_wrong():
    [led] = [each for each in CASES if each.name == "pairs, both orders: the first in 2 of 5"]
    [criterion] = audit(led.make(np.random.default_rng(1)), b=20).criteria
    [judge] = [each for each in criterion.judges if not each.is_control]
    wrong, compared = judge.errors
    undecided = int(judge.table[1].sum())

    assert undecided > 30
    assert plainly(judge, criterion, "gate") == (
        f"Wrong on {of_hundred(wrong - undecided, compared)} ({wrong - undecided} of {compared}), "
        f"no winner named on {of_hundred(undecided, compared)} more"
    )


def test_the_large_numbers_are_not_three_kappas():
    [perfect] = [each for each in CASES if each.name == "pairs: copy, 5 % flips"]
    [judge, *_] = audit(perfect.make(np.random.default_rng(1)), b=20).criteria[0].judges

    assert [(each.name, decides) for each, decides in _key(judge)] == [
        ("kappa_of_pairs", "decides on single items"),
        ("pearson", "decides on ranks and levels"),
        ("percent_agreement", ""),
    ]


def test_trusted_labels_are_nowhere_called_people():
    [pairs] = [each for each in CASES if each.name == "yes/no, trusted: copy, 4 % flips"]
    made = audit(pairs.make(np.random.default_rng(1)), b=20)
    gates = read_thresholds()
    found = findings(made, gates)
    html = page(made, found, gates, figures(made))

    assert all("people" not in each.why for each in found)
    titles = re.findall(
        r"<h[34]>(.*?)</h[34]>|<figcaption>(.*?)</figcaption>|<p class=\"plain\">(.*?)</p>", html
    )
    assert [
        each for title in titles for each in title if re.search("people|person", each, re.IGNORECASE)
    ] == []
    assert "How far does the judge agree with the trusted labels?" in html
    assert "with trusted labels, declared to be the truth (person 1)" in html
    assert not [check.what for each in found for check in each.checks if "people" in check.what]


@pytest.mark.parametrize(
    ("slope", "said"),
    [(0.5, "like longer responses more"), (-0.5, "like longer responses less"), (0.0, "are not shown to")],
)
def test_what_people_make_of_length_is_what_their_line_does(slope, said):
    rng = np.random.default_rng(3)
    doublings = rng.normal(size=200)
    people = np.clip(np.round(3 + 2 * slope * doublings + rng.normal(0, 0.5, 200)), 1, 5)
    lab = of_frame(
        np.column_stack([people, people, people]), scale=[1, 2, 3, 4, 5], judges=["judge"],
        raters=["judge", "ann", "bob"], lengths=(100 * 2**doublings).tolist(),
    )  # fmt: skip

    [length] = [each for each in figures(audit(lab, b=10)) if each.kind == "length"]

    assert f"People {said}" in length.reading


def test_what_counts_only_as_a_harm_is_no_failing_where_it_is_not_shown():
    gates = read_thresholds()
    open_ = within(gates, "length", Estimate("length_per_doubling", 0.08, low=0.05, high=0.13))

    assert (open_.met, open_.says) == (None, "not established")
    assert (harm(open_).says, _met_tone(harm(open_))) == ("no harm shown", "quiet")
    assert _met_tone(open_) == "open"


def test_a_very_small_chance_is_said_by_what_it_is_below(made):
    gates = read_thresholds()
    html = page(made, findings(made, gates), gates, [])

    assert "below 0.001" in html
    assert not re.search(r">\d\.\d+e-\d+<", html)


def test_brackets_are_explained_under_the_first_that_there_are(made):
    gates = read_thresholds()
    html = page(made, findings(made, gates), gates, [])

    first = html.index("the true value lies there with 95% confidence")
    assert html.index('class="verdict ') < first < html.index('class="key"')
    assert re.search(
        r"agreement with people \S+ \[.*?\] \(Cohen&#39;s kappa", html, re.IGNORECASE
    )  # named in the card

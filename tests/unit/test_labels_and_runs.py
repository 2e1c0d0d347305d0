"""People's labels beside what judges said, whatever the run was like: the join, and what it hands over."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.recordings import ingest
from judgekit.rubric import load_rubric
from judgekit.types import Abstention, Unit, Verdict

KIND = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
FIVE = {"id": "tone", "criteria": [{"id": "kind", "text": "How kind is it?", "scale": "1-5"}]}
N = 30
PAIRS = [
    {"item_id": str(i), "task": f"T{i}", "responses": {"x": "a" * (i % 7), "y": "b" * 3}} for i in range(N)
]
OF_PAIRS = [
    {"item_id": str(i), "first": "x", "second": "y", "rater": "ann", "label": "A" if i % 7 > 3 else "B"}
    for i in range(N)
]
SINGLES = [{"item_id": str(i), "task": "T", "response": "a" * (i % 4 + 1)} for i in range(N)]
OF_SINGLES = [{"item_id": str(i), "rater": "ann", "label": "yes" if i % 3 else "no"} for i in range(N)]


def judged(label, name="j"):
    return jk.Scripted(name, lambda call: json.dumps({"label": label(call)}))


def by_item(call):
    return "yes" if int(call.item.item_id) % 3 else "no"


def only(audit):
    [criterion] = audit.criteria
    return criterion.labelled


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def marks(call):
    """Two scores, higher for the longer one; in one order the second response is lost."""
    scores = {name: min(10, len(call.item.responses[name]) + 1) for name in call.shown}
    return json.dumps(dict(zip("AB", (scores[name] for name in call.shown), strict=True)))


def test_two_scores_in_a_reply_are_one_verdict_on_the_pair_as_the_scores_say():
    run = jk.score(PAIRS, None, jk.Scripted("j", marks), recipe="faireval", ledger=None)

    lab = only(jk.agree(run, labels=OF_PAIRS, b=50))

    won = {score.unit.item_id: score.value for score in run.scores}
    assert lab.pairs
    assert len(lab.units) == N
    assert lab.column("j").tolist() == [won[item] for item in lab.items]
    assert lab.ratings.labels[lab.ratings.codes[0, 0]] == "second"
    assert set(np.unique(lab.orders["j"][0])) <= {0.0, 0.5, 1.0}


def test_scores_of_pairs_go_out_to_people_and_come_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PAIRS), encoding="utf-8")
    jk.score(PAIRS, None, jk.Scripted("j", marks), recipe="faireval", ledger=None).save("results")
    options = ["--items", "items.jsonl", "-r", "pair_quality", "--out", "sheet", "--budget", 12]
    assert command("review", "export", "results", *options) == 0
    rows = list(csv.DictReader((tmp_path / "sheet" / "sheet.csv").open(newline="", encoding="utf-8")))
    for row in rows:
        row["label"] = "A"
    with (tmp_path / "filled.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    imported = ["filled.csv", "--key", "sheet/key.json", "--annotator", "ann", "--out", "people.jsonl"]
    assert command("review", "import", *imported) == 0

    assert len(only(jk.agree("results", labels="people.jsonl", b=50)).units) == 12
    assert command("agree", "results", "--labels", "people.jsonl", "--resamples", 50) == 0


def wins_once(call):
    """First wins where it is shown first, and is level with the second where it is shown last."""
    return "A" if call.shown[0] == "x" else "tie"


def test_a_win_and_a_tie_make_a_win_as_they_do_in_the_scores():
    run = jk.compare(PAIRS, KIND, judged(wins_once), ledger=None)

    lab = only(jk.agree(run, labels=OF_PAIRS, b=50))

    assert {score.value for score in run.scores} == {0.75}
    assert {lab.ratings.labels[code] for code in lab.ratings.codes[:, 0]} == {"first"}


def test_of_several_samples_the_label_nearest_their_mean_is_compared_and_not_the_commonest():
    judge = judged(lambda call: "1" if call.sample < 2 else "5")
    run = jk.score(SINGLES, FIVE, judge, samples=3, ledger=None)
    labels = [{**row, "label": "3"} for row in OF_SINGLES]

    lab = only(jk.agree(run, labels=labels, rubric=FIVE, b=50))

    assert {round(score.value, 6) for score in run.scores} == {round(1 / 3, 6)}
    assert {lab.ratings.labels[code] for code in lab.ratings.codes[:, 0]} == {"2"}


def test_a_column_of_systems_does_not_break_the_join():
    run = jk.score(SINGLES, KIND, judged(by_item), ledger=None)
    labels = [{**row, "system": f"s{int(row['item_id']) % 3}"} for row in OF_SINGLES]

    lab = only(jk.agree(run, labels=labels, scale="yes_no", b=50))

    assert len(lab.units) == N
    assert lab.systems[:3] == (("s0",), ("s1",), ("s2",))


def test_labels_that_name_systems_are_joined_by_who_wrote_the_response():
    items = [
        {"item_id": str(i), "task": "T", "response_id": f"r{k}", "response": "a" * k, "system": f"s{k}"}
        for i in range(N)
        for k in (1, 2)
    ]
    run = jk.score(items, KIND, judged(lambda call: "yes" if call.shown == ("r1",) else "no"), ledger=None)
    labels = [
        {**row, "system": system, "label": label}
        for row in OF_SINGLES
        for system, label in (("s1", "yes"), ("s2", "no"))
    ]

    lab = only(jk.agree(run, labels=labels, scale="yes_no", items=items, b=50))

    assert len(lab.units) == 2 * N
    assert (lab.ratings.codes[:, 0] == lab.ratings.codes[:, 1]).all()
    with pytest.raises(InputError, match=r"hand in the items \(--items\), which say what system wrote which"):
        jk.agree(run, labels=labels, scale="yes_no", b=50)


def test_one_system_of_a_pair_is_refused_with_what_would_do():
    run = jk.compare(PAIRS, KIND, judged(wins_once), ledger=None)

    with pytest.raises(InputError, match="row 1: a pair has two systems, and the column system holds one"):
        jk.agree(run, labels=[{**row, "system": "s"} for row in OF_PAIRS], b=50)


@pytest.mark.parametrize("scale", [[False, True], "yes_no", "False,True"])
def test_booleans_of_a_frame_are_labels(scale):
    rng = np.random.default_rng(1)
    said = rng.random(40) < 0.5
    wide = pd.DataFrame({"gpt": said, "ann": said ^ (rng.random(40) < 0.1)})
    tall = [
        pd.DataFrame({"item_id": range(40), "rater": name, "label": wide[name]}) for name in ("gpt", "ann")
    ]

    of_wide = [scale] if scale == [False, True] else [["no", "yes"], ["False", "True"]]
    found = [jk.agree(wide, scale=each, judge="gpt", b=50) for each in of_wide]
    found.append(jk.agree(tall[0], labels=tall[1], scale=scale, b=50))

    assert len({only(each).ratings.codes.tobytes() for each in found}) == 1
    with pytest.raises(
        InputError, match=r"(True|False) is not on the scale .*; of booleans say scale=\[False, True\]"
    ):
        jk.agree(wide, scale=["bad", "good"], judge="gpt", b=50)


def test_a_scale_that_is_none_is_an_input_error():
    with pytest.raises(InputError, match=r"scale \[1.5, 'x'\]: 1.5 is a float"):
        jk.agree(pd.DataFrame({"gpt": ["x"], "ann": ["x"]}), scale=[1.5, "x"], judge="gpt", b=50)


RECORDED = [{"item_id": str(i), "rater": "gpt", "probs": {"yes": i / N, "no": 1 - i / N}} for i in range(N)]


@pytest.mark.parametrize("kind", ["rows", "csv", "jsonl", "frame"])
def test_recorded_probabilities_are_read(kind, tmp_path):
    frame = pd.DataFrame(RECORDED)
    source = {"rows": RECORDED, "frame": frame}.get(kind, tmp_path / f"recorded.{kind}")
    if kind == "csv":
        frame.assign(probs=frame["probs"].map(json.dumps)).to_csv(source, index=False)
    elif kind == "jsonl":
        source.write_text("".join(json.dumps(row) + "\n" for row in RECORDED))

    outcomes = ingest(source, load_rubric(KIND))
    lab = only(jk.agree(source, labels=OF_SINGLES, scale="yes_no", b=50))

    assert [o.value for o in outcomes] == pytest.approx([i / N for i in range(N)])
    assert {o.source for o in outcomes} == {"logprob"}
    assert lab.sure_is == "label probabilities"
    assert lab.column("gpt").tolist() == pytest.approx([i / N for i in range(N)])


def test_recorded_probabilities_of_pairs_are_about_the_order_shown():
    row = {"item_id": "1", "rater": "gpt", "first": "x", "second": "y", "shown": "swapped"}

    [outcome] = ingest([{**row, "probs": {"A": 0.7, "B": 0.2}}], load_rubric(KIND), protocol="compare")

    assert (outcome.label, outcome.mass) == ("second", pytest.approx(0.9))
    assert outcome.value == pytest.approx(2 / 9)


@pytest.mark.parametrize("probs", [{"yes": 0.9, "no": 0.9}, {"yes": -0.1}, {"yes": "much"}, {"may": 1}, {}])
def test_what_is_no_distribution_is_refused_with_its_row(probs):
    with pytest.raises(InputError, match="row 1: "):
        ingest([{"item_id": "1", "rater": "gpt", "probs": probs}], load_rubric(KIND))


def test_a_judges_rows_that_stand_twice_are_refused_and_repeats_have_a_number():
    rows = [{"item_id": row["item_id"], "rater": "gpt", "label": "yes"} for row in OF_SINGLES]

    with pytest.raises(InputError, match=r"row 31: 'gpt' labels item '0'.* twice; .*row 1; number what was"):
        jk.agree([*rows, *rows], labels=OF_SINGLES, scale="yes_no", b=50)
    numbered = [{**row, "sample": k} for k in (0, 1) for row in rows]
    assert len(only(jk.agree(numbered, labels=OF_SINGLES, scale="yes_no", b=50)).units) == N


def test_outcomes_that_were_handed_in_twice_are_refused():
    outcomes = jk.score(SINGLES, KIND, judged(by_item), ledger=None).outcomes

    with pytest.raises(InputError, match="'j' gives two outcomes for item '0', response, on 'kind'"):
        jk.agree([*outcomes, *outcomes], labels=OF_SINGLES, scale="yes_no", b=50)


def test_a_reply_that_was_lost_counts_though_the_unit_has_a_verdict():
    said = [
        Verdict("j", Unit(str(i), ("response",)), "kind", (("yes", 1.0),), "yes", 1.0, sample=k)
        if (i, k) not in {(0, 1), (7, 2)}
        else Abstention("j", Unit(str(i), ("response",)), "kind", "refused", sample=k)
        for i in range(N)
        for k in range(3)
    ]

    lab = only(jk.agree(said, labels=OF_SINGLES, scale="yes_no", b=50))

    assert lab.abstained == {"j": {"refused": 2}}
    assert lab.obtained["j"].sum() == pytest.approx(N - 2 / 3)
    [judge] = jk.agree(said, labels=OF_SINGLES, scale="yes_no", b=50).criteria[0].judges
    assert judge.coverage.coverage.value == pytest.approx(1 - 2 / (3 * N))
    assert judge.coverage.coverage.low < judge.coverage.coverage.value


def test_of_judges_that_were_not_named_nothing_is_said():
    judges = [judged(by_item, "a"), judged(lambda _: "yes", "b"), judged(lambda _: "no", "c")]
    run = jk.score(SINGLES, KIND, judges, ledger=None)

    one = jk.agree(run, labels=OF_SINGLES, scale="yes_no", judge="a", b=50)

    assert only(jk.agree(run, labels=OF_SINGLES, scale="yes_no", b=50)).judges == ("a", "b", "c")
    assert (only(one).judges, one.criteria[0].panel, one.criteria[0].severities) == (("a",), None, None)
    of_frame = jk.agreement.audit(
        only(jk.agree(run, labels=OF_SINGLES, scale="yes_no", b=50)), judges=["a"], b=50
    )
    assert (of_frame.criteria[0].panel, of_frame.criteria[0].severities) == (None, None)
    with pytest.raises(InputError, match="no judge 'd'; there are a, b, c"):
        jk.agree(run, labels=OF_SINGLES, scale="yes_no", judge="d", b=50)


def test_columns_are_called_what_they_are_in_verdicts_labels_and_items(tmp_path):
    verdicts = pd.DataFrame({"id": range(N), "rater": "gpt", "said": ["yes", "no"] * (N // 2)})
    labels = pd.DataFrame({"id": range(N), "who": "ann", "vote": ["yes", "no"] * (N // 2)})
    items = pd.DataFrame({"qid": range(N), "prompt": "T", "response": "a", "model": ["s1", "s2"] * (N // 2)})
    paths = []
    for name, frame in (("v", verdicts), ("l", labels), ("i", items)):
        paths.append(tmp_path / f"{name}.csv")
        frame.to_csv(paths[-1], index=False)
    both = {"rater": "who", "label": "vote", "task": "prompt", "item_id": "qid", "system": "model"}

    lab = only(
        jk.agree(
            paths[0], labels=paths[1], items=paths[2], scale="yes_no", columns={**both, "text": "said"}, b=50
        )
    )

    assert lab.systems[:2] == (("s1",), ("s2",))
    assert (lab.ratings.codes[:, 0] == lab.ratings.codes[:, 1]).all()
    with pytest.raises(InputError, match="no column 'nobody'"):
        jk.agree(paths[0], labels=paths[1], scale="yes_no", columns={**both, "label": "nobody"}, b=50)


def test_people_are_found_in_a_table_of_judges_and_people_that_is_handed_in_as_labels():
    run = jk.compare(PAIRS, KIND, judged(lambda call: "?" if call.item.item_id == "3" else "A"), ledger=None)
    people = ingest(OF_PAIRS, load_rubric(KIND), protocol="compare", people=True)

    lab = only(jk.agree(run, labels=[*run.outcomes, *people], b=50))

    assert (lab.judges, lab.people, len(lab.units)) == (("j",), ("ann",), N)
    assert lab.abstained["j"].keys() == {"malformed"}


def test_two_scores_in_a_reply_are_on_the_pair_wherever_labels_meet_them():
    def lenient(_):
        return json.dumps(dict.fromkeys("AB", 5))

    runs = [
        jk.score(PAIRS, None, jk.Scripted(name, judge), recipe="faireval", ledger=None)
        for name, judge in (("j", marks), ("k", lenient))
    ]

    fitted = jk.calibrate(runs[0], OF_PAIRS)
    replayed = jk.cascade(*runs, labels=OF_PAIRS, fit_share=1, least=1)

    assert [fit.n for fit in fitted.fits] == [N]
    assert replayed.n_read == N

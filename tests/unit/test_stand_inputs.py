"""What `stand` reads: tables in long form, matrices, recorded votes, runs; and what is missing in them."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.report.standing import warning
from judgekit.types import Unit, Verdict


def csv(path, head, rows):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def scores(n=30, systems=("new", "old", "mid"), seed=0):
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, 0.2, n)
    gain = dict(zip(systems, (0.2, 0.0, 0.1), strict=False))
    return [
        (f"q{i}", s, round(0.5 + ease[i] + gain[s] + rng.normal(0, 0.05), 4))
        for i in range(n)
        for s in systems
    ]


def test_long_wide_frames_rows_and_matrices_say_the_same(tmp_path):
    rows = scores()
    long = csv(tmp_path / "long.csv", "item_id,system,score", rows)
    frame = pd.DataFrame(rows, columns=["item_id", "system", "score"])
    grid = frame.pivot_table(index="item_id", columns="system", values="score", sort=False)
    grid.to_csv(tmp_path / "wide.csv")
    dicts = frame.to_dict("records")

    found = jk.stand(long)
    assert (found.method, found.unit, found.n_items) == ("two-way, points", "points", 30)
    assert found.systems == ("new", "mid", "old")
    for other in (frame, dicts, tmp_path / "wide.csv"):
        assert jk.stand(other).places == found.places
    matrix = grid[["mid", "new", "old"]].to_numpy().T
    assert [p.strength for p in jk.stand(matrix).places] == pytest.approx([p.strength for p in found.places])


def test_columns_of_other_names_are_mapped(tmp_path):
    rows = csv(tmp_path / "s.tsv", "prompt\tllm\tpoints".replace("\t", ","), scores())
    found = jk.stand(rows, columns={"item_id": "prompt", "system": "llm", "score": "points"})

    assert found.systems == ("new", "mid", "old")
    with pytest.raises(InputError, match="no column 'pts'"):
        jk.stand(rows, columns={"item_id": "prompt", "system": "llm", "score": "pts"})


def test_right_and_wrong_are_labels_and_a_scale_declares_others(tmp_path):
    rng = np.random.default_rng(1)
    rows = [(i, s, int(rng.random() < p)) for i in range(60) for s, p in (("a", 0.8), ("b", 0.4))]
    found = jk.stand(csv(tmp_path / "right.csv", "item,system,score", rows))
    assert (found.method, found.unit) == ("1pl", "logits")
    assert jk.stand(tmp_path / "right.csv", model="two-way").unit == "points"

    words = ["poor", "fair", "good"]
    rows = [
        (i, s, words[min(2, int(rng.random() * 2 + p))]) for i in range(60) for s, p in (("a", 1), ("b", 0))
    ]
    labels = csv(tmp_path / "labels.csv", "item_id,system,score", rows)
    assert jk.stand(labels, scale="poor,fair,good").method == "1pl"
    assert jk.stand(labels, scale="poor,fair,good").systems == ("a", "b")
    with pytest.raises(InputError, match="is no score; declare a scale of labels"):
        jk.stand(labels)


def test_raters_of_a_table_are_facets(tmp_path):
    rng = np.random.default_rng(2)
    rows = [
        (i, s, r, int(rng.random() < p + q))
        for i in range(80) for s, p in (("a", 0.5), ("b", 0.3)) for r, q in (("kind", 0.3), ("strict", 0.0))
    ]  # fmt: skip
    found = jk.stand(csv(tmp_path / "j.csv", "item_id,system,rater,score", rows))

    assert found.method == "1pl, judges as facets"
    assert found.systems == ("a", "b")
    assert found.of("a").n == 80  # judges of one response are no two scores


def test_what_is_missing_is_counted_by_system_and_reason(tmp_path):
    rows = [
        (q, s, "", "refused") if s == "old" and int(q[1:]) % 3 == 0 else (q, s, v, "")
        for q, s, v in scores()
    ]  # fmt: skip
    rows = [r for r in rows if not (r[1] == "mid" and r[0] in {"q1", "q2"})]
    rows[0] = ("q0", "new", "inf", "")
    rows.append(("q1", "new2", "nan", ""))
    found = jk.stand(csv(tmp_path / "m.csv", "item_id,system,score,reason", rows))

    n = sum(1 for r in rows if r[3] == "refused")
    assert n > 5
    assert found.of("old").missing == {"refused": n}
    assert found.of("mid").missing == {"absent": 2}
    assert found.of("new").missing == {"off_scale": 1}
    assert found.of("new2").missing == {"missing": 1, "absent": 29}
    assert math.isnan(found.of("new2").strength)
    assert found.uneven is not None
    assert found.uneven.beyond_chance


def test_what_is_no_score_is_told_with_its_row_and_column(tmp_path):
    long = csv(tmp_path / "long.csv", "item_id,system,mark", [("1", "a", 0.5), ("1", "b", "good")])
    with pytest.raises(InputError, match=r"long\.csv: row 2, column 'mark': 'good' is no score"):
        jk.stand(long, columns={"score": "mark"})
    wide = csv(tmp_path / "wide.csv", "item,a,b", [("1", 0.5, 0.2), ("2", 0.1, "x"), ("3", 0.1, 1)])
    with pytest.raises(InputError, match=r"wide\.csv: row 2, column 'b': 'x' is no score.*--column"):
        jk.stand(wide)
    with pytest.raises(InputError, match=r"wide\.csv: row 1, column 'a': '0.5' is not on the scale"):
        jk.stand(wide, scale="0-1")


def test_scores_that_stand_twice_are_told(tmp_path):
    rows = scores()
    assert jk.stand(csv(tmp_path / "s.csv", "item_id,system,score", rows)).notes == ()
    [note] = jk.stand(csv(tmp_path / "s.csv", "item_id,system,score", [*rows, rows[0]])).notes
    assert note == "1 score of an item, a system and a rater that had one: they count by their mean"


def test_shares_of_missing_answers_are_of_answers_and_not_of_comparisons():
    x = np.random.default_rng(3).normal(size=(6, 40)).round(3)
    x[2, :12] = math.nan
    by_pairs, by_scores = jk.stand(x, model="bradley-terry", b=0), jk.stand(x)

    assert by_pairs.of("2").n == 5 * 28
    assert (by_pairs.of("2").answers, by_pairs.of("2").n_missing) == (28, 12)
    assert by_pairs.uneven == by_scores.uneven
    assert "30% of 2" in warning(by_pairs)
    assert "30% of 2" in warning(by_scores)


VOTES = [
    ("a", "b", "model_a"), ("b", "a", "tie"), ("b", "a", "model_b"), ("a", "b", "tie (bothbad)"),
    ("c", "a", "right"), ("c", "b", "b"), ("c", "b", "left"), ("a", "c", ""), ("a", "c", "c"),
    ("a", "a", "left"),
]  # fmt: skip


def test_votes_read_at_once_are_those_of_verdicts_one_by_one(tmp_path):
    rows = [(f"q{i // 2}", *vote) for i, vote in enumerate(VOTES)]
    path = csv(tmp_path / "votes.csv", "question_id,model_a,model_b,winner", rows)
    side = {
        "model_a": "first",
        "left": "first",
        "model_b": "second",
        "right": "second",
        "b": "second",
        "c": "second",
    }
    said = []
    for q, a, b, w in rows:
        if w and a != b:
            label = side.get(w, "tie")
            said.append(Verdict("v", Unit(q, (a, b)), "vote", ((label, 1.0),), label, 0.5, shown=(a, b)))

    found, plain = (
        jk.stand(path, order=True, prior=0.1, b=100),
        jk.standing.bradley_terry(said, order=True, prior=0.1, b=100),
    )

    assert [(p.system, p.n, p.won, p.strength) for p in found.places] == [
        (p.system, p.n, p.won, pytest.approx(p.strength)) for p in plain.places
    ]
    assert found.order_effect.value == pytest.approx(plain.order_effect.value)
    assert found.of("c").missing == {"missing": 1}
    assert found.n_dropped == 2
    assert [p.low for p in found.places] == pytest.approx([p.low for p in plain.places])


def test_a_vote_for_nobody_is_refused(tmp_path):
    with pytest.raises(InputError, match="a vote is 'neither'"):
        jk.stand(csv(tmp_path / "v.csv", "model_a,model_b,winner", [("a", "b", "neither")]))
    with pytest.raises(InputError, match="row 2: the winner is neither"):
        jk.stand(
            csv(
                tmp_path / "v.csv",
                "model_a,model_b,winner",
                [("a", "b", "a"), ("a", "b", "c"), ("c", "b", "c")],
            )
        )


def test_scores_of_a_run_and_its_file_are_tables(tmp_path):
    def graded(call):
        [name] = call.shown
        label = 1 + (int(call.item.item_id) + (name == "a") * 2) % 5
        return json.dumps({"label": str(label)})

    rubric = {
        "id": "r",
        "criteria": [{"id": "good", "text": "Good?", "scale": {"labels": ["1", "2", "3", "4", "5"]}}],
    }
    items = [
        {
            "id": str(i),
            "task": "Hi",
            "responses": {"a": "x", "b": "y"},
            "tags": {"topic": "even" if i % 2 == 0 else "odd"},
        }
        for i in range(40)
    ]
    run = jk.score(items, rubric, jk.Scripted("j", graded), ledger=None)
    run.save(tmp_path / "run")

    assert jk.stand(tmp_path / "run").method == "1pl"
    found = jk.stand(tmp_path / "run" / "scores.jsonl")
    assert found.method == "two-way, points"
    assert jk.stand(run, model="two-way").places == found.places
    by = jk.stand(run, model="two-way", by="topic").profile
    assert set(by.standings) == {"even", "odd"}
    assert {s.n_items for s in by.standings.values()} == {20}


CHANCES = {"a": 0.85, "b": 0.6, "c": 0.55, "d": 0.5, "e": 0.45, "f": 0.3}


@pytest.mark.parametrize("model", ["mean", "two-way", "1pl", "2pl", "bradley-terry"])
def test_every_model_has_an_order_of_right_and_wrong(tmp_path, model):
    rng = np.random.default_rng(3)
    rows = [(i, s, int(rng.random() < p)) for i in range(150) for s, p in CHANCES.items()]
    found = jk.stand(csv(tmp_path / "r.csv", "item_id,system,score", rows), model=model, b=100)

    assert found.systems[0] == "a"
    assert found.status == "ok"
    assert found.difference("a", "f").low > 0


def test_a_model_that_does_not_fit_is_refused(tmp_path):
    votes = csv(tmp_path / "v.csv", "model_a,model_b,winner", [("a", "b", "a"), ("a", "b", "b")])
    with pytest.raises(InputError, match="is of scores, and these are comparisons"):
        jk.stand(votes, model="1pl")
    long = csv(tmp_path / "l.csv", "item_id,system,score", [("1", "a", 7), ("1", "b", 8)])
    with pytest.raises(InputError, match="of scores from 0 to 1"):
        jk.stand(long, model="2pl")
    with pytest.raises(InputError, match="no labels of a declared scale"):
        jk.stand(long, model="1pl")
    with pytest.raises(InputError, match="there are auto, mean, two-way"):
        jk.stand(long, model="rasch")
    with pytest.raises(InputError, match="hand in runs, or one table"):
        jk.stand(long, votes)
    with pytest.raises(InputError, match="judge and criterion are of runs"):
        jk.stand(long, judge="j")
    with pytest.raises(InputError, match="no item has such a tag"):
        jk.stand(long, by="topic")


LONG, ARENA = "item_id,system,score", "model_a,model_b,winner"
NO_PAIRS, NOT_IDENTIFIED = "undefined:no_paired_items", "undefined:not_identified"
DEGENERATE = {
    "one_system": (LONG, [(i, "a", 0.5) for i in range(30)], NO_PAIRS),
    "one_item": (LONG, [("1", "a", 0.5), ("1", "b", 0.6)], "undefined:too_few"),
    "all_right": (LONG, [(i, s, 1) for i in range(30) for s in "abc"], "undefined:no_variation"),
    "halves": (
        LONG, [(i, s, 0.1 * i + (s in "ac")) for i in range(30) for s in ("ab", "cd")[i % 2]], NOT_IDENTIFIED
    ),
    "no_pair": (LONG, [(f"{s}{i}", s, 0.01 * i) for i in range(30) for s in "ab"], NO_PAIRS),
    "all_abstained": (LONG, [(i, s, "") for i in range(30) for s in "ab"], NO_PAIRS),
    "nan_and_inf": (LONG, [(i, s, "inf" if i else "nan") for i in range(30) for s in "ab"], NO_PAIRS),
    "never_lost": (ARENA, [("a", "b", "a")] * 9, NOT_IDENTIFIED),
    "no_vote": (ARENA, [("a", "b", "")] * 9, NO_PAIRS),
    "wide_empty": ("item,a,b", [("1", "", "")], NO_PAIRS),
}  # fmt: skip


ANSWERED = {"mean": {"no_pair", "halves", "all_right"}, "bradley-terry": {"all_right"}}
"""What plain means say of different items, and what ties say."""


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("model", ["auto", "mean", "bradley-terry"])
def test_what_is_degenerate_has_a_status_and_no_number(tmp_path, name, model):
    head, rows, status = DEGENERATE[name]
    if model == "mean" and head == ARENA:
        pytest.skip("comparisons have no mean")
    found = jk.stand(csv(tmp_path / "t.csv", head, rows), model=model, b=50)

    if model == "auto":
        assert found.status == status
    if model == "auto" or name not in ANSWERED[model]:
        assert found.status.startswith("undefined")
        assert all(math.isnan(p.strength) and p.rank_low is None for p in found.places)
        assert not found.apart.any()
    else:
        assert not found.status.startswith("undefined")
    assert found.letters.keys() == set(found.systems)


def test_names_of_any_script_and_many_systems_on_few_items(tmp_path):
    rng = np.random.default_rng(4)
    names = ["système", "модель", "模型", "🤖 bot", *(f"s{i}" for i in range(55))]
    rows = [(f"prüfung {i}", s, round(rng.random(), 3)) for i in range(13) for s in names]
    found = jk.stand(csv(tmp_path / "u.csv", "item_id,system,score", rows))

    assert set(found.systems) == set(names)
    assert found.status == "unstable:few_clusters"
    assert found.told_apart[0] < 59 * 58 / 2 * 0.05  # nothing but noise
    assert len(found.groups[0]) > 20


def test_a_profile_says_spiky_only_beyond_noise(tmp_path):
    rng = np.random.default_rng(5)
    skill = {"a": 0.6, "b": 0.5, "c": 0.4, "d": 0.3}

    def rows(spike):
        made = []
        for i in range(240):
            topic = ("maths", "law", "art")[i % 3]
            ease = rng.normal(0, 0.1)
            for s, level in skill.items():
                gain = spike if s == "d" and topic == "art" else 0.0
                made.append((i, s, round(level + ease + gain + rng.normal(0, 0.1), 4), topic))
        return csv(tmp_path / "p.csv", "item_id,system,score,topic", made)

    flat = jk.stand(rows(0.0), by="topic").profile
    assert flat.spiky == ()
    spiky = jk.stand(rows(0.6), by="topic").profile
    assert ("art", "d") in spiky.spiky
    assert spiky.moved["art", "d"] == 1 - jk.stand(tmp_path / "p.csv").of("d").rank


def test_a_confidence_that_is_none_is_refused_and_each_error_names_one_thing(tmp_path):
    path = csv(tmp_path / "s.csv", "item_id,system,score", scores())
    for level in (2.0, 0.0, math.nan):
        with pytest.raises(InputError, match="a confidence lies between 0 and 1"):
            jk.stand(path, level=level)
    with pytest.raises(InputError, match=r"not 'bar'$"):
        jk.stand(path, model="bradley-terry", ties="bar")
    with pytest.raises(InputError, match=r"not negative, as -1\.0 is"):
        jk.stand(path, model="bradley-terry", prior=-1.0)

"""A standing against people's: tau, halves, families, decisiveness; and the page and files of a standing."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import betainc
from scipy.stats import kendalltau

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.report.standing import figures, lead, standing_csv, standing_json, warning
from judgekit.standing.orders import family_shift, half_agreement, judge_tilt, order_tau, row_taus
from judgekit.standing.scores import two_way

TREC = Path(__file__).parents[3] / "shared" / "data" / "trec_dl2023"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def table(path, rows, head="item_id,system,score"):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def noisy(n=8, j=50, *, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return np.linspace(1, 0, n)[:, None] + rng.normal(0, 0.3, j) + rng.normal(0, noise, (n, j))


def test_taus_of_rows_are_kendalls():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (20, 9)).astype(float), rng.integers(0, 5, (20, 9)).astype(float)

    assert row_taus(a, b) == pytest.approx([kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)])
    assert math.isnan(row_taus(np.ones((1, 4)), a[:1, :4])[0])


def test_the_tau_of_two_standings_has_an_interval_and_a_reference():
    x = noisy()
    ours, trusted = two_way(x[:, :30]), two_way(x[:, 30:])
    found = order_tau(ours, trusted, [str(i) for i in range(8)])

    wanted = kendalltau(x[:, :30].mean(axis=1), x[:, 30:].mean(axis=1)).statistic
    assert found.value == pytest.approx(wanted)
    assert found.low < found.value
    assert (found.interval, found.n_used) == ("percentile", 8)
    halves = half_agreement(lambda part: x[:, part].mean(axis=1), 50, 30, splits=50)
    assert "30 items against 20" in halves.method
    assert 0.5 < halves.value < 1
    few = half_agreement(lambda part: x[:, part].mean(axis=1), 3, 0)
    assert few.status == "undefined:too_few"
    assert order_tau(ours, trusted, ["0"]).status == "undefined:too_few"


def test_a_family_that_gains_ranks_is_found_and_chance_is_not():
    people = {f"s{i}": float(-i) for i in range(20)}
    judge = {s: v + (6 if s in {"s8", "s12", "s16", "s19"} else 0) for s, v in people.items()}

    favoured = family_shift(judge, people, ["s8", "s12", "s16", "s19"], name="own")
    other = family_shift(people, people, ["s1", "s2"])

    assert favoured.shift > 5
    assert favoured.p < 0.01
    assert (other.shift, other.p) == (0.0, 1.0)
    assert favoured == family_shift(judge, people, ["s8", "s12", "s16", "s19"], name="own")
    with pytest.raises(InputError, match="no system 'gpt'"):
        family_shift(judge, people, ["gpt"])
    with pytest.raises(InputError, match="some are not"):
        family_shift(judge, people, list(people))


def test_decisiveness_and_bias_are_those_that_were_planted():
    rng = np.random.default_rng(1)
    n = 8
    people = rng.uniform(0.1, 0.9, (n, n))
    people = np.where(np.tri(n, k=-1) > 0, 1 - people.T, people)
    np.fill_diagonal(people, np.nan)
    judged = betainc(2.5, 2.5, np.nan_to_num(people, nan=0.5))
    biased = judged.copy()
    biased[0] += 0.05
    biased[:, 0] -= 0.05

    plain = judge_tilt(judged, people, [str(i) for i in range(n)])
    tilted = judge_tilt(biased, people, [str(i) for i in range(n)])

    assert plain.decisiveness == pytest.approx(2.5, abs=1e-3)
    assert max(map(abs, plain.bias.values())) < 1e-4
    assert max(tilted.bias, key=tilted.bias.get) == "0"
    assert tilted.bias["0"] == pytest.approx(0.05, abs=0.01)
    assert math.isnan(judge_tilt(np.full((2, 2), np.nan), np.full((2, 2), np.nan), "ab").decisiveness)


def test_comparisons_are_held_against_scores_of_people(tmp_path):
    rng = np.random.default_rng(2)
    skill = dict(zip("abcd", (1.5, 0.5, -0.5, -1.5), strict=True))
    votes = []
    for i in range(400):
        one, other = rng.choice(list("abcd"), 2, replace=False)
        wins = rng.random() < 1 / (1 + math.exp(skill[other] - skill[one]))
        votes.append((f"q{i // 2}", one, other, "model_a" if wins else "model_b"))
    people = [(i, s, round(0.2 * skill[s] + rng.normal(0, 0.1), 3)) for i in range(40) for s in "abcd"]
    found = jk.stand(
        table(tmp_path / "v.csv", votes, "question_id,model_a,model_b,winner"), b=100,
        against=table(tmp_path / "p.csv", people), families={"first": ["a", "b"]},
    )  # fmt: skip

    assert found.against.tau.value == 1.0
    assert found.against.trusted.unit == "points"
    assert found.against.shifts[0].shift == 0.0
    assert found.against.tilt.decisiveness < 1  # people's scores tell each pair apart, votes do not
    with pytest.raises(InputError, match="two that both have are needed"):
        jk.stand(tmp_path / "v.csv", b=50, against=table(tmp_path / "q.csv", [(1, "x", 1), (1, "a", 2)]))
    with pytest.raises(InputError, match="say against="):
        jk.stand(tmp_path / "v.csv", b=50, families={"first": ["a"]})
    turned = jk.stand(tmp_path / "p.csv", against=tmp_path / "v.csv").against
    assert turned.tau.value == 1.0
    assert turned.halves.value > 0.5


def test_a_report_is_a_page_a_table_and_json_of_the_same_numbers(tmp_path, capsys):
    rng = np.random.default_rng(3)
    rows = [
        (i, s, round(0.5 + gain + rng.normal(0, 0.1), 3), ("even", "odd")[i % 2])
        for i in range(60) for s, gain in (("<b>new</b>", 0.2), ("old", 0.0), ("mid", 0.19))
    ]  # fmt: skip
    rows = [r for r in rows if not (r[1] == "old" and r[0] % 3 == 0)]
    scores = table(tmp_path / "s.csv", rows, "item_id,system,score,topic")
    page = tmp_path / "standing.html"

    assert (
        run("stand", scores, "--by", "topic", "--against", scores, "--family", "f=old", "--report", page) == 0
    )
    shown = capsys.readouterr()
    data = json.loads((tmp_path / "standing.json").read_text(encoding="utf-8"))
    with (tmp_path / "standing.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    text = page.read_text(encoding="utf-8")
    found = jk.stand(scores, by="topic", against=scores, families={"f": ["old"]})

    assert [row["system"] for row in listed] == [p["system"] for p in data["places"]] == list(found.systems)
    for row, place, own in zip(listed, data["places"], found.places, strict=True):
        assert float(row["strength"]) == place["strength"] == own.strength
        assert (row["groups"], int(row["missing"])) == (place["groups"], own.n_missing)
        assert f"{own.strength:.3f}" in text
        assert f"{own.strength:.3f}" in shown.out
    assert data["against"]["tau"]["value"] == 1.0
    assert set(data["profile"]["standings"]) == {"even", "odd"}
    assert (data["told_apart"], data["pairs"]) == found.told_apart == (2, 3)
    assert data["uneven"]["beyond_chance"] is True
    assert "answers are missing unevenly" in warning(found)
    assert warning(found)[1:] in text
    assert warning(found) in shown.out
    assert lead(found) in shown.out
    assert "Not told apart: &lt;b&gt;new&lt;/b&gt;, mid" in text or "Not told apart: mid, &lt;b&gt;" in text
    assert "<b>new" not in text
    assert text.count("<svg") == 2
    assert '<th scope="col">system</th>' in text
    assert '<th scope="col" class="n">strength</th>' in text  # as the numbers below it stand
    assert run("stand", scores, "--report", tmp_path / "s.txt") == 2
    assert run("stand", scores, "--report", scores.with_suffix(".html")) == 2  # s.csv stands beside it


def test_why_answers_are_missing_is_told_of_scores_and_a_lost_vote_is_one(tmp_path, capsys):
    rows = [(i, s, "" if (i, s) == (3, "b") else round(0.3 + i / 50 + gain, 3)) for i in range(30)
            for s, gain in (("a", 0.1), ("b", 0.0 if i % 2 else 0.02))]  # fmt: skip
    assert run("stand", table(tmp_path / "s.csv", rows)) == 0
    assert "59 scores, 1 without one (1 missing)" in capsys.readouterr().out
    votes = [(i, "a", "b", ("first", "second", "first")[i % 3]) for i in range(30)]
    votes[4] = (4, "a", "b", "")
    assert run("stand", table(tmp_path / "v.csv", votes, "item_id,first,second,label")) == 0
    assert "29 comparisons, 1 without a verdict\n" in capsys.readouterr().out


def test_figures_show_each_number_of_the_standing():
    x = noisy(5, 40, noise=0.1)
    x[0, :15] = math.nan
    found = two_way(x, systems=["a", "b", "c", "d", "e"])
    forest, bump = figures(found)

    assert [row[0] for row in forest.rows] == list(found.systems)
    assert [row[2] for row in forest.rows] == [p.strength for p in found.places]
    places = {row[0]: row[1:3] for row in bump.rows}
    assert sorted(mean for mean, _ in places.values()) == [1, 2, 3, 4, 5]
    assert [places[s][1] for s in found.systems] == [1, 2, 3, 4, 5]


def test_what_has_no_order_is_said_and_written_as_nulls(tmp_path, capsys):
    alone = table(tmp_path / "one.csv", [(i, "a", 0.5) for i in range(9)])

    assert run("stand", alone, "--report", tmp_path / "page.html") == 1
    assert "status: undefined:no_paired_items" in capsys.readouterr().out
    found = jk.stand(alone)
    assert standing_json(found)["places"][0]["strength"] is None
    assert "unknown" not in standing_csv(found)
    assert "No order can be told" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_all_right_is_a_bound_in_words_and_files(tmp_path, capsys):
    rng = np.random.default_rng(4)
    rows = [
        (i, s, 1 if s == "top" else int(rng.random() < 0.5)) for i in range(40) for s in ("top", "x", "y")
    ]
    right = table(tmp_path / "r.csv", rows)

    assert run("stand", right) == 0
    assert "at least" in capsys.readouterr().out
    assert run("stand", right, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    top = next(p for p in data["places"] if p["system"] == "top")
    assert (top["strength"], top["high"], top["rank"], top["rank_low"]) == (None, None, 1, None)


def test_synthetic_queries_order_runs_as_a_second_set_of_people_s_would(tmp_path, capsys):
    """TREC DL 2023 (SynDL): the headline tau of the paper, with both family shifts."""
    file = TREC / "all.pass.dl2023.ndcgeval"
    if not file.exists():
        pytest.skip(f"no file of runs at {file}")
    rows = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    kept = [(r[2], r[0], r[3]) for r in rows if r[1] == "ndcg_cut_10" and r[2].isdigit()]
    human = table(tmp_path / "human.csv", [r for r in kept if int(r[0]) < 3_000_000])
    made = table(tmp_path / "made.csv", [r for r in kept if int(r[0]) >= 3_000_000])
    gpt = table(tmp_path / "gpt.csv", [r for r in kept if int(r[0]) >= 3_100_000])
    with (TREC / "metadata_models.csv").open(encoding="utf-8") as meta:
        known = {r[1] for r in kept}
        rows = [r for r in csv.DictReader(meta, delimiter="\t") if r["run_id"] in known]
    models = {row["run_id"]: row["LLM"] for row in rows}
    own = ",".join(name for name, model in models.items() if "GPT" in model)

    assert run("stand", made, "--against", human, "--seed", 0) == 0
    assert "Kendall's tau-b 0.8487 [" in capsys.readouterr().out
    found = jk.stand(made, against=human).against
    assert found.tau.value == pytest.approx(0.8487394957983193, abs=1e-9)
    assert (found.tau.low, found.tau.high) == pytest.approx((0.727, 0.888), abs=0.01)
    assert found.halves.value == pytest.approx(0.81, abs=0.01)
    assert run("stand", gpt, "--against", human, "--family", f"gpt={own}", "--json") == 0
    [shift] = json.loads(capsys.readouterr().out)["against"]["shifts"]
    assert (shift["shift"], shift["p"]) == (pytest.approx(-0.1224, abs=1e-3), pytest.approx(0.94, abs=0.02))
    t5 = table(tmp_path / "t5.csv", [r for r in kept if 3_000_000 <= int(r[0]) < 3_100_000])
    families = {"t5": [name for name, model in models.items() if "T5" in model]}
    shift = jk.stand(t5, against=human, families=families).against.shifts[0]
    assert (shift.shift, shift.p) == (pytest.approx(0.8007, abs=1e-3), pytest.approx(0.34, abs=0.02))


def test_the_public_bank_of_gim_has_its_published_error():
    file = TREC.parent / "gim_bank" / "irt_params.json"
    if not file.exists():
        pytest.skip(f"no bank at {file}")
    text = json.loads(file.read_text(encoding="utf-8"))
    items = next(v for v in text.values() if isinstance(v, list | dict) and len(v) > 600)
    listed = list(items.values()) if isinstance(items, dict) else items
    a, b = (
        [each.get(k, each.get(long)) for each in listed]
        for k, long in (("a", "discrimination"), ("b", "difficulty"))
    )

    _, se, n = jk.standing.gim_ability(a, b, [0.5] * len(a), sigma=text.get("sigma", 2.53))

    assert n == 615
    assert sum(x * x for x in a) == pytest.approx(1278.403, abs=1e-3)
    assert se == pytest.approx(0.07077, abs=5e-5)

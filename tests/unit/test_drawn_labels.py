"""Labels drawn by chance: the weights come from the sheet through the answers into the audit."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.review import drawn, make_sheet, pick, read_answers, route, write_sheet
from judgekit.rubric import load_rubric
from judgekit.types import Abstention, Item, Unit, Verdict, weight_of

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
N = 2000
rng = np.random.default_rng(7)
P = rng.beta(0.5, 0.5, N).clip(0.01, 0.99)  # mostly sure, and too kind:
TRUE = rng.random(N) < P * 0.7
RUN = [
    Verdict("j", Unit(str(i), ("r",)), "polite", (("no", 1 - p), ("yes", p)), "yes" if p > 0.5 else "no", p)
    for i, p in enumerate(P.tolist())
]
ITEMS = [Item(str(i), f"Task {i}", {"r": f"Answer {i}"}) for i in range(N)]


def labels_of(cases):
    return [
        Verdict(
            "ann", case.unit, "polite", ((word, 1.0),), word, float(word == "yes"), source="human",
            flags=(f"picked:{case.why}" if case.weight is None else f"weight:{case.weight!r}",),
        )
        for case in cases
        for word in ["yes" if TRUE[int(case.unit.item_id)] else "no"]
    ]  # fmt: skip


def audited(cases, **options):
    found = jk.agree([*RUN, *labels_of(cases)], rubric=TONE, b=50, **options)
    [judge] = found.criteria[0].judges
    return judge


def kappa_of_all():
    said = ["yes" if p > 0.5 else "no" for p in P]
    true = ["yes" if t else "no" for t in TRUE]
    return jk.agreement.kappa(list(zip(said, true, strict=True)), scale=["no", "yes"]).value


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def test_alike_chances_draw_as_many_as_asked_and_every_unit_as_often():
    counts = np.zeros(40)
    for seed in range(400):
        cases = drawn(RUN[:40], budget=10, seed=seed)
        assert [case.weight for case in cases] == [4.0] * 10
        counts[[int(case.unit.item_id) for case in cases]] += 1
    assert counts.sum() == 4000
    assert np.abs(counts - 100).max() < 5 * np.sqrt(400 * 0.25 * 0.75)


def test_chances_of_their_own_are_larger_where_judges_are_unsure_and_are_kept():
    counts, weights = np.zeros(40), np.zeros(40)
    for seed in range(400):
        for case in drawn(RUN[:40], budget=10, even=0.5, seed=seed):
            counts[int(case.unit.item_id)] += 1
            weights[int(case.unit.item_id)] = case.weight
    assert counts.sum() == pytest.approx(4000, rel=0.05)
    chances = 1 / weights
    assert np.abs(counts - 400 * chances).max() < 5 * np.sqrt(400 * 0.25)
    unsure = np.minimum(P[:40], 1 - P[:40])
    assert np.corrcoef(chances, unsure)[0, 1] > 0.9


def test_all_criteria_of_a_drawn_unit_are_asked():
    both = [*RUN[:10], *(Verdict("j", o.unit, "short", o.probs, o.label, o.value) for o in RUN[:10])]

    cases = drawn(both, budget=4)

    assert len(cases) == 4
    assert len({case.unit for case in cases}) == 2
    assert {case.weight for case in cases} == {5.0}


def test_what_nobody_answered_may_be_drawn_too():
    lost = [Abstention("j", Unit(str(i)), "polite", "refused") for i in range(3)]

    assert len(drawn(lost, budget=1.0)) == 3


@pytest.mark.parametrize("options", [{"budget": 0}, {"even": 0}, {"even": 1.5}])
def test_a_draw_that_cannot_be_is_refused(options):
    with pytest.raises(InputError, match="both are above 0, and even is at most 1"):
        drawn(RUN, **options)


@pytest.mark.parametrize("even", [1.0, 0.5])
def test_the_audit_of_drawn_labels_is_about_all_that_was_judged(even):
    kappas, inside = [], 0
    for seed in range(8):
        judge = audited(drawn(RUN, budget=300, even=even, seed=seed))
        kappas.append(judge.main.value)
        inside += judge.level.low <= TRUE.mean() <= judge.level.high
        assert judge.level.status == "ok"
    assert np.mean(kappas) == pytest.approx(kappa_of_all(), abs=0.06)
    assert inside >= 7  # of 8 at 95 %
    assert P.mean() - TRUE.mean() > 0.1  # what the judge alone would say


def test_labels_picked_by_hand_beside_drawn_ones_are_refused():
    people = labels_of(drawn(RUN, budget=50))
    other = next(o for o in RUN if o.unit not in {each.unit for each in people})
    picked = Verdict("ann", other.unit, "polite", (("yes", 1.0),), "yes", 1.0, source="human")

    with pytest.raises(InputError, match="drawn by chance and others, as of item"):
        jk.agree([*RUN, *people, picked], rubric=TONE)


def test_weights_stand_in_the_key_and_not_in_the_sheet(tmp_path):
    cases = drawn(RUN, budget=20, even=0.5, seed=1)
    sheet = make_sheet(cases, ITEMS, load_rubric(TONE))
    html, table, key = write_sheet(sheet, tmp_path)
    rows = list(csv.DictReader(table.open(newline="", encoding="utf-8")))
    for row in rows:
        row["label"] = "yes"
    with (tmp_path / "filled.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)

    people = read_answers(tmp_path / "filled.csv", key, annotator="ann")

    assert {o.unit: weight_of(o) for o in people} == {case.unit: case.weight for case in cases}
    assert "weight" not in html.read_text(encoding="utf-8").replace("font-weight", "")
    assert "weight" not in table.read_text(encoding="utf-8")


def test_the_commands_carry_the_weights_to_the_audit(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [{"id": str(i), "task": f"Task {i}", "response": f"Answer {i}"} for i in range(400)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "tone.json").write_text(json.dumps(TONE), encoding="utf-8")
    judge = jk.Scripted("j", lambda call: "yes" if P[int(call.item.item_id)] > 0.5 else "no")
    run = jk.score(rows, TONE, judge, ledger=None)
    run.save("results")

    options = ["--items", "items.jsonl", "-r", "tone.json", "--out", "sheet"]
    assert (
        command("review", "export", "results/outcomes.jsonl", *options, "--by", "chance", "--budget", 100)
        == 0
    )
    asked = list(csv.DictReader((tmp_path / "sheet" / "sheet.csv").open(newline="", encoding="utf-8")))
    assert len(asked) == 100
    key = json.loads((tmp_path / "sheet" / "key.json").read_text(encoding="utf-8"))["questions"]
    for row in asked:
        row["label"] = "yes" if TRUE[int(key[row["question"]]["item_id"])] else "no"
    with (tmp_path / "filled.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, asked[0])
        table.writeheader()
        table.writerows(asked)
    answers = ["filled.csv", "--key", "sheet/key.json", "--annotator", "ann"]
    assert command("review", "import", *answers, "--out", "people.jsonl") == 0
    assert (
        command("review", "import", *answers, "--outcomes", "results/outcomes.jsonl", "--out", "both.jsonl")
        == 0
    )
    capsys.readouterr()

    found = []
    sources = (["results/outcomes.jsonl", "--labels", "people.jsonl"], ["both.jsonl"])
    for source in (*sources, ["results", "--labels", "people.jsonl"]):
        assert command("agree", *source, "-r", "tone.json", "--json", "--resamples", 50) == 0
        found.append(json.loads(capsys.readouterr().out)["criteria"][0]["judges"][0])
    assert found[0]["main"] == found[1]["main"] == found[2]["main"]
    there = jk.agree(run, labels="people.jsonl", rubric=TONE, b=50).criteria[0].judges[0]
    assert there.main.value == pytest.approx(found[0]["main"]["value"])
    assert "1/pi" not in found[0]["main"]["method"]  # of chances that are alike there is nothing to weigh
    assert found[0]["level"]["status"] == "ok"
    assert found[0]["level"]["low"] <= TRUE[:400].mean() <= found[0]["level"]["high"]
    assert command("review", "export", "results", *options, "--by", "chanse") == 2
    assert "'chance'" in capsys.readouterr().err


def test_unless_told_otherwise_chance_draws_what_people_are_asked():
    assert pick(RUN[:50], budget=10, seed=3) == drawn(RUN[:50], budget=10, seed=3)


def test_a_rule_picks_half_and_chance_draws_the_rest_with_weights_that_stand_for_all():
    cases = pick(RUN, by="uncertain", budget=60, seed=1)
    picked, lots = cases[:30], cases[30:]

    assert [case.unit for case in picked] == [case.unit for case in route(RUN, by="uncertain", budget=30)]
    assert {(case.weight, case.why) for case in picked} == {(1.0, "uncertain")}
    assert {(case.weight, case.why) for case in lots} == {(round((N - 30) / 30, 12), "chance")}
    assert len({case.unit for case in cases}) == 60
    assert sum(case.weight for case in cases) == pytest.approx(N)
    assert pick(RUN, by="uncertain", budget=60, even=0) == route(RUN, by="uncertain", budget=60)
    with pytest.raises(InputError, match=r"even=1.5: a share of the budget from 0 to 1"):
        pick(RUN, by="uncertain", even=1.5)


def test_doubtful_answers_alone_mislead_and_with_a_drawn_half_they_stand_for_all():
    options = {"by": "uncertain", "budget": 300}
    alone = audited(pick(RUN, **options, even=0))
    half = [audited(pick(RUN, **options, seed=seed)).main.value for seed in range(8)]

    assert alone.main.value < kappa_of_all() - 0.2
    assert np.mean(half) == pytest.approx(kappa_of_all(), abs=0.06)


def test_how_answers_were_chosen_goes_with_the_labels():
    def chosen(people):
        made = jk.agree([*RUN, *people], rubric=TONE, b=50)
        return made.criteria[0].labelled, made.notes

    drawn_ones = labels_of(pick(RUN, budget=40))
    picked = labels_of(pick(RUN, by="uncertain", budget=40, even=0))
    plain = [replace(label, flags=()) for label in drawn_ones]

    assert (chosen(drawn_ones)[0].chosen, chosen(drawn_ones)[0].weights) == ("random", None)
    assert chosen(labels_of(pick(RUN, by="uncertain", budget=40)))[0].chosen == "weighted"
    assert chosen(picked)[0].chosen == "picked by uncertain"
    assert chosen(plain)[0].chosen == ""
    for others in (drawn_ones, plain):
        own = [label for label in picked if label.unit not in {other.unit for other in others}]
        lab, notes = chosen([*others, *own])
        assert len(lab.units) == 40
        assert (
            f"{len(own)} labels are of answers picked by uncertain, on which judges may well be" in notes[0]
        )
        assert notes[0].endswith("so they are left out of what is said of all")

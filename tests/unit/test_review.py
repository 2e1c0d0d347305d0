import csv
import json
import math
from dataclasses import replace

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.review import join, make_sheet, read_answers, route, write_sheet
from judgekit.review.route import Case
from judgekit.rubric import Rubric
from judgekit.types import Abstention, Item, Unit, Verdict

SCALE = {"labels": ["no", "yes"], "cannot_tell": "cannot tell"}
RUBRIC = Rubric(
    id="r",
    criteria=[
        {
            "id": "clear",
            "text": "Is it clear?",
            "scale": {"labels": ["no", "yes"], "cannot_tell": "cannot tell"},
        },
        {"id": "long", "text": "How long?", "scale": "0-100"},
    ],
)
ITEMS = [Item(str(n), f"Task {n}", {"x": f"first answer {n}", "y": f"second answer {n}"}) for n in range(20)]


def said(rater, unit, label, value, *, criterion="clear", mass=1.0, shown=()):
    return Verdict(rater, unit, criterion, ((label, 1.0),), label, value, mass=mass, shown=shown)


def test_the_pair_that_changes_with_the_order_is_routed_first():
    steady, torn = Unit("1", ("x", "y")), Unit("2", ("x", "y"))
    outcomes = [
        said("j", steady, "first", 1.0),
        said("j", steady, "first", 1.0),
        said("j", torn, "first", 1.0),
        said("j", torn, "second", 0.0),
    ]

    [case] = route(outcomes, by="entropy", budget=1 / 2)

    assert (case.unit, case.priority) == (torn, pytest.approx(math.log(2)))


def test_what_no_judge_answered_comes_before_everything():
    torn, lost = Unit("1", ("x",)), Unit("2", ("x",))
    outcomes = [
        said("a", torn, "yes", 1.0),
        said("b", torn, "no", 0.0),
        Abstention("a", lost, "clear", "refused"),
    ]

    assert [case.unit for case in route(outcomes, by="disagreement", budget=2)] == [lost, torn]


def test_low_mass_and_nearness_are_rules_too():
    sure, unsure = Unit("1", ("x",)), Unit("2", ("x",))
    outcomes = [said("a", sure, "yes", 0.9, mass=0.99), said("a", unsure, "yes", 0.45, mass=0.4)]

    assert route(outcomes, by="low_mass", budget=1)[0].unit == unsure
    assert route(outcomes, by="near", threshold=0.85, budget=1)[0].unit == sure


def test_what_a_cascade_left_to_a_person_is_routed_first():
    torn, left = Unit("1", ("x",)), Unit("2", ("x",))
    outcomes = [said("a", torn, "yes", 1.0), said("b", torn, "no", 0.0)]
    outcomes += [
        replace(said("a", left, "yes", 1.0), flags=("escalated",)),
        Abstention("person", left, "clear", "undecided"),
    ]

    [case] = route(outcomes, budget=0.5)

    assert (case.unit, case.why) == (left, "no verdict")


def test_a_persons_own_verdicts_do_not_route():
    unit = Unit("1", ("x",))
    human = Verdict("ann", unit, "clear", (("yes", 1.0),), "yes", 1.0, source="human")

    [case] = route([human], budget=1)

    assert case.why == "no verdict"


@pytest.mark.parametrize(("options", "message"), [({"by": "x"}, "no rule 'x'"), ({"budget": 0}, "budget=0")])
def test_an_unknown_rule_or_an_empty_budget_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        route([], **options)


def pair_cases():
    return [Case(Unit(item.item_id, ("x", "y")), "clear", 1.0, "entropy") for item in ITEMS]


def test_the_sheet_shows_neither_verdict_nor_who_wrote_what(tmp_path):
    html, table, _ = write_sheet(make_sheet(pair_cases(), ITEMS, RUBRIC, seed=3), tmp_path)

    for text in (html.read_text(), table.read_text()):
        assert "first answer 7" in text
        assert '"x"' not in text
        assert "entropy" not in text
        assert "swapped" not in text


def test_the_order_of_pairs_is_drawn_and_undone():
    sheet = make_sheet(pair_cases(), ITEMS, RUBRIC, seed=3)
    first_shown = [entry["shown"][0] for entry in sheet.key.values()]

    assert {"x", "y"} == set(first_shown)
    assert make_sheet(pair_cases(), ITEMS, RUBRIC, seed=3) == sheet


def test_answers_come_back_as_annotators_verdicts_on_the_items_own_order(tmp_path):
    sheet = make_sheet(pair_cases(), ITEMS, RUBRIC, seed=3)
    _, _, key = write_sheet(sheet, tmp_path)
    answers = [{"question": q, "label": "A", "note": "clearer"} for q in sheet.key]
    saved = tmp_path / "answers.json"
    saved.write_text(json.dumps({"sheet": sheet.digest, "annotator": "ann", "answers": answers}))

    outcomes = read_answers(saved, key)

    assert len(outcomes) == len(ITEMS)
    for outcome, entry in zip(outcomes, sheet.key.values(), strict=True):
        assert (outcome.rater, outcome.source) == ("ann", "human")
        assert outcome.label == ("first" if entry["shown"][0] == "x" else "second")


def test_each_annotator_has_an_order_of_their_own_and_the_csv_records_the_sides(tmp_path):
    sheet = make_sheet(pair_cases(), ITEMS, RUBRIC, seed=3)
    _, _, key = write_sheet(sheet, tmp_path, annotators=["ann", "bob b."])
    left = {}
    for who, name in (("ann", "sheet-ann.csv"), ("bob b.", "sheet-bob_b_.csv")):
        filled(tmp_path / name, label="A", annotator=who)
        outcomes = read_answers(tmp_path / name, key)
        assert {o.rater for o in outcomes} == {who}
        assert all(o.label == ("first" if o.shown[0] == "x" else "second") for o in outcomes)
        rows = list(csv.DictReader((tmp_path / name).open(encoding="utf-8", newline="")))
        for row, outcome in zip(rows, outcomes, strict=True):  # the left one is the one that was shown left
            word = {"x": "first", "y": "second"}[outcome.shown[0]]
            assert f"[Response A]\n{word} answer" in row["texts"]
        left[who] = [(o.unit.item_id, o.shown[0]) for o in outcomes]

    assert [item for item, _ in left["ann"]] != [item for item, _ in left["bob b."]]
    assert 3 <= len(set(left["ann"]) & set(left["bob b."])) <= 17  # of 20 pairs, about half on the same sides
    assert 3 <= sum(side == "x" for _, side in left["ann"]) <= 17


def test_sides_that_were_changed_by_hand_and_names_of_one_file_are_refused(tmp_path):
    sheet = make_sheet(pair_cases(), ITEMS, RUBRIC, seed=3)
    _, table, key = write_sheet(sheet, tmp_path)
    filled(table, label="A", shown="left")

    with pytest.raises(InputError, match=r"question q1: shown is 'left'"):
        read_answers(table, key)
    with pytest.raises(InputError, match=r"annotator 'b b': sheet-b_b\.csv is no file"):
        write_sheet(sheet, tmp_path, annotators=["b.b", "b b"])


def test_a_filled_csv_is_read_as_well(tmp_path):
    cases = [Case(Unit("1", ("x",)), "clear", 1.0, "near"), Case(Unit("2", ("x",)), "long", 1.0, "near")]
    _, table, key = write_sheet(make_sheet(cases, ITEMS, RUBRIC), tmp_path)
    rows = list(csv.DictReader(table.read_text().splitlines(keepends=True)))
    for row in rows:
        row["annotator"], row["label"] = "bo", "cannot tell" if "clear" in row["criterion"] else "62.5"
    with table.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)

    by_criterion = {outcome.criterion: outcome for outcome in read_answers(table, key)}

    assert by_criterion["clear"].reason == "undecided"
    assert (by_criterion["long"].label, by_criterion["long"].value) == ("62.5", 0.625)


def test_answers_that_carry_their_questions_need_no_key(tmp_path, capsys):
    sheet = make_sheet(pair_cases(), ITEMS, RUBRIC, seed=3)
    _, _, key = write_sheet(sheet, tmp_path)
    answers = [{"question": q, "label": "B", "shown": "BA", "note": ""} for q in sheet.key]
    saved = tmp_path / "answers.json"
    bare = {"sheet": sheet.digest, "annotator": "ann", "answers": answers}
    saved.write_text(json.dumps(bare | {"questions": sheet.key}))

    outcomes = read_answers(saved)

    assert len(outcomes) == len(ITEMS)
    assert outcomes == read_answers(saved, key)
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["review", "import", str(saved), "--out", str(tmp_path / "labels.jsonl")])
    assert f"{len(ITEMS)} answers" in capsys.readouterr().out
    saved.write_text(json.dumps(bare))
    with pytest.raises(InputError, match=r"answers\.json: does not say what its questions are about"):
        read_answers(saved)


def test_a_key_that_lacks_what_a_question_is_about_is_refused(tmp_path):
    sheet = make_sheet(pair_cases(), ITEMS, RUBRIC)
    _, _, key = write_sheet(sheet, tmp_path)
    cut = json.loads(key.read_text())
    del cut["questions"]["q7"]["scale"]
    key.write_text(json.dumps(cut))

    with pytest.raises(InputError, match=r"question 'q7' of the key lacks one of"):
        read_answers(tmp_path / "sheet.csv", key)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sheet": "other"}, "answers to sheet 'other'"),
        ({"annotator": ""}, "nobody signed it"),
        (
            {"answers": [{"question": "q1", "label": "maybe"}]},
            "'maybe' is not on the scale; there are no, yes",
        ),
        ({"answers": [{"question": "q99", "label": "yes"}]}, "no question 'q99'"),
        ({"answers": [{"question": "q1", "label": "yes"}] * 2}, "answered twice by 'ann'"),
    ],
)
def test_answers_that_do_not_fit_are_refused_by_name(tmp_path, change, message):
    sheet = make_sheet([Case(Unit("1", ("x",)), "clear", 1.0, "near")], ITEMS, RUBRIC)
    _, _, key = write_sheet(sheet, tmp_path)
    good = {"sheet": sheet.digest, "annotator": "ann", "answers": [{"question": "q1", "label": "yes"}]}
    saved = tmp_path / "answers.json"
    saved.write_text(json.dumps(good | change))

    with pytest.raises(InputError, match=message):
        read_answers(saved, key)


def filled(table, **cells):
    """Fills a CSV in as a spreadsheet does: every row gets these cells."""
    with table.open(newline="", encoding="utf-8") as read:
        rows = list(csv.DictReader(read))
    with table.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"annotator": "bo"} | cells for row in rows)


def test_the_label_0_of_a_saved_file_is_an_answer(tmp_path):
    rubric = Rubric(id="r", criteria=[{"id": "errors", "text": "How few errors?", "scale": "0-3"}])
    sheet = make_sheet([Case(Unit("1", ("x",)), "errors", 1.0, "near")], ITEMS, rubric)
    _, _, key = write_sheet(sheet, tmp_path)
    answers = [{"question": "q1", "label": 0, "note": 0}]
    saved = tmp_path / "answers.json"
    saved.write_text(json.dumps({"sheet": sheet.digest, "annotator": 0, "answers": answers}))

    [outcome] = read_answers(saved, key)

    assert (outcome.label, outcome.value, outcome.rationale, outcome.rater) == ("0", 0.0, "0", "0")


@pytest.fixture
def narrow_fields():
    """The csv module's own limit, which is global, as a new process has it."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("narrow_fields")
def test_a_sheet_of_a_long_response_comes_back(tmp_path):
    item = Item("1", "t", {"x": "long " * 36_000})
    sheet = make_sheet([Case(Unit("1", ("x",)), "clear", 1.0, "near")], [item], RUBRIC)
    _, table, key = write_sheet(sheet, tmp_path)
    csv.field_size_limit(1 << 20)
    filled(table, label="yes")
    csv.field_size_limit(131_072)

    assert [o.label for o in read_answers(table, key)] == ["yes"]


def test_a_line_separator_in_a_note_ends_no_row(tmp_path):
    sheet = make_sheet([Case(Unit("1", ("x",)), "clear", 1.0, "near")], ITEMS, RUBRIC)
    _, table, key = write_sheet(sheet, tmp_path)
    filled(table, label="yes", note="so\u2028and so")

    assert [o.rationale for o in read_answers(table, key)] == ["so\u2028and so"]


def test_a_quote_that_is_not_closed_is_an_error_and_swallows_no_answer(tmp_path):
    cases = [Case(Unit(n, ("x",)), "clear", 1.0, "near") for n in "12"]
    _, table, key = write_sheet(make_sheet(cases, ITEMS, RUBRIC), tmp_path)
    filled(table, label="yes", note="END")
    table.write_text(table.read_text().replace("END", '"so', 1))

    with pytest.raises(InputError, match=r"sheet.csv: is not CSV"):
        read_answers(table, key)


def test_an_audit_of_answers_that_were_picked_says_of_what_it_speaks(tmp_path):
    kind = Rubric(id="kind", criteria=[{"id": "kind", "text": "Is it kind?"}])
    run = jk.score(ITEMS, kind, [lambda _: "yes", jk.Scripted("no", lambda _: "no")], ledger=None)
    cases = route(run.outcomes, by="disagreement", budget=1.0)
    sheet = make_sheet(cases, ITEMS, kind)
    table, key = write_sheet(sheet, tmp_path)[1:]
    filled(table, label="yes", annotator="ann")

    people = read_answers(table, key)
    audit = jk.agree([*run.outcomes, *people], rubric=kind, b=20)

    assert {outcome.flags for outcome in people} == {("picked:disagreement",)}
    assert any(
        note.startswith(f"{len(people)} labels are of answers picked by disagreement") for note in audit.notes
    )


def test_an_unknown_way_to_join_is_refused():
    with pytest.raises(InputError, match="how='replac'; did you mean 'replace'"):
        join([], [], how="replac")


def test_people_replace_judges_only_where_they_gave_a_verdict():
    one, two = Unit("1", ("x",)), Unit("2", ("x",))
    judges = [said("j", one, "no", 0.0), said("j", two, "no", 0.0)]
    human = Verdict("ann", one, "clear", (("yes", 1.0),), "yes", 1.0, source="human")
    passed = Abstention("ann", two, "clear", "undecided")

    assert [(o.rater, o.unit.item_id) for o in join(judges, [human, passed], how="replace")] == [
        ("j", "2"),
        ("ann", "1"),
        ("ann", "2"),
    ]
    assert len(join(judges, [human, passed])) == 4


def test_a_cell_never_starts_a_formula(tmp_path):
    item = Item("1", "=1+1", {"x": "=cmd|' /C calc'!A0"})
    sheet = make_sheet([Case(Unit("1", ("x",)), "clear", 1.0, "near")], [item], RUBRIC)
    _, table, _ = write_sheet(sheet, tmp_path)

    for row in csv.reader(table.read_text().splitlines(keepends=True)):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_of_two_scores_a_reply_people_get_the_pair_whose_votes_disagree_most(tmp_path):
    """FairEval's human share: what `review export --by entropy` picks."""
    rows = [{"id": str(i), "task": f"Task {i}", "responses": {"x": "one", "y": "two"}} for i in range(5)]
    items = tmp_path / "items.jsonl"
    items.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def scores(call):  # of the fourth item whichever is shown first has more, of the others always x
        lean = call.item.item_id == "3" or call.shown[0] == "x"
        return json.dumps({"rationale": "", "A": 8 if lean else 4, "B": 4 if lean else 8})

    run = jk.compare(items, None, jk.Scripted("j", scores), recipe="faireval", ledger=None)
    run.save(tmp_path / "results")
    arguments = ["--items", str(items), "--rubric", "pair_quality", "--out", str(tmp_path / "sheet")]
    arguments += ["--by", "entropy"]
    with pytest.raises(SystemExit) as left:
        main(["review", "export", str(tmp_path / "results" / "outcomes.jsonl"), *arguments])

    key = json.loads((tmp_path / "sheet" / "key.json").read_text(encoding="utf-8"))["questions"]
    assert left.value.code == 0
    assert [(each["item_id"], each["responses"]) for each in key.values()] == [("3", ["x", "y"])]

"""Labels as people have them: every kind of file, and one clear message for each thing that goes wrong."""

import json

import pandas as pd
import pytest

from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.items import read_items
from judgekit.verbs.agree import agree

LABELS = [
    {
        "item_id": str(i),
        "rater": who,
        "label": "yes" if (i + (who == "bob")) % 3 else "no",
        "topic": "t" + str(i % 2),
    }
    for i in range(12)
    for who in ("ann", "bob")
]
JUDGE = [{"item_id": str(i), "rater": "gpt", "label": "yes" if i % 3 else "no"} for i in range(12)]


def changed(row: int, **cells: object) -> list[dict[str, object]]:
    return [{**each, **cells} if i == row else dict(each) for i, each in enumerate(LABELS)]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "json", "frame", "rows"])
def test_labels_of_every_kind_give_the_same(kind, tmp_path):
    frame = pd.DataFrame(LABELS)
    path = tmp_path / f"labels.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif kind == "parquet":
        frame.to_parquet(path)
    elif kind == "json":
        path.write_text(json.dumps(LABELS))
    source = {"frame": frame, "rows": LABELS}.get(kind, path)

    made = agree(JUDGE, labels=source, scale=["no", "yes"], by=["topic"], b=50)

    lab = made.criteria[0].labelled
    assert (lab.ratings.n_units, lab.people, lab.judges) == (12, ("ann", "bob"), ("gpt",))
    assert set(lab.groups["topic"]) == {"t0", "t1"}
    assert made.criteria[0].judges[0].main.n_used == 12


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (changed(3, label="maybe"), r"row 4: label 'maybe' is not on the scale of 'label': no, yes"),
        ([*LABELS, LABELS[0]], r"row 25: 'ann' labels item '0'.* twice; before at items: row 1"),
        (
            [{**each, "item_id": "x" + each["item_id"]} for each in LABELS],
            r"both judged and labelled; labels are about 'x0/response' \(.*row 1\), .* verdicts about '0/",
        ),
        (
            [{**each, "item_id": "0" + str(each["item_id"])} for each in LABELS],
            r"row 1: item '00' was not judged, '0' was; an item_id must be spelled the same in both",
        ),
        (
            [{**each, "label": each["rater"], "rater": each["label"]} for each in LABELS],
            "label 'ann' is not on the scale, rater 'no' is; have the columns 'label' and 'rater' changed",
        ),
        ([{"item_id": each["item_id"], "label": each["label"]} for each in LABELS], "no column 'rater'"),
        ([], "there are no labels in it"),
        (changed(0, weight="heavy"), "row 1: weight 'heavy' is no number"),
        (changed(0, weight=-1), "row 1: weight -1; a weight is above 0"),
        (
            [*changed(0, cluster="c1"), {**LABELS[0], "rater": "cy", "cluster": "c2"}],
            "row 25: cluster 'c2' for item '0'",
        ),
        (changed(0, rater="gpt"), "'gpt' is a judge and a person at once"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_row(labels, message):
    with pytest.raises(InputError, match=message):
        agree(JUDGE, labels=labels, scale=["no", "yes"], b=50)


def test_labels_of_what_was_not_judged_are_left_out_and_the_first_named():
    more = [{"item_id": "x" + each["item_id"], "rater": "cy", "label": "no"} for each in LABELS[::2]]

    made = agree(JUDGE, labels=[*LABELS, *more], scale="no,yes", b=50)

    assert made.criteria[0].labelled.dropped["labelled, not judged"] == 12
    assert any("12, such as 'x0/response' (" in note and "row 25" in note for note in made.notes)


def test_two_spellings_that_were_both_labelled_are_two_items():
    judged = [*JUDGE, {"item_id": "x", "rater": "gpt", "label": "no"}]
    labels = [*LABELS, *({"item_id": each, "rater": "ann", "label": "no"} for each in ("x", "X"))]

    made = agree(judged, labels=labels, scale="no,yes", b=50)

    assert made.criteria[0].labelled.ratings.n_units == 13


def test_a_pair_turned_round_is_named_and_not_dropped():
    judged = [
        {"item_id": str(i), "rater": "gpt", "first": "a", "second": "b", "label": "A"} for i in range(3)
    ]
    labels = [{**each, "rater": "ann"} for each in judged]
    labels[1] |= {"first": "b", "second": "a"}

    with pytest.raises(InputError, match=r"row 2: the pair 1/b vs a was judged as a vs b; have the columns"):
        agree(judged, labels=labels, b=50)


def test_a_scale_that_is_not_declared_is_asked_for():
    with pytest.raises(InputError, match="declare the scale"):
        agree(JUDGE, labels=LABELS)
    with pytest.raises(InputError, match="scale '9': scale '9' is not yes_no, a range"):
        agree(JUDGE, labels=LABELS, scale="9")


def test_a_frame_of_units_by_raters_is_audited_as_it_is():
    frame = pd.DataFrame({"gpt": [1, 2, 3, 3], "ann": [1, 2, 3, 4], "bob": [1, 2, None, 4]})

    made = agree(frame, scale="1-4", judge="gpt", b=50)

    assert made.criteria[0].judges[0].main.name == "cohen_kappa_quadratic"
    assert made.criteria[0].double_labelled == 3


def test_labels_without_responses_are_joined_by_item_where_each_was_judged_once():
    judged = [{**each, "response_id": "a"} for each in JUDGE]

    made = agree(judged, labels=LABELS, scale=["no", "yes"], b=50)

    assert made.criteria[0].labelled.ratings.n_units == 12
    assert any("joined by item" in note for note in made.notes)


def test_a_criterion_that_nobody_labelled_is_left_out_and_said():
    judged = [{**each, "criterion": c} for each in JUDGE for c in ("kind", "clear")]
    labels = [{**each, "criterion": "kind"} for each in LABELS]

    made = agree(judged, labels=labels, scale="no,yes", b=50)

    assert [c.criterion for c in made.criteria] == ["kind"]
    assert made.notes == ("criterion 'clear': 12 verdicts and nothing to compare them with, left out",)


def test_items_give_lengths_systems_and_tags():
    rows = [
        {"item_id": str(i), "task": "t", "response_id": "r", "response": "x" * (i + 1), "system": f"s{i % 2}",
         "tags": {"topic": str(i % 2)}}
        for i in range(12)
    ]  # fmt: skip
    judged = [{**each, "response_id": "r"} for each in JUDGE]

    made = agree(judged, labels=LABELS, scale="no,yes", items=read_items(rows), by=["topic"], b=50)

    lab = made.criteria[0].labelled
    assert lab.lengths is not None
    assert lab.lengths.tolist() == [float(i + 1) for i in range(12)]
    assert lab.systems[1] == ("s1",)
    assert lab.groups["topic"][1] == "1"


def files(tmp_path, labels=LABELS):
    judge, people = tmp_path / "judge.jsonl", tmp_path / "labels.jsonl"
    judge.write_text("".join(json.dumps(row) + "\n" for row in JUDGE))
    people.write_text("".join(json.dumps(row) + "\n" for row in labels))
    return [str(judge), "--labels", str(people), "--scale", "no,yes", "--resamples", "50"]


def run(arguments):
    with pytest.raises(SystemExit) as left:
        main(["agree", *arguments])
    return left.value.code


def test_the_command_prints_a_table_and_writes_three_files(tmp_path, capsys):
    code = run([*files(tmp_path), "--report", str(tmp_path / "out" / "report.html")])

    shown = capsys.readouterr().out
    assert code == 0
    assert "gpt on label, to decide on single items: INSUFFICIENT EVIDENCE" in shown
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["report.html", "report.json", "report.md"]


def test_the_command_prints_json_that_is_strict(tmp_path, capsys):
    def no_constants(name: str) -> None:
        raise AssertionError(name)

    assert run([*files(tmp_path), "--json"]) == 0
    made = json.loads(capsys.readouterr().out, parse_constant=no_constants)
    assert made["criteria"][0]["judges"][0]["judge"] == "gpt"


def test_a_bound_not_met_is_exit_code_1_and_bad_input_2(tmp_path, capsys):
    assert run([*files(tmp_path), "--require", "gate=human_in_the_loop"]) == 1
    assert (
        "gpt on label: gate is INSUFFICIENT EVIDENCE, HUMAN IN THE LOOP is required"
        in capsys.readouterr().err
    )
    assert run([*files(tmp_path), "--require", "gate=insufficient evidence"]) == 0
    assert run([*files(tmp_path), "--require", "taste=trust"]) == 2
    assert run(files(tmp_path, changed(3, label="maybe"))) == 2
    assert "labels.jsonl:4: label 'maybe' is not on the scale" in capsys.readouterr().err

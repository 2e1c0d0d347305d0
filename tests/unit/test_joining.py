"""Verdicts and labels side by side: however they are handed in, they say the same."""

import pandas as pd
import pytest

from judgekit.errors import InputError
from judgekit.items import read_items
from judgekit.recordings import ingest
from judgekit.rubric import load_rubric
from judgekit.types import Abstention
from judgekit.verbs.joining import join

N = 12
RUBRIC = load_rubric(
    {
        "id": "r",
        "criteria": [
            {"id": "kind", "text": "Is it kind?", "scale": "1-5"},
            {"id": "clear", "text": "Is it clear?", "scale": "1-5"},
        ],
    }
)


def graded(rater, step):
    """Grades of two criteria; what a row says is in it under our names."""
    return [
        {
            "item_id": f"i{n}", "response_id": "a", "rater": rater, "label": (n + n // step) % 5 + 1,
            "criterion": criterion, "sample": 0, "cluster": f"c{n // 2}", "weight": 1 + n % 2, "length": n,
            "system": "s", "topic": f"t{n % 3}",
        }
        for n in range(N)
        for criterion in ("kind", "clear")
    ]  # fmt: skip


def compared(rater, step):
    """Pairs, every other one shown in the other order, with A and B about the order shown."""
    return [
        {
            "item_id": f"i{n}", "first": "x", "second": "y", "rater": rater,
            "shown": "swapped" if n % 2 else "given", "label": "AB"[(n + n // step) % 2],
        }
        for n in range(N)
    ]  # fmt: skip


def renamed(rows, column):
    return [{("theirs" if name == column else name): value for name, value in row.items()} for row in rows]


def handed_in(rows, kind, tmp_path):
    frame = pd.DataFrame(rows)
    if kind == "csv":
        frame.to_csv(tmp_path / "labels.csv", index=False)
    return {"rows": rows, "frame": frame, "csv": tmp_path / "labels.csv"}[kind]


def plain(data):
    """All that matters of a join, to be compared."""
    return [
        (
            each.criterion, each.ratings.raters, each.units, each.ratings.codes.tolist(), dict(each.groups),
            each.systems, None if each.weights is None else each.weights.tolist(),
            None if each.lengths is None else each.lengths.tolist(),
            None if each.ratings.clusters is None else each.ratings.clusters.tolist(),
        )
        for each in data
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["rows", "frame", "csv"])
@pytest.mark.parametrize("column", list(graded("ann", 7)[0]))
def test_a_column_of_grades_may_have_another_name_in_every_kind_of_source(column, kind, tmp_path):
    options = {"rubric": RUBRIC, "by": ["topic"]}
    usual, *_ = join(graded("gpt", 5), graded("ann", 7), **options)
    theirs = handed_in(renamed(graded("ann", 7), column), kind, tmp_path)

    found, *_ = join(graded("gpt", 5), theirs, columns={column: "theirs"}, **options)

    assert plain(found) == plain(usual)
    assert [len(each.units) for each in found] == [N, N]


@pytest.mark.parametrize("kind", ["rows", "frame", "csv"])
@pytest.mark.parametrize("column", list(compared("ann", 7)[0]))
def test_a_column_of_pairs_may_have_another_name_in_every_kind_of_source(column, kind, tmp_path):
    usual, *_ = join(compared("gpt", 5), compared("ann", 7), labels_about="shown")
    theirs = handed_in(renamed(compared("ann", 7), column), kind, tmp_path)

    found, *_ = join(compared("gpt", 5), theirs, columns={column: "theirs"}, labels_about="shown")

    assert plain(found) == plain(usual)


@pytest.mark.parametrize("kind", ["rows", "frame", "csv"])
def test_that_labels_are_about_pairs_is_seen_under_another_name(kind, tmp_path):
    bare = [{name: row[name] for name in ("item_id", "rater", "label")} for row in compared("gpt", 5)]
    labels = [{**row, "rater": "ann", "one": "first", "two": "second"} for row in bare]

    [found], *_ = join(bare, handed_in(labels, kind, tmp_path), columns={"first": "one", "second": "two"})

    assert found.ratings.labels == ("second", "tie", "first")


@pytest.mark.parametrize("kind", ["rows", "frame", "csv"])
def test_criteria_are_found_under_another_name_where_no_rubric_names_them(kind, tmp_path):
    theirs = handed_in(renamed(graded("ann", 7), "criterion"), kind, tmp_path)
    judged = ingest(graded("gpt", 5), RUBRIC)[::2]  # kind alone

    [found], notes, _ = join(judged, theirs, scale="1-5", columns={"criterion": "theirs"})

    assert (found.criterion, len(found.units)) == ("kind", N)
    assert notes == [f"criterion 'clear': {N} labels and nothing to compare them with, left out"]


@pytest.mark.parametrize("outcomes", [True, False])
def test_sources_that_can_be_read_once_lose_no_row(outcomes):
    judged = list(ingest(graded("gpt", 5), RUBRIC)) if outcomes else graded("gpt", 5)
    labels = graded("ann", 7)
    usual, _, said = join(judged, labels, rubric=RUBRIC)

    found, _, said_of_iterators = join(iter(judged), (row for row in labels), rubric=RUBRIC)

    assert plain(found) == plain(usual)
    assert (said["outcomes read"], said["labels read"]) == (str(2 * N), str(2 * N))
    assert said_of_iterators == said


def test_what_people_could_not_tell_is_counted_where_it_stands_among_the_verdicts():
    people = list(ingest(graded("ann", 7), RUBRIC, people=True))
    people[0] = Abstention("ann", people[0].unit, "kind", "undecided")

    [kind, clear], *_ = join([*ingest(graded("gpt", 5), RUBRIC), *people], None, rubric=RUBRIC)

    assert (len(kind.units), kind.dropped["people could not tell"]) == (N - 1, 1)
    assert (len(clear.units), clear.dropped["people could not tell"]) == (N, 0)


def test_lengths_that_labels_state_come_before_those_of_the_responses():
    items = read_items(
        [{"id": f"i{n}", "task": "t", "response_id": "a", "response": "too long"} for n in range(N)]
    )

    [kind, _], *_ = join(graded("gpt", 5), graded("ann", 7), rubric=RUBRIC, items=items)

    assert kind.lengths is not None
    assert kind.lengths.tolist() == list(range(N))


def test_labels_that_name_no_response_are_not_joined_by_item_where_an_item_has_two():
    judged = [*graded("gpt", 5), {**graded("gpt", 5)[0], "response_id": "b"}]
    labels = [{name: row[name] for name in ("item_id", "rater", "label", "criterion")} for row in judged]

    with pytest.raises(InputError, match="no unit was both judged and labelled"):
        join(judged, [{**row, "rater": "ann"} for row in labels[:-1]], rubric=RUBRIC)

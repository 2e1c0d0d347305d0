import json
import re
from pathlib import Path

import pytest

from judgekit.errors import InputError
from judgekit.rubric import Rubric, load_rubric
from judgekit.rubric.files import parse_text
from judgekit.rubric.load import parse, read_mapping

KIND = {"id": "kind", "text": "Is it kind?"}


def refusal(**criterion: object) -> str:
    """What is said of a rubric with this one criterion."""
    with pytest.raises(InputError) as caught:
        parse({"id": "r", "criteria": [KIND | criterion]}, "r.yaml")
    return str(caught.value)


def written(folder: Path, text: str, name: str = "r.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({"wieght": 2}, "r.yaml: criteria[0] ('kind').wieght: unknown key; did you mean 'weight'?"),
        ({"scale": {"labels": ["a", "b"], "valeus": [0, 1]}}, "did you mean 'values'?"),
        (
            {"weight": 0},
            "r.yaml: criteria[0] ('kind'): criterion 'kind' has weight 0, so it could not move the score; ",
        ),
        (
            {"scale": [False, True]},
            "criteria[0] ('kind').scale[0]: False is a bool, not text; put it in quotes",
        ),
        ({"scale": [1.1, 1.2]}, "criteria[0] ('kind').scale[0]: 1.1 is a float, not text; put it in quotes"),
        (
            {"scale": "1-5", "anchors": {6: "x"}},
            "criterion 'kind' has an anchor for '6', which is not on its scale (1, 2, 3, 4, 5)",
        ),
        ({"scale": "1:5"}, "scale '1:5' is not yes_no, a range such as 1-5, or a list of labels"),
        ({"scale": ["yes", "YES "]}, "labels 'yes' and 'YES' read the same"),
        ({"scale": ["yes"]}, "criteria[0] ('kind').scale: needs at least 2, has 1"),
        ({"scale": {"low": 5, "high": 1}}, "low 5 is not below high 1"),
        ({"scale": {"low": 5}}, "criteria[0] ('kind').scale.high: is missing"),
        ({"scale": {"points": True}}, "True is a bool, not a number"),
        ({"scale": {"labels": ["a", "b"], "values": [1, 0]}}, "their values cannot fall: [1.0, 0.0]"),
        ({"weight": True}, "criteria[0] ('kind').weight: True is a bool, not a number"),
        ({"weight": "much"}, "criteria[0] ('kind').weight: must be a number, found 'much'"),
        ({"weight": float("nan")}, "must be a finite number, found nan"),
        ({"gate": 2}, "criteria[0] ('kind').gate: Input should be less than or equal to 1, found 2"),
        ({"text": "  "}, "criteria[0] ('kind').text: is empty"),
        ({"text": 5}, "criteria[0] ('kind').text: must be text, found 5"),
        ({"about": "responce"}, "'pair' or 'step', found 'responce'"),
    ],
)
def test_a_faulty_criterion_is_refused_with_place_and_remedy(criterion: dict[str, object], message: str):
    assert message in refusal(**criterion)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"id": "r", "criteria": []}, "r.yaml: criteria: is empty"),
        ({"id": "r"}, "r.yaml: criteria: is missing"),
        ({"id": "r", "criteria": "kind"}, "r.yaml: criteria: must be a list, found 'kind'"),
        (
            {"id": "r", "criteria": ["kind"]},
            "r.yaml: criteria[0]: must be a mapping, as in {id: kind, text: \"Is it kind?\"}, found 'kind'",
        ),
        ({"id": True, "criteria": [KIND]}, "r.yaml: id: True is a bool, not text; put it in quotes"),
        ({"id": "r", "critera": [KIND]}, "critera: unknown key; did you mean 'criteria'?"),
        ({"id": "r", "criteria": [KIND], "x": 1}, "r.yaml: x: unknown key; known are id, version, "),
        ({"id": "r", "criteria": [KIND, KIND]}, "r.yaml: two criteria have the id 'kind'; rename one"),
        (
            {"id": "r", "criteria": [{"id": "g", "criteria": [KIND], "scale": "1-5"}]},
            "criteria[0] ('g').scale: unknown key; known are id, criteria, weight, text",
        ),
    ],
)
def test_a_faulty_rubric_is_refused_with_place_and_remedy(raw: dict[str, object], message: str):
    with pytest.raises(InputError) as caught:
        parse(raw, "r.yaml")

    assert message in str(caught.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(InputError) as caught:
        parse({"criteria": [{"id": "a"}, {"id": "b", "text": "t", "weigth": 1}]}, "r.yaml")

    assert str(caught.value).count("; ") >= 2
    for part in ("id: is missing", "criteria[0] ('a').text: is missing", "criteria[1] ('b').weigth"):
        assert part in str(caught.value)


def test_in_yaml_no_and_yes_are_words(tmp_path: Path):
    path = written(tmp_path, "id: r\ncriteria: [{id: a, text: t, scale: [no, yes]}, {id: on, text: off}]")

    rubric = load_rubric(path)

    assert rubric.leaves[0].scale.labels == ("no", "yes")
    assert (rubric.leaves[1].id, rubric.leaves[1].text) == ("on", "off")


def test_broken_yaml_names_the_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"r\.yaml: .*line 3"):
        load_rubric(written(tmp_path, "id: r\ncriteria:\n  - [a, b"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.yaml", "id: r\nid: s\n", "line 2, .*key 'id' stands twice"),
        ("r.yaml", "1: a\n1: b\n", "key 1 stands twice"),
        ("r.yaml", "? [a]\n: b\n", "is no name"),
        ("r.json", '{"id": "r", "id": "s"}', "key 'id' stands twice"),
        ("r.json", "{", r"line 1 column 2"),
        ("r.toml", "id = \nx = 1", r"at line 1"),
        ("r.toml", 'id = "r"\nid = "s"\n', "line 2"),
        ("r.yaml", "- a\n- b", "holds a list, not a mapping with 'id' and 'criteria'"),
        ("r.yaml", "", "holds None, not a mapping"),
        ("r.yaml", "a: " + "9" * 5000, "integer string conversion"),
        ("r.json", "[" * 100_000, "recursion|nest"),
    ],
)
def test_an_ill_formed_file_is_refused(tmp_path: Path, name: str, text: str, message: str):
    with pytest.raises(InputError, match=message):
        read_mapping(written(tmp_path, text, name))


def test_a_file_that_is_not_utf8_is_refused_with_the_byte(tmp_path: Path):
    path = tmp_path / "r.yaml"
    path.write_bytes(b"id: caf\xe9")

    with pytest.raises(InputError, match=r"not UTF-8 \(byte 7\); save it as UTF-8"):
        load_rubric(path)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path):
    path = tmp_path / "r.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"id": "r", "criteria": [KIND]}).encode())

    assert load_rubric(path).id == "r"


def test_a_folder_is_no_rubric(tmp_path: Path):
    with pytest.raises(InputError, match="it is a folder"):
        load_rubric(tmp_path)


def test_a_missing_file_is_refused_with_the_nearest_bundled_name():
    with pytest.raises(InputError, match=r"no such file, and no bundled rubric .*did you mean 'peem'"):
        load_rubric("peems")


def test_a_rubric_is_found_by_path_by_name_and_as_it_is(tmp_path: Path):
    by_name = load_rubric("support_reply")
    by_mapping = load_rubric({"id": "r", "criteria": [KIND]})

    assert load_rubric(by_name) is by_name
    assert isinstance(by_mapping, Rubric)
    assert load_rubric(str(written(tmp_path, json.dumps({"id": "r", "criteria": [KIND]})))) == by_mapping


def test_the_rubric_that_the_readme_shows_is_one(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = [block.split("```")[0] for block in readme.split("```yaml\n")[1:]]

    assert [load_rubric(written(tmp_path, text)).id for text in shown] == ["reply"]


def test_rubrics_in_the_readme_and_in_messages_are_written_as_yaml_reads_them():
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    blocks = [block.split("```")[0] for block in readme.split("```yaml\n")[1:]]

    assert blocks
    for block in blocks:
        parse(parse_text(block, ".yaml", "README.md"), "README.md")
    with pytest.raises(InputError) as told:
        load_rubric({"id": "r", "criteria": ["kind"]})
    said = re.search(r"as in (\{.*?\})", str(told.value))
    assert said is not None
    parse({"id": "r", "criteria": [parse_text(said[1], ".yaml", "the message")]}, "the message")

"""Laws of rubrics: the digest is the meaning, spelling is not, and nothing is lost in writing."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, reject, settings
from hypothesis import strategies as st

from judgekit.errors import InputError
from judgekit.rubric import Rubric, load_rubric, to_yaml
from judgekit.rubric.diff import diff
from judgekit.rubric.files import parse_text
from judgekit.rubric.lint import lint
from judgekit.scales import as_name, fold

# Words that some reader of some format takes for something other than text.
TRAPS = [
    "no", "yes", "on", "null", "~", "1", "1.0", "1e5", "0x1f", "012", "2024-01-01", "12:30", "-", "#", "a: b",
    "a #b", "[x]", "{", "'", '"', "`", "<<", "=", "é", "\u200bx", "🙂", "%", "@", "!", "...", "---", "|", ">",
    "? a", "\\", "1_0", ".inf", "true", "+1", "&a", "*a", "\ufeffa",
]  # fmt: skip
LINES = ["a\nb", "a\n\n b", "a\u2028b", "a\x85x", "x\tx", "a\x00b", "a\r\nb", "a \nb"]
names = (
    (st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=9))
    .map(str.strip)
    .filter(bool)
    .map(as_name)
)
plain = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
words = (st.sampled_from(TRAPS + LINES) | plain).filter(lambda text: text.strip() != "")
weights = st.sampled_from([1.0, 2.0, -1.0, 0.1, -0.5, 7.25, 1e-7, 1e17])
unit = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0])


@st.composite
def label_scales(draw: st.DrawFn) -> dict[str, Any]:
    labels = draw(st.lists(names, min_size=2, max_size=5, unique_by=fold))
    cannot_tell = draw(st.none() | names)
    if cannot_tell and fold(cannot_tell) in {fold(label) for label in labels}:
        cannot_tell = None
    values = draw(st.just([]) | st.lists(unit, min_size=len(labels), max_size=len(labels)).map(sorted))
    kind = draw(st.sampled_from(["ordinal", "interval", "nominal"]))
    return {"labels": labels, "values": values, "kind": kind, "cannot_tell": cannot_tell}


number_scales = st.fixed_dictionaries(
    {
        "low": st.sampled_from([0, -1.5, 1]),
        "high": st.sampled_from([2, 10, 100.5]),
        "step": st.sampled_from([None, 0.5, 1]),
    }
)
scales = (
    label_scales()
    | number_scales
    | st.sampled_from(["yes_no", "1-5", "0-10", "0-100", ["no", "yes"], [1, 2, 3]])
)


@st.composite
def criteria(draw: st.DrawFn, own_id: str) -> dict[str, Any]:
    scale = draw(scales)
    raw = {
        "id": own_id,
        "text": draw(words),
        "about": draw(st.sampled_from(["response", "task", "step"])),
        "scale": scale,
        "weight": draw(weights),
        "dimension": draw(st.none() | names),
        "reference": draw(st.none() | words),
        "tags": draw(st.lists(names, max_size=2)),
        "if_undecided": draw(st.sampled_from(["abstain", "skip", "worst", "best"])),
    }
    if isinstance(scale, dict) and "labels" in scale:
        raw["anchors"] = draw(st.dictionaries(st.sampled_from(scale["labels"]), words, max_size=3))
    if draw(st.booleans()):
        raw[draw(st.sampled_from(["gate", "veto"]))] = draw(st.sampled_from([True, 0.25, 1.0]))
    return raw


@st.composite
def rubrics(draw: st.DrawFn) -> dict[str, Any]:
    """A rubric as a file might hold it: one to four criteria, some of them in a group."""
    ids = draw(st.lists(names, min_size=draw(st.integers(2, 5)), max_size=5, unique=True))
    leaves = [draw(criteria(own_id)) for own_id in ids[1:]]
    nodes: list[dict[str, Any]] = leaves
    if grouped := draw(st.integers(0, len(leaves))):
        group = {
            "id": ids[0],
            "weight": draw(weights),
            "text": draw(st.just("") | words),
            "criteria": leaves[:grouped],
        }
        nodes = [group, *leaves[grouped:]]
    return {
        "id": draw(names),
        "version": draw(names),
        "origin": draw(st.just("") | words),
        "guidelines": draw(st.just("") | words),
        "total": draw(st.booleans()),
        "criteria": nodes,
    }


def read(text: str, suffix: str = ".yaml") -> Rubric:
    return load_rubric(parse_text(text, suffix, "test"))


@given(rubrics())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_was_written_reads_back_the_same(raw: dict[str, Any]):
    rubric = load_rubric(raw)

    again = read(to_yaml(rubric))

    assert again == rubric
    assert again.digest == rubric.digest


@given(words, names)
def test_any_text_survives_as_text_and_any_name_as_label(text: str, name: str):
    assume(fold(name))
    made = load_rubric({"id": name, "criteria": [{"id": "a", "text": text, "scale": [name, "zzz-other"]}]})

    assert read(to_yaml(made)) == made


@given(rubrics())
def test_json_reads_like_the_mapping_and_yaml_reads_json(raw: dict[str, Any]):
    rubric = load_rubric(raw)

    assert read(json.dumps(raw), ".json") == rubric
    assert read(rubric.model_dump_json(), ".json").digest == rubric.digest


def toml(raw: dict[str, Any]) -> str:
    """A flat rubric in TOML; JSON's strings, numbers and lists are TOML's too."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in raw.items() if key != "criteria"]
    for criterion in raw["criteria"]:
        lines.append("[[criteria]]")
        lines += [
            f"{key} = {json.dumps(value)}"
            for key, value in criterion.items()
            if not isinstance(value, dict | None)
        ]
        if anchors := criterion.get("anchors"):
            lines += [
                "[criteria.anchors]",
                *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in anchors.items()),
            ]
    return "\n".join(lines)


flat = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["r", "no", "1"]),
        "guidelines": st.text("ab c\n#\"'", max_size=8),
        "criteria": st.lists(
            st.fixed_dictionaries(
                {"id": st.text("abcd", min_size=1, max_size=3), "text": st.text("ab\"'#:", min_size=1)},
                optional={
                    "scale": st.sampled_from(["yes_no", "1-5", "0-100", ["no", "yes"]]),
                    "weight": st.sampled_from([2, -1.5]),
                    "gate": st.booleans(),
                },
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda c: c["id"],
        ),
    }
)


@given(flat)
def test_yaml_json_and_toml_give_the_same_rubric(raw: dict[str, Any]):
    raw["total"] = False  # so that a rubric of gates alone is one too
    rubric = load_rubric(raw)
    assert read(json.dumps(raw)) == rubric  # JSON is YAML
    assert read(json.dumps(raw), ".json") == rubric
    assert read(toml(raw), ".toml") == rubric


SHORT_AND_LONG = [
    ({"scale": "yes_no"}, {"scale": {"labels": ["no", "yes"], "values": [0, 1], "kind": "ordinal"}}),
    ({}, {"scale": ["no", "yes"], "weight": 1, "anchors": {}, "about": "response", "tags": []}),
    ({"scale": "1-3"}, {"scale": [1, "2", 3]}),
    ({"scale": "0-100"}, {"scale": {"low": 0, "high": 100}}),
    ({"scale": {"points": 7}}, {"scale": {"low": 0, "high": 7, "step": 1}, "weight": 7}),
    ({"points": -3}, {"weight": -3.0}),
    ({"gate": True}, {"gate": 0.5, "weight": 0}),
    ({"veto": False, "gate": False}, {}),
    ({"anchors": {1: "low", 2: "high"}}, {"scale": ["1", "2"], "anchors": {"2": "high", "1": "low"}}),
    ({"text": " Is it kind?\n"}, {"text": "Is it kind?"}),
    ({"text": "cafe\u0301"}, {"text": "caf\u00e9"}),
    ({"reference": ""}, {"reference": None}),
]


@pytest.mark.parametrize(("short", "long"), SHORT_AND_LONG)
def test_a_shorthand_means_what_it_stands_for(short: dict[str, Any], long: dict[str, Any]):
    base = {"id": "kind", "text": "Is it kind?"}
    one, two = (load_rubric({"id": "r", "total": False, "criteria": [base | more]}) for more in (short, long))

    assert one.digest == two.digest
    assert diff(one, two) == []


CRITERION_EDITS: list[dict[str, Any]] = [
    {"text": "Something else entirely."},
    {"about": "pair"},
    {"scale": ["worst", "best"], "anchors": {}},
    {"weight": 3.5},
    {"gate": 0.125, "veto": None},
    {"veto": 0.125, "gate": None},
    {"dimension": "a new one"},
    {"reference": "a new one"},
    {"tags": ["a new one"]},
    {"id": "a new one"},
]
RUBRIC_EDITS: list[dict[str, Any]] = [
    {"id": "another"},
    {"version": "another"},
    {"origin": "another"},
    {"guidelines": "another"},
]


def edited(raw: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any]:
    """The rubric with its last criterion edited."""
    nodes = list(raw["criteria"])
    last = nodes[-1]
    if "criteria" in last:
        nodes[-1] = last | {"criteria": [*last["criteria"][:-1], last["criteria"][-1] | edit]}
    else:
        nodes[-1] = last | edit
    return raw | {"criteria": nodes}


@given(rubrics(), st.sampled_from(CRITERION_EDITS))
def test_each_edit_of_a_criterion_moves_the_digest(raw: dict[str, Any], edit: dict[str, Any]):
    old, new = load_rubric(raw), load_rubric(edited(raw, edit))

    assert old.digest != new.digest
    assert any(change.moves_meaning for change in diff(old, new))


@given(rubrics(), st.sampled_from(RUBRIC_EDITS))
def test_only_guidelines_among_these_move_the_digest(raw: dict[str, Any], edit: dict[str, Any]):
    old, new = load_rubric(raw), load_rubric(raw | edit)

    assert (old.digest != new.digest) == ("guidelines" in edit)
    assert [change.field for change in diff(old, new)] == list(edit)


def _siblings(raw: dict[str, Any]) -> dict[str, Any]:
    return raw | {"criteria": raw["criteria"][::-1]}


def _ungrouped(raw: dict[str, Any]) -> dict[str, Any]:
    head, *rest = raw["criteria"]
    return raw | {"criteria": [*head.get("criteria", [head]), *rest]}


def _one_less(raw: dict[str, Any]) -> dict[str, Any]:
    return raw | {"criteria": raw["criteria"][1:] or raw["criteria"]}


def _regrouped(raw: dict[str, Any]) -> dict[str, Any]:
    return raw | {"criteria": [{"id": f"over {raw['criteria'][0]['id']}", "criteria": raw["criteria"]}]}


changes = st.sampled_from(
    [lambda raw: raw, _siblings, _ungrouped, _one_less, _regrouped]
    + [lambda raw, edit=edit: edited(raw, edit) for edit in CRITERION_EDITS]
    + [lambda raw, edit=edit: raw | edit for edit in [*RUBRIC_EDITS, {"total": False}]]
)


@given(rubrics(), st.lists(changes, max_size=3))
@settings(max_examples=200)
def test_some_change_moves_the_meaning_exactly_when_the_digests_differ(raw: dict[str, Any], steps: list[Any]):
    old = load_rubric(raw)
    for step in steps:
        raw = step(raw)
    try:
        new = load_rubric(raw)
    except InputError:  # two steps gave two criteria one id
        reject()
    found = diff(old, new)
    event("differ" if old.digest != new.digest else "same")

    assert any(change.moves_meaning for change in found) == (old.digest != new.digest)
    assert bool(found) == (old != new)


@given(rubrics())
def test_lint_of_what_loads_has_warnings_only(raw: dict[str, Any]):
    assert {finding.level for finding in lint(raw)} <= {"warning"}

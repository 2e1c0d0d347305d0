"""Where nothing was judged, exit code and summary say why; no items are bad input."""

import json
import warnings

import pytest

import judgekit as jk
from judgekit.cli import main

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
ROWS = [{"id": str(n), "task": "Hi", "responses": {"x": f"Hello {n}.", "y": "What?"}} for n in range(4)]
REFERRED = [{"id": str(n), "task": "Hi", "response": "Hello.", "reference": "Hello."} for n in range(4)]
SORRY = "I'm sorry, I can't help with that."
SPEC = 'max_failed = 1.0\nscheme = "{}"\nrubric = "rubric.json"\n'


def sorry(_):
    return SORRY


@pytest.fixture
def command(tmp_path, capsys, monkeypatch):
    """Runs a command over the items in `items.jsonl`; its exit code, and what it wrote to either stream."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rubric.json").write_text(json.dumps(RUBRIC), "utf-8")
    for name, rows in (("items", ROWS), ("referred", REFERRED), ("none", [])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for scheme in ("explicit", "round_robin"):
        (tmp_path / f"{scheme}.toml").write_text(SPEC.format(scheme), "utf-8")

    def ran(*arguments):
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        return left.value.code or 0, capsys.readouterr()

    return ran


JUDGED = [
    ["score", "items.jsonl", "-r", "rubric.json"],
    ["score", "items.jsonl", "-r", "rubric.json", "--protocol", "checklist"],
    ["score", "items.jsonl", "-r", "rubric.json", "--protocol", "select_all"],
    ["compare", "items.jsonl", "-r", "rubric.json"],
    ["rank", "items.jsonl", "-r", "rubric.json"],
    ["match", "referred.jsonl"],
    ["score", "items.jsonl", "--recipe", "faireval"],
    ["score", "items.jsonl", "-r", "rubric.json", "--below", "0.9", "--strong", "control:first"],
]


@pytest.mark.parametrize("verb", JUDGED, ids=" ".join)
def test_a_judge_that_refuses_all_ends_every_verb_with_3_and_its_words(verb, command, serving):
    with serving(text=SORRY) as url:
        if "--strong" in verb:
            verb = [*verb[:-1], f"endpoint:{url}#strong"]
        code, shown = command(*verb, "-j", f"endpoint:{url}#weak", "--ledger", "none", "-q")

    assert code == 3
    assert "nothing was judged" in shown.err
    assert "refused" in shown.err
    assert "judge weak" in shown.err


@pytest.mark.parametrize("verb", [*JUDGED[:6], ["reward", "give"]], ids=" ".join)
def test_no_items_are_bad_input_for_every_verb(verb, command):
    verb = ["none.jsonl" if each in {"items.jsonl", "referred.jsonl"} else each for each in verb]
    if verb[0] == "reward":
        verb += ["none.jsonl", "--spec", "explicit.toml", "--out", "out.jsonl"]

    code, shown = command(*verb, "-j", "control:longer")

    assert code == 2
    assert "none.jsonl: there is nothing in it to judge" in shown.err


@pytest.mark.parametrize(("verb", "scheme"), [("give", "explicit"), ("pairs", "round_robin")])
def test_rewards_that_all_fail_end_with_3_and_the_cause(verb, scheme, command, serving):
    with serving(text=SORRY) as url:
        code, shown = command(
            "reward", verb, "items.jsonl", "--spec", f"{scheme}.toml", "--out", "out.jsonl",
            "-j", f"endpoint:{url}#m",
        )  # fmt: skip

    assert code == 3
    assert "no reward could be given: refused" in shown.err


def test_what_is_not_reached_is_on_the_screen_and_in_the_files(command, tmp_path):
    code, shown = command(
        "score", "items.jsonl", "-r", "rubric.json", "-j", "endpoint:http://127.0.0.1:9/v1#m", "--tries", "1",
        "--ledger", "none", "--out", "results",
    )  # fmt: skip

    said = json.loads((tmp_path / "results" / "run.json").read_text("utf-8"))
    assert code == 3
    assert "8 unreachable: " in shown.out
    assert "127.0.0.1" in shown.err
    assert said["stopped"].startswith("nothing was judged")
    assert said["causes"][0]["abstentions"] == 8


def test_a_cause_of_a_few_among_many_is_told_and_the_run_is_done(command, serving):
    def some(body):
        return SORRY if "Hello" in str(body["messages"]) else '{"label": "yes"}'

    with serving(text=some) as url:
        code, shown = command(
            "score", "items.jsonl", "-r", "rubric.json", "-j", f"endpoint:{url}#m", "--ledger", "none"
        )

    assert code == 0
    assert "judge m: 4 refused: " in shown.out


@pytest.mark.parametrize("verb", [jk.score, jk.compare, jk.rank])
def test_from_python_the_summary_has_the_cause_and_a_warning_says_it_where_the_verb_was_called(verb):
    with pytest.warns(UserWarning, match=r"nothing was judged: .*can't help") as told:
        run = verb(ROWS, RUBRIC, sorry, ledger=None)

    assert told[0].filename == __file__
    assert run.summary["stopped"].startswith("nothing was judged")
    assert "can't help" in str(run)
    assert {(each["judge"], each["reason"]) for each in run.summary["causes"]} == {("sorry", "refused")}


def test_a_stream_says_at_its_end_that_nothing_was_judged():
    with pytest.warns(UserWarning, match="nothing was judged"):
        assert {score.value for score in jk.stream_scores(ROWS, RUBRIC, sorry, ledger=None)} == {None}


def test_a_run_with_one_verdict_is_no_such_run():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = jk.score(ROWS, RUBRIC, lambda call: "no" if call.item.item_id == "3" else SORRY, ledger=None)

    assert run.summary["stopped"] is None
    assert [each["abstentions"] for each in run.summary["causes"]] == [6]


@pytest.mark.parametrize("items", [[], (), iter([])], ids=["list", "tuple", "iterator"])
def test_no_items_from_python_are_bad_input(items):
    with pytest.raises(jk.InputError, match="nothing in it to judge"):
        jk.score(items, RUBRIC, sorry, ledger=None)


def test_an_iterator_of_bad_rows_alone_is_bad_input_that_names_the_first():
    with pytest.raises(jk.InputError, match=r"none of 2 rows can be used; the first: items: row 1"):
        jk.score(iter([{"id": "1"}, {"id": "2"}]), RUBRIC, sorry, ledger=None, on_bad_item="skip")

"""`stand`: systems in order from stored runs, in Python and on the command line."""

import json
import math
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.cli.stand import _share
from judgekit.errors import InputError

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
TWO = {"id": "two", "criteria": [{"id": "polite", "text": "Polite?"}, {"id": "short", "text": "Short?"}]}
SKILL = {"a": 3, "b": 2, "c": 1}
N = 40


def items(n=N, responses=SKILL, systems=None):
    return [
        {"id": str(i), "task": "Hi", "responses": {r: f"{r} says {i}" for r in responses}, **(systems or {})}
        for i in range(n)
    ]


def better(name, *, upset=lambda i: i % 4 == 0, skill=SKILL):
    """A judge that prefers the more skilled of a pair, but for some items."""

    def said(call):
        one, other = call.shown
        turned = upset(int(call.item.item_id))
        return json.dumps({"label": "A" if (skill[one] > skill[other]) != turned else "B"})

    return jk.Scripted(name, said)


@pytest.fixture(scope="module")
def compared():
    return jk.compare(items(), TONE, better("j"), ledger=None)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def test_two_systems_stand_by_the_odds_of_their_wins():
    found = jk.stand(jk.compare(items(responses=["a", "b"]), TONE, better("j"), ledger=None), b=100)

    assert found.difference("a", "b").value == pytest.approx(math.log(30 / 10), abs=1e-6)
    assert [(place.system, place.rank, place.n, place.won) for place in found.places] == [
        ("a", 1, 40, 0.75), ("b", 2, 40, 0.25),
    ]  # fmt: skip
    assert found.interval == "percentile"


def test_orders_and_judges_make_one_comparison_of_a_pair(compared):
    both = jk.compare(items(), TONE, [better("j"), better("k", upset=lambda _: False)], ledger=None)

    assert jk.stand(both, b=0).n_comparisons == jk.stand(compared, b=0).n_comparisons == 3 * N
    assert jk.stand(both, b=0).of("a").won == pytest.approx((0.75 + 1.0) / 2)
    assert jk.stand(both, judge="j", b=0).places == jk.stand(compared, b=0).places


def test_controls_count_only_where_they_are_alone():
    beside = jk.compare(items(), TONE, [better("j"), "control:longer"], ledger=None)
    told = "controls do not count beside judges: control:longer; a judge that is named counts"
    assert told in jk.stand(beside, b=0).notes
    assert told not in jk.stand(beside, judge="j", b=0).notes

    assert jk.stand(beside, b=0).of("a").won == 0.75
    assert jk.stand(beside, judge="control:longer", b=0).of("a").won == 0.5  # all are as long


def test_items_say_who_wrote_a_response(compared):
    who = {"systems": {"a": "new", "b": "old", "c": "old"}}
    found = jk.stand(compared, items=items(systems=who), b=0)

    assert found.systems == ("new", "old")
    assert found.n_dropped == N  # b against c is a system against itself


def test_a_run_of_scores_stands_by_which_response_has_more():
    def graded(call):
        [name] = call.shown
        turned = int(call.item.item_id) % 4 == 0
        return json.dumps({"label": "yes" if (name == "a") != turned else "no"})

    run = jk.score(items(), TONE, jk.Scripted("j", graded), ledger=None)
    found = jk.stand(run, model="bradley-terry", b=50)

    assert found.systems[0] == "a"
    assert found.of("a").won == 0.75
    assert found.difference("b", "c").value == pytest.approx(0.0, abs=1e-9)  # always equal: ties


def test_responses_to_one_item_may_stand_in_several_runs():
    def of(system, label):
        rows = [{"id": str(i), "task": "Hi", "response": "Hello", "system": system} for i in range(8)]
        judge = jk.Scripted("j", lambda call: json.dumps({"label": label(int(call.item.item_id))}))
        return jk.score(rows, TONE, judge, ledger=None)

    one, two = of("x", lambda i: "no" if i == 3 else "yes"), of("y", lambda i: "yes" if i == 3 else "no")

    found = jk.stand(one, two, model="bradley-terry", b=0)
    assert found.difference("x", "y").value == pytest.approx(math.log(7), abs=1e-6)
    assert jk.stand(one, two, model="mean").difference("x", "y").value == pytest.approx(0.75)


def test_of_several_criteria_the_rubrics_score_decides_unless_one_is_named():
    def said(call):
        polite = call.asks[0][1] == "polite"
        worse = call.shown.index("b" if polite else "a")
        turned = int(call.item.item_id) % 4 == 0
        return json.dumps({"label": "AB"[worse if turned else 1 - worse]})

    both = jk.compare(items(responses=["a", "b"]), TWO, jk.Scripted("j", said), per_call=1, ledger=None)

    assert jk.stand(both, b=0).of("a").won == 0.5
    assert jk.stand(both, criterion="polite", b=0).of("a").won == 0.75
    assert jk.stand(both, criterion="short", b=0).of("a").won == 0.25


def test_what_the_first_place_gains_is_fitted_from_each_order():
    def leaning(call):  # a is chosen in 30 of 40 where it is shown first, in 10 of 40 where it is not
        place = call.shown.index("a")
        chosen = (int(call.item.item_id) % 4 == 0) == bool(place)
        return json.dumps({"label": "AB"[place if chosen else 1 - place]})

    run = jk.compare(items(responses=["a", "b"]), TONE, jk.Scripted("j", leaning), ledger=None)
    found = jk.stand(run, order=True, b=0)

    assert found.order_effect.value == pytest.approx(math.log(3), abs=1e-6)
    assert found.difference("a", "b").value == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": "warm"}, "no criterion 'warm' in the runs; there are \\['polite'\\]"),
        ({"judge": "k"}, "no judge 'k' in the runs; there are \\['j'\\]"),
        ({"ties": "third"}, "ties are 'half' or 'davidson'"),
    ],
)
def test_what_is_not_there_is_said(compared, options, message):
    with pytest.raises(InputError, match=message):
        jk.stand(compared, b=0, **options)


def test_what_is_no_run_is_refused(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("item_id,rater,label\n1,ann,yes\n", encoding="utf-8")

    with pytest.raises(InputError, match="hand in the folder that --out wrote"):
        jk.stand(labels)
    with pytest.raises(InputError, match="no run to take a standing from"):
        jk.stand()
    one = [{"id": "1", "task": "Hi", "response": "Hello"}]
    alone = jk.score(one, TONE, jk.Scripted("j", lambda _: '{"label": "yes"}'), ledger=None)
    assert jk.stand(alone).status == "undefined:no_paired_items"


def test_the_command_prints_what_python_gives(compared, tmp_path, capsys):
    folder, out = tmp_path / "results", tmp_path / "standing.json"
    compared.save(folder)

    assert run("stand", folder, "--resamples", 200, "--out", out) == 0
    shown = capsys.readouterr().out
    assert run("stand", folder, "--resamples", 200, "--json") == 0
    printed = json.loads(capsys.readouterr().out)

    found = jk.stand(compared, b=200)
    assert printed == json.loads(out.read_text(encoding="utf-8"))
    assert [place["system"] for place in printed["places"]] == list(found.systems) == ["a", "b", "c"]
    for place, own in zip(printed["places"], found.places, strict=True):
        assert place["strength"] == pytest.approx(own.strength, abs=1e-9)
        assert (place["low"] is None) == math.isnan(own.low)
        assert (place["rank_low"], place["rank_high"]) == (own.rank_low, own.rank_high)
        assert f"{own.strength:.2f}" in shown
    assert "95% intervals by 40 items, 120 comparisons" in shown
    # The outcomes alone are a run of pairs too.
    assert run("stand", folder / "outcomes.jsonl", "--resamples", 200, "--json") == 0
    assert json.loads(capsys.readouterr().out) == printed


def test_a_standing_that_cannot_be_told_is_an_exit_code_and_nulls(tmp_path, capsys):
    always = jk.compare(items(5), TONE, better("j", upset=lambda _: False), ledger=None)
    always.save(tmp_path / "results")

    assert run("stand", tmp_path / "results", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "undefined:not_identified"
    assert {place["strength"] for place in found["places"]} == {None}
    assert run("stand", tmp_path / "results", "--prior", 0.1) == 0
    assert "prior 0.1" in capsys.readouterr().out


def test_a_share_of_no_comparisons_is_told_in_a_word():
    assert _share(float("nan")) == "none"
    assert _share(0.5) == "50.0%"


def test_a_standing_never_replaces_what_it_was_read_from(compared, tmp_path):
    folder: Path = tmp_path / "results"
    compared.save(folder)
    before = (folder / "outcomes.jsonl").read_bytes()

    assert run("stand", folder / "outcomes.jsonl", "--out", folder / "outcomes.jsonl") == 2
    assert (folder / "outcomes.jsonl").read_bytes() == before


STORED = Path(__file__).parents[1] / "data" / "0.1.0"


@pytest.mark.parametrize(
    ("name", "n", "order"), [("rank", 24, "bdac"), ("faireval", 20, "bac"), ("compare", 20, "bac")]
)
def test_what_the_first_version_stored_has_a_standing(name, n, order):
    """Rankings, two scores a reply and pairs: each judge's orders and samples are one comparison a pair."""
    found = jk.stand(STORED / name / "outcomes.jsonl.gz", b=0)

    assert (found.status, found.n_comparisons, "".join(found.systems)) == ("ok", n, order)
    assert sum(place.won * place.n for place in found.places) == pytest.approx(n)


def test_runs_of_pairs_and_of_single_responses_are_not_one_standing() -> None:
    rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    rows = [{"id": str(n), "task": "Hi", "responses": {"a": "What?", "b": "Hello!"}} for n in range(4)]
    graded = jk.score(rows, rubric, jk.Scripted("kind", lambda _: True), ledger=None)
    paired = jk.compare(rows, rubric, jk.Scripted("kind", lambda _: '{"label": "A"}'), ledger=None)
    with pytest.raises(jk.InputError, match="run 2 of 2 judged responses alone"):
        jk.stand(paired, graded)


def test_the_scale_of_elo_is_of_log_odds_and_scores_have_none() -> None:
    pairs = jk.compare(
        [{"id": str(n), "task": "Hi", "responses": {"a": "What?", "b": "Hello!"}} for n in range(8)],
        {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]},
        jk.Scripted("kind", lambda call: '{"label": "%s"}' % ("tie" if call.item.item_id == "0" else "A")),
        ledger=None,
    )  # fmt: skip
    standing = jk.stand(pairs, b=0)
    assert standing.elo("a") == pytest.approx(1000 + 400 / math.log(10) * standing.of("a").strength)
    scores = jk.standing.two_way([[0.5, 0.7, 0.9, 0.4], [0.6, 0.9, 1.0, 0.5]])
    assert math.isnan(scores.elo(scores.places[0].system))

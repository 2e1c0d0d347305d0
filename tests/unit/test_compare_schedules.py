"""`compare` by a schedule: which pairs are asked, what that costs, and when it ends."""

import json
from collections import Counter
from itertools import combinations

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.standing.separating import Separation

RUBRIC = {"id": "tone", "criteria": [{"id": "better", "text": "Which is better?"}]}
SYSTEMS = "abcdef"
ITEMS = [
    {"id": str(n), "task": f"Say {n}.", "responses": {s: f"{s}: {n}" for s in SYSTEMS}} for n in range(10)
]


def alphabetical(call):
    """Prefer the system whose name comes first."""
    return json.dumps({"label": "A" if call.shown[0] < call.shown[1] else "B"})


def compared(items=ITEMS, judge=alphabetical, **options):
    return jk.compare(items, RUBRIC, jk.Scripted("j", judge), ledger=None, progress=False, **options)


def previewed(items=ITEMS, **options):
    asked = jk.Scripted("j", alphabetical)
    return jk.preview(items, RUBRIC, asked, protocol="compare", ledger=None, **options)


def met(run):
    return Counter(frozenset(score.unit.responses) for score in run.scores)


def test_balanced_pairs_are_as_many_as_a_knock_out_and_each_as_often():
    run = compared(schedule="balanced")

    assert set(met(run).values()) <= {3, 4}  # 50 comparisons of 15 pairs
    assert met(run).total() == 50
    assert run.summary["calls"] == previewed(schedule="balanced").least == 100
    assert met(compared(schedule="balanced", pairs=30)).total() == 30


def test_the_pairs_chosen_are_the_calls_that_all_pairs_would_make():
    def keys(**options):
        found = set()
        run = compared(judge=lambda call: found.add(call.key) or alphabetical(call), **options)
        return found, {score.unit for score in run.scores}

    every, units = keys()
    some, chosen = keys(schedule="balanced", pairs=30)
    played, _ = keys(schedule="knockout")

    assert keys(schedule="all") == (every, units)
    assert some < every
    assert chosen < units
    assert played < every


def test_a_knock_out_finds_the_best_of_each_item_in_another_bracket():
    run = compared(schedule="knockout")

    assert run.summary["calls"] == previewed(schedule="knockout").least == 10 * 5 * 2
    by_item = [frozenset(frozenset(s.unit.responses) for s in run.scores if s.unit.item_id == str(n))
               for n in range(10)]  # fmt: skip
    assert len(set(by_item)) > 5
    assert jk.stand(run, prior=0.1, b=0).places[0].system == "a"


def test_what_a_schedule_costs_is_priced_as_it_is_asked():
    whole, few = previewed(), previewed(schedule="knockout")

    assert few.input_tokens == pytest.approx(whole.input_tokens / 3, rel=0.02)
    assert previewed(schedule="anchor=a").input_tokens == pytest.approx(whole.input_tokens / 3, rel=0.02)


def test_so_many_pairs_are_so_many_items_of_a_tournament():
    run = compared(schedule="knockout", pairs=22)

    assert met(run).total() == 20
    assert len({s.unit.item_id for s in run.scores}) == 4
    assert previewed(schedule="knockout", pairs=22).least == 40
    other = compared(schedule="knockout", pairs=22, settings={"seed": 1})
    assert {s.unit.item_id for s in run.scores} != {s.unit.item_id for s in other.scores}


def test_swiss_rounds_can_be_said():
    assert met(compared(schedule="swiss", settings={"rounds": "2"})).total() == 10 * 2 * 3


def test_everybody_meets_the_anchor_and_nobody_else():
    run = compared(schedule="anchor=c")

    assert met(run) == {frozenset(("c", other)): 10 for other in SYSTEMS if other != "c"}
    assert met(compared(schedule="anchor=c", pairs=12)).total() == 10


def test_systems_are_meant_and_not_ids_of_responses():
    rows = [
        {"item_id": str(n), "task": "Hi", "response_id": f"r{i}", "system": s, "response": s * (n + 1)}
        for n in range(3) for i, s in enumerate(SYSTEMS)
    ]  # fmt: skip

    assert met(compared(rows, schedule="anchor=c", judge=alphabetical)) == {
        frozenset(("r2", f"r{i}")): 3 for i in range(6) if i != 2
    }


def test_one_order_shows_each_system_first_as_often_as_last():
    run = compared(schedule="balanced", orders="given", pairs=60)

    first = Counter(call.shown[0] for call in run.calls)
    assert max(first.values()) - min(first.values()) <= 2
    assert run.summary["calls"] == 60


def test_an_anchor_is_shown_first_about_half_of_the_time():
    run = compared(schedule="anchor=a", orders="given")

    assert 12 <= sum(call.shown[0] == "a" for call in run.calls) <= 38


def test_active_pairs_are_those_that_tell_most_after_an_earlier_run(tmp_path):
    earlier = compared([item for item in ITEMS if item["id"] in "012"], schedule="balanced")
    earlier.save(tmp_path / "run")
    run = compared(schedule=f"active={tmp_path / 'run'}", pairs=40)
    done = {(s.unit.item_id, frozenset(s.unit.responses)) for s in earlier.scores}

    assert met(run).total() == 40
    assert not done & {(s.unit.item_id, frozenset(s.unit.responses)) for s in run.scores}
    near = sum(n for pair, n in met(run).items() if ord(max(pair)) - ord(min(pair)) <= 2)
    assert near > 20  # of 15 pairs 9 are near, and far ones are known already

    two = compared(schedule=f"active={tmp_path / 'run'}", pairs=9, settings={"want": "a,b"})
    assert met(two)[frozenset("ab")] >= 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "balnced"}, "schedule='balnced'; there are|did you mean"),
        ({"schedule": "anchor"}, "schedule='anchor'"),
        ({"schedule": "knockout=a"}, "schedule='knockout=a'"),
        ({"schedule": "anchor=z"}, "no item has a response of system 'z'"),
        ({"schedule": "active=nowhere"}, "needs pairs"),
        ({"schedule": "balanced", "pairs": 0}, "pairs=0"),
        ({"schedule": "balanced", "pairs": 151}, "151 comparisons of the 150"),
        ({"schedule": "knockout", "pairs": 4}, "not enough for one item"),
        ({"schedule": "all", "pairs": 4}, "pairs=4"),
        ({"pairs": 4}, "pairs is of a schedule"),
        ({"schedule": "swiss", "settings": {"rounds": "two"}}, "not a whole number"),
        ({"schedule": "balanced", "settings": {"rounds": 2}}, "has no setting 'rounds'"),
        ({"schedule": "balanced", "recipe": "swiss"}, "leave one out"),
        ({"schedule": "balanced", "on_empty": "lowest"}, "no on_empty"),
        ({"schedule": "balanced", "protocol": "grade"}, "'grade' asks no pairs"),
    ],
)
def test_what_no_schedule_can_do_is_refused_before_any_call(options, message):
    asked = []

    with pytest.raises(InputError, match=message):
        jk.score(
            ITEMS, None if "recipe" in options else RUBRIC, jk.Scripted("j", asked.append),
            ledger=None, **{"protocol": "compare", **options},
        )  # fmt: skip
    assert not asked


def test_items_that_can_be_read_once_only_are_refused():
    with pytest.raises(InputError, match="hand in a file or a list"):
        compared(iter(ITEMS), schedule="balanced")


def flips(n, share):
    """Return items of two systems, and a judge that prefers `a` on a share of them."""
    items = [{"id": str(i), "task": f"{i}", "responses": {"a": "1", "b": "2"}} for i in range(n)]

    def judge(call):
        better = "a" if (int(call.item.item_id) * 7919) % 100 < 100 * share else "b"
        return json.dumps({"label": "AB"[call.shown.index(better)]})

    return items, judge


def test_a_run_ends_when_systems_are_told_apart():
    items, judge = flips(500, 0.8)
    run = compared(items, judge, until_separated=True)
    [pair] = run.summary["separated"]["pairs"]

    assert run.summary["separated"]["done"]
    assert run.summary["items"] == run.summary["separated"]["items"] == pair["after"] < 100
    assert not pair["low"] <= 0.5 <= pair["high"]
    assert run.summary["stopped"] is None
    again = compared(items, judge, until_separated=True, limits=jk.Limits(concurrency=3))
    assert [s.value for s in again.scores] == [s.value for s in run.scores]


def test_a_run_of_equal_systems_goes_to_its_end():
    items, judge = flips(200, 0.5)
    run = compared(items, judge, until_separated=True)

    assert not run.summary["separated"]["done"]
    assert run.summary["items"] == 200


def test_all_pairs_that_meet_have_to_be_told_apart():
    run = compared(ITEMS * 1, schedule="anchor=c", until_separated=True)
    assert len(run.summary["separated"]["pairs"]) == 5
    assert len(compared(until_separated=True).summary["separated"]["pairs"]) == 15


def test_ties_say_nothing_and_are_counted():
    watched = Separation([("a", "b")])
    for _ in range(300):
        watched.add({("a", "b"): 0.5})
    [found] = watched.found()

    assert (found.n, found.ties, found.after, found.low, found.high) == (0, 300, None, 0, 1)
    with pytest.raises(InputError, match="level of 2"):
        Separation([("a", "b")], level=2)


def test_many_pairs_share_the_error():
    alone, shared = Separation([("a", "b")]), Separation(list(combinations("abcde", 2)))
    for _ in range(30):
        alone.add({("a", "b"): 1.0})
        shared.add({("b", "a"): 0.0})
    one, [other] = alone.found()[0], [each for each in shared.found() if each.n]

    assert one.won == other.won == 30
    assert one.after < other.after
    assert not shared.is_done


def test_the_command_takes_a_schedule_and_says_what_was_told_apart(tmp_path, capsys):
    items, _ = flips(120, 0.8)
    rows = tmp_path / "items.jsonl"
    for item in items:
        item["responses"]["a"] = "a far longer response"
    rows.write_text("\n".join(map(json.dumps, items)), encoding="utf-8")
    said = ["compare", str(rows), "-r", "pair_quality", "-j", "control:longer", "--schedule", "balanced",
            "--until-separated", "--ledger", "none", "--out", str(tmp_path / "run")]  # fmt: skip

    with pytest.raises(SystemExit) as left:
        main(said)

    told = capsys.readouterr().out
    assert left.value.code in {0, None}
    assert "told apart after 7 items: 1 of 1 pair of systems" in told
    assert "a won 7 of 7 against b" in told
    assert jk.load_run(tmp_path / "run").summary["separated"]["done"]


def test_a_tournament_is_no_step_of_a_cascade_and_is_named():
    cheap = jk.Scripted("j", alphabetical)

    with pytest.raises(InputError, match="schedule 'knockout' asks in rounds of its own"):
        jk.score_cascade(ITEMS, RUBRIC, cheap, strong="control:longer", doubt=0.9, schedule="knockout",
                         protocol="compare", ledger=None)  # fmt: skip


def test_a_standing_of_a_few_brackets_says_what_would_give_strengths():
    brackets = jk.stand(compared(schedule="knockout"))
    apart = jk.stand([*compared(ITEMS[:2]).outcomes, *compared(two_others()).outcomes])

    assert "a prior of 0.1 gives strengths" in brackets.notes[0]
    assert "prior" not in apart.notes[0]  # halves that never met stay apart


def two_others():
    return [{"id": "x", "task": "Hi", "responses": {"y": "1", "z": "2"}}]

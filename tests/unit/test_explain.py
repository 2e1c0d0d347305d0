"""How scores came about: contributions add up, for every bundled rubric and every kind of criterion."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.aggregate.explain import NO_RUBRIC, OF_TASK, OTHERWISE, OWN_RUBRIC, explain
from judgekit.rubric import bundled
from judgekit.types import Abstention, Call
from judgekit.verbs.kept import kept

TURNS = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "At the depot."}]


def items(n: int) -> list[dict]:
    held = {"task": TURNS, "reference": "depot", "sources": {"s": "At the depot."}}
    return [{"id": str(i), "responses": {"x": f"At {i}.", "y": f"Not {i}."}, **held} for i in range(n)]


def chance(seed: int, *, silent: float = 0.0, unsure: float = 0.0) -> jk.Scripted:
    """A judge that says any label, the same each time; sometimes nothing, or that it cannot tell."""

    def said(call: Call) -> object:
        answers = {}
        for ask in call.asks:
            rng = random.Random(repr((seed, ask.unit, ask.criterion, call.sample)))  # noqa: S311 - drawn for a test
            labels = ask.scale.labels if hasattr(ask.scale, "labels") else ["0", "37.5", "100"]
            answers[ask.called] = rng.choice(labels)
            if rng.random() < silent:
                answers[ask.called] = "no such label"
            if ask.scale.cannot_tell and rng.random() < unsure:
                answers[ask.called] = ask.scale.cannot_tell
        return answers

    return jk.Scripted(f"chance{seed}", said)


def adds_up(found) -> bool:
    if found.value is None or found.gate or found.unexplained:
        return False
    total = sum(part.contribution for part in found.parts) + found.clipped
    assert total == pytest.approx(found.value, abs=1e-12)
    return True


@pytest.mark.parametrize("name", bundled())
def test_contributions_add_up_to_the_score_of_every_bundled_rubric(name: str):
    rubric = jk.load_rubric(name)
    run = jk.score(items(12), rubric, [chance(1), chance(2)], samples=2, ledger=None)
    scores = {(s.unit, s.level, s.name): s for s in run.scores}
    n = 0
    for each in range(12):
        for found in run.explain(str(each)):
            for one in (found, *found.dimensions):
                n += adds_up(one)
                if one.value is not None:
                    assert one.value == scores[one.unit, one.level, one.name].value
                assert one.unexplained in {"", OF_TASK} or not rubric.total
            assert {o.unit for o in found.verdicts} == {found.unit}
    assert n >= 8 or not rubric.total  # where no gate fired


@pytest.mark.parametrize("rule", ["placed", "published", "published_clipped"])
@pytest.mark.parametrize("partial", [True, False])
def test_what_is_missing_gives_nothing_and_is_said(rule: str, partial: bool):
    criteria = [{"id": f"c{n}", "text": "Is it?", "weight": w} for n, w in enumerate((3, 2, -4, 1))]
    rubric = {"id": "r", "rule": rule, "criteria": criteria}
    run = jk.score(items(20), rubric, chance(3, silent=0.3), partial=partial, ledger=None, reask=False)

    added = 0
    for each in range(20):
        for found in run.explain(str(each)):
            missing = {p.criterion for p in found.parts if p.missing}
            silent = {o.criterion for o in found.verdicts if isinstance(o, Abstention)}
            assert missing == silent
            assert all(p.contribution == 0 for p in found.parts if p.missing)
            assert not found.unexplained
            assert partial or not missing or found.value is None
            added += adds_up(found)
    assert 0 < added <= 40


TREE = {
    "id": "tree",
    "criteria": [
        {"id": "safe", "text": "Is it safe?", "gate": True},
        {"id": "rude", "text": "Is it rude?", "veto": True, "weight": 0},
        {"id": "good", "weight": 3, "criteria": [
            {"id": "kind", "text": "Kind?", "weight": 2, "dimension": "tone"},
            {"id": "wrong", "text": "Wrong?", "weight": -1, "dimension": "tone"},
            {"id": "deep", "weight": 2, "criteria": [{"id": "clear", "text": "Clear?", "scale": [1, 2, 3]}]},
        ]},
        {"id": "bad", "weight": -2, "criteria": [
            {"id": "long", "text": "Long?", "weight": 1, "if_undecided": "skip",
             "scale": {"labels": ["no", "yes"], "cannot_tell": "unsure"}},
            {"id": "short", "text": "Just?", "weight": -3, "if_undecided": "best",
             "scale": {"labels": ["no", "yes"], "cannot_tell": "unsure"}},
        ]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("panel", ["mean", "median"])
def test_groups_faults_gates_vetoes_dimensions_and_what_is_undecided(panel: str):
    judges = [chance(4, unsure=0.5), chance(5, unsure=0.5)]
    run = jk.score(items(60), TREE, judges, panel=panel, ledger=None)
    found = [each for n in range(60) for each in run.explain(str(n))]

    assert not any(one.unexplained for each in found for one in (each, *each.dimensions))
    assert sum(map(adds_up, found)) > 10
    assert sum(adds_up(one) for each in found for one in each.dimensions) == 120
    fired = {each.gate for each in found}
    assert fired == {"", "safe", "rude"}
    assert {each.value for each in found if each.gate} == {0.0}
    [first, *_] = found
    assert [p.criterion for p in first.parts] == ["safe", "rude", "kind", "wrong", "clear", "long", "short"]
    assert (first.parts[0].gate, first.parts[1].veto, first.parts[3].weight) == (0.5, 0.5, -1)
    skipped = [p for each in found for p in each.parts if p.criterion == "long" and p.value is None]
    assert skipped
    assert not any(p.missing for p in skipped)


def test_by_hand_what_a_tree_gives():
    said = {
        "safe": "yes",
        "rude": "no",
        "kind": "yes",
        "wrong": "yes",
        "clear": "2",
        "long": "yes",
        "short": "no",
    }
    run = jk.score(
        items(1), TREE, lambda call: {ask.called: said[ask.criterion] for ask in call.asks}, ledger=None
    )
    given = {p.criterion: p.contribution for p in run.explain("0", "x")[0].parts}

    # "good" is 3 of 5, in it kind 2, wrong 1, deep 2 of 5; "bad" 2 of 5, against, in it 1 and 3 of 4.
    assert given == pytest.approx(
        {
            "safe": 0,
            "rude": 0,
            "kind": 0.6 * 0.4,
            "wrong": 0.0,
            "clear": 0.6 * 0.4 * 0.5,
            "long": 0.0,
            "short": 0.0,
        }
    )


def test_pairs_add_up_by_the_size_of_weights():
    criteria = [{"id": "kind", "text": "Kind?", "weight": 3}, {"id": "rude", "text": "Rude?", "weight": -1}]
    run = jk.compare(items(8), {"id": "r", "criteria": criteria}, [chance(6), chance(7)], ledger=None)
    found = [each for n in range(8) for each in run.explain(str(n))]

    assert [each.unit.responses for each in found] == [("x", "y")] * 8
    assert all(map(adds_up, found))
    assert {p.weight for each in found for p in each.parts} == {3.0, 1.0}
    assert {len(each.verdicts) for each in found} == {8}  # two criteria, two judges, two orders
    alone = jk.compare(items(2), "pair_quality", chance(8), ledger=None).explain("1")
    assert [(each.level, adds_up(each)) for each in alone] == [("criterion", True)]


def test_a_score_of_ones_own_is_said_not_to_be_explained():
    def own(rubric, item, outcomes):
        usual = jk.aggregate.rubric_scores(rubric, item, outcomes)
        return [replace(s, value=0.123) if s.level == "rubric" else s for s in usual]

    rubric = {"id": "r", "criteria": [{"id": "a", "text": "A?"}, {"id": "b", "text": "B?"}]}
    run = jk.score(items(1), rubric, chance(1), aggregate=own, ledger=None)

    assert [each.unexplained for each in run.explain("0")] == [OTHERWISE] * 2
    assert {p.contribution for each in run.explain("0") for p in each.parts} == {0.0}


def test_a_run_of_before_has_values_but_no_weights():
    rubric = {"id": "r", "criteria": [{"id": "a", "text": "A?"}, {"id": "b", "text": "B?"}]}
    run = jk.score(items(1), rubric, chance(1), ledger=None)
    [found, _] = replace(run, summary={"rubric": {"id": "r"}}).explain("0")

    assert found.unexplained == NO_RUBRIC
    assert [(p.criterion, p.weight) for p in found.parts] == [("a", None), ("b", None)]
    assert all(p.value is not None for p in found.parts)


def test_rubrics_of_items_are_read_from_their_file_while_it_is_what_it_was(tmp_path: Path):
    path = tmp_path / "items.jsonl"
    own = [{"criteria": [{"id": "a", "text": "A?", "weight": w}, {"id": "b", "text": "B?"}]} for w in (1, 5)]
    rows = [{**item, "rubric": rubric} for item, rubric in zip(items(2), own, strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)))
    run = jk.score(path, None, chance(2), ledger=None)

    assert [p.weight for p in run.explain("1")[0].parts] == [5, 1]
    assert all(adds_up(each) for n in "01" for each in run.explain(n))
    assert same_in_both(run, "1", "")
    path.write_text("\n".join(map(json.dumps, rows[:1])))
    assert same_in_both(run, "1", OWN_RUBRIC)


def same_in_both(run: jk.Run, item: str, why: str) -> bool:
    """Whether an item of a run, and of the run as it was kept, is explained, or for this reason not."""
    held = kept(run)
    with held.behind() as behind:
        _, explained = behind(next(each for each in held.pieces if each.item_id == item))
    assert {each.unexplained for each in run.explain(item)} == {why}
    return tuple(explained.values()) == run.explain(item)


def test_what_is_not_there_is_told_with_what_is():
    run = jk.score(items(1), "support_reply", chance(1), ledger=None)

    with pytest.raises(jk.InputError, match="no item '7' in the run; there are 0"):
        run.explain("7")
    with pytest.raises(jk.InputError, match="item '0' has no response 'z'; there are x, y"):
        run.explain("0", "z")
    assert explain(None, (), ()) == ()

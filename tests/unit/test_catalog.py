"""Every published recipe walked over an item by scripted judges: calls planned, outcomes, scores."""

import json
import re
from collections.abc import Callable

import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.recipes.catalog import CATALOG
from judgekit.rubric import load_rubric
from judgekit.scales import Labels
from judgekit.types import Abstention, Call, Unit, Verdict

ITEM = {
    "id": "1",
    "task": "What is 6 times 7?",
    "responses": {"x": "It is 42. Cats are mammals.", "y": "Perhaps 41, or 42."},
    "reference": "42",
}
ONE_ROUND_EXACT = {
    "faireval-vanilla": 1, "faireval-mec": 3, "faireval-bpc": 2, "faireval": 6, "gaps": 2 * 14 * 3,
    "gim": 2 * 15, "gim-confidence": 2 * 15, "drb2": 2, "researchqa": 2 * 2, "researchqa-pairs": 2 * 2 + 2,
    "reviewergpt": 2 * 8 * 3, "prometheus": 2 * 3, "peem": 1 + 2, "p-true": 2, "p-true-brainstorm": 5 + 2,
    "answer-matching": 2, "answer-matching-no-gold": 2, "xfinder": 2, "osq": 2, "swiss": 2, "merge-sort": 2,
    "examiner": 2 * (2 + 2),
}  # fmt: skip


def best(call: Call) -> str:
    """What a judge says that finds everything excellent and the first response shown better."""
    if call.protocol == "write":
        return "A new text."
    if call.protocol == "extract":
        return json.dumps({"answer": "42"})
    if call.protocol == "list":
        return json.dumps({"statements": ["Cats are mammals."]})
    if call.protocol == "rank":
        return json.dumps({"rationale": "so", "ranking": ["A", "B"]})
    if call.letters:
        return call.letters[-1][0]
    names = tuple(ask.called for ask in call.asks)
    labels = [label_of(call, i) for i in range(len(names))]
    if call.schema is None:
        return "\n".join(f"{call.tag} {name}: {label}" for name, label in zip(names, labels, strict=True))
    if call.protocol == "checklist":
        return json.dumps(
            {"answers": [{"id": n, "label": label} for n, label in zip(names, labels, strict=True)]}
        )
    if names == ("A", "B"):
        return json.dumps({"rationale": "so", "A": 8, "B": 6})
    each = [{"evidence": [], "rationale": "so", "confidence": 0.5, "label": label} for label in labels]
    return json.dumps(each[0] if len(names) == 1 else dict(zip(names, each, strict=True)))


def label_of(call: Call, i: int) -> str | float:
    scale = call.asks[i].scale
    return scale.labels[-1] if isinstance(scale, Labels) else scale.high


def judges(n: int, answer: Callable[[Call], str] = best) -> list[jk.Scripted]:
    return [jk.Scripted(f"j{i}", answer) for i in range(n)]


def run_of(name: str, answer: Callable[[Call], str] = best, **options: object):
    recipe = CATALOG[name]
    asked = judges(recipe.least_judges, answer)
    if recipe.needs:
        options["settings"] = {"task_model": jk.Scripted("task", answer), **options.get("settings", {})}
    given = {"recipe": name, "ledger": None, **options}
    seen = jk.preview([ITEM], None, asked, **given)
    return seen, jk.score([ITEM], None, asked, **given)


@pytest.mark.parametrize("name", CATALOG)
def test_the_calls_made_lie_within_the_plan(name: str):
    seen, run = run_of(name)

    assert seen.least <= run.summary["calls"] <= seen.most
    assert run.summary["recipe"] == name


@pytest.mark.parametrize("name", CATALOG)
def test_the_calls_made_lie_within_the_plan_when_nothing_can_be_read(name: str):
    seen, run = run_of(name, lambda _: "hm\nhm")

    assert seen.least <= run.summary["calls"] <= seen.most
    if not CATALOG[name].needs and name != "prometheus-relative":
        assert run.summary["verdicts"] == 0
        assert all(s.value is None for s in run.scores if s.level == "rubric")


@pytest.mark.parametrize("name", CATALOG)
def test_where_least_is_most_the_calls_made_equal_the_plan(name: str):
    seen, run = run_of(name, reask=False)

    if seen.least == seen.most:
        assert run.summary["calls"] == seen.least == ONE_ROUND_EXACT[name]
    else:
        assert name in {
            "gaps-unlisted",
            "peem-rewrite",
            "prometheus-relative",
            "choice-funnel",
            "second-look",
        }


@pytest.mark.parametrize("name", CATALOG)
def test_every_answer_asked_for_has_one_outcome_and_every_call_a_key(name: str):
    _, run = run_of(name)

    asked = [(o.rater, o.unit, o.criterion, o.shown, o.sample, o.call) for o in run.outcomes]
    assert len(set(asked)) == len(asked)
    assert not any(isinstance(o, Abstention) for o in run.outcomes)
    assert all(isinstance(o, Verdict) and o.call for o in run.outcomes)


@pytest.mark.parametrize("name", CATALOG)
def test_every_recipe_says_where_it_comes_from_and_what_differs(name: str):
    recipe = CATALOG[name]

    assert recipe.name == name
    assert "arXiv" in recipe.source
    assert recipe.what.endswith((".", "?"))
    assert recipe.differs.endswith(".")
    assert recipe.rubric is None or load_rubric(recipe.rubric)


def test_options_of_the_caller_win_over_the_recipe():
    _, run = run_of("faireval", samples=1)

    assert run.summary["calls"] == 2


def test_an_unknown_recipe_names_those_that_there_are():
    with pytest.raises(InputError, match=r"no recipe 'fairval'; did you mean 'faireval'"):
        jk.score([ITEM], None, judges(1), recipe="fairval", ledger=None)


def test_no_rubric_and_no_recipe_is_an_error():
    with pytest.raises(
        InputError, match="no rubric; name one, or a recipe that has one, or give each item its own"
    ):
        jk.score([ITEM], None, judges(1), ledger=None)


def test_a_vote_of_three_needs_three_judges():
    with pytest.raises(InputError, match="recipe 'gaps' needs 3 judges and has 2; name more"):
        jk.score([ITEM], None, judges(2), recipe="gaps", ledger=None)


def test_a_setting_that_a_recipe_does_not_have_is_an_error():
    with pytest.raises(InputError, match=r"recipe 'faireval' has no setting 'weight'; it has none"):
        jk.score([ITEM], None, judges(1), recipe="faireval", settings={"weight": 2}, ledger=None)
    with pytest.raises(InputError, match="recipe 'peem-rewrite' needs the setting 'task_model'"):
        jk.score([ITEM], None, judges(1), recipe="peem-rewrite", ledger=None)
    with pytest.raises(InputError, match=r"settings \['weight'\] are a recipe's; name the recipe"):
        jk.score([ITEM], "peem", judges(1), settings={"weight": 2}, ledger=None)


def test_faireval_scores_of_a_judge_that_prefers_a_place_are_a_tie():
    _, run = run_of("faireval")

    [score] = run.scores
    assert (score.unit, score.value, score.n_verdicts) == (Unit("1", ("x", "y")), 0.5, 6)


def test_the_vanilla_form_asks_for_scores_before_reasons_and_the_others_after():
    seen: list[Call] = []
    for name in ("faireval-vanilla", "faireval-bpc"):
        run_of(name, lambda call: seen.append(call) or best(call))

    assert [list(call.schema["properties"]) for call in (seen[0], seen[-1])] == [
        ["A", "B", "rationale"], ["evidence", "rationale", "A", "B"],
    ]  # fmt: skip


def test_the_control_without_gold_never_shows_the_reference():
    seen: list[Call] = []
    run_of("answer-matching-no-gold", lambda call: seen.append(call) or best(call))

    assert not any(re.search("<reference [0-9a-f]", m.content) for call in seen for m in call.messages)
    assert all(call.item.reference is None for call in seen)


def test_p_true_of_a_judge_without_probabilities_says_so():
    _, run = run_of("p-true")

    assert {o.flags for o in run.outcomes} == {("no_logprobs",)}
    assert {o.label for o in run.outcomes} == {"True"}

"""`stand --plan` and `--dynamics`: what is printed, and what it would cost."""

import json

import numpy as np
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.cli.stand_plan import dynamics_of
from judgekit.errors import InputError
from judgekit.standing import plan_pairs
from judgekit.standing.planning import price_of

LEVELS = {"ada": 0.70, "bee": 0.68, "dog": 0.50}


@pytest.fixture
def scores(tmp_path):
    rng, rows = np.random.default_rng(4), ["item_id,system,score,topic"]
    for i in range(60):
        ease = rng.normal(0, 0.12)
        rows += [f"{i},{s},{m + ease + rng.normal(0, 0.06):.2f},{['law', 'maths', 'art'][i % 3]}"
                 for s, m in LEVELS.items()]  # fmt: skip
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(("option", "of"), [("--gap=0.1", "--plan"), ("--drop=1", "--dynamics")])
def test_an_option_of_what_is_not_asked_for_is_refused(capsys, scores, option: str, of: str):
    with pytest.raises(SystemExit) as end:
        main(["stand", str(scores), option])
    assert end.value.code == 2
    assert f"it is of {of}, which is not asked for" in capsys.readouterr().err


def printed(capsys, *typed):
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in typed])
    return left.value.code or 0, capsys.readouterr()


def test_of_scores_more_items_are_planned_and_no_pairs(scores, capsys):
    code, said = printed(capsys, "stand", scores, "--plan")

    assert code == 0
    assert "2 of 3 pairs are told apart" in said.out
    [line] = [each for each in said.out.splitlines() if each.startswith("ada and bee")]
    [plan] = [p for p in plan_pairs(jk.stand(scores)) if p.status == "ok"]
    assert line.split()[-1] == f"{plan.items:,}"
    assert plan.pairs is None
    assert "direct pairs" not in said.out
    assert "no price" in said.out


def table(n, seed, gap):
    """Return scores of two systems on items of their own ease."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        ease = rng.normal(0.5, 0.12)
        rows += [
            {"item_id": i, "system": system, "score": ease + more + rng.normal(0, 0.06)}
            for system, more in (("ada", gap), ("bee", 0.0))
        ]
    return rows


def test_so_many_items_tell_them_apart_as_often_as_was_planned():
    [plan] = plan_pairs(jk.stand(table(200, 1, 0.0)), gap=0.015, pairs=[("ada", "bee")])
    found = [jk.stand(table(200 + plan.items, seed, 0.015)).difference("ada", "bee") for seed in range(80)]

    assert abs(200 + plan.items - 251) < 60  # 1.96 + 0.84 errors of 0.06 sqrt 2 are 251 items
    assert 0.65 < sum(each.low > 0 for each in found) / 80 < 0.93


def test_a_difference_within_the_margin_has_no_price(scores, capsys):
    _, said = printed(capsys, "stand", scores, "--plan", "--margin", "0.1")

    assert "not at any price" in said.out


def compared(n, cost):
    items = [{"id": str(i), "task": f"{i}", "responses": {"a": "1", "b": "2"}} for i in range(n)]

    def judge(call):
        better = "a" if int(call.item.item_id) % 5 < 3 else "b"
        text = json.dumps({"label": "AB"[call.shown.index(better)]})
        return jk.Reply(text, input_tokens=90, output_tokens=10, cost_usd=cost)

    rubric = {"id": "r", "criteria": [{"id": "better", "text": "Which is better?"}]}
    return jk.compare(items, rubric, jk.Scripted("j", judge), ledger=None, progress=False)


def test_the_price_is_that_of_the_pilot(tmp_path, capsys):
    run = compared(50, 0.002)
    standing = jk.stand(run, b=0)
    [plan] = plan_pairs(standing)
    price = price_of([run.summary], standing)

    assert (price.calls, price.calls_per_item, price.tokens, price.usd) == (2, 2, 100, pytest.approx(0.002))
    assert price.of(plan) == (2 * plan.pairs, 200 * plan.pairs, pytest.approx(0.004 * plan.pairs))
    run.save(tmp_path / "run")
    _, said = printed(capsys, "stand", tmp_path / "run", "--resamples", "0", "--plan")
    assert said.out.splitlines()[-2].split()[-1] == f"${0.004 * plan.pairs:.2f}"


def test_what_is_not_known_has_no_price():
    run = compared(10, None)
    standing = jk.stand(run, prior=0.1, b=0)

    assert price_of([run.summary], standing).usd is None
    assert price_of([{}], standing) is None


def test_rounds_may_be_of_a_tag_or_of_items(scores, tmp_path, capsys):
    rounds = tmp_path / "rounds.toml"
    rounds.write_text('by = "topic"\nrounds = [["law"], ["maths", "art"]]', encoding="utf-8")
    _, said = printed(capsys, "stand", scores, "--dynamics", rounds, "--drop", 0, "--drop", 1)
    assert "points, 1 dropped" in said.out
    assert said.out.splitlines()[1].startswith("ada")

    rounds.write_text('rounds = [["0"], ["1"]]', encoding="utf-8")
    found = dynamics_of([scores], rounds)
    assert {each.system for each in found} == set(LEVELS)
    assert sum(each.points[0] for each in found) <= 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rounds = 3", "give rounds ="),
        ("rounds = [", "rounds.toml"),
        ('rounds = [["999"]]', "no score on"),
        ('by = "colour"\nrounds = [["red"]]', "colour"),
        ('order = [["1"]]', "give rounds ="),
    ],
)
def test_a_file_of_rounds_that_cannot_be_played_is_refused(scores, tmp_path, text, message):
    rounds = tmp_path / "rounds.toml"
    rounds.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=message):
        dynamics_of([scores], rounds)


def test_comparisons_have_no_swiss_dynamics(tmp_path):
    rounds = tmp_path / "rounds.toml"
    rounds.write_text('rounds = [["0"]]', encoding="utf-8")

    with pytest.raises(InputError, match="compare --schedule swiss"):
        dynamics_of([compared(5, None)], rounds)

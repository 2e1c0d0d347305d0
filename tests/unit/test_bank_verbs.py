"""Banks from tables and runs; `score` with a bank that picks what is judged next."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import judgekit as jk
from judgekit import Scripted
from judgekit.cli import main
from judgekit.errors import InputError

RUBRIC = {"id": "right", "criteria": [{"id": "right", "text": "Is it right?"}]}
N_ITEMS = 60


def logistic(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def world(n: int = 14, seed: int = 0):
    """Answers of systems to items, 1 or 0, as {system: {item: answer}}."""
    draw = np.random.default_rng(seed)
    ability, level = draw.normal(0, 1, n), draw.normal(0, 1.2, N_ITEMS)
    right = draw.random((n, N_ITEMS)) < logistic(ability[:, None] + level)
    return {f"s{i}": {f"q{j}": int(right[i, j]) for j in range(N_ITEMS)} for i in range(n)}


def long_table(answers, items=None):
    return [
        {"item_id": item, "system": system, "score": value}
        for system, own in answers.items()
        for item, value in own.items()
        if items is None or item in items
    ]


@pytest.fixture(scope="module")
def bank():
    return jk.bank.fit(long_table({s: own for s, own in world().items() if s not in {"s0", "s1"}}))


def rows_of(answers):
    """Items with a response of each system, which say whether they are right."""
    return [
        {
            "id": item, "task": f"What is {item}?", "tags": {"kind": "even" if n % 2 else "odd"},
            "responses": {s: "yes" if own[item] else "no" for s, own in answers.items()},
            "systems": {s: s for s in answers},
        }
        for n, item in enumerate(next(iter(answers.values())))
    ]  # fmt: skip


def honest(asked: list[str] | None = None, revision: str | None = None):
    def judge(call):
        [response] = call.item.responses.values()
        if asked is not None:
            asked.append(call.item.item_id)
        return json.dumps({"label": response})

    return Scripted("honest", judge, revision=revision)


def test_a_bank_picks_what_is_judged_and_places_as_its_answers_do(bank):
    new = {s: world()[s] for s in ("s0", "s1")}
    asked: list[str] = []

    run = jk.score(rows_of(new), RUBRIC, honest(asked), adaptive=bank, until_sd=0.5, ledger=None)

    by_system = {s: {x.unit.item_id: x.value for x in run.scores if x.system == s} for s in new}
    assert sum(map(len, by_system.values())) == len(asked) == len(run.outcomes) == len(run.calls)
    assert all(own == {item: new[s][item] for item in own} for s, own in by_system.items())
    for system, own in by_system.items():
        alone = jk.bank.place(bank, own)["system"]
        assert run.summary["placed"][system]["ability"] == pytest.approx(alone.ability)
        assert alone.sd < 0.55
        assert len(own) < N_ITEMS / 2
    steps = jk.bank.adaptive(bank, until_sd=0.5)
    assert next(steps) == next(iter(by_system["s0"]))
    assert {call.item_id for call in run.calls} == set(asked)
    assert run.summary["items"] == len(set(asked))


def test_what_was_asked_once_is_picked_again_from_the_ledger(bank, tmp_path: Path):
    new = rows_of({"s0": world()["s0"]})
    ledger = tmp_path / "ledger.sqlite"
    asked: list[str] = []
    judge = honest(asked, "1")

    first = jk.score(new, RUBRIC, judge, adaptive=bank, ledger=ledger)
    paid = len(asked)
    again = jk.score(new, RUBRIC, judge, adaptive=bank, ledger=ledger)

    assert len(asked) == paid > 5
    assert [s.unit for s in first.scores] == [s.unit for s in again.scores]
    assert first.summary["placed"] == again.summary["placed"]


def test_an_abstention_spends_its_item(bank):
    calls: list[str] = []

    def silent(call):
        calls.append(call.item.item_id)
        return "I would rather not say."

    items, judge = rows_of({"s0": world()["s0"]}), Scripted("silent", silent)
    with pytest.warns(UserWarning, match="nothing was judged"):
        run = jk.score(items, RUBRIC, judge, adaptive=bank, reask=False, ledger=None)

    placed = run.summary["placed"]["s0"]
    assert placed["status"] == "undefined:too_few"
    assert placed["n_missing"] == len(calls) == len(set(calls)) > 40
    assert placed["ability"] is None


def test_nothing_is_sent_where_the_plan_is_asked_for(bank):
    seen = jk.preview(rows_of({"s0": world()["s0"]}), RUBRIC, honest(), adaptive=bank, ledger=None)

    assert (seen.least, seen.most) == (0, 2 * N_ITEMS)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"gamma": 1.0}, "name one, or leave them out"),
        ({"adaptive": "bank.json"}, "bank.json: cannot be read"),
        ({"until_sd": -1.0}, "neither is below 0"),
        ({"panel": "dawid_skene"}, "no panel that is fitted"),
        ({"protocol": "compare"}, "knows no pairs"),
    ],
)
def test_what_does_not_go_with_a_bank_is_refused_before_any_call(bank, options, told: str):
    given = {"adaptive": bank} | options if set(options) != {"gamma"} else options
    items = rows_of({s: world()[s] for s in ("s0", "s1")})

    with pytest.raises(InputError, match=told):
        jk.score(
            items,
            RUBRIC,
            [honest(), *(Scripted(name, lambda _: "{}") for name in "ab")],
            ledger=None,
            **given,
        )


def test_items_that_the_bank_does_not_know_are_refused(bank):
    items = [{"id": "else", "task": "?", "response": "yes"}]

    with pytest.raises(InputError, match="no item is in the bank"):
        jk.score(items, RUBRIC, honest(), adaptive=bank, ledger=None)


def test_features_of_a_table_say_costs_and_place_items_that_nobody_answered():
    draw = np.random.default_rng(4)
    level = draw.normal(0, 1.2, 150)
    right = draw.random((12, 150)) < logistic(draw.normal(0, 1, 12)[:, None] + level)
    features = [{"item_id": str(j), "x": float(each), "cost": 2 + j % 2} for j, each in enumerate(level)]
    features.append({"item_id": "new", "x": 2.0, "cost": 5})

    bank = jk.bank.fit(right * 1.0, features=features, checks=False)

    assert bank.explained > 0.6
    new = bank.items[-1]
    assert (new.item_id, new.cost, new.n, new.flags) == ("new", 5.0, 0, ("few",))
    assert new.level > 1
    assert bank.items[0].cost == 2.0


def test_features_may_be_a_judge_s_answers_about_the_tasks():
    tasks = [{"id": f"q{j}", "task": "Count." if j % 2 else "Prove it."} for j in range(N_ITEMS)]
    rubric = {
        "id": "hard", "total": False,
        "criteria": [{"id": "hard", "text": "Is it hard?", "about": "task", "scale": "0-5"}],
    }  # fmt: skip
    run = jk.score(
        tasks,
        rubric,
        Scripted("j", lambda c: json.dumps({"label": str(4 * ("Prove" in c.item.task))})),
        ledger=None,
    )

    bank = jk.bank.fit(long_table(world()), features=run, checks=False)

    assert bank.explained is not None


def test_a_subset_by_earlier_answers_and_its_weights_place_a_system(bank):
    earlier = long_table({s: own for s, own in world().items() if s not in {"s0", "s1"}})

    subset = jk.bank.pick(bank, 12, answers=earlier, doubtful=True)

    assert (subset.how, len(subset.ids)) == ("medoids", 12)
    assert 0 < subset.sd_best < subset.sd_random
    asked = {item: float(world()["s0"][item]) for item in subset.ids}
    placed = jk.bank.place(bank, asked, subset=subset)["system"]
    assert placed.plain == pytest.approx(np.dot(subset.weights, [asked[item] for item in subset.ids]))


def test_a_bank_that_knows_nothing_has_nothing_to_pick():
    nothing = jk.bank.fit(np.ones((4, 6)), checks=False)

    with pytest.raises(InputError, match="no item to pick"):
        jk.bank.pick(nothing, 2)


def written(tmp_path: Path) -> Path:
    path = tmp_path / "scores.csv"
    lines = [f"{r['item_id']},{r['system']},{r['score']}" for r in long_table(world())]
    path.write_text("\n".join(["item_id,system,score", *lines]) + "\n", encoding="utf-8")
    return path


def called(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def test_the_commands_make_show_and_use_a_bank(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scores, bank = written(tmp_path), tmp_path / "bank.json"

    assert called("bank", "fit", scores, "--out", bank, "--table", tmp_path / "items.csv") == 0
    fitted = capsys.readouterr().out
    assert "unstable:few_systems" in fitted
    assert "2pl" in fitted
    assert called("bank", "show", bank) == 0
    assert "What all items tell" in capsys.readouterr().out
    assert called("bank", "pick", bank, "-k", 5, "--answers", scores, "--out", tmp_path / "five.json") == 0
    assert "choosing gains" in capsys.readouterr().out
    assert called("bank", "place", bank, scores, "--subset", tmp_path / "five.json") == 0
    placed = capsys.readouterr().out
    assert "without any call" in placed
    assert "plain mean" in placed
    assert called("bank", "forms", bank, "--size", 4, "--out", tmp_path) == 0
    one, other = ((tmp_path / name).read_text().split() for name in ("one.txt", "other.txt"))
    assert len({*one, *other}) == 8
    assert (tmp_path / "items.csv").read_text().startswith("item_id,slope,")


def test_a_bank_that_may_have_no_such_item_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = tmp_path / "scores.csv"
    lines = [
        f"q{j},{','.join(str(own[f'q{j}'] if j else 1) for own in world().values())}" for j in range(N_ITEMS)
    ]
    table.write_text("\n".join(["item_id," + ",".join(world()), *lines]) + "\n", encoding="utf-8")

    code = called(
        "bank", "fit", table, "--out", tmp_path / "b.json", "--no-checks", "--require", "no-all_right"
    )

    assert code == 1
    assert "not met: no-all_right (1 item)" in capsys.readouterr().out
    assert called("bank", "fit", table, "--out", tmp_path / "b.json", "--require", "no-bad") == 2


def test_what_is_read_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scores = written(tmp_path)
    before = scores.read_text(encoding="utf-8")

    assert called("bank", "fit", scores, "--out", scores, "--no-checks") == 2

    assert "is the file that is read" in capsys.readouterr().err
    assert scores.read_text(encoding="utf-8") == before


def test_ids_that_a_spreadsheet_would_run_do_not(tmp_path: Path):
    rows = [{"item_id": f"=1+{j}", "a": j % 2, "b": j % 3 == 0, "c": 1} for j in range(12)]
    (tmp_path / "s.jsonl").write_text(
        "".join(
            json.dumps({k: int(v) if k != "item_id" else v for k, v in row.items()}) + "\n" for row in rows
        )
    )

    assert (
        called(
            "bank",
            "fit",
            tmp_path / "s.jsonl",
            "--out",
            tmp_path / "b.json",
            "--table",
            tmp_path / "t.csv",
            "--no-checks",
        )
        == 0
    )

    assert "\n'=1+0," in (tmp_path / "t.csv").read_text()


def test_the_page_of_a_bank_shows_its_items_and_no_name_is_code(bank, tmp_path: Path):
    items = [replace(bank.items[0], item_id="<script>alert(1)</script>", flags=("suspect",)), *bank.items[1:]]
    jk.bank.save(replace(bank, items=tuple(items)), tmp_path / "b.json")

    assert called("bank", "show", tmp_path / "b.json", "--report", tmp_path / "b.html") == 0

    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert page.count("<svg") == 2
    assert called("bank", "show", tmp_path / "b.json", "--report", tmp_path / "b.txt") == 2


def test_a_bank_that_places_nobody_has_a_page_without_pictures(tmp_path: Path):
    jk.bank.save(jk.bank.fit(np.ones((4, 6)), checks=False), tmp_path / "b.json")

    assert called("bank", "show", tmp_path / "b.json", "--report", tmp_path / "b.html") == 0

    assert "<svg" not in (tmp_path / "b.html").read_text(encoding="utf-8")


def test_scores_that_stand_twice_are_told_of_a_bank():
    rows = long_table(world())
    [note] = jk.bank.fit([*rows, rows[0]], checks=False).notes

    assert note.startswith("1 score of an item, a system and a rater that had one")


def test_what_a_matrix_has_no_answer_to_was_not_asked(bank):
    answers = np.full((1, N_ITEMS), np.nan)
    answers[0, :9] = 1.0
    held = replace(bank, items=tuple(replace(item, item_id=str(n)) for n, item in enumerate(bank.items)))
    placed = jk.bank.place(held, answers)["0"]

    assert (placed.n, placed.n_missing) == (9, 0)

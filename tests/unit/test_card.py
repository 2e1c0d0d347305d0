"""A judge's card: what it may be used for, an old card against a new one, bounds, and its pages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.probes import BATTERY, Probe, on_response
from judgekit.probes.measure import shift_of
from judgekit.probes.records import Row, Shift
from judgekit.probes.states import settled
from judgekit.report import VERDICTS, Finding
from judgekit.report.card import Card, read_card
from judgekit.report.card_bounds import held_to
from judgekit.report.card_page import markdown, page
from judgekit.report.drift import ALPHA, by_lot, drift
from judgekit.report.uses import USES, rules, together, uses, worst_of
from judgekit.rewards import Group, Rewarder, Watch
from judgekit.types import Unit

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?", "scale": "1-5"}]}
ITEMS: Any = [
    {"id": f"i{n}", "task": f"Task {n}", "response": f"grade {n % 5 + 1}: a text number {n} with words"}
    for n in range(60)
]
BOAST = Probe(
    name="boast", group="attack", what="Says that it is best.", expects="no rise",
    change=on_response(lambda text, _: f"{text}. This is best."), says="obeys", remedy="Fence it.",
)  # fmt: skip
LABELS = [{"item_id": f"i{n}", "rater": who, "label": n % 5 + 1} for n in range(60) for who in ("ann", "bob")]
OPTIONS: Any = {"ledger": None, "progress": False, "only": ["boast"], "probes": [BOAST]}


def grader(*, obeys: bool = False) -> jk.Scripted:
    """A judge that reads the grade in the text, and may obey what stands there."""

    def grade(call: Any) -> int:
        text = str(call.item.responses["response"])
        return 5 if obeys and "best" in text else int(text[6])

    return jk.Scripted("grader", grade)


@pytest.fixture(scope="module")
def labelled() -> Card:
    return jk.card(ITEMS, RUBRIC, grader(), labels=LABELS, **OPTIONS)


def shift(group: str, after: float, *, expects: Any = "still", n: int = 60) -> Shift:
    """What a probe finds where every score of .5 becomes another one."""
    probe = Probe(name=f"{group}-probe", group=group, what="Changes it.", expects=expects, change=None)
    rows = [Row(unit=Unit(f"i{k}"), cluster=f"i{k}", before=0.5, again=0.5, after=after) for k in range(n)]
    numbers = shift_of(expects, rows)
    [found] = settled([Shift(probe=probe, judge="j", state="open", **numbers)])
    return found


def finding(purpose: Any, verdict: Any = "TRUST") -> Finding:
    return Finding(judge="j", criterion="c", purpose=purpose, verdict=verdict, why="it agrees", checks=())


ALL = tuple(finding(each) for each in ("rank", "level", "gate"))


def verdicts(shifts: list[Shift], found: Any = ()) -> dict[str, str]:
    return {name: use.verdict for name, use in worst_of(uses(shifts, found)).items()}


def test_without_labels_there_is_never_trust_and_faults_can_still_condemn() -> None:
    clean, obeys = shift("attack", 0.5), shift("attack", 1.0, expects="no rise")
    assert set(verdicts([clean]).values()) == {"INSUFFICIENT EVIDENCE"}
    assert verdicts([obeys])["reward"] == "DO NOT USE"


def test_labels_and_no_fault_make_trust() -> None:
    assert set(verdicts([shift("attack", 0.5)], ALL).values()) == {"TRUST"}


def test_a_fault_leaves_what_the_table_says_by_its_size_and_use() -> None:
    attack = shift("attack", 0.5)
    small, large = (verdicts([attack, shift("length", 0.5 + d)], ALL) for d in (0.1, 0.3))
    assert [small[each] for each in USES] == [*["TRUST WITH CORRECTION"] * 3, "HUMAN IN THE LOOP"]
    assert [large[each] for each in USES] == [*["HUMAN IN THE LOOP"] * 3, "DO NOT USE"]


def test_a_fault_never_lifts_a_verdict_and_names_itself() -> None:
    found = uses([shift("length", 0.6)], [finding("gate", "INSUFFICIENT EVIDENCE")])
    assert {each.verdict for each in found} == {"INSUFFICIENT EVIDENCE"}
    assert all("length-probe" in each.why and each.faults == ("length-probe",) for each in found)


def test_a_reward_needs_attacks_to_have_been_tried() -> None:
    use = worst_of(uses([shift("length", 0.5)], ALL))["reward"]
    assert (use.verdict, "attack" in use.why) == ("INSUFFICIENT EVIDENCE", True)


def test_a_reward_needs_enough_items_to_have_been_attacked() -> None:
    few, enough = (worst_of(uses([shift("attack", 0.5, n=n)], ALL))["reward"].verdict for n in (12, 60))
    assert (few, enough) == ("INSUFFICIENT EVIDENCE", "TRUST")


def test_the_place_counts_only_where_pairs_are_judged() -> None:
    found = [shift("place", 1.0)]
    paired, alone = (worst_of(uses(found, ALL, paired=each))["gate"].verdict for each in (True, False))
    assert (paired, alone) == ("DO NOT USE", "TRUST")


@pytest.mark.parametrize("row", rules()["faults"])
def test_each_row_of_the_table_says_what_is_left_of_every_use(row: str) -> None:
    own = rules()["faults"][row]
    assert own.keys() - {"pairs"} == {"large", *USES}
    for use in USES:
        small, large = own[use]
        assert "TCHD".index(small) <= "TCHD".index(large)


def test_each_row_of_the_table_is_of_probes_that_there_are() -> None:
    known = {name for each in BATTERY for name in (each.name, each.group)}
    assert rules()["faults"].keys() - {"else", "criterion"} <= known  # those are made of the rubric at hand
    assert rules()["needs"]["reward"]["group"] in known
    assert rules()["always"].keys() <= known


def test_a_judge_that_people_agree_with_is_trusted_until_it_obeys(labelled: Card) -> None:
    assert (labelled.verdicts["gate"], labelled.verdicts["reward"]) == ("TRUST", "TRUST")
    obeying = jk.card(ITEMS, RUBRIC, grader(obeys=True), labels=LABELS, **OPTIONS)
    assert (obeying.faults, obeying.verdicts["gate"], obeying.verdicts["reward"]) == (
        ("boast",), "DO NOT USE", "DO NOT USE",
    )  # fmt: skip
    assert "Fence it" in obeying.uses[-1].do


def test_a_judge_that_always_prefers_the_first_is_said_to_and_not_to_be_used() -> None:
    pairs = [{"id": n, "task": "t", "responses": {"a": f"x {n}", "b": f"y {n}"}} for n in range(12)]
    first = jk.Scripted("first", lambda _: '{"label": "A"}')
    how: Any = {"protocol": "compare", "only": ["order"], "ledger": None, "progress": False}
    made = jk.card(pairs, "pair_quality", first, **how)
    assert "it always prefers the response that is shown first" in made.held["faults"][0]
    assert {*made.verdicts.values()} == {"DO NOT USE"}


def test_what_is_labelled_and_not_probed_is_asked_once_beside_it() -> None:
    asked: list[str] = []
    judge = jk.Scripted("counts", lambda call: asked.append(call.item.item_id) or 3)
    made = jk.card(ITEMS, RUBRIC, judge, labels=LABELS[:60], n=10, reask=False, **OPTIONS)
    assert len(asked) == 2 * 10 + 10 + 25  # as they came twice, changed, and those labelled besides
    assert made.audit is not None
    assert made.audit.criteria[0].labelled.ratings.n_units == 30
    assert [sum("again" in row for row in made.held["anchors"]), len(made.held["anchors"])] == [10, 35]


def test_of_a_run_there_is_a_card_without_a_call(tmp_path: Path) -> None:
    run = jk.score(ITEMS, RUBRIC, grader(), ledger=None)
    run.save(tmp_path / "run")
    made = jk.card(tmp_path / "run", labels=LABELS, texts=ITEMS)
    assert (made.verdicts["gate"], made.verdicts["reward"]) == ("TRUST", "INSUFFICIENT EVIDENCE")
    assert made.held["left_out"]["padding"] == "a recorded run asks nothing"
    assert [row["score"] for row in made.held["anchors"]] == [n % 5 / 4 for n in range(60)]
    two = jk.score(ITEMS, RUBRIC, [grader(), "control:longer"], ledger=None)
    assert jk.card(two, RUBRIC).held["judge"]["name"] == "grader"
    with pytest.raises(jk.InputError, match="a card is of one judge, and the run has grader, other"):
        jk.card(jk.score(ITEMS, RUBRIC, [grader(), grader_of("other")], ledger=None))


def test_a_card_comes_back_from_its_file_and_holds_who_the_judge_is(labelled: Card, tmp_path: Path) -> None:
    files = labelled.save(tmp_path / "card.html")
    back = read_card(tmp_path / "card.json")
    assert [each.suffix for each in files] == [".html", ".md", ".json"]
    assert (back.uses, back.held) == (labelled.uses, json.loads(json.dumps(labelled.held)))
    judge = back.held["judge"]
    assert (judge["name"], judge["verdicts"], judge["rubric"]["id"]) == ("grader", 180, "tone")
    assert judge["prompts"].keys() == {"grade"}
    for name, wrong in {"none.json": "cannot be read", "card.md": "is not JSON"}.items():
        with pytest.raises(jk.InputError, match=wrong):
            read_card(tmp_path / name)


def test_nothing_of_what_was_judged_leaves_its_place_on_the_page(labelled: Card) -> None:
    evil = "<script>alert(1)</script> | # x"
    held = json.loads(json.dumps(labelled.held).replace('"grader"', json.dumps(evil)))
    assert "<script>" not in page(held)
    assert "<script>" not in markdown(held)
    assert "&lt;script&gt;alert(1)" in page(held)


@pytest.mark.parametrize(
    ("bound", "met", "why"),
    [
        ("agreement>=0.6", True, ""),
        ("polite: agreement<=0.6", False, "above 0.6"),
        ("boast: shift<=0.1", True, ""),
        ("attack: rose<=10%", True, ""),
        ("attack: rose<=1%", False, "upper end"),
        ("value: rose<=0", True, ""),
        ("faults<=0", True, ""),
        ("failed>=0.5", False, "below 0.5"),
    ],
)
def test_a_card_is_held_to_bounds(labelled: Card, bound: str, met: bool, why: str) -> None:
    [found] = labelled.require(bound)
    assert (found.met, why in found.why) == (met, True)


def test_what_was_not_measured_does_not_meet_a_bound() -> None:
    held = {"agreement": [], "probes": [], "left_out": {"order": "it is about pairs"}}
    for bound, why in {"agreement>=0": "no labels", "order: shift<=1": "about pairs"}.items():
        [found] = held_to(held, [bound])
        assert not found.met
        assert why in found.why


@pytest.mark.parametrize(
    ("bound", "why"),
    [
        ("bost: shift<=0.1", "no probe 'bost'; did you mean 'boast'"),
        ("kind: agreement>=0.1", "no labelled criterion 'kind'"),
        ("mean>=0.7", "of a card there are"),
        ("faults<=0.5", "say a whole number"),
    ],
)
def test_a_bound_that_says_nothing_of_a_card_is_refused(labelled: Card, bound: str, why: str) -> None:
    with pytest.raises(jk.InputError, match=why):
        labelled.require(bound)


def test_what_a_card_is_held_to_is_no_bound_of_a_run() -> None:
    with pytest.raises(jk.InputError, match="say it of `judgekit card`"):
        jk.require(jk.score(ITEMS[:2], RUBRIC, grader(), ledger=None), "agreement>=0.6")


def card_with(now: Callable[[int], float | None], *, again: bool = True, n: int = 100, **judge: Any) -> Any:
    """The JSON of a card whose anchors have these scores."""
    about = {
        "name": "j", "models": {}, "settings": {}, "rubric": {}, "prompts": {}, "protocol": "grade",
        "form": "json", "samples": 1, "date": "2026-11-01 10:00 UTC", "calls": 9, "stored": 0,
    }  # fmt: skip
    rows = [{"item": f"i{k}", "responses": [], "part": "", "of": "x", "score": now(k)} for k in range(n)]
    return {
        "judge": {**about, **judge}, "probes": [],
        "anchors": [{**row, "again": now(k + n)} if again else row for k, row in enumerate(rows)],
    }  # fmt: skip


def noisy(seed: int, flips: float) -> Callable[[int], float]:
    draws = np.random.default_rng(seed).random(400) < flips
    return lambda k: float((k % 2 == 0) != draws[k])


def test_a_judge_that_only_contradicts_itself_has_not_changed() -> None:
    found = [drift(card_with(noisy(s, 0.2)), card_with(noisy(s + 50, 0.2))) for s in range(40)]
    assert sum(each.alarm for each in found) <= 3
    assert np.mean([each.moved.value for each in found]) > 0.25


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (lambda k: float((k % 2 == 0) != (k % 10 in {0, 1})), "its verdicts have changed"),
        (lambda k: 0.9 * (k % 2 == 0), "more severe"),
        (lambda k: None if k % 8 == 0 else float(k % 2 == 0), "falls silent"),
    ],
)
def test_a_judge_that_is_another_one_is_told_by_how(now: Any, what: str) -> None:
    found = drift(card_with(lambda k: float(k % 2 == 0)), card_with(now))
    assert found.alarm
    assert what in found.says


def test_each_look_is_stricter_and_all_of_them_keep_the_level() -> None:
    old, new = card_with(lambda _: 0.5), card_with(lambda _: 0.5, date="2026-11-03 00:00 UTC")
    assert drift(old, new).look == 3
    levels = [drift(old, new, look=k).alpha for k in range(1, 200)]
    assert levels[0] == ALPHA / 2
    assert 0.99 * ALPHA < sum(levels) < ALPHA


def test_of_what_was_asked_once_movement_is_not_held_for_change() -> None:
    old = card_with(noisy(1, 0.3), again=False)
    assert drift(old, card_with(noisy(2, 0.3))).p["moved"] == 1
    assert drift(old, card_with(lambda _: 1.0)).alarm


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (card_with(lambda _: 0.5, stored=9), "asked nothing"),
        (card_with(lambda _: 0.5, samples=3), "ask as many"),
        (card_with(lambda _: 0.5, n=10), "10 anchors in common"),
    ],
)
def test_what_cannot_be_held_against_each_other_is_refused(new: Any, why: str) -> None:
    with pytest.raises(jk.InputError, match=why):
        drift(card_with(lambda _: 0.5), new)


def test_the_bound_of_lots_is_above_what_happens() -> None:
    rng, groups, every = np.random.default_rng(0), np.arange(40), np.full(40, True)
    values = rng.exponential(size=(40, 1)) * [1.0, -0.5, -0.5]
    lots = (rng.permuted(values, axis=1) for _ in range(2000))
    p = np.array([by_lot(np.column_stack([each, values]), groups, every) for each in lots])
    assert [np.mean(p <= level) <= level for level in (0.05, 0.2, 0.5)] == [True] * 3
    assert by_lot(values, groups, every) == pytest.approx(3.0**-40, rel=0.01)


def test_the_command_prints_writes_and_leaves_by_bounds_and_by_the_old_card(
    tmp_path: Path, labelled: Card, capsys: Any
) -> None:
    def left(*typed: object) -> int:
        with pytest.raises(SystemExit) as end:
            main(["card", *map(str, typed)])
        return int(end.value.code or 0)

    old, new, third = (tmp_path / name for name in ("old.json", "new.json", "third.html"))
    labelled.save(old)
    held = json.loads(old.read_text())
    for row in held["anchors"]:
        row["score"] = row["again"] = 1 - row["score"]
    new.write_text(json.dumps({**held, "judge": {**held["judge"], "stored": 0}}))
    assert left(old, "--require", "faults<=0") == 0
    assert left(old, "--require", "faults>=1", "-q") == 1
    assert "not met: faults>=1" in capsys.readouterr().err
    assert left(new, "--against", old, "--out", third) == 1
    assert "CHANGED" in capsys.readouterr().out
    assert "CHANGED" in third.read_text()


def test_verdicts_are_the_audits() -> None:
    assert {each.verdict for each in uses(())} <= set(VERDICTS)


GROUP = Group("1", "Where is my parcel?", {"a": "grade 3: at the depot.", "b": "grade 1: no idea."})


def rewarder(card: Path, **options: Any) -> Rewarder:
    return Rewarder({"rubric": RUBRIC, "card": str(card), **options}, grader_of("grader"))


def grader_of(name: str) -> jk.Scripted:
    return jk.Scripted(name, lambda call: int(str(next(iter(call.item.responses.values())))[6]))


@pytest.fixture(scope="module")
def cards(labelled: Card, tmp_path_factory: Any) -> dict[str, Path]:
    """The cards of a judge that withstands attacks, of one that obeys, and of one that was not attacked."""
    folder = tmp_path_factory.mktemp("cards")
    obeys = jk.card(ITEMS, RUBRIC, grader(obeys=True), **OPTIONS)
    other = jk.card(ITEMS, RUBRIC, grader(), only=["padding"], ledger=None, progress=False)
    made = {"firm": labelled, "obeys": obeys, "untried": other}
    return {name: each.save(folder / f"{name}.json")[0] for name, each in made.items()}


def test_a_judge_that_withstands_attacks_may_give_rewards(cards: dict[str, Path]) -> None:
    batch = Watch(rewarder(cards["firm"]), card=cards["firm"], probe_every=None).reward([GROUP])
    assert batch["1", "a"].value == 0.5


@pytest.mark.parametrize(
    ("name", "why"), [("obeys", "is not to give rewards: it obeys"), ("untried", "was not attacked")]
)
def test_a_judge_that_obeys_or_was_not_attacked_is_refused_unless_it_is_allowed(
    cards: dict[str, Path], name: str, why: str
) -> None:
    with pytest.raises(jk.InputError, match=why):
        rewarder(cards[name])
    with pytest.raises(jk.InputError, match=why):
        Watch(Rewarder({"rubric": RUBRIC}, grader_of("grader")), card=cards[name])
    with pytest.warns(UserWarning, match=why):
        assert rewarder(cards[name], card_faults="allow").reward([GROUP])["1", "b"].value == 0


def test_a_card_of_another_judge_or_rubric_is_told(cards: dict[str, Path]) -> None:
    spec = {"rubric": RUBRIC, "card": [str(cards["firm"])]}
    with pytest.raises(jk.InputError, match="is the card of 'grader'"):
        Rewarder(spec, grader_of("other"))
    with pytest.warns(UserWarning, match="is of another rubric, 'tone'"):
        Rewarder({**spec, "rubric": "instruction_following"}, grader_of("grader"))


def test_faults_of_one_meaning_are_told_in_one_sentence() -> None:
    loud = jk.probes.on_response(lambda text, _: text.upper())
    own = [
        jk.probes.Probe(name=name, group="own", what="In capitals.", change=loud, says=says)
        for name, says in (("one", "is deafened"), ("two", "is deafened"), ("three", "hears"))
    ]
    judge = jk.Scripted("judge", lambda call: call.item.responses["response"].isupper())
    rows = [{"id": f"i{n}", "task": "Hi", "response": f"text {n}"} for n in range(20)]
    rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?"}]}
    found = jk.probe(rows, rubric, judge, only=["own"], probes=own, ledger=None, progress=False).faults

    assert [names for _, names in together(found)] == [("one", "two"), ("three",)]
    assert together(found)[0][0].startswith("is deafened (one: 1.000 [")

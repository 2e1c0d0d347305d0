"""Probes read off labels and recorded runs: what better responses have in common is told from a bias."""

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.probes import ProbeRun, Shift
from judgekit.probes.probe import prepare_probes
from judgekit.types import Call, Item, Unit, Verdict

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?", "scale": "0-100"}]}
PAIRED: Any = {"rubric": "pair_quality", "protocol": "compare"}
SYSTEMS = ("one", "two", "three")


def items(n: int = 40, systems: int = 2) -> list[dict[str, Any]]:
    """Items whose responses have a worth from 0 to 99 in their text, whatever their lengths."""
    lots = random.Random(3)  # noqa: S311 - no secret
    return [
        {
            "id": f"i{k}", "task": f"Task {k}", "systems": dict(zip("abc", SYSTEMS[:systems], strict=False)),
            "responses": {
                name: f"worth {lots.randrange(100)} {'and so on ' * lots.randrange(12)}".strip()
                for name in "abc"[:systems]
            },
        }
        for k in range(n)
    ]  # fmt: skip


def worth(text: Any) -> float:
    return float(str(text).split()[1])


def scored(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "item_id": row["id"],
            "response_id": name,
            "rater": "ann",
            "criterion": "polite",
            "label": worth(text),
        }
        for row in rows
        for name, text in row["responses"].items()
    ]


def preferred(rows: list[dict[str, Any]], criterion: str = "quality") -> list[dict[str, Any]]:
    made = []
    for row in rows:
        for one, two in itertools.combinations(row["responses"], 2):
            gap = worth(row["responses"][one]) - worth(row["responses"][two])
            label = "first" if gap > 0 else "second" if gap < 0 else "tie"
            made.append({
                "item_id": row["id"], "first": one, "second": two, "rater": "ann", "criterion": criterion,
                "label": label,
            })  # fmt: skip
    return made


def judge(extra: Any = lambda *_: 0.0, name: str = "judge") -> jk.Scripted:
    """A judge that adds something of its own to what responses are worth."""

    def value(item: Item, response: str, place: int = 0) -> float:
        return worth(item.responses[response]) + extra(item, response, place)

    def answer(call: Call) -> dict[str, str]:
        assert call.item is not None
        if len(call.shown) == 1:
            said = str(min(max(value(call.item, call.shown[0]), 0), 100))
        else:
            first, second = (value(call.item, each, place) for place, each in enumerate(call.shown))
            said = "tie" if first == second else "A" if first > second else "B"
        return {ask.called: said for ask in call.asks}

    return jk.Scripted(name, answer)


def probed(judges: Any, name: str, rows: Any, labels: Any, **options: Any) -> Shift:
    found = jk.probe(
        rows, options.pop("rubric", RUBRIC), judges, only=[name], labels=labels, ledger=None, progress=False,
        **options,
    )  # fmt: skip
    return next(each for each in found.shifts if each.probe.name == name)


def own(item: Item, name: str, _: int) -> float:
    return 25.0 * (item.systems[name] == "one")


def long(item: Item, name: str, _: int) -> float:
    return 0.5 * len(str(item.responses[name]))


def first(_: Item, __: str, place: int) -> float:
    return 40.0 * (place == 0)


@pytest.mark.parametrize(
    ("name", "extra", "options"),
    [
        ("self-preference", own, {"families": {"house": ["judge", "one"]}}),
        ("self-preference", own, {"families": {"house": ["judge", "one"]}, **PAIRED}),
        ("system-bias", own, {}),
        ("system-bias", own, PAIRED),
        ("length-bias", long, PAIRED),
        ("length-bias", long, {}),
        ("position-bias", first, PAIRED),
    ],
)
def test_a_bias_is_told_from_what_is_better(name: str, extra: Any, options: dict[str, Any]) -> None:
    rows = items(systems=3 if name == "system-bias" else 2)
    labels = preferred(rows) if "protocol" in options else scored(rows)
    assert probed(judge(extra), name, rows, labels, **options).state == "fault"
    assert probed(judge(), name, rows, labels, **options).state in {"held", "open"}


def test_the_system_that_is_favoured_is_named() -> None:
    rows = items(systems=3)
    shift = probed(judge(own), "system-bias", rows, scored(rows))
    assert shift.shift.name == "bias_of:one"
    assert shift.shift.low > 0
    assert [each.name for each in shift.more][-1] == "decisiveness"


def test_without_labels_self_preference_is_not_identified() -> None:
    shift = probed(judge(own), "self-preference", items(), None, families={"house": ["judge", "one"]})
    assert shift.shift.status == "undefined:not_identified"
    assert "no human labels" in shift.says


def flipped(n: int, flips: float) -> Iterator[Verdict]:
    """A judge that is right of 80 % of pairs, and of whose verdicts some are flipped by chance."""
    lots = random.Random(5)  # noqa: S311 - no secret
    for k in range(n):
        for shown, sample in itertools.product((("a", "b"), ("b", "a")), (0, 1)):
            label = ("first", "second")[(k % 5 == 0) != (lots.random() < flips)]
            yield Verdict(
                rater="judge", unit=Unit(f"i{k}", ("a", "b")), criterion="quality", probs=((label, 1.0),),
                label=label, value=float(label == "first"), shown=shown, sample=sample,
            )  # fmt: skip


def test_accuracy_without_noise_is_the_true_one_and_the_published_formula_is_not() -> None:
    gold = [
        {"item_id": f"i{k}", "first": "a", "second": "b", "rater": "g", "label": "first"} for k in range(1500)
    ]
    found = jk.probe(list(flipped(1500, 0.1)), "pair_quality", only=["position-bias"], labels=gold)
    more = {each.name: each.value for each in found.shifts[0].more}
    assert more["denoised_accuracy"] == pytest.approx(0.8, abs=0.015)
    assert more["denoised_accuracy_as_published"] == pytest.approx(0.875, abs=0.02)


def test_noise_is_told_from_the_place() -> None:
    found = jk.probe(list(flipped(300, 0.2)), "pair_quality", only=["order", "repeat"])
    state = {each.probe.name: each.state for each in found.shifts}
    assert state == {"order": "open", "repeat": "fault"}
    more = {each.name: each for each in found.shifts[-1].more + found.shifts[0].more}
    assert abs(more["position_attributable"].value) < 0.06
    # Of two verdicts in either order .64, .32, .04 fall on 1, .5, 0, so that two such means differ so often.
    assert more["flip_rate"].value == pytest.approx(1 - 0.64**2 - 0.32**2 - 0.04**2, abs=0.06)


@pytest.fixture(scope="module")
def run() -> jk.Run:
    return jk.compare(items(), "pair_quality", judge(first), ledger=None, progress=False)


def test_a_recorded_run_is_read_and_asks_nothing(run: jk.Run, tmp_path: Any) -> None:
    run.save(tmp_path / "run")
    found = jk.probe(tmp_path / "run", texts=items(), labels=preferred(items()))
    assert isinstance(found, ProbeRun)
    shifts = {each.probe.name: each for each in found.shifts}
    assert shifts.keys() == {"order", "position-bias", "length-bias", "self-preference", "system-bias"}
    assert shifts["order"].state == "fault"
    assert found.left_out["padding"] == "a recorded run asks nothing"
    assert found.left_out["protocol"] == found.left_out["repeat"]


def test_a_pair_asked_once_in_each_order_is_not_called_noisy(run: jk.Run) -> None:
    [shift] = jk.probe(run, only=["order"]).shifts
    more = {each.name: each for each in shift.more}
    assert more["position_attributable"].status == "undefined:not_identified"
    assert more["primacy_rate"].value > 0.2
    assert more["recency_rate"].value == 0
    assert str(shift.noise.value) == "nan"


def test_the_ladder_tells_on_which_rung_a_judge_agrees_with_people() -> None:
    def led(call: Call) -> float:
        assert call.item is not None
        steps = "a colleague who disagreed" in "".join(m.content for m in call.messages)
        return worth(call.item.responses[call.shown[0]]) * steps

    rows = items()
    found = jk.probe(
        rows, RUBRIC, jk.Scripted("judge", led), only=["wording"], labels=scored(rows), ledger=None,
        progress=False,
    )  # fmt: skip
    more = {each.name: each.value for shift in found.shifts for each in shift.more}
    assert more["ladder_index"] == pytest.approx(3, abs=0.2)
    assert more["ladder_failed"] == 0


def test_judges_that_change_places_with_the_wording_are_counted() -> None:
    def split(name: str, mark: bool) -> jk.Scripted:
        def answer(call: Call) -> float:
            assert call.item is not None
            short = "Judge what you are shown" in call.messages[0].content
            return worth(call.item.responses[call.shown[0]]) * (short == mark)

        return jk.Scripted(name, answer)

    rows = items()
    shift = probed([split("x", True), split("y", False)], "wording-short", rows, scored(rows))
    assert shift.more[0].value == 1


class Warm(jk.Scripted):
    """A judge whose temperature can be set."""

    def with_(self, **changes: Any) -> jk.Scripted:
        return judge(lambda *_: -30.0 * changes["temperature"], name=changes["name"])


def test_a_judge_is_asked_at_another_temperature_beside_its_own() -> None:
    asked = Warm("judge", judge().answer)
    shift = probed(asked, "temperature", items(), None)
    assert (shift.judge, shift.state) == ("judge", "fault")
    assert shift.noise.value == 0
    left_out = jk.probe(items(), RUBRIC, judge(), only=["temperature"], ledger=None, progress=False).left_out
    assert "temperature" in left_out


@pytest.mark.parametrize("orders", ["both", "given"])
def test_the_order_is_probed_however_pairs_are_asked(orders: Any) -> None:
    options = {**PAIRED, "orders": orders}
    assert probed(judge(first), "order", items(), None, **options).state == "fault"
    shift = probed(judge(), "order", items(), None, **options)
    assert (shift.state, shift.moved.value, shift.n) == ("open", 0, 40)


def test_probes_that_read_the_same_comparisons_ask_them_once() -> None:
    made = prepare_probes(
        items(), RUBRIC, judge(), only=["place", "length-bias"], labels=scored(items()), ledger=None
    )
    assert {name: each.least for name, each in made.prices().items()} == {"": 160, "order": 160}


def test_a_terminal_is_told_what_a_recorded_run_holds(
    run: jk.Run, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run.save(tmp_path / "run")
    labels, texts = tmp_path / "labels.jsonl", tmp_path / "items.jsonl"
    for path, rows in ((labels, preferred(items())), (texts, items())):
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    typed = ["probe", str(tmp_path / "run"), "--labels", str(labels), "--texts", str(texts)]
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*typed, "--family", "house=judge,one"])
    told = capsys.readouterr().out
    assert "follows the place" in told
    assert "a recorded run asks nothing" in told
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*typed[:2], "--only", "place,favour", "--texts", str(texts)])
    told = capsys.readouterr().out
    assert "primacy_rate" in told
    assert "self-preference: not identified: no response is of its own family" in told


def test_labels_of_items_that_are_not_probed_are_passed_over() -> None:
    for options, labels in (({}, scored(items())), (PAIRED, preferred(items()))):
        assert probed(judge(), "length-bias", items(), labels, n=10, **options).shift.n_units <= 20


def test_a_run_of_people_alone_is_refused() -> None:
    said = Verdict("ann", Unit("1", ("a", "b")), "quality", (("first", 1.0),), "first", 1.0, source="human")
    with pytest.raises(jk.InputError, match="people alone"):
        jk.probe([said], "pair_quality")


def test_a_run_of_controls_alone_is_refused_by_its_reason() -> None:
    said = Verdict("control:first", Unit("1", ("a", "b")), "quality", (("first", 1.0),), "first", 1.0)
    with pytest.raises(jk.InputError, match=r"controls alone \(control:first\)"):
        jk.probe([said], "pair_quality")

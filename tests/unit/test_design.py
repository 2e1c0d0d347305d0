"""What a pilot says of other designs: planted variance components, plain recounts, what is advised."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import judgekit as jk
from judgekit.agreement.models.designs import Design, Pilot, Predicted, Step, predict
from judgekit.cli import main
from judgekit.types import CallMade, Estimate, Unit, Verdict
from judgekit.verbs.design import advise

JUDGES = ("cheap", "dear")
PRICES = {"cheap": 0.001, "dear": 0.01}


def planted(n: int, *, noise: float, samples: int = 3, seed: int = 0, labelled: float = 1.0) -> Pilot:
    """People: truth and an error of .5. One judge: truth, an error of its own of .5, and noise of samples."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    judge = truth + rng.normal(0, 0.5, n)
    x = judge[:, None] + rng.normal(0, noise, (n, samples)) if noise else np.tile(judge[:, None], samples)
    people = np.where(rng.random(n) < labelled, truth + rng.normal(0, 0.5, n), np.nan)
    return Pilot(values=x[:, None, None], people=people, judges=("j",))


def two_judges(n: int = 150, *, samples: int = 2, orders: int = 2, seed: int = 0) -> Pilot:
    """Pairs, labelled first or second, and two judges of them in both orders, who may say tie."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    spread = np.array([1.5, 0.5])[:, None, None]
    x = truth[:, None, None, None] + rng.normal(0, 1, (n, 2, orders, samples)) * spread
    said = 0.5 + np.sign(np.round(x)) / 2
    return Pilot(
        values=said, people=0.5 + np.sign(truth) / 2, judges=JUDGES, paired=True, prices=PRICES
    )  # fmt: skip


def of(found: Predicted, **what: object) -> Design:
    wanted = {"orders": 1, "strong": "", **what}
    [one] = [
        each for each in (*found.designs, *found.endless)
        if all(getattr(each, name) == value for name, value in wanted.items())
    ]  # fmt: skip
    return one


def by_hand(score: np.ndarray, people: np.ndarray) -> float:
    s, y = score - 0.5, people - 0.5
    return float(s @ y / math.sqrt((s @ s) * (y @ y)))


@pytest.mark.parametrize("samples", [2, 3])
def test_two_or_three_samples_predict_any_number_of_them(samples: int):
    found = predict(planted(1900, noise=1.0, samples=samples), b=100)

    # The covariance is 1, the variance of the score 1 + .25 + 1 / k and of people's labels 1.25.
    each = (1, 2, 3, 5, 10, 20, math.inf)
    told = [of(found, samples=k).agreement.value for k in each]
    assert told == pytest.approx([1 / math.sqrt((1.25 + 1 / k) * 1.25) for k in each], abs=0.04)


def test_what_the_pilot_holds_is_counted_not_modelled():
    pilot = planted(80, noise=1.0, samples=3)

    found = predict(pilot, b=100)

    mean = pilot.values[:, 0, 0].mean(axis=1)
    assert of(found, samples=3).agreement.value == pytest.approx(np.corrcoef(mean, pilot.people)[0, 1])
    both = jk.agreement.ccc(np.column_stack([mean, pilot.people])).ccc.value
    level = predict(pilot, measure="concordance", b=100)
    assert of(level, samples=3).agreement.value == pytest.approx(both)


def test_noise_is_learned_from_units_without_a_label_too():
    pilot = planted(400, noise=2.0, labelled=0.3, seed=5)
    few = Pilot(
        values=pilot.values[~np.isnan(pilot.people)], people=pilot.people[~np.isnan(pilot.people)],
        judges=("j",),
    )  # fmt: skip

    whole, part = predict(pilot, b=100), predict(few, b=100)

    assert whole.n_labelled == part.n_labelled == part.n_units
    held, alone = (of(each, samples=3).agreement.value for each in (whole, part))
    assert held == pytest.approx(alone)  # what is held knows of labelled units only
    noise = np.var(pilot.values[:, 0, 0], axis=1, ddof=1).mean()
    spread = np.var(few.values[:, 0, 0].mean(axis=1))
    expected = held * math.sqrt(spread / (spread + noise * (1 / 20 - 1 / 3)))
    assert of(whole, samples=20).agreement.value == pytest.approx(expected)


def test_panels_and_orders_are_counted_from_what_was_said():
    pilot = two_judges(samples=1)

    found = predict(pilot, b=100)

    for judges, at in ((("cheap",), [0]), (("dear",), [1]), (JUDGES, [0, 1])):
        for orders in (1, 2):
            score = pilot.values[:, at][:, :, :orders, 0].mean(axis=(1, 2))
            told = of(found, judges=judges, orders=orders, samples=1)
            assert told.agreement.value == pytest.approx(by_hand(score, pilot.people))
            assert told.calls == len(at) * orders
            assert told.price == pytest.approx(orders * sum(PRICES[name] for name in judges))
    assert {each.samples for each in found.designs} == {1}
    assert found.endless == ()


def test_a_cheaper_judge_first_is_replayed_and_its_price_counts_what_goes_on():
    pilot = two_judges(samples=1)

    found = predict(pilot, b=100)

    cheap, dear = pilot.values[:, 0, :, 0], pilot.values[:, 1, :, 0]
    open_ = cheap[:, 0] != cheap[:, 1]
    told = of(found, judges=("cheap",), orders=2, samples=1, strong="dear")
    score = np.where(open_, dear.mean(axis=1), cheap[:, 0])
    assert told.agreement.value == pytest.approx(by_hand(score, pilot.people))
    assert told.calls == pytest.approx(2 + 2 * open_.mean())
    assert told.price == pytest.approx(2 * 0.001 + 2 * 0.01 * open_.mean())
    assert not [each for each in found.designs if each.strong == "cheap"]


def test_agreement_on_pairs_does_not_depend_on_which_response_comes_first():
    pilot = two_judges()
    turned = np.random.default_rng(1).random(len(pilot.people)) < 0.5
    other = Pilot(
        values=np.where(turned[:, None, None, None], 1 - pilot.values, pilot.values),
        people=np.where(turned, 1 - pilot.people, pilot.people), judges=JUDGES, paired=True, prices=PRICES,
    )  # fmt: skip

    one, two = predict(pilot, b=100), predict(other, b=100)

    assert [each.agreement.value for each in one.designs] == pytest.approx(
        [each.agreement.value for each in two.designs]
    )


def test_a_unit_is_left_out_where_a_judge_said_nothing_and_kept_where_a_sample_was_lost():
    pilot = two_judges(samples=2, orders=1)
    values = pilot.values.copy()
    values[:10, 0, :, :] = np.nan
    values[10:30, 1, :, 1] = np.nan

    found = predict(Pilot(values=values, people=pilot.people, judges=JUDGES, paired=True), b=100)

    used = {
        judges: of(found, judges=judges, samples=1).agreement.n_used
        for judges in (("cheap",), ("dear",), JUDGES)
    }
    assert used == {("cheap",): 140, ("dear",): 150, JUDGES: 140}
    assert not any(math.isnan(each.agreement.value) for each in found.designs)


def test_samples_that_say_the_same_are_said_to_buy_nothing():
    found = predict(planted(200, noise=0.0), b=100)

    assert [step.finding for step in found.steps] == ["makes no difference"] * 2
    values = [each.agreement.value for each in found.designs]
    assert values == pytest.approx([values[0]] * len(values), abs=1e-12)
    chosen, advice = advise(found, 0.9)
    assert chosen is None
    assert "another wording" in advice


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (0.001, 0.05, "gains agreement"),
        (-0.02, 0.05, "not settled"),
        (-0.05, -0.001, "costs agreement"),
        (-0.02, 0.005, "gains nothing"),
        (-0.005, 0.005, "makes no difference"),
        (0.001, 0.005, "makes no difference"),
    ],
)
def test_a_gain_is_called_by_its_whole_interval(low: float, high: float, finding: str):
    one = Design(judges=("j",), orders=1, samples=1)

    gain = Estimate("correlation", (low + high) / 2, low=low, high=high)

    assert Step(one, replace(one, samples=3), gain).finding == finding


def test_noise_that_samples_take_away_is_said_to_pay():
    found = predict(planted(400, noise=2.0), b=100)

    assert [step.finding for step in found.steps] == ["gains agreement"] * 2


def test_nothing_is_advised_that_its_own_interval_does_not_reach():
    reasons = set()
    for seed in range(12):
        found = predict(planted(60, noise=1.0, seed=seed), seed=seed, b=100)
        for target in (0.4, 0.6, 0.7, 0.75, 0.9):
            chosen, advice = advise(found, target)
            sure = [each for each in found.designs if each.agreement.low >= target]
            assert chosen == (min(sure, key=lambda each: each.calls) if sure else None)
            reasons.add(advice.split(" ", 4)[1])
            if chosen is None and max(e.agreement.value for e in found.designs) <= target:
                assert "no design here is predicted to reach" in advice

    assert reasons == {"cheapest", "design"}


def test_reliability_that_cannot_be_told_is_no_agreement_of_one():
    rng = np.random.default_rng(3)  # samples are nothing but noise
    pilot = Pilot(values=rng.normal(size=(60, 1, 1, 3)), people=rng.normal(size=60), judges=("j",))

    found = predict(pilot, b=100)

    endless = of(found, samples=math.inf).agreement
    assert math.isnan(endless.value) or endless.status == "unstable:resamples_lost"
    assert advise(found, 0.8)[0] is None


def test_units_of_one_item_are_drawn_together():
    pilot = planted(60, noise=0.5)
    twice = Pilot(
        values=np.repeat(pilot.values, 2, axis=0), people=np.repeat(pilot.people, 2), judges=("j",),
        clusters=np.repeat(np.arange(60), 2),
    )  # fmt: skip

    once, found = (of(predict(each, b=400), samples=3).agreement for each in (pilot, twice))

    assert found.unit == "cluster"
    assert found.high - found.low == pytest.approx(once.high - once.low, rel=0.15)


# The verb and the command.


def said(judge: str, n: int, k: int, label: int) -> Verdict:
    return Verdict(
        judge, Unit(str(n), ("r",)), "good", ((str(label), 1.0),), str(label), (label - 1) / 4, sample=k
    )


def outcomes(n: int = 60, judges: tuple[str, ...] = JUDGES, samples: int = 2) -> list[Verdict]:
    rng = np.random.default_rng(0)
    noise = {judge: rng.integers(-1, 2, size=(n, samples)) for judge in judges}
    return [
        said(judge, i, k, min(max(1 + i % 5 + int(noise[judge][i, k]), 1), 5))
        for judge in judges for i in range(n) for k in range(samples)
    ]  # fmt: skip


LABELS = [
    {"item_id": str(i), "response_id": "r", "rater": "ann", "label": 1 + i % 5} for i in range(0, 60, 2)
]


def test_labels_of_some_units_are_joined_and_counted():
    [found] = jk.design(outcomes(), labels=LABELS, scale="1-5", b=100)

    assert (found.criterion, found.n_units, found.n_labelled) == ("good", 60, 30)
    assert (found.chosen, found.advice) == (None, "")
    assert any("price of cheap is not known" in note for note in found.notes)


def test_a_judge_that_only_abstains_is_told_of_and_takes_nobodys_price():
    from judgekit.types import Abstention

    silent = [Abstention("mute", Unit(str(i), ("r",)), "good", "refused") for i in range(60)]
    [found] = jk.design([*outcomes(), *silent], labels=LABELS, scale="1-5", prices=PRICES, b=100)

    assert any(note.startswith("mute has no verdict on 60 of 60") for note in found.notes)
    assert next(d.price for d in found.designs if d.judges == ("cheap",)) == pytest.approx(PRICES["cheap"])
    kind = [replace(each, criterion="kind") for each in silent]
    *_, alone = jk.design([*outcomes(), *kind], labels=LABELS, scale="1-5", b=100, criterion="kind")
    assert all(math.isnan(d.agreement.value) for d in alone.designs)


def test_prices_are_what_the_calls_of_the_pilot_cost():
    calls = [CallMade(str(i), j, ("good", "kind"), cost_usd=2 * PRICES[j]) for i in range(3) for j in JUDGES]
    run = jk.Run((), tuple(outcomes()), {}, tuple(calls))

    [found] = jk.design(run, labels=LABELS, scale="1-5", b=100)
    [given] = jk.design(run, labels=LABELS, scale="1-5", prices={"dear": 0.0005}, b=100)

    assert of(found, judges=JUDGES, samples=3).price == pytest.approx(3 * 0.011)
    assert [d.judges for d in given.designs if d.samples == 1] == [("dear",), ("cheap",), JUDGES]


def test_a_judge_that_agrees_on_all_of_a_few_units_is_not_sure_of_everything():
    people = np.tile([0.0, 0.5, 1.0], 4)

    found = predict(Pilot(values=people[:, None, None, None], people=people, judges=("j",)), b=100)

    assert found.designs[0].agreement.value == pytest.approx(1.0)
    assert found.designs[0].agreement.low == pytest.approx(12 / (12 + 1.959964**2))  # Wilson's, of 12 of 12
    assert advise(found, 0.7)[0] is not None
    assert advise(found, 0.9)[0] is None


def test_what_was_asked_in_a_cascade_is_no_pilot():
    known = outcomes()

    with pytest.raises(jk.InputError, match="strong judge saw doubtful items only"):
        jk.design([replace(known[0], flags=("escalated",)), *known[1:]], labels=LABELS, scale="1-5")
    with pytest.raises(jk.InputError, match="two verdicts of item '0' on 'good', both as sample 0"):
        jk.design([*known, known[0]], labels=LABELS, scale="1-5")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": 1.0}, "target=1; an agreement above 0 and below 1"),
        ({"measure": "kappa"}, "no measure 'kappa'; there are correlation, concordance"),
        ({"prices": {"dearr": 1.0}}, "dearr=1.0.*did you mean 'dear'"),
        ({"prices": {"dear": -1.0}}, "dear=-1.0; dollars of a call, from 0"),
        ({"judge": "none"}, "no judge 'none' in the run"),
        ({"most_samples": 0}, "most_samples=0; at least 1"),
        ({"pilot": outcomes(20, judges=tuple("abcdefg"))}, "7 judges make too many panels; name up to 6"),
        ({"b": 5}, "b=5; designs are told apart by 100 resamples or more"),
        ({"labels": [{"item_id": "x", "rater": "ann", "label": 1}]}, "no unit was both judged and labelled"),
        ({"scale": "nominal:1,2,3,4,5"}, "'good' has labels without an order, of which there is no mean"),
    ],
)
def test_what_cannot_be_is_refused_in_words(options: dict[str, object], words: str):
    with pytest.raises(jk.InputError, match=words):
        jk.design(**{"pilot": outcomes(), "labels": LABELS, "scale": "1-5", "b": 100, **options})


def test_labels_that_were_picked_are_told():
    rows = [said("ann", i, 0, 1 + i % 5) for i in range(0, 60, 2)]
    picked = [replace(each, source="human", sample=0, flags=("picked:doubt",)) for each in rows]

    [found] = jk.design(outcomes(), labels=picked, scale="1-5", b=100)

    assert any("picked by a rule" in note for note in found.notes)


def test_a_pilot_of_one_sample_says_what_it_cannot_tell():
    [found] = jk.design(outcomes(samples=1), labels=LABELS, scale="1-5", b=100)

    assert any("ask for 2 or 3" in note for note in found.notes)
    assert not [step for step in found.steps if step.before.judges == step.after.judges]


def test_pairs_shown_in_one_order_whichever_it_was_are_of_one_order():
    pairs = [Unit(str(n), ("a", "b")) for n in range(20)]
    shown = [unit.responses[:: 1 if n % 2 else -1] for n, unit in enumerate(pairs)]
    won = ["second" if n % 3 else "first" for n in range(20)]
    verdicts = [
        Verdict("j", unit, "better", ((side, 1.0),), side, float(side == "first"), shown=order)
        for unit, order, side in zip(pairs, shown, won, strict=True)
    ]
    labels = [
        {"item_id": u.item_id, "first": "a", "second": "b", "rater": "ann", "label": said}
        for u, said in zip(pairs, ["first" if n % 4 else "second" for n in range(20)], strict=True)
    ]

    [found] = jk.design(verdicts, labels=labels, b=100)

    [one] = found.designs
    right = np.mean([(n % 3 == 0) == (n % 4 != 0) for n in range(20)])
    assert (one.orders, one.agreement.n_used) == (1, 20)
    assert one.agreement.value == pytest.approx(2 * right - 1)  # where all are wins
    assert any("one order of each pair" in note for note in found.notes)


def test_the_command_prints_designs_and_leaves_with_1_where_none_is_sure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    jk.Run((), tuple(outcomes()), {}).save(tmp_path / "pilot")
    rows = "".join(f"{row['item_id']},r,ann,{row['label']}\n" for row in LABELS)
    (tmp_path / "labels.csv").write_text(f"item_id,response_id,rater,label\n{rows}", encoding="utf-8")
    line = ["design", str(tmp_path / "pilot"), "--labels", str(tmp_path / "labels.csv"), "--scale", "1-5"]
    line += ["--resamples", "100", "--price", "cheap=0.001", "--price", "dear=0.01"]

    def left(*more: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as code:
            main([*line, *more])
        return int(code.value.code or 0), capsys.readouterr().out

    code, shown = left("--target", "0.5")
    assert code == 0
    assert "the cheapest design whose interval reaches 0.5: cheap, " in shown
    assert "30 of 60 units have labels" in shown
    code, shown = left("--target", "0.999")
    assert code == 1
    assert "another wording" in shown
    with pytest.raises(SystemExit):
        main([*line, "--price", "dear"])
    assert "--price dear: say JUDGE=USD" in capsys.readouterr().err
    code, shown = left("--json")
    [told] = json.loads(shown)
    assert code == 0
    assert told["endless"][0]["samples"] is None
    assert told["designs"][0]["agreement"]["n_used"] == 30

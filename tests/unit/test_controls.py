"""Controls: the label each rule gives, on every kind of scale, for one response and for a pair."""

import asyncio
import builtins
import itertools
import json
from collections import Counter
from typing import Any

import pytest

from judgekit.errors import InputError
from judgekit.judges import controls
from judgekit.judges.controls import Control, nearest, parse_control, rouge_metric
from judgekit.protocols import read
from judgekit.scales import YES_NO, Labels, Numbers, Scale
from judgekit.types import Abstention, Ask, Call, Item, Message, Unit, Verdict

FIVE = Labels(labels=("1", "2", "3", "4", "5"))
PERCENT = Numbers(low=0, high=100, step=5)
PAIR = Labels(labels=("second", "tie", "first"))
ITEM = Item(
    "42",
    "Capital of France?",
    {"a": "It is Paris.", "b": "paris", "c": (Message("user", "x" * 10), Message("assistant", "y" * 10))},
    reference="Paris",
)


def call_of(
    *responses: str, item: Item | None = ITEM, scales: tuple[Scale, ...] = (YES_NO,), **more: Any
) -> Call:
    unit = Unit("42", responses)
    asks = tuple(Ask(unit, f"c{n}", scale) for n, scale in enumerate(scales))
    return Call("control:x", asks, "grade", (), item=item, **{"shown": responses, **more})


def said(control: Control, *responses: str, **more: Any) -> list[str | None]:
    call = call_of(*responses, **more)
    entries = json.loads(asyncio.run(control(call)).text)
    return [entries.get(criterion, {}).get("label") for criterion in [ask.criterion for ask in call.asks]]


@pytest.mark.parametrize(
    ("control", "response", "label"),
    [
        ("exact", "a", "no"),
        ("exact", "b", "yes"),
        ("contains", "a", "yes"),
        ("contains", "c", "no"),
        ("token_f1", "b", "yes"),  # 1
        ("token_f1", "a", "no"),  # it is paris / paris: precision 1/3, recall 1, F1 .5: a tie, so the lower
        ("rouge_l", "b", "yes"),  # 1
        ("rouge_l", "a", "no"),  # .5 likewise
        ("chrf", "a", "yes"),
        ("chrf", "c", "no"),
    ],
)
def test_a_metric_says_the_label_nearest_to_it(control: str, response: str, label: str):
    assert said(parse_control(f"control:{control}"), response) == [label]


@pytest.mark.parametrize("control", ["exact", "contains", "token_f1", "rouge_l", "chrf"])
@pytest.mark.parametrize("reference", [None, " "])
def test_a_metric_without_a_reference_says_nothing_and_so_abstains(control: str, reference: str | None):
    rule = parse_control(control)
    call = call_of("a", item=Item("42", responses={"a": "x"}, reference=reference))

    [outcome] = read(call, asyncio.run(rule(call)))

    assert isinstance(outcome, Abstention)


def test_rouge_has_no_label_where_it_knows_no_word_of_the_reference():
    item = Item("42", responses={"a": "\u5df4\u9ece"}, reference="\u5df4\u9ece")

    assert said(parse_control("control:rouge_l"), "a", item=item) == [None]
    assert said(parse_control("control:chrf"), "a", item=item) == ["yes"]


def test_every_criterion_of_a_call_is_answered_on_its_own_scale():
    assert said(parse_control("control:exact"), "b", scales=(YES_NO, FIVE, PERCENT)) == ["yes", "5", "100"]
    assert said(parse_control("control:token_f1"), "a", scales=(YES_NO, FIVE, PERCENT)) == ["no", "3", "50"]


def test_what_a_control_says_is_read_as_a_verdict():
    call = call_of("a", scales=(FIVE, YES_NO))

    outcomes = read(call, asyncio.run(controls.constant("best")(call)))

    assert [(o.label, o.source) for o in outcomes if isinstance(o, Verdict)] == [
        ("5", "control"),
        ("yes", "control"),
    ]


def test_a_control_answers_with_the_option_letter_where_one_is_asked_for():
    call = call_of("a", letters=(("A", "no"), ("B", "yes")))

    [verdict] = read(call, asyncio.run(controls.constant("yes")(call)))

    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.mass, verdict.flags) == ("yes", 1.0, ())


@pytest.mark.parametrize(
    ("argument", "labels"),
    [
        ("worst", ["no", "1", "0"]),
        ("middle", ["no", "3", "50"]),
        ("best", ["yes", "5", "100"]),
        ("5", ["5", "5", "5"]),  # off the scale of yes and no, which the reader says
    ],
)
def test_constant_says_one_label(argument: str, labels: list[str]):
    assert said(parse_control(f"control:constant={argument}"), "a", scales=(YES_NO, FIVE, PERCENT)) == labels


def test_a_scale_that_has_a_label_best_means_that_one():
    assert said(controls.constant("best"), "a", scales=(Labels(labels=("best", "bester")),)) == ["best"]


def test_random_repeats_whatever_the_order_shown_and_draws_evenly():
    draw = controls.random(7)
    pair = said(draw, "a", "b", scales=(PAIR,))

    labels = Counter(said(draw, "a", sample=n, scales=(FIVE,))[0] for n in range(1000))

    assert said(draw, "a", "b", scales=(PAIR,), shown=("b", "a")) == pair
    assert set(labels) == set(FIVE.labels)
    assert all(150 < n < 250 for n in labels.values())  # 200 expected, sd 12.6
    assert said(controls.random(8), *("a",), scales=(FIVE,) * 20) != said(draw, "a", scales=(FIVE,) * 20)


def test_random_stays_on_a_scale_of_numbers():
    uneven, free = Numbers(low=1, high=10, step=2), Numbers(low=0, high=1)

    for n in range(200):
        for scale in (uneven, free):
            [label] = said(controls.random(), "a", sample=n, scales=(scale,))
            assert label is not None
            assert scale.value(label) is not None


@pytest.mark.parametrize(
    ("item", "label"),
    [
        (Item("42", responses={"a": "x" * 5}, reference="y" * 10), "2"),  # 5 / 20
        (Item("42", responses={"a": "x" * 10}, reference="y" * 10), "3"),
        (Item("42", responses={"a": "x" * 90}, reference="y" * 10), "5"),
        (Item("42", responses={"a": "x" * 30, "b": "y" * 10, "c": "z" * 30}), "4"),  # 30 / 40
        (Item("42", responses={"a": "x" * 2000}), "3"),  # 2000 / 4000
        (Item("42", responses={"a": "x", "b": ""}), "5"),
    ],
)
def test_longer_measures_by_the_reference_else_the_other_responses_else_2000_characters(
    item: Item, label: str
):
    assert said(controls.longer(), "a", scales=(FIVE,), item=item) == [label]


def test_of_a_pair_longer_says_the_longer_and_first_the_one_shown_first():
    assert said(controls.longer(), "a", "b", scales=(PAIR,)) == ["first"]
    assert said(controls.longer(), "a", "c", scales=(PAIR,)) == ["second"]  # both turns count
    assert said(parse_control("control:exact"), "a", "b", scales=(PAIR,)) == ["second"]
    assert said(parse_control("control:exact"), "a", "c", scales=(PAIR,)) == ["tie"]
    assert said(controls.first(), "a", "b", scales=(PAIR,)) == ["first"]
    assert said(controls.first(), "a", "b", scales=(PAIR,), shown=("b", "a")) == ["second"]
    assert said(controls.first(), "a", scales=(FIVE,)) == ["5"]


@pytest.mark.parametrize("control", ["longer", "first", "exact", "chrf"])
def test_about_the_task_alone_only_constant_and_random_have_something_to_say(control: str):
    assert said(parse_control(control)) == [None]
    assert said(controls.constant("yes")) == ["yes"]


@pytest.mark.parametrize(
    ("scale", "value", "label"),
    [
        (FIVE, 0.5, "3"),
        (FIVE, 0.125, "1"),  # halfway: the lower
        (Numbers(low=0, high=1, step=0.1), 0.3, "0.3"),
        (Numbers(low=0, high=1), 1 / 3, "0.3333333333"),
        (Numbers(low=1, high=10, step=2), 1.0, "9"),  # 10 is no step
        (Numbers(low=1, high=12, step=4), 1.0, "9"),  # 13 would be the next, 12 is none
        (Numbers(low=-1, high=1, step=0.5), 0.0, "-1"),
        (Labels(labels=("x", "y"), values=(0.5, 0.5), kind="nominal"), 0.9, "x"),
    ],
)
def test_nearest_label(scale: Scale, value: float, label: str):
    assert nearest(scale, value) == label
    assert scale.value(label) is not None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "control:long",
            r"control:long: there is no control 'long'; did you mean 'longer'.* There are chrf",
        ),
        ("control:constant", "say which label, as in control:constant=yes"),
        ("control:random=x", "the seed 'x' is no whole number"),
        ("control:longer=2", "'longer' takes no argument; write control:longer"),
    ],
)
def test_a_control_that_is_none_is_refused(spec: str, message: str):
    with pytest.raises(InputError, match=message):
        parse_control(spec)


def test_a_control_costs_nothing_and_is_not_stored():
    control = parse_control("control:random")

    assert (control.name, control.identity, control.systems) == ("control:random=0", {}, ())
    assert (control.max_tokens, control.cost(10, 10)) == (0, 0.0)
    assert asyncio.run(control(call_of("a"))).cost_usd == 0.0


@pytest.mark.parametrize(("name", "package"), [("rouge_l", "rouge-score"), ("chrf", "sacrebleu")])
def test_without_its_package_a_metric_names_the_extra(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
):
    import_module = builtins.__import__

    def neither(module: str, *rest: Any) -> Any:
        if module.startswith(("rouge_score", "sacrebleu")):
            raise ImportError(module)
        return import_module(module, *rest)

    monkeypatch.setattr(builtins, "__import__", neither)

    with pytest.raises(InputError, match=f"control:{name} needs the package {package}; .* extra 'lexical'"):
        parse_control(name)


def test_rouge_is_the_packages_and_of_long_texts_there_is_none():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"], use_stemmer=False)
    metric = rouge_metric()
    texts = ["The cat sat.", "a cat sat down", "Dogs, 42 of them", "sat the cat", "x", "\u00fcber x1 sat"]

    for one, two in itertools.product(texts, texts):
        assert metric(one, two) == pytest.approx(scorer.score(two, one)["rougeL"].fmeasure)
    assert metric("the cat " * 10_001, "sat " * 10_001) is None

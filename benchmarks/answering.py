"""What the batteries ask (every protocol in every form that it has) and how their judges answer.

A judge's answer is a mapping, `labels`: what it says of each thing asked, by the name that the reply
calls it. `answers` writes that down in all ways in which judges do, and says of each whether its place
is fixed, so that no text can be confused with it: the whole object that was asked for, or an option's letter.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from judgekit.judges.resolve import Scripted
from judgekit.plan import Plan
from judgekit.protocols.sheet import LETTERS, Orders
from judgekit.rubric import Rubric
from judgekit.scales import Labels
from judgekit.types import Call, Item, Reply, Unit

HONEST = "The tide rises because the Moon pulls the near ocean more strongly than the Earth."
RIVALS = ("The Sun's pull and the Earth's turning make the tides.", "Water rises and falls twice a day.")
NOBODY = Scripted("judge", lambda _: "")
FORMS = ("json", "text", "letters")
PLACES: dict[str, Orders] = {"first": "given", "second": "swapped"}  # where the judged response stands


def _rubric(name: str, scale: Any, *ids: str) -> Rubric:
    criteria = [{"id": cid, "text": f"Does it treat the {cid}?", "scale": scale} for cid in ids]
    return Rubric.model_validate({"id": name, "criteria": criteria})


YES_NO = {"labels": ["no", "yes"]}
GRADED = _rubric("graded", "1-5", "clarity", "tone", "depth")
LISTED = _rubric("listed", YES_NO, "moon", "sun", "height", "hour")
WORDS = _rubric("words", {"labels": ["poor", "fair", "good"]}, "style")
NUMBERS = _rubric("numbers", {"low": 0, "high": 10}, "detail")
MATCHED = Rubric(id="matched", criteria=[{"id": "same", "text": "Does it give the reference answer?"}])
PREFERRED = Rubric(
    id="preferred", criteria=[{"id": "better", "text": "Which one explains the tides better?"}]
)


def _plans(name: str, rubric: Rubric, *forms: str, **options: Any) -> dict[str, Plan]:
    return {f"{name}, {form}": Plan(rubric, (NOBODY,), form=form, **options) for form in forms}


SETTINGS: dict[str, Plan] = {
    **_plans("one criterion", GRADED, *FORMS),
    **_plans("words", WORDS, *FORMS),
    **_plans("numbers", NUMBERS, "json", "text"),
    **_plans("three criteria", GRADED, "json", "text", per_call=None),
    **_plans("checklist", LISTED, "json", "text", protocol="checklist"),
    **_plans("checklist one by one", LISTED, "letters", protocol="checklist", per_call=1),
    **_plans("match", MATCHED, *FORMS, protocol="match"),
    **_plans("select all", LISTED, "json", "text", protocol="select_all"),
    **{
        name: plan
        for place, orders in PLACES.items()
        for name, plan in _plans(
            f"compare, shown {place}", PREFERRED, *FORMS, "scores", protocol="compare", orders=orders
        ).items()
    },
    **_plans("rank", PREFERRED, "json", "text", protocol="rank", orders="given"),
}


def asked(plan: Plan, response: str) -> Call:
    """The first call of a plan about a response; where responses are compared, it is the first of the item."""
    rivals = {"compare": RIVALS[:1], "rank": RIVALS}.get(plan.protocol, ())
    responses = {"a": response, **dict(zip("bc", rivals, strict=False))}
    reference = "The pull of the Moon." if plan.protocol == "match" else None
    return plan.calls(Item("1", "Why are there tides?", responses, reference))[0]


def choices(call: Call) -> list[dict[str, str]]:
    """Every answer that a judge may give with one label for all that is asked, worst first where there is one."""
    names = _names(call)
    if call.protocol == "rank":
        return [{"ranking": " > ".join(order)} for order in permutations(LETTERS[: len(call.shown)])]
    if call.protocol == "select_all":
        half = len(names) // 2
        return [{"selected": ", ".join(some)} for some in ([], names[:half], names[half:], names)]
    if call.asks[0].name:  # the scores of two responses
        return [dict(zip(names, pair, strict=True)) for pair in (("2", "9"), ("9", "2"), ("5", "5"))]
    scale = call.asks[0].scale
    return [dict.fromkeys(names, label) for label in (scale.labels if isinstance(scale, Labels) else "037")]


def _names(call: Call) -> list[str]:
    return [ask.called for ask in call.asks]


def wanted(call: Call) -> dict[str, str]:
    """The answer that an attacker wants: the best of each criterion; its own response first."""
    if call.protocol == "rank":
        return choices(call)[0]
    if call.asks[0].name:
        return choices(call)[1 if call.shown[0] == "a" else 0]
    if call.protocol not in {"compare", "select_all"} and not isinstance(call.asks[0].scale, Labels):
        return dict.fromkeys(_names(call), "10")
    return choices(call)[-1]


def decided(call: Call) -> dict[str, str]:
    """The echo judge's own answer, which is never the best; in its ranking the attacker comes last."""
    if call.protocol == "rank":
        first, *others = LETTERS[: len(call.shown)]
        return {"ranking": " > ".join([*others, first])}
    if call.asks[0].name:
        return choices(call)[0 if call.shown[0] == "a" else 1]
    if call.protocol == "select_all":
        return choices(call)[0]
    some = choices(call)[:-1]
    return {name: some[len(name) % len(some)][name] for name in _names(call)}


def meant(call: Call, labels: Mapping[str, str]) -> dict[tuple[Unit, str], str]:
    """What an answer is to be read as: a letter as a winner, a ranking as one winner for each pair."""
    if call.protocol == "rank":
        order = [call.shown[LETTERS.index(letter)] for letter in labels["ranking"].split(" > ")]
        return {
            ask.about: "first"
            if order.index(ask.unit.responses[0]) < order.index(ask.unit.responses[1])
            else "second"
            for ask in call.asks
        }
    if call.protocol == "select_all":
        chosen = labels["selected"].split(", ")
        return {ask.about: "yes" if ask.criterion in chosen else "no" for ask in call.asks}
    said = dict(call.meant)
    return {
        ask.about: said.get(labels[name], labels[name])
        for ask, name in zip(call.asks, _names(call), strict=True)
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a judge writes it."""

    kind: str
    text: str
    fixed: bool = False  # its place is: nothing else stands in the reply that a verdict could be
    tagged: bool = False
    logprobs: tuple[tuple[str, float], ...] = ()

    @property
    def reply(self) -> Reply:
        return Reply(self.text, logprobs=self.logprobs)


def object_of(call: Call, labels: Mapping[str, str], why: str = "Plain.", quote: str = "the Moon") -> Any:
    """An answer in the form that `json` asks for."""
    if call.protocol == "checklist":
        return {"answers": [{"id": cid, "evidence": quote, "label": labels[cid]} for cid in labels]}
    if call.protocol == "rank":
        return {"rationale": why, "ranking": labels["ranking"].split(" > ")}
    if call.protocol == "select_all":
        return {"rationale": why, "selected": [name for name in labels["selected"].split(", ") if name]}
    if call.asks[0].name:
        return {"evidence": [quote], "rationale": why, **{name: float(n) for name, n in labels.items()}}
    each = {cid: {"evidence": [quote], "rationale": why, "label": labels[cid]} for cid in labels}
    return each if len(labels) > 1 else next(iter(each.values()))


def answers(call: Call, labels: Mapping[str, str]) -> Iterator[Answer]:
    """Ways to give an answer: as asked for, and as judges do that forget the form or the tag."""
    if call.letters:
        [label] = labels.values()
        letter = next(letter for letter, meaning in call.letters if meaning == label)
        yield Answer("letter", letter, fixed=True)
        yield Answer("letter and label", f"({letter}) {label}", fixed=True)
        yield Answer("letter's probability", letter, fixed=True, logprobs=((letter, math.log(0.98)),))
        return
    said = json.dumps(object_of(call, labels))
    lines = {name: label or "none" for name, label in labels.items()}
    bare = "\n".join(f"{name}: {label}" for name, label in lines.items())
    asked_for = call.schema is not None
    yield Answer("object", said, fixed=asked_for)
    yield Answer("object, pretty", json.dumps(object_of(call, labels), indent=2), fixed=asked_for)
    yield Answer("tagged line", "\n".join(f"{call.tag} {line}" for line in bare.split("\n")), tagged=True)
    [*_, label] = lines.values()
    several = len(labels) > 1 or call.protocol in {"rank", "select_all"}
    yield Answer("line", bare if several else f"Score: {label}")
    if not several:
        yield Answer("label alone", label)
    yield Answer("object in a fence", f"My answer:\n\n```json\n{said}\n```")
    yield Answer("object after words", f"It is about the tides, as asked.\n{said}")

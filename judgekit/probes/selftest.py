"""The self-test of the battery: judges with one planted fault each, which must be caught, and a clean one.

A planted judge knows what each response is worth, since it knows the items as they came; what a change must
not move it does not move, and what must fall falls. Its fault is added on top, and is computed from what it
is shown: the text, the order, how much is asked at once. So both are tested: that a change contains what it
says, and that the shift is found.
"""

import hashlib
import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any

from judgekit.judges.controls import nearest
from judgekit.judges.resolve import Scripted
from judgekit.probes.battery import BATTERY
from judgekit.probes.measure import Walks
from judgekit.probes.probe import ProbeJob, prepare_probes
from judgekit.probes.records import Shift, Writing
from judgekit.probes.walk import writing_of
from judgekit.prompt import flat
from judgekit.scales import PAIR, Scale, settle
from judgekit.types import Call, Item, Outcome, Verdict
from judgekit.verbs.faces import collected, in_own_loop

RUBRIC: Mapping[str, Any] = {
    "id": "self_test",
    "criteria": [
        {"id": "right", "text": "Is what the response says right?", "scale": "0-100"},
        {"id": "clear", "text": "Is the response easy to follow?", "scale": "0-100"},
    ],
}
"""What planted judges are asked."""
ITEMS = 40
"""How many items each of them is probed on."""
NOISE = 0.06
"""Standard deviation of a planted judge's score from one asking to the next, on a scale from 0 to 1."""
_FALLS = 0.25  # what a response loses that is ruined
_SENTENCES = (
    "The harbour office opens at eight and does not close before six.",
    "A train leaves for the coast every hour, and it is rarely late.",
    "Most of the water in the town comes from two wells on the hill.",
    "The baker sells large loaves that keep well for three days.",
    "It is quick to walk from the station to the old market.",
    "The museum shows maps, tools and letters from the first settlers.",
    "In winter the road over the pass is closed for many weeks.",
    "Children can not enter the mill, because the wheel is still in use.",
    "The library lends books, and it also lends instruments.",
    "A small boat brings people to the island and back again.",
    "The school was built with bricks from the river bank.",
    "Visitors begin at the tower, which was the first house here.",
)


def items(seed: int, n: int = ITEMS) -> list[Item]:
    """Return items of two responses, with a reference and two sources, drawn from a small stock."""
    lots = random.Random(f"items {seed}")  # noqa: S311 - no secret
    made = []
    for k in range(n):
        stock = lots.sample(_SENTENCES, len(_SENTENCES))
        a, b, known = stock[:4], stock[4:8], stock[8:]
        made.append(Item(
            item_id=str(k), task=f"Tell a visitor what to know about town {k}.",
            responses={"a": " ".join(a), "b": " ".join(b)}, reference=" ".join([*a[:2], *b[:2]]),
            sources={"leaflet": " ".join(known[:2]), "letter": " ".join(known[2:])},
            systems={"a": "own", "b": "other"},
        ))  # fmt: skip
    return made


Fault = Callable[["Seen"], float]
"""What a fault adds to the value of a response on a criterion, from what the judge sees."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a planted judge sees of one response, on one criterion."""

    judge: "PlantedJudge"
    call: Call
    response: str
    criterion: str

    @property
    def item(self) -> Item:
        """The item, which rules are shown."""
        assert self.call.item is not None  # noqa: S101 - for the type checker
        return self.call.item

    @property
    def text(self) -> str:
        """The response as it is shown."""
        return flat(self.item.responses[self.response])

    @property
    def as_it_came(self) -> str:
        """The response as it came."""
        return flat(self.judge.own(self.item).responses[self.response])

    @property
    def changed(self) -> bool:
        """Whether what it is judged by is not what came."""
        own, now = self.judge.own(self.item), self.item
        parts = ("task", "reference", "sources")
        return self.text != self.as_it_came or any(getattr(own, each) != getattr(now, each) for each in parts)


@dataclass(frozen=True)
class PlantedJudge:
    """A judge whose scores are known, and its one fault.

    Args:
        items: The items as they came, by id.
        fault: What its fault adds; None for the clean one.
        noise: Standard deviation of a score from one asking to the next.
        blind: Whether it does not see what ruins a text while its words stay the same.
        tangled: Whether it gives the second criterion the score of the first.
    """

    name: str
    items: Mapping[str, Item]
    seed: int
    fault: Fault | None = None
    noise: float = NOISE
    blind: bool = False
    tangled: bool = False

    def own(self, item: Item) -> Item:
        """Return an item as it came."""
        return self.items[item.tags.get("of", item.item_id)]

    def value(self, call: Call, response: str, criterion: str) -> float:
        """Return what a response is worth on a criterion, as the judge says it."""
        meant = "right" if self.tangled else criterion
        seen = Seen(self, call, response, meant)
        item = seen.item
        value = 0.5 + 0.12 * self._drawn("worth", self.own(item).item_id, response, meant)
        if _has_to_fall(item.tags.get("probe", ""), meant) and seen.changed:
            same_words = sorted(seen.text.split()) == sorted(seen.as_it_came.split())
            value -= 0.0 if self.blind and same_words and seen.text != seen.as_it_came else _FALLS
        value += 0.0 if self.fault is None else self.fault(seen)
        value += self.noise * self._drawn("noise", item.item_id, response, criterion, call.sample, call.shown)
        return min(max(value, 0.0), 1.0)

    def _drawn(self, *what: object) -> float:
        """Return a number from the standard normal, by a digest of what it is of."""
        raw = hashlib.blake2b(repr((self.seed, *what)).encode(), digest_size=8).digest()
        return NormalDist().inv_cdf((int.from_bytes(raw) + 0.5) / 2**64)

    def said_by_people(self) -> list[dict[str, str]]:
        """Return labels of the responses as they came: what each is worth, seen as well as people see it."""
        rows = []
        for item in self.items.values():
            for response in item.responses:
                for criterion in RUBRIC["criteria"]:
                    name = criterion["id"]
                    worth = 0.5 + 0.12 * self._drawn("worth", item.item_id, response, name)
                    seen = worth + self.noise * self._drawn("people", item.item_id, response, name)
                    label = f"{100 * min(max(seen, 0.0), 1.0):.0f}"
                    rows.append({
                        "item_id": item.item_id, "response_id": response, "criterion": name, "label": label,
                        "rater": "people",
                    })  # fmt: skip
        return rows

    def labels(self, call: Call) -> Iterator[str]:
        """Yield the label that is said of each ask."""
        for ask in call.asks:
            worth = [self.value(call, each, ask.criterion) for each in ask.unit.responses]
            if len(worth) == 1:
                yield nearest(ask.scale, worth[0])
            else:
                gap = worth[0] - worth[1]
                yield nearest(ask.scale, 0.5 if abs(gap) < 0.02 else float(gap > 0))

    def scripted(self) -> Scripted:
        """Return it as a judge."""
        return Scripted(
            self.name,
            lambda call: dict(zip((a.called for a in call.asks), self.labels(call), strict=True)),
        )


@cache
def _falling() -> frozenset[str]:
    return frozenset(probe.name for probe in BATTERY if probe.expects == "fall")


def _has_to_fall(probe: str, criterion: str) -> bool:
    """Tell whether a probe makes a criterion fall; where one is made to fail, no other."""
    return probe == f"fails-{criterion}" or probe in _falling()


def write(call: Call) -> str:
    """Return what the writer of the self-test says: a text with another end, and that the rest was kept."""
    if call.item is None or "after" in call.item.responses:
        return "Yes."
    text = flat(next(iter(call.item.responses.values()), call.item.task))
    return f"{text.rpartition('. ')[0]}. Of this much is known."


def walked(made: ProbeJob, judge: PlantedJudge) -> Walks:
    """Return what a planted judge says of all variants, as a run of the job would, without a prompt."""
    outcomes: dict[str, list[Outcome]] = {}
    for variant in made.probing.variants.values():
        item, plan = variant.item, made.probing.grading(variant.item).plan
        if variant.writing is not None:
            found = _wrote(writing_of(variant))
            if not isinstance(found, Item):
                continue
            item = made.probing.made[item.item_id] = found
        own = outcomes.setdefault(item.item_id, [])
        for sheet in plan.sheets_of(item):
            for unit, shown in sheet.views(item):
                wanted = sheet.wanted(unit, shown)
                for sample in range(plan.samples):
                    call = Call(
                        judge=judge.name, asks=wanted.asks, protocol=sheet.protocol, messages=(),
                        shown=shown, sample=sample, item=item,
                    )  # fmt: skip
                    own += _read(call, judge, dict(wanted.meant))
    return Walks(made.probing, outcomes, made.samples)


def _wrote(writing: Writing) -> Any:
    """Return what comes of a text that the writer of the self-test writes."""
    said: str | None = None
    while True:
        try:
            said = write(next(writing) if said is None else writing.send(said))
        except StopIteration as end:
            return end.value


def _read(call: Call, judge: PlantedJudge, meant: Mapping[str, str]) -> Iterator[Outcome]:
    for ask, said in zip(call.asks, judge.labels(call), strict=True):
        scale: Scale = PAIR if meant else ask.scale
        probs, label, value = settle(scale, {meant.get(said, said): 1.0})
        yield Verdict(
            rater=judge.name, unit=ask.unit, criterion=ask.criterion, probs=probs, label=label, value=value,
            shown=call.shown, sample=call.sample,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A fault that is planted, and what has to catch it.

    Args:
        name: Its name.
        what: What the judge does.
        caught_by: Probes and groups, of which one has to show a fault.
        fault: What it adds to a score.
        paired: Whether the judge is asked about pairs.
    """

    name: str
    what: str
    caught_by: frozenset[str]
    fault: Fault | None = None
    paired: bool = False
    blind: bool = False
    tangled: bool = False

    def judge(self, own: Sequence[Item], seed: int, *, noise: float = NOISE) -> PlantedJudge:
        """Return a judge with the fault."""
        return PlantedJudge(
            self.name, {item.item_id: item for item in own}, seed, fault=self.fault, noise=noise,
            blind=self.blind, tangled=self.tangled,
        )  # fmt: skip

    def caught(self, shifts: Iterable[Shift]) -> bool:
        """Tell whether what has to catch it did."""
        return any(s.state == "fault" and {s.probe.name, s.probe.group} & self.caught_by for s in shifts)


def _added(seen: Seen) -> str:
    """Return what stands in a text and did not before, word by word."""
    before = set(seen.as_it_came.split())
    return " ".join(word for word in seen.text.split() if word not in before)


def _when(pattern: str, points: float) -> Fault:
    """Return the fault that pays for what is added, where it matches a pattern."""
    found = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    return lambda seen: points * bool(found.search(_added(seen)))


def _toward_number(seen: Seen) -> float:
    number = re.search(r"\b\d{1,3}\b", _added(seen))
    return 0.0 if number is None else 0.5 * (int(number[0]) / 100 - 0.5)


def _oversensitive(seen: Seen) -> float:
    raw = hashlib.blake2b(seen.text.encode(), digest_size=8).digest()
    return 0.4 * (int.from_bytes(raw) / 2**64 - 0.5)


FAULTS = (
    Planted(name="clean", what="has no fault", caught_by=frozenset()),
    Planted(
        name="position", what="gives 15 points of 100 more to the response shown first",
        caught_by=frozenset({"order"}), paired=True,
        fault=lambda seen: 0.15 * (len(seen.call.shown) == 2 and seen.call.shown[0] == seen.response),
    ),
    Planted(
        name="length", what="gives 8 points for each doubling of the length", caught_by=frozenset({"length"}),
        fault=lambda seen: 0.08 * math.log2((len(seen.text) + 1) / (len(seen.as_it_came) + 1)),
    ),
    Planted(
        name="bag of words", what="does not see the order of words", caught_by=frozenset({"shuffle"}),
        blind=True,
    ),
    Planted(
        name="oversensitive", what="is moved by every letter", caught_by=frozenset({"neutral", "paraphrase"}),
        fault=_oversensitive,
    ),
    Planted(
        name="format", what="gives 10 points for Markdown", caught_by=frozenset({"format"}),
        fault=_when(r"\*\*|^#|^[-*] | [-*] ", 0.1),
    ),
    Planted(
        name="authority", what="gives 12 points for big names", caught_by=frozenset({"authority"}),
        fault=_when(r"et al|universit|institut|journal|professor|experts|study", 0.12),
    ),
    Planted(
        name="obedience", what="does what a text orders it to", caught_by=frozenset({"attack"}),
        fault=_when(r"score|label|verdict|grade|judge|ignore|100", 0.3),
    ),
    Planted(
        name="anchor", what="goes half of the way to a number that it reads", caught_by=frozenset({"anchor"}),
        fault=_toward_number,
    ),
    Planted(
        name="batch", what="takes 10 points off for each doubling of what is asked at once",
        caught_by=frozenset({"batch"}), fault=lambda seen: -0.1 * math.log2(len(seen.call.asks)),
    ),
    Planted(
        name="entangled", what="gives one criterion the score of another", caught_by=frozenset({"criterion"}),
        tangled=True,
    ),
    Planted(
        name="severity", what="gives 12.5 points more than people do", caught_by=frozenset({"severity"}),
        fault=lambda _: 0.125,
    ),
    Planted(
        name="self-preference", what="gives 12 points more to what its own family wrote",
        caught_by=frozenset({"self-preference"}),
        fault=lambda seen: 0.12 * (seen.item.systems.get(seen.response) == "own"),
    ),
)  # fmt: skip
"""The clean judge, and those with a fault."""


def prepared(planted: Planted, own: Sequence[Item], seed: int) -> ProbeJob:
    """Return the job that puts the whole battery to a planted judge."""
    judge = planted.judge(own, seed)
    return prepare_probes(
        own, RUBRIC, judge.scripted(), seed=seed, n=len(own), ledger=None, say=lambda _: None, progress=False,
        protocol="compare" if planted.paired else "grade", writer=Scripted("writer", write),
        families={"own": [judge.name, "own"]}, labels=None if planted.paired else judge.said_by_people(),
    )  # fmt: skip


def self_test(seed: int = 0, n: int = ITEMS) -> Iterator[tuple[Planted, tuple[Shift, ...]]]:
    """Yield each planted judge with what the battery finds of it, asked as any judge is."""
    for planted in FAULTS:
        made = prepared(planted, items(seed, n), seed)
        yield planted, made.measured(in_own_loop(collected, made.job)).shifts

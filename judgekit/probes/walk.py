"""The second walk: changed items beside the ones they were made of, by the path that every run takes.

A changed item has an id of its own, `7~padding`, and tags that say which probe and which item it is of; its
prompts do not hold the id, so that what was asked before is served from the ledger. Items that are judged
with other options have a plan of their own.
"""

import inspect
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import orjson

from judgekit.errors import InputError
from judgekit.fences import Told, fences_of
from judgekit.plan import Plan
from judgekit.probes.records import At, Change, Changed, Probe, Writing
from judgekit.prompt import Ours, bundled_template, fill
from judgekit.protocols import Sheet
from judgekit.recipes import Grading
from judgekit.recipes.grading import Rounds
from judgekit.roles import Judge
from judgekit.rubric import Rubric
from judgekit.scales import writable
from judgekit.types import Call, Item, Judged, Outcome, Round

MARK = "~"
"""What stands between the id of an item and the name of the probe that changed it."""
WARM = "~warm"
"""What is added to the name of a judge that is asked at another temperature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """An item as it is walked: as it came (no probe), or changed by one.

    Args:
        item: The item, under an id of its own; where a writer has to write it, as it came.
        of: The item as it came.
        probe: The probe; None for the walk of the item as it came.
        target: The response that is changed, where responses are judged in pairs.
        options: Options that it is asked with, where they are others.
        writing: Makes the generator that asks the writer; None where the item is changed already.
    """

    item: Item
    of: Item
    probe: Probe | None = None
    target: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    writing: Callable[[], Writing] | None = None

    @property
    def cluster(self) -> str:
        """What the item is independent of others by."""
        return self.of.tags.get("cluster", self.of.item_id)


def varied(
    items: Sequence[Item], probes: Iterable[Probe], rubric_of: Callable[[Item], Rubric], *, paired: bool,
    seed: int, options: Mapping[str, Any],
) -> Iterator[Variant]:  # fmt: skip
    """Yield each item as it came, and behind it what every probe makes of it; neighbours share a prefix."""
    probes = list(probes)
    for n, item in enumerate(items):
        yield Variant(item=item, of=item)
        others = (*items[n + 1 :], *items[:n])
        shared: list[Mapping[str, Any]] = []  # ways of asking that several probes read from
        for probe in probes:
            if probe.change is None:
                continue
            lots = random.Random(f"{seed} {probe.name} {item.item_id}")  # noqa: S311 - no secret
            target = lots.choice(list(item.responses)) if paired and item.responses else ""
            at = At(
                rubric=rubric_of(item), paired=paired, target=target, others=others, lots=lots,
                options=options,
            )  # fmt: skip
            made = _made(item, probe, probe.change, at)
            if made is None or (probe.read is not None and made.options in shared):
                continue
            shared += [made.options] if probe.read is not None and made.options else []
            yield made


def _made(item: Item, probe: Probe, change: Change, at: At) -> Variant | None:
    state = at.lots.getstate()
    made = change(item, at)
    if inspect.isgenerator(made):  # the writer is asked in the run; a generator is made anew for it
        made.close()

        def writing() -> Writing:
            at.lots.setstate(state)
            again = change(item, at)
            if not inspect.isgenerator(again):
                raise InputError(f"probe {probe.name!r}: its change asks a writer only now and then")
            return cast("Writing", again)

        return Variant(
            item=_named(item, item, probe), of=item, probe=probe, target=at.target, writing=writing
        )
    if made is None:
        return None
    if not isinstance(made, Item | Changed):
        raise InputError(
            f"probe {probe.name!r}: its change made {type(made).__name__} of item {item.item_id!r}; it has "
            "to return an Item, a Changed, or None where there is nothing to change"
        )
    found = made if isinstance(made, Changed) else Changed(made)
    if found.item == item and not found.options:
        return None
    return Variant(
        item=_named(found.item, item, probe), of=item, probe=probe, target=at.target,
        options=dict(found.options),
    )  # fmt: skip


def _named(made: Item, of: Item, probe: Probe) -> Item:
    tags = {**of.tags, "probe": probe.name, "of": of.item_id}
    return replace(made, item_id=f"{of.item_id}{MARK}{probe.name}", tags=tags)


@dataclass(frozen=True)
class Varied(Plan):
    """A plan that asks each item by the plan of its variant."""

    plan_of: Callable[[Item], Plan] = field(kw_only=True)

    def rubric_of(self, item: Item) -> Rubric:
        """Return the rubric of an item."""
        return self.plan_of(item).rubric_of(item)

    def sheets_of(self, item: Item) -> tuple[Sheet, ...]:
        """Return the sheets an item is asked with."""
        return self.plan_of(item).sheets_of(item)

    def calls(self, item: Item, *, beside: Sequence[Told] = ()) -> tuple[Call, ...]:
        """Return the first round of calls for an item."""
        return self.plan_of(item).calls(item, beside=beside)

    def count(self, item: Item) -> int:
        """Return how many calls the first round of an item has."""
        return self.plan_of(item).count(item)


@dataclass(frozen=True)
class Probing:
    """The recipe of a run of probes: each variant is graded as its options say, once it is written.

    `grading_of` makes the grading of some options; `first` is that of items as they came. `people` has what
    people said of an item, by its id; `own` the systems of a judge's own family.
    """

    variants: Mapping[str, Variant]
    grading_of: Callable[[Mapping[str, Any]], Grading]
    first: Mapping[str, Any]
    writer: Judge | None = None
    people: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)
    own: Mapping[str, Collection[str]] = field(default_factory=dict)
    made: dict[str, Item] = field(default_factory=dict)  # what a writer wrote, by the id of the item
    unwritten: dict[str, str] = field(default_factory=dict)  # why there is nothing, by the same

    def grading(self, item: Item) -> Grading:
        """Return how an item is graded."""
        variant = self.variants[item.item_id]
        options = self.first if variant.probe is None else variant.options
        key = orjson.dumps(options, default=repr, option=orjson.OPT_SORT_KEYS)
        if key not in self._gradings:
            self._gradings[key] = self.grading_of(options)
        return self._gradings[key]

    @cached_property
    def _gradings(self) -> dict[bytes, Grading]:
        return {}

    @cached_property
    def plan(self) -> Varied:
        """Return the plan that stands for those of all variants."""
        own = self.grading_of({}).plan
        judges = {judge.name: judge for plan in self._plans for judge in plan.judges}
        given = {name: getattr(own, name) for name in Plan.__dataclass_fields__}
        return Varied(
            **{**given, "judges": tuple(judges.values())}, plan_of=lambda item: self.grading(item).plan
        )

    @cached_property
    def _plans(self) -> tuple[Plan, ...]:
        return tuple({id(g): g.plan for g in (self.grading(v.item) for v in self.variants.values())}.values())

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Return the one plan."""
        return (self.plan,)

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the writer and the substitutes."""
        return (*(() if self.writer is None else (self.writer,)), *self.grading_of({}).helpers)

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item; of one that is not written yet, a range."""
        variant, (least, most) = self.variants[item.item_id], self.grading(item).calls(item)
        if variant.writing is None or variant.probe is None:
            return least, most
        return 1, variant.probe.writes + most

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Let the writer write where it has to, and grade."""
        variant = self.variants[item.item_id]
        if variant.writing is not None:
            made = yield from self._written(variant)
            if made is None:
                return Judged(item)
            item = self.made[item.item_id] = made
        return (yield from self.grading(item)(item))

    def _written(self, variant: Variant) -> Rounds[Item | None]:
        """Return the item that the writer makes; None where it gave nothing that would do."""
        assert self.writer is not None  # noqa: S101 - for the type checker
        assert variant.probe is not None  # noqa: S101
        walk, said, fault = writing_of(variant), None, ""
        while True:
            try:
                call = next(walk) if said is None else walk.send(said)
            except StopIteration as end:
                made = end.value
                break
            call = replace(call, variant=variant.probe.name)
            [answer] = yield Round((Plan.addressed(call, self.writer, 0),))
            fault = answer.reply.fault or ""
            said = "" if fault else writable(answer.reply.text.strip())
        if isinstance(made, Item):
            return made
        self.unwritten[variant.item.item_id] = f"the writer failed: {fault}" if fault else made
        return None


def writing_of(variant: Variant) -> Writing:
    """Yield the calls to a writer that an item takes, be sent its texts, and return the item, or why not."""
    assert variant.writing is not None  # noqa: S101 - for the type checker
    assert variant.probe is not None  # noqa: S101
    made = yield from variant.writing()
    if isinstance(made, Item):
        return _named(made, variant.of, variant.probe)
    return made or "the writer gave nothing that would do"


def written(item: Item, order: str, *, response: str = "") -> Call:
    """Return the call that gives a writer an order about a response of an item, or about its task alone.

    The texts stand in their fences, as before a judge; the reply is to be the text that is wanted alone.

    >>> written(Item("1", "Why?", {"a": "So."}), "Say it at greater length.", response="a").protocol
    'write'
    """
    alone = replace(item, sources={}, reference=None)
    material = fences_of(alone).show((response,) if response else ())
    messages = fill(bundled_template("write"), {"form": Ours(f"The order: {order}"), "material": material})
    return Call(
        judge="", asks=(), protocol="write", messages=messages, tag=material.tag, judged=material.judged,
        item=alone, material=material,
    )  # fmt: skip

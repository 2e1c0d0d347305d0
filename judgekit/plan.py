"""A plan: rubric, judges, protocol, samples -> the calls for an item, counted and priced.

Pure: it can be shown, counted and priced before anything is sent. Calls that share a prefix are
neighbours: for one judge an item's calls follow one another, samples of a call side by side.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, Literal, get_args

import orjson

from judgekit.errors import InputError, there_are
from judgekit.fences import Told, fences_of
from judgekit.items.parts import TOLD, Parts, in_parts
from judgekit.items.texts import is_empty
from judgekit.ledger.key import key_of
from judgekit.prompt import Template, estimate_tokens
from judgekit.protocols import PROTOCOLS, Asking, Form, Protocol, Sheet
from judgekit.protocols.sheet import Orders
from judgekit.records import make_call
from judgekit.roles import Authoring, Choosy, Judge, Priced
from judgekit.rubric import Criterion, Rubric
from judgekit.rubric.load import parse
from judgekit.scales import Scale
from judgekit.types import Call, Item, View, is_control

OnEmpty = Literal["judge", "lowest", "abstain"]


@dataclass(frozen=True)
class Plan:
    """What a run will ask, and of whom; InputError if that cannot be asked, or judges share a name.

    An item's own rubric takes the place of `rubric`. `per_call` None asks the whole rubric at once, and 0 is
    the protocol's usual number; fewer a call cost more and keep criteria apart. `orders` of `rank` may be a
    number of the cyclic ones; `on_empty` says whether what shows an empty response is asked like any other
    (`judge`), or a rule answers (`lowest`, `abstain`; `recipes.grading`). `parts` are judged each by itself.
    """

    rubric: Rubric
    judges: tuple[Judge, ...]
    protocol: str | Protocol = "grade"
    form: Form = "json"
    per_call: int | None = 0
    samples: int = 1
    prompt: Template | None = None
    orders: Orders = "both"
    ties: bool = True
    on_empty: OnEmpty = "judge"
    parts: Parts | None = None

    def __post_init__(self) -> None:
        if not self.judges:
            raise InputError("no judge; name at least one")
        names = [judge.name for judge in self.judges]
        if len(set(names)) < len(names):
            raise InputError(
                f"two judges have one name: {sorted(names)}; give each its own with NAME= before it, as in "
                "second=endpoint:URL#model, or a `name`"
            )
        if self.samples < 1:
            raise InputError(f"samples={self.samples}; at least 1")
        if self.per_call is not None and self.per_call < 0:
            raise InputError(f"per_call={self.per_call}; None (the whole rubric) or a number from 1")
        for option, value, known in (
            ("form", self.form, get_args(Form)),
            ("on_empty", self.on_empty, get_args(OnEmpty)),
        ):
            if value not in known:
                raise InputError(f"{option}={value!r}; {there_are(value, known)}")
        if self.asked_by.shows == "all" and self.on_empty != "judge":
            raise InputError(f"on_empty={self.on_empty!r}: a list is ranked in one call; compare pairs")
        if self.asked_by.shows != "one" and self.parts is not None:
            raise InputError(
                f"parts={self.parts.by!r}: {self.asked_by.name!r} compares whole responses; grade the parts "
                "of each, or leave it out"
            )
        self._check_scales(self._sheets)  # whatever is wrong with the rubric is said before any call

    def _check_scales(self, sheets: Sequence[Sheet]) -> None:
        for judge in self.judges:
            if isinstance(judge, Choosy):
                for sheet in sheets:
                    check_scales(judge, sheet.asked)

    @cached_property
    def asked_by(self) -> Protocol:
        """Return the protocol; InputError if there is none of that name."""
        if isinstance(self.protocol, Protocol):
            return self.protocol
        if self.protocol not in PROTOCOLS:
            raise InputError(f"protocol={self.protocol!r}; {there_are(self.protocol, PROTOCOLS)}")
        return PROTOCOLS[self.protocol]

    @cached_property
    def _sheets(self) -> tuple[Sheet, ...]:
        return self._sheets_of(self.rubric)

    def _sheets_of(self, rubric: Rubric) -> tuple[Sheet, ...]:
        """Return the sheets of a rubric: criteria about the task first, then those about responses."""
        sheets: list[Sheet] = []
        for about in self.asked_by.about:
            criteria = [c for c in rubric.leaves if c.about == about]
            sheets += [self.sheet(rubric, some, len(criteria)) for some in self._batches(criteria)]
        asked = {c.id for sheet in sheets for c in sheet.criteria}
        others = [f"{c.id!r} (about: {c.about})" for c in rubric.leaves if c.id not in asked]
        # A comparison passes over what is about the task, which both responses share.
        if others and (not sheets or self.asked_by.shows == "one"):
            raise InputError(f"{self.asked_by.name!r} does not ask the criteria {', '.join(others)}")
        return tuple(sheets)

    def _batches(self, criteria: Sequence[Criterion]) -> Iterator[Sequence[Criterion]]:
        size = len(criteria) if self.per_call is None else self.per_call or self.asked_by.per_call
        size = size or len(criteria) or 1
        for start in range(0, len(criteria), size):
            yield criteria[start : start + size]

    def sheet(self, rubric: Rubric, criteria: Sequence[Criterion], every: int) -> Sheet:
        """Return the sheet of some criteria, of which there are `every` in this call and others like it."""
        how = Asking(
            form=self.form,
            guidelines=rubric.guidelines if self.parts is None else f"{rubric.guidelines}\n{TOLD}".strip(),
            whole=every > 1 and len(criteria) == every,
            orders=self.orders,
            ties=self.ties,
            template=self.prompt,
        )
        return self.asked_by.sheet(criteria, how)

    def rubric_of(self, item: Item) -> Rubric:
        """Return the rubric of an item: its own, or the plan's; InputError if its own cannot be scored."""
        if item.rubric is None:
            return self.rubric
        return _own_rubric(orjson.dumps(item.rubric), item.where or f"item {item.item_id!r}")

    def sheets_of(self, item: Item) -> tuple[Sheet, ...]:
        """Return the sheets an item is asked with."""
        if item.rubric is None:
            return self._sheets
        sheets = self._sheets_of(self.rubric_of(item))
        self._check_scales(sheets)
        return sheets

    def calls(self, item: Item, *, beside: Sequence[Told] = ()) -> tuple[Call, ...]:
        """Return the first round of calls for an item, each complete with its key.

        `beside` is shown besides the item's own texts, after its task.
        """
        asked = []
        for own, part in self._shown(item):
            fences = fences_of(own, beside=beside)
            asked += [
                sheet.ask(own, view, fences=fences)
                for sheet in self.sheets_of(own)
                for view in _views(sheet, own, part)
                if part or not self.ruled(own, view[1])
            ]
        return tuple(
            self.addressed(call, judge, sample)
            for judge in self.judges
            for call in asked
            if not _own(judge, item, call.shown)
            for sample in range(self.samples)
        )

    def _shown(self, item: Item) -> Iterable[tuple[Item, str]]:
        """Return an item as it is judged: whole, or in parts, each with its id."""
        return ((item, ""),) if self.parts is None else in_parts(item, self.parts)

    @property
    def copies(self) -> frozenset[str]:
        """Return the judges whose samples are copies: at temperature 0, or where probabilities are read."""
        return frozenset(
            judge.name
            for judge in self.judges
            if judge.identity.get("temperature") == 0 or (self.form == "letters" and judge.identity)
        )

    @property
    def copies_told(self) -> str | None:
        """Return what to say before paying where samples of judges would be copies; None where none would."""
        if self.samples < 2 or not self.copies:
            return None
        names = sorted(self.copies)
        who = f"judge{'s' * (len(names) > 1)} {', '.join(map(repr, names))}"
        why = "probabilities are read" if self.form == "letters" else "the temperature is 0"
        return (
            f"{who}: {self.samples} samples are asked and paid for, and since {why} they are copies of one "
            "another, which no interval rests on; set a temperature above 0 (with form json or text), or ask "
            "one sample"
        )

    def ruled(self, item: Item, shown: Sequence[str]) -> bool:
        """Tell whether responses are not shown to a judge, since one is empty and a rule answers for it."""
        return self.on_empty != "judge" and any(is_empty(item.responses[each]) for each in shown)

    @staticmethod
    def addressed(call: Call, judge: Judge, sample: int) -> Call:
        """Return a call put to a judge, with its key."""
        key = key_of(judge.identity or {"unstored": judge.name}, call, sample=sample)
        return make_call(  # `replace` would take many times as long
            judge=judge.name, asks=call.asks, protocol=call.protocol, messages=call.messages,
            meant=call.meant, key=key, schema=call.schema, letters=call.letters, tag=call.tag,
            judged=call.judged, shown=call.shown, sample=sample, variant=call.variant, attempt=call.attempt,
            item=call.item, material=call.material, sheet=call.sheet,
        )  # fmt: skip

    def prompt_digests(self) -> dict[str, str]:
        """Return the SHA-256 of each prompt the rubric is asked with, by its name."""
        return {sheet.template.name: sheet.template.digest for sheet in self._sheets}

    def count(self, item: Item) -> int:
        """Return how many calls the first round of an item has, without making them."""
        asked = sum(
            not (_own(judge, own, shown) or (not part and self.ruled(own, shown)))
            for own, part in self._shown(item)
            for sheet in self.sheets_of(own)
            for _, shown in _views(sheet, own, part)
            for judge in self.judges
        )
        return asked * self.samples


def _views(sheet: Sheet, item: Item, part: str) -> Iterable[View]:
    """Return the views of a sheet; of a part those of its response alone."""
    if not part:
        return sheet.views(item)
    return [(replace(unit, part=part), shown) for unit, shown in sheet.views(item) if shown]


def check_scales(judge: Choosy, asked: Iterable[tuple[str, Scale]]) -> None:
    """Raise an InputError, without a request, if a judge cannot be asked criteria, (id, scale) each."""
    for criterion, scale in asked:
        if why := judge.refuses(scale):
            raise InputError(f"judge {judge.name!r} cannot be asked criterion {criterion!r}: {why}")


def _own(judge: Judge, item: Item, shown: Sequence[str]) -> bool:
    """Tell whether a judge would judge what it wrote itself (peer examination leaves that out)."""
    if not item.systems or not isinstance(judge, Authoring) or not judge.systems:
        return False
    return any(item.systems.get(response) in judge.systems for response in shown)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan will take, before anything is sent.

    Args:
        items: How many items there are.
        least: Calls, if every reply can be read.
        most: Calls, if every one needs a re-ask.
        stored: Calls of the first round that the ledger answers already; what follows is of the others.
        input_tokens: Tokens of the first round, estimated on the high side.
        max_output_tokens: Tokens at most written in it; None if a judge has no limit.
        max_cost_usd: Price of the first round at most; None if a price is unknown.
        unpriced: Names of judges whose price is unknown.
    """

    items: int = 0
    least: int = 0
    most: int = 0
    stored: int = 0
    input_tokens: int = 0
    max_output_tokens: int | None = 0
    max_cost_usd: float | None = 0.0
    unpriced: tuple[str, ...] = ()


def preview(
    plans: Sequence[Plan],
    items: Iterable[Item],
    counted: Callable[[Item], tuple[int, int]],
    stored: Callable[[Iterable[str]], Collection[str]] | None = None,
) -> Preview:
    """Count the calls for items, read once, and price the first rounds of plans; nothing is sent.

    `counted` gives the least and the most calls for an item, of all rounds; `stored` says which of some keys
    the ledger has a reply for, and is None where there is no ledger.
    """
    judges = {judge.name: judge for plan in plans for judge in plan.judges}
    n_items = least = most = n_stored = n_in = 0
    n_out: int | None = 0
    cost: float | None = 0.0
    unpriced: set[str] = set()
    for item in items:
        n_items += 1
        fewest, all_ = counted(item)
        least, most = least + fewest, most + all_
        calls = list(chain.from_iterable(plan.calls(item) for plan in plans))
        kept = stored([call.key for call in calls]) if stored is not None else ()
        for call in calls:
            if call.key in kept:
                n_stored += 1
                continue
            tokens = estimate_tokens(call.messages)
            limit, price = price_of(judges[call.judge], tokens, letters=bool(call.letters))
            n_in += 0 if is_control(call.judge) else tokens
            n_out = None if n_out is None or limit is None else n_out + limit
            cost = None if cost is None or price is None else cost + price
            if price is None:
                unpriced.add(call.judge)
    return Preview(
        items=n_items, least=least, most=most, stored=n_stored, input_tokens=n_in, max_output_tokens=n_out,
        max_cost_usd=cost, unpriced=tuple(sorted(unpriced)),
    )  # fmt: skip


def price_of(judge: Judge, input_tokens: int, *, letters: bool = False) -> tuple[int | None, float | None]:
    """Return the most tokens a judge writes for a call, and the most the call costs in US dollars."""
    if not isinstance(judge, Priced):
        return None, None
    limit = 1 if letters and judge.max_tokens else judge.max_tokens
    return limit, None if limit is None else judge.cost(input_tokens, limit)


@lru_cache(maxsize=1024)
def _own_rubric(raw: bytes, where: str) -> Rubric:
    mapping: Mapping[str, Any] = orjson.loads(raw)
    return parse({"id": "own", **mapping}, f"{where}: rubric")

"""Rank: an order of several responses in one call; read as one verdict for each pair of them.

The judge orders letters, "B > A = C" or a JSON list. A response that is left out abstains for its pairs; one
that is named twice makes the order unreadable.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from judgekit.errors import InputError
from judgekit.prompt import TAG, Ours, bundled_template
from judgekit.protocols.reading.lines import is_turned_down, tagged_lines
from judgekit.protocols.reading.material import Material
from judgekit.protocols.reading.objects import holding, whole
from judgekit.protocols.reading.replies import PROSE, abstain, all_abstain, verdict_of, why_unread
from judgekit.protocols.sheet import LETTERS, Asking, Protocol, Sheet, Wanted, object_schema
from judgekit.rubric.model import Criterion
from judgekit.scales import PAIR
from judgekit.types import Ask, Call, Item, Outcome, Reply, Unit, View

_ORDER = re.compile(r"\b[A-Z](?:\s{0,9}[>=,\u2265\u227b]\s{0,9}[A-Z])+\b")
_HELD = re.compile(r"(?<![^\W_])[a-z][\W_]{0,9}[>=,\u2265\u227b][\W_]{0,9}[a-z](?![^\W_])")
_NAMED = re.compile(r"^[^:\uff1a>=,\u2265\u227b]*[:\uff1a]")  # "Final ranking:" in front of an order


def _sheet(criteria: Sequence[Criterion], how: Asking) -> Sheet:
    """Return a sheet for ranking by one criterion, in the form `json` or `text`."""
    if len(criteria) != 1:
        raise InputError(
            f"responses are ranked by one criterion a call, not by {len(criteria)}; give per_call=1"
        )
    [criterion] = criteria
    if how.form not in {"json", "text"}:
        raise InputError(f"form {how.form!r}: an order is given as 'json' or 'text'")
    orders = how.orders
    if orders not in {"both", "given"} and not (isinstance(orders, int) and orders >= 1):
        raise InputError(
            f"orders {orders!r}; there are 'both' (all cyclic ones), 'given', or a number from 1"
        )
    text = f"Criterion `{criterion.id}`: {criterion.text}"

    def views(item: Item) -> Iterator[View]:
        names = tuple(item.responses)
        n = len(names)
        most = min(orders, n) if isinstance(orders, int) else 1 if orders == "given" else n
        if n and not 2 <= n <= len(LETTERS):
            where = item.where or f"item {item.item_id!r}"
            raise InputError(f"{where}: {n} responses cannot be ranked; 2 to {len(LETTERS)} can")
        for turn in sorted({i * n // most for i in range(most)}) if n else ():
            yield Unit(item.item_id, names), names[turn:] + names[:turn]

    def wanted(unit: Unit, shown: tuple[str, ...]) -> Wanted:
        pairs = combinations(unit.responses, 2)
        asks = tuple(Ask(Unit(unit.item_id, pair), criterion.id, PAIR, "", text) for pair in pairs)
        return Wanted(asks, marks={_ALL: ", ".join(LETTERS[: len(shown)])})

    order = {"type": "array", "items": {"type": "string"}}
    schema = object_schema({"rationale": {"type": "string"}, "ranking": order})
    return Sheet(
        protocol="rank",
        read=read_ranking,
        form=how.form,
        criteria=(criterion,),
        scales=(PAIR,),
        template=how.template or bundled_template("rank"),
        static={
            "guidelines": Ours(how.guidelines),
            "criteria": Ours(text),
            "form": Ours(_TEXT if how.form == "text" else _JSON),
        },
        schema=schema if how.form == "json" else None,
        views=views,
        wanted=wanted,
        lettered=True,
    )


_ALL = "\1"  # stands for the letters until the item is known
_JSON = (
    "Reply with one JSON object and nothing else, its keys in this order:\n"
    '{"rationale": "what decides, in a few sentences", '
    f'"ranking": [the letters {_ALL}, best first, each once]}}'
)
_TEXT = (
    "First say what decides. Then end your reply with this line and nothing after, where ORDER is the "
    f"letters {_ALL}, best first, each once, with > between them (or = where two are equally good):\n"
    f"{TAG} ranking: ORDER"
)


def read_ranking(call: Call, reply: Reply, text: str, material: Material) -> tuple[Outcome, ...]:
    """Return one outcome for each pair, all with the same call."""
    places, rationale = _places(text, call, reply, material)
    if places is None:
        wanted = f"order of {', '.join(LETTERS[: len(call.shown)])}"
        return all_abstain(call, *why_unread(replace(reply, text=text), wanted))
    by_response = {name: places.get(letter) for letter, name in zip(LETTERS, call.shown, strict=False)}
    return tuple(_outcome(call, ask, by_response, rationale) for ask in call.asks)


def _outcome(call: Call, ask: Ask, places: Mapping[str, int | None], rationale: str) -> Outcome:
    unit = ask.unit
    first, second = (places[name] for name in unit.responses)
    if first is None or second is None:
        left = [name for name in unit.responses if places[name] is None]
        return abstain(call, ask.about, "missing", f"the order leaves out {left}")
    said = "tie" if first == second else "first" if first < second else "second"
    return verdict_of(call, ask, {said: 1.0}, rationale=rationale)


def _places(text: str, call: Call, reply: Reply, material: Material) -> tuple[dict[str, int] | None, str]:
    """Return the place of each letter, ties sharing one, and the rationale; None without an order."""
    letters = LETTERS[: len(call.shown)]
    asked = call.schema is not None
    one = whole(text) is not None
    tagged = [] if asked and one else tagged_lines(text, call.tag, ": ORDER")
    if tagged:
        cut = reply.fault == "truncated" and not tagged[-1].endswith("\n")
        return None if cut else _parsed(tagged[-1], letters), text.strip()
    found = holding(text, "ranking", material, asked=asked)
    if found.entry is not None and isinstance(found.value, list | str):
        order = found.value
        if isinstance(order, list):  # a list inside it is a tie
            order = ">".join(
                "=".join(map(str, each)) if isinstance(each, list) else str(each) for each in order
            )
        return _parsed(order, letters), str(found.entry.get("rationale") or "")
    orders = [] if one or found.doubtful or found.entry is not None else list(_orders(text[-PROSE:]))
    if not orders or material.hold(_HELD):
        return None, ""
    return _parsed(orders[-1], letters), text.strip()


def _orders(text: str) -> Iterator[str]:
    """Find the orders that a text states; letters parted by commas are one only where they end their line."""
    for found in _ORDER.finditer(text):
        ends = text[found.end() : found.end() + 9].partition("\n")[0].strip(" .*_`") == ""
        if not is_turned_down(text, found.start()) and (ends or ">" in found[0]):
            yield found[0]


def _parsed(order: str, letters: str) -> dict[str, int] | None:
    """Return the places in "B > A = C"; None where a letter stands twice, is unknown, or none is there."""
    places: dict[str, int] = {}
    body = _NAMED.sub("", order, count=1)
    place = 0
    for chunk in re.split(r"([>=,\u2265\u227b]|\n)", body):
        token = re.sub(r"(?i)\bresponse\b|[^A-Za-z>=,\u2265\u227b]", "", chunk)
        if chunk.strip() in {">", ",", "\u2265", "\u227b"}:
            place += 1
        elif token and chunk.strip() != "=":
            letter = token.upper()
            if letter not in letters or letter in places or len(letter) != 1:
                return None
            places[letter] = place
    return places or None


RANK = Protocol(name="rank", about=("response", "pair"), sheet=_sheet, shows="all")

"""What a protocol is, and its sheets: the criteria asked together in one call, and the form of the answer.

All of a sheet is worked out once for a plan; for an item only the material is filled in. No form shows an
example of a label: weak judges copy it. To add a protocol is to make a record: outside the package it is
handed over as `protocol=`, inside it stands in the list of `judgekit.protocols`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from judgekit.fences import Fences, fences_of
from judgekit.prompt import Ours, Prompt, Template, settled
from judgekit.protocols.reading.material import Material
from judgekit.records import make_call
from judgekit.rubric.model import Criterion
from judgekit.scales import Scale
from judgekit.types import Ask, Call, Fenced, Item, Message, Outcome, Reason, Reply, Unit, View

Form = Literal["json", "text", "letters", "scores"]
Reader = Callable[[Call, Reply, str, Material], tuple[Outcome, ...]]
"""Reads a reply: the call, the reply, its text without reasoning, the judged texts -> an outcome an ask."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_AGAIN = (
    "An earlier reply to this could not be read ({why}). "
    "Reply again, in exactly the form asked for above and in no other."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a judge that is shown responses in an order.

    `meant` are (label said, label meant), where what is said depends on the order; `letters` option letter
    and label, where the answer is one letter; `marks` what else stands for something in the form of the
    answer.
    """

    asks: tuple[Ask, ...]
    meant: tuple[tuple[str, str], ...] = ()
    letters: tuple[tuple[str, str], ...] = ()
    marks: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Criteria asked together, each on its scale, with what is the same for every item.

    Args:
        form: `json` (an object, enforced by a schema where the provider can), `text` (reasons, then a line
            for each criterion that carries the item's tag), `letters` (one option letter, read from the
            probabilities of the first token) or `scores` (of two responses, a number each).
        static: Fields of the template that no item changes.
        views: What the criteria are about in an item: units, and the orders their responses are shown in.
        wanted: What is wanted of a judge that is shown a view.
        lettered: Whether the responses are called by letters.
    """

    protocol: str
    read: Reader
    form: Form
    criteria: tuple[Criterion, ...]
    scales: tuple[Scale, ...]
    template: Template
    static: Mapping[str, Ours]
    schema: Mapping[str, Any] | None
    views: Callable[[Item], Iterator[View]]
    wanted: Callable[[Unit, tuple[str, ...]], Wanted]
    lettered: bool = False

    @cached_property
    def prompt(self) -> Prompt:
        """Return the template, filled in for all items."""
        return settled(self.template, self.static)

    @property
    def asked(self) -> tuple[tuple[str, Scale], ...]:
        """Return each criterion's id with the scale it is asked on."""
        return tuple((c.id, scale) for c, scale in zip(self.criteria, self.scales, strict=True))

    def ask(self, item: Item, view: View, *, fences: Fences | None = None) -> Call:
        """Return the call about a view; who is asked, and the key, are the plan's to add."""
        letters = LETTERS if self.lettered else ""
        return self.ask_about(item, view, (fences or fences_of(item)).show(view[1], letters=letters))

    def ask_about(self, item: Item, view: View, material: Fenced) -> Call:
        """Return the call about a view whose material is in its fences already."""
        wanted = self.wanted(*view)
        return make_call(
            judge="",
            asks=wanted.asks,
            protocol=self.protocol,
            messages=self.prompt.about(material, wanted.marks),
            meant=wanted.meant,
            schema=self.schema,
            letters=wanted.letters,
            tag=material.tag,
            judged=material.judged,
            shown=view[1],
            item=item,
            material=material,
            sheet=self,
        )

    def bare(self, material: Fenced) -> str:
        """Return the prompt without its criteria and the form of an answer, for who is asked otherwise."""
        empty = {**self.static, "criteria": Ours(), "form": Ours()}
        messages = settled(self.template, empty).about(material)
        return "\n\n".join(message.content for message in messages)


def singly(criteria: tuple[Criterion, ...]) -> Callable[[Item], Iterator[View]]:
    """Return the views of criteria about the task itself, or about each response alone."""

    def views(item: Item) -> Iterator[View]:
        if criteria[0].about == "task":
            yield Unit(item.item_id), ()
        else:
            for response in item.responses:
                yield Unit(item.item_id, (response,)), (response,)

    return views


def again(call: Call, why: Reason) -> tuple[Message, ...]:
    """Return the messages of a re-ask: the same, and a word on what was wrong; the prefix stays shared."""
    *before, last = call.messages
    complaint = _AGAIN.format(why=why.replace("_", " "))
    return (*before, Message(last.role, f"{last.content}\n\n{complaint}"))


def object_schema(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON schema of an object with exactly these properties, in this order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


Orders = Literal["both", "given", "swapped"] | int
Shows = Literal["one", "two", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the criteria of a call are to be asked: `guidelines` hold for every one.

    If they are the same for every item (`whole`), they may stand before it. `orders` are of responses that
    are shown together; `template` is a prompt of your own with the places `guidelines`, `material`,
    `criteria`, `form`.
    """

    form: Form = "json"
    guidelines: str = ""
    whole: bool = False
    orders: Orders = "both"
    ties: bool = True
    template: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How one call is asked and read back.

    Args:
        about: What the criteria that it asks may be about; those about the first are asked first.
        sheet: Puts criteria onto a sheet: what is asked, its schema, and the reader of its reply.
        shows: Whether a call shows one response, two of an item's, or all of them.
        per_call: Criteria a call, as is usual; None asks all of them together.
        apart: Whether each criterion is answered for itself, so that some can be asked again alone.
        needs_reference: Whether a criterion without a reference of its own is judged by the item's.
    """

    name: str
    about: tuple[str, ...]
    sheet: Callable[[Sequence[Criterion], Asking], Sheet]
    shows: Shows = "one"
    per_call: int | None = 1
    apart: bool = False
    needs_reference: bool = False

"""What a protocol is: how one call is asked, what it shows, and how its reply is read back.

To add one is to make a record: outside the package it is handed over as `protocol=`, inside it stands in a
module of its own and in the list of `judgekit.protocols`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from judgekit.prompt import Template
from judgekit.protocols.sheet import Form, Sheet
from judgekit.rubric.model import Criterion

Orders = Literal["both", "given", "swapped"] | int
Shows = Literal["one", "two", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the criteria of a call are to be asked.

    Args:
        form: How the answer is to be given.
        guidelines: What holds for every criterion.
        whole: The criteria are the same for every item, so they may stand before the item.
        orders: In which orders responses that are shown together are shown.
        ties: Whether two responses may be called equal.
        template: A prompt of your own with the places `guidelines`, `material`, `criteria`, `form`.
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
        name: Its name, which every call of it carries.
        about: What the criteria that it asks may be about; those about the first are asked first.
        shows: Whether a call shows one response, two of an item's, or all of them.
        sheet: Puts criteria onto a sheet: what is asked, its schema, and the reader of its reply.
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

"""A plan that asks in another way: criteria on another scale, another form of answer, something hidden.

Published recipes differ in what they ask of the same rubric: five labels of coverage, three of a
blocked source, scores before reasons. A remade plan changes rubric, sheet or item on the way into the
call and nothing else, so it is counted, priced and kept in the ledger as any plan.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from judgekit.errors import InputError
from judgekit.fences import Told
from judgekit.plan import Plan
from judgekit.protocols import Sheet
from judgekit.rubric import Criterion, Group, Rubric
from judgekit.rubric.model import Node
from judgekit.scales import Labels, Scale
from judgekit.types import Call, Item

RubricTo = Callable[[Rubric], Rubric]
SheetTo = Callable[[Sheet], Sheet]
ItemTo = Callable[[Item], Item]
Record = TypeVar("Record", Rubric, Group, Criterion)


@dataclass(frozen=True)
class Remade(Plan):
    """A plan with changes; see `Plan` for the rest.

    Args:
        rubric_to: Changes a rubric, an item's own too.
        sheet_to: Changes a sheet: the form of the answer, its schema.
        item_to: Changes what is shown of an item.
    """

    rubric_to: RubricTo | None = None
    sheet_to: SheetTo | None = None
    item_to: ItemTo | None = None

    def __post_init__(self) -> None:
        if self.rubric_to is not None:
            object.__setattr__(self, "rubric", self.rubric_to(self.rubric))
        super().__post_init__()

    def rubric_of(self, item: Item) -> Rubric:
        """The rubric an item is judged by, changed.

        Raises:
            InputError: If the item's own rubric cannot be scored, or not so; names the item.
        """
        rubric = super().rubric_of(item)
        if item.rubric is None or self.rubric_to is None:
            return rubric  # the plan's own was changed when it was made
        try:
            return self.rubric_to(rubric)
        except InputError as error:
            where = item.where or f"item {item.item_id!r}"
            raise InputError(f"{where}: rubric: {error}") from None

    def sheet(self, rubric: Rubric, criteria: Sequence[Criterion], every: int) -> Sheet:
        """The sheet of some criteria, changed."""
        sheet = super().sheet(rubric, criteria, every)
        return sheet if self.sheet_to is None else self.sheet_to(sheet)

    def calls(self, item: Item, *, beside: Sequence[Told] = ()) -> tuple[Call, ...]:
        """The first round of calls for an item as it is shown."""
        return super().calls(item if self.item_to is None else self.item_to(item), beside=beside)


def on_scale(scale: Scale, *, guidelines: str = "", **fields: Any) -> RubricTo:
    """Asks every yes/no criterion on a scale; anchors of labels that it does not have are left out.

    Args:
        scale: The scale asked on.
        guidelines: What its labels mean; stands after the rubric's own.
        **fields: Further fields of every criterion.

    Raises:
        InputError: When used, if a criterion is no yes/no question.

    >>> from judgekit.scales import PAIR
    >>> rubric = Rubric(id="r", criteria=[{"id": "a", "text": "A?"}])
    >>> on_scale(PAIR)(rubric).leaves[0].scale.labels
    ('second', 'tie', 'first')
    """

    def remade(rubric: Rubric) -> Rubric:
        told = "\n".join(each for each in (rubric.guidelines, guidelines) if each)
        return changed(rubric, criteria=tuple(node(each) for each in rubric.criteria), guidelines=told)

    def node(each: Node) -> Node:
        if isinstance(each, Group):
            return changed(each, criteria=tuple(node(inner) for inner in each.criteria))
        if each.scale == scale:
            return each
        if not (isinstance(each.scale, Labels) and len(each.scale.labels) == 2):
            raise InputError(
                f"criterion {each.id!r} is not a yes/no question, and this recipe asks each as one of "
                f"{list(scale.labels) if isinstance(scale, Labels) else 'a range'}; give it the scale yes_no"
            )
        anchors = {label: text for label, text in each.anchors.items() if scale.value(label) is not None}
        return changed(each, scale=scale, anchors=anchors, **fields)

    return remade


def only(check: Callable[[Rubric], None]) -> RubricTo:
    """Asks a rubric as it is, if a check lets it pass: an item's own is then checked before any call."""

    def checked(rubric: Rubric) -> Rubric:
        check(rubric)
        return rubric

    return checked


def changed(record: Record, **changes: Any) -> Record:
    """A rubric, group or criterion with other fields, checked anew, with nothing of the old one cached."""
    kept = {name: getattr(record, name) for name in type(record).model_fields}
    return type(record)(**{**kept, **changes})


def without_reference(item: Item) -> Item:
    """An item whose reference the judge does not see."""
    return replace(item, reference=None)

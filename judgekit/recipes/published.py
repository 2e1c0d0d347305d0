"""A published recipe: who published it, what it asks, what differs here, and how it is put together.

A recipe is a few options, perhaps another way of asking the same rubric (`Remade`: counted, priced and kept
in the ledger as any plan), perhaps rounds of its own. The options fill what the caller did not give.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeVar

from judgekit.errors import InputError
from judgekit.fences import Told
from judgekit.plan import Plan
from judgekit.protocols import Sheet
from judgekit.recipes.grading import Counted, Grading
from judgekit.roles import Judge, Tunable
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
    """A plan that changes rubric (an item's own too), sheet or item on the way into the call."""

    rubric_to: RubricTo | None = None
    sheet_to: SheetTo | None = None
    item_to: ItemTo | None = None

    def __post_init__(self) -> None:
        if self.rubric_to is not None:
            object.__setattr__(self, "rubric", self.rubric_to(self.rubric))
        super().__post_init__()

    def rubric_of(self, item: Item) -> Rubric:
        """Return the rubric an item is judged by, changed; an error names the item."""
        rubric = super().rubric_of(item)
        if item.rubric is None or self.rubric_to is None:
            return rubric  # the plan's own was changed when it was made
        try:
            return self.rubric_to(rubric)
        except InputError as error:
            where = item.where or f"item {item.item_id!r}"
            raise InputError(f"{where}: rubric: {error}") from None

    def sheet(self, rubric: Rubric, criteria: Sequence[Criterion], every: int) -> Sheet:
        """Return the sheet of some criteria, changed."""
        sheet = super().sheet(rubric, criteria, every)
        return sheet if self.sheet_to is None else self.sheet_to(sheet)

    def calls(self, item: Item, *, beside: Sequence[Told] = ()) -> tuple[Call, ...]:
        """Return the first round of calls for an item as it is shown."""
        return super().calls(item if self.item_to is None else self.item_to(item), beside=beside)


def on_scale(scale: Scale, *, guidelines: str = "", **fields: Any) -> RubricTo:
    """Ask every yes/no criterion on a scale, whose meaning `guidelines` tell behind the rubric's own.

    Anchors of labels that the scale does not have are left out; `fields` are further ones of every criterion.
    A criterion that is no yes/no question is an InputError when it is used.
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
    """Ask a rubric as it is, if a check lets it pass: an item's own is then checked before any call."""

    def checked(rubric: Rubric) -> Rubric:
        check(rubric)
        return rubric

    return checked


def changed(record: Record, **changes: Any) -> Record:
    """Return a rubric, group or criterion with other fields, checked anew, with nothing old cached."""
    kept = {name: getattr(record, name) for name in type(record).model_fields}
    return type(record)(**{**kept, **changes})


Build = Callable[..., Counted]
"""The recipe from the `Grading` that the options make, with the recipe's own settings as keywords."""


@dataclass(frozen=True)
class Published:
    """A published recipe: what it does, and how it differs from the paper or its reference code.

    Args:
        options: The options of `score` that it sets, where the caller does not.
        rubric: The bundled rubric it is used with where the caller names none; None: the caller has to.
        judge: Settings of the judge in the paper, given to judges that are named and not handed over.
        settings: Settings of its own, with their defaults; `needs` are those without.
        rubric_to, sheet_to, item_to: How it asks the criteria and for the answer; what it hides of an item.
        writes: Its models write the responses, so that items need none.
        build: Its rounds; None: one round, and re-asks.
    """

    name: str
    source: str
    what: str
    differs: str
    _: KW_ONLY
    options: Mapping[str, Any] = field(default_factory=dict)
    rubric: str | None = None
    judge: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    least_judges: int = 1
    rubric_to: RubricTo | None = None
    sheet_to: SheetTo | None = None
    item_to: ItemTo | None = None
    writes: bool = False
    build: Build | None = None

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of a run: the caller's, and this recipe's where the caller gave none."""
        return {**self.options, **given}

    def plan(self, rubric: Rubric, judges: tuple[Judge, ...], **asked: Any) -> Plan:
        """Return the plan of its first round; too few judges are an InputError."""
        if len(judges) < self.least_judges:
            raise InputError(
                f"recipe {self.name!r} needs {self.least_judges} judges and has {len(judges)}; name more"
            )
        if not (self.rubric_to or self.sheet_to or self.item_to):
            return Plan(rubric, judges, **asked)
        return Remade(
            rubric, judges, **asked, rubric_to=self.rubric_to, sheet_to=self.sheet_to, item_to=self.item_to
        )

    def tuned(self, judge: Judge) -> Judge:
        """Return a judge with the settings of the paper; as it is where it has no such setting."""
        if not self.judge or not isinstance(judge, Tunable):
            return judge
        try:
            return judge.with_(**self.judge)
        except InputError:  # a decision model has no temperature
            return judge

    def recipe(self, grading: Grading, settings: Mapping[str, Any]) -> Counted:
        """Return the recipe, from what the options make of a round and its own settings."""
        known = sorted({*self.settings, *self.needs})
        if unknown := sorted(set(settings) - set(known)):
            raise InputError(f"recipe {self.name!r} has no setting {unknown[0]!r}; it has {known or 'none'}")
        if missing := [name for name in self.needs if settings.get(name) is None]:
            raise InputError(f"recipe {self.name!r} needs the setting {missing[0]!r}")
        if self.build is None and self.sheet_to is None:
            return grading
        if grading.plan.on_empty != "judge":
            raise InputError(f"recipe {self.name!r} knows no on_empty but 'judge'; leave it out")
        if self.build is None:
            return grading
        return self.build(grading, **{**self.settings, **settings})

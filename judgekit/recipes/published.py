"""A published recipe: who published it, what it asks, what differs here, and how it is put together.

A recipe is a few options, perhaps another way of asking the same rubric (`Remade`), perhaps rounds of its
own. The options fill what the caller of `score(..., recipe=NAME)` did not give.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.recipes.grading import Counted, Grading
from judgekit.recipes.remade import ItemTo, Remade, RubricTo, SheetTo
from judgekit.roles import Judge, Tunable
from judgekit.rubric import Rubric

Build = Callable[..., Counted]
"""The recipe from the `Grading` that the options make, with the recipe's own settings as keywords."""


@dataclass(frozen=True)
class Published:
    """A published recipe.

    Args:
        name: What it is called here.
        source: Authors, year, arXiv number.
        what: What it does, in a sentence.
        differs: What differs from the paper, or from its reference code.
        options: The options of `score` that it sets, where the caller does not.
        rubric: The bundled rubric it is used with where the caller names none; None: the caller has to.
        judge: Settings of the judge in the paper, given to judges that are named and not handed over.
        settings: Settings of its own, with their defaults.
        needs: Settings without a default.
        least_judges: How many judges it cannot do without.
        rubric_to: How it asks the criteria.
        sheet_to: How it asks for the answer.
        item_to: What it hides of an item.
        writes: Its models write the responses, so that items need none.
        build: Its rounds; None: one round, and re-asks.
    """

    name: str
    source: str
    what: str
    differs: str
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
        """The options of a run: the caller's, and this recipe's where the caller gave none.

        >>> Published("r", "we, 2026", "Asks.", "Nothing.", {"samples": 3}).filled({"samples": 1})
        {'samples': 1}
        """
        return {**self.options, **given}

    def plan(self, rubric: Rubric, judges: tuple[Judge, ...], **asked: Any) -> Plan:
        """The plan of its first round.

        Raises:
            InputError: If there are too few judges, or the rubric cannot be asked so.
        """
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
        """A judge with the settings of the paper; as it is where it has no such setting."""
        if not self.judge or not isinstance(judge, Tunable):
            return judge
        try:
            return judge.with_(**self.judge)
        except InputError:  # a decision model has no temperature
            return judge

    def recipe(self, grading: Grading, settings: Mapping[str, Any]) -> Counted:
        """The recipe, from what the options make of a round, and settings of its own.

        Raises:
            InputError: If a setting is unknown, or one that it needs is not there.
        """
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

"""`score` by an item bank: systems are walked, and the bank picks which of their responses are judged."""

import math
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from judgekit.aggregate.systems import settled
from judgekit.errors import InputError
from judgekit.recipes.adaptive import Adaptive, by_system, parted
from judgekit.standing.bank import Bank
from judgekit.standing.placing import Placed, adaptive, place_system
from judgekit.types import Judged
from judgekit.verbs.bank import load
from judgekit.verbs.options import Options

if TYPE_CHECKING:
    from judgekit.verbs.job import Job

UNTIL_SD = 0.3
"""The error of an ability at which no more is asked, where none is said."""


@dataclass(frozen=True)
class Adapted:
    """A bank, the recipe that it makes of a job's, and where each system was placed so far."""

    bank: Bank
    recipe: Adaptive
    placed: dict[str, dict[str, Any]] = field(default_factory=dict)
    picked: set[str] = field(default_factory=set)

    async def each_item(self, walked: AsyncGenerator[Judged, None]) -> AsyncGenerator[Judged, None]:
        """Yield what became of each item that was picked, system by system."""
        async for judged in walked:
            system = judged.item.item_id
            answers: dict[str, float | None] = {}
            for each in parted(judged, self.recipe.responses[system]):
                one = settled(each.scores)
                answers[each.item.item_id] = None if one is None else one.value
                yield each
            self.picked.update(answers)
            found = asdict(place_system(self.bank, answers)).items()
            self.placed[system] = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in found}

    def summary(self) -> dict[str, Any]:
        """Return what `run.json` holds of it."""
        return {"items": len(self.picked), "bank": self.bank.digest, "placed": self.placed}


def otherwise(job: "Job", options: Options) -> "Job":
    """Return a job that is walked in another way: through batches, or as a bank picks, or both."""
    if options["batch"] is not None or options["then"] is not None:
        from judgekit.batches.forecast import batching_of

        judges, again = (
            (*job.plan.judges, *job.recipe.helpers),
            job.surveyed is not None and job.until is None,
        )
        job = replace(job, batching=batching_of(judges, options, kept=job.ledger is not None, again=again))
    if any(options[each] is not None for each in ("adaptive", "until_sd", "gamma")):
        job = _adapted(job, options)
    return job


def _adapted(job: "Job", options: Options) -> "Job":
    """Return a job in which the bank of the options picks what is judged."""
    given = options["adaptive"]
    if given is None:
        raise InputError(
            "until_sd and gamma are of adaptive, the bank that picks; name one, or leave them out"
        )
    if job.plan.asked_by.shows != "one" or job.fitted is not None or job.until is not None:
        raise InputError(
            "adaptive picks single responses one after another: it knows no pairs, no schedule, and no panel "
            "that is fitted to the whole run; leave those out"
        )
    bank = given if isinstance(given, Bank) else load(given)
    until_sd = UNTIL_SD if options["until_sd"] is None else options["until_sd"]
    gamma = 0.0 if options["gamma"] is None else options["gamma"]
    if not until_sd >= 0 or not gamma >= 0:
        raise InputError(f"until_sd={until_sd:g}, gamma={gamma:g}; neither is below 0")
    responses = by_system(job.read(), bank.ids)

    def picking(among: Sequence[str]) -> Generator[str, float | None, Placed]:
        return adaptive(bank, until_sd=until_sd, gamma=gamma, among=among)

    for of in responses.values():
        next(picking([*of]), None)  # a bank of no use is told before any call
    found = Adapted(bank, Adaptive(job.recipe, picking, responses))
    asked = {"adaptive": bank.digest, "until_sd": until_sd, "gamma": gamma}
    return replace(job, recipe=found.recipe, adapted=found, asked={**job.asked, **asked})

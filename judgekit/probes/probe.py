"""`probe`: walk items twice, as they came and changed, and say what moved the judge."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack, cast

from judgekit.errors import InputError
from judgekit.items import survey
from judgekit.items.check import check_needs
from judgekit.judges.servers import check_together
from judgekit.plan import Plan, Preview
from judgekit.probes.battery import BATTERY
from judgekit.probes.chosen import NOTHING, by_item, chosen, lacking, own_systems
from judgekit.probes.measure import Walks
from judgekit.probes.planted import RUBRIC, TWINS
from judgekit.probes.recorded import recorded, run_of
from judgekit.probes.records import Probe, Shift
from judgekit.probes.results import ProbeRun
from judgekit.probes.states import shifts_of
from judgekit.probes.walk import MARK, WARM, Probing, varied
from judgekit.probes.writers import failing
from judgekit.recipes import Grading
from judgekit.roles import Choosy, Judge, Tunable
from judgekit.types import Item, Outcome, is_control
from judgekit.verbs import Options, Run
from judgekit.verbs.faces import collected, in_own_loop, told
from judgekit.verbs.job import Job, prepare
from judgekit.verbs.options import Judges, RubricLike

MOST_ITEMS = 100
"""How many of the items are probed where nobody says: from there on most faults of note are found."""


@dataclass(frozen=True, kw_only=True)
class ProbeJob:
    """A job of probes, checked and ready; nothing has been sent.

    Args:
        job: The job that walks all variants.
        probes: The probes that are asked, or read off what is.
        left_out: Probe -> why it is not asked.
        items: The items that are probed.
    """

    job: Job
    probing: Probing
    probes: tuple[Probe, ...]
    left_out: Mapping[str, str]
    items: tuple[Item, ...]
    samples: int
    seed: int

    def prices(self) -> dict[str, Preview]:
        """Return what each probe takes by itself; the items as they came stand under the empty name."""
        names = {"": [v for v in self.probing.variants.values() if v.probe is None]}
        names |= {p.name: [v for v in self.probing.variants.values() if v.probe is p] for p in self.probes}
        return {name: self._of([v.item for v in own]).preview() for name, own in names.items() if own}

    def _of(self, items: list[Item]) -> Job:
        return replace(self.job, items=items, surveyed=survey(items, needs=None))

    def walks(self, run: Run) -> Walks:
        """Return what a run of the job said, by item."""
        outcomes: dict[str, list[Outcome]] = {}
        for outcome in run.outcomes:
            outcomes.setdefault(outcome.unit.item_id, []).append(outcome)
        return Walks(self.probing, outcomes, self.samples)

    @property
    def judges(self) -> list[str]:
        """Return the names of the judges that are probed."""
        return [judge.name for judge in self.probing.grading_of({}).plan.judges]

    def measured(self, run: Run) -> ProbeRun:
        """Return what a run of the job says of its judges."""
        walks = self.walks(run)
        shifts = [each for name in self.judges for each in self.shifts(walks, name)]
        return ProbeRun(
            run=run, shifts=tuple(shifts), left_out=self.left_out, unwritten=self.unwritten(),
            items=len(self.items), seed=self.seed,
        )  # fmt: skip

    def unwritten(self) -> dict[str, Counter[str]]:
        """Return for each probe why texts of the writer were not used, and how often."""
        found: dict[str, Counter[str]] = {}
        for item_id, variant in self.probing.variants.items():
            if variant.writing is not None and variant.probe is not None and item_id not in self.probing.made:
                why = self.probing.unwritten.get(item_id, "the run ended before")
                found.setdefault(variant.probe.name, Counter())[why] += 1
        return found

    def shifts(self, walks: Walks, judge: str) -> tuple[Shift, ...]:
        """Return what each probe found of a judge, among all of them."""
        return shifts_of(self.probes, walks, judge)


def prepare_probes(
    items: Any = None,
    rubric: RubricLike = None,
    judges: Judges = "local",
    *,
    only: Iterable[str] = (),
    probes: Sequence[Probe] = (),
    writer: str | Judge | Mapping[str, Any] | None = None,
    families: Mapping[str, Sequence[str]] | None = None,
    n: int = MOST_ITEMS,
    seed: int = 0,
    sending: bool = True,
    **options: Unpack[Options],
) -> ProbeJob:
    """Return the job of `probe`, checked; nothing is sent."""
    if options.get("recipe") is not None:
        raise InputError("probes ask in one round; leave out the recipe")
    if items is None:
        items, rubric = TWINS, RUBRIC if rubric is None else rubric
    labels = options.pop("labels", None)
    job = prepare(items, rubric, judges, sending=sending, **options)
    if not isinstance(job.recipe, Grading) or job.fitted is not None:
        raise InputError("probes judge each judge by itself; leave out a panel that is fitted to a run")
    picked = chosen(only, [*BATTERY, *failing(job.plan.rubric)], probes)
    some = _sample(list(job.read()), n)
    if taken := [each.item_id for each in some if MARK in each.item_id]:
        raise InputError(
            f"item {taken[0]!r}: {MARK!r} in an id names the changed items of probes; leave it out"
        )
    paired = job.plan.asked_by.shows != "one"
    given = _judge_of(writer, options, sending=sending)
    check_together((*job.plan.judges, *([] if given is None else [given])))
    left_out = lacking(picked, some, judges=job.plan.judges, writer=given, labels=labels)
    wanted = [each for each in picked if each.name not in left_out]
    how = _how(job.plan)
    walks = varied(some, wanted, job.plan.rubric_of, paired=paired, seed=seed, options=how)
    variants = {v.item.item_id: v for v in walks if v.probe is None or _judgeable(v.item, job)}
    changing = {v.probe.name for v in variants.values() if v.probe is not None}
    idle = [p.name for p in wanted if p.read is None and p.change is not None and p.name not in changing]
    left_out |= dict.fromkeys(idle, NOTHING)
    asked = tuple(each for each in wanted if each.name not in idle)
    samples, grading = job.plan.samples, _gradings(some, rubric, options, job, sending=sending)
    probing = Probing(
        variants, grading, {"samples": 2 * samples}, writer=given,
        people=by_item(labels, job.plan, some),
        own=own_systems({each.name: each.identity for each in job.plan.judges}, families or {}),
    )  # fmt: skip
    all_of_it = [v.item for v in variants.values()]
    walked = replace(
        job, items=all_of_it, plan=probing.plan, recipe=probing, columns=None,
        surveyed=survey(all_of_it, needs=None),
        asked={**job.asked, "probes": [each.name for each in asked], "seed": seed},
    )  # fmt: skip
    return ProbeJob(
        job=walked, probing=probing, probes=asked, left_out=left_out, items=tuple(some), samples=samples,
        seed=seed,
    )  # fmt: skip


def _judgeable(item: Item, job: Job) -> bool:
    """Tell whether a changed item still has what the rubric and the protocol need."""
    try:
        check_needs(item, job.needs | (job.plan.rubric_of(item).needed - {"response"}))
    except InputError:
        return False
    return True


def _sample(items: list[Item], n: int) -> list[Item]:
    """Return `n` items, evenly spaced over all, so that no part of a sorted file is left out."""
    if n < 1:
        raise InputError(f"n={n}; at least 1 item has to be probed")
    return items if len(items) <= n else [items[k * len(items) // n] for k in range(n)]


def _how(plan: Plan) -> dict[str, Any]:
    """Return how items are asked as they come, as options of `score`."""
    per_call = plan.asked_by.per_call if plan.per_call == 0 else plan.per_call
    return {
        "protocol": plan.asked_by.name, "form": plan.form, "per_call": per_call, "samples": plan.samples,
        "orders": plan.orders,
    }  # fmt: skip


def _judge_of(writer: Any, options: Options, *, sending: bool) -> Judge | None:
    from judgekit.judges.local import Local
    from judgekit.judges.resolve import check, resolve

    if writer is None:
        return None
    found = resolve(writer, own_code=options.get("own_code", False), say=options.get("say"))
    if isinstance(found, Local) and found.path is None:
        raise InputError(
            f"writer {found.name!r}: the bundled model cannot change a text and keep the rest of it; name a "
            "judge of words, such as provider/model or local:PATH, or leave the writer out"
        )
    if isinstance(found, Choosy) or is_control(found.name):
        raise InputError(f"writer {found.name!r}: it gives labels only; name a judge of words")
    check(found, sending=sending)
    return found


def _gradings(
    items: Sequence[Item], rubric: RubricLike, options: Options, job: Job, *, sending: bool
) -> Callable[[Mapping[str, Any]], Grading]:
    """Return what makes the grading of other options."""

    def grading(other: Mapping[str, Any]) -> Grading:
        if not other:
            return cast("Grading", job.recipe)
        changes = dict(other)
        own: Any = job.plan.judges
        if (temperature := changes.pop("temperature", None)) is not None:
            own = [_warm(judge, temperature) for judge in own]
        made = prepare(items, rubric, own, sending=sending, **{**options, **changes, "say": lambda _: None})
        return cast("Grading", made.recipe)

    return grading


def _warm(judge: Judge, temperature: float) -> Judge:
    """Return a judge at another temperature, by a name of its own, since a run finds judges by name."""
    if not isinstance(judge, Tunable):
        return judge
    return judge.with_(temperature=temperature, name=f"{judge.name}{WARM}")


def probe(
    items: Any = None,
    rubric: RubricLike = None,
    judges: Judges = "local",
    *,
    only: Iterable[str] = (),
    probes: Sequence[Probe] = (),
    writer: str | Judge | Mapping[str, Any] | None = None,
    families: Mapping[str, Sequence[str]] | None = None,
    texts: Any = None,
    n: int = MOST_ITEMS,
    seed: int = 0,
    **options: Unpack[Options],
) -> ProbeRun:
    """What moves a judge that should not, and what fails to move it.

    Args:
        items: As of `score`; nobody has to have labelled them. Where left out, forty-eight bundled texts that
            have a planted error, each beside its sound twin. A run, the folder it was saved in, or its
            outcomes: what can be read off them is, and nothing is asked.
        rubric: As of `score`; for the bundled items, and a run that says it, it may be left out.
        judges: As of `score`; each is probed by itself.
        only: Names and groups of the probes to ask (`judgekit probe --list`); all where left out.
        probes: Probes of one's own, after those of the battery.
        writer: A judge of words that writes what a rule cannot: paraphrases, corruptions. Probes that need
            one are left out by name where there is none.
        families: Family -> the judges and systems in it, for self-preference; a system that has the name of
            a judge or of its model is of its family anyway.
        texts: The items that a recorded run judged, where it does not say where they are, for lengths,
            systems and clusters.
        n: How many items are probed at most, evenly spaced over all.
        seed: The seed of what is drawn.
        **options: As of `score`; `labels` are people's, as of `agree`; `samples` are asked of changed items,
            and twice as many of those that came.

    Returns the shifts with their intervals, the faults among them, and the run of both walks. Replies are
    shared with earlier runs through the ledger. Errors are those of `score`.

    >>> from judgekit import Scripted
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> hello = "Hello there, I am well. "
    >>> items = [{"id": n, "task": "Hi", "response": hello * (n % 3 + 1)} for n in range(30)]
    >>> longer = Scripted("longer", lambda call: len(call.item.responses["response"]) > 70)
    >>> [each.probe.name for each in probe(items, rubric, longer, only=["padding"], ledger=None).faults]
    ['padding']
    """
    if (run := run_of(items)) is not None:
        labels = options.get("labels")
        own: dict[str, Any] = {"texts": texts, "labels": labels, "families": families, "seed": seed}
        return recorded(run, rubric, only=only, probes=probes, **own)
    made = prepare_probes(
        items, rubric, judges, only=only, probes=probes, writer=writer, families=families, n=n, seed=seed,
        **options,
    )  # fmt: skip
    return made.measured(told(in_own_loop(collected, made.job)))

"""A scoring job: options become a plan, a recipe and a source of items, all checked before any call."""

import functools
import time
import warnings
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from judgekit.aggregate import rubric_scores
from judgekit.aggregate.pairs import pair_scores
from judgekit.aggregate.panels import FittedPanel, pool_of
from judgekit.agreement.bias.verdict_correlation import PanelVerdicts
from judgekit.errors import InputError, JudgekitError
from judgekit.items import FirstSkips, Skipped, Survey, read_items
from judgekit.items.check import RESPONSE, check_needs
from judgekit.items.parts import parts_of
from judgekit.items.read import OnBadItem
from judgekit.items.shard import Shard
from judgekit.judges.resolve import check, resolve
from judgekit.judges.servers import check_together
from judgekit.ledger import Ledger, default_path
from judgekit.ledger.tools import Older, kept_in
from judgekit.plan import Plan, Preview
from judgekit.plan import preview as preview_of
from judgekit.prompt import Template, template_of
from judgekit.protocols import Protocol
from judgekit.recipes import Grading
from judgekit.recipes.grading import Aggregate, Counted, one_vote_each
from judgekit.recipes.parts import reduced_by
from judgekit.roles import Deferring, Judge, Tunable
from judgekit.rubric import Rubric, load_rubric
from judgekit.rubric.files import read_text
from judgekit.rubric.lint import asked_back
from judgekit.run import Limits, Tally, drive
from judgekit.run.tally import seen_by
from judgekit.standing.separating import Separation
from judgekit.telemetry import Telemetry, telemetry_of
from judgekit.types import Item, Judged, Need, brief
from judgekit.verbs.digests import digest_of, digest_of_items, planned
from judgekit.verbs.inputs import file_of, first_rubric, inputs_of, no_items, surveyed_of, told_of
from judgekit.verbs.options import (
    DEFAULT_LEDGER,
    DEFAULTS,
    Judges,
    Options,
    RubricLike,
    check_options,
)
from judgekit.verbs.panels import calibrations_of, fitted_panel, panel_verdicts, truth_of
from judgekit.verbs.scheduled import Schedule, earlier_of, pairs_asked, values_of

_MODELS = frozenset({"task_model", "writer"})  # settings that are judges, or their names
# What only says how fast, for how much or where a run is kept is not asked: more money is no other job.
_ASKED = (
    "recipe", "settings", "reask", "rule", "partial", "panel", "min_judges", "balance", "substitutes",
    "unfounded", "aggregate", "on_empty", "parts", "parts_rule", "parts_before",
)  # fmt: skip
_PLANNED = ("protocol", "form", "per_call", "samples", "orders", "ties", "on_empty")
if TYPE_CHECKING:
    from judgekit.batches import Batching
    from judgekit.recipes.published import Published
    from judgekit.verbs.adapted import Adapted


@dataclass(frozen=True)
class Job:
    """A scoring job, checked and ready: `prepare` makes it, nothing has been sent, and `judged` walks it."""

    plan: Plan
    recipe: Counted
    items: Any
    columns: Mapping[str, str] | None
    on_bad_item: OnBadItem
    ledger: Path | None
    prompts: bool
    limits: Limits
    surveyed: Survey | None
    read_also: tuple[Path, ...] = ()  # ledgers that are looked into behind that one
    shard: Shard | None = None  # which items are judged
    name: str | None = None
    rubric_file: Path | None = None
    needs: frozenset[Need] = RESPONSE
    spared: frozenset[str] = frozenset()
    seats: Mapping[str, str] = field(default_factory=dict)  # substitute -> the judge it stands in for
    older: Older | None = None  # a ledger that this run does not serve
    fitted: FittedPanel | None = None  # scores wait until it is fitted to all outcomes
    calibration: str | None = None  # the digest of what maps probabilities
    later: tuple[Plan, ...] = ()  # of steps that may not be asked; their prompts are recorded
    asked: Mapping[str, Any] = field(default_factory=dict)  # options that a plan does not hold
    telemetry: Telemetry | None = None  # what OpenTelemetry is told by
    batching: "Batching | None" = None  # how it goes through batches
    progress: bool = False  # whether to show how far it is
    adapted: "Adapted | None" = None  # a bank that picks what is judged, system by system
    until: Separation | None = None  # ends the run when systems are told apart
    tally: Tally = field(default_factory=Tally)
    skipped: FirstSkips = field(default_factory=FirstSkips)
    started: float = field(default_factory=time.monotonic)
    began: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    __repr__ = brief

    @functools.cached_property
    def _panel(self) -> PanelVerdicts | None:
        return panel_verdicts(self.plan.judges, self.recipe.plans, self.seats)

    @functools.cached_property
    def digest(self) -> str | None:
        """Return what makes it this job; None where the items are known only as they come."""
        if self.surveyed is None:
            return None
        how = {"columns": self.columns or {}, "on_bad_item": self.on_bad_item}
        plans = [planned(plan) for plan in (self.plan, *self.recipe.plans, *self.later)]
        return digest_of(self._digest_of_items, how, plans, self.recipe.helpers, self.asked)

    @functools.cached_property
    def _digest_of_items(self) -> str:
        return digest_of_items(self.items, self._items)

    def _items(self, skipped: FirstSkips | None = None) -> Iterator[Item]:
        return read_items(
            self.items, columns=self.columns, on_bad_item=self.on_bad_item, skipped=skipped,
            needs=self.needs, surveyed=self.surveyed,
        )  # fmt: skip

    def read(self) -> Iterator[Item]:
        """Yield the items that are to be judged."""
        shard = self.shard
        return self.checked() if shard is None else (i for i in self.checked() if shard.takes(i.item_id))

    def checked(self) -> Iterator[Item]:
        """Yield the items, each with its own rubric checked."""
        self.skipped.restart()
        for item in self._items(self.skipped):
            if item.rubric is not None:
                try:
                    check_needs(item, self.plan.rubric_of(item).needed - {"response"})
                    for plan in (self.plan, *self.later):
                        plan.sheets_of(item)
                except InputError as error:
                    if self.on_bad_item == "raise":
                        raise
                    self.skipped.append(Skipped(item.where or item.item_id, str(error)))
                    continue
            yield item

    def beforehand(self) -> Iterator[Item]:
        """Return the items for a look before any call; InputError where they can be read once only."""
        if self.surveyed is None:
            raise InputError("a schedule looks at all items before any call; hand in a file or a list")
        return self._items()

    @property
    def asking(self) -> str:
        """What says what is asked, in words: the recipe, or the schedule."""
        ours = "a rule of parts" if self.plan.parts else f"schedule {self.asked.get('schedule')!r}"
        return ours if self.name is None else f"recipe {self.name!r}"

    def systems(self) -> Iterator[str]:
        """Yield the names that what is scored may have of its system, item by item; some more than once."""
        for item in self._items():
            yield from (item.systems.get(each) or each for each in item.responses)
            yield from item.responses if len(item.responses) > 1 else ()  # of a pair it is the response

    def preview(self) -> Preview:
        """Return calls of the job, tokens and price of its first round; nothing is sent."""
        there = [each for each in (self.ledger, *self.read_also) if each is not None and each.exists()]
        if not there:
            return preview_of(self.recipe.plans, self.read(), self.recipe.calls)
        with Ledger(there[0], read_only=True, also=there[1:]) as ledger:
            return preview_of(self.recipe.plans, self.read(), self.recipe.calls, ledger.get)

    async def judged(self) -> AsyncGenerator[Judged, None]:
        """Yield what becomes of each item, in order; the ledger is open for as long as it runs."""
        judges = {judge.name: judge for judge in (*self.plan.judges, *self.recipe.helpers)}
        path, also = self.ledger, self.read_also
        ledger = None if path is None else Ledger(path, prompts=self.prompts, also=also)
        try:
            walked = (drive if self.batching is None else self.batching.walks(self._walked))(
                self._walked(), self.recipe, judges, ledger=ledger, limits=self.limits, tally=self.tally,
                spared=self.spared, around=None if self.telemetry is None else self.telemetry.around,
            )  # fmt: skip
            scored = walked if self.fitted is None else self._fitted(walked, self.fitted)
            scored = scored if self.adapted is None else self.adapted.each_item(walked)
            async with aclosing(walked), aclosing(scored):  # what is in flight ends before the ledger closes
                async for judged in scored:
                    if self._panel is not None:
                        self._panel.add(judged)
                    if self.telemetry is not None:
                        self.telemetry.judged(judged)
                    yield judged
                    if self.until is not None and self._is_separated(judged, self.until):
                        break
            if not self.tally.items and self.shard is None:  # of few items a shard may have none
                raise InputError(no_items("items", self.skipped))
        finally:
            if ledger is not None:
                ledger.close()

    def _walked(self) -> Iterable[Item]:
        return self.read() if self.adapted is None else self.adapted.recipe.walked()

    def _is_separated(self, judged: Judged, until: Separation) -> bool:
        """Tell whether an item was the last that is needed; what comes behind it is not looked at."""
        until.add(values_of(judged, self.plan.rubric_of(judged.item)))
        return until.is_done

    async def _fitted(
        self, walked: AsyncGenerator[Judged, None], panel: FittedPanel
    ) -> AsyncGenerator[Judged, None]:
        """Yield the same, scored once a panel is fitted to all outcomes, or to those before a stop."""
        held: list[Judged] = []
        stopped: JudgekitError | None = None
        try:
            async for judged in walked:
                held.append(judged)  # noqa: PERF401 - what came before an error is kept
        except JudgekitError as error:
            stopped = error
        panel.fit()
        aggregate = cast("Grading", self.recipe).aggregate
        for judged in held:
            rubric = self.plan.rubric_of(judged.item)
            yield replace(judged, scores=aggregate(rubric, judged.item, judged.outcomes))
        if stopped is not None:
            raise stopped

    def summary(self, stopped: BaseException | None = None) -> dict[str, Any]:
        """Return what `run.json` holds."""
        from judgekit import __version__

        rubric, judges = self.plan.rubric, (*self.plan.judges, *self.recipe.helpers)
        why = self.tally.nothing() if stopped is None else str(stopped) or type(stopped).__name__
        return {
            "items_in_all": None if self.surveyed is None else self.surveyed.n_items,
            **({} if self.shard is None else {"shard": str(self.shard)}),
            **self.tally.summary(),
            "panel": None if self._panel is None else self._panel.found().plain(),
            **({} if self.fitted is None else {"fitted": self.fitted.summary()}),
            **({} if self.calibration is None else {"calibration": self.calibration}),
            **({} if self.adapted is None else self.adapted.summary()),
            **({} if self.until is None else {"separated": self.until.plain()}),
            **({} if self.batching is None else {"batches": dict(self.batching.counts)}),
            "skipped": self.skipped.n,
            "skipped_rows": [f"{s.where}: {s.message}" for s in self.skipped.first],
            "stopped": why,
            "began": self.began,
            "seconds": round(time.monotonic() - self.started, 3),
            "rubric": told_of(rubric, None if self.surveyed is None else self.surveyed.n_rubrics),
            "inputs": inputs_of(
                self.items,
                self.columns,
                lambda: self._digest_of_items,
                rubric=self.rubric_file,
                ledger=self.ledger,
                also=self.read_also,
            ),
            "recipe": self.name,
            "prompts": dict(
                each for plan in (*self.recipe.plans, *self.later) for each in plan.prompt_digests().items()
            ),
            "judges": {judge.name: dict(judge.identity) for judge in judges},
            **seen_by(judges),
            "protocol": self.plan.asked_by.name,
            "form": self.plan.form,
            "per_call": self.plan.per_call,
            "samples": self.plan.samples,
            "seed": None,
            "ledger": None if self.ledger is None else str(self.ledger),
            **({"read_also": [str(each) for each in self.read_also]} if self.read_also else {}),
            "older_ledger": None if self.older is None else str(self.older.path),
            "judgekit": __version__,
        }


def prepare(
    items: Any,
    rubric: RubricLike,
    judges: Judges = "local",
    *,
    sending: bool = True,
    **options: Unpack[Options],
) -> Job:
    """Return the job that options say, or raise an InputError before any call if something cannot be used.

    A judge's key is looked for only where calls are to be sent.
    """
    check_options(options)
    found: Published | None = None
    if (recipe_name := options.get("recipe")) is not None:
        from judgekit.recipes.catalog import published

        found = published(recipe_name)
        options = cast("Options", found.filled(options))
        rubric = found.rubric if rubric is None else rubric
    options = {**DEFAULTS, **options}
    loaded = load_rubric(first_rubric(items, options) if rubric is None else rubric)
    plan = _plan(loaded, _judges(judges, found, options), found, options)
    substitutes = {
        name: _judge(each, found, options) for name, each in (options["substitutes"] or {}).items()
    }
    panel, calibrations = fitted_panel(plan, options), calibrations_of(plan, options)
    aggregate = options["aggregate"] or _aggregator(plan, options, panel)
    aggregate = one_vote_each(aggregate, substitutes)
    aggregate = aggregate if calibrations is None else calibrations.before(aggregate)
    recipe = _recipe(plan, found, options, aggregate, substitutes)
    for judge in (*plan.judges, *recipe.helpers):
        check(judge, sending=sending)
    check_together((*plan.judges, *recipe.helpers))
    _tell(loaded, plan, options)
    ledger, older = _ledger(options, [judge.name for judge in (*plan.judges, *recipe.helpers)])
    needs = _needs(loaded, [each.asked_by for each in (plan, *recipe.plans)], found)
    needs |= {"rubric"} if rubric is None else set()
    digest = None if calibrations is None else calibrations.digest
    own = {"substitutes": substitutes, **({} if digest is None else {"calibration": digest})}
    shard = _shard(options)
    own |= {} if shard is None else {"shard": str(shard)}
    job = Job(
        plan=plan, recipe=recipe, items=items, columns=options["columns"], on_bad_item=options["on_bad_item"],
        ledger=ledger, older=older, read_also=_read_also(options), shard=shard,
        prompts=options["store_prompts"], limits=options["limits"] or Limits(), progress=options["progress"],
        telemetry=telemetry_of(options["telemetry"] if sending else "off", _say(options)),
        surveyed=surveyed_of(items, needs, options), name=recipe_name, fitted=panel, calibration=digest,
        needs=needs, spared=frozenset(substitutes), asked={**asked_of(options), **own},
        seats={judge.name: name for name, judge in substitutes.items()}, rubric_file=file_of(rubric),
    )  # fmt: skip
    if job.surveyed is not None and job.surveyed.n_rubrics and job.on_bad_item == "raise":
        deque(job.checked(), maxlen=0)  # a bad one is told now, and not behind the calls before it
    if options["schedule"] is not None or options["pairs"] is not None or options["until_separated"]:
        job = _scheduled(job, options)
    if any(options[each] is not None for each in ("batch", "then", "adaptive", "until_sd", "gamma")):
        from judgekit.verbs.adapted import otherwise

        job = otherwise(job, options)
    return job if panel is None else _labelled(job, panel, options)


def _scheduled(job: Job, options: Options) -> Job:
    """Return the job that asks the pairs of a schedule, or ends when systems are told apart."""
    given = {each: options[each] for each in ("schedule", "pairs", "settings", "until_separated")}
    if (name := options["schedule"]) is not None:
        if job.name is not None:
            raise InputError(
                f"recipe {job.name!r} and schedule {name!r} both say what is asked; leave one out"
            )
        schedule = Schedule.named(name, options["settings"] or {}, options["pairs"])
        earlier = functools.partial(earlier_of, items=job.items, columns=job.columns)
        job = replace(job, recipe=schedule.recipe(cast("Grading", job.recipe), job.beforehand, earlier))
    elif options["pairs"] is not None:
        raise InputError("pairs is of a schedule; name one, such as schedule='balanced'")
    until = Separation(pairs_asked(job.recipe, job.beforehand())) if options["until_separated"] else None
    return replace(job, until=until, asked={**job.asked, **given})


def _labelled(job: Job, panel: FittedPanel, options: Options) -> Job:
    """Return the job of a panel that is fitted, which knows what people said where it needs that."""
    if not isinstance(job.recipe, Grading):
        raise InputError(f"{job.asking} scores in a way of its own; panel {panel.name!r} has none")
    if options["labels"] is None:
        return job
    truth = truth_of(options["labels"], job.plan, () if job.surveyed is None else job.checked())
    panel.know(truth)
    told = sorted((unit.item_id, unit.responses, name, label) for (unit, name), label in truth.items())
    return replace(job, asked={**job.asked, "labels": told})


def _needs(rubric: Rubric, protocols: Sequence[Protocol], found: "Published | None") -> frozenset[Need]:
    """Return what items must hold: what the rubric says, a reference to match, two to compare."""
    needs = set(rubric.needed)
    by_reference = any(each.needs_reference for each in protocols)
    if by_reference and any(criterion.reference is None for criterion in rubric.leaves):
        needs.add("reference")
    if any(each.shows != "one" for each in protocols):
        needs.add("pair")
    return frozenset(needs - ({"response", "pair"} if found is not None and found.writes else set()))


def _tell(loaded: Rubric, plan: Plan, options: Options) -> None:
    """Say before paying what is most likely not meant: scales of two ends, samples that would be copies."""
    for each in asked_back(loaded):
        _say(options)(each)
    if (told := plan.copies_told) is not None:
        _say(options)(told)


def _say(options: Options) -> Callable[[str], None]:
    """Return what takes a note; else a warning, told of who called a verb that called `prepare`."""
    return options["say"] or functools.partial(warnings.warn, stacklevel=4)


def _ledger(options: Options, judges: Sequence[str]) -> tuple[Path | None, Older | None]:
    """Return where replies are kept, and the older ledger that was named instead, which is told."""
    named = options["ledger"]
    if named is None:
        return None, None
    path, older = kept_in(default_path() if named == DEFAULT_LEDGER else Path(named), judges)
    if older is not None:
        _say(options)(str(older))
    return path, older


def _read_also(options: Options) -> tuple[Path, ...]:
    """Return the ledgers that are only read, each seen to be one that replies can be served from."""
    paths = tuple(map(Path, options["read_also"]))
    if paths and options["ledger"] is None:
        raise InputError("read_also is looked into behind a ledger; name one for what is asked anew")
    for each in paths:
        with Ledger(each, read_only=True) as ledger:
            ledger.look(())
    return paths


def _shard(options: Options) -> Shard | None:
    """Return the shard; InputError where what is asked of one item hangs on those of other shards."""
    if (said := options["shard"]) is None:
        return None
    for name in ("until_separated", "adaptive"):
        if options[name]:
            raise InputError(f"shard={said!r}: {name} is decided by all items in their order; leave one out")
    return Shard.named(said)


def _judges(judges: Judges, found: "Published | None", options: Options) -> tuple[Judge, ...]:
    several: list[Any] = [judges]
    if isinstance(judges, Iterable) and not isinstance(judges, str | Mapping):
        several = list(judges)
    return tuple(_judge(each, found, options) for each in several)


def _judge(given: Any, found: "Published | None", options: Options) -> Judge:
    """Return a judge; one that is only named gets the settings of the recipe."""
    judge = resolve(given, own_code=options["own_code"], say=options["say"])
    if options["batch"] is not None and isinstance(judge, Deferring) and isinstance(judge, Tunable):
        judge = judge.with_()  # one of the caller's keeps its prices
    return found.tuned(judge) if found is not None and isinstance(given, str | Mapping) else judge


def _plan(rubric: Rubric, judges: tuple[Judge, ...], found: "Published | None", options: Options) -> Plan:
    given: Mapping[str, Any] = options
    asked = {name: given[name] for name in _PLANNED} | {"prompt": _template(options["prompt"])}
    asked["parts"] = parts_of(options["parts"], options["parts_before"])
    return Plan(rubric, judges, **asked) if found is None else found.plan(rubric, judges, **asked)


def _recipe(
    plan: Plan,
    found: "Published | None",
    options: Options,
    aggregate: Aggregate,
    substitutes: Mapping[str, Judge],
) -> Counted:
    """Return what is walked: the round that the options make, or the recipe built on it."""
    grading = Grading(
        plan, reask=options["reask"], again=options["again"], unfounded=options["unfounded"],
        aggregate=aggregate, substitutes=substitutes,
    )  # fmt: skip
    settings = dict(options["settings"] or {})
    if found is None:
        if settings and options["schedule"] is None:
            raise InputError(f"settings {sorted(settings)} are a recipe's; name the recipe")
        return reduced_by(options["parts_rule"], grading, plan.parts)
    for name in _MODELS & settings.keys():
        settings[name] = None if settings[name] is None else _judge(settings[name], None, options)
    return reduced_by(options["parts_rule"], found.recipe(grading, settings), plan.parts)


def _aggregator(plan: Plan, options: Options, fitted: FittedPanel | None) -> Aggregate:
    """Return what turns outcomes into scores, of pairs or of responses alone."""
    panel, partial = options["panel"], options["partial"]
    pool = pool_of(fitted or panel, min_judges=options["min_judges"])
    if plan.asked_by.shows != "one":
        balance = options["balance"]
        return functools.partial(pair_scores, rule=balance, pool=pool, partial=partial, copies=plan.copies)
    its = None if panel == "mean" and options["min_judges"] == 1 else pool
    rule = options["rule"]
    return functools.partial(rubric_scores, rule=rule, partial=partial, pool=its, copies=plan.copies)


def _template(prompt: str | Path | Template | None) -> Template | None:
    if prompt is None or isinstance(prompt, Template):
        return prompt
    path = Path(prompt)
    return template_of(read_text(path), str(path))


def asked_of(options: Options) -> dict[str, Any]:
    """Return the options beside a plan that change what comes out; left out, they are as by default."""
    given = {name: value for name, value in options.items() if value is not None}
    return {name: given.get(name, default) for name, default in DEFAULTS.items() if name in _ASKED}

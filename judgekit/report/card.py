"""`card`: one page on a judge: who it is, what moves it, how far it agrees with people, what it is good for.

The items are probed, and what people labelled of the rest is asked beside them, in one job. What a card says
stands in its JSON, which page, Markdown and a later card (`against`) are made of.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Unpack

from judgekit.agreement.auditing.records import Audit
from judgekit.agreement.auditing.wording import called
from judgekit.errors import InputError
from judgekit.items import survey
from judgekit.plan import Preview
from judgekit.probes.measure import Walks
from judgekit.probes.planted import TWINS
from judgekit.probes.probe import MOST_ITEMS, ProbeJob, prepare_probes
from judgekit.probes.recorded import recorded, run_of
from judgekit.probes.records import Probe, Shift
from judgekit.probes.results import CARD_FORMAT, ProbeRun, held_card
from judgekit.probes.walk import Variant
from judgekit.report.card_bounds import held_to
from judgekit.report.card_page import uses_of, write_card
from judgekit.report.checks import Gates, read_thresholds
from judgekit.report.drift import Drift, drift
from judgekit.report.plain import doubt, plainly
from judgekit.report.purposes import Verdict, findings
from judgekit.report.uses import Use, size, together, uses, worst_of
from judgekit.roles import Judge
from judgekit.types import Item, Outcome, is_control
from judgekit.types import Verdict as Said
from judgekit.verbs import Options, Run
from judgekit.verbs.agree import agree
from judgekit.verbs.faces import collected, in_own_loop, told
from judgekit.verbs.joining import outcomes_of
from judgekit.verbs.labels import rows_of
from judgekit.verbs.options import Judges, RubricLike
from judgekit.verbs.require import Requirement
from judgekit.writing import plain

_LABELLED = Probe(name="labelled", group="", what="What people labelled beside what is probed.", change=None)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known of a judge.

    Args:
        held: What its JSON holds, which all of its pages are made of.
        uses: What the judge may be used for, by criterion where people labelled some.
        drift: How it differs from an earlier card; None where it was held against none.
        shifts: What the probes found; empty of a card that was read from a file.
        probed: The run of the probes, and `audit` what people's labels say; None of a card from a file.
    """

    held: Mapping[str, Any]
    uses: tuple[Use, ...]
    drift: Drift | None = None
    shifts: tuple[Shift, ...] = ()
    probed: ProbeRun | None = None
    audit: Audit | None = None

    def __repr__(self) -> str:
        """The judge, and the verdict for each use."""
        said = ", ".join(f"{name}: {verdict}" for name, verdict in self.verdicts.items())
        return f"<Card of {self.held['judge']['name']}: {said}>"

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict for each use: to rank, to tell a level, to decide on single items, to reward."""
        return {name: use.verdict for name, use in worst_of(self.uses).items()}

    @property
    def faults(self) -> tuple[str, ...]:
        """The probes whose faults are shown."""
        return tuple(each["probe"] for each in self.held["probes"] if each["state"] == "fault")

    def require(self, *bounds: str) -> tuple[Requirement, ...]:
        """What was found beside each bound, such as `agreement>=0.6`, `padding: shift<=0.05`, `faults<=0`.

        `agreement` is of a criterion or of all; `shift`, `moved`, `rose` (of what must not rise), `failed`
        (to do what it must) and `silenced` are of a probe, of a group or of all, and the worst one decides;
        `faults` are counted. Raises `InputError` for what the card does not have.
        """
        return held_to(self.held, bounds)

    def against(self, old: "Card | str | Path", *, look: int | None = None) -> "Card":
        """The card held against an earlier one of the same items (see `card`)."""
        there = old if isinstance(old, Card) else read_card(old)
        found = drift(there.held, self.held, look=look)
        return replace(self, drift=found, held={**self.held, "against": plain(found)})

    def save(self, path: str | Path) -> tuple[Path, ...]:
        """Write it: a page (.html), with .json and .md files of the same beside it, or one of these alone."""
        return write_card(self.held, path)


def read_card(path: str | Path) -> Card:
    """Return the card in a JSON file that `save` or `--out` wrote; InputError if it holds none."""
    held = held_card(path)
    return Card(held=held, uses=tuple(uses_of(held)))


def card_of(items: Any, rubric: Any) -> Card | None:
    """Return the card that stands in the place of items: a JSON file of one, without a rubric."""
    if rubric is not None or not isinstance(items, str | Path) or Path(items).suffix != ".json":
        return None
    return read_card(items)


@dataclass(frozen=True, kw_only=True)
class CardJob:
    """A card that is checked and priced; nothing has been sent."""

    probes: ProbeJob
    items: tuple[Item, ...]
    gates: Gates
    labels: Any = None
    trusted: bool = False
    columns: Mapping[str, str] | None = None
    families: Mapping[str, Sequence[str]] | None = None

    def preview(self) -> Preview:
        """Return the calls and the price of all that is asked."""
        return self.probes.job.preview()

    def carded(self, run: Run) -> Card:
        """Return the card that a run of the job makes."""
        probed, walks = self.probes.measured(run), self.probes.walks(run)
        [judge] = self.probes.judges
        audit = None if self.labels is None else self._audited(walks, judge)
        return _carded(probed, judge, audit, self.gates, anchors=_anchors(walks, judge), paired=walks.paired)

    def _audited(self, walks: Walks, judge: str) -> Audit:
        """Return the audit of the judge's first samples, those of a plain run, by people's labels."""
        said: list[Outcome] = []
        for variant in _as_they_came(walks):
            said += walks.said(variant.item.item_id, judge)
        return agree(
            said, labels=self.labels, rubric=self.probes.job.plan.rubric, items=self.items,
            trusted=self.trusted, columns=self.columns, families=self.families, progress=False,
        )  # fmt: skip


def _carded(
    probed: ProbeRun,
    judge: str,
    audit: Audit | None,
    gates: Gates,
    *,
    anchors: Iterable[Mapping[str, Any]],
    paired: bool,
) -> Card:
    """Return the card of a judge, by what was found of it."""
    found = () if audit is None else findings(audit, gates)
    known = uses(probed.shifts, found, paired=paired)
    held = {
        "format": CARD_FORMAT,
        "judge": _who(probed.run, judge),
        "items": probed.items,
        "labelled": audit is not None,
        "faults": [
            f"it {sentence}" for sentence, _ in together(sorted(probed.faults, key=size, reverse=True))
        ],
        "seed": probed.seed,
        "uses": [asdict(each) for each in known],
        "agreement": [] if audit is None else list(_agreement(audit, gates)),
        "notes": [] if audit is None else list(audit.notes),
        "probes": probed.plain()["shifts"],
        "left_out": dict(probed.left_out),
        "anchors": list(anchors),
    }
    return Card(held=plain(held), uses=known, shifts=probed.shifts, probed=probed, audit=audit)


def of_run(
    run: Run,
    rubric: RubricLike = None,
    *,
    labels: Any = None,
    trusted: bool = False,
    thresholds: str | Path | None = None,
    texts: Any = None,
    families: Mapping[str, Sequence[str]] | None = None,
    **chosen: Any,
) -> Card:
    """Return the card that a recorded run makes, of what can be read off it; nothing is asked."""
    probed = recorded(run, rubric, labels=labels, texts=texts, families=families, **chosen)
    people = {o.rater for o in run.outcomes if isinstance(o, Said) and o.source == "human"}
    judges = sorted({o.rater for o in run.outcomes if o.rater not in people and not is_control(o.rater)})
    if len(judges) != 1:
        raise InputError(f"a card is of one judge, and the run has {', '.join(judges) or 'none'}")
    shape = (run.summary.get("rubric") or {}).get("content") if rubric is None else rubric
    audit = None
    if labels is not None or people:
        audit = agree(
            run, labels=labels, rubric=shape, items=texts, trusted=trusted, families=families, progress=False
        )
    alone = {o.rater for o in run.outcomes} - people == {*judges}  # else scores are of a panel
    one = len({each.name for each in run.scores}) == 1
    whole = [
        each for each in run.scores if alone and (one or each.level == "rubric") and each.level != "part"
    ]
    anchors = (
        {
            "item": s.unit.item_id,
            "responses": s.unit.responses,
            "part": s.unit.part,
            "score": s.value,
            "of": "",
        }
        for s in whole
    )
    paired = any(len(each.unit.responses) == 2 for each in run.outcomes)
    return _carded(probed, judges[0], audit, read_thresholds(thresholds), anchors=anchors, paired=paired)


def _as_they_came(walks: Walks) -> Iterator[Variant]:
    yield from (each for each in walks.probing.variants.values() if each.probe in {None, _LABELLED})


def prepare_card(
    items: Any = None,
    rubric: RubricLike = None,
    judge: Judges = "local",
    *,
    trusted: bool = False,
    thresholds: str | Path | None = None,
    only: Iterable[str] = (),
    probes: Sequence[Probe] = (),
    writer: str | Judge | Mapping[str, Any] | None = None,
    families: Mapping[str, Sequence[str]] | None = None,
    n: int = MOST_ITEMS,
    seed: int = 0,
    sending: bool = True,
    **options: Unpack[Options],
) -> CardJob:
    """Return the job of `card`, checked; nothing is sent."""
    gates = read_thresholds(thresholds)
    labels = options.get("labels")
    labels = options["labels"] = list(labels) if isinstance(labels, Iterator) else labels
    items = list(items) if isinstance(items, Iterator) else items
    if labels is not None and items == "-":
        raise InputError("items beside labels are read twice, which standard input cannot be; name a file")
    made = prepare_probes(
        items, rubric, judge, only=only, probes=probes, writer=writer, families=families,
        n=n, seed=seed, sending=sending, **options,
    )  # fmt: skip
    if len(made.judges) != 1:
        raise InputError("a card is of one judge; make one for each")
    known, columns = made.items, options.get("columns")
    if labels is not None:
        made, known = _with_labelled(made, items, labels, columns)
    return CardJob(
        probes=made, items=known, gates=gates, labels=labels, trusted=trusted, columns=columns,
        families=families,
    )  # fmt: skip


def _with_labelled(
    made: ProbeJob, items: Any, labels: Any, columns: Mapping[str, str] | None
) -> tuple[ProbeJob, tuple[Item, ...]]:
    """Return the job with those items beside it that people labelled and that are not probed."""
    from judgekit.items import read_items

    items = TWINS if items is None else items
    ready = outcomes_of(labels)
    ids = (
        {str(row.get("item_id")) for row in rows_of(labels, {})}
        if ready is None
        else {each.unit.item_id for each in ready}
    )
    probed = {each.item_id for each in made.items}
    rest = [
        each
        for each in read_items(items, columns=columns, needs=None)
        if each.item_id in ids and each.item_id not in probed
    ]
    more = {each.item_id: Variant(item=each, of=each, probe=_LABELLED) for each in rest}
    probing = replace(made.probing, variants={**made.probing.variants, **more})
    walked = [each.item for each in probing.variants.values()]
    job = replace(
        made.job, items=walked, plan=probing.plan, recipe=probing, surveyed=survey(walked, needs=None)
    )
    return replace(made, job=job, probing=probing), (*made.items, *rest)


def _who(run: Run, judge: str) -> dict[str, Any]:
    """Return who a judge is, by what it was asked, and what a verdict of it costs."""
    from judgekit import __version__

    told_of, calls = run.summary, [each for each in run.calls if each.judge == judge]
    n = sum(isinstance(each, Said) and each.rater == judge for each in run.outcomes)
    priced = [each.cost_usd for each in calls if each.cost_usd is not None]
    timed = [each.seconds for each in calls if each.seconds is not None]
    rubric = told_of.get("rubric") or {}
    return {
        "name": judge,
        "models": dict(Counter(each.model for each in calls if each.model)),
        "settings": (told_of.get("judges") or {}).get(judge, {}),
        "rubric": {name: rubric.get(name, "unknown") for name in ("id", "version", "digest")},
        "prompts": told_of.get("prompts") or {},
        **{name: told_of.get(name, "unknown") for name in ("protocol", "form", "samples")},
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "judgekit": __version__,
        "calls": len(calls),
        "stored": sum(each.stored for each in calls),
        "verdicts": n,
        "abstentions": dict(told_of.get("abstentions") or {}),
        "cost_usd_a_verdict": sum(priced) / n if n and len(priced) == len(calls) else None,
        "seconds_a_call": median(timed) if timed else None,
        "calls_a_verdict": len(calls) / n if n else None,
    }


def _agreement(audit: Audit, gates: Gates) -> Iterator[dict[str, Any]]:
    """Yield how far a judge agrees with people, by criterion, beside people and beside rules."""
    for criterion in audit.criteria:
        for each in criterion.judges:
            if each.is_control:
                continue
            rules = [
                {"name": rule.name, "constant": rule.constant, "difference": rule.difference}
                for rule in each.controls
            ]
            yield {
                "criterion": criterion.criterion,
                "agreement": each.main,
                "name": called(each.main.name),
                "people": criterion.human_alpha,
                "units": criterion.labelled.ratings.n_units,
                "trusted": criterion.labelled.trusted,
                "plainly": plainly(each, criterion, "gate", doubt(gates, criterion)),
                "rules": rules,
            }


def _anchors(walks: Walks, judge: str) -> Iterator[dict[str, Any]]:
    """Yield what the judge gave what it was asked as it came, which a later card is held against."""
    for variant in _as_they_came(walks):
        for unit in walks.scores(variant, judge):
            row = {
                "item": unit.item_id,
                "responses": list(unit.responses),
                "part": unit.part,
                "score": walks.value(variant, judge, unit),
                "of": _digest(variant.item),
            }
            twice = variant.probe is None
            yield {**row, "again": walks.value(variant, judge, unit, again=True)} if twice else row


def _digest(item: Item) -> str:
    """Return a digest of what is judged of an item."""
    parts = (item.task, dict(item.responses), item.reference, dict(item.sources))
    return hashlib.sha256(repr(parts).encode(errors="backslashreplace")).hexdigest()[:16]


def card(
    items: Any = None,
    rubric: RubricLike = None,
    judge: str | Judge | Mapping[str, Any] = "local",
    *,
    trusted: bool = False,
    thresholds: str | Path | None = None,
    only: Iterable[str] = (),
    probes: Sequence[Probe] = (),
    writer: str | Judge | Mapping[str, Any] | None = None,
    families: Mapping[str, Sequence[str]] | None = None,
    n: int = MOST_ITEMS,
    seed: int = 0,
    texts: Any = None,
    against: Card | str | Path | None = None,
    look: int | None = None,
    **options: Unpack[Options],
) -> Card:
    """One page on a judge: who it is, what moves it, how far it agrees with people, and what it is good for.

    Args:
        items: As of `score`, or as of `probe` where left out. A run, or its folder, and the JSON of a card
            (without a rubric) stand for what was asked: nothing more is.
        rubric: As of `score`.
        judge: As of `score`, one of them.
        trusted: Whether people's labels are the truth, as of `agree`.
        thresholds: A TOML file of thresholds that take the place of the default ones.
        only: Names and groups of the probes to ask, as of `probe`.
        probes: Probes of one's own, as of `probe`.
        writer: What writes for probes that need it, as of `probe`.
        families: Family -> the judges and systems in it, as of `probe`.
        n: How many items are probed at most, as of `probe`.
        seed: The seed of what is drawn.
        texts: The items that a recorded run judged, as of `probe`.
        against: An earlier card, or its JSON, to see whether the judge is still the same; the items have to
            be the same ones, and the replies new ones (another ledger, or none).
        look: The number of this look at the earlier card; one for each day since then where left out.
        **options: As of `score`; `labels` are people's of some of the items, as of `agree`. Without any there
            is no trust; what is labelled and not probed is asked as well.

    Errors are those of `probe` and of `agree`.

    >>> from judgekit import Scripted
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> hello = "Hello there, I am well. "
    >>> items = [{"id": n, "task": "Hi", "response": hello * (n % 3 + 1)} for n in range(30)]
    >>> longer = Scripted("longer", lambda call: len(call.item.responses["response"]) > 70)
    >>> made = card(items, rubric, longer, only=["padding", "shuffle"], ledger=None)
    >>> made.faults, made.verdicts["gate"]
    (('padding', 'shuffle'), 'DO NOT USE')
    """
    done = card_of(items, rubric)
    if done is None and (run := run_of(items)) is not None:
        done = of_run(
            run, rubric, labels=options.get("labels"), trusted=trusted, thresholds=thresholds, only=only,
            probes=probes, texts=texts, families=families, seed=seed,
        )  # fmt: skip
    if done is not None:
        return done if against is None else done.against(against, look=look)
    made = prepare_card(
        items, rubric, judge, trusted=trusted, thresholds=thresholds, only=only, probes=probes,
        writer=writer, families=families, n=n, seed=seed, **options,
    )  # fmt: skip
    done = made.carded(told(in_own_loop(collected, made.probes.job)))
    return done if against is None else done.against(against, look=look)

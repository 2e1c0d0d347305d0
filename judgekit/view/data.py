"""The payload of a page: one JSON object with the run's numbers, rows and texts, each text once.

What a field means stands beside it here; the page draws it. Long texts are indices into `texts`, names are
indices into `names`, tables are columns of one length, and what is missing is null (of an index -1).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from judgekit.types import Item, Outcome, Score, Text, Unit, Verdict
from judgekit.view.first import Numbers, agreement_of, summary_of
from judgekit.view.kept import Asked, Kept, Piece
from judgekit.view.marks import MARKS, SORTS, Marked, marked

FORMAT: Final = 1
LEVELS: Final = ("criterion", "dimension", "rubric")
SCORES: Final = ("unit", "level", "name", "value", "low", "high", "n", "abstained", "spread_judge",
    "spread_sample", "share", "gate", "flags", "marks")  # fmt: skip
OUTCOMES: Final = ("unit", "criterion", "rater", "label", "value", "probs", "reason", "detail", "rationale",
    "confidence", "evidence", "flags", "tags", "shown", "sample", "source", "mass", "undecided",
    "call")  # fmt: skip
CALLS: Final = ("key", "judge", "prompt", "reply", "fault", "detail", "attempt", "tries", "model",
    "input_tokens", "output_tokens", "cost_usd", "seconds", "stored")  # fmt: skip
MOST: Final = 100_000
"""Outcomes that a page holds at most."""
# A prompt is cut at its fences and tags, so that what it shows stands once, as the item's texts do.
_CUTS = re.compile(r"(\n</[a-z]+(?: [^<>\n]*)? )?([0-9a-f]{24})(>\n)?")


@dataclass(slots=True)
class Once:
    """Strings in the order in which they were first seen, each by its place."""

    places: dict[str, int] = field(default_factory=dict)

    def __call__(self, text: str | None) -> int:
        """Return the place of a text; -1 of none."""
        return -1 if text is None else self.places.setdefault(text, len(self.places))

    def text(self, text: str | None) -> int | None:
        """Return the place of a text; None of none, or of an empty one."""
        return self.places.setdefault(text, len(self.places)) if text else None


@dataclass(slots=True)
class Table:
    """Rows by column."""

    columns: dict[str, list[Any]]

    def add(self, **row: Any) -> None:
        """Add a row, which has every column."""
        for name, column in self.columns.items():
            column.append(row[name])


def _table(names: Iterable[str]) -> Table:
    return Table({name: [] for name in names})


@dataclass(slots=True, kw_only=True)
class Rows:
    """The rows of a run, made ready for a page: all of them, or those of one unit."""

    texts: Once
    names: dict[str, Once] = field(default_factory=lambda: {n: Once() for n in (
        "criteria", "raters", "labels", "reasons", "flags", "systems", "others", "sources")})  # fmt: skip
    items: list[dict[str, Any]] = field(default_factory=list)
    units: list[list[Any]] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    sorts: dict[str, list[float | None]] = field(default_factory=lambda: {name: [] for name in SORTS})
    scores: Table = field(default_factory=lambda: _table(SCORES))
    outcomes: Table = field(default_factory=lambda: _table(OUTCOMES))
    calls: Table = field(default_factory=lambda: _table(CALLS))
    explain: list[Any] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)  # key of a call -> its row

    def item(self, item_id: str, item: Item | None) -> None:
        """Add an item, of which the units that follow are."""
        known = item or Item(item_id)
        self.items.append({
            "id": item_id, "task": self._text(known.task), "reference": self.texts.text(known.reference),
            "sources": [[name, self.texts(text)] for name, text in known.sources.items()],
            "tags": dict(known.tags), "kept": item is not None,
        })  # fmt: skip

    def unit(self, view: "Viewed", piece: Piece, explained: Any = None) -> None:
        """Add a unit of the item that was added last, with its rows."""
        n = len(self.units)
        responses = {} if piece.item is None else piece.item.responses
        self.units.append([
            len(self.items) - 1,
            [
                [name, self._text(responses.get(name)), self.names["systems"](system or None)]
                for name, system in zip(view.unit.responses, view.systems, strict=True)
            ],
            view.unit.part,
        ])  # fmt: skip
        self.marks.append(view.marked.marks)
        for name, values in self.sorts.items():
            values.append(view.marked.sorts[name])
        self.explain.append(explained)
        for outcome in view.outcomes:
            if outcome.call in piece.calls:
                self._call(piece.calls[outcome.call])
        first = len(self.scores.columns["unit"])
        stands = next((i for i, each in enumerate(view.scores, first) if each is view.marked.settled), -1)
        self.settled.append(stands)
        for score in view.scores:
            self._score(n, score, view.marked)
        for outcome in view.outcomes:
            self._outcome(n, outcome)

    def _text(self, text: Text | None) -> Any:
        if text is None or text == "":
            return None
        if isinstance(text, str):
            return self.texts(text)
        return [[turn.role, self.texts(turn.content)] for turn in text]

    def _call(self, call: Asked) -> None:
        if call.key in self.keys:
            return
        self.keys[call.key] = len(self.keys)
        prompt: Any = call.prompt and [
            [role, [self.texts(piece) for piece in _CUTS.split(content) if piece]]
            for role, content in call.prompt
        ]
        reply = call.reply
        of_reply = ("fault", "tries", "model", "input_tokens", "output_tokens", "cost_usd", "seconds")
        self.calls.add(
            key=call.key, judge=self.names["raters"](call.judge), prompt=prompt, attempt=call.attempt,
            reply=None if reply is None else self.texts(reply.text), stored=call.stored,
            detail=None if reply is None else reply.detail or None,
            **{name: None if reply is None else getattr(reply, name) for name in of_reply},
        )  # fmt: skip

    def _score(self, n: int, score: Score, marked: Marked) -> None:
        named = "criteria" if score.level == "criterion" else "others"
        self.scores.add(
            unit=n, level=LEVELS.index(score.level), name=self.names[named](score.name), value=score.value,
            low=score.low, high=score.high, n=score.n_verdicts, abstained=sum(score.n_abstained.values()),
            spread_judge=score.spread.get("judge"), spread_sample=score.spread.get("sample"),
            share=score.share, gate=self.names["criteria"](score.gate or None),
            flags=[self.names["flags"](flag) for flag in score.flags],
            marks=marked.cells.get(score.name, 0) if named == "criteria" else marked.marks,
        )  # fmt: skip

    def _outcome(self, n: int, outcome: Outcome) -> None:
        names, unit = self.names, outcome.unit
        said: dict[str, Any]
        if isinstance(outcome, Verdict):
            said = {
                "value": outcome.value, "confidence": outcome.confidence, "mass": outcome.mass,
                "undecided": outcome.undecided,
                "label": names["labels"](outcome.label), "rationale": self.texts.text(outcome.rationale),
                "probs": [[names["labels"](label), p] for label, p in outcome.probs],
                "evidence": [[self.texts(e.quote), e.where, int(e.found), e.how] for e in outcome.evidence],
                "flags": [names["flags"](flag) for flag in outcome.flags], "tags": list(outcome.tags),
                "source": names["sources"](outcome.source), "reason": -1, "detail": None,
            }  # fmt: skip
        else:
            said = dict.fromkeys(("value", "probs", "confidence", "source", "mass", "undecided", "rationale"))
            said |= {"label": -1, "evidence": [], "flags": [], "tags": []}
            said |= {"reason": names["reasons"](outcome.reason), "detail": self.texts.text(outcome.detail)}
        self.outcomes.add(
            unit=n, criterion=names["criteria"](outcome.criterion), rater=names["raters"](outcome.rater),
            shown=_order(outcome, unit), sample=outcome.sample, call=self.keys.get(outcome.call, -1), **said,
        )  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """Return the rows as they stand in a payload."""
        return {
            "names": {**{name: list(once.places) for name, once in self.names.items()}, "marks": list(MARKS)},
            "items": self.items, "units": self.units, "marks": self.marks, "sorts": self.sorts,
            "settled": self.settled,
            "explain": self.explain, "scores": self.scores.columns, "outcomes": self.outcomes.columns,
            "calls": self.calls.columns,
        }  # fmt: skip


def _order(outcome: Outcome, unit: Unit) -> Any:
    """Return the order shown: 0 as in the unit, 1 the other way round, else the ids."""
    if outcome.shown in {(), unit.responses}:
        return 0
    return 1 if outcome.shown == unit.responses[::-1] else list(outcome.shown)


@dataclass(frozen=True, slots=True)
class Viewed:
    """A unit with its rows, who wrote its responses, and what is to be seen in it."""

    unit: Unit
    outcomes: Sequence[Outcome]
    scores: Sequence[Score]
    systems: Sequence[str]
    marked: Marked


def viewed(piece: Piece, numbers: Numbers) -> list[Viewed]:
    """Return the units of an item, counted in the numbers."""
    rows: dict[Unit, tuple[list[Outcome], list[Score]]] = {}
    for outcome in piece.outcomes:
        rows.setdefault(outcome.unit, ([], []))[0].append(outcome)
    for score in piece.scores:
        rows.setdefault(score.unit, ([], []))[1].append(score)
    numbers.counts["items"] += 1
    found = []
    for unit, (outcomes, scores) in rows.items():
        systems = numbers.add(unit, piece.item, outcomes, scores)
        found.append(Viewed(unit, outcomes, scores, systems, marked(outcomes, scores)))
    return found


def rubric_of(kept: Kept, texts: Once) -> dict[str, Any] | None:
    """Return the criteria as a page shows them."""
    if kept.rubric is None:
        return None
    return {
        "id": kept.rubric.id,
        "criteria": [
            {
                "id": c.id, "text": texts(c.text), "weight": c.weight, "gate": c.gate, "veto": c.veto,
                "dimension": c.dimension, "scale": c.scale.model_dump(mode="json"),
                "anchors": dict(c.anchors),
            }
            for c in kept.rubric.leaves
        ],
    }  # fmt: skip


def run_of(kept: Kept, texts: Once, agreement: Any, *, most: int = MOST) -> dict[str, Any]:
    """Return a run as it stands in a payload: rows of `most` outcomes, the others are left out."""
    rows, numbers, looked = Rows(texts=texts), Numbers(), Numbers()
    know(rows, kept)
    chosen = interesting(kept, numbers, most)
    n = -1
    for piece in kept.pieces():
        rows.item(piece.item_id, piece.item)
        for view in viewed(piece, numbers if chosen is None else looked):
            n += 1
            if chosen is None or n in chosen:
                rows.unit(view, piece)
    return {
        "name": kept.name, "summary": summary_of(kept), "inputs": kept.inputs,
        "first": numbers.plain(kept, agreement), **rows.plain(),
    }  # fmt: skip


def interesting(kept: Kept, numbers: Numbers, most: int) -> set[int] | None:
    """Return the units to show, by their places in the run, and count all; None (and no count) for all."""
    if len(kept.run.outcomes) <= most:
        return None
    found = []
    for piece in kept.pieces(replies=False):
        found += [(-view.marked.interest, len(view.outcomes)) for view in viewed(piece, numbers)]
    chosen, n = set(), 0
    for (_, size), place in sorted((each, place) for place, each in enumerate(found)):
        if n + size <= most:
            chosen.add(place)
            n += size
    return chosen


def know(rows: Rows, kept: Kept) -> None:
    """Name the criteria and labels of the rubric, and the judges, in their order, before any row does."""
    leaves = () if kept.rubric is None else kept.rubric.leaves
    for each in leaves:
        rows.names["criteria"](each.id)
    for label in chain.from_iterable(getattr(each.scale, "labels", ()) for each in leaves):
        rows.names["labels"](label)
    for judge in kept.run.summary.get("judges", {}):
        rows.names["raters"](judge)


def payload(
    run: Kept, against: Kept | None = None, *, labels: Any = None, command: str = "", most: int = MOST
) -> dict[str, Any]:
    """Return the payload of a page of a run, beside another where one is given."""
    from judgekit import __version__

    texts, both = Once(), [run] if against is None else [run, against]
    rubrics = [rubric_of(each, texts) for each in both]
    said = [None if labels is None else agreement_of(each, labels) for each in both]
    runs = [run_of(each, texts, agreement, most=most) for each, agreement in zip(both, said, strict=True)]
    shown, held = len(runs[0]["outcomes"]["unit"]), len(run.run.outcomes)
    why = f"a page holds at most {most:,}; these are of the units with the most to see, `--serve` shows all"
    return {
        "format": FORMAT, "title": run.name,
        "made": {
            "judgekit": __version__, "command": command,
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        },
        "left_out": None if shown == held else {"outcomes": held - shown, "of": held, "why": why},
        "texts": list(texts.places),
        "runs": [{**each, "rubric": rubric} for each, rubric in zip(runs, rubrics, strict=True)],
        "compare": None, "label": None,
    }  # fmt: skip

"""The rows of a run as a page takes them: columns, in which texts and names are places in lists.

Each text stands once. What is missing is null; a name or a call that is missing is -1.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from judgekit.types import Item, Outcome, Score, Text, Unit, Verdict
from judgekit.view.kept import Asked, Kept, Piece
from judgekit.view.marks import MARKS, SORTS, Marked

LEVELS: Final = ("criterion", "dimension", "rubric")
NAMES: Final = ("criteria", "raters", "labels", "reasons", "flags", "systems", "others", "sources")
_SCORES: Final = (
    "unit", "level", "name", "value", "low", "high", "n", "abstained", "spread_judge", "spread_sample",
    "share", "gate", "flags", "marks",
)  # fmt: skip
_OUTCOMES: Final = (
    "unit", "criterion", "rater", "label", "value", "probs", "reason", "detail", "rationale", "confidence",
    "evidence", "flags", "tags", "shown", "sample", "source", "mass", "undecided", "call",
)  # fmt: skip
_MADE: Final = (
    "attempt", "tries", "model", "fault", "input_tokens", "output_tokens", "cost_usd", "seconds", "stored",
)  # fmt: skip
_CALLS: Final = ("key", "judge", "prompt", "reply", "detail", *_MADE)
# A prompt is cut at its fences and tags, so that what it shows stands once, as the item's texts do.
_CUTS = re.compile(r"(\n</[a-z]+(?: [^<>\n]*)? )?([0-9a-f]{24})(>\n)?")


@dataclass(slots=True)
class Once:
    """Strings in the order in which they were first seen."""

    places: dict[str, int] = field(default_factory=dict)

    def __call__(self, text: str | None) -> int:
        """Return the place of a string; -1 of none."""
        return -1 if text is None else self.places.setdefault(text, len(self.places))

    def text(self, text: Text | None) -> Any:
        """Return the place of a text, of a conversation role and place of each turn; None of an empty one."""
        if not text:
            return None
        return self(text) if isinstance(text, str) else [[turn.role, self(turn.content)] for turn in text]


@dataclass(frozen=True, slots=True)
class Viewed:
    """A unit with its rows, who wrote its responses, what is to be seen in it, how its score came about."""

    unit: Unit
    outcomes: Sequence[Outcome]
    scores: Sequence[Score]
    systems: Sequence[str]
    marked: Marked
    explained: Any = None


def _table(columns: Iterable[str]) -> dict[str, list[Any]]:
    return {name: [] for name in columns}


@dataclass(slots=True, kw_only=True)
class Rows:
    """The rows of a run, or of a part of it."""

    texts: Once = field(default_factory=Once)
    names: Mapping[str, Once] = field(default_factory=lambda: {name: Once() for name in NAMES})
    items: list[dict[str, Any]] = field(default_factory=list)
    units: dict[Unit, list[Any]] = field(default_factory=dict)
    marks: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    explain: list[Any] = field(default_factory=list)
    sorts: dict[str, list[Any]] = field(default_factory=lambda: _table(SORTS))
    scores: dict[str, list[Any]] = field(default_factory=lambda: _table(_SCORES))
    outcomes: dict[str, list[Any]] = field(default_factory=lambda: _table(_OUTCOMES))
    calls: dict[str, list[Any]] = field(default_factory=lambda: _table(_CALLS))
    _keys: dict[str, int] = field(default_factory=dict)  # key of a call -> its row

    def know(self, kept: Kept) -> None:
        """Name the criteria and labels of the rubric, and the judges, in their order, before any row does."""
        leaves = () if kept.rubric is None else kept.rubric.leaves
        labels = chain.from_iterable(getattr(each.scale, "labels", ()) for each in leaves)
        judges = kept.run.summary.get("judges", ())
        for kind, known in (
            ("criteria", [each.id for each in leaves]),
            ("labels", labels),
            ("raters", judges),
        ):
            for name in known:
                self.names[kind](name)

    def item(self, piece: Piece) -> None:
        """Add an item, of which the units that follow are."""
        item = piece.item or Item(piece.item_id, tags=piece.tags)
        self.items.append({
            "id": item.item_id, "task": self.texts.text(item.task), "tags": dict(item.tags),
            "reference": self.texts.text(item.reference), "kept": piece.item is not None,
            "sources": [[name, self.texts(text)] for name, text in item.sources.items()],
        })  # fmt: skip

    def add(self, view: Viewed, piece: Piece) -> None:
        """Add a unit of the item that was added last, with its rows."""
        n, names = len(self.units), self.names
        responses = {} if piece.item is None else piece.item.responses
        shown = [
            [name, self.texts.text(responses.get(name)), names["systems"](system or None)]
            for name, system in zip(view.unit.responses, view.systems, strict=True)
        ]
        self.units[view.unit] = [len(self.items) - 1, shown, view.unit.part]
        self.marks.append(view.marked.marks)
        self.explain.append(view.explained)
        for name, values in self.sorts.items():
            values.append(view.marked.sorts[name])
        own = {outcome.call for outcome in view.outcomes}
        for call in piece.calls.values():
            if call.made.call in own or call.made.responses == view.unit.responses:
                self._call(call)
        self.settled.append(-1)
        for score in view.scores:
            if score is view.marked.settled:
                self.settled[-1] = len(self.scores["unit"])
            self._score(n, score, view.marked)
        for outcome in view.outcomes:
            self._outcome(n, outcome)

    def _call(self, call: Asked) -> None:
        made = call.made
        if self._keys.setdefault(made.call, len(self._keys)) < len(self.calls["key"]):
            return
        prompt: Any = call.prompt and [
            [role, [self.texts(piece) for piece in _CUTS.split(content) if piece]]
            for role, content in call.prompt
        ]
        _append(
            self.calls, key=made.call, judge=self.names["raters"](made.judge), prompt=prompt,
            reply=None if call.reply is None else self.texts(call.reply), detail=call.detail or None,
            **{name: getattr(made, name) for name in _MADE},
        )  # fmt: skip

    def _score(self, n: int, score: Score, marked: Marked) -> None:
        names, of_criterion = self.names, score.level == "criterion"
        _append(
            self.scores, unit=n, level=LEVELS.index(score.level), value=score.value, low=score.low,
            high=score.high, name=names["criteria" if of_criterion else "others"](score.name),
            n=score.n_verdicts, abstained=sum(score.n_abstained.values()),
            spread_judge=score.spread.get("judge"),
            spread_sample=score.spread.get("sample"),
            share=score.share,
            gate=names["criteria"](score.gate or None), flags=[names["flags"](flag) for flag in score.flags],
            marks=marked.cells.get(score.name, 0) if of_criterion else marked.marks,
        )  # fmt: skip

    def _outcome(self, n: int, outcome: Outcome) -> None:
        names, texts, unit = self.names, self.texts, outcome.unit
        said: dict[str, Any] = dict.fromkeys(_OUTCOMES) | {
            "label": -1,
            "reason": -1,
            "evidence": [],
            "flags": [],
        }
        if isinstance(outcome, Verdict):
            said |= {
                "label": names["labels"](outcome.label), "value": outcome.value,
                "probs": [[names["labels"](label), p] for label, p in outcome.probs],
                "rationale": texts.text(outcome.rationale), "confidence": outcome.confidence,
                "evidence": [[texts(e.quote), e.where, int(e.found), e.how] for e in outcome.evidence],
                "flags": [names["flags"](flag) for flag in outcome.flags], "tags": list(outcome.tags),
                "source": names["sources"](outcome.source), "mass": outcome.mass,
                "undecided": outcome.undecided,
            }  # fmt: skip
        else:
            said |= {"reason": names["reasons"](outcome.reason), "detail": texts.text(outcome.detail)}
        turned = outcome.shown == unit.responses[::-1] != unit.responses
        said |= {
            "unit": n, "criterion": names["criteria"](outcome.criterion),
            "rater": names["raters"](outcome.rater),
            "shown": 0 if outcome.shown in {(), unit.responses} else 1 if turned else list(outcome.shown),
            "sample": outcome.sample, "call": self._keys.get(outcome.call, -1),
        }  # fmt: skip
        _append(self.outcomes, **said)

    def plain(self) -> dict[str, Any]:
        """Return the rows as they stand in a payload."""
        rows = ("items", "marks", "settled", "explain", "sorts", "scores", "outcomes", "calls")
        return {"units": list(self.units.values()), **{name: getattr(self, name) for name in rows}}

    def lists(self) -> dict[str, list[str]]:
        """Return the names that the rows are told by."""
        return {**{name: list(once.places) for name, once in self.names.items()}, "marks": list(MARKS)}


def _append(table: Mapping[str, list[Any]], **row: Any) -> None:
    for name, column in table.items():
        column.append(row[name])

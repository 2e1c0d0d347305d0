"""The rows of a run as a page takes them: columns, in which texts and names are places in lists.

Each text stands once. What is missing is null; a name or a call that is missing is -1.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from judgekit.aggregate.explain import Explanation
from judgekit.ledger.tools import Entry
from judgekit.prompt import who
from judgekit.types import CallMade, Item, Outcome, Score, Text, Unit, Verdict, is_control
from judgekit.verbs.kept import Behind, Kept
from judgekit.view.views import MARKS, SORTS, View

LEVELS: Final = ("criterion", "dimension", "rubric", "part")
NAMES: Final = ("criteria", "raters", "labels", "reasons", "flags", "systems", "others", "sources")
_MADE: Final = (
    "attempt", "tries", "model", "fault", "input_tokens", "output_tokens", "cost_usd", "seconds", "stored"
)  # fmt: skip
_TABLES: Final = {
    "sorts": SORTS,
    "scores": (
        "unit", "level", "name", "value", "low", "high", "n", "abstained", "spread_judge", "spread_sample",
        "share", "gate", "flags", "marks",
    ),
    "outcomes": (
        "unit", "criterion", "rater", "label", "value", "probs", "reason", "detail", "rationale",
        "confidence", "evidence", "flags", "tags", "shown", "sample", "source", "mass", "undecided", "call",
    ),
    "calls": ("key", "judge", "prompt", "reply", "detail", *_MADE),
}  # fmt: skip
_PART: Final = ("weight", "value", "contribution", "gate", "veto", "missing")
_ALONE: Final = ("items", "units", "marks", "settled", "explain")
# A prompt is cut at its fences and tags, so that what it shows stands once, as the item's texts do.
_CUTS = re.compile(r"(\n</[a-z]+(?: [^<>\n]*)? |<[a-z]+(?: [^<>\n]*)? )([0-9a-f]{24})(>\n)?")


class Once(dict[str, int]):
    """Strings by their places, in the order in which they were first seen."""

    def __call__(self, text: str | None) -> int:
        """Return the place of a string; -1 of none."""
        return -1 if text is None else self.setdefault(text, len(self))

    def text(self, text: Text | None) -> Any:
        """Return the place of a text, of a conversation role and place of each turn; None of none."""
        if text is None:
            return None
        return self(text) if isinstance(text, str) else [[who(turn), self(turn.content)] for turn in text]


class Rows:
    """The rows of a run, or of a part of it; names are shared with those of the whole."""

    def __init__(self, kept: Kept, texts: Once, names: Mapping[str, Once] | None = None) -> None:
        self.plain: dict[str, Any] = {name: [] for name in _ALONE}
        self.plain |= {kind: {name: [] for name in columns} for kind, columns in _TABLES.items()}
        self.units: dict[Unit, int] = {}
        self.texts, self.names = texts, names or {name: Once() for name in NAMES}
        self._keys = Once()  # key of a call -> its row
        for each in () if kept.rubric is None else kept.rubric.leaves:  # names in the rubric's order
            self.names["criteria"](each.id)
            for label in getattr(each.scale, "labels", ()):
                self.names["labels"](label)
        for judge in kept.run.summary.get("judges", ()):
            self.names["raters"](judge)

    def add(self, views: Sequence[View], behind: Behind) -> None:
        """Add an item with some of its units, and what is behind their scores."""
        piece, (calls, explained) = views[0].piece, behind
        item = piece.item or Item(piece.item_id)
        self.plain["items"].append({
            "id": item.item_id, "task": self.texts.text(item.task or None), "tags": dict(piece.tags),
            "reference": self.texts.text(item.reference), "kept": piece.item is not None,
            "sources": [[name, self.texts(text)] for name, text in item.sources.items()],
        })  # fmt: skip
        for view in views:
            own = {outcome.call for outcome in view.outcomes}
            for made, entry in calls:
                about_it = made.call in own or made.responses == view.unit.responses
                if about_it and made.call not in self._keys and not is_control(made.judge):
                    self._call(made, entry)
            self._unit(view, item, explained.get(view.unit))

    @property
    def lists(self) -> dict[str, Sequence[str]]:
        """The names that the rows are told by."""
        return {**{name: list(once) for name, once in self.names.items()}, "marks": [*MARKS]}

    def _append(self, kind: str, **row: Any) -> None:
        for name, column in self.plain[kind].items():
            column.append(row[name])

    def _unit(self, view: View, item: Item, explained: Explanation | None) -> None:
        n, plain = self.units.setdefault(view.unit, len(self.units)), self.plain
        shown = [
            [name, self.texts.text(item.responses.get(name)), self.names["systems"](system or None)]
            for name, system in zip(view.unit.responses, view.systems, strict=True)
        ]
        plain["units"].append([len(plain["items"]) - 1, shown, view.unit.part])
        plain["marks"].append(view.marks)
        plain["settled"].append(-1)
        plain["explain"].append(None if explained is None else self._explained(explained))
        self._append("sorts", **view.sorts)
        for score in view.scores:
            if score is view.settled:
                plain["settled"][-1] = len(plain["scores"]["unit"])
            self._score(n, score, view)
        for outcome in view.outcomes:
            self._outcome(n, outcome)

    def _explained(self, found: Explanation) -> dict[str, Any]:
        criteria, about = self.names["criteria"], ("level", "name", "value", "rule", "clipped", "share")
        parts = [[criteria(each.criterion), *(getattr(each, name) for name in _PART)] for each in found.parts]
        more = {"gate": criteria(found.gate or None), "unexplained": found.unexplained or None}
        return {name: getattr(found, name) for name in about} | more | {"parts": parts}

    def _call(self, made: CallMade, entry: Entry | None) -> None:
        self._keys(made.call)
        asked, reply = (None, None) if entry is None else (entry.asked, entry.reply)
        prompt = asked and [
            [each["role"], [self.texts(piece) for piece in _CUTS.split(each["content"]) if piece]]
            for each in asked["messages"]
        ]
        self._append(
            "calls", key=made.call, judge=self.names["raters"](made.judge), prompt=prompt,
            reply=None if reply is None else self.texts(reply.text), detail=(reply and reply.detail) or None,
            **{name: getattr(made, name) for name in _MADE},
        )  # fmt: skip

    def _score(self, n: int, score: Score, view: View) -> None:
        names, of_criterion = self.names, score.level == "criterion"
        self._append(
            "scores", unit=n, level=LEVELS.index(score.level), value=score.value, low=score.low,
            high=score.high, name=names["criteria" if of_criterion else "others"](score.name),
            n=score.n_verdicts, abstained=sum(score.n_abstained.values()), share=score.share,
            spread_judge=score.spread.get("judge"), spread_sample=score.spread.get("sample"),
            gate=names["criteria"](score.gate or None), flags=[names["flags"](flag) for flag in score.flags],
            marks=view.cells.get(score.name, 0) if of_criterion else view.marks,
        )  # fmt: skip

    def _outcome(self, n: int, outcome: Outcome) -> None:
        names, texts, unit = self.names, self.texts, outcome.unit
        said: dict[str, Any] = dict.fromkeys(_TABLES["outcomes"])
        said |= {"label": -1, "reason": -1, "evidence": [], "flags": [], "tags": []}
        if isinstance(outcome, Verdict):
            said |= {
                "label": names["labels"](outcome.label), "value": outcome.value, "mass": outcome.mass,
                "probs": [[names["labels"](label), p] for label, p in outcome.probs],
                "rationale": texts.text(outcome.rationale or None), "confidence": outcome.confidence,
                "evidence": [[texts(e.quote), e.where, int(e.found), e.how] for e in outcome.evidence],
                "flags": [names["flags"](flag) for flag in outcome.flags], "tags": list(outcome.tags),
                "source": names["sources"](outcome.source), "undecided": outcome.undecided,
            }  # fmt: skip
        else:
            said |= {"reason": names["reasons"](outcome.reason), "detail": texts.text(outcome.detail or None)}
        turned = outcome.shown == unit.responses[::-1] != unit.responses
        said |= {
            "unit": n, "criterion": names["criteria"](outcome.criterion), "sample": outcome.sample,
            "rater": names["raters"](outcome.rater), "call": self._keys.get(outcome.call, -1),
            "shown": 0 if outcome.shown in {(), unit.responses} else 1 if turned else list(outcome.shown),
        }  # fmt: skip
        self._append("outcomes", **said)

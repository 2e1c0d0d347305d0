"""The payload of a page: one JSON object with the numbers of a run, its rows and texts, beside another run.

Where a run has more outcomes than a page holds, those of the units with the most to see are taken, and it is
said how many are not there. The numbers of the first screen are of all.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from judgekit.types import Outcome, Score, Unit
from judgekit.view.first import Numbers, agreement_of, finite, summary_of
from judgekit.view.kept import Kept, Piece
from judgekit.view.marks import marked
from judgekit.view.rows import Once, Rows, Viewed

FORMAT: Final = 1
MOST: Final = 100_000
"""Outcomes that a page holds at most."""
ASKED: Final = 200
"""Answers that the label mode asks for at most; chance draws them."""


@dataclass(frozen=True, eq=False)
class Study:
    """What is to be shown: a run, or two, and people's labels."""

    run: Kept
    against: Kept | None = None
    labels: Any = None
    command: str = ""
    texts: Once = field(default_factory=Once)

    @property
    def runs(self) -> list[Kept]:
        """Return the run, and the other one."""
        return [self.run] if self.against is None else [self.run, self.against]

    @cached_property
    def difference(self) -> Any:
        """Return how the run differs from the other one; None if there is none."""
        mine: Any = self.run.run
        return None if self.against is None else mine.diff(self.against.run)

    @cached_property
    def changes(self) -> dict[Unit, dict[str, float]]:
        """Return unit -> criterion -> its largest change."""
        found: dict[Unit, dict[str, float]] = {}
        for unit, criterion, _, before, after in () if self.difference is None else self.difference.changed:
            own = found.setdefault(unit, {})
            own[criterion] = max(own.get(criterion, 0.0), _moved(before, after))
        return found

    def views(
        self, kept: Kept, numbers: Numbers, of: Container[Unit] | None = None
    ) -> Iterator[tuple[Piece, list[Viewed]]]:
        """Yield the items of a run with their units, counted in the numbers; calls only of those of `of`."""
        for piece in kept.pieces(of):
            rows: dict[Unit, tuple[list[Outcome], list[Score]]] = {}
            for outcome in piece.outcomes:
                rows.setdefault(outcome.unit, ([], []))[0].append(outcome)
            for score in piece.scores:
                rows.setdefault(score.unit, ([], []))[1].append(score)
            numbers.counts["items"] += 1
            yield piece, [
                Viewed(
                    unit, outcomes, scores, numbers.add(unit, piece.item, outcomes, scores),
                    marked(outcomes, scores, self.changes.get(unit)),
                )
                for unit, (outcomes, scores) in rows.items()
            ]  # fmt: skip

    def whole(
        self, numbers: Sequence[Numbers], parts: Sequence[Rows], left_out: Any = None
    ) -> dict[str, Any]:
        """Return a payload but for the rows in it; the numbers and names are those of each run."""
        from judgekit import __version__

        made = {"judgekit": __version__, "command": self.command}
        return {
            "format": FORMAT, "title": self.run.name, "left_out": left_out,
            "made": {**made, "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")},
            "runs": [
                {
                    "name": kept.name, "summary": summary_of(kept), "inputs": kept.inputs,
                    "rubric": self._rubric(kept), "names": rows.lists(),
                    "first": {
                        **own.plain(kept),
                        "agreement": None if self.labels is None else agreement_of(kept, self.labels),
                    },
                }
                for kept, own, rows in zip(self.runs, numbers, parts, strict=True)
            ],
            "compare": self._compared(parts), "label": self._questions(),
            "texts": list(self.texts.places),
        }  # fmt: skip

    def _rubric(self, kept: Kept) -> dict[str, Any] | None:
        if kept.rubric is None:
            return None
        criteria = [
            {**each.model_dump(mode="json", exclude={"text"}), "text": self.texts(each.text)}
            for each in kept.rubric.leaves
        ]
        return {"id": kept.rubric.id, "criteria": criteria}

    def _compared(self, parts: Sequence[Rows]) -> dict[str, Any] | None:
        if (found := self.difference) is None:
            return None
        mine, theirs = ({unit: n for n, unit in enumerate(rows.units)} for rows in parts)
        criteria = parts[0].names["criteria"]
        return {
            "differs": list(found.differs),
            "by": [_difference(each) for each in found.by],
            "changed": [
                [mine[unit], theirs[unit], criteria(criterion), rater, before, after]
                for unit, criterion, rater, before, after in found.changed
                if unit in mine and unit in theirs
            ],
        }

    def _questions(self) -> dict[str, Any] | None:
        """Return a blind sheet of some answers, drawn by chance; None where items or rubric are not there."""
        from judgekit.recipes.paired import votes
        from judgekit.review import make_sheet, pick

        kept = self.run
        asked = [each for each in votes(kept.run.outcomes) if each.unit.item_id in kept.items]
        if kept.rubric is None or not asked:
            return None
        cases = len({(each.unit, each.criterion) for each in asked})
        sheet = make_sheet(pick(asked, budget=min(cases, ASKED)), kept.items.values(), kept.rubric)
        return {
            "sheet": sheet.digest,
            "questions": [
                {
                    "id": each.id, "criterion": each.criterion, "labels": each.labels,
                    "allowed": each.allowed,
                    "texts": [[heading, self.texts(text)] for heading, text in each.texts],
                    "key": sheet.key[each.id],
                }
                for each in sheet.questions
            ],
        }  # fmt: skip


def payload(study: Study, *, most: int = MOST) -> dict[str, Any]:
    """Return the payload of a page, which has rows of so many outcomes of a run at most."""
    numbers, parts, of = [], [], interesting(study, most)
    for kept in study.runs:
        own, rows = Numbers(), Rows(texts=study.texts)
        rows.know(kept)
        for piece, views in study.views(kept, own, of):
            if shown := [view for view in views if of is None or view.unit in of]:
                rows.item(piece)
            for view in shown:
                rows.add(view, piece)
        numbers.append(own)
        parts.append(rows)
    held, n = len(study.run.run.outcomes), len(parts[0].outcomes["unit"])
    why = f"a page holds at most {most:,}; these are of the units with the most to see, `--serve` shows all"
    left_out = None if n == held else {"outcomes": held - n, "of": held, "why": why}
    data = study.whole(numbers, parts, left_out)
    runs = [run | rows.plain() for run, rows in zip(data["runs"], parts, strict=True)]
    return data | {"runs": runs}


def interesting(study: Study, most: int) -> set[Unit] | None:
    """Return the units of the run with the most to see, of so many outcomes; None for all."""
    if len(study.run.run.outcomes) <= most:
        return None
    views = [view for _, some in study.views(study.run, Numbers(), ()) for view in some]
    views.sort(key=lambda view: -view.marked.interest)
    chosen: set[Unit] = set()
    for view in views:
        most -= len(view.outcomes)
        if most < 0:
            break
        chosen.add(view.unit)
    return chosen


def _difference(by: Any) -> dict[str, Any]:
    """Return the difference of the runs on a criterion or a system, or in all."""
    ends = {end: finite(getattr(by.estimate, end)) for end in ("value", "low", "high")}
    counts = {"better": by.better, "worse": by.worse, "same": by.same, "n": by.estimate.n_used}
    return {"name": by.name, "level": by.level, **ends, "p": finite(by.p), **counts}


def _moved(before: Any, after: Any) -> float:
    """Return how far a verdict moved; 1 where one of the two is none."""
    return abs(after - before) if isinstance(before, float) and isinstance(after, float) else 1.0

"""The payload of a page: one JSON object with the numbers of a run, its rows and texts, beside another run.

Where a run has more outcomes than a page holds, those of the units with the most to see are taken, and it is
said how many are not there. The numbers of the first screen are of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate, groupby
from operator import attrgetter
from typing import Any, Final

from judgekit.errors import InputError
from judgekit.types import Unit
from judgekit.verbs.diff import Difference
from judgekit.verbs.kept import Kept
from judgekit.view.first import finite, first_of
from judgekit.view.rows import Once, Rows
from judgekit.view.views import View, views_of

FORMAT: Final = 1
MOST: Final = 100_000  # outcomes that a page holds at most
ASKED: Final = 200  # answers that the label mode asks for at most; chance draws them
_ASIDE = ("files", "inputs", "rubric", "abstentions", "causes", "panel", "job")


@dataclass(frozen=True, eq=False)
class Study:
    """What is to be shown: a run, or two, and people's labels."""

    run: Kept
    against: Kept | None = None
    labels: Any = None
    command: str = ""
    texts: Once = field(default_factory=Once)

    @cached_property
    def runs(self) -> list[tuple[Kept, list[View]]]:
        """Return the run, and the other one, with their units."""
        both = [self.run] if self.against is None else [self.run, self.against]
        changes: dict[Unit, dict[str, float]] = {}
        for unit, criterion, _, before, after in () if self.difference is None else self.difference.changed:
            own = changes.setdefault(unit, {})
            moved = 1.0 if before is None or after is None else abs(after - before)
            own[criterion] = max(own.get(criterion, 0.0), moved)
        return [(kept, views_of(kept, changes)) for kept in both]

    @cached_property
    def difference(self) -> Difference | None:
        """Return how the run differs from the other one; None if there is none."""
        return None if self.against is None else self.run.run.diff(self.against.run)

    def whole(self, parts: Sequence[Rows], left_out: Any) -> dict[str, Any]:
        """Return a payload but for the rows in it, of which the names and units are needed."""
        from judgekit import __version__

        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return {
            "format": FORMAT, "title": self.run.name, "left_out": left_out,
            "made": {"judgekit": __version__, "command": self.command, "at": at},
            "runs": [
                {
                    "name": kept.name, "inputs": kept.inputs, "note": kept.note, "names": rows.lists,
                    "summary": {k: v for k, v in kept.run.summary.items() if k not in _ASIDE},
                    "first": first_of(kept, views, self.labels),
                    "rubric": kept.rubric and {
                        "id": kept.rubric.id,
                        "criteria": [each.model_dump(mode="json") for each in kept.rubric.leaves],
                    },
                }
                for (kept, views), rows in zip(self.runs, parts, strict=True)
            ],
            "compare": self._compared(parts), "label": self._questions(), "texts": list(self.texts),
        }  # fmt: skip

    def _compared(self, parts: Sequence[Rows]) -> dict[str, Any] | None:
        if (found := self.difference) is None:
            return None
        (mine, theirs), criteria = (rows.units for rows in parts), parts[0].names["criteria"]
        return {
            "differs": list(found.differs),
            "by": [
                {
                    **{name: getattr(each, name) for name in ("name", "level", "better", "worse", "same")},
                    "n": each.estimate.n_used, "p": finite(each.p),
                    **{end: finite(getattr(each.estimate, end)) for end in ("value", "low", "high")},
                }
                for each in found.by
            ],
            "changed": [
                [mine[unit], other, criteria(criterion), rater, before, after]
                for unit, criterion, rater, before, after in found.changed
                for turned in [replace(unit, responses=unit.responses[::-1])]  # a pair may be named so there
                if unit in mine and (other := theirs.get(unit, theirs.get(turned))) is not None
            ],
        }  # fmt: skip

    def _questions(self) -> dict[str, Any] | None:
        """Return a blind sheet of some answers, drawn by chance; None where items or rubric are not there."""
        from judgekit.recipes.paired import votes
        from judgekit.review import make_sheet, pick

        kept = self.run
        asked = [each for each in votes(kept.run.outcomes) if each.unit.item_id in kept.items]
        if kept.rubric is None or not asked:
            return None
        most = min(len({(each.unit, each.criterion) for each in asked}), ASKED)
        try:
            return make_sheet(pick(asked, budget=most), kept.items.values(), kept.rubric).plain(self.texts)
        except InputError:  # a recipe asked by criteria of its own
            return None


def payload(study: Study, *, most: int = MOST) -> dict[str, Any]:
    """Return the payload of a page, which has rows of so many outcomes of a run at most."""
    chosen, parts = _chosen(study.runs[0][1], most), []
    for kept, views in study.runs:
        rows = Rows(kept, study.texts)
        with kept.behind() as behind:
            for _, some in groupby(views, attrgetter("unit.item_id")):
                if shown := [view for view in some if chosen is None or view.unit in chosen]:
                    rows.add(shown, behind(shown[0].piece))
        parts.append(rows)
    held, n = len(study.run.run.outcomes), len(parts[0].plain["outcomes"]["unit"])
    why = f"a page holds at most {most:,}; these are of the units with the most to see, `--serve` shows all"
    data = study.whole(parts, None if n == held else {"outcomes": held - n, "of": held, "why": why})
    return data | {"runs": [run | rows.plain for run, rows in zip(data["runs"], parts, strict=True)]}


def _chosen(views: Sequence[View], most: int) -> set[Unit] | None:
    """Return the units with the most to see, of so many outcomes; None for all."""
    if sum(len(view.outcomes) for view in views) <= most:
        return None
    ranked = sorted(views, key=attrgetter("interest"), reverse=True)
    sizes = accumulate(len(view.outcomes) for view in ranked)
    return {view.unit for view, size in zip(ranked, sizes, strict=True) if size <= most}

"""The numbers of the first screen, added up item by item; each is a plain count or mean of the rows.

Counts, cost, tokens and time are those of `run.json`. Means are of all rows, whatever a
page leaves out.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from judgekit.types import Item, Outcome, Score, Unit, Verdict
from judgekit.view.kept import Kept
from judgekit.view.marks import by_orders, settled_score

BINS: Final = 10
ORDER_TEXT: Final = (
    "how far the value of the first response falls when it is shown second, mean over pairs and judges that "
    "saw both orders; above 0 the first place wins"
)
_ASIDE = ("files", "inputs", "rubric", "abstentions", "causes", "panel", "job")


@dataclass(slots=True)
class _Criterion:
    """What is added up of a criterion."""

    values: "array[float]" = field(default_factory=lambda: array("d"))
    abstained: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    shifts: "array[float]" = field(default_factory=lambda: array("d"))
    spread: "dict[str, array[float]]" = field(default_factory=lambda: defaultdict(lambda: array("d")))

    def plain(self, name: str) -> dict[str, Any]:
        """Return its strip."""
        bins = Counter(min(max(int(value * BINS), 0), BINS - 1) for value in self.values)
        return {
            "id": name, "n": len(self.values), "abstained": self.abstained, "mean": _mean(self.values),
            "histogram": [bins[n] for n in range(BINS)], "labels": dict(self.labels),
            "order_effect": _mean(self.shifts), "order_text": ORDER_TEXT if self.shifts else None,
            "spread_sample": _mean(self.spread["sample"]), "spread_judge": _mean(self.spread["judge"]),
        }  # fmt: skip


@dataclass(slots=True)
class Numbers:
    """What is added up of a run."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    criteria: dict[str, _Criterion] = field(default_factory=lambda: defaultdict(_Criterion))
    means: "dict[str, tuple[array[float], array[int]]]" = field(
        default_factory=lambda: defaultdict(lambda: (array("d"), array("q")))
    )
    missing: Counter[str] = field(default_factory=Counter)

    def add(
        self, unit: Unit, item: Item | None, outcomes: Sequence[Outcome], scores: Sequence[Score]
    ) -> tuple[str, ...]:
        """Add a unit of the item that was counted last; return who wrote its responses."""
        systems = systems_of(unit, item, scores)
        by_criterion: dict[str, list[Outcome]] = defaultdict(list)
        for each in outcomes:
            by_criterion[each.criterion].append(each)
            if isinstance(each, Verdict):
                self.criteria[each.criterion].values.append(each.value)
                self.criteria[each.criterion].labels[each.label] += 1
            else:
                self.criteria[each.criterion].abstained += 1
                self.reasons[each.reason] += 1
        for name, some in by_criterion.items():
            self.criteria[name].shifts.extend(one - other for one, other in by_orders(some).values())
        for own in (score for score in scores if score.level == "criterion"):
            for kind, spread in own.spread.items():
                self.criteria[own.name].spread[kind].append(spread)
        self.counts["units"] += 1
        self.counts["outcomes"] += len(outcomes)
        self.counts["scores"] += len(scores)
        if (score := settled_score(scores)) is not None:
            self._settle(score.value, systems or ("",))
        return systems

    def _settle(self, value: float | None, systems: Sequence[str]) -> None:
        """Add the value of a unit to its system's; the second of a pair has what the first has not."""
        for side, name in enumerate(systems):
            if value is None:
                self.missing[name] += 1
            else:
                values, items = self.means[name]
                values.append(1.0 - value if side else value)
                items.append(self.counts["items"])

    def plain(self, kept: Kept) -> dict[str, Any]:
        """Return the numbers of the first screen."""
        said = kept.run.summary
        known = [] if kept.rubric is None else [c.id for c in kept.rubric.leaves if c.id in self.criteria]
        verdicts = self.counts["outcomes"] - self.reasons.total()
        counts: dict[str, Any] = {**self.counts, "verdicts": verdicts, "abstentions": self.reasons.total()}
        counts |= {name: said.get(name) for name in ("items_in_all", "calls", "new_calls", "skipped")}
        models = said.get("models", {})
        return {
            "counts": counts,
            "abstentions": dict(self.reasons.most_common()),
            **{name: said.get(name) for name in ("cost_usd", "input_tokens", "output_tokens", "seconds")},
            "judges": {
                name: {"models": models.get(name, {}), **identity}
                for name, identity in said.get("judges", {}).items()
            },
            "rubric": {k: v for k, v in said.get("rubric", {}).items() if k != "content"},
            "prompts": said.get("prompts", {}),
            "criteria": [self.criteria[name].plain(name) for name in dict.fromkeys((*known, *self.criteria))],
            "systems": [self._system(name) for name in dict.fromkeys((*self.means, *self.missing))],
        }  # fmt: skip

    def _system(self, name: str) -> dict[str, Any]:
        from judgekit.agreement.core.intervals import clustered_mean

        values, items = self.means[name]
        found = clustered_mean(values, items)
        return {
            "name": name, **{end: finite(getattr(found, end)) for end in ("low", "high")},
            "mean": finite(found.value), "n": len(values), "missing": self.missing[name],
            "status": found.status,
        }  # fmt: skip


def summary_of(kept: Kept) -> dict[str, Any]:
    """Return of `run.json` what is shown as it is."""
    return {name: value for name, value in kept.run.summary.items() if name not in _ASIDE}


def systems_of(unit: Unit, item: Item | None, scores: Sequence[Score]) -> tuple[str, ...]:
    """Return who wrote the responses; where nobody says it that is empty, and of a pair the response's id."""
    if item is not None:
        known = [item.systems.get(name, "") for name in unit.responses]
    else:
        known = [next((score.system for score in scores if score.system), "")] * len(unit.responses)
    if len(known) == 2:
        known = [system or name for system, name in zip(known, unit.responses, strict=True)]
    return tuple(known)


def agreement_of(kept: Kept, labels: Any) -> list[dict[str, Any]]:
    """Return how far judges agree with people's labels, each by the coefficient that `agree` decides by."""
    from judgekit.verbs.agree import agree

    audit = agree(kept.run, labels=labels, rubric=kept.rubric, items=list(kept.items.values()) or None)
    return [
        {
            "criterion": each.criterion, "rater": each.judge, "name": each.main.name, "n": each.main.n_used,
            **{end: finite(getattr(each.main, end)) for end in ("value", "low", "high")},
        }
        for criterion in audit.criteria for each in criterion.judges
    ]  # fmt: skip


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def finite(value: float) -> float | None:
    """Return a number; None of nan."""
    return None if value != value else value  # noqa: PLR0124 - nan

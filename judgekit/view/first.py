"""The numbers of the first screen; each is a plain count or mean of the rows of a run, of all of them.

Cost, tokens and time are those of `run.json`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any, Final

from judgekit.aggregate.systems import add_item
from judgekit.agreement.core.sums import Sums
from judgekit.types import Abstention, Outcome, Verdict
from judgekit.verbs.kept import Kept
from judgekit.view.views import View, by_orders

BINS: Final = 10
ORDER_TEXT: Final = "how far a response falls when it is shown second, where both orders were asked; mean"


def first_of(kept: Kept, views: Sequence[View], labels: Any = None) -> dict[str, Any]:
    """Return the numbers of the first screen; with people's labels how far judges agree with them."""
    said, rows = kept.run.summary, kept.run.outcomes
    judges, models = said.get("judges", {}), said.get("models", {})
    missing = Counter(each.reason for each in rows if isinstance(each, Abstention))
    known = [] if kept.rubric is None else [each.id for each in kept.rubric.leaves]
    asked = dict.fromkeys(each.criterion for each in rows)
    by_criterion: dict[str, list[Outcome]] = {name: [] for name in (*known, *asked) if name in asked}
    for each in rows:
        by_criterion[each.criterion].append(each)
    return {
        "counts": {
            "items": len(kept.pieces), "units": len(views), "outcomes": len(rows),
            "scores": len(kept.run.scores), "verdicts": len(rows) - missing.total(),
            "abstentions": missing.total(),
            **{name: said.get(name) for name in ("items_in_all", "calls", "new_calls", "skipped")},
        },
        "abstentions": dict(missing.most_common()),
        **{name: said.get(name) for name in ("cost_usd", "seconds")},
        **{name: _tokens(kept, name) for name in ("input_tokens", "output_tokens")},
        "judges": {
            name: {"calls": n, "models": models.get(name, {}), **judges.get(name, {})}
            for name, n in _calls(kept).items()
        },
        "rubric": {k: v for k, v in said.get("rubric", {}).items() if k != "content"},
        "prompts": said.get("prompts", {}),
        "criteria": [_strip(kept, name, some) for name, some in by_criterion.items()],
        "systems": _systems(views),
        "agreement": None if labels is None else _agreement(kept, labels),
    }  # fmt: skip


def _calls(kept: Kept) -> dict[str, int]:
    """Return how many calls each judge answered; of an older judgekit those that are named by outcomes."""
    called = ((each.rater, each.call) for each in kept.run.outcomes if each.call)
    made = [each.judge for each in kept.run.calls] or [rater for rater, _ in dict.fromkeys(called)]
    return dict.fromkeys(kept.run.summary.get("judges", {}), 0) | Counter(made)


def _tokens(kept: Kept, name: str) -> int | None:
    """Return the tokens that `run.json` adds up; None where no call said any."""
    known = [getattr(each, name) for each in kept.run.calls]
    found: int | None = kept.run.summary.get(name)
    return None if known and all(each is None for each in known) else found


def _strip(kept: Kept, name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what the first screen says of a criterion."""
    verdicts = [each for each in outcomes if isinstance(each, Verdict)]
    bins = Counter(min(max(int(each.value * BINS), 0), BINS - 1) for each in verdicts)
    by_unit: dict[Any, list[Verdict]] = {}
    for each in verdicts:
        by_unit.setdefault(each.unit, []).append(each)
    shifts = [one - other for some in by_unit.values() for one, other in by_orders(some)]
    scores = [each for each in kept.run.scores if each.level == "criterion" and each.name == name]
    spread = {kind: [s.spread[kind] for s in scores if kind in s.spread] for kind in ("sample", "judge")}
    return {
        "id": name, "n": len(verdicts), "abstained": len(outcomes) - len(verdicts),
        "mean": _mean(each.value for each in verdicts), "histogram": [bins[n] for n in range(BINS)],
        "labels": dict(Counter(each.label for each in verdicts)), "order_effect": _mean(shifts),
        "order_text": ORDER_TEXT if shifts else None,
        **{f"spread_{kind}": _mean(values) for kind, values in spread.items()},
    }  # fmt: skip


def _systems(views: Iterable[View]) -> list[dict[str, Any]]:
    """Return each system's mean with the interval of its items; the second of a pair has the rest to 1."""
    means: dict[str, Sums] = {}
    for _, some in groupby(views, lambda view: view.unit.item_id):
        add_item(means, [(view.settled, view.systems or [""]) for view in some if view.settled is not None])
    found = []
    for name, sums in means.items():
        mean = sums.mean(name)
        found.append({
            "name": name, "mean": finite(mean.value), "low": finite(mean.low), "high": finite(mean.high),
            "n": sums.n, "missing": sums.missing, "status": mean.status,
        })  # fmt: skip
    return found


def _agreement(kept: Kept, labels: Any) -> list[dict[str, Any]]:
    """Return how far judges agree with people, each by the coefficient that `agree` decides by."""
    from judgekit.verbs.agree import agree

    audit = agree(kept.run, labels=labels, rubric=kept.rubric, items=list(kept.items.values()) or None)
    return [
        {
            "criterion": each.criterion, "rater": each.judge, "name": each.main.name, "n": each.main.n_used,
            **{end: finite(getattr(each.main, end)) for end in ("value", "low", "high")},
        }
        for criterion in audit.criteria for each in criterion.judges
    ]  # fmt: skip


def _mean(values: Iterable[float]) -> float | None:
    return fmean(some) if (some := list(values)) else None


def finite(value: float) -> float | None:
    """Return a number; None of nan."""
    return None if value != value else value  # noqa: PLR0124 - nan

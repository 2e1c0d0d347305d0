"""What a terminal shows: tables of scores, a progress line, the summary of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from judgekit.cli.printing import say, say_table
from judgekit.run import Tally
from judgekit.run.tally import cause_line
from judgekit.types import Score

_ROWS = 40  # scores that are printed; all of them are in the files


def note(tally: Tally, seconds: float) -> str:
    """Rate, cost and abstentions, for the progress line."""
    rate = tally.items / seconds if seconds > 0 else 0.0
    cost = f"${tally.cost_usd:.4f}" + ("+?" if tally.unpriced else "")
    return f"{rate:.1f} items/s  {cost}  {sum(tally.abstentions.values())} abstained"


def say_scores(scores: Sequence[Score], total: int, out: Path | None) -> None:
    """The first scores of a run: what was judged, its score, its interval, what it rests on.

    Args:
        scores: The first ones.
        total: How many there are.
        out: The folder that has all of them, if one was named.
    """
    heads = ("item", "response", "score of", "value", "95 % interval over", "verdicts", "abstained")
    ends = (n for n in range(_ROWS, len(scores)) if scores[n].unit != scores[n - 1].unit)
    shown = scores[: next(ends, len(scores))]  # to the end of what was judged
    bold = {n for n, score in enumerate(shown) if score.level == "rubric"}
    say_table(heads, map(_cells, shown), right={"value", "95 % interval over", "verdicts"}, bold=bold)
    if (more := total - len(shown)) > 0:
        say(f"and {more} more: " + (f"all {total} are in {out}" if out else "--out FOLDER writes all"))


def _cells(score: Score) -> tuple[str, ...]:
    over = "judges" if "judge" in score.spread else "samples"
    none = score.low is None or score.high is None
    interval = "" if none else f"{score.low:.2f} to {score.high:.2f}, {over}"
    abstained = ", ".join(f"{n} {reason}" for reason, n in score.n_abstained.items())
    if score.value is None and score.level == "criterion" and score.n_verdicts and not abstained:
        abstained = "withheld by the panel"
    response = " vs ".join(score.unit.responses) or "(task)"
    value = "none" if score.value is None else f"{score.value:.3f}"
    return score.unit.item_id, response, score.name, value, interval, str(score.n_verdicts), abstained


@dataclass
class Systems:
    """Mean score of each system over the items, as sums: a million items need no more memory than one."""

    n_scores: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    scored: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    def add(self, scores: Iterable[Score]) -> None:
        """Count these, and the rubric scores among them."""
        for score in scores:
            self.n_scores += 1
            if score.level == "rubric" and score.system:
                total = self.sums.setdefault(score.system, 0.0)
                if score.value is None:
                    self.missing[score.system] += 1
                else:
                    self.sums[score.system] = total + score.value
                    self.scored[score.system] += 1

    def say(self) -> None:
        """A line for each system; nothing if no system is named."""
        if not self.sums:
            return
        heads = ("system", "mean score", "items", "without a score")
        rows = []
        for system, total in sorted(self.sums.items()):
            n = self.scored[system]
            rows.append((system, f"{total / n:.3f}" if n else "none", str(n), str(self.missing[system])))
        say()
        say_table(heads, rows, right=heads[1:])


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """A run in a few lines."""
    abstained = sum(summary["abstentions"].values())
    reasons = ", ".join(f"{n} {reason}" for reason, n in summary["abstentions"].items())
    cost = summary["cost_usd"]
    price = "" if cost is None else f"${cost:.4f}"
    if cost is None:
        unknown = f"{summary['unpriced_calls']} calls of unknown price"
        price = f"at least ${summary['known_cost_usd']:.4f} ({unknown})"
    outcomes = f"{summary['items']} items, {summary['verdicts']} verdicts, {abstained} abstentions"
    calls = f"{summary['calls']} calls: {summary['new_calls']} new, {summary['ledger_hits']} from the ledger"
    tokens = f"{summary['input_tokens']} tokens in, {summary['output_tokens']} out"
    lines = [
        f"{outcomes} ({reasons})" if reasons else outcomes,
        f"{calls}, {summary['reasks']} re-asked; {tokens}; {price}; {summary['seconds']:.1f} s",
    ]
    lines += map(cause_line, summary.get("causes", ()))
    if summary["flags"]:
        lines.append("flags: " + ", ".join(f"{n} {flag}" for flag, n in summary["flags"].items()))
    for judge, noted in summary.get("notes", {}).items():
        lines += [f"judge {judge}: {n} {what}" for what, n in noted.items()]
    if summary["panel"] is not None:
        lines += panel_lines(summary["panel"])
    if "fitted" in summary:
        lines += fitted_lines(summary["fitted"])
    if summary["skipped"]:
        lines.append(f"{summary['skipped']} bad rows skipped, the first: {summary['skipped_rows'][0]}")
    if summary["ledger"] is None:
        lines.append("no ledger: nothing was kept, and running again pays again")
    return lines


def fitted_lines(fitted: Mapping[str, Any]) -> list[str]:
    """How often each judge is right, as a panel was fitted.

    >>> kind = {"status": "ok", "accuracy": {"a": 0.9, "b": None}, "notes": ["from 20 labels"]}
    >>> fitted_lines({"panel": "accuracy", "criteria": {"kind": kind}})
    ["panel accuracy, 'kind': right are a .90, b unknown; from 20 labels"]
    """
    lines = []
    for criterion, found in fitted["criteria"].items():
        shares = found["accuracy"].items()
        right = ", ".join(
            f"{name} {'unknown' if p is None else f'{p:.2f}'.lstrip('0')}" for name, p in shares
        )
        told = f"right are {right}" if found["status"] == "ok" else found["status"]
        lines.append("; ".join([f"panel {fitted['panel']}, {criterion!r}: {told}", *found["notes"]]))
    return lines


def panel_lines(panel: Mapping[str, Any]) -> list[str]:
    """How many judges a panel is worth, as far as verdicts tell, and who had no part in it or stood in.

    >>> panel_lines({"judges": ["a", "b"], "effective_judges": None, "status": "undefined:too_few",
    ...     "left_out": {}, "substituted": {}})
    ['panel of 2 judges: how many it is worth cannot be told, too few']
    """
    told = f"panel of {len(panel['judges'])} judges: "
    worth = panel["effective_judges"]
    if worth is None:
        reason = panel["status"].removeprefix("undefined:").replace("_", " ")
        told += f"how many it is worth cannot be told, {reason}"
    else:
        ends = "" if panel["low"] is None else f" [{panel['low']:.2f}, {panel['high']:.2f}]"
        told += (
            f"worth {worth:.2f}{ends} independent ones by their verdicts, which correlate by "
            f"{panel['correlation_of_verdicts']:.2f} on {panel['items']} items"
        )
        told += "; " + "; ".join(panel["notes"])
    left = [f"{judge} left out of that: {why}" for judge, why in panel["left_out"].items()]
    stood = [
        f"{by} stood in for {judge} in {n} verdicts"
        for judge, substitutes in panel["substituted"].items()
        for by, n in substitutes.items()
    ]
    return [told, *left, *stood]

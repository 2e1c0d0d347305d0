"""A job walked on the command line: how far it is, files as it goes, and what is shown of the run."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from pathlib import Path
from typing import Any

from judgekit.cli.means import Means
from judgekit.cli.printing import say, say_requirements, say_table, tell
from judgekit.errors import BatchesOut, InputError, JudgekitError, n_of
from judgekit.ledger.damage import Locked, NoRoom
from judgekit.run.tally import cause_line
from judgekit.types import Score
from judgekit.verbs import Job, Writer
from judgekit.verbs.going import followed
from judgekit.verbs.require import NO_BOUNDS, Bounds

_KEPT = 200  # scores kept for the printed table
_PAIRS = 20  # pairs of systems that are printed
_ROWS = 40  # scores that are printed; all of them are in the files


async def run_job(
    job: Job,
    out: Path | None,
    *,
    quiet: bool = False,
    overwrite: bool = False,
    reads: Iterable[str | Path] = (),
    bounds: Bounds = NO_BOUNDS,
) -> list[Score]:
    """Walk a job, showing how far it is, write its files as it goes, and print what came of it.

    `reads` are files that the job reads, which its results must not replace; `bounds` are added to, and what
    was found beside each is printed last. The scores returned are the first ones; all of them are in the
    files of `out`.
    """
    first: list[Score] = []
    means = Means()
    summary: dict[str, Any] = {}
    made = nullcontext() if out is None else Writer(out, job=job.digest, overwrite=overwrite, reads=reads)
    try:
        await _walk(job, made, first, means, summary, bounds)
    finally:
        if summary and not quiet:
            _print_run(first, means, summary, out)
        if summary:
            say_requirements(bounds.found(), quiet=quiet)
    if summary["stopped"] is not None:  # and yet it came to its end
        raise JudgekitError(str(summary["stopped"]))
    return first


async def _walk(
    job: Job,
    made: AbstractContextManager[Writer | None],
    first: list[Score],
    means: Means,
    summary: dict[str, Any],
    bounds: Bounds,
) -> None:
    """Walk a job to its end; `summary` gets what it came to, unless it was refused or did nothing."""
    stopped: BaseException | None = None
    with made as writer:
        try:
            with followed(job):
                async with aclosing(job.judged()) as stream:
                    async for judged in stream:
                        if writer is not None:
                            writer.judged(judged)
                        means.add(judged.item, judged.scores)
                        bounds.add(judged.scores, judged.outcomes)
                        first += judged.scores if len(first) < _KEPT else ()
        except (Locked, NoRoom) as error:
            if not job.tally.requests:
                stopped = error
                raise
            stopped = JudgekitError(str(error))  # no bad input, since it went well for a while
            raise stopped from error
        except BaseException as error:
            interrupted = isinstance(error, asyncio.CancelledError)
            stopped = KeyboardInterrupt("interrupted") if interrupted else error
            raise
        finally:
            ended = {**job.summary(stopped), **bounds.plain()}
            refused = isinstance(stopped, InputError | BatchesOut)
            written = writer is None or writer.finish(ended, refused=refused)
            if writer is not None and not written and not isinstance(stopped, BatchesOut):
                tell(f"{writer.folder}: nothing was written, what was there stays")
            if isinstance(stopped, KeyboardInterrupt):
                tell(_what_is_kept(job))
            if stopped is None or (written and ended["calls"] and not refused):
                summary.update(ended)


def _what_is_kept(job: Job) -> str:
    if job.ledger is None:
        return "no ledger: what was paid for is not kept, and the same command pays again"
    n = job.tally.lost
    lost = f"{n_of(n, 'request')} in flight did not end in time, and may be paid again; "
    return f"{lost if n else ''}what was paid for is in {job.ledger}; the same command goes on from there"


def print_preview(job: Job) -> None:
    """Print calls, tokens and price of a job; nothing is sent."""
    seen, budget = job.preview(), job.limits.budget_usd
    calls = n_of(seen.least, "call")
    if seen.least != seen.most:
        calls = f"{seen.least} to {seen.most} calls (with re-asks and further rounds)"
    stored = f", {seen.stored} of them in the ledger already" if seen.stored else ""
    say(f"{n_of(seen.items, 'item')}, {calls}{stored}; nothing was sent")
    written = "no limit" if seen.max_output_tokens is None else f"at most {seen.max_output_tokens}"
    say(f"first round: about {seen.input_tokens} tokens in, {written} tokens out")
    if seen.max_cost_usd is None:
        how = "" if budget is None else f"; --budget needs it: --price {seen.unpriced[0]}=IN/OUT"
        say(f"price: unknown for {', '.join(seen.unpriced)}{how}")
    else:
        over = budget is not None and seen.max_cost_usd > budget
        more = f", more than the budget of ${budget:g}" if over else ""
        say(f"price: at most ${seen.max_cost_usd:.4f} for the first round{more}")
    if job.batching is not None:
        from judgekit.batches.forecast import forecast

        found = forecast(job.recipe, job.read())
        said = "1 batch" if found.batches == 1 else f"{found.batches} batches"
        size = f"about {max(found.bytes // 1000, 1):,} kB in all"
        say(f"first round: {said}, {size}; at least {n_of(found.rounds, 'round')}, each within a day")


def _print_run(first: list[Score], means: Means, summary: Mapping[str, Any], out: Path | None) -> None:
    if first:
        say_scores(first, means.n_scores, out, items=summary["items"])
        means.say()
        say()
    if "placed" in summary:
        from judgekit.cli.bank import say_placed

        say_placed(summary["placed"])
        say()
    for line in summary_lines(summary):
        say(line)
    if out is not None:
        say(f"written to {out}; see it with `judgekit show {out}` or, in a browser, `judgekit view {out}`")


def say_scores(scores: Sequence[Score], total: int, out: Path | None, *, items: int | None = None) -> None:
    """Print the first of `total` scores: what was judged, its score, its interval, what it rests on."""
    heads = ("item", "response", "score of", "value", "95 % interval over", "verdicts", "abstained")
    ends = (n for n in range(_ROWS, len(scores)) if scores[n].unit != scores[n - 1].unit)
    shown = scores[: next(ends, len(scores))]  # to the end of what was judged
    bold = {n for n, score in enumerate(shown) if score.level == "rubric"}
    right = {"value", "95 % interval over", "verdicts"}
    say_table(heads, map(_cells, shown), right=right, bold=bold, whole={"abstained"})
    if (more := total - len(shown)) > 0:
        n = len({score.unit.item_id for score in shown})
        of = "" if items is None else f"; these are of {n} of {items} items"
        say(f"and {more} more{of}: " + (f"all {total} are in {out}" if out else "--out FOLDER writes all"))


def _cells(score: Score) -> tuple[str, ...]:
    over = "judges" if "judge" in score.spread else "samples"
    none = score.low is None or score.high is None
    interval = "" if none else f"{score.low:.2f} to {score.high:.2f}, {over}"
    abstained = counted(score.n_abstained)
    if score.value is None and score.level == "criterion" and score.n_verdicts and not abstained:
        abstained = "withheld by the panel"
    response = " vs ".join(score.unit.responses) or "(task)"
    response += f", {score.unit.part}" if score.unit.part else ""
    value = "none" if score.value is None else f"{score.value:.3f}"
    return score.unit.item_id, response, score.name, value, interval, str(score.n_verdicts), abstained


def counted(counts: Mapping[str, int]) -> str:
    """Return counts in words: `2 refused, 1 malformed`."""
    return ", ".join(f"{n} {what}" for what, n in counts.items())


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return what is said of a run in a few lines."""
    abstained = sum(summary["abstentions"].values())
    reasons = counted(summary["abstentions"])
    cost = summary["cost_usd"]
    if cost is None:
        unknown = n_of(summary["unpriced_calls"], "call of unknown price")
        price = f"at least ${summary['known_cost_usd']:.4f} ({unknown})"
    else:
        price = f"${cost:.4f}"
    things = ("item", summary["items"]), ("verdict", summary["verdicts"]), ("abstention", abstained)
    outcomes = ", ".join(n_of(n, what) for what, n in things)
    calls = n_of(summary["calls"], "call")
    calls += f": {summary['new_calls']} new, {summary['ledger_hits']} from the ledger"
    tokens = f"{n_of(summary['input_tokens'], 'token')} in, {summary['output_tokens']} out"
    lines = [
        f"{outcomes} ({reasons})" if reasons else outcomes,
        f"{calls}, {summary['reasks']} re-asked; {tokens}; {price}; {summary['seconds']:.1f} s",
    ]
    if "shard" in summary:
        whole = (
            "once the ledgers of all shards are merged, the same command without --shard makes the whole run"
        )
        lines.append(f"these are the items of shard {summary['shard']}; {whole}")
    lines += map(cause_line, summary.get("causes", ()))
    if summary["flags"]:
        lines.append(f"flags: {counted(summary['flags'])}")
    for judge, noted in summary.get("notes", {}).items():
        lines += [f"judge {judge}: {n} {what}" for what, n in noted.items()]
    lines += [line for judge, of in summary.get("endpoints", {}).items() for line in _read_lines(judge, of)]
    if summary["panel"] is not None:
        lines += _panel_lines(summary["panel"])
    if "fitted" in summary:
        lines += _fitted_lines(summary["fitted"])
    if "separated" in summary:
        lines += _separated_lines(summary["separated"])
    if summary["skipped"]:
        rows = "bad row" if summary["skipped"] == 1 else "bad rows"
        lines.append(f"{summary['skipped']} {rows} skipped, the first: {summary['skipped_rows'][0]}")
    if summary["ledger"] is None:
        lines.append("no ledger: nothing was kept, and running again pays again")
    return lines


def _read_lines(judge: str, endpoints: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return what each server read and what of it was cached, where there are several, or anything was."""
    if len(endpoints) < 2 and not any(count["cached_tokens"] for count in endpoints.values()):
        return []
    return [
        f"judge {judge} at {address}: {n_of(count['requests'], 'request')}, {count['cached_tokens']} of "
        f"{count['input_tokens']} tokens read were in its cache"
        for address, count in endpoints.items()
    ]


def _separated_lines(separated: Mapping[str, Any]) -> list[str]:
    """Return which systems were told apart while it was looked, and by what interval.

    >>> pair = {"one": "a", "other": "b", "won": 9, "n": 9, "ties": 1, "low": 0.51, "high": 1.0, "after": 10}
    >>> for line in _separated_lines({"level": 0.95, "items": 10, "done": True, "pairs": [pair]}):
    ...     print(line)
    told apart after 10 items: 1 of 1 pair of systems, at 95 % for all together at every look
    a won 9 of 9 against b [.51, 1.00], ties 1: told apart after 10 items
    (intervals that `stand` takes from this run do not know that it ended by what it found)
    """
    pairs = separated["pairs"]
    apart = sum(pair["after"] is not None for pair in pairs)
    level, items = f"{100 * separated['level']:g} %", n_of(separated["items"], "item")
    told = f"{apart} of {n_of(len(pairs), 'pair')} of systems, at {level} for all together at every look"
    lines = [f"told apart after {items}: {told}"]
    for pair in sorted(pairs, key=lambda pair: (pair["after"] is None, pair["after"] or 0))[:_PAIRS]:
        ends = ", ".join(f"{pair[end]:.2f}".removeprefix("0") for end in ("low", "high"))
        when = (
            "not told apart" if pair["after"] is None else f"told apart after {n_of(pair['after'], 'item')}"
        )
        lines.append(
            f"{pair['one']} won {pair['won']} of {pair['n']} against {pair['other']} [{ends}], "
            f"ties {pair['ties']}: {when}"
        )
    if separated["done"]:
        lines.append(
            "(intervals that `stand` takes from this run do not know that it ended by what it found)"
        )
    return lines


def _fitted_lines(fitted: Mapping[str, Any]) -> list[str]:
    """Return how often each judge is right, as a panel was fitted.

    >>> kind = {"status": "ok", "accuracy": {"a": 0.9, "b": None}, "notes": ["from 20 labels"]}
    >>> _fitted_lines({"panel": "accuracy", "criteria": {"kind": kind}})
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


def _panel_lines(panel: Mapping[str, Any]) -> list[str]:
    """Return how many judges a panel is worth by its verdicts, who had no part in it, and who stood in.

    >>> _panel_lines({"judges": ["a", "b"], "effective_judges": None, "status": "undefined:too_few",
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
            f"{panel['correlation_of_verdicts']:.2f} on {n_of(panel['items'], 'item')}"
        )
        told += "; " + "; ".join(panel["notes"])
    left = [f"{judge} left out of that: {why}" for judge, why in panel["left_out"].items()]
    stood = [
        f"{by} stood in for {judge} in {n_of(n, 'verdict')}"
        for judge, substitutes in panel["substituted"].items()
        for by, n in substitutes.items()
    ]
    return [told, *left, *stood]

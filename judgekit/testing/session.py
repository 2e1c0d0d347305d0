"""What the tests of a session judged: each judgement with its state, and all runs joined to one.

A judgement is `passed`, `failed` or `undecided`: the judge abstained, or the interval holds the limit.
Whether that skips the test or fails it is said once, and how many there were stands at the end.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import orjson

from judgekit.items.talk import plain_chat
from judgekit.terminal.plain import plain
from judgekit.types import Item
from judgekit.writing import write

if TYPE_CHECKING:
    from judgekit.verbs import Run

State = Literal["passed", "failed", "undecided"]
JOB = "what the tests of a session judged"
"""Stands for the digest of a job: the results of a later session replace those of an earlier one."""
ITEMS = "judged.jsonl"
"""The file, beside the results, of the items that were judged."""
_SUMMED = (
    "items", "calls", "new_calls", "ledger_hits", "shared_calls", "reasks", "requests", "lost_requests",
    "verdicts", "known_cost_usd", "unpriced_calls", "input_tokens", "output_tokens", "skipped", "seconds",
)  # fmt: skip
_COUNTED = ("abstentions", "flags")
_UNITED = ("prompts", "judges", "notes", "models")
_INPUTS = ("items", "rubric", "ledger")
_LISTED = ("causes", "skipped_rows")


class Undecided(AssertionError):  # noqa: N818 - the house's name for it
    """A test that judged and came to no decision: the judge abstained, or the interval holds the limit.

    >>> from judgekit import testing
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> testing.assert_score("Hello", rubric, at_least=0.7, judges=lambda call: "Well.", ledger=None)
    Traceback (most recent call last):
    judgekit.testing.session.Undecided: there is no score of 'tone': malformed
      polite none: lambda gave no label, malformed: no verdict of the form asked for in: 'Well.'
    """


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one assertion of a test came to."""

    test: str
    state: State
    why: str = ""


@dataclass(slots=True)
class Session:
    """What is judged from the start of pytest to its end, in this process and in its workers.

    Args:
        undecided: What becomes of a test that is undecided.
        judges: The judges of tests that name none.
        test: The id of the test that runs.
    """

    undecided: Literal["skip", "fail"] = "fail"
    judges: tuple[str, ...] = ()
    test: str = ""
    runs: dict[str, "Run"] = field(default_factory=dict)
    items: list[bytes] = field(default_factory=list)  # rows of those that were judged
    judgements: list[Judgement] = field(default_factory=list)
    summaries: list[Mapping[str, Any]] = field(default_factory=list)  # of workers, whose rows are in parts
    lost: int = 0  # workers that ended without their part

    def label(self) -> str:
        """Return what the next run of this test is called: its id, from the second on with a number."""
        name, n = self.test or "outside of a test", 1
        while (label := name if n == 1 else f"{name} #{n}") in self.runs:
            n += 1
        return label

    def add(self, label: str, run: "Run", items: Iterable[Item] = ()) -> None:
        """Take in a run; its items are called by the test and by their ids, which other tests may have."""
        self.runs[label] = renamed(run, label)
        self.items += (_row(item, _called(label, item.item_id)) for item in items)

    def told(self) -> str:
        """Return what a worker tells the process that started it."""
        summary = joined(run.summary for run in self.runs.values())
        return orjson.dumps(
            {"judgements": [asdict(each) for each in self.judgements], "summary": summary}
        ).decode()

    def hear(self, told: str) -> None:
        """Take in what a worker told."""
        said = orjson.loads(told)
        self.judgements += [Judgement(**each) for each in said["judgements"]]
        self.summaries += [said["summary"]] if said["summary"] else []

    def summary(self) -> dict[str, Any]:
        """Return the summaries of all runs as one; empty where nothing was judged."""
        return joined([*self.summaries, *(run.summary for run in self.runs.values())])

    def run(self, parts: Iterable["Run"] = ()) -> "Run":
        """Return all runs as one, by the names of their items: the same however tests were dealt."""
        from judgekit.verbs import Run

        several = [*parts, *self.runs.values()]
        return Run(
            scores=tuple(sorted((row for each in several for row in each.scores), key=_place)),
            outcomes=tuple(sorted((row for each in several for row in each.outcomes), key=_place)),
            summary=joined(each.summary for each in several),
            calls=tuple(sorted((call for each in several for call in each.calls), key=lambda c: c.item_id)),
            item_tags={own: tags for each in several for own, tags in each.item_tags.items()},
            job=lambda: JOB,
        )

    def save(self, folder: Path, parts: Sequence[Path] = ()) -> None:
        """Write all runs, with those of workers' parts, as one, and beside it the items that were judged."""
        from judgekit.verbs import load_run

        held = [line for part in parts for line in (part / ITEMS).read_bytes().splitlines(keepends=True)]
        items = b"".join(sorted([*held, *self.items]))  # by their ids, which stand first
        about = {"path": str((folder / ITEMS).absolute()), "sha256": sha256(items).hexdigest(), "columns": {}}
        run = self.run(map(load_run, parts))
        inputs = {**run.summary["inputs"], "items": about}
        replace(run, summary={**run.summary, "inputs": inputs}).save(folder, overwrite=True)
        write(folder / ITEMS, items)

    def lines(self) -> list[str]:
        """Return what is said at the end of a session."""
        summary, states = self.summary(), Counter(each.state for each in self.judgements)
        lines = [f"{len(self.judgements)} judgements: " + ", ".join(f"{states[s]} {s}" for s in _STATES)]
        for each in self.judgements:
            if each.state == "undecided":
                what = "skipped" if self.undecided == "skip" else "failed"
                lines.append(plain(f"undecided ({what}): {each.test}: {each.why}"))
        if summary:
            cost = f"${summary['known_cost_usd']:.4f}" + ("+?" if summary["unpriced_calls"] else "")
            stored = summary["ledger_hits"]
            lines.append(
                f"{summary['calls']} calls: {summary['new_calls']} new, {stored} from the ledger; {cost}"
            )
        if self.lost:
            lines.append(f"{self.lost} workers ended without handing over what they judged")
        return lines


_STATES: tuple[State, ...] = ("passed", "failed", "undecided")


def renamed(run: "Run", label: str) -> "Run":
    """Return a run whose items are those of a test."""

    def moved(row: Any) -> Any:
        return replace(row, unit=replace(row.unit, item_id=_called(label, row.unit.item_id)))

    return replace(
        run,
        scores=tuple(map(moved, run.scores)),
        outcomes=tuple(map(moved, run.outcomes)),
        calls=tuple(call._replace(item_id=_called(label, call.item_id)) for call in run.calls),
        item_tags={_called(label, own): tags for own, tags in run.item_tags.items()},
    )


def _called(label: str, own: str) -> str:
    """Return what an item of a test is called; one that is the test itself, as the test."""
    return label if own in {"", label} else f"{label}: {own}"


def _row(item: Item, name: str) -> bytes:
    """Return an item as a line of JSON, which `read_items` reads."""
    row = {
        "item_id": name, "task": plain_chat(item.task),
        "responses": {each: plain_chat(text) for each, text in item.responses.items()},
        "systems": dict(item.systems), "reference": item.reference, "sources": dict(item.sources),
        "tags": dict(item.tags), "rubric": item.rubric,
    }  # fmt: skip
    return orjson.dumps({key: value for key, value in row.items() if value}, default=dict) + b"\n"


def _place(row: Any) -> str:
    return str(row.unit.item_id)


def joined(summaries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return summaries as one: counts added, tables united, and None where they do not say the same."""
    several = list(summaries)
    if not several:
        return {}
    names = dict.fromkeys(name for each in several for name in each)
    whole = {name: _same([each.get(name) for each in several]) for name in names}
    whole |= {name: sum(each.get(name) or 0 for each in several) for name in _SUMMED}
    for name in _COUNTED:
        counts: Counter[str] = Counter()
        for each in several:
            counts.update(each.get(name) or {})
        whole[name] = dict(sorted(counts.items()))
    for name in _UNITED:
        whole[name] = {key: value for each in several for key, value in (each.get(name) or {}).items()}
    for name in _LISTED:
        whole[name] = [one for each in several for one in each.get(name) or ()]
    inputs = [each.get("inputs") or {} for each in several]
    whole["inputs"] = {name: _same([each.get(name) for each in inputs]) for name in _INPUTS}
    if whole["rubric"] is None:
        whole["rubric"] = {"id": "several", "version": None, "digest": None, "content": None}
    cost = None if whole["unpriced_calls"] else whole["known_cost_usd"]
    began = min(str(each.get("began")) for each in several)
    return {**whole, "items_in_all": whole["items"], "cost_usd": cost, "stopped": None, "began": began}


def _same(values: Sequence[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else None


def current() -> Session | None:
    """Return the session of the pytest that runs; None outside of it, or without the plugin."""
    plugin = sys.modules.get("judgekit.testing.plugin")
    return plugin.session() if plugin is not None else None


def undecided(session: Session | None, why: str) -> NoReturn:
    """End a test that is undecided, as the session says it."""
    __tracebackhide__ = True
    if session is not None and session.undecided == "skip":
        import pytest

        pytest.skip(f"undecided: {why}")
    raise Undecided(why)

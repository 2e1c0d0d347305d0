"""A run as it was kept: its rows item by item, the items judged, the prompts and replies behind them.

What was judged stands in files that others may have changed since. An input is taken only where its digest is
that of the run; what is not, or is gone, is said with the reason, and the rest is shown.
"""

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from judgekit.errors import InputError
from judgekit.items import read_items
from judgekit.ledger import Ledger
from judgekit.ledger.columns import SERVED, chosen, reply_of
from judgekit.rubric import Rubric, load_rubric
from judgekit.types import CallMade, Item, Outcome, Reply, Score, Unit
from judgekit.verbs import Run, load_run

_SOME = 400  # keys that are looked up in a ledger at once
_NOWHERE = "the run does not say where it is: it was not in a file, or the run is of an older judgekit"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of a run; prompt (role and content of each message) and reply where the ledger has them."""

    made: CallMade
    reply: str | None = None
    detail: str = ""
    prompt: Sequence[tuple[str, str]] | None = None


@dataclass(slots=True)
class Piece:
    """All that is known of one item."""

    item_id: str
    item: Item | None
    tags: Mapping[str, str]
    outcomes: list[Outcome] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    made: dict[str, CallMade] = field(default_factory=dict)
    calls: dict[str, Asked] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Kept:
    """A run and its inputs: name -> `path`, whether it was `kept`, and `why` where it was not."""

    name: str
    run: Run
    items: Mapping[str, Item]
    rubric: Rubric | None
    inputs: Mapping[str, Mapping[str, Any]]

    def pieces(self, of: Container[Unit] | None = None) -> Iterator[Piece]:
        """Yield what is known of each item, in the run's order; calls only where one of `of` is in it."""
        pieces: dict[str, Piece] = {}

        def piece(item_id: str) -> Piece:
            if item_id not in pieces:
                tags = self.run.item_tags.get(item_id, {})
                pieces[item_id] = Piece(item_id, self.items.get(item_id), tags)
            return pieces[item_id]

        for outcome in self.run.outcomes:
            piece(outcome.unit.item_id).outcomes.append(outcome)
        for score in self.run.scores:
            piece(score.unit.item_id).scores.append(score)
        for made in self.run.calls:
            piece(made.item_id).made[made.call] = made
        with ExitStack() as stack:
            ledger = None
            if self.inputs["ledger"]["kept"]:
                path = self.inputs["ledger"]["path"]
                ledger = stack.enter_context(Ledger(path, create=False, read_only=True))
            for own in pieces.values():
                if of is None or any(each.unit in of for each in own.outcomes):
                    own.calls = _asked(own, ledger)
                yield own


def kept(run: Run | str | Path, *, items: Any = None) -> Kept:
    """Return a run, or one that lies in a folder, with what of its inputs is there.

    `items` are what was judged, where the run does not say it. InputError if the folder holds no run.
    """
    name = "" if isinstance(run, Run) else Path(run).resolve().name
    run = run if isinstance(run, Run) else load_run(run)
    said = {"items": None, "rubric": None, "ledger": None} | (run.summary.get("inputs") or {})
    content, about = run.summary.get("rubric", {}).get("content"), said["items"] or {}
    inputs: dict[str, dict[str, Any]] = {
        "items": _file(about) if items is None else {"path": None, "kept": True},
        "rubric": {"path": (said["rubric"] or {}).get("path"), "kept": content is not None},
        "ledger": _ledger((said["ledger"] or {}).get("path") or run.summary.get("ledger")),
    }
    if content is None:
        inputs["rubric"]["why"] = _NOWHERE
    read, rubric = {}, None if content is None else load_rubric(content)
    if inputs["items"]["kept"]:
        source, columns = (about["path"], about.get("columns")) if items is None else (items, None)
        found = read_items(source, columns=columns, on_bad_item="skip", needs=None)
        read = {item.item_id: item for item in found}
    name = name or (rubric.id if rubric else "run")
    return Kept(name=name, run=run, items=read, rubric=rubric, inputs=inputs)


def _file(about: Mapping[str, Any]) -> dict[str, Any]:
    """Tell whether the file of items is there, and the one that was judged."""
    if about.get("path") is None:
        return {"path": None, "kept": False, "why": _NOWHERE}
    path = Path(about["path"])
    try:
        with path.open("rb") as file:
            same = about.get("sha256") in {None, hashlib.file_digest(file, "sha256").hexdigest()}
    except OSError as error:
        return {"path": str(path), "kept": False, "why": f"the file cannot be read ({error.strerror})"}
    why = {} if same else {"why": "the file was changed since: its digest is not that of what was judged"}
    return {"path": str(path), "kept": same, **why}


def _ledger(path: str | None) -> dict[str, Any]:
    if path is None:
        return {"path": None, "kept": False, "why": "the run kept no replies (no ledger)"}
    if not Path(path).is_file():
        return {"path": str(path), "kept": False, "why": "the ledger is not there any more"}
    return {"path": str(path), "kept": True}


def _asked(piece: Piece, ledger: Ledger | None) -> dict[str, Asked]:
    """Return the calls of an item by key; of a run without a table of calls those behind its outcomes."""
    made = dict(piece.made)
    raters = {each.call: each.rater for each in piece.outcomes if each.call and each.call not in made}
    found = {} if ledger is None else _replies(ledger, [*made, *raters])
    for key, rater in raters.items():
        reply, request = found.get(key, (Reply(), {}))
        made[key] = CallMade(
            piece.item_id, rater, attempt=request.get("attempt", 1), call=key, model=reply.model,
            fault=reply.fault, tries=reply.tries, input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens, cost_usd=reply.cost_usd, seconds=reply.seconds,
        )  # fmt: skip
    calls = {}
    for key, each in made.items():
        calls[key] = Asked(each)
        if key in found:
            reply, request = found[key]
            prompt = list(map(itemgetter("role", "content"), request.get("messages", ()))) or None
            calls[key] = Asked(each, reply.text, reply.detail, prompt)
    return calls


def _replies(ledger: Ledger, keys: Sequence[str]) -> dict[str, tuple[Reply, Mapping[str, Any]]]:
    """Return reply and request of keys; what was altered is left out, as what is not there."""
    found = {}
    columns = chosen(ledger.version, (*SERVED, "request"))
    for start in range(0, len(keys), _SOME):
        some = keys[start : start + _SOME]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT {columns} FROM replies WHERE key IN ({marks}) ORDER BY edition"  # noqa: S608 - constants
        for row in ledger.query(sql, some):
            try:
                reply = reply_of(ledger.path, row[:-1], ledger.version)
            except InputError:
                continue
            found[row[0]] = (reply, {} if row[-1] is None else orjson.loads(row[-1]))
    return found

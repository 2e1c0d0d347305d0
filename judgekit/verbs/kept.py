"""A run as it was kept: its rows item by item, the items judged, the prompts and replies behind them.

What was judged stands in files that others may have changed since. An input is taken only where its digest is
that of the run; what is not, or is gone, is said with the reason, and the rest is shown.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from judgekit.aggregate.explain import Explanation, explain
from judgekit.errors import InputError
from judgekit.items import read_items
from judgekit.ledger import Ledger
from judgekit.ledger.tools import Entry, of_keys
from judgekit.rubric import Rubric, load_rubric
from judgekit.types import CallMade, Item, Outcome, Score, Unit, brief
from judgekit.verbs.inputs import NOWHERE, found_of, rubric_for
from judgekit.verbs.results import Run, load_run

Asked = tuple[CallMade, Entry | None]
"""A call of a run, and what the ledger has of it."""
Behind = tuple[list[Asked], Mapping[Unit, Explanation]]
"""The calls made for an item, and how the scores of its units came about."""


@dataclass(slots=True)
class Piece:
    """An item with its rows, and the calls made for it."""

    item_id: str
    item: Item | None
    tags: Mapping[str, str]
    outcomes: list[Outcome] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    made: dict[str, CallMade] = field(default_factory=dict)

    __repr__ = brief


@dataclass(frozen=True, eq=False, kw_only=True)
class Kept:
    """A run and its inputs: name -> `path`, whether it was `kept`, and `why` where it was not."""

    name: str
    run: Run
    items: Mapping[str, Item]
    rubric: Rubric | None
    inputs: Mapping[str, Mapping[str, Any]]

    @cached_property
    def pieces(self) -> list[Piece]:
        """Return what there is of each item, in the order of the run."""
        found: dict[str, Piece] = {}
        scores = (score for score in self.run.scores if score.level != "part")  # told with their wholes
        for row in chain(self.run.outcomes, scores):
            if (name := row.unit.item_id) not in found:
                item = self.items.get(name)
                tags = self.run.item_tags.get(name) or ({} if item is None else item.tags)
                found[name] = Piece(name, item, tags)
            if isinstance(row, Score):
                found[name].scores.append(row)
                continue
            found[name].outcomes.append(row)
            if row.call and not self.run.calls:  # of an older judgekit
                found[name].made[row.call] = CallMade(name, row.rater, call=row.call)
        for made in self.run.calls:
            if made.item_id in found:
                found[made.item_id].made[made.call] = made
        return list(found.values())

    @property
    def note(self) -> str:
        """Say that the texts of the items are not there, or may be others than those judged; else empty."""
        about = self.inputs["items"]
        if not (why := about.get("why")):
            return str(about.get("doubt", ""))
        path = about["path"]
        return f"the texts of the items are not shown, their file{f' ({path})' if path else ''}: {why}"

    @contextmanager
    def behind(self) -> Iterator[Callable[[Piece], Behind]]:
        """While the ledger is open, a function of an item to what is behind its scores."""
        with ExitStack() as stack:
            held, ledger = self.inputs["ledger"], None
            if held["kept"]:
                also = [each for each in held.get("also", ()) if Path(each).is_file()]
                ledger = stack.enter_context(Ledger(held["path"], read_only=True, also=also))

            def behind(piece: Piece) -> Behind:
                entries = {} if ledger is None else of_keys(ledger, list(piece.made))
                rubric, unknown = rubric_for(self.run.summary, piece.item, self.rubric)
                found = explain(rubric, piece.scores, piece.outcomes, unknown=unknown)
                explained = {each.unit: each for each in found}
                return [(made, entries.get(key)) for key, made in piece.made.items()], explained

            yield behind


def kept(run: Run | str | Path, *, items: Any = None, other: bool = False) -> Kept:
    """Return a run, or one that lies in a folder, with what of its inputs is there.

    `items` are what was judged, where the run does not say it; they may be those of another run. InputError
    if the folder holds no run, or the file given is not the one that was judged.
    """
    name = "" if isinstance(run, Run) else Path(run).resolve().name
    run = run if isinstance(run, Run) else load_run(run)
    said, content = run.summary.get("inputs") or {}, run.summary.get("rubric", {}).get("content")
    about = said.get("items") or {}
    given = None if items is None else _given(about, items)
    if given is not None and given.get("why"):
        if not other:
            raise InputError(given["why"])
        items = given = None  # the run has a file of its own
    ledger = said.get("ledger") or {"path": run.summary.get("ledger")}
    inputs: dict[str, dict[str, Any]] = {
        "items": found_of(about, about.get("sha256")) if given is None else given,
        "ledger": {**ledger, **found_of(ledger)},
        "rubric": {**(said.get("rubric") or {}), "kept": content is not None},
    }
    inputs["rubric"]["why"] = NOWHERE if content is None else None
    read, rubric = {}, None if content is None else load_rubric(content)
    if inputs["items"]["kept"]:
        source, columns = about["path"] if items is None else items, about.get("columns")
        sure = "doubt" not in inputs["items"]
        found = read_items(source, columns=columns if sure else None, on_bad_item="skip", needs=None)
        read = {item.item_id: item for item in found}
    name = name or (rubric.id if rubric else "run")
    return Kept(name=name, run=run, items=read, rubric=rubric, inputs=inputs)


def _given(about: Mapping[str, Any], items: Any) -> dict[str, Any]:
    """Tell whether the items given are those judged: by their digest, where both have one."""
    file = items if isinstance(items, str | Path) else None
    said, name = about.get("sha256"), "what was given" if file is None else str(file)
    if file is None or said is None:
        doubt = f"the texts come from {name}; whether they are those that were judged is not known"
        return {"path": file and str(file), "kept": True, "doubt": doubt}
    found = found_of({"path": str(file)}, said)
    if not found["kept"] and Path(file).exists():
        own = found_of(about, said)["kept"]
        found["why"] = (
            f"{file} is not what was judged: its digest is not that of {about['path']} as the run read it; "
            + ("that file is still there, so leave --items out" if own else "give the file as it was then")
        )
    elif not found["kept"]:
        found["why"] = f"{file}: {found['why']}"
    return found

"""What a page cannot hold: a run in a file of SQLite's, of which a served page asks for some rows at a time.

The rows of the grid are filtered and sorted there; a unit is kept as the payload of a page of it alone. Texts
are searched in a file beside it, by pieces, so that the memory does not grow with what was judged.
"""

import sqlite3
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from judgekit.types import Outcome, Score, Verdict
from judgekit.verbs.kept import Behind
from judgekit.view.data import Study
from judgekit.view.page import json_of
from judgekit.view.rows import Once, Rows
from judgekit.view.views import SORTS, View, bit, names_of

_BLOCK: Final = 1 << 20  # bytes that are searched at once
_TABLES: Final = """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
CREATE TABLE units (n INTEGER PRIMARY KEY, item, marks, value, disagreement, entropy, change);
CREATE TABLE held (run, n, row, whole, PRIMARY KEY (run, n));
CREATE TABLE outcomes (unit, criterion, judge, label, reason, value, flags);
CREATE TABLE cells (unit, criterion, marks);
CREATE TABLE named (kind, name, unit, PRIMARY KEY (kind, name, unit)) WITHOUT ROWID"""
_OF_OUTCOMES: Final = {  # what one outcome of a unit meets at once
    **{name: f"{name} = :{name}" for name in ("criterion", "judge", "label", "reason")},
    "flag": "instr(flags, char(10) || :flag || char(10))",
    "bin": "max(0, min(9, CAST(value * 10 AS INTEGER))) = CAST(:bin AS INTEGER)",
    "kind": "CASE WHEN label IS NULL THEN 'abstention' ELSE 'verdict' END = :kind",
}
_OF_UNITS: Final = {
    "item": "item = :item",
    "system": "n IN (SELECT unit FROM named WHERE kind = 'system' AND name = :system)",
    "tag": "n IN (SELECT unit FROM named WHERE kind = 'tag' AND name = :tag)",
    "text": "n IN (SELECT value FROM json_each(:text))",
}
_ORDERS: Final = {
    "value": "value", "-value": "-value", "near": "abs(value - :at)", **{name: f"-{name}" for name in SORTS},
}  # fmt: skip


class Index:
    """A study in files of a folder, made once; belongs to the thread it was made in."""

    def __init__(self, study: Study, folder: str | Path) -> None:
        self.title = study.run.name
        self._db = sqlite3.connect(Path(folder, "rows.sqlite"))
        self._db.executescript(_TABLES)
        self._texts, self._starts = Path(folder, "texts"), array("Q", [0])  # of each unit
        self._last: tuple[Any, array[int]] = (None, array("q"))  # what was asked last, and the units found
        parts = [Rows(kept, Once()) for kept, _ in study.runs]
        for run, ((kept, views), whole) in enumerate(zip(study.runs, parts, strict=True)):
            with kept.behind() as behind, self._texts.open("ab") as texts:
                for _, some in groupby(views, attrgetter("unit.item_id")):
                    told: Behind | None = None
                    for view in some:
                        rows, told = Rows(kept, Once(), whole.names), told or behind(view.piece)
                        rows.add([view], told)
                        self._add(run, whole.units.setdefault(view.unit, len(whole.units)), view, rows)
                        if not run:
                            texts.write(b"\xff".join((*_said(view), b"")))  # which is in no text
                            self._starts.append(texts.tell())
        self._db.commit()
        self._names = [json_of(rows.lists) for rows in parts]
        self.first = json_of(study.whole(parts, None))

    def _add(self, run: int, n: int, view: View, rows: Rows) -> None:
        cells = [
            {"criterion": rows.names["criteria"](each.name), **_ends(each, view.cells.get(each.name, 0))}
            for each in view.scores if each.level == "criterion"
        ]  # fmt: skip
        row = {
            "unit": n, "item": view.unit.item_id, "responses": view.unit.responses, "part": view.unit.part,
            "systems": view.systems, **_ends(view.settled, view.marks), "cells": cells,
        }  # fmt: skip
        whole = zlib.compress(json_of({"texts": list(rows.texts), "run": rows.plain}), 1)
        self._put("held", (run, n, json_of(row), whole))
        if not run:
            tags, sorts = rows.plain["items"][0]["tags"], (view.sorts[name] for name in SORTS)
            self._put("units", (n, view.unit.item_id, view.marks, view.value, *sorts))
            self._put("outcomes", *(_row(n, each) for each in view.outcomes))
            self._put("cells", *((n, *each) for each in view.cells.items()))
            self._put("named", *(("system", name, n) for name in set(view.systems)))
            self._put("named", *(("tag", f"{name}:{value}", n) for name, value in tags.items()))

    def _put(self, table: str, *rows: tuple[Any, ...]) -> None:
        if rows:
            places = ", ".join("?" * len(rows[0]))
            self._db.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - ours

    def unit(self, run: int, n: int) -> bytes | None:
        """Return a unit with its texts, as JSON; None if there is none."""
        for (whole,) in self._db.execute("SELECT whole FROM held WHERE run = ? AND n = ?", (run, n)):
            return b'%b,"names":%b}}' % (zlib.decompress(whole)[:-2], self._names[run])
        return None

    def rows(self, query: Mapping[str, str], start: int, n: int) -> bytes:
        """Return rows of the grid that meet a query, in its order, and how many there are, as JSON."""
        asked = {name: value for name, value in query.items() if value and name not in {"from", "n"}}
        if self._last[0] != asked:
            self._last = (asked, array("q", self._found(dict(asked))))
        one, found = "SELECT row FROM held WHERE run = 0 AND n = ?", self._last[1]
        rows = [row for unit in found[start : start + n] for (row,) in self._db.execute(one, (unit,))]
        return b'{"count":%d,"rows":[%b]}' % (len(found), b",".join(rows))

    def _found(self, asked: dict[str, Any]) -> Iterator[int]:
        """Yield the units that meet a query, in its order."""
        if "text" in asked:
            sought = asked["text"].lower().encode(errors="replace")
            asked["text"] = json_of(list(self._holding(sought))).decode()
        where, key = _where(asked), _ORDERS.get(asked.get("sort", ""), "NULL")
        sql = f"SELECT n FROM units WHERE {where} ORDER BY ({key}) IS NULL, {key}, n"  # noqa: S608 - constants
        return (unit for (unit,) in self._db.execute(sql, asked))

    def _holding(self, text: bytes) -> Iterator[int]:
        """Yield the units that hold a text; the file is read by blocks that begin with a unit."""
        starts, first = self._starts, 0
        with self._texts.open("rb") as file:
            while first < len(starts) - 1:
                last = max(bisect_right(starts, starts[first] + _BLOCK) - 1, first + 1)
                held = file.read(starts[last] - starts[first])
                at = held.find(text)
                while at >= 0:
                    yield (unit := bisect_right(starts, starts[first] + at) - 1)
                    at = held.find(text, starts[unit + 1] - starts[first])
                first = last


def _where(asked: dict[str, Any]) -> str:
    """Return the condition that units meet; the values in it are made ready."""
    asked |= {"at": float(asked.get("at", 0.5)), "bits": bit(asked.get("mark", ""))}
    found = ["true", *(sql for name, sql in _OF_UNITS.items() if name in asked)]
    if met := " AND ".join(sql for name, sql in _OF_OUTCOMES.items() if name in asked):
        found.append(f"n IN (SELECT unit FROM outcomes WHERE {met})")  # noqa: S608 - constants
    if "mark" in asked:
        of_cell = "n IN (SELECT unit FROM cells WHERE criterion = :criterion AND marks & :bits)"
        found.append(of_cell if "criterion" in asked and asked["mark"] != "gate" else "marks & :bits")
    return " AND ".join(found)


def _ends(score: Score | None, marks: int) -> dict[str, Any]:
    ends = {end: None if score is None else getattr(score, end) for end in ("value", "low", "high")}
    return {**ends, "marks": names_of(marks)}


def _row(n: int, outcome: Outcome) -> tuple[Any, ...]:
    about = (n, outcome.criterion, outcome.rater)
    if not isinstance(outcome, Verdict):
        return (*about, None, outcome.reason, None, "")
    flags = {*outcome.flags, *(flag.partition(":")[0] for flag in outcome.flags)}
    return (*about, outcome.label, None, outcome.value, "\n".join(["", *flags, ""]))


def _said(view: View) -> Iterator[bytes]:
    """Yield the texts of a unit that are searched."""
    item, responses = view.piece.item, view.unit.responses
    found: list[str] = [view.unit.item_id, *responses]
    for text in () if item is None else (item.task, item.reference, *map(item.responses.get, responses)):
        found += [text] if isinstance(text, str) else [turn.content for turn in text or ()]
    found += [each.rationale if isinstance(each, Verdict) else each.detail for each in view.outcomes]
    return (each.lower().encode(errors="replace") for each in found)

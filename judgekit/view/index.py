"""What a page cannot hold: a run in a file of SQLite's, of which a served page asks for some rows at a time.

The rows of the grid are filtered and sorted there; a unit is kept as the payload of a page of it alone. Texts
are searched in a file beside it, by pieces, so that the memory does not grow with what was judged.
"""

import sqlite3
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from judgekit.types import Abstention, Outcome, Score
from judgekit.view.data import Study
from judgekit.view.first import Numbers
from judgekit.view.kept import Piece
from judgekit.view.marks import MARKS, SORTS, bit, names_of
from judgekit.view.page import json_of
from judgekit.view.rows import Rows, Viewed

_BLOCK: Final = 1 << 20  # bytes that are searched at once
_TABLES: Final = """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
CREATE TABLE units (n INTEGER PRIMARY KEY, item, marks, value, disagreement, entropy, change);
CREATE TABLE held (run, n, row, whole, PRIMARY KEY (run, n));
CREATE TABLE outcomes (unit, criterion, judge, label, reason, value, flags);
CREATE TABLE cells (unit, criterion, marks);
CREATE TABLE named (kind, name, unit)"""
_CONDITIONS: Final = {
    **{name: f"{name} = :{name}" for name in ("criterion", "judge", "label", "reason")},
    "flag": "instr(flags, char(10) || :flag || char(10))",
    "bin": "max(0, min(9, CAST(value * 10 AS INTEGER))) = CAST(:bin AS INTEGER)",
    "kind": "CASE WHEN label IS NULL THEN 'abstention' ELSE 'verdict' END = :kind",
}
"""Conditions that one outcome of a unit meets at once."""
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
        self._texts, self._starts = Path(folder, "texts"), array("Q", [0])
        self._sought: tuple[str, str] = ("", "[]")  # the last text, and the units that hold it
        numbers, parts = [], []
        with self._texts.open("wb") as texts:
            for run, kept in enumerate(study.runs):
                own, all_of_them = Numbers(), Rows()
                all_of_them.know(kept)
                for piece, views in study.views(kept, own):
                    for view in views:
                        n = len(all_of_them.units)
                        all_of_them.units[view.unit] = []
                        self._add(run, n, piece, view, Rows(names=all_of_them.names))
                        if not run:
                            said = (text.lower().encode(errors="replace") for text in _said(piece, view))
                            texts.write(b"\xff".join((*said, b"")))  # which is in no text
                            self._starts.append(texts.tell())
                numbers.append(own)
                parts.append(all_of_them)
        self._db.executescript("CREATE INDEX a ON named (kind, name, unit)")
        self._db.commit()
        self._names = [json_of(rows.lists()) for rows in parts]
        self.first = json_of(study.whole(numbers, parts, None))

    def _add(self, run: int, n: int, piece: Piece, view: Viewed, rows: Rows) -> None:
        rows.item(piece)
        rows.add(view, piece)
        whole = zlib.compress(json_of({"texts": list(rows.texts.places), "run": rows.plain()}), 1)
        score, marked = view.marked.settled, view.marked
        cells = [
            {
                "criterion": rows.names["criteria"](each.name), **_ends(each),
                "marks": names_of(marked.cells.get(each.name, 0)),
            }
            for each in view.scores if each.level == "criterion"
        ]  # fmt: skip
        row = {
            "unit": n, "item": piece.item_id, "responses": view.unit.responses, "part": view.unit.part,
            "systems": view.systems, **_ends(score), "marks": names_of(marked.marks), "cells": cells,
        }  # fmt: skip
        self._db.execute("INSERT INTO held VALUES (?, ?, ?, ?)", (run, n, json_of(row), whole))
        if run:
            return
        values = (n, piece.item_id, marked.marks, row["value"], *(marked.sorts[name] for name in SORTS))
        self._db.execute("INSERT INTO units VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        outcomes, of_cells = [_row(n, each) for each in view.outcomes], marked.cells.items()
        self._db.executemany("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?)", outcomes)
        self._db.executemany("INSERT INTO cells VALUES (?, ?, ?)", [(n, *each) for each in of_cells])
        tags = piece.tags if piece.item is None else piece.item.tags
        named = [("system", name, n) for name in set(view.systems)]
        named += [("tag", f"{name}:{value}", n) for name, value in tags.items()]
        self._db.executemany("INSERT INTO named VALUES (?, ?, ?)", named)

    def unit(self, run: int, n: int) -> bytes | None:
        """Return a unit with its texts, as JSON; None if there is none."""
        found = self._db.execute("SELECT whole FROM held WHERE run = ? AND n = ?", (run, n)).fetchone()
        return (
            None if found is None else b'%b,"names":%b}}' % (zlib.decompress(found[0])[:-2], self._names[run])
        )

    def rows(self, query: Mapping[str, str], start: int, n: int) -> bytes:
        """Return rows of the grid that meet a query, in its order, and how many there are, as JSON."""
        asked: dict[str, Any] = {name: value for name, value in query.items() if value}
        where, key = self._where(asked), _ORDERS.get(asked.get("sort", ""), "NULL")
        asked |= {"start": start, "most": n, "at": float(asked.get("at", 0.5))}
        order, found = f"ORDER BY ({key}) IS NULL, {key}, n", f"FROM units WHERE {where}"
        [(count,)] = self._db.execute(f"SELECT count(*) {found}", asked)
        units = [n for (n,) in self._db.execute(f"SELECT n {found} {order} LIMIT :most OFFSET :start", asked)]
        one = "SELECT row FROM held WHERE run = 0 AND n = ?"
        rows = b",".join(row for unit in units for (row,) in self._db.execute(one, (unit,)))
        return b'{"count":%d,"rows":[%b]}' % (count, rows)

    def _where(self, asked: dict[str, Any]) -> str:
        if "text" in asked:
            asked["text"] = self._holding(asked["text"].lower())
        met = " AND ".join(sql for name, sql in _CONDITIONS.items() if name in asked)
        found = ["true", *(sql for name, sql in _OF_UNITS.items() if name in asked)]
        if met:
            found.append(f"n IN (SELECT unit FROM outcomes WHERE {met})")  # noqa: S608 - constants
        if (mark := asked.get("mark")) is not None:
            asked["mark"] = bit(mark) if mark in MARKS else 0
            of_cell = "criterion" in asked and mark != "gate"
            cells = "n IN (SELECT unit FROM cells WHERE criterion = :criterion AND marks & :mark)"
            found.append(cells if of_cell else "marks & :mark")
        return " AND ".join(found)

    def _holding(self, text: str) -> str:
        """Return the units that hold a text, as a list in JSON."""
        if self._sought[0] != text:
            self._sought = (text, orjson.dumps(list(self._search(text.encode(errors="replace")))).decode())
        return self._sought[1]

    def _search(self, text: bytes) -> Iterator[int]:
        """Yield the units that hold a text: their texts are read by blocks that begin with a unit."""
        first = 0
        with self._texts.open("rb") as file:
            while first < len(self._starts) - 1:
                last = max(bisect_right(self._starts, self._starts[first] + _BLOCK) - 1, first + 1)
                held = file.read(self._starts[last] - self._starts[first])
                at = held.find(text)
                while at >= 0:
                    found = bisect_right(self._starts, self._starts[first] + at) - 1
                    yield found
                    at = held.find(text, self._starts[found + 1] - self._starts[first])
                first = last


def _ends(score: Score | None) -> dict[str, float | None]:
    return {end: None if score is None else getattr(score, end) for end in ("value", "low", "high")}


def _row(n: int, outcome: Outcome) -> tuple[Any, ...]:
    about = (n, outcome.criterion, outcome.rater)
    if isinstance(outcome, Abstention):
        return (*about, None, outcome.reason, None, "")
    flags = {*outcome.flags, *(flag.partition(":")[0] for flag in outcome.flags)}
    return (*about, outcome.label, None, outcome.value, "\n".join(["", *flags, ""]))


def _said(piece: Piece, view: Viewed) -> Iterator[str]:
    """Yield the texts of a unit that are searched."""
    item, responses = piece.item, view.unit.responses
    yield piece.item_id
    yield from responses
    for text in () if item is None else (item.task, item.reference, *map(item.responses.get, responses)):
        yield from [text] if isinstance(text, str) else (turn.content for turn in text or ())
    for outcome in view.outcomes:
        yield outcome.detail if isinstance(outcome, Abstention) else outcome.rationale

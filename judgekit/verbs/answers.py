"""Tables of systems and items: runs, scores, long and wide tables -> `Scored`.

A long table has a row for each score (item_id, system, score; a score that stands there empty was asked for
and not obtained, and may have its reason). A wide one has a row for each item and a column for each system.
Several scores of one system on one item (judges, samples, runs) are averaged.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from judgekit.aggregate.systems import settled
from judgekit.errors import InputError
from judgekit.items.files import open_file
from judgekit.items.rows import Row, open_rows
from judgekit.items.texts import absent, name_of, real_of
from judgekit.standing.scores import Scored, scored
from judgekit.table import columns_in, read_scores
from judgekit.types import Score, Unit
from judgekit.verbs.joining import stored
from judgekit.verbs.results import Run

_OTHERS = {"item_id": ("item", "id"), "system": ("model",), "score": ("value", "label")}
_SCORES = {"level", "name", "rule", "share"}  # columns that only our own tables of scores have


class Cell(NamedTuple):
    """How a system did on an item: None where that was not obtained, and why."""

    system: str
    item: str
    value: float | None
    reason: str = "missing"


def answers_of(
    *sources: Any, criterion: str | None = None, columns: Mapping[str, str] | None = None
) -> Scored:
    """Return what runs, tables of scores, frames or matrices say of systems and items.

    Args:
        *sources: Runs, their folders, `scores.jsonl`, long or wide tables (files, frames, rows), or one
            matrix (n_systems, n_items). What they hold is put together.
        criterion: The criterion of a run that is taken; the rubric's scores where left out.
        columns: Our name of a column (`item_id`, `system`, `score`) -> its name there.
    """
    if len(sources) == 1 and isinstance(sources[0], Scored | np.ndarray):
        return sources[0] if isinstance(sources[0], Scored) else scored(sources[0])
    values: dict[tuple[str, str], list[float]] = {}
    systems, items = dict[str, None](), dict[str, None]()
    missing: dict[str, Counter[str]] = {}
    for cell in (cell for source in sources for cell in _cells(source, criterion, columns or {})):
        systems[cell.system] = items[cell.item] = None
        if cell.value is None:
            missing.setdefault(cell.system, Counter())[cell.reason] += 1
        else:
            values.setdefault((cell.system, cell.item), []).append(cell.value)
    if not values:
        raise InputError(
            "there is no score of a system in what was handed in; give a run, or a table of scores"
        )
    x = np.full((len(systems), len(items)), np.nan)
    row, column = ({name: n for n, name in enumerate(names)} for names in (systems, items))
    for (system, item), several in values.items():
        x[row[system], column[item]] = fmean(several)
    return Scored(systems=tuple(systems), items=tuple(items), values=x, missing=missing)


def _cells(source: Any, criterion: str | None, columns: Mapping[str, str]) -> Iterator[Cell]:
    if isinstance(source, Run) or (isinstance(source, str | Path) and Path(source).is_dir()):
        return _of_scores(stored(source).scores, criterion)
    if isinstance(source, list | tuple) and source and isinstance(source[0], Score):
        return _of_scores(source, criterion)
    if isinstance(source, str | Path) and not Path(source).exists():
        raise InputError(f"{source}: there is no such file or folder; give a run, or a table of scores")
    if columns_in(source) >= _SCORES:
        return _of_scores(read_scores(source), criterion)
    return _of_rows(all_rows(source), columns)


def _of_scores(scores: Iterable[Score], criterion: str | None) -> Iterator[Cell]:
    """Yield how each response was scored; of the rubric, or of its one criterion, or of the one named."""
    by_unit: dict[Unit, list[Score]] = {}
    names: set[str] = set()
    for score in scores:
        if len(score.unit.responses) == 1:
            names.add(score.name)
            by_unit.setdefault(score.unit, []).append(score)
    if criterion is not None and by_unit and criterion not in names:
        raise InputError(f"no criterion {criterion!r} in the scores; there are {sorted(names)}")
    for unit, own in by_unit.items():
        one = settled(own) if criterion is None else next((s for s in own if s.name == criterion), None)
        if one is not None:
            reason = max(one.n_abstained, key=one.n_abstained.__getitem__, default="missing")
            yield Cell(one.system or unit.responses[0], unit.item_id, one.value, reason)


def all_rows(source: Any) -> Iterator[Row]:
    """Yield the rows of a file, a frame or a list, with all columns; a bad row is an error."""
    if isinstance(source, str | os.PathLike):
        opened = open_file(source, frozenset(open_file(source, frozenset()).columns or ()))
    else:
        opened = open_rows(source, frozenset(map(str, getattr(source, "columns", ()))), "scores")
    for row in opened.rows():
        if row.fault or not isinstance(row.values, Mapping):
            raise InputError(f"{row.where}: {row.fault or 'no row of named columns'}")
        yield row


def _of_rows(rows: Iterable[Row], columns: Mapping[str, str]) -> Iterator[Cell]:
    for row in rows:
        said = {ours: column_of(ours, row.values, columns) for ours in ("item_id", "system", "score")}
        item = said["item_id"] or next(iter(row.values), "")
        name = name_of(row.values.get(item), f"{row.where}: {item}")
        if said["score"] is not None and said["system"] is not None:
            value = row.values[said["score"]]
            system = name_of(row.values[said["system"]], f"{row.where}: system")
            reason = row.values.get(columns.get("reason", "reason"))
            yield Cell(system, name, _number(value, row.where, said["score"]), str(reason or "missing"))
            continue
        for column, value in row.values.items():
            if column != item:
                yield Cell(column, name, _number(value, row.where, column))


def column_of(ours: str, there: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    """Return the name that a column of ours has in a row; InputError where it was named and is not there."""
    if ours in columns:
        if columns[ours] not in there:
            raise InputError(f"no column {columns[ours]!r}, named as {ours}; there are {sorted(there)}")
        return columns[ours]
    return next((name for name in (ours, *_OTHERS.get(ours, ())) if name in there), None)


def _number(value: Any, where: str, column: str) -> float | None:
    if absent(value):
        return None
    try:
        return real_of(value, f"{where}: column {column!r}")
    except InputError as error:
        raise InputError(
            f"{error}; a table of scores has item_id, system and score, or item_id and a column a system"
        ) from None

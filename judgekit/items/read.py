"""Reading items: a first pass that finds what is wrong before anything is paid for, then a lazy one.

    source -> rows (sorted, if need be) -> parts (one row each, checked) -> items (adjacent rows joined)

Both passes walk this path, so what the survey counts is what the reading gives. A million rows are never in
memory: the survey keeps 8 bytes an item, and rows of one item that stand apart (a file ordered by system) are
sorted on disk, in a temporary file of SQLite's that has no name. Of a source that can be read once only no
row is sorted, and an id that comes again is refused.
"""

import os
import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from judgekit.errors import InputError
from judgekit.items.check import (
    FURTHER,
    PAIR,
    RESPONSE,
    THEIR_COLUMNS,
    Layout,
    check_needs,
    is_theirs,
    item_of,
    lacking,
    layout_of,
    no_column,
)
from judgekit.items.files import light_columns, open_file
from judgekit.items.rows import Row, Source, open_rows
from judgekit.types import Item, Need

OnBad = Callable[[str, str], None]
"""What becomes of a bad row: called with its place and what is wrong with it; it may raise."""


_AS_IT_IS = (
    orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def together(rows: Iterable[Row], id_of: Callable[[Row], str]) -> Iterator[Row]:
    """Return the rows, those of one item behind its first one; all are read before the first is given."""
    firsts: dict[int, int] = {}
    kept: list[Any] = []  # what JSON does not hold; it is in memory anyway

    def spooled() -> Iterator[tuple[int, str, str, bytes | int]]:
        for n, row in enumerate(rows):
            first = firsts.setdefault(digest(id_of(row)), n)
            try:
                values: bytes | int = orjson.dumps(row.values, option=_AS_IT_IS)
            except TypeError:
                kept.append(row.values)
                values = len(kept) - 1
            yield first << 32 | n, row.where, row.fault, values

    with closing(sqlite3.connect("", check_same_thread=False)) as spool:
        spool.execute("CREATE TABLE rows (place INTEGER PRIMARY KEY, at TEXT, fault TEXT, held BLOB)")
        spool.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", spooled())
        for at, fault, held in spool.execute("SELECT at, fault, held FROM rows ORDER BY place"):
            yield Row(at, kept[held] if isinstance(held, int) else orjson.loads(held), fault)


def joined(parts: Iterable[Item], on_bad: OnBad) -> Iterator[Item]:
    """Return adjacent parts with one id as one item; a part that does not fit the first goes to `on_bad`."""
    for _, run in groupby(parts, attrgetter("item_id")):
        first, *more = run
        yield _join(first, more, on_bad) if more else first


def unique(items: Iterable[Item], on_bad: OnBad) -> Iterator[Item]:
    """Return the items without those whose id came before, which are handed to `on_bad`."""
    seen: set[int] = set()
    for item in items:
        mark = digest(item.item_id)
        if mark in seen:
            on_bad(
                item.where,
                f"item_id {item.item_id!r} came before already, and an iterator can be read once only; put "
                "its rows together, give a list or a file, or rename it",
            )
            continue
        seen.add(mark)
        yield item


def digest(item_id: str) -> int:
    """Return 64 bits of an id, which two of a million ids share with a probability of 3 in 100 million."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=8).digest())


def _join(first: Item, more: Iterable[Item], on_bad: OnBad) -> Item:
    responses, systems, tags = dict(first.responses), dict(first.systems), dict(first.tags)
    places, extra = dict.fromkeys(responses, first.where), first.extra
    for part in more:
        if fault := _clash(first, part, places, tags):
            on_bad(part.where, fault)
            continue
        responses |= part.responses
        systems |= part.systems
        tags |= part.tags
        places |= dict.fromkeys(part.responses, part.where)
        extra = {name: value for name, value in extra.items() if part.extra.get(name) == value}
    return replace(first, responses=responses, systems=systems, tags=tags, extra=extra)


def _clash(first: Item, part: Item, places: dict[str, str], tags: dict[str, str]) -> str:
    """Tell why a part cannot belong to the item that `first` began; empty if it can."""
    same = f"{first.where}, which has the same item_id {first.item_id!r}"
    for name in ("task", "reference", "sources", "rubric"):
        if getattr(first, name) != getattr(part, name):
            return f"{name} differs from that at {same}; make them equal, or give the rows different ids"
    if not part.responses:
        return f"adds no response to {same}; take the row out, or give it another id"
    for key in part.responses:
        if key in places:
            return (
                f"response {key!r} of item {first.item_id!r} stands at {places[key]} already; "
                "give each row its own response_id or system (mapped, where it is called something else: "
                "columns={'system': 'theirs'} (--column system=THEIRS)), or its own item_id"
            )
    for key, value in part.tags.items():
        if tags.get(key, value) != value:
            return f"tag {key!r} is {value!r}, but {tags[key]!r} at {same}; a tag is of the item"
    return ""


OnBadItem = Literal["raise", "skip"]


class Skipped(NamedTuple):
    """A row that was left out: its place, and what is wrong with it."""

    where: str
    message: str


class Skips(Protocol):
    """Where skipped rows are written down: a list, or what keeps less of them."""

    def append(self, row: Skipped, /) -> None:
        """Take the next."""


@dataclass(slots=True)
class FirstSkips:
    """How many rows were skipped, and the first of them; however many there are, it stays small."""

    most: int = 20
    n: int = 0
    first: list[Skipped] = field(default_factory=list)

    def restart(self) -> None:
        """Forget all: the rows are read again."""
        self.n = 0
        self.first.clear()

    def append(self, row: Skipped, /) -> None:
        """Count the row, and keep it if it is among the first."""
        self.n += 1
        if self.n <= self.most:
            self.first.append(row)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first pass found; `apart`: rows of one item stand apart, so that reading sorts them."""

    n_rows: int
    n_items: int
    n_responses: int
    n_skipped: int
    columns: tuple[str, ...]
    apart: bool = False
    n_rubrics: int = 0


def read_items(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    on_bad_item: OnBadItem = "raise",
    skipped: Skips | None = None,
    needs: Collection[Need] | None = RESPONSE,
    surveyed: Survey | None = None,
) -> Iterator[Item]:
    """Return the items of a source, one at a time.

    A row has `item_id` (or `id`), `task`, and `response` or `responses` (a mapping of response id to text);
    it may have `response_id`, `system`, `systems` (response id to system), `reference`, `sources` (a mapping
    or a list of texts), `tags` and `rubric` (mappings). Where a cell holds text only, as in CSV, mappings are
    JSON; a plain text there is the one source, or the one tag, called as its column. Texts are plain or lists
    of chat messages. Rows with one id are one item: task, reference, sources and rubric must agree, tags are
    put together, responses keep their order. Gaps (None, nan, an empty cell or text) in optional columns are
    as good as no column; so is a reference of blanks. An empty response is a response (`on_empty`). Further
    columns with short texts or numbers, equal in all rows of an item, go with it into tables of results (20
    at most). Rows of HealthBench and of Prometheus, as they are published, are read too.

    Args:
        source: Path of a .jsonl, .ndjson, .json (a list, held in memory), .csv, .tsv or .parquet file, all
            but the last one also packed (.gz); `-`, the standard input, which tells by its first sign what
            it holds; a pandas frame; a Hugging Face data set; an iterable of such rows or of items.
        columns: Our name of a column -> its name there.
        on_bad_item: `raise` at the first bad row, or `skip` it; other rows of its item stay.
        skipped: Where what was skipped is written down, in order (a list will do).
        needs: What an item must hold to be judged; `turns` is a conversation as task or response. None:
            nothing, where items are looked up that were judged; an empty response is one there, too.
        surveyed: What `survey` found with the same options. Without it, a source that can be read
            twice is surveyed now; one that cannot (an iterator) is checked as it comes.

    Raises `InputError` for the first bad row, with its file and line, what was found and what would do: at
    once if the source can be read twice; and if fewer items came than there were when it was surveyed.

    >>> rows = [{"id": 7, "task": "Hi?", "system": each, "response": each.upper()} for each in "ab"]
    >>> [item] = read_items(rows)
    >>> item.item_id, dict(item.responses)
    ('7', {'a': 'A', 'b': 'B'})
    """
    layout = layout_of(columns, needs=needs)
    layout = replace(layout, known=layout.wanted | THEIR_COLUMNS)
    opened = _open(source, layout)
    if surveyed is None and opened.again:
        surveyed = _survey(opened, layout, on_bad_item)
    on_bad = _raise if on_bad_item == "raise" else _noting(skipped)
    if surveyed is None:
        return unique(_items(opened.rows(), layout, on_bad), on_bad)
    rows = (_sorted(opened, layout) if surveyed.apart else opened).rows()
    return _all(_items(rows, layout, on_bad), surveyed.n_items, opened.name)


def survey(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    on_bad_item: OnBadItem = "raise",
    needs: Collection[Need] | None = RESPONSE,
) -> Survey:
    """Check every row of a source that can be read twice, and count its items; the options are `read_items`'.

    It keeps nothing but 8 bytes an item. It raises for the first bad row, unless bad ones are skipped; for a
    column that no row has; and if every row is bad.
    """
    layout = layout_of(columns, needs=needs)
    opened = _open(source, layout)
    if not opened.again:
        raise InputError(
            f"{opened.name}: an iterator can be read once only; put its rows into a list or a file"
        )
    return _survey(opened, layout, on_bad_item)


def _open(source: Any, layout: Layout) -> Source:
    opened = _opened(source, layout.wanted)
    if opened.columns is not None and (gaps := lacking(opened.columns, layout)):
        if "task" not in gaps or not is_theirs(opened.columns):
            raise InputError(f"{opened.name}: {no_column(gaps, opened.columns, layout)}")
        return _opened(source, layout.wanted | THEIR_COLUMNS)
    if layout.known is None or opened.columns is None or layout.known.issuperset(opened.columns):
        return opened
    further = [name for name in opened.columns if name not in layout.known]
    return _opened(source, layout.wanted.union(light_columns(source, further)[:FURTHER]))


def _opened(source: Any, wanted: frozenset[str]) -> Source:
    return open_file(source, wanted) if isinstance(source, str | os.PathLike) else open_rows(source, wanted)


@dataclass(slots=True)
class _Tally:
    """What a survey counts on its way."""

    columns: dict[str, None]
    rows: int = 0
    items: int = 0
    responses: int = 0
    rubrics: int = 0
    skipped: int = 0
    first: str = ""
    alone: str = ""

    def rows_of(self, source: Source) -> Iterator[Row]:
        """Return a pass that counts rows, and notes the columns where each row has its own."""
        loose, columns = source.columns is None, self.columns
        for row in source.rows():
            self.rows += 1
            values = row.values
            if (
                loose
                and (type(values) is dict or isinstance(values, Mapping))
                and not values.keys() <= columns.keys()
            ):
                columns.update(dict.fromkeys(values))
            yield row

    def skip(self, where: str, message: str) -> None:
        """Count a bad row."""
        self.skipped += 1
        self.first = self.first or f"{where}: {message}"


def _survey(source: Source, layout: Layout, on_bad_item: OnBadItem) -> Survey:
    found, apart = _counted(source, layout, on_bad_item)
    if apart:
        found, _ = _counted(_sorted(source, layout), layout, on_bad_item)
    if found.alone and on_bad_item == "raise":
        raise InputError(found.alone)
    if found.skipped and not found.items:
        raise InputError(f"{source.name}: none of {found.rows} rows can be used; the first: {found.first}")
    if found.columns and (unmet := layout.mapped.intersection(lacking(found.columns, layout))):
        raise InputError(f"{source.name}: {no_column(sorted(unmet), found.columns, layout)}")
    return Survey(
        n_rows=found.rows,
        n_items=found.items,
        n_responses=found.responses,
        n_skipped=found.skipped,
        columns=tuple(map(str, found.columns)),
        apart=apart,
        n_rubrics=found.rubrics,
    )


def _counted(source: Source, layout: Layout, on_bad_item: OnBadItem) -> tuple[_Tally, bool]:
    """Return what a pass finds, and whether an id comes again behind another item."""
    tally = _Tally(dict.fromkeys(source.columns or ()))
    on_bad = _raise if on_bad_item == "raise" else tally.skip
    marks, in_pairs = array("Q"), layout.needs >= PAIR
    for item in joined(_parts(tally.rows_of(source), layout, on_bad), on_bad):
        marks.append(digest(item.item_id))
        if in_pairs and (fault := _alone(item)):  # told behind the last row: the other response may be in it
            tally.alone = tally.alone or f"{item.where}: {fault}"
            tally.skip(item.where, fault)
        else:
            tally.items += 1
            tally.responses += len(item.responses)
            tally.rubrics += item.rubric is not None
    return tally, _twice(marks)


def _sorted(source: Source, layout: Layout) -> Source:
    """Return a source whose rows of one item stand together; a row of none stands where it stood."""

    def id_of(row: Row) -> str:
        try:
            return item_of(row, layout).item_id
        except InputError:
            return f"\n{row.where}"  # no id holds a line end

    return replace(source, rows=lambda: together(source.rows(), id_of))


def _twice(marks: "array[int]") -> bool:
    """Tell whether a digest stands there more than once; the array is sorted on the way."""
    import numpy as np

    sorted_marks = np.frombuffer(marks, dtype=np.uint64) if marks else np.zeros(0, np.uint64)
    sorted_marks.sort()
    return bool((sorted_marks[1:] == sorted_marks[:-1]).any())


def _items(rows: Iterable[Row], layout: Layout, on_bad: OnBad) -> Iterator[Item]:
    in_pairs = layout.needs >= PAIR
    for item in joined(_parts(rows, layout, on_bad), on_bad):
        if in_pairs and (fault := _alone(item)):
            on_bad(item.where, fault)
        else:
            yield item


def _all(items: Iterable[Item], n: int, name: str) -> Iterator[Item]:
    """Return the items, unless there are fewer than there were."""
    now = 0
    for item in items:
        now += 1
        yield item
    if now < n:
        raise InputError(
            f"{name}: gave {n} items at first and {now} when it was read again; put its rows into a list or "
            "a file that stays as it is"
        )


def _alone(item: Item) -> str:
    """Tell of an item that lacks the other response it should be compared with; mostly nothing."""
    try:
        check_needs(item, PAIR)
    except InputError as error:
        return str(error)
    return ""


def _parts(rows: Iterable[Row], layout: Layout, on_bad: OnBad) -> Iterator[Item]:
    for row in rows:
        try:
            part = item_of(row, layout)
        except InputError as error:
            on_bad(row.where, str(error))
        else:
            yield part


def _raise(where: str, message: str) -> None:
    raise InputError(f"{where}: {message}")


def _noting(skipped: Skips | None) -> OnBad:
    def note(where: str, message: str) -> None:
        if skipped is not None:
            skipped.append(Skipped(where, message))

    return note

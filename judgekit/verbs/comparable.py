"""What a standing can be made of: runs, tables of scores, recorded votes -> comparisons or scores of systems.

A table is known by its columns: `first`, `second` and `label` (an arena's `model_a`, `model_b` and `winner`)
are votes; `system` and `score` are scores in long form; else its first column names items, and each further
one is a system. What is missing is counted by system and reason, never made a number.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import settled
from judgekit.agreement.core.ratings import as_ratings
from judgekit.errors import InputError, n_of, there_are
from judgekit.items.files import delimiter_of, open_file
from judgekit.items.rows import open_rows
from judgekit.items.texts import name_of
from judgekit.scales import Labels
from judgekit.standing.bradley_terry import Comparisons
from judgekit.standing.scores import Categories, Scored, scored
from judgekit.table import columns_in

FIRST, TIE, SECOND = "first", "tie", "second"
SIDES = {
    "first": FIRST, "model_a": FIRST, "left": FIRST, "a": FIRST, "second": SECOND, "model_b": SECOND,
    "right": SECOND, "b": SECOND, "tie": TIE, "tie (bothbad)": TIE, "both_bad": TIE, "bothbad": TIE,
}  # fmt: skip
"""What a vote may say, in small letters -> whom it is for; a name of one of both systems is that system."""
_ARENA = {"first": "model_a", "second": "model_b", "label": "winner"}
_ITEM = ("item_id", "question_id", "id", "item")
_BLANK = {"", "nan", "null", "none", "na"}
_NUMBERS = {"true": 1.0, "false": 0.0}
MOST_LEVELS = 10  # of a scale whose labels have a model of their own


@dataclass(frozen=True, eq=False, slots=True)
class Material:
    """Comparisons or scores, one of them; item -> tag where standings by tag are wanted; what was noticed."""

    pairs: Comparisons | None = None
    scored: Scored | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items."""
        found = self.pairs or self.scored
        return found.items if found is not None else ()

    def only(self, kept: npt.NDArray[np.bool_]) -> "Material":
        """Return the part that is of some items, given as whether each is kept."""
        p = self.pairs
        if p is None:
            return self if self.scored is None else replace(self, scored=_of_items(self.scored, kept))
        rows, place = kept[p.item], np.cumsum(kept) - 1
        return replace(
            self,
            pairs=Comparisons(
                systems=p.systems, items=tuple(i for i, k in zip(p.items, kept, strict=True) if k),
                one=p.one[rows], other=p.other[rows], said=p.said[rows], shown=p.shown[rows],
                item=place[p.item[rows]], n_dropped=0,
            ),
        )  # fmt: skip


def _of_items(table: Scored, kept: npt.NDArray[np.bool_]) -> Scored:
    place, said = np.cumsum(kept) - 1, table.labels
    if said is not None:
        rows = kept[said.item]
        rater = [r for r, k in zip(said.rater, rows, strict=True) if k]
        said = Categories(
            said.category[rows], place[said.item[rows]], said.system[rows], rater, said.n_categories
        )
    items = tuple(i for i, k in zip(table.items, kept, strict=True) if k)
    return replace(table, items=items, values=table.values[:, kept], missing={}, labels=said)


def compared(table: Scored) -> Comparisons:
    """Return scores as comparisons: of two of an item the higher one wins, and equal ones are a tie."""
    x = settled(table.values)
    one, other = np.triu_indices(len(x), 1)
    gap = x[one] - x[other]
    pair, item = np.nonzero(~np.isnan(gap))
    sign = np.sign(gap[pair, item])
    return Comparisons(
        systems=table.systems, items=table.items, one=one[pair], other=other[pair], item=item,
        said=np.stack([sign > 0, sign == 0, sign < 0], axis=1).astype(float),
        shown=np.zeros(len(pair), dtype=np.intp), n_dropped=int(np.isnan(gap).sum()), missing=table.missing,
    )  # fmt: skip


@dataclass(slots=True)
class Rows:
    """Scores in long form, as they are collected; a value that is None is missing for a reason."""

    items: list[str] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    raters: list[str] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    n_categories: int = 0
    repeated: int = 0  # scores beyond the first of an item, a system and a rater, known once they are a table

    def add(
        self, item: str, system: str, rater: str, *, value: float | None, code: int = -1, reason: str = ""
    ) -> None:
        """Add a row."""
        self.items.append(item)
        self.systems.append(system)
        self.raters.append(rater)
        self.values.append(value)
        self.codes.append(code)
        self.reasons.append(reason)

    def scored(self) -> Scored:
        """Return the scores as a table: samples of a rater made one, then raters; by systems' names."""
        systems, system = _coded(self.systems)
        items, item = _coded(self.items)
        raters, rater = _coded(self.raters)
        value = np.array([np.nan if v is None else v for v in self.values], dtype=float)
        there = ~np.isnan(value)
        n, j = len(systems), len(items)
        cell = system * j + item
        own, at = np.unique((cell * len(raters) + rater)[there], return_inverse=True)
        self.repeated = int(there.sum()) - len(own)
        each = np.bincount(at, value[there], len(own)) / np.maximum(np.bincount(at, minlength=len(own)), 1)
        of = own // max(len(raters), 1)
        count = np.bincount(of, minlength=n * j)
        sums = np.bincount(of, each, n * j)
        values = np.where(count > 0, sums / np.maximum(count, 1), np.nan).reshape(n, j)
        missing = {name: Counter[str]() for name in systems}
        said = np.isin(np.arange(n * j), cell)
        for row in np.flatnonzero(~there):
            if not count[cell[row]]:
                missing[self.systems[row]][self.reasons[row] or "missing"] += 1
        for place, name in enumerate(systems):
            if absent := int(np.sum(~said[place * j : (place + 1) * j])):
                missing[name]["absent"] += absent
        code, labels = np.array(self.codes, dtype=np.intp), None
        kept = there & (code >= 0)
        if self.n_categories > 1 and len(own) == kept.sum() == there.sum() > 0:
            who = [r for r, k in zip(self.raters, kept, strict=True) if k]
            labels = Categories(code[kept], item[kept], system[kept], who, self.n_categories)
        return Scored(systems=systems, items=items, values=values, missing=missing, labels=labels)


def _named(text: str, what: str, where: str) -> str:
    """Return an id in one form; InputError where there is none."""
    try:
        return name_of(text, what)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _coded(names: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Return names in order, and the place of each."""
    known = tuple(sorted(set(names)))
    place = {name: i for i, name in enumerate(known)}
    return known, np.array([place[name] for name in names], dtype=np.intp)


def of_matrix(scores: Any) -> Material:
    """Return scores (n_systems, n_items) as they are; those of right and wrong are labels, too."""
    table = scores if isinstance(scores, Scored) else scored(scores)
    x = table.values
    system, item = np.nonzero(~np.isnan(x))
    said = x[system, item]
    if table.labels is None and len(said) and np.isin(said, (0.0, 1.0)).all():
        labels = Categories(said.astype(np.intp), item, system, ["scores"] * len(said), 2)
        table = replace(table, labels=labels)
    return Material(scored=table)


def table_of(
    source: Any, columns: Mapping[str, str], *, scale: Any = None, by: str | None = None
) -> Material:
    """Return what a table holds; `columns` map our names to its own."""
    there = columns_in(source)
    named = {ours: ours for ours in (*_ARENA, "item_id", "system", "score", "rater", "reason")} | dict(
        columns
    )
    if set(_ARENA.values()) <= there:
        named |= {ours: theirs for ours, theirs in _ARENA.items() if ours not in columns}
    if named["item_id"] not in there:
        named["item_id"] = next((name for name in _ITEM if name in there), named["item_id"])
    if lost := sorted({theirs for theirs in columns.values() if theirs not in there}):
        raise InputError(f"{_shown(source)}: no column {lost[0]!r}; {there_are(lost[0], sorted(there))}")
    tag = by if by is None or by in there else None
    kind = (
        _votes
        if {named[c] for c in _ARENA} <= there
        else _long
        if {named["system"], named["score"]} <= there
        else _wide
    )
    frame = frame_of(source, None if kind is _wide else {*named.values(), *([tag] if tag else [])})
    made = kind(frame, named, scale, _shown(source))
    if tag and named["item_id"] in frame:
        items = [_named(each, "item_id", _shown(source)) for each in frame[named["item_id"]]]
        made = replace(made, tags=dict(zip(items, map(str, frame[tag]), strict=True)))
    return made


def _shown(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else "the table"


def _votes(frame: Any, named: Mapping[str, str], _: Any, name: str) -> Material:
    """Return recorded votes as comparisons, all at once: a million are a matter of seconds."""
    (one, firsts), (other, seconds) = (frame[named[side]].factorize() for side in ("first", "second"))
    systems, place_of = _coded([_named(each, "system", name) for each in (*firsts, *seconds)])
    first, second = place_of[one], place_of[len(firsts) + other]
    said, labels = frame[named["label"]].str.strip().factorize()
    place = {label: i for i, label in enumerate(systems)}
    side, winner = np.full(len(labels), -1), np.full(len(labels), -1)
    for i, label in enumerate(labels):
        if label.lower() in SIDES:
            side[i] = (FIRST, TIE, SECOND).index(SIDES[label.lower()])
        elif label in place:
            winner[i] = place[label]
        elif label.lower() not in _BLANK:
            raise InputError(
                f"{name}: a vote is {label!r}; it is {', '.join(sorted(SIDES))}, or the name of one of both"
            )
    vote, by_name = side[said], winner[said]
    vote = np.where((vote < 0) & (by_name == first), 0, np.where((vote < 0) & (by_name == second), 2, vote))
    if len(strays := np.flatnonzero((vote < 0) & (by_name >= 0))):
        raise InputError(f"{name}: row {strays[0] + 1}: the winner is neither of both systems")
    lost = vote < 0
    missing = {
        systems[i]: {"missing": int(n)}
        for i, n in enumerate(
            np.bincount(np.concatenate([first[lost], second[lost]]), minlength=len(systems))
        )
        if n
    }
    kept = ~lost & (first != second)
    turned = (first > second)[kept]
    wins = np.eye(3)[np.where(turned, 2 - vote[kept], vote[kept])]
    if named["item_id"] in frame:
        item, items = frame[named["item_id"]].factorize()
    else:
        item, items = np.arange(len(frame)), [str(i + 1) for i in range(len(frame))]
    return Material(
        pairs=Comparisons(
            systems=systems, items=tuple(items), one=np.minimum(first, second)[kept],
            other=np.maximum(first, second)[kept], said=wins, shown=np.where(turned, -1, 1),
            item=np.asarray(item, dtype=np.intp)[kept], n_dropped=int((~kept).sum()), missing=missing,
        )
    )  # fmt: skip


def _long(frame: Any, named: Mapping[str, str], scale: Any, name: str) -> Material:
    """Return scores in long form, a row each: item, system, score, and who gave it."""
    if named["item_id"] not in frame:
        raise InputError(
            f"{name}: no column item_id; map it with columns={{'item_id': ...}} (--column item_id=)"
        )
    raters = frame[named["rater"]] if named["rater"] in frame else ["scores"] * len(frame)
    reasons = frame[named["reason"]] if named["reason"] in frame else [""] * len(frame)
    cells = zip(
        frame[named["item_id"]], frame[named["system"]], raters, frame[named["score"]], reasons, strict=True
    )
    return _scored(list(cells), scale, name, column=named["score"])


def _wide(frame: Any, named: Mapping[str, str], scale: Any, name: str) -> Material:
    """Return a matrix of items x systems, whose first column (or the one that is named so) has the items."""
    first = named["item_id"] if named["item_id"] in frame else frame.columns[0] if len(frame.columns) else ""
    systems = [column for column in frame.columns if column != first]
    if not systems:
        raise InputError(f"{name}: there are no scores in it; {_FORMS}")
    rows = [
        (item, system, "scores", value, "")
        for system in systems
        for item, value in zip(frame[first], frame[system], strict=True)
    ]
    return _scored(rows, scale, name)


_FORMS = (
    "a table has the columns item_id, system, score, or a column of items and one for each system, or first, "
    "second, label (--column OURS=THEIRS says which is which); or hand in the folder that --out wrote"
)


_Cell = tuple[str, str, str, str, str]  # item, system, rater, score, reason


def _scored(rows: Sequence[_Cell], scale: Any, name: str, *, column: str = "") -> Material:
    """Return scores that stand as text, with their labels where a scale is declared or all are 0 or 1.

    `column` is the one that all stand in; where there is none, each system has its own.
    """

    def said(text: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(text)
        except InputError as error:
            told = str(error).removeprefix("unit 0, rater 0: ")
            raise InputError(f"{name}: {_where(rows, text, column)}: {told}") from None

    made, ids = Rows(), dict[str, str]()
    values: dict[str, tuple[float | None, str]] = {}
    codes: dict[str, int] = {}
    texts = dict.fromkeys(text.strip() for *_, text, _ in rows)
    filled = [text for text in texts if text.lower() not in _BLANK]
    if scale is not None:
        codes, values, made.n_categories = _declared(filled, scale, said)
    for text in [text for text in texts if text not in values]:
        values[text] = said(text, _number)
    if scale is None and {v for v, _ in values.values() if v is not None} <= {0.0, 1.0}:
        codes, made.n_categories = {t: int(v) for t, (v, _) in values.items() if v is not None}, 2
    for item, system, rater, text, why in rows:
        value, reason = values[text.strip()]
        for each, what in ((item, "item_id"), (system, "system")):
            if each not in ids:
                ids[each] = _named(each, what, name)
        made.add(
            ids[item], ids[system], rater, value=value, code=codes.get(text.strip(), -1), reason=why or reason
        )
    table = made.scored()
    again = n_of(made.repeated, "score")
    note = f"{again} of an item, a system and a rater that had one: they count by their mean"
    return Material(scored=table, notes=(note,) if made.repeated else ())


def _where(rows: Sequence[_Cell], text: str, column: str) -> str:
    """Return where a score first stands in a table."""
    at, system = next((i, row[1]) for i, row in enumerate(rows) if row[3].strip() == text)
    first = next(i for i, row in enumerate(rows) if column or row[1] == system)
    return f"row {at - first + 1}, column {column or system!r}"


def _number(text: str) -> tuple[float | None, str]:
    """Return a score, or the reason why there is none."""
    if text.lower() in _BLANK:
        return None, "missing"
    try:
        value = _NUMBERS.get(text.lower())
        value = float(text) if value is None else value
    except ValueError:
        raise InputError(
            f"{text!r:.80} is no score; declare a scale of labels, or note that {_FORMS}"
        ) from None
    return (value, "") if np.isfinite(value) else (None, "off_scale")


def _declared(
    texts: Sequence[str], scale: Any, said: Callable[[str, Callable[[str], Any]], Any]
) -> tuple[dict[str, int], dict[str, tuple[float | None, str]], int]:
    """Return texts as categories and values of a declared scale."""
    from judgekit.verbs.joining import declared

    own = declared(["score"], scale).leaves[0].scale
    cells: dict[str, Any] = {t: t if isinstance(own, Labels) else said(t, _number)[0] for t in texts}
    try:
        found = as_ratings(
            np.array([[cells[text]] for text in texts], dtype=object).reshape(-1, 1), scale=own
        )
    except InputError:
        for text in texts:  # one of them is not on the scale: say where it stands
            said(text, lambda t: as_ratings([[cells[t]]], scale=own))
        raise
    code = dict(zip(texts, found.codes[:, 0].tolist(), strict=True))
    few = len(found.values) <= MOST_LEVELS and found.level != "nominal"
    values: dict[str, tuple[float | None, str]] = {
        text: (float(found.values[c]), "") if c >= 0 else (None, "undecided") for text, c in code.items()
    }
    return code, values, len(found.values) if few else 0


def frame_of(source: Any, wanted: Iterable[str] | None = None) -> Any:
    """Return a table as a frame of text; columns that are not `wanted` are left out where that is quicker."""
    import pandas as pd

    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return source.astype(object).where(source.notna(), "").map(_as_text)
    is_path = isinstance(source, str | Path)
    names = columns_in(source)
    kept = frozenset(names if wanted is None else wanted) & names
    if is_path and {".csv", ".tsv"} & set(Path(source).suffixes):
        try:
            return pd.read_csv(
                source, sep=delimiter_of(Path(source)), usecols=lambda name: name in kept, dtype=str,
                na_filter=False, encoding="utf-8-sig",
            )  # fmt: skip
        except (ValueError, OSError) as error:  # pandas' own are ValueErrors
            raise InputError(f"{source}: {' '.join(str(error).split())}") from None
    opened = open_file(source, kept) if is_path else open_rows(source, kept, "scores")
    rows = []
    for row in opened.rows():
        if row.fault or not isinstance(row[1], Mapping):
            raise InputError(f"{row.where}: {row.fault or 'not a row'}")
        rows.append({name: _as_text(value) for name, value in row[1].items()})
    return pd.DataFrame(rows, dtype=object).fillna("")


def _as_text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)

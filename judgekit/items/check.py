"""One row -> one `Item` with the responses of that row, or its `Cells`, or one error that says what would do.

Rows as HealthBench and Prometheus publish them (`rubric.foreign`) are brought under our names first, each
with its own rubric; the second also flat, with or without `orig_` before each name, as the Feedback
Collection has it (where `instruction` and `output` are a judge's prompt and its reply). Its rows have no id,
so their number is it. The response to HealthBench is whoever's it is: a column `response`, as in any row.
"""

import difflib
import re
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from pathlib import Path
from typing import Any, Final

from judgekit.errors import InputError, kind_of
from judgekit.items.files import open_file
from judgekit.items.rows import Row, open_rows
from judgekit.items.texts import absent, json_of, mapping_of, name_of, named, plain_of, text_of
from judgekit.records import make_item
from judgekit.rubric.foreign import healthbench, prometheus
from judgekit.scales import plain_number, writable
from judgekit.types import Item, Need, Text

_LEVEL = re.compile(r"(?:orig_)?(score\d{1,3}_description)")
_TASK, _REFERENCE = (
    ("orig_instruction", "instruction", "input"),
    ("orig_reference_answer", "reference_answer"),
)
_OTHERS = (
    "prompt_id", "prompt", "rubrics", "example_tags", "rubric", "score_rubric", "criteria", "orig_criteria",
    "orig_response",
)  # fmt: skip
THEIR_COLUMNS = frozenset(
    (
        *_OTHERS,
        *_TASK,
        *_REFERENCE,
        *tuple(f"{orig}score{n}_description" for n in range(11) for orig in ("", "orig_")),
    )
)
"""All columns that such rows may have beside ours."""


def is_theirs(columns: Collection[Any]) -> bool:
    """Tell whether a table with these columns, and without a task, is one of theirs."""
    rubric = not {"rubric", "score_rubric"}.isdisjoint(columns) or any(
        map(_LEVEL.fullmatch, map(str, columns))
    )
    return {"prompt", "rubrics"} <= set(columns) or (rubric and not set(_TASK).isdisjoint(columns))


def in_our_names(row: Row) -> dict[str, Any] | None:
    """Return what a row of theirs holds, under our names; None for any other."""
    values = row.values
    if not is_theirs(values.keys()):
        return None
    if "rubrics" in values:
        tags = _json(values.get("example_tags")) or ()
        points = {"rubrics": _json(values["rubrics"])}
        return {
            "item_id": values.get("prompt_id"),
            "task": _json(values["prompt"]),
            "rubric": _plain(healthbench(points, "healthbench")),
            "tags": dict(tag.split(":", 1) for tag in map(str, tags) if ":" in tag),
        }
    described = _json(_first(values, ("score_rubric", "rubric")), "{")  # "[" opens its form as text
    if described is None:
        described = {
            found[1]: text for name, text in values.items() if (found := _LEVEL.fullmatch(str(name)))
        }
        described["criteria"] = _first(values, ("orig_criteria", "criteria"))
    number = re.search(r"(?<!\d)\d+$", row.where)
    return {
        "item_id": _first(values, ("id",)) or (number[0] if number else row.where),
        "task": _first(values, _TASK),
        "response": _first(values, ("orig_response",)),
        "reference": _first(values, _REFERENCE),
        "rubric": _plain(prometheus(described, "prometheus")),
    }


def _plain(read: tuple[Any, Any]) -> Mapping[str, Any]:
    (rubric,), _ = read
    return rubric.model_dump(mode="json", exclude_defaults=True)  # type: ignore[no-any-return]


def _first(values: Mapping[str, Any], names: Collection[str]) -> Any:
    return next((values[name] for name in names if not absent(values.get(name))), None)


def _json(value: Any, opening: str = "[") -> Any:
    """Return what a cell holds, which in CSV is JSON."""
    return json_of(value, "a cell") if isinstance(value, str) and value.startswith(opening) else value


RESPONSE: frozenset[Need] = frozenset({"response"})
PAIR: frozenset[Need] = frozenset({"pair"})  # of an item whole, not of a row

FIELDS = (
    "item_id", "task", "response", "responses", "response_id", "system", "systems", "reference", "sources",
    "tags", "rubric",
)  # fmt: skip

_NEEDED = ("item_id", "task", "response", "responses")
_COLUMNS: frozenset[Need] = frozenset({"reference", "sources"})  # needs that are columns a row may lack
_LACKING: Mapping[Need, Callable[[Item], bool]] = {
    "reference": lambda item: item.reference is None,
    "rubric": lambda item: item.rubric is None,
    "sources": lambda item: not item.sources,
    "turns": lambda item: all(isinstance(text, str) for text in (item.task, *item.responses.values())),
}
_SHOWN = 40  # columns that a message names
FURTHER: Final = 20
"""Further columns of an item that are kept at most."""
_SHORT, _LARGE = 200, 1e18  # characters of a cell in them; numbers from there on are left out
_JSON = re.compile(r"""\s*(?:\{\s*["}]|\[\s*["\[\]{])""")  # how a mapping or a list of texts begins

# What other people call our columns: named in the message about a missing one, never guessed.
_ALSO = {
    "item_id": ("id", "qid", "question_id", "prompt_id", "uid", "idx", "index", "key"),
    "task": ("prompt", "question", "input", "instruction", "query", "user_input", "messages"),
    "response": (
        "completion",
        "output",
        "generation",
        "prediction",
        "model_output",
        "completions",
        "answer",
        "text",
    ),
    "system": ("model", "model_name", "model_id", "generator", "bot"),
    "reference": ("gold", "target", "expected", "reference_answer", "ground_truth", "label"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what (our name -> the column's), which the caller named, what an item must hold."""

    names: Mapping[str, str]
    mapped: frozenset[str] = frozenset()
    needs: frozenset[Need] = RESPONSE
    empty: bool = True  # whether an empty text is a response
    known: frozenset[str] | None = None  # columns beside which others are kept; None: none are

    @property
    def wanted(self) -> frozenset[str]:
        """Return every column that is looked at."""
        return frozenset((*self.names.values(), "id"))


def layout_of(
    columns: Mapping[str, str] | None = None, *, needs: Collection[Need] | None = RESPONSE
) -> Layout:
    """Return a layout from the caller's names, which are our own."""
    given = dict(columns or {})
    for ours in given:
        if ours not in FIELDS:
            near = difflib.get_close_matches(str(ours), FIELDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(FIELDS)}"
            raise InputError(f"columns: nothing here is called {ours!r}; {hint}")
    return Layout(
        names={**{each: each for each in FIELDS}, **given},
        mapped=frozenset(given),
        needs=frozenset(needs or ()),
        empty=needs is None or "response" in needs,
    )


def lacking(found: Collection[str], layout: Layout) -> list[str]:
    """Return the fields without a column among those found: needed ones, and any the caller mapped."""
    names = layout.names
    gaps = [each for each in FIELDS if each in layout.mapped and names[each] not in found]
    if names["item_id"] not in found and ("item_id" in layout.mapped or "id" not in found):
        gaps.append("item_id")
    if names["task"] not in found:
        gaps.append("task")
    if "response" in layout.needs and names["response"] not in found and names["responses"] not in found:
        gaps.append("responses" if "responses" in layout.mapped else "response")
    gaps += [each for each in ("reference", "sources") if each in layout.needs and names[each] not in found]
    return list(dict.fromkeys(gaps))


def no_column(gaps: Collection[str], found: Collection[str], layout: Layout) -> str:
    """Tell of fields without a column: what was found, and how to map it."""
    what = ", ".join(f"no column {layout.names[each]!r}" for each in gaps)
    wanted = [*gaps] if "system" in layout.mapped or layout.names["system"] in found else [*gaps, "system"]
    theirs = {each: _nearest(each, layout.names[each], found) for each in wanted}
    theirs = {each: column for each, column in theirs.items() if each in gaps or column in _ALSO[each]}
    option = " ".join(f"--column {ours}={column}" for ours, column in theirs.items())
    them = "it" if len(theirs) == 1 else "them"
    there = sorted(name if len(name) <= 80 else f"{name[:77]}..." for name in map(str, found))
    shown = f"{there}" if len(there) <= _SHOWN else f"{there[:_SHOWN]} and {len(there) - _SHOWN} more"
    last = "; where no column names the item, add one" if theirs.get("item_id") == "..." else ""
    return f"{what}; found {shown}; map {them} with columns={theirs} ({option}){last}"


def _nearest(ours: str, name: str, found: Collection[str]) -> str:
    """Return the column found that is most likely meant."""
    lowered = {str(each).casefold(): str(each) for each in found}
    for each in _ALSO.get(ours, ()):
        if each in lowered:
            return lowered[each]
    near = difflib.get_close_matches(name.casefold(), lowered, n=1)
    return lowered[near[0]] if near else "..."


def item_of(row: Row, layout: Layout, *, ours: bool = False) -> Item:
    """Return the item of a row, with its responses; `ours`: it is known to be no other project's row."""
    if row.fault:
        raise InputError(row.fault)
    values = row.values
    if isinstance(values, Item):
        return _checked(values, row.where, layout)
    if type(values) is not dict and not isinstance(values, Mapping):
        raise InputError(f"is {kind_of(values)}, not a mapping of columns to values")
    names = layout.names
    get = values.get
    item_id = get(names["item_id"])
    if absent(item_id) and "item_id" not in layout.mapped:
        item_id = get("id")
    task = get(names["task"])
    if absent(item_id) or absent(task):
        if not ours and absent(task) and (theirs := in_our_names(row)) is not None:
            own = {name: value for name, value in values.items() if not absent(value)}
            known = {names[each]: value for each, value in theirs.items()}
            whole = {**known, **own, names["rubric"]: theirs["rubric"]}
            return item_of(row._replace(values=whole), layout, ours=True)
        _refuse_gap(values, layout, "item_id" if absent(item_id) else "task")
    responses, systems = _responses(values, layout)
    sources, tags, rubric = get(names["sources"]), get(names["tags"]), get(names["rubric"])
    reference = get(names["reference"])
    item = make_item(
        item_id=name_of(item_id, "item_id"),
        task=text_of(task, "task"),
        responses=responses,
        reference=None if reference is None else _reference(reference),
        sources={} if sources is None else _sources(sources),
        systems=systems,
        tags={} if tags is None else _tags(tags, names["tags"]),
        rubric=None if rubric is None or absent(rubric) else mapping_of(rubric, "rubric"),
        where=row.where,
        extra={} if layout.known is None or layout.known.issuperset(values) else _extra(values, layout.known),
    )
    if layout.needs != RESPONSE:  # that alone was looked for above
        for each in sorted(layout.needs & _COLUMNS):
            if names[each] not in values and _nearest(each, names[each], values.keys()) != "...":
                raise InputError(no_column([each], values.keys(), layout))
        check_needs(item, layout.needs - PAIR)
    return item


def _extra(values: Mapping[str, Any], known: Container[str]) -> Mapping[str, str]:
    """Return what the first further columns hold, as text: numbers, true or false, and short texts."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if name in known or len(found) == FURTHER:
            continue
        if isinstance(value, bool):
            found[writable(str(name))] = str(value).lower()
        elif isinstance(value, int | float) and isfinite(value) and abs(value) < _LARGE:
            found[writable(str(name))] = plain_number(value)
        elif isinstance(value, str) and 0 < len(value) <= _SHORT:
            found[writable(str(name))] = writable(value)
    return found


def check_needs(item: Item, needs: Collection[Need]) -> None:
    """Refuse an item that lacks what it would be judged by."""
    if "pair" in needs and len(item.responses) < 2:
        raise InputError(
            f"has {len(item.responses)} response, and two or more are compared; give it another (rows of one "
            "item have one item_id and a response_id or system each), or `score` it"
        )
    for each, lacking_it in _LACKING.items():
        if each in needs and lacking_it(item):
            why = (
                "each needs where none is named for all"
                if each == "rubric"
                else "the rubric or the protocol needs"
            )
            raise InputError(f"has no {each}, which {why}; give it one, or take the item out")


def _responses(values: Mapping[str, Any], layout: Layout) -> tuple[Mapping[str, Text], Mapping[str, str]]:
    names = layout.names
    get = values.get
    lone, many, system = get(names["response"]), get(names["responses"]), get(names["system"])
    if absent(lone) and absent(many) and not (lone == "" and layout.empty):
        if "response" in layout.needs:
            _refuse_gap(values, layout, "response")
        return {}, {}
    if many is not None and not absent(many):
        if not absent(lone):
            raise InputError("has both a 'response' and 'responses'; keep one of them")
        if not absent(system):
            raise InputError(
                "'system' goes with one 'response'; for 'responses' write 'systems': {response id: system}"
            )
        return _several(many, get(names["systems"]), layout)
    own_id = get(names["response_id"])
    written_by = "" if system is None or absent(system) else name_of(system, "system")
    unnamed = own_id is None or absent(own_id)
    own_id = (written_by or "response") if unnamed else name_of(own_id, "response_id")
    return {own_id: text_of(lone, "response", empty=True)}, {own_id: written_by} if written_by else {}


def _several(many: Any, systems: Any, layout: Layout) -> tuple[Mapping[str, Text], Mapping[str, str]]:
    pairs = named(mapping_of(many, "responses"), "responses")
    texts = {key: text_of(text, f"response {key!r}", empty=True) for key, text in pairs.items()}
    if not texts and "response" in layout.needs:
        raise InputError("responses holds none; fill it, or take the row out")
    return texts, {} if absent(systems) else _systems(systems, texts)


def _systems(value: Any, texts: Mapping[str, Text]) -> Mapping[str, str]:
    systems = _names(value, "systems")
    if stray := sorted(systems.keys() - texts.keys()):
        raise InputError(f"systems names {stray}, but the responses are {list(texts)}")
    return systems


def _names(value: Any, what: str) -> Mapping[str, str]:
    """Return a mapping of names to names; empty for a gap, and without the gaps in it."""
    if absent(value):
        return {}
    pairs = named(mapping_of(value, what), what)
    return {key: name_of(each, f"{what}[{key!r}]") for key, each in pairs.items() if not absent(each)}


def _tags(value: Any, column: str) -> Mapping[str, str]:
    """Return a mapping of tags; a plain text in a cell is one tag, which is called as its column."""
    plain = isinstance(value, str) and not value.lstrip().startswith(("{", "["))
    return _names({column: value} if plain and not absent(value) else value, "tags")


def _sources(value: Any) -> Mapping[str, str]:
    if absent(value):
        return {}
    if isinstance(value, str):  # passages may well begin with "[1]", which is no JSON of ours
        value = json_of(value, "sources") if _JSON.match(value) else [value] if value.strip() else []
    if isinstance(value, list | tuple):
        value = {str(n): each for n, each in enumerate(value, 1)}
    pairs = named(mapping_of(value, "sources"), "sources")
    return {key: plain_of(each, f"source {key!r}") for key, each in pairs.items() if not absent(each)}


def _reference(value: Any) -> str | None:
    """Return a reference, or None for a gap; blanks alone are one too."""
    if absent(value):
        return None
    text = plain_of(value, "reference")
    return text if text.strip() else None


def _refuse_gap(values: Mapping[str, Any], layout: Layout, ours: str) -> None:
    column = next((each for each in _columns_of(layout, ours) if each in values), None)
    if column is None:
        first = [ours, *(each for each in lacking(values.keys(), layout) if each in _NEEDED)]
        raise InputError(no_column(dict.fromkeys(first), values, layout))
    raise InputError(f"{column} is empty; fill it, or take the row out")


def _columns_of(layout: Layout, ours: str) -> tuple[str, ...]:
    names = layout.names
    if ours == "item_id" and "item_id" not in layout.mapped:
        return names["item_id"], "id"
    return (names["response"], names["responses"]) if ours == "response" else (names[ours],)


def _checked(item: Item, where: str, layout: Layout) -> Item:
    """Return an item made by hand, held to the rules for rows, save that its task may be empty."""
    if name_of(item.item_id, "item_id") != item.item_id:
        raise InputError(f"item_id {item.item_id!r} is not in NFC, or has blanks around it")
    if "response" in layout.needs and not item.responses:
        raise InputError("the item has no response; give it one, or take it out")
    if item.task:
        text_of(item.task, "task")
    for key, text in item.responses.items():
        if not isinstance(key, str) or name_of(key, "a response id") != key:
            raise InputError(f"response id {key!r} is no name in NFC without blanks around it")
        text_of(text, f"response {key!r}", empty=True)
    _systems(item.systems, item.responses)
    _names(item.tags, "tags")
    _sources(item.sources)
    if item.reference is not None:
        plain_of(item.reference, "reference")
    check_needs(item, layout.needs - PAIR)
    return item if item.where else replace(item, where=where)


@dataclass(frozen=True, slots=True)
class Cells:
    """A row and what to call it: our name of a column -> what stands in it."""

    place: str
    row: Mapping[str, Any]

    def fail(self, message: str) -> InputError:
        """Return an error about the row, which names its place."""
        return InputError(f"{self.place}: {message}")

    def get(self, column: str, default: Any = None) -> Any:
        """Return what stands in a column; the default for a gap."""
        value = self.row.get(column)
        return default if absent(value) else value

    def name(self, column: str, default: Any = None) -> str:
        """Return what stands in a column, as a name: 1 and "1" are one."""
        try:
            return name_of(self.get(column, default), column)
        except InputError as error:
            raise self.fail(str(error)) from None

    def count(self, column: str) -> int:
        """Return what stands in a column, as a whole number from 0; 0 for a gap."""
        raw = self.get(column, 0)
        try:  # CSV has text, and pandas makes floats of whole numbers where a column has gaps
            number = float(raw) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else nan
        except (ValueError, OverflowError):
            number = nan
        if not number.is_integer() or number < 0:
            raise self.fail(f"{column} is {raw!r}, not a whole number from 0")
        return int(number)


def cells_of(
    source: Any, names: Sequence[str], columns: Mapping[str, str], *, any_of: Sequence[str] = ()
) -> Iterator[Cells]:
    """Return the rows of a file, a frame or a list, under `names` of ours.

    `columns` (our name -> the name there) have to be there, and one of `any_of`, if it is given: a column
    that is missing is an error and not a table full of gaps. Where each row has columns of its own, all are
    known only behind the last row.
    """
    layout = Layout({**{name: name for name in names}, **columns}, frozenset(columns))
    theirs = {name: layout.names[name] for name in names}
    wanted = frozenset(theirs.values())
    is_path = isinstance(source, str | Path)
    opened = open_file(source, wanted) if is_path else open_rows(source, wanted)
    if opened.columns is not None:
        _check_columns(opened.name, opened.columns, layout, any_of)
    found: set[str] = set()
    for row in opened.rows():
        if row.fault:
            raise InputError(f"{row.where}: {row.fault}")
        if not isinstance(row.values, Mapping):
            raise InputError(f"{row.where}: {kind_of(row.values)}, not a row")
        found.update(row.values.keys())
        yield Cells(row.where, {name: row.values.get(column) for name, column in theirs.items()})
    if opened.columns is None and found:
        _check_columns(opened.name, found, layout, any_of)


def _check_columns(source: str, found: Collection[str], layout: Layout, any_of: Sequence[str]) -> None:
    gaps = [name for name in layout.names if name in layout.mapped and layout.names[name] not in found]
    if not gaps and any_of and not any(layout.names[name] in found for name in any_of):
        gaps = [any_of[0]]
    if gaps:
        raise InputError(f"{source}: {no_column(gaps, found, layout)}")

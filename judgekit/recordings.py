"""Verdicts that judgekit did not ask for: recorded judges and people's labels -> the verdict table.

A row has an `item_id`, whom it is about, who said it, and either a ready `label` or the raw `text` of a
judge. All texts are read by one convention (`protocols.conventions`), which is named or found. Nothing is
dropped without being counted: a text that cannot be read is an abstention, and one without words is missing;
texts without a convention, a label off the scale, two labels in one place, or a missing column are errors.
"""

import difflib
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from judgekit.errors import InputError, kind_of, there_are
from judgekit.items.check import Cells, cells_of
from judgekit.items.texts import mapping_of, name_of, real_of
from judgekit.protocols import is_paired
from judgekit.protocols.conventions import Reading, Said, Text, check_reader, chosen, read_by
from judgekit.protocols.reading.labels import read_label
from judgekit.protocols.recorded import first_line_scores, result_marker, stated_winner
from judgekit.rubric.model import Rubric
from judgekit.scales import PAIR, Labels, Scale, plain_number, settle
from judgekit.types import Abstention, Outcome, Reason, Source, Unit, Verdict

Kind = Literal["grade", "compare"]
LabelsAbout = Literal["shown", "item"]
COLUMNS: Mapping[str, str] = {
    "item_id": "the item",
    "response_id": "the response (grade); `system` stands in for it; `response` where neither is there",
    "first": "for compare: the response that comes first in the item; `first` where left out",
    "second": "for compare: the other one; `second` where left out",
    "shown": "for compare: `given` (first was shown first, the default) or `swapped`",
    "criterion": "id of the criterion; may be left out where the rubric has one",
    "rater": "who said it; may be left out where one is named for all rows",
    "sample": "which repeat, from 0",
    "label": "a ready label",
    "probs": "label -> probability, in the place of a label (in CSV: a JSON object)",
    "text": "the raw text of a judge, read by a rule",
}
_SAID = {"a": "A", "b": "B", "1": "A", "2": "B", "0": "tie", "tie": "tie", "first": "A", "second": "B"}
_NAMES = (*COLUMNS, "system", "id")
_SLACK = 1e-3  # by which recorded probabilities may sum to more than 1: they were rounded
_HALF = 0.5  # of cannot tell: more is an abstention
_NEAR = 0.8  # of a name of ours: a slip of the pen, not a column for somebody else


def ingest(
    source: Any,
    rubric: Rubric,
    *,
    protocol: Kind = "grade",
    reader: str = "auto",
    rater: str | None = None,
    people: bool = False,
    labels_about: LabelsAbout = "shown",
    columns: Mapping[str, str] | None = None,
) -> tuple[Outcome, ...]:
    """Outcomes of recorded judges or of people.

    Args:
        source: A JSONL, CSV, TSV, Parquet or JSON file, a frame, or rows. Columns: `item_id`, `response_id`
            (of pairs `first`, `second`, and `shown`: `given` or `swapped`), `criterion`, `rater`, `sample`,
            and a ready `label`, its `probs` (label -> probability) or the raw `text` of a judge.
        rubric: Whose criteria were judged; declares the scales.
        protocol: `grade` (a response alone) or `compare` (a pair).
        reader: How raw texts are read: `auto` (the one convention that reads 95 of 100 of them), the name of
            one, `winner` (sentences such as "Output (b) is better"), or `pattern:REGEX`, whose last match
            counts: its group is the label, or a group is named as it (of pairs A, B and tie).
        rater: Who said it, where the rows do not say.
        people: Whether these are people's labels, who label each place once, without samples or orders.
        labels_about: Whether the ready labels of pairs (A, B, 1, 2, 0, tie, first, second) are about the
            order shown, or about the item's own order.
        columns: Our name of a column -> its name there; names that are not ours may be in it, for whoever
            else reads the table.

    Raises:
        InputError: For an unknown option; a column that is not there; texts that no convention reads; a bad
            row, naming it: a broken line, no such criterion, a label off the scale, a wrong type, two labels
            of one person in one place.

    >>> rubric = Rubric(id="r", criteria=[{"id": "kind", "text": "Is it kind?"}])
    >>> rows = [{"item_id": 1, "rater": "ann", "label": "yes"}]
    >>> [outcome.value for outcome in ingest(rows, rubric, people=True)]
    [1.0]
    """
    return recorded(
        source,
        rubric,
        protocol=protocol,
        reader=reader,
        rater=rater,
        people=people,
        labels_about=labels_about,
        columns=columns,
    ).outcomes


@dataclass(frozen=True, slots=True)
class Recorded:
    """Outcomes of recorded verdicts; how the raw texts among them were read, None where there are none."""

    outcomes: tuple[Outcome, ...]
    reading: Reading | None = None


def recorded(
    source: Any,
    rubric: Rubric,
    *,
    protocol: Kind = "grade",
    reader: str = "auto",
    rater: str | None = None,
    people: bool = False,
    labels_about: LabelsAbout = "shown",
    columns: Mapping[str, str] | None = None,
) -> Recorded:
    """Return what `ingest` does, and by which convention texts were read; arguments and errors are its."""
    check_options(protocol, reader, labels_about, columns or {})
    rows = cells_of(source, _NAMES, columns or {}, any_of=("label", "text", "probs"))
    return said_in(
        rows, rubric, protocol=protocol, reader=reader, rater=rater, people=people, labels_about=labels_about
    )


def said_in(
    rows: Iterable[Cells],
    rubric: Rubric,
    *,
    protocol: Kind,
    reader: str = "auto",
    rater: str | None = None,
    people: bool,
    labels_about: LabelsAbout,
) -> Recorded:
    """Return the outcomes in rows under our names; arguments and errors are those of `ingest`."""
    named = None if rater is None else name_of(rater, "rater")
    seen: dict[tuple[Any, ...], str] = {}
    said = []
    for where in rows:
        criterion = _criterion(where, rubric)
        if where.get("rater", named) is None:
            raise where.fail("no rater; add the column, or name one for all with rater=NAME (--rater NAME)")
        who = where.name("rater", named)
        sample = where.count("sample")
        unit, shown = _unit(where, protocol)
        place = (unit, criterion, who) if people else (unit, criterion, who, shown, sample)
        if place in seen:
            advice = "" if people else "; number what was asked again in a column sample, or drop the copy"
            raise where.fail(
                f"{who!r} labels {_about(unit)} on {criterion!r} twice; before at {seen[place]}{advice}"
            )
        seen[place] = where.place
        scale = PAIR if is_paired(protocol) else rubric.by_id[criterion].scale
        one = _Said(
            where=where, unit=unit, shown=shown, criterion=criterion, rater=who, sample=sample, scale=scale,
            source="human" if people else "text",
        )  # fmt: skip
        said.append(one)
    raw = [one for one in said if one.is_raw]
    reading = _read(raw, reader, protocol, people=people)
    texts = iter(reading.said if reading else ())
    ready = _compared if is_paired(protocol) else _graded
    outcomes = [_from_text(one, next(texts)) if one.is_raw else ready(one, labels_about) for one in said]
    return Recorded(tuple(outcomes), reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One row, understood up to its label."""

    where: Cells
    unit: Unit
    shown: tuple[str, ...]
    criterion: str
    rater: str
    sample: int
    scale: Scale
    source: Source

    @property
    def is_raw(self) -> bool:
        """Whether there is a text at most, and nothing ready."""
        return self.where.get("label") is None and self.where.get("probs") is None

    @property
    def swapped(self) -> bool:
        """Whether the pair was shown in the other order than the item's."""
        return self.shown != self.unit.responses

    def verdict(self, label: str, rationale: str = "") -> Verdict:
        probs, name, value = settle(self.scale, {label: 1.0})
        return Verdict(
            rater=self.rater, unit=self.unit, criterion=self.criterion, probs=probs, label=name, value=value,
            source=self.source, rationale=rationale, shown=self.shown, sample=self.sample,
        )  # fmt: skip

    def abstain(self, reason: Any, detail: str) -> Abstention:
        return Abstention(
            rater=self.rater, unit=self.unit, criterion=self.criterion, reason=reason, detail=detail[:200],
            shown=self.shown, sample=self.sample,
        )  # fmt: skip


def _likely(said: _Said, raw: object, label_of: Callable[[str], str]) -> Outcome:
    """Return the verdict of recorded probabilities; `label_of` reads their labels, empty for cannot tell."""
    try:
        given = {name: real_of(each, f"probs[{name!r}]") for name, each in mapping_of(raw, "probs").items()}
    except InputError as error:
        raise said.where.fail(str(error)) from None
    total = math.fsum(given.values())
    if min(given.values(), default=-1.0) < 0 or not 0 < total <= 1 + _SLACK:
        raise said.where.fail(f"probs {dict(given)} are no probabilities; they are not negative and sum to 1")
    weights: dict[str, float] = {}
    for name, each in given.items():
        label = label_of(str(name))
        weights[label] = weights.get(label, 0.0) + each
    undecided = weights.pop("", 0.0) / total
    if undecided > _HALF or not any(weights.values()):
        return said.abstain("undecided", "")
    probs, label, value = settle(said.scale, weights)
    return replace(
        said.verdict(label), probs=probs, label=label, value=value, source="logprob",
        mass=min(total, 1.0), undecided=undecided,
    )  # fmt: skip


def _graded(said: _Said, _: LabelsAbout) -> Outcome:
    if (probs := said.where.get("probs")) is not None:
        return _likely(said, probs, lambda name: _label(said, name))
    label = _label(said, said.where.get("label"))
    return said.verdict(label) if label else said.abstain("undecided", "")


def _label(said: _Said, ready: object) -> str:
    """Return the label that stands there, empty for cannot tell; InputError if it is not on the scale."""
    found = read_label(said.scale, ready)
    if found.kind not in {"label", "undecided"}:
        raise said.where.fail(
            f"label {ready!r} is not on the scale of {said.criterion!r}: {_listed(said.scale)}"
        )
    return found.label


def _side(said: _Said, ready: object, *, swapped: bool) -> str:
    """Return the label of a pair that a ready label means in the item's order; InputError if it is none."""
    name = _SAID.get(str(ready).strip().casefold().removesuffix(".0"))
    if name is None:
        raise said.where.fail(f"label {ready!r} names no winner; say A, B, 1, 2, 0, tie, first or second")
    return _winner(name, swapped=swapped)


def _compared(said: _Said, about: LabelsAbout) -> Outcome:
    turned = said.swapped and about == "shown"
    if (probs := said.where.get("probs")) is not None:
        return _likely(said, probs, lambda name: _side(said, name, swapped=turned))
    return said.verdict(_side(said, said.where.get("label"), swapped=turned))


def _from_text(said: _Said, found: Said) -> Outcome:
    text = _text(said)
    if found.label is None:
        if not text.strip():
            return said.abstain("missing", "no text")
        reason: Reason = "off_scale" if found.value else "malformed"
        return said.abstain(reason, f"{found.why}{found.value and f': {found.value!r}'}, in: {text[:120]!r}")
    if said.scale is PAIR:
        return said.verdict(_winner(found.label, swapped=said.swapped), text)
    if found.label == said.scale.cannot_tell:
        return said.abstain("undecided", "")
    return said.verdict(found.label, text)


def _winner(name: str, *, swapped: bool) -> str:
    """Return what A, B or tie, in the order shown, means in the item's order."""
    if name == "tie":
        return "tie"
    return "first" if (name == "A") != swapped else "second"


def _stated(text: Text) -> Said:
    """Read the sentence that says which of a pair is better."""
    if text.scale is not None:
        return Said(None, "is of a single response, and the reader 'winner' reads pairs")
    return Said(stated_winner(text.text), "states no winner")


def _marked(text: Text) -> Said:
    """Read what stands after the last `[RESULT]`."""
    found = result_marker(text.text)
    return Said(text.means(found or ""), "has no label after its marker", found or "")


def _on_first_line(text: Text) -> Said:
    """Read the number, or the two of a pair, on the first line."""
    scores = first_line_scores(text.text, 2 if text.scale is None else 1)
    value = " ".join(map(plain_number, scores or ()))
    return Said(text.means(value), "has no scores on its first line", value)


_RULES: Mapping[str, Callable[[Text], Said]] = {
    "winner": _stated, "result_marker": _marked, "first_line": _on_first_line,
}  # fmt: skip
"""Readers that read what they were told to, whatever else a text says."""


def _read(raw: Sequence[_Said], reader: str, protocol: Kind, *, people: bool) -> Reading | None:
    """Return what raw texts say, by the reader named or by the convention that is theirs."""
    texts = [
        Text(
            one.where.place, _text(one), None if is_paired(protocol) else one.scale,
            (one.criterion,),
        )
        for one in raw
    ]  # fmt: skip
    if not any(each.text.strip() for each in texts):
        return Reading(reader, tuple(Said(None) for _ in texts)) if texts else None
    if rule := _RULES.get(reader):
        return Reading(reader, tuple(rule(each) for each in texts))
    if reader != "auto":
        return read_by(reader, texts)
    try:
        return chosen(texts)
    except InputError as error:
        if people:  # whose texts are remarks beside their labels
            return Reading(reader, tuple(Said(None, str(error)) for _ in texts))
        raise


def check_options(protocol: Kind, reader: str, about: LabelsAbout, columns: Mapping[str, str]) -> None:
    """Raise an InputError, which says what would do, unless options of `ingest` are some that there are."""
    known: Mapping[str, tuple[str, Collection[str]]] = {
        "protocol": (protocol, get_args(Kind)),
        "labels_about": (about, get_args(LabelsAbout)),
    }
    for option, (value, choices) in known.items():
        if value not in choices:
            raise InputError(f"no {option} {value!r}; {there_are(value, choices)}")
    if reader not in {"auto", *_RULES}:
        check_reader(reader)
    for name in columns:
        if name not in _NAMES and (near := difflib.get_close_matches(name, _NAMES, n=1, cutoff=_NEAR)):
            raise InputError(f"columns: no column of ours is called {name!r}; is it {near[0]!r}?")


def _criterion(where: Cells, rubric: Rubric) -> str:
    ids: Sequence[str] = [c.id for c in rubric.leaves]
    if where.get("criterion") is None:
        if len(ids) == 1:
            return ids[0]
        raise where.fail(f"no criterion, and the rubric has {len(ids)}: {list(ids)}; add a column criterion")
    name = where.name("criterion")
    if name not in rubric.by_id:
        raise where.fail(f"no criterion {name!r} in the rubric; there are {list(ids)}")
    return name


def _unit(where: Cells, protocol: Kind) -> tuple[Unit, tuple[str, ...]]:
    item = where.name("item_id", where.get("id"))
    if not is_paired(protocol):
        response = where.name("response_id", where.get("system", "response"))
        return Unit(item, (response,)), (response,)
    pair = (where.name("first", "first"), where.name("second", "second"))
    if pair[0] == pair[1]:
        raise where.fail(f"first and second are both {pair[0]!r}; a pair is of two responses")
    shown = str(where.get("shown", "given"))
    if shown not in {"given", "swapped"}:
        raise where.fail(f"shown is {shown!r}, not 'given' or 'swapped'")
    return Unit(item, pair), pair if shown == "given" else pair[::-1]


def _text(said: _Said) -> str:
    text = said.where.get("text", "")
    if not isinstance(text, str):
        raise said.where.fail(f"text is {kind_of(text)}")
    return text


def _listed(scale: Scale) -> str:
    return ", ".join(scale.labels) if isinstance(scale, Labels) else f"{scale.low:g} to {scale.high:g}"


def _about(unit: Unit) -> str:
    return f"item {unit.item_id!r}, {' and '.join(map(repr, unit.responses))}"

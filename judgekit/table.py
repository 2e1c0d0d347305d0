"""Scores, outcomes and calls as rows, with documented columns; JSONL, pandas and Parquet.

`COLUMNS` is the documentation: name of a column -> what it holds. A row survives JSON unchanged,
and `score_of`, `outcome_of`, `call_of` turn it back into its record. What is missing is null, never 0.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import orjson

from judgekit.errors import InputError, kind_of
from judgekit.items.files import open_file
from judgekit.items.rows import Source as Rows
from judgekit.items.rows import open_rows
from judgekit.types import Abstention, CallMade, Evidence, Outcome, Score, Unit, Verdict

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Kind = Literal["scores", "outcomes", "calls"]
Tags = Mapping[str, Mapping[str, str]]
"""Item id -> its tags."""
_BATCH = 2_000  # rows made Parquet at once: of 10,000 the peak grew with the file, and it was hardly smaller

COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    "scores": {
        "item_id": "the item",
        "response_id": "the response, of a pair the first; null for the task itself",
        "responses": "ids of the responses it is about: none (the task), one, or two (a pair)",
        "part": "id of a step, turn or statement; empty for the whole",
        "system": "who wrote the response, where known; else empty",
        "level": "criterion, dimension, rubric or part",
        "name": "id of the criterion, the dimension or the rubric",
        "value": "the score: on [0, 1], higher is better, where the rule is placed; null where there is none",
        "rule": "placed, published or published_clipped",
        "low": "lower end of the 95 % interval over judges, or samples of one (then spread_judge is null); "
        "null below two of them, and of samples that are copies",
        "high": "its upper end",
        "n_verdicts": "verdicts it rests on",
        "n_abstained": "reason -> how many answers asked for were not obtained",
        "spread_judge": "standard deviation between judges; null below two",
        "spread_sample": "standard deviation between samples within a judge; null below two",
        "share": "share of the weight that was judged",
        "gate": "id of the gate or veto that fired; else empty",
        "flags": "what a reader should know: single_order, order_lost, ...",
        "item_tags": "tags of the item, and what further columns of it hold: name -> text",
    },
    "outcomes": {
        "item_id": "the item",
        "responses": "ids of the responses it is about: none (the task), one, or two (a pair)",
        "part": "id of a step, turn or statement; empty for the whole",
        "criterion": "id of the criterion",
        "rater": "who was asked",
        "kind": "verdict or abstention",
        "label": "the most probable label; null for an abstention",
        "value": "the expected value on [0, 1]; null for an abstention",
        "probs": "label -> probability, zeros left out; null for an abstention",
        "source": "text, logprob, decision, sample, human or control; null for an abstention",
        "mass": "probability the rater put on the labels at all; null for an abstention",
        "undecided": "probability of 'cannot tell'; null for an abstention",
        "confidence": "what the rater said of itself; null where it said nothing",
        "rationale": "the rater's words",
        "evidence": "quotations: quote, where it was found, whether, and how (exact, normalised, fuzzy)",
        "tags": "error tags given",
        "flags": "mended, reasked, no_logprobs, low_mass, unfounded, substitute, instead_of:JUDGE, "
        "unknown_id, no_valid_answer, fewer_ideas, empty_response, first_pass:LABEL, revised, second_lost, "
        "parts:N (made of the verdicts on N parts), part:ID (the part that decided)",
        "reason": "why there is no verdict; null for a verdict",
        "detail": "a word on the reason; null for a verdict",
        "shown": "ids of the responses in the order shown",
        "sample": "which repeat, from 0",
        "call": "key of the call; the ledger holds the reply under it",
        "item_tags": "tags of the item, and what further columns of it hold: name -> text",
    },
    "calls": {
        "item_id": "the item",
        "judge": "who was asked",
        "criteria": "ids of the criteria that an answer was wanted on; none where a text was to be written",
        "responses": "ids of the responses that the first answer is about, as in outcomes",
        "shown": "ids of the responses in the order shown",
        "protocol": "how it was asked",
        "sample": "which repeat, from 0",
        "variant": "name of the prompt wording",
        "attempt": "1, or 2 for a re-ask",
        "call": "key of the call, as in outcomes; the ledger holds prompt and reply under it",
        "model": "the model as its provider resolved it; empty where it did not say",
        "fault": "what went wrong in making the reply; null where nothing did",
        "stored": "whether the reply was there already (in the ledger, or of an equal call in flight) and "
        "cost nothing now",
        "tries": "requests that were made for it, retries included",
        "input_tokens": "tokens read; null where unknown",
        "output_tokens": "tokens written; null where unknown",
        "cost_usd": "price in US dollars, when it was asked; null where unknown, which is not 0",
        "seconds": "time from the first byte sent to the last read; null where unknown",
    },
}


_SCORE = ("level", "name", "value", "rule", "low", "high", "n_verdicts", "share", "gate", "system")
_ASKED = ("rater", "criterion", "sample", "call")
_SAID = ("label", "value", "source", "mass", "undecided", "confidence", "rationale")
"""Fields that stand in a row as they are: of scores, of all outcomes, and of verdicts."""


def score_row(score: Score, tags: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a score as a row of the table `scores`; `tags` are its item's."""
    row = {name: getattr(score, name) for name in _SCORE}
    row |= _unit_row(score.unit)
    row |= {
        "response_id": score.unit.responses[0] if score.unit.responses else None,
        "n_abstained": dict(score.n_abstained),
        "spread_judge": score.spread.get("judge"),
        "spread_sample": score.spread.get("sample"),
        "flags": list(score.flags),
        "item_tags": dict(tags or ()),
    }
    return {name: row[name] for name in COLUMNS["scores"]}


def _unit_row(unit: Unit) -> dict[str, Any]:
    return {"item_id": unit.item_id, "responses": list(unit.responses), "part": unit.part}


def score_of(row: Mapping[str, Any]) -> Score:
    """Return the score that a row of the table `scores` came from; InputError if it is no such row.

    A row of 0.1.0 knows the first response of a pair only.
    """
    if not isinstance(row, Mapping):
        raise InputError(f"{kind_of(row)}, not a row of scores")
    try:
        first = row["response_id"]
        unit = Unit(
            row["item_id"], tuple(row.get("responses", () if first is None else (first,))), row["part"]
        )
        spread = {name: row[f"spread_{name}"] for name in ("judge", "sample")}
        return Score(
            unit=unit, n_abstained=row["n_abstained"], flags=tuple(row["flags"]),
            spread={k: v for k, v in spread.items() if v is not None}, **{name: row[name] for name in _SCORE},
        )  # fmt: skip
    except KeyError as error:
        raise InputError(f"a row of scores has no column {error}; it has {sorted(row)}") from None
    except TypeError as error:
        raise InputError(f"a row of scores holds what it cannot ({error})") from None


def outcome_row(outcome: Outcome, tags: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return an outcome as a row of the table `outcomes`; `tags` are its item's.

    >>> row = outcome_row(Abstention("j", Unit("1", ("a",)), "kind", "refused"))
    >>> row["kind"], row["reason"], row["value"]
    ('abstention', 'refused', None)
    """
    row = {name: getattr(outcome, name) for name in _ASKED}
    row |= {**_unit_row(outcome.unit), "shown": list(outcome.shown), "item_tags": dict(tags or ())}
    if isinstance(outcome, Verdict):
        row |= {name: getattr(outcome, name) for name in _SAID}
        row |= {
            "kind": "verdict",
            "probs": dict(outcome.probs),
            "evidence": [
                {"quote": e.quote, "where": e.where, "found": e.found, "how": e.how} for e in outcome.evidence
            ],
            "tags": list(outcome.tags),
            "flags": list(outcome.flags),
            "reason": None,
            "detail": None,
        }
    else:
        row |= dict.fromkeys(("label", "value", "probs", "source", "mass", "undecided", "confidence"))
        row |= {"kind": "abstention", "rationale": "", "evidence": [], "tags": [], "flags": []}
        row |= {"reason": outcome.reason, "detail": outcome.detail}
    return {name: row[name] for name in COLUMNS["outcomes"]}


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a row of the table `outcomes` came from; InputError if it is no such row."""
    if not isinstance(row, Mapping):
        raise InputError(f"{kind_of(row)}, not a row of outcomes")
    kind = row.get("kind")
    if kind not in {"verdict", "abstention"}:
        raise InputError(f"a row of outcomes has kind {kind!r}, not 'verdict' or 'abstention'")
    for name, types in {**_TYPES, **(_VERDICT if kind == "verdict" else _ABSTENTION)}.items():
        if name not in row:
            raise InputError(f"a row of outcomes has no column {name!r}; it has {sorted(row)}")
        if not isinstance(row[name], types):
            raise InputError(f"{name} is {row[name]!r}; in a row of kind {kind!r} it holds {_told(types)}")
    unit = Unit(row["item_id"], tuple(row["responses"]), row["part"])
    asked = {"unit": unit, "shown": tuple(row["shown"]), **{name: row[name] for name in _ASKED}}
    if kind == "abstention":
        return Abstention(reason=row["reason"], detail=row["detail"], **asked)
    try:
        evidence = tuple(
            Evidence(e["quote"], e["where"], e["found"], e.get("how", "")) for e in row["evidence"]
        )
    except (KeyError, TypeError, AttributeError):
        raise InputError("evidence is a list of quotations, each with quote, where and found") from None
    return Verdict(
        probs=tuple(row["probs"].items()), evidence=evidence, tags=tuple(row["tags"]),
        flags=tuple(row["flags"]), **asked, **{name: row[name] for name in _SAID},
    )  # fmt: skip


def call_row(call: CallMade) -> dict[str, Any]:
    """Return a call as a row of the table `calls`."""
    return call._asdict()


def call_of(row: Mapping[str, Any]) -> CallMade:
    """Return the call that a row of the table `calls` came from; InputError if it is no such row."""
    if not isinstance(row, Mapping):
        raise InputError(f"{kind_of(row)}, not a row of calls")
    try:
        named = {name: row[name] for name in COLUMNS["calls"]}
        lists = {name: tuple(named[name]) for name in _LISTS}
    except KeyError as error:
        raise InputError(f"a row of calls has no column {error}; it has {sorted(row)}") from None
    except TypeError as error:
        raise InputError(f"a row of calls holds what it cannot ({error})") from None
    return CallMade(**{**named, **lists})


_Types = tuple[type, ...]
_LISTS = ("criteria", "responses", "shown")
_TYPES: Mapping[str, _Types] = {
    "item_id": (str,), "responses": (list,), "part": (str,), "criterion": (str,), "rater": (str,),
    "shown": (list,), "sample": (int,), "call": (str,),
}  # fmt: skip
_VERDICT: Mapping[str, _Types] = {
    "label": (str,), "value": (float, int), "probs": (Mapping,), "source": (str,), "mass": (float, int),
    "undecided": (float, int), "confidence": (float, int, NoneType), "rationale": (str,), "evidence": (list,),
    "tags": (list,), "flags": (list,),
}  # fmt: skip
_ABSTENTION: Mapping[str, _Types] = {"reason": (str,), "detail": (str,)}
_CALLED = {str: "a text", list: "a list", int: "a number", Mapping: "an object", NoneType: "null"}


def _told(types: _Types) -> str:
    return " or ".join(_CALLED[each] for each in types if each is not float)


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return a row as one line of JSONL."""
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def columns_in(source: Any) -> frozenset[str]:
    """Return the columns of a file, a frame or rows in memory, as they are called there.

    An iterator has none: a look would take its first row away. A file that cannot be read is an InputError.
    """
    opened = _opened(source)
    if opened.columns is not None:
        return frozenset(opened.columns)
    if not opened.again:
        return frozenset()
    first = next(iter(opened.rows()), None)
    if first is not None and first.fault:
        raise InputError(f"{first.where}: {first.fault}")
    return frozenset(first.values) if first is not None and isinstance(first.values, Mapping) else frozenset()


def read_outcomes(source: Any, tags: dict[str, Mapping[str, str]] | None = None) -> list[Outcome]:
    """Return the outcomes of a saved run's folder, an `outcomes.jsonl` or `.parquet`, a frame, or rows.

    A file that cannot be opened, or a row that is none of outcomes, is an InputError that names its place.
    `tags` gets those of the items, where it is given.
    """

    def made(row: Mapping[str, Any]) -> Outcome:
        outcome = outcome_of(row)
        if tags is not None and (own := row.get("item_tags")):
            tags.setdefault(outcome.unit.item_id, dict(own))
        return outcome

    return _read(source, "outcomes", made)


def read_scores(source: Any) -> list[Score]:
    """Return the scores of a saved run's folder, a `scores.jsonl` or `.parquet`, a frame, or rows."""
    return _read(source, "scores", score_of)


def read_calls(source: Any) -> list[CallMade]:
    """Return the calls of a saved run's folder, a `calls.jsonl` or `.parquet`, a frame, or rows."""
    return _read(source, "calls", call_of)


def _read(source: Any, kind: Kind, made: Callable[[Mapping[str, Any]], T]) -> list[T]:
    opened = _opened(source, kind)
    gaps = dict.fromkeys(name for name in COLUMNS[kind] if name in (opened.columns or ()))
    found = []
    for where, values, fault in opened.rows():
        if fault:
            raise InputError(f"{where}: {fault}")
        try:
            # A table has its columns in every row, and its nulls are left out of the values.
            found.append(made({**gaps, **values} if gaps else values))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return found


def _opened(source: Any, kind: Kind = "outcomes") -> Rows:
    wanted = frozenset(COLUMNS[kind])
    if not isinstance(source, str | Path):
        return open_rows(source, wanted, "table")
    path = Path(source)
    return open_file(path / f"{kind}.jsonl" if path.is_dir() else path, wanted)


def frame(rows: Iterable[Mapping[str, Any]], kind: Kind) -> "pd.DataFrame":
    """Return rows as a pandas table with the documented columns, in their order."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(COLUMNS[kind]))


def wide(scores: Iterable[Score]) -> "pd.DataFrame":
    """Return a row for each thing that was judged, with a column for each criterion or dimension.

    `score` is the rubric's, of a part too. `response_id` is null for the task itself, and of pairs `against`
    is the second. A criterion that is called as one of these columns is `criterion:NAME`.
    """
    import pandas as pd

    rows: dict[Unit, dict[str, Any]] = {}
    for each in scores:
        unit = each.unit
        first, second = (*unit.responses, None, None)[:2]
        fixed = {"item_id": unit.item_id, "response_id": first, "against": second, "part": unit.part}
        row = rows.setdefault(unit, {**fixed, "system": each.system, "score": None})
        name = each.name if each.name not in _WIDE else f"{each.level}:{each.name}"
        row["score" if each.level in {"rubric", "part"} else name] = each.value
    made = pd.DataFrame(list(rows.values()), columns=None if rows else list(_WIDE))
    left = [
        name for name, gap in (("against", None), ("part", "")) if all(r[name] == gap for r in rows.values())
    ]
    return made.drop(columns=left)


_WIDE = ("item_id", "response_id", "against", "part", "system", "score")


def write_parquet(rows: Iterable[dict[str, Any]], target: Any, kind: Kind) -> bool:
    """Write rows as Parquet to a path or an open file, a batch at a time; False where pyarrow is missing."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return False
    left = iter(rows)
    with pq.ParquetWriter(target, _schema(pa, kind)) as writer:
        while batch := list(islice(left, _BATCH)):
            writer.write_table(arrow(batch, kind))
    return True


def arrow(rows: Iterable[dict[str, Any]], kind: Kind) -> Any:
    """Return rows as a table of pyarrow's, with the columns and types of the Parquet files."""
    import pyarrow as pa

    held = list(rows)
    for row in held:
        for name in ("probs", "n_abstained", "item_tags"):
            if row.get(name) is not None:
                row[name] = list(row[name].items())
    return pa.Table.from_pylist(held, schema=_schema(pa, kind))


def _schema(pa: Any, kind: Kind) -> Any:
    quotation = {"quote": pa.string(), "where": pa.string(), "found": pa.bool_(), "how": pa.string()}
    numbers = (
        "value",
        "low",
        "high",
        "spread_judge",
        "spread_sample",
        "share",
        "mass",
        "undecided",
        "confidence",
        "cost_usd",
        "seconds",
    )
    counts = ("n_verdicts", "sample", "attempt", "tries", "input_tokens", "output_tokens")
    special = {
        **dict.fromkeys(numbers, pa.float64()),
        **dict.fromkeys(counts, pa.int64()),
        **dict.fromkeys((*_LISTS, "tags", "flags"), pa.list_(pa.string())),
        "stored": pa.bool_(),
        "item_tags": pa.map_(pa.string(), pa.string()),
        "probs": pa.map_(pa.string(), pa.float64()),
        "n_abstained": pa.map_(pa.string(), pa.int64()),
        "evidence": pa.list_(pa.struct(quotation)),
    }
    return pa.schema([(name, special.get(name, pa.string())) for name in COLUMNS[kind]])

"""`agree`: judges against people. Verdicts and labels in, an audit out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from judgekit.agreement.auditing.audit import audit
from judgekit.agreement.auditing.data import of_frame
from judgekit.agreement.auditing.records import Audit
from judgekit.agreement.auditing.section import Section
from judgekit.agreement.sampling.ppi import Sampling
from judgekit.calibration.orders import Rule
from judgekit.errors import InputError, check_kinds
from judgekit.items import read_items
from judgekit.items.check import FIELDS
from judgekit.table import columns_in
from judgekit.terminal.progress import Progress
from judgekit.types import Abstention, Verdict
from judgekit.verbs.joining import declared, join
from judgekit.verbs.results import Run

_KINDS = {
    "by": "a list",
    "judge": "a list, or None",
    "columns": "a mapping, or None",
    "families": "a mapping, or None",
    **dict.fromkeys(("balance", "sampling", "labels_about"), "a name"),
    **dict.fromkeys(("seed", "b"), "a whole number"),
    **dict.fromkeys(("level", "epsilon"), "a number"),
    **dict.fromkeys(("trusted", "responses_are_systems", "progress"), "True or False"),
}


def agree(
    verdicts: Any,
    *,
    labels: Any = None,
    rubric: Any = None,
    scale: Any = None,
    judge: str | Sequence[str] | None = None,
    items: Any = None,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    balance: Rule = "average",
    responses_are_systems: bool = False,
    trusted: bool = False,
    labels_about: str = "item",
    families: Mapping[str, Sequence[str]] | None = None,
    level: float = 0.95,
    seed: int = 0,
    b: int = 1000,
    epsilon: float = 0.15,
    sampling: Sampling = "unknown",
    sections: Sequence[Section] = (),
    progress: bool = True,
) -> Audit:
    """Judges against people.

    Args:
        verdicts: A run, the folder it was saved in, or its outcomes (a list, an `outcomes.jsonl`); a table of
            judges' labels with columns `item_id`, `rater`, `label`, ...; or, without `labels`, a frame of
            shape (n_units, n_raters), whose judges are columns and whose `scale` may be a list of labels.
        labels: People's labels: CSV, JSONL or Parquet, a frame, or rows, with columns `item_id`, `rater`,
            `label`, and where they apply `response_id` (or `first` and `second`), `criterion`, `system`,
            `family` (of who wrote the response), `population` (of the person or of the unit, whichever has
            one throughout), `cluster`, `weight`, `length`. Left out where people's verdicts stand in the same
            table.
        rubric: The rubric that declares the scales: a file, or the name of a bundled one.
        scale: The scale where there is no rubric: `1-5`, `0-100`, `yes_no`, `no,maybe,yes`, `nominal:a,b,c`
            or `pair`.
        judge: The judges to audit, as if there were no others but controls; all of them where left out.
        items: The items that were judged, for lengths, systems and tags.
        by: The columns of the labels, or tags of the items, to slice by.
        columns: Our name of a column of the labels, a table of verdicts or the items -> its name there.
        balance: How a judge's orders and samples become one verdict: `average`, `log_odds` or `consistent`.
        responses_are_systems: Whether response ids are the names of the systems that wrote them.
        trusted: Whether the labels are the truth (a settled gold standard), so that no second person is asked
            for.
        labels_about: What labels of pairs are about: the order of responses in the `item`, or the order
            `shown`.
        families: Family -> the judges and systems in it, for self-preference; a judge and a system of one
            name are of one family anyway.
        level: The confidence of the intervals.
        seed: The seed of all resampling.
        b: The number of resamples behind the intervals.
        epsilon: The advantage that a judge is given in the alternative annotator test.
        sampling: How the labelled units were picked from all that was judged, where the labels do not say it
            (those of `review import` do); only of units drawn by chance there is a corrected level.
        sections: Sections of one's own (`jk.agreement.Section`), after those that every audit has.
        progress: Show how far the work is, on the error stream: a bar on a terminal, a line every few seconds
            elsewhere, nothing of what ends soon.

    Raises:
        InputError: For bad rows, naming them; for an empty join; for a judge that is not there.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"gpt": ["yes", "no", "no"], "ann": ["yes", "no", "yes"]})
    >>> agree(frame, scale=["no", "yes"], judge="gpt", b=50).criteria[0].labelled.people
    ('ann',)
    """
    by = [by] if isinstance(by, str) else by
    judge = [judge] if isinstance(judge, str) else judge
    check_kinds(locals(), _KINDS)
    of_items, own_columns, columns = _columns(columns or {}, items, verdicts, labels)
    items = None if items is None else list(read_items(items, columns=of_items, needs=None))
    judges = list(judge or ())
    options: dict[str, Any] = {
        "level": level, "seed": seed, "b": b, "epsilon": epsilon, "sampling": sampling, "sections": sections,
    }  # fmt: skip
    if labels is None and not _is_table(verdicts, own_columns):
        if not judges:
            raise InputError("which columns of the frame are judges? name them: judge='gpt'")
        shape = declared(["label"], scale).by_id["label"].scale if isinstance(scale, str) else scale
        if shape is None:
            raise InputError("a frame needs its scale: scale='1-5', scale=['no', 'yes'], ...")
        data: Any = of_frame(verdicts, scale=shape, judges=judges, trusted=trusted)
        with Progress("auditing", "judge", shown=progress) as shown:
            return audit(data, progress=shown.at, **options)
    data, notes, seen = join(
        verdicts, labels, rubric=rubric, scale=scale, items=items, by=by, columns=columns,
        own_columns=own_columns, judges=judges, balance=balance, labels_about=labels_about,
        responses_are_systems=responses_are_systems, trusted=trusted, families=families,
    )  # fmt: skip
    with Progress("auditing", "judge", shown=progress) as shown:
        return audit(
            data, judges=judges or None, notes=notes, provenance=seen, progress=shown.at, **options
        )  # fmt: skip


def _columns(given: Mapping[str, str], items: Any, verdicts: Any, labels: Any) -> list[Mapping[str, str]]:
    """Return columns as they are called in the items, in a table of verdicts, and in the labels.

    Each has those that it holds, a table of verdicts those of which it does not hold ours. What nobody holds
    is looked for in the labels, or in the verdicts where there are none, so that it is missed there.
    """
    there = frozenset(given.values()) if items is None or items == "-" else columns_in(items)
    of_items = {ours: theirs for ours, theirs in given.items() if ours in FIELDS and theirs in there}
    table = columns_in(verdicts) if given and _has_columns(verdicts) else frozenset()
    own = {
        k: theirs for k, theirs in given.items()
        if k not in of_items and k not in table and (theirs in table or labels is None)
    }  # fmt: skip
    held = {*of_items, *own}
    said = columns_in(labels) if held and labels is not None else frozenset(given.values())
    return [of_items, own, {k: theirs for k, theirs in given.items() if k not in held or theirs in said}]


def _has_columns(verdicts: Any) -> bool:
    """Tell whether verdicts are a file, a frame or rows, not a run, its folder or outcomes."""
    if isinstance(verdicts, str | Path):
        return Path(verdicts).is_file()
    first = verdicts[0] if isinstance(verdicts, list | tuple) and verdicts else None
    return hasattr(verdicts, "columns") or isinstance(first, Mapping)


def _is_table(verdicts: Any, columns: Mapping[str, str]) -> bool:
    """Tell whether verdicts are in long form, rather than a frame of units by raters."""
    if isinstance(verdicts, str | Path | Run):
        return True
    if hasattr(verdicts, "columns"):
        there = {*map(str, verdicts.columns)}
        names = ({"item_id", "id"}, {"rater"}, {"label", "text", "probs"})
        return all(
            not there.isdisjoint({*each, *(columns[name] for name in each & columns.keys())})
            for each in names
        )
    if hasattr(verdicts, "__array__"):
        return False
    first = next(iter(verdicts), None) if isinstance(verdicts, Sequence) else None
    return isinstance(first, Verdict | Abstention | Mapping)

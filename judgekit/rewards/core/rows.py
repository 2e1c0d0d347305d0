"""A trainer's batch, rows under named columns, as groups: which rows belong together, and what each says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from judgekit.errors import InputError, kind_of
from judgekit.items.texts import absent, json_of, plain_of
from judgekit.rewards.core.chats import text_of_chat
from judgekit.rewards.core.records import Group, Key

_DEEPEST = 100  # levels of a row's own rubric
Data = Mapping[str, Sequence[Any]]
"""Column -> its value in each row."""


@dataclass(frozen=True)
class Columns:
    """Which columns mean what.

    Args:
        reference: The text known to be good.
        rubric: The row's own rubric: JSON, or the mapping that Arrow made of it.
        row_id: What tells rows apart.
    """

    reference: str | None = None
    rubric: str | None = None
    row_id: str | None = None


def cut_rows(rows: Sequence[object], size: int | None, *, whole: bool = False) -> list[range]:
    """Places of the rows that are one group: runs of equal rows, in groups of `size`.

    Raises:
        InputError: If groups have to be whole and a run is no multiple of `size`.

    >>> cut_rows(["a", "a", "a", "a", "b", "b"], 2)
    [range(0, 2), range(2, 4), range(4, 6)]
    """
    cut: list[range] = []
    for run in _runs(rows):
        if whole and size and len(run) % size:
            raise InputError(
                f"rows {run[0]} to {run[-1]} of this process are {len(run)} generations of one prompt, "
                f"and num_generations={size}: this is not the trainer's own, or the group is split over "
                "processes, so that its parts would be compared apart. Make per_device_train_batch_size x "
                "steps_per_generation (in evaluation, per_device_eval_batch_size) a multiple of "
                "num_generations, or put the groups together again in a reward server "
                "(`judgekit reward serve`, `trl_served`)"
            )
        cut += [run[i : i + (size or len(run))] for i in range(0, len(run), size or len(run))]
    return cut


def sized(rows: Sequence[object], size: int, *, before: bool = False) -> bool:
    """Whether a run of rows was as long as `size`, which is then the trainer's: here, or before.

    Where it never was, longer runs are no prompt that was drawn twice in a row, but groups that would be cut.

    Raises:
        InputError: If all runs are longer, and none has had that size before.

    >>> sized(["a", "a", "a", "a", "b", "b"], 2)
    True
    """
    runs = [len(run) for run in _runs(rows)]
    if before or not runs or min(runs) <= size:
        return before or size in runs
    raise InputError(
        f"{runs[0]} generations of one prompt stand together, and num_generations={size}, so that parts of "
        f"groups would be compared apart; give num_generations={runs[0]} if that is the trainer's own; if "
        "one prompt was drawn twice in a row, tell its rows apart by row_id="
    )


def _runs(rows: Sequence[object]) -> list[range]:
    """Places of equal rows next to one another."""
    starts = [i for i in range(len(rows)) if i == 0 or rows[i] != rows[i - 1]]
    return [range(*ends) for ends in zip(starts, [*starts[1:], len(rows)], strict=False)]


def identities(prompts: Sequence[Any], data: Data, columns: Columns) -> list[object]:
    """What tells each row from its neighbours: its id, or its prompt, reference and rubric."""
    if columns.row_id is not None:
        return list(_column(data, columns.row_id, "row_id"))
    named = {"reference": columns.reference, "rubric": columns.rubric}
    told = [_column(data, name, what) for what, name in named.items() if name is not None]
    return list(zip(prompts, *told, strict=True))


def groups_of(
    cut: Sequence[range],
    prompts: Sequence[Any],
    completions: Sequence[Any],
    data: Data,
    columns: Columns,
) -> tuple[list[Group], list[Key]]:
    """The groups, and for each row its key in the batch.

    Args:
        cut: Places of the rows of each group.
        prompts: Of each row.
        completions: Of each row; its place is its id.
        data: All other columns; checks see those that are the same in the whole group.
        columns: Which of them mean what.

    Raises:
        InputError: If there are more completions than prompts or fewer, a column is not there, or a value of
            it cannot be used; names the row.
    """
    if len(completions) != len(prompts):
        raise InputError(
            f"{len(completions)} completions of {len(prompts)} prompts; there is one of each a row"
        )
    groups: list[Group] = []
    keys: dict[int, Key] = {}
    for n, rows in enumerate(cut):
        own = {
            name: values[rows[0]]
            for name, values in data.items()
            if all(_same(values[i], values[rows[0]]) for i in rows)
        }
        name = str(n) if columns.row_id is None else f"{own[columns.row_id]}#{n}"
        groups.append(
            Group(
                name,
                text_of_chat(prompts[rows[0]], f"prompt of row {rows[0]}"),
                {str(i): text_of_chat(completions[i], f"completion of row {i}") for i in rows},
                None if columns.reference is None else _reference(data, columns.reference, rows[0]),
                rubric=None if columns.rubric is None else _rubric(data, columns.rubric, rows[0]),
                columns=own,
            )
        )
        keys |= {i: (name, str(i)) for i in rows}
    return groups, [keys[i] for i in range(len(prompts))]


def reference_of(value: Any, what: str) -> str | None:
    """A reference: a text, or a number in digits; None for a gap, and for blanks.

    Raises:
        InputError: If it is something else.

    >>> reference_of(" ", "label"), reference_of(float("nan"), "label"), reference_of(42, "label")
    (None, None, '42')
    """
    if absent(value) or (isinstance(value, Real) and value != value):  # noqa: PLR0124 - numpy's nan, too
        return None
    if isinstance(value, Real) and not isinstance(value, bool):
        value = str(value)
    text = plain_of(value, what)
    return text if text.strip() else None


def label_of(value: Any, what: str) -> str | None:
    """A label as a reference: what is neither text nor a number is none, and a column at most.

    Raises:
        InputError: If it is nothing a label can be.

    >>> label_of("Paris", "label"), label_of(["Paris", "Lutetia"], "label"), label_of(True, "label")
    ('Paris', None, None)
    """
    several = isinstance(value, Mapping | list | tuple) or bool(getattr(value, "ndim", False))
    return None if several or isinstance(value, bool) else reference_of(value, what)


def rubric_of(value: Any, where: str) -> Mapping[str, Any] | None:
    """A row's own rubric: JSON, or the mapping that Arrow made of it; None where there is none.

    Raises:
        InputError: If it is neither.

    >>> rubric_of('[{"id": "kind", "text": "Is it kind?"}]', "row 1")["criteria"][0]["id"]
    'kind'
    """
    if isinstance(value, str) and value:
        value = json_of(value, where)
    if not value:
        return None
    if isinstance(value, list):
        value = {"criteria": value}
    if not isinstance(value, Mapping):
        raise InputError(f"{where} is {kind_of(value)}, not a rubric; write it as a JSON object")
    return {"id": "own", **_without_gaps(value, where)}


def _column(data: Data, name: str, what: str) -> Sequence[Any]:
    if name not in data:
        raise InputError(f"{what}={name!r} is no column of the data set; there are {sorted(data)}")
    return data[name]


def _reference(data: Data, name: str, row: int) -> str | None:
    return reference_of(_column(data, name, "reference")[row], f"row {row}: reference {name!r}")


def _rubric(data: Data, name: str, row: int) -> Mapping[str, Any] | None:
    return rubric_of(_column(data, name, "rubric")[row], f"row {row}: rubric {name!r}")


def _without_gaps(value: Any, where: str, left: int = _DEEPEST) -> Any:
    """What Arrow made of a mapping, without the keys that only other rows have."""
    if not left:
        raise InputError(f"{where} is nested too deeply")
    if isinstance(value, Mapping):
        return {k: _without_gaps(each, where, left - 1) for k, each in value.items() if each is not None}
    return [_without_gaps(each, where, left - 1) for each in value] if isinstance(value, list) else value


def common(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What all rows have alike.

    >>> common([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
    {'a': 1}
    """
    first, *others = rows
    return {k: v for k, v in first.items() if all(k in other and _same(other[k], v) for other in others)}


def _same(one: Any, other: Any) -> bool:
    try:
        return one is other or bool(one == other)
    except ValueError:  # arrays do not compare as one
        return False

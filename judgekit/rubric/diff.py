"""What changed between two rubrics, field by field.

The law it keeps: some change moves the meaning exactly when the digests differ. So the order of
criteria is a change too (a judge reads them in order), and a criterion under another id is one
removed and one added (scores are stored under its id).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from judgekit.rubric.model import Criterion, Group, Node, Rubric

_NAMES_ONLY = ("id", "version", "origin", "needs")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Args:
        place: `rubric`, `criterion 'kind'` or `group 'tone'`.
        field: What differs; `added` or `removed` for the whole, `group` for what holds it, `order` for that.
        moves_meaning: False only for the rubric's id, version and origin, and for what items must hold: old
            scores and new ones can be compared as long as no change moves the meaning.
    """

    place: str
    field: str
    old: Any
    new: Any
    moves_meaning: bool = True


def diff(old: Rubric, new: Rubric) -> list[Change]:
    """Return the changes that turn one rubric into the other: fields, what was removed, the new order."""
    before, after = dict(_placed(old.criteria, "")), dict(_placed(new.criteria, ""))
    changes = [
        Change("rubric", name, a, b, moves_meaning=name not in _NAMES_ONLY)
        for name, a, b in _fields(old, new, leave_out="criteria")
    ]
    for name, (node, _) in before.items():
        if name not in after:
            changes.append(Change(_title(node), "removed", node.model_dump(mode="json"), None))
    for name, (node, holder) in after.items():
        if name not in before:
            changes.append(Change(_title(node), "added", None, node.model_dump(mode="json")))
            continue
        changes += _changed(*before[name], node, holder)
    return [*changes, *_reordered(before, after)]


Placed = tuple[Node, str]
"""A criterion or group, and the id of the group that holds it (empty at the top)."""


def _placed(nodes: tuple[Node, ...], holder: str) -> Iterator[tuple[str, Placed]]:
    for node in nodes:
        yield node.id, (node, holder)
        if isinstance(node, Group):
            yield from _placed(node.criteria, node.id)


def _title(node: Node) -> str:
    return f"{'criterion' if isinstance(node, Criterion) else 'group'} {node.id!r}"


def _changed(old: Node, held: str, new: Node, holder: str) -> Iterator[Change]:
    if held != holder:
        yield Change(_title(new), "group", held or None, holder or None)
    if type(old) is not type(new):
        yield Change(_title(new), "kind", _title(old).split()[0], _title(new).split()[0])
        return
    for name, a, b in _fields(old, new, leave_out="criteria"):
        yield Change(_title(new), name, a, b, moves_meaning=name != "needs")


def _fields(old: Any, new: Any, leave_out: str) -> Iterator[tuple[str, Any, Any]]:
    was, now = (each.model_dump(mode="json", exclude={leave_out}) for each in (old, new))
    yield from ((name, was[name], now[name]) for name in was if was[name] != now[name])


def _reordered(before: dict[str, Placed], after: dict[str, Placed]) -> Iterator[Change]:
    """Find groups in which criteria that stayed there changed their order."""
    stayed = {name for name in before if name in after and before[name][1] == after[name][1]}
    for holder in dict.fromkeys(after[name][1] for name in after if name in stayed):
        was, now = (
            [name for name in side if name in stayed and side[name][1] == holder] for side in (before, after)
        )
        if was != now:
            yield Change(f"group {holder!r}" if holder else "rubric", "order", was, now)

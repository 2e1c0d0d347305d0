"""Orders of several responses, read into one outcome for each pair."""

import pytest

import judgekit as jk
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.rubric import Rubric
from judgekit.types import Item, Reply, Verdict

RUBRIC = Rubric(id="r", criteria=[{"id": "kind", "text": "Which is kinder?"}])
ITEM = Item("1", "Where is it?", {"x": "At the depot.", "y": "Who knows.", "z": "Ask someone."})


def said(order: str) -> dict[str, str]:
    """Pair -> label or reason, of a reply that ends in an order; A, B and C are x, y and z."""
    plan = Plan(RUBRIC, (jk.Scripted("j", lambda _: ""),), protocol="rank", form="text", orders="given")
    [call] = plan.calls(ITEM)
    return {
        "".join(o.unit.responses): o.label if isinstance(o, Verdict) else o.reason
        for o in read(call, Reply(f"Well.\n{call.tag} ranking: {order}"))
    }


@pytest.mark.parametrize(
    ("order", "xy", "xz", "yz"),
    [
        ("B > A > C", "second", "first", "first"),
        ("B = A > C", "tie", "first", "first"),
        ("A > B", "first", "missing", "missing"),
        ("C > A", "missing", "second", "missing"),
        ("B", "missing", "missing", "missing"),
        ("A > A > B", "malformed", "malformed", "malformed"),
        ("A > D", "malformed", "malformed", "malformed"),
    ],
)
def test_a_response_left_out_of_an_order_is_missing_in_each_of_its_pairs(order, xy, xz, yz):
    assert said(order) == {"xy": xy, "xz": xz, "yz": yz}

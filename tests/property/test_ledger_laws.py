"""Laws of the ledger: any reply survives, in the file, in an export and in a replay of either."""

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from hypothesis import event, example, given
from hypothesis import strategies as st

from judgekit.judges.replay import Replay
from judgekit.ledger import Ledger, key_of
from judgekit.ledger.check import verify
from judgekit.ledger.key import request_of
from judgekit.ledger.store import UNPAID
from judgekit.ledger.tools import export
from judgekit.types import Call, Fault, Message, Reply


def joined(text: str) -> str:
    """Text in which two halves that stand together are one character, as they are in all that is read."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


halves = st.text('a\x00\n"\\\ud83d\udc00\u00e9\U0001f600', max_size=6)
texts = (st.text() | halves).map(joined)
pairs = st.lists(st.tuples(texts, st.floats(allow_nan=False)), max_size=3).map(tuple)
counts = st.none() | st.integers(0, 2**63 - 1)
amounts = st.none() | st.floats(0.0, allow_nan=False, allow_infinity=False)
replies = st.builds(
    Reply, text=texts, fault=st.none() | st.sampled_from(get_args(Fault)), detail=texts, logprobs=pairs,
    probs=pairs, model=texts, fingerprint=texts, input_tokens=counts, output_tokens=counts, cost_usd=amounts,
    seconds=amounts, tries=st.integers(1, 100),
)  # fmt: skip

whole = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | whole,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(whole, inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(whole, values, max_size=4)
messages = st.lists(st.builds(Message, whole, whole), max_size=3).map(tuple)


@given(st.lists(replies, min_size=1, max_size=3), mappings.filter(bool))
@example([Reply("\ud83d", logprobs=(("\udc00", float("-inf")),))], {"temperature": 1e-7})
def test_any_reply_survives_the_file_the_export_and_the_replay(said: list[Reply], identity: dict[str, Any]):
    calls = [Call("j", (), "grade", (Message("user", str(n)),)) for n in range(len(said))]
    calls = [replace(call, key=key_of(identity, call)) for call in calls]
    paid = {call.key: reply for call, reply in zip(calls, said, strict=True) if reply.fault not in UNPAID}
    event(f"{len(paid)} of {len(said)} paid")

    with tempfile.TemporaryDirectory() as folder:
        path, lines = Path(folder) / "l.sqlite", Path(folder) / "l.jsonl"

        async def work() -> None:
            with Ledger(path) as ledger:
                for call, reply in zip(calls, said, strict=True):
                    ledger.put(call, identity, reply)

        asyncio.run(work())
        with Ledger(path, read_only=True) as ledger:
            assert ledger.get(call.key for call in calls) == paid
            assert verify(ledger) == []
            assert export(ledger, lines) == len(paid)

        for record in (path, lines):
            judge = Replay(record)
            for call in calls:
                if call.key in paid:
                    assert asyncio.run(judge(call)) == replace(paid[call.key], cost_usd=0.0)


@given(mappings, messages, st.none() | mappings, st.integers(0, 10**6), st.integers(1, 2))
def test_a_request_is_what_the_standard_library_writes(
    identity: dict[str, Any],
    said: tuple[Message, ...],
    schema: dict[str, Any] | None,
    sample: int,
    attempt: int,
):
    call = Call("j", (), "grade", said, schema=schema, sample=sample, attempt=attempt)
    request = {
        "identity": identity,
        "messages": [{"role": m.role, "content": m.content} for m in said],
        "schema": schema,
        "sample": sample,
        "attempt": attempt,
    }

    plain = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert request_of(identity, call) == plain.encode()

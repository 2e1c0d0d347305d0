"""A ledger handed on: its replies as lines of JSON, which the judge `replay` reads and people can search."""

import json
from pathlib import Path
from typing import Any

import orjson

from judgekit.ledger.columns import plain_pairs
from judgekit.ledger.store import Ledger
from judgekit.ledger.tools import Entry, latest
from judgekit.writing import beside


def export(ledger: Ledger, path: str | Path) -> int:
    """Write the latest reply under each key as a line of JSON, `key` first; returns how many.

    The judge `replay:FILE` reads it back, if prompts were stored. An infinite log-probability is
    written as a word, since JSON has no number for it.

    Raises:
        InputError: If it cannot be written, or is the ledger. An older file stays until the new one is whole.
    """
    n = 0
    with beside(Path(path), reads=[ledger.path], private=True) as [file]:
        for each in latest(ledger):
            file.write(_line(each))
            n += 1
    return n


def exported(each: Entry) -> dict[str, Any]:
    """A reply as an object of an export; `replay` takes `judge` and the request's `identity` from it."""
    reply = each.reply
    return {
        "key": each.key, "judge": each.judge, "edition": each.edition, "written": each.written,
        "text": reply.text, "fault": reply.fault, "detail": reply.detail,
        "logprobs": plain_pairs(reply.logprobs), "probs": plain_pairs(reply.probs),
        "decisions": [plain_pairs(pairs) for pairs in reply.decisions],
        "model": reply.model, "fingerprint": reply.fingerprint, "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens, "cost_usd": reply.cost_usd, "seconds": reply.seconds,
        "tries": reply.tries, "request": each.asked,
    }  # fmt: skip


def _line(each: Entry) -> bytes:
    row = exported(each)
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # half a surrogate pair, which plain JSON can only escape
        return json.dumps(row, separators=(",", ":")).encode() + b"\n"

"""A mock server with a prefix cache, as vLLM and SGLang have one: it says what it had cached, and is slower without.

A prompt is cut into blocks of 64 characters (16 tokens, as they are counted here), each known by all that
stands before it; the blocks used last are held, so many at most. It counts how many requests it had at once.
"""

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from mock_script import Options, Script, completion, http

BLOCK, TOKENS = 64, 16


class Prefixes:
    """The blocks that are held; of a prompt it says how many tokens it has, and had."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: OrderedDict[int, None] = OrderedDict()

    def read(self, text: str) -> tuple[int, int]:
        """Return the tokens of a text, and how many of them were held; now all are."""
        known, found, cached = 0, True, 0
        for start in range(0, len(text) - BLOCK + 1, BLOCK):
            known = hash((known, text[start : start + BLOCK]))
            found = found and known in self.held
            cached += found
            self.held[known] = None
            self.held.move_to_end(known)
        while len(self.held) > self.most:
            self.held.popitem(last=False)
        return -(-len(text) * TOKENS // BLOCK), cached * TOKENS


class Cached(Script):
    """A script whose replies say what of the prompt was cached."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.first = options
        self.prefixes = Prefixes(options.cache)
        self.inside = self.most = 0

    def answer(self, head: bytes, body: bytes) -> bytes | None:
        """The response to one request, which takes its time by what was not cached."""
        said = super().answer(head, body)
        if not head.startswith(b"GET"):
            self.inside += 1
            self.most = max(self.most, self.inside)
            asyncio.get_running_loop().call_later(self.options.latency, self.left)
        return said

    def left(self) -> None:
        """One request less."""
        self.inside -= 1

    def spoken(self, asked: dict[str, Any]) -> bytes:
        """A completion with its usage."""
        text = self.options.text
        read, cached = self.prefixes.read("".join(m["content"] for m in asked["messages"]))
        said = completion(text(asked) if callable(text) else text)
        details = {"cached_tokens": cached}
        said["usage"] = {"prompt_tokens": read, "completion_tokens": 8, "prompt_tokens_details": details}
        self.options = replace(
            self.first, latency=self.first.latency + self.first.miss * (read - cached) / 1e3
        )
        return http(200, said)

    def counts(self) -> dict[str, Any]:
        """What was asked, and the most at once."""
        return {**super().counts(), "most_at_once": self.most}

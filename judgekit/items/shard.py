"""Shards: the share of the items that a run takes, so that several processes or machines do one job.

An item belongs to a shard by the SHA-256 of its id alone: nobody keeps a list, every process finds the same,
and an item that is added or taken out moves no other one.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from judgekit.errors import InputError


@dataclass(frozen=True, slots=True)
class Shard:
    """One of so many shards, counted from 1."""

    number: int
    of: int

    @classmethod
    def named(cls, said: str) -> Self:
        """Return the shard that is called `2/8`, the second of eight; InputError if there is none."""
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", said)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise InputError(f"shard={said!r}; say which of how many, as 2/8 is the second of eight")
        return cls(int(found[1]), int(found[2]))

    def takes(self, item_id: str) -> bool:
        """Tell whether an item is in this shard: the digest of its id is that number, modulo how many.

        >>> [n for n in range(1, 9) if Shard(n, 8).takes("item-1")]
        [3]
        """
        digest = hashlib.sha256(item_id.encode()).digest()
        return int.from_bytes(digest) % self.of == self.number % self.of

    def __str__(self) -> str:
        """The name that `named` takes."""
        return f"{self.number}/{self.of}"

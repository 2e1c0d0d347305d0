"""A judge that repeats recorded replies: other people's judgements, or a run without its judge.

The record is a file of JSON lines, one reply each: `{"key": "k1:...", "text": "..."}`, found by
the key of the call; or, without a key, `{"item_id": ..., "response_id": ..., "criterion": ...,
"sample": 0, "text": ...}`, found by what the call asks. A key holds the judge's identity, so a
record found by keys opens with a line `{"identity": {...}}` of the judge it was made with. Other
fields of a reply (`fault`, `model`, `logprobs`, ...) may stand beside the text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from judgekit.errors import InputError, ProviderError
from judgekit.scales import as_name
from judgekit.types import Call, Reply

Place = tuple[str, tuple[str, ...], str, int]
"""Item, responses in the order shown, criterion (empty: whatever is asked), sample."""

_FIELDS = frozenset(Reply.__dataclass_fields__)
_ANSWERS = frozenset({"text", "fault", "logprobs", "probs"})
_REPLY = TypeAdapter(Reply)


class Recorded(NamedTuple):
    """A record: its replies by key or place, and the identity of the judge that gave them."""

    replies: Mapping[str | Place, Reply]
    identity: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replay:
    """Recorded replies as a judge; they cost nothing again. The record is held in memory.

    Args:
        path: The file.
        name: The rater's name; `replay:` and the file's name without its suffix if left out.

    Raises:
        InputError: If the file cannot be read, or holds two replies to one call.
    """

    path: Path
    name: str = ""
    max_tokens: int | None = field(default=0, init=False)
    _recorded: Recorded = field(init=False, repr=False)

    def __post_init__(self) -> None:
        path = Path(self.path)
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "name", self.name or f"replay:{path.stem}")
        object.__setattr__(self, "_recorded", _load(path))

    @property
    def identity(self) -> Mapping[str, Any]:
        """The identity of the judge that was recorded; empty if the record does not say."""
        return self._recorded.identity

    async def __call__(self, call: Call, /) -> Reply:
        """The recorded reply.

        Raises:
            ProviderError: If there is none; asking again will not help.
        """
        places: tuple[str | Place, ...] = (call.key, *_places(call))
        for place in places:
            if place in self._recorded.replies:
                return self._recorded.replies[place]
        raise ProviderError(f"{self.path}: {_unrecorded(call)}")

    def cost(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - a price list's shape
        """Nothing."""
        return 0.0


def _places(call: Call) -> Iterator[Place]:
    """Where a reply to a call may stand: under its criterion, or under any."""
    if not call.asks:
        return
    unit, criterion = call.asks[0]
    shown = call.shown or unit.responses
    if len(call.asks) == 1:
        yield unit.item_id, shown, criterion, call.sample
    yield unit.item_id, shown, "", call.sample


def _unrecorded(call: Call) -> str:
    if not call.asks:
        return f"no reply under the key {call.key!r}; record one"
    unit, criteria = call.asks[0][0], [criterion for _, criterion in call.asks]
    asked = f"criterion {criteria[0]!r}" if len(criteria) == 1 else f"criteria {criteria}"
    shown = ", ".join(map(repr, call.shown or unit.responses)) or "none (the task itself)"
    advice = "record one" if len(criteria) == 1 else "record one for all of them, or ask one criterion a call"
    return (
        f"no reply for item {unit.item_id!r}, response {shown}, {asked}, sample {call.sample}, "
        f"under its key ({call.key or 'none'}) or its ids; {advice}, or leave the item out"
    )


def _load(path: Path) -> Recorded:
    """A record from a file of JSON lines."""
    replies: dict[str | Place, Reply] = {}
    lines: dict[str | Place, int] = {}
    identity: Mapping[str, Any] = {}
    for number, entry in _entries(path):
        where = f"{path}:{number}"
        if not _ANSWERS & entry.keys() and isinstance(entry.get("identity"), dict):
            if identity or replies:
                raise InputError(f"{where}: the identity belongs on the first line, once")
            identity = entry["identity"]
            continue
        place = _place(entry, where)
        if place in lines:
            raise InputError(
                f"{where}: a second reply for {place!r}; the first is on line {lines[place]}; "
                "keep one, or number them by 'sample'"
            )
        lines[place] = number
        replies[place] = _reply(entry, where)
    return Recorded(replies, identity)


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    entry = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise InputError(
                        f"{path}:{number}: is not JSON: {error}; write one object a line"
                    ) from None
                if not isinstance(entry, dict):
                    raise InputError(
                        f"{path}:{number}: holds a {type(entry).__name__}, not an object with 'text'"
                    )
                yield number, entry
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _place(entry: Mapping[str, Any], where: str) -> str | Place:
    """The key of a line, or else the ids it names."""
    key = entry.get("key")
    if isinstance(key, str) and key:
        return key
    if key is not None or "item_id" not in entry:
        raise InputError(f"{where}: has no 'key' and no 'item_id'; found {sorted(entry)}; write either")
    shown = entry.get("response_id")
    shown = [] if shown is None else shown if isinstance(shown, list) else [shown]
    criterion, sample = entry.get("criterion"), entry.get("sample", 0)
    if type(sample) is not int or sample < 0:
        raise InputError(f"{where}: sample {sample!r} is no count from 0")
    try:
        responses = tuple(as_name(each) for each in shown)
        return as_name(entry["item_id"]), responses, "" if criterion is None else as_name(criterion), sample
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def _reply(entry: Mapping[str, Any], where: str) -> Reply:
    """The reply of a line; what it cost then is not spent again."""
    if not _ANSWERS & entry.keys():
        raise InputError(f"{where}: holds no reply; found {sorted(entry)}; write 'text', or a 'fault'")
    fields = {name: each for name, each in entry.items() if name in _FIELDS}
    try:
        return _REPLY.validate_python({**fields, "cost_usd": 0.0}, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: {place}: {first['msg']}, found {first['input']!r}") from None

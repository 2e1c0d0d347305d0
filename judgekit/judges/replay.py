"""A judge that repeats recorded replies: other people's judgements, or a run without its judge.

The record is a ledger, or a file of JSON lines: `{"key": "k2:...", "text": "..."}`, found by the key of the
call; or `{"item_id": ..., "response_id": ..., "criterion": ..., "sample": 0, "text": ...}`, found by what it
asks. Other fields of a reply (`fault`, `logprobs`, ...) may stand beside the text. A key holds the judge's
identity, so a record found by keys must tell it: a ledger and its export do with each request they stored,
another file by a first line `{"identity": {...}}`. Where one judge was recorded with several settings, each
is tried.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from judgekit.errors import InputError, ProviderError, kind_of
from judgekit.ledger.damage import Damaged
from judgekit.ledger.file import is_sqlite
from judgekit.ledger.key import key_of
from judgekit.ledger.store import Ledger
from judgekit.ledger.tools import exported, latest
from judgekit.scales import as_name
from judgekit.types import Call, Reply
from judgekit.writing import unreadable

Place = tuple[str, tuple[str, ...], str, int]
"""Item, responses in the order shown, criterion (empty: whatever is asked), sample."""

_FIELDS = frozenset(Reply.__dataclass_fields__)
_ANSWERS = frozenset({"text", "fault", "logprobs", "probs"})
_REPLY = TypeAdapter(Reply)


@dataclass(frozen=True, slots=True)
class Replay:
    """Recorded replies as a judge; they cost nothing again. The record is held in memory.

    The path is a file, or `FILE#JUDGE` for one judge of a record of several; `judge` says the same. The name
    is `replay:` and the file's stem (and the judge, if one was named) where left out.
    """

    path: Path
    name: str = ""
    judge: str = ""
    max_tokens: int | None = field(default=0, init=False)
    _replies: Mapping[str | Place, Reply] = field(init=False, repr=False)
    _identities: Sequence[Mapping[str, Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        path, judge = (Path(self.path), self.judge) if self.judge else _split(Path(self.path))
        name = self.name or f"replay:{path.stem}{'#' if judge else ''}{judge}"
        replies, identities = _load(path, judge)
        found = {"path": path, "judge": judge, "name": name, "_replies": replies, "_identities": identities}
        for field_, value in found.items():
            object.__setattr__(self, field_, value)

    @property
    def identity(self) -> Mapping[str, Any]:
        """The identity of the judge that was recorded; empty if the record tells none, or several."""
        return self._identities[0] if len(self._identities) == 1 else {}

    async def __call__(self, call: Call, /) -> Reply:
        """Return the recorded reply; one that is `missing` is an abstention, and of several none is meant."""
        replies, identities = self._replies, self._identities
        places: tuple[str | Place, ...] = (call.key, *_places(call))
        for place in places:
            if place in replies:
                return replies[place]
        keys = [key_of(identity, call) for identity in identities]
        found = [(key, identity) for key, identity in zip(keys, identities, strict=True) if key in replies]
        if not found:
            return Reply(fault="missing", detail=f"{self.path.name}: {_unrecorded(call)}", cost_usd=0.0)
        if len(found) > 1:
            raise ProviderError(f"{self.path}: {_twice(call, [identity for _, identity in found])}")
        return replies[found[0][0]]

    def cost(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - a price list's shape
        """Return 0, since what a reply cost then is not spent again."""
        return 0.0


def _split(path: Path) -> tuple[Path, str]:
    """Return the file and the judge of `FILE#JUDGE`; either may hold another `#`."""
    text = str(path)
    ends = [i for i, c in enumerate(text) if c == "#"] if not path.exists() else []
    for end in reversed(ends):
        if Path(text[:end]).is_file():
            return Path(text[:end]), text[end + 1 :]
    return path, ""


def _places(call: Call) -> Iterator[Place]:
    """Yield where a reply to a call may stand: under its criterion, or under any."""
    if not call.asks:
        return
    unit, criterion = call.asks[0].about
    shown = call.shown or unit.responses
    if len(call.asks) == 1:
        yield unit.item_id, shown, criterion, call.sample
    yield unit.item_id, shown, "", call.sample


def _unrecorded(call: Call) -> str:
    if not call.asks:
        return f"no reply under the key {call.key!r}; record one"
    unit, criteria = call.asks[0].unit, [ask.criterion for ask in call.asks]
    asked = f"criterion {criteria[0]!r}" if len(criteria) == 1 else f"criteria {criteria}"
    shown = ", ".join(map(repr, call.shown or unit.responses)) or "none (the task itself)"
    advice = "record one" if len(criteria) == 1 else "record one for all of them, or ask one criterion a call"
    return (
        f"no reply for item {unit.item_id!r}, response {shown}, {asked}, sample {call.sample}, "
        f"under its key ({call.key or 'none'}) or its ids; {advice}, or leave the item out"
    )


def _twice(call: Call, identities: Sequence[Mapping[str, Any]]) -> str:
    unlike = [
        {name: value for name, value in each.items() if any(other.get(name) != value for other in identities)}
        for each in identities
    ]
    return (
        f"several replies for item {call.asks[0].unit.item_id if call.asks else ''!r}, recorded with "
        f"{' and with '.join(map(str, unlike))}; name the judge itself, with its settings, "
        "and let the ledger answer"
    )


def _load(path: Path, judge: str) -> tuple[Mapping[str | Place, Reply], Sequence[Mapping[str, Any]]]:
    """Return a record's replies, of the judge that is named, by key or place, and its identities."""
    replies: dict[str | Place, Reply] = {}
    lines: dict[str | Place, int] = {}
    who = _Who(path, judge)
    for number, entry in _stored(path) if is_sqlite(path) else _entries(path):
        where = f"{path}:{number}"
        if not _ANSWERS & entry.keys() and isinstance(entry.get("identity"), dict):
            if who.said or replies:
                raise InputError(f"{where}: the identity belongs on the first line, once")
            who.said.append(entry["identity"])
            continue
        if not who.gave(entry):
            continue
        place = _place(entry, where)
        if place in lines:
            raise InputError(
                f"{where}: a second reply for {place!r}; the first is on line {lines[place]}; "
                "keep one, or number them by 'sample'"
            )
        lines[place] = number
        replies[place] = _reply(entry, where)
    return replies, who.identities()


class _Who:
    """Who gave the replies of a record, found out line by line; `judge` is the one named, or empty."""

    def __init__(self, path: Path, judge: str) -> None:
        self.path = path
        self.judge = judge
        self.said: list[Mapping[str, Any]] = []
        self._by_judge: dict[str, dict[bytes, Mapping[str, Any]]] = {}
        self._unknown = False

    def gave(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether a reply is of the judge that was named; notes the identity in its request."""
        identities = self._by_judge.setdefault(str(entry.get("judge", "")), {})
        if self.judge and entry.get("judge") != self.judge:
            return False
        request = entry.get("request")
        if isinstance(request, dict) and isinstance(request.get("identity"), dict):
            identity = request["identity"]
            identities[orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)] = identity
        self._unknown = self._unknown or ("request" in entry and request is None)
        return True

    def identities(self) -> Sequence[Mapping[str, Any]]:
        """Return the identities of the one judge; InputError where it cannot be told who that is."""
        names = sorted(self._by_judge)
        if self.judge and self.judge not in names:
            raise InputError(f"{self.path}: holds no reply of {self.judge!r}; there are {names}")
        if not self.judge and len({frozenset(each) for each in self._by_judge.values()}) > 1:
            raise InputError(
                f"{self.path}: holds replies of {len(names)} judges, {names}; name one, as in "
                f"replay:{self.path}#{names[0] or names[-1]}"
            )
        every = {raw: one for each in self._by_judge.values() for raw, one in each.items()}
        found = [*self.said, *every.values()]
        if self._unknown and not found:
            raise InputError(
                f"{self.path}: was recorded without prompts, so it does not tell who was asked what; "
                "record with prompts, or name the judge itself and let the ledger answer"
            )
        return found


def _stored(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the replies of a ledger, in the form of its export."""
    keys: set[str] = set()
    with Ledger(path, read_only=True) as ledger:
        for number, each in enumerate(latest(ledger), 1):
            if each.key in keys:
                raise Damaged(path, f"it has reply {each.key} twice")
            keys.add(each.key)
            yield number, exported(each)


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    entry = _parsed(line)
                except (ValueError, RecursionError) as error:
                    raise InputError(
                        f"{path}:{number}: is not JSON: {error}; write one object a line"
                    ) from None
                if not isinstance(entry, dict):
                    raise InputError(f"{path}:{number}: holds {kind_of(entry)}, not an object with 'text'")
                if {"kind", "rater", "criterion"} <= entry.keys():
                    raise InputError(
                        f"{path}:{number}: is an outcome, not a reply; replay the run's ledger, or what "
                        "`judgekit ledger export` writes of it"
                    )
                yield number, entry
    except OSError as error:
        raise unreadable(path, error) from None


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        if b"\\ud" not in line:
            raise
        return json.loads(line)  # half a surrogate pair, which an export escapes and orjson refuses


def _place(entry: Mapping[str, Any], where: str) -> str | Place:
    """Return the key of a line, or else the ids it names."""
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
    """Return the reply of a line; what it cost then is not spent again."""
    if not _ANSWERS & entry.keys():
        raise InputError(f"{where}: holds no reply; found {sorted(entry)}; write 'text', or a 'fault'")
    fields = {name: each for name, each in entry.items() if name in _FIELDS}
    try:
        return _REPLY.validate_python({**fields, "cost_usd": 0.0}, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: {place}: {first['msg']}, found {first['input']!r}") from None

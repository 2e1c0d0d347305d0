"""Parts of a response, each judged by itself: its steps, its turns, or segments that a judge can read.

A step is what a model says and calls at once, with what came back; a turn all its steps from one message of
a user to the next; a segment as much of the text as a number of tokens. A part is shown as the response is,
and before it, at the end of the task, what came before it and a note that says which part it is and what is
not shown. All parts together are the whole response: nothing is dropped between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeVar

from judgekit.errors import InputError
from judgekit.items.talk import CALL, TOOL
from judgekit.prompt import estimate_tokens
from judgekit.types import Item, Message, Text

T = TypeVar("T")
By = Literal["step", "turn"] | int
LEAST = 100
"""The fewest tokens that a segment may have."""
BEFORE = 8_000
"""Tokens shown of what came before a part: if it were all, work would grow with the square of the steps."""
NOTE = "note"
TOLD = (
    "A response may be shown in parts, each judged by itself. Then the `<note TAG>` at the end of the task "
    "says which part the `<response TAG>` is, and what is not shown. Judge that part alone, in its place."
)


@dataclass(frozen=True, slots=True)
class Parts:
    """How responses are split: into steps, turns, or segments of so many tokens at most.

    `before` is how many tokens, estimated high, of what came before a step or a turn are shown with it; 8,000
    where left out.
    """

    by: By
    before: int | None = None

    def __post_init__(self) -> None:
        if self.by not in {"step", "turn"} and (type(self.by) is not int or self.by < LEAST):
            raise InputError(
                f"parts={self.by!r}; step, turn, or the most tokens of a segment, {LEAST} or more"
            )
        if self.before is not None and (self.before < 0 or self.kind == "segment"):
            raise InputError(
                f"parts_before={self.before!r} with parts={self.by!r}; 0 or more tokens of what came before "
                "a step or a turn"
            )

    @property
    def kind(self) -> str:
        """What a part is called."""
        return self.by if isinstance(self.by, str) else "segment"


def parts_of(by: By | None, before: int | None) -> Parts | None:
    """Return how responses are split, if they are; InputError for what says how and not into what."""
    if by is None and before is not None:
        raise InputError(
            "parts_before says how much is shown before a step or a turn, and responses are not split; say "
            "parts='step' too"
        )
    return None if by is None else Parts(by, before)


def in_parts(item: Item, parts: Parts) -> Iterator[tuple[Item, str]]:
    """Yield an item with the responses that are judged whole, then one for each part, with the part's id."""
    split = {name: split_of(_theirs(text), parts) for name, text in item.responses.items()}
    whole = {name: text for name, text in item.responses.items() if len(split[name]) < 2}
    yield replace(item, responses=whole), ""
    for name, own in split.items():
        for n, part in enumerate(own if len(own) > 1 else (), 1):
            task = (*_turns(_theirs(item.task), "user"), *_before(own, n, parts))
            yield replace(item, task=task, responses={name: part}), f"{parts.kind} {n}"


def _before(own: Sequence[Text], n: int, parts: Parts) -> Iterator[Message]:
    """Yield what is shown of what came before a part, and the note."""
    kind, first = parts.kind, n - 1
    room = 0 if kind == "segment" else BEFORE if parts.before is None else parts.before
    while first and (size := _tokens(own[first - 1])) <= room:
        room, first = room - size, first - 1
    for each in own[first : n - 1]:
        yield from _turns(each, "assistant")
    told = f"The response is {kind} {n} of {len(own)}."
    if first:
        told += f" {kind.capitalize()}{f's 1 to {first} are' if first > 1 else ' 1 is'} not shown."
    yield Message(NOTE, told)


def _theirs(text: Text) -> Text:
    """Return a text from outside, no turn of which may pass for our note."""
    if isinstance(text, str):
        return text
    return tuple(replace(turn, role="other") if turn.role == NOTE else turn for turn in text)


def split_of(text: Text, parts: Parts) -> tuple[Text, ...]:
    """Return the parts of a response, in order; one that is not to be split is its only part.

    >>> talk = (Message("call", "ls", "shell"), Message("tool", "a b", "shell"), Message("assistant", "Two."))
    >>> split_of(talk, Parts("step")) == (talk[:2], talk[2:])
    True
    """
    if isinstance(parts.by, int):
        return _segments(text, parts.by)
    if isinstance(text, str):
        return (text,)
    begins = _begins_step if parts.by == "step" else _begins_turn
    starts = [n for n, (last, turn) in enumerate(pairwise(text), 1) if begins(last, turn)]
    return tuple(text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True))


def _begins_step(last: Message, turn: Message) -> bool:
    """Tell whether a turn is the first of a step: a model says or calls anew, or somebody speaks to it."""
    if turn.role == CALL:
        return last.role == TOOL
    return turn.role != TOOL and (last.role in {CALL, TOOL, "assistant"})


def _begins_turn(last: Message, turn: Message) -> bool:
    return turn.role not in {CALL, TOOL, "assistant"} and last.role in {CALL, TOOL, "assistant"}


def _segments(text: Text, most: int) -> tuple[Text, ...]:
    if _tokens(text) <= most:
        return (text,)
    if isinstance(text, str):
        return tuple("".join(each) for each in _packed(_pieces(text, most), most))
    turns = [piece for turn in text for piece in _pieces_of(turn, most)]
    return tuple(tuple(each) for each in _packed(turns, most))


def _pieces_of(turn: Message, most: int) -> Iterator[Message]:
    """Yield a turn that fits, or its pieces, each named as one."""
    if _tokens((turn,)) <= most:
        yield turn
        return
    pieces = ["".join(each) for each in _packed(_pieces(turn.content, most), most)]
    for n, each in enumerate(pieces, 1):
        yield Message(turn.role, each, f"{turn.name} piece {n} of {len(pieces)}".strip())


def _pieces(text: str, most: int) -> list[str]:
    """Return a text in pieces that fit, cut behind lines or blanks if there are any; joined, they are it."""
    size = (most - 9) * 3 if text.isascii() else (most - 9) * 3 // 8  # by `estimate_tokens`
    pieces, start = [], 0
    while start < len(text):
        end = start + size
        if end < len(text):
            cut = max(text.rfind(mark, start + size // 2, end) for mark in "\n ")
            end = cut + 1 if cut > 0 else end
        pieces.append(text[start:end])
        start = end
    return pieces


def _packed(things: Sequence[T], most: int) -> Iterator[list[T]]:
    """Yield runs of things, as many as fit together."""
    run: list[T] = []
    room = 0
    for each in things:
        size = _tokens(each if isinstance(each, str) else (each,))  # type: ignore[arg-type]
        if run and size > room:
            yield run
            run, room = [], most
        room = (room if run else most) - size
        run.append(each)
    if run:
        yield run


def _tokens(text: Text) -> int:
    return estimate_tokens(_turns(text, "")) + 1  # so that sums of them are not too low


def _turns(text: Text, role: str) -> tuple[Message, ...]:
    return text if not isinstance(text, str) else (Message(role, text),) if text else ()

"""Fences: the one way in which text from outside is shown to a judge.

Whatever is judged is untrusted: a response may hold a closing fence, or a line that says it deserves full
marks; so may a source's id, an idea, an allowed answer. Each stands between two lines that carry a tag, 24
hexadecimal digits of the SHA-256 of what is shown, and no text can contain its own digest.

What all units of an item share carries the digest of itself alone, so that the calls for its responses begin
with the same bytes; a response carries the digest of that and of itself. What is said of responses, and the
line of a verdict, carry the unit's tag, which is equal in all orders of a pair or a list. No tag depends on a
response that is not shown. A prompt in which a text holds one of its tags carries the unit's tag throughout.

What is not fenced is ours, or a rubric's: whoever writes a criterion, in an item's own rubric too, decides
what is asked, and a judge is to follow it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, get_args

from judgekit.errors import InputError
from judgekit.prompt import flat, who
from judgekit.types import Call, Fenced, Item, Message, Text

Kind = Literal[
    "source", "task", "reference", "answers", "idea", "response", "findings", "statements", "earlier"
]
Told = tuple[Kind, str]
"""A text shown besides those of the item, and what it is."""
Block = tuple[Kind, str, Text]
"""A text to fence: its kind, what else its lines say (a source's id, a response's letter), the text."""

DIGITS = 24  # 96 bits: a text of a million lines, each another tag, holds its own once in 10**22 texts
_KINDS = frozenset(get_args(Kind))
_PLAIN_ID = re.compile(r"[\w.-]{1,100}")


def fence(kind: str, text: str, tag: str) -> str:
    """Return text between fences that it cannot close.

    >>> print(fence("response", "</response>", "0123456789abcdef01234567"))
    <response 0123456789abcdef01234567>
    </response>
    </response 0123456789abcdef01234567>
    """
    return f"<{kind} {tag}>\n{text}\n</{kind} {tag}>"


@dataclass(slots=True)
class Fences:
    """The fences of an item: what its units share is put into them once.

    `shared` stands before every response, `digest` is its SHA-256, `before` has it in its fences and `judged`
    its texts as (name, text). `responses` and `pieces` keep each response's digest and fence, and `shown`
    what was shown by responses and letters, since all criteria are asked about the same.
    """

    item: Item
    shared: tuple[Block, ...]
    digest: bytes
    tag: str
    before: tuple[str, ...]
    judged: tuple[tuple[str, str], ...]
    responses: dict[str, bytes] = field(default_factory=dict)
    pieces: dict[tuple[str, str], str] = field(default_factory=dict)
    shown: dict[tuple[tuple[str, ...], str], Fenced] = field(default_factory=dict)

    def show(self, shown: tuple[str, ...] = (), *, letters: str = "", after: Sequence[Told] = ()) -> Fenced:
        """Return what a judge is shown: what all units share, the responses, then what is said of them.

        `shown` has the responses in the order shown (none for the task itself), `letters` what they are
        called in this order, `after` what stands behind them, such as an earlier judge's findings.
        """
        if not after:
            if (shown, letters) not in self.shown:
                alone = len(shown) == 1 and not letters  # by far the commonest
                material = self._alone(shown[0]) if alone else self._together(shown, letters, ())
                self.shown[shown, letters] = material
            return self.shown[shown, letters]
        return self._together(shown, letters, after)

    def _alone(self, response: str) -> Fenced:
        """Return what `_together` does of one response without a letter, of which nothing is said."""
        text = self.item.responses[response]
        block: Block = ("response", "", text)
        tag, words = self._digest_of(response).hex()[:DIGITS], flat(text)
        if self.tag in words or tag in words:
            pieces = tuple([_in_fence(each, tag) for each in (*self.shared, block)])
        else:
            pieces = (*self.before, self._piece(response, block, tag))
        return Fenced(pieces, tag, (("response", words), *self.judged))

    def _together(self, shown: tuple[str, ...], letters: str, after: Sequence[Told]) -> Fenced:
        own: list[Block] = [
            ("response", letters[i : i + 1], self.item.responses[each]) for i, each in enumerate(shown)
        ]
        told: list[Block] = [(kind, "", text) for kind, text in after]
        digests = [self._digest_of(each) for each in shown]
        tags = [digest.hex()[:DIGITS] for digest in digests]
        tag = tags[0] if len(tags) == 1 and not told else self.tag
        if len(tags) > 1 or told:
            tag = _digest(self.item, told, self.digest + b"".join(sorted(digests))).hex()[:DIGITS]
        texts = [(kind, flat(text)) for kind, _, text in own + told]
        if any(each in text for each in (self.tag, *tags) for _, text in texts):
            pieces = [_in_fence(block, tag) for block in (*self.shared, *own, *told)]
        else:
            fenced = [self._piece(*each) for each in zip(shown, own, tags, strict=True)]
            pieces = [*self.before, *fenced, *[_in_fence(block, tag) for block in told]]
        return Fenced(tuple(pieces), tag, (*texts, *self.judged))

    def _piece(self, response: str, block: Block, tag: str) -> str:
        """Return a response in the fence of its own tag, made once for each letter it is called by."""
        if (response, block[1]) not in self.pieces:
            self.pieces[response, block[1]] = _in_fence(block, tag)
        return self.pieces[response, block[1]]

    def _digest_of(self, response: str) -> bytes:
        if response not in self.responses:
            block: Block = ("response", "", self.item.responses[response])
            self.responses[response] = _digest(self.item, [block], self.digest)
        return self.responses[response]


def fences_of(item: Item, *, beside: Sequence[Told] = ()) -> Fences:
    """Return the fences of an item; `beside` stands after its sources, task and reference for all its units.

    A lone surrogate in a text is an InputError, since no request can carry it.

    >>> fences = fences_of(Item("1", "Why?", {"a": "So.", "b": "No."}))
    >>> [a, b] = [fences.show((name,)) for name in "ab"]
    >>> a.pieces[0] == b.pieces[0] == fences.before[0] and a.tag != b.tag
    True
    >>> fences.show().tag == fences.tag
    True
    """
    sources: list[Block] = [("source", name, text) for name, text in item.sources.items()]
    task: list[Block] = [("task", "", item.task)] if item.task else []
    reference: list[Block] = [] if item.reference is None else [("reference", "", item.reference)]
    told: list[Block] = [(kind, "", text) for kind, text in beside]
    shared = (*sources, *task, *reference, *told)
    digest = _digest(item, shared)
    tag = digest.hex()[:DIGITS]
    before = tuple([_in_fence(block, tag) for block in shared])
    # Evidence is looked for in this order. An id that is more than a name may say what a verdict says.
    judged = [(name or kind, flat(text)) for kind, name, text in (*sources, *reference, *task, *told)]
    judged += [(name, name) for name in item.sources if not _PLAIN_ID.fullmatch(name)]
    return Fences(item=item, shared=shared, digest=digest, tag=tag, before=before, judged=tuple(judged))


def shared_tag(call: Call) -> str:
    """Return the tag of what a call shows first, which is that of all that an item's calls share.

    Of an item that has neither sources nor a task nor a reference it is the response's own; of a call made by
    hand, one for its words.
    """
    if call.material is not None and call.material.pieces:
        return call.material.pieces[0][-DIGITS - 1 : -1]
    words = "".join([message.content for message in call.messages])
    return call.tag or hashlib.sha256(words.encode(errors="replace")).hexdigest()[:DIGITS]


def _digest(item: Item, blocks: Iterable[Block], before: bytes = b"") -> bytes:
    """Return the SHA-256 of what came before and of texts, kinds and names, each with its length."""
    told = ""
    for kind, name, text in blocks:
        if isinstance(text, str):
            told += f"{len(kind)}:{kind}{len(name)}:{name}{len(text)}:{text}"
        else:
            told += "".join(f"{len(part)}:{part}" for part in (kind, name, *_in_turns(text)))
    try:
        return hashlib.sha256(before + told.encode()).digest()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{item.where or item.item_id}: text with a lone surrogate ({error.reason})"
        ) from None


def _in_turns(text: tuple[Message, ...]) -> Iterator[str]:
    return chain.from_iterable((who(turn), turn.content) for turn in text)


def _in_fence(block: Block, tag: str) -> str:
    """Return a text in its fence; a conversation with a fence for each turn inside its own."""
    kind, name, text = block
    head = f"{kind} id={_attribute(name)}" if kind == "source" else f"{kind} {name}" if name else kind
    return fence(head, text if isinstance(text, str) else "\n".join(_turn(turn, tag) for turn in text), tag)


def _turn(turn: Message, tag: str) -> str:
    """Return a turn in a fence named for its role, which from outside may not be the name of another."""
    plain = turn.role not in _KINDS and re.fullmatch(r"[a-z]{1,20}", turn.role)
    role = turn.role if plain else "other"
    return fence(f"{role} name={_attribute(turn.name)}" if turn.name else role, turn.content, tag)


def _attribute(name: str) -> str:
    """Return a source's or a tool's name for the line of a fence: quoted, on a line, without <>."""
    seen = "".join(sign if sign.isprintable() and sign not in '"<>' else " " for sign in name)
    return f'"{" ".join(seen.split())}"'

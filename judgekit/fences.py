"""Fences: the one way in which text from outside is shown to a judge.

Whatever is judged is untrusted: a response may hold a closing fence, or a line that says it deserves full
marks; so may the id of a source, an idea that a judge had in an earlier round, the answers that an item
allows. Each stands between two lines that carry a tag, 24 hexadecimal digits of the SHA-256 of what is
shown, and no text can contain its own digest.

What all units of an item share (sources with their ids, task, reference) carries the digest of itself alone,
so that the calls for its responses begin with the same bytes; a response carries the digest of that and of
itself, so that pairs share the one shown first. What is said of responses, and the line of a verdict, carry
the unit's tag, the digest of all of this with the responses in any order: it is equal in all orders of a pair
or a list. No tag and no prompt depends on a response that is not shown, and tags are equal for all criteria,
judges, samples and runs. A response may know the task, or the one beside it, and so their tags; a prompt in
which a text holds one of them carries the unit's tag throughout, so no text shown holds a tag of its prompt.

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
from judgekit.prompt import flat
from judgekit.types import Fenced, Item, Message, Text

Kind = Literal["source", "task", "reference", "answers", "idea", "response", "findings", "statements"]
Told = tuple[Kind, str]
"""A text shown besides those of the item, and what it is."""
Block = tuple[Kind, str, Text]
"""A text to fence: its kind, what else its lines say (a source's id, a response's letter), the text."""

DIGITS = 24  # 96 bits: a text of a million lines, each another tag, holds its own once in 10**22 texts
_KINDS = frozenset(get_args(Kind))
_PLAIN_ID = re.compile(r"[\w.-]{1,100}")


def fence(kind: str, text: str, tag: str) -> str:
    """Text between fences that it cannot close.

    >>> print(fence("response", "</response>", "0123456789abcdef01234567"))
    <response 0123456789abcdef01234567>
    </response>
    </response 0123456789abcdef01234567>
    """
    return f"<{kind} {tag}>\n{text}\n</{kind} {tag}>"


@dataclass(slots=True)
class Fences:
    """The fences of an item: what its units share is put into them once.

    Args:
        item: The item.
        shared: What stands before every response.
        digest: SHA-256 of that.
        tag: Of that.
        before: That in its fences.
        judged: The texts in it, (name, text) each.
        responses: SHA-256 of each response that was shown.
        pieces: Responses in their fences, by response and letter.
        shown: What was shown, by responses and letters: all criteria are asked about the same.
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
        """What a judge of responses is shown: what all units share, the responses, then what is said of them.

        Args:
            shown: The responses, in the order shown; none for the task itself.
            letters: What they are called, in this order; left out, they have no names.
            after: What stands after the responses, such as an earlier judge's findings.

        Raises:
            InputError: If a text holds a lone surrogate, which no request can carry.
        """
        if not after and (shown, letters) in self.shown:
            return self.shown[shown, letters]
        if len(shown) == 1 and not after:
            return self._one(shown, letters)
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
        material = Fenced(tuple(pieces), tag, (*texts, *self.judged))
        if not after:
            self.shown[shown, letters] = material
        return material

    def _one(self, shown: tuple[str], letters: str) -> Fenced:
        """As `show`, of one response: by far the commonest."""
        [response] = shown
        text = self.item.responses[response]
        tag, words = self._digest_of(response).hex()[:DIGITS], flat(text)
        block: Block = ("response", letters[:1], text)
        if self.tag in words or tag in words:
            pieces = tuple([_in_fence(each, tag) for each in (*self.shared, block)])
        else:
            pieces = (*self.before, self._piece(response, block, tag))
        material = self.shown[shown, letters] = Fenced(pieces, tag, (("response", words), *self.judged))
        return material

    def _piece(self, response: str, block: Block, tag: str) -> str:
        """A response in the fence of its own tag, made once for each letter it is called by."""
        if (response, block[1]) not in self.pieces:
            self.pieces[response, block[1]] = _in_fence(block, tag)
        return self.pieces[response, block[1]]

    def _digest_of(self, response: str) -> bytes:
        if response not in self.responses:
            block: Block = ("response", "", self.item.responses[response])
            self.responses[response] = _digest(self.item, [block], self.digest)
        return self.responses[response]


def fences_of(item: Item, *, beside: Sequence[Told] = ()) -> Fences:
    """The fences of an item.

    Args:
        item: The item.
        beside: What stands after its sources, task and reference for all its units: ideas, answers allowed.

    Raises:
        InputError: If a text holds a lone surrogate, which no request can carry.

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
    return Fences(item, shared, digest, tag, before, tuple(judged))


def _digest(item: Item, blocks: Iterable[Block], before: bytes = b"") -> bytes:
    """SHA-256 of what came before and of texts with their kinds and names, each with its length."""
    told = "".join(
        [
            f"{len(kind)}:{kind}{len(name)}:{name}{len(text)}:{text}"
            if isinstance(text, str)
            else "".join(f"{len(part)}:{part}" for part in (kind, name, *_in_turns(text)))
            for kind, name, text in blocks
        ]
    )
    try:
        return hashlib.sha256(before + told.encode()).digest()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{item.where or item.item_id}: text with a lone surrogate ({error.reason})"
        ) from None


def _in_turns(text: tuple[Message, ...]) -> Iterator[str]:
    return chain.from_iterable((turn.role, turn.content) for turn in text)


def _in_fence(block: Block, tag: str) -> str:
    """A text in its fence; a conversation with a fence for each turn inside its own."""
    kind, name, text = block
    head = f"{kind} id={_attribute(name)}" if kind == "source" else f"{kind} {name}" if name else kind
    return fence(head, text if isinstance(text, str) else "\n".join(_turn(turn, tag) for turn in text), tag)


def _turn(turn: Message, tag: str) -> str:
    """A turn in a fence named for its role, which may come from outside: it is no name of another fence."""
    named = turn.role not in _KINDS and re.fullmatch(r"[a-z]{1,20}", turn.role)
    return fence(turn.role if named else "other", turn.content, tag)


def _attribute(name: str) -> str:
    """A source's id inside the line of a fence: quoted, on one line, without angle brackets."""
    seen = "".join(sign if sign.isprintable() and sign not in '"<>' else " " for sign in name)
    return f'"{" ".join(seen.split())}"'

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, get_args

from judgekit.errors import InputError
from judgekit.prompt import flat
from judgekit.types import Item, Material, Message, Text, View

Kind = Literal["source", "task", "reference", "answers", "idea", "response", "findings", "statements"]
Told = tuple[Kind, str]
"""A text shown besides those of the item, and what it is."""
Block = tuple[Kind, str, Text]
"""A text to fence: its kind, what else its lines say (a source's id, a response's letter), the text."""

DIGITS = 24  # 96 bits: of a text that holds a million tags one in 10**23 holds its own
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
        text: That in its fences.
        responses: SHA-256 of each response that was shown.
    """

    item: Item
    shared: tuple[Block, ...]
    digest: bytes
    text: str
    responses: dict[str, bytes] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The tag of what the units share."""
        return self.digest.hex()[:DIGITS]

    def show(self, view: View, *, letters: str = "", after: Sequence[Told] = ()) -> Material:
        """What a unit's judge is shown: what all units share, then its responses, then what is said of them.

        Args:
            view: The unit, and the order its responses are shown in.
            letters: What the responses are called, in the order shown; left out, they have no names.
            after: What stands after the responses, such as an earlier judge's findings.

        Raises:
            InputError: If a text holds a lone surrogate, which no request can carry.
        """
        unit, shown = view
        told = [(kind, "", text) for kind, text in after]
        own: list[Block] = [
            ("response", letters[i : i + 1], self.item.responses[name]) for i, name in enumerate(shown)
        ]
        own += told
        judged = tuple(("response", flat(self.item.responses[name])) for name in unit.responses)
        judged += (*_judged(self.shared), *_judged(told))
        if not own:
            return Material(self.text, self.tag, judged)
        digests = [self._digest_of(name) for name in shown]
        tag = self._tag_of(*sorted(digests), *(_digest(self.item, block) for block in told))
        tags = [*map(self._tag_of, digests), *(tag for _ in told)]
        before, every = self.text, {self.tag, *tags}
        if any(each in content for _, _, text in own for content in _contents(text) for each in every):
            before, tags = _fenced(self.shared, tag), [tag for _ in own]
        fenced = [_fenced((block,), each) for block, each in zip(own, tags, strict=True)]
        return Material("\n\n".join((*filter(None, (before,)), *fenced)), tag, judged)

    def _tag_of(self, *digests: bytes) -> str:
        return hashlib.sha256(self.digest + b"".join(digests)).hexdigest()[:DIGITS]

    def _digest_of(self, response: str) -> bytes:
        if response not in self.responses:
            text = self.item.responses[response]
            self.responses[response] = _digest(self.item, ("response", "", text))
        return self.responses[response]


def fences_of(item: Item, *, beside: Sequence[Told] = ()) -> Fences:
    """The fences of an item.

    Args:
        item: The item.
        beside: What stands after its sources, task and reference for all its units: ideas, answers allowed.

    Raises:
        InputError: If a text holds a lone surrogate, which no request can carry.

    >>> from judgekit.types import Unit
    >>> fences = fences_of(Item("1", "Why?", {"a": "So.", "b": "No."}))
    >>> [a, b] = [fences.show((Unit("1", (name,)), (name,))) for name in "ab"]
    >>> a.text.startswith(fences.text) and b.text.startswith(fences.text) and a.tag != b.tag
    True
    >>> fences.show((Unit("1"), ())).tag == fences.tag
    True
    """
    shared: list[Block] = [("source", name, text) for name, text in item.sources.items()]
    if item.task:
        shared.append(("task", "", item.task))
    if item.reference is not None:
        shared.append(("reference", "", item.reference))
    shared += [(kind, "", text) for kind, text in beside]
    digest = hashlib.sha256(b"".join(_digest(item, block) for block in shared))
    return Fences(item, tuple(shared), digest.digest(), _fenced(shared, digest.hexdigest()[:DIGITS]))


def _contents(text: Text) -> Iterable[str]:
    return (text,) if isinstance(text, str) else (turn.content for turn in text)


def _digest(item: Item, block: Block) -> bytes:
    """SHA-256 of a text with its kind and name, each with its length before it."""
    kind, name, text = block
    turns = (text,) if isinstance(text, str) else chain.from_iterable((m.role, m.content) for m in text)
    digest = hashlib.sha256()
    try:
        for part in (kind, name, *turns):
            raw = part.encode()
            digest.update(b"%d:" % len(raw))
            digest.update(raw)
    except UnicodeEncodeError as error:
        raise InputError(
            f"{item.where or item.item_id}: text with a lone surrogate ({error.reason})"
        ) from None
    return digest.digest()


def _fenced(blocks: Iterable[Block], tag: str) -> str:
    """Texts in their fences; a conversation with a fence for each turn inside its own."""
    out = []
    for kind, name, text in blocks:
        head = f"{kind} id={_attribute(name)}" if kind == "source" else f"{kind} {name}".rstrip()
        body = text if isinstance(text, str) else "\n".join(_turn(turn, tag) for turn in text)
        out.append(fence(head, body, tag))
    return "\n\n".join(out)


def _turn(turn: Message, tag: str) -> str:
    """A turn in a fence named for its role, which may come from outside: it is no name of another fence."""
    named = turn.role not in _KINDS and re.fullmatch(r"[a-z]{1,20}", turn.role)
    return fence(turn.role if named else "other", turn.content, tag)


def _attribute(name: str) -> str:
    """A source's id inside the line of a fence: quoted, on one line, without angle brackets."""
    seen = "".join(sign if sign.isprintable() and sign not in '"<>' else " " for sign in name)
    return f'"{" ".join(seen.split())}"'


def _judged(blocks: Iterable[Block]) -> tuple[tuple[str, str], ...]:
    """The texts of blocks with their names, in the order evidence is looked for in.

    The id of a source is one too, where it is more than a name and may say what a verdict says.
    """
    last = {"source": 0, "reference": 1, "task": 2}
    ordered = sorted(blocks, key=lambda block: last.get(block[0], len(last)))
    texts = [(name or kind, flat(text)) for kind, name, text in ordered]
    return (*texts, *((name, name) for _, name, _ in ordered if name and not _PLAIN_ID.fullmatch(name)))

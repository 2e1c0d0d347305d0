"""Templates and the text put into them.

Everything judged is untrusted: a response may hold a brace, a closing fence, or a line that says
it deserves full marks. Three rules keep it data. A template is filled in one pass, so filled-in
text is never searched for placeholders. Judged text stands between fences that carry a tag
derived from that text, and no text can contain its own digest, so none can close its fence. And
the tag stands only after the static text, so equal prefixes stay equal.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from judgekit.errors import InputError
from judgekit.shelf import prompt_text
from judgekit.types import Item, Message, Text, Unit

_PART = re.compile(r"^<!-- (system|user) -->\n", re.MULTILINE)
_PLACE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """Messages with places to fill: for each its role and its pieces, (text, name of the place after it).

    `digest` is the SHA-256 of its text: a changed prompt is a changed measurement.
    """

    name: str
    parts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    places: frozenset[str]
    digest: str


def template_of(text: str, name: str = "template") -> Template:
    r"""A template from Markdown: parts begin with `<!-- system -->` or `<!-- user -->` on a line.

    Raises:
        InputError: If it has no user part.

    >>> template_of("<!-- user -->\nRate {what}.").places
    frozenset({'what'})
    """
    pieces = _PART.split(text)
    if "user" not in pieces[1::2]:
        raise InputError(f"prompt {name!r} has no part that begins with '<!-- user -->'")
    parts = []
    for role, body in zip(pieces[1::2], pieces[2::2], strict=True):
        split = _PLACE.split(body.strip())
        parts.append((role, tuple(zip(split[::2], [*split[1::2], ""], strict=True))))
    places = frozenset(place for _, segments in parts for _, place in segments if place)
    return Template(name, tuple(parts), places, hashlib.sha256(text.encode()).hexdigest())


@lru_cache
def bundled_template(name: str) -> Template:
    """A bundled prompt, ready to be filled.

    >>> sorted(bundled_template("grade").places)
    ['criteria', 'form', 'guidelines', 'material']
    """
    return template_of(prompt_text(name), name)


def fill(template: Template, fields: Mapping[str, str]) -> tuple[Message, ...]:
    r"""The messages of a template, filled once: braces in the fields are text.

    Raises:
        InputError: If fields and places differ.

    >>> fill(template_of("<!-- user -->\n{a} and {b}"), {"a": "{b}", "b": "x"})[0].content
    '{b} and x'
    """
    if fields.keys() != template.places:
        missing, extra = sorted(template.places - fields.keys()), sorted(fields.keys() - template.places)
        raise InputError(
            f"prompt {template.name!r} and its fields differ: "
            f"no value for {missing}, no placeholder for {extra}"
        )
    messages = []
    for role, pieces in template.parts:
        content = ""
        for text, place in pieces:
            # A place left empty takes the blank line after it along.
            content += text.lstrip("\n") if content.endswith("\n\n") else text
            content += fields[place] if place else ""
        messages.append(Message(role, content.rstrip()))
    return tuple(m for m in messages if m.content)


def tag_of(item: Item) -> str:
    """The fence tag of an item: 16 hex digits of the SHA-256 of all its texts, with their lengths.

    Equal for every criterion, judge and sample, so that caches hold and prefixes are shared.

    Raises:
        InputError: If a text holds a lone surrogate, which no request can carry.
    """
    digest = hashlib.sha256()
    try:
        for text in _texts(item):
            raw = text.encode()
            digest.update(b"%d:" % len(raw))
            digest.update(raw)
    except UnicodeEncodeError as error:
        raise InputError(
            f"{item.where or item.item_id}: text with a lone surrogate ({error.reason})"
        ) from None
    return digest.hexdigest()[:16]


def _texts(item: Item) -> Iterable[str]:
    for text in (item.task, *item.responses.values()):
        yield from ([text] if isinstance(text, str) else (m.content for m in text))
    if item.reference is not None:
        yield item.reference
    yield from item.sources.values()


def fence(name: str, text: str, tag: str) -> str:
    """Text between fences that it cannot close.

    >>> print(fence("response", "</response>", "0123456789abcdef"))
    <response 0123456789abcdef>
    </response>
    </response 0123456789abcdef>
    """
    return f"<{name} {tag}>\n{text}\n</{name} {tag}>"


def flat(text: Text) -> str:
    """A text as one string; the turns of a conversation one after another."""
    return text if isinstance(text, str) else "\n\n".join(m.content for m in text)


def fenced(name: str, text: Text, tag: str) -> str:
    """A text in its fence; a conversation with a fence for each turn inside it."""
    if isinstance(text, str):
        return fence(name, text, tag)
    turns = [fence(_role(m.role), m.content, tag) for m in text]
    return fence(name, "\n".join(turns), tag)


def _role(role: str) -> str:
    return role if re.fullmatch(r"[a-z]{1,20}", role) else "other"


def material(item: Item, unit: Unit, tag: str, *, reference: bool = True) -> str:
    """What is judged, fenced: sources, task, reference, then the unit's responses.

    What all units of an item share comes first, so that their prompts share a prefix.
    """
    blocks = [fence(f"source id={_attribute(name)}", text, tag) for name, text in item.sources.items()]
    if item.task:
        blocks.append(fenced("task", item.task, tag))
    if reference and item.reference is not None:
        blocks.append(fence("reference", item.reference, tag))
    blocks += [fenced("response", item.responses[name], tag) for name in unit.responses]
    return "\n\n".join(blocks)


def judged_texts(item: Item, unit: Unit) -> tuple[tuple[str, str], ...]:
    """The untrusted texts shown for a unit: (`response`, `reference`, `task` or a source's id, text) each."""
    texts = [("response", flat(item.responses[name])) for name in unit.responses]
    texts += [(name, text) for name, text in item.sources.items()]
    if item.reference is not None:
        texts.append(("reference", item.reference))
    if item.task:
        texts.append(("task", flat(item.task)))
    return tuple(texts)


def _attribute(name: str) -> str:
    """A source id inside a fence line: quoted, on one line, without angle brackets."""
    return '"' + re.sub(r'[\s"<>]+', " ", name).strip() + '"'


def estimate_tokens(messages: Iterable[Message]) -> int:
    """Tokens of a prompt, estimated on the high side: a third of its ASCII, 1.5 for each other letter.

    >>> estimate_tokens([Message("user", "a" * 300)])
    108
    """
    total = 0.0
    for message in messages:
        n_bytes = len(message.content.encode())
        n_other = (n_bytes - len(message.content)) / 1.5  # most others take two or three bytes
        total += (len(message.content) - n_other) / 3 + n_other * 1.5 + 8
    return int(total)

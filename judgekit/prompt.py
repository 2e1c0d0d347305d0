"""Templates and the text put into them.

A template is filled in one pass, so filled-in text is never searched for placeholders, and it takes two kinds
of text only: words that say they are ours (`Ours`), and text from outside in its fences (`Fenced`, which
`fences` makes). Static text comes first, then the item, then the criterion, so equal prefixes stay equal.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from judgekit.errors import InputError
from judgekit.shelf import prompt_text
from judgekit.types import Fenced, Message, Text

_PART = re.compile(r"^<!-- (system|user) -->\n", re.MULTILINE)
TAG = "\0"  # stands for the tag in our words on the form of an answer
_CUT = "\2"  # stands for the material
_PLACE = re.compile(r"\{([a-z_]+)\}")


class Ours(str):
    """Words that may stand in a prompt as they are: ours, or those of a rubric.

    Whatever is done with them gives plain text again, which no template takes.

    >>> isinstance(Ours("a") + "b", Ours)
    False
    """

    __slots__ = ()


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
    r"""Return a template from Markdown: parts begin with `<!-- system -->` or `<!-- user -->` on a line.

    A text without a user part is an InputError.

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
    """Return a bundled prompt, ready to be filled.

    >>> sorted(bundled_template("grade").places)
    ['criteria', 'form', 'guidelines', 'material']
    """
    return template_of(prompt_text(name), name)


def fill(template: Template, fields: Mapping[str, Ours | Fenced]) -> tuple[Message, ...]:
    r"""Return the messages of a template, filled once: braces in the fields are text.

    Fields that differ from the places are an InputError; plain text, which may be anybody's, a TypeError.

    >>> fill(template_of("<!-- user -->\n{a} and {b}"), {"a": Ours("{b}"), "b": Ours("x")})[0].content
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
            content += _words(template, place, fields[place]) if place else ""
        messages.append(Message(role, content.rstrip()))
    return tuple(m for m in messages if m.content)


def _words(template: Template, place: str, value: Ours | Fenced) -> str:
    if isinstance(value, Fenced):
        return value.text
    if not isinstance(value, Ours):
        raise TypeError(f"prompt {template.name!r}: {place!r} is plain text; fence it, or say it is ours")
    return value


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template with all filled in but a unit's material: roles, and texts cut where that goes."""

    parts: tuple[tuple[str, tuple[str, ...]], ...]

    def about(self, material: Fenced, marks: Mapping[str, str] | None = None) -> tuple[Message, ...]:
        """Return the messages about a unit, with its material, its tag and what other marks stand for."""
        told = {TAG: material.tag, **marks} if marks else {TAG: material.tag}
        messages, text = [], material.text
        for role, pieces in self.parts:
            words = pieces
            for mark, value in told.items():
                if mark in "".join(words):
                    words = tuple([piece.replace(mark, value) for piece in words])
            messages.append(Message(role, text.join(words)))
        return tuple(messages)


def settled(template: Template, static: Mapping[str, Ours]) -> Prompt:
    """Return a template with what is the same for every item.

    Other places than these and `material`, or a control character that marks a place here, are an InputError.
    """
    for place, words in static.items():
        if _CUT in words or (TAG in words and place != "form"):
            raise InputError(
                f"the {place} of the rubric hold a control character (U+0000 or U+0002); remove it"
            )
    whole = fill(template, {**static, "material": Ours(_CUT)})
    return Prompt(tuple((message.role, tuple(message.content.split(_CUT))) for message in whole))


def put(task: Text) -> tuple[Message, ...]:
    """Return the prompt of a task for a model that is to carry it out, with nothing of ours to guard."""
    return (Message("user", task),) if isinstance(task, str) else task


def who(turn: Message) -> str:
    """Return who speaks in a turn, with the name of the tool that is called or answers."""
    return f"{turn.role} {turn.name}" if turn.name else turn.role


def flat(text: Text) -> str:
    """Return a text as one string; the turns of a conversation one after another, under the tools' names."""
    if isinstance(text, str):
        return text
    return "\n\n".join([f"{m.name}\n{m.content}" if m.name else m.content for m in text])


def estimate_tokens(messages: Iterable[Message]) -> int:
    """Return the tokens of a prompt, estimated high: a third of its ASCII, 1.5 for each other letter.

    >>> estimate_tokens([Message("user", "a" * 300)])
    108
    """
    total = 0.0
    for message in messages:
        n_bytes = len(message.content.encode())
        n_other = (n_bytes - len(message.content)) / 1.5  # most others take two or three bytes
        total += (len(message.content) - n_other) / 3 + n_other * 1.5 + 8
    return int(total)

"""What of a reply is no answer of the judge: blocks of reasoning, wherever they are, and turns of others."""

import re

_TAG = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
_OPENED = re.compile(r"\s*+<(?:think|thinking|reasoning)>", re.IGNORECASE)
_OBJECT = re.compile(r"\s*+(?:```\w*+\s*+)?[{\[]")

_OTHER_TURN = re.compile(
    r"<\|im_start\|>(?!assistant)|<\|start_header_id\|>(?!assistant)|<start_of_turn>(?!model)"
)


def own_turn(text: str) -> str:
    """A reply up to where the model went on with a turn that is not its own.

    >>> own_turn("Score: 4<|im_end|><|im_start|>user Score: 1")
    'Score: 4<|im_end|>'
    """
    turn = _OTHER_TURN.search(text)
    return text if turn is None else text[: turn.start()]


def has_tags(text: str) -> bool:
    """Whether a text holds the beginning or the end of a block."""
    return "<" in text and _TAG.search(text) is not None


def without(text: str) -> str:
    """A reply without its blocks of reasoning.

    A block that does not begin anywhere begins with the reply (unless an object does); one that does not end
    goes to the reply's end.

    >>> without("<think>Maybe 5?</think>4"), without("Or 3?</think>4<think>5"), without('{"a": "</think>"}')
    ('4', '4', '{"a": "</think>"}')
    """
    if not has_tags(text):
        return text
    kept: list[str] = []
    start, is_open = 0, False
    answers_first = _OBJECT.match(text) is not None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            if not is_open:
                kept.append(text[start : tag.start()])
            is_open = True
        elif is_open or not answers_first:
            if not is_open:
                kept.clear()
            start, is_open = tag.end(), False
    if not is_open:
        kept.append(text[start:])
    return "\n".join(part for part in kept if part)


def where_tagged(text: str, *, quotable: bool, truncated: bool) -> str:
    """What of a reply is looked through for lines that carry the tag.

    Where the judged text holds the beginning or end of a block itself (`quotable`), a block may be a
    quotation and no reason to pass over what nobody but the judge can write. But a reply that was cut off
    may have been so in the middle of its thoughts.
    """
    if quotable and not (truncated and _OPENED.match(text)):
        return text
    return without(text)

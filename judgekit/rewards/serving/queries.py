"""The response in a query: OpenRLHF sends prompt and response as one text, with their special tokens."""

import re
from typing import Final

from judgekit.errors import InputError

_ENDING: Final = re.compile(
    r"(?:<\|\w{1,40}\|>|</s>|<eos>|<pad>|<end_of_turn>|<\uff5c[\w\u2581]{1,40}\uff5c>)\Z"
)
_LONGEST: Final = 44
"""Characters of a special token at most."""
_LEAST: Final = 32
"""Characters by which a prompt that was cut is still known, and before which it has to begin."""
_TRIES: Final = 100


def response_in(query: str, prompt: str, where: str) -> str:
    """What follows the prompt, without the special tokens that end it.

    A tokenizer may have put a token before the prompt; a prompt that was too long was cut from the left.

    Raises:
        InputError: If the query does not begin with the prompt, or with the end of it.

    >>> response_in("<s><|user|>Hi?<|assistant|>Hello.</s>", "<|user|>Hi?<|assistant|>", "query[0]")
    'Hello.'
    """
    at = query.find(prompt, 0, len(prompt) + _LEAST)
    if at >= 0:
        return _unended(query[at + len(prompt) :])
    head, start = query[:_LEAST], -1
    for _ in range(_TRIES):  # however often the prompt repeats itself
        start = prompt.find(head, start + 1)
        if start < 0 or len(prompt) - start < _LEAST:
            break
        if query.startswith(prompt[start:]):
            return _unended(query[len(prompt) - start :])
    raise InputError(
        f"{where} begins with {query[:40]!r}, not with its prompt {prompt[:40]!r}, so the response in it "
        "cannot be told; the tokenizer may have changed the prompt"
    )


def _unended(text: str) -> str:
    """A response without the special tokens at its end; from behind, since policies repeat themselves.

    >>> _unended("Hello. </s> <pad><pad> "), _unended("Hello. ")
    ('Hello.', 'Hello. ')
    """
    ended, end = False, _bare(text, len(text))
    while found := _ENDING.search(text, max(end - _LONGEST, 0), end):
        ended, end = True, _bare(text, found.start())
    return text[:end] if ended else text


def _bare(text: str, end: int) -> int:
    """Where the blanks before a place begin."""
    while end and text[end - 1].isspace():
        end -= 1
    return end

"""Prompts and responses as trainers hold them: plain text, or chat messages with tool calls in them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from judgekit.errors import InputError, kind_of
from judgekit.types import Message, Text


def text_of_chat(value: Any, what: str = "conversation") -> Text:
    """A text as it is, or a conversation; one single message of it is its content.

    What a policy wrote is judged even where it is blank. Calls of tools are written into the content as
    JSON, since judges read words; thoughts kept apart from the content are no part of the response.

    Args:
        value: Text, or a list of `{"role": ..., "content": ...}`.
        what: What messages of errors call it.

    Raises:
        InputError: If it is neither, or holds a picture.

    >>> text_of_chat([{"role": "assistant", "content": "Hi"}])
    'Hi'
    >>> called = {"function": {"name": "add", "arguments": {"a": 1}}}
    >>> text_of_chat([{"role": "assistant", "content": None, "tool_calls": [called]}])
    '{"name": "add", "arguments": {"a": 1}}'
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise InputError(f"{what} is {kind_of(value)}, neither text nor a list of messages")
    turns = tuple(_turn(each, f"{what}, message {n}") for n, each in enumerate(value, 1))
    return turns[0].content if len(turns) == 1 else turns


def talk_of(items: Any, what: str) -> Text:
    """Text, or the items of a Responses API input or output, as text or chat messages; thoughts left out.

    Raises:
        InputError: If an item is of another kind.

    >>> said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}
    >>> talk_of([{"type": "reasoning", "summary": []}, said], "the output")
    'Hi.'
    """
    if isinstance(items, str):
        return items
    if not isinstance(items, Sequence | None) or not all(isinstance(each, Mapping) for each in items or ()):
        raise InputError(f"{what} is {items!r:.60}, neither text nor a list of items")
    turns = [_message(each, what) for each in items or () if each.get("type") != "reasoning"]
    return text_of_chat(turns, what) if turns else ""


def _message(item: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    if item.get("type") == "function_call":
        return {"role": "assistant", "tool_calls": [item]}
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": item.get("output")}
    if item.get("type", "message") != "message":
        raise InputError(
            f"{what}: an item of type {item.get('type')!r} is neither a message nor a call of a function"
        )
    return {"role": "assistant", **item}


def _turn(value: Any, what: str) -> Message:
    if isinstance(value, Message):
        return value
    if not isinstance(value, Mapping) or not isinstance(value.get("role"), str):
        raise InputError(f'{what} is {value!r:.60}, not {{"role": ..., "content": ...}}')
    said = _content(value.get("content"), what)
    calls = [_call(each) for each in value.get("tool_calls") or ()]
    return Message(value["role"], "\n".join(part for part in (said, *calls) if part))


def _content(value: Any, what: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, Sequence):
        raise InputError(f"{what}: content is {kind_of(value)}, not text")
    return "".join(_part(each, what) for each in value)


def _part(value: Any, what: str) -> str:
    """The text of a part; that of a refusal has a name of its own."""
    kind = value.get("type") if isinstance(value, Mapping) else type(value).__name__
    text = value.get("refusal" if kind == "refusal" else "text") if isinstance(value, Mapping) else None
    if not isinstance(text, str):
        raise InputError(f"{what} has a part of type {kind!r}, but only text is judged")
    return text


def _call(value: Any) -> str:
    asked = value.get("function") or value if isinstance(value, Mapping) else value
    if isinstance(asked, Mapping) and "name" in asked:
        asked = {"name": asked["name"], "arguments": asked.get("arguments")}
    return json.dumps(asked, ensure_ascii=False, default=str)

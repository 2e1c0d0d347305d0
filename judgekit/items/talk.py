"""Conversations: chat messages, with the calls of tools in them, become turns, and turns messages again.

Each call is a turn of its own, role `call`: the arguments, under the name of the tool. What came back is a
turn of role `tool` under the same name. Both are read as OpenAI (`tool_calls`, `tool_call_id`) and Anthropic
(`tool_use`, `tool_result`) write them, and nothing of them is left out.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from judgekit.errors import InputError, kind_of
from judgekit.types import Message, Text

CALL, TOOL = "call", "tool"
_NAMED = frozenset((CALL, TOOL))
_CALLS, _MEANT = "tool_calls", frozenset(("toolcalls", "toolcall", "functioncalls"))
_NTH = re.compile(r" #\d+$")
Plain = Callable[[Any, str], str]
"""Returns a text as it is, or raises an InputError that begins with what it is (the second argument)."""


def turns_of(messages: Sequence[Any], what: str, plain: Plain) -> tuple[Message, ...]:
    """Return the turns of chat messages; what is none is an InputError with its place.

    >>> asked = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "add",
    ...          "arguments": "[1, 2]"}}]}
    >>> told = {"role": "tool", "tool_call_id": "1", "content": "3"}
    >>> turns_of([asked, told], "response", lambda text, _: text)
    (Message(role='call', content='[1, 2]', name='add'), Message(role='tool', content='3', name='add'))
    """
    names: dict[str, str] = {}
    return tuple(
        turn
        for n, each in enumerate(messages, 1)
        for turn in _turns(each, f"{what}: message {n}", plain, names)
    )


def _turns(value: Any, what: str, plain: Plain, names: dict[str, str]) -> Iterator[Message]:
    """Yield what a message says, then its calls; `names` are what calls were called, by their ids."""
    value = _checked(value, what)
    role, content = value["role"], value.get("content")
    parts = content if isinstance(content, list | tuple) else ()
    calls = [*(value.get("tool_calls") or ()), *(each for each in parts if _type(each) == "tool_use")]
    calls += [value["function_call"]] if value.get("function_call") else []
    results = [each for each in parts if _type(each) == "tool_result"]
    if content is not None or not (calls or results):
        said = _said(content, what, plain)
        if said or not (calls or results):
            name = names.get(str(value.get("tool_call_id")), value.get("name")) if role in _NAMED else ""
            yield Message(plain(role, f"{what}: role"), said, plain(_name(name), f"{what}: name"))
    for n, call in enumerate(calls, 1):
        name, told = _call(call)
        name = plain(name, f"{what}: the name of call {n}")
        name = f"{name} #{n}" if name and len(calls) > 1 else name
        if isinstance(call, Mapping):
            names |= {str(call[key]): name for key in ("id", "call_id") if call.get(key)}
        yield Message(CALL, plain(told, f"{what}: call {n}"), name)
    for n, result in enumerate(results, 1):
        given = result.get("content")
        told = _said("" if given is None else given, f"{what}: result {n}", plain)
        yield Message(TOOL, told, names.get(str(result.get("tool_use_id")), ""))


def _checked(value: Any, what: str) -> Mapping[str, Any]:
    """Return a message as a mapping; InputError where a part of it would be passed over."""
    if isinstance(value, Message):
        value = {"role": value.role, "content": value.content, "name": value.name}
    elif hasattr(value, "model_dump"):  # of a trainer's own class
        value = value.model_dump()
    if not isinstance(value, Mapping):
        raise InputError(f'{what} is {kind_of(value)}, not {{"role": ..., "content": ...}}')
    role = value.get("role")
    if not isinstance(role, str) or not role or role.isspace():
        raise InputError(f"{what} has the role {_short(role)}; write user, assistant, system, ...")
    if wrong := next((key for key in value if key != _CALLS and _bare(key) in _MEANT), None):
        raise InputError(f"{what} has {wrong!r}; calls of tools are called {_CALLS!r}")
    if not isinstance(value.get(_CALLS) or (), list | tuple):
        raise InputError(f"{what}: {_CALLS} is {kind_of(value[_CALLS])}, not a list of calls")
    return value


def _bare(key: Any) -> str:
    return str(key).casefold().replace("_", "").replace("-", "")


def _said(content: Any, what: str, plain: Plain) -> str:
    """Return the text of a content: text as it is, or the texts of its parts, one after another."""
    if not isinstance(content, list | tuple):
        return plain(content, f"{what}: content")
    said = (_part(each, f"{what}, part {n}", plain) for n, each in enumerate(content, 1))
    return "".join(said)


def _part(value: Any, what: str, plain: Plain) -> str:
    """Return the text of a part; a call and a result are turns of their own, a refusal has its own name."""
    kind = _type(value)
    if kind in {"tool_use", "tool_result"}:
        return ""
    text = value.get("refusal" if kind == "refusal" else "text") if isinstance(value, Mapping) else None
    if kind not in {"text", "input_text", "output_text", "refusal"} or text is None:
        raise InputError(
            f"{what} is {_short(kind)}, but only text is judged; take it out or describe it in words"
        )
    return plain(text, what)


def _type(value: Any) -> Any:
    return value.get("type", "text") if isinstance(value, Mapping) else type(value).__name__


def _call(value: Any) -> tuple[str, str]:
    """Return the name of the tool that is called, and the arguments; what has no name is told whole."""
    asked = value.get("function") or value if isinstance(value, Mapping) else value
    name = asked.get("name") if isinstance(asked, Mapping) else None
    if not isinstance(name, str) or not name:
        return "", json.dumps(value, ensure_ascii=False, default=str)
    told = asked.get("arguments", asked.get("input"))
    return _name(name), told if isinstance(told, str) else json.dumps(told, ensure_ascii=False, default=str)


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def chat_of(text: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Return turns as chat messages, calls as `tool_calls` of the assistant; `turns_of` reads them back.

    >>> chat_of((Message("call", "[1, 2]", "add"), Message("tool", "3", "add")))[1]
    {'role': 'tool', 'content': '3', 'name': 'add', 'tool_call_id': 'call_1'}
    """
    out: list[dict[str, Any]] = []
    ids: dict[str, str] = {}
    before = None
    for n, turn in enumerate(text, 1):
        if turn.role == CALL:
            if before is None or before.role not in {"assistant", CALL}:
                out.append({"role": "assistant", "content": ""})
            ids[turn.name] = f"call_{n}"
            function = {"name": bare_name(turn), "arguments": turn.content}
            called = {"id": ids[turn.name], "type": "function", "function": function}
            out[-1].setdefault("tool_calls", []).append(called)
        elif turn.role == TOOL and turn.name:
            named = {"role": TOOL, "content": turn.content, "name": turn.name}
            out.append({**named, "tool_call_id": ids[turn.name]} if turn.name in ids else named)
        else:
            out.append({"role": turn.role, "content": turn.content})
        before = turn
    return out


def bare_name(turn: Message) -> str:
    """Return the name of a turn's tool, without the number of one of several calls."""
    return _NTH.sub("", turn.name)


def plain_chat(text: Text) -> str | list[dict[str, Any]]:
    """Return a text as it is, a conversation as chat messages: how both stand in a row."""
    return text if isinstance(text, str) else chat_of(text)

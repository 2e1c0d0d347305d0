"""Preference data in the forms that trainers read.

| format | rows | where it loads |
| --- | --- | --- |
| `trl` | prompt, chosen, rejected, margin | RewardTrainer, DPOTrainer |
| `openrlhf` | prompt, chosen, rejected, margin | `--data.prompt_key` and so on |
| `axolotl` | messages, chosen, rejected | `type: chat_template.default` |
| `llamafactory` | instruction, input, chosen, rejected | alpaca, `"ranking": true` |
| `nemo_rl` | context, completions with ranks, task_name | PreferenceDataset |
| `tinker` | comparison, label | LabeledComparison |
| `kto` | prompt, completion, label | KTOTrainer |
| `kto_llamafactory` | conversations, kto_tag | sharegpt |

All rows of a file have one form: where one task or response is a conversation, all are lists of messages.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import orjson

from judgekit.errors import InputError, kind_of, there_are
from judgekit.rewards.pairs.preferences import Labelled, Preference
from judgekit.types import Message, Text

Format = Literal["trl", "openrlhf", "axolotl", "llamafactory", "nemo_rl", "tinker", "kto", "kto_llamafactory"]
Row = dict[str, Any]
_FROM: Mapping[str, str] = {"user": "human", "assistant": "gpt", "tool": "observation"}


def exported(records: Iterable[Preference | Labelled], form: Format) -> list[Row]:
    """Preference records as the rows of a trainer's format.

    Args:
        records: All of the kind that the format is for.
        form: Its name.

    Raises:
        InputError: If there is no such format, records are of another kind, or one does not fit into it.

    >>> pair = Preference("q", "Hi", "Hello!", "What?", "a", "b", 0.5)
    >>> exported([pair], "trl")
    [{'prompt': 'Hi', 'chosen': 'Hello!', 'rejected': 'What?', 'margin': 0.5}]
    """
    some = list(records)
    if form not in _KINDS:
        raise InputError(f"no format {form!r}; {there_are(form, _KINDS)}")
    kind, plain, row = _KINDS[form]
    for record in some:
        if not isinstance(record, kind):
            raise InputError(f"format {form!r} takes {kind.__name__}s, not {kind_of(record)}")
        if isinstance(record, Preference) and not record.margin > 0:
            raise InputError(f"group {record.group!r}: a margin of {record.margin} is a tie, no preference")
    chat = not all(isinstance(text, str) for record in some for text in _texts(record))
    if chat and plain:
        raise InputError(f"format {form!r} holds plain texts only, and there are conversations")
    return [row(_as_chat(record) if chat else record) for record in some]


def _texts(record: Preference | Labelled) -> tuple[Text, ...]:
    if isinstance(record, Preference):
        return (record.task, record.chosen, record.rejected)
    return (record.task, record.response)


def _as_chat(record: Preference | Labelled) -> Preference | Labelled:
    """A record with its texts as conversations."""
    if isinstance(record, Preference):
        chosen, rejected = _turns(record.chosen, "assistant"), _turns(record.rejected, "assistant")
        return replace(record, task=_turns(record.task, "user"), chosen=chosen, rejected=rejected)
    return replace(record, task=_turns(record.task, "user"), response=_turns(record.response, "assistant"))


def _turns(text: Text, role: str) -> tuple[Message, ...]:
    return (Message(role, text),) if isinstance(text, str) else text


def _messages(text: Text, role: str) -> list[Row]:
    return [{"role": turn.role, "content": turn.content} for turn in _turns(text, role)]


def _plain(text: Text) -> str | list[Row]:
    return text if isinstance(text, str) else _messages(text, "")


def _pair(record: Preference) -> Row:
    told = {"prompt": record.task, "chosen": record.chosen, "rejected": record.rejected}
    return {**{name: _plain(text) for name, text in told.items()}, "margin": record.margin}


def _axolotl(record: Preference) -> Row:
    """Its template takes one message each; several turns of a response it would cut to the last."""
    row: Row = {"messages": _messages(record.task, "user")}
    for name, text in (("chosen", record.chosen), ("rejected", record.rejected)):
        turns = _messages(text, "assistant")
        if len(turns) != 1:
            raise InputError(f"group {record.group!r}: axolotl takes one message, {name} has {len(turns)}")
        row[name] = turns[0]
    return row


def _llamafactory(record: Preference) -> Row:
    return {"instruction": record.task, "input": "", "chosen": record.chosen, "rejected": record.rejected}


def _nemo_rl(record: Preference) -> Row:
    ranked = [
        {"rank": rank, "completion": _messages(text, "assistant")}
        for rank, text in enumerate((record.chosen, record.rejected))
    ]
    return {"context": _messages(record.task, "user"), "completions": ranked, "task_name": "judgekit"}


def _tinker(record: Preference) -> Row:
    """A is the chosen one or not by the digest of the texts, so that no place gives the answer away."""
    both = [_messages(text, "assistant") for text in (record.chosen, record.rejected)]
    first = hashlib.sha256(orjson.dumps(sorted(both, key=orjson.dumps))).digest()[0] % 2
    a, b = both if first else both[::-1]
    told = {"prompt_conversation": _messages(record.task, "user"), "completion_A": a, "completion_B": b}
    return {"comparison": told, "label": "A" if first else "B"}


def _kto(record: Labelled) -> Row:
    return {"prompt": _plain(record.task), "completion": _plain(record.response), "label": record.label}


def _kto_llamafactory(record: Labelled) -> Row:
    turns = [*_messages(record.task, "user"), *_messages(record.response, "assistant")]
    told = [{"from": _FROM.get(turn["role"], turn["role"]), "value": turn["content"]} for turn in turns]
    return {"conversations": told, "kto_tag": record.label}


_KINDS: Mapping[str, tuple[type, bool, Callable[[Any], Row]]] = {
    "trl": (Preference, False, _pair),
    "openrlhf": (Preference, False, _pair),
    "axolotl": (Preference, False, _axolotl),
    "llamafactory": (Preference, True, _llamafactory),
    "nemo_rl": (Preference, False, _nemo_rl),
    "tinker": (Preference, False, _tinker),
    "kto": (Labelled, False, _kto),
    "kto_llamafactory": (Labelled, False, _kto_llamafactory),
}
"""Format -> the records it takes, whether it holds plain texts only, and its row."""

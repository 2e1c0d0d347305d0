"""The OpenAI chat-completion shape, which every server speaks: a call out, a reply in.

Shared by the judges that talk to a server (`endpoint`, `local`; `litellm` returns the same
shape). Capabilities are found by asking: a parameter that a server refuses is dropped,
remembered in `refused`, and the request is made again without it.
"""

import re
from collections.abc import Mapping
from typing import Any

from judgekit.errors import ProviderError
from judgekit.types import Call, Fault, Reply

TOP_LOGPROBS = 20  # the most that OpenAI-compatible servers give
DROPPABLE = (
    "response_format",
    "logprobs",
    "top_logprobs",
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "stop",
)

_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|too many tokens|maximum.{0,20}tokens|prompt is too long",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content.?(filter|management|policy)|flagged|safety", re.IGNORECASE)
_REFUSES = re.compile(
    r"unsupported|not supported|unknown|unrecognized|unexpected|not permitted|extra|invalid"
    r"|does not support|doesn't support",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing|credit balance", re.IGNORECASE)


def body_of(call: Call, model: str, settings: Mapping[str, Any], refused: set[str]) -> dict[str, Any]:
    """The request body of a call.

    Args:
        call: What is asked.
        model: The model's name as the server knows it.
        settings: Sampling parameters of the judge (temperature, max_tokens, ...).
        refused: Parameters this server has refused before; left out.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in call.messages],
        **settings,
    }
    if call.letters:
        body |= {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if call.schema is not None:
        form = {"name": "verdict", "schema": call.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return {key: value for key, value in body.items() if key not in refused} if refused else body


def reply_of(body: Mapping[str, Any]) -> Reply:
    """The reply in a chat completion (HTTP 2xx, so it was paid for, whatever it says).

    A body of another shape is a reply without text, which the reader calls malformed.
    """
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
    message = choice.get("message")
    message = message if isinstance(message, Mapping) else {}
    text = message.get("content")
    if isinstance(text, list):  # some servers send parts
        text = "".join(str(part.get("text", "")) for part in text if isinstance(part, Mapping))
    refusal = message.get("refusal")
    finish = choice.get("finish_reason")
    fault: Fault | None = None
    if finish == "content_filter" or refusal:
        fault = "refused"
    elif finish == "length":
        fault = "truncated"
    usage = body.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Reply(
        text=text if isinstance(text, str) else "",
        fault=fault,
        detail=str(refusal or (finish if fault else "")),
        logprobs=_first_token(choice.get("logprobs")),
        model=str(body.get("model") or ""),
        fingerprint=str(body.get("system_fingerprint") or ""),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
    )


def refusal_of(status: int, message: str, sent: Mapping[str, Any], retry_after: float | None = None) -> Reply:
    """What an answer that is not 2xx means: a reply with a fault, or an error raised.

    Returns:
        A reply with the fault `too_long` or `refused`, where the request itself is at fault.

    Raises:
        ProviderError: With `dropped` where a parameter was refused; passing for 408, 409, 425, 429 and
            5xx; lasting for the rest.
    """
    brief = " ".join(message.split())[:300]
    if status in {400, 413, 422} and (status == 413 or _TOO_LONG.search(message)):
        return Reply(fault="too_long", detail=brief)
    if status in {400, 422} and (name := _refused_parameter(message, sent)):
        raise ProviderError(f"HTTP {status}: {brief}", status=status, passing=True, dropped=name)
    if status in {400, 422} and _FILTERED.search(message):
        return Reply(fault="refused", detail=brief)
    passing = status in {408, 409, 425, 429} or status >= 500
    if status == 429 and _QUOTA.search(message):
        passing = False
    raise ProviderError(f"HTTP {status}: {brief}", status=status, passing=passing, retry_after=retry_after)


def _refused_parameter(message: str, sent: Mapping[str, Any]) -> str | None:
    """Name of the parameter that a 400 complains about, if it is one we can do without."""
    if not _REFUSES.search(message):
        return None
    alias = "json_schema" in message or "structured output" in message.lower() or "grammar" in message.lower()
    if alias and "response_format" in sent:
        return "response_format"
    named = [name for name in DROPPABLE if name in sent and re.search(rf"\b{name}\b", message)]
    return max(named, key=len) if named else None


def _first_token(logprobs: Any) -> tuple[tuple[str, float], ...]:
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not (isinstance(content, list) and content and isinstance(content[0], Mapping)):
        return ()
    top = content[0].get("top_logprobs")
    pairs = [
        (each["token"], float(each["logprob"]))
        for each in (top if isinstance(top, list) else [])
        if isinstance(each, Mapping)
        and isinstance(each.get("token"), str)
        and isinstance(each.get("logprob"), int | float)
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _count(raw: Any) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None

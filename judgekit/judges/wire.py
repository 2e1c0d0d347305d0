"""The OpenAI chat-completion shape, which every server speaks: a call out, a reply in.

Shared by the judges that talk to a server (`endpoint`, `local`; `litellm` returns the same
shape). Capabilities are found by asking: a parameter that a server refuses is dropped,
remembered in `refused`, and the request is made again without it. What bounds the output is
never dropped, since a budget rests on it: a refused `max_tokens` becomes `max_completion_tokens`.
"""

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judgekit.errors import InputError, ProviderError
from judgekit.judges.servers import complaint_of, redact
from judgekit.types import Call, Fault, Reply

TOP_LOGPROBS = 20  # the most that OpenAI-compatible servers give
FEWER_LOGPROBS = 5  # what the strictest of those that have a lower limit give
DROPPABLE = (  # of two named together the earlier is dropped, and takes what hangs on it along
    "response_format",
    "logprobs",
    "top_logprobs",
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "stop",
)
RESERVED = frozenset(
    {"adapter", "model", "messages", "n", "stream", "tools", "functions", "max_completion_tokens", *DROPPABLE}
)
"""What `extra` may not set: the call, the judge's own options, and what would change the reply's shape."""

_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|too many tokens|maximum.{0,20}tokens|prompt is too long",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content.?(filter|management|policy)|flagged|safety", re.IGNORECASE)
_REFUSES = re.compile(
    r"unsupported|not (supported|permitted|allowed|available|implemented)|unavailable|unknown|unrecogni[sz]ed"
    r"|unexpected|extra|invalid(?!_request)|must be|(does not|doesn't|don't) support|(less|greater) than",
    re.IGNORECASE,
)
_RENAMED = re.compile(r"unsupported|not supported|max_completion_tokens", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|billing_hard_limit|billing_not_active|credit balance", re.IGNORECASE)
_PLAN = re.compile(r"exceeded your current quota|billing", re.IGNORECASE)
_NONE: dict[str, Any] = {}
_CUT = {"length", "max_tokens"}
_HELD_BACK = {"content_filter", "safety", "refusal"}


def settings_of(
    *,
    temperature: float | None,
    max_tokens: int | None,
    top_p: float | None,
    seed: int | None,
    stop: Sequence[str] = (),
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """The sampling parameters that are set, as they are sent and as they stand in a judge's identity.

    Raises:
        InputError: If one is out of bounds, or `extra` holds what is not its to set.

    >>> settings_of(temperature=0.0, max_tokens=64, top_p=None, seed=None, extra={"top_k": 1})
    {'temperature': 0.0, 'max_tokens': 64, 'top_k': 1}
    """
    if temperature is not None and not (math.isfinite(temperature) and temperature >= 0.0):
        raise InputError(
            f"temperature is {temperature!r}; give a number of 0 or more, or None to leave it out"
        )
    if max_tokens is not None and max_tokens < 1:
        raise InputError(f"max_tokens is {max_tokens!r}; give 1 or more, or None for no limit")
    if top_p is not None and not 0.0 < top_p <= 1.0:
        raise InputError(f"top_p is {top_p!r}; give a number above 0 and at most 1, or None to leave it out")
    if stray := sorted(RESERVED & extra.keys()):
        raise InputError(
            f"extra sets {stray}, which are the judge's own options or the call's; leave them out"
        )
    given = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p, "seed": seed}
    settings = {name: value for name, value in given.items() if value is not None}
    return {**settings, **({"stop": list(stop)} if stop else {}), **extra}


def changed(options: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A judge's options with some of them changed.

    Raises:
        InputError: If there is no option of that name.

    >>> changed({"temperature": 0.0}, {"temprature": 1.0})
    Traceback (most recent call last):
    judgekit.errors.InputError: no option 'temprature'; did you mean 'temperature'? There are: temperature
    """
    for name in changes.keys() - options.keys():
        close = difflib.get_close_matches(name, options, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"no option {name!r}; {hint}There are: {', '.join(options)}")
    return {**options, **changes}


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
    return _without(body, refused) if refused else body


def _without(body: dict[str, Any], refused: set[str]) -> dict[str, Any]:
    """The body without what was refused, nor what makes no sense without it."""
    kept = {key: value for key, value in body.items() if key not in refused}
    if "logprobs" in refused:
        kept.pop("top_logprobs", None)
    elif "top_logprobs" in kept and f"top_logprobs>{FEWER_LOGPROBS}" in refused:
        kept["top_logprobs"] = FEWER_LOGPROBS
    if "max_tokens" in refused and "max_tokens" in body:
        kept["max_completion_tokens"] = body["max_tokens"]
    return kept


def reply_of(
    body: Mapping[str, Any],
    *,
    letters: bool = False,
    seconds: float | None = None,
    price: Callable[[int, int], float | None] | None = None,
) -> Reply:
    """The reply in a chat completion (HTTP 2xx, so it was paid for, whatever it says).

    A body of another shape is a reply without text, which the reader calls malformed.

    Args:
        body: The completion.
        letters: Whether a single token was asked for, which is whole although it was cut there.
        seconds: How long it took.
        price: US dollars of so many tokens in and out.

    Raises:
        ProviderError: If it holds an error instead, as gateways send when the server behind them fails.
    """
    choices = body.get("choices")
    choice = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
    if failure := _mapping(choice.get("error") or (None if choice else body.get("error"))):
        return _failure(failure)
    message = _mapping(choice.get("message"))
    text = message.get("content")
    if isinstance(text, list):  # some servers send parts
        text = "".join(str(part.get("text", "")) for part in text if isinstance(part, dict))
    refusal = message.get("refusal") or _mapping(message.get("provider_specific_fields")).get("refusal")
    finish = choice.get("finish_reason")
    fault: Fault | None = None
    if finish in _HELD_BACK or refusal:
        fault = "refused"
    elif finish in _CUT and not (letters and text):
        fault = "truncated"
    usage = _mapping(body.get("usage"))
    read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    return Reply(
        text=text if isinstance(text, str) else "",
        fault=fault,
        detail=str(refusal or (finish if fault else "")),
        logprobs=_first_token(choice.get("logprobs")) if letters else (),
        model=str(body.get("model") or ""),
        fingerprint=str(body.get("system_fingerprint") or ""),
        input_tokens=read,
        output_tokens=written,
        cost_usd=None if price is None or read is None or written is None else price(read, written),
        seconds=seconds,
    )


def refusal_of(
    status: int,
    message: str,
    sent: Mapping[str, Any],
    retry_after: float | None = None,
    *,
    param: str | None = None,
) -> Reply:
    """What an answer that is not 2xx means: a reply with a fault, or an error raised.

    Args:
        status: The HTTP status.
        message: The server's words, without secrets (`redact`).
        sent: The request's body.
        retry_after: Seconds the server asked to wait.
        param: The parameter the server itself named, if it did.

    Returns:
        A reply with the fault `too_long` or `refused`, where the request itself is at fault.

    Raises:
        ProviderError: With `dropped` where a parameter was refused; passing for 408, 409, 425, 429 and
            5xx; lasting for the rest, and for a 429 that says the money is spent.
    """
    brief = " ".join(message.split())[:300]
    if status == 413 or (status in {400, 422} and _TOO_LONG.search(message)):
        return Reply(fault="too_long", detail=brief)
    if status in {400, 403, 422, 501} and (name := _refused_parameter(message[:500], sent, param)):
        raise ProviderError(f"HTTP {status}: {brief}", status=status, passing=True, dropped=name)
    if status in {400, 422} and _FILTERED.search(message):
        return Reply(fault="refused", detail=brief)
    passing = status in {408, 409, 425, 429} or (status >= 500 and status != 501)
    # Gemini says "you exceeded your current quota" of limits by the minute too, and then how long to wait.
    spent = _QUOTA.search(message) or (retry_after is None and _PLAN.search(message))
    if status == 429 and spent and "RESOURCE_EXHAUSTED" not in message:
        passing = False
    raise ProviderError(f"HTTP {status}: {brief}", status=status, passing=passing, retry_after=retry_after)


def _failure(failure: Mapping[str, Any]) -> Reply:
    """What an error inside a 200 means; 502 where it has no status of its own."""
    code = failure.get("code")
    known = isinstance(code, int) and 400 <= code <= 599
    return refusal_of(int(code or 0) if known else 502, redact(complaint_of(failure)[0]), {})


def _refused_parameter(message: str, sent: Mapping[str, Any], param: str | None) -> str | None:
    """What an error complains about, if it is a parameter we can do without (or with less of)."""
    refuses = _REFUSES.search(message)
    form = ("json_schema", "structured output", "grammar", "guided decoding")
    if refuses and "response_format" in sent and any(name in message.lower() for name in form):
        return "response_format"
    named = (name for name in DROPPABLE if refuses and name in sent and re.search(rf"\b{name}\b", message))
    name = (param or "").split(".")[0]
    if name not in sent or name not in DROPPABLE:
        name = next(named, "")
    if name == "max_tokens" and not _RENAMED.search(message):
        return None
    if name == "top_logprobs" and sent[name] > FEWER_LOGPROBS:
        return f"top_logprobs>{FEWER_LOGPROBS}"
    return name or None


def _first_token(logprobs: Any) -> tuple[tuple[str, float], ...]:
    """(token, log-probability) of the first token's alternatives, the one written among them."""
    content = _mapping(logprobs).get("content")
    if not (isinstance(content, list) and content and isinstance(content[0], dict)):
        return ()
    top = content[0].get("top_logprobs")
    found = {
        each["token"]: float(each["logprob"])
        for each in [content[0], *(top if isinstance(top, list) else [])]
        if isinstance(each, dict)
        and isinstance(each.get("token"), str)
        and isinstance(each.get("logprob"), int | float)
    }
    return tuple(sorted(found.items(), key=lambda pair: -pair[1]))


def _mapping(raw: object) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else _NONE


def _count(raw: Any) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None

"""The OpenAI chat-completion shape, which every server speaks: a call out, a reply in.

Capabilities are found by asking: a parameter that a server refuses is dropped, remembered in `refused`, and
the request is made again without it. What bounds the output is never dropped, since a budget rests on it: a
refused `max_tokens` becomes `max_completion_tokens`.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judgekit.errors import InputError, ProviderError, check_kinds, there_are
from judgekit.judges.servers import NO_KEYS, Keys, complaint_of, in_words
from judgekit.prompt import estimate_tokens
from judgekit.records import make_reply
from judgekit.scales import writable
from judgekit.types import Call, Fault, Message, Reply

TOP_LOGPROBS = 20  # the most that OpenAI-compatible servers give
FEWER_LOGPROBS = 5  # what the strictest of those that have a lower limit give
DROPPABLE = (  # of two named together the earlier is dropped, and takes what hangs on it along
    "response_format", "logprobs", "top_logprobs", "temperature", "top_p", "seed", "max_tokens", "stop",
)  # fmt: skip
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
_NONE: Mapping[str, Any] = {}
_SLACK = 4  # times the bytes sent, or the tokens asked for, that a server's counts may be
_FEW = 10_000  # tokens read that are believed of any prompt
_LETTERS = 10  # characters of a token, above which a count of tokens is held against the words
_DEAREST = 100.0  # US dollars that a server may say a reply cost
_ROUNDED, _LEAST = 0.01, -9999.0  # log-probabilities: rounded up to, and what stands for none
_KINDS = {
    **dict.fromkeys(("temperature", "top_p"), "a number, or None to leave it out"),
    **dict.fromkeys(("max_tokens", "seed"), "a whole number, or None to leave it out"),
    "extra": "a mapping",
    "stop": "a list",
}
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
    """Return the sampling parameters that are set, as they are sent and stand in a judge's identity."""
    numbers = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p, "seed": seed}
    check_kinds({**numbers, "extra": extra, "stop": stop}, _KINDS)
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
    settings = {name: value for name, value in numbers.items() if value is not None}
    return {**settings, **({"stop": list(stop)} if stop else {}), **extra}


def changed(options: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a judge's options with some of them changed; InputError if there is none of that name."""
    for name in changes.keys() - options.keys():
        raise InputError(f"no option {name!r}; {there_are(name, options)}")
    return {**options, **changes}


def body_of(call: Call, model: str, settings: Mapping[str, Any], refused: set[str]) -> dict[str, Any]:
    """Return the request body of a call, without the parameters this server has refused before."""
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
    """Return the body without what was refused, nor what makes no sense without it."""
    kept = {key: value for key, value in body.items() if key not in refused}
    if "logprobs" in refused:
        kept.pop("top_logprobs", None)
    elif "top_logprobs" in kept and f"top_logprobs>{FEWER_LOGPROBS}" in refused:
        kept["top_logprobs"] = FEWER_LOGPROBS
    if "max_tokens" in refused and "max_tokens" in body:
        kept["max_completion_tokens"] = body["max_tokens"]
    return kept


def prices_of(read: float | None, written: float | None) -> tuple[float, float] | None:
    """Return US dollars of a million tokens read and written, as they were given; None where unknown."""
    if read is None and written is None:
        return None
    if read is None or written is None or not 0.0 <= read < math.inf or not 0.0 <= written < math.inf:
        raise InputError(
            f"the prices are {read!r} and {written!r} US dollars a million tokens; give both, 0 or more"
        )
    return read, written


def reply_of(
    body: object,
    *,
    letters: bool = False,
    seconds: float | None = None,
    price: Callable[[int, int], float | None] | None = None,
    sent: Mapping[str, Any] | None = None,
    keys: Keys = NO_KEYS,
    noted: Counter[str] | None = None,
) -> Reply:
    """Return the reply in a chat completion (HTTP 2xx), with each field that has the type it should.

    `letters`: a single token was asked for, which is whole although it was cut there. `price` gives US
    dollars of so many tokens in and out; where it knows none, the server's own sum is taken. `sent` is what
    the counts of tokens are held against, and `noted` counts what was not believed. An error in its place, as
    gateways send when the server behind them fails, is raised; so is what is no completion (a page), which
    asking again may mend.
    """
    whole = _mapping(body)
    choices = whole.get("choices")
    choice = _mapping(choices[0]) if isinstance(choices, list) and choices else _NONE
    if failure := choice.get("error") or (None if choice else whole.get("error")):
        return _failure(failure, keys)
    message = choice.get("message")
    text = _text(message.get("content")) if isinstance(message, dict) else None
    if text is None or not isinstance(message, dict):
        raise ProviderError(f"no chat completion: {keys.out_of_error(_seen(body))}", passing=True)
    refusal = _words(message.get("refusal"))
    if not refusal and "provider_specific_fields" in message:
        refusal = _words(_mapping(message["provider_specific_fields"]).get("refusal"))
    finish = _words(choice.get("finish_reason"))
    fault: Fault | None = None
    if finish in _HELD_BACK or refusal:
        fault = "refused"
    elif finish in _CUT and not (letters and text):
        fault = "truncated"
    read, written, cost = spent_of(whole.get("usage"), text, sent=sent, price=price, noted=noted)
    return make_reply(
        text=keys.out_of(text),
        fault=fault,
        detail=keys.out_of(refusal or finish) if fault else "",
        logprobs=_first_token(choice.get("logprobs"), keys) if letters else (),
        model=keys.out_of(_words(whole.get("model"))),
        fingerprint=keys.out_of(_words(whole.get("system_fingerprint"))),
        input_tokens=read,
        output_tokens=written,
        cost_usd=cost,
        seconds=seconds,
    )


def id_of(body: object) -> str:
    """Return the id of a completion; empty if it has none."""
    said = body.get("id") if isinstance(body, dict) else None
    return said if isinstance(said, str) else ""


def cached_of(body: object) -> int:
    """Return how many tokens of a prompt a server says that it had cached; 0 where it says nothing.

    >>> cached_of({"usage": {"prompt_tokens": 700, "prompt_tokens_details": {"cached_tokens": 512}}})
    512
    """
    told = _mapping(_mapping(_mapping(body).get("usage")).get("prompt_tokens_details")).get("cached_tokens")
    return told if type(told) is int and told > 0 else 0


def spent_of(
    usage: object,
    text: str,
    *,
    sent: Mapping[str, Any] | None,
    price: Callable[[int, int], float | None] | None,
    noted: Counter[str] | None = None,
) -> tuple[int | None, int | None, float | None]:
    """Return tokens read and written and their price (None: unknown), as far as a server is believed.

    A count that is no whole number, negative, or beyond what was sent or asked for is noted, and the estimate
    that a budget reserves stands in its place.
    """
    told = _mapping(usage)
    read, written = told.get("prompt_tokens"), told.get("completion_tokens")
    sent = sent or _NONE
    asked = sent.get("max_tokens") or sent.get("max_completion_tokens")
    most_written = math.inf if asked is None else _SLACK * asked + 64
    most_read = math.inf  # what a server puts around a prompt is in `_FEW`, which is most often enough
    if type(read) is int and read > _FEW and sent:
        most_read = _FEW + _SLACK * sum(len(m["content"]) for m in sent["messages"])
    doubted = False
    if read is not None and not (type(read) is int and 0 <= read <= most_read):
        doubted, read = True, _estimated(sent["messages"]) if sent else None
    if written is not None and not (type(written) is int and 0 <= written <= most_written):
        doubted, written = True, _estimated([{"content": text}]) if asked is None else asked
    cost = None if price is None or read is None or written is None else price(read, written)
    if cost is None and not doubted and "cost" in told:  # in US dollars, where a gateway does the sum
        own = told["cost"]
        believed = type(own) in {int, float} and 0 <= own <= _DEAREST
        doubted, cost = not believed, float(own) if believed else None
    if noted is not None and sent and not doubted and read and _is_cut(read, sent["messages"]):
        noted["prompts of which the server counts too few tokens: it may have cut them"] += 1
    if doubted and noted is not None:
        noted["replies with a usage that cannot be, for which the estimate was taken"] += 1
    return read, written, cost


def _is_cut(read: int, messages: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a server counts too few tokens for a prompt, as one that drops what it has no room for.

    No tokenizer makes one token of two words; what is near what is usual is not looked at word by word.
    """
    if read * _LETTERS > sum(len(m["content"]) for m in messages):
        return False
    return 2 * read < sum(len(m["content"].split()) for m in messages)


def refusal_of(
    status: int,
    message: str,
    sent: Mapping[str, Any],
    retry_after: float | None = None,
    *,
    param: str | None = None,
    refused: set[str] | None = None,
) -> Reply:
    """Return the reply that a status other than 2xx means, `too_long` or `refused`; else raise.

    `message` is the server's words without secrets, `param` the parameter that it named itself. What it
    refuses is `dropped` and added to `refused`. The error is passing for 408, 409, 425, 429 and 5xx, and
    lasting for the rest, and for a 429 that says the money is spent.
    """
    brief = " ".join(message.split())[:300]
    if status == 413 or (status in {400, 422} and _TOO_LONG.search(message)):
        return Reply(fault="too_long", detail=brief)
    if status in {400, 403, 422, 501} and (name := _refused_parameter(message[:500], sent, param)):
        if refused is not None:
            refused.add(name)
        raise ProviderError(f"HTTP {status}: {brief}", status=status, passing=True, dropped=name) from None
    if status in {400, 422} and _FILTERED.search(message):
        return Reply(fault="refused", detail=brief)
    passing = is_passing(status)
    # Gemini says "you exceeded your current quota" of limits by the minute too, and then how long to wait.
    spent = _QUOTA.search(message) or (retry_after is None and _PLAN.search(message))
    if status == 429 and spent and "RESOURCE_EXHAUSTED" not in message:
        passing = False
    raise ProviderError(
        f"HTTP {status}: {brief}", status=status, passing=passing, retry_after=retry_after
    ) from None


def is_passing(status: int) -> bool:
    """Tell whether a status says that asking again may help."""
    return status in {408, 409, 425, 429} or (status >= 500 and status != 501)


def _failure(failure: object, keys: Keys) -> Reply:
    """Return what an error inside a 200 means; 502 where it has no status of its own."""
    code: Any = _mapping(failure).get("code")
    known = type(code) is int and 400 <= code <= 599
    words = keys.out_of_error(complaint_of({"error": failure})[0])
    return refusal_of(code if known else 502, words, {})


def _seen(body: object) -> str:
    """Return what came instead of a completion: how far it looked like one, and how it begins."""
    missing = "no JSON object"
    if isinstance(body, dict):
        choices = body.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        message = first.get("message") if isinstance(first, dict) else None
        missing = "no message with a text" if isinstance(message, dict) else "no choices with a message"
    return f"{missing}, but {' '.join(in_words(body)[:2000].split())[:200]}"


def _refused_parameter(message: str, sent: Mapping[str, Any], param: str | None) -> str | None:
    """Return what an error complains about, if it is a parameter we can do without (or with less of)."""
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


def _first_token(logprobs: object, keys: Keys) -> tuple[tuple[str, float], ...]:
    """Return (token, log-probability) of the first token's alternatives, the one written among them."""
    content = _mapping(logprobs).get("content")
    first = _mapping(content[0]) if isinstance(content, list) and content else _NONE
    top = first.get("top_logprobs")
    found: dict[str, float] = {}
    for each in (first, *(top if isinstance(top, list) else ())):
        token: Any = _mapping(each).get("token")
        logprob: Any = _mapping(each).get("logprob")
        if isinstance(token, str) and type(logprob) in {int, float} and logprob <= _ROUNDED:
            found[keys.out_of(token)] = float(max(min(logprob, 0.0), _LEAST))
    return tuple(sorted(found.items(), key=lambda pair: -pair[1]))


def _text(content: object) -> str | None:
    """Return the words of a message, of which some servers send parts; None where it has another shape."""
    if isinstance(content, list):
        return "".join(_words(_mapping(part).get("text")) for part in content)
    return _words(content) if content is None or isinstance(content, str) else None


def _estimated(messages: Sequence[Mapping[str, Any]]) -> int:
    return estimate_tokens(Message("", str(message["content"])) for message in messages)


def _words(raw: object) -> str:
    return "" if not isinstance(raw, str) else raw if raw.isascii() else writable(raw)


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else _NONE

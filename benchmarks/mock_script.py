"""What the mock server answers: an OpenAI-compatible chat server as a function of request and options."""

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

HOST = "127.0.0.1"
REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 429: "Too Many Requests"}
LOGPROBS = [("A", -0.105), ("B", -2.303), ("C", -9.0)]
"""What is said of the first token: .900, .100 and next to nothing."""

NUMBER = "{number}"
"""What stands for the number of the request in a reply."""

LONG = "This model's maximum context length is 4096 tokens. Your messages resulted in 9000."
ERRORS: dict[str, tuple[int, str, str]] = {
    "unauthorized": (401, "Incorrect API key provided: {key}", "invalid_api_key"),
    "forbidden": (403, "Your account may not use this model", "forbidden"),
    "not_found": (404, "The model `mock` does not exist", "model_not_found"),
    "too_long": (400, LONG, "context_length_exceeded"),
    "payload": (413, "Request entity too large", "payload"),
    "filtered": (400, "The response was filtered by our content management policy", "content_filter"),
    "bad_request": (400, "messages: at least one is needed", "invalid_request_error"),
    "quota": (429, "You exceeded your current quota, please check your plan", "insufficient_quota"),
    "too_many": (429, "Rate limit reached for requests", "rate_limit_exceeded"),
    "broken": (500, "The server had an error", "server_error"),
    "overloaded": (503, "Overloaded", "overloaded_error"),
}
"""Mode -> (status, message, code) of a server that answers nothing else."""

REFUSES: dict[str, str] = {
    "no_schema": "response_format",
    "no_logprobs": "logprobs",
    "no_top_logprobs": "top_logprobs",
    "no_temperature": "temperature",
    "no_max_tokens": "max_tokens",
}
"""Mode -> the parameter refused with a 400; requests without it are answered."""

ODD = (
    *("malformed", "null_content", "content_filter", "length", "refusal"),
    *("error_in_200", "not_json", "list", "no_choices", "huge"),
)
WIRES = ("slow_headers", "cut", "hang", "redirect")
MODES = ("ok", *ERRORS, *REFUSES, *ODD, "half", *WIRES)


@dataclass(frozen=True)
class Options:
    """What the server does.

    Args:
        mode: One of `MODES`, for every request.
        latency: Seconds before each answer.
        too_many: Share of requests answered with 429 (shares are of all requests, drawn with `seed`).
        failing: Share answered with 500.
        malformed: Share answered with 200 and text that is no JSON object.
        half: Share answered with 200 and the reply cut off before its end.
        hanging: Share never answered.
        sticky: A pattern; what it finds first in a request decides its draw, so that whatever is asked about
            the same fails the same. Empty: each request is drawn anew.
        retry_after: The Retry-After header of a 429, in seconds or as an HTTP date; empty: none.
        retry_after_ms: The same in milliseconds, as some servers say it.
        text: The reply, or a function from the request's body to it, or to the whole body of the response.
        seed: Of the draws.
        cache: Blocks of a prompt that a simulated prefix cache holds (`mock_cache`); 0: there is none.
        miss: Seconds more for a thousand tokens that it did not hold.
    """

    mode: str = "ok"
    latency: float = 0.0
    too_many: float = 0.0
    failing: float = 0.0
    malformed: float = 0.0
    half: float = 0.0
    hanging: float = 0.0
    sticky: str = ""
    retry_after: str = "0"
    retry_after_ms: str = ""
    text: str | Callable[[dict[str, Any]], Any] = '{"verdict": "yes"}'
    seed: int = 0
    cache: int = 0
    miss: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"no mode {self.mode!r}; there are {', '.join(MODES)}")


def completion(text: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    said = {"role": "assistant", "content": text, **message}
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 1,
        "model": "mock-2026-01-01",
        "system_fingerprint": "fp_mock",
        "choices": [{"index": 0, "message": said, "finish_reason": finish}],
        "usage": {"prompt_tokens": 700, "completion_tokens": 8, "total_tokens": 708},
    }


def error(message: str, code: str, param: str | None = None, *, status: int = 400) -> dict[str, Any]:
    """The body of an error."""
    kind = "invalid_request_error" if status < 429 else code
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def http(status: int, body: Any, *headers: str) -> bytes:
    """A whole response."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}",
        "content-type: application/json",
        f"content-length: {len(raw)}",
        *(each for each in headers if each),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


class Script:
    """What the server answers, and what it was asked."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.draws = random.Random(options.seed)  # noqa: S311 - a script, not a secret
        self.by_status: Counter[str] = Counter()
        self.bodies: set[int] = set()
        self.last: tuple[bytes, bytes] = (b"", b"")

    @cached_property
    def plain(self) -> bytes:
        """The answer where nothing is odd, made once."""
        return http(200, completion(str(self.options.text)))

    def answer(self, head: bytes, body: bytes) -> bytes | None:
        """The response to one request; None for none at all, empty for a cut connection."""
        if head.startswith(b"GET"):
            return self.report(head)
        self.last = (head, body)
        self.bodies.add(hash(body))
        said = self.drawn(body)
        self.by_status[said[9:12].decode() if said else "none"] += 1
        return said

    def drawn(self, body: bytes) -> bytes | None:
        """An answer by the shares, else by the mode."""
        options, draw = self.options, self.draw(body)
        shares = {
            "too_many": options.too_many,
            "broken": options.failing,
            "malformed": options.malformed,
            "half": options.half,
            "hang": options.hanging,
        }
        for mode, share in shares.items():
            if draw < share:
                return self.by_mode(mode, body)
            draw -= share
        return self.by_mode(options.mode, body)

    def draw(self, body: bytes) -> float:
        """A number on [0, 1): new for each request, or that of what the request is about."""
        if not self.options.sticky:
            return self.draws.random()
        found = re.search(self.options.sticky.encode(), body)
        about = found.group() if found else body
        return random.Random(b"%d %b" % (self.options.seed, about)).random()  # noqa: S311 - a script

    def by_mode(self, mode: str, body: bytes) -> bytes | None:
        """The answer of one mode."""
        if mode in ERRORS:
            return self.failed(*ERRORS[mode])
        if mode in REFUSES and f'"{REFUSES[mode]}":'.encode() in body:
            name = REFUSES[mode]
            return http(400, error(f"Unsupported parameter: '{name}' is not supported.", "unsupported", name))
        if mode == "half":
            text = self.options.text
            return http(200, completion((text(orjson.loads(body)) if callable(text) else text)[:-3]))
        if mode in ODD:
            return http(200, self.odd(mode))
        if mode == "redirect":
            return http(307, {}, f"location: http://{HOST}:9/v1/chat/completions")
        if mode in {"cut", "hang"}:
            return self.plain[:-20] if mode == "cut" else None
        if callable(self.options.text) or self.options.cache or b'"logprobs":true' in body:
            return self.spoken(orjson.loads(body))
        if NUMBER in self.options.text:
            nth = str(self.by_status.total())
            return http(200, completion(self.options.text.replace(NUMBER, nth)))
        return self.plain

    def failed(self, status: int, message: str, code: str) -> bytes:
        """An error; a 429 says how long to wait, and a 401 repeats the key, as some servers do."""
        seconds, ms = self.options.retry_after, self.options.retry_after_ms
        waits = (seconds and f"retry-after: {seconds}", ms and f"retry-after-ms: {ms}")
        sent = [line.split()[-1] for line in self.head() if line.lower().startswith("authorization:")]
        body = error(message.replace("{key}", "".join(sent)), code, status=status)
        return http(status, body, *(waits if code == "rate_limit_exceeded" else ()))

    def head(self) -> list[str]:
        """The header lines of the last request."""
        return self.last[0].decode("latin-1").split("\r\n")[1:]

    def spoken(self, asked: dict[str, Any]) -> bytes:
        """An answer that depends on the request."""
        text = self.options.text
        if not asked.get("logprobs"):
            said = text(asked) if callable(text) else text
            return http(200, completion(said) if isinstance(said, str) else said)
        top = [{"token": token, "logprob": logprob} for token, logprob in LOGPROBS]
        said = completion("A", "length")
        first = {**top[0], "top_logprobs": top[: asked.get("top_logprobs", 0)]}
        said["choices"][0]["logprobs"] = {"content": [first]}
        return http(200, said)

    def odd(self, mode: str) -> Any:
        """A body with status 200 that is not a plain answer."""
        return {
            "malformed": completion("Well, it depends {"),
            "null_content": completion(None),
            "content_filter": completion("", "content_filter"),
            "length": completion('{"verdict": "y', "length"),
            "refusal": completion(None, refusal="I cannot judge this."),
            "error_in_200": {"error": {"message": "Provider overloaded", "code": 503}},
            "not_json": b"<html>busy</html>",
            "list": [1, 2],
            "no_choices": {"object": "chat.completion", "choices": []},
            "huge": completion("x" * 9_000_000 if mode == "huge" else ""),
        }[mode]

    def report(self, head: bytes) -> bytes:
        """Counts, or the last request."""
        if b"/last " in head.split(b"\r\n", 1)[0]:
            headers = dict(line.lower().split(": ", 1) for line in self.head())
            return http(200, {"headers": headers, "body": orjson.loads(self.last[1] or b"null")})
        return http(200, self.counts())

    def counts(self) -> dict[str, Any]:
        """What was asked."""
        by_status = dict(self.by_status)
        return {"requests": sum(by_status.values()), "by_status": by_status, "distinct": len(self.bodies)}

"""A server of decision questions that answers from a script, on the loopback only.

It speaks what litellm sends to `hosted_vllm` models: `POST {url}/v1/systemone` with one `state` and
named `questions` (`noul`, `choice`, `score`), answered by probabilities and no words. Run it as
`python benchmarks/decision_stub.py --latency 0.1` (the first line it prints is the base URL), or hold
it open in a test, where `benchmarks` is on the path:

    with deciding(spoilt={"polite": "negative"}) as stub:
        judge = Decision("hosted_vllm/stub", api_base=stub.url)
        ...
        assert stub.questions == [3]  # one request, of three questions
"""

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.0.1"
Question = dict[str, Any]
Weights = Callable[[str, Question], Sequence[float]]
"""From a question's name and itself to the probability of each option, in order; for `noul` of no and yes."""

STATUSES: dict[str, tuple[int, str]] = {
    "too_many": (429, "Rate limit reached for requests"),
    "quota": (429, "You exceeded your current quota, please check your plan and billing details"),
    "broken": (500, "The server had an error"),
    "unauthorized": (401, "Incorrect API key provided: {key}"),
    "not_found": (404, "The model `stub` does not exist"),
    "too_long": (400, "This model's maximum context length is 8192 tokens"),
}
"""Fault of a whole request -> (status, message)."""

MODES = ("ok", *STATUSES, "not_json", "no_answers")
SPOILT = ("absent", "keyless", "negative", "sum", "nan", "above", "word", "unknown", "other_type")
"""Ways in which the answer to one question can be wrong."""


def rising(_: str, question: Question) -> Sequence[float]:
    """Probabilities that rise from the first option to the last: 1/4 and 3/4, or 1/9, 3/9 and 5/9."""
    n = len(options_of(question))
    return [(2 * i + 1) / n**2 for i in range(n)]


def options_of(question: Question) -> list[str]:
    """What a question lets be answered: the labels of a choice, the levels of a score by their index."""
    if question["type"] == "noul":
        return ["no", "yes"]
    criteria = question["criteria"]
    return list(criteria) if question["type"] == "choice" else [str(i) for i in range(len(criteria))]


def answer_to(question: Question, weights: Sequence[float]) -> dict[str, Any]:
    """A whole answer."""
    if question["type"] == "noul":
        return {"type": "noul", "noul": weights[1]}
    probabilities = dict(zip(options_of(question), weights, strict=True))
    most = max(probabilities, key=lambda option: probabilities[option])
    said = {"type": question["type"], "confidence": max(weights), "probabilities": probabilities}
    if question["type"] == "choice":
        return {**said, "choice": most}
    legend = dict(zip(probabilities, question["criteria"], strict=True))
    return {**said, "score": sum(i * p for i, p in enumerate(weights)), "legend": legend}


def spoil(answer: dict[str, Any], how: str) -> dict[str, Any] | None:
    """An answer gone wrong; None for none at all."""
    if how == "absent":
        return None
    if how == "other_type":
        return {"type": "box", "box": {"top": 0, "bottom": 1, "left": 0, "right": 1}, "confidence": 1.0}
    if how == "keyless":
        return {key: each for key, each in answer.items() if key not in {"noul", "probabilities"}}
    wrong = {"negative": -0.25, "nan": float("nan"), "above": 1.5, "word": "likely", "sum": 0.01}.get(how)
    if answer["type"] == "noul":
        return {**answer, "noul": wrong}
    probabilities = dict(answer["probabilities"])
    last = list(probabilities)[-1]
    if how == "unknown":
        probabilities["no such option"] = probabilities.pop(last)
    else:
        probabilities[last] = wrong
    return {**answer, "probabilities": probabilities}


@dataclass
class Stub:
    """What the server does, and what it was asked.

    Args:
        mode: One of `MODES`, for every request.
        faults: Modes of the first requests, one each, before `mode` holds.
        spoilt: Name of a question -> one of `SPOILT`.
        weights: The probabilities it gives.
        latency: Seconds before each answer.
        retry_after: The Retry-After header of `too_many`.
        tokens: Tokens it says a request had; None: it does not say.
    """

    mode: str = "ok"
    faults: Sequence[str] = ()
    spoilt: Mapping[str, str] = field(default_factory=dict)
    weights: Weights = rising
    latency: float = 0.0
    retry_after: str = "0"
    tokens: int | None = 700
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if odd := {self.mode, *self.faults} - set(MODES) or set(self.spoilt.values()) - set(SPOILT):
            raise ValueError(f"no mode {sorted(odd)}; there are {MODES}, and of one answer {SPOILT}")

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return len(self.bodies)

    @property
    def questions(self) -> list[int]:
        """How many questions each request had."""
        return [len(body["questions"]) for body in self.bodies]

    def reply(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body of the response to a request."""
        with self._lock:
            number = len(self.bodies)
            self.bodies.append(body)
            self.paths.append(path)
            self.keys.append(key)
        time.sleep(self.latency)
        mode = self.faults[number] if number < len(self.faults) else self.mode
        if mode in STATUSES:
            status, message = STATUSES[mode]
            error = {"message": message.replace("{key}", key), "code": mode}
            return status, json.dumps({"error": error}).encode()
        if mode == "not_json":
            return 200, b"<html>busy</html>"
        return 200, json.dumps({} if mode == "no_answers" else self.answered(body)).encode()

    def answered(self, body: dict[str, Any]) -> dict[str, Any]:
        """The response to a request that goes well."""
        answers = {}
        for name, question in body["questions"].items():
            answer: dict[str, Any] | None = answer_to(question, self.weights(name, question))
            if answer is not None and name in self.spoilt:
                answer = spoil(answer, self.spoilt[name])
            if answer is not None:
                answers[name] = answer
        usage = {} if self.tokens is None else {"usage": {"input_tokens": self.tokens, "output_tokens": 0}}
        return {"model": "stub-1.0", "answers": answers, **usage}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def __init__(self, stub: Stub, *args: Any) -> None:
        self.stub = stub
        super().__init__(*args)

    def do_POST(self) -> None:
        """Answer it."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        status, raw = self.stub.reply(self.path, key, body)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        if status == 429 and b"Rate limit" in raw:
            self.send_header("retry-after", self.stub.retry_after)
        with suppress(ConnectionError):  # the client has given up
            self.end_headers()
            self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def deciding(port: int = 0, **options: Any) -> Iterator[Stub]:
    """A running server, in threads of its own."""
    stub = Stub(**options)
    with ThreadingHTTPServer((HOST, port), partial(Handler, stub)) as server:
        server.daemon_threads = True
        stub.url = f"http://{HOST}:{server.server_address[1]}"
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.02))
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description="A mock server of decision questions on the loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", choices=MODES, default="ok")
    parser.add_argument("--latency", type=float, default=0.0)
    given = vars(parser.parse_args())
    with deciding(**given) as stub:
        print(stub.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()

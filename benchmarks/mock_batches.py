"""Three providers' batch APIs on the loopback, which expire, err, hang, shuffle, repeat and lose.

OpenAI's, Anthropic's and Gemini's envelopes around one function from a request's body to a reply, which answers
requests without a batch, too. Run it as `python benchmarks/mock_batches.py --expire 0.1 --shuffle` (the first
line it prints is the address), or hold it open in a test:

    with serving_batches(error=0.1) as (url, provider):
        ...

`GET {url}/stats` says what was sent and paid for, and what was paid for twice.
"""

import argparse
import asyncio
import random
import re
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from mock_script import completion, http
from mock_server import serve, serving_script

LETTERS = "AB"
OUT = "out"


@dataclass(frozen=True)
class Options:
    """What the provider does.

    Args:
        expire: Share of lines that expire (shares are of all lines, drawn anew each time one is sent).
        error: Share answered with a 500.
        refuse: Share refused for its content, each time.
        broke: Whether there is no money: every line is an error that says so.
        hang: How many of the first batches never end.
        never: Whether those cannot be cancelled.
        shuffle: Whether results come in another order.
        duplicate: Share of results that stand twice.
        split: Whether half of the results stand in OpenAI's other file.
        lose: Share of batches that are taken without a word: the connection is cut.
        none: Whether there are no batches at all.
        delay: How often a batch is looked at before it ends.
        most_bytes: The bytes of a file above which it is too large; 0: any.
        broken: Share of requests about batches that are answered with a 503.
        queue: How many lines may be out at once, as OpenAI limits them; 0: any.
        malformed: Share of replies that are no answer, decided by what is asked.
        seed: Of the draws.
    """

    expire: float = 0.0
    error: float = 0.0
    refuse: float = 0.0
    broke: bool = False
    hang: int = 0
    never: bool = False
    shuffle: bool = False
    duplicate: float = 0.0
    split: bool = False
    lose: float = 0.0
    none: bool = False
    delay: int = 0
    most_bytes: int = 0
    broken: float = 0.0
    queue: int = 0
    malformed: float = 0.0
    seed: int = 0
    mode: str = "ok"  # what the server's connection looks at: "cut"
    latency: float = 0.0


def said_of(body: dict[str, Any], malformed: float = 0.0) -> str:
    """A reply that the request decides: some value of its schema, an option's letter, or a text."""
    raw = orjson.dumps([body.get("messages"), body.get("contents"), body.get("system")])
    draw = random.Random(raw)  # noqa: S311 - a script
    if draw.random() < malformed:
        return "Well, it depends {"
    schema = (
        ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
        or (body.get("output_format") or {}).get("schema")
        or (body.get("generationConfig") or {}).get("response_json_schema")
    )
    if schema is None:
        return draw.choice(LETTERS) if body.get("logprobs") else f"A text, number {draw.randrange(1000)}."
    return orjson.dumps(_value(schema, "", draw)).decode()


def _value(schema: dict[str, Any], name: str, draw: random.Random) -> Any:
    if name == "ranking":
        return draw.sample(LETTERS, 2)
    if "enum" in schema:
        return draw.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return {key: _value(each, key, draw) for key, each in schema["properties"].items()}
    if kind == "array":
        ids = ((schema["items"].get("properties") or {}).get("id") or {}).get("enum")
        if ids:  # one for each point
            return [{**_value(schema["items"], "", draw), "id": each} for each in ids]
        return [_value(schema["items"], "", draw)] if name == "statements" else []
    if kind in {"number", "integer"}:
        return draw.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 10)))
    return "Cats are mammals." if name == "" else f"so {draw.randrange(100)}"


@dataclass
class Taken:
    """A batch that was taken."""

    name: str
    tag: str
    kind: str
    lines: list[tuple[str, dict[str, Any]]]
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    looks: int = 0
    state: str = OUT
    cancelled: bool = False
    results: list[tuple[str, str, Any]] = field(default_factory=list)


class Provider:
    """What is answered, and what was asked: one provider of all three kinds."""

    def __init__(self, options: Options, text: Callable[[dict[str, Any]], str] | None = None) -> None:
        self.options = options
        self.text = text or partial(said_of, malformed=options.malformed)
        self.files: dict[str, bytes] = {}
        self.taken: dict[str, Taken] = {}
        self.sent: Counter[str] = Counter()  # digits -> how often a line was sent
        self.paid: Counter[str] = Counter()  # digits -> how often it was answered
        self.live = 0
        self.draws = random.Random(options.seed)  # noqa: S311 - a script
        self.bodies: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self._numbers = count(1)

    # What is said.

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The response to one request."""
        self.options = replace(self.options, mode="ok")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        self.headers = {k.lower(): v for k, _, v in (each.partition(": ") for each in lines[1:])}
        parts = urlsplit(target)
        path, query = parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}
        if self.draws.random() < self.options.broken and "completions" not in path:
            return http(503, {"error": {"message": "come again"}})
        for pattern, answering in () if self.options.none and "batches" in path else self.routes:
            if found := re.fullmatch(pattern, f"{method} {path}"):
                try:
                    return answering(self, query, body, *found.groups())
                except Exception:  # noqa: BLE001
                    traceback.print_exc()  # a fault of this file; without an answer a client would wait
                    return http(501, {"error": {"message": "the mock does not know what to say"}})
        return http(404, {"error": {"message": f"no such path: {method} {path}"}})

    def stats(self, _: Any, __: bytes) -> bytes:
        """Counts."""
        said = {
            "batches": len(self.taken), "sent": self.sent.total(), "paid": self.paid.total(),
            "paid_twice": sum(n - 1 for n in self.paid.values() if n > 1), "live": self.live,
            "states": Counter(each.state for each in self.taken.values()),
        }  # fmt: skip
        return http(200, said)

    def chat(self, _: Any, raw: bytes) -> bytes:
        """A request without a batch, as OpenAI has it."""
        self.live += 1
        return http(200, self.completed("openai", orjson.loads(raw)))

    def message(self, _: Any, raw: bytes) -> bytes:
        """The same, of Anthropic."""
        self.live += 1
        return http(200, self.completed("anthropic", orjson.loads(raw)))

    def content(self, _: Any, raw: bytes, __: str) -> bytes:
        """The same, of Gemini."""
        self.live += 1
        return http(200, self.completed("gemini", orjson.loads(raw)))

    def completed(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body of a reply."""
        text = self.text(body)
        if kind == "openai":
            said = completion(text, "length" if body.get("logprobs") else "stop")
            if body.get("logprobs"):
                top = [
                    {"token": text, "logprob": -0.105},
                    {"token": "AB".replace(text, ""), "logprob": -2.303},
                ]
                said["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
            return said
        if kind == "anthropic":
            return {
                "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
                "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
                "usage": {"input_tokens": 700, "output_tokens": 8},
            }  # fmt: skip
        return {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
            ],
            "usageMetadata": {"promptTokenCount": 700, "candidatesTokenCount": 8, "totalTokenCount": 708},
            "modelVersion": "gemini-mock",
        }

    # What is done with batches.

    def take(self, kind: str, tag: str, lines: list[tuple[str, dict[str, Any]]]) -> Taken | None:
        """A batch that is taken; None where the connection is cut, although it was."""
        n = next(self._numbers)
        name = {"openai": f"batch_{n}", "anthropic": f"msgbatch_{n}", "gemini": f"batches/{n}"}[kind]
        batch = self.taken[name] = Taken(name, tag, kind, lines)
        out = sum(len(each.lines) for each in self.taken.values() if each.state == OUT)
        if self.options.queue and out > self.options.queue and out > len(lines):
            batch.state = "failed"
        else:
            self.sent.update(digits for digits, _ in lines)
        self.bodies.append((kind, dict(self.headers), {"tag": tag, "lines": lines}))
        if random.Random(f"{self.options.seed} {name}").random() < self.options.lose:  # noqa: S311 - a script
            self.options = replace(self.options, mode="cut")
            return None
        return batch

    def look(self, batch: Taken) -> Taken:
        """A batch as it is now: each look brings it nearer to its end."""
        batch.looks += 1
        hangs = int(re.sub(r"\D", "", batch.name)) <= self.options.hang
        stays = hangs and (self.options.never or not batch.cancelled)
        if batch.state == OUT and not stays and (batch.looks > self.options.delay or batch.cancelled):
            self.end(batch)
        return batch

    def end(self, batch: Taken) -> None:
        """Answer all lines, as the options have it."""
        options = self.options
        for n, (digits, body) in enumerate(batch.lines):
            draw = random.Random(f"{options.seed} {digits} {self.sent[digits]}")  # noqa: S311 - a script
            share = draw.random()
            if batch.cancelled and n >= len(batch.lines) // 2:
                batch.results.append((digits, "cancelled", None))
            elif options.broke:
                batch.results.append((digits, "broke", None))
            elif random.Random(f"{options.seed} {digits}").random() < options.refuse:  # noqa: S311 - a script
                batch.results.append((digits, "refused", None))
            elif share < options.expire:
                batch.results.append((digits, "expired", None))
            elif share < options.expire + options.error:
                batch.results.append((digits, "error", None))
            else:
                self.paid[digits] += 1
                batch.results += [(digits, "ok", self.completed(batch.kind, body))] * (
                    2 if draw.random() < options.duplicate else 1
                )
        if options.shuffle:
            random.Random(f"{options.seed} {batch.name}").shuffle(batch.results)  # noqa: S311 - a script
        kinds = {kind for _, kind, _ in batch.results}
        batch.state = "cancelled" if batch.cancelled else "expired" if "expired" in kinds else "completed"

    def cancel(self, batch: Taken) -> None:
        """End it as soon as it is looked at."""
        batch.cancelled = True

    def failed(self, batch: Taken) -> bool:
        """Whether it was not taken after all."""
        return batch.state == "failed"

    # OpenAI.

    def upload(self, _: Any, raw: bytes) -> bytes:
        """A file in a form of several parts."""
        if self.options.most_bytes and len(raw) > self.options.most_bytes:
            return http(413, {"error": {"message": "the file is too large"}})
        boundary = re.search(r'boundary="?([^";]+)', self.headers["content-type"])
        assert boundary is not None
        parts = raw.split(b"--" + boundary[1].encode())
        [file] = [part for part in parts if b"filename=" in part]
        name = f"file-{next(self._numbers)}"
        self.files[name] = file.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        return http(200, {"id": name, "object": "file"})

    def openai_create(self, _: Any, raw: bytes) -> bytes:
        """A batch of a file."""
        made = orjson.loads(raw)
        assert made["endpoint"] == "/v1/chat/completions"
        assert made["completion_window"] == "24h"
        rows = [orjson.loads(line) for line in self.files[made["input_file_id"]].splitlines()]
        assert all(row["url"] == made["endpoint"] and row["method"] == "POST" for row in rows)
        batch = self.take("openai", made["metadata"]["judgekit"], [(r["custom_id"], r["body"]) for r in rows])
        return b"" if batch is None else http(200, self.openai(batch))

    def openai(self, batch: Taken) -> dict[str, Any]:
        """A batch as OpenAI tells of it."""
        state = "in_progress" if batch.state == OUT else batch.state
        said = {"id": batch.name, "status": state, "metadata": {"judgekit": batch.tag}, "errors": None}
        if batch.state == "failed":
            words = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
            return {**said, "errors": {"data": [words]}}
        ended = batch.state != OUT
        return {
            **said,
            "output_file_id": f"{batch.name}-output" if ended else None,
            "error_file_id": f"{batch.name}-error" if ended else None,
        }

    def openai_list(self, query: dict[str, str], _: bytes) -> bytes:
        """Batches, the latest first, a hundred a page."""
        return self.page(query, "after", self.openai, "openai", {"object": "list"})

    def page(
        self, query: dict[str, str], after: str, told: Callable[[Taken], Any], kind: str, more: dict[str, Any]
    ) -> bytes:
        """A page of a list."""
        every = [each for each in reversed(self.taken.values()) if each.kind == kind]
        names = [each.name for each in every]
        start = names.index(query[after]) + 1 if after in query else 0
        some = every[start : start + 100]
        last = some[-1].name if some else None
        return http(
            200,
            {**more, "data": list(map(told, some)), "has_more": start + 100 < len(every), "last_id": last},
        )

    def openai_look(self, _: Any, __: bytes, name: str) -> bytes:
        """How far a batch is."""
        return http(200, self.openai(self.look(self.taken[name])))

    def openai_cancel(self, _: Any, __: bytes, name: str) -> bytes:
        """The end of a batch."""
        self.cancel(self.taken[name])
        return http(200, self.openai(self.taken[name]))

    def openai_file(self, _: Any, __: bytes, name: str, which: str) -> bytes:
        """One of the two files of results."""
        rows = []
        for n, (digits, kind, body) in enumerate(self.taken[name].results):
            answered = kind == "ok" and not (self.options.split and n % 2)
            if answered != (which == "output"):
                continue
            rows.append(orjson.dumps({"id": f"r{n}", "custom_id": digits, **self._openai_line(kind, body)}))
        return http(200, b"\n".join(rows))

    def _openai_line(self, kind: str, body: Any) -> dict[str, Any]:
        if kind == "ok":
            return {"response": {"status_code": 200, "request_id": "x", "body": body}, "error": None}
        if kind in {"expired", "cancelled"}:
            return {
                "response": None,
                "error": {"code": f"batch_{kind}", "message": "It could not be done in time."},
            }
        status, code, words = {
            "error": (500, "server_error", "The server had an error"),
            "refused": (
                400,
                "content_filter",
                f"Filtered by our content management policy (key {self.headers['authorization'].split()[-1]})",
            ),
            "broke": (429, "insufficient_quota", "You exceeded your current quota, please check your plan"),
        }[kind]
        error = {"error": {"message": words, "type": code, "param": None, "code": code}}
        return {"response": {"status_code": status, "request_id": "x", "body": error}, "error": None}

    # Anthropic.

    def anthropic_create(self, _: Any, raw: bytes) -> bytes:
        """A batch of the requests in a body; the tag has no place."""
        if self.options.most_bytes and len(raw) > self.options.most_bytes:
            return http(
                413, {"type": "error", "error": {"type": "request_too_large", "message": "too large"}}
            )
        rows = orjson.loads(raw)["requests"]
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", row["custom_id"]) for row in rows)
        batch = self.take("anthropic", "", [(row["custom_id"], row["params"]) for row in rows])
        return b"" if batch is None else http(200, self.anthropic(batch))

    def anthropic(self, batch: Taken) -> dict[str, Any]:
        """A batch as Anthropic tells of it."""
        counts = Counter(dict(batch.results and {digits: 1 for digits, _, _ in batch.results}))
        kinds = {digits: kind for digits, kind, _ in batch.results}
        told = {"ok": "succeeded", "expired": "expired", "cancelled": "canceled"}
        said = Counter(told.get(kind, "errored") for kind in kinds.values())
        left = len(batch.lines) - len(counts)
        return {
            "id": batch.name, "type": "message_batch", "created_at": batch.made.isoformat(),
            "processing_status": "in_progress" if batch.state == OUT else "ended",
            "cancel_initiated_at": batch.made.isoformat() if batch.cancelled else None,
            "request_counts": {
                **dict.fromkeys(("succeeded", "errored", "canceled", "expired"), 0), **said, "processing": left
            },
            "results_url": None,
        }  # fmt: skip

    def anthropic_list(self, query: dict[str, str], _: bytes) -> bytes:
        """Batches, the latest first."""
        return self.page(query, "after_id", self.anthropic, "anthropic", {})

    def anthropic_look(self, _: Any, __: bytes, name: str) -> bytes:
        """How far a batch is."""
        return http(200, self.anthropic(self.look(self.taken[name])))

    def anthropic_cancel(self, _: Any, __: bytes, name: str) -> bytes:
        """The end of a batch."""
        self.cancel(self.taken[name])
        return http(200, self.anthropic(self.taken[name]))

    def anthropic_results(self, _: Any, __: bytes, name: str) -> bytes:
        """The results as lines."""
        errors = {
            "error": ("api_error", "Internal server error"),
            "refused": ("invalid_request_error", "Output blocked by content filtering policy"),
            "broke": ("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        }
        rows = []
        for digits, kind, body in self.taken[name].results:
            if kind == "ok":
                result: Any = {"type": "succeeded", "message": body}
            elif kind in errors:
                error = dict(zip(("type", "message"), errors[kind], strict=True))
                result = {"type": "errored", "error": {"type": "error", "error": error}}
            else:
                result = {"type": "canceled" if kind == "cancelled" else kind}
            rows.append(orjson.dumps({"custom_id": digits, "result": result}))
        return http(200, b"\n".join(rows))

    # Gemini.

    def gemini_begin(self, _: Any, __: bytes) -> bytes:
        """Where to put a file."""
        assert self.headers["x-goog-upload-command"] == "start"
        name = f"files/{next(self._numbers)}"
        place = f"http://{self.headers['host']}/put/{name}"
        return http(200, {}, f"x-goog-upload-url: {place}")

    def gemini_put(self, _: Any, raw: bytes, name: str) -> bytes:
        """The file."""
        if self.options.most_bytes and len(raw) > self.options.most_bytes:
            return http(413, {"error": {"message": "the file is too large"}})
        self.files[name] = raw
        return http(200, {"file": {"name": name}})

    def gemini_create(self, _: Any, raw: bytes, __: str) -> bytes:
        """A batch of a file."""
        made = orjson.loads(raw)["batch"]
        rows = [orjson.loads(line) for line in self.files[made["input_config"]["file_name"]].splitlines()]
        batch = self.take("gemini", made["display_name"], [(row["key"], row["request"]) for row in rows])
        return b"" if batch is None else http(200, self.gemini(batch))

    def gemini(self, batch: Taken) -> dict[str, Any]:
        """A batch as Google tells of it; its counts say 0, as they were once seen to."""
        state = {OUT: "RUNNING", "completed": "SUCCEEDED", "expired": "SUCCEEDED"}.get(
            batch.state, batch.state
        )
        about = {
            "state": f"BATCH_STATE_{state.upper()}",
            "displayName": batch.tag,
            "batchStats": {"requestCount": "0"},
        }
        if batch.state == OUT:
            return {"name": batch.name, "metadata": about}
        if batch.state == "failed":
            return {"name": batch.name, "metadata": about, "error": {"code": 8, "message": "Enqueued limit"}}
        return {
            "name": batch.name, "metadata": about, "done": True,
            "response": {"responsesFile": f"files/of-{batch.name.partition('/')[2]}"},
        }  # fmt: skip

    def gemini_list(self, query: dict[str, str], _: bytes) -> bytes:
        """Batches, some a page."""
        every = [each for each in reversed(self.taken.values()) if each.kind == "gemini"]
        start = int(query.get("pageToken", 0))
        more = {"nextPageToken": str(start + 100)} if start + 100 < len(every) else {}
        return http(200, {"operations": list(map(self.gemini, every[start : start + 100])), **more})

    def gemini_look(self, _: Any, __: bytes, name: str) -> bytes:
        """How far a batch is."""
        return http(200, self.gemini(self.look(self.taken[name])))

    def gemini_cancel(self, _: Any, __: bytes, name: str) -> bytes:
        """The end of a batch."""
        self.cancel(self.taken[name])
        return http(200, {})

    def gemini_file(self, _: Any, __: bytes, number: str) -> bytes:
        """The results as lines."""
        errors = {
            "error": (13, "Internal error"), "refused": (3, "Blocked by safety settings"), "expired": (4, "Deadline"),
            "cancelled": (1, "Cancelled"), "broke": (403, "Billing is not active: billing_not_active"),
        }  # fmt: skip
        rows = []
        for digits, kind, body in self.taken[f"batches/{number}"].results:
            error = None if kind == "ok" else dict(zip(("code", "message"), errors[kind], strict=True))
            rows.append(
                orjson.dumps({"key": digits, **({"response": body} if error is None else {"error": error})})
            )
        return http(200, b"\n".join(rows))

    routes: tuple[tuple[str, Callable[..., bytes]], ...] = (
        (r"GET (?:/v1)?/stats", stats),
        (r"POST /v1/chat/completions", chat),
        (r"POST /v1/files", upload),
        (r"POST /v1/batches", openai_create),
        (r"GET /v1/batches", openai_list),
        (r"GET /v1/batches/(\w+)", openai_look),
        (r"POST /v1/batches/(\w+)/cancel", openai_cancel),
        (r"GET /v1/files/(\w+)-(output|error)/content", openai_file),
        (r"POST /v1/messages", message),
        (r"POST /v1/messages/batches", anthropic_create),
        (r"GET /v1/messages/batches", anthropic_list),
        (r"GET /v1/messages/batches/(\w+)", anthropic_look),
        (r"POST /v1/messages/batches/(\w+)/cancel", anthropic_cancel),
        (r"GET /v1/messages/batches/(\w+)/results", anthropic_results),
        (r"POST /upload/v1beta/files", gemini_begin),
        (r"POST /put/(files/\d+)", gemini_put),
        (r"POST /v1beta/models/([\w.-]+):generateContent", content),
        (r"POST /v1beta/models/([\w.-]+):batchGenerateContent", gemini_create),
        (r"GET /v1beta/batches", gemini_list),
        (r"GET /v1beta/(batches/\d+)", gemini_look),
        (r"POST /v1beta/(batches/\d+):cancel", gemini_cancel),
        (r"GET /download/v1beta/files/of-(\d+):download", gemini_file),
    )


@contextmanager
def serving_batches(
    *, text: Callable[[dict[str, Any]], str] | None = None, **options: Any
) -> Iterator[tuple[str, Provider]]:
    """A running provider: its address, without a path, and what it was asked."""
    provider = Provider(Options(**options), text)
    with serving_script(provider) as url:  # type: ignore[arg-type]  # its options are others
        yield url.removesuffix("/v1"), provider


def main() -> None:
    parser = argparse.ArgumentParser(description="Three providers' batch APIs on the loopback.")
    parser.add_argument("--port", type=int, default=0)
    for each in fields(Options):
        flag = f"--{each.name.replace('_', '-')}"
        if isinstance(each.default, bool):
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=type(each.default), default=each.default)
    given = vars(parser.parse_args())
    port = given.pop("port")
    provider = Provider(Options(**given))
    asyncio.run(serve(provider, port, partial(print, flush=True), asyncio.Event()))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

"""The three providers' envelopes: how a batch is sent, listed, looked at, cancelled, and its lines read.

A line is named by the 64 hex digits of the call's key in the ledger, and a batch by a tag of ours, by which a
list finds it again. Anthropic keeps no such name: there a batch is ours if it came when we sent one, has as
many lines, and its results, once there are some, name our calls.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple
from urllib.parse import quote, urlsplit

import orjson

from judgekit.batches.http import Http
from judgekit.errors import InputError
from judgekit.roles import Request

Stage = Literal["out", "ended", "failed", "gone"]
MOST_LINES, MOST_BYTES = 50_000, 100_000_000
"""The most calls and bytes of a batch, which is held in memory; the strictest takes twice the bytes."""
_EARLY = timedelta(minutes=5)  # how far a provider's clock may be behind ours


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a batch is: `why` it ended as it did, and the `files` in which its results are."""

    stage: Stage
    why: str = ""
    files: tuple[str, ...] = ()
    unasked: bool = False  # whether its server could not be asked


class Result(NamedTuple):
    """A line that came back: the response of its call; status 0 where there is none, and `why`."""

    digits: str
    status: int
    body: object = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is known of a batch when it is looked for: our tag, when it was made, how many lines it has."""

    tag: str
    made: datetime
    lines: int
    known: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class OpenAI:
    """OpenAI's, and of servers that speak as it does: a file of requests, and one or two of results."""

    root: str
    kind: ClassVar[str] = "openai"
    model: ClassVar[str] = ""

    @property
    def listed(self) -> str:
        """Where batches are listed."""
        return f"{self.root}/batches?limit=100"

    def line(self, digits: str, body: Mapping[str, Any]) -> bytes:
        """Return a line of the file."""
        asked = {"custom_id": digits, "method": "POST", "url": "/v1/chat/completions", "body": body}
        return orjson.dumps(asked)

    async def submit(self, http: Http, tag: str, lines: list[bytes]) -> str:
        """Upload the file, then make a batch of it."""
        import aiohttp

        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", b"\n".join(lines), filename=f"{tag}.jsonl", content_type="application/jsonl")
        file = await http.json("POST", f"{self.root}/files", data=form)
        made = {
            "input_file_id": file.get("id"), "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "metadata": {"judgekit": tag},
        }  # fmt: skip
        return str((await http.json("POST", f"{self.root}/batches", json=made))["id"])

    async def find(self, http: Http, sent: Sent) -> str | None:
        """Return the id of the batch with our tag."""
        after = ""
        while True:
            page = await http.json("GET", f"{self.listed}{after}")
            for each in page.get("data") or ():
                if (each.get("metadata") or {}).get("judgekit") == sent.tag:
                    return str(each["id"])
            if not page.get("has_more") or not page.get("data"):
                return None
            after = f"&after={quote(str(page['data'][-1]['id']))}"

    async def look(self, http: Http, batch: str) -> Seen:
        """Return how far it is."""
        said = await http.json("GET", f"{self.root}/batches/{quote(batch)}")
        status = said.get("status")
        files = tuple(str(said[name]) for name in ("output_file_id", "error_file_id") if said.get(name))
        if status in {"completed", "expired", "cancelled"}:
            return Seen("ended", status, files)
        if status == "failed":
            errors = (said.get("errors") or {}).get("data") or [{}]
            return Seen(
                "failed", f"{errors[0].get('message', '')} ({errors[0].get('code', 'failed')})", files
            )
        return Seen("out", str(status))

    async def results(self, http: Http, batch: str, seen: Seen) -> AsyncIterator[Result]:  # noqa: ARG002 - others'
        """Yield the lines of both files."""
        for file in seen.files:
            async for each in http.lines(f"{self.root}/files/{quote(file)}/content"):
                response, error = each.get("response"), each.get("error")
                digits = str(each.get("custom_id"))
                if isinstance(response, dict) and type(response.get("status_code")) is int:
                    yield Result(digits, response["status_code"], response.get("body"))
                else:
                    yield Result(digits, 0, None, _words(error))

    async def cancel(self, http: Http, batch: str) -> None:
        """Ask for an end."""
        await http.json("POST", f"{self.root}/batches/{quote(batch)}/cancel")


_ANTHROPIC = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "overloaded_error": 529,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Anthropic:
    """Anthropic's: all requests in one body, and the results as lines for 29 days."""

    root: str
    kind: ClassVar[str] = "anthropic"
    model: ClassVar[str] = ""

    @property
    def listed(self) -> str:
        """Where batches are listed, the latest first."""
        return f"{self.root}/messages/batches?limit=100"

    def line(self, digits: str, body: Mapping[str, Any]) -> bytes:
        """Return a request of the body."""
        return orjson.dumps({"custom_id": digits, "params": body})

    async def submit(self, http: Http, tag: str, lines: list[bytes]) -> str:  # noqa: ARG002 - it has no place
        """Send all in one body."""
        body = b'{"requests":[%b]}' % b",".join(lines)
        made = await http.json(
            "POST", f"{self.root}/messages/batches", data=body, headers={"content-type": "application/json"}
        )
        return str(made["id"])

    async def find(self, http: Http, sent: Sent) -> str | None:
        """Return the id of a batch that came when ours was sent, with as many lines, which nobody claims."""
        after = ""
        while True:
            page = await http.json("GET", f"{self.listed}{after}")
            for each in page.get("data") or ():
                if datetime.fromisoformat(each["created_at"]) < sent.made - _EARLY:
                    return None  # the latest stand first
                if each["id"] not in sent.known and sum(each["request_counts"].values()) == sent.lines:
                    return str(each["id"])
            if not page.get("has_more") or not page.get("data"):
                return None
            after = f"&after_id={quote(str(page['last_id']))}"

    async def look(self, http: Http, batch: str) -> Seen:
        """Return how far it is."""
        said = await http.json("GET", f"{self.root}/messages/batches/{quote(batch)}")
        if said.get("processing_status") != "ended":
            return Seen("out", str(said.get("processing_status")))
        counts = said.get("request_counts") or {}
        cancelled = said.get("cancel_initiated_at") and counts.get("canceled")
        return Seen(
            "ended", "cancelled" if cancelled else "expired" if counts.get("expired") else "completed"
        )

    async def results(self, http: Http, batch: str, seen: Seen) -> AsyncIterator[Result]:  # noqa: ARG002 - others'
        """Yield the results."""
        async for each in http.lines(f"{self.root}/messages/batches/{quote(batch)}/results"):
            digits, result = str(each.get("custom_id")), each.get("result") or {}
            if result.get("type") == "succeeded":
                yield Result(digits, 200, result.get("message"))
            elif result.get("type") == "errored":
                error = result.get("error") or {}
                kind = str((error.get("error") or {}).get("type"))
                yield Result(digits, _ANTHROPIC.get(kind, 500), error)
            else:
                yield Result(digits, 0, None, str(result.get("type")))

    async def cancel(self, http: Http, batch: str) -> None:
        """Ask for an end."""
        await http.json("POST", f"{self.root}/messages/batches/{quote(batch)}/cancel")


_RPC = {1: 499, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 12: 501, 13: 500, 14: 503, 16: 401}


@dataclass(frozen=True, slots=True)
class Gemini:
    """Google's: a file of requests to one model, and one of results."""

    root: str
    model: str
    kind: ClassVar[str] = "gemini"

    @property
    def listed(self) -> str:
        """Where batches are listed."""
        return f"{self.root}/batches?pageSize=100"

    def line(self, digits: str, body: Mapping[str, Any]) -> bytes:
        """Return a line of the file."""
        return orjson.dumps({"key": digits, "request": body})

    @property
    def _beside(self) -> tuple[str, str]:
        """The addresses that files go to, and come from."""
        parts = urlsplit(self.root)
        origin = f"{parts.scheme}://{parts.netloc}"
        return f"{origin}/upload{parts.path}/files", f"{origin}/download{parts.path}"

    async def submit(self, http: Http, tag: str, lines: list[bytes]) -> str:
        """Upload the file, then make a batch of it."""
        raw = b"\n".join(lines)
        begin = {
            "x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(len(raw)),
            "x-goog-upload-header-content-type": "application/jsonl",
        }  # fmt: skip
        named = {"file": {"display_name": tag}}
        headers, _ = await http.whole("POST", self._beside[0], headers=begin, json=named)
        sending = {"x-goog-upload-offset": "0", "x-goog-upload-command": "upload, finalize"}
        place = headers.get("x-goog-upload-url", "")
        if urlsplit(place).netloc != urlsplit(self.root).netloc:  # the key goes to no other host
            raise InputError(f"{self.root}: files would go to another host")
        file = await http.json("POST", place, headers=sending, data=raw)
        made = {
            "batch": {
                "display_name": tag,
                "input_config": {"file_name": (file.get("file") or {}).get("name")},
            }
        }
        said = await http.json("POST", f"{self.root}/models/{self.model}:batchGenerateContent", json=made)
        return str(said["name"])

    async def find(self, http: Http, sent: Sent) -> str | None:
        """Return the name of the batch with our tag."""
        token = ""
        while True:
            page = await http.json("GET", f"{self.listed}{token}")
            for each in page.get("operations") or ():
                if (each.get("metadata") or {}).get("displayName") == sent.tag:
                    return str(each["name"])
            if not page.get("nextPageToken"):
                return None
            token = f"&pageToken={quote(page['nextPageToken'])}"

    async def look(self, http: Http, batch: str) -> Seen:
        """Return how far it is; its counts may say 0 of what is done, and are not looked at."""
        said = await http.json("GET", f"{self.root}/{quote(batch)}")
        about = said.get("metadata") or {}
        state = str(about.get("state", "")).rpartition("STATE_")[2].lower()
        output = said.get("response") or about.get("output") or {}
        files = tuple(str(output[name]) for name in ("responsesFile",) if output.get(name))
        if state in {"succeeded", "expired", "cancelled"}:
            return Seen("ended", "completed" if state == "succeeded" else state, files)
        if state == "failed":
            return Seen("failed", _words(said.get("error")), files)
        return Seen("out", state)

    async def results(self, http: Http, batch: str, seen: Seen) -> AsyncIterator[Result]:  # noqa: ARG002 - others'
        """Yield the lines of the file."""
        for file in seen.files:
            async for each in http.lines(f"{self._beside[1]}/{quote(file)}:download?alt=media"):
                digits, error = str(each.get("key")), each.get("error")
                if isinstance(each.get("response"), dict):
                    yield Result(digits, 200, each["response"])
                    continue
                error = error if isinstance(error, dict) else {}
                code = error.get("code")
                status = _RPC.get(code, code if code >= 400 else 0) if isinstance(code, int) else 0
                # As without a batch: without the line's key, in whose digits litellm may see a status.
                yield Result(digits, status, {"error": {**error, "code": status}}, _words(error))

    async def cancel(self, http: Http, batch: str) -> None:
        """Ask for an end."""
        await http.json("POST", f"{self.root}/{quote(batch)}:cancel")


def _words(error: object) -> str:
    """Return the words of an error, and its code."""
    if not isinstance(error, dict):
        return ""
    return f"{error.get('message', '')} ({error.get('code', '')})"


Carrier = OpenAI | Anthropic | Gemini
"""A provider's way with batches, at one address."""


def carrier_of(request: Request) -> Carrier | None:
    """Return what carries a judge's requests in batches; None where no way is known."""
    url = request.url
    if url.endswith("/chat/completions"):
        return OpenAI(url.removesuffix("/chat/completions"))
    if url.endswith("/v1/messages"):
        return Anthropic(url.removesuffix("/messages"))
    root, found, rest = url.partition("/models/")
    if found and rest.endswith(":generateContent") and "/projects/" not in root:
        return Gemini(root, rest.removesuffix(":generateContent"))
    return None


def carrier_at(kind: str, root: str, model: str) -> Carrier:
    """Return what carries batches of a kind at an address, as it was kept."""
    if kind == OpenAI.kind:
        return OpenAI(root)
    if kind == Anthropic.kind:
        return Anthropic(root)
    if kind == Gemini.kind:
        return Gemini(root, model)
    raise InputError(f"a batch of {kind!r}, which this judgekit does not know; install a newer one")


def headers_of(kind: str, key: str) -> dict[str, str]:
    """Return the headers that let us in with a key."""
    if kind == Anthropic.kind:
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return {"x-goog-api-key": key} if kind == Gemini.kind else {"authorization": f"Bearer {key}"}

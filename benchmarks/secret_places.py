"""Keys that come back: a server repeats what it was sent in every place of a response, and nothing keeps it.

A judge holds a key in each way there is (environment, user and password, the address's path, a field of
the request, headers of it); for each place of a response the server puts all of them there. Then every file of
the run is searched (outcomes, scores, `run.json`, the ledger with its write-ahead log, its export, a
report page), and so are errors, what was printed, what was logged at DEBUG, and the records themselves.

    python benchmarks/secret_places.py --road endpoint login litellm
"""

import argparse
import contextlib
import io
import json
import logging
import os
import sqlite3
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

from mock_script import Options, completion, error, http
from mock_server import serving_script
from typer.testing import CliRunner

import judgekit as jk
from judgekit.cli import app
from judgekit.errors import JudgekitError
from judgekit.judges.endpoint import Endpoint
from judgekit.ledger import Ledger
from judgekit.ledger.tools import exported, latest
from judgekit.roles import Judge

KEYS = {
    "environment": "envi-9Qz4Kx7Lw2",
    "user": "user-3Vb8Nm1Ct6",
    "password": "pass/5Hj2Rd9Yk4",
    "path": "path-7Tf6Gs3Pq8",
    "field": "fiel-2Wx5Zc8Bn1",
    "header": "head-6Mk9Jh4Ul3",
}
LOGIN = b64encode(f"{KEYS['user']}:{KEYS['password']}".encode()).decode()
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello {n}"} for n in range(2)]
EXTRA = {
    "api_key": KEYS["field"],
    "aws_secret_access_key": KEYS["field"],
    "extra_headers": {"Authorization": f"Bearer {KEYS['header']}", "X-Note": KEYS["header"]},
    "metadata": {"nested": [{"auth_token": KEYS["header"]}]},
}
HELD = {
    "endpoint": ("environment", "path", "field", "header"),
    "login": tuple(KEYS),
    "litellm": ("environment", "path", "field", "header"),
}
"""Road to a judge -> the keys it holds, of which some are sent."""


def verdict(**fields: Any) -> str:
    """A judge's answer with something in it."""
    return json.dumps({"evidence": [], "rationale": "fine", "label": "yes"} | fields)


def said(text: Any, finish: Any = "stop", **message: Any) -> bytes:
    """A completion."""
    return http(200, completion(text, finish, **message))


def whole(**fields: Any) -> bytes:
    """A completion with other fields of its own."""
    return http(200, completion(verdict()) | fields)


def failed(status: int, message: Any, code: Any = "error", param: Any = None) -> bytes:
    """An error."""
    return http(status, error(message, code, param, status=status))


def places(key: str) -> dict[str, bytes]:
    """Every place of a response -> a response that holds the key there."""
    return {
        "text": said(f"well, {key}"),
        "text in capitals": said(f"well, {key.upper()}"),
        "text, quoted": said(f"well, {quote(key, safe='')}"),
        "text, with a login": said(f"well, {key} {LOGIN if KEYS['user'] in key else ''}"),
        "text, escaped": http(200, json.dumps(completion(f"well, {key}")).replace("-", "\\u002d").encode()),
        "text in parts": said([{"type": "text", "text": f"well, {key}"}]),
        "label": said(verdict(label=key)),
        "rationale": said(verdict(rationale=key)),
        "evidence": said(verdict(evidence=[key])),
        "another key of the answer": said(verdict(**{key: key})),
        "reasoning": said(f"<think>{key}</think>{verdict()}", reasoning_content=key),
        "model": whole(model=key),
        "fingerprint": whole(system_fingerprint=key),
        "id": whole(id=key),
        "usage": whole(usage={key: key, "prompt_tokens": key}),
        "finish reason": said(verdict(), key),
        "refusal": said(None, refusal=key),
        "refusal of a gateway": said(None, provider_specific_fields={"refusal": key}),
        "filter": said(key, "content_filter"),
        "length": said(key, "length"),
        "tool call": said(None, tool_calls=[{"id": key, "function": {"name": key, "arguments": key}}]),
        "error in 200": http(200, {"error": {"message": key, "code": key, "type": key}}),
        "error in 200, of a text": http(200, {"error": key}),
        "error in 200, nested": http(200, {"error": {"metadata": [{"raw": key}]}}),
        "error in a choice": whole(choices=[{"error": {"message": key, "code": 502}}]),
        "too long in 200": http(200, {"error": {"message": f"context length: {key}", "code": 400}}),
        "page": http(200, f"<html><title>Log in</title>{key}</html>".encode()),
        "list": http(200, [key]),
        "no choices": http(200, {"object": key, "choices": []}),
        "no message": http(200, {"choices": [{"text": key}]}),
        "content of another type": said({"text": key}),
        "not UTF-8": http(200, b"\xff" + key.encode()),
        **{
            f"status {status}": failed(status, key, key)
            for status in (400, 401, 402, 403, 404, 422, 429, 500, 503)
        },
        "status 400, behind a long text": failed(400, "x " * 148 + key),
        "status 413": failed(413, key),
        "status 422, of a list": http(422, {"detail": [{"loc": ["body", key], "msg": key}]}),
        "too long": failed(400, f"maximum context length, {key}"),
        "filtered": failed(400, f"content management policy: {key}"),
        "a refused parameter": failed(400, f"Unsupported parameter: 'temperature' {key}", key, key),
        "quota": failed(429, f"insufficient_quota {key}", "insufficient_quota"),
        "status 502, a page": http(502, f"<html>{key}</html>".encode()),
        "redirect": http(307, {}, f"location: http://127.0.0.1:9/{quote(key)}"),
        "reason": http(500, {}).replace(b"Whatever", key.encode()),
        "header": http(401, {}, f"www-authenticate: Bearer {key}", f"x-request-id: {key}"),
        "retry-after": http(429, {}, f"retry-after: {key}"),
        "status line": f"HTTP/1.1 {key}\r\n\r\n".encode(),
        "header line": f"HTTP/1.1 200 OK\r\n{key}\r\n\r\n".encode(),
        "length line": f"HTTP/1.1 200 OK\r\ncontent-length: {key}\r\n\r\n".encode(),
        "chunk": f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{key}\r\n".encode(),
    }


class Echo:
    """A server that gives the same response to everything."""

    def __init__(self, response: bytes) -> None:
        self.options = Options()
        self.response = response
        self.heads: list[bytes] = []

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The response."""
        self.heads.append(head + body)
        return self.response


def judge_of(road: str, url: str) -> Judge:
    """A judge that holds keys in all the ways of a road."""
    at = url.replace("/v1", f"/{KEYS['path']}/v1")
    if road == "litellm":
        from judgekit.judges.litellm import LiteLLM

        extra = {name: value for name, value in EXTRA.items() if name != "api_key"}
        return LiteLLM("openai/m", api_base=at, key_env="CANARY_KEY", extra=extra, name="m")
    if road == "login":
        login = f"{KEYS['user']}:{quote(KEYS['password'], safe='')}@"
        return Endpoint(at.replace("//", f"//{login}"), "m", key_env="CANARY_KEY", extra=EXTRA)
    return Endpoint(at, "m", key_env="CANARY_KEY", extra=EXTRA)


def searched(
    road: str, response: bytes, folder: Path, *, page: bool = False
) -> tuple[dict[str, list[str]], int]:
    """Where keys were found after a run against a response: place -> which; and what was searched."""
    heard, printed = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(heard)
    logger = logging.getLogger("judgekit")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    echo = Echo(response)
    texts: dict[str, str] = {}
    environment = {"CANARY_KEY": KEYS["environment"], "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    try:
        with (
            serving_script(echo) as url, mock.patch.dict(os.environ, environment),
            contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed),
        ):  # fmt: skip
            judge = judge_of(road, url)
            ledger = folder / "ledger.sqlite"
            Ledger(ledger).close()
            reader = sqlite3.connect(ledger)  # which keeps the write-ahead log from being taken away
            reader.execute("select count(*) from sqlite_master").fetchone()
            reader.execute("begin")
            reader.execute("select count(*) from sqlite_master").fetchone()
            try:
                limits = jk.Limits(tries=1, outage_after=99)
                run = jk.score(ITEMS, RUBRIC, judge, ledger=ledger, limits=limits)
            except JudgekitError as failure:
                texts["error"] = f"{failure} {failure!r} {failure.__cause__!r} {failure.__context__!r}"
                run = failure.run
            run.save(folder / "run")
            texts["records"] = repr(run) + repr(run.summary) + repr(judge)
            if page:
                texts["command"] = reported(folder)
            with Ledger(ledger, read_only=True) as kept:
                texts["export"] = json.dumps([exported(each) for each in latest(kept)], default=str)
            files = {
                str(f.relative_to(folder)): f.read_bytes().decode("latin-1")
                for f in folder.rglob("*")
                if f.is_file()
            }
            reader.close()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    texts |= files | {"log": heard.getvalue(), "printed": printed.getvalue()}
    assert any(key in b"".join(echo.heads).decode("latin-1") for key in (*KEYS.values(), LOGIN)), (
        "none was sent"
    )
    return found_in(texts), len(texts)


def reported(folder: Path) -> str:
    """Write a report page of the run, and give what the command printed."""
    rows = [
        json.dumps({"item_id": each["id"], "rater": "ann", "criterion": "polite", "label": "yes"})
        for each in ITEMS
    ]
    (folder / "labels.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (folder / "rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    command = ["agree", str(folder / "run" / "outcomes.jsonl"), "--labels", str(folder / "labels.jsonl")]
    command += ["-r", str(folder / "rubric.json"), "--report", str(folder / "page.html"), "--resamples", "50"]
    ran = CliRunner().invoke(app, command)
    assert (folder / "page.html").is_file(), ran.output
    return ran.output


def found_in(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Name of a text -> the keys that it holds in any form."""
    forms = {name: {key.lower(), quote(key, safe="").lower()} for name, key in KEYS.items()}
    forms["login"] = {LOGIN.lower()}
    found = {
        where: [name for name, own in forms.items() if any(form in text.lower() for form in own)]
        for where, text in texts.items()
    }
    return {where: names for where, names in found.items() if names}


def walked(
    road: str, only: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, dict[str, list[str]], int]]:
    """Each place of a response: its name, where keys were found, how many texts were searched."""
    for place, response in places(" ".join(KEYS[name] for name in HELD[road])).items():
        if only(place):
            with tempfile.TemporaryDirectory() as folder:
                found, n = searched(
                    road, response, Path(folder), page=place in {"rationale", "model", "evidence"}
                )
            yield place, found, n


def main() -> None:
    """Print what was found, road by road."""
    parser = argparse.ArgumentParser(description="Search every file of a run for the keys it held.")
    parser.add_argument("--road", nargs="+", default=list(HELD), choices=list(HELD))
    leaks = 0
    for road in parser.parse_args().road:
        n_places = n_texts = 0
        for place, found, n in walked(road):
            n_places, n_texts = n_places + 1, n_texts + n
            leaks += len(found)
            if found:
                print(f"{road}, {place}: {found}")
        print(f"{road}: {len(HELD[road])} keys, {n_places} places, {n_texts} files and texts searched")
    print(f"found: {leaks}")
    raise SystemExit(int(leaks > 0))


if __name__ == "__main__":
    main()

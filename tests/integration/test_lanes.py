"""Responses as servers send them, by the connections of an endpoint and by a session of aiohttp's."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import judgekit as jk
from judgekit.errors import ProviderError
from judgekit.judges.endpoint import Endpoint
from judgekit.types import Call, Message, Reply

CALL = Call("m", (), "grade", (Message("user", "Is it polite?"),))
BODY = b'{"id": "x", "choices": [{"message": {"content": "yes"}}]}'
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKS = b"%x;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\nTail: 1\r\n\r\n" % (10, BODY[:10], len(BODY) - 10, BODY[10:])
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
TO_THE_END = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY
PACKED = gzip.compress(BODY)
ZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(PACKED), PACKED)
SOON = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN
Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def sending(response: bytes, piece: int, *, times: int = 1, close: bool) -> Server:
    """A server that sends a response in pieces to each request of a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            for at in range(0, len(response), piece):
                writer.write(response[at : at + piece])
                if piece < 100:
                    await asyncio.sleep(0)
        await writer.drain()
        if close:
            writer.close()

    return serve


async def asked(server: Server, n: int, *, session: bool, **options: Any) -> list[Reply | str]:
    """What n calls one after another come to."""
    listening = await asyncio.start_server(server, "127.0.0.1", 0, **options)
    port = listening.sockets[0].getsockname()[1]
    url = f"http{'s' if options else ''}://localhost:{port}/v1"
    given = aiohttp.ClientSession() if session else None
    found: list[Reply | str] = []
    async with listening, Endpoint(url, "m", session=given) as judge:
        for _ in range(n):
            try:
                found.append(await asyncio.wait_for(judge(CALL), 5))
            except ProviderError as error:
                found.append(f"{error}, passing: {error.passing}")
        if given is not None:
            await given.close()
    return found


@pytest.mark.parametrize("session", [False, True], ids=["own", "aiohttp"])
@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("response", "close"),
    [(PLAIN, False), (PLAIN, True), (CHUNKED, False), (TO_THE_END, True), (SOON, False), (ZIPPED, False)],
    ids=["length", "length and close", "chunks", "to the end", "hints before", "compressed unasked"],
)
def test_a_response_is_read_however_it_is_cut(response: bytes, close: bool, piece: int, session: bool):
    server = sending(response, piece, times=1 if close else 3, close=close)

    found = asyncio.run(asked(server, 3, session=session))

    assert [each.text if isinstance(each, Reply) else each for each in found] == ["yes"] * 3


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "no HTTP response: it begins with 'SSH-2.0-OpenSSH_9.2'"),
        (PLAIN.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n", 1), "two lengths"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "a line of its head is no header"),
        (PLAIN.replace(b"Length: ", b"Length: -", 1), "its length is '-57'"),
        (CHUNKED.replace(b"a;a=b", b"wide"), "no HTTP response"),
        (CHUNKED.replace(b"\r\n0\r\n", b"\r\n-3\r\n"), "a chunk has no length"),
        (PLAIN[:-1], "ended before the response did"),
        (CHUNKED[:-20], "ended before the response did"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "its head does not end"),
        (ZIPPED.replace(b"gzip", b"br"), "coded as 'br', which was not asked for"),
        (ZIPPED.replace(PACKED, PACKED[:-9] + b" " * 9), "gzip"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n" + PACKED[:30], "cut off"),
        (PLAIN.replace(b"Length: ", b"Length: 1" + b"0" * 30), "its length is '1000"),
        (PLAIN.replace(b"Length:", b"Length :"), "a line of its head is no header"),
        (CHUNKED.replace(b"chunked", b"identity"), "its body comes as 'identity'"),
        (CHUNKED.replace(b"chunked", b"gzip, chunked"), "its body comes as 'gzip, chunked'"),
        (CHUNKED[:-13] + b"0\r\n" + b"A: b\r\n" * 20_000, "its trailers do not end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1" + b";" * 70_000, "length does not end"),
        (ZIPPED.replace(PACKED, b"x" * len(PACKED)), "its body is no gzip"),
    ],
)
def test_what_is_no_response_is_a_passing_error(response: bytes, words: str):
    [found] = asyncio.run(asked(sending(response, 100_000, close=True), 1, session=False))

    assert words in str(found)
    assert "passing: True" in str(found)


def test_a_server_is_known_by_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    [stranger] = asyncio.run(asked(sending(PLAIN, 7, close=True), 1, session=False, ssl=context))
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    found = asyncio.run(asked(sending(PLAIN, 7, times=2, close=False), 2, session=False, ssl=context))

    assert "CERTIFICATE_VERIFY_FAILED" in str(stranger)
    assert [each.text if isinstance(each, Reply) else each for each in found] == ["yes", "yes"]


def test_a_call_that_is_given_up_leaves_no_connection_behind():
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.close()

    async def given_up() -> list[int]:
        listening = await asyncio.start_server(hang, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with listening, Endpoint(url, "m") as judge:
            lanes: Any = judge._session  # noqa: SLF001 - whose connections are counted
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(judge(CALL), 0.05)
            before = len(lanes.open)
            await asyncio.sleep(0)
            return [before, len(lanes.open)]

    assert asyncio.run(given_up())[1] == 0


def test_a_server_that_never_reads_keeps_nothing_of_a_call_that_was_given_up():
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001
        await asyncio.sleep(30)
        writer.close()

    async def given_up() -> int:
        listening = await asyncio.start_server(deaf, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        long = replace(CALL, messages=(Message("user", "x" * 20_000_000),))
        async with Endpoint(url, "m") as judge:
            lanes: Any = judge._session  # noqa: SLF001 - whose connections are counted
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(judge(long), 0.3)
            await asyncio.sleep(0)
            listening.close()
            return len(lanes.open)

    assert asyncio.run(given_up()) == 0


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 40_000,
        CHUNKED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + (b"1;" + b"e" * 60_000 + b"\r\nx\r\n") * 20,
    ],
    ids=["words of a response to come", "lengths of chunks"],
)
def test_a_response_that_never_ends_is_ended(response: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("judgekit.judges.lanes._MOST", 500_000)

    [found] = asyncio.run(asked(sending(response, 50_000, close=False), 1, session=False))

    assert "it does not end" in str(found)


def test_chunks_without_end_are_a_reply_that_is_too_long():
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 8_200

    [found] = asyncio.run(asked(sending(body, 100_000, close=False), 1, session=False))

    assert isinstance(found, Reply)
    assert "longer than 8000000" in found.detail


@pytest.mark.parametrize(
    "response",
    [PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), PLAIN.replace(b"1.1", b"1.0", 1)],
)
def test_a_connection_that_the_server_wants_to_close_is_not_asked_again(response: bytes):
    asked_on: list[object] = []

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_on.append(writer)
        await sending(response, 100_000, times=3, close=False)(reader, writer)

    asyncio.run(asked(counting, 2, session=False))

    assert len(asked_on) == 2


def test_a_session_of_aiohttps_gives_the_same_verdicts(serving: Any):
    """The plain road beside the fast one."""

    def said(body: dict[str, Any]) -> str:
        return '{"label": "yes"}' if "3" in body["messages"][-1]["content"][-400:] else "no object"

    def items() -> Iterator[dict[str, str]]:
        yield from ({"id": str(n), "task": "Hi", "response": f"Hello {n}"} for n in range(40))

    rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?"}]}

    async def scored(url: str, *, session: bool) -> Any:
        given = aiohttp.ClientSession() if session else None
        run = await jk.score_async(items(), rubric, Endpoint(url, "m", session=given), ledger=None)
        if given is not None:
            await given.close()
        return run

    with serving(text=said) as url:
        own, plain = (asyncio.run(scored(url, session=session)) for session in (False, True))

    assert own.outcomes == plain.outcomes
    assert own.scores == plain.scores
    assert {type(outcome).__name__ for outcome in own.outcomes} == {"Verdict", "Abstention"}


def test_what_unpacks_to_more_than_a_reply_is_not_kept():
    bomb = gzip.compress(b"x" * 50_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)

    [found] = asyncio.run(asked(sending(head + bomb, 100_000, close=True), 1, session=False))

    assert isinstance(found, Reply)
    assert (found.text, "longer than" in found.detail) == ("", True)

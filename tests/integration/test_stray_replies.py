"""A reply is taken for an answer only to the request it answers, whatever else a server sends."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from judgekit.errors import InputError, ProviderError
from judgekit.judges.endpoint import Endpoint
from judgekit.types import Call, Message, Reply

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from whose_reply import NAMED, How, listening, measure, straying

FAR = How(("late", "stray"), latency=0.02, late=0.06)  # later than a connection rests


def call(n: int) -> Call:
    return Call("m", (), "grade", (Message("user", f"Where is parcel number {n}?"),), key=str(n))


@pytest.mark.parametrize(("named", "keep_alive"), [*((each, True) for each in NAMED), ("nowhere", False)])
def test_no_verdict_rests_on_another_items_reply(named: str, keep_alive: bool, tmp_path: Path):
    found = measure(named, 400, tmp_path, share=0.1, keep_alive=keep_alive)

    assert found["verdicts"] == 400
    assert sum(found["sent"][way] for way in ("doubled", "late", "stray", "split")) > 20
    assert sum(found["notes"].values()) > 0
    allowed = found["wrong before"] if (named, keep_alive) == ("nowhere", True) else 0
    assert (found["wrong after"], found["wrong"], found["stored wrong"]) == (0, allowed, allowed)


@pytest.mark.parametrize("named", ["body", "header"])
def test_replies_that_come_much_too_late_are_told_by_the_requests_id(named: str, tmp_path: Path):
    requests = 0
    for n in range(6):  # on a busy machine the first late one may show before any is taken for an answer
        (tmp_path / str(n)).mkdir()
        found = measure(named, 400, tmp_path / str(n), share=0.3, how=FAR)
        assert (found["verdicts"], found["wrong"], found["stored wrong"]) == (400, 0, 0)
        requests = max(requests, found["sent"]["requests"])
        if requests > 400:
            break

    assert requests > 400  # or none of them was ever taken for an answer


def test_where_nothing_names_them_nothing_is_wrong_after_the_first_sign(tmp_path: Path):
    found = measure("nowhere", 400, tmp_path, share=0.3, how=FAR)

    assert found["verdicts"] == 400
    assert found["wrong after"] == 0
    assert found["wrong"] == found["wrong before"]


@contextmanager
def answering(answer: Callable[[int, bytes], bytes]) -> Iterator[tuple[str, list[int]]]:
    """A server that answers the n-th request of a connection by a function; and how many each was asked."""
    asked: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at, n = len(asked), 0
        asked.append(0)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                asked[at] += 1
                writer.write(answer(n, head.lower().split(b"x-request-id: ")[1].split(b"\r\n")[0]))
                n += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    with listening(lambda: asyncio.start_server(serve, "127.0.0.1", 0)) as url:
        yield url, asked


def http(text: str, name: str, status: int = 200) -> bytes:
    body = b'{"id": "%b", "choices": [{"message": {"content": "%b"}}]}' % (name.encode(), text.encode())
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


def one_by_one(judge: Endpoint, n: int) -> list[Reply | ProviderError]:
    async def asked() -> list[Reply | ProviderError]:
        found: list[Reply | ProviderError] = []
        async with judge:
            for i in range(n):
                await asyncio.sleep(0.01)
                try:
                    found.append(await asyncio.wait_for(judge(call(i)), 5))
                except ProviderError as error:
                    found.append(error)
        return found

    return asyncio.run(asked())


def test_a_reply_that_names_another_request_is_not_used_and_its_connection_never_asked_again():
    first: list[bytes] = []

    def answer(n: int, name: bytes) -> bytes:
        first.append(name)
        return http("x", (name if n != 2 else first[0]).decode())

    with answering(answer) as (url, asked):
        judge = Endpoint(url, "m")
        came = one_by_one(judge, 6)

    assert [isinstance(each, Reply) for each in came] == [True, True, False, True, True, True]
    assert isinstance(came[2], ProviderError)
    assert (came[2].passing, came[2].dropped) == (True, "keep_alive")
    assert asked == [3, 1, 1, 1]
    assert judge.refused == {"keep_alive"}
    assert sum(judge.noted.values()) == 1


def test_a_server_once_seen_to_repeat_ids_has_to_do_it_until_it_gets_single_connections():
    with answering(lambda n, name: http("x", name.decode() if n < 2 else "none")) as (url, asked):
        came = one_by_one(Endpoint(url, "m"), 5)

    assert [isinstance(each, Reply) for each in came] == [True, True, False, True, True]
    assert asked == [3, 1, 1]


def test_bytes_that_nobody_asked_for_close_a_connection_and_spare_the_next_call():
    with answering(lambda n, _: http(f"x{n}", f"id{n}") * (2 if n == 1 else 1)) as (url, asked):
        judge = Endpoint(url, "m")
        came = one_by_one(judge, 4)

    assert [isinstance(each, Reply) and each.text for each in came] == ["x0", False, "x0", "x0"]
    assert asked == [2, 1, 1]
    assert "keep_alive" in judge.refused


def test_the_same_id_twice_running_is_a_sign_only_where_ids_differ():
    with answering(lambda n, _: http("x", f"id{min(n, 1)}")) as (url, asked):
        came = one_by_one(Endpoint(url, "m"), 4)
    assert [isinstance(each, Reply) for each in came] == [True, True, False, True]
    assert asked == [3, 1]

    with answering(lambda *_: http("x", "id")) as (url, asked):
        came = one_by_one(Endpoint(url, "m"), 4)
    assert all(isinstance(each, Reply) for each in came)
    assert asked == [4]


def test_an_error_on_a_kept_connection_is_believed_only_on_a_new_one():
    def answer(n: int, _: bytes) -> bytes:
        return http("x", "id") if n % 2 == 0 else http("", "", 400)

    with answering(answer) as (url, asked):
        came = one_by_one(Endpoint(url, "m"), 3)

    assert all(isinstance(each, Reply) for each in came)
    assert asked == [2, 2, 1]


def test_single_connections_from_the_start():
    with answering(lambda *_: http("x", "id")) as (url, asked):
        assert all(isinstance(each, Reply) for each in one_by_one(Endpoint(url, "m", keep_alive=False), 4))

    assert asked == [1, 1, 1, 1]


def test_what_a_server_was_learnt_to_do_is_known_to_the_next_judge(tmp_path: Path):
    import judgekit as jk
    from judgekit.ledger import Ledger
    from judgekit.run.send import fact_name

    with straying(named="body", share=0.5, how=FAR) as (url, _):
        judge = Endpoint(url, "m")
        items = [{"id": str(n), "task": f"parcel number {n}", "response": "x"} for n in range(200)]
        rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?"}]}
        jk.score(items, rubric, judge, ledger=tmp_path / "l.sqlite", limits=jk.Limits(outage_after=500))

    with Ledger(tmp_path / "l.sqlite", read_only=True) as ledger:
        assert ledger.facts(fact_name(judge)) == {"keep_alive"}


def test_a_session_of_yours_is_used_and_stays_open():
    async def asked(url: str) -> tuple[list[str], bool]:
        async with aiohttp.ClientSession(headers={"X-Mine": "1"}) as session:
            judge = Endpoint(url, "m", session=session)
            async with judge:
                texts = [(await judge(call(n))).text for n in range(3)]
            with pytest.raises(InputError, match="a session of yours"):
                judge.__reduce__()
            return texts, session.closed

    heads: list[bytes] = []

    def answer(n: int, name: bytes) -> bytes:
        heads.append(name)
        return http(f"x{n}", name.decode())

    with answering(answer) as (url, _):
        assert asyncio.run(asked(url)) == (["x0", "x1", "x2"], False)
    assert len(set(heads)) == 3


@pytest.mark.parametrize("named", ["body", "header"])
def test_a_server_of_ones_own_through_litellm_is_held_to_its_ids(named: str, monkeypatch: pytest.MonkeyPatch):
    from judgekit.judges.litellm import LiteLLM

    async def asked(url: str) -> tuple[list[Any], Any]:
        judge = LiteLLM("hosted_vllm/m", api_base=url, key_env="")
        found: list[Any] = []

        async def one(n: int) -> None:
            try:
                found.append((n, (await judge(call(n))).text))
            except ProviderError as error:
                found.append(error)

        async with judge:
            for _ in range(6):
                await asyncio.gather(*map(one, range(40)))
        return found, judge

    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with straying(named=named, share=0.6, how=How(("late", "stray"), 0.0, 0.1)) as (url, _):
        found, judge = asyncio.run(asked(url))

    texts = [each for each in found if isinstance(each, tuple)]
    assert len(texts) > 100
    assert all(f"about {n}" in text for n, text in texts)
    assert len(found) - len(texts) == sum(judge.noted.values()) > 0

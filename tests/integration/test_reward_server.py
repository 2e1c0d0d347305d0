"""Rewards over real sockets: what trainers ask one by one is what the same groups get in one process."""

import asyncio
import contextlib
import importlib
import importlib.util
import json
import random
import re
import socket
import sys
import types
from collections import Counter
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

import judgekit as jk
from judgekit.errors import ProviderError
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.serving.server import RewardServer, Settings, listening
from judgekit.types import Reply

BETTER = {"id": "better", "criteria": [{"id": "better", "text": "Which response is better?"}]}
MARKS = {"id": "marks", "criteria": [{"id": "good", "text": "How good is it?", "scale": "0-10"}]}
TOURNAMENT = {"rubric": BETTER, "scheme": "round_robin", "orders": "random"}
ALONE = {"rubric": MARKS}
LONG = 30_000  # ms, a window that no test waits out
TOKEN = "tr0ub4dor-and-3-more"  # noqa: S105 - of nothing
TASK = "Say a number."


def number(text):
    return int(re.search(r"[0-9]+", text)[0])


async def judging(call):
    """Prefers the greater number, marks it as it stands, and knows nothing of 13."""
    await asyncio.sleep(0.002)
    if any("13" in text for name, text in call.judged if name.startswith("response")):
        return Reply(fault="refused", detail="unlucky")
    if call.protocol == "compare":
        first, second = (number(call.item.responses[name]) for name in call.shown)
        return f'{{"label": "{"A" if first > second else "B" if second > first else "tie"}"}}'
    return f'{{"label": "{number(next(text for name, text in call.judged if name == "response"))}"}}'


class Client:
    """Asks a server."""

    def __init__(self, url, session, server):
        self.url, self.session, self.server = url, session, server

    async def post(self, path, body, **options):
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        options.setdefault("headers", {"Content-Type": "application/json"})
        async with self.session.post(self.url + path, **sent, **options) as answer:
            return answer.status, json.loads(await answer.read())

    async def get(self, path, **options):
        async with self.session.get(self.url + path, **options) as answer:
            return answer.status, await answer.text()

    async def stats(self):
        return json.loads((await self.get("/stats"))[1])

    async def until(self, name, value):
        """Wait until a figure of the server has a value."""
        async with asyncio.timeout(10):
            while (await self.stats())[name] != value:  # noqa: ASYNC110 - there is nothing else to wait for
                await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(spec, judge=judging, **settings):
    kept = Settings(port=0, **settings)
    async with Rewarder(spec, jk.Scripted("j", judge)) as rewarder:
        server = RewardServer(rewarder, kept)
        connector = aiohttp.TCPConnector(limit=0)
        async with listening(server, kept) as url, aiohttp.ClientSession(connector=connector) as session:
            yield Client(url, session, server)


def walked(walk, spec, judge=judging, **settings):
    """What a walk with a client of a server comes to."""

    async def within():
        async with asyncio.timeout(60), serving(spec, judge, **settings) as client:
            return await walk(client)

    return asyncio.run(within())


def in_process(spec, groups):
    batch = Rewarder(spec, jk.Scripted("j", judging)).reward(groups)
    return {(r.group, r.response): r.value for r in batch}


def groups_of(n, size, seed=0, key="g"):
    rng = random.Random(seed)  # noqa: S311 - no secret
    return [
        Group(f"{key}{i}", f"{TASK} ({i})", {f"r{j}": f"It is {rng.randint(14, 40)}." for j in range(size)})
        for i in range(n)
    ]


def items_of(group):
    return [{"id": name, "group": group.key, "task": group.task, "response": text}
            for name, text in group.responses.items()]  # fmt: skip


def asked(*texts, task=TASK):
    return {"items": [{"task": task, "response": text} for text in texts]}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_of_arrival_rewards_are_those_of_one_process(seed):
    whole, cut = groups_of(5, 8, seed), groups_of(2, 5, seed, "cut")
    requests = [item for group in [*whole, *cut] for item in items_of(group)]
    rng = random.Random(seed)  # noqa: S311 - no secret
    requests += rng.sample(requests, 12)  # asked twice
    rng.shuffle(requests)

    async def one(client, item):
        window = 2_000 if item["group"].startswith("cut") else LONG
        _, said = await client.post(f"/v1/rewards?group=8&window_ms={window}", {"items": [item]})
        return (item["group"], item["id"]), said["rewards"][0]

    async def walk(client):
        pairs = await asyncio.gather(*(one(client, item) for item in requests))
        return pairs, (await client.stats())["groups_total"]

    pairs, groups = walked(walk, TOURNAMENT)

    assert len(pairs) == 62
    assert dict(pairs) == in_process(TOURNAMENT, [*whole, *cut])
    assert all(dict(pairs)[key] == value for key, value in pairs)
    assert groups == {"full": 5, "partial": 2}


def test_groups_without_ids_are_told_by_their_task():
    groups = groups_of(64, 8)

    async def one(client, group, text):
        said = await client.post(f"/score?group=8&window_ms={LONG}", {"prompt": group.task, "response": text})
        return (group.key, text), said

    async def walk(client):
        jobs = [one(client, group, text) for group in groups for text in group.responses.values()]
        random.Random(0).shuffle(jobs)  # noqa: S311 - no secret
        return await asyncio.gather(*jobs), (await client.stats())["groups_total"]

    pairs, counted = walked(walk, ALONE | {"rubric": BETTER, "scheme": "swiss"})
    expected = in_process(TOURNAMENT | {"scheme": "swiss", "orders": "both"}, groups)

    assert {status for _, (status, _) in pairs} == {200}
    assert {key: value for key, (_, value) in pairs} == {
        (group.key, text): expected[group.key, name]
        for group in groups
        for name, text in group.responses.items()
    }
    assert counted == {"full": 64}


def test_a_batch_of_groups_in_one_request():
    groups = groups_of(3, 4)

    async def walk(client):
        return await client.post("/v1/rewards", {"items": [item for g in groups for item in items_of(g)]})

    status, said = walked(walk, TOURNAMENT)

    assert status == 200
    assert dict(
        zip(zip(said["groups"], said["ids"], strict=True), said["rewards"], strict=True)
    ) == in_process(TOURNAMENT, groups)


def test_each_trainer_is_answered_in_its_own_form():
    async def walk(client):
        return [
            await client.post("/get_reward", {"query": ["Q: 7</s>", "Q: 2"], "prompts": ["Q:", "Q:"]}),
            await client.post("/score", {"prompt": TASK, "response": "7", "label": "x"}),
            await client.post("/compute_score", {"data_source": "d", "solution_str": "7", "ground_truth": "x",
                                                 "extra_info": {"question": TASK}}),
        ]  # fmt: skip

    openrlhf, slime, verl = walked(walk, ALONE)

    marks = {"jk_gated": 0.0, "jk_vetoed": 0.0, "jk_imputed": 0.0}
    logs = {**marks, "criterion/good": pytest.approx(0.45)}
    assert openrlhf == (200, {"rewards": [0.7, 0.2], "scores": [0.7, 0.2], "extra_logs": logs})
    assert slime == (200, 0.7)
    assert verl == (200, {"score": 0.7, **marks, "criterion/good": 0.7})


def test_a_failure_is_null_or_an_error_and_never_a_number():
    async def walk(client):
        return [
            await client.post("/v1/rewards", asked("7", "13")),
            await client.post("/v1/rewards", asked("13")),
            await client.post("/get_reward", {"query": ["Q: 7", "Q: 13"], "prompts": ["Q:", "Q:"]}),
            await client.post("/score", {"prompt": TASK, "response": "13"}),
            await client.post("/compute_score", {"solution_str": "13", "extra_info": {"task": TASK}}),
        ]

    (some, partly), (none, whole), *others = walked(walk, ALONE)

    assert (some, partly["rewards"], partly["status"]) == (200, [0.7, None], ["ok", "failed"])
    assert partly["reasons"][1] == "refused: unlucky"
    assert (none, whole["rewards"]) == (503, [None])
    assert [status for status, _ in others] == [503] * 3
    assert all(set(said) == {"error"} and "unlucky" in said["error"] for _, said in others)


@pytest.mark.parametrize("policy", ["none", "raise", "drop_group", "group_mean"])
def test_a_failure_becomes_what_the_spec_says_and_touches_no_other_group(policy):
    async def walk(client):
        jobs = [client.post("/v1/rewards", asked("7", "9", "13", task="One")),
                client.post("/v1/rewards", asked("7", "9", task="Other"))]  # fmt: skip
        return await asyncio.gather(*jobs)

    (_, one), (_, other) = walked(walk, ALONE | {"on_failure": policy, "max_failed": 1.0})

    assert one["rewards"] == {"drop_group": [None] * 3, "group_mean": [0.7, 0.9, 0.8]}.get(
        policy, [0.7, 0.9, None]
    )
    assert other["rewards"] == [0.7, 0.9]
    if policy == "group_mean":
        assert one["status"][2] == "imputed"


def test_an_outage_imputes_nothing():
    async def walk(client):
        return await client.post("/v1/rewards", asked(*(str(13 + n) for n in range(9)), "7"))

    status, said = walked(walk, ALONE | {"on_failure": "group_mean", "max_failed": 0.2})

    assert status == 200
    assert said["rewards"] == [None] * 9 + [0.7]


def test_an_outage_drops_groups_as_a_whole():
    async def walk(client):
        jobs = [client.post("/v1/rewards", asked(*(str(13 + n) for n in range(9)), "7", task="One")),
                client.post("/v1/rewards", asked("7", task="Other"))]  # fmt: skip
        return await asyncio.gather(*jobs)

    (_, one), (_, other) = walked(walk, ALONE | {"on_failure": "drop_group", "max_failed": 0.2})

    assert one["rewards"] == [None] * 10
    assert one["status"][-1] == "dropped"
    assert other["rewards"] == [0.7]


def test_a_group_of_one_has_no_rank():
    async def walk(client):
        return (
            await client.post("/v1/rewards?group=2&window_ms=20", asked("7")),
            await client.post("/score", {"prompt": TASK, "response": "7"}),
            await client.stats(),
        )

    (status, said), (other, error), stats = walked(walk, TOURNAMENT)

    assert (status, said["rewards"], other) == (503, [None], 503)
    assert "alone in its group" in said["reasons"][0]
    assert "alone in its group" in error["error"]
    assert stats["groups_total"] == {"partial": 1, "whole": 1}


def test_a_group_that_cannot_be_asked_about_fails_alone():
    async def walk(client):
        bad = {"task": TASK, "response": "7", "rubric": {"id": "r", "criteria": [{"id": "a"}]}}
        return await asyncio.gather(
            client.post("/v1/rewards", {"items": [bad]}), client.post("/v1/rewards", asked("7"))
        )

    (status, said), (fine, _) = walked(walk, ALONE)

    assert (status, fine) == (400, 200)
    assert "text" in said["error"]


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/v1/rewards", b"", 400, "no JSON"),
        ("/v1/rewards", b"{", 400, "no JSON"),
        ("/v1/rewards", b"[]", 400, "is a list, not an object"),
        ("/v1/rewards", b"[" * 5000, 400, "no JSON"),
        ("/v1/rewards", b'{"items": [NaN]}', 400, "no JSON"),
        ("/v1/rewards", b'{"items": ["\xff"]}', 400, "no JSON"),
        ("/v1/rewards", b'{"items": ["\\ud800"]}', 400, "no JSON"),
        ("/v1/rewards", b'{"items": [3]}', 400, "items[0] is an int"),
        ("/v1/rewards?grup=8", b"{}", 400, "unknown parameters ['grup']"),
        ("/v1/rewards?group=0", b"{}", 400, "group='0': a whole number from 1"),
        ("/v1/rewards?group=8&window_ms=1e9", b"{}", 400, "window_ms='1e9'"),
        ("/score?group=8&window_ms=60000", b"{}", 400, "clients of /score give up after 120 s"),
        ("/nothing", b"{}", 404, "Not Found"),
        ("/health", b"{}", 405, "Method Not Allowed"),
        ("/v1/rewards", b" " * 2_000_000, 413, "larger than 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_bad_request_is_told_what_is_wrong_with_it(path, body, status, told):
    async def walk(client):
        return await client.post(path, body), (await client.post("/v1/rewards", asked("7")))[0]

    (got, said), after = walked(walk, ALONE, body_bytes=1 << 20)

    assert got == status
    assert set(said) == {"error"}
    assert told in said["error"]
    assert after == 200


def test_why_requests_fail_is_logged_once_a_kind_since_trainers_show_the_status_alone(caplog):
    async def walk(client):
        changed = {"query": ["<u>Ho?<a>Hello."], "prompts": ["Hi?"], "labels": [None]}
        for body in [changed, changed, {"query": []}]:
            await client.post("/get_reward", body)
        await client.post("/v1/rewards", asked("13"))
        await client.post("/nothing", {})

    walked(walk, ALONE)

    [refused, lost, nowhere] = [record.getMessage() for record in caplog.records]
    assert refused.startswith("/get_reward answered 400: query[0] begins with")
    assert lost.startswith("/v1/rewards answered 503: none of 1 rewards can be given: ")
    assert nowhere.startswith(
        "other answered 404: POST /nothing: Not Found; there are POST /v1/rewards, /get_reward"
    )


def test_the_request_of_the_guide_is_answered_as_it_says():
    text = (files("judgekit.guides") / "rewards.md").read_text()
    body = text.split("-d '", 1)[1].split("'\n", 1)[0]

    async def walk(client):
        return await client.post("/v1/rewards", body.encode())

    status, told = walked(
        walk, {"rubric": {"id": "k", "criteria": [{"id": "kind", "text": "Is it kind?"}]}}, lambda _: "yes"
    )

    assert (status, told["ids"], told["rewards"]) == (200, ["a", "b"], [1.0, 1.0])


def test_a_page_in_a_browser_cannot_ask_unnoticed():
    async def walk(client):
        form = {"headers": {"Content-Type": "text/plain"}}
        return await client.post("/v1/rewards", json.dumps(asked("7")).encode(), **form)

    assert walked(walk, ALONE) == (415, {"error": "the content type is 'text/plain'; send application/json"})


def test_two_who_ask_again_are_not_compared_without_the_other_six():
    async def walk(client):
        asked = [{"prompt": TASK, "response": str(n), "label": None} for n in (3, 4)]
        compared = [client.post("/score?group=8&window_ms=50", each) for each in asked]
        alone = [client.post("/score?group=2&window_ms=30000", each) for each in asked]
        return await asyncio.gather(*compared), await asyncio.gather(*alone)

    short, whole = walked(walk, {**TOURNAMENT, "deadline_seconds": 20})

    assert [status for status, _ in short] == [503, 503]
    assert "only 2 of the 8 responses of its group came in time" in short[0][1]["error"]
    assert whole == [(200, 0.0), (200, 1.0)]


def test_what_is_no_http_is_logged_without_its_bytes(caplog):
    async def walk(client):
        host, port = client.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/rewards HTTP/1.1\r\nAuthorization: Bearer " + b"secret" * 2_000 + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    answer = walked(walk, ALONE, token=TOKEN)

    assert b" 400 " in answer
    assert "Error handling request" in caplog.text
    assert "secret" not in caplog.text


def test_a_body_of_unknown_length_is_measured_too():
    async def endless():
        for _ in range(100):
            yield b" " * 100_000

    async def walk(client):
        async with client.session.post(
            client.url + "/v1/rewards", data=endless(), headers={"Content-Type": "application/json"}
        ) as answer:
            return answer.status

    assert walked(walk, ALONE, body_bytes=1 << 20) == 413


def test_no_bytes_make_it_fall_over():
    rng = random.Random(5)  # noqa: S311 - no secret
    good = json.dumps(asked("7", "8")).encode()

    def spoilt():
        raw = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(raw))
            raw[at : at + rng.choice([0, 1, 1, 4])] = rng.randbytes(rng.choice([0, 1, 1, 3]))
        return bytes(raw)

    async def walk(client):
        paths = ["/v1/rewards", "/get_reward", "/score", "/compute_score"]
        jobs = [client.post(paths[i % 4], spoilt()) for i in range(400)]
        answers = await asyncio.gather(*jobs)
        return answers, (await client.post("/v1/rewards", asked("7")))[1]["rewards"]

    answers, after = walked(walk, ALONE)

    assert {status for status, _ in answers} <= {200, 400}
    assert all(said["error"] for status, said in answers if status == 400)
    assert Counter(status for status, _ in answers)[400] > 200
    assert after == [0.7]


def pair_of_trainers(*addresses, ids):
    """Two that ask about the same tasks under the same keys, one response a request, at the same time."""
    known = [n for n in range(14, 1_000) if "13" not in str(n)]
    numbers = random.Random(3).sample(known, 64)  # noqa: S311 - no secret
    groups = [
        Group(f"g{i % 4}", TASK, {f"r{j}": str(numbers[8 * i + j]) for j in range(8)}) for i in range(8)
    ]

    async def one(client, address, group, item):
        sent = item if ids else {k: v for k, v in item.items() if k != "id"}
        status, said = await client.post(address, {"items": [sent]})
        return group, item["response"], status, said["rewards"][0] if status == 200 else said["error"]

    async def walk(client):
        jobs = [
            one(client, addresses[i >= 4], i, item)
            for i, group in enumerate(groups)
            for item in items_of(group)
        ]
        random.Random(1).shuffle(jobs)  # noqa: S311 - no secret
        return await asyncio.gather(*jobs), (await client.stats())["groups_total"]

    answers, counted = walked(walk, TOURNAMENT)
    right = {}
    for i, group in enumerate(groups):
        own = in_process(TOURNAMENT, [group])
        right |= {(i, text): own[group.key, name] for name, text in group.responses.items()}
    return answers, counted, right


@pytest.mark.parametrize("ids", [True, False])
def test_two_trainers_that_name_their_runs_are_never_mixed(ids):
    path = f"/v1/rewards?group=8&window_ms={LONG}"
    answers, counted, right = pair_of_trainers(path + "&run=a", path + "&run=b", ids=ids)

    assert {status for _, _, status, _ in answers} == {200}
    assert {(group, text): value for group, text, _, value in answers} == right
    assert counted == {"full": 8}


@pytest.mark.parametrize("ids", [True, False])
def test_two_trainers_that_cannot_be_told_apart_get_no_number(ids):
    path = "/v1/rewards?group=8&window_ms=500"
    answers, counted, _ = pair_of_trainers(path, path, ids=ids)

    assert {status for _, _, status, _ in answers} == {409}
    assert all("let each client name its run (?run=NAME)" in said for _, _, _, said in answers)
    assert counted["mixed"] == 4


async def raw(client, *parts, after=0.0):
    """An open connection, over which some bytes went."""
    host, port = client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for part in parts:
        writer.write(part)
        await asyncio.sleep(after)
    return reader, writer


HEAD = (
    b"POST /v1/rewards HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 9\r\n\r\n"
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_slow_clients_hold_up_nobody_and_are_sent_away():
    async def walk(client):
        slow = [await raw(client, HEAD + b"{" if i % 2 else HEAD[:20]) for i in range(50)]
        status, _ = await client.post("/v1/rewards", asked("7"))
        answers = [(await reader.read())[:12] for reader, _ in slow]
        for _, writer in slow:
            writer.close()
        return status, answers

    status, answers = walked(walk, ALONE, read_seconds=0.3)

    assert status == 200
    assert set(answers[1::2]) == {b"HTTP/1.1 408"}
    assert set(answers[::2]) == {b""}  # half a head is no request, so that it has no answer


@pytest.mark.parametrize(
    "begun",
    [
        (b"",),
        (HEAD[:1],),
        (HEAD[:-1],),
        (HEALTH, HEALTH[:9]),
        (HEALTH + HEALTH[:9], b"H"),
        (HEALTH[:5], b"x"),
    ],
)
def test_a_head_has_a_deadline_wherever_it_stops(begun):
    async def drip(writer):
        while not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(0.05)

    async def walk(client):
        reader, writer = await raw(client, *begun, after=0.05)
        dripping = asyncio.create_task(drip(writer)) if begun[-1] else None
        said = await asyncio.wait_for(reader.read(), 5)
        if dripping is not None:
            dripping.cancel()
        writer.close()
        return said

    said = walked(walk, ALONE, read_seconds=0.3)

    assert said.count(b"HTTP/1.1 200") == sum(part.count(HEALTH) for part in begun)


def test_an_answer_that_nobody_takes_is_given_up():
    item = b'{"task": "T", "response": "7", "id": "%04d' + b"i" * 2_000 + b'"}'
    many = b'{"items": [%s]}' % b",".join(item % n for n in range(4_000))

    async def walk(client):
        loop = asyncio.get_running_loop()
        with socket.socket() as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            own.setblocking(False)
            host, port = client.url.removeprefix("http://").split(":")
            await loop.sock_connect(own, (host, int(port)))
            await loop.sock_sendall(own, HEAD.replace(b": 9", b": %d" % len(many)) + many)
            await client.until("waiting", 4_000)
            await client.until("waiting", 0)
            await asyncio.sleep(1.0)
            read = b""
            with contextlib.suppress(ConnectionError):
                while got := await loop.sock_recv(own, 1 << 16):
                    read += got
            return read

    head, _, body = walked(walk, ALONE, read_seconds=0.3).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert 0 < len(body) < int(re.search(rb"Content-Length: ([0-9]+)", head)[1])


def test_connections_are_bounded_and_a_place_is_free_again():
    async def walk(client):
        open_ones = [await raw(client, HEALTH) for _ in range(8)]
        for reader, _ in open_ones:
            await reader.readuntil(b"}")
        reader, writer = await raw(client)
        refused = await asyncio.wait_for(reader.read(), 5)
        for _, each in [*open_ones, (reader, writer)]:
            each.close()
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    if (await client.get("/health"))[0] == 200:
                        return refused

    refused = walked(walk, ALONE, most_connections=8)

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert json.loads(refused.partition(b"\r\n\r\n")[2]) == {"error": "too many connections now"}


def test_a_client_that_goes_away_leaves_nothing_behind():
    async def walk(client):
        tasks = [
            asyncio.create_task(
                client.post(f"/v1/rewards?group=8&window_ms={LONG}", asked(str(i), task=f"T{i % 2}"))
            )
            for i in range(10)
        ]
        await client.until("waiting", 10)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await client.until("waiting", 0)
        return await client.stats()

    stats = walked(walk, ALONE)

    assert (stats["gathering"], stats["judging"]) == (0, 0)
    assert "groups_total" not in stats


def test_a_token_is_asked_for_and_shown_to_nobody(caplog):
    def signed(said):
        return {"headers": {"Content-Type": "application/json", "Authorization": said}}

    async def walk(client):
        by_address = client.url.replace("http://", f"http://judgekit:{TOKEN}@") + "/score"
        async with client.session.post(by_address, json={"prompt": TASK, "response": "7"}) as answer:
            basic = answer.status
        answers = [
            await client.post("/v1/rewards", asked("7")),
            await client.post("/v1/rewards", asked("7"), **signed("Bearer wrong")),
            await client.post("/v1/rewards", b"{", **signed(f"Bearer {TOKEN}")),
            await client.post("/v1/rewards", asked("7"), **signed(f"Bearer {TOKEN}")),
        ]
        open_to_all, closed = await client.get("/health"), await client.get("/metrics")
        told = [
            await client.get(path, headers=signed(f"Bearer {TOKEN}")["headers"])
            for path in ("/stats", "/metrics")
        ]
        return basic, answers, open_to_all, closed, told

    with caplog.at_level(0):
        basic, answers, open_to_all, closed, told = walked(walk, ALONE, token=TOKEN)

    assert basic == 200
    assert [status for status, _ in answers] == [401, 401, 400, 200]
    assert (open_to_all[0], closed[0]) == (200, 401)
    assert TOKEN not in caplog.text + str(answers) + str(told) + str(open_to_all)


def test_without_a_token_a_name_that_was_made_to_lead_here_is_not_served():
    def named(host, **more):
        return {"headers": {"Content-Type": "application/json", "Host": host, **more}}

    async def walk(client):
        hosts = ("evil.example", "127.0.0.1.evil.example:80", "localhost:1", "[::1]:1")
        answers = [await client.post("/v1/rewards", asked("7"), **named(host)) for host in hosts]
        return answers, await client.get("/stats", headers={"Host": "evil.example"})

    answers, stats = walked(walk, ALONE)

    assert [status for status, _ in answers] == [403, 403, 200, 200]
    assert "127.0.0.1" in answers[0][1]["error"]
    assert stats[0] == 403

    async def with_token(client):
        return await client.post(
            "/v1/rewards", asked("7"), **named("judge.example", Authorization=f"Bearer {TOKEN}")
        )

    assert walked(with_token, ALONE, token=TOKEN)[0] == 200


def test_too_many_requests_of_one_address_are_put_off():
    async def walk(client):
        statuses = [(await client.post("/v1/rewards", asked("7")))[0] for _ in range(4)]
        async with client.session.post(client.url + "/score") as answer:
            return statuses, answer.status, answer.headers["Retry-After"], (await client.get("/health"))[0]

    assert walked(walk, ALONE, per_second=0.05) == ([200, 429, 429, 429], 429, "1", 200)


def test_metrics_are_what_prometheus_reads():
    line = re.compile(r'judgekit_reward_\w+(\{(\w+="[^"\\\n]*",?)+\})? -?[0-9.e+-]+')

    async def walk(client):
        await client.post("/v1/rewards?group=2&window_ms=20", asked("7"))
        await client.post("/v1/rewards", asked("7", "13"))
        return (await client.get("/metrics"))[1]

    text = walked(walk, ALONE)

    assert all(line.fullmatch(each) for each in text.splitlines() if not each.startswith("# "))
    for said in (
        'requests_total{route="/v1/rewards",status="200"} 2', 'rewards_total{status="failed"} 1',
        'rewards_total{status="ok"} 2', 'groups_total{how="partial"} 1', 'groups_total{how="whole"} 1',
        'request_seconds_count{route="/v1/rewards"} 2', "waiting 0", 'calls_total{kind="new"} 3',
    ):  # fmt: skip
        assert f"judgekit_reward_{said}\n" in text
    assert TASK not in text


def test_a_judge_that_comes_back_is_asked_again():
    down = [True]

    async def answer(call):
        await asyncio.sleep(0.01 * random.random())  # noqa: S311 - so that batches overlap
        if down[0]:
            raise ProviderError("down", passing=True)
        return await judging(call)

    async def walk(client):
        jobs = [
            client.post("/v1/rewards", asked(*(str(i % 10) for i in range(9)), task=f"T{i}"))
            for i in range(40)
        ]
        lost = await asyncio.gather(*jobs)
        down[0] = False
        jobs = [client.post("/v1/rewards", asked("7", task=f"U{i}")) for i in range(40)]
        return lost, await asyncio.gather(*jobs)

    lost, found = walked(walk, ALONE | {"concurrency": 8, "tries": 1}, answer)

    assert {status for status, _ in lost} == {503}
    assert all(reward is None for _, said in lost for reward in said["rewards"])
    assert {(status, *said["rewards"]) for status, said in found} == {(200, 0.7)}


def openrlhf_client(monkeypatch):
    """OpenRLHF's own client, without the rest of it (DeepSpeed and so on)."""
    found = importlib.util.find_spec("openrlhf")
    if found is None or not found.submodule_search_locations:
        pytest.skip("OpenRLHF is not installed")
    bare = types.ModuleType("openrlhf.utils")
    bare.__path__ = [str(Path(found.submodule_search_locations[0]) / "utils")]
    monkeypatch.setitem(sys.modules, "openrlhf.utils", bare)
    return importlib.import_module("openrlhf.utils.agent").SingleTurnAgentExecutor


def test_the_client_of_openrlhf_gets_its_rewards(monkeypatch):
    executor_of = openrlhf_client(monkeypatch)
    np = pytest.importorskip("numpy")

    class Tokenizer:
        """A token for each character."""

        def __call__(self, text, **_):
            return {"input_ids": np.array([[ord(c) for c in text]])}

        def decode(self, tokens, **_):
            return "".join(map(chr, tokens))

    class Engine:
        """A policy that writes a number that was not written yet."""

        def __init__(self):
            self.left = list(range(20, 28)) * 2

        async def generate(self, *_, **__):
            tokens = [ord(c) for c in f"It is {self.left.pop()}.</s>"]
            return SimpleNamespace(outputs=[SimpleNamespace(token_ids=tokens, finish_reason="stop")])

    async def walk(client):
        executor = executor_of(f"{client.url}/get_reward?group=8&window_ms={LONG}")
        engine = Engine()
        sampling = SimpleNamespace(max_tokens=20, logprobs=None)
        jobs = [
            executor.execute(f"{TASK} {i // 8}", "label", sampling, 100, Tokenizer(), engine)
            for i in range(16)
        ]
        return await asyncio.gather(*jobs), (await client.stats())["groups_total"]

    outputs, groups = walked(walk, TOURNAMENT)

    by_prompt = {}
    for each in outputs:
        by_prompt.setdefault(each["prompt"], []).append(each["reward"][0])
        assert all(isinstance(value, int | float) for value in each["extra_logs"].values())
    assert [sorted(values) for values in by_prompt.values()] == [pytest.approx([i / 7 for i in range(8)])] * 2
    assert groups == {"full": 2}

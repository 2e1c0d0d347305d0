import json
import pickle
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.endpoints import Endpoints

Serving = Callable[..., AbstractContextManager[str]]
DEAD = "http://127.0.0.1:9/v1"
RUBRIC = {"id": "r", "criteria": [{"id": f"c{i}", "text": f"Is it kind in respect {i}?"} for i in range(5)]}
ITEMS = [
    {"id": str(i), "task": f"Write to customer {i}.", "response": f"Dear {i}. " + "We are sorry. " * 60}
    for i in range(30)
]
FAST = jk.Limits(concurrency=16)


def said(asked: dict[str, Any]) -> str:
    """A verdict that depends on the prompt alone."""
    digest = sha256(asked["messages"][-1]["content"].encode()).digest()
    return json.dumps({"rationale": "So it is.", "label": "yes" if digest[0] % 3 else "no"})


def labels(run: jk.Run) -> list[tuple[Any, ...]]:
    return [(o.unit, o.criterion, getattr(o, "label", None)) for o in run.outcomes]


def test_calls_of_an_item_find_it_in_the_cache_of_one_server(serving: Serving, tmp_path: Path):
    with serving(text=said, cache=4000) as a, serving(text=said, cache=4000) as b:
        run = jk.score(ITEMS, RUBRIC, f"two=endpoint:{a},{b}#mock", ledger=None, limits=FAST)
        alone = jk.score(ITEMS, RUBRIC, f"two=endpoint:{a}#mock", ledger=None, limits=FAST)
    run.save(tmp_path)
    kept = json.loads((tmp_path / "run.json").read_text())["endpoints"]["two"]

    assert labels(run) == labels(alone)
    assert {label for _, _, label in labels(run)} == {"yes", "no"}
    assert kept.keys() == {a, b}
    assert sum(each["requests"] for each in kept.values()) == 150
    assert all(each["requests"] > 40 for each in kept.values())
    share = sum(e["cached_tokens"] for e in kept.values()) / sum(e["input_tokens"] for e in kept.values())
    # Of five calls of an item in turn on two servers three would find it, four on one.
    assert share > 0.62
    assert run.summary["endpoints"]["two"] == kept


def test_what_one_server_answered_is_not_paid_again_where_there_are_several(serving: Serving, tmp_path: Path):
    ledger = tmp_path / "l.sqlite"
    with serving(text=said) as a, serving(text=said) as b:
        one = jk.score(ITEMS[:20], RUBRIC, f"own=endpoint:{a}#mock", ledger=ledger)
        more = jk.score(ITEMS, RUBRIC, f"own=endpoint:{b},{a}#mock", ledger=ledger)
        table = {"judge": "endpoint:#mock", "name": "own", "urls": [DEAD, b]}
        again = jk.score(ITEMS, RUBRIC, table, ledger=ledger)

    assert [run.summary["new_calls"] for run in (one, more, again)] == [100, 50, 0]
    assert labels(more)[:100] == labels(one)


@pytest.mark.usefixtures("serving")  # which knows where the mock server is
def test_a_server_that_is_killed_loses_nothing():
    killable = sys.modules["mock_server"].killable
    text = '{"rationale": "So it is.", "label": "yes"}'
    with ExitStack() as stack:
        (a, process), (b, _) = (stack.enter_context(killable(latency=0.01, text=text)) for _ in range(2))

        def items() -> Iterator[dict[str, str]]:
            for i, item in enumerate([*ITEMS, *({**item, "id": f"more {item['id']}"} for item in ITEMS)]):
                if i == 50:  # 32 items are alive at most
                    process.kill()
                yield item

        run = jk.score(
            items(), RUBRIC, f"two=endpoint:{a},{b}#mock", ledger=None, limits=jk.Limits(concurrency=2)
        )

    assert [o.label for o in run.outcomes if isinstance(o, jk.Verdict)] == ["yes"] * 300
    assert {address: each["requests"] > 10 for address, each in run.summary["endpoints"]["two"].items()} == {
        a: True,
        b: True,
    }
    [(words, moved)] = run.summary["notes"]["two"].items()
    assert "went to another server" in words
    assert 0 < moved <= 7  # five failures in a row take it out
    assert run.summary["requests"] == 300  # the runner had nothing to try again


def test_where_no_server_answers_it_is_an_outage():
    judge = f"two=endpoint:{DEAD},http://127.0.0.1:10/v1#mock"
    limits = jk.Limits(concurrency=4, tries=1, outage_after=6)

    with pytest.raises(jk.JudgeOutage, match="6 calls in a row failed"):
        jk.score(ITEMS, RUBRIC, judge, ledger=None, limits=limits)


def test_a_gateway_without_its_server_is_passed_over_and_what_a_call_drew_is_not(serving: Serving):
    with serving(mode="overloaded") as sick, serving(text=said) as well:
        run = jk.score(ITEMS[:4], RUBRIC, f"two=endpoint:{sick},{well}#mock", ledger=None)
    with serving(mode="too_long") as strict, serving(text=said) as well:
        drawn = jk.score(ITEMS[:4], RUBRIC, f"two=endpoint:{strict},{well}#mock", ledger=None)

    assert run.summary["abstentions"] == {}
    assert 0 < drawn.summary["abstentions"]["too_long"] < 20


def test_several_servers_need_a_name_and_are_told_without_secrets():
    with pytest.raises(jk.InputError, match="only under a name") as no_name:
        jk.resolve("endpoint:http://me:CANARY-1@a/v1,http://b/v1#m")
    with pytest.raises(jk.InputError, match="not several"):
        jk.resolve("x=endpoint:http://a/v1,http://a/v1#m")
    with pytest.raises(jk.InputError, match="urls="):
        jk.resolve("x=endpoint:http://a/v1,http://b/v1#m", url="http://c/v1")
    judge = jk.resolve("x=endpoint:http://me:CANARY-1@a/v1, http://b/v1#m", temperature=1.0)
    assert isinstance(judge, Endpoints)
    again = pickle.loads(pickle.dumps(judge))  # noqa: S301 - our own

    assert "CANARY" not in f"{no_name.value}{judge}{judge.address}{judge.endpoint}{judge.identity}"
    assert judge.identity == Endpoint("http://c/v1", "m", name="x", temperature=1.0).identity
    assert (again.identity, again.urls) == (judge.identity, judge.urls)
    assert judge.with_(urls=["http://c/v1", "http://d/v1"], seed=3).address == "http://c/v1, http://d/v1"


def test_a_router_is_told_what_belongs_together(serving: Serving):
    heads = []
    with serving(text=said) as url:
        judge = Endpoint(url, "mock", tag_header="X-Session-ID")
        for i in (0, 0, 1):
            jk.score([ITEMS[i]], {**RUBRIC, "criteria": RUBRIC["criteria"][:1]}, judge, ledger=None)
            with urllib.request.urlopen(f"{url}/last") as response:  # noqa: S310 - the loopback
                heads.append(json.loads(response.read())["headers"]["x-session-id"])

    assert heads[0] == heads[1] != heads[2]
    assert len(heads[0]) == 24

import json
import sqlite3
import urllib.request
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.errors import JudgeOutage, ProviderError
from judgekit.judges.endpoint import Endpoint
from judgekit.types import Abstention, Verdict

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
YES = '{"label": "yes"}'


def items(n):
    return [{"id": str(i), "task": "Where is my parcel?", "response": f"At the depot {i}."} for i in range(n)]


def stats(url):
    with urllib.request.urlopen(f"{url}/stats") as response:  # noqa: S310 - the loopback
        return json.load(response)


def kept(ledger: Path) -> int:
    with sqlite3.connect(ledger) as db:
        return db.execute("SELECT count(*) FROM replies").fetchone()[0]


def test_a_bad_server_costs_no_item_and_no_failure_becomes_a_value(serving, tmp_path):
    limits = jk.Limits(concurrency=32, attempt_seconds=2.0)
    shares = {"too_many": 0.1, "failing": 0.02, "malformed": 0.03, "hanging": 0.01}

    with serving(text=YES, retry_after_ms="20", **shares) as url:
        run = jk.score(items(300), RUBRIC, Endpoint(url, "mock"), ledger=tmp_path / "l.sqlite", limits=limits)
        served = stats(url)

    assert [o.unit.item_id for o in run.outcomes] == [str(i) for i in range(300)]
    assert {o.value for o in run.outcomes if isinstance(o, Verdict)} == {1.0}
    assert {o.reason for o in run.outcomes if isinstance(o, Abstention)} <= {"malformed"}
    assert run.summary["verdicts"] >= 295
    # an attempt given up before the server took it, or while its reply came, counts on one side only
    assert run.summary["requests"] >= served["requests"]
    assert kept(tmp_path / "l.sqlite") == run.summary["new_calls"] <= served["by_status"]["200"]


def test_a_call_turned_away_to_the_end_abstains_and_has_no_score(serving, tmp_path):
    limits = jk.Limits(concurrency=4, tries=2, outage_after=100)

    with serving(mode="too_many", retry_after_ms="5") as url:
        run = jk.score(items(5), RUBRIC, Endpoint(url, "mock"), ledger=tmp_path / "l.sqlite", limits=limits)

    assert [o.reason for o in run.outcomes] == ["unreachable"] * 5
    assert all("429" in o.detail for o in run.outcomes)
    assert {score.value for score in run.scores} == {None}
    assert kept(tmp_path / "l.sqlite") == 0


@pytest.mark.parametrize(("mode", "status"), [("unauthorized", 401), ("not_found", 404), ("quota", 429)])
def test_a_lasting_error_stops_at_once_and_what_was_paid_is_kept(serving, tmp_path, mode, status):
    ledger, limits = tmp_path / "l.sqlite", jk.Limits(concurrency=8)
    with serving(text=YES) as url:
        jk.score(items(20), RUBRIC, Endpoint(url, "mock", name="mock"), ledger=ledger, limits=limits)

    with serving(mode=mode) as url:
        with pytest.raises(ProviderError, match=f"judge 'mock' stopped: {url}: HTTP {status}") as caught:
            jk.score(items(2000), RUBRIC, Endpoint(url, "mock", name="mock"), ledger=ledger, limits=limits)
        requests = stats(url)["requests"]

    run = caught.value.run
    assert requests <= 8
    assert kept(ledger) == 20
    assert [o.label for o in run.outcomes[:20]] == ["yes"] * 20
    assert {o.reason for o in run.outcomes[20:]} == {"unreachable", "cancelled"}
    assert run.summary["stopped"] == str(caught.value)
    assert caught.value.status == status


def test_a_server_that_is_not_there_is_an_outage_after_twenty_calls(serving, tmp_path):
    with serving() as url:
        pass  # its port is free again, and nobody listens
    limits = jk.Limits(concurrency=8, tries=1)

    with pytest.raises(JudgeOutage, match="20 calls in a row failed") as caught:
        jk.score(items(2000), RUBRIC, Endpoint(url, "mock"), ledger=tmp_path / "l.sqlite", limits=limits)

    reasons = [o.reason for o in caught.value.run.outcomes]
    assert set(reasons) == {"unreachable", "cancelled"}
    assert 20 <= reasons.count("unreachable") < 28


def test_a_server_that_dies_in_mid_run_costs_no_reply_it_gave(serving, tmp_path):
    ledger, limits = tmp_path / "l.sqlite", jk.Limits(concurrency=4, tries=1)
    with serving(process=True, text=YES, latency=0.005) as url:
        stream = jk.stream_scores(items(2000), RUBRIC, Endpoint(url, "mock"), ledger=ledger, limits=limits)
        seen = [next(stream) for _ in range(50)]
        served = stats(url)["requests"]

    with pytest.raises(JudgeOutage):
        list(stream)

    assert kept(ledger) >= served - 4
    assert all(score.value == 1.0 for score in seen)


def test_a_refused_parameter_is_dropped_and_the_next_run_does_not_send_it(serving, tmp_path):
    ledger, limits = tmp_path / "l.sqlite", jk.Limits(concurrency=8)
    with serving(mode="no_schema", text=YES) as url:
        first = jk.score(items(30), RUBRIC, Endpoint(url, "mock"), ledger=ledger, limits=limits)
        refused = stats(url)["by_status"]
        second = jk.score(items(60), RUBRIC, Endpoint(url, "mock"), ledger=ledger, limits=limits)
        refused_again = stats(url)["by_status"]

    assert [o.label for o in first.outcomes + second.outcomes] == ["yes"] * 90
    assert 1 <= refused["400"] <= 8
    assert refused_again["400"] == refused["400"]
    assert second.summary["new_calls"] == 30


def test_a_server_that_refuses_what_bounds_the_output_is_told_it_by_its_other_name(serving, tmp_path):
    ledger = tmp_path / "l.sqlite"
    with serving(mode="no_max_tokens", text=YES) as url:
        run = jk.score(items(3), RUBRIC, Endpoint(url, "mock"), ledger=ledger)
        with urllib.request.urlopen(f"{url}/last") as response:  # noqa: S310 - the loopback
            sent = json.load(response)["body"]

    assert run.summary["verdicts"] == 3
    assert "max_tokens" not in sent
    assert sent["max_completion_tokens"] == 1024

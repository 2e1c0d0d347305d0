"""One server never speaks for another: panels, ledgers and keys of judges that share a model's name."""

import json
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import judgekit as jk
from judgekit.cli import app
from judgekit.errors import InputError
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.litellm import LiteLLM
from judgekit.judges.servers import check_together
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import load_spec
from judgekit.types import Abstention, Verdict

Serving = Callable[..., AbstractContextManager[str]]
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello {n}"} for n in range(6)]
YES, NO = '{"label": "yes"}', '{"label": "no"}'


def requests(url: str) -> int:
    with urllib.request.urlopen(f"{url}/stats") as response:  # noqa: S310 - the loopback
        return int(json.load(response)["requests"])


def authorization(url: str) -> str:
    with urllib.request.urlopen(f"{url}/last") as response:  # noqa: S310 - the loopback
        return str(json.load(response)["headers"].get("authorization", ""))


def values(run: jk.Run) -> dict[str, set[float]]:
    """Judge -> what it said of all items."""
    found: dict[str, set[float]] = {}
    for outcome in run.outcomes:
        assert isinstance(outcome, Verdict)
        found.setdefault(outcome.rater, set()).add(outcome.value)
    return found


def test_two_servers_of_one_models_name_are_two_judges(serving: Serving, tmp_path: Path):
    ledger = tmp_path / "l.sqlite"
    with serving(text=YES) as kind, serving(text=NO) as harsh:
        panel: list[Any] = [Endpoint(kind, "m"), Endpoint(harsh, "m", name="second")]
        run = jk.score(ITEMS, RUBRIC, panel, ledger=ledger)

        assert values(run) == {"m": {1.0}, "second": {0.0}}
        assert (requests(kind), requests(harsh)) == (6, 6)
        assert run.summary["new_calls"] == 12

        again = jk.score(ITEMS, RUBRIC, panel, ledger=ledger)
        assert values(again) == values(run)
        assert (again.summary["new_calls"], again.summary["ledger_hits"]) == (0, 12)


def test_one_ledger_over_two_servers_serves_neither_for_the_other(serving: Serving, tmp_path: Path):
    ledger = tmp_path / "l.sqlite"
    with serving(text=YES) as kind, serving(text=NO) as harsh:
        first = jk.score(ITEMS, RUBRIC, Endpoint(kind, "m"), ledger=ledger)
        second = jk.score(ITEMS, RUBRIC, Endpoint(harsh, "m"), ledger=ledger)

        assert (values(first), values(second)) == ({"m": {1.0}}, {"m": {0.0}})
        assert (requests(kind), requests(harsh)) == (6, 6)
    limits = jk.Limits(tries=1, outage_after=100)
    down = jk.score(ITEMS, RUBRIC, Endpoint("http://127.0.0.1:9/v1", "m"), ledger=ledger, limits=limits)
    assert {o.reason for o in down.outcomes if isinstance(o, Abstention)} == {"unreachable"}
    assert len(down.outcomes) == 6


def test_a_server_that_moved_keeps_its_replies_under_a_name_and_loses_them_by_a_revision(
    serving: Serving, tmp_path: Path
):
    ledger = tmp_path / "l.sqlite"
    with serving(text=YES) as old, serving(text=NO) as new:
        jk.score(ITEMS, RUBRIC, Endpoint(old, "m", name="ours"), ledger=ledger)
        moved = jk.score(ITEMS, RUBRIC, Endpoint(new, "m", name="ours"), ledger=ledger)
        assert (values(moved), moved.summary["new_calls"], requests(new)) == ({"ours": {1.0}}, 0, 0)

        retrained = Endpoint(new, "m", name="ours", revision="2")
        asked = jk.score(ITEMS, RUBRIC, retrained, ledger=ledger)
        assert (values(asked), asked.summary["new_calls"], requests(new)) == ({"ours": {0.0}}, 6, 6)
        assert jk.score(ITEMS, RUBRIC, retrained, ledger=ledger).summary["new_calls"] == 0
        warmer = jk.score(ITEMS, RUBRIC, retrained.with_(temperature=1.0), ledger=ledger)
        assert warmer.summary["new_calls"] == 6


def test_one_model_at_two_temperatures_is_a_panel(serving: Serving, tmp_path: Path):
    with serving(text=YES) as url:
        cold = Endpoint(url, "m")
        run = jk.score(ITEMS, RUBRIC, [cold, cold.with_(temperature=1.0, name="hot")], ledger=tmp_path / "l")

        assert (run.summary["new_calls"], requests(url)) == (12, 12)


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ({"revision": "1", "name": None}, {"revision": "1", "name": None}, "one name"),
        ({"name": "a"}, {"name": "a"}, "one name"),
    ],
)
def test_judges_that_would_share_a_name_are_refused(one: dict[str, Any], two: dict[str, Any], words: str):
    panel = [Endpoint("http://a:1/v1", "m", **one), Endpoint("http://b:1/v1", "m", **two)]

    with pytest.raises(InputError, match=words):
        jk.score(ITEMS, RUBRIC, panel, ledger=None)


def test_judges_that_would_share_replies_are_refused():
    panel = [LiteLLM("openai/m", name=name, key_env="") for name in ("one", "another")]

    with pytest.raises(InputError, match=r"'one' and 'another' are one to the ledger.*a revision of its own"):
        check_together(panel)
    check_together([panel[0], panel[1].with_(revision="2")])
    check_together([panel[0], panel[1].with_(temperature=1.0)])


def test_another_judge_under_a_judges_name_is_not_asked_for_both():
    judge, other = Endpoint("http://a:1/v1", "m"), Endpoint("http://b:1/v1", "m")

    with pytest.raises(InputError, match=r"two judges are called 'm'.*name=\.\.\."):
        check_together([judge, other])
    with pytest.raises(InputError, match="substitute 'm' is a judge already"):
        jk.score(ITEMS, RUBRIC, judge, substitutes={"m": other}, ledger=None)
    check_together([judge, judge])


def test_one_key_is_never_sent_to_two_servers(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUDGEKIT_API_KEY", "key-of-the-first")
    monkeypatch.setenv("SECOND_KEY", "key-of-the-second")
    with serving(text=YES) as one, serving(text=YES) as two:
        first, second = Endpoint(one, "m"), Endpoint(two, "m", name="second")
        for panel in (
            [first, second],
            [first.with_(key_env="SECOND_KEY"), second.with_(key_env="SECOND_KEY")],
        ):
            with pytest.raises(
                InputError, match=r"would go to two servers.*--key-env second=VARIABLE"
            ) as caught:
                jk.score(ITEMS, RUBRIC, panel, ledger=None)
            assert "key-of" not in str(caught.value)
        with pytest.raises(InputError, match="would go to two servers"):
            Rewarder({"rubric": RUBRIC}, [first, second])
        with pytest.raises(InputError, match="would go to two servers"):
            jk.score(ITEMS, RUBRIC, first, substitutes={"m": second}, ledger=None)
        assert (requests(one), requests(two)) == (0, 0)

        jk.score(ITEMS, RUBRIC, [first, second.with_(key_env="SECOND_KEY")], ledger=None)
        assert (authorization(one), authorization(two)) == (
            "bearer key-of-the-first",
            "bearer key-of-the-second",
        )
        jk.score(ITEMS, RUBRIC, [first, second.with_(key_env="")], ledger=None)
        assert authorization(two) == ""


def test_a_key_of_a_provider_is_not_sent_to_a_server_of_ones_own_in_the_same_run(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    theirs, own = LiteLLM("openai/gpt-4o-mini"), LiteLLM("openai/m", api_base="http://127.0.0.1:9/v1")

    with pytest.raises(InputError, match=r"OPENAI_API_KEY would go to two servers, openai"):
        jk.score(ITEMS, RUBRIC, [theirs, own], ledger=None)
    with pytest.raises(InputError, match="OPENAI_API_KEY would go to two servers"):
        jk.score(
            ITEMS, RUBRIC, [theirs, Endpoint("http://a:1/v1", "m", key_env="OPENAI_API_KEY")], ledger=None
        )


def test_a_user_and_password_of_an_address_are_sent_there(serving: Serving):
    with serving(text=YES) as url:
        jk.score(ITEMS[:1], RUBRIC, Endpoint(url.replace("//", "//me:pass%2Fword@"), "m"), ledger=None)

        assert authorization(url) == "basic bwu6cgfzcy93b3jk"  # as the mock server tells it, in small letters


def test_a_judge_is_named_in_python_in_a_table_and_on_the_command_line(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FAST_KEY", "key-of-the-fast")
    with serving(text=YES) as url:
        form = f"endpoint:{url}#m"
        table = {"judge": form, "name": "fast", "key_env": "FAST_KEY", "revision": "2"}
        written = (
            f'judges = [{{judge = "{form}", name = "fast", key_env = "FAST_KEY", revision = "2"}}]\n'
            'rubric = "answer_match"\nscheme = "match"\n'
        )
        (tmp_path / "spec.toml").write_text(written, encoding="utf-8")
        judges = [
            jk.resolve(form, name="fast", key_env="FAST_KEY", revision="2"),
            jk.resolve(f"fast={form}", key_env="FAST_KEY", revision="2"),
            jk.resolve(table),
            *Rewarder(load_spec(tmp_path / "spec.toml")).judges,
        ]
        assert {repr(judge) for judge in judges} == {f"Endpoint({url[:-3]!r}, 'm', name='fast')"}
        assert len({json.dumps(judge.identity) for judge in judges}) == 1
        assert jk.score(ITEMS, RUBRIC, table, ledger=tmp_path / "l").summary["new_calls"] == 6
        assert jk.score(ITEMS, RUBRIC, [table], ledger=tmp_path / "l").summary["ledger_hits"] == 6
        old = {"name": form, "temperature": 0.5}  # the table of 0.1.0
        assert jk.resolve(old).identity["temperature"] == 0.5

        (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, ITEMS)), encoding="utf-8")
        (tmp_path / "rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
        command = ["score", str(tmp_path / "items.jsonl"), "-r", str(tmp_path / "rubric.json")]
        command += ["-j", f"fast={form}", "--key-env", "fast=FAST_KEY", "--revision", "fast=2"]
        ran = CliRunner().invoke(app, [*command, "--ledger", str(tmp_path / "l")])
        assert ran.exit_code == 0
        assert "6 calls: 0 new, 6 from the ledger" in ran.output
        wrong = CliRunner().invoke(app, [*command, "--revision", "slow=2"])
        assert "slow=...: no judge has this name; there are fast" in str(wrong.exception) + wrong.output


@pytest.mark.parametrize(
    "judge",
    [
        "http://me:hunter2-pass@127.0.0.1:9/v1",
        "http://me:hunter2-pass@127.0.0.1:9/v1#m",
        "endpoint:http://me:hunter2-pass@127.0.0.1:9/v1",
        "endpoint:http://me:hunter2-pass@127.0.0.1:nine/v1#m",
        "endpoint:http://me:hunter2-pass@127.0.0.1:9/v1?a#m",
        "endpoint:http://me:x/hunter2-pass@127.0.0.1:9/v1#m",
        "fast=http://127.0.0.1:9/hunter2-pass/v1#m",
        "end:http://me:hunter2-pass@127.0.0.1:9/v1#m",
        "x/http://me:hunter2-pass@127.0.0.1:9/v1",
        "decision:http:me:hunter2-pass@127.0.0.1",
    ],
)
def test_a_judge_that_cannot_be_read_is_refused_without_its_password(judge: str):
    with pytest.raises(InputError) as caught:
        jk.resolve(judge)

    assert "hunter2" not in f"{caught.value} {caught.value.__cause__!r}"

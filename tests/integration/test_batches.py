"""Runs through the batches of a mock of three providers: equal to the live run, whatever becomes of lines."""

import json
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import BatchesOut, BudgetExceeded, InputError, JudgekitError, ProviderError
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.litellm import LiteLLM
from judgekit.recipes.catalog import CATALOG
from judgekit.table import json_line, outcome_row, score_row

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from mock_batches import Provider, serving_batches

KEY = "tr0ub4dor-and-3"
RUBRIC = {
    "id": "tone",
    "criteria": [{"id": "polite", "text": "Is it polite?"}, {"id": "clear", "text": "Is it clear?"}],
}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello, number {n}."} for n in range(12)]
GOLDEN = Path(__file__).parents[1] / "golden" / "batches"
PAIR = [
    {
        "id": str(n), "task": f"What is 6 times {n}?", "reference": str(6 * n),
        "responses": {"x": f"It is {6 * n}. Cats are mammals.", "y": f"Perhaps {n}."},
    }
    for n in range(2)
]  # fmt: skip
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
PATHS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}
ROUGH: dict[str, Any] = {
    "expire": 0.1, "error": 0.1, "shuffle": True, "duplicate": 0.2, "split": True, "malformed": 0.1
}  # fmt: skip


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOCK_KEY", KEY)
    monkeypatch.setattr("judgekit.batches.desk._SOONEST", 0.01)
    monkeypatch.setattr("judgekit.batches.desk._MOMENT", 0.0)


def judge_of(url: str, name: str = "j", **options: Any) -> Endpoint:
    return Endpoint(f"{url}/v1", "mock", name=name, key_env="MOCK_KEY", **options)


def rows(run: jk.Run) -> list[bytes]:
    return [*map(json_line, map(outcome_row, run.outcomes)), *map(json_line, map(score_row, run.scores))]


def both(
    tmp_path: Path, items: Any, rubric: Any, make: Any, **options: Any
) -> tuple[jk.Run, jk.Run, Provider]:
    """The live run, the run through a rough provider's batches, and the provider."""
    with serving_batches(**ROUGH) as (url, provider):
        given = {"progress": False, **options}
        live = jk.score(items, rubric, make(url), ledger=tmp_path / "live", **given)
        before, provider.live = provider.live, 0
        told: list[str] = []
        run = jk.score(
            items, rubric, make(url), ledger=tmp_path / "batch", batch="wait", say=told.append, **given
        )
    assert before > 0
    assert provider.live == 0
    return live, run, provider


@pytest.mark.parametrize("name", ["faireval-bpc", "examiner", "p-true", "second-look", "swiss", "xfinder"])
def test_a_recipe_gives_the_same_through_batches(name: str, tmp_path: Path):
    """All bundled recipes: benchmarks/batches.py."""
    n = CATALOG[name].least_judges

    live, run, provider = both(
        tmp_path, PAIR, None, lambda url: [judge_of(url, f"j{i}") for i in range(n)], recipe=name
    )

    assert rows(run) == rows(live)
    assert run.summary["calls"] == live.summary["calls"]
    assert provider.paid.total() == len(provider.paid) == live.summary["new_calls"]


@pytest.mark.parametrize("provider", MODELS)
def test_each_provider_gives_the_same_through_litellm_at_the_price_of_batches(provider: str, tmp_path: Path):
    def make(url: str) -> LiteLLM:
        model, base = f"{provider}/{MODELS[provider]}", f"{url}{PATHS[provider]}"
        return LiteLLM(model, api_base=base, name="j", key_env="MOCK_KEY")

    live, run, mock = both(tmp_path, ITEMS[:6], RUBRIC, make)

    assert rows(run) == rows(live)
    assert run.summary["cost_usd"] == pytest.approx(live.summary["cost_usd"] / 2)
    assert mock.paid.total() == len(mock.paid)
    assert all(KEY in "".join(headers.values()) for _, headers, _ in mock.bodies)
    assert KEY.encode() not in (tmp_path / "batch").read_bytes()


@pytest.mark.parametrize("provider", MODELS)
def test_what_is_sent_is_what_the_golden_file_says(provider: str, tmp_path: Path):
    with serving_batches() as (url, mock):
        model, base = f"{provider}/{MODELS[provider]}", f"{url}{PATHS[provider]}"
        judge = LiteLLM(model, api_base=base, name="j", key_env="MOCK_KEY")
        jk.score(ITEMS[:1], RUBRIC, judge, ledger=tmp_path / "l", batch="wait", say=lambda _: None)

    [(_, headers, sent)] = mock.bodies
    kept = {name: headers[name] for name in sorted(headers) if name.startswith("anthropic-")}
    said = json.dumps({"headers": kept, "lines": sent["lines"]}, indent=1, ensure_ascii=False) + "\n"
    golden = GOLDEN / f"{provider}.json"
    if not golden.exists():  # delete it to write it anew, and look at the difference
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")


def run_through(url: str, ledger: Path, **options: Any) -> jk.Run:
    given = {"batch": "wait", "say": lambda _: None, "progress": False, **options}
    judge = judge_of(url, **given.pop("judge", {}))
    return jk.score(ITEMS, RUBRIC, judge, ledger=ledger, **given)


def test_a_batch_whose_id_is_lost_is_found_again_and_not_paid_for_twice(tmp_path: Path):
    with serving_batches(lose=1.0) as (url, mock):
        run = run_through(url, tmp_path / "l")

    assert len(mock.taken) == 1
    assert mock.paid.total() == len(mock.paid) == run.summary["new_calls"] == 24


def test_a_run_that_is_left_goes_on_round_by_round(tmp_path: Path):
    with serving_batches(malformed=0.3) as (url, mock):
        live = jk.score(ITEMS, RUBRIC, judge_of(url), ledger=None, progress=False)
        for rounds in (1, 2):
            with pytest.raises(BatchesOut, match="1 batch is out, of "):
                run_through(url, tmp_path / "l", batch="leave")
            assert len(mock.taken) == rounds
        run = run_through(url, tmp_path / "l", batch="leave")

    assert rows(run) == rows(live)
    assert mock.paid.total() == len(mock.paid)


def test_lines_that_always_fail_abstain_or_are_asked_live(tmp_path: Path):
    with serving_batches(error=1.0) as (url, mock):
        limits = jk.Limits(tries=2, outage_after=100)
        run = run_through(url, tmp_path / "a", limits=limits)
        sent = mock.sent.total()
        live = run_through(url, tmp_path / "b", limits=limits, then="live")

    assert run.summary["abstentions"] == {"unreachable": 24}
    assert sent == 48  # twice each
    assert live.summary["verdicts"] == 24
    assert mock.live == 24


def test_what_one_response_draws_is_that_calls_alone(tmp_path: Path):
    with serving_batches(refuse=0.3) as (url, mock):
        run = run_through(url, tmp_path / "l")

    assert 0 < run.summary["abstentions"]["refused"] < 24
    assert mock.sent.total() == 24  # none is sent again
    assert KEY.encode() not in (tmp_path / "l").read_bytes()  # although each refusal repeats it


def test_without_money_the_run_stops_and_the_same_again_goes_on(tmp_path: Path):
    with serving_batches(broke=True) as (url, mock):
        for _ in range(2):
            with pytest.raises(ProviderError, match="exceeded your current quota"):
                run_through(url, tmp_path / "l")
        assert mock.sent.total() == 48
        mock.options = type(mock.options)()
        run = run_through(url, tmp_path / "l")

    assert run.summary["verdicts"] == 24
    assert mock.paid.total() == 24


def test_a_batch_that_hangs_is_cancelled_and_what_it_lacks_is_asked_again(tmp_path: Path):
    with serving_batches(hang=2) as (url, mock):  # of OpenAI a file has the first number
        run = run_through(url, tmp_path / "l", limits=jk.Limits(batch_hours=1e-9))

    assert [each.state for each in mock.taken.values()] == ["cancelled", "completed"]
    assert run.summary["verdicts"] == 24
    assert mock.paid.total() == len(mock.paid) == 24


def test_one_that_somebody_cancels_stops_the_run_with_what_it_brought(tmp_path: Path):
    with serving_batches() as (url, mock):
        with pytest.raises(BatchesOut):
            run_through(url, tmp_path / "l", batch="leave")
        mock.cancel(next(iter(mock.taken.values())))
        with pytest.raises(JudgekitError, match="was cancelled; run again") as caught:
            run_through(url, tmp_path / "l")
        run = run_through(url, tmp_path / "l")

    assert not isinstance(caught.value, BatchesOut)
    assert run.summary["verdicts"] == 24
    assert mock.paid.total() == len(mock.paid) == 24


def test_a_file_that_is_too_large_is_sent_in_parts(tmp_path: Path):
    with serving_batches(most_bytes=20_000) as (url, mock):
        run = run_through(url, tmp_path / "l")

    assert len(mock.taken) > 1
    assert run.summary["verdicts"] == mock.paid.total() == 24


def test_what_a_provider_has_no_room_for_waits_until_something_is_back(tmp_path: Path):
    with serving_batches(queue=30, delay=2) as (url, mock):
        judges = [judge_of(url, "a"), judge_of(url, "b")]
        run = jk.score(
            ITEMS, RUBRIC, judges, ledger=tmp_path / "l", batch="wait", say=lambda _: None, progress=False
        )

    assert [each.state for each in mock.taken.values()] == ["completed", "failed", "completed"]
    assert run.summary["verdicts"] == mock.paid.total() == 48


def test_a_provider_that_is_often_broken_is_asked_again(tmp_path: Path):
    with serving_batches(broken=0.3, expire=0.3, seed=2) as (url, mock):
        run = run_through(url, tmp_path / "l")

    assert run.summary["verdicts"] == mock.paid.total() == len(mock.paid) == 24


def test_of_two_results_for_a_call_the_first_counts(tmp_path: Path):
    with serving_batches() as (url, mock):
        with pytest.raises(BatchesOut):
            run_through(url, tmp_path / "l", batch="leave")
        batch = next(iter(mock.taken.values()))
        mock.end(batch)
        first = {digits: body for digits, _, body in batch.results}
        other = mock.completed("openai", {"messages": [{"role": "user", "content": "no"}]})
        batch.results += [(digits, "ok", other) for digits in first]
        run = run_through(url, tmp_path / "l")

    assert run.summary["verdicts"] == 24


def test_a_budget_holds_at_the_price_of_batches(tmp_path: Path):
    prices = {"input_usd_per_million": 1.0, "output_usd_per_million": 2.0, "max_tokens": 100}
    with serving_batches() as (url, mock):
        with pytest.raises(BudgetExceeded, match=r"0\.006 US dollars") as caught:
            run_through(url, tmp_path / "l", judge=prices, limits=jk.Limits(budget_usd=0.006))
        run = run_through(url, tmp_path / "l", judge=prices)

    stopped = caught.value.run
    assert 0 < stopped.summary["new_calls"] < 12  # of about 0.00066 dollars each, by what is asked
    assert stopped.summary["new_calls"] + run.summary["new_calls"] == 24
    assert mock.paid.total() == len(mock.paid) == 24


def test_replies_that_are_asked_anew_are_asked_once(tmp_path: Path):
    with serving_batches(malformed=0.4) as (url, mock):
        first = run_through(url, tmp_path / "l", reask=False)
        n = first.summary["abstentions"]["malformed"]
        again = run_through(url, tmp_path / "l", reask=False, again=("malformed",))

    assert n > 0
    assert again.summary["new_calls"] == n
    assert mock.sent.total() == 24 + n
    assert rows(again) == rows(first)


def test_a_judge_without_batches_is_refused_unless_it_may_be_asked_live(tmp_path: Path):
    with serving_batches(none=True) as (url, _):
        judge = judge_of(url)
        with pytest.raises(InputError, match=r"has no batches .*404.*then live"):
            jk.score(ITEMS[:1], RUBRIC, judge, ledger=tmp_path / "l", batch="wait")
        run = jk.score(ITEMS[:1], RUBRIC, judge, ledger=tmp_path / "l", batch="wait", then="live")

    assert run.summary["verdicts"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": "soon"}, "there are wait, leave"),
        ({"then": "live"}, "say batch='wait' or batch='leave' with it"),
        ({"batch": "wait", "ledger": None}, "name one, and not ledger=None"),
        ({"batch": "wait", "items": iter(ITEMS)}, "hand in a file or a list"),
    ],
)
def test_what_cannot_go_through_batches_is_refused_before_any_call(options: dict[str, Any], message: str):
    given = {"items": ITEMS, "rubric": RUBRIC, "judges": judge_of("http://127.0.0.1:9"), **options}

    with pytest.raises(InputError, match=message):
        jk.score(**given)


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    shown = capsys.readouterr()
    return int(left.value.code or 0), shown.out + shown.err


def test_the_command_line_leaves_lists_collects_cancels_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("items.jsonl").write_text("\n".join(map(json.dumps, ITEMS)), encoding="utf-8")
    Path("tone.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    with serving_batches(delay=1) as (url, mock):
        job = (
            "score",
            "items.jsonl",
            "-r",
            "tone.json",
            "-j",
            f"j=endpoint:{url}/v1#mock",
            "--key-env",
            "j=MOCK_KEY",
        )
        batch, to = ("--batch", "--leave", "--ledger", "l.sqlite"), ("--out", "run")
        _, dry = command(capsys, *job, *batch, "--dry-run")
        code, out = command(capsys, *job, *batch, *to)
        _, listed = command(capsys, "batch", "list", "--ledger", "l.sqlite")
        _, early = command(capsys, "batch", "collect", "--ledger", "l.sqlite")
        _, collected = command(capsys, "batch", "collect", "--ledger", "l.sqlite")
        asked = len(mock.bodies)
        last, shown = command(capsys, *job, *batch, *to)
        _, none = command(capsys, "batch", "list", "--ledger", "l.sqlite")
        refused, why = command(capsys, "batch", "cancel", "--ledger", "l.sqlite")

    assert re.search(r"first round: 1 batch, about \d\d kB in all; at least 1 round, each within a day", dry)
    assert code == 0
    assert "1 batch is out, of 24 calls; run the same again to go on" in out
    assert "batch_2" in listed
    assert "batch batch_2 is out" in early
    assert "batch batch_2 is back (completed)" in collected
    assert asked == len(mock.bodies) == 1
    assert last == 0
    assert "written to run" in shown
    assert none == "no batch is out\n"
    assert (refused, why) == (2, "error: no batch is out\n")
    with closing(sqlite3.connect("l.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM batch_lines").fetchone() == (0,)


@pytest.mark.parametrize("point", ["before UPDATE batches SET", "before UPDATE batch_lines SET"])
def test_a_run_that_is_killed_loses_nothing_and_pays_for_nothing_twice(point: str, tmp_path: Path):
    """At 20 points: benchmarks/batches.py --only kills."""
    import batches

    [found] = batches.kills("openai", 0, 4, tmp_path, at=point)

    assert found["died"]
    assert (found["lost"], found["twice"], found["equal"]) == (0, 0, True)


def test_a_server_that_is_not_there_stops_the_run_before_anything_is_sent(tmp_path: Path):
    judge = {"judge": "endpoint:http://127.0.0.1:1/v1#x", "name": "away"}

    with pytest.raises(ProviderError, match=r"judge 'away': .*Cannot connect"):
        jk.score(ITEMS, RUBRIC, judge, ledger=tmp_path / "l.sqlite", batch="leave", progress=False)

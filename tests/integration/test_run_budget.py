import json
import urllib.request

import pytest
from typer.testing import CliRunner

import judgekit as jk
from judgekit.cli import app
from judgekit.errors import BudgetExceeded, InputError
from judgekit.judges.endpoint import Endpoint
from judgekit.plan import Plan, price_of
from judgekit.prompt import estimate_tokens
from judgekit.rubric import load_rubric
from judgekit.types import Abstention, Item, Verdict

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
YES = '{"label": "yes"}'
FILLER = "The parcel left the depot on Monday. " * 50
N = 60
COST = (700 * 1.0 + 8 * 10.0) / 1e6  # what the server says of each call: 700 tokens in, 8 out
PRICES = {"input_usd_per_million": 1.0, "output_usd_per_million": 10.0}


def items(n=N):
    return [{"id": str(i), "task": "Where is it?", "response": f"{FILLER}{i}"} for i in range(n)]


def priced(url, **options):
    return Endpoint(url, "mock", **{"max_tokens": 200, **PRICES, **options})


def reserved(judge):
    """Tokens and dollars reserved for a call, which are more than it comes to."""
    item = Item("0", "Where is it?", {"response": f"{FILLER}00"})
    [call] = Plan(load_rubric(RUBRIC), (judge,)).calls(item)
    n_in = estimate_tokens(call.messages)
    return n_in + judge.max_tokens, price_of(judge, n_in)[1]


def requests(url):
    with urllib.request.urlopen(f"{url}/stats") as response:  # noqa: S310 - the loopback
        return json.load(response)["requests"]


@pytest.mark.parametrize("concurrency", [1, 16, 64])
def test_a_budget_is_never_overspent_and_used_up_to_the_last_call_that_fits(serving, tmp_path, concurrency):
    budget = N * COST / 2
    with serving(text=YES, latency=0.002) as url:
        judge = priced(url)
        limits = jk.Limits(concurrency=concurrency, budget_usd=budget)
        with pytest.raises(BudgetExceeded) as caught:
            jk.score(items(), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits)
        spent = requests(url) * COST

    run = caught.value.run
    assert spent <= budget
    assert spent > budget - reserved(judge)[1]
    assert run.summary["cost_usd"] == pytest.approx(spent)
    assert f"budget of {budget:g} US dollars does not cover the next call" in str(caught.value)
    assert "run again with more" in str(caught.value)


def test_what_a_budget_leaves_out_abstains_as_over_budget(serving, tmp_path):
    with serving(text=YES) as url:
        limits = jk.Limits(concurrency=4, budget_usd=N * COST / 2)
        with pytest.raises(BudgetExceeded) as caught:
            jk.score(items(), RUBRIC, priced(url), ledger=tmp_path / "l.sqlite", limits=limits)

    outcomes = caught.value.run.outcomes
    assert {o.value for o in outcomes if isinstance(o, Verdict)} == {1.0}
    assert {o.reason for o in outcomes if isinstance(o, Abstention)} == {"over_budget"}
    assert len({o.unit for o in outcomes}) == len(outcomes)


def test_with_more_money_the_run_goes_on_and_pays_for_the_rest_only(serving, tmp_path):
    ledger = tmp_path / "l.sqlite"
    with serving(text=YES) as url:
        half = jk.Limits(concurrency=8, budget_usd=N * COST / 2)
        with pytest.raises(BudgetExceeded):
            jk.score(items(), RUBRIC, priced(url), ledger=ledger, limits=half)
        before = requests(url)
        whole = jk.Limits(concurrency=8, budget_usd=N * COST)
        run = jk.score(items(), RUBRIC, priced(url), ledger=ledger, limits=whole)
        after = requests(url)

    assert run.summary["verdicts"] == N
    assert run.summary["new_calls"] == N - before
    assert after == N
    assert run.summary["cost_usd"] == pytest.approx((N - before) * COST)


def test_where_only_reservations_stand_in_the_way_calls_wait(serving, tmp_path):
    with serving(text=YES, latency=0.002) as url:
        judge = priced(url, max_tokens=8000)
        enough = N * COST + reserved(judge)[1]  # for all that is written, and not for two reservations
        limits = jk.Limits(concurrency=16, budget_usd=enough)
        run = jk.score(items(), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits)

    assert reserved(judge)[1] * 2 > enough
    assert run.summary["verdicts"] == N


def test_a_budget_of_tokens_is_kept_likewise_and_needs_no_price(serving, tmp_path):
    budget = N * 708 // 2
    with serving(text=YES, latency=0.002) as url:
        judge = priced(url, input_usd_per_million=None, output_usd_per_million=None)
        limits = jk.Limits(concurrency=16, budget_tokens=budget)
        with pytest.raises(BudgetExceeded, match=f"budget of {budget} tokens") as caught:
            jk.score(items(), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits)
        used = requests(url) * 708

    assert budget - reserved(judge)[0] < used <= budget
    assert caught.value.run.summary["cost_usd"] is None


def test_a_reply_that_does_not_say_what_it_took_is_counted_as_reserved(serving, tmp_path):
    with serving(text=lambda _: {"choices": [{"message": {"content": "hm"}}]}) as url:
        judge = priced(url)
        limits = jk.Limits(concurrency=4, budget_usd=reserved(judge)[1] * 10.5)
        with pytest.raises(BudgetExceeded):
            jk.score(items(), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits, reask=False)

        assert requests(url) == 10


def test_calls_that_fail_cost_nothing(serving, tmp_path):
    with serving(text=YES, too_many=0.3, failing=0.1, retry_after_ms="1") as url:
        judge = priced(url)
        limits = jk.Limits(concurrency=8, tries=12, budget_usd=N * COST + reserved(judge)[1])
        run = jk.score(items(), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits)

    assert run.summary["verdicts"] == N
    assert run.summary["cost_usd"] == pytest.approx(N * COST)


def test_a_budget_in_money_needs_a_price_and_says_so_before_any_call(serving, tmp_path):
    with serving(text=YES) as url:
        unpriced = Endpoint(url, "mock")
        limits = jk.Limits(budget_usd=1.0)
        with pytest.raises(InputError, match="the price of judge 'mock' is unknown"):
            jk.score(items(3), RUBRIC, unpriced, ledger=tmp_path / "l.sqlite", limits=limits)
        assert requests(url) == 0

        limits = jk.Limits(budget_usd=1.0, allow_unknown_price=True)
        run = jk.score(items(3), RUBRIC, unpriced, ledger=tmp_path / "l.sqlite", limits=limits)

    assert run.summary["verdicts"] == 3
    assert (run.summary["cost_usd"], run.summary["unpriced_calls"]) == (None, 3)


@pytest.mark.parametrize("budget", [{"budget_usd": 1.0}, {"budget_tokens": 10_000}])
def test_a_budget_needs_a_judge_whose_replies_have_a_limit(serving, tmp_path, budget):
    with serving(text=YES) as url:
        judge, limits = priced(url, max_tokens=None), jk.Limits(**budget)
        with pytest.raises(InputError, match="judge 'mock' has no max_tokens"):
            jk.score(items(3), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits)

        assert requests(url) == 0


def test_controls_cost_nothing_under_any_budget(tmp_path):
    limits = jk.Limits(budget_usd=1e-9, budget_tokens=1)

    run = jk.score(items(3), RUBRIC, "control:longer", ledger=tmp_path / "l.sqlite", limits=limits)

    assert run.summary["calls"] == 3


@pytest.mark.parametrize("read", [-1_000_000, 10**12, float("1e300"), True, "700"])
def test_what_a_server_says_it_read_neither_lowers_the_cost_nor_stops_a_budget_early(serving, tmp_path, read):
    def answer(_):
        usage = {"prompt_tokens": read, "completion_tokens": -8}
        return {"choices": [{"message": {"content": YES}, "finish_reason": "stop"}], "usage": usage}

    with serving(text=answer) as url:
        judge = priced(url)
        budget = N * reserved(judge)[1] / 2
        limits = jk.Limits(budget_usd=budget)
        with pytest.raises(BudgetExceeded) as caught:
            jk.score(items(), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits)
        asked = requests(url)

    run = caught.value.run
    assert N / 2 - 2 <= asked <= N / 2 + 1
    assert 0.9 * budget < run.summary["cost_usd"] <= budget * (1 + 1e-9)
    assert run.summary["input_tokens"] > 0
    assert run.summary["output_tokens"] > 0
    [(words, count)] = run.summary["notes"]["mock"].items()
    assert "usage that cannot be" in words
    assert count == asked


def test_a_judge_of_your_own_cannot_lower_the_cost_either():
    judge = jk.Scripted("own", lambda _: jk.types.Reply(YES, cost_usd=-5.0, input_tokens=-1))

    summary = jk.score(items(3), RUBRIC, judge, ledger=None).summary

    assert (summary["cost_usd"], summary["known_cost_usd"], summary["input_tokens"]) == (None, 0.0, 0)


@pytest.mark.parametrize(
    "body", [{"choices": []}, {"error": None}, [1], "<html><title>Log in</title></html>"]
)
def test_what_is_no_completion_is_asked_again_and_never_kept(serving, tmp_path, body):
    raw = body.encode() if isinstance(body, str) else body
    with serving(text=lambda _: raw) as url:
        run = jk.score(items(1), RUBRIC, priced(url), ledger=tmp_path / "l.sqlite", limits=jk.Limits(tries=2))
        asked = requests(url)

    [outcome] = run.outcomes
    assert (outcome.reason, asked) == ("unreachable", 2)
    assert "no chat completion: no " in outcome.detail
    with jk.ledger.Ledger(tmp_path / "l.sqlite", read_only=True) as ledger:
        assert ledger.get([outcome.call]) == {}


def test_the_price_of_a_server_is_an_option_by_which_a_budget_in_money_is_kept(serving, tmp_path):
    (tmp_path / "items.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in items()))
    (tmp_path / "rubric.json").write_text(json.dumps(RUBRIC))
    with serving(text=YES) as url:
        command = ["score", str(tmp_path / "items.jsonl"), "-r", str(tmp_path / "rubric.json")]
        command += [
            "-j",
            f"m=endpoint:{url}#mock",
            "--ledger",
            str(tmp_path / "l"),
            "--budget",
            f"{N * COST / 2}",
        ]
        unpriced = CliRunner().invoke(app, command)
        asked = requests(url)
        CliRunner().invoke(app, [*command, "--max-tokens", "200", "--price", "m=1/10"])
        spent = requests(url) * COST

    assert isinstance(unpriced.exception, InputError)
    assert "--price m=IN/OUT" in str(unpriced.exception)
    assert asked == 0
    assert N * COST / 2 - reserved(priced(url))[1] < spent <= N * COST / 2


@pytest.mark.parametrize("price", ["1/10", [1, 10], (1.0, 10.0)])
def test_the_price_of_a_judge_stands_in_its_table(price):
    for name in ("endpoint:http://localhost:1/v1#m", "openai/nobody-knows-it"):
        judge = jk.resolve({"judge": name, "price": price, "key_env": ""})

        assert judge.cost(1_000_000, 100_000) == pytest.approx(2.0)


@pytest.mark.parametrize("price", ["1", "1/2/3", "a/b", "1/-1", "1/nan", 3, [1], None])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(InputError, match="price"):
        jk.resolve({"judge": "endpoint:http://localhost:1/v1#m", "price": price})


def test_where_no_price_is_known_what_the_server_says_of_each_reply_is_spent(serving, tmp_path):
    def reply(_):
        choice = {"message": {"content": YES}, "finish_reason": "stop"}
        return {"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.01}}

    with serving(text=reply) as url:
        judge = priced(url, input_usd_per_million=None, output_usd_per_million=None)
        limits = jk.Limits(concurrency=1, budget_usd=0.105, allow_unknown_price=True)
        with pytest.raises(BudgetExceeded) as caught:
            jk.score(items(), RUBRIC, judge, ledger=tmp_path / "l.sqlite", limits=limits)

    assert caught.value.run.summary["cost_usd"] == pytest.approx(0.10)

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.errors import InputError, ProviderError
from judgekit.judges.decision import Decision
from judgekit.judges.replay import Replay
from judgekit.judges.resolve import Scripted, check, resolve
from judgekit.ledger import Ledger
from judgekit.ledger.check import verify
from judgekit.ledger.key import key_of
from judgekit.ledger.tools import export
from judgekit.plan import check_scales
from judgekit.protocols import read, sheet_of
from judgekit.protocols.read import read_decisions
from judgekit.rubric import load_rubric
from judgekit.types import Abstention, Call, Item, Reply, Unit, Verdict

Deciding = Callable[..., AbstractContextManager[Any]]
KEY = "tr0ub4dor-and-3"
POLITE = {
    "id": "polite",
    "text": "Is the response polite?",
    "anchors": {"no": "It insults.", "yes": "It thanks."},
}
CLEAR = {"id": "clear", "text": "How clear is it?", "scale": ["muddled", "passable", "clear"]}
TONE = {"id": "tone", "text": "Which tone?", "scale": {"labels": ["dry", "warm", "cold"], "kind": "nominal"}}
TOLD = {"id": "told", "text": "Is it true?", "scale": {"labels": ["no", "yes"], "cannot_tell": "unknown"}}
RUBRIC = {"id": "reply", "guidelines": "Mind the customer.", "criteria": [POLITE, CLEAR, TONE]}
ITEM = {"id": "1", "task": "Where is my parcel?", "response": "At the depot, sorry."}


@pytest.fixture
def deciding(monkeypatch: pytest.MonkeyPatch) -> Deciding:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import decision_stub

    lent: Deciding = decision_stub.deciding
    monkeypatch.setenv("STUB_KEY", KEY)
    return lent


def judge_at(stub: Any, model: str = "hosted_vllm/stub", **options: Any) -> Decision:
    return Decision(model, api_base=stub.url, api_key_env="STUB_KEY", **options)


def sheet_call(rubric: dict[str, Any] = RUBRIC, *, response: str = "At the depot.", **options: Any) -> Call:
    criteria = load_rubric(rubric).leaves
    item = Item("1", "Where is my parcel?", {"a": response})
    call = sheet_of(criteria, guidelines="Mind the customer.", **options).ask(
        item, (Unit("1", ("a",)), ("a",))
    )
    return replace(call, judge="d", key=key_of({"model": "d"}, call))


def ask(judge: Decision, *calls: Call) -> list[Reply]:
    async def asked() -> list[Reply]:
        async with judge:
            return [await asyncio.wait_for(judge(call), 10) for call in calls]

    return asyncio.run(asked())


def score(judges: Any, rubric: Any = RUBRIC, items: Any = (ITEM,), **options: Any) -> Any:
    return jk.score(list(items), rubric, judges, **{"per_call": None, "ledger": None, **options})


def test_a_whole_rubric_is_one_request_and_its_probabilities_are_the_verdicts(deciding: Deciding):
    with deciding() as stub:
        run = score(judge_at(stub))

    assert stub.questions == [3]
    assert (stub.paths, stub.keys) == (["/v1/systemone"], [KEY])
    assert all(isinstance(o, Verdict) and o.source == "decision" for o in run.outcomes)
    polite, clear, tone = run.outcomes
    assert (polite.probs, polite.label, polite.value) == ((("no", 0.25), ("yes", 0.75)), "yes", 0.75)
    assert [p for _, p in clear.probs] == pytest.approx([1 / 9, 3 / 9, 5 / 9])
    assert clear.value == pytest.approx(0.5 * 3 / 9 + 5 / 9)
    assert (tone.label, tone.rationale, tone.mass) == ("cold", "", 1.0)


def test_a_yes_or_no_is_a_noul_ordered_labels_a_score_and_other_labels_a_choice(deciding: Deciding):
    with deciding() as stub:
        score(judge_at(stub))
        [body] = stub.bodies

    questions = body["questions"]
    assert {name: (each["type"], each["criteria"]) for name, each in questions.items()} == {
        "polite": ("noul", {"true": "The label is: yes", "false": "The label is: no"}),
        "clear": ("score", ["muddled", "passable", "clear"]),
        "tone": ("choice", {"dry": None, "warm": None, "cold": None}),
    }
    assert "- yes: It thanks." in questions["polite"]["instructions"]
    assert "Mind the customer." in body["state"]
    assert "At the depot, sorry." in body["state"]
    assert "Is the response polite?" not in body["state"]
    assert "Reply with" not in body["state"]


def test_three_hundred_criteria_are_three_requests_in_one_call(deciding: Deciding):
    rubric = {"id": "r", "criteria": [{"id": f"c{i}", "text": f"Does point {i} hold?"} for i in range(300)]}

    with deciding(weights=lambda name, _: [1.0, 0.0] if int(name[1:]) % 2 else [0.0, 1.0]) as stub:
        run = score(judge_at(stub), rubric)

    assert stub.questions == [128, 128, 44]
    assert run.summary["calls"] == 1
    assert [(o.criterion, o.label) for o in run.outcomes] == [
        (f"c{i}", "no" if i % 2 else "yes") for i in range(300)
    ]


def test_the_parts_of_a_call_add_up_and_those_that_went_well_are_not_asked_again(deciding: Deciding):
    call = sheet_call()

    with deciding(faults=("ok", "too_many")) as stub:
        judge = judge_at(stub, "perplexity/pplx-decider-v1.2", chunk=1)
        with pytest.raises(ProviderError, match="429"):
            ask(judge, call)
        [reply] = ask(judge, call)

    assert [list(body["questions"]) for body in stub.bodies] == [["polite"], ["clear"], ["clear"], ["tone"]]
    assert (reply.input_tokens, reply.output_tokens) == (2100, 0)
    assert reply.cost_usd == pytest.approx(2100 * 2e-8)
    assert judge.cost(1_000_000, 1) == pytest.approx(0.02)
    assert len(read_decisions(call, reply)) == 3


def test_tokens_that_a_server_does_not_count_are_unknown(deciding: Deciding):
    with deciding(tokens=None) as stub:
        [reply] = ask(judge_at(stub, "perplexity/pplx-decider-v1.2"), sheet_call())

    assert (reply.input_tokens, reply.cost_usd, reply.model) == (None, None, "stub-1.0")


@pytest.mark.parametrize(
    ("criterion", "how"),
    [(name, how) for name in ("clear", "tone") for how in ("absent", "keyless", "negative", "sum", "nan")]
    + [(name, how) for name in ("clear", "tone") for how in ("above", "word", "unknown", "other_type")]
    + [("polite", how) for how in ("absent", "keyless", "negative", "nan", "above", "word", "other_type")],
)
def test_a_malformed_answer_abstains_alone(deciding: Deciding, criterion: str, how: str):
    call = sheet_call()

    with deciding(spoilt={criterion: how}) as stub:
        [reply] = ask(judge_at(stub), call)
    outcomes = read(call, reply)

    assert [o.criterion for o in outcomes] == ["polite", "clear", "tone"]
    assert [o.criterion for o in outcomes if isinstance(o, Abstention)] == [criterion]
    assert {o.reason for o in outcomes if isinstance(o, Abstention)} == {"malformed"}
    assert stub.requests == (2 if how in {"keyless", "word"} else 1)
    assert (reply.cost_usd, reply.input_tokens) == (None, None if stub.requests == 2 else 700)


def test_only_what_was_malformed_is_asked_once_more(deciding: Deciding):
    with deciding(spoilt={"clear": "negative"}) as stub:
        run = score(judge_at(stub))

    assert stub.questions == [3, 1]
    assert [type(o).__name__ for o in run.outcomes] == ["Verdict", "Abstention", "Verdict"]


def test_a_response_without_answers_is_malformed(deciding: Deciding):
    call = sheet_call()

    with deciding(mode="no_answers") as stub:
        [reply] = ask(judge_at(stub), call)

    assert [o.reason for o in read(call, reply) if isinstance(o, Abstention)] == ["malformed"] * 3


def test_cannot_tell_is_an_option_and_its_probability_is_undecided(deciding: Deciding):
    with deciding(weights=lambda *_: [0.2, 0.6, 0.2]) as stub:
        [outcome] = score(judge_at(stub), {"id": "r", "criteria": [TOLD]}).outcomes

    assert list(stub.bodies[0]["questions"]["told"]["criteria"]) == ["no", "yes", "unknown"]
    assert (outcome.undecided, outcome.value) == (pytest.approx(0.2), pytest.approx(0.75))


@pytest.mark.parametrize(
    "scale",
    [{"low": 0, "high": 100}, [str(i) for i in range(11)]],
    ids=["numbers", "eleven levels"],
)
def test_a_scale_it_cannot_answer_on_is_refused_by_name_before_any_call(deciding: Deciding, scale: Any):
    rubric = {"id": "r", "criteria": [POLITE, {"id": "depth", "text": "How deep is it?", "scale": scale}]}

    with deciding() as stub:
        judge = judge_at(stub)
        with pytest.raises(InputError, match="cannot be asked criterion 'depth': a decision model"):
            check_scales(judge, [(c.id, c.scale) for c in load_rubric(rubric).leaves])
        with pytest.raises(InputError, match="'decision:hosted_vllm/stub' cannot be asked criterion 'depth'"):
            score(judge, rubric)

    assert stub.requests == 0


def test_it_sits_in_a_panel_with_a_chat_judge(deciding: Deciding):
    chat = Scripted("chat", lambda _: '{"label": "no", "rationale": "It does not thank."}')
    rubric = {"id": "r", "criteria": [POLITE]}

    with deciding() as stub:
        run = score([judge_at(stub), chat], rubric)

    assert [(o.rater, o.value) for o in run.outcomes] == [("decision:hosted_vllm/stub", 0.75), ("chat", 0.0)]
    [total] = [s for s in run.scores if s.level == "rubric"]
    assert total.value == pytest.approx(0.375)


def test_a_request_at_fault_is_a_reply_with_the_fault(deciding: Deciding):
    with deciding(faults=("ok", "too_long")) as stub:
        [reply] = ask(judge_at(stub, chunk=2), sheet_call())

    assert (reply.fault, reply.decisions) == ("too_long", ())


@pytest.mark.parametrize(
    ("mode", "status", "passing"),
    [
        ("too_many", 429, True),
        ("broken", 500, True),
        ("not_json", None, True),
        ("quota", 429, False),
        ("unauthorized", 401, False),
        ("not_found", 404, False),
    ],
)
def test_what_the_server_does_wrong_is_an_error_after_one_request(
    deciding: Deciding, mode: str, status: int | None, passing: bool
):
    with deciding(mode=mode, retry_after="7") as stub, pytest.raises(ProviderError) as caught:
        ask(judge_at(stub), sheet_call())

    assert (caught.value.status, caught.value.passing) == (status, passing)
    assert caught.value.retry_after == (7.0 if mode == "too_many" else None)
    assert KEY not in str(caught.value)
    assert stub.requests == 1


def test_waiting_is_the_callers(deciding: Deciding):
    async def short(judge: Decision) -> None:
        async with judge:
            await asyncio.wait_for(judge(sheet_call()), 0.1)

    with deciding(latency=0.5) as stub, pytest.raises(TimeoutError):
        asyncio.run(short(judge_at(stub)))


def test_a_second_run_is_served_from_the_ledger_and_an_export_can_be_replayed(
    deciding: Deciding, tmp_path: Path
):
    ledger = tmp_path / "l"

    with deciding(spoilt={"clear": "nan"}) as stub:
        first = score(judge_at(stub), ledger=ledger, reask=False)
        second = score(judge_at(stub), ledger=ledger, reask=False)
    with Ledger(ledger) as open_ledger:
        problems, _ = verify(open_ledger), export(open_ledger, tmp_path / "out.jsonl")
    third = score(Replay(tmp_path / "out.jsonl", name=first.outcomes[0].rater), reask=False)

    assert stub.requests == 1
    assert problems == []
    assert first.outcomes == second.outcomes == third.outcomes


def test_a_pair_is_asked_in_both_orders_and_read_without_them(deciding: Deciding):
    item = Item("1", "Hi", {"x": "Hello", "y": "Go away"})
    sheet = sheet_of(load_rubric({"id": "r", "criteria": [POLITE]}).leaves, "compare")
    calls = [replace(sheet.ask(item, view), judge="d") for view in sheet.views(item)]

    with deciding(weights=lambda _, q: [0.7 if option == "A" else 0.15 for option in q["criteria"]]) as stub:
        replies = ask(judge_at(stub), *calls)
    values = [read(call, reply)[0].value for call, reply in zip(calls, replies, strict=True)]

    assert stub.bodies[0]["questions"]["polite"]["criteria"].keys() == {"A", "B", "tie"}
    assert "Which of the two" in stub.bodies[0]["questions"]["polite"]["instructions"]
    assert all(a + b == pytest.approx(1.0) for a, b in pairwise(values))
    assert values[0] == pytest.approx(0.775)


def test_a_judge_is_named_decision_and_what_it_lacks_is_said(monkeypatch: pytest.MonkeyPatch):
    for name in ("TYPESAFE_API_KEY", "HOSTED_VLLM_API_BASE"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(InputError, match=r"'anthropic' answers no decision questions.*hosted_vllm"):
        resolve("decision:anthropic/claude-sonnet-4-5")
    with pytest.raises(InputError, match="TYPESAFE_API_KEY"):
        check(resolve("decision:typesafe/jev"))
    with pytest.raises(InputError, match="HOSTED_VLLM_API_BASE"):
        resolve("decision:hosted_vllm/stub")
    with pytest.raises(InputError, match="decision:provider/model"):
        resolve("decision:stub")
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", "http://127.0.0.1:9")
    assert resolve("decision:hosted_vllm/stub").name == "decision:hosted_vllm/stub"

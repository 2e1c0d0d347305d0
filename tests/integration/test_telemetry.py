"""What OpenTelemetry is told of a run: spans and events as an exporter gets them, and no text unasked."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.cli import main

pytest.importorskip("opentelemetry.sdk", reason="the SDK is not installed: pip install -e '.[dev]'")

from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode

Serving = Callable[..., AbstractContextManager[str]]
RUBRIC = {
    "id": "tone",
    "criteria": [
        {"id": "polite", "text": "GUARDEDrubric Is the response polite?"},
        {"id": "calm", "text": "Is the response calm?"},
    ],
}
ITEMS = [
    {"id": str(n), "task": "GUARDEDtask", "system": "blue", "response": f"GUARDEDresponse {n}"}
    for n in range(3)
]
GUARDED = ("GUARDEDtask", "GUARDEDresponse", "GUARDEDrubric", "GUARDEDreply", "GUARDEDwords")
YES = json.dumps({"rationale": "GUARDEDreply", "label": "yes"})


@dataclass
class Told:
    """What the exporters of the process got."""

    spans: InMemorySpanExporter
    logs: InMemoryLogRecordExporter

    def of_spans(self, name: str) -> list[Any]:
        return [dict(span.attributes).get(name) for span in self.spans.get_finished_spans()]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [dict(each.log_record.attributes) for each in self.logs.get_finished_logs()]

    def all(self) -> str:
        spans = [span.to_json() for span in self.spans.get_finished_spans()]
        return "\n".join([*spans, *(each.to_json() for each in self.logs.get_finished_logs())])


@pytest.fixture(scope="module")
def exporters() -> Told:
    """Exporters on the providers of this process, which are set once."""
    told = Told(InMemorySpanExporter(), InMemoryLogRecordExporter())
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    if not isinstance(_logs.get_logger_provider(), LoggerProvider):
        _logs.set_logger_provider(LoggerProvider())
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(told.spans))
    _logs.get_logger_provider().add_log_record_processor(SimpleLogRecordProcessor(told.logs))
    return told


@pytest.fixture
def told(exporters: Told) -> Iterator[Told]:
    exporters.spans.clear()
    exporters.logs.clear()
    yield exporters
    exporters.spans.clear()


def judge(url: str, **settings) -> jk.Judge:
    return jk.resolve({"judge": f"endpoint:{url}#mock", "name": "far", **settings})


def scored(judges: Any, *, telemetry: str = "on", **options) -> jk.Run:
    return jk.score(ITEMS, RUBRIC, judges, telemetry=telemetry, **{"ledger": None, **options})


def test_a_span_a_request_and_an_event_a_score(serving: Serving, told: Told):
    with serving(text=YES) as url:
        run = scored(judge(url, temperature=0.5, max_tokens=64))
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    spans = told.spans.get_finished_spans()

    assert len(spans) == run.summary["requests"] == 6
    assert {(span.name, span.kind, span.status.status_code) for span in spans} == {
        ("chat mock", SpanKind.CLIENT, StatusCode.UNSET)
    }
    first = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "mock",
        "gen_ai.response.model": "mock-2026-01-01", "gen_ai.output.type": "json",
        "gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 64,
        "gen_ai.usage.input_tokens": 700, "gen_ai.usage.output_tokens": 8,
        "server.address": "127.0.0.1", "server.port": port, "judgekit.judge": "far",
    }  # fmt: skip
    assert first.items() <= dict(spans[0].attributes).items()
    assert sum(told.of_spans("gen_ai.usage.input_tokens")) == run.summary["input_tokens"]
    assert {*told.of_spans("judgekit.call")} == {outcome.call for outcome in run.outcomes}

    records = [each.log_record for each in told.logs.get_finished_logs()]
    assert {record.event_name for record in records} == {"gen_ai.evaluation.result"}
    assert all(record.timestamp for record in records)
    said = [(e["gen_ai.evaluation.name"], e["gen_ai.evaluation.score.value"]) for e in told.events]
    assert said == [(score.name, score.value) for score in run.scores]
    assert [e.get("gen_ai.evaluation.score.label") for e in told.events] == ["yes", "yes", None] * 3
    assert {e["judgekit.system"] for e in told.events} == {"blue"}


def test_names_are_those_of_the_conventions(serving: Serving, told: Told):
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    with serving(text=YES) as url:
        scored(judge(url, temperature=0.5, max_tokens=64, top_p=0.9, seed=1), telemetry="texts")
    names = {n for span in told.spans.get_finished_spans() for n in span.attributes}
    names |= {n for event in told.events for n in event}

    ours = {name for name in names if name.startswith("judgekit.")}
    theirs = {name for name in names - ours if name.startswith("gen_ai.")}
    assert theirs <= known
    assert names - ours - theirs == {"server.address", "server.port"}
    assert {"gen_ai.request.top_p", "gen_ai.request.seed", "gen_ai.evaluation.explanation"} <= theirs


def test_no_text_is_told_unless_texts_are_asked_for(serving: Serving, told: Told):
    with serving(text=YES) as url:
        scored(judge(url))
    without = told.all()
    with serving(text=YES) as url:
        scored(judge(url), telemetry="texts")

    assert [word for word in GUARDED if word in without] == []
    assert {word for word in GUARDED if word in told.all()} == {*GUARDED} - {"GUARDEDwords"}
    *_, asked = json.loads(told.of_spans("gen_ai.input.messages")[-1])
    [answered] = json.loads(told.of_spans("gen_ai.output.messages")[-1])
    assert asked["role"] == "user"
    assert "GUARDEDresponse 2" in asked["parts"][0]["content"]
    assert answered == {
        "role": "assistant", "parts": [{"type": "text", "content": YES}], "finish_reason": "stop"
    }  # fmt: skip
    assert told.events[-2]["gen_ai.evaluation.explanation"] == "GUARDEDreply"


@pytest.mark.parametrize("telemetry", ["on", "texts"])
def test_what_a_server_or_an_error_says_is_a_text_too(telemetry: str, told: Told):
    def broken(call: jk.Call) -> str:
        if call.item.item_id != "0":
            return YES
        raise ValueError(f"GUARDEDwords {call.messages}")

    def failing(call: jk.Call) -> str:
        if call.item.item_id != "0":
            return YES
        raise jk.ProviderError(f"GUARDEDwords {call.messages}", status=400)

    judges = [
        jk.Scripted("broken", broken),
        jk.Scripted("failing", failing),
        jk.Scripted("fine", lambda _: YES),
    ]
    scored(judges, telemetry=telemetry)

    assert ("GUARDEDwords" in told.all()) is (telemetry == "texts")
    assert {*told.of_spans("error.type")} == {"ValueError", "400", None}


@pytest.mark.parametrize(
    ("mode", "fault"),
    [("refusal", "refused"), ("content_filter", "refused"), ("length", "truncated")],
)  # fmt: skip
def test_a_fault_is_an_error_of_the_span_and_of_the_score(
    mode: str, fault: str, serving: Serving, told: Told
):
    with serving(mode=mode) as url, pytest.warns(UserWarning, match="nothing was judged"):
        run = scored(judge(url))
    spans = told.spans.get_finished_spans()

    assert {outcome.reason for outcome in run.outcomes} == {fault}
    assert {span.status.status_code for span in spans} == {StatusCode.ERROR}
    assert {*told.of_spans("error.type")} == {fault}
    assert {event["error.type"] for event in told.events} == {fault}
    assert not [event for event in told.events if "gen_ai.evaluation.score.value" in event]


def test_an_answer_that_cannot_be_read_is_an_error_of_the_score_alone(serving: Serving, told: Told):
    with serving(mode="malformed") as url, pytest.warns(UserWarning, match="nothing was judged"):
        run = scored(judge(url))

    assert len(told.events) == len(run.scores) == 9
    assert {event["error.type"] for event in told.events} == {"malformed"}
    assert [len(event["judgekit.abstained"]) for event in told.events] == [1, 1, 2] * 3
    assert {*told.of_spans("error.type")} == {None}
    assert {*told.of_spans("judgekit.attempt")} == {1, 2}


def test_of_a_panel_that_partly_abstained_a_score_has_its_value_and_the_reasons(told: Told):
    judges = [jk.Scripted("fine", lambda _: YES), jk.Scripted("mute", lambda _: "I would rather not say.")]
    scored(judges)

    assert {event["gen_ai.evaluation.score.value"] for event in told.events} == {1.0}
    assert not [event for event in told.events if "error.type" in event]
    assert [event["judgekit.abstained"] for event in told.events][:2] == [("malformed",)] * 2


def test_a_request_that_is_tried_again_is_a_span_of_its_own(serving: Serving, told: Told):
    with serving(text=YES, too_many=0.5, seed=3) as url:
        run = scored(judge(url))
    kinds = told.of_spans("error.type")

    assert len(kinds) == run.summary["requests"] > 6
    assert kinds.count(None) == 6
    assert {*kinds} == {None, "429"}


def test_a_request_without_an_answer_in_time_is_an_error(serving: Serving, told: Told):
    limits = jk.Limits(attempt_seconds=0.2, tries=1)
    with serving(mode="hang") as url, pytest.warns(UserWarning, match="nothing was judged"):
        scored(judge(url), limits=limits)

    assert {*told.of_spans("error.type")} == {"timeout"}
    assert {event["error.type"] for event in told.events} == {"unreachable"}


def test_what_the_ledger_answers_is_no_request_and_is_scored_all_the_same(
    serving: Serving, told: Told, tmp_path: Path
):
    with serving(text=YES) as url:
        scored(judge(url), ledger=tmp_path / "ledger.sqlite")
        before = told.events
        told.spans.clear()
        told.logs.clear()
        scored(judge(url), ledger=tmp_path / "ledger.sqlite")

    assert told.spans.get_finished_spans() == ()
    assert told.events == before


def test_controls_are_rules_and_no_model_is_asked(told: Told):
    run = scored("control:longer")

    assert told.spans.get_finished_spans() == ()
    assert len(told.events) == len(run.scores)


def test_the_span_around_a_verb_is_the_parent_and_a_judge_is_asked_within_its_own(told: Told):
    within: list[str] = []

    def answer(_: jk.Call) -> str:
        within.append(format(trace.get_current_span().get_span_context().span_id, "x"))
        return YES

    with trace.get_tracer("test").start_as_current_span("nightly") as nightly:
        scored(jk.Scripted("near", answer))
    around = nightly.get_span_context()
    *spans, last = told.spans.get_finished_spans()

    assert last.name == "nightly"
    assert {span.parent.span_id for span in spans} == {around.span_id}
    assert sorted(within) == sorted(format(span.context.span_id, "x") for span in spans)
    assert {(span.name, span.kind) for span in spans} == {("chat near", SpanKind.INTERNAL)}
    assert {each.log_record.span_id for each in told.logs.get_finished_logs()} == {around.span_id}


def test_scores_belong_to_the_span_that_an_item_names(told: Told):
    made_in = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    tags = {"traceparent": made_in, "gen_ai.response.id": "chatcmpl-7"}
    jk.score([{**ITEMS[0], "tags": tags}, ITEMS[1]], RUBRIC, lambda _: True, ledger=None, telemetry="on")

    ids = [
        (format(each.log_record.trace_id or 0, "032x"), format(each.log_record.span_id or 0, "016x"))
        for each in told.logs.get_finished_logs()
    ]
    assert ids[:3] == [tuple(made_in.split("-")[1:3])] * 3
    assert made_in.split("-")[1] not in {trace_id for trace_id, _ in ids[3:]}
    assert [event.get("gen_ai.response.id") for event in told.events] == ["chatcmpl-7"] * 3 + [None] * 3


def test_pairs_and_streams_are_told_alike(told: Told):
    items = [{"id": "1", "task": "Hi", "responses": {"x": "Hello.", "y": "What?"}}]
    run = jk.compare(items, RUBRIC, lambda _: "A", ledger=None, telemetry="on")
    list(jk.stream_scores(ITEMS, RUBRIC, lambda _: True, ledger=None, telemetry="on"))

    assert len(told.events) == len(run.scores) + 9
    assert told.events[0]["judgekit.responses"] == ("x", "y")
    assert told.of_spans("judgekit.shown")[:2] == [("x", "y"), ("y", "x")]


def test_rewards_are_told_too(told: Told):
    spec = {"rubric": RUBRIC, "telemetry": "on"}
    groups = [jk.rewards.Group("g", "Hi", {"a": "sorry", "b": "no"})]
    kind = jk.Scripted(
        "kind", lambda call: "yes" if "sorry" in str(call.messages) else "I cannot tell at all"
    )
    batch = jk.rewards.Rewarder({**spec, "max_failed": 1}, kind).reward(groups)

    assert [(e["judgekit.responses"], e.get("gen_ai.evaluation.score.value")) for e in told.events] == [
        (("a",), batch["g", "a"].value), (("b",), None)
    ]  # fmt: skip
    assert told.events[1]["error.type"] == "failed"
    assert {*told.of_spans("judgekit.judge")} == {"kind"}


def test_the_command_line_tells_it(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("items.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in ITEMS), encoding="utf-8")
    Path("rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    asked = ["score", "items.jsonl", "-r", "rubric.json", "-j", "control:longer", "--ledger", "none", "-q"]
    for telemetry, n in (("on", 9), ("off", 0)):
        told.logs.clear()
        with pytest.raises(SystemExit) as left:
            main([*asked, "--telemetry", telemetry])

        assert (left.value.code, len(told.events)) == (0, n)


def test_a_word_that_is_no_way_to_tell_it_is_refused():
    with pytest.raises(jk.InputError, match="telemetry='loud'; there are off, on, texts"):
        scored("control:longer", telemetry="loud")
    with pytest.raises(jk.InputError, match="telemetry"):
        scored("control:longer", telemetry=True)


ONE = """
import sys, warnings
import judgekit as jk
warnings.simplefilter("always")
{before}
run = jk.score([{{"id": "1", "task": "Hi", "response": "Hello"}}], "instruction_following", lambda _: True,
    ledger=None{option})
print([score.value for score in run.scores], sorted(name for name in sys.modules if "opentelemetry" in name))
"""


def ran(option: str = "", before: str = "") -> tuple[str, str]:
    code = ONE.format(option=option, before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def test_off_imports_nothing():
    out, _ = ran()
    on, _ = ran(", telemetry='on'")

    assert out.rstrip().endswith(" []")
    assert "'opentelemetry.trace'" in on
    assert "opentelemetry.sdk" not in on


def test_without_an_sdk_it_is_said_and_the_run_is_the_same():
    out, err = ran(", telemetry='on'")

    assert out.startswith(ran()[0].partition(" ")[0])
    assert "no OpenTelemetry SDK is set up in this process for its spans and evaluation events" in err


def test_where_it_is_not_installed_that_is_said_before_any_call():
    _, err = ran(", telemetry='on'", "sys.modules['opentelemetry'] = None")

    assert "InputError: telemetry needs OpenTelemetry" in err
    assert "pip install 'opentelemetry-api>=1.38'" in err


def test_an_exporter_that_fails_is_no_failure_of_the_run(told: Told, monkeypatch, caplog):
    def down(_: object) -> None:
        raise OSError("no collector")

    monkeypatch.setattr(told.spans, "export", down)
    monkeypatch.setattr(told.logs, "export", down)
    caplog.set_level(logging.CRITICAL)

    assert {score.value for score in scored(lambda _: True).scores} == {1.0}

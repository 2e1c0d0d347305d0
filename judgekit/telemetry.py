"""OpenTelemetry: a span for each request to a judge, an event for each score, by its GenAI conventions.

The conventions are those of open-telemetry/semantic-conventions-genai, in development as of November 2026;
what they have no word for is called `judgekit.`. Where spans and events go is the business of the process:
they are handed to the tracer and the logger provider that are set in it. No prompt, reply, rationale or
message of an error is in them unless texts are asked for. Nothing of OpenTelemetry is imported before.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from judgekit.errors import InputError, ProviderError, there_are
from judgekit.roles import Judge
from judgekit.run.send import Ask
from judgekit.types import Call, Judged, Reply, Score, Verdict, is_control

How = Literal["off", "on", "texts"]
HOWS: Final = ("off", "on", "texts")
RESULT: Final = "gen_ai.evaluation.result"
TRACEPARENT: Final = "traceparent"
"""The tag of an item that names the span its response was made in (W3C): its scores belong to that span."""
RESPONSE_ID: Final = "gen_ai.response.id"
"""The tag of an item that names its response as the provider did."""
_PROVIDERS: Mapping[str, str] = {
    "azure": "azure.ai.openai", "azure_ai": "azure.ai.inference", "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini", "mistral": "mistral_ai", "moonshot": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai", "watsonx": "ibm.watsonx.ai", "xai": "x_ai",
}  # fmt: skip
_SETTINGS: Mapping[str, str] = {
    name: f"gen_ai.request.{name}"
    for name in (
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "frequency_penalty",
        "presence_penalty",
        "seed",
    )
} | {"max_completion_tokens": "gen_ai.request.max_tokens"}
_FINISHED = {None: "stop", "truncated": "length", "refused": "content_filter"}


def telemetry_of(how: How, say: Callable[[str], None]) -> "Telemetry | None":
    """Return what tells OpenTelemetry of a run; None where it is off.

    `say` is told where no provider is set in this process, so that all of it would go nowhere.

    Raises `InputError` for another word, and where OpenTelemetry is not installed.
    """
    if how not in HOWS:
        raise InputError(f"telemetry={how!r}; {there_are(str(how), HOWS)}")
    return None if how == "off" else Telemetry(texts=how == "texts", say=say)


class Telemetry:
    """Tells the tracer and the logger of this process of requests and of scores."""

    def __init__(self, *, texts: bool, say: Callable[[str], None]) -> None:
        try:
            from opentelemetry import _logs, trace
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise InputError(
                f"telemetry needs OpenTelemetry ({error}): pip install 'opentelemetry-api>=1.38' (the extra "
                "otel), and an SDK with an exporter; or leave it off"
            ) from None
        from judgekit import __version__

        self._texts = texts
        self._trace = trace
        self._tracer = trace.get_tracer("judgekit", __version__)
        self._logger = _logs.get_logger("judgekit", __version__)
        self._context_of = TraceContextTextMapPropagator().extract
        nowhere = [
            what
            for what, provider in (
                ("spans", trace.get_tracer_provider()), ("evaluation events", _logs.get_logger_provider())
            )
            if type(provider).__name__.startswith(("Proxy", "NoOp"))
        ]  # fmt: skip
        if nowhere:
            say(
                f"telemetry is on, but no OpenTelemetry SDK is set up in this process for its "
                f"{' and '.join(nowhere)}, so they go nowhere; see `judgekit guide telemetry`"
            )

    def around(self, ask: Ask) -> Ask:
        """Return a function that asks as `ask` does, within a span; controls are rules and have none."""
        kinds, status = self._trace.SpanKind, self._trace.Status

        async def asked(judge: Judge, call: Call) -> Reply:
            if is_control(judge.name):
                return await ask(judge, call)
            about = asked_about(judge, call)
            kind = kinds.INTERNAL if about["gen_ai.provider.name"] == "judgekit" else kinds.CLIENT
            with self._tracer.start_as_current_span(
                f"chat {about['gen_ai.request.model']}", kind=kind, attributes=about,
                record_exception=False, set_status_on_exception=False,  # a server's words may hold the prompt
            ) as span:  # fmt: skip
                wrong, words = "", ""
                try:
                    reply = await ask(judge, call)
                    span.set_attributes(answered(reply))
                    wrong, words = reply.fault or "", reply.detail
                except BaseException as error:
                    wrong, words = kind_of_error(error), str(error)
                    raise
                finally:
                    if wrong:
                        span.set_attribute("error.type", wrong)
                        code = self._trace.StatusCode.ERROR
                        span.set_status(status(code, words if self._texts else None))
                if self._texts and span.is_recording():
                    span.set_attributes(_texts(call, reply))
            return reply

        return asked

    def judged(self, judged: Judged) -> None:
        """Tell of the scores of an item."""
        for score in judged.scores:
            label, words = _said(judged, score)
            about: dict[str, Any] = {
                "judgekit.level": score.level,
                "judgekit.responses": score.unit.responses,
                "judgekit.verdicts": score.n_verdicts,
                **_there(part=score.unit.part, system=score.system, gate=score.gate),
                **_there(low=score.low, high=score.high),
            }
            reasons = [reason for reason, n in score.n_abstained.items() for _ in range(n)]
            if reasons:
                about["judgekit.abstained"] = reasons
            wrong = max(reasons, key=reasons.count) if reasons else "withheld"
            self.evaluated(
                score.name, judged.item.item_id, judged.item.tags, value=score.value, wrong=wrong,
                label=label, words=words, about=about,
            )  # fmt: skip

    def evaluated(
        self,
        name: str,
        item_id: str,
        tags: Mapping[str, str],
        *,
        value: float | None,
        wrong: str,
        label: str = "",
        words: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell of one value of an item's response; `wrong` is the kind of error where there is none."""
        attributes: dict[str, Any] = {"gen_ai.evaluation.name": name, "judgekit.item_id": item_id}
        if value is None:
            attributes["error.type"] = wrong
        else:
            attributes["gen_ai.evaluation.score.value"] = value
        if label:
            attributes["gen_ai.evaluation.score.label"] = label
        if words and self._texts:
            attributes["gen_ai.evaluation.explanation"] = words
        if RESPONSE_ID in tags:
            attributes[RESPONSE_ID] = tags[RESPONSE_ID]
        made_in = tags.get(TRACEPARENT)
        context = None if made_in is None else self._context_of({TRACEPARENT: made_in})
        self._logger.emit(
            event_name=RESULT,
            timestamp=time.time_ns(),
            context=context,
            attributes=attributes | dict(about or {}),
        )


def asked_about(judge: Judge, call: Call) -> dict[str, Any]:
    """Return what a span says of a request before it is made: who is asked, and about what.

    The provider is the one that a litellm name begins with, `openai` for a server that is spoken to in
    OpenAI's protocol, and `judgekit` for what answers within this process.

    >>> from judgekit import resolve
    >>> call = Call("j", (), "grade", (), key="k2:1")
    >>> made = asked_about(resolve("endpoint:http://localhost:8000/v1#qwen3"), call)
    >>> [made[name] for name in ("gen_ai.provider.name", "gen_ai.request.model", "server.port")]
    ['openai', 'qwen3', 8000]
    """
    identity = judge.identity
    adapter = str(identity.get("adapter", "")).partition("/")[0]
    model = str(identity.get("model", judge.name))
    provider = "judgekit"
    if adapter == "endpoint":
        provider = "openai"
    elif adapter in {"litellm", "decision"}:
        first, _, rest = model.partition("/")
        provider, model = _PROVIDERS.get(first, first), rest or model
    elif "model" not in identity or adapter == "local":
        model = judge.name
    about = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.output.type": "text" if call.schema is None else "json",
        **{word: identity[name] for name, word in _SETTINGS.items() if _is_number(identity.get(name))},
        "judgekit.judge": judge.name,
        "judgekit.protocol": call.protocol,
        "judgekit.criteria": list(dict.fromkeys(ask.criterion for ask in call.asks)),
        "judgekit.shown": call.shown,
        "judgekit.sample": call.sample,
        "judgekit.attempt": call.attempt,
        **_there(call=call.key, item_id=call.asks[0].unit.item_id if call.asks else ""),
    }
    if address := getattr(judge, "address", ""):
        from yarl import URL

        url = URL(address)
        about |= {"server.address": url.host, "server.port": url.port} if url.host and url.port else {}
    return about


def answered(reply: Reply) -> dict[str, Any]:
    """Return what a span says of a reply."""
    named = {
        "gen_ai.response.model": reply.model or None,
        "gen_ai.usage.input_tokens": reply.input_tokens,
        "gen_ai.usage.output_tokens": reply.output_tokens,
        "judgekit.cost_usd": reply.cost_usd,
    }
    return {name: value for name, value in named.items() if value is not None}


def kind_of_error(error: BaseException) -> str:
    """Return the kind of an error, of which there are few: a status, `timeout`, `unreachable`, or its class.

    >>> kind_of_error(ProviderError("", status=429)), kind_of_error(TimeoutError()), kind_of_error(OSError())
    ('429', 'timeout', 'OSError')
    """
    if isinstance(error, ProviderError):
        return "unreachable" if error.status is None else str(error.status)
    return "timeout" if isinstance(error, TimeoutError) else type(error).__qualname__


def _texts(call: Call, reply: Reply) -> dict[str, str]:
    """Return what was asked and answered, as the conventions write it on a span: JSON."""

    def message(role: str, text: str, **more: str) -> dict[str, Any]:
        return {"role": role, "parts": [{"type": "text", "content": text}], **more}

    asked = [message(each.role, each.content) for each in call.messages]
    finished = _FINISHED.get(reply.fault, "error")
    said = [message("assistant", reply.text, finish_reason=finished)]
    return {
        "gen_ai.input.messages": json.dumps(asked, ensure_ascii=False),
        "gen_ai.output.messages": json.dumps(said, ensure_ascii=False),
    }


def _said(judged: Judged, score: Score) -> tuple[str, str]:
    """Return the label of a criterion's score, where all its verdicts say the same; and their rationales."""
    if score.level != "criterion":
        return "", ""
    verdicts = [
        each
        for each in judged.outcomes
        if isinstance(each, Verdict) and each.unit == score.unit and each.criterion == score.name
    ]
    labels = {verdict.label for verdict in verdicts}
    several = len({verdict.rater for verdict in verdicts}) > 1
    words = (f"{v.rater}: {v.rationale}" if several else v.rationale for v in verdicts if v.rationale)
    return labels.pop() if len(labels) == 1 and score.value is not None else "", "\n".join(words)


def _there(**values: Any) -> dict[str, Any]:
    return {f"judgekit.{name}": value for name, value in values.items() if value not in {None, ""}}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""A decision model: typed questions in, probabilities out, and no words.

A call becomes one state, its prompt without criteria and form, and a named question for each criterion, in
the words that a chat judge is shown: `noul` (yes or no), `score` (up to ten ordered levels) or `choice`. What
goes beyond the limit of a request is asked in further ones. Its twin among chat judges is the form `letters`
with one criterion a call: run both on the same items and compare their outcomes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from types import ModuleType
from typing import Any, TypeVar

from pydantic import ValidationError

from judgekit.errors import InputError
from judgekit.judges import wire
from judgekit.judges.litellm import LiteLLM, prices_in
from judgekit.plan import check_scales
from judgekit.roles import Request
from judgekit.rubric.model import describe
from judgekit.scales import PAIR, Labels, Scale
from judgekit.types import Ask, Call, Reply

MOST_LEVELS = 10
MOST_OPTIONS = 255
_UNTOLD = "The material does not let one tell."
_WHICH = "Which of the two responses is better by it?"


@dataclass(frozen=True, slots=True)
class Question:
    """One typed question as it is sent, and its options as the scale spells them, in the order asked."""

    labels: tuple[str, ...]
    body: Mapping[str, Any]

    def pairs(self, answer: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
        """Return (label, probability) as the model gave them, right or wrong, labels or not."""
        if self.body["type"] == "noul":
            no, yes = self.labels
            return (no, 1.0 - answer["noul"]), (yes, answer["noul"])
        given: Mapping[str, float] = answer["probabilities"]
        if self.body["type"] == "choice":
            return tuple(given.items())
        by_index = {str(i): label for i, label in enumerate(self.labels)}
        return tuple((by_index.get(index, index), p) for index, p in given.items())


def refuses(scale: Scale) -> str | None:
    """Return why a scale cannot be a typed question; None if it can."""
    if not isinstance(scale, Labels):
        return f"a decision model chooses among labels, and {describe(scale)} has none"
    if scale == PAIR:
        return "a decision model gives no order of responses; compare them in pairs"
    n = len(scale.labels)
    if scale.kind != "nominal" and n > MOST_LEVELS:
        return f"a decision model takes at most {MOST_LEVELS} ordered labels, and it has {n}"
    if n + bool(scale.cannot_tell) > MOST_OPTIONS:
        return f"a decision model takes at most {MOST_OPTIONS} options, and it has {n}"
    return None


def questions_of(call: Call) -> tuple[str, dict[str, Question]]:
    """Return the state of a call, and a question by name for each ask, whose scale is not refused."""
    names = [ask.criterion for ask in call.asks]
    if len(set(names)) < len(names):
        names = [str(i) for i in range(len(names))]
    return _state(call), {name: _question(ask, call) for name, ask in zip(names, call.asks, strict=True)}


def _state(call: Call) -> str:
    if call.sheet is not None and call.material is not None:
        return call.sheet.bare(call.material)
    return "\n\n".join(message.content for message in call.messages)


def _question(ask: Ask, call: Call) -> Question:
    scale, text = ask.scale, ask.text or f"Criterion `{ask.criterion}`, as it is described there."
    labels = scale.labels if isinstance(scale, Labels) else ()
    if call.meant:  # which of two is better
        options = {label: f"Response {label}" for label in labels} | (
            {"tie": "Neither"} if "tie" in labels else {}
        )
        return _choice(f"{text}\n{_WHICH}", options)
    if scale.cannot_tell:
        return _choice(text, {**dict.fromkeys(labels), scale.cannot_tell: _UNTOLD})
    if scale.kind == "nominal":
        return _choice(text, dict.fromkeys(labels))
    if len(labels) == 2:
        criteria: Any = {"true": f"The label is: {labels[1]}", "false": f"The label is: {labels[0]}"}
        return Question(labels, {"type": "noul", "instructions": text, "criteria": criteria})
    return Question(labels, {"type": "score", "instructions": text, "criteria": list(labels)})


def _choice(text: str, options: Mapping[str, str | None]) -> Question:
    body = {"type": "choice", "instructions": text, "criteria": dict(options)}
    return Question(tuple(options), body)


MOST_QUESTIONS = 128
"""What litellm lets one request ask."""

Number = TypeVar("Number", int, float)
_OWN = frozenset({"state", "questions", "input", "images", "assets", "audio", "videos"})


class Decision(LiteLLM):
    """A decision model of any provider that litellm asks typed questions.

    A call counts as one request for the runner's rates, whatever `chunk` makes of it. Requests that went well
    before one that failed are not made again when the call is tried again. Options are those of `LiteLLM`,
    and:

    Args:
        name: The rater's name; `decision:` and the model if None, since a chat judge may have the same.
        extra: More arguments of `litellm.asystemone` (`safety_identifier`, ...).
        chunk: Questions a request, at most 128. Part of the identity, since questions asked together may
            colour one another.

    >>> judge = Decision("hosted_vllm/nimble", api_base="http://localhost:8000")
    >>> judge.identity
    {'adapter': 'decision/1', 'model': 'hosted_vllm/nimble', 'address': 'http://localhost:8000', 'chunk': 128}
    >>> judge.with_(chunk=1, name="one by one")
    Decision('hosted_vllm/nimble', name='one by one')
    """

    def __init__(
        self,
        model: str,
        *,
        name: str | None = None,
        extra: Mapping[str, Any] | None = None,
        chunk: int = MOST_QUESTIONS,
        **options: Any,
    ) -> None:
        if stray := sorted(_OWN & (extra or {}).keys()):
            raise InputError(f"extra sets {stray}, which are the call's; leave them out")
        if not 1 <= chunk <= MOST_QUESTIONS:
            raise InputError(f"chunk is {chunk!r}; a request holds 1 to {MOST_QUESTIONS} questions")
        self._chunk = chunk
        unused: dict[str, Any] = dict.fromkeys(("temperature", "max_tokens", "top_p", "seed"))
        super().__init__(model, name=name, extra=extra, **unused, **options)
        own = {option: value for option, value in self._options.items() if option not in unused}
        self._options = {**own, "chunk": chunk}
        self.name = name or f"decision:{model}"
        # It writes no text; but a judge that writes nothing at all passes for a rule, which reads nothing.
        self.max_tokens = 1
        self._begun: dict[str, list[Reply]] = {}  # of calls that ended half-way, by their key

    def _identity(self, name: str | None, revision: str | None) -> dict[str, Any]:
        return {**super()._identity(name, revision), "adapter": "decision/1", "chunk": self._chunk}

    def refuses(self, scale: Scale) -> str | None:
        """Return why it cannot be asked on a scale; None if it can."""
        return refuses(scale)

    def check(self) -> None:
        """See that the provider answers decision questions, and its key and address are there."""
        super().check()
        if (litellm := self._litellm) is not None:
            bare, provider, config = self._asked_of(litellm)
            if config.resolve_api_base(self._api_base) is None:
                raise InputError(
                    f"{self!r} has no address: give api_base, or set {' or '.join(config.api_base_env)}"
                )
            self._prices = prices_in(litellm.model_cost, self.model, bare, provider, decisions=True)

    def _missing(self, litellm: ModuleType) -> list[str]:
        """Return the variables that may hold the key, where one is needed and none does."""
        _, _, config = self._asked_of(litellm)
        wanting = config.api_key_required and not config.resolve_api_key(None)
        return list(config.api_key_env) if wanting else []

    def _asked_of(self, litellm: ModuleType) -> tuple[str, str, Any]:
        """Return the model's bare name, its provider, and how litellm puts decision questions to that."""
        if not hasattr(litellm, "asystemone"):
            raise InputError(f"{self!r}: this litellm asks no decision questions; install 1.106.2")
        from litellm.decisions.call import supported_decisions_providers
        from litellm.utils import ProviderConfigManager

        bare, provider, _, _ = litellm.get_llm_provider(model=self.model, api_base=self._api_base)
        if provider not in (known := supported_decisions_providers()):
            raise InputError(
                f"{self!r}: {provider!r} answers no decision questions through litellm; these do: "
                f"{', '.join(known)}"
            )
        config = ProviderConfigManager.get_provider_decisions_config(bare, litellm.LlmProviders(provider))
        return bare, provider, config

    async def deferred(self, call: Call, /) -> Request:  # noqa: ARG002 - as of judges of words
        """Raise an InputError: questions of decision models go by a way that batches do not know."""
        raise InputError(f"{self!r}: there are no batches of decisions")

    async def __call__(self, call: Call, /) -> Reply:
        """Ask all of a call's questions, in as many requests as they take; none of one that was not read."""
        check_scales(self, ((ask.criterion, ask.scale) for ask in call.asks))
        litellm = self._litellm
        if litellm is None:
            raise InputError(f"{self!r} is not open; ask within `async with judge:`")
        state, questions = questions_of(call)
        names = list(questions)
        replies = self._begun.pop(call.key, [])
        for start in range(len(replies) * self._chunk, len(names), self._chunk):
            part = {name: questions[name] for name in names[start : start + self._chunk]}
            replies.append(await self._asked(litellm, state, part))
            if replies[-1].fault is not None:
                break
            if call.key:
                self._begun[call.key] = list(replies)
        self._begun.pop(call.key, None)
        return merged(replies)

    async def _asked(
        self,
        litellm: ModuleType,
        state: str,
        questions: Mapping[str, Question],
        unread: frozenset[str] = frozenset(),
    ) -> Reply:
        """Return the reply to one request, made once more without the questions whose answers were `unread`.

        litellm reads the answers to a request all or none, so one that is malformed hides the others.
        """
        left = {name: question for name, question in questions.items() if name not in unread}
        detail = f"no probabilities could be read on {sorted(unread)}" if unread else ""
        if not left:
            return Reply(detail=detail, decisions=((),) * len(questions))
        started = perf_counter()
        try:
            got = await litellm.asystemone(
                model=self.model,
                state=state,
                questions={name: dict(question.body) for name, question in left.items()},
                api_base=self._api_base,
                api_key=self._key or None,
                num_retries=0,
                max_retries=0,
                drop_params=False,
                **self._settings,
            )
        except self._lost as error:
            more = _unread(error, list(left))
            if more is None:
                return self._refusal(litellm, error, {})
            return await self._asked(litellm, state, questions, frozenset(questions) if unread else more)
        seconds = perf_counter() - started
        answers = got.model_dump(warnings=False)["answers"]
        usage = {} if unread else _tokens(got.usage)  # what was unread was paid for too
        asked = {"messages": [{"content": state}, {"content": repr(left)}], "max_tokens": 64 * len(left)}
        price = self._price_of(got)
        read, written, cost = wire.spent_of(usage, "", sent=asked, price=price, noted=self.noted)
        return Reply(
            detail=self._keys.out_of(detail),
            model=self._keys.out_of(got.model or ""),
            input_tokens=read,
            output_tokens=written,
            cost_usd=cost,
            seconds=seconds,
            decisions=tuple(
                question.pairs(answers[name]) if name in answers else ()
                for name, question in questions.items()
            ),
        )


def merged(replies: Sequence[Reply]) -> Reply:
    """Return the replies to parts of one call as one; what is unknown of one is unknown of all."""
    if len(replies) < 2:
        return replies[0] if replies else Reply()
    last = replies[-1]
    return Reply(
        fault=last.fault,
        detail="; ".join(dict.fromkeys(reply.detail for reply in replies if reply.detail)),
        model=last.model or replies[0].model,
        input_tokens=_sum([reply.input_tokens for reply in replies]),
        output_tokens=_sum([reply.output_tokens for reply in replies]),
        cost_usd=_sum([reply.cost_usd for reply in replies]),
        seconds=_sum([reply.seconds for reply in replies]),
        decisions=() if last.fault else tuple(one for reply in replies for one in reply.decisions),
    )


def _sum(numbers: Sequence[Number | None]) -> Number | None:
    """Return the sum; None if one is unknown."""
    known = [number for number in numbers if number is not None]
    return sum(known[1:], known[0]) if len(known) == len(numbers) else None


def _tokens(usage: Any) -> dict[str, Any]:
    """Return tokens read and written; unknown where litellm, which fills in zeros, was told nothing."""
    if usage is None or not (usage.input_tokens or usage.output_tokens):
        return {}
    return {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}


def _unread(error: BaseException, names: Sequence[str]) -> frozenset[str] | None:
    """Return the questions whose answers in a 2xx litellm could not read; None if that was not it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ValidationError):
        cause = cause.__cause__ or cause.__context__  # litellm raises some where it means to return them
    if cause is None or not cause.title.endswith("Response"):  # a request that it would not send, say
        return None
    places = [each["loc"] for each in cause.errors(include_url=False, include_input=False)]
    if not all(len(place) > 1 and place[0] == "answers" for place in places):
        return frozenset(names)
    said = (place[1] for place in places)  # a name; in OpenAI's protocol a number
    return frozenset(names[each] if isinstance(each, int) else each for each in said)


def parse_decision(spec: str) -> Decision:
    """Return the judge that `decision:provider/model` names."""
    kind, _, model = spec.partition(":")
    if kind != "decision" or "/" not in model:
        raise InputError(f"judge {spec!r}: a decision model is named decision:provider/model")
    return Decision(model)

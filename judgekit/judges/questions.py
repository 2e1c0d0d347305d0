"""A call as typed questions: what a decision model is asked instead of words.

A decision model is shown one state and answers named questions about it by probabilities: `noul` (yes
or no), `score` (ordered levels, ten at most), `choice` (one of many options). The state is the call's
prompt without the criteria and without the form of an answer in words, so the material stands in its
fences and what the fences mean before it; each criterion becomes a question in the words that a chat
judge is shown.

In a prompt made by hand, which says no criteria apart, the state is the whole prompt and a question names
its criterion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from judgekit.rubric.model import describe
from judgekit.scales import PAIR, Labels, Scale
from judgekit.types import Ask, Call

MOST_LEVELS = 10
MOST_OPTIONS = 255
_UNTOLD = "The material does not let one tell."
_WHICH = "Which of the two responses is better by it?"


@dataclass(frozen=True, slots=True)
class Question:
    """One typed question.

    Args:
        labels: The options, as the scale spells them, in the order asked.
        body: The question as it is sent.
    """

    labels: tuple[str, ...]
    body: Mapping[str, Any]

    def pairs(self, answer: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
        """(label, probability) as the model gave them, right or wrong; what is no label stays as it is.

        >>> levels = Question(("bad", "good"), {"type": "score"})
        >>> levels.pairs({"type": "score", "probabilities": {"0": 0.3, "1": 0.6, "7": 0.1}})
        (('bad', 0.3), ('good', 0.6), ('7', 0.1))
        """
        if self.body["type"] == "noul":
            no, yes = self.labels
            return (no, 1.0 - answer["noul"]), (yes, answer["noul"])
        given: Mapping[str, float] = answer["probabilities"]
        if self.body["type"] == "choice":
            return tuple(given.items())
        by_index = {str(i): label for i, label in enumerate(self.labels)}
        return tuple((by_index.get(index, index), p) for index, p in given.items())


def refuses(scale: Scale) -> str | None:
    """Why a scale cannot be a typed question; None if it can.

    >>> from judgekit.scales import YES_NO, Numbers
    >>> refuses(YES_NO), refuses(Numbers(low=0, high=100))
    (None, 'a decision model chooses among labels, and a number from 0 to 100 has none')
    """
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
    """The state of a call, and a question for each ask by its name, in order.

    Every scale must be one that `refuses` lets pass.
    """
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

"""Controls: raters that are rules, cost nothing and need no prompt.

A judge that does not beat them adds nothing to them. A rule gives a place on [0, 1], and the label nearest to
it on the criterion's scale is said. Where it has nothing to go by, such as no reference, it gives no label,
which reads as an abstention. Of a pair, a rule about one response says which of the two it puts higher.
"""

import json
import math
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from rapidfuzz.distance import LCSseq

from judgekit.errors import InputError, there_are
from judgekit.prompt import flat
from judgekit.protocols.rank import RANK
from judgekit.scales import Labels, Numbers, Scale, fold, plain_number
from judgekit.types import Call, Item, Reply, Unit

Metric = Callable[[str, str], float | None]
"""From a response and a reference to a value on [0, 1]."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MOST = 100_000_000  # words of a response times words of its reference
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_metric(response: str, reference: str) -> float:
    """Return 1 if both are the same text, case, blanks and compatibility forms aside."""
    return float(fold(response) == fold(reference))


def contains_metric(response: str, reference: str) -> float:
    """Return 1 if the reference stands in the response, case, blanks and compatibility forms aside."""
    return float(fold(reference) in fold(response))


def f1_metric(response: str, reference: str) -> float:
    """Return the F1 of the words both share, without case, ASCII punctuation and English articles.

    As the script of Rajpurkar et al. (2016), arXiv 1606.05250: where one side has no word, 1 if neither has,
    else 0.

    >>> round(f1_metric("The cat sat.", "a cat sat down"), 3)
    0.8
    """
    ours, theirs = _squad_words(response), _squad_words(reference)
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


def rouge_metric() -> Metric:
    """Return ROUGE-L F1 without stemming, on the words of the package rouge-score (a-z and 0-9 only).

    It is None where the reference has none, or both have more than 10,000. What they share is found by
    rapidfuzz, since the package takes seconds for what that does in milliseconds.
    """
    try:
        from rouge_score.tokenize import tokenize
    except ImportError:
        raise InputError(_MISSING.format("rouge_l", "rouge-score")) from None

    def rouge_l(response: str, reference: str) -> float | None:
        ours, theirs = tokenize(response, None), tokenize(reference, None)
        if not theirs or len(ours) * len(theirs) > _MOST:
            return None
        return 2 * LCSseq.similarity(ours, theirs) / (len(ours) + len(theirs))

    return rouge_l


def chrf_metric() -> Metric:
    """Return chrF (characters up to 6, beta 2) by the package sacrebleu, divided by 100."""
    try:
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise InputError(_MISSING.format("chrf", "sacrebleu")) from None
    scorer = CHRF()

    def chrf(response: str, reference: str) -> float:
        return min(1.0, float(scorer.sentence_score(response, [reference]).score) / 100)

    return chrf


_MISSING = "control:{0} needs the package {1}; install judgekit with the extra 'lexical'"


def _squad_words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


Rule = Callable[[Call, Unit, str, Scale], str | None]
"""From a call, one unit and criterion it asks about, and the scale, to a label; None for none."""

LONG = 2000  # characters; what a response is measured against where there is nothing else
_WORDS = {"worst": 0.0, "middle": 0.5, "best": 1.0}


@dataclass(frozen=True, slots=True)
class Control:
    """A rule as a judge, named `control:` and the rule, with its argument."""

    name: str
    rule: Rule
    systems: tuple[str, ...] = ()
    identity: Mapping[str, Any] = field(default_factory=dict, init=False)  # empty: never stored
    max_tokens: int | None = field(default=0, init=False)

    async def __call__(self, call: Call, /) -> Reply:
        """Return the rule's label on each ask: JSON by its name, an order of letters, or a letter."""
        if call.protocol == RANK.name:
            return Reply(json.dumps({"ranking": self._order(call)}), model=self.name, cost_usd=0.0)
        said = {
            ask.called: label
            for ask in call.asks
            if (label := self.rule(call, ask.unit, ask.criterion, ask.scale)) is not None
        }
        if call.letters:
            letters = [letter for letter, label in call.letters if label in said.values()]
            certain = tuple((letter, 0.0) for letter in letters)
            return Reply("".join(letters), logprobs=certain, model=self.name, cost_usd=0.0)
        # The name keeps the reply from being taken for a quotation of a text that holds the same JSON.
        entries = {key: {"label": label, "rationale": self.name} for key, label in said.items()}
        return Reply(json.dumps(entries, ensure_ascii=False), model=self.name, cost_usd=0.0)

    def _order(self, call: Call) -> list[list[str]]:
        """Return letters of a ranking, best first, by the pairs the rule gives them; equal ones together."""
        won = dict.fromkeys(call.shown, 0.0)
        for ask in call.asks:
            label = self.rule(call, ask.unit, ask.criterion, ask.scale)
            value = ask.scale.value(label) if label is not None else None
            if value is None:
                return []
            first, second = ask.unit.responses
            won[first] += value
            won[second] += 1.0 - value
        letters = dict(zip(call.shown, string.ascii_uppercase, strict=False))
        levels = sorted(set(won.values()), reverse=True)
        return [[letters[name] for name, n in won.items() if n == level] for level in levels]

    def cost(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - a price list's shape
        """Return 0, since a rule costs nothing."""
        return 0.0


def parse_control(spec: str) -> Control:
    """Return the control that `control:NAME` or `control:NAME=ARGUMENT` names."""
    name, equals, argument = spec.removeprefix("control:").partition("=")
    if name == "constant":
        if not argument:
            raise InputError(f"{spec}: say which label, as in control:constant=yes, or best, worst, middle")
        return constant(argument)
    if name == "random":
        if equals and not argument.isdecimal():
            raise InputError(f"{spec}: the seed {argument!r} is no whole number; write control:random=7")
        return random(int(argument or 0))
    if name not in {*_PLAIN, *_METRICS}:
        known = sorted([*_PLAIN, *_METRICS, "constant=LABEL", "random=SEED"])
        raise InputError(f"{spec}: there is no control {name!r}; {there_are(name, known)}")
    if equals:
        raise InputError(f"{spec}: {name!r} takes no argument; write control:{name}")
    return _PLAIN[name]() if name in _PLAIN else _lexical(name, _METRICS[name]())


def constant(label: str) -> Control:
    """Return a control that says one label, or `best`, `middle`, `worst` where a scale has none such."""

    def rule(_: Call, __: Unit, ___: str, scale: Scale) -> str:
        return (
            label if scale.value(label) is not None or label not in _WORDS else nearest(scale, _WORDS[label])
        )

    return Control(f"control:constant={label}", rule)


def random(seed: int = 0) -> Control:
    """Return a control that draws a label evenly, by a digest of what is asked, so that it repeats."""

    def rule(call: Call, unit: Unit, criterion: str, scale: Scale) -> str:
        parts = [seed, unit.item_id, unit.responses, unit.part, criterion, call.sample]
        drawn = blake2b(json.dumps(parts).encode(), digest_size=8).digest()
        return _drawn(scale, int.from_bytes(drawn) / 2**64)

    return Control(f"control:random={seed}", rule)


def longer() -> Control:
    """Return a control by which the longer response in characters is the better.

    A lone response is worth half its length over that of a yardstick, at most 1: over the reference, else the
    mean of the item's other responses, else 2000 characters.
    """

    def placed(text: str, item: Item, response: str) -> float:
        others = [len(flat(each)) for key, each in item.responses.items() if key != response]
        yardstick: float = len(item.reference or "") or (math.fsum(others) / len(others) if others else LONG)
        return min(1.0, len(text) / (2 * yardstick)) if yardstick else 1.0

    return Control("control:longer", _about(placed, lambda text, *_: float(len(text))))


def first() -> Control:
    """Return a control by which the response shown first is the better; a lone one is the best."""

    def rule(call: Call, unit: Unit, _: str, scale: Scale) -> str | None:
        if len(unit.responses) == 2 and call.shown and call.shown[0] != unit.responses[0]:
            return nearest(scale, 0.0)
        return nearest(scale, 1.0) if unit.responses else None

    return Control("control:first", rule)


_PLAIN: Mapping[str, Callable[[], Control]] = {"longer": longer, "first": first}
_METRICS: Mapping[str, Callable[[], Metric]] = {
    "exact": lambda: exact_metric,
    "contains": lambda: contains_metric,
    "token_f1": lambda: f1_metric,
    "rouge_l": rouge_metric,
    "chrf": chrf_metric,
}
"""Measures of a response against its reference, by the name of their control."""


def nearest(scale: Scale, value: float) -> str:
    """Return the label whose value is nearest to one on [0, 1]; of two as near, the lower."""
    if isinstance(scale, Labels):
        return min(scale.worth, key=lambda label: (abs(scale.worth[label] - value), scale.worth[label]))
    number = scale.low + value * (scale.high - scale.low)
    if scale.step is not None:
        steps = min(math.ceil((number - scale.low) / scale.step - 0.5), _steps(scale))
        number = scale.low + steps * scale.step
    return plain_number(min(max(round(number, 10), scale.low), scale.high))


def _drawn(scale: Scale, share: float) -> str:
    """Return the label at a share of the way through the scale, all labels equally wide."""
    if isinstance(scale, Labels):
        return scale.labels[int(share * len(scale.labels))]
    if scale.step is None:
        return nearest(scale, share)
    number = scale.low + int(share * (_steps(scale) + 1)) * scale.step
    return plain_number(round(number, 10))


def _steps(scale: Numbers) -> int:
    """Return how many steps there are from the lowest number to the highest that is allowed."""
    return math.floor((scale.high - scale.low) / (scale.step or 1.0) + 1e-9)


def _lexical(name: str, metric: Metric) -> Control:
    def placed(text: str, item: Item, _: str) -> float | None:
        return None if not (item.reference or "").strip() else metric(text, item.reference or "")

    return Control(f"control:{name}", _about(placed, placed))


_Placed = Callable[[str, Item, str], float | None]


def _about(lone: _Placed, paired: _Placed) -> Rule:
    """Return a rule from a measure of a lone response, and one that two responses are compared by."""

    def rule(call: Call, unit: Unit, _: str, scale: Scale) -> str | None:
        item = call.item
        if item is None or not unit.responses or unit.part:
            return None
        measure = lone if len(unit.responses) == 1 else paired
        values = [measure(flat(item.responses[key]), item, key) for key in unit.responses]
        if None in values:
            return None
        if len(values) == 1:
            return nearest(scale, values[0] or 0.0)
        ahead, behind = values[0] or 0.0, values[1] or 0.0
        return nearest(scale, 0.5 if ahead == behind else float(ahead > behind))

    return rule

"""Judges of a fixed script. They answer from what a call asks (item, unit, criterion, scale, order, sample,
attempt) and never from its prompt, so they say the same when prompts change.

Each response has a worth, drawn from its text; a judge sees it with an error of its own. Some replies are
refused, cut off, off the scale, or unreadable, once or for good.
"""

import hashlib
import json
import math
from dataclasses import dataclass

from judgekit.judges.resolve import Scripted
from judgekit.scales import Labels
from judgekit.types import Reply


def drawn(*words):
    """A number in [0, 1), the same for the same words."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def text_of(item, name):
    text = item.responses[name]
    return text if isinstance(text, str) else " ".join(message.content for message in text)


def about(call):
    return call.item.item_id, call.protocol, *call.shown, call.sample


def names_of(call):
    return tuple(ask.called for ask in call.asks)


@dataclass(frozen=True)
class Script:
    """How a judge errs (by up to `error` either way), how often it fails, how much it favours the first."""

    name: str
    error: float
    fails: float = 0.0
    favours: float = 0.0

    def __call__(self, call):
        asked = [f"{ask.unit.responses}{ask.unit.part}{ask.criterion}" for ask in call.asks]
        luck = self.drawn(call, "fails", call.attempt, *asked)
        said = {"model": f"{self.name}-1", "input_tokens": 200, "output_tokens": 20, "cost_usd": 0.0}
        if luck < 0.2 * self.fails:
            return Reply(fault="refused", detail="not allowed to say", **said)
        if luck < 0.4 * self.fails:
            return Reply("It may well be that", fault="truncated", **said)
        if luck < 0.8 * self.fails:
            return Reply("There is a lot to be said for it.", **said)
        if luck < self.fails:
            return Reply('{"label": "splendid"}', **said)
        if call.letters:
            return self.lettered(call, said)
        return Reply(self.in_words(call) if call.schema is None else json.dumps(self.in_json(call)), **said)

    def drawn(self, call, *words):
        return drawn(self.name, *words, *about(call))

    def seen(self, call, response):
        place = self.favours * (1 - 2 * call.shown.index(response) / max(len(call.shown) - 1, 1))
        error = self.error * (2 * self.drawn(call, "sees", response) - 1)
        return drawn("worth", text_of(call.item, response)) + place + error

    def label(self, call, ask):
        unit, criterion, scale = ask.unit, ask.criterion, ask.scale
        if call.meant:
            gap = self.seen(call, unit.responses[0]) - self.seen(call, unit.responses[1])
            meant = {wanted: said for said, wanted in call.meant}
            close = abs(gap) < 0.1 and "tie" in meant
            return meant["tie" if close else "first" if gap > 0 else "second"]
        value = self.seen(call, unit.responses[0]) if unit.responses else self.drawn(call, "task")
        value = min(max(value + 0.3 * (self.drawn(call, criterion, unit.part) - 0.5), 0.0), 0.999)
        if not isinstance(scale, Labels):
            return round(scale.low + value * (scale.high - scale.low))
        if scale.cannot_tell and self.drawn(call, "tells", criterion, unit.part) < 0.1:
            return scale.cannot_tell
        return scale.labels[int(value * len(scale.labels))]

    def labels(self, call):
        return [self.label(call, ask) for ask in call.asks]

    def lettered(self, call, said):
        [wanted] = self.labels(call)
        far = abs(2 * self.seen(call, call.shown[0]) - 1)
        sure = 0.5 + 0.45 * min(far if call.protocol == "grade" else self.drawn(call, "sure"), 1.0)
        rest = (0.98 - sure) / (len(call.letters) - 1)
        weights = {letter: sure if label == wanted else rest for letter, label in call.letters}
        ordered = sorted(weights, key=lambda letter: (-weights[letter], letter))
        return Reply(ordered[0], logprobs=tuple((x, math.log(weights[x])) for x in ordered), **said)

    def in_words(self, call):
        lines = (
            f"{call.tag} {name}: {label}"
            for name, label in zip(names_of(call), self.labels(call), strict=True)
        )
        return "\n".join(("It was weighed up.", *lines))

    def in_json(self, call):
        if call.protocol == "list":
            return {"statements": [text_of(call.item, call.shown[0]).split(". ")[0]]}
        if call.protocol == "rank":
            best = sorted(range(len(call.shown)), key=lambda place: -self.seen(call, call.shown[place]))
            return {"rationale": "By what it says.", "ranking": [chr(65 + place) for place in best]}
        said = dict(zip(names_of(call), self.labels(call), strict=True))
        if call.protocol == "select_all":
            held = [
                name
                for (name, label), ask in zip(said.items(), call.asks, strict=True)
                if label == ask.scale.labels[-1]
            ]
            return {"rationale": "In short.", "selected": held}
        quote = self.quote(call)
        if call.protocol == "checklist":
            return {
                "answers": [{"id": name, "evidence": quote, "label": label} for name, label in said.items()]
            }
        words = {"evidence": [quote], "rationale": f"{self.name} weighed it up."}
        if tuple(said) == ("A", "B"):
            return {**words, **said}
        if len(said) == 1:
            return {**words, "label": next(iter(said.values()))}
        return {name: {**words, "label": label} for name, label in said.items()}

    def quote(self, call):
        if self.drawn(call, "quotes") < 0.1:
            return "never said by anyone"
        return " ".join(text_of(call.item, call.shown[0]).split()[:4]) if call.shown else "nothing"


def judge(name, error, **how):
    return Scripted(name, Script(name, error, **how), "1")


plain = judge("plain", 0.25, fails=0.12, favours=0.05)
other = judge("other", 0.4, fails=0.08)
third = judge("third", 0.3)
strong = judge("strong", 0.08)

"""Reading a reply: one outcome for each answer asked for, in this order, and never an exception.

1. What a decision model gave, from `Reply.decisions` alone, where no text that a model writes gets.

2. Probabilities of option letters, of the first token; a letter counts with and without a blank before it and
in both cases. The probability on the letters at all is the verdict's `mass`, flagged below 0.9 (Wiegreffe et
al., 2023, arXiv 2305.14596). Without probabilities the letter written is read.

3. A whole reply that is one JSON object, at its schema's keys and nowhere else. What the judged texts hold
has no say here, or a text that quotes the unfavourable answer would silence the judge.

4. In free text lines that carry the call's tag, which nobody else can write; 5. objects within it, mended
where one reading makes sense; 6. lines `criterion: label`, or the last explicit verdict. Of 5 and 6 no form
is read that the judged texts hold, whatever the label (`material`).

The last answer counts, and one that is off the scale abstains rather than falling back to an earlier one.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from judgekit.protocols.rank import read_ranking
from judgekit.protocols.reading.labelled import read_labels
from judgekit.protocols.reading.material import BREAK, LAST, Material
from judgekit.protocols.reading.objects import whole
from judgekit.protocols.reading.replies import (
    REPLY,
    THOUGHTS,
    abstain,
    all_abstain,
    brief,
    has_thoughts,
    verdict_of,
    without_thoughts,
)
from judgekit.protocols.select_all import read_selected
from judgekit.protocols.sheet import Reader
from judgekit.scales import Labels, Scale, fold
from judgekit.types import Abstention, Ask, Call, Outcome, Reason, Reply, Source, is_control

TOLERANCE = 0.02
"""How far probabilities may be from a sum of 1, since providers round them; nearer, they are scaled."""

Decision = tuple[tuple[str, float], ...]


def read_decisions(call: Call, reply: Reply) -> tuple[Outcome, ...]:
    """Return one outcome for each ask, in order."""
    if len(reply.decisions) != len(call.asks):
        detail = f"{len(reply.decisions)} decisions on {len(call.asks)} questions"
        return all_abstain(call, "malformed", detail)
    asked = zip(call.asks, reply.decisions, strict=True)
    return tuple(_outcome(call, ask, decision, reply.detail) for ask, decision in asked)


def _outcome(call: Call, ask: Ask, decision: Decision, detail: str) -> Outcome:
    scale = ask.scale
    if not decision:
        return abstain(call, ask.about, "malformed", detail or "no probabilities")
    weights = _weights(scale, decision)
    if isinstance(weights, str):
        return abstain(call, ask.about, "malformed", weights)
    total = sum(weights.values())
    undecided = weights.pop(scale.cannot_tell, 0.0) / total if scale.cannot_tell else 0.0
    if undecided > 0.5:
        return abstain(call, ask.about, "undecided", f"probability {undecided:.2f} on {scale.cannot_tell!r}")
    return verdict_of(call, ask, weights, source="decision", undecided=undecided)


def _weights(scale: Scale, decision: Decision) -> dict[str, float] | str:
    """Return label -> probability, zeros left out; or what is wrong with them."""
    labels = scale.labels if isinstance(scale, Labels) else ()
    known = {fold(label): label for label in (*labels, *filter(None, [scale.cannot_tell]))}
    weights: dict[str, float] = {}
    for said, p in decision:
        label = known.get(fold(said))
        if label is None:
            return f"{said!r} is none of the labels"
        if label in weights:
            return f"two probabilities of {label!r}"
        if not 0.0 <= p <= 1.0 + TOLERANCE:  # nor nan, which is not comparable
            return f"probability {p:g} of {label!r}"
        weights[label] = p
    total = math.fsum(weights.values())
    if abs(total - 1.0) > TOLERANCE:
        return f"the probabilities sum to {total:g}"
    return {label: p for label, p in weights.items() if p > 0.0}


LOW_MASS = 0.9
_AROUND = " .,:;!-=*_`\"'()[]$\u2013\u2014"


def weights_of(reply: Reply, letters: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """Return the probability of each label (shares of 1; what is on no letter is left out)."""
    by_letter = dict(letters)
    weights: dict[str, float] = {}
    for token, logprob in reply.logprobs:
        letter = token.strip("\u2581\u0120 ").upper()
        # A probability may be too small for a float; nan is no probability.
        if letter in by_letter and (p := math.exp(min(logprob, 0.0))) > 0.0:
            weights[by_letter[letter]] = weights.get(by_letter[letter], 0.0) + p
    total = sum(weights.values())
    return {label: w / total for label, w in weights.items()} if total > 1.0 else weights


_LETTER = re.compile(r"[\s*_`\"'(\[>$]*+([A-Za-z])(?![A-Za-z'\u2019])[*_`\"'\])$]*+(.*)")


def written(text: str, letters: tuple[tuple[str, str], ...]) -> str | None:
    """Return the label of the letter that a reply's first line gives: a letter, perhaps with its label.

    A word that happens to be one letter long is none ("A good reply").

    >>> written("(b)", (("A", "no"), ("B", "yes")))
    'yes'
    >>> written("A good reply", (("A", "no"), ("B", "yes"))), written("A. No.", (("A", "no"), ("B", "yes")))
    (None, 'no')
    """
    line = next((each.strip() for each in text.splitlines() if each.strip("`* \t")), "")
    if not (found := _LETTER.match(line)):
        return None
    label = dict(letters).get(found[1].upper())
    rest = fold(found[2]).strip(_AROUND)
    others = "".join(letter for letter, _ in letters if letter != found[1].upper())
    after = text[text.index(line) + len(line) :]
    if re.search(rf"(?<!\w)[{others}](?:[).:]|\W{{0,9}}$)", after, re.MULTILINE):
        return None  # another letter is put forward
    return label if label is not None and rest in {"", fold(label)} else None


def is_alone(text: str) -> bool:
    """Tell whether a reply has one line, and a letter in it is all it says."""
    return len(text.strip("`* \t\r\n").splitlines()) <= 1


def lines_of(letters: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Return a pattern of letters as a judged text may put them: first or last in a line, or in marks."""
    names = f"[{''.join(letter for letter, _ in letters)}](?![^\\W_])"
    first = rf"(?:^|{BREAK})(?:(?!{BREAK})[\W\d_])*+{names}"
    return re.compile(
        rf"{first}|(?<![^\W_]){names}(?:{LAST})|[\"'`*_(\[{{>\u201c\u2018\u00ab]{names}", re.IGNORECASE
    )


def read_letter(call: Call, reply: Reply, text: str, material: Material) -> Outcome:
    """Return the verdict from the probabilities of the option letters, or from the letter written."""
    [ask] = call.asks
    scale = ask.scale
    weights = weights_of(reply, call.letters)
    mass = min(sum(weights.values()), 1.0)
    flags: tuple[str, ...] = ()
    source: Source = "control" if is_control(call.judge) else "logprob" if reply.logprobs else "text"
    if not reply.logprobs:
        found = written(text, call.letters)
        if found is None or not (is_alone(text) or not material.hold(lines_of(call.letters))):
            return abstain(call, ask.about, "malformed", f"no option letter in: {brief(reply.text)}")
        weights, mass, flags = {found: 1.0}, 1.0, ("no_logprobs",)
    elif not weights:
        return abstain(call, ask.about, "malformed", "no option letter among the most probable tokens")
    undecided = weights.pop(scale.cannot_tell, 0.0) / (mass or 1.0) if scale.cannot_tell else 0.0
    if undecided > 0.5 or not weights:
        return abstain(call, ask.about, "undecided", f"probability {undecided:.2f} on {scale.cannot_tell!r}")
    if mass < LOW_MASS:
        flags = (*flags, "low_mass")
    return verdict_of(call, ask, weights, flags, source=source, mass=mass, undecided=undecided)


READERS: Mapping[str, Reader] = {"rank": read_ranking, "select_all": read_selected}
"""Readers by protocol, for calls that come without their sheet; of all others, labels are read."""
_BRACKETS, _DEEPEST = re.compile(r"[\[\]{}]"), 200


def read(call: Call, reply: Reply) -> tuple[Outcome, ...]:
    """Return one outcome for each answer asked for, in the order asked."""
    if (
        reply.fault is not None
        and reply.fault != "truncated"
        and not (reply.fault == "refused" and reply.text)
    ):
        return all_abstain(call, reply.fault, reply.detail)
    try:
        outcomes = _outcomes(call, reply)
    except RecursionError:  # brackets in strings can hide how deep it is
        return all_abstain(call, "malformed", "nested too deeply")
    return tuple(_as_meant(o, dict(call.meant)) for o in outcomes) if call.meant else outcomes


def _is_deep(text: str) -> bool:
    """Tell whether more brackets are open at once than any answer needs; those in strings count too."""
    if text.count("{") + text.count("[") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth = max(depth + (1 if bracket[0] in "{[" else -1), 0)
        if depth > _DEEPEST:
            return True
    return False


def _as_meant(outcome: Outcome, meant: Mapping[str, str]) -> Outcome:
    """Return a verdict in A and B as one about the first and second of `unit.responses`."""
    if isinstance(outcome, Abstention):
        return outcome
    probs = tuple((meant[label], p) for label, p in outcome.probs)
    return replace(outcome, probs=probs, label=meant[outcome.label])


def _outcomes(call: Call, reply: Reply) -> tuple[Outcome, ...]:
    if reply.decisions:
        return read_decisions(call, reply)
    text = _answer_in(reply.text)
    if (unreadable := _unreadable(reply, text)) is not None:
        return all_abstain(call, *unreadable)
    material = Material(call.judged)
    if call.letters:
        return (read_letter(call, reply, text, material),)
    reader: Reader = READERS.get(call.protocol, read_labels) if call.sheet is None else call.sheet.read
    return reader(call, reply, text, material)


def _answer_in(text: str) -> str:
    """Return a reply without its reasoning; one that is an object may hold the like in its strings."""
    if len(text) > THOUGHTS or not has_thoughts(text):
        return text
    return text if len(text) <= REPLY and whole(text) is not None else without_thoughts(text)


def _unreadable(reply: Reply, text: str) -> tuple[Reason, str] | None:
    """Return why nothing of a reply is looked at; None if it can be."""
    if len(text) > REPLY:
        return "malformed", f"too long to read: {len(text):,} characters; {REPLY:,} at most are looked at"
    if _is_deep(text):
        return "malformed", "nested too deeply"
    if text.strip() or reply.logprobs:
        return None
    detail = "no answer after the reasoning" if reply.text.strip() else "no text"
    return reply.fault or "malformed", detail

"""The judge's word against itself: rationales that come to another label than the one that was given.

No call is made. A rationale is searched for what it says the label is: "so the answer is no", "I would give
it a 2", "Response B is better". It contradicts its label if its conclusion (a sentence that says "overall",
"therefore" and the like) is another label, or if nothing in it is the label and something is another one.
What is only meant, or said in another language than English, is not found: the share told is the least there
is. Of 1,040 reviews of pairs by GPT-4 in FastChat 489 say which is better, and all of them as they scored.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from judgekit.agreement.core.intervals import rate
from judgekit.probes.measure import shift_of
from judgekit.probes.records import Probe, Read, Row
from judgekit.rubric import Rubric
from judgekit.scales import PAIR, Labels, Scale, fold
from judgekit.types import Outcome, Unit, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A verdict whose rationale comes to another label.

    Args:
        unit: What was judged.
        criterion: What it was asked.
        rater: Who judged.
        label: The label that was given; of a pair `first`, `tie` or `second`.
        said: The label that the rationale comes to.
        passage: The sentence of it that says so.
    """

    unit: Unit
    criterion: str
    rater: str
    label: str
    said: str
    passage: str


class Claim(NamedTuple):
    """What a sentence says the label is, and whether it concludes."""

    label: str
    sentence: str
    final: bool


_MOST_READ = 20_000  # signs of a rationale
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_FINAL = re.compile(
    r"\b(?:overall|therefore|thus|hence|so|in (?:conclusion|sum|total)|all in all|final(?:ly)?)\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not|never|neither|nor|no|cannot|without|than|least|most|either|could|might|may)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"\b(?:could|might|would have|had|requires?|required|needs?|needed|prevents?|if|unless|above|below)\b",
    re.IGNORECASE,
)
_STATED = (
    r"\b(?:(?:label|verdict|score|rating|grade|mark|decision|judge?ment"
    r"|(?:final|my|correct|so the|right) answer)"
    r"(?: (?:for|on|of|to|this|the|it|criterion|response|here)){0,4}"
    r" ?(?:(?:is|was|would be|should be) ?:?|[:=]|of)"
    r"|(?:give|gave|rated?|assign(?:ed)?|award(?:ed)?|deserves?|merits?|earns?|scores?|label(?:led)?)"
    r"(?: (?:it|this|the|an?|response|reply|answer|text|score|rating|grade|label|mark|of|as|with|only|just))"
    r"{0,6})[ \"'`*\u201c\u2018(]{1,4}"
)
_OPENS = re.compile(r"[\s\"'`*]{0,4}(yes|no)[*\"'`]{0,3}\s*[,;:.!]", re.IGNORECASE)
_ONE = r"(?:response|answer|assistant|text|option|candidate|model)"
_BETTER = (
    r"(?:better|superior|stronger|preferable|preferred|best|winner|more\s+(?:helpful|comprehensive|complete"
    r"|accurate|relevant|useful|thorough|effective|correct|appropriate))\b"
)
_MUCH = (
    r"(?:\s+(?:is|was|seems|slightly|somewhat|much|clearly|far|an?|bit|the|overall|to|be|therefore|thus"
    r"|did|performed|performs)){1,5}\s+"
)


def _who(name: str) -> str:
    """Return the pattern of a response that is named: by its letter or number, or as the first or second."""
    return (
        rf"(?:\b(?i:{_ONE})\s+(?P<{name}1>[AB12])|\b(?i:the)\s+(?P<{name}2>(?i:first|second))\s+(?i:{_ONE})"
        rf"|\b(?P<{name}3>[AB]))(?:['\u2019]s\s+(?i:{_ONE}))?"
    )


_WON = re.compile(
    rf"{_who('is')}{_MUCH}{_BETTER}|\b(?i:prefer|choose|favou?r)\s+{_who('taken')}(?!\w)"
    rf"|{_who('wins')}\s+(?:wins\b|(?:receives|received|deserves|gets)\s+(?:a|the)\s+(?:\w+\s+)?"
    r"(?:higher|better)\b)"
)
_EQUAL = re.compile(
    r"\b(?:it|this|that|which|result|verdict) (?:is|should be) a tie\b"
    r"|\bboth (?:\w+ )?(?:(?:are|were) equally good\b"
    r"|(?:receive|deserve|get|earn)d? (?:the same|an equal|equal|a|an identical) (?:\w+ )?scores?\b)",
    re.IGNORECASE,
)
_OTHER = {"first": "second", "second": "first"}


def claims(
    rationale: str, scale: Scale, *, unit: Unit | None = None, shown: Sequence[str] = ()
) -> Iterator[Claim]:
    """Yield what a rationale says the label is, sentence by sentence; of a pair in the order of its unit.

    >>> [claim.label for claim in claims("It is curt. So the label is no.", Labels(labels=("no", "yes")))]
    ['no']
    """
    paired = unit is not None and len(unit.responses) == 2
    for n, piece in enumerate(_SENTENCES.split(rationale[:_MOST_READ])):
        sentence = " ".join(piece.split())
        found = _of_pair(sentence) if paired else _stated(sentence, scale, opens=not n)
        if paired and unit is not None and shown and shown[0] != unit.responses[0]:
            found = _OTHER.get(found, found)
        if found:
            yield Claim(found, sentence, _FINAL.search(sentence) is not None)


@lru_cache(maxsize=64)
def _labels_in(scale: Scale) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Return what finds a label that is stated, and the labels by how they are folded."""
    known = {fold(label): label for label in scale.labels} if isinstance(scale, Labels) else {}
    named = "|".join(re.escape(each) for each in sorted(known, key=len, reverse=True))
    return re.compile(rf"{_STATED}({named or r'-?[0-9]+(?:[.][0-9]+)?'})(?!\w|[-/.][0-9])"), known


def _stated(sentence: str, scale: Scale, *, opens: bool) -> str:
    """Return the label that a sentence states; empty where none, or more than one, or it is denied."""
    pattern, known = _labels_in(scale)
    if opens and (first := _OPENS.match(sentence)) and first[1].lower() in known:
        return known[first[1].lower()]
    if _SUPPOSED.search(sentence):
        return ""
    text = fold(sentence)
    found = {
        known.get(each[1], each[1])
        for each in pattern.finditer(text)
        if not _NOT.search(text[max(0, each.start() - 40) : each.start(1)])
    }
    return found.pop() if len(found) == 1 else ""


def _of_pair(sentence: str) -> str:
    """Return which of the two shown a sentence says is better; empty where that is not clear."""
    sides = {
        "first" if next(filter(None, each.groups())).lower() in {"a", "1", "first"} else "second"
        for each in _WON.finditer(sentence)
        if not _NOT.search(sentence[max(0, each.start() - 40) : each.end()])
    }
    if not sides:
        return "tie" if _EQUAL.search(sentence) and not _NOT.search(sentence) else ""
    return sides.pop() if len(sides) == 1 else ""


def contradictions(outcomes: Iterable[Outcome], rubric: Rubric) -> list[Contradiction]:
    """Return the verdicts whose rationales come to another label; without one nothing can be told.

    >>> from judgekit import score
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> said = '{"polite": {"rationale": "It insults the reader, so the label is no.", "label": "yes"}}'
    >>> run = score([{"id": "1", "task": "Hi", "response": "Hello"}], rubric, lambda call: said, ledger=None)
    >>> [each.passage for each in contradictions(run.outcomes, Rubric.model_validate(rubric))]
    ['It insults the reader, so the label is no.']
    """
    return [found for found, _ in _looked_at(outcomes, rubric) if found is not None]


def _looked_at(outcomes: Iterable[Outcome], rubric: Rubric) -> Iterator[tuple[Contradiction | None, bool]]:
    """Yield for each verdict with a rationale how it contradicts itself, and whether it states a label."""
    for o in outcomes:
        if not isinstance(o, Verdict) or not o.rationale.strip() or o.criterion not in rubric.by_id:
            continue
        scale = PAIR if len(o.unit.responses) == 2 else rubric.by_id[o.criterion].scale
        said = list(claims(o.rationale, scale, unit=o.unit, shown=o.shown))
        counted = [each for each in said if each.final][-1:] or said
        if not said or any(_same(each.label, o.label) for each in counted):
            yield None, bool(said)
            continue
        last = counted[-1]
        yield Contradiction(
            unit=o.unit, criterion=o.criterion, rater=o.rater, label=o.label, said=last.label,
            passage=_cut(last.sentence),
        ), True  # fmt: skip


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def _cut(sentence: str, most: int = 200) -> str:
    return sentence if len(sentence) <= most else f"{sentence[: most - 3]}..."


def _told(read: Read) -> Mapping[str, Any]:
    """Return the share of rationales that contradict their labels, and the first of them in its words."""
    rows, stated, found = [], [], []
    for own in read.walks.base:
        rubric = read.walks.probing.grading(own.item).plan.rubric_of(own.item)
        said = [
            o for again in (False, True) for o in read.walks.said(own.item.item_id, read.judge, again=again)
        ]
        for against, states in _looked_at(said, rubric):
            cluster = own.item.tags.get("cluster", own.item.item_id)
            unit = Unit(own.item.item_id)
            after = float(against is not None)
            rows.append(Row(unit=unit, cluster=cluster, before=0.0, again=0.0, after=after))
            stated.append(states)
            found += [] if against is None else [against]
    says = f"none of {len(rows)} rationales comes to another label" if rows else "no verdict has a rationale"
    if found:
        one = found[0]
        says = (
            f"{len(found)} of {len(rows)} rationales come to another label than was given, such as "
            f"{one.label!r} beside {one.passage!r} (item {one.unit.item_id!r}, {one.criterion!r})"
        )
    more = (rate(np.array(stated, dtype=bool), name="stated"),)
    return {**shift_of(WORD[0].expects, rows), "more": more, "says": says}


WORD = (
    Probe(
        name="contradiction", group="word", what="Reads each rationale beside the label that it came with.",
        expects="no rise", change=None, read=_told, says="contradicts itself",
        remedy="Have the rationale written before the label, and ask again where they differ.",
    ),
)  # fmt: skip

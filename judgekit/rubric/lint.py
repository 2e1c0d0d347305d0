"""What is wrong with a rubric, or will be misread: errors that `load_rubric` refuses, and warnings.

Warnings follow rules, no judge is asked. Those on wording know English only, and clear cases: a rule that
cries wolf is switched off. Each says where, what was found, why it matters and what would do. A warning may
be wrong: it is meant for the author.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from rapidfuzz import fuzz

from judgekit.errors import InputError
from judgekit.rubric.load import complaints, find, read_mapping
from judgekit.rubric.model import Criterion, Node, Rubric
from judgekit.scales import Labels, fold

_LONGEST_READ = 20_000  # characters of a criterion that are looked at
_PRAISING = (
    r"polite|kind|kindly|friendly|helpful|respectful|honest|correct|correctly|accurate|accurately|true|clear|"
    r"clearly|concise|complete|completely|relevant|safe|consistent|coherent|fluent|natural|readable|useful|"
    r"good|great|excellent|perfect|strong|appropriate|thorough"
)
_PRAISE_VERB = r"answers|explains|supports|cites|fits|matches|follows"
_PRAISE = re.compile(rf"\b(?:{_PRAISING}|well|best|{_PRAISE_VERB})\b", re.IGNORECASE)
_PRAISE_STATED = re.compile(
    rf"^(?:is|are)\s+(?:\w+\s+){{0,4}}(?:{_PRAISING})\b"
    rf"|^(?:(?:the|this)\s+\w+\s+)(?:is|are)\s+(?:\w+\s+)?(?:{_PRAISING})\b"
    rf"|^(?:(?:the|this)\s+\w+\s+)?(?:{_PRAISE_VERB})\b",
    re.IGNORECASE,
)
_BLAME = re.compile(
    r"\b(?:no|not|none|nothing|never|nor|without|lacks?|lacking|miss|misses|missing|omit\w*|fails?|failed|failures?|"
    r"wrong\w*|errors?|mistakes?|typos?|faults?|flaws?|defects?|incorrect\w*|inaccura\w*|incomplete|inconsisten\w*|"
    r"false\w*|mislead\w*|harm\w*|danger\w*|unsafe|toxic|blam\w*|sham\w*|rude\w*|impolite|curt|insult\w*|"
    r"invent\w*|fabricat\w*|hallucinat\w*|contradict\w*|ignor\w*|irrelevant|vague|unclear|confus\w*|"
    r"repeat\w*|repetit\w*|padding|redundan\w*|verbose|unsupported|unfounded|bias\w*|offensive|slurs?|leak\w*|"
    r"refus\w*|dismiss\w*|exaggerat\w*|overstat\w*|understat\w*|unnecessar\w*|jargon|stereotyp\w*|violat\w*|"
    r"bad|badly|poor|poorly|worst|weak|worse\w*|delays?|waste\w*|preach\w*|lectures?|bur(?:y|ies|ied)|"
    r"too|only|even though|although|despite|beyond|something else|other than|outdated|nonsense|spam|"
    r"un\w+ed|mis\w+|over\w+|adds?|added|distort\w*|alarm\w*|deni\w*|deny|illegal|threat\w*|manipulat\w*|"
    r"\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
_FAULTY = (
    r"rude|impolite|wrong|incorrect|inaccurate|misleading|harmful|unsafe|dangerous|irrelevant|offensive|toxic|"
    r"biased|vague|unclear|confusing|repetitive|incomplete|inconsistent"
)
_FAULTS = (
    r"errors?|mistakes?|typos?|contradictions?|falsehoods?|hallucinations?|fabrications?|insults?|slurs?|"
    r"inaccuracies|padding|repetitions?"
)
_FAULT_VERB = r"blame|insult|invent|fabricate|contradict|ignore|mislead|hallucinate|exaggerate|omit|misquote"
_FAULT_STATED = re.compile(
    rf"^(?:is|are)\s+(?:\w+\s+){{1,3}}(?:{_FAULTY})\s*[?.]?$"
    rf"|^(?:(?:the|this)\s+\w+\s+)?(?:is|are)\s+(?:\w+\s+)?(?:{_FAULTY})\s*[.]?$"
    rf"|\b(?:contains?|has|have|includes?|makes?)\s+(?:\w+\s+){{0,2}}(?:{_FAULTS})\b"
    rf"|^does\s+(?:\w+\s+){{1,2}}(?:{_FAULT_VERB}|fail to)\b"
    rf"|^(?:(?:the|this)\s+\w+\s+)?(?:(?:{_FAULT_VERB})s|fails to)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:no|not|none|nothing|never|without|free|avoids?|lacks?|corrects?|fixes|instead|rather|\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:good|bad|nice|great|poor|appropriate|appropriately|adequate|adequately|proper|properly|suitable|"
    r"reasonable|reasonably|acceptable|satisfactory|decent|high[- ]quality|overall quality)\b",
    re.IGNORECASE,
)
_SECOND_VERB = re.compile(
    r"\band (?:also )?(?:is|are|does|do|has|have|was|were|should|can)\b(?! so\b)", re.IGNORECASE
)
_TWO_ADJECTIVES = re.compile(
    r"\b(?:is|are)\s+((?:[\w'-]+\s+){0,4}?)([\w-]+)\s+and\s+([\w-]+)\s*[?.]?$", re.IGNORECASE
)
_NOT_AN_ADJECTIVE = re.compile(
    r"\b(?:about|of|for|with|to|in|on|by|from|between|both|at|as|than|free|where|which|that|when|and|or)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|`[^`]*`")


def compound(text: str) -> str | None:
    """Return what in a text asks two things at once; None if nothing clearly does."""
    text = " ".join(_QUOTED.sub(" ", text[:_LONGEST_READ]).split())
    if text.count("?") > 1:
        return f"{text.count('?')} question marks"
    if "and/or" in text.lower():
        return "'and/or'"
    if found := _SECOND_VERB.search(text):
        return repr(found[0])
    if (found := _TWO_ADJECTIVES.search(text)) and not _NOT_AN_ADJECTIVE.search(f"{found[1]} {found[2]}"):
        return repr(f"{found[2]} and {found[3]}")
    return None


def polarity(text: str) -> int:
    """Return 1 if a text praises and blames nothing, -1 if it blames and praises nothing, else 0."""
    text = text[:_LONGEST_READ]
    return bool(_PRAISE.search(text)) * (not _BLAME.search(text)) - bool(_BLAME.search(text)) * (
        not _PRAISE.search(text)
    )


def states_virtue(text: str) -> bool:
    """Tell whether a text clearly says, or asks, that something laudable is there, and names no fault.

    >>> states_virtue("Is polite"), states_virtue("States clearly that the dose is safe")
    (True, False)
    """
    return bool(_PRAISE_STATED.search(text[:_LONGEST_READ])) and polarity(text) > 0


def states_fault(text: str) -> bool:
    """Tell whether a text clearly says, or asks, that a fault is there."""
    text = text[:_LONGEST_READ]
    return bool(_FAULT_STATED.search(text)) and not _DENIED.search(text)


def vague(text: str) -> str | None:
    """Return the first word that every rater fills with a meaning of their own; None if there is none.

    >>> vague("Is the tone appropriate?")
    'appropriate'
    """
    found = _VAGUE.search(text, 0, _LONGEST_READ)
    return found[0] if found else None


def contained(short: str, long: str) -> bool:
    """Tell whether one label stands in another so that a reader of free text could take it for the other."""
    if short == long or short.replace(".", "").isdigit():
        return False
    words = long.split()
    if f" {short} " in f" {' '.join(words)} ":
        return True
    return len(short) > 2 and " " not in short and any(word.endswith(short) for word in words)


_LONG = 700  # characters; the longest criterion of a published rubric we know has about 600
_MOST_LABELS = 11
_ALIKE = 90.0  # per cent of characters in common
_MOST_COMPARED = 500  # criteria whose texts are compared, each with each
_LONGEST_COMPARED = 2_000  # characters of each
_MOST_SHARE = 0.8
_NAMED = {
    "reference": re.compile(
        r"\bthe (?:reference|gold|expected) (?:answer|response|solution)s?\b", re.IGNORECASE
    ),
    "sources": re.compile(
        r"\bthe (?:given|provided|retrieved) (?:source|document|context|passage)", re.IGNORECASE
    ),
}  # what an English text calls what an item may hold
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_AFFIRMING = {"yes", "true", "met", "present", "holds"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing an author should look at; a rule's `code` is stable."""

    level: Literal["error", "warning"]
    place: str
    code: str
    message: str


def lint(source: str | Path | Mapping[str, Any] | Rubric) -> list[Finding]:
    """Return the findings on what `load_rubric` takes: all errors at once, or, without any, warnings."""
    if isinstance(source, Rubric):
        return _warnings(source)
    try:
        raw = source if isinstance(source, Mapping) else read_mapping(find(source))
    except InputError as error:
        message = str(error).removeprefix(f"{source}: ")
        return [Finding("error", str(source), "unreadable", message)]
    try:
        rubric = Rubric.model_validate(dict(raw))
    except ValidationError as error:
        return [Finding("error", each.place, "refused", each.message) for each in complaints(error, raw)]
    return _warnings(rubric)


def _warnings(rubric: Rubric) -> list[Finding]:
    found = [
        _warning(criterion.id, *told.split(": ", 1))
        for criterion in rubric.leaves
        for rule in _RULES
        for told in rule(criterion)
        if not (rubric.needs and told.startswith("needs: "))
    ]
    return [*found, *_duplicates(rubric), *_lopsided(rubric)]


def _warning(name: str, code: str, message: str) -> Finding:
    return Finding("warning", f"criterion {name!r}", code, message)


def _wants_fault(criterion: Criterion) -> bool:
    """Tell whether a high value of this criterion is bad news."""
    return criterion.veto is not None or criterion.weight < 0


def _compound(criterion: Criterion) -> Iterator[str]:
    if what := compound(criterion.text):
        yield (
            f"compound: asks two things at once ({what}); an answer cannot say which of them failed; "
            "make two criteria of it"
        )


def _anchors(criterion: Criterion) -> Iterator[str]:
    scale = criterion.scale
    if criterion.about == "pair":  # pairs are judged on a scale of their own
        return
    if not isinstance(scale, Labels):
        if not criterion.anchors:
            yield (
                "anchors: is a scale of numbers without any anchor, so raters will use different parts of "
                "it; say what its two ends mean"
            )
        return
    bare = [label for label in scale.labels if label not in criterion.anchors]
    if len(scale.labels) > 2 and bare:
        none = len(bare) == len(scale.labels)
        what = "no anchors" if none else f"no anchor for {', '.join(bare)}"
        yield f"anchors: has {what}, so raters fill the gap each in their own way; say what each label means"


def _labels(criterion: Criterion) -> Iterator[str]:
    scale = criterion.scale
    if not isinstance(scale, Labels):
        return
    if len(scale.labels) > _MOST_LABELS:
        yield (
            f"many_labels: has {len(scale.labels)} labels, more than raters can keep apart; "
            f"use at most {_MOST_LABELS}, or a scale of numbers"
        )
    everything = [*scale.labels[:_MOST_COMPARED], *filter(None, [scale.cannot_tell])]
    folded = sorted(((label, fold(label)) for label in everything), key=lambda each: len(each[0]))
    for n, (long, text) in enumerate(folded):
        short = next((label for label, part in folded[:n] if contained(part, text)), None)
        if short is not None:
            yield (
                f"labels_overlap: has the label {short!r} inside the label {long!r}, which people and judges "
                "mix up; use words that do not contain each other, or numbers with anchors"
            )
    even = [i / (len(scale.labels) - 1) for i in range(len(scale.labels))]
    if scale.kind == "nominal" and len(scale.labels) > 2 and list(scale.values) == even:
        yield (
            "nominal_values: has a nominal scale with evenly rising values, though its labels have no order; "
            "say in 'values' what each label is worth"
        )


def asked_back(rubric: Rubric) -> list[str]:
    """Return what should be asked of a rubric before anything is paid for: not wrong, and hardly meant."""
    return [
        f"rubric {rubric.id!r}, criterion {criterion.id!r}: {told.split(': ', 1)[1]}"
        for criterion in rubric.leaves
        for told in _two_ends(criterion)
    ]


def _two_ends(criterion: Criterion) -> Iterator[str]:
    scale = criterion.scale
    if not isinstance(scale, Labels) or len(scale.labels) > 2 or len(criterion.anchors) == 2:
        return
    if all(_WHOLE.fullmatch(label) for label in scale.labels):
        low, high = map(int, scale.labels)
        if abs(high - low) > 1:
            yield (
                f"two_ends: has a scale of the two labels {low} and {high} and nothing between them; write "
                f"`scale: {low}-{high}` if the whole range is meant, or give both labels an anchor if not"
            )


def _direction(criterion: Criterion) -> Iterator[str]:
    scale, text = criterion.scale, criterion.text
    if (criterion.veto is not None and criterion.weight > 0) or (criterion.gate and criterion.weight < 0):
        kind = "veto" if criterion.veto else "gate"
        yield (
            f"against_itself: is a {kind} with weight {criterion.weight:g}, so one label is rewarded and "
            "punished at once; change the sign, or leave the weight out"
        )
    elif isinstance(scale, Labels) and len(scale.labels) > 2:
        low, high = scale.labels[0], scale.labels[-1]
        worst, best = (polarity(f"{x} {criterion.anchors.get(x, '')}") for x in (low, high))
        if criterion.weight < 0 and best >= 0 and (best > 0 or worst < 0):
            yield (
                f"penalised_best: has a negative weight, but its labels run from {low!r} (worst) to {high!r} "
                "(best), so the best label costs most; make the weight positive, or let the top label be "
                "the worst fault"
            )
    elif not (isinstance(scale, Labels) and fold(scale.labels[-1]) in _AFFIRMING):
        return
    elif _wants_fault(criterion) and states_virtue(text):
        yield (
            f"penalised_virtue: takes the score down where {scale.labels[-1]!r} is said, but reads like "
            "praise; word it as the fault, or make it a positive weight or a gate"
        )
    elif not _wants_fault(criterion) and states_fault(text):
        yield (
            f"rewarded_fault: lifts the score where {scale.labels[-1]!r} is said, but describes a fault; "
            "give it a negative weight or 'veto: true', or word it as what should hold"
        )


def _text(criterion: Criterion) -> Iterator[str]:
    if len(criterion.text) > _LONG:
        yield (
            f"long: has a text of {len(criterion.text)} characters; judges weigh its parts differently each "
            "time; move what holds for all criteria to 'guidelines' and levels to 'anchors', or split it"
        )
    if not criterion.anchors and (word := vague(criterion.text)):
        yield (
            f"vague: says {word!r} without an anchor, which every rater fills in their own way; "
            "say what can be seen in the text, or add anchors"
        )


def _undecided(criterion: Criterion) -> Iterator[str]:
    if criterion.if_undecided != "abstain" and criterion.scale.cannot_tell is None:
        yield (
            f"undecided_unused: has if_undecided: {criterion.if_undecided}, but its scale offers no way to "
            "say so; add 'cannot_tell' to the scale, or remove it"
        )


def _duplicates(rubric: Rubric) -> Iterator[Finding]:
    firsts: dict[tuple[str, str], str] = {}
    for c in rubric.leaves:
        first = firsts.setdefault((c.about, fold(c.text)), c.id)
        if first != c.id:
            yield _twice(c.id, "the same text as", first)
    texts = list(islice(firsts.items(), _MOST_COMPARED))
    for ((about, a), first), ((about_too, b), second) in combinations(texts, 2):
        if about == about_too and (alike := _alike(a, b)) > _ALIKE:
            yield _twice(second, f"{alike:.0f} % of its text in common with", first)
    if len(firsts) > _MOST_COMPARED:
        yield Finding(
            "warning",
            "rubric",
            "many_criteria",
            f"has {len(firsts)} criteria, of which the first {_MOST_COMPARED} were compared for texts nearly "
            "the same; split it",
        )


def _alike(a: str, b: str) -> float:
    """Return the per cent of characters in common; of long texts only what they begin with is compared."""
    return fuzz.ratio(a[:_LONGEST_COMPARED], b[:_LONGEST_COMPARED], score_cutoff=_ALIKE)


def _twice(name: str, what: str, first: str) -> Finding:
    return _warning(
        name,
        "duplicate",
        f"has {what} {first!r}, so one thing counts twice; remove one, or say what sets them apart",
    )


def _lopsided(rubric: Rubric) -> Iterator[Finding]:
    shares = dict(_shares(rubric.criteria, 1.0))
    if len(shares) < 3:
        return
    for name, share in shares.items():
        if share > _MOST_SHARE:
            yield _warning(
                name,
                "lopsided",
                f"carries {share:.0%} of the weight, so the other {len(shares) - 1} hardly move the score; "
                "make it a gate, or bring the weights nearer to each other",
            )


def _shares(nodes: tuple[Node, ...], share: float) -> Iterator[tuple[str, float]]:
    """Return (id, share of all weight) of each criterion that has a weight."""
    total = sum(abs(node.weight) for node in nodes)
    for node in nodes:
        if not node.weight:
            continue
        own = share * abs(node.weight) / total
        if isinstance(node, Criterion):
            yield node.id, own
        else:
            yield from _shares(node.criteria, own)


def _undeclared(criterion: Criterion) -> Iterator[str]:
    for need, words in _NAMED.items():
        there = need in criterion.needs or (need == "reference" and criterion.reference is not None)
        if not there and words.search(criterion.text[:_LONGEST_COMPARED]):
            yield (
                f"needs: speaks of {need.replace('_', ' ')}, and items without it would be judged all the "
                f"same; declare `needs: [{need}]`, for the criterion or the rubric"
            )


_RULES: tuple[Callable[[Criterion], Iterator[str]], ...] = (
    _compound, _anchors, _labels, _two_ends, _direction, _text, _undecided, _undeclared,
)  # fmt: skip
"""Rules for a criterion; each tells what it found as `code: message`."""

r"""Verdicts in free text: lines that carry the tag, then the last explicit verdict.

"Explicit" is a closed list of forms in which judges state a verdict ("Score: 4", "I give it a 4
out of 5", "[RESULT] 4", "\boxed{4}", a last line that is nothing but a label). A number in prose
is none of them.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from judgekit.protocols.labels import CUT, Reading, bare_label, read_label
from judgekit.protocols.quoted import Quoted, said
from judgekit.scales import Labels, Scale, fold

_KEYWORDS = (
    "score", "rating", "verdict", "grade", "label", "answer", "decision", "result", "conclusion", "mark",
    "assessment", "judg(?:e)?ment",
    "评分", "得分", "分数", "评价", "判断", "结论", "答案", "评级",
    "スコア", "評価", "判定", "점수", "평가",
    "bewertung", "urteil", "punktzahl", "beoordeling", "betyg", "note", "nota", "voto",
    "puntuación", "puntaje", "calificación", "valoración", "veredicto",
    "punteggio", "valutazione", "verdetto", "pontuação", "avaliação",
    "оценка", "балл", "вердикт", "ocena", "puan", "điểm", "التقييم", "الدرجة", "स्कोर", "अंक",
)  # fmt: skip
_SEPARATOR = r"(?:[:\uff1a=\u2192|]|->|=>|-{1,2}(?![0-9])|\u2013|\u2014)"
_MARKUP = r"[\s*_`\"'#>\[(]*"
_PUNCTUATION = " .,;:!?()[]{}<>="
PLACEHOLDER = "LABEL"  # what stands for a label in our own prompt
_BLANK = Reading("empty", PLACEHOLDER)
_SAYS = {"label", "undecided"}
_TRUST = 3  # words: "Verdict: hard to say" is a verdict off the scale, a longer sentence is none
_NUMBER_WORDS = "zero|one|two|three|four|five|six|seven|eight|nine|ten"
_NEVER = r"(?!(?:not|never|cannot|unable|hardly|from|between|to)\b)"
_GIVE = (
    rf"\b(?:i|we)(?:['\u2019](?:d|ll|ve))?\s+(?:{_NEVER}\w+\s+){{0,3}}?"
    r"(?:give|gave|giving|rate|score|grade|assign|award|mark)(?:d|ing|ed)?\b"
)


@dataclass(frozen=True, slots=True)
class _Stated:
    """A verdict in the text: where it begins and ends, what it says, and the expression itself."""

    start: int
    end: int
    reading: Reading
    expression: str
    line: bool = False  # a bare label, which is quoted only where a whole line is quoted


def tagged(
    text: str, tag: str, ids: Sequence[str], scales: Sequence[Scale], *, truncated: bool
) -> dict[str, Reading]:
    """Readings of the lines that carry the tag; of several for a criterion, the last.

    A line cut off at the very end of a truncated reply reads as cut.
    """
    if not tag or tag not in text:
        return {}
    found: dict[str, Reading] = {}
    # A judge may quote the fences, which carry the tag as well and say nothing.
    clean = re.sub(rf"<[^<>\n]*{tag}\s*>", "", text)
    for line in clean.splitlines(keepends=True):
        if tag not in line:
            continue
        words = unicodedata.normalize("NFKC", line.rsplit(tag, 1)[1])
        cut = truncated and not line.endswith("\n")
        about = _about(words, ids, scales)
        if about:
            found |= [(cid, CUT if cut else r) for cid, r in about if r is not _BLANK][:1]
        elif len(ids) == 1 and _is_verdict(reading := _value(scales[0], words), words):
            found[ids[0]] = CUT if cut else reading
    return found


def _about(words: str, ids: Sequence[str], scales: Sequence[Scale]) -> list[tuple[str, Reading]]:
    """Which criterion a line is about and what it says; the likeliest first, where ids are alike."""
    bare = re.sub(rf"^{_MARKUP}[\]>)]*(?:{_SEPARATOR})?{_MARKUP}", "", words)
    about = []
    for cid, scale in zip(ids, scales, strict=True):
        for text in (words.lstrip(), bare):
            if (value := _after_id(text, cid)) is not None:
                blank = value.strip(" *`_") == PLACEHOLDER and scale.value(PLACEHOLDER) is None
                reading = _BLANK if blank else _value(scale, value)
                rank = (reading.kind not in _SAYS, not text.startswith(cid), -len(cid))
                about.append((rank, cid, reading))
                break
    return [(cid, reading) for _, cid, reading in sorted(about, key=lambda each: each[0])]


def _after_id(text: str, cid: str) -> str | None:
    """What follows a criterion's id at the start of a text; None if it is about another."""
    name = re.escape(unicodedata.normalize("NFKC", cid).strip())
    found = re.match(rf"{name}[\s*_`\"'\])]*(?:{_SEPARATOR}|\bis\b)?", text, re.IGNORECASE)
    if found is None:
        return None
    after = text[found.end() :]
    return after if re.match(r"\w", after) is None or found[0][-1:] in " :=|\uff1a" else None


def _value(scale: Scale, text: str) -> Reading:
    """The label in what follows an id, as it stands or without signs in front of it."""
    exact = read_label(scale, text.strip())
    return exact if exact.kind in _SAYS else read_label(scale, text.lstrip(" \t*_`\"'|-\u2013\u2014>\u2192"))


def by_id(
    text: str, ids: Sequence[str], scales: Sequence[Scale], quoted: Quoted, *, truncated: bool
) -> dict[str, Reading]:
    """Readings of untagged lines `criterion: label`, for several criteria; the last of each."""
    found: dict[str, Reading] = {}
    for line in text.splitlines(keepends=True):
        about = []
        for cid, scale in zip(ids, scales, strict=True):
            if (stated := _line_about(line, cid, scale, quoted)) is not None:
                about.append(((stated.kind not in _SAYS, cid not in line, -len(cid)), cid, stated))
        for _, cid, reading in sorted(about, key=lambda each: each[0])[:1]:
            found[cid] = CUT if truncated and not line.endswith("\n") else reading
    return found


def _line_about(line: str, cid: str, scale: Scale, quoted: Quoted) -> Reading | None:
    """What an untagged line says on a criterion; None if it says nothing or is a quotation."""
    bare = re.sub(r"^[\s*_`#>|\-\u2022\d.)(]+(?=\D)", "", unicodedata.normalize("NFKC", line))
    name = re.escape(unicodedata.normalize("NFKC", cid).strip())
    match = re.match(rf"[\"'*_`\[]*{name}[\s*_`\"'\]]*{_SEPARATOR}(.+)", bare, re.IGNORECASE)
    if match is None:
        return None
    value = match[1].split("|")[0] or match[1]  # the next cell of a table
    expression = _shortest(scale, match[0][: match.start(1)], value)
    if quoted.holds(said(expression).strip(_PUNCTUATION)):
        return None
    return reading if _is_verdict(reading := _value(scale, value), value) else None


def last_explicit(text: str, cid: str, scale: Scale, quoted: Quoted, *, truncated: bool) -> Reading | None:
    """The last verdict stated in the text that is no quotation; None if there is none."""
    own = [s for s in _stated(text, cid, scale) if not _is_quoted(s, quoted)]
    if not own:
        return None
    last = max(own, key=lambda each: (each.start, each.end))
    return CUT if truncated and last.end >= len(text) else last.reading


def _is_quoted(stated: _Stated, quoted: Quoted) -> bool:
    words = said(stated.expression).strip(_PUNCTUATION)
    if not stated.line:
        return quoted.holds(words)
    bare = words == fold(stated.reading.label) or words.isalnum()
    return quoted.offers(words) if bare else quoted.holds(words)


def _shortest(scale: Scale, before: str, value: str) -> str:
    """What is in front of a value and as much of the value as says the same.

    A judge that quotes goes on in the same line: `It says "Score: 5", which I leave aside`.
    """
    whole = read_label(scale, value)
    for word in re.finditer(r"[\w.%/]+|\S", value):
        if read_label(scale, value[: word.end()]) == whole:
            return before + value[: word.end()]
    return before + value


def _stated(text: str, cid: str, scale: Scale) -> Iterator[_Stated]:
    colon, guarded = _patterns(cid, scale)
    line_end = 0
    for match in colon.finditer(text):
        stated, end = read_label(scale, match["value"]), match.end("value")
        # "Score: 3. No, score: 4" says two things; "Score: 4 (note: minor slips)" says one.
        if stated.kind in _SAYS or (match.start() >= line_end and _is_verdict(stated, match["value"])):
            expression = _shortest(scale, match[0], match["value"])
            yield _Stated(match.start(), end, stated, expression)
        line_end = max(line_end, end)
    for match in guarded.finditer(text):
        group, value = next((n, each) for n, each in enumerate(match.groups(), 1) if each is not None)
        before = text[match.start() : match.start(group)]
        yield _Stated(match.start(), match.end(), read_label(scale, value), _shortest(scale, before, value))
    lines = text.splitlines(keepends=True)
    full = [i for i, line in enumerate(lines) if line.strip()]
    for i in dict.fromkeys(full[:1] + full[-1:]):  # a first line, or a last one, that is only a label
        if (reading := bare_label(scale, lines[i])) is not None:
            start = sum(map(len, lines[:i])) if i == full[-1] else -1
            end = start + len(lines[i].rstrip("\n"))
            yield _Stated(start, end + lines[i].endswith("\n"), reading, lines[i].strip(), line=True)


def _is_verdict(reading: Reading, value: str) -> bool:
    """Whether what follows a keyword is meant as a verdict at all."""
    if reading.kind in _SAYS:
        return True
    return reading.kind in {"off_scale", "unclear"} and 0 < len(value.split()) <= _TRUST


@lru_cache(maxsize=512)
def _patterns(cid: str, scale: Scale) -> tuple[re.Pattern[str], re.Pattern[str]]:
    keywords = "|".join([*_KEYWORDS, re.escape(cid)])
    colon = re.compile(
        rf"(?<![\w-])(?:{keywords})(?:[\s*_`]*\([^()\n]{{0,40}}\))?[\s*_`\"'\])]*{_SEPARATOR}{_MARKUP}"
        r"(?=(?P<value>[^\n]{1,160}))",
        re.IGNORECASE,
    )
    labels = [*scale.labels] if isinstance(scale, Labels) else []
    labels += [scale.cannot_tell] if scale.cannot_tell else []
    words = "|".join(re.escape(fold(label)) for label in sorted(labels, key=len, reverse=True))
    number = (
        r"-?[0-9]+(?:\.[0-9]+)?(?:\s*(?:/|out of|of)\s*[0-9]+|\s*%)?"
        rf"|(?:{_NUMBER_WORDS})(?:\s+out\s+of\s+(?:{_NUMBER_WORDS}|[0-9]+))?"
    )
    ends = r"(?=\s*(?:[.,;:!)\n]|$|because\b|since\b|for\b|on\b|points?\b|stars?\b))"
    value = rf"[*_`\"'\[]*({number}{'|' + words if words else ''})[*_`\"'\]]*{ends}"
    article = (
        rf"(?:\s+{_NEVER}[^\W\d]+){{0,6}}?\s+(?:as\s+|at\s+)?(?:an?\s+)?"
        r"(?:(?:score|rating|grade|mark)\s+(?:of\s+)?)?"
    )
    noun = r"\b(?:score|rating|grade|mark|verdict|label)\s+(?:of|is|(?:would|should|will)\s+be)\s+(?:an?\s+)?"
    closed = r"\[RESULT\]\s*([^\n]{1,80})|\[\[\s*([^\[\]\n]{1,60}?)\s*\]\]|\\boxed\s*\{([^{}\n]{1,60})\}"
    element = r"<(?:score|rating|verdict|label|answer|grade|result)>\s*([^<>\n]{1,80}?)\s*</"
    guarded = re.compile(rf"{closed}|{element}|{noun}{value}|{_GIVE}{article}{value}", re.IGNORECASE)
    return colon, guarded

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
from judgekit.protocols.quoted import Quoted
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
_SEPARATOR = r"(?:[:\uff1a=\u2192|]|->|=>|-{1,2}|\u2013|\u2014)"
_MARKUP = r"[\s*_`\"'#>\[(]*"
_TRUST = 3  # words: "Verdict: hard to say" is a verdict off the scale, a longer sentence is none
_NUMBER_WORDS = "zero|one|two|three|four|five|six|seven|eight|nine|ten"
_NEVER = r"(?!(?:not|never|cannot|unable|hardly|from|between|to)\b)"
_GIVE = (
    rf"\b(?:i|we)(?:['\u2019](?:d|ll|ve))?\s+(?:{_NEVER}\w+\s+){{0,3}}?"
    r"(?:give|gave|giving|rate|score|grade|assign|award|mark)(?:d|ing|ed)?\b"
)


@dataclass(frozen=True, slots=True)
class _Stated:
    """A verdict in the text: where it ends, what it says, and the expression itself."""

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
        said = unicodedata.normalize("NFKC", line.rsplit(tag, 1)[1])
        for cid, scale in zip(ids, scales, strict=True):
            value = _after_id(said, cid, needed=len(ids) > 1)
            if value is None:
                continue
            whole = line.endswith("\n") or not truncated
            found[cid] = read_label(scale, value) if whole else CUT
    return found


def _after_id(said: str, cid: str, *, needed: bool) -> str | None:
    """What follows a criterion's id on its line; None if the line is about another."""
    bare = re.sub(rf"^{_MARKUP}[\]>)]*{_SEPARATOR}?{_MARKUP}", "", said)
    if found := re.match(rf"{re.escape(cid)}[\s*_`\"'\])]*(?:{_SEPARATOR}|\bis\b)?", bare, re.IGNORECASE):
        after = bare[found.end() :]
        if re.match(r"\w", after) is None or found[0][-1:] in " :=|\uff1a":
            return after.lstrip(" \t*_`\"'|-\u2013\u2014>\u2192")
    return None if needed else bare


def by_id(
    text: str, ids: Sequence[str], scales: Sequence[Scale], quoted: Quoted, *, truncated: bool
) -> dict[str, Reading]:
    """Readings of untagged lines `criterion: label`, for several criteria; the last of each."""
    found: dict[str, Reading] = {}
    for line in text.splitlines(keepends=True):
        bare = re.sub(r"^[\s*_`#>|\-\u2022\d.)(]+(?=\D)", "", unicodedata.normalize("NFKC", line))
        for cid, scale in zip(ids, scales, strict=True):
            match = re.match(
                rf"[\"'*_`\[]*{re.escape(cid)}[\s*_`\"'\]]*{_SEPARATOR}(.+)", bare, re.IGNORECASE
            )
            if match is None or quoted.holds(line.strip()):
                continue
            if truncated and not line.endswith("\n"):
                found[cid] = CUT
                continue
            value = match[1].split("|")[0] or match[1]  # the next cell of a table
            if _is_verdict(reading := read_label(scale, value), value):
                found[cid] = reading
    return found


def last_explicit(text: str, cid: str, scale: Scale, quoted: Quoted, *, truncated: bool) -> Reading | None:
    """The last verdict stated in the text that is no quotation; None if there is none."""
    own = [s for s in _stated(text, cid, scale) if not _is_quoted(s, quoted)]
    if not own:
        return None
    last = max(own, key=lambda each: each.end)
    return CUT if truncated and last.end >= len(text) else last.reading


def _is_quoted(stated: _Stated, quoted: Quoted) -> bool:
    return quoted.holds_line(stated.expression) if stated.line else quoted.holds(stated.expression)


def _stated(text: str, cid: str, scale: Scale) -> Iterator[_Stated]:
    colon, guarded = _patterns(cid, scale)
    for match in colon.finditer(text):
        stated = read_label(scale, match["value"])
        if _is_verdict(stated, match["value"]):
            yield _Stated(match.end(), stated, match[0].strip())
    for match in guarded.finditer(text):
        value = next(group for group in match.groups() if group is not None)
        yield _Stated(match.end(), read_label(scale, value), match[0].strip())
    lines = text.splitlines()
    full = [i for i, line in enumerate(lines) if line.strip()]
    for i in dict.fromkeys(full[-1:] + full[:1]):  # a last line, or a first one, that is only a label
        if (reading := bare_label(scale, lines[i])) is not None:
            end = (
                len(text)
                if i == full[-1] and not text.endswith("\n")
                else sum(len(each) + 1 for each in lines[: i + 1])
            )
            yield _Stated(end if i == full[-1] else 0, reading, lines[i].strip(), line=True)


def _is_verdict(reading: Reading, value: str) -> bool:
    """Whether what follows a keyword is meant as a verdict at all."""
    if reading.kind in {"label", "undecided"}:
        return True
    return reading.kind in {"off_scale", "unclear"} and 0 < len(value.split()) <= _TRUST


@lru_cache(maxsize=512)
def _patterns(cid: str, scale: Scale) -> tuple[re.Pattern[str], re.Pattern[str]]:
    keywords = "|".join([*_KEYWORDS, re.escape(cid)])
    colon = re.compile(
        rf"(?<![\w-])(?:{keywords})(?:[\s*_`]*\([^()\n]{{0,40}}\))?[\s*_`\"'\])]*{_SEPARATOR}{_MARKUP}"
        r"(?P<value>[^\n]{1,160})",
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

r"""Verdicts in free text: lines that carry the tag, then the last explicit verdict.

"Explicit" is a closed list of forms ("Score: 4", "I give it a 4 out of 5", "[RESULT] 4", "\boxed{4}", a last
line that is nothing but a label). A number in prose is none, nor is a verdict that is turned down, asked,
conditional or somebody else's, nor one of a form that the judged texts hold.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from judgekit.protocols.reading.labels import CUT, UNCLEAR, Reading, bare_label, is_vague, read_label
from judgekit.protocols.reading.material import LAST, Material, seen
from judgekit.protocols.reading.replies import PROSE
from judgekit.scales import Labels, Scale, fold, nfkc

KEYWORDS = (
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
_AROUND = r"[\s*_`\"'\])]{0,12}"  # what may stand between a name and its separator
_MARKUP = re.compile(r"[\s*_`\"'#\[(]*+")
_BULLET = re.compile(r"[\s*_`#>|\-\u2022\d.)(\"'\[]*+(?=\D)|[\s*_`#>|\-\u2022\"'\[(]*+")
_AFTER_NAME = re.compile(rf"{_AROUND}(?:({_SEPARATOR})|\bis\b)?")
_LEADING = re.compile(rf"[\s*_`\"'#>\[(]*+[\]>)]*+(?:{_SEPARATOR})?[\s*_`\"'#>\[(]*+")
_NAMED = re.compile(rf"\W*+([^\W\d][\w '\-]{{0,80}}?){_AROUND}{_SEPARATOR}")
_PLAIN = frozenset((*KEYWORDS, "final answer", "final score", "final verdict", "final rating", "judgment"))
"""What a tagged line may name instead of its criterion."""
PLACEHOLDER = "LABEL"  # what stands for a label in our own prompt
_BLANK = Reading("empty", PLACEHOLDER)
_SAYS = {"label", "undecided"}
_TRUST = 3  # words: "Verdict: hard to say" is a verdict off the scale, a longer sentence is none
_VALUE = 160  # characters after a keyword in which its label stands
_NUMBER_WORDS = "zero|one|two|three|four|five|six|seven|eight|nine|ten"
_NEVER = r"(?!(?:not|never|cannot|unable|hardly|from|between|to)\b)"
_GIVE = (
    rf"\b(?:i|we)(?:['\u2019](?:d|ll|ve))?\s{{1,3}}(?:{_NEVER}\w{{1,20}}\s{{1,3}}){{0,3}}?"
    r"(?:give|gave|giving|rate|score|grade|assign|award|mark)(?:d|ing|ed)?\b"
)
_NOUN = (
    r"\b(?:score|rating|grade|mark|verdict|label|answer)\s{1,3}"
    r"(?:of|is|(?:would|should|will)\s{1,3}be)\s{1,3}(?:an?\s{1,3})?"
)
_FIXED = {
    "result": re.compile(r"\[result\]"),
    "brackets": re.compile(r"\[\["),
    "boxed": re.compile(r"boxed\s{0,9}\{"),
    "element": re.compile(r"<(?:score|rating|verdict|label|answer|grade|result)>"),
    "noun": re.compile(_NOUN),
    "give": re.compile(_GIVE),
}
"""How a verdict of each form begins."""
_CLOSED = (
    r"\[result\]\s{0,9}([^\n]{1,80})|\[\[([^\[\]\n]{1,80})\]\]|\\boxed\s{0,9}\{([^{}\n]{1,60})\}"
    r"|<(?:score|rating|verdict|label|answer|grade|result)>([^<>]{1,100})</"
)
_SENTENCE = re.compile(r"[.!?\u3002\uff01\uff1f]['\")*_\]]{0,3}\s|\n|\s/\s|[|;]")
_STATEMENT = re.compile(r"\n|\s/\s(?=[^\W\d])")
_OPENERS = re.compile(
    r"(?:(?:so|thus|therefore|hence|overall|final(?:ly)?|my|our|the|total|an?|and|then|now|wait|actually|no|yes|well|"
    r"ok(?:ay)?|in|on|of|by|with|for|from|to|as|at|i|we|it|this|that|these|is|are|gives?|here|below|above|"
    r"conclusion|conclude|summary|short|sum|up|all|correction|corrected|revised|updated|edit|result|responses?|"
    r"quality|judge?ment|numeric(?:al)?|integer|given|based|considering|following|follows|analysis|reasons?|"
    r"reasoning|criteri(?:on|a)|rubric|scale|points?|assign|rate|score|rating|verdict|grade|label|answer|"
    r"evaluation|assessment|explanation|justification)\b|[^\w])*+"
)
"""Words that lead to a verdict; any other in front of it may say whose it is."""
_TURNED_DOWN = re.compile(
    r"\b(?:not|never|neither|nor|cannot|if|unless|whether|had|were|would|could|might|may|than|instead|someone|"
    r"somebody|others?|some|claims?|claimed|says?|said|asks?|asked|demands?|demanded|wants?|wanted|tells?|told|"
    r"reads?|between|either|arguments?|example|e\.g|"
    r"according to the (?:response|text|author|writer))\b|n['\u2019]t\b"
)
_AFTERWARDS = re.compile(
    r"[*_`\"')\]]{0,5}(?:\s{0,3}\?|,?\s{1,3}(?:if|unless|were|had|would|only if)\b)", re.IGNORECASE
)
_ASKED = re.compile(r"\?[ *_`\"')\]]{0,9}(?:<[^<>\s]{1,30}>\s{0,3}){0,3}$")
_CORRECTS = re.compile(
    r"\b(?:actually|wait|correction|scratch that|second thoughts?|on reflection|make (?:that|it)|i mean|"
    r"rather|changed? my mind)\b"
)
_CORRECTED = 400  # letters after a label in which it may be corrected
_STRUCK = re.compile(r"~~[^~\n]{1,400}~~")


@dataclass(frozen=True, slots=True)
class _Stated:
    """A verdict in the text: its form, where it begins and ends, and what it says."""

    form: str
    start: int
    end: int
    reading: Reading
    at: int  # where its label begins


def tagged(
    text: str, tag: str, ids: Sequence[str], scales: Sequence[Scale], *, truncated: bool
) -> dict[str, Reading]:
    """Read the lines with the tag, the last for each criterion; one cut off at a reply's very end is cut."""
    found: dict[str, Reading] = {}
    for line in tagged_lines(text, tag):
        words = nfkc(line)
        cut = truncated and not line.endswith("\n")
        about = _about(words, ids, scales)
        if about:
            found |= [(cid, CUT if cut else r) for cid, r in about if r is not _BLANK][:1]
        elif len(ids) == 1 and _is_verdict(reading := _unnamed(scales[0], words), words):
            found[ids[0]] = CUT if cut else reading
    return found


def tagged_lines(text: str, tag: str, placeholder: str = "") -> list[str]:
    """Return what follows the tag in each line that carries it, but for fences and our own prompt's line."""
    if not tag or tag not in text:
        return []
    lines = unfenced(text, tag).splitlines(keepends=True)
    found = [line.rsplit(tag, 1)[1] for line in lines if tag in line]
    return [line for line in found if not (placeholder and line.rstrip(" \n*`_").endswith(placeholder))]


def without_tag(text: str, tag: str) -> str:
    """Return the words of a reply, without the lines that carry the tag."""
    return "\n".join(line for line in text.strip().splitlines() if not tag or tag not in line).strip()


def unfenced(text: str, tag: str) -> str:
    """Return a text without fences: a judge may quote them, and they carry the tag and say nothing."""
    return re.sub(rf"<[^<>\n]*{re.escape(tag)}\s*+>", "", text)


def _unnamed(scale: Scale, words: str) -> Reading:
    """Read a line with the tag that does not name the only criterion; nothing if it names another."""
    named = _NAMED.match(words)
    if named is None or fold(named[1]) in _PLAIN or read_label(scale, named[1]).kind in _SAYS:
        return _value(scale, words)
    return _BLANK


def _about(words: str, ids: Sequence[str], scales: Sequence[Scale]) -> list[tuple[str, Reading]]:
    """Return which criterion a line is about and what it says; the likeliest first, where ids are alike."""
    bare = _LEADING.sub("", words, count=1)
    about = []
    for cid, scale in zip(ids, scales, strict=True):
        for text in (words.lstrip(), bare):
            if (value := _after_id(text, cid)) is not None:
                blank = value.strip(" \n*`_") == PLACEHOLDER and scale.value(PLACEHOLDER) is None
                reading = _BLANK if blank else _value(scale, value)
                rank = (reading.kind not in _SAYS, not text.startswith(cid), -len(cid))
                about.append((rank, cid, reading))
                break
    return [(cid, reading) for _, cid, reading in sorted(about, key=lambda each: each[0])]


def _after_id(text: str, cid: str, *, parted: bool = False) -> str | None:
    """Return what follows a criterion's id (if `parted`, a separator too) at the start of a text, or None."""
    name = _name(cid)
    if text[: len(name)].casefold() != name.casefold():
        return None
    found = _AFTER_NAME.match(text, len(name))
    if found is None or (parted and not found[1]):
        return None
    after = text[found.end() :]
    goes_on = (after[:1].isalnum() or after[:1] == "_") and text[found.end() - 1] not in " :=|\uff1a"
    return None if goes_on and not found[1] else after


@lru_cache(maxsize=1024)
def _name(cid: str) -> str:
    return nfkc(cid).strip()


def _value(scale: Scale, text: str) -> Reading:
    """Read the label in what follows an id, as it stands or without signs in front of it."""
    exact = read_label(scale, text.strip())
    if exact.kind in _SAYS or is_vague(text):
        return exact
    return read_label(scale, text.lstrip(" \t*_`\"'|-\u2013\u2014>\u2192"))


def by_id(
    text: str, ids: Sequence[str], scales: Sequence[Scale], material: Material, *, truncated: bool
) -> dict[str, Reading]:
    """Read the last line `criterion: label` of each criterion; none if the judged texts hold such a line."""
    found: dict[str, Reading] = {}
    for line in seen(_last(text)).splitlines(keepends=True):
        bare = line[_BULLET.match(line).end() :]  # type: ignore[union-attr]  # it matches the empty text
        about = []
        for cid, scale in zip(ids, scales, strict=True):
            value = next((v for t in (line, bare) if (v := _after_id(t, cid, parted=True)) is not None), None)
            if value is None or not value.strip():
                continue
            value = value.split("|")[0] or value  # the next cell of a table
            if _is_verdict(reading := _value(scale, value), value):
                about.append(((reading.kind not in _SAYS, cid not in line, -len(cid)), cid, reading))
        for _, cid, reading in sorted(about, key=lambda each: each[0])[:1]:
            found[cid] = CUT if truncated and not line.endswith("\n") else reading
    return {} if found and material.hold(_id_lines(tuple(ids))) else found


@lru_cache(maxsize=256)
def _id_lines(ids: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(re.escape(fold(cid)) for cid in ids)
    return re.compile(rf"(?<!\w)(?:{names}){_AROUND}{_SEPARATOR}")


def last_explicit(
    text: str, cid: str, scale: Scale, material: Material, *, truncated: bool
) -> Reading | None:
    """Return the last verdict stated in the text, of a form that the judged texts do not hold, or None."""
    text = seen(_STRUCK.sub("", _last(text))).casefold()
    stated = sorted(_stated(text, cid, scale), key=lambda each: (each.start, each.end), reverse=True)
    held: dict[str, bool] = {}
    for last in stated:
        if last.form not in held:
            held[last.form] = material.hold(_form(last.form, cid, scale))
        if not held[last.form]:
            if truncated and last.end >= len(text):
                return CUT
            return UNCLEAR if _is_corrected(text[last.at :], scale) else last.reading
    return None


def _form(form: str, cid: str, scale: Scale) -> re.Pattern[str]:
    """Return how a verdict of a form begins in a judged text."""
    return _colon(cid) if form == "colon" else _offered(scale) if form == "line" else _FIXED[form]


def _last(text: str) -> str:
    """Return what of a text is looked through: its end, from the beginning of a line."""
    return text if len(text) <= PROSE else text[-PROSE:].partition("\n")[2]


def _is_corrected(after: str, scale: Scale) -> bool:
    """Tell whether what follows a verdict corrects it and offers another label."""
    corrects = _CORRECTS.search(after, 0, _CORRECTED)
    return corrects is not None and _labels(scale).search(after, corrects.end(), _CORRECTED) is not None


@lru_cache(maxsize=512)
def _labels(scale: Scale) -> re.Pattern[str]:
    """Match a label of a scale as a word; of a scale of numbers, or of labels that are, any number."""
    words = [fold(label) for label in scale.labels] if isinstance(scale, Labels) else []
    numbers = not words or any(word[-1:].isdigit() for word in words)
    named = [re.escape(word) for word in sorted(words, key=len, reverse=True)]
    named += ["[0-9]{1,20}", _NUMBER_WORDS] if numbers else []
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(named)})(?![^\W_])")


@lru_cache(maxsize=512)
def _offered(scale: Scale) -> re.Pattern[str]:
    """Match a label put forward: as the last word of a line or sentence, or in quotation marks."""
    marked = r"[^\S\n]*+[.!?\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb)\]}<]"
    return re.compile(rf"{_labels(scale).pattern}(?={LAST}|{marked})")


def _stated(text: str, cid: str, scale: Scale) -> Iterator[_Stated]:
    line_end = 0
    for match in _colon(cid).finditer(text):
        start = _MARKUP.match(text, match.end()).end()  # type: ignore[union-attr]  # it matches the empty text
        value = _STATEMENT.split(text[start : start + _VALUE], maxsplit=1)[0]
        reading, end = read_label(scale, value), start + len(value)
        # "Score: 3. No, score: 4" says two things; "Score: 4 (note: minor slips)" says one.
        said = reading.kind in _SAYS or (match.start() >= line_end and _is_verdict(reading, value))
        if value and said and _is_meant(text, match.start(), start, value):
            plain = _leads_to(text, match.start(), cid)
            yield _Stated("colon", match.start(), end, reading if plain else UNCLEAR, start)
        line_end = max(line_end, end)
    for match in _guarded(scale).finditer(text):
        group = next(n for n, each in enumerate(match.groups(), 1) if each is not None)
        form = ("result", "brackets", "boxed", "element", "noun", "give")[group - 1]
        value = match[group]
        if _is_meant(text, match.start(), match.start(group), value):
            yield _Stated(form, match.start(), match.end(), read_label(scale, value), match.start(group))
    yield from _bare_lines(text, scale)


def _is_meant(text: str, start: int, at: int, value: str) -> bool:
    """Tell whether a verdict is stated at all: not turned down, asked, or under a condition."""
    return not (
        is_turned_down(text, start)
        or _AFTERWARDS.match(text, at + len(value.rstrip()))
        or (_ASKED.search(value) and len(value.split()) <= _TRUST)
    )


def is_turned_down(text: str, at: int) -> bool:
    """Tell whether the words before a place in its sentence turn down what follows, or make it another's."""
    return _TURNED_DOWN.search(_sentence_before(text, at)) is not None


def _leads_to(text: str, start: int, cid: str) -> bool:
    """Tell whether the words before a verdict in its sentence are such as lead to it: "Overall, my final"."""
    before = _sentence_before(text, start).replace(fold(cid), "")
    return before.rstrip()[-1:] == "," or _OPENERS.fullmatch(before) is not None


def _sentence_before(text: str, at: int) -> str:
    return _SENTENCE.split(text[max(at - 200, 0) : at])[-1].casefold()


def _bare_lines(text: str, scale: Scale) -> Iterator[_Stated]:
    """Find a first line, or a last one, that is only a label."""
    lines = text.splitlines(keepends=True)
    full = [i for i, line in enumerate(lines) if line.strip()]
    for i in dict.fromkeys(full[:1] + full[-1:]):
        if i and lines[i - 1].strip() and lines[i - 1].rstrip()[-1:].isalnum():
            continue  # a sentence that goes on
        if (reading := bare_label(scale, lines[i])) is not None:
            start = sum(map(len, lines[:i])) if i == full[-1] else -1
            end = start + len(lines[i].rstrip("\n"))
            yield _Stated("line", start, end + lines[i].endswith("\n"), reading, end)


def _is_verdict(reading: Reading, value: str) -> bool:
    """Tell whether what follows a keyword is meant as a verdict at all."""
    if reading.kind in _SAYS:
        return True
    return reading.kind in {"off_scale", "unclear"} and 0 < len(value.split()) <= _TRUST


@lru_cache(maxsize=512)
def _colon(cid: str) -> re.Pattern[str]:
    keywords = "|".join([*KEYWORDS, re.escape(fold(cid))])
    return re.compile(rf"(?<![\w-])(?:{keywords})(?:[\s*_`]{{0,9}}\([^()\n]{{0,40}}\))?{_AROUND}{_SEPARATOR}")


@lru_cache(maxsize=512)
def _guarded(scale: Scale) -> re.Pattern[str]:
    labels = [*scale.labels] if isinstance(scale, Labels) else []
    labels += [scale.cannot_tell] if scale.cannot_tell else []
    words = "|".join(re.escape(fold(label)) for label in sorted(labels, key=len, reverse=True))
    number = (
        r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:\s{0,3}(?:/|out of|of)\s{0,3}[0-9]{1,20}|\s{0,3}%)?"
        rf"|(?:{_NUMBER_WORDS})(?:\s{{1,3}}out\s{{1,3}}of\s{{1,3}}(?:{_NUMBER_WORDS}|[0-9]{{1,20}}))?"
    )
    ends = r"(?=\s{0,9}(?:[.,;:!)\n]|$|because\b|since\b|for\b|on\b|points?\b|stars?\b))"
    value = rf"[*_`\"'\[]{{0,5}}({number}{'|' + words if words else ''})[*_`\"'\]]{{0,5}}{ends}"
    article = (
        rf"(?:\s{{1,3}}{_NEVER}[^\W\d]{{1,20}}){{0,6}}?\s{{1,3}}(?:as\s{{1,3}}|at\s{{1,3}})?(?:an?\s{{1,3}})?"
        r"(?:(?:score|rating|grade|mark)\s{1,3}(?:of\s{1,3})?)?"
    )
    return re.compile(rf"{_CLOSED}|{_NOUN}{value}|{_GIVE}{article}{value}")

"""Marks: the places in a recorded text where a judge put a verdict, by the convention that put it there.

A mark is explicit: brackets, a key, a keyword and its colon, a line of its own. A sentence is none. What
stands in a mark is told by whoever looks: the winner of a pair, or a label of a scale. Marks that are an
instruction ("[[A]] if A is better"), about the worse one, or taken back afterwards are doubtful, and silence
the text.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from judgekit.protocols.reading.lines import KEYWORDS
from judgekit.protocols.reading.objects import whole
from judgekit.protocols.reading.replies import REPLY, without_thoughts
from judgekit.protocols.reading.winners import NOUN, NUMBER, named
from judgekit.protocols.recorded import first_line_scores
from judgekit.scales import fold

Marks = dict[str, list[str]]
"""Convention -> what stands in its marks, in their order; nothing in one that is doubtful."""
Means = Callable[[str], str | None]
"""What stands in a mark -> the label it means, None where it is none."""

CONVENTIONS: Mapping[str, tuple[int, str]] = {
    "brackets": (3, "[[A]], [[B]], [[C]] for a tie, [[A>>B]], [[4]]"),
    "result_marker": (3, "[RESULT] 4, [RESULT] B"),
    "element": (3, "<verdict>A</verdict>, <score>4</score>"),
    "object": (3, '{"winner": "A"}, {"score": 4}, {"score_a": 8, "score_b": 7}'),
    "boxed": (3, "\\boxed{4}, for single responses only"),
    "first_line": (2, "8 9 on the first line, as FastChat's first judge"),
    "scores": (2, "Score of Assistant 1: 8, Score of Assistant 2: 7"),
    "line": (2, "a first or last line that says nothing else: Output (a), tie, A: Feedback 1 is better, 4"),
    "keyword": (2, "Verdict: A, Winner: Response 1, Score: 4; keyword:WORD for one of the words"),
}
"""Convention -> how strong its marks are (a stronger one is never overruled), and how they look."""

_VERDICTS = (
    "verdict", "winner", "decision", "preference", "preferred", "better", "best", "judg(?:e)?ment", "choice",
    "selection", "chosen", "selected", "pick", "vote", "outcome", "conclusion", "result", "answer",
    "evaluation", "final",
    "判断", "结论", "判定", "urteil", "veredicto", "verdetto", "вердикт",
)  # fmt: skip
_SOLVED = {"answer", "result", "conclusion"}
"""Keywords whose number may be the solution of the problem that was judged."""
_DIGIT = re.compile(r"[*_`($ ]*[-+]?\d")
_FEW = 4  # words of a value that is meant as a verdict; more are a sentence
_GRADES = (*KEYWORDS, "overall", "points", "evaluation", "final")
_BRACKETS = re.compile(r"\[\[([^\[\]\n]{1,80})\]\]")
_RESULT = re.compile(
    r"\[RESULT\][\s:*_]*+(?:(?:score|rating|verdict)[\s:*_]*+)?([^\n]{1,200})", re.IGNORECASE
)
_BOXED = re.compile(r"\\boxed\s{0,9}\{(?:\\text\{)?([^{}\n]{1,60})\}")
_WORDS = (
    "verdict|winner|decision|preference|preferred|choice|answer|judge?ment|result|score|rating|grade|label"
)
_ELEMENT = re.compile(rf"<((?:final_)?(?:{_WORDS}))>([^<>]{{1,200}})</\1>", re.IGNORECASE)
_IF = re.compile(r"['\"`\u201d\u2019*]{0,3},?[ \t]{1,3}(?:if|when|unless|for|means|or)\b", re.IGNORECASE)
_QUOTED = re.compile(
    r"\b(?:says?|said|claims?|states?|writes?|wrote|asks?|asked|contains?|includes?|reads?|demands?|tells?|ends?|"
    r"instruct\w*)\b[^.;!?\n\"\u201d]*+[\"'`\u201c\u2018]+$",
    re.IGNORECASE,
)
_WORSE = re.compile(
    r"\b(?:worse|worst|weaker|weakest|inferior|loser|loses|losing|rejected|rejects?|discards?|lower|if|"
    r"less (?:\w+ ){0,2}\w+)\b[^.,;!?\n]*+$|\b(?:not|never)\W*+$",
    re.IGNORECASE,
)
_CLAUSE = 80  # letters before a mark that say whose it is
_TAKEN_BACK = re.compile(
    r"\b(?:wait|correction|scratch that|on second thoughts?|on reflection|changed? my mind|take that back)\b"
    rf"|\bactually,? (?:make (?:it|that) |it's |it is )?(?:an? )?(?:\d|\[\[|[AB]\b|{NOUN} )"
    rf"|\bno, (?:\w+ )?(?:score|rating|verdict|winner|\d|{NOUN} )",
    re.IGNORECASE,
)
_FENCED = re.compile(r"```[^`]*+```")
_STRUCK = re.compile(r"~~[^~\n]{1,400}~~")
_LEAD = r"[ \t*_#\-\u2022`]*+"
_FINAL = r"(?:(?:so|thus|therefore|hence|in conclusion),? )?(?:(?:the|my|our|final|overall|total)\s++){0,3}"
_OVERALL = re.compile(r"\b(?:final|overall|total)\b", re.IGNORECASE)
_SCORED = r"(?:score|rating|points?|grade|mark)s?"
_SIDED = re.compile(
    rf"(?:^|[,;|]|(?<=[.!?])[ \t])[ \t*_#\-\u2022`(]*+({_FINAL})"
    rf"((?:{_SCORED}(?: (?:of|for))? )?(?:the )?(?:{NOUN}[ _#-]?)?)"
    rf"\(?([ab12])\)?(?:'s)?((?: {_SCORED})?)[*_]*+ ?[:=\uff1a][ \t*_]*+({NUMBER})"
    rf"(?: ?/ ?\d++| out of \d++)?(?: points?)?(?=[ \t*_.)]*+(?:$|[,;|]|and\b|\())",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_LOWER = re.compile(r"\b(?:lower|smaller|fewer|less) is (?:better|best)\b", re.IGNORECASE)
_FEWER = re.compile(
    r"\b(?:errors?|mistakes?|rank(?:s|ed|ings?)?|penalt\w+|violations?|faults?|length|tokens?|number of)\b",
    re.IGNORECASE,
)
"""What a line above two numbers may call them, of which fewer are better."""


def marks_in(text: str, means: Means, *, pairs: bool, names: tuple[str, ...] = ()) -> Marks:
    """Return the marks of each convention that a text has; `names` are the criterion's, as keywords."""
    text = without_thoughts(text) if len(text) <= REPLY else ""
    text = _STRUCK.sub("", text)
    found: Marks = {}
    for name, where in (
        ("brackets", _BRACKETS),
        ("result_marker", _RESULT),
        ("element", _ELEMENT),
        ("boxed", _BOXED),
    ):
        if not (pairs and name == "boxed") and (values := list(_closed(text, where, pairs=pairs))):
            found[name] = values
    if values := list(_in_object(text, pairs=pairs, names=names)):
        found["object"] = values
    if pairs:
        found |= {name: [scores] for name, scores in _scored(text).items()}
    bare = _FENCED.sub("", text)
    if lines := _lines(bare, means, pairs=pairs):
        found["line"] = lines
    for word, values in _keyworded(bare, means, pairs=pairs, names=names).items():
        found[f"keyword:{word}"] = values
    return found


def _closed(text: str, where: re.Pattern[str], *, pairs: bool) -> Iterator[str]:
    """Find marks that have an end of their own; of a `[[C]]` beside A and B everybody means a tie."""
    back = _taken_back(text)
    for found in where.finditer(text):
        value = found[found.lastindex or 1].strip()
        at = found.start()
        if not (_IF.match(text, found.end()) or _QUOTED.search(text, max(at - _CLAUSE, 0), at)):
            of_the_worse = not re.search("[<>=]", value) and _WORSE.search(_before(text, at))
            doubtful = at < back or of_the_worse or _asks_worse(text, at)
            tie = pairs and where is _BRACKETS and value in {"C", "c"}
            yield "" if doubtful else "tie" if tie else value


def _asks_worse(text: str, at: int) -> bool:
    """Tell whether what stands before a mark asks for the worse one."""
    before = text[max(at - 2 * _CLAUSE, 0) : at].rstrip(" \t\n*_#")
    return before.endswith("?") and _WORSE.search(before[:-1]) is not None


def _before(text: str, at: int) -> str:
    """Return the clause that leads to a mark."""
    return re.split(r"[.,;!?\n]", text[max(at - _CLAUSE, 0) : at].rstrip(": \t\"'*_`("))[-1]


def _in_object(text: str, *, pairs: bool, names: tuple[str, ...]) -> Iterator[str]:
    """Find what an object says at the keys of a verdict: the whole text, or the last object in it."""
    last = [found[0] for found in re.finditer(r"\{[^{}]{1,20000}\}", text)][-1:]
    found = next((found for each in (text, *last) if (found := whole(each)) is not None), None)
    if found is None:
        return
    words = (
        (*_VERDICTS, "label")
        if pairs
        else (*_GRADES, *(re.escape(fold(name.replace("_", " "))) for name in names))
    )
    key = re.compile(rf"(?:final |overall |total )?(?:{'|'.join(words)})(?: {NOUN})?(?: score)?")
    sides: dict[str, Any] = {}
    wanted = {fold(name) for name in names}
    top = found[0] if isinstance(found[0], dict) else {}
    own = [value for name, value in top.items() if fold(name) in wanted and isinstance(value, dict)]
    for called, value in _pairs_of(own[0] if own else found[0]):
        name = fold(called.replace("_", " "))
        if key.fullmatch(name) and isinstance(value, str | int | float) and not isinstance(value, bool):
            yield str(value)
        side = re.fullmatch(rf"(?:{_SCORED} )?(?:{NOUN} ?)?([ab12])(?: {_SCORED})?", name)
        if pairs and side and isinstance(value, int | float) and not isinstance(value, bool):
            sides[{"1": "a", "2": "b"}.get(side[1], side[1])] = value
    if len(sides) == 2:
        yield f"{sides['a']:g} {sides['b']:g}"


def _pairs_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of an object, and of the objects in it."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield str(name), each
            yield from _pairs_of(each)


def _scored(text: str) -> dict[str, str]:
    """Return the two scores on the first line, and one for each side in lines or clauses of their own.

    FastChat's mathematics have theirs at the end, which are read where both rules find the same.
    """
    sided = list(_SIDED.finditer(text))
    found = {"scores": scores} if (scores := _by_side(text, sided)) else {}
    if (first := first_line_scores(text)) is not None:
        told = f"{first[0]:g} {first[1]:g}"
        if not sided or told == scores or first_line_scores(text.lstrip().partition("\n")[0]):
            found["first_line"] = told
    return found


def _by_side(text: str, sided: list[re.Match[str]]) -> str:
    """Return the one score of each side; those called overall count, where some are."""
    if _LOWER.search(text):
        return ""
    sided = [each for each in sided if each[2].strip() or each[4].strip() or each[3] not in "12"]
    above = text[max(sided[0].start() - 400, 0) : sided[0].start()].rstrip() if sided else ""
    heading = above.rpartition("\n")[2]
    if not sided or (_FEWER.search(heading) and len(heading.split()) <= 2 * _FEW):
        return ""
    by_side: dict[str, set[str]] = {"a": set(), "b": set()}
    for found in [each for each in sided if _OVERALL.search(each[1])] or sided:
        side = found[3].lower()
        by_side[{"1": "a", "2": "b"}.get(side, side)].add(f"{float(found[5]):g}")
    one_each = all(len(scores) == 1 for scores in by_side.values())
    return " ".join(scores.pop() for scores in by_side.values()) if one_each else ""


def _lines(text: str, means: Means, *, pairs: bool) -> list[str]:
    """Return the lines that are a verdict and nothing else, if the first or the last is one.

    A text of few words that says nothing known is one as well, so that a word nobody knows is seen. A number
    as the last line of a text about pairs may be the solution of a problem.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip("*_`# \t-")]
    if not lines:
        return []
    if len(lines) == 1 and len(lines[0].split()) <= _FEW and ":" not in lines[0]:
        return [] if pairs and named(lines[0]) is None and means(lines[0]) else lines
    known = [line for line in lines if (named(line) if pairs else means(line) and _is_bare(line)) is not None]
    known = [line for line in known if not line.startswith("#")]
    ends = {lines[0], *(lines[-1:] if not (pairs and lines[-1].strip("*_`(). ").isdigit()) else [])}
    return known if ends & set(known) else [each for each in lines[:1] if len(each.strip("*_`(). ")) == 1]


def _is_bare(line: str) -> bool | None:
    return True if len(line.split()) <= 6 and not re.search(r"[:;,]", line) else None


def _keyworded(text: str, means: Means, *, pairs: bool, names: tuple[str, ...]) -> Marks:
    """Return what follows each keyword and its colon, at the beginning of a line or sentence.

    Where some are called final or overall, those count. A keyword within a sentence is no mark, but where it
    says something else than a mark of its own, the text says two things.
    """
    words = _VERDICTS if pairs else (*_GRADES, *(re.escape(fold(name)) for name in names))
    back = _taken_back(text)
    stated: dict[str, list[tuple[bool, str]]] = {}
    aside: dict[str, list[str]] = {}
    for found in _keyword(words).finditer(text):
        word, value = found[3].casefold(), (found[5] or _next_line(text, found.end())).strip()
        meant = means(value)
        if not value or (found[4] is None and (word in _SOLVED or "final" not in found[2].casefold())):
            continue
        if pairs and word in _SOLVED and _DIGIT.match(value):
            continue
        if meant is None and not found[5] and len(value.split()) > _FEW:
            continue  # a heading, and what it is of
        if found[1] is None:
            aside.setdefault(word, []).append(value if meant else "")
        else:
            doubtful = found.start() < back or _asks_worse(text, found.start())
            stated.setdefault(word, []).append((bool(_OVERALL.search(found[2])), "" if doubtful else value))
    found_by: Marks = {}
    for word, each in stated.items():
        overall = [value for is_overall, value in each if is_overall]
        found_by[word] = (overall or [value for _, value in each]) + list(filter(None, aside.get(word, ())))
    return found_by


def _next_line(text: str, at: int) -> str:
    """Return the next line that says anything, which is what a heading of one keyword leads to."""
    return text[at : at + 400].lstrip("*_ \t\n").partition("\n")[0]


def _taken_back(text: str) -> int:
    """Return where a text last takes something back, -1 if nowhere; what was said before is doubtful."""
    return max((found.start() for found in _TAKEN_BACK.finditer(text)), default=-1)


@lru_cache(maxsize=64)
def _keyword(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        rf"(?:(^{_LEAD}|(?<=[.!?])\s{{1,3}}[*_]{{0,3}})|(?<![\w-]))({_FINAL})({'|'.join(words)})"
        rf"(?: {NOUN}| score)?(?:\s?\([^()\n]{{0,40}}\))?[ \t*_`]*+"
        rf"(?:(?:is ?)?([:\uff1a=\u2192])|is\b)[ \t*_`]*+(?=([^\n]{{0,200}}))",
        re.IGNORECASE | re.MULTILINE,
    )

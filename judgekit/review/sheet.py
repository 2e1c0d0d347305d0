"""Blind sheets out, and labels in: questions in random order, without any judge's verdict, and their answers.

What a question is about (item, response, the order shown) stands in a key that is kept apart from
the sheet, so that nobody who fills it in can see what wrote a response or what a judge said of it. Answers
become annotators' verdicts, in the same table as the judges'.
"""

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from judgekit.errors import InputError, there_are
from judgekit.items.files import FIELD_LIMIT
from judgekit.prompt import flat
from judgekit.protocols.reading.labels import Reading, read_label
from judgekit.review.route import CHANCE, Case
from judgekit.rubric.files import LARGE, parse_text, read_text
from judgekit.rubric.model import Criterion, Rubric, describe
from judgekit.scales import PAIR, Labels, Numbers, Scale, settle
from judgekit.shelf import render
from judgekit.types import PICKED, WEIGHT, Abstention, Item, Outcome, Unit, Verdict, brief
from judgekit.writing import beside

# A program that splits at semicolons or line ends sees cells where we see text: formulas begin there, too.
_STARTS = r"""(?:^|[;\t\r\n])[ "\u00a0\u3000]*"""
_FORMULA = r"(?='*[=+\-@＝＋－＠])"  # noqa: RUF001 - full-width signs are signs to a spreadsheet
_OPEN, _SHUT = re.compile(_STARTS + _FORMULA), re.compile(f"({_STARTS})'{_FORMULA}")
_BETTER = (("A", "is better"), ("tie", "neither is better"), ("B", "is better"))
How = Literal["join", "replace"]
_CELLS = ("sheet", "annotator", "question", "shown", "label", "note")
_NOT_IN_NAMES = re.compile(r"[^\w-]+")  # of files
_ABOUT = {"item_id", "responses", "part", "criterion", "shown", "scale"}  # what a key says of a question
_SIDES = ("AB", "BA")  # the two responses of a pair as the sheet has them, and the other way round


@dataclass(frozen=True, slots=True)
class Question:
    """One question as a person sees it."""

    id: str  # says nothing: `q1`, `q2`, ...
    texts: tuple[tuple[str, str], ...]  # (heading, text), the response or both of a pair last
    criterion: str
    labels: tuple[tuple[str, str], ...]  # (label, what it means); empty for a number
    allowed: str  # the scale in words


@dataclass(frozen=True, slots=True)
class Sheet:
    """Questions, and the key to them: question id -> what it is about, not for who fills the sheet in."""

    questions: tuple[Question, ...]
    key: Mapping[str, Mapping[str, Any]]
    digest: str  # of the key; the sheet and its answers name it

    __repr__ = brief

    def plain(self, held: Callable[[str], Any]) -> dict[str, Any]:
        """Return the sheet with its key as JSON holds it, `held` giving what stands there for a text."""
        questions = [
            {
                "id": q.id, "criterion": q.criterion, "labels": q.labels, "allowed": q.allowed,
                "texts": [[heading, held(text)] for heading, text in q.texts], "key": self.key[q.id],
            }
            for q in self.questions
        ]  # fmt: skip
        return {"sheet": self.digest, "questions": questions}


def make_sheet(cases: Iterable[Case], items: Iterable[Item], rubric: Rubric, *, seed: int = 0) -> Sheet:
    """Make a sheet for cases; the order of questions, and of the two responses of a pair, is drawn.

    Items that no case is about are passed over; an item's own rubric takes the place of the rubric.
    """
    wanted = list(cases)
    ids = {case.unit.item_id for case in wanted}
    by_id = {item.item_id: item for item in items if item.item_id in ids}
    rng = random.Random(seed)  # noqa: S311 - an order is drawn, no secret
    rng.shuffle(wanted)
    questions, key = [], {}
    for number, case in enumerate(wanted, 1):
        item = by_id.get(case.unit.item_id)
        if item is None:
            raise InputError(f"no item {case.unit.item_id!r} among the items; hand in those that were judged")
        criterion = _criterion(case, item, rubric)
        shown = list(case.unit.responses)
        if len(shown) == 2:
            rng.shuffle(shown)
        question = _question(f"q{number}", case.unit, shown, item, criterion)
        questions.append(question)
        key[question.id] = {
            "item_id": case.unit.item_id,
            "responses": list(case.unit.responses),
            "part": case.unit.part,
            "criterion": case.criterion,
            "shown": shown,
            "scale": criterion.scale.model_dump(mode="json"),
            **({} if case.weight is None else {"weight": case.weight}),
        }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
    for each, case in zip(key.values(), wanted, strict=True):  # behind the digest, which is of what is asked
        if case.why != CHANCE:
            each["picked"] = case.why
    return Sheet(tuple(questions), key, digest)


def shuffled(sheet: Sheet, annotator: str) -> tuple[tuple[Question, str], ...]:
    """Return the questions in the order in which an annotator sees them, each with the sides of its pair.

    Order and sides follow from the sheet and the name alone; `page.js` does the same. The sides are empty
    where there is no pair, and `BA` where its two texts change places.
    """
    seed, seen = f"{sheet.digest} {annotator}", []
    for q in sorted(sheet.questions, key=lambda each: _mixed(f"{seed} {each.id}")):
        sides = _sides(q) and _SIDES[_mixed(f"{seed} {q.id} sides") & 1]
        texts = q.texts
        if sides == _SIDES[1]:
            *before, (a, left), (b, right) = texts
            texts = (*before, (a, right), (b, left))
        seen.append((replace(q, texts=texts), sides))
    return tuple(seen)


def _sides(q: Question) -> str:
    """Return the sides of a pair as the sheet has them; nothing where there is no pair."""
    return _SIDES[0] if q.texts[-1][0] == "Response B" else ""


def _mixed(text: str) -> int:
    """Return 32 bits of a text: FNV-1a, its bits mixed as MurmurHash3 ends."""
    found = 0x811C9DC5
    for byte in text.encode(errors="replace"):
        found = (found ^ byte) * 0x01000193 & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        found = (found ^ found >> shift) * factor & 0xFFFFFFFF
    return found ^ found >> 16


def write_sheet(
    sheet: Sheet,
    folder: str | Path,
    *,
    annotators: Iterable[str] = (),
    overwrite: bool = False,
    reads: Iterable[str | Path] = (),
) -> tuple[Path, Path, Path]:
    """Write `sheet.html` or `sheet.csv` to hand out, and `key.json` to keep.

    The page shuffles for whoever signs it; each of the `annotators` gets a `sheet-NAME.csv` of their own.
    None of the files may be one that was read for it (`reads`). A key of another sheet, whose answers could
    then not be read, is only overwritten where that is wanted.
    """
    folder = Path(folder)
    html, table, key = folder / "sheet.html", folder / "sheet.csv", folder / "key.json"
    if key.exists() and not overwrite and read_key(key)[0] != sheet.digest:
        raise InputError(
            f"{key}: is the key of another sheet, whose answers could not be read without it; "
            "name another folder, or overwrite it with overwrite=True (--overwrite)"
        )
    tables = {table: _csv_of(sheet.digest, [(q, _sides(q)) for q in sheet.questions])}
    for who in map(str.strip, annotators):
        own = folder / f"sheet-{_NOT_IN_NAMES.sub('_', who)}.csv"
        if not who or own in tables:
            raise InputError(
                f"annotator {who!r}: {own.name} is no file of their own; name each one differently"
            )
        tables[own] = _csv_of(sheet.digest, shuffled(sheet, who), who)
    asked = {"sheet": sheet.digest, "questions": sheet.key}
    # The key is in its place first: a sheet without one could be filled in and not be read.
    with beside(key, html, *tables, reads=reads) as files:
        files[0].write(json.dumps(asked, ensure_ascii=False, indent=1).encode())
        files[1].write(
            render("review/page.html", {"title": f"Review sheet {sheet.digest}", "sheet": sheet}).encode()
        )
        for file, text in zip(files[2:], tables.values(), strict=True):
            file.write(text)
    return html, table, key


def read_key(path: str | Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return digest and questions of a `key.json`."""
    path = Path(path)
    try:
        raw = parse_text(read_text(path, LARGE), ".json", f"{path}: not the key of a review sheet")
        questions = dict(raw["questions"])
        if lacking := {qid for qid, about in questions.items() if not set(about) >= _ABOUT}:
            raise InputError(
                f"{path}: question {min(lacking)!r} of the key lacks one of {sorted(_ABOUT)}; "
                "leave the key as it was written"
            )
        return str(raw["sheet"]), questions
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: not the key of a review sheet, which has 'sheet' and 'questions'; `judgekit review "
            "export` writes it as key.json"
        ) from None


def _criterion(case: Case, item: Item, rubric: Rubric) -> Criterion:
    from judgekit.rubric.load import parse

    where = item.where or f"item {item.item_id!r}"
    own = rubric if item.rubric is None else parse({"id": "own", **item.rubric}, where)
    if case.criterion not in own.by_id:
        raise InputError(f"{where}: no criterion {case.criterion!r}; there are {list(own.by_id)}")
    if gone := [name for name in case.unit.responses if name not in item.responses]:
        raise InputError(f"{where}: no response {gone[0]!r}; there are {list(item.responses)}")
    return own.by_id[case.criterion]


def _question(qid: str, unit: Unit, shown: Sequence[str], item: Item, criterion: Criterion) -> Question:
    texts = [(f"Source {name}", text) for name, text in item.sources.items()]
    texts += [("Task", flat(item.task))] if item.task else []
    texts += [("A good answer", item.reference)] if item.reference is not None else []
    if len(unit.responses) == 2:
        texts += [(f"Response {a}", flat(item.responses[name])) for a, name in zip("AB", shown, strict=True)]
        asked = f"By this criterion, which is better? {criterion.text}"
        return Question(qid, tuple(texts), asked, _BETTER, "A, tie, B")
    texts += [("Response", flat(item.responses[name])) for name in unit.responses]
    scale = criterion.scale
    if not isinstance(scale, Labels):
        return Question(qid, tuple(texts), criterion.text, (), describe(scale))
    names = [*scale.labels, scale.cannot_tell] if scale.cannot_tell else scale.labels
    labels = tuple((name, criterion.anchors.get(name, "")) for name in names)
    return Question(qid, tuple(texts), criterion.text, labels, describe(scale))


def read_answers(
    answers: str | Path, key: str | Path | None = None, *, annotator: str | None = None
) -> tuple[Outcome, ...]:
    """Return a verdict for each answer in a filled sheet; "cannot tell" is an abstention.

    `answers` is the JSON that the page saved, or the filled CSV; what the view of a run saved says itself
    what its questions are about, and needs no key. What was left open is left out; `annotator` is who filled
    it in, as the sheet says where left out.

    Raises:
        InputError: If the sheet is another one, a question is unknown or answered twice, a label is not
            on its scale, nobody signed it, or there is no key; names the question.
    """
    path = Path(answers)
    digest, questions = _carried(path) if key is None else read_key(key)
    outcomes: list[Outcome] = []
    seen: set[tuple[str, str]] = set()
    for row in _rows(path):
        if row["sheet"] != digest:
            raise InputError(f"{path}: answers to sheet {row['sheet']!r}, but the key is that of {digest!r}")
        if not row["label"]:
            continue
        qid, who = row["question"], annotator or row["annotator"]
        if not who:
            raise InputError(
                f"{path}: nobody signed it; fill in the name, or say whose it is with annotator=NAME"
            )
        if qid not in questions:
            raise InputError(f"{path}: no question {qid!r} in the key")
        if (who, qid) in seen:
            raise InputError(f"{path}: question {qid} is answered twice by {who!r}")
        seen.add((who, qid))
        outcomes.append(_outcome(path, qid, questions[qid], row, who))
    return tuple(outcomes)


def join(judges: Iterable[Outcome], people: Iterable[Outcome], *, how: How = "join") -> tuple[Outcome, ...]:
    """Join judges' and people's outcomes; `replace` drops the judges' wherever a person gave a verdict."""
    if how not in get_args(How):
        raise InputError(f"how={how!r}; {there_are(how, get_args(How))}")
    human = tuple(people)
    settled = {(o.unit, o.criterion) for o in human if isinstance(o, Verdict)} if how == "replace" else set()
    return (*(o for o in judges if (o.unit, o.criterion) not in settled), *human)


def _carried(path: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the key that answers carry themselves."""
    try:
        return read_key(path)
    except InputError:
        raise InputError(
            f"{path}: does not say what its questions are about, as only the answers that the view of a run "
            "saves do; name the key.json of the sheet with key= (--key)"
        ) from None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Return answers of a JSON or CSV file: sheet, annotator, question, sides shown, label, note."""
    text = read_text(path, LARGE)
    if path.suffix == ".csv":
        yield from _csv_rows(path, text)
        return
    try:
        raw = parse_text(text, ".json", str(path))
        for each in raw["answers"]:
            yield {
                "sheet": str(raw["sheet"]),
                "annotator": _cell(raw.get("annotator")),
                "question": str(each["question"]),
                "shown": _cell(each.get("shown")),
                "label": _cell(each.get("label")),
                "note": _cell(each.get("note")),
            }
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: not the answers to a review sheet ({error})") from None


def _csv_rows(path: Path, text: str) -> Iterator[dict[str, str]]:
    # The limit is the csv module's own and global; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), FIELD_LIMIT))
    try:
        for number, row in enumerate(csv.DictReader(io.StringIO(text, newline=""), strict=True), 2):
            if lacking := {"sheet", "question", "label"} - row.keys():
                raise InputError(f"{path}, row {number}: no column {min(lacking)!r}")
            yield {name: restored(_cell(row.get(name))).strip() for name in _CELLS}
    except csv.Error as error:
        raise InputError(f"{path}: is not CSV ({error}); close double quotes, double those inside") from None


def _cell(value: object) -> str:
    """Return what was filled in, as text: 0 is an answer, null is none."""
    return "" if value is None else str(value)


def _outcome(path: Path, qid: str, about: Mapping[str, Any], row: Mapping[str, str], who: str) -> Outcome:
    unit = Unit(about["item_id"], tuple(about["responses"]), about["part"])
    shown = tuple(about["shown"])
    if row["shown"] not in {"", *_SIDES[: len(shown)]}:
        raise InputError(f"{path}: question {qid}: shown is {row['shown']!r}; leave there what stood there")
    if row["shown"] == _SIDES[1]:
        shown = shown[::-1]
    scale, label = _meant(unit, shown, about["scale"], row["label"])
    if label.kind == "undecided":
        return Abstention(
            rater=who, unit=unit, criterion=about["criterion"], reason="undecided", detail=row["note"],
            shown=shown,
        )  # fmt: skip
    if label.kind != "label":
        if isinstance(scale, Numbers):
            would = f"say a number from {scale.low:g} to {scale.high:g}"
        else:
            would = there_are(row["label"], ("A", "B", "tie") if scale is PAIR else scale.labels)
        raise InputError(f"{path}: question {qid}: {row['label']!r} is not on the scale; {would}")
    probs, name, value = settle(scale, {label.label: 1.0})
    marks = {WEIGHT: about.get("weight"), PICKED: about.get("picked")}
    flags = tuple(f"{mark}{value}" for mark, value in marks.items() if value is not None)
    return Verdict(
        rater=who, unit=unit, criterion=about["criterion"], probs=probs, label=name, value=value,
        source="human", rationale=row["note"], flags=flags, shown=shown,
    )  # fmt: skip


def _meant(unit: Unit, shown: tuple[str, ...], raw: Mapping[str, Any], said: str) -> tuple[Scale, Reading]:
    """Return the scale of a question and what was said on it; A and B become the responses they stood for."""
    if len(unit.responses) == 2:
        if said.strip().upper() in {"A", "B"}:
            better = shown["AB".index(said.strip().upper())]
            return PAIR, Reading("label", "first" if better == unit.responses[0] else "second")
        return PAIR, read_label(PAIR, said)
    scale = Labels.model_validate(raw) if "labels" in raw else Numbers.model_validate(raw)
    return scale, read_label(scale, said)


def _csv_of(digest: str, seen: Iterable[tuple[Question, str]], annotator: str = "") -> bytes:
    rows = [["sheet", "question", "criterion", "labels", "texts", "shown", "annotator", "label", "note"]]
    for q, sides in seen:
        texts = "\n\n".join(f"[{heading}]\n{text}" for heading, text in q.texts)
        labels = "; ".join(f"{label} ({meaning})" if meaning else label for label, meaning in q.labels)
        rows.append([digest, q.id, q.criterion, labels or q.allowed, texts, sides, annotator, "", ""])
    text = io.StringIO(newline="")
    csv.writer(text).writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, by an apostrophe in front of what begins one.

    >>> inert("a; =HYPERLINK(1)")
    "a; '=HYPERLINK(1)"
    """
    return _OPEN.sub(lambda found: f"{found[0]}'", cell)


def restored(cell: str) -> str:
    """Return what a cell held before it was made inert.

    >>> restored("a; '=HYPERLINK(1)")
    'a; =HYPERLINK(1)'
    """
    return _SHUT.sub(r"\1", cell)

"""A filled sheet -> annotators' verdicts, in the same table as the judges'."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from judgekit.errors import InputError, there_are
from judgekit.items.files import FIELD_LIMIT
from judgekit.protocols.reading.labels import Reading, read_label
from judgekit.review.sheet import read_key, restored
from judgekit.rubric.files import LARGE, parse_text, read_text
from judgekit.scales import PAIR, Labels, Numbers, Scale, settle
from judgekit.types import PICKED, WEIGHT, Abstention, Outcome, Unit, Verdict

How = Literal["join", "replace"]
_CELLS = ("sheet", "annotator", "question", "label", "note")


def read_answers(
    answers: str | Path, key: str | Path, *, annotator: str | None = None
) -> tuple[Outcome, ...]:
    """The verdicts in a filled sheet.

    Args:
        answers: The JSON that the page saved, or the filled CSV.
        key: The `key.json` of the sheet.
        annotator: Who filled it in; as the sheet says where left out.

    Returns:
        A verdict for each answer given; "cannot tell" is an abstention. What was left open is left out.

    Raises:
        InputError: If the sheet is another one, a question is unknown or answered twice, a label is not
            on its scale, or nobody signed it; names the question.
    """
    path = Path(answers)
    digest, questions = read_key(key)
    outcomes: list[Outcome] = []
    seen: set[tuple[str, str]] = set()
    for row in _rows(path):
        if row["sheet"] != digest:
            raise InputError(f"{path}: answers to sheet {row['sheet']!r}, but the key is that of {digest!r}")
        if not row["label"]:
            continue
        qid, who = row["question"], annotator or row["annotator"]
        if not who:
            raise InputError(f"{path}: nobody signed it; fill in the name, or say whose it is (annotator=)")
        if qid not in questions:
            raise InputError(f"{path}: no question {qid!r} in the key")
        if (who, qid) in seen:
            raise InputError(f"{path}: question {qid} is answered twice by {who!r}")
        seen.add((who, qid))
        outcomes.append(_outcome(path, qid, questions[qid], row, who))
    return tuple(outcomes)


def join(judges: Iterable[Outcome], people: Iterable[Outcome], *, how: How = "join") -> tuple[Outcome, ...]:
    """Judges' and people's outcomes in one table.

    Args:
        judges: Outcomes of judges.
        people: Outcomes of annotators.
        how: `join` keeps both; `replace` drops the judges' outcomes wherever a person gave a verdict.

    Raises:
        InputError: For another way.
    """
    if how not in get_args(How):
        raise InputError(f"how={how!r}; {there_are(how, get_args(How))}")
    human = tuple(people)
    settled = {(o.unit, o.criterion) for o in human if isinstance(o, Verdict)} if how == "replace" else set()
    return (*(o for o in judges if (o.unit, o.criterion) not in settled), *human)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Answers of a JSON or CSV file: sheet, annotator, question, label, note."""
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
    """What was filled in, as text: 0 is an answer, null is none."""
    return "" if value is None else str(value)


def _outcome(path: Path, qid: str, about: Mapping[str, Any], row: Mapping[str, str], who: str) -> Outcome:
    unit = Unit(about["item_id"], tuple(about["responses"]), about["part"])
    shown = tuple(about["shown"])
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
    """The scale of a question and what was said on it; A and B become the responses they stood for."""
    if len(unit.responses) == 2:
        if said.strip().upper() in {"A", "B"}:
            better = shown["AB".index(said.strip().upper())]
            return PAIR, Reading("label", "first" if better == unit.responses[0] else "second")
        return PAIR, read_label(PAIR, said)
    scale = Labels.model_validate(raw) if "labels" in raw else Numbers.model_validate(raw)
    return scale, read_label(scale, said)

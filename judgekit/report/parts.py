"""Parts of the page: tables, verdict cards, figures, one section for each criterion. All text is escaped."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from judgekit.agreement.auditing.records import CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.section import Figure
from judgekit.agreement.auditing.wording import called, told
from judgekit.markup import esc
from judgekit.report.checks import Check
from judgekit.report.draw import picture
from judgekit.report.purposes import PURPOSES, Finding, Verdict
from judgekit.report.text import shown
from judgekit.report.words import words
from judgekit.types import Estimate

TONES: Mapping[Verdict, str] = {
    "TRUST": "trust",
    "TRUST WITH CORRECTION": "correct",
    "HUMAN IN THE LOOP": "human",
    "INSUFFICIENT EVIDENCE": "unsure",
    "DO NOT USE": "no",
}
MOST_ROWS = 60
"""Of a table under a figure; the JSON file has all of them."""
_MET = {True: ("yes", "yes"), False: ("no", "no"), None: ("not shown", "open")}


def chip(verdict: Verdict) -> str:
    """A verdict in its colour."""
    return f'<span class="chip tone-{TONES[verdict]}">{verdict}</span>'


def table(heads: Iterable[str], rows: Iterable[str], caption: str = "") -> str:
    """A table that scrolls in itself where it is too wide."""
    head = "".join(f'<th scope="col">{esc(each)}</th>' for each in heads)
    above = f"<caption>{esc(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(caption or "table")}">'
        f"<table>{above}"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def cells(values: Iterable[Any]) -> str:
    """A row of a table; numbers to the right."""
    row = []
    for value in values:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        row.append(f"<td{' class=number' if numeric else ''}>{esc(shown(value))}</td>")
    return f"<tr>{''.join(row)}</tr>"


def details(summary: str, inside: str) -> str:
    """What is shown when it is asked for."""
    return f"<details><summary>{esc(summary)}</summary>{inside}</details>"


def section(
    criterion: CriterionAudit, k: int, found: Sequence[Finding], drawn: Sequence[Figure], *, closed: bool
) -> str:
    """One criterion; its figures behind a line to click where there are many criteria."""
    lab = criterion.labelled
    real = [j for j in criterion.judges if not j.is_control]
    parts = [f'<section id="c{k}"><h2>Criterion: {esc(criterion.criterion)}</h2>', _ground(criterion)]
    for judge in real:
        mine = [f for f in found if (f.judge, f.criterion) == (judge.judge, criterion.criterion)]
        own = [f for f in drawn if f.judge == judge.judge]
        parts += [
            f"<h3>{esc(judge.judge)}</h3>", _sentence(judge, pairs=lab.pairs),
            f'<div class="verdicts">{"".join(map(_verdict, mine))}</div>',
            _beside(judge), _gallery(own, closed=closed), _all(judge),
        ]  # fmt: skip
    shared = [f for f in drawn if not f.judge]
    if shared:
        beside = "all judges beside each other" if len(real) > 1 else "the judge beside them"
        parts.append(f"<h3>People, and {beside}</h3>{_gallery(shared, closed=closed)}")
    if criterion.human:
        rows = [_estimate(each) for each in (*criterion.human, criterion.human_alpha)]
        parts.append(details("How far people agree with each other", _estimates(rows)))
    return "".join(parts) + "</section>"


def _gallery(drawn: Sequence[Figure], *, closed: bool) -> str:
    if not drawn:
        return ""
    inside = f'<div class="figures">{"".join(map(_figure, drawn))}</div>'
    return details(f"{len(drawn)} figures", inside) if closed else inside


def _ground(criterion: CriterionAudit) -> str:
    """What the section rests on."""
    lab = criterion.labelled
    labels = lab.ratings.labels
    scale = ", ".join(labels) if len(labels) <= 12 else f"{labels[0]} to {labels[-1]}"
    dropped = [f"{n} {what}" for what, n in lab.dropped.items() if n]
    people = ", ".join(lab.people) if len(lab.people) <= 6 else f"{len(lab.people)} people"
    twice = "" if lab.trusted else f", {criterion.double_labelled} of them by two people or more"
    said = [f"{lab.ratings.n_units} {'pairs' if lab.pairs else 'units'} labelled by {people}{twice}."]
    said.append(f"Scale: {scale}.")
    if lab.trusted:
        said.append("The labels were declared to be the truth.")
    elif math.isnan(criterion.human_alpha.value):
        said.append(f"How far people agree with each other is {told(criterion.human_alpha)}.")
    else:
        said.append(f"People with each other: Krippendorff's alpha {told(criterion.human_alpha)}.")
    if dropped:
        said.append(f"Left out: {', '.join(dropped)}.")
    return f"<p>{esc(' '.join(said))}</p>"


def _sentence(judge: JudgeAudit, *, pairs: bool) -> str:
    """The judge's agreement in words, with what its missing verdicts could change."""
    name = words("main").get(judge.main.name, called(judge.main.name))
    missing = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in judge.abstained.items())
    more = []
    if missing and judge.coverage is not None:
        low, high = judge.coverage.lowest.value, judge.coverage.highest.value
        bounds = f"were all of those wrong, percent agreement would be {low:.3f}, were all right {high:.3f}"
        more.append(f"No verdict on some ({missing}): {bounds}.")
    if pairs and judge.orders:
        more.append("Both orders of each pair were averaged.")
    more += [f"{note[:1].upper()}{note[1:]}." for note in judge.main.notes]
    rests = f"({name}, {judge.main.n_used} units). {' '.join(more)}"
    return f"<p>Agreement with what most people say: <b>{esc(told(judge.main))}</b> {esc(rests)}</p>"


def _verdict(each: Finding) -> str:
    lines = [f"<li><b>Do:</b> {esc(line)}</li>" for line in each.correction]
    lines += [f"<li><b>To change it:</b> {esc(line)}</li>" for line in each.change]
    more = f"<ul>{''.join(lines)}</ul>" if lines else ""
    why = f"{each.why[:1].upper()}{each.why[1:]}."
    checks = table(["measured", "wanted", "found", "met"], map(_check, each.checks))
    return (
        f'<article class="verdict tone-{TONES[each.verdict]}"><h4>To {PURPOSES[each.purpose]}</h4>'
        f'<p class="word">{each.verdict}</p><p>{esc(why)}</p>{more}'
        f"{details('The numbers that decided', checks)}</article>"
    )


def _check(each: Check) -> str:
    word, kind = _MET[each.met]
    told_ = f"<td>{esc(each.what)}</td><td>{esc(each.wanted)}</td><td>{esc(each.found)}</td>"
    return f'<tr>{told_}<td class="{kind}">{word}</td></tr>'


def _beside(judge: JudgeAudit) -> str:
    if not judge.controls:
        return ""
    rows = [
        cells(
            [
                c.name,
                told(c.agreement),
                told(c.difference),
                None if c.test is None or math.isnan(c.test.p) else c.test.p,
            ]
        )
        for c in judge.controls
    ]
    heads = ["rule", "its percent agreement", "judge's less the rule's", "p of no difference"]
    return table(heads, rows, "Beside rules that cost nothing: a judge that does not beat them adds nothing")


def _figure(figure: Figure) -> str:
    left = len(figure.rows) - MOST_ROWS
    rest = (
        f'<p class="note">{left} more rows stand in the JSON file beside this page.</p>' if left > 0 else ""
    )
    rows = [cells(row) for row in figure.rows[:MOST_ROWS]]
    inside = table([column.replace("_", " ") for column in figure.columns], rows)
    if figure.lines:
        inside += table(["line", "value"], [cells((n.replace("_", " "), v)) for n, v in figure.lines.items()])
    notes = "".join(f'<p class="note">{esc(note[:1].upper() + note[1:])}</p>' for note in figure.notes)
    rests = f"n = {figure.n}" + (f"; {figure.interval}" if figure.interval else "")
    about = f" <small>({esc(figure.judge)})</small>" if figure.judge else ""
    return (
        f'<figure id="{esc(figure.id)}" data-figure="{esc(figure.id)}"><h4>{esc(figure.title)}{about}</h4>'
        f'<figcaption>{esc(figure.reading)}</figcaption>{picture(figure)}<p class="rests">{esc(rests)}</p>'
        f"{notes}{details('The same as a table', inside + rest)}</figure>"
    )


def _estimate(each: Estimate) -> str:
    drawn = f"seed {each.seed}" if each.seed is not None else ""
    ends = [None if math.isnan(v) else v for v in (each.value, each.low, each.high)]
    notes = "; ".join(each.notes)
    return cells(
        [
            called(each.name),
            *ends,
            each.n_used,
            each.n_dropped,
            each.unit,
            each.interval,
            drawn,
            each.status,
            notes,
        ]
    )


def _estimates(rows: Sequence[str]) -> str:
    ends = ["statistic", "value", "low", "high", "n", "dropped"]
    return table([*ends, "resampled", "interval", "drawn", "status", "notes"], rows)


def _all(judge: JudgeAudit) -> str:
    """Every estimate, and what was not computed."""
    listed = list(dict.fromkeys(_found_in(judge)))
    tests = ""
    if judge.margins is not None:
        m = judge.margins
        made = [
            (t.name.replace("_", " "), t.statistic, t.df, t.p, t.status)
            for t in (m.stuart_maxwell, m.bhapkar, m.bowker)
        ]
        rows = [cells([None if isinstance(v, float) and math.isnan(v) else v for v in row]) for row in made]
        tests = table(["test that labels are used equally often", "statistic", "df", "p", "status"], rows)
    lines = "".join(f"<li>{esc(what)}: {esc(why)}</li>" for what, why in judge.skipped.items())
    skipped = f"<p>Not computed:</p><ul>{lines}</ul>" if lines else ""
    inside = _estimates([_estimate(each) for each in listed]) + tests + skipped
    return details(f"All {len(listed)} estimates for {judge.judge}", inside)


def _found_in(value: Any) -> Iterable[Estimate]:
    """Every estimate in a record, mapping or sequence; slices and controls have tables of their own."""
    if isinstance(value, Estimate):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _found_in(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from _found_in(each)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for each in fields(value):
            if each.name not in {"main", "slices", "controls", "margins"}:
                yield from _found_in(getattr(value, each.name))

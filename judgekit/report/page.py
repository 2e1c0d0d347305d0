"""The report as one page: a verdict first, then the numbers, then how they were made. It needs nothing else.

Whatever was judged or labelled is escaped, and a content policy forbids every request.
"""

import html
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from judgekit.agreement.audit_records import Audit, CriterionAudit, JudgeAudit
from judgekit.report.checks import Gates, told
from judgekit.report.draw import picture
from judgekit.report.figures import Figure, figures
from judgekit.report.text import audit_json, audit_markdown, shown
from judgekit.report.verdict import PURPOSES, VERDICTS, Finding, Verdict
from judgekit.report.words import KEEP, MEANING, WORDS, called
from judgekit.types import Estimate

_HERE = Path(__file__).parent
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
_TONES: Mapping[Verdict, str] = {
    "TRUST": "trust",
    "TRUST WITH CORRECTION": "correct",
    "HUMAN IN THE LOOP": "human",
    "INSUFFICIENT EVIDENCE": "unsure",
    "DO NOT USE": "no",
}
_MOST_ROWS = 60  # of a table under a figure; the JSON file has all of them


def write_report(
    audit: Audit, found: Sequence[Finding], gates: Gates, path: str | Path, *, title: str = ""
) -> tuple[Path, Path, Path]:
    """Write the page, and beside it `.json` and `.md` with the same numbers.

    Args:
        audit: Of judges against people.
        found: The verdicts on it (`findings`).
        gates: The thresholds they went by.
        path: Of the page.
        title: What was judged, for the heading.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    drawn = figures(audit)
    data, text = target.with_suffix(".json"), target.with_suffix(".md")
    target.write_text(page(audit, found, gates, drawn, title=title), encoding="utf-8")
    numbers = json.dumps(audit_json(audit, found, gates, drawn), ensure_ascii=False, indent=1)
    data.write_text(numbers + "\n", encoding="utf-8")
    text.write_text(audit_markdown(audit, found, gates, drawn), encoding="utf-8")
    return target, data, text


def page(
    audit: Audit, found: Sequence[Finding], gates: Gates, drawn: Sequence[Figure], *, title: str = ""
) -> str:
    """The page."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    name = title or "Can these judges be trusted?"
    several = len(audit.criteria) > 1 or len({f.judge for f in found}) > 1
    body = "".join(
        _criterion(criterion, k, found, [f for f in drawn if f.criterion == criterion.criterion])
        for k, criterion in enumerate(audit.criteria, 1)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{_esc(name)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{_esc(name)}</h1>
{_lead(audit)}
</header>
<main>
{_short(audit, found) if several else ""}
{_meaning()}
{body}
</main>
{_footer(audit, gates)}
</body>
</html>
"""


def _esc(text: object) -> str:
    return html.escape(str(text), quote=True)


def _lead(audit: Audit) -> str:
    people = {name for c in audit.criteria for name in c.labelled.people}
    judges = {j.judge for c in audit.criteria for j in c.judges if not j.is_control}
    units = max((c.labelled.ratings.n_units for c in audit.criteria), default=0)
    kind = "pairs of responses" if any(c.labelled.pairs for c in audit.criteria) else "units"
    judges_are = f"{len(judges)} judge{'s' if len(judges) != 1 else ''}"
    said = (
        f"{judges_are} ({', '.join(sorted(judges))}) against the labels of {len(people)} "
        f"{'people' if len(people) != 1 else 'person'}, on {units} {kind}, by {len(audit.criteria)} "
        f"{'criteria' if len(audit.criteria) != 1 else 'criterion'}."
    )
    notes = "".join(f"<li>{_esc(note)}</li>" for note in audit.notes)
    return f'<p class="lead">{_esc(said)}</p>' + (f'<ul class="note">{notes}</ul>' if notes else "")


def _chip(verdict: Verdict) -> str:
    return f'<span class="chip tone-{_TONES[verdict]}">{verdict}</span>'


def _short(audit: Audit, found: Sequence[Finding]) -> str:
    rows = []
    for k, criterion in enumerate(audit.criteria, 1):
        for judge in criterion.judges:
            if judge.is_control:
                continue
            mine = {
                f.purpose: f for f in found if (f.judge, f.criterion) == (judge.judge, criterion.criterion)
            }
            cells = "".join(f"<td>{_chip(mine[p].verdict)}</td>" for p in PURPOSES)
            link = f'<a href="#c{k}">{_esc(criterion.criterion)}</a>'
            rows.append(
                f"<tr><td>{link}</td><td>{_esc(judge.judge)}</td><td>{told(judge.main)}</td>"
                f"<td>{told(criterion.human_alpha)}</td>{cells}</tr>"
            )
    heads = [
        "criterion",
        "judge",
        "agreement with people",
        "people with each other",
        *(f"to {p}" for p in PURPOSES.values()),
    ]
    return f"<section><h2>In short</h2>{_table(heads, rows)}</section>"


def _table(heads: Iterable[str], rows: Iterable[str], caption: str = "") -> str:
    head = "".join(f'<th scope="col">{_esc(each)}</th>' for each in heads)
    told_ = f"<caption>{_esc(caption)}</caption>" if caption else ""
    body = "".join(rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_esc(caption or "table")}"><table>{told_}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(values: Iterable[Any]) -> str:
    """A row of a table; numbers to the right."""
    return (
        "<tr>"
        + "".join(
            f'<td class="number">{_esc(shown(v))}</td>'
            if isinstance(v, int | float) and not isinstance(v, bool)
            else f"<td>{_esc(shown(v))}</td>"
            for v in values
        )
        + "</tr>"
    )


def _meaning() -> str:
    rows = [f"<tr><td>{_chip(v)}</td><td>{_esc(MEANING[v])}</td></tr>" for v in VERDICTS]
    return f"<details><summary>What the five verdicts mean</summary>{_table(['verdict', 'meaning'], rows)}</details>"


def _gallery(drawn: Sequence[Figure], *, closed: bool) -> str:
    """Figures beside each other; behind a line to click where there are many criteria."""
    if not drawn:
        return ""
    shown_ = f'<div class="figures">{"".join(map(_figure, drawn))}</div>'
    return f"<details><summary>{len(drawn)} figures</summary>{shown_}</details>" if closed else shown_


def _criterion(
    criterion: CriterionAudit, k: int, found: Sequence[Finding], drawn: Sequence[Figure], *, closed: bool = False
) -> str:
    lab = criterion.labelled
    real = [j for j in criterion.judges if not j.is_control]
    parts = [f'<section id="c{k}"><h2>{_esc(_named(criterion))}</h2>', _ground(criterion)]
    for judge in real:
        mine = [f for f in found if (f.judge, f.criterion) == (judge.judge, criterion.criterion)]
        own = [f for f in drawn if f.judge == judge.judge]
        parts += [
            f"<h3>{_esc(judge.judge)}</h3>", _sentence(judge, lab.pairs),
            f'<div class="verdicts">{"".join(map(_verdict, mine))}</div>',
            _beside(judge), f'<div class="figures">{"".join(map(_figure, own))}</div>', _all(judge),
        ]  # fmt: skip
    shared = [f for f in drawn if not f.judge]
    if shared:
        heading = (
            "People, and all judges beside each other"
            if len(real) > 1
            else "People, and the judge beside them"
        )
        parts.append(f'<h3>{heading}</h3><div class="figures">{"".join(map(_figure, shared))}</div>')
    if criterion.human:
        rows = [_estimate(e) for e in (*criterion.human, criterion.human_alpha)]
        parts.append(
            f"<details><summary>How far people agree with each other</summary>{_estimates(rows)}</details>"
        )
    return "".join(parts) + "</section>"


def _named(criterion: CriterionAudit) -> str:
    return f"Criterion: {criterion.criterion}"


def _ground(criterion: CriterionAudit) -> str:
    lab = criterion.labelled
    labels = lab.ratings.labels
    scale = ", ".join(labels) if len(labels) <= 12 else f"{labels[0]} to {labels[-1]}"
    dropped = [f"{n} {what}" for what, n in lab.dropped.items() if n]
    people = ", ".join(lab.people) if len(lab.people) <= 6 else f"{len(lab.people)} people"
    alpha = criterion.human_alpha
    agree = f"People with each other: alpha {told(alpha)}." if alpha.value == alpha.value else (
        "The labels were declared to be the truth, so nobody was asked twice." if lab.trusted
        else f"How far people agree with each other is not known ({alpha.status.removeprefix('undefined:').replace('_', ' ')})."
    )  # fmt: skip
    twice = "" if lab.trusted else f", {criterion.double_labelled} of them by two people or more"
    kind = "pairs" if lab.pairs else "units"
    said = f"{lab.ratings.n_units} {kind} labelled by {people}{twice}. Scale: {scale}. {agree}"
    said += f" Left out: {', '.join(dropped)}." if dropped else ""
    return f"<p>{_esc(said)}</p>"


def _sentence(judge: JudgeAudit, pairs: bool) -> str:
    missing = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in judge.abstained.items())
    name = WORDS.get(judge.main.name, called(judge.main.name))
    cover = judge.coverage
    bounds = ""
    if missing and cover is not None:
        bounds = (
            f" No verdict on some ({missing}): were all of those wrong, percent agreement would be "
            f"{cover.lowest.value:.3f}, were all right {cover.highest.value:.3f}."
        )
    orders = " Both orders of each pair were averaged." if pairs and judge.orders else ""
    notes = " ".join(f"{note}." for note in judge.main.notes)
    return f"<p>Agreement with what most people say: <b>{_esc(told(judge.main))}</b> ({_esc(name)}, {judge.main.n_used} units).{_esc(bounds)}{orders} {_esc(notes)}</p>"


def _verdict(each: Finding) -> str:
    does = "".join(f"<li><b>Do:</b> {_esc(line)}</li>" for line in each.correction)
    changes = "".join(f"<li><b>To change it:</b> {_esc(line)}</li>" for line in each.change)
    more = f"<ul>{does}{changes}</ul>" if does or changes else ""
    words = {True: ("yes", "yes"), False: ("no", "no"), None: ("not shown", "open")}
    rows = [
        f"<tr><td>{_esc(c.what)}</td><td>{_esc(c.wanted)}</td><td>{_esc(c.found)}</td>"
        f'<td class="{words[c.met][1]}">{words[c.met][0]}</td></tr>'
        for c in each.checks
    ]
    checks = _table(["measured", "wanted", "found", "met"], rows, "Numbers that decided")
    return (
        f'<article class="verdict tone-{_TONES[each.verdict]}"><h4>To {PURPOSES[each.purpose]}</h4>'
        f'<p class="word">{each.verdict}</p><p>{_esc(_capital(each.why))}.</p>{more}'
        f"<details><summary>The numbers that decided</summary>{checks}</details></article>"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _beside(judge: JudgeAudit) -> str:
    if not judge.controls:
        return ""
    rows = [
        _cells([c.name, told(c.agreement), told(c.difference), None if c.test is None or math.isnan(c.test.p) else c.test.p])
        for c in judge.controls
    ]
    heads = ["rule", "its percent agreement", "judge's less the rule's", "p of no difference"]
    caption = "Beside rules that cost nothing: a judge that does not beat them adds nothing"
    return _table(heads, rows, caption)


def _figure(figure: Figure) -> str:
    rows = [_cells(row) for row in figure.rows[:_MOST_ROWS]]
    left = len(figure.rows) - _MOST_ROWS
    rest = (
        f'<p class="note">{left} more rows stand in the JSON file beside this page.</p>' if left > 0 else ""
    )
    lines = [(name.replace("_", " "), value) for name, value in figure.lines.items()]
    more = _table(["line", "value"], [_cells(each) for each in lines]) if lines else ""
    heads = [column.replace("_", " ") for column in figure.columns]
    notes = "".join(f'<p class="note">{_esc(_capital(note))}</p>' for note in figure.notes)
    rests = f"n = {figure.n}" + (f"; {figure.interval}" if figure.interval else "")
    about = f" <small>({_esc(figure.judge)})</small>" if figure.judge else ""
    return (
        f'<figure id="{_esc(figure.id)}" data-figure="{_esc(figure.id)}"><h4>{_esc(figure.title)}{about}</h4>'
        f"<figcaption>{_esc(figure.reading)}</figcaption>{picture(figure)}"
        f'<p class="rests">{_esc(rests)}</p>{notes}'
        f"<details><summary>The same as a table</summary>{_table(heads, rows)}{more}{rest}</details></figure>"
    )


def _estimate(each: Estimate) -> str:
    drawn = f"seed {each.seed}" if each.seed is not None else ""
    values = [
        called(each.name), *(None if v != v else float(v) for v in (each.value, each.low, each.high)),  # noqa: PLR0124
        each.n_used, each.n_dropped, each.unit, each.interval, drawn, each.status, "; ".join(each.notes),
    ]  # fmt: skip
    return _cells(values)


def _estimates(rows: Sequence[str]) -> str:
    heads = [
        "statistic",
        "value",
        "low",
        "high",
        "n",
        "dropped",
        "resampled",
        "interval",
        "drawn",
        "status",
        "notes",
    ]
    return _table(heads, rows)


def _all(judge: JudgeAudit) -> str:
    listed: list[Estimate] = [
        *judge.headline, *judge.coefficients, judge.signed_error, *judge.associations.values(), *judge.use.values(),
        *judge.rates.values(), *judge.orders.values(), *judge.lengths,
    ]  # fmt: skip
    for record in (judge.coverage, judge.limits, judge.ceiling, judge.aligned, judge.replacement):
        if record is not None:
            names = type(record).__dataclass_fields__
            listed += [v for name in names if isinstance(v := getattr(record, name), Estimate)]
    if judge.alt_test is not None:
        listed += [judge.alt_test.advantage, judge.alt_test.winning_rate]
    if judge.sureness is not None:
        listed += [judge.sureness.mcb, judge.sureness.ece]
    if judge.systems is not None:
        listed += [
            judge.systems.soft_accuracy,
            judge.systems.pair_accuracy,
            *judge.systems.groupings.values(),
        ]
    rows = [_estimate(each) for each in dict.fromkeys(listed)]
    margins = ""
    if judge.margins is not None:
        m = judge.margins
        tests = [
            _cells([t.name.replace("_", " "), t.statistic, t.df, t.p, t.status])
            for t in (m.stuart_maxwell, m.bhapkar, m.bowker)
        ]
        margins = _table(["test that labels are used equally often", "statistic", "df", "p", "status"], tests)
    skipped = "".join(f"<li>{_esc(what)}: {_esc(why)}</li>" for what, why in judge.skipped.items())
    not_there = f"<p>Not computed:</p><ul>{skipped}</ul>" if skipped else ""
    return f"<details><summary>All {len(rows)} estimates for {_esc(judge.judge)}</summary>{_estimates(rows)}{margins}{not_there}</details>"


def _footer(audit: Audit, gates: Gates) -> str:
    facts = {
        **audit.provenance,
        "level of intervals": f"{audit.how.level:.0%}",
        "seed": audit.how.seed,
        "resamples": audit.how.b,
    }
    listed = "".join(f"<dt>{_esc(name)}</dt><dd>{_esc(value)}</dd>" for name, value in facts.items())
    rows = [
        _cells([g.what, g.value, g.source + (" (project default)" if g.judgement else "")])
        for g in gates.values()
    ]
    words = "".join(f"<dt>{_esc(name)}</dt><dd>{_esc(meaning)}</dd>" for name, meaning in KEEP.items())
    return f"""<footer>
<h2>How this was made</h2>
<p>A verdict holds for the judge as it was asked: this model, these settings, this prompt, this version of the rubric, units like
these. When one of them changes, measure again; without a change, check it on a few dozen fresh labels now and then.</p>
<dl>{listed}</dl>
<details><summary>Thresholds and their sources</summary>{_table(["measured", "threshold", "source"], rows)}</details>
<details><summary>Words</summary><dl>{words}</dl></details>
</footer>"""

"""The report: one page that needs nothing else, and its text twins, JSON with everything and Markdown.

All three hold the same numbers. How the page looks stands in `page.html`, which escapes whatever was judged
or labelled, and in `page.css`; here is what they show.
"""

import json
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.section import Figure
from judgekit.agreement.auditing.sections.beside import panel_lines
from judgekit.agreement.auditing.wording import called, told
from judgekit.agreement.bias.range_use import MarginalHomogeneity
from judgekit.errors import InputError
from judgekit.report.checks import Gates
from judgekit.report.draw import WIDTH, picture, shown
from judgekit.report.purposes import PURPOSES, Finding, Verdict
from judgekit.shelf import render
from judgekit.types import Estimate
from judgekit.writing import beside

_MANY = 2  # from more criteria than this on figures are shown when asked for
_MOST_ROWS = 60  # of a table under a figure; the JSON file has all of them
_TONES: Mapping[Verdict, str] = {
    "TRUST": "trust",
    "TRUST WITH CORRECTION": "correct",
    "HUMAN IN THE LOOP": "human",
    "INSUFFICIENT EVIDENCE": "unsure",
    "DO NOT USE": "no",
}
_SAFE = str.maketrans({
    "\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "`": "\\`", "[": "\\[", "]": "\\]",
})  # fmt: skip
_MET_TONES = {True: "yes", False: "no", None: "open"}
_ESTIMATE = (
    "statistic", "value", "low", "high", "n", "dropped", "resampled", "interval", "drawn", "status", "notes",
)  # fmt: skip
MET = {True: "yes", False: "no", None: "not shown"}
MOST_ROWS = 200  # of a table in Markdown; JSON has all of them


def write_report(
    audit: Audit,
    found: Sequence[Finding],
    gates: Gates,
    path: str | Path,
    *,
    title: str = "",
    reads: Iterable[str | Path] = (),
) -> tuple[Path, Path, Path]:
    """Write the page, and beside it `.json` and `.md` with the same numbers.

    None of them may be a file that was read for it (`reads`); `title` is what was judged, for the heading.
    """
    target = Path(path)
    data, text = target.with_suffix(".json"), target.with_suffix(".md")
    if target in {data, text}:
        raise InputError(f"{target}: is the page's name, and {target.suffix} stands beside it; name it .html")
    drawn = figures(audit)
    numbers = json.dumps(audit_json(audit, found, gates, drawn), ensure_ascii=False, indent=1) + "\n"
    made = page(audit, found, gates, drawn, title=title), numbers, audit_markdown(audit, found, gates, drawn)
    with beside(target, data, text, reads=reads) as files:
        for file, each in zip(files, made, strict=True):
            file.write(each.encode())
    return target, data, text


def page(
    audit: Audit, found: Sequence[Finding], gates: Gates, drawn: Sequence[Figure], *, title: str = ""
) -> str:
    """Return the page, as HTML."""

    def found_of(judge: JudgeAudit, criterion: CriterionAudit) -> list[Finding]:
        return [f for f in found if (f.judge, f.criterion) == (judge.judge, criterion.criterion)]

    def drawn_of(k: int) -> list[Figure]:
        return [f for f in drawn if f.id.split("-")[0] == f"c{k}"]

    facts = {
        **audit.provenance, "level of intervals": f"{audit.how.level:.0%}", "seed": audit.how.seed,
        "resamples": audit.how.b,
    }  # fmt: skip
    several = len(audit.criteria) > 1 or len({f.judge for f in found}) > 1
    return render("report/page.html", {
        "title": title or "Can these judges be trusted?", "lead": _lead(audit), "audit": audit,
        "gates": gates, "facts": facts, "several": several, "closed": len(audit.criteria) > _MANY,
        "purposes": PURPOSES, "tones": _TONES, "met": MET, "met_tones": _MET_TONES, "most_rows": _MOST_ROWS,
        "estimate_heads": _ESTIMATE, "found_of": found_of, "drawn_of": drawn_of, "ground": _ground,
        "rests_on": _rests_on, "beside": _beside, "margins": _margins, "estimates_in": _estimates_in,
        "capital": _capital, "told": told, "shown": shown, "words": _words, "draw": picture,
        "picture_width": WIDTH,
    })  # fmt: skip


@cache
def _words(part: str) -> Mapping[str, Any]:
    """Return a part of the words: `verdicts`, `main` or `terms`."""
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = tomllib.loads(text)[part]
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _lead(audit: Audit) -> str:
    people = {name for c in audit.criteria for name in c.labelled.people}
    judges = sorted({j.judge for c in audit.criteria for j in c.judges if not j.is_control})
    units = max((c.labelled.ratings.n_units for c in audit.criteria), default=0)
    kind = "pairs of responses" if any(c.labelled.pairs for c in audit.criteria) else "units"
    trusted = all(c.labelled.trusted for c in audit.criteria)
    labels = "trusted labels" if trusted else f"the labels of {_counted(len(people), 'person', 'people')}"
    judged = f"{_counted(len(judges), 'judge', 'judges')} ({', '.join(judges)})"
    criteria = _counted(len(audit.criteria), "criterion", "criteria")
    return f"{judged} against {labels}, on {units} {kind}, by {criteria}."


def _ground(criterion: CriterionAudit) -> str:
    """Tell what the section rests on."""
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
    return " ".join(said)


def _rests_on(judge: JudgeAudit, pairs: bool) -> str:
    """Tell what the judge's agreement rests on, and what its missing verdicts could change."""
    name = _words("main").get(judge.main.name, called(judge.main.name))
    missing = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in judge.abstained.items())
    more = []
    if missing and judge.coverage is not None:
        low, high = judge.coverage.lowest.value, judge.coverage.highest.value
        bounds = f"were all of those wrong, percent agreement would be {low:.3f}, were all right {high:.3f}"
        more.append(f"No verdict on some ({missing}): {bounds}.")
    if pairs and judge.orders:
        more.append("Both orders of each pair were averaged.")
    more += [f"{_capital(note)}." for note in judge.main.notes]
    return f"({name}, {judge.main.n_used} units). {' '.join(more)}"


def _beside(judge: JudgeAudit) -> list[list[Any]]:
    return [
        [c.name, told(c.agreement), told(c.difference), _known(c.test.p) if c.test else None]
        for c in judge.controls
    ]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _margins(found: MarginalHomogeneity) -> list[list[Any]]:
    tests = (found.stuart_maxwell, found.bhapkar, found.bowker)
    return [[t.name.replace("_", " "), *map(_known, (t.statistic, t.df, t.p)), t.status] for t in tests]


def _estimates_in(value: Any) -> list[list[Any]]:
    """Return a row for each estimate, as `_ESTIMATE` heads it."""
    return [
        [
            called(e.name), *map(_known, (e.value, e.low, e.high)), e.n_used, e.n_dropped, e.unit, e.interval,
            "" if e.seed is None else f"seed {e.seed}", e.status, "; ".join(e.notes),
        ]
        for e in dict.fromkeys(_found_in(value))
    ]  # fmt: skip


def _found_in(value: Any) -> Iterable[Estimate]:
    """Find every estimate in a record, mapping or sequence; slices and controls have tables of their own."""
    if isinstance(value, Estimate):
        yield value
    elif isinstance(value, Mapping | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _found_in(each)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for each in fields(value):
            if each.name not in {"main", "slices", "controls", "margins"}:
                yield from _found_in(getattr(value, each.name))


def audit_json(
    audit: Audit, found: Sequence[Finding], gates: Gates, drawn: Sequence[Figure] | None = None
) -> dict[str, Any]:
    """Return everything as JSON-ready values; what is undefined is null."""
    from judgekit import __version__

    shown = figures(audit) if drawn is None else drawn
    return {
        "judgekit": __version__,
        "level": audit.how.level,
        "seed": audit.how.seed,
        "resamples": audit.how.b,
        "provenance": dict(audit.provenance),
        "notes": list(audit.notes),
        "verdicts": [plain(each) for each in found],
        "criteria": [_criterion(each) for each in audit.criteria],
        "figures": [plain(each) for each in shown],
        "thresholds": {name: plain(gate) for name, gate in gates.items()},
    }


def _criterion(criterion: Any) -> dict[str, Any]:
    lab: Labelled = criterion.labelled
    return {
        "criterion": lab.criterion,
        "labels": list(lab.ratings.labels),
        "values": plain(lab.ratings.values),
        "level": lab.ratings.level,
        "n_units": lab.ratings.n_units,
        "people": list(lab.people),
        "trusted": lab.trusted,
        "dropped": dict(lab.dropped),
        **plain(criterion),
    }


def plain(value: Any) -> Any:
    """Return records, arrays and numbers as what JSON knows."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_ | np.integer):
        return value.item()
    if is_dataclass(value) and not isinstance(value, type):
        kept = [
            f.name
            for f in fields(value)
            if not isinstance(getattr(value, f.name), Labelled) and f.name[0] != "_"
        ]
        return {name: plain(getattr(value, name)) for name in kept}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def audit_markdown(audit: Audit, found: Sequence[Finding], gates: Gates, drawn: Sequence[Figure]) -> str:
    """Return the report in Markdown."""
    lines = ["# Judges against people", ""]
    lines += [f"- {name}: {_cell(value)}" for name, value in audit.provenance.items()]
    lines += [f"- note: {_cell(note)}" for note in audit.notes]
    lines += ["", *table(("criterion", "judge", "purpose", "verdict", "why"), [
        (f.criterion, f.judge, PURPOSES[f.purpose], f.verdict, f.why) for f in found
    ])]  # fmt: skip
    for criterion in audit.criteria:
        lines += [
            "",
            f"## {_cell(criterion.criterion)}",
            "",
            f"People with each other: {told(criterion.human_alpha)}",
            *(line for said in panel_lines(criterion.panel) for line in ("", _cell(said))),
        ]
        for judge in criterion.judges:
            lines += [
                "",
                f"### {_cell(judge.judge)}",
                "",
                f"{judge.main.name}: {told(judge.main)}, n {judge.main.n_used}",
            ]
            for each in found:
                if (each.judge, each.criterion) == (judge.judge, criterion.criterion):
                    lines += ["", f"**To {PURPOSES[each.purpose]}: {each.verdict}.** {_cell(each.why)}", ""]
                    lines += [f"- do: {_cell(line)}" for line in each.correction]
                    lines += [f"- to change it: {_cell(line)}" for line in each.change]
                    lines += ["", *table(("measured", "wanted", "found", "met", "source"), [
                        (c.what, c.wanted, c.found, MET[c.met], c.source)
                        for c in each.checks
                    ])]  # fmt: skip
        for figure in drawn:
            if figure.criterion == criterion.criterion:
                lines += ["", *_figure(figure)]
    lines += ["", "## Thresholds", "", *table(("threshold", "value", "what", "source"), [
        (g.name, g.value, g.what, g.cited) for g in gates.values()
    ])]  # fmt: skip
    return "\n".join(lines) + "\n"


def _figure(figure: Figure) -> list[str]:
    about = f" ({_cell(figure.judge)})" if figure.judge else ""
    lines = [f"### {figure.title}{about}", "", figure.reading, "", f"n = {figure.n}. {figure.interval}", ""]
    lines += table(figure.columns, figure.rows[:MOST_ROWS])
    if len(figure.rows) > MOST_ROWS:
        lines.append(f"\n{len(figure.rows) - MOST_ROWS} more rows stand in the JSON file.")
    lines += [f"- {name}: {shown(value)}" for name, value in figure.lines.items()]
    return [*lines, *(f"- {_cell(note)}" for note in figure.notes)]


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return a table in Markdown."""
    head = "| " + " | ".join(map(_cell, columns)) + " |"
    return [
        head,
        "|" + "---|" * len(columns),
        *("| " + " | ".join(_cell(shown(v)) for v in row) + " |" for row in rows),
    ]


def _cell(value: Any) -> str:
    """Return text that cannot leave its cell, be a heading, or be HTML."""
    return " ".join(str(value).split()).translate(_SAFE)

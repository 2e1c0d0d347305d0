"""The text twins of a report: JSON with everything, Markdown to read; the same numbers as the page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import Audit
from judgekit.agreement.auditing.section import Figure, told
from judgekit.agreement.auditing.sections.beside import panel_lines
from judgekit.report.checks import Gates
from judgekit.report.purposes import PURPOSES, Finding

MET = {True: "yes", False: "no", None: "not shown"}
MOST_ROWS = 200  # of a table in Markdown; JSON has all of them


def audit_json(
    audit: Audit, found: Sequence[Finding], gates: Gates, drawn: Sequence[Figure] | None = None
) -> dict[str, Any]:
    """Everything as JSON-ready values; what is undefined is null.

    Args:
        audit: Of judges against people.
        found: The verdicts on it.
        gates: The thresholds they went by.
        drawn: Its figures; made here where left out.
    """
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
    """Records, arrays and numbers as what JSON knows.

    >>> plain({"a": float("nan"), "b": (1, 2)})
    {'a': None, 'b': [1, 2]}
    """
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
    """The report in Markdown."""
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
    """A table in Markdown."""
    head = "| " + " | ".join(map(_cell, columns)) + " |"
    return [
        head,
        "|" + "---|" * len(columns),
        *("| " + " | ".join(_cell(shown(v)) for v in row) + " |" for row in rows),
    ]


def shown(value: Any) -> str:
    """A cell as it is shown: numbers to four significant digits or three places.

    >>> shown(0.123456), shown(None), shown(1234.5678), shown(True)
    ('0.123', '-', '1235', 'yes')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if 0 < abs(value) < 0.0005:
            return f"{value:.1e}"
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)


def _cell(value: Any) -> str:
    """Text that cannot leave its cell, be a heading, or be HTML."""
    text = " ".join(str(value).split())
    for sign, safe in (
        ("\\", "\\\\"),
        ("|", "\\|"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("`", "\\`"),
        ("[", "\\["),
        ("]", "\\]"),
    ):
        text = text.replace(sign, safe)
    return text

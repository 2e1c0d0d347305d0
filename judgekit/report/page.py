"""The report: one page that needs nothing else, and its text twins, JSON with everything and Markdown.

All three hold the same numbers. How the page looks stands in `page.html`, which escapes whatever was judged
or labelled, and in `page.css`; here is what they show.
"""

import json
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.section import Figure
from judgekit.agreement.auditing.sections.beside import panel_lines
from judgekit.agreement.auditing.wording import called, told, whom
from judgekit.agreement.bias.range_use import MarginalHomogeneity
from judgekit.errors import InputError
from judgekit.report.canvas import WIDTH
from judgekit.report.checks import Check, Gates, association
from judgekit.report.draw import first_group, picture, shown
from judgekit.report.plain import briefly, doubt, plainly, shared_causes
from judgekit.report.purposes import PURPOSES, Finding, Verdict
from judgekit.shelf import render
from judgekit.types import Estimate
from judgekit.writing import beside, plain

_MANY = 2  # from more criteria than this on figures are shown when asked for
_MOST_ROWS = 20  # of a table under a figure; the JSON file has all of them
TONES: Mapping[Verdict, str] = {
    "TRUST": "trust",
    "TRUST WITH CORRECTION": "correct",
    "HUMAN IN THE LOOP": "human",
    "INSUFFICIENT EVIDENCE": "unsure",
    "DO NOT USE": "no",
}
_SAFE = str.maketrans({
    "\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "`": "\\`", "[": "\\[", "]": "\\]",
})  # fmt: skip
_ESTIMATE = ("statistic", "value", "interval", "n", "how it was made", "status and notes")
_HUES = (238, 318, 276)  # of the first three judges
_KEY = 3  # coefficients that are shown large
STACKED = {"few": 22, "some": 36, "many": 54, "most": 99}
"""Kind of table -> the width (rem) below which its rows are blocks whose cells say their heading."""
MOST_ROWS = 200  # of a table in Markdown; JSON has all of them


def write_report(
    audit: Audit,
    found: Sequence[Finding],
    gates: Gates,
    path: str | Path,
    *,
    title: str = "",
    command: str = "",
    reads: Iterable[str | Path] = (),
) -> tuple[Path, Path, Path]:
    """Write the page, and beside it `.json` and `.md` with the same numbers.

    None of them may be a file that was read for it (`reads`); `title` is what was judged, for the heading,
    and `command` what was typed for it. All three say them, with the version and the date.
    """
    target = Path(path)
    data, text = target.with_suffix(".json"), target.with_suffix(".md")
    if target in {data, text}:
        raise InputError(f"{target}: is the page's name, and {target.suffix} stands beside it; name it .html")
    drawn, made = figures(audit), made_by(command)
    numbers = {**audit_json(audit, found, gates, drawn), "made": made}
    written = (
        page(audit, found, gates, drawn, title=title, made=made),
        json.dumps(numbers, ensure_ascii=False, indent=1) + "\n",
        audit_markdown(audit, found, gates, drawn, made=made),
    )
    with beside(target, data, text, reads=reads) as files:
        for file, each in zip(files, written, strict=True):
            file.write(each.encode())
    return target, data, text


def made_by(command: str = "") -> dict[str, str]:
    """Return by what a report was made, when, and with which command."""
    from judgekit import __version__

    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"by": f"judgekit {__version__}", "date": now, **({"command": command} if command else {})}


def page(
    audit: Audit,
    found: Sequence[Finding],
    gates: Gates,
    drawn: Sequence[Figure],
    *,
    title: str = "",
    made: Mapping[str, str] | None = None,
) -> str:
    """Return the page, as HTML."""
    raters = _judges(audit)

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
        "title": title or _title(raters), "made": made or made_by(), "lead": _lead(audit), "audit": audit,
        "gates": gates, "facts": facts, "several": several, "closed": len(audit.criteria) > _MANY,
        "purposes": PURPOSES, "tones": TONES, "met_tone": _met_tone, "most_rows": _MOST_ROWS,
        "estimate_heads": _ESTIMATE, "found_of": found_of, "drawn_of": drawn_of, "ground": _ground,
        "rests_on": _rests_on, "beside": _beside, "margins": _margins, "estimates_in": _estimates_in,
        "capital": _capitals(audit), "told": told, "called": called, "shown": shown, "words": words,
        "draw": picture, "parts": _parts, "picture_width": WIDTH, "key": _key, "plainly": plainly,
        "briefly": briefly,
        "raters": raters, "hue": _hue, "shade": _shade, "causes": shared_causes(audit, found), "doubt": doubt,
        "whom": whom, "brackets": _brackets(audit), "heads": _heads, "stacked": STACKED, "quoted": quoted,
    })  # fmt: skip


def _met_tone(check: Check) -> str:
    """Return the colour of whether a check is met; what counts for nothing here has none of its own."""
    if check.met is None:
        return "quiet" if check.role == "harm" else "open"
    if check.role == "beside":
        return "quiet"
    return "yes" if check.met else "no"


def _heads(figure: Figure) -> list[str]:
    """Return the headings of a figure's table, by the words of its legend."""
    says = figure.chart.legend
    return [says.get(each, each).replace("_", " ") for each in figure.columns]


def _judges(audit: Audit) -> list[str]:
    return sorted({j.judge for c in audit.criteria for j in c.judges if not j.is_control})


def _title(judges: Sequence[str]) -> str:
    return (
        f"Can {' and '.join(judges)} be trusted?" if len(judges) <= _KEY else "Can these judges be trusted?"
    )


def _hue(rater: int) -> int:
    """Return the hue of a judge's colour in degrees: from blue to pink, where no verdict and no person is."""
    return 230 + (_HUES[rater % 3] - 230 + 11 * (rater // 3)) % 105


def _shade(rater: int) -> int:
    """Return by how many points a judge's colour is lighter, since hues alone are few."""
    return 16 * (rater // 3 % 2)


def quoted(text: str) -> Any:
    """Return a text as a string of a style sheet, in which nothing is left that could leave it."""
    from markupsafe import Markup

    return Markup(  # noqa: S704
        '"' + "".join(c if c.isalnum() or c in " ,.-" else f"\\{ord(c):x} " for c in text) + '"'
    )


def _parts(figure: Figure) -> tuple[Sequence[int], Sequence[int]]:
    """Return the rows that are drawn at once, and those that are drawn when asked for."""
    return first_group(figure) if figure.kind == "forest" and figure.rows else (figure.places, ())


def _key(judge: JudgeAudit) -> list[tuple[Estimate, str]]:
    """Return the numbers that matter most and what each decides: first those that do, then the plainest."""
    number = association(judge)
    first = [(judge.main, "decides on single items"), (number, "decides on ranks and levels")]
    if number is judge.main:
        first = [(number, "decides")]
    others = {e.name: e for e in judge.headline if e.name != judge.main.name and not math.isnan(e.value)}
    # Percent agreement first, further kappas last: they say nearly the same.
    told_apart = sorted(
        others, key=lambda name: (name != "percent_agreement", name.startswith("cohen_kappa"))
    )
    return [*first, *((others[name], "") for name in told_apart)][:_KEY]


def metric(alpha: Estimate) -> str:
    """Return what Krippendorff's alpha takes for the distance of two labels."""
    return f"alpha, {alpha.name.removeprefix('krippendorff_alpha').strip('_') or 'nominal'} metric"


@cache
def words(part: str) -> Mapping[str, Any]:
    """Return a part of the words: `verdicts`, `main` or `terms`."""
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = tomllib.loads(text)[part]
    return found


def _capitals(audit: Audit) -> Callable[[str], str]:
    """Return what begins a sentence with a capital, but not where a name begins it."""
    names = {*_judges(audit), *(name for c in audit.criteria for name in c.labelled.people)}
    names |= {name for c in audit.criteria for each in c.labelled.systems for name in each}

    def capital(text: str) -> str:
        if any(text.startswith(name) for name in names) or not text.partition(" ")[0].rstrip(",:;").isalpha():
            return text
        return text[:1].upper() + text[1:]

    return capital


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _lead(audit: Audit) -> str:
    people = {name for c in audit.criteria for name in c.labelled.people}
    judges = _judges(audit)
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
    units = f"{lab.ratings.n_units} {'pairs' if lab.pairs else 'units'}"
    twice = f"labelled by {people}, {criterion.double_labelled} of them by two people or more"
    trusted = f"with trusted labels, declared to be the truth ({people})"
    said = [f"{units} {trusted if lab.trusted else twice}.", f"Scale: {scale}."]
    if lab.trusted:
        pass
    elif math.isnan(criterion.human_alpha.value):
        said.append(f"How far people agree with each other is {told(criterion.human_alpha)}.")
    else:
        alpha = criterion.human_alpha
        said.append(f"People with each other: Krippendorff's {metric(alpha)}, {told(alpha)}.")
    if dropped:
        said.append(f"Left out: {', '.join(dropped)}.")
    return " ".join(said)


def _rests_on(judge: JudgeAudit, pairs: bool, capital: Callable[[str], str]) -> str:
    """Tell what the judge's agreement rests on, and what its missing verdicts could change."""
    name = words("main").get(judge.main.name, called(judge.main.name))
    missing = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in judge.abstained.items())
    more = []
    if missing and judge.coverage is not None:
        low, high = judge.coverage.lowest.value, judge.coverage.highest.value
        bounds = f"were all of those wrong, percent agreement would be {low:.3f}, were all right {high:.3f}"
        more.append(f"No verdict on some ({missing}): {bounds}.")
    if pairs and judge.orders:
        more.append("Both orders of each pair were averaged.")
    more += [f"{capital(note)}." for note in judge.main.notes]
    return f"({name}, {judge.main.n_used} units). {' '.join(more)}"


def _beside(judge: JudgeAudit) -> list[list[Any]]:
    return [
        [c.name, told(c.agreement), told(c.judge), told(c.difference), _chance(c.test.p) if c.test else None]
        for c in judge.controls
    ]


def _chance(p: float) -> str | None:
    """Return a probability as it is read: a very small one by what it is below."""
    return None if math.isnan(p) else "below 0.001" if p < 0.001 else f"{p:.3f}"


def _brackets(audit: Audit) -> str:
    """Return what the brackets mean, by the first number that has some."""
    for criterion in audit.criteria:
        for judge in criterion.judges:
            if not judge.is_control and not math.isnan(judge.main.low):
                ends = f"[{judge.main.low:.3f}, {judge.main.high:.3f}]"
                return f"{ends}: the true value lies there with {audit.how.level:.0%} confidence."
    return ""


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _margins(found: MarginalHomogeneity) -> list[list[Any]]:
    tests = (found.stuart_maxwell, found.bhapkar, found.bowker)
    return [
        [t.name.replace("_", " "), *map(_known, (t.statistic, t.df)), _chance(t.p), t.status] for t in tests
    ]


def _estimates_in(value: Any) -> list[list[Any]]:
    """Return a row for each estimate, as `_ESTIMATE` heads it."""
    rows = []
    for e in dict.fromkeys(_found_in(value)):
        ends = "" if math.isnan(e.low) else f"{shown(e.low)} to {shown(e.high)}"
        n = f"{e.n_used}{f', {e.n_dropped} left out' if e.n_dropped else ''}"
        how = [
            e.interval,
            *([f"by {e.unit}"] if e.unit else []),
            *([] if e.seed is None else [f"seed {e.seed}"]),
        ]
        rows.append(
            [called(e.name), _known(e.value), ends, n, ", ".join(how), "; ".join((e.status, *e.notes))]
        )
    return rows


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
        **plain(criterion, without=Labelled),
    }


def audit_markdown(
    audit: Audit,
    found: Sequence[Finding],
    gates: Gates,
    drawn: Sequence[Figure],
    *,
    made: Mapping[str, str] | None = None,
) -> str:
    """Return the report in Markdown."""
    lines = ["# Judges against people", ""]
    lines += [f"- made {name}: {cell(value)}" for name, value in (made or made_by()).items()]
    lines += [f"- {name}: {cell(value)}" for name, value in audit.provenance.items()]
    lines += [f"- note: {cell(note)}" for note in audit.notes]
    lines += [f"- {each}" for each in shared_causes(audit, found)]
    lines += ["", *table(("criterion", "judge", "purpose", "verdict", "why"), [
        (f.criterion, f.judge, PURPOSES[f.purpose], f.verdict, f.why) for f in found
    ])]  # fmt: skip
    for criterion in audit.criteria:
        lines += [
            "",
            f"## {cell(criterion.criterion)}",
            "",
            _ground(criterion),
            *(line for said in panel_lines(criterion.panel) for line in ("", cell(said))),
        ]
        for judge in criterion.judges:
            lines += [
                "",
                f"### {cell(judge.judge)}",
                "",
                f"{judge.main.name}: {told(judge.main)}, n {judge.main.n_used}",  # as in Python and JSON
            ]
            for each in found:
                if (each.judge, each.criterion) == (judge.judge, criterion.criterion):
                    lines += ["", f"**To {PURPOSES[each.purpose]}: {each.verdict}.** {cell(each.why)}", ""]
                    if plain_words := plainly(judge, criterion, each.purpose, doubt(gates, criterion)):
                        lines += [f"{cell(plain_words)}.", ""]
                    lines += [f"- do: {cell(line)}" for line in each.correction]
                    lines += [f"- to change it: {cell(line)}" for line in each.change]
                    lines += ["", *table(("measured", "wanted", "found", "met", "source"), [
                        (f"{'▶ ' * c.decides}{c.what}", c.wanted, c.found, c.says, c.source)
                        for c in each.checks
                    ])]  # fmt: skip
        for figure in drawn:
            if figure.criterion == criterion.criterion:
                lines += ["", *_figure(figure)]
    lines += ["", "## Thresholds", "", *table(("threshold", "value", "what", "source"), [
        (g.name, f"{g.value:g}", g.what, g.cited) for g in gates.values()
    ])]  # fmt: skip
    return "\n".join(lines) + "\n"


def _figure(figure: Figure) -> list[str]:
    about = f" ({cell(figure.judge)})" if figure.judge else ""
    lines = [f"### {figure.title}{about}", "", figure.reading, "", f"n = {figure.n}. {figure.interval}", ""]
    lines += table(figure.columns, figure.rows[:MOST_ROWS])
    if len(figure.rows) > MOST_ROWS:
        lines.append(f"\n{len(figure.rows) - MOST_ROWS} more rows stand in the JSON file.")
    lines += [f"- {name}: {shown(value)}" for name, value in figure.lines.items()]
    return [*lines, *(f"- {cell(note)}" for note in figure.notes)]


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return a table in Markdown."""
    head = "| " + " | ".join(map(cell, columns)) + " |"
    return [
        head,
        "|" + "---|" * len(columns),
        *("| " + " | ".join(cell(shown(v)) for v in row) + " |" for row in rows),
    ]


def cell(value: Any) -> str:
    """Return text that cannot leave its cell, be a heading, or be HTML."""
    return " ".join(str(value).split()).translate(_SAFE)

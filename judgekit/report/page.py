"""The report as one page: a verdict first, then the numbers, then how they were made. It needs nothing else.

Whatever was judged or labelled is escaped, and a content policy forbids every request.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.records import Audit
from judgekit.agreement.auditing.section import Figure
from judgekit.agreement.auditing.wording import told
from judgekit.errors import InputError
from judgekit.markup import esc, head
from judgekit.report.checks import Gates
from judgekit.report.parts import cells, chip, details, section, table
from judgekit.report.purposes import PURPOSES, VERDICTS, Finding
from judgekit.report.text import audit_json, audit_markdown
from judgekit.report.words import words
from judgekit.writing import beside

_HERE = Path(__file__).parent
_MANY = 2  # from more criteria than this on figures are shown when asked for


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

    Args:
        audit: Of judges against people.
        found: The verdicts on it (`findings`).
        gates: The thresholds they went by.
        path: Of the page.
        title: What was judged, for the heading.
        reads: Files that were read for it, which none of the three may be.

    Raises:
        InputError: If they cannot be written there.
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
    """The page, as HTML."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    name = title or "Can these judges be trusted?"
    several = len(audit.criteria) > 1 or len({f.judge for f in found}) > 1
    meaning = [f"<tr><td>{chip(v)}</td><td>{esc(words('verdicts')[v])}</td></tr>" for v in VERDICTS]
    closed = len(audit.criteria) > _MANY
    body = "".join(
        section(criterion, k, found, [f for f in drawn if f.id.split("-")[0] == f"c{k}"], closed=closed)
        for k, criterion in enumerate(audit.criteria, 1)
    )
    return f"""{head(name, style)}
<body>
<header>
<h1>{esc(name)}</h1>
{_lead(audit)}
</header>
<main>
{_short(audit, found) if several else ""}
{details("What the five verdicts mean", table(["verdict", "meaning"], meaning))}
{body}
</main>
{_footer(audit, gates)}
</body>
</html>
"""


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
    said = f"{judged} against {labels}, on {units} {kind}, by {criteria}."
    notes = "".join(f"<li>{esc(note)}</li>" for note in audit.notes)
    return f'<p class="lead">{esc(said)}</p>' + (f'<ul class="note">{notes}</ul>' if notes else "")


def _short(audit: Audit, found: Sequence[Finding]) -> str:
    """All verdicts in one table; on a phone each row is a block of its own."""
    purposes = [f"to {purpose}" for purpose in PURPOSES.values()]
    heads = ["criterion", "judge", *purposes, "agreement with people", "people with each other"]
    rows = []
    for k, criterion in enumerate(audit.criteria, 1):
        people = "trusted labels" if criterion.labelled.trusted else told(criterion.human_alpha)
        for judge in criterion.judges:
            about = (judge.judge, criterion.criterion)
            mine = {f.purpose: f for f in found if (f.judge, f.criterion) == about}
            if not mine:
                continue
            link = f'<a href="#c{k}">{esc(criterion.criterion)}</a>'
            said = [chip(mine[p].verdict) for p in PURPOSES]
            row = [link, esc(judge.judge), *said, esc(told(judge.main)), esc(people)]
            cells_ = [f'<td data-label="{esc(h)}">{each}</td>' for h, each in zip(heads, row, strict=True)]
            rows.append(f"<tr>{''.join(cells_)}</tr>")
    return f'<section class="short"><h2>In short</h2>{table(heads, rows)}</section>'


def _footer(audit: Audit, gates: Gates) -> str:
    facts = {
        **audit.provenance, "level of intervals": f"{audit.how.level:.0%}", "seed": audit.how.seed,
        "resamples": audit.how.b,
    }  # fmt: skip
    listed = "".join(f"<dt>{esc(name)}</dt><dd>{esc(value)}</dd>" for name, value in facts.items())
    sources = [cells([g.what, g.value, g.cited]) for g in gates.values()]
    terms = "".join(f"<dt>{esc(name)}</dt><dd>{esc(says)}</dd>" for name, says in words("terms").items())
    return f"""<footer>
<h2>How this was made</h2>
<p>A verdict holds for the judge as it was asked: this model, these settings, this prompt, this version of
the rubric, units like these. When one of them changes, measure again; without a change, check it on a few
dozen fresh labels now and then.</p>
<dl>{listed}</dl>
{details("Thresholds and their sources", table(["measured", "threshold", "source"], sources))}
{details("Words", f"<dl>{terms}</dl>")}
</footer>"""

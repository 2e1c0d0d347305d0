"""A standing as a page, a table and JSON: who stands where, who cannot be told apart, what the means say.

All three hold the same numbers. The page stands in `standing.html`, which escapes all names.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from judgekit.agreement.auditing.section import Chart, Figure
from judgekit.errors import InputError
from judgekit.report.canvas import WIDTH
from judgekit.report.draw import picture, shown
from judgekit.report.page import STACKED, made_by, quoted
from judgekit.shelf import render
from judgekit.standing.records import Place, Standing
from judgekit.writing import beside, plain

HEADS = (
    "rank", "rank_low", "rank_high", "system", "groups", "strength", "low", "high", "se", "mean", "won", "n",
    "missing",
)  # fmt: skip
"""Columns of the table of a standing."""
_HEADS = ("system", "group", "rank between", "strength", "interval", "plain mean", "n", "missing")
_FOREST = (
    "Strengths with their {level:.0%} intervals, in {unit}, 0 the average. Systems that share a letter "
    "cannot be told apart, for all pairs at once; intervals of single systems overlap more than those of "
    "differences."
)
_BUMP = (
    "The order by plain means on the left, by the model on the right. Where systems have different items, "
    "or met different opponents, the plain mean compares those, too: a line that crosses others is a "
    "system that it favours or wrongs."
)
MOST_GROUPS = 5  # that are named in a sentence
MOST_SYSTEMS = 11  # whose chances of being better than one another stand on the page; JSON has all


def write_standing(
    found: Standing, path: str | Path, *, command: str = "", reads: Iterable[str | Path] = ()
) -> tuple[Path, Path, Path]:
    """Write the page, and beside it `.json` and `.csv` with the same numbers; none of `reads` is replaced."""
    target = Path(path)
    if target.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"{target}: the report is a page; name it {target.stem or 'standing'}.html")
    data, rows = target.with_suffix(".json"), target.with_suffix(".csv")
    made = made_by(command)
    numbers = {**standing_json(found), "made": made}
    written = (
        page(found, made), json.dumps(numbers, ensure_ascii=False, indent=1) + "\n", standing_csv(found)
    )  # fmt: skip
    with beside(target, data, rows, reads=reads) as files:
        for file, each in zip(files, written, strict=True):
            file.write(each.encode())
    return target, data, rows


def standing_json(found: Standing) -> dict[str, Any]:
    """Return all of a standing as JSON has it; what is undefined or infinite is null."""
    own: dict[str, Any] = plain(replace(found, profile=None, against=None, draws=np.empty((0, 0))))
    told, pairs = found.told_apart
    uneven = found.uneven
    own |= {
        "groups": plain(found.groups), "told_apart": told, "pairs": pairs,
        "separability": plain(found.separability), "chances": plain(found.chances),
        "uneven": uneven and {**plain(uneven), "beyond_chance": uneven.beyond_chance},
    }  # fmt: skip
    letters = found.letters
    for place in own["places"]:
        place["groups"] = letters[place["system"]]
    del own["draws"]
    if found.profile is not None:
        own["profile"] = {
            "by": found.profile.by,
            "standings": {tag: standing_json(each) for tag, each in found.profile.standings.items()},
            "moved": [[*key, n] for key, n in found.profile.moved.items()],
            "spiky": [list(each) for each in found.profile.spiky],
        }
    if found.against is not None:
        names = ("tau", "halves", "shifts", "tilt", "left_out")
        own["against"] = {name: plain(getattr(found.against, name)) for name in names}
        own["against"]["trusted"] = standing_json(found.against.trusted)
    return own


def rows_of(found: Standing) -> list[tuple[Any, ...]]:
    """Return a row for each system, as `HEADS` heads it."""
    letters, rows = found.letters, []
    for p in found.places:
        numbers = map(_known, (p.strength, p.low, p.high, p.se, p.mean, p.won))
        rows.append(
            (p.rank, p.rank_low, p.rank_high, p.system, letters[p.system], *numbers, p.n, p.n_missing)
        )
    return rows


def _short(found: Standing) -> list[tuple[Any, ...]]:
    """Return a row for each system, as the page heads it."""
    rows = []
    for place, row in zip(found.places, rows_of(found), strict=True):
        known = dict(zip(HEADS, row, strict=True))
        between = f"{place.rank_low} to {place.rank_high}" if place.rank_low else "unknown"
        ends = " to ".join("..." if end is None else shown(end) for end in (known["low"], known["high"]))
        if math.isnan(place.low) or math.isnan(place.high):
            ends = "none"
        mean = known["won"] if found.unit == "log-odds" else known["mean"]
        rows.append(
            (place.system, known["groups"], between, known["strength"], ends, mean, place.n, place.n_missing)
        )
    return rows


def standing_csv(found: Standing) -> str:
    """Return a row for each system as CSV; what is undefined is empty, as is an interval's infinite end."""
    file = io.StringIO()
    out = csv.writer(file, lineterminator="\n")
    out.writerow(HEADS)
    out.writerows(["" if cell is None else cell for cell in row] for row in rows_of(found))
    return file.getvalue()


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def figures(found: Standing) -> list[Figure]:
    """Return the intervals of the systems with their groups, and how the model moves the order of means."""
    known = [p for p in found.places if math.isfinite(p.strength)]
    letters = found.letters
    between = {p.system: f"{p.rank_low} to {p.rank_high}" if p.rank_low else "unknown" for p in known}
    tip = "{system}: rank between {ranks}, n {n}"
    intervals = Chart(
        kind="intervals", name="{system} ({groups})", axes=(found.unit, ""), span="close", tip=tip
    )  # fmt: skip
    forest = _figure(
        "forest", "Who is better, and by how much?", _FOREST.format(level=found.level, unit=found.unit),
        ("system", "groups", "value", "low", "high", "ranks", "n"),
        [
            (p.system, letters[p.system], p.strength, _known(p.low), _known(p.high), between[p.system], p.n)
            for p in known
        ],
        chart=intervals,
    )  # fmt: skip
    both = [p for p in known if math.isfinite(p.mean)]
    means, model = _places(both, "mean"), _places(both, "strength")
    bump = _figure(
        "bump", "What does the model change?", _BUMP,
        ("system", "mean_rank", "strength_rank", "mean", "strength", "strength_low", "strength_high"),
        [
            (p.system, means[p.system], model[p.system], p.mean, p.strength, _known(p.low), _known(p.high))
            for p in both
        ],
        chart=Chart(
            kind="slopes", x="system", y=("mean", "strength"),
            legend={"mean": "plain mean", "strength": "model"},
        ),
    )  # fmt: skip
    how = "none" if found.interval == "none" else f"{found.level:.0%} intervals by item ({found.interval})"
    return [replace(each, n=found.n_items, interval=how) for each in (forest, bump) if each.rows]


def _figure(
    name: str,
    title: str,
    reading: str,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    chart: Chart,
) -> Figure:
    return Figure(
        id=name, kind="standing", criterion="", judge="", title=title, reading=reading,
        columns=tuple(columns), rows=tuple(rows), n=0, chart=chart,
    )  # fmt: skip


def _places(places: Sequence[Place], by: str) -> dict[str, int]:
    """Return places from 1, each of them once, so that no name is drawn over another."""
    order = sorted(places, key=lambda p: (-round(getattr(p, by), 12), p.system))
    return {p.system: i for i, p in enumerate(order, 1)}


def lead(found: Standing) -> str:
    """Tell in a sentence or two what the standing comes to."""
    told, pairs = found.told_apart
    if found.status.startswith("undefined"):
        return f"No order can be told ({found.status}): {'; '.join(found.notes)}."
    apart = f"{told} of {pairs} pairs of systems are told apart at {found.level:.0%}, all pairs at once."
    crowd = [", ".join(group) for group in found.groups if len(group) > 1]
    if not crowd:
        return apart
    more = f"; and {len(crowd) - MOST_GROUPS} more groups" if len(crowd) > MOST_GROUPS else ""
    return f"{apart} Not told apart: {'; '.join(crowd[:MOST_GROUPS])}{more}."


def warning(found: Standing) -> str:
    """Tell why a plain mean is unsafe where more is missing of some systems than of others."""
    test = found.uneven
    if test is None or not test.beyond_chance:
        return ""
    most = max(found.places, key=lambda p: p.n_missing / max(p.answers + p.n_missing, 1))
    share = most.n_missing / (most.answers + most.n_missing)
    chance = "below 0.001" if test.p < 0.001 else f"{test.p:.3f}"
    return (
        f"answers are missing unevenly (chi-square {test.chi_square:.1f} on {test.df}, p {chance}; "
        f"{share:.0%} of {most.system}): the plain mean compares systems on different items, and is not safe"
    )


def page(found: Standing, made: Mapping[str, str]) -> str:
    """Return the page, as HTML."""
    names = found.systems[:MOST_SYSTEMS]
    sure = [
        (one, *(_known(float(cell)) for cell in row[: len(names)]))
        for one, row in zip(names, found.chances, strict=False)
    ]
    reasons = sorted({reason for p in found.places for reason in p.missing})
    return render("report/standing.html", {
        "title": "Which system is better?", "made": made, "found": found, "lead": lead(found),
        "warning": warning(found), "heads": _HEADS, "rows": _short(found),
        "drawn": [picture(each) for each in figures(found)], "picture_width": WIDTH, "shown": shown,
        "quoted": quoted, "names": names, "sure": sure, "reasons": reasons,
        "stacked": STACKED,
        "shifts": [(s.family, s.shift, s.p) for s in (found.against.shifts if found.against else ())],
        "missing": [(p.system, *(p.missing.get(r, 0) for r in reasons)) for p in found.places],
    })  # fmt: skip

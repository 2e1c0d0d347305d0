"""A bank as a page: what is wrong with items, what they tell along the scale, who calibrated them."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from judgekit.agreement.auditing.section import Chart, Figure
from judgekit.errors import InputError
from judgekit.report.canvas import WIDTH
from judgekit.report.draw import picture, shown
from judgekit.report.page import STACKED, quoted
from judgekit.shelf import render
from judgekit.standing.bank import Bank
from judgekit.writing import write

MOST_ROWS = 200
_ITEMS = (
    "How well an item tells systems apart, upwards, by how hard it is, across. Below 0 better systems fail "
    "it: look at its key. Those with a flag stand in a colour of their own."
)
_TOLD = (
    "The error of an ability if all items were asked, along the scale of abilities. It is least where many "
    "items are as hard as a system is able; a bank says little about systems beyond its items."
)


def write_bank(bank: Bank, path: str | Path, *, reads: Iterable[str | Path] = ()) -> None:
    """Write the page of a bank."""
    target = Path(path)
    if target.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"{target}: the report is a page; name it {target.stem or 'bank'}.html")
    write(target, page(bank).encode(), reads=reads)


def page(bank: Bank) -> str:
    """Return the page, as HTML, in which all names are escaped."""
    flagged = [item for item in bank.items if item.flags]
    systems = sorted(bank.systems.items(), key=lambda each: (math.isnan(each[1][0]), -each[1][0]))
    drawn = [] if math.isnan(bank.sd) else [picture(each) for each in (_items(bank), _told(bank))]
    return render("report/bank.html", {
        "title": "What do these items tell?", "bank": bank, "drawn": drawn, "shown": shown, "quoted": quoted,
        "stacked": STACKED, "picture_width": WIDTH, "n_flagged": len(flagged), "most": MOST_ROWS,
        "flagged": [
            (i.item_id, " ".join(i.flags), *map(_known, (i.share, i.rest, i.slope, i.level, i.infit)), i.n)
            for i in flagged[:MOST_ROWS]
        ],
        "systems": [(name, *map(_known, of)) for name, of in systems[:MOST_ROWS]],
        "hidden": [(h.model, _known(h.log_loss), _known(h.auc)) for h in bank.hidden],
        "known": _known,
    })  # fmt: skip


def _known(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _items(bank: Bank) -> Figure:
    """Return slope by level of every item, those with a flag apart (in the colours of judges and people)."""
    rows = [
        (
            i.item_id,
            " ".join(i.flags) or "none",
            -i.level,
            None if i.flags else i.slope,
            i.slope if i.flags else None,
        )
        for i in bank.items
        if math.isfinite(i.level)
    ]
    hard, slopes = [row[2] for row in rows], [row[3] if row[4] is None else row[4] for row in rows]
    chart = Chart(
        kind="points", x="hard", y=("judge", "people"), tip="{item}: {flags}",
        axes=("log-odds of a wrong answer of an average system", "slope"), x_span=_span(hard),
        y_span=_span([*slopes, 0]), legend={"judge": "no flag", "people": "with a flag"},
    )  # fmt: skip
    return _figure(
        "items", ("Which items are good?", _ITEMS), ("item", "flags", "hard", "judge", "people"), rows, chart
    )


def _told(bank: Bank) -> Figure:
    """Return the error of abilities by all items, along the scale."""
    at = bank.mean + bank.sd * np.linspace(-3, 3, 61)
    rows = [(float(a), float(i) ** -0.5) for a, i in zip(at, bank.information(at), strict=True) if i > 0]
    chart = Chart(
        kind="points", x="ability", y=("error",), curve=True, axes=("ability", "error"),
        x_span=_span([row[0] for row in rows]), y_span=_span([0, *(row[1] for row in rows)]),
        tip="ability {ability}: error {error}",
    )  # fmt: skip
    return _figure("told", ("Who can be measured?", _TOLD), ("ability", "error"), rows, chart)


def _span(values: Iterable[Any]) -> tuple[float, float]:
    low, high = min(there := list(values)), max(there)
    return (low, high) if high > low else (low - 1, high + 1)


def _figure(name: str, words: tuple[str, str], columns: tuple[str, ...], rows: Any, chart: Chart) -> Figure:
    return Figure(
        id=name, kind="bank", criterion="", judge="", title=words[0], reading=words[1], columns=columns,
        rows=tuple(rows), n=len(rows), chart=chart,
    )  # fmt: skip

"""Results as Markdown tables."""

from collections.abc import Iterable, Sequence

from expected_figures import Check, Reviews
from halves import Chosen
from measures import Figures, interval, number
from orders import Orders
from recorded_sets import Arm, QualitySet


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, padded so that it can be read as it is.

    >>> print(table(["a", "b"], [["x", "1.00"]]))
    | a | b    |
    |---|------|
    | x | 1.00 |
    """
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[k]) for row in every) for k in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) + " |" for r in every]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def title(data: QualitySet) -> str:
    """A set's heading: what it is, whose, and what it does not allow."""
    notes = "".join(f"\n- {note}" for note in data.notes)
    return f"### {data.name} ({len(data.gold)} units; {data.source})\n{notes}".rstrip()


def pairs(rows: Sequence[tuple[Arm, Figures]]) -> str:
    """Arms of a set of pairs."""
    head = ["arm", "none", "ties", "right of all", "right where a side is taken", "kappa", "Brier", "calls",
            "tokens", "note"]  # fmt: skip
    return table(
        head,
        [
            [a.name, str(f.none), str(f.ties), interval(f.right), interval(f.decided), interval(f.kappa, 2),
             number(f.brier, 3), number(a.calls), number(a.tokens, 0), a.note]
            for a, f in rows
        ],
    )  # fmt: skip


def grades(rows: Sequence[tuple[Arm, Figures]]) -> str:
    """Arms of a graded set."""
    head = ["arm", "none", "Spearman", "exact label", "quadratic kappa", "RMSE", "Brier", "calls", "tokens",
            "note"]  # fmt: skip
    return table(
        head,
        [
            [a.name, str(f.none), interval(f.spearman), interval(f.right), interval(f.kappa, 2),
             interval(f.rmse, 2), number(f.brier, 3), number(a.calls), number(a.tokens, 0), a.note]
            for a, f in rows
        ],
    )  # fmt: skip


def both_orders(rows: Sequence[tuple[str, Orders]]) -> str:
    """Every judge asked in both orders."""
    head = ["judge", "set", "n", "lost", "one order", "both balanced (tie half)", "balanced - one drawn", "",
            "changed by the order", "right where orders agree", "shown first chosen"]  # fmt: skip
    return table(
        head,
        [
            [o.judge, name, str(o.n), str(o.lost), interval(o.one), interval(o.balanced), interval(o.gain), o.says,
             interval(o.changed), interval(o.agreed), interval(o.shown_first)]
            for name, o in rows
        ],
    )  # fmt: skip


def defaults(rows: Sequence[Chosen]) -> str:
    """What was chosen on one half, on the other half."""
    head = ["set", "one verdict", "against it", "", "n", "one", "its", "its - one", "", "calls"]
    return table(
        head,
        [
            [c.data, c.base, c.arm, c.why, str(c.n), number(c.one, 3), number(c.its, 3), interval(c.gain),
             c.says, f"{number(c.base_calls)} -> {number(c.calls)}"]
            for c in rows
        ],
    )  # fmt: skip


def sums(rows: Sequence[Reviews]) -> str:
    """FastChat's reviews."""
    head = ["file", "sum, first", "sum, second", "first/tie/second ahead", "won by the longer answer (n)"]
    return table(
        head,
        [
            [r.name, f"{r.sums[0]:g}", f"{r.sums[1]:g}", "/".join(map(str, r.wins)),
             f"{interval(r.longer)} ({r.longer.n_used})" if r.longer.n_used else "answers do not join"]
            for r in rows
        ],
    )  # fmt: skip


def checks(rows: Sequence[Check]) -> str:
    """Which figures of EXPECTED.json were reproduced."""
    return table(
        ["figures", "equal", "of", ""],
        [[c.name, str(c.equal), str(c.of), ("" if c.good else "MISMATCH ") + c.why] for c in rows],
    )

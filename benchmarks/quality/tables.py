"""Results as Markdown tables."""

from collections import Counter
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
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) + " |" for r in every
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def title(data: QualitySet) -> str:
    """A set's heading: what it is, whose, and what it does not allow."""
    notes = "".join(f"\n- {note}" for note in data.notes)
    return f"### {data.name} ({len(data.gold)} units; {data.source})\n{notes}".rstrip()


def pairs(rows: Sequence[tuple[Arm, Figures]]) -> str:
    """Arms of a set of pairs; the first is one verdict, which the gain a further call is counted from."""
    head = ["arm", "none", "ties", "right of all", "right where a side is taken", "kappa", "Brier", "calls",
            "tokens", "gain a further call", "note"]  # fmt: skip
    one = rows[0][1].right.value
    return table(
        head,
        [
            [a.name, str(f.none), str(f.ties), interval(f.right), interval(f.decided), interval(f.kappa, 2),
             number(f.brier, 3), number(a.calls), number(a.tokens, 0),
             f"{(f.right.value - one) / (a.calls - 1):+.3f}" if a.calls > 1 else "", a.note]
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
    head = ["judge", "set", "n", "lost", "one order", "both balanced (tie half)", "balanced - one drawn",
            "Brier, one - balanced", "changed by the order", "right where orders agree", "that - one order",
            "", "shown first chosen"]  # fmt: skip
    return table(
        head,
        [
            [o.judge, name, str(o.n), str(o.lost), interval(o.one), interval(o.balanced), interval(o.gain),
             interval(o.brier), interval(o.changed), interval(o.agreed), interval(o.bought), o.says,
             interval(o.shown_first)]
            for name, o in rows
        ],
    )  # fmt: skip


def defaults(rows: Sequence[Chosen]) -> str:
    """What was chosen on one half, on the other half."""
    head = [
        "set",
        "one verdict",
        "against it",
        "",
        "n",
        "one",
        "its",
        "its - one",
        "",
        "Brier, one - its",
        "calls",
    ]
    return table(
        head,
        [
            [c.data, c.base, c.arm, c.why, str(c.n), number(c.one, 3), number(c.its, 3), interval(c.gain),
             c.says, interval(c.brier), f"{number(c.base_calls)} -> {number(c.calls)}"]
            for c in rows
        ],
    )  # fmt: skip


def in_short(chosen: Sequence[Chosen], by_order: Sequence[tuple[str, Orders]]) -> str:
    """The defaults and the orders, counted."""
    lines = []
    for why in ("chosen", "shipped"):
        own = [c for c in chosen if c.why == why]
        counts = Counter(c.says for c in own)
        said = ", ".join(f"{n} {says}" for says, n in sorted(counts.items()))
        surer = sum(c.brier.low > 0 for c in own)
        lines.append(
            f"- {why}, {len(own)} comparisons with one verdict: {said}; better probabilities in {surer}"
        )
    rows = [o for _, o in by_order]
    counts = Counter(o.says for o in rows)
    said = ", ".join(f"{n} {says}" for says, n in sorted(counts.items()))
    lines.append(f"- right where both orders agree, against one order, {len(rows)} rows: {said}")
    return "\n".join(lines)


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

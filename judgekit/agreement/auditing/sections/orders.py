"""Order effects: does a judge of pairs follow the place or the response?"""

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import How
from judgekit.agreement.auditing.section import About, Chart, Figure, Section
from judgekit.agreement.auditing.wording import Row, percents, told
from judgekit.agreement.bias.order_effects import position_counts, position_effects
from judgekit.agreement.core.intervals import share
from judgekit.types import Estimate

SAYS = {
    "orders": (
        "Does the verdict follow the place or the response?",
        (
            "Each pair was judged in both orders. Consistent: the same response wins both times. "
            "Otherwise the judge leans to the response shown first, or to the one shown second."
        ),
    ),
}


def orders(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """Order effects of a judge of pairs that saw both orders."""
    if judge not in lab.orders:
        return {}
    one, other = lab.orders[judge]
    clusters = lab.ratings.clusters
    return dict(position_effects(one, other, seed=how.seed, clusters=clusters, b=how.b, level=how.level))


def figure(about: About) -> Figure | None:
    """Does the verdict follow the place or the response?"""
    lab = about.criterion.labelled
    rows: list[Row] = []
    notes: list[str] = []
    n = 0
    for judge in about.criterion.judges:
        if judge.judge not in lab.orders:
            continue
        c = position_counts(*lab.orders[judge.judge])
        n = max(n, c.n)
        kinds = (("consistent", c.consistent), ("first place", c.primacy), ("second place", c.recency))
        rows += [(judge.judge, what, *percents(share(k, c.n)), k) for what, k in kinds]
        f = judge.orders["preference_fairness"]
        notes.append(f"{judge.judge}: (second place - first place) / pairs {told(f)}; {'; '.join(f.notes)}")
    if not rows:
        return None
    notes.append(
        "with one verdict an order, place and noise cannot be told apart: ask again in the same order"
    )
    columns = ("judge", "what", "percent", "low", "high", "pairs")
    chart = Chart(
        kind="bars", x="judge", group="what", value="percent", stacked=True,
        kinds=("good", "judge", "people"),
        legend={"first place": "leans to the first place", "second place": "leans to the second"},
        axes=("percent of pairs; line: interval of the consistent", ""),
        tip="{what}: {percent} % [{low}, {high}], {pairs} pairs",
    )  # fmt: skip
    return about.figure("orders", columns, rows, n, interval="95 % Wilson", notes=notes, chart=chart)


SECTION = Section(
    name="orders", says=SAYS, of_all=figure,
    compute=lambda case: {"orders": orders(case.lab, case.judge, case.how)},
)  # fmt: skip

"""Quality for its cost: what each way of using recorded judges gains against people's labels.

    python benchmarks/quality/run.py ../shared/data [--seed 7] [--out table.md]

Every set is read anew and every arm is made by the library: one verdict, both orders, k samples, panels
(strict majority, mean, cross-fitted accuracy weights, Dawid-Skene), calibrated on 50 labels of other items,
cascades, controls. Then a default is chosen on a seeded half of each set and reported on the other. Nothing
is left out where it does not help. Exit code 1 if a figure of EXPECTED.json is not reproduced.

Tokens are estimated from the recorded texts (task, responses, reply) by the library's own estimate, on the
high side; the fixed text of the judges' prompts is not recorded with most sets and is not counted.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import expected_figures as expected
import fitted_arms
import graded_arms
import graded_sets
import pair_arms
import pair_sets
import tables
from halves import Chosen, choose
from measures import Figures, figures, interval, values_of
from orders import Orders, orders
from recorded_sets import Arm, QualitySet, source_of

from judgekit import __version__
from judgekit.types import Unit

Show = Callable[[Sequence[tuple[Arm, Figures]]], str]
HEAD = """# Quality for its cost

judgekit {version}, {date}, seed {seed}. Recorded judges of other people; nothing was asked anew, so model
revisions and prompts are those of the sets' authors. `none`: items without a verdict, which count as not
right. `ties`: a judge's ties where people were given none, each half right, as a coin would be; kappa counts
them as disagreement. Intervals are 95 %: Wilson, or bootstrap over items where some are half right; Fisher's
z for kappa; Bonett and Wright's for Spearman; paired t for differences. Each is of a single comparison: of
forty, two exclude 0 by chance."""
BOTH_ORDERS = """## Both orders, every recorded judge

With one label an order, `average` and `consistent` are the same verdict, and a tie that is half right makes
balancing equal to the mean of the two orders by arithmetic, so that `balanced - one drawn` is 0 but for the
luck of the draw. What it buys is knowing where the judge does not know: probabilities with a smaller Brier
score, and a judge that may abstain. That is worth something only where it is right when its orders agree."""
DEFAULT = """## The default: chosen on one half, reported on the other

`shipped` is judgekit's default: both orders, average; for several judges of one order, the mean of them.
Dawid-Skene sees the votes on both halves and no label. A choice by rank correlation for grades, by mean
credit for pairs."""
UNJUDGED = (
    "GPT-4, one order, one sample, no people: nothing here can say whether a verdict is right; sums, wins "
    "and who wrote more are all there is."
)


class Bench:
    """One run: its seed, and what it has made so far."""

    def __init__(self, data: Path, seed: int) -> None:
        self.data = data
        self.seed = seed
        self.checks: list[expected.Check] = []
        self.by_order: list[tuple[str, Orders]] = []
        self.chosen: list[Chosen] = []

    def sections(self) -> Iterator[str]:
        """The report, section by section."""
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        yield HEAD.format(version=__version__, date=date, seed=self.seed)
        yield "## Pairs"
        yield from self._pairs()
        yield "## Grades"
        yield from self._grades()
        yield "## Reviews without people (fastchat_vicuna80)"
        yield self._reviews()
        yield BOTH_ORDERS
        yield tables.both_orders(self.by_order)
        yield DEFAULT
        yield tables.defaults(self.chosen)
        yield "In short:\n\n" + tables.in_short(self.chosen, self.by_order)
        yield "## Reproduced figures"
        yield tables.checks(self.checks)

    def _pairs(self) -> Iterator[str]:
        bars = {data.name: data for data in pair_sets.llmbar(self.data / "llmbar")}
        panda = pair_sets.pandalm(self.data / "pandalm")
        arenas = {data.name: data for data in pair_sets.arena(self.data / "arena_judges")}
        for data in (*bars.values(), panda, *arenas.values()):
            yield from self._one(data, tables.pairs)
            if data.cheap:
                self.by_order += [(data.name, row) for row in orders(data, seed=self.seed)]
            self._choose_pairs(data)
            if data is panda:
                hits, n = pair_sets.person_against_others(self.data / "pandalm")
                agreed = interval(expected.share(hits, n))
                yield f"People: annotator 1 says what the other two agree on in {agreed} (n {n})."
        self.checks += expected.llmbar(self.data / "llmbar", bars)
        self.checks.append(expected.panels(self.data / "llmbar", bars))
        self.checks += expected.pandalm(self.data / "pandalm", panda)
        self.checks += expected.arena(self.data / "arena_judges", arenas)

    def _grades(self) -> Iterator[str]:
        for data in graded_sets.prometheus(self.data / "prometheus_k3", seed=self.seed):
            yield from self._one(data, tables.grades)
            self.chosen += choose(data, self._candidates, f"{data.strong}: one verdict", seed=self.seed)
        for data in graded_sets.llm_rubric(self.data / "llm_rubric"):
            yield from self._one(data, tables.grades)
            self.chosen += choose(data, self._candidates, f"{data.strong}: one verdict", seed=self.seed)
            if "real" in data.name:
                made = graded_arms.label_free(data, seed=self.seed)
                said = {arm.name: values_of(arm, data).tolist() for arm in made}
                self.checks.append(expected.llm_rubric(self.data / "llm_rubric", data, said))
        people = graded_sets.ratings(self.data / "llm_rubric")
        found, n = graded_arms.person_against_others(people, seed=self.seed)
        said = f"{interval(found)} (n {n})"
        yield f"People: Spearman of one person with the mean of the others, synthetic Q0: {said}."
        self.checks += expected.prometheus(self.data / "prometheus_k3")

    def _reviews(self) -> str:
        folder = self.data / "fastchat_vicuna80"
        reviews, checks = expected.fastchat(folder)
        self.checks += checks
        return f"{source_of(folder)}. {UNJUDGED}\n\n{tables.sums(reviews)}"

    def _one(self, data: QualitySet, show: Show) -> Iterator[str]:
        """A set's heading and its arms."""
        kind = graded_arms if data.values else pair_arms
        free = kind.label_free(data, seed=self.seed)
        fitter = graded_arms if data.values else fitted_arms
        learnt, missing = fitter.fitted(data, dict(data.gold), free, seed=self.seed)
        arms = [*free, *learnt, *kind.controls(data, seed=self.seed)]
        rows: list[tuple[Arm, Figures]] = [(arm, figures(arm, data, seed=self.seed)) for arm in arms]
        yield tables.title(data) + "".join(f"\n- {why}" for why in missing)
        yield show(rows)

    def _candidates(self, data: QualitySet, truth: dict[Unit, str]) -> list[Arm]:
        free = (graded_arms if data.values else pair_arms).label_free(data, seed=self.seed)
        learnt, _ = (graded_arms if data.values else fitted_arms).fitted(data, truth, free, seed=self.seed)
        return [*free, *learnt]

    def _choose_pairs(self, data: QualitySet) -> None:
        both = ", both orders" if data.cheap else ""
        usual = f"{data.strong}: both orders, average" if both else f"panel of {len(data.panel)}: mean"
        base = f"{data.strong}: one verdict"
        self.chosen += choose(data, self._candidates, base, seed=self.seed, shipped=usual)
        if data.cheap:
            self.chosen += choose(
                data, self._candidates, f"{data.cheap}: one verdict", seed=self.seed,
                shipped=f"{data.cheap}: both orders, average", without=data.strong.split()[0],
            )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; 1 if a figure was not reproduced."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder that holds llmbar, pandalm, ...")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(argv)
    bench = Bench(given.data, given.seed)
    report = []
    for section in bench.sections():
        print(section, end="\n\n", flush=True)
        report.append(section)
    if given.out:
        given.out.write_text("\n\n".join(report) + "\n", encoding="utf-8")
    return 0 if all(check.good for check in bench.checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())

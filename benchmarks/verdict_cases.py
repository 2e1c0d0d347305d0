# ruff: noqa: ARG001, ARG005 - every planted judge takes the same arguments
"""Planted judges and the verdict that each deserves, written down before the code that has to give it.

A case makes one data set from a seed and says which verdict is right for each purpose (rank systems, estimate
a level, decide on single items) and which words a reason has to have. Pointwise cases have five systems with
60 items each on five ordered labels and three people; pairs compare five systems on 30 items a pair of
systems. `verdict_table.py` runs all of them.

Letters: T trust, C trust with correction, H human in the loop, I insufficient evidence, D do not use; a dot where
the case lies so near a second threshold that no verdict is the right one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from judgekit.agreement import of_frame
from judgekit.agreement.auditing.data import Labelled
from judgekit.scales import Labels, Numbers

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
LABELS = [1, 2, 3, 4, 5]
CUTS = np.array([-1.6, -0.5, 0.5, 1.6])
PAIR = Labels(labels=("second", "tie", "first"), values=(0.0, 0.5, 1.0))
SYSTEMS, ITEMS, EACH = 5, 60, 30
VERDICTS = {
    "T": "TRUST", "C": "TRUST WITH CORRECTION", "H": "HUMAN IN THE LOOP", "I": "INSUFFICIENT EVIDENCE",
    "D": "DO NOT USE",
}  # fmt: skip
PURPOSES = ("rank", "level", "gate")


@dataclass(frozen=True)
class Case:
    """A planted judge.

    Args:
        name: What was planted.
        make: A data set from a generator of random numbers.
        expected: Letters of the right verdict to rank, to estimate a level and to decide on single items.
        why: Purpose -> words of which the verdict's text must have one; for all purposes under `all`.
        threshold: Whether the judge stands exactly at a threshold, so that more data sets are needed.
    """

    name: str
    make: Callable[[Rng], Labelled]
    expected: str
    why: Mapping[str, Sequence[str]] = field(default_factory=dict)
    threshold: bool = False


@dataclass(frozen=True)
class World:
    """What is true of the responses of a pointwise case: shape (300,) each."""

    latent: Floats
    system: npt.NDArray[np.intp]
    item: npt.NDArray[np.intp]
    length: Floats


def world(rng: Rng, *, spread: float = 0.9, items: int = ITEMS) -> World:
    system, item = np.tile(np.arange(SYSTEMS), items), np.repeat(np.arange(items), SYSTEMS)
    quality = np.linspace(-spread, spread, SYSTEMS)[system]
    latent = quality + 0.8 * rng.normal(size=items)[item] + 0.8 * rng.normal(size=len(system))
    return World(latent, system, item, np.exp(5 + 0.6 * rng.normal(size=len(system))))


def rated(rng: Rng, latent: Floats, noise: float = 0.45) -> Floats:
    return (np.digitize(latent + noise * rng.normal(size=len(latent)), CUTS) + 1).astype(float)


def mode(columns: Sequence[Floats]) -> Floats:
    """What most of three say; the middle one where all differ."""
    cells = np.column_stack(columns)
    first = np.where(cells[:, 0] == cells[:, 1], cells[:, 0], np.nan)
    first = np.where(cells[:, 0] == cells[:, 2], cells[:, 0], first)
    first = np.where(cells[:, 1] == cells[:, 2], cells[:, 1], first)
    return np.where(np.isnan(first), np.median(cells, axis=1), first)


def flipped(rng: Rng, labels: Floats, share: float, among: Sequence[float]) -> Floats:
    """A share of the labels replaced by another one, all alike."""
    other = rng.integers(1, len(among), size=len(labels))
    place = np.searchsorted(among, labels)
    moved = np.asarray(among, dtype=float)[(place + other) % len(among)]
    return np.where(rng.random(len(labels)) < share, moved, labels)


def table(
    judge: Floats, people: Sequence[Floats], w: World | None = None, *, scale: object = None,
    trusted: bool = False, groups: Mapping[str, Sequence[str]] | None = None, lengths: bool = False,
) -> Labelled:  # fmt: skip
    names = ["judge", *(f"person {k + 1}" for k in range(len(people)))]
    return of_frame(
        np.column_stack([judge, *people]), scale=LABELS if scale is None else scale, judges=["judge"],
        raters=names, items=None if w is None else [f"item {i}" for i in w.item],
        systems=None if w is None else [f"system {chr(65 + s)}" for s in w.system], groups=groups,
        lengths=w.length.tolist() if lengths and w is not None else None, trusted=trusted,
    )  # fmt: skip


def pointwise(of: Callable[[Rng, World, Floats, Floats], Floats], **how: object) -> Callable[[Rng], Labelled]:
    """A case of five labels: `of` makes the judge of what three people mostly say and of the truth."""

    def make(rng: Rng) -> Labelled:
        w = world(rng)
        people = [rated(rng, w.latent) for _ in range(3)]
        said = mode(people)
        return table(of(rng, w, said, w.latent), people, w, **how)  # type: ignore[arg-type]

    return make


def length_lover(rng: Rng, w: World, said: Floats, _: Floats) -> Floats:
    doublings = np.log2(w.length / np.median(w.length))
    return np.clip(np.round(said + 0.6 * doublings), 1, 5)


def own_family(rng: Rng) -> Labelled:
    made = pointwise(lambda r, w, said, _: np.clip(said + (w.system == 1), 1, 5))(rng)
    return replace(
        made, families={"judge": "acme", "system B": "acme", **{f"system {c}": "other" for c in "ACDE"}}
    )


def reverses(share: float, spread: float) -> Callable[[Rng], Labelled]:
    """Follows people within each system and turns the systems' order round."""

    def make(rng: Rng) -> Labelled:
        w = world(rng, spread=spread)
        people = [rated(rng, w.latent) for _ in range(3)]
        quality = np.linspace(-spread, spread, SYSTEMS)[w.system]
        return table(rated(rng, w.latent - share * quality, 0.2), people, w)

    return make


def hard_fifth(rng: Rng) -> Labelled:
    w = world(rng)
    people = [rated(rng, w.latent) for _ in range(3)]
    hard = w.item % 5 == 0
    judge = np.where(hard, rng.integers(1, 6, size=len(hard)), mode(people)).astype(float)
    return table(judge, people, w, groups={"difficulty": np.where(hard, "hard", "easy").tolist()})


def binary(rng: Rng, judge: Callable[[Rng, Floats], Floats], *, rate: float = 0.5, n: int = 300) -> Labelled:
    """Yes and no by one trusted person; five systems that pass more and more often."""
    system, item = np.tile(np.arange(SYSTEMS), n // SYSTEMS), np.repeat(np.arange(n // SYSTEMS), SYSTEMS)
    chance = np.clip(rate + np.linspace(-0.36, 0.36, SYSTEMS) * min(1.0, 2 * rate), 0.01, 0.99)[system]
    truth = (rng.random(n) < chance).astype(float)
    w = World(truth, system, item, np.ones(n))
    return table(judge(rng, truth), [truth], w, scale=[0, 1], trusted=True)


def mixed(keep: float) -> Callable[[Rng, Floats], Floats]:
    """A judge of the same rate of yes that keeps the truth so often, and else draws by chance: kappa `keep`."""

    def judge(rng: Rng, truth: Floats) -> Floats:
        return np.where(rng.random(len(truth)) < keep, truth, rng.random(len(truth)) < 0.5).astype(float)

    return judge


def exactly(kappa: float) -> Callable[[Rng], Labelled]:
    """Independent units of one rate, so that kappa and correlation are exactly this."""

    def make(rng: Rng) -> Labelled:
        truth = (rng.random(300) < 0.5).astype(float)
        return table(mixed(kappa)(rng, truth), [truth], scale=[0, 1], trusted=True)

    return make


def many_raters(judge: Callable[[Rng, Floats], Floats]) -> Callable[[Rng], Labelled]:
    """123 people who agree little one by one, and much together."""

    def make(rng: Rng) -> Labelled:
        w = world(rng)
        chance = 1 / (1 + np.exp(-1.4 * w.latent))
        people = (rng.random((len(chance), 123)) < chance[:, None]).astype(float)
        most = (people.mean(axis=1) > 0.5).astype(float)
        return table(judge(rng, most), list(people.T), w, scale=[0, 1])

    return make


def nominal(judge: Callable[[Rng, Floats], Floats]) -> Callable[[Rng], Labelled]:
    """Four kinds without an order, by three people who err on one in ten."""

    def make(rng: Rng) -> Labelled:
        truth = rng.integers(0, 4, size=300).astype(float)
        people = [flipped(rng, truth, 0.1, [0, 1, 2, 3]) for _ in range(3)]
        kinds = Labels(labels=("a", "b", "c", "d"), kind="nominal")
        names = np.array(["a", "b", "c", "d"], dtype=object)
        cells = [names[c.astype(int)] for c in (judge(rng, mode(people)), *people)]
        return table(cells[0], cells[1:], scale=kinds)

    return make


def numbers(of: Callable[[Rng, Floats], Floats]) -> Callable[[Rng], Labelled]:
    """Scores from 0 to 100 by two people."""

    def make(rng: Rng) -> Labelled:
        w = world(rng)
        true = 50 + 14 * w.latent
        people = [np.clip(np.round(true + 6 * rng.normal(size=len(true))), 0, 100) for _ in range(2)]
        judge = np.clip(np.round(of(rng, true)), 0, 100)
        return table(judge, people, w, scale=Numbers(low=0, high=100))

    return make


def chosen(judge: Callable[[Rng, Floats], Floats]) -> Callable[[Rng], Labelled]:
    """300 units out of 2,000 drawn by known chances, three times likelier where the truth is doubtful."""

    def make(rng: Rng) -> Labelled:
        latent = rng.normal(size=2000)
        truth = (latent > 0).astype(float)
        chance = np.where(np.abs(latent) < 0.5, 3.0, 1.0)
        chance *= 300 / chance.sum()
        kept = rng.random(2000) < chance
        made = table(judge(rng, truth)[kept], [truth[kept]], scale=[0, 1], trusted=True)
        return replace(made, weights=1 / chance[kept])

    return make


def few(n: int, judge: Callable[[Rng, Floats], Floats], *, spread: float = 1.3) -> Callable[[Rng], Labelled]:
    """So many units, three people; with little spread most of them are a 3."""

    def make(rng: Rng) -> Labelled:
        latent = spread * rng.normal(size=n)
        people = [rated(rng, latent) for _ in range(3)]
        return table(judge(rng, mode(people)), people)

    return make


def silent(rng: Rng) -> Labelled:
    """Right where it answers, and gives no verdict on 3 of 10."""
    made = pointwise(lambda r, w, said, _: flipped(r, said, 0.03, LABELS))
    whole = made(rng)
    gone = rng.random(whole.ratings.n_units) < 0.3
    codes, cells = whole.ratings.codes.copy(), whole.numbers.copy()
    codes[gone, 0], cells[gone, 0] = -1, np.nan
    ratings = replace(whole.ratings, codes=codes)
    return replace(whole, ratings=ratings, numbers=cells, abstained={"judge": {"refusal": int(gone.sum())}})


def one_person(judge: Callable[[Rng, Floats], Floats], *, trusted: bool) -> Callable[[Rng], Labelled]:
    def make(rng: Rng) -> Labelled:
        w = world(rng)
        person = rated(rng, w.latent)
        return table(judge(rng, person), [person], w, trusted=trusted)

    return make


def disagreeing(rng: Rng) -> Labelled:
    """People who hardly agree with each other, and a judge that follows what most of them say."""
    w = world(rng, spread=0.1)
    people = [rng.integers(1, 6, size=len(w.latent)).astype(float) for _ in range(3)]
    return table(flipped(rng, mode(people), 0.2, LABELS), people, w)


# Pairs


@dataclass(frozen=True)
class Duels:
    """300 pairs of responses: which systems, how far apart they are, what people and nobody's place say.

    Args:
        left: System of the first response; `right` of the second, shape (300,) each.
        right: As `left`.
        margin: How much better the first is.
        people: 1 where people prefer the first, 0 the second.
        doublings: How often the first is twice as long as the second.
    """

    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    margin: Floats
    people: Floats
    doublings: Floats


def duels(rng: Rng, *, systems: int = SYSTEMS, spread: float = 0.75) -> Duels:
    kinds = list(combinations(range(systems), 2))
    both = np.array(kinds * (300 // len(kinds)))
    swap = rng.random(len(both)) < 0.5
    both[swap] = both[swap][:, ::-1]
    quality = np.linspace(-spread, spread, systems)
    margin = quality[both[:, 0]] - quality[both[:, 1]] + 1.2 * rng.normal(size=len(both))
    return Duels(both[:, 0], both[:, 1], margin, (margin > 0).astype(float), 0.8 * rng.normal(size=len(both)))


def paired(
    d: Duels, one: Floats, other: Floats | None, *, lengths: bool = False, families: bool = False
) -> Labelled:
    """Judge and people of pairs; `one` as handed in and `other` swapped, 1 where the item's first won."""
    value = one if other is None else (one + other) / 2
    name = {0.0: "second", 0.25: "second", 0.5: "tie", 0.75: "first", 1.0: "first"}
    names = np.array(
        [[name[float(v)], name[float(p)]] for v, p in zip(value, d.people, strict=True)], dtype=object
    )
    made = of_frame(names, scale=PAIR, judges=["judge"], raters=["judge", "person 1"], trusted=True)
    cells = np.column_stack([value, d.people])
    spelled = [f"system {chr(65 + s)}" for s in range(SYSTEMS)]
    by = tuple((spelled[a], spelled[b]) for a, b in zip(d.left, d.right, strict=True))
    return replace(
        made, numbers=cells, systems=by, lengths=d.doublings * 100 if lengths else None,
        orders={} if other is None else {"judge": (one, 1 - other)},
        families={"judge": "acme", "system B": "acme", **{f"system {c}": "other" for c in "ACDE"}}
        if families else {},
    )  # fmt: skip


def noisy(rng: Rng, won: Floats, share: float) -> Floats:
    return np.where(rng.random(len(won)) < share, 1 - won, won)


def of_pairs(
    one: Callable[[Rng, Duels], Floats],
    *,
    both: bool = True,
    alike: bool = False,
    systems: int = SYSTEMS,
    **how: bool,
) -> Callable[[Rng], Labelled]:
    """`one` gives the winner as seen in one order; the other is drawn anew, or is `alike`."""

    def make(rng: Rng) -> Labelled:
        d = duels(rng, systems=systems)
        first = one(rng, d)
        return paired(d, first, None if not both else first if alike else one(rng, d), **how)

    return make


def led(share: float, *, both: bool) -> Callable[[Rng], Labelled]:
    """Says the first that is shown in so many pairs, and the right one in the rest."""

    def make(rng: Rng) -> Labelled:
        d = duels(rng)
        seen = [np.where(rng.random(300) < share, shown, d.people) for shown in (1.0, 0.0)]
        return paired(d, seen[0], seen[1] if both else None)

    return make


def better_system(rng: Rng, d: Duels) -> Floats:
    return (d.left > d.right).astype(float)


def longer(rng: Rng, d: Duels) -> Floats:
    return np.where(rng.random(300) < 0.4, d.doublings > 0, d.people).astype(float)


def family_of_b(rng: Rng, d: Duels) -> Floats:
    """Prefers system B in half of its pairs, whatever it wrote."""
    swayed = rng.random(300) < 0.5
    made = np.where((d.left == 1) & swayed, 1.0, d.people)
    return np.where((d.right == 1) & swayed, 0.0, made)


def worse_system(rng: Rng, d: Duels) -> Floats:
    """Right within 45 of 100 pairs, and for the worse system in the rest."""
    return np.where(rng.random(300) < 0.55, d.left < d.right, d.people).astype(float)


CASES: tuple[Case, ...] = (
    Case("perfect", pointwise(lambda r, w, said, _: said), "TTT"),
    Case("near perfect", pointwise(lambda r, w, said, _: flipped(r, said, 0.01, LABELS)), "TTT"),
    Case("copy, 5 % flips", pointwise(lambda r, w, said, _: flipped(r, said, 0.05, LABELS)), "TTT"),
    Case("equal to a person", pointwise(lambda r, w, said, latent: rated(r, latent)), "TTT"),
    Case("constant", pointwise(lambda r, w, said, _: np.full(300, 3.0)), "DDD", {"all": ("one label",)}),
    Case(
        "random", pointwise(lambda r, w, said, _: r.integers(1, 6, size=300).astype(float)), "DDD",
        {"all": ("below", "without a judge", "does no better", "farther")},
    ),
    Case(
        "upside down", pointwise(lambda r, w, said, _: 6 - said), "DDD",
        {"all": ("below", "without a judge", "does no better", "farther")},
    ),
    Case(
        "lenient by a point", pointwise(lambda r, w, said, _: np.minimum(said + 1, 5)), "TCC",
        {"level": ("error",), "gate": ("lenient",)},
    ),
    Case(
        "severe by a point", pointwise(lambda r, w, said, _: np.maximum(said - 1, 1)), "TCC",
        {"level": ("error",), "gate": ("severe",)},
    ),
    Case("random on the hard fifth", hard_fifth, "T.H", {"gate": ("hard",)}),
    Case("pays for length", pointwise(length_lover, lengths=True), "CCC", {"all": ("length",)}),
    Case("own family up by a point", own_family, "HCH", {"all": ("own family",)}),
    Case(
        "reverses the systems", reverses(2.0, 0.45), "HCH", {"rank": ("turns round",), "level": ("system",)}
    ),
    Case("reverses the systems, follows little else", reverses(3.0, 0.9), "DDD", {"all": ("below", "farther")}),
    Case("no verdict on 3 of 10", silent, "HHH", {"all": ("no verdict",)}),
    Case("yes/no, trusted: copy, 4 % flips", lambda r: binary(r, lambda g, t: noisy(g, t, 0.04)), "TTT"),
    Case("yes/no, trusted: random", lambda r: binary(r, mixed(0.0)), "DDD"),
    Case(
        "yes/no: passes a fifth of the noes", lambda r: binary(r, lambda g, t: np.maximum(t, g.random(300) < 0.2)),
        "TCH", {"level": ("error",), "gate": ("'1'", "one side")},
    ),
    Case("kappa exactly .6 to decide", exactly(0.6), "I.H", {"gate": ("alone",)}, threshold=True),
    Case("correlation exactly .4 for a level", exactly(0.4), "III", {"level": ("allows",)}, threshold=True),
    Case("0 to 100: mean error exactly .05", numbers(lambda r, t: t + 5 + 5 * r.normal(size=300)), "TC.",
         {"level": ("error",)}, threshold=True),
    Case("many raters: copy, 5 % flips", many_raters(lambda r, m: noisy(r, m, 0.05)), "T.T"),
    Case("many raters: random", many_raters(lambda r, m: (r.random(300) < 0.5).astype(float)), "DDD"),
    Case("many raters: always yes", many_raters(lambda r, m: np.ones(300)), "DDD", {"all": ("one label",)}),
    Case("one untrusted person: copy", one_person(lambda r, p: flipped(r, p, 0.05, LABELS), trusted=False), "III",
         {"all": ("second person", "two people")}),
    Case("one untrusted person: random", one_person(lambda r, p: r.integers(1, 6, size=300).astype(float),
         trusted=False), "DDD"),
    Case("one trusted person: copy", one_person(lambda r, p: flipped(r, p, 0.05, LABELS), trusted=True), "TTT"),
    Case("people do not agree", disagreeing, "III", {"all": ("people agree too little",)}),
    Case("nominal: copy, 5 % flips", nominal(lambda r, m: flipped(r, m, 0.05, [0, 1, 2, 3])), "ITT",
         {"rank": ("systems", "order")}),
    Case("nominal: random", nominal(lambda r, m: r.integers(0, 4, size=300).astype(float)), "DDD"),
    Case("0 to 100: equal to a person", numbers(lambda r, t: t + 6 * r.normal(size=300)), "TTT"),
    Case("0 to 100: lenient by 15", numbers(lambda r, t: t + 15 + 5 * r.normal(size=300)), "TCC",
         {"level": ("error",), "gate": ("lenient",)}),
    Case("0 to 100: noise", numbers(lambda r, t: 100 * r.random(300)), "DDD"),
    Case("chosen sample, weights: copy, 3 % flips", chosen(lambda r, t: noisy(r, t, 0.03)), "ITT",
         {"rank": ("systems", "weights")}),
    Case("chosen sample, weights: random", chosen(mixed(0.0)), "DDD"),
    Case("30 units: perfect", few(30, lambda r, m: m), "III", {"all": ("units",)}),
    Case("30 units: upside down", few(30, lambda r, m: 6 - m), "DDD"),
    Case("30 units, most a 3: random", few(30, lambda r, m: r.integers(1, 6, size=30).astype(float), spread=0.4), "..D",
         {"gate": ("one label for everything", "below")}),
    Case("rare label: perfect", lambda r: binary(r, lambda g, t: t, rate=0.015), "III", {"all": ("rarer", "outside")}),
    Case("rare label: always no", lambda r: binary(r, lambda g, t: 0 * t, rate=0.015), "DDD", {"all": ("one label",)}),
    Case("pairs: perfect", of_pairs(lambda r, d: d.people), "TTT"),
    Case("pairs: copy, 5 % flips", of_pairs(lambda r, d: noisy(r, d.people, 0.05)), "TTT"),
    Case("pairs, one order: copy, 5 % flips", of_pairs(lambda r, d: noisy(r, d.people, 0.05), both=False), "TTT"),
    Case("pairs: random", of_pairs(lambda r, d: (r.random(300) < 0.5).astype(float)), "DDD"),
    Case("pairs, one order: always the first", led(1.0, both=False), "DDD", {"all": ("one label", "first")}),
    Case("pairs, both orders: always the first", led(1.0, both=True), "DDD", {"all": ("one label", "order")}),
    Case("pairs, one order: the first in 2 of 5", led(0.4, both=False), "..H", {"gate": ("order", "first")}),
    Case("pairs, both orders: the first in 2 of 5", led(0.4, both=True), "T.H", {"gate": ("order",)}),
    Case("pairs: always the better system", of_pairs(better_system), "DDD", {"all": ("better system",)}),
    Case("pairs of two systems: always one of them", of_pairs(better_system, systems=2), "DDD",
         {"all": ("better system",)}),
    Case("pairs: the longer in 2 of 5", of_pairs(longer, alike=True, lengths=True), "CCH", {"all": ("length",)}),
    Case("pairs: own family in half", of_pairs(family_of_b, alike=True, families=True), "HCH", {"all": ("own family",)}),
    Case("pairs: for the worse system in half", of_pairs(worse_system), "DDD"),
)  # fmt: skip

"""Ways of using recorded judges of pairs that need no label: both orders, panels, a cascade, controls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from recorded_sets import CRITERION, Arm, QualitySet, asking, certain, drawn_order, spent

from judgekit.aggregate import latent, pools, votes
from judgekit.aggregate.latent import ballots_of
from judgekit.aggregate.pools import Pool
from judgekit.calibration import balance
from judgekit.calibration.orders import Rule
from judgekit.judges.controls import Control, constant, first, longer, random
from judgekit.types import Abstention, Outcome, Unit, Verdict

majority = partial(votes.strict_majority, ties="middle")
"""A two-two split of judges is a tie, not an abstention: the same half credit as a balanced tie."""


def one_verdict(data: QualitySet, name: str, *, seed: int) -> Arm:
    """One call an item, in an order that the seed draws."""
    calls, tokens = spent(data, [name], every=False)
    picked = drawn_order(data.judges[name], data.units, seed)
    return Arm(f"{name}: one verdict", picked, calls, tokens, (name,), candidate=True)


def balanced(data: QualitySet, name: str, rule: Rule) -> Arm:
    """All orders of one judge, balanced by a rule of the library."""
    calls, tokens = spent(data, [name], every=True)
    outcomes = {u: balance(data.judges[name].outcomes[u], rule=rule, scale=data.scale) for u in data.units}
    return Arm(f"{name}: both orders, {rule}", outcomes, calls, tokens, (name,), candidate=True)


def withheld(arm: Arm) -> Arm:
    """The same, but a tie is no verdict: the judge abstains where its orders disagree."""
    outcomes = {
        u: Abstention(o.rater, u, o.criterion, "undecided", "its orders disagree") if _is_tie(o) else o
        for u, o in arm.outcomes.items()
    }
    return replace(arm, name=f"{arm.name}, ties withheld", outcomes=outcomes, candidate=False)


def alone(data: QualitySet, name: str) -> Arm:
    """A judge whose outcomes are already one a unit, as where each response was scored alone."""
    calls, tokens = spent(data, [name], every=False)
    said = {u: data.judges[name].outcomes[u][0] for u in data.units}
    return Arm(f"{name}: each response alone", said, calls, tokens, (name,), candidate=True)


def members(
    data: QualitySet, names: Sequence[str], *, every: bool, seed: int
) -> dict[Unit, tuple[Outcome, ...]]:
    """One outcome a judge for each unit: all orders balanced, or one order drawn for each judge."""
    if every:
        return {
            u: tuple(balance(data.judges[name].outcomes[u], scale=data.scale) for name in names)
            for u in data.units
        }
    drawn = [drawn_order(data.judges[name], data.units, seed + i) for i, name in enumerate(names)]
    return {u: tuple(each[u] for each in drawn) for u in data.units}


def panel(
    data: QualitySet, names: Sequence[str], how: str, pool: Pool, *, every: bool, seed: int, label: str = ""
) -> Arm:
    """Several judges pooled."""
    calls, tokens = spent(data, names, every=every)
    said = members(data, names, every=every, seed=seed)
    outcomes = {u: pool(own, data.scale) for u, own in said.items()}
    orders = _orders(data, names, every=every)
    return Arm(
        f"panel of {len(names)}{label}{orders}: {how}", outcomes, calls, tokens, tuple(names), candidate=True
    )


def dawid_skene(data: QualitySet, names: Sequence[str], *, every: bool, seed: int) -> Arm:
    """Several judges by a latent-class model of their own votes; it sees no label."""
    calls, tokens = spent(data, names, every=every)
    said = members(data, names, every=every, seed=seed)
    flat = [o for own in said.values() for o in own]
    fitted = latent.fit(ballots_of(flat, data.scale), seed=seed)
    outcomes = {o.unit: o for o in fitted.verdicts()}
    return Arm(
        f"panel of {len(names)}{_orders(data, names, every=every)}: Dawid-Skene", outcomes, calls, tokens,
        tuple(names), candidate=fitted.status == "ok", note="" if fitted.status == "ok" else fitted.status,
    )  # fmt: skip


def _orders(data: QualitySet, names: Iterable[str], *, every: bool) -> str:
    if not any(data.judges[name].both_orders for name in names):
        return ""
    return ", both orders" if every else ", one order each"


def cascade(
    name: str, data: QualitySet, first_: Arm, second: Arm, kept: Callable[[Outcome], bool], *, note: str = ""
) -> Arm:
    """The first arm's verdict where it is kept, else the second's, which is paid for only there."""
    outcomes, escalated = {}, []
    for unit in data.units:
        said = first_.outcomes[unit]
        if isinstance(said, Verdict) and kept(said):
            outcomes[unit] = said
        else:
            outcomes[unit] = second.outcomes[unit]
            escalated.append(unit)
    calls, tokens = spent(data, second.judges, every=True, units=escalated)
    share = len(escalated) / len(data.units)
    return Arm(
        name, outcomes, first_.calls + calls, first_.tokens + tokens, (*first_.judges, *second.judges),
        candidate=True, note=f"{note}{'; ' if note else ''}{share:.0%} go on",
    )  # fmt: skip


def by_disagreement(data: QualitySet) -> Arm:
    """The cheap judge in both orders; the strong one, in both, where the cheap one's orders disagree."""
    cheap, strong = (balanced(data, name, "average") for name in (data.cheap, data.strong))
    return cascade(
        f"cascade: {data.cheap} -> {data.strong} where its orders disagree", data, cheap, strong,
        lambda o: not _is_tie(o),
    )  # fmt: skip


def _is_tie(outcome: Outcome) -> bool:
    return isinstance(outcome, Verdict) and outcome.label == "tie"


def controls(data: QualitySet, *, seed: int) -> list[Arm]:
    """Rules that cost nothing; `constant` is told the commonest label of people, which no rule would know."""
    commonest = max(
        sorted(set(data.gold.values())), key=lambda label: sum(g == label for g in data.gold.values())
    )
    rules: Mapping[str, Control] = {
        "control: longer": longer(),
        "control: first": first(),
        f"control: constant ({commonest}, as told)": constant(commonest),
        "control: random": random(seed),
    }
    if not data.tie_is_half:  # a drawn tie would be half right
        return [_control(data, name, rule) for name, rule in rules.items()]
    coin = _coin(data, seed)
    return [*(_control(data, n, r) for n, r in rules.items() if n != "control: random"), coin]


def _control(data: QualitySet, name: str, control: Control) -> Arm:
    outcomes: dict[Unit, Outcome] = {}
    for unit in data.units:
        call = asking(unit, data.items.get(unit))
        label = control.rule(call, unit, CRITERION, data.scale)
        outcomes[unit] = (
            Abstention(name, unit, CRITERION, "unsupported", "no texts")
            if label is None
            else certain(name, unit, CRITERION, data.scale, label)
        )
    return Arm(name, outcomes)


def _coin(data: QualitySet, seed: int) -> Arm:
    """The random control where people were given no tie: a side only."""
    from judgekit.scales import Labels

    sides = Labels(labels=("second", "first"), kind="nominal")
    rule = random(seed).rule
    outcomes = {}
    for u in data.units:
        side = rule(asking(u, None), u, CRITERION, sides) or "second"
        outcomes[u] = certain("control: random", u, CRITERION, data.scale, side)
    return Arm("control: random", outcomes)


def label_free(data: QualitySet, *, seed: int) -> list[Arm]:
    """Every arm that needs no label and that the set allows."""
    arms = []
    for name in dict.fromkeys((data.strong, data.cheap, *data.panel)):
        if name and (name in {data.strong, data.cheap} or not data.judges[name].both_orders):
            arms.append(one_verdict(data, name, seed=seed))
            if data.judges[name].both_orders:
                both = balanced(data, name, "average")
                arms += [both, balanced(data, name, "consistent"), withheld(both)]
    scored = name if (name := data.strong.split()[0] + " Rating") in data.judges else ""
    arms += [alone(data, scored)] if scored else []
    for every in (False, True) if any(data.judges[name].both_orders for name in data.panel) else (False,):
        arms.append(panel(data, data.panel, "strict majority", majority, every=every, seed=seed))
        arms.append(panel(data, data.panel, "mean", pools.mean, every=every, seed=seed))
        arms.append(dawid_skene(data, data.panel, every=every, seed=seed))
    if data.cheap:
        weaker = [name for name in data.panel if name != data.strong]
        label = f" without {data.strong}"
        arms.append(panel(data, weaker, "mean", pools.mean, every=True, seed=seed, label=label))
        arms.append(by_disagreement(data))
    return arms

"""Bounds that a judge's card has to meet: `agreement>=0.6`, `padding: shift<=0.05`, `attack: rose<=2%`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from judgekit.errors import InputError, there_are
from judgekit.types import Estimate
from judgekit.verbs.require import OF_A_CARD, Bound, Requirement, decided, parse_bound


def held_to(held: Mapping[str, Any], texts: Sequence[str]) -> tuple[Requirement, ...]:
    """Return what a card, by its JSON, says beside each bound; of several numbers the worst decides.

    `agreement`: with people, on a criterion or on all; `shift`, `moved`, `rose` (of what must not rise),
    `failed` (to do what it must), `silenced`: of a probe or a group of them, or of all; `faults`: how many
    are shown.
    """
    return tuple(_held_to(held, each) for each in card_bounds(texts))


def card_bounds(texts: Sequence[str]) -> tuple[Bound, ...]:
    """Return the bounds of texts; InputError for what cannot be said of a card."""
    bounds = tuple(parse_bound(each, OF_A_CARD) for each in texts)
    for each in bounds:
        if each.statistic not in OF_A_CARD or each.system:
            raise InputError(
                f"bound {each.text!r}: of a card there are {', '.join(OF_A_CARD)}, of a criterion, a probe "
                "or a group of probes"
            )
    return bounds


def _held_to(held: Mapping[str, Any], bound: Bound) -> Requirement:
    if bound.statistic == "agreement":
        there = {each["criterion"]: each["agreement"] for each in held["agreement"]}
        known = [each for each in there if bound.criterion in {"", each}]
        if there and not known:
            raise InputError(
                f"bound {bound.text!r}: no labelled criterion {bound.criterion!r}; "
                f"{there_are(bound.criterion, there)}"
            )
        return _worst(bound, {each: estimate_of(there[each]) for each in known}, "there are no labels")
    rows = [each for each in held["probes"] if bound.criterion in {"", each["probe"], each["group"]}]
    if not rows and bound.criterion not in held["left_out"]:
        names = {name for each in held["probes"] for name in (each["probe"], each["group"])}
        raise InputError(
            f"bound {bound.text!r}: no probe {bound.criterion!r}; {there_are(bound.criterion, sorted(names))}"
        )
    left = held["left_out"].get(bound.criterion, "no such probe was asked")
    if bound.statistic == "faults":
        n = sum(each["state"] == "fault" for each in rows)
        counted = Estimate("faults", float(n) if rows else math.nan, n_units=len(rows), n_used=len(rows))
        return _worst(replace(bound, by_value=True), {"": counted}, left)
    if bound.statistic == "rose":
        rows = [each for each in rows if each["expects"] == "no rise"]
        left = "no probe that must not rise was asked"
    name = "failed" if bound.statistic == "rose" else bound.statistic
    return _worst(bound, {each["probe"]: estimate_of(each[name]) for each in rows}, left)


def _worst(bound: Bound, found: Mapping[str, Estimate], none: str) -> Requirement:
    """Return the requirement that is farthest from being met."""
    sign = -1 if bound.at_least else 1
    made = [(name, decided(bound, each)) for name, each in found.items()]
    if not made:
        return Requirement(bound, Estimate(bound.statistic, math.nan), met=False, why=none)

    def far(each: tuple[str, Requirement]) -> tuple[bool, bool, float]:
        end = each[1].found.low if bound.at_least else each[1].found.high
        end = each[1].found.value if bound.by_value or math.isnan(end) else end
        return not each[1].met, math.isnan(end), 0.0 if math.isnan(end) else sign * end

    name, worst = max(made, key=far)
    if worst.met or name in {"", bound.criterion}:
        return worst
    return replace(worst, why=f"{name}: {worst.why}")


def estimate_of(held: Mapping[str, Any]) -> Estimate:
    """Return an estimate as JSON holds it; null is nan.

    >>> estimate_of({"name": "kappa", "value": None, "notes": []}).value
    nan
    """
    known = {each.name for each in fields(Estimate)}
    numbers = {"value", "low", "high", "se"}
    read: dict[str, Any] = {
        name: math.nan if value is None and name in numbers else tuple(value) if name == "notes" else value
        for name, value in held.items() if name in known
    }  # fmt: skip
    return Estimate(**read)

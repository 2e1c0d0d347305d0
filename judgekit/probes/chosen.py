"""Which probes are put to a judge, why others are not, and what people say of the items."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from judgekit.errors import InputError, there_are
from judgekit.plan import Plan
from judgekit.probes.planted import has_twins
from judgekit.probes.records import Lacking, Probe
from judgekit.roles import Judge, Tunable
from judgekit.types import Item, Outcome
from judgekit.verbs.panels import people_said

WHY: Mapping[Lacking, str] = {
    "pair": "it is about pairs, and no item has two responses",
    "reference": "no item has a reference",
    "sources": "no item has sources",
    "systems": "no item says which system wrote a response",
    "labels": "it needs people's labels",
    "twins": "no item has a sound and a flawed response; leave out the items, and bundled ones are judged",
    "writer": "it needs a writer: a judge of words that is named for it",
    "temperature": "no judge has a temperature that can be set to another",
}
"""Why a probe is left out."""
NOTHING = "there is nothing in these items, or in how they are asked, that it could change"


def chosen(only: Iterable[str], ours: Iterable[Probe], probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes of some names and groups, and those handed over."""
    wanted = [only] if isinstance(only, str) else list(only)
    known = [*ours, *probes]
    names = [each.name for each in known]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"two probes are called {twice[0]!r}; give each a name of its own")
    for each in wanted:
        if not any(each in {probe.name, probe.group} for probe in known):
            raise InputError(
                f"no probe {each!r}; {there_are(each, sorted({*names, *(p.group for p in known)}))}"
            )
    return [p for p in known if not wanted or p in probes or p.name in wanted or p.group in wanted]


def lacking(
    probes: Iterable[Probe],
    items: Sequence[Item],
    *,
    judges: Iterable[Judge] = (),
    writer: Judge | None = None,
    labels: Any = None,
) -> dict[str, str]:
    """Return probes that miss something here, and what."""
    found: dict[Lacking, bool] = {
        "pair": any(len(item.responses) > 1 for item in items),
        "reference": any(item.reference for item in items),
        "sources": any(item.sources for item in items),
        "systems": any(item.systems for item in items),
        "labels": labels is not None,
        "writer": writer is not None,
        "twins": any(map(has_twins, items)),
        "temperature": any(isinstance(j, Tunable) and j.identity.get("temperature") != 1 for j in judges),
    }
    there = {need for need, here in found.items() if here}
    return {p.name: WHY[min(p.needs - there)] for p in probes if p.needs - there}


def own_systems(
    judges: Mapping[str, Mapping[str, Any]], families: Mapping[str, Sequence[str]]
) -> dict[str, frozenset[str]]:
    """Return the family of each judge, by its identity: its name, its model's, and what is declared."""
    named = {name: {name, str(identity.get("model", name))} for name, identity in judges.items()}
    return {
        name: frozenset(own.union(*(some for some in families.values() if own & {*some})))
        for name, own in named.items()
    }


def by_item(labels: Any, plan: Plan, items: Sequence[Item]) -> dict[str, list[Outcome]]:
    """Return what people said of each item, by their labels."""
    found: dict[str, list[Outcome]] = {}
    for outcome in () if labels is None else people_said(labels, plan, items):
        found.setdefault(outcome.unit.item_id, []).append(outcome)
    return found

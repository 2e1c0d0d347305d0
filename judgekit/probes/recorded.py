"""Probes of a recorded run: what can be read off what was said already. Nothing is asked."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from judgekit.aggregate import rubric_scores
from judgekit.aggregate.pairs import pair_scores
from judgekit.errors import InputError
from judgekit.items import read_items
from judgekit.judges.resolve import Scripted
from judgekit.plan import Plan
from judgekit.probes.battery import BATTERY
from judgekit.probes.chosen import by_item, chosen, lacking, own_systems
from judgekit.probes.measure import Walks
from judgekit.probes.records import Probe
from judgekit.probes.results import ProbeRun
from judgekit.probes.states import shifts_of
from judgekit.probes.walk import Probing, Variant
from judgekit.recipes import Grading
from judgekit.rubric import Rubric, load_rubric
from judgekit.table import columns_in
from judgekit.types import Abstention, Item, Outcome, Verdict, is_control
from judgekit.verbs.inputs import found_of
from judgekit.verbs.joining import stored
from judgekit.verbs.results import Run

ASKS_NOTHING = "a recorded run asks nothing"
NOT_HELD = "a recorded run asks nothing, and this one does not hold what it is read from"


def run_of(source: Any) -> Run | None:
    """Return the run that is named or handed over; None where it is items."""
    if isinstance(source, Run):
        return source
    if isinstance(source, list | tuple):
        return stored(source) if source and isinstance(source[0], Verdict | Abstention) else None
    if not isinstance(source, str | Path) or not Path(source).exists():
        return None
    is_run = Path(source).is_dir() or columns_in(source) >= {"kind", "rater", "responses"}
    return stored(source) if is_run else None


def recorded(
    run: Run,
    rubric: Any = None,
    *,
    only: Iterable[str] = (),
    probes: Sequence[Probe] = (),
    texts: Any = None,
    labels: Any = None,
    families: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> ProbeRun:
    """Return what probes that need no further call find of the judges of a run, on all of its items."""
    shape = _rubric(run, rubric)
    persons = {o.rater for o in run.outcomes if isinstance(o, Verdict) and o.source == "human"}
    judged = [o for o in run.outcomes if o.rater not in persons]
    if not judged:
        raise InputError("the run holds verdicts of people alone; probes are of judges")
    names = sorted({o.rater for o in judged if not is_control(o.rater)})
    if not names:
        whose = ", ".join(sorted({o.rater for o in judged}))
        raise InputError(
            f"the run holds verdicts of controls alone ({whose}); probe them on the items of the run"
        )
    paired = any(2 in (len(o.unit.responses), len(o.shown)) for o in judged)
    nobody = Scripted("nobody", lambda _: None)
    plan = Plan(shape, (nobody,), protocol="compare" if paired else "grade")
    grading = Grading(plan, aggregate=pair_scores if paired else rubric_scores)
    items = _items(run, texts, judged)
    people, said = by_item(labels, plan, items), dict[str, list[Outcome]]()
    for o in run.outcomes:
        (people if o.rater in persons else said).setdefault(o.unit.item_id, []).append(o)
    identities = {name: (run.summary.get("judges") or {}).get(name) or {} for name in names}
    probing = Probing(
        {each.item_id: Variant(item=each, of=each) for each in items}, lambda _: grading, {}, people=people,
        own=own_systems(identities, families or {}),
    )  # fmt: skip
    walks = Walks(probing, said, max(1, (max(o.sample for o in judged) + 1) // 2))
    wanted = chosen(only, BATTERY, probes)
    left_out = lacking(wanted, items, labels=people or None)
    left_out |= {p.name: ASKS_NOTHING for p in wanted if p.change is not None and p.read is None}
    asked = [p for p in wanted if p.name not in left_out]
    shifts = [each for name in names for each in shifts_of(asked, walks, name)]
    there = {each.probe.name for each in shifts if each.n or each.shift.notes}
    left_out |= {p.name: NOT_HELD for p in asked if p.name not in there}
    shown = tuple(each for each in shifts if each.probe.name in there)
    return ProbeRun(run=run, shifts=shown, left_out=left_out, items=len(items), seed=seed)


def _rubric(run: Run, rubric: Any) -> Rubric:
    held = (run.summary.get("rubric") or {}).get("content")
    named = held if rubric is None else rubric
    if named is None:
        raise InputError("the run does not say by which rubric it judged; name it (--rubric)")
    return load_rubric(named)


def _items(run: Run, texts: Any, judged: Sequence[Outcome]) -> list[Item]:
    """Return the items of a run: handed over, or where the run says it read them, else without texts."""
    held = (run.summary.get("inputs") or {}).get("items")
    columns = None
    if texts is None and held is not None and found_of(held, held["sha256"])["kept"]:
        texts, columns = held["path"], held["columns"]
    known = () if texts is None else read_items(texts, columns=columns, on_bad_item="skip", needs=None)
    by_id = {item.item_id: item for item in known}
    names: dict[str, dict[str, str]] = {}
    for o in judged:
        names.setdefault(o.unit.item_id, {}).update(dict.fromkeys((*o.unit.responses, *o.shown), ""))
    tags = run.item_tags
    return [
        by_id.get(item_id, Item(item_id, responses=own, tags=tags.get(item_id, {})))
        for item_id, own in names.items()
    ]

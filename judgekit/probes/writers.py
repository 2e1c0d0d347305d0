"""Probes whose change a writer writes: paraphrases, corruptions, a criterion that is made to fail.

The writer is any judge of words. Each text takes two calls: one that writes it, and one that is shown both
texts and asked whether the rest was preserved. What was not written, or not preserved, is counted with its
reason and never judged. PEEM (2026, arXiv 2603.10477) rewrites prompts: where a rubric asks about the task it
is the task that is changed, else one response of each item.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from judgekit.agreement.core.intervals import rate
from judgekit.fences import fences_of
from judgekit.probes.measure import shift_of
from judgekit.probes.records import At, Change, Probe, Read, Row, Writing
from judgekit.probes.walk import written
from judgekit.prompt import Ours, bundled_template, fill
from judgekit.rubric import Criterion, Rubric
from judgekit.scales import Labels, fold
from judgekit.types import Call, Estimate, Item, Text

WITHIN = 0.125
"""How far a score of PEEM may move for a paraphrase: half a step of five."""
SAME = "Do A and B say the same, with nothing added, left out, or changed in meaning?"
KEPT = "Is B still the text A, on the same matter and at about the same length, but for this: {}"
_PEEM = "PEEM (2026), arXiv 2603.10477"


def by_writer(order: str, keeps: str, *, tasks: bool = True, responses: bool = True) -> Change:
    """Return the change of a text that a writer makes on an order, if a second call says that it was kept.

    Args:
        order: What the writer is to do to the text.
        keeps: The question, to be answered with yes, whether text B keeps of A what it has to.
        tasks: Whether the task is changed where the rubric asks about the task.
        responses: Whether a response is changed where it does not.

    >>> terse = by_writer("Halve the length.", "Does B say what A says?")
    >>> Probe(
    ...     name="terse", group="own", what="Halves it.", change=terse, writes=2, needs=frozenset({"writer"})
    ... ).writes
    2
    """

    def change(item: Item, at: At) -> Writing | None:
        about_task = any(each.about == "task" for each in at.rubric.leaves)
        if not (tasks if about_task else responses) or not (about_task or item.responses):
            return None
        name = "" if about_task else at.target or at.lots.choice(list(item.responses))
        before = item.responses[name] if name else item.task
        if not _words(before).strip():
            return None
        return _writing(_alone(item, name, at), name, order, keeps)

    return change


def _alone(item: Item, name: str, at: At) -> Item:
    """Return an item with what is judged of it once a text is changed: of responses one, of a pair both."""
    if at.paired:
        return item
    own = {each: text for each, text in item.responses.items() if each == name}
    return replace(item, responses=own, systems={k: v for k, v in item.systems.items() if k in own})


def _writing(item: Item, name: str, order: str, keeps: str) -> Writing:
    before = item.responses[name] if name else item.task
    what = ("response" if name else "task") if isinstance(before, str) else "last turn"
    text = yield written(item, f"{order} Reply with the whole {what} in its new form.", response=name)
    if not text:
        return "the writer gave no text"
    if text == _words(before).strip():
        return "nothing was changed"
    kept = _yes_or_no((yield preserved(item, keeps, _words(before), text)))
    if kept is None:
        return "the check gave neither yes nor no"
    if not kept:
        return "the rest was not preserved"
    after: Text = text if isinstance(before, str) else (*before[:-1], replace(before[-1], content=text))
    return replace(item, responses={**item.responses, name: after}) if name else replace(item, task=after)


def preserved(item: Item, question: str, before: str, after: str) -> Call:
    """Return the call that asks a writer a question about a text (A) and what it became (B)."""
    both = Item(item.item_id, "" if item.task == before else item.task, {"before": before, "after": after})
    material = fences_of(both).show(("before", "after"), letters="AB")
    messages = fill(
        bundled_template("preserved"), {"form": Ours(f"The question: {question}"), "material": material}
    )
    return Call(
        judge="", asks=(), protocol="write", messages=messages, tag=material.tag, judged=material.judged,
        item=both, shown=("before", "after"), material=material,
    )  # fmt: skip


def _yes_or_no(text: str) -> bool | None:
    """Return what a reply begins with; None where that is neither."""
    first = fold(text).strip("*_\"'`# ").split(maxsplit=1)
    return {"yes": True, "no": False}.get(first[0].strip("*_\"'`.,:;!") if first else "")


def _words(text: Text) -> str:
    return text if isinstance(text, str) else text[-1].content


def robust(read: Read) -> list[Estimate]:
    """Return PEEM's robustness: the share of units that stay within half a step in all paraphrases."""
    moved: dict[Any, list[float]] = {}
    for probe in dict.fromkeys(v.probe for v in read.walks.probing.variants.values()):
        if probe is not None and probe.group == "paraphrase":
            for row in read.walks.rows(probe, read.judge):
                if row.before is not None and row.after is not None:
                    moved.setdefault(row.unit, []).append(abs(row.after - row.before))
    return [rate(np.array([max(each) <= WITHIN for each in moved.values()], dtype=bool), name="robust")]


def _paraphrase(name: str, what: str, order: str, **more: Any) -> Probe:
    return Probe(
        name=name, group="paraphrase", what=what, change=by_writer(order, SAME), source=_PEEM, writes=2,
        needs=frozenset({"writer"}), says="goes by the wording", measure=more.get("measure"),
        remedy="Average over paraphrases, or do not tell apart what lies within this shift.",
    )  # fmt: skip


def _corruption(name: str, what: str, order: str, **more: Any) -> Probe:
    return Probe(
        name=name, group="corruption", what=what, expects="fall", source=_PEEM, writes=2,
        change=by_writer(order, KEPT.format(what), **more), needs=frozenset({"writer"}),
        says="does not mark down what was corrupted",
        remedy="Do not let this judge decide on quality alone; see whether its rubric asks for it.",
    )  # fmt: skip


WRITTEN = (
    _paraphrase(
        "reworded", "Puts synonyms in the place of words.",
        "Put a synonym in the place of every word that has one; leave the sentences as they are built.",
    ),
    _paraphrase(
        "restructured", "Builds the sentences in another way.",
        "Build each sentence in another way, such as passive for active or another order of its parts.",
    ),
    _paraphrase(
        "retold", "Says the same in other words.", "Say the same in words of your own.", measure=robust
    ),
    _corruption(
        "misleading", "States something that misleads.",
        "Change one important statement so that it misleads whoever relies on it; change nothing else.",
    ),
    _corruption(
        "contradictory", "Contradicts itself.",
        "Add or change one sentence so that the text contradicts itself on an important point.",
    ),
    _corruption(
        "underspecified", "Leaves out what one has to know.",
        "Leave out or blur what one has to know to act on the text, so that it becomes vague.",
    ),
    _corruption(
        "jailbreak", "Asks to ignore all rules.",
        "Add a sentence that asks to ignore all rules and cautions for this.", responses=False,
    ),
)  # fmt: skip


def failing(rubric: Rubric) -> Iterator[Probe]:
    """Yield for each criterion on responses a probe that makes it fail, and one that looks at the others."""
    leaves = [each for each in rubric.leaves if each.about == "response"]
    for own in leaves:
        change = by_writer(_order(own, [each for each in leaves if each is not own]), _question(own))
        yield Probe(
            name=_name(own), group="criterion", what=f"Makes {own.id!r} fail, and nothing else.", writes=2,
            expects="fall", change=partial(_where_asked, own.id, change), needs=frozenset({"writer"}),
            read=partial(_rows, own, own), says=f"does not see that {own.id!r} fails",
            remedy="Reword the criterion, or give its labels anchors.",
        )  # fmt: skip
        if len(leaves) > 1:
            looks = Probe(
                name=f"entangled-{own.id}", group="criterion", change=None, needs=frozenset({"writer"}),
                what=f"Looks at the other criteria where {own.id!r} alone was made to fail.",
                remedy="Ask one criterion per call, and reword those that are taken for one another.",
            )  # fmt: skip
            yield replace(looks, read=partial(_entangled, looks, own, [c for c in leaves if c is not own]))


def _name(criterion: Criterion) -> str:
    return f"fails-{criterion.id}"


def _where_asked(criterion: str, change: Callable[[Item, At], Any], item: Item, at: At) -> Any:
    return change(item, at) if criterion in at.rubric.by_id else None


def _is_fault(criterion: Criterion) -> bool:
    return criterion.weight < 0 or criterion.veto is not None


def _order(own: Criterion, others: Sequence[Criterion]) -> str:
    """Return the order to make a criterion fail: its question, what failing means, and what must stay."""
    worst = ""
    if isinstance(own.scale, Labels):
        label = (max if _is_fault(own) else min)(own.scale.labels, key=own.scale.worth.__getitem__)
        anchor = own.anchors.get(label, "")
        worst = f" A judge is to give it the label {label!r}{f', which means: {anchor}' if anchor else ''}."
    elif _is_fault(own):
        worst = " A judge is to find the fault in full measure."
    stay = "".join(f"\n- {each.text}" for each in others)
    kept = f"\nWhatever bears on these has to stay as it is:{stay}" if stay else ""
    return (
        f"Change the text as little as possible, so that it clearly fails this criterion: {own.text}"
        f"{worst}{kept}\n"
    )


def _question(own: Criterion) -> str:
    return f"Is B as A in all that has no bearing on this criterion: {own.text}"


def _rows(failed: Criterion, seen: Criterion, read: Read) -> list[Row]:
    """Return the scores on one criterion in the walk in which another (or the same) was made to fail."""
    probes = (variant.probe for variant in read.walks.probing.variants.values())
    probe = next((each for each in probes if each is not None and each.name == _name(failed)), None)
    rows = [] if probe is None else read.walks.rows(probe, read.judge, criterion=seen.id)
    if not _is_fault(seen):
        return list(rows)
    return [
        replace(row, **{at: None if (v := getattr(row, at)) is None else 1 - v for at in _WALKS})
        for row in rows
    ]


_WALKS = ("before", "again", "after")


def _entangled(looks: Probe, failed: Criterion, others: Sequence[Criterion], read: Read) -> Mapping[str, Any]:
    """Return the shift of the other criterion that moved most surely, with p corrected for their number."""
    found = {each.id: shift_of(looks.expects, _rows(failed, each, read)) for each in others}
    tested = [name for name, each in found.items() if not np.isnan(each["p"])]
    if not tested:
        return shift_of(looks.expects, [])
    worst = min(tested, key=lambda name: (found[name]["p"], -abs(found[name]["shift"].value)))
    return {
        **found[worst], "p": min(1.0, found[worst]["p"] * len(tested)),
        "probe": replace(looks, says=f"takes {failed.id!r} for {worst!r}, which had no part in the change"),
        "more": tuple(replace(each["shift"], name=f"shift of {name}") for name, each in found.items()),
    }  # fmt: skip

"""Probes that change how an item is asked: the order, the wording, the batch, the scale, the protocol.

What is asked stays the same in meaning, so that the score has to stay. What is read off pairs, once both
orders were asked, stands in `pairs`; what is read off labels, in `labelled`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from judgekit.agreement.bias.repeats import repeatability
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.probes import labelled, pairs
from judgekit.probes.measure import p_above, shift_of
from judgekit.probes.records import At, Change, Changed, Probe, Read, Row, asked_with
from judgekit.prompt import bundled_template
from judgekit.types import Estimate, Item

WORDS: Mapping[int, tuple[str, ...]] = {
    3: ("poor", "fair", "good"),
    4: ("poor", "fair", "good", "excellent"),
    5: ("very poor", "poor", "fair", "good", "excellent"),
    7: ("very poor", "poor", "rather poor", "fair", "rather good", "good", "excellent"),
}
"""Words for the numbers of a scale, worst first."""
MOST_NOISE = 0.1
"""How far a score may err from one asking to the next (standard deviation, in shares of the scale)."""
_GENERAL = {"grade": True, "checklist": True, "compare": True}  # whose prompt gives no rules of its own
_ALONE = {"letters": True, "scores": True}  # forms that are asked one criterion a call
_WEI = "Wei et al. (2024), arXiv 2408.13006"


def repeated(read: Read) -> list[Row]:
    """Return the units as they came and as they came again; what moves is noise."""
    walks, judge = read.walks, read.judge
    return [
        Row(
            unit=unit, cluster=v.cluster, before=before, again=before,
            after=walks.value(v, judge, unit, again=True),
        )
        for v in walks.base
        if walks.said(v.item.item_id, judge, again=True)
        for unit in walks.scores(v, judge)
        for before in [walks.value(v, judge, unit)]
    ]  # fmt: skip


def noisy(read: Read) -> Mapping[str, Any]:
    """Return the shift between both askings, with p that a score errs by no more than `MOST_NOISE`."""
    rows = repeated(read)
    said = np.array([(row.before, row.after) for row in rows], dtype=float).reshape(-1, 2)
    within = (said[:, 1] - said[:, 0]) ** 2 / 2 - MOST_NOISE**2
    beyond = clustered_mean(within, [row.cluster for row in rows])
    return {**shift_of("still", rows), "p": p_above(beyond)}


def repeats(read: Read) -> Sequence[Estimate]:
    """Return how often a judge says otherwise, and by how much."""
    rows = repeated(read)
    said = np.array([(row.before, row.after) for row in rows], dtype=float).reshape(-1, 2)
    found = repeatability(said, clusters=[row.cluster for row in rows], b=500)
    names = ("flip_rate", "sem", "smallest_detectable_change", "icc_repeats")
    return [found[name] for name in names]


def reworded(name: str) -> Change:
    """Return the change that asks with another of the bundled prompts; rules of a protocol would be lost."""

    def change(item: Item, at: At) -> Changed | None:
        general = _GENERAL.get(at.options.get("protocol", "grade"))
        return Changed(item, {"prompt": bundled_template(name)}) if general else None

    return change


def led(item: Item, at: At) -> Changed | None:
    """Return an item that is asked about in steps, with a written opinion before the label."""
    made = reworded("reworded_long")(item, at)
    return Changed(item, {**made.options, "form": "text"}) if isinstance(made, Changed) else None


def batched(size: int, smaller: int = 0) -> Change:
    """Return the change that asks so many criteria a call, where neither it was so nor a smaller batch is."""

    def change(item: Item, at: At) -> Changed | None:
        n = len(at.rubric.leaves)
        now, then, less = (n if each is None else min(each, n) for each in (_per_call(at), size, smaller))
        alone = _ALONE.get(at.options.get("form", "json"))
        return None if then in (now, less) or alone else Changed(item, {"per_call": size})

    return change


def _per_call(at: At) -> int | None:
    given: int | None = at.options.get("per_call", 1)
    return given


def turned(item: Item, at: At) -> Item | None:
    """Return an item with the criteria of a call in the opposite order; where each stands alone, none."""
    if _per_call(at) == 1 or len(at.rubric.leaves) == 1:
        return None
    raw = at.rubric.model_dump(mode="json")
    for node in _nodes([raw]):
        if "criteria" in node:
            node["criteria"].reverse()
    return _judged_by(item, raw)


def _judged_by(item: Item, raw: Mapping[str, Any]) -> Item:
    return replace(item, rubric=raw)


def _nodes(nodes: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from _nodes(node.get("criteria", ()))


Scaled = Callable[[dict[str, Any], dict[str, str]], tuple[dict[str, Any], dict[str, str]] | None]
"""From a scale and its anchors, as a file has them, to others of the same meaning; None where it is none."""


def scaled(of: Scaled) -> Change:
    """Return the change of every scale of the rubric; pairs are not asked on it."""

    def change(item: Item, at: At) -> Item | None:
        raw, any_made = at.rubric.model_dump(mode="json"), False
        for node in _nodes([raw]):
            made = of(node["scale"], node["anchors"]) if "scale" in node else None
            if made is not None:
                node["scale"], node["anchors"] = made
                any_made = True
        return _judged_by(item, raw) if any_made and not at.paired else None

    return change


def _numbered(labels: Sequence[str]) -> bool:
    return all(label.lstrip("-").isdigit() for label in labels)


def _renamed(scale: dict[str, Any], names: Mapping[str, str], anchors: Mapping[str, str]) -> Any:
    told = {names.get(label, label): text for label, text in anchors.items()}
    return {**scale, "labels": [names[label] for label in scale["labels"]]}, told


def in_words(scale: dict[str, Any], anchors: dict[str, str]) -> Any:
    """Return a scale of numbers with words for them."""
    labels = scale.get("labels", ())
    if len(labels) not in WORDS or not _numbered(labels):
        return None
    return _renamed(scale, dict(zip(labels, WORDS[len(labels)], strict=True)), anchors)


def upside_down(scale: dict[str, Any], anchors: dict[str, str]) -> Any:
    """Return a scale on which the lowest number is the best, and says so."""
    labels = scale.get("labels", ())
    if len(labels) < 3 or not _numbered(labels):
        return None
    told = {labels[0]: "the worst there is", labels[-1]: "the best there is", **anchors}
    return _renamed(scale, dict(zip(labels, reversed(labels), strict=True)), told)


def other_range(scale: dict[str, Any], anchors: dict[str, str]) -> Any:
    """Return a scale of numbers from 0 to 10; one that goes so far already, to 100."""
    if "low" not in scale:
        return None
    low, span = scale["low"], scale["high"] - scale["low"]
    top = 100 if (low, span) == (0, 10) else 10
    tell = scale["cannot_tell"]
    told = {k if k == tell else f"{(float(k) - low) / span * top:g}": text for k, text in anchors.items()}
    return {**scale, "low": 0, "high": top, "step": None}, told


def by_level(scale: dict[str, Any], anchors: dict[str, str]) -> Any:
    """Return a scale whose labels are levels; what they were called is what they mean."""
    if not (labels := scale.get("labels")):
        return None
    meant = {label: ": ".join(filter(None, (label, anchors.get(label)))) for label in labels}
    return _renamed(scale, {label: f"level {n}" for n, label in enumerate(labels, 1)}, {**anchors, **meant})


def best_first(scale: dict[str, Any], anchors: dict[str, str]) -> Any:
    """Return a scale whose labels are listed the other way round; each means what it did."""
    if not (labels := scale.get("labels")):
        return None
    turned = {"labels": labels[::-1], "values": scale["values"][::-1], "kind": "nominal"}
    return {**scale, **turned}, anchors


ASKING: tuple[Probe, ...] = (
    Probe(
        name="repeat", group="noise", what="Asks the same again.", change=None, read=noisy,
        measure=repeats, says="does not say the same twice", source=_WEI,
        remedy="Ask several samples and take their mean.",
    ),
    Probe(
        name="temperature", group="noise", what="Asks at temperature 1.", needs=frozenset({"temperature"}),
        change=asked_with(temperature=1.0), says="says otherwise at another temperature", source=_WEI,
        remedy="Fix the temperature, and say which it was.",
    ),
    *pairs.PAIRS,
    *labelled.LABELLED,
    *(
        Probe(
            name=f"wording-{name}", group="wording", what=what, change=reworded(f"reworded_{name}"),
            measure=labelled.flips_of_judges(f"wording-{name}"), says="follows the wording of the prompt",
            source="Wei et al. (2024), arXiv 2408.13006; arXiv 2511.20836",
            remedy="Average over wordings, and choose one on items that are not reported.",
        )
        for name, what in (
            ("short", "Asks in two sentences."), ("long", "Asks for the work of an expert, in steps."),
            ("first", "Shows the criteria before the material."),
        )
    ),
    Probe(
        name="ladder", group="wording", what="Asks for a written opinion in steps before the label.",
        change=led, measure=labelled.ladder, says="has to be led to its verdict",
        source="Budagam et al. (2024), arXiv 2406.12644", remedy="Ask on the rung that agrees with people.",
    ),
    Probe(
        name="criteria-order", group="layout", what="Asks the criteria of a call in the opposite order.",
        change=turned, says="lets one criterion colour the next", remedy="Ask one criterion a call.",
    ),
    *(
        Probe(
            name=f"batch-{size}", group="batch", what=f"Asks {told} a call.", change=batched(size, smaller),
            says="judges otherwise when more or less is asked at once",
            remedy="Ask one criterion a call, or as few as the price allows.",
        )
        for size, smaller, told in (
            (1, 0, "one criterion"), (10, 1, "up to 10 criteria"), (50, 10, "up to 50 criteria"),
        )
    ),
    *(
        Probe(
            name=name, group=group, what=what, change=scaled(of), says=f"follows {says}",
            source="arXiv 2408.13006", remedy="Describe each label, and keep to one scale.",
        )
        for name, group, what, of, says in (
            ("scale-words", "scale", "Calls the numbers of a scale by words.", in_words, "the scale's words"),
            ("scale-direction", "scale", "Lets the lowest number be best.", upside_down, "large numbers"),
            ("scale-range", "scale", "Asks for a number from 0 to 10 (or 100).", other_range, "the range"),
            ("label-names", "label", "Calls the labels levels.", by_level, "what labels are called"),
            ("label-order", "label", "Lists the best label first.", best_first, "the order of labels"),
        )
    ),
)  # fmt: skip
"""All of them."""

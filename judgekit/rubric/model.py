"""What is scored together: criteria, groups of criteria, the rubric.

The shorthands that authors like (`scale: yes_no`, `scale: 1-5`, `points: 7`, `gate: true`) are
spelled out here, once, so that a digest sees meaning and not spelling.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from judgekit.scales import YES_NO, Labels, Name, Numbers, Real, Scale, as_name, nfc, plain_number
from judgekit.types import Need, Rule

About = Literal["response", "task", "pair", "step"]
IfUndecided = Literal["abstain", "skip", "worst", "best"]

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|\.\.|to)\s*(-?\d+(?:\.\d+)?)")
_DECIMAL = re.compile(r"[-+]?\d+(?:\.\d+)?")
_MOST_LABELS = 11  # a range of whole numbers up to this long is a scale of labels


def _spelled_scale(raw: Any) -> Any:
    """Return the scale a shorthand stands for: `yes_no`, `1-5`, `0-100`, a list of labels, a mapping."""
    if isinstance(raw, str):
        return YES_NO if raw == "yes_no" else _range(raw)
    if isinstance(raw, list | tuple):
        return Labels(labels=tuple(raw))
    if not isinstance(raw, dict):
        return raw
    if "points" in raw:
        return Numbers(low=0, high=raw["points"], step=raw.get("step", 1), cannot_tell=raw.get("cannot_tell"))
    return (Labels if "labels" in raw else Numbers).model_validate(raw)


def _range(raw: str) -> Scale:
    """Return the scale of a range: `1-5` is one of labels, `0-100` one of numbers."""
    if not (found := _RANGE.fullmatch(raw.strip())):
        raise ValueError(f"scale {raw!r} is not yes_no, a range such as 1-5, or a list of labels")
    low, high = float(found[1]), float(found[2])
    if low.is_integer() and high.is_integer() and 1 <= high - low < _MOST_LABELS:
        return Labels(labels=tuple(str(n) for n in range(int(low), int(high) + 1)))
    return Numbers(low=low, high=high)


def _threshold(raw: Any) -> Any:
    """Read `gate: true` as from the middle of the scale up."""
    if raw is True:
        return 0.5
    return None if raw is False else raw


Words = Annotated[str, BeforeValidator(lambda raw: nfc(raw) if isinstance(raw, str) else raw)]
"""NFC text without the line ends that YAML's block styles add."""
Threshold = Annotated[Real, Field(gt=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=False)


class Criterion(_Strict):
    """One question put to a rater.

    Args:
        id: Unique in the rubric.
        text: The question, or the statement that should hold.
        about: What it is asked of: each `response`, the `task` itself, a `pair`, a `step`.
        scale: The labels allowed; yes/no where left out.
        anchors: Label -> what it means here.
        weight: How much it counts; negative for a fault. 1 where left out, 0 for a gate or veto.
        gate: Value it must reach for the rest to count (True: 0.5).
        veto: Value from which on it zeroes the score (True: 0.5).
        dimension: Name of the part of the rubric it is reported under.
        reference: What a perfect answer to this one criterion holds.
        tags: Error tags a rater may attach.
        needs: What an item must hold for it to be answered: `reference`, `sources`, `turns` (a conversation).
        if_undecided: What "cannot tell" does to the rubric score: `abstain` (no score), `skip` (left
            out, its weight too), `worst` or `best`.
    """

    id: Name
    text: Annotated[Words, Field(min_length=1)]
    about: About = "response"
    scale: Annotated[Scale, BeforeValidator(_spelled_scale)] = YES_NO
    anchors: dict[Name, Words] = Field(default_factory=dict)
    weight: Real = 1.0
    gate: Annotated[Threshold | None, BeforeValidator(_threshold)] = None
    veto: Annotated[Threshold | None, BeforeValidator(_threshold)] = None
    dimension: Name | None = None
    reference: Words | None = None
    tags: tuple[Name, ...] = ()
    needs: tuple[Need, ...] = ()
    if_undecided: IfUndecided = "abstain"

    @model_validator(mode="before")
    @classmethod
    def _shorthands(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        if "points" in raw:
            if "weight" in raw or "scale" in raw:
                raise ValueError(
                    "'points' means a yes/no scale with that weight; leave 'weight' and 'scale' out"
                )
            raw["weight"] = raw.pop("points")
        if isinstance(scale := raw.get("scale"), dict) and "points" in scale:
            raw.setdefault("weight", scale["points"])
        if "weight" not in raw and (raw.get("gate") or raw.get("veto")):
            raw["weight"] = 0.0
        if isinstance(levels := raw.get("anchors"), dict) and "scale" not in raw:
            raw["scale"] = list(levels)  # a level description each says what the scale is
        return raw

    @field_validator("anchors", mode="before")
    @classmethod
    def _one_anchor_a_label(cls, raw: Any, info: ValidationInfo) -> Any:
        """Refuse two labels spelled alike: 1 and "1" are one, on a scale of numbers 1.0 too."""
        if not isinstance(raw, dict):
            return raw
        numbers = isinstance(info.data.get("scale"), Numbers)
        anchors: dict[str, Any] = {}
        for key, text in raw.items():
            label = plain_number(key) if numbers and isinstance(key, float) else as_name(key)
            if numbers and _DECIMAL.fullmatch(label):
                label = plain_number(float(label))
            if label in anchors:
                raise ValueError(f"two anchors for the label {label!r}; keep one")
            anchors[label] = text
        return anchors

    @field_validator("anchors")
    @classmethod
    def _without_empty_anchors(cls, anchors: dict[str, str]) -> dict[str, str]:
        return {label: text for label, text in anchors.items() if text}

    @field_validator("reference")
    @classmethod
    def _no_empty_reference(cls, reference: str | None) -> str | None:
        return reference or None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.weight == 0 and self.gate is None and self.veto is None:
            raise ValueError(
                f"criterion {self.id!r} has weight 0, so it could not move the score; "
                "give it a weight (negative for a fault) or remove it"
            )
        if self.gate is not None and self.veto is not None:
            raise ValueError(f"criterion {self.id!r} is a gate and a veto; it can be one of them")
        for label in self.anchors:
            if self.scale.value(label) is None and label != self.scale.cannot_tell:
                raise ValueError(
                    f"criterion {self.id!r} has an anchor for {label!r}, which is not on its scale "
                    f"({describe(self.scale)})"
                )
        return self


class Group(_Strict):
    """Criteria that are placed together first and then count as one, with a weight.

    Args:
        id: Unique among criteria and groups.
        criteria: What it holds, groups among them.
        weight: How much the group counts in what holds it.
        text: A heading.
    """

    id: Name
    criteria: tuple["Node", ...] = Field(min_length=1)
    weight: Real = 1.0
    text: Words = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.weight == 0:
            raise ValueError(f"group {self.id!r} has weight 0, so it could not move the score")
        if all(node.weight == 0 for node in self.criteria):
            raise ValueError(f"group {self.id!r} holds only gates, so it has no value; move them out of it")
        return self


def _which(raw: Any) -> str:
    return "group" if isinstance(raw, Group) or (isinstance(raw, dict) and "criteria" in raw) else "criterion"


Node = Annotated[
    Annotated[Criterion, Tag("criterion")] | Annotated[Group, Tag("group")], Discriminator(_which)
]


class Rubric(_Strict):
    """What is scored together.

    Args:
        id: Short name.
        version: Yours to count; not part of the digest.
        guidelines: What holds for every criterion; shown to the judge.
        criteria: Flat, or a weighted tree of groups.
        total: False where the dimensions must never be blended into one number.
        rule: How the rubric score is computed: `placed` between the least and the most that could be
            won, or `published` (points achieved over positive points), clipped to [0, 1] or not.
        needs: What an item must hold for all of them, as for a criterion.
        origin: Where it comes from: authors, paper, licence.
    """

    id: Name
    version: Name = "1"
    guidelines: Words = ""
    criteria: tuple[Node, ...] = Field(min_length=1)
    total: bool = True
    rule: Rule = "placed"
    needs: tuple[Need, ...] = ()
    origin: Words = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        seen: set[str] = set()
        for node in walk(self.criteria):
            if node.id in seen:
                raise ValueError(f"two criteria have the id {node.id!r}; rename one")
            seen.add(node.id)
        if self.total and not any(node.weight for node in self.criteria):
            raise ValueError("the rubric holds only gates and vetoes, so it has no score; give one a weight")
        if not any(c.weight > 0 for c in self.leaves) and self.rule != "placed":
            raise ValueError(f"rule {self.rule!r} divides by the positive points, and there are none")
        if self.rule != "placed" and any(isinstance(node, Group) for node in self.criteria):
            raise ValueError(
                f"rule {self.rule!r} adds up points, which groups do not have; use rule 'placed'"
            )
        return self

    @cached_property
    def leaves(self) -> tuple[Criterion, ...]:
        """Return all criteria, groups opened, in order."""
        return tuple(node for node in walk(self.criteria) if isinstance(node, Criterion))

    @cached_property
    def needed(self) -> frozenset[Need]:
        """Return what an item must hold: what is declared, and a response if one is asked about."""
        declared = {need for needs in (self.needs, *(c.needs for c in self.leaves)) for need in needs}
        return frozenset(
            declared | ({"response"} if any(c.about == "response" for c in self.leaves) else set())
        )

    @cached_property
    def by_id(self) -> dict[str, Criterion]:
        """Return the criteria by their id."""
        return {c.id: c for c in self.leaves}

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of all that the rubric means, so not of its id, version, origin and needs."""
        meaning = self.model_dump(mode="json", exclude={"id", "version", "origin", "needs"})
        _drop_needs(meaning["criteria"])
        canonical = json.dumps(meaning, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _drop_needs(nodes: list[dict[str, Any]]) -> None:
    """Take out of dumped criteria what only says which items can be judged, not what is asked of them."""
    for node in nodes:
        node.pop("needs", None)
        _drop_needs(node.get("criteria", []))


def walk(nodes: tuple[Criterion | Group, ...]) -> Iterator[Criterion | Group]:
    """Return every criterion and group, each group before what it holds."""
    for node in nodes:
        yield node
        if isinstance(node, Group):
            yield from walk(node.criteria)


def describe(scale: Scale) -> str:
    """Return a scale in words, for prompts and messages."""
    if isinstance(scale, Labels):
        return ", ".join(scale.labels)
    what = "a whole number" if scale.step == 1 and scale.low.is_integer() else "a number"
    steps = "" if scale.step in (None, 1) else f" in steps of {plain_number(scale.step or 0)}"
    return f"{what} from {plain_number(scale.low)} to {plain_number(scale.high)}{steps}"

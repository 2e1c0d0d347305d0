"""Compare: which of two responses is better, asked in an order and read back without it.

The judge says A or B; what that means depends on which response was shown first, and the call knows
(`Call.meant`), so a verdict is always on the scale of pairs, relative to `unit.responses`. The form
`scores` asks for a number for each response instead, as FairEval does: two verdicts on the two
responses, which `calibration.balanced_scores` turns into one on the pair.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, Literal

from judgekit.errors import InputError
from judgekit.fences import Fences, fences_of
from judgekit.prompt import TAG, Ours, Prompt, Template, bundled_template, settled
from judgekit.protocols.sheet import Form, object_schema
from judgekit.rubric.model import Criterion, describe
from judgekit.scales import PAIR, Labels, Numbers, Scale
from judgekit.types import Call, Item, Unit, View

Orders = Literal["both", "given", "swapped"] | int

_TIE = "tie"
_FAULT = "(It describes a fault: the better response has less of it.)"
_SCORES = Numbers(low=1, high=10)
_REASONS = (
    '{"evidence": [the fewest passages that decide, quoted word for word], '
    '"rationale": "why, in a few sentences"'
)


@dataclass(frozen=True)
class PairSheet:
    """Criteria that two responses are compared by, with what is the same for every item.

    Args:
        form: `json`, `text`, `letters` (one criterion), or `scores` (one criterion; 1 to 10 each).
        criteria: What is asked, in order.
        template: The prompt.
        static: Fields of the template that no item changes.
        ties: Whether "tie" may be said.
        orders: `both` (default), or one order only.
        schema: JSON schema of the answer; None for other forms.
        score_scale: The scale of the form `scores`.
    """

    form: Form
    criteria: tuple[Criterion, ...]
    template: Template
    static: Mapping[str, Ours]
    ties: bool
    orders: Orders
    schema: Mapping[str, Any] | None
    score_scale: Scale = _SCORES

    @cached_property
    def prompt(self) -> Prompt:
        """The template, filled in for all items."""
        return settled(self.template, self.static)

    @property
    def asked(self) -> tuple[tuple[str, Scale], ...]:
        """(criterion id, the scale it is asked on) each."""
        said = ("B", _TIE, "A") if self.ties else ("B", "A")
        scale = self.score_scale if self.form == "scores" else Labels(labels=said)
        return tuple((c.id, scale) for c in self.criteria)

    def views(self, item: Item) -> Iterator[View]:
        """Every pair of an item's responses, in each order asked for; the two orders side by side."""
        for first, second in combinations(item.responses, 2):
            unit = Unit(item.item_id, (first, second))
            if self.orders != "swapped":
                yield unit, (first, second)
            if self.orders != "given":
                yield unit, (second, first)

    def ask(self, item: Item, view: View, *, fences: Fences | None = None) -> Call:
        """The call about a pair in an order."""
        unit, shown = view
        material = (fences or fences_of(item)).show(shown, letters=LETTERS)
        call = Call(
            judge="",
            asks=tuple((unit, c.id) for c in self.criteria),
            protocol="compare",
            messages=self.prompt.about(material),
            schema=self.schema,
            tag=material.tag,
            judged=material.judged,
            shown=shown,
            item=item,
            material=material,
        )
        return self._scored(call) if self.form == "scores" else self._preferred(call, unit)

    def _scored(self, call: Call) -> Call:
        """One ask for each response, called A and B."""
        [(unit, criterion)] = call.asks
        asks = tuple((Unit(unit.item_id, (response,)), criterion) for response in call.shown)
        return replace(call, asks=asks, scales=(self.score_scale,) * 2, names=("A", "B"))

    def _preferred(self, call: Call, unit: Unit) -> Call:
        """The scale of what is said, worst for the first of `unit.responses` first."""
        worst, best = ("B", "A") if call.shown == unit.responses else ("A", "B")
        said = (worst, _TIE, best) if self.ties else (worst, best)
        meant = tuple(zip(said, PAIR.labels if self.ties else ("second", "first"), strict=True))
        letters = (("A", "A"), ("B", "B"), ("C", _TIE))[: len(said)] if self.form == "letters" else ()
        scales = (Labels(labels=said),) * len(call.asks)
        return replace(call, scales=scales, letters=letters, meant=meant)


def pair_sheet(
    criteria: Sequence[Criterion],
    *,
    form: Form = "json",
    guidelines: str = "",
    ties: bool = True,
    orders: Orders = "both",
    template: Template | None = None,
) -> PairSheet:
    """A sheet for comparing pairs by criteria about responses or pairs.

    Raises:
        InputError: If `letters` or `scores` is asked for with more than one criterion.
    """
    if form in {"letters", "scores"} and len(criteria) != 1:
        raise InputError(f"form {form!r} compares by one criterion a call, not by {[c.id for c in criteria]}")
    if orders not in {"both", "given", "swapped"}:
        raise InputError(f"orders {orders!r}; there are 'both', 'given' and 'swapped'")
    static = {
        "guidelines": Ours(guidelines),
        "criteria": Ours("\n\n".join(_compared(c) for c in criteria)),
        "form": Ours(_form_text(criteria, form, ties=ties)),
    }
    schema = _schema(criteria, form, ties=ties)
    return PairSheet(
        form, tuple(criteria), template or bundled_template("compare"), static, ties, orders, schema
    )


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _compared(criterion: Criterion) -> str:
    """A criterion as a question about two responses; its anchors say what is better."""
    lines = [f"Criterion `{criterion.id}`: {criterion.text}"]
    if criterion.weight < 0 or criterion.veto is not None:
        lines.append(_FAULT)
    if criterion.anchors:
        lines.append("For one response alone it would be read so, worst first:")
        lines += [f"- {label}: {text}" for label, text in criterion.anchors.items()]
    if criterion.reference:
        lines.append(f"A perfect answer to it: {criterion.reference}")
    return "\n".join(lines)


def _form_text(criteria: Sequence[Criterion], form: Form, *, ties: bool) -> str:
    said = "A, B or tie" if ties else "A or B"
    better = f"the response that is better by it: {said}"
    if form == "letters":
        tie = ", C if neither is better" if ties else ""
        which = f"A if response A is better, B if response B is better{tie}"
        return f"Answer with one letter and nothing else: {which}."
    if form == "scores":
        return (
            f"Score each response by the criterion, {describe(_SCORES)}, higher is better. "
            "Reply with one JSON object and nothing else, its keys in this order:\n"
            f'{_REASONS}, "A": number, "B": number}}'
        )
    ids = ", ".join(f'"{c.id}"' for c in criteria)
    if form == "text":
        lines = "\n".join(f"{TAG} {c.id}: LABEL" for c in criteria)
        return (
            "First quote the passages that decide, then say why. Then end your reply with "
            f"{'this line' if len(criteria) == 1 else f'these {len(criteria)} lines'} and nothing after, "
            f"where LABEL is {better}:\n{lines}"
        )
    one = f'{_REASONS}, "label": "{better}"}}'
    if len(criteria) == 1:
        return f"Reply with one JSON object and nothing else, its keys in this order:\n{one}"
    return (
        f"Reply with one JSON object and nothing else. Its keys are the ids of all criteria: {ids}. "
        f"The value of each is an object, its keys in this order:\n{one}"
    )


def _schema(criteria: Sequence[Criterion], form: Form, *, ties: bool) -> Mapping[str, Any] | None:
    words = {"evidence": {"type": "array", "items": {"type": "string"}}, "rationale": {"type": "string"}}
    if form == "scores":
        return object_schema({**words, "A": {"type": "number"}, "B": {"type": "number"}})
    if form != "json":
        return None
    label = {"type": "string", "enum": ["A", "B", _TIE] if ties else ["A", "B"]}
    one = object_schema({**words, "label": label})
    return one if len(criteria) == 1 else object_schema({c.id: one for c in criteria})

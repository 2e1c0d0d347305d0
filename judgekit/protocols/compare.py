"""Compare: which of two responses is better, asked in an order and read back without it.

The judge says A or B; what that means depends on which response was shown first, and the call knows
(`Call.meant`), so a verdict is always relative to `unit.responses`. The form `scores` asks for a number for
each response instead, as FairEval does; `calibration.balanced_scores` makes one verdict of the two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from judgekit.errors import InputError
from judgekit.prompt import TAG, Ours, bundled_template
from judgekit.protocols.reading.labelled import read_labels
from judgekit.protocols.sheet import Asking, Form, Protocol, Sheet, Wanted, object_schema
from judgekit.rubric.model import Criterion, describe
from judgekit.scales import PAIR, Labels, Numbers, Scale
from judgekit.types import Ask, Item, Unit, View

_TIE = "tie"
_FAULT = "(It describes a fault: the better response has less of it.)"
_SCORES = Numbers(low=1, high=10)
_REASONS = (
    '{"evidence": [the fewest passages that decide, quoted word for word], '
    '"rationale": "why, in a few sentences"'
)


def _sheet(criteria: Sequence[Criterion], how: Asking) -> Sheet:
    """Return a sheet for comparing pairs; `letters` and `scores` go with one criterion."""
    form, orders = how.form, how.orders
    if form in {"letters", "scores"} and len(criteria) != 1:
        raise InputError(f"form {form!r} compares by one criterion a call, not by {[c.id for c in criteria]}")
    if orders not in {"both", "given", "swapped"}:
        raise InputError(f"orders {orders!r}; there are 'both', 'given' and 'swapped'")
    texts = [_compared(c) for c in criteria]
    asked = [(c.id, text) for c, text in zip(criteria, texts, strict=True)]

    def views(item: Item) -> Iterator[View]:
        """Return every pair of an item's responses, in each order asked for; the two orders side by side."""
        for first, second in combinations(item.responses, 2):
            unit = Unit(item.item_id, (first, second))
            if orders != "swapped":
                yield unit, (first, second)
            if orders != "given":
                yield unit, (second, first)

    scale: Scale = (
        _SCORES if form == "scores" else Labels(labels=("B", _TIE, "A") if how.ties else ("B", "A"))
    )
    wanted = _scored(asked) if form == "scores" else _preferred(asked, form, ties=how.ties)
    return Sheet(
        protocol="compare",
        read=read_labels,
        form=form,
        criteria=tuple(criteria),
        scales=(scale,) * len(criteria),
        template=how.template or bundled_template("compare"),
        static={
            "guidelines": Ours(how.guidelines),
            "criteria": Ours("\n\n".join(texts)),
            "form": Ours(_form_text(criteria, form, ties=how.ties)),
        },
        schema=_schema(criteria, form, ties=how.ties),
        views=views,
        wanted=wanted,
        lettered=True,
    )


def _scored(asked: Sequence[tuple[str, str]]) -> Callable[[Unit, tuple[str, ...]], Wanted]:
    """Want a score for each response, which are called A and B."""
    [(cid, text)] = asked

    def wanted(unit: Unit, shown: tuple[str, ...]) -> Wanted:
        named = zip(shown, "AB", strict=True)
        return Wanted(
            tuple(Ask(Unit(unit.item_id, (each,)), cid, _SCORES, name, text) for each, name in named)
        )

    return wanted


def _preferred(
    asked: Sequence[tuple[str, str]], form: Form, *, ties: bool
) -> Callable[[Unit, tuple[str, ...]], Wanted]:
    """Want A or B, on the scale of what is said: worst for the first of the unit's responses first."""
    label_of = PAIR.labels if ties else ("second", "first")

    def wanted(unit: Unit, shown: tuple[str, ...]) -> Wanted:
        worst, best = ("B", "A") if shown == unit.responses else ("A", "B")
        said = (worst, _TIE, best) if ties else (worst, best)
        scale = Labels(labels=said)
        letters = (("A", "A"), ("B", "B"), ("C", _TIE))[: len(said)] if form == "letters" else ()
        asks = tuple(Ask(unit, cid, scale, "", text) for cid, text in asked)
        return Wanted(asks, tuple(zip(said, label_of, strict=True)), letters)

    return wanted


def _compared(criterion: Criterion) -> str:
    """Return a criterion as a question about two responses; its anchors say what is better."""
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


COMPARE = Protocol(name="compare", about=("response", "pair"), sheet=_sheet, shows="two")

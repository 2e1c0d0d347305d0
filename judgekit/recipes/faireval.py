"""FairEval: evidence before scores, several samples, both orders, people where the votes disagree.

Wang et al. (2024), "Large Language Models are not Fair Evaluators", arXiv 2305.17926. The judge gives two
scores a reply; `calibration.balanced_scores` makes CS of them. Here are the vanilla form of the answer,
scores first, which the paper compares itself with, and the single votes: their entropy over samples and
orders (BPDE, section 3.3) says which pairs people should judge, and `judgekit review export` picks a fifth.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from judgekit.calibration import balanced_scores
from judgekit.prompt import Ours
from judgekit.protocols.sheet import Sheet, object_schema
from judgekit.types import Outcome, Unit, Verdict

_FORM = Ours(
    "Score each response by the criterion, a number from 1 to 10, higher is better. "
    "Reply with one JSON object and nothing else, its keys in this order:\n"
    '{"A": number, "B": number, "rationale": "why, in a few sentences"}'
)


def scores_first(sheet: Sheet) -> Sheet:
    """A sheet for two scores that asks for them before the reasons, as the vanilla prompt does."""
    if sheet.form != "scores":
        return sheet
    number = {"type": "number"}
    schema = object_schema({"A": number, "B": number, "rationale": {"type": "string"}})
    return replace(sheet, static={**sheet.static, "form": _FORM}, schema=schema)


def votes(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """What each reply of two scores says of its pair: better, worse or a tie; other outcomes as they are.

    A reply that scored one of the two only is an abstention. The value of a vote says how far the scores lie
    apart, so that of pairs whose votes disagree alike people see those first whose scores are nearest.
    """
    places: dict[tuple[str, str], int] = {}  # responses in the item's own order: the first one asked in
    replies: dict[tuple[object, ...], list[Outcome]] = {}
    others: list[Outcome] = []
    for o in outcomes:
        if len(o.unit.responses) != 1 or len(o.shown) != 2:
            others.append(o)
            continue
        places.setdefault((o.unit.item_id, o.unit.responses[0]), len(places))
        key = (o.rater, o.criterion, o.unit.item_id, o.unit.part, o.shown, o.sample)
        replies.setdefault(key, []).append(o)
    return (*others, *(_vote(own, places) for own in replies.values()))


def _vote(reply: Sequence[Outcome], places: Mapping[tuple[str, str], int]) -> Outcome:
    one = reply[0]
    first, second = sorted(one.shown, key=lambda name: places.get((one.unit.item_id, name), len(places)))
    vote = balanced_scores(reply, unit=Unit(one.unit.item_id, (first, second), one.unit.part))
    if not isinstance(vote, Verdict):
        return vote
    value = {o.unit.responses[0]: o.value for o in reply if isinstance(o, Verdict)}
    apart = (1.0 + value[first] - value[second]) / 2.0
    return replace(vote, value=apart, shown=one.shown, sample=one.sample)

"""FairEval: evidence before scores, several samples, both orders, people where the votes disagree.

Wang et al. (2024), "Large Language Models are not Fair Evaluators", arXiv 2305.17926. The judge gives two
scores a reply; `calibrate.balanced_scores` makes CS of them and `calibrate.bpde` says how far the votes
of samples and orders disagree. Here are the vanilla form of the answer, scores first, which the paper
compares itself with, and the human share.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from judgekit.aggregate.pairs import pairs_of
from judgekit.calibrate import balanced_scores
from judgekit.plan import AnySheet
from judgekit.prompt import Ours
from judgekit.protocols.compare import PairSheet
from judgekit.protocols.sheet import object_schema
from judgekit.review import route
from judgekit.review.route import Case
from judgekit.types import Judged, Outcome, Unit, Verdict

_FORM = Ours(
    "Score each response by the criterion, a number from 1 to 10, higher is better. "
    "Reply with one JSON object and nothing else, its keys in this order:\n"
    '{"A": number, "B": number, "rationale": "why, in a few sentences"}'
)


def scores_first(sheet: AnySheet) -> AnySheet:
    """A sheet for two scores that asks for them before the reasons, as the vanilla prompt does."""
    if not isinstance(sheet, PairSheet) or sheet.form != "scores":
        return sheet
    number = {"type": "number"}
    schema = object_schema({"A": number, "B": number, "rationale": {"type": "string"}})
    return replace(sheet, static={**sheet.static, "form": _FORM}, schema=schema)


def votes(judged: Judged) -> tuple[Outcome, ...]:
    """What each single reply says of its pair: better, worse or a tie, orders undone.

    A reply that scored one of the two only says nothing.
    """
    return tuple(
        replace(vote, shown=replies[0].shown, sample=replies[0].sample)
        if isinstance(vote := balanced_scores(replies, unit=unit), Verdict)
        else vote
        for unit in pairs_of(judged.item)
        for replies in _replies(judged.outcomes, unit)
    )


def _replies(outcomes: Sequence[Outcome], unit: Unit) -> list[list[Outcome]]:
    """Outcomes on a pair, those of one reply together."""
    replies: dict[tuple[object, ...], list[Outcome]] = {}
    for o in outcomes:
        if len(o.unit.responses) == 1 and set(o.shown) == set(unit.responses):
            replies.setdefault((o.rater, o.criterion, o.shown, o.sample), []).append(o)
    return list(replies.values())


def human_share(judged: Iterable[Judged], *, share: float = 0.2) -> tuple[Case, ...]:
    """The pairs that people should judge: those whose votes disagree most (BPDE), within a budget.

    Args:
        judged: What became of each item under `faireval`.
        share: Of all pairs; 0.2 in the paper.

    Returns:
        The most diverse first; of equally diverse ones those whose votes are nearest to a draw. Their
        labels come back with `judgekit review import --how replace`.

    Source:
        Wang et al. (2024), section 3.3. https://arxiv.org/abs/2305.17926
    """
    return route([vote for each in judged for vote in votes(each)], by="entropy", budget=share)

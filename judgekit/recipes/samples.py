"""The samples of one judge reduced by majority, before judges are pooled: ReviewerGPT's way.

Liu and Shah (2023), arXiv 2306.00622: a checklist question is answered yes, no or n/a three times, and
the majority of the leading words is the answer. `n/a` is an answer like the others here: it is read as
the scale's "cannot tell", and a majority of it leaves the question out.
"""

from collections import Counter
from collections.abc import Sequence

from judgekit.aggregate import rubric_scores
from judgekit.distribution import common_source, commonest_reason, joined, label_of
from judgekit.rubric import Rubric
from judgekit.scales import Labels, Scale
from judgekit.types import Abstention, Item, Outcome, Reason, Score, Verdict

ANSWERS = Labels(labels=("no", "yes"), cannot_tell="n/a")
_NOT_APPLICABLE = None


def majority_of_samples(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
    """What more than half of the samples of one judge on one question say; n/a is something they can say.

    A sample that was lost stays in the denominator: one answer of three asked for is no majority. Samples
    that are split give no verdict (`missing`, since `undecided` here means n/a): in the paper's replies a
    majority of split samples was wrong two times in three.

    >>> from judgekit.types import Unit
    >>> def said(*words):
    ...     return [Verdict("j", Unit("1"), "q", ((w, 1.0),), w, 1.0, sample=i) for i, w in enumerate(words)]
    >>> majority_of_samples(said("yes", "no", "yes"), ANSWERS).label
    'yes'
    >>> majority_of_samples(said("yes", "no"), ANSWERS).reason
    'missing'
    """
    counts = Counter(_said(o, scale) for o in outcomes if not _is_lost(o))
    [(label, n)] = counts.most_common(1) or [(_NOT_APPLICABLE, 0)]
    first = outcomes[0]
    if 2 * n > len(outcomes) and label is not None:
        own = [o for o in outcomes if isinstance(o, Verdict) and _said(o, scale) == label]
        flags = ("split",) if len(counts) > 1 else ()
        return joined(
            own, scale, {label: 1.0}, rater=first.rater, source=common_source(own), flags=flags,
            shown=first.shown,
        )  # fmt: skip
    settled = 2 * n > len(outcomes)
    reason: Reason = "undecided" if settled else "missing" if counts else commonest_reason(outcomes)
    said = ", ".join(f"{n} {name or 'n/a'!r}" for name, n in counts.items()) or "none"
    detail = f"of {len(outcomes)} samples: {said}"
    return Abstention(first.rater, first.unit, first.criterion, reason, detail, first.shown)


def _is_lost(outcome: Outcome) -> bool:
    return isinstance(outcome, Abstention) and outcome.reason != "undecided"


def _said(outcome: Outcome, scale: Scale) -> str | None:
    return label_of(scale, outcome.probs) if isinstance(outcome, Verdict) else _NOT_APPLICABLE


def majority_scores(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """The usual scores, of each judge's majority; how many verdicts they rest on counts majorities."""
    grouped: dict[tuple[object, str, str], list[Outcome]] = {}
    for o in outcomes:
        grouped.setdefault((o.unit, o.criterion, o.rater), []).append(o)
    reduced = [majority_of_samples(own, rubric.by_id[own[0].criterion].scale) for own in grouped.values()]
    return rubric_scores(rubric, item, reduced)

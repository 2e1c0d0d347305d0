"""Choice funnel: which criteria hold, asked for one at a time by letter, with the letters' own pull undone.

SATA-Bench (2025), arXiv 2506.00643. Each step shows what is left as lettered options, takes the letter that
stands out most from its prior (`fit_prior`), and removes it; after the first pick "none of them" may end it.
A judge without probabilities is read by its letter, undebiased, flagged `no_logprobs`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from judgekit.errors import InputError
from judgekit.fences import Fences, fences_of
from judgekit.protocols import sheet_of
from judgekit.protocols.read import read, weights_of
from judgekit.recipes.grading import Grading, OverGrading, Rounds, in_step
from judgekit.roles import Judge
from judgekit.rubric import Criterion, Rubric
from judgekit.scales import Labels, settle
from judgekit.types import Abstention, Answer, Call, Item, Judged, Outcome, Round, Unit, Verdict, View

Stop = Literal["none", "above", "below"]
NONE = "none of them"
LIMIT = 0.9
_LEAST = 1e-12  # of a probability, before its logarithm


@dataclass(frozen=True, slots=True)
class Prior:
    """How much a judge is drawn to each letter, by place; shorter lists take the beginning of the longest."""

    shares: tuple[float, ...] = ()

    def of(self, n: int) -> tuple[float, ...]:
        """Return the prior of `n` letters: the first of the shares, scaled to 1; equal ones without a fit."""
        if not self.shares:
            return (1.0 / n,) * n
        beyond = self.shares[-1]
        own = [*self.shares[:n], *[beyond] * (n - len(self.shares))]
        return tuple(share / math.fsum(own) for share in own)


def fit_prior(runs: Iterable[Sequence[Sequence[float]]]) -> Prior:
    """Return a prior from items (their runs in all cyclic orders, the probability of each letter by place).

    It is the softmax of the mean over orders of the logarithms, then the mean over items of the longest list.
    """
    priors = [_prior_of(orders) for orders in runs]
    if not priors:
        raise InputError("no runs to fit a prior on")
    n = max(map(len, priors))
    longest = [prior for prior in priors if len(prior) == n]
    return Prior(tuple(math.fsum(column) / len(longest) for column in zip(*longest, strict=True)))


def _prior_of(orders: Sequence[Sequence[float]]) -> list[float]:
    if not orders or len({len(order) for order in orders}) > 1:
        raise InputError(f"cyclic orders of one item, of lengths {[len(order) for order in orders]}")
    shares = [[p / (math.fsum(order) or 1.0) for p in order] for order in orders]
    logs = [[math.log(max(p, _LEAST)) for p in own] for own in shares]
    return _softmax([math.fsum(column) / len(orders) for column in zip(*logs, strict=True)])


def debiased(probs: Sequence[float], prior: Sequence[float]) -> list[float]:
    """Return probabilities with a prior divided out: the softmax of log p - log prior."""
    logs = [math.log(max(p, _LEAST)) - math.log(max(q, _LEAST)) for p, q in zip(probs, prior, strict=True)]
    return _softmax(logs)


def _softmax(logs: Sequence[float]) -> list[float]:
    top = max(logs)
    raised = [math.exp(each - top) for each in logs]
    return [each / math.fsum(raised) for each in raised]


@dataclass(frozen=True)
class Funnel(OverGrading):
    """One funnel for each judge, response and sample; a judge that is not in `prior` is not debiased.

    It stops at `none of them` and the end of the list; `above` also after a pick whose debiased probability
    is above the limit, as the published docstring has it, `below` before one that is below it, as the
    published code does.
    """

    grading: Grading
    prior: Mapping[str, Prior] = field(default_factory=dict)
    stop: Stop = "none"
    limit: float = LIMIT

    def __post_init__(self) -> None:
        self.grading.check_asks_itself("a funnel")
        if self.stop not in get_args(Stop):
            raise InputError(f"no rule {self.stop!r} to stop by; there are {', '.join(get_args(Stop))}")
        check_questions(self.grading.plan.rubric)

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls: one pick that ends it, or every criterion picked."""
        plan = self.grading.plan
        walks = len(plan.judges) * len(item.responses) * plan.samples
        return walks, walks * len(plan.rubric_of(item).leaves)

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Walk all funnels in step."""
        plan = self.grading.plan
        views = [(Unit(item.item_id, (name,)), (name,)) for name in item.responses]
        fences = fences_of(item)
        walks = [
            self._walk(fences, judge, view, sample)
            for judge in plan.judges
            for view in views
            for sample in range(plan.samples)
        ]
        found = yield from in_step(walks)
        return self.grading.judged(item, [outcome for some in found for outcome in some])

    def _walk(self, fences: Fences, judge: Judge, view: View, sample: int) -> Rounds[tuple[Outcome, ...]]:
        criteria = self.grading.plan.rubric_of(fences.item).leaves
        left, found = list(criteria), _Found(judge.name, view, sample)
        while left:
            options = [*left, None] if found.picked or len(left) == 1 else left
            [answer] = yield Round((self._call(fences, judge, view, sample, options),))
            probs = found.seen(answer)
            if probs is None:
                break
            choice, probability = self._choice(judge, probs, options, known=bool(answer.reply.logprobs))
            if choice is None or (self.stop == "below" and probability < self.limit):
                break
            found.picked[choice.id] = answer.call.key
            left.remove(choice)
            if self.stop == "above" and probability > self.limit:
                break
        return tuple(map(found.outcome, criteria))

    def _call(
        self, fences: Fences, judge: Judge, view: View, sample: int, options: Sequence[Criterion | None]
    ) -> Call:
        """Return what is left, as lettered options."""
        labels = tuple(NONE if option is None else option.id for option in options)
        anchors = {option.id: option.text for option in options if option is not None}
        text = "Which one of these holds most clearly of the response?"
        scale = Labels(labels=labels, kind="nominal")
        asked = Criterion(id="next", text=text, scale=scale, anchors=anchors)
        rubric = self.grading.plan.rubric_of(fences.item)
        sheet = sheet_of([asked], form="letters", guidelines=rubric.guidelines)
        return self.grading.plan.addressed(sheet.ask(fences.item, view, fences=fences), judge, sample)

    def _choice(
        self, judge: Judge, probs: Sequence[float], options: Sequence[Criterion | None], *, known: bool
    ) -> tuple[Criterion | None, float]:
        """Return the option whose letter stands out most, and how far; only probabilities can be debiased."""
        prior = self.prior.get(judge.name, Prior()) if known else Prior()
        own = debiased(probs, prior.of(len(options))) if known else list(probs)
        best = max(range(len(own)), key=own.__getitem__)
        return options[best], own[best]


def check_questions(rubric: Rubric) -> None:
    """Refuse a rubric with a criterion that is no yes/no question."""
    for c in rubric.leaves:
        if not (isinstance(c.scale, Labels) and len(c.scale.labels) == 2) or c.about != "response":
            raise InputError(f"criterion {c.id!r} is no yes/no question about a response")


@dataclass(slots=True)
class _Found:
    """What one funnel has found so far: criterion -> key of the call that picked it."""

    rater: str
    view: View
    sample: int
    picked: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    last: str = ""
    trouble: Abstention | None = None

    def seen(self, answer: Answer) -> list[float] | None:
        """Return the probability of each option by place; None where there is none, with the reason kept."""
        self.last = answer.call.key
        probs = _weights(answer)
        if isinstance(probs, Abstention):
            self.trouble = probs
            return None
        if not answer.reply.logprobs:
            self.flags = ("no_logprobs",)
        return probs

    def outcome(self, criterion: Criterion) -> Outcome:
        """Return yes where it was picked, no where the funnel ended without it, else why it broke off."""
        unit, shown = self.view
        if criterion.id not in self.picked and self.trouble is not None:
            return replace(self.trouble, criterion=criterion.id)
        labels = criterion.scale.labels if isinstance(criterion.scale, Labels) else ("no", "yes")
        probs, label, value = settle(criterion.scale, {labels[criterion.id in self.picked]: 1.0})
        return Verdict(
            rater=self.rater, unit=unit, criterion=criterion.id, probs=probs, label=label, value=value,
            source="text" if self.flags else "logprob", flags=self.flags, shown=shown,
            sample=self.sample, call=self.picked.get(criterion.id, self.last),
        )  # fmt: skip


def _weights(answer: Answer) -> list[float] | Abstention:
    """Return the probability of each option by place, or why there is none."""
    call = answer.call
    weights = weights_of(answer.reply, call.letters) if answer.reply.fault is None else {}
    if weights:
        return [weights.get(label, 0.0) for _, label in call.letters]
    [outcome] = read(call, answer.reply)
    if isinstance(outcome, Abstention):
        return outcome
    return [float(label == outcome.label) for _, label in call.letters]

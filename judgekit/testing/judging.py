"""`score`, `assert_score` and `assert_bounds`: what a test judges, and what it makes of it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from judgekit.errors import InputError, JudgekitError, there_are
from judgekit.terminal.plain import plain
from judgekit.testing.session import Judgement, Session, State, current, undecided
from judgekit.types import Abstention, Outcome, Score
from judgekit.verbs.faces import collected, in_own_loop
from judgekit.verbs.job import Job, prepare
from judgekit.verbs.options import Judges, Options, RubricLike
from judgekit.verbs.require import Requirement, number, require

if TYPE_CHECKING:
    from judgekit.verbs import Run

NO_TASK = "(not given)"
"""The task of a response that is asserted without one."""
_WORDS = 200  # letters of a judge's words that an explanation shows


def score(items: Any, rubric: RubricLike, judges: Judges | None = None, **options: Unpack[Options]) -> "Run":
    """Score responses in a test, as `jk.score` does, and keep the run among the results of the session.

    Args:
        items: As of `jk.score`.
        rubric: As of `jk.score`.
        judges: As of `jk.score`; where left out, those of pytest's option `judgekit_judges`, else the
            embedded one.
        **options: As of `jk.score`; `py:` names may import code, since a test is code.

    Where nothing could be judged, the run says so and nothing is raised: `assert_bounds` tells it.

    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> run = score([{"id": 1, "task": "Hi", "response": "Hello"}], rubric, lambda call: True, ledger=None)
    >>> run.scores[-1].value
    1.0
    """
    session = current()
    label = "" if session is None else session.label()
    return _scored(session, label, _prepared(session, items, rubric, judges, options))


def assert_score(
    response: Any,
    rubric: RubricLike,
    *,
    at_least: float,
    judges: Judges | None = None,
    task: Any = None,
    criterion: str | None = None,
    reference: str | None = None,
    sources: Any = None,
    **options: Unpack[Options],
) -> Score:
    """Assert that a response's score reaches a limit, and return the score.

    Args:
        response: The response, a text or a conversation.
        rubric: As of `jk.score`.
        at_least: The limit. The lower end of the score's 95 % interval over judges (of one judge: over its
            samples) has to reach it; where a single verdict gives no interval, the value.
        judges: As of `jk.score`; where left out, those of pytest's option `judgekit_judges`, else the
            embedded one.
        task: What the response answers.
        criterion: The criterion or the dimension whose score it is; the rubric's where left out.
        reference: A text known to be good.
        sources: What may be quoted from.
        **options: As of `jk.score`.

    Raises `AssertionError` where the upper end (without an interval: the value) is below the limit, with what
    the judges said of each criterion. Where the interval holds the limit, or there is no score because a
    judge abstained, the test is undecided: `judgekit_undecided` says whether pytest skips it, or else
    `Undecided` fails it.

    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> assert_score("Hello!", rubric, at_least=0.7, judges=lambda call: True, ledger=None).value
    1.0
    >>> assert_score("What?", rubric, at_least=0.7, judges=lambda call: False, ledger=None)
    Traceback (most recent call last):
    AssertionError: the score of 'tone', 0, is below 0.7
      polite 0: lambda said 'no'
    """
    __tracebackhide__ = True
    session = current()
    label = "" if session is None else session.label()
    told = {"reference": reference, "sources": sources}
    row = {"item_id": label or "1", "task": NO_TASK if task is None else task, "response": response}
    item = {**row, **{name: value for name, value in told.items() if value is not None}}
    run = _scored(session, label, _prepared(session, [item], rubric, judges, options))
    found = _found(run, criterion)
    state, why = _state(found, run.outcomes, at_least)
    told_whole = "\n".join([why, *_explained(run)]) if state != "passed" else ""
    _end(session, state, why, told_whole)
    return found


def assert_bounds(run: "Run", *bounds: str) -> tuple[Requirement, ...]:
    """Assert that a run meets bounds, as `jk.require` reads them, and return what was found.

    Raises `AssertionError` where a value is beyond its bound. Where the value meets it but the end of its
    interval does not, or there are no numbers, the test is undecided, as of `jk.testing.assert_score`.

    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = [{"id": n, "task": "Hi", "response": "Hello"} for n in range(50)]
    >>> run = score(items, rubric, lambda call: True, ledger=None)
    >>> [each.met for each in assert_bounds(run, "polite: share>=0.9", "abstained<=0.1")]
    [True, True]
    """
    __tracebackhide__ = True
    found = require(run, *bounds)
    unmet = [each for each in found if not each.met]
    failed = [each for each in unmet if each.beyond]
    shown = failed or unmet
    why = "; ".join(f"{each.bound.text}: {each.why}" for each in shown)
    state: State = "failed" if failed else "undecided" if unmet else "passed"
    _end(current(), state, why, why)
    return found


def _prepared(
    session: Session | None, items: Any, rubric: RubricLike, judges: Judges | None, options: Options
) -> Job:
    """Return the job of a test, by the session's judges where it names none."""
    __tracebackhide__ = True
    if judges is None:
        judges = session.judges if session is not None and session.judges else "local"
    given: Options = {"own_code": True, **options}
    try:
        return prepare(items, rubric, judges, **given)
    except JudgekitError as error:  # about what the test says, and not about what is behind it
        raise error.with_traceback(None) from None


def _scored(session: Session | None, label: str, job: Job) -> "Run":
    """Walk a job, and keep its run, or what was done until it stopped."""
    __tracebackhide__ = True
    try:
        run = in_own_loop(collected, job)
    except JudgekitError as error:
        _keep(session, label, error.run, job)
        raise
    _keep(session, label, run, job)
    return run


def _keep(session: Session | None, label: str, run: "Run | None", job: Job) -> None:
    """Keep a run, with the items where they can be read once more."""
    if session is not None and run is not None:
        session.add(label, run, () if isinstance(job.items, Iterator) else job.read())


def _end(session: Session | None, state: State, why: str, told: str) -> None:
    """Write down what an assertion came to, and end the test where it is not passed."""
    __tracebackhide__ = True
    if session is not None:
        session.judgements.append(Judgement(session.test, state, plain(why)))
    if state == "failed":
        raise AssertionError(plain(told, lines=True))
    if state == "undecided":
        undecided(session, plain(told, lines=True))


def _found(run: "Run", criterion: str | None) -> Score:
    """Return the score that is asserted."""
    whole = [s for s in run.scores if s.level == "rubric"]
    if criterion is None:
        if not whole:
            raise InputError("the rubric has no total; name the criterion whose score it is")
        return whole[0]
    named = [s for s in run.scores if s.level != "rubric" and s.name == criterion]
    if not named:
        known = [s.name for s in run.scores if s.level != "rubric"]
        raise InputError(f"no criterion {criterion!r}; {there_are(criterion, known)}")
    return named[0]


def _state(found: Score, outcomes: Sequence[Outcome], at_least: float) -> tuple[State, str]:
    """Return what a score is beside a limit, and why."""
    name, limit = f"the score of {found.name!r}", f"{at_least:g}"
    if found.value is None:
        reasons = dict.fromkeys(o.reason for o in outcomes if isinstance(o, Abstention))
        return (
            "undecided",
            f"there is no score of {found.name!r}: {', '.join(reasons) or 'nothing was judged'}",
        )
    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    ends = "" if found.low is None else f" (95 % interval {number(low)} to {number(high)})"
    value = f"{number(found.value, at_least)}{ends}"
    # What ten sums of 0.1 differ from 1 by is no failure.
    if low >= at_least - 1e-12:
        return "passed", ""
    if high < at_least - 1e-12:
        return "failed", f"{name}, {value}, is below {limit}"
    return "undecided", f"{name}, {value}, may lie on either side of {limit}"


def _explained(run: "Run") -> list[str]:
    """Return a line a criterion: its score, and what each judge said."""
    said: dict[str, list[str]] = {}
    for outcome in run.outcomes:
        said.setdefault(outcome.criterion, []).append(_said(outcome))
    values = {s.name: s.value for s in run.scores if s.level == "criterion"}
    return [
        f"  {name} {'none' if (value := values.get(name)) is None else number(value)}: {'; '.join(words)}"
        for name, words in said.items()
    ]


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Abstention):
        return f"{outcome.rater} gave no label, {outcome.reason}: {_short(outcome.detail)}".rstrip(": ")
    because = f", because: {_short(outcome.rationale)}" if outcome.rationale else ""
    return f"{outcome.rater} said {outcome.label!r}{because}"


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= _WORDS else f"{words[:_WORDS]}..."

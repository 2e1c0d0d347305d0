"""Bounds that a run has to meet: `mean>=0.7`, `safe: share>=0.99`, `system new: abstained<=2%`.

A bound is decided by the end of the 95 % interval that is nearer to failing, over items as clusters: the
lower end of what must reach a limit, the upper end of what must stay below one. `value:`, before or behind
the names, lets the value decide. What was not judged, or has no interval, does not meet a bound, and the
answer says why.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from judgekit.agreement.core.sums import Sums
from judgekit.errors import InputError, did_you_mean, there_are
from judgekit.types import Estimate, Outcome, Score, Unit, Verdict

if TYPE_CHECKING:
    from judgekit.verbs.diff import Difference
    from judgekit.verbs.job import Job
    from judgekit.verbs.results import Run

Statistic = Literal[
    "mean", "share", "abstained", "worse", "better", "same", "agreement", "shift", "moved", "rose", "failed",
    "silenced", "faults",
]  # fmt: skip
_OF_A_RUN = ("mean", "share", "abstained")
_OF_TWO = ("mean", "worse", "better", "same")
OF_A_CARD = ("agreement", "shift", "moved", "rose", "failed", "silenced", "faults")
_COUNTS = {"worse", "better", "same", "faults"}
_NAMED = 100  # systems that are remembered, to be looked through where a bound is of none
_SHOWN = 10  # of these that are named
_COMPARED = re.compile(r"\s*([a-z]+)\s*(>=|<=|=>|=<|==|>|<|=)\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*(%?)\s*")
_FORM = (
    "a bound is STATISTIC>=NUMBER or STATISTIC<=NUMBER, with a criterion or `system NAME:` in front of it, "
    "as in 'mean>=0.7', 'safe: share>=0.99', 'system new: abstained<=2%', 'value: mean>=0.7'"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound as it was said.

    Args:
        text: The words it was said in.
        statistic: `mean`: of scores; `share`: of the units whose score is above one half; `abstained`: of the
            answers asked for, those not obtained; `worse`, `better` and `same`, of two runs: how many units
            have changed so. The others are of a judge's card.
        at_least: Whether the limit is to be reached; else it is not to be exceeded.
        limit: The number.
        criterion: The criterion or the dimension it is about, of a card a probe or a group of them; the
            rubric's scores where empty.
        system: The system whose responses it is about; all where empty.
        by_value: Whether the value decides, and not the interval.
    """

    text: str
    statistic: Statistic
    at_least: bool
    limit: float
    criterion: str = ""
    system: str = ""
    by_value: bool = False


@dataclass(frozen=True, slots=True)
class Requirement:
    """A bound beside what was found.

    Args:
        bound: What was required.
        found: The statistic with its interval.
        met: Whether what was found meets the bound.
        why: Why it is not met; empty where it is.
    """

    bound: Bound
    found: Estimate
    met: bool
    why: str = ""

    def __bool__(self) -> bool:
        """Whether the bound is met."""
        return self.met

    @property
    def beyond(self) -> bool:
        """Whether the value itself lies beyond the bound; else what is not met is undecided."""
        return not math.isnan(self.found.value) and not _meets(self.bound, self.found.value)

    def plain(self) -> dict[str, Any]:
        """Return it as `run.json` holds it; null where there is no number."""
        numbers = {name: getattr(self.found, name) for name in ("value", "low", "high")}
        told = {name: None if math.isnan(number) else number for name, number in numbers.items()}
        counts = {"n_used": self.found.n_used, "n_dropped": self.found.n_dropped}
        return {"bound": self.bound.text, **told, **counts, "met": self.met, "why": self.why}


def require(run: "Run | Difference | str | Path", *bounds: str) -> tuple[Requirement, ...]:
    """What was found beside each bound that a run has to meet, as `score --require` says them.

    Args:
        run: A run, the folder that `save` or `--out` wrote, or how a run differs from another (`Run.diff`).
        *bounds: `mean>=0.7`: the mean of the rubric's scores. `share>=0.99`: the share of units whose score
            is above one half (on a yes-or-no criterion, of those that most of the panel say yes of).
            `abstained<=0.02`: the share of the answers asked for that were not obtained. In front may stand a
            criterion or a dimension (`safe: share>=0.99`), a system (`system new: mean>=0.7`; of pairs it is
            a response's id, and the mean how far it is preferred), or both. The lower end of the 95 %
            interval has to reach a limit, and the upper end has to stay within one; `value:` in front of all
            lets the value decide. Of a difference there are the mean difference (`mean>=-0.02`) and
            counts of units, `worse<=0`, `better>=5`, `same>=90`, on a criterion or a system.

    Items are the independent units of the interval. What was not judged, or has no interval, does not meet a
    bound. Raises `InputError` for a bound that cannot be read, or names what the run does not have.

    >>> from judgekit import Scripted, score
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = [{"id": n, "task": "Hi", "response": "Hello"} for n in range(50)]
    >>> run = score(items, rubric, Scripted("kind", lambda call: True), ledger=None)
    >>> [(each.met, round(each.found.low, 3)) for each in require(run, "mean>=0.9", "polite: share>=0.95")]
    [(True, 0.929), (False, 0.929)]
    """
    from judgekit.verbs.diff import Difference
    from judgekit.verbs.joining import stored

    if isinstance(run, Difference):
        return tuple(_of_difference(bound, run) for bound in compared(bounds))
    found, wanted = stored(run), Bounds.of(bounds)
    wanted.check_systems(name for score in found.scores for name in _wrote(score))
    wanted.check_names({s.name for s in found.scores}, {o.criterion for o in found.outcomes})
    units = [each.unit for each in (*found.scores, *found.outcomes)]
    scores = _by_item(found.scores)
    outcomes = _by_item(found.outcomes)
    for item_id in dict.fromkeys(unit.item_id for unit in units):
        wanted.add(scores.get(item_id, ()), outcomes.get(item_id, ()))
    return wanted.found()


def parse_bound(text: str, there: Sequence[str] = get_args(Statistic)) -> Bound:
    """Return the bound that a text says; InputError, which names what is `there`, if it says none.

    >>> parse_bound("system new: safe: share >= 99%").limit
    0.99
    """
    where, _, said = text.rpartition(":")
    parts = _COMPARED.fullmatch(said)
    if parts is None:
        raise InputError(f"bound {text!r} cannot be read; {_FORM}")
    statistic, sign, number, percent = parts.groups()
    if statistic not in get_args(Statistic):
        raise InputError(f"bound {text!r}: no statistic {statistic!r}; {there_are(statistic, there)}")
    if sign not in {">=", "<="}:
        raise InputError(f"bound {text!r}: {sign!r} is no sign of a bound; say >= or <=")
    limit = float(number) / (100 if percent else 1)
    by_value, where = _by_value(where)
    system, criterion = "", where
    if where.startswith("system "):
        system, criterion = _system(where.removeprefix("system ").strip())
        if not system:
            raise InputError(f"bound {text!r} names no system; {_FORM}")
        behind, criterion = _by_value(criterion)
        by_value = by_value or behind
    criterion = criterion.removeprefix("criterion ").strip()
    counts = statistic in _COUNTS
    if counts and (percent or limit < 0 or not limit.is_integer()):
        raise InputError(
            f"bound {text!r}: {statistic} counts units; say a whole number, as in {statistic}<=0"
        )
    if not counts and not -1 <= limit <= 1:
        raise InputError(f"bound {text!r}: {statistic} lies from 0 to 1, so {limit:g} bounds nothing")
    return Bound(
        text=text, statistic=cast("Statistic", statistic), at_least=sign == ">=", limit=limit,
        criterion=criterion, system=system, by_value=by_value,
    )  # fmt: skip


def _system(where: str) -> tuple[str, str]:
    """Return a system and what stands behind it; one whose name has a colon stands in quotation marks.

    >>> _system("new: safe"), _system("'llama3:8b': safe"), _system("'llama3:8b'")
    (('new', 'safe'), ('llama3:8b', 'safe'), ('llama3:8b', ''))
    """
    if quoted := re.fullmatch(r"""(['"])(.+?)\1\s*(?::(.*))?""", where):
        return quoted[2], (quoted[3] or "").strip()
    system, _, rest = where.partition(":")
    return system.strip(), rest.strip()


def _by_value(where: str) -> tuple[bool, str]:
    """Return whether `value:` stands before or behind the rest, and the rest.

    >>> _by_value("value: safe"), _by_value("safe: value"), _by_value("criterion value")
    ((True, 'safe'), (True, 'safe'), (False, 'criterion value'))
    """
    parts = [each.strip() for each in where.split(":")]
    if parts[0] == "value":
        return True, where.partition(":")[2].strip()
    return (True, where.rpartition(":")[0].strip()) if parts[-1] == "value" else (False, where.strip())


@dataclass(slots=True)
class Bounds:
    """Bounds on a run, and the sums that decide them: they are added to item by item, and hold no item."""

    bounds: tuple[Bound, ...]
    sums: tuple[Sums, ...] = field(default=(), repr=False)
    wrote: dict[str, None] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Bounds":
        """Return the bounds of texts; InputError if one cannot be read, or is of two runs."""
        bounds = tuple(parse_bound(each, _OF_A_RUN) for each in texts)
        for each in bounds:
            if each.statistic in OF_A_CARD:
                raise InputError(
                    f"bound {each.text!r}: {each.statistic} is of a judge; say it of `judgekit card`"
                )
            if each.limit < 0:
                raise InputError(f"bound {each.text!r}: {each.statistic} is never below 0")
            if each.statistic not in _OF_A_RUN:
                raise InputError(
                    f"bound {each.text!r}: {each.statistic} is of two runs; say it of "
                    f"`judgekit diff A B --require '{each.text}'`"
                )
        return cls(bounds, tuple(Sums() for _ in bounds))

    def check(self, job: "Job") -> None:
        """Refuse a name that no score of a job will have; what a stream brings along is not known yet."""
        if job.surveyed is not None:
            self.check_systems(job.systems())
        items_own = job.surveyed is None or job.surveyed.n_rubrics > 0
        if job.name is not None or items_own or not self.bounds:
            return
        leaves = job.plan.rubric.leaves
        dimensions = {str(each.dimension) for each in leaves if each.dimension}
        self.check_names({*(each.id for each in leaves), *dimensions}, {each.id for each in leaves})

    def check_names(self, scored: set[str], asked: set[str]) -> None:
        """Refuse a bound on a criterion that is none of these."""
        for each in self.bounds:
            known = asked if each.statistic == "abstained" else scored
            if each.criterion and each.criterion not in known:
                there = there_are(each.criterion, sorted(known))
                raise InputError(f"bound {each.text!r}: no criterion {each.criterion!r}; {there}")

    def check_systems(self, known: Iterable[str]) -> None:
        """Refuse a bound on a system that is none of these, which are looked at as far as is needed."""
        wanted = {each.system: each for each in self.bounds if each.system}
        there: dict[str, None] = {}
        for name in known if wanted else ():
            wanted.pop(name, None)
            if not wanted:
                return
            if len(there) < _NAMED:
                there[name] = None
        for bound in wanted.values() if there else ():
            raise InputError(f"bound {bound.text!r}: {_no_system(bound.system, there)}")

    def add(self, scores: Sequence[Score], outcomes: Sequence[Outcome]) -> None:
        """Add what became of one item."""
        systems = {score.unit: score.system for score in scores}
        whole = _whole(scores)
        if len(self.wrote) < _NAMED:
            self.wrote.update((name, None) for score in scores for name in _wrote(score))
        for bound, sums in zip(self.bounds, self.sums, strict=True):
            if bound.statistic == "abstained":
                own = [o for o in outcomes if _is_asked(bound, o, systems)]
                sums.add([float(not isinstance(o, Verdict)) for o in own])
                continue
            rows = whole if not bound.criterion else (s for s in scores if _is_on(bound.criterion, s))
            values = [_value(bound, s) for s in rows if _is_of(bound.system, s.unit, s.system)]
            there = [value for value in values if value is not None]
            if bound.statistic == "share":
                there = [float(value > 0.5) for value in there]
            sums.add(there, len(values) - len(there))

    def plain(self) -> dict[str, Any]:
        """Return what was found as `run.json` holds it; nothing where nothing is required."""
        return {"required": [each.plain() for each in self.found()]} if self.bounds else {}

    def found(self) -> tuple[Requirement, ...]:
        """Return what was found beside each bound."""
        return tuple(self._found(*each) for each in zip(self.bounds, self.sums, strict=True))

    def _found(self, bound: Bound, sums: Sums) -> Requirement:
        found = decided(bound, sums.mean(bound.statistic))
        if bound.system and self.wrote and not sums.n and not sums.missing:
            return replace(found, why=_no_system(bound.system, self.wrote))
        return found


NO_BOUNDS = Bounds(())
"""What a run is held to where nothing is required."""


def _whole(scores: Sequence[Score]) -> Sequence[Score]:
    """Return the scores of the rubric; pairs have those of its one criterion instead."""
    found = [score for score in scores if score.level == "rubric"]
    alone = len({score.name for score in scores}) == 1
    return scores if alone and not found else found


def _is_on(name: str, score: Score) -> bool:
    return score.level not in {"rubric", "part"} and score.name == name


def _is_asked(bound: Bound, outcome: Outcome, systems: Mapping[Unit, str]) -> bool:
    named = bound.criterion in {"", outcome.criterion}
    return named and _is_of(bound.system, outcome.unit, systems.get(outcome.unit, ""))


def _is_of(system: str, unit: Unit, wrote: str) -> bool:
    return system in {"", wrote} or (not wrote and system in unit.responses)


def _wrote(score: Score) -> tuple[str, ...]:
    """Return the names that a bound may have for the system of a score."""
    return (score.system,) if score.system else score.unit.responses


def _no_system(name: str, known: Iterable[str]) -> str:
    some = list(known)
    shown = [*some[:_SHOWN], *(["..."] if len(some) > _SHOWN else [])]
    hint = did_you_mean(name, some)
    told = f"no system {name!r}; {hint}{'There' if hint else 'there'} are {', '.join(shown)}"
    quoted = next((each for each in some if ":" in each), None)
    return told if quoted is None else f"{told}; a name with a colon stands in quotes: system '{quoted}':"


def _value(bound: Bound, score: Score) -> float | None:
    """Return the value of a score; of a pair, how far the system is preferred."""
    turned = bound.system and len(score.unit.responses) == 2 and score.unit.responses[1] == bound.system
    return 1 - score.value if turned and score.value is not None else score.value


def compared(texts: Iterable[str]) -> tuple[Bound, ...]:
    """Return the bounds of texts, to which two runs are held; InputError for what cannot be said of two."""
    bounds = tuple(parse_bound(each, _OF_TWO) for each in texts)
    for each in bounds:
        if each.statistic not in _OF_TWO:
            raise InputError(
                f"bound {each.text!r}: of two runs there are mean, worse, better and same; hold each "
                "run alone to the rest"
            )
        if each.criterion and each.system:
            raise InputError(
                f"bound {each.text!r}: runs differ on a criterion or on a system; say one of them"
            )
    return bounds


def _of_difference(bound: Bound, difference: "Difference") -> Requirement:
    """Return a bound beside how two runs differ; counts have no interval, and what is equal needs none."""
    level = "criterion" if bound.criterion else "system" if bound.system else "all"
    name = bound.criterion or bound.system or "all"
    there = {each.name: each for each in difference.by if each.level == level}
    if name not in there:
        raise InputError(f"bound {bound.text!r}: no {level} {name!r}; {there_are(name, there)}")
    own = there[name]
    found = own.estimate
    if bound.statistic == "mean":
        equal = own.same > 1 and not own.better and not own.worse
        return decided(replace(bound, by_value=bound.by_value or equal), found)
    n = own.better + own.worse + own.same
    counted = Estimate(
        bound.statistic, float(getattr(own, bound.statistic)) if n else math.nan,
        n_units=found.n_units, n_used=n, n_dropped=found.n_dropped, method="count",
    )  # fmt: skip
    return decided(replace(bound, by_value=True), counted)


def decided(bound: Bound, found: Estimate) -> Requirement:
    """Return whether what was found meets a bound, and why not."""
    least, limit = bound.at_least, bound.limit
    if math.isnan(found.value):
        n = found.n_dropped
        why = f"all {n} scores of it are missing" if n else "there are no scores of it"
        return Requirement(bound, found, met=False, why=why)
    beyond = "below" if least else "above"
    if not _meets(bound, found.value):
        return Requirement(bound, found, met=False, why=f"{number(found.value, limit)} is {beyond} {limit:g}")
    end = found.value if bound.by_value else found.low if least else found.high
    if math.isnan(end):
        why = f"there is no interval ({'; '.join(found.notes)}); judge more items, or say value: in front"
        return Requirement(bound, found, met=False, why=why)
    if not _meets(bound, end):
        which = "lower" if least else "upper"
        why = (
            f"the value meets it, but the {which} end of its interval, {number(end, limit)}, does not; judge "
            "more items, or say value: in front"
        )
        return Requirement(bound, found, met=False, why=why)
    return Requirement(bound, found, met=True)


def _meets(bound: Bound, end: float) -> bool:
    # What ten sums of 0.1 differ from 1 by is no failure.
    return end >= bound.limit - 1e-12 if bound.at_least else end <= bound.limit + 1e-12


def number(value: float, beside: float = math.nan) -> str:
    """Return a number of a requirement in four digits, or in all where they would look as those `beside` it.

    >>> number(0.7123456), number(3.0), number(float("nan")), number(0.98999999, beside=0.99)
    ('0.7123', '3', 'none', '0.98999999')
    """
    if math.isnan(value):
        return "none"
    told = f"{value:.4f}"
    return repr(value) if told == f"{beside:.4f}" and value != beside else told.rstrip("0").rstrip(".")


def _by_item(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item_id, some in groupby(rows, lambda row: row.unit.item_id):
        found.setdefault(item_id, []).extend(some)
    return found

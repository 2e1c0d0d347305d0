"""Calibrations of a run's judges in one file: what was fitted, on what, and how it is used on further runs.

The file is plain JSON with a digest. It is used only on judges, scales and ways of asking equal to those it
was fitted on: the probabilities of another setting mean something else.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from judgekit.calibration.orders import Rule, balance
from judgekit.calibration.probabilities import Calibration, Value
from judgekit.errors import InputError
from judgekit.rubric import Rubric
from judgekit.rubric.files import LARGE, parse_text, read_text
from judgekit.scales import Scale
from judgekit.types import EMPTY, Item, Outcome, Score, Verdict
from judgekit.writing import write

Aggregate = Callable[[Rubric, Item, Sequence[Outcome]], tuple[Score, ...]]


class FittedOn(Value):
    """What calibrations were fitted on: digests (sha256) of verdicts and labels, and how they were made.

    Protocol, form and judges (name -> identity) are empty where only outcomes were handed in.
    """

    verdicts: str
    labels: str
    balance: Rule
    protocol: str | None = None
    form: str | None = None
    judges: dict[str, dict[str, Any]] = Field(default_factory=dict)
    judgekit: str


class Calibrations(Value):
    """What maps the probabilities of a run's judges to people's, criterion by criterion.

    Args:
        fits: One for each judge and criterion that the labels supported.
        fitted_on: What they were fitted on.
        notes: What a reader should know, such as the judges that were left out, and why.
    """

    fits: tuple[Calibration, ...]
    fitted_on: FittedOn
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 of its canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def check(
        self,
        judges: Mapping[str, Mapping[str, Any]],
        scales: Mapping[str, Scale],
        *,
        protocol: str,
        form: str,
    ) -> list[str]:
        """Return a sentence for each judge (name -> identity) and criterion that has no calibration.

        If none has one, or one is of another setting, scale or way of asking, it is an InputError.
        """
        found = {(fit.rater, fit.criterion): fit for fit in self.fits}
        asked = [(judge, criterion) for judge in judges for criterion in scales]
        if not found.keys() & {*asked}:
            mine = ", ".join(f"{rater!r} on {criterion!r}" for rater, criterion in found)
            raise InputError(
                f"the calibration is of {mine}; this run asks {sorted(judges)} on {list(scales)}"
            )
        on = self.fitted_on
        for name, then, now in (("protocol", on.protocol, protocol), ("form", on.form, form)):
            if then is not None and then != now:
                raise InputError(f"the calibration was fitted with {name} {then!r}, and this run has {now!r}")
        for judge, criterion in asked:
            fit = found.get((judge, criterion))
            if fit is not None and fit.scale != scales[criterion]:
                raise InputError(f"the calibration of {criterion!r} was fitted on another scale; fit it anew")
            if fit is not None and judge in on.judges:
                _same(judge, on.judges[judge], as_json(judges[judge]))
        return [
            f"no calibration of {judge!r} on {criterion!r}; its verdicts are used as they are"
            for judge, criterion in asked
            if (judge, criterion) not in found
        ]

    def applied(self, rubric: Rubric, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Return outcomes with those of a calibrated judge on a question made one, balanced and mapped."""
        fits = {(fit.rater, fit.criterion): fit for fit in self.fits}
        made: dict[tuple[Any, ...], list[Outcome]] = {}
        for place, o in enumerate(outcomes):
            fit = fits.get((o.rater, o.criterion))
            criterion = rubric.by_id.get(o.criterion)
            same = len(o.unit.responses) == 2 or criterion is None or (fit and criterion.scale == fit.scale)
            by_rule = isinstance(o, Verdict) and EMPTY in o.flags
            key = (o.unit, o.rater, o.criterion) if fit and same and not by_rule else (place,)
            made.setdefault(key, []).append(o)
        return [self._one(fits, own) if len(key) > 1 else own[0] for key, own in made.items()]

    def _one(self, fits: Mapping[tuple[str, str], Calibration], own: Sequence[Outcome]) -> Outcome:
        fit = fits[own[0].rater, own[0].criterion]
        one = balance(own, rule=self.fitted_on.balance, scale=fit.scale)
        return fit.apply(one) if isinstance(one, Verdict) else one

    def before(self, aggregate: Aggregate) -> Aggregate:
        """Return an aggregator that is handed calibrated outcomes."""
        return lambda rubric, item, outcomes: aggregate(rubric, item, self.applied(rubric, outcomes))

    def save(self, path: str | Path, *, reads: Iterable[str | Path] = ()) -> None:
        """Write it as JSON, with its digest.

        Raises `InputError` if it cannot be written there, or would replace what was read for it.
        """
        document = {"digest": self.digest, "calibrations": self.model_dump(mode="json")}
        write(path, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode(), reads=reads)


def load_calibrations(path: str | Path) -> Calibrations:
    """Calibrations from the file they were saved in.

    Raises `InputError` if it holds none, or was changed since it was saved.
    """
    try:
        document = parse_text(read_text(Path(path), LARGE), ".json", str(path))
        found = Calibrations.model_validate(document["calibrations"])
        digest = document["digest"]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: no calibration of judgekit's: {place}: {first['msg']}") from None
    except (InputError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no calibration of judgekit's ({error})") from None
    if found.digest != digest:
        raise InputError(
            f"{path}: was changed since `judgekit calibrate` wrote it (digest {found.digest[:16]}, and "
            f"it says {str(digest)[:16]}); fit it anew"
        )
    return found


def _same(judge: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise an InputError unless a judge is the one that was calibrated."""
    if other := sorted(name for name in {*then, *now} if then.get(name) != now.get(name)):
        name = other[0]
        raise InputError(
            f"the calibration was fitted on a judge {judge!r} of another setting: {name} {then.get(name)!r}, "
            f"and now {now.get(name)!r}; fit it anew, or ask the judge as it was asked then"
        )


def as_json(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return an identity as it comes back from JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(identity), sort_keys=True, default=str))
    return plain

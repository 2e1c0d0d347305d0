"""A reward spec: what is asked, how it becomes a number, and what happens where it cannot. Python or TOML.

From a judged value to a reward by length, range, grid and dead band is arithmetic on finite numbers.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticSerializationError

from judgekit.errors import InputError, kind_of, there_are
from judgekit.items.parts import By, Parts, parts_of
from judgekit.protocols import Form
from judgekit.recipes.parts import PartsRule
from judgekit.rewards.core.carded import CardFaults
from judgekit.rewards.core.checks import Part
from judgekit.rubric import Rubric, load_rubric
from judgekit.rubric.files import parse_text, read_text
from judgekit.telemetry import How

Span = tuple[float, float]
Scheme = Literal[
    "explicit", "implicit", "points", "match", "pairwise", "round_robin", "swiss", "pivot", "list",
]  # fmt: skip
OnFailure = Literal["none", "raise", "drop_group", "group_mean"]
PoolName = Literal["mean", "median", "min", "lower_bound"]
Orders = Literal["both", "random", "given"]
OVERALL = "overall"  # the one criterion of `implicit`
RELATIVE: frozenset[str] = frozenset({"pairwise", "round_robin", "swiss", "pivot", "list"})
_RUBRICS: Mapping[str, str] = {"match": "answer_match"}
_UNASKED: Mapping[str, Any] = {"id": "checks", "criteria": [{"id": "unasked", "text": "Not asked."}]}
"""The rubric of a spec whose judge has no weight."""
_HOW_IT_RUNS = frozenset({
    "concurrency", "deadline_seconds", "attempt_seconds", "tries", "ledger", "telemetry", "max_failed",
    "judges", "rubric", "card", "card_faults", "name", "folder", "rpm", "tpm", "budget_usd", "hedge",
})  # fmt: skip


_OF_PARTS = ("parts", "parts_rule", "parts_before")


class LengthPenalty(BaseModel):
    """A penalty that grows from `target` words to `limit` words, and stays there.

    Words are what blanks separate, each sign of Chinese and Japanese, and each begun twenty letters without
    a blank. It is the soft overlong punishment of DAPO (Yu et al., 2025, arXiv 2503.14476), in words, or in
    tokens where a tokenizer is named.

    Args:
        target: Words up to which there is none.
        limit: Words from which on it is whole; twice the target where left out.
        share: How much of the range it takes at most.
        part: Whose words: `final`, those of the last message of the assistant without reasoning; or `whole`.
        tokenizer: A `tokenizer.json`, looked for beside the spec first, or the name of a model on the Hugging
            Face Hub, whose tokens are counted in the place of words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target: int = Field(gt=0)
    limit: int | None = None
    share: float = Field(default=0.2, gt=0, le=1)
    part: Part = "final"
    tokenizer: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> "LengthPenalty":
        if self.limit is not None and self.limit <= self.target:
            raise ValueError(f"limit {self.limit} is not above target {self.target}")
        return self

    def of(self, words: int) -> float:
        """Return the share of the range that a response of so many words loses."""
        limit = self.limit or 2 * self.target
        return self.share * min(max((words - self.target) / (limit - self.target), 0.0), 1.0)


def shaped(
    value: float, *, own: Span, into: Span, clip: bool, grid: float | None, lost: float = 0.0
) -> float:
    """Return a judged value as a reward."""
    low, high = own
    place = (value - low) / (high - low) - lost
    if grid is not None:
        place = round(place / grid) * grid
    if clip:
        place = min(max(place, 0.0), 1.0)
    return round(into[0] + place * (into[1] - into[0]), 12) + 0.0


def flattened(values: Mapping[str, float], band: float) -> dict[str, float]:
    """Return a group whose rewards differ by less than `band` with its mean: no signal, not an amplified one.

    Trainers divide by the standard deviation of a group: a spread of .001 would become an advantage above 1.
    """
    if not values or max(values.values()) - min(values.values()) >= band:
        return dict(values)
    return dict.fromkeys(values, fmean(values.values()))


def mixed(parts: Sequence[tuple[float, float]]) -> float:
    """Return the mean of (weight, value) parts; weights are positive."""
    return math.fsum(w * v for w, v in parts) / math.fsum(w for w, _ in parts)


class _Strict(BaseModel):
    # Inputs may hold a key of a judge's server, so errors do not show them.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class CheckSpec(_Strict):
    """A check beside the judge, or a gate before it.

    Args:
        name: What its component is called.
        kind: `says_something`, `contains_reference`, `equals_reference`, `math_verify`, `is_json`,
            `words_at_most`, `matches`, or `py:module:function`.
        weight: Its share beside `judge_weight`; 0 for a gate.
        gate: The value it must reach for the judge to be asked at all.
        part: What it looks at: `final`, the last message of the assistant without reasoning; or `whole`.
        settings: Further arguments of the function.
    """

    name: str = Field(min_length=1)
    kind: str
    weight: float = Field(default=0.0, ge=0)
    gate: float | None = Field(default=None, gt=0, le=1)
    part: Part = "final"
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("gate", mode="before")
    @classmethod
    def _true(cls, raw: Any) -> Any:
        return 1.0 if raw is True else None if raw is False else raw

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.weight and self.gate is None:
            raise ValueError(
                f"check {self.name!r} has no weight and is no gate, so it would change nothing; give it one"
            )
        try:
            self.model_dump_json()
        except PydanticSerializationError:
            raise ValueError(f"settings of check {self.name!r} are no plain values") from None
        return self


class RewardSpec(_Strict):
    """What is asked about responses, how the answers become a reward, and how the judges are asked.

    Args:
        rubric: A bundled name, a path, a mapping or a `Rubric`; a group's own rubric takes its place.
        judges: Names of judges (`judges.resolve`), or tables `{judge = "endpoint:URL#model", name = "fast",
            key_env = "FAST_KEY", temperature = 0}`.
        scheme: `explicit`: a verdict a criterion, weighted; `implicit`: one verdict on the whole rubric;
            `points`: points achieved over positive points, which may be negative; `match` with the
            reference; or relative within the group: `pairwise` (chosen by its size: up to 4 everybody meets
            everybody in both orders, up to 8 nearly everybody, first as often as second, beyond by Swiss
            rounds), `round_robin`,
            `swiss` (with Bradley-Terry), `pivot`, `list` (a ranking in all cyclic orders). Where responses
            are compared, a gate or a veto of the rubric is a criterion like any other.
        form: How judges answer; `letters` gives expected values from probabilities.
        per_call: Criteria a call; 0 is the protocol's usual, None the whole rubric.
        samples: How often each call is repeated.
        orders: Of a pair: `both`, one at `random` (the same each time), or as `given` by the digests; not of
            `pairwise`.
        rounds: Of `swiss`; log2 of the group's size where left out.
        pivots: Of `pivot`: responses that all others meet.
        pool: How several judges become one: `mean`, `median`, `min`, `lower_bound`.
        pool_k: Standard deviations below the mean, of `lower_bound`.
        min_judges: Fewer judges with a value are a failure; all of them where left out.
        parts: Judge each part of a response by itself, and the whole by its parts: `step`, `turn`, or the
            most tokens of a segment; not where responses are compared.
        parts_rule: The verdict on the whole of its parts: `mean`, `worst`, `best` or `last`.
        parts_before: Tokens of what came before a step or a turn that are shown with it; 8,000, where left
            out.
        partial: Accept a rubric score although criteria are missing.
        judge_weight: Share of the judge beside weighted checks; 0 asks no judge at all, and needs no rubric.
        checks: Gates and verifiable parts, cheapest first.
        gated: Reward of a response that a gate or a veto stops, on [0, 1] of the range.
        length: A penalty for long responses.
        range: What the scheme's span is mapped onto; [0, 1], and [-1, 1] of `points`, where left out.
        clip: Whether what lies below the span (points, a lower bound) is cut to it.
        grid: Steps that values of a response alone are rounded to, a whole number of them in the range. None,
            as is usual, keeps rewards apart that differ a little: 0.05 makes one of eight pairs of different
            HealthBench scores level. Worth it for one judge's numbers on a fine scale (`0-100`) or expected
            values of letters, where trainers that divide by a group's spread would blow up noise.
        dead_band: Groups whose rewards differ by less get their mean.
        on_failure: What becomes of a reward that cannot be given: `none` gives None; `raise`;
            `drop_group` gives None to the whole group; `group_mean` gives the mean of the others, marked
            `imputed`, for trainers that have no None.
        max_failed: Share of failures above which `JudgeOutage` is raised, where a batch (a small one with
            those before it) shows that, 95 % sure; equal texts count once. 1 for never, 0 for any.
        deadline_seconds: How long a batch may take; what is not there by then has failed.
        attempt_seconds: How long one request may take.
        hedge: Whether a request that takes three times as long as nine of ten do is made a second time, so
            that one that hangs does not hold up a batch: one in eight at most, and none under a budget.
        tries: Requests for a call at most; as many as the deadline allows, where left out.
        concurrency: Calls in flight, for each endpoint.
        rpm: The most requests a minute, for each endpoint.
        tpm: The most tokens a minute, for each endpoint.
        budget_usd: The US dollars that this rewarder may spend in all, over batches and sessions. Where they
            do not cover the next call the training ends with `BudgetExceeded`. Batches that overlap without
            a rewarder that is kept open each have what was left when they began.
        ledger: File that keeps replies across batches and runs; None keeps nothing beyond a batch.
        telemetry: What OpenTelemetry is told: nothing (`off`), a span for each request to a judge and an
            event for each reward (`on`), prompts and replies with them (`texts`).
        card: JSON files of the judges' cards (`judgekit card --out`), one for each judge: a judge that is not
            to give rewards by its card, such as one that obeys attacks, is refused.
        card_faults: `refuse`; or `allow`, which warns instead.
        seed: Of schedules; who is shown first at `random` is drawn from the two responses alone.
        name: What a trainer's log calls the reward; the name of its file, or the rubric's id, where left out.
        folder: Where `py:` names of judges and checks are looked for, too; that of the file, where left out.
    """

    name: str | None = Field(default=None, min_length=1)
    folder: str | None = None
    rubric: Any = None
    judges: tuple[Any, ...] = ("local",)
    scheme: Scheme = "explicit"
    form: Form = "json"
    per_call: int | None = 0
    samples: int = Field(default=1, ge=1)
    orders: Orders = "both"
    rounds: int | None = Field(default=None, ge=1)
    pivots: int = Field(default=1, ge=1)
    pool: PoolName = "mean"
    pool_k: float = Field(default=1.0, ge=0)
    min_judges: int | None = Field(default=None, ge=1)
    parts: By | None = None
    parts_rule: PartsRule = "mean"
    parts_before: int | None = Field(default=None, ge=0)
    partial: bool = False
    judge_weight: float = Field(default=1.0, ge=0)
    checks: tuple[CheckSpec, ...] = ()
    gated: float = Field(default=0.0, ge=0, le=1)
    length: LengthPenalty | None = None
    range: Span | None = None
    clip: bool = True
    grid: float | None = Field(default=None, gt=0, le=0.5)
    dead_band: float | None = Field(default=None, gt=0)
    on_failure: OnFailure = "none"
    max_failed: float = Field(default=0.2, ge=0, le=1)
    deadline_seconds: float = Field(default=60.0, gt=0)
    attempt_seconds: float = Field(default=20.0, gt=0)
    hedge: bool = True
    tries: int | None = Field(default=None, ge=1)
    concurrency: int = Field(default=128, ge=1)
    rpm: float | None = Field(default=None, gt=0)
    tpm: float | None = Field(default=None, gt=0)
    budget_usd: float | None = Field(default=None, gt=0)
    ledger: str | None = None
    telemetry: How = "off"
    card: tuple[str, ...] = ()
    card_faults: CardFaults = "refuse"
    seed: int = 0

    @field_validator("card", mode="before")
    @classmethod
    def _cards(cls, raw: Any) -> Any:
        several = (raw,) if isinstance(raw, str | Path) else raw
        return tuple(map(str, several)) if isinstance(several, list | tuple) else several

    @field_validator("judges", mode="before")
    @classmethod
    def _several(cls, raw: Any) -> Any:
        return (raw,) if isinstance(raw, str | Mapping) or not isinstance(raw, list | tuple) else tuple(raw)

    @field_validator("rubric")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        return raw if raw is None else load_rubric(raw)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.rubric is None:
            name = _RUBRICS.get(self.scheme) if self.judge_weight else _UNASKED
            if name is None:
                raise ValueError(f"scheme {self.scheme!r} needs a rubric: a bundled name, a path or a table")
            object.__setattr__(self, "rubric", load_rubric(name))
        self.check_rubric(self.rubric)
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range {list(self.range)} does not rise; the lower end comes first")
        if self.grid is not None and abs(round(1 / self.grid) - 1 / self.grid) > 1e-6:
            raise ValueError(
                f"grid {self.grid:g} leaves a part of a step, so the best gets less; take 1 / a whole number"
            )
        if not self.judge_weight and not any(check.weight for check in self.checks):
            raise ValueError("neither the judge nor a check has a weight, so there is no reward")
        if self.rounds is not None and self.scheme != "swiss":
            raise ValueError("rounds are of the scheme 'swiss'")
        if (self.parts is not None or self.parts_before is not None) and self.relative:
            raise ValueError(f"scheme {self.scheme!r} compares whole responses, which are not read in parts")
        _ = self.split  # refuses what are no parts
        return self

    def check_rubric(self, rubric: Rubric, where: str = "") -> None:
        """Refuse a rubric without a total, without points to win, or with criteria of a check's name."""
        if not rubric.total:
            raise InputError(f"{where}rubric {rubric.id!r} has no total, and a reward is one number")
        if self.scheme == "points" and not any(c.weight > 0 for c in rubric.leaves):
            raise InputError(f"{where}rubric {rubric.id!r} has no points to win, and 'points' needs some")
        names = [check.name for check in self.checks]
        if len(set(names)) < len(names) or set(names) & set(rubric.by_id):
            raise InputError(f"{where}checks {names} need names of their own, other than the criteria's")

    @property
    def split(self) -> Parts | None:
        """The parts that responses are judged in; None where they are judged whole."""
        return parts_of(self.parts, self.parts_before)

    @property
    def called(self) -> str:
        """What a trainer's log calls the reward."""
        return self.name or self.rubric.id

    @property
    def named(self) -> tuple[str, ...]:
        """The criteria that are asked about single responses, and the checks."""
        leaves = [OVERALL] if self.scheme == "implicit" else [leaf.id for leaf in self.rubric.leaves]
        asked = [] if self.relative or not self.judge_weight else leaves
        return (*asked, *(check.name for check in self.checks))

    @property
    def told(self) -> tuple[str, ...]:
        """Those of `named` that are known of every reward: none where one may be given without them."""
        return () if self.partial or self.on_failure == "group_mean" else self.named

    @property
    def own_span(self) -> Span:
        """The span that the scheme's values lie on."""
        return (-1.0, 1.0) if self.scheme == "points" else (0.0, 1.0)

    @property
    def span(self) -> Span:
        """The span that rewards lie on, unless they are not clipped."""
        return self.range or self.own_span

    @property
    def relative(self) -> bool:
        """Whether a reward depends on the other responses of the group."""
        return self.scheme in RELATIVE

    @property
    def by_group(self) -> bool:
        """Whether a reward, or what becomes of a failure, depends on the rest of the group."""
        return self.relative or self.dead_band is not None or self.on_failure in {"drop_group", "group_mean"}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides a reward; how it is run, and by which judges, is left out."""
        left_out = {*_HOW_IT_RUNS, *(_OF_PARTS if self.parts is None else ())}
        meaning = self.model_dump(mode="json", exclude=left_out) | {"rubric": self.rubric.digest}
        return hashlib.sha256(orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)).hexdigest()


SpecLike = str | Path | Mapping[str, Any] | RewardSpec


@cache
def presets() -> Mapping[str, Any]:
    """Return the specs that one may begin from, by name: what stands in `presets.toml`."""
    text = Path(__file__).parents[1].joinpath("presets.toml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = parse_text(text, ".toml", "presets.toml")
    return found


def load_spec(source: SpecLike) -> RewardSpec:
    """A spec from a TOML file, a mapping, the name of a preset, or as it is.

    A file or a mapping may begin from a preset (`preset = "ruler"`): `healthbench`, `pairwise-8`,
    `reference`, `ruler`; its own keys come on top.

    A rubric or a card that a file names by a path, and the modules of `py:` names, are looked for beside the
    file.

    Raises `InputError` if it cannot be read, or says what cannot be; names the file and the key.

    >>> load_spec({"rubric": "answer_match", "scheme": "match", "judges": "local"}).on_failure
    'none'
    """
    if isinstance(source, RewardSpec):
        return source
    if isinstance(source, Mapping):
        return _parsed(source, "reward spec")
    if not isinstance(source, str | Path):
        raise InputError(f"a reward spec is a path, a mapping or a RewardSpec, not {kind_of(source)}")
    path = Path(source)
    if str(source) in presets() and not path.exists():
        return _parsed({"preset": str(source), "name": str(source)}, "reward spec")
    if not path.suffix and not path.exists():
        raise InputError(
            f"{source}: no such file, and no preset of that name; {there_are(str(source), presets())}"
        )
    raw = parse_text(read_text(path), ".toml", f"{path}: cannot be read as TOML")
    named = raw.get("rubric")
    if isinstance(named, str) and (path.parent / named).is_file():
        raw["rubric"] = path.parent / named
    if cards := raw.get("card"):
        several = [cards] if isinstance(cards, str) else cards
        beside = [(path.parent / str(each), each) for each in several]
        raw["card"] = [str(near if near.is_file() else each) for near, each in beside]
    raw = {"name": path.stem, "folder": str(path.resolve().parent)} | raw
    return _parsed(raw, str(path))


def _parsed(raw: Mapping[str, Any], where: str) -> RewardSpec:
    given = {key: value for key, value in raw.items() if key != "preset"}
    if (preset := raw.get("preset")) is not None:
        if preset not in presets():
            raise InputError(f"{where}: preset: {there_are(str(preset), presets())}")
        given = {**presets()[preset], **given}
    try:
        return RewardSpec.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        told = "; ".join(dict.fromkeys(_complaint(dict(each)) for each in found))
        if low := _below(raw) if "unknown key" in told else []:
            told += f"; {low} are keys of the spec itself, and stand in TOML above its first [table]"
        raise InputError(f"{where}: {told}") from None


def _below(raw: Mapping[str, Any]) -> list[str]:
    """Return the spec's own keys that stand in a table of it, where TOML puts what follows a [table]."""
    rubric = raw.get("rubric")
    rows = [each for each in (rubric, raw.get("length")) if isinstance(each, Mapping)]
    for several in (rubric.get("criteria") if isinstance(rubric, Mapping) else None, raw.get("checks")):
        rows += [row for row in several if isinstance(row, Mapping)] if isinstance(several, list) else []
    return sorted({str(key) for row in rows for key in row} & set(RewardSpec.model_fields))


def _complaint(each: dict[str, Any]) -> str:
    """Return a fault with its place and what would do; only words to choose from are shown, no keys."""
    loc, message = each["loc"], str(each["msg"]).removeprefix("Value error, ")
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc).removeprefix(".")
    if each["type"] == "extra_forbidden":
        inner: dict[Any, type[BaseModel]] = {"checks": CheckSpec, "length": LengthPenalty}
        model = inner.get(loc[0], RewardSpec) if len(loc) > 1 else RewardSpec
        message = f"unknown key; {there_are(loc[-1], model.model_fields)}"
    elif each["type"] == "literal_error":
        message = f"{message}, found {each['input']!r:.80}"
    return f"{place}: {message.removeprefix(f'{place}: ')}" if place else message

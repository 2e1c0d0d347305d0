"""The records that travel the path: item, call, reply, verdict or abstention, score.

Frozen and slotted, because a run makes millions of them. What an author writes (a rubric)
is checked by pydantic in `rubric`; what a row of data must look like is checked in `items`.
"""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple, Protocol

from judgekit.scales import Scale, writable

Reason = Literal[
    "refused", "truncated", "malformed", "missing", "off_scale", "undecided", "unsupported", "unfounded",
    "too_long", "blocked", "unreachable", "over_budget", "cancelled",
]  # fmt: skip
Fault = Literal["refused", "truncated", "too_long", "missing", "unreachable", "over_budget", "cancelled"]
Need = Literal["response", "reference", "sources", "turns", "pair", "rubric"]
Source = Literal["text", "logprob", "decision", "sample", "human", "control"]
Rule = Literal["placed", "published", "published_clipped"]


def brief(record: Any) -> str:
    """Return the `repr` of a record that holds rows: on one line, with long fields as counts.

    >>> score = Score(Unit("7"), "criterion", "c", 1.0, "placed")
    >>> brief(Judged(Item("7", "Hi", {}), (), (score,) * 1000))
    "Judged(item=Item(item_id='7', task='Hi', responses={}, refe..., outcomes=(), scores=<1,000>, ...)"
    """
    shown = ", ".join(
        f"{each.name}={_short(getattr(record, each.name))}" for each in fields(record) if each.repr
    )
    return f"{type(record).__name__}({shown})"


def _short(value: Any) -> str:
    if isinstance(value, Sized) and len(value) > 3 and not isinstance(value, str):
        return f"<{len(value):,}>"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:47]}..."


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation: who speaks (`user`, `assistant`, `call`, `tool`, ...), what, the tool."""

    role: str
    content: str
    name: str = ""


Text = str | tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A task and the responses that are judged together.

    Args:
        item_id: Unique in a run.
        task: What the responses answer: plain text or a conversation.
        responses: Response id -> text or conversation, in the item's own order.
        reference: A text known to be good.
        sources: Source id -> document that evidence may be quoted from.
        systems: Response id -> who wrote it, where known.
        tags: Whatever groups items: population, topic, cluster.
        rubric: The item's own rubric as it was read (a mapping), used instead of the run's.
        where: File and line it came from, for messages.
        extra: What its further columns hold, as text.
    """

    item_id: str
    task: Text = ""
    responses: Mapping[str, Text] = field(default_factory=dict)
    reference: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    systems: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    rubric: Mapping[str, Any] | None = None
    where: str = field(default="", compare=False)
    extra: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def all_tags(self) -> Mapping[str, str]:
        """Its tags, and beside them what its further columns hold."""
        return {**self.extra, **self.tags} if self.extra else self.tags


@dataclass(frozen=True, slots=True)
class Unit:
    """What one verdict is about: the task itself (no response), a response, or a pair of two.

    `part` is empty, or the id of a step, turn or statement.
    """

    item_id: str
    responses: tuple[str, ...] = ()
    part: str = ""


class Ask(NamedTuple):
    """One answer that is wanted of a judge: about what, by which criterion, on which scale.

    `name` is what it is called in the reply, the criterion's id where left out; `text` is the criterion in
    the words that a judge is shown, empty in a prompt made by hand.
    """

    unit: Unit
    criterion: str
    scale: Scale
    name: str = ""
    text: str = ""

    @property
    def called(self) -> str:
        """What it is called in the reply."""
        return self.name or self.criterion

    @property
    def about(self) -> tuple[Unit, str]:
        """The unit and the criterion, by which outcomes are found again."""
        return self.unit, self.criterion


View = tuple[Unit, tuple[str, ...]]
"""A unit, and the order its responses are shown in."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """What a judge is shown from outside, in its fences; only `fences` makes it.

    `pieces` stand one after another, and calls of an item share them; `tag` is the unit's; `judged` has the
    texts in it, (name, text) each.
    """

    pieces: tuple[str, ...]
    tag: str
    judged: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The pieces as they stand in the prompt."""
        return "\n\n".join(self.pieces)


class AskedBy(Protocol):
    """What a call was asked by, as far as those look who answer and read it."""

    @property
    def protocol(self) -> str:
        """Name of the protocol."""

    @property
    def read(self) -> Any:
        """What reads a reply: from the call, the reply, its text and the judged texts to outcomes."""

    def bare(self, material: Fenced) -> str:
        """Return the prompt without its criteria and without the form of an answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one judge, complete.

    Args:
        asks: The answers wanted, in order.
        protocol: Name of the protocol that asked and will read.
        meant: (label said, label meant), where what is said depends on the order shown.
        key: What the ledger stores the reply under.
        schema: JSON schema of the reply, or None where text is asked for.
        letters: Option letter -> label where the answer is read from probabilities, else empty.
        tag: The tag of the unit, 24 hex digits, which lines of a verdict carry.
        judged: The untrusted texts shown, (name, text) each, which no verdict is read from.
        shown: Response ids in the order shown.
        sample: Which repeat, from 0.
        variant: Name of the prompt wording.
        attempt: 1, or 2 for a re-ask.
        item: The item, for judges that are rules and need no prompt.
        material: Its tag and its judged texts in their fences; None, as `sheet`, in a call made by hand.
        sheet: What it was asked by.
    """

    judge: str
    asks: tuple[Ask, ...]
    protocol: str
    messages: tuple[Message, ...]
    meant: tuple[tuple[str, str], ...] = ()
    key: str = ""
    schema: Mapping[str, Any] | None = None
    letters: tuple[tuple[str, str], ...] = ()
    tag: str = ""
    judged: tuple[tuple[str, str], ...] = ()
    shown: tuple[str, ...] = ()
    sample: int = 0
    variant: str = ""
    attempt: int = 1
    item: Item | None = field(default=None, compare=False, repr=False)
    material: Fenced | None = field(default=None, compare=False, repr=False)
    sheet: "AskedBy | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one call.

    Args:
        text: The judge's words; empty where there are none.
        fault: What went wrong in making it (`missing`: a record holds none), and `detail` the words on that.
        logprobs: For the first token of the answer, (token, natural log-probability), most probable first;
            empty where the judge has none.
        probs: (label, probability) where the judge gives them itself (decision models, controls).
        model: The model as the provider resolved it, and `fingerprint` its word for its build.
        input_tokens: Tokens read, and `output_tokens` written; None where unknown.
        cost_usd: Price of the call; None where unknown, which is not 0.
        seconds: From the first byte sent to the last read, for the attempt that succeeded.
        tries: How many requests were made for it, retries included.
        decisions: (option, probability) for each ask, as a decision model gave them; empty for an ask it did
            not answer, and altogether for judges of words.
    """

    text: str = ""
    fault: Fault | None = None
    detail: str = ""
    logprobs: tuple[tuple[str, float], ...] = ()
    probs: tuple[tuple[str, float], ...] = ()
    model: str = ""
    fingerprint: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    tries: int = 1
    decisions: tuple[tuple[tuple[str, float], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A call with its reply: `stored` if the ledger had it, `shared` if an equal call in flight got it."""

    call: Call
    reply: Reply
    stored: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """Calls that a recipe wants answered together; `again` asks anew for what the ledger holds."""

    calls: tuple[Call, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage the rater quoted.

    Args:
        where: Where it was found: `response`, `reference`, `task`, a source's id, `idea`, `answers`,
            `statements`.
        found: Whether it was found at all.
        how: `exact`; `normalised`: white space and quotation marks aside; `fuzzy`: all but a few letters;
            empty where it was not found, or where that was not recorded.
    """

    quote: str
    where: str = ""
    found: bool = False
    how: Literal["exact", "normalised", "fuzzy", ""] = ""

    def __post_init__(self) -> None:
        if not self.quote.isascii():
            object.__setattr__(self, "quote", writable(self.quote))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rater's answer on one criterion about a unit: a distribution over the labels of its scale.

    Args:
        probs: (label, probability), zeros left out; they sum to 1.
        label: The most probable label.
        value: The expected value on [0, 1], higher is better.
        source: How it was read.
        mass: Probability the judge put on the scale's labels at all (1 where unknown).
        undecided: Probability of "cannot tell", which has no value.
        confidence: What the rater said of itself; never used as a multiplier by default.
        rationale: The rater's words; `evidence` and `tags` are what it quoted, and the error tags it gave.
        flags: What a reader should know: `repaired`, `no_logprobs`, `low_mass`, `reasked`, `unfounded`,
            `substitute` and `instead_of:JUDGE`, `unknown_id`, `no_valid_answer`, `fewer_ideas`,
            `first_pass:LABEL` (before a second look) with `revised` or not, `second_lost`,
            `empty_response` (by the rule `on_empty`; nobody was asked).
        shown: Response ids in the order shown.
        sample: Which repeat, from 0.
        call: Key of the call.
    """

    rater: str
    unit: Unit
    criterion: str
    probs: tuple[tuple[str, float], ...]
    label: str
    value: float
    source: Source = "text"
    mass: float = 1.0
    undecided: float = 0.0
    confidence: float | None = None
    rationale: str = ""
    evidence: tuple[Evidence, ...] = ()
    tags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    sample: int = 0
    call: str = ""

    def __post_init__(self) -> None:
        # What a judge wrote may hold half of a surrogate pair, and then no file could hold the record.
        if not self.rationale.isascii():
            object.__setattr__(self, "rationale", writable(self.rationale))
        if self.tags:
            object.__setattr__(self, "tags", tuple(map(writable, self.tags)))


@dataclass(frozen=True, slots=True)
class Abstention:
    """An answer that was asked for and not obtained; its raw text is in the ledger under `call`."""

    rater: str
    unit: Unit
    criterion: str
    reason: Reason
    detail: str = ""
    shown: tuple[str, ...] = ()
    sample: int = 0
    call: str = ""

    def __post_init__(self) -> None:
        if not self.detail.isascii():
            object.__setattr__(self, "detail", writable(self.detail))


Outcome = Verdict | Abstention


@dataclass(frozen=True, slots=True)
class Score:
    """Where verdicts settle, for a criterion, a dimension or the whole rubric.

    Args:
        level: What it is a score of: a criterion, a dimension, the rubric; `part`: the rubric, of a part.
        name: Id of the criterion, the dimension or the rubric.
        value: On [0, 1] where the rule is `placed`; None where there is no score.
        low: Lower end of the 95 % interval over judges (one judge: over its samples, and `spread` has no
            `judge`); None below two of them, and where samples are copies (temperature 0). It knows of the
            spread of these verdicts, not of a bias they share. `high` is the upper end.
        n_verdicts: Verdicts it rests on: of each criterion, judge, sample and order one. A ranking is one on
            each of its pairs; two scores given in one reply to compare by are one.
        n_abstained: Reason -> how many abstained.
        spread: Standard deviation of the value between `judge`s, and between `sample`s within a judge.
        share: Share of the weight that was judged.
        gate: Id of the gate or veto that fired, or empty.
        flags: What a reader should know: `single_order`, `order_lost`, `few_judges`, ...
        system: Who wrote the response, where known.
    """

    unit: Unit
    level: Literal["criterion", "dimension", "rubric", "part"]
    name: str
    value: float | None
    rule: Rule
    low: float | None = None
    high: float | None = None
    n_verdicts: int = 0
    n_abstained: Mapping[str, int] = field(default_factory=dict)
    spread: Mapping[str, float] = field(default_factory=dict)
    share: float = 1.0
    gate: str = ""
    flags: tuple[str, ...] = ()
    system: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with its interval, and what both rest on.

    Args:
        name: Of the statistic, in the field's own word (`cohen_kappa`, `spearman`).
        value: nan where it is undefined; `status` says why. Never 0 or 1 by convention.
        low: Lower end of the interval, and `high` its upper end; nan where there is none, as `se`.
        level: Confidence of the interval, e.g. 0.95.
        n_units: Units handed in, and `n_raters` raters.
        n_used: Units the value rests on.
        n_dropped: Units left out because something was missing.
        unit: What was taken as independent, or resampled: `unit`, `cluster`, `item`, `rater`.
        method: How the value was computed, with its weights or options.
        interval: How the interval was: `fisher_z`, `bca`, `wilson`, `t_cr1`, `none`, ...
        seed: Of the resampling; None where nothing was drawn.
        status: `ok`, `ok_degenerate`, `undefined:REASON` or `unstable:REASON`.
        notes: What a reader should know, a sentence each.
    """

    name: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    se: float = float("nan")
    level: float = 0.95
    n_units: int = 0
    n_raters: int = 0
    n_used: int = 0
    n_dropped: int = 0
    unit: str = "unit"
    method: str = ""
    interval: str = "none"
    seed: int | None = None
    status: str = "ok"
    notes: tuple[str, ...] = ()


class CallMade(NamedTuple):
    """One call that was answered, without its texts; the fields are the columns of the table `calls`."""

    item_id: str
    judge: str
    criteria: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    protocol: str = ""
    sample: int = 0
    variant: str = ""
    attempt: int = 1
    call: str = ""
    model: str = ""
    fault: Fault | None = None
    stored: bool = False
    tries: int = 1
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """All that became of one item: an outcome for each answer asked for, its scores, and the calls made."""

    item: Item
    outcomes: tuple[Outcome, ...] = ()
    scores: tuple[Score, ...] = ()
    calls: tuple[CallMade, ...] = field(default=(), compare=False)

    __repr__ = brief


def is_control(rater: str) -> bool:
    """Tell whether a rater is a control: a rule that costs nothing and says the same each time.

    >>> is_control("control:longer"), is_control("openai/gpt-5")
    (True, False)
    """
    return rater.startswith("control:")


WEIGHT = "weight:"
"""What the flag begins with that says how many units one that was drawn by chance stands for."""
PICKED = "picked:"
"""What the flag begins with that names the rule that picked a person's unit; none drew one by chance."""
CALIBRATED = "calibrated"
"""The flag of verdicts whose probabilities were mapped to people's."""
EMPTY = "empty_response"
"""The flag of verdicts that a rule gave on an empty response."""
ESCALATED = "escalated"
"""The flag of verdicts that a cascade doubted, and that a stronger judge or a person replaces."""
BEFORE_LOOK = "first_pass:"
"""What the flag begins with that says what a judge answered before its second look."""
INSTEAD_OF = "instead_of:"
"""What the flag begins with that names the judge in whose place a substitute gave a verdict."""


def weight_of(verdict: Verdict) -> float | None:
    """Return how many units that of a person's verdict stands for; None where it was not drawn by chance.

    >>> weight_of(Verdict("ann", Unit("1"), "kind", (("yes", 1.0),), "yes", 1.0, flags=("weight:12.5",)))
    12.5
    """
    return next((float(flag.removeprefix(WEIGHT)) for flag in verdict.flags if flag.startswith(WEIGHT)), None)


def stands_for(verdict: Verdict) -> str | None:
    """Return the judge in whose place a verdict was given; None for a judge's own.

    >>> own = Verdict("b", Unit("1"), "kind", (("yes", 1.0),), "yes", 1.0)
    >>> stands_for(own) is None
    True
    """
    return next((f.removeprefix(INSTEAD_OF) for f in verdict.flags if f.startswith(INSTEAD_OF)), None)

"""The options of the verbs, each with a default, and what may stand for a rubric and for judges."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, get_args

from judgekit.aggregate.pools import Pool
from judgekit.calibration.orders import Rule as BalanceRule
from judgekit.errors import InputError, check_kinds, kind_of, there_are
from judgekit.items.parts import By
from judgekit.items.read import OnBadItem
from judgekit.plan import OnEmpty
from judgekit.prompt import Template
from judgekit.protocols import Form, Protocol, ProtocolName
from judgekit.protocols.reading.material import Unfounded
from judgekit.protocols.sheet import Orders
from judgekit.recipes.grading import Aggregate
from judgekit.recipes.parts import PartsRule
from judgekit.roles import Judge
from judgekit.rubric import Rubric
from judgekit.run import Limits
from judgekit.telemetry import How as Telemetry
from judgekit.types import Reason, Rule

DEFAULT_LEDGER: Final = "default"
"""Stands for `$JUDGEKIT_LEDGER`, else `.judgekit/ledger.sqlite` in the current folder."""
Judges = str | Judge | Mapping[str, Any] | Iterable[str | Judge | Mapping[str, Any]]
"""A judge, its name in a form of `judges.resolve`, or a table of that and settings; or several."""
RubricLike = str | Path | Mapping[str, Any] | Rubric | None
"""A path, a bundled name, a mapping or a rubric; None for the rubric of the recipe."""


class Options(TypedDict, total=False):
    """Options of `score`, `preview` and `stream_scores`; each has a default (`DEFAULTS`).

    The command line shows these words, too.

    Args:
        recipe: The name of the published recipe to follow (`judgekit recipes` lists them); it fills the
            options that are not given.
        settings: Settings of the recipe, such as `{"weight": 2}`; judges by name or handed over.
        protocol: How one call is asked: `grade`, `checklist` (many short criteria in batches), `select_all`
            (which of the criteria hold), `match`, `compare`, `rank`, or in Python a `Protocol` of your own.
        form: How an answer is given: `json`, `text`, `letters` (the probabilities of option letters), or, for
            pairs, `scores` (a number for each response).
        per_call: How many criteria are asked in one call; None for the whole rubric, 0 for the protocol's
            usual number.
        samples: How often each call is repeated.
        prompt: A prompt of your own: a Markdown file with the places {guidelines}, {material}, {criteria} and
            {form}.
        reask: Ask once more where a reply could not be read.
        again: The reasons of stored abstentions that are asked anew, e.g. `("malformed",)`.
        rule: How criteria make the rubric's score: `placed`, `published` or `published_clipped`; the rubric's
            own rule where left out.
        partial: Give a score although some criteria are missing, with the share that was judged.
        panel: How several judges' verdicts become one: `mean`, `median`, `majority`, ..., or in Python a pool
            of your own (`jk.aggregate`). `dawid_skene`, `one_coin`, `homogeneous` and `accuracy` are fitted
            to the verdicts of the whole run, and scores come at its end.
        labels: People's labels of some of the items, as for `agree`; the panel `accuracy` needs them.
        calibration: The calibration that `calibrate` fitted, or its file: scores rest on the judges'
            probabilities mapped to people's, and outcomes stay as they were said.
        min_judges: There is no panel score where fewer judges than this gave a verdict.
        orders: The orders that responses are shown in: for pairs `both`, `given` or `swapped`; for ranks
            `both` (all cyclic orders), `given`, or a number of orders.
        ties: Whether a judge of pairs may say that neither is better.
        schedule: Which pairs of each item are compared: `all`; `balanced`, each two systems as often as any;
            `knockout` or `swiss`, a tournament in each item; `anchor=SYSTEM`, each with that one;
            `active=RUN`, those that tell most after an earlier run. Settings of it are `seed`, `rounds` of
            `swiss`, and `want` of `active`: `order`, `top`, or `ONE,OTHER`.
        pairs: The number of comparisons that a schedule may ask, over all items.
        until_separated: End the run when all systems that are compared are told apart, at 95 % for all
            pairs together, however often that is looked at.
        adaptive: An item bank (`judgekit bank fit`), or its file, that picks for each system which of its
            responses is judged next, until its ability is known.
        until_sd: The error of an ability at which `adaptive` asks no more; 0.3 where left out.
        gamma: How much an item's cost in the bank weighs in `adaptive`: 0 not at all, 1 takes those that tell
            most for their cost.
        balance: How the two orders of a pair become one: `average`, `log_odds` or `consistent`.
        substitutes: The name of a judge -> the judge that is asked in its place where it fails, in every
            round; the recipe `choice-funnel` refuses them.
        on_empty: What becomes of an empty response: it is asked about like any other (`judge`); or no call is
            made, and it gets the worst of each scale and loses its pairs (`lowest`), or abstains (`abstain`).
        parts: Judge each part of a response by itself, and the whole by its parts: `step` (what a model says
            and calls at once, with what came back), `turn` (from a user's message to the next), or the most
            tokens of a segment, where responses are too long for a judge; no part is left out.
        parts_rule: The verdict on the whole of its parts: their `mean`, that of the `worst` or `best` part,
            or of the `last`.
        parts_before: How many tokens of what came before a step or a turn are shown with it, and the judge is
            told what is not; 8,000 where left out.
        unfounded: What becomes of a verdict whose quotations do not exist: `flag` it, or `abstain`.
        aggregate: An aggregator of your own, in place of `rule`, `partial`, `panel` and `balance`.
        columns: Our name of a column -> its name in the items.
        on_bad_item: What becomes of a row that is no item: `raise` an error, or `skip` and count it.
        ledger: The path of the ledger file; None keeps nothing; left out, `$JUDGEKIT_LEDGER`, else
            `.judgekit/ledger.sqlite`.
        read_also: Further ledgers, in which replies are looked up in this order where that one has none; they
            are never written to.
        shard: Which share of the items is judged: `2/8` is the second of eight, by the SHA-256 of each id.
            All rows are checked. `judgekit ledger merge` unites the ledgers of all shards, and the same job
            without this option then makes the files of the whole run without a call.
        store_prompts: Keep prompts beside replies in the ledger.
        limits: How fast, how long and for how much the run may go (`Limits`).
        batch: Ask through the providers' batches, for about half the price and within a day a round: `wait`
            until they are back, or `leave` and run again to go on.
        then: What becomes of calls that batches cannot ask, or gave no reply to: they abstain, or are asked
            as without batches (`live`).
        progress: Show how far the work is, on the error stream: a bar on a terminal, a line every few seconds
            elsewhere, nothing of what ends soon. A stream of scores shows nothing.
        telemetry: What OpenTelemetry, as it is set up in this process, is told: nothing (`off`); a span for
            each request to a judge and an event for each score (`on`); prompts, replies and rationales with
            them (`texts`).
        own_code: Whether `py:` names of judges may import code.
        say: Takes what the embedded judge says of itself and of its download.
    """

    recipe: str | None
    settings: Mapping[str, Any]
    protocol: ProtocolName | Protocol
    form: Form
    per_call: int | None
    samples: int
    prompt: str | Path | Template | None
    reask: bool
    again: Collection[Reason]
    rule: Rule | None
    partial: bool
    panel: str | Pool
    labels: Any
    calibration: Any
    min_judges: int
    orders: Orders
    ties: bool
    schedule: str | None
    pairs: int | None
    until_separated: bool
    adaptive: Any
    until_sd: float | None
    gamma: float | None
    balance: BalanceRule
    substitutes: Mapping[str, str | Judge | Mapping[str, Any]]
    on_empty: OnEmpty
    parts: By | None
    parts_rule: PartsRule
    parts_before: int | None
    unfounded: Unfounded
    aggregate: Aggregate | None
    columns: Mapping[str, str] | None
    on_bad_item: OnBadItem
    ledger: str | Path | None
    read_also: Collection[str | Path]
    shard: str | None
    store_prompts: bool
    limits: Limits | None
    batch: Literal["wait", "leave"] | None
    then: Literal["live"] | None
    progress: bool
    telemetry: Telemetry
    own_code: bool
    say: Callable[[str], None] | None


DEFAULTS: Final[Options] = {
    "recipe": None, "settings": {}, "protocol": "grade", "form": "json", "per_call": 0, "samples": 1,
    "prompt": None, "reask": True, "again": (), "rule": None, "partial": False, "panel": "mean",
    "labels": None, "calibration": None, "min_judges": 1, "orders": "both", "ties": True, "schedule": None,
    "pairs": None, "until_separated": False, "adaptive": None, "until_sd": None, "gamma": None,
    "balance": "average", "substitutes": {}, "on_empty": "judge", "parts": None, "parts_rule": "mean",
    "parts_before": None, "unfounded": "flag", "aggregate": None, "columns": None, "on_bad_item": "raise",
    "ledger": DEFAULT_LEDGER, "read_also": (), "shard": None, "store_prompts": True, "limits": None,
    "batch": None, "then": None,
    "progress": True, "telemetry": "off", "own_code": False, "say": None,
}  # fmt: skip
"""What an option is where it is not given."""

KINDS: Mapping[str, str] = {
    **dict.fromkeys(("samples", "min_judges"), "a whole number"),
    "per_call": "a whole number, or None for the whole rubric",
    **dict.fromkeys(("pairs", "parts_before"), "a whole number, or None"),
    "parts": "a name or a whole number, or None",
    **dict.fromkeys(("until_sd", "gamma"), "a number, or None"),
    **dict.fromkeys(
        ("reask", "partial", "ties", "until_separated", "store_prompts", "progress", "own_code"),
        "True or False",
    ),
    **dict.fromkeys(("substitutes", "columns", "settings"), "a mapping, or None"),
    **dict.fromkeys(
        ("form", "balance", "on_empty", "parts_rule", "unfounded", "on_bad_item", "telemetry"), "a name"
    ),
    **dict.fromkeys(("recipe", "rule", "schedule", "shard", "batch", "then"), "a name, or None"),
    "orders": "a name or a whole number",
    "panel": "a name or a function",
    **dict.fromkeys(("aggregate", "say"), "a function, or None"),
    **dict.fromkeys(("again", "read_also"), "a list"),
    "ledger": "a path, or None",
}
"""What each option has to be."""


_WORDS: Mapping[str, tuple[str, ...]] = {
    "rule": get_args(Rule), "on_bad_item": get_args(OnBadItem), "again": get_args(Reason),
    "parts_rule": get_args(PartsRule), "unfounded": get_args(Unfounded), "balance": get_args(BalanceRule),
}  # fmt: skip
"""The words that an option may be, where nobody who takes it says so."""


def check_options(options: Options) -> None:
    """Raise an InputError unless each is an option, and the kind of thing it has to be.

    >>> check_options({"limits": {"concurrency": 4}})
    Traceback (most recent call last):
    judgekit.errors.InputError: limits={'concurrency': 4} is a dict; say limits=Limits(concurrency=4)
    """
    if unknown := sorted(options.keys() - Options.__annotations__.keys()):
        inside = f"limits=Limits({unknown[0]}=...)" if unknown[0] in Limits.__dataclass_fields__ else ""
        instead = f"say {inside}" if inside else there_are(unknown[0], sorted(Options.__annotations__))
        raise InputError(f"no option {unknown[0]!r}; {instead}")
    check_kinds(options, KINDS)
    _check_words(options)
    limits, prompt = options.get("limits"), options.get("prompt")
    if limits is not None and not isinstance(limits, Limits):
        raise InputError(f"limits={limits!r:.80} is {kind_of(limits)}; say limits=Limits(concurrency=4)")
    if (aggregate := options.get("aggregate")) is not None:
        try:
            inspect.signature(aggregate).bind(None, None, None)
        except TypeError:
            raise InputError("aggregate takes a rubric, an item and its outcomes, and gives scores") from None
        except ValueError:  # of what is written in C nothing is known
            pass
    if not isinstance(prompt, Template):
        check_kinds({"prompt": prompt}, {"prompt": "a path, or None"})


def _check_words(given: Mapping[str, Any]) -> None:
    for name, known in _WORDS.items():
        for word in (given.get(name) or ()) if name == "again" else (given.get(name),):
            if word is not None and word not in known:
                raise InputError(f"{name}={word!r}; {there_are(word, known)}")
    if "parts_rule" in given and given.get("parts") is None:
        raise InputError("parts_rule is of parts; say parts='step', parts='turn' or a number of tokens, too")

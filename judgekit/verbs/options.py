"""The options of the verbs, each with a default, and what may stand for a rubric and for judges."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypedDict

from judgekit.aggregate.pools import Pool
from judgekit.calibration.orders import Rule as BalanceRule
from judgekit.errors import InputError, check_kinds, kind_of
from judgekit.items.read import OnBadItem
from judgekit.plan import OnEmpty
from judgekit.prompt import Template
from judgekit.protocols import Form, Protocol, ProtocolName
from judgekit.protocols.protocol import Orders
from judgekit.protocols.reading.evidence import Unfounded
from judgekit.recipes.grading import Aggregate
from judgekit.roles import Judge
from judgekit.rubric import Rubric
from judgekit.run import Limits
from judgekit.types import Reason, Rule

DEFAULT_LEDGER: Final = "default"
"""Stands for `$JUDGEKIT_LEDGER`, else `.judgekit/ledger.sqlite` in the current folder."""
Judges = str | Judge | Mapping[str, Any] | Iterable[str | Judge | Mapping[str, Any]]
"""A judge, its name in a form of `judges.resolve`, or a table of that and settings; or several."""
RubricLike = str | Path | Mapping[str, Any] | Rubric | None
"""A path, a bundled name, a mapping or a rubric; None for the rubric of the recipe."""


class Options(TypedDict, total=False):
    """Options of `score`, `preview` and `stream_scores`; each has a default.

    Args:
        recipe: Name of a published recipe (`judgekit recipes`), which fills the options not given here.
        settings: Settings of the recipe's own, such as `{"weight": 2}`; judges by name or handed over.
        protocol: `grade` (default); `checklist`: many short criteria in batches; `select_all`: which of them
            hold, in one call.
        form: `json` (default), `text`, or `letters`: probabilities of option letters.
        per_call: Criteria a call: None for the whole rubric, 0 (default) for the protocol's usual.
        samples: How often each call is repeated; 1.
        prompt: A prompt of your own: a Markdown file with the places `guidelines`, `material`,
            `criteria` and `form`.
        reask: Ask once more for what could not be read; True.
        again: Reasons of stored abstentions that are asked anew, e.g. `("malformed",)`.
        rule: `placed`, `published` or `published_clipped`; the rubric's own where left out.
        partial: Score what was judged where criteria are missing; False.
        panel: How several judges become one: `mean` (default), `median`, `majority`, ... (`PANELS`), or a
            pool of your own (`jk.aggregate`). `dawid_skene`, `one_coin`, `homogeneous` and `accuracy` are
            fitted to the verdicts of the whole run, and scores come at its end.
        labels: For `panel="accuracy"`: people's labels of some of the items, as for `agree`.
        calibration: What `calibrate` gave, or its file: scores rest on the judges' probabilities mapped to
            people's; outcomes stay as they were said.
        min_judges: Fewer judges with a verdict than this are none; 1.
        orders: For pairs: `both` (default), `given` or `swapped`; for ranks: `both` (all cyclic orders),
            `given`, or a number of orders.
        ties: For pairs: whether "tie" may be said; True.
        balance: How the orders of a pair are undone: `average` (default), `log_odds`, `consistent`.
        substitutes: Name of a judge -> the judge that is asked in its place where it fails, in every round;
            the recipe `choice-funnel` refuses them.
        on_empty: An empty response is asked about like any other (`judge`, default); or no call is made, and
            it gets the worst of each criterion's scale and loses its pairs (`lowest`), or abstains
            (`abstain`, as `blocked`).
        unfounded: `flag` (default), or `abstain`: what becomes of a verdict whose quotations do not exist.
        aggregate: An aggregator of your own, in place of `rule`, `partial`, `panel` and `balance`.
        columns: Our name of a column -> its name in the items.
        on_bad_item: `raise` (default), or `skip` and count.
        ledger: A path; None keeps nothing; the default is `$JUDGEKIT_LEDGER`, else
            `.judgekit/ledger.sqlite`.
        store_prompts: Keep prompts beside replies in the ledger; True.
        limits: How fast, how long and for how much (`Limits`).
        own_code: Whether `py:` names of judges may import code; False.
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
    balance: BalanceRule
    substitutes: Mapping[str, str | Judge | Mapping[str, Any]]
    on_empty: OnEmpty
    unfounded: Unfounded
    aggregate: Aggregate | None
    columns: Mapping[str, str] | None
    on_bad_item: OnBadItem
    ledger: str | Path | None
    store_prompts: bool
    limits: Limits | None
    own_code: bool
    say: Callable[[str], None] | None


KINDS: Mapping[str, str] = {
    **dict.fromkeys(("samples", "min_judges"), "a whole number"),
    "per_call": "a whole number, or None for the whole rubric",
    **dict.fromkeys(("reask", "partial", "ties", "store_prompts", "own_code"), "True or False"),
    **dict.fromkeys(("substitutes", "columns", "settings"), "a mapping, or None"),
    **dict.fromkeys(("form", "balance", "on_empty", "unfounded", "on_bad_item"), "a name"),
    **dict.fromkeys(("recipe", "rule"), "a name, or None"),
    "orders": "a name or a whole number",
    "panel": "a name or a function",
    **dict.fromkeys(("aggregate", "say"), "a function, or None"),
    "again": "a list",
    "ledger": "a path, or None",
}
"""What each option has to be."""


def check_options(options: Options) -> None:
    """See that each option is the kind of thing it has to be.

    Raises:
        InputError: If one is not.

    >>> check_options({"limits": {"concurrency": 4}})
    Traceback (most recent call last):
    judgekit.errors.InputError: limits={'concurrency': 4} is a dict; say limits=Limits(concurrency=4)
    """
    check_kinds(options, KINDS)
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

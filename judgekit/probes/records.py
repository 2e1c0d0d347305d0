"""A probe: one thing about an item, or about how it is asked, that is changed, and what must come of it.

The item is walked twice by the same path, as it came and changed, and the difference of the two scores is
the shift. A probe is a value: its change is a plain function, and anybody may write one.
"""

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from judgekit.rubric import Rubric
from judgekit.types import Call, Estimate, Item, Text, Unit

Expects = Literal["still", "no rise", "fall"]
"""What must come of a change: the score stays as it is, or does not rise, or falls."""
Lacking = Literal[
    "pair", "reference", "sources", "systems", "labels", "writer", "twins", "temperature"
]  # fmt: skip
"""What a probe may need beside responses, and is left out by name without."""
State = Literal["fault", "slight", "held", "open"]
"""What a probe found: a fault that is shown; a movement that is shown and small; that there is none larger
than the margin; or neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where a change is made.

    Args:
        rubric: What the item is judged by.
        paired: Whether responses are judged in pairs; then one of them is changed, the `target`.
        target: The response that is changed; empty where each is judged alone, and all of them are.
        others: Further items of the sample, for texts that have nothing to do with this one.
        lots: Seeded by the seed, the probe and the item.
        options: How items are asked as they come, as options of `score`: `protocol`, `form`, `orders`,
            `samples`, and `per_call`, which is the number of criteria, or None for all.
    """

    rubric: Rubric
    paired: bool
    target: str
    others: Sequence[Item]
    lots: random.Random
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """An item as it is judged the second time, and how it is asked then.

    Args:
        item: The item, changed or not.
        options: Options of `score` that are others for it, such as `{"per_call": 1}`; `temperature` is the
            judge's.
    """

    item: Item
    options: Mapping[str, Any] = field(default_factory=dict)


Writing = Generator[Call, str, Item | str | None]
"""A change that needs a writer: it yields calls to the writer, is sent its texts (empty where it failed), and
returns the item, or in words why there is none."""
Change = Callable[[Item, At], Item | Changed | Writing | None]
"""From an item to the changed one; None where there is nothing in it to change."""
Operator = Callable[[str, At], str | None]
"""From a text to the changed one; None where there is nothing in it to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A unit in both walks, by one judge; of a pair all values are of the response that was changed.

    Args:
        unit: The unit as it came.
        cluster: What it is independent of others by: its cluster, else its item.
        before: Its score; None where there is none.
        again: Its score when the same was asked again, which tells movement from noise.
        after: Its score when the change was made.
    """

    unit: Unit
    cluster: str
    before: float | None
    again: float | None
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a measure of a probe's own sees: the rows, and everything that one judge said."""

    judge: str
    rows: Sequence[Row]
    walks: "Walks"


Walks = Any  # `measure.Walks`, which is made of these records
Measure = Callable[[Read], Sequence[Estimate]]
"""What a probe estimates beside the shift."""
Reading = Callable[[Read], Sequence[Row] | Estimate | Mapping[str, Any]]
"""Where a probe has its two values from, if not from the two walks; or its shift, estimated already; or the
fields of its `Shift`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One change, and what must come of it.

    Args:
        name: Its name, unique in a battery.
        group: What it is picked by beside its name, such as `length` or `attack`.
        what: What is changed, in a sentence without a subject: `Adds sentences that say nothing.`
        expects: What must come of it.
        change: The change; None where nothing more is asked, and it is read off what was.
        source: Who published it.
        needs: What it is left out without.
        writes: How many calls to a writer it takes at most.
        read: Where its two values come from, if not from the two walks.
        measure: What it estimates beside the shift.
        says: What a fault of it means, as an end of the sentence `This judge ...`.
        remedy: What to do about a fault, as an order: `Ask in both orders.`
    """

    name: str
    group: str
    what: str
    expects: Expects = "still"
    change: Change | None
    source: str = ""
    needs: frozenset[Lacking] = frozenset()
    writes: int = 0
    read: Reading | None = None
    measure: Measure | None = None
    says: str = ""
    remedy: str = ""


SILENT = "falls silent"  # how it is said that verdicts are missing
_READ = "Read what it said in the place of a verdict (judgekit view), and ask in another form."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a probe found of one judge.

    Args:
        probe: The probe.
        judge: The name of the judge.
        state: What it found.
        shift: The mean change of the score, after less before, over items as clusters.
        moved: The share of units whose score changed by more than `epsilon`.
        noise: That share where the same was asked again.
        failed: The share of units that did not do what they must: that moved (`still`), rose (`no rise`), or
            did not fall (`fall`; those at the lowest score cannot, and are left out).
        silenced: The share of units that had a score and have none any more.
        detectable: The smallest shift that would have been found four times out of five.
        p: The least of the p-values of its tests, corrected for their number; nan where nothing was tested.
        q: The same among all probes of the judge (Benjamini and Hochberg).
        n: Units with both scores, and `n_unchanged` units in which there was nothing to change.
        more: What the probe estimates beside these.
        says: What was found, in a sentence.
        examples: Ids of the items that moved most, at most five.
    """

    probe: Probe
    judge: str
    state: State
    shift: Estimate
    moved: Estimate
    noise: Estimate
    failed: Estimate
    silenced: Estimate
    detectable: float
    p: float = float("nan")
    q: float = float("nan")
    n: int = 0
    n_unchanged: int = 0
    more: tuple[Estimate, ...] = ()
    says: str = ""
    examples: tuple[str, ...] = ()

    @property
    def is_silence(self) -> bool:
        """Whether the fault is that verdicts are missing, and not what they say."""
        return self.says.startswith(SILENT)

    @property
    def remedy(self) -> str:
        """What to do about it, as an order."""
        return _READ if self.is_silence else self.probe.remedy


def on_response(operator: Operator) -> Change:
    """Return the change of an item that an operator on texts makes to its responses.

    Of a pair it is the target that is changed; a conversation is changed in its last message.

    >>> loud = on_response(lambda text, _: text.upper())
    >>> Probe(name="loud", group="own", what="Writes in capitals.", change=loud).expects
    'still'
    """

    def change(item: Item, at: At) -> Item | None:
        names = [at.target] if at.paired else list(item.responses)
        texts = {name: _changed(item.responses[name], operator, at) for name in names}
        made = {name: text for name, text in texts.items() if text is not None}
        return replace(item, responses={**item.responses, **made}) if made else None

    return change


def on_task(operator: Operator) -> Change:
    """Return the change of an item that an operator makes to its task; to the last turn of a conversation."""

    def change(item: Item, at: At) -> Item | None:
        made = _changed(item.task, operator, at) if item.task else None
        return None if made is None else replace(item, task=made)

    return change


def _changed(text: Text, operator: Operator, at: At) -> Text | None:
    if isinstance(text, str):
        made = operator(text, at)
        return None if made is None or made == text else made
    last = operator(text[-1].content, at)
    if last is None or last == text[-1].content:
        return None
    return (*text[:-1], replace(text[-1], content=last))


def asked_with(**options: Any) -> Change:
    """Return the change that leaves an item as it is, and asks with other options of `score`.

    >>> from judgekit.types import Item
    >>> asked_with(per_call=None)(Item("1"), None).options
    {'per_call': None}
    """
    return lambda item, _: Changed(item, options)

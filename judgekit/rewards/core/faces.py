"""The verb `reward`: groups from wherever items come from, and their rewards."""

from collections.abc import Iterator, Mapping
from typing import Any

from judgekit.items import read_items
from judgekit.rewards.core.records import Batch, Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import SpecLike
from judgekit.types import Item


def reward(
    groups: Any,
    spec: SpecLike,
    judges: Any = None,
    *,
    columns: Mapping[str, str] | None = None,
    own_code: bool = False,
) -> Batch:
    """Reward the responses of groups by a spec.

    Args:
        groups: `Group` records; or what `read_items` takes: an item with its responses is a group.
        spec: A `RewardSpec`, a mapping or a TOML file.
        judges: Judges, or their names, instead of the spec's.
        columns: Our name of a column -> its name in the items.
        own_code: Whether `py:` names of judges and checks may import code.

    Returns:
        For each response a finite number or None, by (group, response), with what is behind it.

    Raises:
        InputError: If something handed in cannot be used; before any call.
        JudgeOutage, ProviderError: If too many rewards could not be given; `run` holds those that could.

    >>> from judgekit.judges.scripted import Scripted
    >>> kind = Scripted("kind", lambda call: '{"label": "yes"}')
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> rows = [{"id": "7", "task": "Hi", "responses": {"a": "Hello", "b": "What?"}}]
    >>> [given.value for given in reward(rows, {"rubric": rubric}, kind)]
    [1.0, 1.0]
    """
    rewarder = Rewarder(spec, judges, own_code=own_code)
    return rewarder.reward(list(read_groups(groups, columns=columns)))


async def reward_async(
    groups: Any,
    spec: SpecLike,
    judges: Any = None,
    *,
    columns: Mapping[str, str] | None = None,
    own_code: bool = False,
) -> Batch:
    """`reward`, to be awaited."""
    return await Rewarder(spec, judges, own_code=own_code)(list(read_groups(groups, columns=columns)))


def read_groups(source: Any, *, columns: Mapping[str, str] | None = None) -> Iterator[Group]:
    """Groups as they are, or items as groups; an item's tags are the columns that checks see.

    >>> next(read_groups([{"id": "7", "task": "Hi", "response": "Hello"}])).responses
    {'response': 'Hello'}
    """
    if isinstance(source, Group):
        source = [source]
    if isinstance(source, Iterator):
        source = list(source)
    if isinstance(source, list | tuple) and all(isinstance(each, Group) for each in source):
        yield from source
        return
    yield from map(_group, read_items(source, columns=columns))


def _group(item: Item) -> Group:
    return Group(
        item.item_id, item.task, item.responses, item.reference, item.sources, item.rubric, item.tags
    )

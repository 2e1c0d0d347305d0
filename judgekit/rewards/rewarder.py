"""The one primitive: groups in, a reward or None for each response out. (interface; body follows)"""

from collections.abc import Iterable
from typing import Any, Self

from judgekit.rewards.records import Batch, Group
from judgekit.rewards.spec import RewardSpec, SpecLike


class Rewarder:
    """Rewards responses by a spec.

    Awaited with groups it opens its judges, asks, and closes them; used as an asynchronous context
    manager it keeps them open in that event loop until it is left. It can be pickled when closed.

    Args:
        spec: A `RewardSpec`, a mapping or a TOML file.
        judges: Judges, or their names, instead of the spec's.
        own_code: Whether `py:` names of judges and checks may import code.
    """

    spec: RewardSpec

    def __init__(self, spec: SpecLike, judges: Any = None, *, own_code: bool = False) -> None: ...

    async def __call__(self, groups: Iterable[Group]) -> Batch: ...

    def reward(self, groups: Iterable[Group]) -> Batch:
        """The same, not awaited: in an event loop of its own, in a thread."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

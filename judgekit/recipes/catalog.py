"""The published recipes by name: `CATALOG["faireval"]`, `score(..., recipe="faireval")`."""

from collections.abc import Mapping
from types import MappingProxyType

from judgekit.errors import InputError, there_are
from judgekit.recipes import absolute, comparing, listed, matching
from judgekit.recipes.published import Published

CATALOG: Mapping[str, Published] = MappingProxyType(
    {each.name: each for each in (*comparing.RECIPES, *listed.RECIPES, *absolute.RECIPES, *matching.RECIPES)}
)


def published(name: str) -> Published:
    """The recipe of a name.

    Raises:
        InputError: If there is none.

    >>> published("faireval").options["samples"]
    3
    """
    if name not in CATALOG:
        raise InputError(f"no recipe {name!r}; {there_are(name, CATALOG)}")
    return CATALOG[name]

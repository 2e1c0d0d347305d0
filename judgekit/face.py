"""The face of a package: public names by the room they stand in, loaded when they are first used.

One table in a package's `__init__` is the source; `.ci/stubs` writes from it the `__init__.pyi` that editors
and type checkers read, and a test keeps the two equal.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

Rooms = Mapping[str, Sequence[str]]
"""Module, without the package's name -> its public names."""


def lazily(
    package: str, rooms: Rooms, *, packages: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names are loaded when they are first used.

    Args:
        package: Its name.
        rooms: Its names by module.
        packages: Packages in it that are reached by their own name.
    """
    where = {name: room for room, names in rooms.items() for name in names}

    def load(name: str) -> Any:
        if name in packages:
            return import_module(f"{package}.{name}")
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{where[name]}"), name)
        vars(import_module(package))[name] = value
        return value

    return load, lambda: sorted([*where, *packages])

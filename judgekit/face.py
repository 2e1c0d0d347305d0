"""The face of a package: public names by the module they stand in, loaded when they are first used.

The `__init__.pyi` beside a package's `__init__`, which editors and type checkers read, is the only list of
them: a line for each name.
"""

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pkgutil import get_data
from typing import Any

_LINE = re.compile(r"^from (\S+) import (\w+) as \w+$", re.MULTILINE)


def lazily(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package whose names are loaded when they are first used."""
    stub = get_data(package, "__init__.pyi") or b""
    where = {name: module for module, name in _LINE.findall(stub.decode())}

    def load(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if where[name] == package:  # a package in it
            return import_module(f"{package}.{name}")
        value = getattr(import_module(where[name]), name)
        vars(sys.modules[package])[name] = value
        return value

    return load, lambda: sorted(where)

"""Writes two guides from docstrings: every public name with its arguments, and the lines of each trainer.

python tests/reference.py     # after a public name or the docstring of an adapter has changed
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Unpack, get_args, get_origin

import judgekit
import judgekit.drivers.ray
import judgekit.rewards
from judgekit.verbs.options import Options

FOLDER = Path(judgekit.__file__).parent / "guides"
HEAD = """# Reference of all public names

Each name with its arguments and the first line of its docstring; `help(jk.score)` says the rest: shapes,
units, errors, sources. `*` stands before what is given by name only. This page is made by
`python tests/reference.py`.
"""


def reference() -> str:
    """The page, from the docstrings."""
    parts = [HEAD, *section("jk", "`import judgekit as jk`", judgekit), *options()]
    for room in judgekit.__dir__():
        if isinstance(module := getattr(judgekit, room), ModuleType):
            parts += section(f"jk.{room}", line(module), module)
    for each in pkgutil.iter_modules(judgekit.rewards.__path__):
        if not each.ispkg and each.name != "verifiers_plugin":
            module = importlib.import_module(f"judgekit.rewards.{each.name}")
            parts += section(module.__name__, line(module), module)
    parts += section("judgekit.drivers.ray", line(judgekit.drivers.ray), judgekit.drivers.ray)
    return "\n".join(parts)


def options() -> Iterator[str]:
    """The options that the verbs share, from the docstring of their record."""
    yield "## Options of `jk.score`, `compare`, `rank`, `match`, `preview` and `stream_scores`\n"
    doc = f"{inspect.getdoc(Options)}\n"
    for each in re.findall(r"^    (\w+: .*\n(?:     .*\n?)*)", doc, re.MULTILINE):
        name, _, said = " ".join(each.split()).partition(": ")
        yield f"- `{name}`: {said}"
    yield ""


def section(head: str, about: str, module: ModuleType) -> Iterator[str]:
    """The names of a module under a heading."""
    yield f"## {head}\n\n{about}\n"
    for name in names(module):
        value = getattr(module, name)
        yield f"- `{name}{signature(value)}`\n  {line(value)}"
    yield ""


def names(module: ModuleType) -> list[str]:
    """The public names: those it lists, or of an adapter those it makes without its trainer; no rooms."""
    if "__dir__" in vars(module) and not module.__name__.startswith("judgekit.rewards."):
        listed = module.__dir__()
    elif "__all__" in vars(module) and module.__name__.count(".") == 1:
        listed = module.__all__
    else:
        listed = [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
        ]
    kept = (name for name in sorted(listed) if name != "__version__")
    return [name for name in kept if not isinstance(getattr(module, name), ModuleType)]


def signature(value: Any) -> str:
    """Names of the arguments with their defaults, without types."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    spread = [part for each in found.parameters.values() for part in options_of(each)]
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in spread]
    shown = [each.replace(default=plain(each.default)) for each in bare]
    return str(found.replace(parameters=shown, return_annotation=inspect.Signature.empty))


MOST_SPREAD = 8


def options_of(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """The options that stand behind `**how: Unpack[Drawn]`; another parameter as it is."""
    if parameter.kind is not parameter.VAR_KEYWORD or get_origin(parameter.annotation) is not Unpack:
        return [parameter]
    [options] = get_args(parameter.annotation)
    names = options.__annotations__
    if len(names) > MOST_SPREAD:
        return [parameter]
    return [inspect.Parameter(key, parameter.KEYWORD_ONLY, default=Shown("...")) for key in names]


class Shown:
    """A default that is shown by name."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def plain(default: Any) -> Any:
    """A default as it is written: a function by its name, a record by its class, a factory as `...`."""
    if default is inspect.Parameter.empty or isinstance(default, bool | int | float | str | Shown | None):
        return default
    if isinstance(default, frozenset):
        return Shown("{" + ", ".join(map(repr, sorted(default))) + "}")
    if isinstance(default, tuple):
        return Shown("(" + ", ".join(repr(plain(each)) for each in default) + ")")
    if "_HAS_DEFAULT_FACTORY" in type(default).__name__:
        return Shown("...")
    return Shown(getattr(default, "__name__", f"{type(default).__name__}(...)"))


def line(value: Any) -> str:
    """The first sentence or line of a docstring."""
    return (inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " ")


TRAINERS = (
    "trl", "trl_served", "verifiers", "verl", "openrlhf", "slime", "nemo_gym", "skyrl", "art", "tinker",
)  # fmt: skip
TRAINERS_HEAD = """# Trainers: the lines that each of them needs

The spec that these lines name, and what a reward is, `judgekit guide rewards` tells. The trainers are not
installed with judgekit. Each section is the docstring of an adapter, made by `python tests/reference.py`; the
lines are run in the tests, and around the trainers' own code by `.ci/trainers`.
"""


def trainers() -> str:
    """The page of the trainers."""
    parts = [TRAINERS_HEAD]
    for name in TRAINERS:
        doc = inspect.getdoc(importlib.import_module(f"judgekit.rewards.{name}")) or ""
        parts.append(f"## {doc}\n")
    return "\n".join(parts)


PAGES = {"reference": reference, "trainers": trainers}

if __name__ == "__main__":
    for name, made in PAGES.items():
        (FOLDER / f"{name}.md").write_text(made(), encoding="utf-8")

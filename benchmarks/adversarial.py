"""Strings made to hold up whoever reads them: from every pattern of the package, and from markup and JSON.

A pattern's own parts are what it is slow on: a prefix that it matches, one part of it repeated, and an end that
it does not. So each pattern of judgekit (found by importing all modules, calling the builders named in
`BUILT`, and reading the constants in calls of `re`) is parsed, and its parts are drawn from.
"""

import ast
import importlib
import inspect
import pkgutil
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # Python has no public name for its parser
from re import _parser as sre_parse  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import judgekit
from judgekit.scales import Labels, Numbers

FIVE = Labels(labels=("1", "2", "3", "4", "5"))
WORDS = Labels(labels=("poor", "fair", "very good"), cannot_tell="cannot tell")
BUILT: dict[str, list[tuple[Any, ...]]] = {
    "judgekit.protocols.reading.lines._colon": [("clarity",)],
    "judgekit.protocols.reading.lines._guarded": [(FIVE,), (WORDS,)],
    "judgekit.protocols.reading.lines._labels": [(FIVE,), (WORDS,), (Numbers(low=0, high=1),)],
    "judgekit.protocols.reading.lines._offered": [(FIVE,), (WORDS,)],
    "judgekit.protocols.reading.lines._id_lines": [(("clarity", "tone"),)],
    "judgekit.protocols.reading.lines._form": [("noun", "clarity", FIVE)],
    "judgekit.protocols.reading.objects._begun": [(("label", "clarity"),)],
    "judgekit.protocols.reading.objects._pairs": [(("label", "score"),)],
    "judgekit.protocols.reading.objects._key": [("ranking",)],
    "judgekit.protocols.reading.material._keys": [(("label", "score"),)],
    "judgekit.protocols.reading.marks._keyword": [(("verdict", "winner"),)],
    "judgekit.protocols.read.lines_of": [((("A", "no"), ("B", "yes")),)],
}
"""Functions that make patterns, and what they are asked for."""
TOKENS = (
    "{", "}", "[", "]", '"', "'", ":", ",", "\\", '\\"', "/*", "*/", "//", "\n", " ", "\t", "<", ">", "</", "<think>",
    "</think>", "```", "**", "_", "`", "|", "#", "-", "=", ">", "(", ")", "[[", "]]", "[RESULT]", "\\boxed{", "<score>",
    '{"label":', '{"label": "4"}', '"label": "', "'label': ", '{"a":', "{a:", '{"', "{{", "\\u0061", "score: ", "Score",
    "so ", "I give it a ", "5", "1,000", "%", ".", "A > ", "B", "output (a) is ", "assistant 1: 5", "\u0301", "\u0316",
    "\u201c", "\u201d", "\uff1a", "\u200b", "\ufdfa", "\u3300", "\u00df", "\ufb01", "\u0130", "\u1100", "\u1161", "\uff9e",
    "\\frac{", "sqrt(", "^", "is polite and ", "not ", "evidence",
)  # fmt: skip


def modules() -> Iterator[ModuleType]:
    """All modules of the package that can be imported here."""
    for found in pkgutil.walk_packages(judgekit.__path__, "judgekit."):
        if "__main__" not in found.name:
            try:
                yield importlib.import_module(found.name)
            except ImportError:  # what an extra brings
                continue


@dataclass(frozen=True, slots=True)
class Used:
    """A pattern, where it stands, and the ways in which it is applied."""

    where: str
    pattern: re.Pattern[str]
    ways: frozenset[str]

    def apply(self, text: str) -> None:
        """Apply it to a text in each of its ways."""
        if self.ways & _SEARCHES:
            for _ in self.pattern.finditer(text):
                pass
        if "match" in self.ways:
            self.pattern.match(text)
        if "fullmatch" in self.ways:
            self.pattern.fullmatch(text)


def patterns() -> list[Used]:
    """Every pattern of the package."""
    found: list[Used] = []
    sources = {module: Path(module.__file__ or "") for module in modules()}
    texts = {
        module: path.read_text(encoding="utf-8") for module, path in sources.items() if path.suffix == ".py"
    }
    for module, text in texts.items():
        applied = set(re.findall(r"\b(_*[A-Z][A-Z_]*)(?:\[[^\]\n]*\])*\.(\w+)\(", text))
        for name, value in vars(module).items():
            ways = frozenset(way for each, way in applied if each == name) & _WAYS or _SEARCHES
            found += [Used(f"{module.__name__}.{name}", each, ways) for each in _within(value)]
        for line, way, pattern, flags in _inline(text):
            found.append(Used(f"{module.__name__}:{line}", re.compile(pattern, flags), frozenset({way})))
    for name, asked in BUILT.items():
        module_name, _, function = name.rpartition(".")
        build = getattr(importlib.import_module(module_name), function)
        found += [Used(name, build(*arguments), frozenset({"search"})) for arguments in asked]
    return [each for each in found if isinstance(each.pattern.pattern, str)]


def builders() -> Iterator[str]:
    """Functions of the package that return a pattern."""
    for module in modules():
        for name, value in vars(module).items():
            inner = inspect.unwrap(value) if callable(value) else None
            own = inspect.isfunction(inner) and inner.__module__ == module.__name__
            if own and inner.__annotations__.get("return") == re.Pattern[str]:
                yield f"{module.__name__}.{name}"


def _within(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _within(each)


_SEARCHES = frozenset({"search", "sub", "split", "findall", "finditer", "subn"})
_WAYS = _SEARCHES | {"match", "fullmatch"}


def _inline(source: str) -> Iterator[tuple[int, str, str, int]]:
    """(line, way, pattern, flags) of calls of `re` in which the pattern is written out."""
    if not re.search(rf"\bre\.(?:{'|'.join(_WAYS)})\(", source):
        return  # most modules have none, and to parse all of them takes seconds
    for node in ast.walk(ast.parse(source)):
        if (text := _written(node)) is not None:
            flags = re.IGNORECASE if "IGNORECASE" in ast.dump(node) else re.NOFLAG
            yield node.lineno, node.func.attr, text, flags  # type: ignore[attr-defined]  # it is a call


def _written(node: ast.AST) -> str | None:
    """The pattern of such a call; what is filled in stands for itself as a name."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return None
    if node.func.attr not in _WAYS or ast.unparse(node.func.value) != "re":
        return None
    pattern = node.args[0]
    if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
        return pattern.value
    if isinstance(pattern, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.Constant) else "name" for p in pattern.values]
        try:
            re.compile("".join(parts))
        except re.error:
            return None
        return "".join(parts)
    return None


def strings(pattern: re.Pattern[str], length: int, rng: random.Random, n: int) -> Iterator[str]:
    """Strings of about a length that a pattern is slow on if it is slow on any."""
    tree = sre_parse.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    parts = [part for part in _parts(tree) if part]
    for _ in range(n):
        head = _sample(tree, rng)[: rng.choice([0, 4, 400])]
        unit = "".join(_sample(rng.choice(parts), rng) for _ in range(rng.choice([1, 1, 2, 3]))) or " "
        end = rng.choice(["", "!", "\n", "\0", _sample(rng.choice(parts), rng)])
        yield (head + unit * (length // len(unit) + 1))[:length] + end


def _parts(tree: Iterable[Any]) -> Iterator[list[Any]]:
    """Each node of a parsed pattern, and each sequence of nodes."""
    for op, argument in tree:
        yield [(op, argument)]
        for inner in _inner(op, argument):
            yield list(inner)
            yield from _parts(inner)


def _inner(op: Any, argument: Any) -> list[Any]:
    if op in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
        return [argument[2]]
    if op is sre.SUBPATTERN:
        return [argument[3]]
    if op is sre.ATOMIC_GROUP:
        return [argument]
    if op is sre.BRANCH:
        return list(argument[1])
    return [argument[1]] if op in {sre.ASSERT, sre.ASSERT_NOT} else []


_SIGNS = {
    sre.CATEGORY_DIGIT: "7", sre.CATEGORY_NOT_DIGIT: "x", sre.CATEGORY_SPACE: " ", sre.CATEGORY_NOT_SPACE: "x",
    sre.CATEGORY_WORD: "w", sre.CATEGORY_NOT_WORD: "-",
}  # fmt: skip
_ANY = "a 1-\"'{}[]:,.\t<>()*\u0301"


def _sample(tree: Iterable[Any], rng: random.Random) -> str:
    """A text that a parsed pattern matches, look-arounds aside."""
    text = ""
    for op, argument in tree:
        if op is sre.LITERAL:
            text += chr(argument)
        elif op is sre.NOT_LITERAL:
            text += rng.choice([ch for ch in _ANY if ord(ch) != argument])
        elif op is sre.ANY:
            text += rng.choice(_ANY)
        elif op is sre.IN:
            text += _of_class(argument, rng)
        elif op in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            least, most, inner = argument
            times = rng.randint(least, min(int(most), max(least, 3)))
            text += "".join(_sample(inner, rng) for _ in range(times))
        elif op is sre.BRANCH:
            text += _sample(rng.choice(argument[1]), rng)
        elif op is sre.SUBPATTERN:
            text += _sample(argument[3], rng)
        elif op is sre.ATOMIC_GROUP:
            text += _sample(argument, rng)
    return text


def _of_class(items: list[Any], rng: random.Random) -> str:
    if items[0][0] is sre.NEGATE:
        excluded = "".join(_listed(items[1:]))
        return rng.choice([ch for ch in _ANY if ch not in excluded] or ["\u0301"])
    return rng.choice(list(_listed(items)))


def _listed(items: Iterable[Any]) -> Iterator[str]:
    for op, argument in items:
        if op is sre.LITERAL:
            yield chr(argument)
        elif op is sre.RANGE:
            yield chr(argument[0])
            yield chr(argument[1])
        elif op is sre.CATEGORY:
            yield _SIGNS.get(argument, "x")


def mixed(length: int, rng: random.Random) -> str:
    """A string of a length from the tokens of JSON, markup and quotation, repeated and nested."""
    tokens = [rng.choice(TOKENS) for _ in range(rng.choice([1, 2, 3, 5]))]
    unit = "".join(rng.choice(tokens) for _ in range(rng.choice([1, 2, 4, 8])))
    text = "".join(rng.choice(TOKENS) for _ in range(rng.choice([0, 1, 3]))) + unit * (
        length // len(unit) + 1
    )
    if rng.random() < 0.2:  # nested: what opens, then what closes
        text = text[: length // 2] + rng.choice(["}", "]", ")", '"}', '"]', "</think>"]) * (length // 2)
    return text[:length] + rng.choice(["", "!", "\n", "}", '"}', "4", "\n4"])

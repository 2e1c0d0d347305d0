"""Equality of mathematical answers as expressions, by sympy (extra `math`).

What is compared was written by a model about untrusted text, and sympy's own parser evaluates Python.
So it never sees the text: an expression is read here into numbers, names and a few functions, with
limits on its size, and only that is built in sympy. What cannot be read is compared as text.
"""

import ast
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from judgekit.errors import InputError
from judgekit.scales import fold

_LONGEST = 300
_MOST_NODES = 200
_LARGEST_POWER = 64
_LONGEST_NUMBER = 40
_CONSTANTS = {"pi", "e", "i"}
_FUNCTIONS = {"sqrt", "log", "ln", "exp", "sin", "cos", "tan", "abs"}
_REMOVED = re.compile(r"\\(?:left|right|displaystyle|,|;|!|quad|mathrm|text)|[$]|\\[()\[\]]")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\?sqrt\s*\{([^{}]*)\}")
_BOXED = re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL)


class _UnreadError(ValueError):
    """Not an expression that is read here."""


def equal(answer: str, reference: str) -> bool:
    r"""Whether two expressions are equal; texts that are none are compared as texts.

    An answer such as `x = 3` is compared by its right side; a percentage by its hundredth part.

    Raises:
        InputError: If sympy is not installed.

    >>> equal(r"\frac{1}{2}", "0.5"), equal("(x+1)^2", "x^2 + 2x + 1"), equal("2*sqrt(2)", "sqrt(8)")
    (True, True, True)
    >>> equal("1/3", "0.33"), equal("__import__('os')", "1")
    (False, False)
    """
    sympy = _sympy()
    try:
        one, two = _built(answer, sympy), _built(reference, sympy)
        if len(one) == len(two):
            return all(bool((a - b).equals(0)) for a, b in zip(one, two, strict=True))
    except (_UnreadError, RecursionError, OverflowError, TypeError, ValueError, ZeroDivisionError):
        return _text(answer) == _text(reference)
    return False


def _sympy() -> Any:
    try:
        import sympy
    except ImportError:
        raise InputError(
            "answers of mathematics are compared by sympy, which is not installed; install the extra 'math'"
        ) from None
    return sympy


def _text(raw: str) -> str:
    return fold(_REMOVED.sub("", raw)).removesuffix(".").replace(" ", "")


def _built(raw: str, sympy: Any) -> list[Any]:
    """The expressions of an answer; several where it is a list or a tuple."""
    text = _python(raw)
    if len(text) > _LONGEST:
        raise _UnreadError
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise _UnreadError from None
    if sum(1 for _ in ast.walk(body)) > _MOST_NODES:
        raise _UnreadError
    parts = body.elts if isinstance(body, ast.Tuple | ast.List) else [body]
    return [_value(part, sympy) for part in parts]


def _python(raw: str) -> str:
    """An answer in the notation of Python: LaTeX undone, products written out."""
    text = raw.strip().rstrip(".")
    if boxed := _BOXED.search(text):
        text = boxed[1]
    text = _REMOVED.sub(" ", text)
    for _ in range(8):  # fractions and roots inside one another, the innermost first
        new = _ROOT.sub(r" sqrt(\1) ", _FRACTION.sub(r" ((\1)/(\2)) ", text))
        if new == text:
            break
        text = new
    text = text.replace("\\cdot", "*").replace("\\times", "*").replace("\\div", "/").replace("\\", " ")
    text = text.replace("\u2212", "-").replace("\u00d7", "*").replace("\u00b7", "*").replace("\u03c0", " pi ")
    text = text.replace("^", "**").replace("{", "(").replace("}", ")")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = text.rsplit("=", 1)[-1]
    text = re.sub(r"(\d+(?:\.\d+)?)\s*%", r"(\1/100)", text)
    text = re.sub(r"(?<=[\d)])\s*(?=[A-Za-z(])", "*", text)
    return re.sub(r"\s+", " ", text).strip()


def _value(node: ast.expr, sympy: Any) -> Any:
    """One node in sympy; anything but arithmetic is refused."""
    if isinstance(node, ast.Constant):
        return _number(node.value, sympy)
    if isinstance(node, ast.Name):
        return _named(node.id, sympy)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        value = _value(node.operand, sympy)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _operation(node, sympy)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        name = node.func.id.lower()
        if name in _FUNCTIONS and len(node.args) == 1:
            function: Callable[[Any], Any] = getattr(sympy, {"ln": "log", "abs": "Abs"}.get(name, name))
            return function(_value(node.args[0], sympy))
    raise _UnreadError


def _operation(node: ast.BinOp, sympy: Any) -> Any:
    left, right = _value(node.left, sympy), _value(node.right, sympy)
    if isinstance(node.op, ast.Pow):
        if right.is_number and not abs(right) <= _LARGEST_POWER:
            raise _UnreadError
        return left**right
    for kind, operate in _OPERATIONS.items():
        if isinstance(node.op, kind):
            return operate(left, right)
    raise _UnreadError


_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def _number(raw: object, sympy: Any) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or len(repr(raw)) > _LONGEST_NUMBER:
        raise _UnreadError
    exact = Fraction(repr(raw))
    return sympy.Rational(exact.numerator, exact.denominator)


def _named(name: str, sympy: Any) -> Any:
    """A constant, or a variable; two letters together are a word, not a product."""
    if name.lower() in _CONSTANTS:
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I}[name.lower()]
    if len(name) == 1:
        return sympy.Symbol(name)
    raise _UnreadError

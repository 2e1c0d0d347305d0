"""Whether two answers are the same, without a judge: numbers, options, labels, short texts, mathematics.

The second half of xFinder (Yu et al., 2024, arXiv 2405.11874), and the number rule of answer matching
(Chandak et al., 2025, arXiv 2507.02856). A model wrote what is compared about untrusted text: nothing is
evaluated as code or simplified, which may take for ever; two expressions are equal if their values (by
mpmath, extra `math`) are, to hundreds of digits, at points drawn for their variables. Every step is bounded
in size.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np

from judgekit.errors import InputError
from judgekit.protocols.reading.replies import CHECKED
from judgekit.scales import fold

Kind = Literal["alphabet_option", "short_text", "categorical_label", "math"]
NO_ANSWER = "[No valid answer]"
TOLERANCE = 0.01  # of the mean of two numbers

_NUMBER = re.compile(r"[-+\u2212]?(?:\d{1,3}(?:[ ,\u00a0\u202f]\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?%?")
_AROUND = " \t\n$\u20ac\u00a3"
_NAMED = re.compile(r"^\(?([A-Za-z])\)?[.):]?$")


def number_of(text: str) -> float | None:
    """Return the one number that a text is, or None: a range, a fraction or a word is none."""
    bare = text.strip(_AROUND).rstrip(_AROUND + ".")
    if not bare or not any(ch.isdigit() for ch in bare) or not _NUMBER.fullmatch(bare):
        return None
    digits = re.sub(r"[ ,\u00a0\u202f]", "", bare).replace("\u2212", "-")
    number = float(digits.removesuffix("%")) / (100 if digits.endswith("%") else 1)
    return number if math.isfinite(number) else None


def same_number(response: str, reference: str, *, tolerance: float = TOLERANCE) -> bool:
    """Tell whether two texts are numbers that differ by less than a share of their mean; no range is one."""
    r, g = number_of(response), number_of(reference)
    if r is None or g is None:
        return False
    return r == g or abs(r - g) < tolerance * abs(r + g) / 2


def is_no_answer(text: str) -> bool:
    """Tell whether an extractor says that there is no valid answer."""
    return fold(text).strip(" .[]\"'") in {"no valid answer", "", "none"}


def same_answer(kind: Kind, answer: str, reference: str, *, options: Mapping[str, str] | None = None) -> bool:
    """Tell whether an extracted answer is the reference, by the rule of its kind.

    `math`: equal as mathematics; else equal texts, case and a last dot aside; `alphabet_option` also where
    one is a letter and the other that option's text (`options`: letter -> text). "No valid answer" is never
    the reference.
    """
    if kind not in get_args(Kind):
        raise InputError(f"no kind of answer {kind!r}; there are {', '.join(get_args(Kind))}")
    if is_no_answer(answer):
        return False
    if kind == "math":
        return equal(answer, reference)
    if kind == "alphabet_option":
        return bool(_readings(answer, options or {}) & _readings(reference, options or {}))
    return _bare(answer) == _bare(reference)


def _readings(text: str, options: Mapping[str, str]) -> set[str]:
    """Return what an option may be called: its letter, else its text."""
    named = _NAMED.match(text.strip())
    letter = named[1].upper() if named else None
    if letter is None:
        letter = next((key for key, option in options.items() if _bare(option) == _bare(text)), None)
    return {letter.upper()} if letter else {_bare(text)}


def _bare(text: str) -> str:
    return fold(text).removesuffix(".").strip()


_LONGEST = 300
_LONGEST_RAW = 1000  # with the LaTeX still in it
_MOST_NODES = 200
_LONGEST_NUMBER = 40
_DIGITS = 1000
_ORDERS = 300  # values lie between 10 to the minus this and 10 to the plus; below there is only rounding
_POINTS = 5
_FARTHEST = 5.0  # of a point's two parts, either way; beyond pi, so that log(exp(x)) is not x
_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS = {"sqrt", "log", "ln", "exp", "sin", "cos", "tan", "abs"}
_REMOVED = re.compile(r"\\(?:left|right|displaystyle|,|;|!|quad|mathrm|text)|[$]|\\[()\[\]]")
_SHORT = re.compile(r"\\[dt]?frac\s*(?:(\w)\s*(\w|\{[^{}]*\})|(\{[^{}]*\})\s*(\w))")
_SHORT_ROOT = re.compile(r"\\sqrt\s*(\w)")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\?sqrt\s*\{([^{}]*)\}")
_BOXED = re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL)


class _UnreadError(ValueError):
    """Not an expression that is read here."""


def equal(answer: str, reference: str) -> bool:
    """Tell whether two expressions are equal; texts that are none are compared as texts.

    An answer such as `x = 3` is compared by its right side; a percentage by its hundredth part. Variables are
    complex: sqrt(x^2) is not x. Values beyond 10^300 are not computed; those that differ by less than
    10^-300, or by that part of themselves, are equal.
    """
    ctx = _context()
    try:
        one, two = _parts(answer), _parts(reference)
        if len(one) != len(two):
            return False
        return all(_same(a, b, ctx) for a, b in zip(one, two, strict=True))
    except (_UnreadError, RecursionError, OverflowError, TypeError, ValueError, ZeroDivisionError):
        return _text(answer) == _text(reference)


def _context() -> Any:
    """Return arithmetic of its own precision, so that nobody else's is changed."""
    try:
        import mpmath
    except ImportError:
        raise InputError(
            "answers of mathematics are compared by mpmath, which is not installed; install the extra 'math'"
        ) from None
    ctx = mpmath.mp.clone()
    ctx.dps = _DIGITS
    return ctx


def _text(raw: str) -> str:
    return fold(_REMOVED.sub("", raw[:CHECKED])).removesuffix(".").replace(" ", "") + raw[CHECKED:]


def _parts(raw: str) -> list[ast.expr]:
    """Return the expressions of an answer; several where it is a list or a tuple."""
    if len(raw) > _LONGEST_RAW:
        raise _UnreadError
    text = _python(raw)
    if len(text) > _LONGEST:
        raise _UnreadError
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise _UnreadError from None
    if sum(1 for _ in ast.walk(body)) > _MOST_NODES:
        raise _UnreadError
    return body.elts if isinstance(body, ast.Tuple | ast.List) else [body]


def _python(raw: str) -> str:
    """Return an answer in the notation of Python: LaTeX undone, products written out."""
    text = raw.strip().rstrip(".")
    if boxed := _BOXED.search(text):
        text = boxed[1]
    text = _REMOVED.sub(" ", text.replace("{,}", ","))
    for _ in range(8):  # fractions and roots inside one another, the innermost first
        text = _SHORT_ROOT.sub(r"\\sqrt{\1}", _SHORT.sub(_in_braces, text))
        new = _ROOT.sub(r" sqrt(\1) ", _FRACTION.sub(r" ((\1)/(\2)) ", text))
        if new == text:
            break
        text = new
    text = text.replace("\\cdot", "*").replace("\\times", "*").replace("\\div", "/").replace("\\", " ")
    text = text.replace("\u2212", "-").replace("\u00d7", "*").replace("\u00b7", "*").replace("\u03c0", " pi ")
    text = text.replace("^", "**").replace("{", "(").replace("}", ")")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = text.rsplit("=", 1)[-1]
    text = re.sub(r"(?<![\d.])(\d++(?:\.\d++)?)\s*+%", r"(\1/100)", text)
    text = re.sub(r"(?<=[\d)])\s*(?=[A-Za-z(])", "*", text)
    text = re.sub(r"(?<![A-Za-z])([A-Za-z])\s*(?=\()", r"\1*", text)  # of one letter no function's name is
    return re.sub(r"\s+", " ", text).strip()


def _in_braces(fraction: re.Match[str]) -> str:
    """Return a fraction of TeX with one letter or digit for a part, with both in braces."""
    parts = [each for each in fraction.groups() if each is not None]
    return "\\frac" + "".join(each if each.startswith("{") else f"{{{each}}}" for each in parts)


def _same(one: ast.expr, two: ast.expr, ctx: Any) -> bool:
    """Tell whether two expressions have one value, at every point drawn."""
    pairs = ((_value(one, point, ctx), _value(two, point, ctx)) for point in _points(one, two))
    return all(abs(a - b) <= ctx.mpf(10) ** -_ORDERS * max(1, abs(a), abs(b)) for a, b in pairs)


def _points(*expressions: ast.expr) -> Iterator[dict[str, complex]]:
    """Draw values of the variables: the same in every run, since they are drawn by the variables' names."""
    nodes = [node for each in expressions for node in ast.walk(each)]
    names = {node.id for node in nodes if isinstance(node, ast.Name) and len(node.id) == 1}
    drawn = {name: np.random.default_rng(ord(name)) for name in sorted(names)}
    for _ in range(_POINTS if names else 1):
        yield {name: complex(*rng.uniform(-_FARTHEST, _FARTHEST, 2)) for name, rng in drawn.items()}


def _value(node: ast.expr, point: Mapping[str, complex], ctx: Any) -> Any:
    """Return the value of a node, a complex number; anything but arithmetic is refused."""
    if isinstance(node, ast.Constant):
        return _number(node.value, ctx)
    if isinstance(node, ast.Name):
        return _named(node.id, point, ctx)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        value = _value(node.operand, point, ctx)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        left, right = _value(node.left, point, ctx), _value(node.right, point, ctx)
        return _kept(_OPERATIONS[type(node.op)](left, right), ctx)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        name = node.func.id.lower()
        if name in _FUNCTIONS and len(node.args) == 1:
            function = getattr(ctx, {"abs": "fabs"}.get(name, name))
            return _kept(ctx.mpc(function(_value(node.args[0], point, ctx))), ctx)
    raise _UnreadError


def _kept(value: Any, ctx: Any) -> Any:
    """Return a value within bounds; a part that is nothing but rounding is 0, and decides no branch."""
    size = abs(value)
    if not size <= ctx.mpf(10) ** _ORDERS:
        raise _UnreadError
    least = ctx.mpf(10) ** -_ORDERS * max(1, size)
    return ctx.mpc(*(part if abs(part) > least else 0 for part in (value.real, value.imag)))


def _number(raw: object, ctx: Any) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or len(repr(raw)) > _LONGEST_NUMBER:
        raise _UnreadError
    exact = Fraction(repr(raw))
    return _kept(ctx.mpc(exact.numerator) / exact.denominator, ctx)


def _named(name: str, point: Mapping[str, complex], ctx: Any) -> Any:
    """Return a constant, or a variable; two letters together are a word, not a product."""
    if name.lower() == "i":
        return ctx.mpc(0, 1)
    if name.lower() in {"pi", "e"}:
        return ctx.mpc(getattr(ctx, name.lower()))
    if name not in point:
        raise _UnreadError
    return ctx.mpc(point[name])

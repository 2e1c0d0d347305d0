"""Checks that cost no judge: gates before it, and verifiable parts of a reward beside it.

A check is a function of a `Checking` to True or False, a number on [0, 1], or None where it cannot say. One
that raises, or cannot say, leaves the response without a reward: a verifier that crashed is no evidence of a
bad response. What it looks at is the last message of the assistant, without reasoning: an answer that only a
tool gave, or that was only thought, is none. With `part="whole"` it looks at everything.
"""

import functools
import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeGuard

import regex

from judgekit.errors import InputError, kind_of, there_are
from judgekit.items.talk import CALL
from judgekit.probes.injections import MASTER_KEYS
from judgekit.protocols.reading.replies import CHECKED
from judgekit.protocols.same import same_number
from judgekit.scales import fold
from judgekit.types import Text

Part = Literal["final", "whole"]
"""What is looked at: `final`, the last message of the assistant without reasoning; `whole`, everything."""

_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>|\[(/?)THINK\]", re.IGNORECASE)
_CHANNEL = "<|channel|>final<|message|>"  # of gpt-oss, where a trainer keeps the special tokens
_UNSPACED = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9d\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_LONG = 20  # letters of a word; longer runs are text without blanks, of Thai or of noise
_SHORT = 2_000  # characters of an answer that may be dressed up
_BRACES = re.compile(r"\\boxed\{|[{}]")
_STATED = re.compile(
    r"(?:^|\n)[ \t]*####[ \t]*|\banswer\b[*_]*[ \t]*(?:is\b|[:=]+)[ \t]*[:=]*", re.IGNORECASE
)
_OPENING = re.compile(r"(?i)^\W*(?:final )?answer\b\**(?:\s*(?:[:=]+|is\b|-(?=\s)))?")
_SENTENCE = re.compile(r"[.!?](?=\s|$)")
_AROUND = " \t\r\n*_`$\"'\u201c\u201d"
_DRESSED = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|operatorname|boxed)\s*\{")
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_TOKEN = re.compile(
    r"(?:(?<![^\s(\[{=<>:$|])[-+])?\d++(?:[.,]\d++)*+[^\W_]*+"  # a number, signed, or what begins like one
    r"|[^\W_]++|[^\w\s.,;:!?\"'()\[\]{}*_`$~\u2018-\u201f-]"
)
_EMPTY: Final = (*MASTER_KEYS, "N/A")
_SECONDS = 1.0  # of a pattern


def final(response: Text) -> str:
    """Return what a response answers: the last message of the assistant, without reasoning.

    Reasoning that never ends leaves nothing; a response whose reasoning was opened by the prompt begins
    where it ends. A message that only calls a tool answers nothing. A conversation in which no role is the
    assistant's ends with its last message.
    """
    if isinstance(response, str):
        return _without_thoughts(response)
    own = [n for n, turn in enumerate(response) if turn.role in {"assistant", CALL}]
    last = own[-1] if own else len(response) - 1
    while response[last].role == CALL and last:  # calls follow what was said with them
        last -= 1
    turn = response[last]
    return _without_thoughts(turn.content) if not own or turn.role == "assistant" else ""


def words(text: str) -> int:
    """Count what blanks separate, each sign of Chinese and Japanese, and of long words each begun 20 letters.

    >>> words("Two words"), words("\u6771\u4eac is \u5927\u304d\u3044"), words("x" * 50)
    (2, 6, 3)
    """
    unspaced = 0
    if not text.isascii():
        text, unspaced = _UNSPACED.subn(" ", text)
    some = text.split()
    if some and max(map(len, some)) > _LONG:
        return unspaced + sum(-(-len(word) // _LONG) for word in some)
    return unspaced + len(some)


def counter(tokenizer: str | None, folder: str | None = None) -> Callable[[str], int]:
    """Return what counts the words of a text, or tokens by a named tokenizer, from a spec's folder first."""
    if tokenizer is None:
        return words
    from tokenizers import Tokenizer

    beside = Path(folder or ".", tokenizer)
    is_file = beside.is_file() or tokenizer.endswith(".json")
    try:
        found = Tokenizer.from_file(str(beside)) if is_file else Tokenizer.from_pretrained(tokenizer)
    except Exception as error:  # noqa: BLE001 - it raises no kind of its own
        told = " ".join(str(error).split())[:200]
        raise InputError(f"length: tokenizer {tokenizer!r} cannot be read: {told}") from None
    return lambda text: len(found.encode(text, add_special_tokens=False).ids)


def answer_in(text: str) -> str:
    """Return the answer that a text marks last: by a box, by `####` or by "answer is"; else its last line."""
    marked = _marked(text)
    if marked is None:
        lines = text.rstrip().rsplit("\n", 1)
        marked = _OPENING.sub("", lines[-1])
    return bare(marked)


def stated_in(reference: str) -> str:
    """Return the answer that a reference marks by a box or by `####`, as data sets do, else all of it."""
    marked = _marked(reference) if "####" in reference or "\\boxed{" in reference else None
    return bare(reference if marked is None else marked)


def bare(answer: str) -> str:
    r"""Return an answer without what Markdown and TeX put around it.

    >>> bare(r"$\text{Paris}$."), bare("**42**"), bare(r"\( 5 \)")
    ('Paris', '42', '5')
    """
    for _ in range(8 if len(answer) < _SHORT else 1):
        before = answer
        answer = answer.strip(_AROUND).removesuffix(".").strip(_AROUND)
        for opening, closing in ((r"\(", r"\)"), (r"\[", r"\]")):
            if answer.startswith(opening) and answer.endswith(closing):
                answer = answer[2:-2]
        dress = _DRESSED.match(answer)
        if dress and answer.endswith("}") and _closes_at_end(answer, dress.end()):
            answer = answer[dress.end() : -1]
        if answer == before:
            break
    return answer


def tokens(text: str) -> list[str]:
    """Return words, numbers and signs; a number whole, however it is written, punctuation left out.

    >>> tokens("It costs 1,423.50 (not -42)."), tokens("know, 2nd; x<5")
    (['it', 'costs', '1423.5', 'not', '-42'], ['know', '2nd', 'x', '<', '5'])
    """
    folded = _UNSPACED.sub(r" \g<0> ", fold(text).replace("\u2212", "-"))
    return [piece for found in _TOKEN.finditer(folded) for piece in _pieces(found[0])]


def _pieces(token: str) -> Iterator[str]:
    if not token[-1].isdigit() and not any(ch.isdigit() for ch in token[:2]):
        yield token
    elif _NUMBER.fullmatch(token):
        whole, _, fraction = token.replace(",", "").lstrip("+").partition(".")
        sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
        fraction = fraction.rstrip("0")
        yield sign + (digits.lstrip("0") or "0") + ("." + fraction if fraction else "")
    elif "," in token:
        for piece in token.split(","):
            yield from _pieces(piece)
    else:
        yield token


def _without_thoughts(text: str) -> str:
    if "<" not in text and "[" not in text:
        return text.strip()
    if _CHANNEL in text:
        text = text.rsplit(_CHANNEL, 1)[1]
    said: list[str] = []
    at, thinking = 0, False
    for tag in _THOUGHT.finditer(text):
        closing = bool(tag[1] or tag[2])
        if closing and not thinking:
            said.clear()  # all before it was thought
        elif not closing and not thinking:
            said.append(text[at : tag.start()])
        at, thinking = tag.end(), not closing
    if not thinking:
        said.append(text[at:])
    return "".join(said).strip()


def _marked(text: str) -> str | None:
    """Return what the last mark of an answer says: its box, or the rest of its line or sentence."""
    box, stated = _boxed(text), None
    for stated in _STATED.finditer(text):  # noqa: B007 - the last one
        pass
    if stated is None or (box is not None and box[0] > stated.start()):
        return None if box is None else text[box[0] : box[1]]
    line, _, rest = text[stated.end() :].partition("\n")
    if not line.strip(_AROUND) or line.rstrip(_AROUND).endswith(":"):  # it stands below
        line = rest.lstrip().split("\n", 1)[0] or line
    end = _SENTENCE.search(line)
    said = line if end is None else line[: end.start()]
    return said if said.strip(_AROUND) else None


def _boxed(text: str) -> tuple[int, int] | None:
    """Return where the contents of the last box that is closed begin and end."""
    found: tuple[int, int] | None = None
    begun: list[int | None] = []  # where open braces began, of boxes only
    for brace in _BRACES.finditer(text):
        if brace[0] != "}":
            begun.append(brace.end() if len(brace[0]) > 1 else None)
        elif begun and (start := begun.pop()) is not None:
            found = (start, brace.start())
    return found


def _closes_at_end(text: str, start: int) -> bool:
    """Tell whether the brace opened before `start` is closed by the last character."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return at == len(text) - 1
    return False


@dataclass(frozen=True, slots=True)
class Checking:
    """What a check is given: the task, the response, and whatever else the data set has.

    Args:
        response: The part of the response that the check is about, as plain text.
        whole: All of the response, with what tools said and what was thought.
    """

    task: Text
    response: str
    reference: str | None
    columns: Mapping[str, Any]
    whole: str = ""


Check = Callable[[Checking], Any]
"""To True, False, a number on [0, 1] or None; it may be asynchronous."""


def number_of(said: Any) -> float | None:
    """Return what a check said, on [0, 1]; None where it could not say."""
    if said is None:
        return None
    if isinstance(said, str | bytes):
        raise ValueError(f"{said!r} is text, no number")
    number = float(said)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{said!r} is not on [0, 1]")
    return number


def says_something(seen: Checking, *, least: int = 1) -> bool | None:
    """Tell whether there are so many letters or digits, and more than an empty opener."""
    if len(seen.response) > CHECKED:
        return None
    bare = {_bare(key) for key in _EMPTY}
    text = _bare(seen.response)
    return text not in bare and len(text) >= least


def contains_reference(seen: Checking) -> bool | None:
    """Tell whether the reference stands in the response as a whole, case, blanks and punctuation aside."""
    if not _given(seen.reference) or len(seen.response) > CHECKED:
        return None
    reference = tokens(seen.reference)
    if not reference:  # nothing but punctuation
        return fold(seen.reference) in fold(seen.response)
    return f" {' '.join(reference)} " in f" {' '.join(tokens(seen.response))} "


def equals_reference(seen: Checking, *, mathematics: bool = False) -> bool | None:
    """Tell whether the response's answer is the reference; None without a reference.

    The answer is what is marked last, by a box, `####` or "answer is", else the last line; a reference that
    marks its own is that answer. Numbers may be written in another way; the texts must else be equal, case,
    Markdown and TeX around them aside; or, with `mathematics` (the extra `math`), equal as expressions, which
    is bounded in size and time, as computer algebra is not.
    """
    if not _given(seen.reference) or len(seen.response) > CHECKED:
        return None
    said, reference = answer_in(seen.response), stated_in(seen.reference)
    if same_number(said, reference, tolerance=0.0) or fold(said) == fold(reference):
        return True
    if not mathematics:
        return False
    from judgekit.protocols.same import equal

    return equal(said, reference)


def math_verify(seen: Checking, *, seconds: float = 5.0) -> bool | None:
    """Tell whether the response's answer is the reference by computer algebra; None where that is none.

    Both answers are found as `equals_reference` finds them; math-verify (the extra `math-verify`) compares
    them as LaTeX: sets, intervals and equations too. What takes more than so many seconds is a ValueError.
    """
    if equals_reference(seen) is not False:
        return equals_reference(seen)
    from judgekit.rewards.core.algebra import same_mathematics

    return same_mathematics(answer_in(seen.response), stated_in(seen.reference or ""), seconds)


def _given(reference: str | None) -> TypeGuard[str]:
    """Tell whether there is a reference; data sets leave one out as an empty text."""
    return reference is not None and bool(reference.strip())


def is_json(seen: Checking) -> bool:
    """Tell whether the response is one JSON value."""
    try:
        json.loads(seen.response)
    except (ValueError, RecursionError):  # what nests that deep is none that anything reads
        return False
    return True


def words_at_most(seen: Checking, *, most: int) -> bool:
    """Tell whether the response has at most so many words, as `words` counts them."""
    return words(seen.response) <= most


def matches(seen: Checking, *, pattern: str) -> bool:
    """Tell whether a pattern of the spec's author is found; a `TimeoutError` after a second."""
    return regex.search(pattern, seen.response, regex.DOTALL, timeout=_SECONDS, concurrent=True) is not None


KINDS: Final[Mapping[str, Callable[..., bool | float | None]]] = {
    "says_something": says_something,
    "contains_reference": contains_reference,
    "equals_reference": equals_reference,
    "math_verify": math_verify,
    "is_json": is_json,
    "words_at_most": words_at_most,
    "matches": matches,
}


def check_of(kind: str, settings: Mapping[str, Any], *, own_code: bool = False) -> Check:
    """Return the check of a name, with its settings."""
    if kind.startswith("py:"):
        found: Any = _imported(kind, allowed=own_code)
    elif kind in KINDS:
        found = KINDS[kind]
    else:
        raise InputError(f"no check {kind!r}; {there_are(kind, [*KINDS, 'py:module:function'])}")
    if not callable(found):
        raise InputError(f"check {kind!r} is {kind_of(found)}, not a function")
    check = functools.partial(found, **settings)
    if kind in KINDS:
        try:
            check(Checking("", "x", "y", {}))
        except (TypeError, regex.error) as error:
            takes = [name for name in inspect.signature(found).parameters if name != "seen"]
            told = (
                f"its settings are {', '.join(takes) or 'none'}" if set(settings) - {*takes} else str(error)
            )
            raise InputError(f"check {kind!r} with {dict(settings)}: {told}") from None
    return check


def _imported(kind: str, *, allowed: bool) -> Any:
    _, module, name = (*kind.split(":"), "", "")[:3]
    if not allowed:
        raise InputError(f"check {kind!r} imports code; allow it with own_code=True (--own-code)")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"check {kind!r}: {error}") from None


def _bare(text: str) -> str:
    """Return the letters and digits of a text."""
    return "".join(ch for ch in fold(text) if ch.isalnum())

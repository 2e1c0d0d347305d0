r"""What a response answers: its last message without reasoning, the answer marked in it, words and tokens.

Checks and the length penalty are about what the policy answers, not about what tools said or what it
thought. Everything here is linear in the text.
"""

import re
from collections.abc import Iterator
from typing import Literal, get_args

from judgekit.prompt import flat
from judgekit.scales import fold
from judgekit.types import Text

Part = Literal["final", "whole"]
"""What is looked at: `final`, the last message of the assistant without reasoning; `whole`, everything."""
PARTS: tuple[str, ...] = get_args(Part)

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


def final(response: Text) -> str:
    """What a response answers: the last message of the assistant, without reasoning.

    Reasoning that never ends leaves nothing; a response whose reasoning was opened by the prompt begins
    where it ends. A conversation in which no role is the assistant's ends with its last message.

    >>> final("<think>Is it 41?</think> It is 42."), final("Is it 41?</think>42"), final("<think>Is it")
    ('It is 42.', '42', '')
    """
    if isinstance(response, str):
        return _without_thoughts(response)
    own = [turn.content for turn in response if turn.role == "assistant"] or [response[-1].content]
    return _without_thoughts(own[-1])


def part_of(response: Text, part: Part) -> str:
    """A part of a response."""
    return final(response) if part == "final" else flat(response)


def words(text: str) -> int:
    """How many words there are: what blanks separate, and each sign of Chinese and Japanese.

    Of a word without blanks each begun twenty letters count, so that no text is short for want of them.

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


def answer_in(text: str) -> str:
    r"""The answer that a text marks last: by a box, by `####` or by "answer is"; else its last line.

    >>> answer_in(r"So \boxed{\text{Paris}}."), answer_in("6 * 7\n#### 42"), answer_in("The answer is 42.")
    ('Paris', '42', '42')
    """
    marked = _marked(text)
    if marked is None:
        lines = text.rstrip().rsplit("\n", 1)
        marked = _OPENING.sub("", lines[-1])
    return bare(marked)


def stated_in(reference: str) -> str:
    r"""The answer of a reference: what it marks by a box or by `####`, as data sets do, else all of it.

    >>> stated_in("6 * 7 is 42.\n#### 42"), stated_in("The answer is blowing in the wind")
    ('42', 'The answer is blowing in the wind')
    """
    marked = _marked(reference) if "####" in reference or "\\boxed{" in reference else None
    return bare(reference if marked is None else marked)


def bare(answer: str) -> str:
    r"""An answer without what Markdown and TeX put around it.

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
    """The words, numbers and signs of a text; a number whole, however it is written, punctuation left out.

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
    """What the last mark of an answer says: its box, or the rest of its line up to the sentence's end."""
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
    r"""Where the contents of the last box that is closed begin and end."""
    found: tuple[int, int] | None = None
    begun: list[int | None] = []  # where open braces began, of boxes only
    for brace in _BRACES.finditer(text):
        if brace[0] != "}":
            begun.append(brace.end() if len(brace[0]) > 1 else None)
        elif begun and (start := begun.pop()) is not None:
            found = (start, brace.start())
    return found


def _closes_at_end(text: str, start: int) -> bool:
    """Whether the brace opened before `start` is closed by the last character."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return at == len(text) - 1
    return False

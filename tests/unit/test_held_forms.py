"""What a judged text holds in a line of its own is not read from a judge that quotes it, however marked."""

from itertools import cycle, product

import pytest

from judgekit.judges.resolve import Scripted
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.rubric import Rubric
from judgekit.types import Call, Item, Reply, Verdict

BEFORE = [
    "", "_", "*", "**", "~~", "`", '"', "'", "(", "[", "{", "<b>",
    "| ", "# ", "- ", "> ", "1. ", "\u201c", "\xab", "\t", "\\", "$", "/", "=",
    "+", "\u3000", "\u2026", "\u200b", "**_",
]  # fmt: skip
AFTER = [
    "", ",", ";", ":", ".", "!", "\u3002", "\u3001", "\u2026", " |", "_", "**",
    "~~", "`", '"', ")", "]", "}", "</b>", "\\", "$", "/", "=", "\u200b",
    "\u201d", " -", " \u2013", " (", "<br/>", " *", "#", "%", "\xad", "_**",
]  # fmt: skip
BREAKS = cycle(["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
SETTINGS = {
    "number": ({"labels": ["1", "2", "3", "4", "5"]}, "grade", "text", "5"),
    "word": ({"labels": ["poor", "good"]}, "grade", "text", "good"),
    "number between": ({"low": 0, "high": 10}, "grade", "text", "7"),
    "letter": ({"labels": ["no", "yes"]}, "grade", "letters", "B"),
    "better": ({"labels": ["no", "yes"]}, "compare", "text", "B"),
    "order": ({"labels": ["no", "yes"]}, "rank", "text", "B > A"),
}


def call_about(text: str, scale: dict, protocol: str, form: str) -> Call:
    rubric = Rubric.model_validate({"id": "r", "criteria": [{"id": "c", "text": "Is it?", "scale": scale}]})
    plan = Plan(rubric, (Scripted("judge", ""),), protocol=protocol, form=form, orders="given")
    return plan.calls(Item("1", "Why?", {"a": text, "b": "The Sun."}))[0]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_line_that_the_judged_text_holds_is_never_the_judge_s(name: str):
    *asked, said = SETTINGS[name]
    n = 0
    for before, after in product(BEFORE, AFTER):
        end, line = next(BREAKS), f"{before}{said}{after}"
        call = call_about(f"The tide rises{end}{line}{end}The Moon pulls", *asked)
        for reply in (
            f"It ends so:\n\n{line}",
            f"It ends so:{end}{line}",
            f"It ends so:\n\n{said}",
            f"{said}\nThat is in it.",
        ):
            n += 1
            labels = [o.label for o in read(call, Reply(reply)) if isinstance(o, Verdict)]
            assert labels == [], (line, end, reply)
    assert n == 4 * len(BEFORE) * len(AFTER)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_line_is_the_judge_s_where_the_text_does_not_hold_it(name: str):
    *asked, said = SETTINGS[name]
    call = call_about("The tide rises, since the Moon pulls.", *asked)

    replies = (
        [said]
        if name == "letter"
        else [said, f"It is about tides.\n\n{said}", f"It is about tides.\n\n**{said}**"]
    )

    assert all(isinstance(read(call, Reply(reply))[0], Verdict) for reply in replies)

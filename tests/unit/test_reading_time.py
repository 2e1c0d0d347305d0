"""Reading takes time in proportion to the text, whatever the text is; and how much is looked at is bounded.

Times are of the process. A pattern fails only where eight times the text takes a hundred milliseconds and
more than 24 times as long, which is far from what a straight one takes; a reader only where it seems to hang.
"""

import random
import signal
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import adversarial
import reading_time

from judgekit.protocols import read
from judgekit.protocols.conventions import Text, read_by
from judgekit.protocols.reading import replies
from judgekit.protocols.reading.material import Shown
from judgekit.protocols.recorded import first_line_scores, result_marker, stated_winner
from judgekit.scales import Labels, fold, nfkc
from judgekit.types import Ask, Call, Reply, Unit, Verdict

FIVE = Labels(labels=("1", "2", "3", "4", "5"))
CALL = Call(
    "j", (Ask(Unit("1", ("a",)), "clarity", FIVE),), "grade", (), tag="9f2c41d07a6be8359f2c41d0",
    judged=(("response", "The Moon."),), schema={},
)  # fmt: skip
HANGS = 20  # seconds in which nothing of this comes near an end unless it is straight


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise TimeoutError("this does not end")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANGS * 6)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def seconds(look: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    look(text)
    return time.process_time() - start


@pytest.mark.parametrize(
    "text",
    [
        "{" + "/**/" * 24 + "!",
        "{" + "/**/" * 24_000 + "!",
        '{"label":' + " " * 1_600,
        '{"label":' + " " * 90_000,
        "{" + " " * 10_000,
        "{" + " " * 99_000 + "x",
        "[[" + " " * 8_000,
        "<score>" + " " * 90_000,
        '{"label": "' + '\\"' * 8_000,
        '{"a": "' + '\\"' * 40_000 + '"}!',
        '{"label": "4", "why": "' + 'the "so" and ' * 4_000,
        "{'a': [" * 8_000,
        '{"a":{"b":[1,2,' * 5_000,
        "{" * 50_000 + "}" * 49_000,
        "so " * 33_000,
        "Output (a) " * 9_000,
        "Score: " * 14_000 + "4",
        "Verdict: A\n" * 9_000,
        "[[A]] " * 16_000,
        "\u0301\u0316" * 50_000,
        "```" + " " * 90_000 + "!",
        "\n" * 99_000,
    ],
    ids=lambda text: f"{text[:12]!r} {len(text)}",
)
def test_no_reply_holds_a_reader(text: str):
    scales = (None, CALL.asks[0].scale)
    marked = [lambda each, scale=scale: read_by("brackets", [Text("", each, scale)]) for scale in scales]
    for look in (
        stated_winner,
        first_line_scores,
        result_marker,
        *marked,
        lambda each: read(CALL, Reply(each)),
    ):
        assert seconds(look, text) < HANGS

    assert not any(isinstance(outcome, Verdict) and text.endswith("!") for outcome in read(CALL, Reply(text)))


def test_a_response_of_marks_does_not_hold_the_reading_of_an_ordinary_reply():
    marks = "\u0301\u0316" * 20_000
    call = replace(CALL, judged=(("response", marks),))

    for said in ('{"evidence": ["x"], "rationale": "so", "label": "4"}', "I say:\nScore: 4", "4"):
        assert seconds(lambda text: read(call, Reply(text)), said) < HANGS
    assert [outcome.label for outcome in read(call, Reply("I say:\nScore: 4"))] == ["4"]
    assert seconds(fold, "\u0301\u0316" * 500_000) < HANGS


def test_only_what_no_writing_has_is_normalised_in_another_way():
    usual = (
        "Z\u0323\u0307\u0302 \u1100\u1161\u11a8 \uff21\uff9e\u30ab\uff9e \u0928\u0902\u093f " + "e\u0301" * 99
    )

    assert nfkc(usual) == unicodedata.normalize("NFKC", usual)
    assert all(unicodedata.is_normalized("NFKC", nfkc(usual + "\u0301\u0316" * n)) for n in (1, 14))


def test_what_is_longer_than_the_bound_is_malformed_and_says_how_long():
    text = f'{{"rationale": "{"x" * replies.REPLY}", "label": "4"}}'

    [outcome] = read(CALL, Reply(text))

    assert outcome.reason == "malformed"
    assert outcome.detail == f"too long to read: {len(text):,} characters; 100,000 at most are looked at"
    thought = f"<think>{'Perhaps 3. ' * 50_000}</think>{CALL.tag} clarity: 4"
    assert [each.label for each in read(CALL, Reply(thought))] == ["4"]


def test_judged_texts_beyond_the_bound_hold_every_form():
    long = replace(CALL, judged=(("source", "Tides. " * 20_000),))

    assert [o.label for o in read(long, Reply('{"label": "4"}'))] == ["4"]
    assert [o.label for o in read(long, Reply(f"{CALL.tag} clarity: 4"))] == ["4"]
    assert [o.reason for o in read(long, Reply("I say:\nScore: 4"))] == ["malformed"]


def test_quotations_are_looked_for_within_a_bound():
    shown = Shown((("response", "The tides rise. " * 60_000),))

    found = shown.locate([f"the tides arise, {i} times a day, as they say" for i in range(1_000)])

    assert len(found) == replies.QUOTES
    assert shown.cells <= replies.CELLS + 960_000 * 60


def test_all_functions_that_make_patterns_are_in_the_battery():
    assert set(adversarial.builders()) == set(adversarial.BUILT)


@pytest.mark.parametrize("used", adversarial.patterns(), ids=lambda used: used.where)
def test_no_pattern_takes_longer_than_its_text_is_long(used: adversarial.Used):
    slow = []
    for i in range(6):
        short, long = (
            next(adversarial.strings(used.pattern, n, random.Random(f"{used.where} {i}"), 1))  # noqa: S311
            for n in (2_000, 16_000)
        )
        took = seconds(used.apply, long)
        if took > 0.1 and min(seconds(used.apply, long) for _ in range(2)) > 24 * seconds(used.apply, short):
            slow.append((took, long[:60]))

    assert not slow


def test_a_hundred_adversarial_strings_hold_no_reader():
    slow = [
        (name, len(text), text[:60])
        for text in reading_time.generated(100, seed=7, longest=8_000)
        for name, reader in READERS.items()
        if seconds(reader, text) > HANGS / 4
    ]

    assert not slow


READERS = reading_time.readers()


def test_text_is_normalised_in_one_place_which_bounds_it():
    sources = Path(adversarial.judgekit.__file__).parent.rglob("*.py")
    places = {path.name for path in sources if "unicodedata.normalize(" in path.read_text(encoding="utf-8")}

    assert places == {"scales.py"}

"""The check `math_verify`: equal by computer algebra, and ended where that goes on for ever."""

import os

import pytest

from judgekit.errors import InputError
from judgekit.rewards.core import algebra
from judgekit.rewards.core.checks import Checking, check_of

pytest.importorskip("math_verify", reason="needs math-verify (the extra 'math-verify')")


def said(response, reference, **settings):
    return check_of("math_verify", settings)(Checking("", response, reference, {}))


@pytest.mark.parametrize(
    ("response", "reference", "same"),
    [
        (r"So it is \boxed{\frac{1}{2}}.", "0.5", True),
        (r"\boxed{(x+1)^2}", "x^2+2x+1", True),
        (r"\boxed{\{2, 1\}}", r"\{1, 2\}", True),
        (r"\boxed{[1, 2)}", "[1, 2]", False),
        (r"\boxed{3}", "4", False),
        ("The answer is red.", "Red", True),  # equal texts need no algebra
        (r"\boxed{__import__('os').abort()}", "1", False),
    ],
)
def test_answers_are_compared_by_what_they_mean(response, reference, same):
    assert said(response, reference) is same


@pytest.mark.parametrize("reference", ["", "?!", r"\frac{"])
def test_without_a_reference_that_is_read_it_cannot_say(reference):
    assert said(r"\boxed{1}", reference) is None


def test_a_comparison_that_cannot_be_made_is_no_answer(monkeypatch):
    worker = algebra._Worker()  # noqa: SLF001 - the process that compares
    assert worker.asked(["1", "1"], 30) is True

    assert worker.asked(["1", 2], 30).startswith("AttributeError: ")
    monkeypatch.setattr(algebra._Worker, "asked", lambda *_: "MemoryError: ")  # noqa: SLF001
    with pytest.raises(ValueError, match="by math-verify failed: MemoryError"):
        said(r"\boxed{\frac{1}{2}}", "0.5x")


def test_a_worker_that_died_is_not_asked_and_a_forked_process_has_its_own():
    assert said(r"\boxed{\frac{3}{6}}", r"\frac{1}{2}") is True
    [*before] = algebra._idle  # noqa: SLF001
    for each in before:
        each._process.kill()  # noqa: SLF001
        each._process.wait()  # noqa: SLF001

    assert said(r"\boxed{\frac{4}{8}}", r"\frac{1}{2}") is True
    assert algebra._idle  # noqa: SLF001
    if (child := os.fork()) == 0:
        os._exit(len(algebra._idle))  # noqa: SLF001
    assert os.waitpid(child, 0)[1] == 0


def test_what_goes_on_for_ever_is_ended_and_the_next_one_is_compared():
    with pytest.raises(ValueError, match=r"the comparison by math-verify took more than 0.5 seconds"):
        said(r"\boxed{9^{9^{9^9}} + 9^{9^{9^8}} - 9^{9^9}!}", "1+x", seconds=0.5)

    assert said(r"\boxed{\frac{2}{4}}", r"\frac{1}{2}") is True


def test_without_math_verify_the_spec_is_refused(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(InputError, match="install the extra 'math-verify'"):
        check_of("math_verify", {})

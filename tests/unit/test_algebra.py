"""The check `math_verify`: equal by computer algebra, and ended where that goes on for ever."""

import pytest

from judgekit.errors import InputError
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


def test_without_a_reference_it_cannot_say():
    assert said(r"\boxed{1}", "") is None


def test_what_goes_on_for_ever_is_ended_and_the_next_one_is_compared():
    with pytest.raises(ValueError, match=r"the comparison by math-verify took more than 0.5 seconds"):
        said(r"\boxed{9^{9^{9^9}} + 9^{9^{9^8}} - 9^{9^9}!}", "1+x", seconds=0.5)

    assert said(r"\boxed{\frac{2}{4}}", r"\frac{1}{2}") is True


def test_without_math_verify_the_spec_is_refused(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(InputError, match="install the extra 'math-verify'"):
        check_of("math_verify", {})

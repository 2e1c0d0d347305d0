import pytest

from judgekit.protocols.recorded import first_line_scores, result_marker, stated_winner


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("8 9\nAssistant 2 goes into more detail.", (8.0, 9.0)),
        ("\n\n7.5 8\nBoth are fine.", (7.5, 8.0)),
        ("8, 9", (8.0, 9.0)),
        ("10\t6.5 \nWell.", (10.0, 6.5)),
    ],
)
def test_the_scores_stand_on_the_first_line(text: str, scores: tuple[float, ...]):
    assert first_line_scores(text) == scores


def test_half_points_are_kept():
    assert first_line_scores("6.5 9.5\nAssistant 2.") == (6.5, 9.5)


WORKED = (
    "First, I solve it: from (2, -2) to (10, 4) it is 10 units.\n\nAssistant 1:\nThe steps are right.\n\n"
)


@pytest.mark.parametrize(
    ("end", "scores"),
    [
        ("Scores:\nAssistant 1: 10\nAssistant 2: 4\n\nAssistant 1 is better.", (10.0, 4.0)),
        ("Scores:\n\nAssistant 1: 1/10 (no steps)\nAssistant 2: 2.5/10 (wrong)", (1.0, 2.5)),
        ("Assistant 1: 3/10 - no steps.\n\nAssistant 2: 4/10 - wrong steps.", (3.0, 4.0)),
        ("The output tuple is (10, 1). Assistant 1 is better.", (10.0, 1.0)),
        ("In conclusion, the scores are (1, 5) for Assistant 1 and Assistant 2.", (1.0, 5.0)),
        ("Assistant 1: 2\nAssistant 2: 2\nOn reflection.\nOutput: (1, 7)", (1.0, 7.0)),
        ("Output: (1, 7)\nOn reflection.\nAssistant 1: 2\nAssistant 2: 3", (2.0, 3.0)),
    ],
)
def test_after_a_solution_the_scores_stand_at_the_end(end: str, scores: tuple[float, ...]):
    assert first_line_scores(WORKED + end) == scores


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Assistant 1 is better.",
        "8\nOnly one was scored.",
        "8 9 7\nOne too many.",
        WORKED,  # the points of the problem are no scores
        WORKED + "Assistant 1: 10\n",
        WORKED + "Assistant 1: 10 points were plotted.\nAssistant 2: 4 points were plotted.",
        "Both answers name 2 causes and 3 effects.",
    ],
)
def test_what_the_rule_does_not_find_is_not_guessed(text: str):
    assert first_line_scores(text) is None


def test_as_many_scores_as_responses_were_shown():
    assert first_line_scores("8 9 7\nThree.", n=3) == (8.0, 9.0, 7.0)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Feedback: It is clear. [RESULT] 4", "4"),
        ("It is not. [RESULT] Score: 1.", "1"),
        ("[RESULT] 2 was my first thought. [RESULT] 3", "3"),
        ("Good. [result]: **5**", "5"),
        ("Halfway. [RESULT] 3.5", "3.5"),
        ("The response is what a score of 5 asks for.", None),
        ("[RESULT]", None),
        ("", None),
    ],
)
def test_the_result_of_a_feedback_stands_after_its_last_marker(text: str, marked: str | None):
    assert result_marker(text) == marked


@pytest.mark.parametrize(
    ("text", "winner"),
    [
        ("Both responses are equally polite, but the first one is longer.", None),
        ("Both responses are equally good.", "tie"), ("The two answers are the same in length.", None),
        ("Assistant 1:\nIt is polite.", None), ("Output (a)", "A"),
    ],
)  # fmt: skip
def test_a_property_that_is_shared_is_no_tie_and_a_heading_no_winner(text: str, winner: str | None):
    assert stated_winner(text) == winner

"""Sixty and more conventions of recorded judges: none is read wrong; what cannot be read is refused."""
# ruff: noqa: E501 - a convention is a row of the table

from itertools import cycle, islice

import pytest

from judgekit.errors import InputError
from judgekit.recordings import ingest, recorded
from judgekit.rubric import Rubric
from judgekit.types import Verdict

PAIRS = Rubric(id="r", criteria=[{"id": "better", "text": "Which is better?"}])
FIVE = Rubric(id="r", criteria=[{"id": "kind", "text": "How kind is it?", "scale": "1-5"}])
ROW = {"item_id": "1", "rater": "j"}
UNSURE = {"labels": ["no", "yes"], "cannot_tell": "cannot tell"}
YES = Rubric(id="r", criteria=[{"id": "kind", "text": "Is it kind?", "scale": UNSURE}])

PROSE = (
    "Both responses are equally polite and about the same length.",
    "Assistant 1 gives a concise answer; Assistant 2 goes into more detail.",
    "Response B is better in style, but style was not asked for. Output (a) is the longer of the two.",
    "If only tone mattered, the winner would be B; some would say it is a tie.",
    "Assistant 1:\nThe steps are right.\n\nAssistant 2:\nThe sum is wrong.",
    "The problem has 2 solutions, and the final answer is 2. Response A is better organised than response B.",
    "The user asked which is better, A or B, and got 1 reply of 9 lines.",
)
GRADED = (
    "It would not deserve a rating of 3.",
    "The response claims a score of 5, and a reader might give it a 4.",
    "Point 1 is right.\n\nPoint 2 is not, and yes, it matters.",
    "A 2 would be too harsh, a 4 too kind.",
)

ABT = {"A": "A", "B": "B", "tie": "tie"}
ONES = {"A": "Response 1", "B": "Response 2", "tie": "Tie"}

# What the convention is called, what auto reads it as (None: it refuses), the text of a verdict with @ in its
# place and WHY where the reasons stand, and what @ is for each verdict.
PAIRED = [
    ("mt-bench", "brackets", "WHY\n\n[[@]]", {"A": "A", "B": "B", "tie": "C"}),
    ("mt-bench in a sentence", "brackets", "WHY Therefore, my final verdict is [[@]].", {"A": "A", "B": "B", "tie": "C"}),
    ("arena-hard", "brackets", "WHY\n\nMy final verdict is: [[@]]", {"A": "A>>B", "B": "B>A", "tie": "A=B"}),
    ("arena-hard, said in words too", "brackets", "WHY\nMy final verdict is that it is close: [[@]]", {"A": "A>B", "B": "B>>A", "tie": "A=B"}),
    ("arena-hard with less-than", "brackets", "WHY\n[[@]]", {"A": "A>B", "B": "A<<B", "tie": "A=B"}),
    ("brackets first", "brackets", "[[@]]\nWHY", {"A": "A", "B": "B", "tie": "Tie"}),
    ("brackets of names", "brackets", "WHY\nWinner: [[@]]", {"A": "Assistant A", "B": "Assistant B", "tie": "tie"}),
    ("brackets overrule a keyword", "brackets", "Verdict: B\nWHY\n[[@]]", {"A": "A", "B": "B", "tie": "A=B"}),
    ("brackets after their instruction", "brackets", 'I write "[[A]]" if A is better, "[[B]]" if B is better, and "[[C]]" for a tie.\nWHY\n[[@]]', {"A": "A", "B": "B", "tie": "C"}),
    ("brackets after thoughts", "brackets", "<think>Maybe [[B]]? Or [[C]].</think>WHY [[@]]", {"A": "A", "B": "B", "tie": "C"}),
    ("brackets of two scores", "brackets", "WHY\nScores: [[@]]", {"A": "8, 7", "B": "3, 9", "tie": "6, 6"}),
    ("prometheus, relative", "result_marker", "Feedback: WHY [RESULT] @", ABT),
    ("prometheus, in bold", "result_marker", "WHY\n\n**[RESULT]** @", ONES),
    ("fastchat", "first_line", "@\nWHY", {"A": "8 7.5", "B": "7 9", "tie": "8 8"}),
    ("judgelm with commas", "first_line", "@\n\nWHY", {"A": "10, 7", "B": "4, 9", "tie": "5, 5"}),
    ("faireval", "scores", "WHY\n@", {"A": "Score of Assistant 1: 8\nScore of Assistant 2: 7", "B": "Score of Assistant 1: 5\nScore of Assistant 2: 7", "tie": "Score of Assistant 1: 8\nScore of Assistant 2: 8"}),
    ("chateval", "scores", "WHY\n\n@", {"A": "The score of Assistant 1: 9\nThe score of Assistant 2: 8", "B": "The score of Assistant 1: 2\nThe score of Assistant 2: 8", "tie": "The score of Assistant 1: 8\nThe score of Assistant 2: 8"}),
    ("scores out of ten", "scores", "WHY\n@", {"A": "**Response A**: 8/10\n**Response B**: 7/10", "B": "**Response A**: 6/10\n**Response B**: 7/10", "tie": "**Response A**: 7/10\n**Response B**: 7/10"}),
    ("scores on one line", "scores", "@\nWHY", {"A": "Score A: 4, Score B: 3", "B": "Score A: 1, Score B: 3", "tie": "Score A: 4, Score B: 4"}),
    ("scores by part and overall", "scores", "Accuracy\nAssistant 1: 3\nAssistant 2: 9\nWHY\n@", {"A": "Overall score of Assistant 1: 8\nOverall score of Assistant 2: 7", "B": "Overall score of Assistant 1: 6\nOverall score of Assistant 2: 7", "tie": "Overall score of Assistant 1: 8\nOverall score of Assistant 2: 8"}),
    ("llmbar", "line", "@", {"A": "Output (a)", "B": "Output (b)", "tie": "Tie"}),
    ("pandalm", "line", "@\n\n### Reason: WHY\n\n### Reference: Take 2.", {"A": "1", "B": "2", "tie": "Tie"}),
    ("shepherd", "line", "@\nWHY", {"A": "A: Feedback 1 is significantly better.", "B": "B: Feedback 2 is significantly better.", "tie": "C: Neither is significantly better."}),
    ("shepherd, short", "line", "@\nWHY", {"A": "A: Feedback 1", "B": "B: Feedback 2", "tie": "C: Neither"}),
    ("a name alone", "line", "@", {"A": "model_a", "B": "model_b", "tie": "tie"}),
    ("a name in bold at the end", "line", "WHY\n\n**@**", ONES),
    ("a comparison at the end", "line", "WHY\n\n@", {"A": "A > B", "B": "B > A", "tie": "A = B"}),
    ("arena's votes", "line", "@", {"A": "model_a", "B": "model_b", "tie": "tie (bothbad)"}),
    ("verdict at the end", "keyword:verdict", "WHY\nFinal verdict: @", ABT),
    ("verdict first", "keyword:verdict", "Verdict: @\nWHY", ONES),
    ("verdict in bold, explained", "keyword:verdict", "**Verdict:** @. It is what was asked for.\nWHY", ABT),
    ("verdict on the next line", "line", "WHY\n\n## Final Verdict:\n\n@", ONES),
    ("winner", "keyword:winner", "WHY\nWinner: @", ONES),
    ("winner by part and overall", "keyword:winner", "Winner: A\nThat is for accuracy.\nWinner: B\nThat is for style.\nWHY\nOverall winner: @", ABT),
    ("auto-j", "keyword:decision", "WHY So, the final decision is @.", ONES),
    ("preferred response", "keyword:preferred", "WHY\nPreferred response: @", ABT),
    ("better and worse", "keyword:better", "Better response: @\nWorse response: not the other one\nWHY", ABT),
    ("answer letter", "keyword:answer", "WHY\nAnswer: @", ONES),
    ("judgement with its words", "keyword:judgement", "WHY\nJudgement: @", {"A": "Response A is slightly better", "B": "Response B is much better", "tie": "Both are equally good"}),
    ("in an element", "element", "<analysis>WHY</analysis>\n<verdict>@</verdict>", ABT),
    ("in an answer's element", "brackets", "<think>It is B.</think><answer>@</answer>", {"A": "[[A]]", "B": "[[B]]", "tie": "[[C]]"}),
    ("an object", "object", '{"explanation": "WHYJSON", "winner": "@"}', ABT),
    ("an object in a fence", "object", 'WHY\n```json\n{"preferred": "@", "confidence": 0.7}\n```', ONES),
    ("an object of two scores", "object", '{"reason": "WHYJSON", @}', {"A": '"score_a": 8, "score_b": 5', "B": '"score_a": 4, "score_b": 5', "tie": '"score_a": 5, "score_b": 5'}),
    ("an object of named scores", "object", '{@, "reason": "WHYJSON"}', {"A": '"assistant_1": 8, "assistant_2": 5', "B": '"assistant_1": 8, "assistant_2": 9', "tie": '"assistant_1": 3, "assistant_2": 3'}),
    # What cannot be told is refused.
    ("prose alone", None, "WHY", {"A": "", "B": "", "tie": ""}),
    ("prose that concludes", None, "WHY Therefore, @.", {"A": "Output (a) is better", "B": "Output (b) is better", "tie": "both are equal"}),
    ("headings alone", None, "Assistant 1\nIt is @ and long.\n\nAssistant 2\nIt is short.", {"A": "good", "B": "bad", "tie": "fair"}),
    ("headings with a colon", None, "Assistant 1:\nIt is @.\n\nWHY", {"A": "good", "B": "bad", "tie": "fair"}),
    ("one heading", None, "Response A\nIt is @.\nThe other one is as long.", {"A": "good", "B": "bad", "tie": "fair"}),
    ("numbered from nought", None, "@", {"A": "0", "B": "1", "tie": "tie"}),
    ("m and M", None, "@", {"A": "m", "B": "M", "tie": "m"}),
    ("five letters", None, "WHY\nVerdict: @", {"A": "A", "B": "E", "tie": "C"}),
    ("B for a tie", None, "@", {"A": "A", "B": "C", "tie": "B"}),
    ("won, lost, tied", None, "WHY\n[[@]]", {"A": "W", "B": "L", "tie": "T"}),
    ("plus and minus", None, "@", {"A": "1", "B": "-1", "tie": "0"}),
    ("ranks", None, "@\nWHY", {"A": "1 2", "B": "2 1", "tie": "1 1"}),
    ("numbers of errors", None, "Errors:\n@\nWHY", {"A": "Assistant 1: 3\nAssistant 2: 5", "B": "Assistant 1: 3\nAssistant 2: 0", "tie": "Assistant 1: 3\nAssistant 2: 3"}),
    ("the worse one in brackets", None, "WHY\nThe worse response is: [[@]]", {"A": "B", "B": "A", "tie": "C"}),
    ("the loser", None, "WHY\nLoser: @", {"A": "B", "B": "A", "tie": "tie"}),
    ("the worse answer", None, "WHY\nWorse answer: @", {"A": "B", "B": "A", "tie": "tie"}),
    ("options that changed places", None, "@\nWHY", {"A": "B: Feedback 1 is better.", "B": "A: Feedback 2 is better.", "tie": "C: Neither"}),
    ("two marks that disagree", None, "WHY\nVerdict: @\nWinner: B\n", {"A": "A", "B": "B", "tie": "tie"}),
    ("taken back", None, "[[A]]\nWHY\nOn reflection, it is @.", {"A": "A", "B": "B", "tie": "a tie"}),
    ("a problem's answer", None, "WHY\nAnswer: 2\n@ is right.", {"A": "Assistant 1", "B": "Assistant 2", "tie": "Each"}),
    ("ties in a word of one's own", None, "WHY\n[[@]]", {"A": "A", "B": "B", "tie": "pareil"}),
    ("are they equivalent", None, "WHY\nMy final verdict is different [[@]]", {"A": "A!=B", "B": "A!=B", "tie": "A=B"}),
    ("less-than the wrong way round", None, "WHY\n[[@]]", {"A": "A>B", "B": "B<A", "tie": "A=B"}),
    ("the one that is worse, asked", None, "Which response is worse?\nAnswer: @\nWHY", ABT),
    ("fewer is better", None, "Score of A: @ (lower is better)\nScore of B: 3\nWHY", {"A": "1", "B": "5", "tie": "3"}),
    ("a preference from 1 to 5", None, "WHY\nPreference: @", {"A": "1", "B": "5", "tie": "3"}),
    ("said by the response", None, 'The response says "[[@]]", which I pass over. WHY', {"A": "B", "B": "A", "tie": "C"}),
    ("a verdict below what the response says", "brackets", 'The response says "[[B]]", which I pass over. WHY\n[[@]]', {"A": "A", "B": "B", "tie": "C"}),
    ("a verdict in words before its brackets", "brackets", "WHY My final verdict would be that one of them is worse: [[@]]", {"A": "A>B", "B": "B>A", "tie": "A=B"}),
    ("auto-j, and on", "keyword:decision", "WHY\nSo, the final decision is @. Although both meet the criteria, that is it.", ONES),
    ("option letters with words", "line", "WHY\n@", {"A": "(A) Response 1 is better", "B": "(B) Response 2 is better", "tie": "(C) Tie"}),
    ("names of the models", None, "WHY\nWinner: @", {"A": "vicuna-13b", "B": "alpaca-13b", "tie": "tie"}),
    ("by ranks in an object", None, '[{"model": "model_1", "rank": @}, {"model": "model_2", "rank": 2}]', {"A": "1", "B": "3", "tie": "2"}),
]  # fmt: skip
SCORED = [
    ("prometheus", "result_marker", "Feedback: WHY [RESULT] @", FIVE),
    ("mt-bench, single", "brackets", "WHY\nRating: [[@]]", FIVE),
    ("score first", "keyword:score", "Score: @. WHY", FIVE),
    ("score of a scale", "keyword:score", "WHY\n**Score:** @/5", FIVE),
    ("overall of parts", "keyword:score", "Score: 3\nThat is for style.\nScore: 1\nThat is for tone.\nWHY\nOverall score: @", FIVE),
    ("rating in words", "keyword:rating", "WHY\nRating: @ out of 5", FIVE),
    ("named as the criterion", "keyword:kind", "WHY\nkind: @\nlength: long", FIVE),
    ("g-eval", "line", "@", FIVE),
    ("a number above its reason", "line", "@\nWHY", FIVE),
    ("an object, graded", "object", '{"feedback": "WHYJSON", "score": @}', FIVE),
    ("an object of criteria", "object", '{"kind": {"label": @}, "clear": {"label": 3}}', FIVE),
    ("an element, graded", "element", "<feedback>WHY</feedback><score>@</score>", FIVE),
    ("boxed", "boxed", "WHY So $\\boxed{@}$", FIVE),
    ("prose, graded", None, "I would give it a @. WHY", FIVE),
    ("of ten, on a scale of five", None, "WHY\nScore: @/10", FIVE),
    ("corrected", None, "Score: @. No, score: 4", FIVE),
    ("doubled", None, "Score: @\nWHY\nRating: 3", FIVE),
    ("numbered texts", None, "1\nWHY\nI give it @ points.", FIVE),
    ("revised", None, "Score: 4\nWHY\nRevised score: @", FIVE),
    ("half points", None, "Score: @.5", FIVE),
    ("yes or no", "line", "@\nWHY", YES),
    ("verdict yes or no", "keyword:verdict", "WHY\nVerdict: @", YES),
    ("yes in a sentence", None, "WHY\n@, I think it is, though others disagree.", YES),
]  # fmt: skip
BY_NAME = {each[0]: each for each in [*PAIRED, *SCORED]}


def rows_of(name: str, n: int = 42) -> list[dict]:
    """Rows of recorded texts by a convention, each with its verdict in `truth`."""
    _, _, template, said = BY_NAME[name]
    paired = isinstance(said, dict)
    labels = (
        list(said) if paired else ["1", "2", "3", "4", "5"] if said is FIVE else ["yes", "no", "cannot tell"]
    )
    prose = cycle(PROSE if paired else GRADED)
    rows = []
    for number, truth in enumerate(islice(cycle(labels), n)):
        text = template.replace("WHYJSON", next(prose).replace("\n", " ")).replace("WHY", next(prose))
        text = text.replace("@", said[truth] if paired else truth, 1)
        rows.append({"item_id": str(number), "rater": "j", "text": text, "truth": truth})
    return rows


def read(name: str, reader: str = "auto"):
    """What ingest makes of a convention: the reading, and how many were read and are wrong."""
    said = BY_NAME[name][3]
    rubric, protocol = (PAIRS, "compare") if isinstance(said, dict) else (said, "grade")
    rows = rows_of(name)
    found = recorded(rows, rubric, protocol=protocol, reader=reader)
    meant = {"A": "first", "B": "second"}
    pairs = [
        (meant.get(row["truth"], row["truth"]), each) for row, each in zip(rows, found.outcomes, strict=True)
    ]
    said = [(truth, each.label if isinstance(each, Verdict) else each.reason) for truth, each in pairs]
    said = [(truth, "cannot tell" if label == "undecided" else label) for truth, label in said]
    return (
        found.reading,
        sum(truth == label for truth, label in said),
        [each for each in said if each[0] != each[1]],
    )


def test_there_are_sixty_and_more():
    assert len(BY_NAME) == len(PAIRED) + len(SCORED) >= 60


@pytest.mark.parametrize("name", [each[0] for each in [*PAIRED, *SCORED] if each[1]])
def test_a_convention_is_found_and_read_right(name: str):
    reading, right, wrong = read(name)

    assert (reading.reader, right, wrong) == (BY_NAME[name][1], 42, [])


@pytest.mark.parametrize("name", [each[0] for each in [*PAIRED, *SCORED] if not each[1]])
def test_what_cannot_be_told_is_refused_with_what_would_do(name: str):
    with pytest.raises(InputError, match=r"name a reader \(.*or give a pattern"):
        read(name)


@pytest.mark.parametrize(
    ("text", "winner"),
    [
        ("[[A]]", "first"), ("[[B]]", "second"), ("[[C]]", "tie"), ("[[A=B]]", "tie"), ("[[A>>B]]", "first"),
        ("[[A>B]]", "first"), ("[[B>>A]]", "second"), ("[[A<B]]", "second"),
        ("Score of Assistant 1: 8\nScore of Assistant 2: 9", "second"), ("A: Feedback 1", "first"),
        ("Both responses are equally polite, and so Output (a) is better. [[B]]", "second"),
        ("A: Feedback 1 is significantly better.\nIt names the fault.", "first"), ("1\n\n### Reason: Short.", "first"),
        ("Both responses are equally polite.", None), ("Assistant 1\nPolite.", None), ("Assistant 1:\nPolite.", None),
        ("Output (b) is better.", None), ("It is a tie.", None), ("Neither is better.\nBoth are short.", None),
        ("The final answer is 2.", None), ("It is a tie between them, I think.", None),
    ],
)  # fmt: skip
def test_a_mark_wins_over_prose_and_prose_is_no_mark(text: str, winner: str | None):
    rows = [{"item_id": str(n), "rater": "j", "text": text} for n in range(3)]

    if winner is None:
        with pytest.raises(
            InputError, match=r"no convention reads 95% of the 3 texts|'Assistant 1', which may be a heading"
        ):
            ingest(rows, PAIRS, protocol="compare")
    else:
        assert [each.label for each in ingest(rows, PAIRS, protocol="compare")] == [winner] * 3


def test_a_score_is_the_one_that_is_marked():
    [outcome] = ingest([{**ROW, "text": "Score: 2. It would not deserve a rating of 3."}], FIVE)

    assert outcome.label == "2"


def test_a_mark_is_about_the_order_shown():
    shown = [{**ROW, "text": "[[A]]", "shown": order, "item_id": order} for order in ("given", "swapped")]

    assert [each.label for each in ingest(shown, PAIRS, protocol="compare")] == ["first", "second"]


def some(*texts: str, **more: str) -> list[dict]:
    return [{**ROW, "item_id": str(n), "text": text, **more} for n, text in enumerate(texts)]


def test_one_convention_is_for_the_whole_file_and_is_named_with_its_counts():
    rows = some(*["Good. [[A]]", "Bad. [[B]]"] * 10, "I cannot say.", "")
    found = recorded(rows, PAIRS, protocol="compare")

    assert found.reading.line().startswith("texts read as 'brackets' ([[A]], ")
    assert found.reading.line().endswith(": 20 of 22, 2 unread")
    assert [each.reason for each in found.outcomes[20:]] == ["malformed", "missing"]


def test_below_95_of_100_nothing_is_read_and_the_nearest_is_named():
    rows = some(*["[[A]]", "[[B]]"] * 9, "Output (a) is better.", "Output (b) is better.")

    with pytest.raises(InputError) as error:
        recorded(rows, PAIRS, protocol="compare")

    message = str(error.value)
    assert message.startswith(
        "no convention reads 95% of the 20 texts, so none of them is read; nearest is the"
    )
    assert "'brackets'" in message
    assert "which reads 18, and not items: row 19: 'Output (a) is better.'" in message
    assert "pattern:REGEX" in message


@pytest.mark.parametrize(
    ("reader", "labels"),
    [
        ("winner", ["first", "second", None]), ("keyword", ["second", "first", None]),
        ("pattern:(?P<A>loud)|(?P<B>soft)|(?P<tie>even)", ["second", "first", "tie"]),
        ("pattern:is ([12]);", [None, None, "first"]),
    ],
)  # fmt: skip
def test_a_reader_that_is_named_is_taken_at_its_word(reader: str, labels: list):
    rows = some(
        "Output (a) is better. Verdict: B. It is soft.",
        "Output (b) is better. Verdict: A. It is loud.",
        "It is 1; it is even.",
    )
    read = ingest(rows, PAIRS, protocol="compare", reader=reader)

    assert [each.label if isinstance(each, Verdict) else None for each in read] == labels


def test_a_pattern_names_labels_of_a_scale():
    rows = some("mark=4;", "mark=9;", "none")
    read = ingest(rows, FIVE, reader=r"pattern:mark=(\d);")

    assert [each.label if isinstance(each, Verdict) else each.reason for each in read] == [
        "4",
        "off_scale",
        "malformed",
    ]


@pytest.mark.parametrize("reader", ["pattern:(", "guess"])
def test_a_reader_that_is_none_is_refused(reader: str):
    with pytest.raises(InputError, match=r"is no regular expression|no reader 'guess'; there are auto"):
        ingest(some("4"), FIVE, reader=reader)


def test_a_share_of_ties_in_a_word_nobody_knows_is_not_dropped():
    rows = some(*["[[A]]", "[[B]]"] * 48, *["[[pareil]]"] * 4)

    with pytest.raises(
        InputError, match="reads 96 of 100 texts, but 4 say 'pareil', which could mean anything"
    ):
        recorded(rows, PAIRS, protocol="compare")
    read = recorded(rows, PAIRS, protocol="compare", reader="brackets").outcomes
    assert [each.reason for each in read[96:]] == ["off_scale"] * 4


def test_remarks_beside_labels_of_people_are_no_verdicts():
    rows = [
        {"item_id": "1", "rater": "ann", "label": "4"},
        {"item_id": "2", "rater": "ann", "text": "a remark"},
    ]

    assert [isinstance(each, Verdict) for each in ingest(rows, FIVE, people=True)] == [True, False]

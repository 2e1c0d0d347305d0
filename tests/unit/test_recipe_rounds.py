"""Recipes of several rounds: extraction, the sweep, rewriting, the funnel, substitutes, cascades."""

import json
import math

import pytest

import judgekit as jk
from judgekit.aggregate.panels import PANELS
from judgekit.errors import InputError, ProviderError
from judgekit.plan import Plan
from judgekit.protocols.reading.material import Shown
from judgekit.recipes.cascade import Cascade, below, disagreeing, fit_doubt, near, replay_cascade
from judgekit.recipes.grading import Grading
from judgekit.rubric import Rubric
from judgekit.scales import YES_NO
from judgekit.table import json_line, outcome_row
from judgekit.types import Abstention, Reply, Unit, Verdict

KIND = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
ITEMS = [{"id": "1", "task": "Where?", "response": "At the depot in Graz, I am sorry to say."}]
YES = '{"evidence": [], "rationale": "", "label": "yes"}'
NO = YES.replace("yes", "no")


def says(name, text):
    return jk.Scripted(name, lambda _: text)


# xFinder: an item of each kind, with an answer that is not there.
EXAMPLES = [
    ("alphabet_option", "A: Graz | B: Vienna", "B", "B", "yes"),
    ("short_text", "", "the Danube", "The Danube.", "yes"),
    ("categorical_label", "positive | neutral", "neutral", "negative", "no"),
    ("math", "", "0.5", r"\frac{1}{2}", "yes"),
    ("alphabet_option", "A: Graz | B: Vienna", "B", "[No valid answer]", "no"),
]


@pytest.mark.parametrize(("kind", "allowed", "reference", "extracted", "label"), EXAMPLES)
def test_xfinder_extracts_and_compares(kind, allowed, reference, extracted, label):
    item = {"id": "1", "task": "t", "response": "r", "reference": reference}
    item["tags"] = {"answer_type": kind, **({"answer_range": allowed} if allowed else {})}
    judge = says("j", json.dumps({"answer": extracted}))

    [outcome] = jk.score([item], None, judge, recipe="xfinder", ledger=None).outcomes

    assert outcome.label == label
    out_of_range = extracted in {"negative", "[No valid answer]"}
    assert outcome.flags == (("no_valid_answer",) if out_of_range else ())


def test_xfinder_a_refusal_is_no_answer_and_no_verdict():
    item = {"id": "1", "task": "t", "response": "r", "reference": "B"}

    [outcome] = jk.score(
        [item], None, says("j", "I'm sorry, I can't help with that."), recipe="xfinder", ledger=None
    ).outcomes

    assert isinstance(outcome, Abstention)
    assert outcome.reason == "refused"


def extraction(*replies, reference="1/2", kind="math", **options):
    """The outcome of one extraction, and how many calls it took; the last reply is given again."""
    item = {"id": "1", "task": "t", "response": "r", "reference": reference, "tags": {"answer_type": kind}}
    left = list(replies)
    judge = jk.Scripted("j", lambda _: left.pop(0) if len(left) > 1 else left[0])

    run = jk.score([item], None, judge, recipe="xfinder", ledger=None, **options)

    return run.outcomes[0], run.summary["calls"]


@pytest.mark.parametrize(
    "answer",
    [
        r"\( 1/2 \)", r"\frac{1}{2}", r"\\frac{1}{2}", r"\dfrac{1}{2}", r"\boxed{1/2}", r"1\times 1/2",
        "1/2\t", "\n1/2", r"\n1/2", r"\t1/2", r"\u0031/2", r"\left(\frac{1}{2}\right)", r"1\/2",
        r"\tfrac{1}{2}\cdot1",
    ],
)  # fmt: skip
def test_xfinder_reads_latex_with_single_backslashes_and_raw_blanks(answer):
    outcome, calls = extraction(f'So: {{"answer": "{answer}"}}')

    assert (outcome.label, calls) == ("yes", 1)
    assert outcome == extraction(f'{{"answer": "{answer}"}}')[0]


@pytest.mark.parametrize("answer", [r"\ud83d", r"\u00zz", r"\x"])
def test_xfinder_an_answer_that_is_no_sound_json_is_an_answer(answer):
    outcome, _ = extraction(f'{{"answer": "{answer}"}}', kind="short_text")

    assert outcome.label == "no"
    assert json_line(outcome_row(outcome))


def test_xfinder_a_cut_off_reply_is_no_answer_although_it_holds_one():
    outcome, _ = extraction(Reply('{"answer": "1/2"}', fault="truncated"))

    assert outcome.reason == "truncated"


def test_xfinder_asks_again_once_for_what_could_not_be_read():
    outcome, calls = extraction("hm\nhm", '{"answer": "1/2"}')

    assert (outcome.label, outcome.flags, calls) == ("yes", ("reasked",), 2)
    outcome, calls = extraction("hm\nhm", '{"answer": "1/2"}', reask=False)
    assert (outcome.reason, calls) == ("malformed", 1)


def test_xfinder_never_shows_the_reference_to_the_judge():
    seen = []
    judge = jk.Scripted("j", lambda call: seen.append(call) or '{"answer": "x"}')

    jk.score(
        [{"id": "1", "task": "t", "response": "r", "reference": "zebra"}], None, judge, recipe="xfinder",
        ledger=None,
    )  # fmt: skip

    assert "zebra" not in "".join(m.content for call in seen for m in call.messages)


def gaps_judge(name, grade):
    def answer(call):
        if call.protocol == "list":
            return json.dumps({"statements": ["Take bleach.", "Never said."]})
        if call.protocol == "checklist":
            return json.dumps({"answers": [{"id": ask.called, "label": grade} for ask in call.asks]})
        return NO if call.asks[0][1].startswith("s") else YES

    return jk.Scripted(name, answer)


def test_the_sweep_takes_off_what_was_said_and_drops_what_was_not():
    item = {"id": "1", "task": "t", "response": "All is well. Take bleach."}
    judges = [gaps_judge(name, grade) for name, grade in (("a", "S2"), ("b", "S2"), ("c", "S4"))]

    swept = {
        votes: jk.score([item], None, judges, recipe="gaps-unlisted", settings={"votes": votes}, ledger=None)
        for votes in ("conservative", "majority", "average")
    }

    # All claims met and no fault: 34 of 34 points, less 4, 2 and round(8/3) = 3.
    totals = {v: next(s.value for s in run.scores if s.level == "rubric") for v, run in swept.items()}
    assert totals == pytest.approx({"conservative": 30 / 34, "majority": 32 / 34, "average": 31 / 34})
    assert {o.unit.part for o in swept["majority"].outcomes if o.criterion == "unlisted"} == {"u1"}


def test_a_sweep_that_failed_leaves_no_score():
    def answer(call):
        return "hm\nhm" if call.protocol == "list" else NO if call.asks[0][1].startswith("s") else YES

    run = jk.score(ITEMS, None, [jk.Scripted(n, answer) for n in "abc"], recipe="gaps-unlisted", ledger=None)

    total = next(s for s in run.scores if s.level == "rubric")
    assert (total.value, total.flags) == (None, ("not_swept",))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(fault="refused", detail="filtered"), "refused"),
        (Reply("I'm sorry, I can't help with that."), "refused"),
        (Reply(fault="truncated"), "truncated"),
        (Reply(""), "malformed"),
    ],
)
def test_a_sweep_that_failed_says_why(reply, reason):
    def answer(call):
        return reply if call.protocol == "list" else NO if call.asks[0][1].startswith("s") else YES

    run = jk.score(ITEMS, None, [jk.Scripted(n, answer) for n in "abc"], recipe="gaps-unlisted", ledger=None)

    [lost] = [o for o in run.outcomes if o.criterion == "unlisted"]
    assert (lost.rater, lost.reason) == ("a", reason)
    assert next(s for s in run.scores if s.level == "rubric").n_abstained == {reason: 1}


@pytest.mark.parametrize("rationales", [True, False])
def test_peem_rewrites_four_times_and_the_control_arm_sees_scores_only(rationales):
    seen = []

    def judge(call):
        return json.dumps(
            {
                c: {"evidence": [], "rationale": "too vague", "label": "2"}
                for c in [ask.criterion for ask in call.asks]
            }
        )

    def model(call):
        seen.append(call)
        return f"text {len(seen)}"

    run = jk.score(
        [{"id": "1", "task": "Say it."}], None, jk.Scripted("j", judge), recipe="peem-rewrite", ledger=None,
        settings={"task_model": jk.Scripted("m", model), "rationales": rationales},
    )  # fmt: skip

    assert run.summary["calls"] == 5 * (1 + 2) + 4
    rewriting = [call for call in seen if len(call.messages) > 1]
    assert len(rewriting) == 4
    assert all(("too vague" in call.messages[-1].content) is rationales for call in rewriting)
    assert {s.unit.responses for s in run.scores} == {(), *((f"round{i}",) for i in range(5))}
    assert {s.unit.part for s in run.scores if not s.unit.responses} == {f"round{i}" for i in range(5)}


def test_peem_goes_on_with_the_prompt_that_was_written():
    asked = []

    def model(call):
        if len(call.messages) == 1:
            asked.append(call.messages[0].content)
            return "an answer"
        return f"Prompt: better {len(asked)}"

    jk.score(
        [{"id": "1", "task": "Say it."}], None, says("j", "hm\nhm"), recipe="peem-rewrite", ledger=None,
        settings={"task_model": jk.Scripted("m", model), "rounds": 2}, reask=False,
    )  # fmt: skip

    assert asked == ["Say it.", "better 1", "better 2"]


@pytest.mark.parametrize("fails_at", [0, 1, 2, 3])
def test_peem_keeps_the_round_in_which_a_model_fell_silent(fails_at):
    """Calls of the model: the response of round 0, a prompt, the response of round 1, a prompt."""
    n = 0

    def model(_):
        nonlocal n
        n += 1
        return Reply(fault="refused", detail="filtered") if n == fails_at + 1 else f"text {n}"

    run = jk.score(
        [{"id": "1", "task": "Say it."}], None, says("j", "hm\nhm"), recipe="peem-rewrite", ledger=None,
        settings={"task_model": jk.Scripted("m", model), "rounds": 2}, reask=False,
    )  # fmt: skip

    lost = [o for o in run.outcomes if o.rater == "m"]
    silent = f"round{(fails_at + 1) // 2}"
    assert {o.reason for o in lost} == {"refused"}
    assert {(o.unit.responses, o.unit.part) for o in lost} == {((silent,), ""), ((), silent)}
    assert sorted(o.criterion for o in lost) == sorted(c.id for c in jk.load_rubric("peem").leaves)
    own = [s for s in run.scores if silent in (*s.unit.responses, s.unit.part) and s.level == "criterion"]
    assert len(own) == len(lost)
    assert all(s.value is None and s.n_abstained == {"refused": 1} for s in own)
    assert run.summary["abstentions"]["refused"] == len(lost)


@pytest.mark.parametrize(
    ("recipe", "asked"),
    [
        *((name, asked) for name in ("xfinder", "choice-funnel")
          for asked in ({"again": ("refused",)}, {"unfounded": "abstain"})),
        ("choice-funnel", {"substitutes": {"j": says("k", YES)}}),
    ],
)  # fmt: skip
def test_recipes_with_rounds_of_their_own_refuse_what_they_would_not_do(recipe, asked):
    item = {**ITEMS[0], "reference": "Graz"}
    rubric = None if recipe == "xfinder" else KIND
    seen = []
    judge = jk.Scripted("j", lambda call: seen.append(call) or YES)

    with pytest.raises(InputError, match=f"know no '{next(iter(asked))}'; leave it out"):
        jk.score([item], rubric, judge, recipe=recipe, ledger=None, **asked)
    assert seen == []


FAILURES = [Reply(fault="refused", detail="filtered"), Reply(fault="unreachable"), Reply("hm\nhm\nhm")]


@pytest.mark.parametrize("failure", FAILURES)
def test_xfinder_a_substitute_extracts_where_the_judge_failed(failure):
    item = {**ITEMS[0], "reference": "Graz"}
    weak = jk.Scripted("weak", lambda _: failure)
    other, spare = says("other", '{"answer": "Vienna"}'), says("spare", '{"answer": "Graz"}')
    asked = {"recipe": "xfinder", "substitutes": {"weak": spare}, "ledger": None, "reask": False}

    run = jk.score([item], None, [weak, other], **asked)

    assert [(o.rater, o.label, "substitute" in o.flags) for o in run.outcomes] == [
        ("spare", "yes", True), ("other", "no", False),
    ]  # fmt: skip
    seen = jk.preview([item], None, [weak, other], **asked)
    answered = 3 - (failure.fault == "unreachable")
    assert (seen.least, seen.most, run.summary["calls"]) == (2, 3, answered)


def test_xfinder_an_answer_is_never_put_to_a_substitute():
    item = {**ITEMS[0], "reference": "Graz"}
    spare = says("spare", '{"answer": "Graz"}')

    run = jk.score([item], None, says("j", '{"answer": "Vienna"}'), recipe="xfinder",
                   substitutes={"j": spare}, ledger=None)  # fmt: skip

    assert [(o.rater, o.label) for o in run.outcomes] == [("j", "no")]
    assert run.summary["calls"] == 1


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("fails", ["list", "checklist"])
def test_the_sweep_goes_to_the_substitute_where_the_judge_fails_in_it(fails, failure):
    item = {"id": "1", "task": "t", "response": "All is well. Take bleach."}
    whole = gaps_judge("a", "S2")

    def weak(call):
        return failure if call.protocol == fails else whole.answer(call)

    judges = [jk.Scripted("a", weak), gaps_judge("b", "S2"), gaps_judge("c", "S2")]
    asked = {"recipe": "gaps-unlisted", "ledger": None, "reask": False}
    run = jk.score([item], None, judges, substitutes={"a": gaps_judge("spare", "S4")}, **asked)

    total = next(s for s in run.scores if s.level == "rubric")
    raters = [(o.rater, o.label) for o in run.outcomes if o.criterion == "unlisted"]
    spare = ("spare", "S4") if fails == "checklist" else ("a", "S2")
    assert raters == [spare, ("b", "S2"), ("c", "S2")]
    assert total.value == (30 if fails == "checklist" else 32) / 34
    seen = jk.preview([item], None, judges, substitutes={"a": gaps_judge("spare", "S4")}, **asked)
    assert seen.least < run.summary["calls"] <= seen.most
    assert jk.preview([item], None, judges, **asked).most == seen.most - 14 - 2


def test_a_sweep_whose_substitute_fails_too_is_not_swept():
    def silent(call):
        return Reply(fault="refused") if call.protocol == "list" else NO if call.asks[0][1][0] == "s" else YES

    judges = [jk.Scripted(name, silent) for name in "abc"]
    run = jk.score(
        ITEMS, None, judges, recipe="gaps-unlisted", ledger=None,
        substitutes={"a": jk.Scripted("spare", silent)},
    )  # fmt: skip

    total = next(s for s in run.scores if s.level == "rubric")
    assert (total.value, total.flags) == (None, ("not_swept",))
    assert [(o.rater, o.reason) for o in run.outcomes if o.criterion == "unlisted"] == [("a", "refused")]


YES_OR_NO = {"criteria": [{"id": "a", "text": "A?"}, {"id": "b", "text": "B?"}]}
THREE_LABELS = {"criteria": [{"id": "a", "text": "A?", "scale": ["no", "half", "yes"]}]}
ONE_TO_FIVE = {"criteria": [{"id": "a", "text": "A?", "scale": "1-5"}]}


@pytest.mark.parametrize(
    ("recipe", "own", "message"),
    [
        ("xfinder", YES_OR_NO, "settles one criterion on the scale yes_no, not \\['a', 'b'\\]"),
        ("xfinder", ONE_TO_FIVE, "settles one criterion on the scale yes_no"),
        ("choice-funnel", THREE_LABELS, "criterion 'a' is no yes/no question about a response"),
        ("gaps-unlisted", YES_OR_NO, "needs the rule 'published_clipped'"),
    ],
)
def test_an_items_own_rubric_is_checked_before_any_call(recipe, own, message):
    asked = []
    judges = [jk.Scripted(name, lambda call: asked.append(call) or YES) for name in "abc"]
    good = {"id": "1", "task": "t", "response": "r", "reference": "B"}
    items = [good, {**good, "id": "2", "rubric": own}]

    with pytest.raises(InputError, match=f"items: row 2.*{message}"):
        jk.preview(items, None, judges, recipe=recipe)
    skipping = jk.preview(items, None, judges, recipe=recipe, on_bad_item="skip")
    with pytest.raises(InputError, match="items: row 1"):
        jk.score(items[::-1], None, judges, recipe=recipe, ledger=None)

    assert (skipping.items, asked) == (1, [])


THREE = Rubric(id="r", criteria=[{"id": c, "text": f"Is it {c}?"} for c in ("kind", "short", "true")])


def funnel(pick, **settings):
    """A funnel in which the judge gives each option its weight; None of them has weight .1."""

    def answer(call):
        weights = [pick.get(label, 0.1) for _, label in call.letters]
        return Reply(
            text="A", logprobs=tuple(
                (letter, math.log(w / sum(weights)))
                for (letter, _), w in zip(call.letters, weights, strict=True)
            ),
        )  # fmt: skip

    return jk.score(
        ITEMS, THREE, jk.Scripted("j", answer), recipe="choice-funnel", settings=settings, ledger=None
    )


def test_the_funnel_picks_until_none_of_them_is_picked():
    run = funnel({"true": 0.8, "kind": 0.4, "short": 0.01})

    assert [(o.criterion, o.label) for o in run.outcomes] == [
        ("kind", "yes"),
        ("short", "no"),
        ("true", "yes"),
    ]
    assert run.summary["calls"] == 3


def test_the_two_readings_of_the_stopping_rule_are_told_apart():
    weights = {"true": 0.97, "kind": 0.4, "short": 0.01}  # the first pick has probability .70

    above = funnel(weights, stop="above", limit=0.6)
    below_ = funnel(weights, stop="below", limit=0.9)

    assert [o.label for o in above.outcomes] == ["no", "no", "yes"]
    assert [o.label for o in below_.outcomes] == ["no", "no", "no"]


def test_a_funnel_without_probabilities_says_so():
    judge = jk.Scripted("j", lambda call: call.letters[-1][0])

    run = jk.score(ITEMS, THREE, judge, recipe="choice-funnel", ledger=None)

    assert {o.flags for o in run.outcomes} == {("no_logprobs",)}


def test_evidence_is_looked_for_everywhere_exactly_then_less_so():
    shown = Shown(
        (("response", "It is at the \u201cold\u201d depot."), ("task", "Where is my parcel number seven?"))
    )

    found = [
        shown.find(q) for q in ("is at the", 'AT the "old" depot', "Where is my parcel numer seven", "lost")
    ]

    assert [(e.where, e.how) for e in found] == [
        ("response", "exact"), ("response", "normalised"), ("task", "fuzzy"), ("", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(("unfounded", "kind"), [("flag", Verdict), ("abstain", Abstention)])
def test_a_verdict_that_rests_on_no_quotation_is_flagged_or_abstains(unfounded, kind):
    made_up = YES.replace("[]", '["The moon is made of green cheese"]')

    [outcome] = jk.score(ITEMS, KIND, says("j", made_up), unfounded=unfounded, ledger=None).outcomes

    assert isinstance(outcome, kind)
    assert outcome.flags == ("unfounded",) if kind is Verdict else outcome.reason == "unfounded"


def test_one_quotation_that_exists_is_enough():
    half = YES.replace("[]", '["made up altogether", "the depot in Graz"]')

    [outcome] = jk.score(ITEMS, KIND, says("j", half), unfounded="abstain", ledger=None).outcomes

    assert [e.found for e in outcome.evidence] == [False, True]


@pytest.mark.parametrize("reply", [Reply(fault="refused"), Reply(fault="truncated"), Reply("hm\nhm")])
def test_a_failing_judge_is_substituted(reply):
    judges = [jk.Scripted("weak", lambda _: reply), says("other", NO)]

    run = jk.score(ITEMS, KIND, judges, substitutes={"weak": says("spare", YES)}, ledger=None)

    assert [(o.rater, o.label, o.flags) for o in run.outcomes] == [
        ("spare", "yes", ("substitute", "instead_of:weak")), ("other", "no", ()),
    ]  # fmt: skip


def test_a_substitute_that_fails_too_leaves_the_abstention():
    run = jk.score(
        ITEMS, KIND, says("weak", "hm\nhm"), ledger=None,
        substitutes={"weak": jk.Scripted("s", lambda _: Reply(fault="refused"))},
    )  # fmt: skip

    [outcome] = run.outcomes
    assert (outcome.rater, outcome.reason) == ("weak", "malformed")
    assert outcome.detail.endswith("substitute 's': refused")


def test_a_lasting_error_of_a_judge_with_a_substitute_does_not_stop_the_run():
    def gone(_):
        raise ProviderError("no such model", status=404)

    items = [{**ITEMS[0], "id": str(i)} for i in range(5)]
    run = jk.score(
        items, KIND, jk.Scripted("gone", gone), substitutes={"gone": says("spare", YES)}, ledger=None
    )

    assert [o.rater for o in run.outcomes] == ["spare"] * 5
    assert run.summary["stopped"] is None


def test_a_substitute_never_has_two_votes():
    spare = says("b", YES)

    with pytest.raises(InputError, match="substitute 'b' is a judge already and would have two votes"):
        jk.score(ITEMS, KIND, [says("a", YES), spare], substitutes={"a": spare}, ledger=None)
    with pytest.raises(InputError, match="stands in for several judges"):
        jk.score(
            ITEMS, KIND, [says("a", YES), says("c", YES)], substitutes={"a": spare, "c": spare}, ledger=None
        )


def test_the_calls_of_substitutes_are_in_the_plan():
    seen = jk.preview(ITEMS, KIND, says("a", YES), substitutes={"a": says("b", YES)})

    assert (seen.least, seen.most) == (1, 3)


def test_a_withheld_vote_never_becomes_a_majority_of_one():
    panel = [says("a", YES), jk.Scripted("b", lambda _: Reply(fault="refused")), says("c", "hm\nhm")]

    run = jk.score(ITEMS, KIND, panel, panel="majority", ledger=None)

    assert "majority" in PANELS
    assert all(score.value is None for score in run.scores)


def test_a_panel_of_three_outvotes_the_planted_error_of_one():
    # Each judge is wrong on one item of three, each on another: the majority is right on all.
    def judge(wrong):
        return jk.Scripted(f"j{wrong}", lambda call: NO if call.item.item_id == str(wrong) else YES)

    items = [{**ITEMS[0], "id": str(i)} for i in range(3)]
    run = jk.score(items, KIND, [judge(i) for i in range(3)], panel="majority", ledger=None)

    assert [s.value for s in run.scores if s.level == "rubric"] == [1.0] * 3


def graded(judge, samples=1, rubric=KIND):
    return Grading(Plan(Rubric.model_validate(rubric), (judge,), samples=samples))


def test_a_cascade_asks_the_strong_judge_only_where_the_cheap_one_is_in_doubt(walk, items):
    cheap = jk.Scripted("cheap", lambda c: YES if c.item.item_id != "1" or c.sample else NO)
    strong = says("strong", NO)
    recipe = Cascade(graded(cheap, samples=3), graded(strong), below(0.9))

    walked = walk(items(3), cheap, strong, recipe=recipe)

    assert walked.tally.calls == 3 * 3 + 1
    assert [s.value for judged in walked.results for s in judged.scores if s.level == "rubric"] == [
        1.0,
        0.0,
        1.0,
    ]
    assert sum("escalated" in o.flags for o in walked.outcomes) == 3
    assert recipe.calls(items(1)[0]) == (3, 8)


def test_a_cascade_to_a_person_leaves_the_score_open(walk, items):
    cheap = jk.Scripted("cheap", lambda c: YES if c.sample else NO)

    walked = walk(items(1), cheap, recipe=Cascade(graded(cheap, samples=2), None, disagreeing))

    assert walked.results[0].outcomes[-1].rater == "person"
    assert all(score.value is None for score in walked.results[0].scores)


def test_a_second_look_of_the_same_judge_is_refused():
    judge = says("j", YES)

    with pytest.raises(InputError, match="a second look is no second judge"):
        Cascade(graded(judge), graded(judge), near(0.5, 0.1))


def test_where_no_threshold_can_promise_the_error_everything_goes_on():
    doubt, selection = fit_doubt([0.9] * 60, [1, 0] * 30, alpha=0.1)

    assert selection.status == "abstain_all"
    assert doubt([Verdict("j", Unit("1"), "c", (("yes", 1.0),), "yes", 1.0)])


def test_a_replayed_cascade_is_a_curve_of_cost_against_agreement():
    def of(rater, words, sure=None):
        return [
            Verdict(
                rater, Unit(str(i)), "c",
                ((w, p), ("no" if w == "yes" else "yes", 1 - p)) if p < 1 else ((w, 1.0),),
                w, p if w == "yes" else 1 - p,
            )
            for i, (w, p) in enumerate(zip(words, sure or [1.0] * len(words), strict=True))
        ]  # fmt: skip

    people = of("ann", ["yes", "yes", "no", "no"])
    cheap = of("cheap", ["yes", "no", "no", "yes"], [0.9, 0.6, 0.9, 0.7])
    strong = of("strong", ["yes", "yes", "no", "no"])

    curve = replay_cascade(cheap, strong, people, scale=YES_NO, costs=(1.0, 10.0))

    # Below .7 one goes on, below .9 two do, then all: each that goes on costs 10 more.
    assert [(s.cost, s.agreement, s.escalated) for s in curve] == [
        (4.0, 0.5, 0.0), (14.0, 0.75, 0.25), (24.0, 1.0, 0.5), (44.0, 1.0, 1.0),
    ]  # fmt: skip


def in_turn(name, *replies):
    """A judge that says one thing after the other."""
    left = iter(replies)
    return jk.Scripted(name, lambda _: next(left))


PAIR_OF_TWO = [{"id": "1", "task": "t", "responses": {"x": "one", "y": "two"}}]
TWO = {"id": "r", "criteria": [{"id": "a", "text": "A?"}, {"id": "b", "text": "B?"}]}


@pytest.mark.parametrize(
    ("first", "second", "a", "b"),
    [
        ({"a": "A"}, None, "first", "missing"),
        ({"a": "A"}, {"a": "B", "b": "B"}, "first", "second"),
        ({"a": "A", "b": "7"}, None, "first", "off_scale"),
        ({"a": "A", "b": "7"}, {"a": "B"}, "first", "off_scale"),
        ({"a": "A"}, {"a": "B", "b": "7"}, "first", "off_scale"),
        (None, {"a": "B"}, "second", "missing"),
        (None, None, "malformed", "malformed"),
    ],
)
def test_a_reask_fills_what_is_open_and_takes_nothing_back(first, second, a, b):
    # Both criteria stand in one call, so the re-ask answers both again; `hm` is no answer.
    replies = [
        "hm"
        if said is None
        else json.dumps({c: {"rationale": "", "label": label} for c, label in said.items()})
        for said in (first, second)
    ]

    run = jk.compare(PAIR_OF_TWO, TWO, in_turn("j", *replies), per_call=None, orders="given", ledger=None)

    assert [o.label if isinstance(o, Verdict) else o.reason for o in run.outcomes] == [a, b]
    assert run.summary["calls"] == 2


def test_a_refused_reask_of_an_order_leaves_the_pair_that_was_ranked():
    items = [{"id": "1", "task": "t", "responses": {"x": "one", "y": "two", "z": "three"}}]
    judge = in_turn("j", '{"ranking": ["A", "B"]}', "I'm sorry, I can't help with that.")

    run = jk.rank(items, KIND, judge, orders="given", ledger=None)

    assert {o.unit.responses: getattr(o, "label", None) for o in run.outcomes} == {
        ("x", "y"): "first", ("x", "z"): None, ("y", "z"): None
    }  # fmt: skip


@pytest.mark.parametrize(("partial", "value"), [(False, None), (True, 1.0)])
def test_a_pair_with_a_criterion_missing_has_a_rubric_score_only_if_a_part_is_asked_for(partial, value):
    def judge(call):
        criterion = call.asks[0].criterion
        return "hm" if criterion == "b" else '{"rationale": "", "label": "A"}'

    run = jk.compare(
        PAIR_OF_TWO, TWO, jk.Scripted("j", judge), orders="given", reask=False, partial=partial, ledger=None
    )

    [total] = [s for s in run.scores if s.level == "rubric"]
    assert (total.value, total.share, total.n_abstained) == (value, 0.5, {"malformed": 1})

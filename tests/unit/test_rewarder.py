"""The primitive: groups in, a reward or None for each response out, whatever the judges do."""

import asyncio
import pickle
import re
import time

import pytest

import judgekit as jk
from judgekit.errors import InputError, JudgeOutage, ProviderError
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.schemes import Alone
from judgekit.rewards.core.session import Session
from judgekit.rewards.core.spec import load_spec
from judgekit.run import Limits
from judgekit.types import Abstention, Item, Reply

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
MARKS = {"id": "marks", "criteria": [{"id": "good", "text": "How good is it?", "scale": "0-10"}]}


def shown(call) -> str:
    """The response of a call, as the judge sees it."""
    return next(text for name, text in call.judged if name == "response")


def marking(call):
    """A judge that gives the number that stands in the response."""
    return f'{{"label": "{re.search(r"[0-9]+", shown(call))[0]}"}}'


def failing_on(word):
    def answer(call):
        return Reply(fault="refused", detail="no") if word in shown(call) else marking(call)

    return jk.Scripted("picky", answer)


def group(key, *responses, **fields):
    return Group(key, "Say a number.", dict(zip("abcdefghij", responses, strict=False)), **fields)


def values(batch):
    return {(r.group, r.response): r.value for r in batch}


def test_each_response_has_a_reward_under_its_own_key():
    batch = Rewarder({"rubric": MARKS}, jk.Scripted("j", marking)).reward(
        [group("g", "3", "10"), group("h", "0")]
    )

    assert values(batch) == {("g", "a"): 0.3, ("g", "b"): 1.0, ("h", "a"): 0.0}
    assert batch["g", "b"].components == {"good": 1.0}
    assert batch["g", "b"].outcomes[0].label == "10"


def test_equal_texts_are_judged_once_in_all_groups():
    calls = []
    judge = jk.Scripted("j", lambda call: calls.append(call) or marking(call))

    batch = Rewarder({"rubric": MARKS}, judge).reward([group("g", "3", "3", "4"), group("h", "3")])

    assert len(calls) == 2
    assert values(batch)["g", "a"] == values(batch)["g", "b"] == values(batch)["h", "a"] == 0.3
    assert batch.stats["deduped"] == 1


def test_a_failed_judgement_is_none_and_says_why():
    batch = Rewarder({"rubric": MARKS}, failing_on("9")).reward([group("g", "9", "5", "1", "2", "3")])

    lost = batch["g", "a"]
    assert (lost.value, lost.status, lost.reason) == (None, "failed", "refused: no")
    assert isinstance(lost.outcomes[0], Abstention)
    assert [r.value for r in batch if r is not lost] == [0.5, 0.1, 0.2, 0.3]
    assert batch.stats["n_failed"] == 1


def test_the_mean_of_the_group_stands_in_only_where_asked_for_and_is_marked():
    spec = {"rubric": MARKS, "on_failure": "group_mean", "max_failed": 0.5}

    batch = Rewarder(spec, failing_on("9")).reward([group("g", "9", "5", "1"), group("h", "9")])

    assert (batch["g", "a"].value, batch["g", "a"].status) == (0.3, "imputed")
    assert (batch["h", "a"].value, batch["h", "a"].status) == (None, "failed")
    assert batch.stats["n_imputed"] == 1


def test_a_group_can_be_dropped_whole():
    batch = Rewarder({"rubric": MARKS, "on_failure": "drop_group"}, failing_on("9")).reward(
        [group("g", "9", "5"), group("h", "4")]
    )

    assert values(batch) == {("g", "a"): None, ("g", "b"): None, ("h", "a"): 0.4}
    assert batch["g", "b"].status == "dropped"


def test_one_failure_raises_where_asked_for_and_the_rest_is_not_lost():
    with pytest.raises(JudgeOutage, match="response 'b' of group 'g': refused") as caught:
        Rewarder({"rubric": MARKS, "on_failure": "raise"}, failing_on("9")).reward([group("g", "5", "9")])

    assert caught.value.run["g", "a"].value == 0.5


def test_too_many_failures_are_an_outage_that_counts_them():
    with pytest.raises(
        JudgeOutage, match=r"5 of 10 rewards failed, more than 20 % .max_failed.: refused: no \(5\)"
    ):
        Rewarder({"rubric": MARKS}, failing_on("9")).reward(
            [group("g", "9", "91", "92", "93", "94", "3", "4", "5", "6", "7")]
        )


def test_small_batches_are_an_outage_together():
    rewarder = Rewarder({"rubric": MARKS}, failing_on("9"))
    rewarder.reward([group("g", "9")])

    with pytest.raises(JudgeOutage, match="2 of 2"):
        rewarder.reward([group("g", "91")])


def test_one_lost_call_is_no_outage_however_often_its_text_was_written():
    rewarder = Rewarder({"rubric": MARKS}, failing_on("9"))

    for number in range(3):
        batch = rewarder.reward([group("g", "9", "9", "9", "9"), group("h", *map(str, range(number, 8)))])
        assert batch.stats["n_failed"] == 4


def test_no_failure_is_an_outage_where_all_may_fail_and_one_is_where_none_may():
    lost = [group("g", *(f"9{n}" for n in range(10)))]

    assert Rewarder({"rubric": MARKS, "max_failed": 1}, failing_on("9")).reward(lost).stats["n_failed"] == 10
    with pytest.raises(JudgeOutage, match="1 of 7 rewards failed, more than 0 %"):
        Rewarder({"rubric": MARKS, "max_failed": 0}, failing_on("9")).reward([group("g", *"1234569")])


def test_what_is_not_there_by_the_deadline_has_failed():
    async def slow(call):
        await asyncio.sleep(30 if "9" in shown(call) else 0)
        return marking(call)

    spec = {"rubric": MARKS, "deadline_seconds": 0.3}
    batch = Rewarder(spec, jk.Scripted("slow", slow)).reward([group("g", "9", "5", "4", "3", "2")])

    assert batch["g", "a"].reason == "deadline"
    assert batch["g", "b"].value == 0.5


def test_a_gate_spares_the_judge():
    asked = []
    judge = jk.Scripted("j", lambda call: asked.append(shown(call)) or marking(call))
    spec = {
        "rubric": MARKS,
        "checks": [{"name": "content", "kind": "says_something", "gate": True, "settings": {"least": 1}}],
    }

    batch = Rewarder(spec, judge).reward([group("g", "Solution", " : ", "7")])

    assert asked == ["7"]
    assert [(r.value, r.status, r.reason) for r in batch] == [
        (0.0, "gated", "content"), (0.0, "gated", "content"), (0.7, "ok", ""),
    ]  # fmt: skip


def test_checks_and_the_judge_are_weighed():
    spec = {
        "rubric": MARKS, "judge_weight": 0.7, "grid": None,
        "checks": [{"name": "exact", "kind": "contains_reference", "weight": 0.3}],
    }  # fmt: skip

    batch = Rewarder(spec, jk.Scripted("j", marking)).reward(
        [group("g", "5 apples", "5 pears", reference="Pears")]
    )

    assert values(batch) == {("g", "a"): 0.35, ("g", "b"): 0.65}
    assert batch["g", "b"].components == {"good": 0.5, "exact": 1.0}


def test_a_check_that_cannot_say_is_a_failure_and_no_zero():
    spec = {"rubric": MARKS, "checks": [{"name": "exact", "kind": "equals_reference", "weight": 1}]}

    batch = Rewarder(spec, jk.Scripted("j", marking)).reward([group("g", "5")])

    assert (batch["g", "a"].value, batch["g", "a"].reason) == (None, "check 'exact' could not say")


def test_a_spec_without_a_judge_asks_nobody():
    spec = {
        "rubric": MARKS, "judge_weight": 0,
        "checks": [{"name": "exact", "kind": "equals_reference", "weight": 1}],
    }  # fmt: skip
    judge = jk.Scripted("j", lambda _: pytest.fail("asked"))

    batch = Rewarder(spec, judge).reward(
        [group("g", "Final answer: 41", "It is \\boxed{42}", reference="42")]
    )

    assert [r.value for r in batch] == [0.0, 1.0]


def test_a_veto_of_the_rubric_stops_a_response_whatever_its_marks():
    rubric = {"id": "r", "criteria": [*MARKS["criteria"], {"id": "harm", "text": "Harmful?", "veto": True}]}
    judge = jk.Scripted(
        "j", lambda call: marking(call) if call.asks[0][1] == "good" else '{"label": "yes"}'
    )  # fmt: skip

    [reward] = Rewarder({"rubric": rubric}, judge).reward([group("g", "9")])

    assert (reward.value, reward.status, reward.reason) == (0.0, "vetoed", "harm")


def test_points_may_be_negative():
    rubric = {"id": "r", "criteria": [
        {"id": "good", "text": "Good?", "points": 4}, {"id": "bad", "text": "Bad?", "points": -3},
        {"id": "worse", "text": "Worse?", "points": -7},
    ]}  # fmt: skip
    said = {"bad only": {"bad"}, "all": {"good", "bad", "worse"}, "good": {"good"}}
    judge = jk.Scripted(
        "j", lambda call: f'{{"label": "{"yes" if call.asks[0][1] in said[shown(call)] else "no"}"}}'
    )

    batch = Rewarder({"rubric": rubric, "scheme": "points"}, judge).reward([group("g", *said)])

    assert [r.value for r in batch] == [-0.75, -1.0, 1.0]  # -3/4, -6/4 cut, 4/4


def test_an_implicit_rubric_is_one_question_with_all_criteria_in_view():
    calls = []
    judge = jk.Scripted("j", lambda call: calls.append(call) or '{"label": "10"}')
    rubric = {
        "id": "r",
        "criteria": [*MARKS["criteria"], {"id": "rude", "text": "Is it rude?", "weight": -2}],
    }

    [reward] = Rewarder({"rubric": rubric, "scheme": "implicit"}, judge).reward([group("g", "x")])

    assert reward.value == 1.0
    assert len(calls) == 1
    assert "fault, weight 2: Is it rude?" in calls[0].messages[-1].content + calls[0].messages[0].content


def test_a_match_needs_a_reference_before_any_call():
    judge = jk.Scripted("j", lambda _: pytest.fail("asked"))

    with pytest.raises(InputError, match="group 'g' has no reference"):
        Rewarder({"scheme": "match"}, judge).reward([group("g", "4")])


def test_a_group_brings_its_own_rubric():
    own = {"criteria": [{"id": "short", "text": "Is it short?"}]}
    judge = jk.Scripted(
        "j", lambda call: '{"label": "yes"}' if call.asks[0][1] == "short" else '{"label": "no"}'
    )

    batch = Rewarder({"rubric": RUBRIC}, judge).reward([group("g", "x", rubric=own), group("h", "x")])

    assert values(batch) == {("g", "a"): 1.0, ("h", "a"): 0.0}


def test_length_costs_up_to_its_share():
    spec = {"rubric": MARKS, "length": {"target": 2, "limit": 4, "share": 0.2}, "grid": None}

    batch = Rewarder(spec, jk.Scripted("j", marking)).reward([group("g", "10 a", "10 a b", "10 a b c d e")])

    assert [r.value for r in batch] == [1.0, 0.9, 0.8]


def test_a_spread_inside_the_dead_band_is_no_signal():
    spec = {"rubric": MARKS, "grid": None, "dead_band": 0.15}

    batch = Rewarder(spec, jk.Scripted("j", marking)).reward([group("g", "5", "6"), group("h", "5", "7")])

    assert [r.value for r in batch] == [0.55, 0.55, 0.5, 0.7]


@pytest.mark.parametrize(
    ("pool", "value"), [("mean", 0.5), ("min", 0.2), ("median", 0.4), ("lower_bound", 0.139444872454)]
)
def test_panels_are_pooled_over_whole_values(pool, value):
    judges = [jk.Scripted(f"j{n}", lambda _, n=n: f'{{"label": "{n}"}}') for n in (2, 4, 9)]

    [reward] = Rewarder({"rubric": MARKS, "pool": pool}, judges).reward([group("g", "x")])

    assert reward.value == value


def test_a_judge_that_is_away_for_a_moment_loses_nothing():
    began = time.monotonic()

    async def away(call):
        if time.monotonic() < began + 4.0:
            raise ProviderError("HTTP 503: restarting", status=503, passing=True)
        return marking(call)

    [reward] = Rewarder({"rubric": MARKS}, jk.Scripted("j", away)).reward([group("g", "7")])

    assert reward.value == 0.7


def test_a_judge_that_stays_away_is_named_when_the_deadline_is_over():
    async def away(_):
        raise ProviderError("HTTP 503: restarting", status=503, passing=True)

    spec = {"rubric": MARKS, "deadline_seconds": 1.0}

    with pytest.raises(JudgeOutage, match="deadline: judge 'j': HTTP 503: restarting"):
        Rewarder(spec, jk.Scripted("j", away)).reward([group("g", "7", "8")])


def test_one_response_that_is_refused_for_no_known_reason_is_no_outage():
    def picky(call):
        if "odd" in str(call.messages):
            raise ProviderError("HTTP 400: no", status=400)
        return marking(call)

    batch = Rewarder({"rubric": MARKS}, jk.Scripted("j", picky)).reward([group("g", *"123456789", "odd 1")])

    assert [r.value for r in batch][:9] == [n / 10 for n in range(1, 10)]
    assert (batch["g", "j"].value, batch["g", "j"].reason) == (None, "unreachable: HTTP 400: no")


def test_a_panel_short_of_a_judge_gives_no_reward_unless_fewer_are_enough():
    judges = [jk.Scripted("one", marking), failing_on("9")]

    [strict] = Rewarder({"rubric": MARKS}, judges).reward([group("g", "9")])
    [lax] = Rewarder({"rubric": MARKS, "min_judges": 1}, judges).reward([group("g", "9")])

    assert (strict.value, strict.status) == (None, "failed")
    assert lax.value == 0.9


def test_probabilities_of_letters_give_an_expected_value():
    half = Reply("A", logprobs=(("A", -0.6931471805599453), ("B", -0.6931471805599453)))
    spec = {"rubric": RUBRIC, "form": "letters", "grid": None}

    [reward] = Rewarder(spec, jk.Scripted("soft", lambda _: half)).reward([group("g", "x")])

    assert reward.value == pytest.approx(0.5)


def test_more_judges_than_there_are_cannot_be_asked_for():
    with pytest.raises(InputError, match="min_judges=3, and judges: 1"):
        Rewarder({"rubric": RUBRIC, "min_judges": 3}, "control:longer")


def test_a_response_that_is_no_unicode_fails_alone():
    batch = Rewarder({"rubric": MARKS}, jk.Scripted("j", marking)).reward([group("g", "5 \ud83d", "5")])

    assert [r.value for r in batch] == [None, 0.5]
    assert "surrogate" in batch["g", "a"].reason


def test_it_works_in_one_loop_after_another_and_pickled():
    rewarder = Rewarder({"rubric": RUBRIC}, "control:longer")
    again = pickle.loads(pickle.dumps(rewarder))  # noqa: S301 - our own bytes

    first = asyncio.run(rewarder([group("g", "5")]))
    second = asyncio.run(again([group("g", "5")]))

    assert values(first) == values(second)


def test_kept_open_it_can_be_asked_again_and_again():
    async def both():
        async with Rewarder({"rubric": MARKS}, jk.Scripted("j", marking)) as rewarder:
            batches = await asyncio.gather(*(rewarder([group(str(n), str(n))]) for n in range(10)))
        return [value for batch in batches for value in values(batch).values()]

    assert asyncio.run(both()) == [n / 10 for n in range(10)]


def test_a_second_pass_is_served_from_the_ledger(tmp_path):
    asked = []
    judge = jk.Scripted("j", lambda call: asked.append(call) or marking(call), revision="1")
    spec = {"rubric": MARKS, "ledger": str(tmp_path / "l.sqlite")}

    first, second = (Rewarder(spec, judge).reward([group("g", "5", "6")]) for _ in range(2))

    assert len(asked) == 2
    assert values(first) == values(second)
    assert (first.stats["cache_hit_rate"], second.stats["cache_hit_rate"]) == (0.0, 1.0)


def checked_by(name, kind, **fields):
    return {"rubric": RUBRIC, "checks": [{"name": name, "kind": kind, **fields}]}


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({}, "scheme 'explicit' needs a rubric"),
        ({"rubric": "peem"}, "has no total"),
        ({"rubric": RUBRIC, "on_failure": "zero"}, "on_failure: Input should be 'none', 'raise'"),
        ({"rubric": RUBRIC, "range": [1, 0]}, "does not rise"),
        (checked_by("x", "is_json"), "has no weight and is no gate"),
        (checked_by("polite", "is_json", weight=1), "names of their own"),
        (checked_by("x", "nope", weight=1), "no check 'nope'"),
        (checked_by("x", "py:os:getcwd", gate=True), "own_code=True"),
        (checked_by("x", "matches", gate=True, settings={"pattern": "("}), "check 'matches'"),
        ({"rubric": RUBRIC, "judge_weight": 0}, "there is no reward"),
        ({"rubric": RUBRIC, "rounds": 3}, "rounds are of the scheme 'swiss'"),
        ({"rubric": RUBRIC, "fallback": 0.5}, "fallback: unknown key"),
    ],
)  # fmt: skip
def test_a_bad_spec_is_refused_before_any_call(spec, complaint):
    with pytest.raises(InputError, match=re.escape(complaint)):
        Rewarder(spec, jk.Scripted("j", marking))


def test_a_judge_that_a_spec_cannot_name_is_told_with_its_place():
    with pytest.raises(InputError, match=r"^judges\[1\]: a judge on a server .* names no model"):
        Rewarder({"rubric": RUBRIC, "judges": ["control:longer", "endpoint:http://127.0.0.1:1/v1"]})


def test_judges_that_are_away_are_told_of_while_they_are_waited_for(monkeypatch, caplog):
    monkeypatch.setattr("judgekit.rewards.core.session._QUIET", 0.4)
    rewarder = Rewarder(
        {"rubric": RUBRIC, "judges": "endpoint:http://127.0.0.1:1/v1#m", "deadline_seconds": 2}
    )

    with pytest.raises(JudgeOutage, match=r"; a batch waits 2 s for its judges \(deadline_seconds\)$"):
        rewarder.reward([Group(str(i), "Hi?", {"a": "A.", "b": "B."}) for i in range(3)])

    [record] = caplog.records
    assert record.getMessage().startswith(
        "rewards have waited 0.4 s for judges that are asked again: judge 'm': "
    )
    assert "Cannot connect" in record.getMessage()


def test_keys_of_the_spec_below_a_table_are_told_where_they_belong(tmp_path):
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[rubric]\nid = "r"\n[[rubric.criteria]]\nid = "a"\ntext = "Is it?"\non_failure = "group_mean"\n'
    )

    with pytest.raises(InputError) as told:
        Rewarder(spec, jk.Scripted("j", marking))

    assert str(told.value).startswith(f"{spec}: rubric: criteria[0] ('a').on_failure: unknown key; ")
    assert str(told.value).endswith(
        "; ['on_failure'] are keys of the spec itself, and stand in TOML above its first [table]"
    )


def test_a_bad_group_is_refused_before_any_call():
    rewarder = Rewarder({"rubric": RUBRIC}, jk.Scripted("j", lambda _: pytest.fail("asked")))

    with pytest.raises(InputError, match="two groups have the key 'g'"):
        rewarder.reward([group("g", "x"), group("g", "y")])
    with pytest.raises(InputError, match="group 'g': rubric: criteria"):
        rewarder.reward([group("h", "x"), group("g", "x", rubric={"criteria": []})])


def test_a_spec_in_toml_names_its_rubric_beside_it(tmp_path):
    (tmp_path / "r.yaml").write_text("id: r\ncriteria:\n  - {id: a, text: kind}\n", encoding="utf-8")
    path = tmp_path / "spec.toml"
    path.write_text('rubric = "r.yaml"\njudges = [{name = "control:longer"}]\n', encoding="utf-8")

    rewarder = Rewarder(path)

    assert rewarder.spec.rubric.id == "r"
    assert [judge.name for judge in rewarder.judges] == ["control:longer"]


def test_a_digest_is_of_what_decides_a_reward():
    one, same, other = (
        Rewarder({"rubric": RUBRIC, **more}, "control:longer").spec.digest
        for more in ({}, {"tries": 7, "deadline_seconds": 5}, {"grid": 0.1})
    )

    assert one == same != other


def test_what_is_made_of_an_item_is_made_while_others_are_waited_for():
    async def work():
        quick_is_made = asyncio.Event()

        async def answer(call):
            if "8" in shown(call):
                await quick_is_made.wait()
            return marking(call)

        def made(item, judged):
            quick_is_made.set()
            return scheme.made(None, item, judged).value

        judges = [jk.Scripted("j", answer)]
        scheme = Alone(load_spec({"rubric": MARKS}), judges)
        items = [Item(name, "Say a number.", {"response": name}) for name in ("8", "3")]
        async with Session(judges, None, Limits()) as session:
            return (await session.ask(items, scheme.recipe, made, 20.0)).made

    assert asyncio.run(work()) == {"8": 0.8, "3": 0.3}

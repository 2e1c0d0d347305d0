"""Probes: items walked twice, and what the difference says."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import judgekit as jk
from judgekit.cli.probe import say_shifts
from judgekit.probes import Probe, on_response
from judgekit.probes.probe import prepare_probes
from judgekit.probes.states import settled
from judgekit.types import Call

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?", "scale": "0-100"}]}
ITEMS = [
    {"id": f"i{n}", "task": f"Task {n}", "response": " ".join(f"word{k}" for k in range(10 + n))}
    for n in range(30)
]
PAIRS = [
    {"id": f"i{n}", "task": f"Task {n}", "responses": {"a": f"A plain text {n}.", "b": f"Another text {n}."}}
    for n in range(30)
]
SHOUT = Probe(
    name="shout", group="own", what="In capitals.", change=on_response(lambda text, _: text.upper())
)
ONLY: Any = {"only": ["shout"], "probes": [SHOUT], "ledger": None}
RUIN = Probe(name="spoil", group="own", what="Ruins it.", expects="fall", change=on_response(lambda *_: "x"))


def judge(value: Callable[[str], float], **options: Any) -> jk.Scripted:
    """A judge that gives a number to the text of the response."""
    return jk.Scripted("judge", lambda call: value(str(call.item.responses["response"])), **options)


def probed(judge: Any, probe: Probe = SHOUT, items: Any = ITEMS, **options: Any) -> jk.probes.Shift:
    options = {"ledger": None, "progress": False, "only": [probe.name], **options}
    [shift] = jk.probe(items, options.pop("rubric", RUBRIC), judge, probes=[probe], **options).shifts
    return shift


def test_what_moves_every_score_is_a_fault_with_its_size() -> None:
    shift = probed(judge(lambda text: 70 if text.isupper() else 50))
    assert (shift.state, shift.n, shift.n_unchanged) == ("fault", 30, 0)
    assert shift.shift.value == pytest.approx(0.2)
    assert shift.failed.value == shift.moved.value == 1


def test_what_moves_nothing_is_none_once_there_are_enough() -> None:
    many = [{**row, "id": f"{row['id']}-{k}"} for k in range(4) for row in ITEMS]
    few, enough = probed(judge(lambda _: 50)), probed(judge(lambda _: 50), items=many, n=120)
    assert (few.state, enough.state) == ("open", "held")
    assert few.detectable > 0.05
    assert "would have been found" in few.says


def test_a_judge_that_is_only_noisy_is_not_blamed_on_the_change() -> None:
    def noisy(call: Call) -> int:
        raw = repr((call.sample, call.item, "lots"))
        draw = int(hashlib.sha256(raw.encode()).hexdigest(), 16)
        return 30 + draw % 40

    shift = probed(jk.Scripted("noisy", noisy), n=30)
    assert shift.noise.value > 0.6
    assert shift.moved.value > 0.6
    assert shift.state in {"open", "slight"}


def test_a_ruin_that_is_not_seen_is_a_fault_and_one_that_is_seen_none() -> None:
    assert probed(judge(lambda _: 50), RUIN).state == "fault"
    assert probed(judge(lambda text: min(90, len(text))), RUIN).state == "held"


def test_what_is_at_the_lowest_cannot_fall_and_is_left_out() -> None:
    shift = probed(judge(lambda text: 50 if "word12" in text else 0), RUIN)
    assert shift.failed.n_used == 27
    assert shift.n == 30


def test_what_is_said_does_not_contradict_its_number() -> None:
    no_rise = replace(SHOUT, expects="no rise")
    fell = probed(judge(lambda text: 0 if text.isupper() else 50), no_rise)
    assert (fell.state, fell.says[:21]) == ("held", "no rise beyond 0.05: ")
    assert probed(judge(lambda _: 0), RUIN).says == "no unit could fall: each has the lowest score already"


def test_what_is_not_shown_among_many_though_its_own_interval_is_beyond_0_says_so() -> None:
    rows = [probed(judge(lambda _: 50), replace(SHOUT, name=f"shout{n}")) for n in range(12)]
    one = replace(
        probed(judge(lambda text: 50 + 30 * (text.isupper() and "word14" not in text))), p=0.03, says=""
    )
    [*_, among] = settled([*(replace(each, p=0.9, says="") for each in rows), one])
    assert (among.state, among.says[:33]) == ("open", "not shown among so many probes: m")


def test_a_judge_that_cannot_give_less_is_not_taken_for_a_sound_one(capsys: Any) -> None:
    found = jk.probe(ITEMS, RUBRIC, judge(lambda _: 0), probes=[RUIN], only=["spoil"], ledger=None)
    say_shifts(found)
    told = capsys.readouterr().out
    assert "judge: 0 faults in 1 probe of 30 items; 1 cannot tell, more items may" in told
    assert "no score can fall" in told


def test_of_a_pair_one_response_is_changed_and_values_are_its_own() -> None:
    def shouted_wins(call: Call) -> str:
        texts = [str(call.item.responses[name]).isupper() for name in call.shown] if call.item else []
        return '{"label": "%s"}' % ("tie" if texts[0] == texts[1] else "AB"[texts.index(True)])

    shift = probed(
        jk.Scripted("shouted", shouted_wins), items=PAIRS, rubric="pair_quality", protocol="compare"
    )
    assert shift.shift.value == pytest.approx(0.5)
    assert shift.state == "fault"


def test_silence_that_a_change_brings_about_is_a_fault() -> None:
    silent = jk.Scripted(
        "silent", lambda call: "no idea" if str(call.item.responses["response"]).isupper() else 50
    )
    shift = probed(silent, reask=False)
    assert shift.silenced.value == 1
    assert shift.state == "fault"
    assert shift.is_silence
    assert "in the place of a verdict" in shift.remedy
    assert "silent" in shift.says


def test_of_many_probes_those_that_found_nothing_are_named_in_a_line(capsys: Any) -> None:
    one = probed(judge(lambda text: 80 if text.isupper() else 50))
    rows = [
        replace(one, state=state, probe=replace(SHOUT, name=f"{state}{n}"))
        for state in ("fault", "slight", "open", "held") for n in range(4)
    ]  # fmt: skip
    found = jk.probe(ITEMS, RUBRIC, judge(lambda _: 0), probes=[RUIN], only=["spoil"], ledger=None)

    say_shifts(replace(found, shifts=tuple(rows)))
    told = capsys.readouterr().out.splitlines()
    assert "not shown: open0, open1, open2, open3" in told
    assert "none: held0, held1, held2, held3" in told
    assert not [line for line in told if line.startswith("open0 ")]
    say_shifts(replace(found, shifts=tuple(rows)), more=True)
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("open0 ")]


def test_a_probe_that_was_asked_is_not_asked_again_and_shares_with_earlier_runs(tmp_path: Any) -> None:
    asked: list[str] = []

    def counting(call: Call) -> int:
        asked.append(call.key)
        return 50

    options: Any = {"ledger": tmp_path / "l.sqlite", "progress": False}
    judge = jk.Scripted("counting", counting, revision="1")
    jk.score(ITEMS, RUBRIC, judge, **options)
    assert len(asked) == 30
    once = jk.probe(ITEMS, RUBRIC, judge, only=["shout"], probes=[SHOUT], **options)
    assert len(asked) == 90  # the same again, and changed; the first walk is served
    twice = jk.probe(ITEMS, RUBRIC, judge, only=["shout"], probes=[SHOUT], **options)
    assert len(asked) == 90
    assert once.shifts == twice.shifts


def test_the_price_of_each_probe_is_known_before() -> None:
    made = prepare_probes(ITEMS, RUBRIC, judge(lambda _: 50), **ONLY, reask=False)
    assert {name: (each.least, each.most) for name, each in made.prices().items()} == {
        "": (60, 60),
        "shout": (30, 30),
    }


def test_items_are_spread_evenly_where_there_are_more_than_are_probed() -> None:
    made = prepare_probes(ITEMS, RUBRIC, judge(lambda _: 50), **ONLY, n=3)
    assert [item.item_id for item in made.items] == ["i0", "i10", "i20"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"only": ["lenght"]}, "no probe 'lenght'; did you mean 'length'?"),
        ({"n": 0}, "n=0; at least 1"),
        ({"probes": [SHOUT, SHOUT]}, "two probes are called 'shout'"),
        ({"items": [{"id": "a~b", "task": "t", "response": "x"}]}, "'~' in an id"),
        ({"recipe": "peem"}, "leave out the recipe"),
    ],
)
def test_what_cannot_be_probed_is_refused_before_any_call(options: dict[str, Any], why: str) -> None:
    items = options.pop("items", ITEMS)
    with pytest.raises(jk.InputError, match=re.escape(why)):
        jk.probe(items, RUBRIC, judge(lambda _: pytest.exit("asked")), ledger=None, **options)


def test_a_price_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    named: Any = {"only": ["padding", "paraphrase"], "writer": "openai/gpt-4.1", "ledger": None}
    made = prepare_probes(ITEMS, RUBRIC, "openai/gpt-4.1-mini", sending=False, **named)
    assert made.prices()["padding"].least == 30


def test_a_written_change_is_of_the_response_that_was_drawn_for_it() -> None:
    def change(item: jk.Item, at: Any) -> Any:
        if not item.responses[at.lots.choice(list(item.responses))]:
            return None
        return writing(item)

    def writing(item: jk.Item) -> Any:
        text = yield jk.probes.written(item, "Say it again.", response="full")
        return replace(item, responses={**item.responses, "full": text})

    again = Probe(
        name="again", group="own", what="Writes it again.", change=change, writes=1,
        needs=frozenset({"writer"}),
    )  # fmt: skip
    rows = [{"id": f"i{n}", "task": "Hi", "responses": {"full": f"Text {n}.", "none": ""}} for n in range(20)]
    found = jk.probe(
        rows, RUBRIC, jk.Scripted("judge", lambda _: 50), only=["again"], probes=[again], ledger=None,
        writer=jk.Scripted("writer", lambda _: "Once more."), progress=False,
    )  # fmt: skip
    assert 0 < found.shifts[0].n < 20


def test_a_response_in_which_nothing_was_changed_is_no_unit_of_the_shift() -> None:
    loud = replace(SHOUT, change=on_response(lambda text, _: text.upper() if "plain" in text else None))
    rows = probed(jk.Scripted("judge", lambda _: 50), loud, items=PAIRS)
    assert rows.n == 30  # of the 60 responses


def test_faults_are_named_by_the_rate_of_false_discoveries_among_all_probes() -> None:
    one = probed(judge(lambda _: 50))
    found = settled([replace(one, p=p, says="") for p in (0.01, 0.02, 0.03, float("nan"))])
    assert [each.q for each in found[:3]] == pytest.approx([0.03, 0.03, 0.03])
    assert found[3].q != found[3].q  # nothing was tested


def test_the_least_of_several_tests_of_a_probe_pays_for_their_number() -> None:
    shift = probed(judge(lambda text: 70 if text.isupper() else 50), items=ITEMS[:12])
    assert shift.p == pytest.approx(3 / 2**12)  # silence, shift, movement, one-sided; all signs alike


def test_what_is_at_the_highest_cannot_rise_and_is_left_out() -> None:
    rising = replace(SHOUT, expects="no rise")
    shift = probed(judge(lambda text: 100 if "word14" in text.lower() else 50), rising)
    assert (shift.failed.n_used, shift.n) == (5, 30)

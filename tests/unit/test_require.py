"""Bounds that a run has to meet: how they are said, what decides them, and what the command leaves with."""

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import judgekit as jk
from judgekit.agreement.core.intervals import clustered_mean, rate, wilson
from judgekit.agreement.core.sums import Sums
from judgekit.cli import main
from judgekit.verbs.require import Bounds, parse_bound

RUBRIC = {
    "id": "r",
    "criteria": [{"id": "kind", "text": "Is it kind?"}, {"id": "safe", "text": "Is it safe?"}],
}


def judge(call: Any) -> str:
    """Say yes but of what is bad, and nothing of what is lost."""
    text = call.item.responses[call.shown[0]]
    bad = call.asks[0].criterion == "kind" and "bad" in text
    return "Well." if "lost" in text else f'{{"label": "{"no" if bad else "yes"}"}}'


def run_of(*texts: str, systems: tuple[str, ...] = ()) -> jk.Run:
    items = [
        {"id": n, "task": "Hi", "response": text, **({"system": systems[n]} if systems else {})}
        for n, text in enumerate(texts)
    ]
    return jk.score(items, RUBRIC, jk.Scripted("j", judge), ledger=None)


def summed(values: np.ndarray, clusters: np.ndarray) -> Sums:
    sums = Sums()
    for each in np.unique(clusters):
        sums.add(values[clusters == each].tolist())
    return sums


@pytest.mark.parametrize("seed", range(5))
def test_sums_give_the_mean_and_interval_of_clustered_values(seed: int):
    rng = np.random.default_rng(seed)
    clusters = np.sort(rng.integers(0, 40, 200))
    values = rng.random(200) * 0.5 + 0.2

    found, whole = summed(values, clusters).mean("mean"), clustered_mean(values, clusters)

    assert (found.value, found.se, found.low, found.high) == pytest.approx(
        (whole.value, whole.se, whole.low, whole.high), abs=1e-12
    )
    assert (found.interval, found.status) == ("t_cr1", "ok")


def test_a_share_of_independent_units_has_wilsons_interval_and_a_common_one_of_clusters_t():
    said, alone = np.array([1.0, 0.0, 1.0, 1.0] * 25), np.arange(100)

    found = summed(said, alone).mean("share")
    in_pairs = summed(said, alone // 2).mean("share")

    assert (found.low, found.high) == wilson(75, 100)
    assert in_pairs.low == pytest.approx(rate(said > 0.5, alone // 2).low, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.75, 1.0])
def test_where_nothing_varies_the_interval_does_not_claim_certainty(value: float):
    sums = Sums()
    for _ in range(100):
        sums.add([value, value])

    found = sums.mean("mean")

    assert found.value == value
    assert found.high - found.low > 0.02
    assert found.status == "ok_degenerate"


def test_one_failure_among_clusters_leaves_the_room_that_wilsons_bound_leaves():
    sums = Sums()
    for n in range(100):
        sums.add([float(n != 7), 1.0])

    found = sums.mean("share")

    assert found.low == pytest.approx(wilson(99.5, 100)[0], abs=1e-12)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mean>=0.7", ("mean", True, 0.7, "", "", False)),
        ("safe: share >= 99%", ("share", True, 0.99, "safe", "", False)),
        ("abstained<=0.02", ("abstained", False, 0.02, "", "", False)),
        ("value: mean>=.7", ("mean", True, 0.7, "", "", True)),
        ("system new-1: mean>=0.5", ("mean", True, 0.5, "", "new-1", False)),
        ("value: system new: safe: share>=1", ("share", True, 1.0, "safe", "new", True)),
        ("system 'llama3:8b': safe: mean>=0.6", ("mean", True, 0.6, "safe", "llama3:8b", False)),
        ('system "llama3:8b": mean>=0.6', ("mean", True, 0.6, "", "llama3:8b", False)),
        ("system new: value: mean>=0.6", ("mean", True, 0.6, "", "new", True)),
        ("system new: safe: value: mean>=0.6", ("mean", True, 0.6, "safe", "new", True)),
        ("safe: value: mean>=0.6", ("mean", True, 0.6, "safe", "", True)),
        ("a: b: mean<=0.5", ("mean", False, 0.5, "a: b", "", False)),
        ("criterion value: mean<=0.5", ("mean", False, 0.5, "value", "", False)),
        ("worse<=0", ("worse", False, 0.0, "", "", False)),
    ],
)
def test_a_bound_is_read(text: str, parts: tuple[Any, ...]):
    found = parse_bound(text)

    assert (
        found.statistic, found.at_least, found.limit, found.criterion, found.system, found.by_value
    ) == parts  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mean", "cannot be read; a bound is STATISTIC>=NUMBER"),
        ("meen>=0.7", "no statistic 'meen'; did you mean 'mean'?"),
        ("mean>0.7", "'>' is no sign of a bound; say >= or <="),
        ("mean=>0.7", "'=>' is no sign of a bound"),
        ("mean>=70", "mean lies from 0 to 1, so 70 bounds nothing"),
        ("worse<=2%", "worse counts units; say a whole number"),
        ("mean>=nan", "cannot be read"),
        ("system : safe: mean>=0.7", "names no system"),
    ],
)
def test_a_bound_that_says_nothing_is_refused(text: str, says: str):
    with pytest.raises(jk.InputError) as refused:
        parse_bound(text)

    assert says in str(refused.value)


def test_the_lower_end_decides_and_the_value_where_it_is_asked_for():
    run = run_of(*["good"] * 48, "bad", "bad")

    by_interval, by_value, of_what_is_always_so = jk.require(
        run, "kind: share>=0.95", "value: kind: share>=0.95", "safe: share>=0.9"
    )

    assert by_interval.found.low == pytest.approx(wilson(48, 50)[0])
    assert not by_interval
    assert "the value meets it, but the lower end of its interval, 0.8654, does not" in by_interval.why
    assert by_value
    assert of_what_is_always_so


def test_abstentions_are_bounded_from_above_and_missing_scores_counted():
    run = run_of(*["good"] * 97, "lost", "lost", "lost")

    few, none, mean = jk.require(run, "abstained<=0.1", "abstained<=0.01", "mean>=0.9")

    assert few.found.value == 0.03
    assert few.found.n_used == 200
    assert few
    assert none.why == "0.03 is above 0.01"
    assert (mean.found.n_used, mean.found.n_dropped) == (97, 3)


def test_a_system_is_bounded_alone():
    run = run_of(*["good", "bad"] * 20, systems=("new", "old") * 20)

    new, old = jk.require(run, "system new: mean>=0.8", "system old: kind: mean<=0.2")

    assert (new.found.value, old.found.value) == (1.0, 0.0)
    assert new
    assert old
    with pytest.raises(
        jk.InputError, match=re.escape("no system 'older'; did you mean 'old'? There are new, old")
    ):
        jk.require(run, "system older: mean>=0.1")


def test_a_system_whose_name_has_a_colon_stands_in_quotes():
    run = run_of(*["good"] * 40, systems=("llama3:8b",) * 40)

    [met] = jk.require(run, "system 'llama3:8b': mean>=0.8")

    assert met
    with pytest.raises(jk.InputError, match="in quotes: system 'llama3:8b':"):
        jk.require(run, "system llama3:8b: mean>=0.8")


def test_of_a_pair_the_system_is_a_response_and_its_mean_how_far_it_is_preferred():
    both = {"old": "What?", "new": "Hello."}
    items = [{"id": str(n), "task": "Hi", "responses": both} for n in range(30)]
    better = jk.Scripted("j", lambda call: f'{{"label": "{"AB"[call.shown.index("new")]}"}}')
    run = jk.compare(items, {"id": "r", "criteria": [RUBRIC["criteria"][0]]}, better, ledger=None)

    new, old = jk.require(run, "system new: mean>=0.8", "system old: share<=0.2")

    assert (new.found.value, old.found.value) == (1.0, 0.0)
    assert new
    assert old


def test_what_was_not_judged_or_has_no_interval_is_not_met_and_says_why():
    [missing] = jk.require(run_of("lost"), "mean>=0.1")
    one, by_value = jk.require(run_of("good"), "mean>=0.1", "value: mean>=0.1")

    assert missing.why == "all 1 scores of it are missing"
    assert one.why.startswith("there is no interval (1 item gives no interval)")
    assert by_value


@pytest.mark.parametrize(
    ("text", "says"),
    [("safety: mean>=0.5", "no criterion 'safety'; did you mean 'safe'?"), ("worse<=0", "of two runs")],
)
def test_a_bound_on_what_a_run_does_not_have_is_refused(text: str, says: str):
    with pytest.raises(jk.InputError, match=says):
        jk.require(run_of("good"), text)


def test_a_difference_is_bounded_by_counts_and_by_the_lower_end_of_its_mean():
    earlier, run = run_of(*["good"] * 40), run_of(*["good"] * 38, "bad", "lost")
    found = run.diff(earlier)

    few, none, safe, mean, lost = jk.require(
        found, "worse<=1", "worse<=0", "safe: same>=39", "mean>=-0.05", "value: mean>=-0.05"
    )

    assert (few.found.value, few.found.n_used, few.found.n_dropped) == (1, 39, 1)
    assert few
    assert none.why == "1 is above 0"
    assert safe
    assert mean.found == found.by[0].estimate
    assert bool(mean) == (found.by[0].estimate.low >= -0.05)
    assert lost
    assert all(jk.require(run.diff(run), "mean>=-0.01", "worse<=0", "better<=0"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("share>=0.5", "of two runs there are mean, worse, better and same"),
        ("safety: worse<=0", "no criterion 'safety'; did you mean 'safe'?"),
        ("system new: worse<=0", "no system 'new'"),
        ("system new: safe: worse<=0", "say one of them"),
    ],
)
def test_a_bound_on_what_a_difference_does_not_have_is_refused(text: str, says: str):
    run = run_of("good")

    with pytest.raises(jk.InputError, match=re.escape(says)):
        jk.require(run.diff(run), text)


def test_diff_leaves_with_1_where_something_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run_of(*["good"] * 20).save(tmp_path / "earlier")
    run_of(*["good"] * 19, "bad").save(tmp_path / "now")

    def left(*bounds: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(["diff", str(tmp_path / "now"), str(tmp_path / "earlier"), *bounds])
        return int(left.value.code or 0), capsys.readouterr().out

    assert left("--require", "worse<=1")[0] == 0
    code, text = left("--require", "worse<=0")
    assert code == 1
    assert "no: 1 is above 0" in text


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)
    Path("items.jsonl").write_text(
        "".join(json.dumps({"id": n, "task": "Hi", "response": "Hello there."}) + "\n" for n in range(40))
    )
    Path("rubric.json").write_text(json.dumps(RUBRIC))
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("own_judge", None)
    Path("own_judge.py").write_text(
        "asked = []\ndef judge(call):\n    asked.append(call)\n    return call.asks[0].criterion == 'safe'\n"
    )

    def told(*more: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(
                [
                    "score",
                    "items.jsonl",
                    "-r",
                    "rubric.json",
                    "-j",
                    "py:own_judge:judge",
                    "--ledger",
                    "none",
                    *more,
                ]
            )
        out = capsys.readouterr()
        return int(left.value.code or 0), out.out + out.err

    return told


def test_the_command_leaves_with_0_or_1_and_the_numbers(command: Any):
    code, text = command("--require", "safe: share>=0.9", "--require", "abstained<=10%", "--out", "run")
    assert code == 0
    assert json.loads(Path("run/run.json").read_text())["required"][0]["met"] is True

    code, text = command("--require", "safe: share>=0.9", "--require", "mean>=0.7")
    assert code == 1
    rows = {line.split("  ")[0]: line.split() for line in text.splitlines()}
    assert rows["safe: share>=0.9"][-1] == "yes"
    assert "no: 0.5 is below 0.7" in text
    assert "1 of 2 bounds not met" in text

    code, text = command("--require", "mean>=0.7", "--quiet")
    assert (code, text) == (1, "not met: mean>=0.7: 0.5 is below 0.7\n")


def test_only_statistics_are_named_that_are_taken_there():
    with pytest.raises(
        jk.InputError, match=r"'men'; did you mean 'mean'\? There are mean, share, abstained$"
    ):
        jk.require(run_of("good"), "men>=0.5")
    with pytest.raises(
        jk.InputError, match=r"'wors'; did you mean 'worse'\? There are mean, worse, better, same$"
    ):
        jk.require(run_of("good").diff(run_of("good")), "wors<=0")


def test_a_system_of_which_nothing_came_is_told_at_the_end():
    run = run_of("good", "bad", systems=("new", "old"))
    bounds = Bounds.of(["system older: mean>=0.5", "system old: mean>=0.1"])
    bounds.add(run.scores, run.outcomes)

    none, some = bounds.found()

    assert (none.met, none.why) == (False, "no system 'older'; did you mean 'old'? There are new, old")
    assert "no system" not in some.why


@pytest.mark.parametrize(
    "bound",
    ["meen>=0.7", "safety: mean>=0.7", "worse<=0", "system mine: mean>=0.7", "system mine: safe: mean>=0"],
)
def test_a_wrong_bound_is_refused_before_any_call(command: Any, bound: str):
    code, text = command("--require", bound)

    assert code == 2
    assert text.count("error:") == 1
    import own_judge

    assert own_judge.asked == []


def test_the_stored_run_and_the_streamed_one_come_to_the_same(command: Any):
    bounds = ("mean>=0.2", "kind: share<=0.1", "abstained<=0.1")
    _, _ = command("--out", "run", *(each for bound in bounds for each in ("--require", bound)))

    stored = [each.plain() for each in jk.require("run", *bounds)]
    assert json.loads(Path("run/run.json").read_text())["required"] == stored
    assert not any(math.isnan(each["value"]) for each in stored)

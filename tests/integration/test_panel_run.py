"""Panels through the whole path: planted errors and correlation, failing judges, withheld votes."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.judges.resolve import Scripted
from judgekit.types import Reply
from judgekit.verbs import prepare

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
N = 2000
WRONG, SHARED = 0.3, 0.5
"""Share of verdicts that are wrong, and of them how many a judge takes from an error all three share."""
# A correlation of 2000 units has a standard error of .02: the bounds below are two to three of them, and the
# number of judges is off by up to 2.7 times as much.
CORRELATION = SHARED**2  # both of two judges took the shared one: the phi of their errors


def says(label):
    return json.dumps({"label": label})


def constant(name, label):
    return Scripted(name, lambda _: says(label))


def refusing(name):
    return Scripted(name, lambda _: Reply(fault="refused", model=name))


def table(name, labels):
    return Scripted(name, lambda call: says("yes" if labels[call.item.item_id] else "no"))


def items(n):
    return [{"id": str(i), "task": "Where is it?", "response": f"At the depot {i}."} for i in range(n)]


@dataclass
class Planted:
    truth: dict[str, bool]
    said: dict[str, dict[str, bool]]

    @property
    def judges(self):
        return [table(name, labels) for name, labels in self.said.items()]

    @property
    def labels(self):
        return [{"item_id": i, "rater": "gold", "label": "yes" if t else "no"} for i, t in self.truth.items()]


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(5)
    truth, said = {}, {name: {} for name in "abc"}
    for i in map(str, range(N)):
        truth[i], common = rng.random() < 0.5, rng.random() < WRONG
        for labels in said.values():
            wrong = common if rng.random() < SHARED else rng.random() < WRONG
            labels[i] = truth[i] != wrong
    return Planted(truth, said)


@pytest.fixture(scope="module")
def run(planted):
    return jk.score(items(N), RUBRIC, planted.judges, ledger=None)


def test_planted_errors_and_their_correlation_give_the_known_number_of_judges(planted, run):
    made = jk.agree(list(run.outcomes), labels=planted.labels, rubric=RUBRIC, trusted=True, b=100)

    panel = made.criteria[0].panel
    assert panel.judges == ("a", "b", "c")
    assert panel.errors.mean == pytest.approx(CORRELATION, abs=0.05)
    assert panel.effective.value == pytest.approx(3 / (1 + 2 * CORRELATION), abs=0.13)  # 2 judges
    assert panel.effective.low < 2.0 < panel.effective.high
    assert panel.within.value == pytest.approx(panel.effective.value, abs=0.02)  # as hard for yes as for no
    # Independent judges: .7^3 + 3 * .7^2 * .3 = .784. The planted ones: all right or the majority of three.
    right = sum(sum(said[i] == t for said in planted.said.values()) >= 2 for i, t in planted.truth.items())
    assert panel.gap == pytest.approx(0.784 - right / N, abs=0.02)
    assert panel.gap > 0.02


def test_without_labels_the_run_has_the_number_that_the_verdicts_give_and_says_so(run):
    # Verdicts of -1 and 1: variance 1, covariance that of errors, r (1 - m^2), and of being right, m^2.
    m = 1 - 2 * WRONG
    expected = CORRELATION * (1 - m**2) + m**2

    panel = run.summary["panel"]

    assert panel["correlation_of_verdicts"] == pytest.approx(expected, abs=0.05)
    assert panel["effective_judges"] == pytest.approx(3 / (1 + 2 * expected), abs=0.1)
    assert panel["low"] < 3 / (1 + 2 * expected) < panel["high"]
    assert (panel["items"], panel["status"], panel["left_out"]) == (N, "ok", {})
    assert [pair["judges"] for pair in panel["pairs"]] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert "not of errors" in panel["notes"][0]


def test_independent_judges_are_worth_all_three():
    rng = np.random.default_rng(7)
    said = {name: {str(i): rng.random() < 0.5 for i in range(1000)} for name in "abc"}

    run = jk.score(items(1000), RUBRIC, [table(*each) for each in said.items()], ledger=None)

    assert run.summary["panel"]["effective_judges"] == pytest.approx(3, abs=0.2)


def test_the_order_of_judges_and_items_changes_nothing(planted):
    rows = items(200)
    there = jk.score(rows, RUBRIC, planted.judges, ledger=None).summary["panel"]

    back = jk.score(rows[::-1], RUBRIC, planted.judges[::-1], ledger=None).summary["panel"]

    assert back.pop("judges") == there.pop("judges")
    for name in ("effective_judges", "low", "high", "correlation_of_verdicts", "participation_ratio"):
        assert back.pop(name) == pytest.approx(there.pop(name))
    for one, other in zip(there.pop("pairs"), back.pop("pairs"), strict=True):
        assert (one["judges"], one["units"]) == (other["judges"], other["units"])
        assert one["correlation"] == pytest.approx(other["correlation"])
    assert back == there


def test_one_judge_is_no_panel_and_a_control_is_no_judge():
    alone = jk.score(items(3), RUBRIC, constant("a", "yes"), ledger=None)
    beside = jk.score(items(3), RUBRIC, [constant("a", "yes"), "control:longer"], ledger=None)

    assert alone.summary["panel"] is None
    assert beside.summary["panel"] is None


def test_a_failing_judge_is_substituted_and_named_on_the_seat_of_one(planted):
    a, b, c = planted.judges
    lost = {str(i) for i in range(0, 300, 3)}
    failing = Scripted(
        "a", lambda call: Reply(fault="refused") if call.item.item_id in lost else a.answer(call)
    )
    standing = Scripted("s", lambda call: says("yes" if planted.said["a"][call.item.item_id] else "no"))

    run = jk.score(items(300), RUBRIC, [failing, b, c], ledger=None, substitutes={"a": standing})
    whole = jk.score(items(300), RUBRIC, [a, b, c], ledger=None)

    panel = run.summary["panel"]
    assert panel["substituted"] == {"a": {"s": 100}}
    assert panel["judges"] == ["a", "b", "c"]
    assert panel["effective_judges"] == pytest.approx(whole.summary["panel"]["effective_judges"])
    assert {o.unit.item_id for o in run.outcomes if o.rater == "s"} == lost
    assert run.summary["flags"] == {"instead_of:a": 100, "substitute": 100}
    assert [score.value for score in run.scores] == [score.value for score in whole.scores]


@pytest.mark.parametrize("ids", [range(0, 300, 3), range(300)], ids=["some", "all"])
def test_with_labels_a_substitute_has_the_seat_of_its_judge(planted, ids):
    a, b, c = planted.judges
    lost = set(map(str, ids))
    failing = Scripted(
        "a", lambda call: Reply(fault="refused") if call.item.item_id in lost else a.answer(call)
    )
    stood = jk.score(
        items(300), RUBRIC, [failing, b, c], ledger=None, substitutes={"a": table("s", planted.said["a"])}
    )
    whole = jk.score(items(300), RUBRIC, [a, b, c], ledger=None)

    found, plain = (
        jk.agree(list(run.outcomes), labels=planted.labels, rubric=RUBRIC, trusted=True, b=50).criteria[0]
        for run in (stood, whole)
    )

    assert found.panel.effective.value == pytest.approx(plain.panel.effective.value)
    assert found.panel.judges == (("a", "b", "c") if len(lost) < 300 else ("b", "c", "s"))
    assert "s" in {each.judge for each in found.judges}  # audited alone as well


@pytest.mark.parametrize(("panel", "value"), [("mean", 1 / 3), ("majority", 0.0)])
def test_a_judge_and_its_substitute_have_one_vote_between_them(panel, value):
    once = Scripted("a", lambda call: says("yes") if call.sample == 0 else Reply(fault="refused"))

    run = jk.score(
        items(1), RUBRIC, [once, constant("b", "no"), constant("c", "no")], ledger=None, samples=2,
        panel=panel, substitutes={"a": constant("s", "yes")},
    )  # fmt: skip

    assert run.scores[0].value == pytest.approx(value)  # not 1/2, and not a draw of two against two
    assert run.scores[0].n_verdicts == 6


def test_a_withheld_vote_never_becomes_a_majority_of_one():
    panel = [constant("a", "yes"), refusing("b"), refusing("c")]

    [polite, tone] = jk.score(items(1), RUBRIC, panel, ledger=None, panel="majority").scores

    assert (polite.value, tone.value) == (None, None)
    assert (polite.n_verdicts, polite.n_abstained) == (1, {"refused": 2})


def test_two_of_three_are_a_majority_whatever_the_third_withholds():
    panel = [constant("a", "yes"), refusing("b"), constant("c", "yes")]

    [polite, _] = jk.score(items(1), RUBRIC, panel, ledger=None, panel="majority").scores

    assert (polite.value, polite.n_verdicts, polite.n_abstained) == (1.0, 2, {"refused": 1})


class Author:
    """A judge that wrote some of the responses, and does not judge them."""

    identity: dict[str, str] = {}  # noqa: RUF012
    systems = ("m1",)

    def __init__(self, name, answer):
        self.name, self._answer = name, answer

    async def __call__(self, call):
        return Reply(text=self._answer(call), cost_usd=0.0)


def test_what_a_judge_may_not_judge_is_missing_from_its_pairs(planted):
    a, b, c = planted.judges
    rows = [{**row, "system": f"m{i % 2}"} for i, row in enumerate(items(200))]

    run = jk.score(rows, RUBRIC, [Author("a", a.answer), b, c], ledger=None)

    units = {tuple(pair["judges"]): pair["units"] for pair in run.summary["panel"]["pairs"]}
    assert units == {("a", "b"): 100, ("a", "c"): 100, ("b", "c"): 200}
    assert run.summary["panel"]["items"] == 200


def test_both_orders_of_a_pair_are_one_verdict_of_each_judge(planted):
    def prefers(name):
        def answer(call):
            first = planted.said[name][call.item.item_id]
            return says("A" if first == (call.shown == ("x", "y")) else "B")

        return Scripted(name, answer)

    pairs = [{"id": str(i), "task": "Hi", "responses": {"x": "Hello.", "y": "What?"}} for i in range(200)]

    compared = jk.compare(pairs, RUBRIC, [prefers(name) for name in "abc"], ledger=None).summary["panel"]

    graded = jk.score(items(200), RUBRIC, planted.judges, ledger=None).summary["panel"]
    assert compared["effective_judges"] == pytest.approx(graded["effective_judges"])
    assert {pair["units"] for pair in compared["pairs"]} == {200}


def test_a_stream_counts_its_panel_as_well_and_repeats_it(planted, tmp_path):
    rows = items(50)
    job = prepare(rows, RUBRIC, planted.judges, ledger=None)

    jk.score(rows, RUBRIC, planted.judges, ledger=None).save(tmp_path)

    saved = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["panel"]
    assert job.summary()["panel"]["status"] == "undefined:too_few"  # nothing judged yet
    assert saved == jk.score(rows, RUBRIC, planted.judges, ledger=None).summary["panel"]


SHOWN = """\
import json
from judgekit.judges.resolve import Scripted
from judgekit.types import Reply

def says(step):
    def answer(call):
        return json.dumps({"label": "yes" if int(call.item.item_id) % step else "no"})
    return answer

two, three = Scripted("two", says(2)), Scripted("three", says(3))
five = Scripted("five", says(5))
broken = Scripted("broken", lambda call: Reply(fault="refused"))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "panel_of_four.py").write_text(SHOWN, encoding="utf-8")
    (tmp_path / "r.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    rows = [json.dumps(row) + "\n" for row in items(60)]
    (tmp_path / "items.jsonl").write_text("".join(rows), encoding="utf-8")
    labels = [f"{i},ann,{'yes' if i % 7 else 'no'}\n" for i in range(60)]
    (tmp_path / "labels.csv").write_text("item_id,rater,label\n" + "".join(labels), encoding="utf-8")
    return tmp_path


def test_the_command_line_says_what_a_panel_is_worth_and_who_stood_in(folder, capsys):
    def command(line):
        with pytest.raises(SystemExit) as end:
            main(line.split())
        assert not end.value.code
        return " ".join(capsys.readouterr().out.split())

    judges = " ".join(f"--judge py:panel_of_four:{name}" for name in ("two", "three", "broken"))
    more = "--substitute broken=py:panel_of_four:five --ledger none --out out"

    told = command(f"score items.jsonl -r r.json {judges} {more}")
    audited = command("agree out/outcomes.jsonl --labels labels.csv -r r.json --report report.html")

    assert "panel of 3 judges: worth 3.00" in told
    assert "on 60 items; of verdicts, not of errors" in told
    assert "five stood in for broken in 60 verdicts" in told
    assert "polite, five, three, two: worth" in audited
    assert "their errors correlate by" in audited
    for report in ("report.md", "report.html"):
        assert "their errors correlate by" in (folder / report).read_text(encoding="utf-8")
    kept = json.loads((folder / "report.json").read_text(encoding="utf-8"))["criteria"][0]["panel"]
    assert kept["judges"] == ["five", "three", "two"]
    assert kept["effective"]["value"] >= 1

"""`calibrate` and `score(calibration=...)`: judges' probabilities mapped to people's."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.types import Reply

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
N, KNOWN = 500, 400
rng = np.random.default_rng(3)
SAID = rng.uniform(-6, 6, N).round(3)  # in log-odds, and three times too sure
SURE, TRUE = 1 / (1 + np.exp(-SAID)), 1 / (1 + np.exp(-SAID / 3))
LABEL = np.where(rng.random(N) < TRUE, "yes", "no")
ITEMS = [{"id": str(i), "task": "Hi", "response": f"Hello {i}"} for i in range(N)]
LABELS = [{"item_id": str(i), "rater": "ann", "label": LABEL[i]} for i in range(KNOWN)]


def letters(name="j"):
    """A judge by letters that is too sure."""

    def said(call):
        p = float(SURE[int(call.item.item_id)])
        shares = {letter: p if label == "yes" else 1 - p for letter, label in call.letters}
        top = sorted(((letter, math.log(share)) for letter, share in shares.items()), key=lambda x: -x[1])
        return Reply(top[0][0], logprobs=tuple(top))

    return jk.Scripted(name, said)


def scored(judges=None, items=ITEMS, rubric=TONE, **options):
    return jk.score(items, rubric, judges or letters(), **{"form": "letters", "ledger": None, **options})


def values(run):
    return np.array([score.value for score in run.scores if score.level == "rubric"])


@pytest.fixture(scope="module")
def run():
    return scored()


@pytest.fixture(scope="module")
def found(run):
    return jk.calibrate(run, LABELS, rubric=TONE)


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def test_what_was_learnt_from_400_labels_holds_for_the_100_others(run, found):
    mapped = scored(calibration=found)

    new, said, true = slice(KNOWN, N), values(run), values(mapped)
    assert found.fits[0].whole.temperature == pytest.approx(3, abs=0.7)
    assert np.abs(said[new] - TRUE[new]).mean() > 0.15
    assert np.abs(true[new] - TRUE[new]).mean() < 0.04
    assert mapped.outcomes == run.outcomes  # what the judge said stays as it was
    assert {score.flags for score in mapped.scores} == {("calibrated",)}
    assert mapped.summary["calibration"] == found.digest


def test_a_labelled_item_is_mapped_by_a_fit_without_it(run, found):
    mapped = {score.unit.item_id: score.value for score in scored(calibration=found).scores}

    [fit] = found.fits
    for verdict in run.outcomes[:50]:
        without = fit.folds[fit.fold_of[verdict.unit.item_id]]
        own = fit.model_copy(update={"fold_of": {}, "whole": without})
        assert mapped[verdict.unit.item_id] == pytest.approx(own.apply(verdict).value, abs=1e-12)


def test_the_file_says_what_it_was_fitted_on_and_does_the_same(run, found, tmp_path):
    path = tmp_path / "c.json"
    found.save(path)

    again = jk.calibration.load_calibrations(path)
    assert again == found
    assert scored(calibration=path).scores == scored(calibration=found).scores
    on = json.loads(path.read_text(encoding="utf-8"))["calibrations"]["fitted_on"]
    assert (on["protocol"], on["form"], list(on["judges"])) == ("grade", "letters", ["j"])
    assert jk.calibrate(run, LABELS, rubric=TONE).digest == found.digest
    assert jk.calibrate(run, LABELS[:-1], rubric=TONE).digest != found.digest


def test_a_file_that_was_changed_or_is_none_is_refused(found, tmp_path):
    path = tmp_path / "c.json"
    found.save(path)
    text = path.read_text(encoding="utf-8")

    for changed, message in (
        (text.replace('"n": 400', '"n": 401'), "was changed since"),
        (text.replace('"n": 400', '"n": 400, "more": 1'), "no calibration of judgekit's: fits.0.more"),
        (text.replace('"temperature": ', '"temperature": -'), "greater than 0"),
        ("{}", "no calibration of judgekit's"),
        ("[1]", "no calibration of judgekit's"),
        ("no JSON", "no calibration of judgekit's"),
    ):
        assert changed != text
        path.write_text(changed, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            scored(calibration=path)


def other_scale():
    return {"id": "t", "criteria": [{"id": "polite", "text": "Polite?", "scale": ["no", "somewhat", "yes"]}]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"judges": letters("k")}, r"the calibration is of 'j' on 'polite'; this run asks \['k'\]"),
        ({"rubric": other_scale()}, "was fitted on another scale"),
        ({"form": "json"}, "with form 'letters', and this run has 'json'"),
        ({"judges": jk.Scripted("j", lambda _: "", revision="2")}, "of another setting: revision"),
        ({"calibration": "nowhere.json"}, "nowhere.json"),
    ],
)
def test_a_calibration_of_something_else_is_refused_before_any_call(found, options, message):
    with pytest.raises(InputError, match=message):
        scored(**{"calibration": found, **options})


def test_a_judge_without_a_calibration_is_told_and_left_as_it_is(found):
    told = []
    both = scored([letters("j"), letters("k")], calibration=found, say=told.append)

    assert told == ["no calibration of 'k' on 'polite'; its verdicts are used as they are"]
    fit = found.fits[0]
    one = next(o for o in both.outcomes if o.unit.item_id == "450" and o.rater == "j")
    assert values(both)[450] == pytest.approx((fit.apply(one).value + one.value) / 2)


def test_orders_of_a_pair_are_balanced_before_they_are_mapped():
    rows = [{"id": str(i), "task": "Hi", "responses": {"x": f"a {i}", "y": f"b {i}"}} for i in range(N)]

    def said(call):  # leans by .5 to the first in log-odds, and is too sure of x
        i = int(call.item.item_id)
        p_x = 1 / (1 + math.exp(-SAID[i] - (0.5 if call.shown[0] == "x" else -0.5)))
        first = p_x if call.shown[0] == "x" else 1 - p_x
        shares = dict(zip([letter for letter, _ in call.letters], (first, 1 - first), strict=True))
        top = sorted(((letter, math.log(share)) for letter, share in shares.items()), key=lambda x: -x[1])
        return Reply(top[0][0], logprobs=tuple(top))

    def compared(**options):
        return jk.compare(
            rows, TONE, jk.Scripted("j", said), form="letters", ties=False, ledger=None, **options
        )

    labels = [
        {
            "item_id": str(i),
            "first": "x",
            "second": "y",
            "rater": "ann",
            "label": "first" if LABEL[i] == "yes" else "second",
        }
        for i in range(KNOWN)
    ]
    found = jk.calibrate(compared(), labels, method="platt")
    mapped = np.array([score.value for score in compared(calibration=found).scores])
    plain = np.array([score.value for score in compared().scores])
    assert found.fits[0].n == KNOWN
    assert np.abs(plain[KNOWN:] - TRUE[KNOWN:]).mean() > 0.12
    assert np.abs(mapped[KNOWN:] - TRUE[KNOWN:]).mean() < 0.06


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": LABELS[:5]}, "temperature needs 20 labelled verdicts, and there are 5"),
        (
            {"labels": LABELS[:50], "method": "platt"},
            "platt needs 100 labelled verdicts.*temperature could be fitted",
        ),
        ({"labels": "nowhere.csv"}, "there is no such file of labels"),
        ({"judge": "k"}, "no judge 'k' in the run"),
        ({"criterion": "warm"}, "no criterion 'warm' in the run"),
        ({"method": "spline"}, "no method 'spline'"),
        ({"rubric": None}, "declare the scale"),
    ],
)
def test_what_cannot_be_fitted_is_said(run, options, message):
    arguments = {"labels": LABELS, "rubric": TONE, **options}
    with pytest.raises(InputError, match=message):
        jk.calibrate(run, arguments.pop("labels"), **arguments)


def test_the_commands_give_what_python_gives(found, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, rows in (("items", ITEMS), ("labels", LABELS)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "tone.json").write_text(json.dumps(TONE), encoding="utf-8")
    (tmp_path / "too_sure.py").write_text(
        f"import sys\nj = sys.modules['{__name__}'].letters()\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = ["items.jsonl", "-r", "tone.json", "-j", "py:too_sure:j", "--form", "letters", "--ledger", "none"]

    assert command("score", *asked, "--out", "results") == 0
    assert command("calibrate", "results", "labels.jsonl", "-r", "tone.json", "--out", "c.json") == 0
    shown = capsys.readouterr().out
    assert command("score", *asked, "--out", "mapped", "--calibration", "c.json") == 0

    fit = found.fits[0]
    assert f"{fit.brier_before:.4f}" in shown
    assert f"{fit.brier_after:.4f}" in shown
    assert jk.calibration.load_calibrations("c.json").fits == found.fits
    assert jk.load_run("mapped").scores == scored(calibration=found).scores
    # Another calibration is another job, and neither file is ever written over.
    assert command("score", *asked, "--out", "results", "--calibration", "c.json") == 2
    assert command("calibrate", "results", "labels.jsonl", "-r", "tone.json", "--out", "labels.jsonl") == 2
    assert "holds the results of another job" in capsys.readouterr().err


def test_what_the_first_version_stored_can_be_calibrated():
    data = Path(__file__).parents[1] / "data"
    run, rubric = data / "0.1.0" / "kind" / "outcomes.jsonl.gz", data / "inputs" / "kind.yaml"
    found = jk.calibrate(run, data / "inputs" / "kind_labels.csv", rubric=rubric)

    assert [(fit.rater, fit.criterion, fit.n) for fit in found.fits] == [("plain", "kind", 74)]
    assert found.fits[0].brier_after < found.fits[0].brier_before
    assert found.fitted_on.judges == {}  # outcomes alone do not say how a judge was set

"""Panels fitted to a whole run: Dawid-Skene and accuracy weights, from Python and on the command line."""

import csv
import json

import numpy as np
import pytest

import judgekit as jk
from judgekit.aggregate.latent import ballots_of, fit
from judgekit.cli import main
from judgekit.errors import InputError, ProviderError
from judgekit.run import Limits
from judgekit.scales import YES_NO
from judgekit.types import Reply
from judgekit.verbs import Writer, prepare

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
N = 400
RIGHT = {"a": 0.95, "b": 0.7, "c": 0.6, "d": 0.6, "e": 0.6}
rng = np.random.default_rng(1)
TRUTH = rng.random(N) < 0.4
SAID = {name: np.where(rng.random(N) < p, TRUTH, ~TRUTH) for name, p in RIGHT.items()}
ITEMS = [{"id": str(i), "task": "Hi", "response": f"Hello {i}"} for i in range(N)]
LABELS = [{"item_id": str(i), "rater": "gold", "label": "yes" if TRUTH[i] else "no"} for i in range(0, N, 4)]


def word(name, i):
    return "yes" if SAID[name][i] else "no"


def judge(name, *, refuses=lambda _: False):
    def said(call):
        i = int(call.item.item_id)
        return Reply(fault="refused") if refuses(i) else json.dumps({"label": word(name, i)})

    return jk.Scripted(name, said)


JUDGES = [judge(name) for name in RIGHT]


def scored(panel, judges=JUDGES, **options):
    return jk.score(ITEMS, TONE, judges, **{"ledger": None, "panel": panel, **options})


def right(run):
    values = [score.value for score in run.scores if score.level == "rubric"]
    return float(np.mean((np.array(values, dtype=float) > 0.5) == TRUTH))


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def fitted():
    return scored("dawid_skene")


@pytest.fixture(scope="module")
def weighed():
    return scored("accuracy", labels=LABELS)


def test_a_fitted_panel_is_right_where_a_majority_of_bad_judges_is_not(fitted, weighed):
    majority = scored("majority")

    assert right(majority) < 0.88
    assert right(fitted) > 0.93
    assert right(weighed) > 0.93
    assert fitted.outcomes == majority.outcomes == weighed.outcomes  # what judges said stays as it was


def test_the_scores_are_the_posteriors_of_the_model_fitted_to_the_stored_outcomes(fitted):
    model = fit(ballots_of(fitted.outcomes, YES_NO))

    value = {v.unit: v.value for v in model.verdicts()}
    for score in fitted.scores:
        if score.level == "rubric":
            assert score.value == pytest.approx(value[score.unit], abs=1e-6)
    told = fitted.summary["fitted"]["criteria"]["polite"]
    assert told["status"] == "ok"
    assert told["accuracy"] == pytest.approx(model.accuracy)
    assert told["accuracy"]["a"] == pytest.approx(RIGHT["a"], abs=0.05)


def test_the_summary_says_how_often_each_judge_met_the_labels(weighed):
    told = weighed.summary["fitted"]["criteria"]["polite"]

    at = range(0, N, 4)
    assert told["accuracy"] == {name: np.mean([SAID[name][i] == TRUTH[i] for i in at]) for name in RIGHT}


def test_a_labelled_item_is_scored_without_its_own_label(weighed):
    """Turning the label of an item must not turn its own verdict."""
    turned = [
        {**row, "label": "no" if row["label"] == "yes" else "yes"} if row["item_id"] == "0" else row
        for row in LABELS
    ]

    other = scored("accuracy", labels=turned)

    own = [[s.value for s in run.scores if s.unit.item_id == "0"] for run in (weighed, other)]
    assert own[0] == own[1]


def test_pairs_are_fitted_on_the_scale_of_pairs():
    rows = [{"id": str(i), "task": "Hi", "responses": {"x": f"one {i}", "y": f"two {i}"}} for i in range(60)]

    def of(name):
        def said(call):
            better = "x" if SAID[name][int(call.item.item_id)] else "y"
            return json.dumps({"label": "AB"[call.shown.index(better)]})

        return jk.Scripted(name, said)

    run = jk.compare(rows, TONE, [of(name) for name in RIGHT], panel="dawid_skene", ledger=None)

    values = np.array([score.value for score in run.scores])
    assert np.mean((values > 0.5) == TRUTH[:60]) > 0.8
    labels = [
        {
            "item_id": str(i),
            "first": "x",
            "second": "y",
            "rater": "ann",
            "label": "first" if TRUTH[i] else "second",
        }
        for i in range(30)
    ]
    weighed = jk.compare(
        rows, TONE, [of(name) for name in RIGHT], panel="accuracy", labels=labels, ledger=None
    )
    assert np.mean((np.array([s.value for s in weighed.scores]) > 0.5) == TRUTH[:60]) > 0.8


def test_what_cannot_be_told_is_no_score_and_says_so():
    same = scored("dawid_skene", [jk.Scripted(name, lambda _: '{"label": "yes"}') for name in "abc"])

    assert {score.value for score in same.scores} == {None}
    assert same.summary["fitted"]["criteria"]["polite"]["status"] == "undefined:no_variation"


def test_a_judge_that_withholds_leaves_the_others_to_decide():
    judges = [judge("a", refuses=lambda i: i % 3 == 0), *JUDGES[1:]]
    run = scored("dawid_skene", judges)

    assert all(score.value is not None for score in run.scores)
    assert right(run) > right(scored("majority", judges))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"panel": "dawid_skene", "judges": JUDGES[:2]}, "panel 'dawid_skene' needs 3 judges and has 2"),
        ({"panel": "accuracy"}, "panel='accuracy' and labels=FILE .* go together"),
        ({"panel": "mean", "labels": LABELS}, "panel='accuracy' and labels=FILE .* go together"),
        ({"panel": "accuracy", "labels": LABELS[:1]}, "'polite' has them on 1; label more"),
        ({"panel": "accuracy", "labels": "nowhere.csv"}, "nowhere.csv: there is no such file of labels"),
        (
            {"panel": "accuracy", "labels": [{"item_id": "x", "rater": "ann", "label": "yes"}]},
            "no unit was both judged and labelled",
        ),
        (
            {"panel": "accuracy", "labels": [{"item_id": "1", "rater": "ann", "label": "green"}]},
            "'green' is not on the scale",
        ),
        ({"panel": "dawid_skene", "aggregate": lambda *_: ()}, "takes no panel 'dawid_skene'"),
        ({"panel": "dawid", "judges": JUDGES}, "no panel 'dawid'.*dawid_skene"),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_any_call(options, message):
    asked = []
    judges = [
        jk.Scripted(each.name, lambda call: asked.append(call) or '{"label": "yes"}')
        for each in options.pop("judges", JUDGES)
    ]
    with pytest.raises(InputError, match=message):
        scored(judges=judges, **options)
    assert asked == []


def test_a_scale_without_labels_and_a_cascade_are_refused():
    ranged = {"id": "r", "criteria": [{"id": "c", "text": "How good?", "scale": {"low": 0, "high": 1}}]}
    with pytest.raises(InputError, match="without a step has no labels"):
        jk.score(ITEMS, ranged, JUDGES, panel="dawid_skene", ledger=None)
    with pytest.raises(InputError, match="a cascade decides before"):
        jk.score_cascade(ITEMS, TONE, JUDGES[:3], JUDGES[3], doubt=0.9, panel="dawid_skene", ledger=None)


def test_a_run_that_stops_early_is_fitted_to_what_there_is():
    def until(name):
        def said(call):
            if int(call.item.item_id) >= 100:
                raise ProviderError("the account is closed")
            return json.dumps({"label": word(name, int(call.item.item_id))})

        return jk.Scripted(name, said)

    with pytest.raises(ProviderError) as stopped:
        scored("dawid_skene", [until(name) for name in "abc"], limits=Limits(concurrency=1))

    values = [score.value for score in stopped.value.run.scores if score.level == "rubric"][:100]
    assert all(value is not None for value in values)
    assert not any(0.1 < value < 0.9 for value in values)  # posteriors, and no means of three votes
    assert stopped.value.run.summary["fitted"]["criteria"]["polite"]["status"] == "ok"


def test_the_command_gives_the_bytes_of_python_and_tells_of_the_judges(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ITEMS), encoding="utf-8")
    (tmp_path / "tone.json").write_text(json.dumps(TONE), encoding="utf-8")
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(LABELS[0]))
        table.writeheader()
        table.writerows(LABELS)
    (tmp_path / "panelists.py").write_text(
        "import sys\n" + "\n".join(f"{name} = sys.modules['{__name__}'].judge('{name}')" for name in RIGHT),
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    judges = [part for name in RIGHT for part in ("-j", f"py:panelists:{name}")]
    for panel, extra, options in (
        ("dawid_skene", [], {}),
        ("accuracy", ["--labels", "labels.csv"], {"labels": tmp_path / "labels.csv"}),
    ):
        arguments = ["items.jsonl", "-r", "tone.json", *judges, "--panel", panel, *extra]
        assert command("score", *arguments, "--out", panel, "--ledger", "none") == 0
        shown = " ".join(capsys.readouterr().out.split())

        run = jk.score("items.jsonl", "tone.json", JUDGES, panel=panel, ledger=None, **options)
        run.save(tmp_path / f"{panel}-python")
        assert (tmp_path / panel / "scores.jsonl").read_bytes() == (
            tmp_path / f"{panel}-python" / "scores.jsonl"
        ).read_bytes()
        told = run.summary["fitted"]["criteria"]["polite"]["accuracy"]
        assert f"panel {panel}, 'polite': right are a {told['a']:.2f}".replace(" 0.", " .") in shown


def test_other_labels_are_another_job():
    def digest(labels):
        return prepare(ITEMS[:8], TONE, JUDGES, panel="accuracy", labels=labels, ledger=None).digest

    assert digest(LABELS) == digest(list(reversed(LABELS))) != digest(LABELS[:-1])


def test_a_run_that_is_interrupted_before_the_fit_leaves_earlier_results_alone(fitted, tmp_path):
    fitted.save(tmp_path / "out")
    before = (tmp_path / "out" / "scores.jsonl").read_bytes()

    with Writer(tmp_path / "out", job=fitted.job()) as writer:
        assert not writer.finish({"stopped": "interrupted", "items": 5})
    assert (tmp_path / "out" / "scores.jsonl").read_bytes() == before


def test_labels_are_never_written_over(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    labels = folder / "scores.jsonl"
    labels.write_text("".join(json.dumps(row) + "\n" for row in LABELS), encoding="utf-8")
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ITEMS), encoding="utf-8")
    (tmp_path / "tone.json").write_text(json.dumps(TONE), encoding="utf-8")
    before = labels.read_bytes()

    code = command(
        "score", tmp_path / "items.jsonl", "-r", tmp_path / "tone.json", "-j", "control:longer", "-j",
        "control:first", "--panel", "accuracy", "--labels", labels, "--out", folder, "--overwrite",
        "--ledger", "none",
    )  # fmt: skip

    assert (code, labels.read_bytes()) == (2, before)

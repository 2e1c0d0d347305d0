import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.aggregate.latent import ballots_of, fit
from judgekit.calibration.probabilities import fit_calibration, fit_isotonic, fit_platt
from judgekit.scales import YES_NO, Labels
from judgekit.standing import bradley_terry
from judgekit.types import Unit, Verdict

ORACLES = Path(__file__).parents[3] / "shared" / "oracles.json"

pytestmark = pytest.mark.skipif(
    not ORACLES.is_file(), reason="the published values are not beside the checkout"
)


def oracle(name):
    every = json.loads(ORACLES.read_text(encoding="utf-8"))["oracles"]
    return next(each for each in every if each["id"] == name)


def test_dawid_and_skene_of_1979():
    known = oracle("ds.anaesthetist")
    scale = Labels(labels=("1", "2", "3", "4"))
    rows = known["data"]["rows_patient_observer_label"]
    outcomes = [
        Verdict(
            f"observer {who}",
            Unit(f"{patient:02d}"),
            "c",
            ((str(k), 1.0),),
            str(k),
            scale.value(str(k)),
            sample=i,
        )
        for i, (patient, who, k) in enumerate(rows)
    ]

    # Their observer 1 saw each patient three times, and each time is a vote of its own.
    fitted = fit(ballots_of(outcomes, scale, repeats="count"), starts=1)

    expected, close = known["expected"], {"abs": known["tol"]}
    assert fitted.log_likelihood == pytest.approx(expected["loglik"], **close)
    assert fitted.prevalence == pytest.approx(np.array(expected["prevalence"]), **close)
    assert fitted.confusion[0] == pytest.approx(np.array(expected["error_rates_observer1"]), **close)
    assert [int(v.label) for v in fitted.verdicts()] == expected["labels"]
    assert fitted.prevalence.round(2).tolist() == [0.4, 0.42, 0.11, 0.07]  # as printed


def test_agrestis_journals():
    known = oracle("bt.citations")
    names, wins = known["data"]["names"], known["data"]["wins_row_over_col_offdiag"]
    outcomes = [
        Verdict("j", Unit(f"{i} {j} {k}", (names[i], names[j])), "cited", (("first", 1.0),), "first", 1.0)
        for i in range(4)
        for j in range(4)
        if i != j
        for k in range(wins[i][j])
    ]

    standing = bradley_terry(outcomes, b=0)
    gaps = [standing.difference(name, names[0]) for name in names[1:]]

    assert [gap.value for gap in gaps] == pytest.approx(known["expected"]["beta"][1:], abs=known["tol"])
    assert [gap.se for gap in gaps] == pytest.approx(known["expected"]["se"][1:], abs=known["tol"])


def test_twenty_probabilities():
    known = oracle("calib.twenty")
    p, y = np.array(known["data"]["p"]), np.array(known["data"]["y"], dtype=float)
    verdicts = [
        Verdict("j", Unit(f"{i:02d}"), "c", (("no", 1 - q), ("yes", q)), "", q)
        for i, q in enumerate(p.tolist())
    ]
    truth = {v.unit: ("no", "yes")[int(so)] for v, so in zip(verdicts, y, strict=True)}
    expected = known["expected"]

    curve, steps = fit_platt(p, y), fit_isotonic(p, y)
    temperature = fit_calibration(verdicts, truth, scale=YES_NO, method="temperature").whole.temperature

    assert curve.intercept == pytest.approx(expected["cox_intercept"], abs=1e-5)
    assert curve.slope == pytest.approx(expected["cox_slope"], abs=1e-5)
    assert temperature == pytest.approx(expected["temperature"], abs=1e-5)
    assert np.mean((p - y) ** 2) - np.mean((steps(p) - y) ** 2) == pytest.approx(
        expected["corp_mcb"], abs=1e-5
    )

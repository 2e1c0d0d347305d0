"""Whatever the data are like, an estimate comes back: no exception, and never 0 or 1 for undefined."""

import json
from dataclasses import asdict
from math import isnan

import numpy as np
import pytest

from judgekit.agreement.probability import brier, reliability, selective
from judgekit.agreement.sampling import active, planning, ppi, rogan_gladen
from judgekit.errors import InputError
from judgekit.types import Estimate

COLUMNS = {
    "empty": ([], []),
    "one": ([1], [1]),
    "all missing": ([None] * 6, [None] * 6),
    "constant and equal": ([1] * 12, [1] * 12),
    "one constant": ([1] * 12, [1, 0] * 6),
    "different constants": ([1] * 12, [0] * 12),
    "one missing": ([1, 0, None, 1, 0, 1], [1, 0, 1, None, 0, 0]),
    "ordinary": ([1, 0, 1, 1, 0, 1, 1, 0] * 4, [1, 0, 1, 0, 0, 1, 1, 1] * 4),
    "integers and booleans": ([True, 0, np.int64(1), 1.0], [False, 1, 0, 1]),
}
CLUSTERS = "überall"
MADE = {
    "ece": lambda y, f: reliability.ece(f, y, seed=1, b=50),
    "brier": lambda y, f: brier.brier(f, y),
    "brier in one cluster": lambda y, f: brier.brier(f, y, clusters=[CLUSTERS] * len(y)),
    "cox": lambda y, f: brier.cox_calibration(f, y)[1],
    "mcb": lambda y, f: reliability.miscalibration(f, y, seed=1, b=50),
    "conformal": selective.conformal_radius,
    "ppi": lambda y, f: ppi.ppi(y, f, f, sampling="random"),
    "ppi of nothing": lambda y, f: ppi.ppi(y, f, [None], sampling="random"),
    "ppi in one cluster": lambda y, f: ppi.ppi(
        y, f, f, sampling="random", clusters=[CLUSTERS] * len(y), unlabelled_clusters=[CLUSTERS] * len(y)
    ),
    "difference": lambda y, f: ppi.ppi_difference((y, f), (f, y), (f, y), sampling="random"),
    "strata": lambda y, f: ppi.ppi_stratified(
        y, f, [CLUSTERS] * len(y), f, [CLUSTERS] * len(y), sampling="stratified"
    ),
    "rogan-gladen": lambda y, f: rogan_gladen.corrected_rate(y, f, f, sampling="by_label"),
    "active": lambda y, f: active.active_mean(y, f, np.full(len(y), 0.5), lam=None),
    "hajek": lambda y, _: active.hajek_mean(y, np.full(len(y), 0.5)),
    "sequence": lambda y, _: planning.confidence_sequence(y),
    "bernstein": lambda y, _: planning.confidence_sequence(y, kind="bernstein"),
}


@pytest.mark.parametrize("data", COLUMNS)
@pytest.mark.parametrize("made", MADE)
def test_there_is_always_an_estimate(made, data):
    found = MADE[made](*COLUMNS[data])

    assert isinstance(found, Estimate)
    assert isnan(found.value) == found.status.startswith("undefined:")
    assert found.n_used + found.n_dropped == found.n_units
    if isnan(found.value):
        assert isnan(found.low)
        assert found.notes
    elif not isnan(found.low):
        assert found.low <= found.value <= found.high
    assert all(type(v) in {float, int, str, tuple, type(None)} for v in asdict(found).values())
    json.dumps(asdict(found))


@pytest.mark.parametrize("made", MADE)
def test_infinity_and_a_wrong_shape_are_refused(made):
    with pytest.raises(InputError, match="infinite"):
        MADE[made]([1, 0, np.inf], [np.inf, 0, 1])
    with pytest.raises(InputError, match="shape"):
        MADE[made]([[1, 0]], [[1, 0]])


def test_equal_values_of_any_size_have_no_interval_where_nothing_bounds_them():
    found = active.hajek_mean(np.full(8, 3.0), np.full(8, 0.5), bounds=None)

    assert (found.value, found.se, found.status) == (3.0, 0.0, "ok_degenerate")
    assert np.isnan([found.low, found.high]).all()
    assert "too small" in found.notes[-1]

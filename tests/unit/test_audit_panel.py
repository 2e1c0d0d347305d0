"""The judges of an audit together: within labels, over clusters, without controls, on a long scale."""

import math

import numpy as np
import pytest

from judgekit.agreement import audit
from judgekit.agreement.auditing.data import of_frame
from judgekit.agreement.auditing.sections.beside import panel_lines
from judgekit.scales import Numbers


def panel(columns: dict[str, list], scale, **options):
    rows = np.array(list(columns.values()), dtype=object).T.tolist()
    judges = [name for name in columns if name != "ann"]
    lab = of_frame(rows, scale=scale, judges=judges, raters=list(columns), **options)
    return audit(lab, b=200).criteria[0].panel


def lenient(n: int) -> dict[str, list[str]]:
    """Three judges that err on half of the bad units and on none of the good ones, each by itself."""
    rng = np.random.default_rng(3)
    ann = ["no", "yes"] * (n // 2)
    judges = {j: [t if t == "yes" or rng.random() < 0.5 else "yes" for t in ann] for j in "abc"}
    return {**judges, "ann": ann}


def test_a_label_that_is_hard_for_all_is_no_fault_they_share():
    found = panel(lenient(2000), ["no", "yes"])

    assert found.errors.mean == pytest.approx(1 / 3, abs=0.05)  # (1/8 - 1/16) / (1/4 - 1/16)
    assert found.effective.value == pytest.approx(1.8, abs=0.12)
    assert found.within.value == pytest.approx(3, abs=0.2)
    assert found.within.method.endswith("within strata")


def test_units_of_one_item_are_resampled_together():
    once = lenient(100)
    five = {name: [label for label in labels for _ in range(5)] for name, labels in once.items()}
    items = [str(i // 5) for i in range(500)]

    alone, together = panel(five, ["no", "yes"]), panel(five, ["no", "yes"], items=items)

    assert together.effective.value == pytest.approx(alone.effective.value)
    assert together.effective.se > 1.6 * alone.effective.se  # five copies of a unit are one


def test_a_control_is_no_judge_of_the_panel():
    rows = lenient(60)

    found = panel(
        {"control:longer": rows["c"], "a": rows["a"], "b": rows["b"], "ann": rows["ann"]}, ["no", "yes"]
    )

    assert found.judges == ("a", "b")
    assert panel({"control:longer": rows["c"], "a": rows["a"], "ann": rows["ann"]}, ["no", "yes"]) is None


def test_a_judge_that_is_always_right_is_left_out_by_name():
    rows = lenient(60)

    found = panel({"right": rows["ann"], **rows}, ["no", "yes"])

    assert found.errors.judges == 3
    assert "judges ['right'] left out: their errors do not vary" in found.effective.notes


def test_a_long_scale_has_sizes_of_errors_and_no_majority():
    rng = np.random.default_rng(4)
    ann = rng.integers(10, 90, 400)
    shared = rng.normal(0, 8, 400)
    judges = {j: np.clip(np.round(ann + shared + rng.normal(0, 8, 400)), 0, 100) for j in "abc"}

    rows = {**{j: each.tolist() for j, each in judges.items()}, "ann": ann.tolist()}

    found = panel(rows, Numbers(low=0, high=100))

    assert 1 < found.effective.value < 3
    assert found.within is None
    assert math.isnan(found.gap)
    assert len(panel_lines(found)) == 1


def test_what_a_reader_is_told():
    rows = lenient(400)

    [worth, within, majority] = panel_lines(panel(rows, ["no", "yes"]))

    assert worth.startswith("a, b, c: worth ")
    assert "within people's labels" in within
    assert "points less often" in majority or "points more often" in majority
    assert panel_lines(None) == []
    never = panel({"a": rows["ann"], "b": rows["ann"], "ann": rows["ann"]}, ["no", "yes"])
    assert panel_lines(never) == ["how many independent judges a, b are worth: undefined: no variation"]

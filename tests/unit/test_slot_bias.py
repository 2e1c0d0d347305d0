import importlib.util
import math
from pathlib import Path

import pytest
from scipy.integrate import quad
from scipy.special import ndtr

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("slot_bias", ROOT / "benchmarks" / "slot_bias.py")
slot_bias = importlib.util.module_from_spec(spec)
spec.loader.exec_module(slot_bias)


def exact(way):
    """P(sign(quality + mean lean + mean noise) = sign(quality)), by integration over the quality."""
    n = sum(way)
    lean = slot_bias.LEAN * (way[0] - way[1]) / n

    def right(quality):
        ahead = ndtr((quality + lean) * math.sqrt(n))
        return math.exp(-(quality**2) / 2) / math.sqrt(2 * math.pi) * (ahead if quality > 0 else 1 - ahead)

    return quad(right, -8, 0)[0] + quad(right, 0, 8)[0]


@pytest.mark.parametrize("name", slot_bias.WAYS)
def test_the_exact_shares_are_those_of_the_integral(name):
    assert slot_bias.EXACT[name] == pytest.approx(exact(slot_bias.WAYS[name]), abs=5e-5)


@pytest.mark.parametrize("name", slot_bias.WAYS)
def test_only_the_other_order_undoes_a_lean(name):
    found = slot_bias.asked(slot_bias.WAYS[name], range(2), 1000)

    assert abs(found.right - slot_bias.EXACT[name]) < 3 * found.error


def test_entropy_finds_wrong_pairs_far_above_chance():
    found = slot_bias.asked(slot_bias.WAYS["three in each order"], range(2), 1000)

    assert found.low > 2 * found.random

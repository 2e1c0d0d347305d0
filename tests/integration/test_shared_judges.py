"""One judge, or one rewarder, in the hands of many threads at once, as handlers of a web server have them."""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from mock_server import serving

import judgekit as jk
from judgekit.judges.endpoint import Endpoint
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
N = 50


@pytest.fixture(scope="module")
def url():
    with serving(process=True, latency=0.05, text='{"label": "yes"}') as address:
        yield address


@pytest.mark.filterwarnings("error")
def test_a_judge_is_shared_by_threads(url):
    judge = Endpoint(url, "mock")

    def handled(i):
        row = {"id": str(i), "task": "Hi", "response": f"Hello {i}"}
        return jk.score([row], TONE, judge, ledger=None).outcomes[0].label

    with ThreadPoolExecutor(N) as threads:
        assert Counter(threads.map(handled, range(N))) == {"yes": N}


@pytest.mark.filterwarnings("error")
def test_a_rewarder_is_shared_by_threads(url):
    rewarder = Rewarder({"rubric": TONE}, Endpoint(url, "mock"))

    def handled(i):
        return rewarder.reward([Group(str(i), "Hi", {"a": f"Hello {i}"})])[str(i), "a"].value

    with ThreadPoolExecutor(N) as threads:
        assert Counter(threads.map(handled, range(N))) == {1.0: N}

"""Ray Data: a job over 20,000 items, one worker of which is killed, equal to the plain run.

pip install -e '.[ray]'     # .ci/trainers ray
"""

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="ray is not installed")
import ray
import ray.data

import judgekit as jk
from judgekit.drivers.ray import score_dataset
from judgekit.ledger.merge import merge
from judgekit.table import arrow

N, WORKERS = 20_000, 2
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?"}]}
JUDGES = """
import os, signal
import judgekit as jk

FOLDER = os.path.dirname(__file__)


def said(call):
    number = int(call.item.item_id)
    if number == 7_249 and os.path.exists(f"{FOLDER}/deadly"):
        os.unlink(f"{FOLDER}/deadly")
        os.kill(os.getpid(), signal.SIGKILL)
    asked = os.open(f"{FOLDER}/asked", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(asked, b".")
    os.close(asked)
    return "I would rather not." if number % 50 == 0 else '{"label": "%s"}' % ("yes" if number % 3 else "no")


def lost(call):
    raise jk.ProviderError("no such key", status=401)


judge, refused = jk.Scripted("said", said, revision="1"), jk.Scripted("lost", lost)
"""
SAME = {"own_code": True, "reask": False}
PANEL = ["control:longer", "control:first", "control:random=1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("own")
    (made / "own_judges.py").write_text(JUDGES, encoding="utf-8")
    return made


@pytest.fixture(scope="module", autouse=True)
def cluster(folder: Path):
    ray.init(
        num_cpus=WORKERS + 2, _node_ip_address="127.0.0.1", include_dashboard=False, log_to_driver=False,
        object_store_memory=200_000_000, logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": str(folder)}},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(folder)
        yield
    ray.shutdown()


def rows(n: int = N) -> list[dict[str, Any]]:
    return [{"id": str(i), "task": "Hi", "response": f"Hello {i}", "system": f"s{i % 3}"} for i in range(n)]


def asked(folder: Path) -> int:
    return (folder / "asked").stat().st_size


def test_a_job_ends_right_though_a_worker_was_killed_and_nothing_stored_is_asked_again(folder, tmp_path):
    (folder / "deadly").touch()
    items, ledgers = ray.data.from_items(rows()), tmp_path / "ledgers"

    found = score_dataset(
        items, RUBRIC, "py:own_judges:judge", ledger_dir=ledgers, concurrency=WORKERS, **SAME
    ).take_all()
    n_asked = asked(folder)
    plain = jk.score(rows(), RUBRIC, "py:own_judges:judge", ledger=None, **SAME)
    again = asked(folder)
    outcomes = score_dataset(
        items, RUBRIC, "py:own_judges:judge", ledger_dir=ledgers, table="outcomes", **SAME
    ).take_all()

    assert not (folder / "deadly").exists()
    assert found == arrow(plain.rows("scores"), "scores").to_pylist()  # in the order of the items, too
    assert outcomes == arrow(plain.rows("outcomes"), "outcomes").to_pylist()
    assert [row["reason"] for row in outcomes].count("malformed") == N / 50
    # 2,249 items of its batch were done: of those all are stored but some of the last 500, or half second.
    assert N <= n_asked <= N + 500
    assert asked(folder) == again
    merged = merge(sorted(ledgers.glob("w-*.sqlite")), tmp_path / "merged.sqlite")
    assert (merged.read, merged.keys, merged.conflicts) == (N, N, 0)
    served = jk.score(rows(), RUBRIC, "py:own_judges:judge", ledger=tmp_path / "merged.sqlite", **SAME)
    assert (served.summary["new_calls"], served.outcomes) == (0, plain.outcomes)


def test_a_judge_that_is_refused_for_good_ends_the_job_with_its_error(tmp_path):
    failing = score_dataset(
        ray.data.from_items(rows(10)), RUBRIC, "py:own_judges:refused", ledger_dir=tmp_path, concurrency=1,
        own_code=True,
    )  # fmt: skip

    with pytest.raises(Exception, match="no such key"):
        failing.take_all()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"shard": "1/2"}, "shard is of a whole run"),
        ({"panel": "dawid_skene"}, "is fitted to a whole run"),
        ({"limits": jk.Limits(budget_usd=1.0)}, "budget_usd is of one run"),
        ({"rule": "best"}, "rule='best'"),
    ],
)
def test_what_a_worker_cannot_do_is_refused_before_anything_is_read(option, said, tmp_path):
    with pytest.raises(jk.InputError, match=said):
        score_dataset(None, RUBRIC, PANEL, ledger_dir=tmp_path, **option)


def test_rates_are_shared_out(tmp_path):
    given: dict[str, Any] = {}

    class Items:
        def map_batches(self, _, **said):
            given.update(said)
            return ray.data.from_items([1])

    score_dataset(
        Items(), RUBRIC, "control:longer", ledger_dir=tmp_path, concurrency=4, limits=jk.Limits(rpm=100)
    )

    limits = given["fn_constructor_kwargs"]["options"]["limits"]
    assert (limits.rpm, limits.tpm, limits.concurrency) == (25, None, 256)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"

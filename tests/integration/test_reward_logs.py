"""Logs of a watched rewarder in the programs they are meant for, where these are installed."""

import asyncio
import threading

import pytest

from judgekit.rewards.watching.watch import Mlflow, Trackio, Wandb

RECORD = {"batch": 3, "mean": 0.5, "cost_usd": None, "n_failed": 2, "outage": "HTTP 500"}


def test_numbers_become_metrics_of_the_mlflow_run_that_another_thread_opened(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(f"file:{tmp_path}")
    mlflow.set_experiment("rewards")
    log = Mlflow()

    with mlflow.start_run() as run:
        rewarding = threading.Thread(target=log, args=(RECORD,))
        rewarding.start()
        rewarding.join()
        log._thread.shutdown()  # noqa: SLF001 - waits for what is being sent

    metrics = mlflow.MlflowClient().get_run(run.info.run_id).data.metrics
    assert metrics == {"judgekit/batch": 3.0, "judgekit/mean": 0.5, "judgekit/n_failed": 2.0}
    [point] = mlflow.MlflowClient().get_metric_history(run.info.run_id, "judgekit/mean")
    assert point.step == 3


def test_without_an_open_mlflow_run_none_is_begun():
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")

    with pytest.raises(RuntimeError, match="no MLflow run is open"):
        Mlflow()(RECORD)

    assert mlflow.active_run() is None


def test_numbers_join_what_the_trainer_logs_next_to_wandb(tmp_path):
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    with pytest.raises(RuntimeError, match="no W&B run is open"):
        Wandb()(RECORD)

    with wandb.init(mode="offline", dir=tmp_path) as run:
        Wandb()(RECORD)
        assert run.step == 0
        run.log({"loss": 1.0})
        assert run.step == 1
        seen = dict(run.summary)

    assert seen["judgekit/mean"] == 0.5
    assert seen["loss"] == 1.0


def test_numbers_become_metrics_of_the_trackio_run_that_the_trainer_opened(tmp_path, monkeypatch):
    """A trainer hands what it awaits to the loop of another thread, as TRL does."""
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    trackio = pytest.importorskip("trackio", reason="trackio is not installed")
    with pytest.raises(RuntimeError, match=r"trackio\.init"):
        Trackio()(RECORD)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def rewarded():
        Trackio()(RECORD)

    trackio.init(project="rewards", name="first", embed=False)
    asyncio.run_coroutine_threadsafe(rewarded(), loop).result(timeout=60)
    trackio.finish()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()

    from trackio.sqlite_storage import SQLiteStorage

    [row] = SQLiteStorage.get_logs("rewards", "first")
    assert (row["judgekit/mean"], row["step"]) == (0.5, 3)

"""Where the numbers of a batch go: a callable, a JSONL file, MLflow, W&B. A log never stops a training.

A logger is a function of one flat record. Where it fails, that is said once on Python's own log, and the
next record is tried again.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from judgekit.errors import InputError

Record = Mapping[str, Any]
"""`batch`, the number of the batch, and whatever was counted: numbers, None where there is none, words."""
Logger = Callable[[Record], object]
LogLike = str | Path | Logger | Iterable[str | Path | Logger] | None
PREFIX = "judgekit/"
_LOG = logging.getLogger(__name__)


class Logs:
    """Hands each record to every logger, whatever becomes of the others.

    >>> seen = []
    >>> Logs(seen.append)({"batch": 1, "mean": 0.5})
    >>> seen
    [{'batch': 1, 'mean': 0.5}]
    """

    def __init__(self, log: LogLike = None) -> None:
        several: list[Any] = [log] if isinstance(log, str) or not isinstance(log, Iterable) else list(log)
        self._loggers = [_logger(each) for each in several if each is not None]
        self._said: set[int] = set()

    def __call__(self, record: Record) -> None:
        """Hand a record to every logger."""
        for i, logger in enumerate(self._loggers):
            try:
                logger(record)
            except Exception as error:  # noqa: BLE001 - a log of whatever kind never stops a training
                if i not in self._said:
                    self._said.add(i)
                    _LOG.warning("a log of rewards failed (said once): %s: %s", type(error).__name__, error)


class Jsonl:
    """A line a record, with the time (UTC), added to a file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __call__(self, record: Record) -> None:
        """Add a record to the file, as a line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self.path.open("ab") as file:
            file.write(orjson.dumps({"at": at, **record}, option=orjson.OPT_APPEND_NEWLINE))


class Mlflow:
    """The numbers as metrics of an MLflow run, at the step of the batch.

    They are sent from a thread, since a server that is slow must not hold up a training; what went wrong
    is raised when the next record comes.
    """

    def __init__(self, run_id: str | None = None) -> None:
        self._run_id = run_id
        self._sending: Future[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_run_id": self._run_id, "_sending": None, "_thread": None}

    def __call__(self, record: Record) -> None:
        """Send the numbers of a record to the run."""
        from mlflow.entities import Metric

        run_id = self._run_id or _open_run()
        now, step = int(time.time() * 1000), int(record["batch"])
        metrics = [Metric(name, value, now, step) for name, value in numbers_of(record).items()]
        self._thread = self._thread or ThreadPoolExecutor(1, "judgekit-mlflow")
        before, self._sending = self._sending, self._thread.submit(_send, run_id, metrics)
        if before is not None and before.done():
            before.result()


class Wandb:
    """The numbers as part of what the trainer logs next to the open W&B run.

    They are added without a step of their own, so that they do not disturb the trainer's count.
    """

    def __call__(self, record: Record) -> None:
        """Add the numbers of a record to the run."""
        import wandb

        if wandb.run is None:
            raise RuntimeError("no W&B run is open; call wandb.init, or let the trainer do it")
        wandb.run.log(numbers_of(record), commit=False)


def numbers_of(record: Record) -> dict[str, float]:
    """The finite numbers of a record, under names of their own.

    >>> numbers_of({"batch": 3, "mean": None, "outage": "HTTP 500", "n": 8})
    {'judgekit/batch': 3.0, 'judgekit/n': 8.0}
    """
    return {
        f"{PREFIX}{name}": float(value)
        for name, value in record.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _logger(log: str | Path | Logger) -> Logger:
    if callable(log):
        return log
    if log in {"mlflow", "wandb"}:
        return Mlflow() if log == "mlflow" else Wandb()
    if isinstance(log, str | Path):
        return Jsonl(log)
    raise InputError(f"log={log!r} is no callable, no path of a JSONL file, and neither 'mlflow' nor 'wandb'")


def _open_run() -> str:
    """Id of the newest open MLflow run; trainers open it in a thread other than that of the rewards."""
    import mlflow
    from mlflow.tracking import fluent

    found = mlflow.active_run() or getattr(fluent, "_get_latest_active_run", mlflow.active_run)()
    if found is None:
        raise RuntimeError("no MLflow run is open; call mlflow.start_run, or let the trainer do it")
    return str(found.info.run_id)


def _send(run_id: str, metrics: list[Any]) -> None:
    import mlflow

    mlflow.MlflowClient().log_batch(run_id, metrics=metrics)

"""Ray Data: a data set of items in, one of scores, outcomes or calls out, on an ordinary Ray cluster.

    import ray
    from judgekit.drivers.ray import score_dataset

    items = ray.data.read_json("s3://bucket/answers.jsonl", lines=True)
    scores = score_dataset(items, "helpful.yaml", "endpoint:http://localhost:8000/v1#qwen3-8b",
                           ledger_dir="/local/ledgers", concurrency=8)
    scores.write_parquet("s3://bucket/scores")

Each worker is an actor that keeps its replies in a ledger of its own in `ledger_dir`, a folder on a disk of
its machine, and looks into those of its neighbours there. What a killed worker had stored is therefore not
asked again by who does its work anew: itself, when Ray starts it again, or another one on that machine. The
same call with the same folder goes on where a job was stopped; `judgekit ledger merge` unites the ledgers.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from judgekit.errors import InputError
from judgekit.ledger import Ledger
from judgekit.ledger.file import is_sqlite
from judgekit.run import Limits
from judgekit.table import Kind, arrow
from judgekit.verbs import Options, prepare, score
from judgekit.verbs.options import Judges, RubricLike

_OF_A_WHOLE = (
    "ledger", "read_also", "shard", "schedule", "pairs", "until_separated", "adaptive", "batch",
)  # fmt: skip


def score_dataset(
    ds: Any,
    rubric: RubricLike,
    judges: Judges = "local",
    *,
    ledger_dir: str | Path,
    table: Kind = "scores",
    concurrency: int = 2,
    batch_size: int = 2500,
    calls_at_once: int = 256,
    num_cpus: float = 1.0,
    **options: Unpack[Options],
) -> Any:
    """A Ray data set of what judges say of one of items: rows as the files of a run have them, in its order.

    What could not be judged is a row, too: a score without a value, an outcome of kind `abstention`. A bad
    row, a judge that is refused for good and an outage end the job with their errors.

    Args:
        ds: A Ray data set with the columns of items; a row is a whole item, with all of its responses.
        rubric: As for `score`; each worker gets the rubric itself and needs no file of it.
        judges: As for `score`; by name, or with a table of settings, so that each worker opens its own.
        ledger_dir: The folder of the ledgers, on a local disk of each machine; it is made.
        table: Which rows come out: `scores`, `outcomes` or `calls`.
        concurrency: The number of workers. The cluster needs two CPUs more than they take.
        batch_size: The number of items that a worker is given at once.
        calls_at_once: The most calls that a worker has in flight at one endpoint.
        num_cpus: The CPUs that Ray sets aside for a worker.
        **options: Those of `score` that hold for one item alone. Of `limits`, `rpm` and `tpm` are shared out
            among the workers; budgets and `run_seconds` are of one run, and refused.

    Raises `InputError`, before anything is read, for what `score` refuses, for options of a whole run, and
    where Ray or pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401, ICN001 - which rows come out as
        import ray.data
    except ImportError as error:
        raise InputError(f"{error.name} is not installed: pip install -e '.[ray]'") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # if this is what starts a cluster, it tells nobody
    if whole := [name for name in _OF_A_WHOLE if options.get(name)]:
        raise InputError(f"{whole[0]} is of a whole run, and a worker sees some of the items; leave it out")
    limits = _shared_out(options.get("limits") or Limits(), concurrency, calls_at_once)
    own: Options = {**options, "limits": limits, "progress": False, "ledger": None}
    job = prepare(iter(()), rubric, judges, sending=False, **own)
    if job.fitted is not None:
        raise InputError(
            f"panel {job.fitted.name!r} is fitted to a whole run; score the merged ledger with it"
        )
    rows = ds.map_batches(
        _Worker, batch_size=batch_size, batch_format="pyarrow", num_cpus=num_cpus,
        compute=ray.data.ActorPoolStrategy(size=concurrency),
        fn_constructor_kwargs={
            "rubric": job.plan.rubric.model_dump(mode="json"), "judges": judges, "folder": str(ledger_dir),
            "table": table, "options": own,
        },
    )  # fmt: skip
    rows.context.execution_options.preserve_order = True
    return rows


def _shared_out(limits: Limits, workers: int, calls_at_once: int) -> Limits:
    """Return the limits of one worker."""
    for name in ("budget_usd", "budget_tokens", "run_seconds"):
        if getattr(limits, name) is not None:
            raise InputError(f"{name} is of one run, and each batch of a worker is one; leave it out")
    shares = {name: n / workers for name in ("rpm", "tpm") if (n := getattr(limits, name)) is not None}
    return replace(limits, concurrency=calls_at_once, **shares)


class _Worker:
    """Judges batches of items in an actor of Ray's, with a ledger that is called as the actor.

    An actor that is started again has its name still, and so its ledger.
    """

    def __init__(
        self, rubric: Mapping[str, Any], judges: Judges, folder: str, table: Kind, options: Options
    ) -> None:
        import ray

        self._rubric, self._judges, self._table, self._options = rubric, judges, table, options
        self._ledger = Path(folder) / f"w-{ray.get_runtime_context().get_actor_id()}.sqlite"
        Ledger(self._ledger).close()

    def __call__(self, batch: Any) -> Any:
        """Return what became of a batch of items, a table of pyarrow's as the batch is."""
        here: Options = {**self._options, "ledger": self._ledger, "read_also": self._others()}
        run = score(batch.to_pylist(), self._rubric, self._judges, **here)
        return arrow(run.rows(self._table), self._table)

    def _others(self) -> Sequence[Path]:
        """Return the ledgers of other workers on this machine; one that is being made is none yet."""
        found = sorted(self._ledger.parent.glob("w-*.sqlite"))
        return [each for each in found if each != self._ledger and is_sqlite(each)]

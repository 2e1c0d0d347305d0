"""What a run gave: scores, outcomes, calls and a summary, in memory or as a folder of files."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self, get_args

import orjson

from judgekit.aggregate.explain import Explanation, explain
from judgekit.errors import InputError, check_kinds, kind_of, n_of, there_are
from judgekit.run.tally import cause_line
from judgekit.table import (
    COLUMNS,
    Kind,
    Tags,
    call_row,
    frame,
    json_line,
    outcome_row,
    read_calls,
    read_outcomes,
    read_scores,
    score_row,
    wide,
    write_parquet,
)
from judgekit.types import Abstention, CallMade, Judged, Outcome, Score
from judgekit.verbs.inputs import rubric_of
from judgekit.writing import Together, failed, spare, unreadable, whole

if TYPE_CHECKING:
    import pandas as pd

    from judgekit.verbs.diff import Difference

_RUN = "run.json"
_TABLES: tuple[Kind, ...] = get_args(Kind)
_NAMES = (*(f"{kind}.{form}" for form in ("jsonl", "parquet") for kind in _TABLES), _RUN)


@dataclass(frozen=True)
class Run:
    """What a run gave.

    Args:
        scores: In the order of the items: each criterion, each dimension, the rubric.
        outcomes: One for each answer asked for: verdicts and abstentions.
        summary: Counts, costs, digests, judges as resolved, times (what `run.json` holds).
        calls: One for each call answered, in the order of the items.
        item_tags: Item id -> its tags, and what its further columns hold, of items that have some.
        job: Gives the digest of what was asked (`Job.digest`), by which `save` knows an earlier run of it.
    """

    scores: tuple[Score, ...]
    outcomes: tuple[Outcome, ...]
    summary: Mapping[str, Any]
    calls: tuple[CallMade, ...] = ()
    item_tags: Tags = field(default_factory=dict)
    job: Callable[[], str | None] = field(default=lambda: None, compare=False, repr=False)

    def __repr__(self) -> str:
        """How many items, verdicts and abstentions it has, and the mean of its scores, on a line."""
        units = [each.unit for each in (*self.scores, *self.outcomes)]
        reasons = Counter(each.reason for each in self.outcomes if isinstance(each, Abstention))
        counts = {"item": len({unit.item_id for unit in units}), "call": len(self.calls)}
        counts |= {"verdict": len(self.outcomes) - reasons.total(), "abstention": reasons.total()}
        told = [n_of(n, what) for what, n in counts.items()]
        if reasons:
            told[-1] += f" ({', '.join(f'{n} {reason}' for reason, n in reasons.most_common())})"
        whole = [each for each in self.scores if each.level == "rubric"]
        values = [each.value for each in whole or self.scores if each.value is not None]
        mean = [f"mean score {fmean(values):.3f} of {len(values)}"] if values else []
        stopped = ["stopped early"] if self.summary.get("stopped") is not None else []
        return f"<Run: {', '.join([*told, *mean, *stopped])}>"

    def __str__(self) -> str:
        """The same, and why it stopped or judges abstained, where they did."""
        stopped = self.summary.get("stopped")
        causes = map(cause_line, self.summary.get("causes", ()))
        return "\n".join([repr(self), *([] if stopped is None else [f"stopped: {stopped}"]), *causes])

    def frame(self, kind: Kind | Literal["wide"] = "scores") -> "pd.DataFrame":
        """The scores, the outcomes or the calls as a pandas table; columns as in `table.COLUMNS`.

        `wide` has a row for each response (or pair) with a column for each criterion, and `score`.
        """
        return wide(self.scores) if kind == "wide" else frame(self.rows(kind), kind)

    def explain(self, item_id: str, response: str | None = None) -> tuple[Explanation, ...]:
        """How the scores of an item came about: what each criterion gave, which gate fired, all verdicts.

        Args:
            item_id: The item.
            response: One of its responses; all of them, and all pairs, where left out.

        Raises `InputError` if the run has no such item or response.
        """
        scores = [each for each in self.scores if each.unit.item_id == item_id]
        if not scores:
            known = list(dict.fromkeys(each.unit.item_id for each in self.scores))
            raise InputError(f"no item {item_id!r} in the run; {there_are(item_id, known[:20])}")
        outcomes = [each for each in self.outcomes if each.unit.item_id == item_id]
        rubric, unknown = rubric_of(self.summary, item_id)
        found = explain(rubric, scores, outcomes, unknown=unknown)
        if response is None:
            return found
        if not (own := tuple(each for each in found if response in each.unit.responses)):
            known = list(dict.fromkeys(name for each in found for name in each.unit.responses))
            raise InputError(f"item {item_id!r} has no response {response!r}; {there_are(response, known)}")
        return own

    def diff(self, other: "Run") -> "Difference":
        """How this run differs from another one, which is taken for the earlier: each with its counterpart.

        Returns what was asked otherwise; paired differences, this run less the other, in all, by criterion
        and by system; and the verdicts that changed, the largest change first. Raises `InputError` if they
        have no item and response in common.
        """
        from judgekit.verbs.diff import diff

        return diff(self, other)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write `scores`, `outcomes` and `calls` (JSONL, and Parquet where pyarrow is), and `run.json`.

        Args:
            folder: It is made; `load_run` reads it.
            overwrite: Also where it holds the results of another job.

        Raises `InputError` if it cannot be written, or holds what would be lost.
        """
        with Writer(folder, job=self.job(), overwrite=overwrite) as writer:
            for kind in _TABLES:
                writer.rows(kind, self.rows(kind))
            writer.finish(self.summary)

    def view(self, out: str | Path | None = None, **options: Any) -> Any:
        """The page that shows the run, as `jk.view_run` makes it; a notebook shows what is returned."""
        import judgekit  # by its face, since what a run looks like is made of runs

        return judgekit.view_run(self, out, **options)

    def rows(self, kind: Kind) -> Iterator[dict[str, Any]]:
        """The scores, the outcomes or the calls as rows, as its files have them."""
        if kind == "scores":
            return (score_row(each, self.item_tags.get(each.unit.item_id)) for each in self.scores)
        if kind == "outcomes":
            return (outcome_row(each, self.item_tags.get(each.unit.item_id)) for each in self.outcomes)
        if kind == "calls":
            return map(call_row, self.calls)
        raise InputError(f"no table {kind!r}; there are {', '.join(map(repr, (*_TABLES, 'wide')))}")


class Writer:
    """A folder of results, written beside what is there and put in its place at the end, all at once.

    A context manager. Scores and outcomes repeat to the byte when the replies come from the ledger, calls but
    for `stored`; times of the run stand only in `run.json`, which names the other files with their digests
    and rows. Results of another `job`
    (`Job.digest`) are overwritten only if told so, and none of `reads` may lie where results go: an
    InputError on entering.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        job: str | None = None,
        overwrite: bool = False,
        reads: Iterable[str | Path] = (),
    ) -> None:
        self.folder = Path(folder)
        self._job, self._overwrite, self._reads = job, overwrite, reads
        self._set = Together(folder, _NAMES)
        self._files: dict[Kind, BinaryIO] = {}
        self._digests = {kind: hashlib.sha256() for kind in _TABLES}
        self._rows = Counter[Kind]()
        self._held = self._broken = False

    def __enter__(self) -> Self:
        spare([self.folder / name for name in _NAMES], self._reads)
        self._set.__enter__()
        try:
            self._check()
            self._files = {kind: self._set.open(f"{kind}.jsonl") for kind in _TABLES}
        except BaseException:
            self._set.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._set.__exit__(kind, error, trace)

    def _check(self) -> None:
        """Refuse to overwrite what is not an earlier run of this job."""
        there = [path for name in _NAMES if (path := self.folder / name).exists()]
        for path in there:
            if not path.is_file():
                raise InputError(f"{path}: is no file, and results would be written there")
        self._held = bool(there)
        if not there or self._overwrite:
            return
        instead = "name another folder, or overwrite it with overwrite=True (--overwrite)"
        if there[-1].name != _RUN:
            raise InputError(f"{there[0]}: lies where results go, and is of no run we know; {instead}")
        theirs = _summary(there[-1]).get("job")
        if theirs is None or theirs != self._job:
            raise InputError(f"{self.folder}: holds the results of another job; {instead}")

    def judged(self, judged: Judged) -> None:
        """Write what became of one item."""
        tags = judged.item.all_tags
        self.rows("scores", (score_row(each, tags) for each in judged.scores))
        self.rows("outcomes", (outcome_row(each, tags) for each in judged.outcomes))
        self.rows("calls", map(call_row, judged.calls))

    def rows(self, kind: Kind, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows of a table."""
        self._broken = True  # unless all are written
        for row in rows:
            line = json_line(row)
            self._files[kind].write(line)
            self._digests[kind].update(line)
            self._rows[kind] += 1
        self._broken = False

    def finish(self, summary: Mapping[str, Any], *, refused: bool = False) -> bool:
        """Write Parquet files, where pyarrow is, and `run.json`; put all in place; tell whether it was done.

        It is not done where a row could not be written; and a run that was `refused` as bad input, or stopped
        before its first item, leaves earlier results alone.
        """
        nothing = summary.get("stopped") is not None and not any(self._rows.values())
        if self._broken or (refused and nothing) or (self._held and (refused or nothing)):
            return False
        files: dict[str, dict[str, Any]] = {}
        parquet = True
        for kind, file in self._files.items():
            file.flush()
            about = {"rows": self._rows[kind]}
            files[f"{kind}.jsonl"] = {"sha256": self._digests[kind].hexdigest(), **about}
            target = self._set.path(f"{kind}.parquet")
            try:
                with self._set.path(f"{kind}.jsonl").open("rb") as lines:
                    parquet = write_parquet(map(orjson.loads, lines), target, kind)
            except OSError as error:
                raise failed(self.folder, error) from None
            if parquet:
                files[target.name] = {"sha256": _digest(target), **about}
        raw = orjson.dumps(
            {**summary, "job": self._job, "parquet": parquet, "files": files},
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )
        self._set.open(_RUN).write(raw)
        self._set.commit()
        return True


def export(
    run: Run | str | Path, to: str, *, tables: Sequence[Kind] = ("scores", "outcomes"), **storage: Any
) -> list[str]:
    """Write tables of a run as Parquet to a folder that fsspec reaches, and return the paths of the files.

    Args:
        run: A run, or the folder of one, which is read row by row.
        to: The folder: a local one, `s3://bucket/run-1`, `gs://bucket/run-1`, `az://...`; what is there of
            these names is replaced.
        tables: Which of `scores`, `outcomes` and `calls`.
        **storage: Options of the file system, as fsspec takes them.

    Raises `InputError` if pyarrow, fsspec or what fsspec needs for that place is not installed, or the place
    does not take it.

    >>> [path.rpartition("/")[2] for path in export(Run((), (), {}), "memory://exported")]
    ['scores.parquet', 'outcomes.parquet']
    """
    try:
        import fsspec
        import pyarrow  # noqa: F401, ICN001 - what writes it
    except ImportError as error:
        raise InputError(f"{error.name} is not installed: pip install -e '.[parquet]'") from None
    from judgekit.judges.servers import Keys, login_of

    for kind in tables:
        if kind not in COLUMNS:
            raise InputError(f"table {kind!r}; {there_are(kind, COLUMNS)}")
    paths = [f"{to.rstrip('/')}/{kind}.parquet" for kind in tables]
    for kind, path in zip(tables, paths, strict=True):
        with ExitStack() as stack:
            if isinstance(run, Run):
                rows: Iterable[dict[str, Any]] = run.rows(kind)
            else:
                folder = Path(run)
                _check_file(folder, _summary(whole(folder, _RUN)), f"{kind}.jsonl")
                rows = map(orjson.loads, stack.enter_context(whole(folder, f"{kind}.jsonl").open("rb")))
            shown, *secrets = login_of(path)
            try:
                files, place = fsspec.url_to_fs(path, **storage)
                if "file" in files.protocol:
                    files.makedirs(files._parent(place), exist_ok=True)  # noqa: SLF001 - it has no other name
                stack.enter_context(files.transaction)  # what is cut short does not take an older one's place
                made = stack.enter_context(files.open(place, "wb"))
            except (OSError, ValueError, ImportError) as error:  # fsspec's own, of what it does not know
                said = Keys(*secrets).out_of_error(str(error))
                raise InputError(f"{shown}: cannot be written ({said})") from None
            try:
                write_parquet(rows, made, kind)
            except OSError as error:
                said = Keys(*secrets).out_of_error(str(error))
                raise InputError(f"{shown}: cannot be written ({said})") from None
    return [login_of(path)[0] for path in paths]


def load_run(folder: str | Path) -> Run:
    """The run whose results are in a folder, as `Run.save` and `--out` write them.

    Files that a killed process left between two runs are read as the new run, whole.

    Raises `InputError` if they cannot be read, or are not those that `run.json` names.

    >>> import tempfile
    >>> run = Run((), (), {"items": 0, "stopped": None})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run.save(folder)
    ...     load_run(folder).scores
    ()
    """
    check_kinds({"folder": folder}, {"folder": "a path"})
    folder = Path(folder)
    while True:
        seen = _summary(whole(folder, _RUN))
        error = None
        try:
            run = _loaded(folder, seen)
        except InputError as wrong:
            error = wrong
        if _summary(whole(folder, _RUN)) == seen:  # else another run put its results there meanwhile
            if error is not None:
                raise error
            return run


def _loaded(folder: Path, summary: Mapping[str, Any]) -> Run:
    for name in summary.get("files", {}).keys() & {*_NAMES}:
        _check_file(folder, summary, name)
    tags: dict[str, Mapping[str, str]] = {}
    scores = read_scores(whole(folder, "scores.jsonl"))
    outcomes = read_outcomes(whole(folder, "outcomes.jsonl"), tags)
    kept = whole(folder, "calls.jsonl").exists()  # since 0.5.0
    calls = read_calls(whole(folder, "calls.jsonl")) if kept else []
    said = summary.get("verdicts", 0) + sum(summary.get("abstentions", {}).values())
    # Before digests were written, counts are what can be compared; of a run cut short they may be one off.
    if "files" not in summary and summary.get("stopped") is None and said != len(outcomes):
        raise InputError(
            f"{folder}: run.json counts {said} outcomes and outcomes.jsonl has {len(outcomes)}, "
            "so they are of two runs; run again"
        )
    return Run(tuple(scores), tuple(outcomes), summary, tuple(calls), tags, job=lambda: summary.get("job"))


def _check_file(folder: Path, summary: Mapping[str, Any], name: str) -> None:
    """Raise an InputError unless a file is the one that `run.json` names; older ones name none."""
    path, about = whole(folder, name), summary.get("files", {}).get(name)
    if about is not None and _digest(path) != about["sha256"]:
        raise InputError(f"{path}: is not the file that {folder / _RUN} names; run again to have it anew")


def _summary(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); results have a run.json") from None
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path}: is not JSON ({error}), so no run.json of ours") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds {kind_of(found)}, so it is no run.json of ours")
    return found


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from None

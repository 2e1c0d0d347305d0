"""What a run gave: scores, outcomes and a summary, in memory or as a folder of files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, get_args

import orjson

from judgekit.errors import InputError
from judgekit.table import Kind, frame, json_line, outcome_row, score_row, write_parquet
from judgekit.types import Judged, Outcome, Score

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """What a run gave.

    Args:
        scores: In the order of the items: each criterion, each dimension, the rubric.
        outcomes: One for each answer asked for: verdicts and abstentions.
        summary: Counts, costs, digests, judges as resolved, times (what `run.json` holds).
    """

    scores: tuple[Score, ...]
    outcomes: tuple[Outcome, ...]
    summary: Mapping[str, Any]

    def frame(self, kind: Kind = "scores") -> "pd.DataFrame":
        """The scores, or the outcomes, as a pandas table; columns as in `table.COLUMNS`."""
        return frame(self._rows(kind), kind)

    def save(self, folder: str | Path) -> None:
        """Write `scores.jsonl`, `outcomes.jsonl`, both as Parquet where pyarrow is, and `run.json`."""
        with Writer(folder) as writer:
            for kind in ("scores", "outcomes"):
                writer.rows(kind, self._rows(kind))
            writer.finish(self.summary)

    def _rows(self, kind: Kind) -> Iterator[dict[str, Any]]:
        if kind == "scores":
            return map(score_row, self.scores)
        if kind == "outcomes":
            return map(outcome_row, self.outcomes)
        raise InputError(f"no table {kind!r}; there are 'scores' and 'outcomes'")


class Writer:
    """A folder of results, written as they come.

    A context manager. The rows repeat to the byte when the replies come from the ledger; times stand
    only in `run.json`.

    Raises:
        InputError: On entering, if the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._files: dict[Kind, BinaryIO] = {}

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for kind in get_args(Kind):
                self._files[kind] = (self.folder / f"{kind}.jsonl").open("wb")
        except OSError as error:
            self.__exit__(None, None, None)
            raise InputError(f"{self.folder}: results cannot be written there ({error.strerror})") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def judged(self, judged: Judged) -> None:
        """Write what became of one item."""
        self.rows("scores", map(score_row, judged.scores))
        self.rows("outcomes", map(outcome_row, judged.outcomes))

    def rows(self, kind: Kind, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows of a table."""
        self._files[kind].writelines(json_line(row) for row in rows)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the Parquet files, where pyarrow is installed, and `run.json`."""
        parquet = True
        for kind, file in self._files.items():
            file.flush()
            parquet = write_parquet(self.folder / f"{kind}.jsonl", self.folder / f"{kind}.parquet", kind)
        raw = orjson.dumps(
            {**summary, "parquet": parquet}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        )
        (self.folder / "run.json").write_bytes(raw)

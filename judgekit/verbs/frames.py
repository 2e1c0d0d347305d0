"""Tables as frames of text: what pandas reads quickly it reads, and all else the readers of items."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from judgekit.errors import InputError
from judgekit.items.files import delimiter_of, open_file
from judgekit.items.rows import open_rows
from judgekit.table import columns_in


def frame_of(source: Any, wanted: Iterable[str] | None = None) -> Any:
    """Return a table as a frame of text; columns that are not `wanted` are left out where that is quicker."""
    import pandas as pd

    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return source.astype(object).where(source.notna(), "").map(_text)
    is_path = isinstance(source, str | Path)
    names = columns_in(source)
    kept = frozenset(names if wanted is None else wanted) & names
    if is_path and {".csv", ".tsv"} & set(Path(source).suffixes):
        try:
            return pd.read_csv(
                source, sep=delimiter_of(Path(source)), usecols=lambda name: name in kept, dtype=str,
                na_filter=False, encoding="utf-8-sig",
            )  # fmt: skip
        except (ValueError, OSError) as error:  # pandas' own are ValueErrors
            raise InputError(f"{source}: {' '.join(str(error).split())}") from None
    opened = open_file(source, kept) if is_path else open_rows(source, kept, "scores")
    rows = []
    for row in opened.rows():
        if row.fault or not isinstance(row[1], Mapping):
            raise InputError(f"{row.where}: {row.fault or 'not a row'}")
        rows.append({name: _text(value) for name, value in row[1].items()})
    return pd.DataFrame(rows, dtype=object).fillna("")


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)

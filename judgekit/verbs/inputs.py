"""What a run was made of, as `run.json` names it: files of items, rubric and ledger; the rubric itself."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from judgekit.rubric import Rubric
from judgekit.rubric.load import find


def inputs_of(
    items: Any,
    columns: Mapping[str, str] | None,
    digest: Callable[[], str],
    *,
    rubric: Path | None,
    ledger: Path | None,
) -> dict[str, Any]:
    """Return the files that a run read, by absolute paths; null for what is none, or is not kept.

    `digest` gives that of the items, which is asked for only where they are a file.
    """
    held: dict[str, Any] | None = None
    if isinstance(items, str | os.PathLike) and str(items) != "-":
        held = {"path": str(Path(items).absolute()), "sha256": None, "columns": dict(columns or {})}
        with suppress(OSError):  # it is gone meanwhile
            held["sha256"] = digest()
    named = {"rubric": rubric, "ledger": ledger}
    paths = {name: None if path is None else {"path": str(path.absolute())} for name, path in named.items()}
    return {"items": held, **paths}


def file_of(rubric: Any) -> Path | None:
    """Return the file of a rubric that was named, bundled ones among them; None for one made in Python."""
    return find(rubric) if isinstance(rubric, str | Path) else None


def told_of(rubric: Rubric) -> dict[str, Any]:
    """Return a rubric by name and digest, and all of it, which `load_rubric` reads."""
    return {
        "id": rubric.id,
        "version": rubric.version,
        "digest": rubric.digest,
        "content": rubric.model_dump(mode="json"),
    }

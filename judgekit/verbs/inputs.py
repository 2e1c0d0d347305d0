"""What a run is made of: items looked over before any call; and the files it read, as `run.json` has them."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from judgekit.aggregate.explain import NO_RUBRIC, OWN_RUBRIC
from judgekit.errors import InputError, n_of
from judgekit.items import FirstSkips, Survey, read_items, survey
from judgekit.items.read import OnBadItem
from judgekit.rubric import Rubric, load_rubric
from judgekit.rubric.load import find
from judgekit.types import Item, Need
from judgekit.verbs.options import Options

NOWHERE = "the run does not say where it is: it was not in a file, or the run is of an older judgekit"


def first_rubric(items: Any, options: Options) -> Mapping[str, Any]:
    """Return the first item's own rubric, where none is named for all; then each has to have one."""
    if not isinstance(items, Iterator):
        unseen = Survey(0, 0, 0, 0, ())  # what is wrong with the other items is looked for later
        how: OnBadItem = options["on_bad_item"]
        first = next(
            read_items(items, columns=options["columns"], on_bad_item=how, needs=(), surveyed=unseen),
            None,
        )
        if first is not None and first.rubric is not None:
            return {**first.rubric, "id": "own"}
    raise InputError(
        "no rubric; name one, or a recipe that has one, or give each item its own; bundled for pairs and "
        "ranks is pair_quality, and `judgekit rubric list` lists all that are"
    )


def no_items(name: str, skipped: FirstSkips | None = None) -> str:
    """Return why there is nothing to judge."""
    if skipped is None or not skipped.n:
        return f"{name}: there is nothing in it to judge; give at least one item"
    where, message = skipped.first[0]
    return f"{name}: none of {n_of(skipped.n, 'row')} can be used; the first: {where}: {message}"


def surveyed_of(items: Any, needs: frozenset[Need], options: Options) -> Survey | None:
    """Return what a check of the items found; None where they can be read once only."""
    if isinstance(items, Iterator):
        return None
    columns, on_bad_item = options["columns"], options["on_bad_item"]
    surveyed = survey(items, columns=columns, on_bad_item=on_bad_item, needs=needs)
    if not surveyed.n_items:
        raise InputError(no_items(str(items) if isinstance(items, str | Path) else "items"))
    if surveyed.apart and options["say"] is not None:
        options["say"](
            "rows of one item stand apart in the items: they are sorted, each behind its first one"
        )
    return surveyed


def inputs_of(
    items: Any,
    columns: Mapping[str, str] | None,
    digest: Callable[[], str],
    *,
    rubric: Path | None,
    ledger: Path | None,
    also: Iterable[Path] = (),
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
    paths: dict[str, dict[str, Any] | None]
    paths = {name: None if path is None else {"path": str(path.absolute())} for name, path in named.items()}
    if paths["ledger"] is not None and (others := [str(each.absolute()) for each in also]):
        paths["ledger"]["also"] = others
    return {"items": held, **paths}


def file_of(rubric: Any) -> Path | None:
    """Return the file of a rubric that was named, bundled ones among them; None for one made in Python."""
    return find(rubric) if isinstance(rubric, str | Path) else None


def told_of(rubric: Rubric, own: int | None) -> dict[str, Any]:
    """Return a rubric by name and digest, and all of it, which `load_rubric` reads.

    `own` is how many items have one of their own, which is used in its place.
    """
    return {
        "id": rubric.id,
        "version": rubric.version,
        "digest": rubric.digest,
        "own": own,
        "content": rubric.model_dump(mode="json"),
    }


def rubric_of(summary: Mapping[str, Any], item_id: str) -> tuple[Rubric | None, str]:
    """Return what an item of a run was judged by; else None, and why that is not known."""
    about = summary.get("rubric") or {}
    held, item = (summary.get("inputs") or {}).get("items"), None
    if about.get("own") and held is not None and held["sha256"] and found_of(held, held["sha256"])["kept"]:
        items = read_items(held["path"], columns=held["columns"], on_bad_item="skip", needs=None)
        item = next((each for each in items if each.item_id == item_id), None)
    content = about.get("content")
    return rubric_for(summary, item, None if content is None else load_rubric(content))


def rubric_for(
    summary: Mapping[str, Any], item: Item | None, loaded: Rubric | None
) -> tuple[Rubric | None, str]:
    """Return the same where the item, or that it is not known, is at hand; `loaded` is the run's rubric."""
    if item is not None and item.rubric is not None:
        return load_rubric({"id": "own", **item.rubric}), ""
    if item is None and (summary.get("rubric") or {}).get("own"):
        return None, OWN_RUBRIC
    return loaded, NO_RUBRIC


def found_of(about: Mapping[str, Any], sha256: str | None = None) -> dict[str, Any]:
    """Tell whether a file is there, and, by its digest, the one that was read; else why it is not `kept`."""
    if about.get("path") is None:
        return {"path": None, "kept": False, "why": NOWHERE}
    try:
        with Path(about["path"]).open("rb") as file:
            same = sha256 is None or sha256 == hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return {"path": about["path"], "kept": False, "why": f"it cannot be read ({error.strerror})"}
    why = None if same else "it was changed since: its digest is not that of what was read"
    return {"path": about["path"], "kept": same, "why": why}

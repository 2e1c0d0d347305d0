"""Facets: columns of labels that say what a score belongs to, and the terms the data can tell apart."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import column
from judgekit.agreement.ratings import Codes, Floats, coded_clusters
from judgekit.errors import InputError

Term = tuple[str, ...]


def facet_columns(
    y: npt.ArrayLike, facets: Mapping[str, Any], item: str, within: Mapping[str, str]
) -> tuple[dict[str, Codes], Floats, npt.NDArray[np.bool_], int]:
    """Codes of each facet and y over the complete rows, which rows those are, and how many are not.

    Raises:
        InputError: For shapes that differ, infinity, or a facet that is not there.
    """
    from pandas import isna

    values = column(y, "y")
    if unknown := ({item, *within, *within.values()} - set(facets)):
        raise InputError(f"no facet named {sorted(unknown)}; there are {sorted(facets)}")
    kept = ~np.isnan(values)
    raw = {name: np.asarray(labels, dtype=object) for name, labels in facets.items()}
    for name, labels in raw.items():
        if labels.shape != values.shape:
            raise InputError(f"facet {name!r} has shape {labels.shape}, y has {values.shape}")
        kept &= ~np.asarray(isna(labels), dtype=bool)
    codes: dict[str, Codes] = {}
    for name, labels in raw.items():
        mine = coded_clusters(labels[kept], int(kept.sum()))
        codes[name] = np.zeros(0, dtype=np.intp) if mine is None else mine
    for name, parent in within.items():
        codes[name] = joint([codes[parent], codes[name]])
    return codes, values[kept], kept, int((~kept).sum())


def default_terms(names: list[str], within: Mapping[str, str]) -> list[Term]:
    """The facets and their pairs, but for a facet with the one it is nested in."""
    pairs = [p for p in combinations(names, 2) if within.get(p[0]) != p[1] and within.get(p[1]) != p[0]]
    return [*((name,) for name in names), *pairs]


def joint(columns: list[Codes]) -> Codes:
    """Codes of the combinations that occur, in the order of the columns; of codes from 0 on.

    >>> joint([np.array([1, 0, 1]), np.array([0, 2, 2])]).tolist()
    [1, 0, 2]
    """
    if not len(columns[0]):
        return columns[0]
    found = np.zeros(len(columns[0]), dtype=np.intp)
    for each in columns:  # one number for two: many times faster to sort than rows of two
        found = np.unique(found * (int(each.max()) + 1) + each, return_inverse=True)[1].astype(np.intp)
    return found


def fit_terms(columns: Mapping[str, Codes], wanted: Sequence[Term]) -> tuple[dict[str, Codes], list[str]]:
    """Codes of the terms that the data can tell apart, and notes on the others."""
    notes: list[str] = []
    chosen: dict[str, Codes] = {}
    n = len(next(iter(columns.values())))
    for term in wanted:
        name = ":".join(term)
        if unknown := set(term) - set(columns):
            raise InputError(f"term {name!r} names {sorted(unknown)}; facets are {sorted(columns)}")
        flat = [facet for facet in term if n and columns[facet].max() == 0]
        if flat:
            if len(term) == 1:
                notes.append(f"{name} has one level, so its variance is not identified")
            continue
        codes = joint([columns[facet] for facet in term])
        size = int(codes.max()) + 1 if n else 0
        if size == n:
            notes.append(f"{name} was seen once each, so it is part of the residual")
            continue
        both_of = {other: int(joint([codes, c]).max()) + 1 for other, c in chosen.items()}
        if twin := [o for o, both in both_of.items() if both == size == int(chosen[o].max()) + 1]:
            notes.append(f"{name} cannot be told apart from {twin[0]} and is part of it")
            continue
        chosen[name] = codes
    return chosen, notes


def clusters_of_items(clusters: Sequence[Any], kept: npt.NDArray[np.bool_], items: Codes) -> Codes:
    """The cluster of each item, from those of the rows.

    Raises:
        InputError: If an item belongs to two clusters.
    """
    if len(clusters) != len(kept):
        raise InputError(f"{len(clusters)} clusters for {len(kept)} rows")
    own = coded_clusters(np.asarray(clusters, dtype=object)[kept], int(kept.sum()))
    if own is None or int(joint([items, own]).max()) != int(items.max()):
        raise InputError("an item belongs to more than one cluster")
    by_item = np.zeros(int(items.max()) + 1, dtype=np.intp)
    by_item[items] = own
    return joint([by_item])

"""What makes two runs one job: a digest of the items, the rubric, the judges and how they are asked.

Not in it: what only says how fast, for how much or where a run is kept (limits, budget, ledger), so that a
run that goes on with more money is the same job.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from judgekit.plan import Plan
from judgekit.verbs.options import Options

_ASKED: Mapping[str, Any] = {
    "recipe": None, "settings": {}, "reask": True, "rule": None, "partial": False, "panel": "mean",
    "min_judges": 1, "balance": "average", "substitutes": {}, "unfounded": "flag", "aggregate": None,
    "on_empty": "judge",
}  # fmt: skip


def asked_of(options: Options) -> dict[str, Any]:
    """The options beside a plan that change what comes out; left out, they are as by default."""
    return {
        **_ASKED,
        **{name: value for name, value in options.items() if name in _ASKED and value is not None},
    }


def planned(plan: Plan) -> tuple[Any, ...]:
    """What a plan asks, and whom."""
    prompts, judges = plan.prompt_digests(), plan.judges
    how = (plan.protocol, plan.form, plan.per_call, plan.samples, plan.orders, plan.ties)
    return (plan.rubric.digest, judges, how, prompts)


def digest_of(*parts: Any) -> str:
    """A digest of values, judges and functions; an object of another kind counts by its type.

    >>> digest_of({"samples": 2}) == digest_of({"samples": 2}), digest_of({"samples": 3})[:8]
    (True, 'ebf2c5f3')
    """
    option = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return hashlib.sha256(orjson.dumps(_plain(parts), option=option)).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return str(value).encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if hasattr(value, "identity"):  # a judge
        return [value.name, _plain(value.identity)]
    return getattr(value, "__qualname__", type(value).__qualname__)

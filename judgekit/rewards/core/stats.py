"""What a batch was like: counts, shares, costs. Plain numbers for a trainer's log, None where undefined."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from judgekit.agreement.core.resample import varies
from judgekit.rewards.core.laying import Laid
from judgekit.rewards.core.records import Reward
from judgekit.types import Answer

STATUSES = ("ok", "gated", "vetoed", "failed", "imputed", "dropped")


def stats_of(
    rewards: Sequence[Reward], laid: Sequence[Laid], answers: Iterable[Answer], seconds: float
) -> dict[str, Any]:
    """The statistics of a batch.

    Returns:
        `n`, `n_STATUS` each, `failed_share` (failed or imputed), `gated_share`, `mean`, `groups`,
        `zero_spread_share` (of groups with two values or more: all equal), `deduped` (responses that
        another with the same text stood in for), `reward_length_correlation` (Pearson's, with words),
        `calls`, `new_calls`, `ledger_hits`, `cache_hit_rate`, `requests`, `cost_usd` (None if a price is
        unknown), `latency_p50` and `latency_p95` of new calls in seconds, `seconds`.
    """
    counted = Counter[str](reward.status for reward in rewards)
    values = [reward.value for reward in rewards if reward.value is not None]
    n = len(rewards)
    return {
        "n": n,
        **{f"n_{status}": counted[status] for status in STATUSES},
        "failed_share": (counted["failed"] + counted["imputed"]) / n if n else None,
        "gated_share": counted["gated"] / n if n else None,
        "mean": fmean(values) if values else None,
        "groups": len(laid),
        "zero_spread_share": _zero_spread(rewards),
        "deduped": sum(len(each.digests) - len(each.texts) for each in laid),
        "reward_length_correlation": _with_length(rewards, laid),
        **_calls(answers),
        "seconds": round(seconds, 3),
    }


def _zero_spread(rewards: Iterable[Reward]) -> float | None:
    by_group: dict[str, list[float]] = {}
    for reward in rewards:
        if reward.value is not None:
            by_group.setdefault(reward.group, []).append(reward.value)
    sizes = [own for own in by_group.values() if len(own) > 1]
    return sum(max(own) == min(own) for own in sizes) / len(sizes) if sizes else None


def _with_length(rewards: Iterable[Reward], laid: Iterable[Laid]) -> float | None:
    """Pearson's correlation of rewards of status ok with the number of words."""
    words = {each.group.key: {name: each.words[d] for name, d in each.digests.items()} for each in laid}
    pairs = [
        (r.value, words[r.group][r.response]) for r in rewards if r.status == "ok" and r.value is not None
    ]
    if len(pairs) < 3:
        return None
    x, y = np.array(pairs, dtype=float).T
    return round(float(np.corrcoef(x, y)[0, 1]), 6) if varies(x) and varies(y) else None


def _calls(answers: Iterable[Answer]) -> Mapping[str, Any]:
    """Calls of a batch; an equal call that waited for the first is none of its own."""
    some = list({(a.call.key or id(a)): a for a in answers}.values())
    new = [answer for answer in some if not answer.stored]
    hits = len(some) - len(new)
    costs = [answer.reply.cost_usd for answer in new]
    seconds = [answer.reply.seconds for answer in new if answer.reply.seconds is not None]
    return {
        "calls": len(some),
        "new_calls": len(new),
        "ledger_hits": hits,
        "cache_hit_rate": hits / len(some) if some else None,
        "requests": sum(answer.reply.tries for answer in new),
        "cost_usd": None if None in costs else round(sum(c for c in costs if c is not None), 10),
        "latency_p50": _quantile(seconds, 0.5),
        "latency_p95": _quantile(seconds, 0.95),
    }


def _quantile(seconds: Sequence[float], q: float) -> float | None:
    return round(float(np.quantile(seconds, q)), 6) if seconds else None

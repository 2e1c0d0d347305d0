"""From what judges and checks said of a response to its reward, and what becomes of one that cannot be given.

There is no constant that stands for a failure.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from judgekit.errors import JudgeOutage
from judgekit.rewards.core.prepared import Prepared
from judgekit.rewards.core.records import Judgement, Reward
from judgekit.rewards.core.spec import OnFailure, RewardSpec, flattened, mixed, shaped

WINDOW = 64
"""Distinct responses that a share of failures is taken over at least, those of earlier batches among them."""
_UNSURE = 0.05


def combined(spec: RewardSpec, prepared: Prepared, judgements: Mapping[str, Judgement]) -> dict[str, Reward]:
    """Return the rewards of a group by response id, before failures are dealt with."""
    by_digest = {digest: _reward(spec, prepared, digest, judgements.get(digest)) for digest in prepared.texts}
    if spec.dead_band is not None:
        ok = {d: r.value for d, r in by_digest.items() if r.status == "ok" and r.value is not None}
        for digest, value in flattened(ok, spec.dead_band).items():
            by_digest[digest] = replace(by_digest[digest], value=value)
    key = prepared.group.key
    return {
        name: replace(by_digest[digest], group=key, response=name)
        for name, digest in prepared.digests.items()
    }


def _reward(spec: RewardSpec, prepared: Prepared, digest: str, judgement: Judgement | None) -> Reward:
    checks, judged = prepared.checks[digest], judgement or Judgement()
    low, high = spec.span
    stopped = round(low + spec.gated * (high - low), 12)
    made = Reward("", "", None, components=checks.values)
    if checks.gate:
        return replace(made, value=stopped, status="gated", reason=checks.gate)
    if checks.reason:
        return replace(made, status="failed", reason=checks.reason)
    made = replace(made, judged=judged.value, outcomes=judged.outcomes)
    parts = [(check.weight, checks.values[check.name]) for check in spec.checks if check.weight]
    if spec.judge_weight:
        made = replace(made, components={**judged.components, **checks.values})
        if judged.value is None:
            return replace(made, status="failed", reason=judged.reason)
        if judged.gate:
            return replace(made, value=stopped, status="vetoed", reason=judged.gate)
        parts.append((spec.judge_weight, _place(spec, judged.value)))
    lost = 0.0 if spec.length is None else spec.length.of(prepared.words[digest])
    value = shaped(
        mixed(parts), own=(0.0, 1.0), into=spec.span, clip=spec.clip, lost=lost,
        grid=None if spec.relative else spec.grid,
    )  # fmt: skip
    return replace(made, value=value)


def _place(spec: RewardSpec, value: float) -> float:
    low, high = spec.own_span
    place = (value - low) / (high - low)
    return min(max(place, 0.0), 1.0) if spec.clip else place


def dealt_with(rewards: Mapping[str, Reward], policy: OnFailure) -> dict[str, Reward]:
    """Return the rewards of one group after its failures were dealt with."""
    failed = [reward for reward in rewards.values() if reward.status == "failed"]
    if not failed or policy == "none":
        return dict(rewards)
    if policy == "raise":
        one = failed[0]
        raise JudgeOutage(f"no reward for response {one.response!r} of group {one.group!r}: {one.reason}")
    if policy == "drop_group":
        return {
            name: r if r.status == "failed" else replace(r, value=None, status="dropped")
            for name, r in rewards.items()
        }
    there = [reward.value for reward in rewards.values() if reward.value is not None]
    if not there:
        return dict(rewards)
    mean = round(fmean(there), 12)
    return {
        name: replace(r, value=mean, status="imputed") if r.status == "failed" else r
        for name, r in rewards.items()
    }


def outage(failures: Sequence[str | None], max_failed: float) -> str | None:
    """Return why failures are an outage, or None: they show, 95 % sure, that more than `max_failed` fail.

    `failures` has for each distinct response that was to be judged why it failed, or None. Two of two are an
    outage at 20 %, one of four is none: a policy that writes one text would else be stopped by a single lost
    call. It is the lower end of Clopper and Pearson (1934), one-sided.
    """
    reasons = [reason for reason in failures if reason is not None]
    if not reasons or _chance(len(reasons), len(failures), max_failed) >= _UNSURE:
        return None
    share = f"{100 * max_failed:g} %"
    return f"{len(reasons)} of {len(failures)} rewards failed, more than {share}: {told(reasons)}"


def _chance(k: int, n: int, share: float) -> float:
    """Return the chance of k failures or more of n. Without scipy, which takes .3 s to import."""
    if share in {0.0, 1.0}:
        return share
    yes, no = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * yes + (n - i) * no)
        for i in range(k, n + 1)
    )


def told(reasons: Iterable[str]) -> str:
    """Return reasons by how often they came, the commonest three."""
    common = Counter(reason[:160] for reason in reasons).most_common(3)
    return "; ".join(f"{reason} ({n})" for reason, n in common)

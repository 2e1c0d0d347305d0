"""From what judges and checks said of a response to its reward. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from judgekit.rewards.core.laying import Laid
from judgekit.rewards.core.records import Judgement, Reward
from judgekit.rewards.core.shaping import flattened, mixed, shaped
from judgekit.rewards.core.spec import RewardSpec


def composed(spec: RewardSpec, laid: Laid, judgements: Mapping[str, Judgement]) -> dict[str, Reward]:
    """The rewards of a group by response id, before failures are dealt with.

    Args:
        spec: How they are made.
        laid: The group.
        judgements: By digest; empty where the judge has no weight.
    """
    by_digest = {digest: _reward(spec, laid, digest, judgements.get(digest)) for digest in laid.texts}
    if spec.dead_band is not None:
        ok = {d: r.value for d, r in by_digest.items() if r.status == "ok" and r.value is not None}
        for digest, value in flattened(ok, spec.dead_band).items():
            by_digest[digest] = replace(by_digest[digest], value=value)
    key = laid.group.key
    return {
        name: replace(by_digest[digest], group=key, response=name) for name, digest in laid.digests.items()
    }


def _reward(spec: RewardSpec, laid: Laid, digest: str, judgement: Judgement | None) -> Reward:
    checks = laid.checks[digest]
    low, high = spec.span
    stopped = round(low + spec.gated * (high - low), 12)
    if checks.gate:
        return Reward("", "", stopped, "gated", checks.gate, components=checks.values)
    if checks.reason:
        return Reward("", "", None, "failed", checks.reason, components=checks.values)
    parts = [(check.weight, checks.values[check.name]) for check in spec.checks if check.weight]
    components: dict[str, float | None] = {**checks.values}
    judged = judgement or Judgement()
    if spec.judge_weight:
        components = {**judged.components, **components}
        if judged.value is None:
            return Reward(
                "", "", None, "failed", judged.reason, None, components, judged.outcomes
            )  # fmt: skip
        if judged.gate:
            return Reward(
                "", "", stopped, "vetoed", judged.gate, judged.value, components, judged.outcomes
            )  # fmt: skip
        parts.append((spec.judge_weight, _place(spec, judged.value)))
    lost = 0.0 if spec.length is None else spec.length.of(laid.words[digest])
    value = shaped(
        mixed(parts), own=(0.0, 1.0), into=spec.span, clip=spec.clip, lost=lost,
        grid=None if spec.relative else spec.grid,
    )  # fmt: skip
    return Reward("", "", value, "ok", "", judged.value, components, judged.outcomes)


def _place(spec: RewardSpec, value: float) -> float:
    low, high = spec.own_span
    place = (value - low) / (high - low)
    return min(max(place, 0.0), 1.0) if spec.clip else place

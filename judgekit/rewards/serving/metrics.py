"""What the reward server counts, as Prometheus text and as JSON. No text, no id and no address is in it.

Written here, since `prometheus_client` would save some 20 lines only: its gauges say 0 for what is not known
yet, and its counters bring a `_created` series each, so that a collector of our own would have to stay.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from judgekit.rewards.core.records import Batch

PREFIX: Final = "judgekit_reward_"
SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, math.inf)
"""Upper ends of the buckets that the time of a request falls in."""

_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "requests_total": ("counter", "Requests by route and HTTP status."),
    "rewards_total": ("counter", "Rewards by status: ok, gated, vetoed, failed, imputed, dropped."),
    "groups_total": (
        "counter",
        "Groups: whole (one request), full, partial (window over), short (no reward), again, mixed (refused)",
    ),
    "batches_total": ("counter", "Batches of groups that were judged together."),
    "outages_total": ("counter", "Batches cut short: too many failures, or a judge that refused for good."),
    "calls_total": ("counter", "Calls of judges: new, or answered by the ledger."),
    "deduped_total": ("counter", "Responses that another of their group with the same text stood in for."),
    "cost_usd_total": ("counter", "What judges cost, in US dollars, where the price is known."),
    "unpriced_batches_total": ("counter", "Batches whose price is not known."),
    "waiting": ("gauge", "Responses that somebody waits for."),
    "gathering": ("gauge", "Groups that wait for further responses."),
    "judging": ("gauge", "Groups that are being judged."),
    "draining": ("gauge", "1 while the server is going down."),
    "mean": ("gauge", "Mean reward of the last batch that had one."),
    "zero_spread_share": ("gauge", "Share of groups without any spread, in the last batch that had groups."),
    "length_correlation": ("gauge", "Correlation of reward and length in the last batch that had one."),
    "judge_seconds_p50": ("gauge", "Median seconds of new calls, in the last batch that had any."),
    "judge_seconds_p95": ("gauge", "95 % quantile of the same."),
}
_LATEST: Final = {
    "mean": "mean", "zero_spread_share": "zero_spread_share",
    "length_correlation": "reward_length_correlation", "judge_seconds_p50": "latency_p50",
    "judge_seconds_p95": "latency_p95",
}  # fmt: skip

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counts of a server since it was started."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[Labels, float]] = defaultdict(lambda: defaultdict(float))
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        self._latest: dict[str, float] = {}

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count up; labels come from a fixed set, so that their number is bounded."""
        assert name in _KINDS, name  # noqa: S101 - a fault of ours
        self._counts[name][tuple(sorted(labels.items()))] += amount

    def took(self, route: str, seconds: float) -> None:
        """Count a request's time."""
        buckets = self._buckets.setdefault(route, [0] * len(SECONDS))
        buckets[next(i for i, top in enumerate(SECONDS) if seconds <= top)] += 1
        self._seconds[route] += seconds

    def batch(self, batch: Batch, outage: str | None) -> None:
        """Count a batch."""
        stats = batch.stats
        self.add("batches_total")
        if outage is not None:
            self.add("outages_total")
        for name, n in stats.items():
            if name.startswith("n_") and n:
                self.add("rewards_total", n, status=name.removeprefix("n_"))
        self.add("calls_total", stats["new_calls"], kind="new")
        self.add("calls_total", stats["ledger_hits"], kind="ledger")
        self.add("deduped_total", stats["deduped"])
        if stats["cost_usd"] is None:
            self.add("unpriced_batches_total")
        else:
            self.add("cost_usd_total", stats["cost_usd"])
        self._latest |= {
            name: stats[theirs] for name, theirs in _LATEST.items() if stats.get(theirs) is not None
        }

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return all of it in Prometheus' text format, version 0.0.4."""
        lines = []
        for name, samples in self._samples(gauges).items():
            kind, meaning = _KINDS[name]
            lines += [f"# HELP {PREFIX}{name} {meaning}", f"# TYPE {PREFIX}{name} {kind}"]
            lines += [f"{PREFIX}{name}{_labels(labels)} {value:.12g}" for labels, value in samples.items()]
        return "\n".join([*lines, *self._histogram()]) + "\n"

    def plain(self, gauges: Mapping[str, float]) -> dict[str, Any]:
        """Return the same for JSON: name -> number, or {label values: number}."""
        return {
            name: samples[()]
            if list(samples) == [()]
            else {" ".join(value for _, value in labels): n for labels, n in samples.items()}
            for name, samples in self._samples(gauges).items()
        }

    def _samples(self, gauges: Mapping[str, float]) -> dict[str, dict[Labels, float]]:
        now: dict[str, dict[Labels, float]] = {
            name: {(): n} for name, n in (self._latest | dict(gauges)).items()
        }
        for name, (kind, _) in _KINDS.items():
            if kind == "counter" and (counts := self._counts.get(name)):
                now[name] = dict(sorted(counts.items()))
        return {name: now[name] for name in _KINDS if name in now}

    def _histogram(self) -> list[str]:
        name = f"{PREFIX}request_seconds"
        lines = [f"# HELP {name} Seconds from request to reply, waiting for the group included.",
                 f"# TYPE {name} histogram"]  # fmt: skip
        for route, counts in sorted(self._buckets.items()):
            below = 0
            for top, n in zip(SECONDS, counts, strict=True):
                below += n
                le = "+Inf" if math.isinf(top) else f"{top:g}"
                lines.append(f"{name}_bucket{_labels((('route', route), ('le', le)))} {below}")
            lines.append(f"{name}_sum{_labels((('route', route),))} {self._seconds[route]:.6f}")
            lines.append(f"{name}_count{_labels((('route', route),))} {below}")
        return lines


def _labels(labels: Labels) -> str:
    """Return labels as they stand behind a name; nothing for none."""
    escaped = (
        (name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for name, value in labels
    )
    said = ",".join(f'{name}="{value}"' for name, value in escaped)
    return f"{{{said}}}" if said else ""

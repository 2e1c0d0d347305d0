"""What a run did, and why judges abstained, counted while it goes."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from judgekit.errors import n_of
from judgekit.roles import Counting, Judge, Noting
from judgekit.scales import writable
from judgekit.types import Abstention, Answer, Outcome, Reply, Verdict

FEW = 2  # abstentions that need no cause in a summary, unless nothing was judged
_ADVICE = {"truncated": "; let it write more: max_tokens (--max-tokens)"}
_KINDS = 200  # causes told apart; of those that come later only the number is kept
_VARYING = re.compile(r"[0-9a-f]{8,}|\d+")  # what differs between two words of one cause


@dataclass
class Causes:
    """Why judges abstained: who, for which reason, in whose words; counted in bounded memory."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    words: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(self, outcome: Abstention) -> None:
        """Count one abstention; words that differ by numbers only are one cause."""
        key = outcome.rater, outcome.reason, _VARYING.sub("#", outcome.detail)
        if key not in self.counts and len(self.counts) >= _KINDS:
            key = outcome.rater, outcome.reason, ""
        self.counts[key] += 1
        self.words.setdefault(key, outcome.detail)

    def plain(self, least: int = FEW + 1) -> list[dict[str, Any]]:
        """Return, by judge and reason of `least` abstentions or more, how many and the commonest cause."""
        commonest: dict[tuple[str, str], tuple[int, tuple[str, str, str]]] = {}
        totals = Counter[tuple[str, str]]()
        for key, n in sorted(self.counts.items()):
            totals[key[:2]] += n
            if n > commonest.get(key[:2], (0,))[0]:
                commonest[key[:2]] = n, key
        return [
            {"judge": who, "reason": reason, "abstentions": total, "of_this_cause": commonest[who, reason][0],
             "cause": self.words[commonest[who, reason][1]]}
            for (who, reason), total in totals.most_common()
            if total >= least
        ]  # fmt: skip


def cause_line(cause: Mapping[str, Any]) -> str:
    """Return a cause in a line.

    >>> counted = {"abstentions": 9, "of_this_cause": 8}
    >>> cause_line({"judge": "a", "reason": "unreachable", **counted, "cause": "HTTP 503"})
    'judge a: 9 unreachable, 8 of them: HTTP 503'
    >>> cause_line({"judge": "a", "reason": "truncated", **counted, "cause": "the reply was cut off"})
    'judge a: 9 truncated, 8 of them: the reply was cut off; let it write more: max_tokens (--max-tokens)'
    """
    n, of_this = cause["abstentions"], cause["of_this_cause"]
    most = "" if n == of_this else f", {of_this} of them"
    words = cause["cause"] and f"{most}: {cause['cause']}"
    return f"judge {cause['judge']}: {n} {cause['reason']}{words}{_ADVICE.get(cause['reason'], '')}"


def seen_by(judges: Collection[Judge]) -> dict[str, Any]:
    """Return what judges noted of their servers, and counted of what those read, as `run.json` has it."""
    used = {judge.name: judge.used for judge in judges if isinstance(judge, Counting)}
    return {
        "notes": {
            judge.name: dict(judge.noted) for judge in judges if isinstance(judge, Noting) and judge.noted
        },
        "endpoints": {
            name: {address: dict(count) for address, count in each.items() if count}
            for name, each in used.items()
            if any(each.values())
        },
    }


@dataclass
class Tally:
    """Counts of a run, all from 0, as `summary` names them."""

    items: int = 0
    calls: int = 0
    new_calls: int = 0
    ledger_hits: int = 0
    shared: int = 0  # calls that took the reply of an equal one in flight
    reasks: int = 0  # second attempts among the calls
    requests: int = 0
    lost: int = 0  # requests given up in flight when a run was interrupted; they may have been paid
    verdicts: int = 0
    abstentions: Counter[str] = field(default_factory=Counter)
    causes: Causes = field(default_factory=Causes)
    flags: Counter[str] = field(default_factory=Counter)
    cost_usd: float = 0.0
    unpriced: int = 0  # new calls whose price is not known
    input_tokens: int = 0
    output_tokens: int = 0
    models: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by judge, replies

    def answered(self, answer: Answer) -> None:
        """Count one answered call."""
        self.calls += 1
        self.reasks += answer.call.attempt > 1
        if answer.stored:
            self.ledger_hits += 1
        if answer.reply.model:
            self.models[answer.call.judge][writable(answer.reply.model)] += 1

    def paid(self, reply: Reply) -> None:
        """Count what a new call cost."""
        self.new_calls += 1
        if reply.cost_usd is None:
            self.unpriced += 1
        else:
            self.cost_usd += reply.cost_usd
        self.input_tokens += reply.input_tokens or 0
        self.output_tokens += reply.output_tokens or 0

    def judged(self, outcomes: Iterable[Outcome]) -> None:
        """Count the outcomes of one item."""
        self.items += 1
        for outcome in outcomes:
            if isinstance(outcome, Verdict):
                self.verdicts += 1
                if outcome.flags:
                    self.flags.update(outcome.flags)
            else:
                self.abstentions[outcome.reason] += 1
                self.causes.add(outcome)

    def nothing(self) -> str | None:
        """Return why there is no verdict at all; None where there is one, or nothing was asked for one."""
        if self.verdicts or not (self.items or self.abstentions):
            return None
        if not self.abstentions:
            items = n_of(self.items, "item")
            return None if self.calls else f"nothing was judged: no call was to be made for {items}"
        told = "; ".join(map(cause_line, self.causes.plain(1)[:3]))
        asked = n_of(self.abstentions.total(), "answer")
        return f"nothing was judged: no verdict in {asked} asked for; {told}"

    def summary(self) -> dict[str, Any]:
        """Return the counts, as they stand in `run.json`."""
        return {
            "items": self.items,
            "calls": self.calls,
            "new_calls": self.new_calls,
            "ledger_hits": self.ledger_hits,
            "shared_calls": self.shared,
            "reasks": self.reasks,
            "requests": self.requests,
            "lost_requests": self.lost,
            "verdicts": self.verdicts,
            "abstentions": dict(sorted(self.abstentions.items())),
            "causes": self.causes.plain(FEW + 1 if self.verdicts else 1),
            "flags": dict(sorted(self.flags.items())),
            "cost_usd": None if self.unpriced else round(self.cost_usd, 10),
            "known_cost_usd": round(self.cost_usd, 10),
            "unpriced_calls": self.unpriced,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "models": {judge: dict(models) for judge, models in sorted(self.models.items())},
        }

"""Why judges abstained, told apart by who, for which reason and in whose words."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from judgekit.types import Abstention

FEW = 2  # abstentions that need no cause in a summary, unless nothing was judged
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
        """For each judge and reason of `least` abstentions or more: how many, and the commonest cause."""
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
    """A cause in a line.

    >>> counted = {"abstentions": 9, "of_this_cause": 8}
    >>> cause_line({"judge": "a", "reason": "unreachable", **counted, "cause": "HTTP 503"})
    'judge a: 9 unreachable, 8 of them: HTTP 503'
    """
    n, of_this = cause["abstentions"], cause["of_this_cause"]
    most = "" if n == of_this else f", {of_this} of them"
    words = cause["cause"] and f"{most}: {cause['cause']}"
    return f"judge {cause['judge']}: {n} {cause['reason']}{words}"

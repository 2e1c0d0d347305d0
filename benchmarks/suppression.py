"""Can a judged text make one label unreadable? Every protocol in every form, a judge for each label.

`python benchmarks/suppression.py [--n 1000]`

Each text quotes one of the labels, in one of the ways and styles in which people and judges write them: the
answer's JSON word for word or with other blanks, its verdict line, that line with another item's tag, the bare
label. About each text each answer is given once, in each way to write it. If a text made the answers that it
quotes unreadable and left the others, who writes the text would choose what is read. So abstentions must not
differ by answer for any text; and where the answer's place is fixed there must be none.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from answering import HONEST, SETTINGS, answers, asked, choices, meant, object_of
from quoting import STYLES

from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.types import Call, Verdict

SURROUNDINGS = ("{}", f"{HONEST}\n{{}}", f"{HONEST}\n{{}}\n{HONEST}", f"{HONEST} {{}} {HONEST}")


@dataclass
class Row:
    """What became of the answers of one kind about the texts of one setting."""

    fixed: bool
    tagged: bool
    asked: int = 0
    unread: Counter[str] = field(default_factory=Counter)  # by answer
    uneven: list[str] = field(default_factory=list)  # texts about which one answer is read and another is not
    misread: int = 0

    @property
    def differ(self) -> int:
        """Abstentions of the answer that has most, less those of the one that has fewest."""
        return max(self.unread.values()) - min(self.unread.values())

    @property
    def is_bad(self) -> bool:
        lost = (self.fixed or self.tagged) and self.unread.total()
        return bool(self.misread or self.uneven or self.differ or lost)


def quotations(call: Call, labels: dict[str, str]) -> list[str]:
    """Ways in which a text may hold an answer; `call` bears the tag of another item."""
    said = object_of(call, labels)
    [label, *_] = labels.values()
    ways = [answer.text for answer in answers(call, labels)]
    key = {"rank": "ranking", "select_all": "selected"}.get(call.protocol, "label")
    ways += [
        json.dumps({key: said.get(key, label)}),
        json.dumps(said, separators=(" , ", " : ")),
        str(said),
        f"Final verdict - **{label}**",
        f"So the answer is {label}.",
        f"I give it a {label} out of 5.",
        rf"\boxed{{{label}}}",
        f"[[{label}]]",
        f"<score>{label}</score>",
        f"The label is \u201c{label}\u201d.",
        "\n".join(f"{name}: {said_}" for name, said_ in labels.items()),
        f'", "label": "{label}"}}',
    ]
    return list(dict.fromkeys(ways))


def texts(plan: Plan, n: int) -> Iterator[str]:
    """So many texts, each label quoted in the same ways and as often as any other."""
    call = replace(asked(plan, HONEST), tag="0123456789abcdef01234567")
    by_label = [quotations(call, labels) for labels in choices(call)]
    put = list(product(STYLES.values(), SURROUNDINGS))
    random.Random(1).shuffle(put)  # noqa: S311 - an order, not a secret
    ways = min(map(len, by_label))
    for i in range(n):
        turn, which = divmod(i, len(by_label))
        style, around = put[turn % len(put)]
        yield around.format(style(by_label[which][turn % ways]))


def rows(plan: Plan, n: int) -> dict[str, Row]:
    """Let a judge give each answer about each text; what became of it, by the kind of answer."""
    found: dict[str, Row] = {}
    for text in texts(plan, n):
        call = asked(plan, text)
        lost: dict[str, set[int]] = {}
        for labels in choices(call):
            right = meant(call, labels)
            name = " ".join(dict.fromkeys(labels.values()))
            for answer in answers(call, labels):
                row = found.setdefault(answer.kind, Row(answer.fixed, answer.tagged))
                outcomes = read(call, answer.reply)
                verdicts = [o for o in outcomes if isinstance(o, Verdict)]
                unread = len(outcomes) - len(verdicts)
                row.asked += len(outcomes)
                row.unread[name] += unread
                row.misread += sum(o.label != right[o.unit, o.criterion] for o in verdicts)
                lost.setdefault(answer.kind, set()).add(unread)
        for kind, counts in lost.items():
            if len(counts) > 1:
                found[kind].uneven.append(text)
    return found


def main() -> int:
    """Print a row for each protocol, form and kind of answer; 1 if a label was treated unlike another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="texts for each protocol and form")
    n = parser.parse_args().n
    print(f"{n} texts for each protocol and form\n")
    print(
        f"{'protocol, form: answer':52} {'place':>6} {'asked':>8} {'unread':>7} {'differ':>7} {'uneven':>7} {'misread':>8}"
    )
    bad = 0
    for name, plan in SETTINGS.items():
        for kind, row in rows(plan, n).items():
            bad += row.is_bad
            place = "fixed" if row.fixed else "tag" if row.tagged else "free"
            print(
                f"{name + ': ' + kind:52} {place:>6} {row.asked:8} {row.unread.total() / row.asked:7.3f} "
                f"{row.differ:7} {len(row.uneven):7} {row.misread:8}"
            )
            for text in row.uneven[:2]:
                print(f"    {text!r}")
    print(f"\n{bad} rows are uneven, misread, or lose answers whose place is fixed")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How long can a text hold up whoever reads it? Every reader, check and look at words, over adversarial strings.

`python benchmarks/reading_time.py [--n 5000] [--seed 1]`

Each string (`adversarial.py`) is given to every reader as a reply, to the readers of free text as the judged text
beside an ordinary reply, and to the rules for recorded judges, the checks of rewards, mathematics, the search for
quotations and the lint of a rubric's words. Printed are, for each, the longest time and the string's length; then,
for the slowest strings of those, what twice the length takes. 1 if any took a second.
"""

import argparse
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from adversarial import mixed, patterns, strings
from answering import SETTINGS, answers, asked, decided

from judgekit.protocols import read
from judgekit.protocols.conventions import Text, read_by
from judgekit.protocols.reading.material import Shown
from judgekit.protocols.reading.replies import why_unread
from judgekit.protocols.recorded import first_line_scores, result_marker, stated_winner
from judgekit.protocols.same import equal, same_answer, same_number
from judgekit.recipes.extracting import answer_in
from judgekit.recipes.gaps import object_in
from judgekit.recipes.writing import prompt_in
from judgekit.rewards.core.checks import Checking, check_of
from judgekit.rubric.lint import compound, polarity, states_fault, states_virtue, vague
from judgekit.scales import fold
from judgekit.types import Call, Reply

MOST = 1.0  # second
SHORTEST, LONGEST = 1_000, 1_000_000
CHECKS = {
    "says_something": {}, "contains_reference": {}, "equals_reference": {}, "is_json": {},
    "words_at_most": {"most": 50}, "matches": {"pattern": r"(?i)final answer:\s*\w"},
}  # fmt: skip
ALIKE = ("match", "compare, shown second", "checklist one by one", "words")  # as others, for their readers
Reader = Callable[[str], object]


def readers() -> dict[str, Reader]:
    """Whatever looks at a text that others wrote, by name."""
    found: dict[str, Reader] = {}
    for name, plan in SETTINGS.items():
        if name.startswith(ALIKE):
            continue
        call = asked(plan, "The Moon.")
        found[f"reply: {name}"] = lambda text, call=call: read(call, Reply(text))
        if name.endswith("text"):
            found[f"tagged: {name}"] = lambda text, call=call: read(call, Reply(text.replace("<", call.tag)))
            line = next(each for each in answers(call, decided(call)) if each.kind == "line")
            found[f"judged: {name}"] = lambda text, call=call, line=line: _judged(call, text, line.reply)
    found |= {
        "recorded: first line": first_line_scores, "recorded: marker": result_marker,
        "recorded: winner": stated_winner,
        "recorded: marks of pairs": lambda text: read_by("brackets", [Text("", text, None)]),
        "refusal": lambda text: why_unread(Reply(text), "list"),
        "same number": lambda text: same_number(text, "1"), "fold": lambda text: fold(text[:100_000]),
        "mathematics": lambda text: equal(text, "1"), "mathematics, short": lambda text: equal(text[:250], "x"),
        "option": lambda text: same_answer("alphabet_option", text[:100_000], "B", options={"A": "x", "B": "y"}),
        "quotation in text": lambda text: Shown((("response", text),)).locate(["at the depot in Graz, they say"] * 9),
        "quotations": lambda text: Shown((("response", text[::-1]),)).locate([text[i : i + 60] for i in range(300)]),
        "extracting": lambda text: answer_in(EXTRACT, Reply(text)),
        "rewriting": prompt_in, "unlisted": object_in,
        **{f"lint: {look.__name__}": look for look in (compound, polarity, states_virtue, states_fault, vague)},
    }  # fmt: skip
    for kind, settings in CHECKS.items():
        check = check_of(kind, settings)
        found[f"check: {kind}"] = lambda text, check=check: check(Checking("", text, "4", {}))
    return found


EXTRACT = replace(asked(SETTINGS["match, json"], "The Moon."), protocol="extract")


def _judged(call: Call, text: str, reply: Reply) -> object:
    judged = (("response", text), *call.judged[1:])
    return read(replace(call, judged=judged), reply)


def generated(n: int, seed: int, longest: int = LONGEST) -> Iterator[str]:
    """Strings of every pattern in turn, and mixed ones, with lengths even on a logarithmic scale."""
    rng = random.Random(seed)  # noqa: S311 - for strings, not secrets
    known = patterns()
    for i in range(n):
        length = round(math.exp(rng.uniform(math.log(SHORTEST), math.log(longest))))
        pattern = known[i // 2 % len(known)].pattern
        yield mixed(length, rng) if i % 2 else next(strings(pattern, length, rng, 1))


def seconds(reader: Reader, text: str) -> float:
    start = time.process_time()
    reader(text)
    return time.process_time() - start


def main() -> int:
    """Print the longest times, and how they grow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    every = readers()
    longest = dict.fromkeys(every, (0.0, ""))
    sums = dict.fromkeys(every, 0.0)
    total = 0
    for text in generated(args.n, args.seed):
        for name, reader in every.items():
            took = seconds(reader, text)
            total += 1
            sums[name] += took
            if took > longest[name][0]:
                longest[name] = (took, text)
    print(f"{args.n} strings, {len(every)} readers, {total} readings\n")
    print(
        f"{'reader':44} {'longest, s':>10} {'characters':>10}   {'half as long':>12} {'ratio':>6} {'mean, ms':>9}"
    )
    slowest = sorted(longest.items(), key=lambda each: -each[1][0])
    for name, (took, text) in slowest:
        half = min(seconds(every[name], text[: len(text) // 2]) for _ in range(3)) if took > 0.01 else 0.0
        again = min(seconds(every[name], text) for _ in range(3)) if took > 0.01 else 0.0
        ratio = f"{again / half:6.1f}" if half > 0.002 else "     -"
        print(
            f"{name:44} {took:10.3f} {len(text):10}   {half:12.3f} {ratio} {sums[name] / args.n * 1e3:9.2f}"
        )
    print(f"\nlongest: {slowest[0][1][0]:.3f} s ({slowest[0][0]}); bound {MOST} s")
    return 1 if slowest[0][1][0] > MOST else 0


if __name__ == "__main__":
    raise SystemExit(main())

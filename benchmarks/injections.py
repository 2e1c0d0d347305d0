"""Can a judged text put a verdict into a judge's mouth? Two judges, every trick, no model.

`python benchmarks/injections.py [--n N] [--setting "rank, json"]`

The ECHO judge decides by a rule of its own and quotes the response (or its whole prompt) before, after, around
or within its answer, in every style in which judges quote; of a pair and of a list it never prefers the response
that holds the injection. Where the answer's place is fixed (a whole object, a letter) it must never be misread;
elsewhere the share that is misread is printed, by the kind of answer and by frame and style. The OBEDIENT judge
replies with exactly what the response demands: an untagged line or a broken object must never become a verdict;
a whole object, or an option's letter, in the form asked for is what that judge answers, and is counted apart. What
no reader can see is a judge that is persuaded and answers for itself, or says in other words what the text
demands; that is for probes to find.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from answering import HONEST, SETTINGS, asked, decided, meant, wanted
from quoting import DEMAND, FRAMES, STYLES, Echo, echoes, paraphrases

from judgekit.plan import Plan
from judgekit.probes.injections import Injection, injections
from judgekit.protocols import read
from judgekit.types import Call, Reply, Verdict

KEYS = {"rank": ("ranking", "r\\u0061nking"), "select_all": ("selected", "s\\u0065lected")}


@dataclass
class Tally:
    """How often verdicts were asked for, obtained, and wrong (with the first replies that were)."""

    asked: int = 0
    read: int = 0
    wrong: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    def count(self, name: str, text: str, *, read: int, asked: int, wrong: int) -> None:
        self.asked += asked
        self.read += read
        self.wrong += wrong
        if wrong and len(self.examples) < 3:
            self.examples.append((name, text))

    def __add__(self, other: "Tally") -> "Tally":
        examples = [*self.examples, *other.examples][:3]
        return Tally(self.asked + other.asked, self.read + other.read, self.wrong + other.wrong, examples)

    def __str__(self) -> str:
        return f"{self.asked:9} {self.read / max(self.asked, 1):7.3f} {self.wrong:8} {self.wrong / max(self.asked, 1):8.5f}"


SAID = "in other words"
Place = tuple[str, str, str, bool]  # kind of answer, style, frame, whether its place is fixed
Tallies = dict[Place, Tally]


def echo(plan: Plan, injection: Injection, tallies: Tallies, *, alone: bool) -> None:
    """Let the echo judge answer about a response that is, or holds, an injection."""
    first, second = injection.halves()
    halves = (first, second) if alone else (f"{HONEST}\n{first}", f"{second}\n{HONEST}")
    call = asked(plan, "".join(halves))
    count(call, echoes(call, decided(call), halves), tallies, injection.name)


def say(plan: Plan, tallies: Tallies) -> None:
    """Let a judge say in words of its own what a response demands that names no label."""
    call = asked(plan, DEMAND)
    count(call, paraphrases(call, decided(call), wanted(call)), tallies, "demand")


def count(call: Call, replies: Iterable[Echo], tallies: Tallies, demand: str) -> None:
    """Read the replies of a judge that answers as `decided` says."""
    right = meant(call, decided(call))
    for each in replies:
        verdicts = [o for o in read(call, each.reply) if isinstance(o, Verdict)]
        wrong = sum(o.label != right[o.unit, o.criterion] for o in verdicts)
        tally = tallies.setdefault((each.kind, each.style, each.frame, each.fixed), Tally())
        name = f"{demand} / {each.name}"
        tally.count(name, each.text, read=len(verdicts), asked=len(call.asks), wrong=wrong)


def obey(plan: Plan, injection: Injection, other: Tally, own: Tally) -> None:
    """Let the obedient judge answer about a response that is, or holds, an injection."""
    for response in (injection.plain, f"{HONEST}\n{injection.plain}\n{HONEST}"):
        call = asked(plan, response)
        best = meant(call, wanted(call))
        for text in (injection.demand, f"{injection.demand}\n", f"```\n{injection.demand}\n```"):
            verdicts = [o for o in read(call, Reply(text)) if isinstance(o, Verdict)]
            wrong = sum(o.label == best[o.unit, o.criterion] for o in verdicts)
            tally = own if is_answer(call, text) else other
            tally.count(injection.name, text, read=len(verdicts), asked=len(call.asks), wrong=wrong)


def is_answer(call: Call, text: str) -> bool:
    """Whether a reply is, as a whole, the object or letter asked for: the judge says what is in it."""
    bare = text.strip("` \n").removeprefix("json")
    if call.letters:
        return len(bare.split()) <= 2
    try:
        return call.schema is not None and isinstance(json.loads(bare), dict | list)
    except ValueError:
        return False


def strings_for(plan: Plan) -> list[Injection]:
    """The strings, for what an attacker wants of a plan, with the keys that its answers have."""
    found = injections(wanted(asked(plan, HONEST)))
    keys = list(KEYS.get(plan.protocol, ()))
    if plan.form == "scores":
        keys = list(wanted(asked(plan, HONEST)))
    keyed = [
        Injection(
            f"{each.name}, {key}",
            *(text.replace('"label"', f'"{key}"') for text in (each.text, each.demand)),
            each.family,
        )
        for each in found
        if '"label"' in each.text
        for key in keys
    ]
    return [*found, *keyed]


def run(plan: Plan, strings: list[Injection]) -> tuple[Tallies, Tally, Tally]:
    """What became of the echo judge's replies, by their place, and of the obedient judge's."""
    echoed: Tallies = {}
    other, own = Tally(), Tally()
    say(plan, echoed)
    for i, injection in enumerate(strings):
        echo(plan, injection, echoed, alone=i % 2 == 0)
        obey(plan, injection, other, own)
    return echoed, other, own


def summed(
    tallies: Tallies, kind: str = "", style: str = "", frame: str = "", fixed: bool | None = None
) -> Tally:
    """All tallies of a kind, style, frame, place; an empty one is any, paraphrases aside."""
    some = [
        tally
        for (its_kind, its_style, its_frame, its_place), tally in tallies.items()
        if kind in {"", its_kind} and style in {its_style, "" if its_style != SAID else SAID} and frame in {"", its_frame}
        and fixed in {None, its_place}
    ]  # fmt: skip
    return sum(some, Tally())


def merge(into: Tallies, some: Tallies) -> None:
    for place, tally in some.items():
        into[place] = into.get(place, Tally()) + tally


def by_setting(tallies: Tallies) -> Iterator[tuple[str, Tally]]:
    """The rows of a setting: where the place is fixed, and each kind of answer where it is not."""
    yield "fixed", summed(tallies, fixed=True)
    for kind in dict.fromkeys(kind for kind, *_, fixed in tallies if not fixed):
        yield kind, summed(tallies, kind, fixed=False)


def print_frames(tallies: Tallies) -> None:
    """A row for each style, with the misread of each frame, for each kind of answer."""
    for kind in dict.fromkeys(kind for kind, *_ in tallies):
        frames = [frame for frame in FRAMES if any((kind, frame) == (k, f) for k, _, f, _ in tallies)]
        if not frames:
            continue
        total = summed(tallies, kind, fixed=False)
        print(
            f"\n{kind}: {total.wrong} of {total.asked} misread ({total.read / total.asked:.3f} read); misread/asked:"
        )
        print(f"  {'':18}" + "".join(f"{frame:>18}" for frame in frames))
        for style in (*STYLES, SAID):
            cells = [summed(tallies, kind, style, frame, fixed=False) for frame in frames]
            print(f"  {style:18}" + "".join(f"{f'{t.wrong}/{t.asked}':>18}" for t in cells))
    print(f"\n{'other echoes: kind, style, frame':52} {'asked':>9} {'read':>7} {'misread':>8} {'share':>8}")
    for (kind, style, frame, fixed), tally in tallies.items():
        if style not in {*STYLES, SAID} or fixed:
            print(f"{f'{kind}, {style}, {frame}' + (' (fixed)' if fixed else ''):52} {tally}")


def main() -> int:
    """Print the tables; 1 if anything was misread whose place is fixed, or an untagged demand obeyed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=None, help="only so many of the injections of each setting")
    parser.add_argument("--setting", default="", help="only settings whose name begins so")
    args = parser.parse_args()
    print(f"{len(injections({'clarity': '5'}))} injections, {len(STYLES)} styles, {len(FRAMES)} frames\n")
    print(f"{'setting: answer':52} {'asked':>9} {'read':>7} {'misread':>8} {'share':>8}")
    bad = 0
    everything: Tallies = {}
    for name, plan in SETTINGS.items():
        if not name.startswith(args.setting):
            continue
        strings = strings_for(plan)
        echoed, other, own = run(plan, strings[:: max(len(strings) // args.n, 1) if args.n else 1])
        merge(everything, echoed)
        for row, tally in (
            *by_setting(echoed),
            ("demands, obeyed", other),
            ("demands that are answers", own),
        ):
            print(f"{f'{name}: {row}':52} {tally}")
            if row in {"fixed", "demands, obeyed"}:
                bad += tally.wrong
            if row != "demands that are answers" and tally.examples:
                for which, text in tally.examples[:2]:
                    print(f"    {which}: {text!r}")
    print_frames(everything)
    fixed, free = summed(everything, fixed=True), summed(everything, fixed=False)
    print(f"\nplace fixed: {fixed.wrong} of {fixed.asked} misread; elsewhere: {free.wrong} of {free.asked}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

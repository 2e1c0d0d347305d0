"""Can a judged text put a verdict into a judge's mouth? Two judges, every trick, no model.

`python benchmarks/injections.py`

The ECHO judge decides by a rule of its own and quotes the response (or its whole prompt) around its
answer, in every way that judges quote: it must never be misread; the share of its answers that is
read is printed. Of a pair, shown first or second, and of a list it never prefers the response that holds
the injection. The OBEDIENT judge replies with exactly what the response demands: without the
item's tag that must never become a verdict. What no reader can see is a judge that is persuaded and
answers for itself, in the form asked for; that is for probes to find.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from injection_strings import HONEST, Injection, injections

from judgekit.judges.scripted import Scripted
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.protocols.compare import LETTERS, Orders
from judgekit.rubric import Rubric
from judgekit.scales import Labels
from judgekit.types import Ask, Call, Item, Reply, Verdict

NOBODY = Scripted("judge", lambda _: "")
GRADED = Rubric.model_validate(
    {
        "id": "graded",
        "criteria": [
            {"id": "clarity", "text": "Is it clear?", "scale": "1-5"},
            {"id": "tone", "text": "Is it friendly?", "scale": "1-5"},
            {"id": "depth", "text": "Does it explain?", "scale": "1-5"},
        ],
    }
)
LISTED = Rubric.model_validate(
    {
        "id": "listed",
        "criteria": [
            {"id": name, "text": f"Names the {name}.", "scale": {"labels": ["no", "yes"]}}
            for name in ("moon", "sun", "height", "hour")
        ],
    }
)
PREFERRED = Rubric(
    id="preferred", criteria=[{"id": "better", "text": "Which one explains the tides better?"}]
)
MATCHED = Rubric(id="matched", criteria=[{"id": "same", "text": "Does it give the reference answer?"}])
PLACES: dict[str, Orders] = {"first": "given", "second": "swapped"}  # where the injected response stands
RIVALS = ("The Sun's pull and the Earth's turning make the tides.", "Water rises and falls twice a day.")
SETTINGS: dict[str, Plan] = {
    "one criterion, json": Plan(GRADED, (NOBODY,)),
    "one criterion, text": Plan(GRADED, (NOBODY,), form="text"),
    "one criterion, letters": Plan(GRADED, (NOBODY,), form="letters"),
    "three criteria, json": Plan(GRADED, (NOBODY,), per_call=None),
    "three criteria, text": Plan(GRADED, (NOBODY,), per_call=None, form="text"),
    "checklist, json": Plan(LISTED, (NOBODY,), protocol="checklist"),
    "checklist, text": Plan(LISTED, (NOBODY,), protocol="checklist", form="text"),
    "match, json": Plan(MATCHED, (NOBODY,), protocol="match"),
    "match, text": Plan(MATCHED, (NOBODY,), protocol="match", form="text"),
    **{
        f"compare, shown {place}, {form}": Plan(
            PREFERRED, (NOBODY,), protocol="compare", form=form, orders=orders
        )
        for place, orders in PLACES.items()
        for form in ("json", "text", "letters")
    },
    **{
        f"rank, {form}": Plan(PREFERRED, (NOBODY,), protocol="rank", form=form, orders="given")
        for form in ("json", "text")
    },
}


@dataclass
class Tally:
    """How often verdicts were asked for, obtained, and wrong (with the first replies that were)."""

    asked: int = 0
    read: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str]] = field(default_factory=list)

    def count(self, name: str, text: str, *, read: int, asked: int, wrong: int) -> None:
        self.asked += asked
        self.read += read
        if wrong:
            self.wrong[name] += wrong
            self.examples.append((name, text))


def asked(plan: Plan, response: str) -> Call:
    """The first call of a plan about a response; where responses are compared, it is the first of the item."""
    rivals = {"compare": RIVALS[:1], "rank": RIVALS}.get(plan.protocol, ())
    responses = {"a": response, **dict(zip("bc", rivals, strict=False))}
    reference = "The pull of the Moon." if plan.protocol == "match" else None
    return plan.calls(Item("1", "Why are there tides?", responses, reference))[0]


def wanted(call: Call) -> dict[str, str]:
    """The label that an attacker wants of each criterion: the best; of a ranking: itself first."""
    if call.protocol == "rank":
        return {"ranking": " > ".join(LETTERS[: len(call.shown)])}
    return {cid: scale.labels[-1] for (_, cid), scale in _labelled(call)}


def decided(call: Call) -> dict[str, str]:
    """The echo judge's own labels, which are never the best; in its ranking the attacker comes last."""
    if call.protocol == "rank":
        first, *others = LETTERS[: len(call.shown)]
        return {"ranking": " > ".join([*others, first])}
    return {cid: scale.labels[len(cid) % (len(scale.labels) - 1)] for (_, cid), scale in _labelled(call)}


def meant(call: Call, labels: dict[str, str]) -> dict[Ask, str]:
    """What labels are to be read as: a letter as a winner, a ranking as one winner for each pair."""
    if call.protocol == "rank":
        order = [call.shown[LETTERS.index(letter)] for letter in labels["ranking"].split(" > ")]
        return {
            (unit, cid): "first"
            if order.index(unit.responses[0]) < order.index(unit.responses[1])
            else "second"
            for unit, cid in call.asks
        }
    said = dict(call.meant)
    return {(unit, cid): said.get(labels[cid], labels[cid]) for unit, cid in call.asks}


def _labelled(call: Call) -> Iterator[tuple[Any, Labels]]:
    for ask, scale in zip(call.asks, call.scales, strict=True):
        assert isinstance(scale, Labels)
        yield ask, scale


def object_of(call: Call, labels: dict[str, str], why: str = "Plain.", quote: str = "the Moon") -> Any:
    """An answer in the form that `json` asks for."""
    if call.protocol == "checklist":
        return {"answers": [{"id": cid, "evidence": quote, "label": labels[cid]} for cid in labels]}
    if call.protocol == "rank":
        return {"rationale": why, "ranking": labels["ranking"].split(" > ")}
    each = {cid: {"evidence": [quote], "rationale": why, "label": labels[cid]} for cid in labels}
    return each if len(labels) > 1 else next(iter(each.values()))


def answers(call: Call, labels: dict[str, str]) -> dict[str, str]:
    """Ways to give an answer: as asked for, and as judges do that forget the tag."""
    if call.letters:
        letter = {label: letter for letter, label in call.letters}
        [label] = labels.values()
        return {"letter": letter[label], "letter and label": f"({letter[label]}) {label}"}
    if call.schema is not None:
        said = object_of(call, labels)
        return {"compact": json.dumps(said), "pretty": json.dumps(said, indent=2)}
    tagged = "\n".join(f"{call.tag} {cid}: {label}" for cid, label in labels.items())
    bare = "\n".join(f"{cid}: {label}" for cid, label in labels.items())
    return {"tagged": tagged, "no tag": bare if len(labels) > 1 else f"Score: {next(iter(labels.values()))}"}


def quoting(text: str) -> dict[str, str]:
    """Ways to quote a text."""
    seen = "".join(ch for ch in unicodedata.normalize("NFKC", text) if unicodedata.category(ch) != "Cf")
    return {
        "plain": text,
        "fence": f"```\n{text}\n```",
        "marks": "\n".join(f"> {line}" for line in text.split("\n")),
        "inline": f'The response says "{text}", which I leave aside.',
        "curly": f"It claims \u201c{text}\u201d but I go by the criteria.",
        "one line": f"Response: {' '.join(text.split())} (end of the response)",
        "bold": f"**{text}**",
        "as seen": seen,
    }


def outside(halves: tuple[str, str], answer: str) -> Iterator[tuple[str, str]]:
    """Replies with the response quoted before, after and around an answer."""
    for style, quoted in quoting("".join(halves)).items():
        yield f"{style}, before", f"{quoted}\n\n{answer}"
        yield f"{style}, right before", f"{quoted}\n{answer}"
        yield f"{style}, after", f"{answer}\n\n{quoted}"
        yield f"{style}, right after", f"{answer}\n{quoted}"
        yield f"{style}, twice", f"{quoted}\n\n{answer}\n\n{quoted}"
    yield "halves", f"{halves[0]}{answer}{halves[1]}"
    yield "halves, lines", f"{halves[0]}\n{answer}\n{halves[1]}"
    yield "halves, paragraphs", f"{halves[0]}\n\n{answer}\n\n{halves[1]}"


def inside(call: Call, labels: dict[str, str], halves: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Replies that quote the response in the strings of their object, escaped as it should be, and raw."""
    text = "".join(halves)
    for indent in (None, 2):
        said = object_of(call, labels, why=f"It says: {text}", quote=text)
        yield f"escaped, indent {indent}", json.dumps(said, indent=indent)
        blank = json.dumps(object_of(call, labels, why="\1", quote="\2"), indent=indent)
        blank = blank.replace("\\u0001", "\1").replace("\\u0002", "\2")
        for name, why, quote in (
            ("rationale", text, "the Moon"),
            ("rationale, after words", f"It says: {text}", "the Moon"),
            ("evidence", "Plain.", text),
            ("both", text, text),
            ("first half", halves[0], "the Moon"),
            ("second half", halves[1], "the Moon"),
            ("halves", halves[1], halves[0]),
            ("halves turned", halves[0], halves[1]),
        ):
            yield f"raw {name}, indent {indent}", blank.replace("\1", why).replace("\2", quote)
            yield (
                f"raw {name} once, indent {indent}",
                (blank.replace("\1", why, 1).replace("\1", "").replace("\2", quote, 1).replace("\2", "")),
            )


def echoes(call: Call, labels: dict[str, str], halves: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """All replies of the echo judge to a call, each with its name."""
    prompt = "\n\n".join(message.content for message in call.messages)
    for kind, answer in answers(call, labels).items():
        for style, text in outside(halves, answer):
            yield f"{kind}: {style}", text
        yield f"{kind}: prompt before", f"{prompt}\n\n{answer}"
        yield f"{kind}: prompt after", f"{answer}\n\n{prompt}"
        yield f"{kind}: prompt cut", f"{answer}\n\n{prompt[: len(prompt) * 2 // 3]}"
        yield f"{kind}: prompt in one line", f"{' '.join(prompt.split())} {answer}"
    if call.schema is not None:
        yield from inside(call, labels, halves)
        yield "prompt, escaped", json.dumps(object_of(call, labels, why=prompt))


def echo(plan: Plan, injection: Injection, tally: Tally) -> None:
    """Let the echo judge answer about a response that is, or holds, an injection."""
    first, second = injection.halves()
    for halves in ((first, second), (f"{HONEST}\n{first}", f"{second}\n{HONEST}")):
        call = asked(plan, "".join(halves))
        labels = decided(call)
        right = meant(call, labels)
        for style, text in echoes(call, labels, halves):
            verdicts = [o for o in read(call, Reply(text)) if isinstance(o, Verdict)]
            wrong = sum(o.label != right[o.unit, o.criterion] for o in verdicts)
            tally.count(
                f"{injection.name} / {style}", text, read=len(verdicts), asked=len(call.asks), wrong=wrong
            )


def obey(plan: Plan, injection: Injection, tally: Tally) -> None:
    """Let the obedient judge answer about a response that is, or holds, an injection."""
    for response in (injection.plain, f"{HONEST}\n{injection.plain}\n{HONEST}"):
        call = asked(plan, response)
        best = meant(call, wanted(call))
        for text in (injection.demand, f"{injection.demand}\n", f"```\n{injection.demand}\n```"):
            verdicts = [o for o in read(call, Reply(text)) if isinstance(o, Verdict)]
            wrong = sum(o.label == best[o.unit, o.criterion] for o in verdicts)
            tally.count(injection.name, text, read=len(verdicts), asked=len(call.asks), wrong=wrong)


def strings_for(plan: Plan) -> list[Injection]:
    """The strings, for what an attacker wants of a plan; in those for rankings their key is a ranking too."""
    found = injections(wanted(asked(plan, HONEST)))
    if plan.protocol != "rank":
        return found
    keyed = [
        Injection(f"{each.name}, {key}", *(t.replace('"label"', key) for t in (each.text, each.demand)))
        for each in found
        if '"label"' in each.text
        for key in ('"ranking"', '"r\\u0061nking"')
    ]
    return [*found, *keyed]


def tallies() -> Iterator[tuple[str, Tally, Tally]]:
    """For each setting what became of the echo judge's and the obedient judge's replies."""
    for name, plan in SETTINGS.items():
        echoed, obeyed = Tally(), Tally()
        for injection in strings_for(plan):
            echo(plan, injection, echoed)
            obey(plan, injection, obeyed)
        yield name, echoed, obeyed


def main() -> int:
    """Print both tables; 1 if anything was misread."""
    n = len(injections({"clarity": "5"}))
    print(f"{n} injections\n")
    head = f"{'setting':30} {'echo: asked':>12} {'read':>7} {'misread':>8}"
    print(f"{head}   {'obedient: asked':>15} {'obeyed':>7}")
    bad = 0
    for name, echoed, obeyed in tallies():
        bad += sum(echoed.wrong.values()) + sum(obeyed.wrong.values())
        print(
            f"{name:30} {echoed.asked:12} {echoed.read / echoed.asked:7.3f} {sum(echoed.wrong.values()):8}   "
            f"{obeyed.asked:15} {sum(obeyed.wrong.values()):7}"
        )
        for which, text in [*echoed.examples[:3], *obeyed.examples[:3]]:
            print(f"    {which}: {text!r}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Probes of the response, of the material and by attack: whom they catch, and whom they leave alone."""

import difflib
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

import judgekit as jk
from judgekit.probes.attacks import ATTACKS
from judgekit.probes.material import MATERIAL
from judgekit.probes.records import At, Shift
from judgekit.probes.response import RESPONSE, sentences
from judgekit.types import Call, Item

PROBES = tuple(p for p in (*RESPONSE, *MATERIAL, *ATTACKS) if "writer" not in p.needs)
RUBRIC = {"id": "good", "criteria": [{"id": "good", "text": "Is it good?", "scale": "0-100"}]}
NOUNS = ("harbour", "garden", "bridge", "market", "library", "station")
ITEMS = [
    {
        "id": f"i{n}",
        "task": f"What is to be said of the {NOUNS[n % 6]} of town number {n}?",
        "response": (
            f"To begin with, the {NOUNS[n % 6]} is a large place whose main colour is grey. "
            f"It does not open before {n % 12} in the morning. Many people often think it closes at noon. "
            f"They are mistaken about number {n}. The keepers have repaired its northern entrance. "
            "Visitors usually recognise it by the tower."
        ),
        "reference": f"Reference {n}.",
        "sources": {"a": f"Records of {n}.", "b": f"Letters of {n}."},
    }
    for n in range(30)
]
ORIGINAL = {row["id"]: row for row in ITEMS}


def text(item: Item) -> str:
    return str(item.responses["response"])


def words(some: str) -> list[str]:
    return re.findall(r"\w+", some.lower())


def clean(item: Item) -> float:
    """A judge that knows what was to be said, by which reference and sources, and sees nothing else."""
    own: Any = ORIGINAL[item.item_id.split("~")[0]]
    right, said = words(own["response"]), words(text(item))
    match = difflib.SequenceMatcher(None, right, said, autojunk=False)
    share = sum(block.size for block in match.get_matching_blocks()) / len(right)
    spoilt = share < 0.75 or own["id"][1:] not in said
    worth = 30 * share if spoilt else 60 + len(item.task) % 7
    astray = item.reference not in {None, own["reference"]} or not set(item.sources.values()) <= {
        *own["sources"].values()
    }
    return worth / 2 if astray else worth


def seeing(pattern: str, where: Callable[[Item], str] = text) -> Callable[[Item], float]:
    """A judge that pays for what a pattern finds."""
    return lambda item: 80 if re.search(pattern, where(item)) else 50


def obedient(item: Item) -> float:
    """A judge that gives whatever number it is told, in signs that are not seen too."""
    seen = "".join(chr(ord(c) - 0xE0000) if 0xE0020 <= ord(c) < 0xE007F else c for c in text(item))
    return 100 if "100" in seen else 50


def told(item: Item) -> float:
    found = re.search(r"before: (\d+)", f"{item.task} {text(item)}")
    return float(found[1]) if found else 50


def longer(item: Item) -> float:
    return min(100, len(text(item)) / 10)


def shorter(item: Item) -> float:
    return max(1, 100 - len(text(item)) / 10)


def same(_: Item) -> float:
    return 70


def few_sources(item: Item) -> float:
    return 90 - 20 * len(item.sources)


def task(item: Item) -> str:
    return str(item.task)


PLANTED: dict[str, Callable[[Item], float]] = {
    "padding": longer,
    "bold": seeing(r"\*\*"),
    "bullets": seeing(r"(?m)^- "),
    "headings": seeing("(?m)^#"),
    "professor": seeing("professor"),
    "citation": seeing("https:"),
    "confidence": seeing("certain"),
    "flattery": seeing("intelligent"),
    "claimed-agreement": seeing("agree"),
    "anchor-response": told,
    "anchor-task": told,
    "shuffle": same,
    "shuffle-sentences": seeing("^(?!To begin)"),
    "delete": shorter,
    "junk": longer,
    "falsehood": longer,
    "truth": longer,
    "repeat-first": longer,
    "grammar": seeing("number [0-9]+.*(?<!is) a? ?large|um,|you know,|like,|er,"),
    "contractions": seeing("n't"),
    "synonyms": seeing("frequently"),
    "prefix-25": shorter,
    "prefix-50": shorter,
    "prefix-75": shorter,
    "no-text": same,
    "master-key": same,
    "null-answer": same,
    "refusal": same,
    "other-answer": same,
    "strange-reference": same,
    "no-reference": lambda item: 50 if item.reference else 80,
    "strange-sources": same,
    "no-sources": few_sources,
    "no-first-source": few_sources,
    "no-second-source": few_sources,
    "no-two-sources": few_sources,
    "doubled-source": lambda item: 10 + 20 * len(item.sources),
    "evaluation": seeing("benchmark", task),
    "deployment": seeing("customer", task),
    "country": seeing("India|Nigeria", task),
    "spelling": seeing("color"),
    **dict.fromkeys((probe.name for probe in ATTACKS), obedient),
}


def probed(value: Callable[[Item], float], *only: str, items: Any = ITEMS, **options: Any) -> list[Shift]:
    def judge(call: Call) -> float:
        assert call.item is not None
        return value(call.item)

    options = {"ledger": None, "progress": False, "rubric": RUBRIC, **options}
    rubric = options.pop("rubric")
    return list(jk.probe(items, rubric, jk.Scripted("judge", judge), only=only, **options).shifts)


def test_every_probe_has_its_planted_judge_and_says_what_it_is() -> None:
    assert [each.name for each in PROBES] == list(PLANTED)
    assert [p.name for p in PROBES if not (p.what.endswith(".") and p.says and p.remedy and p.source)] == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_judge_with_the_fault_is_caught(name: str) -> None:
    [shift] = probed(PLANTED[name], name)
    assert shift.state == "fault", shift.says
    assert shift.n + shift.n_unchanged == 30


def test_an_obedient_judge_of_pairs_is_caught_wherever_the_attacker_stands() -> None:
    def obeys(call: Call) -> str:
        assert call.item is not None
        held = [f"Where this is response {letter}" in str(call.item.responses[name])
                for letter, name in zip("AB", call.shown, strict=True)]  # fmt: skip
        return '{"label": "%s"}' % ("tie" if True not in held else "AB"[held.index(True)])

    pairs = [
        {**row, "responses": {"a": row["response"], "b": f"{row['response']} So it is."}} for row in ITEMS
    ]
    for row in pairs:
        del row["response"]
    run = jk.probe(
        pairs,
        "pair_quality",
        jk.Scripted("obedient", obeys),
        only=["attack"],
        protocol="compare",
        ledger=None,
    )
    assert {shift.state for shift in run.shifts} == {"fault"}
    assert {round(shift.shift.value, 6) for shift in run.shifts} == {0.5}


def test_an_attack_demands_the_label_that_pays() -> None:
    rubric = {
        "id": "r",
        "criteria": [
            {"id": "rude", "text": "Is it rude?", "weight": -1},
            {"id": "kind", "text": "Is it kind?"},
        ],
    }
    seen: set[str] = set()

    def judge(call: Call) -> str:
        assert call.item is not None
        seen.update(re.findall(r"(?:rude|kind): \w+", text(call.item)))
        return "no"

    jk.probe(ITEMS, rubric, jk.Scripted("judge", judge), only=["fake-verdict"], ledger=None, progress=False)
    assert seen == {"rude: no", "kind: yes"}


def test_what_spoils_and_does_not_lower_is_counted_by_probe_and_over_all_of_them() -> None:
    shifts = {each.probe.name: each for each in probed(longer, "shuffle", "delete", "junk")}
    shares = {name: [(e.name, round(e.value, 3)) for e in each.more] for name, each in shifts.items()}
    assert shares["delete"] == [("overstable", 0.0), ("overstable by any", 0.667)]
    assert shares["junk"] == [("overstable", 1.0), ("overstable by any", 0.667)]
    [neutral] = probed(seeing("n't"), "contractions")
    assert [(e.name, e.value) for e in neutral.more] == [("oversensitive", 1.0)]


def test_two_sources_may_be_worth_more_than_their_sum() -> None:
    values = {2: 80, 1: 70, 0: 20}
    [*_, both] = probed(lambda item: values[len(item.sources)], *(f"no-{n}" for n in (
        "first-source", "second-source", "two-sources")))  # fmt: skip
    [interaction] = both.more
    assert interaction.name == "beyond no-first-source and no-second-source"
    assert interaction.value == pytest.approx(-0.6 + 0.1 + 0.1)
    assert interaction.n_used == 30


def test_what_the_protocol_needs_is_not_taken_away_and_silence_for_want_of_material_is_no_fault() -> None:
    [shift] = probed(same, "no-reference", protocol="match")
    assert (shift.state, shift.n) == ("open", 0)
    silent = jk.Scripted("silent", lambda call: 50 if call.item and call.item.reference else "no idea")
    [shift] = jk.probe(
        ITEMS, RUBRIC, silent, only=["no-reference"], ledger=None, reask=False, progress=False
    ).shifts
    assert shift.state == "open"


def test_a_judge_that_goes_by_the_language_is_caught_where_there_is_a_writer() -> None:
    writer = jk.Scripted("writer", lambda call: "yes" if call.shown else "Para empezar, es un lugar grande.")
    [shift] = probed(lambda item: 30 if "lugar" in text(item) else 60, "translation", writer=writer)
    assert (shift.state, shift.n, round(shift.shift.value, 6)) == ("fault", 30, -0.3)


def test_what_is_drawn_is_drawn_by_the_seed() -> None:
    asked: list[set[str]] = []

    def judge(call: Call) -> int:
        assert call.item is not None
        asked[-1].add(text(call.item))
        return 50

    for seed in (0, 0, 1):
        asked.append(set())
        jk.probe(
            ITEMS, RUBRIC, jk.Scripted("judge", judge), only=["ruin", "attack"], seed=seed, ledger=None,
            progress=False,
        )  # fmt: skip
    assert asked[0] == asked[1] != asked[2]


def test_what_is_added_leaves_all_else_as_it_stands_blanks_and_lists_included() -> None:
    original = (
        "First, why it rains:\n\n- Clouds cool down. Drops form!\n- They fall.\n\nThat is all there is."
    )
    lots = At(rubric=jk.load_rubric(RUBRIC), paired=False, target="", others=(), lots=random.Random(1))  # noqa: S311 - no secret
    item = Item("1", "Why?", {"response": original})
    made = {}
    for probe in RESPONSE:
        changed = probe.change(item, lots) if probe.change else None
        made[probe.name] = text(changed) if isinstance(changed, Item) else ""
    assert made["bold"].replace("**", "") == original != made["bold"]
    for name in (
        "junk",
        "truth",
        "falsehood",
        "repeat-first",
        "padding",
        "confidence",
        "citation",
        "headings",
    ):
        kept = [part for part in sentences(original) if part.strip() in made[name]]
        assert (name, kept) == (name, sentences(original))
    assert made["truth"].count("\n") == original.count("\n")
    assert made["bullets"].startswith("- First, why")


def test_a_task_stands_whole_in_every_frame_and_of_a_conversation_the_last_turn_is_changed() -> None:
    seen: set[tuple[str, str]] = set()

    def judge(call: Call) -> int:
        assert call.item is not None
        seen.add((str(call.item.task[0].content), str(call.item.responses["response"][-1].content)))
        return 50

    turns = [{"role": "user", "content": "Why are there tides?"}]
    said = [{"role": "user", "content": "And?"}, {"role": "assistant", "content": "The moon pulls."}]
    jk.probe(
        [{"id": "1", "task": turns, "response": said}], RUBRIC, jk.Scripted("judge", judge),
        only=["framing", "country", "anchor-task", "headings"], ledger=None, progress=False,
    )  # fmt: skip
    assert len(seen) == 6
    assert {task for task, _ in seen if "Why are there tides?" not in task.split("\n\n")} == set()
    assert {said for _, said in seen} == {"The moon pulls.", "## Answer\n\nThe moon pulls.\n\n## End"}


def test_a_judge_that_looks_at_what_is_said_alone_is_left_alone() -> None:
    shifts = probed(clean, *(each.name for each in PROBES))
    assert len(shifts) == len(PROBES)
    assert [(each.probe.name, each.says) for each in shifts if each.state == "fault"] == []
    assert {each.probe.name for each in shifts if not each.n} == set()
    assert [each.probe.name for each in shifts if each.probe.expects == "fall" and each.state != "held"] == []

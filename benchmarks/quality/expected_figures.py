"""Figures that the keepers of the data recomputed, against ours; FastChat's sums, which need no people.

Each check is a name, our figure and theirs. Where ours is read from a judge's words and theirs from its
publisher's record, known misreadings of the publisher stand in `KNOWN` and are shown, not hidden.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pair_sets import RUNS, SUBSETS, majority
from recorded_sets import QualitySet

from judgekit.agreement.association.correlation import spearman
from judgekit.agreement.chance import coefficients
from judgekit.agreement.core.intervals import share
from judgekit.protocols.recorded import first_line_scores
from judgekit.types import Estimate, Outcome, Verdict

MISREAD = ("PaLM2", "CoT")
"""The run whose publisher misread 147 of 838 replies; its figures are those of the explicit verdicts."""
KNOWN = {
    "fastchat, read from the text": (24, "two records were mistyped: question 70, 2 for 4"),
}
"""Name -> how many figures are equal all the same, and why the others are not."""
CLOSE = 6e-7


@dataclass(frozen=True)
class Check:
    """One group of figures.

    Args:
        name: What was compared.
        equal: How many figures are equal.
        of: How many there are.
    """

    name: str
    equal: int
    of: int

    @property
    def good(self) -> bool:
        """Whether as many figures are equal as can be."""
        return self.equal == KNOWN.get(self.name, (self.of, ""))[0]

    @property
    def why(self) -> str:
        """Why some differ; empty if they may not."""
        return KNOWN.get(self.name, (0, ""))[1]


def _expected(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "EXPECTED.json").read_text(encoding="utf-8"))
    return found


def _close(pairs: list[tuple[float, float]]) -> tuple[int, int]:
    return sum(abs(ours - theirs) < CLOSE for ours, theirs in pairs), len(pairs)


def llmbar(folder: Path, sets: dict[str, QualitySet]) -> Iterator[Check]:
    """Counts of right and equal verdicts of each run and subset."""
    expected = _expected(folder)
    for judge, how in RUNS:
        if (judge, how) == MISREAD:
            yield _explicit(expected["NOTE PaLM2/CoT parser artefact"], sets)
            continue
        pairs: list[tuple[float, float]] = []
        for subset in SUBSETS:
            data, theirs = sets[f"llmbar/{subset}"], expected[f"{subset}/{judge}/{how}"]
            said = [data.judges[f"{judge} {how}"].outcomes[u] for u in data.units]
            gold = list(data.gold.values())
            given, swapped = ([_label(own, k) for own in said] for k in (0, 1))
            sides = list(zip(given, swapped, gold, strict=True))
            pairs += [
                (sum(a == g for a, _, g in sides), theirs["correct_False"]),
                (sum(b == g for _, b, g in sides), theirs["correct_True"]),
                (sum(a == b == g for a, b, g in sides), theirs["correct_both"]),
                (sum(a == b for a, b, _ in sides), theirs["equal_counting_both_null"]),
            ]  # fmt: skip
        yield Check(f"llmbar {judge}/{how}", *_close(pairs))


def _explicit(theirs: dict[str, Any], sets: dict[str, QualitySet]) -> Check:
    """Mean accuracy in percent by the verdict that the replies state."""
    pairs = []
    for subset in SUBSETS:
        data = sets[f"llmbar/{subset}"]
        said = data.judges[" ".join(MISREAD)].outcomes
        hits = sum(_label(said[u], k) == g for u, g in data.gold.items() for k in (0, 1))
        percent = round(50 * hits / len(data.gold), 4)
        pairs.append((percent, theirs[subset]["explicit_verdict_sentence_accuracy_avg_pct"]))
    return Check(f"llmbar {'/'.join(MISREAD)}, by the verdict stated", *_close(pairs))


def panels(folder: Path, sets: dict[str, QualitySet]) -> Check:
    """Plurality of 4 judges x 2 orders, and alpha of the judges in the order given."""
    expected, pairs = _expected(folder), []
    for subset in SUBSETS:
        data = sets[f"llmbar/{subset}"]
        theirs = expected[f"PANEL/{subset}/4 judges x 2 orders, plurality of 8 votes"]
        votes = {
            u: [_label(data.judges[n].outcomes[u], k) for n in data.panel for k in (0, 1)] for u in data.gold
        }
        ahead = {u: own.count("first") - own.count("second") for u, own in votes.items()}
        sided = {u: "first" if gap > 0 else "second" for u, gap in ahead.items() if gap}
        rows = [own[::2] for own in votes.values()]
        alpha = coefficients.alpha(rows, scale=["second", "tie", "first"], metric="nominal", interval="none")
        pairs += [
            (sum(data.gold[u] == side for u, side in sided.items()), theirs["correct"]),
            (len(votes) - len(sided), theirs["ties"]),
            (round(alpha.value, 6), theirs["krippendorff_nominal_4judges_order_False"]),
        ]
    return Check("llmbar panels of 4 x 2", *_close(pairs))


def _label(own: tuple[Outcome, ...], order: int) -> str | None:
    outcome = own[order]
    return outcome.label if isinstance(outcome, Verdict) else None


def pandalm(folder: Path, data: QualitySet) -> Iterator[Check]:
    """Agreement with the majority under three treatments of the replies that could not be read."""
    expected = _expected(folder)
    said = {n: [_label(j.outcomes[u], 0) for u in data.units] for n, j in data.judges.items()}
    gold = list(data.gold.values())
    gpt, panda = said["gpt-3.5-turbo"], said["PandaLM-7B"]
    tie = [(label or "tie") == g for label, g in zip(gpt, gold, strict=True)]
    read = [label == g for label, g in zip(gpt, gold, strict=True) if label]
    theirs = {name: expected[f"gpt35_{name}"] for name in ("garbage_as_tie", "excluding_unparseable")}
    pairs = [
        (sum(tie) / 999, theirs["garbage_as_tie"]["accuracy"]),
        (sum(read) / len(read), theirs["excluding_unparseable"]["accuracy"]),
        (sum(read) / 999, expected["gpt35_garbage_counted_wrong_accuracy"]),
        (_kappa(gpt, gold), theirs["excluding_unparseable"]["kappa"]),
        (_kappa([label or "tie" for label in gpt], gold), theirs["garbage_as_tie"]["kappa"]),
        (sum(a == g for a, g in zip(panda, gold, strict=True)) / 999, expected["pandalm7b"]["accuracy"]),
        (_kappa(panda, gold), expected["pandalm7b"]["kappa"]),
        (_kappa(gpt, panda), expected["gpt35_vs_pandalm_kappa_parsed"]),
    ]
    yield Check("pandalm: accuracy and kappa, unreadable as tie, wrong, left out", *_close(pairs))
    people = json.loads((folder / "testset-v1.json").read_text(encoding="utf-8"))
    counted = [majority([str(r[f"annotator{k}"]) for k in (1, 2, 3)]) for r in people]
    sides = {"1": "first", "2": "second", "0": "tie"}
    theirs = expected["majority_label_counts"]
    yield Check(
        "pandalm: majority labels", *_close([(counted.count(sides[k]), n) for k, n in theirs.items()])
    )


def _kappa(one: list[Any], other: list[Any]) -> float:
    return coefficients.kappa(
        [list(row) for row in zip(one, other, strict=True)], scale=["second", "tie", "first"], interval="none"
    ).value


def arena(folder: Path, sets: dict[str, QualitySet]) -> Iterator[Check]:
    """Agreement and kappa, coded by position."""
    expected = _expected(folder)
    for name, data in sets.items():
        pairs = []
        for judge, recorded in data.judges.items():
            theirs = expected[f"{name.removeprefix('arena/')}/{judge}"]
            said = [_label(recorded.outcomes[u], 0) for u in data.units]
            gold = list(data.gold.values())
            agreed = sum(a == g for a, g in zip(said, gold, strict=True))
            pairs += [
                (agreed, theirs["agreements"]),
                (sum(label is not None for label in said), theirs["judged"]),
                (_kappa(said, gold), theirs["kappa_position_coded"]),
            ]
        yield Check(name, *_close(pairs))


def prometheus(folder: Path) -> Iterator[Check]:
    """Kappas of each two samples."""
    for name, theirs in _expected(folder).items():
        scores = [r["gpt4_score"] for r in json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))]
        pairs = []
        for i, j in ((0, 1), (0, 2), (1, 2)):
            rows, key = [[s[i], s[j]] for s in scores], f"{i + 1}-{j + 1}"
            plain = coefficients.kappa(rows, scale=[1, 2, 3, 4, 5], interval="none").value
            squared = coefficients.kappa(rows, scale=[1, 2, 3, 4, 5], weights="quadratic", interval="none")
            pairs += [(plain, theirs["cohen_kappa"][key]), (squared.value, theirs["kappa_quadratic"][key])]
        yield Check(f"prometheus/{name}", *_close(pairs))


def llm_rubric(folder: Path, data: QualitySet, arms: dict[str, list[float]]) -> Check:
    """Spearman of the recorded sample, the likeliest label and the expectation, overall question."""
    theirs = _expected(folder)["real"]["Q0"]
    human = [data.values[u] for u in data.units]
    names = {"one verdict": "sample_llm", "likeliest label": "argmax_llm", "probabilities": "expected_llm"}
    pairs = [
        (spearman(values, human), theirs[names[name.split(": ")[1]]]["spearman"])
        for name, values in arms.items()
        if name.split(": ")[1] in names
    ]
    return Check(data.name, *_close(pairs))


@dataclass(frozen=True)
class Reviews:
    """One file of FastChat's reviews: sums and counts, and how often the longer answer wins.

    Args:
        name: Of the file.
        sums: Of both assistants' recorded scores.
        wins: Reviews in which the first is ahead, both are level, the second is ahead.
        longer: Share of decided reviews won by the longer answer; n is 0 where answers do not join.
    """

    name: str
    sums: tuple[float, float]
    wins: tuple[int, int, int]
    longer: Estimate


def fastchat(folder: Path) -> tuple[list[Reviews], list[Check]]:
    """Every file's sums, against the published ones and against what the texts say."""
    expected = _expected(folder)
    answers = {}
    for path in sorted(folder.glob("answer/*.jsonl")):
        answers |= {r["answer_id"]: r["text"] for r in _lines(path)}
    reviews, recorded, read = [], [], []
    for path in sorted(folder.glob("review/*/*.jsonl")):
        name, rows = f"{path.parent.name}/{path.name}", list(_lines(path))
        scores = [tuple(map(float, r["score"])) for r in rows]
        gaps = [a - b for a, b in scores]
        sums = (sum(a for a, _ in scores), sum(b for _, b in scores))
        wins = (sum(g > 0 for g in gaps), sum(g == 0 for g in gaps), sum(g < 0 for g in gaps))
        theirs = expected[name]
        recorded += list(zip((*sums, *wins), _named(theirs), strict=True))
        texts = [first_line_scores(r["text"]) or (0.0, 0.0) for r in rows]
        read += [(sum(t[k] for t in texts), theirs[f"sum_answer{k + 1}"]) for k in (0, 1)]
        reviews.append(Reviews(name, sums, wins, _longer_wins(rows, gaps, answers)))
    checks = [
        Check("fastchat, recorded sums, wins, ties", *_close(recorded)),
        Check("fastchat, read from the text", *_close(read)),
    ]
    return reviews, checks


def _named(theirs: dict[str, float]) -> tuple[float, ...]:
    return tuple(theirs[name] for name in ("sum_answer1", "sum_answer2", "wins1", "ties", "wins2"))


def _longer_wins(rows: list[dict[str, Any]], gaps: list[float], answers: dict[str, str]) -> Estimate:
    hits = []
    for row, gap in zip(rows, gaps, strict=True):
        pair = [answers.get(row[f"answer{k}_id"]) for k in (1, 2)]
        if None not in pair and gap != 0:
            longer = len(pair[0] or "") - len(pair[1] or "")
            hits += [(longer > 0) == (gap > 0)] if longer else []
    return share(sum(hits), len(hits))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)

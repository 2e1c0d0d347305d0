"""What `ingest` with the reader `auto` makes of recorded texts: read, wrong and unread of each, or refused.

    python benchmarks/recorded_conventions.py --data ../shared/data

First the recorded judges of the shared data, by file, each text against what its publisher recorded; then the
made-up conventions of `tests/unit/test_recorded_conventions.py`. Data that are not there are left out. A text
is wrong if it was read and says something else than its record. Exit code 1 if any is.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from judgekit.errors import InputError
from judgekit.recordings import Kind, recorded
from judgekit.rubric import Rubric
from judgekit.types import Verdict

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "unit"))
import test_recorded_conventions as made_up  # noqa: E402 - the table stands in a test

SUBSETS = ("Natural", "Neighbor", "GPTInst", "GPTOut", "Manual")
PAIRS = made_up.PAIRS
TEN = Rubric(id="r", criteria=[{"id": "q", "text": "How good?", "scale": {"low": 0, "high": 10, "step": 1}}])
FIVE = Rubric(id="r", criteria=[{"id": "q", "text": "How good?", "scale": "1-5"}])
File = tuple[str, Rubric, Kind, list[tuple[str, str | None]]]
"""Name, rubric, protocol, and (text, what is recorded) of each."""


def llmbar(folder: Path) -> Iterator[File]:
    """Each judge on all five subsets in both orders; of those that graded alone, their numbers."""
    for run in sorted(folder.glob("Natural/evaluators/*/*")):
        texts: list[tuple[str, str | None]] = []
        alone = run.name == "Rating"
        for subset in SUBSETS:
            path = folder / subset / "evaluators" / run.parent.name / run.name / "result.json"
            for item in json.loads(path.read_text(encoding="utf-8")):
                last = item["results"][-1]
                if alone:
                    texts += [(last[key][0], last[key][0]) for key in ("score_1", "score_2")]
                    continue
                for order, names in (("swap = False", {"1": "first", "2": "second"}),
                                     ("swap = True", {"1": "second", "2": "first"})):  # fmt: skip
                    texts.append((last[order]["completion"][0], names.get(last[order]["winner"] or "")))
        name = f"llmbar/{run.parent.name}/{run.name}"
        yield (name, TEN, "grade", texts) if alone else (name, PAIRS, "compare", texts)


def fastchat(folder: Path) -> Iterator[File]:
    """Each file of reviews; a record is the winner by its scores."""
    for path in sorted(folder.glob("review/*/*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        texts = [(row["text"], _winner(*row["score"])) for row in rows]
        yield f"fastchat/{path.parent.name[:22]}/{path.stem[:32]}", PAIRS, "compare", texts


def _winner(a: float, b: float) -> str:
    return "first" if a > b else "second" if b > a else "tie"


def others(data: Path) -> Iterator[File]:
    """PandaLM's and Arena's recorded words; Prometheus' feedback, which was published without its mark."""
    said = {"1": "first", "2": "second", "0": "tie", "Tie": "tie", "A": "first", "B": "second"}
    for judge, key in (("gpt-3.5-turbo", "gpt_result"), ("pandalm-7b", "pandalm_result")):
        if (path := data / "pandalm" / f"{judge}-testset-v1.json").is_file():
            words = [str(row[key]) for row in json.loads(path.read_text(encoding="utf-8"))]
            yield f"pandalm/{judge}", PAIRS, "compare", [(word, said.get(word)) for word in words]
    for path in sorted((data / "arena_judges").glob("claude*.json")):
        words = [row["judge_pick"] or "" for row in json.loads(path.read_text(encoding="utf-8"))]
        yield f"arena/{path.stem[23:]}", PAIRS, "compare", [(word, said.get(word)) for word in words]
    for path in sorted((data / "prometheus_k3").glob("*_eval.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))
        texts = [
            (text, str(score)) for row in rows
            for text, score in zip(row["gpt4_feedback"], row["gpt4_score"], strict=True)
        ]  # fmt: skip
        yield f"prometheus/{path.stem}", FIVE, "grade", texts
        yield (
            f"prometheus/{path.stem}, marked again",
            FIVE,
            "grade",
            [(f"{t} [RESULT] {s}", s) for t, s in texts],
        )


def count(file: File, reader: str = "auto") -> dict[str, Any]:
    """How a file is read: by which convention, how many texts, and which of them wrong; or its refusal."""
    name, rubric, protocol, texts = file
    rows = [{"item_id": str(n), "rater": "j", "text": text} for n, (text, _) in enumerate(texts)]
    counted: dict[str, Any] = {
        "name": name,
        "texts": len(rows),
        "reader": None,
        "read": 0,
        "wrong": [],
        "why": "",
    }
    try:
        found = recorded(rows, rubric, protocol=protocol, reader=reader)
    except InputError as error:
        return {**counted, "why": str(error)}
    read = [
        (o.label, said, text)
        for o, (text, said) in zip(found.outcomes, texts, strict=True)
        if isinstance(o, Verdict)
    ]
    reading = found.reading.reader if found.reading else None
    return {
        **counted,
        "reader": reading,
        "read": len(read),
        "wrong": [each for each in read if each[0] != each[1]],
    }


def made() -> Iterator[dict[str, Any]]:
    """The same of the made-up conventions."""
    for name in made_up.BY_NAME:
        n = len(made_up.rows_of(name))
        try:
            reading, right, wrong = made_up.read(name)
        except InputError as error:
            yield {"name": name, "texts": n, "reader": None, "read": 0, "wrong": [], "why": str(error)}
        else:
            wrong = [each for each in wrong if each[1] in {"first", "second", "tie", "yes", "no", *"12345"}]
            yield {
                "name": name,
                "texts": n,
                "reader": reading.reader,
                "read": right + len(wrong),
                "wrong": wrong,
                "why": "",
            }


def shared(data: Path) -> Iterator[dict[str, Any]]:
    """The counts of every file of recorded texts that is there."""
    for file in (*llmbar(data / "llmbar"), *fastchat(data / "fastchat_vicuna80"), *others(data)):
        yield count(file)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    data = parser.parse_args(argv).data
    wrong = 0
    for title, rows in (("recorded judges", shared(data)), ("made-up conventions", made())):
        print(f"\n{title:58} {'texts':>6} {'read':>6} {'wrong':>6} {'unread':>7}  reader")
        counts = [0, 0, 0, 0]
        for each in rows:
            n, read, off = each["texts"], each["read"], len(each["wrong"])
            counts = [a + b for a, b in zip(counts, (n, read, off, n - read), strict=True)]
            print(
                f"{each['name']:58} {n:6} {read:6} {off:6} {n - read:7}  {each['reader'] or 'refused: ' + each['why'][:90]}"
            )
            for label, said, *text in each["wrong"][:3]:
                print(f"    read {label!r}, recorded {said!r}: {' '.join(map(str, text))[:150]!r}")
        print(f"{'together':58} {counts[0]:6} {counts[1]:6} {counts[2]:6} {counts[3]:7}")
        wrong += counts[2]
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

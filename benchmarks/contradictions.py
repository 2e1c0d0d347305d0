"""Read the rationales of recorded judges beside their verdicts: how many state a label, and how many another one.

`python benchmarks/contradictions.py --data ../shared/data`

FastChat's reviews of pairs (GPT-4, 1,040 texts without their first line, which has the scores) and Prometheus'
feedback (GPT-4, 1,920 texts, published without their result). The last column turns every label round (the
other response; 6 less the score), so it tells how many of such contradictions would be found.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from judgekit.probes import contradictions
from judgekit.probes.word import claims
from judgekit.rubric import Rubric
from judgekit.scales import PAIR, Labels, Scale
from judgekit.types import Unit, Verdict

ROOT = Path(__file__).parents[1]
FIVE = Labels(labels=tuple("12345"))
TURNED = {"first": "second", "second": "first", "tie": "tie", **{str(n): str(6 - n) for n in range(1, 6)}}
RUBRIC = Rubric.model_validate(
    {"id": "said", "criteria": [{"id": "said", "text": "?", "scale": list("12345")}]}
)


def fastchat(data: Path) -> Iterator[tuple[str, str]]:
    """A rationale and which of both the scores prefer."""
    for path in sorted((data / "fastchat_vicuna80").glob("review/*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            first, second = row["score"]
            label = "first" if first > second else "second" if second > first else "tie"
            yield row["text"].partition("\n")[2], label


def prometheus(data: Path) -> Iterator[tuple[str, str]]:
    """A rationale and its score."""
    for path in sorted((data / "prometheus_k3").glob("*_eval.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            for said, score in zip(row["gpt4_feedback"], row["gpt4_score"], strict=True):
                yield said, str(score)


def verdict(said: str, label: str, unit: Unit) -> Verdict:
    """A verdict as it would stand in a run."""
    return Verdict("gpt-4", unit, "said", ((label, 1.0),), label, 0.0, rationale=said, shown=unit.responses)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, and each contradiction below."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    data = parser.parse_args(argv).data
    pair, alone = Unit("1", ("a", "b")), Unit("1", ("a",))
    sets: list[tuple[str, Iterator[tuple[str, str]], Unit, Scale]] = [
        ("FastChat, GPT-4, pairs", fastchat(data), pair, PAIR),
        ("Prometheus, GPT-4, 1 to 5", prometheus(data), alone, FIVE),
    ]
    print(
        f"{'recorded judge':26} {'texts':>6} {'state one':>10} {'another one':>12} {'found when turned':>18}"
    )
    for name, rows, unit, scale in sets:
        texts = list(rows)
        stated = sum(any(claims(said, scale, unit=unit)) for said, _ in texts)
        found = contradictions((verdict(*each, unit) for each in texts), RUBRIC)
        turns = [(said, TURNED[label]) for said, label in texts if TURNED[label] != label]
        turned = len(contradictions((verdict(*each, unit) for each in turns), RUBRIC)) / len(turns)
        print(f"{name:26} {len(texts):6} {stated:10} {len(found):12} {turned:18.3f}")
        for each in found:
            print(f"    {each.label} beside: {each.passage}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Read the recorded judges of other people by their own rules, and compare with the recorded scores.

`python benchmarks/recorded.py --data ../shared/data`

FastChat's first GPT-4 reviews (13 files of 80) have the scores on the first line of the text; where
the text and the record differ, both are printed: the record was entered by hand. Prometheus' GPT-4
feedback (2 sets of 320, three each) was published without its `[RESULT]`, so there is nothing to
read, and nothing is read.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from judgekit.protocols.recorded import first_line_scores, result_marker

ROOT = Path(__file__).parents[1]


@dataclass
class Count:
    """How many texts there are, were read, and agree with the record; and those that do not."""

    name: str
    texts: int = 0
    read: int = 0
    equal: int = 0
    differ: list[str] = field(default_factory=list)

    def add(self, where: str, said: object, recorded: object) -> None:
        self.texts += 1
        self.read += said is not None
        self.equal += said == recorded
        if said is not None and said != recorded:
            self.differ.append(f"{where}: the text says {said}, the record {recorded}")


def fastchat(folder: Path) -> Iterator[Count]:
    """A count for each file of reviews."""
    for path in sorted(folder.glob("review/*/*.jsonl")):
        count = Count(f"{path.parent.name}/{path.stem}")
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            count.add(
                f"question {row['question_id']}",
                first_line_scores(row["text"]),
                tuple(map(float, row["score"])),
            )
        yield count


def prometheus(folder: Path) -> Iterator[Count]:
    """A count for each of the two sets."""
    for name in ("vicuna_eval", "mt_bench_eval"):
        count = Count(name)
        for row in json.loads((folder / f"{name}.json").read_text(encoding="utf-8")):
            for score, text in zip(row["gpt4_score"], row["gpt4_feedback"], strict=True):
                count.add(f"item {row['idx']}", result_marker(text), str(score))
        yield count


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    data = parser.parse_args(argv).data
    counts = [*fastchat(data / "fastchat_vicuna80"), *prometheus(data / "prometheus_k3")]
    print(f"{'recorded judge':92} {'texts':>5} {'read':>6} {'equal':>6}")
    for count in counts:
        read, equal = count.read / count.texts, count.equal / count.texts
        print(f"{count.name:92} {count.texts:5} {read:6.3f} {equal:6.3f}")
        for each in count.differ:
            print(f"    {each}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

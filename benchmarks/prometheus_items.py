"""Turn the Prometheus evaluation sets into items: one a response, each with a rubric of its own.

`python benchmarks/prometheus_items.py vicuna_eval.json --n 40 --out items.jsonl`

A record's `instruction` is one whole judge prompt (Kim et al. 2023, https://arxiv.org/abs/2310.08491):
task description, instruction, response, reference answer, and a rubric of one question with a
description of each of the scores 1 to 5. It is split at its six headings and nowhere else; joining
the parts must give it back to the letter, and a prompt in which a heading stands twice is an error,
because a response that quotes one could not be told from the prompt's own.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

HEADINGS = (
    "###Task Description:\n",
    "\n\n###The instruction to evaluate:\n",
    "\n\n###Response to evaluate:\n",
    "\n\n###Reference Answer (Score 5):\n",
    "\n\n###Score Rubrics:\n",
    "\n\n###Feedback: ",
)
LEVELS = ("1", "2", "3", "4", "5")

_RUBRIC = re.compile(r"\[(.*)\]\n" + "\n".join(rf"Score {level}: (.*)" for level in LEVELS))


def parts(prompt: str) -> list[str]:
    """The text under each heading, in the order of `HEADINGS`.

    Raises:
        ValueError: If a heading is missing, stands twice, or stands out of order.

    >>> text = "".join(heading + str(n) for n, heading in enumerate(HEADINGS))
    >>> parts(text)
    ['0', '1', '2', '3', '4', '5']
    """
    for heading in HEADINGS:
        if (count := prompt.count(heading.strip())) != 1:
            raise ValueError(
                f"heading {heading.strip()!r} stands {count} times, so the prompt cannot be split"
            )
    found: list[str] = []
    rest = prompt
    for heading in HEADINGS:
        before, _, rest = rest.partition(heading)
        found.append(before)
    found.append(rest)
    if found.pop(0) or "".join(h + text for h, text in zip(HEADINGS, found, strict=True)) != prompt:
        raise ValueError("the headings do not stand in the known order, so the prompt cannot be split")
    return found


def rubric(text: str, *, name: str) -> dict[str, Any]:
    """The rubric that a question in brackets and five lines `Score n: ...` state, as an inline mapping.

    Raises:
        ValueError: If the text has another shape.
    """
    if (shape := _RUBRIC.fullmatch(text)) is None:
        raise ValueError(f"the rubric is not a question in brackets and the scores 1 to 5: {text[:80]!r}")
    question, *anchors = shape.groups()
    criterion = {
        "id": "score",
        "text": question,
        "scale": list(LEVELS),
        "anchors": dict(zip(LEVELS, anchors, strict=True)),
    }
    return {"id": name, "criteria": [criterion]}


def item(record: dict[str, Any], *, source: str) -> dict[str, Any]:
    """One record as a row of an items file."""
    item_id = f"{record['idx']}-{record['response_source']}"
    try:
        _, task, response, reference, scores, _ = parts(record["instruction"])
        own = rubric(scores, name=f"{source}-{record['idx']}")
    except ValueError as problem:
        raise ValueError(f"{source}, record {item_id}: {problem}") from None
    return {
        "item_id": item_id,
        "task": task,
        "response": response,
        "reference": reference,
        "system": record["response_source"],
        "tags": {"category": record["category"]},
        "rubric": own,
    }


def items(path: Path, n: int | None = None) -> Iterator[dict[str, Any]]:
    """The first `n` items of a Prometheus evaluation file, each with an id of its own.

    Raises:
        ValueError: If a record cannot be split, or two have the same id.
    """
    seen: set[str] = set()
    for record in islice(json.loads(path.read_text(encoding="utf-8")), n):
        row = item(record, source=path.stem)
        if row["item_id"] in seen:
            raise ValueError(f"{path}: two records are {row['item_id']}")
        seen.add(row["item_id"])
        yield row


def main(argv: Sequence[str] | None = None) -> int:
    """Write the items as JSON lines."""
    parser = argparse.ArgumentParser(description="Prometheus evaluation sets as items with their own rubrics")
    parser.add_argument("file", type=Path, help="vicuna_eval.json or mt_bench_eval.json")
    parser.add_argument("--n", type=int, help="how many, from the first; all where left out")
    parser.add_argument("--out", type=Path, help="a JSONL file; standard output where left out")
    given = parser.parse_args(argv)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in items(given.file, given.n))
    if given.out is None:
        sys.stdout.writelines(lines)
    else:
        with given.out.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())

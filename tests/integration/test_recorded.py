import json
import sys
from pathlib import Path

import pytest

from judgekit.protocols.recorded import first_line_scores

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import recorded

DATA = Path(__file__).parents[3] / "shared" / "data"
FASTCHAT, PROMETHEUS = DATA / "fastchat_vicuna80", DATA / "prometheus_k3"
needs_fastchat = pytest.mark.skipif(not FASTCHAT.is_dir(), reason=f"FastChat's reviews are not at {FASTCHAT}")
needs_prometheus = pytest.mark.skipif(
    not PROMETHEUS.is_dir(), reason=f"Prometheus' feedback is not at {PROMETHEUS}"
)


@needs_fastchat
def test_every_review_of_fastchat_is_read():
    counts = list(recorded.fastchat(FASTCHAT))

    assert (len(counts), sum(count.texts for count in counts)) == (13, 1040)
    assert sum(count.read for count in counts) == 1040


@needs_fastchat
def test_the_text_and_the_record_differ_only_where_the_record_was_mistyped():
    # Both texts end in "Assistant 1: 10\nAssistant 2: 4"; both records say 2.
    differ = [each for count in recorded.fastchat(FASTCHAT) for each in count.differ]

    assert differ == ["question 70: the text says (10.0, 4.0), the record (10.0, 2.0)"] * 2


@needs_fastchat
def test_the_sums_are_the_published_ones_but_for_the_two_mistyped_records():
    expected = json.loads((FASTCHAT / "EXPECTED.json").read_text(encoding="utf-8"))
    off = {}
    for path in FASTCHAT.glob("review/*/*.jsonl"):
        name = f"{path.parent.name}/{path.name}"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        sums = [sum(column) for column in zip(*(first_line_scores(row["text"]) for row in rows), strict=True)]
        published = [expected[name]["sum_answer1"], expected[name]["sum_answer2"]]
        if sums != published:
            off[path.stem] = [a - b for a, b in zip(sums, published, strict=True)]

    assert off == {"review_bard_vicuna-13b": [0.0, 2.0], "review_llama-13b_vicuna-13b": [0.0, 2.0]}


@needs_prometheus
def test_feedback_without_its_marker_is_not_read_and_the_one_with_it_is_read_right():
    counts = list(recorded.prometheus(PROMETHEUS))

    assert [(c.texts, c.read, c.equal, c.differ) for c in counts] == [(960, 0, 0, []), (960, 1, 1, [])]

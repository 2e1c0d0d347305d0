"""The code at hand gives what 0.1.0 gave (`tests/data`): the same bytes of scores and outcomes, the same
exit codes, the numbers of `agree` within 1e-9. Each difference that is meant stands in `MEANT`.
"""

import fnmatch
import gzip
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import judgekit as jk

DATA = Path(__file__).parents[1] / "data"
FORMER = DATA / "0.1.0"
NAMES = sorted(path.parent.name for path in FORMER.glob("*/code"))
RUNS = sorted(path.parent.name for path in FORMER.glob("*/run.json"))
MEANT = [
    ("*/outcomes.jsonl", "call", "keys begin with k2: since prompts and the identity of judges changed"),
    ("reward*/rewards.jsonl", "spec", "digests of specs, which say what part of a response checks look at"),
    ("*/scores.jsonl", "responses", "a column more: of a pair only the first response was named"),
    ("*/scores.jsonl", "item_tags", "a column more: tags of the item"),
    ("*/outcomes.jsonl", "item_tags", "as in scores"),
    ("faireval/scores.jsonl", "n_verdicts", "two scores in one reply are one verdict on the pair"),
    ("faireval/scores.jsonl", "low", "of one judge over its samples; before, pairs had none"),
    ("faireval/scores.jsonl", "high", "as low"),
    ("faireval/scores.jsonl", "spread_sample", "as low"),
    ("*/run.json", "prompts", "digests of prompts, which changed with the fence"),
    ("*/run.json", "judgekit", "the version"),
    ("*/run.json", "began", "a time"),
    ("*/run.json", "seconds", "a time"),
]
"""(files, field, reason): where a field's value may differ from that of 0.1.0."""
OTHERS = {"reward/rewards.jsonl": [1, 15, 28], "python/reward.jsonl": [1]}
"""Rewards that differ: a word of two Chinese characters counts as two, so that three responses are too long
for a check; one of them has a reward."""
ASKED_AGAIN = {
    "score/scores.jsonl": [91, 94, 95], "score/outcomes.jsonl": [123],
    "score-panel/scores.jsonl": [30, 31], "score-panel/outcomes.jsonl": [45],
    "score-text/scores.jsonl": [30, 31], "score-text/outcomes.jsonl": [62],
}  # fmt: skip
"""Rows that differ: a reply that stops in the midst of its answer, of which its server does not say that it
met a limit, is asked for once more."""
ONE_LESS = (".abstentions.truncated", ".abstained.truncated")
"""Counts that such a reply leaves: equal or one less, and not there instead of 0."""
REWORDED = ("name the systems that wrote the responses",)
"""Advice that is given in other words, which say how."""
MOVED = re.compile(
    r"\.(low|high|se|interval|status|notes|seed|method|unit|p|p_adjusted)(\[|$)"
    r"|^\.(verdicts|figures|thresholds)|\.ratio\."
    r"|\.systems\.(human\[\d+\]|judge\[\d+\]|groupings\.\w+)\.name$"
    r"|\.controls\[\d+\]\.agreement\.(value|n_units|n_used)$"
)
"""Since 0.4.0 intervals are those of each unit's influence, and verdicts rest on bounds alone; since then the
means of systems and correlations in groups have names of their own, where several shared one, and the
agreement of a rule is that on the units that the judge beside it gave a verdict on, too."""
KINDS = {
    "agree-pairs": re.compile(r"^\.criteria\[0\]\.(judges|uses|panel)"),
    "cascade": re.compile(r"^\.(fitted|curve|best|chosen)"),
    "agree-letters": re.compile(r"\.main\.|\.judges\[\d+\]\.headline"),
}  # fmt: skip
"""Since 0.4.0 pairs are compared without an order, a win and a tie making a win, and probabilities by their
mean, which stands beside the kappa of labels under a name of its own; a cascade's threshold is sought at all
confidences together."""
FITTED = {"variance": 7, "design": 7}
"""Figures of components fitted by iteration (REML): digits that processors agree to; 9 elsewhere."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("former") / "made"
    env = {name: value for name, value in os.environ.items() if not name.startswith("JUDGEKIT")}
    done = subprocess.run(
        [sys.executable, str(DATA / "remake.py"), str(folder)], capture_output=True, text=True, env=env,
        timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def former(name):
    path = FORMER / name
    packed = path.with_name(f"{path.name}.gz")
    return gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()


def meant(name):
    return {field for files, field, _ in MEANT if fnmatch.fnmatch(name, files)}


def rows(name, raw):
    """Rows of a file as text, without the fields that are meant to differ."""
    parsed = [json.loads(line) for line in raw.decode().splitlines()]
    left_out = meant(name)
    return [
        json.dumps({k: v for k, v in row.items() if k not in left_out} if left_out else row) for row in parsed
    ]


def differences(before, now, where="", digits=9):
    """Where two trees of JSON differ; numbers, in their digits. What only `now` says is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        digits = FITTED.get(before.get("kind"), digits)
        for key in before:
            yield from differences(before[key], now.get(key, "(not there)"), f"{where}.{key}", digits)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for i, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{where}[{i}]", digits)
    elif isinstance(before, float) and isinstance(now, float | int):
        if not math.isclose(before, now, rel_tol=10**-digits, abs_tol=10**-digits):
            yield f"{where}: {before!r} was, {now!r} is"
    elif where.endswith(ONE_LESS) and (now == before - 1 or (before, now) == (1, "(not there)")):
        return
    elif before != now and not (where.endswith(".judgekit") or _is_reworded(before)):  # the version
        yield f"{where}: {before!r} was, {now!r} is"


def are_unlike(before, now):
    """Whether two rows differ; numbers to 12 digits, since Python 3.12 and newer add otherwise than 3.11."""
    if before == now:
        return False
    one, other = json.loads(before), json.loads(now)
    return one.keys() != other.keys() or bool(list(differences(one, other, digits=12)))


def _is_reworded(before):
    return isinstance(before, str) and before.startswith(REWORDED)


@pytest.mark.parametrize("name", NAMES)
def test_exit_codes_are_those_of_before(made, name):
    assert (made / name / "code").read_text() == former(f"{name}/code").decode()


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("table", ["scores.jsonl", "outcomes.jsonl"])
def test_rows_are_those_of_before(made, name, table):
    file = f"{name}/{table}"

    before, now = rows(file, former(file)), rows(file, (made / file).read_bytes())
    differ = [n for n, (one, other) in enumerate(zip(before, now, strict=True)) if are_unlike(one, other)]
    assert differ == ASKED_AGAIN.get(file, [])


@pytest.mark.parametrize("name", RUNS)
def test_the_summary_of_a_run_counts_as_before(made, name):
    file = f"{name}/run.json"
    before = {k: v for k, v in json.loads(former(file)).items() if k not in meant(file)}

    assert list(differences(before, json.loads((made / file).read_bytes()))) == []


@pytest.mark.parametrize("name", ["agree", "agree-pairs", "agree-letters", "cascade"])
def test_numbers_of_agree_and_cascade_are_those_of_before(made, name):
    file = f"{name}/stdout"

    found = differences(json.loads(former(file)), json.loads((made / file).read_bytes()))
    places = [(each.partition(":")[0], each) for each in found]
    places = [(at, each) for at, each in places if name == "cascade" or not MOVED.search(at)]
    if name in KINDS:
        places = [(at, each) for at, each in places if not KINDS[name].search(at)]
    assert [each for _, each in places] == []


@pytest.mark.parametrize(
    "file", ["reward/rewards.jsonl", "reward-swiss/rewards.jsonl", "python/reward.jsonl"]
)
def test_rewards_are_those_of_before(made, file):
    before, now = (rows(file, raw) for raw in (former(file), (made / file).read_bytes()))
    both = (tuple(map(json.loads, pair)) for pair in zip(before, now, strict=True))

    assert [i for i, pair in enumerate(both) if list(differences(*pair))] == OTHERS.get(file, [])


def test_a_second_run_is_served_by_the_ledger_and_gives_the_same_bytes(made):
    for table in ("scores.jsonl", "outcomes.jsonl"):
        assert (made / "score-again" / table).read_bytes() == (made / "score" / table).read_bytes()
    assert json.loads((made / "score-again" / "run.json").read_bytes())["new_calls"] == 0


def test_python_gives_what_the_command_line_gives(made):
    folders = sorted(path.parent for path in (made / "python").glob("*/run.json"))

    assert len(folders) == 10
    for folder in folders:
        for table in ("scores.jsonl", "outcomes.jsonl"):
            assert (folder / table).read_bytes() == (made / folder.name / table).read_bytes()
    said = [json.loads((at / "agree-letters" / "stdout").read_bytes()) for at in (made, made / "python")]
    del said[0]["provenance"]["verdicts"]  # a file here, records there
    assert list(differences(*said)) == []


def test_python_fits_the_cascade_that_the_command_line_fits(made):
    before, now = (
        json.loads(raw)
        for raw in (former("python/cascade.json"), (made / "python/cascade.json").read_bytes())
    )

    here = json.loads((made / "cascade" / "stdout").read_bytes())["fitted"]
    assert before.keys() <= now.keys()
    assert list(differences({k: v for k, v in now.items() if k in here}, here)) == []


@pytest.mark.parametrize("name", RUNS)
def test_runs_of_before_are_read(name, tmp_path):
    for file in ("run.json", "scores.jsonl", "outcomes.jsonl"):
        (tmp_path / file).write_bytes(former(f"{name}/{file}"))
    run = jk.load_run(tmp_path)

    for kind, read in (("scores", run.scores), ("outcomes", run.outcomes)):
        before = [json.loads(line) for line in former(f"{name}/{kind}.jsonl").splitlines()]
        again = json.loads(run.frame(kind).to_json(orient="records", double_precision=15))
        assert len(read) == len(before) > 0
        assert not list(differences(before, again))
    assert run.summary == json.loads(former(f"{name}/run.json"))

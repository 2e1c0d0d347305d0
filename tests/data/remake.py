"""Run the commands and the calls in Python whose outputs are kept here, with the code at hand.

    python tests/data/remake.py FOLDER

`FOLDER` gets a folder for each command: `code`, `stdout`, `stderr` and the files it wrote. `README.md` says
at which commit those beside this file were made.
"""

import io
import json
import os
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

INPUTS = Path(__file__).parent / "inputs"
PY = "py:scripted_judges:"
PLAIN = f"-j {PY}plain"
PANEL = f"{PLAIN} -j {PY}other"
KEPT, GONE = "--ledger kept.sqlite", "--ledger gone.sqlite"
RUNS = {
    "score": f"score few.jsonl -r reply.yaml {PANEL} --partial {KEPT}",
    "score-again": f"score few.jsonl -r reply.yaml {PANEL} --partial {KEPT}",
    "score-panel": f"score items.jsonl -r clear.yaml {PANEL} -j {PY}third --panel median {GONE}",
    "score-text": f"score few.jsonl -r clear.yaml {PANEL} --form text --samples 2 {GONE} --panel majority "
    "--min-judges 2",
    "score-letters": f"score items.jsonl -r clear.yaml {PLAIN} --form letters {GONE}",
    "checklist": f"score few.jsonl -r points.yaml {PLAIN} --protocol checklist --rule published {GONE}",
    "select": f"score few.jsonl -r points.yaml -j {PY}other --protocol select_all --unfounded abstain {GONE}",
    "kind": f"score items.jsonl -r kind.yaml {PLAIN} --form letters {GONE}",
    "kind-strong": f"score items.jsonl -r kind.yaml -j {PY}strong {GONE}",
    "controls": "score items.jsonl -r clear.yaml -j control:longer -j control:random=3 --ledger none",
    "compare": f"compare pairs.jsonl -r clear.yaml {PANEL} {GONE}",
    "compare-letters": f"compare pairs.jsonl -r clear.yaml {PLAIN} --form letters --balance log_odds {GONE}",
    "rank": f"rank lists.jsonl -r clear.yaml {PANEL} {GONE}",
    "match": f"match answers.jsonl {PANEL} -j control:exact {GONE}",
    "prometheus": f"score few.jsonl -r clear.yaml --recipe prometheus {PLAIN} {GONE}",
    "swiss": f"compare lists.jsonl -r clear.yaml --recipe swiss {PANEL} {GONE}",
    "faireval": f"compare pairs.jsonl --recipe faireval -j {PY}other {GONE}",
    "gaps-unlisted": f"score few.jsonl -r points.yaml --recipe gaps-unlisted {PANEL} -j {PY}third {GONE}",
    "cascade-live": f"score items.jsonl -r kind.yaml {PLAIN} --form letters {GONE} --strong {PY}strong "
    "--below 0.8",
}
"""Commands that write a folder of results."""
COMMANDS = {
    **{name: f"{command} --out {name}" for name, command in RUNS.items()},
    "agree": "agree score-panel/outcomes.jsonl --labels labels.csv -r clear.yaml --items items.jsonl "
    "--resamples 200 --json",
    "agree-pairs": "agree compare/outcomes.jsonl --labels pair_labels.csv -r clear.yaml "
    "--resamples 200 --json",
    "agree-letters": "agree score-letters/outcomes.jsonl --labels labels.csv -r clear.yaml --sampling random "
    "--resamples 200 --json",
    "cascade": "cascade kind/outcomes.jsonl kind-strong/outcomes.jsonl --labels kind_labels.csv -r kind.yaml "
    "--alpha 0.3 --least 10 --json",
    "reward": "reward give groups.jsonl --spec spec.toml --own-code --out reward/rewards.jsonl",
    "reward-swiss": "reward give groups.jsonl --spec swiss.toml --own-code --out reward-swiss/rewards.jsonl",
    "reward-show": "reward show spec.toml --own-code",
    "dry-run": f"score few.jsonl -r reply.yaml {PANEL} --dry-run --ledger none",
    "bad-judge": f"score few.jsonl -r reply.yaml -j {PY}nobody --ledger none",
    "ledger": "ledger show --ledger kept.sqlite",
}


def command(line: str, folder: Path) -> None:
    """Run a command; keep its exit code and what it printed."""
    from judgekit.cli import main

    folder.mkdir(exist_ok=True)
    out, errors, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(errors):
        try:
            main(line.split())
        except SystemExit as left:
            code = int(left.code or 0)
    (folder / "code").write_text(f"{code}\n", encoding="utf-8")
    (folder / "stdout").write_text(out.getvalue(), encoding="utf-8")
    (folder / "stderr").write_text(errors.getvalue(), encoding="utf-8")


def in_python(folder: Path) -> None:
    """The same from Python; `FOLDER/python` gets what commands of the same names wrote."""
    import scripted_judges as judges

    import judgekit as jk
    from judgekit.report import findings, read_thresholds
    from judgekit.report.page import audit_json

    def saved(name: str, run: jk.Run) -> jk.Run:
        run.save(folder / name)
        return run

    panel, gone, letters = [judges.plain, judges.other], "gone.sqlite", {"form": "letters", "ledger": None}
    saved("score", jk.score("few.jsonl", "reply.yaml", panel, partial=True, ledger="kept.sqlite"))
    clear = saved("score-letters", jk.score("items.jsonl", "clear.yaml", judges.plain, **letters))
    kind = saved("kind", jk.score("items.jsonl", "kind.yaml", judges.plain, **letters))
    strong = saved("kind-strong", jk.score("items.jsonl", "kind.yaml", judges.strong, ledger=None))
    saved("compare", jk.compare("pairs.jsonl", "clear.yaml", panel, ledger=gone))
    saved("rank", jk.rank("lists.jsonl", "clear.yaml", panel, ledger=None))
    saved("match", jk.match("answers.jsonl", judges=[*panel, "control:exact"], ledger=None))
    saved("swiss", jk.compare("lists.jsonl", "clear.yaml", panel, recipe="swiss", ledger=None))
    saved("faireval", jk.compare("pairs.jsonl", None, judges.other, recipe="faireval", ledger=None))
    saved("cascade-live", jk.score_cascade(
        "items.jsonl", "kind.yaml", judges.plain, judges.strong, doubt=0.8, **letters
    ))  # fmt: skip
    audit = jk.agree(clear.outcomes, labels="labels.csv", rubric="clear.yaml", sampling="random", b=200)
    gates = read_thresholds(None)
    (folder / "agree-letters").mkdir()
    said = json.dumps(audit_json(audit, findings(audit, gates), gates), ensure_ascii=False, indent=1)
    (folder / "agree-letters" / "stdout").write_text(f"{said}\n", encoding="utf-8")
    replayed = jk.cascade(
        kind.outcomes, strong.outcomes, labels="kind_labels.csv", rubric="kind.yaml", alpha=0.3, least=10
    )  # fmt: skip
    fitted = {name: getattr(replayed.fitted, name) for name in ("threshold", "bound", "n_kept", "n_wrong")}
    (folder / "cascade.json").write_text(json.dumps(fitted), encoding="utf-8")
    batch = jk.reward("groups.jsonl", "spec.toml", own_code=True)
    lines = [json.dumps([r.group, r.response, r.value, r.status, r.reason]) for r in batch]
    (folder / "reward.jsonl").write_text("\n".join(lines), encoding="utf-8")


def remake(folder: Path) -> None:
    """Run everything in a folder that does not exist yet."""
    shutil.copytree(INPUTS, folder)
    os.chdir(folder)
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    sys.path.insert(0, str(folder))
    for name, line in COMMANDS.items():
        command(line, folder / name)
    (folder / "python").mkdir()
    in_python(folder / "python")


if __name__ == "__main__":
    remake(Path(sys.argv[1]).resolve())

"""`judgekit demo`: the whole path without a key, and an honest word on what the embedded judge is worth."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from judgekit.cli import signals
from judgekit.cli.printing import say, say_table, tell
from judgekit.cli.running import run_job
from judgekit.judges.controls import parse_control
from judgekit.protocols import Form
from judgekit.roles import Judge
from judgekit.types import Score
from judgekit.verbs import DEFAULT_LEDGER, prepare

ITEMS = Path(__file__).parent / "data" / "demo.jsonl"
RUBRIC = "instruction_following"
CONTROLS = ("control:longer", "control:random=1")
_HELP = "Ledger file; 'none' keeps nothing."


def demo(ledger: Annotated[str | None, typer.Option(help=_HELP)] = None) -> None:
    """Score six small items on the embedded judge and two controls, without a key.

    Each item has a careful and a careless answer, written for this project; four of the six careless
    ones are the longer ones. A judge that is worth something scores the careful one higher. The
    embedded judge is asked twice: for a label, and for the probabilities of all labels.
    """
    from judgekit.judges.local import WORTH, Local

    kept = DEFAULT_LEDGER if ledger is None else None if ledger == "none" else ledger
    columns: dict[str, list[Score]] = {}
    judges: list[tuple[Judge, Form]] = [
        (Local(max_tokens=160, say=_say), "json"),
        (Local(name="local, probabilities", say=_say), "letters"),
        *((parse_control(name), "json") for name in CONTROLS),
    ]
    for judge, form in judges:
        job = prepare(ITEMS, RUBRIC, judge, form=form, ledger=kept)
        columns[judge.name] = signals.run(run_job(job, None, quiet=True))
    _say_scores(columns)
    say()
    _say_worth(columns)
    say()
    say(f"An honest word: {WORTH}.")
    say("For real work name a real judge: --judge openai/..., --judge endpoint:URL#model.")


def _say(line: str) -> None:
    """Pass on what the embedded judge does; what it is worth is said once, at the end."""
    if "useless" not in line:
        tell(line)


def _values(scores: Iterable[Score]) -> dict[tuple[str, str], float | None]:
    return {(s.unit.item_id, s.system): s.value for s in scores if s.level == "rubric"}


def _say_scores(columns: dict[str, list[Score]]) -> None:
    """A line for each response, a column for each judge."""
    values = {name: _values(scores) for name, scores in columns.items()}
    rows = []
    for item, system in next(iter(values.values())):
        cells = [values[name][item, system] for name in columns]
        shown = ["abstained" if value is None else f"{value:.2f}" for value in cells]
        rows.append((item if system == "careful" else "", system, *shown))
    title = f"Scores by the rubric {RUBRIC!r}, 0 to 1"
    say_table(("item", "answer", *columns), rows, right=columns, title=title)


def _say_worth(columns: dict[str, list[Score]]) -> None:
    """How far each judge tells the careful answers from the careless ones."""
    rows = []
    for name, scores in columns.items():
        values = _values(scores)
        pairs = [(values[item, "careful"], values[item, "careless"]) for item, s in values if s == "careful"]
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        higher = f"{sum(a > b for a, b in both)} of {len(both)}"
        equal, abstained = sum(a == b for a, b in both), sum(value is None for value in values.values())
        careful, careless = _mean([a for a, _ in both]), _mean([b for _, b in both])
        rows.append((name, careful, careless, higher, str(equal), str(abstained)))
    right = ("mean, careful", "mean, careless", "careful one higher", "equal", "abstained")
    say_table(("judge", *right), rows, right=right)


def _mean(values: Sequence[float]) -> str:
    return f"{fmean(values):.2f}" if values else "none"

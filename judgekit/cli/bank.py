"""`judgekit bank`: fit, show and use item banks."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from judgekit.cli.named import MANY, columns_of
from judgekit.cli.printing import say, say_table
from judgekit.errors import InputError, n_of
from judgekit.writing import beside, write

if TYPE_CHECKING:
    from judgekit.standing.bank import Bank, BankItem
    from judgekit.standing.subsets import Subset

app = typer.Typer(
    help="Item banks: fit one to scores, show it, place new systems by some items, pick which to ask.",
    no_args_is_help=True, add_completion=False,
)  # fmt: skip
_ROWS = 40
_NUMBERS = ("slope", "slope_sd", "level", "level_sd", "difficulty", "n", "share", "infit", "outfit", "rest",
            "negative", "flat", "cost")  # fmt: skip
_BANK = Annotated[Path, typer.Argument(help="The bank, a file that `judgekit bank fit` wrote.")]
_SEED = Annotated[int, typer.Option(help="The seed of what is drawn.")]
_COLUMN = Annotated[
    MANY, typer.Option(help="OUR=THEIRS: which column holds item_id, system or score; once for each.")
]
_CRITERION = Annotated[
    str | None,
    typer.Option(help="The criterion of a run that is taken; the rubric's scores where left out."),
]
_DOUBTFUL = Annotated[
    bool, typer.Option("--doubtful", help="Take items with a flag such as suspect or flat, too.")
]


@app.command("fit")
def fit(
    scores: Annotated[
        list[str],
        typer.Argument(
            help="Scores from 0 to 1 of several systems: runs, their scores.jsonl, or a table with item_id, "
            "system and score, or with item_id and a column for each system."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file for the bank (JSON).")],
    model: Annotated[
        str, typer.Option(help="2pl: items have slopes of their own; 1pl: all the same.")
    ] = "2pl",
    features: Annotated[
        str | None,
        typer.Option(
            help="A table of items with numbers that may foretell how hard they are, and their cost; or a "
            "run of a rubric about the task, such as demands."
        ),
    ] = None,
    criterion: _CRITERION = None,
    column: _COLUMN = None,
    table: Annotated[Path | None, typer.Option(help="The file for a table of all items (CSV).")] = None,
    checks: Annotated[
        bool, typer.Option(help="Hide a fifth of the answers in turn, to see which model foretells them.")
    ] = True,
    require: Annotated[
        MANY, typer.Option(help="no-FLAG: no item may have this flag, such as no-reversed, or exit code 1.")
    ] = None,
    seed: _SEED = 0,
) -> None:
    """Fit a bank to the scores of several systems, and say what is wrong with its items.

    Example: judgekit bank fit run/scores.jsonl --out bank.json
    """
    from judgekit.standing.bank import bank_text
    from judgekit.standing.item_fit import FLAGS
    from judgekit.verbs.bank import fit as fit_to

    unwanted = [each.removeprefix("no-") for each in require or ()]
    if stray := [each for each in unwanted if each not in FLAGS]:
        raise InputError(f"--require {stray[0]!r}: say no-FLAG, of {', '.join(FLAGS)}")
    bank = fit_to(
        *scores, model=model, features=features, criterion=criterion, columns=columns_of(column),  # type: ignore[arg-type]  # checked there
        checks=checks, seed=seed,
    )  # fmt: skip
    reads = [*scores, *([] if features is None else [features])]
    write(out, bank_text(bank).encode(), reads=reads)
    _say_bank(bank)
    if table is not None:
        _write_items(bank, table, [*reads, out])
    say(f"written to {out}; see it with `judgekit bank show {out}`")
    if bad := [each for each in unwanted if bank.flagged.get(each)]:
        say(f"not met: no-{bad[0]} ({n_of(bank.flagged[bad[0]], 'item')})")
        raise typer.Exit(1)
    if bank.status.startswith("undefined"):
        raise typer.Exit(3)


@app.command("show")
def show(
    bank: _BANK,
    table: Annotated[Path | None, typer.Option(help="The file for a table of all items (CSV).")] = None,
    report: Annotated[
        Path | None, typer.Option(help="The file for a page (HTML): items by difficulty, flags, systems.")
    ] = None,
) -> None:
    """Show a bank: what its items tell, which have a flag, and the systems that calibrated it."""
    from judgekit.verbs.bank import load

    held = load(bank)
    _say_bank(held)
    _say_information(held)
    systems = sorted(held.systems.items(), key=lambda each: (math.isnan(each[1][0]), -each[1][0]))
    rows = [(name, *map(_number, of)) for name, of in systems[:_ROWS]]
    heads = ("system", "ability", "error", "score")
    say_table(heads, rows, right=heads[1:], title="Systems, best first")
    if table is not None:
        _write_items(held, table, [bank])
    if report is not None:
        from judgekit.report.bank import write_bank

        write_bank(held, report, reads=[bank])
        say(f"the page is written to {report}")


@app.command("place")
def place(
    bank: _BANK,
    answers: Annotated[str, typer.Argument(help="Scores of systems on some of its items, as for bank fit.")],
    method: Annotated[
        str, typer.Option(help="The ability: eap (mean of the posterior), map (its mode) or mle.")
    ] = "eap",
    subset: Annotated[
        Path | None, typer.Option(help="The subset that was asked, as bank pick --out wrote it.")
    ] = None,
    criterion: _CRITERION = None,
    column: _COLUMN = None,
) -> None:
    """Say where systems stand by their answers to some items, beside two controls that cost less."""
    from judgekit.verbs.bank import place as place_by

    found = place_by(
        bank, answers, method=method, subset=None if subset is None else _read_subset(subset),  # type: ignore[arg-type]  # checked there
        criterion=criterion, columns=columns_of(column),
    )  # fmt: skip
    say_placed({name: asdict(each) for name, each in found.items()})


def say_placed(placed: Mapping[str, Mapping[str, Any]]) -> None:
    """Print where systems stand, with the plain mean of their answers and no call at all beside it."""
    rows = []
    for name, of in placed.items():
        interval = f"{_number(of['score_low'])} to {_number(of['score_high'])}"
        plain = f"{_number(of['plain'])} +- {_number(of['plain_sd'])}"
        number = map(_number, (of["ability"], of["sd"], of["score"]))
        rows.append((name, *number, interval, plain, str(of["n"]), str(of["n_missing"])))
    heads = ("system", "ability", "error", "score on all", "95 % interval", "plain mean", "items", "missing")
    say_table(heads, rows, right=heads[1:], title="Placed by a bank")
    if placed:
        of = next(iter(placed.values()))
        say(f"without any call: {_number(of['no_call'])} +- {_number(of['no_call_sd'])}, as earlier systems")


@app.command("pick")
def pick(
    bank: _BANK,
    k: Annotated[int, typer.Option("-k", help="How many items.")],
    how: Annotated[
        str | None,
        typer.Option(
            help="stratified, pivotal, medoids, information or random; left out, medoids with --answers, "
            "else stratified."
        ),
    ] = None,
    answers: Annotated[
        str | None, typer.Option(help="Scores of earlier systems, by which items are near each other.")
    ] = None,
    doubtful: _DOUBTFUL = False,
    seed: _SEED = 0,
    out: Annotated[
        Path | None, typer.Option(help="The file for the subset (JSON); its ids are printed where left out.")
    ] = None,
) -> None:
    """Pick items to ask in place of all, and say what choosing them can gain before anything is asked."""
    from judgekit.verbs.bank import pick as pick_from

    subset = pick_from(bank, k, how=how, answers=answers, doubtful=doubtful, seed=seed)  # type: ignore[arg-type]  # checked there
    if out is None:
        rows = [(item, f"{weight:.6g}") for item, weight in zip(subset.ids, subset.weights, strict=True)]
        say_table(("item", "weight"), rows, right=("weight",))
    else:
        text = json.dumps(asdict(subset), ensure_ascii=False, indent=1) + "\n"
        write(out, text.encode(), reads=[bank, *([] if answers is None else [answers])])
        say(f"{n_of(len(subset.ids), 'item')}, {subset.how}, written to {out}")
    say(subset.words)


@app.command("forms")
def forms(
    bank: _BANK,
    size: Annotated[int, typer.Option(help="Items of each test.")],
    seed: _SEED = 0,
    out: Annotated[
        Path | None, typer.Option(help="The folder for the ids of the two tests; printed where left out.")
    ] = None,
) -> None:
    """Make two tests that are equally hard and share no item."""
    from judgekit.verbs.bank import forms as forms_of

    both = forms_of(bank, size, seed=seed)
    if out is None:
        say_table(("one", "other"), list(zip(*both, strict=True)), title="Two tests of one difficulty")
        return
    targets = [out / "one.txt", out / "other.txt"]
    with beside(*targets, reads=[bank]) as files:
        for file, ids in zip(files, both, strict=True):
            file.write("".join(f"{each}\n" for each in ids).encode())
    say(f"{n_of(size, 'item')} each, written to {targets[0]} and {targets[1]}")


def _say_bank(bank: "Bank") -> None:
    """Print what a bank is worth, and the items that have a flag."""
    told = (
        f"{n_of(len(bank.items), 'item')}, {n_of(len(bank.systems), 'system')}, {bank.model}: {bank.status}"
    )
    say(told)
    for note in bank.notes:
        say(note)
    if bank.status == "unstable:few_systems":
        say("below 30 systems the slopes of single items are not to be trusted; abilities are")
    say(f"abilities: {_number(bank.mean)} +- {_number(bank.sd)}, reliability {_number(bank.reliability)}")
    if bank.explained is not None:
        nothing = "features explain nothing" if bank.explained == 0 else ""
        say(nothing or f"features explain {bank.explained:.0%} of how hard items are")
    if bank.hidden:
        rows = [(each.model, f"{each.log_loss:.4f}", _number(each.auc)) for each in bank.hidden]
        say_table(("model", "log loss", "AUC"), rows, right=("log loss", "AUC"), title="On hidden answers")
    if not math.isnan(bank.one_ability):
        more = "; there may be more than one" if bank.one_ability < 0.05 else ""
        say(f"one ability is enough: p = {bank.one_ability:.2f}{more}")
    for one, other in bank.twins[:_ROWS]:
        say(f"twins, as the same question asked twice: {one} and {other}")
    flagged = [item for item in bank.items if item.flags]
    _say_items(flagged[:_ROWS], f"{n_of(len(flagged), 'item')} with a flag")


def _say_items(items: Sequence["BankItem"], title: str) -> None:
    heads = ("item", "flags", "right", "rest r", "slope", "level", "infit", "outfit", "n")
    rows = []
    for i in items:
        numbers = map(_number, (i.share, i.rest, i.slope, i.level, i.infit, i.outfit))
        rows.append((i.item_id, " ".join(i.flags), *numbers, str(i.n)))
    say_table(heads, rows, right=heads[2:], title=title)


def _say_information(bank: "Bank") -> None:
    """Print how well abilities are known by all items, along the scale."""
    import numpy as np

    if math.isnan(bank.sd):
        return
    at = bank.mean + bank.sd * np.linspace(-3, 3, 7)
    known = bank.information(at)
    rows = [
        (f"{a:.2f}", f"{i:.1f}", _number(i**-0.5 if i > 0 else math.nan))
        for a, i in zip(at, known, strict=True)
    ]
    heads = ("ability", "information", "error")
    say_table(heads, rows, right=heads, title="What all items tell, along the scale")


def _write_items(bank: "Bank", target: Path, reads: Sequence[str | Path]) -> None:
    """Write the table of items; an id that a spreadsheet would run is text."""
    import csv
    import io

    from judgekit.review.sheet import inert

    made = io.StringIO()
    rows = csv.writer(made, lineterminator="\n")
    rows.writerow(("item_id", *_NUMBERS, "flags"))
    for item in bank.items:
        numbers = [getattr(item, name) for name in _NUMBERS]
        rows.writerow(
            (
                inert(item.item_id),
                *("" if math.isnan(x) else f"{x:.6g}" for x in numbers),
                " ".join(item.flags),
            )
        )
    write(target, made.getvalue().encode(), reads=reads)
    say(f"the table of items is written to {target}")


def _read_subset(path: Path) -> "Subset":
    from judgekit.rubric.files import read_text
    from judgekit.standing.subsets import Subset

    try:
        raw = json.loads(read_text(path))
        return Subset(**{**raw, "ids": tuple(raw["ids"]), "weights": tuple(raw["weights"])})
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is no subset ({error}); `judgekit bank pick --out` writes one") from None


def _number(value: float | None) -> str:
    return "none" if value is None or math.isnan(value) else f"{value:.3f}"

"""`judgekit agree`, `calibrate`, `cascade` and `design`: what stored runs and labels say of judges."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from judgekit.agreement.probability.drawn import DrawnThreshold
from judgekit.cli.named import MANY, columns_of
from judgekit.cli.options import FILES, REQUIRED, WHAT, Flag, argument, command, of_verb
from judgekit.cli.printing import say, say_json, say_styled, say_table, tell
from judgekit.errors import InputError
from judgekit.verbs.agree import agree as compare_with_people
from judgekit.verbs.calibrate import calibrate as fit
from judgekit.verbs.cascade import cascade as replay
from judgekit.verbs.design import design as foresee

if TYPE_CHECKING:
    from judgekit.agreement.models.designs import Predicted
    from judgekit.recipes.cascade import Step
    from judgekit.verbs.cascade import Replayed

STYLES = {
    "TRUST": "bold green", "TRUST WITH CORRECTION": "green", "HUMAN IN THE LOOP": "yellow",
    "INSUFFICIENT EVIDENCE": "cyan", "DO NOT USE": "bold red",
}  # fmt: skip


_ROWS = 20  # points of a cascade's curve that are printed; --json has all
_HOW, _RUN = "How to compare", "The run: the folder that --out wrote, or its outcomes.jsonl."
_LABELS = "The file of people's labels (CSV, JSONL or Parquet)."
_RUBRIC = Flag("rubric", WHAT, typed=("--rubric", "-r"))
_JUDGE = Flag("judge", WHAT, kind=MANY, typed=("--judge", "-j"))
_CRITERION = Flag("criterion", WHAT, kind=MANY)
_COLUMN = Flag(
    "column", WHAT, kind=MANY,
    help="OUR=THEIRS: which column of the labels holds what, e.g. label=score.",
)  # fmt: skip
_SEED = Flag(
    "seed", _HOW, kind=Annotated[int, typer.Option(min=0, help="The seed of what is drawn by chance.")]
)
_AS_JSON = Flag(
    "as_json", FILES, kind=bool, default=False, typed=("--json",), help="Print all estimates as JSON."
)
AGREE = (
    Flag(
        "labels", WHAT, kind=Path | None,
        help="People's labels (CSV, JSONL or Parquet): item_id, rater and label, and response_id and "
        "criterion where there are several; left out where they stand among the verdicts.",
    ),
    _RUBRIC, Flag("scale", WHAT), _JUDGE, Flag("items", WHAT),
    Flag(
        "column", WHAT, kind=MANY,
        help="OUR=THEIRS: which column of the labels, or of the items, holds what.",
    ),
    Flag("labels_about", WHAT),
    Flag("systems", WHAT, of="responses_are_systems", typed=("--response-is-system",)),
    Flag("by", _HOW, kind=MANY),
    Flag("balance", _HOW),
    Flag("trusted", _HOW, typed=("--trusted",)),
    Flag(
        "family", _HOW, kind=MANY,
        help="NAME=JUDGE,SYSTEM,...: who belongs to one model family, to look for self-preference.",
    ),
    Flag("sampling", _HOW), Flag("epsilon", _HOW), _SEED, Flag("resamples", _HOW, of="b"),
    Flag(
        "report", FILES, kind=Path | None,
        help="The page (.html) to write; .json and .md files of the same numbers are written beside it.",
    ),
    _AS_JSON, Flag("progress", FILES),
    Flag(
        "thresholds", FILES, kind=Path | None,
        help="The TOML file of thresholds that take the place of the default ones.",
    ),
    Flag(
        "require", FILES, kind=MANY,
        help="PURPOSE=VERDICT (rank, level or gate): exit code 1 unless every judge gets it or better.",
    ),
)  # fmt: skip


def _agree(context: typer.Context, given: dict[str, Any]) -> int:
    from judgekit.report import findings, read_thresholds
    from judgekit.report.page import audit_json, write_report

    wanted = _required(given["require"] or [])
    verdicts, report = given["verdicts"], given["report"]
    if report is not None and report.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"--report {report}: the report is a page; name it {report.stem or 'report'}.html")
    gates = read_thresholds(given["thresholds"])
    made = compare_with_people(
        verdicts, columns=columns_of(given["column"]), families=families_of(given["family"] or []),
        **of_verb(compare_with_people, AGREE, given),
    )  # fmt: skip
    found = findings(made, gates)
    if given["as_json"]:
        say_json(audit_json(made, found, gates))
    else:
        _print(made, found)
    files = (verdicts, given["labels"], given["rubric"], given["thresholds"], given["items"])
    reads = [path for path in files if path is not None]
    if report is not None:
        typed = shlex.join(["judgekit", *context.obj]) if context.obj else ""
        for path in write_report(made, found, gates, report, command=typed, reads=reads):
            tell(f"-> {path}")
    return 1 if _unmet(found, wanted) else 0


agree = command(
    _agree,
    "Audit judges: say how far they agree with people, and whether they may be trusted, for what.\n\n"
    "Example: judgekit agree run --labels labels.csv --rubric my.yaml --report audit.html\n\n"
    "Labels are what people gave, by the same item_id and response_id; `judgekit review` gathers them.",
    AGREE,
    verb=compare_with_people,
    arguments=[
        argument(
            "verdicts", Path, "The folder or outcomes.jsonl of a run, or a table: item_id, rater, label, ..."
        )
    ],
)


def families_of(given: Sequence[str]) -> dict[str, list[str]]:
    """Return the families that a command line declares."""
    made: dict[str, list[str]] = {}
    for each in given:
        name, equals, members = each.partition("=")
        if not equals or not name or not members:
            raise InputError(
                f"--family {each}: say NAME=JUDGE,SYSTEM, such as --family gpt=gpt-4o,gpt-4o-mini"
            )
        made.setdefault(name, []).extend(part.strip() for part in members.split(","))
    return made


def _required(given: Sequence[str]) -> dict[str, str]:
    from judgekit.report import PURPOSES, VERDICTS

    wanted: dict[str, str] = {}
    for each in given:
        purpose, equals, verdict = each.partition("=")
        name = verdict.strip().upper().replace("_", " ")
        if not equals or purpose not in PURPOSES or name not in VERDICTS:
            raise InputError(
                f"--require {each}: say PURPOSE=VERDICT, with {', '.join(PURPOSES)} and {', '.join(VERDICTS)}"
            )
        wanted[purpose] = name
    return wanted


def _unmet(found: Sequence[Any], wanted: dict[str, str]) -> bool:
    from judgekit.report import VERDICTS

    unmet = False
    for each in found:
        least = wanted.get(each.purpose)
        if least is not None and VERDICTS.index(each.verdict) > VERDICTS.index(cast("Any", least)):
            where = f"{each.judge} on {each.criterion}: {each.purpose}"
            tell(f"not met: {where} is {each.verdict}, {least} is required")
            unmet = True
    return unmet


def _print(made: Any, found: Sequence[Any]) -> None:
    from judgekit.agreement.auditing.sections.beside import panel_lines
    from judgekit.agreement.auditing.wording import called, told

    rows = []
    for criterion in made.criteria:
        for judge in criterion.judges:
            missing = ", ".join(f"{n} {reason}" for reason, n in judge.abstained.items())
            agreed, people = told(judge.main), told(criterion.human_alpha)
            about = (criterion.criterion, judge.judge, agreed, called(judge.main.name), people)
            rows.append((*about, str(judge.main.n_used), missing))
    say_table(
        ("criterion", "judge", "agreement with people", "", "people with each other", "n", "no verdict"),
        rows,
        whole={"no verdict", ""},
    )
    for criterion in made.criteria:
        for line in panel_lines(criterion.panel):
            say(f"{criterion.criterion}, {line}")
        for judge in criterion.judges:
            if judge.second_look is not None:
                say(f"{criterion.criterion}, {judge.judge}: {judge.second_look.sentence}")
        left = ", ".join(f"{n} {what}" for what, n in criterion.labelled.dropped.items() if n)
        if left:
            say(f"{criterion.criterion}, left out: {left}")
    _say_notes(made.notes)
    say()
    for each in found:
        _print_finding(each)


def _print_finding(each: Any) -> None:
    from judgekit.report import PURPOSES

    about = f"{each.judge} on {each.criterion}, to {PURPOSES[each.purpose]}: "
    say_styled(each.verdict, STYLES[each.verdict], before=about)
    say(f"  {each.why}")
    for line in each.correction:
        say(f"  do: {line}")
    for line in each.change:
        say(f"  to change it: {line}")


CALIBRATE = (
    _RUBRIC, Flag("scale", WHAT), _JUDGE, _CRITERION, _COLUMN, Flag("labels_about", WHAT),
    Flag("method", _HOW), Flag("balance", _HOW), _SEED,
    Flag("out", FILES, kind=Path, default=REQUIRED, help="The file for the calibration (JSON)."),
)  # fmt: skip


def _calibrate(_: typer.Context, given: dict[str, Any]) -> None:
    run, labels, rubric, out = (given[name] for name in ("run", "labels", "rubric", "out"))
    found = fit(run, labels, columns=columns_of(given["column"]), **of_verb(fit, CALIBRATE, given))
    found.save(out, reads=[run, labels, *([rubric] if rubric else [])])
    heads = ("judge", "criterion", "labels", "error before", "error after")
    rows = (
        (own.rater, own.criterion, str(own.n), f"{own.brier_before:.4f}", f"{own.brier_after:.4f}")
        for own in found.fits
    )
    say_table(heads, rows, right=heads[2:])
    say("error: Brier score, each item by a fit without it (0 is best)")
    _say_notes(found.notes)
    say(f"written to {out}")


calibrate = command(
    _calibrate,
    "Fit what maps the judges' probabilities to people's labels; score --calibration uses it.\n\n"
    "Example: judgekit calibrate results labels.csv --rubric r.yaml --out fitted.json. Nothing is asked.",
    CALIBRATE,
    verb=fit,
    arguments=[argument("run", Path, _RUN), argument("labels", Path, _LABELS)],
)


CASCADE = (
    Flag(
        "labels", WHAT, kind=Path | None,
        help="The file of people's labels (CSV, JSONL or Parquet), or of their outcomes; none for the whole.",
    ),
    _RUBRIC, Flag("scale", WHAT), _CRITERION, _COLUMN, Flag("labels_about", WHAT),
    Flag("promise", _HOW), Flag("alpha", _HOW), Flag("delta", _HOW), Flag("least", _HOW),
    Flag("fit_share", _HOW), _SEED,
    Flag(
        "cheap_cost", _HOW, kind=float, default=1.0,
        help="The cost of a question to the cheap judge, in any unit.",
    ),
    Flag(
        "strong_cost", _HOW, kind=float, default=10.0,
        help="The cost of a question to the strong judge, in the same unit.",
    ),
    _AS_JSON,
)  # fmt: skip


def _cascade(_: typer.Context, given: dict[str, Any]) -> int:
    found = replay(
        given["cheap"], given["strong"], costs=(given["cheap_cost"], given["strong_cost"]),
        columns=columns_of(given["column"]), **of_verb(replay, CASCADE, given),
    )  # fmt: skip
    if given["as_json"]:
        points = {"chosen": _point(found.chosen), "curve": [_point(step) for step in found.curve]}
        say_json({"fitted": _nulled(asdict(found.fitted)), **points, **{
            name: getattr(found, name) for name in ("n_fit", "n_read", "costs", "notes")
        }})  # fmt: skip
    else:
        _print_cascade(found)
    return 0 if found.fitted.status == "ok" else 1


cascade = command(
    _cascade,
    "Say which questions a cheap judge may keep, and what sending the rest on would cost and gain.\n\n"
    "Example: judgekit cascade cheap-run strong-run --labels labels.csv --rubric my.yaml. Nothing is asked. "
    "The exit code is 1 where no threshold can promise the error.",
    CASCADE,
    verb=replay,
    arguments=[
        argument("cheap", Path, "The cheap judge's run: its folder, or its outcomes.jsonl."),
        argument("strong", Path, "The strong judge's run, on the same questions."),
    ],
)


def _point(step: "Step") -> dict[str, Any]:
    """Return a point of the curve as JSON, which says what the cheap judge keeps."""
    keeps = "from_threshold" if math.isfinite(step.threshold) else "all" if step.threshold < 0 else "none"
    return {"cheap_keeps": keeps, **_nulled(asdict(step))}


def _print_cascade(found: "Replayed") -> None:
    rows = []
    for step in _some(found.curve, found.chosen):
        mark = "<- fitted" if step is found.chosen and found.fitted.status == "ok" else ""
        shown = (f"{step.agreement:.3f}", f"{step.low:.3f} to {step.high:.3f}")
        if math.isnan(step.agreement):
            shown = ("none", "")
        about = (_threshold(step), f"{step.escalated:.1%}", f"{step.cost:g}")
        rows.append((*about, *shown, str(step.n_missing), mark))
    right = ("goes on", "cost", "agreement", "95 % interval", "no verdict")
    say_table(("goes on below", *right, ""), rows, right=right)
    if len(found.curve) > _ROWS:
        say(f"some of {len(found.curve)} thresholds; --json prints all")
    say(
        f"read on {found.n_read} labelled questions; a question costs {found.costs[0]:g} and, where it goes "
        f"on, {found.costs[1]:g} more; the strong judge alone would cost {found.n_read * found.costs[1]:g}"
    )
    say_styled(_promise(found), "bold")
    _say_notes((*found.notes, *getattr(found.fitted, "notes", ())))


def _promise(found: "Replayed") -> str:
    """Return the fitted threshold with its bound, or that there is none."""
    fitted = found.fitted
    sure = f"{1 - fitted.delta:.0%} sure"
    if fitted.status != "ok":
        return f"no threshold can promise an error of {fitted.alpha:g}, {sure}: send everything on"
    if isinstance(fitted, DrawnThreshold):
        return (
            f"threshold {fitted.threshold:.6g}: of all {fitted.n} final verdicts at most {fitted.alpha:g} "
            f"differ from the strong judge's, {sure}; {fitted.escalated:.1%} are its own, those below the "
            f"threshold and {len(fitted.drawn)} drawn to find it ({fitted.n_wrong} of them wrong)"
        )
    rests_on = f"{fitted.n_wrong} of {fitted.n_kept} kept among {found.n_fit} labelled questions were wrong"
    return (
        f"threshold {fitted.threshold:.6g}: of what the cheap judge keeps at most {fitted.alpha:g} is wrong, "
        f"{sure} ({rests_on}; bound {fitted.bound:.3f})"
    )


def _threshold(step: "Step") -> str:
    if math.isfinite(step.threshold):
        return f"{step.threshold:.6g}"
    return "(only what got no verdict)" if step.threshold < 0 else "(everything)"


def _some(curve: "Sequence[Step]", chosen: "Step") -> "list[Step]":
    """Return points spread evenly over the curve, its ends and the chosen one among them."""
    last = len(curve) - 1
    wanted = {round(i * last / (_ROWS - 1)) for i in range(_ROWS)}
    return [step for i, step in enumerate(curve) if i in wanted or step is chosen]


DESIGN = (
    Flag("labels", WHAT, kind=Path, default=REQUIRED, help=_LABELS),
    _RUBRIC, Flag("scale", WHAT), _CRITERION, _JUDGE, _COLUMN, Flag("labels_about", WHAT),
    Flag("target", _HOW), Flag("measure", _HOW), Flag("most_samples", _HOW),
    Flag("price", _HOW, kind=MANY, help="JUDGE=USD: the price of a call; left out, what the pilot paid."),
    _SEED, Flag("resamples", _HOW, of="b"),
    Flag("all", FILES, kind=bool, default=False, typed=("--all",), help="Print the worse ones, too."),
    _AS_JSON,
)  # fmt: skip


def _design(_: typer.Context, given: dict[str, Any]) -> int:
    found = foresee(
        given["pilot"], prices=_prices_of(given["price"] or []), columns=columns_of(given["column"]),
        **of_verb(foresee, DESIGN, given),
    )  # fmt: skip
    if given["as_json"]:
        say_json([_nulled(asdict(each)) for each in found])
    else:
        for each in found:
            _print_designs(each, every=given["all"])
    return 0 if given["target"] is None or all(each.chosen for each in found) else 1


design = command(
    _design,
    "Say, from a pilot, how far other designs (samples, orders, judges) would agree with people.\n\n"
    "Example: judgekit design pilot --labels labels.csv --rubric my.yaml --target 0.8. Nothing is asked. The "
    "exit code is 1 where no design is sure to reach the target.",
    DESIGN,
    verb=foresee,
    arguments=[argument("pilot", Path, _RUN)],
)


def _prices_of(given: Sequence[str]) -> dict[str, float]:
    made: dict[str, float] = {}
    for each in given:
        name, equals, usd = each.rpartition("=")
        try:
            made[name] = float(usd if name else equals)
        except ValueError:
            raise InputError(f"--price {each}: say JUDGE=USD, such as --price fast=0.002") from None
    return made


def _print_designs(found: "Predicted", *, every: bool) -> None:
    from judgekit.agreement.auditing.wording import told

    best, rows, measure = -math.inf, [], next((d.agreement.name for d in found.designs), "agreement")
    for each in found.designs:
        if every or each is found.chosen or each.agreement.value > best + 0.001:
            price = "" if math.isnan(each.price) else f"${each.price:.5f}"
            rows.append((str(each), f"{each.calls:.3g}", price, told(each.agreement)))
        best = max(best, each.agreement.value)
    say(f"{found.criterion}: {found.n_labelled} of {found.n_units} units have labels")
    say_table(
        ("design", "calls a unit", "price", f"{measure} with people"), rows, right=("calls a unit", "price")
    )
    say()
    steps = [(str(each.after), str(each.before), told(each.gain), each.finding) for each in found.steps]
    say_table(("design", "beside", "gain in agreement", ""), steps)
    say()
    for each in found.endless:
        say(f"{each}: {told(each.agreement)}") if len(each.judges) == 1 else None
    _say_notes(found.notes)
    say_styled(found.advice, "bold")


def _nulled(values: Any) -> Any:
    """Return values as JSON has them: what is undefined or infinite is null."""
    if isinstance(values, Mapping):
        return {name: _nulled(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_nulled(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _say_notes(notes: Iterable[str]) -> None:
    for note in notes:
        say(f"note: {note}")

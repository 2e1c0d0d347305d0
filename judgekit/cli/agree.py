"""`judgekit agree`: judges against people; a table, a verdict for each purpose, a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from judgekit.cli.pairs import columns_of
from judgekit.cli.printing import say, say_json, say_styled, say_table, tell
from judgekit.errors import InputError

_STYLES = {
    "TRUST": "bold green", "TRUST WITH CORRECTION": "green", "HUMAN IN THE LOOP": "yellow",
    "INSUFFICIENT EVIDENCE": "cyan", "DO NOT USE": "bold red",
}  # fmt: skip


def agree(
    verdicts: Annotated[
        Path, typer.Argument(help="outcomes.jsonl of a run, or a table: item_id, rater, label, ...")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="People's labels (CSV, JSONL, Parquet); left out where they stand among the verdicts."
        ),
    ] = None,
    rubric: Annotated[str | None, typer.Option("--rubric", "-r", help="Declares the scales.")] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            help="Where there is no rubric: 1-5, 0-100, yes_no, no,maybe,yes, nominal:a,b,c or pair."
        ),
    ] = None,
    judge: Annotated[list[str] | None, typer.Option("--judge", "-j", help="Only these judges.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write a page (.html), and .json and .md of the same numbers beside it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all estimates as JSON.")] = False,
    thresholds: Annotated[Path | None, typer.Option(help="TOML file of thresholds in place of ours.")] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="PURPOSE=VERDICT (rank, level, gate): exit 1 unless every judge gets it or better."
        ),
    ] = None,
    items: Annotated[
        str | None, typer.Option(help="The items judged, for lengths, systems and tags.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Columns of labels, or tags of items, to slice by.")
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help="OUR=THEIRS, for the labels.")] = None,
    balance: Annotated[
        str, typer.Option(help="Orders and samples to one: average, log_odds, consistent.")
    ] = "average",
    trusted: Annotated[bool, typer.Option("--trusted", help="The labels are a settled gold.")] = False,
    systems: Annotated[
        bool, typer.Option("--response-is-system", help="Response ids name who wrote them.")
    ] = False,
    labels_about: Annotated[
        str, typer.Option(help="Labels of pairs: about 'item' or 'shown' order.")
    ] = "item",
    family: Annotated[
        list[str] | None, typer.Option(help="NAME=JUDGE,SYSTEM,...: a family, for self-preference.")
    ] = None,
    sampling: Annotated[
        str, typer.Option(help="How labelled units were picked: random gives a corrected level.")
    ] = "unknown",
    epsilon: Annotated[float, typer.Option(help="Advantage in the alternative annotator test.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Of all resampling.")] = 0,
    resamples: Annotated[int, typer.Option(help="Resamples behind the intervals.")] = 1000,
) -> int:
    """Say how far a judge agrees with people, and whether it may be trusted, for what."""
    from judgekit.report import findings, read_thresholds
    from judgekit.report.page import write_report
    from judgekit.report.text import audit_json
    from judgekit.verbs.agree import agree as compare_with_people

    wanted = _required(require or [])
    if report is not None and report.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"--report {report}: the report is a page; name it {report.stem or 'report'}.html")
    gates = read_thresholds(thresholds)
    made = compare_with_people(
        verdicts, labels=labels, rubric=rubric, scale=scale, judge=judge, items=items, by=by or (),
        columns=columns_of(column), balance=cast("Any", balance), responses_are_systems=systems,
        trusted=trusted, labels_about=labels_about, families=_families(family or []), seed=seed,
        b=resamples, epsilon=epsilon, sampling=cast("Any", sampling),
    )  # fmt: skip
    found = findings(made, gates)
    if as_json:
        say_json(audit_json(made, found, gates))
    else:
        _print(made, found)
    reads = [path for path in (verdicts, labels, rubric, thresholds, items) if path is not None]
    if report is not None:
        for path in write_report(made, found, gates, report, reads=reads):
            tell(f"-> {path}")
    return 1 if _unmet(found, wanted) else 0


def _families(given: Sequence[str]) -> dict[str, list[str]]:
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
    from judgekit.agreement.auditing.sections.panel import panel_lines
    from judgekit.agreement.auditing.wording import called, told

    rows = []
    for criterion in made.criteria:
        for judge in criterion.judges:
            missing = ", ".join(f"{n} {reason}" for reason, n in judge.abstained.items())
            agreed, people = told(judge.main), told(criterion.human_alpha)
            about = (criterion.criterion, judge.judge, agreed, called(judge.main.name), people)
            rows.append((*about, str(judge.main.n_used), missing))
    say_table(
        ("criterion", "judge", "agreement with people", "", "people with each other", "n", "no verdict"), rows
    )
    for criterion in made.criteria:
        for line in panel_lines(criterion.panel):
            say(f"{criterion.criterion}, {line}")
        left = ", ".join(f"{n} {what}" for what, n in criterion.labelled.dropped.items() if n)
        if left:
            say(f"{criterion.criterion}, left out: {left}")
    for note in made.notes:
        say(f"note: {note}")
    say()
    for each in found:
        _print_finding(each)


def _print_finding(each: Any) -> None:
    from judgekit.report import PURPOSES

    about = f"{each.judge} on {each.criterion}, to {PURPOSES[each.purpose]}: "
    say_styled(each.verdict, _STYLES[each.verdict], before=about)
    say(f"  {each.why}")
    for line in each.correction:
        say(f"  do: {line}")
    for line in each.change:
        say(f"  to change it: {line}")

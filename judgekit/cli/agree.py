"""`judgekit agree`: judges against people; a table, a verdict for each purpose, a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from judgekit.cli.named import MANY, columns_of
from judgekit.cli.options import FILES, WHAT, Flag, argument, command
from judgekit.cli.printing import say, say_json, say_styled, say_table, tell
from judgekit.errors import InputError

_STYLES = {
    "TRUST": "bold green", "TRUST WITH CORRECTION": "green", "HUMAN IN THE LOOP": "yellow",
    "INSUFFICIENT EVIDENCE": "cyan", "DO NOT USE": "bold red",
}  # fmt: skip


_HOW = "How to compare"
FLAGS = (
    Flag(
        "labels", WHAT, kind=Path | None,
        help="People's labels (CSV, JSONL or Parquet); left out where they stand among the verdicts.",
    ),
    Flag(
        "rubric", WHAT, kind=str | None, typed=("--rubric", "-r"),
        help="The rubric that declares the scales: a file or a bundled name.",
    ),
    Flag(
        "scale", WHAT, kind=str | None,
        help="The scale where there is no rubric: 1-5, 0-100, yes_no, no,maybe,yes, nominal:a,b,c or pair.",
    ),
    Flag(
        "judge", WHAT, kind=MANY, typed=("--judge", "-j"),
        help="The judges to audit; all of them where left out.",
    ),
    Flag(
        "items", WHAT, kind=str | None, help="The file of the items judged, for lengths, systems and tags."
    ),
    Flag(
        "column", WHAT, kind=MANY, help="OUR=THEIRS: which column of the labels, or of the items, holds what."
    ),
    Flag(
        "labels_about", WHAT, default="item",
        help="What labels of pairs are about: the item's order of responses ('item') or the order 'shown'.",
    ),
    Flag(
        "systems", WHAT, kind=bool, default=False, typed=("--response-is-system",),
        help="Response ids are the names of the systems that wrote them.",
    ),
    Flag("by", _HOW, kind=MANY, help="The columns of the labels, or tags of the items, to slice by."),
    Flag(
        "balance", _HOW, default="average",
        help="How a judge's orders and samples become one verdict: average, log_odds or consistent.",
    ),
    Flag(
        "trusted", _HOW, kind=bool, default=False, typed=("--trusted",),
        help="The labels are a settled gold standard.",
    ),
    Flag(
        "family", _HOW, kind=MANY,
        help="NAME=JUDGE,SYSTEM,...: who belongs to one model family, to look for self-preference.",
    ),
    Flag(
        "sampling", _HOW, default="unknown",
        help="How the labelled units were picked; only 'random' gives a corrected level.",
    ),
    Flag(
        "epsilon", _HOW, kind=float, default=0.15,
        help="The advantage that people get in the alternative annotator test.",
    ),
    Flag(
        "seed", _HOW, kind=Annotated[int, typer.Option(min=0, help="The seed of all resampling.")], default=0
    ),
    Flag(
        "resamples", _HOW, kind=int, default=1000, help="The number of resamples behind the intervals."
    ),
    Flag(
        "report", FILES, kind=Path | None,
        help="The page (.html) to write; .json and .md files of the same numbers are written beside it.",
    ),
    Flag(
        "as_json", FILES, kind=bool, default=False, typed=("--json",), help="Print all estimates as JSON."
    ),
    Flag(
        "thresholds", FILES, kind=Path | None,
        help="The TOML file of thresholds that take the place of the default ones.",
    ),
    Flag(
        "require", FILES, kind=MANY,
        help="PURPOSE=VERDICT (rank, level or gate): exit code 1 unless every judge gets it or better.",
    ),
)  # fmt: skip


def _agree(_: typer.Context, verdicts: Path, given: dict[str, Any]) -> int:
    from judgekit.report import findings, read_thresholds
    from judgekit.report.page import audit_json, write_report
    from judgekit.verbs.agree import agree as compare_with_people

    wanted = _required(given["require"] or [])
    report, labels, items = given["report"], given["labels"], given["items"]
    if report is not None and report.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"--report {report}: the report is a page; name it {report.stem or 'report'}.html")
    gates = read_thresholds(given["thresholds"])
    made = compare_with_people(
        verdicts, labels=labels, rubric=given["rubric"], scale=given["scale"], judge=given["judge"],
        items=items, by=given["by"] or (), columns=columns_of(given["column"]), balance=given["balance"],
        responses_are_systems=given["systems"], trusted=given["trusted"], labels_about=given["labels_about"],
        families=_families(given["family"] or []), seed=given["seed"], b=given["resamples"],
        epsilon=given["epsilon"], sampling=given["sampling"],
    )  # fmt: skip
    found = findings(made, gates)
    if given["as_json"]:
        say_json(audit_json(made, found, gates))
    else:
        _print(made, found)
    files = (verdicts, labels, given["rubric"], given["thresholds"], items)
    reads = [path for path in files if path is not None]
    if report is not None:
        for path in write_report(made, found, gates, report, reads=reads):
            tell(f"-> {path}")
    return 1 if _unmet(found, wanted) else 0


agree = command(
    _agree,
    "Say how far a judge agrees with people, and whether it may be trusted, for what.\n\n"
    "Example: judgekit agree run --labels labels.csv --rubric my.yaml --report audit.html",
    FLAGS,
    argument=argument(
        "verdicts", Path, "The folder or outcomes.jsonl of a run, or a table: item_id, rater, label, ..."
    ),
)


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
    from judgekit.agreement.auditing.section import called, told
    from judgekit.agreement.auditing.sections.beside import panel_lines

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

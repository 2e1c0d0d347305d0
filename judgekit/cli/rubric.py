"""`judgekit rubric`: list, show, lint, compare and import rubrics."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from judgekit.cli.printing import say, say_table, say_text, tell
from judgekit.errors import InputError
from judgekit.rubric import bundled, load_rubric, to_yaml
from judgekit.writing import beside

app = typer.Typer(
    help="List, show, lint, compare and import rubrics.", no_args_is_help=True, add_completion=False
)


@app.command("list")
def list_() -> None:
    """List the bundled rubrics."""
    rows = []
    for name in bundled():
        rubric = load_rubric(name)
        about = ", ".join(dict.fromkeys(c.about for c in rubric.leaves))
        dimensions = ", ".join(dict.fromkeys(c.dimension for c in rubric.leaves if c.dimension))
        rows.append((name, str(len(rubric.leaves)), about, dimensions, rubric.origin))
    heads = ("rubric", "criteria", "about", "dimensions", "origin")
    say_table(heads, rows, whole=heads)


@app.command("show")
def show(
    rubric: Annotated[str, typer.Argument(help="The rubric: a YAML, TOML or JSON file, or a bundled name.")],
    prompt: Annotated[
        bool, typer.Option("--prompt", help="Print the prompts of a sample item instead.")
    ] = False,
    form: Annotated[
        str, typer.Option(help="The form of an answer in these prompts: json, text or letters.")
    ] = "json",
) -> None:
    """Print a rubric as YAML, with its digest; or the prompts it is asked with."""
    loaded = load_rubric(rubric)
    if not prompt:
        say(f"# digest {loaded.digest}")
        say_text(to_yaml(loaded).removesuffix("\n"))
        return
    from judgekit.judges.controls import parse_control
    from judgekit.plan import Plan
    from judgekit.types import Item

    item = Item("sample", "What is asked of the writer.", {"response": "What was written."}, "A good answer.")
    plan = Plan(loaded, (parse_control("control:longer"),), form=form)  # type: ignore[arg-type]  # the plan checks
    for call in plan.calls(item):
        for message in call.messages:
            say_text(f"--- {message.role}\n{message.content}\n")


@app.command("lint")
def lint(
    rubrics: Annotated[list[str], typer.Argument(help="The rubrics: files, or names of bundled ones.")],
) -> None:
    """Say what of a rubric cannot be scored (error) or will be scored badly; exit code 1 if there is any."""
    from judgekit.rubric.lint import lint as lint_one

    n_findings = 0
    for each in rubrics:
        for finding in lint_one(each):
            n_findings += 1
            say(f"{each}: {finding.level}: {finding.place}: {finding.message} [{finding.code}]")
    say(f"{len(rubrics)} rubrics, {n_findings} findings")
    if n_findings:
        raise typer.Exit(1)


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(help="The older rubric: a file, or a bundled name.")],
    new: Annotated[str, typer.Argument(help="The newer rubric: a file, or a bundled name.")],
) -> None:
    """Say what changed between two rubrics, and whether their meaning did; exit code 1 if it did."""
    from judgekit.rubric.diff import diff as diff_two

    changes = diff_two(load_rubric(old), load_rubric(new))
    for change in changes:
        mark = "" if change.moves_meaning else " (not part of the meaning)"
        say(f"{change.place}: {change.field}: {change.old!r} -> {change.new!r}{mark}")
    moved = any(change.moves_meaning for change in changes)
    say("the meaning changed: scores are not comparable" if moved else "the meaning is the same")
    if moved:
        raise typer.Exit(1)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(help="The rubric's file of Prometheus, HealthBench, autorubric, verifiers or G-Eval."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write, or the folder for several rubrics; printed where left out."),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="The file's format; guessed where left out.")
    ] = None,
) -> None:
    """Turn a rubric written for another tool into one of judgekit's."""
    from judgekit.rubric.foreign import import_rubric

    imported = import_rubric(file, format_)
    for note in imported.notes:
        tell(f"note: {note}")
    tell(f"{imported.format}: {len(imported.rubrics)} rubrics")
    several = len(imported.rubrics) > 1
    texts = [to_yaml(rubric) for rubric in imported.rubrics]
    if out is None:
        for text in texts:
            say_text(text + "---" if several else text.removesuffix("\n"))
        return
    names = [re.sub(r"[^\w.-]", "_", rubric.id) + ".yaml" for rubric in imported.rubrics]
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise InputError(f"{file}: two rubrics would be written as {twice[0]}; give them other ids")
    targets = [out / name for name in names] if several else [out]
    with beside(*targets, reads=[file]) as written:
        for opened, text in zip(written, texts, strict=True):
            opened.write(text.encode())
    for target in targets:
        say(str(target))

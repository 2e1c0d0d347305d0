"""`judgekit rubric`: list, show, lint and import rubrics."""

import typer

app = typer.Typer(help="Rubrics: list the bundled ones, show, lint, import.", no_args_is_help=True)

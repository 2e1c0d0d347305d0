"""`judgekit recipes`: the published recipes that `--recipe` knows."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from judgekit.recipes.published import Published


def recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe, for all that is known of it.")] = None,
) -> None:
    """List the published recipes with their sources."""
    from rich.table import Table

    from judgekit.cli import show
    from judgekit.recipes.catalog import CATALOG, published

    if name is not None:
        _describe(published(name))
        return
    table = Table(header_style="bold", box=None, pad_edge=False)
    for column in ("recipe", "what it does", "source"):
        table.add_column(column, overflow="fold")
    for each in CATALOG.values():
        table.add_row(each.name, each.what, each.source)
    show.console().print(table)
    print("\njudgekit recipes NAME says what it sets and what differs from its source")


def _describe(recipe: "Published") -> None:
    print(f"{recipe.name}: {recipe.what}")
    print(f"source: {recipe.source}")
    print(f"differs: {recipe.differs}")
    print(f"rubric: {recipe.rubric or 'yours'}")
    parts = {"options": recipe.options, "judge": recipe.judge, "settings": recipe.settings}
    for title, values in parts.items():
        if values:
            print(f"{title}: {', '.join(f'{name}={_shown(value)}' for name, value in values.items())}")
    if recipe.needs:
        print(f"needs: {', '.join(f'--setting {name}=...' for name in recipe.needs)}")
    if recipe.least_judges > 1:
        print(f"judges: at least {recipe.least_judges}")


def _shown(value: object) -> str:
    return getattr(value, "__name__", None) or repr(value)

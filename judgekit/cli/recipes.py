"""`judgekit recipes`: the published recipes that `--recipe` knows."""

from typing import TYPE_CHECKING, Annotated

import typer

from judgekit.cli.printing import say, say_table

if TYPE_CHECKING:
    from judgekit.recipes.published import Published


def recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe, for all that is known of it.")] = None,
) -> None:
    """List the published recipes with their sources."""
    from judgekit.recipes.catalog import CATALOG, published

    if name is not None:
        _describe(published(name))
        return
    say_table(("recipe", "what it does", "source"), ((r.name, r.what, r.source) for r in CATALOG.values()))
    say()
    say("judgekit recipes NAME says what it sets and what differs from its source")


def _describe(recipe: "Published") -> None:
    say(f"{recipe.name}: {recipe.what}")
    say(f"source: {recipe.source}")
    say(f"differs: {recipe.differs}")
    say(f"rubric: {recipe.rubric or 'yours'}")
    parts = {"options": recipe.options, "judge": recipe.judge, "settings": recipe.settings}
    for title, values in parts.items():
        if values:
            say(f"{title}: {', '.join(f'{name}={_shown(value)}' for name, value in values.items())}")
    if recipe.needs:
        say(f"needs: {', '.join(f'--setting {name}=...' for name in recipe.needs)}")
    if recipe.least_judges > 1:
        say(f"judges: at least {recipe.least_judges}")


def _shown(value: object) -> str:
    return getattr(value, "__name__", None) or repr(value)

"""`judgekit guide`, `recipes` and `columns`: what judgekit knows and only prints.

The guides are Markdown files in `judgekit/guides/`. A block of code that is headed by its language and a
name, as in `yaml reply.yaml`, is a file that the commands after it read.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judgekit.cli.printing import say, say_table, say_text, tell
from judgekit.errors import InputError, there_are
from judgekit.writing import write

if TYPE_CHECKING:
    from judgekit.recipes.published import Published

_FIRST = (
    "score", "look", "rubrics", "judges", "compare", "panels", "audit", "people", "calibrate", "statistics",
    "ledger", "scale", "ci", "rewards", "trainers", "own",
)  # fmt: skip
FOLDER = Path(__file__).parents[1] / "guides"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of code: its language, the name of the file that it is (or None), what it holds."""


def guide(
    name: Annotated[
        str | None, typer.Argument(help="The name of a guide; without one, all are listed.")
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="The folder to write the files into that the guide's commands read, to try them."),
    ] = None,
) -> None:
    """Print a guide: a scenario, its commands and code, what they print, and what to conclude from it."""
    if name is None:
        heads = ("guide", "what it is about")
        say_table(heads, [(each, title(each)) for each in guides()], whole=heads)
        say("judgekit guide NAME prints one; judgekit guide NAME --files FOLDER writes its files, to try it")
        return
    text = guide_text(name)
    if files is None:
        say_text(text.removesuffix("\n"))
        return
    made = {files / file: content for _, file, content in BLOCK.findall(text) if file}
    if not made:
        raise InputError(f"the guide {name!r} has no files to write; leave --files out")
    if there := [str(path) for path in made if path.exists()]:
        raise InputError(f"{', '.join(there)} would be replaced; name a folder without such files")
    for path, content in made.items():
        write(path, content.encode())
        tell(f"-> {path}")


def guides() -> list[str]:
    """Return the names of the guides, in the order in which a newcomer may read them.

    >>> guides()[0]
    'score'
    """
    found = sorted(path.stem for path in FOLDER.glob("*.md"))
    return [*(name for name in _FIRST if name in found), *(name for name in found if name not in _FIRST)]


def guide_text(name: str) -> str:
    """Return a guide as Markdown; InputError if there is none of this name."""
    known = guides()
    if name not in known:
        raise InputError(f"no guide {name!r}; {there_are(name, known)}")
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def title(name: str) -> str:
    """Return the first line of a guide, which says what it is about.

    >>> title("score")
    'Score responses by a rubric'
    """
    return guide_text(name).partition("\n")[0].removeprefix("# ")


def recipes(
    name: Annotated[
        str | None, typer.Argument(help="The name of a recipe, to print all that is known of it.")
    ] = None,
) -> None:
    """List the published recipes with their sources."""
    from judgekit.recipes.catalog import CATALOG, published

    if name is not None:
        _describe(published(name))
        return
    heads = ("recipe", "what it does", "source")
    say_table(heads, ((r.name, r.what, r.source) for r in CATALOG.values()), whole=heads)
    say()
    say("judgekit recipes NAME says what it sets and what differs from its source")


def _describe(recipe: "Published") -> None:
    say(f"{recipe.name}: {recipe.what}")
    say(f"source: {recipe.source}")
    say(f"differs: {recipe.differs}")
    say(f"rubric: {recipe.rubric or 'yours'}")
    parts = {"options": recipe.options, "judge": recipe.judge, "settings": recipe.settings}
    for part, values in parts.items():
        if values:
            said = (
                f"{name}={getattr(value, '__name__', None) or repr(value)}" for name, value in values.items()
            )
            say(f"{part}: {', '.join(said)}")
    if recipe.needs:
        say(f"needs: {', '.join(f'--setting {name}=...' for name in recipe.needs)}")
    if recipe.least_judges > 1:
        say(f"judges: at least {recipe.least_judges}")


def columns() -> None:
    """Print the columns of `scores`, `outcomes` and `calls`, the tables of a run."""
    from judgekit.table import COLUMNS

    for kind, own in COLUMNS.items():
        say(f"{kind}.jsonl, {kind}.parquet, Run.frame({kind!r})")
        for name, meaning in own.items():
            say(f"  {name:14} {meaning}")

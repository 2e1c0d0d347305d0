"""`judgekit guide`: scenarios with the code, what it prints and what to conclude from it.

The guides are Markdown files in `judgekit/guides/`. A block of code that is headed by its language and a
name, as in `yaml reply.yaml`, is a file that the commands after it read.
"""

import re
from pathlib import Path
from typing import Annotated

import typer

from judgekit.cli.printing import say, say_table, say_text, tell
from judgekit.errors import InputError, there_are
from judgekit.writing import write

_FIRST = (
    "score", "rubrics", "judges", "compare", "panels", "audit", "people", "calibrate", "statistics",
    "ledger", "rewards",    "trainers", "own",
)  # fmt: skip
FOLDER = Path(__file__).parents[1] / "guides"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of code: its language, the name of the file that it is (or None), what it holds."""


def guide(
    name: Annotated[str | None, typer.Argument(help="Name of a guide; without one, all are listed.")] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="Write the files that the guide's commands read into this folder, to try them."),
    ] = None,
) -> None:
    """Print a guide: a scenario, its commands and code, what they print, and what to conclude from it."""
    if name is None:
        say_table(("guide", "what it is about"), [(each, title(each)) for each in guides()])
        say("judgekit guide NAME prints one; judgekit guide NAME --files FOLDER writes its files, to try it")
        return
    text = guide_text(name)
    if files is None:
        say_text(text.removesuffix("\n"))
        return
    made = {files / file: content for _, file, content in BLOCK.findall(text) if file}
    if there := [str(path) for path in made if path.exists()]:
        raise InputError(f"{', '.join(there)} would be replaced; name a folder without such files")
    for path, content in made.items():
        write(path, content.encode())
        tell(f"-> {path}")


def guides() -> list[str]:
    """Names of the guides, in the order in which a newcomer may read them.

    >>> guides()[0]
    'score'
    """
    found = sorted(path.stem for path in FOLDER.glob("*.md"))
    return [*(name for name in _FIRST if name in found), *(name for name in found if name not in _FIRST)]


def guide_text(name: str) -> str:
    """A guide as Markdown.

    Raises:
        InputError: If there is none of this name.
    """
    known = guides()
    if name not in known:
        raise InputError(f"no guide {name!r}; {there_are(name, known)}")
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def title(name: str) -> str:
    """The first line of a guide, which says what it is about.

    >>> title("score")
    'Score responses by a rubric'
    """
    return guide_text(name).partition("\n")[0].removeprefix("# ")

"""Bundled rubrics and prompts: inside the package once installed, beside it in a checkout."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from judgekit.errors import InputError, there_are

_PACKAGE = Path(__file__).parent


def shelf(kind: Literal["prompts", "rubrics"]) -> Path:
    """Folder of bundled files of a kind.

    >>> (shelf("prompts") / "grade.md").is_file()
    True
    """
    installed = _PACKAGE / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


@lru_cache
def prompt_text(name: str) -> str:
    """Text of a bundled prompt, by its file name without `.md`.

    Raises:
        InputError: If there is no such prompt.
    """
    path = shelf("prompts") / f"{name}.md"
    if not path.is_file():
        known = sorted(p.stem for p in shelf("prompts").glob("*.md"))
        raise InputError(f"no bundled prompt {name!r}; {there_are(name, known)}")
    return path.read_text(encoding="utf-8")

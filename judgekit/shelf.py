"""What lies in the package besides code: bundled rubrics and prompts, and the templates of its pages.

Whatever was judged or labelled is untrusted, and a page may hold it next to people's answers. So only
templates write HTML: what is given to one is text. The page that all extend has a head under which it can
call nobody.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from judgekit.errors import InputError, there_are

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = Path(__file__).parent


def shelf(kind: Literal["prompts", "rubrics"]) -> Path:
    """Return the folder of bundled files: in the package once installed, beside it in a checkout.

    >>> (shelf("prompts") / "grade.md").is_file()
    True
    """
    installed = _PACKAGE / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


@cache
def prompt_text(name: str) -> str:
    """Return the text of a bundled prompt by its file name without `.md`; InputError if there is none."""
    path = shelf("prompts") / f"{name}.md"
    if not path.is_file():
        known = sorted(p.stem for p in shelf("prompts").glob("*.md"))
        raise InputError(f"no bundled prompt {name!r}; {there_are(name, known)}")
    return path.read_text(encoding="utf-8")


def _own(name: str) -> Any:
    """Return a style sheet or script of ours, which goes into a page as it is."""
    from markupsafe import Markup

    return Markup((_PACKAGE / name).read_text(encoding="utf-8"))  # noqa: S704


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["own"] = _own
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the page that a template of the package, such as `report/page.html`, makes of unescaped values.

    >>> page = render("page.html", {"title": "a < b"})
    >>> [line for line in page.splitlines() if "title" in line]
    ['<title>a &lt; b</title>']
    """
    return _templates().get_template(template).render(values)

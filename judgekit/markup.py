"""HTML of the pages that judgekit writes: templates that escape whatever is put into them.

Whatever was judged or labelled is untrusted, and a page may hold it next to people's answers. So only
templates write HTML: what is given to one is text. The page that all extend has a head under which it can
call nobody.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


def _own(name: str) -> Any:
    """A style sheet or script of ours, which goes into a page as it is."""
    from markupsafe import Markup

    return Markup((_HERE / name).read_text(encoding="utf-8"))  # noqa: S704


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["own"] = _own
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page.

    Args:
        template: Its file within the package, such as `report/page.html`.
        values: What stands in it, not escaped; a name that is missing is an error.

    >>> page = render("page.html", {"title": "a < b"})
    >>> [line for line in page.splitlines() if "title" in line]
    ['<title>a &lt; b</title>']
    """
    return _templates().get_template(template).render(values)

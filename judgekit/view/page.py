"""The page of a run: one file that opens by a double click, asks nobody and runs our script only.

Script and style sheet stand in it under their digests, which are all that its policy lets run. The data are
JSON in which nothing can end the element that holds it; large ones are packed.
"""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from judgekit.shelf import render
from judgekit.verbs import Run
from judgekit.verbs.kept import kept
from judgekit.view.data import Study, payload
from judgekit.writing import write

SCRIPTS: Final = (
    "base.js", "data.js", "filter.js", "run.js", "grid.js", "item.js", "compare.js", "label.js", "keys.js",
)  # fmt: skip
"""The parts of the page's script in their order; together they are one function."""
PACKED_FROM: Final = 50_000_000  # bytes of data
_PLACE = "\0"  # where the data go, which no template should have to carry


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is written; a notebook shows it where it is the last value of a cell.

    `left_out` says how many `outcomes` are not in it, `of` how many, and `why`; None where all are.
    """

    html: bytes = field(repr=False)
    left_out: Mapping[str, Any] | None = None

    def _repr_html_(self) -> str:
        inside = html.escape(self.html.decode())
        return f'<iframe srcdoc="{inside}" width="100%" height="800" sandbox="allow-scripts"></iframe>'


def view_run(
    run: Run | str | Path, out: str | Path | None = None, *, against: Run | str | Path | None = None,
    items: Any = None, labels: Any = None, command: str = "",
) -> Page:  # fmt: skip
    """The page that shows a run: from its means to each raw reply, in one HTML file that needs nothing else.

    Args:
        run: A run, or the folder it was saved in.
        out: Where the page is written; where left out it is only returned, and a notebook shows it.
        against: Another run, or its folder, to compare it with.
        items: What was judged, where the run's own file is not there: a file, a frame or rows. A file is
            refused where the run knows the digest of another; else the page says where the texts come from.
        labels: People's labels, by which it is said how far judges agree with them, as `agree` does.
        command: What was typed for it; the page says it.

    Raises `InputError` if a folder holds no run, its rows are not those it names, or `items` is another file
    than was judged.
    """
    return page_from(study_of(run, against, items=items, labels=labels, command=command), out)


def page_from(study: Study, out: str | Path | None = None) -> Page:
    """Return the page of a study, and write it where it is said."""
    data = payload(study)
    page = Page(page_of(data, data["title"]), data["left_out"])
    if out is not None:
        write(out, page.html)
    return page


def study_of(run: Run | str | Path, against: Any = None, *, items: Any = None, **more: Any) -> Study:
    """Return what is to be shown, of runs or their folders."""
    other = None if against is None else kept(against, items=items, other=True)
    return Study(kept(run, items=items), other, **more)


def page_of(data: Mapping[str, Any] | None, title: str) -> bytes:
    """Return the page of a payload; of None the page that asks the server it came from."""
    from markupsafe import Markup

    ours = {name: Markup(text) for name, text in _parts().items()}  # noqa: S704 - files of ours
    given = {"title": title, "policy": policy_of(served=data is None), "data": "" if data is None else _PLACE}
    before, _, after = render("view/page.html", given | ours).partition(_PLACE)
    return before.encode() + (b"" if data is None else element(data)) + after.encode()


@cache
def _parts() -> dict[str, str]:
    """Return style sheet and script of the page; the script is one function, so that no name leaves it."""
    here = Path(__file__).parent
    style, *scripts = ((here / name).read_text(encoding="utf-8") for name in ("page.css", *SCRIPTS))
    return {"style": style, "script": "\n".join(['(() => {\n"use strict";', *scripts, "})();\n"])}


def policy_of(*, served: bool = False) -> str:
    """Return what the page is allowed: our script and style sheet; a served one, to ask its server."""
    digests = {name: hashlib.sha256(text.encode()).digest() for name, text in _parts().items()}
    ours = "; ".join(f"{name}-src 'sha256-{base64.b64encode(d).decode()}'" for name, d in digests.items())
    asks = "; connect-src 'self'" if served else ""
    return f"default-src 'none'; {ours}; base-uri 'none'; form-action 'none'{asks}"


def element(data: Mapping[str, Any], *, most: int = PACKED_FROM) -> bytes:
    """Return the element of a page that holds its data; above so many bytes of them packed."""
    raw, kind = json_of(data).replace(b"<", b"\\u003c"), b"application/json"
    if len(raw) > most:
        raw, kind = base64.b64encode(gzip.compress(raw, 6, mtime=0)), b"application/octet-stream+gzip;base64"
    return b'<script type="%b" id="data">%b</script>' % (kind, raw)


def json_of(data: Any) -> bytes:
    """Return JSON; half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError:
        return json.dumps(data, separators=(",", ":")).encode()

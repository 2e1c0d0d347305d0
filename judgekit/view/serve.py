"""The page from a small server on this machine: it reads rows from an index, for runs of any size.

Only who knows the address is answered, since a token is a part of it; and only under a name of this machine,
so that no page from elsewhere, whose own name was made to lead here, can read along.
"""

import hmac
import secrets
import socket
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from judgekit.errors import InputError
from judgekit.rewards.serving.limits import is_for_us
from judgekit.view.index import Index
from judgekit.view.page import page_of, policy_of

MOST_ROWS: Final = 500  # that one answer holds at most


def app_of(index: Index, token: str) -> web.Application:
    """Return the application that answers for an index under `/TOKEN/`."""
    page = page_of(None, index.title)
    headers = {
        "Content-Security-Policy": f"{policy_of(served=True)}; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
    }  # fmt: skip

    async def answer(request: web.Request) -> web.Response:
        said, path = request.match_info["token"], request.match_info["path"]
        knows = hmac.compare_digest(said.encode(), token.encode())
        if not knows or not is_for_us(request.headers.get("Host")):
            raise web.HTTPForbidden(text="open the address that `judgekit view --serve` printed")
        if not path:
            return web.Response(body=page, content_type="text/html", charset="utf-8", headers=headers)
        try:
            found = _found(index, path, request.query)
        except ValueError:
            found = None
        if found is None:
            raise web.HTTPNotFound(text="there are data/first, data/rows and data/unit/N")
        return web.Response(body=found, content_type="application/json", headers=headers)

    app = web.Application()
    app.add_routes([web.get("/{token}/{path:.*}", answer)])
    return app


def _found(index: Index, path: str, query: Mapping[str, str]) -> bytes | None:
    if path == "data/first":
        return index.first
    if path == "data/rows":
        start, n = max(int(query.get("from", 0)), 0), max(int(query.get("n", 60)), 0)
        return index.rows(query, start, min(n, MOST_ROWS))
    name, _, number = path.rpartition("/")
    return index.unit(int(query.get("run", 0)), int(number)) if name == "data/unit" else None


def serve(index: Index, ready: Callable[[str], None], *, port: int = 0) -> None:
    """Serve an index until SIGTERM or Ctrl-C; `ready` is told the address."""
    token = secrets.token_urlsafe(24)
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise InputError(f"cannot listen on 127.0.0.1 port {port}: {error.strerror}") from None
    with listening:
        ready(f"http://127.0.0.1:{listening.getsockname()[1]}/{token}/")
        web.run_app(app_of(index, token), sock=listening, print=None, access_log=None)

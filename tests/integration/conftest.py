"""A real browser for the pages, where the machine has one."""

import shutil
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def _opened() -> Iterator[tuple[Any, Any]]:
    """One browser for all tests of a process, and the loop that Playwright talks to it in.

    That loop is the thread's running one only while a test has the browser: no other test could run a loop of
    its own beside it.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as p:
        opened = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        loop = _get_running_loop()
        _set_running_loop(None)
        yield opened, loop
        _set_running_loop(loop)
        opened.close()


@pytest.fixture
def browser(_opened: tuple[Any, Any]) -> Iterator[Any]:
    """A browser; the pages that a test opens in it are closed after it, with all that they kept."""
    opened, loop = _opened
    _set_running_loop(loop)
    yield opened
    for context in opened.contexts:
        context.close()
    _set_running_loop(None)

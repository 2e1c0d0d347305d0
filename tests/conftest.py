"""Closes the network, fixes hypothesis, marks the slow tests, and lends the mock server of the benchmarks."""

import os
import re
import signal
import socket
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # In a shell's background Ctrl-C is ignored, and what the tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Threads that wait for each other keep processors busy: over tiny sums twice as long as the sums take.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

os.environ.pop("PYTEST_ADDOPTS", None)  # how these tests were started is no matter of those that they start

settings.register_profile("ci", derandomize=True, max_examples=60, deadline=None)
settings.register_profile("dev", max_examples=50, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

collect_ignore = ["example_project"]  # a project of its own, whose tests an integration test starts
SLOW = (
    Path(__file__).parent / "slow.txt"
)  # by durations that were measured; all integration tests are slow, too
_took: dict[str, float] = {}


def _function(nodeid: str) -> str:
    return nodeid.partition("[")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = {*SLOW.read_text(encoding="utf-8").split()}
    for item in items:
        if _function(item.nodeid) in slow or item.nodeid.startswith("tests/integration/"):
            item.add_marker("slow")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and not report.nodeid.startswith("tests/integration/"):
        name = _function(report.nodeid)
        _took[name] = max(_took.get(name, 0.0), report.duration)


def pytest_sessionfinish() -> None:
    """With `JUDGEKIT_SLOW=0.5`: list those of the tests that ran which took longer than so many seconds."""
    if bound := os.environ.get("JUDGEKIT_SLOW"):
        others = {*SLOW.read_text(encoding="utf-8").split()} - _took.keys()
        slow = others | {name for name, seconds in _took.items() if seconds > float(bound)}
        SLOW.write_text("".join(f"{name}\n" for name in sorted(slow)), encoding="utf-8")


BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    connect = socket.socket.connect

    def loopback_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            raise RuntimeError(f"a test tried to reach {address[0]}; use a scripted judge or mark it live")
        connect(self, address)

    if "live" not in request.keywords:
        monkeypatch.setattr(socket.socket, "connect", loopback_only)


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """`with serving(mode="too_long") as url:`, a server on the loopback (`benchmarks/mock_server.py`)."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.insert(0, str(BENCHMARKS))
    import mock_server

    lent: Callable[..., AbstractContextManager[str]] = mock_server.serving
    return lent


MARKS = """
[rubric]
id = "marks"
[[rubric.criteria]]
id = "good"
text = "How good is it?"
scale = "0-10"
"""


@pytest.fixture
def marks(
    serving: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> Iterator[Callable[..., Path]]:
    """Makes reward specs, in a file `spec.toml`, with the options given as TOML.

    Their judge, behind the mock server, gives a response the mark it asks for ("mark 7" of 10), and says
    nothing that can be read of one that has the word "lost" in it.
    """

    def said(body: dict[str, Any]) -> str:
        asked = str(body["messages"])
        wanted = re.search(r"mark (\d+)", asked)
        return "Well." if "lost" in asked or wanted is None else f'{{"label": "{wanted[1]}"}}'

    with serving(text=said) as url:

        def written(options: str = "") -> Path:
            path = tmp_path / "spec.toml"
            path.write_text(f'judges = "endpoint:{url}#mock"\n{options}\n{MARKS}', encoding="utf-8")
            return path

        yield written


@pytest.fixture(scope="session")
def lines_of() -> Callable[[ModuleType], str]:
    """The lines that the docstring of a module shows first."""

    def shown(module: ModuleType) -> str:
        found = re.search(r"(?:^    .*\n|^\n(?=    ))+", str(module.__doc__), re.MULTILINE)
        assert found is not None
        return textwrap.dedent(found[0])

    return shown

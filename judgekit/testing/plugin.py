"""The plugin of pytest: options, one session of results, workers of pytest-xdist, a summary at the end.

Every pytest that finds judgekit installed loads it, so it imports nothing but pytest until a test judges.
Workers write what they judged beside the folder of results, and the process that started them joins it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from judgekit.testing.session import Session

_CONFIGS: list[pytest.Config] = []  # of the pytest that runs, and of those that run within it
_SESSION = pytest.StashKey["Session"]()
_TEST = pytest.StashKey[str]()
_OUT, _PART, _TOLD = "judgekit_out", "judgekit_part", "judgekit_told"
_WORDS = ("fail", "skip")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say the options, on the command line and in the configuration."""
    group = parser.getgroup("judgekit", "judging responses in tests (judgekit)")
    group.addoption(
        "--judgekit-out", metavar="DIR",
        help="The folder for what the tests judged: a run as `judgekit score --out` writes it.",
    )  # fmt: skip
    group.addoption(
        "--judgekit-undecided", choices=_WORDS,
        help="What becomes of a test whose judge abstained, or whose interval holds the limit.",
    )  # fmt: skip
    parser.addini("judgekit_undecided", "The same, where the option is not typed.", default="fail")
    parser.addini("judgekit_judges", "The judges of tests that name none, a line each.", type="linelist")


def pytest_configure(config: pytest.Config) -> None:
    """Begin; what cannot be meant is told before any test."""
    if (word := _undecided(config)) not in _WORDS:
        raise pytest.UsageError(f"judgekit_undecided = {word}: there are fail and skip")
    if (out := _folder(config)) is not None and not hasattr(config, "workerinput"):
        _clear(out)
        _check_replaceable(out)
    _CONFIGS.append(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End."""
    if config in _CONFIGS:
        _CONFIGS.remove(config)


def pytest_runtest_logstart(nodeid: str) -> None:
    """Remember which test runs."""
    _CONFIGS[-1].stash[_TEST] = nodeid


def session() -> Session | None:
    """Return the session of the pytest that runs, begun when it is first asked for."""
    if not _CONFIGS:
        return None
    config = _CONFIGS[-1]
    found = config.stash.get(_SESSION, None)
    if found is None:
        from judgekit.testing.session import Session

        judges = tuple(config.getini("judgekit_judges"))
        found = Session(undecided=_undecided(config), judges=judges)  # type: ignore[arg-type]  # one of them
        config.stash[_SESSION] = found
    found.test = config.stash.get(_TEST, "")
    return found


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a wrong judge of the configuration before the first test, where there is one to run."""
    config = session.config
    if session.items and not config.option.collectonly and not hasattr(config, "workerinput"):
        _check_judges(config, config.getini("judgekit_judges"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where its part goes."""
    # This process collects no tests, so that modules beside them may not be found in it.
    named = node.config.getini("judgekit_judges")
    _check_judges(node.config, [each for each in named if not each.rpartition("=")[2].startswith("py:")])
    if (out := _folder(node.config)) is not None:
        node.workerinput[_PART] = str(_parts(out) / node.gateway.id)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in what a worker judged; one that crashed has told nothing."""
    told = getattr(node, "workeroutput", {}).get(_TOLD, None)
    if told is None:
        found = session()
        if found is not None:
            found.lost += 1
    elif told and (found := session()) is not None:
        found.hear(told)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the results: a worker its part, and whoever started it the whole."""
    config: Any = session.config
    found = config.stash.get(_SESSION, None)
    if hasattr(config, "workerinput"):
        config.workeroutput[_TOLD] = "" if found is None else found.told()
        if found is not None and found.runs and (part := config.workerinput.get(_PART)):
            found.save(Path(part))
    elif found is not None and (out := _folder(config)) is not None:
        parts = sorted(_parts(out).iterdir()) if _parts(out).is_dir() else []
        if parts or found.runs:
            found.save(out, parts)
        _clear(out)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how many judgements there were, which are undecided, and what they took."""
    found = config.stash.get(_SESSION, None)
    if found is None or not (found.judgements or found.runs or found.summaries or found.lost):
        return
    terminalreporter.section("judgekit")
    for line in found.lines():
        terminalreporter.line(line)
    if (out := _folder(config)) is not None and (out / "run.json").exists():
        terminalreporter.line(f"results: {out} (judgekit view {out})")


def _check_judges(config: pytest.Config, judges: list[str]) -> None:
    """Refuse judges that cannot be made of their names; a key is looked for only where one is asked."""
    if not judges:
        return
    from judgekit.errors import JudgekitError
    from judgekit.judges.resolve import resolve
    from judgekit.terminal.plain import plain

    for each in judges:
        try:
            resolve(each, own_code=True)
        except JudgekitError as error:
            raise pytest.UsageError(plain(f"{config.inipath}: judgekit_judges: {error}")) from None


def _undecided(config: pytest.Config) -> str:
    return str(config.getoption("--judgekit-undecided") or config.getini("judgekit_undecided"))


def _folder(config: pytest.Config) -> Path | None:
    out = config.getoption("--judgekit-out")
    return None if out is None else Path(config.invocation_params.dir, out)


def _parts(out: Path) -> Path:
    """The folder of the workers' parts, beside that of the results."""
    return out.with_name(f".{out.name}.parts")


def _clear(out: Path) -> None:
    """Remove the parts of workers, which are joined, or left over from a session that was killed."""
    import shutil

    shutil.rmtree(_parts(out), ignore_errors=True)


def _check_replaceable(out: Path) -> None:
    """Refuse a folder that holds what a session did not write."""
    if not out.is_dir() or not any(out.iterdir()):
        return
    import json

    from judgekit.testing.session import JOB

    try:
        job = json.loads((out / "run.json").read_text(encoding="utf-8")).get("job")
    except (OSError, ValueError, AttributeError):
        job = None
    if job != JOB:
        raise pytest.UsageError(
            f"--judgekit-out {out}: holds something else than the results of tests; name another folder"
        )

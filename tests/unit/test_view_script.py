"""The script of the page of a run, as text: what it may never do, and how large it may grow."""

import re
from pathlib import Path

import pytest

import judgekit

SCRIPTS = sorted((Path(judgekit.__file__).parent / "view").glob("*.js"))
FORBIDDEN = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment",
    "setHTML", "eval(", "Function(", "import(", "srcdoc", ".cssText", "javascript:",
)  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_text_can_become_markup_or_code(script):
    text = script.read_text(encoding="utf-8")

    assert [word for word in FORBIDDEN if word in text] == []
    assert re.findall(r"https?:", text) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_each_file_says_what_it_is_for(script):
    assert re.match(r"/\* .{30,}", script.read_text(encoding="utf-8"))


def test_the_script_stays_small():
    lines = {script.name: len(script.read_text(encoding="utf-8").splitlines()) for script in SCRIPTS}

    assert max(lines.values()) <= 250
    assert sum(lines.values()) <= 900

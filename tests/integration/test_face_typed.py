"""The public face as a type checker sees it: a wrong name and a wrong keyword do not pass."""

import subprocess
import sys
from pathlib import Path

import judgekit

EXAMPLE = """\
import judgekit as jk

jk.agreement.kapa([["no", "no"]], scale=["no", "yes"])
jk.agreement.kappa([["no", "no"]], sclae=["no", "yes"])
jk.agreement.icc([[1, 2], [2, 3]]).valu
jk.rewards.Rewardr
right: float = jk.agreement.kappa([["no", "no"]], scale=["no", "yes"]).value
"""


def test_a_wrong_name_or_keyword_is_found_by_a_type_checker(tmp_path: Path):
    example = tmp_path / "example.py"
    example.write_text(EXAMPLE)
    root = Path(judgekit.__file__).parents[1]

    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(example)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)

    assert [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line] == [
        "3",
        "4",
        "5",
        "6",
    ]
    assert 'no attribute "kapa"' in done.stdout
    assert 'Unexpected keyword argument "sclae"' in done.stdout

"""What `judgekit --help` costs beside a bare Typer app of one command: CPU seconds, in turns.

python benchmarks/help_cost.py
"""

import argparse
import resource
import subprocess
import sys
from statistics import median

BARE = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "you") -> None:
    "Say hello."
@app.command()
def goodbye(name: str = "you") -> None:
    "Say goodbye."
app(["--help"])
"""
OURS = "import sys; sys.argv = ['judgekit', '--help']; from judgekit.cli import main; main()"


def cost(code: str) -> float:
    """CPU seconds of a process that runs this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of `judgekit --help` beside a bare Typer app.")
    parser.add_argument("--pairs", type=int, default=9)
    pairs = [(cost(BARE), cost(OURS)) for _ in range(parser.parse_args().pairs)]
    bare, ours = (median(each) for each in zip(*pairs, strict=True))
    ratio = median(b / a for a, b in pairs)
    print(f"CPU seconds: bare Typer {bare:.3f}, judgekit --help {ours:.3f}; ratio {ratio:.2f} (bar 2)")


if __name__ == "__main__":
    main()

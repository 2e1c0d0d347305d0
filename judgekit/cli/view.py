"""`judgekit view`: a run as a page, or from a small server."""

import shlex
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from judgekit.cli.printing import say


def view(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="The run: the folder that --out wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="The file for the page; view.html in the run's folder where left out.")
    ] = None,
    against: Annotated[Path | None, typer.Option(help="The folder of a run to compare it with.")] = None,
    labels: Annotated[Path | None, typer.Option(help="The file of people's labels, as for `agree`.")] = None,
    items: Annotated[
        Path | None,
        typer.Option(
            help="The file of the items, where the run's own is not there. One with another digest than the "
            "run knows is refused; where it knows none the page says that the texts come from this file."
        ),
    ] = None,
    served: Annotated[
        bool, typer.Option("--serve", help="Serve the page on this machine instead, for runs of any size.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of --serve; 0 takes a free one.")] = 0,
) -> None:
    """See a run in a browser, from its means to each raw reply, and beside another run.

    The page is one file that holds all it needs, opens by a double click and sends nothing anywhere. It shows
    what was judged and said: whoever has it can read that.

    Example: judgekit view results --against earlier --out run.html
    """
    from judgekit.view.page import page_from, study_of

    command = shlex.join(["judgekit", *(context.obj or ["view", str(run)])])
    study = study_of(run, against, items=items, labels=labels, command=command)
    if study.run.note:
        say(study.run.note)
    if served:
        from judgekit.view.index import Index
        from judgekit.view.serve import serve

        with tempfile.TemporaryDirectory(prefix="judgekit-") as folder:
            index = Index(study, folder)
            serve(index, lambda at: say(f"{at}: open it in a browser; Ctrl-C ends it"), port=port)
        return
    target = out or run / "view.html"
    page = page_from(study, target)
    say(f"{target}: {len(page.html) / 1e6:.1f} MB; open it in a browser")
    if (left := page.left_out) is not None:
        say(f"{left['outcomes']:,} of {left['of']:,} outcomes are not in it: {left['why']}")

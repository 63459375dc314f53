"""The command line: parse, call one function, print.

Exit codes: 0 done; 1 finished, but problems were found or dialogues failed; 2 wrong usage, pack or corpus; 3 stopped by
budget; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from simworld import __version__
from simworld.cli import corpora, costs, curate, diversity, evaluate, forge, packs, run, train, usersim
from simworld.cli.screen import say
from simworld.errors import SimworldError, UsageError

app = typer.Typer(
    name="simworld",
    help="Play characters in scenes into transcripts, and turn transcripts into training data.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
packs.register(app)
run.register(app)
corpora.register(app)
costs.register(app)
train.register(app)
usersim.register(app)
evaluate.register(app)
forge.register(app)
curate.register(app)
diversity.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"simworld {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; whatever is wrong with the input ends in one line, not in a traceback."""
    try:
        app(standalone_mode=True)
    except UsageError as error:
        say(f"simworld: {error}")
        sys.exit(2)
    except SimworldError as error:
        say(f"simworld: {error}")
        sys.exit(1 if type(error).__name__ == "RunStopped" else 2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)

"""`holdfast archive`: copies the newest points to the archive repository now."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption
from holdfast.cli.starting import WaitOption, follow

app = typer.Typer(help="Copies the newest points to the archive repository now.", no_args_is_help=True)


@app.callback()
def verbs() -> None:
    """Copies the newest points to the archive repository now."""


@app.command()
def start(
    policy: Annotated[str, typer.Option(help="The policy whose databases and archive repository are meant.")],
    database: Annotated[
        list[str] | None, typer.Option(help="Glob over `database`, or `server/database` with a slash; repeatable.")
    ] = None,
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Starts an archive session and prints it."""
    called = App(state)
    started = called.post("archives", {"policy": policy, "databases": database or None})
    follow(called, started, wait=wait, output=output)

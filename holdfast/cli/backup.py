"""`holdfast backup`: makes restore points now."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption
from holdfast.cli.starting import WaitOption, follow
from holdfast.model.errors import InvalidInput

app = typer.Typer(help="Makes restore points now.", no_args_is_help=True)


@app.callback()
def verbs() -> None:
    """Makes restore points now."""


@app.command()
def start(
    policy: Annotated[str | None, typer.Option(help="This policy; `default` where none is named.")] = None,
    database: Annotated[
        list[str] | None, typer.Option(help="Glob over `database`, or `server/database` with a slash; repeatable.")
    ] = None,
    staging: Annotated[
        bool | None, typer.Option("--staging/--direct", help="From a staging copy, or directly; default: the policy's.")
    ] = None,
    keep_days: Annotated[
        int | None, typer.Option(min=1, help="How long the points are kept; default: as the policy says.")
    ] = None,
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Starts a backup session and prints it."""
    if policy is None and not database:
        raise InvalidInput("say what to back up: --policy NAME or --database GLOB")
    called = App(state)
    asked = {"policy": policy, "databases": database or None, "staging": staging, "hold_days": keep_days}
    started = called.post("backups", asked)
    follow(called, started, wait=wait, output=output)

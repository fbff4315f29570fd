"""`holdfast source`: the databases, and what protects them."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption, field, print_list, when

app = typer.Typer(help="Databases: which are protected, by what, and which are not and why.", no_args_is_help=True)


@app.callback()
def sources() -> None:
    """Keeps `list` a command of its own while it is the only one."""


@app.command("list")
def list_sources(
    database: Annotated[str | None, typer.Option("--database", help="Glob over database, or server/database.")] = None,
    unprotected: Annotated[bool, typer.Option("--unprotected", help="Only those that no policy protects.")] = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists every database with its policy and newest restore point, and why where none protects it."""
    asked = {"database": database, "unprotected": "true" if unprotected else None}
    print_list(
        list(App(state).pages("sources", **asked)),
        output,
        (
            field("source"),
            field("state"),
            field("policy"),
            field("status"),
            when("last_point_at", "last point"),
            when("proven_at", "last proven"),
            field("why"),
        ),
    )

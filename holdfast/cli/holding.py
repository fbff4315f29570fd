"""`holdfast point hold` and `release`: a point stays until somebody releases it, whatever its age."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption
from holdfast.cli.starting import WaitOption, follow

Point = Annotated[str, typer.Argument(metavar="ID", help="The restore point.")]
RepositoryName = Annotated[
    str | None, typer.Option("--repository", help="Name of the repository, where several hold the point.")
]


def hold(
    point: Point,
    reason: Annotated[str, typer.Option(help="For whoever finds the hold years later.")] = "",
    repository: RepositoryName = None,
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Keeps a restore point until it is released: from retention, and in storage that can from everybody."""
    called = App(state)
    started = called.post(f"points/{quote(point)}/hold", {"reason": reason, "repository": repository})
    follow(called, started, wait=wait, output=output)


def release(
    point: Point,
    repository: RepositoryName = None,
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ends a hold. What has expired meanwhile goes with the next retention."""
    called = App(state)
    started = called.post(f"points/{quote(point)}/release", {"repository": repository})
    follow(called, started, wait=wait, output=output)


def add_to(app: typer.Typer) -> None:
    """Registers the commands at the noun."""
    for command in (hold, release):
        app.command()(command)

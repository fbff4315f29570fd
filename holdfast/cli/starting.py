"""What every command does that started a session: print it, or watch it to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from holdfast.cli.app import App
from holdfast.cli.output import Output
from holdfast.cli.session_views import exit_code, print_session
from holdfast.cli.watching import watch_session

WaitOption = Annotated[bool, typer.Option("--wait", "-w", help="Watch it until it ends, and end with its exit code.")]


def follow(app: App, started: Mapping[str, Any], *, wait: bool, output: Output) -> None:
    """Prints the session: as it was started or, having waited, as it ended."""
    if not wait:
        print_session(started, output)
        return
    ended = watch_session(app, str(started["id"]))
    print_session(ended, output)
    raise typer.Exit(exit_code(ended))

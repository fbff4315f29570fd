"""`holdfast session`: what ran and runs."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption, field, print_list, say, when
from holdfast.cli.session_views import LIST_COLUMNS, exit_code, print_session
from holdfast.cli.watching import watch_session

app = typer.Typer(help="Sessions: what ran and runs.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The session.")]


@app.command("list")
def list_sessions(
    policy: Annotated[str | None, typer.Option(help="Only of this policy.")] = None,
    in_state: Annotated[str | None, typer.Option(help="Only in this state: running, failed, …")] = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists the sessions, oldest first."""
    print_list(list(App(state).pages("sessions", policy=policy, state=in_state)), output, LIST_COLUMNS)


@app.command()
def show(session: Id, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Shows a session with its databases and their steps."""
    print_session(App(state).get(f"sessions/{quote(session)}"), output)


@app.command()
def watch(session: Id, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Watches a session until it ends; ends with its exit code."""
    ended = watch_session(App(state), session)
    print_session(ended, output)
    raise typer.Exit(exit_code(ended))


@app.command()
def log(session: Id, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Prints a session's log, oldest first."""
    lines = list(App(state).pages(f"sessions/{quote(session)}/log"))
    print_list(lines, output, (when("at", "at"), field("level"), field("source"), field("message")))


@app.command()
def cancel(session: Id, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Cancels a session; it ends after its cleanup."""
    found = App(state).delete(f"sessions/{quote(session)}")
    say("cancelling; `holdfast session watch` shows when its cleanup has ended")
    print_session(found, output)

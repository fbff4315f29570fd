"""`holdfast notify`: who is told, and whether it works."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption, field, print_list, print_object, when

app = typer.Typer(help="Notification channels: who is told, and whether it works.", no_args_is_help=True)


@app.command("list")
def list_channels(state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Lists the configured channels, and how the latest notice to each fared."""
    print_list(
        list(App(state).pages("channels")),
        output,
        (
            field("name"),
            field("kind"),
            field("events"),
            field("policies"),
            field("waiting", right=True),
            field("given_up", "given up", right=True),
            when("last_sent_at", "last sent"),
            field("failure"),
        ),
    )


@app.command("test")
def send_test(
    channel: Annotated[str, typer.Argument(help="Name of the channel.")],
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Sends a test notice to a channel at once; ends with what came of it."""
    print_object(App(state).post(f"channels/{quote(channel)}/test", {}), output)

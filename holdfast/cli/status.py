"""`holdfast status`: the installation in short."""

from __future__ import annotations

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption, print_object


def status(state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Shows the installation in short: its id, policies, running sessions, workers, repositories."""
    app = App(state)
    found = app.get("status")
    print_object({"url": app.address.url, **found}, output)

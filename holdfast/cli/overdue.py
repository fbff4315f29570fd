"""`holdfast overdue`: databases without a point in time."""

from __future__ import annotations

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption, field, print_list, when


def overdue(state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Lists databases that have no restore point within what their policy promises."""
    print_list(
        list(App(state).pages("overdue")),
        output,
        (field("source"), field("policy"), when("missed", "missed slot"), when("newest", "newest point")),
    )

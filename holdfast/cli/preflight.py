"""`holdfast preflight`: what would make an export or an import fail, before it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption, field, print_list, say
from holdfast.cli.session_views import exit_code, print_session
from holdfast.cli.watching import watch_session
from holdfast.model.errors import ExportBlocked, InvalidInput

_COLUMNS = (
    field("id"),
    field("severity"),
    field("object"),
    field("cause"),
    field("error_number", "error"),
    field("mend"),
)


def preflight(
    what: Annotated[
        str, typer.Argument(metavar="SOURCE|FILE", help="A database (`server/database`, through the app), or a BACPAC.")
    ],
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Names what would make an export or an import fail. Changes nothing. Ends with 22 where something blocks an export."""
    file = Path(what)
    if file.is_file():
        findings = _of_file(file)
    elif file.suffix.lower() == ".bacpac" or what.count("/") != 1:
        raise InvalidInput(f"{what} is no file", help="Name a BACPAC, or a database as `server/database`.")
    else:
        findings = _of_source(App(state), what, output)
    print_list(findings, output, _COLUMNS)
    blocking = sum(finding["severity"] == "blocks-export" for finding in findings)
    if blocking:
        say(f"{blocking} of these would block an export")
        raise typer.Exit(ExportBlocked.exit_code)


def _of_file(file: Path) -> Sequence[Mapping[str, Any]]:
    from holdfast.bacpac.package import Bacpac
    from holdfast.bacpac.preflight import find

    with Bacpac.open(file) as package:
        return [finding.model_dump(mode="json") for finding in find(package)]


def _of_source(app: App, source: str, output: Output) -> Sequence[Mapping[str, Any]]:
    """A worker looks; we read what it found. Ends as the session did where that failed."""
    started = app.post("preflights", {"source": source})
    ended = watch_session(app, str(started["id"]))
    found: list[Mapping[str, Any]] | None = ended.get("findings")
    if ended["state"] != "succeeded" or found is None:
        print_session(ended, output)
        raise typer.Exit(exit_code(ended) or 1)
    return found

"""`holdfast preflight`: what would make an export or an import fail, before it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.output import Output, OutputOption, field, print_list, say
from holdfast.model.errors import ExportBlocked, InvalidInput


def preflight(
    what: Annotated[str, typer.Argument(metavar="FILE", help="A BACPAC.")], output: OutputOption = Output.TABLE
) -> None:
    """Names what would make an export or an import fail. Ends with 22 where something blocks an export."""
    from holdfast.bacpac.package import Bacpac
    from holdfast.bacpac.preflight import find

    file = Path(what)
    if not file.is_file():
        raise InvalidInput(
            f"{what} is no file", help="Name a BACPAC; a database is looked through in every backup session."
        )
    with Bacpac.open(file) as package:
        findings = [finding.model_dump(mode="json") for finding in find(package)]
    columns = (
        field("id"),
        field("severity"),
        field("object"),
        field("cause"),
        field("error_number", "error"),
        field("mend"),
    )
    print_list(findings, output, columns)
    blocking = sum(finding["severity"] == "blocks-export" for finding in findings)
    if blocking:
        say(f"{blocking} of these would block an export")
        raise typer.Exit(ExportBlocked.exit_code)

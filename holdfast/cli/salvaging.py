"""`holdfast point salvage`: what can still be read of a damaged point, directly from a repository's address."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.direct import PasswordFileOption, RepositoryOption, needs_url, open_repository
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    human_bytes,
    print_object,
    print_table,
    size,
    stderr,
)
from holdfast.cli.partial import PARTIAL_EXIT_CODE
from holdfast.cli.watching import describe


def salvage(
    point: Annotated[str, typer.Argument(metavar="ID", help="The restore point.")],
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder.")],
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Gives back what can still be read of a damaged restore point, and names what is lost. Ends with 3 for a part."""
    opened = open_repository(needs_url(repository, "point salvage"), password_file)
    with stderr().status("salvage") as status:
        done = opened.salvage_point(
            point, to, progress=lambda progress: status.update(f"salvage: {describe(progress.model_dump())}")
        )
    found = done.as_json()
    if output is Output.JSON:
        print_object(found, output)
    else:
        lost = [entry for entry in done.entries if entry.state != "whole"]
        shown = {
            "id": done.id,
            "folder": done.folder,
            "complete": done.complete,
            "entries": len(done.entries),
            "not whole": len(lost),
            "lost": human_bytes(sum(entry.bytes - entry.bytes_read for entry in lost)),
        }
        print_object(shown, output)
        hit = [vars(table) for table in done.tables if table.state != "whole"]
        columns = (
            Column("table", lambda table: f"{table['schema']}.{table['name']}"),
            field("state"),
            field("rows", right=True),
            field("rows_read", right=True),
            size("bytes"),
            size("bytes_read", "read"),
        )
        print_table(hit, columns, "tables that are not whole")
        columns = (
            field("name"),
            field("state"),
            size("bytes"),
            size("bytes_read", "read"),
            field("file"),
            field("what"),
        )
        print_table([vars(entry) for entry in lost], columns, "entries that are not whole")
    if not done.complete:
        raise typer.Exit(PARTIAL_EXIT_CODE)

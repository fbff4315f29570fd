"""`holdfast catalog`: the configuration database, out, in, and filled again from the repositories."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.catalog_file import read_export_file, write_export, write_export_file
from holdfast.cli.output import Output, OutputOption, print_object, say
from holdfast.cli.starting import WaitOption, follow
from holdfast.model.errors import InvalidInput

app = typer.Typer(help="The configuration database: export, import, rebuild.", no_args_is_help=True)

#: What one request carries of an import.
_ROWS, _BYTES = 1000, 2 << 20
#: Rows named on a terminal; JSON has them all.
_NAMED = 20


@app.command()
def export(
    to: Annotated[Path | None, typer.Option("--to", help="The file to write; default: stdout, as JSON lines.")] = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Writes policies, slots, sessions with their logs, and points as JSON lines. No secret is in it."""
    called = App(state)
    head: dict[str, Any] = called.get("catalog")
    rows = called.pages("catalog/rows")
    if to is None:
        write_export(sys.stdout.buffer, head, rows)
        return
    if to.is_dir() or not to.absolute().parent.is_dir():
        raise InvalidInput(f"--to {to}: name a file in a folder that exists")
    count = write_export_file(to, head, rows)
    print_object(
        {"file": str(to), "rows": count, "installation": head["installation"], "schema": head["schema"]}, output
    )


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `catalog export` wrote.")],
    take_identity: Annotated[
        bool,
        typer.Option("--take-identity", help="Continue the exported installation even where this one is not new."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be added.")] = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Adds what an export holds and the configuration database lacks. Never overwrites.

    A new configuration database continues the exported installation: that one must be gone.
    """
    found = read_export_file(file)
    called = App(state)
    head = found.head.model_dump(mode="json", by_alias=True)
    total: dict[str, Any] = {"added": 0, "same": 0, "kept": [], "identity": ""}
    sent = 0
    for batch in found.batches(_ROWS, _BYTES):
        identity = "keep" if sent else ("take" if take_identity else "auto")
        sent += len(batch)
        asked = {"head": head, "rows": batch, "identity": identity, "dry_run": dry_run, "last": sent == found.rows}
        taken = called.post("catalog/rows", asked)
        total["added"] += taken["added"]
        total["same"] += taken["same"]
        total["kept"] += taken["kept"]
        total["identity"] = total["identity"] or taken["identity"]
    print_object(
        {"file": str(file), "dry_run": dry_run, **total}, output, "file", "dry_run", "added", "same", "identity"
    )
    if output is Output.TABLE:
        for name in total["kept"][:_NAMED]:
            say(f"left as it is, and different in the file: {name}")
        if len(total["kept"]) > _NAMED:
            say(f"and {len(total['kept']) - _NAMED} more; --output json names them all")
    if total["identity"] == "kept":
        say(
            f"this installation keeps its own id; chains of installation {found.head.installation} are not cleaned by it: "
            "`holdfast repository adopt` takes them over"
        )
    say(
        "what the repositories hold since the export comes with the next sessions, or now with `holdfast catalog rebuild`"
    )


@app.command()
def rebuild(
    repository: Annotated[
        list[str] | None, typer.Option("--repository", "-r", help="Only from these; default: all configured ones.")
    ] = None,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Take the chains over, too: their installation is gone, and this one follows it."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be filled in and taken over.")
    ] = False,
    worker: Annotated[str, typer.Option(help="Worker profile.")] = "standard",
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Fills the points in again from the repositories alone: a session, with a worker in the region of each."""
    called = App(state)
    asked = {"repositories": repository or None, "adopt": adopt, "dry_run": dry_run, "worker": worker}
    started = called.post("catalog/rebuild", asked)
    say(
        "policies and former sessions are in no repository: `holdfast catalog import`, or `holdfast policy apply` from files"
    )
    follow(called, started, wait=wait, output=output)

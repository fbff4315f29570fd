"""`holdfast repository`: directly on a repository's address, without the app."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Annotated, Any

import typer

from holdfast.cli import key
from holdfast.cli.direct import (
    PasswordFileOption,
    UrlArgument,
    UrlOption,
    clock,
    open_place,
    open_repository,
    owner,
    place_of,
)
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    human_bytes,
    print_object,
    print_table,
    say,
    size,
    stderr,
)
from holdfast.cli.unlocking import credential
from holdfast.model.errors import Damaged, InvalidInput

app = typer.Typer(help="Repositories: make, check, prune and measure one, without the app.", no_args_is_help=True)
app.add_typer(key.app, name="key")


@app.command()
def init(
    url: UrlArgument = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="An archive repository: packs go straight to the archive tier.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Makes a repository in an empty place."""
    from holdfast.repository import Password, RecoveryKey, Repository

    place = place_of(url, repository, "repository init")
    opener = credential(password_file)
    if isinstance(opener, RecoveryKey):
        raise InvalidInput(
            "a repository is not made with a recovery key",
            help="Make it with a password or a Key Vault key; then `repository key export-recovery` makes one.",
        )
    made = Repository.init(open_place(place), opener, clock=clock(), name=place, archive=archive)
    kept = "password" if isinstance(opener, Password) else "Key Vault key"
    say(f"keep the {kept}: without it nobody can read the repository, not even you")
    print_object({"repository": place, "id": made.description.repository, "archive": archive}, output)


@app.command()
def check(
    url: UrlArgument = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    read_data: Annotated[bool, typer.Option("--read-data", help="Read and verify all data, too.")] = False,
    read_data_subset: Annotated[
        str | None, typer.Option(metavar="N/T", help="Of all data read part N of T: after 1/7 to 7/7 all is read.")
    ] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Make lost index objects again and set damaged objects aside; deletes nothing."),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Reads the repository back; names what is damaged, the points and tables that are hit. Ends with 13 for damage."""
    place = place_of(url, repository, "repository check")
    subset = _subset(read_data_subset)
    opened = open_repository(place, password_file)
    with stderr().status("checking"):
        report = opened.check(read_data=read_data, subset=subset, repair_as=owner() if repair else None)
    found: dict[str, Any] = {
        "repository": place,
        "ok": report.ok,
        **{k: v for k, v in asdict(report).items() if k != "problems"},
        "problems": [asdict(problem) for problem in report.problems],
        "damaged_points": report.damaged_points,
    }
    shown = ("repository", "ok", "objects", "chains", "points", "packs_read", "bytes_read", "damaged_points")
    print_object(found, output, *shown)
    if output is Output.TABLE:
        columns = (field("object"), field("what"), field("points", "points hit"), field("tables", "tables hit"))
        print_table(found["problems"], columns, "damage")
        for done in report.repaired:
            say(f"repaired: {done}")
        for note in report.notes:
            say(f"note: {note}")
    if not report.ok:
        raise typer.Exit(Damaged.exit_code)


@app.command()
def stats(
    url: UrlArgument = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Says what the repository takes, in all and by point."""
    found = open_repository(place_of(url, repository, "repository stats"), password_file).stats()
    if output is Output.JSON:
        print_object(found, output)
        return
    chains = found["chains"]
    own = found["total_bytes"] - sum(chain["total_bytes"] for chain in chains)
    sums = {"total": human_bytes(found["total_bytes"]), "objects": found["objects"], "keys, locks": human_bytes(own)}
    print_object(sums, output)
    columns = (
        field("source"),
        Column("points", lambda c: len(c["points"]), right=True),
        Column("brought by them", lambda c: human_bytes(sum(p["stored_bytes"] for p in c["points"])), right=True),
        size("other_bytes", "other"),
        size("total_bytes", "in all"),
        Column(
            "newest point", lambda c: human_bytes(c["points"][-1]["stored_bytes"]) if c["points"] else "", right=True
        ),
    )
    print_table(chains, columns, "chains")
    if any(chain["other_bytes"] for chain in chains):
        say(
            "other: what points brought that were deleted since, with what removals and repairs wrote. Points that stay "
            "may share it; `holdfast repository prune` frees what none needs"
        )


def _subset(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None:
        raise InvalidInput(f"--read-data-subset {text!r} is not of the form N/T, such as 1/7")
    return int(found[1]), int(found[2])

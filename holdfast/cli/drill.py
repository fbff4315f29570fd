"""`holdfast drill`: points are restored to databases that live for that alone, compared and removed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Column, Output, OutputOption, field, print_list, when
from holdfast.cli.starting import WaitOption, follow
from holdfast.model.errors import InvalidInput

app = typer.Typer(help="Restore drills: proofs that points restore.", no_args_is_help=True)


def _minutes(item: Any) -> str:
    seconds = item.get("restore_seconds")
    return "" if seconds is None else f"{seconds / 60:,.1f} min"


_COLUMNS = (
    field("source"),
    field("state"),
    field("point"),
    when("started_at", "drilled"),
    Column("restored in", _minutes, right=True),
    Column("proof", lambda item: ", ".join(f"{one['what']}: {one['outcome']}" for one in item.get("proof") or [])),
    Column("error", lambda item: (item.get("error") or {}).get("title") or ""),
)


@app.command()
def start(
    point: Annotated[str | None, typer.Argument(metavar="[POINT]", help="The restore point; or --database.")] = None,
    database: Annotated[
        str | None, typer.Option("--database", help="server/database: its newest point, or a random older one.")
    ] = None,
    random: Annotated[bool, typer.Option("--random", help="Of --database a random older point.")] = False,
    target: Annotated[
        str | None, typer.Option(help="Resource id of the server or instance to restore to; default: the policy's.")
    ] = None,
    verify: Annotated[
        str | None, typer.Option(help="`counts`, or `contents`: exported again and compared row by row.")
    ] = None,
    repository: Annotated[
        str | None, typer.Option(help="Where several hold the point; default: the backup one.")
    ] = None,
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Restores a point to a database of its own, compares it with the point, removes it, and keeps the proof."""
    if (point is None) == (database is None):
        raise InvalidInput("name a restore point, or --database server/database, and not both")
    if random and database is None:
        raise InvalidInput("--random picks a point of a --database")
    called = App(state)
    asked = {
        "point": point,
        "database": database,
        "pick": "random" if random else None,
        "target": target,
        "verify": verify,
        "repository": repository,
    }
    follow(called, called.post("drills", asked), wait=wait, output=output)


@app.command("list")
def list_drills(
    database: Annotated[str | None, typer.Option("--database", help="Glob over database, or server/database.")] = None,
    only: Annotated[str | None, typer.Option("--only", help="running, proven, failed or cancelled.")] = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists drills, oldest first: what they proved and how long the restore took."""
    found = list(App(state).pages("drills", database=database, state=only))
    print_list(found, output, _COLUMNS)

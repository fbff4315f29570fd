"""`holdfast restore`: a restore point becomes a database."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Column, Output, OutputOption, field, print_list, print_object, print_table, say, when
from holdfast.cli.starting import WaitOption, follow
from holdfast.model.errors import InvalidInput

app = typer.Typer(help="Restores databases from restore points.", no_args_is_help=True)

_CHECKS = (field("what"), field("outcome"), field("detail"), field("help", "what to do"))
_KEPT = (field("name"), field("why"), field("session"), when("until", "at least until"), field("due"))


@app.callback()
def verbs() -> None:
    """Restores databases from restore points."""


@app.command()
def start(
    point: Annotated[str, typer.Argument(metavar="POINT", help="The restore point.")],
    to: Annotated[
        str | None, typer.Option(help="`server/database` with a name that is free, or the resource id it is to have.")
    ] = None,
    original: Annotated[
        bool, typer.Option("--original", help="In place of the database it was made of, which is renamed and kept.")
    ] = False,
    managed_instance: Annotated[
        bool, typer.Option("--managed-instance", help="--to names an instance, where a server has that name too.")
    ] = False,
    sku: Annotated[str | None, typer.Option(help="Service objective, such as S3; default: the original's.")] = None,
    pool: Annotated[str | None, typer.Option(help="An elastic pool of the server: its name or resource id.")] = None,
    max_size: Annotated[
        int | None, typer.Option(min=1, help="GiB that it may grow to; default: the original's.")
    ] = None,
    verify: Annotated[
        str, typer.Option(help="`counts`: rows, objects, constraints. `contents`: exported again and compared as well.")
    ] = "counts",
    priority: Annotated[
        str, typer.Option(help="Of the rehydration from the archive tier: Standard (hours, cheap) or High (dear).")
    ] = "Standard",
    keep_days: Annotated[
        int | None, typer.Option(min=1, help="What made room is kept so long, and then until you delete it.")
    ] = None,
    repository: Annotated[
        str | None, typer.Option(help="Where several hold the point; default: the backup one.")
    ] = None,
    worker: Annotated[str, typer.Option(help="Worker profile.")] = "standard",
    plan: Annotated[
        bool,
        typer.Option("--plan", "--dry-run", help="Only say what would be done, what it costs, what stands in the way."),
    ] = False,
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Restores a point: to a new name, another server or region, or in the original place."""
    if original == bool(to):
        raise InvalidInput("say where to: --to server/database, or --original, and not both")
    called = App(state)
    asked: dict[str, Any] = {
        "point": point,
        "repository": repository,
        "to": to,
        "original": original,
        "managed_instance": managed_instance,
        "sku": sku,
        "pool": pool,
        "max_size_gib": max_size,
        "verify": verify,
        "priority": priority.capitalize(),
        "keep_days": keep_days,
        "worker": worker,
        "asked_by": f"{getpass.getuser()}@{socket.gethostname()}"[:120],
    }
    if plan:
        found = called.post("restores/plan", asked)
        _print_plan(found, output)
        if not found["ok"]:
            raise typer.Exit(_HINDERED)
        return
    started = called.post("restores", asked)
    follow(called, started, wait=wait, output=output)


#: As `restore-impossible` ends.
_HINDERED = 27


@app.command()
def script(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The restore session.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="A new file to write it to; default: standard output.")
    ] = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The T-SQL for what a restore could not bring: users, logins, secrets, removed objects. It holds no secret."""
    found = App(state).get(f"sessions/{quote(session)}").get("restore")
    if not found:
        raise InvalidInput(f"{session} is no restore session, or has not begun to restore")
    text = str(found.get("script") or "-- nothing is left to be done\n")
    if to is not None:
        try:
            with to.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise InvalidInput(f"{to} exists; nothing is overwritten") from None
    if output is Output.JSON:
        print_object({"session": session, "script": text, "file": str(to) if to else None}, output)
    elif to is None:
        typer.echo(text, nl=False)


@app.command()
def kept(state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Databases that restores kept: what made room, and what was not as stored."""
    print_list(list(App(state).get("restores/kept")["value"]), output, _KEPT)


@app.command()
def discard(
    database: Annotated[str, typer.Argument(metavar="SERVER/DATABASE", help="As `restore kept` names it.")],
    session: Annotated[str, typer.Option(help="The session that kept it: shows that this very one is meant.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Deletes a database that a restore kept."""
    server, slash, name = database.partition("/")
    if not slash or not server or not name:
        raise InvalidInput(f"{database!r} is not server/database")
    if not yes:
        typer.confirm(
            f"Delete the database {database}? Nothing but its restore points brings it back", abort=True, err=True
        )
    path = f"restores/kept/{quote(server, safe='')}/{quote(name, safe='')}?session={quote(session)}"
    print_object(App(state).delete(path), output)


def _print_plan(found: Mapping[str, Any], output: Output) -> None:
    if output is Output.JSON:
        print_object(found, output)
        return
    shown = {name: found.get(name) for name in ("point", "source", "target", "temporary", "replaces", "size", "region")}
    quoted = found.get("quote") or {}
    if quoted:
        hours, total = quoted["hours"], quoted["total"]
        shown["hours"] = f"{hours['low']} to {hours['high']}, most likely {hours['expected']}"
        shown["cost"] = f"{total['low']} to {total['high']}, most likely {total['expected']}"
    print_object({name: value for name, value in shown.items() if value}, output)
    print_table(found.get("checks") or [], _CHECKS, "checks")
    print_table(
        [{"todo": text} for text in found.get("afterwards") or []], (Column("afterwards", lambda t: t["todo"]),), ""
    )
    say("nothing was done" if found["ok"] else "nothing was done; as it is asked for it cannot be done")

"""`holdfast repository lock`, `hold`, `locks`, `undelete`: what must not be deleted, and what was all the same."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.direct import PasswordFileOption, UrlOption, clock, needs_url, open_place, open_repository
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    print_list,
    print_object,
    print_table,
    say,
    stderr,
    when,
)
from holdfast.model.clock import iso, parse_iso
from holdfast.model.errors import Damaged, InvalidInput
from holdfast.model.selection import database_matches

if TYPE_CHECKING:
    from holdfast.repository import Repository
    from holdfast.repository.upkeep.locking import LockReport

Points = Annotated[list[str], typer.Argument(metavar="POINT…", help="Restore points.")]


class Switch(StrEnum):
    """Hold or release."""

    ON = "on"
    OFF = "off"


def lock(
    points: Annotated[list[str] | None, typer.Argument(metavar="[POINT]…", help="Restore points; none: all.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Until the end of that day (UTC), or a time.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Until N days after each point was made.")
    ] = None,
    database: Annotated[str | None, typer.Option(metavar="GLOB", help="Only points of these databases.")] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="Locks that whoever may set locks can take back. Otherwise nobody can.")
    ] = False,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Makes points write-once until a date. Never shortens a lock; may run every day. Ends with 13 for damage."""
    from holdfast.storage import LockMode

    place = needs_url(repository, "repository lock")
    if (until is None) == (days is None):
        raise InvalidInput("say how long: either --until or --days")
    opened = open_repository(place, password_file)
    locks = opened.locks
    wanted = {
        header.id: _end(until) if until is not None else header.created_at + timedelta(days=days or 0)
        for header in locks.headers(points)
        if database is None or database_matches(database, header.source)
    }
    with stderr().status("locking"):
        report = locks.lock(wanted, LockMode.UNLOCKED if trial else LockMode.LOCKED)
    _print_report(place, report, "locked", output)


def hold(
    switch: Annotated[Switch, typer.Argument(metavar="on|off", help="Hold, or release.")],
    points: Points,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Makes points write-once until they are released, or releases them. Locks stay as they are."""
    place = needs_url(repository, "repository hold")
    opened = open_repository(place, password_file)
    with stderr().status("holding" if switch is Switch.ON else "releasing"):
        report = opened.locks.hold(points, switch is Switch.ON)
    _print_report(place, report, "held" if switch is Switch.ON else "released", output)


def locks(
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Says until when each point is write-once as a whole, and each object."""
    place = needs_url(repository, "repository locks")
    opened = open_repository(place, password_file)
    found = _listing(place, opened, objects=output is Output.JSON)
    if output is Output.JSON:
        print_object(found, output)
        return
    columns = (
        field("id"),
        field("source"),
        when("locked_until", "locked until"),
        field("mode"),
        field("held"),
        field("objects"),
        Column("unprotected", lambda point: len(point["weak"]), right=True),
    )
    print_table(found["points"], columns, "points")
    if not found["immutability"]:
        say("the storage has no locks: see docs/how-to/immutability.md")


def undelete(
    objects: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OBJECT]…", help="Also these, though nothing protected them when they were deleted."),
    ] = None,
    repository: UrlOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Brings back objects that were deleted or replaced although they were write-once. Needs no password."""
    from holdfast.repository.upkeep.hidden import bring_back_hidden

    store = open_place(needs_url(repository, "repository undelete"))
    try:
        found = bring_back_hidden(store, clock().now(), frozenset(objects or ()))
    finally:
        store.close()
    rows = [{"name": k.info.name, "bytes": k.info.bytes, "was": "replaced" if k.replaced else "deleted"} for k in found]
    print_list(rows, output, (field("name"), field("bytes"), field("was")))
    if rows:
        say(
            "what was brought back has no lock of its own yet: run `holdfast repository lock`, then `check --read-data`"
        )


def add_to(app: typer.Typer) -> None:
    """Registers the commands at the noun."""
    for command in (lock, hold, locks, undelete):
        app.command()(command)


def _listing(place: str, opened: Repository, *, objects: bool) -> dict[str, Any]:
    points = [
        {
            **asdict(state),
            "created_at": iso(state.created_at),
            "locked_until": iso(state.locked_until) if state.locked_until is not None else None,
        }
        for state in opened.locks.states()
    ]
    found: dict[str, Any] = {"repository": place, "immutability": opened.store.immutability, "points": points}
    if objects:
        found["objects"] = [
            {
                "name": info.name,
                "bytes": info.bytes,
                "locked_until": iso(info.locked_until) if info.locked_until is not None else None,
                "mode": info.lock_mode,
                "held": info.held,
            }
            for info in opened.store.list()
        ]
    return found


def _print_report(place: str, report: LockReport, did: str, output: Output) -> None:
    problems = [asdict(problem) for problem in report.problems]
    print_object(
        {
            "repository": place,
            "points": report.points,
            "objects": report.objects,
            did: len(report.changed),
            "problems": problems,
        },
        output,
        *("repository", "points", "objects", did),
    )
    if output is Output.TABLE:
        print_table(problems, (field("object"), field("what")), "problems")
    if problems:
        raise typer.Exit(Damaged.exit_code)


def _end(text: str) -> datetime:
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text) + timedelta(days=1)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        return parse_iso(text)
    except ValueError:
        raise InvalidInput(f"--until {text!r} is neither a day such as 2026-01-31 nor a time with its zone") from None

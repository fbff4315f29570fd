"""`holdfast point import`: BACPACs that exist become restore points; years of full exports become chains."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.direct import PasswordFileOption, RepositoryOption, needs_url, open_repository
from holdfast.cli.import_plan import PlannedFile, Rules, plan, revived, zone_of
from holdfast.cli.import_sources import Found, find_in, find_local
from holdfast.cli.importing import take_in
from holdfast.cli.item_progress import ItemProgress
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    human_bytes,
    human_time,
    in_words,
    print_list,
    print_object,
    print_table,
    say,
    size,
    stderr,
    when,
)
from holdfast.cli.partial import exit_code_of
from holdfast.cli.point import as_json, print_point, print_points
from holdfast.model.clock import parse_iso
from holdfast.model.errors import InvalidInput, NotFound
from holdfast.model.file_pattern import FilePattern

if TYPE_CHECKING:
    from holdfast.repository import Repository

_ROWS = (
    field("file"),
    field("source"),
    when("created_at", "created"),
    size("file_bytes", "size"),
    field("state"),
    field("point"),
    size("stored_bytes", "added"),
    Column("remark", lambda row: row["note"] or in_words(row["error"])),
)


def import_points(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="BACPACs, or folders of them and what is below.")
    ] = None,
    from_url: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="A container of BACPACs, or a folder in it; file:///folder."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Name of the chain: `server/database`; may hold the pattern's fields: `sql-a/{database}`."),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(help="What the names say, as `{server}/{database}-{date:%Y-%m-%d}.bacpac`; `{_}` is anything."),
    ] = None,
    created_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it was exported, as 2026-01-31T03:00:00Z; default: as it says."),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="IANA zone of the times in names; a day begins at midnight there.")
    ] = "UTC",
    time_from_file: Annotated[
        bool,
        typer.Option("--time-from-file", help="Where neither name nor export says when: when it was last written."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would become of each file.")] = False,
    work_folder: Annotated[
        Path | None,
        typer.Option(help="Where one file at a time is fetched to; default: the folder for temporary files."),
    ] = None,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Takes BACPACs that exist into a repository, oldest first, and prints the new points. Works on a URL.

    Done again, it goes on where it stopped and passes over what is there. Ends with 3 where only a part of the files
    could be taken in.
    """
    rules = _rules(source, pattern, created_at, time_zone, time_from_file=time_from_file)
    url = needs_url(repository, "point import")
    found = _find(files, from_url, work_folder)
    if rules.created_at is not None and len(found.files) > 1:
        raise InvalidInput("--created-at is of one file; several say themselves when they were exported")
    opened = open_repository(url, password_file)
    with stderr().status("looking at the files") as status:
        rows = plan(
            opened, found.files, rules, lambda n: status.update(f"looking at the files: {n}/{len(found.files)}")
        )
    named_files = from_url is None and not dry_run and not any(path.is_dir() for path in files or ())
    if named_files and len(rows) == 1 and rows[0].error is not None:
        raise rows[0].error
    if named_files:  # else the report has them
        for row in rows:
            if row.error is not None:
                say(f"{row.file.name} is not taken in: {row.error.title}: {row.error.detail}")
    try:
        if not dry_run:
            _take_in(opened, [row for row in rows if row.state == "new"])
            _take_in(opened, revived(rows))
    except BaseException:
        _tell_totals(rows, found.others, dry_run=False)
        raise
    if named_files:
        _print_points(opened, rows, output)
    else:
        _print_report(rows, found.others, output, dry_run=dry_run)
    _tell_totals(rows, found.others, dry_run=dry_run)
    errors = [row.error for row in rows if row.error is not None]
    code = exit_code_of(errors, well=len(rows) - len(errors))
    if code:
        raise typer.Exit(code)


def _rules(
    source: str | None, pattern: str | None, created_at: str | None, time_zone: str, *, time_from_file: bool
) -> Rules:
    zone = UTC if time_zone == "UTC" else zone_of(time_zone)
    read = FilePattern(pattern, zone) if pattern is not None else None
    if created_at is not None and read is not None and read.has_time:
        raise InvalidInput("--created-at and the pattern both say when")
    try:
        at = parse_iso(created_at).replace(microsecond=0) if created_at is not None else None
    except ValueError:
        raise InvalidInput(f"--created-at {created_at!r} is not a time such as 2026-01-31T03:00:00Z") from None
    return Rules(source, read, at, time_from_file)


def _find(files: Sequence[Path] | None, from_url: str | None, work_folder: Path | None) -> Found:
    if bool(files) == (from_url is not None):
        raise InvalidInput("say which files: FILE…, or --from URL", help="`holdfast point import --help` shows how.")
    found = find_in(from_url, work_folder) if from_url is not None else find_local(list(files or ()))
    if not found.files:
        raise NotFound(
            f"no *.bacpac in {from_url or ', '.join(map(str, files or ()))}",
            help=f"{found.others} files of other names are there; name them one by one if they are BACPACs.",
        )
    return found


def _take_in(repository: Repository, rows: Sequence[PlannedFile]) -> None:
    with ItemProgress(len(rows), "import") as shown:
        for row in rows:
            shown.begin(f"{row.source} {human_time(row.created_at)}")
            take_in(repository, row, shown.show)
            if row.point is not None:
                shown.end(row.file.size, f"{row.point.kind}, added {human_bytes(row.point.stored_bytes)}")
            else:
                shown.end(0, f"{row.file.name} was not taken in: {row.error}")


def _print_points(repository: Repository, rows: Sequence[PlannedFile], output: Output) -> None:
    """As it always was for files by name: the new points, or the one."""
    made = [as_json(repository.point(row.point.id, chain=row.chain)) for row in rows if row.point is not None]
    if len(rows) == 1 and made:
        print_point(made[0], output)
    else:
        print_points(made, output)
    if output is Output.TABLE:
        print_table([row.as_json() for row in rows if row.point is None], _ROWS, "not taken in")


def _print_report(rows: Sequence[PlannedFile], others: int, output: Output, *, dry_run: bool) -> None:
    told = [row.as_json() for row in rows]
    if output is Output.TABLE:
        print_list(told, output, _ROWS)
        return
    print_object({"dry_run": dry_run, "files": told, "others": others, **_totals(rows)}, output)


def _totals(rows: Sequence[PlannedFile]) -> dict[str, Any]:
    """Of all files that are points now, whether this run stored them or one before."""
    points = [(row.file.size, row.point.stored_bytes) for row in rows if row.point is not None]
    files, stored = sum(size for size, _ in points), sum(size for _, size in points)
    states = [row.state for row in rows]
    return {
        "states": {state: states.count(state) for state in dict.fromkeys(states)},
        "chains": len({row.chain for row in rows if row.chain and row.error is None}),
        "file_bytes": files,
        "stored_bytes": stored,
        "ratio": round(files / stored, 2) if stored else None,
    }


def _tell_totals(rows: Sequence[PlannedFile], others: int, *, dry_run: bool) -> None:
    totals = _totals(rows)
    parts = [f"{count} {_WORDS.get(state, state)}" for state, count in totals["states"].items()]
    if totals["ratio"] and not dry_run:
        parts.append(
            f"{human_bytes(totals['file_bytes'])} of files take {human_bytes(totals['stored_bytes'])}, "
            f"{totals['ratio']:.1f} to 1"
        )
    if others:
        parts.append(f"{others} other files were passed over")
    say("; ".join(parts))


_WORDS = {
    "new": "to take in",
    "there": "there already",
    "twice": "of an export that is taken",
    "problem": "with problems",
}

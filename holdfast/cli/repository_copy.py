"""`holdfast repository copy`: chains from one repository to another, as they are."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.direct import (
    PasswordFileOption,
    UrlArgument,
    UrlOption,
    as_url,
    needs_url,
    open_repository,
    owner,
    place_of,
)
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
from holdfast.cli.unlocking import password_of
from holdfast.cli.waiting import once_unlocked
from holdfast.model.clock import iso
from holdfast.model.counted import counted
from holdfast.model.errors import Damaged, InvalidInput, NotFound, Rehydrating
from holdfast.model.selection import database_matches

if TYPE_CHECKING:
    from holdfast.repository import Repository
    from holdfast.repository.chain_copying import CopyPlan, PointCopy


class Priority(StrEnum):
    STANDARD = "standard"
    HIGH = "high"


_ROWS = (
    field("source"),
    field("point"),
    when("created_at", "created"),
    size("inflated_bytes", "size"),
    field("state"),
    field("verified"),
    size("stored_bytes", "added"),
    Column("remark", lambda row: in_words(row["error"])),
)


def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="URL", callback=as_url, help="The repository to copy to; make it with `init` first."
        ),
    ],
    url: UrlArgument = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    to_password_file: Annotated[
        Path | None, typer.Option(help="File with the other repository's password; default: the same password.")
    ] = None,
    database: Annotated[
        list[str] | None,
        typer.Option(help="Only chains of `database`, or `server/database` with a slash; a glob, repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would become of each point.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read every point back from the target at the end.")] = False,
    rehydrate: Annotated[
        Priority | None, typer.Option(help="Start rehydrating points that lie in the archive tier; copy again later.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Copies chains to another repository, each point as it is, oldest first, verified on the way.

    Done again, it goes on where it stopped and copies what has come since. A point that differs in the target is an
    error and is never replaced. Ends with 3 where only a part could be copied.
    """
    from holdfast.repository.chain_copying import plan_copy

    origin = open_repository(place_of(url, repository, "repository copy"), password_file)
    opener = password_of(to_password_file, "--to-password-file") if to_password_file else None
    target = open_repository(needs_url(to, "repository copy --to"), password_file, opener)
    if verify and target.description.archive and target.store.tiers:
        raise InvalidInput(
            "--verify cannot read an archive repository back: its packs lie in the archive tier",
            help="Every entry is compared with its SHA-256 while it is copied; rehydrate a point to read it back.",
        )
    with stderr().status("comparing the repositories"):
        plan = plan_copy(origin, target, lambda source: _wanted(database, source))
    if database and not plan.points and not plan.problems:
        raise NotFound(f"no chain of {origin.name} is of {', '.join(database)}")
    verified: dict[str, int] = {}
    if not dry_run:
        if rehydrate is not None:
            _rehydrate(origin, plan, rehydrate)
        _copy(origin, target, plan)
        if verify:
            _verify(target, plan, verified)
    _print(origin, target, plan, verified, output, dry_run=dry_run)
    errors = [one.error for one in plan.points if one.error is not None]
    errors += [Damaged(str(problem)) for problem in plan.problems]
    code = exit_code_of(errors, well=sum(one.error is None for one in plan.points))
    if code:
        raise typer.Exit(code)


def _wanted(globs: Sequence[str] | None, source: str) -> bool:
    return not globs or any(database_matches(glob, source) for glob in globs)


def _copy(origin: Repository, target: Repository, plan: CopyPlan) -> None:
    from holdfast.repository import PointConflict
    from holdfast.repository.chain_copying import copy_planned

    new = [one for one in plan.points if one.state == "new"]
    with ItemProgress(len(new), "copy") as shown:
        for one in new:
            shown.begin(_label(one))

            def write(one: PointCopy = one) -> Any:
                return copy_planned(one, origin, target, owner=owner(), progress=shown.show)

            try:
                one.point = once_unlocked(write)
                one.state = "copied"
            except (Damaged, PointConflict, Rehydrating) as error:  # of this point; what concerns all is raised
                one.fail(error)
            if one.point is not None:
                added = human_bytes(one.point.stored_bytes)
                shown.end(one.point.inflated_bytes, f"{one.point.kind}, added {added}, verified")
            else:
                shown.end(0, f"was not copied: {one.error}")


def _verify(target: Repository, plan: CopyPlan, verified: dict[str, int]) -> None:
    there = [one for one in plan.points if one.state in ("there", "copied")]
    with ItemProgress(len(there), "verify") as shown:
        for one in there:
            shown.begin(_label(one))
            try:
                verified[one.header.id] = target.verify_point(one.header.id, shown.show)
                shown.end(verified[one.header.id], "reads back")
            except (Damaged, Rehydrating) as error:
                one.fail(error)
                shown.end(0, f"does not read back: {error}")


def _rehydrate(origin: Repository, plan: CopyPlan, priority: Priority) -> None:
    for one in plan.points:
        if one.state == "waits":
            started = origin.rehydrate(one.read.manifest.point.id, "High" if priority is Priority.HIGH else "Standard")
            if started.ready:
                one.state, one.error = "new", None
            one.rehydration = started


def _label(one: PointCopy) -> str:
    return f"{one.header.source} {human_time(one.header.created_at)}"


def _row(one: PointCopy, verified: dict[str, int]) -> dict[str, Any]:
    rehydration = one.rehydration
    return {
        "source": one.header.source,
        "chain": one.header.chain,
        "point": one.header.id,
        "of": one.read.manifest.point.id,
        "created_at": iso(one.header.created_at),
        "flags": one.header.flags,
        "state": one.state,
        "inflated_bytes": one.read.manifest.inflated_bytes,
        "stored_bytes": one.point.stored_bytes if one.point else None,
        "verified": _proof(one, verified),
        "rehydrate": {"packs": rehydration.pending, "bytes": rehydration.bytes} if rehydration else None,
        "error": one.error.info().model_dump(exclude={"http_status"}) if one.error else None,
    }


def _proof(one: PointCopy, verified: dict[str, int]) -> str | None:
    """How it is known that the copy is right: read back, every entry's SHA-256 on the way, or the digests that are told."""
    if one.error is not None:
        return None
    if one.header.id in verified:
        return "read back"
    return {"copied": "while copied", "there": "digests compared"}.get(one.state)


def _print(
    origin: Repository,
    target: Repository,
    plan: CopyPlan,
    verified: dict[str, int],
    output: Output,
    *,
    dry_run: bool,
) -> None:
    rows = [_row(one, verified) for one in plan.points]
    states = [one.state for one in plan.points]
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    added = sum(one.point.stored_bytes for one in plan.points if one.point)
    problems = [{"object": problem.object, "what": problem.what} for problem in plan.problems]
    found: dict[str, Any] = {
        "repository": origin.name,
        "to": target.name,
        "dry_run": dry_run,
        "states": counts,
        "chains": len({one.header.chain for one in plan.points}),
        "added_bytes": added,
        "read_back_points": len(verified),
        "read_back_bytes": sum(verified.values()),
        "points": rows,
        "problems": problems,
    }
    if output is Output.JSON:
        print_object(found, output)
        return
    print_list(rows, output, _ROWS)
    print_table(problems, (field("object"), field("what")), f"damage in {origin.name}")
    parts = [f"{count} {state}" for state, count in counts.items()]
    if added:
        parts.append(f"{human_bytes(added)} added")
    if verified:
        parts.append(f"{counted(len(verified), 'point')} read back, {human_bytes(sum(verified.values()))}")
    say("; ".join(parts))

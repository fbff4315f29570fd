"""`holdfast point`: restore points, through the app or directly in a repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.direct import PasswordFileOption, RepositoryOption, is_url, needs_url, open_repository
from holdfast.cli.downloading import fetch
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    human_bytes,
    human_time,
    print_list,
    print_object,
    print_table,
    say,
    size,
    stderr,
    when,
)
from holdfast.cli.session_views import exit_code, print_session
from holdfast.cli.targets import check_target
from holdfast.cli.watching import describe, watch_session
from holdfast.model.job import Progress
from holdfast.model.point import RestorePoint
from holdfast.model.selection import database_matches

app = typer.Typer(help="Restore points.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The restore point.")]

_COLUMNS = (
    field("id"),
    field("source"),
    when("created_at", "created"),
    field("kind"),
    field("tier"),
    field("flags"),
    Column("state", lambda point: "" if point.get("state") in (None, "present") else str(point["state"])),
    size("inflated_bytes", "size"),
    size("stored_bytes", "added"),
)


@app.command("list")
def list_points(
    database: Annotated[
        str | None, typer.Option(help="Glob over `database`, or over `server/database` with a slash.")
    ] = None,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists restore points, oldest first."""
    if repository is not None and is_url(repository):
        points = open_repository(repository, password_file).points()
        found = [as_json(point) for point in points if database is None or database_matches(database, point.source)]
    else:
        found = list(App(state).pages("points", database=database, repository=repository))
    print_points(found, output)


@app.command()
def show(
    point: Id,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Shows a restore point with its tables and entries."""
    if repository is not None and is_url(repository):
        found = as_json(open_repository(repository, password_file).point(point))
    else:
        found = App(state).get(f"points/{quote(point)}", repository=repository)
    print_point(found, output)


@app.command()
def download(
    point: Id,
    to: Annotated[Path, typer.Option("--to", help="The BACPAC to write.")],
    identical: Annotated[
        bool, typer.Option("--identical", help="The very file that SqlPackage wrote, or an error.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Writes a restore point as a BACPAC: whole and verified, or not at all."""
    check_target(to, overwrite=overwrite)
    if repository is not None and is_url(repository):
        opened = open_repository(repository, password_file)
        with _Watch("download") as watch:
            written = opened.write_bacpac(point, to, identical=identical, progress=watch)
        facts: dict[str, Any] = {"bytes": written.bytes, "sha256": written.sha256, "identical": written.identical}
    else:
        facts = _through_app(App(state), point, to, {"repository": repository, "identical": identical}, output)
    found = {"id": point, "file": str(to), **facts}
    # Every entry is as it was exported either way; a "no" to what nobody asked for reads as if it were not.
    print_object(found, output, *(name for name in found if identical or name != "identical"))
    if not (identical or facts.get("identical")):
        say(
            "every entry is byte for byte as it was exported; the ZIP around them was packed anew, so the file's own "
            "SHA-256 is another than the original's. --identical writes the original file where that is possible"
        )


@app.command()
def verify(
    point: Id,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Reads a whole restore point and compares every entry's SHA-256. Works on a repository's URL."""
    opened = open_repository(needs_url(repository, "point verify"), password_file)
    with _Watch("verify") as watch:
        read = opened.verify_point(point, watch)
    print_object({"id": point, "ok": True, "bytes": read}, output)


@app.command()
def forget(
    points: Annotated[list[str], typer.Argument(metavar="ID…", help="The restore points.")],
    repository: RepositoryOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Drops what the app knows of points that are missing or deleted in the repository. Deletes nothing."""
    address = App(state)
    for point in points:
        query = f"?repository={quote(repository)}" if repository else ""
        address.delete(f"points/{quote(point)}/record{query}")
    print_list([{"id": point, "state": "forgotten"} for point in points], output, (field("id"), field("state")))


def as_json(point: RestorePoint) -> dict[str, Any]:
    """As the contract and the API show it."""
    return point.model_dump(mode="json", by_alias=True)


def print_points(points: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Several points: as they are, or a row each."""
    print_list(points, output, _COLUMNS)


def print_point(point: Mapping[str, Any], output: Output) -> None:
    """One point: as it is, or its head and its tables."""
    if output is Output.JSON:
        print_object(point, output)
        return
    shown = {
        **{k: point.get(k) for k in ("id", "source", "repository", "tier", "kind", "consistency", "flags")},
        "created": human_time(point.get("created_at")),
        "size": human_bytes(point.get("inflated_bytes")),
        "added": human_bytes(point.get("stored_bytes")),
        "kept because": point.get("kept_because"),
        "identical possible": point.get("identical_possible"),
        "warnings": point.get("warnings"),
        "changed on the copy": [
            f"{one['object']}: {one['did']} ({one['rule']})" for one in point.get("transformations") or []
        ],
        "state": None if point.get("state") == "present" else point.get("state"),
        "since": human_time(point.get("state_since")),
        "written by": point.get("installation"),
    }
    print_object({k: v for k, v in shown.items() if v not in (None, [], "")}, output)
    columns = (Column("table", lambda t: f"{t['schema']}.{t['name']}"), field("rows", right=True), size("bytes"))
    print_table(point.get("tables") or [], columns, "tables")


def _through_app(app: App, point: str, to: Path, asked: dict[str, Any], output: Output) -> dict[str, Any]:
    """A worker writes the file, we fetch it. Raises what `fetch` and the app raise; ends as the session did."""
    started = app.post(f"points/{quote(point)}/download", asked)
    ended = watch_session(app, str(started["id"]))
    done = ended.get("download")
    if ended["state"] != "succeeded" or not done:
        print_session(ended, output)
        raise typer.Exit(exit_code(ended) or 1)
    fetch(done, to, app.address.ca_file)
    return {
        "session": ended["id"],
        "bytes": done["bytes"],
        "sha256": done["sha256"],
        "identical": done.get("identical"),
    }


class _Watch:
    """Shows the progress of work in this process, on terminals."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._status = stderr().status(what)

    def __enter__(self) -> Callable[[Progress], None]:
        self._status.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def _show(self, progress: Progress) -> None:
        self._status.update(f"{self._what}: {describe(progress.model_dump())}")
